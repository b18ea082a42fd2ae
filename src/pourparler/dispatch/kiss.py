"""KISS: frames in a stream of bytes, as modems of packet radio have spoken since 1987. ``spec/courier.md`` section 8.

A frame stands between two FEND bytes, after a byte that says what it is: 00 for a frame on the first port, which is the
only kind that means anything here. Where FEND or FESC occur within, an escape of two bytes stands for them. So whatever
came before, the next FEND begins anew: words that a program prints by mistake, or the rest of a frame that was cut off,
spoil at most the frame they touch.

>>> framed(b"ab\\xc0").hex()
'c0006162dbdcc0'
>>> Unframer(1200).feed(b"noise" + framed(b"ab\\xc0") + b"\\xc0\\x00ha")
[b'ab\\xc0']
"""

from dataclasses import dataclass, field

FEND, FESC, TFEND, TFESC = 0xC0, 0xDB, 0xDC, 0xDD
DATA = 0x00  # data, port 0; every other first byte is a command to a modem, and passed over


def framed(frame: bytes) -> bytes:
    """Return a frame as it stands in the stream: at most twice its length and three bytes."""
    escaped = frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
    return b"\xc0\x00" + escaped + b"\xc0"


@dataclass(slots=True)
class Unframer:
    """Finds frames in a stream. Holds no more than one frame of ``frame_bytes``; what is longer is passed over whole.

    ``junk`` counts what was passed over: stretches between FENDs that are no frame, empty ones aside.
    """

    frame_bytes: int
    junk: int = 0
    begun: bytearray = field(default_factory=bytearray)
    too_long: bool = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that these further bytes complete, in order."""
        frames = []
        *ended, rest = data.split(b"\xc0")
        for stretch in ended:
            self.keep(stretch)
            frame = self.taken()
            if frame is not None:
                frames.append(frame)
        self.keep(rest)
        return frames

    def keep(self, stretch: bytes) -> None:
        most = 2 * self.frame_bytes + 1  # every byte of the frame escaped, and the byte that says what it is
        if len(self.begun) + len(stretch) > most:
            self.too_long = True
        else:
            self.begun += stretch

    def taken(self) -> bytes | None:
        """Return what stands before a FEND, if it is a frame, and begin anew."""
        stretch, too_long = bytes(self.begun), self.too_long
        self.begun.clear()
        self.too_long = False
        if not stretch and not too_long:
            return None  # FENDs in a row: nothing was said
        frame = None if too_long or stretch[0] != DATA else unescaped(stretch[1:])
        if frame is None or not 1 <= len(frame) <= self.frame_bytes:
            self.junk += 1
            return None
        return frame


def unescaped(stretch: bytes) -> bytes | None:
    """Return what an escaped stretch stands for, or None where an escape is none."""
    first, *others = stretch.split(b"\xdb")
    parts = [first]
    for part in others:
        if part[:1] not in (b"\xdc", b"\xdd"):
            return None
        parts.append((b"\xc0" if part[0] == TFEND else b"\xdb") + part[1:])
    return b"".join(parts)
