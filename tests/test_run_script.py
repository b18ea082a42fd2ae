"""./run and the environment it keeps, without a network: a stand-in for uv links the packages of the running tests."""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools import environment

ROOT = Path(__file__).resolve().parent.parent
NEEDED = (
    "run",
    "requirements.lock",
    "docs/requirements.lock",
    "pyproject.toml",
    "tools/environment.py",
    "src/pourparler/__init__.py",
    ".ci/run",
)

STAND_IN_UV = f"""#!{sys.executable}
import os, pathlib, sys, time
if "--version" in sys.argv:
    sys.exit(print("uv 0.0.0"))
with open(os.environ["CALLS"], "a") as calls:
    calls.write("called\\n")
time.sleep(float(os.environ.get("SLOW", "0")))
if words := os.environ.get("FAILS"):
    sys.exit(words)
bin = pathlib.Path(sys.argv[sys.argv.index("--python") + 1]).parent
(packages,) = bin.parent.glob("lib/python*/site-packages")
(packages / "borrowed.pth").write_text({sysconfig.get_path("purelib")!r})
"""


class Checkout:
    """A copy of what ./run needs, with surroundings of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place / "check out"  # with a blank, as on somebody's desktop
        for name in NEEDED:
            target = self.place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target)
        self.calls = place / "calls"
        self.calls.touch()
        programs = place / "bin"
        programs.mkdir()
        (programs / "uv").write_text(STAND_IN_UV)
        (programs / "uv").chmod(0o755)
        # The interpreter outside the environment: a name that is no link into the one the tests run in.
        (programs / "python3").symlink_to(environment.base_python())
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("POURPARLER_", "PIP_", "UV_"))
        }
        self.variables = {**ours, "CALLS": str(self.calls), "PATH": f"{programs}{os.pathsep}/usr/bin{os.pathsep}/bin"}

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        surroundings = {**self.variables, **variables}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [str(self.place / "run"), *arguments], env=surroundings, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        child = self.start(*arguments, **variables)
        said, complained = child.communicate(timeout=60)
        return child.returncode, said, complained

    def installed(self) -> int:
        return len(self.calls.read_text().splitlines())


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


# The script itself.


def test_an_old_python_can_read_the_script():
    ast.parse((ROOT / "run").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.10"])
def test_an_old_python_is_told_so(checkout, version):
    pretend = f"import runpy, sys; sys.version_info = (*map(int, {version!r}.split('.')), 9, 'final', 0)"
    script = (
        f"{pretend}; sys.argv = ['run', 'test']; runpy.run_path({str(checkout.place / 'run')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 5
    assert f"python3 is Python {version}.9 here" in done.stderr
    assert "do:   install a newer one" in done.stderr


def test_an_old_python_that_is_really_there(checkout):
    old = next((p for p in map(shutil.which, ("python3.8", "python3.9", "python3.10")) if p), None)
    if old is None or subprocess.run([old, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("no older Python on PATH")
    done = subprocess.run(
        [old, checkout.place / "run", "test"], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "needs Python 3.11 or newer" in done.stderr) == (5, True)


def test_help_names_every_command_and_needs_no_environment(checkout):
    code, said, complained = checkout.run("help")
    assert (code, complained) == (0, "")
    words = (
        "demo",
        "test",
        "campaign",
        "simulate",
        "casino",
        "check",
        "vectors",
        "pourparler",
        "bench",
        "docs",
        "clean",
        "help",
    )
    for word in words:
        assert re.search(rf"^  {word}\b", said, re.MULTILINE)
    assert not (checkout.place / ".venv").exists()


def test_usage_errors_and_absent_parts(checkout):
    assert checkout.run("dance")[0] == 4
    assert checkout.run("check", "everything")[0] == 4
    for word in ("bench", "docs", "vectors", "campaign", "casino", "demo"):
        code, _, complained = checkout.run(word)
        assert (code, "is not there yet" in complained) == (4, True)


# The environment.


def test_it_is_made_once_and_again_when_the_lock_changes(checkout):
    code, said, complained = checkout.run("setup")
    assert (code, Path(said.strip())) == (0, checkout.place / ".venv" / "bin" / "python"), complained
    assert "making the environment" in complained
    assert checkout.run("setup") == (0, said, "")
    assert checkout.installed() == 1
    with (checkout.place / "requirements.lock").open("a") as lock:
        lock.write("# another version\n")
    code, again, complained = checkout.run("setup")
    assert (code, again) == (0, said)
    assert checkout.installed() == 2
    assert "this happens once" not in complained
    assert "has changed" in complained
    config = checkout.place / ".venv" / "pyvenv.cfg"
    config.write_text(re.sub(r"(?m)^version = .*", "version = 3.11.0", config.read_text()))
    with (checkout.place / "requirements.lock").open("a") as lock:
        lock.write("# a third, and what another Python made is found\n")
    assert "it was made with Python 3.11.0" in checkout.run("setup")[2]


def test_a_set_up_that_was_killed_is_done_again(checkout):
    child = checkout.start("setup", SLOW="1.5")
    while not checkout.installed():
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    # The installer outlives its parent and still writes; the second set-up waits for it.
    code, _, complained = checkout.run("setup")
    assert (code, checkout.installed()) == (0, 2), complained


def test_two_at_once_make_one_environment(checkout):
    both = [checkout.start("setup", SLOW="0.5") for _ in range(2)]
    assert [(child.communicate(timeout=60), child.returncode)[1] for child in both] == [0, 0]
    assert checkout.installed() == 1


def test_a_failed_installer_is_explained_and_tried_again(checkout):
    code, said, complained = checkout.run("setup", FAILS="error: Failed to fetch: the index\ndns error")
    assert (code, said) == (5, "")
    assert "why:  the package index cannot be reached" in complained
    assert "| dns error" in complained
    assert checkout.run("setup")[0] == 0


def test_a_foreign_environment_is_left_alone(checkout):
    theirs = checkout.place / ".venv" / "work"
    theirs.mkdir(parents=True)
    code, _, complained = checkout.run("setup")
    assert (code, "was not made by ./run" in complained, theirs.exists()) == (5, True, True)
    assert checkout.run("clean")[0] == 0
    assert theirs.exists()


def test_clean_removes_what_setup_made(checkout):
    before = sorted(p.relative_to(checkout.place) for p in checkout.place.rglob("*"))
    checkout.run("setup")
    assert checkout.run("clean") == (0, "", "")
    assert sorted(p.relative_to(checkout.place) for p in checkout.place.rglob("*")) == before


def test_another_place_is_respected(checkout, tmp_path):
    code, said, _ = checkout.run("setup", POURPARLER_VENV=str(tmp_path / "far" / "away"))
    assert (code, said.strip()) == (0, str(tmp_path / "far" / "away" / "bin" / "python"))
    assert not (checkout.place / ".venv").exists()


def test_the_documentation_has_an_environment_of_its_own(checkout):
    for name in ("sphinx", "myst_parser", "furo"):  # what the stand-in for uv has nowhere to borrow from
        (checkout.place / "src" / f"{name}.py").touch()
    (checkout.place / "docs" / "build.py").write_text("import sys; print(sys.prefix)")
    code, said, complained = checkout.run("docs")
    assert (code, Path(said.strip())) == (0, checkout.place / ".venv-docs"), complained
    assert "docs/requirements.lock" in complained
    assert not (checkout.place / ".venv").exists()
    with (checkout.place / "requirements.lock").open("a") as lock:
        lock.write("# another version\n")
    assert checkout.run("docs") == (0, said, "")
    with (checkout.place / "docs" / "requirements.lock").open("a") as lock:
        lock.write("# another version\n")
    assert "making the environment" in checkout.run("docs")[2]
    assert checkout.run("clean")[0] == 0
    assert not list(checkout.place.glob(".venv*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written_is_explained(checkout):
    checkout.place.chmod(0o555)
    code, _, complained = checkout.run("setup")
    checkout.place.chmod(0o755)
    assert (code, "why:  permission denied" in complained) == (5, True)


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "NewConnectionError: Temporary failure in name resolution\nNo matching distribution found",
            "cannot be reached",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "not the one"),
        ("error: Hash mismatch for `rich==15.0.0`", "not the one"),
        ("ERROR: No matching distribution found for libipld==3.5.0", "no ready-made file"),
        ("PermissionError: [Errno 13] Permission denied", "may not be written"),
        ("Segmentation fault", "its own words"),
    ],
)
def test_what_installers_say_is_understood(words, meaning):
    assert meaning in environment.explain(words)[0]


def test_an_altered_pip_is_refused(tmp_path):
    wheel = tmp_path / environment.PIP_WHEEL
    wheel.write_bytes(b"not pip")
    with pytest.raises(environment.SetUpFailed, match="not the file that this project pinned"):
        environment.checked(wheel)


# The lock.


LOCKS = [environment.MAIN.lock, environment.DOCS.lock]


def locked(lock: Path = environment.MAIN.lock) -> dict[str, list[Version]]:
    text = lock.read_text()
    versions: dict[str, list[Version]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ \\]+)", text, re.MULTILINE):
        versions.setdefault(canonicalize_name(name), []).append(Version(version))
    return versions


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.parent.name)
def test_every_locked_file_has_a_hash_and_no_index_is_named(lock):
    entries = re.split(r"\n(?=\w)", lock.read_text())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert len(pinned) >= 20
    assert all("--hash=sha256:" in entry for entry in pinned)
    assert "://" not in lock.read_text()


def test_the_lock_holds_everything_that_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(text for extra in project["optional-dependencies"].values() for text in extra),
    ]
    for requirement in map(Requirement, wanted):
        versions = locked().get(canonicalize_name(requirement.name))
        assert versions, f"{requirement} is not locked: ./run lock"
        assert all(version in requirement.specifier for version in versions), f"{requirement}: ./run lock"


def test_the_pages_are_made_with_the_versions_that_are_tested():
    pages = locked(environment.DOCS.lock)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for requirement in map(Requirement, wanted["dependency-groups"]["docs"] + wanted["project"]["dependencies"]):
        assert pages.get(canonicalize_name(requirement.name)), f"{requirement} is not locked: ./run lock"
    shared = pages.keys() & locked().keys()
    assert {name: pages[name] for name in shared} == {name: locked()[name] for name in shared}


# CI.


@pytest.mark.parametrize("fails", ["", "check", "test", "campaign"])
def test_ci_runs_everything_and_ends_with_the_data_sets(checkout, tmp_path, fails):
    script = checkout.place / "run"
    lines = (
        "import os, sys",
        "print('ran', sys.argv[1], 'with CI=' + os.environ['CI'])",
        f"sys.exit(sys.argv[1] == {fails!r})",
    )
    script.write_text("\n".join(("#!/usr/bin/env python3", *lines)))
    data = tmp_path / "data"
    for name in ("tessera-log", "casino"):
        (data / name).mkdir(parents=True)
    variables = {**checkout.variables, "POURPARLER_DATA": str(data), "CI": "true"}
    done = subprocess.run(
        [checkout.place / ".ci" / "run"], env=variables, cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == (1 if fails else 0)
    assert re.findall(r"ran (\w+) with CI=true", done.stdout) == ["check", "test", "campaign"]
    assert done.stdout.splitlines()[-1] == "data: casino, tessera-log"


def test_ci_says_when_there_is_no_data(checkout):
    (checkout.place / "run").write_text("#!/usr/bin/env python3\n")
    done = subprocess.run(
        [checkout.place / ".ci" / "run"], env=checkout.variables, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "data: none")
