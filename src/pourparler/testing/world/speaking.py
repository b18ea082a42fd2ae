"""How somebody in a world speaks, and what can be plugged in.

What a person says he hands in to the depositary, again and again until it answers, and to the node beside him. What he
means is written into the world's :class:`~pourparler.testing.world.truth.Truth` in the same moment.

Two of the people can be yours: a :class:`Negotiator` bargains for the committees or for the other side, a
:class:`Policy` says what the council ratifies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from pourparler.core.act import Act, parse_act
from pourparler.core.encoding import Value, decode, encode
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft
from pourparler.testing.keys import Key
from pourparler.testing.world.depositary import NAME as DEPOSITARY
from pourparler.testing.world.depositary import blobs
from pourparler.testing.world.trace import short
from pourparler.testing.world.truth import Spoken

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

Terms = Mapping[str, Value]
TALKS = ("open", "propose", "adopt", "initial", "sign-ad-referendum")
CEILING = Decimal("92.00")
RETRY_MINUTES = 5
BATCH_ACTS = 20


# --- what can be plugged in -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """What lies on the table: terms, and whether they are one's own."""

    terms: Terms
    ours: bool


class Negotiator(Protocol):
    """Who bargains. He is asked at each turn, as long as nothing is settled."""

    def turn(self, offers: Sequence[Offer]) -> Terms | None:
        """Return the terms to propose next; the other side's last terms to agree to them; None to wait."""


class Policy(Protocol):
    """What a council ratifies."""

    def ratifies(self, terms: Terms) -> bool:
        """Return whether the council wants a text with these terms, which its negotiators signed."""


@dataclass
class Haggler:
    """Begins at ``first``, moves by ``step`` each turn, agrees to whatever is as good as his ``last``."""

    first: Decimal
    last: Decimal
    step: Decimal = Decimal(2)

    def turn(self, offers: Sequence[Offer]) -> Terms | None:
        theirs = [offer.terms for offer in offers if not offer.ours]
        mine = [price_of(offer.terms) for offer in offers if offer.ours]
        buying = self.first < self.last
        if theirs and (price_of(theirs[-1]) <= self.last if buying else price_of(theirs[-1]) >= self.last):
            return theirs[-1]
        if offers and offers[-1].ours:
            return None
        following = self.first if not mine else mine[-1] + (self.step if buying else -self.step)
        return priced(min(following, self.last) if buying else max(following, self.last))


@dataclass
class Ceiling:
    """Ratifies what costs at most so much."""

    most: Decimal = Decimal(90)

    def ratifies(self, terms: Terms) -> bool:
        return price_of(terms) <= self.most


def priced(price: Decimal) -> Terms:
    """Return terms with a price in EUR."""
    return {"price": ["EUR", f"{price:.2f}"]}


def price_of(terms: Terms) -> Decimal:
    """Return the price in terms. Raises :class:`ValueError` where there is none."""
    match terms:
        case {"price": [_, str(amount)]}:
            return Decimal(amount)
    raise ValueError(f"terms have a price here, as in {priced(Decimal(88))}, and not {dict(terms)}")


# --- who speaks -------------------------------------------------------------------------------------------------------


PATIENCE_TURNS = 12  # an hour


@dataclass
class Waiting:
    """An act that the depositary has not taken yet. One that it cannot judge is handed in ever less often."""

    act: Act
    texts: tuple[bytes, ...]
    pause: int = 0  # turns until it is handed in again
    patience: int = 1  # turns to let pass after the next answer that it cannot be judged

    def is_its_turn(self) -> bool:
        """Return whether it is handed in now."""
        self.pause -= 1
        return self.pause < 0

    def put_off(self) -> None:
        """Let some turns pass: what the depositary does not know now it may know later."""
        self.pause, self.patience = self.patience, min(2 * self.patience, PATIENCE_TURNS)


@dataclass
class Paper:
    """A text that was proposed in a dossier, as a reader of the ledger sees it."""

    text: bytes
    by: bytes
    terms: Terms
    adopted: set[bytes] = field(default_factory=set)
    signed: list[bytes] = field(default_factory=list)
    concluded: bool = False
    ratified: bool = False


@dataclass
class Talks:
    """One dossier, as a reader of the ledger sees it."""

    id: bytes
    joined: set[bytes]
    papers: dict[bytes, Paper] = field(default_factory=dict)
    newest: int = 0  # the index of its newest act


class Speaker:
    """Somebody at a place who hands acts in at the depositary, and reads there what others said."""

    def __init__(self, world: "World", place: str, name: str) -> None:
        self.world = world
        self.place = place
        self.name = name
        self.key = Key.from_name(f"{name} {world.plan.seed}")
        self.chance = world.chance.of(f"person {name}")
        self.outbox: dict[bytes, Waiting] = {}
        self.untold: list[Act] = []
        self.read = 0
        self.talks: dict[bytes, Talks] = {}
        self.texts: dict[bytes, bytes] = {}

    # Saying.

    def say(
        self, kind: str, fields: Mapping[str, Value], *signers: Key, honest: bool = True, texts: Sequence[bytes] = ()
    ) -> Act:
        """Make an act, hand it to the node beside and put it into the outbox; return it."""
        act = draft(kind, fields).signed_by(*(signers or (self.key,)))
        self.speak(act, fields, texts, honest=honest)
        return act

    def speak(
        self, act: Act, fields: Mapping[str, Value], texts: Sequence[bytes] = (), *, honest: bool, forged: bool = False
    ) -> None:
        """Hand an act in; note what was meant by it."""
        now = self.world.timeline.now
        self.world.truth.spoken[act.id] = Spoken(self.name, act.kind, now, honest, dict(fields), forged)
        self.world.trace.note(self.name, f"says {act.kind} {short(act.id)}")
        self.outbox[act.id] = Waiting(act, tuple(texts))
        self.untold.append(act)
        self.tell_node()

    def tell_node(self) -> None:
        """Give the node beside what it was not given yet, because it was off."""
        while self.untold and self.world.spread(self.place, self.untold[0], self.untold[0].envelope.encoded()):
            self.untold.pop(0)

    def hand_in(self) -> None:
        """Send what waits to the depositary, the oldest first."""
        self.tell_node()
        waiting = [one for one in self.outbox.values() if one.is_its_turn()][:BATCH_ACTS]
        if waiting:
            acts: list[Value] = [one.act.envelope.encoded() for one in waiting]
            texts: list[Value] = [text for one in waiting for text in one.texts]
            self.world.network.send(self.place, DEPOSITARY, "submit", encode({"acts": acts, "texts": texts}))

    def answered(self, data: bytes) -> None:
        """Read the depositary's answer to :meth:`hand_in`; bytes that were spoilt on the way are nothing."""
        try:
            value = decode(data)
            rows = value["receipts"] if isinstance(value, dict) else None
        except (PourparlerError, KeyError):
            return
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, list) and len(row) == 4 and isinstance(row[0], bytes) and isinstance(row[3], str):
                waiting = self.outbox.get(row[0])
                if waiting and row[3].startswith("unknown."):
                    waiting.put_off()
                elif waiting:
                    del self.outbox[row[0]]
                    self.settled(waiting.act, row[3], logged=isinstance(row[1], int) and row[1] >= 0)

    def settled(self, act: Act, reason: str, *, logged: bool) -> None:
        """Learn what became of one's act: logged, void, or refused."""

    def shown(self, data: bytes) -> None:
        """Be shown evidence."""

    # Reading.

    def ask(self) -> None:
        """Ask the depositary for what one has not read."""
        self.world.network.send(self.place, DEPOSITARY, "tail", encode({"from": self.read}))

    def tailed(self, data: bytes) -> None:
        """Read entries that follow those that were read: a reader's shortcut. Who needs proof asks for evidence."""
        try:
            value = decode(data)
            if not isinstance(value, dict) or value["from"] != self.read:
                return
            entries, texts = blobs(value["entries"]), blobs(value["texts"])
            acts = [read(entry) for entry in entries]
        except (PourparlerError, KeyError, TypeError):
            return
        self.texts |= {text_digest(text): text for text in texts}
        for act in acts:
            self.read += 1
            self.note(act)

    def note(self, act: Act) -> None:
        """Note what an act of a dossier says."""
        if act.kind == "open":
            self.talks[act.id] = Talks(act.id, {self.world.people.party_of(act["by"])})
        talks = self.talks.get(act.get("dossier") or b"")
        if talks is None:
            return
        talks.newest = self.read - 1
        party = self.world.people.party_of(act.get("by") or b"")
        paper = talks.papers.get(act.get("text") or b"")
        match act.kind:
            case "join":
                talks.joined.add(party)
            case "propose" if act["text"] in self.texts:
                talks.papers.setdefault(act["text"], Paper(act["text"], party, terms_of(self.texts[act["text"]])))
            case "adopt" if paper:
                paper.adopted.add(party)
            case "sign-ad-referendum" if paper:
                paper.signed.append(act.id)
            case "conclude" if paper:
                paper.concluded = True
            case "ratify" if paper:
                paper.ratified = True


@lru_cache(maxsize=4096)
def read(entry: bytes) -> Act:
    """Return the act of an entry. Seven people read the same ledger; its bytes are parsed once."""
    return parse_act(entry)


def terms_of(text: bytes) -> Terms:
    """Return the terms of a text's bytes."""
    value = decode(text)
    assert isinstance(value, dict)
    terms = value["terms"]
    assert isinstance(terms, dict)
    return terms
