"""Draw the state tables of ``core/dossier.py`` into ``spec/dossier.md``: ``python tools/diagrams.py``.

Between ``<!-- state table: name -->`` and ``<!-- end -->`` stand a Markdown table and a mermaid diagram, both made
here from the code's own table, so that text and code cannot drift. A test compares; this writes.
"""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pourparler.core.dossier import CONSENT_TABLE, DOSSIER_TABLE, TEXT_TABLE

SPEC = Path(__file__).resolve().parents[1] / "spec" / "dossier.md"
TABLES: dict[str, Mapping[tuple[Any, str], Any]] = {
    "dossier": DOSSIER_TABLE,
    "text": TEXT_TABLE,
    "consent": CONSENT_TABLE,
}
SECTION = re.compile(r"(<!-- state table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(table: Mapping[tuple[Enum, str], Enum]) -> str:
    """Return the table in Markdown, in the order of the code."""
    rows = [f"| {before.value} | {event} | {after.value} |" for (before, event), after in table.items()]
    return "\n".join(["| state | what happens | next state |", "|---|---|---|", *rows])


def mermaid(table: Mapping[tuple[Enum, str], Enum]) -> str:
    """Return the table as a mermaid state diagram; the first state of the table is where it begins."""
    states = list(dict.fromkeys(state for (before, _), after in table.items() for state in (before, after)))
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in states]
    lines.append(f"    [*] --> {states[0].name}")
    lines += [f"    {before.name} --> {after.name} : {event}" for (before, event), after in table.items()]
    return "\n".join(lines)


def section(name: str) -> str:
    """Return what stands between the markers of a table."""
    table = TABLES[name]
    return f"\n{markdown(table)}\n\n```mermaid\n{mermaid(table)}\n```\n\n"


def drawn(text: str) -> str:
    """Return the specification with every table as the code has it."""
    return SECTION.sub(lambda match: match[1] + section(match[2]) + match[3], text)


if __name__ == "__main__":
    SPEC.write_text(drawn(SPEC.read_text(encoding="utf-8")), encoding="utf-8")
