"""A disk that fails on purpose, under the very SQLite that the store uses, and a record of all that was written to it.

:func:`watched` puts a thin layer under every database that this process opens from then on: a VFS of SQLite's own kind,
registered as the default one in the library that Python's ``sqlite3`` is linked to. Each write, truncation, sync and
removal passes through a :class:`Disk`, and so do those of the high-water file. The disk records them in their order,
and may refuse one (:attr:`Disk.refuse`).

:func:`crashes` then says what a power cut may have left at any moment: of what was not synced any part, in any order,
down to single sectors. Nothing of the store is replaced or imitated; locks and shared memory are the real ones.
"""

import contextlib
import ctypes
import hashlib
import os
import random
import stat
import threading
from collections.abc import Callable, Iterator
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p, cast, sizeof
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

from pourparler.store import highwater

SECTOR = 512
OPEN_FILES = Path("/proc/self/fd")
CREATE, JOURNALS = 0x4, 0x800 | 0x4000 | 0x80000  # SQLITE_OPEN_CREATE; of a rollback, super or write-ahead log
OK, FULL, IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE = 0, 13, 10 | 3 << 8, 10 | 4 << 8, 10 | 6 << 8
FAILURES = {
    "write": IOERR_WRITE,
    "sync": IOERR_FSYNC,
    "names": IOERR_FSYNC,
    "truncate": IOERR_TRUNCATE,
    "delete": 10 | 10 << 8,
}


class Unwatched(Exception):
    """Python's SQLite cannot be reached from here: it is built into the interpreter, and its names are hidden."""


# --- what is recorded -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Op:
    """One call that changes a file: ``write`` (``data`` at ``at``), ``truncate`` (to ``at``), ``sync``, ``delete``, and
    ``names``, a sync of the directory; or a ``mark``: something that a reader was told, kept in ``data``."""

    kind: str
    file: str
    at: int = 0
    data: bytes = b""


@dataclass
class Disk:
    """Everything that was done to the files, in order. ``refuse`` may answer an op with an error code of SQLite."""

    log: list[Op] = field(default_factory=list)
    refuse: Callable[[Op], int] = lambda _op: OK
    lock: threading.Lock = field(default_factory=threading.Lock)

    def mark(self, word: str, data: bytes) -> None:
        with self.lock:
            self.log.append(Op("mark", word, 0, data))

    def mark_names(self) -> None:
        with self.lock:
            self.log.append(Op("names", "."))

    def ask(self, op: Op) -> int:
        """Return what the call is to answer; an op that is let through is recorded before it is done, as one that was
        in flight when the power went."""
        with self.lock:
            answer = self.refuse(op)
            if answer == OK:
                self.log.append(op)
            return answer


# --- SQLite's structures ----------------------------------------------------------------------------------------------


class Methods(Structure):
    """``sqlite3_io_methods``; what we do not touch is left as bare pointers."""


class File(Structure):
    """``sqlite3_file``."""

    _fields_ = [("methods", POINTER(Methods))]


Write = CFUNCTYPE(c_int, POINTER(File), c_void_p, c_int, c_int64)
Truncate = CFUNCTYPE(c_int, POINTER(File), c_int64)
Sync = CFUNCTYPE(c_int, POINTER(File), c_int)
Close = CFUNCTYPE(c_int, POINTER(File))
Methods._fields_ = [
    ("version", c_int),
    ("close", Close),
    ("read", c_void_p),
    ("write", Write),
    ("truncate", Truncate),
    ("sync", Sync),
    *[(f"other{n}", c_void_p) for n in range(13)],
]


class Vfs(Structure):
    """``sqlite3_vfs``."""


Open = CFUNCTYPE(c_int, POINTER(Vfs), c_void_p, POINTER(File), c_int, POINTER(c_int))
Delete = CFUNCTYPE(c_int, POINTER(Vfs), c_char_p, c_int)
Vfs._fields_ = [
    ("version", c_int),
    ("file_bytes", c_int),
    ("path_most", c_int),
    ("next", c_void_p),
    ("name", c_char_p),
    ("data", c_void_p),
    ("open", Open),
    ("delete", Delete),
    *[(f"other{n}", c_void_p) for n in range(12)],
]


def library() -> ctypes.CDLL:
    """Return the SQLite that Python's ``sqlite3`` calls. Raises :class:`Unwatched`."""
    import _sqlite3

    try:
        found = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        found.sqlite3_vfs_find.restype = POINTER(Vfs)
    except (OSError, AttributeError) as error:
        raise Unwatched(f"the SQLite of this Python cannot be reached: {error}") from error
    return found


class Layer:
    """The VFS itself: SQLite's default one, with the calls that change a file passing through a disk first."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.sqlite = library()
        self.below = self.sqlite.sqlite3_vfs_find(None)
        self.vfs = Vfs()
        ctypes.memmove(byref(self.vfs), self.below, sizeof(Vfs))
        self.vfs.name = b"pourparler-test-disk"
        self.vfs.next = None
        self.kept: list[Any] = []  # what C holds pointers to
        self.tables: dict[int, Methods] = {}
        self.files: dict[int, tuple[str, Any]] = {}
        self.new_names: set[int] = set()
        self.vfs.open, self.vfs.delete = Open(self.open), Delete(self.delete)

    def open(self, _vfs: Any, name: int | None, file: Any, flags: int, out: Any) -> int:
        answer: int = self.below.contents.open(self.below, name, file, flags, out)
        if answer == OK and name and file.contents.methods:
            below = cast(ctypes.addressof(file.contents.methods.contents), POINTER(Methods))  # the field itself changes
            path = ctypes.string_at(name).decode()
            self.files[ctypes.addressof(file.contents)] = (Path(path).name, below)
            file.contents.methods = ctypes.pointer(self.table(below))
            if flags & CREATE and flags & JOURNALS:
                self.new_names.add(ctypes.addressof(file.contents))
        return answer

    def table(self, below: Any) -> Methods:
        key = ctypes.addressof(below.contents)
        if key not in self.tables:
            made = Methods()
            ctypes.memmove(byref(made), below, sizeof(Methods))
            made.close, made.write = Close(self.close), Write(self.write)
            made.truncate, made.sync = Truncate(self.truncate), Sync(self.sync)
            self.tables[key] = made
        return self.tables[key]

    def of(self, file: Any) -> tuple[str, Any]:
        return self.files[ctypes.addressof(file.contents)]

    def write(self, file: Any, data: int, count: int, at: int) -> int:
        name, below = self.of(file)
        answer = self.disk.ask(Op("write", name, at, ctypes.string_at(data, count)))
        return answer or below.contents.write(file, data, count, at)

    def truncate(self, file: Any, size: int) -> int:
        name, below = self.of(file)
        return self.disk.ask(Op("truncate", name, size)) or below.contents.truncate(file, size)

    def sync(self, file: Any, flags: int) -> int:
        """The first sync of a journal that SQLite may have made syncs the directory as well (``unixSync``)."""
        name, below = self.of(file)
        answer = self.disk.ask(Op("sync", name)) or below.contents.sync(file, flags)
        if answer == OK and ctypes.addressof(file.contents) in self.new_names:
            self.new_names.remove(ctypes.addressof(file.contents))
            self.disk.mark_names()
        return int(answer)

    def close(self, file: Any) -> int:
        _, below = self.files.pop(ctypes.addressof(file.contents))
        self.new_names.discard(ctypes.addressof(file.contents))
        file.contents.methods = below
        answer: int = below.contents.close(file)
        return answer

    def delete(self, _vfs: Any, name: bytes, sync: int) -> int:
        answer = self.disk.ask(Op("delete", Path(name.decode()).name, sync))
        return answer or self.below.contents.delete(self.below, name, sync)


class Syncing(Protocol):
    """``highwater.sync_data``."""

    def __call__(self, file: int) -> None: ...


@contextlib.contextmanager
def watched(disk: Disk) -> Iterator[Disk]:
    """Let every database and high-water file that is opened meanwhile pass through a disk. Close them before the end.

    Raises :class:`Unwatched`.
    """
    if not OPEN_FILES.is_dir():
        raise Unwatched(f"there is no {OPEN_FILES}, which says what a file is called")
    layer = Layer(disk)
    own_os, own_sync = highwater.os, highwater.sync_data
    watching = SimpleNamespace(**{name: getattr(os, name) for name in dir(os) if not name.startswith("__")})

    def named(file: int) -> str:
        return (OPEN_FILES / str(file)).readlink().name

    def pwrite(file: int, data: bytes, at: int) -> int:
        fail(disk.ask(Op("write", named(file), at, data)))
        return os.pwrite(file, data, at)

    def sync(file: int) -> None:
        fail(disk.ask(Op("sync", named(file))))
        own_sync(file)

    def fsync(file: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(file).st_mode)
        fail(disk.ask(Op("names", ".") if is_folder else Op("sync", named(file))))
        os.fsync(file)

    watching.pwrite, watching.fsync = pwrite, fsync
    layer.sqlite.sqlite3_vfs_register(byref(layer.vfs), 1)
    highwater.os, highwater.sync_data = watching, sync  # type: ignore[assignment]
    try:
        yield disk
    finally:
        highwater.os, highwater.sync_data = own_os, own_sync
        layer.sqlite.sqlite3_vfs_unregister(byref(layer.vfs))
        layer.sqlite.sqlite3_vfs_register(layer.below, 1)
        assert not layer.files, f"still open: {sorted(name for name, _ in layer.files.values())}"


def fail(code: int) -> None:
    """Raise what the operating system says where SQLite is told ``code``."""
    if code != OK:
        raise OSError(28 if code == FULL else 5, os.strerror(28 if code == FULL else 5))


# --- what a power cut leaves ------------------------------------------------------------------------------------------

Files = dict[str, bytes]


@dataclass
class Cut:
    """One thing that a power cut after ``at`` ops may have left: the files, and what had been told by then."""

    at: int
    files: Files
    told: list[Op]
    how: str

    @property
    def digest(self) -> bytes:
        """Two cuts with one digest leave the same files, and the same had been told."""
        hashed = hashlib.sha256(str(len(self.told)).encode())
        for name in sorted(self.files):
            hashed.update(name.encode() + hashlib.sha256(self.files[name]).digest())
        return hashed.digest()


class Platter:
    """What is durable for certain, and what was written since and is not."""

    def __init__(self, ignores: Callable[[str], bool] = lambda _name: False) -> None:
        self.durable: dict[str, bytearray] = {}
        self.pending: list[Op] = []
        self.ignores = ignores  # files whose syncs are a lie

    def take(self, op: Op) -> None:
        if op.kind == "sync":
            if not self.ignores(op.file):
                for pending in [other for other in self.pending if other.file == op.file]:
                    change(self.durable, pending)
                self.durable.setdefault(op.file, bytearray())
                self.pending = [other for other in self.pending if other.file != op.file]
        elif op.kind == "names":
            self.take_names()
        else:
            self.pending.append(op)
            if op.kind == "delete" and op.at:
                self.take_names()

    def take_names(self) -> None:
        """Make removals durable; what was still to be written to a file before it went is of no account."""
        for at, op in reversed(list(enumerate(self.pending))):
            if op.kind == "delete":
                self.durable.pop(op.file, None)
                before = [other for other in self.pending[:at] if other.file != op.file]
                self.pending = before + self.pending[at + 1 :]
                self.take_names()
                return

    def left(self, kept: list[Op]) -> Files:
        files = {name: bytearray(data) for name, data in self.durable.items()}
        for op in kept:
            change(files, op)
        return {name: bytes(data) for name, data in files.items()}


def change(files: dict[str, bytearray], op: Op) -> None:
    """Do one op to files in memory, as the file system does it."""
    if op.kind == "delete":
        files.pop(op.file, None)
        return
    data = files.setdefault(op.file, bytearray())
    if op.kind == "truncate":
        del data[op.at :]
    elif op.kind == "write":
        data.extend(bytes(max(0, op.at + len(op.data) - len(data))))
        data[op.at : op.at + len(op.data)] = op.data


def sectors(op: Op) -> list[Op]:
    """Return a write as writes of single sectors: each may reach the disk without the others."""
    if op.kind != "write":
        return [op]
    parts, at, end = [], op.at, op.at + len(op.data)
    while at < end:
        until = min(end, (at // SECTOR + 1) * SECTOR)
        parts.append(Op("write", op.file, at, op.data[at - op.at : until - op.at]))
        at = until
    return parts


def crashes(
    log: list[Op], chance: random.Random, *, torn: int, ignores: Callable[[str], bool] = lambda _name: False
) -> Iterator[Cut]:
    """Yield what may be left after each op: nothing that was not synced, all of it, and ``torn`` times any sectors of
    it. States that repeat are left out. ``ignores`` names files whose disk confirms syncs that it does not do."""
    platter, told, seen = Platter(ignores), list[Op](), set[bytes]()
    for at, op in enumerate(log):
        if op.kind == "mark":
            told.append(op)
        else:
            platter.take(op)
        pieces = [part for pending in platter.pending for part in sectors(pending)]
        choices = [("nothing", list[Op]()), ("all", pieces)]
        for _ in range(torn if pieces else 0):
            share = chance.choice((0.1, 0.5, 0.9))
            choices.append(("some", [part for part in pieces if chance.random() < share]))
        for how, kept in choices:
            cut = Cut(at, platter.left(kept), list(told), how)
            if cut.digest not in seen:
                seen.add(cut.digest)
                yield cut
