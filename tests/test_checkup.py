"""The checkup: real ledgers spoilt in real ways, each found; and nothing of them changed by the look."""

import hashlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from pourparler.service import checkup
from pourparler.service.books import create_ledger
from pourparler.service.checkup import Finding, Instants, State
from pourparler.service.drafting import draft
from pourparler.service.intake import Intake
from pourparler.service.keyring import Cost, Keyring
from pourparler.service.workspace import Workspace
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ORIGIN = "ledger.example/ours"
NOW = 1_790_000_000
ANN = Key.from_name("ann")


class Clock:
    def now(self) -> int:
        return NOW


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace that keeps a ledger with a party in it."""
    made = Workspace.create(tmp_path / "desk")
    ring = Keyring(made.keys, cost=Cost(8 * 1024, 1))
    ring.new("keeper", "ledger", "correct horse")
    signer = ring.signer("keeper", lambda _: "correct horse")
    ledger = create_ledger(made, ORIGIN, "keeper", signer, bound_seconds=600, clock=Clock())
    intake = Intake(SqliteStore(made.ledgers / ledger.file), signer, Clock(), ORIGIN)
    organ = {"name": "board", "seats": [[ANN.public_key, 1]], "needs": 1, "powers": 1}
    home = {"origin": ORIGIN, "key": signer.public_key}
    party = {"name": "Us", "nonce": bytes(16), "home": home, "suspension": 86_400, "organs": [organ]}
    intake.submit(draft("found", party).signed_by(ANN).envelope.encoded())
    intake.close()
    return Workspace(made.folder)


def file_of(workspace: Workspace) -> Path:
    return workspace.ledgers / workspace.settings.ledgers[ORIGIN].file


def look(workspace: Workspace) -> Finding:
    """Return what is found of the ledger."""
    finding, *_ = checkup.check_ledger(workspace, workspace.settings.ledgers[ORIGIN], [])
    return finding


def prints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def test_a_good_ledger_is_good_and_is_left_as_it_was(workspace: Workspace, tmp_path: Path) -> None:
    before = prints(workspace.folder)
    newest: list[tuple[str, int]] = []
    finding, *_ = checkup.check_ledger(workspace, workspace.settings.ledgers[ORIGIN], newest)
    assert finding.state is State.OK, finding
    assert "3 entries, kept here with keeper" in finding.what
    assert newest == [(ORIGIN, NOW)]
    found = list(checkup.checkup(workspace.folder, {}))
    assert {one.state for one in found if one.subject != "disk"} <= {State.OK, State.FAIL}
    assert prints(workspace.folder) == before


def test_a_ledger_is_looked_at_while_another_writes_it(workspace: Workspace) -> None:
    with closing(SqliteStore(file_of(workspace))) as store, store.transaction() as writing:
        writing.put_text(bytes(32), b"not there yet")
        assert look(workspace).state is State.OK


def spoil(statement: str) -> Callable[[Path], None]:
    def spoiling(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute(statement).rowcount >= 1
            connection.commit()

    return spoiling


def bit_of_entry(index: int, from_end: int) -> str:
    """Return a statement that flips a bit of an entry's bytes."""
    at = f"length(data) - {from_end}"
    flipped = f"substr(data, 1, {at}) || (SELECT CASE WHEN substr(data, {at} + 1, 1) = x'00' THEN x'01' ELSE x'00' END)"
    return f"UPDATE entry SET data = CAST({flipped} || substr(data, {at} + 2) AS BLOB) WHERE idx = {index}"


def overwrite(path: Path) -> None:
    path.write_bytes(b"this is no database" * 100)


def blank(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    """Write over the middle of every page but the first, as a failing disk does."""
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 8] = b"\xff" * 8
    path.write_bytes(data)


@pytest.mark.parametrize(
    "spoiling",
    [
        spoil(bit_of_entry(2, 1)),  # in a member's signature
        spoil(bit_of_entry(2, 120)),
        spoil(bit_of_entry(1, 1)),  # in a stamp's signature
        spoil("DELETE FROM entry WHERE idx = 2"),
        spoil("DELETE FROM entry WHERE idx = 1"),
        spoil("DELETE FROM node WHERE level = 1"),
        spoil("UPDATE node SET hash = zeroblob(32) WHERE level = 1"),
        spoil("DELETE FROM checkpoint"),
        spoil("UPDATE checkpoint SET note = x'00'"),
        spoil("UPDATE entry SET act_id = zeroblob(32) WHERE idx = 2"),
        overwrite,
        blank,
        scribble,
        Path.unlink,
    ],
)
def test_whatever_is_spoilt_is_found(workspace: Workspace, spoiling: Callable[[Path], None]) -> None:
    spoiling(file_of(workspace))
    finding = look(workspace)
    assert finding.state is State.FAIL, finding
    assert finding.do
    assert checkup.LOOK not in finding.what


def test_another_ledgers_file_is_found_out(workspace: Workspace, tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "other.sqlite")
    Intake(store, Key.from_name("another"), Clock(), ORIGIN).close()
    file_of(workspace).write_bytes((tmp_path / "other.sqlite").read_bytes())
    assert look(workspace).state is State.FAIL


def test_no_room_to_look_is_no_damage(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryDirectory", full)
    assert look(workspace).state is State.WARN


def test_a_ledger_whose_key_is_gone_or_another(workspace: Workspace) -> None:
    ring = Keyring(workspace.keys, cost=Cost(8 * 1024, 1))
    assert list(checkup.check_kept(workspace, ring)) == []
    ring.delete("keeper")
    (gone,) = checkup.check_kept(workspace, ring)
    assert gone.state is State.FAIL
    ring.new("keeper", "ledger", "correct horse")
    (another,) = checkup.check_kept(workspace, ring)
    assert "another key" in another.what


# --- the machine ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "jump", "newest", "state", "sign"),
    [
        (NOW, 0.0, [], State.OK, "UTC"),
        (NOW, 0.0, [("a", NOW - 5)], State.OK, "later than every stamp"),
        (NOW, 0.0, [("a", NOW + 4)], State.OK, "UTC"),
        (NOW, 0.0, [("a", NOW - 90), ("b", NOW + 60)], State.WARN, "stamp of b"),
        (NOW, 0.0, [("a", NOW + 301)], State.FAIL, "301 s behind"),
        (NOW, 3600.0, [], State.WARN, "+3600"),
        (NOW, -3600.0, [], State.WARN, "-3600"),
        (0, 0.0, [], State.FAIL, "1970-01-01"),
    ],
)
def test_the_clock(wall: int, jump: float, newest: list[tuple[str, int]], state: State, sign: str) -> None:
    before = Instants(wall - 10 - jump, 1_000.0)
    (finding,) = checkup.check_clock(before, Instants(wall, 1_010.0), newest)
    assert finding.state is state
    assert sign in finding.what
    assert bool(finding.do) is (state is not State.OK)


def test_room() -> None:
    def free(left: int) -> State:
        (finding,) = checkup.check_room(Path(), lambda _: left)
        return finding.state

    assert [free(2**40), free(2**28), free(2**20)] == [State.OK, State.WARN, State.FAIL]
    (real,) = checkup.check_room(Path())
    assert "free" in real.what
    (nowhere,) = checkup.check_room(Path("/nowhere/at/all"))
    assert nowhere.state is State.FAIL


def test_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(checkup, "floors", lambda: [("pynacl", "1.6"), ("rich", "14")])
    versions = {"pynacl": "1.10.1", "rich": "13.9.4"}
    good = {one.subject: one.state for one in checkup.check_versions((3, 11, 0), versions.__getitem__)}
    assert good == {"python": State.OK, "sqlite": State.OK, "pynacl": State.OK, "rich": State.FAIL}
    bad = {one.subject: one.state for one in checkup.check_versions((3, 10, 9), absent)}
    assert (bad["python"], bad["pynacl"]) == (State.FAIL, State.FAIL)


def test_floors_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = ["libipld>=3.4", "pynacl>=1.6", "cryptography>=45; extra == 'passkey'", "rich>=14", "plain"]
    monkeypatch.setattr(checkup, "requires", lambda _: stated)
    assert checkup.floors() == [("libipld", "3.4"), ("pynacl", "1.6"), ("rich", "14"), ("plain", "0")]


def test_libraries_that_answer_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.state for one in checkup.check_libraries()] == [State.OK]
    for answer in (True, False):  # everything verifies; nothing does
        monkeypatch.setattr(checkup, "verifies", lambda *_, answer=answer: answer)
        assert [one.state for one in checkup.check_libraries()] == [State.FAIL]
