"""A small world for tests: one ledger, parties with organs, mandates, dossiers, texts, bundles. All of it replayable.

``World.put`` logs one act in a transaction of its own, as an honest depositary does; ``World.force`` writes bytes that
no honest depositary would, to see what a verifier then says. With ``intake`` the ledger's own checks run as well.

>>> world = World()
>>> buyer = world.party("Buyer", "ann", "bob", "cay", needs=2)
>>> mandate = buyer.grant("agent", "propose", until=1000)
>>> world.registry.registers[buyer.id].mandates[mandate.id].until
1000
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pourparler.core.act import Act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary, organ_id
from pourparler.core.dossier import Dossier, Outcome
from pourparler.core.encoding import Value, encode
from pourparler.core.evidence import Bundle, Claim, Report, Shown, Trust, verify
from pourparler.core.ledger import (
    Checkpoint,
    KeyType,
    Policy,
    VerifierKey,
    cosign_note_text,
    leaf_hash,
    multiproof,
    root_of,
    sign_note_text,
    signed_note,
)
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry, canonical
from pourparler.service.drafting import Draft, draft, powers
from pourparler.testing.keys import Key

ALL = 2047
TALKS = ("open", "propose", "adopt", "initial", "sign-ad-referendum")


def key(name: str) -> Key:
    return Key.from_name(name)


def seats(*names: str) -> list[list[Value]]:
    return sorted([key(name).public_key, 1] for name in names)


def organ(name: str, *members: str, needs: int | None = None, powers: int = ALL, **more: Value) -> dict[str, Value]:
    """Return the map that founds an organ; more than half of it decides unless told otherwise."""
    needed = needs or len(members) // 2 + 1
    return {"name": name, "seats": seats(*members), "needs": needed, "powers": powers, **more}


class World:
    """One ledger and its fold. ``time`` is its clock, in seconds; it moves only when a test moves it."""

    def __init__(self, name: str = "ledger", *, intake: bool = False, bound: int = 600) -> None:
        self.key = key(f"{name} key")
        self.depositary = Depositary(f"{name}.example", self.key.public_key)
        self.wire = {"origin": self.depositary.origin, "key": self.depositary.key}
        self.intake = intake
        self.texts: dict[bytes, Text] = {}
        self.text_bytes: dict[bytes, bytes] = {}
        self.registry = Registry(self.depositary, self.texts.get)
        self.entries: list[bytes] = []
        self.time = 0
        self.entries.append(
            draft("ledger", {"origin": self.depositary.origin, "at": 0, "bound": bound})
            .signed_by(self.key)
            .envelope.encoded()
        )

    # Logging.

    @property
    def now(self) -> Moment:
        """The moment after everything that was logged."""
        return Moment(len(self.entries), self.time)

    def put(self, act: Act, at: int | None = None) -> Outcome:
        """Log an act at a time, by default now. Raises what the registry raises, and then logs nothing."""
        self.time = self.time if at is None else at
        outcome = self.registry.admit(act, Moment(len(self.entries) + 1, self.time), intake=self.intake)
        self.stamp(1, self.registry.streams_of(act, outcome))
        self.entries.append(canonical(act, outcome).envelope.encoded())
        return outcome

    def force(self, *acts: Act | bytes) -> None:
        """Write entries under one stamp without judging them."""
        self.stamp(len(acts), ())
        self.entries += [act if isinstance(act, bytes) else act.envelope.encoded() for act in acts]

    def stamp(self, follows: int = 0, stated: Iterable[bytes] | None = None, **changed: Value) -> int:
        """Write a stamp, by default one that states every stream; return its index."""
        stated = self.registry.streams if stated is None else stated
        fields = {
            "index": len(self.entries),
            "at": self.time,
            "follows": follows,
            "streams": self.registry.heads(stated),
        }
        self.entries.append(draft("stamp", {**fields, **changed}).signed_by(self.key).envelope.encoded())
        return len(self.entries) - 1

    # What a party, a text and a dossier are made of.

    def party(self, name: str, *members: str, needs: int | None = None, **fields: Value) -> "Party":
        """Found a party with one organ, ``council``, or with those in ``organs``; log it."""
        party = Party.draft(self, name, *members, needs=needs, **fields)
        self.put(party.founding)
        return party

    def text(self, terms: Mapping[str, Value] | None = None, **parts: Value) -> bytes:
        """Make a text whose clauses are ``parts`` (``checks`` excepted); return its digest."""
        value = {"articles": {"en": ["x"]}, "terms": dict(terms or {}), "random": len(self.texts).to_bytes(16)}
        if checks := parts.pop("checks", None):
            value["checks"] = checks
        data = encode({**value, "clauses": parts})
        self.text_bytes[text_digest(data)] = data
        self.texts[text_digest(data)] = parse_text(data)
        return text_digest(data)

    def position(self, stream: bytes) -> list[Value]:
        """Return count and head of a stream, as acts state them."""
        found = self.registry.streams[stream]
        return [found.count, found.head]

    # Evidence.

    def note(self, size: int | None = None, cosigned: Iterable[tuple[Key, int]] = ()) -> bytes:
        """Return the signed checkpoint of the first ``size`` entries, cosigned by keys at times."""
        size = len(self.entries) if size is None else size
        text = Checkpoint(self.depositary.origin, size, root_of(map(leaf_hash, self.entries[:size]))).text()
        own = VerifierKey(self.depositary.origin, KeyType.ED25519, self.depositary.key)
        lines = [sign_note_text(text, own, self.key.sign)]
        lines += [cosign_note_text(text, witness_key(witness), time, witness.sign) for witness, time in cosigned]
        return signed_note(text, lines)

    def node(self, level: int, index: int) -> bytes:
        return root_of(map(leaf_hash, self.entries[index << level : (index + 1) << level]))

    def shown(self, without: Iterable[int] = (), *, size: int | None = None, **parts: Any) -> Shown:
        """Return what a bundle shows of this ledger: every entry up to ``size`` but those left out."""
        size = len(self.entries) if size is None else size
        left_out = set(without)
        entries = tuple((i, data) for i, data in enumerate(self.entries[:size]) if i not in left_out)
        hashes = multiproof(size, [i for i, _ in entries], self.node)
        return Shown(self.depositary, parts.pop("note", None) or self.note(size, **parts), entries, hashes)

    def claim(self, kind: str, as_of: int | None = None, **parts: Any) -> Claim:
        """Return a claim as of a stamp, by default of a new one that states every stream."""
        return Claim(kind, self.depositary, self.stamp() if as_of is None else as_of, **parts)

    def verify(
        self,
        claim: Claim,
        *more: Shown,
        trust: "Iterable[Party]" = (),
        shown: Shown | None = None,
        texts: Iterable[bytes] | None = None,
        policy: Policy | None = None,
        at: int | None = None,
    ) -> Report:
        """Verify a claim on this ledger, with what is shown of other ledgers besides."""
        bundle = Bundle(
            claim, (shown or self.shown(), *more), tuple(self.text_bytes.values() if texts is None else texts)
        )
        trusted = {party.id: "handed over" for party in trust}
        return verify(bundle.encoded(), Trust(trusted, policy), at)


@dataclass
class Party:
    """A party: drafts its organs' decisions at the heads of their spines, signed by the first members who suffice."""

    world: World
    founding: Act
    members: dict[str, tuple[list[Key], int]]
    heads: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def draft(cls, world: World, name: str, *members: str, needs: int | None = None, **fields: Value) -> "Party":
        """Return a party whose founding act is signed and not logged."""
        organs = fields.pop("organs", None) or [organ("council", *members, needs=needs)]
        founders = {
            person.public_key: person for value in organs for person in map(key, fields.pop("signers", members))
        }
        home = fields.pop("home", world.wire)
        value = {"name": name, "nonce": bytes(16), "home": home, "suspension": 100, "organs": organs, **fields}
        founding = draft("found", value).signed_by(*founders.values())
        by_key = {person.public_key: person for person in founders.values()}
        seated = {value["name"]: ([by_key[k] for k, _ in value["seats"]], value["needs"]) for value in organs}
        return cls(world, founding, seated, {name: organ_id(founding.id, name) for name in seated})

    @property
    def id(self) -> bytes:
        return self.founding.id

    def organ(self, name: str = "council") -> bytes:
        return organ_id(self.founding.id, name)

    # Decisions of organs.

    def draft_decision(self, kind: str, organ: str = "council", **fields: Value) -> Draft:
        return draft(kind, {"organ": self.organ(organ), "prior": self.heads[organ], **fields})

    def signed(self, kind: str, organ: str = "council", also: Iterable[Key] = (), **fields: Value) -> Act:
        """Return a decision at the organ's head, signed by as many as it needs."""
        members, needs = self.members[organ]
        return self.draft_decision(kind, organ, **fields).signed_by(*members[:needs], *also)

    def decide(self, kind: str, organ: str = "council", *, at: int | None = None, **fields: Value) -> Act:
        """Log a decision; the organ's head moves with it. Returns the act."""
        act = self.signed(kind, organ, **fields)
        self.world.put(act, at)
        self.heads[organ] = act.id
        return act

    def grant(self, holder: str | None, *names: str, organ: str = "council", **fields: Value) -> Act:
        """Log a grant of powers to a holder, or to the class in the fields."""
        to = {} if holder is None else {"to": key(holder).public_key}
        return self.decide("grant", organ, powers=powers(*names), **to, **fields)

    def dismiss(self, mandate: bytes, organ: str = "council", **fields: Value) -> Act:
        return self.decide("dismiss", organ, mandate=mandate, **fields)

    def member(self, who: str, kind: str, organ: str = "council", **fields: Value) -> Act:
        """Return an act of one member, signed and not logged."""
        return draft(kind, {"organ": self.organ(organ), **fields}).signed_by(key(who))


def speak(holder: str, kind: str, by: bytes, **fields: Value) -> Act:
    """Return a holder's act under a mandate, signed and not logged."""
    return draft(kind, {"by": by, **fields}).signed_by(key(holder))


@dataclass
class Talks:
    """A dossier between two parties, and what their negotiators say in it: ``agent`` for the first, ``envoy`` for the
    second. ``texts`` are proposed and adopted by both when :meth:`adopted` makes them."""

    world: World
    buyer: Party
    seller: Party
    mandate: Act
    theirs: Act
    opening: Act

    @property
    def id(self) -> bytes:
        return self.opening.id

    @property
    def dossier(self) -> Dossier:
        return self.world.registry.dossiers[self.id]

    def ours(self, kind: str, by: bytes | None = None, who: str = "agent", **fields: Value) -> Act:
        return speak(who, kind, by or self.mandate.id, dossier=self.id, **fields)

    def other(self, kind: str, **fields: Value) -> Act:
        return speak("envoy", kind, self.theirs.id, dossier=self.id, **fields)

    def adopted(self, terms: Mapping[str, Value] | None = None, **clauses: Value) -> bytes:
        """Return a text that both adopted."""
        text = self.world.text(terms, **clauses)
        self.world.put(self.ours("propose", text=text))
        self.world.put(self.ours("adopt", text=text))
        self.world.put(self.other("adopt", text=text))
        return text

    def sign(
        self, text: bytes, *, deadline: int = 1000, by: bytes | None = None, who: str = "agent", **more: Value
    ) -> Act:
        """Return our signature ad referendum, not logged."""
        organ = more.pop("organ", self.buyer.organ())
        return self.ours("sign-ad-referendum", by, who, text=text, organ=organ, deadline=deadline, **more)

    def signed(self, text: bytes, **more: Value) -> Act:
        """Log our signature ad referendum."""
        act = self.sign(text, **more)
        self.world.put(act)
        return act

    def ratification(self, text: bytes, *signs: Act, organ: str = "council", **more: Value) -> dict[str, Value]:
        """Return the fields of a ratification that has seen everything so far."""
        seen = {"dossier": self.world.position(self.id), "party": self.world.position(self.buyer.id)}
        return {"dossier": self.id, "text": text, "signs": sorted(s.id for s in signs), "seen": seen, **more}

    def ratify(self, text: bytes, *signs: Act, organ: str = "council", **more: Value) -> Act:
        """Log our council's ratification."""
        return self.buyer.decide("ratify", organ, **self.ratification(text, *signs, **more))

    def bound(self, text: bytes, party: Party | None = None) -> bool:
        return self.dossier.bound(text, (party or self.buyer).id, self.world.now)


def opening(world: World, by: bytes, *parties: Party, who: str = "agent", **more: Value) -> Act:
    """Return the opening of a dossier, signed and not logged."""
    fields = {"parties": sorted(party.id for party in parties), "ledger": world.wire, "rules": {"adopt": "all"}}
    return speak(who, "open", by, **{**fields, "nonce": len(world.entries).to_bytes(16), **more})


def talks(
    world: World,
    buyer: Party | None = None,
    seller: Party | None = None,
    mandate: Act | None = None,
    *,
    rules: Mapping[str, Value] | None = None,
    **more: Value,
) -> Talks:
    """Open a dossier: a buyer whose agent may sign ad referendum only, a seller whose envoy may conclude."""
    buyer = buyer or world.party("Buyer", "ann", "bob", "cay")
    seller = seller or world.party("Seller", "dan")
    mandate = mandate or buyer.grant("agent", *TALKS)
    theirs = seller.grant("envoy", *TALKS, "conclude")
    opened = opening(world, mandate.id, buyer, seller, **({"rules": dict(rules)} if rules else {}), **more)
    world.put(opened)
    world.put(speak("envoy", "join", theirs.id, dossier=opened.id))
    return Talks(world, buyer, seller, mandate, theirs, opened)


def witness_key(witness: Key) -> VerifierKey:
    name = witness.name.replace(" ", "-")
    return VerifierKey(name, KeyType.COSIGNATURE_ED25519, witness.public_key)


def reason_of(outcome: Outcome) -> str:
    """Return why an act is void, or the empty text."""
    return outcome.void.reason if outcome.void else ""
