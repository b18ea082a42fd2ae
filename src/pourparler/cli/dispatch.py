"""``pourparler dispatch``: get acts to whom they concern, whoever stands between; and see whom they have reached."""

import contextlib
import re
import secrets
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.grouped import noun
from pourparler.cli.nodes import FOLDER, KEY, ROLE, from_file, is_made, node_folder, node_of, taken_first, to_send
from pourparler.cli.serving import Host, Port, Prefix, print_log, serve_routes
from pourparler.cli.session import MARK, Session, command
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, USAGE, Problem
from pourparler.cli.verify import read_beginning, read_file
from pourparler.cli.words import clean, count, date_time, duration, short
from pourparler.core import limits
from pourparler.core.act import Act, parse_act
from pourparler.core.errors import PourparlerError
from pourparler.core.ledger.note import check_key_name
from pourparler.dispatch import courier
from pourparler.dispatch.exchange import Exchanged
from pourparler.ports import ChannelTrouble, FrameChannel, Signer
from pourparler.service import couriering
from pourparler.service.couriering import Delivered
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, Fresh, Reached, Shown, State, Taken
from pourparler.service.station import Event, News, Station, Trouble
from pourparler.service.workspace import WallClock, write_atomically

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from pourparler.dispatch.bus import Bus
    from pourparler.dispatch.carousel import Carousel
    from pourparler.dispatch.fountain import Decoder
    from pourparler.service.books import Book
    from pourparler.service.lag import Lag

app = noun("Dispatch: get acts to whom they concern, by wire, bus, radio or courier; see whom they reached.")

GROUP = "239.255.83.17:8317"
ORDERS_SHOWN = 5
ORDERS = ("dismiss", "urgent-dismiss", "suspend", "grant", "urgent-grant", "revoke", "elect", "denounce")
TOLD_SECONDS = 2.0
SPARE_FRAME_SECONDS = 0.2


class Way(StrEnum):
    WIRE = "wire"
    BUS = "bus"
    RADIO = "radio"
    COURIER = "courier"


class Language(StrEnum):
    EN = "en"
    FR = "fr"


Via = Annotated[
    str,
    typer.Option(
        "--via", metavar="WAY,…", help="By which ways: wire, bus, radio, courier; several with commas between."
    ),
]
Peers = Annotated[
    list[str] | None,
    typer.Option("--peer", metavar="URL", help="Wire: a node to exchange with; can be given more than once."),
]
BusUrl = Annotated[
    list[str] | None, typer.Option("--bus", metavar="nats://HOST", help="Bus: its server; can be given more than once.")
]
Sole = Annotated[bool, typer.Option("--only-copy", help="Bus: refuse a server that may lose what it acknowledged.")]
Monitor = Annotated[str | None, typer.Option(metavar="URL", help="Bus: the server's monitoring address.")]
Domain = Annotated[str | None, typer.Option(metavar="NAME", help="Bus: the JetStream beyond a leaf node.")]
Group = Annotated[str, typer.Option(metavar="ADDRESS:PORT", help="Radio: a UDP group, a broadcast address or a host.")]
Interface = Annotated[str, typer.Option(metavar="NAME", help="Radio: the network interface.")]
Pipe = Annotated[
    str | None,
    typer.Option(metavar="COMMAND", help="Radio: a program that is the radio (spec/courier.md 8)."),
]
FrameBytes = Annotated[
    int | None, typer.Option(metavar="BYTES", min=64, max=1200, help="Radio: the largest frame; 1200, of a pipe 233.")
]
Rate = Annotated[float, typer.Option(metavar="BYTES", min=1, help="Radio: how many bytes a second go out.")]


def ways(said: str) -> list[Way]:
    """Return the ways that were asked for. Raises :class:`Problem`."""
    try:
        chosen = list(dict.fromkeys(Way(one.strip()) for one in said.split(",") if one.strip()))
    except ValueError as error:
        raise Problem(USAGE, f"{error}.", f"There are: {', '.join(Way)}.") from None
    if not chosen:
        raise Problem(USAGE, "by which way?", f"There are: {', '.join(Way)}.")
    return chosen


# --- the node ---------------------------------------------------------------------------------------------------------


@command(app)
def create(
    session: Session,
    called: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Its name, like node.example/relay.", show_default=False)
    ] = None,
) -> None:
    """Make this workspace's node: it hears acts, keeps those that are good, and hands them on.

    It follows the parties that the workspace trusts (party trust), and those that are founded here. What it hears it
    keeps in a ledger of its own, which its key signs.
    """
    if is_made(session):
        raise Problem(USAGE, "this workspace has a node already.", "Look at it: pourparler dispatch status")
    session.keys.check_free(KEY)
    public_key = session.keys.new(KEY, ROLE, session.passphrases.new(KEY))
    origin = called or f"node-{public_key.hex()[:12]}"
    folder = node_folder(session)
    try:
        check_key_name(origin)
        folder.mkdir(mode=0o700)
        write_atomically(folder / "origin", f"{origin}\n".encode())
        with node_of(session) as node:
            entries = node.journal.size
    except BaseException:
        for file in folder.glob("*") if folder.is_dir() else ():
            file.unlink()
        if folder.is_dir():
            folder.rmdir()
        (session.workspace.keys / f"{KEY}.key").unlink(missing_ok=True)
        raise
    session.answer(node=origin, key=public_key, entries=entries)
    session.say(f"the node {clean(origin)} is here", lead=MARK["yes"][0] + " ")
    if not session.workspace.settings.trust:
        session.mention("it follows every party that it hears of; name yours: pourparler party trust ID", lead="  ")
    session.mention(f"never put back an older copy of {FOLDER}/: docs/operating.md", lead="  ")


@command(app)
def know(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="The order that has reached you: its id.")],
    by: Annotated[str, typer.Option("--by", metavar="MANDATE", help="Under which mandate you say so.")],
    key: Annotated[str, typer.Option("--key", metavar="NAME", help="Your key, the mandate's holder.")],
) -> None:
    """Say that an order has reached you, signed: it travels back by every way, and the sender sees it."""
    with node_of(session) as node:
        about, mandate = the_one(session, node, act), the_one(session, node, by)
        signer = session.passphrases.signer(session.keys, key, role="holder")
        order = parse_act(about)
        envelope = node.acknowledge(signer, parse_act(mandate).id, order.id)
        made = parse_act(envelope)
        if not node.acts([made.id]):
            taken_first(node, envelope)
    session.answer(act=made.id, about=order.id)
    session.say(f"you know of {order.kind} {short(order.id)}; your word goes out with the next exchange", lead="✓ ")


def the_one(session: Session, node: Node, said: str) -> bytes:
    """Return the envelope of the one act that a word of the command line means. Raises :class:`Problem`."""
    envelopes, _ = to_send(session, node, said)
    if len(envelopes) != 1:
        raise Problem(USAGE, f"{clean(said)} holds {count(len(envelopes), 'act')}, and not one.", "Name the act's id.")
    return envelopes[0]


# --- sending ----------------------------------------------------------------------------------------------------------


@command(app)
def send(
    session: Session,
    acts: Annotated[list[str], typer.Argument(metavar="ACT…", help="Files, or ids of acts that are known here.")],
    via: Via,
    peer: Peers = None,
    bus: BusUrl = None,
    only_copy: Sole = False,
    monitor: Monitor = None,
    domain: Domain = None,
    group: Group = GROUP,
    interface: Interface = "",
    pipe: Pipe = None,
    frame_bytes: FrameBytes = None,
    rate: Rate = 20_000.0,
    loss: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=0.99, help="Radio: which share of frames may be lost.")
    ] = 0.5,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="Radio: for so long; otherwise until it is enough."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="NAME", help="A dispatch key of the party: signs what fits no frame.")
    ] = None,
    out: Annotated[
        list[Path] | None,
        typer.Option("--out", metavar="FILE", help="Courier: what to write; a sheet to print where it ends in .html."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="Courier: the sheet's language.")] = Language.EN,
) -> int | None:
    """Send acts by any way, or by several at once.

    Each is verified first: nobody hands on what nobody would take. Radio sends until 999 of 1,000 listeners who lose
    that share of frames have everything. Exit code 2 where a way failed and another did not.
    """
    chosen = ways(via)
    with node_of(session) as node:
        envelopes: list[bytes] = []
        parts: list[courier.PartRow] = []
        for said in acts:
            more, more_parts = to_send(session, node, said)
            envelopes, parts = envelopes + more, parts + more_parts
        sent = [parse_act(envelope) for envelope in envelopes]
        for envelope in list(envelopes):
            taken = taken_first(node, envelope)
            if taken.reason in ("decision.insufficient", "decision.possession"):
                envelopes.remove(envelope)
                parts += parts_of(parse_act(envelope))
        sealer = sealing(session, node, key)
        done: dict[Way, bool] = {}
        for way in chosen:
            match way:
                case Way.WIRE:
                    done[way] = by_wire(session, node, peer or [])
                case Way.BUS:
                    with riding(session, node, bus, only_copy, monitor, domain, "sender") as ridden:
                        done[way] = by_bus(session, node, ridden, sent)
                case Way.RADIO:
                    with on_air(group, interface, pipe, frame_bytes, rate) as channel:
                        done[way] = by_radio(session, channel, sealer, node, envelopes, parts, loss, seconds)
                case Way.COURIER:
                    done[way] = by_courier(session, node, envelopes, parts, sealer, out or [], lang.value)
    session.answer(acts=[act.id for act in sent], sent={way.value: went for way, went in done.items()})
    if all(done.values()):
        return None
    return CANNOT_TELL if any(done.values()) else INPUT


def parts_of(act: Act) -> list[courier.PartRow]:
    """Return the signatures of a decision that is not whole yet, each with the payload."""
    return [(act.envelope.payload, one.kid, one.value) for one in act.envelope.signatures]


def sealing(session: Session, node: Node, key: str | None) -> tuple[bytes, Signer] | None:
    """Return the party and the dispatch key by which frames are signed, or None. Raises :class:`Problem`."""
    if key is None:
        return None
    signer = session.passphrases.signer(session.keys, key, role="dispatch")
    party = node.dispatch_keys().get(signer.public_key)
    if party is None:
        what = f"{key} is no dispatch key of a party that is known here."
        raise Problem(USAGE, what, "Name it on the spine: pourparler organ appoint, with --dispatch.")
    return party, signer


def by_wire(session: Session, node: Node, peers: Sequence[str]) -> bool:
    from pourparler.service.wire import Desk

    if not peers:
        raise Problem(USAGE, "by wire to whom?", "Name a node: --peer https://node.example")
    desk, reached = Desk(node, Dice()), 0
    for url in peers:
        if not session.quiet and not session.as_json:
            print(f"exchanging with {url}…", file=sys.stderr, flush=True)
        found = desk.exchange_with(url)
        reached += found.whole
        tell_exchanged(session, found)
    return reached == len(peers)


def tell_exchanged(session: Session, found: Exchanged) -> None:
    if found.whole:
        gave = f"{count(len(found.given), 'act')} given, {count(len(found.learnt), 'act')} learnt"
        session.say(f"wire: {clean(found.peer)} has all that is here: {gave}", lead=MARK["yes"][0] + " ")
    else:
        session.say(f"wire: {clean(found.peer)}: {clean(found.why)}", lead=[MARK["no"], " "])


class Dice:
    """Chance from the operating system."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


@contextlib.contextmanager
def riding(
    session: Session,
    node: Node,
    servers: list[str] | None,
    only_copy: bool,
    monitor: str | None,
    domain: str | None,
    name: str,
    *,
    hears_heads: bool = False,
) -> "Iterator[Bus]":
    """Open the bus. Raises :class:`Problem`."""
    from pourparler.dispatch.bus import Bus, BusTrouble

    if not servers:
        raise Problem(USAGE, "by which bus?", "Name a server: --bus nats://host:4222")
    called = re.sub(r"[^\w-]", "-", f"{node.journal.depositary.key.hex()[:16]}-{name}")
    try:
        bus = Bus(
            servers,
            sorted(node.registry.registers),
            called,
            only_copy=only_copy,
            monitor=monitor,
            domain=domain,
            hears_heads=hears_heads,
        )
    except BusTrouble as trouble:
        raise Problem(INPUT, trouble.what, trouble.do, reason=trouble.reason) from None
    try:
        if bus.told:
            session.mention(bus.told, lead="! ")
        yield bus
    finally:
        bus.close()


def lag_on(node: Node, bus: "Bus") -> "Lag":
    """Return what tells the others on a bus how far this node is, and publishes again what they lack."""
    from pourparler.service.lag import Lag
    from pourparler.service.wire import Desk

    return Lag(bus, Desk(node, Dice(), channel="bus"))


def by_bus(session: Session, node: Node, bus: "Bus", sent: Sequence[Act]) -> bool:
    from pourparler.dispatch.bus import BusTrouble

    try:
        for act in sent:
            party = node.registry.party_of(act) if act.kind != "found" else act.id
            bus.publish(party, act.id, act.envelope.encoded())
    except BusTrouble as trouble:
        session.say(f"bus: {clean(trouble.what)}", lead=[MARK["no"], " "])
        return False
    session.say(f"bus: {count(len(sent), 'act')} published; who has them shows in: dispatch status", lead="✓ ")
    return True


@contextlib.contextmanager
def on_air(
    group: str, interface: str, pipe: str | None, frame_bytes: int | None, rate: float
) -> Iterator[FrameChannel]:
    """Open the radio: a UDP group, or a program that is one. Raises :class:`Problem`."""
    from pourparler.dispatch.pipe import ProgramChannel
    from pourparler.dispatch.udp import UdpChannel

    try:
        channel: FrameChannel
        if pipe is not None:
            channel = ProgramChannel(program(pipe), frame_bytes=frame_bytes or 233, bytes_per_second=rate)
        else:
            to = address(group)
            channel = UdpChannel(to, interface=interface, frame_bytes=frame_bytes or 1_200, bytes_per_second=rate)
    except ChannelTrouble as trouble:
        raise Problem(INPUT, str(trouble), getattr(trouble, "do", ""), reason=getattr(trouble, "reason", "")) from None
    try:
        yield channel
    finally:
        channel.close()


def program(said: str) -> list[str]:
    """Return a command and its arguments. Raises :class:`Problem`."""
    try:
        words = shlex.split(said)
    except ValueError as error:
        raise Problem(USAGE, f"the radio's command cannot be read: {error}.", "Close its quotation marks.") from None
    if not words:
        raise Problem(USAGE, "there is no radio program in the command.", "Like: --pipe 'python3 radio.py'")
    return words


def address(said: str) -> tuple[str, int]:
    host, colon, port = said.rpartition(":")
    if not colon or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise Problem(USAGE, f"{said} is no address with a port.", f"Like {GROUP}, or [ff02::1]:8317.")
    return host.strip("[]"), int(port)


def carousel_of(
    session: Session,
    sealer: tuple[bytes, Signer] | None,
    party: bytes,
    frame_bytes: int,
    loss: float,
    *,
    constant: bool = False,
) -> "Carousel":
    from pourparler.dispatch.carousel import Carousel
    from pourparler.dispatch.counters import SqliteCounters

    counters = SqliteCounters(node_folder(session) / "symbols.sqlite")
    whose, signer = sealer or (party, None)
    seed = secrets.token_bytes(16)
    return Carousel(whose, signer, frame_bytes, counters, seed, assumed_loss=loss, constant=constant)


def by_radio(
    session: Session,
    channel: FrameChannel,
    sealer: tuple[bytes, Signer] | None,
    node: Node,
    envelopes: Sequence[bytes],
    parts: Sequence[courier.PartRow],
    loss: float,
    seconds: float | None,
) -> bool:
    """Send until it is enough, or for so long."""
    carousel = carousel_of(session, sealer, bytes(32), channel.frame_bytes, loss)
    now = time.monotonic()
    for envelope in envelopes:
        if sealer is None and not carousel.fits(envelope):
            act = parse_act(envelope)
            what = (
                f"{act.kind} {short(act.id)} has {len(envelope):,} bytes, and fits no frame of {channel.frame_bytes}."
            )
            raise Problem(USAGE, what, "Give a dispatch key of the party, which signs the pieces: --key NAME")
        carousel.put(envelope, now)
    for part in parts:
        carousel.put_part(*part, now)
    for party in node.registry.registers:
        for beacon in node.acts([one.act for one in node.store.beacons(party)[-1:]]):
            carousel.put(beacon, now)
    begun = told = time.monotonic()
    frames = bytes_sent = 0
    try:
        while True:
            now = time.monotonic()
            if seconds is not None and now - begun >= seconds:
                break
            carousel.gather(now + 3_600)  # what waits for company has none here
            if seconds is None and all(item.sent >= item.enough for item in carousel.items.values()):
                break
            frame = carousel.next_frame(now)
            if frame is None:
                time.sleep(SPARE_FRAME_SECONDS)
                continue
            channel.send(frame)
            frames, bytes_sent = frames + 1, bytes_sent + len(frame)
            if now - told >= TOLD_SECONDS and not session.quiet:
                told = now
                print(f"radio: {frames:,} frames sent", file=sys.stderr, flush=True)
    except ChannelTrouble as trouble:
        session.say(f"radio: {clean(str(trouble))}", lead=[MARK["no"], " "])
        return False
    finally:
        carousel.counters.close()  # type: ignore[attr-defined]
    session.answer(frames=frames, bytes=bytes_sent)
    said = f"radio: {count(frames, 'frame')}, {bytes_sent:,} bytes"
    session.say(f"{said}: enough for 999 of 1,000 who lose {loss:.0%}" if seconds is None else said, lead="✓ ")
    return True


def by_courier(
    session: Session,
    node: Node,
    envelopes: Sequence[bytes],
    parts: Sequence[courier.PartRow],
    sealer: tuple[bytes, Signer] | None,
    outs: Sequence[Path],
    language: str,
) -> bool:
    """Write a file to carry, or sheets to print."""
    from pourparler.dispatch import sheets

    if not outs:
        raise Problem(USAGE, "into which file?", "Name it: --out orders.dispatch, or --out orders.html to print.")
    for out in outs:
        session.check_out(out, courier.FORMAT.encode(), b"<!doctype html>")
        if out.suffix in (".html", ".htm"):
            sheet = sheets.sheet(envelopes, parts, sealer=sealer, names=name_in(session, node), language=language)  # type: ignore[arg-type]
            write_atomically(out, sheets.html(sheet).encode())
        else:
            bundles = [couriering.catching_up(party, [book]) for party, book in homes_here(session, node)]
            sealers = [sealer] if sealer else []
            write_atomically(out, couriering.file(envelopes, parts=parts, bundles=bundles, sealers=sealers))
        session.say(f"courier: {out} holds {count(len(envelopes) + len(parts), 'act')}", lead="✓ ")
    session.answer(files=[str(out) for out in outs])
    return True


def homes_here(session: Session, node: Node) -> "Iterator[tuple[bytes, Book]]":
    """Yield the parties that the node knows whose home ledger is here: whoever gets a file can catch up from it."""
    for book in session.all_books():
        for party, register in book.registry.registers.items():
            if party in node.registry.registers and register.spines.party.home == book.depositary:
                yield party, book


def name_in(session: Session, node: Node) -> Any:
    """Return what names an id on a sheet: what people here call it, or a party's own title."""

    def called(identifier: bytes) -> str:
        given = session.workspace.name_of(identifier)
        register = node.registry.registers.get(identifier)
        return given or (clean(register.spines.party.name) if register else "")

    return called


# --- receiving --------------------------------------------------------------------------------------------------------


@command(app)
def receive(
    session: Session,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Courier: files, or photos of sheets.", show_default=False),
    ] = None,
    via: Annotated[
        str | None, typer.Option("--via", metavar="WAY,…", help="By which ways: wire, bus, radio; courier with files.")
    ] = None,
    peer: Peers = None,
    host: Host = "127.0.0.1",
    port: Port = 8471,
    prefix: Prefix = "",
    bus: BusUrl = None,
    only_copy: Sole = False,
    monitor: Monitor = None,
    domain: Domain = None,
    group: Group = GROUP,
    interface: Interface = "",
    pipe: Pipe = None,
    frame_bytes: FrameBytes = None,
    rate: Rate = 20_000.0,
    relay: Annotated[bool, typer.Option("--relay", help="Radio: send on what is good, as well.")] = False,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="NAME", help="Radio, with --relay: a dispatch key, for what fits no frame."),
    ] = None,
    constant: Annotated[
        bool, typer.Option("--constant", help="Radio, with --relay: never silent; who counts frames learns nothing.")
    ] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Wire: how often the peers are asked.")
    ] = 10.0,
    seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="Stop after so long; otherwise at Ctrl-C.")
    ] = None,
) -> int | None:
    """Be a node: hear acts by any way, keep those that are good, answer by them and hand them on.

    With files it reads them and ends; otherwise it listens until Ctrl-C. What is acknowledged is on the disk.
    """
    chosen = ways(via or (Way.COURIER if files else Way.WIRE))
    if (Way.COURIER in chosen) != bool(files):
        raise Problem(USAGE, "courier and files belong together.", "Give the files, or another way.")
    with node_of(session) as node:
        code = from_courier(session, node, files) if files else None
        others = [way for way in chosen if way is not Way.COURIER]
        if not others:
            return code
        with contextlib.ExitStack() as open_ones:
            from pourparler.dispatch.fountain import Worker

            decoder = open_ones.enter_context(Worker())
            station = Station(node, decoder, WallClock(), tell=telling(session), relays=relay)
            open_ones.callback(station.close)
            if Way.RADIO in others:
                channel = open_ones.enter_context(on_air(group, interface, pipe, frame_bytes, rate))
                station.listen(channel)
                if relay:
                    sealer = sealing(session, node, key)
                    frames = channel.frame_bytes
                    station.transmit(channel, carousel_of(session, sealer, bytes(32), frames, 0.5, constant=constant))
            if Way.BUS in others:
                hearing = riding(session, node, bus, only_copy, monitor, domain, "receiver", hears_heads=True)
                ridden = open_ones.enter_context(hearing)
                station.ride(ridden, lag_on(node, ridden))
            if Way.WIRE in others:
                listen_on_wire(session, station, peer or [], every, host, port, prefix, seconds)
            else:
                session.say("listening: " + ", ".join(others), lead="✓ ")
                wait(seconds)
    return code


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

    desk = Desk(station.node, Dice())
    if peers:
        station.visit(desk, peers, every)

    def routes() -> "list[BaseRoute]":
        from pourparler.service.http.wire import wire_routes

        return wire_routes(desk)

    serve_routes(session, "the node", routes, host, port, prefix, seconds=seconds)


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


# --- status -----------------------------------------------------------------------------------------------------------


@command(app)
def status(
    session: Session,
    acts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ACT…]", help="Orders to ask about; otherwise the newest.", show_default=False),
    ] = None,
) -> int | None:
    """Show how current this node is, and whom orders have reached, by which way, how long ago.

    Exit code 2 where it is cut off or being starved from a party that it follows.
    """
    with node_of(session, looks=True) as node:
        found = node.status()
        orders = orders_of(session, node, acts or [])
        maps = [(act, node.reached(act.id)) for act in orders]
        session.answer(**found, orders=[{"kind": act.kind, **reached.plain()} for act, reached in maps])
        worst = 0
        for party in node.registry.registers:
            fresh = node.freshness(party)
            name = clean(node.registry.registers[party].spines.party.name)
            mark = MARK["yes" if fresh.state is Fresh.CURRENT else "waits" if fresh.state in CALM else "no"]
            when = (
                f"current as of {date_time(fresh.as_of)}"
                if fresh.as_of is not None
                else "nothing is known to be current"
            )
            state = "" if fresh.state is Fresh.CURRENT else f"; {fresh.state.value}"
            more = f": {', '.join(map(clean, fresh.more))} has more" if fresh.more else ""
            session.say((name, "bold"), f" {short(party)}: {when}{state}{more}", lead=[mark, " "])
            if fresh.state in (Fresh.CUT_OFF, Fresh.STARVED) and node.follows(party):
                worst = CANNOT_TELL
        for party_data in found["parties"]:
            for alarm in party_data["alarms"]:
                if not alarm["decided"]:
                    session.say(
                        f"two {alarm['kind']}s contradict each other: dispatch status --json", lead=[MARK["no"], " "]
                    )
        if found["clock"]["words"]:
            session.say(found["clock"]["words"], lead="! ")
        for act, reached in maps:
            tell_reached(session, act, reached)
        if not node.registry.registers:
            session.say("It has heard of no party yet.")
        return worst or None


CALM = (Fresh.BEHIND, Fresh.UNKNOWN)


def orders_of(session: Session, node: Node, said: Sequence[str]) -> list[Act]:
    """Return the orders that are asked about, or the newest that this node holds."""
    if said:
        return [parse_act(envelope) for one in said for envelope in to_send(session, node, one)[0]]
    return [act for act in node.every() if act.kind in ORDERS][-ORDERS_SHOWN:]


def tell_reached(session: Session, act: Act, reached: Reached) -> None:
    known = reached.of("acknowledged")
    of = len(reached.hearers)
    session.say(
        (act.kind, "bold"), f" {short(act.id)}: acknowledged by {len(known)} of {count(of, 'holder')}", lead="→ "
    )
    for one in reached.hearers:
        how = f" by {clean(one.channel)}" if one.channel else ""
        ago = f", {duration(one.age)} ago" if one.age is not None else ""
        session.mention(
            f"{session.called(one.mandate) if session.ledgers() else short(one.mandate)}: {one.state}{how}{ago}",
            lead="    ",
        )
