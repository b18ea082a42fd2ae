"""What a replay tells: events, one for each act that was tried and each event that is only shown.

These are values for a face to draw; no rule is decided here. Times are seconds since 1970, words are plain text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pourparler.core.act import Act
from pourparler.core.council import Depositary
from pourparler.core.registry import Registry
from pourparler.ports import Signer
from pourparler.service.guard import Opening
from pourparler.service.replay.scenario import PlannedAct, Row, Scenario, Words


class Verdict(Enum):
    """What became of an act."""

    ACCEPTED = "accepted"
    VOID = "void"  # logged, and does nothing
    REFUSED = "refused"  # never logged


@dataclass(frozen=True, slots=True)
class Logged:
    """One ledger's answer to an act; without a ledger, that of the speaker's own signer, which did not sign it.
    ``index`` is None where it was refused; ``step`` is the numbered step at which it stopped, 0 where it did not."""

    ledger: str
    verdict: Verdict
    index: int | None
    step: int = 0
    step_name: str = ""
    reason: str = ""
    detail: str = ""


def decisive(logged: tuple[Logged, ...]) -> Logged:
    """Return the answer that counts: a decision may be good at home and void in the dossier that it is about."""
    return next((answer for answer in logged if answer.verdict is not Verdict.ACCEPTED), logged[0])


@dataclass(frozen=True, slots=True)
class Shown:
    """A mandate as people read it: one link of the speaker's chain, or what an act grants."""

    name: str  # the scenario's symbol of the act that gave it
    holder: str  # the actor, or the rule of a class
    organ: str
    powers: tuple[str, ...]
    lines: tuple[str, ...]  # red lines as sentences
    private_lines: int
    until: int | None
    scope: tuple[str, ...]
    report_seconds: int | None
    duty: str  # "open by 1917-11-22T01:00:00Z, else krylenko-command", or empty
    limit: str = ""  # "total is at most EUR 400000.00", of all signatures together, or empty


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What one side knows after an event: how far each ledger that it reads reaches, and which news it lacks."""

    side: str
    reaches: Mapping[str, int]  # ledger -> size
    knows: tuple[str, ...]  # acts with a ``news`` name, by their symbols, in the order of the story
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One of the four answers about a dossier: ``what`` is dossier, text, consent or effect."""

    what: str
    about: str  # "brest", "armistice", "russia: armistice", "russia-germany: armistice"
    word: str
    changed: bool  # since the event before
    since: int | None = None
    until: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One act that was tried, or one event that is only shown (then ``planned`` is None). Without ``act`` its own
    signer refused to sign it."""

    number: int
    row: Row
    planned: PlannedAct | None = None
    act: Act | None = None
    speakers: tuple[str, ...] = ()  # actors
    speaks_for: str = ""  # the organ or the mandate's symbol
    party: str = ""
    chain: tuple[Shown, ...] = ()  # the mandate under which the act speaks, from the organ's grant to the last link
    grants: Shown | None = None  # the mandate that the act itself gives
    logged: tuple[Logged, ...] = ()
    knowledge: tuple[Knowledge, ...] = ()
    states: tuple[State, ...] = ()

    @property
    def outcome(self) -> Logged | None:
        """Return the answer that counts: the first that is not an acceptance, else that of the first ledger."""
        return decisive(self.logged) if self.logged else None

    @property
    def first_of_row(self) -> bool:
        return self.planned is None or self.row.acts[0].id == self.planned.id

    @property
    def changes(self) -> tuple[State, ...]:
        return tuple(state for state in self.states if state.changed)


@dataclass(frozen=True, slots=True)
class Proof:
    """What the evidence is to prove: ``in-force`` between two parties, or ``bound`` of the first; and the verdict that
    it must meet."""

    kind: str
    ledger: str
    dossier: bytes
    text: bytes
    party: bytes
    other: bytes  # empty where only one is asked about
    expect: str
    says: Words


@dataclass(slots=True)
class Played:
    """A replay that has been played: its events, and everything by its symbol."""

    scenario: Scenario
    depositaries: dict[str, Depositary] = field(default_factory=dict)
    registries: dict[str, Registry] = field(default_factory=dict)
    signers: dict[str, Signer] = field(default_factory=dict)
    parties: dict[str, bytes] = field(default_factory=dict)
    organs: dict[str, bytes] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)  # symbol -> digest
    text_bytes: dict[bytes, bytes] = field(default_factory=dict)
    openings: dict[str, Opening] = field(default_factory=dict)  # of private lines: their organ and holder have them
    events: list[Event] = field(default_factory=list)
    proof: Proof | None = None
    also: list[Proof] = field(default_factory=list)

    def event(self, symbol: str) -> Event:
        """Return the event of a planned act, by its symbol. Raises :class:`KeyError`."""
        for event in self.events:
            if event.planned and event.planned.id == symbol:
                return event
        raise KeyError(symbol)


class Differs(Exception):
    """An act had another fate than the scenario says: a fault of the scenario or of the core, never passed over."""
