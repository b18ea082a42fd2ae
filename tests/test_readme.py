"""What the README and the examples say runs as it stands."""

import re
import runpy
from pathlib import Path

import pytest

from pourparler.service.intake import Intake
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parents[1]


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


EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


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
