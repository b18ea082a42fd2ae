"""``./run simulate``: worlds of seeds, and what became of them.

Exit codes: 0 nothing failed, 1 a property was broken (or never exercised, where many worlds were asked for), 4 usage.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pourparler.testing.world.checker import PREMISES
from pourparler.testing.world.plan import Plan
from pourparler.testing.world.runs import Campaign, Told, many, seeds_of, tell
from pourparler.testing.world.world import World

ENOUGH_WORLDS = 100  # from so many on, each premise must have held
SHOWN_FAILURES = 5


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return the exit code."""
    asked = parser().parse_args(arguments)
    if asked.hours < 1 or asked.seeds < 1:
        print("simulate: --hours and --seeds are at least 1", file=sys.stderr)
        return 4
    if asked.seed is not None:
        return single(asked)
    words = read_seeds(asked.list) if asked.list else seeds_of(asked.word, asked.seeds)
    campaign = many(words, asked.hours, lambda told: progress(told, asked.hours, quiet=asked.json))
    unexercised = campaign.unexercised if campaign.worlds >= ENOUGH_WORLDS else []
    print(json.dumps(plain(campaign), indent=1) if asked.json else summary(campaign))
    return 1 if campaign.failed or unexercised else 0


def parser() -> argparse.ArgumentParser:
    """Return what the command line takes."""
    found = argparse.ArgumentParser(prog="./run simulate", description="The same code in simulated worlds.")
    found.add_argument("--seeds", type=int, default=100, metavar="N", help="how many worlds (100)")
    found.add_argument("--word", default="world", help="what the seeds are made of, such as a commit id")
    found.add_argument(
        "--list", metavar="FILE", help="the seeds of a file, one a line, with # before what is said of it"
    )
    found.add_argument("--seed", metavar="X", help="this one world, told in full")
    found.add_argument("--hours", type=int, default=24, metavar="H", help="how long each world lasts (24)")
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
    found = world.run()
    told = tell(found, time.process_time() - begun)
    if asked.json:
        print(json.dumps(plain_one(told), indent=1))
        return 1 if told.failed else 0
    print("\n".join(found.lines if asked.trace else world.plan.told()))
    print(f"\n{told.steps:,} lines, digest {told.digest}, {told.cpu_seconds:.1f} s")
    print(f"texts in force: {told.in_force}; after the dismissal they refused within minutes: {minutes(found.learnt)}")
    for failure in told.failures:
        print(f"FAILED {failure}")
    return 1 if told.failed else 0


def minutes(learnt: dict[str, float]) -> str:
    return ", ".join(f"{name} {after:.0f}" for name, after in learnt.items()) or "nobody"


def progress(told: Told, hours: int, *, quiet: bool) -> None:
    """Tell of one world while the others run."""
    if told.failed:
        why = told.crashed or told.failures[0]
        print(f"simulate: seed {told.seed} FAILED: {why}\n  digest {told.digest}", file=sys.stderr)
        print(f"  again: {told.again(hours)}", file=sys.stderr, flush=True)
    elif not quiet and sys.stderr.isatty():
        print(f"\r{told.seed} {told.digest[:12]} {told.cpu_seconds:.1f} s  ", end="", file=sys.stderr, flush=True)


def summary(campaign: Campaign) -> str:
    """Return what many worlds came to, in lines."""
    lines = [f"{'premise':<60} held"]
    lines += [f"{premise:<60} {campaign.premises[premise]:,}" for premise in PREMISES]
    faults = {name: count for name, count in campaign.premises.items() if name.startswith("fault: ")}
    lines += [f"{name:<100} {count:,}" for name, count in sorted(faults.items())]
    lines.append(in_a_line(campaign))
    return "\n".join(lines)


def in_a_line(campaign: Campaign) -> str:
    """Return the count of worlds, and what failed."""
    hours = campaign.worlds * campaign.hours
    line = f"{campaign.worlds:,} worlds, {hours:,} simulated hours, in {campaign.seconds:.0f} s"
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
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
