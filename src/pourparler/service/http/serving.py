"""Serving: one application on one socket, until somebody says stop."""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

STOPPING_SECONDS = 10
CONNECTIONS_MAX = 256


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


class Serving:
    """A server of one application on one bound socket."""

    def __init__(self, app: ASGIApp, bound: socket.socket, log: Callable[[str], None] | None = None) -> None:
        self.bound = bound
        config = uvicorn.Config(
            app,
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
        if log is not None:
            logging.getLogger("pourparler.http").addHandler(Telling(log))
            logging.getLogger("pourparler.http").setLevel(logging.INFO)

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C (in the main thread), or :meth:`stop`; requests that run are finished."""
        with self.bound, quiet_signals():
            asyncio.run(self.server.serve(sockets=[self.bound]))

    def stop(self) -> None:
        self.server.should_exit = True


@contextmanager
def quiet_signals() -> Iterator[None]:
    """Let a signal that stopped the server do no more: the server raises it once again when all is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Telling(logging.Handler):
    """Hands each line of the log to a function."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self.tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self.tell(record.getMessage())
