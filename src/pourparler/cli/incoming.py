"""``pourparler dispatch receive``: what it listens on until it is told to stop, and what it says of what comes."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pourparler.cli.channels import Dice
from pourparler.cli.delivered import Plain, Read, bundle_words, plain, say_lines
from pourparler.cli.nodes import Here, act_alone, is_couriers
from pourparler.cli.outgoing import plain_exchanged, why_words
from pourparler.cli.reading import read_beginning, read_file
from pourparler.cli.serving import print_log, serve_routes
from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, USAGE, Problem
from pourparler.cli.words import clean, count, short
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.errors import PourparlerError
from pourparler.core.ledger import Policy, parse_policy
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


LINES_KEPT = 1_000  # of what was said of acts that are not taken


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
        found: list[Plain] = []
        with Worker() as decoder:
            try:
                trust = known_parties(session)
                policy = parse_policy(job.policy) if job.policy else None
                for name, one in delivered(station.node, job.files, job.photos, decoder, came, trust, policy):
                    taken += one.taken
                    found.append(plain(station.node, name, one))
            finally:
                station.kept(taken)
        for news in taken:
            station.tell(News(news, came, kind_of(station.node, news.act)))
        exchanged = [plain_exchanged(desk.exchange_with(url)) for url in job.peers]
        return {"taken": [one.plain() for one in taken], "delivered": found, "exchanged": exchanged}

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
    waits: dict[str, None] = {}  # what was said of acts that are not taken, oldest first

    def tell(event: Event) -> None:
        line = line_of(event)
        if isinstance(event, News) and isinstance(event.taken, Taken) and event.taken.state is not State.NEW:
            again = line in waits  # a radio says the same act a hundred times, and a bus until it is taken
            waits.pop(line, None)
            waits[line] = None
            if len(waits) > LINES_KEPT:
                waits.pop(next(iter(waits)), None)
            if again:
                return
        if isinstance(event, Trouble) or (isinstance(event, Exchanged) and not (event.given or event.learnt)):
            name = ("peer", event.peer) if isinstance(event, Exchanged) else ("", event.channel)
            if not line and name not in said:  # so that whoever named a peer sees once that it is one
                print_told(session, f"wire: {name[1]}: answers, and there is nothing new on either side")
                said[name] = ""
                return
            if said.get(name, "") == line:
                return
            if not line:
                line = f"wire: {name[1]}: answers again"
                said[name] = ""
            else:
                said[name] = line
        elif isinstance(event, Exchanged):
            said["peer", event.peer] = "" if event.whole else line  # what was said before of its silence is over
        print_told(session, line)

    return tell


def print_told(session: Session, line: str) -> None:
    if line and not session.as_json and not session.quiet:
        print_log(clean(line))


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
            return f"{came.channel}: {bundle_words(shown)}"
        case Trouble(channel, what):
            return f"{channel}: {clean(what)}; trying again"
        case Exchanged() as found:
            if found.whole and not (found.learnt or found.given):
                return ""
            gave = f"{len(found.given)} given, {len(found.learnt)} learnt"
            lacks = "" if found.whole else f", not whole: {clean(why_words(found.why))}"
            return f"wire: {clean(found.peer)}: {gave}{lacks}"
    return ""


def from_courier(session: Session, here: Here, files: Sequence[Path], policy: Path | None = None) -> int | None:
    """Take what files and photos hold; ``policy`` names the witnesses that what is proven needs. Exit code 1 where a
    code on paper is forged or cannot be read, a file was changed or is none: whoever carries several may have put a bad
    one before the others, which are read all the same. Exit code 2 where something is missing."""
    photos: list[Path] = []
    read = Read()
    with contextlib.ExitStack() as open_ones:
        taking = taker(session, here, open_ones, policy_in(policy) if policy else b"")
        for path in files:
            try:
                if is_picture(path):
                    photos.append(path)
                    continue
                (found,) = taking([(path.name, courier_file(path))], ())
            except (PourparlerError, Problem) as error:
                if len(files) == 1 and isinstance(error, Problem):
                    raise
                read.bad += 1
                read.file(str(path), error.reason, tell_bad(session, path, error))
                continue
            say_lines(session, found["lines"])
            read.note(found)
            read.file(str(path), found["reason"] if found["bad"] else "")
        if photos:
            images = [(str(path), read_beginning(path, limits.IMAGE_MAX_BYTES, "a photo")) for path in photos]
            (found,) = taking((), images)
            say_lines(session, found["lines"])
            read.note(found)
            for path in photos:
                read.file(str(path), *found["photos"].get(str(path), ("", "")))
    session.answer(**read.plain())
    said = f"courier: read {count(len(files), 'file')}; {read.bad} bad{'; something is missing' * read.missing}"
    session.say(said, lead="! " if read.bad or read.missing else "✓ ")
    return INVALID if read.bad else CANNOT_TELL if read.missing else None


def taker(
    session: Session, here: Here, open_ones: contextlib.ExitStack, policy: bytes
) -> Callable[[Sequence[Named], Sequence[Named]], list[Plain]]:
    """Return what brings files or photos to the node, by itself or by the node that runs, and returns what came of each
    file, and of the photos together."""
    if here.spool is not None:
        job = Job("courier", policy=policy)
        return lambda files, photos: here.hand(replace(job, files=tuple(files), photos=tuple(photos)))["delivered"]
    from pourparler.dispatch.fountain import Worker

    decoder = open_ones.enter_context(Worker())
    came = Came("courier", "", WallClock().now())
    asked = parse_policy(policy) if policy else None

    def take(files: Sequence[Named], photos: Sequence[Named]) -> list[Plain]:
        found = delivered(here.node, files, photos, decoder, came, known_parties(session), asked)
        return [plain(here.node, name, one) for name, one in found]

    return take


def delivered(
    node: Node,
    files: Iterable[Named],
    photos: Iterable[Named],
    decoder: "Decoder",
    came: Came,
    trust: Mapping[bytes, str],
    policy: Policy | None = None,
) -> Iterator[tuple[str, Delivered]]:
    """Bring files and photos to the node; yield what each file brought, and the photos together. Raises
    :class:`PourparlerError` where a file is none."""
    for name, data in files:
        if is_couriers(data):
            yield name, couriering.deliver(node, data, decoder, came, trust, policy)
        else:
            yield name, couriering.deliver_acts(node, [data], came)
    if photos:
        yield "the sheet", couriering.deliver_sheets(node, photos, decoder, came)


def policy_in(path: Path) -> bytes:
    """Return the policy of witnesses that a file holds, or that a trust file names. Raises :class:`Problem`."""
    from pourparler.cli.verify import Known, read_policy, read_trust_file

    if path.suffix in (".json", ".toml"):
        known = Known()
        read_trust_file(path, known)
        if known.policy_file is None:
            raise Problem(USAGE, f"{path} names no policy of witnesses.", "Give the policy itself: --policy FILE")
        path = known.policy_file
    read_policy(path)
    return read_file(path, limits.TLOG_POLICY_MAX_BYTES, "a policy")


def courier_file(path: Path) -> bytes:
    """Return what a file holds: a courier's file, or the envelope of the one act in it. Raises :class:`Problem`,
    :class:`PourparlerError`."""
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "an act")
    return data if is_couriers(data) else act_alone(path, data)


def tell_bad(session: Session, path: Path, error: PourparlerError | Problem) -> str:
    """Say why a file is none; return it. What a decoder of CBOR says of its bytes helps nobody who carries files."""
    what = str(error) if isinstance(error, Problem) else error.detail or error.reason
    if error.reason.startswith("cbor."):
        what = "damaged, or not copied to its end"
    code = f" [{error.reason}]" if error.reason else ""
    named = what if what.startswith((str(path), path.name)) or f" {path}" in what else f"{path.name}: {what}"
    session.say(f"courier: {clean(named)}{code}", lead=[MARK["no"], " "])
    return what


def known_parties(session: Session) -> dict[bytes, str]:
    return dict(session.workspace.settings.trust)


def is_picture(path: Path) -> bool:
    """Return whether a file begins as an image does. Raises :class:`Problem` for a pipe or a device: whoever put it
    there would hold its reader for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Problem(INPUT, f"{path} is no ordinary file.", "Name a courier's file, an act or a photo.")
    begins = read_beginning(path, 12, "a file or a photo")
    return begins.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or begins[8:] == b"WEBP"
