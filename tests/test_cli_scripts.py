"""The life of a negotiation on the real command line, as scripts that read as prose (``tests/scripts``)."""

import contextlib
import io
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service import keyring
from tests.script_player import by_process, parse, play

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Every script has an empty world, one passphrase, and keys that open fast."""
    (tmp_path / "world").mkdir()
    monkeypatch.chdir(tmp_path / "world")
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)


def in_process(arguments: list[str]) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(arguments)
    return code, said.getvalue()


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.txt")), ids=lambda path: path.stem)
def test_script(script, tmp_path):
    play(script, tmp_path / "world", in_process)


def test_first_agreement_by_processes_of_their_own(tmp_path):
    play(SCRIPTS / "first-agreement.txt", tmp_path / "world", by_process)


def test_a_script_that_goes_another_way_is_seen(tmp_path):
    wrong = tmp_path / "wrong.txt"
    for text, what in (
        ("$ pourparler init\n  exit 1\n", "exit code 0, not 1"),
        ("$ pourparler key list\n  There is a key\n", "it does not say: There is a key"),
        ("$ pourparler key list\n  ! no key\n", "it says: no key"),
    ):
        wrong.write_text(text, "utf-8")
        with pytest.raises(AssertionError, match=what):
            play(wrong, tmp_path / "world", in_process)
    assert len(parse("prose\n$ a b\n  c\n-- f --\n$ x\n--\n")) == 2
