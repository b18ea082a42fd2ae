"""What a text says of itself: when it enters into force, for how long, for what, with which remedies.

Specification: ``spec/dossier.md`` sections 5 to 7. Entry into force is computed and never signed: a *condition* over
the consents (all, so many, named parties, scopes covered), counted at each index, then *steps* from the log time at
which it was first met (at a date, after days, on the first day of a later month). Calendar steps are in UTC.

>>> from datetime import datetime, UTC
>>> met = int(datetime(2001, 4, 11, tzinfo=UTC).timestamp())
>>> datetime.fromtimestamp(date_of_effect(met, [["days", 60], ["month", 1]]), UTC).date().isoformat()
'2001-07-01'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pourparler.core import limits
from pourparler.core.encoding import DIGEST_BYTES, Value
from pourparler.core.errors import Malformed

DAY_SECONDS = 86_400
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be consented before a text enters into force: ``all``, ``count``, ``parties`` or ``scopes``."""

    rule: str = "all"
    count: int = 0
    names: frozenset[Value] = frozenset()


@dataclass(frozen=True, slots=True)
class Term:
    """How long a text is in force: until an instant, tacitly renewed or not, and how it may be denounced."""

    until: int | None = None
    tacit: bool = False
    notice_days: int | None = None
    earliest: int | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """A consequence for the agreement that was written before the breach: who may invoke it, after how long."""

    article: str
    does: str
    cure_days: int
    by: frozenset[bytes] | None


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of a text, read from its ``clauses`` map; a text without them enters into force when all consent."""

    condition: Condition = Condition()
    steps: tuple[tuple[str, int], ...] = ()
    term: Term = Term()
    scopes: frozenset[str] = frozenset()
    parties: frozenset[bytes] = frozenset()
    framework: bytes | None = None
    open_from: int | None = None
    open_to: frozenset[bytes] | None = frozenset()  # None: any party may accede
    reservations: frozenset[str] = frozenset()
    objection_days: int = 0
    provisional: bool = False
    remedies: tuple[Remedy, ...] = ()


def wrong(what: str) -> Malformed:
    return Malformed("text.clause", what)


def integer(value: Value, what: str, least: int = 0, most: int = limits.TIME_MAX) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise wrong(f"{what} is an integer from {least} to {most}")
    return value


def names(value: Value, what: str, kind: type) -> frozenset[Value]:
    if not isinstance(value, list) or len(value) > limits.IDENTIFIERS_MAX:
        raise wrong(f"{what} is a list of at most {limits.IDENTIFIERS_MAX}")
    if not all(isinstance(member, kind) for member in value):
        raise wrong(f"{what} are of another type than the format has")
    if kind is bytes and not all(len(member) == DIGEST_BYTES for member in value):
        raise wrong(f"{what} are ids of {DIGEST_BYTES} bytes")
    return frozenset(value)


def members(value: Value, what: str, allowed: set[str]) -> Mapping[str, Value]:
    if not isinstance(value, dict) or set(value) - allowed:
        raise wrong(f"{what} is a map of {', '.join(sorted(allowed))}")
    return value


def flag(value: Value, what: str) -> bool:
    if not isinstance(value, bool):
        raise wrong(f"{what} is true or false")
    return value


def parse_clauses(value: Mapping[str, Value]) -> Clauses:
    """Return the clauses that a text states. Raises :class:`Malformed` (``text.clause``)."""
    known = {"force", "term", "scopes", "parties", "framework", "open_from", "open_to"}
    given = members(dict(value), "clauses", known | {"reservations", "objection_days", "provisional", "remedies"})
    force = members(given.get("force", {}), "force", {"when", "then"})
    framework = given.get("framework")
    if framework is not None and not (isinstance(framework, bytes) and len(framework) == DIGEST_BYTES):
        raise wrong("framework is a dossier's id")
    remedies = given.get("remedies", [])
    if not isinstance(remedies, list) or len(remedies) > limits.CHECKS_MAX:
        raise wrong("remedies are a list")
    open_to = given.get("open_to", [])
    return Clauses(
        condition=parse_condition(force.get("when", ["all"])),
        steps=parse_steps(force.get("then", [])),
        term=parse_term(given.get("term", {})),
        scopes=names(given.get("scopes", []), "scopes", str),
        parties=names(given.get("parties", []), "parties", bytes),
        framework=framework,
        open_from=integer(given["open_from"], "open_from", limits.TIME_MIN, limits.TIME_MAX)
        if "open_from" in given
        else None,
        open_to=None if open_to == "any" else names(open_to, "open_to", bytes),
        reservations=names(given.get("reservations", []), "reservations", str),
        objection_days=integer(given.get("objection_days", 0), "objection_days", 0, 36_525),
        provisional=flag(given.get("provisional", False), "provisional"),
        remedies=tuple(map(parse_remedy, remedies)),
    )


def parse_condition(value: Value) -> Condition:
    match value:
        case ["all"]:
            return Condition()
        case ["count", int(count)]:
            return Condition("count", integer(count, "count", 1, limits.SEATS_MAX * 16))
        case ["parties", list(listed)] if listed:
            return Condition("parties", names=names(listed, "parties", bytes))
        case ["scopes", list(listed)] if listed:
            return Condition("scopes", names=names(listed, "scopes", str))
    raise wrong("when is all, count and a number, parties and ids, or scopes and names")


def parse_steps(value: Value) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, list) or len(value) > 8:
        raise wrong("then is a list of at most 8 steps")
    return tuple(map(parse_step, value))


def parse_step(value: Value) -> tuple[str, int]:
    match value:
        case ["at", int(time)]:
            return "at", integer(time, "at", limits.TIME_MIN, limits.TIME_MAX)
        case ["days", int(days)]:
            return "days", integer(days, "days", 0, 36_525)
        case ["month", int(months)]:
            return "month", integer(months, "month", 1, 1_200)
    raise wrong("a step is at and an instant, days and a number, or month and a number")


def parse_term(value: Value) -> Term:
    given = members(value, "term", {"until", "tacit", "notice_days", "earliest"})
    return Term(
        until=integer(given["until"], "until", limits.TIME_MIN, limits.TIME_MAX) if "until" in given else None,
        tacit=flag(given.get("tacit", False), "tacit"),
        notice_days=integer(given["notice_days"], "notice_days", 0, 36_525) if "notice_days" in given else None,
        earliest=integer(given["earliest"], "earliest", limits.TIME_MIN, limits.TIME_MAX)
        if "earliest" in given
        else None,
    )


def parse_remedy(value: Value) -> Remedy:
    given = members(value, "a remedy", {"article", "does", "cure_days", "by"})
    if given.get("does") not in ("suspend", "end", "publish", "revoke") or not isinstance(given.get("article"), str):
        raise wrong("a remedy names its article, and suspends, ends, publishes or revokes")
    by = names(given["by"], "by", bytes) if "by" in given else None
    return Remedy(given["article"], given["does"], integer(given.get("cure_days", 0), "cure_days", 0, 36_525), by)


def date_of_effect(met: int, steps: Sequence[Sequence[Value]]) -> int:
    """Return the instant of entry into force, from the instant at which the condition was met.

    ``at`` is the later of the two; ``days`` are of 86,400 seconds; ``month`` n is the first day, 00:00 UTC, of the n-th
    month after the month reached so far.
    """
    time = met
    for step, number in steps:
        match step:
            case "at":
                time = max(time, number)
            case "days":
                time = min(time + number * DAY_SECONDS, limits.TIME_MAX)
            case "month":
                time = first_of_month(time, number)
    return time


def first_of_month(time: int, months: int) -> int:
    """Return the first instant, in UTC, of the n-th month after the month of ``time``."""
    if time >= limits.TIME_MAX:
        return limits.TIME_MAX
    at = EPOCH + timedelta(seconds=time)
    month = at.year * 12 + at.month - 1 + months
    if month // 12 > 9999:
        return limits.TIME_MAX
    return int((datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) - EPOCH).total_seconds())
