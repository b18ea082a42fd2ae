"""The receiver: frames from anybody in, acts out, at a bounded cost. Specification: ``spec/frame.md`` section 8.

Whoever has a transmitter can send as much as the channel carries. So a frame passes, in this order, what costs nothing
(lengths, numbers, tags known already), a turn among the sources, one signature check; and only then does it touch
anything that is kept. What is kept of an unfinished object is charged to the key that signed for it: a thief of one
dispatch key fills that key's share and no other's.

A dispatch key cannot forge an act: what it can do is sign a false symbol, so that an object comes out wrong. Then the
object is tried again without the symbols of one key at a time, and from each key alone; whoever signed a symbol that
the object does not have is banned.

No clock, no threads: the time is an argument, in seconds, and only its differences count.
"""

import zlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from pourparler.core import limits
from pourparler.core.encoding import kid_of
from pourparler.core.errors import PourparlerError, Refused
from pourparler.dispatch.fountain import Decoder, Undecodable, symbols, symbols_needed
from pourparler.dispatch.frame import (
    BARE,
    PART,
    TAG_BYTES,
    TELEGRAM,
    FrameForm,
    Header,
    Part,
    Piece,
    parse_header,
    parse_part,
    parse_symbol,
    parse_telegram,
    verify_symbol,
)
from pourparler.dispatch.parcel import Batch, object_digest, read_object

SYMBOL_COST_BYTES = 320  # what Python needs to keep one symbol, beside its bytes
FRAME_COST_BYTES = 320  # and a waiting frame
SPARE_SYMBOLS = 8  # that one key may have kept of one object beyond k
SOURCES = 64  # sources are told apart by a checksum of their names
CHECKS_PER_SECOND = 4_000.0  # signatures and acts looked at, of all sources together
SHARE_OF_SOURCE = 0.95  # of these, at most, for one source
BURST_SECONDS = 1.0
DONE_SECONDS = 3_600.0  # after which an object that was whole may be received again
BARE_KEY = b""  # where the link itself says who sends


@dataclass(frozen=True, slots=True)
class Envelope:
    """An act came whole: its envelope. Nobody has verified its signatures."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """An evidence bundle came. Nobody has verified it."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Whole:
    """An object is whole: what a relay sends on, these very bytes. What it holds follows as the others."""

    data: bytes


Heard = Envelope | Part | Bundle | Whole

Ref = tuple[bytes, int, int]  # tag, length of the object, size of a symbol


@dataclass(slots=True)
class Bucket:
    """Checks that may be made now. They come with time, up to what a burst may use."""

    per_second: float
    left: float
    since: float | None = None

    def fill(self, now: float) -> None:
        if now == self.since:
            return
        if self.since is not None and now > self.since:
            self.left = min(self.per_second * BURST_SECONDS, self.left + (now - self.since) * self.per_second)
        self.since = now


@dataclass(slots=True)
class Waiting:
    """The frames of one source that wait for their check, in three lines: acts, objects that are coming, new ones."""

    bucket: Bucket
    slot: int
    lines: tuple[deque[tuple[bytes, Header]], ...] = field(default_factory=lambda: (deque(), deque(), deque()))
    turn: int = 0
    size: int = 0  # bytes, with what Python needs beside the frames

    def add(self, line: int, frame: bytes, header: Header) -> None:
        self.lines[line].append((frame, header))
        self.size += len(frame) + FRAME_COST_BYTES

    def next(self) -> tuple[bytes, Header]:
        """Return the next frame: the oldest of the line whose turn it is."""
        while not self.lines[self.turn]:
            self.turn = (self.turn + 1) % len(self.lines)
        frame, header = self.lines[self.turn].popleft()
        self.turn = (self.turn + 1) % len(self.lines)
        self.size -= len(frame) + FRAME_COST_BYTES
        return frame, header

    def drop_oldest(self) -> None:
        frame, _ = max(self.lines, key=len).popleft()
        self.size -= len(frame) + FRAME_COST_BYTES


Pile = dict[int, bytes]  # symbols of one object that one key has signed, by number
NOTHING: Pile = {}


def nothing_known(_form: FrameForm, _tag: bytes) -> bool:
    return False


class Receiver:
    """Frames in, acts out. ``keys`` gives the dispatch keys that count now, each with the party it sends for.

    ``known`` says of a telegram's or part's tag whether nothing is to be learnt from it any more. ``bare`` admits
    symbols without signature: only for a link that says itself who sends. ``refused`` counts reasons; ``banned`` holds
    the keys whose symbols were false, and ``tell_banned`` is called with each, so that somebody remembers it.
    """

    def __init__(
        self,
        keys: Callable[[], Mapping[bytes, bytes]],
        decoder: Decoder,
        *,
        known: Callable[[FrameForm, bytes], bool] = nothing_known,
        bare: bool = False,
        checks_per_second: float = CHECKS_PER_SECOND,
        tell_banned: Callable[[bytes], None] = lambda _key: None,
    ) -> None:
        self.tell_banned = tell_banned
        self.keys, self.decoder, self.known, self.bare = keys, decoder, known, bare
        self.refused: Counter[str] = Counter()
        self.banned: set[bytes] = set()
        self.bucket = Bucket(checks_per_second, checks_per_second * BURST_SECONDS)
        self.sources: dict[int, Waiting] = {}
        self.latest: tuple[str | None, Waiting] = (None, Waiting(Bucket(0.0, 0.0), 0))
        self.order: deque[int] = deque()  # sources whose frames wait, by turn
        self.waiting_bytes = 0
        self.trusted: dict[bytes, bytes] = {}
        self.by_hint: dict[int, list[bytes]] = {}
        self.piles: dict[bytes, OrderedDict[Ref, Pile]] = {}
        self.charged: Counter[bytes] = Counter()
        self.holders: dict[Ref, list[bytes]] = {}
        self.came: Counter[Ref] = Counter()  # symbols verified, kept or not
        self.try_at: dict[Ref, int] = {}  # after a wrong object, or none: how many have to come until the next try
        self.done: OrderedDict[bytes, float] = OrderedDict()  # tag -> when it was whole

    # Coming in.

    def hear(self, frame: bytes, now: float, source: str = "") -> list[Heard]:
        """Take one frame, and return what is whole now. Raises nothing for any bytes: what is refused is counted."""
        self.fill(now)
        try:
            header = parse_header(frame)
            line = self.line_of(header, now)
        except PourparlerError as error:
            self.refused[error.reason] += 1
            return self.work(now)
        if line is None:
            return self.work(now)
        waiting = self.source(source)
        if not self.order and self.bucket.left >= 1 and waiting.bucket.left >= 1:
            return self.check(frame, header, waiting, now)
        self.queue(waiting, line, frame, header)
        return self.work(now)

    def work(self, now: float) -> list[Heard]:
        """Check what waits, as far as time allows, and return whatever is whole now."""
        self.fill(now)
        found: list[Heard] = []
        idle = 0
        while self.order and self.bucket.left >= 1 and idle < len(self.order):
            slot = self.order.popleft()
            waiting = self.sources[slot]
            self.order.append(slot)
            waiting.bucket.fill(now)
            if waiting.bucket.left < 1:
                idle += 1
                continue
            idle = 0
            before = waiting.size
            frame, header = waiting.next()
            self.waiting_bytes += waiting.size - before
            if not waiting.size:
                self.order.pop()
            found += self.check(frame, header, waiting, now)
        return found

    def fill(self, now: float) -> None:
        self.bucket.fill(now)
        given = self.keys()
        if given != self.trusted:
            self.trust(dict(given))

    def trust(self, keys: dict[bytes, bytes]) -> None:
        """Take over which keys count. What one that no longer counts has signed is forgotten."""
        for key in self.piles.keys() - keys.keys():
            self.forget_key(key)
        self.trusted = keys
        self.banned &= keys.keys()
        self.sort_keys()

    def sort_keys(self) -> None:
        self.by_hint = {}
        for key in sorted(self.trusted.keys() - self.banned):
            self.by_hint.setdefault(kid_of(key)[0], []).append(key)

    def line_of(self, header: Header, now: float) -> int | None:
        """Return in which line a frame waits; None where nothing is to be learnt from it. Nothing is verified yet.

        Raises :class:`Refused` (``frame.bare``, ``frame.key``). A frame is passed over as known only for what was
        verified before: else one forged frame would keep the genuine one out.
        """
        if header.form is TELEGRAM or header.form is PART:
            return None if self.known(header.form, header.tag) else 0
        keys = self.signers(header)
        whole = self.done.get(header.tag)
        if whole is not None:
            if now - whole < DONE_SECONDS:
                return None
            del self.done[header.tag]
        ref = (header.tag, header.length, header.size)
        if ref not in self.holders:
            return 2
        for key in keys:
            if header.number not in self.pile(key, ref):
                return 1
        return None

    def signers(self, header: Header) -> list[bytes]:
        """Return the keys that may have signed a symbol. Raises :class:`Refused` where there is none."""
        if header.form is BARE:
            if not self.bare:
                raise Refused("frame.bare", "a symbol without signature, and the link does not say who sends")
            return [BARE_KEY]
        found = self.by_hint.get(header.hint)
        if found is None:
            raise Refused("frame.key", "no dispatch key that counts here has this hint")
        return found

    def source(self, name: str) -> Waiting:
        if name != self.latest[0]:
            slot = zlib.crc32(name.encode("utf-8", "replace")) % SOURCES
            if slot not in self.sources:
                rate = self.bucket.per_second * SHARE_OF_SOURCE
                self.sources[slot] = Waiting(Bucket(rate, rate * BURST_SECONDS), slot)
            self.latest = name, self.sources[slot]
        waiting = self.latest[1]
        waiting.bucket.fill(self.bucket.since or 0.0)
        return waiting

    def queue(self, waiting: Waiting, line: int, frame: bytes, header: Header) -> None:
        """Let a frame wait; where too much waits, the source that has most waiting loses its oldest."""
        if not waiting.size:
            self.order.append(waiting.slot)
        waiting.add(line, frame, header)
        self.waiting_bytes += len(frame) + FRAME_COST_BYTES
        while self.waiting_bytes > limits.RECEIVER_QUEUE_MAX_BYTES:
            slot = max(self.order, key=lambda slot: self.sources[slot].size)
            before = self.sources[slot].size
            self.sources[slot].drop_oldest()
            self.waiting_bytes += self.sources[slot].size - before
            self.refused["frame.flood"] += 1
            if not self.sources[slot].size:
                self.order.remove(slot)

    # One frame.

    def check(self, frame: bytes, header: Header, waiting: Waiting, now: float) -> list[Heard]:
        """Look at one frame for what it costs: one act parsed, or one signature verified."""
        self.bucket.left -= 1
        waiting.bucket.left -= 1
        try:
            if header.form is TELEGRAM:
                return [Envelope(parse_telegram(frame, header).envelope)]
            if header.form is PART:
                return [parse_part(frame, header)]
            key = self.signed_by(frame, header)
            return self.take(key, parse_symbol(frame, header).piece, now)
        except PourparlerError as error:
            self.refused[error.reason] += 1
            return []

    def signed_by(self, frame: bytes, header: Header) -> bytes:
        """Return the key that signed a symbol. Raises :class:`Refused` where none that counts did."""
        keys = self.signers(header)
        if header.form is BARE:
            return BARE_KEY
        for key in keys[:-1]:
            try:
                verify_symbol(frame, key, self.trusted[key])
            except Refused:
                continue
            return key
        verify_symbol(frame, keys[-1], self.trusted[keys[-1]])
        return keys[-1]

    def take(self, key: bytes, piece: Piece, now: float) -> list[Heard]:
        """Keep a verified symbol, and return what is whole by it."""
        ref = (piece.tag, piece.length, len(piece.data))
        if piece.tag in self.done:
            return []
        pile = self.pile(key, ref)
        if piece.number in pile:
            return []
        if len(pile) < symbols_needed(piece.length, len(piece.data)) + SPARE_SYMBOLS:
            self.keep(key, ref, piece)
        self.came[ref] += 1
        return self.settle([ref], [], now)

    # What is kept.

    def pile(self, key: bytes, ref: Ref) -> Pile:
        """Return what a key has signed of an object, not to be changed."""
        piles = self.piles.get(key)
        return piles.get(ref, NOTHING) if piles else NOTHING

    def keep(self, key: bytes, ref: Ref, piece: Piece) -> None:
        piles = self.piles.setdefault(key, OrderedDict())
        if ref not in piles:
            piles[ref] = {}
            self.holders.setdefault(ref, []).append(key)
        piles.move_to_end(ref)
        piles[ref][piece.number] = piece.data
        self.charged[key] += len(piece.data) + SYMBOL_COST_BYTES
        self.make_room(key, ref)

    def make_room(self, key: bytes, ref: Ref) -> None:
        """Forget the oldest unfinished objects of a key past its share; past all shares, of the key that has most."""
        piles = self.piles[key]
        while len(piles) > 1 and (
            self.charged[key] > limits.RECEIVER_KEY_MAX_BYTES or len(piles) > limits.RECEIVER_KEY_OBJECTS_MAX
        ):
            self.forget(key, next(iter(piles)))
        while self.kept_bytes > limits.RECEIVER_SYMBOLS_MAX_BYTES:
            largest = max(self.charged, key=lambda other: (self.charged[other], other))
            oldest = next((old for old in self.piles[largest] if (largest, old) != (key, ref)), None)
            if oldest is None:
                return
            self.forget(largest, oldest)

    @property
    def kept_bytes(self) -> int:
        """What unfinished objects take, with what Python needs beside them."""
        return self.charged.total()

    def forget(self, key: bytes, ref: Ref) -> None:
        """Forget what a key has signed of an object."""
        pile = self.piles[key].pop(ref)
        self.charged[key] -= sum(len(data) + SYMBOL_COST_BYTES for data in pile.values())
        if not self.piles[key]:
            del self.piles[key], self.charged[key]
        self.holders[ref].remove(key)
        if not self.holders[ref]:
            del self.holders[ref], self.came[ref]
            self.try_at.pop(ref, None)

    def forget_key(self, key: bytes) -> None:
        for ref in list(self.piles.get(key, ())):
            self.forget(key, ref)

    # Whole objects.

    def settle(self, refs: list[Ref], liars: list[bytes], now: float) -> list[Heard]:
        """Return what is whole of these objects. Ban who signed what he must not, and look again at what he touched."""
        found: list[Heard] = []
        while refs or liars:
            if liars:
                refs += self.ban(liars.pop())
                continue
            ref = refs.pop()
            if ref in self.holders:
                data, liars = self.decoded(ref)
                found += self.whole(data, ref, now) if data is not None else []
        return found

    def ban(self, key: bytes) -> list[Ref]:
        """Take nothing of a key any more, and return the objects to which others have signed symbols as well."""
        refs = list(self.piles.get(key, ()))
        self.forget_key(key)
        if key != BARE_KEY:
            self.banned.add(key)
            self.sort_keys()
        self.refused["frame.banned"] += 1
        for ref in refs:
            self.try_at.pop(ref, None)
        if key != BARE_KEY:
            self.tell_banned(key)
        return [ref for ref in refs if ref in self.holders]

    def decoded(self, ref: Ref) -> tuple[bytes | None, list[bytes]]:
        """Return an object once enough symbols are here, and the keys found to have signed false ones."""
        keys = self.holders[ref]
        needed = symbols_needed(ref[1], ref[2])
        if self.came[ref] < max(needed, self.try_at.get(ref, 0)):
            return None, []
        later = self.came[ref] + 1 + needed // 8
        try:
            data = self.tried(ref, keys, needed)
            if data is None:
                return None, []
            if self.is_object(data, ref):
                return data, self.liars(ref, keys, data) if ref in self.try_at else []
            self.refused["object.digest"] += 1
            self.try_at[ref] = later
            return self.sorted_out(ref, keys, needed)
        except Undecodable:  # nothing about the symbols: a process died
            self.refused["frame.undecodable"] += 1
            self.try_at[ref] = later
            return None, []

    def tried(self, ref: Ref, keys: list[bytes], needed: int) -> bytes | None:
        """Return what these keys' symbols give, right or wrong; None where they are too few."""
        found = self.together(ref, keys)
        return self.decoder.decode(ref[1], ref[2], found) if len(found) >= needed else None

    def sorted_out(self, ref: Ref, keys: list[bytes], needed: int) -> tuple[bytes | None, list[bytes]]:
        """Try an object without each key's symbols in turn, then with each key's alone. Who signed a symbol that the
        right object does not have is a liar; so is a key from whose symbols alone a wrong one comes."""
        without = [[key for key in keys if key != out] for out in keys] if len(keys) > 2 else []
        alone = []
        for way in [*without, *([key] for key in keys)]:
            data = self.tried(ref, way, needed)
            if data is not None and self.is_object(data, ref):
                return data, self.liars(ref, keys, data)
            if data is not None and len(way) == 1:
                alone += way
        return None, alone

    def together(self, ref: Ref, keys: list[bytes]) -> Pile:
        """Return the symbols that these keys have signed of an object, by number."""
        return dict(chain.from_iterable(self.piles[key][ref].items() for key in reversed(keys)))

    def is_object(self, data: bytes, ref: Ref) -> bool:
        return len(data) == ref[1] and object_digest(data)[:TAG_BYTES] == ref[0]

    def liars(self, ref: Ref, keys: list[bytes], data: bytes) -> list[bytes]:
        """Return the keys that have signed symbols which the object does not have."""
        piles = {key: self.pile(key, ref) for key in keys}
        return [key for key, pile in piles.items() if symbols(data, ref[2], list(pile)) != list(pile.values())]

    def whole(self, data: bytes, ref: Ref, now: float) -> list[Heard]:
        """Return what a whole object holds, and forget its symbols, of whatever size."""
        for other in [known for known in self.holders if known[0] == ref[0]]:
            for key in list(self.holders[other]):
                self.forget(key, other)
        self.done[ref[0]] = now
        if len(self.done) > limits.RECEIVER_DONE_MAX:
            self.done.popitem(last=False)
        try:
            found = read_object(data)
        except PourparlerError as error:
            self.refused[error.reason] += 1
            return []
        if isinstance(found, Batch):
            return [Whole(data), *map(Envelope, found.envelopes)]
        return [Whole(data), Bundle(found.data)]
