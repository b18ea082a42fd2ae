"""Signed statements (SCITT, RFC 9943) over the hash of an entry (RFC 9995). Spec: ``spec/receipt.md`` section 6.

A *signed statement* is somebody's word about an entry: "I, who call myself so, hand in these bytes, whose SHA-256 is
this." Any transparency service can register it; a ledger of ours takes it in as an entry of its own. With the receipt
of that entry in its unprotected header it is a *transparent statement*, which needs nothing beside it but the keys.

A statement binds nobody and moves nothing: it is about bytes. Its one layout leaves nothing free::

    18([ << {1: -8, 4: public key, 15: {1: issuer, 2: subject}, 258: -16, 259: 18 or 98, ? 260: location} >>,
         {},  SHA-256 of the entry,  signature ])

The kid is the whole public key, so whoever checks needs no directory; that the key is the issuer's, nobody proves here.
The subject is the hash once more, in hexadecimal: not the act's id, which whoever guesses the payload could compute.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import nacl.bindings
import nacl.exceptions

from pourparler.core import limits
from pourparler.core.encoding import check_text, digest
from pourparler.core.errors import Malformed, Refused
from pourparler.core.ledger.cose import (
    ALGORITHM,
    CLAIMS,
    ED25519,
    EDDSA,
    ISSUER,
    KID,
    SUBJECT,
    Item,
    Sign1,
    encoded,
    parse_sign1,
    sig_structure,
    sign1_bytes,
)
from pourparler.core.ledger.keeping import Signer

HASH_ALGORITHM, PREIMAGE_TYPE, LOCATION = 258, 259, 260  # labels (RFC 9995)
RECEIPTS = 394  # label (RFC 9942)
SHA256 = -16
COSE_SIGN1, COSE_SIGN = 18, 98  # content formats (RFC 9052): which envelope was hashed
REQUIRED = {ALGORITHM, KID, CLAIMS, HASH_ALGORITHM, PREIMAGE_TYPE}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement whose signature verified. ``key`` signed it, ``issuer`` is what its holder calls himself, ``hash``
    the SHA-256 of the entry that it is about, and ``form`` says which envelope that is. ``data`` are its bytes as they
    are registered: without receipts."""

    key: bytes
    issuer: str
    hash: bytes
    form: int
    location: str
    data: bytes

    @property
    def id(self) -> bytes:
        """The statement's name: a digest of all of it."""
        return digest("statement", self.data)


def is_statement(data: bytes) -> bool:
    """Whether an entry is a statement and not an act, by its first bytes: an act's protected header has at most 23."""
    return data[:2] == b"\xd2\x84" and data[2:3] in (b"\x58", b"\x59")


def parse_statement(data: bytes) -> Statement:
    """Return the statement that ``data`` is, as a ledger takes it in: its unprotected header is empty.

    Raises :class:`Malformed` (``cose.*``, ``statement.header``, ``statement.payload``, ``statement.unprotected``,
    ``statement.not-deterministic``) or :class:`Refused` (``statement.signature``).
    """
    signed = parse_sign1(data)
    if signed.unprotected:
        raise Malformed("statement.unprotected", "a statement is registered with an empty unprotected header")
    return read_statement(signed, data)


def parse_transparent(data: bytes) -> tuple[Statement, tuple[bytes, ...]]:
    """Return the statement in a transparent statement, and its receipts, unverified; at most 16.

    Raises as :func:`parse_statement` does.
    """
    signed = parse_sign1(data)
    receipts = signed.unprotected.get(RECEIPTS)
    if not isinstance(receipts, list) or len(signed.unprotected) != 1:
        raise Malformed("statement.unprotected", "the unprotected header is receipts, and nothing else")
    if not 1 <= len(receipts) <= limits.RECEIPTS_MAX or not all(type(r) is bytes for r in receipts):
        raise Malformed("statement.unprotected", f"beside the statement stand 1 to {limits.RECEIPTS_MAX} receipts")
    bare = sign1_bytes(signed.protected, {}, signed.payload, signed.signature)
    return read_statement(signed, bare), tuple(receipts)


def read_statement(signed: Sign1, data: bytes) -> Statement:
    """Return the statement in a COSE_Sign1; ``data`` are its bytes without receipts."""
    header = signed.header
    issuer, subject = read_claims(header.get(CLAIMS))
    key, form, location = header.get(KID), header.get(PREIMAGE_TYPE), header.get(LOCATION, "")
    if set(header) - {LOCATION} != REQUIRED or header[ALGORITHM] not in (EDDSA, ED25519):
        raise Malformed("statement.header", "alg is EdDSA or Ed25519; no label is missing, and none is strange")
    if not isinstance(key, bytes) or len(key) != 32 or header[HASH_ALGORITHM] != SHA256:
        raise Malformed("statement.header", "the kid is the whole public key, and the hash is SHA-256")
    if form not in (COSE_SIGN1, COSE_SIGN) or (LOCATION in header and not is_name(location)):
        raise Malformed("statement.header", "the preimage is a COSE_Sign1 or a COSE_Sign; a location is short text")
    if signed.payload is None or len(signed.payload) != 32:
        raise Malformed("statement.payload", "the payload is a SHA-256, attached")
    if subject != signed.payload.hex():
        raise Malformed("statement.header", "the subject is the payload in hexadecimal")
    if (
        encoded(header) != signed.protected
        or sign1_bytes(signed.protected, {}, signed.payload, signed.signature) != data
    ):
        raise Malformed("statement.not-deterministic", "the statement has another, proper encoding")
    check_signature(key, signed.to_be_signed(signed.payload), signed.signature)
    return Statement(key, issuer, signed.payload, form, location, data)


def read_claims(claims: Item) -> tuple[str, str]:
    if isinstance(claims, Mapping) and set(claims) == {ISSUER, SUBJECT} and all(map(is_name, claims.values())):
        return claims[ISSUER], claims[SUBJECT]
    raise Malformed("statement.header", "the claims are issuer and subject, short texts both, and no others")


def is_name(value: Item) -> bool:
    """Whether a value is text of 1 to 256 bytes that people can compare: in form C, with no hidden direction marks."""
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= limits.SHORT_TEXT_MAX_BYTES:
        return False
    try:
        check_text(value)
    except Malformed:
        return False
    return value.isprintable()


def check_signature(key: bytes, message: bytes, signature: bytes) -> None:
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except (nacl.exceptions.CryptoError, ValueError):
        raise Refused("statement.signature", "the signature does not verify with the key that the kid is") from None


# --- making -----------------------------------------------------------------------------------------------------------


def make_statement(entry: bytes, issuer: str, key: bytes, sign: Signer, location: str = "") -> bytes:
    """Return a statement, by the holder of ``key``, about an entry (an envelope). Raises as :func:`parse_statement`:
    what is made is read again."""
    payload = hashlib.sha256(entry).digest()
    header = {
        ALGORITHM: EDDSA,
        KID: key,
        CLAIMS: {ISSUER: issuer, SUBJECT: payload.hex()},
        HASH_ALGORITHM: SHA256,
        PREIMAGE_TYPE: form_of(entry),
    }
    protected = encoded(header | ({LOCATION: location} if location else {}))
    return parse_statement(sign1_bytes(protected, {}, payload, sign(sig_structure(protected, payload)))).data


def form_of(entry: bytes) -> int:
    """Return the content format of an envelope."""
    return COSE_SIGN1 if entry[:1] == b"\xd2" else COSE_SIGN


def with_receipts(statement: bytes, receipts: Sequence[bytes]) -> bytes:
    """Return the transparent statement: the statement with receipts in its unprotected header."""
    signed = parse_sign1(statement)
    return sign1_bytes(signed.protected, {RECEIPTS: list(receipts)}, signed.payload, signed.signature)
