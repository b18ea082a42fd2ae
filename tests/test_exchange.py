"""Exchanges in memory: heads, reconciliation, sessions, allowances. Real nodes at both ends."""

import random

import pytest

from pourparler.core import limits
from pourparler.core.errors import Malformed
from pourparler.dispatch.allowance import Allowance, Rate
from pourparler.dispatch.exchange import Exchange, Manners
from pourparler.dispatch.heads import Chains, Heads, behind, marked
from pourparler.dispatch.messages import message, read, session_key, to_show
from pourparler.dispatch.peers import Peer, Peers
from pourparler.dispatch.riblt import SYMBOL_BYTES, Coder, Peeling
from pourparler.dispatch.urgency import urgency_of
from pourparler.service.wire import NodeHolding
from pourparler.testing.keys import Key
from tests.exchanging import Seeded, Talks, exchange_of, give, held, talk
from tests.nodes import START, SetClock, data, memory_node

SALT = bytes(range(16))


def kinds(said):
    return [read(one).kind for one in said]


# --- reconciliation ---------------------------------------------------------------------------------------------------


def sets(shared, theirs, ours, seed=0):
    chance = random.Random(seed)
    draw = [[chance.randbytes(32) for _ in range(size)] for size in (shared, theirs, ours)]
    key = chance.randbytes(32)
    one, other = Coder(key), Coder(key)
    one.extend(draw[0] + draw[2])
    other.extend(draw[0] + draw[1])
    return one, other, draw[1], draw[2]


def peeled(one, other, step=8):
    """Stream symbols until nothing is left, or as far as is worth it; return the peeling."""
    peeling = Peeling(one, len(other.names) - len(one.names))
    while not peeling.done and len(peeling.cells) < peeling.most:
        peeling.add(other.symbols(len(peeling.cells), min(step, peeling.most - len(peeling.cells))))
    return peeling


@pytest.mark.parametrize(
    "sizes", [(0, 0, 0), (50, 0, 0), (0, 1, 0), (0, 0, 1), (200, 7, 3), (50, 0, 40), (20, 300, 200)]
)
@pytest.mark.parametrize("seed", range(4))
def test_what_two_sets_do_not_share_is_found_exactly(sizes, seed):
    one, other, theirs, ours = sets(*sizes, seed=seed)
    peeling = peeled(one, other)
    assert peeling.done
    assert sorted(other.names[short] for short in peeling.theirs) == sorted(theirs)
    assert sorted(one.names[short] for short in peeling.ours) == sorted(ours)


def test_how_the_symbols_are_cut_into_messages_changes_nothing():
    one, other, _, _ = sets(40, 60, 30)
    steps = [peeled(one, other, step) for step in (1, 3, 50)]
    assert len({tuple(sorted(peeling.theirs)) for peeling in steps}) == 1


@pytest.mark.parametrize("size", [30, 300, 1_000])
def test_the_estimate_is_near_before_anything_is_found(size):
    """From the first 64 symbols, in which a large difference shows no single id."""
    for seed in range(5):
        one, other, _, _ = sets(500, size // 2, size - size // 2, seed=seed)
        peeling = Peeling(one, 0)
        peeling.add(other.symbols(0, 64))
        assert size / 3 < peeling.estimate < size * 3


def test_a_larger_count_than_a_byte_holds_does_no_harm():
    one, other, theirs, _ = sets(0, 700, 0)
    peeling = peeled(one, other, 64)
    assert peeling.done
    assert len(peeling.theirs) == len(theirs) == 700


def test_a_set_is_what_it_was_when_its_first_symbol_was_made():
    one, _, _, _ = sets(3, 0, 0)
    one.symbols(0, 1)
    with pytest.raises(ValueError, match="first symbol"):
        one.extend([b"late"])


@pytest.mark.parametrize("cut", range(1, SYMBOL_BYTES))
def test_a_symbol_that_is_cut_is_refused(cut):
    one, other, _, _ = sets(3, 1, 1)
    with pytest.raises(Malformed, match=r"exchange\.layout"):
        Peeling(one).add(other.symbols(0, 2)[:-cut])


# --- heads ------------------------------------------------------------------------------------------------------------


def chains_of(acts):
    chains = Chains()
    for act in acts:
        chains.add(act)
    return chains


def lacking(ours, theirs):
    organs, beacons = theirs.heads({}).rows(SALT)
    return list(ours.lacking(marked(SALT, organs, beacons)))


def test_rows_say_exactly_what_is_lacking():
    talks = Talks()
    spine = [talks.party.found, talks.general, talks.other, *talks.decisions]
    whole = chains_of(talks.all)
    for known in range(len(spine) + 1):
        assert lacking(whole, chains_of(spine[:known])) == [act.id for act in spine[known:]]
        assert lacking(chains_of(spine[:known]), whole) == []
    assert list(whole.loose()) == [act.id for act in talks.replies]


def test_a_row_has_at_most_forty_bytes_whatever_the_place():
    rows = Heads({bytes(32): (2**63 - 1, bytes(32))}, {bytes(40): (2**63 - 1, bytes(32))}).row_bytes()
    assert rows == [28, 28]


def test_marks_differ_under_another_salt_and_so_cannot_be_made_beforehand():
    heads = Heads({b"o" * 32: (1, b"a" * 32)})
    (one,), (other,) = heads.rows(SALT)[0], heads.rows(bytes(16))[0]
    assert one[0] != other[0]
    assert one[2] != other[2]


@pytest.mark.parametrize(("left", "right"), [(1, 1), (2, 1), (1, 3), (3, 3)])
def test_the_branch_that_a_node_has_not_heard_reaches_it_and_both_agree(left, right):
    """Two decisions after one place: whoever knows one branch is sent the other, and then both are loose with both."""
    talks = Talks(decisions=2, words=3)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, talks.all)
    fork, branches = talks.party.head, []
    for node, length, word in ((one, left, "left"), (other, right, "right")):
        talks.party.head = fork
        branches.append([talks.party.decide("decide", words=f"{word} {n}") for n in range(length)])
        give(node, branches[-1])
    for _ in range(3):
        talk(exchange_of(one, "one"), exchange_of(other, "other"))
    assert held(one) == held(other) == {act.id for act in (*talks.all, *branches[0], *branches[1])}
    found, said = talk(exchange_of(one, "again"), exchange_of(other, "again"))
    assert (found.whole, found.learnt, found.given) == (True, (), ())
    assert "acts" not in kinds(said)


def test_beacons_go_by_their_serial_and_only_the_newest_is_sent():
    talks = Talks(words=0)
    one, other = memory_node(name="one"), memory_node(name="other")
    beacons = [talks.party.beacon(START + n) for n in range(3)]
    give(one, [*talks.all, *beacons])
    give(other, talks.all)
    _, said = talk(exchange_of(one, "one"), exchange_of(other, "other"))
    sent = [act for m in map(read, said) if m.kind == "acts" for act in m["acts"]]
    assert sent == [data(beacons[-1])]
    assert one.heads().beacons == other.heads().beacons


def test_who_says_to_be_ahead_is_known_by_the_chain():
    talks = Talks(words=0)
    ahead, here = chains_of(talks.all).heads({}), chains_of(talks.all[:3]).heads({})
    assert behind(here, marked(SALT, *ahead.rows(SALT))) == [talks.party.organ]
    assert behind(ahead, marked(SALT, *here.rows(SALT))) == []


# --- whole exchanges --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mine", [0, 3, 9, 20])
@pytest.mark.parametrize("theirs", [0, 5, 29])
def test_two_nodes_hold_the_same_afterwards(mine, theirs):
    talks = Talks()
    acts = talks.all
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, acts[:mine] + acts[:9] * bool(mine > 9))
    give(other, acts[:theirs])
    give(one, talks.replies[:4] if mine > 9 else [])
    before = held(one), held(other)
    found, _ = talk(exchange_of(one, "one"), exchange_of(other, "other"))
    assert held(one) == held(other) == before[0] | before[1]
    assert found.whole
    assert set(found.learnt) == held(one) - before[0]
    assert set(found.given) == held(other) - before[1]


def test_equal_nodes_say_hello_and_welcome_and_nothing_else():
    talks = Talks(words=200)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, talks.all)
    _, said = talk(exchange_of(one, "one"), exchange_of(other, "other"))
    assert kinds(said) == ["hello", "welcome"]
    assert sum(map(len, said)) < 700  # of 209 acts on either side


def test_an_act_for_a_dossier_elsewhere_is_carried_on():
    from tests.nodes import ELSEWHERE

    talks = Talks(words=0)
    fields = {"parties": sorted([talks.party.id, bytes(32)]), "ledger": ELSEWHERE, "rules": {"adopt": "all"}}
    opening = talks.party.say(talks.general, "open", nonce=bytes(16), **fields)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, talks.all)
    assert one.take(data(opening), NodeHolding(one).came("radio")).state.value == "carried"
    talk(exchange_of(one, "one"), exchange_of(other, "other"))
    assert opening.id in held(other)


def test_more_loose_acts_than_a_session_compares_are_compared_in_parts(monkeypatch):
    monkeypatch.setattr(limits, "RECONCILED_MAX", 8)
    talks = Talks(words=40)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, talks.all[:9])
    ours, theirs = exchange_of(one, "one"), exchange_of(other, "other")
    for _ in range(60):
        talk(ours, theirs)
        talk(theirs, ours)
    assert held(one) == held(other)


def test_a_batch_waits_until_the_one_before_is_answered(monkeypatch):
    monkeypatch.setattr(limits, "EXCHANGE_ACTS_MAX", 4)
    talks = Talks(words=10)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    ours, theirs = exchange_of(one, "one"), exchange_of(other, "other")
    found, said = talk(theirs, ours)
    assert found.whole
    assert held(one) == held(other)
    order = [kind for kind in kinds(said) if kind in ("acts", "taken")]
    assert order == ["acts", "taken"] * (len(order) // 2)
    assert len(order) > 8


def test_what_is_said_to_be_taken_is_in_the_journal_already():
    """An acknowledgement follows the commit: at the moment it is made, a reader of the store finds the act."""
    talks = Talks(words=2)
    one = memory_node(name="one")
    exchange = exchange_of(one, "one")
    answers = exchange.answer(message("acts", session=SALT, acts=[data(act) for act in talks.all], left=0), "peer")
    taken = read(answers[0])
    assert taken.kind == "taken"
    assert {act for act, word in taken["acts"] if word == "new"} == {act.id for act in talks.all}
    assert {entry.act_id for entry in one.journal.store.entries()} >= {act.id for act in talks.all}


def test_a_withheld_parent_is_asked_for_once():
    talks = Talks(words=0)
    one = memory_node(name="one")
    exchange = exchange_of(one, "one")
    give(one, [talks.party.found])
    late = data(talks.decisions[2])
    first = [read(one) for one in exchange.answer(message("acts", session=SALT, acts=[late], left=0), "peer")]
    assert [found.kind for found in first] == ["taken", "request"]
    assert first[0]["acts"] == [[talks.decisions[2].id, "pending"]]
    assert first[1]["ids"] == [talks.decisions[1].id]
    again = exchange.answer(message("acts", session=SALT, acts=[late], left=0), "peer")
    assert kinds(again) == ["taken"]


# --- who may ask, and how much ----------------------------------------------------------------------------------------

DISPATCH = Key.from_name("Smolny dispatch")


def closed(node, name, keys=frozenset(), **more):
    return exchange_of(node, name, manners=Manners(strangers=None, known_keys=lambda: keys), **more)


def test_where_addresses_prove_nothing_a_stranger_gets_a_challenge_and_no_more():
    talks = Talks()
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    guarded = closed(one, "one", {DISPATCH.public_key})
    hello = exchange_of(other, "other").begin("one")
    answers = guarded.answer(hello, "spoofed")
    assert kinds(answers) == ["challenge"]
    assert sum(map(len, answers)) <= len(hello)
    for kind, fields in {
        "request": {"list": [0, 100]}, "offer": {"ids": [bytes(32)]}, "acts": {"acts": [b"x"], "left": 0},
    }.items():  # fmt: skip
        asked = message(kind, session=SALT, **fields)
        (said,) = guarded.answer(asked, "spoofed")
        assert read(said).kind == "end"


def test_a_known_key_is_answered_and_any_other_is_not():
    talks = Talks()
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    guarded = closed(one, "one", {DISPATCH.public_key})
    found, _ = talk(exchange_of(other, "b", signer=Key.from_name("nobody")), guarded)
    assert (found.whole, found.why, found.learnt) == (False, "exchange.stranger", ())
    found, _ = talk(exchange_of(other, "c", signer=DISPATCH), guarded)
    assert found.whole
    assert held(one) == held(other)


def test_a_shown_signature_serves_for_one_session_of_one_node():
    """Neither replayed to the same node, nor taken to another, does it open anything."""
    talks = Talks(words=0)
    one, two = memory_node(name="one"), memory_node(name="two")
    give(one, talks.all)
    keys = {DISPATCH.public_key}
    first, second = closed(one, "one", keys), closed(two, "two", keys)
    asking = exchange_of(memory_node(name="asks"), "asks", signer=DISPATCH)
    (challenge,) = first.answer(asking.begin("one"), "a")
    (shown,) = asking.answer(challenge, "one")
    assert kinds(first.answer(shown, "a"))[0] == "welcome"
    for node, peer in ((first, "a"), (first, "b"), (second, "a")):
        (said,) = node.answer(shown, peer)
        assert read(said)["reason"] in ("exchange.stranger", "exchange.session")


def test_a_signature_over_something_else_is_refused():
    guarded = closed(memory_node(name="one"), "one", {DISPATCH.public_key})
    hello = {"organs": [], "beacons": [], "loose": 0, "symbols": 0}
    (challenge,) = guarded.answer(message("hello", session=SALT, **hello), "a")
    nonce = read(challenge)["nonce"]
    for signed in (to_show(SALT, bytes(16)), to_show(bytes(16), nonce), SALT + nonce):
        shown = {"nonce": nonce, "key": DISPATCH.public_key, "signature": DISPATCH.sign(signed)}
        (said,) = guarded.answer(message("hello", session=SALT, **hello, **shown), "a")
        assert read(said)["reason"] == "signature.invalid"
        (challenge,) = guarded.answer(message("hello", session=SALT, **hello), "a")
        nonce = read(challenge)["nonce"]


def test_an_allowance_is_used_up_and_comes_back():
    clock = SetClock()
    talks = Talks(words=50)
    one = memory_node(clock, name="one")
    give(one, talks.all)
    exchange = exchange_of(one, "one", manners=Manners(strangers=Rate(20_000, 100)))
    asking = exchange_of(memory_node(clock, name="asks"), "asks")

    def greeted(peer="greedy"):
        return [read(one) for one in exchange.answer(asking.begin("one"), peer)]

    while (answers := greeted())[0].kind == "welcome":
        pass
    assert answers[0]["reason"] == "exchange.busy"
    assert greeted("modest")[0].kind == "welcome"
    clock.time += answers[0]["seconds"]
    assert greeted()[0].kind == "welcome"


def test_allowances_of_many_are_bounded_and_a_clock_that_goes_back_gives_nothing():
    allowance, rate = Allowance(10), Rate(100, 1)
    for number in range(1_000):
        allowance.spend(f"{number}", 100, rate, 0)
    assert len(allowance._left) == 10
    assert allowance.spend("999", 1, rate, 50) == 0
    assert allowance.spend("999", 60, rate, -10_000) > 0


def test_sessions_are_bounded_and_the_own_ones_are_the_last_to_go():
    clock = SetClock()
    one = memory_node(clock, name="one")
    exchange = exchange_of(one, "one")
    first = exchange.begin("friend")
    asking = exchange_of(memory_node(clock, name="asks"), "asks")
    for number in range(300):
        exchange.answer(asking.begin("one"), f"stranger {number % 50}")
    assert len(exchange.sessions) <= limits.EXCHANGE_SESSIONS_MAX
    assert exchange.current("friend", first) is not None
    clock.time += limits.EXCHANGE_SESSION_SECONDS
    exchange.answer(asking.begin("one"), "late")
    assert len(exchange.sessions) == 1


def test_few_sets_are_compared_at_once():
    """Each takes memory: whoever is put off is told so, and asks again."""
    talks = Talks(words=5)
    one = memory_node(name="one")
    give(one, talks.all)
    exchange, asking = exchange_of(one, "one"), exchange_of(memory_node(name="asks"), "asks")
    hellos = [asking.begin(f"{number}") for number in range(limits.EXCHANGE_LISTED_MAX + 3)]
    for number, hello in enumerate(hellos):
        exchange.answer(hello, f"{number}")
    assert sum(one.coder is not None for one in exchange.sessions.values()) == limits.EXCHANGE_LISTED_MAX
    more = message("request", session=read(hellos[0]).session, symbols=[16, 8])
    assert kinds(exchange.answer(more, "0")) == ["end"]


@pytest.mark.parametrize("kind", ["welcome", "symbols", "shorts", "taken", "challenge", "request"])
def test_what_nobody_asked_for_is_answered_with_an_end_and_an_end_with_nothing(kind):
    fields = {
        "welcome": {"organs": [], "beacons": [], "loose": 9, "nonce": SALT, "symbols": b""},
        "symbols": {"start": 0, "symbols": bytes(13)},
        "shorts": {"start": 0, "shorts": bytes(8)},
        "taken": {"acts": [[bytes(32), "new"]]},
        "challenge": {"nonce": SALT},
        "request": {"symbols": [0, 1]},
    }
    exchange = exchange_of(memory_node(name="one"), "one")
    (said,) = exchange.answer(message(kind, session=SALT, **fields[kind]), "peer")
    assert (read(said).kind, read(said)["reason"]) == ("end", "exchange.session")
    assert exchange.answer(said, "peer") == []


def test_acts_that_nobody_signed_end_the_session():
    exchange = exchange_of(memory_node(name="one"), "one")
    junk = message("acts", session=SALT, acts=[b"junk"] * 40, left=0)
    assert exchange.answer(junk, "peer") == []
    (said,) = exchange.answer(junk, "peer")
    assert read(said)["reason"] == "exchange.junk"


# --- urgency and peers ------------------------------------------------------------------------------------------------


def test_the_rank_is_that_of_the_specification():
    import re

    from tests.test_vectors import SPEC, table

    ranks = table(SPEC / "exchange.md", "## 7. Urgency")
    talks = Talks(words=1)
    party = talks.party
    acts = [party.dismiss(talks.general), party.suspend(talks.other.id), party.beacon(START), *talks.all]
    named = {kind: int(row[0]) for row in ranks for kind in re.findall(r"`([a-z-]+)`", row[1])}
    from pourparler.dispatch import urgency

    assert {kind for kind, rank in named.items() if rank == 0} == urgency.STOPPING
    assert {kind for kind, rank in named.items() if rank == 1} == urgency.GUARDING
    assert {kind for kind, rank in named.items() if rank == 2} == urgency.GIVING
    for act in acts:
        expected = named.get(act.kind, 3 if act.kind == "reply" else 2)
        assert urgency_of(act) == expected


def test_an_act_that_is_spoilt_in_ones_own_store_keeps_no_other_from_being_sent():
    talks = Talks(decisions=3, words=0)
    ours, theirs = memory_node(), memory_node()
    give(theirs, talks.all)
    answering = exchange_of(theirs, "theirs")
    answering.holding.lacking = lambda _rows: iter([b"spoilt", *map(data, talks.all)])
    found, _ = talk(exchange_of(ours, "ours"), answering)
    assert found.whole
    assert held(ours) == held(theirs)


def test_the_round_has_a_pinned_peer_and_prefers_who_brings_news():
    known = [Peer("pinned", pinned=True), *(Peer(f"p{n}") for n in range(8)), Peer("radio", broadcast=True)]
    peers = Peers(known)
    for peer in known:
        peers.asked(peer.name)
    for number in range(60):
        peers.learnt("p3", number.to_bytes(4, "big"))
    chance = Seeded("rounds")
    rounds = [[peer.name for peer in peers.round(chance)] for _ in range(200)]
    assert all(one[0] == "pinned" and len(set(one)) == 3 and "radio" not in one for one in rounds)
    met = {name: sum(name in one for one in rounds) for name in ("p3", "p5")}
    assert met["p3"] > 150
    assert met["p5"] > 5  # nobody is out for ever


@pytest.mark.parametrize(
    ("peers", "reason"),
    [
        ([Peer("a"), Peer("b")], "peers.none-pinned"),
        ([Peer("a", pinned=True), Peer("b")], "peers.one-channel"),
        ([Peer("a", pinned=True), Peer("b", channel="bus")], "peers.no-broadcast"),
        ([Peer("a", learnt_from="x"), Peer("b", learnt_from="x"), Peer("c", pinned=True)], "peers.one-source"),
        ([Peer("a", party="x"), Peer("b", party="x"), Peer("c", pinned=True)], "peers.one-party"),
    ],
)
def test_a_set_of_peers_that_is_easily_surrounded_is_said_to_be(peers, reason):
    assert reason in [one.reason for one in Peers(peers).weaknesses()]
    good = Peers(
        [
            Peer("a", pinned=True, party="x"),
            Peer("b", learnt_from="a", party="y"),
            Peer("c", channel="radio", broadcast=True, learnt_from="z"),
        ]
    )
    assert good.weaknesses() == []


def test_the_session_key_needs_both_sides():
    keys = {session_key(one, other) for one in (SALT, bytes(16)) for other in (SALT, bytes(16))}
    assert len(keys) == 4


def test_an_exchange_is_fed_with_its_clock_and_chance_only():
    """The same bytes, time and chance give the same answers: what a simulation replays."""

    def run():
        talks = Talks()
        one, other = memory_node(name="one"), memory_node(name="other")
        give(one, talks.all[:12])
        give(other, [*talks.all[:9], *talks.all[14:]])
        return talk(
            Exchange(NodeHolding(one), Seeded(1), SetClock()), Exchange(NodeHolding(other), Seeded(2), SetClock())
        )

    assert run() == run()


# --- the same set -----------------------------------------------------------------------------------------------------


def two_alike(words=30):
    talks = Talks(decisions=2, words=words)
    nodes = memory_node(name="one"), memory_node(name="other")
    for node in nodes:
        give(node, talks.all)
    return talks, *nodes


def test_two_who_hold_the_same_make_no_symbols():
    _, one, other = two_alike()
    ours, theirs = exchange_of(one, "one"), exchange_of(other, "other")
    found, said = talk(ours, theirs)
    assert (found.whole, kinds(said)) == (True, ["hello", "welcome"])
    assert read(said[1])["symbols"] == b""
    assert all(session.coder is None for session in theirs.sessions.values())


def test_one_act_more_on_either_side_and_symbols_are_made():
    for more in (0, 1):
        talks, *nodes = two_alike()
        extra = talks.party.say(talks.general, "reply", about=bytes(32), words="one more")
        give(nodes[more], [extra])
        found, said = talk(exchange_of(nodes[0], "one"), exchange_of(nodes[1], "other"))
        assert found.whole
        assert read(said[1])["symbols"]
        assert held(nodes[0]) == held(nodes[1])


def test_who_has_heard_more_since_his_hello_asks_for_symbols_after_all():
    talks, one, other = two_alike()
    ours, theirs = exchange_of(one, "one"), exchange_of(other, "other")
    extra = talks.party.say(talks.general, "reply", about=bytes(32), words="meanwhile")

    def between(messages):
        if read(messages[0]).kind == "welcome":
            give(one, [extra])
        return messages

    found, said = talk(ours, theirs, between)
    assert found.whole
    assert kinds(said)[:4] == ["hello", "welcome", "request", "symbols"]
    assert held(one) == held(other)


def test_a_mark_that_is_not_of_ones_own_set_is_not_believed():
    talks, one, other = two_alike()
    give(other, [talks.party.say(talks.general, "reply", about=bytes(32), words="kept back")])

    def between(messages):
        found = read(messages[0])
        if found.kind == "welcome":
            messages = [message("welcome", session=found.session, **{**found.fields, "symbols": b"", "all": bytes(8)})]
        return messages

    found, said = talk(exchange_of(one, "one"), exchange_of(other, "other"), between)
    assert "request" in kinds(said)
    assert found.whole
    assert held(one) == held(other)


def test_an_exchange_in_which_an_act_was_spoilt_on_the_way_has_not_ended_well():
    talks = Talks(decisions=2, words=2)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, [talks.party.found])

    def between(messages):
        found = read(messages[0])
        if found.kind == "acts":
            acts = [*found["acts"][:-1], b"\x00" + found["acts"][-1][1:]]
            return [message("acts", session=found.session, acts=acts, left=found["left"])]
        return messages

    ours = exchange_of(one, "one")
    found, _ = talk(ours, exchange_of(other, "other"), between)
    assert (found.whole, found.why) == (False, "exchange.unfinished")
    again, _ = talk(ours, exchange_of(other, "other"))
    assert again.whole
    assert held(one) == held(other)
