"""A ledger that was put back to an earlier day is noticed, is not written, and is brought back by anybody's copy."""

import contextlib
import shutil
import sqlite3
import subprocess
import sys

import pytest

from pourparler.core.ledger import Frontier, leaf_hash
from pourparler.ports import StoreConflict, StoreError
from pourparler.service import books
from pourparler.service.books import Book, accept_head, copy_of, create_ledger, recover
from pourparler.service.heads import ReadOnly
from pourparler.service.intake import Intake, LedgerDamaged
from pourparler.service.workspace import Workspace, WorkspaceError
from pourparler.store import highwater
from pourparler.store.highwater import HALF_BYTES, HighWaterFile
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore, StoreInUse
from tests.test_intake import DESK, LEDGER, SetClock, Side, data, negotiate, settle

# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mark"


def reopened(path, **how):
    return contextlib.closing(HighWaterFile(path, **how))


def test_what_was_kept_last_is_read_back(path):
    with reopened(path) as mark:
        assert (mark.read(), mark.begun, mark.spoilt) == (None, False, False)
        for number in range(1, 6):
            mark.keep(b"note %d\n" % number)
            mark.check()
            with reopened(path, alone=False) as other:
                assert other.read() == mark.read() == b"note %d\n" % number
    assert path.stat().st_size == 2 * HALF_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    with reopened(path) as mark:
        assert (mark.read(), mark.begun, mark.spoilt) == (b"note 5\n", True, False)


@pytest.mark.parametrize("cut", [1, 40, 100, 512, HALF_BYTES - 1])
def test_a_write_that_was_cut_off_spoils_only_what_nobody_was_told(path, cut):
    with reopened(path) as mark:
        mark.keep(b"a" * 700)
        mark.keep(b"b" * 700)
        before = path.read_bytes()
        mark.keep(b"c" * 700)
    after = path.read_bytes()
    at = next(n for n in range(len(after)) if before[n] != after[n]) // HALF_BYTES * HALF_BYTES
    path.write_bytes(before[:at] + after[at : at + cut] + before[at + cut :])
    with reopened(path) as mark:
        assert mark.read() == (b"b" * 700 if cut < 800 else b"c" * 700)
        mark.keep(b"d")
        assert not mark.spoilt
    with reopened(path) as mark:
        assert (mark.read(), mark.spoilt) == (b"d", False)


def test_every_flipped_bit_of_a_half_is_noticed(path):
    with reopened(path) as mark:
        mark.keep(b"a" * 20)
        mark.keep(b"b" * 20)
    whole = path.read_bytes()
    for at in range(0, 2 * HALF_BYTES * 8, 97):
        spoilt = bytearray(whole)
        spoilt[at // 8] ^= 1 << at % 8
        path.write_bytes(spoilt)
        with reopened(path) as mark:
            assert mark.spoilt, at
            assert mark.read() == (b"a" if at // 8 < HALF_BYTES else b"b") * 20


def test_one_instance_holds_it(path):
    with reopened(path) as mark:
        mark.keep(b"a")
        with pytest.raises(StoreInUse, match=r"another instance.*copy of its folder"):
            HighWaterFile(path)
        script = f"from pourparler.store.highwater import HighWaterFile\nHighWaterFile({str(path)!r})"
        refused = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert "is in use" in refused.stderr.splitlines()[-1]
    HighWaterFile(path).close()


def test_a_file_that_somebody_else_changed_is_written_no_more(path):
    with reopened(path) as mark:
        mark.keep(b"a")
        path.rename(path.with_name("away"))
        with pytest.raises(StoreError, match="cannot be found"):
            mark.check()
        shutil.copy(path.with_name("away"), path)
        with pytest.raises(StoreConflict, match="changed by somebody else"):
            mark.check()
        path.with_name("away").replace(path)
        mark.check()
        with path.open("r+b") as other:
            other.write(highwater.Half(9, b"theirs").encoded())
        with pytest.raises(StoreConflict, match="changed by somebody else"):
            mark.check()


def test_what_is_no_high_water_file_is_left_alone(path):
    path.write_bytes(b"Dear diary, ")
    with pytest.raises(StoreError, match="is no high-water file"):
        HighWaterFile(path)
    assert path.read_bytes() == b"Dear diary, "
    with pytest.raises(StoreError, match="cannot be made"):
        HighWaterFile(path.parent / "nowhere" / "mark").begin()


@pytest.mark.parametrize("left", [b"", bytes(700), bytes(2 * HALF_BYTES)])
def test_one_that_was_cut_off_while_it_was_made_is_made_whole(path, left, monkeypatch):
    path.write_bytes(left)
    synced = []
    monkeypatch.setattr(highwater, "sync_directory", synced.append)
    with reopened(path) as mark:
        assert (mark.read(), mark.begun, mark.spoilt) == (None, True, False)
        mark.begin()
        assert synced == [path.parent]
        assert path.read_bytes() == bytes(2 * HALF_BYTES)
        mark.keep(b"a")
    with reopened(path) as mark:
        assert mark.read() == b"a"


def test_nothing_is_kept_after_a_failed_sync(path, monkeypatch):
    def fail(_file):
        raise OSError(5, "Input/output error")

    with reopened(path) as mark:
        mark.keep(b"a")
        monkeypatch.setattr(highwater, "sync_data", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            mark.keep(b"b")
        monkeypatch.undo()
        with pytest.raises(StoreError, match="start again"):
            mark.check()


# --- an intake --------------------------------------------------------------------------------------------------------


class Place:
    """A ledger's two files, opened and closed like a process that starts and ends."""

    def __init__(self, folder):
        self.folder = folder
        self.database, self.mark = folder / "ledger", folder / "mark"

    @contextlib.contextmanager
    def open(self, seen=dict, *, mark=None):
        store = SqliteStore(self.database)
        try:
            marks = HighWaterFile(mark or self.mark)
        except StoreError:
            store.close()
            raise
        intake = Intake(store, LEDGER, SetClock(), DESK.origin, high_water=marks, heads_seen=seen)
        try:
            yield intake
        finally:
            intake.close()

    def kept_away(self):
        """Return a copy of the database as it is now, as a backup makes it."""
        away = self.folder / "backup"
        shutil.copy(self.database, away)
        return away


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    with made.open() as intake:
        settle(intake, Side("red"))
    return made


def more(intake, name="blue"):
    side = Side(name)
    settle(intake, side)
    return side


def test_a_ledger_goes_on_where_it_was(place):
    with place.open() as intake:
        assert intake.read_only is None
        more(intake)
        size = intake.size
    with place.open() as intake:
        assert (intake.read_only, intake.size) == (None, size)
        assert HighWaterFile(place.mark, alone=False).read() == intake.checkpoint()


def test_a_database_of_yesterday_is_read_and_not_written(place):
    yesterday = place.kept_away()
    with place.open() as intake:
        more(intake)
        told, note = intake.size, intake.checkpoint()
    yesterday.replace(place.database)
    with place.open() as intake:
        why = intake.read_only
        assert why.reason == "ledger.behind"
        assert f"{told:,}. Entries that were acknowledged are missing" in why.what
        before = intake.size
        green = Side("green")
        with pytest.raises(ReadOnly):
            intake.submit(data(green.found))
        (answer,) = intake.submit_many([data(green.found)])
        assert isinstance(answer, ReadOnly)
        with pytest.raises(ReadOnly):
            intake.stamp([])
        assert intake.size == before < told  # read, and as it was
        assert intake.entry(0)
    assert HighWaterFile(place.mark, alone=False).read() == note


def test_a_database_that_is_gone_is_not_begun_again(place):
    place.database.unlink()
    with place.open() as intake:
        assert intake.read_only.reason == "ledger.behind"
        with pytest.raises(ReadOnly):
            intake.submit(data(Side("blue").found))
    assert SqliteStore(place.database).size() == 0


def test_another_history_of_the_same_length_differs(place):
    yesterday = place.kept_away()
    with place.open() as intake:
        more(intake, "blue")
        size = intake.size
    yesterday.replace(place.database)
    elsewhere = place.folder / "elsewhere"
    shutil.copy(place.mark, elsewhere)
    with contextlib.closing(Intake(SqliteStore(place.database), LEDGER, SetClock(), DESK.origin)) as forker:
        more(forker, "green")
        assert forker.size == size
    with place.open() as intake:
        assert intake.read_only.reason == "ledger.differs"
        assert intake.read_only.differs


def test_a_high_water_file_that_is_gone_is_said(place):
    place.mark.unlink()
    with place.open() as intake:
        assert intake.read_only.reason == "ledger.no-high-water"
        with pytest.raises(ReadOnly, match="is not there"):
            intake.submit(data(Side("blue").found))
    assert not place.mark.exists()  # an empty one would say that nothing was acknowledged


def test_a_high_water_file_of_nothing_but_zeroes_is_said(place):
    place.mark.write_bytes(bytes(2 * HALF_BYTES))
    with place.open() as intake:
        assert intake.read_only.reason == "ledger.no-high-water"


def test_another_ledgers_high_water_file_is_said(place, tmp_path):
    other = Intake(MemoryStore(), LEDGER, SetClock(), "ledger.example/other")
    place.mark.unlink()
    with contextlib.closing(HighWaterFile(place.mark)) as mark:
        mark.keep(other.checkpoint())
    with place.open() as intake:
        assert intake.read_only.reason == "ledger.other-high-water"


def test_half_a_high_water_file_that_no_crash_can_leave_is_said(place):
    with place.open() as intake:
        more(intake)
    whole = place.mark.read_bytes()
    newest = highwater.parse_half(whole[:HALF_BYTES]), highwater.parse_half(whole[HALF_BYTES:])
    at = 0 if newest[0].count > newest[1].count else HALF_BYTES
    for spoilt in (at, HALF_BYTES - at):
        changed = bytearray(whole)
        changed[spoilt + 100] ^= 1
        place.mark.write_bytes(changed)
        with place.open() as intake:
            behind = intake.read_only
        # The newest half gone: the store has more than the other says, as after a crash. The older one gone: never.
        assert (behind is None) == (spoilt == at)


def test_a_crash_between_commit_and_high_water_file_is_mended_before_any_answer(place, monkeypatch):
    blue = Side("blue")
    with place.open() as intake, monkeypatch.context() as patch:
        patch.setattr(HighWaterFile, "keep", lambda self, note: (_ for _ in ()).throw(StoreError("cut off")))
        with pytest.raises(StoreError, match="cut off"):
            intake.submit(data(blue.found))
        with pytest.raises(StoreError, match="cut off"):
            intake.submit(data(blue.found))  # it has its entry, and is not answered all the same
    before = HighWaterFile(place.mark, alone=False).read()
    with place.open() as intake:
        assert intake.read_only is None
        assert intake.receipt(blue.found.id) is not None
        assert HighWaterFile(place.mark, alone=False).read() == intake.checkpoint() != before


def test_no_answer_leaves_before_the_high_water_file_is_written(place, monkeypatch):
    seen = []
    keep = HighWaterFile.keep

    def watched(mark, note):
        with contextlib.closing(sqlite3.connect(place.database)) as other:
            seen.append((note == other.execute("SELECT note FROM checkpoint").fetchone()[0], ticket.done))
        keep(mark, note)

    with place.open() as intake:
        act = Side("blue").found
        ticket = intake._ticket(data(act), {})
        monkeypatch.setattr(HighWaterFile, "keep", watched)
        intake._run([ticket])
        assert ticket.receipt is not None
    assert seen == [(True, False)]  # committed, and nobody answered


def test_an_instance_on_a_copied_folder_is_refused_and_then_read_only(place):
    shutil.copytree(place.folder, copied := place.folder / "copied")
    other = Place(copied)
    with place.open() as intake:
        with pytest.raises(StoreInUse), other.open(mark=place.mark):
            pass
        more(intake)
    with other.open(mark=place.mark) as second:  # its lock is free, its database behind
        assert second.read_only.reason == "ledger.behind"


def test_nothing_is_committed_once_somebody_else_wrote_the_high_water_file(place):
    """Where locks do not hold, as on some network file systems."""
    with place.open() as intake:
        size, note = intake.store.size(), intake.store.checkpoint()
        with place.mark.open("r+b") as other:
            other.write(highwater.Half(99, note).encoded())
        with pytest.raises(StoreConflict, match="changed by somebody else"):
            intake.submit(data(Side("blue").found))
        assert (intake.store.size(), intake.store.checkpoint()) == (size, note)


def test_an_instance_that_was_overtaken_writes_the_high_water_file_no_more(place, monkeypatch):
    """Where locks do not hold, two instances have one folder. What the first took for the next write of the file was an
    older one by then: it put the mark back."""
    monkeypatch.setattr("fcntl.flock", lambda *_: None)
    acts = [data(Side(name).found) for name in ("one", "two", "three", "four")]
    with place.open() as first, place.open() as second:
        for act in acts[:3]:
            second.submit(act)
        for _ in range(2):
            with pytest.raises(StoreError):
                first.submit(acts[3])
        assert HighWaterFile(place.mark, alone=False).read() == second.checkpoint()
        second.submit(acts[3])
    with place.open() as intake:
        assert intake.read_only is None


def test_nothing_is_answered_after_a_sync_of_the_high_water_file_failed(place, monkeypatch):
    """Sent again, the act got its receipt: the file was written a second time, and its sync believed."""
    blue, real = Side("blue"), highwater.sync_data
    failing = iter([OSError(5, "Input/output error")])

    def sync_data(file):
        for error in failing:
            raise error
        real(file)

    with place.open() as intake:
        monkeypatch.setattr(highwater, "sync_data", sync_data)
        for _ in range(3):
            with pytest.raises(StoreError):
                intake.submit(data(blue.found))
        with pytest.raises(StoreError, match="start again"):
            intake.checkpoint()
    with place.open() as intake:
        assert intake.receipt(blue.found.id) is not None


@pytest.mark.parametrize(("ahead", "reason"), [(0, None), (1, "ledger.behind")])
def test_a_witness_that_saw_more_is_believed(place, ahead, reason):
    with place.open() as intake:
        size = intake.size
    with place.open(lambda: {"w.example/one": (size + ahead, bytes(32) if ahead else None)}) as intake:
        assert (intake.read_only and intake.read_only.reason) == reason


def test_a_witness_that_saw_another_tree_is_believed(place):
    roots = []
    with place.open() as intake:
        size, frontier = intake.size, Frontier()
        for index in range(size):
            frontier = frontier.append(leaf_hash(intake.entry(index)))
            roots.append(frontier.root())
    for known in range(1, size + 1):
        with place.open(lambda known=known: {"w.example": (known, roots[known - 1])}) as intake:
            assert intake.read_only is None
        with place.open(lambda known=known: {"w.example": (known, roots[known % size])}) as intake:
            assert intake.read_only.reason == "ledger.differs"
            assert "w.example" in intake.read_only.what


def test_a_node_that_was_changed_is_found_though_no_root_rests_on_it(place):
    with place.open() as intake:
        for name in ("blue", "green", "grey"):
            more(intake, name)
        assert intake.size >= 12
    with contextlib.closing(sqlite3.connect(place.database, isolation_level=None)) as other:
        assert other.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND idx = 0").rowcount == 1
    with pytest.raises(LedgerDamaged, match="node 0 of level 1"), place.open():
        pass


@pytest.mark.parametrize("spoiling", ["UPDATE text SET data = CAST(data || x'00' AS BLOB)", "DELETE FROM text"])
def test_a_text_that_was_changed_or_lost_is_found(place, spoiling):
    with place.open() as intake:
        negotiate(intake)
    with contextlib.closing(sqlite3.connect(place.database, isolation_level=None)) as other:
        assert other.execute(spoiling).rowcount == 1
    with pytest.raises(LedgerDamaged), place.open():
        pass


# --- a workspace ------------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path):
    made = Workspace.create(tmp_path / "ours")
    ledger = create_ledger(made, DESK.origin, "ledger", LEDGER, bound_seconds=600, clock=SetClock())
    opened = Book(made, ledger, clock=SetClock())
    yield opened
    opened.close()


def again(book):
    book.close()
    return Book(book.workspace, book.workspace.settings.ledgers[DESK.origin], clock=SetClock())


def write(book, side):
    for answer in book.submit([data(side.found), data(side.grant)], (), LEDGER):
        assert not isinstance(answer, Exception), answer


def rolled_back(book):
    """Return the book after its database was put back by a day, and the copy that somebody took meanwhile."""
    write(book, Side("red"))
    book.close()
    database = book.workspace.ledgers / book.ledger.file
    shutil.copy(database, database.with_suffix(".yesterday"))
    book = again(book)
    write(book, Side("blue"))
    book = again(book)
    copy = copy_of(book)
    book.close()
    database.with_suffix(".yesterday").replace(database)
    return again(book), copy


def test_what_is_missing_comes_back_from_anybodys_copy(book):
    book, copy = rolled_back(book)
    assert book.read_only.reason == "ledger.behind"
    with pytest.raises(ReadOnly):
        book.submit([data(Side("green").found)], (), LEDGER)
    short = books.Copy(copy.depositary, copy_of(book).checkpoint, copy.entries[: book.size], copy.texts)
    with pytest.raises(WorkspaceError, match="not all that is missing"):
        recover(book, short)
    assert recover(book, copy).entries == len(copy.entries) - book.size > 0
    book = again(book)
    assert (book.read_only, book.size) == (None, len(copy.entries))
    with pytest.raises(WorkspaceError, match="nothing is missing"):
        recover(book, copy)
    write(book, Side("green"))
    book.close()


def test_a_copy_that_has_no_more_than_is_here_brings_nothing_back(book):
    write(book, Side("red"))
    book = again(book)
    copy = copy_of(book)
    book.close()
    book.workspace.high_water_path(book.ledger).unlink()
    book = again(book)
    with pytest.raises(WorkspaceError, match="not all that is missing"):
        recover(book, copy)
    book.close()


def test_what_a_crash_left_is_acknowledged_before_a_book_gives_it_away(book):
    mark = book.workspace.high_water_path(book.ledger)
    before = mark.read_bytes()
    write(book, Side("red"))
    book.close()
    mark.write_bytes(before)  # as if the process had died between commit and high-water file
    book = again(book)
    assert HighWaterFile(mark, alone=False).read() == book.checkpoint()
    book.close()


def test_a_ledger_of_a_workspace_is_not_begun_twice(book):
    """Neither where its database is empty nor where its high-water file is gone as well."""
    write(book, Side("red"))
    book = again(book)
    copy = copy_of(book)
    book.close()
    database, mark = book.workspace.ledgers / book.ledger.file, book.workspace.high_water_path(book.ledger)
    database.write_bytes(b"")
    mark.unlink()
    with contextlib.closing(Book(book.workspace, book.ledger, clock=SetClock())) as emptied:
        assert emptied.read_only.reason == "ledger.behind"
        with pytest.raises(ReadOnly):
            emptied.submit([data(Side("blue").found)], (), LEDGER)
    database.unlink()
    with contextlib.closing(Book(book.workspace, book.ledger, clock=SetClock(), lost=True)) as lost:
        assert recover(lost, copy).entries == len(copy.entries)
    with contextlib.closing(Book(book.workspace, book.ledger, clock=SetClock())) as recovered:
        assert recovered.read_only.reason == "ledger.no-high-water"
        accept_head(recovered)


def test_a_head_that_others_saw_more_of_cannot_be_accepted(book):
    book, _ = rolled_back(book)
    with pytest.raises(ReadOnly):
        accept_head(book)
    with pytest.raises(ReadOnly):
        accept_head(book, book.workspace.folder / "elsewhere")
    book.close()
    book.workspace.high_water_path(book.ledger).unlink()
    book = again(book)
    book.heads_seen = lambda: {"w.example": (book.size + 1, bytes(32))}
    with pytest.raises(ReadOnly, match=r"w\.example"):
        accept_head(book)
    book.heads_seen = dict
    accept_head(book)
    write(book, Side("green"))
    book.close()


def test_the_high_water_file_moves_to_another_disk(book, tmp_path):
    write(book, Side("red"))
    book = again(book)
    before = book.workspace.high_water_path(book.ledger)
    assert accept_head(book, tmp_path / "disk") == tmp_path / "disk"
    write(book, Side("blue"))
    assert not before.exists()
    book = again(book)
    assert book.read_only is None
    assert book.workspace.high_water_path(book.ledger) == tmp_path / "disk"
    book.close()
    (tmp_path / "disk").rename(tmp_path / "unmounted")
    book = again(book)
    assert book.read_only.reason == "ledger.no-high-water"
    book.close()


def test_a_high_water_file_that_cannot_be_read_leaves_the_ledger_readable(book, tmp_path):
    book.workspace.high_water_path(book.ledger).write_text("no such thing")
    book = again(book)
    assert book.read_only.reason == "ledger.no-high-water"
    assert book.entry(0)
    with pytest.raises(WorkspaceError, match="is there already"):
        accept_head(book)
    accept_head(book, tmp_path / "new")
    write(book, Side("red"))
    book.close()


def test_a_new_ledger_names_the_heads_of_the_one_that_it_follows(book):
    book, copy = rolled_back(book)
    words = books.following(book)
    made = create_ledger(book.workspace, "ledger.example/next", "l", LEDGER, bound_seconds=600, words=words)
    kept = book.checkpoint().decode()
    book.close()
    with contextlib.closing(Book(book.workspace, made)) as following:
        said = books.parse_act(following.entry(0))["words"]
        assert kept in said
        assert copy.checkpoint.decode() in said
        assert following.read_only is None


def test_a_copy_of_another_history_is_not_brought_in(book):
    book, copy = rolled_back(book)
    entries = list(copy.entries)
    entries[1], entries[2] = entries[2], entries[1]
    with pytest.raises((LedgerDamaged, books.Forked)):
        recover(book, books.Copy(copy.depositary, copy.checkpoint, tuple(entries), copy.texts))
    with pytest.raises(WorkspaceError, match="another ledger"):
        recover(book, books.Copy(replace_origin(copy), copy.checkpoint, copy.entries, copy.texts))
    book.close()


def replace_origin(copy):
    return type(copy.depositary)("ledger.example/x", copy.depositary.key)


def test_where_it_stands_is_kept_in_the_settings(tmp_path):
    made = Workspace.create(tmp_path / "ours")
    elsewhere = tmp_path / "disk" / "mark"
    elsewhere.parent.mkdir()
    create_ledger(made, DESK.origin, "l", LEDGER, bound_seconds=600, high_water=elsewhere, clock=SetClock())
    assert elsewhere.is_file()
    assert Workspace(made.folder).settings.ledgers[DESK.origin].high_water == str(elsewhere)
    with pytest.raises(WorkspaceError, match="is there already"):
        create_ledger(made, "ledger.example/y", "l", LEDGER, bound_seconds=600, high_water=elsewhere, clock=SetClock())
    assert not list(made.ledgers.glob("*.high-water"))
