"""Which act goes first, from what its signers signed. Specification: ``spec/exchange.md`` section 7.

A relay that may say what is urgent starves an order by calling everything else urgent. So the rank of an act follows
from its kind, which stands inside the signature, and nothing that travels beside an act changes it. Bad news goes
first: what ends or stops powers works from when it is heard.
"""

from enum import IntEnum

from pourparler.core.act import Act, Issuer

STOPPING = frozenset({"dismiss", "urgent-dismiss", "suspend", "revoke", "withdraw-certificate", "denounce", "dissolve"})
GUARDING = frozenset({"beacon", "recover", "confirm", "object"})
GIVING = frozenset({"urgent-grant", "delegate", "certify"})  # beside what an organ decides


class Urgency(IntEnum):
    """When an act is sent: the lowest first."""

    STOPS = 0  # ends or stops powers
    GUARDS = 1  # says how far a register goes, or watches over it
    DECIDES = 2  # what else an organ decided, and links and certificates
    SPEAKS = 3  # what a holder or a member says


def urgency_of(act: Act) -> Urgency:
    """Return how urgent an act is."""
    if act.kind in STOPPING:
        return Urgency.STOPS
    if act.kind in GUARDING:
        return Urgency.GUARDS
    return Urgency.DECIDES if act.issuer is Issuer.ORGAN or act.kind in GIVING else Urgency.SPEAKS
