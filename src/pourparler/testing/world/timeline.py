"""Time in a world: one true time that only the world knows, and a clock for each place that may be wrong.

The :class:`Timeline` is a queue of what happens when; between two events nothing passes. Times are whole milliseconds
from the world's beginning. Two events of one instant happen in the order in which they were planned.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DRIFT_MOST = 50  # parts in a thousand by which a clock runs too fast or too slow
BEGINNING_SECONDS = 1_767_225_600  # 2026-01-01T00:00:00Z, as good a day as any


class Timeline:
    """What happens when. ``now`` is the true time, in milliseconds."""

    def __init__(self) -> None:
        self.now = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0

    def at(self, time: int, doing: Callable[[], None]) -> None:
        """Plan something for a time; what is planned for the past happens next."""
        heapq.heappush(self._queue, (max(time, self.now), self._planned, doing))
        self._planned += 1

    def after(self, delay: int, doing: Callable[[], None]) -> None:
        """Plan something for so many milliseconds from now."""
        self.at(self.now + delay, doing)

    def every(self, period: int, doing: Callable[[], None], *, first: int = 0) -> None:
        """Plan something for every so many milliseconds, from ``first`` on."""

        def again() -> None:
            self.after(period, again)
            doing()

        self.at(first, again)

    def run(self, until: int) -> None:
        """Let everything happen that is planned up to and without a time, which it then is."""
        while self._queue and self._queue[0][0] < until:
            self.now, _, doing = heapq.heappop(self._queue)
            doing()
        self.now = until

    @property
    def seconds(self) -> int:
        """The true time, in seconds since 1970."""
        return BEGINNING_SECONDS + self.now // SECOND


@dataclass
class PlaceClock:
    """The clock on somebody's wall: the port :class:`pourparler.ports.Clock`. It runs too fast or too slow by ``drift``
    parts in a thousand, and by ``jump_seconds`` it is simply wrong."""

    timeline: Timeline
    drift: int = 0
    jump_seconds: int = 0

    def now(self) -> int:
        """Return what it shows, in seconds since 1970."""
        passed = self.timeline.now * (1_000 + self.drift) // 1_000
        return BEGINNING_SECONDS + passed // SECOND + self.jump_seconds
