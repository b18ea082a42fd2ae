"""Radio: what goes over the air beside what must, and what a flood of forged frames costs.

The baselines are limits. An ideal code needs k symbols and no more; a channel that loses the share p of what is sent
delivers at most 1 - p of it. How many symbols it takes is found with the real decoder, on symbols that the carousel
would send, lost by chance; the figures of quantiles then follow exactly, since which symbols are lost is a binomial
matter. Chance is seeded: the same figures on every machine, but for the lines about time.
"""

import random
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from time import process_time

import nacl.bindings
import nacl.exceptions

from bench.material import NotDone
from bench.measure import TIMES, Effort, Result, Tell, alternate, at_least, at_most, ratio
from bench.plot import Curve, plot
from pourparler.core import limits
from pourparler.core.encoding import SIGNATURE_BYTES
from pourparler.dispatch import fountain
from pourparler.dispatch.carousel import frames_for, number_at, reached
from pourparler.dispatch.fountain import InProcess, Worker, decode_here, symbol_size, symbols, symbols_needed
from pourparler.dispatch.frame import (
    HEADER_BYTES,
    LORA_FRAME_BYTES,
    SIGNED,
    UDP_FRAME_BYTES,
    Piece,
    symbol_frame,
    symbol_room,
)
from pourparler.dispatch.parcel import batch, object_digest
from pourparler.dispatch.receiver import Receiver, Whole
from pourparler.service.drafting import draft
from pourparler.testing.keys import Key

LOSSES = (0.1, 0.3, 0.5, 0.7, 0.9)
SERVED = 0.999
PARTY = bytes(32)
RELAY = Key.from_name("radio relay")
CHANNELS = {"LoRa": LORA_FRAME_BYTES, "UDP": UDP_FRAME_BYTES}
FORGED = 10  # frames for each genuine one
FLOOD_SHARE = 0.8  # of the rate at which signatures can be verified
DRAWN_FOR_PICTURES = 500
PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"


@dataclass(frozen=True)
class Cell:
    """An object of so many bytes over a channel."""

    length: int
    channel: str
    bare: bool = False

    @property
    def frame_bytes(self) -> int:
        return HEADER_BYTES + self.size + (0 if self.bare else SIGNATURE_BYTES)

    @property
    def size(self) -> int:
        return symbol_size(self.length, symbol_room(CHANNELS[self.channel], bare=self.bare))

    @property
    def needed(self) -> int:
        return symbols_needed(self.length, self.size)

    def __str__(self) -> str:
        return f"{self.length:,} B over {self.channel}{', bare' if self.bare else ''} (k = {self.needed})"


def run(effort: Effort, tell: Tell) -> list[Result]:
    check_guard()
    results = [*reception(effort, tell), *air(effort, tell), *flooded(effort, tell), *gain(effort, tell)]
    results += junk(effort, tell)
    if effort.rounds > 2:
        pictures()
    return results


def check_guard() -> None:
    """Raise :class:`NotDone` unless a symbol with one wrong bit gives another object: the decoder is the real one."""
    data = thing(2_000)
    made = dict(enumerate(symbols(data, 200, range(10))))
    made[3] = bytes([made[3][0] ^ 1]) + made[3][1:]
    if decode_here(len(data), 200, made) in (data, None):
        raise NotDone("a wrong symbol gave the right object")


def thing(length: int) -> bytes:
    return random.Random(f"radio {length}").randbytes(length)


# --- symbols that it takes --------------------------------------------------------------------------------------------

SMALL = [Cell(300, "LoRa"), Cell(420, "LoRa"), Cell(600, "LoRa"), Cell(2_500, "UDP")]
MIDDLE = [Cell(2_500, "LoRa"), Cell(20_000, "LoRa"), Cell(20_000, "UDP"), Cell(200_000, "UDP")]
LARGE = [Cell(200_000, "LoRa")]


def trials(cell: Cell, effort: Effort) -> int:
    """Return how many receivers are drawn: by the work that one is, within the time that the bench has."""
    work = 1_000_000 if effort.rounds > 15 else 80_000 if effort.rounds > 2 else 10_000
    return max(20, min(20_000, work // (cell.needed + 30)))


@lru_cache(maxsize=64)
def extra(cell: Cell, receivers: int) -> tuple[int, ...]:
    """Return how many receivers needed k, k + 1, … symbols, with the real decoder, on what a relay would send."""
    data, needed, size = thing(cell.length), cell.needed, cell.size
    chance = random.Random(f"receivers {cell}")
    found: dict[int, int] = {}
    for at in range(receivers):
        loss, stripe = LOSSES[at % len(LOSSES)], at % 16
        came = received(needed, loss, stripe, chance)
        chosen = [next(came) for _ in range(needed)]
        more = 0
        while decode_here(len(data), size, dict(zip(chosen, made(cell, chosen), strict=True))) != data:
            chosen.append(next(came))
            more += 1
        found[more] = found.get(more, 0) + 1
    return tuple(found.get(more, 0) for more in range(max(found) + 1))


def received(needed: int, loss: float, stripe: int, chance: random.Random) -> Iterator[int]:
    """Yield the numbers that a receiver gets of those that a relay sends."""
    return (number_at(position, needed, stripe) for position in count() if chance.random() >= loss)


def made(cell: Cell, numbers: Sequence[int]) -> list[bytes]:
    table = every_symbol(cell)
    return [table[number] for number in numbers]


@lru_cache(maxsize=2)
def every_symbol(cell: Cell) -> list[bytes]:
    return fountain.encode(thing(cell.length), cell.size, 0, fountain.numbers(cell.needed))


def mean_extra(found: Sequence[int]) -> float:
    return sum(more * times for more, times in enumerate(found)) / sum(found)


def decoded_share(found: Sequence[int]) -> list[float]:
    """Return which share of receivers has the object with k, k + 1, … symbols; the last is 1."""
    return [sum(found[: more + 1]) / sum(found) for more in range(len(found))]


def served(sent: int, cell: Cell, loss: float, shares: Sequence[float]) -> float:
    """Return the share of receivers that have the object after so many frames."""
    by_count = [reached(sent, cell.needed + more, loss) for more in range(len(shares) + 1)]
    exactly = [by_count[more] - by_count[more + 1] for more in range(len(shares))]
    return by_count[len(shares)] + sum(share * part for share, part in zip(shares, exactly, strict=True))


def frames_of(cell: Cell, loss: float, effort: Effort) -> int:
    """Return after how many frames 99.9% of the receivers have the object."""
    return sent_until(cell, loss, decoded_share(extra(cell, trials(cell, effort))))


def sent_until(cell: Cell, loss: float, shares: Sequence[float]) -> int:
    sent = frames_for(cell.needed, loss, SERVED)
    while served(sent, cell, loss, shares) < SERVED:
        sent += 1
    return sent


def reception(effort: Effort, tell: Tell) -> list[Result]:
    """G1 and G2."""
    cells = [*SMALL, *MIDDLE, *LARGE]
    overheads = []
    for cell in cells:
        tell(f"receivers of {cell}")
        overheads.append((1 + mean_extra(extra(cell, trials(cell, effort))) / cell.needed, cell))
    worst, where = max(overheads, key=lambda row: row[0])
    drawn = sum(trials(cell, effort) for cell in cells)
    soon = sum(sum(extra(cell, trials(cell, effort))[:3]) for cell in cells) / drawn
    note = f"the worst of {len(cells)} sizes: {where}; {drawn:,} receivers"
    results = [
        Result("symbols to decode", worst, TIMES, "k, an ideal code", at_most(1.01), note=note),
        Result("  receivers with k + 2 at most", soon, "of receivers", "all", at_least(0.9999), note="of all sizes"),
    ]
    ratios = []
    for cell in (*MIDDLE, *LARGE):
        for loss in LOSSES:
            tell(f"the 99.9% receiver of {cell}")
            ratios.append((frames_of(cell, loss, effort) / frames_for(cell.needed, loss, SERVED), cell, loss))
    worst, where, loss = max(ratios, key=lambda row: row[0])
    note = f"the worst of {len(ratios)}: {where} at a loss of {loss:.0%}; losses from 10% to 90%"
    name = "frames until 99.9% of receivers have an object"
    return [*results, Result(name, worst, TIMES, "an ideal code", at_most(1.03), note=note)]


def air(effort: Effort, tell: Tell) -> list[Result]:
    """G3: mean bytes on the air over the erasure limit, which is length / (1 - p). The mean number of frames until m
    have come is m / (1 - p) whatever the code, so that the loss leaves the ratio."""
    results = []
    for channel, goal, lengths in (("LoRa", 1.12, (6_000, 20_000, 200_000)), ("UDP", 1.03, (20_000, 200_000))):
        tell(f"bytes over {channel}")
        cells = [Cell(length, channel, bare=True) for length in lengths]
        worst, cell = max((over_limit(cell, extra(cell, trials(cell, effort))), str(cell)) for cell in cells)
        note = f"the worst of {len(cells)} sizes: {cell}; header included, beacons (one frame in sixteen) not"
        name = f"bytes on the air, {channel} frames, bare"
        results.append(Result(name, worst, TIMES, "the erasure limit", at_most(goal), note=note))
    return results


def over_limit(cell: Cell, found: Sequence[int]) -> float:
    return (cell.needed + mean_extra(found)) * cell.frame_bytes / cell.length


# --- under a flood ----------------------------------------------------------------------------------------------------


def flooded(effort: Effort, tell: Tell) -> list[Result]:
    """G4: whole receivers, ten forged frames for each genuine one, and what a decoder alone would have made of it."""
    results = []
    for channel, goal in (("LoRa", 1.65), ("UDP", 1.09)):
        cell = Cell(20_000, channel)
        right = bare_right = 0
        came: list[int] = []
        rounds = max(2, effort.rounds)
        for at in range(rounds):
            tell(f"{channel}: {FORGED} forged frames to each genuine one, receiver {at + 1}")
            whole, genuine, bare = one_flooded(cell, LOSSES[at % len(LOSSES)], at)
            right, bare_right = right + whole, bare_right + bare
            came.append(genuine)
        carried = Cell(len(genuine_acts(cell.length)), channel)
        value = sum(came) / rounds * carried.frame_bytes / carried.length
        note = f"{rounds} receivers, {carried}, losses from 10% to 90%; by what came of what was sent"
        name = f"bytes on the air, {channel} frames, signed, in a flood"
        results.append(Result(name, value, TIMES, "the erasure limit", at_most(goal), note=note))
        note = f"without signatures {bare_right} of {rounds} were right"
        results.append(Result("  right objects", right / rounds, "of objects", "all", at_least(1.0), note=note))
    return results


@cache
def genuine_acts(length: int) -> bytes:
    """Return a batch of about so many bytes: real acts, since a receiver reads them."""
    holder = Key.from_name("radio holder")
    acts: list[bytes] = []
    for number in count():
        fields = {"by": bytes(32), "about": random.Random(number).randbytes(32), "words": "w" * 80}
        acts.append(draft("reply", fields).signed_by(holder).envelope.encoded())
        if sum(map(len, acts)) + 3 * len(acts) >= length:
            return batch(acts)
    raise AssertionError


def signed_frame(data: bytes, size: int, number: int, symbol: bytes) -> bytes:
    return symbol_frame(Piece(object_digest(data)[:8], len(data), number, symbol), PARTY, RELAY)


def forged(frame: bytes, chance: random.Random) -> bytes:
    """Return a frame as a forger makes it who listens: its header is genuine, and the check takes its full time."""
    junk = bytearray(frame[:HEADER_BYTES] + chance.randbytes(len(frame) - HEADER_BYTES))
    junk[-1] &= 0x0F  # else most of them fail before the curve is touched
    return bytes(junk)


def one_flooded(cell: Cell, loss: float, seed: int) -> tuple[bool, int, bool]:
    """Return whether a receiver got the right object, how many genuine frames had come by then, and whether a decoder
    without signatures got it."""
    data = genuine_acts(cell.length)
    size = symbol_size(len(data), symbol_room(CHANNELS[cell.channel]))
    needed = symbols_needed(len(data), size)
    chance = random.Random(f"flood {cell} {seed}")
    numbers = [number for number, _ in zip(received(needed, loss, seed % 16, chance), range(needed + 9), strict=False)]
    listener = Receiver(lambda: {RELAY.public_key: PARTY}, InProcess(), checks_per_second=1e6)
    pool: dict[int, bytes] = {}
    for genuine, (number, symbol) in enumerate(zip(numbers, symbols(data, size, numbers), strict=True), 1):
        frame = signed_frame(data, size, number, symbol)
        frames = [frame, *(forged(frame, chance) for _ in range(FORGED))]
        chance.shuffle(frames)
        for each in frames:
            pool.setdefault(number, each[HEADER_BYTES:-SIGNATURE_BYTES])  # whichever came first
            whole = [heard.data for heard in listener.hear(each, genuine) if isinstance(heard, Whole)]
            if whole:
                return whole == [data], genuine, decode_here(len(data), size, pool) == data
    return False, len(numbers), False


# --- beside repeating -------------------------------------------------------------------------------------------------


def gain(effort: Effort, tell: Tell) -> list[Result]:
    """G5: twenty acts of 250 bytes, and the receiver among a thousand who has all of them last."""
    acts, act_bytes, loss = 20, 250, 0.7
    tell("twenty acts, repeated")
    repeated = repeated_until(acts, loss) * (HEADER_BYTES + act_bytes)
    results = []
    for bare, goal in ((True, 4.5), (False, 3.4)):
        cell = Cell(acts * (act_bytes + 2) + 1, "LoRa", bare)
        ours = frames_of(cell, loss, effort) * cell.frame_bytes
        name = f"20 acts to the 99.9% receiver at a loss of 70%, {'bare' if bare else 'signed'}"
        note = f"{repeated:,} bytes repeated one by one as whole frames, {ours:,} as {cell}"
        results.append(Result(name, repeated / ours, TIMES, "each act repeated", at_least(goal), note=note))
    return results


def repeated_until(acts: int, loss: float) -> int:
    """Return after how many frames 99.9% of receivers have all of so many acts that are sent in turn."""
    for sent in count(acts):
        share = 1.0
        for act in range(acts):
            share *= 1 - loss ** ((sent - act + acts - 1) // acts)
        if share >= SERVED:
            return sent
    raise AssertionError


# --- junk -------------------------------------------------------------------------------------------------------------


def junk(effort: Effort, tell: Tell) -> list[Result]:
    """G12: frames dealt with in a second beside bare signature checks; what becomes of the genuine ones; memory."""
    tell("junk frames")
    chance = random.Random("junk")
    data = genuine_acts(20_000)
    size = symbol_size(len(data), symbol_room(LORA_FRAME_BYTES))
    frames = [signed_frame(data, size, n, s) for n, s in enumerate(fountain.encode(data, size, 0, 100))]
    flood = [forged(frame, chance) for frame in frames for _ in range(max(2, effort.acts // 50))]
    messages = [frame[-SIGNATURE_BYTES:] + SIGNED + PARTY + frame[:-SIGNATURE_BYTES] for frame in flood]
    listener = Receiver(lambda: {RELAY.public_key: PARTY}, InProcess(), checks_per_second=1e9)

    def bare() -> float:
        started = process_time()
        for message in messages:
            try:
                nacl.bindings.crypto_sign_open(message, RELAY.public_key)
            except nacl.exceptions.BadSignatureError:
                continue
            raise NotDone("a forged signature verified")
        return (process_time() - started) / len(messages)

    def ours() -> float:
        started = process_time()
        for frame in flood:
            if listener.hear(frame, 0.0):
                raise NotDone("a forged frame was taken")
        return (process_time() - started) / len(flood)

    rounds = alternate(bare, ours, effort.rounds)
    told = rounds.seconds_told("a bare check", "a frame")
    results = [ratio("junk frames dealt with", "bare signature checks", rounds.speed, at_least(FLOOD_SHARE), told)]
    if not listener.refused["signature.invalid"] or listener.piles:
        raise NotDone("the forged frames were not refused for their signatures")
    tell("genuine frames among junk")
    seconds = 10
    share = among_junk(FLOOD_SHARE, seconds)
    name = f"  genuine frames taken, with junk at {FLOOD_SHARE:g} of the rate of checks"
    note = f"one genuine frame to ten others, from one source, {seconds} s"
    return [*results, Result(name, share, "of frames", "all", at_least(0.9), note=note), memory(effort, tell)]


def among_junk(junk_share: float, seconds: int) -> float:
    """Return the share of genuine frames that are taken among junk from the same source, which comes at so much of the
    rate at which the receiver may check: one genuine frame to each ten. The junk is of the object that is on the air,
    each frame with a number that nobody has: none of it is passed over without a check."""
    rate, each = 4_000.0, 100
    listener = Receiver(lambda: {RELAY.public_key: PARTY}, Never(), checks_per_second=rate)
    per_second = rate * junk_share * 1.1
    genuine, chance = 0, random.Random("among junk")
    for at in range(int(per_second * seconds)):
        frame = numbered(genuine_acts(20_000 + 300 * (genuine // each)), genuine % each)
        if at % 11 == 10:
            listener.hear(frame, at / per_second)
            genuine += 1
        else:
            number = chance.randrange(each, limits.SYMBOL_NUMBERS_LEAST)
            fresh = frame[: HEADER_BYTES - 3] + number.to_bytes(3) + frame[HEADER_BYTES:]
            listener.hear(forged(fresh, chance), at / per_second)
    return sum(len(pile) for piles in listener.piles.values() for pile in piles.values()) / genuine


class Never:
    """A decoder that always wants more: so that what was taken stays to be counted."""

    def decode(self, *_: object) -> None:
        return None


@cache
def numbered(data: bytes, number: int) -> bytes:
    size = symbol_size(len(data), symbol_room(LORA_FRAME_BYTES))
    return signed_frame(data, size, number, symbols(data, size, [number])[0])


def memory(effort: Effort, tell: Tell) -> Result:
    """Return the most that a receiver keeps when twelve stolen keys fill their shares and unsigned junk its queue, with
    the decoding process at its largest object."""
    tell("the worst flood's memory")
    keys = [Key.from_name(f"radio thief {n}") for n in range(12)]
    trusted = {key.public_key: PARTY for key in keys}
    size, length = 152, 152 * 1_725 - 100
    chance = random.Random("memory")
    listener = Receiver(lambda: trusted, InProcess(), checks_per_second=1.0)
    enough = limits.RECEIVER_SYMBOLS_MAX_BYTES // 450 if effort.rounds > 2 else 2_000
    frame = symbol_frame(Piece(bytes(8), length, 0, bytes(size)), PARTY, keys[0])
    tracemalloc.start()
    try:
        for n in range(enough):
            key = n % 12
            tag = bytes([key, n // 12 // 1_700] * 4)
            piece = Piece(tag, length, n // 12 % 1_700, chance.randbytes(size))
            listener.take(keys[key].public_key, piece, 0.0)
        for n in range(enough // 5):
            listener.hear(frame[:2] + chance.randbytes(8) + frame[10:], 0.0, f"source {n % 99}")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    beside = decoding_memory()
    note = f"{most / 2**20:.0f} MiB in the receiver; the decoding process {beside / 2**20:.0f} MiB"
    bound = limits.RECEIVER_MAX_BYTES / 2**20
    return Result("  memory in the worst flood", (most + beside) / 2**20, "MiB", "", at_most(bound), note=note)


def decoding_memory() -> int:
    """Return what the decoding process has taken at most; 0 where the system does not say."""
    data = thing(limits.OBJECT_MAX_BYTES)
    given = dict(enumerate(fountain.encode(data, 128, 2_048, 2_051), 2_048))
    with Worker() as worker:
        if worker.decode(len(data), 128, given) != data:
            raise NotDone("the largest object did not decode")
        assert worker.process is not None
        status = Path(f"/proc/{worker.process.pid}/status")
        rows = status.read_text("utf-8").splitlines() if status.exists() else []
    return 1024 * sum(int(row.split()[1]) for row in rows if row.startswith("VmHWM"))


# --- pictures ---------------------------------------------------------------------------------------------------------


def pictures() -> None:
    """Draw what was found, into ``docs/pictures``: the same bytes for the same figures."""
    cell = Cell(20_000, "LoRa")
    shares = decoded_share(extra(cell, DRAWN_FOR_PICTURES))
    loss = 0.7
    most = frames_for(cell.needed, loss, SERVED) * 4 // 3
    sent = range(0, most, max(1, most // 160))
    per_round = cell.needed
    fragments = [
        (float(n), repeated_share(n, per_round, loss))
        for n in range(0, repeated_until(per_round, loss), per_round // 2)
    ]
    ours = [(float(n), served(n, cell, loss, shares)) for n in sent]
    ideal = [(float(n), reached(n, cell.needed, loss)) for n in sent]
    text = plot(
        f"20 kB over a radio that loses 70%: receivers that have it (k = {cell.needed})",
        "frames sent",
        "share of receivers",
        [Curve("ideal code", ideal, dashed=True), Curve("symbols", ours), Curve("fragments in turn", fragments)],
    )
    (PICTURES / "radio-receivers.svg").write_text(text, "utf-8")
    losses = [n / 100 for n in range(5, 95, 5)]
    cells = {"LoRa, signed": cell, "LoRa, bare": Cell(20_000, "LoRa", bare=True), "UDP, signed": Cell(20_000, "UDP")}
    curves = [Curve("erasure limit", [(loss, 1 / (1 - loss)) for loss in losses], dashed=True)]
    for name, each in cells.items():
        over = over_limit(each, extra(each, DRAWN_FOR_PICTURES))
        curves.append(Curve(name, [(loss, over / (1 - loss)) for loss in losses]))
    text = plot("Bytes on the air for each byte of a 20 kB object", "loss", "bytes per byte", curves)
    (PICTURES / "radio-air.svg").write_text(text, "utf-8")
    (PICTURES / "radio-gain.svg").write_text(gain_picture(), "utf-8")
    (PICTURES / "radio-junk.svg").write_text(junk_picture(), "utf-8")


def gain_picture() -> str:
    """Draw what twenty acts cost, repeated or as symbols, until 99.9% of the listeners have all of them."""
    acts, act_bytes, losses = 20, 250, [n / 100 for n in range(10, 91, 10)]
    length = acts * (act_bytes + 2) + 1
    ideal = Cell(length, "LoRa", bare=True)
    fewest = [frames_for(ideal.needed, loss, SERVED) * ideal.frame_bytes / length for loss in losses]
    repeated = [repeated_until(acts, loss) * (HEADER_BYTES + act_bytes) / length for loss in losses]
    curves = [Curve("ideal code, bare", [*zip(losses, fewest, strict=True)], dashed=True)]
    for name, bare in (("symbols, bare", True), ("symbols, signed", False)):
        cell = Cell(length, "LoRa", bare)
        shares = decoded_share(extra(cell, DRAWN_FOR_PICTURES))
        curves.append(Curve(name, [(p, sent_until(cell, p, shares) * cell.frame_bytes / length) for p in losses]))
    curves.append(Curve("each act repeated", [*zip(losses, repeated, strict=True)]))
    return plot("20 acts until 99.9% of the listeners have all of them", "loss", "bytes sent per byte", curves)


def junk_picture() -> str:
    """Draw what becomes of genuine frames as the flood grows; at 1, it takes all the checks that there are."""
    rates = [n / 5 for n in range(1, 11)]
    taken = [(rate, among_junk(rate, 10)) for rate in rates]
    all_checks = [(rate, min(1.0, 1 / (1.1 * rate))) for rate in rates]
    curves = [Curve("as many as can be checked", all_checks, dashed=True), Curve("taken", taken)]
    return plot("Genuine frames among junk from one source", "junk, per check", "share of frames", curves)


def repeated_share(sent: int, pieces: int, loss: float) -> float:
    """Return the share of receivers that have all pieces, sent in turn, after so many frames."""
    whole, rest = divmod(sent, pieces)
    share: float = (1 - loss ** (whole + 1)) ** rest * (1 - loss**whole) ** (pieces - rest)
    return share
