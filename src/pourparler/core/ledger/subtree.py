"""Subtrees ``[start, end)`` of a tree, and their proofs (draft-ietf-plants-merkle-tree-certs section 4).

A *subtree* is the tree over the entries from ``start`` up to and without ``end``, where ``start`` is a multiple of a
power of two that is no less than ``end - start``. Nothing here rests on one yet: a ledger's own proofs are those of
``tree``. With ``start`` 0 a subtree's consistency is that of an older checkpoint.
"""

from collections.abc import Sequence

from pourparler.core.errors import Refused
from pourparler.core.ledger.tree import EMPTY_ROOT, check_hashes, check_size, node_hash, verify_inclusion


def check_subtree(start: int, end: int) -> None:
    """Raise :class:`Refused` (``proof.sizes``) unless ``[start, end)`` is a subtree; :class:`Malformed` (``tree.size``)
    where the end is out of range."""
    check_size(end)
    if not 0 <= start < end or start % (1 << (end - start - 1).bit_length()):
        raise Refused("proof.sizes", f"[{start}, {end}) is no subtree")


def verify_subtree_inclusion(
    entry_hash: bytes, index: int, start: int, end: int, path: Sequence[bytes], subtree_root: bytes
) -> None:
    """Raise unless the leaf with ``entry_hash`` is entry ``index`` of the subtree ``[start, end)`` with this root.

    Raises as :func:`check_subtree` and :func:`verify_inclusion` do. Section 4.3 of the draft.
    """
    check_subtree(start, end)
    if index < start:
        raise Refused("tree.index", f"entry {index} stands before [{start}, {end})")
    verify_inclusion(entry_hash, index - start, end - start, path, subtree_root)


def verify_subtree_consistency(
    start: int, end: int, subtree_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Raise unless the tree with ``size`` and ``root`` holds the subtree ``[start, end)`` with ``subtree_root``.

    Raises as :func:`check_subtree` does, and :class:`Malformed` (``tree.size``, ``tree.hash-length``) or
    :class:`Refused` (``proof.sizes``, ``proof.length``, ``proof.inconsistent``). Section 4.4 of the draft.
    """
    check_size(size)
    check_hashes((subtree_root, root, *path))
    if start == end <= size and not path and subtree_root == EMPTY_ROOT:
        return  # no entries stand in every tree; that says nothing about it, as with an old size of 0
    check_subtree(start, end)
    if end > size:
        raise Refused("proof.sizes", f"a tree of {size} entries has none of [{start}, {end})")
    first, last, whole = start, end - 1, size - 1
    while first != last and (last == whole or last % 2):
        first, last, whole = first >> 1, last >> 1, whole >> 1
    hashes = [subtree_root, *path] if first == last else list(path)  # one complete subtree starts its own path
    if not hashes:
        raise Refused("proof.length", "the path is empty")
    part = tree = hashes[0]
    for sibling in hashes[1:]:
        if whole == 0:
            raise Refused("proof.length", "the path goes on above the root")
        if last % 2 or last == whole:
            part = node_hash(sibling, part) if first < last else part
            tree = node_hash(sibling, tree)
            while last % 2 == 0 and last > 0:
                first, last, whole = first >> 1, last >> 1, whole >> 1
        else:
            tree = node_hash(tree, sibling)
        first, last, whole = first >> 1, last >> 1, whole >> 1
    if whole != 0:
        raise Refused("proof.length", "the path ends below the root")
    if (part, tree) != (subtree_root, root):
        raise Refused("proof.inconsistent", "the path does not lead to both roots")
