"""A checkup of a machine and a workspace: what is well, what will go wrong, what is wrong, and what to do about it.

Nothing here changes anything. A ledger is looked at in a copy that SQLite itself makes of it, page by page, so that a
server may go on writing it meanwhile and its file is not touched; the copy needs as much room as the file, for as
long as the look lasts.

Each check yields findings. ``WARN`` is what works today and may not tomorrow; ``FAIL`` is what does not work, or must
not be relied on.
"""

import errno
import os
import platform
import re
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from pourparler.core.encoding import decode, encode
from pourparler.core.errors import PourparlerError
from pourparler.ports import KeyTrouble, StoreError
from pourparler.service import mldsa
from pourparler.service.heads import Tree, read_only_because
from pourparler.service.intake import replay
from pourparler.service.keyring import PASSING, SUFFIX, Algorithm, KeyInfo, Keyring, Place
from pourparler.service.sshagent import Agent
from pourparler.service.workspace import VARIABLE, KnownLedger, Workspace, WorkspaceError
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import LOOK, SqliteStore, snapshot

PYTHON_LEAST = (3, 11)
BUILT_AFTER = 1_764_000_000  # 24 November 2025: a clock that shows less has lost its battery
AHEAD_WARN_SECONDS, AHEAD_FAIL_SECONDS = 5, 300
JUMP_SECONDS = 2
ROOM_WARN_BYTES, ROOM_FAIL_BYTES = 1024**3, 64 * 1024**2


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the checkup. ``do`` is empty where nothing is to be done."""

    subject: str
    state: State
    what: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Instants:
    """The machine's two clocks at one moment, in seconds: the one that people set, and the one that only runs."""

    wall: float
    running: float

    @classmethod
    def now(cls) -> "Instants":
        return cls(time.time(), time.monotonic())

    def jumped_since(self, before: "Instants") -> float:
        """Return by how many seconds somebody has moved the wall clock meanwhile."""
        return (self.wall - before.wall) - (self.running - before.running)


def checkup(given: Path | None = None, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Yield all findings, in the order in which somebody would look. ``given`` names the workspace, as in
    :meth:`Workspace.find`; where there is none, the machine alone is looked at."""
    begun = Instants.now()
    newest: list[tuple[str, int]] = []
    yield from check_versions()
    yield from check_libraries()
    try:
        workspace = Workspace.find(given)
    except WorkspaceError as error:
        expected = error.usage and given is None and not environment.get(VARIABLE)
        what = error.what[:1].upper() + error.what[1:]
        yield Finding("workspace", State.WARN if expected else State.FAIL, what, error.do)
        yield from check_agent([], environment)
    else:
        yield Finding("workspace", State.OK, str(workspace.folder))
        yield from check_workspace(workspace, environment, newest)
    yield from check_clock(begun, Instants.now(), newest)


def check_workspace(
    workspace: Workspace, environment: Mapping[str, str], newest: list[tuple[str, int]]
) -> Iterator[Finding]:
    """Look at the keys, the agent, the ledgers and the room of a workspace."""
    ring = Keyring(workspace.keys)
    yield from check_keys(ring)
    yield from check_agent(in_agent(ring), environment)
    yield from check_kept(workspace, ring)
    for ledger in workspace.settings.ledgers.values():
        yield from check_ledger(workspace, ledger, newest)
    for fork in workspace.forks():
        do = "Sign nothing in that ledger, and show both stories to whoever relies on it; then move the file away."
        yield Finding("fork", State.FAIL, f"A ledger has told two stories: {fork} proves it, beside what is here.", do)
    yield from check_room(workspace.folder)


# --- the machine ------------------------------------------------------------------------------------------------------


def check_versions(
    python: tuple[int, ...] = sys.version_info[:3], installed: Callable[[str], str] = version
) -> Iterator[Finding]:
    """Look at Python, at SQLite and at the libraries that we rest on."""
    stated = ".".join(map(str, python))
    if python < PYTHON_LEAST:
        yield Finding("python", State.FAIL, f"{stated} is too old.", "Install Python 3.11 or newer.")
    else:
        yield Finding("python", State.OK, f"{stated} on {platform.system()} {platform.machine()}")
    yield Finding("sqlite", State.OK, sqlite3.sqlite_version)
    for name, least in floors():
        try:
            found = installed(name)
        except PackageNotFoundError:
            yield Finding(
                name, State.FAIL, "is not installed.", "Install Pourparler anew, or in a checkout: ./run setup"
            )
            continue
        if numbers(found) < numbers(least):
            yield Finding(name, State.FAIL, f"{found} is older than {least}.", f"Install {name} {least} or newer.")
        else:
            yield Finding(name, State.OK, found)


def floors() -> list[tuple[str, str]]:
    """Return what must be installed at least, as the package itself says; without versions where it does not."""
    try:
        stated = requires("pourparler") or []
    except PackageNotFoundError:  # a checkout that was not installed
        return [(name, "0") for name in ("pynacl", "libipld", "rich", "typer")]
    plain = (line.split(";")[0].strip() for line in stated if "extra" not in line)
    return [(name.strip(), least.split(",")[0].strip() or "0") for name, _, least in (p.partition(">=") for p in plain)]


def numbers(text: str) -> tuple[int, ...]:
    """Return a version as numbers, up to what is none."""
    found: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def check_libraries() -> Iterator[Finding]:
    """Let the libraries do what everything rests on, on the first test of RFC 8032 and on a value of our own."""
    secret = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    signature = secret.sign(b"").signature
    good = signature.hex().startswith(expected) and verifies(secret.verify_key, signature)
    good = good and not verifies(secret.verify_key, bytes([signature[0] ^ 1]) + signature[1:])
    value = {"a": [1, "ü", b"\0"], "of": {"length": 2**40}}
    if good and decode(encode(value)) == value:
        yield Finding("signatures", State.OK, "Ed25519 and CBOR answer as they must.")
    else:
        do = "Trust no verdict of this machine. Install pynacl and libipld anew."
        yield Finding("signatures", State.FAIL, "Ed25519 or CBOR does not answer as it must.", do)


def verifies(key: VerifyKey, signature: bytes) -> bool:
    try:
        key.verify(b"", signature)
    except BadSignatureError:
        return False
    return True


def check_clock(begun: Instants, now: Instants, newest: Iterable[tuple[str, int]]) -> Iterator[Finding]:
    """Look at the clock that people set: against the newest stamps, and against the clock that only runs."""
    do = "Set the clock, and let the machine keep it by the network (NTP)."
    if now.wall < BUILT_AFTER:
        shown = time.strftime("%Y-%m-%d %H:%M", time.gmtime(now.wall))
        yield Finding("clock", State.FAIL, f"It shows {shown} UTC, which is before this program was written.", do)
        return
    if abs(jump := now.jumped_since(begun)) > JUMP_SECONDS:
        yield Finding("clock", State.WARN, f"It jumped by {jump:+.0f} seconds while this ran.", do)
        return
    origin, latest = max(newest, key=lambda row: row[1], default=("", 0))
    behind = latest - now.wall
    if behind > AHEAD_WARN_SECONDS:
        state = State.FAIL if behind > AHEAD_FAIL_SECONDS else State.WARN
        what = f"It is {behind:,.0f} s behind the newest stamp of {origin}: this clock is slow, or that ledger's fast."
        yield Finding("clock", state, what, do)
        return
    shown = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now.wall))
    yield Finding("clock", State.OK, f"{shown} UTC" + (", later than every stamp here" if origin else ""))


def check_room(
    folder: Path, free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
) -> Iterator[Finding]:
    """Look at what is left of the disk."""
    try:
        left = free(folder)
    except OSError as error:
        yield Finding("disk", State.FAIL, f"{folder}: {error.strerror or error}.", "Look at the disk.")
        return
    stated = f"{left / 1024**3:,.1f} GiB free" if left >= 1024**3 else f"{left / 1024**2:,.0f} MiB free"
    if left < ROOM_FAIL_BYTES:
        yield Finding("disk", State.FAIL, f"{stated}: a ledger may soon be unable to write.", "Make room.")
    elif left < ROOM_WARN_BYTES:
        yield Finding("disk", State.WARN, f"{stated}.", "Make room before a ledger needs it.")
    else:
        yield Finding("disk", State.OK, stated)


# --- keys -------------------------------------------------------------------------------------------------------------


def check_keys(ring: Keyring) -> Iterator[Finding]:
    """Look at every key file, without a passphrase: whose it is, its mode, whether it is whole."""
    try:
        found, troubles, files = ring.list(), ring.troubles(), ring.files()
    except KeyTrouble as trouble:
        yield Finding("keys", State.FAIL, trouble.what, trouble.do)
        return
    for name, wrong in troubles.items():
        yield Finding(f"key {name}", State.FAIL, wrong.what, wrong.do)
    by_key = {info.public_key: info.name for info in found}
    for info in found:
        if (other := by_key[info.public_key]) != info.name:
            what = f"It is the same key as {other}."
            yield Finding(f"key {info.name}", State.WARN, what, "Keep one of the two: pourparler key delete NAME")
    for info in found:
        if info.algorithm is Algorithm.ML_DSA_44:
            try:
                mldsa.check_here()
            except KeyTrouble as trouble:
                yield Finding(f"key {info.name}", State.FAIL, f"It cannot be opened. {trouble.what}", trouble.do)
    if any(file.endswith(PASSING) for file in files):
        do = "Nothing: what it wrote is sealed, and the next change of a key removes it."
        yield Finding("keys", State.WARN, "A command was cut off while it wrote a key.", do)
    if strays := [file for file in files if file.endswith(SUFFIX) and file.removesuffix(SUFFIX) not in ring.names()]:
        do = "Import it under a name: pourparler key import FILE NAME"
        yield Finding("keys", State.WARN, f"These have no name that a key can have: {', '.join(strays)}", do)
    if found:
        kinds = ", ".join(f"{info.name} ({kind_of(info)})" for info in found)
        yield Finding("keys", State.OK, f"{len(found)} readable, by their owner alone: {kinds}")
    elif not troubles:
        yield Finding("keys", State.OK, "There is none yet.", "pourparler key new NAME --role ROLE")


def kind_of(info: KeyInfo) -> str:
    """Return the role of a key and, where that is not Ed25519, what it signs with."""
    return str(info.role) if info.algorithm is Algorithm.ED25519 else f"{info.role}, {info.algorithm}"


def in_agent(ring: Keyring) -> list[tuple[str, bytes]]:
    """Return the keys of a ring that an agent should hold."""
    try:
        return [(info.name, info.public_key) for info in ring.list() if info.where is Place.AGENT]
    except KeyTrouble:
        return []


def check_agent(wanted: Iterable[tuple[str, bytes]], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Look whether the agent answers and holds the keys that are noted here; none is needed where none is noted."""
    wanted = list(wanted)
    if not wanted and not environment.get("SSH_AUTH_SOCK"):
        yield Finding("agent", State.OK, "There is no ssh-agent, and no key here needs one.")
        return
    try:
        shown = {identity.public_key for identity in Agent.here(environment).identities()}
    except KeyTrouble as trouble:
        yield Finding("agent", State.FAIL if wanted else State.WARN, trouble.what, trouble.do)
        return
    for name, public_key in wanted:
        if public_key not in shown:
            do = "Unlock the agent (ssh-add -X), or add the key (ssh-add FILE)."
            yield Finding(f"key {name}", State.FAIL, "The ssh-agent does not show it.", do)
    yield Finding("agent", State.OK, f"It answers. Ed25519 keys that it shows: {len(shown)}.")


def check_kept(workspace: Workspace, ring: Keyring) -> Iterator[Finding]:
    """Look whether every ledger that is kept here has its key here, and the right one."""
    for ledger in workspace.settings.ledgers.values():
        if ledger.kept_by is None:
            continue
        try:
            right = ring.public(ledger.kept_by) == ledger.key
        except KeyTrouble as trouble:
            yield Finding(f"ledger {ledger.origin}", State.FAIL, f"It cannot go on. {trouble.what}", trouble.do)
            continue
        if not right:
            what = f"It is signed with another key than {ledger.kept_by} is now."
            yield Finding(f"ledger {ledger.origin}", State.FAIL, what, "Put the key's file back from your copy.")


# --- ledgers ----------------------------------------------------------------------------------------------------------


def check_ledger(workspace: Workspace, ledger: KnownLedger, newest: list[tuple[str, int]]) -> Iterator[Finding]:
    """Fold a whole ledger again: the file, every entry and signature, the tree, the signed checkpoint; of one that is
    kept here also whether its high-water file agrees.

    Adds the time of its newest stamp to ``newest``. Cost: as much as taking all of it in once.
    """
    subject = f"ledger {ledger.origin}"
    path = workspace.ledgers / ledger.file
    if not path.is_file():
        what = f"{path} is not there."
        recover = "Make it again from the newest copy: pourparler ledger recover FILE. Put no older file in its place."
        do = recover if ledger.kept_by else "Take a new copy: pourparler ledger take FILE"
        yield Finding(subject, State.FAIL, what, do)
        return
    try:
        with marks(workspace, ledger) as high_water, snapshot(path) as copied, closing(SqliteStore(copied)) as store:
            fold = replay(ledger.depositary, store)
            tree = Tree(ledger.depositary, fold.frontier, store)
            refused = read_only_because(tree, high_water, {})
    except (StoreError, PourparlerError, sqlite3.Error, OSError) as error:
        if no_room(error):
            do = "Make room, or let TMPDIR name a folder that has it."
            yield Finding(subject, State.WARN, "There is no room for a passing copy to look at.", do)
            return
        do = "Write nothing more to it. Keep the file, look at the disk, and put no older one in its place."
        if ledger.kept_by is None:
            do = "Move it aside, and take a new copy: pourparler ledger take FILE. Tell its depositary."
        yield Finding(subject, State.FAIL, plain(error), do)
        return
    stamp = fold.registry.stamp
    if stamp is None:
        yield Finding(subject, State.FAIL, "It holds nothing, not even its beginning.", "Is it the right file?")
        return
    newest.append((ledger.origin, stamp.time))
    whose = f"kept here with {ledger.kept_by}" if ledger.kept_by else "a copy"
    what = f"{fold.frontier.size:,} entries, {whose}: every signature good, the root is that of the checkpoint"
    yield Finding(subject, State.OK, what)
    if refused is not None:
        yield Finding(subject, State.FAIL, refused.what[:1].upper() + refused.what[1:], refused.do)
    elif high_water is not None:
        yield from check_place(workspace, ledger, high_water)


@contextmanager
def marks(workspace: Workspace, ledger: KnownLedger) -> Iterator[HighWaterFile | None]:
    """Give the high-water file of a ledger that is kept here, as it was before the ledger itself is looked at: whoever
    writes both writes the ledger first."""
    if ledger.kept_by is None:
        yield None
        return
    with closing(HighWaterFile(workspace.high_water_path(ledger), alone=False)) as high_water:
        yield high_water


def check_place(workspace: Workspace, ledger: KnownLedger, high_water: HighWaterFile) -> Iterator[Finding]:
    """Look whether what remembers a ledger could be put back together with it."""
    subject, where = f"ledger {ledger.origin}", high_water.path
    if high_water.spoilt:
        do = "Nothing: the next act mends it. If this is said again, look at the disk."
        yield Finding(subject, State.WARN, f"The last write of {where} was cut off.", do)
    elif workspace.folder.resolve() in where.resolve().parents:
        what = "its high-water file agrees; it stands in this folder, and would be put back to an earlier day with it"
        do = "Let it stand on another disk: pourparler ledger accept-head --high-water FILE"
        yield Finding(subject, State.OK, what, do)
    else:
        yield Finding(subject, State.OK, f"its high-water file, {where}, agrees")


def plain(error: Exception) -> str:
    """Return what failed, without the place of the passing copy that it failed in."""
    return re.sub(rf"\S*{LOOK}[^/]+/", "", " ".join(str(error).split())).rstrip(".") + "."


def no_room(error: Exception) -> bool:
    return getattr(error, "errno", 0) == errno.ENOSPC or getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
