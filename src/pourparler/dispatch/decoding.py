"""The program of the decoding process: ``python -m pourparler.dispatch.decoding``. Begun by :class:`fountain.Worker`.

It reads requests from its standard input and writes answers, until the input ends. It holds nothing between two
requests, may use little memory, and dies of anything unexpected: whoever began it begins another.
"""

import sys
from typing import BinaryIO

from pourparler.dispatch.fountain import ANSWER, PACKET_HEADER_BYTES, REQUEST, decode_here
from pourparler.dispatch.helper import bind_limits

ADDRESS_SPACE_BYTES = 128 * 1024 * 1024


def main() -> int:
    bind_limits(ADDRESS_SPACE_BYTES)
    while head := read(sys.stdin.buffer, REQUEST.size):
        length, size, count = REQUEST.unpack(head)
        symbols = {}
        for _ in range(count):
            number = int.from_bytes(read(sys.stdin.buffer, PACKET_HEADER_BYTES), "big")
            symbols[number] = read(sys.stdin.buffer, size)
        found = decode_here(length, size, symbols)
        sys.stdout.buffer.write(ANSWER.pack(found is not None, len(found or b"")) + (found or b""))
        sys.stdout.buffer.flush()
    return 0


def read(source: BinaryIO, count: int) -> bytes:
    """Return so many bytes; nothing at the end of the input. Raises :class:`EOFError` where it ends within them."""
    data = source.read(count)
    if data and len(data) < count:
        raise EOFError
    return data


if __name__ == "__main__":
    sys.exit(main())
