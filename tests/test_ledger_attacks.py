"""The fifty attacks on ledgers, notes, proofs, receipts and witnesses: each number has a test that bears it."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_each_of_the_fifty_attacks_has_a_test_that_names_its_number():
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").glob("test_ledger*.py"))
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {int(number) for number in re.findall(r"attack[-_](\d+)", said)}
    assert named == set(range(1, 51))
