"""Scripts readable as prose: what somebody types, and what he then reads. Played on the real command line.

A script is a text file. What stands at the margin without a mark is prose.

    $ pourparler key new ann --role member      a command, as a person types it
    $ cd we                                     go into another folder, made if need be
    $ cp A B; cp -r A B; rm A; flip FILE        files: copied, removed, one bit changed; $ wait SECONDS
    $ cut A B                                   B is the first half of A
    made the member key ann                     below a command, by two blanks or more: what it says, in this order;
      ! word                                      … stands for anything; what is after "! " it must not say
      exit 3                                      its exit code; without this line it is 0
    $ serve FOLDER POLICY                       a witness serves from that workspace; POLICY becomes a file that asks
                                                for it, by all of its keys; $ stop FOLDER ends it
    -- mandate.toml --                          a file: all that follows up to a line "--"

The commands run in this process, for speed; one script is also played by processes of their own.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pourparler.core.act import Act
from pourparler.core.evidence import ledger_key
from pourparler.core.registry import parse_entry
from pourparler.service import keyring
from pourparler.service.drafting import draft
from pourparler.service.intake import Intake
from pourparler.service.workspace import WallClock, Workspace
from pourparler.store.sqlite import SqliteStore

ROOT = Path(__file__).resolve().parent.parent
Runner = Callable[[list[str]], tuple[int, str]]
FILE = re.compile(r"-- (\S+) --")


@dataclass
class Step:
    """One command with what is expected of it."""

    line: int
    command: list[str]
    says: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    code: int = 0


@dataclass
class Given:
    """A file that the script writes."""

    name: str
    lines: list[str] = field(default_factory=list)


def parse(text: str) -> list[Step | Given]:
    steps: list[Step | Given] = []
    writing: Given | None = None
    step: Step | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if writing is not None:
            if line.strip() == "--":
                writing = None
            else:
                writing.lines.append(line)
        elif found := FILE.fullmatch(line.strip()):
            writing, step = Given(found[1]), None
            steps.append(writing)
        elif line.startswith("$ "):
            step = Step(number, shlex.split(line[2:]))
            steps.append(step)
        elif step is not None and line.startswith("  "):
            expect(step, line.strip())
        elif line.strip():
            step = None
    return steps


def expect(step: Step, line: str) -> None:
    if found := re.fullmatch(r"exit (\d+)", line):
        step.code = int(found[1])
    elif line.startswith("! "):
        step.never.append(line[2:])
    else:
        step.says.append(line)


def play(script: Path, folder: Path, run: Runner, *, most: int | None = None) -> None:
    """Play a script, or so many of its steps, in an empty folder; raise :class:`AssertionError` with its line where it
    goes another way."""
    here = folder
    with contextlib.ExitStack() as ending:
        serving: dict[Path, subprocess.Popen[str]] = {}
        ending.callback(lambda: [stop(process) for process in serving.values()])
        for step in parse(script.read_text("utf-8"))[:most]:
            os.chdir(here)
            if isinstance(step, Given):
                (here / step.name).write_text(expand("\n".join(step.lines), here) + "\n", "utf-8")
            elif step.command[0] == "serve":
                there = (here / step.command[1]).resolve()
                serving[there] = serve(there, here / step.command[2])
            elif step.command[0] == "stop":
                assert stop(serving.pop((here / step.command[1]).resolve())) == 0
            else:
                here = go(step, here, script, run)


def serve(folder: Path, policy: Path) -> "subprocess.Popen[str]":
    """Start a witness in a process of its own; write the policy that asks for all of its keys, and for nobody else."""
    command = [sys.executable, "-m", "pourparler.cli.main", "witness", "serve", "--port", "0", "--json"]
    process = subprocess.Popen(
        command, cwd=folder, env=by_itself(), stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    names = ["one", "two"][: len(said["vkeys"])]
    lines = [f"witness {name} {vkey} {said['url']}" for name, vkey in zip(names, said["vkeys"], strict=True)]
    quorum = ["quorum one"] if len(names) == 1 else [f"group all all {' '.join(names)}", "quorum all"]
    policy.write_text("\n".join([*lines, *quorum, ""]), "utf-8")
    return process


def stop(process: "subprocess.Popen[str]") -> int:
    assert process.stdout is not None
    process.terminate()
    code = process.wait(30)
    process.stdout.close()
    return code


def go(step: Step, here: Path, script: Path, run: Runner) -> Path:
    name, *rest = step.command
    if name == "cd":
        there = (here / rest[0]).resolve()
        there.mkdir(parents=True, exist_ok=True)
        return there
    if name == "wait":
        time.sleep(float(rest[0]))
    elif name == "cp" and rest[0] == "-r":
        shutil.copytree(here / rest[1], here / rest[2])
    elif name == "rm" and rest[0] == "-r":
        shutil.rmtree(here / rest[1])
    elif name == "cut":
        data = (here / rest[0]).read_bytes()
        (here / rest[1]).write_bytes(data[: len(data) // 2])
    elif name == "cp":
        shutil.copy(here / rest[0], here / rest[1])
    elif name == "rm":
        (here / rest[0]).unlink()
    elif name == "foreign-holder":
        foreign_holder(here, *rest)
    elif name == "flip":
        data = bytearray((here / rest[0]).read_bytes())
        data[len(data) // 2] ^= 1
        (here / rest[0]).write_bytes(data)
    else:
        assert name == "pourparler", f"{script.name}:{step.line}: no command {name}"
        check(step, script, *run([expand(word, here) for word in rest]))
    return here


def expand(word: str, here: Path) -> str:
    """Return a word with ``ID(name)`` as the id that the workspace gave that name, and ``KEY(name)`` as the public key;
    ``ID(name@folder)`` is that of another workspace. ``ID-OF(kind)`` is the last act of that kind in its ledger,
    ``VKEY(origin)`` the key that verifies a ledger's checkpoints; of any other name, that of the first ledger."""

    def of(found: re.Match[str]) -> str:
        name, _, other = found[2].partition("@")
        folder = next(f for f in (here, *here.parents) if (f / "pourparler.toml").is_file())
        folder = folder.parent / other if other else folder
        if found[1] == "ID-OF":
            return last_of(folder, name)
        if found[1] == "VKEY":
            ledgers = Workspace(folder).settings.ledgers
            return ledger_key(ledgers.get(name, next(iter(ledgers.values()))).depositary).text
        if found[1] == "KEY":
            return str(json.loads((folder / "keys" / f"{name}.key").read_text("utf-8"))["public"])
        return str(tomllib.loads((folder / "pourparler.toml").read_text("utf-8"))["names"][name])

    return re.sub(r"(ID-OF|ID|VKEY|KEY)\(([^)]+)\)", of, word)


def foreign_holder(folder: Path, kind: str, text: str, mandate: str, key: str) -> None:
    """Let a holder act on a text with a program of his own, which asks no private line."""
    place = Workspace(folder)
    names, (ledger,) = place.settings.names, place.settings.ledgers.values()
    ring = keyring.Keyring(place.keys)
    signer = ring.signer(key, lambda _: os.environ["POURPARLER_PASSPHRASE"])
    kept = ring.signer(ledger.kept_by, lambda _: os.environ["POURPARLER_PASSPHRASE"])
    with contextlib.closing(
        Intake(SqliteStore(place.ledgers / ledger.file), kept, WallClock(), ledger.origin)
    ) as intake:
        dossier = intake.registry.dossiers[names[text.partition(".")[0]]]
        digest = list(dossier.papers)[int(text.partition(".")[2]) - 1]
        fields = {"by": names[mandate], "dossier": dossier.id, "text": digest}
        if kind == "sign-ad-referendum":
            register = intake.registry.register(intake.registry.party_of_mandate[names[mandate]])
            fields |= {"organ": register.mandate(names[mandate]).organ, "deadline": WallClock().now() + 86_400}
        assert intake.submit(draft(kind, fields).signed_by(signer).envelope.encoded()).void is None


def last_of(folder: Path, kind: str) -> str:
    """Return the id of the last act of a kind in the first ledger of a workspace."""
    (path, *_) = (folder / "ledgers").glob("*.sqlite")
    with contextlib.closing(SqliteStore(path)) as store:
        read = [parse_entry(entry.data) for entry in store.entries()]
    return [act for act in read if isinstance(act, Act) and act.kind == kind][-1].id.hex()


def check(step: Step, script: Path, code: int, said: str) -> None:
    where = f"{script.name}:{step.line}: {shlex.join(step.command)}\n{said}"
    assert code == step.code, f"exit code {code}, not {step.code}\n{where}"
    flowing, at = " ".join(said.split()), 0
    for line in step.says:
        pattern = ".*?".join(re.escape(" ".join(part.split())) for part in line.split("…"))
        found = re.compile(pattern).search(flowing, at)
        assert found, f"it does not say: {line}\n{where}"
        at = found.end()
    for line in step.never:
        assert line not in flowing, f"it says: {line}\n{where}"


def by_process(arguments: list[str]) -> tuple[int, str]:
    """Run a command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pourparler.cli.main", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        env=by_itself(),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def by_itself() -> dict[str, str]:
    """Return the environment of a process that runs this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
