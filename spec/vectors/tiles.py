"""Vectors of spec/tiles.md: paths, which tiles a tree has, and reading entries with a checkpoint alone."""

import hashlib

from spec.vectors import kit
from spec.vectors.kit import Group, group

WIDTH = 256


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(leaves: list[bytes]) -> bytes:
    """Return the root of RFC 9162 section 2.1.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    at = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:at]) + root(leaves[at:])).digest()


def bundle(*entries: bytes) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def files(**changed) -> dict:
    """Return what a log of 257 entries serves, each entry the letter a; ``None`` in place of a file: it is not served.

    A name is a path with its marks left out: ``t0`` is the full tile of level 0, ``e1`` the second bundle.
    """
    hash_ = leaf(b"a")
    served = {
        "t0": (hash_ * WIDTH, "tile/0/000"),
        "t0p": (hash_, "tile/0/001.p/1"),
        "t1p": (root([hash_] * WIDTH), "tile/1/000.p/1"),
        "e0": (bundle(b"a") * WIDTH, "tile/entries/000"),
        "e1p": (bundle(b"a"), "tile/entries/001.p/1"),
        "t0w": (None, "tile/0/001"),
        "e1w": (None, "tile/entries/001"),
    }
    found = {path: changed.get(name, data) for name, (data, path) in served.items()}
    return {path: shown(data) for path, data in found.items() if data is not None}


def shown(data: bytes):
    """Return bytes as a case has them: many like ones once, and how often."""
    for size in (3, 32):
        if len(data) >= 100 and data == data[:size] * (len(data) // size):
            return kit.pieces((data[:size], len(data) // size))
    if len(data) < 200:
        return data.hex()
    return kit.pieces(*runs(data))


def runs(data: bytes) -> list[tuple[bytes, int]]:
    """Return data in which one part differs: what is before it, the part, and what follows."""
    size = 32 if len(data) % 32 == 0 else 3
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    found: list[tuple[bytes, int]] = []
    for part in parts:
        if found and found[-1][0] == part:
            found[-1] = (part, found[-1][1] + 1)
        else:
            found.append((part, 1))
    return found


@group(
    "tiles",
    format="spec/tiles.md",
    about="A case with a `path` parses it: it names `tile`, which is [level or 'entries', index, width]."
    " A case with `size` and `tiles` lists, in the order of bundles, then levels, the tiles that the "
    "tree of that size has and the one of `since` entries has not. A case with `files` reads the entries of `bundle` "
    "from them, given `size` and `root` of a checkpoint that was verified; all other files are not served.",
)
def tiles(group: Group) -> None:
    paths(group)
    trees(group)
    reading(group)


def paths(group: Group) -> None:
    def valid(name, what, path, *tile):
        group.valid(f"path-{name}", what, path=path, tile=list(tile))

    def invalid(name, what, path, twin, differs):
        group.invalid(f"path-{name}", what, "tile.path", f"tiles/path-{twin}", differs, path=path)

    valid("full", "the first full tile", "tile/0/000", 0, 0, 256)
    valid("partial", "a partial tile", "tile/0/000.p/255", 0, 0, 255)
    valid("level", "the highest level of the format", "tile/63/000", 63, 0, 256)
    valid("groups", "an index of three groups", "tile/0/x001/x234/067", 0, 1_234_067, 256)
    valid("thousand", "an index of two groups, the last of zeros", "tile/0/x001/000", 0, 1000, 256)
    valid("entries", "a partial entry bundle", "tile/entries/x001/234.p/8", "entries", 1234, 8)
    valid("last", "the last bundle that a tree of 2^63 - 1 can have", "tile/entries/x036/x028/x797/x018/x963/967.p/255",
          "entries", 36_028_797_018_963_967, 255)  # fmt: skip
    invalid("level-64", "a level above 63", "tile/64/000", "level", "64, not 63")
    invalid("level-zero", "a level with a leading zero", "tile/00/000", "full", "00, not 0")
    invalid("level-signed", "a level with a sign", "tile/+0/000", "full", "+0, not 0")
    invalid("level-hash", "a level that is a word", "tile/hashes/000", "full", "a word in place of the level")
    invalid("level-arabic", "a level in digits that are not ASCII", "tile/\u0660/000", "full", "U+0660 in place of 0")
    invalid("index-short", "a group of two digits", "tile/0/00", "full", "two digits")
    invalid("index-long", "a group of four digits", "tile/0/0000", "full", "four digits")
    invalid("index-zeros", "a group of zeros at the front", "tile/0/x000/000", "full", "a group more")
    invalid("index-no-x", "a group before the last without its x", "tile/0/001/x234/067", "groups", "the first x")
    invalid("index-last-x", "an x before the last group", "tile/0/x001/x234/x067", "groups", "the last x")
    invalid("index-huge", "an index above 2^63 - 1", "tile/0/x009/x223/x372/x036/x854/x775/808", "groups", "the index")
    invalid("width-0", "a width of none", "tile/0/000.p/0", "partial", "0, not 255")
    invalid("width-256", "the width of a full tile, said", "tile/0/000.p/256", "partial", "256, not 255")
    invalid("width-zero", "a width with a leading zero", "tile/0/000.p/0255", "partial", "0255, not 255")
    invalid("width-empty", "no width where it is said to follow", "tile/0/000.p/", "partial", "no digits")
    invalid("slash", "a slash before it", "/tile/0/000", "full", "the slash")
    invalid("slash-after", "a slash after it", "tile/0/000/", "full", "the slash")
    invalid("newline", "a newline after it", "tile/0/000\n", "full", "the newline")
    invalid("up", "a way out of the folder", "tile/0/../000", "full", "two dots")
    invalid("nothing", "no path", "", "full", "nothing is there")


def trees(group: Group) -> None:
    def valid(name, what, size, since, *tiles):
        group.valid(f"tree-{name}", what, size=size, since=since, tiles=list(tiles))

    valid("empty", "an empty tree has no tiles", 0, 0)
    valid("one", "one entry", 1, 0, "tile/entries/000.p/1", "tile/0/000.p/1")
    valid("255", "all but one", 255, 0, "tile/entries/000.p/255", "tile/0/000.p/255")
    valid("256", "a full tile, and its hash above", 256, 0, "tile/entries/000", "tile/0/000", "tile/1/000.p/1")
    valid("grown", "what a tree of 255 has to add to become one of 257", 257, 255, "tile/entries/000",
          "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1")  # fmt: skip
    valid("same", "a tree that did not grow has nothing to add", 300, 300)
    valid("70000", "the last entry of 70,000", 70_000, 69_999, "tile/entries/273.p/112", "tile/0/273.p/112")
    valid("65536", "the last entry of 65,536 finishes three tiles", 65_536, 65_535, "tile/entries/255", "tile/0/255",
          "tile/1/000", "tile/2/000.p/1")  # fmt: skip


def reading(group: Group) -> None:
    leaves = [leaf(b"a")] * (WIDTH + 1)
    size, hash_ = len(leaves), leaf(b"a")
    whole = {"size": size, "root": root(leaves).hex()}

    def valid(name, what, index, entries, **changed):
        group.valid(f"read-{name}", what, **whole, files=files(**changed), bundle=index, entries=entries)

    def invalid(name, what, reason, twin, differs, index=0, checkpoint=None, **changed):
        case = {**(checkpoint or whole), "files": files(**changed), "bundle": index}
        group.invalid(f"read-{name}", what, reason, f"tiles/read-{twin}", differs, **case)

    valid("full", "a full bundle", 0, kit.pieces((b"a", WIDTH)))
    valid("partial", "a partial bundle", 1, [["61", 1]])
    valid("fallback", "the full tile and bundle in place of partial ones; what follows in them is not looked at", 1,
          [["61", 1]], t0p=None, e1p=None, t0w=hash_ + bytes(255 * 32), e1w=bundle(b"a") + bytes(510))  # fmt: skip
    wrong = leaf(b"b")
    invalid("root", "a checkpoint of another root", "tile.root", "full", "the root",
            checkpoint={"size": size, "root": leaf(b"x").hex()})  # fmt: skip
    invalid("size", "a checkpoint of another size", "tile.root", "full", "the size",
            checkpoint={"size": size - 1, "root": whole["root"]})  # fmt: skip
    invalid(
        "edge", "a partial tile with another hash", "tile.root", "partial", "the hash of the last entry", 1, t0p=wrong
    )
    invalid("edge-above", "a hash of level 1 that is another one", "tile.root", "full", "the hash in tile/1/000.p/1",
            t1p=wrong)  # fmt: skip
    invalid("edge-long", "a partial tile with a hash more than its width", "tile.length", "partial", "64 bytes", 1,
            t0p=hash_ * 2)  # fmt: skip
    invalid("edge-short", "a partial tile that is cut short", "tile.length", "partial", "31 bytes", 1, t0p=hash_[:31])
    invalid("edge-gone", "a partial tile that is not served, nor the full one", "tile.unavailable", "partial",
            "tile/0/001.p/1 is not there", 1, t0p=None)  # fmt: skip
    invalid("tile", "a full tile with one other hash", "tile.hash", "full", "its last hash",
            t0=hash_ * (WIDTH - 1) + wrong)  # fmt: skip
    invalid("tile-short", "a full tile with a hash less", "tile.length", "full", "its length", t0=hash_ * (WIDTH - 1))
    invalid(
        "tile-gone", "a full tile that is not served", "tile.unavailable", "full", "tile/0/000 is not there", t0=None
    )
    invalid("entry", "a bundle with one other entry", "tile.entry", "full", "its last entry",
            e0=bundle(b"a") * (WIDTH - 1) + bundle(b"b"))  # fmt: skip
    invalid("entry-cut", "an entry that says it is longer than what is left", "tile.entry-cut", "full",
            "the length of the last entry", e0=bundle(b"a") * (WIDTH - 1) + b"\x00\x02a")  # fmt: skip
    invalid("entry-none", "an entry less than the tile is wide", "tile.entry-cut", "full", "the last entry",
            e0=bundle(b"a") * (WIDTH - 1))  # fmt: skip
    invalid("length-cut", "a length of which one byte is there", "tile.entry-cut", "full", "its last two bytes",
            e0=bundle(b"a") * (WIDTH - 1) + b"\x00")  # fmt: skip
    invalid("trailing", "an entry more than the tile is wide", "tile.trailing", "full", "a 257th entry",
            e0=bundle(b"a") * (WIDTH + 1))  # fmt: skip
    invalid("bundle-gone", "a bundle that is not served", "tile.unavailable", "full", "tile/entries/000 is not there",
            e0=None)  # fmt: skip
    invalid("beyond", "a bundle that the tree has not", "tile.not-in-tree", "partial", "bundle 2, not 1", 2)
