"""Foreign programs: found, or built once into ``build/interop``, each of the version that ``interop.toml`` pins.

What cannot be had raises :class:`Absent` with the reason. A stranger's run skips the checks that need it; a run where
``CI`` is set fails, unless the list says that its absence is known.
"""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "interop"
BUILD_SECONDS = 420
# The last released version of a library whose newer one omniwitness names and not every proxy has.
MERKLE = "github.com/transparency-dev/merkle@v0.0.2"
NO_SUBTREES = """package proof

import "errors"

// VerifySubtreeConsistency refuses: this version has no such proofs, and nobody here asks for one.
func VerifySubtreeConsistency(...any) error { return errors.New("no subtree proofs in this build") }
"""


class Absent(Exception):
    """A foreign program that cannot be had here, and why."""


@functools.cache
def listed() -> dict[str, Any]:
    """Return what ``interop.toml`` says."""
    return tomllib.loads((ROOT / "interop.toml").read_text("utf-8"))


def excused(name: str) -> bool:
    """Return whether a tool may be absent even where ``CI`` is set."""
    return "CI" not in os.environ or "may_be_absent" in listed()["tools"][name]


@functools.cache
def go() -> str:
    """Return the path of a Go that is new enough. Raises :class:`Absent`."""
    found = shutil.which("go")
    if found is None:
        raise Absent("there is no Go here")
    said = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    version = [int(part) for part in re.findall(r"\d+", said)[:2]]
    if version < listed()["go"]["needs"]:
        raise Absent(f"Go is {said.strip()}, and these modules need {listed()['go']['needs']}")
    return found


@functools.cache
def program(name: str) -> Path:
    """Return the path of a program of Go, built if it is not there yet. Raises :class:`Absent`."""
    tool = listed()["tools"][name]
    target = BUILT / "bin" / name / tool["binary"] if "binary" in tool else BUILT / "bin" / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        if "install" in tool:
            run_go(["install", tool["install"]], ROOT, GOBIN=str(target.parent), GOFLAGS="-mod=mod")
        else:
            run_go(["build", "-o", str(target), tool["package"]], prepared(tool["module"]))
    return target


def prepared(module: str) -> Path:
    """Return a copy of a module of ours in which it can be built."""
    folder = BUILT / Path(module).name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / module, folder)
    if "./merkle" in (folder / "go.mod").read_text("utf-8"):
        said = run_go(["mod", "download", "-json", MERKLE], ROOT)
        fetched = re.search(r'"Dir": "(.*)"', said)
        assert fetched, said
        shutil.copytree(fetched[1], folder / "merkle", copy_function=shutil.copyfile)
        for path in (folder / "merkle").rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        (folder / "merkle" / "proof" / "subtree.go").write_text(NO_SUBTREES)
    return folder


def run_go(arguments: list[str], folder: Path, **surroundings: str) -> str:
    """Run the Go command; return what it says. Raises :class:`Absent` where it fails: a module that cannot be had."""
    done = subprocess.run(
        [go(), *arguments],
        cwd=folder,
        env={**os.environ, "GOTOOLCHAIN": "local", **surroundings},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no word of why"]
        raise Absent(f"go {' '.join(arguments)}: {last[0].strip()}")
    return done.stdout


def library(name: str) -> None:
    """Raise :class:`Absent` unless a library of Python is installed here."""
    if importlib.util.find_spec(listed()["tools"][name]["python"]) is None:
        raise Absent(f"{name} is not installed; it comes with the extra `test`")


@functools.cache
def scripts(name: str) -> Path:
    """Return the folder of a tool's commands, in an environment of its own, under a Python that the tool takes.

    Made once, from the lock that ``interop.toml`` names. Raises :class:`Absent`.
    """
    tool = listed()["tools"][name]
    interpreter = python_of(tuple(tool["python_needs"]))
    folder = BUILT / name
    done = folder / "made"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        made_by = [str(interpreter), "-m", "venv", str(folder)]
        said = subprocess.run(made_by, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
        install += ["--only-binary", ":all:", "--requirement", str(ROOT / tool["lock"])]
        if said.returncode == 0:
            said = subprocess.run(install, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
        if said.returncode:
            last = [line for line in said.stderr.strip().splitlines() if "ERROR" in line] or ["no word of why"]
            raise Absent(f"{name} cannot be installed: {last[-1].strip()}")
        done.touch()
    return folder / "bin"


def python_of(needs: tuple[int, int]) -> Path:
    """Return a Python that is new enough, from the path or among those that pyenv keeps. Raises :class:`Absent`."""
    called = [shutil.which(f"python3.{minor}") for minor in range(needs[1], needs[1] + 5)]
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin/python3")
    for found in (sys.executable, *filter(None, called), *map(str, sorted(kept))):
        asked = [found, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        if said.returncode == 0 and tuple(map(int, said.stdout.split())) >= needs:
            return Path(found)
    raise Absent(f"there is no Python {needs[0]}.{needs[1]} or newer here")
