"""What the README and the examples say runs as it stands."""

import re
import runpy
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service.intake import Intake
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parents[1]


TEXTS = re.compile(r"```text\n(.*?)```", re.DOTALL)


class Still:
    def now(self) -> int:
        return 1_000


def test_the_library_in_ten_lines() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    intake = Intake(MemoryStore(), Key.from_name("ledger"), Still(), "ledger.example/ours")
    for name in ("party", "mandate"):
        assert intake.submit(names[name].envelope.encoded()).void is None
    assert len([line for line in code.splitlines() if "import" not in line and line.strip()]) <= 10


# What of a demo differs from run to run: keys, what hangs from them, and where in the file that comes to lie.
CHANGING = re.compile(r"\b[0-9a-f]{8,}…|\bbyte [0-9,]+ of [0-9,]+")


def same_each_time(text: str) -> str:
    return CHANGING.sub("~", re.sub(r"\s+", " ", text))


@pytest.mark.parametrize("number", [0, 1])
def test_a_demo_says_what_the_readme_shows(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Piece by piece, in this order; a piece ends at a line with nothing but an ellipsis."""
    monkeypatch.setenv("COLUMNS", "80")
    excerpts = TEXTS.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(excerpts) == 2
    assert main(["demo", ("procurement", "november-1917")[number], "--once"]) == 0
    said, at = same_each_time(capsys.readouterr().out), 0
    for piece in re.split(r"\n\n +…\n\n", excerpts[number].rstrip()):
        found = said.find(same_each_time(piece), at)
        assert found >= 0, f"the demo does not say, or not here:\n{piece}"
        at = found + len(same_each_time(piece))


WORLD = "simulated_negotiator"  # ends in no evidence; tests/test_world.py runs it
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem != WORLD)


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_ends_in_evidence_that_is_valid(path: Path, tmp_path: Path) -> None:
    example = runpy.run_path(str(path))
    assert example["main"](tmp_path) == "VALID"
    assert len(path.read_text("utf-8").splitlines()) <= 200  # an example that is not read shows nothing


def test_the_procurement_that_the_board_refuses_binds_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(ROOT / "examples" / "procurement.py"))["main"]
    for refused, last in ((False, "VOID: limit.exceeded"), (True, "INVALID claim.not-bound")):
        folder = tmp_path / str(refused)
        folder.mkdir()
        main(folder, refused=refused)
        said = capsys.readouterr().out
        assert "propose              REFUSED: line.crossed" in said
        assert "propose              NOT SIGNED: line.private" in said
        assert ("VOID: dossier.overtaken" in said) is refused
        assert last in said
