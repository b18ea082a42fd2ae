"""What kind of world a seed makes: how many places, how bad the network, which faults happen when.

:meth:`Plan.drawn` draws everything from the seed, within the mix of faults that the checks want. Whoever studies one
question writes a plan of his own (:meth:`Plan.calm`) and changes what he asks about.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from pourparler.testing.world.chance import Chance
from pourparler.testing.world.timeline import HOUR, MINUTE
from pourparler.testing.world.trace import instant

QUIET_HOURS = 6  # at the end, in which what must come to pass does


class Treason(Enum):
    """What a traitor's relay does with what passes through it."""

    MUTE = "answers nobody"
    SELECTIVE = "drops every dismissal, suspension and election"
    DELAYS = "passes everything on, hours later"
    REPLAYS = "answers with old messages"
    LIES = "answers with bytes of chance"


class Happens(Enum):
    """What can befall a world, beside its weather."""

    CRASH = "the power goes in the middle of a write"
    FREEZE = "a place stands still"
    JUMP = "a clock jumps"
    LOST_SYNC = "a disk confirms and keeps nothing, then the power goes"
    RESTORE = "yesterday's copy of a disk is put back"
    DISK_FULL = "a disk is full for a while"
    SYNC_FAILED = "a sync fails, and nobody knows what was kept"
    FLIPPED = "a bit flips in what is stored, and the power goes"
    SHORT_READ = "the power goes, and a read of the disk comes back short"
    TWICE = "a second instance begins on a disk whose locks do not hold, or on a copy of it"
    PARTITION = "the network falls into two parts"
    ONE_WAY = "one place is heard and hears nothing"
    THEFT = "somebody has a copy of a key"
    SEATS = "the council changes a seat"
    SIBLINGS = "two drafts of one decision are both signed, and part of the world hears of the wrong one"
    FORK = "the depositary shows a second history to some"
    FLOOD = "strangers send junk, up to more than a node has room for"
    DISMISSAL = "the council dismisses the general"
    SUSPENSION = "a member suspends somebody"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens at a time (ms) to a place, for so long (ms); ``amount`` says how much of it."""

    at: int
    what: Happens
    where: str = ""
    lasts: int = 0
    amount: int = 0

    def __str__(self) -> str:
        lasting = f" for {self.lasts // MINUTE} min" if self.lasts else ""
        amount = f" ({self.amount:,})" if self.amount else ""
        return f"{instant(self.at)} {self.where or 'world'}: {self.what.value}{lasting}{amount}"


@dataclass(frozen=True)
class Plan:
    """A world before it begins. Shares are of 1, times in the unit that the name says."""

    seed: str = "0"
    hours: int = 24
    relays: int = 2
    committees: int = 2
    traitors: tuple[tuple[str, Treason], ...] = ()
    loss: float = 0.0
    twice: float = 0.0
    corrupt: float = 0.0
    late: float = 0.0
    quiet_loss: float = 0.0  # of the last six hours
    radio: bool = True
    radio_loss: float = 0.0
    jammed: float = 0.0  # which share of the frames on air are the jammer's
    frame_seconds: int = 240
    exchange_minutes: int = 30
    asks: int = 1  # how many peers at once
    quiet_asks: int = 1  # in the last hours
    beacon_minutes: int = 60
    lease_minutes: int = 180
    turn_minutes: int = 30
    courier_hours: int = 5
    pullers: tuple[str, ...] = ("council",)  # who copies the home ledger from its depositary
    sample_minutes: int = 60  # how often it is noted how old each place's newest beacon is
    events: tuple[Event, ...] = ()

    @property
    def end(self) -> int:
        """When the world ends, in ms."""
        return self.hours * HOUR

    @property
    def quiet(self) -> int:
        """When faults stop, in ms."""
        return max(self.end - QUIET_HOURS * HOUR, self.end // 2)

    def in_time(self, begun: int = 0) -> bool:
        """Return whether what begins at a time (ms), or when faults stop if that is later, has :data:`QUIET_HOURS` to
        come to pass in. What has not is not judged: it was promised for after the end."""
        return max(begun, self.quiet) + QUIET_HOURS * HOUR <= self.end

    @property
    def places(self) -> tuple[str, ...]:
        """Everybody who has a node, the council first."""
        relays = tuple(f"relay-{number}" for number in range(self.relays))
        return ("council", "general", *relays, *committees(self), "counterpart")

    def treason(self, place: str) -> Treason | None:
        """Return what a place's treason is, or None where it is loyal."""
        return dict(self.traitors).get(place)

    def told(self) -> list[str]:
        """Return the plan in lines for people."""
        weather = f"loss {self.loss:.0%}, twice {self.twice:.0%}, corrupt {self.corrupt:.2%}, late {self.late:.0%}"
        habits = f"exchange every {self.exchange_minutes} min, beacon every {self.beacon_minutes} min"
        radio = f"radio with {self.radio_loss:.0%} loss, {self.jammed:.0%} of the frames a jammer's"
        return [
            f"seed {self.seed}: {len(self.places)} places for {self.hours} hours, {weather}",
            radio if self.radio else "no radio",
            habits,
            *(f"traitor {place}: {treason.value}" for place, treason in self.traitors),
            *map(str, self.events),
        ]

    @classmethod
    def calm(cls, seed: str = "0", **chosen: object) -> "Plan":
        """Return a world in which nothing is wrong but what you choose. Half-way through, the council
        dismisses the general, unless you choose other events."""
        plan = replace(cls(seed=seed), **chosen)  # type: ignore[arg-type]
        noon = Event(plan.end // 2, Happens.DISMISSAL, "council")
        return plan if plan.events else replace(plan, events=(noon,))

    @classmethod
    def drawn(cls, seed: str, hours: int = 24) -> "Plan":
        """Return the world of a seed: every fault has its chance, and one loyal path is always left."""
        chance = Chance(f"pourparler world {seed}").of("plan")
        relays, parties = chance.between(1, 3), chance.between(1, 3)
        plan = cls(
            seed=seed,
            hours=hours,
            relays=relays,
            committees=min(parties, 4 - relays) or 1,
            loss=chance.pick((0.0, 0.05, 0.3, 0.6, 0.8, 0.95)),
            twice=chance.pick((0.0, 0.02, 0.2)),
            corrupt=chance.pick((0.0, 0.001, 0.01)),
            late=chance.pick((0.0, 0.05, 0.3)),
            quiet_loss=chance.pick((0.0, 0.05, 0.1)),
            quiet_asks=3,  # one peer a round may be the same mute one six times
            radio=chance.happens(0.8),
            radio_loss=chance.pick((0.1, 0.3, 0.6, 0.9)),
            jammed=chance.pick((0.0, 0.3, 0.8)),
            exchange_minutes=chance.pick((20, 30, 45, 60)),
            beacon_minutes=chance.pick((30, 60, 120)),
            courier_hours=chance.pick((3, 5, 8)),
        )
        pulling = [place for place in plan.places if place in ("council", "counterpart") or chance.happens(0.3)]
        plan = replace(plan, pullers=tuple(pulling))
        plan = replace(plan, lease_minutes=plan.beacon_minutes * chance.between(2, 4))
        plan = replace(plan, traitors=tuple(drawn_traitors(plan, chance)))
        return replace(plan, events=tuple(sorted(drawn_events(plan, chance), key=lambda event: event.at)))


def committees(plan: Plan) -> tuple[str, ...]:
    """Return the places of the soldiers' committees."""
    return tuple(f"committee-{number}" for number in range(plan.committees))


def drawn_traitors(plan: Plan, chance: Chance) -> Sequence[tuple[str, Treason]]:
    """Return who betrays, and how: the general mostly, and relays up to all but one path."""
    candidates = [f"relay-{number}" for number in range(plan.relays)]
    count = chance.below(plan.relays + (1 if plan.radio else 0))  # a broadcast is a path of its own
    chosen = [*(["general"] if chance.happens(0.8) else []), *chance.some(candidates, count)]
    return [(place, chance.pick(tuple(Treason))) for place in sorted(chosen)]


def drawn_events(plan: Plan, chance: Chance) -> list[Event]:
    """Return what befalls the places before the quiet hours, and the turns of the story."""
    loyal = [place for place in plan.places if plan.treason(place) is None]
    anybody = [*loyal, "depositary"]
    quiet, first = plan.quiet, min(HOUR, plan.quiet // 8)

    def some_time() -> int:
        return chance.between(first, quiet - MINUTE)

    events = [Event(chance.between(quiet // 4, quiet * 3 // 4), Happens.DISMISSAL, "council")]
    events += [
        Event(some_time(), Happens.CRASH, chance.pick(anybody), chance.between(1, 180) * MINUTE, chance.between(1, 9))
        for _ in range(chance.below(7))
    ]
    dated = (
        (Happens.FREEZE, loyal, 0.4, chance.between(10, 360) * MINUTE, 0),
        (Happens.JUMP, loyal, 0.4, chance.between(30, 600) * MINUTE, chance.pick((-1, 1)) * chance.between(1, 3_650)),
        (Happens.LOST_SYNC, loyal, 0.15, chance.between(5, 120) * MINUTE, 0),
        (Happens.RESTORE, loyal, 0.15, chance.between(5, 120) * MINUTE, 0),
        (Happens.DISK_FULL, anybody, 0.2, chance.between(5, 240) * MINUTE, 0),
        (Happens.PARTITION, [""], 0.4, chance.between(10, 480) * MINUTE, 0),
        (Happens.ONE_WAY, loyal, 0.4, chance.between(10, 480) * MINUTE, 0),
        (Happens.THEFT, list(STEALABLE), 0.5, 0, 0),
        (Happens.SEATS, ["council"], 0.4, 0, 0),
        (Happens.SIBLINGS, ["council"], 0.3, 0, 0),
        (Happens.FORK, ["depositary"], 0.25, 0, 0),
        (Happens.FLOOD, loyal, 0.15, 0, chance.pick((300, 900, 3_000))),
        (Happens.SUSPENSION, ["council"], 0.3, 0, 0),
        (Happens.SYNC_FAILED, anybody, 0.25, 0, chance.between(1, 9)),
        (Happens.FLIPPED, anybody, 0.2, chance.between(20, 60) * MINUTE, 0),
        (Happens.SHORT_READ, anybody, 0.25, 0, chance.below(4)),
        (Happens.TWICE, ["depositary"], 0.25, chance.between(60, 240) * MINUTE, chance.between(1, 2)),
    )
    for what, where, share, lasts, amount in dated:
        if chance.happens(share):
            at = some_time()
            events.append(Event(at, what, chance.pick(where), min(lasts, quiet - at), amount))
    return events


STEALABLE = ("general", "member", "dispatch", "beacon", "committee", "certifier")
"""Whose key may be stolen."""
