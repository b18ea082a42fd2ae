"""The workspace: one folder in which a person keeps keys, ledgers, names, and acts that wait for signatures.

::

    pourparler.toml     which ledgers are kept or copied here, names that people gave to ids, parties that are trusted
    keys/NAME.key       keys, encrypted (``keyring``)
    ledgers/…sqlite     ledgers that are kept here, and verified copies of other people's (``books``)
    ledgers/…high-water  up to where a ledger that is kept here has been acknowledged, unless that stands elsewhere
    desk/               acts that wait for signatures, openings of private red lines, texts

It is found by walking up from the current folder. Every change of the settings is read, changed and written again
under a lock, to a new file that takes the old one's place: two commands cannot lose each other's names, and a crash
leaves the old settings or the new ones.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pourparler.core.council import Depositary
from pourparler.core.redline import text_digest

FILE = "pourparler.toml"
FORMAT = "pourparler/1 workspace"
VARIABLE = "POURPARLER_WORKSPACE"
NAME = re.compile(r"[^\W_][\w.@+-]{0,63}")
HEX = re.compile(r"[0-9a-fA-F]+")
OPENED = re.compile(r"/dev/(stdout|stderr|fd/)|/proc/[^/]+/fd/")  # names of what a process has opened already
HEAD = f"""\
# A workspace of Pourparler. Names are yours to change; ids are not. Comments are not kept when a command writes.
format = "{FORMAT}"
"""


class WorkspaceError(Exception):
    """The workspace cannot do what was asked: what is wrong, and what to do about it.

    ``usage`` says that the command was given wrongly, and not that a file or disk failed.
    """

    cannot_tell = False  # whether it is neither: what is wanted is not known yet

    def __init__(self, what: str, do: str = "", *, usage: bool = True) -> None:
        super().__init__(what)
        self.what, self.do, self.usage = what, do, usage


@dataclass(frozen=True, slots=True)
class KnownLedger:
    """A ledger that this workspace holds: its own (``kept_by`` names the key that signs it), or a copy.

    ``high_water`` is where the high-water file of one's own stands, where that is not beside it.
    """

    origin: str
    key: bytes
    file: str
    kept_by: str | None = None
    high_water: str | None = None

    @property
    def depositary(self) -> Depositary:
        return Depositary(self.origin, self.key)


@dataclass(slots=True)
class Settings:
    """What ``pourparler.toml`` says."""

    ledgers: dict[str, KnownLedger] = field(default_factory=dict)
    names: dict[str, bytes] = field(default_factory=dict)
    trust: dict[bytes, str] = field(default_factory=dict)


class WallClock:
    """The machine's clock, in whole seconds since 1970."""

    def now(self) -> int:
        return int(time.time())


class Workspace:
    """One folder, opened. Reading it costs one small file."""

    def __init__(self, folder: Path) -> None:
        """Open the workspace in a folder. Raises :class:`WorkspaceError`."""
        self.folder = folder
        self.settings = self._read()

    # Where.

    @classmethod
    def create(cls, folder: Path) -> "Workspace":
        """Make a new workspace in a folder, which may have other files. Raises :class:`WorkspaceError`."""
        if (folder / FILE).exists():
            raise WorkspaceError(f"{folder} is a workspace already.", "Go on there; nothing was changed.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for part in ("keys", "ledgers", "desk"):
                (folder / part).mkdir(mode=0o700, exist_ok=True)
            write_atomically(folder / FILE, rendered(Settings()).encode())
        except OSError as error:
            raise WorkspaceError(
                f"{folder} cannot be made a workspace: {error.strerror or error}.",
                "Choose another folder.",
                usage=False,
            ) from error
        return cls(folder)

    @classmethod
    def find(cls, given: Path | None = None, start: Path | None = None) -> "Workspace":
        """Open the workspace that was given, or that the environment names, or the nearest one above ``start``."""
        named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
        if named is not None:
            if not (named / FILE).is_file():
                raise WorkspaceError(
                    f"{named} is no workspace: it has no {FILE}.", f"Make one: pourparler init {named}"
                )
            return cls(named)
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if is_settings(folder / FILE):
                return cls(folder)
        raise WorkspaceError(
            "there is no workspace here, nor in any folder above.",
            f"Make one with: pourparler init; or say where it is: --workspace DIR, or {VARIABLE}.",
        )

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def ledgers(self) -> Path:
        return self.folder / "ledgers"

    def forks(self) -> list[Path]:
        """Return what is kept to prove that a ledger told two stories, one file for each other story: a copy of it
        where there is one, else a checkpoint that a witness has seen."""
        kept = [*self.ledgers.glob("fork-*.note"), *self.ledgers.glob("fork-*.copy")]
        kept.sort(key=lambda path: (path.suffix == ".copy", not path.stem.endswith("-ours"), path.name))
        named = len("fork-") + 16  # and 16 digits of the other root
        return sorted({path.name[:named]: path for path in kept}.values())

    @property
    def desk(self) -> Path:
        return self.folder / "desk"

    def high_water_path(self, ledger: KnownLedger) -> Path:
        """Return where the high-water file of a ledger that is kept here stands."""
        return self.ledgers / (ledger.high_water or Path(ledger.file).with_suffix(".high-water").name)

    # Settings.

    def _read(self) -> Settings:
        path = self.folder / FILE
        try:
            return read_settings(tomllib.loads(path.read_text("utf-8")))
        except OSError as error:
            raise WorkspaceError(f"{path} cannot be read: {error.strerror or error}.", usage=False) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WorkspaceError(
                f"{path} is not the settings of a workspace: {error}.",
                "Correct the line, or put back what stood there.",
                usage=False,
            ) from error

    @contextlib.contextmanager
    def changing(self) -> Iterator[Settings]:
        """Give the settings as they stand now, to be changed; they are written on leaving without an exception."""
        with locked(self.folder / ".settings.lock"):
            settings = self._read()
            yield settings
            write_atomically(self.folder / FILE, rendered(settings).encode())
        self.settings = settings

    def give_name(self, name: str, identifier: bytes, *, stale: bool = False) -> None:
        """Let a name stand for an id. Raises :class:`WorkspaceError` where it is taken by another or is no name.

        ``stale`` says that the caller knows of nothing that the name could still stand for.
        """
        check_name(name)
        with self.changing() as settings:
            if settings.names.get(name, identifier) != identifier and not stale:
                raise WorkspaceError(
                    f"{name} already names {settings.names[name].hex()[:16]}….", "Choose another name with --name."
                )
            settings.names[name] = identifier

    def free_name(self, wanted: str) -> str:
        """Return the name, or with a number after it where it is taken."""
        base = re.sub(r"[^\w.@+-]+", "-", wanted.strip().lower()).strip("-._")[:56] or "unnamed"
        name, number = base, 1
        while name in self.settings.names:
            number += 1
            name = f"{base}-{number}"
        return name

    def name_of(self, identifier: bytes) -> str | None:
        """Return the name that somebody here gave to an id, or None. Of several the shortest."""
        found = [name for name, given in self.settings.names.items() if given == identifier]
        return min(found, key=len) if found else None

    def trust(self, party: bytes, how: str) -> None:
        """Note how a party's id was learnt; what was noted first stays unless this says more."""
        with self.changing() as settings:
            settings.trust[party] = how

    def trusted_now(self) -> set[bytes]:
        """Return the parties that are trusted now, also by what other commands have written since this was opened.
        Raises ``OSError`` where the settings cannot be read."""
        try:
            return set(self._read().trust)
        except WorkspaceError as error:
            raise OSError(error.what) from error

    # The desk.

    def text_path(self, digest: bytes) -> Path:
        """Return where a text lies, or would."""
        return self.desk / "texts" / digest.hex()

    def keep_text(self, data: bytes) -> bytes:
        """Keep a text at the desk; return its digest."""
        digest = text_digest(data)
        path = self.text_path(digest)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, data)
        return digest

    def text(self, digest: bytes) -> bytes | None:
        """Return a text that is kept at the desk, or None."""
        path = self.text_path(digest)
        data = path.read_bytes() if path.is_file() else None
        return data if data is not None and text_digest(data) == digest else None


# --- names ------------------------------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Raise :class:`WorkspaceError` for what could be mistaken for something else: an id, an option, a path."""
    if not NAME.fullmatch(name) or (HEX.fullmatch(name) and len(name) >= 8):
        raise WorkspaceError(
            f"{name!r} cannot be a name.",
            "A name begins with a letter or digit, has letters, digits and . _ @ + - (64 at most), and is not 8 or "
            "more hex digits.",
        )


def is_settings(path: Path) -> bool:
    """Return whether a file is a workspace's settings: not what another program calls by that name. One that has the
    format somewhere, or cannot be read, is; what is wrong with it is then said."""
    try:
        return path.is_file() and (FORMAT in path.read_text("utf-8") or not path.stat().st_size)
    except (OSError, ValueError):
        return True


# --- reading and writing ----------------------------------------------------------------------------------------------


def read_settings(value: Mapping[str, Any]) -> Settings:
    if value.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    ledgers = {
        origin: KnownLedger(origin, identifier(row["key"]), row["file"], row.get("kept_by"), row.get("high_water"))
        for origin, row in value.get("ledgers", {}).items()
    }
    names = {name: identifier(given) for name, given in value.get("names", {}).items()}
    trust = {identifier(party): str(how) for party, how in value.get("trust", {}).items()}
    return Settings(ledgers, names, trust)


def identifier(text: str) -> bytes:
    data = bytes.fromhex(text)
    if len(data) != 32:
        raise ValueError(f"{text!r} is not 64 hex digits")
    return data


def rendered(settings: Settings) -> str:
    """Return the settings as the text of their file."""
    lines = [HEAD]
    for origin, ledger in settings.ledgers.items():
        lines += [f"[ledgers.{quoted(origin)}]", f"key = {quoted(ledger.key.hex())}", f"file = {quoted(ledger.file)}"]
        lines += [f"kept_by = {quoted(ledger.kept_by)}"] if ledger.kept_by else []
        lines += [f"high_water = {quoted(ledger.high_water)}"] if ledger.high_water else []
        lines += [""]
    lines += ["[names]", *(f"{quoted(name)} = {quoted(given.hex())}" for name, given in settings.names.items()), ""]
    lines += ["# Parties whose evidence this workspace believes, and how each id was learnt."]
    lines += ["[trust]", *(f"{quoted(party.hex())} = {quoted(how)}" for party, how in settings.trust.items()), ""]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """Return a TOML basic string: JSON's, but for one sign that TOML escapes as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def special(path: Path) -> bool:
    """Return whether a path leads to something that data may be written into, and that no file may take the place of:
    a terminal, ``/dev/null``, what the shell has opened for us. Raises ``OSError`` for a folder, a disk or a named
    pipe: nothing may be written there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    opened = OPENED.match(os.path.abspath(path)) is not None  # noqa: PTH100  a link would lead past the name
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if stat.S_ISCHR(mode) or (opened and not stat.S_ISBLK(mode)):
        return True
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a disk, and no file", str(path))
    return False


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole or not at all: to a new one beside it, synced, that takes its place; or into a device (see
    :func:`special`), which nothing takes the place of. Raises ``OSError``."""
    if special(path):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY), "wb") as device:
            device.write(data)
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


@contextlib.contextmanager
def locked(path: Path, seconds: float = 5) -> Iterator[None]:
    """Hold a lock file. Raises :class:`WorkspaceError` where another command holds it for longer than we wait."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= deadline:
                    raise WorkspaceError(
                        f"another command is writing here (it holds {path}).",
                        "Wait for it, then try again.",
                        usage=False,
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
