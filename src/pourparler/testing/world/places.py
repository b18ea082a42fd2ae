"""A place: a machine with clock and disk. It can be off, stand still, or lose its power in the middle of a write."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pourparler.ports import StoreError
from pourparler.service.intake import Intake
from pourparler.testing.world.disk import Disk, DiskHighWater, DiskStore, Mark, PowerCut
from pourparler.testing.world.timeline import DRIFT_MOST, PlaceClock

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

BACKLOG_MESSAGES = 500  # what a machine that stands still finds when it goes on; the rest was dropped on the way


class Place:
    """One machine of a world. ``hear`` is what it does with a message; everything it does goes through :meth:`does`."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        chance = world.chance.of(f"place {name}")
        self.clock = PlaceClock(
            world.timeline, drift=chance.between(-DRIFT_MOST, DRIFT_MOST) if world.plan.events else 0
        )
        self.disk = Disk()
        self.store = DiskStore(self.disk)
        self.high_water = DiskHighWater(self.disk.touch)
        self.yesterday: Mark = self.store.mark()
        self.frozen_until = 0
        self.up = False
        self.failed_at: int | None = None  # when somebody saw that it can use its disk no more (ms)
        self.brought_in_vain = 0  # since then
        self.backlog: list[tuple[str, str, bytes]] = []
        world.network.listening[name] = self.arrive

    # What a kind of place says for itself.

    def start(self) -> None:
        """Begin from what the disk holds. Raises :class:`StoreError`."""
        raise NotImplementedError

    def stop(self) -> None:
        """Forget everything that is not on the disk."""
        raise NotImplementedError

    def hear(self, what: str, source: str, data: bytes) -> None:
        """Take a message."""
        raise NotImplementedError

    @property
    def ledger(self) -> Intake | None:
        """The ledger that the machine keeps, while it runs."""
        raise NotImplementedError

    @property
    def read_only(self) -> bool:
        """Whether the machine has noticed that its disk is not what it was."""
        raise NotImplementedError

    @property
    def runs_twice(self) -> bool:
        """Whether a second instance runs beside it."""
        return False

    def holds(self, act: bytes) -> bool:
        """Return whether an act that was acknowledged is here."""
        raise NotImplementedError

    def open_disk(self) -> None:
        """Open the disk as a process does that has just begun."""
        self.store.reopen()
        self.high_water = self.high_water.opened_again()
        self.failed_at, self.brought_in_vain = None, 0

    @property
    def failed(self) -> bool:
        """Whether a sync has failed since the disk was opened: nothing can be asked of the machine until it begins
        again."""
        return self.store.failed or self.high_water.failed

    def remember(self) -> None:
        """Note how far the disk has come, for a careless hand to put back later."""
        self.yesterday = self.store.mark()

    # What holds for every place.

    @property
    def still(self) -> bool:
        """Whether the machine stands still."""
        return self.world.timeline.now < self.frozen_until

    def arrive(self, what: str, source: str, data: bytes) -> None:
        """Be reached by a message: it is heard, waits until the machine goes on, or is lost."""
        if self.still and self.up:
            if len(self.backlog) < BACKLOG_MESSAGES:
                self.backlog.append((what, source, data))
            return
        self.does(lambda: self.hear(what, source, data))

    def does(self, doing: Callable[[], None]) -> None:
        """Do something if the machine runs; the power may go while it does."""
        if not self.up or self.still:
            return
        try:
            doing()
        except PowerCut:
            self.world.crash(self)
            return
        except StoreError as error:
            if not self.failed and not self.disk.full:
                raise
            self.world.trace.note(self.name, f"could not go on: {error}")
        if self.failed:
            self.world.failing(self)
        else:
            self.world.checker.touched(self)

    def freeze(self, until: int) -> None:
        """Stand still until a time, and then find what has come."""
        self.frozen_until = until

        def go_on() -> None:
            waiting, self.backlog = self.backlog, []
            for what, source, data in waiting:
                self.arrive(what, source, data)

        self.world.timeline.at(until, go_on)
