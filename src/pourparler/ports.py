"""Contracts for what the core must not touch: keys, time, chance, storage, channels. Written for the caller's need.

Each says how it fails; implementations live in ``store``, ``dispatch``, ``service`` and ``testing``, and share nothing
but these.
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
    """One key that can sign: Ed25519 everywhere, and ML-DSA-44 in the hands of a witness alone. A signer that cannot
    sign (locked, absent) raises ``OSError``; those of this project raise :class:`KeyTrouble`, which is one."""

    @property
    def public_key(self) -> bytes:
        """The public key: 32 bytes, of ML-DSA-44 1,312."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``: 64 bytes, of ML-DSA-44 2,420."""


class Clock(Protocol):
    """What time it is, in whole seconds since 1970 (negative before). May go backwards; callers cope."""

    def now(self) -> int:
        """Return the time, in seconds since 1970-01-01T00:00:00Z without leap seconds."""


class Chance(Protocol):
    """Unpredictable bytes. Never fails."""

    def bytes(self, count: int) -> bytes:
        """Return ``count`` bytes that nobody can foretell."""


class ChannelTrouble(OSError):
    """Why a channel cannot be used: a stable dotted reason, what is wrong, and what its user can do about it."""

    def __init__(self, reason: str, what: str, do: str = "") -> None:
        super().__init__(what)
        self.reason, self.what, self.do = reason, what, do

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]"

    def __reduce__(self) -> tuple[type["ChannelTrouble"], tuple[str, str, str]]:
        return type(self), (self.reason, self.what, self.do)


class FrameChannel(Protocol):
    """A lossy medium for frames: a radio, a datagram network, a loop of codes on a screen.

    It promises almost nothing. A frame that is sent may arrive at no receiver, or at several, twice, late, after
    later ones, or with other bytes; frames that nobody here sent arrive, too; a sender may hear itself. So whoever
    receives believes a frame for its signatures only, and whoever sends repeats. What it does promise: what arrives
    is a frame whole, of 1 to ``frame_bytes`` bytes, never the join or the half of two; and it never holds more than
    a bounded number of frames, whoever floods it.

    One thread may send while another receives. Failures raise ``OSError``; those of this project raise
    :class:`ChannelTrouble`, which is one. `pourparler.testing.conformance` tries a channel against all this.
    """

    @property
    def frame_bytes(self) -> int:
        """The most bytes that one frame may have."""

    def send(self, frame: bytes) -> None:
        """Hand a frame to the medium, and wait where its rate limit says so. Returning says nothing of its arrival.

        Raises :class:`ValueError` for a frame of no or of too many bytes, which is the caller's mistake, and
        ``OSError`` where the medium cannot take it: that frame is lost, and the next one may be tried, unless the
        reason is ``channel.closed`` or ``channel.ended``.
        """

    def receive(self, seconds: float) -> bytes | None:
        """Return the next frame, or None where none came within ``seconds``; with 0, what is here already.

        Raises ``OSError`` where nothing will come any more: the channel was closed (``channel.closed``), or its medium
        has ended (``channel.ended``), after the frames that came before that were returned.
        """

    def close(self) -> None:
        """Give the medium back. Closing twice does nothing."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """One entry of a ledger as stored: its index, the 32-byte id of the act in it, and its envelope's bytes."""

    index: int
    act_id: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """An act that was refused at intake, for supervisors: what was sent when, and why it was refused.

    ``step`` is the number of the step of ``spec/act.md`` section 5 that failed, ``reason`` the code, ``detail`` a
    sentence; ``time`` is the clock's, in seconds. Where ``data`` cannot be read, id and kind are empty.
    """

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

    def put_text(self, digest: bytes, data: bytes) -> None:
        """Keep a text under its 32-byte digest. The same text again changes nothing."""

    def add_witnessed(self, size: int, note: bytes) -> None:
        """Keep a witnessed checkpoint that somebody else kept, behind those of its size; the same again changes
        nothing. :meth:`Store.witnessed` stays as it is. Raises :class:`StoreConflict` for a ``size`` beyond that of the
        newest signed checkpoint."""


class Store(Protocol):
    """Where one ledger's entries, tree nodes, checkpoint, texts and refusals are kept.

    Failures of the medium raise :class:`StoreError`; after one, the caller re-reads what is stored before it goes on.
    """

    def transaction(self) -> AbstractContextManager[StoreTransaction]:
        """Open the one writing transaction: commit on leaving, roll back on an exception.

        Leaving returns only once the data is durable. Raises :class:`StoreError`, and then nothing was stored.
        """

    def size(self) -> int:
        """Return the number of entries, which is the index of the next one."""

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        """Yield the entries from an index on, in order."""

    def entry(self, index: int) -> StoredEntry:
        """Return the entry at an index. Raises :class:`IndexError` where there is none."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree: ``2**level`` leaves from ``index * 2**level`` on.

        Raises :class:`KeyError` where it is not stored: the subtree is not complete yet.
        """

    def checkpoint(self) -> bytes | None:
        """Return the newest signed checkpoint, verbatim, or None before the first transaction."""

    def witnessed(self) -> bytes | None:
        """Return the largest checkpoint that a quorum of witnesses has cosigned, verbatim, or None."""

    def set_witnessed(self, size: int, note: bytes, *, beside: bool = False) -> None:
        """Replace the witnessed checkpoint; durable once this returns. Its ``size`` never shrinks, and is at most that
        of the newest signed checkpoint: raises :class:`StoreConflict` otherwise.

        The first of its size is kept for good; a later one is, too, where it stands ``beside`` it and says more."""

    def witnessed_notes(self, after: int) -> Iterator[tuple[int, bytes]]:
        """Yield the witnessed checkpoints of more than ``after`` entries that are kept, each with its size: by size,
        and of one size in the order in which they were witnessed."""

    def text(self, digest: bytes) -> bytes | None:
        """Return a text by its digest, or None where it is not kept here."""

    def add_refusal(self, refusal: Refusal) -> None:
        """Keep a refusal for supervisors; its loss in a crash harms nobody."""

    def refusals(self) -> Iterator[Refusal]:
        """Yield the refusals that are kept, the oldest first. A store may keep only the newest."""

    def close(self) -> None:
        """Give the medium back. What was committed stays; closing twice does nothing."""


class HighWater(Protocol):
    """Where the newest acknowledged checkpoint of a ledger is kept, apart from its store, so that a store which was
    put back to an earlier day is noticed. One instance holds it at a time.

    ``spoilt`` says that a part of it cannot be read: a write was cut off, or the medium failed. ``begun`` says that
    the medium is there, whatever it holds.
    """

    spoilt: bool

    @property
    def begun(self) -> bool: ...

    def begin(self) -> None:
        """Make the medium, with nothing in it, unless it is there. Raises :class:`StoreError`."""

    def read(self) -> bytes | None:
        """Return the signed checkpoint that was kept last, verbatim, or None where there is none."""

    def check(self) -> None:
        """Raise :class:`StoreConflict` where somebody else has written since. Costs no sync."""

    def keep(self, note: bytes) -> None:
        """Keep a signed checkpoint; it is durable on return. Raises :class:`StoreError`: it may or may not be kept."""

    def close(self) -> None:
        """Let the next instance have it. Closing twice does nothing."""


class StoreError(Exception):
    """The medium failed (full, read-only, damaged). What was not acknowledged may be lost; nothing else is."""


class StoreConflict(StoreError):
    """Another writer has changed the store since: there must be only one."""
