"""``./run simulate``: worlds of seeds, and what became of them.

Exit codes: 0 nothing failed, 1 a property was broken (or never exercised, where many worlds were asked for), 4 usage,
5 a file could not be read, 130 stopped by Ctrl-C.
"""

import argparse
import json
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from pourparler.testing.world.checker import PREMISES
from pourparler.testing.world.plan import QUIET_HOURS, Plan
from pourparler.testing.world.runs import Campaign, Told, many, seeds_of, tell
from pourparler.testing.world.timeline import HOUR, MINUTE
from pourparler.testing.world.world import World

ENOUGH_WORLDS = 100  # from so many on, each premise must have held
SHOWN_FAILURES = 5
LINE_SECONDS = 10.0  # how often something is said where nobody sees a terminal
BROKEN, USAGE, INPUT, STOPPED = 1, 4, 5, 130
COLUMNS = 120


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    asked = parser().parse_args(arguments)
    if asked.hours < 1 or asked.seeds < 1:
        parser().error("--hours and --seeds are at least 1")
    if asked.seed is not None:
        return single(asked)
    try:
        words = read_seeds(asked.list) if asked.list else seeds_of(asked.word, asked.seeds)
    except (OSError, UnicodeDecodeError) as error:
        print(f"simulate: the seeds cannot be read: {error}", file=sys.stderr)
        return INPUT
    so_far = SoFar(len(words), asked.hours, quiet=asked.json)
    try:
        campaign = many(words, asked.hours, so_far, meanwhile=so_far.meanwhile)
    except KeyboardInterrupt:
        print(f"\nsimulate: {so_far.stopped()}", file=sys.stderr)
        return STOPPED
    unexercised = campaign.unexercised if campaign.worlds >= ENOUGH_WORLDS else []
    so_far.clear()
    print(json.dumps(plain(campaign), indent=1) if asked.json else summary(campaign, words))
    return BROKEN if campaign.failed or unexercised else 0


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the words of the command, and ends with the house's code for it."""

    def error(self, message: str) -> NoReturn:
        """Say it, and stop."""
        self.exit(USAGE, f"simulate: {message}\nSee what there is: {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = Parser(prog="./run simulate", description="The same code in simulated worlds.")
    found.add_argument("--seeds", type=int, default=100, metavar="N", help="how many worlds (100)")
    found.add_argument("--word", default="world", help="what the seeds are made of, such as a commit id")
    found.add_argument(
        "--list", metavar="FILE", help="the seeds of a file, one a line, with # before what is said of it"
    )
    found.add_argument("--seed", metavar="X", help="this one world, told in full")
    found.add_argument(
        "--hours",
        type=int,
        default=24,
        metavar="H",
        help="how long each world lasts (24; below 12, what must come to pass has no time and is not judged)",
    )
    found.add_argument("--trace", action="store_true", help="with --seed: every line of what happens")
    found.add_argument("--json", action="store_true", help="for machines")
    return found


def read_seeds(path: str) -> list[str]:
    """Return the seeds of a file."""
    lines = Path(path).read_text("utf-8").splitlines()
    return [seed for line in lines if (seed := line.partition("#")[0].strip())]


def single(asked: argparse.Namespace) -> int:
    """Run one world and tell of it."""
    begun = time.process_time()
    world = World(Plan.drawn(asked.seed, asked.hours), whole_trace=asked.trace)
    try:
        with told_of(world, quiet=asked.json):
            found = world.run()
    except KeyboardInterrupt:
        failed = world.checker.failures
        so_far = f"failed so far: {failed[0]}" if failed else "nothing failed so far"
        print(f"\nsimulate: stopped at {hour_of(world)}; {so_far}", file=sys.stderr)
        return STOPPED
    told = tell(found, time.process_time() - begun)
    if asked.json:
        print(json.dumps(plain_one(told), indent=1))
        return BROKEN if told.failed else 0
    lines = list(abridged(found.lines, world.plan)) if asked.trace else world.plan.told()
    print("\n".join(lines))
    left_out = len(found.lines) - len(lines) if asked.trace else 0
    again = f" ({left_out:,} of them refusals repeated, and left out above)" if left_out else ""
    print(f"\n{told.steps:,} lines{again}, digest {told.digest}, {told.cpu_seconds:.1f} s")
    print(f"texts in force: {told.in_force}")
    print(f"minutes after the dismissal until each refused the general: {minutes(found.learnt)}")
    if not world.plan.in_time():
        print(too_short(asked.hours))
    for failure in told.failures:
        print(f"FAILED {failure}")
    return BROKEN if told.failed else 0


def hour_of(world: World) -> str:
    """Return how far a world has come, for people."""
    hours, rest = divmod(world.timeline.now, HOUR)
    return f"{hours}:{rest // MINUTE:02} of {world.plan.hours}:00 simulated hours"


@contextmanager
def told_of(world: World, *, quiet: bool) -> Iterator[None]:
    """Say at times how far a world has come, which takes long on a busy machine."""
    over = threading.Event()

    def say() -> None:
        while not over.wait(LINE_SECONDS):
            print(f"simulate: seed {world.plan.seed}: {hour_of(world)}", file=sys.stderr, flush=True)

    saying = threading.Thread(target=say, daemon=True)
    if not quiet:
        saying.start()
    try:
        yield
    finally:
        over.set()


def abridged(lines: Sequence[str], plan: Plan) -> Iterator[str]:
    """Yield a trace for people: what is planned has its own time and says that it is planned; what is refused again
    for the same reason is said once, until the reason changes. The digest is over every line."""
    planned = {str(event) for event in plan.events}
    reasons: dict[str, str] = {}
    for number, line in enumerate(lines):
        at, _, said = line.partition(" ")
        _, _, what = said.partition(": ")
        if number < len(plan.told()):
            yield f"planned: {what}" if what in planned else what
            continue
        if what in planned:
            yield f"{at} {what.partition(' ')[2]}"
            continue
        refused, _, reason = said.rpartition(": ")
        if ": refused " in refused:
            if reasons.get(refused) == reason:
                continue
            reasons[refused] = reason
        yield line


def minutes(learnt: dict[str, float]) -> str:
    """Return after how many minutes each place refused, the first one first."""
    return (
        ", ".join(f"{name} {after:.0f}" for name, after in sorted(learnt.items(), key=lambda one: one[1])) or "nobody"
    )


class SoFar:
    """What many worlds have come to so far: a line that changes on a terminal, elsewhere one every ten seconds."""

    def __init__(self, worlds: int, hours: int, *, quiet: bool) -> None:
        self.worlds, self.hours, self.quiet = worlds, hours, quiet
        self.ended = 0
        self.failed: list[str] = []
        self.begun = self.said = time.monotonic()
        self.drawn = not quiet and sys.stderr.isatty()

    def __call__(self, told: Told) -> None:
        """Tell of one world while the others run."""
        self.ended += 1
        if told.failed:
            self.failed.append(told.seed)
            self.clear()
            why = told.crashed or told.failures[0]
            print(f"simulate: seed {told.seed} FAILED: {why}\n  digest {told.digest}", file=sys.stderr)
            print(f"  again: {told.again(self.hours)}", file=sys.stderr, flush=True)

    def meanwhile(self) -> None:
        """Say how far it has come."""
        now = time.monotonic()
        if self.drawn:
            print(f"\r{self.line(now)} ", end="", file=sys.stderr, flush=True)
        elif not self.quiet and now - self.said >= LINE_SECONDS - 1:
            self.said = now
            print(f"simulate: {self.line(now)}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away that changes."""
        if self.drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def line(self, now: float) -> str:
        return f"{self.ended:,} of {self.worlds:,} worlds, {now - self.begun:.0f} s, {self.failures()}"

    def failures(self) -> str:
        return f"{len(self.failed)} failed so far: {some(self.failed)}" if self.failed else "nothing failed so far"

    def stopped(self) -> str:
        """Return what had come of it when somebody had seen enough."""
        return f"stopped after {self.ended:,} of {self.worlds:,} worlds; {self.failures()}"


def some(seeds: Sequence[str]) -> str:
    """Return the first few of many seeds."""
    return ", ".join(seeds[:SHOWN_FAILURES]) + (", …" if len(seeds) > SHOWN_FAILURES else "")


def summary(campaign: Campaign, seeds: Sequence[str]) -> str:
    """Return what many worlds came to, in lines."""
    lines = [f"{'held':>10}  premise"]
    for premise in PREMISES:
        held = "not judged" if premise in campaign.unjudged else f"{campaign.premises[premise]:,}"
        lines.append(f"{held:>10}  {premise}")
    faults = {name: count for name, count in campaign.premises.items() if name.startswith("fault: ")}
    lines += [f"{count:>10,}  {name}" for name, count in sorted(faults.items())]
    lines += ["", *legend(), ""]
    if campaign.unjudged:
        lines.append(too_short(campaign.hours))
    lines.append(made_of(campaign, seeds))
    lines.append(in_a_line(campaign))
    return "\n".join(lines)


def legend() -> list[str]:
    """Return what each property is, for whoever reads its premises for the first time."""
    found: dict[str, dict[str, None]] = {}
    for premise, what in PREMISES.items():
        found.setdefault(premise.partition(" ")[0], {})[what] = None
    said = [f"{name:<3} {'; '.join(whats)}" for name, whats in found.items()]
    said = [textwrap.fill(line, COLUMNS, subsequent_indent="    ") for line in said]
    return ["What each is (S must always hold; L must come to pass, given time):", *said]


def too_short(hours: int) -> str:
    """Return why nothing is said of what must come to pass."""
    said = (
        f"Not judged: what must have reached everybody by the end (L1, L2), and whether each place runs then (L3). "
        f"That has {QUIET_HOURS} quiet hours to come to pass in, and a world of {hours} h has fewer. Ask for --hours "
        f"{2 * QUIET_HOURS} or more."
    )
    return textwrap.fill(said, COLUMNS)


def made_of(campaign: Campaign, seeds: Sequence[str]) -> str:
    """Return which worlds these were, and the digest that shows whether two runs were the same."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}, digest {campaign.digests[seeds[0]]}"
    named = ", ".join(seeds) if len(seeds) <= 3 else f"{seeds[0]} … {seeds[-1]}"
    return f"seeds {named}; one digest over theirs {campaign.digest}"


def in_a_line(campaign: Campaign) -> str:
    """Return the count of worlds, and what failed."""
    hours = campaign.worlds * campaign.hours
    worlds = "1 world" if campaign.worlds == 1 else f"{campaign.worlds:,} worlds"
    line = f"{worlds}, {hours:,} simulated hours, in {campaign.seconds:.0f} s"
    if campaign.failed:
        seeds = ", ".join(told.seed for told in campaign.failed[:SHOWN_FAILURES])
        line += f"; {len(campaign.failed)} FAILED: {seeds}"
    if campaign.unexercised:
        line += f"; never exercised: {', '.join(campaign.unexercised)}"
    return line


def plain_one(told: Told) -> dict[str, object]:
    """Return one world as JSON can hold it."""
    return {
        "seed": told.seed,
        "digest": told.digest,
        "steps": told.steps,
        "failures": list(told.failures),
        "crashed": told.crashed,
        "premises": dict(sorted(told.premises.items())),
        "in_force": told.in_force,
        "cpu_seconds": round(told.cpu_seconds, 2),
    }


def plain(campaign: Campaign) -> dict[str, object]:
    """Return many worlds as JSON can hold them."""
    return {
        "worlds": campaign.worlds,
        "hours": campaign.hours,
        "seconds": round(campaign.seconds, 1),
        "cpu_seconds": round(campaign.cpu_seconds, 1),
        "failed": [plain_one(told) for told in campaign.failed],
        "premises": dict(sorted(campaign.premises.items())),
        "unexercised": campaign.unexercised,
        "unjudged": list(campaign.unjudged),
        "seeds": sorted(campaign.digests),
        "digest": campaign.digest,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
