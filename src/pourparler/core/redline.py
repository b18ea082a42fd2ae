"""Red lines: closed conditions on the terms of a text. Specification: ``spec/redline.md``.

A red line is data, never a program: an operator and its operands, such as ``["at-most", "unit-price", "92.00"]``. A
person reads it as a sentence (:func:`sentence`), and any language can evaluate it in an afternoon. The answer has three
values. A path that the terms lack, a value of another type, an amount in another currency: *cannot tell*, and only
*kept* passes. ``not`` keeps *cannot tell*, so that nothing passes by being absent; ``present`` and ``absent`` alone
are defined on a path that is missing. There is no arithmetic: the terms state each figure that a line needs.

This file also reads the text that the terms stand in: an object named by its digest that never changes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType

from pourparler.core import limits
from pourparler.core.clauses import Clauses, parse_clauses
from pourparler.core.encoding import Value, decode, digest
from pourparler.core.errors import Malformed, Refused

DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z)?", re.ASCII)
STEP = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class Answer(Enum):
    """What a red line answers; only ``KEPT`` passes."""

    KEPT = "kept"
    CROSSED = "crossed"
    CANNOT_TELL = "cannot tell"


# --- values in the terms ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Amount:
    """An exact decimal with its currency; the currency of a plain number is the empty text."""

    currency: str
    number: Decimal


def amount(value: Value) -> Amount | None:
    """Return the amount that a value states, or None: an integer, a decimal string, or ``[currency, decimal]``."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value):
        plain = amount(value[1])
        return Amount(value[0], plain.number) if plain and CURRENCY.fullmatch(value[0]) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Amount("", Decimal(value))
    if isinstance(value, str) and len(value) <= limits.DECIMAL_DIGITS_MAX and DECIMAL.fullmatch(value):
        return Amount("", Decimal(value))
    return None


def same(found: Value, wanted: Value, right: Amount | None) -> Answer:
    """Compare two values for equality: as exact amounts where both are amounts, else as values of one type.

    ``right`` is the amount that ``wanted`` states.
    """
    left = amount(found)
    if left and right:
        if left.currency != right.currency:
            return Answer.CANNOT_TELL
        return answer(left.number == right.number)
    if left or right or type(found) is not type(wanted) or isinstance(found, (list, dict)):
        return Answer.CANNOT_TELL
    return answer(found == wanted)


def ordered(found: Value, right: Amount | None, *, most: bool) -> Answer:
    left = amount(found)
    if not left or not right or left.currency != right.currency:
        return Answer.CANNOT_TELL
    return answer(left.number <= right.number if most else left.number >= right.number)


def timed(found: Value, wanted: Value, *, before: bool) -> Answer:
    """Compare two dates, or two instants in UTC: written alike, so that their texts sort as their times do."""
    if not (isinstance(found, str) and isinstance(wanted, str) and len(found) == len(wanted)):
        return Answer.CANNOT_TELL
    if not is_instant(found) or not is_instant(wanted):
        return Answer.CANNOT_TELL
    return answer(found < wanted if before else found > wanted)


def is_instant(value: str) -> bool:
    """Return whether a text is a date or an instant in UTC, and one that the calendar has."""
    try:
        return bool(INSTANT.fullmatch(value) and datetime.fromisoformat(value))
    except ValueError:
        return False


def answer(kept: bool) -> Answer:
    return Answer.KEPT if kept else Answer.CROSSED


ABSENT = object()


def look_up(terms: Value, path: str) -> Value:
    """Return the value at a dotted path, or :data:`ABSENT`."""
    for step in path.split("."):
        if not isinstance(terms, dict | MappingProxyType) or step not in terms:
            return ABSENT
        terms = terms[step]
    return terms


# --- lines ------------------------------------------------------------------------------------------------------------

COMPARING = ("equal", "not-equal", "at-least", "at-most", "before", "after")
LISTING = ("one-of", "none-of")
EXISTING = ("present", "absent")
JOINING = ("all", "any")


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A red line that was read and found well-formed; one object for each place where a line stands.

    ``figure`` is the amount that ``wanted`` states, if it is one. ``members`` are lines: those that are joined, or for
    a list of values one ``equal`` for each.
    """

    operator: str
    path: str = ""
    wanted: Value = None
    figure: Amount | None = None
    members: tuple["Line", ...] = ()


Evaluation = Callable[[Line, Mapping[str, Value]], Answer]


def parse_line(value: Value, depth: int = 0) -> Line:
    """Return the red line that a value states. Raises :class:`Malformed` (``line.malformed``, ``line.operator``)."""
    if depth > limits.LINE_DEPTH_MAX:
        raise Malformed("line.malformed", f"lines are nested {limits.LINE_DEPTH_MAX} deep at most")
    if not isinstance(value, list) or not value or not isinstance(value[0], str):
        raise Malformed("line.malformed", "a line is a list that begins with its operator")
    operator, operands = value[0], value[1:]
    if operator == "not" and len(operands) == 1:
        return Line(operator, members=(parse_line(operands[0], depth + 1),))
    if operator in JOINING and 1 <= len(operands) <= limits.LINES_MAX:
        return Line(operator, members=tuple(parse_line(member, depth + 1) for member in operands))
    if operator in EXISTING and len(operands) == 1:
        return Line(operator, parse_path(operands[0]))
    if operator in COMPARING and len(operands) == 2:
        return comparing(operator, parse_path(operands[0]), operands[1])
    if operator in LISTING and len(operands) == 2 and isinstance(operands[1], list):
        wanted = operands[1]
        if not 1 <= len(wanted) <= limits.IDENTIFIERS_MAX:
            raise Malformed("line.malformed", f"{operator} has 1 to {limits.IDENTIFIERS_MAX} members")
        path = parse_path(operands[0])
        return Line(operator, path, members=tuple(comparing("equal", path, member) for member in wanted))
    if operator not in (*COMPARING, *LISTING, *EXISTING, *JOINING, "not"):
        raise Malformed("line.operator", f"{operator!r} is no operator")
    raise Malformed("line.malformed", f"{operator} has other operands than the specification says")


def parse_path(value: Value) -> str:
    if not isinstance(value, str) or not all(STEP.fullmatch(step) for step in value.split(".")):
        raise Malformed("line.malformed", "a path is dotted names of letters, digits, - and _")
    return value


def comparing(operator: str, path: str, value: Value) -> Line:
    """Return the line that compares with a value; refuse one that can never be kept."""
    figure = amount(value)
    if operator in ("at-least", "at-most") and not figure:
        raise Malformed("line.malformed", f"{operator} compares with a number or an amount of money")
    if operator in ("before", "after") and not (isinstance(value, str) and is_instant(value)):
        raise Malformed("line.malformed", f"{operator} compares with a date or an instant in UTC")
    if isinstance(value, dict) or value is None or (isinstance(value, list) and not figure):
        raise Malformed("line.malformed", "a line compares with a single value")
    return Line(operator, path, value, figure)


def evaluate(line: Line, terms: Mapping[str, Value]) -> Answer:
    """Return what the line answers on these terms (``spec/redline.md`` section 4; Kleene's three values).

    Cost: at most one step for each line and each member, bounded when the line was parsed.
    """
    return EVALUATIONS[line.operator](line, terms)


def compared(compare: Callable[[Value, Line], Answer]) -> Evaluation:
    """Return how a line that compares is evaluated: what nobody states, nobody can compare."""

    def evaluation(line: Line, terms: Mapping[str, Value]) -> Answer:
        found = look_up(terms, line.path)
        return Answer.CANNOT_TELL if found is ABSENT else compare(found, line)

    return evaluation


def listed(line: Line, terms: Mapping[str, Value], decides: Answer) -> Answer:
    return joined([evaluate(member, terms) for member in line.members], decides=decides)


def negated(given: Answer) -> Answer:
    return {Answer.KEPT: Answer.CROSSED, Answer.CROSSED: Answer.KEPT}.get(given, given)


def joined(answers: Sequence[Answer], *, decides: Answer) -> Answer:
    """One deciding answer decides; else one *cannot tell* leaves it open; else the other answer."""
    if decides in answers:
        return decides
    return Answer.CANNOT_TELL if Answer.CANNOT_TELL in answers else negated(decides)


EVALUATIONS: Mapping[str, Evaluation] = {
    "not": lambda line, terms: negated(evaluate(line.members[0], terms)),
    "all": lambda line, terms: listed(line, terms, Answer.CROSSED),
    "any": lambda line, terms: listed(line, terms, Answer.KEPT),
    "one-of": lambda line, terms: listed(line, terms, Answer.KEPT),
    "none-of": lambda line, terms: negated(listed(line, terms, Answer.KEPT)),
    "present": lambda line, terms: answer(look_up(terms, line.path) is not ABSENT),
    "absent": lambda line, terms: answer(look_up(terms, line.path) is ABSENT),
    "equal": compared(lambda found, line: same(found, line.wanted, line.figure)),
    "not-equal": compared(lambda found, line: negated(same(found, line.wanted, line.figure))),
    "at-least": compared(lambda found, line: ordered(found, line.figure, most=False)),
    "at-most": compared(lambda found, line: ordered(found, line.figure, most=True)),
    "before": compared(lambda found, line: timed(found, line.wanted, before=True)),
    "after": compared(lambda found, line: timed(found, line.wanted, before=False)),
}


def steps(lines: Sequence[Line]) -> int:
    """Return how many evaluation steps the lines cost at most: one for each line, member and listed value."""
    return sum(1 + steps(line.members) for line in lines)


def parse_lines(values: Value) -> tuple[Line, ...]:
    """Return the lines of a mandate or organ. Raises :class:`Malformed` (``line.*``), also past the step budget."""
    lines = tuple(parse_line(value) for value in values or ())
    if steps(lines) > limits.LINE_STEPS_MAX:
        raise Malformed("line.too-costly", f"lines of one act cost {limits.LINE_STEPS_MAX} steps at most")
    return lines


def commitment(line: Value, salt: bytes) -> bytes:
    """Return the salted commitment that stands in a mandate for a private line: 32 bytes."""
    return digest("private-line", salt, line)


WORDS = {
    "equal": "{path} is {wanted}",
    "not-equal": "{path} is not {wanted}",
    "one-of": "{path} is one of {wanted}",
    "none-of": "{path} is none of {wanted}",
    "at-least": "{path} is at least {wanted}",
    "at-most": "{path} is at most {wanted}",
    "before": "{path} is before {wanted}",
    "after": "{path} is after {wanted}",
    "present": "{path} is stated",
    "absent": "{path} is not stated",
}


def sentence(line: Line) -> str:
    """Return the line as a person reads it, such as ``unit-price is at most EUR 92.00``."""
    if line.operator == "not":
        return f"it is not so that {sentence(line.members[0])}"
    if line.operator in JOINING:
        return {"all": " and ", "any": " or "}[line.operator].join(f"({sentence(member)})" for member in line.members)
    listed = [member.wanted for member in line.members] if line.operator in LISTING else [line.wanted]
    wanted = ", ".join(map(written, listed))
    return WORDS[line.operator].format(path=line.path, wanted=wanted)


def written(value: Value) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, bytes):
        return f"h'{value.hex()}'"
    if isinstance(value, str) and not amount(value) and not is_instant(value):
        return f"“{value}”"
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def check_lines_kept(lines: Sequence[Line], text: "Text", of: str = "mandate") -> None:
    """Raise :class:`Refused` (``line.crossed``, ``line.cannot-tell``) unless the text keeps every line.

    ``of`` says whose lines they are. The refusal never tells a limit: a counterparty must not learn it by probing.
    """
    for line in lines:
        match text.answer(line):
            case Answer.CROSSED:
                raise Refused("line.crossed", f"the text crosses a red line of the {of}")
            case Answer.CANNOT_TELL:
                raise Refused("line.cannot-tell", f"the terms do not state what a red line of the {of} needs")


# --- texts ------------------------------------------------------------------------------------------------------------


NO_CLAUSES = Clauses()


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that the terms must keep for the text to be adopted: ``path`` is the product or sum of ``of``."""

    operator: str
    path: str
    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A text: articles in one or more languages, terms, clauses. Where an article and the terms differ, the terms
    prevail. ``stated`` is what ``clauses`` say, or why nobody can read them: that stops a text only where it is asked.
    """

    digest: bytes
    articles: Mapping[str, Sequence[str]]
    terms: Mapping[str, Value]
    checks: tuple[Check, ...] = ()
    clauses: Mapping[str, Value] = field(default_factory=dict)
    stated: Clauses | Malformed = NO_CLAUSES
    answers: dict[Line, Answer] = field(default_factory=dict, repr=False, compare=False)

    def answer(self, line: Line) -> Answer:
        """Return what a line answers on the terms, worked out once: neither ever changes."""
        if line not in self.answers:
            self.answers[line] = evaluate(line, self.terms)
        return self.answers[line]

    @property
    def parsed_clauses(self) -> Clauses:
        """What the clauses say. Raises :class:`Malformed` (``text.clause``) where they are none."""
        if isinstance(self.stated, Malformed):
            raise Malformed(self.stated.reason, self.stated.detail)
        return self.stated


def text_digest(data: bytes) -> bytes:
    """Return the name of a text; its 16 random bytes make it a salted commitment, too."""
    return digest("text", data)


def parse_text(data: bytes) -> Text:
    """Return the text that ``data`` encodes. Raises :class:`Malformed` (``cbor.*``, ``text.malformed``)."""
    value = decode(data)
    if not isinstance(value, dict) or not {"articles", "terms", "random"} <= set(value):
        raise Malformed("text.malformed", "a text has articles, terms and random")
    if unknown := set(value) - {"articles", "terms", "random", "checks", "clauses"}:
        raise Malformed("text.malformed", f"unknown part {min(unknown)!r}")
    if not isinstance(value["random"], bytes) or len(value["random"]) != 16:
        raise Malformed("text.malformed", "random is 16 bytes")
    articles = value["articles"]
    if not isinstance(articles, dict) or not all(are_articles(listed) for listed in articles.values()):
        raise Malformed("text.malformed", "articles are lists of text, by language")
    if len({len(listed) for listed in articles.values()}) > 1:
        raise Malformed("text.malformed", "every language has the same number of articles")
    check_terms(value["terms"])
    clauses = value.get("clauses", {})
    if not isinstance(clauses, dict):
        raise Malformed("text.malformed", "clauses are a map")
    checks = tuple(map(parse_check, bounded(value.get("checks", []))))
    terms = MappingProxyType(value["terms"])
    return Text(
        text_digest(data), MappingProxyType(articles), terms, checks, MappingProxyType(clauses), read_clauses(clauses)
    )


def read_clauses(value: Mapping[str, Value]) -> Clauses | Malformed:
    if not value:
        return NO_CLAUSES
    try:
        return parse_clauses(value)
    except Malformed as error:
        return error.with_traceback(None)


def are_articles(value: Value) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= limits.ARTICLES_MAX
        and all(isinstance(article, str) and article for article in value)
    )


def check_terms(terms: Value) -> None:
    """Raise unless terms are a map whose names can stand in a path, at every level."""
    if not isinstance(terms, dict):
        raise Malformed("text.malformed", "terms are a map")
    for name, value in terms.items():
        if not STEP.fullmatch(name):
            raise Malformed("text.malformed", f"{name!r} cannot stand in a path")
        if isinstance(value, dict):
            check_terms(value)


def bounded(value: Value) -> list[Value]:
    if not isinstance(value, list) or len(value) > limits.CHECKS_MAX:
        raise Malformed("text.malformed", f"checks are a list of at most {limits.CHECKS_MAX}")
    return value


def parse_check(value: Value) -> Check:
    if not isinstance(value, list) or len(value) != 3 or value[0] not in ("product", "sum"):
        raise Malformed("text.malformed", "a check is [product or sum, path, paths]")
    if not isinstance(value[2], list) or not 2 <= len(value[2]) <= 16:
        raise Malformed("text.malformed", "a check names 2 to 16 paths")
    return Check(value[0], parse_path(value[1]), tuple(parse_path(path) for path in value[2]))


def holds(check: Check, terms: Mapping[str, Value]) -> Answer:
    """Return whether the figure is the product or the sum of the named ones, exactly.

    A sum needs one currency throughout; in a product at most one factor has a currency, and the result has the same.
    """
    figures = [amount(look_up(terms, path)) for path in (check.path, *check.of)]
    if any(figure is None for figure in figures):
        return Answer.CANNOT_TELL
    total, *parts = [figure for figure in figures if figure]
    currencies = [part.currency for part in parts if check.operator == "sum" or part.currency]
    if len(set(currencies)) > 1 or (check.operator == "product" and len(currencies) > 1):
        return Answer.CANNOT_TELL
    if total.currency != (currencies[0] if currencies else ""):
        return Answer.CANNOT_TELL
    computed = Decimal(0 if check.operator == "sum" else 1)
    for part in parts:
        computed = exact(computed, part.number, check.operator)
    return answer(computed == total.number)


def exact(left: Decimal, right: Decimal, operator: str) -> Decimal:
    """Add or multiply without rounding: on integers scaled by powers of ten."""
    (left_sign, left_digits, left_power), (right_sign, right_digits, right_power) = left.as_tuple(), right.as_tuple()
    first = int(Decimal((left_sign, left_digits, 0)))
    second = int(Decimal((right_sign, right_digits, 0)))
    if operator == "product":
        return scaled(first * second, int(left_power) + int(right_power))
    power = min(int(left_power), int(right_power))
    return scaled(first * 10 ** (int(left_power) - power) + second * 10 ** (int(right_power) - power), power)


def scaled(number: int, power: int) -> Decimal:
    return Decimal((0 if number >= 0 else 1, tuple(map(int, str(abs(number)))), power))
