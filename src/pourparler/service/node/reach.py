"""Whom has an order reached? The propagation map: every holder of the party, by what was heard of him.

That an order was sent says nothing. A holder's signed "I know" (the act ``reply`` about the order) says that he has it;
whatever else he signed since says that he is there, and not that he knows.
"""

from pourparler.service.node.holdings import Holdings
from pourparler.service.node.nouns import Hearer, Reached
from pourparler.store.node import Ack

UNREACHABLE_SECONDS = 86_400


def reached(holdings: Holdings, order: bytes) -> Reached:
    """Return what is known of whom an act has reached; nobody where the act is not in the journal."""
    outcome = holdings.registry.outcomes.get(order)
    if outcome is None or outcome.party is None:
        return Reached(order, None, ())
    register, now = holdings.registry.registers[outcome.party], holdings.latest()
    acked = {ack.mandate: ack for ack in reversed(holdings.store.acks(order))}
    mandates = [mandate.id for mandate in register.mandates.values() if mandate.holder is not None]
    hearers = [hearer(holdings, one, outcome.moment.time, now, acked.get(one)) for one in mandates]
    return Reached(order, outcome.moment.time, tuple(hearers))


def hearer(holdings: Holdings, mandate: bytes, taken: int, now: int, ack: Ack | None) -> Hearer:
    """Return what is known of one holder."""
    if ack is not None:
        return Hearer(mandate, "acknowledged", ack.heard, now - ack.heard, ack.channel, ack.peer, ack.act)
    heard = holdings.store.heard(mandate)
    if not heard:
        return Hearer(mandate, "unreachable")
    channel, peer, time = heard[0]
    state = "last heard before"
    if time >= taken:
        state = "heard since"
    elif now - time > UNREACHABLE_SECONDS:
        state = "unreachable"
    return Hearer(mandate, state, time, now - time, channel, peer)
