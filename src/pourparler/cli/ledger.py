"""``pourparler ledger``: keep a ledger, or copies of other people's; look into them, and carry proofs away."""

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.grouped import noun
from pourparler.cli.serving import Host, Port, Prefix, serve_routes
from pourparler.cli.session import ACT_FILE, MARK, Session, command
from pourparler.cli.timeline import about_act, about_statement, act_line, statement_line
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, USAGE, Problem
from pourparler.cli.words import Part, clean, count, date_time, is_cut_short
from pourparler.core.council import Depositary
from pourparler.core.errors import Malformed, PourparlerError
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import TLOG_PROOF_HEADER, Statement, VerifierKey, open_checkpoint, parse_vkey
from pourparler.core.registry import parse_entry
from pourparler.service import books, desk, receipts
from pourparler.service.intake import BOUND_SECONDS, LedgerDamaged
from pourparler.service.workspace import KnownLedger, write_atomically

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

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

    books.check_origin(origin)
    seconds = read_duration(bound, "--bound")
    words = ""
    if after is not None:
        older = session.book(session.which(after))
        words = books.following(older, signable=older.depositary.key in session.key_infos)
    if key not in session.keys.names():
        session.keys.new(key, KeyRole, session.passphrases.new(key))
        session.mention(f"made the ledger key {key}", lead="  ")
    signer = session.passphrases.signer(session.keys, key, role=KeyRole)
    known = session.ledgers().get(origin)
    if known is None and (left := books.left_here(session.workspace, Depositary(origin, signer.public_key))):
        made = take_back(session, KnownLedger(origin, signer.public_key, left, key, elsewhere(high_water)))
    else:
        made = books.create_ledger(
            session.workspace, origin, key, signer, bound_seconds=seconds, high_water=high_water, words=words
        )
    vkey = ledger_key(made.depositary).text
    session.answer(ledger=made.origin, key=made.key, vkey=vkey, kept_by=key)
    sign, style = MARK["yes"]
    session.mention(f"the ledger {clean(origin)} is kept here", lead=(f"{sign} ", style))
    session.mention("its key, for those who take copies:", lead="  ")
    session.whole(vkey)
    session.only(vkey)


def elsewhere(high_water: Path | None) -> str | None:
    return str(high_water.absolute()) if high_water else None


def take_back(session: Session, ledger: KnownLedger) -> KnownLedger:
    """Go on with a ledger that lies here and is not in the settings, once somebody says so. Nothing is signed."""
    path = session.workspace.ledgers / ledger.file
    what = f"a ledger {ledger.origin} with the key {ledger.kept_by} lies in {path} already, and the settings do not "
    what += "know it: were they put back to an earlier day? To begin it again would sign a second history."
    if not session.yes and not session.can_ask:
        raise Problem(USAGE, what, "To go on with it give --yes; it then keeps what it has. Or choose another origin.")
    session.mention(clean(what), lead="  ")
    session.sure("Go on with the one that lies there?")
    books.take_back(session.workspace, ledger)
    return ledger


@command(app, "list")
def list_ledgers(session: Session) -> None:
    """Show the ledgers that are kept here, and the copies of others."""
    rows, data = [], []
    for ledger in session.ledgers().values():
        book = session.book(ledger)
        rows.append((clean(ledger.origin), state_of(book), f"{book.size:,}", date_time(book.last_time)))
        data.append({"origin": ledger.origin, "key": ledger.key, "vkey": ledger_key(ledger.depositary).text,
                     "kept": book.kept, "size": book.size, "last_time": book.last_time,
                     "pending": list(book.pending),
                     "read_only": book.read_only.reason if book.read_only else None})  # fmt: skip
    session.answer(ledgers=data)
    if not session.as_json:
        session.screen.table(("ledger", "", "entries", "newest stamp"), rows)
        for ledger in session.ledgers().values():
            session.mention(f"the key of {clean(ledger.origin)}, for those who take copies:")
            session.whole(ledger_key(ledger.depositary).text)
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
        told, line = row(session, book, index)
        entries.append(told)
        session.say(*line, lead=f"{index:>6,}  ")
    opened = open_checkpoint(book.checkpoint(), book.ledger.origin, ledger_key(book.depositary)).checkpoint
    vkey = ledger_key(book.depositary).text
    session.answer(ledger=book.ledger.origin, vkey=vkey, size=book.size, root=opened.root, entries=entries)
    session.mention(f"{count(book.size, 'entry', 'entries')}, root:")
    session.whole(opened.root.hex())
    session.mention("its key, for those who take copies:")
    session.whole(vkey)


def row(session: Session, book: books.Book, index: int) -> tuple[dict[str, Any], list[Part]]:
    """Return an entry as data, and as a line."""
    read = parse_entry(book.entry(index))
    if isinstance(read, Statement):
        _, moment = book.registry.statements[read.hash, read.key]
        about = book.registry.act_of(read.hash)
        assert about is not None  # or it would be no entry
        return about_statement(read, about, moment), statement_line(session, read, about)
    outcome = book.registry.outcomes.get(read.id)
    return about_act(session, read, outcome, index), act_line(session, read, outcome)


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
            told, line = row(session, book, index)
            where = " ".join(map(str, flattened(told))).lower()
            if told["kind"] not in ("stamp", "ledger") and all(word.lower() in where for word in words):
                entries.append({"ledger": book.ledger.origin, **told})
                session.say(*line, lead=f"{index:>6,}  ")
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
    """Write a proof that an entry is recorded (c2sp.org/tlog-proof), with the entry beside it.

    Of a ledger that is kept here, a COSE receipt as well (RFC 9942): its key signs it. Of a ledger with one entry there
    is none, for a receipt needs a path.
    """
    book = session.book() if session.ledger_name or act.isdecimal() else session.holding(session.find(act, "act"))
    if act.isdecimal() and len(act) < 8:
        index = int(act)
        if index >= book.size:
            raise Problem(USAGE, f"{book.ledger.origin} has {book.size:,} entries.", "Name a smaller index.")
    else:
        found = book.registry.outcomes.get(session.find(act, "act"))
        if found is None or found.act.id in book.pending:
            raise Problem(USAGE, f"{act} has no entry in {book.ledger.origin}.", "Is it in another ledger, or pending?")
        index = found.moment.index
    size = open_checkpoint(book.published(), book.ledger.origin, ledger_key(book.depositary)).checkpoint.size
    if index >= size:
        said = f"the witnesses have cosigned {size:,} entries, and entry {index:,} is not among them."
        raise Problem(CANNOT_TELL, said, "Ask them: pourparler ledger witness.")
    target = out or Path(f"{book.ledger.origin.replace('/', '-')}-{index}.tlog-proof")
    if not target.name or target.suffix in (".entry", ".receipt"):
        said = (
            f"{target} is no name for a proof: the entry and the receipt are written beside it, as .entry and .receipt."
        )
        raise Problem(USAGE, said, "Name a file like a.tlog-proof.")
    entry, receipt = target.with_suffix(".entry"), target.with_suffix(".receipt")
    session.check_out(entry, *ACT_FILE)
    session.check_out(target, TLOG_PROOF_HEADER.encode())
    signs = book.kept and book.writable and book.read_only is None and size > 1
    signed = receipts.receipt_of(book, index, session.ledger_signer(book)) if signs else None
    write_atomically(entry, book.entry(index))
    write_atomically(target, receipts.proof_of(book, index).encoded())
    vkey = ledger_key(book.depositary).text
    session.answer(proof=str(target), entry=str(entry), index=index, vkey=vkey, receipt=None)
    session.say(f"{target} proves {entry} at index {index:,} of {clean(book.ledger.origin)}")
    if signed is not None:
        session.check_out(receipt, b"\xd2\x84")
        write_atomically(receipt, signed)
        session.answer(receipt=str(receipt))
        session.say(f"{receipt} says the same to tools that read COSE, but for the index", lead="  ")
    session.mention(f"send both files, {target} and {entry}: a proof says nothing without its entry", lead="  ")
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
    session.mention(f"{called} is", lead=MARK["yes"][0] + " ")
    session.whole(found.hex())


# --- witnesses --------------------------------------------------------------------------------------------------------


@command(app)
def witness(
    session: Session,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="Whose cosignatures it needs (c2sp.org/tlog-policy, with URLs); it is kept for the next time.",
        ),
    ] = None,
    drop_policy: Annotated[
        bool, typer.Option("--drop-policy", help="Ask nobody any more; publish what is committed.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=300, help="How long to wait for each.")
    ] = 10,
) -> int:
    """Ask witnesses to cosign the newest checkpoint of a ledger that is kept here.

    From the first policy on, the ledger publishes (copies, evidence, its pages) only what a quorum has cosigned.

    Exit codes: 0 a quorum has cosigned, 2 none has, 1 a witness says that this ledger told another story.
    """
    from pourparler.cli.witness import ask_witnesses

    return ask_witnesses(session, policy, drop=drop_policy, seconds=seconds)


@command(app)
def serve(
    session: Session,
    host: Host = "127.0.0.1",
    port: Port = 8471,
    prefix: Prefix = "",
) -> None:
    """Let anybody read a ledger, or a copy, as static tiles (c2sp.org/tlog-tiles), until Ctrl-C or SIGTERM.

    It shows what is published: with a policy what is witnessed, otherwise what is committed; and it holds up nobody who
    writes. For HTTPS put a web server of your own before it.
    """
    from pourparler.service import witnessing
    from pourparler.service.tiles import LogView
    from pourparler.store.reading import ReadingStore

    ledger = session.which()
    path = session.workspace.ledgers / ledger.file
    books.opened(path).close()  # brings an old file up to date
    store = ReadingStore(path)

    last: bytes | None = None

    def published() -> bytes | None:
        nonlocal last
        books.check_given_away(session.workspace, ledger, store)  # each time: a file may be put back while it serves
        with contextlib.suppress(PourparlerError, OSError):  # a policy that cannot be read publishes nothing new
            last = witnessing.published(store, witnessing.policy_of(session.workspace, ledger))
        return last

    def routes() -> "list[BaseRoute]":
        from pourparler.service.http.static import static_routes

        return static_routes(LogView(store, published))

    vkey = ledger_key(ledger.depositary).text
    try:
        published()
        serve_routes(
            session, f"the ledger {clean(ledger.origin)}", routes, host, port, prefix,
            lines=lambda url: [f"log {vkey} {url}"], vkey=vkey,
        )  # fmt: skip
    finally:
        store.close()


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
    made = read_copy(file)
    known = session.ledgers().get(made.depositary.origin)
    if known is None or known.kept_by is None:
        raise Problem(USAGE, f"the ledger {made.depositary.origin} is not kept here.", "Take it: ledger take FILE.")
    try:
        book = session.books[known.origin] = books.Book(session.workspace, known, lost=True)
        book.heads_seen = partial(session.heads_seen, book)
        back = books.recover(book, made)
    except books.Forked as fork:
        return tell_fork(session, fork)
    except LedgerDamaged as damaged:
        raise Problem(INVALID, f"the copy is not what the ledger signed: {damaged}.", "Ask somebody else.") from None
    session.reopen()
    book = session.book(known)
    session.answer(
        ledger=known.origin, size=book.size, new=back.entries, new_notes=back.notes,
        read_only=book.read_only and book.read_only.reason,
    )  # fmt: skip
    sign, style = MARK["yes"]
    said = f"{count(back.entries, 'entry', 'entries')} brought back, {book.size:,} in all"
    session.say(f"{clean(known.origin)}: {said}", lead=(f"{sign} ", style))
    tell_notes(session, back.notes)
    tell_read_only(session)
    return None


# --- copies -----------------------------------------------------------------------------------------------------------


@command(app)
def copy(
    session: Session,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
    backup: Annotated[
        bool,
        typer.Option(
            "--backup", help="All that is committed, witnessed or not: for you alone, and for ledger recover."
        ),
    ] = False,
) -> None:
    """Write a copy of a ledger to FILE, for others to take. Of one that is kept here, after a stamp of all streams.

    With a policy of witnesses it ends where they have cosigned; --backup has the rest, too, and is not given away.
    Exit code 1 where a witness that is asked says that this ledger told another story.
    """
    session.check_out(out, books.FORMAT.encode())
    book = session.book()
    book.check_given_away()
    made = made_copy(session, book, backup=backup)
    write_atomically(out, made.encoded())
    size, committed = len(made.entries), book.store.size()
    session.answer(
        file=str(out), ledger=made.depositary.origin, size=size, committed=committed, backup=backup,
        notes=len(made.notes),
    )  # fmt: skip
    of = f"{size:,} of {committed:,} entries" if size < committed else count(size, "entry", "entries")
    session.say(f"{out}: {of} of {clean(made.depositary.origin)}")
    if size < committed:
        session.say("the rest is not witnessed and not in this copy: ledger copy --backup has it, for you", lead="  ")
    if backup:
        session.say("keep it, and give it to nobody: what no witness has seen is not published yet", lead="  ")
        session.mention("it brings back what is lost here: pourparler ledger recover FILE", lead="  ")
    else:
        session.mention("they take it with: pourparler ledger take FILE", lead="  ")


def made_copy(session: Session, book: books.Book, *, backup: bool) -> books.Copy:
    """Return a copy of a ledger: of what is published, or as a backup of all that is committed."""
    if not (book.kept and book.writable and book.read_only is None):
        return books.copy_of(book, None if backup else book.published())
    from pourparler.cli.witness import tell_heard

    signer = session.ledger_signer(book)
    heard = partial(tell_heard, session, book)
    return books.back_up(book, signer) if backup else books.give(book, signer, heard)


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
    made = read_copy(file)
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
    session.answer(ledger=taken.ledger.origin, size=taken.size, new=new, older=taken.older, new_notes=taken.notes)
    sign, style = MARK["yes"]
    said = f"{count(new, 'new entry', 'new entries')}, {taken.size:,} in all" if new else "nothing new"
    said = "the file is older than the copy here, and agrees with it" if taken.older else said
    session.mention(f"{clean(taken.ledger.origin)}: {said}", lead=(f"{sign} ", style))
    tell_notes(session, taken.notes)
    drop_arrived(session, taken)
    return None


def tell_notes(session: Session, new: int) -> None:
    """Say how many checkpoints that witnesses cosigned are kept now, and were not before."""
    if new:
        noted = count(new, "cosigned checkpoint")
        session.mention(f"{noted} kept, which show what witnesses saw in time", lead="  ")


def read_copy(file: Path) -> books.Copy:
    """Return the copy in a file. Raises :class:`Problem`."""
    from pourparler.cli.reading import looks_like, read_file
    from pourparler.core import limits

    data = read_file(file, limits.EVIDENCE_MAX_BYTES, "a copy of a ledger")
    try:
        return books.parse_copy(data)
    except Malformed as error:
        if data.startswith(books.BEGINNINGS) and is_cut_short(error.detail):
            what, do = f"{file} is cut short: it is the beginning of a copy of a ledger.", "Fetch it again, whole."
        elif data.startswith(books.BEGINNINGS):
            what, do = f"{file} is no copy of a ledger: {error.detail}.", "Ask its depositary for one that can be read."
        else:
            looks = looks_like(data)
            what = f"{file} is no copy of a ledger" + (f": it looks like {looks}." if looks else ".")
            do = "Is it the right file? A copy is what `ledger copy` writes."
        raise Problem(INPUT, what, do) from None


def believe(session: Session, made: books.Copy, vkey: str | None) -> None:
    """Make sure that the key of a ledger that is new here is the right one."""
    known = session.ledgers().get(made.depositary.origin)
    if vkey is not None:
        key = stated_key(vkey)
        if (key.name, key.public_key) != (made.depositary.origin, made.depositary.key):
            raise Problem(
                INVALID, "the file is of a ledger with another key than --vkey says.", "Rely on nothing in it."
            )
    elif known is None:
        session.say(f"The ledger {clean(made.depositary.origin)} is new here. By the file, its key is:")
        session.say(ledger_key(made.depositary).text, lead="  ")
        session.sure("Is that what its depositary told you?")


def stated_key(vkey: str) -> VerifierKey:
    """Return the key that ``--vkey`` states. Raises :class:`Problem`."""
    try:
        return parse_vkey(vkey)
    except PourparlerError as error:
        what = f"--vkey {clean(vkey)}: this is no ledger key: {error.detail}."
        do = "It is one line, ORIGIN+8 digits+letters, as `ledger create` and `ledger show` print it."
        raise Problem(USAGE, what, do, reason=error.reason) from None


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


# --- for anybody ------------------------------------------------------------------------------------------------------


@command(app)
def export(
    session: Session,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder for the log alone.", show_default=False)],
) -> int | None:
    """Write a ledger as static files into DIR: any web server, or a USB stick, can hold them for everybody.

    The format is c2sp.org/tlog-tiles, with the public texts beside it. Run it again to add what is new: whole tiles
    are never written twice, and the checkpoint comes last.
    """
    from pourparler.cli.auditing import export as run

    return run(session, folder)


@command(app)
def audit(
    session: Session,
    log: Annotated[
        str,
        typer.Argument(
            metavar="DIR|URL|FILE",
            help="A folder as ledger export writes it, the address that one is served at, or a copy of a ledger.",
            show_default=False,
        ),
    ],
    vkey: Annotated[
        str | None,
        typer.Option(metavar="VKEY", help="The ledger's key, as its depositary told it.", show_default=False),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The logs and witnesses you trust (c2sp.org/tlog-policy).", show_default=False
        ),
    ] = None,
    tree_only: Annotated[
        bool, typer.Option("--tree-only", help="Audit tree and signatures of the log, and judge no entry.")
    ] = False,
) -> int:
    """Read a whole ledger as a stranger, from its founding on, and say whether it is what it claims to be.

    Every tile, entry, signature, mandate and stamp is checked. It needs no workspace, and changes nothing.

    Exit codes: 0 whole, 1 it contradicts itself or its signature, 2 cannot tell: something is withheld, or its entries
    are no acts; 4 wrong usage, 5 it cannot be read.
    """
    from pourparler.cli.auditing import audit as run

    return run(session, log, vkey=vkey, policy=policy, tree_only=tree_only)
