"""Fuzzing of everything by which something comes into a node: mutants of valid bytes, and acts that an insider with
every key signs anew after they were changed. What comes out is an answer or our own error, and nothing else."""

import contextlib
import random
from functools import cache
from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pourparler.core import limits
from pourparler.core.act import Power, parse_act
from pourparler.core.encoding import decode, kid_of
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Claim
from pourparler.dispatch import courier, sheets
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.frame import parse_frame, parts_of, telegram
from pourparler.dispatch.messages import batch, read_batch
from pourparler.dispatch.pipe import Unframer
from pourparler.dispatch.receiver import Receiver
from pourparler.service import couriering
from pourparler.service.drafting import draft
from pourparler.service.export import assemble
from pourparler.service.node.nouns import State
from pourparler.service.wire import Desk
from pourparler.testing.keys import Key
from tests import exchanging, fuzz, radio
from tests.nodes import CONCLUDE, DAY, HOUR, TALKS, HomeLedger, Party, SetClock, came, data, memory_node

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SEEDS = st.integers(0, 2**64).map(str)
EACH = 25  # mutants of one example


class Desks:
    """A party with acts of every issuer, its home, and what travels of it in each form."""

    def __init__(self) -> None:
        self.party = party = Party()
        self.home = HomeLedger()
        self.grant = party.grant(given=int(TALKS | CONCLUDE | Power.DELEGATE), fresh=DAY, depth=2, until=2**33)
        self.appointment = party.decide("appoint", dispatch=[party.dispatch_key.public_key])
        self.other = party.grant("other")
        deputy = Key.from_name("deputy").public_key
        self.acts = [
            party.found,
            self.grant,
            self.appointment,
            self.other,
            party.beacon(1_800_000_000, count=1),
            party.say(self.grant, "delegate", to=deputy, powers=int(TALKS), until=2**33),
            party.say(self.grant, "reply", about=self.other.id, at=1_800_000_000),
            party.suspend(self.other.id),
            party.dismiss(self.other),
        ]
        self.home.log(*self.acts[:4])
        claim = Claim("recorded", self.home.intake.depositary, 0, act=self.other.id)
        self.copy = self.home.copy(party)
        self.bundle = assemble(claim, [self.home.intake])
        sealer = [(party.id, party.dispatch_key)]
        self.parts = [(one.payload, sig.kid, sig.value) for one in [self.acts[8].envelope] for sig in one.signatures]
        self.file = couriering.file(map(data, self.acts), parts=self.parts, bundles=[self.bundle], sealers=sealer)
        letters = radio.thing(6)
        key = party.dispatch_key
        self.frames = [
            *(telegram(data(act), act.id) for act in self.acts),
            *parts_of(self.acts[8].envelope, self.acts[8].id),
            *radio.frames_of(letters, range(12), key, party=party.id),
            *radio.frames_of(letters, range(4), key, party=party.id, false=range(4)),
        ]

    def node(self):
        node = memory_node(SetClock())
        node.take_many([data(act) for act in self.acts[:4]], came())
        return node


@cache
def desks() -> Desks:
    return Desks()


def mutants(corpus: list[bytes], seed: str) -> list[bytes]:
    return list(islice(fuzz.mutants(corpus, seed), EACH))


def signers() -> list[Key]:
    party = desks().party
    names = ("general", "other", "deputy", "nobody")
    return [*party.members, party.beacon_key, party.dispatch_key, *map(Key.from_name, names)]


def signed_anew(seed: str) -> list[bytes]:
    """Return acts whose fields were changed, and which whoever speaks has signed as they stand."""
    chance, found = random.Random(seed), []
    while len(found) < EACH:
        act = chance.choice(desks().acts)
        fields = decode(act.envelope.payload)
        fields = fuzz.changed(fields, chance) if chance.random() < 0.8 else fields
        kind = fields.pop("kind", act.kind) if isinstance(fields, dict) else None
        with contextlib.suppress(PourparlerError):
            made = draft(kind if isinstance(kind, str) else act.kind, fields if isinstance(fields, dict) else {})
            of = chance.sample(signers(), chance.choice((1, 1, 2, 3)))
            mine = {one.kid for one in act.envelope.signatures}
            by = [key for key in signers() if kid_of(key.public_key) in mine] if chance.random() < 0.8 else of
            envelope = made.envelope([made.signature(key) for key in sorted(by, key=lambda key: key.public_key)])
            found.append(envelope.encoded())
    return found


def asked(node) -> None:
    """Ask a node everything that it answers."""
    node.status()
    for act in list(node.registry.outcomes):
        node.fate(act)
        node.reached(act)
        for power in (Power.PROPOSE, Power.CONCLUDE):
            node.standing(act, power)
    for party in node.registry.registers:
        node.freshness(party)
    node.acts(node.wanted())
    node.lacking(node.heads())
    node.loose()
    node.dispatch_keys()


@EXAMPLES
@given(SEEDS)
def test_a_node_answers_whatever_it_is_given(seed):
    node = desks().node()
    for one in mutants([data(act) for act in desks().acts], seed):
        taken = node.take(one, came())
        assert taken.state is not State.REFUSED or taken.reason
    asked(node)


@EXAMPLES
@given(SEEDS)
def test_a_node_answers_whatever_insiders_sign(seed):
    node = desks().node()
    node.take_many(signed_anew(seed), came())
    node.holdings.wall.time += HOUR
    node.take_many(signed_anew(f"{seed} again"), came())
    asked(node)


@EXAMPLES
@given(SEEDS)
def test_a_node_answers_whatever_parts_it_is_given(seed):
    node, chance = desks().node(), random.Random(seed)
    payloads = [act.envelope.payload for act in desks().acts]
    kids = [sig.kid for act in desks().acts for sig in act.envelope.signatures]
    for payload in mutants(payloads, seed):
        chosen = chance.choice((payload, *payloads))
        kid, signature = chance.choice((b"", *kids)), chance.choice((b"", bytes(64), chance.randbytes(64)))
        node.take_part(chosen, kid, signature, came())
    for part in desks().parts:
        node.take_part(*part, came())
    asked(node)


@pytest.mark.parametrize("what", ["copy", "bundle"])
@settings(EXAMPLES, max_examples=15)
@given(seed=SEEDS)
def test_a_node_answers_whatever_home_it_is_shown(what, seed):
    node = desks().node()
    valid = desks().copy if what == "copy" else desks().bundle.encoded()
    before = set(node.registry.outcomes)
    for one in mutants([valid], seed)[:8]:
        shown = node.take_bundle(one, came())
        assert shown.reason or shown.parties or shown.acts is not None
    assert before <= set(node.registry.outcomes)
    assert node.take_bundle(valid, came()).reason == ""
    asked(node)


@EXAMPLES
@given(SEEDS)
def test_a_receiver_raises_nothing_and_keeps_its_bounds(seed):
    party = desks().party
    keys = {party.dispatch_key.public_key: party.id}
    listener = Receiver(lambda: keys, InProcess())
    for number, frame in enumerate([*mutants(desks().frames, seed), *desks().frames]):
        listener.hear(frame, float(number % 7), f"{number % 3}")
    assert listener.kept_bytes <= limits.RECEIVER_SYMBOLS_MAX_BYTES
    assert listener.waiting_bytes >= 0


@EXAMPLES
@given(SEEDS)
def test_a_code_on_paper_is_good_or_has_a_reason(seed):
    keys = {desks().party.dispatch_key.public_key: desks().party.id}
    for frame in mutants(desks().frames, seed):
        reason, _ = sheets.judge(frame, keys)
        sheets.label(frame)
        if not reason:
            parse_frame(frame)
    found = sheets.read([("it", one) for one in mutants([b"\x89PNG\r\n\x1a\n" + bytes(60)], seed)[:4]], keys)
    assert all(one.reason for one in found)


@EXAMPLES
@given(SEEDS)
def test_a_stream_of_a_pipe_gives_frames_of_its_size(seed):
    stream = b"".join(b"\xc0\x00" + frame + b"\xc0" for frame in desks().frames[:8])
    unframer = Unframer(233)
    for one in mutants([stream], seed):
        assert all(1 <= len(frame) <= 233 for frame in unframer.feed(one))


@settings(EXAMPLES, max_examples=12)
@given(SEEDS)
def test_a_couriers_file_is_read_or_refused(seed):
    for one in mutants([desks().file], seed)[:6]:
        node = memory_node(SetClock())
        with contextlib.suppress(PourparlerError):
            found = couriering.deliver(node, one, InProcess(), came("courier"), {desks().party.id: "told"})
            assert all(taken.state is not State.REFUSED or taken.reason for taken in found.taken)
            asked(node)
        with contextlib.suppress(PourparlerError):
            courier.read(one)


@cache
def transcript() -> list[bytes]:
    """Return all messages of an exchange between two nodes that differ, from both sides."""
    ours, theirs = memory_node(name="ours"), memory_node(name="theirs")
    talks = exchanging.Talks(words=12)
    exchanging.give(ours, talks.all[:9])
    exchanging.give(theirs, [*talks.all[:4], *talks.all[9:]])
    first, second = exchanging.exchange_of(ours, "a"), exchanging.exchange_of(theirs, "b")
    found, said = exchanging.talk(first, second)
    assert found.whole
    return [*said, first.offer("b", [talks.all[0].id]), first.heads()]


@EXAMPLES
@given(SEEDS)
def test_an_exchange_answers_or_says_why_not_whoever_begins(seed):
    node = desks().node()
    exchange = exchanging.exchange_of(node, seed)
    begun = exchange.begin("peer")
    name = decode(begun)["session"]
    for number, one in enumerate([*transcript(), *mutants(transcript(), seed)]):
        if number % 2:  # in the session that this node has begun: there all messages have a say
            with contextlib.suppress(PourparlerError):
                value = decode(one, most_items=limits.EXCHANGE_ITEMS_MAX)
                one = fuzz.encode({**value, "session": name}) if isinstance(value, dict) else one
        with contextlib.suppress(PourparlerError):
            for answer in exchange.answer(one, "peer"):
                assert len(answer) <= limits.EXCHANGE_MESSAGE_MAX_BYTES
    assert len(exchange.sessions) <= limits.EXCHANGE_SESSIONS_OF_PEER_MAX
    exchange.end("peer", begun)
    asked(node)


@EXAMPLES
@given(SEEDS)
def test_a_desk_answers_a_body_with_a_body_or_refuses_it(seed):
    desk = Desk(desks().node(), exchanging.Seeded(seed))
    bodies = [batch(transcript()[:5]), batch(transcript()[5:12]), batch([])]
    for one in [*bodies, *mutants(bodies, seed)]:
        with contextlib.suppress(PourparlerError):
            read_batch(desk.answer(one, "peer"))


def test_the_acts_of_the_corpus_are_good():
    """Else the mutants would be refused for what nobody changed."""
    node = desks().node()
    states = {parse_act(data(act)).kind: node.take(data(act), came()).state.value for act in desks().acts}
    assert set(states.values()) <= {"known", "new"}
