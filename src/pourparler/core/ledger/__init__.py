"""The ledger: was it recorded? Merkle tree, signed notes, checkpoints, proofs, policies. Spec: ``spec/ledger.md``.

This room knows bytes only. An *entry* is any byte string; a ledger is a list of entries that only grows. The *root* is
a digest of the whole list, so that whoever knows one root can check cheaply that an entry stands at an index
(*inclusion*), or that a longer list begins with the shorter one (*consistency*). A ledger states its size and root in
a *checkpoint*, a short text that it signs as a *note*; *witnesses* add *cosignatures* that say when they saw it, and a
*policy* says whose cosignatures suffice.

The formats are other people's, so that any tool of theirs can check what we keep: RFC 9162 section 2.1 (the tree, as
in RFC 6962), and from c2sp.org signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof and tlog-policy. Only the
*multiproof*, one proof for many entries, is ours. A signed checkpoint reads::

    example.com/behind-the-sofa                          the origin: which ledger
    20852163                                             the size: how many entries
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=         the root
                                                         (blank line)
    — example.com/behind-the-sofa Az3grlgtzPICa5OS…      the ledger's signature
    — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSR…    a cosignature

Hashes are ``bytes`` of 32, sizes and indexes ``int`` from 0 to 2^63 - 1, times whole seconds since 1970 (POSIX). What
is checked, is checked before anything is hashed; what fails raises :class:`Malformed`, :class:`Refused` or
:class:`Missing` and nothing else.

Read ``tree``, ``note`` (with ``mldsa``), ``checkpoint``, ``policy``. ``keeping`` is the other half, for whoever keeps a
ledger; ``witness`` is what a witness answers him; ``tiles`` are a ledger as files; ``receipt``, ``statement`` and
``cose`` say the same things to tools that read COSE (``spec/receipt.md``).

>>> tree = Frontier().append(leaf_hash(b"peace")).append(leaf_hash(b"land"))
>>> tree.root() == node_hash(leaf_hash(b"peace"), leaf_hash(b"land"))
True
"""

from pourparler.core.ledger.checkpoint import (
    TLOG_PROOF_HEADER,
    Checkpoint,
    OpenCheckpoint,
    TlogProof,
    open_checkpoint,
    parse_checkpoint,
    parse_proof,
    verify_proof,
)
from pourparler.core.ledger.keeping import (
    Frontier,
    NodeReader,
    Signer,
    consistency_path,
    cosign_note_text,
    frontier_of,
    inclusion_path,
    multiproof,
    note_text_signature_line,
    root_of,
    sign_note_text,
    signed_note,
)
from pourparler.core.ledger.note import (
    SIGNATURE_BYTES,
    Cosignature,
    KeyType,
    Note,
    VerifierKey,
    cosignature_message,
    cosigned_message,
    open_note,
    parse_signature_line,
    parse_vkey,
    split_note,
)
from pourparler.core.ledger.policy import (
    Policy,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    parse_policy,
    quorum_met,
)
from pourparler.core.ledger.receipt import (
    CoseReceipt,
    make_consistency_receipt,
    make_receipt,
    parse_receipt,
    verify_consistency_receipt,
    verify_receipt,
)
from pourparler.core.ledger.statement import (
    Statement,
    form_of,
    is_statement,
    make_statement,
    parse_statement,
    parse_transparent,
    with_receipts,
)
from pourparler.core.ledger.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    consistency_length,
    inclusion_length,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
    verify_multiproof,
)
from pourparler.core.ledger.witness import (
    ADD_CHECKPOINT,
    CONTRADICTIONS,
    SIZE_CONTENT_TYPE,
    AddCheckpoint,
    Answer,
    Cosignable,
    cosigned_answer,
    judge,
    monitoring_path,
    parse_add_checkpoint,
    parse_size_answer,
    read_cosignatures,
    refused_answer,
)

__all__ = [
    "ADD_CHECKPOINT",
    "CONTRADICTIONS",
    "EMPTY_ROOT",
    "HASH_BYTES",
    "SIGNATURE_BYTES",
    "SIZE_CONTENT_TYPE",
    "TLOG_PROOF_HEADER",
    "AddCheckpoint",
    "Answer",
    "Checkpoint",
    "CoseReceipt",
    "Cosignable",
    "Cosignature",
    "Frontier",
    "KeyType",
    "NodeReader",
    "Note",
    "OpenCheckpoint",
    "Policy",
    "PolicyGroup",
    "PolicyLog",
    "PolicyWitness",
    "Signer",
    "Statement",
    "TlogProof",
    "VerifierKey",
    "consistency_length",
    "consistency_path",
    "cosign_note_text",
    "cosignature_message",
    "cosigned_answer",
    "cosigned_message",
    "form_of",
    "frontier_of",
    "inclusion_length",
    "inclusion_path",
    "is_statement",
    "judge",
    "leaf_hash",
    "make_consistency_receipt",
    "make_receipt",
    "make_statement",
    "monitoring_path",
    "multiproof",
    "node_hash",
    "note_text_signature_line",
    "open_checkpoint",
    "open_note",
    "parse_add_checkpoint",
    "parse_checkpoint",
    "parse_policy",
    "parse_proof",
    "parse_receipt",
    "parse_signature_line",
    "parse_size_answer",
    "parse_statement",
    "parse_transparent",
    "parse_vkey",
    "quorum_met",
    "read_cosignatures",
    "refused_answer",
    "root_of",
    "sign_note_text",
    "signed_note",
    "split_note",
    "verify_consistency",
    "verify_consistency_receipt",
    "verify_inclusion",
    "verify_multiproof",
    "verify_proof",
    "verify_receipt",
    "with_receipts",
]
