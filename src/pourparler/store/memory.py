"""A store in memory: the contract of :class:`pourparler.ports.Store` without a medium. For tests and rehearsals."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pourparler.ports import Refusal, StoreConflict, StoredEntry


class MemoryStore:
    """Keeps everything in lists and maps; lost with the process. Safe to use from several threads.

    Its methods are those of :class:`pourparler.ports.Store`, with that contract.
    """

    def __init__(self) -> None:
        self._writing = threading.Lock()
        self._entries: list[StoredEntry] = []
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._checkpoint: tuple[int, bytes] | None = None
        self._witnessed: tuple[int, bytes] | None = None
        self._witnessed_notes: dict[int, list[bytes]] = {}
        self._texts: dict[bytes, bytes] = {}
        self._refusals: list[Refusal] = []

    @contextmanager
    def transaction(self) -> Iterator["MemoryTransaction"]:
        with self._writing:
            staged = MemoryTransaction(self)
            yield staged
            self._nodes.update(staged.nodes)
            self._texts.update(staged.texts)
            self._entries += staged.entries
            self._checkpoint = staged.checkpoint
            for size, note in staged.witnessed:
                of_size = self._witnessed_notes.setdefault(size, [])
                of_size += [] if note in of_size else [note]

    def size(self) -> int:
        return len(self._entries)

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        yield from self._entries[start:]

    def entry(self, index: int) -> StoredEntry:
        return self._entries[index]

    def node(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]

    def checkpoint(self) -> bytes | None:
        return self._checkpoint[1] if self._checkpoint else None

    def witnessed(self) -> bytes | None:
        return self._witnessed[1] if self._witnessed else None

    def set_witnessed(self, size: int, note: bytes, *, beside: bool = False) -> None:
        with self._writing:
            least, most = (head[0] if head else 0 for head in (self._witnessed, self._checkpoint))
            if not least <= size <= most:
                raise StoreConflict(f"a witnessed checkpoint has a size from {least} to {most}; {size} has not")
            self._witnessed = (size, note)
            if beside or size not in self._witnessed_notes:
                self._witnessed_notes.setdefault(size, []).append(note)

    def witnessed_notes(self, after: int) -> Iterator[tuple[int, bytes]]:
        for size in sorted(size for size in self._witnessed_notes if size > after):
            yield from ((size, note) for note in tuple(self._witnessed_notes[size]))

    def text(self, digest: bytes) -> bytes | None:
        return self._texts.get(digest)

    def add_refusal(self, refusal: Refusal) -> None:
        self._refusals.append(refusal)

    def refusals(self) -> Iterator[Refusal]:
        yield from tuple(self._refusals)

    def close(self) -> None:
        """Do nothing: what is in memory stays readable as long as the object lives."""


class MemoryTransaction:
    """What one transaction adds; the store takes it over when the transaction ends well.

    Its methods are those of :class:`pourparler.ports.StoreTransaction`, with that contract.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.entries: list[StoredEntry] = []
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.texts: dict[bytes, bytes] = {}
        self.witnessed: list[tuple[int, bytes]] = []
        self.checkpoint = store._checkpoint  # noqa: SLF001  the two are one thing in two states

    def append(self, entries: Sequence[StoredEntry], nodes: Sequence[tuple[int, int, bytes]]) -> None:
        for entry in entries:
            size = self.store.size() + len(self.entries)
            if entry.index != size:
                raise StoreConflict(f"entry {entry.index} does not follow the {size} entries that are stored")
            self.entries.append(entry)
        self.nodes.update({(level, index): hash_ for level, index, hash_ in nodes})

    def set_checkpoint(self, size: int, note: bytes) -> None:
        if self.checkpoint and size <= self.checkpoint[0]:
            raise StoreConflict(f"a checkpoint of size {self.checkpoint[0]} is stored; {size} does not follow it")
        self.checkpoint = (size, note)

    def put_text(self, digest: bytes, data: bytes) -> None:
        self.texts[digest] = data

    def add_witnessed(self, size: int, note: bytes) -> None:
        most = self.checkpoint[0] if self.checkpoint else 0
        if size > most:
            raise StoreConflict(f"a witnessed checkpoint has a size up to {most}; {size} has not")
        self.witnessed.append((size, note))
