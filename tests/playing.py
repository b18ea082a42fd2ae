"""A scenario played for a test: through the real intake into real SQLite ledgers, with chance from a seed.

A story's tests derive their own :class:`Run`, which says whose story it is and adds what they ask of the core.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from pourparler.core.authority import Register
from pourparler.core.dossier import Dossier
from pourparler.core.registry import Registry
from pourparler.service.intake import Intake
from pourparler.service.replay import Event, Logged, Played, ReplayClock, Scenario
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

SCENARIOS = Path(__file__).parent.parent / "scenarios"
NOW = 2**62  # an index past every entry


def at(text: str) -> int:
    """Return an instant in seconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp())


class Dice:
    """Chance from a seed."""

    def __init__(self, seed: int = 1917) -> None:
        self.random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)


def open_desks(scenario: Scenario, folder: Path, clock: ReplayClock) -> dict[str, Intake]:
    """Open a new ledger for each that the scenario names."""
    return {
        name: Intake(SqliteStore(folder / f"{name}.sqlite"), Key.from_name(f"ledger {name}"), clock, given["origin"])
        for name, given in scenario.ledgers.items()
    }


@dataclass
class Run:
    """A scenario as played, its ledgers, and the evidence as it left them at the moment of its claim."""

    table: ClassVar[str]  # the ledger of the talks
    us: ClassVar[str]  # the party that the story is about
    talks: ClassVar[str] = ""  # the dossier that is meant where none is named

    played: Played
    desks: dict[str, Intake]
    evidence: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, symbol: str) -> Event:
        return self.played.event(symbol)

    def answer(self, symbol: str) -> Logged:
        answer = self.played.event(symbol).outcome
        assert answer is not None
        return answer

    def fate(self, symbol: str) -> tuple[str, int, str]:
        """Return what became of an act: the word for it, the step and the reason."""
        answer = self.answer(symbol)
        return answer.verdict.value, answer.step, answer.reason

    def is_logged(self, symbol: str) -> bool:
        act = self.played.acts[symbol].id
        return any(act in desk.registry.outcomes for desk in self.desks.values())

    def time(self, symbol: str) -> int:
        """Return when the ledger says that an act was logged."""
        return self.registry.outcomes[self.played.acts[symbol].id].moment.time

    def index(self, symbol: str) -> int:
        return self.registry.outcomes[self.played.acts[symbol].id].moment.index

    @property
    def registry(self) -> Registry:
        return self.desks[self.table].registry

    def register(self, ledger: str = "", party: str = "") -> Register:
        return self.desks[ledger or self.table].registry.register(self.played.parties[party or self.us])

    def dossier(self, symbol: str = "") -> Dossier:
        return self.registry.dossiers[self.played.acts[symbol or self.talks].id]

    def state(self, row: str, what: str, about: str) -> str:
        """Return a state as it was when the last act of a row had been played."""
        last = [event for event in self.played.events if event.row.id == row][-1]
        return next(state.word for state in last.states if (state.what, state.about) == (what, about))

    def close(self) -> None:
        for desk in self.desks.values():
            desk.close()
