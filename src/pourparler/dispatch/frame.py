"""Frames: what goes over radio, paper, a screen or into a file, one at a time. Specification: ``spec/frame.md``.

A frame is small, may be lost, and comes from anybody. All have one header of 17 bytes and one of four forms::

    D1 | form | tag (8) | length (3) | number (4) | body

    telegram     one whole act; it verifies by itself
    part         the payload of an organ's act, and one member's signature
    symbol       a piece of an object (``parcel``), and the signature of a dispatch key
    bare symbol  the same without signature, where the link itself says who sends

Reading is cheap and in two steps, since almost everything that comes in a flood is junk: :func:`parse_header` looks at
lengths and numbers only; :func:`parse_frame` reads the body too. Neither checks a signature: a telegram's is for
whoever knows the register, a symbol's is for :func:`verify_symbol`.

>>> frame = symbol_frame(Piece(bytes(8), length=100, number=3, data=bytes(104)))
>>> parse_header(frame).form.name, len(frame)
('BARE', 121)
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from pourparler.core import limits
from pourparler.core.act import SINGLE, act_in, check_payload, issuer_of, parse_act
from pourparler.core.encoding import (
    ALGORITHM_ED25519,
    KID_BYTES,
    SIGNATURE_BYTES,
    Envelope,
    Form,
    Signature,
    decode,
    kid_of,
    verify_ed25519,
)
from pourparler.core.errors import Malformed
from pourparler.dispatch.fountain import check_size, symbols_needed
from pourparler.ports import Signer

FIRST_BYTE = 0xD1  # dispatch, version 1
HEADER = struct.Struct(">BB8sBHI")  # the length is of three bytes, read as one and two
HEADER_BYTES = HEADER.size
TAG_BYTES = 8
SIGNED = b"pourparler/frame/1\x00"
PART_BYTES = KID_BYTES + SIGNATURE_BYTES  # of a part, beside its payload

LORA_FRAME_BYTES = 233  # what radios of that class carry at once
UDP_FRAME_BYTES = 1_200  # what every path carries in one datagram


class FrameForm(IntEnum):
    """The four forms, by the byte that names them."""

    TELEGRAM = 1
    PART = 2
    SYMBOL = 3
    BARE = 4


TELEGRAM, PART, SYMBOL, BARE = FrameForm  # names that cost nothing to look up, for every frame of a flood
FORMS = {int(form): form for form in FrameForm}


class Header(NamedTuple):
    """The header of a frame whose length fits it. Nothing else is known of the frame: anybody can make one.

    ``size`` is the number of bytes of the symbol, 0 where there is none; ``hint`` the first byte of the dispatch key's
    kid; ``number`` that of the symbol.
    """

    form: FrameForm
    tag: bytes
    length: int
    hint: int
    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Telegram:
    """A whole act, unverified: its envelope, and the id that its tag begins."""

    envelope: bytes
    act_id: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """The payload of an organ's act and one signature of it, unverified. ``act_id`` is that of the whole act."""

    payload: bytes
    kid: bytes
    signature: bytes
    act_id: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """A symbol of an object as it is sent: which object, how long it is, which symbol, and its bytes."""

    tag: bytes
    length: int
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol as it came in, unverified. ``signature`` is None in a bare one."""

    piece: Piece
    header: Header
    signed: bytes  # header and symbol: what the signature covers after the label and the party
    signature: bytes | None


Frame = Telegram | Part | Symbol


# --- making -----------------------------------------------------------------------------------------------------------


def telegram(envelope: bytes, act_id: bytes) -> bytes:
    """Return the telegram of an act."""
    return HEADER.pack(FIRST_BYTE, TELEGRAM, act_id[:TAG_BYTES], *three(len(envelope)), 0) + envelope


def part_frame(payload: bytes, kid: bytes, signature: bytes, act_id: bytes) -> bytes:
    """Return the part that carries one member's signature of an organ's act."""
    head = HEADER.pack(FIRST_BYTE, PART, act_id[:TAG_BYTES], *three(len(payload)), 0)
    return head + payload + kid + signature


def parts_of(envelope: Envelope, act_id: bytes) -> list[bytes]:
    """Return one part for each Ed25519 signature of an organ's act."""
    return [
        part_frame(envelope.payload, signature.kid, signature.value, act_id)
        for signature in envelope.signatures
        if envelope.form is Form.SIGN and signature.algorithm == ALGORITHM_ED25519
    ]


def symbol_frame(piece: Piece, party: bytes = b"", signer: Signer | None = None) -> bytes:
    """Return the frame of a symbol, signed by a dispatch key of the party, or bare without a signer.

    Raises :class:`OSError` where the signer cannot sign.
    """
    form, hint = (SYMBOL, kid_of(signer.public_key)[0]) if signer else (BARE, 0)
    head = HEADER.pack(FIRST_BYTE, form, piece.tag, *three(piece.length), hint << 24 | piece.number)
    signed = head + piece.data
    return signed + (signer.sign(SIGNED + party + signed) if signer else b"")


def three(length: int) -> tuple[int, int]:
    """Return a length as its highest byte and the two others."""
    return length >> 16, length & 0xFFFF


def symbol_room(frame_bytes: int, *, bare: bool = False) -> int:
    """Return the bytes of the longest symbol that a frame of so many bytes can carry: a multiple of 8."""
    room = frame_bytes - HEADER_BYTES - (0 if bare else SIGNATURE_BYTES)
    return max(0, room - room % 8)


# --- reading ----------------------------------------------------------------------------------------------------------


def parse_header(frame: bytes) -> Header:
    """Return a frame's header. Raises :class:`Malformed` (``frame.*``); costs some microseconds, whatever comes in."""
    if not HEADER_BYTES < len(frame) <= limits.FRAME_MAX_BYTES:
        raise Malformed("frame.size", f"{len(frame)} bytes; {HEADER_BYTES + 1} to {limits.FRAME_MAX_BYTES}")
    first, kind, tag, high, low, number = HEADER.unpack_from(frame)
    if first != FIRST_BYTE:
        raise Malformed("frame.version", "the first byte names no version that is known here")
    form = FORMS.get(kind)
    if form is None:
        raise Malformed("frame.form", f"there is no form {kind}")
    length, body = high << 16 | low, len(frame) - HEADER_BYTES
    if form is TELEGRAM or form is PART:
        if length == 0 or body != length + (PART_BYTES if form is PART else 0):
            raise Malformed("frame.length", f"the header says {length} bytes, and the body has {body}")
        if number:
            raise Malformed("frame.number", "a telegram or part has number 0")
        return Header(form, tag, length, 0, 0, 0)
    size = body - SIGNATURE_BYTES if form is SYMBOL else body
    hint, number = number >> 24, number & 0xFFFFFF
    if hint and form is BARE:
        raise Malformed("frame.number", "a bare symbol hints at no key")
    check_size(length, size, number)
    return Header(form, tag, length, hint, number, size)


def parse_frame(frame: bytes) -> Frame:
    """Return what a frame carries, unverified. Raises :class:`Malformed`: ``frame.*``, and of a telegram or part what
    an act is refused for before its signatures are looked at (``envelope.*``, ``cbor.*``, ``act.*``)."""
    header = parse_header(frame)
    if header.form is TELEGRAM:
        return parse_telegram(frame, header)
    if header.form is PART:
        return parse_part(frame, header)
    return parse_symbol(frame, header)


def parse_telegram(frame: bytes, header: Header) -> Telegram:
    envelope = frame[HEADER_BYTES:]
    act = parse_act(envelope)
    check_tag(header, act.id)
    return Telegram(envelope, act.id)


def parse_part(frame: bytes, header: Header) -> Part:
    end = HEADER_BYTES + header.length
    payload, kid, signature = frame[HEADER_BYTES:end], frame[end : end + KID_BYTES], frame[end + KID_BYTES :]
    act_id = id_of_part(payload, kid, signature)
    check_tag(header, act_id)
    return Part(payload, kid, signature, act_id)


def id_of_part(payload: bytes, kid: bytes, signature: bytes) -> bytes:
    """Return the id of the act that a part is of. Raises :class:`Malformed`; ``frame.part`` where one key speaks."""
    fields = decode(payload, most_bytes=limits.ENVELOPE_MAX_BYTES)
    if not isinstance(fields, dict):
        raise Malformed("act.payload", "a payload is a map")
    check_payload(fields)
    if issuer_of(fields["kind"], fields) in SINGLE:
        raise Malformed("frame.part", f"{fields['kind']} is spoken by one key: it has no parts")
    return act_in(joined(payload, [(kid, signature)]), fields).id


def parse_symbol(frame: bytes, header: Header) -> Symbol:
    end = HEADER_BYTES + header.size
    piece = Piece(header.tag, header.length, header.number, frame[HEADER_BYTES:end])
    return Symbol(piece, header, frame[:end], frame[end:] if header.form is SYMBOL else None)


def check_tag(header: Header, name: bytes) -> None:
    if name[:TAG_BYTES] != header.tag:
        raise Malformed("frame.tag", "the tag is not how the id of what the frame carries begins")


def verify_symbol(frame: bytes, public_key: bytes, party: bytes) -> None:
    """Raise :class:`Refused` (``signature.invalid``) unless the dispatch key signed the symbol frame for the party."""
    verify_ed25519(public_key, SIGNED + party + frame[:-SIGNATURE_BYTES], frame[-SIGNATURE_BYTES:])


# --- parts and wholes -------------------------------------------------------------------------------------------------


def joined(payload: bytes, signatures: Sequence[tuple[bytes, bytes]]) -> Envelope:
    """Return the COSE_Sign envelope of a payload and signatures by kid, in ascending order: deterministic, unverified.

    Intake drops strangers' and double signatures and puts the rest in member order.
    """
    rows = tuple(Signature(ALGORITHM_ED25519, kid, value) for kid, value in sorted(set(signatures)))
    return Envelope(Form.SIGN, payload, rows)


def frames_needed(length: int, frame_bytes: int) -> int:
    """Return how many symbol frames of a channel an object of so many bytes takes at least."""
    return symbols_needed(length, symbol_room(frame_bytes))
