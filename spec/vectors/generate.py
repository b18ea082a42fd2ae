"""Make the vectors: ``python -m spec.vectors.generate`` writes every group's JSON file beside this one.

Running it again changes nothing: the same files, byte for byte. To add a group, write a function that takes a
:class:`~spec.vectors.kit.Group` and adds cases to it, register it with ``@group(...)`` in a module of this directory,
name the module in :data:`MODULES`, and give the group a runner in ``tests/test_vectors.py``.
"""

import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))  # so that the file can be run by its path, too

from spec.vectors import kit  # noqa: E402

MODULES = ("formats", "acts", "terms", "notes", "tiles", "receipts", "frames", "exchange")


def groups() -> dict[str, kit.Group]:
    """Return every registered group, filled, by name."""
    for module in MODULES:
        importlib.import_module(f"spec.vectors.{module}")
    return {name: kit.made(name) for name in kit.GROUPS}


def text_of(group: kit.Group) -> str:
    """Return a group as the text of its file: one case a line, so that a change is read as the cases it touches."""
    first = {"format": group.format, "about": group.about}
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=True) for case in group.cases)
    return json.dumps(first, indent=1, ensure_ascii=True)[:-2] + ',\n "cases": [\n' + lines + "\n ]\n}\n"


def main() -> None:
    from spec.vectors import law

    law.main()
    for name, group in groups().items():
        path = HERE / f"{name}.json"
        path.write_text(text_of(group), encoding="utf-8")
        refused = sum("reason" in case for case in group.cases)
        print(f"{path.name}: {len(group.cases)} cases, {refused} of them refused")


if __name__ == "__main__":
    main()
