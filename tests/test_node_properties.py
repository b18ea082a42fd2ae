"""What holds of a node whatever comes in whatever order: histories drawn from a seed, each act a real one."""

from random import Random

import pytest

from pourparler.service.drafting import powers
from pourparler.service.node.nouns import Answer, Came
from pourparler.testing.keys import Key
from tests.nodes import PROPOSE, START, HomeLedger, Party, SetClock, came, data, memory_node

GIVEN = powers("propose", "delegate")
SEEDS = range(12)


def spines(chance):
    """Return decisions of a council, on its head or, now and then, beside another decision; and its grants."""
    party = Party()
    acts, grants, places = [party.found], [], [party.organ]
    for number in range(chance.randint(3, 10)):
        beside = chance.random() < 0.15
        prior = chance.choice(places) if beside else places[-1]
        signers = chance.sample(party.members, 2)
        kind = chance.choice(("grant", "dismiss", "decide", "grant"))
        if kind == "grant" or not grants:
            act = party.decide("grant", prior, signers, to=Key.from_name(f"holder {number}").public_key, powers=GIVEN)
            grants.append(act)
        elif kind == "dismiss":
            act = party.decide("dismiss", prior, signers, mandate=chance.choice(grants).id)
        else:
            act = party.decide("decide", prior, signers, words=str(number))
        acts.append(act)
        if not beside:
            places.append(act.id)
    return acts, grants


def told(node, mandates):
    return [(said.answer, said.proven, said.reason) for said in (node.standing(one.id, PROPOSE) for one in mandates)]


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_delivery_gives_the_same_standing(seed):
    chance = Random(seed)
    acts, grants = spines(chance)
    ordered, shuffled = memory_node(), memory_node()
    ordered.take_many([data(act) for act in acts], came())
    mixed = [data(act) for act in acts + chance.sample(acts, len(acts) // 2)]
    chance.shuffle(mixed)
    size = chance.choice((1, 3, len(mixed)))
    for start in range(0, len(mixed), size):
        shuffled.take_many(mixed[start : start + size], came())
    assert shuffled.store.counts()["pending"] == (0, 0)
    assert told(shuffled, grants) == told(ordered, grants)
    assert shuffled.heads() == ordered.heads()
    assert {act.id for act in shuffled.every()} == {act.id for act in acts}


def affairs(chance, *, undoing=True):
    """Return a party, its acts of all kinds that touch mandates, in an order in which they could have been said, and
    the mandates among them."""
    party = Party()
    acts, mandates = [party.found], []
    kinds = ("grant", "delegate", "dismiss", "suspend", "keep", "revoke", "reply", "undo")
    for number in range(chance.randint(5, 12)):
        kind = chance.choice(kinds if undoing else kinds[:-1])
        holder = f"holder {number}"
        if not mandates or kind == "grant":
            fields = {"to": Key.from_name(holder).public_key, "powers": GIVEN, "depth": 3}
            acts.append(party.decide("grant", **fields))
            mandates.append((acts[-1], holder, None))
            continue
        target = chance.choice(mandates)
        mandate, speaker, parent = target
        suspensions = [act for act in acts if act.kind == "suspend"]
        if kind == "delegate" and mandate["depth"]:
            fields = {"to": Key.from_name(holder).public_key, "powers": GIVEN, "depth": mandate["depth"] - 1}
            acts.append(party.say(mandate, "delegate", speaker, **fields))
            mandates.append((acts[-1], holder, target))
        elif kind == "dismiss":
            acts.append(party.dismiss(mandate))
        elif kind == "suspend":
            acts.append(party.suspend(mandate.id, chance.randrange(3)))
        elif kind in ("undo", "keep") and suspensions:
            acts.append(party.decide("confirm", about=suspensions[-1].id, answer=kind == "keep"))
        elif kind == "revoke" and parent is not None:
            acts.append(party.say(parent[0], "revoke", parent[1], target=mandate.id))
        else:
            acts.append(party.say(mandate, "reply", speaker, about=party.id, words=str(number)))
    return party, acts, [mandate for mandate, _, _ in mandates]


@pytest.mark.parametrize("seed", SEEDS)
def test_more_acts_never_bring_anybody_back(seed):
    """Refused stays refused, whatever else is heard in whatever order; only the home's proof brings back."""
    chance = Random(seed)
    _, acts, mandates = affairs(chance)
    node, refused = memory_node(), set()
    chance.shuffle(acts)
    for act in acts + acts:
        node.take(data(act), came())
        for mandate in mandates:
            said = node.standing(mandate.id, PROPOSE).answer
            assert not (mandate.id in refused and said is Answer.IN_FORCE)
            if said is Answer.REFUSED:
                refused.add(mandate.id)
    assert node.wanted() == []  # what still waits, waits for a link that is void


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_holds_the_home_agrees_with_it(seed):
    """A node that heard everything in any order, and then is shown the home, says of every mandate what a node does
    that was shown nothing but the home; and a restart changes no answer."""
    chance, clock = Random(seed), SetClock()
    party, acts, mandates = affairs(chance, undoing=False)
    home = HomeLedger(clock)
    for act in acts:
        home.intake.submit_many([data(act)])
    copy = home.copy(party)
    chance.shuffle(acts)
    hearer, reader = memory_node(clock), memory_node(clock)
    hearer.take_many([data(act) for act in acts], came())
    for node in (hearer, reader):
        assert node.take_bundle(copy, Came("courier", "", START)).reason == ""
    heard, read = ([answer is Answer.IN_FORCE for answer, *_ in told(node, mandates)] for node in (hearer, reader))
    assert heard == read
    again = memory_node(clock, journal=hearer.journal.store, store=hearer.store)
    assert told(again, mandates) == told(hearer, mandates)


@pytest.mark.parametrize("seed", SEEDS)
def test_foreign_bytes_raise_nothing_and_nothing_stays_that_nobody_signed(seed):
    """Of two copies of a decision, each with another signature spoilt, the whole can be put together; nothing else."""
    chance = Random(seed)
    node, party = memory_node(), Party()
    node.take(data(party.found), came())
    grant = party.grant()
    spoilt = data(grant)
    for _ in range(40):
        at = chance.randrange(len(spoilt))
        noise = chance.randbytes(chance.randint(1, 12))
        one = chance.choice((chance.randbytes(at), spoilt[:at], spoilt[:at] + noise + spoilt[at + len(noise) :]))
        node.take(one, Came(noise.decode("latin-1") * 50, "\ud800", START))
        node.take_bundle(one, came())
        node.take_part(one, one[:8], one[8:72], came())
    assert {act.id for act in node.every()} <= {party.found.id, grant.id}
