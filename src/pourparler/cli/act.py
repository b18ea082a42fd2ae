"""``pourparler act``: what negotiators say, and acts on their way from hand to hand."""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.describe import describe
from pourparler.cli.dossier import ByMandate, DossierName
from pourparler.cli.example import example_of
from pourparler.cli.exporting import AsPage, export_claim
from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.grouped import noun
from pourparler.cli.meant import mandate_for, only_text, organ_for
from pourparler.cli.openings import keep_openings, openings
from pourparler.cli.options import Reserves, TextName, Words
from pourparler.cli.reading import read_file
from pourparler.cli.sending import (
    Anyway,
    GiveName,
    Later,
    OutFile,
    WithKeys,
    deliver,
    lay_down,
    payload_of,
    read_parcel,
    send,
    show_whole,
    signed,
)
from pourparler.cli.session import ACT_FILE, MARK, Session, command
from pourparler.cli.timeline import about_act, act_line
from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, count, quoted
from pourparler.core import limits
from pourparler.core.act import KINDS, Act, Issuer, Power, power_words
from pourparler.core.encoding import Value
from pourparler.core.evidence import Claim, ledger_key
from pourparler.core.ledger import is_statement, parse_statement
from pourparler.core.redline import text_digest
from pourparler.service import desk, receipts
from pourparler.service.books import Book
from pourparler.service.guard import Opening
from pourparler.service.workspace import write_atomically

app = noun("Acts: propose, adopt, sign and whatever else is said; sign and send acts that others drafted.")
COSE_FILE = b"\xd2\x84"
YES = (f"{MARK['yes'][0]} ", MARK["yes"][1])
DESTRUCTIVE = {
    "dismiss": "Dismiss?",
    "urgent-dismiss": "Dismiss?",
    "suspend": "Suspend?",
    "dissolve": "Dissolve the organ?",
    "hand-over": "Hand the powers over?",
    "denounce": "Denounce the text?",
    "close": "Close the talks?",
    "refuse": "Refuse the text for good?",
}


# --- in a dossier -----------------------------------------------------------------------------------------------------


def in_dossier(
    session: Session, dossier: str, kind: str, by: str | None, key: list[str] | None
) -> tuple[Book, dict[str, Any]]:
    """Return the ledger of a dossier, and the fields that every holder's act in it has."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    if by:
        mandate = session.find(by, "mandate")
    else:
        mandate = mandate_for(session, book, book.registry.dossier(dossier_id).parties, KINDS[kind].power, key)
    return book, {"by": mandate, "dossier": dossier_id}


def on_text(
    session: Session, kind: str, dossier: str, text: str | None, by: str | None, key: list[str] | None, **more: Any
) -> tuple[Book, dict[str, Any]]:
    """Return the ledger and the fields of a holder's act on a text."""
    book, fields = in_dossier(session, dossier, kind, by, key)
    found = book.registry.dossier(fields["dossier"])
    fields["text"] = session.find(text, "text") if text else only_text(session, book, found)
    return book, fields | {name: value for name, value in more.items() if value is not None}


@command(app)
def propose(
    session: Session,
    dossier: Annotated[
        str | None,
        typer.Argument(metavar="DOSSIER", help="In which talks.", show_default=False),
    ] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The text, in TOML.", show_default=False)] = None,
    answers: Annotated[str | None, typer.Option(metavar="TEXT", help="The offer that this answers.")] = None,
    until: Annotated[str | None, typer.Option(metavar="INSTANT", help="Until when the offer stands.")] = None,
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
    show_example: Example = False,
) -> int | None:
    """Propose a text in talks. Red lines of your mandate are asked before anything leaves."""
    if show_example:
        return example("text")
    if dossier is None or file is None:
        raise Problem(
            USAGE, "a proposal is of a text, in talks.", "pourparler act propose DOSSIER FILE; or see --example."
        )
    book, fields = in_dossier(session, dossier, "propose", by, key)
    form = session.form()
    data = form.text(read_toml(file))
    fields["text"] = text_digest(data)
    fields |= {"answers": session.find(answers, "text")} if answers else {}
    fields |= {"until": form.instant(until, "--until")} if until else {}
    fields |= {"words": words} if words else {}
    sealed = book.registry.dossier(fields["dossier"]).sealed
    session.keep_text(data)
    send(session, book, "propose", fields, keys=key, texts=() if sealed else (data,), out=out, anyway=anyway)
    session.answer(text=fields["text"])
    session.mention(f"{session.called(fields['text'])} is the text", lead="  ")
    session.whole(fields["text"].hex())
    if sealed:
        session.mention("the talks are sealed: hand the text over with dossier text, by a way of your own", lead="  ")
    return None


def on_text_verb(kind: str, help_: str) -> None:
    """Give the command line a verb whose act names a dossier and a text, and no more."""

    def run(
        session: Session, dossier: DossierName, text: TextName = None, by: ByMandate = None, words: Words = None,
        key: WithKeys = None, out: OutFile = None, anyway: Anyway = False,
    ) -> None:  # fmt: skip
        book, fields = on_text(session, kind, dossier, text, by, key, words=words)
        send(session, book, kind, fields, keys=key, out=out, anyway=anyway)

    run.__doc__ = help_
    command(app, kind)(run)


on_text_verb("adopt", "Adopt a text: it is the text. That binds nobody yet.")
on_text_verb("reject", "Reject a text that another party proposed.")
on_text_verb("withdraw", "Withdraw a text that your party proposed.")
on_text_verb("initial", "Initial a text: from here on no byte of it changes.")


@command(app, "sign-ad-referendum")
def sign_ad_referendum(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: Annotated[
        str | None,
        typer.Option(metavar="ORGAN", help="Who may ratify; otherwise who gave the mandate."),
    ] = None,
    deadline: Annotated[str | None, typer.Option(metavar="INSTANT", help="Until when; otherwise 14 days.")] = None,
    reserve: Reserves = None,
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Sign a text subject to your organ's approval. It binds nobody until the organ ratifies."""
    form = session.form()
    book, fields = on_text(
        session, "sign-ad-referendum", dossier, text, by, key, words=words,
        organ=session.find(organ, "organ") if organ else None,
        deadline=form.instant(deadline, "--deadline") if deadline else None,
        reserves=sorted(set(reserve)) if reserve else None,
    )  # fmt: skip
    send(session, book, "sign-ad-referendum", fields, keys=key, out=out, anyway=anyway)


@command(app)
def conclude(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    reserve: Reserves = None,
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Sign a text definitively: it binds your party at once."""
    reserves = sorted(set(reserve)) if reserve else None
    book, fields = on_text(session, "conclude", dossier, text, by, key, words=words, reserves=reserves)
    send(session, book, "conclude", fields, keys=key, out=out, anyway=anyway)


@command(app, "withdraw-signature")
def withdraw_signature(
    session: Session,
    dossier: DossierName,
    signature: Annotated[str, typer.Argument(metavar="ACT", help="The signature.", show_default=False)],
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Take back a signature ad referendum that has not been ratified."""
    book, fields = in_dossier(session, dossier, "withdraw-signature", by, key)
    fields |= {"signature": session.find(signature, "act")} | ({"words": words} if words else {})
    send(session, book, "withdraw-signature", fields, keys=key, out=out, anyway=anyway)


@command(app)
def say(
    session: Session,
    dossier: DossierName,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What you say.", show_default=False)],
    about: Annotated[str | None, typer.Option(metavar="ACT", help="The act that it is about.")] = None,
    to: Annotated[str | None, typer.Option(metavar="PARTY", help="To whom.")] = None,
    by: ByMandate = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Say something in talks, for the record. It has no legal effect."""
    book, fields = in_dossier(session, dossier, "say", by, key)
    fields |= {"words": words} | ({"about": session.find(about, "act", "text")} if about else {})
    fields |= {"to": session.find(to, "party", "organ")} if to else {}
    send(session, book, "say", fields, keys=key, out=out, anyway=anyway)


@command(app)
def acknowledge(
    session: Session,
    dossier: DossierName,
    about: Annotated[str, typer.Argument(metavar="ACT", help="Which act.", show_default=False)],
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Acknowledge an act, such as a private line that was revealed: from then on you were told."""
    book, fields = in_dossier(session, dossier, "acknowledge", by, key)
    fields |= {"about": session.find(about, "act")} | ({"words": words} if words else {})
    send(session, book, "acknowledge", fields, keys=key, out=out, anyway=anyway)


@command(app)
def reveal(
    session: Session,
    dossier: DossierName,
    mandate: Annotated[
        str,
        typer.Argument(metavar="MANDATE", help="Whose private line.", show_default=False),
    ],
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="Which of its private lines, from 1 on.")],
    by: ByMandate = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Open one of your private red lines in talks. Once the others acknowledge it, it counts like a public one."""
    book, fields = in_dossier(session, dossier, "reveal", by, key)
    mandate_id = session.find(mandate, "mandate")
    committed = book.registry.register(book.registry.party_of_mandate[mandate_id]).mandate(mandate_id).private
    known: Mapping[bytes, Opening] = {opening.commitment: opening for opening in openings(session)}
    if number > len(committed) or committed[number - 1] not in known:
        raise Problem(USAGE, f"there is no opening here of private line {number}.", "See: pourparler mandate openings.")
    opening = known[committed[number - 1]]
    fields |= {"mandate": mandate_id, "line": opening.line, "salt": opening.salt}
    send(session, book, "reveal", fields, keys=key, out=out, anyway=anyway)


@command(app)
def invite(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    party: Annotated[list[str] | None, typer.Option("--party", metavar="PARTY", help="Whom.")] = None,
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="Until when.")] = "in 30 days",
    by: ByMandate = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Invite other parties to accede to a text."""
    parties = sorted({session.find(name, "party") for name in party or ()})
    by_time = session.form().instant(until, "--until")
    book, fields = on_text(session, "invite", dossier, text, by, key, parties=parties, by_time=by_time)
    send(session, book, "invite", fields, keys=key, out=out, anyway=anyway)


@command(app, "suspend-talks")
def suspend_talks(
    session: Session,
    dossier: DossierName,
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="Until when.", show_default=False)],
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Suspend talks: while that lasts nothing is proposed."""
    book, fields = in_dossier(session, dossier, "suspend-talks", by, key)
    fields |= {"until": session.form().instant(until, "--until")} | ({"words": words} if words else {})
    send(session, book, "suspend-talks", fields, keys=key, out=out, anyway=anyway)


@command(app, "resume-talks")
def resume_talks(
    session: Session,
    dossier: DossierName,
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Go on with talks that were suspended."""
    book, fields = in_dossier(session, dossier, "resume-talks", by, key)
    fields |= {"words": words} if words else {}
    send(session, book, "resume-talks", fields, keys=key, out=out, anyway=anyway)


@command(app)
def publish(
    session: Session,
    dossier: DossierName,
    text: Annotated[list[str], typer.Argument(metavar="TEXT…", help="Which texts.", show_default=False)],
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Publish texts of sealed talks: their words go to the ledger, where anybody can check that they are the ones.

    Of words that are not here only the statement goes. What was published cannot be sealed again.
    """
    book, fields = in_dossier(session, dossier, "publish", by, key)
    fields["texts"] = sorted({session.find(name, "text") for name in text})
    fields |= {"words": words} if words else {}
    found = [data for digest in fields["texts"] if (data := book.text_here(digest)) is not None]
    sealed = [digest for digest in fields["texts"] if book.store.text(digest) is None]
    if sealed and found:
        session.mention(f"the words of {count(len(sealed), 'sealed text')} go to {clean(book.ledger.origin)}, for all")
        session.sure("Publish them?")
    send(session, book, "publish", fields, keys=key, texts=found, out=out, anyway=anyway)


class Closing(StrEnum):
    AGREED = "agreed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@command(app)
def close(
    session: Session,
    dossier: DossierName,
    how: Annotated[Closing, typer.Argument(metavar="HOW", help="agreed, failed or withdrawn.", show_default=False)],
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Close talks; among more than two parties, leave them. What that does is shown first."""
    book, fields = in_dossier(session, dossier, "close", by, key)
    fields |= {"as": str(how)} | ({"words": words} if words else {})
    send(session, book, "close", fields, keys=key, out=out, anyway=anyway, ask=f"Close the talks as {how}?")


OrganName = Annotated[
    str | None,
    typer.Option(
        "--organ",
        metavar="ORGAN",
        help="The organ that decides it, if it is no holder.",
        show_default=False,
    ),
]


@command(app)
def denounce(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: OrganName = None,
    by: ByMandate = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Give notice that your party leaves a text: by your organ, or under a mandate. What that does is shown first."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    fields: dict[str, Value] = {"dossier": dossier_id, "text": digest} | ({"words": words} if words else {})
    if by:
        fields["by"] = session.find(by, "mandate")
    else:
        fields["organ"] = organ_for(session, book, found.parties, Power.DENOUNCE, organ, key)
    send(session, book, "denounce", fields, keys=key, out=out, anyway=anyway, ask="Denounce the text?")


# --- any kind ---------------------------------------------------------------------------------------------------------


@command(app)
def kinds(
    session: Session,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help="Only this one, with its fields.")] = None,
) -> None:
    """Show the kinds of acts there are, and the fields of one."""
    if kind is not None and kind not in KINDS:
        raise Problem(USAGE, f"{kind} is no kind of act.", f"There is: {', '.join(KINDS)}.")
    data = {
        name: {"by": [issuer.value for issuer in row.issuer], "required": list(row.required),
               "optional": list(row.optional), "power": power_words(row.power)}
        for name, row in KINDS.items() if kind in (None, name)
    }  # fmt: skip
    session.answer(kinds=data)
    for name, row in data.items():
        session.say((name, "bold"), f" · {' or '.join(row['by'])}")
        if kind is not None:
            session.say(", ".join(row["required"]) or "none", lead="  required  ")
            session.say(", ".join([*row["optional"], "at", "words"]), lead="  optional  ")
            session.say(", ".join(row["power"]) or "none", lead="  power     ")


@command(app)
def draft(
    session: Session,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="Which kind; see: act kinds.", show_default=False)],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Its fields, in TOML; - for standard input.")
    ] = None,
    unsigned: Annotated[bool, typer.Option("--unsigned", help="Only lay it down, for others to sign.")] = False,
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
    show_example: Example = False,
) -> None:
    """Make an act of any kind from its fields, sign it with the keys here, and send it.

    Fields that follow from where things stand may be left away: prior, seen, signs, votes, previous, nonce. With
    --example it prints a file of that kind to start from.
    """
    if kind not in KINDS or KINDS[kind].issuer == (Issuer.LEDGER,):
        known = ", ".join(name for name, row in KINDS.items() if row.issuer != (Issuer.LEDGER,))
        raise Problem(USAGE, f"{kind} is no kind of act that you could write.", f"There is: {known}.")
    if show_example:
        print(example_of(kind), end="")
        return
    if file is None:
        do = f"pourparler act draft {kind} FILE; a file to start from: pourparler act draft {kind} --example."
        raise Problem(USAGE, "an act is drafted from a file.", do)
    session.check_out(out, *ACT_FILE)
    written = read_toml(file)
    book = ledger_of(session, written)
    form = session.form()
    fields = form.fields(kind, written)
    keep_openings(session, form.openings)
    data = book.text_here(fields["text"]) if kind == "propose" and "text" in fields else None
    texts = (data,) if data is not None else ()
    if unsigned:
        from pourparler.cli.sending import drafted, gathered

        parcel, found = drafted(book, kind, fields, session, texts)
        parcel = gathered(session, parcel, found, strangers=True)
        lay_down(session, parcel, found, None, out)
        return
    send(
        session,
        book,
        kind,
        fields,
        keys=key,
        texts=texts,
        out=out,
        anyway=anyway,
        ask=DESTRUCTIVE.get(kind, ""),
        named=name,
    )


def ledger_of(session: Session, written: Mapping[str, Any]) -> Book:
    """Return the ledger that the fields of an act belong to."""
    for name, kind in (
        ("dossier", "dossier"),
        ("organ", "organ"),
        ("by", "mandate"),
        ("class", "mandate"),
        ("party", "party"),
    ):
        if isinstance(written.get(name), str):
            return session.holding(session.find(written[name], kind))
    return session.book()


# --- files ------------------------------------------------------------------------------------------------------------

ActFile = Annotated[Path, typer.Argument(metavar="FILE", help="An act on its way.", show_default=False)]


@command(app)
def sign(session: Session, file: ActFile, key: WithKeys = None, out: OutFile = None, anyway: Anyway = False) -> None:
    """Sign an act that somebody drafted, after showing in plain sentences what the signature does.

    If enough have signed, it goes to the ledger that is kept here; otherwise FILE has your signature as well, to be
    sent on.
    """
    book, parcel, found = read_parcel(session, file)
    book.check_writable()
    show_whole(session, book, parcel, found)
    parcel = signed(session, parcel, found, key or ())
    founding = parcel.act() if payload_of(parcel)["kind"] == "found" else None
    deliver(session, book, parcel, found, out=out or file, anyway=anyway, ask="Sign it?")
    if founding is not None and founding.id not in session.workspace.settings.trust:
        know_cofounded(session, founding)


def know_cofounded(session: Session, founding: Act) -> None:
    """Remember a party that somebody else drafted and a key of this workspace founds as well: it is one's own."""
    from pourparler.cli.party import know_founded

    called = session.workspace.free_name(founding["name"])
    session.workspace.give_name(called, founding.id)
    know_founded(session, founding, called)
    session.mention(f"{clean(called)} is the party's name here; its id:", lead="  ")
    session.whole(founding.id.hex())


@command(app)
def join(
    session: Session,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Copies of one act.", show_default=False)],
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Put together the signatures that members made side by side on copies of one act."""
    read = [read_parcel(session, path) for path in files]
    book, _, found = read[0]
    parcel = desk.joined(parcel for _, parcel, _ in read)
    deliver(session, book, parcel, found, out=out, anyway=anyway)


@command(app)
def submit(
    session: Session,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Acts.")],
    anyway: Annotated[bool, typer.Option("--anyway", help="Log also what would be without effect.")] = False,
) -> None:
    """Take acts of others into the ledger that is kept here, in this order, or in one in which all have effect.

    A signed statement about an act that is in it is taken in as well. What the law refuses is not taken in, and kept
    apart (ledger show --refused); what would have no effect is logged with --anyway only.
    What lacks signatures waits at the desk, with all good ones that came so far; what nobody has signed is not taken.
    """
    queue, in_vain = deque(files), 0  # how many were tried since the last one that was taken
    while queue:
        path = queue.popleft()
        try:
            submit_one(session, path, anyway=anyway, later=bool(queue) and in_vain <= len(queue))
            in_vain = 0
        except Later:
            queue.append(path)
            in_vain += 1
            session.reopen()  # what was foreseen is in the fold now, and has not happened
        except Problem as problem:
            if len(files) > 1 and str(path) not in problem.what:
                problem.what = f"{path}: {problem.what}"
            raise


def submit_one(session: Session, path: Path, *, anyway: bool, later: bool) -> None:
    if path.is_file() and is_statement(data := read_file(path, limits.COSE_MAX_BYTES, "an act")):
        register(session, data, path)
        return
    book, parcel, found = read_parcel(session, path)
    check_kept(book)
    if not parcel.envelope.signatures:
        raise Problem(
            USAGE, f"{path}: nobody has signed this act: nobody has spoken.", "Whoever says it signs: act sign."
        )
    if deliver(session, book, parcel, found, anyway=anyway, others=True, later=later).waiting:
        session.reopen()  # what was foreseen is in the fold now, and has not happened


@command(app)
def state(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="An act that has an entry.", show_default=False)],
    issuer: Annotated[
        str, typer.Option("--as", metavar="ISSUER", help="What you call yourself in it.", show_default=False)
    ],
    key: Annotated[str, typer.Option("--key", metavar="NAME", help="Your submitter key.", show_default=False)],
    location: Annotated[str, typer.Option(metavar="URI", help="Where the act may be found.")] = "",
    log: Annotated[bool, typer.Option("--log", help="Register it in the ledger, which is kept here.")] = False,
    out: OutFile = None,
) -> None:
    """Make a signed statement (SCITT) about an act: that you hand in these bytes. It binds nobody.

    Any transparency service can register it. With --log the ledger that holds the act does, and the transparent
    statement is written as well: the statement with the ledger's receipt.
    """
    act_id = session.find(act, "act")
    book = session.holding(act_id)
    outcome = book.registry.outcomes.get(act_id)
    if outcome is None or act_id in book.pending:
        raise Problem(USAGE, f"{act} has no entry in {book.ledger.origin}.", "A statement is about what is recorded.")
    if log:
        check_kept(book)
    target = out or Path(f"{outcome.act.kind}-{act_id.hex()[:8]}.statement")
    session.check_out(target, COSE_FILE)
    signer = session.signer(session.keys.public(key), "submitter")
    made = receipts.statement_on(outcome.envelope.encoded(), issuer, signer, location)
    write_atomically(target, made)
    session.answer(statement=str(target), act=act_id, key=signer.public_key)
    session.say(f"{target}: {quoted(issuer)} hands in {outcome.act.kind} {act_id.hex()[:8]}…", lead=YES)
    if log:
        register(session, made, target)
    else:
        session.mention("whoever keeps a ledger that holds the act takes it in with: act submit FILE", lead="  ")


def check_kept(book: Book) -> None:
    if not book.kept:
        raise Problem(
            USAGE,
            f"the ledger {book.ledger.origin} is not kept here.",
            "Send the file to its depositary, who submits it.",
        )


def register(session: Session, data: bytes, path: Path) -> None:
    """Take a statement into the ledger that holds its act, and write the transparent statement beside its file."""
    statement = parse_statement(data)
    books = session.all_books() if session.ledger_name is None else [session.book()]
    holding = [book for book in books if book.registry.act_of(statement.hash)] or [session.book()]
    book = next((book for book in holding if book.kept), holding[0])
    check_kept(book)
    target = path.with_suffix(".transparent")
    session.check_out(target, COSE_FILE)
    signer = session.ledger_signer(book)
    entry = book.state(data, signer)
    write_atomically(target, receipts.transparent(book, entry.index, signer))
    vkey = ledger_key(book.depositary).text
    session.answer(index=entry.index, log_time=entry.time, transparent=str(target), vkey=vkey)
    session.say(f"statement: entry {entry.index:,} of {clean(book.ledger.origin)}", lead=YES)
    session.say(f"{target} is the statement with the ledger's receipt", lead="  ")
    session.mention(f"it is checked against the ledger's key: {vkey}", lead="  ")


@command(app)
def show(
    session: Session,
    what: Annotated[str, typer.Argument(metavar="ACT|FILE", help="An act's id, or a file.", show_default=False)],
) -> None:
    """Show an act: one in a ledger, or one on its way in a file."""
    if Path(what).is_file():
        book, parcel, found = read_parcel(session, Path(what))
        payload = payload_of(parcel)
        describe(session, book, parcel, found, payload)
        signed_id = parcel.act().id if parcel.envelope.signatures else None
        session.answer(kind=payload["kind"], id=signed_id, fields=payload, ledger=book.ledger.origin)
        if signed_id is not None:
            session.mention("the party's id:" if payload["kind"] == "found" else "its id:", lead="  ")
            session.whole(signed_id.hex())
        return
    act_id = session.find(what, "act")
    book = session.holding(act_id)
    outcome = book.registry.outcomes.get(act_id)
    if outcome is None:
        raise Problem(
            USAGE, f"{what} is in no ledger here.", "Perhaps a newer copy has it: pourparler ledger take FILE."
        )
    index = None if act_id in book.pending else outcome.moment.index
    session.answer(**about_act(session, outcome.act, outcome, index))
    session.say(*act_line(session, outcome.act, outcome), lead="     …  " if index is None else f"{index:>6,}  ")
    if index is None:
        session.say("pending, not in the ledger yet", lead="        ")
    session.say(act_id.hex(), lead="        ")


@command(app)
def export(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="An act's id.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
    html: AsPage = False,
) -> int:
    """Write evidence that an act was recorded, and whether it had effect."""
    act_id = session.find(act, "act")
    book = session.holding(act_id)
    return export_claim(session, Claim("recorded", book.depositary, 0, act=act_id), out, as_page=html)
