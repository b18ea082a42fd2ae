"""What a node was shown of parties' home ledgers: copies that grow, and evidence. Specification: ``spec/node.md`` 4.

Good news works when it is proven, and the proof is the home's: its signed checkpoint, the entries under it, and a stamp
that states the party's stream as we have folded it. What is shown so judges between siblings
(:class:`~pourparler.core.authority.HomeView`); what is shown with a gap judges nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.authority import HomeView, Register
from pourparler.core.council import Depositary
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.evidence import Trust, Verification, fold, ledger_key, parse_bundle, prove
from pourparler.core.ledger import Statement, leaf_hash, open_checkpoint, root_of
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry, parse_entry
from pourparler.store.node import NodeStore

HOME_FORKED = "home"  # the kind of proof
BUNDLED_MAX = 64  # ledgers of bundles in memory, before those that the store keeps are read again
PLACELESS = Verification(Trust({}), None)  # follows a party through its moves as evidence does


@dataclass(slots=True)
class Ledger:
    """One ledger as far as it is shown: its fold, its newest checkpoint, and the newest head stated of each stream."""

    depositary: Depositary
    registry: Registry
    texts: dict[bytes, Text] = field(default_factory=dict)
    note: bytes = b""
    leaves: list[bytes] = field(default_factory=list)  # of a copy: its entries' hashes
    held_bytes: int = 0
    stated: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    time: int = 0

    def is_home_of(self, party: bytes) -> bool:
        """Return whether this is or was the party's home."""
        register = self.registry.registers.get(party)
        return register is not None and bool(register.spines.tenures)

    def shows(self, party: bytes) -> Register | None:
        """Return the party's register, where this is or was its home and its stream is whole up to a stated head."""
        register = self.registry.registers.get(party)
        if register is None or not self.is_home_of(party):
            return None
        stream = self.registry.streams[party]
        return register if self.stated.get(party) == (stream.count, stream.head) else None


def texts_in(texts: Iterable[bytes]) -> dict[bytes, Text]:
    """Return the texts that can be read, by digest."""
    found: dict[bytes, Text] = {}
    for data in texts:
        try:
            found[text_digest(data)] = parse_text(data)
        except PourparlerError:
            continue
    return found


class Forks(Refused):
    """A home ledger signed two histories; ``first`` and ``second`` are its two notes."""

    def __init__(self, depositary: Depositary, first: bytes, second: bytes) -> None:
        super().__init__("home.forked", f"the home ledger {depositary.origin} has signed two histories")
        self.depositary, self.first, self.second = depositary, first, second


class Homes:
    """All that was shown of home ledgers. What is taken is durable in ``store`` before it counts."""

    def __init__(self, store: NodeStore) -> None:
        self.store = store
        self.copies: dict[Depositary, Ledger] = {}
        for origin, key, _, note in store.homes():
            depositary = Depositary(origin, key)
            self.copies[depositary] = self.reloaded(depositary, note)
        self.bundled = self.reread()
        self.bundled_max = BUNDLED_MAX
        self.unkept = False  # whether a bundle was taken that may not be stored

    # What is shown.

    def ledgers(self, depositary: Depositary) -> list[Ledger]:
        """Return what is shown of a ledger."""
        copy = self.copies.get(depositary)
        return ([copy] if copy else []) + self.bundled.get(depositary, [])

    def best(self, party: bytes) -> dict[Depositary, Ledger]:
        """Return for each ledger that shows the party's stream whole what shows most of it."""
        found: dict[Depositary, Ledger] = {}
        for depositary in self.copies.keys() | self.bundled.keys():
            shown = [one for one in self.ledgers(depositary) if one.shows(party) is not None]
            if shown:
                found[depositary] = max(shown, key=lambda one: one.registry.streams[party].count)
        return found

    def view(self, party: bytes, founding: Register) -> HomeView | None:
        """Return what judges between siblings of the party; None where its home is not shown. ``founding`` is any
        register of it, to know its first home by."""
        best = self.best(party)
        registries = {depositary: ledger.registry for depositary, ledger in best.items()}
        found = PLACELESS.home_registers(founding, registries)
        return HomeView(found) if found else None

    def time(self, party: bytes) -> int | None:
        """Return the log time of the newest stamp that is shown of the party's homes."""
        return max((ledger.time for ledger in self.best(party).values()), default=None)

    # What comes in.

    def take_copy(
        self, depositary: Depositary, entries: Sequence[bytes], note: bytes, texts: Iterable[bytes]
    ) -> Ledger:
        """Take a whole copy of a ledger, or of as much as it had then. Raises :class:`PourparlerError`, and
        :class:`Forks` where it contradicts what is held."""
        held = self.copies.get(depositary)
        size = len(held.leaves) if held else 0
        common = min(size, len(entries))
        if held and [leaf_hash(entry) for entry in entries[:common]] != held.leaves[:common]:
            opened(depositary, note, [leaf_hash(entry) for entry in entries])  # only a history that the ledger signed
            raise Forks(depositary, held.note, note)
        if held and len(entries) <= size:
            return held
        return self.extend(depositary, size, entries[size:], note, texts)

    def extend(
        self, depositary: Depositary, start: int, entries: Sequence[bytes], note: bytes, texts: Iterable[bytes] = ()
    ) -> Ledger:
        """Let a copy grow by entries and the checkpoint over all of it. Raises :class:`PourparlerError`
        (``proof.root``, ``checkpoint.*``, ``note.*``, ``stamp.*``, ``node.quota``), and then nothing has changed."""
        held = self.copies.get(depositary)
        size = len(held.leaves) if held else 0
        if start != size:
            raise Refused("proof.root", f"entries from {start} on do not follow the {size} that are held")
        more, others = sum(map(len, entries)), sum(ledger.held_bytes for ledger in self.copies.values())
        if more + (held.held_bytes if held else 0) > limits.NODE_HOME_BYTES_MAX or (
            more + others > limits.NODE_HOMES_BYTES_MAX
        ):
            raise Refused("node.quota", "the copies of home ledgers would be larger than this node keeps")
        opened(depositary, note, [*(held.leaves if held else ()), *map(leaf_hash, entries)])
        ledger = held or empty(depositary)
        ledger.texts.update(texts_in(texts))
        before = ledger.note
        try:
            grown(ledger, entries, note)
            self.check_forked(ledger)
            self.store.extend_home(depositary.origin, depositary.key, start, entries, note)
        except BaseException:  # the fold holds what is not stored
            if held:
                self.copies[depositary] = self.reloaded(depositary, before)
            raise
        self.copies[depositary] = ledger
        return ledger

    def reload(self, depositary: Depositary) -> None:
        """Hold of a copy what the store holds: a transaction was undone."""
        self.copies.pop(depositary, None)
        for origin, key, _, note in self.store.homes():
            if (origin, key) == (depositary.origin, depositary.key):
                self.copies[depositary] = self.reloaded(depositary, note)

    def reloaded(self, depositary: Depositary, note: bytes) -> Ledger:
        """Return a copy as the store holds it."""
        return grown(empty(depositary), self.store.home_entries(depositary.origin, depositary.key), note)

    def take_bundle(self, data: bytes, follows: Callable[[bytes], bool]) -> tuple[list[Ledger], list[bytes]]:
        """Take an evidence bundle: return the ledgers that it shows, and its acts in their order, without those of
        parties that nobody here follows. Raises :class:`PourparlerError`."""
        if len(data) > limits.NODE_BUNDLE_BYTES_MAX:
            raise Refused("node.quota", "the bundle is larger than this node keeps")
        ledgers, acts = read_bundle(data, follows)
        for ledger in ledgers:
            self.check_forked(ledger)
        for ledger in ledgers:
            news = [party for party in ledger.registry.registers if follows(party) and self.is_more(ledger, party)]
            for party in sorted(news):
                self.store.add_bundle(sha256(party + data).digest(), party, data)
            if news:
                self.unkept = True
                self.bundled.setdefault(ledger.depositary, []).append(ledger)
        if sum(map(len, self.bundled.values())) > self.bundled_max:
            self.bundled = self.reread()
            self.bundled_max = max(BUNDLED_MAX, 2 * sum(map(len, self.bundled.values())))
        return ledgers, acts

    def is_more(self, ledger: Ledger, party: bytes) -> bool:
        """Return whether a ledger shows more of a party's stream than what is held of it, or the same at a later time:
        whoever brings old bundles again pushes out none."""

        def extent(one: Ledger) -> tuple[int, int]:
            return one.registry.streams[party].count, one.time

        held = [extent(one) for one in self.ledgers(ledger.depositary) if one.shows(party) is not None]
        return ledger.shows(party) is not None and extent(ledger) > max(held, default=(0, 0))

    def forget_unkept(self) -> None:
        """Hold of bundles what the store holds: a transaction was undone."""
        if self.unkept:
            self.bundled, self.unkept = self.reread(), False

    def reread(self) -> dict[Depositary, list[Ledger]]:
        """Return what the bundles show that the store keeps."""
        found: dict[Depositary, list[Ledger]] = {}
        for data in self.store.bundles():
            for ledger in read_bundle(data)[0]:
                found.setdefault(ledger.depositary, []).append(ledger)
        return found

    def check_forked(self, ledger: Ledger) -> None:
        """Raise :class:`Forks` where a ledger states one stream otherwise than what is held of it."""
        for held in self.ledgers(ledger.depositary):
            for party, register in ledger.registry.registers.items():
                other = held.registry.registers.get(party)
                if other is None or ledger.shows(party) is None or held.shows(party) is None:
                    continue
                common = min(len(register.heads), len(other.heads))
                if common and register.heads[common - 1] != other.heads[common - 1]:
                    raise Forks(ledger.depositary, held.note, ledger.note)


def empty(depositary: Depositary) -> Ledger:
    """Return a ledger of which nothing is shown yet."""
    texts: dict[bytes, Text] = {}
    return Ledger(depositary, Registry(depositary, texts.get, exact=True), texts)


def opened(depositary: Depositary, note: bytes, leaves: Sequence[bytes]) -> None:
    """Raise :class:`PourparlerError` unless the note is the ledger's checkpoint over these entries."""
    checkpoint = open_checkpoint(note, depositary.origin, ledger_key(depositary)).checkpoint
    if (checkpoint.size, checkpoint.root) != (len(leaves), root_of(leaves)):
        raise Refused("proof.root", "the entries are not those under the checkpoint")


def grown(ledger: Ledger, entries: Sequence[bytes], note: bytes) -> Ledger:
    """Fold entries that follow into what is shown; pass over what is not there at all. Raises :class:`Refused`
    (``stamp.*``) where the ledger contradicts itself."""
    for data in entries:
        index = len(ledger.leaves)
        ledger.leaves.append(leaf_hash(data))
        ledger.held_bytes += len(data)
        try:
            read = parse_entry(data)
            if isinstance(read, Statement):
                ledger.registry.state(read, ledger.registry.moment_of(index))
            else:
                ledger.registry.enter(read, index)
        except PourparlerError as error:
            if error.reason.startswith("stamp."):
                raise
            continue
        if isinstance(read, Act) and read.issuer is Issuer.LEDGER:
            note_stated(ledger)
    ledger.note = note
    return ledger


def note_stated(ledger: Ledger) -> None:
    """Remember what the newest stamp states. Raises :class:`Refused` (``stamp.contradiction``) where it counts back."""
    stamp = ledger.registry.stamp
    if stamp is None:
        return
    ledger.time = max(ledger.time, stamp.time)
    for stream, (count, head) in stamp.streams.items():
        before = ledger.stated.get(stream, (0, stream))
        if count < before[0] or (count == before[0] and head != before[1]):
            raise Refused("stamp.contradiction", "two stamps of the ledger contradict each other")
        ledger.stated[stream] = (count, head)


def read_bundle(data: bytes, follows: Callable[[bytes], bool] = lambda _: True) -> tuple[list[Ledger], list[bytes]]:
    """Return what an evidence bundle shows of each ledger, and its acts, in their ledgers' order.

    The claim is not asked for: what counts here are entries under signed checkpoints. Raises :class:`PourparlerError`.
    """
    bundle = parse_bundle(data)
    texts = texts_in(bundle.texts)
    ledgers: list[Ledger] = []
    acts: list[bytes] = []
    for shown in bundle.ledgers:
        proven = prove(shown, ())
        registry = Registry(shown.depositary, texts.get, partial=True, exact=True)
        fold(proven, registry, proven.size)
        ledger = Ledger(shown.depositary, registry, texts, shown.checkpoint)
        for stamp in proven.stamps.values():
            ledger.time = max(ledger.time, stamp.time)
            for stream, stated in stamp.streams.items():
                ledger.stated[stream] = max(stated, ledger.stated.get(stream, (0, b"")))
        ledgers.append(ledger)
        for _, act in proven.acts:
            outcome = registry.outcomes.get(act.id)
            if act.issuer is not Issuer.LEDGER and (outcome is None or outcome.party is None or follows(outcome.party)):
                acts.append(act.envelope.encoded())
    return ledgers, acts


def acts_in(entries: Iterable[bytes]) -> list[Act]:
    """Return the acts among the entries of a ledger that are not its own."""
    found: list[Act] = []
    for data in entries:
        try:
            act = parse_act(data)
        except PourparlerError:
            continue
        if act.kind not in ("ledger", "stamp"):
            found.append(act)
    return found
