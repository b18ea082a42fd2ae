"""Frames and objects: what is made is read back, nothing else is, and reading never fails in another way."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.encoding import kid_of, parse_envelope, verify_ed25519
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.dispatch import parcel
from pourparler.dispatch.fountain import symbol_size, symbols_needed
from pourparler.dispatch.frame import (
    FrameForm,
    Part,
    Piece,
    Symbol,
    Telegram,
    joined,
    parse_frame,
    parse_header,
    parts_of,
    symbol_frame,
    symbol_room,
    telegram,
    verify_symbol,
)
from pourparler.dispatch.receiver import Bundle, Whole
from tests import radio, samples


def test_a_telegram_is_an_act_and_its_tag():
    act = radio.suspension()
    frame = telegram(radio.data_of(act), act.id)
    assert len(frame) <= radio.LORA
    assert parse_frame(frame) == Telegram(radio.data_of(act), act.id)


def test_a_dismissal_by_one_member_is_one_frame_of_a_radio():
    act = radio.dismissal()
    frames = parts_of(act.envelope, act.id)
    assert len(frames) == 3
    assert all(len(frame) <= radio.LORA for frame in frames)


def test_parts_of_distinct_members_join_to_the_act_in_whatever_order_they_come():
    act = radio.dismissal()
    parts = [parse_frame(frame) for frame in parts_of(act.envelope, act.id)]
    assert {part.act_id for part in parts} == {act.id}
    for order in itertools.permutations(parts):
        whole = joined(order[0].payload, [(part.kid, part.signature) for part in (*order, order[0])])
        assert parse_act(whole.encoded()).id == act.id
        assert set(whole.signatures) == set(act.envelope.signatures)
        assert len(whole.signatures) == 3


def test_an_act_of_one_key_has_no_parts():
    act = radio.suspension()
    assert parts_of(act.envelope, act.id) == []


def test_a_part_names_the_kid_and_carries_the_signature_of_the_act():
    act = radio.dismissal()
    part = parse_frame(parts_of(act.envelope, act.id)[0])
    assert isinstance(part, Part)
    assert (part.kid, part.signature) in {(s.kid, s.value) for s in act.envelope.signatures}


def test_a_symbol_is_signed_by_a_dispatch_key_for_a_party():
    (frame,) = radio.frames_of(radio.thing(), [5])
    found = parse_frame(frame)
    assert isinstance(found, Symbol)
    assert (found.header.form, found.piece.number, found.header.hint) == (
        FrameForm.SYMBOL,
        5,
        kid_of(radio.RELAY.public_key)[0],
    )
    verify_symbol(frame, radio.RELAY.public_key, radio.PARTY)
    verify_ed25519(
        radio.RELAY.public_key, b"pourparler/frame/1\x00" + radio.PARTY + frame[:-64], found.signature or b""
    )
    for key, party in ((radio.SECOND, radio.PARTY), (radio.RELAY, radio.OTHER_PARTY)):
        with pytest.raises(Refused, match="signature.invalid"):
            verify_symbol(frame, key.public_key, party)


@pytest.mark.parametrize("at", range(0, 233, 7))
def test_a_signature_covers_every_byte_of_the_frame(at):
    (frame,) = radio.frames_of(radio.thing(), [5])
    changed = frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]
    with pytest.raises(Refused, match="signature.invalid"):
        verify_symbol(changed, radio.RELAY.public_key, radio.PARTY)


@pytest.mark.parametrize(
    ("frame_bytes", "bare", "room"), [(233, False, 152), (233, True, 216), (1_200, False, 1_112), (1_200, True, 1_176)]
)
def test_the_room_of_a_channel(frame_bytes, bare, room):
    assert symbol_room(frame_bytes, bare=bare) == room
    key = None if bare else radio.RELAY
    assert len(symbol_frame(Piece(bytes(8), room, 0, bytes(room)), radio.PARTY, key)) <= frame_bytes


@given(st.integers(1, limits.OBJECT_MAX_BYTES), st.integers(1, 500).map(lambda n: n * 8))
def test_sizes_and_counts_agree_between_sender_and_receiver(length, room):
    try:
        size = symbol_size(length, room)
    except Malformed:
        assert symbols_needed(length, room) > limits.OBJECT_SYMBOLS_MAX
        return
    needed = symbols_needed(length, room)
    assert size <= room
    assert symbols_needed(length, size) == needed
    assert size * needed - length < 8 * needed  # nothing padded that need not be
    frame = symbol_frame(Piece(bytes(8), length, 0, bytes(size)))
    assert parse_header(frame).size == size
    if size + 8 <= 4_000:
        longer = symbol_frame(Piece(bytes(8), length, 0, bytes(size + 8)))
        fewer = symbols_needed(length, size + 8)
        if fewer == needed:
            with pytest.raises(Malformed, match="frame.symbol-size"):
                parse_header(longer)


@settings(max_examples=500)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda body: b"\xd1" + body))
def test_reading_raises_nothing_but_our_errors(data):
    try:
        frame = parse_frame(data)
    except PourparlerError:
        return
    assert isinstance(frame, Telegram | Part | Symbol)


# --- objects ----------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.permutations(range(8)), st.lists(st.integers(0, 7)))
def test_the_same_acts_are_the_same_object(order, again):
    acts = radio.letters(8)
    assert parcel.batch([acts[n] for n in [*order, *again]]) == parcel.batch(acts)


def test_of_one_act_in_two_envelopes_a_batch_holds_the_same_one_everywhere():
    act = radio.dismissal()
    fewer = act.envelope.with_signatures(act.envelope.signatures[:2]).encoded()
    assert parcel.batch([fewer, radio.data_of(act)]) == parcel.batch([radio.data_of(act), fewer])
    found = parcel.read_object(parcel.batch([fewer, radio.data_of(act)]))
    assert found.act_ids == (act.id,)


def test_a_batch_is_read_as_its_acts():
    acts = radio.letters(5)
    found = parcel.read_object(parcel.batch(acts))
    assert sorted(found.envelopes) == sorted(acts)
    assert list(found.act_ids) == sorted(found.act_ids)
    assert [parse_act(data).id for data in found.envelopes] == list(found.act_ids)


def test_a_bundle_is_an_object():
    data = samples.bundle()
    assert parcel.read_object(data) == parcel.Bundle(data)
    listener = radio.receiver()
    k = radio.needed(data)
    assert radio.heard(listener, radio.frames_of(data, range(k, 2 * k + 2))) == [Whole(data), Bundle(data)]


def test_an_act_that_cannot_be_read_makes_no_object():
    good = radio.letters(1)[0]
    for bad in (b"", b"\xd2", good[:-1], good + b"\x00"):
        with pytest.raises(Malformed):
            parcel.batch([good, bad])
        with pytest.raises(Malformed):
            parcel.read_object(radio.list_of(bad, good))


def test_too_many_acts_make_no_object():
    acts = radio.letters(40, 8_000)
    with pytest.raises(Malformed, match="object.too-large"):
        parcel.batch(acts)


def test_envelopes_of_a_batch_are_not_parsed_twice_as_long():
    data = parcel.batch(radio.letters(3))
    assert all(parse_envelope(envelope) for envelope in parcel.read_object(data).envelopes)
