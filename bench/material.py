"""What is measured on: parties, chains of mandates with red lines, negotiations. All of it signed by real keys.

Everything is made before a measurement starts, as a submitter makes it: the ledger's work begins with bytes. Whatever
is refused or void while it is measured ends the bench: a refusal is quicker than an acceptance, and is no speed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from pourparler.core.act import Act
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value, encode, to_be_signed
from pourparler.core.redline import text_digest
from pourparler.ports import HighWater, Store
from pourparler.service.drafting import draft, powers
from pourparler.service.intake import Intake, Receipt
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parent.parent
ORIGIN = "ledger.example/bench"
LEDGER = Key.from_name("bench ledger")
HOME: dict[str, Value] = {"origin": ORIGIN, "key": LEDGER.public_key}
NOW = 1_800_000_000
FAR = NOW + 10 * 365 * 86_400
MAY = powers("open", "propose", "adopt", "initial", "sign-ad-referendum", "conclude")
GROUP = 100  # acts that share a commit
LINES: list[Value] = [
    ["at-most", "total", ["EUR", "250.00"]],
    ["before", "by", "2030-01-01"],
    ["one-of", "site", ["north", "south"]],
]
TERMS: dict[str, Value] = {
    "total": ["EUR", "240.00"],
    "unit": ["EUR", "2.40"],
    "count": 100,
    "by": "2029-12-31",
    "site": "north",
}
ARTICLES = {"en": ["The seller delivers the goods.", "The buyer pays the total within thirty days."]}
NUMBERS = count(1)  # makes dossiers and texts differ


class NotDone(Exception):
    """Something that is measured was not done, or not as it should be: an error, not speed."""


class Standing:
    """A clock that stands: two runs make the same bytes, and no deadline passes."""

    def now(self) -> int:
        return NOW


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory on the checkout's disk: where /tmp is in memory, a sync costs nothing and shows nothing."""
    (ROOT / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=ROOT / "build") as made:
        yield Path(made)


# --- parties and their chains -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """One party with its council, and the chain that its negotiator speaks under: ``links`` from the grant on."""

    founding: Act
    members: tuple[Key, ...]
    needs: int
    links: tuple[Act, ...]
    holder: Key

    @property
    def party(self) -> bytes:
        return self.founding.id

    @property
    def council(self) -> bytes:
        return organ_id(self.party, "council")

    def speak(self, kind: str, **fields: Value) -> Act:
        return draft(kind, {"by": self.links[-1].id, **fields}).signed_by(self.holder)

    def acts(self) -> list[Act]:
        return [self.founding, *self.links]


def side(name: str, *, depth: int = 3, members: int = 1, needs: int = 1) -> Side:
    """Return a party whose negotiator holds the last link of a chain of ``depth``."""
    people = tuple(Key.from_name(f"{name} member {n}") for n in range(members))
    seats = sorted([[person.public_key, 1] for person in people])
    council = {"name": "council", "seats": seats, "needs": needs, "powers": 2047}
    fields = {"name": name, "nonce": bytes(16), "home": HOME, "suspension": 86_400, "organs": [council]}
    founding = draft("found", fields).signed_by(*people)
    organ = organ_id(founding.id, "council")
    holders = [Key.from_name(f"{name} holder {n}") for n in range(depth)]
    return Side(founding, people, needs, chain(organ, organ, people[:needs], holders), holders[-1])


def chain(organ: bytes, prior: bytes, members: Sequence[Key], holders: Sequence[Key]) -> tuple[Act, ...]:
    """Return a chain with one link for each holder. The red lines are spread over its links, from the first on."""
    links: list[Act] = []
    for number, holder in enumerate(holders):
        last = number == len(holders) - 1
        fields: dict[str, Value] = {"to": holder.public_key, "until": FAR, "powers": MAY}
        if not last:
            fields |= {"powers": MAY | powers("delegate"), "depth": len(holders) - 1 - number}
        if lines := LINES[number:] if last else LINES[number : number + 1]:
            fields["lines"] = lines
        if links:
            links.append(draft("delegate", {"by": links[-1].id, **fields}).signed_by(holders[number - 1]))
        else:
            links.append(draft("grant", {"organ": organ, "prior": prior, **fields}).signed_by(*members))
    return tuple(links)


# --- negotiations -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Negotiation:
    """One dossier: the acts that begin it, the seven acts on its text (each under red lines), and the text."""

    begin: tuple[Act, ...]
    acts: tuple[Act, ...]
    text: bytes

    @property
    def dossier(self) -> bytes:
        return self.begin[0].id


def text_of(number: int, **terms: Value) -> bytes:
    """Return the bytes of a text; without other terms it keeps every line."""
    return encode({"articles": ARTICLES, "terms": {**TERMS, **terms}, "random": number.to_bytes(16)})


def opening(buyer: Side, seller: Side, number: int) -> Act:
    parties = sorted([buyer.party, seller.party])
    return buyer.speak("open", parties=parties, ledger=HOME, rules={"adopt": "all"}, nonce=number.to_bytes(16))


def negotiation(buyer: Side, seller: Side) -> Negotiation:
    """Return a negotiation from its opening to a signature of each side; nothing of it is logged yet."""
    number = next(NUMBERS)
    opened, text = opening(buyer, seller, number), text_of(number)
    on: dict[str, Value] = {"dossier": opened.id, "text": text_digest(text)}
    acts = (
        buyer.speak("propose", **on),
        seller.speak("adopt", **on),
        buyer.speak("adopt", **on),
        buyer.speak("initial", **on),
        seller.speak("initial", **on),
        buyer.speak("sign-ad-referendum", **on, organ=buyer.council, deadline=FAR),
        seller.speak("conclude", **on),
    )
    return Negotiation((opened, seller.speak("join", dossier=opened.id)), acts, text)


@dataclass(frozen=True)
class Group:
    """Acts that wait at the same time, as bytes, with the texts that they propose."""

    acts: tuple[bytes, ...]
    texts: tuple[bytes, ...]


def interleaved(negotiations: Sequence[Negotiation]) -> list[Group]:
    """Return the acts on the texts in groups: what waits at one time comes from as many dossiers as there are."""
    rows = [(n.acts[step], n.text if step == 0 else None) for step in range(7) for n in negotiations]
    return [
        Group(tuple(act.envelope.encoded() for act, _ in part), tuple(text for _, text in part if text))
        for part in (rows[start : start + GROUP] for start in range(0, len(rows), GROUP))
    ]


def signed_bytes(act: Act, key: bytes) -> tuple[bytes, bytes]:
    """Return what raw verification takes: the signature with what it covers, and the key."""
    signature = act.envelope.signatures[0]
    return signature.value + to_be_signed(act.envelope, signature, act.kind), key


# --- a ledger ---------------------------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """A ledger with two parties in it, open for acts."""

    intake: Intake
    buyer: Side
    seller: Side
    taken: int = 0

    @classmethod
    def over(
        cls, store: Store, *, high_water: HighWater | None = None, depth: int = 3, members: int = 1, needs: int = 1
    ) -> "Ledger":
        sides = [side(name, depth=depth, members=members, needs=needs) for name in ("buyer", "seller")]
        buyer, seller = sides
        ledger = cls(Intake(store, LEDGER, Standing(), ORIGIN, high_water=high_water), buyer, seller)
        ledger.take(act.envelope.encoded() for each in sides for act in each.acts())
        return ledger

    def take(self, acts: Iterator[bytes] | Sequence[bytes], texts: Sequence[bytes] = ()) -> None:
        """Submit acts as one group. Raises :class:`NotDone` unless each was accepted, and is durable."""
        answers = self.intake.submit_many(list(acts), texts)
        check(answers)
        self.taken += len(answers)

    def begun(self, dossiers: int) -> list[Negotiation]:
        """Return negotiations whose dossiers are open, and joined by both."""
        made = [negotiation(self.buyer, self.seller) for _ in range(dossiers)]
        for start in range(0, dossiers, GROUP // 2):
            self.take([act.envelope.encoded() for n in made[start : start + GROUP // 2] for act in n.begin])
        return made


def check(answers: Sequence[Receipt | Exception]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise NotDone(f"an act was refused: {answer}") from answer
        if answer.void is not None:
            raise NotDone(f"an act is void: {answer.void}: {answer.detail}")
