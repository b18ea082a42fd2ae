"""What ``witness serve`` and ``ledger serve`` share: a socket, an address that is said, a log, a clean stop."""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import INPUT, USAGE, Problem

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")]
Port = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="Where to listen; 0 takes a free one.")]
Prefix = Annotated[str, typer.Option(metavar="/PATH", help="What stands before every path.")]


def serve_routes(
    session: Session,
    role: str,
    routes: "Callable[[], list[BaseRoute]]",
    host: str,
    port: int,
    prefix: str,
    *,
    lines: Callable[[str], list[str]] = lambda _: [],
    seconds: float | None = None,
    **answer: Any,
) -> None:
    """Serve routes until somebody says stop, or for so many seconds; ``lines``, which are given the URL, are printed.

    Raises :class:`Problem` where what serves is not installed, or the address is not to be had.
    """
    prefix = checked_prefix(prefix)
    try:
        from pourparler.service.http.application import application
        from pourparler.service.http.serving import Serving, bind, url_of

        app = application(routes(), prefix=prefix)
    except ImportError as error:
        raise Problem(
            USAGE, f"serving needs what is not installed: {error.name}.", "Install it: pip install 'pourparler[serve]'"
        ) from None
    try:
        bound = bind(host, port)
    except UnicodeError:
        raise Problem(USAGE, f"{host} is no name of a host, and no address.", "Like 127.0.0.1, or ::.") from None
    except OSError as error:
        raise Problem(INPUT, f"{host} port {port} cannot be listened on: {error.strerror or error}.") from None
    url = url_of(bound, prefix)
    if session.as_json:
        print_now(json.dumps({"url": url, **answer}))
    else:
        session.say(f"{role} answers at {url}", lead=MARK["yes"][0] + " ")
        for line in lines(url):
            print_now(line)
    silent = session.quiet or session.as_json
    serving = Serving(app, bound, (lambda _: None) if silent else print_log)
    if seconds is not None:
        stopping = threading.Timer(seconds, serving.stop)
        stopping.daemon = True
        stopping.start()
    serving.run()
    session.mention("stopped; everything that was answered is on the disk")
    session.as_json = False  # its one value has been printed


def checked_prefix(prefix: str) -> str:
    if prefix and not (prefix.startswith("/") and prefix.isascii() and prefix.isprintable() and "?" not in prefix):
        raise Problem(USAGE, f"{prefix} is no path.", "Like /witness.")
    return prefix.rstrip("/")


def print_now(line: str) -> None:
    """Print a line whole, not folded to the terminal's width, and at once."""
    print(line, flush=True)


def print_log(line: str) -> None:
    """Print a line from another thread. It goes straight to the file: a thread that waits for a full pipe would hold
    Python's own lock of the standard output, and nobody could stop the program."""
    data = f"{line}\n".encode("utf-8", "backslashreplace")
    try:
        file = sys.stdout.fileno()
    except (OSError, ValueError):  # it is no file, but somebody's own
        print_now(line)
        return
    while data:
        data = data[os.write(file, data) :]
