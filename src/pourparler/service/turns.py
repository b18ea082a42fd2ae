"""Who waits for a ledger, and whose turn it is to write it for all of them.

Each caller comes with some tickets. One leads, and commits for all that wait by then; the others sleep until they are
answered, or until nobody leads. A commit costs as much for one caller as for many, and those who were answered together
mostly come back together. So who leads waits until as many callers are there as were the last two times, for
:data:`COMEBACK_SECONDS` after the last of those were answered and no longer. Who is alone never waits, and somebody who
looks in once keeps nobody waiting.
"""

import threading
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

COMEBACK_SECONDS = 0.004  # sixteen threads of Python take two or three milliseconds to come back


class Answerable(Protocol):
    """What a caller waits for."""

    @property
    def answered(self) -> bool:
        """Whether the caller may look at it. It never becomes False again."""


class Turns:
    """The callers of one ledger. Safe to use from several threads."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._over = threading.Condition(lock)
        self._complete = threading.Condition(lock)
        self._here: list[Sequence[Answerable]] = []  # what each caller waits for
        self._leader: Sequence[Answerable] | None = None
        self._last = 1  # how many callers were there when the last lead ended
        self._expected = 1
        self._expected_until = 0.0

    def enter(self, tickets: Sequence[Answerable]) -> None:
        with self._over:
            self._here.append(tickets)
            if len(self._here) == self._expected:
                self._complete.notify()

    def has_to_lead(self, tickets: Sequence[Answerable]) -> bool:
        """Sleep until the caller's tickets are answered, or nobody leads; return whether this caller now leads."""
        with self._over:
            while not are_answered(tickets):
                if self._leader is None:
                    self._leader = tickets
                    self._complete.wait_for(self._all_back, max(0, self._expected_until - monotonic()))
                    return True
                self._over.wait()
        return False

    def _all_back(self) -> bool:
        return len(self._here) >= self._expected

    def step_down(self, tickets: Sequence[Answerable]) -> None:
        """End the caller's lead, if it leads: wake who is answered, and whoever leads next."""
        with self._over:
            if self._leader is tickets:
                self._leader = None
                self._expected, self._last = min(self._last, len(self._here)), len(self._here)
                self._expected_until = monotonic() + COMEBACK_SECONDS
                self._here = [waiting for waiting in self._here if not are_answered(waiting)]
                self._over.notify_all()


def are_answered(tickets: Sequence[Answerable]) -> bool:
    return all(ticket.answered for ticket in tickets)
