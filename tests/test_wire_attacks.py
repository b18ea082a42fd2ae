"""Attacks on exchanges, by the numbers of the list of attacks on dispatch. Nodes, ledgers and signatures are the real
ones; who attacks has every message in his hands, and no key."""

import random

import pytest

from pourparler.core import limits
from pourparler.core.encoding import encode
from pourparler.core.errors import Malformed
from pourparler.dispatch import exchange as exchange_module
from pourparler.dispatch.heads import Heads
from pourparler.dispatch.messages import batch, message, read, read_batch, session_key
from pourparler.dispatch.peers import Peer, Peers
from pourparler.dispatch.riblt import SYMBOL_BYTES, Coder, Peeling, derived, next_place, shorten
from pourparler.service.node.nouns import Answer, Fresh
from pourparler.service.wire import NodeHolding
from tests.exchanging import Desk, Exchange, Seeded, Talks, exchange_of, give, held, relayed, talk, wired
from tests.nodes import CONCLUDE, HOUR, START, SetClock, came, data, memory_node

# --- 1 ----------------------------------------------------------------------------------------------------------------


def test_a_relay_that_drops_everything_is_noticed_and_gone_round():
    """Attack 1: a relay drops everything. The beacon that does not come shows it, and any second channel mends it."""
    clock, talks = SetClock(), Talks(words=3)
    council, general = memory_node(clock, name="council"), memory_node(clock, name="general")
    first = talks.party.beacon(START, count=9)
    give(council, [*talks.all[:9], first])
    give(general, [*talks.all[:9], first])
    assert general.standing(talks.general.id, CONCLUDE).answer is Answer.IN_FORCE
    dismissal = talks.party.dismiss(talks.general)
    clock.time += HOUR - 1
    give(council, [dismissal, talks.party.beacon(clock.time, count=10)])
    with wired(council) as (url, _), relayed(url, lambda body, send: None) as relay:
        desk = Desk(general, Seeded("general"))
        assert not desk.exchange_with(relay, seconds=5).whole
        assert general.freshness(talks.party.id).state is not Fresh.CUT_OFF
        clock.time += HOUR
        assert not desk.exchange_with(relay, seconds=5).whole
        assert general.freshness(talks.party.id).state is Fresh.CUT_OFF
        assert dismissal.id not in held(general)
        assert desk.exchange_with(url).whole  # the second channel
    assert dismissal.id in held(general)
    assert general.standing(talks.general.id, CONCLUDE).answer is Answer.REFUSED
    assert general.freshness(talks.party.id).state is not Fresh.CUT_OFF


# --- 29, 30 -----------------------------------------------------------------------------------------------------------


class Silent(NodeHolding):
    """A traitor's node: it takes what it is given, is as polite as anybody, and passes on nothing."""

    def lacking(self, theirs):
        return iter(())

    def loose(self):
        return iter(())

    def acts(self, ids):
        return []


class Ring:
    """A node among traitors, and perhaps one honest peer; ``round`` lets it exchange with those its peers choose."""

    def __init__(self, peers, honest, seed):
        self.talks = Talks(words=2)
        self.node, self.source = memory_node(name="victim"), memory_node(name="source")
        give(self.source, self.talks.all)
        self.peers, self.chance = Peers(peers), Seeded(seed)
        self.ours = exchange_of(self.node, "victim", heard=self.peers.learnt)
        self.at = {}
        for peer in peers:
            if peer.broadcast:
                continue
            node = self.source if peer.name == honest else memory_node(name=peer.name)
            kind = NodeHolding if peer.name == honest else Silent
            if peer.name != honest:
                give(node, self.talks.all)
            self.at[peer.name] = Exchange(kind(node), Seeded(peer.name), node.wall)

    def round(self):
        for peer in self.peers.round(self.chance):
            found, _ = talk(self.ours, self.at[peer.name], names=("victim", peer.name))
            if found.whole:
                self.peers.asked(peer.name)

    @property
    def knows(self):
        return held(self.node) == held(self.source)


TRAITORS = [Peer(f"t{number}", learnt_from="t0") for number in range(9)]


def test_one_pinned_honest_peer_among_traitors_suffices_at_once():
    """Attack 29: all peers but one are traitors. A pinned peer is asked in every round."""
    ring = Ring([*TRAITORS, Peer("home", pinned=True)], "home", 1)
    ring.round()
    assert ring.knows


@pytest.mark.parametrize("seed", range(6))
def test_one_honest_peer_among_traitors_is_found_though_nobody_knows_which(seed):
    """Attack 29: the honest one is not pinned, and for a year the traitors were the ones with all the news."""
    ring = Ring([*TRAITORS, Peer("stranger")], "stranger", seed)
    for number in range(100):
        ring.peers.learnt(f"t{number % 9}", number.to_bytes(8, "big"))
    ring.peers.asked("stranger")
    for number in range(50):
        ring.peers.learnt("t1", (1_000 + number).to_bytes(8, "big"))
    rounds = 0
    while not ring.knows and rounds < 60:
        ring.round()
        rounds += 1
    assert ring.knows


def test_where_all_peers_are_traitors_it_is_said_and_one_broadcast_suffices():
    """Attack 29: no honest peer at all. The set of peers shows it beforehand, and what is heard unasked helps."""
    ring = Ring(TRAITORS, None, 1)
    for _ in range(20):
        ring.round()
    assert held(ring.node) == set()
    reasons = {one.reason for one in ring.peers.weaknesses()}
    assert reasons >= {"peers.none-pinned", "peers.one-channel", "peers.no-broadcast", "peers.one-source"}
    for act in ring.talks.all:
        ring.node.take(data(act), came("radio", "anybody"))
    assert ring.knows


def test_a_silent_relay_does_not_keep_a_good_score():
    """Attack 30: polite relays that pass nothing on. What was learnt elsewhere first counts against them, and others
    take their places; who brings news stays."""
    known = [*(Peer(f"t{number}") for number in range(4)), Peer("honest")]
    ring = Ring(known, "honest", 7)
    ring.peers.others = [Peer(f"fresh{number}") for number in range(4)]
    for number in range(60):
        news = ring.talks.party.say(ring.talks.general, "reply", about=number.to_bytes(32, "big"))
        give(ring.source, [news])
        ring.round()
    scores = {peer.name: ring.peers.score(peer.name) for peer in known}
    assert scores["honest"] == max(scores.values())
    assert all(scores[f"t{number}"] < scores["honest"] / 4 for number in range(4))
    gone = []
    while (changed := ring.peers.rotate(ring.chance)) is not None:
        gone.append(changed[0].name)
    assert sorted(gone) == [f"t{number}" for number in range(4)]
    assert "honest" in [peer.name for peer in ring.peers.known]


def test_taking_and_thanking_earns_nothing():
    """Attack 30: a relay says "known" to all that it is given; words of its own move no score."""
    peers = Peers([Peer("a"), Peer("b")])
    ring = Ring([Peer("t0"), Peer("t1")], None, 3)
    give(ring.node, ring.talks.all)
    for _ in range(10):
        ring.round()
    assert {ring.peers.score(f"t{number}") for number in range(2)} == {peers.score("a")}


# --- 34 ---------------------------------------------------------------------------------------------------------------


def stands_only_first(key, short, places):
    _, seed = derived(key, short)
    return next_place(seed, 0)[1] >= places


def jamming(key, make, places=100, count=2):
    """Return things whose ids stand in symbol 0 and in none of the next ones, under a key that is known beforehand."""
    found = []
    number = 0
    while len(found) < count:
        thing, id_ = make(number)
        number += 1
        if stands_only_first(key, shorten(key, id_), places):
            found.append((thing, id_))
    return found


def random_id(number):
    return number, random.Random(number).randbytes(32)


def test_ids_that_were_made_to_jam_do_so_only_under_the_key_they_were_made_for():
    """Attack 34: crafted ids that never peel. They jam under a key that is known beforehand, and under no session's."""
    known_key = bytes(32)
    crafted = [id_ for _, id_ in jamming(known_key, random_id)]

    def peeling(key):
        ours, theirs = Coder(key), Coder(key)
        theirs.extend(crafted)
        found = Peeling(ours, len(crafted))
        while not found.done and len(found.cells) < found.most:
            found.add(theirs.symbols(len(found.cells), 2))
        return found

    assert not peeling(known_key).done
    chance = Seeded("sessions")
    found = [peeling(session_key(chance.bytes(16), chance.bytes(16))) for _ in range(50)]
    assert all(one.done for one in found)
    assert all(sorted(one.theirs) == sorted(shorten(one.mine.key, id_) for id_ in crafted) for one in found)


def test_where_even_that_fails_the_list_is_taken_instead(monkeypatch):
    """Attack 34: were the key known, real acts with such ids would jam the symbols; the list cannot be jammed."""
    key = bytes(32)
    talks = Talks(words=200)

    def make(number):
        act = talks.party.say(talks.general, "reply", about=number.to_bytes(32, "big"), words="made to jam")
        return act, act.id

    crafted = [act for act, _ in jamming(key, make)]
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, [*talks.all, *crafted])
    give(other, talks.all)
    monkeypatch.setattr(exchange_module, "session_key", lambda session, nonce: key)
    found, said = talk(exchange_of(other, "other"), exchange_of(one, "one"))
    assert found.whole
    assert held(one) == held(other)
    lists = [m for m in map(read, said) if m.kind == "shorts"]
    assert len(lists) == 1
    symbols = sum(len(m["symbols"]) for m in map(read, said) if m.kind in ("symbols", "welcome")) // SYMBOL_BYTES
    assert symbols <= 3 * 4 + 64 + 8


@pytest.mark.parametrize("jam", ["noise", "zeros", "own sums"])
def test_a_peer_that_jams_his_own_symbols_wastes_a_bounded_number_of_them(jam):
    """Attack 34: a relay between two honest nodes writes anything into the symbols. The cap holds, the list serves."""
    talks = Talks(words=120)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, [*talks.all[:9], *talks.replies[:60]])
    chance = random.Random(jam)
    wasted = []

    def spoil(found, name):
        size = len(found[name])
        wasted.append(size)
        made = {"noise": chance.randbytes(size), "zeros": bytes(size), "own sums": found[name][::-1]}[jam]
        return {**found.fields, name: made}

    def between(said):
        for data_ in said:
            found = read(data_)
            if found.kind in ("symbols", "welcome"):
                yield message(found.kind, session=found.session, **spoil(found, "symbols"))
            else:
                yield data_

    ours, theirs = exchange_of(other, "other"), exchange_of(one, "one")
    for _ in range(3):
        talk(ours, theirs, between)
    assert sum(wasted) // SYMBOL_BYTES <= 3 * (8 * 120 // SYMBOL_BYTES + 64)
    if jam == "zeros":  # it says: there is nothing here. That is a lie, and no jam: attack 35
        talk(ours, theirs)
    assert held(one) == held(other)


# --- 35 ---------------------------------------------------------------------------------------------------------------


class Boaster(NodeHolding):
    """Says to be far ahead of everybody on every chain, and to lack nothing."""

    def heads(self):
        found = super().heads()
        return Heads(
            {organ: (place + 1_000, bytes(32)) for organ, (place, _) in found.organs.items()},
            {issuer: (serial + 1_000, bytes(32)) for issuer, (serial, _) in found.beacons.items()},
        )

    def lacking(self, theirs):
        return iter(())


def test_who_says_to_have_it_all_harms_himself_and_is_named():
    """Attack 35: "I have it all", and more, on every chain. We then send him nothing of these chains, and he is held to
    his word: what he says to have and does not give is told to the user, with his name, and scored."""
    clock, talks = SetClock(), Talks(words=3)
    one, liar = memory_node(clock, name="one"), memory_node(clock, name="liar")
    beacon = talks.party.beacon(START, count=9)
    give(one, [*talks.all, beacon])
    give(liar, [*talks.all[:3], beacon])
    before = held(liar)
    found, _ = talk(exchange_of(one, "one"), Exchange(Boaster(liar), Seeded("liar"), clock), names=("one", "liar"))
    assert held(liar) - before == {act.id for act in talks.replies}  # the chains' acts he got none of
    assert set(found.withheld) >= {talks.party.organ}
    clock.time += 2 * HOUR
    freshness = one.freshness(talks.party.id)
    assert any("liar" in who for who in freshness.more)
    peers = Peers([Peer("liar"), Peer("other")])
    peers.broke_promise("liar")
    assert peers.score("liar") < peers.score("other") / 4


class Modest(NodeHolding):
    """Says to have exactly what the other side has: its rows are those of a node that it keeps up to date for that."""

    def __init__(self, node, like):
        super().__init__(node)
        self.like = NodeHolding(like)

    def heads(self):
        return self.like.heads()

    def loose(self):
        return self.like.loose()

    def lacking(self, theirs):
        return iter(())


def test_who_says_to_have_the_same_is_found_out_by_a_beacon():
    """Attack 35: "I have what you have, and that is all". The exchange ends whole and empty. A beacon, by whomever it
    comes, says how many acts there are; and any honest peer then gives them."""
    clock, talks = SetClock(), Talks(words=0)
    council, victim = memory_node(clock, name="council"), memory_node(clock, name="victim")
    give(council, talks.all)
    give(victim, talks.all)
    dismissal = talks.party.dismiss(talks.general)
    beacon = talks.party.beacon(START, count=10)
    give(council, [dismissal, beacon])
    liar = Exchange(Modest(council, victim), Seeded("liar"), clock)
    ours = exchange_of(victim, "victim")
    found, _ = talk(ours, liar)
    assert (found.whole, found.learnt) == (True, ())
    give(victim, [beacon], came("radio", "anybody"))
    clock.time += HOUR
    assert victim.freshness(talks.party.id).state in (Fresh.STARVED, Fresh.CUT_OFF, Fresh.BEHIND)
    assert dismissal.id not in held(victim)
    found, _ = talk(ours, exchange_of(council, "honest"), names=("victim", "honest"))
    assert dismissal.id in found.learnt
    assert victim.standing(talks.general.id, CONCLUDE).answer is Answer.REFUSED


def test_who_offers_loose_acts_and_gives_none_is_found_out():
    """Attack 35: a peer whose symbols show acts that it does not give when asked."""
    talks = Talks(words=12)
    liar, one = memory_node(name="liar"), memory_node(name="one")
    give(liar, talks.all)
    give(one, talks.all[:9])

    class Withholder(NodeHolding):
        def acts(self, ids):
            return []

    found, _ = talk(exchange_of(one, "one"), Exchange(Withholder(liar), Seeded("liar"), liar.wall))
    assert found.unmet == 12
    with wired(liar) as (url, desk):
        desk.exchange.holding = Withholder(liar)
        peers = Peers([Peer(url)])
        Desk(one, Seeded("desk"), peers=peers).exchange_with(url)
        assert peers.score(url) < 0.2


# --- 44 ---------------------------------------------------------------------------------------------------------------


def test_a_relay_cannot_say_what_is_urgent():
    """Attack 44: a relay calls everything else urgent. No message has a word for it, and the kind is signed."""
    talks = Talks(words=1)
    reply = talks.replies[0]
    fields = {"acts": [data(reply)], "left": 0}
    read(message("acts", session=bytes(16), **fields))
    for word in ("priority", "urgent", "rank"):
        with pytest.raises(Malformed, match=r"exchange\.layout"):
            read(encode({"kind": "acts", "session": bytes(16), **fields, word: 0}))
    node = memory_node(name="node")
    give(node, talks.all[:9])
    payload = encode({**reply.payload, "kind": "query", "to": bytes(32)})
    renamed = type(reply.envelope)(reply.envelope.form, payload, reply.envelope.signatures).encoded()
    assert node.take(renamed, came()).reason == "signature.invalid"


@pytest.mark.parametrize("order", ["last", "first", "shuffled"])
def test_a_dismissal_goes_before_everything_else_however_it_came(order, monkeypatch):
    """Attack 44: a relay hands a dismissal on as the last of many acts. Who has it sends it first, and its hearer
    refuses although the line is cut after the first message and almost nothing else has come."""
    monkeypatch.setattr(limits, "EXCHANGE_ACTS_MAX", 3)
    talks = Talks(words=0)
    council, hearer = memory_node(name="council"), memory_node(name="hearer")
    give(council, talks.all)
    give(hearer, talks.all)
    words = [talks.party.say(talks.other, "reply", "other", about=n.to_bytes(32, "big")) for n in range(100)]
    noise = [talks.party.decide("decide", words=f"noise {n}") for n in range(20)]
    dismissal = talks.party.dismiss(talks.general)
    acts = [*words, *noise]
    where = {"last": len(acts), "first": 0, "shuffled": 50}[order]
    acts.insert(where, dismissal)
    council.take_many([data(act) for act in acts], came())
    council.take(data(dismissal), came())
    assert held(council) >= {act.id for act in acts}
    ours, theirs = exchange_of(hearer, "hearer"), exchange_of(council, "council")
    answers = theirs.answer(ours.begin("council"), "hearer")
    assert [read(one).kind for one in answers] == ["welcome", "acts"]
    first = read(answers[1])
    assert data(dismissal) in first["acts"]
    assert first["left"] > 10
    ours.answer(answers[1], "council")  # and here the line is cut
    assert hearer.standing(talks.general.id, CONCLUDE).answer is Answer.REFUSED


def test_a_relay_that_keeps_back_what_is_urgent_is_gone_round_over_sockets():
    """Attack 44: a relay lets everything pass but the urgent acts. The chain shows that they are missing."""
    talks = Talks(words=10)
    council, hearer = memory_node(name="council"), memory_node(name="hearer")
    give(council, talks.all)
    give(hearer, talks.all[:9])
    dismissal = talks.party.dismiss(talks.general)
    give(council, [dismissal])

    def spoil(body, send):
        said = []
        for one in read_batch(send(body)):
            found = read(one)
            if found.kind == "acts":
                kept = [act for act in found["acts"] if act != data(dismissal)]
                one = message("acts", session=found.session, acts=kept, left=found["left"]) if kept else None
            said.append(one)
        return batch([one for one in said if one is not None])

    with wired(council) as (url, _), relayed(url, spoil) as relay:
        peers = Peers([Peer(relay)])
        found = Desk(hearer, Seeded("hearer"), peers=peers).exchange_with(relay)
        assert dismissal.id not in held(hearer)
        assert found.withheld == (talks.party.organ,)
        assert peers.score(relay) < 0.7
        assert any(relay in who for who in hearer.freshness(talks.party.id).more)
        Desk(hearer, Seeded("again")).exchange_with(url)
    assert dismissal.id in held(hearer)
