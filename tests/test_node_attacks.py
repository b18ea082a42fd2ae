"""Attacks on a node: by relays, thieves, traitors with a seat, and clocks. Numbers are those of the dispatch list."""

import pytest

from pourparler.core import limits
from pourparler.core.act import Power
from pourparler.core.encoding import ALGORITHM_ED25519, Envelope, Form, Signature
from pourparler.service.drafting import draft, powers
from pourparler.service.node.nouns import Answer, Came, Fresh, State
from pourparler.testing.keys import Key
from tests.nodes import (
    CONCLUDE,
    DAY,
    HOME,
    HOUR,
    PROPOSE,
    START,
    HomeLedger,
    Party,
    SetClock,
    came,
    data,
    disk_node,
    hear,
    memory_node,
)

YEAR = 365 * DAY
BOTH = powers("propose", "conclude")


def alarms(node, party):
    return [one for row in node.status()["parties"] if row["party"] == party.id.hex() for one in row["alarms"]]


# --- relays that drop, delay and replay -------------------------------------------------------------------------------


def test_dismissal_dropped(party, clock):
    """Attack 2: a relay drops only the dismissal. The next beacon shows the gap, the leased power is frozen, and
    anybody may carry the dismissal."""
    node, home = memory_node(clock), HomeLedger(clock)
    grant = party.grant(given=BOTH, fresh=2 * HOUR)
    home.log(party.found, grant)
    node.take_bundle(home.copy(party), came())
    hear(node, party.beacon(START, **home.position(party)))
    assert node.standing(grant.id, CONCLUDE).words == "in force (proven)"
    dismissal = party.dismiss(grant)
    home.log(dismissal)
    clock.time += HOUR
    hear(node, party.beacon(clock.time, **home.position(party)))
    said = node.standing(grant.id, CONCLUDE)
    assert (said.answer, said.reason) == (Answer.CANNOT_TELL, "node.starved")
    clock.time += HOUR
    assert node.freshness(party.id).state is Fresh.STARVED
    node.take(data(dismissal), Came("courier", "a deserter", clock.time))
    assert node.standing(grant.id, CONCLUDE).reason == "standing.dismissed"


def test_delayed_by_a_day(party, clock):
    """Attack 3: a relay delays everything by 24 hours. The lease froze what commits before; what comes late is taken
    all the same."""
    node = memory_node(clock)
    grant = party.grant(given=BOTH, fresh=6 * HOUR)
    hear(node, party.found, grant, party.beacon(START, count=2))
    late = [party.beacon(START + n * HOUR, count=2) for n in range(1, 25)]
    dismissal = party.dismiss(grant)
    clock.time += DAY
    assert node.freshness(party.id).state is Fresh.CUT_OFF
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    hear(node, late[0])
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    assert hear(node, dismissal) == ["new"]
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"


def test_old_order_replayed(party):
    """Attack 4: a valid old order is replayed. It is known, changes nothing, and brings nobody back."""
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant, party.dismiss(grant))
    before = (node.journal.size, node.heads(), node.standing(grant.id, PROPOSE))
    assert hear(node, grant, party.found, grant) == ["known"] * 3
    assert (node.journal.size, node.heads(), node.standing(grant.id, PROPOSE)) == before


def test_old_beacon_replayed(party, clock):
    """Attack 5: an old beacon is replayed to freeze the node in time. It is known or refused, and blindness shows."""
    node = memory_node(clock)
    old, new = party.beacon(START, count=1), party.beacon(START + HOUR, count=1)
    hear(node, party.found, old)
    clock.time += HOUR
    hear(node, new)
    clock.time += 2 * HOUR
    assert hear(node, old, new) == ["known", "known"]
    assert node.freshness(party.id).state is Fresh.CUT_OFF
    dated_anew = party.beacon(clock.time, count=1, serial=1)
    assert hear(node, dated_anew) == ["refused"]
    assert node.freshness(party.id).words.startswith("its beacons contradict each other")
    fresh_node = memory_node(clock)
    hear(fresh_node, party.found, new)
    taken = fresh_node.take(data(old), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "beacon.serial")


def test_partial_set(party, clock):
    """Attack 9: the grant is delivered, its revocation withheld. Without a beacon younger than the lease nothing
    commits; with one that speaks of more than came, nobody can tell."""
    node, home = memory_node(clock), HomeLedger(clock)
    grant = party.grant(given=BOTH, fresh=HOUR)
    home.log(party.found, grant, party.dismiss(grant))
    hear(node, party.found, grant)
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    hear(node, party.beacon(START, **home.position(party)))
    said = node.standing(grant.id, CONCLUDE)
    assert (said.answer, said.reason) == (Answer.CANNOT_TELL, "node.starved")
    assert node.standing(grant.id, PROPOSE).words == "in force (as heard)"


# --- stolen beacon keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("serial", "at"), [(2**63 - 1, START), (limits.NODE_BEACON_JUMP + 3, START), (3, START - 1)])
def test_fast_forward(party, clock, serial, at):
    """Attack 7: a thief of the beacon key signs a serial or time far ahead, to deafen whoever believes it. The ratchet
    does not turn further than time allows."""
    node = memory_node(clock)
    hear(node, party.found, party.beacon(START, count=1))
    taken = node.take(data(party.beacon(at, count=1, serial=serial)), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "node.beacon-jump")
    assert hear(node, party.beacon(START + 60, count=1, serial=2)) == ["new"]


def test_fast_forward_by_the_first_beacon(party, clock):
    """Attack 7: the thief is the first to be heard, and the council names another key: the new one begins anew."""
    node = memory_node(clock)
    hear(node, party.found)
    assert hear(node, party.beacon(START, count=1, serial=2**63 - 1)) == ["refused"]
    assert hear(node, party.beacon(START, count=1, serial=START)) == ["new"]
    new_key = Key.from_name("a new beacon key")
    appointed = party.decide("appoint", beacons=[new_key.public_key])
    assert hear(node, appointed, party.beacon(START + 60, count=2, serial=1, key=new_key)) == ["new", "new"]
    assert hear(node, party.beacon(START + 90, count=2, serial=START + 1)) == ["refused"]
    assert node.freshness(party.id).newest == START + 60


def test_a_beacon_from_the_future_waits(party, clock):
    """Attack 7, Attack 28: a beacon dated beyond the skew moves neither ratchet nor time. It waits until then."""
    node = memory_node(clock)
    hear(node, party.found, party.beacon(START, count=1))
    early = party.beacon(START + 2 * HOUR, count=1, serial=3)
    taken = node.take(data(early), came())
    assert (taken.state, taken.reason) == (State.PENDING, "node.future")
    assert node.holdings.clock.anchor == START
    assert hear(node, party.beacon(START + 60, count=1, serial=2)) == ["new"]
    clock.time += 2 * HOUR
    assert hear(node, party.found) == ["known"]
    assert node.freshness(party.id).newest == START + 2 * HOUR


def test_a_beacon_flood_does_not_fill_the_journal(party, clock):
    """Attack 7: with the stolen key, a beacon a moment. The journal does not grow by it, nor the file beside it."""
    node = memory_node(clock)
    hear(node, party.found, party.beacon(START, count=1))
    size = node.journal.size
    assert set(hear(node, *(party.beacon(START, count=1) for _ in range(300)))) == {"new"}
    assert node.journal.size == size
    assert len(node.store.beacons(party.id)) == limits.NODE_BEACONS_KEPT


# --- mixing, names, doubts about authenticity -------------------------------------------------------------------------


def test_mix_and_match(party):
    """Attack 8: a new grant with old red lines. An act pins its mandate by digest: under the old one nothing is in
    force any more, and a mandate that was changed is another one, which nobody has signed."""
    node = memory_node()
    old = party.grant(lines=[["at-most", "price", "100"]])
    new = party.grant(lines=[["at-most", "price", "80"]], replaces=old.id)
    hear(node, party.found, old, new, party.dismiss(old))
    assert node.standing(old.id, PROPOSE).reason == "standing.dismissed"
    assert node.standing(new.id, PROPOSE).answer is Answer.IN_FORCE
    mixed = draft("grant", {**{k: v for k, v in new.payload.items() if k != "kind"}, "lines": old["lines"]})
    forged = mixed.joined(new.envelope.signatures)
    taken = node.take(data(forged), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "decision.insufficient")
    act = party.say(new, "say", dossier=bytes(32), words="for 80")
    moved = draft("say", {"by": old.id, "dossier": bytes(32), "words": "for 80"}).joined(act.envelope.signatures)
    assert node.take(data(moved), came()).reason == "signature.invalid"


def test_look_alike(party):
    """Attack 24: somebody founds a party of the same name, with organs of the same names. Ids come from the founding
    act: his acts are another party's, and his dismissal is nobody's."""
    node = memory_node(follow=[party.id])
    grant = party.grant()
    double = Party(members=5, needs=3)
    hear(node, party.found, grant)
    taken = node.take(data(double.found), came())
    assert (double.name, taken.state, taken.reason) == (party.name, State.REFUSED, "node.not-followed")
    fields = {"organ": double.organ, "prior": double.organ, "mandate": grant.id}
    assert hear(node, draft("dismiss", fields).signed_by(*double.members)) == ["pending"]
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE
    relay = memory_node()
    hear(relay, party.found, grant, double.found, draft("dismiss", fields).signed_by(*double.members))
    assert relay.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_wrong_authority(party, clock):
    """Attack 25: the order's authenticity is questioned, to the wrong office. A query suspends nothing; the order
    stands, and the map shows who has not acknowledged it."""
    node = memory_node(clock)
    general, ensign = party.grant("general"), party.grant("ensign")
    dismissal = party.dismiss(general)
    hear(node, party.found, general, ensign, dismissal)
    before = node.standing(general.id, PROPOSE), node.standing(ensign.id, PROPOSE)
    query = party.say(ensign, "query", "ensign", about=dismissal.id, to=bytes(32), words="is it genuine?")
    assert hear(node, query) == ["new"]
    assert (node.standing(general.id, PROPOSE), node.standing(ensign.id, PROPOSE)) == before
    assert node.standing(general.id, PROPOSE).reason == "standing.dismissed"
    assert node.reached(dismissal.id).of("acknowledged") == ()


# --- equivocation -----------------------------------------------------------------------------------------------------


def test_equivocation(party):
    """Attack 19: two sufficient decisions at one place, one for each half of the army. Both are kept as proof that
    anybody can check, and neither grant is in force until the home has decided."""
    first, second = memory_node(), memory_node(name="second")
    place = party.head
    to_ann, to_bo = (
        party.decide("grant", prior=place, by=by, to=Key.from_name(name).public_key, powers=3)
        for name, by in (("ann", party.members[:2]), ("bo", party.members[1:]))
    )
    hear(first, party.found, to_ann)
    hear(second, party.found, to_bo)
    assert first.standing(to_ann.id, PROPOSE).answer is Answer.IN_FORCE
    for node in (first, second):
        hear(node, to_ann, to_bo)
        for grant in (to_ann, to_bo):
            said = node.standing(grant.id, PROPOSE)
            assert (said.answer, said.reason) == (Answer.REFUSED, "node.equivocation")
        (alarm,) = alarms(node, party)
        assert (alarm["kind"], alarm["decided"]) == ("decision", False)
        stranger = memory_node(name="stranger")
        hear(stranger, party.found)
        assert [stranger.take(bytes.fromhex(alarm[part]), came()).kept for part in ("first", "second")] == [True, True]
    home = HomeLedger()
    home.log(party.found, to_bo)
    first.take_bundle(home.copy(party), came())
    assert first.standing(to_bo.id, PROPOSE).words == "in force (proven)"
    assert first.standing(to_ann.id, PROPOSE).reason == "standing.sibling"
    assert alarms(first, party)[0]["decided"]


def test_equivocation_spoils_what_is_built_on_it(party):
    """Attack 19: a grant that follows one of two siblings is no better than it."""
    node = memory_node()
    place = party.head
    yes, no = (party.decide("decide", prior=place, words=word) for word in ("yes", "no"))
    after = party.decide("grant", prior=no.id, to=Key.from_name("ann").public_key, powers=3)
    before = memory_node(name="before")
    hear(before, party.found, no, after)
    assert before.standing(after.id, PROPOSE).answer is Answer.IN_FORCE
    hear(node, party.found, yes, no, after)
    assert node.standing(after.id, PROPOSE).reason == "node.equivocation"
    home = HomeLedger()
    home.log(party.found, no, after)
    node.take_bundle(home.copy(party), came())
    assert node.standing(after.id, PROPOSE).words == "in force (proven)"


def test_a_dismissal_among_two_siblings_still_works(party):
    """Attack 19: to equivocate does not keep anybody in office: bad news works at once."""
    node = memory_node()
    grant = party.grant()
    place = party.head
    hear(node, party.found, grant, party.decide("decide", prior=place, words="he stays"))
    hear(node, party.decide("dismiss", prior=place, mandate=grant.id))
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"


@pytest.mark.parametrize("second", ["serial", "count", "back"])
def test_split_view(party, clock, second):
    """Attack 20: two beacons of one serial, of one count with two heads, or one that counts fewer: a split view. Both
    are kept as proof, and no lease rests on that key until the home shows which one is true."""
    node, home = memory_node(clock), HomeLedger(clock)
    grant = party.grant(given=BOTH, fresh=DAY)
    home.log(party.found, grant)
    true = party.beacon(START, **home.position(party))
    hear(node, party.found, grant, true)
    assert node.standing(grant.id, CONCLUDE).answer is Answer.IN_FORCE
    other = {
        "serial": {"serial": 1, "count": 3, "head": bytes(32)},
        "count": {"serial": 2, "count": 2, "head": bytes(32)},
        "back": {"serial": 2, "count": 1, "head": party.id},
    }[second]
    taken = node.take(data(party.beacon(START + 1, **other)), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "node.equivocation")
    assert [one["kind"] for one in alarms(node, party)] == ["beacon"]
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, CONCLUDE).words == "in force (proven)"
    assert alarms(node, party)[0]["decided"]


def test_a_party_that_moves_home_counts_anew_and_accuses_nobody(party, clock):
    node = memory_node(clock)
    grants = [party.grant(f"holder {number}") for number in range(3)]
    hear(node, party.found, *grants, party.beacon(START, count=4, head=bytes(32)))
    clock.time += 60
    new = {"origin": "new.example", "key": Key.from_name("the new home").public_key}
    assert hear(node, party.decide("move-home", home=new)) == ["new"]
    clock.time += 60
    assert hear(node, party.beacon(clock.time, count=1, head=b"n" * 32)) == ["new"]
    clock.time += 60
    assert hear(node, party.beacon(clock.time, count=4, head=b"m" * 32)) == ["new"]
    assert alarms(node, party) == []


def test_a_beacon_that_the_home_never_had(party, clock):
    """Attack 20: the key lies alone, or the home shows two histories: its head is none that the home had."""
    node, home = memory_node(clock), HomeLedger(clock)
    grant = party.grant(given=BOTH, fresh=DAY)
    home.log(party.found, grant)
    hear(node, party.found, grant, party.beacon(START, count=1, head=bytes(32)))
    node.take_bundle(home.copy(party), came())
    assert [one["kind"] for one in alarms(node, party)] == ["beacon-home"]
    said = node.standing(grant.id, CONCLUDE)
    assert said.answer is Answer.CANNOT_TELL


def test_conflicting_ratifications():
    """Attack 21: two ratifications by overlapping minorities. A founding by which both could pass is refused; where
    members sign twice, neither the lower hash nor the first heard wins: the home's order does."""
    node = memory_node()
    weak = Party("weak", members=4, needs=2)
    assert node.take(data(weak.found), came()).reason == "decision.rule"
    party = Party()
    fields = {"dossier": bytes(32), "signs": [bytes(32)], "seen": {"dossier": [1, bytes(32)], "party": [1, bytes(32)]}}
    place = party.head
    texts = [bytes([number]) * 32 for number in range(2)]
    both = [party.decide("ratify", prior=place, text=text, **fields) for text in texts]
    grants = [party.decide("grant", prior=one.id, to=Key.from_name("ann").public_key, powers=3) for one in both]
    hear(node, party.found, *both, *grants)
    assert {node.standing(one.id, PROPOSE).reason for one in grants} == {"node.equivocation"}
    later = max(both, key=lambda act: act.id)
    home = HomeLedger()
    home.log(party.found)
    home.intake.submit(data(later))
    node.take_bundle(home.copy(party), came())
    real = [one for one in grants if one["prior"] == later.id]
    lost = [one for one in grants if one["prior"] != later.id]
    assert [node.standing(one.id, PROPOSE).words for one in real] == ["in force (as heard)"]
    assert [node.standing(one.id, PROPOSE).answer for one in lost] == [Answer.REFUSED]


def test_two_winners_on_a_bus(party):
    """Attack 22: an old bus lets two writers win the same place. The node checks the chain after the bus: the second is
    seen, kept as proof, and the loser signs again on the new head."""
    node, home = memory_node(), HomeLedger()
    place = party.head
    winners = [party.decide("grant", prior=place, to=Key.from_name(n).public_key, powers=3) for n in ("ann", "bo")]
    hear(node, party.found)
    assert hear(node, *winners, by=Came("bus", "nats", START)) == ["new", "new"]
    assert len(alarms(node, party)) == 1
    home.log(party.found, winners[0])
    again = party.decide("grant", prior=winners[0].id, to=Key.from_name("bo").public_key, powers=3)
    home.log(again)
    node.take_bundle(home.copy(party), came())
    assert [node.standing(one.id, PROPOSE).answer for one in (*winners, again)] == [
        Answer.IN_FORCE,
        Answer.REFUSED,
        Answer.IN_FORCE,
    ]


def test_stuck_mirror(party, clock):
    """Attack 23: a mirror of the bus is stuck. The heads of another node, over any channel, show the lag without it."""
    node, ahead = memory_node(clock), memory_node(clock, "ahead")
    acts = [party.found, party.grant(), party.decide("decide", words="more")]
    hear(node, *acts[:2], by=Came("bus", "mirror", START))
    hear(ahead, *acts)
    node.hear_heads(ahead.heads(), Came("wire", "ahead", START))
    assert node.freshness(party.id).more == ("ahead by wire",)
    clock.time += HOUR
    assert node.freshness(party.id).state is Fresh.STARVED
    assert [node.take(one, came()).state for one in ahead.lacking(node.heads())] == [State.NEW]


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_clock_set_back(party, clock, tmp_path):
    """Attack 26: the receiver's clock is set back, to bring an expired mandate to life. Time never goes back, across
    restarts either, and the disagreement is told."""
    node = disk_node(tmp_path / "node", clock)
    grant = party.grant(until=START + HOUR)
    hear(node, party.found, grant, party.beacon(START, count=2))
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE
    clock.time += HOUR
    hear(node, party.beacon(clock.time, count=2))
    assert node.standing(grant.id, PROPOSE).reason == "standing.expired"
    for _ in range(2):
        clock.time = START - 10 * YEAR
        assert node.standing(grant.id, PROPOSE).reason == "standing.expired"
        assert node.now() == START + HOUR
        assert node.status()["clock"]["disagrees"]
        node.close()
        node = disk_node(tmp_path / "node", clock)
    node.close()


def test_clock_set_forward(party, clock, tmp_path):
    """Attack 27: the receiver's clock is set ten years ahead, to end everybody's mandates. It refuses while the clock
    is wrong, says why, and nothing of it lasts once the clock is right."""
    node = disk_node(tmp_path / "node", clock)
    grant = party.grant(given=BOTH, until=START + YEAR, fresh=DAY)
    hear(node, party.found, grant, party.beacon(START, count=2))
    clock.time += 10 * YEAR
    hear(node, party.grant("ensign"))
    assert node.now() <= START + limits.NODE_AHEAD_SECONDS
    said = node.standing(grant.id, PROPOSE)
    assert (said.reason, said.why) == (
        "standing.expired",
        "by this machine's clock the mandate has expired; nobody else's says so",
    )
    assert node.standing(grant.id, CONCLUDE).answer is Answer.REFUSED
    assert node.freshness(party.id).state is Fresh.CUT_OFF
    assert node.status()["clock"]["disagrees"]
    node.close()
    clock.time = START + 60
    node = disk_node(tmp_path / "node", clock)
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE
    clock.time = node.now()
    hear(node, party.beacon(clock.time, count=3))
    assert node.standing(grant.id, CONCLUDE).answer is Answer.IN_FORCE
    node.close()


def test_a_wrong_clock_freezes_leases_and_nothing_else(party, clock):
    """Attack 27: journal time stands still at its bound; by the machine's clock alone the lease has lapsed."""
    node = memory_node(clock)
    grant = party.grant(given=BOTH, fresh=30 * DAY)
    hear(node, party.found, grant, party.beacon(START, count=2))
    clock.time += YEAR
    assert node.now() - START < 30 * DAY
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_right_clock_goes_on_without_beacons_on_a_persons_word(party, clock):
    """Attack 27: where no beacon comes for long, journal time waits at its bound, until somebody vouches for the
    clock."""
    node = memory_node(clock)
    grant = party.grant(until=START + YEAR)
    hear(node, party.found, grant)
    clock.time += 2 * YEAR
    assert node.now() == START + limits.NODE_AHEAD_SECONDS
    node.accept_clock()
    assert node.now() == clock.time
    assert not node.status()["clock"]["disagrees"]


def test_skewed_sender(party, clock):
    """Attack 28: acts of one key from the future wait and are not lost; a decision or bad news does not wait, and no
    date decides between two."""
    node = memory_node(clock)
    grant = party.grant()
    hear(node, party.found, grant)
    ahead = START + DAY
    reply = party.say(grant, "reply", about=grant.id, at=ahead)
    assert node.take(data(reply), came()).reason == "node.future"
    decision = party.decide("decide", words="dated wrongly", at=ahead)
    assert hear(node, decision) == ["new"]
    assert hear(node, draft("suspend", {"organ": party.organ, "target": grant.id, "at": ahead}).signed_by(
        party.members[0])) == ["new"]  # fmt: skip
    assert node.standing(grant.id, PROPOSE).reason == "standing.suspended"
    clock.time = ahead
    hear(node, party.found)
    assert hear(node, reply) == ["known"]
    early, late = (party.decide("grant", prior=decision.id, to=party.id, powers=1, at=at) for at in (START, ahead))
    hear(node, late, early)
    assert {node.standing(one.id, Power.OPEN).reason for one in (early, late)} == {"node.equivocation"}


# --- floods -----------------------------------------------------------------------------------------------------------


def test_withheld_dependency(party, clock):
    """Attack 36: acts whose parent never comes. The pool is bounded for each issuer and each peer; what waits is asked
    for; it expires, and may come again."""
    node = memory_node(clock)
    grant = party.grant()
    hear(node, party.found, grant)
    genuine = [party.decide("decide", words=str(n)) for n in range(3)]
    assert hear(node, genuine[2]) == ["pending"]
    thief = Key.from_name("a stranger")
    for number in range(400):
        forged = draft("decide", {"organ": party.organ, "prior": number.to_bytes(32), "words": "x"}).signed_by(thief)
        node.take(data(forged), Came("radio", "a flood", START))
    rows, _ = node.store.counts()["pending"]
    assert rows == limits.NODE_OWNER_ROWS_MAX + 1
    assert genuine[1].id in node.wanted()
    clock.time += limits.NODE_PENDING_SECONDS + DAY
    node.accept_clock()
    hear(node, grant)
    assert node.store.counts()["pending"] == (0, 0)
    assert hear(node, genuine[2], genuine[1], genuine[0]) == ["pending", "pending", "new"]
    assert hear(node, *genuine) == ["known"] * 3


def test_bad_news_that_works_does_not_expire(party, clock):
    """Attack 36: whoever withholds what a dismissal follows, for a month, does not bring the dismissed man back."""
    node = memory_node(clock)
    grant = party.grant()
    hear(node, party.found, grant)
    party.decide("decide", words="withheld")
    hear(node, party.dismiss(grant))
    clock.time += 2 * limits.NODE_PENDING_SECONDS
    node.accept_clock()
    hear(node, grant)
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"


@pytest.mark.parametrize("times", [1, 2], ids=["one member's", "both members'"])
def test_a_part_that_comes_late_does_not_undo_bad_news_that_works(party, clock, times):
    """Attack 36: what a dismissal follows is withheld, so it waits, and works. Whoever then sends a part of it, one
    genuine signature, brings nobody back; nor do four envelopes of it with one signature each."""
    node = memory_node(clock)
    grant = party.grant()
    hear(node, party.found, grant)
    party.decide("decide", words="withheld")
    dismissal = party.dismiss(grant)
    assert hear(node, dismissal) == ["pending"]
    for one in dismissal.envelope.signatures[:times]:
        node.take_part(dismissal.envelope.payload, one.kid, one.value, came())
        assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"
    for number in range(8):
        junk = Signature(ALGORITHM_ED25519, number.to_bytes(8), bytes(64))
        rows = tuple(sorted((dismissal.envelope.signatures[0], junk), key=lambda row: row.kid))
        node.take(Envelope(Form.SIGN, dismissal.envelope.payload, rows).encoded(), came())
        assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"


def test_a_holder_fills_only_his_own_share(party, monkeypatch):
    """Attack 36: a traitor with a mandate floods, himself and by those whom he appoints. His chain has one share; his
    dismissal, and the council's acts, have theirs."""
    monkeypatch.setattr(limits, "NODE_SPEAKER_ACTS_MAX", 20)
    node = memory_node()
    grant = party.grant(given=powers("propose", "delegate"), depth=1)
    aide = party.say(grant, "delegate", to=Key.from_name("aide").public_key, powers=2)
    hear(node, party.found, grant, aide)
    words = [party.say(grant, "reply", about=bytes(32), words=str(n)) for n in range(12)]
    words += [party.say(aide, "reply", "aide", about=bytes(32), words=str(n)) for n in range(12)]
    states = hear(node, *words)
    assert (states.count("new"), states.count("refused")) == (19, 5)
    assert node.take(data(words[-1]), came()).reason == "node.quota"
    assert hear(node, party.say(grant, "revoke", target=aide.id)) == ["new"]
    assert hear(node, party.dismiss(grant)) == ["new"]


# --- sleepers ---------------------------------------------------------------------------------------------------------


def rotated(party):
    """Return the acts of two rotations of the whole council, and a grant by the third."""
    acts = [party.found]
    for number in (1, 2):
        new = sorted((Key.from_name(f"council {number} member {n}") for n in range(3)), key=lambda key: key.public_key)
        seats = [[member.public_key, 1] for member in new]
        acts.append(party.decide("elect", by=[*party.members[:2], *new], seats=seats))
        party.members = new
    return [*acts, party.grant("the new general")]


@pytest.mark.parametrize("by", ["bundle", "backwards"])
def test_asleep_through_two_rotations(party, clock, by):
    """Attack 45: a node asleep while the whole council was replaced twice. The chain of elections brings it up to date,
    in one copy of the home or act by act; without it, what the new council signs waits."""
    node = memory_node(clock)
    acts = rotated(party)
    hear(node, acts[0])
    clock.time += YEAR
    assert node.take(data(acts[-1]), came()).state is State.PENDING
    if by == "bundle":
        home = HomeLedger(clock)
        home.log(*acts)
        node.take_bundle(home.copy(party), came("courier"))
        assert node.standing(acts[-1].id, PROPOSE).words == "in force (proven)"
    else:
        hear(node, *reversed(acts))
        assert node.standing(acts[-1].id, PROPOSE).words == "in force (as heard)"
    old = Party()
    fields = {"organ": party.organ, "prior": acts[-1].id, "mandate": acts[-1].id}
    late = draft("dismiss", fields).signed_by(*old.members)
    assert node.take(data(late), came()).reason == "decision.insufficient"


def test_the_home_of_these_tests_is_the_partys(party):
    assert party.found["home"]["origin"] == HOME.origin


def test_strangers_do_not_fill_a_relay_that_follows_nobody(tmp_path, monkeypatch):
    """One peer founds parties without end, then many peers do: each has so many places, all of them together have so
    many, and the user's own party still finds one; what was taken stays, and is counted again after a restart."""
    monkeypatch.setattr(limits, "NODE_PARTIES_MAX", 8)
    monkeypatch.setattr(limits, "NODE_PARTIES_OF_STRANGERS_MAX", 6)
    monkeypatch.setattr(limits, "NODE_PARTIES_OF_SOURCE_MAX", 3)
    clock = SetClock()
    node = disk_node(tmp_path / "relay", clock)

    def brought(count, channel, peer, at=0):
        acts = [data(Party(f"{channel} {peer} {number}", members=1, needs=1).found) for number in range(at, at + count)]
        taken = node.take_many(acts, Came(channel, peer, START))
        return [one.reason or one.state.value for one in taken]

    assert brought(5, "wire", "192.0.2.1") == ["new"] * 3 + ["node.quota"] * 2
    assert brought(2, "wire", "192.0.2.2") == ["new"] * 2
    node.close()
    node = disk_node(tmp_path / "relay", clock)
    assert brought(1, "wire", "192.0.2.1", at=3) == ["node.quota"]
    assert brought(2, "radio", "") == ["new", "node.quota"]
    ours = Party("Ours")
    grant = ours.grant()
    assert hear(node, ours.found, grant, by=Came("courier", "", START)) == ["new", "new"]
    assert brought(2, "here", "") == ["new", "node.not-followed"]
    assert brought(1, "wire", "192.0.2.1") == ["known"]
    assert node.standing(grant.id, Power.OPEN).answer is Answer.IN_FORCE
    followed = Party("Followed", members=1, needs=1)
    node.follow(followed.id)
    assert hear(node, followed.found, by=Came("wire", "192.0.2.1", START)) == ["new"]
    assert ours.id in node.registry.registers
    node.close()
