"""The campaign in simulated worlds: the seeds that once failed, 200 fixed ones, and those of the commit, 1,000 in all.

A thousand worlds are meant for twenty minutes on two cores. A smaller budget asks for fewer, in proportion; where the
time is over before they are done, the campaign says how many were, and has failed if they are too few (:data:`LEAST`).
Every property's premise must have held somewhere, or it has failed as well.
"""

import time
from pathlib import Path

from pourparler.testing.world.__main__ import in_a_line, read_seeds
from pourparler.testing.world.runs import Told, many, seeds_of

SEEDS = Path(__file__).with_name("seeds.txt")
HOURS, WORLDS, FIXED = 24, 1_000, 200
SECONDS = 1_200  # the budget that is meant for all of them
LEAST = 0.6  # of the worlds that a budget is meant for: a machine with other work is slower than an idle one
ENOUGH = 100  # worlds from which on every premise must have held
MARGIN = 0.97  # of the budget, after which no new world begins


def seeds(word: str) -> list[str]:
    """Return the seeds of a campaign, in the order in which they are run."""
    known = list(dict.fromkeys([*read_seeds(str(SEEDS)), *seeds_of("world", FIXED)]))
    return [*known, *seeds_of(word, WORLDS - len(known))]


def run(word: str, seconds: float) -> str:
    """Run the campaign within a budget; return what it came to. Raises :class:`AssertionError` where a property failed
    or was never exercised, or where too few worlds were run."""
    wanted = seeds(word)[: max(1, round(WORLDS * seconds / SECONDS))]
    campaign = many(wanted, HOURS, tell, until=time.monotonic() + seconds * MARGIN)
    said = in_a_line(campaign)
    if campaign.worlds < len(wanted):
        said += f" (of {len(wanted):,}: the time was over)"
    unexercised = campaign.unexercised if campaign.worlds >= ENOUGH else []
    if campaign.worlds < LEAST * len(wanted):
        said += f"; too few, at least {LEAST:.0%} are wanted"
    elif not campaign.failed and not unexercised:
        return said
    raise AssertionError(said)


def tell(told: Told) -> None:
    if told.failed:
        why = told.crashed or told.failures[0]
        print(f"simulate: seed {told.seed} FAILED: {why}\n  again: {told.again(HOURS)}", flush=True)
