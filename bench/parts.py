"""Where the time of an act goes: the program's own functions, timed from outside while they do their real work.

A part is a set of functions; what a part costs is the time spent in them and not in functions of another part below
them. Looking at the clock costs time too, and is taken off for each call. The shares come from a run of their own:
nothing is timed from inside while rates are measured.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from time import perf_counter
from typing import Any

REST = "queue, tickets, bookkeeping"
COLLECTING = "garbage collection"

# part -> the functions whose own time it is, as module:name. One that a later version no longer has is passed over.
PARTS: dict[str, tuple[str, ...]] = {
    "signature (Ed25519)": ("pourparler.core.encoding:verify_ed25519",),
    "signature: what is signed, and the key's hint": (
        "pourparler.core.council:verify_one",
        "pourparler.core.encoding:kid_of",
        "pourparler.core.encoding:to_be_signed",
    ),
    "decoding: envelope, payload, fields": ("pourparler.core.act:parse_act",),
    "hashing: the act's id": ("pourparler.core.encoding:act_id",),
    "hashing: heads of streams": ("pourparler.core.registry:stream_head",),
    "hashing: the tree": (
        "pourparler.service.intake:Fold.add_leaf",
        "pourparler.service.intake:Fold.grow",
        "pourparler.core.ledger:Frontier.root",
    ),
    "texts and clauses": (
        "pourparler.core.redline:parse_text",
        "pourparler.core.redline:text_digest",
        "pourparler.core.clauses:parse_clauses",
        "pourparler.service.intake:Texts.__call__",
    ),
    "red lines": ("pourparler.core.admission:check_lines",),
    "standing, powers, bounds": (
        "pourparler.core.authority:Register.check_speaker",
        "pourparler.core.authority:Register.check_standing",
        "pourparler.core.authority:Register.check_reported",
        "pourparler.core.authority:Register.note",
        "pourparler.core.admission:check_bounds",
        "pourparler.core.admission:check_limit",
    ),
    "fold: the dossier": ("pourparler.core.admission:fit", "pourparler.core.admission:admit_holder"),
    "fold: registry and streams": (
        "pourparler.core.registry:Registry.admit",
        "pourparler.core.registry:Registry.streams_of",
    ),
    "stamp: made and signed": ("pourparler.service.intake:Intake._stamp_act",),
    "stamp: taken in": ("pourparler.core.registry:Registry.enter",),
    "checkpoint: signed": ("pourparler.service.intake:sign_note_text", "pourparler.service.intake:signed_note"),
    "entry: its bytes": ("pourparler.core.encoding:Envelope.encoded",),
    "SQLite: rows": (
        "pourparler.store.sqlite:SqliteTransaction.append",
        "pourparler.store.sqlite:SqliteTransaction.put_text",
        "pourparler.store.sqlite:SqliteTransaction.set_checkpoint",
    ),
    "SQLite: begin, commit, sync": ("pourparler.service.intake:Intake._commit",),
    "receipts": ("pourparler.service.intake:Fold.receipt",),
}


@dataclass
class Shares:
    """Seconds and calls by part, and the whole."""

    seconds: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    whole: float = 0.0

    def add(self, part: str, seconds: float) -> None:
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
        self.calls[part] = self.calls.get(part, 0) + 1

    def told(self) -> list[tuple[str, float]]:
        """Return parts and their seconds, the largest first; the rest of the whole is a part, too."""
        look = cost_of_a_look()
        found = {part: max(0.0, spent - look * self.calls[part]) for part, spent in self.seconds.items()}
        looked = look * 2 * sum(self.calls.values())  # inside the part's own time, and around it
        found[REST] = max(0.0, self.whole - looked - sum(found.values()))
        return sorted(found.items(), key=lambda row: -row[1])


def cost_of_a_look(times: int = 20_000) -> float:
    """Return the seconds that one timed call takes beside its work, about half of it inside what it measures."""
    shares, stack = Shares(), [[0.0]]
    empty = looking(lambda: None, "empty", shares, stack)
    started = perf_counter()
    for _ in range(times):
        empty()
    return (perf_counter() - started) / times / 2


def looking(function: Callable[..., Any], part: str, shares: Shares, stack: list[list[float]]) -> Callable[..., Any]:
    """Return the function with a clock around it. ``stack`` holds what calls below have spent."""

    @wraps(function)
    def looked(*args: Any, **kwargs: Any) -> Any:
        below = [0.0]
        stack.append(below)
        started = perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            spent = perf_counter() - started
            stack.pop()
            shares.add(part, spent - below[0])
            stack[-1][0] += spent

    return looked


def find(name: str) -> tuple[Any, str, Any] | None:
    """Return where a function stands, as owner, attribute and value; None where there is none of that name."""
    module, _, path = name.partition(":")
    *owners, attribute = path.split(".")
    owner: Any = import_module(module)
    for step in owners:
        owner = getattr(owner, step, None)
    value = vars(owner).get(attribute) if owner is not None else None
    return (owner, attribute, value) if value is not None else None


def everywhere(owner: Any, attribute: str, value: Any) -> Iterator[tuple[Any, str]]:
    """Yield each place that holds a function: its class, or every module of ours that has imported it."""
    if isinstance(owner, type):
        yield owner, attribute
        return
    for name, module in list(sys.modules.items()):
        if name == "pourparler" or name.startswith("pourparler."):
            yield from ((module, known) for known, held in list(vars(module).items()) if held is value)


@contextmanager
def replaced(name: str, by: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Let another function stand for one of ours meanwhile, wherever it was imported. Raises :class:`KeyError` where
    there is none of that name."""
    found = find(name)
    if found is None:
        raise KeyError(name)
    owner, attribute, value = found
    places, other = list(everywhere(owner, attribute, value)), by(value)
    for place, known in places:
        setattr(place, known, other)
    try:
        yield
    finally:
        for place, known in places:
            setattr(place, known, value)


@contextmanager
def timed(shares: Shares) -> Iterator[None]:
    """Time the parts of whatever runs meanwhile."""
    stack = [[0.0]]
    begun = [0.0]

    def collecting(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            begun[0] = perf_counter()
            return
        spent = perf_counter() - begun[0]
        shares.add(COLLECTING, spent)
        stack[-1][0] += spent

    undo: list[tuple[Any, str, Any]] = []
    for part, names in PARTS.items():
        for owner, attribute, value in filter(None, map(find, names)):
            other = looking(value, part, shares, stack)
            for place, known in list(everywhere(owner, attribute, value)):
                undo.append((place, known, value))
                setattr(place, known, other)
    gc.callbacks.append(collecting)
    started = perf_counter()
    try:
        yield
    finally:
        shares.whole += perf_counter() - started
        gc.callbacks.remove(collecting)
        for place, known, value in reversed(undo):
            setattr(place, known, value)
