"""Does a channel keep the contract of `ports.FrameChannel`? Checks for other people's channels, and for ours.

Each check opens a fresh pair of channels on one medium and raises :class:`AssertionError` in words. With pytest::

    @pytest.mark.parametrize("check", CHANNEL_CHECKS, ids=lambda check: check.__name__)
    def test_my_channel(check):
        check(Opened(open_pair))

where ``open_pair()`` is a context manager that gives two channels which hear each other. The medium may lose, double,
delay and change frames: a check sends again until it has heard, and gives up after ``patience_seconds``.
"""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from pourparler.ports import ChannelTrouble, FrameChannel

Pair = tuple[FrameChannel, FrameChannel]


@dataclass(frozen=True, slots=True)
class Opened:
    """How to open a pair, how long to go on trying, and how many frames a flood has."""

    pair: Callable[[], AbstractContextManager[Pair]]
    patience_seconds: float = 30.0
    flood: int = 2_000

    def heard(self, sender: FrameChannel, receiver: FrameChannel, frame: bytes) -> None:
        """Send a frame until the other end has heard it."""
        end = time.monotonic() + self.patience_seconds
        while time.monotonic() < end:
            offer(sender, frame)
            while (came := receiver.receive(0.05)) is not None:
                assert 1 <= len(came) <= receiver.frame_bytes, f"a frame of {len(came)} bytes was received"
                if came == frame:
                    return
        raise AssertionError(f"a frame of {len(frame)} bytes did not arrive in {self.patience_seconds} seconds")


def carries_frames_of_every_size(opened: Opened) -> None:
    """What is sent is received, from one byte to the most that the channel says it carries."""
    with opened.pair() as (here, there):
        most = here.frame_bytes
        assert most >= 64, "a channel carries frames of at least 64 bytes"
        for size in (1, 2, most // 2, most - 1, most):
            opened.heard(here, there, bytes([0x40 + size % 7]) * size)


def carries_every_byte(opened: Opened) -> None:
    """No byte means anything to the channel, at whatever place."""
    with opened.pair() as (here, there):
        every = bytes(range(256))
        for start in range(0, 256, here.frame_bytes):
            opened.heard(here, there, every[start : start + here.frame_bytes])
        for frame in (b"\x00", b"\xff" * 40, b"\xc0" * 40, b"\xdb\xdc\xdb\xdd\xc0\x00", b"\r\n\x1b\x03\x04"):
            opened.heard(here, there, frame)


def carries_both_ways(opened: Opened) -> None:
    """Either end sends, either end hears."""
    with opened.pair() as (here, there):
        opened.heard(here, there, b"from here")
        opened.heard(there, here, b"from there")


def refuses_what_is_no_frame(opened: Opened) -> None:
    """No frame is empty or too long. The caller is told so, and the channel goes on."""
    with opened.pair() as (here, there):
        for wrong in (b"", bytes(here.frame_bytes + 1), bytes(100_000)):
            try:
                here.send(wrong)
            except ValueError:
                continue
            raise AssertionError(f"a frame of {len(wrong)} bytes was taken")
        opened.heard(here, there, b"a proper one")


def says_when_nothing_came(opened: Opened) -> None:
    """Silence is None, also when asked not to wait."""
    with opened.pair() as (_, there):
        assert there.receive(0) is None
        assert there.receive(0.05) is None


def lives_through_a_flood(opened: Opened) -> None:
    """Whoever sends far more than is received loses frames, and neither the channel nor its bounds."""
    with opened.pair() as (here, there):
        for number in range(opened.flood):
            if not offer(here, number.to_bytes(4) * (here.frame_bytes // 4)):
                break
        opened.heard(here, there, b"and after it")


def sends_while_it_receives(opened: Opened) -> None:
    """One thread waits for frames while another sends through the same channel."""
    with opened.pair() as (here, there):
        got: list[bytes | None] = []
        waiting = threading.Thread(target=lambda: got.append(here.receive(opened.patience_seconds)))
        waiting.start()
        opened.heard(here, there, b"sent meanwhile")
        end = time.monotonic() + opened.patience_seconds
        while waiting.is_alive() and time.monotonic() < end:
            there.send(b"so that it ends")
            waiting.join(0.05)
        assert not waiting.is_alive(), "a channel that waits for frames heard none"
        assert got[0] is not None, "a channel that waits for frames heard none"


def closes_for_good(opened: Opened) -> None:
    """Closing twice does nothing; after it the channel says that it is closed."""
    with opened.pair() as (here, _):
        here.close()
        here.close()
        for use in (partial(here.send, b"x"), partial(here.receive, 0)):
            trouble = raised(use)
            assert trouble is not None, "a closed channel was used"
            assert getattr(trouble, "reason", "channel.closed") == "channel.closed", str(trouble)


def lets_go_of_whoever_waits(opened: Opened) -> None:
    """A thread that waits for a frame is let go when another one closes the channel."""
    with opened.pair() as (here, _):
        waiting = threading.Thread(target=raised, args=[partial(here.receive, opened.patience_seconds)])
        waiting.start()
        waiting.join(0.05)
        here.close()
        waiting.join(opened.patience_seconds / 2)
        assert not waiting.is_alive(), "the channel is closed, and a thread still waits for it"


def offer(sender: FrameChannel, frame: bytes) -> bool:
    """Send a frame; return whether the medium took it: where it is full, a frame may be lost with a word."""
    try:
        sender.send(frame)
    except ChannelTrouble as trouble:
        if trouble.reason != "channel.full":
            raise
        return False
    return True


def raised(use: Callable[[], object]) -> OSError | None:
    """Return what a use of a channel raises."""
    try:
        use()
    except OSError as trouble:
        return trouble
    return None


CHANNEL_CHECKS: tuple[Callable[[Opened], None], ...] = (
    carries_frames_of_every_size,
    carries_every_byte,
    carries_both_ways,
    refuses_what_is_no_frame,
    says_when_nothing_came,
    lives_through_a_flood,
    sends_while_it_receives,
    closes_for_good,
    lets_go_of_whoever_waits,
)
