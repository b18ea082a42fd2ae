"""Files that the command line keeps, writes and must leave alone; and a reader who stops reading."""

import contextlib
import io
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service import desk, keyring
from pourparler.service.workspace import Workspace, write_atomically
from tests.terminal import clean_environment


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


def test_out_takes_the_place_of_no_pipe_folder_or_device(place):
    os.mkfifo("pipe")
    Path("folder").mkdir()
    for name in ("pipe", "folder"):
        code, said = run("ledger", "copy", "--out", name, "--yes")
        assert code == 5, said
        assert f"{name} cannot be written" in said
        with pytest.raises(OSError, match="it is"):
            write_atomically(Path(name), b"data")
    assert stat.S_ISFIFO(Path("pipe").lstat().st_mode)
    assert Path("folder").is_dir()
    assert run("party", "found", "--title", "We", "--member", "ann", "--out", "pipe")[0] == 5
    assert done("party", "list") == ""
    Path("null").symlink_to("/dev/null")  # a link to a device: were it renamed over, no device would be harmed
    done("ledger", "copy", "--out", "null")
    assert Path("null").is_symlink()
    Path("full").symlink_to("/dev/full")
    code, said = run("ledger", "copy", "--out", "full")
    assert code == 5, said
    assert Path("full").is_symlink()


def test_out_may_be_the_standard_output(place):
    made = program("ledger", "copy", "--quiet", "--out", "/dev/stdout", stdout=subprocess.PIPE)
    said, _ = made.communicate()
    assert made.returncode == 0
    assert b"pourparler/1 copy of a ledger" in said


def test_out_overwrites_its_own_kind_and_nothing_else_unasked(place):
    done("ledger", "copy", "--out", "copy")
    done("ledger", "copy", "--out", "copy")
    Path("notes.txt").write_text("my notes on a pourparler/1 copy of a ledger")
    for name in ("notes.txt", "keys/ann.key"):
        before = Path(name).read_bytes()
        code, said = run("ledger", "copy", "--out", name)
        assert code == 4, said
        assert "is there already" in said
        assert Path(name).read_bytes() == before
    assert run("party", "found", "--title", "We", "--member", "ann", "--out", "copy")[0] == 4
    done("ledger", "copy", "--out", "notes.txt", "--yes")
    assert b"my notes" not in Path("notes.txt").read_bytes()


def program(*arguments: str, **streams) -> subprocess.Popen:
    code = "import sys; from pourparler.cli.main import main; sys.exit(main())"
    environment = {**clean_environment(), "POURPARLER_PASSPHRASE": os.environ["POURPARLER_PASSPHRASE"]}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, **streams)


def deaf(*arguments: str) -> tuple[int, str]:
    """Run a command whose reader is gone before it says anything; return its exit code and its complaints."""
    reader, writer = os.pipe()
    os.close(reader)
    made = program(*arguments, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    _, complaints = made.communicate()
    return made.returncode, complaints


@pytest.mark.parametrize(
    "command",
    [
        ("--version",),
        ("--help",),
        ("act", "kinds"),
        ("act", "kinds", "--json"),
        ("verify", "EVIDENCE"),
        ("verify", "EVIDENCE", "--json"),
    ],
)
def test_a_reader_who_is_gone_hears_of_no_verdict(place, command):
    if "EVIDENCE" in command:
        done("party", "found", "--title", "We", "--member", "ann", "--name", "we")
        party = Workspace(place).settings.names["we"].hex()
        code, said = run("act", "export", party, "--out", "EVIDENCE")
        assert Path("EVIDENCE").is_file(), (code, said)
    assert deaf(*command) == (5, "")


def test_a_full_disk_is_said(place):
    with Path("/dev/full").open("w") as full:
        made = program("act", "kinds", stdout=full, stderr=subprocess.PIPE, text=True)
        _, complaints = made.communicate()
    assert made.returncode == 5
    assert "No space left" in complaints
    assert "Traceback" not in complaints
