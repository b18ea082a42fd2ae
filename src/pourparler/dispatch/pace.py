"""A rate limit on sending: how long to wait before the next frame. Told the time, it looks at no clock.

A slow medium behind a fast socket loses what it is given too fast, and a carousel would give it everything at once. So
each frame costs its length divided by the rate; what was not used in the last ``burst`` seconds is kept, no more.

>>> pace = Pace(bytes_per_second=100, burst_seconds=1)
>>> [pace.wait(50, now) for now in (0.0, 0.0, 0.0, 10.0)]
[0.0, 0.0, 0.5, 0.0]
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """``bytes_per_second`` is the rate, over 0; ``burst_seconds`` is how much of it may be saved up."""

    bytes_per_second: float
    burst_seconds: float = 1.0
    free_at: float | None = field(default=None, init=False)  # when the medium will have sent all that it was given

    def __post_init__(self) -> None:
        if self.bytes_per_second <= 0:
            raise ValueError("a rate is more than 0 bytes per second")

    def wait(self, size: int, now: float) -> float:
        """Return how many seconds to wait before ``size`` more bytes may go, and count them as gone then.

        ``now`` is in seconds of a clock that never goes back."""
        earliest = now - self.burst_seconds
        free_at = earliest if self.free_at is None else max(earliest, self.free_at)
        self.free_at = free_at + size / self.bytes_per_second
        return max(0.0, self.free_at - now)
