"""The truth of the matter: what the members of the councils really decided, whatever any verifier believes.

This file knows no rule of the protocol, no bundle and no verdict, and imports nothing from the verifier. It looks at
people: who had a seat, what he had read and meant when he signed, and what had happened in the world by the moment
his paper came on record. From that it says which claims *party P is bound by text T* are true.

A person means the words he signed, and nothing else; somebody else's ink adds nothing to them (an approval is a
person and his words). So an altered paper shows what its author wanted, not what the council decided.

1. **A decision** of a council is made when a paper comes on record that says exactly what at least two different
   persons, in office at that moment, meant; and when the council has made no other decision since they read how
   things stood (``seen``). They consented to a next step from there, not to any step at any later time.
2. Elections decided so change who is in office; dismissals decided so end a negotiator's standing and that of
   everybody who has his power from him. N may also take back what he gave D.
3. **A party is bound** by a text when approvals of it by two different persons in office come on record together,
   who meant this text and the same signature on it, on a state of things that still holds (as in 1), and then

   - that signature had been given before they read, and was not withdrawn by its giver in good standing since;
   - its giver was still a servant of the party, as the council had decided and as the approvers could read, or they
     said that they consent in spite of that;
   - the talks were still open, and the council had not refused the text.

   What the paper itself says does not matter here: a paper altered by others still carries what was meant.
4. Once bound, a party stays bound: what happens later ends nothing here.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from .world import CANDIDATE, FOUNDERS, HOLDERS, THRESHOLD, Entry, Ledger, Words, signer_of, text_of


class Truth(NamedTuple):
    bound: frozenset[tuple[str, str]]  # (party, text)
    on_record: dict[tuple[str, str], int]  # those bound by a paper that says so itself -> its position
    why_not: tuple[str, ...]  # for each paper of a ratification that binds nobody: the reason, for people


@dataclass(slots=True)
class _World:
    office: dict[str, set[str]] = field(default_factory=lambda: {p: set(seats) for p, seats in FOUNDERS.items()})
    decisions: dict[str, list[int]] = field(default_factory=lambda: {"A": [], "B": []})
    given: dict[str, int] = field(default_factory=dict)  # signature -> position
    withdrawn: set[str] = field(default_factory=set)
    dismissed: set[str] = field(default_factory=set)
    revoked: dict[str, int] = field(default_factory=dict)  # holder -> position at which N revoked him
    refused: set[tuple[str, str]] = field(default_factory=set)
    closed: bool = False
    bound: set[tuple[str, str]] = field(default_factory=set)
    on_record: dict[tuple[str, str], int] = field(default_factory=dict)
    why_not: list[str] = field(default_factory=list)


def truth_of(ledger: Ledger) -> Truth:
    """What is true once everything in ``ledger`` has come on record."""
    world = _World()
    for position, entry in enumerate(ledger):
        if entry.words:
            _paper(world, position, entry)
        else:
            _deed(world, position, entry)
    return Truth(frozenset(world.bound), world.on_record, tuple(world.why_not))


def _deed(world: _World, position: int, entry: Entry) -> None:
    match entry.kind:
        case "sign":
            world.given.setdefault(entry.subject, position)
        case "withdraw" if not _lost_standing(world, entry.who, position):
            world.withdrawn.add(entry.subject)
        case "revoke" if not _lost_standing(world, entry.who, position):
            world.revoked.setdefault(entry.subject, position)
        case "close":
            world.closed = True


def _lost_standing(world: _World, holder: str, read: int) -> bool:
    """Whether ``holder`` no longer serves his party, by its decisions and by what could be read up to ``read``."""
    if holder == "D":
        return bool(world.dismissed & {"N", "D"}) or world.revoked.get("D", read) < read
    return holder in world.dismissed


def _paper(world: _World, position: int, entry: Entry) -> None:
    for meant in dict.fromkeys(words for _, words in entry.approvals):
        persons = {member for member, words in entry.approvals if words == meant}
        obstacle = _not_the_councils_will(world, meant, persons)
        if meant.kind == "ratify":
            obstacle = obstacle or _does_not_bind(world, meant)
            if obstacle:
                world.why_not.append(f"entry {position} does not bind {meant.party} by {meant.subject}: {obstacle}")
            else:
                world.bound.add((meant.party, meant.subject))
                if meant == entry.words:
                    world.on_record.setdefault((meant.party, meant.subject), position)
        if meant == entry.words and not _not_the_councils_will(world, meant, persons):
            _decide(world, position, meant)
    if entry.words and all(words != entry.words for _, words in entry.approvals):
        world.why_not.append(f"entry {position}: nobody ever signed what it says")


def _not_the_councils_will(world: _World, meant: Words, persons: set[str]) -> str:
    """Why these persons, meaning this, are not the council now; empty if they are."""
    in_office = persons & world.office[meant.party]
    if len(in_office) < THRESHOLD:
        out = "".join(f", {p} has no seat" for p in sorted(persons - in_office))
        return f"only {len(in_office)} in office consented{out}"
    if any(made >= meant.seen for made in world.decisions[meant.party]):
        return "the council has decided something else since they read and signed"
    return ""


def _does_not_bind(world: _World, meant: Words) -> str:
    """Why consent meaning this binds to nothing; empty if it binds."""
    signature = meant.named
    giver = signer_of(signature)
    if world.given.get(signature, meant.seen) >= meant.seen or text_of(signature) != meant.subject:
        return f"the signature {signature} that they meant was not there"
    if HOLDERS[giver] != meant.party:
        return f"{giver} never served {meant.party}"
    if signature in world.withdrawn:
        return f"the signature {signature} that they meant had been withdrawn"
    if _lost_standing(world, giver, meant.seen) and not meant.confirm:
        return f"{giver} had been dismissed, and nobody meant to confirm what he signed"
    if (meant.party, meant.subject) in world.refused:
        return "the council had refused the text"
    return "the talks had been closed" if world.closed else ""


def _decide(world: _World, position: int, words: Words) -> None:
    world.decisions[words.party].append(position)
    match words.kind:
        case "elect":
            world.office[words.party] = world.office[words.party] - {words.subject} | {CANDIDATE}
        case "dismiss":
            world.dismissed.add(words.subject)
        case "refuse" if (words.party, words.subject) not in world.on_record:
            world.refused.add((words.party, words.subject))
