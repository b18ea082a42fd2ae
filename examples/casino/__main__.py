"""``./run casino [FILE] [--json] [--keep DIR]``: replay the negotiations in FILE, and report.

Exit codes: 0 all is as the file says; 1 something is not (each difference is named); 4 wrong usage; 5 a line or the
file cannot be read, or the ledger cannot be written; 130 interrupted.
"""

import argparse
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from examples.casino.dialogues import Dialogue, Fault, read_dialogues
from examples.casino.report import COMMIT, Progress, Proof, Report, replay_file
from pourparler.ports import StoreError

DONE, DIFFERENT, USAGE, INPUT, INTERRUPTED = 0, 1, 4, 5, 130
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("POURPARLER_DATA", ROOT.parent / "shared" / "data"))
USUAL = DATA / "casino" / "casino-negotiations.jsonl"
DO = "name a FILE of negotiations, or say in POURPARLER_DATA where the data sets are; --keep takes an empty folder"
CREDIT = "CaSiNo: Chawla, Ramirez, Clever, Lucas, May, Gratch (NAACL 2021), CC BY 4.0"


class Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"casino: {message}\n  do: ask with --help what there is\n")


def main(arguments: list[str]) -> int:
    asked = read_arguments(arguments)
    try:
        dialogues, faults = read_file(asked.file)
        for fault in faults:
            print(f"casino: {asked.file}, line {fault.line}: {fault.what}", file=sys.stderr)
        if not dialogues:
            return complain(f"{asked.file} holds no negotiation that can be read")
        with folder(asked.keep) as place, bars(wanted=sys.stderr.isatty()) as progress:
            report = replay_file(
                str(asked.file), dialogues, faults, place, proofs=asked.proofs, seed=asked.seed, progress=progress
            )
            said = json.dumps(report.as_data(), ensure_ascii=False, indent=2) + "\n"
            (place / "report.json").write_text(said, "utf-8")
        show(report, said if asked.json else None)
    except BrokenPipeError:  # whoever read the output has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INPUT
    except (OSError, StoreError) as error:
        return complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    return exit_code(report)


def show(report: Report, machine: str | None) -> None:
    """Print the report, for people or as it is for a machine. Raises :class:`BrokenPipeError`."""
    if machine is None:
        written = io.StringIO()  # printed whole: at a closed pipe a screen would end the program its own way
        tell(report, Console(file=written, force_terminal=sys.stdout.isatty() or None, width=Console().width))
        machine = written.getvalue()
    sys.stdout.write(machine)
    sys.stdout.flush()


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = Arguments("casino", description="Replay real negotiations through the real thing, and count again.")
    parser.add_argument("file", nargs="?", type=Path, default=USUAL, metavar="FILE", help="one negotiation a line")
    parser.add_argument("--json", action="store_true", help="print the report for a machine to read")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep ledger, evidence and report in this empty folder"
    )
    parser.add_argument("--proofs", type=natural, default=5, metavar="N", help="how many dossiers to prove (5)")
    parser.add_argument("--seed", default="", help="what chooses them; otherwise the ledger's root does")
    return parser.parse_args(arguments)


def natural(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def complain(what: str) -> int:
    print(f"casino: {what}\n  do: {DO}", file=sys.stderr)
    return INPUT


def exit_code(report: Report) -> int:
    if report.differences:
        return DIFFERENT
    return INPUT if report.malformed else DONE


def read_file(path: Path) -> tuple[list[Dialogue], list[Fault]]:
    with path.open("rb") as lines:
        return read_dialogues(lines)


@contextmanager
def folder(keep: Path | None) -> Iterator[Path]:
    """Give an empty folder: the one to keep, or one that is gone afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise OSError(f"{keep} is not empty, and a ledger begins in an empty folder")
    yield keep


@contextmanager
def bars(*, wanted: bool) -> Iterator[Progress]:
    """Give what shows, on standard error, how far each part is; nothing where that is no terminal."""
    columns = (TextColumn("{task.description:<26}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), disable=not wanted) as shown:

        def begin(what: str, total: int) -> Callable[[int], None]:
            task = shown.add_task(what, total=total)
            return lambda count: shown.advance(task, count)

        yield begin


# --- for people -------------------------------------------------------------------------------------------------------


def tell(report: Report, screen: Console) -> None:
    screen.print(f"{report.dialogues:,} negotiations: {report.agreed:,} agreed, {report.walked_away:,} walked away")
    screen.print(CREDIT, style="dim")
    for title, rows in (
        ("Acts with effect", {kind: f"{count:,}" for kind, count in report.acts.items()}),
        ("Held against the file", compared(report)),
        ("Red lines", stopped(report)),
        ("The ledger", ledger(report)),
        ("Where the time went (clock, processor, share)", shares(report)),
        ("Evidence", {f"dialogue {one.dialogue}": proven(one) for one in report.evidence}),
    ):
        table = Table(
            title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False
        )
        table.add_column(min_width=44)
        table.add_column(justify="right")
        for name, value in rows.items():
            table.add_row(name, value)
        screen.print()
        screen.print(table)
    screen.print()
    for difference in report.differences:
        screen.print(f"DIFFERS  {difference}", style="red", markup=False, highlight=False)
    if report.malformed:
        screen.print(f"Lines that could not be read, named above: {len(report.malformed):,}", style="yellow")
    if not report.differences:
        screen.print("Nothing differs between the file, the intake's answers and the ledger read again.", style="green")


def of(pair: list[int]) -> str:
    return f"{pair[0]:,} of {pair[1]:,}"


def compared(report: Report) -> dict[str, str]:
    return {
        "points by the text in force, as in the file": of(report.points),
        "points without a deal, as in the file": of(report.points_without_a_deal),
        "what was said, as in the file": of(report.said),
        "  of that in another spelling": f"{report.said_otherwise:,}",
        "bound before its council ratified": f"{report.bound_before_ratification:,}",
        "  asked after so many acts": f"{report.checked:,}",
        "acts refused, but for a red line": counts(report.refused),
        "acts logged and void": counts(report.void),
        "differences": f"{len(report.differences):,}",
    }


def counts(tally: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in tally.items()) or "0"


def stopped(report: Report) -> dict[str, str]:
    refused = {f"{kind}, refused at a line": f"{count:,}" for kind, count in report.stopped.items()}
    crossed = {f"  {lines}": f"{count:,}" for lines, count in report.beyond_lines.items()}
    return {
        **refused,
        "signatures beyond a line": of([sum(report.beyond_lines.values()), report.signatures]),
        **crossed,
        "negotiations with such a signature": f"{report.dialogues_stopped:,}",
    }


def ledger(report: Report) -> dict[str, str]:
    return {
        "acts submitted": f"{report.submitted:,}",
        "entries, stamps included": f"{report.entries:,}",
        "transactions": f"{report.transactions:,}",
        "bytes on disk": f"{report.bytes:,}",
        "root": f"{report.root[:16]}…",
        "acts a second, signing and intake": f"{report.acts_per_second:,}",
        "acts a second of the processor": f"{report.acts_per_computed_second:,}",
    }


def shares(report: Report) -> dict[str, str]:
    """Return the seconds of each part: on the clock, of the processor, and the share of the latter."""
    whole = sum(spent for part, spent in report.computed.items() if part != COMMIT) or 1
    return {
        part: f"{report.seconds[part]:7.1f} s {spent:7.1f} s {spent / whole:4.0%}"
        for part, spent in sorted(report.computed.items(), key=lambda row: (row[0] == COMMIT, -row[1]))
    }


def proven(proof: Proof) -> str:
    return f"{proof.verdict}, {proof.claim}, {proof.size:,} bytes"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
