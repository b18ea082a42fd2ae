"""The channels that ``pourparler dispatch`` sends and listens on: how they are named, and opened."""

import contextlib
import re
import secrets
import shlex
import threading
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from pourparler.cli.nodes import node_folder
from pourparler.cli.session import Session
from pourparler.cli.trouble import INPUT, USAGE, Problem
from pourparler.ports import ChannelTrouble, FrameChannel, Signer
from pourparler.service.node.node import Node

if TYPE_CHECKING:
    from pourparler.dispatch.bus import Bus
    from pourparler.dispatch.carousel import Carousel
    from pourparler.service.lag import Lag

GROUP = "239.255.83.17:8317"
SILENCE_SECONDS = 2.0  # after which it is said that a bus has not answered


class Way(StrEnum):
    WIRE = "wire"
    BUS = "bus"
    RADIO = "radio"
    COURIER = "courier"


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
    typer.Option(metavar="COMMAND", help="Radio: a program that is the radio, such as 'python3 radio.py'."),
]
FrameBytes = Annotated[
    int | None, typer.Option(metavar="BYTES", min=64, max=1200, help="Radio: the largest frame; 1200, of a pipe 233.")
]
Rate = Annotated[float, typer.Option(metavar="BYTES", min=1, help="Radio: how many bytes a second go out.")]


def ways(said: str) -> list[Way]:
    """Return the ways that were asked for. Raises :class:`Problem`."""
    named = [one.strip() for one in said.split(",") if one.strip()]
    try:
        chosen = list(dict.fromkeys(Way(one) for one in named))
    except ValueError:
        strange = next(one for one in named if one not in set(Way))
        raise Problem(USAGE, f"{strange} is no way.", f"There are: {', '.join(Way)}.") from None
    if not chosen:
        raise Problem(USAGE, "by which way?", f"There are: {', '.join(Way)}.")
    return chosen


def check_urls(peers: Sequence[str]) -> None:
    """Raise :class:`Problem` where what is to be a peer's URL is none."""
    for url in peers:
        if not url.startswith(("http://", "https://")):
            what = f"{url} is no URL of a node."
            raise Problem(USAGE, what, f"Write http://{url.rpartition('://')[2]}")


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
    silence = threading.Timer(SILENCE_SECONDS, lambda: session.mention("the bus has not answered yet", lead="… "))
    silence.start()
    try:
        bus = Bus(
            servers,
            node.parties(),
            called,
            only_copy=only_copy,
            monitor=monitor,
            domain=domain,
            hears_heads=hears_heads,
        )
    except BusTrouble as trouble:
        raise Problem(INPUT, trouble.what, trouble.do, reason=trouble.reason) from None
    finally:
        silence.cancel()
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
        reason = getattr(trouble, "reason", "")
        what = str(trouble).removesuffix(f" [{reason}]")  # which is printed with it
        raise Problem(INPUT, what, getattr(trouble, "do", ""), reason=reason) from None
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
