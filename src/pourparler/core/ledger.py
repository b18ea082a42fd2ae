"""The ledger: was it recorded? Merkle tree, signed notes, checkpoints, proofs, policies. Spec: ``spec/ledger.md``.

This room knows bytes only. An *entry* is any byte string; a ledger is a list of entries that only grows. The *root* is
a digest of the whole list, so that whoever knows one root can check cheaply that an entry stands at an index
(*inclusion*), or that a longer list begins with the shorter one (*consistency*). A ledger states its size and root in
a *checkpoint*, a short text that it signs as a *note*; *witnesses* add *cosignatures* that say when they saw it, and a
*policy* says whose cosignatures suffice.

The formats are other people's, so that any tool of theirs can check what we keep: RFC 9162 section 2.1 (the tree, as
in RFC 6962), and from c2sp.org signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof and tlog-policy. Only the
*multiproof*, one proof for many entries, is ours. A signed checkpoint reads::

    example.com/behind-the-sofa                          the origin: which ledger
    20852163                                             the size: how many entries
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=         the root
                                                         (blank line)
    — example.com/behind-the-sofa Az3grlgtzPICa5OS…      the ledger's signature
    — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSR…    a cosignature

Hashes are ``bytes`` of 32, sizes and indexes ``int`` from 0 to 2^63 - 1, times whole seconds since 1970 (POSIX). What
is checked, is checked before anything is hashed; what fails raises :class:`Malformed`, :class:`Refused` or
:class:`Missing` and nothing else.

>>> tree = Frontier().append(leaf_hash(b"peace")).append(leaf_hash(b"land"))
>>> tree.root() == node_hash(leaf_hash(b"peace"), leaf_hash(b"land"))
True
"""

import base64
import hashlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import nacl.bindings
import nacl.exceptions

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing, Refused

HASH_BYTES = 32
SIGNATURE_BYTES = 64

NodeReader = Callable[[int, int], bytes]
"""``node(level, index)``: the root of the complete subtree over the 2^level entries from ``index * 2^level`` on."""

Signer = Callable[[bytes], bytes]
"""``sign(message)``: an Ed25519 signature of 64 bytes. Keys live elsewhere."""


# --- the tree (RFC 9162 section 2.1) ----------------------------------------------------------------------------------

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a ledger without entries."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf: SHA-256 over 0x00 and the entry.

    Raises :class:`Malformed` (``tree.entry-too-large``) past 65,535 bytes: an entry bundle could not hold it.
    """
    if len(entry) > limits.LEDGER_ENTRY_MAX_BYTES:
        raise Malformed("tree.entry-too-large", f"{len(entry)} bytes; at most {limits.LEDGER_ENTRY_MAX_BYTES}")
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256 over 0x01 and its two children. The prefix keeps nodes from leaves."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over the given leaf hashes, in one pass and logarithmic memory."""
    frontier = Frontier()
    for hash_ in leaf_hashes:
        frontier = frontier.append(hash_)
    return frontier.root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What one must remember of a tree to make it grow: the roots of its largest complete subtrees, left to right.

    There is one for each bit set in ``size``, at most 63. Raises :class:`Malformed` (``tree.size``,
    ``tree.hash-length``, ``tree.frontier``) where size and hashes do not belong together.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        check_size(self.size)
        check_hashes(self.hashes)
        if len(self.hashes) != self.size.bit_count():
            raise Malformed("tree.frontier", f"{len(self.hashes)} subtrees; {self.size.bit_count()} for {self.size}")

    def finished_by(self, leaf: bytes) -> tuple[tuple[int, int, bytes], ...]:
        """Return ``(level, index, hash)`` of each complete subtree that appending ``leaf`` finishes, the leaf first.

        A store that keeps them all can answer every :data:`NodeReader` question; an append finishes two on average.
        """
        level, index, hash_ = 0, self.size, leaf
        finished = [(level, index, hash_)]
        for left in reversed(self.hashes):
            if index % 2 == 0:
                break
            level, index, hash_ = level + 1, index // 2, node_hash(left, hash_)
            finished.append((level, index, hash_))
        return tuple(finished)

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier of the tree with one more leaf, given its leaf hash. Cost: O(log size)."""
        check_hashes((leaf,))
        finished = self.finished_by(leaf)
        kept = self.hashes[: len(self.hashes) - len(finished) + 1]
        return Frontier(self.size + 1, (*kept, finished[-1][2]))

    def root(self) -> bytes:
        """Return the root of the tree, :data:`EMPTY_ROOT` for none. Cost: O(log size)."""
        return join(self.hashes) if self.hashes else EMPTY_ROOT


def frontier_of(size: int, node: NodeReader) -> Frontier:
    """Return the frontier of a stored tree of ``size`` leaves; asks ``node`` at most 63 times."""
    check_size(size)
    return Frontier(size, tuple(node(level, index) for level, index in complete_subtrees(0, size)))


def join(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjacent subtrees that shrink from left to right: joined from the right."""
    *others, root = hashes
    for left in reversed(others):
        root = node_hash(left, root)
    return root


def split(width: int) -> int:
    """Return the largest power of two below ``width``: how many leaves go left in a tree of ``width`` >= 2."""
    return 1 << (width - 1).bit_length() - 1


def complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield ``(level, index)`` of the complete subtrees that make up the range, widest first.

    The range must be a subtree of RFC 9162: it starts at a multiple of a power of two that is no narrower than it.
    """
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def subtree_root(start: int, end: int, node: NodeReader) -> bytes:
    return join([node(level, index) for level, index in complete_subtrees(start, end)])


def check_size(size: int) -> None:
    if not 0 <= size <= limits.TREE_SIZE_MAX:
        raise Malformed("tree.size", "a tree has 0 to 2^63 - 1 entries")


def check_index(index: int, size: int) -> None:
    check_size(size)
    if not 0 <= index < size:
        raise Refused("tree.index", f"no entry {index} in a tree of {size}")


def check_hashes(hashes: Iterable[bytes]) -> None:
    for hash_ in hashes:
        if not isinstance(hash_, bytes) or len(hash_) != HASH_BYTES:
            raise Malformed("tree.hash-length", "a hash is 32 bytes")


# --- proofs of inclusion and consistency (RFC 9162 sections 2.1.3 and 2.1.4) ------------------------------------------


def inclusion_path(size: int, index: int, node: NodeReader) -> tuple[bytes, ...]:
    """Return the proof that entry ``index`` stands in the tree of ``size``: sibling hashes, leaf to root.

    Raises :class:`Refused` (``tree.index``). Asks ``node`` for O(log^2 size) complete subtrees at most.
    """
    check_index(index, size)
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(subtree_root(middle, end, node))
            end = middle
        else:
            path.append(subtree_root(start, middle, node))
            start = middle
    return tuple(reversed(path))


def consistency_path(old: int, new: int, node: NodeReader) -> tuple[bytes, ...]:
    """Return the proof that the tree of ``new`` entries begins with the tree of ``old``; empty for 0 or equal sizes.

    Raises :class:`Refused` (``proof.sizes``) where ``old`` exceeds ``new``. Cost as :func:`inclusion_path`.
    """
    check_old_and_new(old, new)
    path: list[bytes] = []
    start, end = 0, new if old else 0
    while end != old:
        middle = start + split(end - start)
        if old <= middle:
            path.append(subtree_root(middle, end, node))
            end = middle
        else:
            path.append(subtree_root(start, middle, node))
            start = middle
    if start > 0:
        path.append(subtree_root(start, end, node))
    return tuple(reversed(path))


def verify_inclusion(entry_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raise unless the leaf with ``entry_hash`` is entry ``index`` of the tree with this ``size`` and ``root``.

    Raises :class:`Malformed` (``tree.size``, ``tree.hash-length``) or :class:`Refused` (``tree.index``,
    ``proof.length``, ``proof.root``). RFC 9162 section 2.1.3.2.
    """
    check_index(index, size)
    check_hashes((entry_hash, root))
    check_path(path, inclusion_length(index, size))
    _, computed = fold(index, size - 1, entry_hash, path)
    if computed != root:
        raise Refused("proof.root", "the path leads to another root")


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """Raise unless the tree with ``new_size`` and ``new_root`` begins with the tree with ``old_size`` and ``old_root``.

    Everything begins with the empty tree, whose root is :data:`EMPTY_ROOT`, by an empty path. Raises
    :class:`Malformed` (``tree.size``, ``tree.hash-length``) or :class:`Refused` (``proof.sizes``, ``proof.length``,
    ``proof.inconsistent``). RFC 9162 section 2.1.4.2.
    """
    check_old_and_new(old_size, new_size)
    check_hashes((old_root, new_root))
    check_path(path, consistency_length(old_size, new_size))
    if old_size == 0:
        consistent = old_root == EMPTY_ROOT and (new_size > 0 or new_root == EMPTY_ROOT)
    elif old_size == new_size:
        consistent = old_root == new_root
    else:
        shared = shared_level(old_size)
        first, *others = path if old_size.bit_count() > 1 else (old_root, *path)
        roots = fold(old_size - 1 >> shared, new_size - 1 >> shared, first, others)
        consistent = roots == (old_root, new_root)
    if not consistent:
        raise Refused("proof.inconsistent", "the path does not lead from the one root to the other")


def fold(at: int, last: int, hash_: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots that a path leads to from node ``at`` on a level whose last node is ``last``.

    The first root is of the tree that ends with the node, the second of the whole tree (RFC 9162 sections 2.1.3.2 step
    4 and 2.1.4.2 step 6, where ``at`` is called fn and ``last`` sn).
    """
    old = new = hash_
    for sibling in path:
        if at % 2 == 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while at % 2 == 0 and at > 0:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return old, new


def shared_level(old: int) -> int:
    """Return the level of the last complete subtree of a tree of ``old`` entries; every longer tree has it too."""
    return (old & -old).bit_length() - 1


def inclusion_length(index: int, size: int) -> int:
    """Return how many hashes the inclusion proof of entry ``index`` in a tree of ``size`` has."""
    below_the_fork = (index ^ size - 1).bit_length()
    return below_the_fork + (index >> below_the_fork).bit_count()


def consistency_length(old: int, new: int) -> int:
    """Return how many hashes the consistency proof from ``old`` to ``new`` has."""
    if old in (0, new):
        return 0
    shared = shared_level(old)
    own = 0 if old.bit_count() == 1 else 1  # the old root itself starts the path where it is one complete subtree
    return own + inclusion_length(old - 1 >> shared, (new - 1 >> shared) + 1)


def check_old_and_new(old: int, new: int) -> None:
    check_size(old)
    check_size(new)
    if old > new:
        raise Refused("proof.sizes", f"a tree of {new} cannot begin with one of {old}")


def check_path(path: Sequence[bytes], length: int) -> None:
    if len(path) != length:
        raise Refused("proof.length", f"{len(path)} hashes; exactly {length}")
    check_hashes(path)


# --- the multiproof: many entries, one list of hashes (spec/ledger.md section 3) --------------------------------------


def multiproof(size: int, indexes: Iterable[int], node: NodeReader) -> tuple[bytes, ...]:
    """Return the one list of hashes that, with the leaf hashes at ``indexes``, makes up the root of ``size`` entries.

    Raises :class:`Refused` (``proof.no-leaves``, ``tree.index``) or :class:`Malformed` (``proof.too-many-hashes``).
    Cost: O(k log size) subtrees for k indexes, whatever the size.
    """
    known = sorted(set(indexes))
    return tuple(subtree_root(start, end, node) for start, end in unknown_subtrees(size, known))


def verify_multiproof(size: int, leaves: Mapping[int, bytes], hashes: Sequence[bytes]) -> bytes:
    """Return the root of the tree of ``size`` that holds each leaf hash at its index; the caller compares it.

    ``size`` must come from the same checkpoint as the root it is compared with, else the indexes prove nothing. Raises
    :class:`Malformed` (``tree.size``, ``tree.hash-length``, ``proof.too-many-hashes``) or :class:`Refused`
    (``proof.no-leaves``, ``tree.index``, ``proof.length``).
    """
    known = sorted(leaves)
    check_path(hashes, len(unknown_subtrees(size, known)))
    check_hashes(leaves.values())
    supply = iter(hashes)

    def root(start: int, end: int, first: int, last: int) -> bytes:  # at most 64 deep: each call halves the range
        if first == last:
            return next(supply)
        if end - start == 1:
            return leaves[start]
        middle = start + split(end - start)
        cut = bisect_left(known, middle, first, last)
        left = root(start, middle, first, cut)
        return node_hash(left, root(middle, end, cut, last))

    return root(0, size, 0, len(known))


def unknown_subtrees(size: int, known: Sequence[int]) -> list[tuple[int, int]]:
    """Return the widest subtrees ``(start, end)`` without a known leaf, left to right. ``known`` is sorted."""
    if not known:
        raise Refused("proof.no-leaves", "a proof of no entry proves nothing")
    check_index(known[0], size)
    check_index(known[-1], size)
    unknown: list[tuple[int, int]] = []
    waiting = [(0, size, 0, len(known))]
    while waiting:
        start, end, first, last = waiting.pop()
        if first == last:
            unknown.append((start, end))
        elif end - start > 1:
            middle = start + split(end - start)
            cut = bisect_left(known, middle, first, last)
            waiting += [(middle, end, cut, last), (start, middle, first, cut)]
    if len(unknown) > limits.MULTIPROOF_HASHES_MAX:
        raise Malformed("proof.too-many-hashes", f"{len(unknown)} hashes; at most {limits.MULTIPROOF_HASHES_MAX}")
    return unknown


# --- what the line formats share --------------------------------------------------------------------------------------


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str) -> bytes | None:
    """Return what ``text`` encodes in standard base64, or None unless it is the one encoding: padded, no stray bits."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64_text(data) == text else None


def parse_decimal(text: str) -> int | None:
    """Return the number up to 2^63 - 1 that ``text`` writes in ASCII digits without leading zero, or None."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or (text[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if number <= limits.TREE_SIZE_MAX else None


def is_line(text: str) -> bool:
    """Whether ``text`` can stand as one line of a note: not empty, encodable, without control characters or a BOM."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return text != "" and min(text) >= " " and text[0] != "\ufeff"


# --- keys (c2sp.org/signed-note, verifier keys) -----------------------------------------------------------------------


class KeyType(IntEnum):
    """The signature types we know, by their identifier byte. ML-DSA-44 is recognised and not implemented yet."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06


PUBLIC_KEY_BYTES = {
    KeyType.ED25519: 32,
    KeyType.COSIGNATURE_ED25519: 32,
    KeyType.COSIGNATURE_ML_DSA_44: 1312,
}
WITNESS_KEY_TYPES = (KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_ML_DSA_44)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key: ``public_key`` is 32 bytes (Ed25519) or 1,312 (ML-DSA-44); ``key_id``, 4 bytes, follows.

    Raises :class:`Malformed` (``note.key-name``, ``note.key``) or :class:`Refused` (``note.key-point``: an Ed25519
    key that is not canonical or not of the prime-order group, under which one signature could fit many texts).
    """

    name: str
    type: KeyType
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        check_key_name(self.name)
        length = PUBLIC_KEY_BYTES[self.type]
        if len(self.public_key) != length:
            raise Malformed("note.key", f"a public key of type {self.type:#04x} has {length} bytes")
        if length == 32 and not nacl.bindings.crypto_core_ed25519_is_valid_point(self.public_key):
            raise Refused("note.key-point", "no canonical point of the prime-order group")
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public_key
        object.__setattr__(self, "key_id", hashlib.sha256(named).digest()[:4])

    @property
    def text(self) -> str:
        """The key as a vkey, the one line that :func:`parse_vkey` reads back."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.type]) + self.public_key)}"


def parse_vkey(text: str) -> VerifierKey:
    """Return the key that a vkey ``name+key id+base64(type || public key)`` writes.

    Raises as :class:`VerifierKey` does, and :class:`Malformed` (``note.key``) or :class:`Refused` (``note.key-type``,
    ``note.key-id``).
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = parse_base64(encoded)
    if len(key_id) != 8 or not set(key_id) <= set("0123456789abcdef") or not material:
        raise Malformed("note.key", "a vkey is name+8 lowercase hex digits+base64")
    if material[0] not in set(KeyType):
        raise Refused("note.key-type", f"keys of type {material[0]:#04x} are not supported")
    key = VerifierKey(name, KeyType(material[0]), material[1:])
    if key.key_id.hex() != key_id:
        raise Refused("note.key-id", f"the key id is {key.key_id.hex()}, not {key_id}")
    return key


def check_key_name(name: str) -> None:
    if not is_line(name) or "+" in name or any(character.isspace() for character in name):
        raise Malformed("note.key-name", "a key name is not empty and has no space, no plus and no control character")


def verifies(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    """Whether 64 bytes are the Ed25519 signature of ``message`` by ``key`` (RFC 8032 section 5.1.7, strict)."""
    try:
        nacl.bindings.crypto_sign_open(signature + message, key.public_key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


# --- signed notes (c2sp.org/signed-note) and cosignatures (c2sp.org/tlog-cosignature) ---------------------------------

SIGNATURE_LINE_START = "\u2014 "
NOTE_FORBIDDEN = bytes(set(range(0x20)) - {0x0A})


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified statement of a witness: at ``time`` (POSIX seconds) this was the largest tree it had seen there."""

    key: VerifierKey
    time: int


@dataclass(frozen=True, slots=True)
class Note:
    """An opened note: its text, and which of the known keys stand behind it. Signatures of strangers are left out.

    ``skipped`` are known keys whose signature type is not implemented yet (ML-DSA-44): present, never counted.
    """

    text: str
    signers: tuple[VerifierKey, ...]
    cosignatures: tuple[Cosignature, ...]
    skipped: tuple[VerifierKey, ...]


def open_note(data: bytes, known: Iterable[VerifierKey]) -> Note:
    """Return the note that ``data`` is, with every signature by a ``known`` key verified.

    Raises :class:`Malformed` (``note.too-large``, ``note.text``, ``note.layout``, ``note.signature-count``,
    ``note.signature-line``, ``note.key-name``, ``cosignature.length``), :class:`Refused` (``note.key-clash``,
    ``note.signed-twice``, ``note.signature``, ``cosignature.time``, ``cosignature.signature``, ``note.unverified``) or
    :class:`Missing` (``note.not-implemented``). One known key that fails refuses the whole note.
    """
    keys = keys_by_name_and_id(known)
    text, lines = split_note(data)
    signatures: dict[VerifierKey, bytes] = {}
    for line in lines:
        name, key_id, blob = parse_signature_line(line)
        key = keys.get((name, key_id))
        if key is None:
            continue
        if key in signatures:
            raise Refused("note.signed-twice", f"two signatures by {name}+{key_id.hex()}")
        signatures[key] = blob
    return verify_note(text, signatures)


def verify_note(text: str, signatures: Mapping[VerifierKey, bytes]) -> Note:
    """Return the note whose text each of the given keys signed; see :func:`open_note` for what is raised."""
    signers, cosignatures, skipped = [], [], []
    for key, blob in signatures.items():
        match key.type:
            case KeyType.ED25519:
                verify_signature(text, key, blob)
                signers.append(key)
            case KeyType.COSIGNATURE_ED25519:
                cosignatures.append(verify_cosignature(text, key, blob))
            case KeyType.COSIGNATURE_ML_DSA_44:
                skipped.append(key)
    if not signers and not cosignatures:
        if skipped:
            raise Missing("note.not-implemented", "signed by known keys with ML-DSA-44 only, which is not implemented")
        raise Refused("note.unverified", "no signature by a known key")
    return Note(text, tuple(signers), tuple(cosignatures), tuple(skipped))


def verify_signature(text: str, key: VerifierKey, blob: bytes) -> None:
    if len(blob) != SIGNATURE_BYTES or not verifies(key, text.encode(), blob):
        raise Refused("note.signature", f"the signature by {key.name}+{key.key_id.hex()} does not verify")


def verify_cosignature(text: str, key: VerifierKey, blob: bytes) -> Cosignature:
    """Return the cosignature that ``blob`` is: 8 bytes of time, 64 of signature."""
    if len(blob) != 8 + SIGNATURE_BYTES:
        raise Malformed("cosignature.length", f"{len(blob)} bytes; an Ed25519 cosignature has 72")
    time = int.from_bytes(blob[:8], "big")
    check_cosignature_time(time)
    if not verifies(key, cosignature_message(text, time), blob[8:]):
        raise Refused("cosignature.signature", f"the cosignature by {key.name}+{key.key_id.hex()} does not verify")
    return Cosignature(key, time)


def cosignature_message(text: str, time: int) -> bytes:
    """Return what an Ed25519 witness signs for a note text at ``time``: the witness's name is not in it."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def check_cosignature_time(time: int) -> None:
    if not 1 <= time <= limits.TREE_SIZE_MAX:
        raise Refused("cosignature.time", "a cosignature is dated from 1 to 2^63 - 1 seconds")


def keys_by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    """Return the keys by the pair that a signature line carries; two keys with one pair are refused."""
    by_pair: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if by_pair.setdefault((key.name, key.key_id), key) != key:
            raise Refused("note.key-clash", f"two known keys are {key.name}+{key.key_id.hex()}")
    return by_pair


def split_note(data: bytes) -> tuple[str, list[str]]:
    """Return the text of a note, with its last newline, and its signature lines: parted at the last blank line."""
    if len(data) > limits.NOTE_MAX_BYTES:
        raise Malformed("note.too-large", f"{len(data)} bytes; at most {limits.NOTE_MAX_BYTES}")
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("note.text", "a note is UTF-8") from None
    if data.translate(None, NOTE_FORBIDDEN) != data or note.startswith("\ufeff"):
        raise Malformed("note.text", "a note has no control characters but newline, and no byte order mark")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Malformed("note.layout", "a note is a text, a blank line and signature lines, each with its newline")
    lines = signatures[:-1].split("\n")
    if len(lines) > limits.NOTE_SIGNATURES_MAX:
        raise Malformed("note.signature-count", f"{len(lines)} signatures; at most {limits.NOTE_SIGNATURES_MAX}")
    return text + "\n", lines


def parse_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """Return key name, key id (4 bytes) and signature (at least 1 byte) of a signature line without its newline."""
    name, _, encoded = line.removeprefix(SIGNATURE_LINE_START).partition(" ")
    blob = parse_base64(encoded)
    if not line.startswith(SIGNATURE_LINE_START) or blob is None or len(blob) < 5:
        raise Malformed("note.signature-line", "a signature line is em dash, key name and base64, parted by one space")
    check_key_name(name)
    return name, blob[:4], blob[4:]


def note_text_signature_line(name: str, key_id: bytes, signature: bytes) -> bytes:
    """Return the signature line, newline included, for a signature (or timestamped signature) by the key named."""
    check_key_name(name)
    return f"{SIGNATURE_LINE_START}{name} {base64_text(key_id + signature)}\n".encode()


def sign_note_text(text: str, key: VerifierKey, sign: Signer) -> bytes:
    """Return the signature line of ``key`` (Ed25519) under ``text``, which ends in newline; ``sign`` is called once."""
    assert key.type is KeyType.ED25519
    assert text.endswith("\n")
    return note_text_signature_line(key.name, key.key_id, sign(text.encode()))


def cosign_note_text(text: str, key: VerifierKey, time: int, sign: Signer) -> bytes:
    """Return the cosignature line of ``key`` (Ed25519 cosignature) under a checkpoint's ``text``, dated ``time``."""
    assert key.type is KeyType.COSIGNATURE_ED25519
    assert text.endswith("\n")
    check_cosignature_time(time)
    signature = sign(cosignature_message(text, time))
    return note_text_signature_line(key.name, key.key_id, time.to_bytes(8, "big") + signature)


def signed_note(text: str, lines: Iterable[bytes]) -> bytes:
    """Return the note of a text, which ends in newline, and its signature lines."""
    return text.encode() + b"\n" + b"".join(lines)


# --- checkpoints (c2sp.org/tlog-checkpoint) ---------------------------------------------------------------------------


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

    ``skipped`` are witnesses whose ML-DSA-44 cosignature is there and could not be checked: not implemented yet.
    """

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]
    skipped: tuple[VerifierKey, ...] = ()

    def cosigners(self, *, earliest: int = 1, latest: int = limits.TREE_SIZE_MAX) -> frozenset[bytes]:
        """Return the public keys that cosigned from ``earliest`` to ``latest`` (POSIX seconds), each once.

        A witness known under two names counts once, for its signature does not cover its name.
        """
        return frozenset(c.key.public_key for c in self.cosignatures if earliest <= c.time <= latest)


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
    (``note.not-implemented``) where ``key`` is of a type that is not implemented yet.
    """
    witnesses = tuple(witnesses)
    check_roles(key, witnesses)
    note = open_note(data, (key, *witnesses))
    checkpoint = parse_checkpoint(note.text, allow_extensions=allow_extensions)
    if checkpoint.origin != origin:
        raise Refused("checkpoint.origin", "the checkpoint is of another ledger")
    if key not in note.signers:
        raise Refused("checkpoint.unsigned", "the ledger itself has not signed the checkpoint")
    return OpenCheckpoint(checkpoint, note.cosignatures, note.skipped)


def check_roles(key: VerifierKey, witnesses: Iterable[VerifierKey]) -> None:
    """Raise unless ``key`` is one to sign checkpoints and ``witnesses`` are ones to cosign them."""
    if key.type is KeyType.COSIGNATURE_ML_DSA_44:
        raise Missing("note.not-implemented", "checkpoints signed with ML-DSA-44 cannot be checked yet")
    if key.type is not KeyType.ED25519:
        raise Refused("checkpoint.key-type", "a ledger signs its checkpoints with a key of type 0x01")
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


# --- policies: whose word suffices (c2sp.org/tlog-policy) -------------------------------------------------------------

POLICY_FORBIDDEN = bytes(set(range(0x20)) - {0x09, 0x0A} | {0x7F})


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A ledger that the policy accepts: the name of its ``key`` is its origin. ``url`` is empty where none is given."""

    key: VerifierKey
    url: bytes = b""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness under the name that it has in this policy only (octets, never compared as text)."""

    name: bytes
    key: VerifierKey
    url: bytes = b""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group: it has witnessed a checkpoint when at least ``threshold`` of its members have."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy. Groups stand in order of definition; ``quorum`` is None where no cosignature is asked for."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: bytes | None


def quorum_met(policy: Policy, cosigners: Collection[bytes]) -> bool:
    """Whether the witnesses with these public keys make up the policy's quorum; always, where it asks for none.

    ``cosigners`` is what :meth:`OpenCheckpoint.cosigners` returns. Keys that the policy does not list do not count.
    """
    witnessed = {witness.name for witness in policy.witnesses if witness.key.public_key in cosigners}
    for group in policy.groups:
        if sum(member in witnessed for member in group.members) >= group.threshold:
            witnessed.add(group.name)
    return policy.quorum is None or policy.quorum in witnessed


def parse_policy(data: bytes) -> Policy:
    """Return the policy that a policy file states.

    Raises :class:`Malformed` (``policy.too-large``, ``policy.octet``, ``policy.line``, ``policy.threshold``, and
    ``note.key``, ``note.key-name`` for a vkey) or :class:`Refused` (``policy.too-many``, ``policy.key-type``,
    ``policy.duplicate-key``, ``policy.duplicate-name``, ``policy.unknown-name``, ``policy.member-twice``,
    ``policy.quorum``, and ``note.key-type``, ``note.key-id``, ``note.key-point`` for a vkey).
    """
    if len(data) > limits.TLOG_POLICY_MAX_BYTES:
        raise Malformed("policy.too-large", f"{len(data)} bytes; at most {limits.TLOG_POLICY_MAX_BYTES}")
    if data.translate(None, POLICY_FORBIDDEN) != data:
        raise Malformed("policy.octet", "a policy has no control characters but tab and newline")
    *lines, rest = data.split(b"\n")
    if rest:
        raise Malformed("policy.line", "the last line has no newline: the file may be cut short")
    draft = PolicyDraft()
    for line in lines:
        draft.read(line.split())
    return draft.finished()


class PolicyDraft:
    """A policy while its lines are read. Every name is defined before it is used."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[PolicyGroup] = []
        self.quorums: list[bytes] = []
        self.names: set[bytes] = set()
        self.members: set[bytes] = set()

    def read(self, fields: list[bytes]) -> None:
        """Take in one line, given as its fields."""
        match fields:
            case []:
                pass
            case [word, *_] if word.startswith(b"#"):
                pass
            case [b"log", vkey, *url] if len(url) <= 1:
                self.add_log(parse_policy_key(vkey), b"".join(url))
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                self.add_witness(name, parse_policy_key(vkey), b"".join(url))
            case [b"group", name, threshold, *members] if members:
                self.add_group(name, threshold, members)
            case [b"quorum", name]:
                self.set_quorum(name)
            case _:
                raise Malformed("policy.line", "a line is log, witness, group or quorum with its fields, or a comment")

    def add_log(self, key: VerifierKey, url: bytes) -> None:
        if key.type not in (KeyType.ED25519, KeyType.COSIGNATURE_ML_DSA_44):
            raise Refused("policy.key-type", "a log's key is of type 0x01 or 0x06")
        self.check_key(key, [log.key for log in self.logs])
        self.logs.append(PolicyLog(key, url))

    def add_witness(self, name: bytes, key: VerifierKey, url: bytes) -> None:
        if key.type not in WITNESS_KEY_TYPES:
            raise Refused("policy.key-type", "a witness's key is of type 0x04 or 0x06")
        self.check_key(key, [witness.key for witness in self.witnesses])
        self.define(name)
        self.witnesses.append(PolicyWitness(name, key, url))

    def add_group(self, name: bytes, threshold: bytes, members: list[bytes]) -> None:
        for member in members:
            if member not in self.names:
                raise Refused("policy.unknown-name", "a group's members are defined on the lines before it")
            if member in self.members:
                raise Refused("policy.member-twice", "a name is a member once, in one group")
            self.members.add(member)
        self.define(name)
        self.groups.append(PolicyGroup(name, parse_threshold(threshold, len(members)), tuple(members)))

    def set_quorum(self, name: bytes) -> None:
        if name != b"none" and name not in self.names:
            raise Refused("policy.unknown-name", "the quorum is a witness or group defined on the lines before it")
        self.quorums.append(name)

    def define(self, name: bytes) -> None:
        if name == b"none" or name in self.names:
            raise Refused("policy.duplicate-name", "witnesses and groups share one set of names; none is taken")
        self.names.add(name)

    def check_key(self, key: VerifierKey, others: list[VerifierKey]) -> None:
        if len(others) >= limits.TLOG_POLICY_KEYS_MAX:
            raise Refused("policy.too-many", f"at most {limits.TLOG_POLICY_KEYS_MAX} logs and as many witnesses")
        if any(key.public_key == other.public_key for other in others):
            raise Refused("policy.duplicate-key", "the public key is listed before, under whatever name")

    def finished(self) -> Policy:
        if len(self.quorums) != 1:
            raise Refused("policy.quorum", f"{len(self.quorums)} quorum lines; exactly one")
        quorum = None if self.quorums == [b"none"] else self.quorums[0]
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), quorum)


def parse_policy_key(vkey: bytes) -> VerifierKey:
    try:
        return parse_vkey(vkey.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("note.key", "a vkey is UTF-8") from None


def parse_threshold(text: bytes, members: int) -> int:
    """Return how many of ``members`` a group needs: ``any`` is 1, ``all`` is every one."""
    threshold = {b"any": 1, b"all": members}.get(text) or parse_decimal(text.decode("latin-1"))
    if threshold is None or not 1 <= threshold <= members:
        raise Malformed("policy.threshold", f"a threshold is any, all or a number from 1 to {members}")
    return threshold
