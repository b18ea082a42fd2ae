"""Files that the command line keeps, writes and must leave alone; and a reader who stops reading."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service import desk, keyring
from pourparler.service.workspace import Workspace


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, said.getvalue()


def done(*arguments: str) -> str:
    code, said = run(*arguments)
    assert code == 0, said
    return said


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    done("init")
    for name in ("ann", "bo", "cy"):
        done("key", "new", name, "--role", "member")
    done("ledger", "create", "ledger.example/first")
    return tmp_path


def waiting(place: Path) -> desk.Parcel:
    ((_, parcel),) = desk.lying(Workspace(place), "waiting")
    return parcel


def test_a_broken_signature_takes_the_place_of_no_good_one(place):
    members = [option for name in ("ann", "bo", "cy") for option in ("--member", name)]
    said = done("party", "found", "--title", "We", *members, "--needs", "3", "--key", "ann", "--key", "bo")
    assert "2 of 3 signatures" in said
    good = waiting(place)
    ann, bo = good.envelope.signatures
    for broken in (replace(ann, value=bytes(64)), replace(bo, value=bo.value[::-1])):
        signatures = tuple(broken if s.kid == broken.kid else s for s in (ann, bo))
        copy = replace(good, envelope=good.envelope.with_signatures(signatures))
        Path("broken.act").write_bytes(copy.encoded())
        said = done("act", "submit", "broken.act")
        assert "does not verify is left out" in said
        assert "2 of 3 signatures" in said
        assert set(waiting(place).envelope.signatures) == {ann, bo}
    only = replace(good, envelope=good.envelope.with_signatures((replace(ann, value=bytes(64)),)))
    Path("broken.act").write_bytes(only.encoded())
    desk.remove(Workspace(place), good, "waiting")
    code, said = run("act", "submit", "broken.act")
    assert code == 4
    assert "nobody has spoken" in said
    assert list(desk.lying(Workspace(place), "waiting")) == []


def test_the_same_act_for_another_ledger_stays(place):
    done("party", "found", "--title", "We", "--member", "ann", "--member", "bo", "--needs", "2", "--key", "ann")
    here = waiting(place)
    there = replace(here, ledger=replace(here.ledger, origin="ledger.example/second"))
    desk.keep(Workspace(place), there, "waiting")
    assert {parcel.ledger for _, parcel in desk.lying(Workspace(place), "waiting")} == {here.ledger, there.ledger}
