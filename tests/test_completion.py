"""Completion: what bash itself offers by the script that the command prints, and what there is to offer."""

# ruff: noqa: F811  an argument names a fixture that was imported

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pourparler.cli.options import SAFE
from pourparler.service.glance import names
from pourparler.service.workspace import Workspace
from pourparler.store.sqlite import SqliteStore
from tests.terminal import clean_environment
from tests.test_cli_keys import Told, say  # noqa: F401  a fixture

AGENT = """
organ = "we.board"
to = "agent"
powers = ["open", "propose", "adopt", "delegate"]
"""
THEIRS = AGENT.replace("we.board", "they.board").replace('"agent"', '"sal"')
OFFICE = """
organ = "we.board"
[new]
name = "office"
seats = { ann = 1 }
needs = 1
powers = ["open"]
"""
TEXT = """
[articles]
en = ["The seller delivers."]
[terms]
price = "1.00"
"""


@pytest.fixture
def furnished(say: Told, tmp_path: Path) -> Path:
    """A workspace with one of everything that has a name."""
    for name, role in (
        ("ann", "member"),
        ("anton", "member"),
        ("bo", "member"),
        ("agent", "holder"),
        ("sal", "holder"),
    ):
        say("key", "new", name, "--role", role)
    say("ledger", "create", "ledger.example/ours")
    say("party", "found", "--title", "We", "--member", "ann")
    say("party", "found", "--title", "They", "--member", "bo")
    for name, text in (("agent.toml", AGENT), ("theirs.toml", THEIRS), ("office.toml", OFFICE), ("text.toml", TEXT)):
        (tmp_path / name).write_text(text)
    say("mandate", "grant", "agent.toml", "--name", "agent-1")
    say("dossier", "open", "--party", "we", "--party", "they", "--by", "agent-1", "--name", "tents")
    say("organ", "constitute", "office.toml")
    say("mandate", "grant", "theirs.toml", "--name", "sale")
    say("dossier", "join", "tents", "--by", "sale")
    say("act", "propose", "tents", "text.toml", "--by", "agent-1")
    return tmp_path


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with ``pourparler`` in it, as a person has it on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "pourparler"
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom pourparler.cli.main import main\nsys.exit(main())\n")
    program.chmod(0o755)
    return folder


def in_bash(script: str, installed: Path, cwd: Path) -> list[str]:
    environment = clean_environment()
    environment |= {"PATH": f"{installed}{os.pathsep}{environment['PATH']}", "HOME": str(cwd)}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


BASH = """
eval "$(pourparler --show-completion)"
complete -p pourparler >/dev/null || exit 1
COMP_WORDS=({words}); COMP_CWORD={at}; COMPREPLY=()
_pourparler_completion pourparler
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(installed: Path, cwd: Path, *words: str) -> list[str]:
    """Return what bash itself offers after these words, by the script that the command prints."""
    quoted = " ".join(f"'{word}'" for word in ("pourparler", *words))
    return in_bash(BASH.format(words=quoted, at=len(words)), installed, cwd)


def test_bash_completes_commands_options_roles_and_keys(say: Told, installed: Path, tmp_path: Path) -> None:
    for name in ("ann", "anton", "bo"):
        say("key", "new", name, "--role", "member")
    assert set(completed(installed, tmp_path, "")) >= {"demo", "init", "doctor", "key", "verify"}
    assert completed(installed, tmp_path, "ver") == ["verify"]
    assert set(completed(installed, tmp_path, "key", "")) >= {"new", "list", "passphrase"}
    assert completed(installed, tmp_path, "key", "ex") == ["export"]
    assert completed(installed, tmp_path, "key", "public", "an") == ["ann", "anton"]
    assert "--passphrase-file" in completed(installed, tmp_path, "key", "new", "--pa")
    assert completed(installed, tmp_path, "key", "new", "cy", "--role", "m") == ["member"]
    nowhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    nowhere.mkdir()
    assert completed(installed, nowhere, "key", "public", "an") == []
    assert completed(installed, nowhere, "key", "public", "--workspace", str(tmp_path), "b") == ["bo"]


def test_completion_is_installed_for_bash(installed: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    said = in_bash("pourparler --install-completion; source .bashrc; complete -p pourparler", installed, home)
    assert "_pourparler_completion" in said


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_answered_in_their_own_way(say: Told, installed: Path, tmp_path: Path, shell: str) -> None:
    """What their completion scripts run, run by bash: each shell asks by two variables and reads one answer."""
    say("key", "new", "ann", "--role", "member")
    ask = f"_TYPER_COMPLETE_ARGS='pourparler key public a' _POURPARLER_COMPLETE=complete_{shell}"
    more = "_TYPER_COMPLETE_FISH_ACTION=get-args" if shell == "fish" else ""
    said = in_bash(f"env {ask} {more} pourparler", installed, tmp_path)
    assert any("ann" in word for word in said)
    script = in_bash(
        f"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION=1 pourparler --show-completion {shell}", installed, tmp_path
    )
    assert f"_POURPARLER_COMPLETE=complete_{shell}" in " ".join(script)


def test_everything_that_has_a_name_is_offered_by_its_kind(furnished: Path) -> None:
    workspace = Workspace(furnished)
    offered = {
        "party": ["they", "we"],
        "organ": ["they.board", "we.board", "we.office"],
        "mandate": ["agent-1", "sale"],
        "dossier": ["tents"],
        "text": ["tents.1"],
        "key": ["agent", "ann", "anton", "bo", "ledger", "sal"],
        "ledger": ["ledger.example/ours"],
    }
    for kind, expected in offered.items():
        assert names(workspace, kind) == expected, kind
    assert names(workspace, "mandate", "organ") == ["agent-1", "sale", "they.board", "we.board", "we.office"]


def test_bash_completes_names_where_they_are_meant(furnished: Path, installed: Path) -> None:
    for words, expected in (
        (("mandate", "show", "a"), ["agent-1"]),
        (("organ", "show", "we."), ["we.board", "we.office"]),
        (("dossier", "show", ""), ["tents"]),
        (("vote", "ratify", "tents", "t"), ["tents.1"]),
        (("act", "adopt", "tents", "--key", "an"), ["ann", "anton"]),
        (("act", "adopt", "tents", "--by", "agent"), ["agent-1"]),
        (("act", "adopt", "tents", "--ledger", "l"), ["ledger.example/ours"]),
        (("act", "draft", "sign-ad"), ["sign-ad-referendum"]),
    ):
        assert completed(installed, furnished, *words) == expected, words


def test_completion_takes_no_lock_and_survives_what_is_broken(furnished: Path) -> None:
    workspace = Workspace(furnished)
    (file,) = workspace.ledgers.glob("*.sqlite")
    with closing(SqliteStore(file)) as store, store.transaction() as writing:
        writing.put_text(bytes(32), b"not there yet")
        assert names(workspace, "party") == ["they", "we"]
    file.write_bytes(b"this is no database" * 100)
    assert names(workspace, "party") == []
    file.unlink()
    assert names(workspace, "party") == []
    assert not file.exists()


@pytest.mark.parametrize("name", ["$(touch x)", "`touch x`", "a b", "a;b", 'a"b', "a'b", "a\nb", ""])
def test_no_name_that_a_shell_could_run_is_offered(name: str) -> None:
    assert not SAFE.fullmatch(name)
