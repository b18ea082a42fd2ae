"""Asking a server over HTTP: bounded, timed, never led elsewhere. The standard library's client with its doors shut.

A redirect is refused: whoever is asked is the one that was named. An answer is read up to a bound, and for no longer
than the time that was given, however slowly it drips, headers included. Every status is an answer; what is none is
:class:`Unreachable`.
"""

import http.client
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from pourparler import __version__

TIMEOUT_SECONDS = 10.0
PART_BYTES = 16 * 1024


class Unreachable(Exception):
    """Nobody answered, or not in time, or not in HTTP: what happened, in a sentence."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, content type as sent, and body."""

    status: int
    content_type: str
    body: bytes

    def sentence(self) -> str:
        """Return the first line of the body for people, and nothing that could harm a terminal."""
        line = self.body[:400].decode("utf-8", "replace").strip().partition("\n")[0]
        if line.startswith("<"):
            return ""  # a page for a browser
        return "".join(sign if sign.isprintable() else "?" for sign in line)[:200]


class Deadline:
    """A time for a whole exchange; when it is over, the connection is shut, whatever is being read then. A context.

    The standard library bounds each receive only, so a byte now and then would keep a reader for ever. What is read of
    a connection that was shut may look like an end: ask :meth:`check` before anything is made of it.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._twin: socket.socket | None = None
        self._using = threading.Lock()
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def connect(self, *where: Any, **how: Any) -> socket.socket:
        """Return a connection that does not outlast the deadline; as ``socket.create_connection``."""
        made = socket.create_connection(*where, **how)
        with self._using:
            # Another handle of the same connection: TLS takes the first one away from whoever made it.
            self._twin = made.dup()
        if self.passed:
            self._pass()
        return made

    def check(self) -> None:
        """Raise :class:`TimeoutError` where the time is over."""
        if self.passed:
            raise TimeoutError

    def _pass(self) -> None:
        self.passed = True
        with self._using, suppress(OSError):
            if self._twin is not None:
                self._twin.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._using:
            if self._twin is not None:
                self._twin.close()
                self._twin = None


class Timed(urllib.request.Request):
    """A request whose exchange has a deadline."""

    def __init__(self, deadline: Deadline, url: str, data: bytes | None, headers: dict[str, str]) -> None:
        super().__init__(url, data, headers)
        self.deadline = deadline


def holding(deadline: Deadline, http_class: Callable[..., Any]) -> Callable[..., Any]:
    """Return a maker of connections of a class that connect by a deadline."""

    def made(host: str, **options: Any) -> Any:
        connection = http_class(host, **options)
        connection._create_connection = deadline.connect  # noqa: SLF001  the one place where the socket is to be had
        return connection

    return made


class TimedHTTP(urllib.request.HTTPHandler):
    """Opens http by the deadline of a :class:`Timed` request."""

    def do_open(self, http_class: Any, req: Any, **options: Any) -> http.client.HTTPResponse:
        return super().do_open(holding(req.deadline, http_class), req, **options)


class TimedHTTPS(urllib.request.HTTPSHandler):
    """Opens https by the deadline of a :class:`Timed` request."""

    def do_open(self, http_class: Any, req: Any, **options: Any) -> http.client.HTTPResponse:
        return super().do_open(holding(req.deadline, http_class), req, **options)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for what it is: an answer that is not the one that was asked for."""

    def redirect_request(self, *_: object) -> None:
        """Make no second request."""


def check_url(url: str) -> None:
    """Raise :class:`Unreachable` unless a URL is one of HTTP that names a host, and holds no password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        good = (
            good and (parts.port is None or parts.port > 0) and url.isascii() and url.isprintable() and " " not in url
        )
    except ValueError:
        good = False
    if not good:
        raise Unreachable("its URL is none of http or https")


def ask(
    url: str,
    body: bytes | None = None,
    *,
    most: int,
    seconds: float = TIMEOUT_SECONDS,
    content_type: str = "text/plain; charset=utf-8",
) -> Reply:
    """Return the answer of a server to a GET, or to a POST of ``body``; at most ``most`` bytes of it are read.

    Raises :class:`Unreachable`, also where the answer is longer or leads elsewhere.
    """
    check_url(url)
    headers = {"User-Agent": f"pourparler/{__version__}", "Accept": "*/*"}
    if body is not None:
        headers["Content-Type"] = content_type
    opener = urllib.request.build_opener(NoRedirect, TimedHTTP, TimedHTTPS)
    with Deadline(seconds) as deadline:
        try:
            try:
                answer = opener.open(Timed(deadline, url, body, headers), timeout=seconds)
            except urllib.error.HTTPError as error:  # every status but 2xx
                answer = error
            with answer:
                deadline.check()
                if 300 <= answer.status < 400:
                    raise Unreachable(f"it answers {answer.status}: a redirect, and those are refused")
                data = read_up_to(answer, most, deadline)
                return Reply(answer.status, answer.headers.get("Content-Type", ""), data)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(why_not(error, deadline, seconds)) from None


def why_not(error: Exception, deadline: Deadline, seconds: float) -> str:
    """Return in words what an exchange failed of."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if deadline.passed or isinstance(reason, TimeoutError):
        return f"no answer within {seconds:g} seconds"
    plain = getattr(reason, "strerror", None)  # without the number, which only the system knows
    return (plain if isinstance(plain, str) else f"{reason}") or type(error).__name__


def read_up_to(answer: http.client.HTTPResponse | urllib.error.HTTPError, most: int, deadline: Deadline) -> bytes:
    data = bytearray()
    while part := answer.read1(min(PART_BYTES, most + 1 - len(data))):
        data += part
        if len(data) > most:
            raise Unreachable(f"its answer has more than {most:,} bytes")
        deadline.check()
    deadline.check()
    return bytes(data)
