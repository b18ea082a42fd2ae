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
