"""The receiver: what it gives out, what it keeps, and whom it believes."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import limits
from pourparler.dispatch import receiver as receivers
from pourparler.dispatch.fountain import Undecodable, Worker, numbers
from pourparler.dispatch.frame import FrameForm, parts_of, telegram
from pourparler.dispatch.receiver import Envelope, Part, Receiver, Whole
from tests import radio


def frames_enough(data, key=radio.RELAY, start=0, more=2, **options):
    return radio.frames_of(data, range(start, start + radio.needed(data) + more), key, **options)


def test_acts_come_out_of_symbols_parts_and_telegrams():
    listener, act = radio.receiver(), radio.suspension()
    assert listener.hear(telegram(radio.data_of(act), act.id), 0.0) == [Envelope(radio.data_of(act))]
    (frame, *_) = parts_of(radio.dismissal().envelope, radio.dismissal().id)
    (part,) = listener.hear(frame, 0.0)
    assert isinstance(part, Part)
    assert part.act_id == radio.dismissal().id
    found = radio.heard(listener, frames_enough(radio.thing(), start=7))
    assert found[0] == Whole(radio.thing())
    assert radio.acts_in(found) == sorted(radio.letters(20))
    assert not listener.refused


def test_an_object_comes_through_the_worker_as_it_does_here():
    with Worker() as worker:
        found = radio.heard(radio.receiver(decoder=worker), frames_enough(radio.thing(), start=50))
    assert found == radio.heard(radio.receiver(), frames_enough(radio.thing(), start=50))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32).map(random.Random), st.floats(0, 0.9), st.sampled_from([radio.LORA, radio.UDP]))
def test_any_order_any_losses_any_repetition_any_relays(chance, loss, frame_bytes):
    data = radio.thing(15)
    listener = radio.receiver()
    needed = radio.needed(data, frame_bytes)
    frames = [
        frame
        for key, start in ((radio.RELAY, 0), (radio.SECOND, 300), (radio.THIRD, 1_000))
        for frame in radio.frames_of(data, range(start, start + 12 * needed), key, frame_bytes=frame_bytes)
    ]
    came = [frame for frame in frames if chance.random() >= loss]
    came += came[: len(came) // 3]
    chance.shuffle(came)
    found = radio.heard(listener, came)
    if len(set(came)) >= needed + 3:
        assert radio.whole_in(found) == [data]
    assert listener.kept_bytes == 0 or not found
    assert not listener.refused


def test_an_object_comes_out_once_and_again_an_hour_later():
    listener = radio.receiver()
    frames = frames_enough(radio.thing())
    assert radio.whole_in(radio.heard(listener, frames * 3)) == [radio.thing()]
    assert radio.whole_in(radio.heard(listener, frames, start=3_599.0)) == []
    assert radio.whole_in(radio.heard(listener, frames, start=3_601.0)) == [radio.thing()]


def test_what_the_node_knows_costs_nothing():
    act = radio.suspension()
    asked = []

    def known(form, tag):
        asked.append((form, tag))
        return tag == act.id[:8]

    listener = radio.receiver(known=known)
    before = listener.bucket.left
    assert listener.hear(telegram(radio.data_of(act), act.id), 0.0) == []
    assert (asked, listener.bucket.left) == ([(FrameForm.TELEGRAM, act.id[:8])], before)
    other = radio.suspension("other")
    assert listener.hear(telegram(radio.data_of(other), other.id), 0.0)
    assert listener.bucket.left == before - 1


def test_bare_symbols_count_only_where_the_link_says_who_sends():
    frames = radio.frames_of(radio.thing(), range(40), None)
    assert radio.whole_in(radio.heard(radio.receiver(bare=True), frames)) == [radio.thing()]
    listener = radio.receiver()
    assert radio.heard(listener, frames) == []
    assert listener.refused == {"frame.bare": 40}


def test_a_key_that_no_longer_counts_is_forgotten_with_what_it_signed():
    keys = dict(radio.KEYS)
    listener = Receiver(lambda: keys, radio.InProcess())
    frames = frames_enough(radio.thing())
    radio.heard(listener, frames[:10])
    assert listener.kept_bytes > 0
    del keys[radio.RELAY.public_key]
    assert radio.heard(listener, frames[10:]) == []
    assert (listener.kept_bytes, listener.piles, listener.holders) == (0, {}, {})
    assert set(listener.refused) <= {"frame.key", "signature.invalid"}


def test_an_object_that_holds_rubbish_is_whole_and_gives_nothing():
    data = radio.list_of(b"rubbish", b"more rubbish" * 100)
    listener = radio.receiver()
    assert radio.heard(listener, frames_enough(data)) == []
    assert listener.refused == {"envelope.layout": 1}
    assert len(listener.done) == 1


# --- false symbols ----------------------------------------------------------------------------------------------------


def test_the_first_verified_symbol_of_a_number_stays():
    listener = radio.receiver()
    right, wrong = (radio.frames_of(radio.thing(), range(40), false=false) for false in ((), range(40)))
    found = radio.heard(listener, [frame for pair in zip(right, wrong, strict=True) for frame in pair])
    assert radio.whole_in(found) == [radio.thing()]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_one_liar_among_relays_the_object_comes_and_only_the_liar_is_banned(count):
    """Once enough genuine symbols are here, whoever sent them."""
    data = radio.thing()
    needed = radio.needed(data)
    honest = [radio.RELAY, radio.SECOND, radio.THIRD][:count]
    false = radio.frames_of(data, range(900, 905), radio.THIEF, false=range(900, 905))
    frames = [
        frame
        for n, key in enumerate(honest)
        for frame in radio.frames_of(data, range(n * 200, n * 200 + needed // count + 3), key)
    ]
    listener = radio.receiver()
    found = radio.heard(listener, false + frames)
    assert radio.whole_in(found) == [data]
    assert listener.banned == {radio.THIEF.public_key}


def test_two_liars_below_k_each_keep_an_object_out_only_until_one_honest_relay_has_k():
    data = radio.thing()
    needed = radio.needed(data)
    frames = []
    for key, start in ((radio.THIEF, 900), (radio.THIRD, 1_000)):
        frames += radio.frames_of(data, range(start, start + 5), key, false=range(start, start + 5))
    listener = radio.receiver()
    radio.heard(listener, frames)
    found = radio.heard(listener, radio.frames_of(data, range(needed + needed // 4), radio.RELAY), start=1.0)
    assert radio.whole_in(found) == [data]
    assert listener.banned == {radio.THIEF.public_key, radio.THIRD.public_key}


def test_many_liars_at_once_end_in_no_recursion():
    keys = [radio.Key.from_name(f"liar {n}") for n in range(120)]
    trusted = {key.public_key: radio.PARTY for key in (*keys, radio.RELAY)}
    data = radio.list_of(*sorted(radio.letters(2), key=radio.parcel_id))
    needed = radio.needed(data)
    listener = radio.receiver(trusted)
    frames = []
    for n, key in enumerate(keys):
        numbers_ = range(n * 30, n * 30 + needed)
        frames += radio.frames_of(data, numbers_, key, false=numbers_)
    radio.heard(listener, frames)
    assert radio.whole_in(radio.heard(listener, frames_enough(data), start=60.0)) == [data]
    assert radio.RELAY.public_key not in listener.banned
    assert len(listener.banned) > 100


def test_a_decoder_that_dies_bans_nobody_and_is_tried_again():
    class Dying:
        left = 2

        def decode(self, length, size, symbols):
            if self.left:
                self.left -= 1
                raise Undecodable("died")
            return radio.InProcess().decode(length, size, symbols)

    listener = radio.receiver(decoder=Dying())
    data = radio.thing()
    found = radio.heard(listener, radio.frames_of(data, range(100)))
    assert radio.whole_in(found) == [data]
    assert (listener.banned, listener.refused) == (set(), {"frame.undecodable": 2})


# --- what is kept -----------------------------------------------------------------------------------------------------


def check_books(listener):
    """What the receiver says it keeps is what it keeps."""
    kept = {
        key: sum(len(data) + receivers.SYMBOL_COST_BYTES for pile in piles.values() for data in pile.values())
        for key, piles in listener.piles.items()
    }
    assert kept == dict(listener.charged)
    held = {(ref, key) for ref, keys in listener.holders.items() for key in keys}
    assert held == {(ref, key) for key, piles in listener.piles.items() for ref in piles}
    assert listener.try_at.keys() <= listener.holders.keys() == listener.came.keys()
    assert listener.waiting_bytes == sum(waiting.size for waiting in listener.sources.values())
    assert set(listener.order) == {slot for slot, waiting in listener.sources.items() if waiting.size}
    assert len(listener.order) == len(set(listener.order))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32).map(random.Random), st.integers(1, 60))
def test_the_books_agree_after_anything(chance, rate):
    keys = dict(radio.KEYS)
    listener = Receiver(lambda: keys, radio.InProcess(), checks_per_second=float(rate))
    things = [radio.thing(2 + n) for n in range(3)]
    pool = [
        frame
        for data in things
        for key in (radio.RELAY, radio.SECOND, radio.THIEF)
        for frame in radio.frames_of(
            data,
            range(0, 40, 1 + chance.randrange(3)),
            key,
            false=chance.sample(range(40), 9) if key is radio.THIEF else (),
        )
    ]
    pool += [radio.forged(frame, n) for n, frame in enumerate(pool[:40])]
    now = 0.0
    for frame in chance.sample(pool, len(pool)):
        now += chance.random() * 0.1
        listener.hear(frame, now, chance.choice("abc"))
        if chance.random() < 0.01:
            keys.pop(chance.choice(sorted(radio.KEYS)), None)
        check_books(listener)


def test_a_key_keeps_no_more_of_one_object_than_can_help():
    class Never:
        def decode(self, length, size, symbols):
            return None

    listener = radio.receiver(decoder=Never())
    data = radio.thing()
    radio.heard(listener, radio.frames_of(data, range(3 * radio.needed(data))))
    ((_, pile),) = listener.piles[radio.RELAY.public_key].items()
    assert len(pile) == radio.needed(data) + receivers.SPARE_SYMBOLS


def test_shares(monkeypatch):
    monkeypatch.setattr(limits, "RECEIVER_KEY_MAX_BYTES", 20_000)
    monkeypatch.setattr(limits, "RECEIVER_SYMBOLS_MAX_BYTES", 35_000)
    listener = radio.receiver()
    first = {}
    for key in (radio.RELAY, radio.SECOND, radio.THIRD):
        first[key] = radio.thing(12)
        radio.heard(listener, radio.frames_of(first[key], range(5), key))
        for n in range(10):
            radio.heard(listener, radio.frames_of(radio.thing(13 + n), range(5), key))
            check_books(listener)
        assert max(listener.charged.values()) <= 20_000
        assert listener.kept_bytes <= 35_000
    assert min(listener.charged.values()) >= 35_000 // 3 - 3_000  # whoever had most lost his oldest


def test_chance_is_not_asked():
    random.seed(1)
    state = random.getstate()
    radio.heard(radio.receiver(), frames_enough(radio.thing()))
    assert random.getstate() == state
    assert numbers(17) == 4_096
