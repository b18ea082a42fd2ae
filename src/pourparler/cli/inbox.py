"""``pourparler inbox``: what awaits the keys that are here, by deadline."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.awaited import awaited_data, say_awaited
from pourparler.cli.grouped import noun
from pourparler.cli.sending import payload_of, read_parcel, signers_of, still_needed
from pourparler.cli.session import Session, command
from pourparler.cli.trouble import Problem
from pourparler.cli.words import clean, duration
from pourparler.core.errors import PourparlerError
from pourparler.service import desk
from pourparler.service.awaiting import awaited
from pourparler.service.books import Book
from pourparler.service.desk import Parcel

OLD_SECONDS = 2 * 86_400
app = noun("Inbox: what awaits your keys, by deadline.")


@command(app, "list")
def inbox(
    session: Session,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="NAME", help="Only what awaits this key; can be given more than once."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="What awaits anybody, and not only your keys.")] = False,
) -> None:
    """Show what awaits your keys: acts to sign, texts to ratify, votes, answers, what expires. By deadline."""
    mine = session.my_keys(key or ())
    items = [*from_ledgers(session, mine, everything=everything)]
    files = from_desk(session, mine, everything=everything)
    pending = from_pending(session)
    session.answer(awaited=items, files=files, pending=pending)
    for item in items:
        say_awaited(session, item)
    for file in files:
        session.say((file["kind"], "bold"), f": {file['lacking']}", lead="✎ ")
        session.say(file["command"] or file["file"], lead="    ")
    for waits in pending:
        said = f"signed, not yet in {clean(waits['ledger'])}"
        if waits["stuck"]:
            said = f"signed, and by now it would come to nothing ({waits['stuck']}); remove the file"
        session.say((waits["kind"], "bold"), f": {said}; {waits['file']}", lead="→ ")
    if not (items or files or pending):
        session.say("Nothing awaits you.")
    for fork in session.workspace.forks():
        session.say(f"a ledger has told two stories: {fork} proves it. Sign nothing in it.", lead="✗ ")
    for book in session.books.values():
        if not book.kept and session.now - book.last_time > OLD_SECONDS:
            age = duration(session.now - book.last_time)
            session.mention(f"the copy of {clean(book.ledger.origin)} is {age} old: ask for a new one", lead="! ")


def from_ledgers(session: Session, mine: frozenset[bytes], *, everything: bool) -> list[dict[str, Any]]:
    """Return what the ledgers await of these keys, by deadline."""
    found = []
    for book in map(session.as_of, session.all_books()):
        moment = session.moment(book)
        found += [(item, book) for item in awaited(book.registry, moment) if everything or item.keys & mine]
    found.sort(key=lambda row: (row[0].deadline is None, row[0].deadline or 0))
    return [awaited_data(session, book, item) for item, book in found]


def from_pending(session: Session) -> list[dict[str, Any]]:
    """Return what was signed here and is not in its ledger yet, and whether it still could be."""
    found = []
    for path, parcel in desk.lying(session.workspace, "pending"):
        stuck = [book.stuck[parcel.id] for book in session.books.values() if parcel.id in book.stuck]
        found.append({"kind": parcel.draft.kind, "file": str(path), "ledger": parcel.ledger.origin,
                      "stuck": stuck[0].reason if stuck else None})  # fmt: skip
    return found


def from_desk(session: Session, mine: frozenset[bytes], *, everything: bool) -> list[dict[str, Any]]:
    """Return the acts at the desk that lack a signature of these keys."""
    found = []
    for path in sorted(Path(session.workspace.desk / "waiting").glob("*.act")):
        try:
            book, parcel, speakers = read_parcel(session, path)
            has = signers_of(parcel.act(), speakers) if parcel.envelope.signatures else frozenset()
        except (Problem, PourparlerError):
            lacking = "it cannot be read; remove the file"
            found.append({"kind": path.name, "file": str(path), "lacking": lacking, "command": None})
            continue
        if everything or (speakers.keys - has) & mine:
            late = overtaken(book, parcel)
            lacking = still_needed(session, parcel, speakers)
            lacking = "the organ has decided something else since; remove the file" if late else lacking
            command = None if late else f"pourparler act sign {shlex.quote(str(path))}"
            found.append({"kind": parcel.draft.kind, "file": str(path), "lacking": lacking, "command": command})
    return found


def overtaken(book: Book, parcel: Parcel) -> bool:
    """Return whether a decision follows a place that its organ has left behind."""
    payload = payload_of(parcel)
    party = book.registry.party_of_organ.get(payload.get("organ", b""))
    if party is None or "prior" not in payload:
        return False
    return bool(book.registry.registers[party].spines.heads[payload["organ"]] != payload["prior"])
