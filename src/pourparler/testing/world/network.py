"""The network between the places of a world, and everything that can be wrong with it.

A message between two places is delivered whole, or not at all, or twice, or late and after its successors, or with bits
flipped. What goes from one place to another says nothing of the way back: a link may be cut in one direction. A
*broadcast* is heard by each listener for himself. Who sent a message is what the message's way says, and a traitor on
the way may say it otherwise: nobody here is authenticated, acts are.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pourparler.testing.world.chance import Chance
from pourparler.testing.world.timeline import MINUTE, SECOND, Timeline

Hears = Callable[[str, str, bytes], None]  # what came, from whom, the bytes


@dataclass(frozen=True, slots=True)
class Weather:
    """What a link does to messages: shares of 1 for loss, duplicates, corruption and lateness; delays in ms."""

    loss: float = 0.0
    twice: float = 0.0
    corrupt: float = 0.0
    late: float = 0.0
    delay: int = 200
    lateness: int = 60 * MINUTE


class Network:
    """Links between places by name. ``weather`` holds for each pair, unless ``between`` says otherwise."""

    def __init__(self, timeline: Timeline, chance: Chance, weather: Weather) -> None:
        self.timeline = timeline
        self.chance = chance
        self.weather = weather
        self.between: dict[tuple[str, str], Weather] = {}
        self.listening: dict[str, Hears] = {}
        self.cut: set[tuple[str, str]] = set()
        self.counts: Counter[str] = Counter()
        self.overheard: Callable[[str, str, str, bytes], None] = lambda _from, _to, _what, _data: None

    def sever(self, these: Iterable[str], those: Iterable[str]) -> set[tuple[str, str]]:
        """Cut every link from one of these to one of those, in this direction; return what was cut."""
        those = tuple(those)
        cut = {(source, target) for source in these for target in those if source != target} - self.cut
        self.cut |= cut
        return cut

    def mend(self, links: set[tuple[str, str]]) -> None:
        """Join links that were cut."""
        self.cut -= links

    def send(self, source: str, target: str, what: str, data: bytes) -> None:
        """Send bytes from one place to another; ``what`` says to which of its ears."""
        self.counts[f"sent {what}"] += 1
        self.overheard(source, target, what, data)
        weather = self.between.get((source, target), self.weather)
        copies = 2 if self.chance.happens(weather.twice) else 1
        for _ in range(copies):
            if (source, target) in self.cut or self.chance.happens(weather.loss):
                self.counts[f"lost {what}"] += 1
                continue
            self._deliver(source, target, what, self._spoilt(data, weather), weather)

    def broadcast(self, source: str, what: str, data: bytes, listeners: Iterable[str]) -> None:
        """Send bytes to everybody who listens, each of whom hears them or not."""
        for listener in listeners:
            if listener != source:
                self.send(source, listener, what, data)

    def _deliver(self, source: str, target: str, what: str, data: bytes, weather: Weather) -> None:
        delay = SECOND // 20 + self.chance.below(weather.delay + 1)
        if self.chance.happens(weather.late):
            delay += self.chance.below(weather.lateness)

        def arrive() -> None:
            self.listening[target](what, source, data)

        self.timeline.after(delay, arrive)

    def _spoilt(self, data: bytes, weather: Weather) -> bytes:
        if not data or not self.chance.happens(weather.corrupt):
            return data
        self.counts["corrupted"] += 1
        spoilt = bytearray(data)
        for _ in range(self.chance.between(1, 8)):
            spoilt[self.chance.below(len(spoilt))] ^= 1 << self.chance.below(8)
        return bytes(spoilt)
