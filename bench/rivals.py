"""The rivals: other people's programs, in an environment of their own, asked for one round at a time.

``bench/rivals.lock`` names them and what they need, each file by its hash. The environment stands beside ours, is made
when a line first needs it, and goes with ``./run clean``. A process in it (``rival_worker.py``) does a round when it is
asked, so that their rounds alternate with ours. Without a network those lines are skipped, with the reason.

What is in the lock: biscuit-python (Apache-2.0), tenuo (Apache-2.0), concordia-protocol (Apache-2.0), py-ucan (MIT; of
UCAN's earlier form as a JWT, for its bytes; it declares the installer poetry as a dependency, which it does not import,
and an old bound on cryptography: both are left out) and pymerkle (GPL-3.0-or-later: it runs in that process and nowhere
else; nothing of it is imported or shipped here).
"""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from tools import environment

LOCK = environment.RIVALS.lock
WORKER = environment.ROOT / "bench" / "rival_worker.py"
WANTED = ("biscuit-python>=0.4", "concordia-protocol>=0.10", "py-ucan>=1", "pymerkle>=7", "tenuo>=0.3")
OVERRIDES = ("poetry; python_version < '3'", "cryptography>=45")  # what they leave out stays out: --no-deps


class Unavailable(Exception):
    """The rivals cannot be run here: why."""


class Wrong(Exception):
    """A rival did not do what it was asked: its own words."""


# --- their environment ------------------------------------------------------------------------------------------------


def ready() -> Path:
    """Return the rivals' Python, in an environment that is made first if there is none or the lock has changed.

    Raises :class:`environment.SetUpFailed`, as ``./run`` does for our own.
    """
    return environment.ready(environment.RIVALS)


def refresh_lock() -> int:
    """Choose their versions anew and write them with their hashes; needs uv."""
    uv = environment.working_uv()
    if uv is None:
        raise environment.SetUpFailed("choosing versions needs uv.", "it is not on PATH", "pip install uv")
    newest = (datetime.now(UTC) - timedelta(days=environment.COOLDOWN_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    with TemporaryDirectory() as made:
        wanted, overrides = Path(made, "rivals.in"), Path(made, "overrides.in")
        wanted.write_text("\n".join(WANTED), "utf-8")
        overrides.write_text("\n".join(OVERRIDES), "utf-8")
        command = [uv, "pip", "compile", str(wanted), "--override", str(overrides), "--universal"]
        command += ["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-annotate"]
        command += ["--custom-compile-command", "./run bench --lock", "--exclude-newer", newest, "--quiet"]
        return subprocess.run([*command, "--output-file", str(LOCK)], cwd=made, check=False).returncode


# --- their process ----------------------------------------------------------------------------------------------------


class Rivals:
    """A process in the rivals' environment. Entering raises :class:`Unavailable` where there is none and none can be
    made; whatever is asked may raise :class:`Wrong`."""

    def __enter__(self) -> Self:
        try:
            python = ready()
        except environment.SetUpFailed as failure:
            raise Unavailable(reason(failure)) from failure
        command = [str(python), "-I", "-W", "ignore", str(WORKER)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.to, self.fro = self.process.stdin, self.process.stdout
        return self

    def __exit__(self, *raised: object) -> None:
        self.to.close()  # the worker ends when nobody can ask any more
        self.fro.close()
        self.process.wait(timeout=30)

    def ask(self, task: str, **details: Any) -> Any:
        """Let a task be done once; return what came of it."""
        self.to.write(json.dumps({"task": task, **details}) + "\n")
        self.to.flush()
        line = self.fro.readline()
        answer = json.loads(line) if line else {"error": "the rivals' process has ended"}
        if "error" in answer:
            raise Wrong(f"{task}: {answer['error']}")
        return answer["found"]

    def seconds(self, task: str, **details: Any) -> float:
        """Let a round be done; return the seconds for one unit of it, by the worker's clock."""
        return float(self.ask(task, **details))


def reason(failure: Exception) -> str:
    """Return the lines that say what failed and why, in one."""
    lines = [line.removeprefix("run: ").strip() for line in str(failure).splitlines()[:2]]
    return " ".join(lines).replace("why:  ", "").replace("why: ", "")
