"""A fourth audit of the nodes: what the mends of the third left, read as an enemy would."""

import pytest

from pourparler.core import limits
from pourparler.core.council import organ_id
from pourparler.dispatch.carousel import Carousel, MemoryCounters
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.frame import FrameForm
from pourparler.service.drafting import draft, powers
from pourparler.service.node.nouns import Answer, State
from pourparler.service.station import Station
from pourparler.testing.keys import Key
from tests.nodes import (
    DAY,
    DELEGATE,
    HOUR,
    PROPOSE,
    START,
    TALKS,
    HomeLedger,
    Party,
    SetClock,
    came,
    data,
    disk_node,
    election,
    hear,
    memory_node,
    recoverable,
    rows,
    seated,
    two_elections,
    with_a_board,
)

SUB = Key.from_name("sub").public_key


def delegated(party, **more):
    """Return a mandate whose holder may delegate, and a link that he gives."""
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=2, **more)
    return mandate, party.say(mandate, "delegate", "top", to=SUB, powers=int(TALKS), **more)


def recovered(party, recoverer, place, name="thief"):
    """Return a recovery of all of the council's keys at a place, and the new ones."""
    new = seated(name)
    pairs = [[old.public_key, key.public_key] for old, key in zip(party.members, new, strict=True)]
    act = draft("recover", {"organ": party.organ, "prior": place, "seats": pairs}).signed_by(recoverer, *new)
    return act, new


def after(party, prior, kind, signers, **fields):
    return draft(kind, {"organ": party.organ, "prior": prior, **fields}).signed_by(*signers)


# --- who may end what -------------------------------------------------------------------------------------------------


def test_a_stranger_s_void_revocation_ends_nobody_s_mandate(party):
    """Void for his own key's role, it was kept as one whose speaker was stopped; nobody asked whose link it names."""
    node, mandate, stranger = memory_node(), party.grant(), Party("Stranger")
    own = stranger.grant("crook")
    named = stranger.decide("appoint", dispatch=[Key.from_name("crook").public_key])
    revocation = stranger.say(own, "revoke", "crook", target=mandate.id)
    assert hear(node, party.found, mandate, stranger.found, own, named, revocation)[-1] == "void"
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_colleague_s_void_revocation_ends_nobody_s_mandate_and_that_of_who_is_above_does(party):
    node = memory_node()
    mandate, link = delegated(party)
    other = party.grant("crook")
    keys = sorted(Key.from_name(name).public_key for name in ("crook", "top"))
    named = party.decide("appoint", dispatch=keys)
    hear(node, party.found, mandate, link, other, named, party.say(other, "revoke", "crook", target=link.id))
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE
    assert hear(node, party.say(mandate, "revoke", "top", target=link.id)) == ["void"]
    assert node.standing(link.id, PROPOSE).reason == "standing.revoked"


def test_a_revocation_of_a_link_that_only_a_lost_decision_voids_ends_it(party):
    node, home = memory_node(), HomeLedger()
    mandate, link = delegated(party)
    lost = party.decide("dismiss", prior=party.head, mandate=mandate.id)
    taken = party.decide("decide", words="in its place")
    revocation = party.say(mandate, "revoke", "top", target=link.id)
    assert hear(node, party.found, mandate, lost, link, revocation)[3:] == ["void", "pending"]
    assert revocation.id in node.loose()
    home.log(party.found, mandate, taken)
    node.take_bundle(home.copy(party), came())
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE
    assert node.standing(link.id, PROPOSE).reason == "standing.revoked"


def test_a_revocation_that_the_home_holds_void_ends_nothing(party, clock):
    """Heard here before the suspension of who revokes; it lapses at home, and has voided the revocation there."""
    node, home = memory_node(clock), HomeLedger(clock)
    mandate, link = delegated(party)
    revocation = party.say(mandate, "revoke", "top", target=link.id)
    hear(node, party.found, mandate, link, revocation)
    home.log(party.found, mandate, link, party.suspend(mandate.id))
    assert home.intake.submit(data(revocation)).void == "standing.suspended"
    clock.time += 2 * DAY
    node.take_bundle(home.copy(party), came())
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


# --- recoveries -------------------------------------------------------------------------------------------------------


def test_who_steals_recovery_keys_binds_nobody_before_the_wait_nor_after_the_organ_has_decided(clock):
    party, recoverer = recoverable()
    place = party.head
    recovery, new = recovered(party, recoverer, place)
    grant = after(party, recovery.id, "grant", new[:2], to=SUB, powers=int(TALKS))
    node = memory_node(clock)
    hear(node, party.found, recovery, grant)
    assert node.standing(grant.id, PROPOSE).reason == "decision.recovery-waits"
    late, decided = memory_node(clock), party.decide("decide", words="we are here")
    hear(node, decided)
    hear(late, party.found, decided, recovery, grant)
    clock.time += 2 * HOUR
    for one in (node, late):
        assert one.standing(grant.id, PROPOSE).reason == "node.equivocation"
    honest = party.grant()
    hear(node, honest)
    assert node.standing(honest.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_recovery_that_has_taken_effect_seats_who_grants(clock):
    party, recoverer = recoverable()
    recovery, new = recovered(party, recoverer, party.head, "new")
    grant = after(party, recovery.id, "grant", new[:2], to=SUB, powers=int(TALKS))
    node = memory_node(clock)
    hear(node, party.found, recovery)
    clock.time += HOUR
    hear(node, grant)
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_keys_named_after_a_recovery_that_waits_speak_for_nobody(clock):
    party, recoverer = recoverable()
    recovery, new = recovered(party, recoverer, party.head)
    named = after(party, recovery.id, "appoint", new[:2], dispatch=[SUB], beacons=[Key.from_name("b").public_key])
    node = memory_node(clock)
    hear(node, party.found, recovery, named)
    assert SUB not in node.dispatch_keys()
    assert hear(node, party.beacon(START)) == ["new"]


@pytest.mark.parametrize("early", [True, False])
def test_a_thief_of_recovery_keys_stops_no_dismissal_that_waits(clock, early):
    """Whether the dismissal is heard before the recovery takes effect or after it."""
    party, recoverer = recoverable()
    mandate = party.grant()
    place = party.head
    party.decide("decide", words="held back")
    dismissal = party.dismiss(mandate)
    recovery, _ = recovered(party, recoverer, place)
    node = memory_node(clock)
    hear(node, party.found, mandate, *([dismissal] if early else []), recovery)
    clock.time += 2 * HOUR
    hear(node, dismissal)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def test_what_follows_a_recovery_is_handed_on(clock):
    party, recoverer = recoverable()
    mandate = party.grant()
    recovery, new = recovered(party, recoverer, party.head, "new")
    node, other = memory_node(clock), memory_node(clock, "other")
    hear(node, party.found, mandate, recovery)
    clock.time += HOUR
    hear(node, after(party, recovery.id, "dismiss", new[:2], mandate=mandate.id))
    passed_on(node, other)
    assert other.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def passed_on(node, other):
    for envelope in [*node.lacking(other.heads()), *node.loose().values()]:
        other.take(envelope, came())


@pytest.mark.parametrize("late", [True, False])
def test_what_an_organ_decided_before_it_heard_of_its_recall_is_handed_on(party, late):
    constituted, board, members = with_a_board(party, "propose", "delegate", "dismiss")

    def decided(kind, prior, **fields):
        return draft(kind, {"organ": board, "prior": prior, **fields}).signed_by(*members[:2])

    mandate = decided("grant", board, to=SUB, powers=int(powers("propose")))
    second = decided("decide", mandate.id, words="second")
    third = decided("dismiss", second.id, mandate=mandate.id)
    new = seated("anew")
    recall = party.decide("elect", by=[*party.members[:2], *new], of=board, theirs=mandate.id, seats=rows(new))
    node, other = memory_node(), memory_node(name="other")
    hear(node, party.found, constituted, mandate, *((recall, second, third) if late else (second, third, recall)))
    passed_on(node, other)
    assert other.standing(mandate.id, PROPOSE).reason == "standing.dismissed"
    assert board not in node.heads().organs


# --- two decisions at one place ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["left", "right"])
def test_bad_news_by_whom_either_of_two_elections_seats_works_while_it_waits(party, first):
    mandate = party.grant()
    sides = two_elections(party)
    node = memory_node()
    hear(node, party.found, mandate, *(sides[side][0] for side in sorted(sides, reverse=first == "right")))
    dismissal = after(party, bytes(31) + b"x", "dismiss", sides["right"][1][:2], mandate=mandate.id)
    hear(node, dismissal)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def test_who_constitutes_an_organ_at_an_old_place_binds_nobody_through_it(party):
    """Members who have left contradict what was decided since. What they constitute gives no power either."""
    place, old = party.head, list(party.members)
    elected, members = election(party), seated("board")
    new = {"name": "board", "seats": rows(members), "needs": 2, "powers": int(TALKS | DELEGATE), "superior": "council"}
    constituted = party.decide("constitute", prior=place, by=[*old[:2], *members], new=new)
    board = organ_id(constituted.id, "board")
    fields = {"organ": board, "prior": board, "to": SUB, "powers": int(powers("propose"))}
    grant = draft("grant", fields).signed_by(*members[:2])
    node = memory_node()
    hear(node, party.found, elected, constituted, grant)
    assert node.standing(grant.id, PROPOSE).reason == "node.equivocation"


@pytest.mark.parametrize("first", ["left", "right"])
def test_an_urgent_grant_by_whom_a_contested_election_seats_is_not_in_force(party, first):
    sides = two_elections(party)
    fields = {"organ": party.organ, "to": SUB, "powers": int(powers("propose"))}
    urgent = draft("urgent-grant", fields).signed_by(sides["left"][1][0])
    acts = [sides[side][0] for side in sorted(sides, reverse=first == "right")]
    node = memory_node()
    hear(node, party.found, acts[0], urgent, acts[1])
    assert node.standing(urgent.id, PROPOSE).answer is not Answer.IN_FORCE


# --- a confirmation and what it confirms ------------------------------------------------------------------------------


def test_who_brings_a_confirmation_again_does_not_make_it_wait_anew(party, clock):
    """An honest peer does, too, at every exchange: what it confirms may never come."""
    confirmed = party.decide("confirm", about=bytes(31) + b"x", answer=True)
    mandate, node = party.grant(), memory_node(clock)
    hear(node, party.found, confirmed, mandate)
    for _ in range(3):
        clock.time += HOUR // 2
        hear(node, confirmed, mandate)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def handed_over(party):
    """Return the constitution of a board, a hand-over to it, its confirmation, and a grant that needs both."""
    constituted, board, members = with_a_board(party, "open")
    handed = party.decide("hand-over", to=board, powers=int(powers("propose", "delegate")))
    fields = {"organ": board, "prior": board, "about": handed.id, "answer": True}
    confirmed = draft("confirm", fields).signed_by(*members[:2])
    fields = {"organ": board, "prior": confirmed.id, "to": SUB, "powers": int(powers("propose"))}
    return constituted, handed, confirmed, draft("grant", fields).signed_by(*members[:2])


def test_one_signature_of_a_hand_over_does_not_let_its_confirmation_go_first(party, clock):
    """Whoever hears both sends a part of the hand-over, then the confirmation, and holds back the rest past an hour."""
    constituted, handed, confirmed, grant = handed_over(party)
    node, one = memory_node(clock), handed.envelope.signatures[0]
    hear(node, party.found, constituted)
    assert node.take_part(handed.envelope.payload, one.kid, one.value, came()).state is State.PENDING
    assert hear(node, confirmed) == ["pending"]
    clock.time += 2 * HOUR
    assert hear(node, confirmed, handed)[1] == "new"
    hear(node, grant)
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_acts_that_come_together_are_judged_as_if_they_came_one_by_one(party):
    constituted, handed, confirmed, grant = handed_over(party)
    node = memory_node()
    node.take_many([data(act) for act in (party.found, constituted, confirmed, handed, grant)], came())
    assert node.standing(grant.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_link_that_comes_together_with_its_mandate_is_not_void_for_want_of_a_beacon(party):
    mandate, link = delegated(party, fresh=HOUR)
    node = memory_node()
    node.take_many([data(act) for act in (party.found, mandate, link)], came())
    hear(node, party.beacon(START))
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_link_that_comes_together_with_a_suspension_waits(party, clock):
    mandate, link = delegated(party)
    node = memory_node(clock)
    node.take_many([data(act) for act in (party.found, mandate, party.suspend(mandate.id), link)], came())
    clock.time += 2 * DAY
    hear(node, party.found)
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


# --- suspensions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_a_confirmed_suspension_lasts_whichever_other_one_of_the_member_s_came_first(party, clock, order):
    """A thief of his key suspends first: the member's own is then a repeated one, and no ledger's. It is confirmed."""
    mandate = party.grant()
    fields = {"organ": party.organ, "target": mandate.id, "words": "by the thief"}
    suspension = party.suspend(mandate.id)
    lasts = party.decide("confirm", about=suspension.id, answer=True)
    acts = [draft("suspend", fields).signed_by(party.members[0]), suspension, lasts]
    node = memory_node(clock)
    hear(node, party.found, mandate, *(acts[at] for at in order))
    clock.time += 2 * DAY
    assert node.standing(mandate.id, PROPOSE).reason == "standing.suspended"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_suspension_voids_no_link_for_good(party, clock, order):
    """One stolen member's key does: heard first, it must not outlive its lapse."""
    mandate, link = delegated(party)
    acts = [link, party.suspend(mandate.id)]
    node = memory_node(clock)
    hear(node, party.found, mandate, *(acts[at] for at in order))
    assert node.standing(link.id, PROPOSE).answer is not Answer.IN_FORCE
    clock.time += 2 * DAY
    hear(node, party.found)
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_suspension_that_the_home_refuses_as_repeated_stops_nothing(party, clock):
    node, home = memory_node(clock), HomeLedger(clock)
    mandate = party.grant()
    suspension = party.suspend(mandate.id)
    undone = party.decide("confirm", about=suspension.id, answer=False)
    fields = {"organ": party.organ, "target": mandate.id, "words": "again"}
    hear(node, party.found, mandate, draft("suspend", fields).signed_by(party.members[0]))
    assert node.standing(mandate.id, PROPOSE).reason == "standing.suspended"
    home.log(party.found, mandate, suspension, undone)
    node.take_bundle(home.copy(party), came())
    assert node.standing(mandate.id, PROPOSE).words == "in force (proven)"


def test_who_brings_a_waiting_suspension_again_does_not_put_off_its_lapse(party, clock):
    mandate = party.grant()
    sides = two_elections(party)
    node, home = memory_node(clock), HomeLedger(clock)
    hear(node, party.found, mandate, sides["left"][0], sides["right"][0])
    home.log(party.found, mandate, sides["right"][0])
    node.take_bundle(home.copy(party), came())
    suspension = draft("suspend", {"organ": party.organ, "target": mandate.id}).signed_by(sides["right"][1][0])
    for _ in range(3):
        assert node.take(data(suspension), came()).works
        clock.time += DAY // 2
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


# --- restarts ---------------------------------------------------------------------------------------------------------


def test_what_works_while_it_waits_works_after_a_restart_also_where_another_signer_was_seated_since(party, tmp_path):
    mandate, traitor = party.grant(), seated("new")[0]
    dismissal = after(party, bytes(31) + b"x", "dismiss", [*party.members[:2], traitor], mandate=mandate.id)
    elected = election(party)
    node = disk_node(tmp_path / "node")
    hear(node, party.found, mandate, dismissal, elected)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"
    node.close()
    assert disk_node(tmp_path / "node").standing(mandate.id, PROPOSE).reason == "standing.dismissed"


# --- shares -----------------------------------------------------------------------------------------------------------


def test_one_who_may_act_in_urgency_fills_nobody_else_s_share(monkeypatch):
    monkeypatch.setattr(limits, "NODE_SPEAKER_ACTS_MAX", 8)
    monkeypatch.setattr(limits, "NODE_ORGAN_ACTS_MAX", 8)
    keys = [member.public_key for member in Party().members]
    party = Party(urgent={"keys": keys, "needs": 1, "lapse": HOUR})
    first, second = party.grant(), party.grant("second")
    node = memory_node()
    hear(node, party.found, first, second)
    for number in range(20):
        fields = {"organ": party.organ, "mandate": number.to_bytes(32, "big")}
        hear(node, draft("urgent-dismiss", fields).signed_by(party.members[0]))
    urgent = draft("urgent-dismiss", {"organ": party.organ, "mandate": first.id}).signed_by(party.members[1])
    assert hear(node, urgent, party.dismiss(second)) == ["new", "new"]
    more = draft("urgent-dismiss", {"organ": party.organ, "mandate": second.id}).signed_by(party.members[0])
    assert node.take(data(more), came()).reason == "node.quota"


def test_one_who_may_act_in_urgency_since_a_recovery_has_a_share_and_no_more(monkeypatch, clock):
    monkeypatch.setattr(limits, "NODE_SPEAKER_ACTS_MAX", 8)
    party, recoverer = recoverable()
    recovery, new = recovered(party, recoverer, party.head, "new")
    urgent = {"keys": [new[0].public_key], "needs": 1, "lapse": HOUR}
    elected = after(party, recovery.id, "elect", new[:2], seats=rows(new), urgent=urgent)
    node = memory_node(clock)
    hear(node, party.found, recovery)
    clock.time += HOUR
    hear(node, elected)
    acts = [
        draft("urgent-dismiss", {"organ": party.organ, "mandate": number.to_bytes(32, "big")}).signed_by(new[0])
        for number in range(20)
    ]
    answers = [node.take(data(act), came()) for act in acts]
    assert answers[0].state is State.NEW
    assert answers[-1].reason == "node.quota"


def test_who_has_recovery_keys_fills_no_organ_s_share(monkeypatch):
    monkeypatch.setattr(limits, "NODE_SPEAKER_ACTS_MAX", 8)
    monkeypatch.setattr(limits, "NODE_ORGAN_ACTS_MAX", 8)
    party, recoverer = recoverable()
    node = memory_node()
    hear(node, party.found)
    answers = [hear(node, recovered(party, recoverer, party.head, f"thief {n}")[0])[0] for n in range(10)]
    assert answers == ["new"] * 8 + ["refused"] * 2
    assert hear(node, party.grant()) == ["new"]


# --- a station --------------------------------------------------------------------------------------------------------


def test_what_came_before_what_it_waited_for_is_sent_on_when_it_is_judged(party):
    """Between two islands of radio: who hears the dismissal's prior last must hand on all of it."""
    node, carousel = memory_node(), Carousel(party.id, None, 1_200, MemoryCounters(), bytes(16))
    mandate = party.grant()
    later = party.decide("decide", words="after it")
    station = Station(node, InProcess(), SetClock())
    station.carousels.append(carousel)
    station.take([data(act) for act in (party.found, later)], came())
    station.take([data(mandate)], came())
    assert {party.found.id, mandate.id, later.id} <= carousel.carried


def test_more_signatures_of_what_only_works_while_it_waits_are_heard_after_a_restart(party):
    node = memory_node()
    mandate = party.grant()
    dismissal = after(party, bytes(31) + b"x", "dismiss", party.members[:2], mandate=mandate.id)
    hear(node, party.found, mandate, dismissal)
    station = Station(node, InProcess(), SetClock())
    assert station.tags(FrameForm.PART, mandate.id[:8])
    assert not station.tags(FrameForm.PART, dismissal.id[:8])
