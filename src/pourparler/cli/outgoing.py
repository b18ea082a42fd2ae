"""``pourparler dispatch send``, way by way: each gives back whether it went."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pourparler.cli.channels import Dice, carousel_of, check_urls
from pourparler.cli.nodes import Here
from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, count, short
from pourparler.core.act import Act, parse_act
from pourparler.core.errors import Missing
from pourparler.dispatch import courier
from pourparler.dispatch.exchange import Exchanged
from pourparler.ports import ChannelTrouble, FrameChannel, KeyTrouble, Signer
from pourparler.service import couriering
from pourparler.service.node.node import Node
from pourparler.service.spool import Job
from pourparler.service.workspace import WorkspaceError, write_atomically

if TYPE_CHECKING:
    from pourparler.core.evidence import Bundle
    from pourparler.dispatch.bus import Bus
    from pourparler.service.books import Book
    from pourparler.service.export import Ledger

SHEETS = (".html", ".htm")
PICTURES = (".pdf", ".png", ".jpg", ".jpeg", ".svg")
TOLD_SECONDS = 2.0
EXCHANGE_SECONDS = 70.0  # for each peer with which the node that runs here exchanges
HERE = "here"
WAITS = {"pending": "waits there for what it rests on", HERE: "waits here, and is not handed on yet"}
KEPT = ("new", "known", "carried", "void")  # what a peer says of an act that it has
SPARE_FRAME_SECONDS = 0.2


def by_wire(session: Session, here: Here, peers: Sequence[str], sent: Sequence[Act]) -> bool | None:
    """Exchange with each peer; return whether all of them have what there is here, None where only some do."""
    if not peers:
        raise Problem(USAGE, "by wire to whom?", "Name a node: --peer https://node.example")
    check_urls(peers)
    answered: list[dict[str, Any]] = []
    if here.spool is not None:
        if not session.quiet and not session.as_json:
            print(f"exchanging with {', '.join(peers)}…", file=sys.stderr, flush=True)
        answered = here.hand(Job("wire", peers=tuple(peers)), seconds=EXCHANGE_SECONDS * len(peers))["exchanged"]
    else:
        from pourparler.service.wire import Desk

        desk = Desk(here.node, Dice())
        for url in peers:
            if not session.quiet and not session.as_json:
                print(f"exchanging with {url}…", file=sys.stderr, flush=True)
            answered.append(plain_exchanged(desk.exchange_with(url)))
    went = [tell_exchanged(session, found, sent, lambda act: bool(here.node.acts([act.id]))) for found in answered]
    shown = ("url", "given", "learnt", "whole", "reason")
    session.answer(peers=[{name: found[name] for name in shown} for found in answered])
    return True if all(went) else False if all(one is False for one in went) else None


def plain_exchanged(found: Exchanged) -> dict[str, Any]:
    """Return what an exchange came to as JSON can hold it; ``words`` is what the peer said of each act."""
    return {
        "url": found.peer,
        "given": [act.hex() for act in found.given],
        "learnt": [act.hex() for act in found.learnt],
        "whole": found.whole,
        "reason": found.why,
        "words": {act.hex(): word for act, word in found.words},
    }


def tell_exchanged(
    session: Session, found: dict[str, Any], sent: Sequence[Act], handed: Callable[[Act], bool]
) -> bool | None:
    """Say what an exchange came to, and what became there of the acts that were named; return whether it has them,
    None where it has not taken one. ``handed`` says of an act whether this node hands it on."""
    peer = clean(found["url"])
    if not found["whole"]:
        session.say(f"wire: {peer}: {clean(why_words(found['reason']))}", lead=[MARK["no"], " "])
        return False
    words = [(act, found["words"].get(act.id.hex(), "known" if handed(act) else HERE)) for act in sent]
    short_of = [(act, word) for act, word in words if word not in KEPT]
    gave = f"{count(len(found['given']), 'act')} given, {count(len(found['learnt']), 'act')} learnt"
    if not short_of:
        session.say(f"wire: {peer} has all that is here: {gave}", lead=MARK["yes"][0] + " ")
        return True
    session.say(f"wire: {peer}: {gave}", lead="! ")
    for act, word in short_of:
        what = WAITS.get(word, f"is refused there [{clean(word)}]")
        session.say(f"{act.kind} {short(act.id)} {what}", lead=[MARK["waits" if word in WAITS else "no"], " "])
    return None


def why_words(why: str) -> str:
    """Return why an exchange failed as people read it: the code behind what it says."""
    code, colon, detail = why.partition(": ")
    return f"{detail} [{code}]" if colon and "." in code and " " not in code else why


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
    fills = seconds is not None  # then no turn is silent: the air is asked for
    carousel = carousel_of(session, sealer, bytes(32), channel.frame_bytes, loss, constant=fills)
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
    except KeyboardInterrupt:
        if not session.as_json:
            sent = f"{count(frames, 'frame')}, {bytes_sent:,} bytes"
            session.say(f"radio: {sent}: stopped{'' if fills else ', and that is not enough'}", lead="! ")
        raise
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
        session.check_out(out)  # of what lies there nobody may have a second copy: other orders, which no ledger has
        if out.suffix.lower() in PICTURES:
            what = f"{out} would be no {out.suffix.lower()[1:].upper()}: it is a page to print, or a file to carry."
            raise Problem(
                USAGE, what, f"Name a page, --out {out.stem}.html, and print that; or --out {out.stem}.dispatch."
            )
    files = [out for out in outs if out.suffix.lower() not in SHEETS]
    bundles = list(bundles_here(session, node)) if files else []
    for out in outs:
        if out not in files:
            sheet = sheets.sheet(envelopes, parts, sealer=sealer, names=name_in(session, node), language=language)  # type: ignore[arg-type]
            write_atomically(out, sheets.html(sheet).encode())
        else:
            sealers = [sealer] if sealer else []
            write_atomically(out, couriering.file(envelopes, parts=parts, bundles=bundles, sealers=sealers))
        session.say(f"courier: {out} holds {count(len(envelopes) + len(parts), 'act')}", lead="✓ ")
    session.answer(files=[str(out) for out in outs])
    return True


def bundles_here(session: Session, node: Node) -> "Iterator[Bundle]":
    """Yield what lets a receiver catch up, of each party whose home ledger is here, with those that it had before: up
    to the newest entry, where the ledger is kept here and a new stamp can say so, else as far as it is published."""
    for party in sorted(node.registry.registers):
        books = couriering.homes_of(party, session.all_books())
        if lacking := home_lacking(party, session.all_books()):
            do = f"take a copy of {clean(lacking)}, and make the file anew: ledger take"
            session.say(f"courier: {moved_words(session, party, books)}; {do}", lead="! ")
        try:
            if books:
                yield bundle_of(session, party, books)
        except Missing as missing:
            origin = books[0].ledger.origin
            what = f"the file lets nobody catch up from {clean(origin)}: {clean(missing.detail)}"
            session.say(f"courier: {what} [{missing.reason}]", lead="! ")


def home_lacking(party: bytes, books: "Iterable[Book]") -> str:
    """Return the origin of the ledger that is not here, and without which nothing that a moved party decided in its new
    home is proven to a receiver: the first home that is lacking. Empty where none lacks, or no home is here at all."""
    registers = {one.depositary: one.registry.registers[party] for one in books if party in one.registry.registers}
    lacking = couriering.home_lacking(registers)
    was_home = any(register.spines.tenures for register in registers.values())
    return lacking.origin if lacking and was_home else ""


def moved_words(session: Session, party: bytes, homes: "Sequence[Book]") -> str:
    """Return what a file lacks of a party that has moved, and what it comes to."""
    if homes:
        return f"the file shows {session.called(party)} only up to its move: its home since then is not here"
    return f"the file shows nothing of {session.called(party)}: its home before the move is not here"


def bundle_of(session: Session, party: bytes, books: "Sequence[Book]") -> "Bundle":
    """Return what lets a receiver catch up with a party, whose home now is the first of these. Raises
    :class:`Missing`."""
    try:
        return couriering.catching_up(party, [ledger_of(session, book) for book in books])
    except Missing as missing:
        if missing.reason != "witness.quorum":
            raise
        try:  # the witnesses may be cut off, too: then what they saw last
            return couriering.catching_up(party, [book.as_published() for book in books])
        except (Missing, WorkspaceError):
            raise missing from None


def ledger_of(session: Session, book: "Book") -> "Ledger":
    """Return a ledger to export from: with a new stamp, where one can be written. Raises :class:`Missing`."""
    from pourparler.cli.exporting import as_ledger

    ledger: Ledger | None = None
    try:
        ledger = as_ledger(session, book)
    except (Problem, KeyTrouble) as trouble:  # the order goes all the same, with what is stamped already
        session.say(f"courier: no new stamp: {clean(trouble.what)}", lead="! ")
        with contextlib.suppress(WorkspaceError):
            ledger = book.as_published()
    if ledger is None:
        raise Missing("witness.quorum", "its witnesses have cosigned nothing of it yet")
    return ledger


def name_in(session: Session, node: Node) -> Any:
    """Return what names an id on a sheet: what people here call it, or a party's own title."""

    def called(identifier: bytes) -> str:
        given = session.workspace.name_of(identifier)
        register = node.registry.registers.get(identifier)
        return given or (clean(register.spines.party.name) if register else "")

    return called
