"""What a node remembers beside its journal, in one SQLite file: what waits, what is carried, who was heard.

The journal (a ledger of its own, :mod:`pourparler.store.sqlite`) holds what was taken in for good. Beside it stand the
pools, which are bounded by owner and in all, the oldest giving way first: acts that wait for others, parts of
decisions, holders' acts that are carried. And what a node must not forget: the newest beacons of each key, proofs of
equivocation, acknowledgements, and up to where home ledgers have been shown.

The settings are those of :mod:`pourparler.store.sqlite`, read back at every opening. ``NodeStore(None)`` keeps the same
in memory, for a simulated world.

What may be lost: pools and acknowledgements, which come again. What must never be restored from an older copy: the
file together with the journal; alone, it is brought up from the journal when it is opened. A thief of the file learns
who was heard when, and by which channel; keys are not in it.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pourparler.core import limits
from pourparler.ports import StoreError
from pourparler.store.onefile import MEMORY, Layout, OneFile
from pourparler.store.pools import CARRIED, POOL, POOLS, Bounds, Tally

T = TypeVar("T")

APPLICATION_ID = 0x506F4E6F  # "PoNo"
PROOFS_OF_SUBJECT = 16  # against one key, organ or ledger
ENVELOPES_OF_ACT = 4  # of one act and owner that wait: anybody can add signatures that nobody made
PARTY_BYTES = 8  # by which the name of an owner begins where his party is known
OWNER_PARTY = f"substr(owner, 1, {PARTY_BYTES})"
PENDING_COLUMNS = "p.id, p.act, p.owner, p.time, p.reason, p.data, p.channel, p.peer, p.ready, p.works"

MIGRATIONS = (
    (
        "CREATE TABLE fact (name TEXT PRIMARY KEY, value NOT NULL)",
        "CREATE TABLE follow (party BLOB PRIMARY KEY)",
        """CREATE TABLE pending (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, act BLOB NOT NULL, owner BLOB NOT NULL,
            time INTEGER NOT NULL, reason TEXT NOT NULL, channel TEXT NOT NULL, peer TEXT NOT NULL,
            ready INTEGER NOT NULL, works INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL
        )""",
        "CREATE INDEX pending_owner ON pending (owner)",
        "CREATE INDEX pending_act ON pending (act)",
        "CREATE TABLE pending_wait (wanted BLOB, id BLOB, PRIMARY KEY (wanted, id)) WITHOUT ROWID",
        "CREATE INDEX pending_wait_id ON pending_wait (id)",
        """CREATE TABLE part (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, act BLOB NOT NULL, owner BLOB NOT NULL,
            time INTEGER NOT NULL, kid BLOB NOT NULL, signature BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL
        )""",
        "CREATE INDEX part_owner ON part (owner)",
        "CREATE INDEX part_act ON part (act)",
        """CREATE TABLE carried (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, owner BLOB NOT NULL, time INTEGER NOT NULL,
            size INTEGER NOT NULL, data BLOB NOT NULL
        )""",
        "CREATE INDEX carried_owner ON carried (owner)",
        """CREATE TABLE beacon (
            act BLOB PRIMARY KEY, party BLOB NOT NULL, key BLOB NOT NULL, serial INTEGER NOT NULL,
            count INTEGER NOT NULL, head BLOB NOT NULL, at INTEGER NOT NULL, next INTEGER NOT NULL,
            heard INTEGER NOT NULL, journaled INTEGER NOT NULL, channel TEXT NOT NULL, data BLOB NOT NULL
        )""",
        "CREATE INDEX beacon_key ON beacon (party, key, serial)",
        """CREATE TABLE ack (
            act BLOB PRIMARY KEY, about BLOB NOT NULL, mandate BLOB NOT NULL, at INTEGER, heard INTEGER NOT NULL,
            channel TEXT NOT NULL, peer TEXT NOT NULL
        )""",
        "CREATE INDEX ack_about ON ack (about)",
        """CREATE TABLE heard (
            issuer BLOB, channel TEXT, peer TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (issuer, channel)
        ) WITHOUT ROWID""",
        """CREATE TABLE said (
            issuer BLOB, peer TEXT, channel TEXT NOT NULL, since INTEGER NOT NULL, time INTEGER NOT NULL,
            PRIMARY KEY (issuer, peer)
        ) WITHOUT ROWID""",
        """CREATE TABLE proof (
            number INTEGER PRIMARY KEY, kind TEXT NOT NULL, party BLOB NOT NULL, subject BLOB NOT NULL,
            time INTEGER NOT NULL, first BLOB NOT NULL, second BLOB NOT NULL, UNIQUE (kind, first, second)
        )""",
        """CREATE TABLE home (
            origin TEXT, key BLOB, size INTEGER NOT NULL, note BLOB NOT NULL, PRIMARY KEY (origin, key)
        ) WITHOUT ROWID""",
        """CREATE TABLE home_entry (
            origin TEXT, key BLOB, idx INTEGER, data BLOB NOT NULL, PRIMARY KEY (origin, key, idx)
        ) WITHOUT ROWID""",
        """CREATE TABLE bundle (
            number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, party BLOB NOT NULL, data BLOB NOT NULL
        )""",
    ),
)

LAYOUT = Layout("a node's file", APPLICATION_ID, MIGRATIONS, "Move it away: the journal brings back what it must.")


@dataclass(frozen=True, slots=True)
class Waiting:
    """An act that waits: ``id`` is SHA-256 of its envelope, for two envelopes may be of one act. ``owner`` is who it
    counts against, ``time`` when it came, in journal time, ``ready`` the time before which it is not tried again,
    ``works`` whether it is bad news that does its work while it waits."""

    id: bytes
    act: bytes
    owner: bytes
    time: int
    reason: str
    data: bytes
    channel: str = ""
    peer: str = ""
    ready: int = 0
    works: bool = False


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One member's signature on a decision; ``data`` is the payload."""

    id: bytes
    act: bytes
    owner: bytes
    time: int
    kid: bytes
    signature: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class StoredBeacon:
    """A beacon whose signature was good: ``heard`` when, in journal time; ``journaled``: it is in the journal too."""

    act: bytes
    party: bytes
    key: bytes
    serial: int
    count: int
    head: bytes
    at: int
    next: int
    heard: int
    journaled: bool
    channel: str
    data: bytes

    @property
    def since(self) -> int:
        """From when its age counts."""
        return min(self.at, self.heard)

    @property
    def period(self) -> int:
        """For how long it puts off the next, in seconds; bounded, so that no beacon silences the alarm."""
        return max(1, min(self.next - self.at, limits.NODE_BEACON_PERIOD_MAX_SECONDS))


@dataclass(frozen=True, slots=True)
class Ack:
    """A holder's signed "I know" about an act: by which mandate, at which instant of his, heard when and how."""

    act: bytes
    about: bytes
    mandate: bytes
    at: int | None
    heard: int
    channel: str
    peer: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Two signed things that contradict each other: whoever is shown both needs nobody's word."""

    kind: str
    party: bytes
    subject: bytes
    time: int
    first: bytes
    second: bytes


def owner_of(party: bytes | None, name: bytes) -> bytes:
    """Return the name of an owner of a party: all of its owners' names begin alike."""
    return name if party is None else party[:PARTY_BYTES] + name[PARTY_BYTES:]


@cache
def changed_by(statement: str) -> str:
    """Return the table that one of our statements writes to."""
    found = re.search(r"(?:INTO|DELETE FROM) (\w+)", statement)
    assert found, statement
    return found[1]


class NodeStore(OneFile):
    """One node's file beside its journal; whoever holds the journal's lock holds it. Safe to use from several threads.

    Raises :class:`StoreError` where the file cannot be opened, is another program's or a newer version's, or is
    damaged. After an I/O error nothing more is read or written.

    Nobody else writes to the file. So what is asked for with every act (a party's beacons and proofs, bad news that
    works, whether anything waits at all) is read once and kept in memory until its table changes.
    """

    def __init__(self, path: Path | str | None, *, pool: Bounds = POOL, carried: Bounds = CARRIED) -> None:
        self.bounds = {"pending": pool, "part": pool, "carried": carried}
        self._read: dict[str, dict[Any, list[Any]]] = {}  # of a table: what was read of it since it changed
        self._tallies: dict[str, Tally] = {}  # of a pool
        super().__init__(MEMORY if path is None else Path(path), LAYOUT)

    def _undone(self) -> None:
        self._read.clear()
        self._tallies.clear()

    def _do(self, statement: str, *values: Any) -> int:
        with self._using:
            if not self._in_transaction:
                with self.changing():
                    return self._do(statement, *values)
            with self._failures("change the node's file"):
                self._read.pop(changed_by(statement), None)
                return self._database.execute(statement, values).rowcount

    def _once(self, table: str, make: Callable[..., T], statement: str, *values: Any) -> list[T]:
        """Return what is made of the rows of a table, from memory where it has not changed since they were read."""
        with self._failures("read the node's file"):
            read, asked = self._read.setdefault(table, {}), (statement, values)
            if asked not in read:
                read[asked] = [make(*row) for row in self._database.execute(statement, values)]
            return list(read[asked])

    # Facts: a few numbers and words under a name.

    def fact(self, name: str) -> Any:
        """Return what was kept under a name, or None."""
        found = self._once("fact", lambda value: value, "SELECT value FROM fact WHERE name = ?", name)
        return found[0] if found else None

    def set_fact(self, name: str, value: bytes | int | str) -> None:
        """Keep a value under a name, in the place of what was there."""
        self._do("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, value)

    def follow(self, party: bytes) -> None:
        """Note that a party is followed. Raises :class:`StoreError` where there are too many."""
        with self.changing():
            if self._one("SELECT count(*) FROM follow")[0] >= limits.NODE_PARTIES_MAX:
                raise StoreError(f"a node follows at most {limits.NODE_PARTIES_MAX} parties: begin another node.")
            self._do("INSERT OR IGNORE INTO follow VALUES (?)", party)

    def followed(self) -> set[bytes]:
        """Return the parties that are followed."""
        return {bytes(row[0]) for row in self._all("SELECT party FROM follow")}

    # Pools.

    def _tally(self, pool: str) -> Tally:
        """Return how much each owner has in a pool: counted when it is first asked for, and kept up from then on."""
        if pool not in self._tallies:
            found = self._tallies[pool] = Tally()
            query = f"SELECT {POOLS[pool]}, owner, count(*), sum(size) FROM {pool} GROUP BY 1, 2"  # noqa: S608
            for works, owner, rows, size in self._all(query):
                found.add(bool(works), owner, rows, size)
        return self._tallies[pool]

    def _make_room(self, pool: str, owner: bytes, size: int, *, works: bool = False) -> bool:
        """Let the oldest of an owner in a pool go until so many bytes more keep his bounds, then the oldest of whoever
        has most until they keep those of all; return False where they cannot. What works has room of its own: a flood
        of what nobody can judge undoes no dismissal."""
        bounds, tally = self.bounds[pool], self._tally(pool)
        if size > min(bounds.owner_bytes, bounds.bytes):
            return False
        apart = f"{POOLS[pool]} = ?"
        while not tally.has_room(works, owner, size, bounds.owner_rows, bounds.owner_bytes):
            self._drop(pool, self._oldest(pool, f"{apart} AND owner = ?", (works, owner), "count(*)"))
        while not tally.has_room(works, None, size, bounds.rows, bounds.bytes):
            most = "count(*)" if tally.rows(works) >= bounds.rows else "sum(size)"
            self._drop(pool, self._oldest(pool, apart, (works,), most))
        return True

    def _oldest(self, pool: str, where: str, values: Sequence[Any], most: str) -> int:
        """Return the number of the oldest of whoever has most, in the party that has most: so nobody's few make room
        for somebody's many, and no party's for those of many members of another."""
        by = f"FROM {pool} WHERE {where} GROUP BY owner_party ORDER BY {most} DESC, min(number) LIMIT 1"
        (party,) = self._one(f"SELECT {OWNER_PARTY} AS owner_party {by}", *values)
        by = f"FROM {pool} WHERE {where} AND {OWNER_PARTY} = ? GROUP BY owner ORDER BY {most} DESC, min(number) LIMIT 1"
        return int(self._one(f"SELECT min(number) {by}", *values, party)[0])

    def _drop(self, pool: str, number: int) -> None:
        tally = self._tally(pool)
        works, owner, size = self._one(f"SELECT {POOLS[pool]}, owner, size FROM {pool} WHERE number = ?", number)  # noqa: S608
        if pool == "pending":
            self._do("DELETE FROM pending_wait WHERE id = (SELECT id FROM pending WHERE number = ?)", number)
        self._do(f"DELETE FROM {pool} WHERE number = ?", number)  # noqa: S608  one of three words of ours
        tally.add(bool(works), owner, -1, -size)

    def add_pending(self, one: Waiting, wants: Collection[bytes]) -> bool:
        """Let an act wait, for acts with these ids; return False where it has no room. The same envelope again takes
        the place of what was known of it."""
        size = len(one.data) + 64 * len(wants)
        with self.changing():
            self.remove_pending(one.id)
            of_act = "SELECT number FROM pending WHERE act = ? AND owner = ? ORDER BY number DESC LIMIT -1 OFFSET ?"
            for (number,) in self._all(of_act, one.act, one.owner, ENVELOPES_OF_ACT - 1):
                self._drop("pending", number)
            if not self._make_room("pending", one.owner, size, works=one.works):
                return False
            row = (
                one.id, one.act, one.owner, one.time, one.reason, one.channel, one.peer, one.ready, one.works, size,
                one.data,
            )  # fmt: skip
            columns = "id, act, owner, time, reason, channel, peer, ready, works, size, data"
            self._do(f"INSERT INTO pending ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)  # noqa: S608
            self._tally("pending").add(one.works, one.owner, 1, size)
            for wanted in wants:
                self._do("INSERT OR IGNORE INTO pending_wait VALUES (?, ?)", wanted, one.id)
        return True

    def remove_pending(self, id_: bytes) -> None:
        """Let one envelope wait no more."""
        with self.changing():
            there = self._one("SELECT number FROM pending WHERE id = ?", id_)
            if there:
                self._drop("pending", there[0])

    def _pending(self, where: str, *values: Any) -> list[Waiting]:
        if not self._tally("pending"):
            return []
        rows = self._all(f"SELECT {PENDING_COLUMNS} FROM pending p {where} ORDER BY p.number", *values)  # noqa: S608
        return [Waiting(*row) for row in rows]

    def pending(self) -> list[Waiting]:
        """Return all that waits, the oldest first."""
        return self._pending("")

    def pending_of(self, act: bytes) -> list[Waiting]:
        """Return the envelopes of an act that wait."""
        return self._pending("WHERE p.act = ?", act)

    def pending_for(self, wanted: bytes) -> list[Waiting]:
        """Return what waits for an act or an organ with this id."""
        return self._pending("JOIN pending_wait w ON w.id = p.id WHERE w.wanted = ?", wanted)

    def pending_ready(self, now: int) -> list[Waiting]:
        """Return what had to wait for a time that has come."""
        if not self._once("pending", bool, "SELECT 1 FROM pending WHERE ready > 0 LIMIT 1"):
            return []
        return self._pending("WHERE p.ready > 0 AND p.ready <= ?", now)

    def working(self) -> list[Waiting]:
        """Return the bad news that works while it waits."""
        query = f"SELECT {PENDING_COLUMNS} FROM pending p WHERE p.works ORDER BY p.number"  # noqa: S608
        return self._once("pending", Waiting, query)

    def wanted(self) -> list[bytes]:
        """Return the ids that acts wait for."""
        return [bytes(row[0]) for row in self._all("SELECT DISTINCT wanted FROM pending_wait")]

    def stopped(self) -> set[bytes]:
        """Return the acts that were verified, and wait only until who gave them stands."""
        return {bytes(row[0]) for row in self._all("SELECT act FROM pending WHERE reason LIKE 'standing.%'")}

    def expire_pending(self, before: int) -> int:
        """Let what has waited since before a time go, but for bad news that works; return how many."""
        with self.changing():
            gone = self._all("SELECT number FROM pending WHERE time < ? AND NOT works", before)
            for (number,) in gone:
                self._drop("pending", number)
            self._drop_parts("time < ?", before)
        return len(gone)

    def _drop_parts(self, where: str, value: Any) -> None:
        if self._tally("part"):
            for (number,) in self._all(f"SELECT number FROM part WHERE {where}", value):  # noqa: S608
                self._drop("part", number)

    def add_part(self, one: StoredPart) -> bool:
        """Keep one member's signature; return False where it is there already, or has no room. If it counted against
        another, it counts against this owner now."""
        with self.changing():
            size = len(one.data) + len(one.signature)
            there = self._one("SELECT number, owner FROM part WHERE id = ?", one.id)
            if there and bytes(there[1]) == one.owner:
                return False
            if there:
                self._drop("part", there[0])
            if not self._make_room("part", one.owner, size):
                return False
            row = (one.id, one.act, one.owner, one.time, one.kid, one.signature, size, one.data)
            columns = "id, act, owner, time, kid, signature, size, data"
            self._do(f"INSERT INTO part ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)  # noqa: S608
            self._tally("part").add(False, one.owner, 1, size)
        return True

    def parts(self, act: bytes) -> list[StoredPart]:
        """Return the signatures that were collected for an act, the oldest first."""
        columns = "id, act, owner, time, kid, signature, data"
        return [StoredPart(*row) for row in self._all(f"SELECT {columns} FROM part WHERE act = ? ORDER BY number", act)]  # noqa: S608

    def remove_parts(self, act: bytes) -> None:
        """Forget the parts of an act."""
        with self.changing():
            self._drop_parts("act = ?", act)

    def add_carried(self, act: bytes, owner: bytes, time: int, data: bytes) -> bool:
        """Carry an act of a holder; return False where it is carried already, or has no room."""
        with self.changing():
            if self.carried(act) is not None or not self._make_room("carried", owner, len(data)):
                return False
            insert = "INSERT INTO carried (id, owner, time, size, data) VALUES (?, ?, ?, ?, ?)"
            self._do(insert, act, owner, time, len(data), data)
            self._tally("carried").add(False, owner, 1, len(data))
        return True

    def carried(self, act: bytes) -> bytes | None:
        """Return the envelope of an act that is carried, or None."""
        row = self._one("SELECT data FROM carried WHERE id = ?", act)
        return bytes(row[0]) if row else None

    def all_carried(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield id and envelope of all that is carried, the oldest first."""
        after = 0
        while rows := self._all(
            "SELECT number, id, data FROM carried WHERE number > ? ORDER BY number LIMIT 512", after
        ):
            yield from ((bytes(id_), bytes(data)) for _, id_, data in rows)
            after = rows[-1][0]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return the rows and bytes in each pool."""
        query = "SELECT count(*), coalesce(sum(size), 0) FROM "
        return {pool: tuple(self._one(query + pool)) for pool in POOLS}

    # Beacons.

    def add_beacon(self, one: StoredBeacon) -> None:
        """Keep a beacon; of each key the newest are kept."""
        with self.changing():
            row = (
                one.act, one.party, one.key, one.serial, one.count, one.head, one.at, one.next, one.heard,
                one.journaled, one.channel, one.data,
            )  # fmt: skip
            self._do("INSERT OR REPLACE INTO beacon VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
            self._do(
                "DELETE FROM beacon WHERE party = ? AND key = ? AND serial <= (SELECT serial FROM beacon"
                " WHERE party = ? AND key = ? ORDER BY serial DESC LIMIT 1 OFFSET ?)",
                one.party, one.key, one.party, one.key, limits.NODE_BEACONS_KEPT,
            )  # fmt: skip

    def beacons(self, party: bytes) -> list[StoredBeacon]:
        """Return the beacons of a party that are kept, the newest serials first."""
        query = "SELECT * FROM beacon WHERE party = ? ORDER BY serial DESC, at DESC"
        return self._once("beacon", StoredBeacon, query, party)

    def beacon(self, act: bytes) -> bytes | None:
        """Return the envelope of a beacon that is kept, or None."""
        row = self._one("SELECT data FROM beacon WHERE act = ?", act)
        return bytes(row[0]) if row else None

    # Who was heard, and what others say.

    def add_ack(self, ack: Ack) -> None:
        """Keep an acknowledgement; the first word of it stands."""
        row = (ack.act, ack.about, ack.mandate, ack.at, ack.heard, ack.channel, ack.peer)
        self._do("INSERT OR IGNORE INTO ack VALUES (?, ?, ?, ?, ?, ?, ?)", *row)

    def acks(self, about: bytes) -> list[Ack]:
        """Return the acknowledgements of an act, the first heard first."""
        return [Ack(*row) for row in self._all("SELECT * FROM ack WHERE about = ? ORDER BY heard, act", about)]

    def note_heard(self, issuer: bytes, channel: str, peer: str, time: int) -> None:
        """Note when an issuer was heard last by a channel."""
        self._do(
            "INSERT INTO heard VALUES (?, ?, ?, ?) ON CONFLICT (issuer, channel) DO UPDATE SET peer = excluded.peer,"
            " time = excluded.time WHERE time <= excluded.time",
            issuer, channel, peer, time,
        )  # fmt: skip

    def heard(self, issuer: bytes) -> list[tuple[str, str, int]]:
        """Return by which channel, from which peer and when an issuer was heard last, the newest first."""
        rows = self._all("SELECT channel, peer, time FROM heard WHERE issuer = ? ORDER BY time DESC, channel", issuer)
        return [(str(channel), str(peer), int(time)) for channel, peer, time in rows]

    def note_said(self, issuer: bytes, peer: str, channel: str, time: int) -> None:
        """Note that a peer says to know more of an issuer than is here."""
        with self.changing():
            if self._one("SELECT count(*) FROM said")[0] >= limits.NODE_SAID_ROWS_MAX:
                self._do("DELETE FROM said WHERE time = (SELECT min(time) FROM said)")
            self._do(
                "INSERT INTO said VALUES (?, ?, ?, ?, ?) ON CONFLICT (issuer, peer) DO UPDATE SET time = excluded.time,"
                " channel = excluded.channel",
                issuer, peer, channel, time, time,
            )  # fmt: skip

    def unsay(self, issuer: bytes, peer: str | None = None) -> None:
        """Forget that others, or one of them, said to know more of an issuer."""
        if self._once("said", bool, "SELECT 1 FROM said LIMIT 1"):
            self._do("DELETE FROM said WHERE issuer = ? AND (peer = ? OR ? IS NULL)", issuer, peer, peer)

    def said(self, issuer: bytes) -> list[tuple[str, str, int, int]]:
        """Return who says to know more of an issuer: peer, channel, since when, and when he said so last."""
        return self._all("SELECT peer, channel, since, time FROM said WHERE issuer = ? ORDER BY since, peer", issuer)

    # Proofs.

    def add_proof(self, proof: Proof) -> bool:
        """Keep a proof; return whether it is new. The first ones are kept, of each subject and in all: nobody pushes
        them out by lying more. The first of a subject is always kept: nor does he take the place of those of others."""
        with self.changing():
            subject = (proof.kind, proof.party, proof.subject)
            query = "SELECT count(*) FROM proof WHERE kind = ? AND party = ? AND subject = ?"
            against, rows = self._one(query, *subject)[0], self._one("SELECT count(*) FROM proof")[0]
            if against >= PROOFS_OF_SUBJECT or (against and rows >= limits.NODE_PROOFS_MAX):
                return False
            insert = "INSERT OR IGNORE INTO proof (kind, party, subject, time, first, second) VALUES (?, ?, ?, ?, ?, ?)"
            row = (proof.kind, proof.party, proof.subject, proof.time, proof.first, proof.second)
            return self._do(insert, *row) == 1

    def proofs(self, party: bytes | None = None) -> list[Proof]:
        """Return the proofs, of one party or of all, the oldest first."""
        query = "SELECT kind, party, subject, time, first, second FROM proof WHERE party = ? OR ? IS NULL"
        return self._once("proof", Proof, query + " ORDER BY number", party, party)

    # Homes.

    def extend_home(self, origin: str, key: bytes, start: int, entries: Sequence[bytes], note: bytes) -> None:
        """Keep more entries of a home ledger, and the checkpoint over them."""
        with self.changing():
            size = start + len(entries)
            self._do("INSERT OR REPLACE INTO home VALUES (?, ?, ?, ?)", origin, key, size, note)
            for index, data in enumerate(entries, start):
                self._do("INSERT INTO home_entry VALUES (?, ?, ?, ?)", origin, key, index, data)

    def homes(self) -> list[tuple[str, bytes, int, bytes]]:
        """Return the home ledgers of which a copy is kept: origin, key, size and checkpoint."""
        return self._all("SELECT origin, key, size, note FROM home ORDER BY origin, key")

    def home_entries(self, origin: str, key: bytes, start: int = 0) -> list[bytes]:
        """Return the entries of a home ledger's copy from an index on, in order."""
        query = "SELECT data FROM home_entry WHERE origin = ? AND key = ? AND idx >= ? ORDER BY idx"
        return [bytes(row[0]) for row in self._all(query, origin, key, start)]

    def add_bundle(self, id_: bytes, party: bytes, data: bytes) -> None:
        """Keep a bundle that shows a party's home; of each party the newest few are kept, and of all."""
        with self.changing():
            self._do("INSERT OR IGNORE INTO bundle (id, party, data) VALUES (?, ?, ?)", id_, party, data)
            self._do(
                "DELETE FROM bundle WHERE party = ? AND number <= (SELECT number FROM bundle WHERE party = ?"
                " ORDER BY number DESC LIMIT 1 OFFSET ?)",
                party, party, limits.NODE_BUNDLES_KEPT,
            )  # fmt: skip
            self._do(
                "DELETE FROM bundle WHERE number <= (SELECT number FROM bundle ORDER BY number DESC LIMIT 1 OFFSET ?)",
                limits.NODE_BUNDLES_MAX,
            )

    def bundles(self) -> list[bytes]:
        """Return the bundles that are kept, the oldest first, each once: it may be kept for several parties."""
        return list(dict.fromkeys(bytes(row[0]) for row in self._all("SELECT data FROM bundle ORDER BY number")))
