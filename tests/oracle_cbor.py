"""A second decoder of the CBOR profile (spec/encoding.md section 2), strict, slow and written from RFC 8949 alone.

It shares no line with ``pourparler.core.encoding`` and uses no CBOR library: it reads heads one by one, checks each as
it goes, and raises :class:`Bad` with a reason of ``spec/reasons.md``. Where an input has several faults it may name
another of them than the core does; both refuse. Nothing here is fast, and nesting is read without recursion.
"""

import unicodedata

DEPTH_MAX, ITEMS_MAX, BYTES_MAX, KEY_BYTES_MAX = 24, 20_000, 1 << 20, 64
MARKS = {chr(number) for number in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


class Bad(Exception):
    """The bytes are not of the profile; ``reason`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(data: bytes, *, most_bytes: int = BYTES_MAX, most_items: int = ITEMS_MAX):
    """Return the value that ``data`` encodes. Raises :class:`Bad`."""
    if len(data) > most_bytes:
        raise Bad("cbor.too-large")
    reader = Reader(data, most_items)
    value = reader.item()
    if reader.position != len(data):
        raise Bad("cbor.malformed")
    return value


class Reader:
    """Reads one item from left to right. ``open_`` holds the lists and maps that are not complete."""

    def __init__(self, data: bytes, most_items: int) -> None:
        self.data = data
        self.position = 0
        self.items_left = most_items

    def item(self):
        open_: list[Container] = []
        while True:
            if open_ and isinstance(open_[-1], MapBuilder) and open_[-1].wants_key():
                open_[-1].take_key(*self.key())
                continue
            value = self.one(len(open_))
            if isinstance(value, Container):
                open_.append(value)
            else:
                if not open_:
                    return value
                open_[-1].take(value)
            while open_ and open_[-1].left == 0:
                done = open_.pop().value
                if not open_:
                    return done
                open_[-1].take(done)

    def one(self, depth: int):
        """Read a scalar, or the head of a list or map."""
        self.items_left -= 1
        if self.items_left < 0:
            raise Bad("cbor.too-many-items")
        if depth > DEPTH_MAX:
            raise Bad("cbor.too-deep")
        major, argument = self.head()
        if major in (0, 1):
            if argument >= 1 << 63:
                raise Bad("cbor.integer-range")
            return argument if major == 0 else -1 - argument
        if major == 2:
            return self.take(argument)
        if major == 3:
            return text(self.take(argument))
        if major == 4:
            return ListBuilder(argument)
        if major == 5:
            return MapBuilder(argument)
        if major == 7 and argument in (20, 21, 22):
            return {20: False, 21: True, 22: None}[argument]
        raise Bad("cbor.malformed")

    def key(self) -> tuple[str, bytes]:
        start = self.position
        major, argument = self.head()
        if major != 3:
            raise Bad("cbor.malformed")
        raw = self.take(argument)
        if not 1 <= len(raw) <= KEY_BYTES_MAX:
            text(raw)
            raise Bad("cbor.key")
        return text(raw), self.data[start : self.position]

    def head(self) -> tuple[int, int]:
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low
        if low > 27 or major == 7:  # indefinite or reserved; a float or a simple value in two bytes
            raise Bad("cbor.malformed")
        size = 1 << low - 24
        argument = int.from_bytes(self.take(size), "big")
        if argument < {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}[size]:
            raise Bad("cbor.not-deterministic")
        return major, argument

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise Bad("cbor.malformed")
        self.position += count
        return self.data[self.position - count : self.position]


class Container:
    """A list or map that still lacks ``left`` members."""

    left: int

    def take(self, value) -> None:
        raise NotImplementedError


class ListBuilder(Container):
    def __init__(self, count: int) -> None:
        self.left = count
        self.value: list = []

    def take(self, value) -> None:
        self.value.append(value)
        self.left -= 1


class MapBuilder(Container):
    def __init__(self, count: int) -> None:
        self.left = count
        self.value: dict = {}
        self.name: str | None = None
        self.before = b""

    def wants_key(self) -> bool:
        return self.left > 0 and self.name is None

    def take_key(self, name: str, encoded: bytes) -> None:
        if self.before and encoded <= self.before:  # with shortest heads, shorter keys encode to lesser bytes
            raise Bad("cbor.malformed")
        self.name, self.before = name, encoded

    def take(self, value) -> None:
        assert self.name is not None
        self.value[self.name] = value
        self.name = None
        self.left -= 1


def text(raw: bytes) -> str:
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Bad("cbor.malformed") from None
    if unicodedata.normalize("NFC", decoded) != decoded or MARKS & set(decoded):
        raise Bad("cbor.text")
    return decoded
