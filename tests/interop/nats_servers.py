"""Real NATS servers: one, or a cluster with a leaf whose link can be cut; killed, paused and started again."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.tools import program

READY_SECONDS = 30


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@dataclass
class Server:
    """One server, with what it needs to be started again where it was."""

    binary: Path
    folder: Path
    name: str
    port: int = field(default_factory=free_port)
    monitor: int = field(default_factory=free_port)
    more: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitor_url(self) -> str:
        return f"http://127.0.0.1:{self.monitor}"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        config = self.folder / "nats.conf"
        config.write_text(
            f"server_name: {self.name}\nlisten: 127.0.0.1:{self.port}\nhttp: 127.0.0.1:{self.monitor}\n{self.more}"
        )
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([self.binary, "-c", config], stdout=log, stderr=log)
        log.close()

    def ready(self) -> bool:
        """Return whether it says that it is healthy, JetStream and all."""
        try:
            with urllib.request.urlopen(f"{self.monitor_url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def wait(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while not self.ready():
            assert self.process is not None
            assert self.process.poll() is None, self.last_words()
            assert time.monotonic() < end, f"{self.name} is not ready:\n{self.last_words()}"
            time.sleep(0.1)

    def last_words(self) -> str:
        return (self.folder / "log").read_text()[-2000:]

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)


SYNCED = "sync_interval: always"


def jetstream(folder: Path, *options: str) -> str:
    return f"jetstream {{ store_dir: {str(folder / 'data')!r}, {', '.join(options)} }}\n".replace(", }", " }")


@contextlib.contextmanager
def one_server(tool: str, folder: Path, *, synced: bool = True) -> Iterator[Server]:
    """Run one server with JetStream."""
    server = Server(program(tool), folder / "one", "one")
    server.more = jetstream(server.folder, *([SYNCED] if synced else []))
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def cluster_of(tool: str, folder: Path, size: int = 3, *, leaves: bool = False) -> Iterator[list[Server]]:
    """Run a cluster; with ``leaves``, each takes leaf nodes at ``leaf_port``."""
    binary, routes = program(tool), [free_port() for _ in range(size)]
    urls = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
    servers = []
    old = tool == "nats-bad"
    for number, route in enumerate(routes):
        server = Server(binary, folder / f"s{number}", f"s{number}")
        server.more = jetstream(server.folder, *([] if old else [SYNCED]), *(["domain: hub"] if leaves else []))
        server.more += f"cluster {{ name: c, listen: 127.0.0.1:{route}, routes: [{urls}] }}\n"
        server.leaf_port = free_port() if leaves else 0  # type: ignore[attr-defined]
        if leaves:
            server.more += f"leafnodes {{ listen: 127.0.0.1:{server.leaf_port} }}\n"  # type: ignore[attr-defined]
        servers.append(server)
        server.start()
    try:
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.kill()


class Cable:
    """A TCP link that can be cut and healed: what a leaf is connected through."""

    def __init__(self, to: int) -> None:
        self.to, self.whole = to, True
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self.open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listening.accept()
                if not self.whole:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
                except OSError:
                    near.close()
                    continue
                far.settimeout(None)
                self.open += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        self.whole = False
        for end in self.open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.open.clear()

    def heal(self) -> None:
        self.whole = True

    def close(self) -> None:
        self.cut()
        self.listening.close()


@contextlib.contextmanager
def leaf_of(server: Server, folder: Path) -> Iterator[tuple[Server, Cable]]:
    """Run a leaf node without JetStream of its own, behind a cable to a server of a cluster."""
    cable = Cable(server.leaf_port)  # type: ignore[attr-defined]
    leaf = Server(server.binary, folder / "leaf", "leaf")
    leaf.more = f"leafnodes {{ reconnect: '1s', remotes: [ {{ url: nats://127.0.0.1:{cable.port} }} ] }}\n"
    leaf.start()
    try:
        leaf.wait()
        yield leaf, cable
    finally:
        leaf.kill()
        cable.close()
