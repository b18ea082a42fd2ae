"""Books: the ledgers of a workspace, opened and folded; and copies of them that travel as files.

A workspace *keeps* a ledger if it has the key that signs it: then acts are submitted to it directly. Of every other
ledger it holds a *copy*: all entries, the checkpoint that the ledger signed over them, the texts of its public
dossiers. A copy is believed because it is checked: every entry is folded again, the root of the tree is the one that
the ledger signed, and what was held before is the beginning of what comes after. A ledger that told two stories is
found out here (:class:`Forked`).

What was signed here for a copied ledger, and is not in it yet, is *pending*: it is folded in behind the copy, so that
a negotiator can take his next step before the file comes back. Nothing pending is ever counted as seen.

A file of a copy is CBOR: ``{format, origin, key, checkpoint, entries: [bytes], texts: [bytes]}``.
"""

import contextlib
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import decode, encode
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import Frontier, frontier_of, leaf_hash, open_checkpoint
from pourparler.core.redline import text_digest
from pourparler.core.registry import Registry
from pourparler.ports import Clock, Signer, StoredEntry
from pourparler.service.desk import Parcel, keep, pending
from pourparler.service.intake import Intake, LedgerDamaged, Receipt, replay
from pourparler.service.witnessing import policy_of, published, witness_ledger
from pourparler.service.workspace import KnownLedger, WallClock, Workspace, WorkspaceError, write_atomically
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore, StoreInUse

FORMAT = "pourparler/1 copy of a ledger"
WAIT_SECONDS = 5.0
STREAMS_AT_ONCE = limits.STREAMS_MAX

Progress = Callable[[int, int], None]


def quiet(_done: int, _of: int) -> None:
    """Tell nobody."""


class Forked(Exception):
    """A ledger signed two histories. ``held`` and ``other`` are its two checkpoints; ``kept`` is where the other copy
    was put, for whoever has to be shown."""

    def __init__(self, origin: str, held: bytes, other: bytes, kept: Path) -> None:
        super().__init__(f"the ledger {origin} has signed two histories that contradict each other")
        self.origin, self.held, self.other, self.kept = origin, held, other, kept


class WatchedStore(SqliteStore):
    """A store that says how far somebody has read it."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self.progress = progress

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        size = self.size()
        for entry in super().entries(start):
            self.progress(entry.index + 1, size)
            yield entry


# --- an open ledger ---------------------------------------------------------------------------------------------------


class Book:
    """One ledger of the workspace, held under its lock and folded. Cost of opening: as much as all of it.

    The fold is for asking: an act is *tried* in it before it is sent anywhere, and what it then says of the future is
    what the ledger would say. Raises :class:`StoreError`, :class:`LedgerDamaged`.
    """

    def __init__(
        self,
        workspace: Workspace,
        ledger: KnownLedger,
        *,
        clock: Clock | None = None,
        progress: Progress = quiet,
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self.workspace = workspace
        self.ledger = ledger
        self.clock = clock or WallClock()
        path = workspace.ledgers / ledger.file
        if not path.is_file():
            raise WorkspaceError(
                f"the ledger {ledger.origin} should be in {path}, and is not there.",
                "Put the file back; of a copy, take a new one: pourparler ledger take FILE.",
                usage=False,
            )
        self.store = opened(path, progress, waiting)
        try:
            self.fold = replay(ledger.depositary, self.store)
        except BaseException:
            self.store.close()
            raise
        self.size = self.fold.frontier.size
        self.pending: dict[bytes, Parcel] = {}
        self.stuck: dict[bytes, PourparlerError] = {}  # pending acts that the ledger would not take any more, and why
        if not self.kept:
            self._fold_pending()

    @property
    def kept(self) -> bool:
        return self.ledger.kept_by is not None

    @property
    def depositary(self) -> Depositary:
        return self.ledger.depositary

    @property
    def registry(self) -> Registry:
        return self.fold.registry

    @property
    def last_time(self) -> int:
        """The time of the newest stamp."""
        assert self.registry.stamp is not None
        return self.registry.stamp.time

    def next_moment(self) -> Moment:
        """Return the moment that an act sent now would be logged at, as far as this workspace can know."""
        return Moment(self.size + 1 + len(self.pending), max(self.clock.now(), self.last_time))

    def position(self, stream: bytes) -> list[object]:
        """Return count and head of a stream as logged: what a ratification may say that it has seen."""
        found = self.registry.streams.get(stream)
        count = bisect_left(found.indexes, self.size) if found else 0
        return [count, found.heads[count - 1] if found and count else stream]

    def tried(self, act: Act, texts: Sequence[bytes] = ()) -> Outcome:
        """Fold an act as if it were logged next; raises what the ledger would answer where it is refused."""
        by_digest = {text_digest(text): text for text in texts}
        fold = partial(self.registry.admit, moment=self.next_moment(), intake=True)
        brought = {digest: text for digest, text in by_digest.items() if digest == act.get("text")}
        outcome, _ = self.fold.judge(act, fold, brought)
        assert outcome is not None
        return outcome

    def tried_as_if_enough(self, act: Act, weight: int, texts: Sequence[bytes] = ()) -> Outcome | None:
        """Fold a decision as if the weight that has signed sufficed, to foresee what it does once enough have.

        The fold is for nothing else afterwards. None where nobody has signed, or that alone cannot be foreseen.
        """
        party = self.registry.party_of_organ.get(act.get("organ") or b"")
        spines = self.registry.registers[party].spines if party is not None else None
        state = spines.at.get((act["organ"], act["prior"])) if spines and act.row.spine else None
        if spines is None or state is None or not weight:
            return None
        lowered = replace(state, members=replace(state.members, needs=weight))
        spines.at[act["organ"], act["prior"]] = lowered
        try:
            outcome = self.tried(act, texts)
        except Refused as refusal:
            if refusal.reason.startswith("decision."):
                return None
            raise
        for place, after in list(spines.at.items()):
            if after.members is lowered.members:  # the weight that we pretended is none of what the act changes
                spines.at[place] = replace(after, members=state.members)
        return outcome

    def submit(self, acts: Sequence[bytes], texts: Sequence[bytes], signer: Signer) -> list[Receipt | Exception]:
        """Write acts into the ledger that is kept here; the fold is used up. Raises :class:`StoreError`."""
        assert self.kept
        intake = Intake(self.store, signer, self.clock, self.ledger.origin)
        answers = intake.submit_many(acts, texts)
        self.fold, self.size = intake._fold, intake.size  # noqa: SLF001  one ledger, opened twice in a row
        return answers

    def add_pending(self, parcel: Parcel) -> Path:
        """Keep an act for a ledger that is kept elsewhere, and fold it in; return its file."""
        act = parcel.act()
        if act.id not in self.registry.outcomes:
            self._fold_in(act, parcel)
        self.pending[act.id] = parcel
        return keep(self.workspace, parcel, "pending")

    def _fold_pending(self) -> None:
        for parcel in pending(self.workspace, self.depositary):
            self._fold_in(parcel.act(), parcel)

    def _fold_in(self, act: Act, parcel: Parcel) -> None:
        try:
            outcome = self.tried(act, parcel.texts)
        except PourparlerError as error:
            self.stuck[act.id] = error
            return
        self.pending[act.id] = parcel
        if outcome.void is not None:
            self.stuck[act.id] = outcome.void

    def close(self) -> None:
        self.store.close()

    # For export: a copy cannot write a stamp, but may hold one that states what is asked for.

    @contextlib.contextmanager
    def still(self) -> Iterator[Registry]:
        yield self.registry

    def stamp(self, streams: Iterable[bytes]) -> int:
        """Return the newest stamp that states these streams. Raises :class:`Missing` (``stream.not-stated``)."""
        wanted = set(streams)
        for index in reversed(self.fold.starts):
            stated = parse_act(self.store.entry(index).data).get("streams") or ()
            if wanted <= {stream for stream, _, _ in stated}:
                return index
        raise Missing("stream.not-stated", "no stamp in this copy of the ledger states all that the claim rests on")

    def stamp_of(self, index: int) -> int:
        return self.fold.start_of(index)

    def checkpoint(self) -> bytes:
        note = self.store.checkpoint()
        assert note is not None
        return note

    def entry(self, index: int) -> bytes:
        return self.store.entry(index).data

    def node(self, level: int, index: int) -> bytes:
        return self.store.node(level, index)

    def witnessed_after(self, index: int) -> bytes | None:
        return self.store.witnessed_after(index)

    def text(self, digest: bytes) -> bytes | None:
        """Return a text that the ledger holds, or that lies at the desk."""
        return self.store.text(digest) or self.workspace.text(digest)


def to_announce(home: Book, there: Book, party: bytes) -> list[Act]:
    """Return what a party has decided at home and another ledger has not been told: what works against others there
    has to stand there. Acts in dossiers of the home ledger are its own; decisions on them move the party's spines."""
    stream = home.registry.streams.get(party)
    acts = (parse_act(home.entry(index)) for index in (stream.indexes if stream else ()) if index < home.size)
    told = there.registry.outcomes
    return [act for act in acts if act.id not in told and not (act.issuer is Issuer.HOLDER and act.row.dossier)]


def opened(path: Path, progress: Progress = quiet, waiting: Callable[[], None] = lambda: None) -> SqliteStore:
    """Open a ledger's database, waiting a little where another command is writing it. Raises :class:`StoreError`."""
    deadline = time.monotonic() + WAIT_SECONDS
    told = False
    while True:
        try:
            return WatchedStore(path, progress)
        except StoreInUse:
            if time.monotonic() >= deadline:
                raise
            if not told:
                waiting()
                told = True
            time.sleep(0.05)


# --- a ledger of one's own --------------------------------------------------------------------------------------------


def create_ledger(
    workspace: Workspace, origin: str, kept_by: str, signer: Signer, *, bound_seconds: int, clock: Clock | None = None
) -> KnownLedger:
    """Begin a ledger that this workspace keeps. Raises :class:`WorkspaceError`, :class:`StoreError`."""
    if not 1 <= len(origin.encode()) <= limits.SHORT_TEXT_MAX_BYTES or re.search(r"[\s+]", origin):
        raise WorkspaceError(
            f"{origin!r} cannot be a ledger's origin.", "Like a web address without https://: ledger.example/talks."
        )
    ledger_key(Depositary(origin, signer.public_key))
    with workspace.changing() as settings:
        if origin in settings.ledgers:
            raise WorkspaceError(
                f"there is a ledger {origin} here already.", "Go on with it, or choose another origin."
            )
        ledger = KnownLedger(origin, signer.public_key, new_file(workspace, origin), kept_by)
        path = workspace.ledgers / ledger.file
        intake = Intake(SqliteStore(path), signer, clock or WallClock(), origin, bound_seconds=bound_seconds)
        intake.close()
        settings.ledgers[origin] = ledger
    return ledger


def new_file(workspace: Workspace, origin: str) -> str:
    slug = re.sub(r"[^a-zA-Z0-9.-]+", "-", origin).strip("-.")[:80] or "ledger"
    name, number = f"{slug}.sqlite", 1
    while (workspace.ledgers / name).exists():
        number += 1
        name = f"{slug}-{number}.sqlite"
    return name


# --- copies -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a whole ledger, as it stands in a file: well-formed, nothing of it checked."""

    depositary: Depositary
    checkpoint: bytes
    entries: tuple[bytes, ...]
    texts: tuple[bytes, ...]

    def encoded(self) -> bytes:
        value = {
            "format": FORMAT,
            "origin": self.depositary.origin,
            "key": self.depositary.key,
            "checkpoint": self.checkpoint,
            "entries": list(self.entries),
            "texts": list(self.texts),
        }
        return encode(value, most_items=limits.EVIDENCE_ITEMS_MAX)


def parse_copy(data: bytes) -> Copy:
    """Return the copy in a file. Raises :class:`Malformed` (``cbor.*``, ``bundle.layout``)."""
    value = decode(data, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
    shape = {"format": str, "origin": str, "key": bytes, "checkpoint": bytes, "entries": list, "texts": list}
    good = isinstance(value, dict) and set(value) == set(shape) and value["format"] == FORMAT
    good = good and all(isinstance(value[name], kind) for name, kind in shape.items()) and len(value["key"]) == 32
    if not good or not all(isinstance(item, bytes) for item in (*value["entries"], *value["texts"])):
        raise Malformed("bundle.layout", "this is no copy of a ledger")
    depositary = Depositary(value["origin"], value["key"])
    return Copy(depositary, value["checkpoint"], tuple(value["entries"]), tuple(value["texts"]))


def give(book: Book, signer: Signer) -> Copy:
    """Return a copy of a ledger that is kept here, after a new stamp that states its streams, so that whoever has the
    copy can make evidence from it. Of more than 400 streams the newest are stated. A ledger that is witnessed by a
    policy is put to its witnesses, and the copy ends where they have seen it."""
    intake = Intake(book.store, signer, book.clock, book.ledger.origin)
    with intake.still() as registry:
        newest = sorted(registry.streams.values(), key=lambda stream: stream.indexes[-1], reverse=True)
        streams = [stream.id for stream in newest[:STREAMS_AT_ONCE]]
    intake.stamp(streams)
    policy = policy_of(book.workspace, book.ledger)
    if policy is not None:
        witness_ledger(book.depositary, book.store, policy)
    note = published(book.store, policy)
    if note is None:
        raise WorkspaceError(
            f"{book.ledger.origin} is published as far as its policy's witnesses have cosigned it, and they have not.",
            "Ask them: pourparler ledger witness; or publish without: pourparler ledger witness --drop-policy.",
        )
    return copy_of(book, note)


def copy_of(book: Book, note: bytes | None = None) -> Copy:
    """Return a copy of a ledger as it stands, or as it stood under a checkpoint."""
    note = note or book.checkpoint()
    size = open_checkpoint(note, book.depositary.origin, ledger_key(book.depositary)).checkpoint.size
    entries = tuple(entry.data for entry in islice(book.store.entries(), size))
    digests = set[bytes]().union(*map(digests_shown, map(parse_act, entries)))
    found = (book.store.text(digest) for digest in sorted(digests))
    return Copy(book.depositary, note, entries, tuple(text for text in found if text is not None))


def digests_shown(act: Act) -> set[bytes]:
    """Return the digests of the texts that an act may have brought to its ledger: proposed, or published."""
    return {act["text"]} if act.kind == "propose" else set(act["texts"]) if act.kind == "publish" else set()


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking a copy: ``size`` entries are held now, ``before`` were before; ``older`` says that the file
    holds fewer than we do."""

    ledger: KnownLedger
    size: int
    before: int
    older: bool = False


def take(workspace: Workspace, copy: Copy) -> Taken:
    """Check a copy and hold it. The caller has asked whether the ledger's key is believed, where it is new here.

    Raises :class:`Forked`, :class:`LedgerDamaged` where the copy is not what the ledger signed, :class:`StoreError`
    and :class:`WorkspaceError`.
    """
    checked = in_memory(copy)
    fold = replay(copy.depositary, checked)
    origin = copy.depositary.origin
    known = workspace.settings.ledgers.get(origin)
    if known is not None and known.key != copy.depositary.key:
        raise WorkspaceError(
            f"the file is of a ledger {origin} with the key {copy.depositary.key.hex()[:16]}…; the one that is known "
            f"here has {known.key.hex()[:16]}….",
            "A new key is a new ledger. Ask the depositary which is right, over another channel.",
        )
    if known is not None and known.kept_by is not None:
        raise WorkspaceError(f"the ledger {origin} is kept here: there is nothing to take.", "Copies are for others.")
    if known is None:
        with workspace.changing() as settings:
            known = KnownLedger(origin, copy.depositary.key, new_file(workspace, origin))
            hold(workspace.ledgers / known.file, checked, 0)
            settings.ledgers[origin] = known
        return Taken(known, fold.frontier.size, 0)
    store = opened(workspace.ledgers / known.file)
    try:
        before = store.size()
        check_same_beginning(workspace, copy, store, checked, before)
        if before >= len(copy.entries):
            return Taken(known, before, before, older=before > len(copy.entries))
    finally:
        store.close()
    hold(workspace.ledgers / known.file, checked, before)
    return Taken(known, fold.frontier.size, before)


def in_memory(copy: Copy) -> MemoryStore:
    """Return the copy as a store, its tree made anew from its entries. Raises :class:`LedgerDamaged`."""
    store = MemoryStore()
    entries: list[StoredEntry] = []
    leaves: list[bytes] = []
    for index, data in enumerate(copy.entries):
        try:
            entries.append(StoredEntry(index, parse_act(data).id, data))
            leaves.append(leaf_hash(data))
        except PourparlerError as error:
            raise LedgerDamaged(f"{copy.depositary.origin}: entry {index} of the copy is no act: {error}") from error
    _, nodes = Frontier().extended(leaves)
    with store.transaction() as transaction:
        transaction.append(entries, nodes)
        for text in copy.texts:
            transaction.put_text(text_digest(text), text)
        transaction.set_checkpoint(len(entries), copy.checkpoint)
    return store


def check_same_beginning(workspace: Workspace, copy: Copy, held: SqliteStore, other: MemoryStore, before: int) -> None:
    """Raise :class:`Forked` unless the shorter of the two histories is the beginning of the longer."""
    both = min(before, len(copy.entries))
    ours, theirs = Frontier(), Frontier()
    if frontier_of(before, held.node).root() == frontier_of(len(copy.entries), other.node).root():
        return
    for mine, yours in zip(held.entries(), other.entries(), strict=False):
        if mine.index >= both:
            break
        ours, theirs = ours.append(leaf_hash(mine.data)), theirs.append(leaf_hash(yours.data))
    if ours.root() != theirs.root():
        kept = workspace.ledgers / f"fork-{theirs.root().hex()[:16]}.copy"
        write_atomically(kept, copy.encoded())
        note = held.checkpoint()
        raise Forked(copy.depositary.origin, note or b"", copy.checkpoint, kept)


def hold(path: Path, checked: MemoryStore, before: int) -> None:
    """Append what is new of a checked copy to the file that holds it, in one transaction."""
    store = SqliteStore(path)
    try:
        entries = list(checked.entries(before))
        frontier, nodes = frontier_of(before, store.node).extended([leaf_hash(entry.data) for entry in entries])
        note = checked.checkpoint()
        assert note is not None
        with store.transaction() as transaction:
            transaction.append(entries, nodes)
            for entry in entries:
                for digest in digests_shown(parse_act(entry.data)):
                    text = checked.text(digest)
                    if text is not None:
                        transaction.put_text(digest, text)
            transaction.set_checkpoint(frontier.size, note)
    finally:
        store.close()
