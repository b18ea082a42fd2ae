"""Evidence is written, and read again as a stranger would read it, before anybody carries it away."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from pourparler.cli.session import Session
from pourparler.cli.trouble import CANNOT_TELL, Problem
from pourparler.cli.words import BADGES, EXIT_CODES, advice, claim_sentence, deciding, readable
from pourparler.core.errors import Missing
from pourparler.core.evidence import FORMAT, Bundle, Claim, Report, Trust, Verdict, verify
from pourparler.service.books import Book
from pourparler.service.evidencepage import OPENING, page, verifier_digest
from pourparler.service.export import Ledger, assemble
from pourparler.service.witnessing import WitnessedLedger, policy_of, published
from pourparler.service.workspace import write_atomically

AsPage = Annotated[
    bool,
    typer.Option("--html", help="Write a page that carries the evidence and verifies it in any browser, offline."),
]

TRIED = "assumed, to see what somebody says who trusts it"


def export_claim(
    session: Session, claim: Claim, out: Path, texts: Iterable[bytes] = (), *, as_page: bool = False
) -> int:
    """Write the bundle for a claim, or a page that carries it; say what a stranger says who trusts the parties, under
    the policy of the claim's ledger where it has one. Return that verdict's code.

    Raises :class:`Problem` where a copy of a ledger lacks the stamp that a bundle needs.
    """
    session.check_out(out, OPENING if as_page else FORMAT.encode())
    others = [session.book(ledger) for ledger in session.ledgers().values()]
    try:
        bundle = assembled(session, claim, others, texts)
    except Missing as missing:
        raise Problem(
            session.exit_code or CANNOT_TELL,  # the witnesses may have said that the ledger told another story
            f"no evidence can be made here: {missing.detail}.",
            ask_for_stamp(others, missing),
            reason=missing.reason,
        ) from None
    data = bundle.encoded()
    written = page(data) if as_page else data
    write_atomically(out, written)
    policy = next(
        (policy_of(session.workspace, book.ledger) for book in others if book.depositary == claim.ledger), None
    )
    trusted = dict.fromkeys(claim.parties, TRIED)
    alone = verify(data, Trust(trusted))
    report = verify(data, Trust(trusted, policy)) if policy is not None else alone
    sentence = claim_sentence(bundle.claim, report.registry)
    session.answer(
        file=str(out), bytes=len(written), verifier_sha256=verifier_digest() if as_page else None, claim=sentence,
        as_of=bundle.claim.as_of, verdict=report.verdict.value, reason=report.reason,
        under_policy=policy is not None, without_policy=alone.verdict.value,
    )  # fmt: skip
    what = "bytes, a page with the evidence" if as_page else "bytes of evidence"
    session.say(f"{out}: {len(written):,} {what} that {sentence}")
    say_verdict(
        session, report, "who trusts it" if policy is None else "who trusts it and asks for its ledger's witnesses"
    )
    if alone.verdict is not report.verdict:
        say_verdict(session, alone, "who trusts it and asks for no witnesses")
    if report.verdict is Verdict.VALID:
        how = "anybody opens it in a browser, or checks it with" if as_page else "anybody checks it with"
        under = " --policy FILE" if policy is not None else ""
        session.mention(f"{how}: pourparler verify {out} --trust PARTY_ID{under}", lead="  ")
    else:
        session.say(advice(report), lead="  do: ")
    return EXIT_CODES[report.verdict]


def say_verdict(session: Session, report: Report, who: str) -> None:
    """Say what a stranger says, and the step that decided."""
    step = deciding(report)
    because = f", step {step.number}: {readable(step.detail)} [{step.reason}]" if step else ""
    session.say((f" {report.verdict.value} ", BADGES[report.verdict]), f" is what a stranger says {who}{because}")


def assembled(session: Session, claim: Claim, books: Iterable[Book], texts: Iterable[bytes]) -> Bundle:
    """Return the bundle for a claim. Raises :class:`Missing`: ``witness.quorum`` where what it needs is in a ledger
    that cannot be written now, and its witnesses have not cosigned it."""
    ledgers = [as_ledger(session, book) for book in books]
    known = {ledger.depositary: ledger for ledger in ledgers if ledger is not None}
    home = next((book for book in books if book.depositary == claim.ledger), None)
    shown = known.get(claim.ledger)
    if home is not None and shown is None:
        raise Missing("witness.quorum", "no quorum has cosigned the ledger yet, and it cannot be written now")
    try:
        return assemble(claim, known.values(), texts=texts)
    except Missing as missing:
        if home is None or not isinstance(shown, Book) or shown.size == home.size:
            raise
        lacking = f"its witnesses have cosigned {shown.size:,} of {home.size:,} entries, and in these {missing.detail}"
        raise Missing("witness.quorum", f"the ledger cannot be written now; {lacking}") from None


def ask_for_stamp(books: Iterable[Book], missing: Missing) -> str:
    """Return how to come by the stamp that a bundle needs."""
    if missing.reason == "witness.quorum":
        if stopped := next((book.read_only for book in books if book.read_only is not None), None):
            return f"First it has to be written again. {stopped.do} Then ask the witnesses: pourparler ledger witness."
        return "Ask them again: pourparler ledger witness. Evidence shows only what its ledger's witnesses have seen."
    if any(book.kept and not book.writable for book in books):
        return "Make it where the ledger may be written: a new stamp has to state it all."
    return "Ask the depositary for a new copy (ledger copy): it begins with a stamp of everything."


def as_ledger(session: Session, book: Book) -> Ledger | None:
    """Return what export reads: a ledger that is kept here writes a new stamp; a copy, or one that may not be written
    now, looks for one in what is published; None where that is nothing yet. Raises :class:`StoreError` where nothing of
    a ledger may leave."""
    book.check_given_away()
    policy = policy_of(session.workspace, book.ledger)
    if not (book.kept and book.writable and book.read_only is None):
        return None if published(book.store, policy) is None else book.as_published()
    intake = book.intake(session.ledger_signer(book))
    if policy is None:
        return intake
    from pourparler.cli.witness import tell_heard

    return WitnessedLedger(intake, policy, heard=partial(tell_heard, session, book))
