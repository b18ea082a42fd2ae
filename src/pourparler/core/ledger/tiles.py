"""Tiles: a ledger as files that any web server can hold (c2sp.org/tlog-tiles). Specification: ``spec/tiles.md``.

A *tile* of level L is a run of up to 256 hashes of complete subtrees, each over 256^L entries; an *entry bundle* holds
the entries themselves, 256 to a bundle. Only the last tile of a level can be narrower than 256: it is *partial*, is the
beginning of what the full tile will be, and says its width in its path. Every hash above level 0 is the root of a full
tile below it, and no other hash of the tree needs to be stored::

    tile/0/x001/x234/067        256 leaf hashes, from entry 1,234,067 * 256 on
    tile/1/004.p/17             17 hashes, each the root of a full tile of level 0
    tile/entries/000.p/8        the first 8 entries, each with its length before it

Who has nothing but a checkpoint can use tiles from anybody (:class:`TileReader`). The partial tiles of a tree are its
right edge: their hashes, joined from the widest subtree to the narrowest, are the root. A full tile is what its hash in
the level above says. So every hash is proven before it is used, and a tile that is withheld is said to be.

>>> Tile(0, 1_234_067).path, parse_tile_path("tile/entries/000.p/8")
('tile/0/x001/x234/067', Tile(level=None, index=0, width=8))
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.ledger.keeping import Frontier, join
from pourparler.core.ledger.tree import EMPTY_ROOT, HASH_BYTES, check_hashes, check_index, check_size, leaf_hash

TILE_WIDTH = 256
TILE_HEIGHT = 8  # levels of the tree that a tile spans: 2^8 hashes
TILE_LEVEL_MAX = 63
TILE_MAX_BYTES = TILE_WIDTH * HASH_BYTES
LENGTH_BYTES = 2
ENTRY_BUNDLE_MAX_BYTES = TILE_WIDTH * (LENGTH_BYTES + limits.LEDGER_ENTRY_MAX_BYTES)
TILES_KEPT = 256  # of those that a reader has proven; more are asked for again

# An index has at most 19 digits, 2^63: seven groups of three.
TILE_PATH = re.compile(r"tile/(entries|\d{1,2})/((?:x\d{3}/){0,6}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """Which tile: of what ``level`` (None: an entry bundle), the how manyth of it, and how many hashes or entries."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where a log serves it, below the log's own address."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = "" if self.full else f".p/{self.width}"
        return f"tile/{'entries' if self.level is None else self.level}/{'/'.join(groups)}{partial}"

    @property
    def full(self) -> bool:
        """Whether it will never change."""
        return self.width == TILE_WIDTH

    @property
    def max_bytes(self) -> int:
        """How many bytes it has at most."""
        most = LENGTH_BYTES + limits.LEDGER_ENTRY_MAX_BYTES if self.level is None else HASH_BYTES
        return self.width * most

    @property
    def whole(self) -> "Tile":
        """The full tile that it is, or will become, the beginning of."""
        return Tile(self.level, self.index)


def parse_tile_path(path: str) -> Tile:
    """Return the tile that a path names. Raises :class:`Malformed` (``tile.path``) for any other spelling."""
    found = TILE_PATH.fullmatch(path)
    if found is not None:
        level, groups, width = found.groups()
        index = int(groups.replace("/", "").replace("x", ""))
        tile = Tile(None if level == "entries" else int(level), index, TILE_WIDTH if width is None else int(width))
        known = (tile.level or 0) <= TILE_LEVEL_MAX and index <= limits.TREE_SIZE_MAX and tile.width > 0
        if known and tile.path == path:
            return tile
    raise Malformed("tile.path", "a path is tile, level or entries, index in groups of three digits, width if partial")


# --- which tiles a tree has -------------------------------------------------------------------------------------------


def width_of(size: int, level: int | None, index: int) -> int:
    """Return how wide a tile is in the tree of a size: 0 where it has none there. Raises as :func:`check_size`."""
    check_size(size)
    hashes = size >> TILE_HEIGHT * (level or 0)
    return max(0, min(TILE_WIDTH, hashes - index * TILE_WIDTH))


def tile_of(size: int, level: int | None, index: int) -> Tile:
    """Return the tile that a tree of a size has there. Raises :class:`Refused` (``tile.not-in-tree``)."""
    width = width_of(size, level, index)
    if not width:
        raise Refused("tile.not-in-tree", f"a tree of {size} has no such tile")
    return Tile(level, index, width)


def levels_of(size: int) -> int:
    """Return how many levels of tiles a tree has."""
    check_size(size)
    return (size.bit_length() + TILE_HEIGHT - 1) // TILE_HEIGHT


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Yield the tiles and entry bundles of a tree: bundles first, then each level from the leaves up, left to right.

    With ``since``, only those that the tree of that size has not: what a log has to add when it grows.
    """
    yield from tiles_of_level(size, None, since)
    for level in range(levels_of(size)):
        yield from tiles_of_level(size, level, since)


def tiles_of_level(size: int, level: int | None, since: int = 0) -> Iterator[Tile]:
    shift = TILE_HEIGHT * (level or 0)
    hashes, before = size >> shift, since >> shift
    for index in range(before // TILE_WIDTH, (hashes + TILE_WIDTH - 1) // TILE_WIDTH):
        tile = tile_of(size, level, index)
        if index * TILE_WIDTH + tile.width > before:
            yield tile


def partial_tiles(size: int) -> list[Tile]:
    """Return the partial tiles of hashes, the highest first: one for each level at which the tree has a right edge."""
    found: list[Tile] = []
    for level in reversed(range(levels_of(size))):
        hashes = size >> TILE_HEIGHT * level
        if width := hashes % TILE_WIDTH:
            found.append(Tile(level, hashes // TILE_WIDTH, width))
    return found


# --- their bytes ------------------------------------------------------------------------------------------------------


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return a tile of hashes. Raises :class:`Malformed` (``tree.hash-length``)."""
    check_hashes(hashes)
    return b"".join(hashes)


def parse_hashes(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """Return the hashes of a tile. Raises :class:`Malformed` (``tile.length``) unless there are exactly its width."""
    if len(data) != tile.width * HASH_BYTES:
        raise Malformed("tile.length", f"{tile.path} has {len(data)} bytes, and not {tile.width * HASH_BYTES}")
    return tuple([data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)])


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle. Raises :class:`Malformed` (``tree.entry-too-large``): nothing is ever cut short."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > limits.LEDGER_ENTRY_MAX_BYTES:
            raise Malformed("tree.entry-too-large", f"{len(entry)} bytes; at most {limits.LEDGER_ENTRY_MAX_BYTES}")
        parts += (len(entry).to_bytes(LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def parse_bundle(tile: Tile, data: bytes) -> tuple[bytes, ...]:
    """Return the entries of a bundle: exactly as many as it is wide.

    Raises :class:`Malformed`: ``tile.entry-cut`` where one is longer than what is left, ``tile.trailing`` where bytes
    are left over.
    """
    entries: list[bytes] = []
    at, size = 0, len(data)
    for number in range(tile.width):
        start = at + LENGTH_BYTES
        end = start + (data[at] << 8 | data[at + 1]) if start <= size else start
        if end > size:
            raise Malformed("tile.entry-cut", f"{tile.path} ends within its entry {number} of {tile.width}")
        entries.append(data[start:end])
        at = end
    if at != size:
        raise Malformed("tile.trailing", f"{tile.path} has {len(data) - at} bytes after its {tile.width} entries")
    return tuple(entries)


# --- hashing them -----------------------------------------------------------------------------------------------------


def leaf_hashes(entries: Sequence[bytes]) -> list[bytes]:
    """Return the leaf hash of each entry, as :func:`leaf_hash` does; a loop with nothing else in it, for speed."""
    if entries and max(map(len, entries)) > limits.LEDGER_ENTRY_MAX_BYTES:
        raise Malformed("tree.entry-too-large", f"an entry has more than {limits.LEDGER_ENTRY_MAX_BYTES} bytes")
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def parents_of(hashes: Sequence[bytes]) -> list[bytes]:
    """Return the hash of each node over two of these, left to right; a last one without its pair has none yet."""
    one = iter(hashes)
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(one, one, strict=False)]


def root_of_full(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes: of a full tile, its hash in the level above."""
    while len(hashes) > 1:
        hashes = parents_of(hashes)
    return hashes[0]


def edge_of(hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the roots of the largest complete subtrees over the hashes of one tile, the widest first."""
    found: list[bytes] = []
    start = 0
    while start < len(hashes):
        width = 1 << (len(hashes) - start).bit_length() - 1
        found.append(root_of_full(hashes[start : start + width]))
        start += width
    return tuple(found)


class TileMaker:
    """Makes the tiles of a tree from its entries, in order. It holds less than a tile of each level, however large the
    tree, so that whoever has entries and a checkpoint can check one by the other."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[list[bytes]] = []

    def extend(self, hashes: Sequence[bytes]) -> list[tuple[Tile, list[bytes]]]:
        """Add leaf hashes; return the full tiles that they finish, each with its hashes, below before above."""
        finished: list[tuple[Tile, list[bytes]]] = []
        check_size(self.size + len(hashes))
        before, self.size = self.size, self.size + len(hashes)
        self._add(0, before, hashes, finished)
        return finished

    def _add(self, level: int, before: int, hashes: Sequence[bytes], finished: list[tuple[Tile, list[bytes]]]) -> None:
        if level == len(self._edge):
            self._edge.append([])
        edge = self._edge[level]
        index = before // TILE_WIDTH
        edge.extend(hashes)
        roots: list[bytes] = []
        while len(edge) >= TILE_WIDTH:
            tile, edge[:TILE_WIDTH] = edge[:TILE_WIDTH], []
            finished.append((Tile(level, index + len(roots)), tile))
            roots.append(root_of_full(tile))
        if roots:
            self._add(level + 1, index, roots, finished)

    def partial(self) -> list[tuple[Tile, list[bytes]]]:
        """Return the partial tiles of the tree as it stands, the highest first."""
        return [(tile, list(self._edge[tile.level or 0])) for tile in partial_tiles(self.size)]

    def frontier(self) -> Frontier:
        """Return the tree's frontier."""
        hashes = (hash_ for _, tile in self.partial() for hash_ in edge_of(tile))
        return Frontier(self.size, tuple(hashes))

    def root(self) -> bytes:
        """Return the tree's root."""
        return self.frontier().root()


# --- trusting a checkpoint alone --------------------------------------------------------------------------------------

FetchTile = Callable[[Tile], bytes | None]
"""``fetch(tile)``: the bytes served at its path, from whomever; None where there are none."""


class TileReader:
    """The tree under a checkpoint, read from tiles that nobody vouches for: no hash is used before it is proven.

    :meth:`node` is a :data:`NodeReader`, so that proofs are made from foreign tiles as from one's own store. Memory is
    bounded, whatever the size. Everything raises :class:`Missing` (``tile.unavailable``) where a tile is withheld;
    :class:`Malformed` (``tile.length``, ``tile.entry-cut``, ``tile.trailing``) or :class:`Refused` (``tile.root``,
    ``tile.hash``, ``tile.entry``) where one is not what the checkpoint says.
    """

    def __init__(self, size: int, root: bytes, fetch: FetchTile) -> None:
        check_size(size)
        check_hashes((root,))
        self.size, self.root, self._fetch = size, root, fetch
        self._edge: dict[int, tuple[bytes, ...]] | None = None
        self._proven: OrderedDict[Tile, tuple[bytes, ...]] = OrderedDict()

    def hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        """Return the hashes of a tile, proven. Raises :class:`Refused` (``tile.not-in-tree``) and as the class does."""
        tile = tile_of(self.size, level, index)
        if not tile.full:
            return self.edge()[level]
        if tile in self._proven:
            self._proven.move_to_end(tile)
            return self._proven[tile]
        said = self.hashes(level + 1, index // TILE_WIDTH)[index % TILE_WIDTH]
        found = parse_hashes(tile, self._bytes(tile))
        if root_of_full(found) != said:
            raise Refused("tile.hash", f"{tile.path} is not the tile whose hash stands in the level above")
        self._proven[tile] = found
        if len(self._proven) > TILES_KEPT:
            self._proven.popitem(last=False)
        return found

    def edge(self) -> dict[int, tuple[bytes, ...]]:
        """Return the hashes of the partial tiles, by level, once they have led to the checkpoint's root."""
        if self._edge is None:
            edge: dict[int, tuple[bytes, ...]] = {}
            for tile in partial_tiles(self.size):
                edge[tile.level or 0] = parse_hashes(tile, self._bytes(tile))
            frontier = [hash_ for hashes in edge.values() for hash_ in edge_of(hashes)]
            if (join(frontier) if frontier else EMPTY_ROOT) != self.root:
                raise Refused("tile.root", "the partial tiles do not lead to the checkpoint's root")
            self._edge = edge
        return self._edge

    def node(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree of the tree (a :data:`NodeReader`). Raises as :meth:`hashes`."""
        within = level % TILE_HEIGHT
        first = index << within
        hashes = self.hashes(level // TILE_HEIGHT, first // TILE_WIDTH)
        start = first % TILE_WIDTH
        if start + (1 << within) > len(hashes):
            raise Refused("tile.not-in-tree", f"a tree of {self.size} has no complete subtree there")
        return root_of_full(hashes[start : start + (1 << within)])

    def entries(self, index: int) -> tuple[bytes, ...]:
        """Return the entries of a bundle, each of them proven. Raises as :meth:`hashes`."""
        tile = tile_of(self.size, None, index)
        said = self.hashes(0, index)
        found = self._entries(tile)
        hashes = leaf_hashes(found)
        if tuple(hashes) != said:
            wrong = next(number for number, hash_ in enumerate(said) if hashes[number] != hash_)
            at = index * TILE_WIDTH + wrong
            raise Refused("tile.entry", f"entry {at} in {tile.path} is not the one under the checkpoint")
        return found

    def entry(self, index: int) -> bytes:
        """Return one entry, proven. Raises :class:`Refused` (``tree.index``) and as :meth:`hashes`."""
        check_index(index, self.size)
        tile = tile_of(self.size, None, index // TILE_WIDTH)
        found = self._entries(tile)[index % TILE_WIDTH]
        if leaf_hash(found) != self.node(0, index):
            raise Refused("tile.entry", f"entry {index} in {tile.path} is not the one under the checkpoint")
        return found

    def _entries(self, tile: Tile) -> tuple[bytes, ...]:
        data = self._fetch(tile)
        if data is not None:
            return parse_bundle(tile, data)
        data = None if tile.full else self._fetch(tile.whole)
        if data is None:
            raise unavailable(tile)
        return parse_bundle(tile.whole, data)[: tile.width]

    def _bytes(self, tile: Tile) -> bytes:
        """Return a tile's bytes; where a partial one is not served any more, the beginning of the full one."""
        data = self._fetch(tile)
        if data is not None:
            return data
        data = None if tile.full else self._fetch(tile.whole)
        if data is None:
            raise unavailable(tile)
        return encode_hashes(parse_hashes(tile.whole, data)[: tile.width])


def unavailable(tile: Tile) -> Missing:
    return Missing("tile.unavailable", f"{tile.path} is not to be had, and the checkpoint covers it")
