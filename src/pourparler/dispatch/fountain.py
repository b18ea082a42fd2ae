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

import struct
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing
from pourparler.dispatch.helper import Helper

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
    if not 0 <= number < numbers_of(length, size):
        raise Malformed("frame.number", f"symbol {number}; this object has {numbers_of(length, size)}")


@lru_cache(maxsize=1024)
def numbers_of(length: int, size: int) -> int:
    """Return how many numbers the symbols of ``size`` bytes of an object have. Raises as :func:`check_size`."""
    if not 0 < length <= limits.OBJECT_MAX_BYTES:
        raise Malformed("frame.length", f"an object of {length} bytes; 1 to {limits.OBJECT_MAX_BYTES}")
    if size < ALIGNMENT_BYTES or size % ALIGNMENT_BYTES:
        raise Malformed("frame.symbol-size", f"a symbol of {size} bytes, which is no multiple of {ALIGNMENT_BYTES}")
    count = symbols_needed(length, size)
    if count > limits.OBJECT_SYMBOLS_MAX or size != aligned(-(-length // count)):
        raise Malformed("frame.symbol-size", f"an object of {length} bytes has no symbols of {size}")
    return numbers(count)


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
    if not wanted:
        return []
    last = max(wanted)
    check_size(len(data), size, last)
    packets = encoder(data, size).get_encoded_packets(max(0, last + 1 - symbols_needed(len(data), size)))
    assert int.from_bytes(packets[last][:PACKET_HEADER_BYTES], "big") == last, "not one source block"
    return [packets[number][PACKET_HEADER_BYTES:] for number in wanted]


def check_lengths(size: int, symbols: Mapping[int, bytes]) -> None:
    if any(len(symbol) != size for symbol in symbols.values()):
        raise Malformed("frame.symbol-size", f"a symbol has not {size} bytes")


def decode_here(length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
    """Decode in this process: the library's answer, or None where it needs more. Raises :class:`Undecodable`."""
    check_lengths(size, symbols)
    for number in (0, *symbols):
        check_size(length, size, number)
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


class Worker(Helper):
    """A decoder in a process of its own: see :class:`Helper`."""

    def __init__(self, deadline_seconds: float = DECODE_SECONDS) -> None:
        super().__init__("pourparler.dispatch.decoding", deadline_seconds)

    def decode(self, length: int, size: int, symbols: Mapping[int, bytes]) -> bytes | None:
        """See :class:`Decoder`. Raises :class:`Undecodable` also where no process can be begun."""
        check_lengths(size, symbols)
        library()  # so that its absence is said here
        rows = b"".join(number.to_bytes(PACKET_HEADER_BYTES, "big") + data for number, data in symbols.items())
        try:
            with self.asked(REQUEST.pack(length, size, len(symbols)) + rows) as answer:
                whole, found = ANSWER.unpack(answer(ANSWER.size))
                return answer(min(found, limits.OBJECT_MAX_BYTES)) if whole else None
        except OSError as error:
            raise Undecodable(f"the decoding process: {error}") from None
