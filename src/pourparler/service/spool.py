"""Handing something to the node that runs: a folder into which other commands put jobs, and from which it takes them.

A node's journal has one writer, and a node that listens all day is it. So what another command of the same workspace
brings is handed over: a file, written whole and synced before its name appears, taken in by the running node, and
removed once the node has judged and stored what is in it and the answer is written. A crash in between only brings the
same acts again, which are known then. Whoever may write into the folder may bring acts, and no more: each is judged as
one from anywhere.

Jobs are bounded in number and size. One that cannot be read is renamed, with the reason beside it, and delays nothing.
"""

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pourparler.core.encoding import decode, encode
from pourparler.core.errors import Malformed, PourparlerError
from pourparler.ports import StoreError
from pourparler.service.workspace import write_atomically

FORMAT = "pourparler/1 job"
JOBS_MAX = 64  # that wait at once
JOB_MAX_BYTES = 64 * 1024 * 1024
SET_ASIDE_MAX = 16  # jobs that could not be read; the newest are kept
ANSWERS_SECONDS = 600  # for which an answer is kept that nobody fetches
LOOK_SECONDS = 0.05
JOB, ANSWER, BAD, WHY, RUNS = ".job", ".answer", ".bad", ".why", "running"
Named = tuple[str, bytes]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What is handed over: files and photos as they came, each with its name, by this channel; nodes on the wire
    with which to exchange then; and a policy of witnesses, under which what the files prove is proven, or nothing."""

    channel: str
    files: tuple[Named, ...] = ()
    photos: tuple[Named, ...] = ()
    peers: tuple[str, ...] = ()
    policy: bytes = b""

    def encoded(self) -> bytes:
        rows = {"files": self.files, "photos": self.photos}
        named = {name: [[one, data] for one, data in row] for name, row in rows.items()}
        said = {"channel": self.channel, "peers": list(self.peers), "policy": self.policy}
        return encode({"format": FORMAT, **said, **named})


def read_job(data: bytes) -> Job:
    """Return the job in a file. Raises :class:`Malformed`."""
    found = decode(data, most_bytes=JOB_MAX_BYTES)
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Malformed("act.form", "no job")
    try:
        files, photos = (tuple((str(one), in_bytes(data)) for one, data in found[name]) for name in ("files", "photos"))
        peers = tuple(map(str, found["peers"]))
        return Job(str(found["channel"]), files, photos, peers, in_bytes(found.get("policy", b"")))
    except (KeyError, TypeError, ValueError):
        raise Malformed("act.form", "a job lacks something, or has something else in its place") from None


def in_bytes(value: Any) -> bytes:
    """Return what is bytes. Raises :class:`TypeError` for a number, of which ``bytes`` would make as many zeros."""
    if not isinstance(value, bytes):
        raise TypeError("not bytes")
    return value


class Spool:
    """The folder. Raises ``OSError`` where the disk fails, and :class:`StoreError` where it is full of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Who runs.

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Say, as long as this lasts, that this process is the node that takes jobs."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(self.folder / RUNS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def runner(self) -> int | None:
        """Return the id of the process that takes jobs, or None where there is none."""
        try:
            descriptor = os.open(self.folder / RUNS, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            said = os.pread(descriptor, 20, 0)
            return int(said) if said.isdigit() else 0
        finally:
            os.close(descriptor)
        return None

    # Who hands over.

    def hand(self, job: Job) -> str:
        """Put a job down, durably; return its name."""
        data = job.encoded()
        if len(data) > JOB_MAX_BYTES:
            raise StoreError(f"{len(data):,} bytes are more than a running node is handed at once.")
        if len(self.jobs()) >= JOBS_MAX:
            raise StoreError(f"{self.folder} is full: the node that runs here takes nothing from it. Look at it.")
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        write_atomically(self.folder / (name + JOB), data)
        sync_folder(self.folder)
        return name

    def answer(self, name: str, seconds: float) -> Answer | None:
        """Wait for what came of a job, and return it; None where it takes longer."""
        path = self.folder / (name + ANSWER)
        ends = time.monotonic() + seconds
        while True:
            with contextlib.suppress(FileNotFoundError):
                found: Answer = json.loads(path.read_bytes())
                path.unlink()
                return found
            if time.monotonic() >= ends:
                return None
            time.sleep(LOOK_SECONDS)

    # Who takes.

    def jobs(self) -> list[Path]:
        """Return the jobs that wait, the oldest first."""
        return sorted(self.folder.glob("*" + JOB))

    def take(self, doing: Callable[[Job], Answer]) -> int:
        """Do the jobs that wait, in their order; return how many. What ``doing`` raises of a disk that fails leaves the
        job where it is."""
        jobs = self.jobs()
        for path in jobs:
            self._do(path, doing)
        self._tidy()
        return len(jobs)

    def _do(self, path: Path, doing: Callable[[Job], Answer]) -> None:
        try:
            said = doing(read_job(content(path)))
        except FileNotFoundError:
            return
        except PourparlerError as error:
            said = {"error": str(error), "reason": error.reason, "bad": 1}
            write_atomically(path.with_suffix(WHY), f"{error}\n".encode())
            path.rename(path.with_suffix(BAD))
        write_atomically(path.with_suffix(ANSWER), json.dumps(said).encode())
        path.unlink(missing_ok=True)
        sync_folder(self.folder)

    def _tidy(self) -> None:
        for path in sorted(self.folder.glob("*" + BAD))[:-SET_ASIDE_MAX]:
            path.with_suffix(WHY).unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        for path in self.folder.glob("*" + ANSWER):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ANSWERS_SECONDS:
                    path.unlink()


def content(path: Path) -> bytes:
    """Return what a job holds. Raises :class:`Malformed` for one that is no file, or another user's."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  a pipe must not be waited for
            return file.read(JOB_MAX_BYTES + 1)
    except (PermissionError, IsADirectoryError) as error:
        raise Malformed("act.form", f"{path.name} cannot be read here: {error.strerror}") from None


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
