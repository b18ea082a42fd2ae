"""Many worlds, one on each core: each seed in turn, with progress; a failure comes with the command that repeats it."""

import gc
import hashlib
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pourparler.testing.world.checker import AT_THE_END, PREMISES
from pourparler.testing.world.plan import Plan
from pourparler.testing.world.world import Outcome, World

PROCESSES = max(2, os.cpu_count() or 1)
LOOK_SECONDS = 1.0  # how often whoever waits is given a turn
STARTS = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)


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
    digests: dict[str, str] = field(default_factory=dict)
    failed: list[Told] = field(default_factory=list)
    premises: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def unexercised(self) -> list[str]:
        """The properties whose premise never held: they say nothing. What there was no time for is none of them."""
        return [premise for premise in PREMISES if not self.premises[premise] and premise not in self.unjudged]

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The properties that worlds as short as these cannot be held to: their deadline lies beyond the end."""
        return () if Plan(hours=self.hours).in_time() else AT_THE_END

    @property
    def digest(self) -> str:
        """One digest over those of all worlds, in the order of their seeds' names, whichever ended first."""
        lines = "".join(f"{seed} {digest}\n" for seed, digest in sorted(self.digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def add(self, told: Told) -> None:
        """Count one world."""
        self.worlds += 1
        self.digests[told.seed] = told.digest
        self.premises += told.premises
        self.cpu_seconds += told.cpu_seconds
        if told.failed:
            self.failed.append(told)


def one(seed: str, hours: int) -> Told:
    """Run the world of a seed and tell of it."""
    begun = time.process_time()
    gc.disable()  # a world is let go as a whole, with its process
    world = World(Plan.drawn(seed, hours))
    crashed = ""
    try:
        found = world.run()
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to this seed
        found, crashed = world.outcome(), f"{type(error).__name__}: {error}"
    gc.enable()
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


def many(
    seeds: Iterable[str],
    hours: int,
    tell_one: Callable[[Told], None],
    *,
    until: float | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Campaign:
    """Run the worlds of many seeds, a process for each core; begin no more after a time of the monotonic clock.
    ``meanwhile`` is called about once a second."""
    campaign, begun = Campaign(hours), time.monotonic()
    for told in together(seeds, hours, until, meanwhile):
        campaign.add(told)
        tell_one(told)
    campaign.seconds = time.monotonic() - begun
    return campaign


def together(
    seeds: Iterable[str], hours: int, until: float | None, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Told]:
    """Yield what each world came to, as they end. Each has a process of its own, with which everything goes that it
    leaves: to collect it would take a tenth of the time. Whoever is interrupted waits for none of those that run."""
    left = iter(seeds)
    running: dict[Connection, tuple[str, BaseProcess]] = {}

    def begin_more() -> None:
        for seed in islice(left, PROCESSES - len(running)):
            reading, writing = STARTS.Pipe(duplex=False)
            process = STARTS.Process(target=send, args=(writing, seed, hours))
            process.start()
            writing.close()
            running[reading] = seed, process

    try:
        begin_more()
        while running:
            ended = wait(list(running), LOOK_SECONDS)
            meanwhile()
            for reading in ended:
                assert isinstance(reading, Connection)
                seed, process = running.pop(reading)
                yield received(reading, seed, process)
            if until is None or time.monotonic() < until:
                begin_more()
    finally:
        for reading, (_, process) in running.items():
            process.terminate()
            process.join()
            reading.close()


def send(writing: Connection, seed: str, hours: int) -> None:
    """Run a world, tell what it came to, and end. Ctrl-C, which a terminal sends to every process, is the other's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writing.send(one(seed, hours))
    writing.close()
    os._exit(0)  # nothing is taken down that goes anyway


def received(reading: Connection, seed: str, process: BaseProcess) -> Told:
    """Return what a process told of its world, or that it ended without a word."""
    try:
        told = reading.recv()
        assert isinstance(told, Told)
    except EOFError:
        process.join()
        told = Told(seed, "", 0, (), Counter(), 0, 0.0, f"its process ended with {process.exitcode}")
    reading.close()
    process.join()
    return told


def seeds_of(word: str, count: int) -> Sequence[str]:
    """Return so many seeds made from a word, such as a commit id."""
    return [f"{word[:12]}-{number}" for number in range(count)]
