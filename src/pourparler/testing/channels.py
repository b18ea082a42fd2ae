"""Bad channels: losing, doubling, delaying, changing, jammed, and in the hands of a traitor. Seeded: a failure replays.

The rules stand once, in :class:`Link`: told what is sent and what time it is, it says what one receiver hears and when.
:class:`Ether` runs links in memory, in a time of its own; :class:`UdpRelay` runs the same links between real sockets.

>>> ether = Ether(seed=1, conditions=Conditions(loss=0.5))
>>> sender, receiver = ether.channel("council"), ether.channel("soldier")
>>> for number in range(8):
...     sender.send(bytes([number]))
>>> heard = []
>>> while (frame := receiver.receive(1.0)) is not None:
...     heard.append(frame[0])
>>> 0 < len(heard) < 8
True
"""

import contextlib
import heapq
import random
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

from pourparler.core.act import parse_act
from pourparler.core.encoding import decode
from pourparler.core.errors import PourparlerError
from pourparler.dispatch.frame import Part, Telegram, parse_frame
from pourparler.ports import ChannelTrouble

HELD_FRAMES_MAX = 4_096  # that one link has on their way at once; a flood loses the rest


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a medium does to frames; every number is a share of them, from 0 to 1, unless it says otherwise.

    ``loss`` is of single frames. ``burst`` is how often a stretch begins in which everything is lost, and
    ``burst_frames`` how long one is on average. ``reorder`` frames are held back for ``reorder_seconds``; all of
    them take between the two ``delay_seconds``. A *traitor* keeps what ``dropped`` says to him. A *jammer* adds
    ``forged`` frames of his own for each that is sent: what ``forge`` makes of it, or its header before garbage.
    """

    loss: float = 0.0
    burst: float = 0.0
    burst_frames: float = 10.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_seconds: float = 0.5
    corrupt: float = 0.0
    delay_seconds: tuple[float, float] = (0.0, 0.0)
    dropped: Callable[[bytes], bool] | None = None
    forged: float = 0.0
    forge: Callable[[bytes, random.Random], bytes] | None = None


QUIET = Conditions()


def garbage_after_the_header(frame: bytes, chance: random.Random) -> bytes:
    """Forge a frame: a genuine header with chance behind it, and half of the time another number in it."""
    head = bytearray(frame[:17])
    if len(head) == 17 and chance.random() < 0.5:
        head[14:17] = chance.randbytes(3)
    return bytes(head) + chance.randbytes(max(0, len(frame) - 17))


def of_kinds(*kinds: str) -> Callable[[bytes], bool]:
    """Return what a traitor asks who keeps acts of these kinds from a receiver. He reads telegrams and parts; a symbol
    does not show what it is a piece of."""

    def is_one(frame: bytes) -> bool:
        try:
            found = parse_frame(frame)
        except PourparlerError:
            return False
        match found:
            case Telegram(envelope=envelope):
                return parse_act(envelope).kind in kinds
            case Part(payload=payload):
                return decode(payload)["kind"] in kinds
        return False

    return is_one


@dataclass(slots=True)
class Link:
    """What one receiver hears of a medium. ``conditions`` may be replaced while it runs: a link is cut, and heals."""

    conditions: Conditions
    chance: random.Random
    frame_bytes: int
    in_burst: bool = False
    number: int = 0
    on_the_way: list[tuple[float, int, bytes]] = field(default_factory=list)
    lost: int = 0
    forged: int = 0

    def carry(self, frame: bytes, now: float) -> None:
        """Take a frame that was sent at a time, in seconds."""
        at, chance = self.conditions, self.chance
        for _ in range(int(at.forged) + (chance.random() < at.forged % 1)):
            self.forged += 1
            made = (at.forge or garbage_after_the_header)(frame, chance)
            self.put(made[: self.frame_bytes], now)
        if self.is_lost(frame):
            self.lost += 1
            return
        for _ in range(1 + (chance.random() < at.duplicate)):
            self.put(self.changed(frame) if chance.random() < at.corrupt else frame, now)

    def is_lost(self, frame: bytes) -> bool:
        at, chance = self.conditions, self.chance
        if self.in_burst:
            self.in_burst = chance.random() >= 1 / at.burst_frames
        elif at.burst:
            self.in_burst = chance.random() < at.burst
        traitor = at.dropped is not None and at.dropped(frame)
        return chance.random() < at.loss or self.in_burst or traitor

    def changed(self, frame: bytes) -> bytes:
        """Change between one bit and four of a frame, and now and then its length."""
        changed = bytearray(frame)
        for _ in range(self.chance.randint(1, 4)):
            changed[self.chance.randrange(len(changed))] ^= 1 << self.chance.randrange(8)
        if self.chance.random() < 0.1:
            del changed[self.chance.randint(1, len(changed)) :]
        return bytes(changed)

    def put(self, frame: bytes, now: float) -> None:
        if not frame or len(self.on_the_way) >= HELD_FRAMES_MAX:
            return
        at = self.conditions
        due = now + self.chance.uniform(*at.delay_seconds)
        if self.chance.random() < at.reorder:
            due += self.chance.uniform(0, at.reorder_seconds)
        self.number += 1
        heapq.heappush(self.on_the_way, (due, self.number, frame))

    def next_due(self) -> float | None:
        """Return when the next frame arrives, or None where none is on its way."""
        return self.on_the_way[0][0] if self.on_the_way else None

    def arrived(self, now: float) -> bytes | None:
        """Return a frame that has arrived by now and was not given yet."""
        if self.on_the_way and self.on_the_way[0][0] <= now:
            return heapq.heappop(self.on_the_way)[2]
        return None


# --- in memory --------------------------------------------------------------------------------------------------------


class Ether:
    """A medium in memory: what one channel sends, every other hears through a link of its own.

    Its time is :attr:`now`, in seconds, and moves when somebody waits, or sets it: nothing here waits in earnest. So it
    is for one thread.
    """

    def __init__(
        self, *, seed: int, conditions: Conditions = QUIET, frame_bytes: int = 1_200, send_seconds: float = 0.0
    ) -> None:
        self.seed, self.conditions = seed, conditions
        self.frame_bytes, self.send_seconds = frame_bytes, send_seconds
        self.now = 0.0
        self.channels: dict[str, MemoryChannel] = {}

    def channel(self, name: str, conditions: Conditions | None = None) -> "MemoryChannel":
        """Return the channel of a name, made when it is first asked for; ``conditions`` are those of its hearing."""
        if name not in self.channels:
            link = Link(conditions or self.conditions, random.Random(f"{self.seed} {name}"), self.frame_bytes)
            self.channels[name] = MemoryChannel(self, link)
        return self.channels[name]

    def carry(self, sender: "MemoryChannel", frame: bytes) -> None:
        for channel in self.channels.values():
            if channel is not sender and not channel.closed:
                channel.link.carry(frame, self.now)
        self.now += self.send_seconds


class MemoryChannel:
    """A :class:`~pourparler.ports.FrameChannel` in an ether. Waiting moves the ether's time."""

    def __init__(self, ether: Ether, link: Link) -> None:
        self.ether, self.link = ether, link
        self.frame_bytes = ether.frame_bytes
        self.closed = False

    def send(self, frame: bytes) -> None:
        if not 1 <= len(frame) <= self.frame_bytes:
            raise ValueError(f"a frame of {len(frame)} bytes; this channel carries 1 to {self.frame_bytes}")
        self.check_open()
        self.ether.carry(self, frame)

    def receive(self, seconds: float) -> bytes | None:
        self.check_open()
        end, due = self.ether.now + seconds, self.link.next_due()
        self.ether.now = end if due is None else min(end, max(self.ether.now, due))
        return self.link.arrived(self.ether.now)

    def check_open(self) -> None:
        if self.closed:
            raise ChannelTrouble("channel.closed", "the channel is closed")

    def close(self) -> None:
        self.closed = True


# --- over real sockets ------------------------------------------------------------------------------------------------


class UdpRelay:
    """A bad medium between real sockets: what is sent to :attr:`address` goes on to every receiver, each by its link.

    It runs in a thread of its own until it is closed. A receiver does not hear what it sent itself, if it sends from
    the port on which it hears; a :class:`~pourparler.dispatch.udp.UdpChannel` hears itself, as on a radio of its own.
    """

    def __init__(self, *, seed: int, conditions: Conditions = QUIET, frame_bytes: int = 1_200) -> None:
        self.seed, self.conditions, self.frame_bytes = seed, conditions, frame_bytes
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()
        self.links: dict[tuple[str, int], Link] = {}
        self.lock = threading.Lock()
        self.stopping = False
        self.thread = threading.Thread(target=self.run, name="lossy relay", daemon=True)
        self.thread.start()

    def reach(self, receiver: tuple[str, int], conditions: Conditions | None = None) -> Link:
        """Let what is sent reach a receiver too; return its link."""
        with self.lock:
            chance = random.Random(f"{self.seed} {len(self.links)}")
            self.links[receiver] = Link(conditions or self.conditions, chance, self.frame_bytes)
            return self.links[receiver]

    def run(self) -> None:
        while not self.stopping:
            readable, _, _ = select.select([self.socket], [], [], self.until_next_due())
            with self.lock:
                if readable:
                    self.take_in()
                self.give_out(time.monotonic())

    def until_next_due(self) -> float:
        with self.lock:
            dues = [due for link in self.links.values() if (due := link.next_due()) is not None]
        return min(0.05, max(0.0, min(dues) - time.monotonic())) if dues else 0.05

    def take_in(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(64):
                frame, sender = self.socket.recvfrom(65_536)
                for receiver, link in self.links.items():
                    if receiver != sender and 1 <= len(frame) <= self.frame_bytes:
                        link.carry(frame, time.monotonic())

    def give_out(self, now: float) -> None:
        for receiver, link in self.links.items():
            for frame in arrivals(link, now):
                with contextlib.suppress(OSError):  # a receiver that is gone hears nothing
                    self.socket.sendto(frame, receiver)

    def close(self) -> None:
        self.stopping = True
        self.thread.join()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def arrivals(link: Link, now: float) -> Iterable[bytes]:
    """Yield what has arrived over a link by now."""
    while (frame := link.arrived(now)) is not None:
        yield frame
