"""An audit of the nodes and of what carries acts between them: the thief of one key, the stranger, the intermediary."""

import pytest

from pourparler.core import limits
from pourparler.core.act import Power
from pourparler.service.drafting import draft
from pourparler.service.node.nouns import Answer, Came, Fresh, State
from pourparler.store.node import NodeStore, Proof
from pourparler.testing.keys import Key
from tests.nodes import (
    CONCLUDE,
    DAY,
    HOUR,
    PROPOSE,
    START,
    TALKS,
    HomeLedger,
    Party,
    SetClock,
    came,
    data,
    hear,
    memory_node,
)


@pytest.fixture
def party():
    return Party()


@pytest.fixture
def clock():
    return SetClock()


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
    from pourparler.store.node import Bounds

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
    assert hear(node, link.signed_by(Key.from_name("general"))) == ["new"]
    hear(node, party.beacon(clock.time, count=3, head=party.head))
    assert node.standing(mandate.id, CONCLUDE).answer is not Answer.IN_FORCE
