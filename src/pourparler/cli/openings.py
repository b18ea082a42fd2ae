"""Openings of private red lines, kept at the desk for who may know the limit."""

from collections.abc import Iterable
from pathlib import Path

from pourparler.cli.session import Session
from pourparler.service.guard import Opening, read_opening
from pourparler.service.workspace import write_atomically


def openings(session: Session) -> list[Opening]:
    """Return the openings of private lines that lie at the desk."""
    return [read_opening(path.read_text("utf-8")) for path in (session.workspace.desk / "openings").glob("*.json")]


def keep_openings(session: Session, made: Iterable[Opening]) -> list[Path]:
    """Keep openings at the desk: whoever holds one knows the limit."""
    folder = session.workspace.desk / "openings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = []
    for opening in made:
        paths.append(folder / f"{opening.commitment.hex()}.json")
        session.made += [] if paths[-1].exists() else [paths[-1]]
        write_atomically(paths[-1], opening.written().encode())
    return paths
