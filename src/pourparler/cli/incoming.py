"""``pourparler dispatch receive``: what it listens on until it is told to stop, and what it says of what comes."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pourparler.cli.channels import Dice
from pourparler.cli.nodes import act_alone, is_couriers
from pourparler.cli.serving import print_log, serve_routes
from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, Problem
from pourparler.cli.verify import read_beginning, read_file
from pourparler.cli.words import clean, count, short
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Verdict
from pourparler.dispatch import courier
from pourparler.dispatch.courier import Account
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
            return f"{came.channel}: {words_of(taken, kind)}"
        case News(Shown() as shown, came):
            return f"{came.channel}: {bundle_words(shown)}"
        case Trouble(channel, what):
            return f"{channel}: {clean(what)}; trying again"
        case Exchanged() as found:
            if found.whole and not (found.learnt or found.given):
                return ""
            gave = f"{len(found.given)} given, {len(found.learnt)} learnt"
            return f"wire: {clean(found.peer)}: {gave}{'' if found.whole else f', not whole: {clean(found.why)}'}"
    return ""


@dataclass(slots=True)
class Read:
    """What was read of files and photos: how much of it was bad, whether something is missing, and what ``--json``
    says of each."""

    bad: int = 0
    missing: bool = False
    files: list[dict[str, str]] = field(default_factory=list)
    acts: list[dict[str, Any]] = field(default_factory=list)
    bundles: list[dict[str, Any]] = field(default_factory=list)
    parties: list[dict[str, Any]] = field(default_factory=list)

    def file(self, path: Path, reason: str = "", what: str = "") -> None:
        self.files.append({"name": str(path), "reason": reason, "what": what})

    def note(self, found: Delivered) -> None:
        for taken in found.taken:
            kind = found.kinds.get(taken.act, "")
            self.acts.append({"id": taken.act, "kind": kind, "state": taken.state.value, "reason": taken.reason})
        self.bundles += [{"acts": dict(shown.acts), "reason": shown.reason} for shown in found.shown]
        for account in found.accounts:
            told = {"whole": account.whole.value, "reason": account.reason, "missing": account.missing}
            self.parties.append({"party": account.party, **told, "shown": account.shown, "stated": account.stated})
            self.missing |= account.whole is courier.Whole.MISSING


def from_courier(session: Session, node: Node, files: Sequence[Path]) -> int | None:
    """Take what files and photos hold. Exit code 1 where a code on paper is forged or cannot be read, a file was
    changed or is none: whoever carries several may have put a bad one before the others, which are read all the same.
    Exit code 2 where something is missing."""
    from pourparler.dispatch.fountain import Worker

    came = Came("courier", "", WallClock().now())
    photos: list[Path] = []
    read = Read()
    with Worker() as decoder:
        for path in files:
            try:
                if is_picture(path):
                    photos.append(path)
                    continue
                found = deliver_file(session, node, path, decoder, came)
            except (PourparlerError, Problem) as error:
                if len(files) == 1 and isinstance(error, Problem):
                    raise
                read.bad += 1
                read.file(path, error.reason, tell_bad(session, path, error))
                continue
            read.note(found)
            read.bad += (bad := tell_delivered(session, node, path.name, found))
            read.file(path, reason_of(found) if bad else "")
        if photos:
            images = ((str(path), read_beginning(path, limits.IMAGE_MAX_BYTES, "a photo")) for path in photos)
            found = couriering.deliver_sheets(node, images, decoder, came)
            read.note(found)
            read.bad += tell_delivered(session, node, "the sheet", found)
            for path in photos:
                worst = next((code for code in found.bad if code.image == str(path)), None)
                read.file(path, worst.reason if worst else "", worst.detail if worst else "")
    session.answer(
        bad=read.bad, entries=node.journal.size, files=read.files, acts=read.acts, bundles=read.bundles,
        parties=read.parties,
    )  # fmt: skip
    said = f"courier: read {count(len(files), 'file')}; {read.bad} bad{'; something is missing' * read.missing}"
    session.say(said, lead="! " if read.bad or read.missing else "✓ ")
    return INVALID if read.bad else CANNOT_TELL if read.missing else None


def tell_bad(session: Session, path: Path, error: PourparlerError | Problem) -> str:
    """Say why a file is none; return it. What a decoder of CBOR says of its bytes helps nobody who carries files."""
    what = str(error) if isinstance(error, Problem) else error.detail or error.reason
    if error.reason.startswith("cbor."):
        what = "damaged, or not copied to its end"
    code = f" [{error.reason}]" if error.reason else ""
    session.say(f"courier: {clean(path.name)}: {clean(what)}{code}", lead=[MARK["no"], " "])
    return what


def deliver_file(session: Session, node: Node, path: Path, decoder: "Decoder", came: Came) -> Delivered:
    """Bring a file to the node: a courier's, or an act as it travels from desk to desk."""
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "an act")
    if is_couriers(data):
        return couriering.deliver(node, data, decoder, came, known_parties(session))
    return couriering.deliver_acts(node, [act_alone(path, data)], came)


def known_parties(session: Session) -> dict[bytes, str]:
    return dict(session.workspace.settings.trust)


def tell_delivered(session: Session, node: Node, name: str, found: Delivered) -> int:
    """Say what a delivery brought; return how much of it was bad."""
    for taken in found.taken:
        session.say(f"courier: {words_of(taken, found.kinds.get(taken.act, ''))}")
    for shown in found.shown:
        session.say(f"courier: {bundle_words(shown)}")
    for account in found.accounts:
        tell_account(session, node, account)
    for code in found.bad:
        session.say(f"courier: {clean(code.named())}: {clean(code.detail)} [{code.reason}]", lead=[MARK["no"], " "])
    for seal, reason in found.seals:
        tell_seal(session, name, seal, reason)
    refused = sum(taken.state is State.REFUSED for taken in found.taken)
    false = sum(report.verdict is Verdict.INVALID for report in found.reports)
    other = sum(account.whole is courier.Whole.CONTRADICTED for account in found.accounts)
    bad = len(found.bad) + refused + false + other
    return bad or int(is_broken(found))  # a broken seal is one with whatever it shows


def is_broken(found: Delivered) -> bool:
    return any(reason == "courier.seal" for _, reason in found.seals)


def reason_of(found: Delivered) -> str:
    """Return the reason why a delivery is bad: that it was changed, before what the change has spoilt."""
    if is_broken(found):
        return "courier.seal"
    refused = [taken.reason for taken in found.taken if taken.state is State.REFUSED]
    false = [report.reason for report in found.reports if report.verdict is Verdict.INVALID]
    other = [one.reason for one in found.accounts if one.whole is courier.Whole.CONTRADICTED]
    return next(iter((*refused, *false, *other)), "")


def words_of(taken: Taken, kind: str) -> str:
    """Return what became of an act, in words."""
    why = f" [{taken.reason}]" if taken.reason else ""
    works = ", and it works already" if taken.works else ""
    what = f"{kind} {short(taken.act)}".strip() if taken.act else "bytes"
    return f"{what} {state_words(taken.state.value)}{works}{why}"


def bundle_words(shown: Shown) -> str:
    """Return what came of a bundle, in words."""
    if shown.reason:
        return f"a bundle: {clean(shown.detail or 'nothing of it is taken')} [{shown.reason}]"
    (state, first), *rest = shown.acts.items() or [(State.NEW.value, 0)]
    each = [f"{count(first, 'act')} {state_words(state)}", *(f"{many} {state_words(state)}" for state, many in rest)]
    return f"a bundle: {', '.join(each)}"


def state_words(state: str) -> str:
    return "known already" if state == State.KNOWN.value else state


def tell_account(session: Session, node: Node, account: Account) -> None:
    """Say whether something is missing: loudly where it is, and quietly where only nobody can tell."""
    if not account.reason:
        return
    register = node.registry.registers.get(account.party)
    whose = f"{clean(register.spines.party.name)} {short(account.party)}" if register else short(account.party)
    said = f"courier: of {whose} {count(account.shown, 'act')} {'is' if account.shown == 1 else 'are'} shown"
    code = f" [{account.reason}]"
    match account.whole:
        case courier.Whole.MISSING if account.missing:
            first, last = account.missing
            which = f"act {first} is" if first == last else f"acts {first} to {last} are"
            session.say(f"{said}, and {which} missing{code}", lead="! ")
        case courier.Whole.MISSING:
            of = f" of {account.stated}" if account.stated is not None else ""
            session.say(f"{said}{of}: the rest was taken out{code}", lead="! ")
        case courier.Whole.CONTRADICTED:
            session.say(f"{said}, and a beacon tells another history{code}", lead=[MARK["no"], " "])
        case _ if account.reason in ("courier.no-beacon", "courier.no-bundle"):
            session.mention(f"{said}; no beacon says whether there are more{code}")
        case _:
            session.say(f"{said}: {account.whole.value} whether these are all{code}", lead="! ")


def tell_seal(session: Session, name: str, seal: courier.Seal, reason: str) -> None:
    match reason:
        case "":
            session.mention(f"courier: {clean(name)} is as {short(seal.key)} sealed it for {short(seal.party)}")
        case "courier.seal":
            what = "was changed after it was sealed; what verifies was taken"
            session.say(f"courier: {clean(name)} {what} [{reason}]", lead=[MARK["no"], " "])
        case _:
            what = f"the seal of {short(seal.key)} says nothing: nobody here knows the key"
            session.say(f"courier: {clean(name)}: {what} [{reason}]", lead="! ")


def is_picture(path: Path) -> bool:
    """Return whether a file begins as an image does. Raises :class:`Problem` for a pipe or a device: whoever put it
    there would hold its reader for ever."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise Problem(INPUT, f"{path} is no ordinary file.", "Name a courier's file, an act or a photo.")
    begins = read_beginning(path, 12, "a file or a photo")
    return begins.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")) or begins[8:] == b"WEBP"
