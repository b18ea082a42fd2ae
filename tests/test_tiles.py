"""Tiles: what a tree has of them, what they say, and a stored ledger served and exported as them."""

import random
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core.council import Depositary
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.ledger import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    leaf_hash,
    multiproof,
    parse_checkpoint,
    root_of,
    split_note,
    verify_consistency,
    verify_inclusion,
    verify_multiproof,
)
from pourparler.core.ledger.tiles import (
    TILES_KEPT,
    Tile,
    TileMaker,
    TileReader,
    edge_of,
    encode_bundle,
    encode_hashes,
    leaf_hashes,
    parse_bundle,
    parse_hashes,
    parse_tile_path,
    partial_tiles,
    root_of_full,
    tile_of,
    tiles_of,
    width_of,
)
from pourparler.service import tiles as service_tiles
from pourparler.service.tiles import Exported, ExportError, LogView, export
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key
from tests.logs import DESK, LEDGER, exported, foreign_log, talks
from tests.test_intake import SetClock, Side, begin, data, settle

ROOT = Path(__file__).resolve().parent.parent


def entries_of(size):
    return [str(index).encode() * (1 + index % 3) for index in range(size)]


def files_of(entries):
    """Return every tile of a log, by Tile, made in pieces of odd sizes."""
    maker, files = TileMaker(), {}
    chance = random.Random(len(entries))
    start = 0
    while start < len(entries):
        part = entries[start : start + chance.randrange(1, 700)]
        files |= {tile: encode_hashes(hashes) for tile, hashes in maker.extend(leaf_hashes(part))}
        start += len(part)
    files |= {tile: encode_hashes(hashes) for tile, hashes in maker.partial()}
    bundles = [entries[at : at + 256] for at in range(0, len(entries), 256)]
    return files | {Tile(None, at, len(part)): encode_bundle(part) for at, part in enumerate(bundles)}


def read_all(reader):
    return [entry for index in range(-(-reader.size // 256)) for entry in reader.entries(index)]


def outcome(parse, *arguments):
    """Return what a parser makes of something, or the reason why it is malformed."""
    try:
        return parse(*arguments)
    except Malformed as error:
        return error.reason


# --- the format -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000])
def test_the_tiles_of_a_tree_prove_every_entry(size):
    entries = entries_of(size)
    files, root = files_of(entries), root_of(leaf_hash(entry) for entry in entries)
    assert set(files) == set(tiles_of(size))
    reader = TileReader(size, root, files.get)
    assert reader.edge().keys() == {tile.level for tile in partial_tiles(size)}
    for index in {0, 1, size // 600, (size - 1) // 256} if size else ():
        if index * 256 < size:
            assert reader.entries(index) == tuple(entries[index * 256 : index * 256 + 256])
    for index in {0, size // 2, size - 1} if size else ():
        assert reader.entry(index) == entries[index]
        verify_inclusion(leaf_hash(entries[index]), index, size, inclusion_path(size, index, reader.node), root)
        old = index + 1
        old_root = root_of(leaf_hash(entry) for entry in entries[:old])
        verify_consistency(old, old_root, size, root, consistency_path(old, size, reader.node))
    if size:
        known = {index: leaf_hash(entries[index]) for index in (0, size // 3, size - 1)}
        assert verify_multiproof(size, known, multiproof(size, known, reader.node)) == root


@given(st.integers(0, 70_000), st.integers(0, 70_000))
@settings(max_examples=200, deadline=None)
def test_a_growing_log_adds_what_the_larger_tree_has_more(one, other):
    old, new = sorted((one, other))
    before, after = set(tiles_of(old)), set(tiles_of(new))
    assert set(tiles_of(new, old)) == after - before
    for tile in after:
        assert parse_tile_path(tile.path) == tile
        assert width_of(new, tile.level, tile.index) == tile.width


def test_the_example_of_the_page():
    assert sum(1 for tile in tiles_of(70_000) if tile.level == 0) == 274
    assert partial_tiles(70_000) == [Tile(2, 0, 1), Tile(1, 1, 17), Tile(0, 273, 112)]
    assert tile_of(70_000, 1, 0).full


@given(st.text(max_size=40))
def test_any_text_is_a_path_or_malformed(text):
    found = outcome(parse_tile_path, text)
    assert found == "tile.path" or found.path == text


@given(st.integers(1, 256), st.binary(max_size=2000))
def test_any_bytes_are_a_tile_or_malformed(width, raw):
    tile, bundle = Tile(0, 7, width), Tile(None, 7, width)
    for parse, encode, which in ((parse_hashes, encode_hashes, tile), (parse_bundle, encode_bundle, bundle)):
        found = outcome(parse, which, raw)
        malformed = found in ("tile.length", "tile.entry-cut", "tile.trailing")
        assert malformed or (len(found) == width and encode(found) == raw)


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=600))
@settings(deadline=None)
def test_the_maker_has_the_tree_of_rfc_9162(entries):
    maker = TileMaker()
    maker.extend(leaf_hashes(entries))
    assert maker.root() == root_of(leaf_hash(entry) for entry in entries)
    assert leaf_hashes(entries) == [leaf_hash(entry) for entry in entries]


def test_an_empty_tree_has_no_tile_to_ask_for():
    reader = TileReader(0, EMPTY_ROOT, lambda _: pytest.fail("asked"))
    assert reader.edge() == {}
    with pytest.raises(Refused, match="tile.not-in-tree"):
        reader.entries(0)
    with pytest.raises(Refused, match="tile.root"):
        TileReader(0, bytes(32), {}.get).edge()


def test_every_bit_of_every_file_matters():
    """One bit changed anywhere in what is read is refused or malformed, and nothing else."""
    entries = entries_of(700)
    files, root = files_of(entries), root_of(map(leaf_hash, entries))
    chance = random.Random(1)
    for tile, raw in files.items():
        for _ in range(12):
            changed = bytearray(raw)
            changed[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
            reader = TileReader(700, root, {**files, tile: bytes(changed)}.get)
            with pytest.raises((Malformed, Refused)) as caught:
                read_all(reader)
            assert caught.value.reason.startswith("tile.")


def test_what_is_proven_is_kept_within_a_bound():
    size = (TILES_KEPT + 3) * 256
    hashes = [leaf_hash(b"")] * 256
    maker = TileMaker()
    maker.extend(hashes * (TILES_KEPT + 3))
    files = {Tile(0, index): encode_hashes(hashes) for index in range(TILES_KEPT + 3)}
    files |= {tile: encode_hashes(row) for tile, row in maker.partial()} | {Tile(1, 0): root_of_full(hashes) * 256}
    asked = []
    reader = TileReader(size, maker.root(), lambda tile: asked.append(tile) or files.get(tile))
    for index in range(TILES_KEPT + 3):
        reader.hashes(0, index)
    assert len(reader._proven) <= TILES_KEPT
    before = len(asked)
    reader.hashes(0, TILES_KEPT + 2)
    assert len(asked) == before
    reader.hashes(0, 0)
    assert len(asked) == before + 1


def test_nothing_is_used_before_it_is_proven():
    """A tile above is proven before one below is even asked for: whoever lies is not followed deeper."""
    entries = entries_of(66_000)
    files, root = files_of(entries), root_of(map(leaf_hash, entries))
    asked = []
    wrong = {**files, Tile(1, 0): bytes(8192)}
    reader = TileReader(66_000, root, lambda tile: asked.append(tile) or wrong.get(tile))
    with pytest.raises(Refused, match="tile.hash"):
        reader.entries(3)
    assert Tile(0, 3) not in asked
    assert asked == [*partial_tiles(66_000), Tile(1, 0)]


def test_every_reason_is_explained_on_the_page():
    page = (ROOT / "spec" / "tiles.md").read_text("utf-8")
    explained = set(re.findall(r"^\| `([a-z-]+\.[a-z-]+)` \| (?:Malformed|Refused|Missing)", page, re.MULTILINE))
    sources = ("core/ledger/tiles.py", "service/sources.py", "service/audit.py")
    code = "".join((ROOT / "src" / "pourparler" / name).read_text("utf-8") for name in sources)
    raised = set(re.findall(r'(?:Malformed|Refused|Missing)\(\s*f?"(tile\.[a-z-]+)"', code))
    assert raised == explained


def test_the_edge_of_a_tile_is_the_frontier_over_it():
    hashes = leaf_hashes(entries_of(7))
    first = root_of_full(hashes[:4])
    assert edge_of(hashes) == (first, root_of_full(hashes[4:6]), hashes[6])


# --- a stored ledger as files -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ledger():
    intake = talks(75)
    assert intake.size > 512
    return intake


def test_the_view_serves_what_the_checkpoint_covers(ledger):
    view = LogView(ledger.store)
    note = view.resource("checkpoint")
    assert (note.data, note.content_type, note.immutable) == (ledger.checkpoint(), "text/plain; charset=utf-8", False)
    checkpoint = parse_checkpoint(split_note(note.data)[0])

    def fetch(tile):
        found = view.resource(tile.path)
        assert found is None or (found.immutable and found.content_type == "application/octet-stream")
        return found.data if found else None

    reader = TileReader(checkpoint.size, checkpoint.root, fetch)
    read = [entry for index in range(-(-checkpoint.size // 256)) for entry in reader.entries(index)]
    assert read == [entry.data for entry in ledger.store.entries()]
    for path in ("", "/checkpoint", "checkpoint/", "tile/0/999", "tile/9/000", "tile/0/000.p/0", "../x", "text/00"):
        assert view.resource(path) is None, path


def test_the_view_serves_public_texts_by_their_digest(ledger):
    view = LogView(ledger.store)
    digests = {digest for dossier in ledger.registry.dossiers.values() for digest in dossier.papers}
    assert len(digests) == 75
    for digest in digests:
        assert view.resource(f"text/{digest.hex()}").data == ledger.text(digest)
        assert view.resource(f"text/{digest.hex().upper()}") is None
    assert view.resource(f"text/{bytes(32).hex()}") is None


def test_the_view_serves_nothing_past_the_checkpoint_that_it_publishes():
    intake = begin()
    settle(intake, Side("First"))
    earlier = intake.checkpoint()
    settle(intake, Side("Second"))
    view = LogView(intake.store, lambda: earlier)
    size = parse_checkpoint(split_note(earlier)[0]).size
    assert view.resource("checkpoint").data == earlier
    assert size < intake.size
    assert view.resource(f"tile/0/000.p/{size}") is not None
    assert view.resource(f"tile/0/000.p/{intake.size}") is None
    assert view.resource(f"tile/entries/000.p/{intake.size}") is None
    assert LogView(intake.store).resource(f"tile/0/000.p/{intake.size}") is not None
    assert LogView(MemoryStore()).resource("checkpoint") is None
    assert LogView(MemoryStore()).resource("tile/0/000.p/1") is None


def snapshot(folder):
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_export_is_what_the_view_serves(ledger, tmp_path):
    folder, view = exported(ledger, tmp_path / "log"), LogView(ledger.store)
    files = snapshot(folder)
    assert {path for path in files if path.startswith("tile")} == {tile.path for tile in tiles_of(ledger.size)}
    assert sum(path.startswith("text/") for path in files) == 75
    for path, (raw, _) in files.items():
        assert view.resource(path).data == raw, path


def test_an_export_is_continued_and_full_tiles_are_never_written_again(tmp_path):
    """Many sizes of a growing ledger are exported; each checkpoint is answered for until the full tile is there."""
    clock = SetClock()
    intake = talks(0, clock=clock)
    folder, sizes, full = tmp_path / "log", [], {}
    for number in range(150):
        intake.submit(data(Side(f"Party {number}").found))
        before = intake.size if number % 2 else 0
        if before:
            done = export(LogView(intake.store), DESK, folder)
            assert (done.size, done.before) == (intake.size, sizes[-1] if sizes else 0)
            sizes.append(intake.size)
            now = {p: seen for p, seen in snapshot(folder).items() if ".p/" not in p and p != "checkpoint"}
            assert all(now[path] == seen for path, seen in full.items())
            full = now
            for size in sizes:
                for tile in tiles_of(size):
                    if tile.full or width_of(intake.size, tile.level, tile.index) < 256:
                        assert (folder / tile.path).is_file(), (size, tile.path)
    assert intake.size > 256
    assert not (folder / "tile" / "0" / "000.p").exists()  # its full tile is there
    again = export(LogView(intake.store), DESK, folder)
    assert (again.files, again.before) == (0, again.size)


def test_an_export_reads_only_what_is_new(tmp_path, monkeypatch):
    intake = talks(75)
    folder, size = exported(intake, tmp_path / "log"), intake.size
    settle(intake, Side("Third"))
    asked = []
    real = intake.store.entries
    monkeypatch.setattr(intake.store, "entries", lambda start=0: asked.append(start) or real(start))
    exported(intake, folder)
    assert asked
    assert min(asked) == size - size % 256 > 0


def test_an_export_that_was_cut_short_is_taken_up(ledger, tmp_path, monkeypatch):
    """Wherever it stops, the checkpoint is not there before its files are, and the next run finishes."""
    whole = exported(ledger, tmp_path / "whole")
    count = len(snapshot(whole))
    for stop in (0, 1, 5, count // 2, count - 1):
        folder = tmp_path / f"cut-{stop}"
        put, done = service_tiles.Shelf.put, []

        def failing(shelf, path, raw, *, replace=False, put=put, done=done, stop=stop):
            if len(done) == stop:
                raise OSError(28, "No space left on device")
            done.append(path)
            return put(shelf, path, raw, replace=replace)

        with monkeypatch.context() as patch:
            patch.setattr(service_tiles.Shelf, "put", failing)
            with pytest.raises(OSError, match="No space"):
                exported(ledger, folder)
        assert not (folder / "checkpoint").exists()
        exported(ledger, folder)
        assert {p: raw for p, (raw, _) in snapshot(folder).items()} == {
            p: raw for p, (raw, _) in snapshot(whole).items()
        }


def test_what_a_torn_export_left_past_its_checkpoint_is_written_anew(tmp_path):
    intake = talks(1)
    folder = exported(intake, tmp_path / "log")
    settle(intake, Side("Third"))
    torn = folder / Tile(0, 0, intake.size).path
    torn.write_bytes(b"")
    exported(intake, folder)
    assert len(torn.read_bytes()) == 32 * intake.size


def test_a_folder_that_is_not_this_logs_is_left_alone(ledger, tmp_path):
    def refused(folder, what, other_history=False, store=None, desk=DESK):
        before = snapshot(folder) if folder.is_dir() else None
        with pytest.raises(ExportError, match=what) as caught:
            export(LogView(store or ledger.store), desk, folder)
        assert caught.value.do
        assert caught.value.other_history is other_history
        assert (snapshot(folder) if folder.is_dir() else None) == before

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    refused(tmp_path / "mine", "holds other files")
    (tmp_path / "mine" / "checkpoint").write_text("of something")
    refused(tmp_path / "mine", "holds another log")
    refused(tmp_path / "mine" / "thesis.txt", "is no folder")
    refused(tmp_path / "nowhere" / "log", "is no folder")
    refused(foreign_log(tmp_path / "foreign", [b"one"]), "holds another log")
    other = Depositary(DESK.origin, Key.from_name("another key").public_key)
    exported(ledger, tmp_path / "log")
    with pytest.raises(PourparlerError, match="note"):
        export(LogView(ledger.store), other, tmp_path / "log")
    small = talks(1)
    refused(tmp_path / "log", "an older copy of itself", other_history=True, store=small.store)
    folder = exported(small, tmp_path / "small")
    shutil.rmtree(tmp_path / "log")
    refused(folder, "another history", other_history=True, store=talks(2, clock=SetClock(5)).store)
    (tmp_path / "halved" / "tile" / "0" / "000.p").mkdir(parents=True)
    (tmp_path / "halved" / "tile" / "0" / "000.p" / str(small.size)).write_bytes(b"of another log that was begun here")
    with pytest.raises(ExportError, match="none of this ledger's files"):
        exported(small, tmp_path / "halved")
    assert not (tmp_path / "halved" / "checkpoint").exists()


def test_a_checkpoint_that_was_published_is_not_taken_back(tmp_path):
    intake = begin()
    settle(intake, Side("First"))
    earlier = intake.checkpoint()
    settle(intake, Side("Second"))
    folder = exported(intake, tmp_path / "log")
    with pytest.raises(ExportError, match="already") as caught:
        export(LogView(intake.store, lambda: earlier), DESK, folder)
    assert not caught.value.other_history
    assert (folder / "checkpoint").read_bytes() == intake.checkpoint()


def test_an_empty_store_is_not_exported(tmp_path):
    with pytest.raises(ExportError, match="no checkpoint yet"):
        export(LogView(MemoryStore()), DESK, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_what_is_unavailable_is_missing_and_not_refused(ledger):
    checkpoint = parse_checkpoint(split_note(ledger.checkpoint())[0])
    view = LogView(ledger.store)
    for gone in tiles_of(checkpoint.size):

        def fetch(tile, gone=gone):
            found = view.resource(tile.path) if tile != gone else None
            return found.data if found else None

        reader = TileReader(checkpoint.size, checkpoint.root, fetch)
        with pytest.raises(Missing, match="tile.unavailable"):
            read_all(reader)


def test_exported_says_what_it_did(ledger, tmp_path):
    done = export(LogView(ledger.store), DESK, tmp_path / "log")
    assert done == Exported(ledger.size, 0, len(snapshot(tmp_path / "log")), 75)
    assert LEDGER.public_key == DESK.key
