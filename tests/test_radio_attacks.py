"""Attacks on frames, by the numbers of the list of attacks on dispatch: 10 to 18, 31 to 33, 40 to 42.

Each test shows what the attack does to somebody without the defence, where that can be shown, and that
it does not here.
"""

import random
import sys
import tracemalloc
from pathlib import Path

import pytest
import raptorq

from pourparler.core import limits
from pourparler.core.encoding import kid_of
from pourparler.core.errors import Malformed
from pourparler.dispatch import carousel as carousels
from pourparler.dispatch import fountain
from pourparler.dispatch import receiver as receivers
from pourparler.dispatch.carousel import WINDOW, Carousel, MemoryCounters
from pourparler.dispatch.fountain import InProcess, Undecodable, Worker
from pourparler.dispatch.frame import (
    HEADER,
    SIGNED,
    FrameForm,
    Piece,
    parse_header,
    parse_symbol,
    symbol_frame,
    telegram,
    three,
)
from pourparler.dispatch.parcel import batch, object_digest
from pourparler.dispatch.receiver import Envelope, Receiver
from tests import radio

FLOOD = 10  # forged frames for each genuine one


def flooded(frames, seed, times=FLOOD):
    """Return genuine frames, each after so many forged ones with genuine headers; sometimes they come after it."""
    chance = random.Random(seed)
    for frame in frames:
        group = [frame] + [radio.forged(chance.choice(frames), chance.random()) for _ in range(times)]
        chance.shuffle(group)
        yield from group


def test_garbage_symbols_do_not_poison_the_decoder():
    """Attack 10: garbage symbols among genuine ones, ten to one, at a loss of 60%."""
    data = radio.thing()
    chance = random.Random("loss")
    frames = radio.frames_of(data, range(4 * radio.needed(data)))
    came = [frame for frame in flooded(frames, "garbage") if chance.random() >= 0.6]
    bare = raptorq.Decoder.with_defaults(len(data), parse_header(frames[0]).size)
    results = []
    for frame in came:  # without the defence
        piece = parse_symbol(frame, parse_header(frame)).piece
        results.append(bare.decode(piece.number.to_bytes(4, "big") + piece.data))
    assert data not in results
    listener = radio.receiver()
    assert radio.whole_in(radio.heard(listener, came, step=0.05)) == [data]
    assert listener.refused["signature.invalid"] > 5 * radio.needed(data)
    assert not listener.banned


def test_a_forged_frame_that_comes_first_does_not_keep_the_genuine_one_out():
    """Attack 11: a garbage symbol with a genuine number, and for telegrams a garbage body with a genuine tag, first."""
    data = radio.thing()
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    act = radio.suspension()
    genuine = telegram(radio.data_of(act), act.id)
    listener = radio.receiver()
    pairs = [frame for genuine in frames for frame in (radio.forged(genuine), genuine)]
    assert radio.whole_in(radio.heard(listener, pairs)) == [data]
    twin = genuine[:-1] + bytes([genuine[-1] ^ 1])  # the same act id, and a signature that is false
    assert radio.heard(listener, [twin, genuine]) == [Envelope(twin[17:]), Envelope(genuine[17:])]


@pytest.mark.parametrize("cut", [-80, -64, -8, -1, 1, 8, 64])
def test_a_symbol_of_the_wrong_length_goes_nowhere(cut):
    """Attack 12: a symbol of the wrong length, signed by a stolen dispatch key, and what the library does with one."""
    data = radio.thing()
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    header = parse_header(frames[0])
    value = bytes(max(0, header.size + cut))
    wrong = symbol_frame(Piece(header.tag, header.length, 0, value), radio.PARTY, radio.THIEF)
    listener = radio.receiver()
    found = radio.heard(listener, [wrong, *frames])
    assert radio.whole_in(found) == [data]
    assert not listener.piles
    if cut % 8:
        assert listener.refused["frame.symbol-size"] == 1


def test_a_panicked_decoder_is_thrown_away():
    """Attack 12: after a panic the next object decodes as if nothing had been."""
    data = radio.thing()
    size = parse_header(radio.frames_of(data, [0])[0]).size
    made = dict(enumerate(fountain.encode(data, size, 0, 50)))
    with Worker() as worker:
        with pytest.raises(Undecodable):
            worker.decode(len(data), size - 1, {n: symbol[:-1] for n, symbol in made.items()})
        assert worker.decode(len(data), size, made) == data


@pytest.mark.parametrize("length", [0, limits.OBJECT_MAX_BYTES + 1, 2**24 - 1])
def test_a_claimed_length_allocates_nothing(length):
    """Attack 13: a header that claims more than an object can be, also signed by a stolen dispatch key. It could abort
    the whole process; a terabyte does not even fit into the header."""
    head = HEADER.pack(0xD1, 3, bytes(8), *three(length), kid_of(radio.THIEF.public_key)[0] << 24)
    frame = head + bytes(152)
    frame += radio.THIEF.sign(SIGNED + radio.PARTY + frame)
    listener = radio.receiver()
    assert listener.hear(frame, 0.0) == []
    assert listener.refused == {"frame.length": 1}
    with pytest.raises(Malformed, match="frame.length"):
        fountain.decode_here(10**12, 152, {0: bytes(152)})


@pytest.mark.skipif(sys.platform != "linux", reason="the address space can be bounded on Linux only")
def test_a_decoder_that_wants_too_much_memory_dies_alone():
    """Attack 13: were such a length to reach the library, its process would end, and this one would not."""
    hole = "from pourparler.dispatch import decoding, fountain; fountain.check_size = lambda *_: None; decoding.main()"
    data = radio.thing()
    size = parse_header(radio.frames_of(data, [0])[0]).size
    with Worker() as worker:
        whole, worker.command = worker.command, [sys.executable, "-c", hole]
        with pytest.raises(Undecodable, match="died"):
            worker.decode(2**32 - 1, 8, {0: bytes(8)})
        worker.command = whole
        assert worker.decode(len(data), size, dict(enumerate(fountain.encode(data, size, 0, 50)))) == data


def test_a_panic_comes_out_as_our_error(monkeypatch):
    """Attack 14: the library's panic is no Exception. It must not pass through `except Exception` and end the node."""
    monkeypatch.setattr(fountain, "check_lengths", lambda *_: None)  # as if the guard had a hole
    with pytest.raises(Undecodable):
        fountain.decode_here(300, 152, {0: bytes(151), 1: bytes(151)})
    monkeypatch.setattr(fountain, "check_size", lambda *_: None)
    with pytest.raises(Undecodable):
        fountain.decode_here(300, 0, {0: b"", 1: b""})


def test_no_panic_comes_out_whatever_is_decoded():
    """Attack 14: fuzzed requests, with and without holes in them, end in bytes, in nothing, or in our errors."""
    chance = random.Random("fuzz")
    outcomes = set()
    for _ in range(3_000):
        size = chance.choice((0, 1, 8, 16, 152, chance.randrange(300)))
        length = chance.choice((0, 1, 8, 100, 152, 300, 10**6, 10**12, chance.randrange(3_000)))
        given = {
            chance.choice((0, 1, 2, 3, 5, 4_095, 4_096, 2**24, chance.randrange(50))): chance.randbytes(
                max(0, size + chance.choice((0, 0, 0, 0, 1, -1)))
            )
            for _ in range(chance.randrange(6))
        }
        try:
            outcomes.add(type(InProcess().decode(length, size, given)))
        except (Malformed, Undecodable) as error:
            outcomes.add(type(error))
    assert outcomes >= {bytes, type(None), Malformed}


def test_unsigned_frames_of_many_objects_take_no_memory():
    """Attack 15: many object tags, none signed. Nothing is allocated for what is not verified."""
    listener = radio.receiver(checks_per_second=50.0)
    (frame,) = radio.frames_of(radio.thing(), [0])
    chance = random.Random("tags")
    for number in range(2_000):  # so that what a receiver always has is there
        listener.hear(frame[:2] + chance.randbytes(8) + frame[10:], number * 1e-4)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(16_000):
            listener.hear(frame[:2] + chance.randbytes(8) + frame[10:], 1 + number * 1e-4)
        grown = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert grown < limits.RECEIVER_QUEUE_MAX_BYTES
    assert not listener.piles
    assert listener.refused["frame.flood"] > 5_000


def test_a_stolen_key_that_opens_many_objects_fills_its_own_share_only():
    """Attack 15: one stolen dispatch key signs for thousands of objects; a genuine one, half received, stays."""
    listener = radio.receiver()
    data = radio.thing()
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    radio.heard(listener, frames[:10])
    for number in range(3_000):
        piece = Piece(radio.digest_of(number)[:8], 200_000, 0, bytes(1_112))
        length = 1_112 * 180
        listener.hear(symbol_frame(Piece(piece.tag, length, 0, piece.data), radio.PARTY, radio.THIEF), number / 100)
    assert len(listener.piles[radio.THIEF.public_key]) == limits.RECEIVER_KEY_OBJECTS_MAX
    assert len(listener.holders) == limits.RECEIVER_KEY_OBJECTS_MAX + 1
    assert radio.whole_in(radio.heard(listener, frames[10:], start=31.0)) == [data]


def test_everything_kept_stays_below_64_mebibytes():
    """Attack 15: the worst that twelve stolen keys, signing full objects, and unsigned floods from many sources can
    make a receiver keep, counted by the interpreter, with the decoding process beside it."""
    thieves = [radio.Key.from_name(f"thief {n}") for n in range(12)]
    keys = {key.public_key: radio.PARTY for key in thieves} | radio.KEYS
    listener = Receiver(lambda: keys, InProcess(), checks_per_second=1e9)
    size, length = 152, 152 * 1_725 - 100
    chance = random.Random("memory")
    tracemalloc.start()
    try:
        for n in range(58_000):
            key = thieves[n % 12]
            ref = n // 12 // 1_700
            piece = Piece(bytes([n % 12, ref] * 4), length, n // 12 % 1_700, chance.randbytes(size))
            listener.take(key.public_key, piece, 0.0)  # as if it were signed: that takes the time
        listener.bucket.per_second = listener.bucket.left = 0.0
        (frame,) = radio.frames_of(radio.thing(), [0])
        for n in range(9_000):
            listener.hear(frame[:2] + chance.randbytes(8) + frame[10:-20] + chance.randbytes(20), 1.0, f"source {n}")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert listener.kept_bytes > limits.RECEIVER_SYMBOLS_MAX_BYTES * 0.9
    assert listener.waiting_bytes > limits.RECEIVER_QUEUE_MAX_BYTES * 0.9
    assert most < 40 * 1024 * 1024
    assert worker_memory() + most < limits.RECEIVER_MAX_BYTES


def worker_memory():
    """Return what the decoding process has taken at most, after the largest object."""
    data = random.Random("largest").randbytes(limits.OBJECT_MAX_BYTES)
    made = dict(enumerate(fountain.encode(data, 128, 2_048, 2_050), 2_048))
    with Worker() as worker:
        assert worker.decode(len(data), 128, made) == data
        if sys.platform != "linux":
            return 0
        status = Path(f"/proc/{worker.process.pid}/status").read_text(encoding="utf-8")
    (row,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(row.split()[1]) * 1024


def test_a_flood_of_signatures_costs_a_bounded_number_of_checks():
    """Attack 16: a thousand forged frames a second from one source. So many checks are made as allowed, and a frame
    from elsewhere does not wait behind them."""
    listener = radio.receiver(checks_per_second=100.0)
    data = radio.thing()
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    found = []
    seconds = 20
    for n in range(seconds * 1_000):
        now = n / 1_000
        listener.hear(radio.forged(frames[n % len(frames)], n), now, "jammer")
        if n % 500 == 0 and n // 500 < len(frames):
            found += listener.hear(frames[n // 500], now, "relay")
            found += listener.work(now + 1e-9)
    checked = listener.refused["signature.invalid"]
    assert checked <= 100 * receivers.SHARE_OF_SOURCE * (seconds + 1)
    assert checked > 100 * receivers.SHARE_OF_SOURCE * (seconds - 1)
    assert radio.whole_in(found) == [data]
    assert listener.waiting_bytes <= limits.RECEIVER_QUEUE_MAX_BYTES


def test_a_flood_from_many_sources_costs_no_more_checks_than_one_from_one():
    """Attack 16: names of sources cost nothing, so a flood may come from thousands. All share the checks."""
    listener = radio.receiver(checks_per_second=100.0)
    (frame,) = radio.frames_of(radio.thing(), [0])
    for n in range(6_000):
        listener.hear(radio.forged(frame, n), n / 1_000, f"source {n}")
    assert 100 * 5 < listener.refused["signature.invalid"] <= 100 * 7
    assert len(listener.sources) <= receivers.SOURCES


def test_in_a_flood_from_the_same_source_the_oldest_frames_go_first(monkeypatch):
    """Attack 16: on the radio all frames have one source. What waits is bounded; the newest is what is kept."""
    monkeypatch.setattr(limits, "RECEIVER_QUEUE_MAX_BYTES", 20_000)
    listener = radio.receiver(checks_per_second=100.0)
    (frame,) = radio.frames_of(radio.thing(), [0])
    for n in range(2_000):
        listener.hear(radio.forged(frame, n), 0.0)
    assert listener.waiting_bytes <= 20_000
    act = radio.suspension()
    listener.hear(telegram(radio.data_of(act), act.id), 0.0)
    assert listener.work(0.02) == [Envelope(radio.data_of(act))]  # acts have their own turn


def test_a_stolen_dispatch_key_is_found_out_and_banned():
    """Attack 17: a thief of a dispatch key signs false symbols. The object comes out of what others have signed, and of
    what was kept; the thief's key is banned, no act is forged, and no honest key is touched."""
    data = radio.thing()
    needed = radio.needed(data)
    poison = radio.frames_of(data, range(500, 500 + needed), radio.THIEF, false=range(500, 500 + needed))
    genuine = radio.frames_of(data, range(needed + 1))
    listener = radio.receiver()
    found = []
    for number, pair in enumerate(zip(poison, genuine, strict=False)):
        found += radio.heard(listener, pair, start=number)
    found += radio.heard(listener, genuine[needed:], start=1_000)
    assert radio.whole_in(found) == [data]
    assert radio.acts_in(found) == sorted(radio.letters(20))
    assert listener.banned == {radio.THIEF.public_key}
    assert listener.refused["object.digest"] >= 1
    more = radio.frames_of(radio.thing(9), range(40), radio.THIEF)
    assert radio.heard(listener, more, start=2_000) == []
    assert listener.kept_bytes == 0


def test_somebody_who_may_receive_cannot_pass_for_a_sender():
    """Attack 18: an insider who receives everything, and has a dispatch key himself. There is no group key: he cannot
    sign for another relay, and what he signs himself is charged to him."""
    data = radio.thing()
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    hint = kid_of(radio.RELAY.public_key)[0]
    listener = radio.receiver()
    for n, frame in enumerate(frames):
        signed = frame[:13] + bytes([hint]) + frame[14:-64]
        forged = signed[:30] + bytes([signed[30] ^ 1]) + signed[31:]
        listener.hear(forged + radio.THIEF.sign(SIGNED + radio.PARTY + forged), n)
    assert (listener.kept_bytes, listener.refused["signature.invalid"]) == (0, len(frames))
    assert radio.whole_in(radio.heard(listener, frames, start=1_000)) == [data]
    assert not listener.banned


def beacons_under(jam, carousel, windows):
    """Return how many beacons get through a jammer, who sees the windows before and chooses a place in this one."""
    through, seen = 0, [0]
    tag = radio.beacon().id[:8]
    for window in range(windows):
        jammed = jam(seen, window)
        frames = [carousel.next_frame(float(window)) for _ in range(WINDOW)]
        (place,) = (n for n, frame in enumerate(frames) if frame and parse_header(frame).tag == tag)
        through += place not in jammed
        seen.append(place)
    return through


JAMMERS = {
    "the same place": lambda seen, window: {0},
    "where it was last": lambda seen, window: {seen[-1]},
    "where it was most often": lambda seen, window: {max(set(seen), key=seen.count)},
    "half of the places": lambda seen, window: set(range(0, WINDOW, 2)),
}


def with_a_beacon(seed=bytes(16)):
    carousel = Carousel(radio.PARTY, radio.RELAY, radio.LORA, MemoryCounters(), seed, assumed_loss=0.99)
    carousel.put(radio.data_of(radio.beacon()), 0.0)
    carousel.put_object(radio.thing(), 0.0)
    return carousel


@pytest.mark.parametrize("jam", JAMMERS.values(), ids=JAMMERS)
def test_a_jammer_cannot_foretell_the_beacons(jam, monkeypatch):
    """Attack 31: somebody jams only the slots of the beacons. Their places are drawn with a secret, so that
    whoever jams a sixteenth of the time hits about a sixteenth of them; with a fixed place he would hit all."""
    windows = 300
    through = beacons_under(jam, with_a_beacon(), windows)
    assert through > windows * (0.4 if jam is JAMMERS["half of the places"] else 0.85)
    monkeypatch.setattr(carousels, "places", lambda seed, window: [0, 1, 2])
    assert beacons_under(jam, with_a_beacon(), windows) <= 1


def test_whoever_gets_a_batch_gets_the_head_as_well():
    """Attack 31: were every beacon jammed, the newest would still come with each batch."""
    carousel = Carousel(radio.PARTY, radio.RELAY, radio.LORA, MemoryCounters(), bytes(16))
    carousel.put(radio.data_of(radio.beacon(7)), 0.0)
    for n in range(10):
        carousel.put(radio.data_of(radio.saying(n, 50)), 0.0)
    frames = [carousel.next_frame(0.0) for _ in range(60)]
    symbols = [frame for frame in frames if frame and parse_header(frame).form is FrameForm.SYMBOL]
    assert radio.data_of(radio.beacon(7)) in radio.acts_in(radio.heard(radio.receiver(), symbols))


@pytest.mark.parametrize("begin", [0, 7, 40])
def test_a_burst_of_jamming_costs_as_many_frames_as_it_hits(begin):
    """Attack 32: thirty seconds of noise, three frames a second. It matters not which frames are lost: with the k that
    remain both objects are whole; fragments sent in turn would wait for a whole round."""
    things = [radio.thing(12), radio.thing(14)]
    carousel = Carousel(radio.PARTY, radio.RELAY, radio.LORA, MemoryCounters(), bytes(16), assumed_loss=0.9)
    for data in things:
        carousel.put_object(data, 0.0)
    listener, found, came = radio.receiver(), [], 0
    for n in range(400):
        frame = carousel.next_frame(n / 3)
        if not begin <= n < begin + 90 and frame:
            came += 1
            found += listener.hear(frame, n / 3)
        if len(radio.whole_in(found)) == 2:
            break
    assert sorted(radio.whole_in(found)) == sorted(things)
    assert came <= 2 * max(map(radio.needed, things)) + 2


def frames_by_minute(carousel, minutes, *, order_at):
    """Return how many frames go out in each minute of sixty turns, one of which brings an order."""
    counts = []
    for minute in range(minutes):
        if minute == order_at:
            carousel.put(radio.data_of(radio.suspension()), minute * 60.0)
        counts.append(sum(carousel.next_frame(minute * 60.0 + turn) is not None for turn in range(60)))
    return counts


@pytest.mark.parametrize("held", [[], [radio.saying(1)]], ids=["a beacon only", "a beacon and an act"])
def test_whoever_counts_frames_does_not_see_when_an_order_goes_out(held):
    """Attack 42: traffic analysis. A sender of constant rate sends as many frames before, during and after an urgent
    order; one that falls silent when all was said gives it away."""
    counted = {}
    for constant in (True, False):
        counters, seed = MemoryCounters(), bytes(16)
        carousel = Carousel(radio.PARTY, radio.RELAY, radio.LORA, counters, seed, constant=constant)
        for act in [radio.beacon(), *held]:
            carousel.put(radio.data_of(act), 0.0)
        counted[constant] = frames_by_minute(carousel, 8, order_at=4)
    assert set(counted[True]) == {60}
    assert counted[False][4] > counted[False][3]


def relay(frames, key=radio.SECOND):
    """Return what a relay sends that hears these frames: whole objects, sent on."""
    listener = radio.receiver()
    carousel = Carousel(radio.PARTY, key, radio.LORA, MemoryCounters(), bytes(16))
    sent = []
    for number, frame in enumerate(frames):
        for data in radio.whole_in(listener.hear(frame, number / 50)):
            carousel.put_object(data, number / 50)
        sent.append(carousel.next_frame(number / 50))
    return [frame for frame in sent if frame]


def test_nothing_that_is_not_verified_makes_a_node_transmit():
    """Attack 33: forged frames, requests that no form knows, and symbols of one's own making. A relay sends what it
    sends without them, or nothing; it answers nobody."""
    data = radio.thing(10)
    frames = radio.frames_of(data, range(radio.needed(data) + 2))
    chance = random.Random("requests")
    junk = [b"\xd1\x05" + chance.randbytes(60), b"\xd1\x03" + chance.randbytes(231), chance.randbytes(233)] * 30
    junk += [radio.forged(frame) for frame in frames]
    junk += radio.frames_of(radio.thing(11), range(60), radio.Key.from_name("stranger"))
    assert relay(junk) == []
    quiet = relay(frames + [b""] * len(junk))
    assert quiet
    assert relay(frames + junk) == quiet


def test_two_relays_build_the_same_object():
    """Attack 40: two relays that rebuild an object from the same acts, heard in another order, and one that sends on
    what it got. Their symbols add up to one object; half of each is enough."""
    acts = radio.letters(20)
    rebuilt = batch(acts[::-1] + acts[:3])
    assert rebuilt == radio.thing()
    data = radio.thing()
    heard = radio.frames_of(data, range(radio.needed(data) + 2))
    sent = relay(heard + [b""] * 40, radio.THIRD)
    half = radio.needed(data) // 2
    listener = radio.receiver()
    came = radio.frames_of(rebuilt, range(2_000, 2_000 + half), radio.SECOND) + sent[: half + 3]
    assert {parse_header(frame).tag for frame in came} == {object_digest(data)[:8]}
    assert radio.whole_in(radio.heard(listener, came)) == [data]


def test_frames_of_another_network_do_not_count():
    """Attack 41: frames of the same relay for another party, replayed here, and what it
    signed for other purposes. A dispatch key signs for one party and one purpose."""
    data = radio.thing()
    elsewhere = radio.frames_of(data, range(60), radio.RELAY, party=radio.OTHER_PARTY)
    listener = radio.receiver()
    assert radio.heard(listener, elsewhere) == []
    assert listener.refused == {"signature.invalid": 60}
    there = radio.receiver({radio.RELAY.public_key: radio.OTHER_PARTY})
    assert radio.whole_in(radio.heard(there, elsewhere)) == [data]
    (frame,) = radio.frames_of(data, [0])
    for label in (b"", b"pourparler/frame/2\x00", b"pourparler/1 object"):
        other = frame[:-64] + radio.RELAY.sign(label + radio.PARTY + frame[:-64])
        before = listener.refused["signature.invalid"]
        listener.hear(other, 100.0)
        assert listener.refused["signature.invalid"] == before + 1
    assert listener.hear(frame, 101.0) == []
    assert listener.kept_bytes > 0
