"""Keys in an ssh-agent: the real one, and agents that lie, stall, ramble or hang up."""

import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from nacl.signing import SigningKey, VerifyKey

from pourparler.ports import KeyTrouble
from pourparler.service.keyring import AgentSigner, Cost, Keyring, Place, parse
from pourparler.service.sshagent import IDENTITIES_MAX, REPLY_MAX_BYTES, Agent, key_blob, string

CHEAP = Cost(8 * 1024, 1)
OPENSSH = all(shutil.which(name) for name in ("ssh-agent", "ssh-add", "ssh-keygen"))
real = pytest.mark.skipif(not OPENSSH, reason="OpenSSH's ssh-agent, ssh-add and ssh-keygen are not installed")


def refused(reason: str, do: Callable[[], object]) -> KeyTrouble:
    with pytest.raises(KeyTrouble) as raised:
        do()
    assert raised.value.reason == reason, raised.value
    return raised.value


# --- the real agent ---------------------------------------------------------------------------------------------------


@dataclass
class RealAgent:
    """OpenSSH's agent in a folder of its own, and its keys."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def socket(self) -> Path:
        return self.folder / "agent"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SSH_AUTH_SOCK": str(self.socket)}

    def ask(self) -> Agent:
        return Agent.here({"SSH_AUTH_SOCK": str(self.socket)})

    def make(self, name: str, kind: str = "ed25519") -> Path:
        file = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", name, "-f", file], check=True)
        return file

    def add(self, *arguments: object, **more: str) -> None:
        subprocess.run(
            ["ssh-add", "-q", *map(str, arguments)],
            check=True,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def answer(self, text: str) -> dict[str, str]:
        """Return an environment in which ssh-add reads this as what somebody typed."""
        program = self.folder / "askpass"
        program.write_text(f"#!/bin/sh\necho {text}\n")
        program.chmod(0o700)
        return {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":none"}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[RealAgent]:
    folder = Path("/tmp") / f"pourparler-{os.getpid()}-{time.monotonic_ns()}"  # a socket's path is short
    folder.mkdir(mode=0o700)
    denying = folder / "deny"
    denying.write_text("#!/bin/sh\nexit 1\n")
    denying.chmod(0o700)
    environment = {**os.environ, "SSH_ASKPASS": str(denying), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":none"}
    process = subprocess.Popen(["ssh-agent", "-D", "-a", folder / "agent"], stdout=subprocess.DEVNULL, env=environment)
    try:
        for _ in range(500):
            if (folder / "agent").exists():
                break
            time.sleep(0.01)
        yield RealAgent(folder, process)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", cost=CHEAP)


@real
def test_the_real_agent_lists_and_signs(agent: RealAgent) -> None:
    assert agent.ask().identities() == []
    agent.add(agent.make("ann"))
    agent.add(agent.make("an-rsa-key", "rsa"))
    agent.add(agent.make("an-ecdsa-key", "ecdsa"))
    (identity,) = agent.ask().identities()
    assert identity.comment == "ann"
    for message in (b"", b"message", bytes(100_000)):
        VerifyKey(identity.public_key).verify(message, agent.ask().sign(identity.public_key, message))
    refused("agent.too-large", lambda: agent.ask().sign(identity.public_key, bytes(200_000)))


@real
def test_a_key_of_the_ring_stays_in_the_real_agent(agent: RealAgent, tmp_path: Path) -> None:
    agent.add(agent.make("ann"))
    (identity,) = agent.ask().identities()
    ring = Keyring(tmp_path / "keys", cost=CHEAP, agent=agent.ask)
    assert ring.agent("ann", "member", identity.public_key, identity.comment) == identity.public_key
    info = ring.info("ann")
    assert (info.where, info.role, info.comment) == (Place.AGENT, "member", "ann")
    signer = ring.signer("ann", lambda _: pytest.fail("an agent's key has no passphrase here"))
    assert isinstance(signer, AgentSigner)
    VerifyKey(signer.public_key).verify(b"message", signer.sign(b"message"))
    for do in (
        lambda: ring.export("ann", "", "long enough", tmp_path / "copy"),
        lambda: ring.change_passphrase("ann", "", "long enough"),
        lambda: Keyring(tmp_path / "there").import_("ann", (ring.folder / "ann.key").read_bytes(), ""),
    ):
        refused("key.in-agent", do)
    refused("key.role", lambda: ring.agent("again", "holder", identity.public_key))
    assert ring.names() == ["ann"]


@real
def test_the_note_of_an_agents_key_is_whole_or_refused(agent: RealAgent, tmp_path: Path) -> None:
    agent.add(agent.make("ann"))
    (identity,) = agent.ask().identities()
    ring = Keyring(tmp_path / "keys", cost=CHEAP, agent=agent.ask)
    ring.agent("ann", "member", identity.public_key, "a comment \x1b[2J " + "é" * 400)
    data = (ring.folder / "ann.key").read_bytes()
    assert "\x1b" not in ring.info("ann").comment
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyTrouble) as raised:
            parse(bytes(flipped), "the note")
        assert raised.value.reason in ("key.damaged", "key.format")


@real
def test_the_real_agent_locked_empty_or_without_the_key(agent: RealAgent, tmp_path: Path) -> None:
    agent.add(agent.make("ann"))
    (identity,) = agent.ask().identities()
    sign = lambda: agent.ask().sign(identity.public_key, b"message")  # noqa: E731
    agent.add("-x", **agent.answer("secret"))
    assert "ssh-add -X" in refused("agent.locked", sign).do
    agent.add("-X", **agent.answer("secret"))
    sign()
    agent.add("-d", agent.folder / "ann")
    refused("agent.locked", sign)
    agent.add(agent.make("another"))
    assert "ssh-add" in refused("agent.key-gone", sign).do
    ring = Keyring(tmp_path / "keys", cost=CHEAP, agent=agent.ask)
    refused("agent.key-gone", lambda: ring.agent("ann", "member", identity.public_key))
    assert ring.names() == []


@real
def test_whoever_declines_the_confirmation_signs_nothing(agent: RealAgent) -> None:
    agent.add("-c", agent.make("ann"))
    (identity,) = agent.ask().identities()
    assert "onfirm" in refused("agent.refused", lambda: agent.ask().sign(identity.public_key, b"message")).do


@real
def test_an_agent_that_ended_is_said_to_be_absent(agent: RealAgent) -> None:
    asked = agent.ask()
    agent.process.kill()
    agent.process.wait()
    assert str(agent.socket) in refused("agent.absent", asked.identities).what


@pytest.mark.parametrize("path", ["", "/nowhere/at/all", "/" + "long/" * 60])
def test_no_agent_at_all(path: str) -> None:
    assert "ssh-agent" in refused("agent.absent", lambda: Agent.here({"SSH_AUTH_SOCK": path}).identities()).do
    refused("agent.absent", lambda: Agent.here({}))


# --- agents that do not keep to the protocol --------------------------------------------------------------------------

SECRET = SigningKey(bytes(range(32)))
PUBLIC = bytes(SECRET.verify_key)
LIST, SIGN = b"\x0b", b"\x0d"


def listing(*keys: bytes, count: int | None = None) -> bytes:
    rows = b"".join(string(key_blob(key)) + string(b"a comment") for key in keys)
    return b"\x0c" + struct.pack(">I", len(keys) if count is None else count) + rows


def signed(signature: bytes, kind: bytes = b"ssh-ed25519") -> bytes:
    return b"\x0e" + string(string(kind) + string(signature))


@pytest.fixture
def pretend() -> Iterator[Callable[..., Agent]]:
    """Return a maker of agents that answer each request with raw bytes, by the request's type."""
    folder = Path("/tmp") / f"pourparler-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o700)
    servers: list[socket.socket] = []

    def make(answers: dict[bytes, bytes], *, slowly: bool = False, hold: bool = False) -> Agent:
        path = folder / str(len(servers))
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(str(path))
        server.listen()
        servers.append(server)

        def serve() -> None:
            held = []
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    (length,) = struct.unpack(">I", connection.recv(4, socket.MSG_WAITALL))
                    request = connection.recv(length, socket.MSG_WAITALL)
                    answer = answers.get(request[:1], b"")
                    with suppress(OSError):  # the client may have heard enough
                        for at in range(len(answer)) if slowly else ():
                            connection.sendall(answer[at : at + 1])
                            time.sleep(0.02)
                        if not slowly:
                            connection.sendall(answer)
                    if not hold:
                        connection.close()

        threading.Thread(target=serve, daemon=True).start()
        return Agent(path, answer_seconds=0.5, confirm_seconds=0.5)

    yield make
    for server in servers:
        server.close()
    shutil.rmtree(folder)


def test_a_pretended_agent_that_behaves(pretend: Callable[..., Agent]) -> None:
    agent = pretend({LIST: string(listing(PUBLIC)), SIGN: string(signed(SECRET.sign(b"message").signature))})
    assert [one.public_key for one in agent.identities()] == [PUBLIC]
    assert agent.has(PUBLIC)
    assert not agent.has(bytes(32))
    VerifyKey(PUBLIC).verify(b"message", agent.sign(PUBLIC, b"message"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x00",
        string(b""),
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", REPLY_MAX_BYTES + 1) + b"\x0c",
        string(b"\x0e"),
        string(b"\x0c"),
        string(b"\x0c\x00\x00"),
        string(listing(count=1)),
        string(listing(PUBLIC, count=2)),
        string(listing(count=IDENTITIES_MAX + 1)),
        string(listing(PUBLIC, count=0)),
        string(listing(PUBLIC) + b"more"),
        string(listing(PUBLIC[:31])),
        string(b"\x0c\x00\x00\x00\x01" + string(key_blob(PUBLIC) + b"more") + string(b"")),
        string(b"\x0c\x00\x00\x00\x01" + struct.pack(">I", 2**31) + b"short"),
        string(listing(PUBLIC))[:-1],
    ],
)
def test_a_listing_that_is_none(pretend: Callable[..., Agent], answer: bytes) -> None:
    refused("agent.malformed", lambda: pretend({LIST: answer}).identities())


@pytest.mark.parametrize(
    "answer",
    [
        string(b"\x0c"),
        string(b"\x0e"),
        string(signed(b"")),
        string(signed(bytes(63))),
        string(signed(bytes(64))),
        string(signed(SECRET.sign(b"another message").signature)),
        string(signed(SigningKey(bytes(32)).sign(b"message").signature)),
        string(signed(SECRET.sign(b"message").signature, b"rsa-sha2-512")),
        string(signed(SECRET.sign(b"message").signature) + b"more"),
    ],
)
def test_a_signature_that_is_none_never_leaves(pretend: Callable[..., Agent], answer: bytes) -> None:
    refused("agent.malformed", lambda: pretend({SIGN: answer}).sign(PUBLIC, b"message"))


def test_why_an_agent_refused_is_told_from_what_it_shows(pretend: Callable[..., Agent]) -> None:
    failure = string(b"\x05")
    refused("agent.refused", lambda: pretend({SIGN: failure, LIST: string(listing(PUBLIC))}).sign(PUBLIC, b""))
    refused("agent.key-gone", lambda: pretend({SIGN: failure, LIST: string(listing(bytes(32)))}).sign(PUBLIC, b""))
    refused("agent.locked", lambda: pretend({SIGN: failure, LIST: string(listing())}).sign(PUBLIC, b""))
    refused("agent.refused", lambda: pretend({LIST: failure}).identities())


def test_an_agent_that_is_silent_or_drips_gets_no_more_time(pretend: Callable[..., Agent]) -> None:
    """A listing of 4,000 bytes, one at a time, would be whole after 80 seconds: it is given half a second."""
    long = string(listing(*[PUBLIC] * 60))
    refused("agent.silent", pretend({}, hold=True).identities)
    refused("agent.silent", pretend({LIST: long[:-1]}, hold=True).identities)
    refused("agent.silent", pretend({LIST: long}, slowly=True).identities)


def test_an_intake_meets_an_agent_that_fails(pretend: Callable[..., Agent], tmp_path: Path) -> None:
    """A ledger whose key is in an agent: the trouble reaches the submitter, nothing is logged, and it goes on after."""
    from pourparler.service.drafting import draft
    from pourparler.service.intake import Intake
    from pourparler.store.memory import MemoryStore
    from pourparler.testing.keys import Key

    key, ann = Key.from_name("ledger"), Key.from_name("ann")
    locked = AgentSigner(key.public_key, pretend({SIGN: string(b"\x05"), LIST: string(listing())}))

    class Clock:
        def now(self) -> int:
            return 1_764_000_000

    intake = Intake(MemoryStore(), key, Clock(), "ledger.example/agent")
    seat = {"name": "board", "seats": [[ann.public_key, 1]], "needs": 1, "powers": 1}
    home = {"origin": "ledger.example/agent", "key": key.public_key}
    party = {"name": "Us", "nonce": bytes(16), "home": home, "suspension": 86_400, "organs": [seat]}
    act = draft("found", party).signed_by(ann).envelope.encoded()
    intake.signer = locked
    assert "ssh-add -X" in refused("agent.locked", lambda: intake.submit(act)).do
    intake.signer = key
    assert intake.submit(act).void is None
