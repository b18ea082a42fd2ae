"""Checking a proof that somebody carried away: a ``.tlog-proof``, a receipt, a statement, a transparent statement.

Every rule is the core's; here stands only in which order they are asked, and what is told when one says no. The answer
has the three words of ``evidence`` and, like it, is never rounded up: what is not here cannot be told. The steps are
those of ``spec/receipt.md`` section 7.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import TypeVar

from pourparler.core.act import Act
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.evidence import Step, Verdict
from pourparler.core.ledger import (
    TLOG_PROOF_HEADER,
    Policy,
    Statement,
    VerifierKey,
    form_of,
    open_checkpoint,
    parse_checkpoint,
    parse_proof,
    parse_receipt,
    parse_statement,
    parse_transparent,
    quorum_met,
    split_note,
    verify_consistency_receipt,
    verify_proof,
    verify_receipt,
)
from pourparler.core.ledger.cose import parse_sign1
from pourparler.core.ledger.receipt import CONSISTENCY, PROOFS, STRUCTURE
from pourparler.core.ledger.statement import HASH_ALGORITHM, RECEIPTS
from pourparler.core.registry import parse_entry

Answer = TypeVar("Answer")
NO_PLACE = "at which index, a receipt does not prove"

STEPS = {
    1: "the file is well-formed",
    2: "the statement is signed with the key that it names",
    3: "the ledger is one that you know",
    4: "the entry is here, and is what it is said to be",
    5: "the entry is in a tree that the ledger signed",
    6: "witnesses saw the checkpoint",
}


class Kind(Enum):
    """What a file is, for people."""

    PROOF = "proof file"
    RECEIPT = "receipt"
    CONSISTENCY = "receipt of consistency"
    STATEMENT = "signed statement"
    TRANSPARENT = "transparent statement"


def kind_of(data: bytes) -> Kind | None:
    """Return what a file seems to be, by its first bytes and labels; None where it is none of these."""
    if data.startswith(TLOG_PROOF_HEADER.encode()):
        return Kind.PROOF
    with contextlib.suppress(Malformed):
        signed = parse_sign1(data)
        if STRUCTURE in signed.header:
            proofs = signed.unprotected.get(PROOFS)
            return Kind.CONSISTENCY if isinstance(proofs, dict) and CONSISTENCY in proofs else Kind.RECEIPT
        if HASH_ALGORITHM in signed.header:
            return Kind.TRANSPARENT if RECEIPTS in signed.unprotected else Kind.STATEMENT
    return None


@dataclass(slots=True)
class Finding:
    """The answer. ``ledger`` is the key that the proof was good under, ``index`` a place that is proven (a receipt
    proves none), ``entry`` what was read of the entry; ``notes`` what whoever relies on it should know."""

    kind: Kind
    verdict: Verdict = Verdict.VALID
    steps: list[Step] = field(default_factory=list)
    ledger: VerifierKey | None = None
    index: int | None = None
    entry: Act | Statement | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def deciding(self) -> Step | None:
        """The step that decided, or None for VALID."""
        return next((step for step in self.steps if step.verdict is not Verdict.VALID), None)


@dataclass(frozen=True, slots=True)
class Known:
    """What the verifier knows beforehand: keys of ledgers, and optionally a policy of witnesses."""

    ledgers: tuple[VerifierKey, ...] = ()
    policy: Policy | None = None

    def named(self, origin: str) -> list[VerifierKey]:
        """Return the keys that a ledger of this origin may have: those given, and those of the policy's logs."""
        logs = tuple(log.key for log in self.policy.logs) if self.policy else ()
        return [key for key in dict.fromkeys(self.ledgers + logs) if key.name == origin]


class Stop(Exception):
    """A step that decides."""


def check(kind: Kind, data: bytes, entry: bytes | None, known: Known) -> Finding:
    """Check a file of a kind against what is known; ``entry`` are the bytes that it is about, where they are another
    file: an entry, the envelope that a statement is about, or the older checkpoint of a receipt of consistency.

    Raises nothing on any input.
    """
    checking = Checking(Finding(kind), entry, known)
    with contextlib.suppress(Stop):
        checking.judge(data)
    return checking.found


class Checking:
    """One run of the steps. ``found`` is filled on the way."""

    def __init__(self, found: Finding, entry: bytes | None, known: Known) -> None:
        self.found = found
        self.entry = entry
        self.known = known

    def passed(self, number: int, detail: str = "") -> None:
        self.found.steps.append(Step(number, STEPS[number], Verdict.VALID, detail))

    @contextlib.contextmanager
    def step(self, number: int) -> Iterator[None]:
        """Do what a step asks; where a rule says no, the step has decided."""
        try:
            yield
        except PourparlerError as error:
            verdict = Verdict.CANNOT_TELL if isinstance(error, Missing) else Verdict.INVALID
            self.found.steps.append(Step(number, STEPS[number], verdict, error.detail, error.reason))
            self.found.verdict = verdict
            raise Stop from None

    def judge(self, data: bytes) -> None:
        match self.found.kind:
            case Kind.PROOF:
                self.judge_proof(data)
            case Kind.RECEIPT:
                self.judge_receipt(data)
            case Kind.CONSISTENCY:
                self.judge_consistency(data)
            case Kind.STATEMENT:
                self.judge_statement(data)
            case Kind.TRANSPARENT:
                self.judge_transparent(data)

    def judge_proof(self, data: bytes) -> None:
        with self.step(1):
            proof = parse_proof(data)
            origin = parse_checkpoint(split_note(proof.checkpoint)[0]).origin
        self.passed(1, f"{len(data):,} bytes")
        keys = self.ledgers(origin)[origin]
        entry = self.read_entry()
        policy = self.known.policy
        witnesses = [witness.key for witness in policy.witnesses] if policy else []
        with self.step(5):
            opened = self.good(keys, lambda key: verify_proof(proof, entry, origin, key, witnesses))
        self.found.index = proof.index
        self.passed(5, f"at index {proof.index:,} of {opened.checkpoint.size:,}")
        with self.step(6):
            if policy and not quorum_met(policy, opened.cosigners()):
                raise Missing("witness.quorum", "those who cosigned the checkpoint are not the quorum of your policy")
        self.passed(6, "the quorum of your policy" if policy and policy.quorum else "your trust asks for none")

    def judge_receipt(self, data: bytes) -> None:
        with self.step(1):
            receipt = parse_receipt(data)
        self.passed(1, f"{len(data):,} bytes")
        keys = self.ledgers(receipt.issuer)[receipt.issuer]
        entry = self.read_entry()
        with self.step(5):
            self.good(keys, lambda key: verify_receipt(data, entry, key))
        self.passed(5, NO_PLACE)
        self.no_witnesses()

    def judge_consistency(self, data: bytes) -> None:
        with self.step(1):
            receipt = parse_receipt(data)
        self.passed(1, f"{len(data):,} bytes")
        origin = receipt.issuer
        keys = self.ledgers(origin)[origin]
        with self.step(4):
            note = self.shown("the older checkpoint that the receipt starts from is not here")
            old = self.good(keys, lambda key: open_checkpoint(note, origin, key)).checkpoint
        self.passed(4, f"the ledger's checkpoint of {old.size:,} entries")
        with self.step(5):
            self.good(keys, lambda key: verify_consistency_receipt(data, old.size, old.root, key))
        self.passed(5, "it begins with all entries of the older checkpoint")
        self.no_witnesses()

    def judge_statement(self, data: bytes) -> None:
        """A statement needs no directory: its kid is the key. Whose key that is, it does not prove."""
        statement = self.signed(data, lambda: parse_statement(data))
        self.about(statement)

    def judge_transparent(self, data: bytes) -> None:
        """A receipt of a ledger that is known has to be good: one that is not refuses the whole. One of a service that
        is not known, or of a kind that we cannot read, is passed over, as long as another is good."""
        statement = self.signed(data, lambda: parse_transparent(data)[0])
        receipts = parse_transparent(data)[1]
        issuers = [issuer_of(receipt) for receipt in receipts]
        with self.step(5):
            if not any(issuers):
                parse_receipt(receipts[0])
        keys = self.ledgers(*filter(None, issuers))
        self.about(statement)
        with self.step(5):
            for receipt, issuer in reversed(list(zip(receipts, issuers, strict=True))):  # the first is named
                if issuer in keys:
                    self.good(keys[issuer], partial(verify_receipt, receipt, statement.data))
        strangers = sum(issuer not in keys for issuer in issuers)
        self.passed(5, f"{NO_PLACE}; {strangers} receipts of ledgers that you do not know" if strangers else NO_PLACE)
        self.no_witnesses()

    # Parts.

    def signed(self, data: bytes, read: Callable[[], Statement]) -> Statement:
        """Steps 1 and 2: that a signature does not fit is no fault of the file's form."""
        try:
            statement = read()
        except Refused:
            self.passed(1, f"{len(data):,} bytes")
            with self.step(2):
                raise
        except PourparlerError:
            with self.step(1):
                raise
        self.found.entry = statement
        self.passed(1, f"{len(data):,} bytes")
        self.passed(2, f"the key {statement.key.hex()}")
        self.found.notes.append("the issuer's name is what the key's holder calls himself; nothing here proves it")
        return statement

    def ledgers(self, *origins: str) -> dict[str, list[VerifierKey]]:
        """Step 3: the keys of those of the ledgers that are known; at least one has to be."""
        keys = {origin: found for origin in origins if (found := self.known.named(origin))}
        with self.step(3):
            if not keys:
                named = " or ".join(dict.fromkeys(origins))
                raise Missing("trust.unknown-ledger", f"you have named no key of {named}")
        self.found.ledger = next(iter(keys.values()))[0]
        self.passed(3, ", ".join(keys))
        return keys

    def good(self, keys: Sequence[VerifierKey], ask: Callable[[VerifierKey], Answer]) -> Answer:
        """Return what is answered for the first key that fits, which is the ledger's then. Raises what the last one is
        refused for."""
        for key in keys[:-1]:
            with contextlib.suppress(PourparlerError):
                answer = ask(key)
                self.found.ledger = key
                return answer
        answer = ask(keys[-1])
        self.found.ledger = keys[-1]
        return answer

    def shown(self, lacking: str) -> bytes:
        if self.entry is None:
            raise Missing("entry.not-shown", lacking)
        return self.entry

    def read_entry(self) -> bytes:
        """Step 4: the entry, which may be any bytes; that they are in the tree is for step 5."""
        with self.step(4):
            entry = self.shown("the bytes that the file proves something of are not here")
        with contextlib.suppress(PourparlerError):
            self.found.entry = parse_entry(entry)
        self.passed(4, f"{len(entry):,} bytes")
        return entry

    def about(self, statement: Statement) -> None:
        """Step 4 of a statement, where the act is here: the hash is that of its envelope."""
        if self.entry is None:
            self.found.notes.append("the act is not shown: with --entry, its envelope shows that the hash is its own")
            return
        with self.step(4):
            if (hashlib.sha256(self.entry).digest(), form_of(self.entry)) != (statement.hash, statement.form):
                raise Refused("statement.entry", "the statement is not about these bytes")
        self.passed(4, "the hash is that of the act's envelope")

    def no_witnesses(self) -> None:
        """Step 6: witnesses cosign checkpoints, and no receipt carries one."""
        with self.step(6):
            if self.known.policy and self.known.policy.quorum is not None:
                raise Missing("witness.quorum", "a receipt carries no cosignatures; a proof file does")
        self.passed(6, "your trust asks for none")


def issuer_of(receipt: bytes) -> str | None:
    """Return whose receipt it says to be, or None where it is of a kind that we cannot read."""
    try:
        return parse_receipt(receipt).issuer
    except PourparlerError:
        return None
