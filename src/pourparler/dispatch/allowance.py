"""Allowances: how many bytes somebody may make this node move, and how fast they come back.

>>> allowance, rate = Allowance(100), Rate(1_000, 10)
>>> (
...     allowance.spend("he", 900, rate, now=0),
...     allowance.spend("he", 300, rate, now=0),
...     allowance.spend("he", 300, rate, 20),
... )
(0, 20, 0)
"""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many bytes at once, and so many a second after that."""

    burst_bytes: int
    bytes_per_second: int


class Allowance:
    """What is left to each of those who ask. ``most`` of them are remembered; those not seen for longest are not."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def spend(self, name: str, size: int, rate: Rate, now: int, *, owed: bool = False) -> int:
        """Take bytes off somebody's allowance; return 0, or in how many seconds there will be enough of them.

        What is ``owed`` is taken off in any case. A clock that goes back gives nothing.
        """
        left, since = self._left.pop(name, (float(rate.burst_bytes), now))
        left = min(rate.burst_bytes, left + max(0, now - since) * rate.bytes_per_second)
        wait = 0
        if owed or left >= min(size, rate.burst_bytes):
            left -= size
        else:
            wait = max(1, -int(-(min(size, rate.burst_bytes) - left) // rate.bytes_per_second))
        self._left[name] = left, now
        if len(self._left) > self.most:
            self._left.popitem(last=False)
        return wait
