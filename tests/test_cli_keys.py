"""``key``, ``init``, ``doctor`` and the command line as a whole: what people type, read and are asked."""

# ruff: noqa: F811  an argument names a fixture that was imported

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pourparler.cli import main as command_line
from pourparler.cli.main import main
from pourparler.cli.passphrase import NEW_VARIABLE, VARIABLE
from pourparler.service import keyring
from pourparler.service.keyring import Cost, Keyring
from pourparler.service.sshagent import Agent
from tests.terminal import ROOT, Terminal, clean_environment
from tests.test_sshagent import RealAgent, agent, real  # noqa: F401  a fixture

CHEAP = Cost(8 * 1024, 1)
WORDS = "correct horse battery"


class Told:
    """The command line in this process: what it printed, and its exit code."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self.capture = capture
        self.code = 0
        self.out = self.err = ""

    def __call__(self, *arguments: object, code: int = 0) -> str:
        self.code = main([str(argument) for argument in arguments])
        self.out, self.err = self.capture.readouterr()
        assert self.code == code, f"{arguments}: {self.code}\n{self.out}\n{self.err}"
        return " ".join((self.out + self.err).split())

    def data(self, *arguments: object, code: int = 0) -> Any:
        self(*arguments, "--json", code=code)
        assert self.err == ""
        return json.loads(self.out)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """The command line in an empty workspace, with keys that are quick to open."""
    monkeypatch.setattr(keyring, "COST", CHEAP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("POURPARLER_WORKSPACE", "SSH_AUTH_SOCK", NEW_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLE, WORDS)
    told = Told(capsys)
    told("init")
    return told


# --- init and key -----------------------------------------------------------------------------------------------------


def test_a_workspace_is_made_once(say: Told, tmp_path: Path) -> None:
    assert (tmp_path / "pourparler.toml").is_file()
    assert "already" in say("init", code=4)
    told = say("init", "another")
    assert [told.index(step) for step in ("key new", "ledger create", "party found")]
    made = say.data("init", "third")
    assert Path(made["workspace"]) == tmp_path / "third"


def test_a_key_from_making_to_deleting(say: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = say.data("key", "new", "ann", "--role", "member")
    assert set(made) == {"name", "role", "public_key", "where", "algorithm", "created", "comment"}
    assert say("key", "public", "ann") == made["public_key"]
    assert say.data("key", "public", "ann") == made
    assert say.data("key", "list") == {"keys": [made], "troubles": []}
    listed = say("key", "list")
    assert all(word in listed for word in ("ann", "member", "file", made["public_key"][:16]))
    inside = tmp_path / "desk"  # a folder inside the workspace will do
    monkeypatch.chdir(inside)
    monkeypatch.setenv(NEW_VARIABLE, "for the journey")
    assert "copied" in say("key", "export", "ann", "--out", "copy")
    say("key", "passphrase", "ann")
    assert "does not open" in say("key", "passphrase", "ann", code=5)
    assert say("key", "delete", "ann", "--yes").startswith("deleted ann")
    assert say.data("key", "list")["keys"] == []
    monkeypatch.setenv(VARIABLE, "for the journey")
    assert say.data("key", "import", "copy", "anna") == {**made, "name": "anna"}
    assert "anna" in say("key", "import", "copy", "ann", code=4)


def test_quiet_prints_the_public_key_alone(say: Told) -> None:
    public = say("key", "new", "ann", "--role", "member", "-q")
    assert bytes.fromhex(public) == Keyring("keys").public("ann")


def test_what_is_given_wrongly_is_usage(say: Told) -> None:
    say("key", "new", "ann", "--role", "member")
    for arguments, sign in (
        (("key", "new", "Ann", "--role", "member"), "key.name"),
        (("key", "new", "bo", "--role", "king"), "key.role"),
        (("key", "new", "ann", "--role", "member"), "key.exists"),
        (("key", "public", "bo"), "key.absent"),
        (("key", "new", "bo"), "--role"),
        (("key", "export", "bo"), "--out"),
        (("key", "nwe"), "new"),
        (("kye",), "Did you mean key"),
        (("key", "list", "--workspace", "nowhere"), "no workspace"),
    ):
        assert sign in say(*arguments, code=4)
        error = say.data(*arguments, code=4)
        assert set(error) == {"error", "exit_code"}
        assert set(error["error"]) == {"what", "do", "reason", "step"}
        assert error["exit_code"] == 4
        assert error["error"]["do"]


def test_a_file_that_fails_is_input_and_hides_no_other(say: Told, tmp_path: Path) -> None:
    say("key", "new", "ann", "--role", "member")
    say("key", "new", "bo", "--role", "member")
    (tmp_path / "keys" / "bo.key").chmod(0o644)
    listed = say("key", "list", code=5)
    assert "ann" in listed
    assert "chmod 0600" in listed
    found = say.data("key", "list", code=5)
    assert [info["name"] for info in found["keys"]] == ["ann"]
    assert [trouble["reason"] for trouble in found["troubles"]] == ["key.mode"]


def test_a_passphrase_comes_from_a_file_before_the_environment(
    say: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words").write_text("from the file\nand no further\n")
    say("key", "new", "ann", "--role", "member", "--passphrase-file", "words")
    Keyring("keys").signer("ann", lambda _: "from the file")
    (tmp_path / "windows").write_bytes(b"from the file\r\n")
    monkeypatch.setenv(NEW_VARIABLE, "another one")
    say("key", "passphrase", "ann", "--passphrase-file", "windows")
    Keyring("keys").signer("ann", lambda _: "another one")
    assert "cannot be read" in say("key", "new", "bo", "--role", "member", "--passphrase-file", "nowhere", code=5)
    (tmp_path / "noise").write_bytes(b"\xff\xfe\n")
    assert "UTF-8" in say("key", "new", "bo", "--role", "member", "--passphrase-file", "noise", code=5)
    assert "key.weak" in say("key", "new", "bo", "--role", "member", "--passphrase-file", os.devnull, code=4)


def test_nobody_to_ask_is_said_and_not_waited_for(say: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    say("key", "new", "ann", "--role", "member")
    monkeypatch.delenv(VARIABLE)
    for arguments in (
        ("key", "new", "bo", "--role", "member"),
        ("key", "passphrase", "ann"),
        ("key", "export", "ann", "--out", "copy"),
    ):
        assert "--passphrase-file" in say(*arguments, code=4)
    assert "--yes" in say("key", "delete", "ann", code=4)
    assert Keyring("keys").names() == ["ann"]


def test_a_passphrase_on_standard_input(say: Told, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pourparler.cli.main",
            "key",
            "new",
            "ann",
            "--role",
            "holder",
            "--passphrase-file",
            "-",
        ],
        input=b"from a pipe\n",
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    Keyring(tmp_path / "keys").signer("ann", lambda _: "from a pipe", role="holder")


def test_what_is_imported_is_looked_at(say: Told, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(b"\x89PNG" * 100)
    assert "key.damaged" in say("key", "import", "picture", "ann", code=5)
    assert "there is no file" in say("key", "import", "nowhere", "ann", code=5)
    (tmp_path / "huge").write_bytes(b" " * 100_000)
    assert "too large" in say("key", "import", "huge", "ann", code=5)


def test_deleting_tells_what_the_key_keeps(say: Told, tmp_path: Path) -> None:
    say("key", "new", "keeper", "--role", "ledger")
    settings = tmp_path / "pourparler.toml"
    public = say("key", "public", "keeper")
    table = f'[ledgers."ledger.example/ours"]\nkey = "{public}"\nfile = "ours.sqlite"\nkept_by = "keeper"\n'
    settings.write_text(settings.read_text() + table)
    terminal = Terminal("key", "delete", "keeper", cwd=tmp_path)
    told = " ".join(terminal.until("Type keeper to delete it").split())
    assert "ledger.example/ours" in told
    terminal.press(": no\n")
    assert terminal.end() == 4
    assert Keyring(tmp_path / "keys").names() == ["keeper"]
    terminal = Terminal("key", "delete", "keeper", cwd=tmp_path)
    terminal.until("Type keeper to delete it")
    terminal.press("keeper\n")
    assert terminal.end() == 0
    assert Keyring(tmp_path / "keys").names() == []


# --- at a terminal ----------------------------------------------------------------------------------------------------


def test_a_person_is_asked_twice_and_nothing_is_shown(say: Told, tmp_path: Path) -> None:
    terminal = Terminal("key", "new", "ann", "--role", "member", cwd=tmp_path)
    terminal.until("New passphrase for ann:")
    terminal.press("short\n")
    assert "characters or more" in terminal.until("New passphrase for ann:")
    terminal.press(f"{WORDS}\n")
    terminal.until("The same again:")
    terminal.press("something else\n")
    assert "differ" in terminal.until("New passphrase for ann:")
    terminal.press(f"{WORDS}\n")
    terminal.until("The same again:")
    terminal.press(f"{WORDS}\n")
    said = terminal.until("public key")
    assert terminal.end() == 0
    assert WORDS not in said + terminal.seen
    Keyring(tmp_path / "keys").signer("ann", lambda _: WORDS)


def test_a_person_who_mistypes_is_asked_again_and_then_no_more(say: Told, tmp_path: Path) -> None:
    say("key", "new", "ann", "--role", "member")
    terminal = Terminal("key", "export", "ann", "--out", "copy", cwd=tmp_path)
    terminal.until("Passphrase of ann:")
    terminal.press("wrong\n")
    assert "Try again" in terminal.until("Passphrase of ann:")
    terminal.press(f"{WORDS}\n")
    terminal.until("New passphrase for the copy:")
    terminal.press("for the journey\n")
    terminal.until("The same again:")
    terminal.press("for the journey\n")
    assert terminal.end() == 0
    assert (tmp_path / "copy").is_file()
    terminal = Terminal("key", "passphrase", "ann", cwd=tmp_path)
    for _ in range(3):
        terminal.until("Passphrase of ann:")
        terminal.press("wrong\n")
    terminal.until("key.passphrase")
    assert terminal.end() == 5


@pytest.mark.parametrize(("typed", "code"), [("\x03", 130), ("\x04", 4)])
def test_a_person_may_leave(say: Told, tmp_path: Path, typed: str, code: int) -> None:
    terminal = Terminal("key", "new", "ann", "--role", "member", cwd=tmp_path)
    terminal.until("New passphrase for ann:")
    terminal.press(typed)
    assert terminal.end() == code
    assert "Traceback" not in terminal.seen
    assert Keyring(tmp_path / "keys").names() == []


def test_an_open_key_is_not_in_a_core_file(tmp_path: Path) -> None:
    """Whoever opens keys lets the system write no image of the process."""
    code = (
        "from resource import *; setrlimit(RLIMIT_CORE, (getrlimit(RLIMIT_CORE)[1],) * 2);"
        "from pourparler.cli.passphrase import Passphrases; Passphrases(); print(getrlimit(RLIMIT_CORE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean_environment(), capture_output=True, check=True)
    assert done.stdout.strip() == b"0"


# --- the agent --------------------------------------------------------------------------------------------------------


@real
def test_a_key_in_the_real_agent(say: Told, agent: RealAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SSH_AUTH_SOCK" in say("key", "agent", code=5)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    assert "no Ed25519 key" in say("key", "agent")
    assert "agent.locked" in say("key", "agent", "ann", "--role", "member", code=5)
    agent.add(agent.make("ann@desk"))
    agent.add(agent.make("bo@desk"))
    shown = say.data("key", "agent")["keys"]
    assert [row["comment"] for row in shown] == ["ann@desk", "bo@desk"]
    assert "--which" in say("key", "agent", "ann", "--role", "member", code=4)
    assert "--role" in say("key", "agent", "ann", "--which", "ann@desk", code=4)
    assert "None of" in say("key", "agent", "ann", "--role", "member", "--which", "cy@desk", code=4)
    noted = say.data("key", "agent", "ann", "--role", "member", "--which", "ann@desk")
    assert (noted["where"], noted["public_key"]) == ("agent", shown[0]["public_key"])
    say("key", "agent", "bo", "--role", "holder", "--which", shown[1]["public_key"][:12])
    monkeypatch.delenv(VARIABLE)  # nobody asks for a passphrase of theirs
    assert "ssh-keygen" in say("key", "export", "ann", "--out", "copy", code=5)
    assert "ssh-keygen" in say("key", "passphrase", "ann", code=5)
    assert "ok agent" in say("doctor")
    agent.add("-d", agent.folder / "ann@desk")
    assert "key ann" in say("doctor", code=5)
    agent.process.kill()
    agent.process.wait()
    assert "cannot be reached" in say("doctor", code=5)
    assert Agent.here({"SSH_AUTH_SOCK": str(agent.socket)}).path == agent.socket


MANDATE = """
organ = "we.board"
to = "agent"
powers = ["open", "propose"]
"""


@real
def test_a_decision_waits_for_the_key_that_the_agent_does_not_give(
    say: Told,
    agent: RealAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One member's key is in a file, the other's and the ledger's in the agent. What one has signed is not lost."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
    for name in ("bo", "keeper"):
        agent.add(agent.make(name))
    say("key", "new", "ann", "--role", "member")
    say("key", "new", "agent", "--role", "holder")
    say("key", "agent", "bo", "--role", "member", "--which", "bo")
    say("key", "agent", "keeper", "--role", "ledger", "--which", "keeper")
    say("ledger", "create", "ledger.example/ours", "--key", "keeper")
    say("party", "found", "--title", "We", "--member", "ann", "--member", "bo")
    (tmp_path / "mandate.toml").write_text(MANDATE)
    agent.add("-d", agent.folder / "bo")
    waiting = say("mandate", "grant", "mandate.toml", "--name", "agent-1")
    assert "without bo: The ssh-agent holds other keys" in waiting
    assert "1 of 2 signatures; still needed: bo" in waiting
    (file,) = (tmp_path / "desk" / "waiting").iterdir()
    assert "agent.key-gone" in say("act", "sign", file, "--key", "bo", "--yes", code=5)
    agent.add(agent.folder / "bo")
    assert "entry" in say("act", "sign", file, "--key", "bo", "--yes")
    agent.add("-d", agent.folder / "bo")
    foreseen = say("mandate", "dismiss", "agent-1", "--yes")
    assert "mandate agent-1: in force → dismissed" in foreseen
    assert "organ we.board" not in foreseen  # nothing of it changes
    agent.add("-d", agent.folder / "keeper")
    agent.add(agent.folder / "bo")
    assert "agent.key-gone" in say("mandate", "dismiss", "agent-1", "--yes", code=5)  # no ledger without its key
    agent.add(agent.folder / "keeper")
    assert "entry" in say("mandate", "dismiss", "agent-1", "--yes")


def test_no_key_signs_in_another_role(say: Told, tmp_path: Path) -> None:
    for name, role in (("ann", "member"), ("hal", "holder"), ("kim", "ledger")):
        say("key", "new", name, "--role", role)
    assert "key.role" in say("ledger", "create", "ledger.example/ours", "--key", "ann", code=4)
    say("ledger", "create", "ledger.example/ours", "--key", "kim")
    assert "key.role" in say("party", "found", "--title", "We", "--member", "hal", code=4)
    say("party", "found", "--title", "We", "--member", "ann")
    assert "named in found we, in ledger.example/ours" in say("key", "delete", "ann", code=4)
    assert say.data("key", "delete", "hal", "--yes")["named_in"] == []
    say("key", "new", "hal", "--role", "holder")
    (tmp_path / "mandate.toml").write_text(MANDATE.replace('"agent"', '"kim"'))
    assert "decision.key-role" in say("mandate", "grant", "mandate.toml", "--name", "m", code=3)  # the law's own word
    say("key", "new", "bo", "--role", "member")
    say("party", "found", "--title", "They", "--member", "bo")
    mandate = MANDATE.replace("we.board", "they.board").replace('"agent"', '"ann"')  # the law lets a member of another
    (tmp_path / "mandate.toml").write_text(mandate)
    say("mandate", "grant", "mandate.toml", "--name", "m")
    assert "key.role" in say("dossier", "open", "--party", "we", "--party", "they", "--by", "m", code=4)


# --- help -------------------------------------------------------------------------------------------------------------


def commands(app: Any = None, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return every command there is, and every noun."""
    import typer

    group = typer.main.get_command(command_line.app) if app is None else app
    found = [path]
    if hasattr(group, "commands"):
        for name in group.list_commands(None):
            found += commands(group.get_command(None, name), (*path, name))
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_help_that_fits(path: tuple[str, ...], say: Told) -> None:
    shown = say(*path, "--help")
    assert "Usage: pourparler" in shown
    assert "Traceback" not in shown
    assert max(map(len, say.out.splitlines())) <= 80


def test_a_noun_alone_shows_its_help(say: Told) -> None:
    assert say() == say("--help")
    assert say("key") == say("key", "--help")
    assert "Make a key" in say("key")


def test_help_is_in_panels_and_names_only_what_there_is(say: Told) -> None:
    say("--help")
    out = say.out
    panels = [line.rstrip(":") for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert panels[0] == "Options"
    assert panels[1:] == list(command_line.Nouns.panels)
    named = {name for names in command_line.Nouns.panels.values() for name in names}
    assert named == {path[0] for path in commands() if path}
    assert "new · list · agent · public · export · import · passphrase · delete" in " ".join(out.split())


def test_help_in_a_terminal_without_the_signs() -> None:
    environment = {**clean_environment(), "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "pourparler.cli.main", "--help"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert b"new, list, agent" in b" ".join(done.stdout.split())


def test_the_documentation_names_the_commands_that_there_are() -> None:
    page = (ROOT / "docs" / "keys.md").read_text("utf-8")
    lines = [line.split() for line in page.splitlines() if line.startswith("pourparler ")]
    there = set(commands())
    for line in lines:
        assert tuple(line[1:3]) in there or (line[1],) in there - {("key",)}, line
    assert {tuple(line[1:3]) for line in lines} >= {path for path in there if path[:1] == ("key",) and len(path) == 2}


def test_a_fault_of_ours_is_not_hidden(say: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Keyring, "list", broken)
    with pytest.raises(ZeroDivisionError):
        main(["key", "list"])


# --- doctor -----------------------------------------------------------------------------------------------------------


def findings(say: Told, *arguments: object, code: int = 0) -> dict[str, tuple[str, str]]:
    data = say.data("doctor", *arguments, code=code)
    assert data["fail"] == sum(row["state"] == "fail" for row in data["findings"])
    return {row["subject"]: (row["state"], row["what"]) for row in data["findings"]}


def test_doctor_finds_a_healthy_machine_healthy(say: Told) -> None:
    say("key", "new", "ann", "--role", "member")
    say("doctor")
    found = findings(say)
    assert {state for subject, (state, _) in found.items() if subject != "disk"} == {"ok"}
    assert {"python", "sqlite", "pynacl", "libipld", "signatures", "keys", "agent", "disk", "clock"} <= set(found)


def test_doctor_without_a_workspace(say: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    assert findings(say)["workspace"][0] == "warn"
    assert findings(say, "--workspace", tmp_path)["workspace"][0] == "ok"
    assert findings(say, "--workspace", "nowhere", code=5)["workspace"][0] == "fail"
    (tmp_path / "pourparler.toml").write_text("format = [")
    assert findings(say, "--workspace", tmp_path, code=5)["workspace"][0] == "fail"


def test_doctor_finds_keys_that_cannot_be_used(say: Told, tmp_path: Path) -> None:
    for name in ("ann", "bo", "cy"):
        say("key", "new", name, "--role", "member")
    (tmp_path / "keys" / "ann.key").chmod(0o640)
    data = bytearray((tmp_path / "keys" / "bo.key").read_bytes())
    data[100] ^= 1
    (tmp_path / "keys" / "bo.key").write_bytes(data)
    (tmp_path / "keys" / ".cy.key.0123456789abcdef.writing").write_bytes(b"half a")
    found = findings(say, code=5)
    assert (found["key ann"][0], found["key bo"][0]) == ("fail", "fail")
    assert "damaged" in found["key bo"][1]
    assert "1 readable" in found["keys"][1]
    (tmp_path / "keys" / "ann.key").chmod(0o600)
    (tmp_path / "keys" / "bo.key").unlink()
    assert findings(say)["keys"][0] == "ok"
    (tmp_path / "keys").chmod(0o755)
    assert findings(say, code=5)["key ann"][0] == "fail"


def test_doctor_finds_keys_that_somebody_copied_by_hand(say: Told, tmp_path: Path) -> None:
    say("key", "new", "ann", "--role", "member")
    data = (tmp_path / "keys" / "ann.key").read_bytes()
    for name in ("ann-2.key", "Ann (copy).key"):
        (tmp_path / "keys" / name).touch(0o600)
        (tmp_path / "keys" / name).write_bytes(data)
    said = say("doctor")
    assert "the same key" in said
    assert "Ann (copy).key" in said
    assert Keyring(tmp_path / "keys").names() == ["ann", "ann-2"]
