"""What tools/house.py is there to find, it finds: each test plants one thing and looks whether it is named."""

import tomllib
from pathlib import Path

import pytest

from tools import house

ROOT = Path(__file__).resolve().parent.parent
ROOMS = house.rooms(tomllib.loads((ROOT / "pyproject.toml").read_text()))


def plant(src: Path, name: str, text: str = "") -> Path:
    path = src / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return src


def test_the_rooms_are_those_of_the_contract():
    assert {"pourparler.core.evidence", "pourparler.core.ledger", "pourparler.cli", "pourparler.testing"} <= set(ROOMS)
    assert len(ROOMS) == len(set(ROOMS))


@pytest.mark.parametrize("name", ["pourparler/cli/main.py", "pourparler/core/act.py", "pourparler/core/__init__.py"])
def test_a_module_in_its_room_passes(tmp_path, name):
    assert list(house.outside_rooms(plant(tmp_path, name), ROOMS)) == []


@pytest.mark.parametrize("name", ["pourparler/utils.py", "pourparler/core/helpers.py", "pourparler/corelike/act.py"])
def test_a_module_in_no_room_is_named(tmp_path, name):
    (problem,) = house.outside_rooms(plant(tmp_path, name), ROOMS)
    assert "is in no room" in problem


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import random",
        "import os",
        "import secrets",
        "import socket",
        "import logging",
        "import sqlite3",
        "from pathlib import Path",
        "import nacl.utils",
        "from nacl import signing",
        "import rich",
        "from pourparler import ports",
        "from . import act",
        "import cryptography",
        "from cryptography.hazmat.primitives import hashes",
        "def f():\n    import time",
        "x = open('file')",
        "x = print",
        "import datetime\nx = datetime.datetime.now()",
        "from datetime import date\nx = date.today()",
        "import nacl.bindings\nx = nacl.bindings.randombytes(4)",
    ],
)
def test_the_core_touches_nothing(tmp_path, line):
    (problem,) = house.impurities(plant(tmp_path, "pourparler/core/act.py", line))
    assert "act.py:" in problem


@pytest.mark.parametrize(
    "line",
    [
        "import hashlib",
        "import nacl.bindings",
        "from nacl import bindings",
        "from collections.abc import Mapping",
        "from pourparler.core import limits",
        "from pourparler.core.errors import Malformed",
        "def f():\n    from cryptography.hazmat.primitives import hashes",
        "from datetime import datetime\nx = datetime(1917, 11, 22)",
    ],
)
def test_the_core_may_compute(tmp_path, line):
    assert list(house.impurities(plant(tmp_path, "pourparler/core/act.py", line))) == []


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("MIT AND PSF-2.0", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("(MIT OR Apache-2.0) AND LGPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("unknown", False),
    ],
)
def test_which_licences_are_permissive(expression, verdict):
    assert house.permissive(expression) is verdict


def test_a_licence_is_read_from_wherever_a_package_states_it():
    assert house.licence_of({"license_expression": "MIT", "license": "see file"}) == "MIT"
    assert house.licence_of({"classifier": ["License :: OSI Approved :: MIT License"]}) == "MIT"
    assert house.licence_of({"classifier": ["License :: OSI Approved :: GNU General Public License"]}) != "MIT"
    assert house.licence_of({}) == "unknown"
