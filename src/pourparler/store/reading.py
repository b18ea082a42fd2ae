"""Reading a ledger that somebody else is writing: the same file, opened for reading only, under no lock.

What is committed never changes, so a reader needs no turn: a checkpoint that it has read speaks of entries and nodes
that are there. Write-ahead logging lets it read while the writer commits, and neither waits for the other.
"""

import sqlite3
import threading
from pathlib import Path

from pourparler.ports import StoreError
from pourparler.store.sqlite import APPLICATION_ID, MIGRATIONS, SqliteStore


class ReadingStore(SqliteStore):
    """One ledger's database, for reading. Safe to use from several threads; raises :class:`StoreError` as its parent.

    Writing is refused by the file itself. Its reading methods are those of :class:`pourparler.ports.Store`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._failed = False
        self._lock_file = -1
        self._carrier = None
        self._connections: list[sqlite3.Connection] = []
        if not path.is_file():
            raise StoreError(f"{path} is not there.")
        try:
            with self._failures("open the ledger for reading"):
                self._reader = self._writer = self._connect_for_reading()
                owner, version = self._pragma("application_id"), self._pragma("user_version")
        except BaseException:
            self.close()
            raise
        if (owner, version) != (APPLICATION_ID, len(MIGRATIONS)):
            self.close()
            raise StoreError(
                f"{path} is no ledger of this version. Open it once with a command that writes: pourparler ledger list."
            )

    def _connect_for_reading(self) -> sqlite3.Connection:
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=5, isolation_level=None, check_same_thread=False)
        self._connections.append(connection)
        for pragma in ("query_only=ON", "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        return connection
