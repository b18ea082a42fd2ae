"""The campaign in simulated worlds: the seeds that once failed, 200 fixed ones, and as many of the commit as there is
time for, up to 1,000 in all. Every property's premise must have held somewhere, or the campaign has failed.
"""

import time
from pathlib import Path

from pourparler.testing.world.__main__ import in_a_line, read_seeds
from pourparler.testing.world.runs import Told, many, seeds_of

SEEDS = Path(__file__).with_name("seeds.txt")
HOURS, WORLDS, FIXED = 24, 1_000, 200
ENOUGH = 100  # worlds from which on every premise must have held
MARGIN = 0.95  # of the budget, after which no new world begins


def seeds(word: str) -> list[str]:
    """Return the seeds of a campaign, in the order in which they are run."""
    known = list(dict.fromkeys([*read_seeds(str(SEEDS)), *seeds_of("world", FIXED)]))
    return [*known, *seeds_of(word, WORLDS - len(known))]


def run(word: str, seconds: float) -> str:
    """Run the campaign within a budget; return what it came to. Raises :class:`AssertionError` where one failed."""
    campaign = many(seeds(word), HOURS, tell, until=time.monotonic() + seconds * MARGIN)
    said = in_a_line(campaign)
    unexercised = campaign.unexercised if campaign.worlds >= ENOUGH else []
    if campaign.failed or unexercised:
        raise AssertionError(said)
    return said


def tell(told: Told) -> None:
    if told.failed:
        why = told.crashed or told.failures[0]
        print(f"simulate: seed {told.seed} FAILED: {why}\n  again: {told.again(HOURS)}", flush=True)
