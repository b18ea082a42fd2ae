"""Channels for frames: each keeps the contract, on real sockets, real pipes, and in memory."""

import contextlib
import os
import pty
import random
import signal
import socket
import sys
import tty
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pourparler.dispatch.kiss import Unframer, framed
from pourparler.dispatch.pace import Pace
from pourparler.dispatch.pipe import QUEUED_FRAMES_MAX, PipeChannel, ProgramChannel
from pourparler.dispatch.udp import UdpChannel
from pourparler.ports import ChannelTrouble
from pourparler.testing.channels import Conditions, Ether, Link, UdpRelay
from pourparler.testing.conformance import CHANNEL_CHECKS, Opened, Pair
from pourparler.testing.conformance import lets_go_of_whoever_waits as lets_go
from pourparler.testing.conformance import sends_while_it_receives as sends_while

ROOT = Path(__file__).resolve().parent.parent
RADIO = ROOT / "examples" / "radio" / "program.py"
GROUP = "239.255.68.80"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def loopback_name() -> str:
    return next(name for _, name in socket.if_nameindex() if name.startswith("lo"))


@contextlib.contextmanager
def multicast(group: str = GROUP) -> Iterator[Pair]:
    port = free_port()
    with (
        UdpChannel((group, port), interface=loopback_name()) as here,
        UdpChannel((group, port), interface=loopback_name()) as there,
    ):
        yield here, there


@contextlib.contextmanager
def broadcast() -> Iterator[Pair]:
    port = free_port()
    with UdpChannel(("127.255.255.255", port)) as here, UdpChannel(("127.255.255.255", port)) as there:
        yield here, there


@contextlib.contextmanager
def to_one_host(host: str = "127.0.0.1") -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(UdpChannel((host, 9), at=(host, 0)))
        second = stack.enter_context(UdpChannel(first.heard_at, at=(host, 0)))
        first.to = second.hearer.getsockname()
        yield first, second


@contextlib.contextmanager
def pipes(write_seconds: float = 0.5) -> Iterator[Pair]:
    (there_reads, here_writes), (here_reads, there_writes) = os.pipe(), os.pipe()
    with (
        PipeChannel(here_reads, here_writes, write_seconds=write_seconds) as here,
        PipeChannel(there_reads, there_writes, write_seconds=write_seconds) as there,
    ):
        yield here, there


@contextlib.contextmanager
def terminal() -> Iterator[Pair]:
    """A modem's pseudoterminal: each end is one descriptor for both ways."""
    one, other = pty.openpty()
    tty.setraw(one)
    tty.setraw(other)
    with (
        PipeChannel(one, one, frame_bytes=233, write_seconds=0.5) as here,
        PipeChannel(other, other, frame_bytes=233, write_seconds=0.5) as there,
    ):
        yield here, there


@contextlib.contextmanager
def modem() -> Iterator[Pair]:
    """A modem that speaks KISS over TCP, as some do."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        one.connect(server.getsockname())
        other, _ = server.accept()
    ends = one.detach(), other.detach()
    with (
        PipeChannel(ends[0], ends[0], frame_bytes=1_200, write_seconds=0.5) as here,
        PipeChannel(ends[1], ends[1], frame_bytes=1_200, write_seconds=0.5) as there,
    ):
        yield here, there


@contextlib.contextmanager
def programs() -> Iterator[Pair]:
    """Two processes of the example program, each on the pipe of one channel, with real datagrams between them."""
    command = [sys.executable, str(RADIO), "239.255.68.81", str(free_port())]
    with ProgramChannel(command, write_seconds=2) as here, ProgramChannel(command, write_seconds=2) as there:
        yield here, there


@contextlib.contextmanager
def relayed() -> Iterator[Pair]:
    conditions = Conditions(loss=0.4, duplicate=0.2, reorder=0.3, reorder_seconds=0.05, corrupt=0.1)
    with UdpRelay(seed=7, conditions=conditions) as relay, contextlib.ExitStack() as stack:
        pair = [stack.enter_context(UdpChannel(relay.address, at=("127.0.0.1", 0))) for _ in range(2)]
        for channel in pair:
            relay.reach(channel.heard_at)
        yield pair[0], pair[1]


@contextlib.contextmanager
def in_memory() -> Iterator[Pair]:
    ether = Ether(seed=3, conditions=Conditions(loss=0.4, duplicate=0.2, corrupt=0.1, delay_seconds=(0, 0.01)))
    yield ether.channel("here"), ether.channel("there")


CHANNELS = {
    "multicast": multicast,
    "broadcast": broadcast,
    "one host": to_one_host,
    "pipes": pipes,
    "pseudoterminal": terminal,
    "modem": modem,
    "radio program": programs,
    "lossy relay": relayed,
    "memory": in_memory,
}
THREADED = {sends_while, lets_go}  # an ether is for one thread, and moves its time by waiting


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("check", CHANNEL_CHECKS, ids=lambda check: check.__name__)
def test_a_channel_keeps_the_contract(name, check):
    if not (name == "memory" and check in THREADED):
        check(Opened(CHANNELS[name]))


class Wrong(UdpChannel):
    """A channel that breaks the contract in one way."""

    def __init__(self, fault: str, port: int) -> None:
        super().__init__((GROUP, port), interface=loopback_name())
        self.fault = fault

    def send(self, frame: bytes) -> None:
        match self.fault:
            case "takes any size":
                frame = frame[: self.frame_bytes] or b"0"
            case "strips" if len(frame) < self.frame_bytes:
                frame = frame.rstrip(b"\x00\xff") or frame
            case "cuts short" if len(frame) == self.frame_bytes:
                frame = frame[:-1]
        super().send(frame)

    def receive(self, seconds: float) -> bytes | None:
        if self.fault == "deaf":
            self.check_open()
            return None
        if self.fault == "empty for silence":
            return super().receive(seconds) or b""
        return super().receive(seconds)

    def close(self) -> None:
        if self.fault != "stays open":
            super().close()

    def check_open(self) -> None:
        if self.fault != "is used closed":
            super().check_open()


FAULTS = ("takes any size", "strips", "cuts short", "deaf", "empty for silence", "stays open")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_channel_that_breaks_the_contract_is_found_out(fault):
    @contextlib.contextmanager
    def pair() -> Iterator[Pair]:
        port = free_port()
        here, there = Wrong(fault, port), Wrong(fault, port)
        try:
            yield here, there
        finally:
            for channel in (here, there):
                UdpChannel.close(channel)

    failed = 0
    for check in CHANNEL_CHECKS:
        try:
            check(Opened(pair, patience_seconds=0.5, flood=10))
        except AssertionError:
            failed += 1
    assert failed


# --- UDP --------------------------------------------------------------------------------------------------------------


def test_several_receivers_share_a_port_and_other_groups_are_not_heard():
    port, lo = free_port(), loopback_name()
    with contextlib.ExitStack() as stack:
        receivers = [stack.enter_context(UdpChannel((GROUP, port), interface=lo)) for _ in range(4)]
        other = stack.enter_context(UdpChannel(("239.255.68.99", port), interface=lo))
        receivers[0].send(b"to all")
        assert [receiver.receive(5) for receiver in receivers] == [b"to all"] * 4
        other.send(b"elsewhere")
        assert other.receive(5) == b"elsewhere"
        assert [receiver.receive(0) for receiver in receivers] == [None] * 4


def test_datagrams_that_are_no_frames_are_passed_over():
    with multicast() as (here, there):
        for wrong in (b"", bytes(1_201), bytes(9_000)):
            here.sender.sendto(wrong, here.to)
        here.send(b"a frame")
        assert there.receive(5) == b"a frame"
        assert there.receive(0) is None


def test_datagrams_stay_in_this_room():
    """A TTL, or hop limit, of 1: the next router drops them."""
    with UdpChannel((GROUP, free_port()), interface=loopback_name()) as channel:
        assert channel.sender.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 1


@pytest.mark.parametrize(
    ("address", "interface", "reason"),
    [
        ("radio.example", "", "channel.address"),
        ("192.0.2.7", "", "channel.address"),
        (GROUP, "no0", "channel.interface"),
    ],
)
def test_an_address_that_cannot_be_used_is_said_in_words(address, interface, reason):
    with pytest.raises(ChannelTrouble) as caught:
        UdpChannel((address, 47_800), interface=interface)
    assert caught.value.reason == reason
    assert caught.value.do


def test_a_rate_is_kept_by_waiting():
    """The channel's own waiting adds up to what the rate asks for; the clock is the test's."""
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    with UdpChannel(
        (GROUP, free_port()), interface=loopback_name(), bytes_per_second=1_000, monotonic=lambda: now[0], sleep=sleep
    ) as channel:
        for _ in range(50):
            channel.send(bytes(500))
    assert sum(slept) == pytest.approx(50 * 500 / 1_000 - 1.0)  # less a burst of a second


def test_a_rate_is_more_than_nothing():
    with pytest.raises(ValueError, match="more than 0"):
        Pace(0)


# --- KISS and pipes ---------------------------------------------------------------------------------------------------


def test_frames_come_out_of_the_stream_however_it_is_cut():
    chance = random.Random(5)
    frames = [chance.randbytes(chance.randint(1, 233)) for _ in range(200)] + [b"\xc0" * 233, b"\xdb" * 233]
    stream = b"".join(framed(frame) for frame in frames)
    for step in (1, 7, 1_000, len(stream)):
        unframer = Unframer(233)
        found = [frame for at in range(0, len(stream), step) for frame in unframer.feed(stream[at : at + step])]
        assert (found, unframer.junk) == (frames, 0)


JUNK = (
    b"Connected to radio\n",  # a program that prints
    b"\x01\x40",  # a command to a modem
    b"\x10data of the second port",
    b"\x00" + bytes(234),  # too long
    b"\x00",  # nothing
    b"\x00\xdb\x00",  # an escape that is none
    b"\x00\xdb",  # one cut short
    b"\x00" + b"\xdb\xdd" * 234,
)


@pytest.mark.parametrize("junk", JUNK)
def test_junk_in_the_stream_spoils_nothing_behind_it(junk):
    unframer = Unframer(233)
    assert unframer.feed(junk + b"\xc0" + framed(b"good")) == [b"good"]
    assert unframer.junk == 1


def test_a_stream_without_an_end_takes_no_memory():
    unframer = Unframer(233)
    for _ in range(200):
        assert unframer.feed(bytes(65_536)) == []
    assert len(unframer.begun) <= 2 * 233 + 1
    assert unframer.feed(b"\xc0" + framed(b"after it")) == [b"after it"]


def script(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "radio.py"
    path.write_text(text)
    return [sys.executable, "-u", str(path)]


def drained(channel: PipeChannel) -> list[bytes]:
    """Return what a channel gives until it has ended."""
    frames: list[bytes] = []
    while True:
        try:
            frame = channel.receive(5)
        except ChannelTrouble as trouble:
            if trouble.reason != "channel.ended":
                raise
            return frames
        if frame is not None:
            frames.append(frame)


ENDS = """
import sys
sys.stdout.buffer.write(b"hello\\n\\xc0\\x00one\\xc0\\xc0\\x00half of anoth")
sys.stdout.flush()
print("no radio at /dev/ttyUSB0\\x1b[2J", file=sys.stderr)
sys.exit(3)
"""


def test_a_program_that_ends_says_why_after_its_last_whole_frame(tmp_path):
    with ProgramChannel(script(tmp_path, ENDS)) as channel:
        assert drained(channel) == [b"one"]
        with pytest.raises(ChannelTrouble) as caught:
            channel.receive(0)
        assert "exit code 3" in caught.value.what
        assert "no radio at /dev/ttyUSB0\ufffd[2J" in caught.value.what
        with pytest.raises(ChannelTrouble, match="channel.ended"):
            channel.send(b"too late")


FLOODS = """
import sys
for number in range(20_000):
    sys.stdout.buffer.write(b"\\xc0\\x00" + b"%05d" % number + b"\\xc0")
    sys.stderr.write("a word too many " * 50 + chr(10))
"""


def test_a_program_that_floods_is_held_in_bounds(tmp_path):
    with ProgramChannel(script(tmp_path, FLOODS)) as channel:
        while not channel.ended:
            channel.listen(0.2)
            assert len(channel.queue) <= QUEUED_FRAMES_MAX
        assert len(channel.words) <= 20
        assert all(len(line) <= 500 for line in channel.words)
        newest = [b"%05d" % number for number in range(20_000)][-QUEUED_FRAMES_MAX:]
        assert drained(channel) == newest


def sent_until_full(channel: PipeChannel) -> list[bytes]:
    """Send until the other end takes no more; return what was sent, the one that was refused included."""
    sent = []
    while True:
        sent.append(len(sent).to_bytes(4) * 50)
        try:
            channel.send(sent[-1])
        except ChannelTrouble as trouble:
            if trouble.reason != "channel.full":
                raise
            return sent


def test_a_program_that_reads_nothing_does_not_hold_us_up(tmp_path):
    sleeps = script(tmp_path, "import signal\nsignal.pause()\n")
    with ProgramChannel(sleeps, write_seconds=0.3) as channel:
        assert sent_until_full(channel)
        assert len(channel.unsent) <= 2 * 233 + 3
        assert channel.process.poll() is None
    assert channel.process.returncode == -signal.SIGTERM


def test_half_a_frame_is_finished_before_the_next_one_begins(monkeypatch):
    """A stream may take a part of what it is given, and then nothing for long."""
    real, room = os.write, [37]

    def short(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise BlockingIOError
        written = real(descriptor, data[: room[0]])
        room[0] -= written
        return written

    with pipes(write_seconds=0.3) as (here, there):
        monkeypatch.setattr("pourparler.dispatch.pipe.os.write", short)
        with pytest.raises(ChannelTrouble, match="channel.full"):
            here.send(b"cut" * 50)
        with pytest.raises(ChannelTrouble, match="channel.full"):
            here.send(b"lost")
        room[0] = 10_000
        here.send(b"the next")
        assert read_up(there) == [b"cut" * 50, b"the next"]
        assert there.unframer.junk == 0


def read_up(channel: PipeChannel) -> list[bytes]:
    """Return the frames that are here, until none comes any more."""
    heard = []
    while (frame := channel.receive(0.2)) is not None:
        heard.append(frame)
    return heard


def test_a_program_gets_no_settings_of_ours_and_the_size_of_a_frame(tmp_path, monkeypatch):
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "not for a radio")
    tells = """
import os, sys
told = os.environ.get("POURPARLER_PASSPHRASE", "nothing") + " " + os.environ["DISPATCH_FRAME_BYTES"]
sys.stdout.buffer.write(bytes([0xC0, 0]) + told.encode() + bytes([0xC0]))
"""
    with ProgramChannel(script(tmp_path, tells), frame_bytes=200) as channel:
        assert drained(channel) == [b"nothing 200"]


def test_a_program_that_is_not_there():
    with pytest.raises(ChannelTrouble, match="channel.program"):
        ProgramChannel(["/nowhere/radio"])


SLOW = """
import pathlib, sys, time
time.sleep(0.5)
print("a radio", file=sys.stderr, flush=True)
sys.stdout.buffer.write(bytes(100_000))  # more than a pipe holds
sys.stdout.buffer.flush()
pathlib.Path(sys.argv[1]).write_bytes(sys.stdin.buffer.read())
"""


def test_a_program_that_has_only_just_begun_sends_what_it_was_given_before_the_end(tmp_path):
    """A short order is out, and the channel closed, before the program has said its first word."""
    sent = tmp_path / "sent"
    with ProgramChannel([*script(tmp_path, SLOW), str(sent)]) as channel:
        channel.send(b"one")
    assert channel.process.returncode == 0
    assert sent.read_bytes() == framed(b"one")


# --- bad media, replayed ----------------------------------------------------------------------------------------------


def shares(conditions: Conditions, frames: int = 4_000) -> tuple[list[bytes], Link]:
    link = Link(conditions, random.Random(9), 1_200)
    heard = []
    for number in range(frames):
        link.carry(number.to_bytes(4) * 10, float(number))
        while (frame := link.arrived(float(number))) is not None:
            heard.append(frame)
    return heard, link


def test_a_link_does_what_its_conditions_say():
    sent = [number.to_bytes(4) * 10 for number in range(4_000)]
    assert shares(Conditions())[0] == sent
    assert 0.38 < len(shares(Conditions(loss=0.6))[0]) / 4_000 < 0.42
    assert 1.18 < len(shares(Conditions(duplicate=0.2))[0]) / 4_000 < 1.22
    assert 0.18 < len([frame for frame in shares(Conditions(corrupt=0.2))[0] if frame not in set(sent)]) / 4_000 < 0.22
    late = shares(Conditions(reorder=0.3, reorder_seconds=5))[0]
    assert late != sorted(late)
    assert set(late) <= set(sent)
    assert all(frame[3] % 2 for frame in shares(Conditions(dropped=lambda frame: not frame[3] % 2))[0])
    assert shares(Conditions(forged=2.5))[1].forged > 9_500


def test_bursts_lose_frames_in_a_row():
    conditions = Conditions(burst=0.02, burst_frames=50)
    heard = [int.from_bytes(frame[:4]) for frame in shares(conditions)[0]]
    gaps = [after - before for before, after in pairwise(heard)]
    assert max(gaps) > 50
    assert sum(gap > 1 for gap in gaps) < 100


def test_a_seed_replays_a_medium():
    def story(seed: int) -> list[bytes | None]:
        ether = Ether(seed=seed, conditions=Conditions(loss=0.3, corrupt=0.2, forged=0.5, delay_seconds=(0, 2)))
        here, there = ether.channel("here"), ether.channel("there")
        for number in range(100):
            here.send(number.to_bytes(2) * 30)
        return [there.receive(0.1) for _ in range(200)]

    assert story(1) == story(1)
    assert story(1) != story(2)
