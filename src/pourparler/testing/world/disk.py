"""A disk that fails on purpose: the contract of :class:`pourparler.ports.Store` and of the high-water file, in memory.

What a transaction wrote is there from its commit on, and not before; the power may go at any of the moments in between
(:class:`PowerCut`). Two things can lose what was acknowledged, as on real disks: a disk *lies* (it confirms a
sync and keeps nothing of it beyond the next power cut), and a careless hand puts *yesterday's copy* back. The
high-water mark stands on another disk, which is honest; that is what it is for.

A *sync fails* once, before its transaction is kept or after: whoever was told so reads and writes nothing more until it
is opened anew, as the SQLite stores do. A *bit flips* in what is stored; a *read comes back short* once, in the middle
of an entry or without the last ones. *Two instances* may hold one disk, or a disk and its copy with one high-water
mark: the locks of this disk do not hold, as on some network file systems, so that only what the ledger looks at itself
(the size that it appends to, the mark that somebody else has changed) keeps them from two histories. A half of the
high-water mark may be *torn*; a torn transaction is none.

What has no meaning in memory is played on SQLite and real files, by the campaign ``faults``: the locks themselves
(``two``), pages and log torn anywhere (``cuts``), each failing system call (``errors``), a bit anywhere in the file
(``flips``; here in entries, nodes, checkpoint and texts of a ledger, never in what a node keeps beside its journal).
Here the contract is played in memory, because a thousand worlds of 24 hours have to fit into twenty minutes. What a
node keeps beside its journal is the real SQLite store, in memory as well.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from pourparler.ports import Refusal, StoreConflict, StoredEntry, StoreError
from pourparler.store.memory import MemoryStore, MemoryTransaction
from pourparler.testing.world.chance import Chance


class PowerCut(BaseException):
    """The power went in the middle of a write: the process is gone, and nobody may handle it inside."""


class SyncFailed(StoreError):
    """The disk could not do what it was asked to, once (EIO). Whether it was done, nobody knows."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a store had come at one moment."""

    size: int
    checkpoint: tuple[int, bytes] | None
    texts: int


class Disk:
    """The medium of one place. ``moments`` counts what was written; at ``cut_at`` of them the power goes, and at
    ``fails_at`` a sync fails. ``full`` makes every write fail, as a full disk does."""

    def __init__(self) -> None:
        self.moments = 0
        self.cut_at: int | None = None
        self.fails_at: int | None = None
        self.full = False

    def touch(self) -> None:
        """Pass one moment of a write. Raises :class:`PowerCut`, :class:`SyncFailed`, and :class:`StoreError` where the
        disk is full."""
        self.moments += 1
        if self.cut_at is not None and self.moments >= self.cut_at:
            self.cut_at = None
            raise PowerCut
        if self.fails_at is not None and self.moments >= self.fails_at:
            self.fails_at = None
            raise SyncFailed("reading or writing the disk failed")
        if self.full:
            raise StoreError("no space left on device")


class DiskStore(MemoryStore):
    """A memory store that is as durable as its disk. ``lying`` is where an honest disk would still be; ``failed`` says
    that a sync has failed since it was opened; ``short`` is how many entries the next reading of all leaves out at the
    end, or 0 for the half of the last one."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self.disk = disk
        self.lying: Mark | None = None
        self.failed = False
        self.short: int | None = None

    def reopen(self) -> None:
        """Be opened by a new process."""
        self.failed = False

    def _usable(self) -> None:
        if self.failed:
            raise StoreError("the ledger is not used after an I/O error. Look at the disk, then start again.")

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        self._usable()
        try:
            self.disk.touch()
            with super().transaction() as staged:
                yield staged
                self.disk.touch()  # torn: a transaction that did not end is none
            self.disk.touch()  # it is durable, and nobody was told yet
        except SyncFailed:
            self.failed = True
            raise

    def size(self) -> int:
        self._usable()
        return super().size()

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        self._usable()
        short, self.short = (None, self.short) if start else (self.short, None)
        if short is None:
            return super().entries(start)
        whole, last = self._entries[: -max(short, 1)], self._entries[-1]
        return iter(whole if short else [*whole, replace(last, data=last.data[: len(last.data) // 2])])

    def entry(self, index: int) -> StoredEntry:
        self._usable()
        return super().entry(index)

    def node(self, level: int, index: int) -> bytes:
        self._usable()
        return super().node(level, index)

    def checkpoint(self) -> bytes | None:
        self._usable()
        return super().checkpoint()

    def text(self, digest: bytes) -> bytes | None:
        self._usable()
        return super().text(digest)

    def add_refusal(self, refusal: Refusal) -> None:
        self._usable()
        super().add_refusal(refusal)

    def mark(self) -> Mark:
        """Return how far the store has come."""
        return Mark(len(self._entries), self._checkpoint, len(self._texts))

    def flip(self, chance: Chance) -> str:
        """Change one bit of what is stored; return where."""
        inner = sorted(place for place in self._nodes if place[0])  # a leaf's hash is made from its entry
        wheres = (
            "entry",
            "entry",
            "id",
            "checkpoint",
            *("node" for _ in inner[:1]),
            *("text" for _ in [*self._texts][:1]),
        )
        where = chance.pick(wheres)
        match where:
            case "entry" | "id":
                at = chance.below(len(self._entries))
                entry = self._entries[at]
                if where == "entry":
                    self._entries[at] = replace(entry, data=flipped(entry.data, chance))
                else:
                    self._entries[at] = replace(entry, act_id=flipped(entry.act_id, chance))
            case "checkpoint":
                assert self._checkpoint is not None
                size, note = self._checkpoint
                self._checkpoint = (size, flipped(note, chance))
            case "node":
                node = chance.pick(inner)
                self._nodes[node] = flipped(self._nodes[node], chance)
            case _:
                digest = chance.pick(list(self._texts))
                self._texts[digest] = flipped(self._texts[digest], chance)
        return where

    def on_disk(self) -> list[StoredEntry]:
        """Return the entries, as whoever takes the disk out of the machine finds them."""
        return list(self._entries)

    def lie(self) -> None:
        """From now on syncs are confirmed and not done, until the power goes or :meth:`sync` is honest again."""
        self.lying = self.lying or self.mark()

    def sync(self) -> None:
        """Stop lying: everything that was confirmed is durable."""
        self.lying = None

    def power_went(self) -> bool:
        """Lose what was never durable; return whether anything was lost."""
        lying, self.lying = self.lying, None
        return lying is not None and self.put_back(lying)

    def copy(self, disk: Disk | None = None) -> "DiskStore":
        """Return a copy of what is stored now, to be put back later by :meth:`become`, or used beside it."""
        other = DiskStore(disk or Disk())
        other.become(self)
        return other

    def become(self, other: "DiskStore") -> None:
        """Hold what another store holds."""
        self._entries, self._nodes = list(other._entries), dict(other._nodes)  # noqa: SLF001  two of one kind
        self._texts, self._checkpoint = dict(other._texts), other._checkpoint  # noqa: SLF001
        self.lying = self.short = None

    def put_back(self, mark: Mark) -> bool:
        """Become again what was at a mark; return whether anything was lost. The past stays as it was."""
        lost = len(self._entries) > mark.size
        self._entries = self._entries[: mark.size]
        self._nodes = {(at, n): hash_ for (at, n), hash_ in self._nodes.items() if (n + 1) << at <= mark.size}
        self._checkpoint = mark.checkpoint
        self._texts = dict(list(self._texts.items())[: mark.texts])
        return lost


def flipped(data: bytes, chance: Chance) -> bytes:
    """Return bytes with one bit changed."""
    bit = chance.below(8 * len(data))
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


Half = tuple[int, bytes]
"""One half of a high-water mark: which write it is, and the checkpoint."""


@dataclass(slots=True)
class Halves:
    """The medium of a high-water mark: two halves that are written in turns; None is one whose write was cut off."""

    halves: list[Half | None] = field(default_factory=lambda: [(0, b""), (0, b"")])
    begun: bool = False

    def newest(self) -> Half:
        """Return the newest half that is whole."""
        return max(half for half in self.halves if half is not None)


class DiskHighWater:
    """One instance's hold on a high-water mark, the port :class:`pourparler.ports.HighWater`, on a disk of its own that
    keeps what it confirms. As the real one it remembers what it has read or written last."""

    def __init__(self, touch: Callable[[], None], medium: Halves | None = None) -> None:
        self.medium = Halves() if medium is None else medium
        self.touch = touch
        self.failed = False
        self._newest = self.medium.newest()
        self.spoilt = None in self.medium.halves and self._newest[0] > 0

    def opened_again(self) -> "DiskHighWater":
        """Return another instance's hold on the same mark."""
        return DiskHighWater(self.touch, self.medium)

    @property
    def begun(self) -> bool:
        return self.medium.begun

    def begin(self) -> None:
        self.medium.begun = True

    def read(self) -> bytes | None:
        return self._newest[1] or None

    def check(self) -> None:
        if self.failed:
            raise StoreError("the high-water file failed. Look at its disk; start again.")
        if self.medium.newest() != self._newest:
            raise StoreConflict("the high-water file has been changed by somebody else. Nothing more is written.")

    def keep(self, note: bytes) -> None:
        half = (self._newest[0] + 1, note)
        try:
            self.touch()
            self.medium.begun, self.medium.halves[half[0] % 2] = True, None
            self.touch()  # torn
            self.medium.halves[half[0] % 2] = half
            self.touch()
        except SyncFailed:
            self.failed = True
            raise
        self._newest, self.spoilt = half, False

    def close(self) -> None:
        """Let the next instance have it."""
