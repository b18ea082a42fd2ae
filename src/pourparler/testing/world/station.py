"""A station: a place with a real node, real exchanges with its peers, and a real receiver beside the radio.

A traitor's station runs the same code, so that he knows what he betrays; what he does with it says his
:class:`~pourparler.testing.world.plan.Treason`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pourparler.core.act import Power, parse_act
from pourparler.core.council import Depositary
from pourparler.core.encoding import decode, encode
from pourparler.core.errors import PourparlerError
from pourparler.dispatch.exchange import Exchange, Word
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.frame import Part
from pourparler.dispatch.parcel import Batch, batch, read_object
from pourparler.dispatch.peers import Peer, Peers
from pourparler.dispatch.receiver import Bundle, Envelope, Heard, Receiver
from pourparler.ports import StoreError
from pourparler.service.books import BEGINNINGS, Copy, parse_copy
from pourparler.service.intake import Intake
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, Freshness, Shown, Standing, State, Taken
from pourparler.service.wire import NodeHolding, word_of
from pourparler.store.memory import MemoryStore
from pourparler.store.node import NodeStore
from pourparler.store.pools import POOL
from pourparler.testing.keys import Key
from pourparler.testing.world.chance import Chance
from pourparler.testing.world.depositary import NAME as DEPOSITARY
from pourparler.testing.world.depositary import ORIGIN, as_bytes, as_count, blobs
from pourparler.testing.world.disk import Disk, PowerCut, SyncFailed
from pourparler.testing.world.places import Place
from pourparler.testing.world.plan import Happens, Treason, committees
from pourparler.testing.world.timeline import HOUR, MINUTE

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

HIDDEN_KINDS = frozenset({"dismiss", "urgent-dismiss", "suspend", "elect", "revoke"})
OLD_MESSAGES = 30
DELAY_HOURS = 5
FILE_ACTS = 200
SEVERAL, MESSAGE_ACTS = 8, 5
EXCHANGE_MINUTES = 5  # after which it is over, whatever has come of it
POOL_ROWS = 512  # of all peers together in one pool: fewer than a node has room for, so that a flood fills it
PULLED_MAX_BYTES = 2**24


class DiskNodeStore(NodeStore):
    """What a node keeps beside its journal, on a disk whose power may go just before a commit."""

    def __init__(self, disk: Disk) -> None:
        self.disk: Disk | None = None
        super().__init__(None, pool=replace(POOL, rows=POOL_ROWS))
        self.disk = disk

    def _before_commit(self) -> None:
        if self.disk is not None:
            try:
                self.disk.touch()
            except SyncFailed:
                self._failed = True  # as the file itself notes it, of SQLite's errors
                raise

    @property
    def failed(self) -> bool:
        """Whether a sync has failed since it was opened."""
        return self._failed

    def reopen(self) -> None:
        """Be opened by a new process."""
        self._failed = False
        self._undone()

    def close(self) -> None:
        """Do nothing: what is in memory stays for whoever starts again."""

    def copy(self) -> "DiskNodeStore":
        """Return a copy of what is stored now."""
        other = DiskNodeStore(Disk())
        other.become(self)
        return other

    def become(self, other: "DiskNodeStore") -> None:
        """Hold what another store holds."""
        other._database.backup(self._database)  # noqa: SLF001  two of one kind
        self._undone()


class Hands(NodeHolding):
    """The node as its exchange has it; what a traitor hides he never takes."""

    def __init__(self, station: "Station", node: Node) -> None:
        super().__init__(node)
        self.station = station

    def take(self, envelopes: Sequence[bytes], peer: str) -> list[Word]:
        return [word_of(taken) for taken in self.station.take_many(envelopes, "wire", peer)]


class Station(Place):
    """One node and what carries acts to it. ``peers`` are those it exchanges with, ``pulls`` whether it copies the home
    ledger as well."""

    def __init__(self, world: "World", name: str) -> None:
        super().__init__(world, name)
        self.treason = world.plan.treason(name)
        self.key = Key.from_name(f"node {name} {world.plan.seed}")
        self.chance = world.chance.of(f"station {name}")
        self.pulls = name in world.plan.pullers
        self.beside = DiskNodeStore(self.disk)
        self.beside_yesterday: DiskNodeStore | None = None
        self.peers = Peers([Peer(one, pinned=one == "council") for one in neighbours(world, name)])
        self.node: Node | None = None
        self.exchanges: Exchange | None = None
        self.receiver: Receiver | None = None
        self.begun: list[tuple[str, bytes, int]] = []
        self.old: list[bytes] = []
        self.acknowledged: set[bytes] = set()
        self.met_both = False  # for the checker alone: whether two histories of one ledger have met here

    # Running.

    def start(self) -> None:
        origin = f"{self.name}.example/journal"
        self.node = Node(self.store, self.beside, self.key, self.clock, origin, high_water=self.high_water)
        hands = Hands(self, self.node)
        self.exchanges = Exchange(
            hands, self.chance.of(f"start {self.world.timeline.now}"), self.clock, heard=self.peers.learnt
        )
        self.receiver = Receiver(self.node.dispatch_keys, InProcess(), tell_banned=self.node.ban)

    def open_disk(self) -> None:
        super().open_disk()
        self.beside.reopen()

    @property
    def failed(self) -> bool:
        return super().failed or self.beside.failed

    def stop(self) -> None:
        self.node = self.exchanges = self.receiver = None
        self.begun.clear()

    @property
    def running(self) -> Node:
        """The node while it runs."""
        assert self.node is not None
        return self.node

    @property
    def ledger(self) -> Intake | None:
        return self.node.journal if self.node else None

    @property
    def read_only(self) -> bool:
        return self.node is not None and self.node.read_only is not None

    def came(self, channel: str, peer: str) -> Came:
        """Say how something came, and when by this machine's clock."""
        return Came(channel, peer, self.clock.now())

    def remember(self) -> None:
        super().remember()
        if any(one.what is Happens.RESTORE and one.where == self.name for one in self.world.plan.events):
            self.beside_yesterday = self.beside.copy()

    # Taking.

    def hear(self, what: str, source: str, data: bytes) -> None:
        try:
            self._hear(what, source, data)
        except PourparlerError:
            return  # bytes that were spoilt on the way, or that never were anything
        except StoreError as error:
            self.world.trace.note(self.name, f"could not take {what} from {source}: {type(error).__name__}")

    def _hear(self, what: str, source: str, data: bytes) -> None:
        match what:
            case "exchange":
                self.answer(source, data)
            case "act":
                self.take(data, "wire", source)
            case "frame":
                self.hear_frame(data)
            case "file":
                self.take_file(source, data)
            case "pulled":
                self.take_pulled(source, data)
            case _:
                self.world.letters(self.name, what, data)

    def take(self, envelope: bytes, channel: str, peer: str) -> Taken:
        """Take an act; what a traitor hides he never has."""
        return self.take_many([envelope], channel, peer)[0]

    def take_many(self, envelopes: Sequence[bytes], channel: str, peer: str) -> list[Taken]:
        """Take acts that came in one message."""
        hides = self.treason is Treason.SELECTIVE
        hides_these = [hides and hidden(envelope) for envelope in envelopes]
        others = [envelope for envelope, hide in zip(envelopes, hides_these, strict=True) if not hide]
        taken = self.running.take_many(others, self.came(channel, peer)) if others else []
        for one in taken:
            self.note(one, channel, peer)
        answers = iter(taken)
        return [Taken(State.REFUSED, b"", "treason") if hide else next(answers) for hide in hides_these]

    def note(self, taken: Taken, channel: str, peer: str) -> None:
        """Write down what was acknowledged."""
        if taken.state is State.NEW:
            name = self.world.names.get(taken.act, "an act")
            self.world.trace.note(self.name, f"takes {name} {taken.act.hex()[:8]} from {peer or channel}")
        if taken.kept or taken.works:
            told = self.world.truth.told.setdefault(self.name, {})
            if taken.kept:
                told.setdefault(taken.act, self.world.timeline.now)

    def keep(self, envelope: bytes) -> bool:
        """Take what somebody beside this machine says; return whether it was taken, whatever became of it."""
        if not self.up or self.still:
            return False
        try:
            self.take(envelope, "here", "")
        except StoreError:
            if self.failed:
                self.world.failing(self)
            return False
        except PowerCut:
            self.world.crash(self)
            return False
        return not self.read_only

    def hear_frame(self, frame: bytes) -> None:
        """Take what a frame brings."""
        assert self.receiver is not None
        for heard in self.receiver.hear(frame, float(self.world.timeline.seconds), "radio"):
            self.take_heard(heard)

    def take_heard(self, heard: Heard) -> None:
        match heard:
            case Envelope(data):
                self.take(data, "radio", "")
            case Part(payload, kid, signature):
                self.note(self.running.take_part(payload, kid, signature, self.came("radio", "")), "radio", "")
            case Bundle(data):
                self.running.take_bundle(data, self.came("radio", ""))

    # Exchanging.

    def exchange(self) -> None:
        """Begin an exchange with some of the peers, having ended those before; see soon what becomes of them."""
        self.end_exchanges()
        self.begin_exchanges()
        self.world.timeline.after(EXCHANGE_MINUTES * MINUTE, lambda: self.does(self.end_exchanges))

    def end_exchanges(self) -> None:
        """See what became of the exchanges that were begun here."""
        assert self.exchanges is not None
        for name, begun, since in self.begun:
            done = self.exchanges.end(name, begun)
            if done.whole:
                self.peers.asked(name)
            if done.whole and not done.withheld:
                self.world.checker.exchanged(self, name, since)
            if done.withheld:
                self.peers.broke_promise(name)
        self.begun.clear()

    def begin_exchanges(self) -> None:
        """Begin an exchange with some of the peers, and ask for what is new in the home ledger."""
        assert self.exchanges is not None
        if self.treason is Treason.MUTE:
            return
        plan = self.world.plan
        asks = plan.quiet_asks if self.world.timeline.now >= plan.quiet else plan.asks
        for peer in self.peers.round(self.chance, max(asks, plan.asks)):
            first = self.exchanges.begin(peer.name)
            self.begun.append((peer.name, first, self.world.timeline.now))
            self.send(peer.name, first)
        if self.pulls:
            asked = encode({"from": self.running.home_size(self.home)})
            self.world.network.send(self.name, DEPOSITARY, "pull", asked)

    def answer(self, source: str, data: bytes) -> None:
        """Answer a peer's message, each traitor in his way."""
        assert self.exchanges is not None
        answers = self.exchanges.answer(data, source)
        match self.treason:
            case Treason.MUTE:
                return
            case Treason.LIES:
                answers = [self.chance.bytes(max(1, len(answer))) for answer in answers]
            case Treason.REPLAYS:
                self.old = [*self.old[-OLD_MESSAGES:], *answers]
                answers = [self.chance.pick(self.old) for _ in answers]
            case _:
                pass
        for answer in answers:
            self.send(source, answer)

    def send(self, target: str, data: bytes) -> None:
        if self.treason is Treason.DELAYS:
            timeline = self.world.timeline
            timeline.after(DELAY_HOURS * HOUR, lambda: self.world.network.send(self.name, target, "exchange", data))
        else:
            self.world.network.send(self.name, target, "exchange", data)

    # Homes and files.

    @property
    def home(self) -> Depositary:
        """The ledger at which both parties are at home."""
        return Depositary(ORIGIN, self.world.depositary.key.public_key)

    def file(self) -> bytes:
        """Return what a courier takes from here: the copy of the home ledger, or else the acts of this node."""
        if not self.up or self.failed or self.treason is not None or self.read_only:
            return b""
        held = self.running.holdings.homes.copies.get(self.home)
        if held is not None:
            return Copy(self.home, held.note, tuple(self.home_entries()), ()).encoded()
        acts = self.running.acts([act.id for act in self.running.every()])
        return batch(acts[-FILE_ACTS:]) if acts else b""

    def home_entries(self) -> list[bytes]:
        """Return the entries of the home ledger that are copied here."""
        return self.beside.home_entries(self.home.origin, self.home.key)

    def take_file(self, source: str, data: bytes) -> None:
        """Take what a courier brought: a copy of the home ledger, or a batch of acts."""
        if data.startswith(BEGINNINGS):
            pairs = list(zip(self.home_entries(), parse_copy(data).entries, strict=False))
            self.shown(source, self.running.take_bundle(data, self.came("courier", source)))
            differ = any(ours != theirs for ours, theirs in pairs)
            self.met_both |= differ and not self.read_only  # nor where the disk failed: nothing was taken then
            return
        found = read_object(data)
        for envelope in found.envelopes if isinstance(found, Batch) else ():
            self.take(envelope, "courier", source)

    def take_pulled(self, source: str, data: bytes) -> None:
        """Take entries of the home ledger that were pulled."""
        value = decode(data, most_bytes=PULLED_MAX_BYTES)
        try:
            assert isinstance(value, dict)
            start, note = as_count(value["from"]), as_bytes(value["note"])
            entries, texts = blobs(value["entries"]), blobs(value["texts"])
        except (AssertionError, KeyError, TypeError):
            return  # spoilt on the way
        came = self.came("wire", source)
        self.shown(source, self.running.take_home(self.home, start, entries, note, came, texts=texts))

    def shown(self, source: str, shown: Shown) -> None:
        if shown.reason:
            self.world.trace.note(self.name, f"home from {source}: {shown.reason}")

    def home_has(self, act: bytes) -> bool:
        """Return whether the home ledger is copied here with an act in it."""
        held = self.running.holdings.homes.copies.get(self.home)
        return held is not None and act in held.registry.outcomes

    # What the checker asks.

    def acknowledge(self) -> None:
        """Let the holder at this place say that the dismissal has reached him."""
        people = self.world.people
        mandate = next((one.mandate for one in people.committees if one.place == self.name), b"")
        key = next((one.key for one in people.committees if one.place == self.name), None)
        ended = self.world.truth.ended.get(people.general.mandate)
        if (
            ended
            and key
            and ended.act in self.world.truth.told.get(self.name, {})
            and ended.act not in self.acknowledged
        ):
            self.acknowledged.add(ended.act)
            self.running.acknowledge(key, mandate, ended.act)

    def standing(self, mandate: bytes, power: Power) -> Standing:
        """Ask the node about a mandate."""
        return self.running.standing(mandate, power)

    def freshness(self) -> Freshness:
        """Ask the node how current it is about our party."""
        return self.running.freshness(self.world.people.ours)

    def holds(self, act: bytes) -> bool:
        return bool(self.running.acts([act]))

    def has_taken(self, act: bytes) -> bool:
        """Return whether the node has acknowledged an act."""
        return act in self.world.truth.told.get(self.name, {})

    def rows_of_one(self, pool: str) -> int:
        """Return how many rows one owner has in a pool, at most."""
        owned = f"SELECT coalesce(max(c), 0) FROM (SELECT count(*) AS c FROM {pool} GROUP BY owner)"  # noqa: S608
        return int(self.beside._one(owned)[0])  # noqa: SLF001  the checker's own look

    def reports_fork(self) -> bool:
        """Return whether the node accuses the home ledger of two histories."""
        return any(proof.kind == "home" for proof in self.beside.proofs())

    def fed_again(self, chance: Chance) -> "Fresh":
        """Return a new node that was fed with all that this one knows, in another order."""
        return Fresh(self, chance)


@dataclass(frozen=True)
class Standstill:
    """A clock that shows the time by which another node judges: a fold is a function of acts and of time."""

    time: int

    def now(self) -> int:
        return self.time


class Fresh:
    """A node that has just begun, and heard everything at once in an order of chance."""

    def __init__(self, station: Station, chance: Chance) -> None:
        old = station.running
        acts = old.acts([*(act.id for act in old.every()), *old.loose()])
        self.node = Node(MemoryStore(), NodeStore(None), station.key, Standstill(old.now()), "again.example/journal")
        mixed, number = list(chance.some(acts, len(acts))), 0
        while mixed:  # from several: what one may leave is bounded
            size = 1 + number % MESSAGE_ACTS
            self.node.take_many(mixed[:size], station.came("wire", f"another {number % SEVERAL}"))
            mixed, number = mixed[size:], number + 1
        held = old.holdings.homes.copies.get(station.home)
        if held is not None:
            self.node.take_home(station.home, 0, station.home_entries(), held.note, station.came("wire", "home"))

    def standing(self, mandate: bytes, power: Power) -> Standing:
        return self.node.standing(mandate, power)


def hidden(envelope: bytes) -> bool:
    """Return whether an act is one that a traitor would rather nobody heard of."""
    try:
        return parse_act(envelope).kind in HIDDEN_KINDS
    except PourparlerError:
        return False


def neighbours(world: "World", name: str) -> list[str]:
    """Return with whom a node exchanges: everybody with the relays, the council with nobody else but the general, who
    stands between it and the committees; these with each other."""
    plan = world.plan
    relays = [f"relay-{number}" for number in range(plan.relays)]
    bodies = list(committees(plan))
    near = {"council": ["general", *relays], "general": ["council", *relays, *bodies], "counterpart": relays}
    near |= {body: ["general", *relays, *bodies] for body in bodies}
    found = near.get(name, list(plan.places))
    return [one for one in found if one != name]
