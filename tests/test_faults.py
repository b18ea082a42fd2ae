"""A short version of each part of the campaign of faults, and that each of them can fail."""

import os
import random

import pytest

from pourparler.service import intake as intake_module
from pourparler.store import sqlite as sqlite_module
from tests import faults
from tests.disk import Disk, Op, Platter, crashes

SHORT = {"cuts": 4, "lies": 4, "errors": 1, "full": 1, "remount": 1, "yesterday": 2, "two": 1, "flips": 15}


def done(name: str, size: int) -> str:
    part, _ = faults.PARTS[name]
    try:
        return part("suite", size)
    except faults.Skipped as why:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(why))


@pytest.mark.parametrize(("name", "size"), SHORT.items())
def test_nothing_answered_is_lost(name: str, size: int) -> None:
    assert done(name, size)


def test_every_part_has_a_short_version() -> None:
    assert set(SHORT) | {"kills"} == set(faults.PARTS)  # tests/test_kills.py


# --- the parts can fail -----------------------------------------------------------------------------------------------


def test_a_store_that_does_not_sync_loses_what_it_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite_module.SqliteStore._connect
    monkeypatch.setattr(sqlite_module.SqliteStore, "_connect", lambda store, _how: connect(store, "NORMAL"))
    monkeypatch.setattr(sqlite_module, "FULL", 1)  # which the store reads back
    with pytest.raises(AssertionError, match="an honest disk left a ledger that is read-only"):
        done("cuts", 5)


def test_without_a_high_water_file_what_a_lying_disk_lost_is_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "read_only_because", lambda *_: None)
    with pytest.raises(AssertionError, match="is lost"):
        done("lies", 5)
    with pytest.raises(AssertionError, match="is lost"):
        done("yesterday", 1)


# --- the model of a disk ----------------------------------------------------------------------------------------------


def test_what_is_synced_stays_and_what_is_not_may_stay_in_any_part() -> None:
    log = [
        Op("write", "a", 0, b"x" * 1024),
        Op("sync", "a"),
        Op("write", "a", 0, b"y" * 1024),
        Op("mark", "told", 0, b"1"),
        Op("delete", "b"),
    ]
    left = [cut.files["a"] for cut in crashes(log, random.Random(1), torn=40) if cut.at >= 2]
    assert {b"x" * 1024, b"y" * 1024, b"x" * 512 + b"y" * 512, b"y" * 512 + b"x" * 512} == set(left)
    assert {len(cut.told) for cut in crashes(log, random.Random(1), torn=1) if cut.at >= 3} == {1}


def test_a_removal_stays_once_the_directory_is_synced() -> None:
    platter = Platter()
    for op in (Op("write", "a", 0, b"old"), Op("sync", "a"), Op("delete", "a"), Op("write", "a", 0, b"new")):
        platter.take(op)
    assert platter.left([]) == {"a": b"old"}
    assert platter.left(platter.pending) == {"a": b"new"}
    platter.take(Op("names", "."))
    assert platter.left([]) == {}
    assert platter.left(platter.pending) == {"a": b"new"}


def test_a_disk_that_is_not_asked_is_not_recorded() -> None:
    disk = Disk(refuse=lambda _op: 10)
    assert disk.ask(Op("write", "a")) == 10
    assert disk.log == []
