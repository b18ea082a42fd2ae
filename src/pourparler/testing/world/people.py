"""Everybody in a world beside the council: committees and the other side, who bargain; a general who betrays; a thief.

A committee holds a certificate under a class mandate: it may sign subject to approval, and binds nobody. The general
may do as much, until he is dismissed; then he goes on. The thief has a copy of somebody's key, and tries what it is
good for. What they do wrong is marked so in the world's truth, and must never count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pourparler.core.act import Act
from pourparler.core.council import organ_id
from pourparler.core.encoding import Signature, Value, decode, encode, kid_of
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Report, Trust, Verdict, parse_bundle, verify
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key
from pourparler.testing.world.councils import Council, seats
from pourparler.testing.world.depositary import NAME as DEPOSITARY
from pourparler.testing.world.depositary import as_bytes
from pourparler.testing.world.plan import committees
from pourparler.testing.world.speaking import TALKS, Negotiator, Offer, Paper, Policy, Speaker, Talks, Terms, price_of
from pourparler.testing.world.trace import short
from pourparler.testing.world.truth import Given

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

DEADLINE_SECONDS = 20 * 3_600
WRONG = Decimal("120.00")  # above every ceiling


class Talker(Speaker):
    """Somebody who bargains in dossiers, under a mandate, with a negotiator's advice."""

    def __init__(self, world: "World", place: str, name: str, negotiator: Negotiator) -> None:
        super().__init__(world, place, name)
        self.negotiator = negotiator
        self.mandate = b""
        self.done: set[tuple[str, bytes]] = set()
        self.verdicts: dict[bytes, Report] = {}
        self.refuted: dict[bytes, int] = {}  # text -> the index as of which it was shown not to be in force
        self.asked_at = 0

    @property
    def party(self) -> bytes:
        """For whom he speaks."""
        return self.world.people.party_of(self.mandate)

    def once(self, kind: str, dossier: bytes, about: bytes, fields: Mapping[str, Value], *texts: bytes) -> None:
        """Say something in a dossier unless it was said."""
        if (kind, about) not in self.done:
            self.done.add((kind, about))
            self.say(kind, {"by": self.mandate, "dossier": dossier, **fields}, texts=texts)

    def turn(self) -> None:
        """Take one's turn in every dossier that one is in."""
        for talks in list(self.talks.values()):
            if self.joins(talks) and len(talks.joined) == 2:
                self.bargain(talks)

    def joins(self, talks: Talks) -> bool:
        """Return whether one speaks in a dossier, having joined it if need be."""
        raise NotImplementedError

    def sign(self, talks: Talks, paper: Paper) -> None:
        """Sign a text that both adopted."""
        raise NotImplementedError

    def bargain(self, talks: Talks) -> None:
        """Propose, agree, sign or wait."""
        adopted = [paper for paper in talks.papers.values() if len(paper.adopted) == 2]
        if adopted:
            self.sign(talks, adopted[0])
            return
        offers = [Offer(paper.terms, paper.by == self.party) for paper in talks.papers.values()]
        wanted = self.negotiator.turn(offers)
        if wanted is None:
            return
        for paper in talks.papers.values():
            if paper.by != self.party and paper.terms == wanted:
                self.once("adopt", talks.id, paper.text, {"text": paper.text})
                return
        if any(paper.by == self.party and paper.terms == wanted for paper in talks.papers.values()):
            return
        self.propose(talks, wanted)

    def propose(self, talks: Talks, terms: Terms, *, honest: bool = True) -> bytes:
        """Propose a new text and adopt it; return its digest."""
        parts: dict[str, Value] = {"articles": {"en": ["An armistice."]}, "terms": dict(terms)}
        text = encode({**parts, "clauses": {}, "random": self.chance.bytes(16)})
        digest = text_digest(text)
        self.world.truth.prices[digest] = price_of(terms)
        self.say("propose", {"by": self.mandate, "dossier": talks.id, "text": digest}, texts=[text], honest=honest)
        self.say("adopt", {"by": self.mandate, "dossier": talks.id, "text": digest}, honest=honest)
        return digest

    def open_talks(self, *, honest: bool = True) -> Act:
        """Open a dossier with the other side."""
        people = self.world.people
        fields: dict[str, Value] = {
            "by": self.mandate,
            "parties": sorted((people.ours, people.theirs)),
            "ledger": self.world.depositary.wire,
            "rules": {"adopt": "all", "counter": False},
            "nonce": self.chance.bytes(16),
        }
        return self.say("open", fields, honest=honest)

    def follows(self, talks: Talks) -> bool:  # noqa: ARG002  others look
        """Return whether one asks for evidence of what comes of a dossier."""
        return True

    def ask_for_evidence(self) -> None:
        """Ask for the evidence of every text that was signed for both sides, once there is something new to read."""
        if self.read == self.asked_at:
            return
        self.asked_at = self.read
        for talks in filter(self.follows, self.talks.values()):
            for paper in talks.papers.values():
                undecided = not self.convinced(paper.text) and self.refuted.get(paper.text, -1) < talks.newest
                if len(paper.adopted) == 2 and (paper.ratified or paper.concluded) and undecided:
                    asked: dict[str, Value] = {"dossier": talks.id, "text": paper.text}
                    self.world.network.send(self.place, DEPOSITARY, "bundle", encode(asked))

    def convinced(self, text: bytes) -> bool:
        """Return whether one holds evidence that a text is in force."""
        return text in self.verdicts and self.verdicts[text].verdict is Verdict.VALID

    def shown(self, data: bytes) -> None:
        """Verify evidence that came, knowing nothing but the two parties' ids."""
        try:
            value = decode(data)
            assert isinstance(value, dict)
            text, bundle = as_bytes(value["text"]), as_bytes(value["bundle"])
        except (PourparlerError, KeyError, TypeError, AssertionError):
            return
        people = self.world.people
        trust = Trust({people.ours: "handed over", people.theirs: "our own"})
        report = verify(bundle, trust, self.clock_seconds())
        self.world.trace.note(self.name, f"{report.verdict.value}: {short(text)} in force")
        self.verdicts[text] = report
        if report.reason == "claim.not-in-force":
            self.refuted[text] = max(parse_bundle(bundle).claim.as_of, self.refuted.get(text, -1))
        self.world.checker.judged(self.name, text, bundle, report)

    def clock_seconds(self) -> int:
        return self.world.stations[self.place].clock.now()


class Committee(Talker):
    """A soldiers' committee: opens talks on its own front, and signs subject to the council's approval."""

    def __init__(self, world: "World", place: str, negotiator: Negotiator) -> None:
        super().__init__(world, place, place, negotiator)
        self.own = b""

    def turn(self) -> None:
        if not self.own:
            self.own = self.open_talks().id
        super().turn()

    def joins(self, talks: Talks) -> bool:
        return talks.id == self.own

    def follows(self, talks: Talks) -> bool:
        return talks.id == self.own

    def sign(self, talks: Talks, paper: Paper) -> None:
        deadline = self.world.timeline.seconds + DEADLINE_SECONDS
        fields: dict[str, Value] = {"text": paper.text, "organ": self.world.people.council.organ, "deadline": deadline}
        self.once("sign-ad-referendum", talks.id, paper.text, fields)


class Envoy(Talker):
    """May conclude, as long as a young beacon says that the council still stands behind him."""

    def __init__(self, world: "World", negotiator: Negotiator) -> None:
        super().__init__(world, "council", "envoy", negotiator)
        self.own = b""

    def turn(self) -> None:
        if not self.own:
            self.own = self.open_talks().id
        super().turn()

    def joins(self, talks: Talks) -> bool:
        return talks.id == self.own

    def sign(self, talks: Talks, paper: Paper) -> None:
        self.once("conclude", talks.id, paper.text, {"text": paper.text})


class Counterpart(Talker):
    """The other side: its envoy joins whatever is opened with it, may conclude, and believes what it has verified."""

    def __init__(self, world: "World", negotiator: Negotiator) -> None:
        super().__init__(world, "counterpart", "counterpart", negotiator)
        self.board = [Key.from_name(f"board {world.plan.seed}")]

    def found(self) -> bytes:
        """Found their party and let its envoy speak; return its id."""
        organ: dict[str, Value] = {"name": "board", "seats": seats(self.board), "needs": 1, "powers": 2047}
        fields: dict[str, Value] = {
            "name": "Brest",
            "nonce": self.chance.bytes(16),
            "home": self.world.depositary.wire,
            "suspension": 3_600,
            "organs": [organ],
        }
        party = self.say("found", fields, *self.board).id
        board = organ_id(party, "board")
        given: dict[str, Value] = {"organ": board, "prior": board, "to": self.key.public_key}
        given["powers"] = powers(*TALKS, "conclude")
        self.mandate = self.say("grant", given, *self.board).id
        self.world.truth.given[self.mandate] = Given("counterpart", frozenset((*TALKS, "conclude")))
        return party

    def joins(self, talks: Talks) -> bool:
        if self.party not in talks.joined:
            self.once("join", talks.id, talks.id, {})
            return False
        return True

    def sign(self, talks: Talks, paper: Paper) -> None:
        if paper.signed or paper.concluded or paper.ratified:
            self.once("conclude", talks.id, paper.text, {"text": paper.text})


class General(Talker):
    """May talk and sign subject to approval; stalls, and after his dismissal goes on as if nothing had been."""

    def __init__(self, world: "World", negotiator: Negotiator) -> None:
        super().__init__(world, "general", "general", negotiator)
        self.own = b""

    def joins(self, talks: Talks) -> bool:
        return talks.id == self.own

    def sign(self, talks: Talks, paper: Paper) -> None:
        deadline = self.world.timeline.seconds + DEADLINE_SECONDS
        fields: dict[str, Value] = {"text": paper.text, "organ": self.world.people.council.organ, "deadline": deadline}
        self.once("sign-ad-referendum", talks.id, paper.text, fields)

    def betray(self) -> None:
        """Do one of the things that a general may not."""
        texts = [(talks, paper) for talks in self.talks.values() for paper in talks.papers.values()]
        match self.chance.below(7):
            case 5 if self.world.people.committees and self.world.people.committees[0].own:
                self.forge(self.world.people.committees[0])
            case 0:
                crony = Key.from_name(f"crony {self.world.plan.seed}")
                fields: dict[str, Value] = {"by": self.mandate, "to": crony.public_key, "powers": powers(*TALKS)}
                self.say("delegate", fields, honest=False)
            case 1 if texts:
                talks, paper = self.chance.pick(texts)
                self.say("conclude", {"by": self.mandate, "dossier": talks.id, "text": paper.text}, honest=False)
            case 2 if self.own and self.own in self.talks:
                self.propose(self.talks[self.own], {"price": ["EUR", f"{WRONG}"]}, honest=False)
            case 3 if texts:
                talks, paper = self.chance.pick(texts)
                deadline = self.world.timeline.seconds + DEADLINE_SECONDS
                signed: dict[str, Value] = {"by": self.mandate, "dossier": talks.id, "text": paper.text}
                signed |= {"organ": self.world.people.council.organ, "deadline": deadline}
                self.say("sign-ad-referendum", signed | {"at": self.world.timeline.seconds - 86_400}, honest=False)
            case 4:
                question: dict[str, Value] = {"by": self.mandate, "about": self.mandate, "to": self.world.people.theirs}
                self.say("query", question, honest=False)
            case _:
                self.own = self.open_talks(honest=False).id

    def forge(self, whose: "Committee") -> None:
        """Sign for somebody else, with one's own key and his key's hint: nobody may take it for his."""
        fields: dict[str, Value] = {"by": whose.mandate, "dossier": whose.own, "words": "we give up"}
        drafted = draft("say", fields)
        signature = drafted.signature(self.key)
        act = drafted.joined([Signature(signature.algorithm, kid_of(whose.key.public_key), signature.value)])
        self.speak(act, fields, honest=False, forged=True)


@dataclass
class Theft:
    """A copy of a key, and whose it is."""

    whose: str
    key: Key


class Thief(Speaker):
    """Has a copy of a key, and does with it what it lets him."""

    def __init__(self, world: "World") -> None:
        super().__init__(world, "general", "thief")
        self.thefts: list[Theft] = []

    def steal(self, whose: str) -> None:
        """Copy a key."""
        people, seed = self.world.people, self.world.plan.seed
        keys = {
            "general": people.general.key,
            "member": people.council.members[-1],
            "dispatch": people.council.dispatch,
            "beacon": people.council.beacon_key,
            "committee": people.committees[0].key,
            "certifier": people.council.certifier,
        }
        self.thefts.append(Theft(whose, keys[whose]))
        self.world.truth.stolen[whose] = self.world.timeline.now
        self.world.trace.note(self.name, f"has the key of {whose} in the world {seed}")

    def use(self) -> None:
        """Use one of the keys that one has."""
        if not self.thefts:
            return
        theft = self.chance.pick(self.thefts)
        council, now = self.world.people.council, self.world.timeline.seconds
        crony = Key.from_name(f"crony {self.world.plan.seed}")
        organ: dict[str, Value] = {"organ": council.organ, "prior": council.head}
        match theft.whose:
            case "member":
                choices: tuple[tuple[str, dict[str, Value]], ...] = (
                    ("grant", {"to": crony.public_key, "powers": powers(*TALKS, "conclude"), "at": now}),
                    ("dismiss", {"mandate": self.chance.pick(sorted(council.mandates.values())), "at": now}),
                    ("elect", {"seats": seats([theft.key, crony])}),
                )
                kind, fields = self.chance.pick(choices)
                self.say(kind, {**organ, **fields}, theft.key, honest=False)
            case "beacon":
                far = 2**62 + self.chance.below(1_000)
                fields = {"party": self.world.people.ours, "serial": far, "count": 1, "head": self.world.people.ours}
                fields |= {"at": now + 10 * 365 * 86_400, "next": now + 11 * 365 * 86_400}
                self.say("beacon", fields, theft.key, honest=False)
            case "certifier":
                fields = {"class": council.mandates["committees"], "to": crony.public_key, "until": now + 86_400 * 400}
                act = self.say("certify", fields, theft.key, honest=False)
                given = Given("crony", frozenset(TALKS), None, None, council.mandates["committees"])
                self.world.truth.given[act.id] = given  # whoever has the certifier's key certifies, within the class
            case "general" | "committee":
                self.speak_for(theft)
            case _:
                self.world.poison(theft.key)

    def speak_for(self, theft: Theft) -> None:
        """Speak with a holder's key: within his mandate that counts, beyond it nothing does."""
        council = self.world.people.council
        mandate = council.mandates["general" if theft.whose == "general" else "committee-0"]
        crony = Key.from_name(f"crony {self.world.plan.seed}")
        fields: dict[str, Value] = {"by": mandate, "to": crony.public_key, "powers": powers(*TALKS)}
        self.say("delegate", fields, theft.key, honest=False)

    def unseated(self, member: Key) -> None:
        """Let a member who has lost the seat sign with a stolen one."""
        council = self.world.people.council
        fields: dict[str, Value] = {"organ": council.organ, "prior": council.head, "words": "we still decide"}
        self.say("decide", fields, member, council.members[-1], honest=False)


class People:
    """Everybody, and whose mandate is whose."""

    def __init__(
        self, world: "World", ours: "Mapping[str, Negotiator] | Negotiator", theirs: Negotiator, policy: Policy
    ) -> None:
        self.world = world
        self.ours = self.theirs = b""
        self.unseated: list[Key] = []
        self.council = Council(world, policy)
        self.counterpart = Counterpart(world, theirs)
        advice = ours if isinstance(ours, Mapping) else dict.fromkeys((*world.plan.places, "envoy"), ours)
        self.general = General(world, advice["general"])
        self.envoy = Envoy(world, advice["envoy"])
        self.committees = [Committee(world, place, advice[place]) for place in committees(world.plan)]
        self.thief = Thief(world)

    @property
    def talkers(self) -> list[Talker]:
        """Those who bargain."""
        return [*self.committees, self.envoy, self.general, self.counterpart]

    @property
    def everybody(self) -> list[Speaker]:
        """All who speak, the council first."""
        return [self.council, *self.talkers, self.thief]

    def begin(self) -> None:
        """Found both parties and give everybody his mandate."""
        self.ours = self.council.found()
        self.theirs = self.counterpart.found()
        self.general.mandate = self.council.mandates["general"]
        self.envoy.mandate = self.council.mandates["envoy"]
        for committee in self.committees:
            self.council.certify(committee.place, committee.key)
            committee.mandate = self.council.mandates[committee.place]

    def party_of(self, mandate: bytes) -> bytes:
        """Return whose a mandate is: theirs, or ours."""
        return self.theirs if mandate == self.counterpart.mandate else self.ours if mandate else b""
