"""``pourparler dispatch receive``: what it listens on until it is told to stop, and what it says of what comes."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pourparler.cli.channels import Dice
from pourparler.cli.nodes import from_file
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
from pourparler.service.station import Event, News, Station, Trouble
from pourparler.service.workspace import WallClock

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from pourparler.dispatch.fountain import Decoder


def wait(seconds: float | None) -> None:
    ends = None if seconds is None else time.monotonic() + seconds
    with contextlib.suppress(KeyboardInterrupt):
        while ends is None or time.monotonic() < ends:
            time.sleep(0.1)


def listen_on_wire(
    session: Session,
    station: Station,
    peers: Sequence[str],
    every: float,
    host: str,
    port: int,
    prefix: str,
    seconds: float | None,
) -> None:
    """Serve other nodes, and go round those that were named."""
    from pourparler.service.wire import Desk

    desk = Desk(station.node, Dice(), heard=telling_of_wire(session, station.node))
    if peers:
        station.visit(desk, peers, every)

    def routes() -> "list[BaseRoute]":
        from pourparler.service.http.wire import wire_routes

        return wire_routes(desk)

    serve_routes(session, "the node", routes, host, port, prefix, seconds=seconds)


def telling_of_wire(session: Session, node: Node) -> Callable[[str, bytes], None]:
    """Return what says of each act that a peer brought that it was news."""

    def tell(peer: str, act: bytes) -> None:
        for envelope in node.acts([act]) if not (session.as_json or session.quiet) else ():
            print_log(f"wire: {parse_act(envelope).kind} {short(act)} new, from {clean(peer)}")

    return tell


def telling(session: Session) -> Any:
    """Return what says of each event that it was, a line each."""

    def tell(event: Event) -> None:
        line = line_of(event)
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


def from_courier(session: Session, node: Node, files: Sequence[Path]) -> int | None:
    """Take what files and photos hold. Exit code 1 where a code on paper is forged or cannot be read, or a file is
    none: whoever carries several may have put a bad one before the others, which are read all the same."""
    from pourparler.dispatch.fountain import Worker

    came = Came("courier", "", WallClock().now())
    photos: list[Path] = []
    bad = 0
    with Worker() as decoder:
        for path in files:
            try:
                if is_picture(path):
                    photos.append(path)
                    continue
                bad += tell_delivered(session, deliver_file(session, node, path, decoder, came))
            except (PourparlerError, Problem) as error:
                if len(files) == 1:
                    raise
                bad += 1
                session.say(f"courier: {clean(path.name)}: {clean(str(error))}", lead=[MARK["no"], " "])
        if photos:
            images = ((path.name, read_beginning(path, limits.IMAGE_MAX_BYTES, "a photo")) for path in photos)
            bad += tell_delivered(session, couriering.deliver_sheets(node, images, decoder, came))
    session.answer(bad=bad, entries=node.journal.size)
    session.say(f"courier: read {count(len(files), 'file')}; {bad} bad", lead="✓ " if not bad else "! ")
    return INVALID if bad else None


def deliver_file(session: Session, node: Node, path: Path, decoder: "Decoder", came: Came) -> Delivered:
    """Bring a file to the node: a courier's, or an act as it travels from desk to desk."""
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "an act")
    if courier.FORMAT.encode() in data[:64]:
        return couriering.deliver(node, data, decoder, came, known_parties(session))
    envelopes, parts = from_file(session, path)
    taken = [*node.take_many(envelopes, came), *(node.take_part(*part, came) for part in parts)]
    return Delivered(taken=taken)


def known_parties(session: Session) -> dict[bytes, str]:
    return dict(session.workspace.settings.trust)


def tell_delivered(session: Session, found: Delivered) -> int:
    """Say what a delivery brought; return how much of it was bad."""
    for taken in found.taken:
        if taken.state is not State.KNOWN:
            print_news(
                session, f"courier: {short(taken.act) if taken.act else 'bytes'} {taken.state.value}", taken.reason
            )
    for shown in found.shown:
        print_news(session, f"courier: a bundle, {shown.acts or 'nothing new'}", shown.reason)
    for account in found.accounts:
        if account.reason:
            what = f"{account.shown} acts shown" + (f" of {account.stated}" if account.stated is not None else "")
            session.say(
                f"courier: of {short(account.party)} {what}: {account.whole.value} [{account.reason}]", lead="! "
            )
    for code in found.bad:
        session.say(f"courier: {clean(code.named())}: {clean(code.detail)} [{code.reason}]", lead=[MARK["no"], " "])
    for seal, reason in found.seals:
        if reason:
            session.say(f"courier: the seal of {short(seal.key)} says nothing [{reason}]", lead="! ")
    refused = sum(taken.state is State.REFUSED for taken in found.taken)
    return len(found.bad) + refused


def print_news(session: Session, said: str, reason: str) -> None:
    session.say(said + (f" [{reason}]" if reason else ""))


def is_picture(path: Path) -> bool:
    """Return whether a file begins as an image does. Raises :class:`Problem` for a pipe or a device: whoever put it
    there would hold its reader for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Problem(INPUT, f"{path} is no ordinary file.", "Name a courier's file, an act or a photo.")
    begins = read_beginning(path, 12, "a file or a photo")
    return begins.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or begins[8:] == b"WEBP"
