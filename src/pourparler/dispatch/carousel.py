"""The carousel: what goes out next on a channel that nobody answers on. Specification: ``spec/frame.md`` section 9.

A sender on a lossy one-way channel never knows who has heard. So nothing is ever "sent": each thing goes round, often
while it is new, rarely later, until it is superseded. Of every sixteen frames one is the newest beacon, at a place that
a jammer cannot foretell, and two are for what has gone out often enough; of the rest the newest urgent order has half.

An act that fits into one frame goes as a telegram. Others are gathered into one object, whose symbols make up for any
loss together. How often is enough follows from the loss that is assumed (:func:`frames_for`).

A symbol is never repeated before all others were sent, also after a restart: positions are taken from
:class:`Counters`, which are durable. What is enough begins anew with each start: who listens now need not have listened
then. Each relay begins at a place of its own, so that what two of them send adds up.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, lgamma, log, log1p
from typing import Protocol

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.encoding import decode, digest
from pourparler.core.errors import Malformed, Refused
from pourparler.dispatch.fountain import ANY_OF, numbers, symbol_size, symbols, symbols_needed
from pourparler.dispatch.frame import (
    HEADER_BYTES,
    PART_BYTES,
    TAG_BYTES,
    Piece,
    id_of_part,
    part_frame,
    symbol_frame,
    symbol_room,
    telegram,
)
from pourparler.dispatch.parcel import Batch, batch, object_digest, read_object
from pourparler.ports import Signer

# What an organ or member says in haste. The kind stands in the signed payload: no relay can change it.
URGENT_KINDS = frozenset(
    {
        "suspend",
        "dismiss",
        "urgent-dismiss",
        "urgent-grant",
        "revoke",
        "withdraw-certificate",
        "denounce",
        "recover",
    }
)
WINDOW = 16  # frames, of which one is a beacon
BACKGROUND = 2  # of a window, for what has gone out often enough
GATHERED_ACTS = 10
GATHERED_BYTES = 2_500
GATHERED_MOST_BYTES = 128 * 1024
LIST_BYTES = 8  # what an envelope needs in a list, at most
GATHER_SECONDS = 60.0  # how long an act that fits no frame waits for company
ASSUMED_LOSS = 0.5
RECEIVERS_SERVED = 0.999
STRIPES = 16
AHEAD = 64  # symbols made, and positions taken, at once
AHEAD_SMALL = 8  # of an object of at most 4 symbols
AGES = ((3_600.0, 4.0), (86_400.0, 2.0))  # younger than so many seconds: so many turns; older: one


class Counters(Protocol):
    """Positions of symbols, given out once and never again. May be shared by the carousels of one machine."""

    def take(self, name: bytes, count: int) -> int:
        """Return the first of ``count`` positions that were never given out for this name; durable on return.

        Raises :class:`OSError` where that cannot be kept.
        """


class MemoryCounters:
    """Positions that a restart forgets: for simulations and tests."""

    def __init__(self) -> None:
        self.next: dict[bytes, int] = {}

    def take(self, name: bytes, count: int) -> int:
        """See :class:`Counters`."""
        first = self.next.get(name, 0)
        self.next[name] = first + count
        return first


# --- how often is enough ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def frames_for(needed: int, loss: float, served: float = RECEIVERS_SERVED) -> int:
    """Return how many frames to send so that this share of receivers, each losing this share of frames independently,
    has ``needed`` of them: a quantile of the negative binomial distribution."""
    if loss <= 0:
        return needed
    low, high = needed, needed
    while reached(high, needed, loss) < served:
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle, needed, loss) >= served else (middle + 1, high)
    return low


def reached(sent: int, needed: int, loss: float) -> float:
    """Return the share of receivers that have at least ``needed`` of ``sent`` frames."""
    whole, took, lost = lgamma(sent + 1), log1p(-loss), log(loss)
    missing = sum(
        exp(whole - lgamma(got + 1) - lgamma(sent - got + 1) + got * took + (sent - got) * lost)
        for got in range(min(needed, sent + 1))
    )
    return 1.0 - missing


# --- which symbols ----------------------------------------------------------------------------------------------------


def stripe_of(relay: bytes, tag: bytes) -> int:
    """Return where among the numbers of an object a relay begins: one of sixteen places, by its key and the object."""
    return digest("stripe", tag, relay)[0] % STRIPES


def number_at(position: int, needed: int, stripe: int) -> int:
    """Return the number of the symbol that a relay sends at a position: each number once before any comes again.

    An object of at most 4 symbols begins with numbers of which any ``needed`` decode.
    """
    total = numbers(needed)
    position %= total
    chosen = ANY_OF.get(needed, ())
    if position < len(chosen):
        return chosen[(position + stripe * len(chosen) // STRIPES) % len(chosen)]
    others = others_of(needed)
    return others[(position - len(chosen) + stripe * len(others) // STRIPES) % len(others)]


@lru_cache(maxsize=8)
def others_of(needed: int) -> "range | list[int]":
    chosen = frozenset(ANY_OF.get(needed, ()))
    return [n for n in range(numbers(needed)) if n not in chosen] if chosen else range(numbers(needed))


# --- what goes round --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Item:
    """Something that goes round: frames as they are, or an object whose symbols are made as they are needed."""

    name: bytes
    act_ids: set[bytes]  # not yet superseded
    urgent: bool
    put_at: float
    enough: int  # frames after which it goes on slowly
    frames: list[bytes] = field(default_factory=list)
    data: bytes = b""
    symbol_bytes: int = 0
    ready: list[Piece] = field(default_factory=list)  # made and not yet sent, the next one last
    sent: int = 0
    passed: float = 0.0  # turns taken, by weight: who has least is next
    decided: bool = False  # what is urgent in it was decided in full, and not by one key
    after: bytes = b""  # what has to have gone out often enough before this begins

    @property
    def cost(self) -> int:
        return sum(map(len, self.frames)) + len(self.data) + AHEAD * self.symbol_bytes

    @property
    def done(self) -> bool:
        """Whether it has gone out often enough."""
        return self.sent >= self.enough

    @property
    def rank(self) -> int:
        """Who gives way where there is no room: the lowest."""
        return self.urgent + (self.urgent and self.decided)

    def weight(self, now: float) -> float:
        return next((weight for age, weight in AGES if now - self.put_at < age), 1.0) * (2.0 if self.urgent else 1.0)


class Carousel:
    """What a node sends on one channel. ``seed`` is 16 bytes that no jammer knows, new at each start: where the beacons
    stand.

    Without a signer symbols are bare. ``constant`` leaves no turn silent, so that whoever counts frames does not see
    when an order goes out. All times are in seconds; only their differences count.
    """

    def __init__(
        self,
        party: bytes,
        signer: Signer | None,
        frame_bytes: int,
        counters: Counters,
        seed: bytes,
        *,
        assumed_loss: float = ASSUMED_LOSS,
        constant: bool = False,
    ) -> None:
        self.party, self.signer, self.frame_bytes, self.counters, self.seed = party, signer, frame_bytes, counters, seed
        self.assumed_loss, self.constant = assumed_loss, constant
        self.room = symbol_room(frame_bytes, bare=signer is None)
        self.relay = signer.public_key if signer else b""
        self.items: dict[bytes, Item] = {}
        self.alone: OrderedDict[bytes, bytes] = OrderedDict()  # act id -> envelope: telegrams that may be gathered
        self.waiting: OrderedDict[bytes, tuple[bytes, float]] = OrderedDict()  # too long for a frame, with its time
        self.beacons: OrderedDict[bytes, Act] = OrderedDict()  # by party
        self.carried: set[bytes] = set()
        self.cost = 0
        self.slot = 0
        self.places: list[int] = []  # in the window: the beacon's, then those for what has gone out often enough
        self.turn = False

    # Putting in.

    def put(self, envelope: bytes, now: float) -> None:
        """Let an act go round; one that goes round already changes nothing. Of a party's beacons the newest does.

        Raises :class:`Malformed` as an act does, and :class:`Refused` (``frame.carousel-full``).
        """
        act = parse_act(envelope)
        if act.kind == "beacon":
            self.put_beacon(act)
            return
        if act.id in self.carried:
            return
        self.drop(parts_name(act.id))
        if act.kind in URGENT_KINDS:
            whole = self.item_of(act, envelope, now, urgent=True)
            self.add(whole)
            if whole.data and self.signer is not None:
                self.put_parts_after(whole, act, now)
        elif self.fits(envelope):
            self.add(self.item_of(act, envelope, now, urgent=False))
            self.alone[act.id] = envelope
            self.gather(now)
        else:
            self.make_room(len(envelope))
            symbol_size(len(envelope) + LIST_BYTES, self.room)
            self.waiting[act.id] = envelope, now
            self.cost += len(envelope)
            self.carried.add(act.id)
            self.gather(now)

    def put_beacon(self, act: Act) -> None:
        if not self.fits(act.envelope.encoded()):
            raise Malformed("frame.size", "a beacon that fits no frame of this channel")
        known = self.beacons.get(act["party"])
        if known is None or act["serial"] > known["serial"]:
            self.beacons[act["party"]] = act

    def put_part(self, payload: bytes, kid: bytes, signature: bytes, now: float) -> None:
        """Let one member's signature of an organ's act go round, until the whole act does.

        Raises :class:`Malformed`; ``frame.size`` where it fits no frame of this channel.
        """
        act_id = id_of_part(payload, kid, signature)
        frame = part_frame(payload, kid, signature, act_id)
        if len(frame) > self.frame_bytes:
            raise Malformed("frame.size", f"a part of {len(frame)} bytes; {self.frame_bytes} on this channel")
        if act_id in self.carried:
            return
        known = self.items.get(parts_name(act_id))
        if known is None:
            urgent = decode(payload)["kind"] in URGENT_KINDS
            known = Item(parts_name(act_id), {act_id}, urgent, now, enough=0, decided=True)
            self.add(known)
            self.carried.discard(act_id)  # the whole act is still wanted
        if frame not in known.frames:
            self.make_room(len(frame), known)
            known.frames.append(frame)
            known.enough = len(known.frames) * frames_for(1, self.assumed_loss)
            self.cost += len(frame)

    def put_parts_after(self, whole: Item, act: Act, now: float) -> None:
        """Let each signature of an urgent decision go round by itself, once its symbols have gone out often enough: who
        does not know the dispatch key yet hears these. Where a part fits no frame, or there is no room, none does."""
        payload = act.envelope.payload
        signed = [(one.kid, one.value) for one in act.envelope.signatures]
        if act.issuer is not Issuer.ORGAN or HEADER_BYTES + len(payload) + PART_BYTES > self.frame_bytes:
            return
        frames = [part_frame(payload, kid, signature, act.id) for kid, signature in signed]
        enough, name = len(frames) * frames_for(1, self.assumed_loss), parts_name(act.id)
        with suppress(Refused):
            self.add(Item(name, {act.id}, True, now, enough, frames, decided=True, after=whole.name))

    def put_object(self, data: bytes, now: float) -> None:
        """Send an object on, these very bytes: what a relay does with one that it has got whole.

        Raises :class:`Malformed`, :class:`Refused` (``frame.carousel-full``).
        """
        found = read_object(data)
        ids = set(found.act_ids) if isinstance(found, Batch) else {object_digest(data)}
        acts = map(parse_act, found.envelopes) if isinstance(found, Batch) else ()
        urgent = [act for act in acts if act.kind in URGENT_KINDS]
        self.put_symbols(data, ids, now, urgent=bool(urgent), decided=any(map(is_decided, urgent)))

    def put_symbols(
        self, data: bytes, act_ids: Iterable[bytes], now: float, *, urgent: bool, decided: bool = False
    ) -> None:
        name = object_digest(data)
        if name in self.items:
            return
        size = symbol_size(len(data), self.room)
        needed = symbols_needed(len(data), size)
        enough = frames_for(needed + (needed not in ANY_OF), self.assumed_loss)
        self.add(Item(name, set(act_ids), urgent, now, enough, data=data, symbol_bytes=size, decided=decided))

    def item_of(self, act: Act, envelope: bytes, now: float, *, urgent: bool) -> Item:
        """Return an act as a telegram, or where it fits none as an object of its own."""
        if self.fits(envelope):
            frame, enough = telegram(envelope, act.id), frames_for(1, self.assumed_loss)
            return Item(act.id, {act.id}, urgent, now, enough, [frame], decided=is_decided(act))
        data = batch([envelope])
        size = symbol_size(len(data), self.room)
        needed = symbols_needed(len(data), size)
        enough = frames_for(needed + (needed not in ANY_OF), self.assumed_loss)
        name, decided = object_digest(data), is_decided(act)
        return Item(name, {act.id}, urgent, now, enough, data=data, symbol_bytes=size, decided=decided)

    def fits(self, envelope: bytes) -> bool:
        return HEADER_BYTES + len(envelope) <= self.frame_bytes

    def add(self, item: Item) -> None:
        self.make_room(item.cost, item)
        item.passed = min((other.passed for other in self.items.values()), default=0.0)
        self.items[item.name] = item
        self.carried |= item.act_ids
        self.cost += item.cost

    def make_room(self, cost: int, item: Item | None = None) -> None:
        """Let what is least needed go until there is room for an item, or for so many bytes more of one. Raises
        :class:`Refused` where nothing may give way to it."""
        more = item is not None and item.name not in self.items
        rank = item.rank if item else 0
        while len(self.items) + more > limits.CAROUSEL_ITEMS_MAX or self.cost + cost > limits.CAROUSEL_MAX_BYTES:
            yields = [
                one
                for one in self.items.values()
                if one is not item and (one.rank < rank or (one.rank == rank and one.done))
            ]
            if not yields:
                raise Refused("frame.carousel-full", "as much goes round as may; let superseded acts go first")
            self.give_up(min(yields, key=lambda one: (one.rank, not one.done, one.put_at)))

    def give_up(self, item: Item) -> None:
        """Let something go; its acts may come again."""
        self.drop(item.name)
        gone = {act_id for act_id in item.act_ids if not any(act_id in one.act_ids for one in self.items.values())}
        self.carried -= gone
        for act_id in gone:
            self.alone.pop(act_id, None)

    def gather(self, now: float) -> None:
        """Make one object of acts that have no object yet, once there are enough of them or one has waited long.

        Where the carousel is full they go on as they are.
        """
        acts = {**self.alone, **{act_id: envelope for act_id, (envelope, _) in self.waiting.items()}}
        long = any(now - since >= GATHER_SECONDS for _, since in self.waiting.values())
        if not (long or len(acts) >= GATHERED_ACTS or sum(map(len, acts.values())) >= GATHERED_BYTES):
            return
        chosen = dict(self.at_most(acts))
        heads = [act.envelope.encoded() for act in self.beacons.values()]  # so that whoever gets it knows the head
        with suppress(Refused):
            self.put_symbols(batch([*chosen.values(), *heads]), chosen, now, urgent=False)
            for act_id in chosen:
                self.alone.pop(act_id, None)
                self.drop(act_id)
                self.stop_waiting(act_id)

    def at_most(self, acts: Mapping[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield acts as far as they fit into one object, the first in any case."""
        left = min(GATHERED_MOST_BYTES, self.room * limits.OBJECT_SYMBOLS_MAX)
        for number, (act_id, envelope) in enumerate(acts.items()):
            left -= len(envelope) + LIST_BYTES
            if number and left < 0:
                return
            yield act_id, envelope

    def stop_waiting(self, act_id: bytes) -> None:
        envelope, _ = self.waiting.pop(act_id, (b"", 0.0))
        self.cost -= len(envelope)

    # Taking out.

    def retire(self, act_ids: Iterable[bytes]) -> None:
        """Let superseded acts go. An object goes once none of its acts is wanted any more."""
        gone = set(act_ids)
        for item in [item for item in self.items.values() if item.act_ids & gone]:
            item.act_ids -= gone
            if not item.act_ids:
                self.drop(item.name)
        for act_id in gone:
            self.alone.pop(act_id, None)
            self.stop_waiting(act_id)
            self.carried.discard(act_id)

    def drop(self, name: bytes) -> None:
        item = self.items.pop(name, None)
        if item is not None:
            self.cost -= item.cost

    # Sending.

    def next_frame(self, now: float) -> bytes | None:
        """Return the next frame, or None where this turn stays silent. Raises :class:`OSError` (signer, counters)."""
        place, self.slot = self.slot % WINDOW, self.slot + 1
        if place == 0:
            self.places = list(places(self.seed, self.slot // WINDOW))
        if self.waiting:
            self.gather(now)
        if place == self.places[0] and self.beacons:
            return self.next_beacon()
        slow = place in self.places[1:]
        item = (self.least(done=True, now=now) if slow else None) or self.fresh(now)
        if item is None and self.constant:
            item = self.least(done=True, now=now)
            if item is None and self.beacons:
                return self.next_beacon()
        return self.frame_of(item) if item else None

    def next_beacon(self) -> bytes:
        party, act = self.beacons.popitem(last=False)
        self.beacons[party] = act
        return telegram(act.envelope.encoded(), act.id)

    def fresh(self, now: float) -> Item | None:
        """Return what is next of what has not gone out often enough: every second time the newest urgent order."""
        self.turn = not self.turn
        urgent = [item for item in self.items.values() if item.urgent and not item.done and self.has_begun(item)]
        newest = max(urgent, key=lambda item: item.put_at, default=None)
        if newest is not None and self.turn:
            newest.passed += 1 / newest.weight(now)
            return newest
        return self.least(done=False, now=now, but=newest) or newest

    def least(self, *, done: bool, now: float, but: Item | None = None) -> Item | None:
        """Return who has had the fewest turns for its weight, and count this one."""
        open_ = (item for item in self.items.values() if item.done == done and item is not but and self.has_begun(item))
        found = min(open_, key=lambda item: item.passed, default=None)
        if found is not None:
            found.passed += 1 / found.weight(now)
        return found

    def has_begun(self, item: Item) -> bool:
        """Return whether it is an item's turn at all."""
        first = self.items.get(item.after)
        return first is None or first.done

    def frame_of(self, item: Item) -> bytes:
        if item.data and not item.ready:
            self.make_ready(item)
        item.sent += 1
        if item.frames:
            return item.frames[(item.sent - 1) % len(item.frames)]
        return symbol_frame(item.ready.pop(), self.party, self.signer)

    def make_ready(self, item: Item) -> None:
        """Make the next symbols of an object. Their positions are taken before any of them goes out."""
        needed = symbols_needed(len(item.data), item.symbol_bytes)
        count = AHEAD_SMALL if needed in ANY_OF else AHEAD
        tag = item.name[:TAG_BYTES]
        first = self.counters.take(tag + item.symbol_bytes.to_bytes(2, "big"), count)
        if first + count > len(ANY_OF.get(needed, ())):  # from here on it takes one more, whatever was sent before
            item.enough = max(item.enough, frames_for(needed + 1, self.assumed_loss))
        stripe = stripe_of(self.relay, tag)
        chosen = [number_at(position, needed, stripe) for position in range(first, first + count)]
        made = symbols(item.data, item.symbol_bytes, chosen)
        item.ready = [Piece(tag, len(item.data), n, symbol) for n, symbol in zip(chosen, made, strict=True)][::-1]


def is_decided(act: Act) -> bool:
    """Return whether an act asks for more than one key of one holder, member or certifier."""
    return act.issuer in (Issuer.ORGAN, Issuer.URGENT, Issuer.RECOVERY)


def parts_name(act_id: bytes) -> bytes:
    return b"parts " + act_id


def places(seed: bytes, window: int) -> Iterator[int]:
    """Yield three different places in a window: the beacon's first. Nobody without the seed can foretell them."""
    free = list(range(WINDOW))
    for byte in digest("beacon places", seed, window)[: 1 + BACKGROUND]:
        yield free.pop(byte % len(free))
