"""Receipts, statements and proof files: what a ledger gives to whoever wants to carry a proof away.

Each is a view of the tree as its newest published checkpoint has it, so that a receipt's signature is over a root that
the ledger has committed to already. Specification: ``spec/receipt.md``, ``spec/ledger.md`` section 9.
"""

import hashlib
from typing import Protocol

from pourparler.core.council import Depositary
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import (
    Checkpoint,
    TlogProof,
    consistency_path,
    inclusion_path,
    is_statement,
    make_consistency_receipt,
    make_receipt,
    make_statement,
    open_checkpoint,
    parse_statement,
    with_receipts,
)
from pourparler.ports import Signer


class Ledger(Protocol):
    """What is read of a ledger: an intake is one, and so is a book."""

    @property
    def depositary(self) -> Depositary:
        """The ledger's origin and key."""

    def published(self) -> bytes:
        """Return the newest signed checkpoint that may leave, verbatim: with a policy, one that is witnessed."""

    def entry(self, index: int) -> bytes:
        """Return an entry's bytes. Raises :class:`IndexError` where there is none."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree."""


def proof_of(ledger: Ledger, index: int) -> TlogProof:
    """Return the proof that an entry stands at an index. Raises :class:`Refused` (``tree.index``)."""
    note, newest = opened(ledger)
    return TlogProof(index, inclusion_path(newest.size, index, ledger.node), note)


def receipt_of(ledger: Ledger, index: int, signer: Signer) -> bytes:
    """Return a COSE receipt that an entry is recorded; ``signer`` holds the ledger's key.

    Raises :class:`Refused` (``tree.index``, ``receipt.no-path``), and :class:`OSError` where the signer cannot sign.
    """
    _, newest = opened(ledger)
    path = inclusion_path(newest.size, index, ledger.node)
    entry, key = ledger.entry(index), ledger_key(ledger.depositary)
    return make_receipt(entry, index, newest.size, path, newest.root, subject_of(entry), key, signer.sign)


def consistency_receipt_of(ledger: Ledger, older: bytes, signer: Signer) -> bytes:
    """Return a COSE receipt that the ledger goes on from an older checkpoint of its own.

    Raises as :func:`receipt_of` and :func:`open_checkpoint` do, and :class:`Refused` (``proof.inconsistent``) where it
    does not.
    """
    _, newest = opened(ledger)
    key = ledger_key(ledger.depositary)
    old = open_checkpoint(older, ledger.depositary.origin, key).checkpoint
    path = consistency_path(old.size, newest.size, ledger.node)
    return make_consistency_receipt((old.size, old.root), (newest.size, newest.root), path, key, signer.sign)


def statement_on(entry: bytes, issuer: str, signer: Signer, location: str = "") -> bytes:
    """Return a signed statement about the act in an entry. Raises :class:`Malformed` (``statement.header``)."""
    return make_statement(entry, issuer, signer.public_key, signer.sign, location)


def transparent(ledger: Ledger, index: int, signer: Signer) -> bytes:
    """Return the transparent statement of a statement that is an entry. Raises as :func:`receipt_of` does."""
    return with_receipts(ledger.entry(index), [receipt_of(ledger, index, signer)])


def subject_of(entry: bytes) -> str:
    """Return what a receipt of an entry names: the entry's hash in hexadecimal, and of a statement the one in it."""
    about = parse_statement(entry).hash if is_statement(entry) else hashlib.sha256(entry).digest()
    return about.hex()


def opened(ledger: Ledger) -> tuple[bytes, Checkpoint]:
    """Return the newest published checkpoint, as signed and as read."""
    note = ledger.published()
    return note, open_checkpoint(note, ledger.depositary.origin, ledger_key(ledger.depositary)).checkpoint
