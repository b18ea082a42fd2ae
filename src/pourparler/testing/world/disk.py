"""A disk that fails on purpose: the contract of :class:`pourparler.ports.Store` and of the high-water file, in memory.

What a transaction wrote is there from its commit on, and not before; the power may go at any of the moments in between
(:class:`PowerCut`). Three things can be lost that were acknowledged, as on real disks: a disk *lies* (it confirms a
sync and keeps nothing of it beyond the next power cut), and a careless hand puts *yesterday's copy* back. The
high-water mark stands on another disk, which is honest; that is what it is for.

The SQLite store under the same attacks, byte by byte, is the campaign ``faults``. Here its contract is played in
memory, because a thousand worlds of 24 hours have to fit into twenty minutes. What a node keeps beside its journal is
the real SQLite store, in memory as well.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pourparler.ports import StoreError
from pourparler.store.memory import MemoryStore, MemoryTransaction


class PowerCut(BaseException):
    """The power went in the middle of a write: the process is gone, and nobody may handle it inside."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a store had come at one moment."""

    size: int
    checkpoint: tuple[int, bytes] | None
    texts: int


class Disk:
    """The medium of one place. ``moments`` counts what was written; at ``cut_at`` of them the power goes. ``full``
    makes every write fail, as a full disk does."""

    def __init__(self) -> None:
        self.moments = 0
        self.cut_at: int | None = None
        self.full = False

    def touch(self) -> None:
        """Pass one moment of a write. Raises :class:`PowerCut`, and :class:`StoreError` where the disk is full."""
        self.moments += 1
        if self.cut_at is not None and self.moments >= self.cut_at:
            self.cut_at = None
            raise PowerCut
        if self.full:
            raise StoreError("no space left on device")


class DiskStore(MemoryStore):
    """A memory store that is as durable as its disk. ``lying`` is where an honest disk would still be."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self.disk = disk
        self.lying: Mark | None = None

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        self.disk.touch()
        with super().transaction() as staged:
            yield staged
            self.disk.touch()  # torn: a transaction that did not end is none
        self.disk.touch()  # it is durable, and nobody was told yet

    def mark(self) -> Mark:
        """Return how far the store has come."""
        return Mark(len(self._entries), self._checkpoint, len(self._texts))

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

    def copy(self) -> "DiskStore":
        """Return a copy of what is stored now, to be put back later by :meth:`become`."""
        other = DiskStore(Disk())
        other.become(self)
        return other

    def become(self, other: "DiskStore") -> None:
        """Hold what another store holds."""
        self._entries, self._nodes = list(other._entries), dict(other._nodes)  # noqa: SLF001  two of one kind
        self._texts, self._checkpoint = dict(other._texts), other._checkpoint  # noqa: SLF001
        self.lying = None

    def put_back(self, mark: Mark) -> bool:
        """Become again what was at a mark; return whether anything was lost. The past stays as it was."""
        lost = len(self._entries) > mark.size
        self._entries = self._entries[: mark.size]
        self._nodes = {(at, n): hash_ for (at, n), hash_ in self._nodes.items() if (n + 1) << at <= mark.size}
        self._checkpoint = mark.checkpoint
        self._texts = dict(list(self._texts.items())[: mark.texts])
        return lost


class DiskHighWater:
    """The high-water mark of :class:`pourparler.ports.HighWater`, on a disk of its own that keeps what it confirms."""

    def __init__(self, touch: Callable[[], None]) -> None:
        self.spoilt = False
        self.begun = False
        self.touch = touch
        self._note: bytes | None = None

    def begin(self) -> None:
        self.begun = True

    def read(self) -> bytes | None:
        return self._note

    def check(self) -> None:
        """Nobody else writes it here."""

    def keep(self, note: bytes) -> None:
        self.touch()
        self.begun, self._note = True, note
        self.touch()

    def close(self) -> None:
        """Let the next instance have it."""
