"""What the README and the examples say runs as it stands."""

import re
import runpy
from pathlib import Path

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


def test_the_first_agreement_is_verified(tmp_path: Path) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "first_agreement.py"))
    assert example["main"](tmp_path) == "VALID"
