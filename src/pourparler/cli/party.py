"""``pourparler party``: found parties, look at them, say whose evidence you believe."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.grouped import noun
from pourparler.cli.sending import GiveName, OutFile, WithKeys, announce, send, tell_named
from pourparler.cli.session import Session, command
from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, date_time, duration, quoted, short
from pourparler.core.act import ALL_POWERS, Act, power_words
from pourparler.core.authority import Register
from pourparler.core.council import Organ, organ_id
from pourparler.service.books import Book
from pourparler.service.workspace import HEX, NAME

app = noun("Parties: found one, look at it, say whose evidence you believe.")

PartyName = Annotated[str, typer.Argument(metavar="PARTY", help="A party's name or id.", show_default=False)]


@command(app)
def found(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="What the party is, in TOML.")] = None,
    title: Annotated[
        str | None,
        typer.Option(
            "--title",
            metavar="TEXT",
            help="Without FILE: the party's own name.",
            show_default=False,
        ),
    ] = None,
    member: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Without FILE: a member of its one organ, the board.", show_default=False),
    ] = None,
    needs: Annotated[
        int | None,
        typer.Option(metavar="N", help="How many of them must sign; otherwise more than half.", show_default=False),
    ] = None,
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
    show_example: Example = False,
) -> int | None:
    """Found a party, from FILE or with --title and --member: then it has one organ, a board with all powers.

    Every founding member signs. The id of the founding act is the party's id: what others trust.
    """
    if show_example:
        return example("party")
    if file is not None:
        written = read_toml(file)
    elif title and member:
        board: dict[str, Any] = {"name": "board", "seats": member}
        written = {"name": title, "organs": [board | ({"needs": needs} if needs is not None else {})]}
    else:
        raise Problem(
            USAGE,
            "a party needs a file, or a title and members.",
            'pourparler party found --title "We" --member ann --member bo; or see --example.',
        )
    book = session.book()
    fields = session.form().fields("found", written)
    called = name or session.workspace.free_name(str(fields.get("name", "party")))
    sent = send(session, book, "found", fields, keys=key, out=out, named=called)
    know_founded(session, sent.act, called)
    session.answer(party=sent.act.id, name=called)
    tell_named(session, sent, "party")
    session.mention("tell its id to those who shall trust it, by a way they believe", lead="  ")
    return None


def know_founded(session: Session, founding: Act, called: str) -> None:
    """Trust a party that was founded with a key of this workspace, and name its organs after it."""
    session.workspace.trust(founding.id, "founded in this workspace")
    for organ in founding["organs"]:
        if NAME.fullmatch(f"{called}.{organ['name']}"):
            session.workspace.give_name(f"{called}.{organ['name']}", organ_id(founding.id, organ["name"]), stale=True)


@command(app, "list")
def list_parties(session: Session) -> None:
    """Show the parties that the ledgers here know."""
    rows, data = [], []
    trusted = session.workspace.settings.trust
    for book in map(session.as_of, session.all_books()):
        for party, register in book.registry.registers.items():
            how = trusted.get(party, "")
            rows.append((session.called(party), quoted(register.spines.party.name), how or "not trusted", short(party)))
            data.append({"party": party.hex(), "name": register.spines.party.name, "ledger": book.ledger.origin,
                         "called": session.called(party), "trusted": how or None})  # fmt: skip
    session.answer(parties=data)
    if not session.as_json:
        session.screen.table(("called", "name", "learnt", "id"), rows)
    if rows:
        session.mention("the whole id of one: pourparler party show PARTY")


@command(app)
def show(session: Session, party: PartyName) -> None:
    """Show a party: its home, its organs with members and powers, its mandates."""
    party_id = session.find(party, "party")
    book = session.as_of(session.holding(party_id), party_id)
    register = book.registry.register(party_id)
    about = register.spines.party
    session.say(f"{quoted(about.name)} ({session.called(party_id)})", lead=("party    ", "bold"))
    session.say(party_id.hex(), lead="id       ")
    home = "this ledger" if register.spines.home else "elsewhere: what is here is notice"
    session.say(f"{clean(about.home.origin)}, {home}", lead="home     ")
    how = session.workspace.settings.trust.get(party_id)
    session.say(how or "you do not trust it: pourparler party trust PARTY --how TEXT", lead="learnt   ")
    organs = []
    for of_party in register.spines.names.values():
        organ = register.spines.seated(of_party, session.moment(book).time)
        organs.append(organ_data(session, organ))
        tell_organ(session, organ)
    mandates = [session.called(mandate) for mandate in register.mandates]
    session.say(", ".join(mandates) or "none", lead="mandates ")
    session.answer(party=party_id, name=about.name, home=about.home.origin, learnt=how, organs=organs,
                   mandates=list(register.mandates), counts=stream_count(book, register))  # fmt: skip


def stream_count(book: Book, register: Register) -> int:
    stream = book.registry.streams.get(register.party)
    return stream.count if stream else 0


def tell_organ(session: Session, organ: Organ) -> None:
    """Print an organ in a paragraph."""
    session.say("")
    session.say((session.called(organ.id), "bold"), " (dissolved)" if organ.dissolved else "", lead="organ    ")
    members = [
        f"{session.called(key)}{f' (weight {weight})' if weight > 1 else ''}"
        for key, weight in organ.members.seats.items()
    ]
    session.say(f"{', '.join(sorted(members))}; {organ.members.needs} must sign", lead="members  ")
    everything = organ.powers == ALL_POWERS
    session.say("all" if everything else ", ".join(power_words(organ.powers)) or "none", lead="powers   ")
    if organ.votes and organ.ballot:
        (part, whole), quorum = organ.ballot.share, organ.ballot.quorum
        rule = f"open {duration(organ.ballot.open_seconds)}, quorum {quorum}, yes more than {part} of {whole}"
        session.say(f"{', '.join(power_words(organ.votes))}: {rule}", lead="by vote  ")
    if organ.until is not None:
        session.say(date_time(organ.until), lead="until    ")
    if organ.superior is not None:
        subject = f"; confirms its {', '.join(power_words(organ.subject))}" if organ.subject else ""
        session.say(f"{session.called(organ.superior)}{subject}", lead="answers to ")
    for line in organ.lines:
        from pourparler.core.redline import sentence

        session.say(sentence(line), lead="red line ")
    if organ.urgency:
        keys = ", ".join(session.called(key) for key in organ.urgency.members.seats)
        session.say(f"{keys}; {organ.urgency.members.needs} must sign", lead="urgency  ")


def organ_data(session: Session, organ: Organ) -> dict[str, Any]:
    return {
        "organ": organ.id.hex(),
        "called": session.called(organ.id),
        "name": organ.name,
        "seats": {key.hex(): weight for key, weight in organ.members.seats.items()},
        "needs": organ.members.needs,
        "powers": power_words(organ.powers),
        "votes": power_words(organ.votes),
        "until": organ.until,
        "superior": organ.superior.hex() if organ.superior else None,
        "dissolved": organ.dissolved,
    }


@command(app)
def trust(
    session: Session,
    party: PartyName,
    how: Annotated[str, typer.Option(metavar="TEXT", help="How you learnt its id.", show_default=False)],
    name: GiveName = None,
) -> None:
    """Note that you believe a party's id, and how you learnt it: `verify` repeats it in every verdict.

    Nobody can do that for you. An id that you copied out of somebody's evidence proves nothing. PARTY is its whole id,
    or a name that it has here: the first digits of an id are easily made alike.
    """
    party_id = party_in_full(session, party)
    replace_learnt(session, party_id, how)
    before, known = session.workspace.name_of(party_id), session.names.known.kind_of(party_id) is not None
    session.workspace.trust(party_id, how)
    if name:
        session.workspace.give_name(name, party_id)
    session.answer(party=party_id, learnt=how, known=known)
    called = session.called(party_id)
    session.mention(f"{called} is trusted: {clean(how)}", lead=("✓ ", "green"))
    if name and before not in (None, name):
        session.mention(f"it has the name {before} here already: both are understood, and {called} is shown", lead="  ")
    if not known:
        session.say("no ledger here knows a party with this id: check its digits once more", lead=("! ", "yellow"))


def party_in_full(session: Session, said: str) -> bytes:
    """Return the party that a name or a whole id says; first digits are not enough to trust by. Raises Problem."""
    if session.names.named(said, ("party",)) is None and len(said) < 64 and HEX.fullmatch(said):
        what = f"{said} is not the whole id: to trust a party takes all 64 digits, or a name that it has here."
        raise Problem(USAGE, what, "Write the id as the party told it to you.")
    return session.find(said, "party")


def replace_learnt(session: Session, party: bytes, how: str) -> None:
    """Ask before it is forgotten how a party's id was learnt. Raises :class:`Problem`."""
    before = session.workspace.settings.trust.get(party)
    if before is None or before == how or session.yes:
        return
    said = f"{session.called(party)} is trusted already: {clean(before)}"
    if not session.can_ask:
        raise Problem(USAGE, f"{said}.", "Give --yes to note the other reason in its place. Nothing was done.")
    session.say(said, lead="  ")
    session.sure("Note the other reason in its place?")


@command(app, "announce")
def announce_(
    session: Session,
    party: PartyName,
    to: Annotated[str, typer.Option("--to", metavar="ORIGIN", help="In which ledger.", show_default=False)],
) -> None:
    """Give notice in another ledger of all that a party has decided at home: where it negotiates, others rely on it.

    Until a dismissal is announced there, whoever reads only that ledger still deals with the old holder.
    """
    party_id = session.find(party, "party")
    home = session.holding(party_id)
    there = session.book(session.which(to))
    if there is home:
        raise Problem(USAGE, f"{to} is its home.", "Name another ledger.")
    told = announce(session, home, there, party_id)
    session.answer(announced=told, ledger=there.ledger.origin)
    if not told:
        session.say(f"{there.ledger.origin} knows all of it already.")
