"""Intake: takes acts in, gives each its place and time, and keeps the ledger that proves it.

One transaction of the ledger is a *stamp*, signed with the ledger's key, and the acts that it covers. The stamp stands
before its acts and states the heads that its streams have after them, so the acts are judged first and everything is
written after: stamp, acts, tree nodes, texts and signed checkpoint in one transaction of the store. Nothing is
answered before that has been committed.

Submitters that wait share a commit: whoever leads writes for all that wait by then (``turns``). What is held in
memory (the :class:`Registry`, the tree's frontier) can always be made again from the store, and is whenever a commit
failed: an answer never rests on what was not stored.

A ledger that something remembers otherwise (its high-water file, a witness) is read-only (``heads``): it is not
appended to, and its key signs nothing.

An act counts once. The first envelope that suffices is the entry; the same act again, with whatever signatures, gets
the same receipt and changes nothing. What is refused reserves nothing and blocks nothing; it is kept apart, for
supervisors.
"""

import copy
import logging
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from operator import itemgetter

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary
from pourparler.core.dossier import Outcome
from pourparler.core.errors import FIRST_WORDS, Missing, PourparlerError, Refused, step_of
from pourparler.core.ledger import (
    Checkpoint,
    Frontier,
    KeyType,
    Statement,
    VerifierKey,
    leaf_hash,
    open_checkpoint,
    parse_statement,
    sign_note_text,
    signed_note,
)
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry, Stream, parse_entry, stamp_in
from pourparler.ports import Clock, HighWater, Refusal, Signer, Store, StoredEntry, StoreError
from pourparler.service.drafting import draft
from pourparler.service.heads import HeadsSeen, ReadOnly, Tree, acknowledge, read_only_because
from pourparler.service.turns import Turns

log = logging.getLogger(__name__)

GROUP_ACTS_MAX = 256
STAMP_STREAMS_MAX = 400  # a row has at most 78 bytes, and a stamp is an envelope of at most 32 KiB
STREAMS_PER_ACT = 4  # a dossier, a party, an organ and another organ
TEXTS_PARSED_MAX_BYTES = 8 * 1024 * 1024  # as they came; parsed they take some ten times that
BOUND_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry of the ledger, durable: its place, its log time in seconds, and the size of the tree that holds it.

    ``void`` is the reason why an act has no effect, with its step and a sentence for people; None where it has.
    """

    act_id: bytes
    index: int
    time: int
    size: int
    void: str | None = None
    step: int | None = None
    detail: str = ""


class LedgerDamaged(StoreError):
    """What is stored contradicts itself, or is another ledger's. Nothing is served from it."""


# --- texts ------------------------------------------------------------------------------------------------------------


class Texts:
    """The texts of the ledger's public dossiers, by digest; parsed once.

    A text counts from the proposal on that brings it into a public dossier, and not before: so whoever folds the
    stored entries again reads at each act what was read when the act came.
    """

    def __init__(self, stored: Callable[[bytes], bytes | None]) -> None:
        self.stored = stored
        self.public: set[bytes] = set()
        self.wanted: bytes | None = None
        self.brought: Mapping[bytes, bytes] = {}
        self.parsed: dict[bytes, Text] = {}
        self.parsed_bytes: dict[bytes, int] = {}
        self.parsed_total_bytes = 0
        self.held: dict[bytes, bytes] = {}

    def __call__(self, digest: bytes) -> Text | None:
        """Return a public text. Raises :class:`Missing` (``text.missing``) for the one that a proposal must bring, and
        :class:`Malformed` where it cannot be read."""
        if digest in self.public:
            return self.parsed.get(digest) or self.read(digest)
        if digest == self.wanted:
            text = self.read(digest)
            if text is None:
                raise Missing("text.missing", "a proposal in a public dossier comes with its text")
            _ = text.parsed_clauses  # must be readable
            return text
        return None

    def read(self, digest: bytes) -> Text | None:
        """Return a text whether it is public or not, or None. Raises :class:`Malformed` where it cannot be read."""
        if digest not in self.parsed:
            data = self.brought.get(digest) or self.held.get(digest) or self.stored(digest)
            if data is None:
                return None
            if text_digest(data) != digest:
                raise LedgerDamaged(f"the stored text {digest.hex()} is another than its digest says")
            self.keep(digest, parse_text(data), len(data))
        return self.parsed[digest]

    def keep(self, digest: bytes, text: Text, size_bytes: int) -> None:
        """Remember a text that was read; those longest known go first where there are too many bytes of them."""
        while self.parsed and self.parsed_total_bytes + size_bytes > TEXTS_PARSED_MAX_BYTES:
            self.forget(next(iter(self.parsed)))
        self.parsed[digest], self.parsed_bytes[digest] = text, size_bytes
        self.parsed_total_bytes += size_bytes

    def forget(self, digest: bytes) -> None:
        if self.parsed.pop(digest, None) is not None:
            self.parsed_total_bytes -= self.parsed_bytes.pop(digest)

    def expect(self, digest: bytes | None, brought: Mapping[bytes, bytes]) -> None:
        """Let the act that is judged next read the text that it proposes, and those that came with it."""
        self.wanted, self.brought = digest, brought


def public_text(act: Act, registry: Registry) -> bytes | None:
    """Return the digest of the text that an act proposes in a public dossier, or None."""
    dossier = registry.dossiers.get(act["dossier"]) if act.kind == "propose" else None
    return act["text"] if dossier and not dossier.sealed else None


def published_texts(act: Act, registry: Registry) -> frozenset[bytes]:
    """Return the digests of a dossier's own texts that an act publishes: the ledger keeps what comes with it.

    It keeps them for whoever asks. No act is judged by them: the fold of a sealed dossier never reads a text.
    """
    dossier = registry.dossiers.get(act["dossier"]) if act.kind == "publish" else None
    return frozenset(act["texts"]) & dossier.papers.keys() if dossier else frozenset()


def texts_brought(entry: bytes) -> set[bytes]:
    """Return the digests of the texts that an entry may have brought to its ledger: proposed, or published."""
    read = parse_entry(entry)
    return texts_of(read) if isinstance(read, Act) else set()


def texts_of(act: Act) -> set[bytes]:
    """Return the digests of the texts that an act proposes or publishes."""
    return {act["text"]} if act.kind == "propose" else set(act["texts"]) if act.kind == "publish" else set()


BRINGERS = (b"sealed", b"propose", b"publish")  # one of them stands in the bytes of every act that matters here


def may_bring(entry: bytes) -> bool:
    """Return whether an entry can have to do with texts; it is not parsed."""
    return any(word in entry for word in BRINGERS)


class TextsGiven:
    """From which entry on a text may leave a ledger, read from its entries in order: the proposal in a public dossier
    that brought it, or the act that publishes one of a sealed dossier's own texts. A sealed proposal gives nothing
    away, even where the store holds the words because of what came later. Cost: that of reading what is new.
    """

    def __init__(self) -> None:
        self.size = 0
        self.first: dict[bytes, int] = {}
        self.sealed: set[bytes] = set()
        self.proposed: dict[bytes, set[bytes]] = {}

    def within(self, digest: bytes, size: int) -> bool:
        """Return whether the first ``size`` entries give a text away; so many have to have been read."""
        return self.first.get(digest, size) < size

    def read_on(self, entries: Iterable[bytes]) -> None:
        """Read the entries that come next."""
        for data in entries:
            for digest in self.given_by(data):
                self.first.setdefault(digest, self.size)
            self.size += 1

    def given_by(self, entry: bytes) -> set[bytes]:
        """Return the digests of the texts that the next entry gives away."""
        if not may_bring(entry):
            return set()
        try:
            act = parse_entry(entry)
        except PourparlerError:  # of a log of something else, that has the word in it
            return set()
        if not isinstance(act, Act):
            return set()
        if act.kind == "open" and act.get("sealed"):
            self.sealed.add(act.id)
        if act.kind == "publish":
            return texts_of(act) & self.proposed.get(act["dossier"], set())
        if act.kind != "propose":
            return set()
        self.proposed.setdefault(act["dossier"], set()).add(act["text"])
        return texts_of(act) if act["dossier"] not in self.sealed else set()


def smallest(notes: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Return the notes of the first size among some that come by size."""
    first = next(groupby(notes, key=itemgetter(0)), None)
    return [note for _, note in first[1]] if first else []


def on_spine(act: Act, registry: Registry) -> bool:
    """Return whether a decision stands on its organ's spine."""
    register = registry.registers.get(registry.party_of_organ.get(act.get("organ") or b"", b""))
    return register is not None and act.row.spine and (act.get("organ"), act.id) in register.spines.at


# --- what the store holds, folded -------------------------------------------------------------------------------------


class Fold:
    """The ledger in memory: registry, tree and the places where its transactions begin."""

    def __init__(self, depositary: Depositary, stored: Callable[[bytes], bytes | None]) -> None:
        self.texts = Texts(stored)
        self.registry = Registry(depositary, self.texts)
        self.frontier = Frontier()
        self.starts: list[int] = []

    def judge(
        self, act: Act, fold: Callable[[Act], Outcome | None], brought: Mapping[bytes, bytes]
    ) -> tuple[Outcome | None, bytes | None]:
        """Fold an act; return what became of it, and the digest of the text to keep with it."""
        text = public_text(act, self.registry)
        self.texts.expect(text, brought)
        try:
            outcome = fold(act)
            if text and outcome and not outcome.void:
                self.texts.public.add(text)
                if text in brought:
                    self.texts.held[text] = brought[text]  # until it is stored
        finally:
            self.texts.expect(None, {})
            if text and text not in self.texts.public:
                self.texts.forget(text)
        return outcome, text

    def grow(self, entries: Sequence[bytes]) -> list[tuple[int, int, bytes]]:
        """Let the tree grow by these entries; return the nodes that they finish."""
        self.frontier, nodes = self.frontier.extended([leaf_hash(entry) for entry in entries])
        return nodes

    def start_of(self, index: int) -> int:
        """Return where the transaction of an entry begins: the index of its stamp."""
        return self.starts[bisect_right(self.starts, index) - 1]

    def receipt(self, act_id: bytes, moment: Moment, void: PourparlerError | None = None) -> Receipt:
        """Return the receipt of an entry: the size is that of the tree at the end of its transaction."""
        following = bisect_right(self.starts, moment.index)
        size = self.starts[following] if following < len(self.starts) else self.frontier.size
        if void is None:
            return Receipt(act_id, moment.index, moment.time, size)
        return Receipt(act_id, moment.index, moment.time, size, void.reason, step_of(void.reason), void.detail)


def replay(depositary: Depositary, store: Store) -> Fold:
    """Fold everything that a store holds, and check it against itself. Cost: as much as taking all of it in once.

    Raises :class:`LedgerDamaged` where an entry is not what intake would have written, where a stamp does not state the
    heads that its transaction led to, or where the signed checkpoint is of another tree; and :class:`StoreError`.
    """
    fold = Fold(depositary, store.text)
    at = 0
    try:
        for entry in store.entries():
            at = entry.index
            check_nodes(depositary, store, replay_entry(fold, entry))
    except PourparlerError as error:
        hint = " (is it opened with the ledger's own key and origin?)" if at == 0 else ""
        raise LedgerDamaged(f"{depositary.origin}: entry {at} is not what this ledger wrote: {error}{hint}") from error
    check_checkpoint(fold, depositary, store)
    return fold


def replay_until(depositary: Depositary, store: Store, time: int) -> Fold:
    """Fold the transactions of a store, which was checked before, that were stamped at a log time or earlier."""
    fold = Fold(depositary, store.text)
    for entry in store.entries():
        read = parse_entry(entry.data)
        if isinstance(read, Act) and read.kind == "stamp" and entry.index > 1 and read["at"] > time:
            break
        replay_entry(fold, entry)
    return fold


def replay_first(depositary: Depositary, store: Store, size: int) -> Fold:
    """Fold the first entries of a store, which was checked before, up to a size that a checkpoint was made of."""
    fold = Fold(depositary, store.text)
    for entry in islice(store.entries(), size):
        replay_entry(fold, entry)
    return fold


def replay_entry(fold: Fold, entry: StoredEntry) -> list[tuple[int, int, bytes]]:
    """Fold one stored entry; return the nodes of the tree that it finishes.

    Raises :class:`PourparlerError` where it is not what intake would have written there.
    """
    if entry.index != fold.frontier.size:
        raise Refused("stamp.contradiction", f"entry {fold.frontier.size} is not there")
    act = parse_entry(entry.data)
    if act.id != entry.act_id:
        raise Refused("stamp.contradiction", "the entry is of another act than its row says")
    fold_entry(fold, act, entry.index)
    return fold.grow([entry.data])


def fold_entry(fold: Fold, read: Act | Statement, index: int) -> None:
    """Fold what an entry is; with the last one of a transaction, hold the stamp against what it led to.

    Raises :class:`PourparlerError` where intake would not have written it there.
    """
    if isinstance(read, Statement):
        fold.registry.state(read, fold.registry.moment_of(index))
    else:
        fold_act(fold, read, index)
    stamp = fold.registry.stamp
    assert stamp is not None
    if index == stamp.index + stamp.follows:
        check_stated(fold.registry, stamp.streams)


def fold_act(fold: Fold, act: Act, index: int) -> None:
    if (act.kind == "ledger") != (index == 0):
        raise Refused("stamp.index", "a ledger's first entry, and no other, names its origin")
    outcome, _ = fold.judge(act, partial(fold.registry.enter, index=index), {})
    if outcome is None:
        fold.starts.append(index)
    elif act.envelope != outcome.envelope:
        raise Refused("stamp.contradiction", "the entry holds signatures that intake would have removed")


def check_nodes(depositary: Depositary, store: Store, nodes: Iterable[tuple[int, int, bytes]]) -> None:
    """Raise :class:`LedgerDamaged` unless these nodes are stored: every later proof is made of them."""
    for level, index, hash_ in nodes:
        try:
            good = level == 0 or store.node(level, index) == hash_  # a leaf's hash is made from its entry
        except KeyError:
            good = False
        if not good:
            raise LedgerDamaged(f"{depositary.origin}: node {index} of level {level} is not that of the stored entries")


def check_stated(registry: Registry, stated: Mapping[bytes, tuple[int, bytes]]) -> None:
    """Raise :class:`Refused` unless a stamp states the streams as they are, and every one that moved since."""
    for stream in registry.moved | stated.keys():
        found = registry.streams.get(stream) or Stream(stream, [], [])
        if stated.get(stream) != (found.count, found.head):
            raise Refused("stamp.contradiction", "the stamp does not state the heads that its acts lead to")


def check_checkpoint(fold: Fold, depositary: Depositary, store: Store) -> None:
    """Raise :class:`LedgerDamaged` unless the stored checkpoint and tree are those of the entries."""
    note, size = store.checkpoint(), fold.frontier.size
    if note is None and size == 0:
        return
    stamp = fold.registry.stamp
    if note is None or stamp is None or stamp.index + stamp.follows + 1 != size:
        raise LedgerDamaged(f"{depositary.origin}: the stored entries end within a transaction, or lack a checkpoint")
    try:
        opened = open_checkpoint(note, depositary.origin, ledger_key(depositary)).checkpoint
    except PourparlerError as error:
        raise LedgerDamaged(f"{depositary.origin}: the stored checkpoint is not this ledger's: {error}") from error
    if (opened.size, opened.root) != (size, fold.frontier.root()):
        raise LedgerDamaged(
            f"{depositary.origin}: the stored checkpoint is of {opened.size} entries with another root than the {size} "
            "that are stored. Serve nothing from this file, and do not put an older one in its place."
        )


def ledger_key(depositary: Depositary) -> VerifierKey:
    """Return the key that verifies a ledger's checkpoints, under the ledger's origin as its name."""
    return VerifierKey(depositary.origin, KeyType.ED25519, depositary.key)


# --- one group of waiting submitters ----------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Ticket:
    """What one submitter waits for: an act or a statement to be taken in, or streams to be stated by a stamp."""

    act: Act | None = None
    texts: Mapping[bytes, bytes] = field(default_factory=dict)
    streams: frozenset[bytes] = frozenset()
    statement: Statement | None = None
    outcome: Outcome | None = None
    stated: Moment | None = None
    receipt: Receipt | None = None
    error: Exception | None = None
    answered: bool = False  # the submitter may look: until its group is committed, what stands here is no answer

    @property
    def done(self) -> bool:
        """Whether there is an answer: a receipt, or why there is none."""
        return self.receipt is not None or self.error is not None

    @property
    def asks(self) -> bool:
        """Whether it only asks for a stamp."""
        return self.act is None and self.statement is None


@dataclass(slots=True)
class Group:
    """What one commit writes for those who waited together; ``time`` is that of its stamps, in seconds."""

    time: int = 0
    tickets: list[Ticket] = field(default_factory=list)
    rows: list[tuple[bytes, bytes]] = field(default_factory=list)  # id and bytes of each act and statement
    asked: set[bytes] = field(default_factory=set)
    texts: dict[bytes, bytes] = field(default_factory=dict)
    entries: list[StoredEntry] = field(default_factory=list)
    nodes: list[tuple[int, int, bytes]] = field(default_factory=list)

    def takes(self, ticket: Ticket, moved: int) -> bool:
        """Return whether the ticket still fits into a group that moved so many streams; the first one always does."""
        if len(self.tickets) >= GROUP_ACTS_MAX:
            return False
        if ticket.asks:
            return len(self.asked | ticket.streams) <= STAMP_STREAMS_MAX
        return moved + STREAMS_PER_ACT <= STAMP_STREAMS_MAX


class Intake:
    """One ledger, open for acts. Safe to use from several threads; there is one for a store, and it owns the store.

    Opening folds everything that is stored and checks it (:func:`replay`); an empty store becomes a new ledger, whose
    first entry says ``words`` and fixes ``bound_seconds``: how long after a stamp witnesses may still vouch for it.
    Raises :class:`StoreError`, and :class:`OSError` where the signer cannot sign.

    ``high_water`` holds the newest acknowledged checkpoint, and is the intake's from here on; ``heads_seen`` asks the
    witnesses. Where one of them remembers what the store has not, ``read_only`` says so, and all that would write
    raises it.
    """

    def __init__(
        self,
        store: Store,
        signer: Signer,
        clock: Clock,
        origin: str,
        *,
        bound_seconds: int = BOUND_SECONDS,
        high_water: HighWater | None = None,
        heads_seen: HeadsSeen = dict,
        words: str = "",
    ) -> None:
        self.store = store
        self.high_water = high_water
        self.signer = signer
        self.clock = clock
        self.depositary = Depositary(origin, signer.public_key)
        self._waiting: deque[Ticket] = deque()
        self._turns = Turns()
        self._leading = threading.RLock()  # held by whoever judges and commits, or reads the registry
        self._stale = True  # the fold holds what may not be stored
        self._signer_proven = False
        self._seen = heads_seen()
        self.read_only: ReadOnly | None = None
        try:
            self._key = ledger_key(self.depositary)
            self._refresh()
            if not self._fold.starts and not self.read_only:
                self._begin(bound_seconds, words)
        except BaseException:
            self.close()  # nobody else has a handle to the store, and its file would stay locked
            raise

    def _begin(self, bound_seconds: int, words: str) -> None:
        if self.high_water:
            self.high_water.begin()
        group = Group(self.clock.now())
        fields = {"origin": self.depositary.origin, "at": group.time, "bound": bound_seconds}
        first = draft("ledger", fields | {"words": words} if words else fields)
        self._write_stamp(group, first.signed_by(self.signer))
        self._commit(group)

    # For submitters.

    def submit(self, data: bytes, texts: Sequence[bytes] = ()) -> Receipt:
        """Take in an act in its envelope, with the texts that it proposes or publishes; return its receipt once it is
        durable.

        The same act again returns the same receipt, whatever the signatures around it. Raises
        :class:`PourparlerError` where the act is refused: it then has no entry, and may be sent again. Raises
        :class:`StoreError` or :class:`OSError` where the ledger could not write: whether the act has an entry shows
        when it is sent again.
        """
        (answer,) = self.submit_many([data], texts)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def submit_many(self, acts: Sequence[bytes], texts: Sequence[bytes] = ()) -> list[Receipt | Exception]:
        """Take in several acts in this order; return for each its receipt or what :meth:`submit` would raise."""
        by_digest = {text_digest(text): text for text in texts if len(text) <= limits.TEXT_MAX_BYTES}
        tickets = [self._ticket(data, by_digest) for data in acts]
        if waiting := [ticket for ticket in tickets if not ticket.done]:
            self._run(waiting)
        for ticket, data in zip(tickets, acts, strict=True):
            if isinstance(ticket.error, PourparlerError):
                self._keep_refusal(ticket, data, ticket.error)
        return [answer_of(ticket) for ticket in tickets]

    def state(self, data: bytes) -> Receipt:
        """Take in a statement about an act that has an entry here; return its receipt once it is durable.

        The same bytes again return the same receipt. Raises as :meth:`submit` does (``cose.*``, ``statement.*``).
        """
        try:
            ticket = Ticket(statement=parse_statement(data))
        except PourparlerError as error:
            ticket = Ticket(error=error)
        if not ticket.done:
            self._run([ticket])
        if isinstance(ticket.error, PourparlerError):
            self._keep_refusal(ticket, data, ticket.error)
        answer = answer_of(ticket)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stamp(self, streams: Iterable[bytes]) -> int:
        """Write an empty transaction whose stamp states the heads of these streams; return its index.

        It is what evidence is as of. Raises :class:`ValueError` for more than 400 streams, and as :meth:`submit`
        where the ledger could not write.
        """
        ticket = Ticket(streams=frozenset(streams))
        if len(ticket.streams) > STAMP_STREAMS_MAX or any(len(stream) != 32 for stream in ticket.streams):
            raise ValueError(f"a stamp states at most {STAMP_STREAMS_MAX} streams, each named by 32 bytes")
        self._run([ticket])
        answer = answer_of(ticket)
        if isinstance(answer, Exception):
            raise answer
        return answer.index

    # For readers.

    @contextmanager
    def still(self) -> Iterator[Registry]:
        """Hold commits off while the registry is read; it holds exactly what is stored. Whoever holds them off submits
        nothing: it would wait for itself. Raises :class:`StoreError`."""
        with self._leading:
            self._refresh()
            yield self._fold.registry

    @property
    def registry(self) -> Registry:
        """The fold of what is stored. It changes with every commit: read it within :meth:`still` where that matters."""
        with self.still() as registry:
            return registry

    @property
    def size(self) -> int:
        """The number of entries, stamps included. Raises :class:`StoreError`."""
        with self.still():
            return self._fold.frontier.size

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint that was acknowledged. Raises :class:`StoreError`."""
        with self.still():  # between commit and high-water file it could still be lost
            note = self.store.checkpoint()
        assert note is not None
        return note

    published = checkpoint  # an intake knows of no policy: what is committed may leave

    def entry(self, index: int) -> bytes:
        """Return an entry's envelope. Raises :class:`IndexError` where there is none."""
        return self.store.entry(index).data

    def node(self, level: int, index: int) -> bytes:
        """Return a node of the tree, as the core's proofs ask for it."""
        return self.store.node(level, index)

    def witnessed_after(self, index: int) -> Sequence[bytes]:
        """Return the checkpoints of the smallest witnessed size that covers an entry; none where it never was."""
        return smallest(self.store.witnessed_notes(index))

    def text(self, digest: bytes) -> bytes | None:
        """Return a text of a public dossier, or a published one; None where the ledger does not hold it."""
        return self.store.text(digest)

    def stamp_of(self, index: int) -> int:
        """Return the index of the stamp that gives an entry its time; of a stamp, its own."""
        with self.still():
            return self._fold.start_of(index)

    def receipt(self, act_id: bytes) -> Receipt | None:
        """Return the receipt of an act that has an entry, or None."""
        with self.still() as registry:
            outcome = registry.outcomes.get(act_id)
            return self._fold.receipt(act_id, outcome.moment, outcome.void) if outcome else None

    def close(self) -> None:
        """Wait for the commit that runs, and close the store and the high-water file."""
        with self._leading:
            self.store.close()
            if self.high_water:
                self.high_water.close()

    # Queue and leader.

    def _ticket(self, data: bytes, texts: Mapping[bytes, bytes]) -> Ticket:
        """Return the ticket for an act; what the bytes alone show to be wrong is refused without waiting."""
        try:
            act = parse_act(data)
            if act.issuer is Issuer.LEDGER:
                raise Refused("stamp.submitted", "a ledger makes its stamps itself")
        except PourparlerError as error:
            return Ticket(error=error)
        named = {act.get("text"), *(act.get("texts") or ())}
        return Ticket(act, {digest: data for digest, data in texts.items() if digest in named})

    def _run(self, tickets: Sequence[Ticket]) -> None:
        """Wait until all tickets are answered, leading commits whenever nobody else does."""
        self._waiting.extend(tickets)
        try:
            self._turns.enter(tickets)
            while self._turns.has_to_lead(tickets):
                with self._leading:
                    self._lead()
                self._turns.step_down(tickets)
        finally:
            self._turns.step_down(tickets)  # where this thread is being stopped, another leads on

    def _lead(self) -> None:
        """Take what waits, judge it and commit it."""
        group = Group()
        try:
            self._refresh()
            if self.read_only:
                self._give_up(group, self.read_only)
                self._stale = False  # nothing was judged
                return
            group.time = self._time()
            while self._waiting and group.takes(self._waiting[0], len(self._fold.registry.moved)):
                ticket = self._waiting[0]
                group.tickets.append(ticket)  # before it leaves the queue: no interruption loses it
                self._waiting.popleft()
                self._take(ticket, group)
            self._write(group)
            self._answer(group)
        except Unjudged:
            group.tickets.pop().answered = True
            self._requeue(group)
        except (StoreError, OSError) as error:
            self._give_up(group, error)
        except Exception as error:
            log.exception("%s: a transaction could not be written", self.depositary.origin)
            self._give_up(group, error)
        except BaseException:  # this thread is being stopped; whoever waits beside it is not
            self._requeue(group)
            raise
        finally:
            for ticket in group.tickets:
                ticket.answered = ticket.done

    def _time(self) -> int:
        """Return the log time of a transaction that begins now: it never lies before the one before."""
        before = self._fold.registry.stamp
        assert before is not None
        return max(self.clock.now(), before.time)

    def _take(self, ticket: Ticket, group: Group) -> None:
        """Judge one ticket. An act that is admitted takes the next index; one that is refused leaves nothing.

        Raises :class:`StoreError`, and :class:`Unjudged` where an act brings out a fault of ours.
        """
        act, registry = ticket.act, self._fold.registry
        moment = Moment(self._fold.frontier.size + 1 + len(group.rows), group.time)
        if ticket.statement is not None:
            self._take_statement(ticket, ticket.statement, moment, group)
            return
        if act is None:
            group.asked |= ticket.streams
            return
        ticket.outcome = registry.outcomes.get(act.id)
        if ticket.outcome:
            return
        try:
            outcome, text = self._fold.judge(act, partial(registry.admit, moment=moment, intake=True), ticket.texts)
        except PourparlerError as refusal:
            ticket.error = refusal
            if on_spine(act, registry):  # what is refused leaves nothing; the next decision must not rest on it
                log.exception("act %s was refused, and moved its spine all the same", act.id.hex())
                raise Unjudged from refusal
            return
        except StoreError:
            raise
        except Exception as error:
            log.exception("act %s could not be judged", act.id.hex())
            ticket.error = error
            raise Unjudged from error
        assert outcome is not None
        ticket.outcome = outcome
        group.rows.append((outcome.act.id, outcome.envelope.encoded()))
        kept = published_texts(act, registry) if outcome.void is None else frozenset()
        kept |= {text} if text else set()
        group.texts |= {digest: data for digest, data in ticket.texts.items() if digest in kept}

    def _take_statement(self, ticket: Ticket, statement: Statement, moment: Moment, group: Group) -> None:
        """Take the next index for a statement, or answer with the one that it has."""
        held, at = self._fold.registry.statements.get((statement.hash, statement.key), (None, moment))
        if held != statement:
            try:
                self._fold.registry.state(statement, moment)
            except PourparlerError as refusal:
                ticket.error = refusal
                return
            group.rows.append((statement.id, statement.data))
        ticket.stated = at

    # Writing.

    def _write(self, group: Group) -> None:
        """Write the group: a stamp with its acts, and an empty one that states what was asked for."""
        if group.rows:
            self._write_stamp(group, self._stamp_act(group, len(group.rows), self._fold.registry.moved))
            self._write_entries(group, group.rows)
        if any(ticket.asks for ticket in group.tickets):
            self._write_stamp(group, self._stamp_act(group, 0, group.asked))
        if group.entries:
            self._commit(group)

    def _stamp_act(self, group: Group, follows: int, streams: Iterable[bytes]) -> Act:
        index, rows = self._fold.frontier.size, self._fold.registry.heads(streams)
        stamp = draft("stamp", {"index": index, "at": group.time, "follows": follows, "streams": rows})
        return stamp.signed_by(self.signer)

    def _write_stamp(self, group: Group, stamp: Act) -> None:
        index = self._fold.frontier.size
        if self._signer_proven:
            self._fold.registry.turn(stamp_in(stamp, index))
        else:  # the first stamp is read as others read it: a signer with another key is found before anything is stored
            self._fold.registry.enter(stamp, index)
            self._signer_proven = True
        self._fold.starts.append(index)
        self._write_entries(group, [(stamp.id, stamp.envelope.encoded())])

    def _write_entries(self, group: Group, rows: Sequence[tuple[bytes, bytes]]) -> None:
        first = self._fold.frontier.size
        group.entries += [StoredEntry(first + at, act_id, data) for at, (act_id, data) in enumerate(rows)]
        group.nodes += self._fold.grow([data for _, data in rows])

    def _commit(self, group: Group) -> None:
        frontier = self._fold.frontier
        text = Checkpoint(self.depositary.origin, frontier.size, frontier.root()).text()
        note = signed_note(text, [sign_note_text(text, self._key, self.signer.sign)])
        if self.high_water:
            self.high_water.check()
        self._stale = True
        with self.store.transaction() as transaction:
            transaction.append(group.entries, group.nodes)
            for digest, data in group.texts.items():
                transaction.put_text(digest, data)
            transaction.set_checkpoint(frontier.size, note)
        if self.high_water:
            self.high_water.keep(note)  # before any answer leaves: what was answered is missed if it is ever lost
        self._stale = False
        self._fold.texts.held.clear()

    # Afterwards.

    def _answer(self, group: Group) -> None:
        for ticket in group.tickets:
            if ticket.outcome:
                ticket.receipt = self._fold.receipt(ticket.outcome.act.id, ticket.outcome.moment, ticket.outcome.void)
            elif ticket.statement and ticket.stated:
                ticket.receipt = self._fold.receipt(ticket.statement.id, ticket.stated)
            elif ticket.asks:
                entry = group.entries[-1]
                ticket.receipt = self._fold.receipt(entry.act_id, Moment(entry.index, group.time))

    def _give_up(self, group: Group, error: Exception) -> None:
        """Tell all of a group that it was not written. Their refusals fall with it: they were judged beside acts that
        are not stored."""
        self._stale = True
        while not group.tickets and self._waiting:
            group.tickets.append(self._waiting.popleft())
        for ticket in group.tickets:
            told = copy.copy(error).with_traceback(None)  # each is raised in a thread of its own
            told.__cause__ = error
            ticket.error, ticket.outcome, ticket.stated = told, None, None

    def _requeue(self, group: Group) -> None:
        """Put the tickets of a group back in front of those that wait, to be judged again from what is stored."""
        self._stale = True
        for ticket in reversed(group.tickets):
            if not ticket.receipt:
                ticket.error = ticket.outcome = ticket.stated = None
                self._waiting.appendleft(ticket)

    def _refresh(self) -> None:
        """Fold what is stored again if the fold in memory may hold more. Raises :class:`StoreError`.

        What a crash left between commit and high-water file is acknowledged here, before anybody is told of it.
        """
        if not self._stale:
            return
        self._fold = replay(self.depositary, self.store)
        tree = Tree(self.depositary, self._fold.frontier, self.store)
        self.read_only = read_only_because(tree, self.high_water, self._seen)
        if self.high_water and not self.read_only:
            acknowledge(self.store, self.high_water)
        self._stale = False

    def _keep_refusal(self, ticket: Ticket, data: bytes, error: PourparlerError) -> None:
        """Keep what was refused for supervisors; best effort, for nothing else rests on it."""
        act_id, kind = (ticket.act.id, ticket.act.kind) if ticket.act else (b"", "")
        if ticket.statement:
            act_id, kind = ticket.statement.id, "statement"
        step = step_of(error.reason) if error.reason.split(".", maxsplit=1)[0] in FIRST_WORDS else 0
        kept = data[: limits.ENVELOPE_MAX_BYTES]
        refusal = Refusal(act_id, kind, step, error.reason, error.detail, self.clock.now(), kept)
        try:
            self.store.add_refusal(refusal)
        except StoreError as failure:
            log.warning("a refusal could not be kept: %s", failure)


class Unjudged(Exception):
    """An act could not be judged by a fault of ours; its own submitter is told what it was."""


def answer_of(ticket: Ticket) -> Receipt | Exception:
    """Return what a ticket that is done came to."""
    answer = ticket.receipt or ticket.error
    assert answer is not None
    return answer
