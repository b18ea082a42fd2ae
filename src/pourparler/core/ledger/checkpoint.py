"""Checkpoints (c2sp.org/tlog-checkpoint), and proofs that carry one (c2sp.org/tlog-proof)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.errors import Malformed, Refused
from pourparler.core.ledger import mldsa
from pourparler.core.ledger.note import (
    LEDGER_KEY_TYPES,
    WITNESS_KEY_TYPES,
    Cosignature,
    VerifierKey,
    base64_text,
    is_line,
    open_note,
    parse_base64,
    parse_decimal,
)
from pourparler.core.ledger.tree import EMPTY_ROOT, HASH_BYTES, leaf_hash, verify_inclusion


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a ledger says of itself: ``origin`` names it, ``size`` counts its entries, ``root`` is 32 bytes.

    Raises :class:`Malformed` (``checkpoint.lines``, ``checkpoint.size``, ``checkpoint.root``) or :class:`Refused`
    (``checkpoint.empty-root``).
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not is_line(self.origin):
            raise Malformed("checkpoint.lines", "an origin is one line, not empty")
        if not 0 <= self.size <= limits.TREE_SIZE_MAX:
            raise Malformed("checkpoint.size", "a tree has 0 to 2^63 - 1 entries")
        if len(self.root) != HASH_BYTES:
            raise Malformed("checkpoint.root", "a root is 32 bytes")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Refused("checkpoint.empty-root", "the root of an empty tree is SHA-256 of nothing")

    def text(self) -> str:
        """Return the text that is signed and cosigned: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{base64_text(self.root)}\n"


@dataclass(frozen=True, slots=True)
class OpenCheckpoint:
    """A checkpoint that its ledger signed, with the cosignatures of known witnesses, all verified.

    ``skipped`` are witnesses whose ML-DSA-44 cosignature is there and could not be checked: no library here can.
    """

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]
    skipped: tuple[VerifierKey, ...] = ()

    def cosigners(self, *, earliest: int = 1, latest: int = limits.TREE_SIZE_MAX) -> frozenset[bytes]:
        """Return the public keys that cosigned from ``earliest`` to ``latest`` (POSIX seconds), each once.

        A witness known under two names counts once, for its signature does not cover its name. A cosignature of time
        0 says nothing about when, and never counts.
        """
        return frozenset(c.key.public_key for c in self.cosignatures if max(earliest, 1) <= c.time <= latest)


def parse_checkpoint(text: str, *, allow_extensions: bool = False) -> Checkpoint:
    """Return the checkpoint that a note's text states. The caller has verified the note.

    Extension lines are refused, or with ``allow_extensions`` dropped: nobody vouches for them. Raises as
    :class:`Checkpoint` does, and :class:`Refused` (``checkpoint.extension``).
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() != "" or "" in lines:
        raise Malformed("checkpoint.lines", "a checkpoint has at least three lines, none empty")
    origin, size, root, *extensions = lines
    parsed_size, parsed_root = parse_decimal(size), parse_base64(root)
    if parsed_size is None:
        raise Malformed("checkpoint.size", "a size is ASCII decimal without leading zero, at most 2^63 - 1")
    if parsed_root is None:
        raise Malformed("checkpoint.root", "a root is 32 bytes in padded standard base64")
    if extensions and not allow_extensions:
        raise Refused("checkpoint.extension", "extension lines are not accepted")
    return Checkpoint(origin, parsed_size, parsed_root)


def open_checkpoint(
    data: bytes,
    origin: str,
    key: VerifierKey,
    witnesses: Iterable[VerifierKey] = (),
    *,
    allow_extensions: bool = False,
) -> OpenCheckpoint:
    """Return the checkpoint in ``data`` if it is of ``origin`` and signed by its ``key``; cosignatures are verified.

    Raises as :func:`open_note` and :func:`parse_checkpoint` do, and :class:`Refused` (``checkpoint.key-type``,
    ``cosignature.key-type``, ``checkpoint.origin``, ``checkpoint.unsigned``) or :class:`Missing`
    (``note.unsupported``) where nothing here can verify signatures of the type of ``key``.
    """
    witnesses = tuple(witnesses)
    check_roles(key, witnesses)
    note = open_note(data, (key, *witnesses))
    checkpoint = parse_checkpoint(note.text, allow_extensions=allow_extensions)
    if checkpoint.origin != origin:
        raise Refused("checkpoint.origin", "the checkpoint is of another ledger")
    if key in note.skipped:
        raise mldsa.unsupported()
    if key not in (*note.signers, *(cosignature.key for cosignature in note.cosignatures)):
        raise Refused("checkpoint.unsigned", "the ledger itself has not signed the checkpoint")
    by_witnesses = tuple(cosignature for cosignature in note.cosignatures if cosignature.key != key)
    return OpenCheckpoint(checkpoint, by_witnesses, note.skipped)


def check_roles(key: VerifierKey, witnesses: Iterable[VerifierKey]) -> None:
    """Raise unless ``key`` is one to sign checkpoints and ``witnesses`` are ones to cosign them."""
    if key.type not in LEDGER_KEY_TYPES:
        raise Refused("checkpoint.key-type", "a ledger signs its checkpoints with a key of type 0x01 or 0x06")
    for witness in witnesses:
        if witness.type not in WITNESS_KEY_TYPES:
            raise Refused("cosignature.key-type", "a witness cosigns with a key of type 0x04 or 0x06")


# --- proofs to carry away (c2sp.org/tlog-proof) -----------------------------------------------------------------------

TLOG_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof that an entry was recorded, as it stands in a ``.tlog-proof`` file: parsed, nothing verified.

    ``checkpoint`` are the bytes of a signed note. ``unauthenticated_extra`` is whatever the sender put there: no
    signature covers it, ever.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    unauthenticated_extra: bytes = b""

    def encoded(self) -> bytes:
        """Return the file's bytes: the only ones that :func:`parse_proof` reads back to this proof."""
        extra = [f"extra {base64_text(self.unauthenticated_extra)}"] if self.unauthenticated_extra else []
        head = [TLOG_PROOF_HEADER, *extra, f"index {self.index}", *map(base64_text, self.path), "", ""]
        return "\n".join(head).encode("ascii") + self.checkpoint


def parse_proof(data: bytes) -> TlogProof:
    """Return the proof that ``data`` writes. Nothing is verified: hand it to :func:`verify_proof`.

    Raises :class:`Malformed` (``proof.too-large``, ``proof.layout``, ``proof.header``, ``proof.extra``,
    ``proof.index``, ``proof.too-many-hashes``, ``proof.hash``).
    """
    if len(data) > limits.TLOG_PROOF_MAX_BYTES:
        raise Malformed("proof.too-large", f"{len(data)} bytes; at most {limits.TLOG_PROOF_MAX_BYTES}")
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank or not checkpoint or not head.isascii():
        raise Malformed("proof.layout", "a proof is ASCII lines, a blank line and a checkpoint")
    header, *lines = head.decode("ascii").split("\n")
    if header != TLOG_PROOF_HEADER:
        raise Malformed("proof.header", f"the first line is {TLOG_PROOF_HEADER}")
    extra = parse_extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else b""
    word, _, number = lines.pop(0).partition(" ") if lines else ("", "", "")
    index = parse_decimal(number)
    if word != "index" or index is None:
        raise Malformed("proof.index", "the index is ASCII decimal without leading zero, at most 2^63 - 1")
    return TlogProof(index, parse_hash_lines(lines), checkpoint, extra)


def parse_extra(line: str) -> bytes:
    extra = parse_base64(line.removeprefix("extra "))
    if not extra:
        raise Malformed("proof.extra", "extra data are base64, and the line is left out where there are none")
    return extra


def parse_hash_lines(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > limits.PROOF_HASHES_MAX:
        raise Malformed("proof.too-many-hashes", f"{len(lines)} hashes; at most {limits.PROOF_HASHES_MAX}")
    hashes = []
    for line in lines:
        hash_ = parse_base64(line)
        if hash_ is None or len(hash_) != HASH_BYTES:
            raise Malformed("proof.hash", "a hash line is 32 bytes in padded standard base64")
        hashes.append(hash_)
    return tuple(hashes)


def verify_proof(
    proof: TlogProof,
    entry: bytes,
    origin: str,
    key: VerifierKey,
    witnesses: Iterable[VerifierKey] = (),
    *,
    allow_extensions: bool = False,
) -> OpenCheckpoint:
    """Return the checkpoint under which ``entry`` is proven to be recorded at ``proof.index``.

    Raises as :func:`leaf_hash`, :func:`open_checkpoint` and :func:`verify_inclusion` do. Whether its cosigners suffice
    is for :func:`quorum_met`. The steps are those of c2sp.org/tlog-proof.
    """
    entry_hash = leaf_hash(entry)  # 1. compute the leaf hash
    opened = open_checkpoint(  # 2. origin and signature; 3. cosignatures
        proof.checkpoint, origin, key, witnesses, allow_extensions=allow_extensions
    )
    checkpoint = opened.checkpoint
    verify_inclusion(entry_hash, proof.index, checkpoint.size, proof.path, checkpoint.root)  # 4. inclusion
    return opened
