"""Commands as a terminal, a script and a second command meet them: questions, JSON, locks, files that fail."""

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pourparler.cli import session as session_module
from pourparler.cli.files import EXAMPLES
from pourparler.cli.main import main
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import open_note, parse_proof, parse_vkey, verify_proof
from pourparler.service import books, keyring
from pourparler.service.workspace import Workspace
from tests.terminal import ROOT, Terminal

PASSPHRASE = "correct horse battery"
ORIGIN = "ledger.example/first"


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, said.getvalue()


def done(*arguments: str) -> str:
    code, said = run(*arguments)
    assert code == 0, said
    return said


def told(*arguments: str, code: int = 0):
    found, said = run(*arguments, "--json")
    assert found == code, said
    return json.loads(said)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", PASSPHRASE)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    return tmp_path


@pytest.fixture
def talks(place):
    """Two parties with a mandate each, and talks in which both have adopted a text; ours is signed ad referendum."""
    done("init")
    for name, role in (("ann", "member"), ("sue", "member"), ("agent", "holder"), ("sal", "holder")):
        done("key", "new", name, "--role", role)
    done("ledger", "create", ORIGIN)
    done("party", "found", "--title", "We", "--member", "ann")
    done("party", "found", "--title", "They", "--member", "sue")
    may = 'powers = ["open", "propose", "adopt", "sign-ad-referendum", "conclude"]\n'
    Path("a.toml").write_text(f'organ = "we.board"\nto = "agent"\n{may}lines = [["at-most", "price", 92]]\n')
    Path("b.toml").write_text(f'organ = "they.board"\nto = "sal"\n{may}')
    done("mandate", "grant", "a.toml", "--name", "agent-1")
    done("mandate", "grant", "b.toml", "--name", "sale")
    done("dossier", "open", "--party", "we", "--party", "they", "--by", "agent-1", "--name", "tents")
    done("dossier", "join", "tents")
    Path("text.toml").write_text('articles.en = ["Forty tents."]\nterms.price = 90\n')
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")
    done("act", "adopt", "tents", "--by", "agent-1")
    done("act", "adopt", "tents", "--by", "sale")
    done("act", "sign-ad-referendum", "tents", "--by", "agent-1")
    return place


# --- a person at a terminal -------------------------------------------------------------------------------------------


def at_terminal(*arguments: str, cwd: Path) -> Terminal:
    return Terminal(*arguments, cwd=cwd, POURPARLER_PASSPHRASE=PASSPHRASE)


@pytest.mark.parametrize(("answer", "code"), [("n\r", 4), ("\r", 4), ("y\r", 0), ("yes\r", 0)])
def test_what_cannot_be_undone_is_shown_and_asked(talks, answer, code):
    terminal = at_terminal("mandate", "dismiss", "agent-1", cwd=talks)
    shown = terminal.until("[y/N]")
    assert "mandate agent-1: in force → dismissed" in shown
    assert "Dismiss agent-1?" in shown
    terminal.press(answer)
    assert terminal.end() == code
    standing = told("mandate", "show", "agent-1")["standing"]
    assert standing == ("dismissed" if code == 0 else "in force")


def test_whoever_leaves_a_question_has_done_nothing(talks):
    before = told("ledger", "list")
    terminal = at_terminal("vote", "refuse", "tents", cwd=talks)
    terminal.until("[y/N]")
    terminal.press("\x03")
    assert terminal.end() == 130
    assert told("ledger", "list") == before


# --- scripts ----------------------------------------------------------------------------------------------------------

READING = [
    ("party", "list"), ("party", "show", "we"), ("organ", "list"), ("organ", "show", "we.board"),
    ("mandate", "list"), ("mandate", "show", "agent-1"), ("mandate", "test", "agent-1", "text.toml"),
    ("mandate", "openings", "agent-1"), ("dossier", "list"), ("dossier", "show", "tents"),
    ("dossier", "text", "tents.1"), ("dossier", "diff", "tents.1", "text.toml"), ("vote", "show"), ("inbox",),
    ("ledger", "list"), ("ledger", "show"), ("ledger", "search", "propose"), ("ledger", "show", "--refused"),
    ("act", "kinds"), ("act", "kinds", "ratify"),
]  # fmt: skip


def test_everything_that_is_shown_is_told_to_machines_as_well(talks):
    before = told("ledger", "list")
    for command in READING:
        value = told(*command)
        assert isinstance(value, dict), command
        assert value, command
        assert done(*command).strip(), command
    assert told("ledger", "list") == before  # looking writes nothing


@pytest.mark.parametrize(
    ("command", "code", "reason"),
    [
        (("act", "conclude", "tents", "nothing", "--by", "sale"), 4, ""),
        (("act", "adopt", "tents", "--by", "agent-1", "--words", "again"), 3, "dossier.overtaken"),
        (("act", "initial", "tents", "--by", "agent-1"), 3, "power.missing"),
        (("mandate", "dismiss", "agent-1"), 4, ""),
        (("act", "sign", "nothing.act"), 5, ""),
        (("ledger", "take", "text.toml"), 5, ""),
        (("dossier", "show", "nothing"), 4, ""),
        (("mandate", "grant", "text.toml"), 4, ""),
        (("dossier", "show"), 4, ""),
        (("act", "draft", "nonsense", "text.toml"), 4, ""),
        (("act", "draft", "say", "text.toml"), 4, ""),
        (("party", "found", "--title", "Lonely"), 4, ""),
        (("dossier", "show", "tents", "--at", "soon"), 4, ""),
        (("ledger", "prove", "999"), 4, ""),
        (("ledger", "create", ORIGIN), 4, ""),
    ],
)
def test_what_goes_wrong_is_told_to_machines_on_one_stream(talks, command, code, reason):
    before = told("ledger", "list")
    value = told(*command, code=code)
    assert value["exit_code"] == code
    assert value["error"]["what"]
    assert value["error"]["reason"] == reason
    found, said = run(*command)
    assert found == code
    assert said.startswith("pourparler: ") or "What this does:" in said
    assert told("ledger", "list") == before


def test_a_file_can_come_from_standard_input(talks, monkeypatch):
    fields = b'by = "agent-1"\ndossier = "tents"\nwords = "From a pipe."\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(fields)))
    assert told("act", "draft", "say", "-")["kind"] == "say"
    assert "From a pipe." in done("dossier", "show", "tents")


def test_quiet_and_examples(talks):
    said = done("party", "found", "--title", "Third", "--member", "ann", "-q")
    assert said == ""
    for name, command in (
        ("party", ("party", "found")), ("mandate", ("mandate", "grant")), ("dossier", ("dossier", "open")),
        ("text", ("act", "propose")),
    ):  # fmt: skip
        assert done(*command, "--example") == EXAMPLES[name]


def test_the_files_that_people_start_from_lead_to_an_agreement(place):
    """Every --example file does what its first line says, as it stands."""
    done("init")
    for name, role in (("ann", "member"), ("bo", "member"), ("sue", "member"), ("agent", "holder"), ("sal", "holder")):
        done("key", "new", name, "--role", role)
    done("ledger", "create", ORIGIN)
    for name, text in EXAMPLES.items():
        Path(f"{name}.toml").write_text(text)
    done("party", "found", "party.toml", "--name", "we")
    done("party", "found", "--title", "They", "--member", "sue")
    done("mandate", "grant", "mandate.toml", "--name", "agent-1")
    Path("sale.toml").write_text(
        'organ = "they.board"\nto = "sal"\npowers = ["open", "propose", "adopt", "conclude"]\n'
    )
    done("mandate", "grant", "sale.toml", "--name", "sale")
    done("dossier", "open", "dossier.toml", "--name", "tents")
    done("dossier", "join", "tents")
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")
    for mandate in ("agent-1", "sale"):
        done("act", "adopt", "tents", "--by", mandate)
    done("act", "sign-ad-referendum", "tents")
    done("act", "conclude", "tents", "--by", "sale")
    done("vote", "ratify", "tents")
    assert "VALID" in done("dossier", "export", "tents", "--out", "tents.evidence")
    assert "VALID" in done("verify", "tents.evidence")


# --- two commands at once ---------------------------------------------------------------------------------------------


def test_commands_that_write_at_once_take_turns(talks):
    """Eight processes say something; all of it is in the ledger, in some order, and the ledger is whole."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "POURPARLER_PASSPHRASE": PASSPHRASE}
    command = [sys.executable, "-m", "pourparler.cli.main", "act", "say", "tents"]
    speakers = [
        subprocess.Popen([*command, f"word {n}", "--by", "agent-1"], env=environment, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for n in range(4)
    ]  # fmt: skip
    answers = [(speaker.communicate(), speaker.returncode) for speaker in speakers]
    for (said, complained), code in answers:
        assert code == 0 or "is in use" in complained, (said, complained)
    acts = told("dossier", "show", "tents")["acts"]
    logged = [act for act in acts if act["kind"] == "say"]
    assert len(logged) == sum(code == 0 for _, code in answers) >= 1


def test_a_ledger_that_is_written_is_waited_for_and_then_said(talks, monkeypatch):
    monkeypatch.setattr(books, "WAIT_SECONDS", 0.3)
    ledger = Workspace(talks).settings.ledgers[ORIGIN]
    with contextlib.closing(books.opened(talks / "ledgers" / ledger.file)):
        code, said = run("dossier", "list")
    assert code == 5
    assert "another command is writing; waiting…" in said
    assert "is in use" in said


def test_a_long_reading_says_how_far_it_is(talks, monkeypatch):
    monkeypatch.setattr(session_module, "SLOW_SECONDS", 0.0)
    code, said = run("party", "list")
    assert code == 0
    assert "reading the ledger: " in said
    assert " of " in said
    assert "reading" not in done("party", "list", "-q")


# --- nothing is lost --------------------------------------------------------------------------------------------------


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "sqlite" not in path.name}


def test_what_is_refused_leaves_nothing_behind(talks):
    before, settings = files(talks), (talks / "pourparler.toml").read_bytes()
    Path("dear.toml").write_text('articles.en = ["Forty tents."]\nterms.price = 95\n')
    private = 'organ = "we.board"\nto = "ann"\npowers = ["open"]\nprivate = [["present", "price"]]\n'
    Path("private.toml").write_text(private)
    assert run("act", "propose", "tents", "dear.toml", "--by", "agent-1")[0] == 3
    assert run("mandate", "grant", "private.toml", "--name", "mine")[0] == 3
    assert run("mandate", "suspend", "agent-1")[0] == 4
    assert files(talks) == before | {"dear.toml", "private.toml"}
    assert (talks / "pourparler.toml").read_bytes() == settings


def test_what_cannot_be_written_is_said_and_nothing_is_half_done(talks):
    before = told("ledger", "list")
    for command in (
        ("ledger", "copy", "--out", "nowhere/copy"),
        ("act", "say", "tents", "hello", "--by", "agent-1", "--out", "nowhere/say.act"),
        ("dossier", "export", "tents", "--out", "nowhere/tents.evidence"),
        ("dossier", "export", "tents", "--out", "keys"),
    ):
        code, said = run(*command)
        assert code == 5, said
        assert command[-1] in said
        assert "Nothing was done." in said
    assert told("ledger", "list") == before
    assert not Path("nowhere").exists()


def test_a_name_is_free_again_when_its_act_never_came_to_be(talks):
    done("key", "new", "cy", "--role", "member")
    done("party", "found", "--title", "Trio", "--member", "ann", "--member", "cy", "--needs", "2", "--name", "trio",
         "--key", "ann")  # fmt: skip
    assert run("party", "found", "--title", "Trio", "--member", "ann", "--name", "trio")[0] == 4  # it still waits
    (waiting,) = (talks / "desk" / "waiting").glob("*.act")
    waiting.unlink()
    done("party", "found", "--title", "Trio", "--member", "ann", "--name", "trio")
    assert run("party", "found", "--title", "Trio", "--member", "ann", "--name", "trio")[0] == 4


def test_a_workspace_whose_ledger_is_gone_says_so(talks):
    for path in (talks / "ledgers").glob("*.sqlite"):
        path.rename(talks / "elsewhere.sqlite")
    code, said = run("dossier", "list")
    assert code == 5
    assert "should be in" in said


def test_a_ledger_that_somebody_changed_is_served_to_nobody(talks):
    (path,) = (talks / "ledgers").glob("*.sqlite")
    import sqlite3

    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE entry SET data = (SELECT data FROM entry WHERE idx = 2) WHERE idx = 4")
    code, said = run("dossier", "list")
    assert code == 5
    assert "is not what this ledger wrote" in said


# --- proofs and trust -------------------------------------------------------------------------------------------------


def test_a_proof_is_one_that_others_can_check(talks):
    shown = told("ledger", "prove", "4", "--out", "four.tlog-proof")
    proof = parse_proof(Path("four.tlog-proof").read_bytes())
    key = parse_vkey(shown["vkey"])
    entry = Path(shown["entry"]).read_bytes()
    assert verify_proof(proof, entry, ORIGIN, key).checkpoint.size == told("ledger", "list")["ledgers"][0]["size"]
    assert key == ledger_key(Workspace(talks).settings.ledgers[ORIGIN].depositary)
    assert open_note(proof.checkpoint, [key]).text


def test_verify_trusts_whom_the_workspace_trusts(talks, tmp_path, monkeypatch):
    done("act", "conclude", "tents", "--by", "sale")
    done("vote", "ratify", "tents")
    done("dossier", "export", "tents", "--out", "tents.evidence")
    report = told("verify", "tents.evidence")
    assert {row["learnt"] for row in report["trust"]} == {"founded in this workspace"}
    report = told("verify", "tents.evidence", "--trust", "we=told by Ann")
    assert "told by Ann" in {row["learnt"] for row in report["trust"]}
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert run("verify", str(tmp_path / "tents.evidence"))[0] == 2
    assert run("verify", str(tmp_path / "tents.evidence"), "--workspace", str(tmp_path))[0] == 0
    monkeypatch.setenv("POURPARLER_WORKSPACE", str(tmp_path))
    assert run("verify", str(tmp_path / "tents.evidence"))[0] == 0
    (tmp_path / "pourparler.toml").write_text("][")
    assert run("verify", str(tmp_path / "tents.evidence"))[0] == 5


def test_names_of_strangers_cannot_move_the_cursor(talks):
    done("party", "found", "--title", "Evil\x1b[2J\nname", "--member", "ann", "--name", "evil")
    for command in (("party", "list"), ("party", "show", "evil"), ("ledger", "show")):
        said = done(*command)
        assert "\x1b" not in said


def test_a_clock_that_stands_still_makes_no_two_acts_one(talks):
    """The same words twice in one second would be one act; the ledger says so, and nothing is lost."""
    first = told("act", "say", "tents", "Same.", "--by", "agent-1")
    again = told("act", "say", "tents", "Same.", "--by", "agent-1")
    if first["act"] == again["act"]:
        assert again["already"]
        assert again["index"] == first["index"]
    else:
        assert again["index"] > first["index"]


def test_waiting_ends_when_the_other_command_does(talks):
    ledger = Workspace(talks).settings.ledgers[ORIGIN]
    store = books.opened(talks / "ledgers" / ledger.file)
    threading.Timer(0.5, store.close).start()
    began = time.monotonic()
    said = done("dossier", "list")
    assert "waiting…" in said
    assert time.monotonic() - began >= 0


@pytest.mark.parametrize(
    "command", [("act", "sign"), ("act", "show"), ("act", "submit"), ("act", "join"), ("ledger", "take")]
)
def test_files_that_were_spoilt_on_the_way_are_answered_and_never_believed(talks, command):
    """A flipped bit, a missing end, something else altogether: an exit code and a sentence, no entry, no traceback."""
    done("key", "new", "cy", "--role", "member")
    done("party", "found", "--title", "Trio", "--member", "ann", "--member", "cy", "--key", "ann", "--out", "found.act")
    done("ledger", "copy", "--out", "copy")
    data = Path("copy" if command[0] == "ledger" else "found.act").read_bytes()
    before = told("ledger", "list")
    spoilt = [
        bytes([*data[:at], data[at] ^ (1 << at % 8), *data[at + 1 :]]) for at in range(0, len(data), len(data) // 24)
    ]
    for number, changed in enumerate([b"", b"\x00", b"{}", data[:-1], data[1:], data + b"\x00", *spoilt]):
        path = Path(f"spoilt-{number}")
        path.write_bytes(changed)
        for waiting in (talks / "desk" / "waiting").glob("*.act"):  # or the good signature there would count
            waiting.unlink()
        code, said = run(*command, str(path), "--yes", *(["--key", "cy"] if command[1] == "sign" else []))
        assert said.strip()
        if command[1] == "show" and code == 0:
            continue  # what it says is shown as it is, and who has signed it is nobody who counts
        waits = "still needed" in said
        assert code in (1, 3, 4, 5) or waits, (number, said)
        assert told("ledger", "list") == before


def test_the_documentation_names_commands_and_options_that_there_are():
    """Every command in docs/workspace.md exists, and takes the options that stand there."""
    page = (ROOT / "docs" / "workspace.md").read_text("utf-8")
    lines = [line for line in page.splitlines() if line.startswith("pourparler ")]
    lines += re.findall(r"`(pourparler [^`]+)`", page)
    assert len(lines) > 5
    for line in lines:
        words = shlex.split(re.split(r" {2,}", line)[0])[1:]
        path = words[:1] if words[0] in ("init", "verify", "inbox") else words[:2]
        code, help_ = run(*path, "--help")
        assert code == 0, line
        for option in (word for word in words if word.startswith("--")):
            assert option in help_, (line, option)
