"""Random ledgers, and what can be left out of bundles about them: no two bundles give VALID and INVALID.

A *story* is a ledger of two or three parties in two dossiers, made by chance from a seed: duties, limits, red lines
that some texts cross, counter-offers, refusals, wider texts, confirmations, a home elsewhere, sibling decisions. The
depositary logs what an honest one would refuse, too: void acts are where bundles differ most. About each story a few
claims are asked with everything and with texts, dossiers, entries and the later part of a home left out. ``seed`` and
``number`` reproduce a story. Each way to leave something out must have decided something: else the run fails.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from unittest import mock

from pourparler.core import council, evidence
from pourparler.core.act import Act, Power
from pourparler.core.council import Depositary
from pourparler.core.encoding import Value
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Bundle, Claim, Shown, Trust, Verdict, verify
from pourparler.core.registry import Registry
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from tests.builder import TALKS, Party, World, key, opening, organ, seats, speak

DUE, LATE, DEAR = 50, 100_000, 10
WAYS = ("texts", "a dossier", "entries", "the home")
PREMISES = frozenset(
    {f"{verdict} and CANNOT TELL without {way}" for verdict in ("VALID", "INVALID") for way in WAYS}
    | {
        f"{verdict} {way}"
        for verdict in ("VALID", "INVALID", "CANNOT TELL")
        for way in ("as exported", "without texts")
    }
    | {f"{verdict} {kind}" for verdict in ("VALID", "INVALID") for kind in ("bound", "in-force", "may")}
)


# --- a ledger to export from ------------------------------------------------------------------------------------------


@dataclass
class Depot:
    """A world as export reads it. It holds no texts: each bundle is given its own."""

    world: World

    @property
    def depositary(self) -> Depositary:
        return self.world.depositary

    @contextmanager
    def still(self) -> Iterator[Registry]:
        yield self.world.registry

    def stamp(self, streams: Iterable[bytes]) -> int:
        return self.world.stamp(0, streams)

    def stamp_of(self, index: int) -> int:
        return index - 1  # a world logs one act in a transaction

    def witnessed_after(self, index: int) -> Sequence[bytes]:
        return ()

    def checkpoint(self) -> bytes:
        return self.world.note()

    def entry(self, index: int) -> bytes:
        return self.world.entries[index]

    def node(self, level: int, index: int) -> bytes:
        return self.world.node(level, index)

    def text(self, digest: bytes) -> bytes | None:
        return None


@contextmanager
def remembering() -> Iterator[None]:
    """Parse each entry once, and verify each signature once: bundles about one story hold the same entries."""
    good: set[tuple[bytes, bytes, bytes]] = set()
    verify_once, parse_once = council.verify_ed25519, evidence.parse_act

    def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
        if (public_key, message, signature) not in good:
            verify_once(public_key, message, signature)
            good.add((public_key, message, signature))

    remembered = lru_cache(maxsize=None)(parse_once)
    with (
        mock.patch.object(council, "verify_ed25519", verify_ed25519),
        mock.patch.object(evidence, "parse_act", remembered),
    ):
        yield


# --- a story ----------------------------------------------------------------------------------------------------------


@dataclass
class Holder:
    """A negotiator: his mandate, and the party he speaks for."""

    who: str
    mandate: Act
    party: str
    spent: list[Act] = field(default_factory=list)
    total: int = 0


class Story:
    """A ledger made by chance. What is refused is not there; what is void stays."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.world = World()
        self.home = World("home") if chance.random() < 0.4 else None
        self.home_sizes: list[int] = []
        self.parties: dict[str, Party] = {}
        self.holders: dict[str, Holder] = {}
        self.dossiers: list[bytes] = []
        self.texts: list[bytes] = []
        self.dear: list[bytes] = []  # those that cross the agent's line
        self.signatures: list[tuple[Act, str]] = []
        self.decided: list[Act] = []
        self.found()
        self.make_text(1)
        for _ in range(chance.randint(8, 24)):
            chance.choice(self.moves())()

    # What the parties are.

    def found(self) -> None:
        chance = self.chance
        board = {"superior": "council", **({"subject": int(Power.RATIFY)} if chance.random() < 0.5 else {})}
        organs = [organ("council", "ann", "bob", "cay"), organ("board", "eve", **board)]
        kept = {"keys": [key("safe").public_key], "needs": 1, "wait": 1_000}
        buyer = Party.draft(
            self.world,
            "Buyer",
            organs=organs,
            signers=("ann", "bob", "cay", "eve"),
            recovery=kept,
            home=(self.home or self.world).wire,
        )
        self.parties = {"buyer": buyer}
        self.everywhere("buyer", buyer.founding)
        self.parties["seller"] = self.world.party("Seller", "dan")
        if chance.random() < 0.5:
            self.parties["third"] = self.world.party("Third", "tom")
        self.grant("buyer", "agent", "conclude", "delegate", depth=2, **self.bounds())
        by_board = (
            chance.random() < 0.5
        )  # whose own consent may be subject to the council's: its agent only refers to it
        self.grant("buyer", "second", *(() if by_board else ("conclude",)), organ="board" if by_board else "council")
        self.grant(
            "seller", "envoy", "conclude", **({"lines": [["at-most", "price", "90"]]} if self.maybe(0.2) else {})
        )
        if "third" in self.parties:
            self.grant("third", "third agent", "conclude")
        self.delegate()
        for _ in range(2):
            self.open()

    def maybe(self, part: float) -> bool:
        return self.chance.random() < part

    def bounds(self) -> dict[str, Value]:
        more: dict[str, Value] = {}
        if self.maybe(0.8):
            more["lines"] = [["at-most", "price", str(DEAR)]]
        if self.maybe(0.5):
            kind = self.chance.choice(("propose", "adopt", "say", "conclude", "close", "sign-ad-referendum"))
            more["duty"] = {"kind": kind, "by": DUE, "then": key("successor").public_key}
        if self.maybe(0.25):
            more["limit"] = {"path": "price", "most": "100", "ledger": self.world.wire}
        return more

    def grant(self, party: str, who: str, *more: str, organ: str = "council", **fields: Value) -> None:
        act = self.decide(party, "grant", organ, to=key(who).public_key, powers=powers(*TALKS, *more), **fields)
        assert act is not None
        self.holders[who] = Holder(who, act, party)

    def delegate(self) -> None:
        by = self.holders["agent"].mandate
        act = speak("agent", "delegate", by.id, to=key("sub").public_key, powers=powers(*TALKS, "conclude"))
        if self.put(act):
            self.holders["sub"] = Holder("sub", act, "buyer")

    def open(self) -> None:
        known = [*self.parties.values()]
        named = known if len(known) == 2 or self.maybe(0.25) else known[:2]
        rules: dict[str, Value] = {"adopt": "all" if self.maybe(0.7) else [2, 3], "begin": 2}
        if self.maybe(0.2):
            rules["counter"] = False
        more = {"parent": self.dossiers[0]} if self.dossiers and self.maybe(0.3) else {}
        by = self.holders["second"].mandate.id
        act = opening(self.world, by, *named, who="second", rules=rules, **more)
        if self.put(act):
            self.dossiers.append(act.id)
            for who in ("envoy", "third agent"):
                self.say(who, "join", act.id)

    def make_text(self, price: int) -> bytes:
        pair = sorted([self.parties["buyer"].id, self.parties["seller"].id])
        everybody = sorted(party.id for party in self.parties.values())
        clauses: dict[str, Value] = {"term": {"notice_days": 0}}
        if self.maybe(0.6):
            clauses["scopes"] = ["north"] if self.maybe(0.6) else ["north", "south"]
            clauses["parties"] = self.chance.choice((pair, everybody))
        if self.maybe(0.1):
            clauses["open_from"] = LATE
        if self.maybe(0.5):
            clauses["open_to"] = "any"
        text = self.world.text({"price": str(price)}, **clauses)
        (self.dear if price > DEAR else self.texts).append(text)
        return text

    # How things get logged.

    def put(self, act: Act) -> bool:
        """Log an act; return whether it is accepted."""
        try:
            return self.world.put(act).void is None
        except PourparlerError:
            return False

    def everywhere(self, party: str, act: Act) -> bool:
        """Log a party's act at its home and here; return whether its home took it."""
        if self.home is None or party != "buyer":
            with contextlib.suppress(PourparlerError):
                self.world.put(act)
                return True
            return False
        try:
            self.home.put(act)
        except PourparlerError:
            return False
        self.home_sizes.append(self.home.stamp() + 1)
        self.put(act)
        return True

    def decide(self, party: str, kind: str, organ: str = "council", **fields: Value) -> Act | None:
        """Log a decision at the organ's head; return it where the home took it."""
        by = self.parties[party]
        try:
            act = by.signed(kind, organ, **fields)
        except PourparlerError:
            return None
        if not self.everywhere(party, act):
            return None
        by.heads[organ] = act.id
        self.decided.append(act)
        return act

    def say(self, who: str, kind: str, dossier: bytes, **fields: Value) -> bool:
        if who not in self.holders:
            return False
        speaker = self.holders[who]
        signer = "successor" if who == "agent" and self.world.time >= DUE and self.maybe(0.3) else who
        try:
            act = speak(signer, kind, speaker.mandate.id, dossier=dossier, **fields)
        except PourparlerError:
            return False
        done = self.put(act)
        if kind in ("sign-ad-referendum", "conclude") and act.id in self.world.registry.outcomes:
            self.signatures.append((act, speaker.party))
        return done

    # Moves, each by chance.

    def moves(self) -> list[Callable[[], object]]:
        often = [self.counter, self.agree, self.sign, self.ratify]
        seldom = [self.confirm, self.refuse, self.close, self.wait, self.words, self.dismiss, self.accede]
        return [*often * 3, *seldom, self.offer, self.sibling, self.recover, self.elect, self.denounce, self.withdraw]

    def a_text(self) -> bytes:
        """Return a text: a new one, one that was talked about, or one that is too dear for some."""
        chance = self.chance.random()
        if chance < 0.35:
            return self.make_text(self.chance.choice((1, 5, 60)))
        return self.chance.choice(self.dear if self.dear and chance > 0.9 else self.texts)

    def on_the_table(self, dossier: bytes) -> bytes:
        """Return a text that was proposed in the dossier, or any."""
        papers = list(self.world.registry.dossiers[dossier].papers)
        return self.chance.choice(papers[-3:] or self.texts)

    def a_dossier(self) -> bytes:
        return self.chance.choices(self.dossiers, (2, 1)[: len(self.dossiers)])[0]

    def a_holder(self) -> str:
        return self.chance.choice(list(self.holders))

    def offer(self) -> None:
        self.say(self.a_holder(), "propose", self.a_dossier(), text=self.a_text())

    def counter(self) -> None:
        """An offer, another one that answers it, and one of both goes on as if the other had been none."""
        dossier, text = self.a_dossier(), self.make_text(self.chance.choice((1, 5)))
        other = self.make_text(99) if self.maybe(0.8) else self.make_text(5)
        if self.maybe(0.5):
            self.say("envoy", "propose", dossier, text=text)
            self.say(self.chance.choice(("agent", "sub")), "propose", dossier, text=other, answers=text)
        else:
            self.say(self.chance.choice(("agent", "sub")), "propose", dossier, text=other)
            self.say("envoy", "propose", dossier, text=text, answers=other)
        self.adopt(dossier, text)

    def agree(self) -> None:
        dossier, text = self.a_dossier(), self.a_text()
        self.say("envoy", "propose", dossier, text=text)
        self.adopt(dossier, text)

    def adopt(self, dossier: bytes, text: bytes) -> None:
        for who in (self.chance.choice(("agent", "agent", "second", "sub")), "envoy", "third agent"):
            self.say(who, "adopt", dossier, text=text)
        if self.maybe(0.6):
            self.sign(dossier, text)
        if self.maybe(0.6):
            self.say("envoy", "conclude", dossier, text=text)

    def sign(self, dossier: bytes | None = None, text: bytes | None = None) -> None:
        dossier = dossier or self.a_dossier()
        text = text or self.on_the_table(dossier)
        speaker = self.holders[self.chance.choice([who for who in self.holders if who not in ("envoy", "third agent")])]
        fields: dict[str, Value] = {"text": text}
        price = int(self.world.texts[text].terms["price"])
        limited = self.holders["agent"]
        if "limit" in limited.mandate.payload and speaker.who in ("agent", "sub"):
            fields["total"] = str(limited.total + price)
            fields |= {"previous": limited.spent[-1].id} if limited.spent else {}
        if self.maybe(0.5):
            organ = self.parties["buyer"].organ(self.chance.choice(("council", "board")))
            kind, fields = "sign-ad-referendum", {**fields, "organ": organ, "deadline": LATE}
        else:
            kind = "conclude"
        if self.say(speaker.who, kind, dossier, **fields) and "total" in fields:
            limited.spent.append(self.signatures[-1][0])
            limited.total += price

    def ratify(self) -> None:
        ours = [act for act, party in self.signatures if party == "buyer"]
        if not ours:
            return
        signed = self.chance.choice(ours)
        buyer, dossier = self.parties["buyer"], signed["dossier"]
        seen = {"dossier": self.world.position(dossier), "party": self.world.position(buyer.id)}
        fields = {"dossier": dossier, "text": signed["text"], "signs": [signed.id], "seen": seen}
        if self.maybe(0.3):
            fields["confirms"] = [signed.id]
        if self.maybe(0.4) and self.decided:
            fields["spines"] = [self.chance.choice(self.decided).id]
        act = self.decide("buyer", "ratify", self.chance.choice(("council", "council", "board")), **fields)
        if act and self.maybe(0.5):
            self.decide("buyer", "confirm", about=act.id, answer=self.maybe(0.8))

    def confirm(self) -> None:
        if self.decided:
            self.decide("buyer", "confirm", about=self.chance.choice(self.decided).id, answer=self.maybe(0.7))

    def refuse(self) -> None:
        if self.signatures:
            signed, party = self.chance.choice(self.signatures)
            dossier = signed["dossier"] if self.maybe(0.5) else self.chance.choice(self.dossiers)
            self.decide(party, "refuse", dossier=dossier, text=signed["text"])

    def accede(self) -> None:
        party = self.chance.choice(list(self.parties))
        dossier = self.a_dossier()
        text = self.on_the_table(dossier)
        seen = {"dossier": self.world.position(dossier), "party": self.world.position(self.parties[party].id)}
        self.decide(party, "accede", dossier=dossier, text=text, seen=seen)

    def denounce(self) -> None:
        if self.signatures and self.maybe(0.4):
            signed, party = self.chance.choice(self.signatures)
            self.decide(party, "denounce", dossier=signed["dossier"], text=signed["text"])

    def close(self) -> None:
        if self.maybe(0.3):
            closed = "agreed" if self.maybe(0.8) else "failed"
            self.say(self.a_holder(), "close", self.a_dossier(), **{"as": closed})

    def withdraw(self) -> None:
        if self.signatures and self.maybe(0.5):
            signed, _ = self.chance.choice(self.signatures)
            for who, holder in self.holders.items():
                if holder.mandate.id == signed["by"]:
                    self.say(who, "withdraw-signature", signed["dossier"], signature=signed.id)

    def words(self) -> None:
        self.say(self.a_holder(), "say", self.a_dossier(), words="Good morning.")

    def wait(self) -> None:
        self.world.time += self.chance.choice((10, 30, 60))
        if self.home:
            self.home.time = self.world.time

    def dismiss(self) -> None:
        if self.maybe(0.2):
            target = self.holders[self.chance.choice([w for w in self.holders if self.holders[w].party == "buyer"])]
            self.decide("buyer", "dismiss", self.chance.choice(("council", "board")), mandate=target.mandate.id)

    def sibling(self) -> None:
        """A decision that the home does not take, logged here before the one that it does."""
        if self.home and self.maybe(0.5):
            buyer = self.parties["buyer"]
            self.put(buyer.signed("dismiss", mandate=self.holders["agent"].mandate.id))

    def recover(self) -> None:
        if self.maybe(0.3):
            buyer = self.parties["buyer"]
            value = {"organ": buyer.organ("board"), "prior": buyer.heads["board"]}
            fresh = key(f"eve {len(self.decided)}")
            act = draft("recover", {**value, "seats": [[key("eve").public_key, fresh.public_key]]})
            signed = act.signed_by(key("safe"), fresh)
            if self.everywhere("buyer", signed):
                self.decided.append(signed)

    def elect(self) -> None:
        """The council seats the board anew, having seen of its spine what this ledger has."""
        if self.maybe(0.3):
            buyer = self.parties["buyer"]
            register = self.world.registry.registers[buyer.id]
            board = buyer.organ("board")
            theirs = register.spines.heads[board]
            act = self.decide("buyer", "elect", of=board, theirs=theirs, seats=seats("eve"))
            if act:
                buyer.heads["board"] = act.id


# --- asking -----------------------------------------------------------------------------------------------------------


class Question:
    """One claim about a story, and the bundles that it is asked with."""

    def __init__(self, story: Story, claim: Claim) -> None:
        self.story, self.claim, self.chance = story, claim, story.chance
        self.world = story.world
        self.trust = Trust({party.id: "known" for party in story.parties.values()})
        self.answers: list[tuple[str, Verdict, str]] = []

    def homes(self, size: int | None) -> list[Shown]:
        return [self.story.home.shown(size=size)] if self.story.home and size else []

    def ask(
        self, way: str, *, texts: Iterable[bytes] = (), without: Iterable[int] = (), home: int | None = None
    ) -> Verdict:
        withheld = set(texts)
        given = [data for digest, data in self.world.text_bytes.items() if digest not in withheld]
        shown = self.world.shown(without)
        return self.judge(way, Bundle(self.claim, (shown, *self.homes(home)), tuple(given)))

    def judge(self, way: str, bundle: Bundle) -> Verdict:
        report = verify(bundle.encoded(), self.trust)
        self.answers.append((way, report.verdict, report.reason))
        return report.verdict

    def everything(self) -> Verdict:
        return self.ask("with everything", home=self.whole_home())

    def whole_home(self) -> int | None:
        return self.story.home_sizes[-1] if self.story.home else None

    def without_texts(self) -> Iterator[Verdict]:
        """Ask without each of the texts that cross a line, as far as there are few, and without another."""
        outcomes = self.world.registry.outcomes.values()
        said = {outcome.act["text"] for outcome in outcomes if "text" in outcome.act.payload} - {self.claim.text}
        dear, others = sorted(said & set(self.story.dear)), sorted(said - set(self.story.dear))
        for text in [*self.chance.sample(dear, min(len(dear), 4)), *self.chance.sample(others, min(len(others), 1))]:
            yield self.ask("texts", texts=[text], home=self.whole_home())

    def without_a_dossier(self) -> Verdict | None:
        others = [dossier for dossier in self.story.dossiers if dossier != self.claim.dossier]
        if not others:
            return None
        return self.ask("a dossier", without=hidden(self.world, self.chance.choice(others)), home=self.whole_home())

    def without_entries(self) -> Verdict:
        left_out = self.chance.sample(range(1, self.claim.as_of), self.chance.randint(1, 2))
        return self.ask("entries", without=left_out, home=self.whole_home())

    def without_the_home(self) -> Verdict | None:
        if not self.story.home:
            return None
        return self.ask("the home", home=self.chance.choice(self.story.home_sizes))

    def as_exported(self) -> Verdict:
        """As export chooses streams and texts; its stamp is a new one, with nothing between and of the same time."""
        depots = [Depot(world) for world in (self.world, self.story.home) if world]
        withheld = set(self.chance.sample(self.story.texts + self.story.dear, self.chance.randint(0, 1)))
        texts = [data for digest, data in self.world.text_bytes.items() if digest not in withheld]
        left_out = frozenset(self.chance.sample(range(1, self.claim.as_of), self.chance.choice((0, 0, 1))))
        return self.judge("as exported", assemble(self.claim, depots, texts=texts, exclude=left_out))


def hidden(world: World, dossier: bytes) -> set[int]:
    """Return the entries that are of this dossier and of no other stream."""
    streams = world.registry.streams
    others = {index for stream in streams.values() if stream.id != dossier for index in stream.indexes}
    return set(streams[dossier].indexes) - others if dossier in streams else set()


def claims(story: Story, most: int) -> list[Claim]:
    """Return claims about texts that somebody has signed, and about who may speak, as of one new stamp."""
    world, chance = story.world, story.chance
    as_of = world.stamp()
    found: list[Claim] = []
    pair = (story.parties["buyer"].id, story.parties["seller"].id)
    for dossier in world.registry.dossiers.values():
        for text in dossier.papers:
            found.append(world.claim("bound", as_of, parties=pair[:1], dossier=dossier.id, text=text))
            found.append(world.claim("bound", as_of, parties=pair[1:], dossier=dossier.id, text=text))
            first = chance.choice(list(story.parties.values())).id
            second = chance.choice([party.id for party in story.parties.values() if party.id != first])
            found.append(world.claim("in-force", as_of, parties=(first, second), dossier=dossier.id, text=text))
            found.append(world.claim("in-force", as_of, parties=pair, dossier=dossier.id, text=text))
    signed = {(act["dossier"], act["text"]) for act, _ in story.signatures}
    found = [claim for claim in found if (claim.dossier, claim.text) in signed]
    chance.shuffle(found)
    now = world.now
    stands = [c for c in found if all(world.registry.dossiers[c.dossier].bound(c.text, p, now) for p in c.parties)]
    falls = [claim for claim in found if claim not in stands]
    found = [*stands[:2], *falls[: most - 1 - len(stands[:2])]]
    may: list[Claim] = []
    for who in ("agent", "successor"):
        named = {"mandate": story.holders["agent"].mandate.id, "holder": key(who).public_key, "power": Power.CONCLUDE}
        if "duty" in story.holders["agent"].mandate.payload:
            may.append(world.claim("may", as_of, parties=pair[:1], **named))
    return [*found, *chance.sample(may, min(len(may), 1))]


def check(seed: str, number: int, seen: Counter[str]) -> int:
    """Make one story and ask about it; return how many bundles were asked. Raises AssertionError on two answers."""
    with remembering():
        story = Story(random.Random(f"{seed} {number}"))
        questions = [Question(story, claim) for claim in claims(story, 4)]
        for question in questions:
            ask_all(question, seen)
    for question in questions:
        verdicts = {verdict for _, verdict, _ in question.answers}
        told = [f"{verdict.value} {reason} ({way})" for way, verdict, reason in question.answers]
        claim = question.claim
        assert not {Verdict.VALID, Verdict.INVALID} <= verdicts, f"seed {seed!r} number {number}: {claim}: {told}"
    return sum(len(question.answers) for question in questions)


def ask_all(question: Question, seen: Counter[str]) -> None:
    """Ask with everything and in each way with less, and count what was met."""
    whole = question.everything()
    seen[f"{whole.value} {question.claim.kind}"] += 1
    for verdict in question.without_texts():
        seen[f"{verdict.value} without texts"] += 1
        count_lost(seen, whole, verdict, "texts")
    count_lost(seen, whole, question.without_a_dossier(), "a dossier")
    count_lost(seen, whole, question.without_entries(), "entries")
    count_lost(seen, whole, question.without_the_home(), "the home")
    seen[f"{question.as_exported().value} as exported"] += 1


def count_lost(seen: Counter[str], whole: Verdict, verdict: Verdict | None, way: str) -> None:
    """Count where an answer is lost with what was left out."""
    if verdict is Verdict.CANNOT_TELL and whole is not verdict:
        seen[f"{whole.value} and CANNOT TELL without {way}"] += 1


def run(seed: str, seconds: float | None = None, *, stories: int | None = None) -> str:
    """Check stories until time or number is up; return a summary. Raises AssertionError with what reproduces it, or
    where a way to leave something out decided nothing."""
    until = time.monotonic() + seconds if seconds is not None else None
    seen: Counter[str] = Counter()
    asked = number = 0
    while (stories is None or number < stories) and (until is None or time.monotonic() < until):
        asked += check(seed, number, seen)
        number += 1
    missing = sorted(PREMISES - seen.keys())
    assert not missing, f"never exercised in {number} stories: {', '.join(missing)}"
    return f"{number} stories, {asked:,} bundles; " + ", ".join(f"{name} {seen[name]:,}" for name in sorted(PREMISES))
