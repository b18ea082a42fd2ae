"""Audit: read a whole ledger as a stranger, from its first entry on, and say whether it is what it claims to be.

Nothing is believed but the ledger's key. The checkpoint must carry its signature; every tile and entry must be the one
under the checkpoint; every entry is folded by the same rules as at intake, with every signature; every stamp must state
the heads that its transaction led to, and none may go back in time. The answer is one of three. *Whole*: all of it was
read, and it holds. *Contradicted*: here is the entry, or the file, and the rule that says no. *Cannot tell*: something
is withheld, and nobody may take the rest for the whole.

What is read comes from a :class:`TiledLog` (files of tlog-tiles, from a folder or a server) or a :class:`CopiedLog` (a
copy in one file). A log of something else has a tree that can be audited, and no acts: that is said, too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from pourparler.core import limits
from pourparler.core.act import Act, parse_act
from pourparler.core.council import Depositary, verify_one
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import kid_of
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import Checkpoint, OpenCheckpoint, VerifierKey, open_checkpoint
from pourparler.core.ledger.tiles import (
    TILE_WIDTH,
    Tile,
    TileMaker,
    TileReader,
    leaf_hashes,
    parse_bundle,
    tile_of,
)
from pourparler.core.redline import text_digest
from pourparler.core.registry import parse_entry
from pourparler.service.books import Copy
from pourparler.service.earlier import FILE_MAX_BYTES, NOTES_MAX, parted
from pourparler.service.intake import Fold, fold_entry, published_texts
from pourparler.service.sources import Source
from pourparler.service.tiles import CHECKPOINT, WITNESSED, text_path

GAPS_MAX = 100  # so many missing files are named; what comes after them is not read
AHEAD = 16  # bundles asked for before they are needed

WHOLE, CONTRADICTED, CANNOT_TELL = "whole", "contradicted", "cannot tell"

Progress = Callable[[int, int], None]
Batch = tuple[int, Sequence[bytes] | PourparlerError]


def quiet(_done: int, _of: int) -> None:
    """Tell nobody."""


# --- where the entries come from --------------------------------------------------------------------------------------


class Log(Protocol):
    """A log to be audited: its checkpoint, its entries in order, its texts. Nothing of it is believed."""

    name: str

    def note(self) -> bytes:
        """Return the signed checkpoint. Raises :class:`Missing` (``tile.unavailable``), ``OSError``."""

    def first(self, size: int) -> Sequence[bytes]:
        """Return the first entries, where there are so many; nothing is proven. Raises :class:`PourparlerError`,
        ``OSError``."""

    def batches(self, checkpoint: Checkpoint) -> Iterator[Batch]:
        """Yield the entries in order, each proven to be under the checkpoint: the first one's index, and as many as
        there are in a bundle; or why they are not to be had. Raises :class:`PourparlerError` where that concerns all of
        them, and ``OSError``."""

    def text(self, digest: bytes) -> bytes | None:
        """Return a text, or None where it is not to be had. Raises :class:`Refused` (``tile.text``), ``OSError``."""

    def earlier(self) -> Iterable[bytes]:
        """Return the earlier checkpoints that come with it, not checked. Raises :class:`PourparlerError`,
        ``OSError``."""


class TiledLog:
    """A log as files of c2sp.org/tlog-tiles. Of a source that waits for a network, several are asked for at once."""

    def __init__(self, source: Source, *, at_once: int = 1) -> None:
        self.source, self.name, self.at_once = source, source.name, at_once
        self._coming: dict[Tile, Future[bytes | None]] = {}
        self._asked = 0

    def note(self) -> bytes:
        note = self.source.get(CHECKPOINT, limits.NOTE_MAX_BYTES)
        if note is None:
            raise Missing("tile.unavailable", f"there is no checkpoint in {self.name}")
        return note

    def fetch(self, tile: Tile) -> bytes | None:
        coming = self._coming.pop(tile, None)
        return coming.result() if coming else self.source.get(tile.path, tile.max_bytes)

    def first(self, size: int) -> Sequence[bytes]:
        if size == 0:
            return ()
        tile = tile_of(size, None, 0)
        data = self.fetch(tile)
        return parse_bundle(tile, data) if data is not None else ()

    def batches(self, checkpoint: Checkpoint) -> Iterator[Batch]:
        reader = TileReader(checkpoint.size, checkpoint.root, self.fetch)
        reader.edge()
        bundles = range(-(-checkpoint.size // TILE_WIDTH))
        with ThreadPoolExecutor(self.at_once) as pool:
            for index in bundles:
                if self.at_once > 1:
                    self._ask(pool, checkpoint.size, bundles[index : index + AHEAD])
                try:
                    yield index * TILE_WIDTH, reader.entries(index)
                except Missing as gap:
                    yield index * TILE_WIDTH, gap

    def _ask(self, pool: ThreadPoolExecutor, size: int, bundles: range) -> None:
        """Ask for these bundles, and the leaf hashes of their entries, before they are needed."""
        for index in bundles:
            for tile in (tile_of(size, None, index), tile_of(size, 0, index)):
                if index >= self._asked and (tile.level is None or tile.full):
                    self._coming[tile] = pool.submit(self.source.get, tile.path, tile.max_bytes)
        self._asked = bundles.stop

    def text(self, digest: bytes) -> bytes | None:
        text = self.source.get(text_path(digest), limits.TEXT_MAX_BYTES)
        if text is not None and text_digest(text) != digest:
            raise Refused("tile.text", f"{text_path(digest)} is another text than its name says")
        return text

    def earlier(self) -> Iterable[bytes]:
        return parted(self.source.get(WITNESSED, FILE_MAX_BYTES) or b"")


class CopiedLog:
    """A log in one file, as ``ledger copy`` writes it: its tree is made anew from its entries."""

    def __init__(self, name: str, copy: Copy) -> None:
        self.name, self.copy = name, copy
        self.texts = {text_digest(text): text for text in copy.texts}

    def note(self) -> bytes:
        return self.copy.checkpoint

    def first(self, size: int) -> Sequence[bytes]:
        return self.copy.entries[: min(size, TILE_WIDTH)]

    def batches(self, checkpoint: Checkpoint) -> Iterator[Batch]:
        entries = self.copy.entries
        if len(entries) != checkpoint.size:
            raise Refused("proof.root", f"the file has {len(entries)} entries, its checkpoint is of {checkpoint.size}")
        tree = TileMaker()
        for start in range(0, len(entries), TILE_WIDTH):
            tree.extend(leaf_hashes(entries[start : start + TILE_WIDTH]))
        if tree.root() != checkpoint.root:
            raise Refused("proof.root", "the entries are not those under the checkpoint")
        for start in range(0, len(entries), TILE_WIDTH):
            yield start, entries[start : start + TILE_WIDTH]

    def text(self, digest: bytes) -> bytes | None:
        return self.texts.get(digest)

    def earlier(self) -> Iterable[bytes]:
        return self.copy.notes


# --- the report -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong or lacking: at which entry (None: it concerns all), the reason's code, and a sentence."""

    entry: int | None
    reason: str
    detail: str

    @classmethod
    def of(cls, error: PourparlerError, entry: int | None = None) -> "Finding":
        return cls(entry, error.reason, error.detail or error.reason)


@dataclass(slots=True)
class Audit:
    """What an audit came to; it grows while the log is read.

    ``read`` entries were proven to be under the checkpoint, ``judged`` of them folded by the law. ``acts`` is False for
    a log whose first entry is no act of a ledger. ``fold`` holds what the acts add up to. ``withheld`` are words of
    sealed dossiers that were published and are not to be had: nothing is judged by them, and whoever publishes may
    have sent none, so the verdict does not rest on them. ``earlier`` checkpoints came with the log and are of its tree;
    what stood among them and is nothing of the ledger's is ``unfit``.
    """

    key: VerifierKey
    opened: OpenCheckpoint
    tree_only: bool = False
    acts: bool = True
    read: int = 0
    judged: int = 0
    fault: Finding | None = None
    gaps: list[Finding] = field(default_factory=list)
    withheld: list[Finding] = field(default_factory=list)
    earlier: int = 0
    unfit: list[Finding] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    fold: Fold | None = None

    @property
    def checkpoint(self) -> Checkpoint:
        return self.opened.checkpoint

    @property
    def verdict(self) -> str:
        """``whole``, ``contradicted`` or ``cannot tell``; never rounded up."""
        if self.fault is not None:
            return CONTRADICTED
        judged = self.tree_only or (self.acts and self.judged == self.checkpoint.size)
        return WHOLE if judged and not self.gaps and self.read == self.checkpoint.size else CANNOT_TELL

    def void(self) -> list[Outcome]:
        """Return the acts that were logged without effect, in order."""
        found = self.fold.registry.outcomes.values() if self.fold else ()
        return sorted((o for o in found if o.void is not None), key=lambda outcome: outcome.moment.index)


# --- the audit --------------------------------------------------------------------------------------------------------


def audit(
    log: Log, key: VerifierKey, opened: OpenCheckpoint, *, tree_only: bool = False, progress: Progress = quiet
) -> Audit:
    """Audit a log under a checkpoint that its key has signed. Raises ``OSError`` where it cannot be read."""
    report = Audit(key, opened, tree_only=tree_only, acts=opened.checkpoint.size > 0)
    judge, sighted = Judge(report, log), Sighted(report, log)
    try:
        for first, batch in log.batches(report.checkpoint):
            if isinstance(batch, PourparlerError):
                report.gaps.append(Finding.of(batch, first))
                if len(report.gaps) >= GAPS_MAX:
                    break
                continue
            report.read += len(batch)
            sighted.take(first, batch)
            if not judge.take(first, batch):
                break
            progress(first + len(batch), report.checkpoint.size)
        judge.end()
    except Missing as gap:
        report.gaps.append(Finding.of(gap))
    except PourparlerError as error:
        report.fault = Finding.of(error)
    return report


class Sighted:
    """Holds the earlier checkpoints that come with a ledger of acts against its tree, while that is read."""

    def __init__(self, report: Audit, log: Log) -> None:
        self.report, self.log = report, log
        self.tree = TileMaker()
        self.wanted: dict[int, list[Checkpoint]] = {}

    def take(self, first: int, entries: Sequence[bytes]) -> None:
        """Add the next entries. Raises :class:`Refused` (``proof.inconsistent``) where the ledger signed another root
        of as many as there were at some point."""
        if first == 0 and not self.report.tree_only and begins_ledger(entries):
            self.read()
        if first != self.tree.size or not self.wanted:  # there is a gap before these, or nothing left to look for
            return
        sizes = sorted(size for size in self.wanted if size <= first + len(entries))
        for size in sizes:
            self.tree.extend(leaf_hashes(entries[self.tree.size - first : size - first]))
            self.compare(self.wanted.pop(size))
        self.tree.extend(leaf_hashes(entries[self.tree.size - first :]))

    def read(self) -> None:
        """Ask for the earlier checkpoints. That they are not to be had, or are none, is noted and decides nothing."""
        key, report = self.report.key, self.report
        try:
            notes = dict.fromkeys(islice(self.log.earlier(), NOTES_MAX))
        except PourparlerError as error:
            report.unfit.append(Finding.of(error))
            return
        except OSError as error:
            report.unfit.append(Finding(None, "tile.unavailable", f"the earlier checkpoints cannot be read: {error}"))
            return
        for note in notes:
            try:
                found = open_checkpoint(note, key.name, key).checkpoint
            except PourparlerError as error:
                if len(report.unfit) < GAPS_MAX:
                    report.unfit.append(Finding.of(error))
            else:
                if 0 < found.size <= report.checkpoint.size:
                    self.wanted.setdefault(found.size, []).append(found)

    def compare(self, signed: Sequence[Checkpoint]) -> None:
        root = self.tree.root()
        for one in signed:
            if one.root != root:
                said = f"the ledger signed another root of {one.size:,} entries in an earlier checkpoint"
                raise Refused("proof.inconsistent", said)
            self.report.earlier += 1


class Unread(Exception):
    """A text could not be read as it should be. Raised as one of the law's own reasons, the fold would call an act void
    for it."""

    def __init__(self, error: PourparlerError) -> None:
        super().__init__(str(error))
        self.error = error


class Judge:
    """Folds entries by the law, one after the other, until there is one that cannot be judged."""

    def __init__(self, report: Audit, log: Log) -> None:
        self.report = report
        self.at_work = not report.tree_only
        self.log = log
        self.fold = Fold(Depositary(report.key.name, report.key.public_key), self.text)

    def text(self, digest: bytes) -> bytes | None:
        """Return a text for the fold. Raises :class:`Unread` where another one is served, or it is there no more."""
        try:
            text = self.log.text(digest)
        except PourparlerError as error:
            raise Unread(error) from error
        if text is None and digest in self.fold.texts.public:
            raise Unread(Missing("tile.unavailable", f"{text_path(digest)} was there before, and is not any more"))
        return text

    def take(self, first: int, entries: Sequence[bytes]) -> bool:
        """Judge the next entries, unless something before them could not be; return whether to read on."""
        report = self.report
        if first == 0 and self.at_work and not begins_ledger(entries):
            report.acts = self.at_work = False
        if not self.at_work or first != report.judged:
            return True
        report.fold = self.fold
        for index, data in enumerate(entries, first):
            try:
                read = parse_entry(data)
                fold_entry(self.fold, read, index)
                if isinstance(read, Act) and read.kind == "publish":
                    self.look_for_words(read, index)
            except PourparlerError as error:
                return self.stop(error, index)
            except Unread as unread:
                return self.stop(unread.error, index)
            report.kinds[read.kind if isinstance(read, Act) else "statement"] += 1
            report.judged += 1
        return True

    def look_for_words(self, act: Act, index: int) -> None:
        """Note which of the words that an act published are not served. Raises :class:`Unread` where others are."""
        outcome = self.fold.registry.outcomes.get(act.id)
        published = published_texts(act, self.fold.registry) if outcome and outcome.void is None else frozenset()
        for digest in sorted(published - self.fold.texts.public):
            if self.text(digest) is None and len(self.report.withheld) < GAPS_MAX:
                detail = f"published words are not served: {text_path(digest)}"
                self.report.withheld.append(Finding(index, "tile.unavailable", detail))

    def stop(self, error: PourparlerError, index: int) -> bool:
        """Note why an entry cannot be judged; return whether to read on: the tree may be whole for all that."""
        self.at_work = False
        if error.reason in NOT_HERE:
            self.report.gaps.append(Finding.of(error, index))
            return True
        self.report.fault = Finding.of(error, index)
        return False

    def end(self) -> None:
        """Hold the end of the log against its last stamp. Raises :class:`Refused` (``stamp.contradiction``)."""
        stamp = self.fold.registry.stamp
        if stamp is not None and self.report.judged == self.report.checkpoint.size:
            if stamp.index + stamp.follows + 1 != self.report.judged:
                raise Refused("stamp.contradiction", "the ledger ends within a transaction, and signed a checkpoint")


# What the ledger had when it took an act in, and whoever audits it may lack. Where an act is not there at all for any
# other reason, the ledger should not have logged it.
NOT_HERE = {"text.missing", "tile.unavailable", "passkey.unsupported"}


def begins_ledger(entries: Sequence[bytes]) -> bool:
    """Return whether a log begins as a ledger of acts does."""
    try:
        return parse_act(entries[0]).kind == "ledger"
    except PourparlerError:
        return False


# --- whose key --------------------------------------------------------------------------------------------------------


def key_said_by(origin: str, entries: Sequence[bytes]) -> VerifierKey | None:
    """Return the key that the first entries themselves say is the ledger's: one that has signed the first of them, and
    that an act names as the key of this origin. It is a claim, and nobody vouches for it."""
    acts = []
    for data in entries:
        try:
            acts.append(parse_act(data))
        except PourparlerError:
            return None
    if not acts or acts[0].kind != "ledger" or acts[0]["origin"] != origin:
        return None
    signature = acts[0].envelope.signatures[0]
    for act in acts:
        for key in keys_named(act.payload, origin):
            if kid_of(key) == signature.kid and signed_by(acts[0], key):
                return ledger_key(Depositary(origin, key))
    return None


def keys_named(value: object, origin: str) -> Iterator[bytes]:
    """Yield the keys that stand beside an origin, however deep."""
    if isinstance(value, Mapping):
        if value.get("origin") == origin and isinstance(key := value.get("key"), bytes):
            yield key
        for member in value.values():
            yield from keys_named(member, origin)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from keys_named(member, origin)


def signed_by(act: Act, key: bytes) -> bool:
    try:
        verify_one(act, act.envelope.signatures[0], key)
    except PourparlerError:
        return False
    return True
