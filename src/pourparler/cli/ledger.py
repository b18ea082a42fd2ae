"""``pourparler ledger``: keep a ledger, or copies of other people's; look into them, and carry proofs away."""

from pathlib import Path
from typing import Annotated

import typer

from pourparler.cli.grouped import noun
from pourparler.cli.session import ACT_FILE, MARK, Session, command
from pourparler.cli.timeline import about_act, act_line
from pourparler.cli.trouble import INPUT, INVALID, USAGE, Problem
from pourparler.cli.words import clean, count, date_time
from pourparler.core.act import parse_act
from pourparler.core.errors import Malformed
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import TlogProof, inclusion_path, open_checkpoint, parse_vkey
from pourparler.core.ledger.checkpoint import TLOG_PROOF_HEADER
from pourparler.service import books, desk
from pourparler.service.intake import BOUND_SECONDS, LedgerDamaged
from pourparler.service.workspace import write_atomically

app = noun("Ledgers: keep one, take copies of others', look into them, prove what they hold.")

Origin = Annotated[
    str,
    typer.Argument(metavar="ORIGIN", help="Its name, like a web address: ledger.example/talks.", show_default=False),
]
KeyRole = "ledger"
HighWater = Annotated[
    Path | None,
    typer.Option(
        "--high-water",
        metavar="FILE",
        help="Where to remember up to where it was acknowledged: best on another disk, out of the backup; otherwise "
        "beside the ledger.",
        show_default=False,
    ),
]


@command(app)
def create(
    session: Session,
    origin: Origin,
    key: Annotated[
        str, typer.Option("--key", metavar="NAME", help="The key that signs it; it is made if there is none.")
    ] = "ledger",
    bound: Annotated[
        str, typer.Option(metavar="DURATION", help="Within how long of a stamp witnesses' word counts.")
    ] = f"{BOUND_SECONDS}s",
    high_water: HighWater = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="ORIGIN",
            help="The ledger here that it follows, which can be written no more: its first entry names its heads.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Begin a ledger that this workspace keeps: you are its depositary.

    Its key signs every entry's place and time. Whoever is told the ledger's origin and key can check copies of it. A
    small file remembers up to where it was acknowledged, so that an older copy that is put back is found out.
    """
    from pourparler.service.forms import read_duration

    words = books.following(session.book(session.which(after))) if after is not None else ""
    if key not in session.keys.names():
        session.keys.new(key, KeyRole, session.passphrases.new(key))
        session.mention(f"made the ledger key {key}", lead="  ")
    signer = session.passphrases.signer(session.keys, key, role=KeyRole)
    seconds = read_duration(bound, "--bound")
    made = books.create_ledger(
        session.workspace, origin, key, signer, bound_seconds=seconds, high_water=high_water, words=words
    )
    vkey = ledger_key(made.depositary).text
    session.answer(ledger=made.origin, key=made.key, vkey=vkey, kept_by=key)
    sign, style = MARK["yes"]
    session.say(f"the ledger {clean(origin)} is kept here", lead=(f"{sign} ", style))
    session.mention(f"its key, for those who take copies: {vkey}", lead="  ")


@command(app, "list")
def list_ledgers(session: Session) -> None:
    """Show the ledgers that are kept here, and the copies of others."""
    rows = []
    for ledger in session.ledgers().values():
        book = session.book(ledger)
        rows.append((clean(ledger.origin), state_of(book), f"{book.size:,}", date_time(book.last_time)))
    session.answer(
        ledgers=[
            {"origin": book.ledger.origin, "key": book.depositary.key, "kept": book.kept, "size": book.size,
             "last_time": book.last_time, "pending": list(book.pending),
             "read_only": book.read_only.reason if book.read_only else None}
            for book in session.books.values()
        ]
    )  # fmt: skip
    if not session.as_json:
        session.screen.table(("ledger", "", "entries", "newest stamp"), rows)
        tell_read_only(session)
    if not rows:
        session.say("There is no ledger here yet: pourparler ledger create ORIGIN, or pourparler ledger take FILE.")


def state_of(book: books.Book) -> str:
    if not book.kept:
        return "copy"
    return "kept here, READ-ONLY" if book.read_only else "kept here"


def tell_read_only(session: Session) -> None:
    """Say why ledgers that are kept here cannot be written, and what to do."""
    sign, style = MARK["no"]
    for book in session.books.values():
        if book.read_only is not None:
            session.say(clean(book.read_only.what), (f" [{book.read_only.reason}]", "dim"), lead=(f"{sign} ", style))
            session.say(clean(book.read_only.do), lead="  do: ")


@command(app)
def show(
    session: Session,
    first: Annotated[int, typer.Argument(metavar="[FROM]", help="From which entry on.")] = 0,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, help="How many entries.")] = 200,
    refused: Annotated[
        bool, typer.Option("--refused", help="Show what was refused, instead of what is in it.")
    ] = False,
) -> None:
    """Show a ledger's entries in order, with what became of each."""
    book = session.book()
    if refused:
        show_refused(session, book)
        return
    entries = []
    for index in range(first, min(book.size, first + most)):
        act = parse_act(book.entry(index))
        outcome = book.registry.outcomes.get(act.id)
        entries.append(about_act(session, act, outcome, index))
        session.say(*act_line(session, act, outcome), lead=f"{index:>6,}  ")
    opened = open_checkpoint(book.checkpoint(), book.ledger.origin, ledger_key(book.depositary)).checkpoint
    session.answer(ledger=book.ledger.origin, size=book.size, root=opened.root, entries=entries)
    session.mention(f"{count(book.size, 'entry', 'entries')}, root {opened.root.hex()}")


def show_refused(session: Session, book: books.Book) -> None:
    found = list(book.store.refusals())
    told = ("act_id", "kind", "step", "reason", "detail", "time")
    session.answer(refused=[{name: getattr(refusal, name) for name in told} for refusal in found])
    for refusal in found:
        at = f"{date_time(refusal.time)}  {refusal.kind or 'no act'}"
        session.say(f"{clean(refusal.detail)} [{refusal.reason}]", lead=f"{at}  ")
    if not found:
        session.say("Nothing was refused.")


@command(app)
def search(
    session: Session,
    words: Annotated[list[str], typer.Argument(metavar="WORD…", help="A kind, a name, or the first digits of an id.")],
) -> None:
    """Find entries: those whose kind, ids or words have all of these."""
    entries = []
    for book in [session.book()] if session.ledger_name else session.all_books():
        for index in range(book.size):
            act = parse_act(book.entry(index))
            if act.kind in ("stamp", "ledger"):
                continue
            outcome = book.registry.outcomes.get(act.id)
            told = about_act(session, act, outcome, index)
            where = " ".join(map(str, flattened(told))).lower()
            if all(word.lower() in where for word in words):
                entries.append({"ledger": book.ledger.origin, **told})
                session.say(*act_line(session, act, outcome), lead=f"{index:>6,}  ")
    session.answer(found=entries)
    if not entries:
        session.say("Nothing was found.")


def flattened(value: object) -> list[object]:
    if isinstance(value, dict):
        return [part for member in value.values() for part in flattened(member)]
    if isinstance(value, (list, tuple)):
        return [part for member in value for part in flattened(member)]
    return [value]


@command(app)
def prove(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="An act's id, or an entry's index.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; otherwise ACT.tlog-proof.")
    ] = None,
) -> None:
    """Write a proof that an entry is recorded (c2sp.org/tlog-proof), with the entry beside it."""
    book = session.book() if session.ledger_name or act.isdecimal() else session.holding(session.find(act, "act"))
    if act.isdecimal() and len(act) < 8:
        index = int(act)
        if index >= book.size:
            raise Problem(USAGE, f"{book.ledger.origin} has {book.size:,} entries.", "Name a smaller index.")
    else:
        found = book.registry.outcomes.get(session.find(act, "act"))
        if found is None:
            raise Problem(USAGE, f"{act} has no entry in {book.ledger.origin}.", "Is it in another ledger, or pending?")
        index = found.moment.index
    book.check_given_away()
    note = book.checkpoint()
    path = inclusion_path(book.size, index, book.node)
    target = out or Path(f"{book.ledger.origin.replace('/', '-')}-{index}.tlog-proof")
    entry = target.with_suffix(".entry")
    session.check_out(entry, *ACT_FILE)
    session.check_out(target, TLOG_PROOF_HEADER.encode())
    write_atomically(entry, book.entry(index))
    write_atomically(target, TlogProof(index, path, note).encoded())
    vkey = ledger_key(book.depositary).text
    session.answer(proof=str(target), entry=str(entry), index=index, vkey=vkey)
    session.say(f"{target} proves {entry} at index {index:,} of {clean(book.ledger.origin)}")
    session.mention(f"it is checked against the ledger's key: {vkey}", lead="  ")


@command(app)
def name(
    session: Session,
    called: Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.", show_default=False)],
    what: Annotated[str, typer.Argument(metavar="ID", help="A party, organ, mandate, dossier, text, act or key.")],
) -> None:
    """Give a name to an id that the ledgers here know, or to somebody's public key."""
    found = session.find(what, "party", "organ", "mandate", "dossier", "text", "act", "key")
    session.workspace.give_name(called, found)
    session.answer(name=called, id=found)
    session.say(f"{called} is {found.hex()}", lead=MARK["yes"][0] + " ")


# --- a ledger that is read-only ---------------------------------------------------------------------------------------


@command(app, "accept-head")
def accept_head(session: Session, high_water: HighWater = None) -> None:
    """Say that the newest head of a ledger that is kept here is the one that was acknowledged last.

    For a ledger whose high-water file is lost, spoilt, or to stand elsewhere. Where that file or a witness says that
    there was more, it is refused: a second history would be signed.
    """
    book = session.book()
    if not book.kept:
        raise Problem(USAGE, f"{book.ledger.origin} is a copy: it has no high-water file.", "Nothing was done.")
    books.check_acceptable(book)
    head = open_checkpoint(book.checkpoint(), book.ledger.origin, ledger_key(book.depositary)).checkpoint
    session.say(f"The newest head of {clean(book.ledger.origin)} here:")
    session.say(f"{count(head.size, 'entry', 'entries')}, the newest of {date_time(book.last_time)}", lead="  ")
    session.say(f"root {head.root.hex()}", lead="  ")
    if book.read_only is not None:
        session.say("Whatever somebody was told beyond it becomes a second history, which he can prove against you.")
        session.say("Compare with the newest copy that others have (ledger show) before you say yes.")
    session.sure("Was nothing acknowledged after this head?")
    path = books.accept_head(book, high_water)
    session.answer(ledger=book.ledger.origin, size=head.size, root=head.root, high_water=str(path))
    sign, style = MARK["yes"]
    session.say(f"{path} says now that {head.size:,} entries were acknowledged", lead=(f"{sign} ", style))


@command(app)
def recover(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Somebody's newer copy.", show_default=False)],
) -> int | None:
    """Bring back what is missing at the end of a ledger that is kept here, or all of it, from anybody's copy of it.

    The copy is checked as any other: it has to continue what is here, under this ledger's own signature. Nothing new
    is signed.
    """
    from pourparler.cli.verify import read_file
    from pourparler.core import limits

    data = read_file(file, limits.EVIDENCE_MAX_BYTES, "a copy of a ledger")
    try:
        made = books.parse_copy(data)
    except Malformed as error:
        raise Problem(INPUT, f"{file} is no copy of a ledger: {error.detail}.", "Is it the right file?") from None
    known = session.ledgers().get(made.depositary.origin)
    if known is None or known.kept_by is None:
        raise Problem(USAGE, f"the ledger {made.depositary.origin} is not kept here.", "Take it: ledger take FILE.")
    try:
        book = session.books[known.origin] = books.Book(session.workspace, known, lost=True)
        new = books.recover(book, made)
    except books.Forked as fork:
        return tell_fork(session, fork)
    except LedgerDamaged as damaged:
        raise Problem(INVALID, f"the copy is not what the ledger signed: {damaged}.", "Ask somebody else.") from None
    session.reopen()
    book = session.book(known)
    session.answer(ledger=known.origin, size=book.size, new=new, read_only=book.read_only and book.read_only.reason)
    sign, style = MARK["yes"]
    said = f"{count(new, 'entry', 'entries')} brought back, {book.size:,} in all"
    session.say(f"{clean(known.origin)}: {said}", lead=(f"{sign} ", style))
    tell_read_only(session)
    return None


# --- copies -----------------------------------------------------------------------------------------------------------


@command(app)
def copy(
    session: Session,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
) -> None:
    """Write a copy of a ledger to FILE, for others to take. Of one that is kept here, after a stamp of all streams."""
    session.check_out(out, books.FORMAT.encode())
    book = session.book()
    book.check_given_away()
    writable = book.kept and book.read_only is None
    made = books.give(book, session.ledger_signer(book)) if writable else books.copy_of(book)
    write_atomically(out, made.encoded())
    session.answer(file=str(out), ledger=made.depositary.origin, size=len(made.entries))
    session.say(f"{out}: {count(len(made.entries), 'entry', 'entries')} of {clean(made.depositary.origin)}")
    session.mention("they take it with: pourparler ledger take FILE", lead="  ")


@command(app)
def take(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy of a ledger.", show_default=False)],
    vkey: Annotated[
        str | None,
        typer.Option(metavar="VKEY", help="The ledger's key, as its depositary told it.", show_default=False),
    ] = None,
) -> int | None:
    """Take a copy of somebody's ledger: check all of it, and that it continues the copy that is here.

    A ledger that is new here has to be known by its key: give it with --vkey, or say yes to the one in the file. A
    ledger that has told two stories is found out (exit code 1).
    """
    from pourparler.cli.verify import read_file
    from pourparler.core import limits

    data = read_file(file, limits.EVIDENCE_MAX_BYTES, "a copy of a ledger")
    try:
        made = books.parse_copy(data)
    except Malformed as error:
        raise Problem(INPUT, f"{file} is no copy of a ledger: {error.detail}.", "Is it the right file?") from None
    believe(session, made, vkey)
    try:
        taken = books.take(session.workspace, made)
    except books.Forked as fork:
        return tell_fork(session, fork)
    except LedgerDamaged as damaged:
        raise Problem(
            INVALID,
            f"the copy is not what the ledger signed: {damaged}.",
            "Rely on nothing in it; ask for it again, over another channel. Your own copy stays as it was.",
        ) from None
    new = taken.size - taken.before
    session.answer(ledger=taken.ledger.origin, size=taken.size, new=new, older=taken.older)
    sign, style = MARK["yes"]
    said = f"{count(new, 'new entry', 'new entries')}, {taken.size:,} in all" if new else "nothing new"
    said = "the file is older than the copy here, and agrees with it" if taken.older else said
    session.say(f"{clean(taken.ledger.origin)}: {said}", lead=(f"{sign} ", style))
    drop_arrived(session, taken)
    return None


def believe(session: Session, made: books.Copy, vkey: str | None) -> None:
    """Make sure that the key of a ledger that is new here is the right one."""
    known = session.ledgers().get(made.depositary.origin)
    if vkey is not None:
        key = parse_vkey(vkey)
        if (key.name, key.public_key) != (made.depositary.origin, made.depositary.key):
            raise Problem(
                INVALID, "the file is of a ledger with another key than --vkey says.", "Rely on nothing in it."
            )
    elif known is None:
        session.say(f"The ledger {clean(made.depositary.origin)} is new here. By the file, its key is:")
        session.say(ledger_key(made.depositary).text, lead="  ")
        session.sure("Is that what its depositary told you?")


def drop_arrived(session: Session, taken: books.Taken) -> None:
    """Take off the desk what has arrived in the ledger."""
    book = session.book(taken.ledger)
    for folder in ("pending", "waiting"):
        for _, parcel in list(desk.lying(session.workspace, folder)):
            if parcel.ledger == taken.ledger.depositary and parcel.envelope.signatures:
                outcome = book.registry.outcomes.get(parcel.act().id)
                if outcome is not None and outcome.moment.index < book.size:
                    desk.remove(session.workspace, parcel, folder)
                    void = f", without effect [{outcome.void.reason}]" if outcome.void else ""
                    session.mention(f"{parcel.draft.kind} has arrived: entry {outcome.moment.index:,}{void}", lead="  ")


def tell_fork(session: Session, fork: books.Forked) -> int:
    session.answer(
        forked=True, ledger=fork.origin, held=fork.held.decode(), other=fork.other.decode(), kept=str(fork.kept)
    )
    sign, style = MARK["no"]
    session.say((f"THE LEDGER {clean(fork.origin)} HAS TOLD TWO STORIES.", "bold red"), lead=(f"{sign} ", style))
    session.say("Both checkpoints carry its signature, and neither history is the beginning of the other.", lead="  ")
    session.say(f"Your copy stays as it was; the other one is kept in {fork.kept}.", lead="  ")
    session.say("Show both to the other parties, and sign nothing in this ledger until it is explained.", lead="  ")
    return INVALID
