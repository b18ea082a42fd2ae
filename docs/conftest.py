"""The pages run as they stand.

- A ``python`` block runs in its page's own namespace; each guide of ``how-to`` begins where its README's block ends.
- A ``console`` block is typed into a shell, in a folder of its page's own: what stands after ``$ `` is a command, what
  follows is what it says, with ``...`` for anything. A command may fail only where the page shows its exit code next,
  with ``echo $?``. Each guide begins with the folder that the blocks of its README leave behind.
- A ``toml`` block whose first line is ``# NAME.toml`` is written to that file.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

DOCS = Path(__file__).resolve().parent
HOW_TO = DOCS / "how-to"
MARK = "page-marks-the-end-of-a-command"
PROGRESS = re.compile(
    r"^(?:reading the ledger|writing the log|auditing the log): .*\n", re.MULTILINE
)  # where it takes a while


class Differs(Exception):
    """A command goes another way than its page says."""


class Shell:
    """A shell in a temporary folder, in which ``pourparler`` is the command of this checkout."""

    def __init__(self, begin: Path | None = None) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="page-")
        self.folder = Path(self.place.name) / "folder"
        shutil.copytree(begin, self.folder) if begin else self.folder.mkdir()
        programs = Path(self.place.name) / "bin"
        programs.mkdir()
        command = programs / "pourparler"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m pourparler.cli.main "$@"\n')
        command.chmod(0o755)
        (programs / "python3").symlink_to(sys.executable)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("POURPARLER_")}
        surroundings = {
            **ours,
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": self.place.name,
            "PROJECT": str(DOCS.parent),
            "PYTHONPATH": str(DOCS.parent / "src"),
            "PYTHONIOENCODING": "utf-8",
            "POURPARLER_PASSPHRASE": "only for trying",
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        pipe, both = subprocess.PIPE, subprocess.STDOUT
        self.process = subprocess.Popen(
            ["/bin/sh"], cwd=self.folder, env=surroundings, stdin=pipe, stdout=pipe, stderr=both, text=True
        )

    def run(self, command: str) -> tuple[int, str]:
        """Type a command; return its exit code and all that it said. The shell keeps folder, variables and ``$?``."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(
            f"{{ {command}\n}} </dev/null\ncode=$?; printf '\\n%s %s\\n' {MARK} $code; (exit $code)\n"
        )
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(MARK):
                return int(line.split()[1]), PROGRESS.sub("", "".join(said)).rstrip("\n")
            said.append(line)
        raise AssertionError(f"the shell ended: {''.join(said)}")

    def close(self) -> None:
        self.process.communicate()
        self.place.cleanup()


def commands(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block, each with what it is to say."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1] = (f"{found[-1][0]}\n{line[2:]}", [])
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(says)) for command, says in found]


def agrees(said: str, expected: str) -> bool:
    """Return whether a text is what a page shows, where ``...`` is anything and blanks are blanks."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in expected.split("..."))
    return re.fullmatch(r"\s*.*?\s*".join(parts), said.strip(), re.DOTALL) is not None


def type_in(shell: Shell, block: str) -> None:
    """Type a block's commands. Raises :class:`Differs` where one goes another way than the page says."""
    steps = commands(block)
    for (command, expected), (following, _) in zip(steps, [*steps[1:], ("", "")], strict=True):
        code, said = shell.run(command)
        if code and following != "echo $?":
            raise Differs(f"$ {command}\n{said}\n\nends with exit code {code}, which the page does not show")
        if expected and not agrees(said, expected):
            raise Differs(f"$ {command}\n{said}\n\nand the page has:\n{expected}")


def save(folder: Path, block: str) -> None:
    """Write a block that names its file."""
    if name := re.match(r"# (\S+\.toml)\n", block):
        (folder / name[1]).write_text(block, "utf-8")


@cache
def common_beginning() -> Shell:
    """Return the shell in which the README of the guides was typed, which is done once in a process."""
    shell = Shell()
    for language, block in blocks(HOW_TO / "README.md", "console|toml"):
        type_in(shell, block) if language == "console" else save(shell.folder, block)
    shell.process.communicate()
    return shell


def blocks(page: Path, languages: str) -> list[tuple[str, str]]:
    fences = re.compile(rf"^```({languages})\n(.*?)^```", re.DOTALL | re.MULTILINE)
    return fences.findall(page.read_text("utf-8"))


def shell_of(example: Example) -> Shell:
    """Return the shell of a page, made when it first needs one."""
    if "shell" not in example.namespace:
        guide = Path(example.path).parent == HOW_TO
        example.namespace["shell"] = Shell(common_beginning().folder) if guide else Shell()
    shell: Shell = example.namespace["shell"]
    return shell


def type_of(example: Example) -> None:
    """Type a block; the README's are typed once, for all guides."""
    if Path(example.path) == HOW_TO / "README.md":
        common_beginning()
    else:
        type_in(shell_of(example), example.parsed)


def begin(namespace: dict[str, Any]) -> None:
    """Give a guide what the README of the guides sets up."""
    exec("\n".join(block for _, block in blocks(HOW_TO / "README.md", "python")), namespace)


def end(namespace: dict[str, Any]) -> None:
    if "shell" in namespace:
        namespace["shell"].close()


CONSOLE = CodeBlockParser("console", type_of)
FILES = CodeBlockParser("toml", lambda example: save(shell_of(example).folder, example.parsed))
BLOCKS = Sybil([PythonCodeBlockParser(), CONSOLE, FILES])


class Page(pytest.File):
    """A page is one test: its blocks build on each other, and several processes may share the tests."""

    def collect(self) -> Iterator[pytest.Item]:
        yield Story.from_parent(self, name="blocks")


class Story(pytest.Item):
    def runtest(self) -> None:
        page = BLOCKS.parse(self.path)
        try:
            if self.path.parent == HOW_TO and self.path.name != "README.md":
                begin(page.namespace)
            for example in page.examples():
                try:
                    example.evaluate()
                except Exception as failure:
                    failure.add_note(f"{self.path.name}, line {example.line}")
                    raise
        finally:
            end(page.namespace)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        if isinstance(excinfo.value, Differs):
            return "\n".join([*excinfo.value.__notes__, "", str(excinfo.value)])
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, str(self.path.relative_to(DOCS))


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> Page | None:
    told = file_path in (DOCS / "tutorial.md", DOCS / "operating.md", DOCS / "simulate.md") or (
        file_path.parent == HOW_TO and file_path.suffix == ".md"
    )
    return Page.from_parent(parent, path=file_path) if told else None
