"""Books: the ledgers of a workspace, opened and folded; and copies of them that travel as files.

A workspace *keeps* a ledger if it has the key that signs it: then acts are submitted to it directly. Of every other
ledger it holds a *copy*: all entries, the checkpoint that the ledger signed over them, the texts of its public
dossiers. A copy is believed because it is checked: every entry is folded again, the root of the tree is the one that
the ledger signed, and what was held before is the beginning of what comes after. A ledger that told two stories is
found out here (:class:`Forked`).

What was signed here for a copied ledger, and is not in it yet, is *pending*: it is folded in behind the copy, so that
a negotiator can take his next step before the file comes back. Nothing pending is ever counted as seen.

A file of a copy is CBOR: ``{format, origin, key, checkpoint, entries: [bytes], ? notes: [bytes], texts: [bytes]}``.
The notes are checkpoints of earlier days that witnesses cosigned (:mod:`pourparler.service.earlier`); whoever holds a
copy keeps all that ever came, so that evidence of an old act needs no depositary.
"""

import contextlib
import os
import re
import sqlite3
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

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
from pourparler.core.registry import Registry, parse_entry
from pourparler.ports import Clock, Refusal, Signer, StoredEntry, StoreError
from pourparler.service.desk import Parcel, keep, pending
from pourparler.service.earlier import (
    AnotherTree,
    NotTheLedgers,
    Sightings,
    Sized,
    check_bounds,
    checked,
    cosigned_by_others,
    new_among,
    to_carry,
)
from pourparler.service.heads import (
    HeadsSeen,
    ReadOnly,
    Tree,
    acknowledge,
    against_head,
    against_high_water,
    read_only_because,
    unknown,
)
from pourparler.service.intake import (
    Intake,
    LedgerDamaged,
    Receipt,
    TextsGiven,
    replay,
    replay_first,
    replay_until,
    texts_brought,
)
from pourparler.service.witnessing import (
    Round,
    policy_of,
    publish_again,
    published,
    size_of,
    sound,
    witness_ledger,
)
from pourparler.service.workspace import FILE as SETTINGS
from pourparler.service.workspace import KnownLedger, WallClock, Workspace, WorkspaceError, write_atomically
from pourparler.store.highwater import HighWaterFile
from pourparler.store.memory import MemoryStore
from pourparler.store.reading import ReadingStore
from pourparler.store.sqlite import SqliteStore, StoreInUse, snapshot

FORMAT = "pourparler/1 copy of a ledger"
BEGINNINGS = (b"\xa6\x63key", b"\xa7\x63key")  # of every copy: a map of six or seven, whose shortest name stands first
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


class NotWitnessed(WorkspaceError):
    """Nothing of a ledger is published yet: its witnesses have not cosigned it."""

    cannot_tell = True


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


class PassingCopy(WatchedStore):
    """A ledger in a folder that may not be written, read in a copy that goes away when it is closed.

    Nothing is written into the copy: what is signed there would contradict what the ledger signs next.
    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self._copy = contextlib.ExitStack()
        try:
            copied = self._copy.enter_context(snapshot(path))
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{path} cannot be read: {error}.") from error
        super().__init__(copied, progress)
        self.path = path

    def transaction(self) -> NoReturn:
        raise StoreError(f"{self.path} may not be written by you: it can be looked into, and nothing else.")

    def add_refusal(self, refusal: Refusal) -> None:
        """Keep nothing: whoever may not write here is not whose refusals are looked at."""

    def close(self) -> None:
        super().close()
        self._copy.close()


def writable(path: Path) -> bool:
    """Return whether a ledger's file, and what SQLite and the lock put beside it, may be written."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


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
        heads_seen: HeadsSeen = dict,
        lost: bool = False,
    ) -> None:
        """``lost`` says that the file may be gone: what is opened is then empty, and is for :func:`recover` alone."""
        self.workspace = workspace
        self.ledger = ledger
        self.clock = clock or WallClock()
        self.heads_seen = heads_seen
        self.high_water: HighWaterFile | None = None
        self.read_only: ReadOnly | None = None
        self.note: bytes | None = None  # the checkpoint that is shown, where it is not the newest
        self._asked = False
        path = workspace.ledgers / ledger.file
        if not path.is_file() and not lost:
            raise WorkspaceError(
                f"the ledger {ledger.origin} should be in {path}, and is not there.",
                "Make it again from your newest backup, or anybody's: pourparler ledger recover FILE. Put no "
                "older file in its place."
                if self.kept
                else "Take a new copy: pourparler ledger take FILE.",
                usage=False,
            )
        if self.kept and not writable(path):  # before the ledger itself: whoever writes both writes that first
            with contextlib.suppress(StoreError):  # which is told below
                self.high_water = HighWaterFile(workspace.high_water_path(ledger), alone=False)
        try:
            self.store = opened(path, progress, waiting)
        except BaseException:
            self._close_high_water()
            raise
        try:
            self.fold = replay(ledger.depositary, self.store)
            self.size = self.fold.frontier.size
            if self.kept:
                self._look_at_high_water()
        except BaseException:
            self.close()
            raise
        self.pending: dict[bytes, Parcel] = {}
        self.stuck: dict[bytes, PourparlerError] = {}  # pending acts that the ledger would not take any more, and why
        if not self.kept:
            self._fold_pending()

    @property
    def kept(self) -> bool:
        return self.ledger.kept_by is not None

    @property
    def writable(self) -> bool:
        return not isinstance(self.store, PassingCopy)

    @property
    def tree(self) -> Tree:
        return Tree(self.depositary, self.fold.frontier, self.store)

    def _look_at_high_water(self) -> None:
        try:
            path = self.workspace.high_water_path(self.ledger)
            self.high_water = self.high_water or HighWaterFile(path, alone=self.writable)
        except StoreInUse:
            raise
        except StoreError as error:  # that it cannot be read keeps nobody from reading the ledger
            self.read_only = unknown(self.tree, "ledger.no-high-water", f"its high-water file is of no use ({error})")
            return
        self.read_only = read_only_because(self.tree, self.high_water, {})
        if self.read_only is None and self.size == 0:  # a ledger of a workspace was begun: it cannot begin again
            self.read_only = against_head(self.tree, "it began with", 1, None)
        if self.read_only is None and self.writable:
            acknowledge(self.store, self.high_water)

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

    def as_of(self, time: int) -> "Book":
        """Return the ledger as it stood at a log time: what came later is not in it. To be looked into, no more.

        Cost: as much as opening it.
        """
        fold = replay_until(self.depositary, self.store, time)
        past = copy(self)
        past.fold, past.size, past.pending, past.stuck = fold, fold.frontier.size, {}, {}
        return past

    def as_published(self) -> "Book":
        """Return the ledger as far as it is published, for evidence of it: its checkpoint is that one, and what came
        later is not in it. Cost: as much as opening it, where something is unpublished.

        Raises :class:`WorkspaceError`, :class:`ReadOnly` as :meth:`published` does.
        """
        note = self.published()
        size = size_of(ledger_key(self.depositary), note)
        past = copy(self)
        past.note = note
        if size < self.size:
            past.fold, past.size = replay_first(self.depositary, self.store, size), size
        return past

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

    def check_writable(self) -> None:
        """Raise :class:`ReadOnly` where something remembers more, or other, than this ledger has; the witnesses are
        asked once. Of a copy there is nothing to say."""
        if self.kept and not self._asked and self.read_only is None:
            self.read_only = read_only_because(self.tree, self.high_water, self.heads_seen())
            self._asked = True
        if self.read_only is not None:
            raise self.read_only

    def contradicted(self) -> bool:
        """Return whether something remembers more, or other, than this ledger has; the witnesses are asked once."""
        with contextlib.suppress(ReadOnly):
            self.check_writable()
        return self.read_only is not None

    def check_given_away(self) -> None:
        """Raise :class:`ReadOnly` where nothing of this ledger may leave: it may be a second history."""
        if self.read_only is not None and self.read_only.differs:
            raise self.read_only

    def published(self) -> bytes:
        """Return the checkpoint that may leave: with a policy, the newest that its witnesses have cosigned.

        Raises :class:`NotWitnessed` where they have cosigned none, and :class:`ReadOnly` where nothing may leave.
        """
        self.check_given_away()
        note = published(self.store, policy_of(self.workspace, self.ledger))
        if note is None:
            raise NotWitnessed(
                f"{self.ledger.origin} is published as far as its policy's witnesses have cosigned it, and they have "
                "not.",
                "Ask them: pourparler ledger witness; or publish without: pourparler ledger witness --drop-policy.",
            )
        return note

    def intake(self, signer: Signer) -> Intake:
        """Return the ledger that is kept here, open for acts; it is closed with the book. Raises :class:`ReadOnly`,
        :class:`StoreError`."""
        assert self.kept
        self.check_writable()
        return Intake(self.store, signer, self.clock, self.ledger.origin, high_water=self.high_water)

    def submit(self, acts: Sequence[bytes], texts: Sequence[bytes], signer: Signer) -> list[Receipt | Exception]:
        """Write acts into the ledger that is kept here; the fold is used up. Raises :class:`StoreError`."""
        intake = self.intake(signer)
        answers = intake.submit_many(acts, texts)
        self.fold, self.size = intake._fold, intake.size  # noqa: SLF001  one ledger, opened twice in a row
        return answers

    def state(self, statement: bytes, signer: Signer) -> Receipt:
        """Register a statement in the ledger that is kept here; the fold is used up. Raises as :meth:`Intake.state`."""
        intake = self.intake(signer)
        try:
            return intake.state(statement)
        finally:
            self.fold, self.size = intake._fold, intake.size  # noqa: SLF001  one ledger, opened twice in a row

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
        self._close_high_water()

    def _close_high_water(self) -> None:
        if self.high_water is not None:
            self.high_water.close()

    # For export: a copy cannot write a stamp, but may hold one that states what is asked for.

    @contextlib.contextmanager
    def still(self) -> Iterator[Registry]:
        yield self.registry

    def stamp(self, streams: Iterable[bytes]) -> int:
        """Return the newest stamp that states these streams as they are up to it, and not with acts that stand behind
        it: evidence shows what comes before. Raises :class:`Missing` (``stream.not-stated``)."""
        wanted = set(streams)
        for index in reversed(self.fold.starts):
            stamp = parse_act(self.store.entry(index).data)
            stated = {stream: count for stream, count, _ in stamp.get("streams") or ()}
            if all(stated.get(stream) == self._count_before(stream, index) for stream in wanted):
                return index
        raise Missing("stream.not-stated", "no stamp in this copy of the ledger states all that the claim rests on")

    def _count_before(self, stream: bytes, index: int) -> int:
        known = self.fold.registry.streams.get(stream)
        return bisect_left(known.indexes, index) if known else 0

    def stamp_of(self, index: int) -> int:
        return self.fold.start_of(index)

    def checkpoint(self) -> bytes:
        note = self.note or self.store.checkpoint()
        assert note is not None
        return note

    def entry(self, index: int) -> bytes:
        return self.store.entry(index).data

    def node(self, level: int, index: int) -> bytes:
        return self.store.node(level, index)

    def witnessed_after(self, index: int) -> Sequence[bytes]:
        """Return the checkpoints by which an entry was first cosigned, by each who did; none where it never was."""
        return self._sightings.after(index)

    @cached_property
    def _sightings(self) -> Sightings:
        policy, key = policy_of(self.workspace, self.ledger), ledger_key(self.depositary)
        kept = self.store.witnessed_notes(0)
        return Sightings(((size, note) for size, note in kept if policy is None or sound(policy, key, note)), key)

    def text(self, digest: bytes) -> bytes | None:
        """Return a text that the ledger holds. What lies at the desk is no part of it, and may be sealed: it leaves
        only where the words are asked for."""
        return self.store.text(digest)

    def text_here(self, digest: bytes) -> bytes | None:
        """Return a text that the ledger holds, or that lies at the desk: to be looked at."""
        return self.text(digest) or self.workspace.text(digest)


def check_given_away(workspace: Workspace, ledger: KnownLedger, store: SqliteStore) -> None:
    """Raise :class:`ReadOnly` where nothing of a store may leave: its high-water file says that it is a second history.

    For those who read a ledger without opening its book, as a server does; somebody else may write it meanwhile. Where
    the file cannot be read nothing speaks against the store.
    """
    if ledger.kept_by is None:
        return
    try:
        high_water = HighWaterFile(workspace.high_water_path(ledger), alone=False)  # first: it is written last
    except StoreError:
        return
    with contextlib.closing(high_water):
        tree = Tree(ledger.depositary, frontier_of(store.size(), store.node), store)
        found = against_high_water(tree, high_water)
    if found is not None and found.differs:
        raise found


def to_announce(home: Book, there: Book, party: bytes) -> list[Act]:
    """Return what a party has decided at home and another ledger has not been told: what works against others there
    has to stand there. Acts in dossiers of the home ledger are its own; decisions on them move the party's spines."""
    stream = home.registry.streams.get(party)
    acts = (parse_act(home.entry(index)) for index in (stream.indexes if stream else ()) if index < home.size)
    told = there.registry.outcomes
    return [act for act in acts if act.id not in told and not (act.issuer is Issuer.HOLDER and act.row.dossier)]


def opened(path: Path, progress: Progress = quiet, waiting: Callable[[], None] = lambda: None) -> SqliteStore:
    """Open a ledger's database, waiting a little where another command is writing it; where it may not be written, for
    reading. Raises :class:`StoreError`."""
    if not writable(path):
        return PassingCopy(path, progress)
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


def check_origin(origin: str) -> None:
    """Raise :class:`WorkspaceError` for what cannot be a ledger's origin: asked before a key is made for it."""
    if not 1 <= len(origin.encode()) <= limits.SHORT_TEXT_MAX_BYTES or re.search(r"[\s+]", origin):
        raise WorkspaceError(
            f"{origin!r} cannot be a ledger's origin.", "Like a web address without https://: ledger.example/talks."
        )


def create_ledger(
    workspace: Workspace,
    origin: str,
    kept_by: str,
    signer: Signer,
    *,
    bound_seconds: int,
    high_water: Path | None = None,
    words: str = "",
    clock: Clock | None = None,
) -> KnownLedger:
    """Begin a ledger that this workspace keeps, with its high-water file beside it or at ``high_water``; its first
    entry says ``words``.

    Raises :class:`WorkspaceError`, :class:`StoreError`.
    """
    check_origin(origin)
    ledger_key(Depositary(origin, signer.public_key))
    with workspace.changing() as settings:
        if origin in settings.ledgers:
            raise WorkspaceError(
                f"there is a ledger {origin} here already.", "Go on with it, or choose another origin."
            )
        workspace.ledgers.mkdir(mode=0o700, exist_ok=True)
        if left := left_here(workspace, Depositary(origin, signer.public_key)):
            raise WorkspaceError(
                f"there is a ledger {origin} with this key already, in {workspace.ledgers / left}: beginning it again "
                "would sign a second history.",
                f"Take it back into {SETTINGS}: pourparler ledger create says how; or choose another origin.",
            )
        elsewhere = str(high_water.absolute()) if high_water else None
        ledger = KnownLedger(origin, signer.public_key, new_file(workspace, origin), kept_by, elsewhere)
        marks = new_high_water(workspace.high_water_path(ledger))
        intake = Intake(
            SqliteStore(workspace.ledgers / ledger.file),
            signer,
            clock or WallClock(),
            origin,
            bound_seconds=bound_seconds,
            high_water=marks,
            words=words,
        )
        intake.close()
        settings.ledgers[origin] = ledger
    return ledger


def left_here(workspace: Workspace, depositary: Depositary) -> str | None:
    """Return the file of a ledger with this origin and key that lies here, though the settings do not know it: they
    were put back to an earlier day. None where there is none. Raises :class:`WorkspaceError` where nobody can tell."""
    for path in sorted(workspace.ledgers.glob("*")):
        try:
            note = newest_note(path)
        except StoreError as error:
            if not path.stem.startswith(slug_of(depositary.origin)):
                continue
            raise WorkspaceError(
                f"{path} may be a ledger of this name, and cannot be read: {error}",
                "Beginning it again would sign a second history. Repair the file, or move it away if it is another's.",
                usage=False,
            ) from None
        with contextlib.suppress(PourparlerError):
            if note is not None and open_checkpoint(note, depositary.origin, ledger_key(depositary)):
                return path.with_suffix(".sqlite").name
    return None


def newest_note(path: Path) -> bytes | None:
    """Return the newest checkpoint in a ledger's database or high-water file; None of any other file. Raises
    :class:`StoreError`."""
    if path.suffix == ".high-water":
        with contextlib.closing(HighWaterFile(path, alone=False)) as marks:
            return marks.read()
    if path.suffix == ".sqlite":
        with contextlib.closing(ReadingStore(path)) as store:
            return store.checkpoint()
    return None


def take_back(workspace: Workspace, ledger: KnownLedger) -> None:
    """Put a ledger that is kept here, and lies here, into the settings again. Nothing is signed; whether it may be
    written shows when it is opened."""
    with workspace.changing() as settings:
        settings.ledgers[ledger.origin] = ledger


def slug_of(origin: str) -> str:
    """Return what the files of a ledger are called, but for a number."""
    return re.sub(r"[^a-zA-Z0-9.-]+", "-", origin).strip("-.")[:80] or "ledger"


def new_file(workspace: Workspace, origin: str) -> str:
    slug = slug_of(origin)
    name, number = f"{slug}.sqlite", 1
    while any((workspace.ledgers / name).with_suffix(suffix).exists() for suffix in (".sqlite", ".high-water")):
        number += 1
        name = f"{slug}-{number}.sqlite"
    return name


def new_high_water(path: Path) -> HighWaterFile:
    """Return a high-water file that is about to be made. Raises :class:`WorkspaceError`, :class:`StoreError`."""
    if path.exists():
        raise WorkspaceError(f"{path} is there already.", "Name a new file: it is another ledger's, or no such file.")
    return HighWaterFile(path)


# --- copies -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a whole ledger, as it stands in a file: well-formed, nothing of it checked. ``notes`` are earlier
    checkpoints that witnesses cosigned."""

    depositary: Depositary
    checkpoint: bytes
    entries: tuple[bytes, ...]
    texts: tuple[bytes, ...]
    notes: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        value: dict[str, object] = {
            "format": FORMAT,
            "origin": self.depositary.origin,
            "key": self.depositary.key,
            "checkpoint": self.checkpoint,
            "entries": list(self.entries),
            "texts": list(self.texts),
        }
        if self.notes:
            value["notes"] = list(self.notes)
        return encode(value, most_items=limits.EVIDENCE_ITEMS_MAX)


def parse_copy(data: bytes) -> Copy:
    """Return the copy in a file. Raises :class:`Malformed` (``cbor.*``, ``bundle.layout``)."""
    value = decode(data, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
    lists = ("entries", "texts", *(("notes",) if isinstance(value, dict) and "notes" in value else ()))
    shape = {"format": str, "origin": str, "key": bytes, "checkpoint": bytes} | dict.fromkeys(lists, list)
    good = isinstance(value, dict) and set(value) == set(shape) and value["format"] == FORMAT
    good = good and all(isinstance(value[name], kind) for name, kind in shape.items()) and len(value["key"]) == 32
    good = good and value.get("notes") != []  # a copy without any has one form
    if not good or not all(isinstance(item, bytes) for name in lists for item in value[name]):
        raise Malformed("bundle.layout", "this is no copy of a ledger")
    check_bounds(value.get("notes", ()))
    depositary = Depositary(value["origin"], value["key"])
    parts = (tuple(value.get(name, ())) for name in ("entries", "texts", "notes"))
    return Copy(depositary, value["checkpoint"], *parts)


def give(book: Book, signer: Signer, heard: Callable[[Round], None] = lambda _: None) -> Copy:
    """Return a copy of a ledger that is kept here, after a new stamp that states its streams, so that whoever has the
    copy can make evidence from it. A ledger that is witnessed by a policy is put to its witnesses, and the copy ends
    where they have seen it; ``heard`` is told what they said."""
    stamp_all(book, signer)
    policy = policy_of(book.workspace, book.ledger)
    if policy is not None:
        heard(witness_ledger(book.depositary, book.store, policy))
    return copy_of(book, book.published())


def back_up(book: Book, signer: Signer) -> Copy:
    """Return a copy of all that a ledger that is kept here has committed, witnessed or not, after a new stamp: for its
    keeper alone."""
    stamp_all(book, signer)
    return copy_of(book)


def stamp_all(book: Book, signer: Signer) -> None:
    """Write a stamp that states the ledger's streams; of more than 400 the newest."""
    intake = book.intake(signer)
    with intake.still() as registry:
        newest = sorted(registry.streams.values(), key=lambda stream: stream.indexes[-1], reverse=True)
        streams = [stream.id for stream in newest[:STREAMS_AT_ONCE]]
    intake.stamp(streams)


def copy_of(book: Book, note: bytes | None = None) -> Copy:
    """Return a copy of a ledger as it stands, or as it stood under a checkpoint, with the earlier checkpoints that
    witnesses cosigned."""
    note = note or book.checkpoint()
    size = open_checkpoint(note, book.depositary.origin, ledger_key(book.depositary)).checkpoint.size
    entries = tuple(entry.data for entry in islice(book.store.entries(), size))
    given = TextsGiven()
    given.read_on(entries)
    found = (book.store.text(digest) for digest in sorted(given.first))
    texts = tuple(text for text in found if text is not None)
    return Copy(book.depositary, note, entries, texts, tuple(to_carry(book.store.witnessed_notes(0), size, note)))


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking a copy: ``size`` entries are held now, ``before`` were before; ``older`` says that the file
    holds fewer than we do. ``notes`` earlier checkpoints were new."""

    ledger: KnownLedger
    size: int
    before: int
    older: bool = False
    notes: int = 0


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
    workspace.ledgers.mkdir(mode=0o700, exist_ok=True)  # somebody who lost it all takes it again
    notes = notes_of(workspace, copy, checked)
    if known is None:
        with workspace.changing() as settings:
            known = KnownLedger(origin, copy.depositary.key, new_file(workspace, origin))
            new = hold(workspace.ledgers / known.file, checked, notes)
            settings.ledgers[origin] = known
        return Taken(known, fold.frontier.size, 0, notes=new)
    path = workspace.ledgers / known.file
    store = opened(path)
    try:
        before = store.size()
        check_same_beginning(workspace, copy, store, checked, before)
    finally:
        store.close()
    new = hold(path, checked, notes)
    older = before > len(copy.entries)
    return Taken(known, max(before, fold.frontier.size), before, older=older, notes=new)


def in_memory(copy: Copy) -> MemoryStore:
    """Return the copy as a store, its tree made anew from its entries. Raises :class:`LedgerDamaged`."""
    store = MemoryStore()
    entries: list[StoredEntry] = []
    leaves: list[bytes] = []
    for index, data in enumerate(copy.entries):
        try:
            entries.append(StoredEntry(index, parse_entry(data).id, data))
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


def notes_of(workspace: Workspace, copy: Copy, checked_copy: MemoryStore) -> list[Sized]:
    """Return the cosigned checkpoints of a copy whose tree was checked, its own among them, as the ledger signed them.

    Raises :class:`Forked` where one is of another tree, :class:`LedgerDamaged` where one is none of the ledger's.
    """
    notes = (*copy.notes, copy.checkpoint)
    try:
        return sorted(checked(notes, copy.depositary, len(copy.entries), checked_copy.node), key=itemgetter(0))
    except NotTheLedgers as error:
        raise LedgerDamaged(f"{copy.depositary.origin}: {error}") from error
    except AnotherTree as other:
        kept = keep_other(workspace, copy, other.root)
        raise Forked(copy.depositary.origin, copy.checkpoint, other.note, kept) from None


def keep_other(workspace: Workspace, copy: Copy, root: bytes) -> Path:
    """Keep a copy that shows another history, for whoever has to be shown; return where."""
    kept = workspace.ledgers / f"fork-{root.hex()[:16]}.copy"
    write_atomically(kept, copy.encoded())
    return kept


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
        kept = keep_other(workspace, copy, theirs.root())
        note = held.checkpoint()
        raise Forked(copy.depositary.origin, note or b"", copy.checkpoint, kept)


def hold(path: Path, checked_copy: MemoryStore, notes: Sequence[Sized]) -> int:
    """Add what is new of a checked copy to the file that holds it, in one transaction; return how many notes."""
    store = SqliteStore(path)
    try:
        return append_copied(store, checked_copy, notes)
    finally:
        store.close()


def append_copied(store: SqliteStore, checked_copy: MemoryStore, notes: Sequence[Sized]) -> int:
    """Append what a checked copy has after the entries that a store holds already, and put its earlier checkpoints
    beside those that are kept, none of which is lost; in one transaction. Return how many of them are new."""
    before = store.size()
    entries = list(checked_copy.entries(before))
    frontier, nodes = frontier_of(before, store.node).extended([leaf_hash(entry.data) for entry in entries])
    note = checked_copy.checkpoint()
    assert note is not None
    held = store.checkpoint()
    own = [(before, held)] if held is not None and cosigned_by_others(held) else []  # it will be an earlier one
    new = new_among([*own, *notes], store.witnessed_notes(0))
    with store.transaction() as transaction:
        if entries:
            transaction.append(entries, nodes)
            transaction.set_checkpoint(frontier.size, note)
        for entry in entries:
            for digest in texts_brought(entry.data):
                text = checked_copy.text(digest)
                if text is not None:
                    transaction.put_text(digest, text)
        for size, earlier in new:
            transaction.add_witnessed(size, earlier)
    return len(new)


# --- a ledger that is read-only ---------------------------------------------------------------------------------------


def accept_head(book: Book, high_water: Path | None = None) -> Path:
    """Let the newest head of a ledger's store be the one that was acknowledged last, and keep it in its high-water
    file, or in a new one at ``high_water``; return where. The caller has asked whoever is responsible.

    Raises :class:`ReadOnly` where the head in the file or a witness contradicts the store: accepting that would sign a
    second history. Raises :class:`StoreError`, :class:`WorkspaceError`.
    """
    check_acceptable(book)
    old, before = book.high_water, book.workspace.high_water_path(book.ledger)
    path = high_water.absolute() if high_water is not None else before
    if old is None or path != before:
        book.high_water = new_high_water(path)
    elif book.read_only is not None and book.read_only.reason == "ledger.other-high-water":
        raise WorkspaceError(f"{path} holds another ledger's head.", "Name a new file: --high-water FILE.")
    assert book.high_water is not None
    book.high_water.keep(book.checkpoint())
    if path != before:
        with book.workspace.changing() as settings:
            book.ledger = replace(settings.ledgers[book.ledger.origin], high_water=str(path))
            settings.ledgers[book.ledger.origin] = book.ledger
        if old is not None:
            old.close()
            before.unlink(missing_ok=True)  # from the next commit on it would be wrong
    book.read_only = None
    return path


def check_acceptable(book: Book) -> None:
    """Raise :class:`ReadOnly` where a high-water file or a witness contradicts the newest head of a store."""
    if book.read_only is None or book.read_only.reason not in ACCEPTABLE:
        book.check_writable()
    elif contradiction := read_only_because(book.tree, None, book.heads_seen()):
        raise contradiction


ACCEPTABLE = frozenset({"ledger.no-high-water", "ledger.other-high-water"})


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of a recovery: how many ``entries`` and earlier checkpoints (``notes``) were brought back."""

    entries: int
    notes: int


def recover(book: Book, copy: Copy) -> Recovered:
    """Append from somebody's copy what is missing at the end of a ledger that is kept here, and keep the checkpoints
    in it that witnesses cosigned.

    Nothing is signed: the copy carries the ledger's own signatures. With a policy, a checkpoint on which a cosignature
    by one of its witnesses fails is left out, and the newest one that meets it is published again. Raises
    :class:`Forked` where the copy is another history, :class:`LedgerDamaged` where it is not what the ledger signed,
    :class:`WorkspaceError` where it is of another ledger or does not reach what was acknowledged, :class:`StoreError`.
    """
    if copy.depositary != book.depositary:
        raise WorkspaceError("the file is a copy of another ledger, or one with another key.", "Is it the right file?")
    checked_copy = in_memory(copy)
    fold = replay(copy.depositary, checked_copy)
    check_same_beginning(book.workspace, copy, book.store, checked_copy, book.size)
    policy, key = policy_of(book.workspace, book.ledger), ledger_key(book.depositary)
    notes = notes_of(book.workspace, copy, checked_copy)
    notes = [(size, note) for size, note in notes if policy is None or sound(policy, key, note)]
    missing = max(0, len(copy.entries) - book.size)
    short = None
    if missing or book.read_only is not None:
        short = read_only_because(
            Tree(book.depositary, fold.frontier, checked_copy), book.high_water, book.heads_seen()
        )
        check_reaches(copy, missing, short)
    elif not new_among(notes, book.store.witnessed_notes(0)):
        raise WorkspaceError("nothing is missing here.", "Nothing was changed.")
    new = append_copied(book.store, checked_copy, notes)
    if missing and book.high_water is not None and short is None:
        book.high_water.keep(copy.checkpoint)
    if policy is not None:
        publish_again(book.store, key, policy)
    return Recovered(missing, new)


def check_reaches(copy: Copy, missing: int, short: ReadOnly | None) -> None:
    """Raise :class:`WorkspaceError` where a copy does not bring all that was acknowledged."""
    if not missing or (short is not None and short.reason not in ACCEPTABLE):
        raise WorkspaceError(
            f"the copy has {len(copy.entries):,} entries, and that is not all that is missing here.",
            "Look for a newer copy. Nothing was changed.",
            usage=False,
        )


def following(book: Book, *, signable: bool = True) -> str:
    """Return what the first entry of a new ledger says where it follows one that can be written no more: the heads of
    the old one, of what is left and of what was acknowledged.

    Raises :class:`WorkspaceError` of one that can be written: it is kept here, ``signable`` (its key is here), and
    nothing speaks against it.
    """
    if book.kept and signable and book.writable and not book.contradicted():
        raise WorkspaceError(
            f"{book.ledger.origin} can still be written: the first entry of a ledger that follows it says that it is "
            "not.",
            "Go on with it; or begin the other one without --after. Nothing was done.",
        )
    kept, seen = book.checkpoint(), book.high_water.read() if book.high_water is not None else None
    said = ["This ledger follows another, which is written no more. Its newest head that is kept:", kept.decode()]
    if seen is not None and seen != kept:
        said += ["Its newest head that was acknowledged:", seen.decode()]
    return "\n".join(said)
