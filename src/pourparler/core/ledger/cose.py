"""COSE_Sign1 as other people's tools write it (RFC 9052): headers with integer labels, an empty external_aad.

Acts have an envelope of their own (``encoding``), whose every byte is fixed. Receipts and statements are made and read
by programs that are not ours, so this reads any COSE_Sign1 whose bytes have one meaning: definite lengths, shortest
heads, no key twice, nothing left over. The order of a map's keys is not asked for, since RFC 9942 does not; who needs
one encoding, compares with :func:`sign1_bytes`. What is written here is deterministic (RFC 8949 section 4.2.1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pourparler.core import limits
from pourparler.core.encoding import byte_string, head, text_string
from pourparler.core.errors import Malformed

Item = Any  # None, int, bytes, str, list of items, dict of int or str to item

SIGN1_OPENING = b"\xd2\x84"  # tag 18 in one byte, a list of four
ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}

ALGORITHM, CRITICAL, CONTENT_TYPE, KID, CLAIMS = 1, 2, 3, 4, 15  # labels (RFC 9052, RFC 9597)
ISSUER, SUBJECT = 1, 2  # claims (RFC 8392)
EDDSA, ED25519 = -8, -19  # RFC 9053; RFC 9864, which calls the same thing by a name that fixes the curve


@dataclass(frozen=True, slots=True)
class Sign1:
    """A COSE_Sign1 as read; no signature is checked. ``protected`` are the bytes that its signature covers, ``header``
    the map in them; ``payload`` is None where it is detached."""

    protected: bytes
    header: Mapping[int | str, Item]
    unprotected: Mapping[int | str, Item]
    payload: bytes | None
    signature: bytes

    def to_be_signed(self, payload: bytes) -> bytes:
        """Return the Sig_structure (RFC 9052 section 4.4) over this payload."""
        return sig_structure(self.protected, payload)


def sig_structure(protected: bytes, payload: bytes) -> bytes:
    """Return what is signed. The external_aad is empty; that of an act never is, so neither passes for the other."""
    return b"\x84" + text_string("Signature1") + byte_string(protected) + byte_string(b"") + byte_string(payload)


def sign1_bytes(protected: bytes, unprotected: Item, payload: bytes | None, signature: bytes) -> bytes:
    """Return the bytes of a tagged COSE_Sign1."""
    return SIGN1_OPENING + byte_string(protected) + encoded(unprotected) + encoded(payload) + byte_string(signature)


def encoded(item: Item) -> bytes:
    """Return the one deterministic encoding of an item: map keys ascend by their encodings, byte by byte."""
    match item:
        case None:
            return b"\xf6"
        case int():
            return head(0, item) if item >= 0 else head(1, -1 - item)
        case bytes():
            return byte_string(item)
        case str():
            return text_string(item)
        case list():
            return head(4, len(item)) + b"".join(map(encoded, item))
        case _:
            rows = sorted((encoded(key), encoded(member)) for key, member in item.items())
            return head(5, len(rows)) + b"".join(key + member for key, member in rows)


def parse_sign1(data: bytes) -> Sign1:
    """Return the COSE_Sign1 that ``data`` is. Raises :class:`Malformed` (``cose.too-large``, ``cose.malformed``,
    ``cose.layout``)."""
    if len(data) > limits.COSE_MAX_BYTES:
        raise Malformed("cose.too-large", f"{len(data)} bytes; at most {limits.COSE_MAX_BYTES}")
    if data[:2] != SIGN1_OPENING:
        raise Malformed("cose.layout", "a COSE_Sign1 is tag 18 and a list of four")
    protected, unprotected, payload, signature = parse_item(data[1:])
    if not isinstance(protected, bytes) or not protected or not isinstance(unprotected, dict):
        raise Malformed("cose.layout", "headers are a byte string with a map in it, and a map")
    header = parse_item(protected)
    if not isinstance(header, dict):
        raise Malformed("cose.layout", "the protected header is no map")
    if not (payload is None or isinstance(payload, bytes)) or not isinstance(signature, bytes) or len(signature) != 64:
        raise Malformed("cose.layout", "a payload is bytes or nil, and an Ed25519 signature is 64 bytes")
    return Sign1(protected, header, unprotected, payload, signature)


def parse_item(data: bytes) -> Item:
    """Return the one item that ``data`` encodes. Raises :class:`Malformed` (``cose.malformed``)."""
    reader = Reader(data)
    item = reader.item(0)
    if reader.position != len(data):
        raise reader.wrong("bytes follow")
    return item


class Reader:
    """Reads CBOR items from left to right; refuses what has a second encoding, and every type that we have no use
    for (floats, tags, booleans)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def wrong(self, what: str) -> Malformed:
        return Malformed("cose.malformed", f"{what} at byte {self.position}")

    def item(self, depth: int) -> Item:
        if depth > limits.COSE_DEPTH_MAX:
            raise self.wrong("lists and maps are nested too deep")
        if self.data[self.position : self.position + 1] == b"\xf6":
            self.position += 1
            return None
        major, argument = self.head()
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self.take(argument)
            case 3:
                return self.text(argument)
            case 4:
                return [self.item(depth + 1) for _ in range(argument)]  # ends with the bytes: an item has one at least
            case 5:
                return self.map(argument, depth)
        raise self.wrong("an item of a type that is not used here")

    def head(self) -> tuple[int, int]:
        """Read an item's head in its shortest form; return its major type and argument."""
        first = self.take(1)[0]
        major, short = first >> 5, first & 31
        if short < 24:
            return major, short
        argument = int.from_bytes(self.take(ARGUMENT_BYTES.get(short, len(self.data) + 1)))
        if head(major, argument)[0] != first:
            raise self.wrong("a head that is longer than it need be ends")
        return major, argument

    def take(self, count: int) -> bytes:
        taken = self.data[self.position : self.position + count]
        if len(taken) != count:
            raise self.wrong("the bytes are cut short, or of indefinite length,")
        self.position += count
        return taken

    def text(self, count: int) -> str:
        try:
            return self.take(count).decode("utf-8")
        except UnicodeDecodeError:
            raise self.wrong("text that is no UTF-8 ends") from None

    def map(self, count: int, depth: int) -> dict[int | str, Item]:
        read: dict[int | str, Item] = {}
        for _ in range(count):
            key = self.item(depth + 1)
            if not isinstance(key, (int, str)) or key in read:
                raise self.wrong("a key that is neither number nor text, or stands twice, ends")
            read[key] = self.item(depth + 1)
        return read
