"""Your own negotiator in a simulated world: a tough one, an easy one, and what a hostile network does to either.

Run it with ``./run python examples/simulated_negotiator.py``. Everything but time, network, disk and chance is the real
thing: the acts are signed, the ledger judges them, and the other side believes only evidence that it has verified.
"""

from collections.abc import Sequence
from decimal import Decimal

from pourparler.testing.world import Haggler, Offer, Plan, Terms, price_of, priced, simulate


class Patient:
    """Names one price, and waits until the other side comes to it."""

    def __init__(self, price: str) -> None:
        self.price = Decimal(price)

    def turn(self, offers: Sequence[Offer]) -> Terms | None:
        theirs = [offer.terms for offer in offers if not offer.ours]
        if theirs and price_of(theirs[-1]) <= self.price:
            return theirs[-1]
        return None if any(offer.ours for offer in offers) else priced(self.price)


class Cheap:
    """A council that ratifies nothing above 89."""

    def ratifies(self, terms: Terms) -> bool:
        return price_of(terms) <= 89


def main(hours: int = 10) -> dict[str, int]:
    """Return how many texts came into force, by who bargained and how much was lost."""
    found = {}
    for name, buyer in (("patient", Patient("88.00")), ("haggling", Haggler(Decimal(80), Decimal(92)))):
        for loss in (0.0, 0.8):
            plan = Plan.calm("an example", hours=hours, loss=loss)
            outcome = simulate(plan, ours=buyer, theirs=Haggler(Decimal(98), Decimal(86)), policy=Cheap())
            assert not outcome.failures, outcome.failures
            found[f"{name}, {loss:.0%} lost"] = outcome.in_force
    return found


if __name__ == "__main__":
    for name, count in main().items():
        print(f"{name}: {count} texts in force")
