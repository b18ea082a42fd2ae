"""``pourparler init``: a workspace is made."""

from pathlib import Path

from pourparler.cli import words
from pourparler.cli.options import say_json
from pourparler.service.workspace import Workspace


def init(folder: Path, *, as_json: bool) -> int:
    """Make a workspace and say what comes next."""
    made = Workspace.create(folder)
    if as_json:
        say_json({"workspace": str(made.folder.resolve()), "keys": str(made.keys.resolve())})
        return 0
    screen = words.Screen()
    screen.line(f"This folder is a workspace now: {made.folder.resolve()}")
    screen.line("pourparler key new ann --role member", lead="  next: ")
    return 0
