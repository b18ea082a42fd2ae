"""Properties of whole negotiations, tried by Hypothesis on the real intake: two parties, a traitor among the holders.

The machine acts as everybody at once: councils that decide and contradict themselves, holders who sign, withdraw, go
on after their dismissal and delegate, a relay that repeats old acts. Beside it stands a *ghost*, which knows what was
meant and nothing of the rules. Each property counts how often its premise was met: one never exercised is a failure.
"""

import random
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pourparler.core.act import Act, parse_act
from pourparler.core.authority import Moment
from pourparler.core.council import organ_id
from pourparler.core.dossier import BINDING, ConsentState, EffectState
from pourparler.core.encoding import Value, encode
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Claim, Trust, Verdict, verify
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key

DAY = 86_400
key = Key.from_name
LEDGER = key("stateful ledger")
ORIGIN = "ledger.example/stateful"
HOME = {"origin": ORIGIN, "key": LEDGER.public_key}
COUNCIL = tuple(key(f"member {number}") for number in range(3))
OTHER = key("other member")
HOLDERS = {name: key(name) for name in ("envoy", "deputy", "closer", "counterpart")}
ASKED = ("open", "propose", "adopt", "initial", "sign-ad-referendum")
CLAUSES = {
    "term": {"until": 400 * DAY, "tacit": True, "notice_days": 7},
    "remedies": [{"article": "1", "does": "end", "cure_days": 0}],
}
PREMISES: Counter[str] = Counter()
ALL_PREMISES = frozenset(
    {
        "bound by ratification", "bound by a definitive signature", "an insufficient decision",
        "a void act of a dismissed holder",
        "a ratified text", "a refused text", "in force", "a lapsed signature", "a denunciation", "a private breach",
        "a repeated act", "a withdrawn signature", "a confirmed signature", "a red line refused", "evidence VALID",
        "evidence INVALID", "evidence with a gap", "a second delivery", "a suspension", "a sibling decision",
    }
)  # fmt: skip


class Clock:
    time = 0

    def now(self) -> int:
        return self.time


def make_text(number: int) -> bytes:
    """Return the text of a number; the last one crosses the envoy's red line."""
    terms: dict[str, Value] = {"price": ["EUR", f"{90 + number}.00"], "number": number}
    parts = {"articles": {"en": [f"Text {number}."]}, "terms": terms, "clauses": CLAUSES}
    return encode({**parts, "random": number.to_bytes(16)})


TEXTS = [make_text(number) for number in range(4)]
DIGESTS = [text_digest(text) for text in TEXTS]
text_numbers = st.integers(0, len(TEXTS) - 1)
holders = st.sampled_from(sorted(HOLDERS))


class Negotiation(RuleBasedStateMachine):
    """One dossier between two parties in one ledger, and everything that may be said in it."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.intake = Intake(MemoryStore(), LEDGER, self.clock, ORIGIN)
        self.sent: list[tuple[bytes, tuple[bytes, ...]]] = []
        self.mandates: dict[str, Act] = {}
        self.dismissed: dict[str, int] = {}
        self.ratified: set[bytes] = set()
        self.refused: set[bytes] = set()
        self.heads: dict[str, bytes] = {}

    # How things are said.

    def say(self, kind: str, fields: dict[str, Value], *signers: Key, texts: tuple[bytes, ...] = ()) -> Act | None:
        """Submit an act; return it where it was accepted, None where it was refused or is void."""
        act = draft(kind, fields).signed_by(*signers)
        data = act.envelope.encoded()
        self.sent.append((data, texts))
        try:
            receipt = self.intake.submit(data, texts)
        except PourparlerError as error:
            PREMISES["a red line refused"] += error.reason == "line.crossed"
            PREMISES["an insufficient decision"] += error.reason == "decision.insufficient"
            PREMISES["a sibling decision"] += error.reason == "decision.overtaken"
            return None
        by = next((name for name, mandate in self.mandates.items() if fields.get("by") == mandate.id), None)
        if by in self.dismissed and receipt.index > self.dismissed[by]:
            assert receipt.void is not None, f"{kind} of the dismissed {by} counted"
            PREMISES["a void act of a dismissed holder"] += 1
        return act if receipt.void is None else None

    def decide(self, kind: str, fields: dict[str, Value], *signers: Key, prior: bytes | None = None) -> Act | None:
        council = {"organ": self.council, "prior": prior or self.heads["ours"]}
        act = self.say(kind, {**council, **fields}, *signers)
        if act is not None:
            self.heads["ours"] = act.id
        elif len(signers) >= 2 and prior is None:
            self.heads["ours"] = self.intake.registry.registers[self.ours].spines.heads[self.council]
        return act

    def position(self, stream: bytes) -> list[Value]:
        found = self.intake.registry.streams[stream]
        return [found.count, found.head]

    @property
    def dossier(self) -> Any:
        return self.intake.registry.dossiers[self.dossier_id]

    @property
    def now(self) -> Moment:
        return Moment(self.intake.size, self.clock.time)

    # The world.

    def found(self, name: str, members: tuple[Key, ...], needs: int) -> bytes:
        seats = sorted([[member.public_key, 1] for member in members])
        organ = {"name": "council", "seats": seats, "needs": needs, "powers": 2047}
        fields = {"name": name, "nonce": bytes(16), "home": HOME, "organs": [organ], "suspension": 5 * DAY}
        act = self.say("found", fields, *members)
        assert act is not None
        return act.id

    @initialize()
    def begin(self) -> None:
        self.ours, self.theirs = self.found("ours", COUNCIL, 2), self.found("theirs", (OTHER,), 1)
        self.council, their_council = organ_id(self.ours, "council"), organ_id(self.theirs, "council")
        self.heads = {"ours": self.council, "theirs": their_council}
        line = {"lines": [["at-most", "price", ["EUR", "92.00"]]]}
        self.grant("envoy", {"powers": powers(*ASKED, "delegate"), "depth": 1, **line})
        self.grant("closer", {"powers": powers(*ASKED, "conclude"), **line})
        given = {"to": HOLDERS["counterpart"].public_key, "powers": powers(*ASKED, "conclude")}
        grant = self.say("grant", {"organ": their_council, "prior": their_council, **given}, OTHER)
        assert grant is not None
        self.mandates["counterpart"], self.heads["theirs"] = grant, grant.id
        parties = sorted([self.ours, self.theirs])
        opening = {"parties": parties, "ledger": HOME, "rules": {"adopt": "all"}, "nonce": bytes(16)}
        opened = self.say("open", {"by": self.mandates["envoy"].id, **opening}, HOLDERS["envoy"])
        assert opened is not None
        self.dossier_id = opened.id
        self.say("join", {"by": grant.id, "dossier": opened.id}, HOLDERS["counterpart"])

    def grant(self, name: str, fields: dict[str, Value]) -> None:
        act = self.decide("grant", {"to": HOLDERS[name].public_key, **fields}, *COUNCIL[:2])
        assert act is not None
        self.mandates[name] = act

    # What holders do.

    def holder_says(self, name: str, kind: str, fields: dict[str, Value], texts: tuple[bytes, ...] = ()) -> Act | None:
        if name not in self.mandates:
            return None
        fields = {"by": self.mandates[name].id, **fields}
        return self.say(kind, fields, HOLDERS[name], texts=texts)

    @rule(name=holders, number=text_numbers, answered=st.none() | text_numbers)
    def propose(self, name: str, number: int, answered: int | None) -> None:
        answers = {} if answered is None else {"answers": DIGESTS[answered]}
        fields = {"dossier": self.dossier_id, "text": DIGESTS[number], **answers}
        self.holder_says(name, "propose", fields, (TEXTS[number],))

    @rule(
        name=holders,
        number=text_numbers,
        kind=st.sampled_from(("adopt", "adopt", "adopt", "initial", "reject", "withdraw")),
    )
    def on_text(self, name: str, number: int, kind: str) -> None:
        self.holder_says(name, kind, {"dossier": self.dossier_id, "text": DIGESTS[number]})

    @rule(number=text_numbers)
    def agree(self, number: int) -> None:
        """The short way to an adopted text: random acts alone seldom get there."""
        self.propose("envoy", number, None)
        self.on_text("envoy", number, "adopt")
        self.on_text("counterpart", number, "adopt")

    @rule(number=text_numbers, definitive=st.booleans())
    def settle(self, number: int, definitive: bool) -> None:
        """The short way to a text that binds."""
        self.agree(number)
        if definitive:
            self.conclude("closer", number)
        else:
            self.sign("envoy", number, 20)
            self.ratify(number, 2, False, False)
        self.conclude("counterpart", number)

    @rule(number=text_numbers, member=st.integers(0, 2))
    def sign_while_suspended(self, number: int, member: int) -> None:
        """A signature that is void as logged, and a council that confirms it."""
        self.agree(number)
        self.suspend("envoy", member, 0)
        self.sign("envoy", number, 20)
        self.ratify(number, 2, True, False)

    @rule(number=text_numbers)
    def sign_and_think_again(self, number: int) -> None:
        self.agree(number)
        self.sign("envoy", number, 20)
        self.withdraw_signature("envoy")
        self.ratify(number, 2, False, False)

    @rule(number=text_numbers)
    def sign_and_be_forgotten(self, number: int) -> None:
        self.agree(number)
        self.sign("envoy", number, 0)
        self.wait(30)

    @rule(name=holders, number=text_numbers, days=st.integers(0, 20))
    def sign(self, name: str, number: int, days: int) -> None:
        fields = {"organ": self.council, "deadline": self.clock.time + days * DAY + 1}
        self.holder_says(name, "sign-ad-referendum", {"dossier": self.dossier_id, "text": DIGESTS[number], **fields})

    @rule(name=holders, number=text_numbers)
    def conclude(self, name: str, number: int) -> None:
        self.holder_says(name, "conclude", {"dossier": self.dossier_id, "text": DIGESTS[number]})

    @rule(name=holders)
    def withdraw_signature(self, name: str) -> None:
        for act_id in [signature.act.id for signature in self.signatures(name)][-1:]:
            done = self.holder_says(name, "withdraw-signature", {"dossier": self.dossier_id, "signature": act_id})
            PREMISES["a withdrawn signature"] += done is not None

    def signatures(self, name: str) -> list[Any]:
        if name not in self.mandates:
            return []
        mandate = self.mandates[name].id
        papers = self.dossier.papers.values()
        return [s for p in papers for c in p.consents.values() for s in c.signatures if s.mandate.id == mandate]

    @rule()
    def delegate(self) -> None:
        fields = {"to": HOLDERS["deputy"].public_key, "powers": powers(*ASKED)}
        act = self.holder_says("envoy", "delegate", fields)
        if act is not None:
            self.mandates["deputy"] = act
            self.dismissed.pop("deputy", None)

    # What councils do.

    @rule(number=text_numbers, signing=st.sampled_from((1, 2, 2, 2, 3)), confirm=st.booleans(), stale=st.booleans())
    def ratify(self, number: int, signing: int, confirm: bool, stale: bool) -> None:
        paper = self.dossier.papers.get(DIGESTS[number])
        consent = paper.consents.get(self.ours) if paper else None
        named = sorted(signature.act.id for signature in consent.signatures[-1:]) if consent else []
        if not named:
            return
        seen = {"dossier": self.position(self.dossier_id), "party": self.position(self.ours)}
        if stale:
            stream = self.intake.registry.streams[self.ours]
            seen["party"] = [stream.count - 1, stream.heads[-2]]
        void = any(signature.void for signature in consent.signatures[-1:])
        fields = {"dossier": self.dossier_id, "text": DIGESTS[number], "signs": named, "seen": seen}
        act = self.decide("ratify", {**fields, **({"confirms": named} if confirm else {})}, *COUNCIL[:signing])
        if act is not None:
            assert signing >= 2
            self.ratified.add(DIGESTS[number])
            PREMISES["a ratified text"] += 1
            PREMISES["a confirmed signature"] += confirm and void

    @rule(number=text_numbers)
    def refuse(self, number: int) -> None:
        act = self.decide("refuse", {"dossier": self.dossier_id, "text": DIGESTS[number]}, *COUNCIL[1:])
        if act is not None:
            self.refused.add(DIGESTS[number])
            PREMISES["a refused text"] += 1

    @rule(name=st.sampled_from(("envoy", "closer")), prior=st.booleans(), chance=st.integers(0, 4))
    def dismiss(self, name: str, prior: bool, chance: int) -> None:
        if chance:  # too many dismissals, and nothing else is ever tried
            return
        old = self.intake.registry.registers[self.ours].spines.organ(self.council).id if prior else None
        act = self.decide("dismiss", {"mandate": self.mandates[name].id}, *COUNCIL[:2], prior=old)
        if act is not None:
            for stopped in (name, "deputy") if name == "envoy" else (name,):
                self.dismissed.setdefault(stopped, self.intake.size - 1)

    @rule(name=st.sampled_from(("envoy", "closer")), member=st.integers(0, 2), chance=st.integers(0, 4))
    def suspend(self, name: str, member: int, chance: int) -> None:
        if chance:
            return
        fields = {"organ": self.council, "target": self.mandates[name].id}
        PREMISES["a suspension"] += self.say("suspend", fields, COUNCIL[member]) is not None

    @rule(number=text_numbers, private=st.booleans(), remedy=st.booleans())
    def breach(self, number: int, private: bool, remedy: bool) -> None:
        on = {"dossier": self.dossier_id, "text": DIGESTS[number]}
        before = self.effect(number)
        attributed = None if private else self.theirs
        alleged = self.decide("breach", {**on, "attributed": attributed, "article": "1"}, *COUNCIL[:2])
        if alleged is None:
            return
        PREMISES["a private breach"] += private
        done = self.decide("remedy", {**on, "breach": alleged.id, "remedy": 0}, *COUNCIL[:2]) if remedy else None
        if private:
            assert done is None, "a private person's breach had a remedy that ends the text"
            assert self.effect(number).state == before.state

    def effect(self, number: int) -> Any:
        return self.dossier.effect(DIGESTS[number], self.ours, self.theirs, self.now)

    @rule(number=text_numbers)
    def denounce(self, number: int) -> None:
        in_force = number < len(TEXTS) and self.effect(number).state is EffectState.IN_FORCE
        act = self.decide("denounce", {"dossier": self.dossier_id, "text": DIGESTS[number]}, *COUNCIL[:2])
        if act is None:
            return
        PREMISES["a denunciation"] += 1
        end = self.clock.time + 7 * DAY
        if in_force:
            before, after = Moment(self.intake.size, end - 1), Moment(self.intake.size, end)
            states = [self.dossier.effect(DIGESTS[number], self.ours, self.theirs, at).state for at in (before, after)]
            assert states == [EffectState.NOTICE_RUNNING, EffectState.ENDED]

    # Time, and the relay.

    @rule(hours=st.integers(1, 100))
    def wait(self, hours: int) -> None:
        self.clock.time += hours * 3_600

    @rule(which=st.integers(0, 10**6))
    def repeat(self, which: int) -> None:
        """An old act comes again: if it has an entry, nothing changes; if it was refused, it may now fit."""
        data, texts = self.sent[which % len(self.sent)]
        entered = self.intake.receipt(parse_act(data).id)
        if entered is None:
            return
        before = self.snapshot(self.intake)
        again = self.intake.submit(data, texts)
        assert again.index == entered.index
        assert self.snapshot(self.intake) == before
        PREMISES["a repeated act"] += 1

    # Properties, after every step.

    @invariant()
    def nothing_binds_without_the_council(self) -> None:
        if not hasattr(self, "dossier_id"):
            return
        for digest, paper in self.dossier.papers.items():
            consent = paper.consents.get(self.ours)
            if consent is None or consent.state not in BINDING:
                continue
            assert consent.act is not None
            if consent.state is ConsentState.RATIFIED:
                PREMISES["bound by ratification"] += 1
                kids = {signature.kid for signature in consent.act.envelope.signatures}
                assert len(kids) >= 2
                assert digest in self.ratified
            else:
                PREMISES["bound by a definitive signature"] += 1
                assert consent.act["by"] == self.mandates["closer"].id
                assert consent.moment.index <= self.dismissed.get("closer", consent.moment.index)

    @invariant()
    def nobody_ratifies_and_refuses(self) -> None:
        assert not self.ratified & self.refused

    @invariant()
    def lapse_comes_from_log_time(self) -> None:
        if not hasattr(self, "dossier_id"):
            return
        for paper in self.dossier.papers.values():
            consent = paper.consents.get(self.ours)
            if consent is None or consent.state is not ConsentState.SIGNED_AD_REFERENDUM:
                continue
            deadlines = [s.deadline for s in consent.signatures if s.void is None and not s.withdrawn]
            if deadlines:
                last = max(deadlines)
                states = [self.dossier.consent_state(paper, self.ours, Moment(0, at)) for at in (last - 1, last)]
                assert states == [ConsentState.SIGNED_AD_REFERENDUM, ConsentState.LAPSED]
                PREMISES["a lapsed signature"] += self.clock.time >= last

    @invariant()
    def entry_into_force_is_recomputed_by_anyone(self) -> None:
        if not hasattr(self, "dossier_id"):
            return
        for digest, paper in self.dossier.papers.items():
            times = [
                consent.moment.time
                for party in (self.ours, self.theirs)
                if (consent := paper.consents.get(party)) and consent.state in BINDING
            ]
            effect = self.dossier.effect(digest, self.ours, self.theirs, self.now)
            if len(times) == 2:
                left_before = any(self.dossier.effective(paper, n) <= max(times) for n in paper.denunciations)
                assert effect.since == (None if left_before else max(times))
                PREMISES["in force"] += effect.state is EffectState.IN_FORCE
            else:
                assert effect.state is EffectState.NONE

    # At the end: a second delivery, and evidence.

    def teardown(self) -> None:
        if hasattr(self, "dossier_id"):
            self.deliver_again()
            self.show_evidence()

    def snapshot(self, intake: Intake) -> dict[str, object]:
        """Return everything that the acts add up to, apart from indexes."""
        registry = intake.registry
        dossier = registry.dossiers[self.dossier_id]
        now = Moment(10**9, self.clock.time)
        return {
            "streams": {stream: (found.count, found.head) for stream, found in registry.streams.items()},
            "texts": {digest: dossier.text_state(paper, now) for digest, paper in dossier.papers.items()},
            "consents": {
                (digest, party): dossier.consent_state(paper, party, now)
                for digest, paper in dossier.papers.items()
                for party in (self.ours, self.theirs)
            },
            "void": {act_id: str(outcome.void) for act_id, outcome in registry.outcomes.items()},
        }

    def deliver_again(self) -> None:
        """The same log, written in other groups with old acts and noise in between, adds up to the same."""
        chance = random.Random(len(self.sent))
        clock = Clock()
        second = Intake(MemoryStore(), LEDGER, clock, ORIGIN)
        registry = self.intake.registry
        logged = sorted(registry.outcomes.values(), key=lambda outcome: outcome.moment.index)
        for outcome in logged:
            clock.time = outcome.moment.time
            data = outcome.act.envelope.with_signatures(outcome.envelope.signatures).encoded()
            other = chance.choice([one for one in logged if len(one.envelope.signatures) == 1]).act.envelope.encoded()
            noise = other[:-1] + bytes([other[-1] ^ 1])
            for extra in (noise, chance.choice(self.sent)[0] if chance.random() < 0.2 else noise):
                entered = second.receipt(parse_act(extra).id) if extra is not noise else None
                if extra is noise or entered:
                    second.submit_many([extra], TEXTS)
            second.submit(data, TEXTS)
        clock.time = self.clock.time
        for part, found in self.snapshot(second).items():
            assert found == self.snapshot(self.intake)[part], part
        PREMISES["a second delivery"] += 1

    def show_evidence(self) -> None:
        """No two bundles about one claim give VALID and INVALID: whatever is left out, the answer stays, or is open."""
        chance = random.Random(len(self.sent))
        trust = Trust({self.ours: "known"})
        for digest in list(self.dossier.papers)[:2]:
            claim = Claim("bound", self.intake.depositary, 0, (self.ours,), self.dossier_id, digest)
            whole = assemble(claim, [self.intake])
            verdict = verify(whole.encoded(), trust).verdict
            expected = Verdict.VALID if self.dossier.bound(digest, self.ours, self.now) else Verdict.INVALID
            assert verdict is expected, (verdict, expected, verify(whole.encoded(), trust).steps)
            PREMISES[f"evidence {verdict.value}"] += 1
            indexes = [index for index, _ in whole.ledgers[0].entries if index not in (0, whole.claim.as_of)]
            for _ in range(3):
                left_out = frozenset(chance.sample(indexes, k=chance.randint(1, 3)))
                part = verify(assemble(claim, [self.intake], exclude=left_out).encoded(), trust)
                assert part.verdict in (Verdict.CANNOT_TELL, verdict)
                PREMISES["evidence with a gap"] += part.verdict is Verdict.CANNOT_TELL


def run_machine(examples: int, steps: int, seed: int | None = None) -> None:
    from hypothesis import seed as seeded

    machine = Negotiation
    if seed is not None:
        machine = type("Seeded", (Negotiation,), {})
        machine = seeded(seed)(machine)  # type: ignore[assignment]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=seed is None,
            database=None,
            phases=(Phase.generate,),  # a failure prints the whole history; shrinking one takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


def unexercised() -> list[str]:
    return sorted(premise for premise in ALL_PREMISES if PREMISES[premise] == 0)


def run_campaign(seed: str, seconds: float) -> str:
    """Run machines until the time is up; return a summary. Raises where a property fails or was never exercised."""
    import time

    until = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < until:
        run_machine(20, 60, seed=int.from_bytes(seed.encode()[:7]) + runs)
        runs += 1
    missing = unexercised()
    assert not missing, f"never exercised: {', '.join(missing)}"
    return f"{runs * 20} negotiations of up to 60 steps; premises: " + ", ".join(
        f"{k} {v:,}" for k, v in sorted(PREMISES.items())
    )
