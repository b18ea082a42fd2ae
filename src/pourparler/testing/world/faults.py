"""What befalls a world, one fault after the other: each event of the plan, done."""

from typing import TYPE_CHECKING

from pourparler.service.drafting import draft
from pourparler.testing.keys import Key
from pourparler.testing.world.checker import BIT_FLIPPED, READ_SHORT
from pourparler.testing.world.disk import DiskStore
from pourparler.testing.world.network import Weather
from pourparler.testing.world.plan import Event, Happens
from pourparler.testing.world.station import Station
from pourparler.testing.world.timeline import HOUR, MINUTE
from pourparler.testing.world.trace import short

if TYPE_CHECKING:
    from pourparler.testing.world.places import Place
    from pourparler.testing.world.world import World

DAY_SECONDS = 86_400
STRANGERS = 8  # from whom a flood comes


def befall(world: "World", event: Event) -> None:
    """Let an event happen."""
    world.trace.note("world", str(event))
    world.checker.premises[f"fault: {event.what.value}"] += 1
    place = place_of(world, event)
    match event.what:
        case Happens.CRASH:
            crash(world, place, event)
        case Happens.FREEZE:
            place.freeze(world.timeline.now + event.lasts)
        case Happens.JUMP:
            place.clock.jump_seconds = event.amount * DAY_SECONDS
            world.timeline.after(event.lasts, lambda: set_right(place))
        case Happens.LOST_SYNC:
            lie(world, place, event.lasts)
        case Happens.RESTORE:
            put_back(world, place)
        case Happens.DISK_FULL:
            place.disk.full = True
            world.timeline.after(event.lasts, lambda: make_room(place))
        case Happens.SYNC_FAILED:
            place.disk.fails_at = place.disk.moments + event.amount
        case Happens.FLIPPED:
            flip(world, place, event.lasts)
        case Happens.SHORT_READ:
            read_short(world, place, event.amount)
        case Happens.TWICE:
            start_twice(world, event)
        case Happens.PARTITION:
            part(world, event)
        case Happens.ONE_WAY:
            others = [name for name in world.plan.places if name != event.where]
            cut = world.network.sever([*others, world.depositary.name], [event.where])
            world.timeline.after(event.lasts, lambda: world.network.mend(cut))
        case Happens.THEFT:
            world.people.thief.steal(event.where)
        case Happens.FLOOD:
            flood(world, event)
        case _:
            turn_of_story(world, event)


def turn_of_story(world: "World", event: Event) -> None:
    """Let the council, or the depositary, do what the plan says."""
    council = world.people.council
    match event.what:
        case Happens.DISMISSAL:
            act = council.dismiss("general")
            world.trace.note("council", f"dismisses the general: {short(act.id)}")
        case Happens.SUSPENSION:
            council.suspend("committee-0" if world.chance.of("suspension").happens(0.5) else "envoy")
        case Happens.SEATS:
            council.change_seat()
            world.timeline.after(30 * MINUTE, lambda: world.people.thief.unseated(world.people.unseated[-1]))
        case Happens.SIBLINGS:
            _, wrong = council.siblings()
            for name in world.chance.of("siblings").some(list(world.stations), max(1, len(world.stations) // 2)):
                world.network.send("general", name, "act", wrong.envelope.encoded())
        case Happens.FORK:
            fork(world)
        case _:
            raise AssertionError(event.what)


def fork(world: "World") -> None:
    """Let the depositary show another history to half of the places, one of which copies the ledger; in a few hours a
    courier brings that one what the council has copied."""
    chance = world.chance.of("fork")
    target = chance.pick(copying(world))
    others = [name for name in world.stations if name not in (target, "council")]
    world.depositary.fork([target, *chance.some(others, len(world.stations) // 2 - 1)])

    def meet() -> None:
        world.stations[target].arrive("file", "council", world.stations["council"].file())

    world.timeline.after(chance.between(2, 8) * HOUR, meet)


def copying(world: "World") -> list[str]:
    """Return the loyal places that copy the home ledger, but for the council: the counterpart only where it is alone,
    for it believes what it is shown."""
    plan = world.plan
    found = [name for name in plan.pullers if name != "council" and plan.treason(name) is None]
    return [name for name in found if name != "counterpart"] or found or ["counterpart"]


def place_of(world: "World", event: Event) -> "Place":
    """Return the machine that an event befalls; the depositary where it names no node."""
    return world.stations.get(event.where, world.depositary)


def crash(world: "World", place: "Place", event: Event) -> None:
    """Cut the power at one of the next moments of a write, or at once if the machine writes nothing for long."""
    place.disk.cut_at = place.disk.moments + event.amount

    def at_the_latest() -> None:
        if place.disk.cut_at is not None and place.up:
            world.crash(place, event.lasts // MINUTE)

    world.timeline.after(60 * MINUTE, at_the_latest)


def set_right(place: "Place") -> None:
    place.clock.jump_seconds = 0


def make_room(place: "Place") -> None:
    place.disk.full = False


def put_back(world: "World", place: "Place") -> None:
    """Put the copy of an earlier hour in the place of a disk; a person sees what is wrong, and mends it."""
    if not place.up or place.runs_twice:
        return
    newest, lost = place.store.copy(), place.store.mark() != place.yesterday
    beside = place.beside.copy() if isinstance(place, Station) else None
    place.store.put_back(place.yesterday)
    both = isinstance(place, Station) and world.chance.of("restore").happens(0.5)
    if lost and both and isinstance(place, Station) and place.beside_yesterday is not None:
        place.beside.become(place.beside_yesterday)  # alone, it would lose unnoticed what is carried
    world.trace.note(place.name, "has a copy of an earlier hour" if lost else "has a copy of now")
    world.checker.restored(place, lost=lost)
    world.crash(place, minutes=1)
    if not lost:
        return

    def mend() -> None:
        if place.name not in world.checker.lost:
            return
        if place.up:
            place.up = False
            place.stop()
        place.store.become(newest)
        if isinstance(place, Station) and beside is not None:
            place.beside.become(beside)
        world.checker.mended(place)
        world.trace.note(place.name, "has its own disk again")
        world.restart(place)

    world.timeline.after(90 * MINUTE, mend)


def lie(world: "World", place: "Place", lasts: int) -> None:
    """Let a disk confirm what it does not keep, until the power goes; a person finds the rest, and puts it back."""
    if place.runs_twice:
        return
    place.store.lie()

    def power_goes() -> None:
        newest = place.store.copy()
        if place.up and place.store.lying is not None:
            world.crash(place)
            world.timeline.after(60 * MINUTE, lambda: mend(world, place, newest))

    world.timeline.after(lasts, power_goes)


def flip(world: "World", place: "Place", lasts: int) -> None:
    """Let a bit flip, and the power go, so that the disk is read again; a person sees that the place does not begin,
    and puts another copy in its place."""
    if not whole(world, place):
        return
    newest = place.store.copy()
    world.crash(place, minutes=1)
    where = place.store.flip(world.chance.of("flip"))
    world.trace.note(place.name, f"has another bit in its stored {where}")
    world.checker.spoilt[place.name] = BIT_FLIPPED
    world.timeline.after(max(lasts, 15 * MINUTE), lambda: mend(world, place, newest))


def read_short(world: "World", place: "Place", missing: int) -> None:
    """Let the power go, and the next reading of the disk lack its end; the one after it is whole."""
    if whole(world, place):
        world.crash(place, minutes=1)
        place.store.short = missing
        world.checker.spoilt[place.name] = READ_SHORT


def whole(world: "World", place: "Place") -> bool:
    """Return whether a place runs, alone, from its own disk, which keeps what it confirms: what befalls it now is
    mended by a copy of that disk."""
    alone = place.up and not place.failed and not place.runs_twice and place.store.lying is None
    return alone and place.name not in world.checker.lost | world.checker.spoilt.keys()


def start_twice(world: "World", event: Event) -> None:
    """Start a second instance of the depositary, on its disk or on a copy; after a while a person sees it, ends both,
    and goes on with the disk that the high-water mark speaks of."""
    place = world.depositary
    if not whole(world, place):
        return
    store = place.store if event.amount == 1 else place.store.copy(place.disk)
    place.does(lambda: place.start_twice(store))
    twin = place.twin

    def end() -> None:
        if place.twin is twin is not None:
            place.up = False
            place.stop()
            world.trace.note(place.name, "runs twice no more")
        mend(world, place, store)
        world.restart(place)

    world.timeline.after(event.lasts, end)


def mend(world: "World", place: "Place", newest: "DiskStore") -> None:
    """Give a place the disk back that it had."""
    if place.name not in world.checker.lost | world.checker.spoilt.keys():
        return
    if place.up:
        place.up = False
        place.stop()
    place.store.become(newest)
    world.checker.mended(place)
    world.trace.note(place.name, "has its own disk again")
    world.restart(place)


def part(world: "World", event: Event) -> None:
    """Let the network fall into two parts, and come together again."""
    chance = world.chance.of(f"partition {event.at}")
    names = [*world.plan.places, world.depositary.name]
    these = set(chance.some(names, chance.between(1, len(names) - 1)))
    those = [name for name in names if name not in these]
    cut = world.network.sever(sorted(these), those) | world.network.sever(those, sorted(these))
    world.timeline.after(event.lasts, lambda: world.network.mend(cut))


def flood(world: "World", event: Event) -> None:
    """Send junk, half of it from one stranger and the rest from several: bytes, acts of parties nobody knows, acts that
    wait for what will never come. Whoever floods has a good line."""
    chance = world.chance.of(f"flood {event.at}")
    junk = Junk(world, chance.bytes(8).hex())
    for number in range(event.amount):
        stranger = f"stranger-{chance.below(STRANGERS) if chance.happens(0.5) else 0}"
        world.network.between[stranger, event.where] = Weather()
        world.network.send(stranger, event.where, "act", junk.made(number))


class Junk:
    """A source of things that look like acts."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.key = Key.from_name(f"junk {name}")
        self.chance = world.chance.of(f"junk {name}")

    def made(self, number: int) -> bytes:
        """Return the next one."""
        match number % 3:
            case 0:
                return self.chance.bytes(self.chance.between(1, 300))
            case 1:
                fields = {"by": self.chance.bytes(32), "about": self.chance.bytes(32)}
                return draft("reply", fields).signed_by(self.key).envelope.encoded()
            case _:
                organ = self.world.people.council.organ
                waits = {"organ": organ, "prior": self.chance.bytes(32), "mandate": self.chance.bytes(32)}
                return draft("dismiss", waits).signed_by(self.key).envelope.encoded()
