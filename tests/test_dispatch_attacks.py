"""The forty-five attacks on dispatch: each number has a test whose docstring names it, as ``Attack 13: …``."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ATTACKS = 45


def named() -> Iterator[int]:
    """Yield the numbers in the docstrings of all tests of dispatch."""
    for path in TESTS.glob("test_*.py"):
        source = path.read_text("utf-8")
        if "Attack" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found = re.match(r"Attacks? ([\d, and]+):", ast.get_docstring(node) or "")
                yield from map(int, re.findall(r"\d+", found[1])) if found else ()


def test_each_of_the_forty_five_attacks_has_a_test_that_names_its_number() -> None:
    assert set(range(1, ATTACKS + 1)) - set(named()) == set()
