"""An audit of the nodes and of what carries acts between them: the thief of one key, the stranger, the intermediary."""

import threading
import time
from functools import partial

import pytest

from pourparler.core import limits
from pourparler.core.act import Power
from pourparler.core.encoding import ALGORITHM_ED25519, Envelope, Form, Signature
from pourparler.core.errors import Refused
from pourparler.core.evidence import Claim
from pourparler.dispatch.allowance import Rate
from pourparler.dispatch.bus import Delivery
from pourparler.dispatch.carousel import Carousel, MemoryCounters
from pourparler.dispatch.exchange import QUEUE_MAX_BYTES, Exchange, Manners
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.heads import Heads
from pourparler.dispatch.messages import batch, message, read, read_batch
from pourparler.dispatch.receiver import Receiver
from pourparler.service.drafting import draft
from pourparler.service.export import assemble
from pourparler.service.heads import ReadOnly
from pourparler.service.lag import Lag
from pourparler.service.node.nouns import Answer, Came, Fresh, State
from pourparler.service.sources import Folder
from pourparler.service.station import Station
from pourparler.service.wire import Desk, pull_home
from pourparler.store.node import NodeStore, Proof
from pourparler.store.pools import Bounds
from pourparler.testing.keys import Key
from tests import radio
from tests.exchanging import Seeded, Talks, exchange_of, give, held
from tests.nodes import (
    CONCLUDE,
    DAY,
    ELSEWHERE,
    HOME,
    HOUR,
    PROPOSE,
    TALKS,
    HomeLedger,
    Party,
    SetClock,
    came,
    data,
    disk_node,
    hear,
    memory_node,
)
from tests.test_wire import Lying, home, mirror


def junk_decisions(party, count, *signers, kind="dismiss"):
    """Yield decisions that name priors nobody has."""
    for number in range(count):
        fields = {"organ": party.organ, "prior": number.to_bytes(32, "big"), "mandate": bytes(32)}
        yield draft(kind, fields).signed_by(*signers)


def waiting_dismissal(party, node):
    """Let a node hear a dismissal whose prior it lacks; return the mandate that it ends."""
    mandate = party.grant()
    hear(node, party.found, mandate)
    party.grant("somebody else")  # never heard here
    dismissal = party.dismiss(mandate)
    taken = node.take(data(dismissal), came())
    assert taken.works
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED
    return mandate


# --- a dismissal that works while it waits ----------------------------------------------------------------------------


def test_one_members_key_does_not_push_out_a_dismissal_that_works_while_it_waits(party):
    node = memory_node()
    mandate = waiting_dismissal(party, node)
    for act in junk_decisions(party, limits.NODE_OWNER_ROWS_MAX + 1, party.members[0]):
        node.take(data(act), came())
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED


def test_strangers_do_not_push_out_a_dismissal_that_works_while_it_waits(party, monkeypatch):
    node = memory_node(store=NodeStore(None, pool=Bounds(8, 65_536, 32, 1_000_000)))
    mandate = waiting_dismissal(party, node)
    stranger = Key.from_name("nobody")
    for number, act in enumerate(junk_decisions(party, 64, stranger)):
        node.take(data(act), came("wire", f"10.0.0.{number}"))
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED


def test_one_members_key_does_not_push_out_the_signatures_of_the_others():
    party = Party(needs=3)
    node = memory_node()
    mandate = party.grant(by=party.members)
    hear(node, party.found, mandate)
    dismissal = party.decide("dismiss", mandate=mandate.id, by=party.members)
    first, second, third = dismissal.envelope.signatures
    thief = party.members[2]
    payload = dismissal.envelope.payload
    for one in (first, second):
        node.take_part(payload, one.kid, one.value, came())
    for act in junk_decisions(party, limits.NODE_OWNER_ROWS_MAX + 1, thief):
        node.take_part(act.envelope.payload, act.envelope.signatures[0].kid, act.envelope.signatures[0].value, came())
    assert node.take_part(payload, third.kid, third.value, came()).state is State.NEW


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_thief_of_a_beacon_key_does_not_fill_the_place_for_proofs_of_a_forked_home(party, clock):
    node = memory_node(clock)
    hear(node, party.found)
    for number in range(limits.NODE_PROOFS_MAX + 2):
        head = number.to_bytes(32, "big")
        node.take(data(party.beacon(clock.time, count=1, head=head, serial=1)), came())
    before = len(node.store.proofs(party.id))
    node.store.add_proof(Proof("home", party.id, bytes(32), clock.time, b"first", b"second"))
    assert len(node.store.proofs(party.id)) == before + 1


# --- beacon keys ------------------------------------------------------------------------------------------------------


def test_beacons_of_a_stolen_key_that_was_replaced_do_not_condemn_the_key_that_replaced_it(party, clock):
    node = memory_node(clock)
    hear(node, party.found)
    for count in range(2, 6):
        assert hear(node, party.beacon(clock.time, count=count, head=bytes(32))) == ["new"]
    fresh = Key.from_name("a fresh beacon key")
    appointment = party.decide("appoint", beacons=[fresh.public_key])
    assert hear(node, appointment) == ["new"]
    clock.time += 120
    taken = node.take(data(party.beacon(clock.time, count=2, head=appointment.id, serial=9, key=fresh)), came())
    assert (taken.state, taken.reason) == (State.NEW, "")
    assert not node.freshness(party.id).doubted
    assert node.freshness(party.id).newest == clock.time


def test_of_two_beacon_keys_that_contradict_each_other_not_only_the_later_is_doubted(clock):
    party = Party()
    second = Key.from_name("a second beacon key")
    node = memory_node(clock)
    hear(node, party.found)
    keys = sorted((party.beacon_key.public_key, second.public_key))
    appointment = party.decide("appoint", beacons=keys)
    hear(node, appointment)
    lie = party.beacon(clock.time, count=2, head=bytes(32), serial=1, key=second)
    truth = party.beacon(clock.time, count=2, head=appointment.id, serial=2)
    hear(node, lie, truth)
    assert node.freshness(party.id).doubted
    assert node.freshness(party.id).newest is None  # nobody can tell which of the two keys was stolen


# --- freshness --------------------------------------------------------------------------------------------------------


def test_a_strangers_word_alone_does_not_call_a_node_starved_that_a_beacon_says_is_current(party, clock):
    home = HomeLedger(clock)
    home.log(party.found)
    node = memory_node(clock)
    node.take_bundle(home.copy(party), came())
    hear(node, party.beacon(clock.time, **home.position(party)))
    node.told_more([party.organ], Came("wire", "a stranger", clock.time))
    clock.time += 2 * HOUR
    hear(node, party.beacon(clock.time, **home.position(party)))
    assert node.freshness(party.id).state is not Fresh.STARVED


def test_a_holder_does_not_hide_that_he_is_starving_a_node_by_acts_of_his_own(party, clock):
    """The general and the intermediary: the dismissal is held back, and what he signs himself makes the number up."""
    node = memory_node(clock)
    mandate = party.grant(given=int(TALKS | CONCLUDE | Power.DELEGATE), fresh=DAY, depth=1)
    hear(node, party.found, mandate)
    party.dismiss(mandate)  # held back
    deputy = Key.from_name("deputy")
    link = draft("delegate", {"by": mandate.id, "to": deputy.public_key, "powers": int(TALKS)})
    hear(node, link.signed_by(Key.from_name("general")))
    hear(node, party.beacon(clock.time, count=3, head=party.head))
    assert node.standing(mandate.id, CONCLUDE).answer is not Answer.IN_FORCE


# --- the wire: what a stranger without a key costs --------------------------------------------------------------------


def node_with_loose_acts(party, count):
    node = memory_node()
    mandate = party.grant()
    hear(node, party.found, mandate)
    words = [data(party.say(mandate, "reply", about=number.to_bytes(32, "big"))) for number in range(count)]
    assert all(taken.kept for taken in node.take_many(words, came()))
    return node


def hello(name, **fields):
    said = {"organs": [], "beacons": [], "loose": 0, "symbols": 0, **fields}
    return message("hello", session=name, **said)


def said(desk, peer, *messages):
    """Return the kinds of what a desk answers."""
    return [read(one).kind for one in read_batch(desk.answer(batch(messages), peer))]


def test_a_hello_costs_who_says_it_what_it_costs_the_node(party):
    """A hello of 100 bytes makes a node hash every loose act: the allowance counts that, and not the bytes alone."""
    node = node_with_loose_acts(party, 300)
    desk = Desk(node, Seeded(), manners=Manners(strangers=Rate(20_000, 1)))
    kinds = [said(desk, "a stranger", hello(bytes([number]) * 16))[0] for number in range(40)]
    assert kinds[:3] == ["welcome"] * 3
    assert kinds[10:] == ["end"] * 30


def test_a_strangers_hellos_do_not_end_what_an_honest_peer_compares(party):
    node = node_with_loose_acts(party, 3)
    desk = Desk(node, Seeded())
    assert "welcome" in said(desk, "honest", hello(b"h" * 16))
    for number in range(12):
        said(desk, "a stranger", hello(bytes([number]) * 16))
    assert said(desk, "honest", message("request", session=b"h" * 16, symbols=[0, 8])) == ["symbols"]


def holding_of(*envelopes):
    """Return what an exchange needs of a node that holds these, and has no chains to tell of."""

    class Held:
        read = 0

        def heads(self):
            return Heads()

        def lacking(self, _theirs):
            for envelope in envelopes:
                self.read += 1
                yield envelope

        def loose(self):
            return iter(())

        def acts(self, _ids):
            return []

        def lacks(self, _act):
            return False

        def take(self, _envelopes, _peer):
            return []

        def told(self, _peer, _theirs):
            pass

    return Held()


def test_a_strangers_hello_does_not_bring_all_that_a_node_holds_into_its_memory():
    """64 sessions of a few bytes each, and for each of them 8,192 acts of 8 KB that wait to be sent: 4 GB."""
    held = holding_of(*(radio.data_of(radio.saying(number, words=8_000)) for number in range(2_400)))
    exchange = Exchange(held, Seeded(), SetClock())
    exchange.answer(hello(b"x" * 16), "a stranger")
    (session,) = exchange.sessions.values()
    waits = sum(len(one.envelope) for one in session.queue)
    assert waits == session.queue_bytes
    assert waits <= QUEUE_MAX_BYTES
    assert held.read < 1_200


def test_who_has_more_than_one_session_holds_says_so_and_the_next_sessions_bring_it(monkeypatch):
    """Else what was cut off looks held back, and an honest peer is blamed for it."""
    monkeypatch.setattr("pourparler.dispatch.exchange.QUEUE_MAX_BYTES", 4_000)
    talks = Talks(decisions=30, words=0)
    ours, theirs = memory_node(name="ours"), memory_node(name="theirs")
    give(theirs, talks.all)
    found = []
    for number in range(12):
        first, second = exchange_of(ours, f"a{number}"), exchange_of(theirs, f"b{number}")
        begun = first.begin("theirs")
        out = [begun]
        while out:
            answers = [one for said_ in out for one in second.answer(said_, "ours")]
            out = [one for answer in answers for one in first.answer(answer, "theirs")]
        found.append(first.end("theirs", begun))
        if found[-1].whole:
            break
    assert found[0].why == "exchange.parts"
    assert not any(one.withheld or one.unmet for one in found)
    assert found[-1].whole
    assert len(found) > 2
    assert ours.heads() == theirs.heads()


# --- what waits, and envelopes of one act -----------------------------------------------------------------------------


def with_junk(act, number):
    """Return the envelope of a decision with a signature more, which nobody made: anybody can do that."""
    junk = Signature(ALGORITHM_ED25519, number.to_bytes(8, "big"), bytes(64))
    rows = sorted((*act.envelope.signatures, junk), key=lambda one: (one.kid, one.value))
    return Envelope(Form.SIGN, act.envelope.payload, tuple(rows)).encoded()


def test_junk_signatures_on_one_dismissal_do_not_push_out_another_of_the_same_members(party):
    """A stranger without any key: of a dismissal that waits he makes as many envelopes as he likes."""
    node = memory_node()
    mandate = waiting_dismissal(party, node)
    other = party.dismiss(party.grant("another"))
    for number in range(limits.NODE_OWNER_ROWS_MAX + 1):
        assert node.take(with_junk(other, number), came()).works
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED
    assert len(node.store.pending_of(other.id)) < 10


def test_junk_parts_do_not_keep_out_the_members_signatures_of_a_dismissal_that_would_work(party):
    """A stranger hears the first part on the radio, and sends the same payload with signatures that nobody made."""
    node = memory_node()
    mandate = party.grant()
    hear(node, party.found, mandate)
    party.grant("somebody else")  # never heard here
    dismissal = party.dismiss(mandate)
    payload = dismissal.envelope.payload
    for number in range(limits.ENVELOPE_SIGNATURES_MAX + 1):
        node.take_part(payload, number.to_bytes(8, "big"), bytes(64), came("radio", ""))
    for one in dismissal.envelope.signatures:
        taken = node.take_part(payload, one.kid, one.value, came("radio", ""))
    assert taken.works
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED


def test_a_members_part_that_came_before_its_organ_counts_as_his_when_it_comes_again(party):
    node = memory_node()
    mandate = party.grant()
    party.grant("somebody else")  # never heard here
    dismissal = party.dismiss(mandate)
    payload = dismissal.envelope.payload
    for number in range(limits.ENVELOPE_SIGNATURES_MAX + 1):
        node.take_part(payload, number.to_bytes(8, "big"), bytes(64), came("radio", ""))
    for one in dismissal.envelope.signatures:
        node.take_part(payload, one.kid, one.value, came("radio", ""))
    hear(node, party.found, mandate)
    for one in dismissal.envelope.signatures:
        taken = node.take_part(payload, one.kid, one.value, came("radio", ""))
    assert taken.works


def test_strangers_from_many_addresses_do_not_push_out_a_members_signature():
    party = Party(needs=2)
    node = memory_node(store=NodeStore(None, pool=Bounds(8, 65_536, 32, 1_000_000)))
    mandate = party.grant()
    hear(node, party.found, mandate)
    dismissal = party.dismiss(mandate)
    first, second = dismissal.envelope.signatures
    node.take_part(dismissal.envelope.payload, first.kid, first.value, came())
    for number, act in enumerate(junk_decisions(party, 64, Key.from_name("nobody"))):
        one = act.envelope.signatures[0]
        node.take_part(act.envelope.payload, one.kid, one.value, came("wire", f"2001:db8::{number % 16}"))
    assert node.take_part(dismissal.envelope.payload, second.kid, second.value, came()).state is State.NEW


# --- who knows, and who says so ---------------------------------------------------------------------------------------


def test_a_word_that_is_void_acknowledges_nothing(party, clock):
    """A former holder, replaced by his successor, says "I know" under the mandate: the successor does not know."""
    node = memory_node(clock)
    duty = {"kind": "propose", "by": clock.time + HOUR, "then": Key.from_name("successor").public_key}
    mandate = party.grant(duty=duty)
    other = party.grant("other")
    order = party.dismiss(other)
    hear(node, party.found, mandate, other, order)
    clock.time += 2 * HOUR
    hear(node, party.beacon(clock.time))
    assert hear(node, party.say(mandate, "reply", about=order.id)) == ["void"]
    assert node.reached(order.id).of("acknowledged") == ()
    assert mandate.id in {one.mandate for one in node.reached(order.id).of("unreachable")}
    assert hear(node, party.say(mandate, "reply", "successor", about=order.id)) == ["new"]
    assert [one.mandate for one in node.reached(order.id).of("acknowledged")] == [mandate.id]


@pytest.mark.parametrize("signer", ["other", "Smolny member 0", "nobody"])
def test_nobody_acknowledges_for_another(party, signer):
    node = memory_node()
    mandate, other = party.grant(), party.grant("other")
    order = party.dismiss(other)
    hear(node, party.found, mandate, other, order)
    assert hear(node, party.say(mandate, "reply", signer, about=order.id)) == ["refused"]
    assert node.reached(order.id).of("acknowledged") == ()


# --- the air ----------------------------------------------------------------------------------------------------------


def carousel():
    return Carousel(radio.PARTY, radio.RELAY, radio.LORA, MemoryCounters(), bytes(16))


def test_a_thief_of_a_holders_key_does_not_fill_the_carousel_before_a_dismissal_comes(monkeypatch):
    """What one key says fills a relay's carousel: from then on it would send no order any more, and say nothing."""
    monkeypatch.setattr(limits, "CAROUSEL_ITEMS_MAX", 8)
    monkeypatch.setattr("pourparler.dispatch.carousel.GATHERED_ACTS", 1_000)
    monkeypatch.setattr("pourparler.dispatch.carousel.GATHERED_BYTES", 1_000_000)
    sender = carousel()
    for number in range(8):
        sender.put(radio.data_of(radio.saying(number)), 0.0)
    with pytest.raises(Refused, match="frame.carousel-full"):
        sender.put(radio.data_of(radio.saying(8)), 0.0)
    sender.put(radio.data_of(radio.dismissal()), 1.0)
    assert radio.dismissal().id in sender.carried
    assert len(sender.items) == 8
    assert radio.saying(0).id not in sender.carried  # it gave way, and may come again


def test_a_thief_of_a_members_key_does_not_fill_the_carousel_by_urgent_acts(monkeypatch):
    monkeypatch.setattr(limits, "CAROUSEL_ITEMS_MAX", 8)
    sender = carousel()
    for number in range(8):
        sender.put(radio.data_of(radio.suspension(number)), 0.0)
    sender.put(radio.data_of(radio.dismissal()), 1.0)
    with pytest.raises(Refused, match="frame.carousel-full"):
        sender.put(radio.data_of(radio.suspension(99)), 2.0)
    assert radio.dismissal().id in sender.carried


def test_what_has_gone_out_often_enough_gives_way_to_its_like_and_a_dismissal_to_nothing_less(monkeypatch):
    """A relay is not mute after 4,096 acts, and no flood afterwards takes the dismissal off the air."""
    monkeypatch.setattr(limits, "CAROUSEL_ITEMS_MAX", 4)
    sender = carousel()
    sender.put(radio.data_of(radio.dismissal()), 0.0)
    for number in range(2):
        sender.put(radio.data_of(radio.suspension(number)), 0.0)
    while not all(item.done for item in sender.items.values()):
        sender.next_frame(1.0)
    for number in range(2, 40):
        sender.put(radio.data_of(radio.suspension(number)), 2.0)
        while not all(item.done for item in sender.items.values()):
            sender.next_frame(2.0)
    assert radio.dismissal().id in sender.carried
    assert radio.suspension(39).id in sender.carried
    assert sender.cost == sum(item.cost for item in sender.items.values())
    assert sender.carried == {act for item in sender.items.values() for act in item.act_ids}


def test_a_thief_of_a_dispatch_key_is_not_forgiven_because_the_node_begins_again(tmp_path):
    """He signs false symbols, is banned, waits for the next restart, and spoils the next object."""
    party = Party()
    thief = radio.THIEF
    keys = sorted((thief.public_key, party.dispatch_key.public_key))
    node = disk_node(tmp_path / "node")
    hear(node, party.found, party.decide("appoint", dispatch=keys))
    assert node.dispatch_keys() == dict.fromkeys(keys, party.id)
    listener = Receiver(node.dispatch_keys, InProcess(), tell_banned=node.ban)
    needed = radio.needed(radio.thing())
    for frame in radio.frames_of(radio.thing(), range(needed), thief, party=party.id, false=range(needed)):
        listener.hear(frame, 0.0)
    assert listener.refused["frame.banned"] == 1
    node.close()
    again = disk_node(tmp_path / "node")
    assert set(again.dispatch_keys()) == {party.dispatch_key.public_key}
    assert hear(again, party.decide("appoint", dispatch=keys)) == ["new"]
    assert set(again.dispatch_keys()) == set(keys)  # the party has named it anew
    again.close()


def test_a_key_that_is_none_of_a_party_here_is_banned_for_nothing(party):
    node = memory_node()
    hear(node, party.found)
    node.ban(radio.THIEF.public_key)
    assert node.holdings.banned == []


# --- homes ------------------------------------------------------------------------------------------------------------


def test_old_bundles_brought_again_push_out_no_newer_one_from_the_disk(party, clock, tmp_path):
    """A courier cannot forge a bundle. He brings genuine old ones: after the next restart the home is last year's."""
    home, mandates, bundles = HomeLedger(clock), [], []
    home.log(party.found)
    for number in range(limits.NODE_BUNDLES_KEPT + 3):
        mandates.append(party.grant(f"holder {number}"))
        home.log(mandates[-1])
        clock.time += 60
        claim = Claim("recorded", home.intake.depositary, 0, act=mandates[-1].id)
        home.intake.stamp([party.id])
        bundles.append(assemble(claim, [home.intake]).encoded())
    node = disk_node(tmp_path / "node", clock)
    for one in (bundles[-1], *bundles[:-1], *bundles[:-1], *bundles):
        assert node.take_bundle(one, came()).reason == ""
    assert node.standing(mandates[-1].id, PROPOSE).proven
    assert sum(map(len, node.holdings.homes.bundled.values())) == 1
    node.close()
    again = disk_node(tmp_path / "node", clock)
    assert again.standing(mandates[-1].id, PROPOSE).proven
    again.close()


def test_what_gave_way_is_not_spoken_of_for_ever(party, monkeypatch):
    """A thief of one holder's key opens dossiers elsewhere without end: the pool is bounded, and so is its index."""
    monkeypatch.setattr("pourparler.service.wire.BESIDE_MAX", 24)
    node = memory_node(store=NodeStore(None, carried=Bounds(8, 65_536, 16, 1_000_000)))
    desk = Desk(node, Seeded())
    mandate = party.grant()
    hear(node, party.found, mandate)
    for number in range(100):
        fields = {"parties": sorted([party.id, bytes(32)]), "ledger": ELSEWHERE, "nonce": number.to_bytes(16, "big")}
        opening = party.say(mandate, "open", **fields, rules={"adopt": "all"})
        assert node.take(data(opening), came()).state is State.CARRIED
    assert len(list(desk.holding.loose())) <= 24 + 1
    assert opening.id in set(desk.holding.loose())


# --- the bus ----------------------------------------------------------------------------------------------------------


class OneBus:
    """A bus that brings some bytes once, and remembers what it was told about them."""

    def __init__(self, *brought, times=1):
        self.brought, self.times, self.told, self.over = list(brought), times, [], threading.Event()

    def follow(self, parties):
        """It brings what it brings, whoever is followed."""

    def fetch(self, **_):
        if not self.brought:
            self.over.set()
            time.sleep(0.01)
            return []
        return [
            Delivery(bytes(32), self.brought.pop(0), self.times, partial(self.told.append, "done"),
                     partial(self.told.append, "later"))
        ]  # fmt: skip


def ridden(node, bus):
    station = Station(node, InProcess(), SetClock())
    station.ride(bus)
    assert bus.over.wait(30)
    station.close()
    return bus.told


def test_a_bus_brings_again_what_only_waits_here(party):
    """A flood from strangers pushes out what waits: whoever has acknowledged it never hears it again by this way."""
    node = memory_node()
    mandate = party.grant()
    assert ridden(node, OneBus(data(mandate))) == ["later"]
    assert ridden(node, OneBus(data(mandate), times=16)) == ["done"]
    assert ridden(node, OneBus(data(party.found), data(mandate), b"junk")) == ["done"] * 3


def test_a_node_that_may_write_nothing_acknowledges_nothing(party):
    node = memory_node()
    node.read_only = ReadOnly("ledger.behind", "put back", "begin anew")
    assert ridden(node, OneBus(data(party.found), times=99)) == ["later"]


# --- mirrors ----------------------------------------------------------------------------------------------------------


def test_a_mirror_with_the_newest_checkpoint_and_no_entries_does_not_hide_what_an_older_one_has(tmp_path):
    """Everything it serves is genuine. It is always a little ahead of the honest mirrors, and gives nothing more."""
    talks = Talks()
    ledger = home(talks)
    honest = mirror(ledger, tmp_path / "honest")
    older = ledger.intake.size
    ledger.log(talks.party.decide("decide", words="newest"))
    ledger.copy(talks.party)
    ahead = Lying(
        mirror(ledger, tmp_path / "ahead"), lambda path, found: found if path == "checkpoint" else None, "bad"
    )
    node = memory_node(name="node", follow=[talks.party.id])
    found = pull_home(node, HOME, [ahead, Folder(honest)])
    assert (node.home_size(HOME), found.read, found.whole) == (older, older, False)
    assert found.size == ledger.intake.size
    assert found.why
    assert {act.id for act in talks.all[:9]} <= held(node)
    assert pull_home(node, HOME, [ahead, Folder(mirror(ledger, tmp_path / "honest"))]).whole


def test_a_ledger_that_signs_any_size_is_read_up_to_what_a_node_keeps(tmp_path, monkeypatch):
    """A home that lies, and a fast mirror: entries without end would all be held in memory before one is judged."""
    monkeypatch.setattr(limits, "NODE_HOME_BYTES_MAX", 50_000)
    talks = Talks()
    folder = mirror(home(talks, extra=1_200), tmp_path / "mirror")
    reader = Lying(folder, lambda _path, found: found, "mirror")
    node = memory_node(name="node", follow=[talks.party.id])
    found = pull_home(node, HOME, [reader])
    assert (found.whole, node.home_size(HOME)) == (False, 0)
    assert len([path for path in reader.asked if "entries" in path]) <= 2


# --- dispatch keys ----------------------------------------------------------------------------------------------------


def waiting_suspension(party, clock, target, *before):
    """Return what makes a suspension by this party's council work while it waits: acts that its journal is to hear, a
    copy of its home, and the suspension, by a member whom only the home seats."""
    seated = sorted((Key.from_name(f"{party.name} new {n}") for n in range(3)), key=lambda key: key.public_key)
    seats = [[member.public_key, 1] for member in seated]
    home, head = HomeLedger(clock), party.head
    elected = party.decide("elect", by=[*party.members[:2], *seated], seats=seats)
    sibling = party.decide("decide", prior=head, words="another branch")
    suspension = draft("suspend", {"organ": party.organ, "target": target}).signed_by(seated[0])
    home.log(party.found, *before, elected)
    return [party.found, *before, sibling], home.copy(party), suspension


@pytest.mark.parametrize("own", [True, False])
def test_a_suspension_that_waits_stops_a_dispatch_key_of_its_own_party_alone_and_lapses(party, clock, own):
    """A council of any party signs two histories of its own, and then puts out every dispatch key of every other."""
    node, key = memory_node(clock), party.dispatch_key.public_key
    speaker = party if own else Party("Mallory")
    appointment = party.decide("appoint", dispatch=[key])
    heard, copy, suspension = waiting_suspension(speaker, clock, key, *([appointment] if own else ()))
    hear(node, party.found, appointment, *heard)
    assert node.take_bundle(copy, came()).parties == (speaker.id,)
    assert set(node.dispatch_keys()) == {key}
    taken = node.take(data(suspension), came())
    assert (taken.state, taken.works) == (State.PENDING, True)
    assert set(node.dispatch_keys()) == (set() if own else {key})
    clock.time += 2 * DAY
    assert set(node.dispatch_keys()) == {key}


def test_who_says_without_end_that_he_lacks_everything_stops_nobody_from_reading_the_bus(party):
    """Whoever may publish heads sends them faster than they are answered: acts on the bus would never be fetched."""
    node = memory_node()
    hear(node, party.found, party.grant())
    published = []

    class Endless:
        parties = (party.id,)

        def tell_heads(self, *_):
            pass

        def publish(self, _party, act, *_, **__):
            published.append(act)

        def heads_heard(self):
            return (hello(number.to_bytes(16, "big")) for number in range(10_000_000))

    assert Lag(Endless(), Desk(node, Seeded(), channel="bus")).turn() == 2
    assert len(published) == 2


def test_heads_do_not_bring_all_that_a_node_holds_into_its_memory():
    held = holding_of(*(radio.data_of(radio.saying(number, words=8_000)) for number in range(2_400)))
    lacked = Exchange(held, Seeded(), SetClock()).hear_heads(hello(b"x" * 16), "a stranger")
    assert sum(map(len, lacked)) <= QUEUE_MAX_BYTES
    assert held.read < 1_200
