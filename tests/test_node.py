"""A node: what it takes, what waits, what it carries, what it answers, and that all of it is there after a restart."""

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from pourparler.core.council import organ_id
from pourparler.core.evidence import Bundle, Claim, Shown
from pourparler.ports import StoreError
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.node.nouns import Answer, Came, Fresh, State
from pourparler.store.memory import MemoryStore
from pourparler.store.node import NodeStore
from pourparler.testing.keys import Key
from tests.nodes import (
    CONCLUDE,
    DAY,
    ELSEWHERE,
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

ROOT = Path(__file__).resolve().parents[1]


# --- taking -----------------------------------------------------------------------------------------------------------


def test_an_act_is_new_once_and_known_after(party):
    node = memory_node()
    grant = party.grant()
    assert hear(node, party.found, grant, grant, party.found) == ["new", "new", "known", "known"]
    assert node.acts([grant.id]) == [data(grant)]


def test_what_waits_is_taken_when_what_it_waits_for_comes(party):
    node = memory_node()
    grant = party.grant()
    dismissal = party.dismiss(grant)
    taken = node.take(data(dismissal), came())
    assert (taken.state, taken.reason, taken.wants) == (State.PENDING, "unknown.organ", (party.organ,))
    assert hear(node, grant, party.found) == ["pending", "new"]
    assert hear(node, dismissal, grant) == ["known", "known"]
    assert node.wanted() == []
    assert node.status()["waiting"] == []


def test_a_batch_in_the_wrong_order_is_taken_whole(party):
    node = memory_node()
    acts = [party.found, *(party.grant(f"holder {n}") for n in range(5))]
    taken = node.take_many([data(act) for act in reversed(acts)], came())
    assert {one.state for one in taken} <= {State.NEW, State.PENDING}
    assert hear(node, *acts) == ["known"] * 6


def test_a_long_chain_that_comes_backwards_is_taken(party):
    """As long as a pool of one owner is, and more than Python likes to call itself."""
    node = memory_node()
    hear(node, party.found)
    acts = [party.decide("decide", words=str(n)) for n in range(250)]
    assert set(hear(node, *reversed(acts[1:]))) == {"pending"}
    assert hear(node, acts[0]) == ["new"]
    assert set(hear(node, *acts)) == {"known"}


def test_what_no_key_has_signed_is_refused_and_leaves_nothing(party):
    node = memory_node()
    hear(node, party.found)
    forged = party.decide("decide", prior=party.organ, by=[Key.from_name("a stranger"), Key.from_name("another")])
    taken = node.take(data(forged), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "decision.insufficient")
    assert node.take(b"\xd2\x84no envelope", came()).reason.startswith("envelope.")
    assert node.acts([forged.id]) == []
    assert node.store.counts() == {"pending": (0, 0), "part": (0, 0), "carried": (0, 0)}
    assert list(node.journal.store.refusals()) == []


def test_three_parts_of_distinct_members_join_to_a_decision():
    party = Party(members=5, needs=3)
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant)
    dismissal = party.dismiss(grant)
    parts = [(s.kid, s.value) for s in dismissal.envelope.signatures]
    said = [node.take_part(dismissal.envelope.payload, *part, came()) for part in (parts[1], parts[1], parts[0])]
    assert [one.state for one in said] == [State.PENDING] * 3
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE
    last = node.take_part(dismissal.envelope.payload, *parts[2], came("udp"))
    assert (last.state, last.act) == (State.NEW, dismissal.id)
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"
    assert node.acts([dismissal.id]) == [data(dismissal)]


def test_a_part_by_a_stranger_is_refused_where_the_seats_are_known(party):
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant)
    dismissal = party.dismiss(grant)
    good = dismissal.envelope.signatures[0]
    taken = node.take_part(dismissal.envelope.payload, good.kid, bytes(64), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "signature.invalid")
    assert node.take_part(b"", good.kid, good.value, came()).state is State.REFUSED
    assert node.take_part(dismissal.envelope.payload, b"short", good.value, came()).reason == "envelope.layout"


def test_a_decision_with_too_few_signatures_is_kept_as_parts_and_joined(party):
    node = memory_node()
    hear(node, party.found)
    whole = party.grant()
    halves = [whole.envelope.with_signatures((one,)).encoded() for one in whole.envelope.signatures]
    assert [node.take(half, came()).state for half in halves] == [State.PENDING, State.NEW]


def test_what_a_holder_of_several_keys_says_with_too_few_is_refused(party):
    node = memory_node()
    keys = sorted((Key.from_name(f"delegate {n}") for n in range(2)), key=lambda key: key.public_key)
    grant = party.decide("grant", to={"keys": [[key.public_key, 1] for key in keys], "needs": 2}, powers=3)
    hear(node, party.found, grant)
    word = draft("reply", {"by": grant.id, "about": grant.id}, several=True)
    taken = node.take(data(word.signed_by(keys[0])), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "decision.insufficient")
    assert hear(node, word.signed_by(*keys)) == ["new"]
    elsewhere = draft("say", {"by": grant.id, "dossier": bytes(32)}, several=True)
    assert hear(node, elsewhere.signed_by(keys[1]), elsewhere.signed_by(*keys)) == ["refused", "carried"]


def test_several_threads_may_bring_acts_at_once(party):
    node = memory_node()
    acts = [party.found, *(party.grant(f"holder {n}") for n in range(24))]
    Random(1).shuffle(acts)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda act: node.take(data(act), came()), acts))
    assert hear(node, *acts) == ["known"] * len(acts)
    assert node.status()["waiting"] == []


def test_parts_of_an_act_whose_place_is_unknown_join_while_they_wait(party):
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant)
    between = party.decide("decide", words="withheld")
    dismissal = party.dismiss(grant)
    for one in dismissal.envelope.signatures:
        taken = node.take_part(dismissal.envelope.payload, one.kid, one.value, came())
    assert (taken.state, taken.reason, taken.works) == (State.PENDING, "unknown.prior", True)
    assert hear(node, between, dismissal) == ["new", "known"]


def opening(party, grant, other):
    fields = {"parties": sorted([party.id, other.id]), "ledger": ELSEWHERE, "nonce": bytes(16)}
    return party.say(grant, "open", **fields, rules={"adopt": "all"})


def test_holders_acts_in_dossiers_elsewhere_are_carried_once_they_are_his(party):
    node, other = memory_node(), Party("Brest")
    grant = party.grant()
    talks = opening(party, grant, other)
    word = party.say(grant, "say", dossier=talks.id, words="we are here")
    assert hear(node, talks, word) == ["pending", "pending"]
    assert hear(node, party.found, grant) == ["new", "new"]
    assert hear(node, talks, word) == ["known", "known"]
    assert node.acts([talks.id, word.id]) == [data(talks), data(word)]
    forged = party.say(grant, "say", holder="somebody else", dossier=talks.id, words="we give up")
    assert node.take(data(forged), came()).reason == "signature.invalid"
    beyond = party.say(grant, "conclude", dossier=talks.id, text=bytes(32))
    assert node.take(data(beyond), came()).reason == "power.missing"
    assert set(node.loose()) == {talks.id, word.id}


def test_a_void_act_is_logged_and_handed_on(party):
    node = memory_node()
    grant = party.grant(given=powers("propose", "delegate"), depth=1)
    dismissal = party.dismiss(grant)
    link = party.say(grant, "delegate", to=Key.from_name("aide").public_key, powers=2)
    taken = [node.take(data(act), came()) for act in (party.found, grant, dismissal, link)][-1]
    assert (taken.state, taken.reason) == (State.VOID, "standing.dismissed")
    assert node.acts([link.id]) == [data(link)]
    said = node.standing(link.id, PROPOSE)
    assert (said.answer, said.reason) == (Answer.REFUSED, "standing.dismissed")


def test_only_followed_parties_are_taken_where_any_is_followed(party):
    stranger = Party("Kornilov")
    node = memory_node(follow=[party.id])
    assert hear(node, party.found, stranger.found) == ["new", "refused"]
    node.follow(stranger.id)
    assert hear(node, stranger.found) == ["new"]


# --- bad news at once, good news with its proof -----------------------------------------------------------------------


def test_a_dismissal_works_while_its_prior_is_withheld(party):
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant)
    party.decide("decide", words="never delivered")
    dismissal = party.dismiss(grant)
    taken = node.take(data(dismissal), came())
    assert (taken.state, taken.works) == (State.PENDING, True)
    said = node.standing(grant.id, PROPOSE)
    assert (said.answer, said.reason, said.by) == (Answer.REFUSED, "standing.dismissed", dismissal.id)
    assert dismissal.id in node.loose()


def test_a_dismissal_whose_signers_have_no_seat_does_not_work_while_it_waits(party):
    node = memory_node()
    grant = party.grant()
    hear(node, party.found, grant)
    stranger = Party("Stavka")
    fields = {"organ": party.organ, "prior": bytes(32), "mandate": grant.id}
    forged = draft("dismiss", fields).signed_by(*stranger.members)
    taken = node.take(data(forged), came())
    assert (taken.state, taken.works) == (State.PENDING, False)
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE
    assert node.acts([forged.id]) == []


def test_what_waits_unverified_is_not_handed_on(party):
    node = memory_node()
    grant = party.grant()
    assert hear(node, grant) == ["pending"]
    assert (node.acts([grant.id]), dict(node.loose()), node.every()) == ([], {}, [])


def test_a_grant_is_in_force_as_heard_and_proven_with_a_copy_of_its_home(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    hear(node, party.found, grant)
    assert node.standing(grant.id, PROPOSE).words == "in force (as heard)"
    home.log(party.found, grant)
    shown = node.take_bundle(home.copy(party), came("courier"))
    assert (shown.parties, shown.reason) == ((party.id,), "")
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_bad_news_that_the_home_did_not_take_stops_nothing_any_more(party):
    """A dismissal is heard, and works; the home took another act in its place: it was never a dismissal."""
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    place = party.head
    dismissal = party.decide("dismiss", prior=place, mandate=grant.id)
    other = party.decide("decide", words="we keep him")
    hear(node, party.found, grant, dismissal)
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"
    home.log(party.found, grant, other)
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_bad_news_on_a_branch_that_the_home_did_not_take_stops_nothing_either(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    place = party.head
    lost = party.decide("decide", prior=place, words="we break off")
    dismissal = party.decide("dismiss", prior=lost.id, mandate=grant.id)
    taken = party.decide("decide", words="we go on")
    hear(node, party.found, grant, lost, dismissal)
    home.log(party.found, grant, taken)
    assert node.standing(grant.id, PROPOSE).reason == "standing.dismissed"
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"
    after = party.decide("decide", prior=dismissal.id, words="and then")
    hear(node, after)
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def elections(party):
    """Return two elections of one council at one place, and who is seated by each."""
    sides = {}
    for side in ("left", "right"):
        seated = sorted((Key.from_name(f"{side} {n}") for n in range(3)), key=lambda key: key.public_key)
        seats = [[member.public_key, 1] for member in seated]
        act = party.decide("elect", prior=party.head, by=[*party.members[:2], *seated], seats=seats)
        sides[side] = (act, seated)
    return sides


def test_bad_news_by_seats_that_only_the_home_knows_works(party):
    """The node has not heard of the election, and logs nobody's word whom only the home's seats."""
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    sides = elections(party)
    first, (elected, seated) = sides["left"][0], sides["right"]
    suspension = draft("suspend", {"organ": party.organ, "target": grant.id}).signed_by(seated[0])
    assert hear(node, party.found, grant, first) == ["new"] * 3
    assert node.take(data(suspension), came()).reason == "decision.no-seat"
    home.log(party.found, grant, elected)
    assert node.standing(grant.id, PROPOSE).words == "in force (as heard)"
    node.take_bundle(home.copy(party), came())
    taken = node.take(data(suspension), came())
    assert (taken.state, taken.works) == (State.PENDING, True)
    assert node.standing(grant.id, PROPOSE).reason == "standing.suspended"
    assert node.acts([suspension.id]) == [data(suspension)]


def test_a_suspension_by_a_seat_that_the_home_never_gave_stops_nothing_any_more(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    sides = elections(party)
    (lost, seated), taken = sides["left"], sides["right"][0]
    suspension = draft("suspend", {"organ": party.organ, "target": grant.id}).signed_by(seated[0])
    assert hear(node, party.found, grant, lost, suspension) == ["new"] * 4
    assert node.standing(grant.id, PROPOSE).reason == "standing.suspended"
    home.log(party.found, grant, taken)
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_what_an_organ_granted_that_the_home_never_had_is_lost(party):
    """The organ was constituted on the branch that the home did not take: its spine begins with nothing."""
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    place = party.head
    member = Key.from_name("eve")
    new = {"name": "board", "seats": [[member.public_key, 1]], "needs": 1, "powers": 2047}
    lost = party.decide("constitute", prior=place, by=[*party.members[:2], member], new=new)
    board = organ_id(lost.id, "board")
    fields = {"organ": board, "prior": board, "to": Key.from_name("agent").public_key, "powers": int(powers("propose"))}
    given = draft("grant", fields).signed_by(member)
    assert hear(node, party.found, grant, lost, given) == ["new"] * 4
    assert node.standing(given.id, PROPOSE).words == "in force (as heard)"
    home.log(party.found, grant, party.decide("decide", words="no board"))
    node.take_bundle(home.copy(party), came())
    standing = node.standing(given.id, PROPOSE)
    assert (standing.answer, standing.reason) == (Answer.REFUSED, "standing.sibling")
    assert [node.fate(act.id).state for act in (grant, lost, given)] == ["proven", "lost", "lost"]


def test_keys_of_a_contested_appointment_count_for_nothing_until_the_home_decides(party):
    clock = SetClock()
    node, home = memory_node(clock), HomeLedger(clock)
    one, two = (Key.from_name(f"relay {n}") for n in (1, 2))
    place = party.head
    both = [
        party.decide("appoint", prior=place, dispatch=[key.public_key], beacons=[Key.from_name(name).public_key])
        for key, name in ((one, "light 1"), (two, "light 2"))
    ]
    hear(node, party.found, both[0])
    assert node.dispatch_keys() == {one.public_key: party.id}
    hear(node, both[1])
    assert node.dispatch_keys() == {}
    lights = [party.beacon(START + 60, count=2, serial=n, key=Key.from_name(f"light {n}")) for n in (1, 2)]
    assert hear(node, *lights) == ["refused", "refused"]
    assert hear(node, party.beacon(START, count=1, serial=1)) == ["new"]
    home.log(party.found, both[1])
    node.take_bundle(home.copy(party), came())
    assert node.dispatch_keys() == {two.public_key: party.id}
    assert hear(node, lights[0]) == ["refused"]
    clock.time += 60
    assert hear(node, party.beacon(clock.time, **home.position(party), serial=2, key=Key.from_name("light 2"))) == [
        "new"
    ]
    assert node.freshness(party.id).as_of == clock.time


def test_evidence_shows_a_home_as_a_copy_does_and_with_a_gap_it_shows_none(party, tmp_path):
    home, clock = HomeLedger(), SetClock()
    grant = party.grant()
    home.log(party.found, grant)
    claim = Claim("may", home.intake.depositary, 0, (party.id,), mandate=grant.id, power=PROPOSE,
                  holder=Key.from_name("general").public_key)  # fmt: skip
    index = home.intake.receipt(grant.id).index
    gap = assemble(claim, [home.intake], exclude=frozenset({index})).encoded()
    node = disk_node(tmp_path / "node", clock, follow=[party.id])
    assert node.take_bundle(gap, came("courier")).parties == ()
    assert node.standing(grant.id, PROPOSE).answer is Answer.CANNOT_TELL
    shown = node.take_bundle(assemble(claim, [home.intake]).encoded(), came("courier"))
    assert (shown.parties, shown.reason) == ((party.id,), "")
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"
    hear(node, party.beacon(START, **home.position(party)))
    assert node.freshness(party.id).as_of == START
    node.close()
    node = disk_node(tmp_path / "node", clock)
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"
    dismissal = party.dismiss(grant)
    home.log(dismissal)
    node.take_bundle(assemble(claim, [home.intake]).encoded(), came("courier"))
    said = node.standing(grant.id, PROPOSE)
    assert (said.answer, said.proven, said.by) == (Answer.REFUSED, True, dismissal.id)
    node.close()


@pytest.mark.parametrize("as_copy", [True, False])
def test_of_a_home_that_many_share_only_followed_parties_are_taken(party, as_copy):
    node, home, stranger = memory_node(follow=[party.id]), HomeLedger(), Party("Kornilov")
    grant = party.grant()
    home.log(party.found, stranger.found, stranger.grant(), grant)
    claim = Claim("recorded", home.intake.depositary, 0, act=grant.id)
    bundle = assemble(claim, [home.intake]).encoded()
    found = node.take_bundle(home.copy(party) if as_copy else bundle, came())
    assert (found.parties, found.reason) == ((party.id,), "")
    assert {act.id for act in node.every()} == {party.found.id, grant.id}
    assert node.status()["waiting"] == []
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_a_whole_ledger_as_evidence_brings_no_strangers(party):
    """A bundle shows whatever entries its maker likes: here all of a home that a stranger shares."""
    node, home, stranger = memory_node(follow=[party.id]), HomeLedger(), Party("Kornilov")
    home.log(party.found, stranger.found, stranger.grant())
    home.intake.stamp([party.id, stranger.id])
    entries = tuple((entry.index, entry.data) for entry in home.intake.store.entries())
    shown = Shown(home.intake.depositary, home.intake.checkpoint(), entries, ())
    bundle = Bundle(Claim("recorded", home.intake.depositary, 0, act=party.found.id), (shown,), ())
    assert node.take_bundle(bundle.encoded(), came()).parties == (party.id,)
    assert [act.id for act in node.every()] == [party.found.id]
    assert node.status()["waiting"] == []


def test_evidence_that_was_altered_shows_nothing(party):
    node, home = memory_node(), HomeLedger()
    home.log(party.found)
    bundle = assemble(Claim("recorded", home.intake.depositary, 0, act=party.found.id), [home.intake])
    (shown,) = bundle.ledgers
    altered = replace(shown, entries=tuple((index, entry[:-1] + b"\0") for index, entry in shown.entries))
    said = node.take_bundle(replace(bundle, ledgers=(altered,)).encoded(), came())
    assert (said.reason, said.parties) == ("proof.root", ())
    assert (node.every(), node.store.bundles()) == ([], [])


def test_a_suspension_works_at_once_and_its_undoing_only_when_proven(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    suspension = party.suspend(grant.id)
    undone = party.decide("confirm", about=suspension.id, answer=False)
    assert hear(node, party.found, grant, suspension, undone) == ["new"] * 4
    assert node.standing(grant.id, PROPOSE).reason == "standing.suspended"
    home.log(party.found, grant, suspension, undone)
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def suspended_at_home(party, *, shown_after):
    """Return a clock, a home that logged a grant and its suspension, that grant and that suspension, and a copy of it
    that was made so much later."""
    clock = SetClock()
    home = HomeLedger(clock)
    grant = party.grant()
    suspension = party.suspend(grant.id)
    home.log(party.found, grant, suspension)
    clock.time += shown_after
    return clock, home, grant, suspension, home.copy(party)


def test_a_suspension_that_is_heard_late_works_no_longer_than_at_home(party):
    """It lapses so long after the home logged it, not after this node heard of it."""
    clock, _, grant, suspension, copy = suspended_at_home(party, shown_after=DAY + HOUR)
    node = memory_node(clock)
    hear(node, party.found, grant, suspension)
    found = node.standing(grant.id, PROPOSE)
    assert (found.reason, found.proven) == ("standing.suspended", False)
    node.take_bundle(copy, came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_a_suspension_is_proven_as_long_as_it_works_at_home(party):
    clock, home, grant, suspension, copy = suspended_at_home(party, shown_after=HOUR)
    node = memory_node(clock)
    node.take_bundle(copy, came())
    found = node.standing(grant.id, PROPOSE)
    assert (found.reason, found.proven, found.by) == ("standing.suspended", True, suspension.id)
    clock.time += DAY
    assert node.standing(grant.id, PROPOSE).words == "in force (as heard)", "the home is shown up to before the lapse"
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_a_suspension_that_no_home_holds_is_as_heard(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    home.log(party.found, grant)
    node.take_bundle(home.copy(party), came())
    hear(node, party.suspend(grant.id))
    found = node.standing(grant.id, PROPOSE)
    assert (found.reason, found.proven) == ("standing.suspended", False)


def test_that_a_suspension_lasts_counts_as_heard_until_the_home_answers_that_it_was_too_late(party):
    clock, home, grant, suspension, copy = suspended_at_home(party, shown_after=DAY + HOUR)
    lasts = party.decide("confirm", about=suspension.id, answer=True)
    node = memory_node(clock)
    node.take_bundle(copy, came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"
    hear(node, lasts)
    found = node.standing(grant.id, PROPOSE)
    assert (found.reason, found.proven) == ("standing.suspended", False), "the home may have taken it in time"
    home.log(lasts)
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"


def test_a_dispatch_key_s_suspension_that_is_heard_late_works_no_longer_than_at_home(party):
    clock, key = SetClock(), Key.from_name("relay").public_key
    node, home = memory_node(clock), HomeLedger(clock)
    appointed = party.decide("appoint", dispatch=[key])
    suspension = party.suspend(key)
    home.log(party.found, appointed, suspension)
    clock.time += DAY + HOUR
    hear(node, party.found, appointed, suspension)
    assert node.dispatch_keys() == {}
    node.take_bundle(home.copy(party), came())
    assert node.dispatch_keys() == {key: party.id}


def test_one_party_s_member_suspends_no_dispatch_key_of_another(party):
    """Neither in the journal nor while his word waits."""
    node, home, other = memory_node(), HomeLedger(), Party("Brest")
    key = Key.from_name("relay").public_key
    hear(node, party.found, other.found, party.decide("appoint", dispatch=[key]))
    hear(node, other.suspend(key))
    sides = elections(other)
    elected, seated = sides["right"]
    hear(node, sides["left"][0], elected)
    home.log(other.found, elected)
    node.take_bundle(home.copy(other), came())
    waiting = node.take(data(draft("suspend", {"organ": other.organ, "target": key}).signed_by(seated[0])), came())
    assert (waiting.state, waiting.works) == (State.PENDING, True)
    assert node.dispatch_keys() == {key: party.id}


def test_an_urgent_grant_that_is_heard_late_lapses_as_at_home():
    member = Key.from_name("Smolny member 0").public_key
    party = Party(urgent={"keys": [member], "needs": 1, "lapse": HOUR})
    clock = SetClock()
    node, home = memory_node(clock), HomeLedger(clock)
    fields = {"organ": party.organ, "powers": powers("open", "propose"), "to": Key.from_name("general").public_key}
    grant = draft("urgent-grant", fields).signed_by(Key.from_name("Smolny member 0"))
    home.log(party.found, grant)
    clock.time += DAY
    hear(node, party.found, grant)
    assert node.standing(grant.id, PROPOSE).words == "in force (as heard)"
    node.take_bundle(home.copy(party), came())
    assert node.standing(grant.id, PROPOSE).reason == "standing.lapsed"


def test_a_link_that_a_losing_dismissal_voided_stands_when_the_home_is_shown(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant(given=powers("propose", "delegate"), depth=1)
    place = party.head
    lost = party.decide("dismiss", prior=place, mandate=grant.id)
    taken = party.decide("decide", words="he stays")
    link = party.say(grant, "delegate", to=Key.from_name("aide").public_key, powers=2)
    assert hear(node, party.found, grant, lost, link)[-1] == "void"
    assert node.standing(link.id, PROPOSE).answer is Answer.REFUSED
    home.log(party.found, grant, taken)
    node.take_bundle(home.copy(party), came())
    assert node.standing(link.id, PROPOSE).words == "in force (proven)"


def test_a_home_that_signed_two_histories_proves_nothing(party):
    node, home = memory_node(), HomeLedger()
    grant = party.grant()
    home.log(party.found, grant)
    node.take_bundle(home.copy(party), came())
    liar = HomeLedger()
    liar.log(party.found)
    shown = node.take_bundle(liar.copy(party), came())
    assert shown.reason == "home.forked"
    said = node.standing(grant.id, PROPOSE)
    assert (said.answer, said.reason) == (Answer.CANNOT_TELL, "home.forked")
    (party_status,) = node.status()["parties"]
    assert [one["kind"] for one in party_status["alarms"]] == ["home"]


def test_a_copy_under_another_key_is_nobodys_home(party):
    node = memory_node(follow=[party.id])
    liar = HomeLedger(key=Key.from_name("a liar"))
    liar.log(party.found)
    assert node.take_bundle(liar.copy(), came()).reason == "node.not-followed"
    assert node.store.homes() == []
    assert node.take_bundle(b"\xa6\x63keynothing", came()).reason.startswith("cbor.")
    assert node.take_bundle(b"", came()).reason != ""


def test_a_home_is_pulled_in_parts_and_an_older_copy_takes_nothing_back(party):
    node, home = memory_node(), HomeLedger()
    home.log(party.found)
    old = home.copy(party)
    first = [entry.data for entry in home.intake.store.entries()]
    assert node.take_home(home.intake.depositary, 0, first, home.intake.checkpoint(), came()).reason == ""
    grant = party.grant()
    home.log(grant)
    assert node.home_size(home.intake.depositary) == len(first)
    rest = [entry.data for entry in home.intake.store.entries(len(first))]
    wrong = node.take_home(home.intake.depositary, len(first) + 1, rest, home.intake.checkpoint(), came())
    assert wrong.reason == "proof.root"
    altered = [*rest[:-1], data(party.decide("decide", words="never logged"))]
    held = node.holdings.homes.copies[home.intake.depositary]
    shown = node.take_home(home.intake.depositary, len(first), altered, home.intake.checkpoint(), came())
    assert shown.reason == "proof.root"
    again = node.holdings.homes.copies[home.intake.depositary]
    assert again is held, "a peer who shows nonsense costs no reading of the copy"
    assert node.take_home(home.intake.depositary, len(first), rest, home.intake.checkpoint(), came()).reason == ""
    assert node.standing(grant.id, PROPOSE).words == "in force (proven)"
    assert node.take_bundle(old, came()).reason == ""
    assert node.home_size(home.intake.depositary) == len(first) + len(rest)
    assert node.home_ledgers() == {party.id: home.intake.depositary}


# --- freshness and leases ---------------------------------------------------------------------------------------------


def test_a_lease_freezes_committing_powers_and_leaves_talks(party):
    clock = SetClock()
    node = memory_node(clock)
    grant = party.grant(given=powers("propose", "conclude"), fresh=2 * HOUR)
    hear(node, party.found, grant)
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    hear(node, party.beacon(START, count=2))
    assert node.standing(grant.id, CONCLUDE).answer is Answer.IN_FORCE
    clock.time += 2 * HOUR + 1
    assert node.standing(grant.id, CONCLUDE).reason == "standing.stale"
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_no_beacon_by_the_time_that_the_newest_one_said_is_being_cut_off(party):
    clock = SetClock()
    node = memory_node(clock)
    hear(node, party.found)
    assert node.freshness(party.id).state is Fresh.UNKNOWN
    hear(node, party.beacon(START, count=1))
    clock.time += HOUR
    assert node.freshness(party.id).words == f"current as of {START}"
    clock.time += 1
    said = node.freshness(party.id)
    assert (said.state, said.words) == (Fresh.CUT_OFF, f"cut off; current as of {START}")
    hear(node, party.beacon(clock.time, count=1))
    assert node.freshness(party.id).state is Fresh.CURRENT


def test_a_beacon_that_speaks_of_more_than_came_shows_starving_within_a_period(party):
    clock, home = SetClock(), HomeLedger()
    node = memory_node(clock)
    home.log(party.found)
    node.take_bundle(home.copy(party), came())
    hear(node, party.beacon(START, **home.position(party)))
    assert node.freshness(party.id).state is Fresh.CURRENT
    grant = party.grant()
    home.log(grant)
    clock.time += 600
    hear(node, party.beacon(clock.time, **home.position(party)))
    assert node.freshness(party.id).state is Fresh.BEHIND
    clock.time += HOUR
    said = node.freshness(party.id)
    assert (said.state, said.shown, said.as_of, said.said, said.held) == (Fresh.STARVED, True, START, 2, 1)
    node.take_bundle(home.copy(party), came())
    assert node.freshness(party.id).state is Fresh.CURRENT


def test_others_heads_show_starving_too_and_by_whom(party):
    clock = SetClock()
    first, second = memory_node(clock), memory_node(clock, "other")
    grant = party.grant()
    hear(first, party.found)
    hear(second, party.found, grant)
    assert first.hear_heads(second.heads(), Came("bus", "other.example", START)) == [party.organ]
    clock.time += HOUR
    said = first.freshness(party.id)
    assert (said.state, said.shown, said.more) == (Fresh.STARVED, False, ("other.example by bus",))
    hear(first, grant)
    assert first.freshness(party.id).state is Fresh.UNKNOWN
    assert first.hear_heads(second.heads(), came()) == []


# --- heads, and what others lack --------------------------------------------------------------------------------------


def test_what_another_node_lacks_follows_from_its_heads(party):
    clock = SetClock()
    full, empty = memory_node(clock), memory_node(clock, "empty")
    acts = [party.found, *(party.decide("decide", words=str(n)) for n in range(6))]
    hear(full, *acts, party.beacon(START, count=7))
    sent = full.lacking(empty.heads())
    assert set(hear_all(empty, sent)) == {"new"}
    assert empty.heads() == full.heads()
    assert full.lacking(empty.heads()) == []
    hear(full, party.decide("decide", words="one more"))
    assert len(full.lacking(empty.heads())) == 1


def hear_all(node, envelopes):
    return [node.take(envelope, came()).state.value for envelope in envelopes]


def test_an_organ_with_two_decisions_at_one_place_has_no_row_and_stands_loose(party):
    node = memory_node()
    first = party.decide("decide", prior=party.organ, words="yes")
    second = party.decide("decide", prior=party.organ, words="no")
    hear(node, party.found, first, second)
    assert party.organ not in node.heads().organs
    assert {first.id, second.id} <= set(node.loose())


def test_a_listener_hears_of_what_may_be_handed_on(party):
    node, told = memory_node(), []
    grant = party.grant()
    hear(node, party.found)
    node.listen(lambda act: told.append(act.id))
    hear(node, grant, grant, party.decide("decide", prior=bytes(32), words="waits"))
    assert told == [grant.id]
    assert [act.id for act in node.every()] == [party.found.id, grant.id]


def test_dispatch_keys_are_those_of_the_newest_appointment_less_the_suspended(party):
    node = memory_node()
    keys = [Key.from_name(f"relay {n}").public_key for n in range(3)]
    appointed = party.decide("appoint", dispatch=sorted(keys[:2]))
    hear(node, party.found, appointed)
    assert node.dispatch_keys() == dict.fromkeys(keys[:2], party.id)
    hear(node, party.suspend(keys[0]))
    assert node.dispatch_keys() == {keys[1]: party.id}
    hear(node, party.decide("appoint", dispatch=[keys[2]]))
    assert node.dispatch_keys() == {keys[2]: party.id}


# --- acknowledgement and the propagation map --------------------------------------------------------------------------


def test_the_propagation_map_says_who_knows_who_was_heard_and_who_is_silent(party):
    clock = SetClock()
    node = memory_node(clock)
    general, ensign, clerk = (party.grant(name) for name in ("general", "ensign", "clerk"))
    hear(node, party.found, general, ensign, clerk)
    earlier = party.say(clerk, "query", "clerk", about=general.id, to=party.organ)
    hear(node, earlier, by=Came("bus", "relay", START))
    clock.time += 60
    order = party.decide("decide", words="cease fire")
    hear(node, order)
    ack = draft("reply", {"by": ensign.id, "about": order.id, "at": clock.time}).signed_by(Key.from_name("ensign"))
    clock.time += 60
    node.take(data(ack), Came("radio", "station", clock.time))
    found = {one.mandate: one for one in node.reached(order.id).hearers}
    assert (found[ensign.id].state, found[ensign.id].channel, found[ensign.id].age) == ("acknowledged", "radio", 0)
    assert (found[clerk.id].state, found[clerk.id].channel, found[clerk.id].age) == ("last heard before", "bus", 120)
    assert (found[general.id].state, found[general.id].time) == ("unreachable", None)
    json.dumps(node.reached(order.id).plain())


def test_a_holder_acknowledges_with_his_own_key(party):
    node, council = memory_node(), memory_node(name="council")
    grant = party.grant()
    order = party.decide("decide", words="advance")
    for one in (node, council):
        hear(one, party.found, grant, order)
    envelope = node.acknowledge(Key.from_name("general"), grant.id, order.id)
    assert council.reached(order.id).of("acknowledged") == ()
    council.take(envelope, came())
    assert [one.mandate for one in council.reached(order.id).of("acknowledged")] == [grant.id]


# --- what became of an act --------------------------------------------------------------------------------------------


def test_what_became_of_an_act(party):
    node, home = memory_node(), HomeLedger()
    grant, place = party.grant(), party.head
    one, two = (party.decide("decide", prior=place, words=word) for word in ("yes", "no"))
    after = party.decide("decide", prior=two.id, words="so be it")
    party.head = bytes(32)
    waits, works = party.decide("decide", words="later"), party.decide("dismiss", prior=bytes(32), mandate=grant.id)
    said = party.say(grant, "say", dossier=bytes(32), words="elsewhere")
    hear(node, party.found, grant)
    assert node.fate(grant.id).state == "as heard"
    hear(node, one, two, after, waits, works, said, party.suspend(grant.id))
    states = {act.id: node.fate(act.id).state for act in (one, two, after, waits, works, said)}
    assert list(states.values()) == ["contested", "contested", "contested", "waits", "works", "carried"]
    assert node.fate(one.id).against == two.id
    assert node.fate(b"?" * 32).state == "unknown"
    home.log(party.found, grant, one)
    node.take_bundle(home.copy(party), came())
    assert [node.fate(act.id).state for act in (grant, one, two, after)] == ["proven", "proven", "lost", "lost"]
    json.dumps(node.fate(one.id).plain())


# --- status -----------------------------------------------------------------------------------------------------------


def test_all_answers_have_a_form_that_json_can_hold(party):
    node = memory_node()
    grant = party.grant()
    hear(node, grant)
    taken = node.take(data(party.found), came())
    for value in (node.status(), taken.plain(), node.standing(grant.id, PROPOSE).plain()):
        assert json.loads(json.dumps(value)) == value
    json.dumps(node.freshness(party.id).plain())


# --- on the disk ------------------------------------------------------------------------------------------------------


def answers(node, party, grant):
    standing, freshness = node.standing(grant.id, PROPOSE), node.freshness(party.id)
    return standing, freshness, node.heads(), dict(node.loose()), node.wanted(), dict(node.dispatch_keys())


def test_after_a_restart_a_node_answers_as_before(party, tmp_path):
    clock, home = SetClock(), HomeLedger()
    node = disk_node(tmp_path / "node", clock, follow=[party.id])
    grant = party.grant()
    other = party.grant("ensign")
    home.log(party.found, grant, other)
    node.take_bundle(home.copy(party), came())
    hear(node, party.decide("appoint", dispatch=[party.dispatch_key.public_key]))
    party.decide("decide", words="withheld")
    waits = party.dismiss(grant)
    word = party.say(other, "say", "ensign", dossier=bytes(32), words="elsewhere")
    assert hear(node, waits, word, party.beacon(START, **home.position(party))) == ["pending", "carried", "new"]
    node.acknowledge(Key.from_name("ensign"), other.id, grant.id)
    before, reached = answers(node, party, grant), node.reached(grant.id)
    node.close()
    node = disk_node(tmp_path / "node", clock)
    assert answers(node, party, grant) == before
    assert node.reached(grant.id) == reached
    assert node.follows(party.id)
    assert not node.follows(bytes(32))
    node.close()


def test_the_same_folder_has_one_node(party, tmp_path):
    node = disk_node(tmp_path / "node")
    with pytest.raises(StoreError):
        disk_node(tmp_path / "node")
    node.close()
    disk_node(tmp_path / "node").close()


def test_a_lost_file_beside_the_journal_is_made_again_from_it(party, tmp_path):
    clock = SetClock()
    node = disk_node(tmp_path / "node", clock)
    grant = party.grant()
    hear(node, party.found, grant, party.beacon(START, count=2))
    node.acknowledge(Key.from_name("general"), grant.id, party.found.id)
    before, reached = answers(node, party, grant), node.reached(party.found.id)
    node.close()
    for path in (tmp_path / "node").glob("node.sqlite*"):
        path.unlink()
    node = disk_node(tmp_path / "node", clock)
    assert answers(node, party, grant) == before
    assert [one.act for one in node.reached(party.found.id).hearers] == [one.act for one in reached.hearers]
    node.close()


def test_a_full_disk_beside_the_journal_loses_nothing_that_was_answered(party, monkeypatch):
    """The journal commits, then the file beside it fails: the next call notes what was missed."""
    node = memory_node()
    hear(node, party.found)
    one, two = (party.decide("decide", prior=party.organ, words=word) for word in ("yes", "no"))
    hear(node, one)

    def full(*_):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(NodeStore, "add_proof", full)
        with pytest.raises(StoreError):
            node.take(data(two), came())
    assert hear(node, two) == ["known"]
    assert [proof.kind for proof in node.store.proofs()] == ["decision"]


# --- crashes ----------------------------------------------------------------------------------------------------------

VICTIM = """
import os, sys
from pathlib import Path
from random import Random
from tests.nodes import Party, came, data, disk_node
party = Party()
node = disk_node(Path(sys.argv[1]), follow=[party.id])
for number in range(10_000):
    act = party.decide("decide", words=str(number)) if number else party.found
    if node.take(data(act), came()).kept:
        os.write(1, act.id)
"""


def test_attack_43_what_was_acknowledged_is_there_after_kill_9(tmp_path):
    """Attack 43: the power goes after the acknowledgement. Nothing that a node said it keeps is lost."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    folder = tmp_path / "node"
    for acknowledged_before_the_kill in (3, 17, 40):
        victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(folder)], stdout=subprocess.PIPE, env=environment)
        told = b""
        while len(told) < 32 * acknowledged_before_the_kill:
            more = victim.stdout.read(32)
            assert more, "the node ended by itself"
            told += more
        victim.send_signal(signal.SIGKILL)
        told += victim.stdout.read()
        victim.stdout.close()
        victim.wait()
        ids = [told[at : at + 32] for at in range(0, len(told) - 31, 32)]
        party = Party()
        node = disk_node(folder)
        assert node.read_only is None
        assert len(node.acts(ids)) == len(ids) >= acknowledged_before_the_kill
        assert node.heads().organs[party.organ][0] >= len(ids) - 1
        node.close()


def put_back(backup, folder, *names):
    for name in names:
        for path in folder.glob(f"{name}*"):
            path.unlink()
        shutil.copy(backup / name, folder / name)


def test_a_journal_that_was_put_back_is_read_only_and_tells_no_standing(party, tmp_path):
    """Attack 6: the node's disk is restored from a backup, in part or whole; what it forgot is noticed."""
    folder = tmp_path / "node"
    node = disk_node(folder)
    grant = party.grant()
    hear(node, party.found, grant)
    node.close()
    shutil.copytree(folder, tmp_path / "backup")
    node = disk_node(folder)
    hear(node, party.dismiss(grant))
    node.close()
    put_back(tmp_path / "backup", folder, "journal.sqlite")
    node = disk_node(folder)
    assert node.read_only.reason == "ledger.behind"
    taken = node.take(data(party.found), came())
    assert (taken.state, taken.reason) == (State.REFUSED, "ledger.behind")
    said = node.standing(grant.id, PROPOSE)
    assert (said.answer, said.reason) == (Answer.CANNOT_TELL, "ledger.behind")
    assert node.status()["read_only"]["reason"] == "ledger.behind"
    node.close()


def test_a_journal_and_its_high_water_file_put_back_together_are_noticed_by_the_file_beside(party, tmp_path):
    """Attack 6: rollback of the journal with its high-water file; the node's own file remembers more."""
    folder = tmp_path / "node"
    node = disk_node(folder)
    hear(node, party.found)
    node.close()
    shutil.copytree(folder, tmp_path / "backup")
    node = disk_node(folder)
    hear(node, party.grant())
    node.close()
    put_back(tmp_path / "backup", folder, "journal.sqlite", "journal.high-water")
    node = disk_node(folder)
    assert node.read_only.reason == "ledger.behind"
    node.close()


def test_a_memory_node_outlives_its_process_as_a_disk_does(party):
    clock, journal, beside = SetClock(), MemoryStore(), NodeStore(None)
    node = memory_node(clock, journal=journal, store=beside)
    grant = party.grant()
    hear(node, party.found, grant)
    again = memory_node(clock, journal=journal, store=beside)
    assert answers(again, party, grant) == answers(node, party, grant)


def test_organs_made_later_have_their_acts_too(party):
    node, empty = memory_node(), memory_node(name="empty")
    seats = [[Key.from_name("commissar").public_key, 1]]
    board = {"name": "board", "seats": seats, "needs": 1, "powers": powers("delegate", "open")}
    made = draft("constitute", {"organ": party.organ, "prior": party.organ, "new": board})
    made = made.signed_by(*party.members, Key.from_name("commissar"))
    name = organ_id(made.id, "board")
    fields = {"organ": name, "prior": name, "to": Key.from_name("ensign").public_key, "powers": 1}
    grant = draft("grant", fields).signed_by(Key.from_name("commissar"))
    assert hear(node, grant, party.found, made) == ["pending", "new", "new"]
    assert node.acts([name]) == node.acts([made.id])
    assert set(hear_all(empty, node.lacking(empty.heads()))) <= {"new", "pending"}
    assert empty.heads() == node.heads()


def test_a_day_without_news_is_told_as_such(party):
    clock = SetClock()
    node = memory_node(clock)
    hear(node, party.found, party.beacon(START, count=1))
    clock.time += DAY
    (status,) = node.status()["parties"]
    assert status["freshness"]["state"] == "cut off"
