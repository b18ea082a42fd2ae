"""Attacks on a ledger as files, by their number in the list of attacks that this project keeps: 9 to 13, and 16."""

import shutil
from pathlib import Path

import pytest

from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.ledger import leaf_hash, open_checkpoint, parse_checkpoint, split_note
from pourparler.core.ledger.tiles import (
    Tile,
    TileReader,
    encode_bundle,
    leaf_hashes,
    parse_bundle,
    parse_tile_path,
    partial_tiles,
    tiles_of,
)
from pourparler.service.audit import CANNOT_TELL, WHOLE, TiledLog, audit
from pourparler.service.sources import Folder
from pourparler.service.tiles import LogView, export
from tests.logs import DESK, KEY, exported, talks


@pytest.fixture(scope="module")
def ledger():
    return talks(75)


@pytest.fixture(scope="module")
def pristine(ledger, tmp_path_factory):
    return exported(ledger, tmp_path_factory.mktemp("pristine") / "log")


@pytest.fixture
def log(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "log"))


def reader_of(folder):
    checkpoint = open_checkpoint((folder / "checkpoint").read_bytes(), DESK.origin, KEY).checkpoint
    return TileReader(checkpoint.size, checkpoint.root, TiledLog(Folder(folder)).fetch)


def read_all(reader):
    return [entry for index in range(-(-reader.size // 256)) for entry in reader.entries(index)]


def audited(folder):
    tiled = TiledLog(Folder(folder))
    return audit(tiled, KEY, open_checkpoint(tiled.note(), DESK.origin, KEY))


def test_attack_9_torn_tile_or_bundle_files_are_refused_and_made_again_from_the_database(log, ledger):
    """Cut at any length, a file is refused by whoever reads it; the view and a new export have it whole."""
    for tile in tiles_of(ledger.size):
        path = log / tile.path
        whole = path.read_bytes()
        for length in {0, 1, 31, 32, len(whole) // 2, len(whole) - 33, len(whole) - 1} - {-1, -32}:
            path.write_bytes(whole[:length])
            with pytest.raises((Malformed, Refused)) as caught:
                read_all(reader_of(log))
            assert caught.value.reason in ("tile.length", "tile.entry-cut", "tile.hash", "tile.root")
        path.write_bytes(LogView(ledger.store).resource(tile.path).data)
        assert path.read_bytes() == whole
    shutil.rmtree(log)
    export(LogView(ledger.store), DESK, log)
    assert audited(log).verdict == WHOLE


def test_attack_10_the_right_tile_at_a_wrong_path_level_or_width_is_refused(log, ledger):
    files = {tile: (log / tile.path).read_bytes() for tile in tiles_of(ledger.size)}
    checkpoint = parse_checkpoint(split_note(ledger.checkpoint())[0])
    for there, right in files.items():
        for here, raw in files.items():
            if raw == right:
                continue
            reader = TileReader(checkpoint.size, checkpoint.root, {**files, there: raw}.get)
            with pytest.raises((Malformed, Refused)) as caught:
                read_all(reader)
            assert caught.value.reason.startswith("tile."), (here, there)
    for partial in partial_tiles(ledger.size):
        for width in (partial.width - 1, partial.width + 1):
            cut = (files[partial] + bytes(32))[: 32 * width]
            with pytest.raises(Malformed, match="tile.length"):
                TileReader(checkpoint.size, checkpoint.root, {**files, partial: cut}.get).edge()


def test_attack_11_a_partial_tile_for_a_size_without_a_checkpoint_is_not_served_and_not_asked_for(ledger):
    view = LogView(ledger.store)
    entries = [entry.data for entry in ledger.store.entries()]
    ends = {index for index in range(1, ledger.size) if view.begins(index)} | {ledger.size}
    assert 0 < len(ends) < ledger.size
    for size in range(1, ledger.size + 1):
        if size % 256:
            for level in (0, None):
                served = view.resource(Tile(level, size // 256, size % 256).path)
                assert (served is not None) is (size in ends), size
    for size in sorted(ends):
        for tile in tiles_of(size):
            assert view.resource(tile.path) is not None, (size, tile.path)
    asked = []

    def fetch(tile):
        asked.append(tile)
        found = view.resource(tile.path)
        return found.data if found else None

    size, root = ledger.size, parse_checkpoint(split_note(ledger.checkpoint())[0]).root
    assert read_all(TileReader(size, root, fetch)) == entries
    assert set(asked) <= set(tiles_of(size))


def test_attack_12_a_bundle_whose_lengths_overrun_or_leave_bytes_over_is_refused(log, ledger):
    tile = Tile(None, 0)
    whole = (log / tile.path).read_bytes()
    entries = parse_bundle(tile, whole)
    last = len(entries[-1])
    overrun = whole[: -last - 2] + (last + 1).to_bytes(2, "big") + entries[-1]
    left_over = whole[: -last - 2] + (last - 1).to_bytes(2, "big") + entries[-1]
    for raw, reason in (
        (overrun, "tile.entry-cut"),
        (left_over, "tile.trailing"),
        (whole + b"\0\0", "tile.trailing"),
        (whole + b"\0", "tile.trailing"),
        (encode_bundle(entries[:-1]), "tile.entry-cut"),
        (encode_bundle([*entries[:-1], b""]), "tile.entry"),
    ):
        (log / tile.path).write_bytes(raw)
        with pytest.raises((Malformed, Refused), match=reason):
            read_all(reader_of(log))
        assert audited(log).fault.reason == reason


def test_attack_13_an_entry_of_more_than_65535_bytes_is_refused_and_never_cut_short():
    largest = bytes(65_535)
    assert parse_bundle(Tile(None, 0, 1), encode_bundle([largest])) == (largest,)
    for refuse in (lambda entry: encode_bundle([b"", entry]), lambda entry: leaf_hashes([entry]), leaf_hash):
        refuse(largest)
        with pytest.raises(Malformed, match="tree.entry-too-large"):
            refuse(largest + b"\0")


def test_attack_16_entries_that_the_checkpoint_covers_and_nobody_serves_are_unavailable_and_not_ok(log, ledger):
    for tile in tiles_of(ledger.size):
        hidden = (log / tile.path).rename(log / "hidden")
        with pytest.raises(Missing, match="tile.unavailable"):
            read_all(reader_of(log))
        report = audited(log)
        assert report.verdict == CANNOT_TELL
        assert {gap.reason for gap in report.gaps} == {"tile.unavailable"}
        assert tile.path in report.gaps[0].detail
        hidden.rename(log / tile.path)
    assert audited(log).verdict == WHOLE
    assert parse_tile_path("tile/0/000") == Tile(0, 0)
