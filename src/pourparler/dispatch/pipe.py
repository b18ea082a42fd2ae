"""Frames to and from somebody else's radio program, through a pipe. ``spec/courier.md`` section 8.

Clients of Meshtastic, Reticulum and modems live in other people's programs, under other people's licences. So they stay
outside: a program that reads frames from its standard input, sends them, and writes what it hears to its standard
output, all framed by KISS. A modem that speaks KISS on a serial line or a pseudoterminal needs no program at all.

Whatever the program does, this side stays bounded: it keeps one frame that is half read, one that is half written, a
queue of whole ones, and the last lines of what the program says to people.
"""

import contextlib
import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from pourparler.dispatch.kiss import Unframer, framed
from pourparler.dispatch.pace import Pace
from pourparler.ports import ChannelTrouble

FRAME_MAX_BYTES = 1_200
RADIO_FRAME_BYTES = 233  # what a LoRa radio carries in one packet of Meshtastic
QUEUED_FRAMES_MAX = 256
READ_MAX_BYTES = 1 << 16
WORDS_MAX_LINES = 20
WORDS_LINE_MAX_BYTES = 500
LOOK_SECONDS = 0.2  # how long one wait lasts at most, so that closing is noticed
GRACE_SECONDS = 2.0  # for a program to end by itself


class PipeChannel:
    """A :class:`~pourparler.ports.FrameChannel` over two file descriptors, which may be one: a pipe, a pseudoterminal,
    a serial line. They are made non-blocking, and closed with the channel.

    ``write_seconds`` is how long a frame waits for a reader that does not read; then it is lost
    (``channel.full``), and so is each further one until the half that was written can be finished.
    """

    def __init__(
        self,
        reads: int,
        writes: int,
        *,
        frame_bytes: int = RADIO_FRAME_BYTES,
        bytes_per_second: float | None = None,
        write_seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 1 <= frame_bytes <= FRAME_MAX_BYTES:
            raise ValueError(f"a frame over a pipe has 1 to {FRAME_MAX_BYTES} bytes")
        self.frame_bytes = frame_bytes
        self.pace = Pace(bytes_per_second) if bytes_per_second is not None else None
        self.monotonic, self.sleep, self.write_seconds = monotonic, sleep, write_seconds
        self.reads, self.writes = reads, writes
        self.unframer = Unframer(frame_bytes)
        self.queue: deque[bytes] = deque(maxlen=QUEUED_FRAMES_MAX)  # the oldest goes when a flood comes
        self.unsent = b""  # what is left of a frame that was half written
        self.ended = self.closed = False
        self.reading, self.writing = threading.Lock(), threading.Lock()
        for descriptor in {reads, writes}:
            os.set_blocking(descriptor, False)

    # Sending.

    def send(self, frame: bytes) -> None:
        """Write a frame; see the contract. Raises ``channel.full``, ``channel.closed`` and ``channel.ended``."""
        if not 1 <= len(frame) <= self.frame_bytes:
            raise ValueError(f"a frame of {len(frame)} bytes; this channel carries 1 to {self.frame_bytes}")
        with self.writing:
            self.check_usable()
            if self.pace is not None:
                self.sleep(self.pace.wait(len(frame), self.monotonic()))
            end = self.monotonic() + self.write_seconds
            self.flush(end)  # what is left of the frame before
            self.unsent = framed(frame)
            begun = self.unsent
            try:
                self.flush(end)
            except ChannelTrouble:
                if self.unsent == begun:  # nothing of it is out: it is lost whole
                    self.unsent = b""
                raise

    def flush(self, end: float) -> None:
        while self.unsent:
            self.check_usable()
            self.listen(0)  # a program whose output nobody takes may take none of ours
            try:
                _, writable, _ = select.select([], [self.writes], [], LOOK_SECONDS)
                if writable:
                    self.unsent = self.unsent[os.write(self.writes, self.unsent) :]
            except BlockingIOError:
                pass
            except (OSError, ValueError):
                self.ended = True
                raise self.trouble() from None
            if self.unsent and self.monotonic() >= end:
                raise ChannelTrouble(
                    "channel.full",
                    "the radio program takes no frames: its input has been full for too long",
                    "The frame is lost; the next one may be tried. Look at what the program says.",
                )

    # Receiving.

    def receive(self, seconds: float) -> bytes | None:
        """Return the next frame; see the contract. What follows the last whole frame when the program ends is lost."""
        end = self.monotonic() + seconds
        while True:
            with contextlib.suppress(IndexError):
                return self.queue.popleft()
            if self.closed or self.ended:
                raise self.trouble()
            left = end - self.monotonic()
            self.listen(min(max(left, 0.0), LOOK_SECONDS))
            if left <= 0 and not self.queue and not self.ended:
                return None

    def listen(self, seconds: float) -> None:
        """Wait for what there is to read, and read it: at most so much at once."""
        try:
            readable, _, _ = select.select(self.readable(), [], [], seconds)
        except (OSError, ValueError):
            self.ended = True
            return
        with self.reading:
            for descriptor in () if self.closed else readable:
                try:
                    data = os.read(descriptor, READ_MAX_BYTES)
                except BlockingIOError:
                    continue  # the other thread was faster
                except OSError:  # a pseudoterminal says so when its other end is closed
                    data = b""
                self.take(data, descriptor)

    def readable(self) -> list[int]:
        return [self.reads]

    def take(self, data: bytes, source: int) -> None:
        """Take what was read from a descriptor; no bytes mean that its other end is closed."""
        if source == self.reads and not data:
            self.ended = True
        self.queue.extend(self.unframer.feed(data))

    # Ending.

    def check_usable(self) -> None:
        if self.closed or self.ended:
            raise self.trouble()

    def trouble(self) -> ChannelTrouble:
        if self.closed:
            return ChannelTrouble("channel.closed", "the channel is closed")
        return ChannelTrouble("channel.ended", "the other end of the pipe is closed")

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True  # whoever waits gives up first: a descriptor's number is soon somebody else's
        with self.writing, self.reading:
            for descriptor in self.descriptors():
                os.close(descriptor)

    def descriptors(self) -> set[int]:
        return {self.reads, self.writes}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ProgramChannel(PipeChannel):
    """A channel through a program that this one starts: a :class:`PipeChannel` over its standard input and output.

    ``command`` is the program and its arguments; no shell reads it. It finds the size of a frame in its environment
    (``DISPATCH_FRAME_BYTES``), and none of our own settings there: a passphrase is not for a radio. What it says on its
    standard error is for people: the last lines are in :attr:`words`. Raises ``channel.program`` where it cannot be
    started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        frame_bytes: int = RADIO_FRAME_BYTES,
        bytes_per_second: float | None = None,
        write_seconds: float = 10.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("POURPARLER_")}
        pipe = subprocess.PIPE
        try:
            self.process = subprocess.Popen(  # noqa: S603 the user's own command, without a shell
                list(command),
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=ours | {"DISPATCH_FRAME_BYTES": str(frame_bytes)},
                bufsize=0,
                start_new_session=True,  # an interrupt at the terminal is ours to pass on
            )
        except (OSError, ValueError, IndexError) as error:
            raise ChannelTrouble(
                "channel.program",
                f"the radio program {' '.join(command)!r} cannot be started: {error}",
                "Look whether it is installed, and whether it can be run as it stands.",
            ) from error
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.name = Path(command[0]).name
        self.errors: int | None = os.dup(self.process.stderr.fileno())
        os.set_blocking(self.errors, False)
        self.words: deque[str] = deque(maxlen=WORDS_MAX_LINES)
        self.line = b""
        reads, writes = os.dup(self.process.stdout.fileno()), os.dup(self.process.stdin.fileno())
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()
        super().__init__(
            reads,
            writes,
            frame_bytes=frame_bytes,
            bytes_per_second=bytes_per_second,
            write_seconds=write_seconds,
            monotonic=monotonic,
            sleep=sleep,
        )

    def descriptors(self) -> set[int]:
        return super().descriptors() | ({self.errors} if self.errors is not None else set())

    def readable(self) -> list[int]:
        return [self.reads] if self.errors is None else [self.reads, self.errors]

    def take(self, data: bytes, source: int) -> None:
        if source != self.errors:
            super().take(data, source)
        elif data:
            self.hear_words(data)
        else:
            os.close(self.errors)
            self.errors = None

    def hear_words(self, data: bytes) -> None:
        """Keep what the program says: whole lines, the last ones, each cut where it is too long to be read."""
        *lines, rest = (self.line + data).split(b"\n")
        self.words.extend(said(line) for line in lines if line.strip())
        self.line = rest[:WORDS_LINE_MAX_BYTES]

    def trouble(self) -> ChannelTrouble:
        if self.closed:
            return super().trouble()
        with contextlib.suppress(subprocess.TimeoutExpired):  # its output is closed: it is about to end, or is broken
            self.process.wait(GRACE_SECONDS)
        self.hear_the_rest()
        code = self.process.returncode
        how = "closed its pipe" if code is None else f"ended with exit code {code}"
        told = [*self.words, said(self.line)] if self.line.strip() else list(self.words)
        last = f" Its last words: {' / '.join(told[-3:])}" if told else ""
        return ChannelTrouble(
            "channel.ended",
            f"the radio program {self.name} has {how}.{last}",
            "Start it anew; what was sent may not have left.",
        )

    def hear_the_rest(self) -> None:
        with self.reading, contextlib.suppress(OSError):
            if self.errors is not None and not self.closed:
                self.hear_words(os.read(self.errors, READ_MAX_BYTES))

    def close(self) -> None:
        """Close the program's input, and wait for it to end; one that does not is stopped. Until then it is listened
        to: it may only just have begun, with all that it is to send still before it, and one that nobody listens to
        breaks off."""
        if self.closed:
            return
        self.closed = True  # whoever waits gives up first: a descriptor's number is soon somebody else's
        with self.writing:
            os.close(self.writes)
        with self.reading:
            for stop in (self.process.terminate, self.process.kill):
                if self.ends_within(GRACE_SECONDS):
                    break
                stop()
            self.process.wait()
            for descriptor in self.descriptors() - {self.writes}:
                os.close(descriptor)

    def ends_within(self, seconds: float) -> bool:
        """Return whether the program ends in time; take what it says meanwhile."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            open_ones = [one for one in self.readable() if one != self.reads or not self.ended]
            readable, _, _ = select.select(open_ones, [], [], LOOK_SECONDS)
            for descriptor in readable:
                with contextlib.suppress(BlockingIOError):
                    self.take(os.read(descriptor, READ_MAX_BYTES), descriptor)
        return self.process.poll() is not None


def said(line: bytes) -> str:
    """Return a line for people: cut, and with nothing in it that a terminal would obey."""
    text = line[:WORDS_LINE_MAX_BYTES].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
