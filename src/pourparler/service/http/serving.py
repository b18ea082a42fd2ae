"""Serving: one application on one socket, until somebody says stop.

A connection is somebody's for a while: whoever does not send a whole request in time, or does not take its answer, is
hung up on, and so is the longest silent one where there are too many. So nobody keeps others out by doing nothing.
"""

import asyncio
import logging
import queue
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

STOPPING_SECONDS = 10
CONNECTIONS_MAX = 256
REQUEST_SECONDS = 8  # for a whole request, from the connection or the last answer on
LINES_WAITING = 1_000
LAST_LINES_SECONDS = 2
ANSWER_SECONDS = 120  # for its answer, of at most a few megabytes


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens, or will; port 0 takes any that is free. Raises ``OSError``."""
    (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(128)
    except BaseException:
        bound.close()
        raise
    return bound


def url_of(bound: socket.socket, prefix: str = "") -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}{prefix}" if ":" in host else f"http://{host}:{port}{prefix}"


class Patient(H11Protocol):
    """A connection, and how long it is waited for: the server's own limit begins with the first answer only."""

    waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.wait(REQUEST_SECONDS)
        silent = [one for one in self.connections if isinstance(one, Patient) and one is not self and one.asks_nothing]
        if len(self.connections) >= CONNECTIONS_MAX and silent:
            min(silent, key=lambda one: one.waiting.when() if one.waiting else 0).drop()

    def on_response_complete(self) -> None:
        self.wait(REQUEST_SECONDS)  # first, for a next request may be here already, and be answered in there
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        super().connection_lost(exc)

    @property
    def asks_nothing(self) -> bool:
        """Whether no whole request of it is being answered."""
        return self.cycle is None or self.cycle.response_complete or self.cycle.more_body

    def wait(self, seconds: float) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        self.waiting = self.loop.call_later(seconds, self.out_of_time, seconds)

    def out_of_time(self, seconds: float) -> None:
        """Hang up; where a request is being answered, only after the time that an answer has."""
        if self.asks_nothing or seconds == ANSWER_SECONDS:
            self.drop()
        else:
            self.wait(ANSWER_SECONDS)

    def drop(self) -> None:
        self.connections.discard(self)  # it counts no more from now on
        self.transport.abort()


class Serving:
    """A server of one application on one bound socket."""

    def __init__(self, app: ASGIApp, bound: socket.socket, log: Callable[[str], None] | None = None) -> None:
        self.bound = bound
        config = uvicorn.Config(
            app,
            http=Patient,
            log_config=None,
            access_log=False,  # the application logs, with what the request was about
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_graceful_shutdown=STOPPING_SECONDS,
        )
        self.server = uvicorn.Server(config)
        self.telling = Telling(log) if log is not None else None
        if self.telling is not None:
            logging.getLogger("pourparler.http").addHandler(self.telling)
            logging.getLogger("pourparler.http").setLevel(logging.INFO)

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C (in the main thread), or :meth:`stop`; requests that run are finished."""
        with self.bound, quiet_signals(self.stop):
            asyncio.run(self.server.serve(sockets=[self.bound]))
        if self.telling is not None:
            self.telling.rest()

    def stop(self) -> None:
        self.server.should_exit = True


@contextmanager
def quiet_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Let a signal that comes before the server looks for one stop it, and one that stopped it do no more: the server
    raises it once again when all is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Telling(logging.Handler):
    """Hands each line of the log to a function, in a thread of its own: where nobody reads what it writes, lines are
    dropped, and no answer waits."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.tell = tell
        self.lines: queue.Queue[str] = queue.Queue(LINES_WAITING)
        self.dropped = 0
        threading.Thread(target=self.telling, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.lines.put_nowait(record.getMessage())
        except queue.Full:
            self.dropped += 1

    def telling(self) -> None:
        while True:
            line = self.lines.get()
            dropped, self.dropped = self.dropped, 0
            with suppress(OSError, ValueError):  # whoever read them is gone
                self.tell(line)
                if dropped:
                    self.tell(f"{dropped:,} lines of the log were dropped: they were not read fast enough")
            self.lines.task_done()

    def rest(self) -> None:
        """Wait a moment for the lines that are left."""
        ends = time.monotonic() + LAST_LINES_SECONDS
        while self.lines.unfinished_tasks and time.monotonic() < ends:
            time.sleep(0.01)
