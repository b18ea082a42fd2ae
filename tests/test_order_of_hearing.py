"""A ledger by notice hears acts in any order (``spec/council.md`` 6): what they come to must not rest on that order.

At home one order is the order. Elsewhere, and in a node's journal, whoever carries acts chooses it.
"""

from itertools import permutations

import pytest

from pourparler.core.act import Act, Power
from pourparler.core.authority import Register
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Verdict
from pourparler.service.drafting import powers
from tests.builder import TALKS, Party, World, key, organ, speak, talks


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
    early = on.grant(who="someone")
    on.move("second")
    between = on.grant()
    on.move("first")
    mandate = on.grant()
    for act in (between, mandate):
        assert on.may(act, "first", "second") == (VALID, "")
        assert on.may(act, "first") == NOT_SHOWN  # whether the home between let it go, nobody shows
        assert on.may(act, "second", "first") == NOT_SHOWN  # it has left that one
    assert early.id in on.ledgers["first"].registry.registers[on.party.id].mandates
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
