"""Every store keeps the one contract of ``ports``; the SQLite one also keeps its word to the disk."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from pourparler.core.act import parse_act
from pourparler.core.ledger import Frontier, consistency_path, leaf_hash, verify_consistency
from pourparler.ports import Refusal, StoreConflict, StoredEntry, StoreError
from pourparler.store import sqlite as sqlite_module
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import APPLICATION_ID, MIGRATIONS, SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    opened = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "ledger")
    yield opened
    opened.close()


def entry(index, word=None):
    return StoredEntry(index, (word or b"act %d" % index).rjust(32, b"\0"), b"entry %d" % index)


def write(store, *entries, note=None):
    with store.transaction() as transaction:
        before, _ = Frontier().extended([leaf_hash(kept.data) for kept in store.entries()])
        frontier, nodes = before.extended([leaf_hash(kept.data) for kept in entries])
        transaction.append(entries, nodes)
        transaction.set_checkpoint(frontier.size, note or b"note of %d" % frontier.size)
    return frontier


# --- the contract -----------------------------------------------------------------------------------------------------


def test_an_empty_store(store):
    assert (store.size(), store.checkpoint(), store.text(bytes(32))) == (0, None, None)
    assert list(store.entries()) == list(store.refusals()) == []
    with pytest.raises(IndexError):
        store.entry(0)
    with pytest.raises(KeyError):
        store.node(0, 0)


def test_what_was_committed_is_read_back(store):
    first, second = write(store, entry(0)), write(store, entry(1), entry(2))
    with store.transaction() as transaction:
        transaction.put_text(b"digest", b"text")
        transaction.put_text(b"digest", b"text")
    assert store.size() == 3
    assert [kept.index for kept in store.entries()] == [0, 1, 2]
    assert list(store.entries(2)) == [store.entry(2)] == [entry(2)]
    assert store.checkpoint() == b"note of 3"
    assert store.text(b"digest") == b"text"
    path = consistency_path(1, 3, store.node)
    verify_consistency(1, first.root(), 3, second.root(), path)


def test_nothing_of_a_transaction_is_seen_before_it_ends_or_after_it_failed(store):
    write(store, entry(0))
    seen = []

    def look():
        seen.append((store.size(), store.checkpoint(), store.text(b"digest")))

    def fail_at_the_end():
        with store.transaction() as transaction:
            transaction.append([entry(1)], [(0, 1, bytes(32))])
            transaction.put_text(b"digest", b"text")
            transaction.set_checkpoint(2, b"note of 2")
            reader = threading.Thread(target=look)
            reader.start()
            reader.join(10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_end()
    assert seen == [(1, b"note of 1", None)]
    assert (store.size(), store.checkpoint(), store.text(b"digest")) == (1, b"note of 1", None)
    write(store, entry(1))
    assert store.size() == 2


@pytest.mark.parametrize("wrong", [[entry(0)], [entry(2)], [entry(1), entry(3)]])
def test_entries_that_do_not_follow_are_refused(store, wrong):
    write(store, entry(0))
    with pytest.raises(StoreConflict), store.transaction() as transaction:
        transaction.append(wrong, [])
    assert store.size() == 1


@pytest.mark.parametrize("size", [0, 1, 2])
def test_a_checkpoint_only_grows(store, size):
    write(store, entry(0), entry(1))
    with pytest.raises(StoreConflict), store.transaction() as transaction:
        transaction.set_checkpoint(size, b"older")
    assert store.checkpoint() == b"note of 2"


def test_the_witnessed_checkpoint_is_kept_apart_and_never_shrinks(store):
    assert store.witnessed() is None
    with pytest.raises(StoreConflict):
        store.set_witnessed(1, b"of what is not there")
    write(store, entry(0), entry(1), entry(2))
    store.set_witnessed(2, b"of 2")
    assert (store.witnessed(), store.checkpoint()) == (b"of 2", b"note of 3")
    store.set_witnessed(2, b"of 2, cosigned by more")
    for size in (1, 4):
        with pytest.raises(StoreConflict):
            store.set_witnessed(size, b"neither")
    assert store.witnessed() == b"of 2, cosigned by more"
    assert [[*store.witnessed_notes(after)] for after in (0, 1, 2)] == [[(2, b"of 2")], [(2, b"of 2")], []]
    store.set_witnessed(2, b"of 2, by another", beside=True)
    store.set_witnessed(3, b"of 3")
    write(store, entry(3))
    assert (store.witnessed(), store.checkpoint()) == (b"of 3", b"note of 4")
    assert [*store.witnessed_notes(1)] == [(2, b"of 2"), (2, b"of 2, by another"), (3, b"of 3")]
    assert [[*store.witnessed_notes(after)] for after in (2, 3)] == [[(3, b"of 3")], []]


def add_witnessed(transaction, *notes):
    for size, note in notes:
        transaction.add_witnessed(size, note)


def test_a_witnessed_checkpoint_that_somebody_else_kept_stands_behind_those_of_its_size(store):
    write(store, entry(0), entry(1))
    store.set_witnessed(2, b"of 2")
    with store.transaction() as transaction:
        add_witnessed(transaction, (2, b"of 2, elsewhere"), (1, b"of 1"), (2, b"of 2"), (1, b"of 1"))
    assert [*store.witnessed_notes(0)] == [(1, b"of 1"), (2, b"of 2"), (2, b"of 2, elsewhere")]
    assert store.witnessed() == b"of 2"
    with pytest.raises(StoreConflict), store.transaction() as transaction:
        add_witnessed(transaction, (1, b"of 1, never"), (3, b"of what is not there"))
    assert [*store.witnessed_notes(0)] == [(1, b"of 1"), (2, b"of 2"), (2, b"of 2, elsewhere")]


def test_a_witnessed_checkpoint_may_come_with_the_entries_that_it_covers(store):
    with store.transaction() as transaction:
        transaction.append([entry(0)], [])
        transaction.set_checkpoint(1, b"note of 1")
        transaction.add_witnessed(1, b"of 1")
    assert (store.witnessed(), [*store.witnessed_notes(0)]) == (None, [(1, b"of 1")])


def test_the_witnessed_checkpoint_is_there_after_opening_again(tmp_path):
    first = SqliteStore(tmp_path / "ledger")
    write(first, entry(0))
    first.set_witnessed(1, b"of 1")
    first.close()
    again = SqliteStore(tmp_path / "ledger")
    assert again.witnessed() == b"of 1"
    again.close()


def test_transactions_wait_for_one_another(store):
    order = []

    def other():
        with store.transaction():
            order.append("second")

    with store.transaction():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_refusals_are_kept_in_order(store):
    kept = [Refusal(bytes(32), "grant", 6, "decision.insufficient", "why", n, b"data") for n in range(3)]
    for refusal in kept:
        store.add_refusal(refusal)
    assert list(store.refusals()) == kept


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger"


def reopened(path):
    return contextlib.closing(SqliteStore(path))


def test_the_settings_that_durability_rests_on(path):
    with reopened(path) as store:
        assert store._pragma("journal_mode") == "wal"
        assert store._pragma("synchronous") == sqlite_module.FULL
        assert store._pragma("application_id") == APPLICATION_ID
        assert store._pragma("user_version") == len(MIGRATIONS)


def test_what_was_written_is_there_after_reopening(path):
    with reopened(path) as store:
        write(store, *map(entry, range(1_100)))
        store.add_refusal(Refusal(b"", "", 1, "envelope.layout", "", -5, b""))
    with reopened(path) as store:
        assert [kept.index for kept in store.entries(3)] == list(range(3, 1_100))
        assert [refusal.time for refusal in store.refusals()] == [-5]


def test_a_second_instance_is_refused_until_the_first_is_closed(path):
    with reopened(path), pytest.raises(StoreError, match=r"in use.*one writer.*stop the other"):
        SqliteStore(path)
    with reopened(path) as store:
        write(store, entry(0))
        store.close()  # closing twice does no harm
        with pytest.raises(StoreError):
            store.size()


def test_another_process_is_refused_too(path):
    script = f"from pourparler.store.sqlite import SqliteStore\nSqliteStore({str(path)!r})"
    with reopened(path):
        refused = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "is in use" in refused.stderr.splitlines()[-1]
    subprocess.run([sys.executable, "-c", script], check=True)


def test_another_programs_database_is_left_alone(path):
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE recipe (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_newer_layout_is_left_alone(path):
    SqliteStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    with pytest.raises(StoreError, match="newer version"):
        SqliteStore(path)


def test_a_file_of_an_earlier_layout_keeps_what_was_first_witnessed(path):
    """The layout in which one checkpoint of each size was kept."""
    with contextlib.closing(sqlite3.connect(path)) as earlier:
        for statement in (one for statements in MIGRATIONS[:4] for one in statements):
            earlier.execute(statement)
        earlier.execute(f"PRAGMA application_id={APPLICATION_ID}")
        earlier.execute("PRAGMA user_version=4")
        earlier.executemany("INSERT INTO first_witnessed VALUES (?, ?)", [(5, b"of 5"), (3, b"of 3")])
        earlier.commit()
    with reopened(path) as store:
        assert [*store.witnessed_notes(0)] == [(3, b"of 3"), (5, b"of 5")]


def test_what_is_no_database_is_left_alone(path):
    path.write_bytes(b"Dear diary, " * 200)
    with pytest.raises(StoreError, match="no database"):
        SqliteStore(path)
    assert path.read_bytes().startswith(b"Dear diary")


def test_a_directory_that_is_not_there(path):
    with pytest.raises(StoreError, match="must exist"):
        SqliteStore(path / "ledger")


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM entry WHERE idx = 1",
        "DELETE FROM node WHERE level = 1 AND idx = 3",
        "INSERT INTO node VALUES (1, 200, x'00')",  # of an entry that is lost: it would block the next one
        "page",
    ],
)
def test_a_damaged_file_is_refused(path, damage):
    with reopened(path) as store:
        write(store, *map(entry, range(400)))
    if damage == "page":
        whole = bytearray(path.read_bytes())
        whole[3 * 4096 : 4 * 4096] = bytes(4096)
        path.write_bytes(whole)
    else:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(damage)
    with pytest.raises(StoreError, match="damaged"):
        SqliteStore(path)


@pytest.mark.parametrize("value", ["CAST(x'c5c5' AS TEXT)", "'text'", "5", "1e300", str(2**40)])
@pytest.mark.parametrize("column", ["act_id", "data"])
def test_a_row_of_another_type_is_damage(path, column, value):
    """One bit of a row's header says that bytes are text, or a number."""
    with reopened(path) as store:
        write(store, *map(entry, range(4)))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"UPDATE entry SET {column} = {value} WHERE idx = 2")
        other.execute(f"UPDATE node SET hash = {value} WHERE level = 1 AND idx = 0")
        other.execute(f"UPDATE checkpoint SET note = {value}")
    for use in (
        lambda store: list(store.entries()),
        lambda store: store.entry(2),
        lambda store: store.node(1, 0),
        lambda store: store.checkpoint(),
    ):
        with reopened(path) as store:
            with pytest.raises(StoreError, match="is damaged"):
                use(store)
            with pytest.raises(StoreError, match="not used after"):
                store.size()


def test_a_text_that_was_spoilt_is_not_kept_for_ever(path):
    with reopened(path) as store:
        for data in (b"spoilt", b"text"):
            with store.transaction() as transaction:
                transaction.put_text(b"digest", data)
        assert store.text(b"digest") == b"text"


def test_another_writer_is_noticed(path):
    with reopened(path) as store:
        write(store, entry(0))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO entry VALUES (1, x'00', x'00')")
        with pytest.raises(StoreConflict, match="one writer only"), store.transaction() as transaction:
            transaction.append([entry(1)], [])


def test_a_full_disk_refuses_and_what_is_stored_stays(path):
    with reopened(path) as store:
        write(store, entry(0))
        pages = store._pragma("page_count")
        store._writer.execute(f"PRAGMA max_page_count={pages + 1}")
        large = StoredEntry(1, bytes(32), bytes(60_000))
        with pytest.raises(StoreError, match="disk is full: make room"), store.transaction() as transaction:
            transaction.append([large], [])
        assert store.size() == 1
        store._writer.execute("PRAGMA max_page_count=100000")
        write(store, large)
        assert store.size() == 2


def test_nothing_is_used_after_an_io_error(path):
    with reopened(path) as store:
        write(store, entry(0))
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        with pytest.raises(StoreError, match="look at the disk"), store._failures("commit"):
            raise failure
        for use in (store.size, store.checkpoint, lambda: write(store, entry(1))):
            with pytest.raises(StoreError, match="start again"):
                use()
    with reopened(path) as store:
        assert store.size() == 1


def test_a_full_disk_is_called_one_where_sqlite_says_io_error(path, monkeypatch):
    """On a full tmpfs a ledger could not even be opened to be read, and was said to have a failing disk."""
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    with reopened(path) as store:
        usage = sqlite_module.shutil.disk_usage(path.parent)
        monkeypatch.setattr(sqlite_module.shutil, "disk_usage", lambda _: usage._replace(free=4_096))
        with pytest.raises(StoreError, match="The disk is full: make room"), store._failures("open the ledger"):
            raise failure


def test_refusals_cannot_fill_the_disk(path, monkeypatch):
    monkeypatch.setattr(sqlite_module, "REFUSALS_KEPT", 50)
    with reopened(path) as store:
        for n in range(300):
            store.add_refusal(Refusal(b"", "", 1, "envelope.layout", "", n, b""))
        assert [refusal.time for refusal in store.refusals()] == list(range(250, 300))


DESK = """
import sys
from pourparler.service.drafting import draft
from pourparler.service.intake import Intake
from pourparler.store.sqlite import SqliteStore
from tests.test_intake import DESK, LEDGER, SetClock, Side, data, settle

intake = Intake(SqliteStore(sys.argv[1]), LEDGER, SetClock(), DESK.origin)
red = Side("red")
settle(intake, red)
start = intake.size
for number in range(start, start + 100_000):
    receipt = intake.submit(data(red.say("reply", {"about": number.to_bytes(32)})))
    print(receipt.index, receipt.act_id.hex(), flush=True)
"""


def test_what_was_answered_before_the_process_was_killed_is_stored(path):
    from tests.test_intake import begin

    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", DESK, str(path)], stdout=subprocess.PIPE, text=True)
        answered = [process.stdout.readline().split() for _ in range(20)]
        time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        answered += [line.split() for line in process.stdout.read().split("\n")[:-1]]
        process.stdout.close()
        process.wait()
        intake = begin(SqliteStore(path))  # folds everything and checks it against stamps, tree and checkpoint
        for index, act_id in answered:
            assert parse_act(intake.entry(int(index))).id.hex() == act_id
        intake.close()
