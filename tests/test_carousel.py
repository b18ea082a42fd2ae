"""The carousel: shares of the air, what is gathered, what is retired, and that no symbol is sent twice."""

import itertools
import random
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import limits
from pourparler.core.act import KINDS
from pourparler.core.errors import Malformed, Refused
from pourparler.dispatch import carousel as carousels
from pourparler.dispatch.carousel import (
    URGENT_KINDS,
    WINDOW,
    Carousel,
    MemoryCounters,
    frames_for,
    number_at,
    places,
    reached,
    stripe_of,
)
from pourparler.dispatch.counters import SqliteCounters
from pourparler.dispatch.fountain import ANY_OF, numbers
from pourparler.dispatch.frame import HEADER_BYTES, FrameForm, parse_frame, parse_header
from pourparler.dispatch.parcel import object_digest, read_object
from pourparler.service.drafting import draft
from tests import radio

SEED = bytes(16)


def sender(counters=None, *, key=radio.RELAY, frame_bytes=radio.LORA, seed=SEED, **options):
    return Carousel(radio.PARTY, key, frame_bytes, counters or MemoryCounters(), seed, **options)


def sent(carousel, count, now=0.0):
    return [carousel.next_frame(now) for _ in range(count)]


def tags(frames):
    return [parse_header(frame).tag for frame in frames if frame]


def symbol_numbers(frames):
    found = [parse_header(frame) for frame in frames if frame]
    return [header.number for header in found if header.form is FrameForm.SYMBOL]


# --- often enough -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("needed", [1, 3, 17, 100])
def test_often_enough_is_enough_for_so_many_receivers_and_one_frame_less_is_not(needed, loss):
    count = frames_for(needed, loss)
    assert reached(count, needed, loss) >= 0.999 > reached(count - 1, needed, loss)


def test_often_enough_against_receivers_that_are_drawn():
    chance = random.Random("receivers")
    count = frames_for(10, 0.7)
    served = sum(sum(chance.random() >= 0.7 for _ in range(count)) >= 10 for _ in range(20_000))
    assert 0.998 <= served / 20_000 <= 1.0
    assert frames_for(10, 0.0) == 10


def test_what_has_gone_out_often_enough_goes_on_slowly_and_is_never_dropped():
    carousel = sender()
    act = radio.saying("one")
    carousel.put(radio.data_of(act), 0.0)
    enough = frames_for(1, 0.5)
    first = sent(carousel, 40 * WINDOW)
    assert all(first[:enough])  # nothing else is there: it has all the air
    rest = first[2 * WINDOW :]
    assert sum(frame is not None for frame in rest) == 2 * len(rest) // WINDOW
    assert set(tags(rest)) == {act.id[:8]}


# --- shares -----------------------------------------------------------------------------------------------------------


def test_one_frame_of_sixteen_is_the_newest_beacon():
    carousel = sender()
    for serial in (1, 3, 2):
        carousel.put(radio.data_of(radio.beacon(serial)), 0.0)
    carousel.put_object(radio.thing(), 0.0)
    frames = sent(carousel, 30 * WINDOW)
    newest = radio.beacon(3).id[:8]
    for window in range(30):
        assert tags(frames[window * WINDOW : (window + 1) * WINDOW]).count(newest) == 1
    assert not {radio.beacon(1).id[:8], radio.beacon(2).id[:8]} & set(tags(frames))


def test_the_newest_urgent_order_has_half_of_the_rest():
    carousel = sender(assumed_loss=0.9)
    carousel.put_object(radio.thing(), 0.0)
    carousel.put(radio.data_of(radio.suspension("older")), 1.0)
    newest = radio.suspension("newest")
    carousel.put(radio.data_of(newest), 2.0)
    carousel.put(radio.data_of(radio.saying("one")), 3.0)
    count = 60
    assert count / 2 <= frames_for(1, 0.9)
    found = tags(sent(carousel, count, 4.0))
    assert found.count(newest.id[:8]) == count / 2
    assert set(found) >= {newest.id[:8], radio.suspension("older").id[:8], radio.saying("one").id[:8]}


def test_the_younger_of_two_objects_has_more_turns_and_both_have_some():
    carousel = sender(assumed_loss=0.9)
    old, young = radio.thing(20, 80), radio.thing(21, 80)
    carousel.put_object(old, 0.0)
    carousel.put_object(young, 50_000.0)
    found = tags(sent(carousel, 300, 50_001.0))
    share = found.count(object_digest(young)[:8]) / len(found)
    assert 0.6 < share < 0.72  # four turns to two


def test_objects_are_interleaved():
    carousel = sender(assumed_loss=0.9)
    things = [radio.thing(20 + n) for n in range(3)]
    for data in things:
        carousel.put_object(data, 0.0)
    found = tags(sent(carousel, 60))
    assert all(len(set(found[at : at + 3])) == 3 for at in range(0, 60, 3))


def test_urgency_is_the_kind_and_the_kinds_are_known():
    assert KINDS.keys() >= URGENT_KINDS


# --- gathering --------------------------------------------------------------------------------------------------------


def test_an_act_that_fits_a_frame_is_a_telegram():
    carousel = sender()
    act = radio.saying("short")
    carousel.put(radio.data_of(act), 0.0)
    frame = carousel.next_frame(0.0)
    assert frame[HEADER_BYTES:] == radio.data_of(act)


def test_ten_acts_become_one_object_with_the_beacon_in_it():
    carousel = sender()
    carousel.put(radio.data_of(radio.beacon()), 0.0)
    acts = [radio.saying(f"short {n}") for n in range(10)]
    for act in acts[:9]:
        carousel.put(radio.data_of(act), 0.0)
    assert all(parse_header(frame).form is FrameForm.TELEGRAM for frame in sent(carousel, 40) if frame)
    carousel.put(radio.data_of(acts[9]), 0.0)
    (item,) = carousel.items.values()
    assert set(read_object(item.data).act_ids) == {act.id for act in acts} | {radio.beacon().id}


def test_acts_of_2500_bytes_become_one_object_before_they_are_ten():
    carousel = sender()
    for act in [radio.saying(n, 500) for n in range(4)]:
        assert carousel.next_frame(0.0) is None
        carousel.put(radio.data_of(act), 0.0)
    (item,) = carousel.items.values()
    assert len(read_object(item.data).act_ids) == 4


def test_a_lone_long_act_waits_a_minute_and_no_more():
    carousel = sender()
    carousel.put(radio.data_of(radio.saying("long", 300)), 100.0)
    assert not any(sent(carousel, 20, 159.0))
    assert parse_header(carousel.next_frame(160.0)).form is FrameForm.SYMBOL


def test_an_urgent_act_never_waits():
    carousel = sender()
    carousel.put(radio.data_of(radio.dismissal()), 0.0)
    assert parse_header(carousel.next_frame(0.0)).form is FrameForm.SYMBOL


def test_the_same_act_twice_goes_round_once():
    carousel = sender()
    for act in (radio.saying("short"), radio.dismissal(), radio.saying("long", 300)):
        for _ in range(3):
            carousel.put(radio.data_of(act), 0.0)
    assert (len(carousel.items), len(carousel.waiting)) == (3, 1)  # the dismissal in symbols, and in parts


def test_relays_gather_the_same_acts_into_the_same_object():
    acts = [radio.data_of(radio.saying(n)) for n in range(10)]
    found = []
    for order, key in ((acts, radio.RELAY), (acts[::-1], radio.SECOND)):
        carousel = sender(key=key)
        for data in order:
            carousel.put(data, 0.0)
        found.append([item.data for item in carousel.items.values()])
    assert found[0] == found[1]
    assert len(found[0]) == 1


def test_what_is_too_long_for_the_channel_is_refused_when_it_is_put():
    carousel = sender(frame_bytes=80)
    with pytest.raises(Malformed, match="object.too-large"):
        carousel.put(radio.data_of(radio.saying("long", 300)), 0.0)
    assert not carousel.waiting
    for frame_bytes in (80, 88):
        with pytest.raises(Malformed, match="object.too-large"):
            sender(frame_bytes=frame_bytes).put_object(radio.thing(), 0.0)
    assert sender(frame_bytes=89).put_object(radio.thing(), 0.0) is None


def test_a_full_carousel_says_so_and_takes_again_when_acts_were_superseded(monkeypatch):
    monkeypatch.setattr(limits, "CAROUSEL_ITEMS_MAX", 3)
    carousel = sender()
    acts = [radio.suspension(n) for n in range(4)]
    for act in acts[:3]:
        carousel.put(radio.data_of(act), 0.0)
    with pytest.raises(Refused, match="frame.carousel-full"):
        carousel.put(radio.data_of(acts[3]), 0.0)
    carousel.retire([acts[0].id])
    carousel.put(radio.data_of(acts[3]), 0.0)
    assert len(carousel.items) == 3


STEPS = st.tuples(st.sampled_from(("put", "part", "object", "retire", "next")), st.integers(0, 14))


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=60))
def test_the_cost_is_what_goes_round(steps):
    carousel = sender()
    for time, (step, n) in enumerate(steps):
        match step:
            case "put":
                carousel.put(radio.data_of((radio.suspension, radio.saying)[n % 2](n)), time)
                carousel.put(radio.data_of(radio.saying(f"long {n}", 300)), time)
            case "part":
                act = radio.dismissal()
                signature = act.envelope.signatures[n % 3]
                carousel.put_part(act.envelope.payload, signature.kid, signature.value, time)
            case "object":
                carousel.put_object(radio.thing(2 + n % 3), time)
            case "retire":
                carousel.retire([radio.suspension(n).id, radio.saying(n).id, radio.saying(f"long {n}", 300).id])
            case "next":
                carousel.next_frame(float(time))
    waiting = sum(len(envelope) for envelope, _ in carousel.waiting.values())
    assert carousel.cost == sum(item.cost for item in carousel.items.values()) + waiting
    assert carousel.alone.keys() <= carousel.items.keys()


# --- parts ------------------------------------------------------------------------------------------------------------


def test_parts_go_round_until_the_whole_act_does():
    act = radio.dismissal()
    carousel = sender()
    for signature in act.envelope.signatures:
        carousel.put_part(act.envelope.payload, signature.kid, signature.value, 0.0)
        carousel.put_part(act.envelope.payload, signature.kid, signature.value, 0.0)
    found = [parse_frame(frame) for frame in sent(carousel, 3)]
    assert {part.kid for part in found} == {signature.kid for signature in act.envelope.signatures}
    carousel.put(radio.data_of(act), 0.0)
    first = sent(carousel, frames_for(3, 0.5))
    assert {parse_header(frame).form for frame in first if frame} == {FrameForm.SYMBOL}
    signature = act.envelope.signatures[0]
    carousel.put_part(act.envelope.payload, signature.kid, signature.value, 0.0)
    assert len(carousel.items) == 2  # its symbols, and its own parts


def test_a_part_that_fits_no_frame_is_refused():
    act = draft("dismiss", {"organ": bytes(32), "prior": bytes(32), "mandate": bytes(32), "words": "w" * 200})
    signature = act.signature(radio.MEMBERS[0])
    with pytest.raises(Malformed, match="frame.size"):
        sender().put_part(act.payload, signature.kid, signature.value, 0.0)


# --- retired only when superseded -------------------------------------------------------------------------------------


def test_an_object_goes_when_the_last_of_its_acts_is_superseded():
    data = radio.thing(10)
    ids = read_object(data).act_ids
    carousel = sender()
    carousel.put_object(data, 0.0)
    carousel.retire(ids[:9])
    assert carousel.next_frame(0.0)
    carousel.retire(ids[9:])
    assert carousel.next_frame(0.0) is None
    assert (carousel.cost, carousel.items, carousel.carried) == (0, {}, set())


# --- symbol numbers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [1, 2, 3, 4, 5, 17, 70])
@pytest.mark.parametrize("stripe", [0, 5, 15])
def test_each_number_comes_once_before_any_comes_again(needed, stripe):
    total = numbers(needed)
    found = [number_at(position, needed, stripe) for position in range(total)]
    assert sorted(found) == list(range(total))
    assert [number_at(total + position, needed, stripe) for position in range(9)] == found[:9]
    assert set(found[: len(ANY_OF.get(needed, ()))]) == set(ANY_OF.get(needed, ()))


def test_relays_begin_at_different_places_and_what_they_send_is_disjoint():
    data = radio.thing(30)
    needed = radio.needed(data)
    by_stripe = {stripe_of(key.public_key, object_digest(data)[:8]): key for key in many_relays()}
    assert len(by_stripe) == 16
    runs = [{number_at(p, needed, stripe) for p in range(4 * needed)} for stripe in by_stripe]
    assert all(not one & other for one, other in itertools.combinations(runs, 2))


def many_relays():
    return [radio.Key.from_name(f"one of many relays {n}") for n in range(200)]


@pytest.mark.parametrize("durable", [False, True])
def test_a_restart_never_repeats_a_symbol(tmp_path, durable):
    data, found = radio.thing(), []
    memory = MemoryCounters()
    for number in range(12):
        counters = SqliteCounters(tmp_path / "positions") if durable else memory
        carousel = sender(counters, assumed_loss=0.99)
        carousel.put_object(data, 0.0)
        found += symbol_numbers(sent(carousel, 20 + number))
        if durable:
            counters.close()  # what it had made and not sent is lost, and not used again
    assert len(found) == sum(20 + n for n in range(12))
    assert len(set(found)) == len(found)


def test_a_restart_without_counters_would_repeat_them():
    data = radio.thing()
    found = []
    for _ in range(2):
        carousel = sender(MemoryCounters())
        carousel.put_object(data, 0.0)
        found.append(symbol_numbers(sent(carousel, 10)))
    assert found[0] == found[1]


@pytest.mark.parametrize("size", [1, 2])
def test_each_start_sends_as_much_as_a_listener_who_is_new_needs(size):
    """Symbol numbers go on over restarts; what is enough does not. Where the numbers of which any k decode are used up,
    it takes one more."""
    counters, data = MemoryCounters(), radio.thing(size)
    counts = []
    for _ in range(6):
        carousel = sender(counters, assumed_loss=0.6)
        carousel.put_object(data, 0.0)
        (item,) = carousel.items.values()
        frames = 0
        while not item.done:
            frames += carousel.next_frame(0.0) is not None
        counts.append(frames)
    needed = radio.needed(data)
    assert counts[0] >= frames_for(needed, 0.6)
    assert counts == sorted(counts)
    assert counts[-1] >= frames_for(needed + 1, 0.6)


def test_two_carousels_of_one_machine_share_the_positions(tmp_path):
    path = tmp_path / "positions"
    first, second = SqliteCounters(path), SqliteCounters(path)
    assert [first.take(b"x", 8), second.take(b"x", 3), first.take(b"x", 1), second.take(b"y", 1)] == [0, 8, 11, 0]
    first.close()
    second.close()


def test_positions_that_cannot_be_kept_are_not_given_out(tmp_path):
    path = tmp_path / "positions"
    counters = SqliteCounters(path)
    counters.close()
    with pytest.raises(OSError, match="positions of symbols"):
        counters.take(b"x", 1)
    (tmp_path / "rubbish").write_bytes(b"no database" * 100)
    with pytest.raises(OSError, match="rubbish"):
        SqliteCounters(tmp_path / "rubbish")
    with sqlite3.connect(path) as reader:
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()


def test_a_carousel_stops_where_its_positions_cannot_be_kept():
    class Broken:
        def take(self, name, count):
            raise OSError("full")

    carousel = sender(Broken())
    carousel.put_object(radio.thing(), 0.0)
    with pytest.raises(OSError, match="full"):
        carousel.next_frame(0.0)


# --- any three frames -------------------------------------------------------------------------------------------------


def test_a_dismissal_by_three_members_arrives_from_any_three_frames():
    """All triples of what two relays send first: literally any three different frames."""
    data = radio.data_of(radio.dismissal())
    frames = {}
    for key in (radio.RELAY, radio.SECOND):
        carousel = sender(key=key, assumed_loss=0.9)
        carousel.put(data, 0.0)
        for frame in sent(carousel, 24):
            header = parse_header(frame)
            frames.setdefault(header.number, frame)
    assert len(frames) >= 24
    for triple in itertools.combinations(list(frames.values())[:24], 3):
        found = radio.heard(radio.receiver(), triple)
        assert radio.acts_in(found) == [data]


def test_a_dismissal_reaches_whoever_does_not_know_the_dispatch_key():
    """Its symbols are nothing to him. Once they have gone out often enough, each signature goes out by itself."""
    carousel, act = sender(), radio.dismissal()
    carousel.put(radio.data_of(act), 0.0)
    whole, parts = carousel.items.values()
    first = sent(carousel, whole.enough)
    assert {parse_header(frame).form for frame in first if frame} == {FrameForm.SYMBOL}
    after = sent(carousel, 4 * parts.enough)
    signed = {one.kid for one in act.envelope.signatures}
    found = [parse_frame(frame) for frame in after if frame and parse_header(frame).form is FrameForm.PART]
    assert {part.kid for part in found} == signed
    carousel.retire([act.id])
    assert not carousel.items
    assert carousel.cost == 0


def test_parts_that_gave_way_leave_the_whole_act_where_it_is():
    carousel = sender()
    carousel.put(radio.data_of(radio.dismissal()), 0.0)
    whole, parts = carousel.items.values()
    carousel.give_up(parts)
    cost = carousel.cost
    carousel.put(radio.data_of(radio.dismissal()), 0.0)
    assert (list(carousel.items.values()), carousel.cost) == ([whole], cost)


def test_places_in_a_window_are_different_and_drawn():
    drawn = [list(places(SEED, window)) for window in range(400)]
    assert all(len(set(three)) == 3 and set(three) <= set(range(WINDOW)) for three in drawn)
    assert {three[0] for three in drawn} == set(range(WINDOW))
    assert drawn != [list(places(bytes([1]) * 16, window)) for window in range(400)]
    assert carousels.WINDOW == 16
