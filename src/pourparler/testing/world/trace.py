"""What happened in a world, line by line, and its digest: two runs of one seed have the same.

A line is the true time, who, and what. The digest runs over all lines; the lines themselves are kept only where
somebody wants to read them, and the last ones always, for a failure's sake.
"""

import hashlib
from collections import deque

from pourparler.testing.world.timeline import HOUR, MINUTE, SECOND, Timeline

LAST_LINES = 40


class Trace:
    """The lines of one world. ``lines`` holds all of them if ``whole``, otherwise the last ones."""

    def __init__(self, timeline: Timeline, *, whole: bool = False) -> None:
        self.timeline = timeline
        self.lines: deque[str] = deque(maxlen=None if whole else LAST_LINES)
        self.count = 0
        self._digest = hashlib.sha256()

    def note(self, who: str, what: str) -> None:
        """Add a line."""
        line = f"{instant(self.timeline.now)} {who}: {what}"
        self._digest.update(line.encode() + b"\n")
        self.lines.append(line)
        self.count += 1

    @property
    def digest(self) -> str:
        """SHA-256 over all lines, in hexadecimal."""
        return self._digest.hexdigest()


def instant(milliseconds: int) -> str:
    """Return a time of the world as hours, minutes and seconds since it began."""
    hours, rest = divmod(milliseconds, HOUR)
    return f"{hours:02}:{rest // MINUTE:02}:{rest % MINUTE // SECOND:02}.{rest % SECOND:03}"


def short(id_: bytes) -> str:
    """Return the beginning of an id, enough to find it by."""
    return id_.hex()[:8]
