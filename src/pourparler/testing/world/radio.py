"""The radio of a world: one sender beside the council, everybody else listens, and somebody jams.

Real frames of the size that LoRa-class radios carry, from the real carousel; each listener loses them for himself. The
jammer sends what costs him nothing: junk, old frames, symbols with somebody else's tag. Whoever has stolen the dispatch
key signs garbage with it, which is the worst that the key lets him do.
"""

from typing import TYPE_CHECKING

from pourparler.core.act import Act
from pourparler.dispatch.carousel import Carousel, MemoryCounters
from pourparler.dispatch.frame import LORA_FRAME_BYTES, Piece, symbol_frame
from pourparler.testing.keys import Key

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

REMEMBERED_FRAMES = 50
SKIPPED = frozenset({"query", "reply", "say"})  # words that are worth no air


class Radio:
    """What is on air."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.chance = world.chance.of("radio")
        self.counters = MemoryCounters()
        self.carousel: Carousel | None = None
        self.old: list[bytes] = []
        self.poisoned: list[Key] = []

    @property
    def on_air(self) -> Carousel:
        """The council's carousel, which begins once there is a party to send for."""
        if self.carousel is None:
            people = self.world.people
            seed = self.chance.of("seed").bytes(16)
            self.carousel = Carousel(people.ours, people.council.dispatch, LORA_FRAME_BYTES, self.counters, seed)
        return self.carousel

    def put(self, act: Act, envelope: bytes) -> None:
        """Let an act go round."""
        if self.world.people.ours and act.kind not in SKIPPED:
            self.on_air.put(envelope, self.seconds)

    @property
    def seconds(self) -> float:
        return float(self.world.timeline.seconds)

    def turn(self) -> None:
        """Send the next frame, or let the jammer send one in its place."""
        sender = self.world.stations["council"]
        if self.poisoned and self.chance.happens(0.2):
            self.heard_by_all(self.false_symbol(self.chance.pick(self.poisoned)))
        if self.chance.happens(self.world.plan.jammed):
            self.heard_by_all(self.junk())
        if sender.up and not sender.still:
            frame = self.on_air.next_frame(self.seconds)
            if frame is not None:
                self.old = [*self.old[-REMEMBERED_FRAMES:], frame]
                self.heard_by_all(frame)

    def heard_by_all(self, frame: bytes) -> None:
        """Send a frame to all who listen; each hears it or not."""
        for name, station in self.world.stations.items():
            if name != "council" and not self.chance.happens(self.world.plan.radio_loss):
                station.arrive("frame", "radio", frame)

    def junk(self) -> bytes:
        """Return one of the jammer's frames."""
        match self.chance.below(3):
            case 0:
                return self.chance.bytes(self.chance.between(1, LORA_FRAME_BYTES))
            case 1 if self.old:
                return self.chance.pick(self.old)
            case _:
                return self.false_symbol(Key.from_name("a jammer's key"))

    def false_symbol(self, key: Key) -> bytes:
        """Return a symbol that is none of the object whose tag it bears, signed with a key."""
        objects = [item for item in self.on_air.items.values() if item.data]
        if objects:
            item = self.chance.pick(objects)
            tag, length, size = item.name[:8], len(item.data), item.symbol_bytes
        else:
            tag, length, size = self.chance.bytes(8), 304, 152
        piece = Piece(tag, length, self.chance.below(40), self.chance.bytes(size))
        return symbol_frame(piece, self.world.people.ours, key)

    def poison(self, key: Key) -> None:
        """Let somebody sign garbage with a stolen dispatch key from now on."""
        if key not in self.poisoned:
            self.poisoned.append(key)
