"""The bus: what is checked at its start, and what its node reads there later, which needs a real server. More with real
servers: ``./run campaign bus``."""

import contextlib
import gc
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pourparler.dispatch.bus import Bus, BusTrouble, act_subject, check_server, version_of, writes_through
from pourparler.service import keyring
from tests.interop import buses, tools
from tests.interop.nats_servers import Server, one_server
from tests.nodes import Party, data
from tests.test_cli_dispatch import Front
from tests.test_cli_files import done


def refused(version: str, **how: object) -> str:
    with pytest.raises(BusTrouble) as caught:
        check_server(version, only_copy=True, **how)  # type: ignore[arg-type]
    return caught.value.reason


def test_a_server_that_would_be_the_only_copy_is_new_and_writes_through() -> None:
    assert check_server("2.12.3", only_copy=True, syncs=True) == ""
    assert check_server("<nats server v2.15.2>", only_copy=True, syncs=True) == ""
    assert refused("2.12.2", syncs=True) == "bus.version"
    assert refused("2.9.10", syncs=True) == "bus.version"
    assert refused("no version", syncs=True) == "bus.version"
    assert refused("2.12.3", syncs=False) == "bus.sync"
    assert refused("2.12.3", syncs=None) == "bus.sync-unknown"


def test_beside_other_copies_an_old_server_is_used_and_the_user_told() -> None:
    assert check_server("2.15.2", only_copy=False, syncs=None) == ""
    assert "2.9.10" in check_server("v2.9.10", only_copy=False, syncs=None)


def test_an_address_that_says_nothing_is_told() -> None:
    for address in ("file:///etc/hosts", "http://127.0.0.1:9"):
        with pytest.raises(BusTrouble) as caught:
            writes_through(address, seconds=0.5)
        assert caught.value.reason == "bus.sync-unknown"
        assert caught.value.do


def test_a_subject_names_the_party_and_nothing_else() -> None:
    assert act_subject(bytes(31) + b"*") == f"pourparler.v1.{'00' * 31}2a.act"
    assert version_of("2.10.0-RC.1") == (2, 10, 0)


# --- a server that lies -----------------------------------------------------------------------------------------------

PARTY = bytes(32)
STATE = b'{"messages": 0, "bytes": 0, "first_seq": 0, "last_seq": 0, "consumer_count": 0}'
STREAM_INFO = b'{"config": {"name": "POURPARLER"}, "state": %s}' % STATE
NO_CONSUMER = b'{"error": {"code": 404, "err_code": 10014, "description": "consumer not found"}}'
CONSUMER_INFO = (
    b'{"name": "n", "stream_name": "POURPARLER", "created": "2027-01-01T00:00:00Z", "config": {"durable_name": "n"}, '
    b'"delivered": {"consumer_seq": 0, "stream_seq": 0}, "ack_floor": {"consumer_seq": 0, "stream_seq": 0}}'
)
GOOD_ACK = "$JS.ACK.POURPARLER.n.1.1.1.1700000000000000000.0"
DEEP = b"[" * 100_000


class Liar(socketserver.StreamRequestHandler):
    """Speaks as much of NATS as a client asks for, and answers what the test says. ``answers`` maps how a subject
    begins to the body of the answer, or to a reply subject for a message of the stream and its body."""

    answers: ClassVar[dict[str, Any]] = {}
    greeting = b'{"version": "2.12.3", "max_payload": 1048576, "headers": true, "jetstream": true}'

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.wfile.write(b"INFO " + self.greeting + b"\r\n")
            while line := self.rfile.readline():
                self.hear(line.split())

    def hear(self, words: list[bytes]) -> None:
        match words:
            case [b"PING", *_]:
                self.wfile.write(b"PONG\r\n")
            case [b"SUB", subject, *_, sid]:
                self.subscribed[subject.rstrip(b"*")] = sid
            case [b"PUB" | b"HPUB", subject, reply, *_, size]:
                self.rfile.read(int(size) + 2)
                self.answer(subject.decode(), reply)

    @property
    def subscribed(self) -> dict[bytes, bytes]:
        return self.__dict__.setdefault("sids", {})

    def answer(self, subject: str, reply: bytes) -> None:
        body = next((body for begins, body in self.answers.items() if subject.startswith(begins)), None)
        sid = next((sid for inbox, sid in self.subscribed.items() if reply.startswith(inbox)), b"1")
        if isinstance(body, tuple):
            ack, body = body
            self.wfile.write(b"MSG %s %s %s %d\r\n%s\r\n" % (reply, sid, ack.encode(), len(body), body))
        elif body is not None:
            self.wfile.write(b"MSG %s %s %d\r\n%s\r\n" % (reply, sid, len(body), body))


@contextlib.contextmanager
def lying(greeting: bytes = Liar.greeting, **answers: Any) -> Iterator[str]:
    """A server that answers so; gives its address."""
    said = {
        "$JS.API.STREAM.INFO": STREAM_INFO,
        "$JS.API.CONSUMER.INFO": NO_CONSUMER,
        "$JS.API.CONSUMER.DURABLE.CREATE": CONSUMER_INFO,
        "$JS.API.CONSUMER.CREATE": CONSUMER_INFO,
        **{f"$JS.API.{name.replace('_', '.')}": body for name, body in answers.items()},
    }
    handler = type("Answering", (Liar,), {"answers": said, "greeting": greeting})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"nats://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


def opened(address: str) -> Bus:
    return Bus([address], [PARTY], "node", seconds=0.5)


def test_a_truthful_answer_opens_the_bus_and_a_message_is_delivered() -> None:
    with lying(CONSUMER_MSG=(GOOD_ACK, b"an act")) as address, opened(address) as bus:
        (delivery,) = bus.fetch(1, seconds=0.5)
        assert (delivery.data, delivery.times) == (b"an act", 1)


LIES = [b"", b"null", b"[]", b"7", b"{", b'{"error": 5}', b'{"error": {}}', b"\xff\xfe", DEEP, b'{"config": 1}', b"{}"]


@pytest.mark.parametrize("body", LIES, ids=lambda body: repr(body[:14]))
@pytest.mark.parametrize("about", ["STREAM_INFO", "CONSUMER_INFO", "CONSUMER_DURABLE_CREATE"])
def test_a_server_that_answers_nonsense_is_told_and_nothing_else_is_raised(about: str, body: bytes) -> None:
    with lying(**{about: body}) as address, contextlib.suppress(BusTrouble), opened(address):
        pass


@pytest.mark.parametrize("version", ["9" * 5_000 + ".1.1", "\\u001b]0;title\\u0007", ""])
def test_a_server_whose_version_is_nonsense_is_told_and_nothing_else_is_raised(version: str) -> None:
    greeting = b'{"version": "%s", "max_payload": 1048576, "headers": true}' % version.encode()
    with lying(greeting) as address, contextlib.suppress(BusTrouble), opened(address) as bus:
        assert bus.told.isprintable()


ACKS = [
    "",
    "nonsense",
    "$JS.ACK.a.b.c.d.e.f.g",
    "$JS.ACK.a.b." + "9" * 5_000 + ".1.1.1.1",
    f"$JS.ACK.a.b.1.1.1.{10**30}.0",
]


@pytest.mark.parametrize("ack", ACKS, ids=lambda ack: ack[:20])
def test_a_message_that_says_nothing_of_itself_is_passed_over(ack: str) -> None:
    """Else the thread that listens to the bus ends at the first of them, and nobody notices."""
    with lying(CONSUMER_MSG=(ack or "x", b"an act")) as address, opened(address) as bus:
        assert bus.fetch(1, seconds=0.2) == []


class Monitored(socketserver.StreamRequestHandler):
    """A monitoring address that answers what the test says, whatever it was asked."""

    said = b""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.rfile.readline()
            self.wfile.write(self.said)


OK = b"HTTP/1.1 200 OK\r\n\r\n"
ELSEWHERE = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n"


@contextlib.contextmanager
def monitored(said: bytes) -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), type("Said", (Monitored,), {"said": said})) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


HTTP_LIES = {
    "nothing": b"",
    "no HTTP": b"\x00\xff\r\n\r\n",
    "a line without end": b"HTTP/1.1 200 " + b"x" * 100_000,
    "a cut body": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
    "chunks that are none": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
    "deep": OK + DEEP,
    "a list": OK + b"[]",
    "another type": OK + b'{"config": {"sync_always": "true"}}'.replace(b'{"s', b'["s').replace(b"}}", b"]}"),
    "a huge number": OK + b'{"config": ' + b"9" * 5_000 + b"}",
}


@pytest.mark.parametrize("name", HTTP_LIES)
def test_a_monitoring_address_that_lies_is_told_and_nothing_else_is_raised(name: str) -> None:
    with monitored(HTTP_LIES[name]) as address, pytest.raises(BusTrouble) as caught:
        writes_through(address, seconds=0.5)
    assert caught.value.reason == "bus.sync-unknown"


def test_a_monitoring_address_that_sends_elsewhere_is_not_followed() -> None:
    """Whoever stands at the address asked for would else choose who says that the server writes through."""
    with monitored(OK + b'{"config": {"sync_always": true}}') as there:
        assert writes_through(there)
        with monitored(ELSEWHERE % int(there.rpartition(":")[2])) as here, pytest.raises(BusTrouble):
            writes_through(here)


# --- with a server ----------------------------------------------------------------------------------------------------


def test_a_bus_that_is_not_there_is_said_in_words_and_leaves_nothing_behind(monkeypatch, caplog) -> None:
    """It said "TimeoutError.", and then that a task was destroyed, with a line of its own source."""
    monkeypatch.setattr("pourparler.dispatch.bus.SPARE_SECONDS", 0.5)
    with pytest.raises(BusTrouble) as caught:
        Bus(["nats://127.0.0.1:1"], [], "node", seconds=0.2)
    assert caught.value.what == "the bus does not do what it was asked: no answer in time."
    del caught
    gc.collect()
    assert "destroyed" not in caplog.text


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server, where its program was built; ``./run campaign bus`` builds it and runs these tests, too."""
    if not (tools.BUILT / "bin" / "nats-server").exists():
        pytest.skip("nats-server is not built here: ./run campaign bus builds it, with Go")
    with one_server("nats-server", tmp_path) as running:
        yield running


def test_parties_that_are_followed_or_heard_of_later_are_read(server: Server) -> None:
    assert buses.later().startswith("a party followed later")


def test_a_party_that_is_trusted_while_a_node_listens_is_read(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two parties are on the bus; the node that listens was told of one, and is told of the other meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    first, second = Party(), Party("Others")
    with Bus([server.url], [], "sender") as bus:
        for party in (first, second):
            for act in (party.found, party.grant()):
                bus.publish(party.id, act.id, data(act))
    done("init")
    done("dispatch", "create")
    done("party", "trust", first.id.hex(), "--how", "told")
    listening = Front("--via", "bus", "--bus", server.url)
    try:
        listening.wait_for("bus: grant")
        assert listening.log.read_text().count("bus: ") == 2
        done("party", "trust", second.id.hex(), "--how", "told as well")
        while listening.log.read_text().count("bus: grant") < 2:
            assert listening.process.poll() is None
            time.sleep(0.05)
        assert listening.stop() == 0
    finally:
        listening.process.kill()
        listening.process.wait()
    found = json.loads(done("dispatch", "status", "--json"))
    assert sorted(one["party"] for one in found["parties"]) == sorted([first.id.hex(), second.id.hex()])
