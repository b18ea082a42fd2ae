"""Many worlds, one on each core: each seed in turn, with progress; a failure comes with the command that repeats it."""

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from pourparler.testing.world.checker import PREMISES
from pourparler.testing.world.plan import Plan
from pourparler.testing.world.world import Outcome, World

PROCESSES = max(2, os.cpu_count() or 1)
AHEAD = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What a run tells of one world: ``crashed`` is the error that ended it, if one did."""

    seed: str
    digest: str
    steps: int
    failures: tuple[str, ...]
    premises: Counter[str]
    in_force: int
    cpu_seconds: float
    crashed: str = ""

    @property
    def failed(self) -> bool:
        """Whether a property was broken, or the world ended in an error."""
        return bool(self.failures or self.crashed)

    def again(self, hours: int) -> str:
        """Return the command that repeats this world, with its whole trace."""
        return f"./run simulate --seed {self.seed} --hours {hours} --trace"


@dataclass
class Campaign:
    """What many worlds came to."""

    hours: int
    worlds: int = 0
    failed: list[Told] = field(default_factory=list)
    premises: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def unexercised(self) -> list[str]:
        """The properties whose premise never held: they say nothing."""
        return [premise for premise in PREMISES if not self.premises[premise]]

    def add(self, told: Told) -> None:
        """Count one world."""
        self.worlds += 1
        self.premises += told.premises
        self.cpu_seconds += told.cpu_seconds
        if told.failed:
            self.failed.append(told)


def one(seed: str, hours: int) -> Told:
    """Run the world of a seed and tell of it."""
    begun = time.process_time()
    gc.disable()  # a world is let go as a whole, when it is over
    world = World(Plan.drawn(seed, hours))
    crashed = ""
    try:
        found = world.run()
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to this seed
        found, crashed = world.outcome(), f"{type(error).__name__}: {error}"
    del world
    gc.enable()
    gc.collect()
    return tell(found, time.process_time() - begun, crashed)


def tell(found: Outcome, cpu_seconds: float, crashed: str = "") -> Told:
    """Return an outcome as it travels between processes."""
    return Told(
        found.seed,
        found.digest,
        found.steps,
        tuple(found.failures),
        found.premises,
        found.in_force,
        cpu_seconds,
        crashed,
    )


def many(seeds: Iterable[str], hours: int, tell_one: Callable[[Told], None], *, until: float | None = None) -> Campaign:
    """Run the worlds of many seeds, a process for each core; begin no more after a time of the monotonic clock."""
    campaign, begun = Campaign(hours), time.monotonic()
    for told in together(seeds, hours, until):
        campaign.add(told)
        tell_one(told)
    campaign.seconds = time.monotonic() - begun
    return campaign


def together(seeds: Iterable[str], hours: int, until: float | None) -> Iterator[Told]:
    """Yield what each world came to, as they end."""
    left = iter(seeds)
    with ProcessPoolExecutor(PROCESSES) as pool:
        running = {pool.submit(one, seed, hours) for seed in islice(left, PROCESSES + AHEAD)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
                if until is None or time.monotonic() < until:
                    running |= {pool.submit(one, seed, hours) for seed in islice(left, 1)}


def seeds_of(word: str, count: int) -> Sequence[str]:
    """Return so many seeds made from a word, such as a commit id."""
    return [f"{word[:12]}-{number}" for number in range(count)]
