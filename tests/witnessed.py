"""What tests of witnesses are made with: a log that grows, witnesses on real sockets, servers that misbehave."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pourparler.core import ledger
from pourparler.core.council import Depositary
from pourparler.core.ledger import Checkpoint, Frontier, leaf_hash
from pourparler.ports import StoredEntry
from pourparler.service.http.application import application
from pourparler.service.http.serving import Serving, bind, url_of
from pourparler.service.http.witness import witness_routes
from pourparler.service.witness import Witness, trust
from pourparler.service.witnessing import Head, head_of
from pourparler.store.memory import MemoryStore
from pourparler.store.witness import OwnKey, WitnessStore
from tests.test_ledger import LOG, ORIGIN, Pen

DEPOSITARY = Depositary(ORIGIN, LOG.key.public_key)


class Log:
    """A ledger whose entries are any bytes, signed by the key of ``tests.test_ledger``."""

    def __init__(self, *, changed: int | None = None) -> None:
        self.store, self.frontier, self.changed = MemoryStore(), Frontier(), changed

    def grow(self, count: int) -> "Log":
        first = self.frontier.size
        data = [b"another" if at == self.changed else b"entry %d" % at for at in range(first, first + count)]
        with self.store.transaction() as transaction:
            self.frontier, nodes = self.frontier.extended([leaf_hash(one) for one in data])
            entries = [StoredEntry(first + number, bytes(32), one) for number, one in enumerate(data)]
            transaction.append(entries, nodes)
            transaction.set_checkpoint(self.frontier.size, self.note())
        return self

    def note(self) -> bytes:
        text = Checkpoint(ORIGIN, self.frontier.size, self.frontier.root()).text()
        return ledger.signed_note(text, [LOG.under(text)])

    @property
    def head(self) -> Head:
        found = head_of(DEPOSITARY, self.store)
        assert found is not None
        return found

    def request(self, old: int) -> ledger.AddCheckpoint:
        path = ledger.consistency_path(old, self.frontier.size, self.store.node)
        return ledger.AddCheckpoint(old, path, self.note())


class Clock:
    def __init__(self, time: int = 1_800_000_000) -> None:
        self.time = time

    def now(self) -> int:
        return self.time


def new_store(path: Path, *pens: Pen, trusted: bool = True) -> WitnessStore:
    """A witness's file, made and closed, opened to serve."""
    made = WitnessStore(path, create=True)
    made.add_own(*(OwnKey(f"witness-{number}", pen.key.text) for number, pen in enumerate(pens)))
    if trusted:
        trust(made, LOG.key.text)
    made.close()
    return WitnessStore(path, serving=True)


@contextlib.contextmanager
def serving(app) -> Iterator[str]:
    """An ASGI application on a real socket, in a thread; gives its URL."""
    bound = bind("127.0.0.1", 0)
    server, url = Serving(app, bound), url_of(bound)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield url
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


@contextlib.contextmanager
def witness_at(
    path: Path, *pens: Pen, clock: Clock | None = None, trusted: bool = True
) -> Iterator[tuple[str, Witness]]:
    """A witness that serves; gives its URL and itself."""
    store = new_store(path, *pens, trusted=trusted)
    witness = Witness(store, [(pen.key, pen.sign) for pen in pens], clock or Clock())
    try:
        with serving(application(witness_routes(witness))) as url:
            yield url, witness
    finally:
        store.close()


Answer = Callable[[BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """A server that answers everything as one function does, however badly."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as url:
        yield url


@contextlib.contextmanager
def listening(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server of the standard library on a free port, in a thread; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def replying(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def nobody() -> str:
    """A URL where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def policy_of(quorum: str, **witnesses: tuple[Pen, str]) -> ledger.Policy:
    """A policy of witnesses by name, each with its URL; ``quorum`` is its last lines."""
    lines = [f"witness {name} {pen.key.text} {url}" for name, (pen, url) in witnesses.items()]
    return ledger.parse_policy("\n".join([f"log {LOG.key.text}", *lines, quorum, ""]).encode())
