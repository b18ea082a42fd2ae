"""The pages' Python blocks run as they stand. Each guide of ``how-to`` begins where the block of its README ends."""

import re
from pathlib import Path
from typing import Any

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

HOW_TO = Path(__file__).resolve().parent / "how-to"


def begin(namespace: dict[str, Any]) -> None:
    """Give a guide what the README of the guides sets up."""
    blocks = re.findall(r"^```python\n(.*?)^```", (HOW_TO / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    exec("\n".join(blocks), namespace)


pytest_collect_file = Sybil(parsers=[PythonCodeBlockParser()], patterns=["how-to/*.md"], setup=begin).pytest()
