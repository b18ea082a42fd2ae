"""How the bench measures: in ratios, never in bare seconds.

A machine is fast or slow, idle or busy; a *ratio* of two things measured within the same second says something all the
same. So every speed is the subject's beside a named baseline's: short rounds of both alternate, each round gives one
ratio, and the median of the rounds is the result. Which of the two goes first changes from round to round. Where only
the processor works, its time counts; where the disk takes part or a process starts, time as it passes.
"""

import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TIMES = "\u00d7"  # the unit of a ratio
Tell = Callable[[str], None]  # progress, for whoever waits


@dataclass(frozen=True)
class Effort:
    """How much is done: rounds of each comparison, and acts (or the like) in a round."""

    rounds: int = 15
    acts: int = 350
    long: int = 10_000  # acts of the long dossier
    large: int = 100_000  # acts of the large ledger
    starts: int = 11  # processes started

    @classmethod
    def full(cls) -> "Effort":
        """The goals' own sizes: the large ledger takes some ten minutes and 2.5 gigabytes."""
        return cls(rounds=25, large=1_000_000, starts=21)

    @classmethod
    def small(cls) -> "Effort":
        """Everything once or twice: for tests of the bench, not for figures."""
        return cls(rounds=2, acts=14, long=60, large=150, starts=1)


@dataclass(frozen=True)
class Goal:
    """What a value should be: at least or at most a bound."""

    bound: float
    most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.most else value >= self.bound

    def __str__(self) -> str:
        return f"at {'most' if self.most else 'least'} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound)


def at_most(bound: float) -> Goal:
    return Goal(bound, most=True)


@dataclass(frozen=True)
class Result:
    """One line. ``value`` is None where it could not be measured, and then ``note`` says why."""

    name: str
    value: float | None
    unit: str
    baseline: str
    goal: Goal | None = None
    spread: tuple[float, float] | None = None  # quartiles of the rounds
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None without a goal, or without a value."""
        if self.value is None or self.goal is None:
            return None
        return self.goal.met(self.value)

    def wire(self) -> dict[str, Any]:
        """Return the object that stands in ``results.json``."""
        return {
            "name": self.name,
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "baseline": self.baseline,
            "goal": str(self.goal) if self.goal else None,
            "holds": self.holds,
            "spread": [round(end, 4) for end in self.spread] if self.spread else None,
            "note": self.note,
        }


def skipped(name: str, unit: str, baseline: str, why: str, goal: Goal | None = None) -> Result:
    return Result(name, None, unit, baseline, goal, note=f"skipped: {why}")


@dataclass(frozen=True)
class Rounds:
    """Seconds for one unit of work, of both sides, round by round."""

    baseline: tuple[float, ...]
    subject: tuple[float, ...]

    @property
    def speed(self) -> tuple[float, ...]:
        """How fast the subject is in parts of the baseline's speed, by round: more is better."""
        return tuple(b / s for b, s in zip(self.baseline, self.subject, strict=True))

    @property
    def cost(self) -> tuple[float, ...]:
        """What the subject costs in multiples of the baseline, by round: less is better."""
        return tuple(s / b for b, s in zip(self.baseline, self.subject, strict=True))

    @property
    def micros(self) -> tuple[float, float]:
        """Return the medians of baseline and subject in microseconds: of this machine, at this minute."""
        return statistics.median(self.baseline) * 1e6, statistics.median(self.subject) * 1e6

    def seconds_told(self, baseline: str, subject: str) -> str:
        there, here = self.micros
        return f"{subject} {here:,.0f} µs, {baseline} {there:,.0f} µs"


def alternate(baseline: Callable[[], float], subject: Callable[[], float], rounds: int) -> Rounds:
    """Run both in turn, after one round of each that does not count. Each returns its seconds for one unit of work."""
    baseline(), subject()
    gc.collect()
    there: list[float] = []
    here: list[float] = []
    for number in range(rounds):
        for side, found in ((baseline, there), (subject, here))[:: -1 if number % 2 else 1]:
            found.append(side())
    return Rounds(tuple(there), tuple(here))


def middle(ratios: tuple[float, ...]) -> tuple[float, tuple[float, float]]:
    """Return the median of the rounds' ratios, and their quartiles."""
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return median, (low, high)


def ratio(name: str, baseline: str, ratios: tuple[float, ...], goal: Goal | None = None, note: str = "") -> Result:
    value, spread = middle(ratios)
    return Result(name, value, TIMES, baseline, goal, spread, note)
