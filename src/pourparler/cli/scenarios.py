"""Which scenarios there are: those that come with the package, or that lie beside its source.

A scenario is a TOML file; the first line of it is a comment that says in one sentence what it is about.
"""

from pathlib import Path

PLACES = (Path(__file__).parents[1] / "scenarios", Path(__file__).parents[3] / "scenarios")


def scenarios() -> dict[str, str]:
    """Return the names of the scenarios, each with its sentence, in the order of the names."""
    return {path.stem: sentence(path) for place in reversed(PLACES) for path in sorted(place.glob("*.toml"))}


JAMMED = "The dismissal again, by jammed radio: real sockets, 60% loss, a forger, a traitor on the wire. Who knows?"


def demos() -> dict[str, str]:
    """Return the names of all demos, each with its sentence: the scenarios, and the one that is played on sockets."""
    return scenarios() | {"jammed": JAMMED}


def sentence(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()


def written(name: str) -> str:
    """Return a scenario's text. Raises :class:`FileNotFoundError`."""
    for place in PLACES:
        if (place / f"{name}.toml").is_file():
            return (place / f"{name}.toml").read_text("utf-8")
    raise FileNotFoundError(f"the scenario {name} is not installed")
