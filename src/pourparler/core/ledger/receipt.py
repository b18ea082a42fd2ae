"""COSE receipts (RFC 9942): a proof of the tree in one signature, for tools that read COSE. Spec: ``spec/receipt.md``.

A *receipt of inclusion* says "these bytes are an entry of mine", a *receipt of consistency* "my tree begins with the
one whose root you hold". The ledger's own key signs the root; the root itself is left out, so that whoever verifies has
to compute it from the proof, and the signature fits nothing but that. A receipt is therefore good or not, as a whole.

Nothing is read from it. Size and index stand outside the signature, and other sizes and indexes can lead by the same
path to the same root: the entry is recorded, and *where* a receipt does not say. A ``.tlog-proof`` does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.errors import Malformed, Refused
from pourparler.core.ledger.cose import (
    ALGORITHM,
    CLAIMS,
    CRITICAL,
    ED25519,
    EDDSA,
    ISSUER,
    KID,
    SUBJECT,
    Item,
    Sign1,
    encoded,
    parse_item,
    parse_sign1,
    sig_structure,
    sign1_bytes,
)
from pourparler.core.ledger.keeping import Signer
from pourparler.core.ledger.note import KeyType, VerifierKey, verifies
from pourparler.core.ledger.tree import (
    check_hashes,
    check_index,
    check_old_and_new,
    check_path,
    consistency_length,
    fold,
    inclusion_length,
    leaf_hash,
    shared_level,
)

STRUCTURE, PROOFS = 395, 396  # labels: which verifiable data structure, and its proofs
RFC9162_SHA256 = 1
INCLUSION, CONSISTENCY = -1, -2
ISSUED_AT = 6  # a claim that others write; a date of the signer's clock decides nothing here


@dataclass(frozen=True, slots=True)
class CoseReceipt:
    """A receipt as read: its shape is checked, its signature is not. ``issuer`` and ``subject`` are what it claims;
    ``kind`` is :data:`INCLUSION` or :data:`CONSISTENCY`; ``sizes`` are two numbers that no signature covers."""

    issuer: str
    subject: str
    kind: int
    sizes: tuple[int, int]
    path: tuple[bytes, ...]
    signed: Sign1


# --- reading ----------------------------------------------------------------------------------------------------------


def parse_receipt(data: bytes) -> CoseReceipt:
    """Return the receipt that ``data`` is. Raises :class:`Malformed` (``cose.*``, ``receipt.header``,
    ``receipt.unprotected``, ``receipt.proof``) or :class:`Refused` (``receipt.payload``)."""
    signed = parse_sign1(data)
    issuer, subject = parse_header(signed)
    kind, proof = parse_proofs(signed.unprotected)
    if signed.payload is not None:
        raise Refused("receipt.payload", "the root stands in the receipt: nothing would tie it to the proof")
    first, second, path = parse_receipt_proof(proof)
    return CoseReceipt(issuer, subject, kind, (first, second), path, signed)


def parse_header(signed: Sign1) -> tuple[str, str]:
    """Return issuer and subject. Labels that we do not know are passed over, unless one is marked critical."""
    header = signed.header
    claims = header.get(CLAIMS)
    fixed = header.get(ALGORITHM) in (EDDSA, ED25519) and header.get(STRUCTURE) == RFC9162_SHA256
    if not fixed or CRITICAL in header or not isinstance(header.get(KID), bytes) or not isinstance(claims, dict):
        raise Malformed(
            "receipt.header", "alg is EdDSA or Ed25519, vds 1; kid and claims are there, nothing is critical"
        )
    issuer, subject = claims.get(ISSUER), claims.get(SUBJECT)
    if not isinstance(issuer, str) or not isinstance(subject, str) or set(claims) - {ISSUER, SUBJECT, ISSUED_AT}:
        raise Malformed("receipt.header", "the claims are issuer and subject, and none that would limit the receipt")
    return issuer, subject


def parse_proofs(unprotected: Item) -> tuple[int, bytes]:
    """Return of which kind the one proof is, and its bytes."""
    proofs = unprotected.get(PROOFS)
    if set(unprotected) == {PROOFS} and isinstance(proofs, dict) and len(proofs) == 1:
        ((kind, rows),) = proofs.items()
        if (
            kind in (INCLUSION, CONSISTENCY)
            and isinstance(rows, list)
            and len(rows) == 1
            and isinstance(rows[0], bytes)
        ):
            return kind, rows[0]
    raise Malformed("receipt.unprotected", "the unprotected header is one proof, of inclusion or of consistency")


def parse_receipt_proof(data: bytes) -> tuple[int, int, tuple[bytes, ...]]:
    match parse_item(data):
        case [int(first), int(second), [_, *_] as path] if (
            min(first, second) >= 0 and len(path) <= limits.PROOF_HASHES_MAX
        ):
            check_hashes(path)
            return first, second, tuple(path)
    raise Malformed("receipt.proof", f"a proof is two numbers and 1 to {limits.PROOF_HASHES_MAX} hashes")


# --- verifying --------------------------------------------------------------------------------------------------------


def verify_receipt(data: bytes, entry: bytes, key: VerifierKey) -> None:
    """Raise unless ``data`` is a receipt, signed with ``key``, that ``entry`` is an entry of the ledger named there.

    Returns nothing: where the entry stands, a receipt does not prove. Raises as :func:`parse_receipt` and
    :func:`leaf_hash` do, and :class:`Refused` (``receipt.kind``, ``receipt.issuer``, ``tree.index``, ``proof.length``,
    ``receipt.signature``) or :class:`Malformed` (``tree.size``). The steps are those of ``spec/receipt.md`` section 5.
    """
    receipt = parse_receipt(data)
    check_of(receipt, INCLUSION, key)
    size, index = receipt.sizes
    check_signed(receipt, inclusion_root(entry, size, index, receipt.path), key)


def verify_consistency_receipt(data: bytes, old_size: int, old_root: bytes, key: VerifierKey) -> None:
    """Raise unless ``data`` is a receipt, signed with ``key``, that the ledger's tree begins with this older one.

    Size and root of the older tree are the caller's, from a checkpoint that he verified. Raises as
    :func:`verify_receipt` does, and :class:`Refused` (``proof.sizes``, ``proof.inconsistent``).
    """
    receipt = parse_receipt(data)
    check_of(receipt, CONSISTENCY, key)
    first, second = receipt.sizes
    if first != old_size:
        raise Refused("proof.sizes", f"the receipt starts from a tree of {first}, and yours has {old_size}")
    check_signed(receipt, consistency_root(first, old_root, second, receipt.path), key)


def check_of(receipt: CoseReceipt, kind: int, key: VerifierKey) -> None:
    if key.type is not KeyType.ED25519:
        raise Refused("receipt.key-type", "a ledger signs its receipts with a key of type 0x01")
    if receipt.kind != kind:
        raise Refused("receipt.kind", "the receipt is of the other kind: inclusion is asked for, or consistency")
    if receipt.issuer != key.name:
        raise Refused("receipt.issuer", f"the receipt is of {receipt.issuer!r}, not of {key.name!r}")


def check_signed(receipt: CoseReceipt, root: bytes, key: VerifierKey) -> None:
    if not verifies(key, receipt.signed.to_be_signed(root), receipt.signed.signature):
        raise Refused("receipt.signature", "the ledger has not signed the root that the proof leads to")


def inclusion_root(entry: bytes, size: int, index: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to from an entry."""
    check_index(index, size)
    check_path(path, inclusion_length(index, size))
    return fold(index, size - 1, leaf_hash(entry), path)[1]


def consistency_root(old_size: int, old_root: bytes, new_size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that a path leads to from an older tree's, which it has to lead to as well."""
    check_old_and_new(old_size, new_size)
    check_hashes((old_root,))
    check_receipt_path(path, consistency_length(old_size, new_size))
    shared = shared_level(old_size)
    first, *others = path if old_size.bit_count() > 1 else (old_root, *path)
    old, new = fold(old_size - 1 >> shared, new_size - 1 >> shared, first, others)
    if old != old_root:
        raise Refused("proof.inconsistent", "the path does not lead to the older root")
    return new


def check_receipt_path(path: Sequence[bytes], length: int) -> None:
    """Raise unless a path has this length, which a receipt can only hold where it is not 0 (RFC 9942 section 5)."""
    if not length:
        raise Refused("receipt.no-path", "a tree of one entry, or of no more entries than before, has no receipt")
    check_path(path, length)


# --- making -----------------------------------------------------------------------------------------------------------


def make_receipt(
    entry: bytes,
    index: int,
    size: int,
    path: Sequence[bytes],
    root: bytes,
    subject: str,
    key: VerifierKey,
    sign: Signer,
) -> bytes:
    """Return a receipt that ``entry`` stands at ``index`` of the tree with this ``size`` and ``root``.

    The root must be one that the ledger has signed a checkpoint for. Raises :class:`Refused` (``receipt.no-path``:
    a tree of one entry has none; ``proof.root``, ``tree.index``, ``proof.length``).
    """
    check_receipt_path(path, inclusion_length(index, size))
    if inclusion_root(entry, size, index, path) != root:
        raise Refused("proof.root", "the path leads to another root than the ledger's")
    return signed_receipt(INCLUSION, [size, index, list(path)], root, subject, key, sign)


def make_consistency_receipt(
    old: tuple[int, bytes], new: tuple[int, bytes], path: Sequence[bytes], key: VerifierKey, sign: Signer
) -> bytes:
    """Return a receipt that the tree of size and root ``new`` begins with that of size and root ``old``.

    Its subject is the ledger itself. Raises :class:`Refused` (``receipt.no-path``, ``proof.*``).
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if consistency_root(old_size, old_root, new_size, path) != new_root:
        raise Refused("proof.inconsistent", "the path does not lead to the newer root")
    return signed_receipt(CONSISTENCY, [old_size, new_size, list(path)], new_root, key.name, key, sign)


def signed_receipt(kind: int, proof: Item, root: bytes, subject: str, key: VerifierKey, sign: Signer) -> bytes:
    protected = encoded(
        {
            ALGORITHM: EDDSA,
            KID: key.public_key,
            CLAIMS: {ISSUER: key.name, SUBJECT: subject},
            STRUCTURE: RFC9162_SHA256,
        }
    )
    signature = sign(sig_structure(protected, root))
    return sign1_bytes(protected, {PROOFS: {kind: [encoded(proof)]}}, None, signature)
