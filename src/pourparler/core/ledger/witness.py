"""Witnessing (c2sp.org/tlog-witness): what a witness is asked, and what it answers. Specification: ``spec/witness.md``.

A witness remembers, for each ledger that it was told of, the largest checkpoint that it has cosigned. Whoever keeps
such a ledger sends the next one with a consistency proof; the witness cosigns if the ledger has signed it and it
continues what the witness remembers. So whoever trusts the witness knows that the ledger told one story. A request::

    old 20852014                                         the size that the witness is thought to remember
    PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=         0 to 63 hashes: the proof
    jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
                                                         (blank line)
    example.com/behind-the-sofa                          the checkpoint, a signed note
    …

Nothing here keeps anything: :func:`judge` is given what the witness remembers, and says what it may remember next. To
ask and to store has to be one step that nobody comes between, and stored before it is answered; that is the store's.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.core.ledger.checkpoint import Checkpoint, check_roles, parse_checkpoint, parse_hash_lines
from pourparler.core.ledger.keeping import Signer, cosign_note_text, signed_note
from pourparler.core.ledger.note import (
    SIGNATURE_LINE_START,
    Cosignature,
    KeyType,
    VerifierKey,
    base64_text,
    keys_by_name_and_id,
    open_note,
    parse_decimal,
    parse_signature_line,
    split_note,
    verify_cosignature,
)
from pourparler.core.ledger.tree import EMPTY_ROOT, verify_consistency

ADD_CHECKPOINT = "add-checkpoint"
SIZE_CONTENT_TYPE = "text/x.tlog.size"
TEXT_CONTENT_TYPE = "text/plain; charset=utf-8"


# --- the request ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign: well-formed, nothing verified. ``note`` are the bytes of a signed checkpoint."""

    old_size: int
    path: tuple[bytes, ...]
    note: bytes

    @property
    def origin(self) -> str:
        """The ledger that the checkpoint says it is of, to look its keys up by; empty where it says nothing."""
        return self.note.partition(b"\n")[0].decode("utf-8", "replace")

    def encoded(self) -> bytes:
        """Return the body of the request: the only bytes that :func:`parse_add_checkpoint` reads back to it."""
        head = [f"old {self.old_size}", *map(base64_text, self.path), "", ""]
        return "\n".join(head).encode("ascii") + self.note


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Return the request that ``body`` writes.

    Raises :class:`Malformed` (``witness.too-large``, ``witness.layout``, ``witness.old-size``,
    ``proof.too-many-hashes``, ``proof.hash``).
    """
    if len(body) > limits.WITNESS_BODY_MAX_BYTES:
        raise Malformed("witness.too-large", f"{len(body)} bytes; at most {limits.WITNESS_BODY_MAX_BYTES}")
    head, blank, note = body.partition(b"\n\n")
    if not blank or not note or not head.isascii():
        raise Malformed("witness.layout", "a request is ASCII lines, a blank line and a checkpoint")
    old, *hashes = head.decode("ascii").split("\n")
    word, _, number = old.partition(" ")
    old_size = parse_decimal(number)
    if word != "old" or old_size is None:
        raise Malformed("witness.old-size", "the first line is old and a size, ASCII decimal without leading zero")
    return AddCheckpoint(old_size, parse_hash_lines(hashes), note)


# --- the answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosignable:
    """A checkpoint that a witness may remember and cosign: its text, and the lines of the ledger that signed it."""

    checkpoint: Checkpoint
    text: str
    ledger_lines: tuple[bytes, ...]

    def cosigned(self, keys: Iterable[tuple[VerifierKey, Signer]], time: int) -> tuple[bytes, ...]:
        """Return the cosignature lines of a witness's keys, dated ``time``; of an ML-DSA-44 key none where the text has
        extension lines, which it cannot sign. Raises :class:`Refused` where no line is left."""
        lines: list[bytes] = []
        refusal: Refused | None = None
        for key, sign in keys:
            try:
                lines.append(cosign_note_text(self.text, key, time, sign))
            except Refused as error:
                refusal = error
        if refusal is not None and not lines:
            raise refusal
        return tuple(lines)

    def note(self, cosignature_lines: Iterable[bytes]) -> bytes:
        """Return the checkpoint as the witness remembers and shows it: signed by the ledger and by the witness."""
        return signed_note(self.text, (*self.ledger_lines, *cosignature_lines))


def judge(request: AddCheckpoint, keys: Collection[VerifierKey], latest: Checkpoint | None) -> Cosignable:
    """Return what a witness may cosign, given the keys it knows for the request's origin and what it cosigned last.

    The steps are those of c2sp.org/tlog-witness, in its order; :func:`status_of` has the answer for each refusal.
    Raises :class:`Refused` (``witness.unknown-ledger``, ``witness.conflict``, and of
    :func:`verify_consistency`), and as :func:`open_note` and :func:`parse_checkpoint` do.
    """
    if not keys:  # 1. the origin is known
        raise Refused("witness.unknown-ledger", "this witness does not cosign for this origin")
    for key in keys:
        check_roles(key, ())
    note = open_note(request.note, keys)  # 2. the ledger has signed
    checkpoint = parse_checkpoint(note.text, allow_extensions=True)
    if request.old_size > checkpoint.size:  # 3. old size and size
        raise Refused("proof.sizes", f"the old size {request.old_size} is above the size {checkpoint.size}")
    known = latest or Checkpoint(checkpoint.origin, 0, EMPTY_ROOT)
    if request.old_size != known.size:  # 4. it goes on from what was cosigned last
        raise Refused("witness.conflict", f"the latest checkpoint that was cosigned has size {known.size}")
    verify_consistency(known.size, known.root, checkpoint.size, checkpoint.root, request.path)  # 5. and 6. one story
    return Cosignable(checkpoint, note.text, signature_lines_of(request.note, keys))


def signature_lines_of(note: bytes, keys: Iterable[VerifierKey]) -> tuple[bytes, ...]:
    """Return the lines of a note that are signatures of these keys, each with its newline. Nothing is verified."""
    pairs = keys_by_name_and_id(keys)
    _, lines = split_note(note)
    return tuple(f"{line}\n".encode() for line in lines if parse_signature_line(line)[:2] in pairs)


STATUS = {
    "witness.unknown-ledger": 404,
    "note.unverified": 403,
    "note.signature": 403,
    "note.signed-twice": 403,
    "note.unsupported": 403,
    "cosignature.length": 403,
    "cosignature.time": 403,
    "cosignature.signature": 403,
    "witness.conflict": 409,
    "checkpoint.empty-root": 422,
    "proof.length": 422,
    "proof.inconsistent": 422,
}
"""What a refusal is in HTTP; any other is 400."""

CONTRADICTIONS = ("proof.length", "proof.inconsistent")
"""Refusals of what the ledger did sign: the request may be half of a proof that it told two stories, and is kept."""


def is_second_story(request: AddCheckpoint, latest: Checkpoint | None) -> bool:
    """Whether a request's checkpoint is as large as the one that was cosigned last, and has another root. Of one whose
    signature :func:`judge` has verified, the two prove to anybody that the ledger told two stories."""
    sent = parse_checkpoint(split_note(request.note)[0], allow_extensions=True)
    return latest is not None and sent.size == latest.size and sent.root != latest.root


def may_prove(error: PourparlerError, request: AddCheckpoint, latest: Checkpoint | None) -> bool:
    """Whether a request that was refused is kept with what was cosigned last (``spec/witness.md`` section 4)."""
    if error.reason == "witness.conflict":
        return is_second_story(request, latest)
    return error.reason in CONTRADICTIONS


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: HTTP status, content type and body. ``reason`` is empty where it has cosigned."""

    status: int
    content_type: str
    body: bytes
    reason: str = ""


def cosigned_answer(lines: Iterable[bytes]) -> Answer:
    return Answer(200, TEXT_CONTENT_TYPE, b"".join(lines))


def refused_answer(error: PourparlerError, latest: Checkpoint | None) -> Answer:
    """Return how a witness answers a request that it refuses; ``latest`` is what it cosigned last."""
    status = STATUS.get(error.reason, 400)
    if status == 409:
        size = latest.size if latest else 0
        return Answer(status, SIZE_CONTENT_TYPE, f"{size}\n".encode(), error.reason)
    return Answer(status, TEXT_CONTENT_TYPE, f"{error.reason}: {error.detail}\n".encode(), error.reason)


def monitoring_path(origin: str) -> str:
    """Return where, below a witness's monitoring prefix, the checkpoint is that it cosigned last for a ledger."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


# --- reading a witness's answer ---------------------------------------------------------------------------------------


def parse_size_answer(body: bytes) -> int:
    """Return the size in a 409: what the witness cosigned last. Raises :class:`Malformed` (``witness.answer``)."""
    size = parse_decimal(body[:-1].decode("latin-1")) if body[-1:] == b"\n" else None
    if size is None:
        raise Malformed("witness.answer", "the body is not a size, ASCII decimal without leading zero, and a newline")
    return size


def read_cosignatures(text: str, body: bytes, witnesses: Iterable[VerifierKey]) -> list[tuple[Cosignature, bytes]]:
    """Return the cosignatures of known witnesses under a checkpoint's text that a 200 brings, each with its line.

    Lines of strangers are ignored, and so are keys of a type that nothing here can verify. Raises :class:`Malformed`
    (``witness.answer``, ``note.*``, ``cosignature.length``) or :class:`Refused` (``note.signed-twice``,
    ``cosignature.*``; ``witness.undated`` for a time of 0), and :class:`Missing` (``note.unsupported``).
    """
    if len(body) > limits.WITNESS_BODY_MAX_BYTES or not body.endswith(b"\n"):
        raise Malformed("witness.answer", "the body is not one signature line or more")
    try:
        lines = body[:-1].decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Malformed("witness.answer", "the body is not UTF-8") from None
    if len(lines) > limits.NOTE_SIGNATURES_MAX or not all(line.startswith(SIGNATURE_LINE_START) for line in lines):
        raise Malformed("witness.answer", f"the body is not 1 to {limits.NOTE_SIGNATURES_MAX} signature lines")
    keys = keys_by_name_and_id(key for key in witnesses if key.type is not KeyType.ED25519)
    found: dict[VerifierKey, tuple[Cosignature, bytes]] = {}
    for line in lines:
        name, key_id, blob = parse_signature_line(line)
        key = keys.get((name, key_id))
        if key is None:
            continue
        if key in found:
            raise Refused("note.signed-twice", f"two signatures by {name}+{key_id.hex()}")
        cosignature = verify_cosignature(text, key, blob)
        if cosignature.time == 0:
            raise Refused("witness.undated", "a witness says when it saw a checkpoint")
        found[key] = (cosignature, f"{line}\n".encode())
    return list(found.values())
