"""Everything that a disk, a crash or a careless hand can do to a ledger's files; and no answered act is lost by it.

Each part ends with the same two questions (:func:`checked`): has every act that was answered its entry, and is every
checkpoint that anybody was shown the beginning of the tree that is there now? If the answer to one is no, the ledger
must have noticed: it is read-only, or refuses to open. ``PARTS`` names the parts with their sizes;
``POURPARLER_FAULTS=cuts,flips`` picks some, and ``POURPARLER_FAULTS_TIMES=10`` multiplies the sizes.
"""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from pourparler.core.council import Depositary
from pourparler.core.ledger import Checkpoint, consistency_path, open_checkpoint, verify_consistency
from pourparler.core.redline import text_digest
from pourparler.ports import StoreError
from pourparler.service.heads import ReadOnly
from pourparler.service.intake import Intake, Receipt, ledger_key
from pourparler.store import sqlite as sqlite_module
from pourparler.store.sqlite import SqliteStore, StoreInUse
from tests import disk as disks
from tests import kills
from tests.disk import Disk, Op, Unwatched, crashes, watched
from tests.kills import LEDGER, ORIGIN, open_intake, party, word

IN_MEMORY = Path("/dev/shm")
FILES = ("ledger", "ledger-wal", "mark")
HOME = Depositary(ORIGIN, LEDGER.public_key)
FOUNDING, GRANT, GRANT_ID = party()


class Skipped(Exception):
    """A part that cannot be done on this machine, and why."""


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: what is durable is decided by the model, not by this machine's disk."""
    place = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="faults-", dir=place) as made:
        yield Path(made)


# --- what was promised, and whether it was kept ---------------------------------------------------------------------


@dataclass
class Promises:
    """What the world outside has been told by a ledger."""

    receipts: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=list)

    def told(self, receipt: Receipt, note: bytes) -> None:
        self.receipts[receipt.act_id] = (receipt.index, receipt.time)
        self.notes.append(note)


@cache
def head(note: bytes) -> Checkpoint:
    """Return what a checkpoint of our ledger says."""
    return open_checkpoint(note, ORIGIN, ledger_key(HOME)).checkpoint


def broken(intake: Intake, promises: Promises) -> str:
    """Return which promise an open ledger does not keep, or nothing."""
    for act_id, place in promises.receipts.items():
        found = intake.receipt(act_id)
        if found is None:
            return f"the answered act {act_id.hex()} is lost"
        if (found.index, found.time) != place:
            return f"the answered act {act_id.hex()} stands at {found.index}, and was promised {place[0]}"
    new = head(intake.checkpoint())
    for note in promises.notes:
        old = head(note)
        if old.size > new.size:
            return f"a checkpoint of {old.size} entries was shown, and {new.size} are there"
        try:
            path = consistency_path(old.size, new.size, intake.node)
            verify_consistency(old.size, old.root, new.size, new.root, path)
        except Exception as error:
            return f"a checkpoint of {old.size} entries that was shown is of another tree: {error}"
    return ""


def checked(folder: Path, promises: Promises, *, goes_on: str = "") -> str:
    """Open a ledger after something was done to its files; return how it was found: ``whole``, ``read-only`` with the
    reason, or ``refused``. Where it may be written it must keep every promise; ``goes_on`` is then appended."""
    try:
        intake = open_intake(folder)
    except StoreError as error:
        assert len(str(error)) > 30, f"a message that says too little: {error!r}"  # noqa: PT017  it is what is checked
        return "refused"
    try:
        if intake.read_only is not None:
            assert intake.read_only.do
            with contextlib.suppress(ReadOnly):
                intake.submit(word(GRANT_ID, "never"))
                raise AssertionError("a ledger that is read-only took an act")
            return f"read-only [{intake.read_only.reason}]"
        wrong = broken(intake, promises)
        assert not wrong, wrong
        if goes_on:
            submit(intake, promises, FOUNDING, GRANT, word(GRANT_ID, goes_on))
            wrong = broken(intake, promises)
            assert not wrong, f"after it went on: {wrong}"
        return "whole"
    finally:
        intake.close()


def submit(intake: Intake, promises: Promises, *acts: bytes) -> None:
    for act in acts:
        promises.told(intake.submit(act), intake.checkpoint())


# --- every write cut ------------------------------------------------------------------------------------------------


def script(folder: Path, disk: Disk, acts: int) -> None:
    """Play so many acts on a disk that is recorded, in three lives of a process, and mark what was answered when. The
    log is carried into the database often, so that this is cut, too."""
    left = acts
    for life in range(3):
        intake = open_intake(folder)
        todo = [FOUNDING, GRANT] if life == 0 else []
        share = left if life == 2 else acts // 3
        todo += [word(GRANT_ID, f"{life} {n}") for n in range(share - len(todo))]
        left -= share
        for act in todo:
            receipt = intake.submit(act)
            disk.mark("receipt", receipt.act_id + receipt.index.to_bytes(8) + receipt.time.to_bytes(8))
            disk.mark("note", intake.checkpoint())
        intake.close()


def recorded(acts: int) -> Disk:
    disk = Disk()
    before, sqlite_module.JOURNAL_BYTES = sqlite_module.JOURNAL_BYTES, 96 * 1024
    try:
        with scratch() as folder, watched(disk):
            script(folder, disk, acts)
    except Unwatched as why:
        raise Skipped(str(why)) from None
    finally:
        sqlite_module.JOURNAL_BYTES = before
    return disk


def promised(told: list[Op]) -> Promises:
    promises = Promises()
    for op in told:
        if op.file == "note":
            promises.notes.append(op.data)
        else:
            promises.receipts[op.data[:32]] = (int.from_bytes(op.data[32:40]), int.from_bytes(op.data[40:]))
    return promises


def after_cut(cut: disks.Cut, *, goes_on: bool) -> str:
    with scratch() as folder:
        for name, data in cut.files.items():
            (folder / name).write_bytes(data)
        try:
            return checked(folder, promised(cut.told), goes_on="after the cut" if goes_on else "")
        except AssertionError as error:
            raise AssertionError(f"power cut after op {cut.at} ({cut.how} of what was not synced): {error}") from error


def cuts(seed: str, acts: int) -> str:
    """Cut the power after every write of a script; every answered act has to be there, and the ledger to go on."""
    disk, chance = recorded(acts), random.Random(seed)
    writes = sum(op.kind == "write" for op in disk.log)
    done, slowest = 0, 0.0
    for cut in crashes(disk.log, chance, torn=6):
        begun = time.monotonic()
        found = after_cut(cut, goes_on=done % 8 == 0)
        slowest = max(slowest, time.monotonic() - begun)
        assert found == "whole", f"op {cut.at}, {cut.how}: an honest disk left a ledger that is {found}"
        done += 1
    return (
        f"{done:,} states after each of {writes:,} writes of {acts} acts, all whole, slowest recovery {slowest:.2f} s"
    )


def lies(seed: str, acts: int) -> str:
    """The same with a disk that confirms the database's syncs and does not do them. Whatever is lost is noticed by the
    high-water file, which stands on an honest one."""
    disk, chance = recorded(acts), random.Random(seed)
    found: Counter[str] = Counter()
    for cut in crashes(disk.log, chance, torn=1, ignores=lambda name: name.startswith("ledger")):
        if chance.random() < 0.3 or cut.how == "nothing":
            found[after_cut(cut, goes_on=True)] += 1
    noticed = found.total() - found["whole"]
    assert noticed > 0, "nothing was ever lost: this showed nothing"
    return f"{found.total():,} power cuts on a lying disk: {told(found)}; nothing lost unnoticed"


def told(found: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in found.most_common())


# --- errors of the disk ---------------------------------------------------------------------------------------------


def errors(seed: str, rounds: int) -> str:
    """Let each single op of an append fail, once with an I/O error and once with a full disk."""
    done: Counter[str] = Counter()
    for _ in range(rounds):
        for what in ("i/o error", "full disk"):
            at = 0
            while one_error(what, at):
                at += 1
                done[what] += 1
            assert at >= 5, f"an append with {at} ops?"
    return f"each op of an append failed: {told(done)}; refused in plain words, nothing lost, went on afterwards"


def one_error(what: str, at: int) -> bool:
    """Let op number ``at`` of an append fail; return whether there was such an op."""
    disk, promises, count = Disk(), Promises(), [-1]

    def refuse(op: Op) -> int:
        if count[0] < 0 or op.kind == "mark":
            return disks.OK
        count[0] += 1
        if count[0] - 1 != at:
            return disks.OK
        return disks.FULL if what == "full disk" and op.kind == "write" else disks.FAILURES[op.kind]

    try:
        with scratch() as folder, watched(disk):
            intake = open_intake(folder)
            submit(intake, promises, FOUNDING, GRANT)
            disk.refuse, count[0] = refuse, 0
            failed = ""
            try:
                submit(intake, promises, word(GRANT_ID, "first"))
            except StoreError as error:
                failed = str(error)
            reached, count[0] = count[0] > at, -1
            assert reached == bool(failed), f"op {at}: {failed or 'an error was swallowed'}"
            assert not failed or any(part in failed for part in ("make room", "look at its disk", "look at the disk"))
            with contextlib.suppress(StoreError):  # what a process that was not ended does next
                submit(intake, promises, word(GRANT_ID, "second"))
            intake.close()
            assert checked(folder, promises, goes_on="third") == "whole"
    except Unwatched as why:
        raise Skipped(str(why)) from None
    return reached


@contextlib.contextmanager
def mounted(options: str) -> Iterator[Path]:
    """A file system of our own in memory. Raises :class:`Skipped` where we may not mount one."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise Skipped("there is no mount command") from None
        if done.returncode:
            raise Skipped(f"no file system can be mounted here: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def full(seed: str, rounds: int) -> str:
    """Fill a real file system of a megabyte with acts; make room; go on."""
    acts = 0
    for number in range(rounds):
        with mounted("size=1m") as folder:
            ballast, promises = folder / "ballast", Promises()
            ballast.write_bytes(bytes(200_000))
            intake = open_intake(folder)
            submit(intake, promises, FOUNDING, GRANT)
            failed = ""
            while not failed:
                try:
                    submit(intake, promises, word(GRANT_ID, f"{number} {acts} " + "x" * 500))
                    acts += 1
                except StoreError as error:
                    failed = str(error)
            assert "disk is full: make room" in failed, failed
            assert not broken(intake, promises)  # it is read while it is full
            ballast.unlink()
            submit(intake, promises, word(GRANT_ID, "there is room"))
            intake.close()
            assert checked(folder, promises, goes_on="on") == "whole"
    return f"a megabyte filled {rounds} times, by {acts:,} acts: refused, read, went on where room was made"


def remount(seed: str, rounds: int) -> str:
    """Let a real file system become read-only between two lives of a ledger, and writable again."""
    for _ in range(rounds):
        with mounted("size=8m") as folder:
            promises = Promises()
            intake = open_intake(folder)
            submit(intake, promises, FOUNDING, GRANT)
            intake.close()
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
            try:
                open_intake(folder).close()
                raise AssertionError("a ledger on a read-only file system was opened for writing")
            except StoreError as error:
                assert "Read-only file system" in str(error), error  # noqa: PT017  what is said is the point
            subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
            assert checked(folder, promises, goes_on="again") == "whole"
    return f"{rounds} file systems made read-only and writable again: refused in plain words, then whole"


# --- careless hands -------------------------------------------------------------------------------------------------


def copied(folder: Path, names: tuple[str, ...] = FILES) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names if (folder / name).exists()}


def put_back(folder: Path, files: dict[str, bytes]) -> None:
    for name in ("ledger", "ledger-wal", "ledger-shm"):
        (folder / name).unlink(missing_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def yesterday(seed: str, rounds: int) -> str:
    """Put the database of an earlier day back: alone it is noticed by the high-water file, with that by a witness."""
    chance = random.Random(seed)
    for _ in range(rounds):
        with scratch() as folder:
            promises = Promises()
            intake = open_intake(folder)
            submit(intake, promises, FOUNDING, GRANT)
            backup: dict[str, bytes] = {}
            days = chance.randrange(2, 12)
            for day in range(days):
                submit(intake, promises, word(GRANT_ID, f"day {day}"))
                if day == 0 or (day < days - 1 and chance.random() < 0.3):
                    backup = copied(folder)  # as a careless hand copies it: while it is written
            size, note = intake.size, intake.checkpoint()
            intake.close()
            root = head(note).root
            put_back(folder, {name: data for name, data in backup.items() if name != "mark"})
            assert checked(folder, promises) == "read-only [ledger.behind]"
            put_back(folder, backup)
            with contextlib.closing(open_intake(folder, partial(dict, w=(size, root)))) as told_by:
                assert told_by.read_only is not None
                assert told_by.read_only.reason == "ledger.behind"
    return f"{rounds} databases of yesterday put back: each noticed, by the high-water file or by a witness"


STARTED = """
import sys
from pathlib import Path
from pourparler.ports import StoreError
from tests.kills import open_intake
try:
    intake = open_intake(Path(sys.argv[1]))
except StoreError as error:
    print(f"refused: {error}", flush=True)
else:
    print("writes", flush=True)
    sys.stdin.readline()
    intake.close()
"""


def two(seed: str, rounds: int) -> str:
    """Start several instances on one file at once; one writes, the others say why not. Then one on a copied folder."""
    for _ in range(rounds):
        with scratch() as folder:
            promises = Promises()
            started = [start(folder) for _ in range(4)]
            said = [process.stdout.readline() for process in started if process.stdout is not None]
            for process in started:
                process.communicate("go\n", timeout=60)
            assert sorted(line.split()[0] for line in said) == ["refused:", "refused:", "refused:", "writes"], said
            assert all("in use" in line for line in said if line.startswith("refused"))
            with contextlib.closing(open_intake(folder)) as intake:
                submit(intake, promises, FOUNDING, GRANT)
            on_a_copy(folder, promises)
    return f"{rounds} times four instances on one file, and one on a copy of it: one wrote, the others were refused"


def start(folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", STARTED, str(folder)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=kills.ROOT, stdin=pipe, stdout=pipe, text=True)


def on_a_copy(folder: Path, promises: Promises) -> None:
    """Write a ledger, and a copy of its database that shares its high-water file and its key."""
    (folder / "copy").mkdir()
    shutil.copy(folder / "ledger", folder / "copy" / "ledger")
    (folder / "copy" / "mark").symlink_to(folder / "mark")
    with contextlib.closing(open_intake(folder)) as intake:
        try:
            open_intake(folder / "copy").close()
            raise AssertionError("two instances hold one high-water file")
        except StoreInUse:
            pass
        submit(intake, promises, word(GRANT_ID, "in the original"))
    assert checked(folder / "copy", promises) == "read-only [ledger.behind]"
    assert checked(folder, promises, goes_on="on") == "whole"


# --- bits -----------------------------------------------------------------------------------------------------------

TABLES = (
    "SELECT idx, act_id, data FROM entry ORDER BY idx",
    "SELECT level, idx, hash FROM node WHERE level > 0 ORDER BY level, idx",
    "SELECT note FROM checkpoint",
    "SELECT digest, data FROM text ORDER BY digest",
)


def rows(folder: Path) -> object:
    """Return every row that anything is served from, unchecked, or None where SQLite itself finds no way to them."""
    with tempfile.TemporaryDirectory(dir=folder) as away:
        for name in ("ledger", "ledger-wal"):
            if (folder / name).exists():
                shutil.copy(folder / name, Path(away) / name)
        try:
            with contextlib.closing(sqlite3.connect(Path(away) / "ledger")) as plain:
                return [plain.execute(statement).fetchall() for statement in TABLES]
        except (sqlite3.Error, UnicodeDecodeError):
            return None


def flips(seed: str, flipped: int) -> str:
    """Flip single bits of a database that was closed, and of one that was killed, with its log. What is served must be
    what it was, or the ledger must have noticed before it serves anything. A bit is *live* if reading without checks
    would give other rows.
    """
    chance, found, live = random.Random(seed), Counter[str](), Counter[bool]()
    with scratch() as folder:
        killed, closed, promises = victims(folder)
        put_back(folder, closed)
        before = rows(folder)
        assert before is not None
        for number in range(flipped):
            files, name = ((closed, "ledger"), (killed, "ledger-wal"), (closed, "ledger"), (killed, "ledger"))[
                number % 4
            ]
            bit = chance.randrange(len(files[name]) * 8)
            spoilt = bytearray(files[name])
            spoilt[bit // 8] ^= 1 << bit % 8
            put_back(folder, {**files, name: bytes(spoilt)})
            is_live = rows(folder) != before
            put_back(folder, {**files, name: bytes(spoilt)})
            what = one_flip(folder, promises, before)
            assert what != "whole" or not is_live, f"bit {bit} of {name} changes what is served, and was not noticed"
            live[is_live] += 1
            found[what] += 1
    assert live[True] > 0
    return f"{flipped} bits flipped, {live[True]} of them live, each of these noticed: {told(found)}"


def victims(folder: Path) -> tuple[dict[str, bytes], dict[str, bytes], Promises]:
    """Return the files of one ledger as a crash leaves them, a part in the database and a part in the log; and as they
    are when it was closed."""
    from tests.test_intake import Side, data, make_text, open_talks

    promises = Promises()
    red, blue = Side("red", HOME), Side("blue", HOME)
    opening, texts = open_talks(red, blue, ledger=HOME), [make_text(f"peace {n} " + "!" * 900) for n in range(6)]
    begin = [FOUNDING, GRANT, *map(data, (red.found, red.grant, blue.found, blue.grant, opening))]
    begin.append(data(blue.say("join", {"dossier": opening.id})))
    proposals = [data(red.say("propose", {"dossier": opening.id, "text": text_digest(text)})) for text in texts]
    for life in range(2):
        intake = open_intake(folder)
        submit(intake, promises, *(begin if life == 0 else []))
        for number in range(life * 3, life * 3 + 3):
            receipt = intake.submit(proposals[number], [texts[number]])
            assert receipt.void is None, receipt
            promises.told(receipt, intake.checkpoint())
        submit(intake, promises, *(word(GRANT_ID, f"{life} {n}") for n in range(20)))
        if life == 1:
            killed = copied(folder)
        intake.close()
    closed = copied(folder)
    assert (len(killed), len(closed)) == (3, 2)
    return killed, closed, promises


def one_flip(folder: Path, promises: Promises, before: object) -> str:
    """Open what a flip left; what it then serves must be what it served before."""
    try:
        intake = open_intake(folder)
    except StoreError:
        return "refused"
    with contextlib.closing(intake):
        if intake.read_only is not None:
            return f"read-only [{intake.read_only.reason}]"
        wrong = broken(intake, promises)
        assert not wrong, wrong
        store = intake.store
        assert isinstance(store, SqliteStore)
        served = [store._reader.execute(statement).fetchall() for statement in TABLES]
        assert served == before, "what is served has changed, and nothing was said"
        return "whole"


# --- all of it ------------------------------------------------------------------------------------------------------

Part = Callable[[str, int], str]
PARTS: dict[str, tuple[Part, int]] = {
    "kills": (kills.in_process, 500),
    "cuts": (cuts, 50),
    "lies": (lies, 50),
    "errors": (errors, 1),
    "full": (full, 1),
    "remount": (remount, 1),
    "yesterday": (yesterday, 20),
    "two": (two, 5),
    "flips": (flips, 300),
}


def run(seed: str, share: float) -> str:
    """Do the parts that are wanted, each at its size times ``share``; return a summary, one line a part."""
    wanted = (os.environ.get("POURPARLER_FAULTS") or ",".join(PARTS)).split(",")
    times = float(os.environ.get("POURPARLER_FAULTS_TIMES", "1")) * share
    lines, skipped = [], 0
    for name in wanted:
        part, size = PARTS[name]
        begun = time.monotonic()
        try:
            said = part(seed, max(1, round(size * times)))
        except Skipped as why:
            if os.environ.get("CI"):
                raise AssertionError(f"{name} was skipped, and CI must do it: {why}") from why
            said, skipped = f"SKIPPED: {why}", skipped + 1
        lines.append(f"{name}: {said} ({time.monotonic() - begun:.0f} s)")
        print(f"  {lines[-1]}", flush=True)
    return f"{len(wanted) - skipped} parts done, {skipped} skipped"
