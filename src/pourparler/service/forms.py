"""Forms: what people write in TOML, read into the fields of an act or into a text.

The fields are those of ``spec/act.md`` section 4, under the same names. A person writes names instead of ids, powers as
words, instants as dates, durations as ``"24h"``, seats as ``["ann", "bo"]`` or ``{ ann = 2, bo = 1 }``; sets need no
order. Nothing else is done to what is written: whether an act may be so is asked of the core afterwards.

>>> from pourparler.service.forms import read_duration
>>> read_duration("7 days", "suspension")
604800
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from pourparler.core import limits
from pourparler.core.act import ALL_POWERS, KINDS, Power, power_words
from pourparler.core.council import Depositary
from pourparler.core.encoding import Value, encode
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import parse_line, parse_text
from pourparler.service.guard import Opening
from pourparler.service.names import Names
from pourparler.service.workspace import WorkspaceError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPAN = re.compile(r"(\d{1,9})\s*([a-z]*)")
UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
WORDS = {"sec": "s", "second": "s", "min": "m", "minute": "m", "hour": "h", "day": "d", "week": "w"}


class FormError(WorkspaceError):
    """What somebody wrote cannot be read: where, and what belongs there."""

    def __init__(self, where: str, what: str, do: str = "") -> None:
        super().__init__(f"{where}: {what}", do or "Correct it, and try again; nothing was written.")


@dataclass(slots=True)
class Form:
    """Reads what people write. ``names`` finds ids; ``ledgers`` are those that are known, by origin; ``now`` is what
    relative instants count from. ``openings`` collects the openings of private lines, whose salts are made here."""

    names: Names
    ledgers: Mapping[str, Depositary]
    now: int
    chance: Callable[[int], bytes]
    openings: list[Opening] = field(default_factory=list)

    def fields(self, kind: str, written: Mapping[str, Any]) -> dict[str, Value]:
        """Return the fields of an act of this kind, as far as they are written. Raises :class:`FormError`."""
        row = KINDS.get(kind)
        if row is None:
            raise FormError(kind, "this is no kind of act", f"The kinds are: {', '.join(KINDS)}.")
        allowed = {*row.required, *row.optional, "at", "words"}
        found: dict[str, Value] = {}
        for name, value in written.items():
            if name not in allowed:
                raise FormError(
                    f"{kind}.{name}", "an act of this kind has no such field", f"It has: {', '.join(sorted(allowed))}."
                )
            found[name] = self.field(kind, name, value, name)
        return found

    def field(self, kind: str, name: str, value: Any, where: str) -> Value:
        reader = READERS_OF_KIND.get((kind, name)) or READERS.get(name)
        assert reader is not None, f"{kind}.{name} has no reader"
        return reader(self, value, where)

    # Ids and keys.

    def id(self, value: Any, where: str, *kinds: str) -> bytes:
        if not isinstance(value, str):
            raise FormError(where, f"the name or id of {kinds[0]} is text")
        try:
            return self.names.find(value, *kinds)
        except WorkspaceError as error:
            raise FormError(where, error.what, error.do) from None

    def ids(self, value: Any, where: str, *kinds: str) -> list[Value]:
        if isinstance(value, str):
            value = [value]
        return sorted({self.id(member, f"{where}[{n}]", *kinds) for n, member in enumerate(listed(value, where))})

    def holder(self, value: Any, where: str) -> Value:
        return self.committee(value, where) if isinstance(value, dict) else self.id(value, where, "key")

    def seats(self, value: Any, where: str) -> list[Value]:
        """Return seats from names of keys, from a table of names and weights, or from pairs."""
        if isinstance(value, dict):
            pairs = [(key, weight) for key, weight in value.items()]
        else:
            pairs = [
                (member[0], member[1]) if isinstance(member, list) and len(member) == 2 else (member, 1)
                for member in listed(value, where)
            ]
        return sorted([self.id(key, f"{where}.{key}", "key"), weight] for key, weight in pairs)

    def committee(self, value: Any, where: str) -> Value:
        read = self.table(value, where, {"keys": Form.seats, "needs": Form.plain})
        return {"needs": majority(read["keys"]), **read}

    def ledger(self, value: Any, where: str) -> Value:
        if isinstance(value, str):
            found = self.ledgers.get(value)
            if found is None:
                known = ", ".join(self.ledgers) or "none yet"
                raise FormError(where, f"no ledger {value!r} is known here", f"Known are: {known}.")
            return {"origin": found.origin, "key": found.key}
        return self.table(value, where, {"origin": Form.plain, "key": lambda form, v, w: form.id(v, w, "key")})

    # Parts.

    def table(self, value: Any, where: str, readers: Mapping[str, "Reader"]) -> dict[str, Value]:
        if not isinstance(value, dict):
            raise FormError(where, f"a table of {', '.join(readers)} belongs here")
        if unknown := value.keys() - readers.keys():
            raise FormError(f"{where}.{min(unknown)}", "there is no such entry", f"There is: {', '.join(readers)}.")
        return {name: readers[name](self, member, f"{where}.{name}") for name, member in value.items()}

    def organ(self, value: Any, where: str) -> Value:
        read = self.table(value, where, ORGAN)
        if "seats" in read:
            read.setdefault("needs", majority(read["seats"]))
        read.setdefault("powers", int(ALL_POWERS))
        return read

    def ballot(self, value: Any, where: str) -> Value:
        return self.table(value, where, {"open": Form.duration, "quorum": Form.plain, "share": Form.plain})

    def urgent(self, value: Any, where: str) -> Value:
        keys: Reader = lambda form, v, w: form.ids(v, w, "key")  # noqa: E731
        return self.table(value, where, {"keys": keys, "needs": Form.plain, "lapse": Form.duration})

    def powers(self, value: Any, where: str) -> int:
        if value == "all":
            return int(ALL_POWERS)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        total = Power(0)
        for name in [value] if isinstance(value, str) else listed(value, where):
            known = {word: power for power in Power for word in power_words(power)}
            if not isinstance(name, str) or name not in known:
                raise FormError(where, f"{name!r} is no power", f'The powers are: {", ".join(known)}; or "all".')
            total |= known[name]
        return int(total)

    def line(self, value: Any, where: str) -> Value:
        line = self.plain(value, where)
        try:
            parse_line(line)
        except PourparlerError as error:
            raise FormError(
                where, error.detail, 'A red line is a list like ["at-most", "price", ["EUR", "92.00"]].'
            ) from None
        return line

    def lines(self, value: Any, where: str) -> list[Value]:
        return [self.line(member, f"{where}[{n}]") for n, member in enumerate(listed(value, where))]

    def private(self, value: Any, where: str) -> list[Value]:
        """Return commitments to private lines; the openings are collected, each with a new salt."""
        made: list[Value] = []
        for number, member in enumerate(listed(value, where)):
            if isinstance(member, str):
                made.append(digits(member, f"{where}[{number}]", 32))
                continue
            opening = Opening(self.line(member, f"{where}[{number}]"), self.chance(16))
            self.openings.append(opening)
            made.append(opening.commitment)
        return made

    # Values.

    def instant(self, value: Any, where: str) -> int:
        return read_instant(value, where, self.now)

    def duration(self, value: Any, where: str) -> int:
        return read_duration(value, where)

    def hexed(self, value: Any, where: str) -> bytes:
        if not isinstance(value, str):
            raise FormError(where, "hex digits belong here")
        return digits(value, where)

    def plain(self, value: Any, where: str) -> Value:
        """Return a value as data: dates as text, no binary fractions."""
        match value:
            case float():
                raise FormError(where, f'write figures as text: "{value}"', "A binary fraction is not exact.")
            case datetime():
                at = value if value.tzinfo else value.replace(tzinfo=UTC)
                return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            case date():
                return value.isoformat()
            case dict():
                return {name: self.plain(member, f"{where}.{name}") for name, member in value.items()}
            case list():
                return [self.plain(member, f"{where}[{n}]") for n, member in enumerate(value)]
        return value

    def words(self, value: Any, where: str) -> list[Value]:
        """Return a set of identifiers."""
        return sorted(set(map(str, [value] if isinstance(value, str) else listed(value, where))))

    # Texts.

    def text(self, written: Mapping[str, Any]) -> bytes:
        """Return the text that a file states, with new random bytes unless it has them. Raises :class:`FormError`."""
        known = {"articles", "terms", "checks", "clauses", "random"}
        if unknown := written.keys() - known:
            raise FormError(min(unknown), "a text has no such part", f"It has: {', '.join(sorted(known))}.")
        value: dict[str, Value] = {
            "articles": {
                language: articles(listed_or_numbered, f"articles.{language}")
                for language, listed_or_numbered in table(written.get("articles", {}), "articles").items()
            },
            "terms": self.plain(written.get("terms", {}), "terms"),
            "random": digits(written["random"], "random", 16) if "random" in written else self.chance(16),
        }
        if "checks" in written:
            value["checks"] = self.plain(written["checks"], "checks")
        if "clauses" in written:
            value["clauses"] = self.table(written["clauses"], "clauses", CLAUSES)
        try:
            data = encode(value)
            _ = parse_text(data).parsed_clauses  # must be readable
        except PourparlerError as error:
            raise FormError("the text", f"{error.detail} [{error.reason}]") from None
        return data

    def condition(self, value: Any, where: str) -> Value:
        match value:
            case ["parties", list(listed_parties)]:
                return ["parties", self.ids(listed_parties, where, "party")]
            case str():
                return [value]
        return self.plain(value, where)

    def steps(self, value: Any, where: str) -> Value:
        return [
            ["at", self.instant(step[1], where)]
            if isinstance(step, list) and len(step) == 2 and step[0] == "at"
            else self.plain(step, where)
            for step in listed(value, where)
        ]

    def open_to(self, value: Any, where: str) -> Value:
        return "any" if value == "any" else self.ids(value, where, "party")


Reader = Callable[[Form, Any, str], Value]


def listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise FormError(where, "a list belongs here")
    return value


def table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormError(where, "a table belongs here")
    return value


def majority(seats: list[Value]) -> int:
    """Return more than half of the weight, where nobody says how much must sign."""
    weights = [weight for _, weight in seats]
    return sum(weights) // 2 + 1 if all(isinstance(weight, int) for weight in weights) else 1


def digits(value: Any, where: str, length: int | None = None) -> bytes:
    try:
        data = bytes.fromhex(value)
    except (TypeError, ValueError):
        raise FormError(where, "hex digits belong here") from None
    if length is not None and len(data) != length:
        raise FormError(where, f"{2 * length} hex digits belong here, and there are {2 * len(data)}")
    return data


def articles(value: Any, where: str) -> list[str]:
    """Return articles from a list, or from a table that numbers them."""
    if isinstance(value, dict):
        if list(value) != [str(n) for n, _ in zip(count(1), value, strict=False)]:
            raise FormError(where, "articles in a table are numbered 1, 2, 3, …")
        value = list(value.values())
    if not isinstance(value, list) or not all(isinstance(article, str) for article in value):
        raise FormError(where, "a list of articles belongs here, each in quotes")
    return [article.strip() for article in value]


def read_instant(value: Any, where: str, now: int) -> int:
    """Return an instant in seconds since 1970, from a date, ISO 8601, seconds, or ``in 7 days``.

    Raises :class:`FormError`.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and value.lstrip().startswith(("+", "in ")):
        seconds = now + read_duration(value.strip().removeprefix("+").removeprefix("in "), where)
    else:
        try:
            found = value if isinstance(value, (date, datetime)) else datetime.fromisoformat(value)
            if not isinstance(found, datetime):
                found = datetime(found.year, found.month, found.day, tzinfo=UTC)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
            seconds = (found - EPOCH) // timedelta(seconds=1)
        except (TypeError, ValueError, OverflowError):
            if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,15}", value):
                seconds = int(value)
            else:
                raise FormError(
                    where, f"{value!r} is no instant", 'Write 2027-01-31, 2027-01-31T12:00Z, or "in 14 days".'
                ) from None
    if not limits.TIME_MIN <= seconds <= limits.TIME_MAX:
        raise FormError(where, f"{value!r} lies outside the years 1 to 9999")
    return seconds


def read_duration(value: Any, where: str) -> int:
    """Return a duration in seconds, from seconds or ``24h``, ``7 days``. Raises :class:`FormError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = SPAN.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    unit = match[2] if match else "?"
    unit = unit if unit in UNITS else WORDS.get(unit.removesuffix("s"), "?")
    if match is None or unit not in UNITS:
        raise FormError(where, f"{value!r} is no duration", 'Write seconds, or "90m", "24h", "7 days", "2 weeks".')
    return int(match[1]) * UNITS[unit]


# --- which reader reads which field -----------------------------------------------------------------------------------


def id_of(*kinds: str) -> Reader:
    return lambda form, value, where: form.id(value, where, *kinds)


def ids_of(*kinds: str) -> Reader:
    return lambda form, value, where: form.ids(value, where, *kinds)


def pairs_of_keys(form: Form, value: Any, where: str) -> Value:
    pairs = [list(pair) for pair in value.items()] if isinstance(value, dict) else listed(value, where)
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise FormError(where, "pairs belong here: the key that goes, and the one that comes")
    return [[form.id(old, where, "key"), form.id(new, where, "key")] for old, new in pairs]


def passkeys(form: Form, value: Any, where: str) -> Value:
    readers: dict[str, Reader] = {
        "member": id_of("key"), "algorithm": Form.plain, "key": Form.hexed,
        "relying_party": Form.plain, "origin": Form.plain,
    }  # fmt: skip
    return [form.table(row, f"{where}[{n}]", readers) for n, row in enumerate(listed(value, where))]


def tables_of(readers: Mapping[str, Reader]) -> Reader:
    return lambda form, value, where: [
        form.table(row, f"{where}[{n}]", readers) for n, row in enumerate(listed(value, where))
    ]


def table_of(readers: Mapping[str, Reader]) -> Reader:
    return lambda form, value, where: form.table(value, where, readers)


def position(form: Form, value: Any, where: str) -> Value:
    """Return a place in a stream: how many acts, and the head after them."""
    pair = listed(value, where)
    if len(pair) != 2:
        raise FormError(where, "a number of acts and a head belong here")
    return [pair[0], form.hexed(pair[1], where)]


def attributed(form: Form, value: Any, where: str) -> Value:
    return None if value in ("", "nobody", "private") else form.id(value, where, "party")


ANY = ("act", "mandate", "dossier", "organ", "party", "text")
SEATING: dict[str, Reader] = {
    "needs": Form.plain,
    "until": Form.instant,
    "ballot": Form.ballot,
    "urgent": Form.urgent,
    "suspenders": ids_of("key"),
}
ORGAN: dict[str, Reader] = {
    "name": Form.plain,
    "seats": Form.seats,
    "powers": Form.powers,
    **SEATING,
    "votes": Form.powers,
    "superior": Form.plain,
    "subject": Form.powers,
    "lines": Form.lines,
}
CLAUSES: dict[str, Reader] = {
    "force": table_of({"when": Form.condition, "then": Form.steps}),
    "term": table_of({"until": Form.instant, "tacit": Form.plain, "notice_days": Form.plain, "earliest": Form.instant}),
    "scopes": Form.plain,
    "parties": ids_of("party"),
    "framework": id_of("dossier"),
    "open_from": Form.instant,
    "open_to": Form.open_to,
    "reservations": Form.plain,
    "objection_days": Form.plain,
    "provisional": Form.plain,
    "remedies": tables_of({"article": Form.plain, "does": Form.plain, "cure_days": Form.plain, "by": ids_of("party")}),
}
READERS: dict[str, Reader] = {
    "at": Form.instant,
    "words": Form.plain,
    "organ": id_of("organ"),
    "prior": id_of(*ANY),
    "by": id_of("mandate"),
    "dossier": id_of("dossier"),
    "text": id_of("text"),
    "about": id_of(*ANY),
    "to": Form.holder,
    "name": Form.plain,
    "nonce": Form.hexed,
    "home": Form.ledger,
    "ledger": Form.ledger,
    "organs": lambda form, value, where: [
        form.organ(row, f"{where}[{n}]") for n, row in enumerate(listed(value, where))
    ],
    "new": Form.organ,
    "suspension": Form.duration,
    "beacons": ids_of("key"),
    "dispatch": ids_of("key"),
    "recovery": table_of({"keys": ids_of("key"), "needs": Form.plain, "wait": Form.duration}),
    "seats": Form.seats,
    "needs": Form.plain,
    "until": Form.instant,
    "ballot": Form.ballot,
    "urgent": Form.urgent,
    "suspenders": ids_of("key"),
    "of": id_of("organ"),
    "theirs": id_of(*ANY),
    "passkeys": passkeys,
    "powers": Form.powers,
    "from": Form.instant,
    "lines": Form.lines,
    "private": Form.private,
    "scope": Form.words,
    "scopes": Form.words,
    "with": ids_of("party"),
    "ledgers": lambda form, value, where: [form.ledger(v, f"{where}[{n}]") for n, v in enumerate(listed(value, where))],
    "depth": Form.plain,
    "fresh": Form.duration,
    "cosign": table_of({"powers": Form.powers, "keys": ids_of("key"), "needs": Form.plain}),
    "limit": table_of({"path": Form.plain, "most": Form.plain, "ledger": Form.ledger}),
    "report": Form.duration,
    "duty": table_of({"kind": Form.plain, "by": Form.instant, "then": id_of("key")}),
    "replaces": id_of("mandate"),
    "witnessed": Form.plain,
    "class": table_of({"name": Form.plain, "certifier": id_of("key")}),
    "mandate": id_of("mandate", "key"),
    "holds": Form.powers,
    "duties": Form.words,
    "line": Form.plain,
    "salt": Form.hexed,
    "target": id_of("mandate", "key", "act"),
    "decides": Form.plain,
    "closes": Form.instant,
    "call": id_of("act"),
    "choice": Form.plain,
    "votes": ids_of("act"),
    "tally": Form.plain,
    "cites": ids_of(*ANY),
    "courses": Form.plain,
    "answer": Form.plain,
    "question": id_of("act"),
    "due": Form.instant,
    "party": id_of("party"),
    "serial": Form.plain,
    "count": Form.plain,
    "head": id_of(*ANY),
    "next": Form.instant,
    "parties": ids_of("party"),
    "rules": table_of(
        {
            "adopt": Form.plain,
            "begin": Form.plain,
            "counter": Form.plain,
            "join_by": Form.instant,
            "witnessed": Form.plain,
        }
    ),
    "sealed": Form.plain,
    "parent": id_of("dossier"),
    "by_time": Form.instant,
    "as": Form.plain,
    "texts": ids_of("text"),
    "answers": id_of("text"),
    "deadline": Form.instant,
    "reserves": Form.words,
    "total": Form.plain,
    "previous": id_of("act"),
    "signature": id_of("act"),
    "signs": ids_of("act"),
    "confirms": ids_of("act"),
    "seen": table_of({"dossier": position, "party": position}),
    "spines": ids_of(*ANY),
    "attributed": attributed,
    "article": Form.plain,
    "breach": id_of("act"),
    "remedy": Form.plain,
    "origin": Form.plain,
    "bound": Form.duration,
    "index": Form.plain,
    "follows": Form.plain,
    "streams": Form.plain,
}
READERS_OF_KIND: dict[tuple[str, str], Reader] = {
    ("recover", "seats"): pairs_of_keys,
    ("hand-over", "to"): id_of("organ"),
    ("say", "to"): id_of("party", "organ"),
    ("query", "to"): id_of("party", "organ"),
    ("reveal", "line"): Form.line,
    ("certify", "class"): id_of("mandate"),
    ("withdraw-certificate", "class"): id_of("mandate"),
}
