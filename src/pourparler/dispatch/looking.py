"""The program that looks for codes on pictures: ``python -m pourparler.dispatch.looking BYTES``. Begun by
:class:`codes.Looker`.

It reads pictures from its standard input, each after its length, and writes what is on them, until the input ends. It
may take so many bytes of memory, holds nothing between two pictures, and dies of anything unexpected.
"""

import json
import sys
from typing import Any

from pourparler.core.errors import Malformed
from pourparler.dispatch.codes import LENGTH, found_in
from pourparler.dispatch.decoding import read
from pourparler.dispatch.helper import bind_limits


def main(most_bytes: str) -> int:
    bind_limits(int(most_bytes))
    while head := read(sys.stdin.buffer, LENGTH.size):
        found: dict[str, Any]
        try:
            spots = found_in(read(sys.stdin.buffer, *LENGTH.unpack(head)))
            rows = [(spot.across, spot.down, spot.width, spot.height, spot.data and spot.data.hex()) for spot in spots]
            found = {"spots": rows}
        except Malformed as error:
            found = {"reason": error.reason, "detail": error.detail}
        answer = json.dumps(found).encode()
        sys.stdout.buffer.write(LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
