"""A third audit of the nodes: orders in which acts come, restarts between them, and commits that fail."""

from hashlib import sha512
from itertools import combinations

import pytest
from nacl import bindings

from pourparler.core import limits
from pourparler.core.encoding import encode, to_be_signed
from pourparler.core.evidence import Bundle, Claim
from pourparler.ports import StoreError
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble, show
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Answer, State
from pourparler.service.spool import FORMAT, Job, Spool
from pourparler.store.node import Bounds, NodeStore
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
    came,
    data,
    disk_node,
    election,
    fields_of,
    hear,
    memory_node,
    recoverable,
    rows,
    seated,
    two_elections,
    with_a_board,
)

# --- what waits, and who has a seat -----------------------------------------------------------------------------------


def test_a_dismissal_that_waits_works_once_its_signers_are_known_to_have_seats(party):
    """Its prior is held back. Whether the election is heard before it or after it makes no difference."""
    mandate = party.grant()
    elected = election(party)
    party.decide("decide", words="held back")
    dismissal = party.dismiss(mandate)
    first, second = memory_node(), memory_node()
    hear(first, party.found, mandate, elected, dismissal)
    hear(second, party.found, mandate, dismissal, elected)
    assert first.standing(mandate.id, PROPOSE).reason == "standing.dismissed"
    assert second.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def test_a_thief_of_recovery_keys_undoes_no_dismissal_that_waits(clock, tmp_path):
    (party, recoverer), thief = recoverable(), Key.from_name("thief")
    mandate = party.grant()
    place = party.head
    party.decide("decide", words="held back")
    dismissal = party.dismiss(mandate)
    node = disk_node(tmp_path / "node", clock)
    hear(node, party.found, mandate, dismissal)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"
    seats = [[party.members[0].public_key, thief.public_key]]
    recovery = draft("recover", {"organ": party.organ, "prior": place, "seats": seats}).signed_by(recoverer, thief)
    assert hear(node, recovery) == ["new"]
    clock.time += 2 * HOUR
    node.close()
    node = disk_node(tmp_path / "node", clock)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


# --- parts ------------------------------------------------------------------------------------------------------------


def signed_again(act, key, number):
    """Return another good signature of one key over one act: whoever has a key makes as many as he likes."""
    seed = sha512(bytes(key.secret)).digest()
    secret = bindings.crypto_core_ed25519_scalar_reduce(clamped(seed[:32]) + bytes(32))
    mine = next(iter(draft(act.kind, fields_of(act)).signed_by(key).envelope.signatures))
    message = to_be_signed(act.envelope, mine, act.kind)
    once = bindings.crypto_core_ed25519_scalar_reduce(sha512(number.to_bytes(8, "big") + message).digest())
    point = bindings.crypto_scalarmult_ed25519_base_noclamp(once)
    challenge = bindings.crypto_core_ed25519_scalar_reduce(sha512(point + key.public_key + message).digest())
    product = bindings.crypto_core_ed25519_scalar_mul(challenge, secret)
    return mine.kid, point + bindings.crypto_core_ed25519_scalar_add(once, product)


def clamped(scalar):
    number = int.from_bytes(scalar, "little") & ~7 & ~(1 << 255) | 1 << 254
    return number.to_bytes(32, "little")


def test_many_good_signatures_of_one_key_do_not_keep_out_those_of_the_others(party):
    """A thief of one member's key hears the first part of a dismissal, and signs it as often as an envelope holds."""
    node = memory_node()
    mandate = party.grant()
    hear(node, party.found, mandate)
    dismissal = party.dismiss(mandate)
    payload, thief = dismissal.envelope.payload, party.members[2]
    for number in range(limits.ENVELOPE_SIGNATURES_MAX + 1):
        taken = node.take_part(payload, *signed_again(dismissal, thief, number), came())
        assert taken.state is State.PENDING
    for one in dismissal.envelope.signatures:
        taken = node.take_part(payload, one.kid, one.value, came())
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def test_junk_parts_do_not_make_a_long_decision_too_long_to_be_joined(party):
    node = memory_node()
    hear(node, party.found)
    before = party.grant("somebody else")
    scope = sorted(f"{number:03}" + "x" * 97 for number in range(250))
    mandate = party.grant(scope=scope)
    payload = mandate.envelope.payload
    for number in range(limits.ENVELOPE_SIGNATURES_MAX):
        node.take_part(payload, number.to_bytes(8, "big"), bytes(64), came("wire", f"10.0.0.{number % 8}"))
    for one in mandate.envelope.signatures:
        node.take_part(payload, one.kid, one.value, came())
    hear(node, before)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


# --- the order of a suspension, its confirmation, and the member's leaving --------------------------------------------


def test_a_confirmed_suspension_lasts_for_whoever_hears_it_after_the_member_has_left(party):
    mandate = party.grant()
    suspension = party.suspend(mandate.id)
    lasts = party.decide("confirm", about=suspension.id, answer=True)
    elected = election(party)
    first, second = memory_node(), memory_node()
    hear(first, party.found, mandate, suspension, lasts, elected)
    hear(second, party.found, mandate, lasts, elected, suspension)
    third = memory_node()
    hear(third, party.found, mandate, elected, suspension, lasts)
    for node in (first, second, third):
        assert node.standing(mandate.id, PROPOSE).reason == "standing.suspended"


@pytest.mark.parametrize("kind", ["suspend", "urgent-dismiss"])
def test_who_stops_a_power_before_his_election_is_heard_of_stops_it_when_it_is(party, kind):
    mandate = party.grant()
    new = seated("new")
    urgent = {"keys": [key.public_key for key in new], "needs": 2, "lapse": HOUR}
    elected = party.decide("elect", by=[*party.members[:2], *new], seats=rows(new), urgent=urgent)
    named = {"target": mandate.id} if kind == "suspend" else {"mandate": mandate.id}
    stops = draft(kind, {"organ": party.organ, **named}).signed_by(*new[: 1 if kind == "suspend" else 2])
    node = memory_node()
    assert hear(node, party.found, mandate, stops, elected) == ["new", "new", "pending", "new"]
    assert node.standing(mandate.id, PROPOSE).answer is Answer.REFUSED
    assert node.store.counts()["pending"] == (0, 0)


def ballot_party():
    return Party(votes=int(powers("ratify")), ballot={"open": HOUR, "quorum": 2, "share": [1, 2]})


def test_a_decision_by_vote_that_comes_before_its_votes_waits_for_them(clock):
    party = ballot_party()
    dossier, text = bytes(31) + b"d", bytes(31) + b"t"
    call = draft(
        "call",
        {"organ": party.organ, "decides": "ratify", "closes": START + HOUR, "dossier": dossier, "text": text},
    ).signed_by(party.members[0])
    votes = [
        draft("vote", {"organ": party.organ, "call": call.id, "choice": "no"}).signed_by(member)
        for member in party.members
    ]
    refusal = party.decide(
        "refuse",
        dossier=dossier,
        text=text,
        call=call.id,
        votes=sorted(vote.id for vote in votes),
        by=party.members[:1],
    )
    mandate = party.grant()
    node = memory_node(clock)
    assert hear(node, party.found, refusal)[1] == "pending"
    assert hear(node, mandate) == ["pending"]
    hear(node, *votes, call)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE
    straight = memory_node(clock)
    assert set(hear(straight, party.found, call, *votes, refusal, mandate)) == {"new"}


def test_an_objection_that_comes_before_the_grant_ends_it_all_the_same(party):
    constituted, board, members = with_a_board(party, "propose", "delegate")
    fields = {"organ": board, "prior": board, "to": Key.from_name("agent").public_key, "powers": int(powers("propose"))}
    mandate = draft("grant", fields).signed_by(*members[:2])
    objection = party.decide("object", about=mandate.id)
    node = memory_node()
    hear(node, party.found, constituted, objection, mandate)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.objected"


def test_powers_are_taken_over_also_where_the_confirmation_comes_before_the_hand_over(party, clock):
    constituted, board, members = with_a_board(party, "open")
    handed = party.decide("hand-over", to=board, powers=int(powers("propose", "delegate")))
    fields = {"organ": board, "prior": board, "about": handed.id, "answer": True}
    confirmed = draft("confirm", fields).signed_by(*members[:2])
    fields = {"organ": board, "prior": confirmed.id, "to": Key.from_name("agent").public_key}
    mandate = draft("grant", {**fields, "powers": int(powers("propose"))}).signed_by(*members[:2])
    node = memory_node(clock)
    assert hear(node, party.found, constituted, confirmed, mandate) == ["new", "new", "pending", "pending"]
    hear(node, handed)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_confirmation_of_what_never_comes_waits_an_hour(party, clock):
    confirmed = party.decide("confirm", about=bytes(31) + b"x", answer=True)
    mandate = party.grant()
    node = memory_node(clock)
    assert hear(node, party.found, confirmed, mandate) == ["new", "pending", "pending"]
    assert node.wanted() == [bytes(31) + b"x", confirmed.id]
    clock.time += HOUR
    hear(node, party.found)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def test_who_was_elected_after_a_recovery_speaks_for_the_organ(clock):
    party, recoverer = recoverable()
    mandate = party.grant()
    new, later = seated("recovered", 2), seated("later")
    pairs = [[old.public_key, key.public_key] for old, key in zip(party.members[:2], new, strict=True)]
    fields = {"organ": party.organ, "prior": party.head, "seats": pairs}
    recovery = draft("recover", fields).signed_by(recoverer, *new)
    fields = {"organ": party.organ, "prior": recovery.id, "seats": rows(later)}
    elected = draft("elect", fields).signed_by(*new, *later)
    node = memory_node(clock)
    hear(node, party.found, mandate, recovery)
    clock.time += HOUR
    assert hear(node, elected) == ["new"]
    suspension = draft("suspend", {"organ": party.organ, "target": mandate.id}).signed_by(later[0])
    assert hear(node, suspension) == ["new"]
    assert node.standing(mandate.id, PROPOSE).reason == "standing.suspended"
    clock.time += DAY
    fields = {"organ": party.organ, "prior": bytes(31) + b"x", "mandate": mandate.id}
    dismissal = draft("dismiss", fields).signed_by(*later[:2])
    assert node.take(data(dismissal), came()).works
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


# --- commits that fail ------------------------------------------------------------------------------------------------


def test_evidence_whose_commit_failed_is_kept_when_it_comes_again(party, tmp_path, monkeypatch):
    home = HomeLedger()
    grant = party.grant()
    home.log(party.found, grant)
    home.intake.stamp([party.id])
    bundle = assemble(Claim("recorded", home.intake.depositary, 0, act=grant.id), [home.intake]).encoded()
    node = disk_node(tmp_path / "node")
    hear(node, party.found, grant)
    failing, real = [True], NodeStore.working

    def working(self):
        if failing:
            raise StoreError("the disk fails")
        return real(self)

    monkeypatch.setattr(NodeStore, "working", working)
    with pytest.raises(StoreError):
        node.take_bundle(bundle, came())
    failing.clear()
    node.take_bundle(bundle, came())
    assert node.standing(grant.id, PROPOSE).proven
    node.close()
    node = disk_node(tmp_path / "node")
    assert node.standing(grant.id, PROPOSE).proven


def test_an_anchor_that_was_not_kept_counts_for_nothing(party, tmp_path, monkeypatch, clock):
    node = disk_node(tmp_path / "node", clock)
    hear(node, party.found)
    beacon = party.beacon(START + 500)
    real = NodeStore.unsay

    failing = [True]

    def unsay(self, *arguments):
        if failing:
            raise StoreError("the disk is full")
        real(self, *arguments)

    def set_fact(self, name, value):
        real_fact(self, name, value)
        if failing and name == "anchor":
            raise StoreError("the disk is full")

    real_fact = NodeStore.set_fact
    monkeypatch.setattr(NodeStore, "set_fact", set_fact)
    with pytest.raises(StoreError):
        node.take(data(beacon), came())
    failing.clear()
    node.take(data(beacon), came())
    assert node.holdings.clock.anchor == node.store.fact("anchor")


def test_a_bundle_that_is_refused_makes_nobody_read_the_journal_again(party, monkeypatch):
    node = memory_node()
    hear(node, party.found)

    def read_again(_):
        raise AssertionError("the journal is read again")

    monkeypatch.setattr(Node, "_catch_up", read_again)
    assert node.take_bundle(b"no bundle", came()).reason
    assert hear(node, party.grant()) == ["new"]


def test_a_role_that_only_a_lost_appointment_gives_stops_no_holder(party):
    node, home = memory_node(), HomeLedger()
    mandate = party.grant("general")
    named = party.decide("appoint", prior=party.head, dispatch=[Key.from_name("general").public_key])
    taken = party.decide("decide", words="another")
    hear(node, party.found, mandate, named)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.key-role"
    home.log(party.found, mandate, taken)
    node.take_bundle(home.copy(party), came())
    assert node.standing(mandate.id, PROPOSE).words == "in force (proven)"


# --- a waiting suspension or urgent dismissal -------------------------------------------------------------------------


def behind_its_home(party, clock):
    """Return a node whose journal follows the election that the home did not take, the mandate, and who is seated."""
    node, home = memory_node(clock), HomeLedger(clock)
    mandate = party.grant()
    sides = two_elections(party)
    hear(node, party.found, mandate, sides["left"][0], sides["right"][0])
    home.log(party.found, mandate, sides["right"][0])
    node.take_bundle(home.copy(party), came())
    assert node.standing(mandate.id, PROPOSE).words == "in force (proven)"
    party.head, party.members = sides["right"][0].id, sides["right"][1]
    return node, home, mandate


def test_an_urgent_dismissal_that_waits_lapses(party, clock):
    node, _, mandate = behind_its_home(party, clock)
    urgent = draft("urgent-dismiss", {"organ": party.organ, "mandate": mandate.id}).signed_by(party.members[0])
    assert node.take(data(urgent), came()).works
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"
    clock.time += HOUR
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_member_suspends_a_mandate_once_also_while_it_waits(party, clock):
    node, _, mandate = behind_its_home(party, clock)
    for number in range(3):
        fields = {"organ": party.organ, "target": mandate.id, "words": str(number)}
        node.take(data(draft("suspend", fields).signed_by(party.members[0])), came())
        assert (node.standing(mandate.id, PROPOSE).reason == "standing.suspended") == (number == 0)
        clock.time += DAY
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE


def test_an_urgent_dismissal_in_parts_works_by_the_seats_that_the_home_knows(party, clock):
    node, _, mandate = behind_its_home(party, clock)
    urgent = draft("urgent-dismiss", {"organ": party.organ, "mandate": mandate.id}).signed_by(party.members[0])
    (one,) = urgent.envelope.signatures
    assert node.take_part(urgent.envelope.payload, one.kid, one.value, came()).works


# --- time -------------------------------------------------------------------------------------------------------------


def test_a_link_that_came_while_this_clock_was_slow_stands_when_it_is_right(party, clock):
    clock.time = START - DAY
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=2, **{"from": START - HOUR})
    link = party.say(
        mandate, "delegate", "top", to=Key.from_name("sub").public_key, powers=int(TALKS), **{"from": START - HOUR}
    )
    node = memory_node(clock)
    hear(node, party.found, mandate, link)
    clock.time = START
    hear(node, link)
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_link_that_came_before_the_beacon_stands_when_the_beacon_has_come(party, clock):
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=2, fresh=HOUR)
    link = party.say(mandate, "delegate", "top", to=Key.from_name("sub").public_key, powers=int(TALKS), fresh=HOUR)
    node = memory_node(clock)
    beacon = party.beacon(START)
    hear(node, party.found, mandate, link, beacon)
    hear(node, link)
    assert node.standing(link.id, PROPOSE).answer is Answer.IN_FORCE


def test_a_revocation_that_came_while_its_speaker_was_suspended_ends_the_link(party, clock):
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=2)
    link = party.say(mandate, "delegate", "top", to=Key.from_name("sub").public_key, powers=int(TALKS))
    revocation = party.say(mandate, "revoke", "top", target=link.id)
    node = memory_node(clock)
    hear(node, party.found, mandate, link, party.suspend(mandate.id), revocation)
    clock.time += 2 * DAY
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE
    assert node.standing(link.id, PROPOSE).reason == "standing.revoked"


def test_that_a_suspension_lasts_works_though_it_is_heard_after_the_lapse(party, clock):
    """Who is in the middle holds the confirmation back until the suspension has lapsed here."""
    mandate = party.grant()
    suspension = party.suspend(mandate.id)
    lasts = party.decide("confirm", about=suspension.id, answer=True)
    node = memory_node(clock)
    hear(node, party.found, mandate, suspension)
    clock.time += 2 * DAY
    assert node.standing(mandate.id, PROPOSE).answer is Answer.IN_FORCE
    hear(node, lasts)
    assert node.standing(mandate.id, PROPOSE).reason == "standing.suspended"


def test_a_link_that_the_home_holds_void_is_not_proven(party, clock):
    """It was given while its giver was suspended; this node heard of it first."""
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=2)
    link = party.say(mandate, "delegate", "top", to=Key.from_name("sub").public_key, powers=int(TALKS))
    suspension = party.suspend(mandate.id)
    node, home = memory_node(clock), HomeLedger(clock)
    hear(node, party.found, mandate, link)
    home.log(party.found, mandate, suspension)
    assert home.intake.submit(data(link)).void == "standing.suspended"
    clock.time += 2 * DAY
    node.take_bundle(home.copy(party), came())
    assert node.standing(mandate.id, PROPOSE).words == "in force (proven)"
    assert node.standing(link.id, PROPOSE).reason == "standing.suspended"


# --- shares -----------------------------------------------------------------------------------------------------------


def test_who_holds_a_link_does_not_fill_the_share_of_who_revokes_it(party, monkeypatch):
    monkeypatch.setattr(limits, "NODE_SPEAKER_ACTS_MAX", 8)
    mandate = party.grant("top", int(TALKS | DELEGATE), depth=3)
    link = party.say(
        mandate, "delegate", "top", to=Key.from_name("sub").public_key, powers=int(TALKS | DELEGATE), depth=1
    )
    node = memory_node()
    hear(node, party.found, mandate, link)
    own = party.say(link, "delegate", "sub", to=Key.from_name("subsub").public_key, powers=int(TALKS))
    hear(node, own)
    for number in range(20):
        hear(node, party.say(link, "revoke", "sub", target=own.id, words=str(number)))
    hear(node, party.say(mandate, "revoke", "top", target=link.id))
    assert node.standing(link.id, PROPOSE).reason == "standing.revoked"


def test_another_party_that_is_followed_pushes_out_no_dismissal_that_works_while_it_waits(party):
    """Its members sign dismissals that wait as well, each time others of them."""
    node = memory_node(store=NodeStore(None, pool=Bounds(8, 65_536, 32, 1_000_000)))
    mandate = party.grant()
    party.decide("decide", words="held back")
    dismissal = party.dismiss(mandate)
    hear(node, party.found, mandate, dismissal)
    other = Party("Duma", members=9, needs=5)
    hear(node, other.found)
    for number, signers in enumerate(combinations(other.members, 5)):
        fields = {"organ": other.organ, "prior": number.to_bytes(32, "big"), "mandate": bytes(32)}
        assert node.take(data(draft("dismiss", fields).signed_by(*signers)), came()).works
    assert node.standing(mandate.id, PROPOSE).reason == "standing.dismissed"


def evidence_of(home, *parties):
    """Return a bundle of the whole of these parties' streams."""
    home.intake.stamp([one.id for one in parties])
    about = Claim("recorded", home.intake.depositary, 0, act=parties[0].head)
    return assemble(about, [home.intake]).encoded()


def test_another_party_s_bundles_push_out_none_of_this_one_s(party, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "NODE_BUNDLES_MAX", 8)
    node, home, other = disk_node(tmp_path / "node"), HomeLedger(), Party("Duma")
    mandate = party.grant()
    home.log(party.found, mandate)
    node.take_bundle(evidence_of(home, party), came())
    home.log(other.found)
    for _ in range(10):
        home.log(other.decide("decide", words="and so on"))
        assert node.take_bundle(evidence_of(home, other), came()).parties == (other.id,)
    node.close()
    assert disk_node(tmp_path / "node").standing(mandate.id, PROPOSE).proven


def test_a_bundle_that_shows_two_parties_is_kept_for_each(party, tmp_path):
    node, home, other = disk_node(tmp_path / "node"), HomeLedger(), Party("Duma")
    grants = {one.id: one.grant() for one in (party, other)}
    home.log(party.found, grants[party.id], other.found, grants[other.id])
    first, second = sorted((party, other), key=lambda one: one.id)
    as_of = home.intake.stamp([first.id, second.id])
    about = Claim("recorded", home.intake.depositary, as_of, act=first.head)
    shown = show(home.intake, {first.id, second.id}, as_of, ())
    assert len(node.take_bundle(Bundle(about, (shown,), ()).encoded(), came()).parties) == 2
    for _ in range(limits.NODE_BUNDLES_KEPT + 1):
        home.log(first.decide("decide", words="and so on"))
        node.take_bundle(evidence_of(home, first), came())
    assert node.standing(grants[second.id].id, PROPOSE).proven
    node.close()
    assert disk_node(tmp_path / "node").standing(grants[second.id].id, PROPOSE).proven


# --- handing over to the node that runs -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2**20, 2**62])
def test_a_job_with_a_number_in_the_place_of_bytes_is_set_aside(tmp_path, size):
    spool = Spool(tmp_path)
    body = {"format": FORMAT, "channel": "file", "peers": [], "files": [["a", size]], "photos": []}
    (tmp_path / "1.job").write_bytes(encode(body))
    name = spool.hand(Job("file", (("b", b"acts"),)))
    done = []
    assert spool.take(lambda job: done.append(job) or {"taken": 1}) == 2
    assert [job.files for job in done] == [(("b", b"acts"),)]
    assert (tmp_path / "1.bad").exists()
    assert spool.answer(name, 0) == {"taken": 1}


def test_a_job_that_cannot_be_opened_delays_no_other(tmp_path):
    spool = Spool(tmp_path)
    (tmp_path / "1.job").mkdir()
    name = spool.hand(Job("file", (("b", b"acts"),)))
    spool.take(lambda _: {"taken": 1})
    assert spool.answer(name, 0) == {"taken": 1}
    assert spool.jobs() == []
