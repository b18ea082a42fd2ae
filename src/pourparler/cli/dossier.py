"""``pourparler dossier``: open talks, join them, see where they stand, carry the evidence away."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.sending import Anyway, GiveName, OutFile, WithKeys, send
from pourparler.cli.session import USAGE, Problem, Session, command, noun
from pourparler.cli.speaking import mandate_for, only_text
from pourparler.cli.words import claim_sentence
from pourparler.core.act import Power
from pourparler.core.evidence import Claim
from pourparler.service.books import Book
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.service.workspace import write_atomically

app = noun("Dossiers: open talks, join them, see where they stand, carry the evidence away.")
DossierName = Annotated[str, typer.Argument(metavar="DOSSIER", help="A dossier's name or id.", show_default=False)]
ByMandate = Annotated[
    str | None,
    typer.Option("--by", metavar="MANDATE", help="Your mandate; otherwise the one that fits.", show_default=False),
]


@command(app, "open")
def open_(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The opening, in TOML.")] = None,
    party: Annotated[
        list[str] | None,
        typer.Option("--party", metavar="PARTY", help="Without FILE: one of the parties.", show_default=False),
    ] = None,
    by: ByMandate = None,
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
    show_example: Example = False,
) -> int | None:
    """Open talks, from FILE or between the parties that --party names."""
    if show_example:
        return example("dossier")
    written: dict[str, Any] = read_toml(file) if file else {"parties": party or []}
    if not written.get("parties"):
        raise Problem(USAGE, "talks need parties.", "Name two with --party, or see --example.")
    book = session.book()
    if by:
        written["by"] = by
    form = session.form()
    fields = form.fields("open", written)
    if "by" not in fields:
        fields["by"] = mandate_for(session, book, fields["parties"], Power.OPEN, key)
    sent = send(session, book, "open", fields, keys=key, out=out, anyway=anyway, named=name)
    session.answer(dossier=sent.act.id, name=name)
    session.mention(f"{session.called(sent.act.id)} is the dossier {sent.act.id.hex()}", lead="  ")
    return None


@command(app)
def join(
    session: Session,
    dossier: DossierName,
    by: ByMandate = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Join talks that somebody has opened and that name your party."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    parties = [party for party in found.parties if party not in found.joined]
    mandate = session.find(by, "mandate") if by else mandate_for(session, book, parties, Power.OPEN, key)
    send(session, book, "join", {"by": mandate, "dossier": dossier_id}, keys=key, out=out, anyway=anyway)


class Claimed(StrEnum):
    IN_FORCE = "in-force"
    BOUND = "bound"


@command(app)
def export(
    session: Session,
    dossier: DossierName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
    text: Annotated[str | None, typer.Option(metavar="TEXT", help="Which text; otherwise the one that binds.")] = None,
    claim: Annotated[Claimed, typer.Option(help="What the bundle claims.")] = Claimed.IN_FORCE,
    party: Annotated[
        list[str] | None, typer.Option("--party", metavar="PARTY", help="Of whom: one for bound, two for in-force.")
    ] = None,
) -> None:
    """Write the evidence: one file that convinces a stranger offline, who knows no more than a party's id."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    wanted = 1 if claim is Claimed.BOUND else 2
    parties = [session.find(name, "party") for name in party or ()] or list(found.parties[:wanted])
    if len(parties) != wanted:
        raise Problem(USAGE, f"{claim} is about {wanted} of the parties.", "Name them with --party.")
    made = Claim(str(claim), book.depositary, 0, tuple(parties), dossier_id, digest)
    others = [session.book(ledger) for ledger in session.ledgers().values()]
    ledgers = [as_intake(session, other) if other.kept else other for other in others]
    texts = [data for paper in found.papers if (data := session.workspace.text(paper)) is not None]
    bundle = assemble(made, ledgers, texts=texts)
    data = bundle.encoded()
    write_atomically(out, data)
    sentence = claim_sentence(bundle.claim, book.registry)
    session.answer(file=str(out), bytes=len(data), claim=sentence, as_of=bundle.claim.as_of)
    session.say(f"{out}: {len(data):,} bytes of evidence that {sentence}", lead=("✓ ", "green"))
    session.mention(f"anybody checks it with: pourparler verify {out} --trust PARTY_ID", lead="  ")


def as_intake(session: Session, book: Book) -> Intake:
    return Intake(book.store, session.ledger_signer(book), book.clock, book.ledger.origin)
