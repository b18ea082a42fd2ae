"""The file: one negotiation a line. What a line must be to be replayed, and which line is not, and why.

A line that cannot be read is named with its number and left out; the others are replayed. What is readable and makes no
sense (a deal over four packages where there are three, somebody accepting his own deal) is *not* refused here: it
becomes acts like all else, and the law says what is wrong with them.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.encoding import check_text
from pourparler.core.errors import Malformed

SIDES = ("A", "B")
ITEMS = ("Food", "Water", "Firewood")
PACKAGES = 3  # of each item
WORTH = {"high": 5, "medium": 4, "low": 3}  # points for one package, by how much a person wants the item
POINTS_WITHOUT_A_DEAL = 5
OUTCOMES = ("agreed", "walked-away")
FIELDS = {"id", "split", "parties", "turns", "outcome"}
PERSON = {"priority", "reasons", "points", "satisfaction", "likes_other"}
TURNS = {
    "say": {"text"},
    "submit-deal": {"self_gets", "other_gets"},
    "accept-deal": set(),
    "reject-deal": set(),
    "walk-away": set(),
}

Shares = Mapping[str, Mapping[str, int]]  # side -> item -> packages


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. ``gets`` is who gets how many packages of what, in a submitted deal."""

    by: str
    kind: str
    text: str = ""
    gets: Shares | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """One negotiation as the file has it. ``wants`` orders each side's items: most wanted first."""

    line: int
    id: int
    wants: Mapping[str, tuple[str, ...]]
    points: Mapping[str, int]
    turns: tuple[Turn, ...]
    outcome: str

    def worth(self, side: str) -> dict[str, int]:
        """Return what one package of each item is worth to a side, in points."""
        by_rank = dict(zip(self.wants[side], WORTH.values(), strict=True))
        return {item: by_rank[item] for item in ITEMS}


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that could not be read: its number, from 1, and what is wrong with it."""

    line: int
    what: str


class Unreadable(Exception):
    """What is wrong with a line."""


def other(side: str) -> str:
    return SIDES[1 - SIDES.index(side)]


# --- lines ------------------------------------------------------------------------------------------------------------


def read_dialogues(lines: Iterable[bytes]) -> tuple[list[Dialogue], list[Fault]]:
    """Return the dialogues of a file, and a fault for every line that holds none. A blank line is neither."""
    lines_of: dict[int, int] = {}
    dialogues: list[Dialogue] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            dialogues.append(read_dialogue(line, number, lines_of))
        except Unreadable as fault:
            faults.append(Fault(number, str(fault)))
    return dialogues, faults


def read_dialogue(line: bytes, number: int, lines_of: dict[int, int]) -> Dialogue:
    """Return the dialogue on a line, and note on which line its id stands. Raises :class:`Unreadable`."""
    try:
        value = json.loads(line.decode(), object_pairs_hook=without_repetition)
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 (byte {error.start + 1})") from None
    except RecursionError:
        raise Unreadable("it is not JSON that anybody can read: it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"it is not JSON: {error}") from None
    given = fields(value, FIELDS, "the dialogue")
    named = fields(given["parties"], set(SIDES), "parties")
    people = {side: fields(named[side], PERSON, f"parties.{side}") for side in SIDES}
    dialogue = Dialogue(
        line=number,
        id=whole(given["id"], "id", limits.INTEGER_MAX),
        wants={side: read_priority(people[side]["priority"], f"parties.{side}.priority") for side in SIDES},
        points={side: whole(people[side]["points"], f"parties.{side}.points", 36) for side in SIDES},
        turns=tuple(read_turn(turn, f"turn {place}") for place, turn in enumerate(listed(given["turns"]), 1)),
        outcome=one_of(given["outcome"], OUTCOMES, "outcome"),
    )
    check_pending(dialogue.turns)
    if lines_of.setdefault(dialogue.id, number) != number:
        raise Unreadable(f"dialogue {dialogue.id} stands on line {lines_of[dialogue.id]} already")
    return dialogue


def without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def fields(value: object, names: set[str], where: str) -> dict[str, object]:
    """Return an object that has these fields and no others: what is not understood is not left aside in silence."""
    if not isinstance(value, dict):
        raise Unreadable(f"{where} is not an object")
    for name in sorted(names - set(value)):
        raise Unreadable(f"{where} lacks {name!r}")
    for name in sorted(set(value) - names):
        raise Unreadable(f"{where} has the unknown field {name!r}")
    return value


def listed(value: object) -> list[object]:
    if not isinstance(value, list) or not value:
        raise Unreadable("turns is not a list of at least one turn")
    return value


def whole(value: object, where: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Unreadable(f"{where} is not a whole number from 0 to {most}")
    return value


def one_of(value: object, words: Iterable[str], where: str) -> str:
    if not isinstance(value, str) or value not in words:
        raise Unreadable(f"{where} is {value!r}, not one of {', '.join(words)}")
    return value


def read_priority(value: object, where: str) -> tuple[str, ...]:
    ranks = fields(value, set(WORTH), where)
    wants = tuple(one_of(ranks[rank], ITEMS, f"{where}.{rank}") for rank in WORTH)
    if len(set(wants)) != len(ITEMS):
        raise Unreadable(f"{where} names an item twice")
    return wants


def read_turn(value: object, where: str) -> Turn:
    if not isinstance(value, dict):
        raise Unreadable(f"{where} is not an object")
    kind = one_of(value.get("kind"), TURNS, f"{where}: kind")
    given = fields(value, {"by", "kind"} | TURNS[kind], f"{where}, {kind},")
    by = one_of(given["by"], SIDES, f"{where}: by")
    if kind == "say":
        if not isinstance(given["text"], str):
            raise Unreadable(f"{where}: text is not text")
        return Turn(by, kind, text=given["text"])
    if kind == "submit-deal":
        mine, theirs = (read_share(given[name], f"{where}: {name}") for name in ("self_gets", "other_gets"))
        return Turn(by, kind, gets={by: mine, other(by): theirs})
    return Turn(by, kind)


def read_share(value: object, where: str) -> dict[str, int]:
    counts = fields(value, set(ITEMS), where)
    return {item: whole(counts[item], f"{where}.{item}", PACKAGES) for item in ITEMS}


def check_pending(turns: Iterable[Turn]) -> None:
    """Raise :class:`Unreadable` where a deal is answered and none is pending: no act could name its text."""
    pending = False
    for place, turn in enumerate(turns, 1):
        if turn.kind in ("accept-deal", "reject-deal") and not pending:
            raise Unreadable(f"turn {place}: {turn.kind}, and no deal is pending")
        if turn.kind != "say":
            pending = turn.kind == "submit-deal"


# --- what was said ----------------------------------------------------------------------------------------------------


def sayable(text: str) -> str:
    """Return a text as an act may hold it: in normalization form C, and with a lone surrogate or an invisible change of
    the reading direction written out, such as ``\\u202e``. Ordinary text comes back as it is."""
    if is_sayable(text):
        return text
    written = "".join(
        character if is_sayable(character) else f"\\u{ord(character):04x}"
        for character in unicodedata.normalize("NFC", text)
    )
    return unicodedata.normalize("NFC", written)  # a combining mark may now follow a letter of an escape


def is_sayable(text: str) -> bool:
    try:
        check_text(text)
    except Malformed:
        return False
    return True


def portions(text: str) -> list[str]:
    """Return a text in portions that one act's words can hold, cut between characters; none for an empty text."""
    if len(text.encode()) <= limits.LONG_TEXT_MAX_BYTES:
        return [text] if text else []
    found: list[str] = []
    start = size = 0
    for place, character in enumerate(text):
        length = len(character.encode())
        if size + length > limits.LONG_TEXT_MAX_BYTES:
            found.append(text[start:place])
            start, size = place, 0
        size += length
    return [*found, text[start:]]
