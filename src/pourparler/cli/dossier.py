"""``pourparler dossier``: open talks, join them, see where they stand, carry the evidence away."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.awaited import awaited_data
from pourparler.cli.exporting import AsPage, export_claim
from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.grouped import noun
from pourparler.cli.meant import mandate_for, only_text
from pourparler.cli.page import dossier_data, print_dossier, print_text_itself
from pourparler.cli.reading import read_file
from pourparler.cli.sending import Anyway, GiveName, OutFile, WithKeys, send, tell_named
from pourparler.cli.session import MARK, Session, command
from pourparler.cli.trouble import INPUT, USAGE, Problem
from pourparler.cli.words import count
from pourparler.core import limits
from pourparler.core.act import Power
from pourparler.core.evidence import Claim
from pourparler.core.redline import parse_text
from pourparler.service.awaiting import awaited
from pourparler.service.workspace import write_atomically

app = noun("Dossiers: open talks, join them, see where they stand, carry the evidence away.")
DossierName = Annotated[
    str,
    typer.Argument(metavar="DOSSIER", help="A dossier's name or id.", show_default=False),
]
ByMandate = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="MANDATE",
        help="Your mandate; otherwise the one that fits.",
        show_default=False,
    ),
]


@command(app, "open")
def open_(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The opening, in TOML.")] = None,
    party: Annotated[
        list[str] | None,
        typer.Option(
            "--party",
            metavar="PARTY",
            help="Without FILE: one of the parties.",
            show_default=False,
        ),
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
    if sent.act.id:
        tell_named(session, sent, "dossier")
    return None


@command(app)
def join(
    session: Session,
    dossier: DossierName,
    by: ByMandate = None,
    name: GiveName = None,
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
    if name:
        session.workspace.give_name(name, dossier_id)


# --- looking ----------------------------------------------------------------------------------------------------------


@command(app, "list")
def list_dossiers(session: Session) -> None:
    """Show the talks that the ledgers here know, and what is awaited next."""
    rows, data = [], []
    for book in map(session.as_of, session.all_books()):
        moment = session.moment(book)
        waits = awaited(book.registry, moment)
        for dossier in book.registry.dossiers.values():
            parties = ", ".join(session.called(party) for party in dossier.parties)
            next_ = [awaited_data(session, book, item) for item in waits if item.dossier == dossier.id]
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

    With --at, as of another instant: an earlier one, by what had been said; a later one, when deadlines have passed and
    texts entered into force by the same acts.
    """
    dossier_id = session.find(dossier, "dossier")
    book = session.as_of(session.holding(dossier_id), dossier_id)
    found = book.registry.dossier(dossier_id)
    data = dossier_data(session, book, found, session.moment(book))
    session.answer(**data)
    if not session.as_json:
        print_dossier(session, book, data, found)


@command(app)
def diff(
    session: Session,
    old: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="A text: its name, digest, or a TOML file.",
            show_default=False,
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="TEXT", help="The other one.", show_default=False)],
    mandate: Annotated[
        list[str] | None,
        typer.Option(
            "--mandate",
            metavar="MANDATE",
            help="Whose red lines to try; otherwise all of yours.",
        ),
    ] = None,
) -> None:
    """Compare two texts: articles, terms, clauses, and what red lines say of the one and the other."""
    from pourparler.cli.diff import compare

    compare(session, old, new, mandate or [])


@command(app)
def text(
    session: Session,
    which: Annotated[
        str | None,
        typer.Argument(metavar="[TEXT]", help="A text's name or digest.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write its bytes, to be handed over.")
    ] = None,
    take: Annotated[
        Path | None, typer.Option("--take", metavar="FILE", help="Keep the text in FILE, which somebody handed to you.")
    ] = None,
    erase: Annotated[
        bool, typer.Option("--erase", help="Delete its words here; the acts about it stay, and stay provable.")
    ] = False,
) -> None:
    """Show a text in full; hand it over, take it in, or erase it: the ledger of sealed talks holds digests only."""
    if take is not None:
        digest = session.workspace.keep_text(read_file(take, limits.TEXT_MAX_BYTES, "a text"))
    elif which is not None:
        digest = session.find(which, "text")
    else:
        raise Problem(USAGE, "which text?", "Name it; or take one in with --take FILE.")
    _ = session.names
    data = next((data for book in session.books.values() if (data := book.store.text(digest)) is not None), None)
    if erase:
        erase_words(session, digest, in_ledger=data is not None)
        return
    data = data or session.workspace.text(digest)
    if data is None:
        raise Problem(INPUT, f"the words of {session.called(digest)} are not here.", "Ask whoever proposed it.")
    found = parse_text(data)
    if out is not None:
        session.check_out(out, data)  # the same text once more
        write_atomically(out, data)
    session.answer(text=digest, articles=dict(found.articles), terms=dict(found.terms), clauses=dict(found.clauses))
    session.say((session.called(digest), "bold"), (f"  {digest.hex()}", "dim"))
    print_text_itself(session, found)


def erase_words(session: Session, digest: bytes, *, in_ledger: bool) -> None:
    """Delete a text from the desk. Nothing that was signed changes: acts name it by its digest."""
    path = session.workspace.text_path(digest)
    if in_ledger:
        said = f"the words of {session.called(digest)} are in a ledger, for all; only a sealed text can be erased."
        raise Problem(USAGE, said, "Nothing was done.")
    if not path.is_file():
        raise Problem(USAGE, f"the words of {session.called(digest)} are not here.", "Nothing was done.")
    session.say(f"The words of {session.called(digest)} are deleted here. Acts and proofs stay as they are;", lead="  ")
    session.say("evidence that rests on the words can then be told only by whoever still has them.", lead="  ")
    session.sure("Erase them?")
    path.unlink()
    session.answer(text=digest, erased=True)
    session.say(f"erased: {session.called(digest)}", lead=MARK["yes"][0] + " ")


# --- evidence ---------------------------------------------------------------------------------------------------------


class Claimed(StrEnum):
    IN_FORCE = "in-force"
    BOUND = "bound"


@command(app)
def export(
    session: Session,
    dossier: DossierName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
    text: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Which text; otherwise the one that binds."),
    ] = None,
    claim: Annotated[Claimed, typer.Option(help="What the bundle claims.")] = Claimed.IN_FORCE,
    party: Annotated[
        list[str] | None,
        typer.Option("--party", metavar="PARTY", help="Of whom: one for bound, two for in-force."),
    ] = None,
    without_words: Annotated[
        bool,
        typer.Option("--without-words", help="Leave the words of sealed talks out; a stranger then cannot tell."),
    ] = False,
    html: AsPage = False,
) -> int:
    """Write the evidence: one file that convinces a stranger offline, who knows no more than a party's id.

    Of sealed talks it holds the words, too, unless you leave them out: whoever gets the file can read them.
    """
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    wanted = 1 if claim is Claimed.BOUND else 2
    parties = [session.find(name, "party") for name in party or ()] or list(found.parties[:wanted])
    if len(parties) != wanted:
        raise Problem(USAGE, f"{claim} is about {wanted} of the parties.", "Name them with --party.")
    made = Claim(str(claim), book.depositary, 0, tuple(parties), dossier_id, digest)
    texts = [data for paper in found.papers if (data := session.workspace.text(paper)) is not None]
    if found.sealed and without_words:
        texts = []
    elif found.sealed and texts:
        said = count(len(texts), "sealed text")
        session.mention(f"the file holds the words of {said}: whoever gets it can read them")
    return export_claim(session, made, out, texts, as_page=html)
