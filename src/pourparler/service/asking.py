"""Asking a server over HTTP: bounded, timed, never led elsewhere. The standard library's client with its doors shut.

A redirect is refused: whoever is asked is the one that was named. An answer is read up to a bound, and for no longer
than the time that was given, however slowly it drips. Every status is an answer; what is none is :class:`Unreachable`.
"""

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
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
        return "".join(sign if sign.isprintable() else "?" for sign in line)[:200]


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


def ask(url: str, body: bytes | None = None, *, most: int, seconds: float = TIMEOUT_SECONDS) -> Reply:
    """Return the answer of a server to a GET, or to a POST of ``body``; at most ``most`` bytes of it are read.

    Raises :class:`Unreachable`, also where the answer is longer or leads elsewhere.
    """
    check_url(url)
    deadline = time.monotonic() + seconds
    headers = {"User-Agent": f"pourparler/{__version__}", "Accept": "*/*"}
    if body is not None:
        headers["Content-Type"] = "text/plain; charset=utf-8"
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  checked above
    opener = urllib.request.build_opener(NoRedirect)
    try:
        try:
            answer = opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:  # every status but 2xx
            answer = error
        with answer:
            if 300 <= answer.status < 400:
                raise Unreachable(f"it answers {answer.status}: a redirect, and those are refused")
            data = read_up_to(answer, most, deadline)
            return Reply(answer.status, answer.headers.get("Content-Type", ""), data)
    except TimeoutError:
        raise Unreachable(f"no answer within {seconds:g} seconds") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise Unreachable(f"no answer within {seconds:g} seconds") from None
        raise Unreachable(f"{error.reason}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"{error or type(error).__name__}") from None


def read_up_to(answer: http.client.HTTPResponse | urllib.error.HTTPError, most: int, deadline: float) -> bytes:
    data = bytearray()
    while part := answer.read1(min(PART_BYTES, most + 1 - len(data))):
        data += part
        if len(data) > most:
            raise Unreachable(f"its answer has more than {most:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(data)
