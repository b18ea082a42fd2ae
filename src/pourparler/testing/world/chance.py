"""Chance from a seed: everything that a world leaves to chance, so that a failure is a seed and nothing else.

Each use has a name, and a stream of its own made from seed and name: a draw that is added in one place moves no draw in
another. Nothing here depends on hashing, on the order of a set, or on the version of Python: only the bits of the
Mersenne twister are used, whose seeding from text is fixed.

>>> Chance("7").of("loss").below(1000) == Chance("7").of("loss").below(1000)
True
"""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """One stream of chance. It is also the port of that name: ``bytes`` gives what nobody in the world foretells."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self._bits = random.Random(seed)

    def of(self, name: str) -> "Chance":
        """Return the stream of a name below this one; asking twice gives the same stream from its beginning."""
        return Chance(f"{self.seed}/{name}")

    def bytes(self, count: int) -> bytes:
        """Return ``count`` bytes."""
        return self._bits.getrandbits(8 * count).to_bytes(count) if count else b""

    def below(self, bound: int) -> int:
        """Return an integer from 0 up to and without ``bound``."""
        return self._bits.getrandbits(64) * bound >> 64

    def between(self, least: int, most: int) -> int:
        """Return an integer from ``least`` up to and with ``most``."""
        return least + self.below(most - least + 1)

    def happens(self, share: float) -> bool:
        """Return true with a probability."""
        return self._bits.random() < share

    def share(self, most: float = 1.0) -> float:
        """Return a number from 0 up to ``most``."""
        return self._bits.random() * most

    def pick(self, among: Sequence[T]) -> T:
        """Return one of several."""
        return among[self.below(len(among))]

    def some(self, among: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different ones, or all, in the order of chance."""
        left = list(among)
        return [left.pop(self.below(len(left))) for _ in range(min(count, len(left)))]
