"""Run the model: ``python -m spec.model --depth 4``, or ``--without RULE`` for a history that shows the rule needed.

Exit code 0: all properties hold and every premise was met, or, with ``--without``, a counterexample was found; else 1.
"""

import argparse
import json
import sys

from . import RULES, as_data, explore, unexercised
from .search import Report


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m spec.model", description="Only the council can bind, exhaustively."
    )
    parser.add_argument("--depth", type=int, default=4, help="acts after the prologue (4: seconds; 5: minutes)")
    parser.add_argument("--without", action="append", choices=RULES, default=[], help="switch a rule off; repeatable")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    chosen = parser.parse_args()
    without = frozenset(chosen.without)
    report = explore(chosen.depth, without, kinds=("false",)) if without else explore(chosen.depth)
    if chosen.json:
        print(json.dumps({**as_data(report), "unexercised": unexercised(report)}, indent=2))
    else:
        print("\n".join(_told(report)))
    as_hoped = report.violation is not None if without else report.violation is None and not unexercised(report)
    return 0 if as_hoped else 1


def _told(report: Report) -> list[str]:
    off = f", without: {', '.join(report.without)}" if report.without else ""
    lines = [f"up to {report.depth} acts{off}"]
    if report.violation:
        return [*lines, report.violation.tell()]
    lines += [f"  from {name!r}: {' + '.join(map(str, each))} histories" for name, each in report.histories.items()]
    lines.append(f"  {report.states} states, {report.ledgers} ledgers judged; no violation")
    lines += [f"  {number:>9}  {premise}" for premise, number in sorted(report.covered.items())]
    if not report.without:
        lines += [f"  NEVER MET: {premise}" for premise in unexercised(report)]
    return lines


if __name__ == "__main__":
    sys.exit(main())
