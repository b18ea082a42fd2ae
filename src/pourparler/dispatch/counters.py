"""Positions of symbols in one SQLite file: what a carousel has taken stays taken, whatever happens to the machine.

What may be lost: nothing that was answered. If the file goes, symbols are repeated, which costs air time and no more.
"""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path


class SqliteCounters:
    """See :class:`carousel.Counters`. Several processes may share the file."""

    def __init__(self, path: Path) -> None:
        """Open or make the file. Raises :class:`OSError`."""
        self.lock = threading.Lock()
        try:
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS position (name BLOB PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID"
            )
        except sqlite3.Error as error:
            raise OSError(f"{path}: {error}") from error

    def take(self, name: bytes, count: int) -> int:
        """See :class:`carousel.Counters`. One sync."""
        statement = (
            "INSERT INTO position VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET next = next + excluded.next"
            " RETURNING next"
        )
        with self.lock:
            try:
                with closing(self.connection.execute(statement, (name, count))) as cursor:
                    ((after,),) = cursor.fetchall()
            except sqlite3.Error as error:
                raise OSError(f"positions of symbols: {error}") from error
        return int(after) - count

    def close(self) -> None:
        """Give the file back; closing twice does nothing."""
        self.connection.close()
