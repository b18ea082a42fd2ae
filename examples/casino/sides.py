"""Who sits at the table, under which mandates, and what a deal looks like as a text.

Behind each of the two people stands a council of three that decides by two. It gives its person two mandates with the
same powers, neither of which can bind: one has the council's red lines, the other has none. The person speaks under the
first. Where the ledger's intake refuses that because a line is crossed, the same thing is done again under the second,
as the person in the data really did. So every stop is a real refusal, and every dialogue can be replayed whole.

A text states who gets what and what that is worth to whom; checks say that these figures fit together, and the law
adopts no text whose checks do not hold. That each side's valuation stands in the common text gives both away: here that
is the point, for a line is a condition on the terms and knows no arithmetic. In life such a line would be private.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from examples.casino.dialogues import ITEMS, PACKAGES, SIDES, Dialogue, Turn
from pourparler.core.act import Act
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import Value, encode
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key

TALKING = ("open", "propose", "adopt", "sign-ad-referendum")
DECIDING = ("ratify", "delegate", "dismiss")
SUSPENSION_SECONDS = 86_400

# The red lines. A person who walks away has 5 points, so 15 is three times that; all packages are worth 36, so 18 is
# half of everything.
POINTS_AT_LEAST = 15
FAVOURITE_AT_LEAST, UNLESS_POINTS = 2, 18


@dataclass(frozen=True, slots=True)
class Side:
    """One person with the council behind: the founding act, and the mandate with lines and the one without."""

    name: str
    person: Key
    members: tuple[Key, Key, Key]
    founding: Act
    council: bytes
    lined: Act
    free: Act

    @property
    def party(self) -> bytes:
        return self.founding.id


def party_name(dialogue: int, side: str) -> str:
    return f"CaSiNo {dialogue} {side}"


def read_party_name(name: str) -> tuple[int, str]:
    """Return dialogue and side, as a founding act in a ledger names them."""
    _, dialogue, side = name.split(" ")
    return int(dialogue), side


def seat(dialogue: Dialogue, name: str, ledger: Depositary) -> Side:
    """Return one side of a dialogue, its founding act and its grants signed. The keys are made from names."""
    called = party_name(dialogue.id, name)
    person = Key.from_name(f"{called} person")
    first, second, third = (Key.from_name(f"{called} member {number}") for number in (1, 2, 3))
    council = {
        "name": "council",
        "seats": sorted([member.public_key, 1] for member in (first, second, third)),
        "needs": 2,
        "powers": powers(*TALKING, *DECIDING),
    }
    founding = draft(
        "found",
        {
            "name": called,
            "nonce": sixteen(called),
            "home": written(ledger),
            "organs": [council],
            "suspension": SUSPENSION_SECONDS,
        },
    ).signed_by(first, second, third)
    organ = organ_id(founding.id, "council")
    to = {"organ": organ, "to": person.public_key, "powers": powers(*TALKING)}
    lined = draft("grant", {**to, "prior": organ, "lines": red_lines(dialogue, name)}).signed_by(first, second)
    free = draft("grant", {**to, "prior": lined.id}).signed_by(first, second)
    return Side(name, person, (first, second, third), founding, organ, lined, free)


def written(ledger: Depositary) -> dict[str, Value]:
    return {"origin": ledger.origin, "key": ledger.key}


def sixteen(seed: str) -> bytes:
    """Return 16 bytes made from a name, so that every run makes the same ledger. Real ones are random."""
    return hashlib.sha256(f"casino {seed}".encode()).digest()[:16]


def red_lines(dialogue: Dialogue, side: str) -> list[Value]:
    """Return the lines that a council draws from its person's priorities: enough points; and enough of what is wanted
    most, unless half of everything comes instead."""
    points, favourite = f"points.{side}.all", f"gets.{side}.{dialogue.wants[side][0]}"
    enough: Value = ["at-least", points, POINTS_AT_LEAST]
    wanted: Value = ["any", ["at-least", favourite, FAVOURITE_AT_LEAST], ["at-least", points, UNLESS_POINTS]]
    return [enough, wanted]


def deal_text(dialogue: Dialogue, turn: Turn, place: int) -> bytes:
    """Return the full text of the deal submitted in a turn."""
    assert turn.gets is not None
    worth = {side: dialogue.worth(side) for side in SIDES}
    points = {side: {item: turn.gets[side][item] * worth[side][item] for item in ITEMS} for side in SIDES}
    return encode(
        {
            "articles": {"en": [article(side, turn.gets[side]) for side in SIDES]},
            "terms": {
                "there-are": dict.fromkeys(ITEMS, PACKAGES),
                "gets": {side: dict(turn.gets[side]) for side in SIDES},
                "worth": worth,
                "points": {side: {**points[side], "all": sum(points[side].values())} for side in SIDES},
            },
            "checks": checks(),
            "random": sixteen(f"{dialogue.id} turn {place}"),
        }
    )


def article(side: str, share: Mapping[str, int]) -> str:
    return f"{side} gets " + ", ".join(f"{share[item]} of {item}" for item in ITEMS) + "."


def checks() -> list[Value]:
    """Return what the law holds a deal's figures to before it is adopted: the shares make up what there is, points are
    packages times worth, and the sum of points is what it says."""
    shares = [["sum", f"there-are.{item}", [f"gets.{side}.{item}" for side in SIDES]] for item in ITEMS]
    products = [
        ["product", f"points.{side}.{item}", [f"gets.{side}.{item}", f"worth.{side}.{item}"]]
        for side in SIDES
        for item in ITEMS
    ]
    sums = [["sum", f"points.{side}.all", [f"points.{side}.{item}" for item in ITEMS]] for side in SIDES]
    return [*shares, *products, *sums]
