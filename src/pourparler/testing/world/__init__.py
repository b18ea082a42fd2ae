"""The simulated world: the real services on simulated time, network, disk and chance. A tutorial: ``docs/simulate.md``.

:func:`simulate` runs the world of a :class:`Plan` and returns its :class:`Outcome`. :meth:`Plan.drawn` draws everything
from a seed, faults included; :meth:`Plan.calm` begins with nothing wrong, and you choose. Who bargains and what the
council ratifies can be yours: :class:`Negotiator`, :class:`Policy`.

>>> from pourparler.testing.world import Plan, simulate
>>> found = simulate(Plan.calm("a seed", hours=3))
>>> found.failures
[]
"""

from pourparler.testing.world.plan import Event, Happens, Plan, Treason
from pourparler.testing.world.speaking import Ceiling, Haggler, Negotiator, Offer, Policy, Terms, price_of, priced
from pourparler.testing.world.world import Outcome, World, simulate

__all__ = [
    "Ceiling",
    "Event",
    "Haggler",
    "Happens",
    "Negotiator",
    "Offer",
    "Outcome",
    "Plan",
    "Policy",
    "Terms",
    "Treason",
    "World",
    "price_of",
    "priced",
    "simulate",
]
