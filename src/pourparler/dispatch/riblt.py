"""Rateless set reconciliation: which ids two sets do not share, at some 1.5 symbols an id. ``spec/exchange.md`` 5.

One side streams *symbols* of its set (Yang, Gilad, Alizadeh: "Practical Rateless Set Reconciliation", 2024), 13 bytes
each. Symbol 0 is the sum of all ids, and symbol i that of about 4 in 5 + 2i of them. The other side makes the same
symbols of its own set and takes them off: what both have is gone, and a symbol that holds one id only shows it. That id
is taken off wherever else it stands, which lays bare the next, until nothing is left. How many symbols that takes
depends on the difference alone, and nobody need know it beforehand.

Ids are shortened to 8 bytes under the key of a session, and so is everything that follows: where an id stands, and its
check. Whoever makes acts beforehand cannot know the key, and so cannot make ids that jam the peeling.

>>> ours, theirs = Coder(bytes(32)), Coder(bytes(32))
>>> ours.extend([b"a", b"b", b"c"])
>>> theirs.extend([b"b", b"c", b"d", b"e"])
>>> peeling = Peeling(ours, surplus=1)
>>> peeling.add(theirs.symbols(0, 12))
>>> peeling.done, sorted(map(theirs.names.get, peeling.theirs)), list(map(ours.names.get, peeling.ours))
(True, [b'd', b'e'], [b'a'])
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from math import isqrt

from pourparler.core import limits
from pourparler.core.errors import Malformed

SHORT_BYTES, CHECK_BYTES, COUNT_BYTES = 8, 4, 1
SYMBOL_BYTES = SHORT_BYTES + CHECK_BYTES + COUNT_BYTES
CHECK_BITS, COUNT_BITS = 8 * CHECK_BYTES, 8 * COUNT_BYTES
COUNTS = 1 << COUNT_BITS  # a count is taken modulo this
SIGNS = {1: 1, COUNTS - 1: -1}  # by the count of a symbol that may hold one id: they have it, or we
MULTIPLIER = 0xDA942042E4DD58B5  # of a 64-bit multiplicative generator (Steele and Vigna, 2021)
MASK64 = (1 << 64) - 1

Cell = list[int]  # the sum (xor) of short ids, each with its check behind it, and the count


@lru_cache(maxsize=256)
def keyed(key: bytes, person: bytes, size: int) -> "blake2b":
    """Return a hash that has taken a session's key and nothing else; to copy it is half the cost of a new one."""
    return blake2b(digest_size=size, key=key, person=person)


def shorten(key: bytes, id_: bytes) -> int:
    """Return the short id of an id under a session's key, as a number."""
    hashing = keyed(key, b"riblt short id", SHORT_BYTES).copy()
    hashing.update(id_)
    return int.from_bytes(hashing.digest())


def derived(key: bytes, short: int) -> tuple[int, int]:
    """Return the check of a short id, and the seed of where it stands."""
    hashing = keyed(key, b"riblt place", CHECK_BYTES + 8).copy()
    hashing.update(short.to_bytes(SHORT_BYTES))
    made = hashing.digest()
    return int.from_bytes(made[:CHECK_BYTES]), int.from_bytes(made[CHECK_BYTES:]) | 1


def next_place(state: int, place: int) -> tuple[int, int]:
    """Return the generator's next state and the next symbol, after ``place``, that an id stands in.

    In whole numbers, so that every machine finds the same: q is 2^16 / sqrt(u) in 16 fractional bits, for u the upper
    half of the state, plus 1, over 2^32.
    """
    state = state * MULTIPLIER & MASK64
    q = isqrt((1 << 64) // ((state >> 32) + 1))
    return state, place + max(1, (place + 2) * (q - 65_536) + 65_535 >> 16)


class Coder:
    """The symbols of one set under one key. Cost: two hashes an id, and some 2 ln(symbols) steps."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.names: dict[int, bytes] = {}  # short id -> id
        self.cells: list[Cell] = []
        self._standing: list[list[int]] = []  # of each id: short and check, state, next place

    def extend(self, ids: Iterable[bytes]) -> None:
        """Add ids. Raises :class:`ValueError` once symbols have been made."""
        if self.cells:
            raise ValueError("the set is what it was when the first symbol was made")
        for id_ in ids:
            short = shorten(self.key, id_)
            if short in self.names:
                continue  # one in 2^64 of pairs; under the next key they differ
            self.names[short] = id_
            check, seed = derived(self.key, short)
            self._standing.append([short << CHECK_BITS | check, seed, 0])

    def grow(self, size: int) -> list[Cell]:
        """Return the first symbols as cells, at least ``size`` of them."""
        begin = len(self.cells)
        if size > begin:
            self.cells += [[0, 0] for _ in range(size - begin)]
            for standing in self._standing:
                put(self.cells, standing, size, 1)
        return self.cells

    def symbols(self, start: int, count: int) -> bytes:
        """Return the bytes of so many symbols from one on."""
        return b"".join(map(encoded, self.grow(start + count)[start : start + count]))

    def shorts(self, start: int, count: int) -> list[int]:
        """Return short ids of the whole set, in the order in which they were added."""
        return [standing[0] >> CHECK_BITS for standing in self._standing[start : start + count]]


def put(cells: list[Cell], standing: list[int], size: int, sign: int) -> None:
    """Add an id to (or take it off) the cells it stands in, from where it was left up to ``size``."""
    both, state, place = standing
    while place < size:
        cell = cells[place]
        cell[0] ^= both
        cell[1] += sign
        state = state * MULTIPLIER & MASK64  # as next_place, without the call: much of an exchange's time is spent here
        place += (place + 2) * (isqrt((1 << 64) // ((state >> 32) + 1)) - 65_536) + 65_535 >> 16 or 1
    standing[1:] = state, place


def encoded(cell: Cell) -> bytes:
    return (cell[0] << COUNT_BITS | cell[1] % COUNTS).to_bytes(SYMBOL_BYTES)


def read_symbols(data: bytes) -> list[Cell]:
    """Return the symbols in some bytes. Raises :class:`Malformed` (``exchange.layout``)."""
    if len(data) % SYMBOL_BYTES:
        raise Malformed("exchange.layout", f"a symbol has {SYMBOL_BYTES} bytes")
    parts = (int.from_bytes(data[at : at + SYMBOL_BYTES]) for at in range(0, len(data), SYMBOL_BYTES))
    return [[part >> COUNT_BITS, part & COUNTS - 1] for part in parts]


@dataclass(slots=True)
class Peeling:
    """What is left of somebody's symbols once our own are taken off, and what was laid bare so far.

    ``surplus`` is how many more ids they say to have than we. ``theirs`` and ``ours`` are the short ids that only one
    side has. ``estimate`` says about how many there are, before they are found, from the counts alone: an id of theirs
    adds 1 where it stands and one of ours takes 1 off, so a count departs from its mean as a random walk of as many
    steps as ids stand there.
    """

    mine: Coder
    surplus: int = 0
    theirs: list[int] = field(default_factory=list)
    ours: list[int] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    estimate: int = 0
    _found: list[tuple[list[int], int]] = field(default_factory=list)  # how an id stands, and its sign
    _known: set[int] = field(default_factory=set)

    @property
    def done(self) -> bool:
        """Whether everything was found: nothing is left in any symbol."""
        return bool(self.cells) and not any(cell[0] or cell[1] % COUNTS for cell in self.cells)

    @property
    def most(self) -> int:
        """How many symbols are worth taking; where more would be needed, somebody jams, and a full list is cheaper."""
        return min(3 * self.estimate + 64, limits.SYMBOLS_MAX)

    def add(self, symbols: bytes) -> None:
        """Take the next symbols and peel. Raises :class:`Malformed` (``exchange.layout``)."""
        begin = len(self.cells)
        new = read_symbols(symbols)
        size = begin + len(new)
        own = self.mine.grow(size)
        for (both, count), mine in zip(new, own[begin:size], strict=True):
            self.cells.append([both ^ mine[0], count - mine[1]])
        for standing, sign in self._found:
            put(self.cells, standing, size, -sign)
        self._peel(range(begin, size))
        self.estimate = len(self._found) + self._left()

    def _peel(self, new: Sequence[int]) -> None:
        waiting = list(new)
        size = len(self.cells)
        while waiting:
            both, count = self.cells[waiting.pop()]
            short, sign = both >> CHECK_BITS, SIGNS.get(count % COUNTS)
            if sign is None or short in self._known:
                continue
            right, seed = derived(self.mine.key, short)
            if right != both & (1 << CHECK_BITS) - 1 or (sign == -1) != (short in self.mine.names):
                continue  # a sum of several, or a lie: what is ours we know
            self._known.add(short)
            (self.theirs if sign == 1 else self.ours).append(short)
            standing = [both, seed, 0]
            waiting += places_of(seed, size)
            put(self.cells, standing, size, -sign)
            self._found.append((standing, sign))

    def _left(self) -> int:
        """Return about how many ids are left in the cells, by their counts; the first holds every id, and is apart."""
        surplus = self.surplus - len(self.theirs) + len(self.ours)
        total = 0.0
        for place in range(1, len(self.cells)):
            share = 4 / (2 * place + 5)
            mean = surplus * share
            near = round(mean)
            off = (self.cells[place][1] - near + COUNTS // 2) % COUNTS - COUNTS // 2 + near - mean
            total += off * off / (share * (1 - share))
        return max(abs(surplus), round(total / max(1, len(self.cells) - 1)))


def places_of(seed: int, size: int) -> list[int]:
    """Return where an id stands in the first so many symbols."""
    places, place = [], 0
    while place < size:
        places.append(place)
        seed, place = next_place(seed, place)
    return places
