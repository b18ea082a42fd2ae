"""What goes into a courier's file, and what a node makes of one that came: by hand, on paper. ``spec/courier.md``.

Out: the acts to send, and for each party whatever lets a receiver who has slept catch up (:func:`catching_up`). In:
every act, part, bundle and frame goes to the node as if it had been heard, and is judged there; what the carrier did to
it is said beside (:class:`Delivered`).
"""

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pourparler.core import authority
from pourparler.core.act import parse_act
from pourparler.core.authority import Register
from pourparler.core.council import Depositary, read_depositary
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Bundle, Claim, Report, Trust, Verdict
from pourparler.core.ledger import Policy
from pourparler.core.registry import Registry
from pourparler.dispatch import courier, sheets
from pourparler.dispatch.courier import Account, Contents, Seal, Sending
from pourparler.dispatch.fountain import Decoder
from pourparler.dispatch.frame import Part
from pourparler.dispatch.receiver import Bundle as BundleHeard
from pourparler.dispatch.receiver import Envelope, Heard, Receiver
from pourparler.dispatch.sheets import Seen
from pourparler.ports import Signer
from pourparler.service.export import Ledger, assemble
from pourparler.service.node.homes import read_bundle
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, Shown, State, Taken

L = TypeVar("L", bound=Ledger)

# --- out --------------------------------------------------------------------------------------------------------------


def catching_up(party: bytes, ledgers: Sequence[Ledger]) -> Bundle:
    """Return the bundle by which a node that knows only the party's id catches up: the claim that the party's newest
    beacon was recorded, which rests on its whole stream. Without a beacon, its founding act takes its place.

    The first ledger is the party's home now; the others are those that it had before (:func:`homes_of`). Raises
    :class:`Missing` (``unknown.party``), and what the ledger's stamp raises.
    """
    home = ledgers[0]
    with home.still() as registry:
        about = newest_beacon(registry, party)
    return assemble(Claim("recorded", home.depositary, 0, act=about), ledgers)


def homes_of(party: bytes, ledgers: Iterable[L]) -> list[L]:
    """Return the ledgers among these that are or were the party's home, the newest first, as far as its moves can be
    followed from the first; none where the first is not among them. A move counts once both ledgers have it."""
    at_hand: dict[Depositary, L] = {}
    registers: dict[Depositary, Register] = {}
    for ledger in ledgers:
        with ledger.still() as registry:
            if party in registry.registers:
                at_hand[ledger.depositary] = ledger
                registers[ledger.depositary] = registry.registers[party]
    newest_first = [one.spines.ledger for one in reversed(times_at_home(registers).values())]
    return [at_hand[home] for home in dict.fromkeys(newest_first)]


def home_lacking(registers: Mapping[Depositary, Register]) -> Depositary | None:
    """Return the first home of a party that is not among these registers of it, and without which what it decided there
    is proven to nobody; None where none lacks, or there is nothing of it."""
    times = times_at_home(registers)
    if not times:
        return next((one.spines.party.home for one in registers.values()), None)
    begun, last = next(reversed(times.items()))
    left = last.spines.tenures[begun]
    return read_depositary(left["home"]) if left else None


def times_at_home(registers: Mapping[Depositary, Register]) -> dict[bytes, Register]:
    """Return the homes that a party has had, in turn, as :func:`~pourparler.core.authority.homes_of` does."""
    party = next((one.spines.party for one in registers.values()), None)
    return authority.homes_of(party, registers.get) if party else {}


def newest_beacon(registry: Registry, party: bytes) -> bytes:
    """Return the id of a party's newest beacon, else that of its founding act. Raises :class:`Missing`."""
    register = registry.register(party)
    newest = max(register.beacons, key=lambda beacon: (beacon.act["count"], beacon.act["at"]), default=None)
    return newest.act.id if newest is not None else party


def file(
    acts: Iterable[bytes],
    *,
    parts: Iterable[tuple[bytes, bytes, bytes]] = (),
    bundles: Iterable[Bundle] = (),
    sealers: Iterable[tuple[bytes, Signer]] = (),
) -> bytes:
    """Return a courier's file. Raises as :func:`courier.write`."""
    encoded = tuple(bundle.encoded() for bundle in bundles)
    return courier.write(Contents(tuple(acts), tuple(parts), encoded), sealers)


# --- in ---------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Delivered:
    """What a delivery brought. ``taken`` is what became of each act and part; ``shown`` of each bundle; ``seals`` why a
    seal is none, empty where it is good; ``accounts`` whether something is missing; ``seen`` the codes of sheets;
    ``kinds`` of which kind the acts are, by id, as far as they could be read."""

    taken: list[Taken] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    seals: list[tuple[Seal, str]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    kinds: dict[bytes, str] = field(default_factory=dict)

    def note(self, envelope: bytes) -> None:
        """Note of which kind an act is."""
        with contextlib.suppress(PourparlerError):
            act = parse_act(envelope)
            self.kinds[act.id] = act.kind

    @property
    def bad(self) -> list[Seen]:
        """The codes that were bad."""
        return [one for one in self.seen if one.reason]

    @property
    def complete(self) -> bool:
        """Whether all that the delivery speaks of is there, so far as anybody can tell."""
        whole = all(account.whole is courier.Whole.WHOLE for account in self.accounts)
        return whole and not any(reason for _, reason in self.seals)


def deliver(
    node: Node,
    data: bytes,
    decoder: Decoder,
    came: Came,
    trust: Mapping[bytes, str],
    policy: Policy | None = None,
) -> Delivered:
    """Bring a courier's file to a node; return what became of it. ``trust`` maps parties to how each was learnt; with
    a ``policy`` a bundle proves nothing that is not VALID under it, and its acts are taken as heard.

    Raises :class:`Malformed` where the file is none (steps 1 and 2), and what the node raises where its disk fails.
    """
    sending = courier.read(data)
    reports = courier.verified(sending.contents, Trust(dict(trust), policy))
    delivered = Delivered(reports=reports, accounts=courier.accounts(sending.contents, reports))
    loose = [parse_act(act).id for act in sending.contents.acts]
    held = {parse_act(act).id for act in node.acts(loose)}
    for bundle, report in zip(sending.contents.bundles, reports, strict=True):
        proves = policy is None or report.verdict is Verdict.VALID
        delivered.shown.append(node.take_bundle(bundle, came) if proves else take_unproven(node, bundle, report, came))
    take_all(node, sending.contents.acts, sending.contents.parts, came, delivered)
    delivered.taken = [news_of_bundle(taken, held) for taken in delivered.taken]
    bring_frames(node, sending.contents.frames, decoder, came, delivered)
    delivered.seals += [(seal, why_not(sending, seal, node)) for seal in sending.seals]
    return delivered


def take_unproven(node: Node, bundle: bytes, report: Report, came: Came) -> Shown:
    """Bring the acts of a bundle to a node, and not what it shows of a home: the witnesses that are asked for have not
    seen it. Bad news is true all the same."""
    step = next(step for step in report.steps if step.verdict is not Verdict.VALID)
    try:
        _, acts = read_bundle(bundle, node.follows)
    except PourparlerError:
        acts = []
    states = Counter(taken.state.value for taken in node.take_many(acts, came))
    return Shown(acts=dict(states), reason=step.reason, detail=step.detail)


def news_of_bundle(taken: Taken, held: Collection[bytes]) -> Taken:
    """Return what became of an act that a bundle of the same file may have brought first: it is news all the same."""
    is_news = taken.state is State.KNOWN and taken.act not in held
    return replace(taken, state=State.NEW) if is_news else taken


def deliver_acts(node: Node, envelopes: Sequence[bytes], came: Came) -> Delivered:
    """Bring acts that travel by themselves, each a file of one act; return what became of them."""
    delivered = Delivered()
    take_all(node, envelopes, (), came, delivered)
    return delivered


def take_all(
    node: Node, envelopes: Sequence[bytes], parts: Iterable[courier.PartRow], came: Came, delivered: Delivered
) -> None:
    for envelope in envelopes:
        delivered.note(envelope)
    delivered.taken += node.take_many(envelopes, came)
    for part in parts:
        delivered.note(courier.act_of(part))
        delivered.taken.append(node.take_part(*part, came))


def why_not(sending: Sending, seal: Seal, node: Node) -> str:
    """Return the reason why a seal says nothing, empty where it is good. The file itself may have said whose key it is,
    so this is asked last."""
    try:
        courier.check_seal(sending, seal, node.dispatch_keys())
    except PourparlerError as error:
        return error.reason
    return ""


def deliver_sheets(node: Node, images: Iterable[tuple[str, bytes]], decoder: Decoder, came: Came) -> Delivered:
    """Bring photographs of sheets to a node, each with its name; return what became of what is on them.

    Raises as :func:`sheets.read`, and what the node raises where its disk fails.
    """
    delivered = Delivered(seen=sheets.read(images, node.dispatch_keys()))
    bring_frames(node, sheets.good(delivered.seen), decoder, came, delivered)
    return delivered


def bring_frames(node: Node, frames: Iterable[bytes], decoder: Decoder, came: Came, delivered: Delivered) -> None:
    """Bring frames to a node by way of a receiver, which makes acts whole. Unlike a radio, paper waits: no frame is
    dropped for want of time."""
    receiver = Receiver(node.dispatch_keys, decoder, tell_banned=node.ban)
    for number, frame in enumerate(frames):
        for heard in receiver.hear(frame, float(number), came.peer):
            bring(node, heard, came, delivered)


def bring(node: Node, heard: Heard, came: Came, delivered: Delivered) -> None:
    match heard:
        case Envelope(data):
            take_all(node, [data], (), came, delivered)
        case Part(payload, kid, signature):
            take_all(node, (), [(payload, kid, signature)], came, delivered)
        case BundleHeard(data):
            delivered.shown.append(node.take_bundle(data, came))
