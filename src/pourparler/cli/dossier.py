"""``pourparler dossier``: open talks, join them, see where they stand, carry the evidence away."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.meant import mandate_for, only_text
from pourparler.cli.page import awaited_data, dossier_data, print_dossier
from pourparler.cli.sending import Anyway, GiveName, OutFile, WithKeys, send
from pourparler.cli.session import USAGE, Problem, Session, command, noun
from pourparler.cli.words import claim_sentence
from pourparler.core.act import Power
from pourparler.core.evidence import Claim
from pourparler.service.awaiting import awaited
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


# --- looking ----------------------------------------------------------------------------------------------------------


@command(app, "list")
def list_dossiers(session: Session) -> None:
    """Show the talks that the ledgers here know, and what is awaited next."""
    rows, data = [], []
    for book in session.all_books():
        moment = session.moment(book)
        waits = awaited(book.registry, moment)
        for dossier in book.registry.dossiers.values():
            parties = ", ".join(session.called(party) for party in dossier.parties)
            next_ = [awaited_data(session, item) for item in waits if item.dossier == dossier.id]
            state = dossier.state(moment).value
            said = next_[0]["sentence"] if next_ else "nothing is awaited"
            rows.append((session.called(dossier.id), parties, state, str(len(dossier.papers)), said))
            data.append({"dossier": dossier.id.hex(), "called": rows[-1][0], "parties": list(dossier.parties),
                         "state": state, "texts": list(dossier.papers), "ledger": book.ledger.origin,
                         "awaited": next_})  # fmt: skip
    session.answer(dossiers=data)
    if not session.as_json:
        session.screen.table(("dossier", "parties", "state", "texts", "next"), rows)
    if not rows:
        session.say("There are no talks yet. Open some: pourparler dossier open --party WE --party THEY --name NAME")


@command(app)
def show(session: Session, dossier: DossierName) -> None:
    """Show where talks stand: parties, texts, consents, what is in force, what is awaited of whom, all that was said.

    With --at, as of a later instant: deadlines pass, texts enter into force, by the same acts.
    """
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    data = dossier_data(session, book, found, session.moment(book))
    session.answer(**data)
    if not session.as_json:
        print_dossier(session, book, data, found)


@command(app)
def diff(
    session: Session,
    old: Annotated[
        str, typer.Argument(metavar="TEXT", help="A text: its name, digest, or a TOML file.", show_default=False)
    ],
    new: Annotated[str, typer.Argument(metavar="TEXT", help="The other one.", show_default=False)],
    mandate: Annotated[
        list[str] | None,
        typer.Option("--mandate", metavar="MANDATE", help="Whose red lines to try; otherwise all of yours."),
    ] = None,
) -> None:
    """Compare two texts: articles, terms, clauses, and what red lines say of the one and the other."""
    from pourparler.cli.diff import compare

    compare(session, old, new, mandate or [])


# --- evidence ---------------------------------------------------------------------------------------------------------


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
