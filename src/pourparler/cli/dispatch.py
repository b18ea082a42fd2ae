"""``pourparler dispatch``: get acts to whom they concern, whoever stands between; and see whom they have reached."""

import contextlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pourparler.cli.channels import (
    GROUP,
    BusUrl,
    Domain,
    FrameBytes,
    Group,
    Interface,
    Monitor,
    Peers,
    Pipe,
    Rate,
    Sole,
    Via,
    Way,
    carousel_of,
    lag_on,
    on_air,
    riding,
    sealing,
    ways,
)
from pourparler.cli.grouped import noun
from pourparler.cli.incoming import from_courier, listen_on_wire, telling, wait
from pourparler.cli.nodes import FOLDER, KEY, ROLE, is_made, node_folder, node_of, taken_first, to_send
from pourparler.cli.outgoing import by_bus, by_courier, by_radio, by_wire
from pourparler.cli.serving import Host, Port, Prefix
from pourparler.cli.session import MARK, Session, command
from pourparler.cli.trouble import CANNOT_TELL, INPUT, USAGE, Problem
from pourparler.cli.words import clean, count, date_time, duration, short
from pourparler.core.act import Act, parse_act
from pourparler.core.ledger.note import check_key_name
from pourparler.dispatch import courier
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Fresh, Reached
from pourparler.service.station import Station
from pourparler.service.workspace import WallClock, write_atomically

app = noun("Dispatch: get acts to whom they concern, by wire, bus, radio or courier; see whom they reached.")

ORDERS_SHOWN = 5
ORDERS = ("dismiss", "urgent-dismiss", "suspend", "grant", "urgent-grant", "revoke", "elect", "denounce")


class Language(StrEnum):
    EN = "en"
    FR = "fr"


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
