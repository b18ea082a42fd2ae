"""``pourparler dispatch receive``: what it listens on until it is told to stop, and what it says of what comes."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pourparler.cli.channels import Dice
from pourparler.cli.nodes import Here, from_file
from pourparler.cli.outgoing import plain_exchanged
from pourparler.cli.serving import print_log, serve_routes
from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import INPUT, INVALID, Problem
from pourparler.cli.verify import read_beginning, read_file
from pourparler.cli.words import clean, count, short
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.errors import PourparlerError
from pourparler.dispatch import courier
from pourparler.dispatch.exchange import Exchanged
from pourparler.service import couriering
from pourparler.service.couriering import Delivered
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, Shown, State, Taken
from pourparler.service.spool import Answer, Job, Named
from pourparler.service.station import Event, News, Station, Trouble
from pourparler.service.workspace import WallClock

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from pourparler.dispatch.fountain import Decoder
    from pourparler.service.wire import Desk


def wait(seconds: float | None) -> None:
    ends = None if seconds is None else time.monotonic() + seconds
    while ends is None or time.monotonic() < ends:
        time.sleep(0.1)


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """Do something that lasts until Ctrl-C or SIGTERM, whenever they come: either ends it, and is no fault."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, stop) if main else None
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


def desk_of(session: Session, node: Node) -> "Desk":
    """Return the node's end of the wire, which says what peers bring."""
    from pourparler.service.wire import Desk

    return Desk(node, Dice(), heard=telling_of_wire(session, node))


def listen_on_wire(
    session: Session,
    station: Station,
    desk: "Desk",
    peers: Sequence[str],
    every: float,
    host: str,
    port: int,
    prefix: str,
    seconds: float | None,
) -> None:
    """Serve other nodes, and go round those that were named."""
    if peers:
        station.visit(desk, peers, every)

    def routes() -> "list[BaseRoute]":
        from pourparler.service.http.wire import wire_routes

        return wire_routes(desk)

    serve_routes(session, "the node", routes, host, port, prefix, seconds=seconds)


def jobs(session: Session, station: Station, desk: "Desk") -> Callable[[Job], Answer]:
    """Return what does the jobs that other commands here hand to the node that runs (``spool``)."""

    def do(job: Job) -> Answer:
        from pourparler.dispatch.fountain import Worker

        came = Came(job.channel, "", WallClock().now())
        taken: list[Taken] = []
        lines: list[Line] = []
        bad = 0
        with Worker() as decoder:
            try:
                trust = known_parties(session)
                for found in delivered(station.node, job.files, job.photos, decoder, came, trust):
                    taken, lines, bad = taken + found.taken, lines + lines_of(found), bad + badness(found)
            finally:
                station.kept(taken)
        for one in taken:
            station.tell(News(one, came, kind_of(station.node, one.act)))
        exchanged = [plain_exchanged(desk.exchange_with(url)) for url in job.peers]
        said = [one.plain() for one in taken]
        entries = station.node.journal.size
        return {"taken": said, "lines": lines, "bad": bad, "exchanged": exchanged, "entries": entries}

    return do


def kind_of(node: Node, act: bytes) -> str:
    """Return the kind of an act that is here, else the word for any."""
    return next((parse_act(envelope).kind for envelope in node.acts([act])), "act")


def telling_of_wire(session: Session, node: Node) -> Callable[[str, bytes], None]:
    """Return what says of each act that a peer brought that it was news."""

    def tell(peer: str, act: bytes) -> None:
        for envelope in node.acts([act]) if not (session.as_json or session.quiet) else ():
            print_log(f"wire: {parse_act(envelope).kind} {short(act)} new, from {clean(peer)}")

    return tell


def telling(session: Session) -> Any:
    """Return what says of each event that it was, a line each."""

    said: dict[tuple[str, str], str] = {}  # what was said last of a channel or peer: the same is not said again

    def tell(event: Event) -> None:
        line = line_of(event)
        if isinstance(event, Trouble) or (isinstance(event, Exchanged) and not (event.given or event.learnt)):
            name = ("peer", event.peer) if isinstance(event, Exchanged) else ("", event.channel)
            if said.get(name, "") == line:
                return
            if not line:
                line = f"wire: {name[1]}: answers again"
                said.pop(name)
            else:
                said[name] = line
        if line and not session.as_json and not session.quiet:
            print_log(clean(line))

    return tell


def line_of(event: Event) -> str:
    """Return an event as a line; nothing for what is no news."""
    match event:
        case News(Taken() as taken, came, kind):
            if taken.state is State.KNOWN:
                return ""
            why = f" [{taken.reason}]" if taken.reason else ""
            works = ", and it works already" if taken.works else ""
            what = f"{kind} {short(taken.act)}" if taken.act else "bytes"
            return f"{came.channel}: {what} {taken.state.value}{works}{why}"
        case News(Shown() as shown, came):
            return f"{came.channel}: a bundle: {shown.acts or shown.detail}"
        case Trouble(channel, what):
            return f"{channel}: {clean(what)}; trying again"
        case Exchanged() as found:
            if found.whole and not (found.learnt or found.given):
                return ""
            gave = f"{len(found.given)} given, {len(found.learnt)} learnt"
            return f"wire: {clean(found.peer)}: {gave}{'' if found.whole else f', not whole: {clean(found.why)}'}"
    return ""


def from_courier(session: Session, here: Here, files: Sequence[Path]) -> int | None:
    """Take what files and photos hold. Exit code 1 where a code on paper is forged or cannot be read, or a file is
    none: whoever carries several may have put a bad one before the others, which are read all the same."""
    photos: list[Path] = []
    bad = 0
    with contextlib.ExitStack() as open_ones:
        taking = taker(session, here, open_ones)
        for path in files:
            try:
                if is_picture(path):
                    photos.append(path)
                    continue
                bad += taking([(path.name, courier_file(session, path))], ())
            except (PourparlerError, Problem) as error:
                if len(files) == 1:
                    raise
                bad += 1
                session.say(f"courier: {clean(path.name)}: {clean(str(error))}", lead=[MARK["no"], " "])
        if photos:
            images = ((path.name, read_beginning(path, limits.IMAGE_MAX_BYTES, "a photo")) for path in photos)
            bad += taking((), images)
    session.answer(bad=bad)
    session.say(f"courier: read {count(len(files), 'file')}; {bad} bad", lead="✓ " if not bad else "! ")
    return INVALID if bad else None


def taker(
    session: Session, here: Here, open_ones: contextlib.ExitStack
) -> Callable[[Iterable[Named], Iterable[Named]], int]:
    """Return what brings files or photos to the node, says what came of them, and returns how many were bad: by itself,
    or by the node that runs."""
    if here.spool is not None:

        def hand(files: Iterable[Named], photos: Iterable[Named]) -> int:
            found = here.hand(Job("courier", tuple(files), tuple(photos)))
            session.answer(entries=found["entries"])
            say_lines(session, found["lines"])
            return int(found["bad"])

        return hand
    from pourparler.dispatch.fountain import Worker

    decoder = open_ones.enter_context(Worker())
    came = Came("courier", "", WallClock().now())

    def take(files: Iterable[Named], photos: Iterable[Named]) -> int:
        bad = 0
        for found in delivered(here.node, files, photos, decoder, came, known_parties(session)):
            say_lines(session, lines_of(found))
            bad += badness(found)
        session.answer(entries=here.node.journal.size)
        return bad

    return take


def delivered(
    node: Node,
    files: Iterable[Named],
    photos: Iterable[Named],
    decoder: "Decoder",
    came: Came,
    trust: Mapping[bytes, str],
) -> Iterator[Delivered]:
    """Bring files and photos to the node. Raises :class:`PourparlerError` where a file is none."""
    for _, data in files:
        yield couriering.deliver(node, data, decoder, came, trust)
    if photos:
        yield couriering.deliver_sheets(node, photos, decoder, came)


def courier_file(session: Session, path: Path) -> bytes:
    """Return what a file holds as a courier's: as it is, or where it is an act as it travels from desk to desk, made
    into one. Raises :class:`Problem`, :class:`PourparlerError`."""
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "an act")
    if courier.FORMAT.encode() in data[:64]:
        return data
    envelopes, parts = from_file(session, path)
    return couriering.file(envelopes, parts=parts)


def known_parties(session: Session) -> dict[bytes, str]:
    return dict(session.workspace.settings.trust)


Line = tuple[str, str]  # a mark, and what is said


def lines_of(found: Delivered) -> list[Line]:
    """Return what a delivery brought, a line each."""
    lines: list[Line] = []
    for taken in found.taken:
        if taken.state is not State.KNOWN:
            which = short(taken.act) if taken.act else "bytes"
            lines.append(("", f"courier: {which} {taken.state.value}{coded(taken.reason)}"))
    lines += [("", f"courier: a bundle, {one.acts or 'nothing new'}{coded(one.reason)}") for one in found.shown]
    for account in found.accounts:
        if account.reason:
            what = f"{account.shown} acts shown" + (f" of {account.stated}" if account.stated is not None else "")
            lines.append(("!", f"courier: of {short(account.party)} {what}: {account.whole.value} [{account.reason}]"))
    lines += [("no", f"courier: {clean(one.named())}: {clean(one.detail)} [{one.reason}]") for one in found.bad]
    for seal, reason in found.seals:
        if reason:
            lines.append(("!", f"courier: the seal of {short(seal.key)} says nothing [{reason}]"))
    return lines


def coded(reason: str) -> str:
    return f" [{reason}]" if reason else ""


def badness(found: Delivered) -> int:
    """Return how much of a delivery was bad."""
    return len(found.bad) + sum(taken.state is State.REFUSED for taken in found.taken)


def say_lines(session: Session, lines: Iterable[Sequence[str]]) -> None:
    for mark, line in lines:
        session.say(line, lead=[MARK[mark], " "] if mark in MARK else f"{mark} " if mark else "")


def is_picture(path: Path) -> bool:
    """Return whether a file begins as an image does. Raises :class:`Problem` for a pipe or a device: whoever put it
    there would hold its reader for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Problem(INPUT, f"{path} is no ordinary file.", "Name a courier's file, an act or a photo.")
    begins = read_beginning(path, 12, "a file or a photo")
    return begins.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or begins[8:] == b"WEBP"
