"""Run the model: ``python -m spec.model --depth 4``, or ``--without RULE`` for a history that shows the rule needed.

``--world NAME`` runs a small world instead, ``--worlds`` all of them, each to its own depth unless one is given.

Exit code 0: all properties hold and every premise was met, or, with ``--without``, a counterexample was found; else 1.
"""

import argparse
import json
import sys

from . import RULES, as_data, explore, unexercised
from .search import Report
from .small import WORLDS, Found, search, unmet, world


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m spec.model", description="Only the council can bind, exhaustively."
    )
    parser.add_argument("--depth", type=int, help="acts after the prologue (joint model: 4, seconds; 5, minutes)")
    parser.add_argument("--without", action="append", default=[], help="switch a rule off; repeatable")
    parser.add_argument("--world", choices=WORLDS, help="a small world instead of the joint model")
    parser.add_argument("--worlds", action="store_true", help="all small worlds")
    parser.add_argument(
        "--quick", action="store_true", help="small worlds only to the depth where every rule is needed"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    chosen = parser.parse_args()
    known = world(chosen.world).RULES if chosen.world else RULES
    if unknown := set(chosen.without) - set(known):
        parser.error(f"there is no rule {', '.join(sorted(unknown))} here; there are: {', '.join(known)}")
    if chosen.worlds and (chosen.without or chosen.world):
        parser.error("--worlds goes with neither --world nor --without: a rule belongs to one world")
    without = frozenset(chosen.without)
    if chosen.world or chosen.worlds:
        names = [chosen.world] if chosen.world else list(WORLDS)
        depths = {name: world(name).QUICK if chosen.quick else chosen.depth for name in names}
        return _small(depths, without, as_json=chosen.json)
    depth = 4 if chosen.depth is None else chosen.depth
    report = explore(depth, without, kinds=("false",)) if without else explore(depth)
    if chosen.json:
        print(json.dumps({**as_data(report), "unexercised": unexercised(report)}, indent=2))
    else:
        print("\n".join(_told(report)))
    as_hoped = report.violation is not None if without else report.violation is None and not unexercised(report)
    return 0 if as_hoped else 1


def _small(depths: dict[str, int | None], without: frozenset[str], *, as_json: bool) -> int:
    """Search small worlds, each to a depth or its own, and say what was found."""
    as_hoped, said = True, []
    for name, depth in depths.items():
        report = search(name, depth, without)
        lacking = [] if without else unmet(report)
        as_hoped &= (report.wrong is not None) if without else (report.wrong is None and not lacking)
        if as_json:
            wrong = report.wrong and {"acts": as_data(report.wrong.acts), "told": report.wrong.tell()}
            counts = {field: getattr(report, field) for field in ("world", "depth", "histories", "states", "views")}
            said.append({**counts, "covered": as_data(report.covered), "unmet": lacking, "wrong": wrong})
        else:
            print("\n".join(_told_small(report, lacking)), flush=True)
    if as_json:
        print(json.dumps(said, indent=2))
    return 0 if as_hoped else 1


def _told_small(report: Found, lacking: list[str]) -> list[str]:
    off = f", without: {', '.join(report.without)}" if report.without else ""
    lines = [f"  {number:>9}  {premise}" for premise, number in sorted(report.covered.items())]
    lines += [f"  NEVER MET: {premise}" for premise in lacking]
    counts = f"{report.histories} histories, {report.states} states, {report.views} views judged"
    end = report.wrong.tell() if report.wrong else f"{report.world}: {counts}; no violation"
    return [f"{report.world}, up to {report.depth} acts{off}", *lines, end]


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
