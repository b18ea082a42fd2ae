"""The node's time: what stamps its journal. Specification: ``spec/node.md`` section 5.

A machine's clock may be wrong by years, and whoever holds the machine may set it. Set back, it must not bring a mandate
to life again; set forward, it must not end everybody's for good. So *journal time* never goes back (the stamps of the
journal see to that, across restarts too), and it never runs ahead of the newest time that others have signed, the
*anchor*, by more than a bound. Beyond that, the machine's clock can only make the node refuse.
"""

from collections.abc import Callable

from pourparler.core import limits
from pourparler.ports import Clock


class JournalClock:
    """A clock that stops a bound ahead of its anchor. ``anchor`` is None until there is one: then nothing bounds it."""

    def __init__(self, wall: Clock, anchor: int | None, *, ahead: int = limits.NODE_AHEAD_SECONDS) -> None:
        self.wall = wall
        self.anchor = anchor
        self.ahead = ahead

    def now(self) -> int:
        """Return the machine's time, or the anchor's with the bound where that is less."""
        wall = self.wall.now()
        return wall if self.anchor is None else min(wall, self.anchor + self.ahead)

    def raise_anchor(self, time: int, keep: Callable[[int], None]) -> None:
        """Take note of a later time that others have signed; ``keep`` makes it durable."""
        if self.anchor is None or time > self.anchor:
            self.anchor = time
            keep(time)
