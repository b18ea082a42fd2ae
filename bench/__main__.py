"""``./run bench [NAME…]``: measure, print the table, write ``bench/results.json``. What it means: ``docs/bench.md``."""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bench import append, evidence, gossip, growth, lone, negotiate, radio, reconcile, recorded, rivals, sizes, speak
from bench.measure import TIMES, Effort, Result, Tell
from tools.environment import SetUpFailed

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "bench-results.md"
USAGE, SETUP = 4, 5

BENCHES: dict[str, tuple[str, Callable[[Effort, Tell], list[Result]]]] = {
    "append": ("verified and durable acts, and where their time goes", append.run),
    "known": ("an act under a mandate that is known", speak.known),
    "cold": ("a chain and its act, nothing of it seen before", speak.cold),
    "bytes": ("sizes of acts", sizes.run),
    "dossier": ("the fold in a long dossier, and its memory", growth.dossiers),
    "ledger": ("the fold in a large ledger", growth.ledgers),
    "lone": ("syncs and checks for one lone act", lone.run),
    "negotiate": ("whole negotiations", negotiate.run),
    "evidence": ("verify, as a command", evidence.run),
    "tree": ("tree work in a large ledger", recorded.tree),
    "receipt": ("acts to their durable proofs, alone and many at once", recorded.receipt),
    "proofs": ("proofs from a large ledger, and appends to it", recorded.proofs),
    "audit": ("whole ledgers read as a stranger reads them", recorded.audits),
    "radio": ("frames and bytes on the air beside what must be, and in a flood", radio.run),
    "reconcile": ("bytes by which two nodes find what the other lacks", reconcile.run),
    "gossip": ("rounds until 999 of 1,000 know, with the exchange's choice of peers", gossip.run),
    "checked": ("a stranger's check of proofs and evidence", recorded.checked),
}


def main(arguments: list[str]) -> int:
    asked = parser().parse_args(arguments)
    if asked.lock:
        return rivals.refresh_lock()
    unknown = [name for name in asked.names if name not in BENCHES]
    if unknown:
        print(f"bench: there is no {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return USAGE
    effort = Effort.full() if asked.full else Effort.small() if asked.small else Effort()
    results, failed = measure(asked.names or list(BENCHES), effort)
    Console().print(table(results))
    print(machine())
    if not asked.small:
        write(results, page=asked.page)
    return 1 if failed else 0


def parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10} {what}" for name, (what, _) in BENCHES.items())
    found = argparse.ArgumentParser(
        prog="./run bench", epilog=f"names:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("names", nargs="*", metavar="NAME", help="what to measure; everything, if none is given")
    found.add_argument("--full", action="store_true", help="the goals' own sizes: a ledger of a million acts")
    found.add_argument("--small", action="store_true", help="everything once: shows that the bench works, no more")
    found.add_argument("--page", action="store_true", help=f"write {PAGE.relative_to(ROOT)} as well")
    found.add_argument("--lock", action="store_true", help="choose the rivals' versions anew (needs uv), and end")
    return found


def measure(names: list[str], effort: Effort) -> tuple[list[Result], bool]:
    """Run benches one after the other; one that fails is told, and the others run."""
    results: list[Result] = []
    failed = False
    console = Console(stderr=True)
    shown = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*shown, console=console) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:

            def tell(what: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {what}")

            tell("preparing")
            try:
                results += BENCHES[name][1](effort, tell)
            except Exception as error:
                failed = True
                console.print(f"bench: {name} FAILED: {type(error).__name__}: {error}", markup=False)
            progress.advance(task)
    return results, failed


def table(results: list[Result]) -> Table:
    shown = Table(show_edge=False, pad_edge=False, show_lines=False)
    for heading in ("what, and beside what", "value", "goal", ""):
        shown.add_column(heading, justify="right" if heading == "value" else "left", overflow="fold")
    for result in results:
        verdict = {True: "[green]holds", False: "[red]missed", None: ""}[result.holds]
        name = Text(result.name)
        if said := "; ".join(filter(None, (beside(result), quartiles(result), result.note))):
            indent = " " * (len(result.name) - len(result.name.lstrip()) + 2)
            name.append(f"\n{indent}{said}", "dim")
        shown.add_row(name, figure(result), str(result.goal or ""), verdict)
    return shown


def beside(result: Result) -> str:
    return f"beside {result.baseline}" if result.baseline and result.unit == TIMES else ""


def figure(result: Result) -> str:
    if result.value is None:
        return "-"
    if result.unit.startswith("of "):
        return f"{result.value:.1%}"
    ratio = result.unit == TIMES or "/" in result.unit
    return f"{result.value:.2f} {result.unit}" if ratio else f"{result.value:,.0f} {result.unit}"


def quartiles(result: Result) -> str:
    return f"half the rounds {result.spread[0]:.2f} to {result.spread[1]:.2f}" if result.spread else ""


def machine() -> str:
    """Say what it was measured on: ratios travel further than seconds, and not everywhere."""
    cpu = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
        load = f", load {os.getloadavg()[0]:.1f}"
    except OSError:
        load = ""
    ours = ", ".join(f"{name} {version(name)}" for name in ("pynacl", "libipld"))
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}; {cpu}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, {ours}"


def write(results: list[Result], *, page: bool) -> None:
    RESULTS.write_text(json.dumps([result.wire() for result in results], ensure_ascii=False, indent=1) + "\n", "utf-8")
    if page:
        PAGE.write_text(as_page(results), "utf-8")


def as_page(results: list[Result]) -> str:
    """Return the results as a page of the documentation."""
    lines = ["# What the bench found", "", f"`./run bench --page` wrote this page. {machine()}.", ""]
    lines += ["What each line means: [bench.md](bench.md).", ""]
    lines += ["| what | value | goal | | beside | note |", "|---|---:|---|---|---|---|"]
    for result in results:
        verdict = {True: "holds", False: "**missed**", None: ""}[result.holds]
        note = "; ".join(filter(None, (quartiles(result), result.note)))
        cells = (result.name.strip(), figure(result), str(result.goal or ""), verdict, result.baseline, note)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetUpFailed as failure:
        print(failure, file=sys.stderr)
        sys.exit(SETUP)
