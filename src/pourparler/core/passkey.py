"""Passkeys: a WebAuthn assertion as the signature of a vote. Specification: ``spec/encoding.md`` section 6.

A member may register a passkey, for voting only. The signature field of such a vote holds the encoded list
``[authenticatorData, clientDataJSON, signature]``; the challenge that the authenticator signed is the act id. The
registration pins the relying party's id and the exact origin, so that an assertion made for another site is refused.
The signature counter is ignored (synced passkeys do not keep one).
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.encoding import ALGORITHM_PASSKEY_ES256, decode, verify_ed25519
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused

USER_PRESENT = 0x01
USER_VERIFIED = 0x04
AUTHENTICATOR_DATA_MIN_BYTES = 37
STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]')


@dataclass(frozen=True, slots=True)
class Passkey:
    """A registered passkey: ``public_key`` is 65 bytes (uncompressed P-256 point) or 32 (Ed25519) by ``algorithm``."""

    algorithm: int
    public_key: bytes
    relying_party: str
    origin: str


def verify_assertion(passkey: Passkey, act_id: bytes, value: bytes) -> None:
    """Raise unless ``value`` is this passkey's assertion over ``act_id``.

    Raises :class:`Malformed` (``passkey.malformed``) or :class:`Refused` (``passkey.*``, ``signature.invalid``), and
    :class:`Missing` (``passkey.unsupported``) where ES256 is asked for and the ``cryptography`` library is absent.
    The order is that of Web Authentication Level 3, section 7.2, steps that need no server.
    """
    authenticator_data, client_data_json, signature = open_assertion(value)
    client_data = open_client_data(client_data_json)
    if client_data.get("type") != "webauthn.get":
        raise Refused("passkey.type", "the assertion is not of type webauthn.get")
    challenge = base64.urlsafe_b64encode(act_id).rstrip(b"=").decode()
    if client_data.get("challenge") != challenge:
        raise Refused("passkey.challenge", "the assertion is for another act")
    if client_data.get("origin") != passkey.origin or client_data.get("crossOrigin", False) is not False:
        raise Refused("passkey.origin", "the assertion was made at another origin than the registered one")
    if authenticator_data[:32] != hashlib.sha256(passkey.relying_party.encode()).digest():
        raise Refused("passkey.relying-party", "the assertion is for another relying party")
    if authenticator_data[32] & (USER_PRESENT | USER_VERIFIED) != USER_PRESENT | USER_VERIFIED:
        raise Refused("passkey.user", "the user was not both present and verified")
    message = authenticator_data + hashlib.sha256(client_data_json).digest()
    if passkey.algorithm == ALGORITHM_PASSKEY_ES256:
        verify_es256(passkey.public_key, message, signature)
    else:
        verify_ed25519(passkey.public_key, message, signature)


def open_assertion(value: bytes) -> tuple[bytes, bytes, bytes]:
    """Return authenticatorData, clientDataJSON and signature of an encoded assertion."""
    try:
        parts = decode(value)
    except PourparlerError:
        raise Malformed("passkey.malformed", "the signature is no encoded list") from None
    if not isinstance(parts, list) or len(parts) != 3 or not all(isinstance(part, bytes) for part in parts):
        raise Malformed("passkey.malformed", "the signature is a list of three byte strings")
    if len(parts[0]) < AUTHENTICATOR_DATA_MIN_BYTES:
        raise Malformed("passkey.malformed", f"authenticatorData has at least {AUTHENTICATOR_DATA_MIN_BYTES} bytes")
    return parts[0], parts[1], parts[2]


def open_client_data(client_data_json: bytes) -> dict[str, object]:
    """Return the members of clientDataJSON, an object that names nothing twice and nests little."""
    check_depth(client_data_json)
    try:
        members = json.loads(client_data_json.decode("utf-8"), object_pairs_hook=tuple, parse_constant=no_number)
    except ValueError:
        raise Malformed("passkey.malformed", "clientDataJSON is no JSON") from None
    if not isinstance(members, tuple):
        raise Malformed("passkey.malformed", "clientDataJSON is no JSON object")
    named = dict(members)
    if len(named) != len(members):
        raise Malformed("passkey.malformed", "clientDataJSON names a member twice")
    return named


def check_depth(client_data_json: bytes) -> None:
    """Raise :class:`Malformed` where brackets stand too deep in one another: parsers differ in how much they bear."""
    depth = 0
    for token in STRING_OR_BRACKET.findall(client_data_json):
        depth += (token in b"[{") - (token in b"]}")
        if depth > limits.CLIENT_DATA_DEPTH_MAX:
            raise Malformed("passkey.malformed", "clientDataJSON nests too deep")


def no_number(word: str) -> None:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser takes and JSON has not."""
    raise ValueError(word)


def verify_es256(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Raise :class:`Refused` unless the DER signature over P-256 and SHA-256 verifies (RFC 9053 section 2.1)."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise Missing("passkey.unsupported", "install pourparler[signatures] to check ES256 passkeys") from None
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise Refused("signature.invalid", "the passkey's signature does not verify") from None
