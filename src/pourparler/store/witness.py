"""What a witness remembers, in one SQLite file: for each ledger its keys and the checkpoint that it cosigned last.

The one thing that a witness must never do is forget. So a decision is one transaction: what it remembers is read,
compared and replaced while nobody else can write, and is on the disk before the answer leaves. The settings are those
of :mod:`pourparler.store.sqlite`, for the same reasons, and are read back at every opening.

What may be lost: the refused requests, which are kept as evidence of what others did. What must never be restored from
an older copy: the file, once a cosignature has left; the witness could be made to cosign another story. If the file is
lost or was put back, the witness's key is retired. A thief of the file learns which ledgers are watched; keys are not
in it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pourparler.ports import StoreConflict, StoreError
from pourparler.store.onefile import Layout, OneFile
from pourparler.store.sqlite import StoreInUse

APPLICATION_ID = 0x506F5769  # "PoWi"
REFUSED_KEPT = 1_000  # the oldest of each ledger: nobody pushes the proof out by sending more
PROOFS_KEPT = 1_000  # places of each ledger beside those, which only what is a proof by itself may take
DEPARTED = "do not put an older copy in its place: it could be made to cosign another story. Retire the witness's key."

MIGRATIONS = (
    (
        "CREATE TABLE own (one INTEGER PRIMARY KEY CHECK (one = 1), key_name TEXT NOT NULL, vkeys TEXT NOT NULL)",
        "CREATE TABLE key (origin TEXT NOT NULL, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey))",
        """CREATE TABLE remembered (
            origin TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, root BLOB NOT NULL,
            time INTEGER NOT NULL, note BLOB NOT NULL
        )""",
        """CREATE TABLE refused (
            number INTEGER PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL,
            time INTEGER NOT NULL, reason TEXT NOT NULL, held BLOB NOT NULL, sent BLOB NOT NULL,
            UNIQUE (origin, size, root)
        )""",
    ),
    (  # several keys, each with a file of its own in the keyring; before, there was one
        "CREATE TABLE own_key (number INTEGER PRIMARY KEY, key_name TEXT NOT NULL UNIQUE, vkey TEXT NOT NULL UNIQUE)",
        "INSERT INTO own_key (key_name, vkey) SELECT key_name, vkeys FROM own",
        "DROP TABLE own",
    ),
)

LAYOUT = Layout("a witness's file", APPLICATION_ID, MIGRATIONS, f"Keep the file, look at the disk, and {DEPARTED}")


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A key that a witness signs with: its name in the keyring, and its vkey."""

    key_name: str
    vkey: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """The checkpoint that a witness cosigned last for a ledger: ``note`` as it shows it, ``time`` of the cosignature in
    seconds, ``path`` where the protocol shows it."""

    origin: str
    path: str
    size: int
    root: bytes
    time: int
    note: bytes


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request whose checkpoint a ledger did sign, and that does not continue what is remembered: ``held`` is the note
    that was remembered then (empty: none), ``sent`` the body of the request. Each checkpoint is kept once."""

    origin: str
    size: int
    root: bytes
    time: int
    reason: str
    held: bytes
    sent: bytes


def take_lock(path: Path) -> int:
    """Return the descriptor of a witness's lock, taken. Raises :class:`StoreError`, :class:`StoreInUse`."""
    try:
        lock_file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be locked: {error}. Is its directory yours to write in?") from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_file)
        raise StoreInUse(
            f"{path} is in use: another instance holds its lock. A witness runs once; stop the other."
        ) from error
    return lock_file


class WitnessStore(OneFile):
    """One witness's file. Only the one instance that was opened for ``serving`` decides; others may look, and trust
    another ledger, while it runs. Safe to use from several threads.

    Raises :class:`StoreError` where the file is not there (unless ``create``), cannot be opened, is another program's,
    is damaged, or is served by another instance; :class:`StoreConflict` where a witness is to be created and is there.
    """

    def __init__(self, path: Path, *, create: bool = False, serving: bool = False) -> None:
        if create and path.exists():
            raise StoreConflict(f"{path} is there already: a witness is made once, and remembers for ever.")
        if not create and not path.is_file():
            raise StoreError(f"{path} is not there. If the witness had cosigned anything, {DEPARTED}")
        self._lock_file = take_lock(path) if serving or create else -1
        super().__init__(path, LAYOUT)

    # Whose it is, and for whom.

    def add_own(self, *keys: OwnKey) -> None:
        """Let this witness sign with these keys, too, after those that it has: all of them, or none.

        Nothing of what it remembers changes: a key that comes later signs only what continues that.
        """
        with self.changing("keep the witness's keys"):
            rows = [(key.key_name, key.vkey) for key in keys]
            self._database.executemany("INSERT INTO own_key (key_name, vkey) VALUES (?, ?)", rows)

    def own(self) -> list[OwnKey]:
        """Return the keys that this witness signs with, at least one, in the order in which it got them."""
        with self._failures("read the witness's keys"):
            rows = self._database.execute("SELECT key_name, vkey FROM own_key ORDER BY number").fetchall()
        if not rows:
            raise StoreError(f"{self.path} was not finished when it was made. Remove it, and make it again.")
        return [OwnKey(str(key_name), str(vkey)) for key_name, vkey in rows]

    def trust(self, origin: str, vkey: str) -> bool:
        """Cosign for an origin whose checkpoints this key signs, too; return whether that is new."""
        with self.changing("keep a ledger's key"):
            done = self._database.execute("INSERT OR IGNORE INTO key VALUES (?, ?)", (origin, vkey))
            return done.rowcount == 1

    def keys(self, origin: str) -> list[str]:
        """Return the vkeys that sign for an origin."""
        with self._failures("read a ledger's keys"):
            rows = self._database.execute("SELECT vkey FROM key WHERE origin = ? ORDER BY rowid", (origin,))
            return [str(vkey) for (vkey,) in rows]

    def origins(self) -> list[str]:
        """Return the origins that this witness cosigns for."""
        with self._failures("read the ledgers"):
            rows = self._database.execute("SELECT DISTINCT origin FROM key ORDER BY origin")
            return [str(origin) for (origin,) in rows]

    # What it remembers.

    def remembered(self, origin: str) -> Remembered | None:
        """Return what was cosigned last for an origin, or None."""
        with self._failures("read what was cosigned"):
            row = self._one("SELECT origin, path, size, root, time, note FROM remembered WHERE origin = ?", origin)
        return Remembered(*row) if row else None

    def shown_at(self, path: str) -> bytes | None:
        """Return the note that the protocol shows at a path, or None."""
        with self._failures("read what was cosigned"):
            row = self._one("SELECT note FROM remembered WHERE path = ?", path)
        return bytes(row[0]) if row else None

    @contextmanager
    def deciding(self, origin: str) -> Iterator["Decision"]:
        """Give what is remembered for an origin, to be replaced; nobody else decides meanwhile.

        On leaving what :meth:`Decision.remember` was given is on the disk; an exception leaves everything as it was.
        """
        assert self._lock_file >= 0
        with self.changing("decide"):
            yield Decision(self, origin, self.remembered(origin))

    def add_refused(self, refused: RefusedRequest, *, proof: bool = False) -> None:
        """Keep a request that contradicts what is remembered; ``proof``: as large, and with another root."""
        most = REFUSED_KEPT + (PROOFS_KEPT if proof else 0)
        row = (
            refused.origin, refused.size, refused.root, refused.time, refused.reason, refused.held, refused.sent,
        )  # fmt: skip
        with self.changing("keep a refused request"):
            (kept,) = self._one("SELECT count(*) FROM refused WHERE origin = ?", refused.origin)
            if kept < most:
                insert = "INSERT OR IGNORE INTO refused (origin, size, root, time, reason, held, sent)"
                self._database.execute(f"{insert} VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def refused(self) -> list[RefusedRequest]:
        """Return the requests that contradicted what was remembered, the oldest first."""
        with self._failures("read the refused requests"):
            columns = "origin, size, root, time, reason, held, sent"
            rows = self._database.execute(f"SELECT {columns} FROM refused ORDER BY number")  # noqa: S608  our own words
            return [RefusedRequest(*row) for row in rows]

    def close(self) -> None:
        """Close the file and let the next instance have it. Closing twice does nothing."""
        with self._using:
            super().close()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision of a witness, within its transaction; ``latest`` is what was remembered when it began."""

    store: WitnessStore
    origin: str
    latest: Remembered | None

    def remember(self, new: Remembered) -> None:
        """Replace what is remembered. Raises :class:`StoreConflict` where that is not ``latest``, or would shrink."""
        assert new.origin == self.origin
        size = self.latest.size if self.latest else -1
        if new.size < size:
            raise StoreConflict(f"{self.store.path} remembers {size} entries of {self.origin}, and never fewer again")
        written = self.store._database.execute(  # noqa: SLF001  the two are one thing in two states
            "INSERT INTO remembered (origin, path, size, root, time, note) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, time = excluded.time,"
            " note = excluded.note WHERE remembered.size = ?",
            (new.origin, new.path, new.size, new.root, new.time, new.note, size),
        )
        if written.rowcount != 1:
            raise StoreConflict(f"{self.store.path} was changed by another writer: there must be only one")
