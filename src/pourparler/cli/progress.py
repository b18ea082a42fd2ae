"""How far something long has come: for two seconds nothing, then a bar at a terminal, or elsewhere a line at times."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from pourparler.cli.words import clean, count

QUIET_SECONDS = 2.0
LINE_SECONDS = 2.0
BAR_SECONDS = 0.1


class Progress:
    """Says how much of something is done, on standard error. A context; call it with what is done, and of how much."""

    def __init__(self, doing: str, *, quiet: bool = False, one: str = "entry", many: str = "entries") -> None:
        self.doing, self.quiet, self.one, self.many = doing, quiet, one, many
        self.begun = self.told = time.monotonic()
        self.bar: Any = None
        self.task: Any = None

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if self.quiet or now - self.begun < QUIET_SECONDS:
            return
        if sys.stderr.isatty():
            if now - self.told >= BAR_SECONDS:
                self.told = now
                self.draw(done, of)
        elif now - self.told >= LINE_SECONDS:
            self.told = now
            print(f"{self.doing}: {done:,} of {count(of, self.one, self.many)}", file=sys.stderr, flush=True)

    def draw(self, done: int, of: int) -> None:
        if self.bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self.bar = Bar(*columns, console=Console(file=sys.stderr), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.doing, total=of)
        self.bar.update(self.task, completed=done, total=of)

    def say(self, words: str) -> None:
        """Say something beside it, such as what is being tried again; some of it may be a stranger's words."""
        if not self.quiet:
            print(clean(words), file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()
