"""The environments that ./run keeps: each made once, from its hashed lock, with whatever installer this machine has.

``ready()`` is the whole interface: it returns the path of a Python in which every command works, and makes the
environment first if there is none, if the lock or Python changed, or if an earlier set-up was cut short. There are two:
``MAIN``, and ``DOCS``, which only ``./run docs`` asks for, so that nobody else waits for what draws pages.

- One lock for every installer: ``requirements.lock`` names each file by its hash and no index by its address, so that
  a machine's own index, mirror or proxy settings stay in force. Wheels only: nothing is built or fetched for building.
- Installers in order: uv; Python's own pip (ensurepip); a pip this Python already has (Debian's python3-pip); a pinned
  pip wheel, checked against its hash and run straight from the zip.
- The project itself is one line in a .pth file. The environment says in ``pourparler.json`` what it is: "making" from
  the first moment, and "ready" with a key over everything it depends on as the very last step.
- A file lock beside the environment: shared while a command uses it, exclusive while it is being made.
"""

import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
RECIPE = "1"  # raise it when make() changes what it makes
COOLDOWN_DAYS = 7  # a release younger than this is not locked: most poisoned ones are found and pulled within days
WAIT_SECONDS = 900
HEARTBEAT_SECONDS = 5

PIP_VERSION = "26.3"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
PIP_WHEEL = f"pip-{PIP_VERSION}-py3-none-any.whl"
PIP_WITH_PYTHON_OPTION = (22, 3)

CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis", "build", "dist")
STATE = "pourparler.json"
FOREIGN = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "__PYVENV_LAUNCHER__"}
VERSION = "{}.{}".format(*sys.version_info[:2])
HELD: list[IO[str]] = []  # open until this process ends
SOURCES = ("src", "tests", "spec", "tools", "docs", "examples", "bench")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What an environment is for: its lock, what is imported once before we say "ready", and where it stands."""

    lock: Path
    packages: str
    suffix: str = ""  # added to the name of the main environment's directory
    ours: bool = True  # whether we stand in it ourselves; otherwise its lock is whole, and nothing else comes in


MAIN = Purpose(ROOT / "requirements.lock", "nacl.bindings, libipld, rich, typer, pytest, pourparler")
DOCS = Purpose(ROOT / "docs" / "requirements.lock", "sphinx, myst_parser, furo, nacl.bindings, pourparler", "-docs")
RIVALS = Purpose(ROOT / "bench" / "rivals.lock", "biscuit_auth, concordia, tenuo, ucan", "-rivals", ours=False)


class SetUpFailed(Exception):
    """No environment: what failed, why, and what the person in front of the screen can do."""

    def __init__(self, what: str, why: str, do: str, heard: str = "") -> None:
        lines = [f"run: {what}", f"  why:  {why}", f"  do:   {do}"]
        if heard:
            lines += ["  the installer's last words:", *(f"    | {line}" for line in heard.splitlines()[-12:])]
        super().__init__("\n".join(lines))


@cache
def ready(purpose: Purpose = MAIN) -> Path:
    """The environment's Python. Takes up to a minute the first time, milliseconds afterwards.

    A shared lock is held until this process ends, so that nobody replaces an environment that is in use.
    """
    venv = place(purpose)
    with failures_explained(venv):
        try:
            handle = open_lock(venv)
        except OSError:
            if is_ready(venv, purpose):  # a checkout that may only be read, with a finished environment, is fine
                return venv / "bin" / "python"
            raise
        HELD.append(handle)
        while True:
            wait_for(handle, fcntl.LOCK_SH, venv)
            if is_ready(venv, purpose):
                return venv / "bin" / "python"
            fcntl.flock(handle, fcntl.LOCK_UN)
            if os.environ.get("POURPARLER_INSIDE") == str(venv):
                raise SetUpFailed(
                    f"{venv} no longer fits {purpose.lock.name}, and the ./run that started this one still uses it.",
                    "the lock, Python or the checkout's place changed while it ran",
                    "start the outer ./run again",
                )
            wait_for(handle, fcntl.LOCK_EX, venv)
            if not is_ready(venv, purpose):
                make(venv, purpose)
            fcntl.flock(handle, fcntl.LOCK_UN)


def held() -> tuple[int, ...]:
    """The lock, for a child to hold as well: if we are killed and it runs on, nobody pulls the floor from under it."""
    return tuple(handle.fileno() for handle in HELD)


def variables(purpose: Purpose = MAIN) -> dict[str, str]:
    """The surroundings for everything that runs inside the environment or fills it."""
    kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    return {
        **kept,
        "PATH": f"{place(purpose) / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(place(purpose)),
        "POURPARLER_INSIDE": str(place(purpose)),
        "PIP_USER": "0",  # somebody's pip.conf may say otherwise, which fails inside an environment
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }


def clean() -> None:
    """Remove the environments that are ours and unused, and every cache below the checkout."""
    for venv in (place(MAIN), place(DOCS), place(RIVALS)):
        with failures_explained(venv):
            remove(venv)
    with failures_explained(ROOT):
        for leftover in (ROOT / name for name in CACHES):
            if leftover.is_dir():
                shutil.rmtree(leftover)
        for measured in ROOT.glob(".coverage*"):
            measured.unlink()
        for source in (*SOURCES, "."):
            pattern = "__pycache__" if source == "." else "**/__pycache__"
            for compiled in (ROOT / source).glob(pattern):
                shutil.rmtree(compiled)


def remove(venv: Path) -> None:
    """Remove an environment that we made, once nobody uses it."""
    if is_ours(venv):
        handle = open_lock(venv)
        wait_for(handle, fcntl.LOCK_EX, venv)
        empty(venv)
        (venv / STATE).unlink(missing_ok=True)
        venv.rmdir()
        lock_path(venv).unlink(missing_ok=True)
        handle.close()
    elif venv.exists():
        say(f"{venv} was not made by ./run and stays")


def refresh_lock() -> int:
    """Choose versions anew and write them with their hashes. Run the whole test suite and ./run docs after it."""
    uv = working_uv()
    if uv is None:
        raise SetUpFailed("choosing new versions needs uv.", "it is not on PATH", "pip install uv, or see its manual")
    newest = (datetime.now(UTC) - timedelta(days=COOLDOWN_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    command = [uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-emit-index-url", "--upgrade", "--custom-compile-command", "./run lock"]
    command += ["--exclude-newer", newest, "--quiet"]
    # What both environments hold is the same version in both: the pages show the code as it is tested.
    for purpose, which in ((MAIN, ["--all-extras"]), (DOCS, ["--group", "docs", "--constraint", str(MAIN.lock)])):
        output = ["--output-file", str(purpose.lock.relative_to(ROOT))]
        code = subprocess.run([*command, *which, *output], cwd=ROOT, env=variables(), check=False).returncode
        if code:
            return code
    return 0


# Where it is and whether it is good.


def place(purpose: Purpose = MAIN) -> Path:
    """The directory of the environment; a link there is followed, since somebody may keep it on another disk."""
    named = Path(os.environ.get("POURPARLER_VENV") or ROOT / ".venv")
    return named.with_name(named.name + purpose.suffix).resolve()


def key(purpose: Purpose) -> str:
    """A digest of everything the environment depends on. If it changes, the environment is made anew."""
    where = (str(ROOT), str(place(purpose)))
    parts = (RECIPE, purpose.lock.read_text("utf-8"), sys.version, sys.base_prefix, platform.machine(), *where)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_state(venv: Path) -> dict[str, str]:
    """What the environment says of itself; nothing if it is absent, foreign or unreadable."""
    try:
        state = json.loads((venv / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(venv: Path, state: dict[str, str]) -> None:
    """Replace the file in one step, so that it is never half there."""
    fresh = venv / f"{STATE}.new"
    fresh.write_text(json.dumps(state), "utf-8")
    fresh.replace(venv / STATE)


def is_ready(venv: Path, purpose: Purpose) -> bool:
    return read_state(venv) == {"state": "ready", "key": key(purpose)} and os.access(venv / "bin" / "python", os.X_OK)


def is_ours(venv: Path) -> bool:
    """Whether we may empty it. A full disk may have kept us from writing more than the file's name."""
    return venv.is_dir() and any(child.name.startswith(STATE) for child in venv.iterdir())


def lock_path(venv: Path) -> Path:
    return venv.with_name(venv.name + ".lock")


def open_lock(venv: Path) -> IO[str]:
    lock_path(venv).parent.mkdir(parents=True, exist_ok=True)
    return lock_path(venv).open("a")


def wait_for(handle: IO[str], mode: int, venv: Path) -> None:
    """Take the lock; after two seconds say for what we wait, and give up after WAIT_SECONDS."""
    started = told = time.monotonic()
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(handle, mode | fcntl.LOCK_NB)
            return
        now = time.monotonic()
        if now - started > WAIT_SECONDS:
            raise SetUpFailed(
                f"another ./run has kept {venv} busy for {WAIT_SECONDS // 60} minutes.",
                "an environment is not replaced while a command runs in it",
                "stop the other one, or give this one its own: POURPARLER_VENV=/some/where ./run ...",
            )
        if now - told > HEARTBEAT_SECONDS or (told == started and now - started > 2):
            say(f"waiting for another ./run that makes or uses {venv} ({now - started:.0f} s)")
            told = now
        time.sleep(0.1)


# Making it.


def make(venv: Path, purpose: Purpose) -> None:
    """Make the environment from nothing; whatever stood there before was ours and does not count."""
    refuse_foreign(venv)
    say(f"making the environment in {venv} with Python {platform.python_version()}; {occasion(venv)}")
    started = time.monotonic()
    venv.mkdir(exist_ok=True)
    write_state(venv, {"state": "making"})
    empty(venv)
    create_bare(venv)
    install(venv, purpose)
    if purpose.ours:
        add_ourselves(venv)
    quiet = [] if purpose.ours else ["-W", "ignore"]  # what other people's packages deprecate is their affair
    watch([str(venv / "bin" / "python"), *quiet, "-c", f"import {purpose.packages}"], "trying what was installed")
    write_state(venv, {"state": "ready", "key": key(purpose)})
    say(f"the environment is ready ({time.monotonic() - started:.0f} s)")


def occasion(venv: Path) -> str:
    """Why it is made: for the first time, or anew, which whoever waits for it again wants to know."""
    if read_state(venv).get("state") != "ready":
        return "this happens once"
    with suppress(OSError):
        config = (venv / "pyvenv.cfg").read_text("utf-8")
        before = "".join(line.partition("=")[2].strip() for line in config.splitlines() if line.startswith("version ="))
        if before and before != platform.python_version():
            return f"it was made with Python {before}: start ./run with one and the same, and this happens once"
    return "what it was made from has changed, its packages or the Python"


def refuse_foreign(venv: Path) -> None:
    """Never delete what this script did not make."""
    if not venv.exists() or is_ours(venv) or (venv.is_dir() and not any(venv.iterdir())):
        return
    raise SetUpFailed(
        f"{venv} exists and was not made by ./run.",
        "it may be somebody's work, so it is left alone",
        "move it away, or choose another place: POURPARLER_VENV=/some/where ./run ...",
    )


def empty(venv: Path) -> None:
    """Remove everything but the word that it is ours: if we are killed here, the next ./run still recognises it."""
    for child in venv.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name != STATE:
            child.unlink()


def create_bare(venv: Path) -> None:
    """An environment without pip: this part of the standard library is there even where ensurepip is split off."""
    try:
        from venv import EnvBuilder
    except ImportError as missing:
        raise SetUpFailed(
            "this Python cannot make environments.",
            f"its standard library is incomplete ({missing})",
            f"Debian, Ubuntu: apt install python3-venv; elsewhere install a complete Python {VERSION}",
        ) from None
    try:
        EnvBuilder(symlinks=True, with_pip=False).create(venv)
    except ValueError as refused:
        do = "choose another place: POURPARLER_VENV=/some/where ./run ..."
        raise SetUpFailed(f"Python makes no environment in {venv}.", str(refused), do) from None


def install(venv: Path, purpose: Purpose) -> None:
    """Fill the environment from the lock with the first installer that works here."""
    python = str(venv / "bin" / "python")
    locked = ["--require-hashes", "--only-binary", ":all:", "--requirement", str(purpose.lock)]
    locked += [] if purpose.ours else ["--no-deps"]
    named = purpose.lock.relative_to(ROOT)
    wanted = os.environ.get("POURPARLER_INSTALLER", "")
    if wanted not in {"", "uv", "pip"}:
        raise SetUpFailed(f"POURPARLER_INSTALLER is {wanted!r}.", "only uv and pip are known", "set it to one of them")
    uv = None if wanted == "pip" else working_uv()
    if uv:
        command = [uv, "pip", "install", "--python", python, *locked]
        watch(command, f"installing what {named} names, with uv")
        return
    if wanted == "uv":
        raise SetUpFailed("there is no uv on PATH.", "POURPARLER_INSTALLER=uv asks for it", "install uv, or unset it")
    with TemporaryDirectory(prefix="pourparler-pip-") as scratch:
        pip = find_pip(python, Path(scratch))
        options = ["--progress-bar", "off", "--no-warn-script-location", "--no-compile", "--retries", "2"]
        watch([*pip, "install", *options, *locked], f"installing what {named} names, with pip")


def working_uv() -> str | None:
    """The uv on PATH, if it really runs: a version manager's shim may be there without the thing."""
    uv = shutil.which("uv")
    return uv if uv and output_of([uv, "--version"]) else None


def find_pip(python: str, scratch: Path) -> list[str]:
    """The beginning of a command that runs some pip for the environment's Python."""
    if output_of([python, "-c", "import ensurepip; print(ensurepip.version())"]):
        watch([python, "-m", "ensurepip", "--default-pip"], "unpacking Python's own pip")
        return [python, "-m", "pip"]
    present = output_of([base_python(), "-m", "pip", "--version"])
    version = re.match(r"pip (\d+)\.(\d+)", present)
    if version and (int(version[1]), int(version[2])) >= PIP_WITH_PYTHON_OPTION:
        return [base_python(), "-m", "pip", "--python", python]
    pin = scratch / "pip.txt"
    pin.write_text(f"pip=={PIP_VERSION} --hash=sha256:{PIP_SHA256}\n", "utf-8")
    if version:
        command = [base_python(), "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
        watch(
            [*command, "--dest", str(scratch), "--requirement", str(pin)],
            f"fetching pip {PIP_VERSION} with pip {version[0][4:]}",
        )
    elif index := configured_index():
        fetch_pip(index, scratch / PIP_WHEEL)
    else:
        raise SetUpFailed(
            f"there is nothing to install packages with: no uv, and Python {VERSION} came without pip and ensurepip.",
            "some systems split them off (Debian and Ubuntu do)",
            "Debian, Ubuntu: apt install python3-venv; elsewhere install uv, or a complete Python",
        )
    return [python, str(checked(scratch / PIP_WHEEL) / "pip")]


def configured_index() -> str:
    """The package index that this machine's settings name, or nothing. This project names none of its own."""
    if given := os.environ.get("PIP_INDEX_URL"):
        return given
    home = Path.home()
    named = (os.environ.get("PIP_CONFIG_FILE"), home / ".config/pip/pip.conf", home / ".pip/pip.conf", "/etc/pip.conf")
    settings = ConfigParser(interpolation=None)
    for path in (p for p in named if p):
        with suppress(ConfigError, UnicodeDecodeError):
            settings.read(path, "utf-8")
            if index := settings.get("global", "index-url", fallback=""):
                return index
    return ""


def fetch_pip(index: str, target: Path) -> None:
    """Fetch the pinned wheel from the machine's own index with nothing but the standard library."""
    say(f"fetching pip {PIP_VERSION} from the index that this machine's pip settings name")
    page = f"{index.rstrip('/')}/pip/"
    try:
        with urlopen(page, timeout=30) as answer:
            links = re.findall(r"""href=["']([^"']+)["']""", answer.read().decode("utf-8", "replace"))
        link = next((link for link in links if PIP_WHEEL in link), None)
        if link is None:
            raise SetUpFailed(f"the index has no {PIP_WHEEL}.", f"it answered with {len(links)} other files", NO_PIP)
        with urlopen(urljoin(page, link), timeout=60) as answer:
            target.write_bytes(answer.read())
    except URLError as error:
        raise SetUpFailed("the package index cannot be reached.", f"{error.reason}", NO_NETWORK) from None


def checked(wheel: Path) -> Path:
    """The wheel, if its bytes are the pinned ones."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != PIP_SHA256:
        raise SetUpFailed(
            f"{wheel.name} is not the file that this project pinned.",
            f"its SHA-256 is {found}",
            "do not use this index",
        )
    return wheel


def add_ourselves(venv: Path) -> None:
    """Put src on the path and the console script into bin: all that an editable installation would do."""
    paths = sysconfig.get_paths("venv", {"base": str(venv), "platbase": str(venv)})
    Path(paths["purelib"], "pourparler.pth").write_text(f"{ROOT / 'src'}\n", "utf-8")
    script = venv / "bin" / "pourparler"
    # Through /bin/sh: a path with blanks, or a long one, does not fit behind "#!".
    script.write_text(
        f"""#!/bin/sh
'''exec' "{venv}/bin/python" "$0" "$@"
' '''
import sys
from pourparler.cli.main import main
sys.exit(main())
""",
        "utf-8",
    )
    script.chmod(0o755)


# Running and explaining.


def base_python() -> str:
    """The Python outside any environment: somebody may have activated one, perhaps the very one to be replaced."""
    base = str(getattr(sys, "_base_executable", sys.executable))
    return base if os.access(base, os.X_OK) else sys.executable


def output_of(command: list[str]) -> str:
    """What a question to a program prints; empty if it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables(), check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def watch(command: list[str], what: str) -> None:
    """Run one step of the set-up, say now and then that it is alive, and explain it if it fails."""
    say(what)
    heard: deque[str] = deque(maxlen=400)
    child = subprocess.Popen(
        command,
        cwd="/",  # what pyproject.toml tells uv is for choosing versions, not for installing them
        env=variables(),
        pass_fds=held(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    reader = threading.Thread(target=listen, args=(child, heard), daemon=True)
    reader.start()
    started = told = time.monotonic()
    try:
        while child.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if now - told > HEARTBEAT_SECONDS:
                say(f"  {now - started:.0f} s: {heard[-1][:90] if heard else 'nothing heard yet'}")
                told = now
    except BaseException:
        child.terminate()
        child.wait()
        raise
    reader.join(timeout=5)
    if child.returncode:
        text = "\n".join(heard)
        why, do = explain(text)
        raise SetUpFailed(f"{what}: failed with exit code {child.returncode}.", why, do, text)


def listen(child: subprocess.Popen[bytes], heard: deque[str]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        if text := line.decode("utf-8", "replace").strip():
            heard.append(text)


NO_SPACE = "free about 500 MB for it and for caches, or put it on another disk: POURPARLER_VENV=/some/where ./run ..."
NO_NETWORK = (
    "connect, or name an index that you can reach (pip: PIP_INDEX_URL, uv: UV_DEFAULT_INDEX); then run this again"
)
NO_PIP = "install uv, or a Python with ensurepip (Debian, Ubuntu: apt install python3-venv)"

# What an installer says, and what it means: the first that is found decides.
UNREACHABLE = """newconnectionerror|connection (refused|reset|broken)|name resolution|name or service
nodename nor servname|dns error|timed? ?out|network is unreachable|failed to fetch|error sending request|max retries
request failed after|proxyerror|cannot connect to proxy|sslerror|certificate|client error|connect error"""
MEANINGS = (
    ("no space left|errno 28|os error 28|disk quota", "the disk is full, or a quota is reached", NO_SPACE),
    (
        "do not match the hashes|hash mismatch|hashes are required",
        "a file is not the one that requirements.lock names: the index has altered files, or the lock is damaged",
        "git checkout requirements.lock; if it stays, do not use this index, and please report it",
    ),
    (UNREACHABLE.replace("\n", "|"), "the package index cannot be reached from here", NO_NETWORK),
    (
        "permission denied|errno 13|errno 30|read-only|operation not permitted",
        "something there may not be written or run",
        "make it writable, or put the environment elsewhere: POURPARLER_VENV=/some/where ./run ...",
    ),
    (
        "no matching distribution|no wheels|no compatible|unsatisfiable|not a supported wheel|only-binary",
        f"a package has no ready-made file for Python {platform.python_version()} on {platform.platform(terse=True)}",
        "use CPython 3.11 to 3.14 on Linux or macOS (x86_64 or arm64); or ./run lock, if newer versions have one",
    ),
)


def explain(text: str) -> tuple[str, str]:
    """Why an installer failed and what to do about it, as far as its words tell."""
    for pattern, why, do in MEANINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return why, do
    return "its own words below say", "repair that, then run this again; ./run clean starts over from nothing"


@contextmanager
def failures_explained(venv: Path) -> Iterator[None]:
    """Turn what the operating system refuses into what a person can do about it."""
    try:
        yield
    except OSError as error:
        what = f"the environment in {venv} could not be made."
        where = f" ({error.filename})" if error.filename else ""
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise SetUpFailed(what, f"the disk is full, or a quota is reached{where}", NO_SPACE) from None
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            do = "make the place writable, or choose another: POURPARLER_VENV=/some/where ./run ..."
            raise SetUpFailed(what, f"{os.strerror(error.errno).lower()}{where}", do) from None
        raise SetUpFailed(what, f"{error}", "repair that, then run this again") from None


def say(line: str) -> None:
    """Progress goes to standard error: the output of a command stays clean."""
    print(f"run: {line}", file=sys.stderr, flush=True)
