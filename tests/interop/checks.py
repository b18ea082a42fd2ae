"""What foreign programs say of our bytes, and we of theirs. Each check ends with a sentence, or raises."""

import base64
import contextlib
import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

from nacl.signing import SigningKey

from pourparler.core.ledger import (
    KeyType,
    Policy,
    VerifierKey,
    consistency_path,
    inclusion_path,
    open_checkpoint,
    parse_policy,
    parse_vkey,
    signed_note,
    split_note,
)
from pourparler.service.http.application import application
from pourparler.service.http.static import static_routes
from pourparler.service.tiles import LogView
from pourparler.service.witnessing import Round, witness_ledger
from tests.interop.tools import ROOT, Absent, library, program, scripts
from tests.logs import KEY, exported, negotiate, talks
from tests.test_intake import DESK, SetClock, Side
from tests.witnessed import DEPOSITARY, Log, listening, serving, witness_at

DATA = Path(os.environ.get("POURPARLER_DATA", ROOT.parent / "shared" / "data"))
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SECONDS = 120  # for one foreign program


class Wrong(Exception):
    """A foreign program and ours do not agree."""


def must(condition: bool, what: str) -> None:
    if not condition:
        raise Wrong(what)


def run(*command: str | Path, wrong: bool = False, **more: object) -> str:
    """Run a program; return what it prints. Raises :class:`Wrong` unless it succeeds; ``wrong``: fails."""
    done = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        **more,  # type: ignore[call-overload]
    )
    said = f"{Path(str(command[0])).name} ended with {done.returncode}: {done.stdout[-600:]}{done.stderr[-1200:]}"
    must((done.returncode != 0) == wrong, said)
    return done.stdout


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="interop-") as made:
        yield Path(made)


@contextlib.contextmanager
def static_files(folder: Path) -> Iterator[str]:
    """Serve a folder as any web server would; give its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with listening(partial(Quiet, directory=str(folder))) as url:
        yield url


@contextlib.contextmanager
def started(*command: str | Path, cwd: Path, ready: str, **surroundings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server; it is ready when something answers at an address."""
    with (cwd / "said").open("wb") as said:
        process = subprocess.Popen(
            [*map(str, command)], cwd=cwd, stdout=said, stderr=said, env={**os.environ, **surroundings}
        )
        try:
            wait_for(ready, process, cwd / "said")
            yield process
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        must(process.poll() is None, f"it ended: {said.read_text(errors='replace')[-600:]}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise Wrong(f"nothing answers at {url}: {said.read_text(errors='replace')[-600:]}")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# --- they read what we serve ------------------------------------------------------------------------------------------


def older_checkpoints(dossiers: int) -> tuple[object, list[str]]:
    """Return a ledger of talks, and size and root of checkpoints that it signed on its way."""
    clock = SetClock()
    intake, olds = talks(0, clock=clock), []
    first, second = Side("First"), Side("Second")
    for number in range(1, dossiers):
        if number % 20 == 1:
            seen = open_checkpoint(intake.checkpoint(), DESK.origin, KEY).checkpoint
            olds += [str(seen.size), base64.b64encode(seen.root).decode()]
        negotiate(intake, first, second, number)
    return intake, olds


def tilecheck() -> str:
    """Go's sumdb/note and sumdb/tlog, over HTTP from our own application, and from an export at any web server."""
    tool = program("tilecheck")
    intake, olds = older_checkpoints(120)
    view = LogView(intake.store)  # type: ignore[attr-defined]
    with serving(application(static_routes(view))) as url:
        found = json.loads(run(tool, KEY.text, url, *olds))
    must(found["size"] == intake.size and found["size"] > 2 * 256, f"it saw {found}")  # type: ignore[attr-defined]
    must(found["consistent"] == len(olds) // 2 >= 5, f"it saw {found}")
    with scratch() as folder, static_files(exported(intake, folder / "log")) as url:
        again = json.loads(run(tool, KEY.text, url, *olds))
        must(again == found, f"served {found}, exported {again}")
        run(tool, KEY.text, url, "300", base64.b64encode(bytes(32)).decode(), wrong=True)
        for changed in ("tile/0/000", "tile/entries/001", "checkpoint"):
            with flipped(folder / "log" / changed):
                run(tool, KEY.text, url, wrong=True)
    return f"{found['size']} entries proven, {found['consistent']} older checkpoints joined, every flipped bit found"


@contextlib.contextmanager
def flipped(path: Path) -> Iterator[None]:
    """Change one bit in the middle of a file for a while."""
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    try:
        yield
    finally:
        path.write_bytes(whole)


def fsck() -> str:
    """Tessera's fsck reads an export whole, and rebuilds its tree."""
    tool = program("fsck")
    intake = talks(110)
    with scratch() as folder:
        log = exported(intake, folder / "log")
        key = folder / "vkey"
        key.write_text(KEY.text)
        with static_files(log) as url:
            arguments = (tool, "--ui=false", f"--storage_url={url}/", f"--public_key={key}", f"--origin={DESK.origin}")
            run(*arguments)
            for changed in ("tile/entries/000", "tile/0/000"):
                with flipped(log / changed):
                    must(not succeeds(*arguments, seconds=15), f"it finds nothing wrong with {changed}")
    return f"an export of {intake.size} entries is whole, and one with a flipped bit is not"


def succeeds(*command: str | Path, seconds: float) -> bool:
    """Return whether a program ends well within its time: this version of fsck does not end where a hash is wrong."""
    try:
        done = subprocess.run([*map(str, command)], capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


# --- they witness what we sign ----------------------------------------------------------------------------------------


def litewitness() -> str:
    """Torchwood's litewitness, with its key in an ssh-agent."""
    tool = program("litewitness")
    if not all(shutil.which(name) for name in ("ssh-agent", "ssh-keygen", "ssh-add")):
        raise Absent("litewitness keeps its key in an ssh-agent, and OpenSSH is not here")
    name = "witness.example/lite"
    with scratch() as folder, ssh_agent(folder) as agent:
        public = new_ssh_key(folder / "key", agent)
        fingerprint = run("ssh-keygen", "-lf", folder / "key.pub").split()[1]
        port = free_port()
        arguments = (tool, "-name", name, "-key", fingerprint, "-ssh-agent", agent, "-db", folder / "lite.db")
        listening = ("-listen", f"127.0.0.1:{port}")
        url = f"http://127.0.0.1:{port}"
        with started(*arguments, *listening, cwd=folder, ready=url):
            pass  # it has made its database
        with contextlib.closing(sqlite3.connect(folder / "lite.db")) as database:
            origin, vkey = Log().grow(1).head.key.name, Log().grow(1).head.key.text
            empty = base64.b64encode(hashlib.sha256().digest()).decode()
            database.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (origin, empty))
            database.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (origin, vkey))
            database.commit()
        with started(*arguments, *listening, cwd=folder, ready=url):
            key = VerifierKey(name, KeyType.COSIGNATURE_ED25519, public)
            return witnesses_us(policy_for(key, url))


@contextlib.contextmanager
def ssh_agent(folder: Path) -> Iterator[Path]:
    path = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            must(process.poll() is None, "ssh-agent has ended")
            time.sleep(0.02)
        yield path
    finally:
        process.terminate()
        process.wait(10)


def new_ssh_key(path: Path, agent: Path) -> bytes:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path)
    run("ssh-add", "-q", path, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})
    return base64.b64decode(path.with_suffix(".pub").read_text().split()[1])[-32:]


def omniwitness() -> str:
    """Transparency-dev's omniwitness."""
    tool = program("omniwitness")
    name, seed = "witness.example/omni", hashlib.sha256(b"interop omniwitness").digest()
    vkey = VerifierKey(name, KeyType.COSIGNATURE_ED25519, bytes(SigningKey(seed).verify_key))
    with scratch() as folder:
        private = folder / "private"
        private.write_text(note_key(name, seed))
        own = Log().grow(1).head.key
        logs = folder / "logs.yaml"
        logs.write_text(f"Logs:\n  - Origin: {own.name}\n    PublicKey: {own.text}\n    Feeder: none\n")
        port, metrics = free_port(), free_port()
        command = [tool, "-listen", f"127.0.0.1:{port}", "-metrics_listen", f"127.0.0.1:{metrics}", "-logtostderr"]
        command += ["-db_file", folder / "omni.db", "-private_key_path", private, "-additional_logs", logs]
        url = f"http://127.0.0.1:{port}"
        with started(*command, cwd=folder, ready=url):
            return witnesses_us(policy_for(vkey, url))


def note_key(name: str, seed: bytes) -> str:
    """Return a signing key in the form of golang.org/x/mod/sumdb/note."""
    public = bytes(SigningKey(seed).verify_key)
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    return f"PRIVATE+KEY+{name}+{key_id.hex()}+{base64.b64encode(bytes([1]) + seed).decode()}"


def policy_for(key: VerifierKey, url: str) -> Policy:
    return parse_policy(f"witness w {key.text} {url}\nquorum w\n".encode())


def witnesses_us(policy: Policy) -> str:
    """Let a foreign witness follow a log of ours; it must refuse another history of it, and a smaller one."""
    log = Log()
    for grown in (1, 6, 250, 300):
        log.grow(grown)
        found = asked(log, policy)
        must(found.met, f"at size {log.frontier.size}: {words(found)}")
    held = log.store.witnessed()
    must(held is not None, "nothing is kept as witnessed")
    cosigned = open_checkpoint(held or b"", log.head.key.name, log.head.key, [w.key for w in policy.witnesses])
    must(cosigned.checkpoint.size == log.frontier.size and len(cosigned.cosignatures) == 1, f"kept: {cosigned}")
    must(not asked(Log(changed=3).grow(700), policy).met, "it cosigned another history")
    must(not asked(Log().grow(20), policy).met, "it cosigned a smaller tree after a larger one")
    return f"it cosigned us up to size {log.frontier.size}, and neither another history nor a smaller tree"


def asked(log: Log, policy: Policy) -> Round:
    return witness_ledger(DEPOSITARY, log.store, policy)


def words(found: Round) -> str:
    return "; ".join(f"{word.said.value}: {word.why}" for word in found.words)


# --- we witness what others sign --------------------------------------------------------------------------------------


def feed() -> str:
    """Transparency-dev's client has our witness cosign, from the beginning and on, and is told what it is behind."""
    tool = program("feed")
    from tests.test_ledger import W1

    log = Log().grow(5)
    with scratch() as folder, witness_at(folder / "witness", W1) as (url, _):
        note = folder / "checkpoint"
        note.write_bytes(log.note())
        check_line(log, run(tool, url, "0", note), W1.key)
        log.grow(300)
        note.write_bytes(log.note())
        proof = [base64.b64encode(one).decode() for one in consistency_path(5, 305, log.store.node)]
        check_line(log, run(tool, url, "5", note, *proof), W1.key)
        behind = run_code(3, tool, url, "5", note, *proof)
        must(behind == "stale 305", f"it says {behind!r}")
        fork = Log(changed=2).grow(400)
        note.write_bytes(fork.note())
        lies = [base64.b64encode(one).decode() for one in consistency_path(305, 400, fork.store.node)]
        run(tool, url, "305", note, *lies, wrong=True)
    return "it got two cosignatures, was told the size that it was behind, and refused for a fork"


def run_code(code: int, *command: str | Path) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=SECONDS, check=False)
    must(done.returncode == code, f"{command[0]} ended with {done.returncode}: {done.stderr[-600:]}")
    return done.stdout.strip()


def check_line(log: Log, lines: str, witness: VerifierKey) -> None:
    text, own = split_note(log.note())
    note = signed_note(text, [*(f"{line}\n".encode() for line in own), lines.encode()])
    opened = open_checkpoint(note, log.head.key.name, log.head.key, [witness])
    must(len(opened.cosignatures) == 1, f"no cosignature in {lines!r}")


# --- Python's COSE and SCITT libraries --------------------------------------------------------------------------------


def cose() -> str:
    """The tests of receipts and statements that need cwt and scitt-cose; none of them may be skipped."""
    library("scitt-cose")
    library("cwt")
    return pytest_of("tests/test_receipts_foreign.py")


def pytest_of(*arguments: str) -> str:
    said = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs", *arguments, cwd=ROOT)
    last = said.strip().splitlines()[-1]
    must("skipped" not in last and "passed" in last, f"not everything was run: {said[-800:]}")
    return last


def aics() -> str:
    """Python's aics-tlog reads our tiles, proves and checks; aics-witness cosigns our checkpoints."""
    tools = scripts("aics-tlog")
    reader, (intake, olds) = tools / "aics-tlog", older_checkpoints(120)
    with scratch() as folder:
        log = exported(intake, folder / "log")
        head, names = own_head(log, folder)
        run(reader, "verify-checkpoint", *names, "--tiles", log)
        for index in AICS_INDEXES:
            leaf, path = folder / "leaf", folder / "path"
            leaf.write_bytes(intake.store.entry(index).data)  # type: ignore[attr-defined]
            path.write_text(lines_of(inclusion_path(intake.size, index, intake.store.node)))  # type: ignore[attr-defined]
            for by in (("--tiles", log), ("--proof", path)):
                about = (*names, *by, "--checkpoint", head, "--leaf", leaf)
                run(reader, "verify-inclusion", *about, "--index", str(index))
                run(reader, "verify-inclusion", *about, "--index", str(index ^ 1), wrong=True)
        for size, root in pairs(olds):
            old = ("--old-size", size, "--old-root", root)
            run(reader, "verify-consistency", *names, "--tiles", log, *old)
            run(reader, "verify-consistency", *names, "--tiles", log, *old[:3], EMPTY_ROOT_TEXT, wrong=True)
        for changed in ("tile/0/000", "checkpoint"):
            with flipped(log / changed):
                run(reader, "verify-inclusion", *names, "--tiles", log, "--index", "0", wrong=True)
    joined = f"{len(AICS_INDEXES)} entries proven, {len(olds) // 2} older checkpoints joined"
    return f"{joined}; {aics_witness(tools / 'aics-witness')}"


AICS_INDEXES = (0, 255, 256, 511)
EMPTY_ROOT_TEXT = base64.b64encode(hashlib.sha256().digest()).decode()


def own_head(log: Path, folder: Path) -> tuple[Path, tuple[str | Path, ...]]:
    """Return a log's checkpoint, and how aics-tlog is told whose it is: by a key that does not lie beside the log."""
    key = folder / "vkey"
    key.write_text(KEY.text)
    return log / "checkpoint", ("--vkey-file", key, "--origin", DESK.origin)


def lines_of(hashes: Sequence[bytes]) -> str:
    return "".join(base64.b64encode(one).decode() + "\n" for one in hashes)


def pairs(olds: list[str]) -> Iterator[tuple[str, str]]:
    return zip(olds[::2], olds[1::2], strict=True)


def aics_witness(tool: Path) -> str:
    name, port, own = "witness.example/aics", free_port(), Log().grow(1).head.key
    with scratch() as folder:
        config = ("--config", folder / "witness.json")
        vkey = run(tool, "init", *config, "--name", name, "--listen", f"127.0.0.1:{port}")
        run(tool, "add-log", *config, "--origin", own.name, "--vkey", own.text)
        url = f"http://127.0.0.1:{port}"
        with started(tool, "serve", *config, cwd=folder, ready=f"{url}/healthz"):
            return witnesses_us(policy_for(parse_vkey(vkey.strip().split()[-1]), url))


# --- their data -------------------------------------------------------------------------------------------------------


def tessera_log() -> str:
    """Our auditor reads the log that the Tessera project made, at each of its sizes."""
    there = DATA / "tessera-log" / "testdata" / "log"
    if not there.is_dir():
        raise Absent(f"there is no {there}")
    sizes = sorted(int(path.suffix[1:]) for path in there.glob("checkpoint.*"))
    with scratch() as folder:
        log = folder / "log"
        shutil.copytree(there, log, copy_function=shutil.copyfile)
        for size in sizes:
            shutil.copyfile(there / f"checkpoint.{size}", log / "checkpoint")
            found = json.loads(audit(log))
            must(found["checkpoint"]["size"] == found["read"] == size, f"at {size}: {found}")
        with flipped(log / "tile" / "entries" / "000.p" / str(max(sizes))):
            audit(log, wrong=True)
    must(len(sizes) == 16, f"it has the sizes {sizes}")
    return f"{len(sizes)} checkpoints of it are whole, and a flipped bit is found"


def audit(log: Path, *, wrong: bool = False) -> str:
    command = [sys.executable, "-P", "-m", "pourparler.cli.main", "ledger", "audit", log, "--tree-only", "--json"]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return run(*command, "--vkey", TESSERA_KEY, wrong=wrong, cwd=log.parent, env=surroundings)


def merkle_vectors() -> str:
    """The 518 cases of transparency-dev/merkle, against our own proof code."""
    if not (DATA / "merkle-vectors").is_dir():
        raise Absent(f"there is no {DATA / 'merkle-vectors'}")
    return pytest_of("tests/test_ledger.py", "-k", "merkle or vectors or tessera")


CHECKS: dict[str, tuple[str, Callable[[], str]]] = {
    "tilecheck": ("tilecheck", tilecheck),
    "fsck": ("fsck", fsck),
    "litewitness": ("litewitness", litewitness),
    "omniwitness": ("omniwitness", omniwitness),
    "feed": ("feed", feed),
    "cose": ("scitt-cose", cose),
    "aics": ("aics-tlog", aics),
    "tessera-log": ("", tessera_log),
    "merkle-vectors": ("", merkle_vectors),
}
