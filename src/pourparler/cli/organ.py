"""``pourparler organ``: who sits, who is elected, what an organ may; hand over, dissolve; ask and answer."""

from pathlib import Path
from typing import Annotated

import typer

from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.grouped import noun
from pourparler.cli.openings import keep_openings
from pourparler.cli.options import Words
from pourparler.cli.party import organ_data, tell_organ
from pourparler.cli.sending import (
    OutFile,
    WithKeys,
    send,
)
from pourparler.cli.session import Session, command
from pourparler.cli.trouble import USAGE, Problem
from pourparler.core.encoding import Value
from pourparler.service.books import Book

app = noun("Organs: who sits, who is elected; hand over, dissolve; ask and answer.")
OrganName = Annotated[
    str,
    typer.Argument(metavar="ORGAN", help="An organ: we.board, or its id.", show_default=False),
]
ByOrgan = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="ORGAN",
        help="The organ that decides it, if it is one above.",
        show_default=False,
    ),
]


def organ_meant(session: Session, organ: str) -> tuple[Book, bytes]:
    organ_id = session.find(organ, "organ")
    return session.holding(organ_id), organ_id


@command(app, "list")
def list_organs(session: Session) -> None:
    """Show the organs of all parties that are known here."""
    rows, data = [], []
    for book in map(session.as_of, session.all_books()):
        time = session.moment(book).time
        for register in book.registry.registers.values():
            for organ_id in register.spines.names.values():
                organ = register.spines.seated(organ_id, time)
                members = ", ".join(sorted(session.called(key) for key in organ.members.seats))
                state = "dissolved" if organ.dissolved else f"{organ.members.needs} of {organ.members.weight} sign"
                rows.append((session.called(organ_id), state, members))
                data.append(organ_data(session, organ))
    session.answer(organs=data)
    if not session.as_json:
        session.screen.table(("organ", "decides", "members"), rows)


@command(app)
def show(session: Session, organ: OrganName) -> None:
    """Show an organ: members, powers, how it decides, its term, its red lines, its last decisions."""
    book, organ_id = organ_meant(session, organ)
    book = session.as_of(book, organ_id)
    register = book.registry.register(book.registry.party_of_organ[organ_id])
    found = register.spines.seated(organ_id, session.moment(book).time)
    tell_organ(session, found)
    decisions = [act for act in register.spines.decisions.values() if act.get("organ") == organ_id]
    for act in decisions[-8:]:
        session.say(f"{act.kind} {session.called(act.id)}", lead="decided  ")
    head = register.spines.heads[organ_id]
    session.answer(**organ_data(session, found), head=head, decisions=[act.id for act in decisions])


@command(app)
def constitute(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="In TOML: organ, and [new] as in a party's file.", show_default=False),
    ] = None,
    key: WithKeys = None,
    out: OutFile = None,
    show_example: Example = False,
) -> int | None:
    """Make a new organ, below yours."""
    if show_example:
        return example("organ")
    if file is None:
        raise Problem(USAGE, "an organ needs a file.", "See --example.")
    written = read_toml(file)
    if not isinstance(written.get("organ"), str):
        raise Problem(
            USAGE, "the file does not say which organ makes it.", 'Write organ = "we.board", and a [new] table.'
        )
    book, _ = organ_meant(session, written["organ"])
    form = session.form()
    fields = form.fields("constitute", written)
    keep_openings(session, form.openings)
    send(session, book, "constitute", fields, keys=key, out=out)
    return None


@command(app)
def elect(
    session: Session,
    organ: OrganName,
    member: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A member of the new organ; all of them.")
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Who takes a seat, beside those who sit.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Who loses the seat.")] = None,
    needs: Annotated[int | None, typer.Option(metavar="N", min=1, help="The weight that must sign.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="The end of the term; without it there is none.")
    ] = None,
    by: ByOrgan = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Elect: seat members anew. Whoever takes a seat signs as well. What that does is shown first."""
    book, organ_id = organ_meant(session, organ)
    register = book.registry.register(book.registry.party_of_organ[organ_id])
    form = session.form()
    seats = dict(register.spines.organ(organ_id).members.seats.items())
    if member:
        seats = dict(form.seats(member, "--member"))
    for name in remove or ():
        gone = session.find(name, "key")
        if gone not in seats:
            raise Problem(USAGE, f"{name} has no seat in {session.called(organ_id)}.", "See: pourparler organ show.")
        del seats[gone]
    seats |= {session.find(name, "key"): 1 for name in add or ()}
    fields: dict[str, Value] = {"organ": organ_id, "seats": sorted([k, weight] for k, weight in seats.items())}
    fields |= {"needs": needs} if needs else {}
    fields |= {"until": form.instant(until, "--until")} if until else {}
    fields |= {"words": words} if words else {}
    if by:
        fields |= {"organ": session.find(by, "organ"), "of": organ_id}
    send(session, book, "elect", fields, keys=key, out=out, ask="Elect them?")


@command(app)
def appoint(
    session: Session,
    organ: OrganName,
    beacon: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="A beacon key; these are all of them.")
    ] = None,
    dispatch: Annotated[list[str] | None, typer.Option(metavar="KEY", help="A further relay's key.")] = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Appoint keys of beacons and of dispatch. Passkeys are appointed from a file: act draft appoint FILE."""
    book, organ_id = organ_meant(session, organ)
    fields: dict[str, Value] = {"organ": organ_id}
    fields |= {"beacons": sorted({session.find(name, "key") for name in beacon})} if beacon else {}
    fields |= {"dispatch": sorted({session.find(name, "key") for name in dispatch})} if dispatch else {}
    send(session, book, "appoint", fields, keys=key, out=out)


@command(app, "hand-over")
def hand_over(
    session: Session,
    organ: OrganName,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ORGAN",
            help="Who gets them, once it confirms.",
            show_default=False,
        ),
    ],
    power: Annotated[
        list[str], typer.Option("--power", metavar="POWER", help="Which; can be given again.", show_default=False)
    ],
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Give powers of an organ away. What that does is shown first; the other organ confirms it: mandate confirm ACT."""
    book, organ_id = organ_meant(session, organ)
    powers = session.form().powers(power, "--power")
    fields: dict[str, Value] = {"organ": organ_id, "to": session.find(to, "organ"), "powers": powers}
    fields |= {"words": words} if words else {}
    ask = f"Hand {', '.join(power)} over to {to}?"
    send(session, book, "hand-over", fields, keys=key, out=out, ask=ask)


@command(app)
def dissolve(
    session: Session,
    organ: OrganName,
    by: ByOrgan = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """End an organ: it can decide nothing more. What that does is shown first."""
    book, organ_id = organ_meant(session, organ)
    fields: dict[str, Value] = {"organ": organ_id}
    if by:
        fields = {"organ": session.find(by, "organ"), "of": organ_id}
    fields |= {"words": words} if words else {}
    send(session, book, "dissolve", fields, keys=key, out=out, ask=f"Dissolve {session.called(organ_id)}?")


# --- supervision ------------------------------------------------------------------------------------------------------


@command(app)
def question(
    session: Session,
    organ: OrganName,
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What is asked.", show_default=False)],
    due: Annotated[str, typer.Option(metavar="INSTANT", help="By when the answer is due.")] = "in 7 days",
    by: Annotated[
        str,
        typer.Option("--by", metavar="ORGAN", help="The organ above, in which you sit."),
    ] = "",
    about: Annotated[str | None, typer.Option(metavar="ACT", help="The act that it is about.")] = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Ask an organ below yours a question; the answer is due by a date."""
    book, organ_id = organ_meant(session, organ)
    above = session.find(by, "organ") if by else superior_of(session, book, organ_id)
    fields: dict[str, Value] = {
        "organ": above,
        "of": organ_id,
        "due": session.form().instant(due, "--due"),
        "words": words,
    }
    fields |= {"about": session.find(about, "act")} if about else {}
    send(session, book, "question", fields, keys=key, out=out)


@command(app)
def answer(
    session: Session,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="The question's id.", show_default=False)],
    words: Annotated[str, typer.Argument(metavar="WORDS", help="The answer.", show_default=False)],
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Answer a question that was put to your organ."""
    asked = session.find(question, "act")
    book = session.holding(asked)
    outcome = book.registry.outcomes.get(asked)
    if outcome is None or outcome.act.kind != "question":
        raise Problem(USAGE, f"{question} is no question.", "See: pourparler inbox.")
    fields = {"organ": outcome.act["of"], "question": asked, "words": words}
    send(session, book, "answer", fields, keys=key, out=out)


@command(app, "object")
def object_(
    session: Session,
    organ: OrganName,
    about: Annotated[str, typer.Argument(metavar="ACT", help="The act of an organ below.", show_default=False)],
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Object, for the organ, to an act of one below; if that is a mandate, it ends. What that does is shown first."""
    book, organ_id = organ_meant(session, organ)
    fields: dict[str, Value] = {"organ": organ_id, "about": session.find(about, "act", "mandate")}
    fields |= {"words": words} if words else {}
    send(session, book, "object", fields, keys=key, out=out, ask="Object to it?")


@command(app)
def dissent(
    session: Session,
    organ: OrganName,
    about: Annotated[str, typer.Argument(metavar="ACT", help="What you dissent from.", show_default=False)],
    words: Annotated[str, typer.Argument(metavar="WORDS", help="Why.", show_default=False)],
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Record, as a member, that you dissent. It has no legal effect."""
    book, organ_id = organ_meant(session, organ)
    fields = {"organ": organ_id, "about": session.find(about, "act"), "words": words}
    send(session, book, "dissent", fields, keys=key, out=out)


def superior_of(session: Session, book: Book, organ_id: bytes) -> bytes:
    register = book.registry.register(book.registry.party_of_organ[organ_id])
    above = register.spines.organ(organ_id).superior
    if above is None:
        raise Problem(
            USAGE, f"{session.called(organ_id)} answers to no organ.", "Only organs above another may ask it."
        )
    return above
