"""A scenario: a negotiation that happened, as data. Read from TOML; nothing here decides anything.

A :class:`Scenario` has actors (people and offices, each with a key of its own), sides (who may know what), ledgers,
parties, texts, and rows in the order of time. A :class:`Row` is one line of the chronology: when (an absolute instant;
both calendars for display), what (our own words, in English and French), where that is known from, and the acts that it
is in the product's words. A row without acts is a shown event.

An act names everything by symbols, never by digests: ``text = "armistice"``, ``mandate = "order"``. The player turns
them into ids, for they exist only once the real acts do. ``expect`` is what must become of the act: ``accepted``, or
``void`` or ``refused`` and the reason.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Words = Mapping[str, str]  # by language: "en", "fr"


class Nature(Enum):
    """What a row is: so that nobody takes the stage for the play."""

    HISTORY = "history"  # a row of the chronology
    STAGING = "staging"  # what the product needs and history did not write down, such as the making of keys
    WHAT_IF = "what-if"  # what nobody did, to show what would have become of it
    OUTSIDE = "outside"  # after the replay's end, told for what it shows


class Reading(Enum):
    """The two readings of the class mandate to every elected committee, after the two documents that report it."""

    OPEN = "open"  # they may open talks, and nothing more
    SIGN = "sign"  # they may sign a truce subject to the council's approval


@dataclass(frozen=True, slots=True)
class Actor:
    """Who can sign: a person in one role, or an office. One actor, one key."""

    id: str
    name: Words
    role: Words


@dataclass(frozen=True, slots=True)
class Side:
    """Who can know something: it reads these ledgers, and hears what a row tells it (``tells``)."""

    id: str
    name: Words
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What must become of an act: ``accepted``, ``void`` or ``refused``, and the reason where it is not accepted."""

    word: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.word} {self.reason}".strip()


@dataclass(frozen=True, slots=True)
class PlannedAct:
    """An act as the scenario states it. ``kind`` is one of the language, or ``notice``: an earlier act, named by
    ``of``, enters one more ledger."""

    id: str
    kind: str
    who: tuple[str, ...]
    fields: Mapping[str, Any]
    expect: Expected
    when: int | None = None  # where it comes later than its row begins
    ledgers: tuple[str, ...] = ()  # where it is logged, in this order; empty: the player finds out
    of: str = ""
    what: Words = field(default_factory=dict)  # a sentence for this act alone, where the row's is not enough
    news: Words = field(default_factory=dict)  # a short name under which sides know it, or do not know it yet
    nature: Nature = Nature.HISTORY


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the story. ``at`` is in seconds since 1970 (negative); ``old_style`` and ``new_style`` are for
    display only, as the sources give them."""

    id: str
    at: int
    old_style: str
    new_style: str
    what: Words
    act: str  # the product's words for it
    sources: tuple[str, ...]
    facts: tuple[int, ...]
    nature: Nature
    acts: tuple[PlannedAct, ...]
    tells: Mapping[str, tuple[str, ...]]  # side -> the acts that it hears of here without reading a ledger


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario. ``texts`` stay as written: the player makes bytes of them."""

    id: str
    title: Words
    about: Words
    calendars: Words
    sources: Mapping[str, str]
    actors: Mapping[str, Actor]
    sides: Mapping[str, Side]
    ledgers: Mapping[str, Mapping[str, Any]]
    parties: Mapping[str, Mapping[str, Any]]  # symbol -> name, the founding act, and where its acts give notice
    organs: Mapping[str, tuple[str, str]]  # symbol -> (party, the act that founds or constitutes it)
    texts: Mapping[str, Mapping[str, Any]]
    watch: tuple[Mapping[str, Any], ...]  # whose state to tell: dossier, text, party, between
    claim: Mapping[str, str]  # what the evidence proves at the end
    rows: tuple[Row, ...]

    def facts(self) -> dict[int, list[Row]]:
        """Return the rows that carry each numbered fact."""
        found: dict[int, list[Row]] = {}
        for row in self.rows:
            for number in row.facts:
                found.setdefault(number, []).append(row)
        return found


# --- reading ----------------------------------------------------------------------------------------------------------


def read_scenario(data: str, reading: Reading = Reading.SIGN) -> Scenario:
    """Return the scenario that TOML text states, in one of its readings.

    Raises :class:`tomllib.TOMLDecodeError`, and :class:`KeyError` or :class:`ValueError` where a part is missing or of
    another kind: a scenario is our own file, not foreign input.
    """
    value = tomllib.loads(data)
    return Scenario(
        id=value["id"],
        title=value["title"],
        about=value["about"],
        calendars=value["calendars"],
        sources=value["sources"],
        actors={actor.id: actor for name, given in value["actors"].items() for actor in read_actors(name, given)},
        sides={name: Side(name, given["name"], tuple(given["reads"])) for name, given in value["sides"].items()},
        ledgers=value["ledgers"],
        parties=value["parties"],
        organs={name: (given[0], given[1]) for name, given in value["organs"].items()},
        texts=value["texts"],
        watch=tuple(value["watch"]),
        claim=value["claim"],
        rows=tuple(sorted((read_row(row, reading) for row in in_reading(value["rows"], reading)), key=time_of)),
    )


def read_actors(name: str, given: Mapping[str, Any]) -> list[Actor]:
    """Return one actor, or as many as there are ``seats``: ``name-1``, ``name-2`` …"""
    if "seats" not in given:
        return [Actor(name, given["name"], given["role"])]
    return [
        Actor(f"{name}-{seat}", {tongue: f"{words} ({seat})" for tongue, words in given["name"].items()}, given["role"])
        for seat in range(1, given["seats"] + 1)
    ]


def time_of(row: Row) -> int:
    return row.at


def in_reading(values: Iterable[Mapping[str, Any]], reading: Reading) -> list[Mapping[str, Any]]:
    return [value for value in values if reading.value in value.get("readings", [reading.value])]


def of_reading(value: Any, reading: Reading) -> Any:
    """Return a value, or the one that it has in this reading: ``{ open = …, sign = … }``."""
    if isinstance(value, dict) and set(value) == {member.value for member in Reading}:
        return value[reading.value]
    return value


def read_row(value: Mapping[str, Any], reading: Reading) -> Row:
    nature = Nature(value.get("nature", "history"))
    acts = in_reading(value.get("acts", ()), reading)
    return Row(
        id=value["id"],
        at=seconds(value["at"]),
        old_style=value.get("os", ""),
        new_style=value.get("ns", ""),
        what={"en": of_reading(value["en"], reading), "fr": of_reading(value["fr"], reading)},
        act=value["act"],
        sources=tuple(value.get("sources", ())),
        facts=tuple(value.get("facts", ())),
        nature=nature,
        acts=tuple(read_act(act, f"{value['id']}.{number}", nature, reading) for number, act in enumerate(acts, 1)),
        tells={side: tuple(acts) for side, acts in value.get("tells", {}).items()},
    )


OF_THE_ACT = {"id", "kind", "who", "when", "expect", "ledgers", "of_act", "en", "fr", "news", "nature", "readings"}


def read_act(value: Mapping[str, Any], number: str, nature: Nature, reading: Reading) -> PlannedAct:
    expected = str(of_reading(value.get("expect", "accepted"), reading)).split(maxsplit=1)
    if expected[0] not in ("accepted", "void", "refused") or (len(expected) == 2) == (expected[0] == "accepted"):
        raise ValueError(f"{value.get('id', number)}: expect is accepted, or void or refused and a reason")
    return PlannedAct(
        id=value.get("id", number),
        kind=value["kind"],
        who=tuple(value.get("who", ())),
        fields={name: of_reading(given, reading) for name, given in value.items() if name not in OF_THE_ACT},
        expect=Expected(*expected),
        when=seconds(value["when"]) if "when" in value else None,
        ledgers=tuple(value.get("ledgers", ())),
        of=value.get("of_act", ""),
        what={language: of_reading(value[language], reading) for language in ("en", "fr") if language in value},
        news=value.get("news", {}),
        nature=Nature(value.get("nature", nature.value)),
    )


def seconds(value: datetime | str) -> int:
    """Return an instant with its offset from UTC as seconds since 1970."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        raise ValueError(f"{value}: an instant needs its offset from UTC")
    return int((instant - EPOCH).total_seconds())
