"""What every group of vectors is made with: an encoder, envelopes, keys and chance that owe nothing to ``src/``.

The vectors would prove little if the code under test had made them. So the encoding, the Sig_structure, the digests
and the assertions are made here a second time, straight from the specification, with the signing primitives of
``nacl`` and ``cryptography`` and nothing of ours. Everything is reproducible: chance is a counter hash, and keys come
from names.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from nacl.signing import SigningKey

Case = dict
ED25519, PASSKEY_ES256, PASSKEY_ED25519 = -19, -70001, -70002


# --- deterministic CBOR -----------------------------------------------------------------------------------------------


def head(major: int, argument: int) -> bytes:
    """Return an item head in its shortest form (RFC 8949 section 3)."""
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * size:
            return bytes([major << 5 | code]) + argument.to_bytes(size, "big")
    raise ValueError(argument)


def encode(value) -> bytes:
    """Return the one encoding of a value of the profile (spec/encoding.md section 2)."""
    if value is None or isinstance(value, bool):
        return {False: b"\xf4", True: b"\xf5", None: b"\xf6"}[value]
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        data = value.encode()
        return head(3, len(data)) + data
    if isinstance(value, (list, tuple)):
        return head(4, len(value)) + b"".join(map(encode, value))
    members = sorted((encode(name), encode(member)) for name, member in value.items())
    return head(5, len(members)) + b"".join(name + member for name, member in members)


def label(kind: str) -> str:
    return f"pourparler/1 {kind}"


def digest(kind: str, *parts) -> bytes:
    return hashlib.sha256(encode([label(kind), *parts])).digest()


# --- chance and keys --------------------------------------------------------------------------------------------------


def chance(name: str, count: int = 32) -> bytes:
    """Return ``count`` bytes that depend on the name alone: SHA-256 over a label, the name and a counter, in a row."""
    blocks = (
        hashlib.sha256(b"pourparler vectors 1\n" + name.encode() + b"\n" + n.to_bytes(4, "big")).digest()
        for n in range(count // 32 + 1)
    )
    return b"".join(blocks)[:count]


@dataclass(frozen=True)
class Key:
    """An Ed25519 key whose seed is SHA-256 over ``pourparler testing key`` , a space and its name."""

    name: str

    @property
    def secret(self) -> SigningKey:
        return SigningKey(hashlib.sha256(b"pourparler testing key " + self.name.encode()).digest())

    @property
    def public(self) -> bytes:
        return bytes(self.secret.verify_key)

    @property
    def kid(self) -> bytes:
        return digest("key", self.public)[:8]

    def sign(self, message: bytes) -> bytes:
        return bytes(self.secret.sign(message).signature)


@dataclass(frozen=True)
class P256Key:
    """A P-256 key whose private scalar comes from its name. Signatures are deterministic (RFC 6979), in DER."""

    name: str

    @property
    def secret(self) -> ec.EllipticCurvePrivateKey:
        scalar = int.from_bytes(hashlib.sha256(b"pourparler testing key " + self.name.encode()).digest())
        return ec.derive_private_key(scalar, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        form = serialization.PublicFormat.UncompressedPoint
        return self.secret.public_key().public_bytes(serialization.Encoding.X962, form)

    @property
    def kid(self) -> bytes:
        return digest("key", self.public)[:8]

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Return keys in member order: ascending by public key."""
    return sorted(keys, key=lambda key: key.public)


# --- envelopes --------------------------------------------------------------------------------------------------------


def protected(kid: bytes, algorithm: int = ED25519) -> bytes:
    return b"\xa2\x01" + encode(algorithm) + b"\x04" + encode(kid)


def sig_structure(body: bytes, signer: bytes | None, kind: str, payload: bytes) -> bytes:
    """Return RFC 9052 section 4.4's Sig_structure; ``signer`` is None in a COSE_Sign1."""
    aad = label(kind).encode()
    if signer is None:
        return encode(["Signature1", body, aad, payload])
    return encode(["Signature", body, signer, aad, payload])


def sign1(kind: str, payload: bytes, key: Key) -> bytes:
    header = protected(key.kid)
    signature = key.sign(sig_structure(header, None, kind, payload))
    return b"\xd2\x84" + encode(header) + b"\xa0" + encode(payload) + encode(signature)


def sign(kind: str, payload: bytes, *keys: Key) -> bytes:
    rows = [row(kind, payload, key) for key in in_order(keys)]
    return b"\xd8\x62\x84\x40\xa0" + encode(payload) + head(4, len(rows)) + b"".join(rows)


def row(kind: str, payload: bytes, key: Key) -> bytes:
    """Return one element of a COSE_Sign's list of signatures."""
    header = protected(key.kid)
    signature = key.sign(sig_structure(b"", header, kind, payload))
    return b"\x83" + encode(header) + b"\xa0" + encode(signature)


def act_id(kind: str, payload: bytes, signer: Key | None = None) -> bytes:
    """Return an act's id; ``signer`` is the one key of a COSE_Sign1."""
    return digest(kind, protected(signer.kid) if signer else b"", payload)


# --- passkeys ---------------------------------------------------------------------------------------------------------


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def authenticator_data(relying_party: str, flags: int = 0x05, counter: int = 0) -> bytes:
    return hashlib.sha256(relying_party.encode()).digest() + bytes([flags]) + counter.to_bytes(4, "big")


def assertion(key: Key | P256Key, data: bytes, client_data: bytes) -> bytes:
    """Return the encoded ``[authenticatorData, clientDataJSON, signature]``."""
    return encode([data, client_data, key.sign(data + hashlib.sha256(client_data).digest())])


# --- values in JSON ---------------------------------------------------------------------------------------------------


def shown(value):
    """Return a value of the profile in the vectors' JSON notation (spec/README.md section 4)."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, (list, tuple)):
        return [shown(member) for member in value]
    if isinstance(value, Mapping):
        return {name: shown(member) for name, member in value.items()}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return {"$int": str(value)}
    return value


def meant(value):
    """Return what a value in the vectors' JSON notation means: the inverse of :func:`shown`."""
    if isinstance(value, list):
        return [meant(member) for member in value]
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return bytes.fromhex(value["$bytes"])
        if set(value) == {"$int"}:
            return int(value["$int"])
        return {name: meant(member) for name, member in value.items()}
    return value


def pieces(*parts: tuple[bytes, int]) -> list:
    """Return a long input as its pieces, each with how often it stands in a row."""
    return [[data.hex(), times] for data, times in parts]


def joined(given) -> bytes:
    """Return the bytes of an input: hex, or a list of pieces."""
    if isinstance(given, str):
        return bytes.fromhex(given)
    return b"".join(bytes.fromhex(data) * times for data, times in given)


# --- groups -----------------------------------------------------------------------------------------------------------


@dataclass
class Group:
    """One file of vectors, as it grows. ``valid`` and ``invalid`` are the only two ways to add a case."""

    name: str
    format: str
    about: str
    cases: list[Case] = field(default_factory=list)

    def valid(self, name: str, what: str, **members) -> str:
        """Add a case that is accepted and return its id, for twins to name."""
        return self.add(name, {"what": what, **members})

    def invalid(self, name: str, what: str, reason: str, twin: str, differs: str, **members) -> str:
        """Add a case that is refused: for what, and which one element tells it from which accepted case."""
        return self.add(name, {"what": what, **members, "reason": reason, "twin": twin, "differs": differs})

    def add(self, name: str, members: Case) -> str:
        case = {"id": f"{self.name}/{name}", **members}
        if case["id"] in {other["id"] for other in self.cases}:
            raise ValueError(f"two cases are called {case['id']}")
        self.cases.append(case)
        return case["id"]


GROUPS: dict[str, tuple[str, str, Callable[[Group], None]]] = {}


def group(name: str, *, format: str, about: str):  # noqa: A002 -- the JSON member's name
    """Register a function that fills the group of this name, written to ``<name>.json``."""

    def register(fill: Callable[[Group], None]) -> Callable[[Group], None]:
        if name in GROUPS:
            raise ValueError(f"two groups are called {name}")
        GROUPS[name] = (format, about, fill)
        return fill

    return register


def made(name: str) -> Group:
    """Return the group of this name, filled."""
    format_, about, fill = GROUPS[name]
    filled = Group(name, format_, about)
    fill(filled)
    return filled
