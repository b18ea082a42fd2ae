"""What a newcomer met on the command line: each answer says what is so, why, and what to do next."""

import contextlib
import ctypes
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service import keyring
from tests.terminal import ROOT

ORIGIN = "ledger.example/first"
AGENT = 'organ = "we.board"\nto = "agent"\npowers = ["open", "propose", "adopt", "sign-ad-referendum"]\n'
LINE = 'lines = [["at-most", "price", ["EUR", "92.00"]]]\n'
SALE = 'organ = "they.board"\nto = "sal"\npowers = ["open", "propose", "adopt", "conclude"]\n'
TEXT = 'articles.en = ["""Forty tents.\nIn May."""]\nterms.price = ["EUR", "90.00"]\n'


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, said.getvalue()


def flat(said: str) -> str:
    return " ".join(said.split())


def done(*arguments: str) -> str:
    code, said = run(*arguments)
    assert code == 0, said
    return flat(said)


def fails(code: int, *arguments: str) -> str:
    found, said = run(*arguments)
    assert found == code, said
    return flat(said)


def told(*arguments: str, code: int = 0):
    found, said = run(*arguments, "--json")
    assert found == code, said
    return json.loads(said)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    return tmp_path


@pytest.fixture
def begun(place):
    """Two parties, ours with a mandate under a red line, theirs with one to conclude."""
    done("init")
    for name, role in (("ann", "member"), ("bo", "member"), ("sue", "member"), ("agent", "holder"), ("sal", "holder")):
        done("key", "new", name, "--role", role)
    done("ledger", "create", ORIGIN)
    done("party", "found", "--title", "We", "--member", "ann", "--member", "bo")
    done("party", "found", "--title", "They", "--member", "sue")
    for name, form in (("agent-1", AGENT + LINE), ("sale", SALE)):
        Path(f"{name}.toml").write_text(form)
        done("mandate", "grant", f"{name}.toml", "--name", name)
    Path("text.toml").write_text(TEXT)
    return place


@pytest.fixture
def talks(begun):
    """Talks in which we have proposed a text."""
    done("dossier", "open", "--party", "we", "--party", "they", "--by", "agent-1", "--name", "tents")
    done("dossier", "join", "tents")
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")
    return begun


# --- mandates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "because"),
    [
        ('price = ["USD", "90.00"]', "price is in USD, and the line in EUR"),
        ('price = "90.00"', "price is a plain number, and the line in EUR"),
        ('price = "cheap"', "price is “cheap”, which is not an exact figure"),
        ("quantity = 40", "price is not stated"),
    ],
)
def test_a_line_that_cannot_tell_says_what_the_terms_lack(begun, terms, because):
    Path("terms.toml").write_text(terms)
    assert f"cannot tell, since {because}" in fails(2, "mandate", "test", "agent-1", "terms.toml")
    assert told("mandate", "test", "agent-1", "terms.toml", code=2)["lines"][0]["because"] == because


def test_what_lies_open_in_a_joined_line_is_named_once(begun):
    line = (
        'lines = [["any", ["before", "day", "2027-06-30"], ["all", ["absent", "day"], ["equal", "colour", "red"]]]]\n'
    )
    Path("other.toml").write_text(AGENT + line)
    done("mandate", "grant", "other.toml", "--name", "other")
    Path("terms.toml").write_text('colour = ["red", "blue"]\nday = "soon"')
    said = fails(2, "mandate", "test", "other", "terms.toml")
    assert "since day is “soon”, which is not a date or an instant in UTC, written like the line's" in said
    assert "colour" not in said.partition("since")[2]


def test_a_mandate_is_judged_at_the_instant_that_is_asked_about(begun):
    before = told("mandate", "show", "agent-1")
    given = told("act", "show", before["mandate"])["log_time"]
    while time.time() < given + 2:
        time.sleep(0.1)
    done("mandate", "dismiss", "agent-1", "--yes")
    assert told("mandate", "show", "agent-1")["standing"] == "dismissed"
    assert told("mandate", "show", "agent-1", "--at", str(given))["standing"] == "in force"
    listed = told("mandate", "list", "--at", str(given))["mandates"]
    assert {row["called"]: row["standing"] for row in listed}["agent-1"] == "in force"
    assert "there was no agent-1" in fails(4, "mandate", "show", "agent-1", "--at", "2020-01-01")
    assert "agent-1 is not in force as it was given: dismissed" in fails(3, "mandate", "test", "agent-1", "text.toml")
    assert "not in force" not in done("mandate", "test", "agent-1", "text.toml", "--at", str(given))


def test_talks_are_shown_as_they_stood(talks):
    proposed = told("dossier", "show", "tents")
    at = str(proposed["acts"][-1]["log_time"])
    while time.time() < int(at) + 1:
        time.sleep(0.1)
    done("act", "reject", "tents", "--by", "sale")
    assert [text["state"] for text in told("dossier", "show", "tents")["texts"]] == ["rejected"]
    assert [text["state"] for text in told("dossier", "show", "tents", "--at", at)["texts"]] == ["proposed"]
    assert {item["what"] for item in told("inbox", "--at", at)["awaited"]} == {"adopt"}


# --- a workspace that may not be written ------------------------------------------------------------------------------


def obey_modes() -> None:
    """Let the superuser, too, write only what its mode allows: drop what overrides that from what comes next."""
    drop, override, search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    for capability in (override, search):
        if os.geteuid() == 0 and ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0) != 0:
            os._exit(77)


def by_process(*arguments: str) -> tuple[int, str]:
    made = subprocess.run(
        [sys.executable, "-m", "pourparler.cli.main", *arguments],
        capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"},
        preexec_fn=obey_modes,  # noqa: PLW1509  no thread runs here
    )  # fmt: skip
    if made.returncode == 77:
        pytest.skip("the superuser here cannot do without his rights")
    return made.returncode, flat(made.stdout + made.stderr)


@pytest.fixture
def locked(talks):
    """The workspace of the talks, where nobody may write anything."""
    everything = [talks, *talks.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield talks
    for path in everything:
        path.chmod(0o700)


def test_what_may_not_be_written_can_be_read(locked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    before = {path: path.stat().st_mtime_ns for path in locked.rglob("*")}
    for command, says in (
        (("inbox",), "tents.1"),
        (("dossier", "list"), "tents"),
        (("dossier", "show", "tents"), "Forty tents."),
        (("mandate", "show", "agent-1"), "in force"),
        (("ledger", "show"), "propose agent-1"),
        (("act", "export", "agent-1", "--out", str(folder / "grant.evidence")), "VALID"),
        (("verify", str(folder / "grant.evidence")), "VALID"),
    ):
        code, said = by_process(*command)
        assert (code, says in said) == (0, True), said
    code, said = by_process("act", "say", "tents", "hello", "--by", "agent-1")
    assert code == 5
    assert "may not be written" in said
    assert {path: path.stat().st_mtime_ns for path in locked.rglob("*")} == before
