"""Where the files of somebody's log come from: a folder, or a web server. Neither is believed in anything.

A source answers for a path with bytes, or with None where it has no such file. It never reads more than it is told to
expect, follows no redirect, and waits for nobody for ever: a server that stalls, floods or sends elsewhere is an
:class:`OSError` that says which of the three it did.
"""

import gzip
import http.client
import os
import stat
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pourparler.core.errors import Malformed
from pourparler.service.asking import Deadline, Timed, TimedHTTP, TimedHTTPS

TIMEOUT_SECONDS = 20.0
TRIES = 4
PAUSE_SECONDS = 0.5  # before the second try; doubled before each further one
GONE = {403, 404, 410, 451}  # the server answers, and does not give the file
AGAIN = {408, 425, 429, 500, 502, 503, 504}
COMPRESSED_OVERHEAD_BYTES = 8 * 1024  # what packing can add to a file that will not shrink
HANDLERS = (
    urllib.request.ProxyHandler,
    TimedHTTP,
    TimedHTTPS,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)


class Source(Protocol):
    """Where files come from; ``name`` is for people."""

    name: str

    def get(self, path: str, most: int) -> bytes | None:
        """Return the file at a path of a log, of ``most`` bytes at most, or None where it is not to be had.

        Raises :class:`Malformed` (``tile.too-large``) for a longer one, and ``OSError``.
        """


def too_large(path: str, most: int) -> Malformed:
    return Malformed("tile.too-large", f"{path} has more than the {most} bytes that it can have")


def at_once(path: str, flags: int) -> int:
    """Open a file without waiting: a named pipe in a foreign folder would hold its reader for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


class Folder:
    """A log in a folder, as ``ledger export`` writes it or a server holds it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, str(folder)

    def get(self, path: str, most: int) -> bytes | None:
        try:
            with open(self.folder / path, "rb", opener=at_once) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise OSError(f"{self.folder / path} is no ordinary file")
                data = file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        if len(data) > most:
            raise too_large(path, most)
        return data


class Web:
    """A log behind a URL, read with the standard library. Safe to use from several threads.

    ``retrying`` is told of each try that failed: the path, why, and in how many seconds the next one is made.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        retrying: Callable[[str, str, float], None] = lambda _path, _why, _seconds: None,
    ) -> None:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")  # an UnicodeError, which is a ValueError, for what is no host's name
        if (
            not url.isascii()
            or parts.scheme not in ("http", "https")
            or not parts.hostname
            or parts.query
            or parts.fragment
        ):
            raise ValueError(f"{url} is no address of a log: it begins with https://, is ASCII, and has no ? or #")
        self.name = url.rstrip("/")
        self.timeout_seconds, self.pause_seconds, self.retrying = timeout_seconds, pause_seconds, retrying
        self.opener = urllib.request.OpenerDirector()  # without one who follows redirects
        for handler in HANDLERS:
            self.opener.add_handler(handler())

    def get(self, path: str, most: int) -> bytes | None:
        pause = self.pause_seconds
        for attempt in range(1, TRIES + 1):
            try:
                return self.once(path, most)
            except Stumbled as error:
                if attempt == TRIES:
                    raise OSError(f"{self.name}/{path}: {error}, {TRIES} times") from None
                self.retrying(path, str(error), pause)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def once(self, path: str, most: int) -> bytes | None:
        """Ask once. Raises :class:`Stumbled` where asking again may help, ``OSError`` where it will not."""
        headers = {"Accept-Encoding": "gzip, identity"}
        with Deadline(4 * self.timeout_seconds) as deadline:
            try:
                request = Timed(deadline, f"{self.name}/{path}", None, headers)
                with self.opener.open(request, timeout=self.timeout_seconds) as answer:
                    deadline.check()
                    return self.body(answer, path, most, deadline)
            except urllib.error.HTTPError as error:
                self.refused(error, path)
                return None
            except (OSError, http.client.HTTPException) as error:
                why = self.stumble(error, deadline)
                if not why:
                    raise
                raise Stumbled(why) from None

    def stumble(self, error: Exception, deadline: Deadline) -> str:
        """Return why a try failed, or nothing where another one would fail like it."""
        if deadline.passed:
            return "sends so slowly that it would never end"
        if isinstance(error, urllib.error.URLError):
            return f"cannot be reached ({error.reason})"
        if isinstance(error, TimeoutError):
            return f"did not answer within {self.timeout_seconds:g} s"
        broke = isinstance(error, (http.client.HTTPException, ConnectionError))
        return f"broke off ({type(error).__name__})" if broke else ""

    def refused(self, error: urllib.error.HTTPError, path: str) -> None:
        """Return where the server does not give the file. Raises as :meth:`once` where it answers anything else."""
        with error:
            if error.code in GONE:
                return
            if error.code in AGAIN:
                raise Stumbled(f"answers {error.code} {error.reason}")
            if 300 <= error.code < 400:
                raise OSError(
                    f"{self.name}/{path} sends elsewhere ({error.code}), which a log must not: give the address that "
                    "it is really at"
                )
            raise OSError(f"{self.name}/{path} answers {error.code} {error.reason}")

    def body(self, answer: Any, path: str, most: int, deadline: Deadline) -> bytes:
        encoding = (answer.headers.get("Content-Encoding") or "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise OSError(f"{self.name}/{path} comes as {encoding}, and only gzip was asked for")
        limit = most if encoding == "identity" else most + COMPRESSED_OVERHEAD_BYTES
        parts, size = [], 0
        while size <= limit and (part := answer.read1(65_536)):
            parts.append(part)
            size += len(part)
            deadline.check()
        deadline.check()
        data: bytes = b"".join(parts)
        expected = answer.headers.get("Content-Length")
        if size <= limit and expected is not None and (expected.lstrip("0") or "0") != str(size):
            raise Stumbled("broke off within the file")
        if encoding == "gzip" and size <= limit:
            data = unpacked(data, most)
        if len(data) > most or size > limit:
            raise too_large(path, most)
        return data


class Stumbled(Exception):
    """A try that failed, and why; the next one may do better."""


def unpacked(data: bytes, most: int) -> bytes:
    """Return what was compressed, as far as it may go. Raises :class:`Stumbled`."""
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as file:
            return file.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Stumbled(f"sends what is no gzip ({error})") from None
