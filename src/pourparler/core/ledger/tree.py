"""The tree (RFC 9162 section 2.1), and checking that an entry stands in one, or that one continues another.

The tree's root is a digest of the whole list of entries. Its inner nodes are called by ``(level, index)``: the root of
the complete subtree over the ``2**level`` entries from ``index * 2**level`` on.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from pourparler.core import limits
from pourparler.core.errors import Malformed, Refused

HASH_BYTES = 32

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


def split(width: int) -> int:
    """Return the largest power of two below ``width``: how many leaves go left in a tree of ``width`` >= 2."""
    return 1 << (width - 1).bit_length() - 1


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


# --- inclusion and consistency (RFC 9162 sections 2.1.3 and 2.1.4) ----------------------------------------------------


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


# --- the multiproof: many entries, one list of hashes (spec/ledger.md section 4) --------------------------------------


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
