"""``pourparler dispatch``: get acts to whom they concern, whoever stands between; and see whom they have reached."""

import contextlib
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

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
    check_urls,
    lag_on,
    on_air,
    riding,
    sealing,
    ways,
)
from pourparler.cli.grouped import noun
from pourparler.cli.incoming import desk_of, from_courier, jobs, listen_on_wire, telling, until_stopped, wait
from pourparler.cli.nodes import FOLDER, KEY, ROLE, Here, act_meant, is_made, node_folder, node_of, reached, to_send
from pourparler.cli.outgoing import by_bus, by_courier, by_radio, by_wire
from pourparler.cli.serving import Host, Port, Prefix
from pourparler.cli.session import MARK, Session, command
from pourparler.cli.trouble import CANNOT_TELL, INPUT, REFUSED, USAGE, Problem
from pourparler.cli.words import clean, count, date_time, duration, readable, short
from pourparler.core.act import NO_POWER, Act, Power, parse_act, power_words
from pourparler.core.ledger.note import check_key_name
from pourparler.dispatch import courier
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Answer, Fresh, Freshness, Hearer, Reached, Standing
from pourparler.service.spool import Spool
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
    if (session.workspace.keys / f"{KEY}.key").exists():
        what = f"the node's folder {FOLDER}/ is gone, and its key is here: what it acknowledged, it would deny."
        do = f"A new node has a new key. Delete the old one first: pourparler key delete {KEY}"
        raise Problem(USAGE, what, do, reason="key.exists")
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
    session.mention(f"never put back an older copy of {FOLDER}/: the project's page Operating says why", lead="  ")


@command(app)
def know(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="The order that has reached you: its id.")],
    by: Annotated[str, typer.Option("--by", metavar="MANDATE", help="Under which mandate you say so.")],
    key: Annotated[
        list[str],
        typer.Option("--key", metavar="NAME", help="Your key, the mandate's holder; again for each of several keys."),
    ],
) -> None:
    """Say that an order has reached you, signed: it travels back by every way, and the sender sees it.

    A key may lie in an ssh-agent. Where a mandate asks for several signatures, all of their keys must be here; holders
    who sit apart draft the `reply` together (act draft reply, act sign).
    """
    with reached(session) as here:
        order, mandate = (parse_act(the_one(session, here.node, said)) for said in (act, by))
        check_concerned(session, here.node, order, mandate.id)
        signers = [session.passphrases.signer(session.keys, name, role="holder") for name in dict.fromkeys(key)]
        for name, signer in zip(dict.fromkeys(key), signers, strict=True):
            check_holder(session, here.node, mandate.id, name, signer.public_key)
        made = parse_act(here.node.acknowledgement(signers, mandate.id, order.id))
        here.take_first(made.envelope.encoded())
    session.answer(act=made.id, about=order.id)
    session.say(f"you know of {order.kind} {short(order.id)}; your word goes out with the next exchange", lead="✓ ")


def check_concerned(session: Session, node: Node, order: Act, mandate: bytes) -> None:
    """Raise :class:`Problem` where an order is of another party than the mandate: nobody asks its holders about it."""
    registry = node.registry
    of, mine = registry.outcomes.get(order.id), registry.outcomes.get(mandate)
    if of is None or mine is None or of.party is None or of.party == mine.party:
        return
    party = registry.registers[of.party].spines.party.name
    what = f"{name_of(session, mandate)} is not concerned by this order, which is {clean(party)}'s; nobody would see "
    raise Problem(USAGE, what + "your word.", "Name a mandate of the party that gave the order: --by")


def check_holder(session: Session, node: Node, mandate: bytes, key: str, public_key: bytes) -> None:
    """Raise :class:`Problem` where a key is no holder's of a mandate that is known here."""
    outcome = node.registry.outcomes.get(mandate)
    register = node.registry.registers.get(outcome.party) if outcome and outcome.party else None
    known = register.mandates.get(mandate) if register else None
    if known is not None and (known.holder is None or public_key not in known.holder.seats):
        what = f"{clean(key)} does not hold {name_of(session, mandate)}."
        raise Problem(USAGE, what, "Sign with a key of its holder: --key")


def name_of(session: Session, identifier: bytes) -> str:
    """Return what people here call an id."""
    return session.called(identifier) if session.ledgers() else short(identifier)


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
        float,
        typer.Option(metavar="SHARE", min=0, max=0.99, help="Radio: which share of frames may be lost, such as 0.6."),
    ] = 0.5,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="Radio: for so long, at the rate; otherwise until it is enough."),
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
    that share of frames have everything. Exit code 2 where a way or a peer failed and another did not.
    """
    chosen = ways(via)
    with reached(session) as here:
        envelopes: list[bytes] = []
        parts: list[courier.PartRow] = []
        for said in acts:
            more, more_parts = to_send(session, here.node, said)
            envelopes, parts = envelopes + more, parts + more_parts
        sent = [parse_act(envelope) for envelope in envelopes]
        for envelope in list(envelopes):
            taken = here.take_first(envelope)
            if taken.reason in ("decision.insufficient", "decision.possession"):
                envelopes.remove(envelope)
                parts += parts_of(parse_act(envelope))
        node = here.node
        sealer = sealing(session, node, key)
        done: dict[Way, bool | None] = {}
        for way in chosen:
            match way:
                case Way.WIRE:
                    done[way] = by_wire(session, here, peer or [], sent)
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
    return INPUT if all(went is False for went in done.values()) else CANNOT_TELL


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
        str | None,
        typer.Option(
            "--via", metavar="WAY,…", help="By which ways: wire (unless you say), bus, radio; courier with files."
        ),
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
        typer.Option(
            "--key", metavar="NAME", help="Radio, with --relay: a dispatch key, for acts longer than a frame."
        ),
    ] = None,
    constant: Annotated[
        bool, typer.Option("--constant", help="Radio, with --relay: never silent; who counts frames learns nothing.")
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            metavar="FILE",
            help="Courier: the witnesses without which nothing is proven: a policy, or a trust file that names one.",
        ),
    ] = None,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Wire: how often the peers are asked.")
    ] = 10.0,
    seconds: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="Stop after so long; otherwise at Ctrl-C or SIGTERM.")
    ] = None,
) -> int | None:
    """Be a node: hear acts by any way, keep those that are good, answer by them and hand them on.

    With files it reads them and ends; otherwise it listens until Ctrl-C or SIGTERM, and ends with exit code 0: what was
    answered is on the disk. While it listens, other commands here ask beside it, and hand it what they bring.
    """
    chosen = ways(via or (Way.COURIER if files else Way.WIRE))
    if (Way.COURIER in chosen) != bool(files):
        raise Problem(USAGE, "courier and files belong together.", "Give the files, or another way.")
    if policy and not files:
        raise Problem(USAGE, "--policy is for what a courier brings.", "Give his files as well.")
    others = [way for way in chosen if way is not Way.COURIER]
    check_urls(peer or [])
    if files and not others:
        with reached(session) as here:
            return from_courier(session, here, files, policy)
    with node_of(session) as node:
        code = from_courier(session, Here(session, node), files, policy) if files else None
        session.reopen()  # the ledgers here are for others to write, as long as this lasts
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
            desk = desk_of(session, node)
            spool = Spool(node_folder(session) / "spool")
            open_ones.enter_context(spool.running())
            station.take_from(spool, jobs(session, station, desk))
            station.follow(session.workspace.trusted_now)
            open_ones.callback(station.stopped.set)  # before a channel is closed: that it is, is no trouble then
            told = False
            with until_stopped():
                beside = [way for way in others if way is not Way.WIRE]
                if beside:
                    session.say("listening: " + ", ".join(beside), lead="✓ ")
                if Way.WIRE in others:
                    listen_on_wire(session, station, desk, peer or [], every, host, port, prefix, seconds)
                    told = True
                else:
                    wait(seconds)
        if not told:
            session.mention(STOPPED)
    return code


STOPPED = "stopped; everything that was answered is on the disk"


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
    with reached(session, looks=True) as here:
        node = here.node
        found = node.status()
        orders = orders_of(session, node, acts or [])
        maps = [(act, node.reached(act.id)) for act in orders]
        unheard = sorted(node.followed - node.registry.registers.keys())
        session.answer(
            **found,
            runs=here.runner or None,
            unheard=unheard,
            orders=[{"kind": act.kind, **one.plain()} for act, one in maps],
        )
        worst = 0
        for party in node.registry.registers:
            fresh = node.freshness(party)
            tell_fresh(session, clean(node.registry.registers[party].spines.party.name), fresh)
            if fresh.state in (Fresh.CUT_OFF, Fresh.STARVED) and node.follows(party):
                worst = CANNOT_TELL
        for party in unheard:
            what = f"{short(party)} (trusted): nothing heard yet; ask a peer: "
            session.say(what + "pourparler dispatch receive --via wire --peer URL", lead=[MARK["waits"], " "])
        for party_data in found["parties"]:
            for alarm in party_data["alarms"]:
                if not alarm["decided"]:
                    session.say(
                        f"two {alarm['kind']}s contradict each other: dispatch status --json", lead=[MARK["no"], " "]
                    )
        if found["clock"]["words"]:
            session.say(readable(found["clock"]["words"]), lead="! ")
        tell_waiting(session, found["waiting"])
        for act, one in maps:
            tell_reached(session, act, one)
        if not node.registry.registers and not unheard:
            session.say("It has heard of no party yet.")
        return worst or None


def tell_fresh(session: Session, name: str, fresh: Freshness) -> None:
    """Say how current what is known of a party is."""
    mark = MARK["yes" if fresh.state is Fresh.CURRENT else "waits" if fresh.state in CALM else "no"]
    more = f": {', '.join(map(clean, fresh.more))} has more" if fresh.more else ""
    session.say((name, "bold"), f" {short(fresh.party)}: {current_words(fresh)}{more}", lead=[mark, " "])


def current_words(fresh: Freshness) -> str:
    """Return how current something is, as people read it."""
    if fresh.as_of is not None:
        state = "" if fresh.state is Fresh.CURRENT else f"; {fresh.state.value}"
        return f"current as of {date_time(fresh.as_of)}{state}"
    if fresh.doubted:
        return f"{fresh.state.value}: its beacons contradict each other"
    if fresh.newest is None:
        return f"{fresh.state.value}: no beacon was heard"
    return f"{fresh.state.value}: all that its beacons speak of is not here"


def tell_waiting(session: Session, waiting: Sequence[dict[str, Any]]) -> None:
    """Say what waits, and for what."""
    if not waiting:
        return
    which = [f"{one['kind']} {one['act'][:8]}… {WAITS.get(one['reason'], one['reason'])}" for one in waiting]
    more = f"; and {len(which) - WAITING_SHOWN} more" if len(which) > WAITING_SHOWN else ""
    verb = "waits for what it rests on" if len(which) == 1 else "wait for what they rest on"
    told = f"{count(len(which), 'act')} {verb}: {'; '.join(which[:WAITING_SHOWN])}{more}"
    session.say(told, lead=[MARK["waits"], " "])


WAITING_SHOWN = 3
WAITS = {
    "unknown.party": "needs a party that is not known here",
    "unknown.organ": "needs an organ that is not known here",
    "unknown.prior": "needs the decision before it",
    "unknown.mandate": "needs a mandate that is not known here",
    "unknown.act": "needs an act that is not known here",
    "decision.insufficient": "needs more signatures",
    "decision.possession": "needs the signatures of its new members",
    "node.future": "is dated ahead of this node's time",
}


CALM = (Fresh.BEHIND, Fresh.UNKNOWN)
HEARD = {
    "acknowledged": "acknowledged",
    "heard since": "an act of his came",
    "unreachable": "unreachable, last heard",
    "last heard before": "last heard before the order,",
}


def orders_of(session: Session, node: Node, said: Sequence[str]) -> list[Act]:
    """Return the orders that are asked about, or the newest that this node holds."""
    if said:
        return [parse_act(envelope) for one in said for envelope in to_send(session, node, one)[0]]
    return [act for act in node.every() if act.kind in ORDERS][-ORDERS_SHOWN:]


def tell_reached(session: Session, act: Act, found: Reached) -> None:
    known = found.of("acknowledged")
    of = len(found.hearers)
    session.say(
        (act.kind, "bold"), f" {short(act.id)}: acknowledged by {len(known)} of {count(of, 'holder')}", lead="→ "
    )
    for one in found.hearers:
        session.mention(f"{name_of(session, one.mandate)}: {heard_words(one)}", lead="    ")


def heard_words(one: Hearer) -> str:
    """Return what is known of a holder. That an act of his came since says that he is there, and not that he knows."""
    if one.age is None:
        return f"{one.state}: nothing of his has come here" if one.state == "unreachable" else one.state
    how = f" {by_channel(one.channel)}" if one.channel else ""
    return f"{HEARD.get(one.state, one.state)}{how}, {duration(one.age)} ago"


def by_channel(channel: str) -> str:
    """Return by which channel something came, as people say it."""
    return {"here": "here", "ledger": "from a ledger here"}.get(channel, f"by {clean(channel)}")


# --- standing ---------------------------------------------------------------------------------------------------------

ENDED = {
    "standing.dismissed": "dismissed by",
    "standing.suspended": "suspended by",
    "standing.revoked": "revoked by",
    "standing.withdrawn": "withdrawn by",
    "standing.objected": "stopped by the objection",
}
ANSWERED = {Answer.IN_FORCE: 0, Answer.REFUSED: REFUSED, Answer.CANNOT_TELL: CANNOT_TELL}
ANSWER_MARK = {Answer.IN_FORCE: "yes", Answer.REFUSED: "no", Answer.CANNOT_TELL: "void"}


@command(app)
def standing(
    session: Session,
    mandate: Annotated[str, typer.Argument(metavar="MANDATE", help="The mandate: its id, or what you call it.")],
    power: Annotated[
        str | None,
        typer.Option("--power", metavar="POWER", help="Whether this may be done under it, such as conclude."),
    ] = None,
) -> int | None:
    """Say whether a mandate stands, as far as this node has heard; with --power, whether that power may be used.

    Exit code 0 in force, 3 refused, 2 where nobody can tell here.
    """
    asked = power_named(power)
    with reached(session, looks=True) as here:
        node = here.node
        about = act_meant(session, node, mandate, "mandate")
        if about is None:
            what = f"{clean(mandate)} is no mandate that was heard of here."
            raise Problem(
                CANNOT_TELL, what, "Give its id, or hear more: pourparler dispatch receive", reason="unknown.mandate"
            )
        found = node.standing(about, asked)
        outcome = node.registry.outcomes.get(about)
        party = outcome.party if outcome else None
        fresh = node.freshness(party) if party in node.registry.registers and party else None
        heard = node.heard_by(found.by) if found.by else None
        now = node.holdings.latest()
        session.answer(
            mandate=about,
            power=power,
            **found.plain(),
            heard={"channel": heard[0], "time": heard[1]} if heard else None,
            freshness=fresh.plain() if fresh else None,
        )
    words = standing_words(found, fresh, heard, now)
    called = name_of(session, about)
    session.say((called, "bold"), f": {words}", lead=[MARK[ANSWER_MARK[found.answer]], " "])
    return ANSWERED[found.answer] or None


def power_named(said: str | None) -> Power:
    """Return a power by its name. Raises :class:`Problem`."""
    if said is None:
        return NO_POWER
    known = {word: one for one in Power for word in power_words(one)}
    if said not in known:
        raise Problem(USAGE, f"{clean(said)} is no power.", f"The powers are: {', '.join(known)}.")
    return known[said]


def standing_words(found: Standing, fresh: Freshness | None, heard: tuple[str, int] | None, now: int) -> str:
    """Return the answer as people read it."""
    code = f" [{found.reason}]" if found.reason else ""
    match found.answer:
        case Answer.IN_FORCE if found.proven and found.as_of is not None:
            return f"in force, proven as of {date_time(found.as_of)}"
        case Answer.IN_FORCE:
            return f"in force as heard; {current_words(fresh)}" if fresh else "in force as heard"
        case Answer.REFUSED if found.reason in ENDED and found.by:
            when = f", heard {by_channel(heard[0])} {duration(max(0, now - heard[1]))} ago" if heard else ""
            return f"{ENDED[found.reason]} {short(found.by)}{when}{', proven' if found.proven else ''}{code}"
    return f"{found.answer.value}: {found.why}{code}"
