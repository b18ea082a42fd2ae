"""What is true in a world: what the people in it really meant, and what they were really told.

It knows nothing of the law and imports nothing of it. It is a diary, kept apart from the code under test: who was given
what, who was dismissed when, which text the council truly ratified, what a ledger has answered. The checker holds it
against what the services say.
"""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Given:
    """A mandate as its givers meant it. ``powers`` are their names; ``most`` is the highest price; ``lease`` is in
    seconds; ``above`` is the mandate that it hangs from."""

    holder: str
    powers: frozenset[str]
    most: Decimal | None = None
    lease: int | None = None
    above: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """That a mandate was ended by an act: said at a true time (ms)."""

    act: bytes
    said: int
    lapses: bool = False  # a suspension


@dataclass(frozen=True, slots=True)
class Logged:
    """What a depositary answered: an act's place and log time (s), and whether it has effect."""

    index: int
    time: int
    act: bytes
    void: str | None


@dataclass(frozen=True, slots=True)
class Spoken:
    """An act that somebody made: ``honest`` if whoever made it may say such things."""

    who: str
    kind: str
    said: int
    honest: bool
    fields: dict[str, object] = field(compare=False)
    forged: bool = False  # signed with another key than its speaker's


@dataclass
class Truth:
    """The diary of one world."""

    spoken: dict[bytes, Spoken] = field(default_factory=dict)
    given: dict[bytes, Given] = field(default_factory=dict)
    ended: dict[bytes, Ended] = field(default_factory=dict)
    prices: dict[bytes, Decimal] = field(default_factory=dict)
    ratified: dict[bytes, bytes] = field(default_factory=dict)  # text -> the act
    logged: dict[bytes, Logged] = field(default_factory=dict)
    beacons: dict[bytes, int] = field(default_factory=dict)  # act -> what it states as its time (s)
    told: dict[str, dict[bytes, int]] = field(default_factory=dict)  # place -> act it has acknowledged -> when (ms)
    stolen: dict[str, int] = field(default_factory=dict)
    decided: dict[bytes, list[bytes]] = field(default_factory=dict)  # place on a spine -> honest decisions after it
    secrets: list[bytes] = field(default_factory=list)

    def chain(self, mandate: bytes) -> list[bytes]:
        """Return a mandate and those that it hangs from."""
        links = []
        above: bytes | None = mandate
        while above is not None and above in self.given:
            links.append(above)
            above = self.given[above].above
        return links

    def ending(self, mandate: bytes) -> Ended | None:
        """Return what ended a mandate or one above it for good, the earliest, or None."""
        found = [self.ended[link] for link in self.chain(mandate) if link in self.ended]
        return min((ended for ended in found if not ended.lapses), key=lambda ended: ended.said, default=None)

    def may(self, mandate: bytes, power: str) -> bool:
        """Return whether every link of a mandate's chain gives a power."""
        links = self.chain(mandate)
        return bool(links) and all(power in self.given[link].powers for link in links)

    def most(self, mandate: bytes) -> Decimal | None:
        """Return the lowest of the limits along a chain."""
        limits = [most for link in self.chain(mandate) if (most := self.given[link].most) is not None]
        return min(limits, default=None)

    def fresh(self, mandate: bytes, logged: Logged) -> bool:
        """Return whether a beacon stood in the ledger before an act that is young enough for every lease."""
        leases = [lease for link in self.chain(mandate) if (lease := self.given[link].lease) is not None]
        if not leases:
            return True
        ages = [
            logged.time - min(stated, beacon.time)
            for act, stated in self.beacons.items()
            if (beacon := self.logged.get(act)) and beacon.index < logged.index and beacon.void is None
        ]
        return bool(ages) and min(ages) <= min(leases)
