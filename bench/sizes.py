"""Bytes: what goes over a wire, a radio or a code on paper, for acts as small as they are meant to be."""

from bench.material import FAR, NOW, NotDone, text_of
from bench.measure import Effort, Result, Tell, at_most, skipped
from bench.rivals import Rivals, Unavailable, Wrong
from bench.ucan import ucan_bytes
from pourparler.core.act import Act
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key

LINES: list[Value] = [["at-most", "price", "92.00"], ["before", "end", "2026-12-31"]]
MAY = powers("open", "propose", "adopt", "initial", "sign-ad-referendum")
AT: dict[str, Value] = {"at": NOW}
ORGAN = organ_id(bytes(range(32)), "council")
DIGEST = text_digest(text_of(0))


def size(*acts: Act) -> int:
    return sum(len(act.envelope.encoded()) for act in acts)


def suspension() -> Act:
    return draft("suspend", {**AT, "organ": ORGAN, "target": DIGEST}).signed_by(Key.from_name("member 0"))


def dismissal() -> Act:
    members = [Key.from_name(f"member {n}") for n in range(3)]
    fields = {"organ": ORGAN, "prior": DIGEST, "mandate": DIGEST, "holds": powers("open")}
    return draft("dismiss", fields).signed_by(*members)


def mandate(members: int = 1, **fields: Value) -> Act:
    """Return a grant with two red lines, signed by so many members of its organ."""
    whole = {"organ": ORGAN, "prior": DIGEST, "to": Key.from_name("holder 0").public_key, "until": FAR, **AT}
    people = [Key.from_name(f"member {n}") for n in range(members)]
    return draft("grant", {**whole, "powers": MAY, "lines": LINES, **fields}).signed_by(*people)


def three_links(members: int = 1) -> list[Act]:
    """Return a grant with two red lines, two links below it, and the definitive signature of a text."""
    holders = [Key.from_name(f"holder {n}") for n in range(3)]
    may, passing_on = MAY | powers("conclude"), powers("delegate")
    links = [mandate(members, powers=may | passing_on, depth=2)]
    for number, more in ((1, {"depth": 1, "powers": may | passing_on}), (2, {"powers": may})):
        fields = {"by": links[-1].id, "to": holders[number].public_key, "until": FAR, **more}
        links.append(draft("delegate", fields).signed_by(holders[number - 1]))
    act = draft("conclude", {"by": links[-1].id, "dossier": ORGAN, "text": DIGEST}).signed_by(holders[-1])
    return [*links, act]


def run(effort: Effort, tell: Tell) -> list[Result]:
    tell("bytes")
    signed = [len(act.envelope.signatures) for act in (dismissal(), mandate(2), three_links(2)[0])]
    if signed != [3, 2, 2]:
        raise NotDone(f"signatures are missing: {signed}")
    lines = [
        ("an urgent act with one signature", size(suspension()), 216),
        ("a dismissal signed by three members", size(dismissal()), 420),
        ("a mandate with two red lines", size(mandate()), 300),
        ("three links, two red lines, and their act", size(*three_links()), 950),
    ]
    results = [Result(name, value, "bytes", "the bound of the design", at_most(most)) for name, value, most in lines]
    roots = ((lines[2][0], [mandate(2)]), (lines[3][0], three_links(2)))
    results += [Result(f"{name}, granted by 2 of 3", size(*acts), "bytes", "") for name, acts in roots]
    return [*results, *rivals()]


def rivals() -> list[Result]:
    """The same three links and act elsewhere, as far as others can say the same."""
    name = "three links and their act, elsewhere"
    found = [Result(f"{name}: UCAN 1.0", ucan_bytes(), "bytes", "", note="its layout, encoded by us: bench/ucan.py")]
    try:
        with Rivals() as asked:
            others: dict[str, int] = asked.ask("bytes")
    except (Unavailable, Wrong) as why:
        return [*found, skipped(f"{name}: Biscuit, Tenuo, UCAN (JWT)", "bytes", "", str(why))]
    notes = {"Biscuit": "whoever holds it may use it: no holder's key, no act of a holder"}
    for who, value in others.items():
        found.append(Result(f"{name}: {who}", value, "bytes", "", note=notes.get(who, "")))
    return found
