"""Signed notes (c2sp.org/signed-note), their keys, and cosignatures (c2sp.org/tlog-cosignature)."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import nacl.bindings
import nacl.exceptions

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.ledger import mldsa
from pourparler.core.ledger.tree import HASH_BYTES

SIGNATURE_BYTES = 64

# --- what the line formats share --------------------------------------------------------------------------------------


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str) -> bytes | None:
    """Return what ``text`` encodes in standard base64, or None unless it is the one encoding: padded, no stray bits."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64_text(data) == text else None


def parse_decimal(text: str) -> int | None:
    """Return the number up to 2^63 - 1 that ``text`` writes in ASCII digits without leading zero, or None."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or (text[0] == "0" and text != "0"):
        return None
    number = int(text)
    return number if number <= limits.TREE_SIZE_MAX else None


def is_line(text: str) -> bool:
    """Whether ``text`` can stand as one line of a note: not empty, encodable, without control characters or a BOM."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return text != "" and min(text) >= " " and text[0] != "\ufeff"


# --- keys (c2sp.org/signed-note, verifier keys) -----------------------------------------------------------------------


class KeyType(IntEnum):
    """The signature types we know, by their identifier byte."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06


PUBLIC_KEY_BYTES = {
    KeyType.ED25519: 32,
    KeyType.COSIGNATURE_ED25519: 32,
    KeyType.COSIGNATURE_ML_DSA_44: 1312,
}
COSIGNATURE_BYTES = {
    KeyType.COSIGNATURE_ED25519: SIGNATURE_BYTES,
    KeyType.COSIGNATURE_ML_DSA_44: mldsa.SIGNATURE_BYTES,
}
LEDGER_KEY_TYPES = (KeyType.ED25519, KeyType.COSIGNATURE_ML_DSA_44)
WITNESS_KEY_TYPES = (KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_ML_DSA_44)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named public key: ``public_key`` is 32 bytes (Ed25519) or 1,312 (ML-DSA-44); ``key_id``, 4 bytes, follows.

    Raises :class:`Malformed` (``note.key-name``, also of more than 255 bytes for ML-DSA-44, which signs it;
    ``note.key``) or :class:`Refused` (``note.key-point``: an Ed25519 key that is not canonical or not of the
    prime-order group, under which one signature could fit many texts).
    """

    name: str
    type: KeyType
    public_key: bytes
    key_id: bytes = field(init=False)

    def __post_init__(self) -> None:
        check_key_name(self.name)
        if self.type is KeyType.COSIGNATURE_ML_DSA_44 and len(self.name.encode()) > mldsa.NAME_MAX_BYTES:
            raise Malformed("note.key-name", f"the name of such a key has at most {mldsa.NAME_MAX_BYTES} bytes")
        length = PUBLIC_KEY_BYTES[self.type]
        if len(self.public_key) != length:
            raise Malformed("note.key", f"a public key of type {self.type:#04x} has {length} bytes")
        if length == 32 and not nacl.bindings.crypto_core_ed25519_is_valid_point(self.public_key):
            raise Refused("note.key-point", "no canonical point of the prime-order group")
        named = self.name.encode() + b"\n" + bytes([self.type]) + self.public_key
        object.__setattr__(self, "key_id", hashlib.sha256(named).digest()[:4])

    @property
    def text(self) -> str:
        """The key as a vkey, the one line that :func:`parse_vkey` reads back."""
        return f"{self.name}+{self.key_id.hex()}+{base64_text(bytes([self.type]) + self.public_key)}"


def parse_vkey(text: str) -> VerifierKey:
    """Return the key that a vkey ``name+key id+base64(type || public key)`` writes.

    Raises as :class:`VerifierKey` does, and :class:`Malformed` (``note.key``) or :class:`Refused` (``note.key-type``,
    ``note.key-id``).
    """
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    material = parse_base64(encoded)
    if len(key_id) != 8 or not set(key_id) <= set("0123456789abcdef") or not material:
        raise Malformed("note.key", "a vkey is name+8 lowercase hex digits+base64")
    if material[0] not in set(KeyType):
        raise Refused("note.key-type", f"keys of type {material[0]:#04x} are not supported")
    key = VerifierKey(name, KeyType(material[0]), material[1:])
    if key.key_id.hex() != key_id:
        raise Refused("note.key-id", f"the key id is {key.key_id.hex()}, not {key_id}")
    return key


def check_key_name(name: str) -> None:
    if not is_line(name) or "+" in name or name.split() != [name]:  # split at spaces of every kind
        raise Malformed("note.key-name", "a key name is not empty and has no space, no plus and no control character")


def verifies(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    """Whether 64 bytes are the Ed25519 signature of ``message`` by ``key`` (RFC 8032 section 5.1.7, strict)."""
    try:
        nacl.bindings.crypto_sign_open(signature + message, key.public_key)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


# --- signed notes and cosignatures ------------------------------------------------------------------------------------

SIGNATURE_LINE_START = "\u2014 "
NOTE_FORBIDDEN = bytes(set(range(0x20)) - {0x0A})


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified statement of a witness: at ``time`` (POSIX seconds) this was the largest tree it had seen there.

    With ML-DSA-44 ``time`` may be 0: it is consistent with all that the witness had seen, and nothing about when.
    """

    key: VerifierKey
    time: int


@dataclass(frozen=True, slots=True)
class Note:
    """An opened note: its text, and which of the known keys stand behind it. Signatures of strangers are left out.

    ``skipped`` are known keys whose signature (ML-DSA-44) no library here can verify: present, never counted.
    """

    text: str
    signers: tuple[VerifierKey, ...]
    cosignatures: tuple[Cosignature, ...]
    skipped: tuple[VerifierKey, ...]


def open_note(data: bytes, known: Iterable[VerifierKey]) -> Note:
    """Return the note that ``data`` is, with every signature by a ``known`` key verified.

    Raises :class:`Malformed` (``note.too-large``, ``note.text``, ``note.layout``, ``note.signature-count``,
    ``note.signature-line``, ``note.key-name``, ``cosignature.length``), :class:`Refused` (``note.key-clash``,
    ``note.signed-twice``, ``note.signature``, ``cosignature.time``, ``cosignature.signature``, ``note.unverified``) or
    :class:`Missing` (``note.unsupported``). One known key that fails refuses the whole note.
    """
    keys = keys_by_name_and_id(known)
    text, lines = split_note(data)
    signatures: dict[VerifierKey, bytes] = {}
    for line in lines:
        name, key_id, blob = parse_signature_line(line)
        key = keys.get((name, key_id))
        if key is None:
            continue
        if key in signatures:
            raise Refused("note.signed-twice", f"two signatures by {name}+{key_id.hex()}")
        signatures[key] = blob
    return verify_note(text, signatures)


def verify_note(text: str, signatures: Mapping[VerifierKey, bytes]) -> Note:
    """Return the note whose text each of the given keys signed; see :func:`open_note` for what is raised."""
    signers, cosignatures, skipped = [], [], []
    for key, blob in signatures.items():
        match key.type:
            case KeyType.ED25519:
                verify_signature(text, key, blob)
                signers.append(key)
            case KeyType.COSIGNATURE_ED25519 | KeyType.COSIGNATURE_ML_DSA_44:
                try:
                    cosignatures.append(verify_cosignature(text, key, blob))
                except Missing:
                    skipped.append(key)
    if not signers and not cosignatures:
        if skipped:
            raise mldsa.unsupported()
        raise Refused("note.unverified", "no signature by a known key")
    return Note(text, tuple(signers), tuple(cosignatures), tuple(skipped))


def verify_signature(text: str, key: VerifierKey, blob: bytes) -> None:
    if len(blob) != SIGNATURE_BYTES or not verifies(key, text.encode(), blob):
        raise Refused("note.signature", f"the signature by {key.name}+{key.key_id.hex()} does not verify")


def verify_cosignature(text: str, key: VerifierKey, blob: bytes) -> Cosignature:
    """Return the cosignature that ``blob`` is: 8 bytes of time, then the signature (64 bytes, ML-DSA-44: 2,420)."""
    length = 8 + COSIGNATURE_BYTES[key.type]
    if len(blob) != length:
        raise Malformed("cosignature.length", f"{len(blob)} bytes; a cosignature of type {key.type:#04x} has {length}")
    time, signature = int.from_bytes(blob[:8], "big"), blob[8:]
    check_cosignature_time(key.type, time)
    message = cosigned_message(text, key, time)
    verify = verifies_ml_dsa if key.type is KeyType.COSIGNATURE_ML_DSA_44 else verifies
    if message is None or not verify(key, message, signature):
        raise Refused("cosignature.signature", f"the cosignature by {key.name}+{key.key_id.hex()} does not verify")
    return Cosignature(key, time)


def verifies_ml_dsa(key: VerifierKey, message: bytes, signature: bytes) -> bool:
    return mldsa.verifies(key.public_key, message, signature)


def cosigned_message(text: str, key: VerifierKey, time: int) -> bytes | None:
    """Return what ``key`` signs when it cosigns a note text at ``time``; None where it cannot sign such a text."""
    if key.type is KeyType.COSIGNATURE_ED25519:
        return cosignature_message(text, time)
    return ml_dsa_message(text, key.name, time)


def cosignature_message(text: str, time: int) -> bytes:
    """Return what an Ed25519 witness signs for a note text at ``time``: the witness's name is not in it."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def ml_dsa_message(text: str, cosigner: str, time: int) -> bytes | None:
    """Return what an ML-DSA-44 witness signs for a note text at ``time``: the parts of a checkpoint, and its own name.

    None unless the text is a checkpoint of exactly three lines, with an origin of at most 255 bytes: any other line
    would look signed, and would not be.
    """
    lines = text.split("\n")
    if len(lines) != 4 or not 1 <= len(lines[0].encode()) <= mldsa.NAME_MAX_BYTES:
        return None
    size, root = parse_decimal(lines[1]), parse_base64(lines[2])
    if size is None or root is None or len(root) != HASH_BYTES:
        return None
    return mldsa.subtree_message(cosigner, time, lines[0], 0, size, root)


def check_cosignature_time(key_type: KeyType, time: int) -> None:
    earliest = 0 if key_type is KeyType.COSIGNATURE_ML_DSA_44 else 1
    if not earliest <= time <= limits.TREE_SIZE_MAX:
        raise Refused("cosignature.time", f"a cosignature is dated from {earliest} to 2^63 - 1 seconds")


def keys_by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    """Return the keys by the pair that a signature line carries; two keys with one pair are refused."""
    by_pair: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if by_pair.setdefault((key.name, key.key_id), key) != key:
            raise Refused("note.key-clash", f"two known keys are {key.name}+{key.key_id.hex()}")
    return by_pair


def split_note(data: bytes) -> tuple[str, list[str]]:
    """Return the text of a note, with its last newline, and its signature lines: parted at the last blank line."""
    if len(data) > limits.NOTE_MAX_BYTES:
        raise Malformed("note.too-large", f"{len(data)} bytes; at most {limits.NOTE_MAX_BYTES}")
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("note.text", "a note is UTF-8") from None
    if data.translate(None, NOTE_FORBIDDEN) != data or note.startswith("\ufeff"):
        raise Malformed("note.text", "a note has no control characters but newline, and no byte order mark")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise Malformed("note.layout", "a note is a text, a blank line and signature lines, each with its newline")
    lines = signatures[:-1].split("\n")
    if len(lines) > limits.NOTE_SIGNATURES_MAX:
        raise Malformed("note.signature-count", f"{len(lines)} signatures; at most {limits.NOTE_SIGNATURES_MAX}")
    return text + "\n", lines


def parse_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """Return key name, key id (4 bytes) and signature (at least 1 byte) of a signature line without its newline."""
    name, _, encoded = line.removeprefix(SIGNATURE_LINE_START).partition(" ")
    blob = parse_base64(encoded)
    if not line.startswith(SIGNATURE_LINE_START) or blob is None or len(blob) < 5:
        raise Malformed("note.signature-line", "a signature line is em dash, key name and base64, parted by one space")
    check_key_name(name)
    return name, blob[:4], blob[4:]
