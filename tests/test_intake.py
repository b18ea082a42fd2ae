"""The intake: one stamp and one commit for those who wait, one entry for an act, and nothing answered before."""

import threading
from contextlib import contextmanager
from time import sleep

import pytest

from pourparler.core.act import parse_act
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import encode
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.evidence import Claim, Trust, Verdict, verify
from pourparler.core.ledger import frontier_of, open_checkpoint
from pourparler.core.redline import text_digest
from pourparler.ports import StoreError
from pourparler.service import intake as intake_module
from pourparler.service import turns
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake, LedgerDamaged, ledger_key
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

START = 1_000_000
LEDGER = Key.from_name("the ledger")
DESK = Depositary("ledger.example/talks", LEDGER.public_key)
HOLDER_POWERS = powers("open", "propose", "adopt", "initial", "sign-ad-referendum")


class SetClock:
    def __init__(self, time=START):
        self.time = time

    def now(self):
        return self.time


class Side:
    """A small party: a council of three of which two decide, and one negotiator."""

    def __init__(self, name, home=DESK):
        self.members = sorted((Key.from_name(f"{name} member {n}") for n in range(3)), key=lambda key: key.public_key)
        self.holder = Key.from_name(f"{name} negotiator")
        seats = [[member.public_key, 1] for member in self.members]
        council = {"name": "council", "seats": seats, "powers": 2047, "needs": 2}
        fields = {"name": name, "nonce": bytes(16), "organs": [council], "suspension": 86_400}
        home_fields = {"origin": home.origin, "key": home.key}
        self.found = draft("found", {**fields, "home": home_fields}).signed_by(*self.members)
        self.party = self.found.id
        self.organ = self.head = organ_id(self.party, "council")
        self.grant = self.decide("grant", {"to": self.holder.public_key, "powers": HOLDER_POWERS})

    def decision(self, kind, fields):
        return draft(kind, {"organ": self.organ, "prior": self.head, **fields})

    def decide(self, kind, fields):
        act = self.decision(kind, fields).signed_by(*self.members[:2])
        self.head = act.id
        return act

    def say(self, kind, fields):
        return draft(kind, {"by": self.grant.id, **fields}).signed_by(self.holder)


def open_talks(first, second, *, ledger=DESK, nonce=1, **fields):
    where = {"origin": ledger.origin, "key": ledger.key}
    terms = {"parties": sorted([first.party, second.party]), "ledger": where, "rules": {"adopt": "all"}}
    return first.say("open", {**terms, "nonce": bytes([nonce]) * 16, **fields})


def make_text(word="peace", **parts):
    return encode({"articles": {"en": [word]}, "terms": {"word": word}, "random": bytes(16), **parts})


def data(act):
    return act.envelope.encoded()


def begin(store=None, clock=None, origin=DESK.origin):
    return Intake(store or MemoryStore(), LEDGER, clock or SetClock(), origin)


def settle(intake, *sides):
    for side in sides:
        intake.submit(data(side.found))
        intake.submit(data(side.grant))


def heads_of(intake):
    return {id_: (tuple(stream.heads), tuple(stream.indexes)) for id_, stream in intake.registry.streams.items()}


def fates_of(intake):
    return {id_: (o.moment, o.void and o.void.reason) for id_, o in intake.registry.outcomes.items()}


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request, tmp_path):
    """A function that opens the same ledger again, as after a crash: what was not stored is gone."""
    kept = MemoryStore()
    opened = []

    def again(clock=None):
        while opened:
            opened.pop().close()
        store = kept if request.param == "memory" else SqliteStore(tmp_path / "ledger")
        opened.append(begin(store, clock))
        return opened[-1]

    yield again
    while opened:
        opened.pop().close()


# --- a whole path -----------------------------------------------------------------------------------------------------


def negotiate(intake, *, sealed=False):
    """Take two parties through talks to a ratified text; return them, the dossier and the text."""
    red, blue = Side("red"), Side("blue")
    settle(intake, red, blue)
    opening = open_talks(red, blue, **({"sealed": True} if sealed else {}))
    text = make_text()
    on = {"dossier": opening.id, "text": text_digest(text)}
    intake.submit(data(opening))
    intake.submit(data(blue.say("join", {"dossier": opening.id})))
    intake.submit(data(red.say("propose", on)), [text])
    intake.submit(data(red.say("adopt", on)))
    intake.submit(data(blue.say("adopt", on)))
    for side in (red, blue):
        until = {"organ": side.organ, "deadline": START + 1_000_000}
        sign = side.say("sign-ad-referendum", {**on, **until})
        intake.submit(data(sign))
        dossier, party = intake.registry.streams[opening.id], intake.registry.streams[side.party]
        seen = {"dossier": [dossier.count, dossier.head], "party": [party.count, party.head]}
        receipt = intake.submit(data(side.decide("ratify", {**on, "seen": seen, "signs": [sign.id]})))
        assert receipt.void is None
    return red, blue, opening, text


def test_from_founding_to_evidence_and_back(reopen):
    intake = reopen()
    red, blue, opening, text = negotiate(intake)
    claim = Claim("in-force", DESK, 0, (red.party, blue.party), opening.id, text_digest(text))
    bundle = assemble(claim, [intake])
    report = verify(bundle.encoded(), Trust({red.party: "handed over"}))
    assert report.verdict is Verdict.VALID, report.steps[-1]
    before = heads_of(intake), fates_of(intake), intake.checkpoint()
    intake = reopen()
    assert (heads_of(intake), fates_of(intake), intake.checkpoint()) == before


def test_a_bundle_without_one_entry_cannot_tell_and_is_no_less_genuine(reopen):
    intake = reopen()
    _, blue, opening, text = negotiate(intake)
    claim = Claim("bound", DESK, 0, (blue.party,), opening.id, text_digest(text))
    trust = Trust({blue.party: "handed over"})
    whole = assemble(claim, [intake])
    assert verify(whole.encoded(), trust).verdict is Verdict.VALID
    for index, _ in whole.ledgers[0].entries[1:-1]:  # the last is the stamp that this bundle is as of
        report = verify(assemble(claim, [intake], exclude=frozenset({index})).encoded(), trust)
        assert report.verdict is Verdict.CANNOT_TELL, (index, report.steps[-1])
        assert report.steps[2].verdict is Verdict.VALID  # the proof of what is shown stays good


def test_a_bundle_shows_nothing_of_other_talks(reopen):
    intake = reopen()
    red, _, opening, text = negotiate(intake)
    green = Side("green")
    settle(intake, green)
    claim = Claim("bound", DESK, 0, (red.party,), opening.id, text_digest(text))
    shown = {parse_act(entry).id for _, entry in assemble(claim, [intake]).ledgers[0].entries}
    assert opening.id in shown
    assert not shown & {green.found.id, green.grant.id}


def test_evidence_from_a_dossier_away_from_home():
    key = Key.from_name("another ledger")
    elsewhere = Intake(MemoryStore(), key, SetClock(), "ledger.example/home")
    home, away = begin(), elsewhere
    red, blue = Side("red"), Side("blue")
    settle(home, red, blue)
    settle(away, red, blue)
    text = make_text()
    opening = open_talks(red, blue, ledger=away.depositary, sealed=True)
    on = {"dossier": opening.id, "text": text_digest(text)}
    for act in (
        opening,
        blue.say("join", {"dossier": opening.id}),
        red.say("propose", on),
        red.say("adopt", on),
        blue.say("adopt", on),
    ):
        assert away.submit(data(act), [text]).void is None
    sign = red.say("sign-ad-referendum", {**on, "organ": red.organ, "deadline": START + 1_000_000})
    away.submit(data(sign))
    dossier, party = away.registry.streams[opening.id], away.registry.streams[red.party]
    seen = {"dossier": [dossier.count, dossier.head], "party": [party.count, party.head]}
    ratify = red.decide("ratify", {**on, "seen": seen, "signs": [sign.id]})
    for desk in (home, away):
        desk.submit(data(ratify))
    assert away.store.text(text_digest(text)) is None  # a sealed dossier's text is not the ledger's to keep
    claim = Claim("bound", away.depositary, 0, (red.party,), opening.id, text_digest(text))
    trust = Trust({red.party: "handed over"})
    assert verify(assemble(claim, [away, home], texts=[text]).encoded(), trust).verdict is Verdict.VALID
    for lacking in (assemble(claim, [away, home]), assemble(claim, [away], texts=[text])):
        assert verify(lacking.encoded(), trust).verdict is Verdict.CANNOT_TELL
    with pytest.raises(Missing, match="ledger.not-shown"):
        assemble(claim, [home])


def test_claims_about_a_mandate_and_an_act(reopen):
    intake = reopen()
    red, _, opening, _ = negotiate(intake)
    trust = Trust({red.party: "handed over"})
    may = Claim("may", DESK, 0, (red.party,), mandate=red.grant.id, holder=red.holder.public_key, power=powers("open"))
    recorded = Claim("recorded", DESK, 0, act=opening.id)
    for claim in (may, recorded):
        report = verify(assemble(claim, [intake]).encoded(), trust)
        assert report.verdict is Verdict.VALID, report.steps[-1]
    with pytest.raises(Missing, match="claim.not-shown"):
        assemble(Claim("recorded", DESK, 0, act=bytes(32)), [intake])


# --- one act, one entry -----------------------------------------------------------------------------------------------


def other_envelopes(draft_, signers):
    """Return envelopes of one decision: reordered, doubled, padded, with everybody's signature."""
    stranger = draft_.signature(Key.from_name("a stranger"))
    first, second, third = (draft_.signature(signer) for signer in signers)
    return {
        "everybody's": [first, second, third],
        "others'": [second, third],
        "reordered": [third, second],
        "doubled": [first, first, third, third],
        "padded": [stranger, first, stranger, second],
        "stripped": [third],
        "a stranger's": [stranger],
    }


@pytest.mark.parametrize("first", ["everybody's", "others'", "reordered", "doubled", "padded"])
def test_the_first_sufficient_envelope_is_the_entry(reopen, first):
    intake = reopen()
    red = Side("red")
    settle(intake, red)
    decision = red.decision("grant", {"to": Key.from_name("another").public_key, "powers": 1})
    envelopes = {name: data(decision.joined(found)) for name, found in other_envelopes(decision, red.members).items()}
    receipt = intake.submit(envelopes[first])
    entry = intake.entry(receipt.index)
    kids = [signature.kid for signature in parse_act(entry).envelope.signatures]
    members = [decision.signature(member).kid for member in red.members]
    assert kids == [kid for kid in members if kid in kids]  # in the members' order, each once, no stranger
    size = intake.size
    for other in envelopes.values():
        assert intake.submit(other) == receipt
    intake = reopen()
    assert intake.submit(envelopes["a stranger's"]) == receipt
    assert (intake.size, intake.entry(receipt.index)) == (size, entry)


def test_an_insufficient_envelope_reserves_nothing_and_blocks_nothing(reopen):
    intake = reopen()
    red = Side("red")
    settle(intake, red)
    decision = red.decision("grant", {"to": Key.from_name("another").public_key, "powers": 1})
    before = intake.size, heads_of(intake)
    for name in ("stripped", "a stranger's"):
        envelope = data(decision.joined(other_envelopes(decision, red.members)[name]))
        with pytest.raises(Refused, match="decision.insufficient"):
            intake.submit(envelope)
        assert intake.receipt(parse_act(envelope).id) is None
    assert (intake.size, heads_of(intake)) == before
    assert intake.submit(data(decision.signed_by(*red.members))).index == intake.size - 1
    kept = list(intake.store.refusals())
    assert [(refusal.kind, refusal.step, refusal.reason) for refusal in kept] == [
        ("grant", 6, "decision.insufficient")
    ] * 2


def test_what_is_refused_by_its_bytes_alone(reopen):
    intake = reopen()
    stamp = intake.entry(0)
    for act, reason in (
        (b"", "envelope.layout"),
        (b"\xd2" * 40_000, "envelope.too-large"),
        (stamp, "stamp.submitted"),
    ):
        with pytest.raises((Malformed, Refused), match=reason):
            intake.submit(act)
    assert intake.size == 1
    assert max(len(refusal.data) for refusal in intake.store.refusals()) == 32_768


def test_an_act_that_comes_too_late_is_logged_and_void(reopen):
    intake = reopen()
    red, _, opening, text = negotiate(intake)
    late = red.say("propose", {"dossier": opening.id, "text": text_digest(text)})
    again = draft("propose", {**late.payload, "words": "once more"}).signed_by(red.holder)
    receipt = intake.submit(data(again))
    assert (receipt.void, receipt.step) == ("dossier.repeated", 12)
    assert receipt.index == receipt.size - 1
    assert reopen().submit(data(again)) == receipt


def test_many_acts_at_once_each_get_their_own_answer(reopen):
    intake = reopen()
    red = Side("red")
    replies = [red.say("reply", {"about": bytes([n]) * 32}) for n in range(3)]
    acts = [red.found, replies[0], red.grant, replies[1], red.found, replies[2]]
    answers = intake.submit_many([*map(data, acts), b"nothing"])
    assert [answer.index for answer in (answers[n] for n in (0, 2, 3, 4, 5))] == [2, 3, 4, 2, 5]
    assert (answers[1].reason, answers[6].reason) == ("unknown.mandate", "envelope.layout")
    assert intake.size == 6


# --- groups, threads, failures ----------------------------------------------------------------------------------------


class Gate:
    """A store whose commits wait for the test, or fail as it says."""

    def __init__(self, store):
        self.store = store
        self.free = threading.Event()
        self.free.set()
        self.fail = None
        self.commits = 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    @contextmanager
    def transaction(self):
        with self.store.transaction() as transaction:
            yield transaction
            assert self.free.wait(20)
            if self.fail:
                raise self.fail
        self.commits += 1


@pytest.fixture(params=["memory", "sqlite"])
def gate(request, tmp_path):
    store = Gate(MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "ledger"))
    yield store
    store.close()


def in_threads(functions):
    """Run the functions at once; return what each returned or raised."""
    answers = [None] * len(functions)

    def run(number, function):
        try:
            answers[number] = function()
        except Exception as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    return threads, answers


def joined(threads):
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_waiting_submitters_share_a_commit_and_nobody_is_answered_before(gate):
    intake = begin(gate)
    red = Side("red")
    settle(intake, red)
    commits, size = gate.commits, gate.size()
    acts = [data(red.say("reply", {"about": bytes([n // 2]) * 32})) for n in range(24)]  # each twice
    gate.free.clear()
    threads, answers = in_threads([lambda act=act: intake.submit(act) for act in acts])
    for thread in threads:
        thread.join(0.02)
    assert answers == [None] * 24
    assert gate.size() == size
    gate.free.set()
    joined(threads)
    assert answers[::2] == answers[1::2]
    assert len({receipt.index for receipt in answers}) == 12
    assert gate.commits - commits <= 3  # the first alone, the others together
    assert intake.size == size + 12 + gate.commits - commits


def until(happens):
    """Wait for what other threads do, for twenty seconds."""
    for _ in range(2_000):
        if happens():
            return
        sleep(0.01)
    raise AssertionError("it did not happen")


def test_who_is_alone_waits_for_nobody(gate, monkeypatch):
    monkeypatch.setattr(turns, "COMEBACK_SECONDS", 3_600)
    intake = begin(gate)
    red = Side("red")

    def submit_alone():
        settle(intake, red)
        intake.submit_many([data(red.say("reply", {"about": n.to_bytes(32)})) for n in range(300)])  # two groups
        for n in range(3):
            intake.submit(data(red.say("reply", {"about": bytes([n]) * 16 + bytes(16)})))

    threads, answers = in_threads([submit_alone])
    joined(threads)
    assert answers == [None]
    assert intake.size > 300


def test_a_leader_that_is_stopped_leaves_the_lead_to_those_who_wait(gate, monkeypatch):
    intake = begin(gate)
    red = Side("red")
    settle(intake, red)

    class Stopped(BaseException):
        pass

    def stopped():
        with pytest.raises(Stopped):
            intake.submit(data(red.say("reply", {"about": bytes(32)})))

    gate.free.clear()
    gate.fail = Stopped()
    threads, answers = in_threads([stopped])
    until(lambda: intake._turns._leader and not intake._waiting)
    others, receipts = in_threads(
        [lambda n=n: intake.submit(data(red.say("reply", {"about": bytes([n]) * 32}))) for n in (1, 2, 3)]
    )
    until(lambda: len(intake._turns._here) == 4)
    lead = intake._lead

    def lead_on_a_sound_disk():
        gate.fail = None
        lead()

    monkeypatch.setattr(intake, "_lead", lead_on_a_sound_disk)
    gate.free.set()
    joined([*threads, *others])
    assert answers == [None]
    assert len({receipt.index for receipt in receipts}) == 3
    assert intake.receipt(red.say("reply", {"about": bytes(32)}).id) is not None  # what it left is judged beside theirs


def test_a_race_for_one_place_has_one_winner(gate):
    intake = begin(gate)
    red = Side("red")
    intake.submit(data(red.found))
    rivals = [
        Side("red").decision("dismiss", {"mandate": red.grant.id, "words": str(n)}).signed_by(*red.members)
        for n in range(8)
    ]
    for rival in rivals:
        assert rival["prior"] == red.grant.id
    intake.submit(data(red.grant))
    threads, answers = in_threads([lambda act=rival: intake.submit(data(act)) for rival in rivals])
    joined(threads)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == 7
    assert {error.reason for error in refused} == {"decision.overtaken"}


def test_a_refusal_falls_with_the_commit_that_it_was_judged_beside(gate):
    intake = begin(gate)
    red = Side("red")
    settle(intake, red)
    rivals = [red.decision("decide", {"words": str(n)}).signed_by(*red.members) for n in range(3)]
    gate.free.clear()
    gate.fail = StoreError("the disk is full")
    first, failed = in_threads([lambda: intake.stamp([])])
    for thread in first:
        thread.join(0.05)
    others, answers = in_threads([lambda act=rival: intake.submit(data(act)) for rival in rivals])
    for thread in others:
        thread.join(0.05)
    assert answers == [None] * 3
    gate.free.set()
    joined([*first, *others])
    assert {type(answer) for answer in [*failed, *answers]} == {StoreError}
    gate.fail = None
    assert intake.submit(data(rivals[2])).void is None
    with pytest.raises(Refused, match="decision.overtaken"):
        intake.submit(data(rivals[0]))


def test_a_commit_that_fails_leaves_nothing_behind(gate):
    intake = begin(gate)
    red = Side("red")
    intake.submit(data(red.found))
    before = heads_of(intake), fates_of(intake), gate.size(), gate.checkpoint()
    for failure in (StoreError("the disk is full"), OSError("the key is locked"), RuntimeError("a fault")):
        gate.fail = failure
        threads, answers = in_threads(
            [
                lambda: intake.submit(data(red.grant)),
                lambda: intake.submit(data(red.say("reply", {"about": bytes(32)}))),
                lambda: intake.stamp([red.party]),
            ]
        )
        joined(threads)
        assert [type(answer) for answer in answers] in (
            [type(failure)] * 3,
            [type(failure), Missing, type(failure)],  # the reply was judged alone, before the grant that it names
        )
        gate.fail = None
        assert (heads_of(intake), fates_of(intake), gate.size(), gate.checkpoint()) == before
    assert intake.submit(data(red.grant)).index == 4
    assert intake.submit(data(red.say("reply", {"about": bytes(32)}))).index == 6


def test_a_store_that_cannot_be_read_again_is_tried_again(gate, monkeypatch):
    intake = begin(gate)
    red = Side("red")
    gate.fail = StoreError("the disk is full")
    with pytest.raises(StoreError, match="full"):
        intake.submit(data(red.found))
    gate.fail = None
    monkeypatch.setattr(gate, "entries", broken, raising=False)
    for _ in range(2):
        with pytest.raises(StoreError, match="unreadable"):
            intake.submit(data(red.found))
    monkeypatch.undo()
    assert intake.submit(data(red.found)).index == 2


def broken(start=0):
    raise StoreError("the file is unreadable")


def test_an_act_that_brings_out_a_fault_of_ours_does_not_take_others_with_it(gate, monkeypatch):
    intake = begin(gate)
    red = Side("red")
    settle(intake, red)
    acts = [red.say("reply", {"about": bytes([n]) * 32}) for n in range(5)]
    admit = intake_module.Registry.admit

    def faulty(self, act, moment, *, intake=False):
        if act.id == acts[2].id:
            raise KeyError("a fault")
        return admit(self, act, moment, intake=intake)

    monkeypatch.setattr(intake_module.Registry, "admit", faulty)
    answers = intake.submit_many([data(act) for act in acts])
    assert isinstance(answers.pop(2), KeyError)
    assert [answer.index for answer in answers] == [6, 7, 8, 9]
    gate.free.clear()
    first, _ = in_threads([lambda: intake.stamp([])])
    until(lambda: intake._turns._leader and not intake._waiting)
    asked = [*(red.say("reply", {"about": bytes([n]) * 32}) for n in range(5, 9)), acts[2]]
    others, answers = in_threads([lambda act=act: intake.submit(data(act)) for act in asked])
    until(lambda: len(intake._waiting) == 5)
    gate.free.set()
    joined([*first, *others])
    assert isinstance(answers.pop(), KeyError)
    assert sorted(answer.index for answer in answers) == [12, 13, 14, 15]
    monkeypatch.undo()
    assert intake.submit(data(acts[2])).index == 17


def test_a_decision_that_is_refused_leaves_no_place_on_its_spine(reopen, monkeypatch):
    intake = reopen()
    red, _, opening, text = negotiate(intake)
    head, refusal = red.head, red.decide("refuse", {"dossier": opening.id, "text": text_digest(text)})

    def faulty(self, act, party, moment, outcome):
        raise Missing("text.missing", "noticed only after the spine has moved")

    monkeypatch.setattr(intake_module.Registry, "decide_in_dossier", faulty)
    with pytest.raises(Missing, match="text.missing"):
        intake.submit(data(refusal))
    monkeypatch.undo()
    with pytest.raises(Missing, match="unknown.prior"):
        intake.submit(data(red.decide("decide", {})))
    red.head = head
    receipt = intake.submit(data(red.decide("decide", {})))
    assert reopen().receipt(receipt.act_id) == receipt


def test_a_signer_with_another_key_writes_nothing():
    class Swapped:
        public_key = LEDGER.public_key
        sign = Key.from_name("another").sign

    with pytest.raises(Refused, match="signature.invalid"):
        Intake(MemoryStore(), Swapped(), SetClock(), DESK.origin)


# --- time and stamps --------------------------------------------------------------------------------------------------


def stamps_of(intake):
    acts = [parse_act(entry.data) for entry in intake.store.entries()]
    return [act for act in acts if act.kind in ("ledger", "stamp")]


def test_stamps_never_go_back(reopen):
    clock = SetClock()
    intake = reopen(clock)
    red = Side("red")
    times = [intake.submit(data(red.found)).time]
    for time in (START - 500, START + 10, 0, START + 20):
        clock.time = time
        intake.stamp([red.party])
        times.append(intake.registry.stamp.time)
    assert times == [START, START, START + 10, START + 10, START + 20]
    intake = reopen(SetClock(START - 10_000))
    intake.stamp([])
    found = [act["at"] for act in stamps_of(intake)]
    assert found == sorted(found)
    assert found[-1] == START + 20


def test_a_stamp_on_request_is_an_empty_transaction(reopen):
    intake = reopen()
    red = Side("red")
    settle(intake, red)
    index = intake.stamp([red.party, red.organ, bytes(32)])
    stamp = parse_act(intake.entry(index))
    assert (stamp["index"], stamp["follows"], intake.size) == (index, 0, index + 1)
    stated = {stream: (count, head) for stream, count, head in stamp["streams"]}
    streams = intake.registry.streams
    assert stated == {id_: (streams[id_].count, streams[id_].head) for id_ in (red.party, red.organ)} | {
        bytes(32): (0, bytes(32))
    }
    assert [intake.stamp_of(n) for n in range(6)] == [0, 1, 1, 3, 3, 5]
    with pytest.raises(ValueError, match="400"):
        intake.stamp([n.to_bytes(32) for n in range(401)])
    full = intake.stamp([n.to_bytes(32) for n in range(400)])
    assert len(parse_act(intake.entry(full))["streams"]) == 400


def test_more_acts_than_a_group_holds(reopen):
    intake = reopen()
    red = Side("red")
    settle(intake, red)
    before = intake.size
    answers = intake.submit_many([data(red.say("reply", {"about": n.to_bytes(32)})) for n in range(300)])
    assert [answer.index for answer in answers[:256]] == list(range(before + 1, before + 257))
    assert [answer.index for answer in answers[256:]] == list(range(before + 258, before + 302))
    assert {answer.size for answer in answers} == {before + 257, before + 302}
    opened = open_checkpoint(intake.checkpoint(), DESK.origin, ledger_key(DESK)).checkpoint
    assert (opened.size, opened.root) == (intake.size, frontier_of(intake.size, intake.node).root())
    assert reopen().size == opened.size


# --- texts ------------------------------------------------------------------------------------------------------------


def begin_talks(intake, **fields):
    red, blue = Side("red"), Side("blue")
    settle(intake, red, blue)
    opening = open_talks(red, blue, **fields)
    intake.submit(data(opening))
    intake.submit(data(blue.say("join", {"dossier": opening.id})))
    return red, blue, opening


def test_a_public_proposal_comes_with_its_text(reopen):
    intake = reopen()
    red, _, opening = begin_talks(intake)
    text, stranger = make_text(), make_text("war")
    propose = red.say("propose", {"dossier": opening.id, "text": text_digest(text)})
    for brought in ([], [stranger]):
        with pytest.raises(Missing, match="text.missing"):
            intake.submit(data(propose), brought)
    assert intake.store.text(text_digest(stranger)) is None
    intake.submit(data(propose), [stranger, text])
    assert intake.text(text_digest(text)) == text
    assert intake.text(text_digest(stranger)) is None
    intake = reopen()
    assert intake.submit(data(red.say("adopt", {"dossier": opening.id, "text": text_digest(text)}))).void is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\xa0", "text.malformed"),
        (make_text(clauses={"force": {"when": "never"}}), "text.clause"),
        (make_text("x" * 1_100_000), "text.missing"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_proposal(reopen, text, reason):
    intake = reopen()
    red, _, opening = begin_talks(intake)
    before = intake.size
    with pytest.raises((Malformed, Missing), match=reason):
        intake.submit(data(red.say("propose", {"dossier": opening.id, "text": text_digest(text)})), [text])
    assert (intake.size, intake.store.text(text_digest(text))) == (before, None)


def test_a_text_counts_from_its_publication_on_and_not_before(reopen):
    """A text whose line is crossed in a sealed dossier becomes known later, in a public one: what was logged stands."""
    intake = reopen()
    red, blue, sealed = begin_talks(intake, sealed=True)
    lined = red.decide(
        "grant",
        {"to": red.holder.public_key, "powers": HOLDER_POWERS, "lines": [["equal", "word", "peace"]]},
    )
    intake.submit(data(lined))
    text = make_text("war")
    fields = {"by": lined.id, "dossier": sealed.id, "text": text_digest(text)}
    assert intake.submit(data(draft("propose", fields).signed_by(red.holder)), [text]).void is None
    assert intake.store.text(text_digest(text)) is None
    public = open_talks(red, blue, nonce=2)
    intake.submit(data(public))
    intake.submit(data(blue.say("join", {"dossier": public.id})))
    intake.submit(data(blue.say("propose", {"dossier": public.id, "text": text_digest(text)})), [text])
    before = heads_of(intake), fates_of(intake)
    intake = reopen()
    assert (heads_of(intake), fates_of(intake)) == before


# --- what is found damaged is not served ------------------------------------------------------------------------------


def test_another_ledgers_store_is_refused():
    store = MemoryStore()
    begin(store)
    with pytest.raises(LedgerDamaged, match=r"entry 0 .*signature.invalid"):
        Intake(store, Key.from_name("another"), SetClock(), DESK.origin)
    with pytest.raises(LedgerDamaged, match=r"entry 0 .*stamp.index"):
        begin(store, origin="ledger.example/other")


@pytest.mark.parametrize("damage", ["order", "cut", "added", "row", "signature", "node", "checkpoint", "no checkpoint"])
def test_a_store_that_contradicts_itself_is_refused(damage):
    store = MemoryStore()
    intake = begin(store)
    red = Side("red")
    settle(intake, red)
    whole = store._checkpoint
    intake.stamp([red.party])
    entries = store._entries

    def put(index, entry, **changes):
        values = {"index": index, "act_id": entry.act_id, "data": entry.data, **changes}
        entries[index] = type(entry)(**values)

    match damage:
        case "order":
            first, second = entries[1:3], entries[3:5]
            for index, entry in enumerate([*second, *first], start=1):
                put(index, entry)
        case "cut":
            entries.pop()
        case "added":
            entries.append(type(entries[0])(len(entries), bytes(32), entries[2].data))
        case "row":
            put(2, entries[2], act_id=bytes(32))
        case "signature":
            act = parse_act(entries[4].data)
            more = (*act.envelope.signatures, act.envelope.signatures[0])
            put(4, entries[4], data=act.envelope.with_signatures(more).encoded())
        case "node":
            store._nodes[2, 0] = bytes(32)
        case "checkpoint":
            store._checkpoint = whole
        case "no checkpoint":
            store._checkpoint = None
    with pytest.raises(LedgerDamaged):
        begin(store)
