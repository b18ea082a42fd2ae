"""Contracts for what the core must not touch: keys, time, chance, storage. Written for the caller's need.

Each says how it fails; implementations live in ``store``, ``service`` and ``testing``, and share nothing but these.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


class KeyTrouble(OSError):
    """Why a key cannot be used: a stable dotted reason, what is wrong, and what whoever holds the key can do."""

    def __init__(self, reason: str, what: str, do: str = "") -> None:
        super().__init__(what)
        self.reason, self.what, self.do = reason, what, do

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]"

    def __reduce__(self) -> tuple[type["KeyTrouble"], tuple[str, str, str]]:
        return type(self), (self.reason, self.what, self.do)  # an intake copies it for each that waits


class Signer(Protocol):
    """One Ed25519 key that can sign. A signer that cannot sign (locked, absent) raises ``OSError``; those of this
    project raise :class:`KeyTrouble`, which is one."""

    @property
    def public_key(self) -> bytes:
        """The 32-byte public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""


class Clock(Protocol):
    """What time it is, in whole seconds since 1970 (negative before). May go backwards; callers cope."""

    def now(self) -> int: ...


class Chance(Protocol):
    """Unpredictable bytes. Never fails."""

    def bytes(self, count: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry of a ledger as stored: its index, its bytes, and the id of the act in it."""

    index: int
    act_id: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act that was refused at intake, for supervisors: who sent what when, and at which step it stopped."""

    act_id: bytes
    kind: str
    step: int
    reason: str
    detail: str
    time: int
    data: bytes


class StoreTransaction(Protocol):
    """One transaction of a store. Nothing of it is visible to others before it commits, and all of it after."""

    def append(self, entries: Sequence[StoredEntry], nodes: Sequence[tuple[int, int, bytes]]) -> None:
        """Add entries that follow the last one, and the complete subtrees ``(level, index, hash)`` they finish.

        Raises :class:`StoreConflict` where another writer has appended since.
        """

    def set_checkpoint(self, size: int, note: bytes) -> None:
        """Replace the signed checkpoint; ``size`` only grows. Raises :class:`StoreConflict` otherwise."""

    def put_text(self, digest: bytes, data: bytes) -> None: ...


class Store(Protocol):
    """Where one ledger's entries, tree nodes, checkpoint, texts and refusals are kept.

    Failures of the medium raise :class:`StoreError`; after one, the caller re-reads what is stored before it goes on.
    """

    def transaction(self) -> AbstractContextManager[StoreTransaction]:
        """Open the one writing transaction: commit on leaving, roll back on an exception.

        Leaving returns only once the data is durable. Raises :class:`StoreError`, and then nothing was stored.
        """

    def size(self) -> int: ...

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        """Yield the entries from an index on, in order."""

    def entry(self, index: int) -> StoredEntry: ...

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree: ``2**level`` leaves from ``index * 2**level`` on."""

    def checkpoint(self) -> bytes | None: ...

    def text(self, digest: bytes) -> bytes | None: ...

    def add_refusal(self, refusal: Refusal) -> None:
        """Keep a refusal for supervisors; its loss in a crash harms nobody."""

    def refusals(self) -> Iterator[Refusal]: ...

    def close(self) -> None: ...


class StoreError(Exception):
    """The medium failed (full, read-only, damaged). What was not acknowledged may be lost; nothing else is."""


class StoreConflict(StoreError):
    """Another writer has changed the store since: there must be only one."""
