"""A ledger by notice hears acts in any order (``spec/council.md`` 6): what they come to must not rest on that order.

At home one order is the order. Elsewhere, and in a node's journal, whoever carries acts chooses it.
"""

import contextlib
import random
from collections import Counter
from itertools import permutations, product

import pytest

from pourparler.core.act import Act, Power
from pourparler.core.authority import Register
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.evidence import Bundle, Verdict
from pourparler.service.drafting import draft, powers
from tests.builder import TALKS, Party, World, key, organ, seats, speak, talks
from tests.gaps import remembering
from tests.second_verifier import Asked, Other, node


def two_organs(world: World, **fields) -> Party:
    """A council of one above a board of one."""
    organs = [organ("council", "ann"), organ("board", "eve", superior="council")]
    return world.party("Buyer", organs=organs, signers=("ann", "eve"), **fields)


def heard(*acts: Act) -> tuple[World, Register]:
    """Return a ledger by notice that heard these acts in this order, the founding act first."""
    world = World("elsewhere")
    for act in acts:
        world.put(act)
    return world, world.registry.registers[acts[0].id]


def stopped(world: World, register: Register, mandate: Act, power: Power = Power.PROPOSE) -> str:
    """Return why a mandate does not stand for a power, or the empty text."""
    try:
        register.check_standing(register.mandates[mandate.id], power, world.now)
    except PourparlerError as error:
        return error.reason
    return ""


# --- an objection -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["council", "board"])
def test_an_objection_ends_a_grant_in_whatever_order_they_are_heard(by: str) -> None:
    """As a dismissal does; and one by the organ that granted it never."""
    home = World("home")
    party = two_organs(home)
    mandate = party.grant("agent", *TALKS, "delegate", organ="board", depth=1)
    link = speak("agent", "delegate", mandate.id, to=key("sub").public_key, powers=powers("propose"))
    home.put(link)
    objections = [party.decide("object", by, about=act.id) for act in (link, mandate)]
    due = "standing.objected" if by == "council" else ""
    assert [stopped(home, home.registry.registers[party.id], act) for act in (mandate, link)] == [due, due]
    for order in permutations([mandate, *objections]):
        if order.index(objections[1]) < order.index(objections[0]):
            continue  # what follows something unknown is not there
        if by == "board" and order[0] is not mandate:
            continue
        world, register = heard(party.founding, *order)
        assert stopped(world, register, mandate) == due, [act.kind for act in order]


@pytest.mark.parametrize("read", [True, False])
def test_an_objection_to_a_link_that_stands_elsewhere_only(read: bool) -> None:
    """The home has it, and the dossier's ledger has the link: neither has both. It counts for who has read it."""
    home, world = World("home"), World()
    party = two_organs(home)
    mandate = party.grant("agent", *TALKS, "delegate", organ="board", depth=1)
    here = Party(world, party.founding, party.members, dict(party.heads))
    for act in (party.founding, mandate):
        world.put(act)
    k = talks(world, here, mandate=mandate)
    link = speak("agent", "delegate", mandate.id, to=key("sub").public_key, powers=powers("sign-ad-referendum"))
    world.put(link)
    text = k.adopted()
    signature = k.signed(text, by=link.id, who="sub", organ=party.organ("board"))
    objection = party.decide("object", about=link.id)
    seen = {"spines": [objection.id]} if read else {}
    ratification = party.signed("ratify", "board", **k.ratification(text, signature, **seen))
    for ledger in (home, world):
        ledger.put(ratification)
    home.stamp()
    claim = world.claim("bound", parties=(party.id,), dossier=k.id, text=text)
    report = world.verify(claim, home.shown(), trust=[party])
    due = (Verdict.INVALID, "claim.not-bound") if read else (Verdict.VALID, "")
    assert (report.verdict, report.reason) == due, report.steps[-1]


# --- a party that comes home again ------------------------------------------------------------------------------------


class Travels:
    """A party that moves between ledgers; each is told of what the home takes. ``home`` is where it is."""

    def __init__(self, *members: str, **fields) -> None:
        self.ledgers = {name: World(name) for name in ("first", "second", "third", "talks")}
        self.home = "first"
        self.party = Party.draft(self.ledgers["first"], "Buyer", *(members or ("ann", "bob", "cay")), **fields)
        self.tell(self.party.founding)

    def tell(self, act: Act, *names: str) -> Act:
        """Log an act in these ledgers, by default in all: at home first."""
        for name in names or (self.home, *(self.ledgers.keys() - {self.home})):
            self.ledgers[name].put(act)
        return act

    def decide(self, kind: str, organ: str = "council", **fields) -> Act:
        act = self.tell(self.party.signed(kind, organ, **fields))
        self.party.heads[organ] = act.id
        return act

    def move(self, to: str) -> Act:
        act = self.decide("move-home", home=self.ledgers[to].wire)
        self.home = to
        return act

    def grant(self, organ: str = "council", who: str = "agent") -> Act:
        return self.decide("grant", organ, to=key(who).public_key, powers=powers(*TALKS, "conclude"))

    def may(self, mandate: Act, where: str, *shown: str, who: str = "agent") -> tuple[str, str]:
        """Return the verdict on a holder's power to conclude, by a bundle from a ledger that shows others, too."""
        world, named = self.ledgers[where], {"mandate": mandate.id, "holder": key(who).public_key}
        for ledger in self.ledgers.values():
            ledger.stamp()
        claim = world.claim("may", parties=(self.party.id,), power=Power.CONCLUDE, **named)
        report = world.verify(claim, *(self.ledgers[name].shown() for name in shown), trust=[self.party])
        return report.verdict.value, report.reason


VALID, INVALID, CANNOT_TELL = "VALID", "INVALID", "CANNOT TELL"
NOT_SHOWN = (CANNOT_TELL, "home.not-shown")


def test_a_party_that_comes_home_again_is_at_home_there() -> None:
    on = Travels()
    early = on.grant()
    assert on.may(early, "first") == (VALID, "")
    on.move("second")
    assert on.may(early, "first") == NOT_SHOWN  # where it is now, nobody shows
    between = on.grant()
    on.move("first")
    mandate = on.grant()
    for act in (between, mandate):
        assert on.may(act, "first", "second") == (VALID, "")
        assert on.may(act, "first") == NOT_SHOWN  # whether the home between let it go, nobody shows
        assert on.may(act, "second", "first") == NOT_SHOWN  # it has left that one
    on.move("third")
    assert on.may(mandate, "third", "first", "second") == (VALID, "")
    for shown in ("first", "second"):
        assert on.may(mandate, "third", shown) == NOT_SHOWN
    assert on.may(mandate, "first", "second", "third") == NOT_SHOWN


def test_what_a_home_takes_that_was_left_is_nothing_until_the_party_is_back() -> None:
    on = Travels()
    on.move("second")
    on.move("first")
    late = on.party.signed("grant", to=key("agent").public_key, powers=powers(*TALKS, "conclude"))
    for name in ("second", "third"):
        on.tell(late, name)
    assert on.may(late, "second", "first") == NOT_SHOWN
    on.decide("decide", words="in its place")
    assert on.may(late, "second", "first")[0] == CANNOT_TELL
    assert on.may(late, "third", "first", "second")[0] == CANNOT_TELL  # and for that there is no claim elsewhere


@pytest.mark.parametrize("which", ["move", "before"])
def test_a_new_home_takes_nothing_in_the_place_of_what_led_to_it(which: str) -> None:
    """Else anybody who has a draft that was signed and lost could stop the party there, whenever it moved."""
    on = Travels()
    lost = [on.party.signed("decide", words="a draft")]
    on.decide("decide", words="what was taken")
    lost.append(on.party.signed("decide", words="we stay"))
    on.move("second")
    with pytest.raises(Refused, match="decision.overtaken"):
        on.tell(lost[which == "move"], "second")
    mandate = on.grant()
    assert on.may(mandate, "second", "first") == (VALID, "")


@pytest.mark.parametrize("told", ["in order", "a rival before", "a decision between late"])
def test_a_new_home_takes_nothing_of_an_organ_that_was_recalled_before(told: str) -> None:
    """Those who were recalled sign again at the place that the election followed: the new home has not taken it."""
    organs = [organ("council", "ann"), organ("board", "eve", superior="council")]
    on = Travels(organs=organs, signers=("ann", "eve"))
    mandate, start = on.grant(), on.party.heads["board"]
    rivals = [on.party.signed("decide", "board", words=f"we stay {number}") for number in range(3)]
    if told == "a rival before":
        on.tell(rivals[0], "second")
    between = on.party.signed("decide", "board", words="between")
    on.tell(between, *(("first",) if told == "a decision between late" else ("first", "second")))
    on.party.heads["board"] = between.id
    rivals.append(on.party.signed("decide", "board", words="we stay here, too"))
    board = {"of": on.party.organ("board"), "theirs": start}
    elected = on.decide("elect", **board, seats=seats("dan"), needs=1, also=[key("dan")])
    on.move("second")
    for rival in rivals:
        with pytest.raises(PourparlerError):
            on.tell(rival, "second")
    with pytest.raises(Refused, match="decision.no-seat"):
        on.tell(on.party.member("eve", "suspend", "board", target=mandate.id), "second")
    on.party.members["board"], on.party.heads["board"] = ([key("dan")], 1), elected.id
    on.tell(on.party.signed("decide", "board", words="the new board's"), "second")
    assert on.may(mandate, "second", "first") == (VALID, "")


def negotiated(on: Travels, negotiates: Act, concludes: Act) -> tuple[World, tuple[bytes, bytes]]:
    """Let a second holder conclude what the first negotiated, in the seller's home; return where and what."""
    world = on.ledgers["talks"]
    k = talks(world, Party(world, on.party.founding, on.party.members, dict(on.party.heads)), mandate=negotiates)
    text = k.adopted()
    world.put(k.ours("conclude", by=concludes.id, who="closer", text=text))
    return world, (k.id, text)


def closer(on: Travels, organ: str = "council") -> Act:
    """Return a grant to the second holder, signed and not logged."""
    return on.party.signed("grant", organ, to=key("closer").public_key, powers=powers(*TALKS, "conclude"))


def bound(on: Travels, world: World, named: tuple[bytes, bytes], *shown) -> tuple[str, str]:
    claim = world.claim("bound", parties=(on.party.id,), dossier=named[0], text=named[1])
    report = world.verify(claim, *shown, trust=[on.party])
    return report.verdict.value, report.reason


@pytest.mark.parametrize("taken", [True, False])
def test_a_return_that_the_home_between_did_not_take_makes_no_home(taken: bool) -> None:
    """Both drafts were signed, as they may be; one is carried to the first ledger, which cannot know."""
    on = Travels()
    agent = on.grant()
    on.move("second")
    back = on.party.signed("move-home", home=on.ledgers["first"].wire)
    if not taken:
        stays = on.party.signed("decide", words="we stay")
        on.tell(stays, "second")
    for name in ("second", "first", "talks") if taken else ("first", "talks"):
        on.tell(back, name)
    on.party.heads["council"] = back.id
    mandate = closer(on)
    for name in ("first", "talks"):
        on.tell(mandate, name)
    world, named = negotiated(on, agent, mandate)
    for ledger in on.ledgers.values():
        ledger.stamp()
    first, second = (on.ledgers[name].shown() for name in ("first", "second"))
    assert bound(on, world, named, first) == NOT_SHOWN
    assert bound(on, world, named, second) == NOT_SHOWN
    assert bound(on, world, named, first, second) == ((VALID, "") if taken else (INVALID, "claim.not-bound"))
    assert on.may(mandate, "first", who="closer") == NOT_SHOWN
    assert on.may(mandate, "first", "second", who="closer") == ((VALID, "") if taken else NOT_SHOWN)


def test_a_home_that_was_left_is_shown_whole_as_well() -> None:
    """What it logged beside the decision that it took counts for nothing, and who hides that one shows a gap."""
    organs = [organ("council", "ann"), organ("senate", "sam")]
    on = Travels(organs=organs, signers=("ann", "sam"))
    agent = on.grant()
    on.move("second")
    taken = on.party.signed("decide", "senate", words="the home's")
    rival = closer(on, "senate")
    on.tell(taken, "second")
    hidden = len(on.ledgers["second"].entries) - 1
    on.ledgers["second"].force(rival)
    on.tell(rival, "talks")
    on.move("third")
    world, named = negotiated(on, agent, rival)
    for ledger in on.ledgers.values():
        ledger.stamp()
    first, third = (on.ledgers[name].shown() for name in ("first", "third"))
    second = on.ledgers["second"]
    assert bound(on, world, named, first, second.shown(), third) == (INVALID, "claim.not-bound")
    assert bound(on, world, named, first, second.shown([hidden]), third) == (CANNOT_TELL, "home.incomplete")


SEEDS = (1, 3, 5, 21, 28, 32, 36)  # a lost move deceives a ledger in four of them; in three the grant is real


def wandering(seed: int) -> tuple[Travels, Act, World, tuple[bytes, bytes]]:
    """Let a party draft rival moves and decisions, of which each ledger is told some, in an order of its own; then
    somebody concludes under a grant on the last branch. Return that, too: the grant, where and what."""
    lot, on = random.Random(seed), Travels()
    agent, council = on.grant(), on.party.heads
    on.move("second")
    places, acts = [council["council"]], []
    for number in range(4):
        council["council"] = lot.choice(places[-2:])
        to = on.ledgers[lot.choice(("first", "second", "third"))]
        fields = {"home": to.wire} if lot.random() < 0.7 else {"words": str(number)}
        acts.append(on.party.signed("move-home" if "home" in fields else "decide", **fields))
        places.append(acts[-1].id)
    council["council"] = lot.choice(places[-2:])
    acts.append(closer(on))
    for name, world in on.ledgers.items():
        told = acts if name == "talks" else [act for act in acts if lot.random() < 0.8]
        for act in told if lot.random() < 0.7 else [*told, *lot.sample(told, len(told))]:
            with contextlib.suppress(PourparlerError):
                world.put(act)
    return on, acts[-1], *negotiated(on, agent, acts[-1])


def decided(on: Travels) -> set[bytes]:
    """Return what the council decided: each ledger in turn is asked what it logged next, from the move to it on."""
    real: set[bytes] = set()
    name, head, since = "first", on.party.organ(), b""
    while True:
        logged = [one.act for one in on.ledgers[name].registry.outcomes.values() if "prior" in one.act.payload]
        ids = [act.id for act in logged]
        if since and since not in ids:
            return real
        for act in logged[ids.index(since) + 1 if since else 0 :]:
            if act["prior"] == head:
                head = act.id
                real.add(head)
                if act.kind == "move-home":
                    break
        else:
            return real
        since, origin = head, act["home"]["origin"]
        name = next(name for name, world in on.ledgers.items() if world.depositary.origin == origin)


@pytest.mark.skipif(node() is None, reason="Node runs the verifier in JavaScript, and is not here")
def test_the_other_verifier_says_the_same_of_a_party_that_travels() -> None:
    tally: Counter[str] = Counter()
    with Other() as other:
        for seed in SEEDS:
            on, _, world, (dossier, text) = wandering(seed)
            for ledger in on.ledgers.values():
                ledger.stamp()
            claim = world.claim("bound", parties=(on.party.id,), dossier=dossier, text=text)
            for names in (("first", "second", "third"), ("first", "second"), ("first",)):
                shown = (world.shown(), *(on.ledgers[name].shown() for name in names))
                bundle = Bundle(claim, shown, tuple(world.text_bytes.values())).encoded()
                Asked(bundle, (on.party.id,)).compare(other, f"{seed} {names}", tally)
    assert {VALID, "INVALID claim.not-bound", "CANNOT TELL home.not-shown"} <= tally.keys()


def test_no_two_bundles_about_a_party_that_travels_contradict_each_other() -> None:
    """Each claim is asked with every other ledger, shown up to several lengths or not at all."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        on, mandate, world, named = wandering(seed)
        lot = random.Random(seed)
        for ledger in on.ledgers.values():
            ledger.stamp()
        parts = []
        for name in ("first", "second", "third"):
            size = len(on.ledgers[name].entries)
            sizes = sorted({*lot.sample(range(3, size), min(2, size - 3)), size})
            parts.append([None, *(on.ledgers[name].shown(size=one) for one in sizes)])
        claim = world.claim("bound", parties=(on.party.id,), dossier=named[0], text=named[1])
        with remembering():
            said = [world.verify(claim, *filter(None, p), trust=[on.party]).verdict.value for p in product(*parts)]
        assert (said[-1] == VALID) == (mandate.id in decided(on)), seed  # with everything shown
        assert not {VALID, INVALID} <= set(said), seed
        seen.update(said)
    assert {VALID, INVALID, CANNOT_TELL} <= seen.keys()


# --- what follows a recovery ------------------------------------------------------------------------------------------

WAIT = 100


class Recovering:
    """A council of three, whose recovery key replaces one; then those who sit elect others."""

    def __init__(self, **fields) -> None:
        self.home = World("home")
        kept = {"keys": [key("safe").public_key], "needs": 1, "wait": WAIT}
        self.party = self.home.party("Buyer", "ann", "bob", "cay", recovery=kept, **fields)
        self.mandate = self.party.grant("agent", *TALKS)
        self.rival = self.party.signed("decide", words="we still have our keys")
        self.place = self.party.heads["council"]
        self.recovery = self.recover("new", self.place)
        self.elected = self.follow("elect", self.recovery, "ann", "new", seats=seats("dan", "eve", "fay"))
        self.after = self.follow("decide", self.elected, "dan", "eve", words="after it")

    def recover(self, new: str, prior: bytes, old: str = "cay") -> Act:
        fields = {"organ": self.party.organ(), "prior": prior, "seats": [[key(old).public_key, key(new).public_key]]}
        return draft("recover", fields).signed_by(key("safe"), key(new))

    def follow(self, kind: str, prior: Act, *by: str, **fields) -> Act:
        signers = [*by, *(("dan", "eve", "fay") if kind == "elect" else ())]
        made = draft(kind, {"organ": self.party.organ(), "prior": prior.id, **fields})
        return made.signed_by(*(key(name) for name in dict.fromkeys(signers)))

    def elsewhere(self, *acts: Act) -> tuple[World, Register]:
        return heard(self.party.founding, self.mandate, *acts)

    def sitting(self, world: World, register: Register) -> set[str]:
        """Return who speaks for the council there now."""
        found = set()
        for who in ("ann", "bob", "cay", "new", "newer", "dan", "eve", "fay"):
            with contextlib.suppress(Refused):
                world.put(self.party.member(who, "dissent", about=bytes(32), words=str(len(world.entries))))
                found.add(who)
        assert {key(name).public_key for name in found} == set(
            register.spines.seated(self.party.organ(), world.time).members.seats
        )
        return found


FOUNDERS, RECOVERED, ELECTED = {"ann", "bob", "cay"}, {"ann", "bob", "new"}, {"dan", "eve", "fay"}


def test_who_was_elected_after_a_recovery_sits_elsewhere_as_at_home() -> None:
    of = Recovering()
    of.home.put(of.recovery)
    of.home.time = WAIT
    of.home.put(of.elected)
    assert of.sitting(of.home, of.home.registry.registers[of.party.id]) == ELECTED
    for acts in ((of.recovery, of.elected), (of.recovery, of.elected, of.after)):
        world, register = of.elsewhere(*acts)
        assert of.sitting(world, register) == FOUNDERS  # as long as it waits there, too, whenever they were heard
        world.time = WAIT
        assert of.sitting(world, register) == ELECTED
    world, register = of.elsewhere(of.recovery)
    world.time = WAIT
    assert of.sitting(world, register) == RECOVERED


def test_the_organ_s_own_decision_in_a_recovery_s_place_outweighs_it_in_whatever_order() -> None:
    """Whoever has the recovery keys, and holds the organ's answer back for a while, gains nothing that lasts."""
    of = Recovering()
    for order in permutations((of.recovery, of.elected, of.rival)):
        if order.index(of.elected) > order.index(of.recovery):
            for late in (0, WAIT):
                world, register = of.elsewhere(*order[:-1])
                world.time = late
                world.put(order[-1])
                world.time = 2 * WAIT
                assert of.sitting(world, register) == FOUNDERS


def test_of_two_recoveries_of_one_place_the_first_that_was_heard_counts_elsewhere() -> None:
    of = Recovering()
    second = of.recover("newer", of.place)
    world, register = of.elsewhere(of.recovery, of.elected, second)
    world.time = 2 * WAIT
    assert of.sitting(world, register) == ELECTED


def test_of_two_elections_after_a_recovery_the_first_that_was_heard_counts_elsewhere() -> None:
    """As of any two rivals, where the home is not shown; and what follows the other one changes nothing."""
    of = Recovering()
    rival = of.follow("decide", of.recovery, "ann", "new", words="no election")
    for first, second, sit in ((of.elected, rival, ELECTED), (rival, of.elected, RECOVERED)):
        world, register = of.elsewhere(of.recovery, first, second, of.after)
        world.time = WAIT
        assert of.sitting(world, register) == sit


@pytest.mark.parametrize("further", [True, False])
def test_a_recovery_of_what_a_recovery_led_to(further: bool) -> None:
    """The organ's decision outweighs that one, too, and the members sit by it."""
    of = Recovering()
    second = of.recover("newer", of.recovery.id, old="ann")
    for acts in permutations((second, of.elected) if further else (second,)):
        world, register = of.elsewhere(of.recovery, *acts)
        world.time = WAIT
        assert of.sitting(world, register) == (ELECTED if further else {"newer", "bob", "new"})


def test_an_election_from_above_follows_what_a_recovery_led_to() -> None:
    """Elsewhere the head stays before the recovery, with members who act in urgency and have no seat any more."""
    home, world = World("home"), World("elsewhere")
    kept = {"keys": [key("safe").public_key], "needs": 1, "wait": WAIT}
    organs = [organ("council", "ann"), organ("board", "eve", superior="council")]
    party = home.party("Buyer", organs=organs, signers=("ann", "eve"), recovery=kept)
    board, urgent = party.organ("board"), {"keys": [key("eve").public_key], "needs": 1, "lapse": 50}
    acts = [party.founding, party.decide("elect", "board", seats=seats("eve"), needs=1, urgent=urgent)]
    place = {"organ": board, "prior": acts[-1].id, "seats": [[key("eve").public_key, key("new").public_key]]}
    recovery = draft("recover", place).signed_by(key("safe"), key("new"))
    home.put(recovery)
    home.time = WAIT
    decided = draft("decide", {"organ": board, "prior": recovery.id, "words": "we sit again"}).signed_by(key("new"))
    home.put(decided)
    recall = [party.signed("elect", of=board, theirs=decided.id, seats=seats("new"), needs=1)]
    home.put(recall[0])
    party.heads["council"] = recall[0].id
    recall.append(party.signed("elect", of=board, theirs=decided.id, seats=seats("fay"), needs=1, also=[key("fay")]))
    home.put(recall[1])
    for act in (*acts, recovery, decided, *recall):
        world.put(act)
    for ledger in (home, world):
        spines = ledger.registry.registers[party.id].spines
        assert spines.seated(board, 0) == spines.at[board, recall[1].id]
        assert spines.at[board, recall[1].id].place == 5
        assert spines.at[board, recall[1].id].urgency is None


@pytest.mark.parametrize("real", [True, False])
def test_urgent_members_count_elsewhere_if_the_home_took_what_named_them(real: bool) -> None:
    """Whoever has the recovery keys alone names his own where the organ has not been heard, for as long as he likes."""
    home, world = World("home"), World()
    kept = {"keys": [key("safe").public_key], "needs": 1, "wait": WAIT}
    party = home.party("Buyer", "ann", recovery=kept)
    mandate = party.grant("agent", *TALKS, "conclude")
    council, urgent = party.organ(), {"keys": [key("new").public_key], "needs": 1, "lapse": 10**9}
    place = {"organ": council, "prior": mandate.id, "seats": [[key("ann").public_key, key("new").public_key]]}
    recovery = draft("recover", place).signed_by(key("safe"), key("new"))
    named = {"organ": council, "prior": recovery.id, "seats": seats("new"), "needs": 1, "urgent": urgent}
    elected = draft("elect", named).signed_by(key("new"))
    for act in (party.founding, mandate):
        world.put(act)
    k = talks(world, Party(world, party.founding, party.members, dict(party.heads)), mandate=mandate)
    text = k.adopted()
    if real:
        home.put(recovery)
        home.put(elected, WAIT)
    else:
        party.decide("decide", words="we have our keys")
    for act in (recovery, elected):
        world.put(act)
    said = {"organ": council, "to": key("stray").public_key, "powers": powers("open", "propose")}
    granted = draft("urgent-grant", said).signed_by(key("new"))
    dismissed = draft("urgent-dismiss", {"organ": council, "mandate": mandate.id}).signed_by(key("new"))
    world.put(granted, WAIT)
    stray = world.put(speak("stray", "propose", granted.id, dossier=k.id, text=world.text()))
    assert stray.void is None
    world.put(dismissed)
    world.put(k.ours("conclude", text=text))
    home.stamp()
    claim = world.claim("bound", parties=(party.id,), dossier=k.id, text=text)
    report = world.verify(claim, home.shown(), trust=[party])
    due = (Verdict.INVALID, "claim.not-bound") if real else (Verdict.VALID, "")
    assert (report.verdict, report.reason) == due, report.steps[-1]
    void = report.registry.outcomes[stray.act.id].void
    assert (void.reason if void else "") == ("" if real else "standing.sibling")


# --- a hand-over, and its confirmation --------------------------------------------------------------------------------


def handing(home: World, given: int, **giver) -> tuple[Party, Act]:
    """Return a party whose council may hand these powers over to a club, and the hand-over, not logged."""
    organs = [organ("congress", "eve"), organ("council", "ann", **giver), organ("club", "cay", powers=1)]
    party = home.party("Buyer", organs=organs, signers=("ann", "cay", "eve"))
    return party, party.signed("hand-over", to=party.organ("club"), powers=given)


def test_a_hand_over_that_is_heard_after_its_confirmation_is_taken_over_when_that_is_said_again() -> None:
    """A known limit (council.md 6): a place has one state, whatever is heard later; so the club says yes again."""
    home = World("home")
    party, handed = handing(home, powers("propose", "delegate"))
    home.put(handed)
    said = [party.decide("confirm", "club", about=handed.id, answer=True) for _ in range(2)]
    mandate = party.grant("agent", "propose", organ="club")
    early, _ = heard(party.founding, said[0], handed)
    club, gained = party.organ("club"), Power(powers("propose", "delegate"))
    spines = early.registry.registers[party.id].spines
    assert not spines.organ(club).powers & gained
    early.put(said[1])
    assert spines.organ(club).powers & gained == gained
    early.put(mandate)
    straight, _ = heard(party.founding, handed, *said, mandate)
    for ledger in (home, straight):
        assert ledger.registry.registers[party.id].spines.organ(club) == spines.organ(club)


def test_a_confirmation_that_took_nothing_over_at_home_is_heard_elsewhere_in_any_order() -> None:
    """The club's own superior could not confirm what it would decide; at home it said yes before there was anything."""
    home = World("home")
    party, handed = handing(home, powers("ratify"), superior="congress", subject=powers("ratify"))
    said = party.decide("confirm", "club", about=handed.id, answer=True)
    home.put(handed)
    after = party.decide("decide", "club", words="and goes on")
    for order in permutations((said, handed)):
        _, register = heard(party.founding, *order, after)
        assert not register.spines.organ(party.organ("club")).powers & Power.RATIFY
    again = party.signed("confirm", "club", about=handed.id, answer=True)
    with pytest.raises(Refused, match="power.missing"):
        home.put(again)
