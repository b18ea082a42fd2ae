"""Keeping a ledger: growing its tree, making proofs, signing notes. Nobody who only verifies needs this file.

What is made here is checked by whoever reads it, so a mistake here can make a proof that fails, never one that lies.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pourparler.core.errors import Malformed, Refused
from pourparler.core.ledger.note import (
    SIGNATURE_LINE_START,
    WITNESS_KEY_TYPES,
    KeyType,
    VerifierKey,
    base64_text,
    check_cosignature_time,
    check_key_name,
    cosigned_message,
)
from pourparler.core.ledger.tree import (
    EMPTY_ROOT,
    check_hashes,
    check_index,
    check_old_and_new,
    check_size,
    node_hash,
    split,
    unknown_subtrees,
)

NodeReader = Callable[[int, int], bytes]
"""``node(level, index)``: the root of the complete subtree over the 2^level entries from ``index * 2^level`` on."""

Signer = Callable[[bytes], bytes]
"""``sign(message)``: an Ed25519 signature of 64 bytes, or of 2,420 by an ML-DSA-44 key. Keys live elsewhere."""


# --- a tree that grows ------------------------------------------------------------------------------------------------


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

    def extended(self, leaves: Sequence[bytes]) -> tuple["Frontier", list[tuple[int, int, bytes]]]:
        """Return the frontier of the tree with these leaf hashes after it, and ``(level, index, hash)`` of each
        complete subtree that they finish, every leaf before what it finishes.

        A store that keeps them all can answer every :data:`NodeReader` question; a leaf finishes two on average. Cost:
        linear in the leaves. Raises :class:`Malformed` (``tree.hash-length``, ``tree.size``).
        """
        check_hashes(leaves)
        size, hashes = self.size, list(self.hashes)
        finished: list[tuple[int, int, bytes]] = []
        for leaf in leaves:
            level, index, hash_ = 0, size, leaf
            finished.append((level, index, hash_))
            while index % 2 == 1:
                level, index, hash_ = level + 1, index // 2, node_hash(hashes.pop(), hash_)
                finished.append((level, index, hash_))
            hashes.append(hash_)
            size += 1
        return Frontier(size, tuple(hashes)), finished

    def append(self, leaf: bytes) -> "Frontier":
        """Return the frontier of the tree with one more leaf, given its leaf hash."""
        return self.extended((leaf,))[0]

    def root(self) -> bytes:
        """Return the root of the tree, :data:`EMPTY_ROOT` for none. Cost: O(log size)."""
        return join(self.hashes) if self.hashes else EMPTY_ROOT


def frontier_of(size: int, node: NodeReader) -> Frontier:
    """Return the frontier of a stored tree of ``size`` leaves; asks ``node`` at most 63 times."""
    check_size(size)
    return Frontier(size, tuple(node(level, index) for level, index in complete_subtrees(0, size)))


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over the given leaf hashes."""
    return Frontier().extended(tuple(leaf_hashes))[0].root()


def join(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjacent subtrees that shrink from left to right: joined from the right."""
    *others, root = hashes
    for left in reversed(others):
        root = node_hash(left, root)
    return root


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


# --- making proofs ----------------------------------------------------------------------------------------------------


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


def multiproof(size: int, indexes: Iterable[int], node: NodeReader) -> tuple[bytes, ...]:
    """Return the one list of hashes that, with the leaf hashes at ``indexes``, makes up the root of ``size`` entries.

    Raises :class:`Refused` (``proof.no-leaves``, ``tree.index``) or :class:`Malformed` (``proof.too-many-hashes``).
    Cost: O(k log size) subtrees for k indexes, whatever the size.
    """
    known = sorted(set(indexes))
    return tuple(subtree_root(start, end, node) for start, end in unknown_subtrees(size, known))


# --- signing notes ----------------------------------------------------------------------------------------------------


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
    """Return the cosignature line of ``key`` (type 0x04 or 0x06) under a checkpoint's ``text``, dated ``time``.

    Raises :class:`Refused` (``cosignature.time``; ``checkpoint.extension`` where ``text`` is none that an ML-DSA-44 key
    can sign: its message has no place for extension lines).
    """
    assert key.type in WITNESS_KEY_TYPES
    assert text.endswith("\n")
    check_cosignature_time(key.type, time)
    message = cosigned_message(text, key, time)
    if message is None:
        raise Refused("checkpoint.extension", "an ML-DSA-44 key cosigns checkpoints of three lines only")
    return note_text_signature_line(key.name, key.key_id, time.to_bytes(8, "big") + sign(message))


def signed_note(text: str, lines: Iterable[bytes]) -> bytes:
    """Return the note of a text, which ends in newline, and its signature lines."""
    return text.encode() + b"\n" + b"".join(lines)
