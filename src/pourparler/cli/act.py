"""``pourparler act``: what negotiators say, and acts on their way from hand to hand."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.dossier import ByMandate, DossierName
from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.sending import Anyway, OutFile, WithKeys, deliver, read_parcel, send, signed
from pourparler.cli.session import Session, command, noun
from pourparler.cli.speaking import mandate_for, only_text
from pourparler.core.act import KINDS
from pourparler.core.redline import text_digest

app = noun("Acts: propose, adopt, sign, and whatever else is said; sign and send acts that others drafted.")
TextName = Annotated[
    str | None, typer.Argument(metavar="[TEXT]", help="The text; otherwise the one on the table.", show_default=False)
]


@command(app)
def propose(
    session: Session,
    dossier: Annotated[
        str | None, typer.Argument(metavar="DOSSIER", help="In which talks.", show_default=False)
    ] = None,
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The text, in TOML.", show_default=False)] = None,
    answers: Annotated[str | None, typer.Option(metavar="TEXT", help="The offer that this answers.")] = None,
    until: Annotated[str | None, typer.Option(metavar="INSTANT", help="Until when the offer stands.")] = None,
    by: ByMandate = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
    show_example: Example = False,
) -> int | None:
    """Propose a text in talks. Red lines of your mandate are asked before anything leaves."""
    if show_example or dossier is None or file is None:
        return example("text")
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    form = session.form()
    data = form.text(read_toml(file))
    fields: dict[str, Any] = {"dossier": dossier_id, "text": text_digest(data)}
    if answers:
        fields["answers"] = session.find(answers, "text")
    if until:
        fields["until"] = form.instant(until, "--until")
    fields["by"] = speaking(session, book, dossier_id, "propose", by, key)
    session.workspace.keep_text(data)
    sealed = book.registry.dossier(dossier_id).sealed
    send(session, book, "propose", fields, keys=key, texts=() if sealed else (data,), out=out, anyway=anyway)
    session.answer(text=fields["text"])
    session.mention(f"{session.called(fields['text'])} is the text {fields['text'].hex()}", lead="  ")
    return None


def speaking(session: Session, book: Any, dossier_id: bytes, kind: str, by: str | None, key: list[str] | None) -> bytes:
    if by:
        return session.find(by, "mandate")
    parties = book.registry.dossier(dossier_id).parties
    return mandate_for(session, book, parties, KINDS[kind].power, key)


def on_text(
    session: Session, kind: str, dossier: str, text: str | None, by: str | None, key: list[str] | None, **more: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the ledger and the fields of a holder's act on a text."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    mandate = speaking(session, book, dossier_id, kind, by, key)
    fields = {"by": mandate, "dossier": dossier_id, "text": digest}
    return book, fields | {name: value for name, value in more.items() if value is not None}


@command(app)
def adopt(
    session: Session, dossier: DossierName, text: TextName = None, by: ByMandate = None, key: WithKeys = None,
    out: OutFile = None, anyway: Anyway = False,
) -> None:  # fmt: skip
    """Adopt a text: it is the text. That binds nobody yet."""
    book, fields = on_text(session, "adopt", dossier, text, by, key)
    send(session, book, "adopt", fields, keys=key, out=out, anyway=anyway)


@command(app, "sign-ad-referendum")
def sign_ad_referendum(
    session: Session, dossier: DossierName, text: TextName = None,
    organ: Annotated[str | None, typer.Option(metavar="ORGAN", help="Who may ratify; otherwise who gave the mandate.")] = None,
    deadline: Annotated[str | None, typer.Option(metavar="INSTANT", help="Until when; otherwise 14 days.")] = None,
    by: ByMandate = None, key: WithKeys = None, out: OutFile = None, anyway: Anyway = False,
) -> None:  # fmt: skip
    """Sign a text subject to your organ's approval. It binds nobody until the organ ratifies."""
    form = session.form()
    book, fields = on_text(
        session, "sign-ad-referendum", dossier, text, by, key,
        organ=session.find(organ, "organ") if organ else None,
        deadline=form.instant(deadline, "--deadline") if deadline else None,
    )  # fmt: skip
    send(session, book, "sign-ad-referendum", fields, keys=key, out=out, anyway=anyway)


@command(app)
def conclude(
    session: Session, dossier: DossierName, text: TextName = None, by: ByMandate = None, key: WithKeys = None,
    out: OutFile = None, anyway: Anyway = False,
) -> None:  # fmt: skip
    """Sign a text definitively: it binds your party at once."""
    book, fields = on_text(session, "conclude", dossier, text, by, key)
    send(session, book, "conclude", fields, keys=key, out=out, anyway=anyway)


# --- files ------------------------------------------------------------------------------------------------------------

ActFile = Annotated[Path, typer.Argument(metavar="FILE", help="An act on its way.", show_default=False)]


@command(app)
def sign(session: Session, file: ActFile, key: WithKeys = None, out: OutFile = None, anyway: Anyway = False) -> None:
    """Sign an act that somebody drafted, after showing what the signature does."""
    book, parcel, found = read_parcel(session, file)
    parcel = signed(session, parcel, found, key or ())
    deliver(session, book, parcel, found, out=out or file, anyway=anyway)


@command(app)
def submit(session: Session, file: ActFile, anyway: Anyway = False) -> None:
    """Take an act into the ledger that is kept here."""
    book, parcel, found = read_parcel(session, file)
    deliver(session, book, parcel, found, anyway=anyway)
