"""What is wrong with a field, told to whoever wrote it: in the words of files and options, and not of the wire.

The schema is the core's (:mod:`pourparler.core.act`), and so is what it finds wrong; its reason code is kept. Here it
is only said as a person would: *powers* is a word in a list, and no number; a set that is out of order names something
twice, since whatever reads what people write puts it in order.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, quoted
from pourparler.core.act import Power, power_words
from pourparler.core.encoding import Value
from pourparler.core.errors import Malformed

POWERS = frozenset({"powers", "holds", "votes", "subject"})
MUST_BE = re.compile(r"(?P<where>[\w.\[\]-]+) must be (?P<what>.+)")
LACKS = re.compile(r"(?P<where>[\w.\[\]-]+) lacks '(?P<what>\w+)'")
DO = "Correct it, and try again; nothing was sent. A file to start from: --example, or act draft KIND --example."

# What the schema expects, by how it says that, and what a person calls it.
EXPECTED: tuple[tuple[str, str], ...] = (
    (r"an integer from -\d{6,} to \d{6,}", "an instant in the years 1 to 9999"),
    (r"an integer from (\d+) to (\d+)", r"a whole number from \1 to \2"),
    (r"text of 1 to (\d+) bytes", r"text that is not empty, of \1 bytes at most,"),
    (r"a list of (\d+) to (\d+)", r"a list of \1 to \2 members"),
    (r"a digest of 32 bytes", "a name, or an id of 64 hex digits"),
    (r"an Ed25519 public key of 32 bytes", "the name of a key, or its 64 hex digits"),
    (r"a map", "a table"),
)


def ill_written(error: Malformed, kind: str, fields: Mapping[str, Value], called: Callable[[bytes], str]) -> Problem:
    """Return what is wrong with the fields of an act that somebody has written here."""
    if found := LACKS.fullmatch(error.detail):
        place, _ = placed(found["where"], kind, fields)
        name = power_hint(found["what"]) if found["what"] in POWERS else found["what"]
        return Problem(USAGE, f"{place or kind}: it is not said which {name}.", DO, reason=error.reason)
    if found := MUST_BE.fullmatch(error.detail):
        place, value = placed(found["where"], kind, fields)
        return Problem(USAGE, f"{place}: {expected(place, value, found['what'], called)}.", DO, reason=error.reason)
    return Problem(USAGE, f"{clean(error.detail or error.reason)}.", DO, reason=error.reason)


def placed(where: str, kind: str, fields: Mapping[str, Value]) -> tuple[str, Value]:
    """Return a place in an act as a person finds it, such as ``needs of the organ “board”``, and what stands there."""
    value: Any = dict(fields)
    steps: list[str] = []
    of = ""
    for step, index in re.findall(r"([\w-]+)((?:\[\d+\])*)", where.removeprefix(kind).removeprefix(".")):
        value = value.get(step) if isinstance(value, dict) else None
        steps.append(step.replace("_", " "))
        for number in re.findall(r"\d+", index):
            value = value[int(number)] if isinstance(value, list) and int(number) < len(value) else None
        if index and step == "organs" and isinstance(value, dict) and isinstance(value.get("name"), str):
            steps, of = [], f" of the organ {quoted(value['name'])}"
        elif index:
            steps[-1] += f" (number {int(index.strip('[]').split('][')[0]) + 1})"
    return ".".join(steps) + of, value


def expected(place: str, value: Value, what: str, called: Callable[[bytes], str]) -> str:
    """Return what belongs at a place, in a person's words."""
    if re.split(r"[. ]", place.partition(" of the organ ")[0])[-1] in POWERS:
        return power_hint("at least one power belongs here")
    if "ascending order" in what or "begin alike" in what:
        return f"{' and '.join(repeated(value, called)) or 'something'} is named twice"
    for pattern, words in EXPECTED:
        if re.fullmatch(pattern, what):
            return f"{re.sub(pattern, words, what)} belongs here{instead(value)}"
    return f"{what} belongs here{instead(value)}"


def instead(value: Value) -> str:
    return f", and not {value}" if isinstance(value, (int, float, bool)) else ""


def power_hint(said: str) -> str:
    return f"{said}: {', '.join(power_words(Power(2047)))}"


def repeated(value: Value, called: Callable[[bytes], str]) -> list[str]:
    """Return what a list names twice."""
    heads = [row[0] if isinstance(row, list) and row else row for row in value] if isinstance(value, list) else []
    twice = dict.fromkeys(head for head in heads if heads.count(head) > 1)
    return [called(head) if isinstance(head, bytes) else clean(str(head)) for head in twice]
