"""One SQLite file of ours with one connection: opened, checked, brought up to date, and changed in whole transactions.

What a witness and a node remember is kept in this way. The ledger's own database has several connections and a carrier
beside them (:mod:`pourparler.store.sqlite`), with the same settings for the same reasons; they are read back at every
opening.
"""

import sqlite3
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pourparler.ports import StoreError
from pourparler.store.sqlite import FULL, advice

MEMORY = Path(":memory:")


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of file is: ``called`` in errors, SQLite's application id, the statements of each of its versions
    (numbered by position; one that was released is never edited), and what to do about one that is ``damaged``."""

    called: str
    application_id: int
    migrations: Sequence[Sequence[str]]
    damaged: str


class Held:
    """A file that one thread holds for a while. Written out, for a node enters it some thirty times for each act."""

    __slots__ = ("doing", "file")

    def __init__(self, file: "OneFile", doing: str) -> None:
        self.file, self.doing = file, doing

    def __enter__(self) -> None:
        self.file._using.acquire()  # noqa: SLF001  the two are one thing in two states
        try:
            self.file._check_failed()  # noqa: SLF001
        except BaseException:
            self.file._using.release()  # noqa: SLF001
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, (sqlite3.Error, sqlite3.Warning)):
                raise self.file._failure(self.doing, error) from error  # noqa: SLF001
        finally:
            self.file._using.release()  # noqa: SLF001


class Changing(Held):
    """A file in a transaction; within another it leaves the decision to the outer one."""

    __slots__ = ("outermost",)

    def __enter__(self) -> None:
        super().__enter__()
        file = self.file
        self.outermost = not file._in_transaction  # noqa: SLF001
        if self.outermost:
            try:
                file._database.execute("BEGIN IMMEDIATE")  # noqa: SLF001
            except BaseException as error:
                super().__exit__(type(error), error, None)
                raise
            file._in_transaction = True  # noqa: SLF001

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.outermost:
                self.file._end_transaction(keep=error is None)  # noqa: SLF001
        except BaseException as failed:
            super().__exit__(type(failed), failed, trace)
            raise
        super().__exit__(kind, error, trace)


class OneFile:
    """A file of one layout. Safe to use from several threads: each holds it for a whole transaction.

    Raises :class:`StoreError` where the file cannot be opened, is another program's or a newer version's, or is
    damaged. After an I/O error nothing more is read or written: what the operating system then shows may not be what is
    on the disk.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path, self.layout = path, layout
        self._using = threading.RLock()
        self._in_transaction = False
        self._failed = False
        try:
            with self._failures(f"open {layout.called}"):
                self._database = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
                self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        for pragma in ("synchronous=FULL", "fullfsync=ON", "checkpoint_fullfsync=ON", "trusted_schema=OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        version = self._check_owner()
        mode = self._one("PRAGMA journal_mode=WAL")[0]
        if self.path != MEMORY and (mode, self._one("PRAGMA synchronous")[0]) != ("wal", FULL):
            raise StoreError(f"{self.path}: write-ahead logging or synchronous=FULL is not on. Is it a local disk?")
        with self.changing():
            for statement in (one for group in self.layout.migrations[version:] for one in group):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA application_id={self.layout.application_id}")
            self._database.execute(f"PRAGMA user_version={len(self.layout.migrations)}")
        found = self._one("PRAGMA quick_check(1)")[0]
        if found != "ok":
            raise StoreError(f"{self.path} is damaged ({found}). {self.layout.damaged}")

    def _check_owner(self) -> int:
        """Return the version of what is there. Raises :class:`StoreError` where it is not ours to open."""
        empty = self._one("SELECT count(*) FROM sqlite_master") == (0,)
        owner, version = self._one("PRAGMA application_id")[0], int(self._one("PRAGMA user_version")[0])
        if owner != self.layout.application_id and not (empty and owner == 0 and version == 0):
            raise StoreError(f"{self.path} is not {self.layout.called}: it is another program's database.")
        if version > len(self.layout.migrations):
            raise StoreError(f"{self.path} was written by a newer version of Pourparler: use that one.")
        return version

    def _failures(self, doing: str) -> "Held":
        """Hold the file, and turn what SQLite raises into :class:`StoreError`: what failed, why, and what to do."""
        return Held(self, doing)

    def _check_failed(self) -> None:
        if self._failed:
            raise StoreError(f"{self.path} is not used after an I/O error. Look at the disk, then start again.")

    def _failure(self, doing: str, error: Exception) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self._failed |= code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT)
        return StoreError(f"{self.path}: could not {doing}: {error}. {advice(code, self.path)}")

    def changing(self, doing: str = "") -> Changing:
        """Gather changes into one transaction, durable on leaving; an exception undoes all of them. May be nested: the
        outermost one decides."""
        return Changing(self, doing or f"change {self.layout.called}")

    def _end_transaction(self, *, keep: bool) -> None:
        """Commit, or undo, what was changed."""
        try:
            if keep:
                self._before_commit()
                self._database.execute("COMMIT")
        finally:
            self._in_transaction = False
            if self._database.in_transaction:  # it was to be undone, or the commit failed
                with suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                self._undone()

    def _before_commit(self) -> None:
        """Everything was changed, and nothing of it is durable yet."""

    def _undone(self) -> None:
        """A transaction was undone: what was kept in memory of it has to be forgotten."""

    def _one(self, statement: str, *values: Any) -> Any:
        """Return the first row, or None."""
        with self._failures(f"read {self.layout.called}"):
            return self._database.execute(statement, values).fetchone()

    def _all(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows."""
        with self._failures(f"read {self.layout.called}"):
            return self._database.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        with self._using, suppress(sqlite3.Error, AttributeError):
            self._database.close()
