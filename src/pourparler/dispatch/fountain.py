"""The fountain: an object as any number of symbols, of which about any k make it whole. Guard around ``raptorq``.

RaptorQ (RFC 6330) is at the limit: k symbols suffice in 995 cases of 1,000, k + 1 nearly always. The library trusts
its input: one forged symbol gives a wrong object without an error, a symbol of the wrong length a panic that is no
``Exception``, an absurd length the end of the process. So nothing of it is reached except through this file:

- lengths are exact and bounded before it sees anything (:func:`check_size`), always one source block;
- symbols come from verified frames only (``receiver``), and what comes out is compared with the object's digest there;
- decoding happens in a process of its own under a memory limit and a deadline (:class:`Worker`), which is thrown away
  when it dies. :class:`InProcess` is for simulations, whose symbols are signed too, and which must be deterministic.

An object of so many bytes and a channel's room for a symbol fix k and the symbol's size T::

    k = ceil(length / room)      T = ceil(length / k), rounded up to a multiple of 8

so that nothing is padded that need not be, and a receiver finds k from length and T.

>>> symbols_needed(420, 152), symbol_size(420, 152)
(3, 144)
"""

import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol, Self

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing

ALIGNMENT_BYTES = 8
PACKET_HEADER_BYTES = 4  # the library's: source block (always 0), and the symbol's number in 3 bytes
DECODE_SECONDS = 10.0
REQUEST = struct.Struct(">IHH")  # length of the object, size of a symbol, number of symbols; then each with its number
ANSWER = struct.Struct(">BI")  # 1 where the object follows, and its length

# Numbers of which any k decode, found by trying all sets (tests/test_fountain.py tries them again): what an object of
# so few symbols is sent as first, so that "any three frames" is so and not only likely. With k = 1 any number will do.
ANY_OF: dict[int, tuple[int, ...]] = {
    1: tuple(range(48)),
    2: (
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
        32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 46, 47, 49, 52, 53, 54,
    ),
    3: (
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 25, 35, 38, 41, 42, 44, 45, 50, 54, 58,
        72, 97, 116, 126, 136, 159, 163, 167, 198, 212, 222, 298, 367, 511, 553, 662, 706, 891,
    ),
    4: (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 19, 23, 24, 34, 48, 137, 158, 352, 1346, 2182),
}  # fmt: skip


class Undecodable(Exception):
    """Decoding ended without an answer: the decoder panicked, ran out of memory or time, or was killed. It says
    nothing about the object: which steps a decoder takes depends on the symbols' numbers only, not on their bytes."""


class Decoder(Protocol):
    """Makes an object from symbols. What it returns is whatever the symbols say: the caller compares the digest."""

    def decode(self, length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
        """Return the object of ``length`` bytes, or None where more symbols of ``size`` bytes are needed.

        Raises :class:`Undecodable`.
        """


# --- sizes ------------------------------------------------------------------------------------------------------------


def symbols_needed(length: int, room: int) -> int:
    """Return k, for symbols of at most ``room`` bytes, a multiple of 8."""
    return -(-length // room)


def symbol_size(length: int, room: int) -> int:
    """Return T: the least multiple of 8 that carries the object in as many symbols as ``room`` asks for.

    Raises :class:`Malformed` (``object.too-large``) where no bytes or too many are to be sent in symbols so short.
    """
    if room < ALIGNMENT_BYTES or not 0 < length <= limits.OBJECT_MAX_BYTES:
        raise Malformed("object.too-large", f"{length} bytes; 1 to {limits.OBJECT_MAX_BYTES}")
    if (count := symbols_needed(length, room)) > limits.OBJECT_SYMBOLS_MAX:
        raise Malformed("object.too-large", f"{count} symbols of {room} bytes; at most {limits.OBJECT_SYMBOLS_MAX}")
    return aligned(-(-length // count))


def aligned(size: int) -> int:
    return -(-size // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def numbers(count: int) -> int:
    """Return how many numbers the symbols of an object of k symbols have: from 0 up to one below this."""
    return max(limits.SYMBOL_NUMBERS_LEAST, limits.SYMBOL_NUMBERS_EACH * count)


def check_size(length: int, size: int, number: int) -> None:
    """Raise :class:`Malformed` (``frame.length``, ``frame.symbol-size``, ``frame.number``) unless a symbol of
    ``size`` bytes with this number can be one of an object of ``length`` bytes."""
    if not 0 < length <= limits.OBJECT_MAX_BYTES:
        raise Malformed("frame.length", f"an object of {length} bytes; 1 to {limits.OBJECT_MAX_BYTES}")
    if size < ALIGNMENT_BYTES or size % ALIGNMENT_BYTES:
        raise Malformed("frame.symbol-size", f"a symbol of {size} bytes, which is no multiple of {ALIGNMENT_BYTES}")
    count = -(-length // size)
    if count > limits.OBJECT_SYMBOLS_MAX or size != aligned(-(-length // count)):
        raise Malformed("frame.symbol-size", f"an object of {length} bytes has no symbols of {size}")
    if number >= numbers(count):
        raise Malformed("frame.number", f"symbol {number}; this object has {numbers(count)}")


# --- the library ------------------------------------------------------------------------------------------------------


def library() -> Any:
    """Return the module ``raptorq``. Raises :class:`Missing` (``frame.no-decoder``) where it is not installed."""
    try:
        import raptorq  # type: ignore[import-untyped]  # noqa: PLC0415 -- an extra, imported on use
    except ImportError as error:
        raise Missing("frame.no-decoder", 'needs the extra "radio": pip install "pourparler[radio]"') from error
    return raptorq


def is_panic(error: BaseException) -> bool:
    """Return whether an exception is the library's panic: a BaseException that it does not export."""
    return type(error).__name__ == "PanicException"


@lru_cache(maxsize=8)
def encoder(data: bytes, size: int) -> Any:
    return library().Encoder.with_defaults(data, size)


def encode(data: bytes, size: int, first: int, count: int) -> list[bytes]:
    """Return ``count`` symbols of an object, from the number ``first`` on. See :func:`symbols`."""
    return symbols(data, size, range(first, first + count))


def symbols(data: bytes, size: int, wanted: Sequence[int]) -> list[bytes]:
    """Return an object's symbols of these numbers.

    The library always begins at 0: a symbol with a high number costs as much as all before it, at most 64 times the
    object, which is a tenth of a second. So ask for many at once. Raises :class:`Malformed` for a size or number that
    the object does not have, :class:`Missing` where the library is not installed.
    """
    last = max(wanted)
    check_size(len(data), size, last)
    packets = encoder(data, size).get_encoded_packets(max(0, last + 1 - symbols_needed(len(data), size)))
    assert int.from_bytes(packets[last][:PACKET_HEADER_BYTES], "big") == last, "not one source block"
    return [packets[number][PACKET_HEADER_BYTES:] for number in wanted]


def decode_here(length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
    """Decode in this process: the library's answer, or None where it needs more. Raises :class:`Undecodable`."""
    for number, symbol in symbols.items():
        check_size(length, size, number)
        if len(symbol) != size:
            raise Malformed("frame.symbol-size", f"{len(symbol)} bytes; {size} expected")
    try:
        decoder = library().Decoder.with_defaults(length, size)
        for number, symbol in symbols.items():
            found: bytes | None = decoder.decode(number.to_bytes(PACKET_HEADER_BYTES, "big") + symbol)
            if found is not None:
                return bytes(found)
    except BaseException as error:
        if is_panic(error):
            raise Undecodable("the decoder panicked") from None
        raise
    return None


class InProcess:
    """A decoder without a process of its own, for simulations: deterministic, and as safe as its symbols are signed."""

    def decode(self, length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
        """See :class:`Decoder`."""
        return decode_here(length, size, symbols)


# --- the worker -------------------------------------------------------------------------------------------------------


class Worker:
    """A decoder in a process of its own, begun when it is needed and again when it has died.

    Its address space is bounded where the system can (not on macOS); each answer has a deadline. A process that does
    not answer in time is killed. One at a time: not for two threads at once.
    """

    def __init__(self, deadline_seconds: float = DECODE_SECONDS) -> None:
        self.deadline_seconds = deadline_seconds
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0  # processes so far

    def decode(self, length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
        """See :class:`Decoder`. Raises :class:`Undecodable` also where no process can be begun."""
        rows = b"".join(number.to_bytes(PACKET_HEADER_BYTES, "big") + data for number, data in symbols.items())
        until = time.monotonic() + self.deadline_seconds
        try:
            process = self.running()
            send(process, REQUEST.pack(length, size, len(symbols)) + rows, until)
            whole, found = ANSWER.unpack(receive(process, ANSWER.size, until))
            return receive(process, min(found, limits.OBJECT_MAX_BYTES), until) if whole else None
        except OSError as error:
            self.close()
            raise Undecodable(f"the decoding process: {error}") from None
        except Undecodable:
            self.close()
            raise

    def running(self) -> "subprocess.Popen[bytes]":
        """Return the process, begun anew if it has died."""
        if self.process is None or self.process.poll() is not None:
            self.close()
            library()  # so that its absence is said here
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pourparler.dispatch.decoding"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C"},
                bufsize=0,
            )
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
            self.begun += 1
        return self.process

    def close(self) -> None:
        """End the process. The next decoding begins another; closing twice does nothing."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def send(process: "subprocess.Popen[bytes]", data: bytes, until: float) -> None:
    """Write to a process. Raises :class:`Undecodable` past the deadline, :class:`OSError` where it has died."""
    assert process.stdin is not None
    left = memoryview(data)
    while left:
        wait(process.stdin.fileno(), until, writing=True)
        left = left[os.write(process.stdin.fileno(), left) :]


def receive(process: "subprocess.Popen[bytes]", count: int, until: float) -> bytes:
    """Read so many bytes. Raises :class:`Undecodable` past the deadline, or where the process has died."""
    assert process.stdout is not None
    found = bytearray()
    while len(found) < count:
        wait(process.stdout.fileno(), until, writing=False)
        data = os.read(process.stdout.fileno(), count - len(found))
        if not data:
            raise Undecodable("the decoding process died")
        found += data
    return bytes(found)


def wait(descriptor: int, until: float, *, writing: bool) -> None:
    """Wait until a pipe takes or gives bytes. Raises :class:`Undecodable` past the deadline."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
    left = until - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise Undecodable("the decoding process did not answer in time")
