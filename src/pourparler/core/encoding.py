"""Bytes: deterministic CBOR, signed envelopes, identifiers. Specification: ``spec/encoding.md``.

An act is one *payload* (a CBOR map) in a COSE *envelope*. Everything that two people must compute alike from the same
bytes is here: what a payload may contain, how an envelope is laid out, what exactly a signature covers, and the
digest that names an act.

The CBOR profile is what RFC 8949 section 4.2 and DAG-CBOR have in common: null, booleans, 64-bit integers, NFC text,
byte strings, lists, and maps with text keys; nothing else, and one encoding for each value. An envelope has one of two
forms, and its layout leaves nothing free::

    COSE_Sign1   D2 84  protected  A0  payload  signature              one key speaks
    COSE_Sign    D8 62 84  40  A0  payload  [ [protected, A0, signature] … ]   an organ, or several keys

where ``protected`` is the encoded map ``{1: algorithm, 4: kid}`` with an 8-byte ``kid``: a hint at the key, never a
proof of it. The label of the act's kind is the ``external_aad`` of every signature, so that a signature made for one
kind can serve no other.

>>> decode(encode({"b": 1, "a": [True, None, "é"]}))
{'a': [True, None, 'é'], 'b': 1}
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

import libipld
import nacl.bindings
import nacl.exceptions

from pourparler.core import limits
from pourparler.core.errors import Malformed, Refused

ALGORITHM_ED25519 = -19  # RFC 9864: fully specified Ed25519
ALGORITHM_PASSKEY_ES256 = -70001  # private use: [authenticatorData, clientDataJSON, signature] over ES256
ALGORITHM_PASSKEY_ED25519 = -70002  # private use: the same over Ed25519
ALGORITHMS = (ALGORITHM_ED25519, ALGORITHM_PASSKEY_ES256, ALGORITHM_PASSKEY_ED25519)

DIGEST_BYTES = 32
KID_BYTES = 8
SIGNATURE_BYTES = 64

TAG_OF_IDENTIFIERS = b"\xd8\x2a"  # tag 42, for the content identifiers of DAG-CBOR, which the profile does not have

Value = Any  # a value of the profile: None, bool, int, str, bytes, list of values, dict of str to value


# --- deterministic CBOR ---------------------------------------------------------------------------------------------


def encode(value: Value, *, most_items: int = limits.CBOR_ITEMS_MAX) -> bytes:
    """Return the one encoding of ``value``. Raises :class:`Malformed` (``cbor.*``) for a value outside the profile."""
    check_value(value, most_items)
    encoded: bytes = libipld.encode_dag_cbor(value)
    return b"".join(items(value)) if TAG_OF_IDENTIFIERS in encoded else encoded


def items(value: Value) -> Iterator[bytes]:
    """Yield the encoded items of a checked value: heads in shortest form, map keys by length and then bytewise.

    libipld does the same faster, but for bytes that read like a content identifier, which it writes with a tag. So
    this decides wherever the bytes of that tag occur, and the tests compare the two.
    """
    match value:
        case None:
            yield b"\xf6"
        case bool():
            yield b"\xf5" if value else b"\xf4"
        case int():
            yield head(0, value) if value >= 0 else head(1, -1 - value)
        case bytes():
            yield head(2, len(value)) + value
        case str():
            encoded = value.encode()
            yield head(3, len(encoded)) + encoded
        case list():
            yield head(4, len(value))
            for member in value:
                yield from items(member)
        case dict():
            yield head(5, len(value))
            for key, member in sorted(
                (head(3, len(k)) + k, v) for k, v in ((key.encode(), value[key]) for key in value)
            ):
                yield key
                yield from items(member)


def decode(data: bytes, *, most_bytes: int = limits.TEXT_MAX_BYTES, most_items: int = limits.CBOR_ITEMS_MAX) -> Value:
    """Return the value that ``data`` encodes; refuse every other encoding of it.

    Raises :class:`Malformed`: ``cbor.malformed`` where the bytes are no single CBOR item of the profile,
    ``cbor.not-deterministic`` where the value has another, proper encoding.
    """
    if len(data) > most_bytes:
        raise Malformed("cbor.too-large", f"{len(data)} bytes; at most {most_bytes}")
    try:
        value = libipld.decode_dag_cbor(data)
    except RecursionError:
        raise Malformed("cbor.too-deep", f"at most {limits.CBOR_DEPTH_MAX}") from None
    except (ValueError, TypeError) as error:
        raise Malformed("cbor.malformed", str(error)) from None
    try:
        check_value(value, most_items)
    except Malformed as error:
        raise Malformed("cbor.malformed" if error.reason == "cbor.type" else error.reason, error.detail) from None
    again = libipld.encode_dag_cbor(value)
    if again != data or TAG_OF_IDENTIFIERS in data:
        if b"".join(items(value)) != data:
            reason = "cbor.malformed" if again == data else "cbor.not-deterministic"
            raise Malformed(reason, "the value has another encoding, and one value has one")
    return value


def check_value(value: Value, most_items: int) -> None:
    """Raise :class:`Malformed` unless ``value`` is of the profile and within its bounds (``spec/encoding.md`` 2)."""
    level, depth, items_left = [value], 0, most_items
    while level:
        items_left -= len(level)
        if items_left < 0:
            raise Malformed("cbor.too-many-items", f"at most {most_items}")
        if depth > limits.CBOR_DEPTH_MAX:
            raise Malformed("cbor.too-deep", f"at most {limits.CBOR_DEPTH_MAX}")
        deeper: list[Value] = []
        for item in level:
            kind = type(item)  # exactly: a subclass of a type of the profile might encode as something else
            if kind is str:
                check_text(item)
            elif kind is list:
                deeper += item
            elif kind is dict:
                for key in item:
                    check_key(key)
                deeper += item.values()
            elif kind is int:
                if not limits.INTEGER_MIN <= item <= limits.INTEGER_MAX:
                    raise Malformed("cbor.integer-range", "integers are signed and of 64 bits")
            elif item is not None and kind is not bytes and kind is not bool:
                raise Malformed("cbor.type", f"{kind.__name__} is not of the profile")
        level, depth = deeper, depth + 1


def check_text(text: str) -> None:
    """Raise :class:`Malformed` unless ``text`` is NFC and free of surrogates and invisible direction marks."""
    if text.isascii():
        return
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed("cbor.text", "a lone surrogate is no text")
    if not unicodedata.is_normalized("NFC", text):
        raise Malformed("cbor.text", "text must be in Unicode normalization form C")
    if any(
        character in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for character in text
    ):
        raise Malformed("cbor.text", "text must not change its reading direction by an invisible mark")


def check_key(key: object) -> None:
    if type(key) is str and key.isascii() and 1 <= len(key) <= limits.MAP_KEY_MAX_BYTES:
        return
    if type(key) is not str or not 1 <= len(key.encode("utf-8", "replace")) <= limits.MAP_KEY_MAX_BYTES:
        raise Malformed("cbor.key", f"map keys are text of 1 to {limits.MAP_KEY_MAX_BYTES} bytes")
    check_text(key)


# --- digests and labels -----------------------------------------------------------------------------------------------


def label(kind: str) -> str:
    """Return the domain label of a kind: what tells a signature or digest for one purpose from every other."""
    return f"pourparler/1 {kind}"


def digest(kind: str, *parts: Value) -> bytes:
    """Return SHA-256 over the encoded list of the kind's label and ``parts``: 32 bytes."""
    encoded = [byte_string(part) if type(part) is bytes else encode(part) for part in parts]
    return hashlib.sha256(labelled(kind, len(parts)) + b"".join(encoded)).digest()


@lru_cache(maxsize=256)
def labelled(kind: str, parts: int) -> bytes:
    """Return how the encoded list of a kind's label and so many parts begins."""
    return head(4, parts + 1) + text_string(label(kind))


# --- envelopes --------------------------------------------------------------------------------------------------------


class Form(Enum):
    """The two COSE structures of RFC 9052 that an act may use."""

    SIGN1 = "COSE_Sign1"
    SIGN = "COSE_Sign"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature as it stands in an envelope: unverified. ``value`` is 64 bytes, or a passkey's encoded list."""

    algorithm: int
    kid: bytes
    value: bytes

    @property
    def protected(self) -> bytes:
        """The encoded protected header (RFC 9052 section 3)."""
        return PROTECTED[self.algorithm] + self.kid


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope of the profile: its layout is checked, its signatures are not."""

    form: Form
    payload: bytes
    signatures: tuple[Signature, ...]

    @property
    def body_protected(self) -> bytes:
        """The body's protected header: in a COSE_Sign1 that of its one signature, in a COSE_Sign empty."""
        return self.signatures[0].protected if self.form is Form.SIGN1 else b""

    def with_signatures(self, signatures: tuple[Signature, ...]) -> "Envelope":
        return replace(self, signatures=signatures)

    def encoded(self) -> bytes:
        """Return the envelope's bytes: the only ones that :func:`parse_envelope` reads back to it."""
        payload = byte_string(self.payload)
        if self.form is Form.SIGN1:
            return b"\xd2\x84" + byte_string(self.body_protected) + b"\xa0" + payload + signed(self.signatures[0])
        rows = b"".join(b"\x83" + byte_string(s.protected) + b"\xa0" + signed(s) for s in self.signatures)
        return b"\xd8\x62\x84\x40\xa0" + payload + head(4, len(self.signatures)) + rows


@lru_cache(maxsize=1024)
def head(major: int, argument: int) -> bytes:
    """Return a CBOR item head in its shortest form (RFC 8949 section 3)."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for size, code in ((1, 24), (2, 25), (4, 26), (8, 27)):
        if argument >> 8 * size == 0:
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise Malformed("envelope.layout", "a length of 2^64 or more")


def byte_string(data: bytes) -> bytes:
    return head(2, len(data)) + data


def text_string(text: str) -> bytes:
    encoded = text.encode()
    return head(3, len(encoded)) + encoded


def signed(signature: Signature) -> bytes:
    return byte_string(signature.value)


# The encoded protected header {1: algorithm, 4: kid} (RFC 9052 section 3.1) up to its kid; whole, 13 bytes for Ed25519.
PROTECTED = {
    algorithm: b"\xa2\x01" + head(1, -1 - algorithm) + b"\x04" + head(2, KID_BYTES) for algorithm in ALGORITHMS
}
BY_PROTECTED = {header: algorithm for algorithm, header in PROTECTED.items()}

SIGNATURE1_OPENING = head(4, 4) + text_string("Signature1")
SIGNATURE_OPENING = head(4, 5) + text_string("Signature") + byte_string(b"")


def to_be_signed(envelope: Envelope, signature: Signature, kind: str) -> bytes:
    """Return the Sig_structure that ``signature`` covers (RFC 9052 section 4.4), with the kind's label as aad."""
    aad = byte_string(label(kind).encode())
    opening = SIGNATURE1_OPENING if envelope.form is Form.SIGN1 else SIGNATURE_OPENING
    return opening + byte_string(signature.protected) + aad + byte_string(envelope.payload)


def act_id(envelope: Envelope, kind: str) -> bytes:
    """Return the act's name: SHA-256 over label, body's protected header and payload, never the signatures."""
    return digest(kind, envelope.body_protected, envelope.payload)


ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4}


class Cursor:
    """Reads the fixed layout of an envelope from left to right; any other layout is :class:`Malformed`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def expect(self, literal: bytes, what: str) -> None:
        if self.data[self.position : self.position + len(literal)] != literal:
            raise Malformed("envelope.layout", f"{what} expected at byte {self.position}")
        self.position += len(literal)

    def argument(self, major: int, what: str) -> int:
        """Read an item head of ``major`` type in its shortest form and return its argument."""
        first = self.data[self.position] if self.position < len(self.data) else 0xFF
        if first >> 5 != major or first & 31 > 26:
            raise Malformed("envelope.layout", f"{what} expected at byte {self.position}")
        if first & 31 < 24:
            self.position += 1
            return first & 31
        size = ARGUMENT_BYTES[first & 31]
        argument = int.from_bytes(self.data[self.position + 1 : self.position + 1 + size])
        self.expect(head(major, argument), f"{what} in its shortest form")
        return argument

    def byte_string(self, what: str) -> bytes:
        length = self.argument(2, what)
        value = self.data[self.position : self.position + length]
        if len(value) != length:
            raise Malformed("envelope.layout", f"{what} is cut short")
        self.position += length
        return value

    def end(self) -> None:
        if self.position != len(self.data):
            raise Malformed("envelope.trailing", f"{len(self.data) - self.position} bytes after the envelope")


def parse_envelope(data: bytes) -> Envelope:
    """Return the envelope that ``data`` is. Raises :class:`Malformed` (``envelope.*``); no signature is checked."""
    if len(data) > limits.ENVELOPE_MAX_BYTES:
        raise Malformed("envelope.too-large", f"{len(data)} bytes; at most {limits.ENVELOPE_MAX_BYTES}")
    cursor = Cursor(data)
    if data[:1] == b"\xd2":
        cursor.expect(b"\xd2\x84", "COSE_Sign1 of four elements")
        algorithm, kid = parse_protected(cursor.byte_string("a protected header"))
        cursor.expect(b"\xa0", "an empty unprotected header")
        payload = cursor.byte_string("a payload")
        signatures: tuple[Signature, ...] = (Signature(algorithm, kid, parse_signature(cursor, algorithm)),)
        form = Form.SIGN1
    else:
        cursor.expect(b"\xd8\x62\x84\x40\xa0", "COSE_Sign1, or COSE_Sign with empty headers,")
        payload = cursor.byte_string("a payload")
        count = cursor.argument(4, "a list of signatures")
        if not 1 <= count <= limits.ENVELOPE_SIGNATURES_MAX:
            raise Malformed("envelope.signature-count", f"1 to {limits.ENVELOPE_SIGNATURES_MAX} signatures")
        signatures = tuple(parse_cosigner(cursor) for _ in range(count))
        form = Form.SIGN
    cursor.end()
    if not payload:
        raise Malformed("envelope.payload", "the payload is empty")
    return Envelope(form, payload, signatures)


def parse_cosigner(cursor: Cursor) -> Signature:
    cursor.expect(b"\x83", "a signature of three elements")
    algorithm, kid = parse_protected(cursor.byte_string("a protected header"))
    cursor.expect(b"\xa0", "an empty unprotected header")
    return Signature(algorithm, kid, parse_signature(cursor, algorithm))


def parse_protected(data: bytes) -> tuple[int, bytes]:
    """Return algorithm and kid of a protected header that is exactly ``{1: algorithm, 4: kid}``."""
    algorithm = BY_PROTECTED.get(data[:-KID_BYTES])
    if algorithm is None:
        raise Malformed("envelope.header", "a protected header is exactly a known algorithm and a kid of 8 bytes")
    return algorithm, data[-KID_BYTES:]


def parse_signature(cursor: Cursor, algorithm: int) -> bytes:
    value = cursor.byte_string("a signature")
    if algorithm == ALGORITHM_ED25519 and len(value) != SIGNATURE_BYTES:
        raise Malformed("envelope.signature-length", f"{len(value)} bytes; an Ed25519 signature has 64")
    if len(value) > limits.PASSKEY_SIGNATURE_MAX_BYTES:
        raise Malformed("envelope.signature-length", f"at most {limits.PASSKEY_SIGNATURE_MAX_BYTES} bytes")
    return value


# --- keys -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def kid_of(public_key: bytes) -> bytes:
    """Return the 8-byte hint of a key: the first bytes of its digest. Two keys may share one; it proves nothing."""
    return digest("key", public_key)[:KID_BYTES]


def verify_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise :class:`Refused` (``signature.invalid``) unless the signature verifies.

    libsodium refuses small-order and non-canonical keys and non-canonical scalars (RFC 8032 section 5.1.7).
    """
    try:
        nacl.bindings.crypto_sign_open(signature + message, public_key)
    except (nacl.exceptions.CryptoError, ValueError, TypeError):
        raise Refused("signature.invalid", "the signature does not verify with the key it must be by") from None
