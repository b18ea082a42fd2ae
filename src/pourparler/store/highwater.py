"""The high-water file: up to where a ledger has been acknowledged, kept apart from the ledger itself.

A database cannot tell that it is an older copy of itself. So the newest checkpoint that was acknowledged also stands
in a small file of its own, which is synced after each commit and before any answer leaves. A database that lacks what
the file says has lost acknowledged entries: whoever appended to it would sign a second history.

The file has two halves of 4,096 bytes that are written in turns, in place, so that a write costs one sync and a crash
can spoil only the half that nobody has been answered by yet. A half is one line, the checkpoint as its ledger signed
it, and newlines up to its end; ``cat`` shows it::

    pourparler/1 high-water 7 214 9f2c…     which write it is, the note's length, SHA-256 of number, newline and note
    ledger.example/talks
    …

What may be lost: nothing of it; a ledger without its file is not written until somebody has looked. What must never be
restored from an older copy: the file, least of all together with its database. A thief learns the size of the ledger.
Best kept on another disk than the database, and out of the backup that holds it.
"""

import fcntl
import hashlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pourparler.ports import StoreConflict, StoreError
from pourparler.store.sqlite import StoreInUse

HALF_BYTES = 4_096
NOTE_MOST_BYTES = HALF_BYTES - 256
HEAD = re.compile(rb"pourparler/1 high-water ([1-9][0-9]{0,18}) ([1-9][0-9]{0,3}) ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Half:
    """One half that is whole: ``count`` says how many writes came before it, plus one."""

    count: int
    note: bytes

    def encoded(self) -> bytes:
        digest = hashlib.sha256(b"%d\n" % self.count + self.note).hexdigest()
        head = f"pourparler/1 high-water {self.count} {len(self.note)} {digest}\n".encode()
        return (head + self.note).ljust(HALF_BYTES, b"\n")


def parse_half(data: bytes) -> Half | None:
    """Return what a half says, or None where a write of it did not end, or it was spoilt."""
    head = HEAD.match(data)
    if head is None:
        return None
    half = Half(int(head[1]), data[head.end() : head.end() + int(head[2])])
    return half if half.encoded() == data else None


class HighWaterFile:
    """One ledger's high-water file, held by this instance alone; or, not ``alone``, only looked at beside whoever
    holds it. Safe under the lock of whoever writes the ledger.

    Its methods are those of :class:`pourparler.ports.HighWater`, with that contract. Raises :class:`StoreInUse` where
    another instance holds the file, as one that works on a copy of the same folder does; :class:`StoreError` where it
    cannot be read, or is something else.
    """

    def __init__(self, path: Path | str, *, alone: bool = True) -> None:
        self.path = Path(path)
        self.alone = alone
        self.spoilt = False
        self._newest: Half | None = None
        self._failed = False
        self._file = self._opened()
        if self._file is not None:
            try:
                self._newest = self._look()
            except BaseException:
                self.close()
                raise

    # Opening.

    def _opened(self) -> int | None:
        try:
            file = os.open(self.path, (os.O_RDWR if self.alone else os.O_RDONLY) | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._failure("be opened", error) from error
        try:
            if self.alone:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            raise StoreInUse(
                f"{self.path} is in use: another instance keeps this ledger, perhaps in a copy of its folder. A ledger "
                "has one writer; stop the other one, and throw away the copy that is not the ledger."
            ) from error
        return file

    def _look(self) -> Half | None:
        """Return the newest half that is whole; note whether another one is not."""
        data = self._bytes()
        if len(data) < 2 * HALF_BYTES and not any(data):  # it was cut off while it was made
            data = bytes(2 * HALF_BYTES)
        if len(data) != 2 * HALF_BYTES:
            raise StoreError(
                f"{self.path} is no high-water file: it has {len(data):,} bytes and not {2 * HALF_BYTES:,}. Put the "
                "right file there, or name another place for it."
            )
        halves = [data[:HALF_BYTES], data[HALF_BYTES:]]
        whole = [half for half in map(parse_half, halves) if half is not None]
        blank = sum(half == bytes(HALF_BYTES) for half in halves)
        newest = max(whole, key=lambda half: half.count, default=None)
        lost = blank and newest is not None and newest.count > 1  # from the second write on no half is blank
        cut_off = newest is None and blank == 1  # the very first write was: nobody was told of anything yet
        self.spoilt = (len(whole) + blank != 2 and not cut_off) or bool(lost)
        return newest

    def _bytes(self) -> bytes:
        assert self._file is not None
        try:
            return os.pread(self._file, 2 * HALF_BYTES + 1, 0)
        except OSError as error:
            raise self._failure("be read", error) from error

    # The contract.

    @property
    def begun(self) -> bool:
        return self._file is not None

    def begin(self) -> None:
        if self._file is None:
            self._file = self._created()
        elif self._newest is None:
            self._blank(self._file)  # whoever made it may have been cut off before its name was durable

    def read(self) -> bytes | None:
        return self._newest.note if self._newest else None

    def check(self) -> None:
        if self._failed or self._file is None:
            raise StoreError(f"the high-water file {self.path} failed, or is closed. Look at its disk; start again.")
        try:
            here, held = self.path.stat(), os.fstat(self._file)
        except OSError as error:
            raise self._failure("be found any more", error) from error
        if (here.st_dev, here.st_ino) != (held.st_dev, held.st_ino) or self._look() != self._newest:
            raise StoreConflict(
                f"{self.path} has been changed by somebody else while this instance wrote the ledger. Nothing more is "
                "written; find out who else writes it, then start again."
            )

    def keep(self, note: bytes) -> None:
        if len(note) > NOTE_MOST_BYTES:
            raise StoreError(f"a checkpoint of {len(note):,} bytes is too long for {self.path}")
        self.begin()
        assert self._file is not None
        half = Half(self._newest.count + 1 if self._newest else 1, note)
        try:
            written = os.pwrite(self._file, half.encoded(), half.count % 2 * HALF_BYTES)
            if written != HALF_BYTES:
                raise OSError(0, f"only {written:,} bytes of {HALF_BYTES:,} were written")  # noqa: TRY301  as any other
            sync_data(self._file)
        except OSError as error:
            self._failed = True  # what the operating system shows now may not be what is on the disk
            raise self._failure("be written", error) from error
        self._newest, self.spoilt = half, False

    def _created(self) -> int:
        """Make the file with all its bytes, and see it into its directory: later writes only change bytes."""
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._failure("be made", error) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._blank(file)
        except (OSError, StoreError):
            os.close(file)
            with suppress(OSError):
                self.path.unlink()
            raise
        return file

    def _blank(self, file: int) -> None:
        try:
            os.pwrite(file, bytes(2 * HALF_BYTES), 0)
            os.fsync(file)
            sync_directory(self.path.parent)
        except OSError as error:
            raise self._failure("be made", error) from error

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _failure(self, doing: str, error: OSError) -> StoreError:
        return StoreError(
            f"the high-water file {self.path} cannot {doing}: {error.strerror or error}. Without it nothing is "
            "written: look at its disk and at the rights to it, then start again."
        )


def sync_data(file: int) -> None:
    """Make the bytes of a file durable; its length has not changed. Raises ``OSError``."""
    if full := getattr(fcntl, "F_FULLFSYNC", None):  # macOS, whose fsync stops at the disk's own memory
        fcntl.fcntl(file, full)
    else:
        os.fdatasync(file)


def sync_directory(folder: Path) -> None:
    """Make the names in a directory durable. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
