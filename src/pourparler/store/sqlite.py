"""A ledger in one SQLite file: a transaction of the ledger is a transaction of the database.

Entries, tree nodes, checkpoint and texts of a transaction become durable together or not at all, so that a crash can
neither tear nor fork the ledger. That rests on four settings, which are read back at every opening: write-ahead
logging, ``synchronous=FULL``, one writing instance (an exclusive lock on the file ``<database>.lock`` beside it), and
``BEGIN IMMEDIATE``. Put the file on a local disk: the locks and syncs of network file systems do not keep their word.

What may be lost: refusals of the last moments before a crash. What must never be restored from an older copy: the
database, once a checkpoint of it has left; the ledger would fork, if the high-water file did not notice. A thief of
the file learns what public dossiers say and nothing else; keys are not in it.
"""

import fcntl
import logging
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pourparler.core.ledger import leaf_hash
from pourparler.ports import Refusal, StoreConflict, StoredEntry, StoreError

log = logging.getLogger(__name__)

APPLICATION_ID = 0x506F7572  # "Pour"
REFUSALS_KEPT = 10_000  # the newest; a flood of refusals must not fill the disk
ROWS_AT_ONCE = 512
JOURNAL_BYTES = 4 * 1024 * 1024  # from this size on, the write-ahead log is carried into the database
LOOK = "pourparler-look-"  # what the folder of a passing copy is called
FULL = 2  # what PRAGMA synchronous answers for FULL

# Numbered by position: user_version counts how many a file has been through. Never edit one that was released.
MIGRATIONS = (
    (
        "CREATE TABLE entry (idx INTEGER PRIMARY KEY, act_id BLOB NOT NULL, data BLOB NOT NULL)",
        "CREATE UNIQUE INDEX entry_act_id ON entry (act_id)",
        """CREATE TABLE node (
            level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx)
        ) WITHOUT ROWID""",
        "CREATE TABLE checkpoint (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, note BLOB NOT NULL)",
        "CREATE TABLE text (digest BLOB PRIMARY KEY, data BLOB NOT NULL)",
        """CREATE TABLE refusal (
            number INTEGER PRIMARY KEY, act_id BLOB NOT NULL, kind TEXT NOT NULL, step INTEGER NOT NULL,
            reason TEXT NOT NULL, detail TEXT NOT NULL, time INTEGER NOT NULL, data BLOB NOT NULL
        )""",
    ),
    # Ids are random: their index cost every commit a page an act. The fold knows all ids, and replay checks them.
    ("DROP INDEX entry_act_id",),
    # A leaf's hash is made from its entry whenever it is asked for.
    ("DELETE FROM node WHERE level = 0",),
    (
        "CREATE TABLE witnessed (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, note BLOB NOT NULL)",
        "CREATE TABLE first_witnessed (size INTEGER PRIMARY KEY, note BLOB NOT NULL)",
    ),
    # The first of a size may have met another policy, or be dated wrongly: later ones that say more stand beside it.
    (
        "CREATE TABLE witnessed_note (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, note BLOB NOT NULL)",
        "CREATE INDEX witnessed_note_size ON witnessed_note (size)",
        "INSERT INTO witnessed_note (size, note) SELECT size, note FROM first_witnessed ORDER BY size",
        "DROP TABLE first_witnessed",
    ),
)


@contextmanager
def snapshot(path: Path) -> Iterator[Path]:
    """Give a copy of a database as it stands, whoever else writes it; the copy goes away afterwards.

    It needs as much room as the file, in the folder for passing files, and no right to write beside the file. Raises
    ``sqlite3.Error`` and ``OSError``.
    """
    with tempfile.TemporaryDirectory(prefix=LOOK) as folder:
        copied = Path(folder) / path.name
        source = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            with closing(source), closing(sqlite3.connect(copied)) as target:
                source.backup(target)
        except sqlite3.OperationalError as error:
            # Where nothing may be written, SQLite cannot make the index of the log: then nobody writes the file either.
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            for part in ("", "-wal"):
                if Path(f"{path}{part}").exists():
                    shutil.copyfile(f"{path}{part}", f"{copied}{part}")
        yield copied


class StoreInUse(StoreError):
    """Another instance writes this ledger at the moment; whoever can wait may try again."""


class SqliteStore:
    """One ledger's database, opened for writing by this instance alone. Safe to use from several threads.

    Raises :class:`StoreError` where the file cannot be opened, is another program's or a newer version's, is damaged,
    or is in use by another instance. After an I/O error nothing more is read or written: what the operating system
    then shows may not be what is on the disk, so the process has to start again.

    Its methods are those of :class:`pourparler.ports.Store`, with that contract; it keeps the newest 10,000 refusals.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._writing = threading.Lock()  # held for a whole transaction
        self._reading = threading.Lock()  # held for one statement
        self._failed = False
        self._lock_file = self._take_lock()
        self._carrier: Carrier | None = None
        self._connections: list[sqlite3.Connection] = []
        try:
            with self._failures("open the ledger"):
                self._writer = self._connect("FULL")
                self._check_owner()
                self._set_up_journal()
                self._migrate()
                self._check()
                self._reader = self._connect("NORMAL")  # reads what is committed; keeps refusals without a sync
                self._carrier = Carrier(self._connect("FULL"), self.path)
        except BaseException:
            self.close()
            raise

    # Opening.

    def _take_lock(self) -> int:
        lock_path = f"{self.path}.lock"
        try:
            lock_file = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be locked: {error}. The directory must exist and be writable by this user."
            ) from error
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock_file)
            raise StoreInUse(
                f"{self.path} is in use: another instance holds {lock_path}. A ledger has one writer; stop the other "
                "instance, or send this one's acts to it."
            ) from error
        return lock_file

    def _connect(self, synchronous: str) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        pragmas = [f"synchronous={synchronous}", "fullfsync=ON", "checkpoint_fullfsync=ON", "trusted_schema=OFF"]
        for pragma in (*pragmas, "wal_autocheckpoint=0"):  # the carrier does that, so that no submitter waits for it
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _pragma(self, name: str) -> Any:
        row = self._writer.execute(f"PRAGMA {name}").fetchone()
        return row[0] if row else None

    def _check_owner(self) -> None:
        empty = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        application_id, version = self._pragma("application_id"), self._pragma("user_version")
        if application_id != APPLICATION_ID and not (empty and application_id == 0 and version == 0):
            raise StoreError(f"{self.path} is not a ledger: it is another program's database. Name another file.")
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{self.path} was written by a newer version (layout {version}; this one knows {len(MIGRATIONS)}). "
                "Use that version or a later one; the file was not changed."
            )

    def _set_up_journal(self) -> None:
        mode = self._pragma("journal_mode=WAL")
        if mode != "wal":
            raise StoreError(
                f"{self.path} cannot use write-ahead logging (the mode stays {mode!r}). Put it on a local disk."
            )

    def _migrate(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        for statements in MIGRATIONS[self._pragma("user_version") :]:
            for statement in statements:
                self._writer.execute(statement)
        self._writer.execute(f"PRAGMA application_id={APPLICATION_ID}")
        self._writer.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        self._writer.execute("COMMIT")

    def _check(self) -> None:
        """Raise :class:`StoreError` unless the settings hold and the file is whole. Cost: reads the file once."""
        if (self._pragma("journal_mode"), self._pragma("synchronous")) != ("wal", FULL):
            raise StoreError(f"{self.path}: write-ahead logging or synchronous=FULL is not on. Is SQLite built oddly?")
        found = self._pragma("quick_check(1)")
        count, size = self._writer.execute("SELECT count(*), coalesce(max(idx) + 1, 0) FROM entry").fetchone()
        (nodes,) = self._writer.execute("SELECT count(*) FROM node").fetchone()
        complete = size - size.bit_count()  # as many subtrees of two leaves and more; what is left over blocks the next
        if found != "ok" or (count, nodes) != (size, complete):
            wrong = found if found != "ok" else f"{count} entries of {size}, {nodes} nodes of {complete}"
            raise StoreError(
                f"{self.path} is damaged ({wrong}). Keep the file, look at the disk, and do not put an older copy in "
                "its place: that would fork the ledger."
            )

    @contextmanager
    def _failures(self, doing: str) -> Iterator[None]:
        """Turn whatever SQLite raises into :class:`StoreError`, which says what failed, why and what to do."""
        if self._failed:
            raise StoreError(f"{self.path} is not used after an I/O error. Look at the disk, then start again.")
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise StoreConflict(f"{self.path}: could not {doing}: {error}. Has another writer been here?") from error
        except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:  # the last: a row that was spoilt
            undecoded = "decode" in str(error)  # which Python says in two ways, and without a code
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT if undecoded else 0) & 0xFF
            self._failed |= code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT)
            raise StoreError(f"{self.path}: could not {doing}: {error}. {advice(code, self.path)}") from error

    # Writing.

    @contextmanager
    def transaction(self) -> Iterator["SqliteTransaction"]:
        with self._writing:
            with self._failures("begin a transaction"):
                self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteTransaction(self)
                with self._failures("commit"):
                    self._writer.execute("COMMIT")
                assert self._carrier is not None
                self._carrier.look()
            except BaseException:
                with suppress(sqlite3.Error):
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                raise

    def set_witnessed(self, size: int, note: bytes, *, beside: bool = False) -> None:
        with self.transaction(), self._failures("keep the witnessed checkpoint"):
            written = self._writer.execute(
                "INSERT INTO witnessed (one, size, note) SELECT 1, ?, ? FROM checkpoint WHERE checkpoint.size >= ?"
                " ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note"
                " WHERE witnessed.size <= excluded.size",
                (size, note, size),
            )
            if written.rowcount != 1:
                raise StoreConflict(
                    f"{self.path}: a witnessed checkpoint of size {size} is below the one that is kept, or above what "
                    "the ledger holds"
                )

            self._writer.execute(
                "INSERT INTO witnessed_note (size, note) SELECT ?, ?"
                " WHERE ? OR NOT EXISTS (SELECT 1 FROM witnessed_note WHERE size = ?)",
                (size, note, beside, size),
            )

    def add_refusal(self, refusal: Refusal) -> None:
        row = (refusal.act_id, refusal.kind, refusal.step, refusal.reason, refusal.detail, refusal.time, refusal.data)
        with self._writing, self._reading, self._failures("keep a refusal"):
            number = self._reader.execute(
                "INSERT INTO refusal (act_id, kind, step, reason, detail, time, data) VALUES (?, ?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            assert number is not None
            if number % 100 == 0:
                self._reader.execute("DELETE FROM refusal WHERE number <= ?", (number - REFUSALS_KEPT,))

    # Reading: only what is committed.

    def _row(self, statement: str, *values: Any) -> Any:
        with self._reading, self._failures("read the ledger"):
            return self._reader.execute(statement, values).fetchone()

    def _rows(self, statement: str, after: int) -> Iterator[Any]:
        """Yield the rows of a statement in parts, by their first column, so that no reader holds the file for long."""
        while True:
            with self._reading, self._failures("read the ledger"):
                rows = self._reader.execute(statement, (after, ROWS_AT_ONCE)).fetchall()
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def _blob(self, value: Any) -> bytes:
        """Return a value that was stored as bytes. Raises :class:`StoreError` where the file now has something else."""
        if not isinstance(value, bytes):
            self._failed = True
            raise StoreError(f"{self.path}: a row holds what was never stored. {ADVICE[sqlite3.SQLITE_CORRUPT]}")
        return value

    def size(self) -> int:
        size: int = self._row("SELECT coalesce(max(idx) + 1, 0) FROM entry")[0]
        return size

    def entries(self, start: int = 0) -> Iterator[StoredEntry]:
        for row in self._rows("SELECT idx, act_id, data FROM entry WHERE idx > ? ORDER BY idx LIMIT ?", start - 1):
            yield StoredEntry(row[0], self._blob(row[1]), self._blob(row[2]))

    def entry(self, index: int) -> StoredEntry:
        row = self._row("SELECT idx, act_id, data FROM entry WHERE idx = ?", index)
        if row is None:
            raise IndexError(index)
        return StoredEntry(row[0], self._blob(row[1]), self._blob(row[2]))

    def node(self, level: int, index: int) -> bytes:
        if level == 0:
            try:
                return leaf_hash(self.entry(index).data)
            except IndexError:
                raise KeyError((level, index)) from None
        row = self._row("SELECT hash FROM node WHERE level = ? AND idx = ?", level, index)
        if row is None:
            raise KeyError((level, index))
        return self._blob(row[0])

    def checkpoint(self) -> bytes | None:
        row = self._row("SELECT note FROM checkpoint")
        return self._blob(row[0]) if row else None

    def witnessed(self) -> bytes | None:
        row = self._row("SELECT note FROM witnessed")
        return bytes(row[0]) if row else None

    def witnessed_notes(self, after: int) -> Iterator[tuple[int, bytes]]:
        smallest = "SELECT min(size) FROM witnessed_note WHERE size > ?"
        size = self._row(smallest, after)[0]
        while size is not None:
            with self._reading, self._failures("read the ledger"):
                of_size = "SELECT note FROM witnessed_note WHERE size = ? ORDER BY number"
                rows = self._reader.execute(of_size, (size,)).fetchall()
            yield from ((size, self._blob(note)) for (note,) in rows)
            size = self._row(smallest, size)[0]

    def text(self, digest: bytes) -> bytes | None:
        row = self._row("SELECT data FROM text WHERE digest = ?", digest)
        return self._blob(row[0]) if row else None

    def refusals(self) -> Iterator[Refusal]:
        statement = (
            "SELECT number, act_id, kind, step, reason, detail, time, data FROM refusal WHERE number > ?"
            " ORDER BY number LIMIT ?"
        )
        for row in self._rows(statement, 0):
            yield Refusal(*row[1:])

    def close(self) -> None:
        """Close the file and let the next instance have it. Closing twice does nothing."""
        if self._carrier is not None:
            self._carrier.stop()
        while self._connections:
            with suppress(sqlite3.Error):
                self._connections.pop().close()
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1


class Carrier:
    """Carries the write-ahead log into the database, in a thread of its own: it takes two syncs, and nobody waits for
    them. Whatever is committed is durable before and after; if carrying fails, the log only stays longer."""

    def __init__(self, connection: sqlite3.Connection, database: Path) -> None:
        self.connection = connection
        self.journal = Path(f"{database}-wal")
        self.asked = threading.Event()
        self.stopped = False
        self.thread = threading.Thread(target=self.work, name=f"carrier of {database.name}", daemon=True)

    def look(self) -> None:
        """Have the log carried over if it has grown long."""
        with suppress(OSError):
            if self.journal.stat().st_size >= JOURNAL_BYTES:
                if self.thread.ident is None:
                    self.thread.start()
                self.asked.set()

    def work(self) -> None:
        while True:
            self.asked.wait()
            self.asked.clear()
            if self.stopped:
                return
            try:
                self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error as error:
                log.warning("%s could not be carried into its database: %s", self.journal, error)

    def stop(self) -> None:
        self.stopped = True
        self.asked.set()
        if self.thread.ident is not None:
            self.thread.join()


ADVICE = {
    sqlite3.SQLITE_FULL: "The disk is full: make room, and send the act again.",
    sqlite3.SQLITE_READONLY: "The file or its directory is read-only: give this user the right to write there.",
    sqlite3.SQLITE_CANTOPEN: "The file cannot be opened: do its directory and the rights to it exist?",
    sqlite3.SQLITE_BUSY: "Another program holds the database: close it, and send the act again.",
    sqlite3.SQLITE_NOTADB: "The file is no database: name another file.",
    sqlite3.SQLITE_IOERR: "Reading or writing the disk failed: look at the disk, then start again.",
    sqlite3.SQLITE_CORRUPT: "The file is damaged: keep it, look at the disk, and do not restore an older copy.",
}
ADVICE_OTHERWISE = "Nothing was stored by it."
FULL_DISK = "The disk is full: make room, then start again."
ROOM_LEAST = 64 * 1024  # below this SQLite cannot even open a database that it would only read: it shares a page first


def advice(code: int, path: Path) -> str:
    """Return what to do about a failure. That a disk is full SQLite may call an I/O error."""
    if code == sqlite3.SQLITE_IOERR:
        with suppress(OSError):
            if shutil.disk_usage(path.parent).free < ROOM_LEAST:
                return FULL_DISK
    return ADVICE.get(code, ADVICE_OTHERWISE)


class SqliteTransaction:
    """The writing side of one transaction; raises :class:`StoreError` and leaves rolling back to the store.

    Its methods are those of :class:`pourparler.ports.StoreTransaction`, with that contract.
    """

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._writer = store._writer  # noqa: SLF001  the two are one thing in two states
        self._failures = store._failures  # noqa: SLF001

    def append(self, entries: Sequence[StoredEntry], nodes: Sequence[tuple[int, int, bytes]]) -> None:
        with self._failures("append entries"):
            (size,) = self._writer.execute("SELECT coalesce(max(idx) + 1, 0) FROM entry").fetchone()
            indexes = [entry.index for entry in entries]
            if indexes != list(range(size, size + len(entries))):
                raise StoreConflict(
                    f"{self._store.path} holds {size} entries, and those to append do not follow them. There must be "
                    "one writer only: has another changed the file? Start again."
                )
            self._writer.executemany(
                "INSERT INTO entry (idx, act_id, data) VALUES (?, ?, ?)",
                [(entry.index, entry.act_id, entry.data) for entry in entries],
            )
            inner = [node for node in nodes if node[0] > 0]
            self._writer.executemany("INSERT INTO node (level, idx, hash) VALUES (?, ?, ?)", inner)

    def set_checkpoint(self, size: int, note: bytes) -> None:
        with self._failures("keep the checkpoint"):
            written = self._writer.execute(
                "INSERT INTO checkpoint (one, size, note) VALUES (1, ?, ?)"
                " ON CONFLICT (one) DO UPDATE SET size = excluded.size, note = excluded.note"
                " WHERE checkpoint.size < excluded.size",
                (size, note),
            )
            if written.rowcount != 1:
                raise StoreConflict(f"{self._store.path} holds a checkpoint of size {size} or more already")

    def put_text(self, digest: bytes, data: bytes) -> None:
        with self._failures("keep a text"):
            self._writer.execute("INSERT OR REPLACE INTO text (digest, data) VALUES (?, ?)", (digest, data))

    def add_witnessed(self, size: int, note: bytes) -> None:
        with self._failures("keep a witnessed checkpoint"):
            (most,) = self._writer.execute("SELECT coalesce(max(size), 0) FROM checkpoint").fetchone()
            if size > most:
                raise StoreConflict(f"{self._store.path} holds {most} entries, and no witnessed checkpoint of {size}")
            self._writer.execute(
                "INSERT INTO witnessed_note (size, note) SELECT ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM witnessed_note WHERE size = ? AND note = ?)",
                (size, note, size, note),
            )
