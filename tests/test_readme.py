"""The README's example runs as it stands."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_library_in_ten_lines() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert names["mandate"].kind == "grant"
    assert len([line for line in code.splitlines() if "import" not in line and line.strip()]) <= 10
