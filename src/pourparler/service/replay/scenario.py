"""A scenario: a negotiation that happened, as data. Read from TOML; nothing here decides anything.

A :class:`Scenario` has actors (people and offices, each with a key of its own), sides (who may know what), ledgers,
parties, texts, and rows in the order of time. A :class:`Row` is one line of the chronology: when (an absolute instant;
both calendars for display), what (our own words, in English and French), where that is known from, and the acts that it
is in the product's words. A row without acts is a shown event.

An act names everything by symbols, never by digests: ``text = "armistice"``, ``mandate = "order"``. The player turns
them into ids, for they exist only once the real acts do. ``expect`` is what must become of the act: ``accepted``, or
``void`` or ``refused`` and the reason.

A scenario may have several *readings*: what is told otherwise in each (two sources that differ, two ways it could have
gone). Rows and acts say in which ``readings`` they are; a value that differs is a table with one entry a reading.
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


@dataclass(frozen=True, slots=True)
class Actor:
    """Who can sign: a person in one role, or an office. One actor, one key. A member's passkey is an actor of its own:
    ``passkey`` holds its ``member``, its ``relying_party`` and its ``origin``."""

    id: str
    name: Words
    role: Words
    passkey: Mapping[str, str] | None = None


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
    unguarded: bool = False  # the holder goes round his own signer, which would refuse


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the story. ``at`` is in seconds since 1970, before it negative; ``old_style`` and ``new_style`` are
    for display only, as the sources give them; ``note`` says what the row shows that no numbered fact does."""

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
    note: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading, from an instant on."""

    since: int
    title: Words


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a numbered fact shows, said once: at the row named, or at the first that carries the fact. Where it
    ``turns``, the story does."""

    fact: int
    words: Words
    row: str = ""
    turns: bool = False


@dataclass(frozen=True, slots=True)
class Clocks:
    """What people saw on their clocks until an instant: places with their hours from UTC; the days are those of the
    last place, and where it kept another calendar, that is so many days behind."""

    until: int
    places: tuple[tuple[Words, int], ...]
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole scenario in one of its ``readings``. ``texts`` stay as written: the player makes bytes of them.

    ``claim`` is what the evidence is to prove, and with ``expect`` the verdict that it must meet if not VALID; ``says``
    is a sentence on it. Of two acts it may say which serve the tests of the evidence: ``change``, whose bytes are
    changed, and ``leave_out``. ``also`` are further claims as of the same moment, in the same form.
    """

    id: str
    reading: str
    main: str  # the reading that is meant where none is named
    readings: Mapping[str, Words]  # each with the sentence that says what it is
    title: Words
    about: Words
    calendars: Words  # how to read the dates; empty where they need no word
    differs: Words  # what is said before another reading is told after this one
    clocks: Clocks | None
    chapters: tuple[Chapter, ...]
    lessons: tuple[Lesson, ...]
    sources: Mapping[str, str]
    actors: Mapping[str, Actor]
    sides: Mapping[str, Side]
    ledgers: Mapping[str, Mapping[str, Any]]
    parties: Mapping[str, Mapping[str, Any]]  # symbol -> name, the founding act, and where its acts give notice
    organs: Mapping[str, tuple[str, str]]  # symbol -> (party, the act that founds or constitutes it)
    texts: Mapping[str, Mapping[str, Any]]
    watch: tuple[Mapping[str, Any], ...]  # whose state to tell: dossier, text, party, between
    claim: Mapping[str, Any]
    also: tuple[Mapping[str, Any], ...]
    rows: tuple[Row, ...]

    def facts(self) -> dict[int, list[Row]]:
        """Return the rows that carry each numbered fact."""
        found: dict[int, list[Row]] = {}
        for row in self.rows:
            for number in row.facts:
                found.setdefault(number, []).append(row)
        return found


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """The reading that is read, among all that there are."""

    name: str
    among: frozenset[str]

    def of(self, value: Any) -> Any:
        """Return a value, or the one that it has in this reading, where it is a table with one for each."""
        if self.among and isinstance(value, dict) and set(value) == self.among:
            return value[self.name]
        return value

    def those_in(self, values: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        return [value for value in values if self.name in value.get("readings", [self.name])]


def read_readings(data: str) -> list[str]:
    """Return the names of a scenario's readings in the order in which they are told; one without a name if it has no
    other."""
    return list(tomllib.loads(data).get("readings", {"": {}}))


def read_scenario(data: str, reading: str = "") -> Scenario:
    """Return the scenario that TOML text states, in one of its readings, by default its main one.

    Raises :class:`tomllib.TOMLDecodeError`, and :class:`KeyError` or :class:`ValueError` where a part is missing or of
    another kind: a scenario is our own file, not foreign input.
    """
    value = tomllib.loads(data)
    readings = value.get("readings", {})
    main = value.get("main", "")
    chosen = Chosen(reading or main, frozenset(readings))
    if readings and not {main, chosen.name} <= readings.keys():
        raise ValueError(f"{chosen.name}: the readings are {', '.join(readings)}")
    return Scenario(
        id=value["id"],
        reading=chosen.name,
        main=main,
        readings=readings,
        title=value["title"],
        about=value["about"],
        calendars=value.get("calendars", {}),
        differs=value.get("differs", {}),
        clocks=read_clocks(value["clocks"]) if "clocks" in value else None,
        chapters=tuple(Chapter(seconds(given["since"]), words_of(given)) for given in value.get("chapters", ())),
        lessons=tuple(map(read_lesson, chosen.those_in(value.get("lessons", ())))),
        sources=value.get("sources", {}),
        actors={actor.id: actor for name, given in value["actors"].items() for actor in read_actors(name, given)},
        sides={name: Side(name, given["name"], tuple(given["reads"])) for name, given in value["sides"].items()},
        ledgers=value["ledgers"],
        parties=value["parties"],
        organs={name: (given[0], given[1]) for name, given in value["organs"].items()},
        texts=value["texts"],
        watch=tuple(chosen.those_in(value["watch"])),
        claim={name: chosen.of(given) for name, given in chosen.of(value["claim"]).items()},
        also=tuple(chosen.those_in(value.get("also", ()))),
        rows=tuple(sorted((read_row(row, chosen) for row in chosen.those_in(value["rows"])), key=time_of)),
    )


def words_of(value: Mapping[str, Any]) -> Words:
    return {language: value[language] for language in ("en", "fr") if language in value}


def read_lesson(value: Mapping[str, Any]) -> Lesson:
    return Lesson(value["fact"], words_of(value), value.get("row", ""), value.get("turns", False))


def read_clocks(value: Mapping[str, Any]) -> Clocks:
    places = tuple((words_of(place), place["hours"]) for place in value["places"])
    return Clocks(seconds(value["until"]), places, value.get("behind", 0))


def read_actors(name: str, given: Mapping[str, Any]) -> list[Actor]:
    """Return one actor, or as many as there are ``seats``: ``name-1``, ``name-2`` …"""
    if "seats" not in given:
        return [Actor(name, given["name"], given["role"], given.get("passkey"))]
    return [
        Actor(f"{name}-{seat}", {tongue: f"{words} ({seat})" for tongue, words in given["name"].items()}, given["role"])
        for seat in range(1, given["seats"] + 1)
    ]


def time_of(row: Row) -> int:
    return row.at


def read_row(value: Mapping[str, Any], chosen: Chosen) -> Row:
    nature = Nature(value.get("nature", "history"))
    acts = chosen.those_in(value.get("acts", ()))
    return Row(
        id=value["id"],
        at=seconds(chosen.of(value["at"])),
        old_style=value.get("os", ""),
        new_style=value.get("ns", ""),
        what={language: chosen.of(words) for language, words in words_of(value).items()},
        act=value.get("act", ""),
        sources=tuple(value.get("sources", ())),
        facts=tuple(value.get("facts", ())),
        nature=nature,
        acts=tuple(read_act(act, f"{value['id']}.{number}", nature, chosen) for number, act in enumerate(acts, 1)),
        tells={side: tuple(acts) for side, acts in value.get("tells", {}).items()},
        note=chosen.of(value.get("note", {})),
    )


OF_THE_ACT = {
    "id",
    "kind",
    "who",
    "when",
    "expect",
    "ledgers",
    "of_act",
    "en",
    "fr",
    "news",
    "nature",
    "readings",
    "unguarded",
}


def read_act(value: Mapping[str, Any], number: str, nature: Nature, chosen: Chosen) -> PlannedAct:
    expected = str(chosen.of(value.get("expect", "accepted"))).split(maxsplit=1)
    if expected[0] not in ("accepted", "void", "refused") or (len(expected) == 2) == (expected[0] == "accepted"):
        raise ValueError(f"{value.get('id', number)}: expect is accepted, or void or refused and a reason")
    return PlannedAct(
        id=value.get("id", number),
        kind=value["kind"],
        who=tuple(value.get("who", ())),
        fields={name: chosen.of(given) for name, given in value.items() if name not in OF_THE_ACT},
        expect=Expected(*expected),
        when=seconds(value["when"]) if "when" in value else None,
        ledgers=tuple(value.get("ledgers", ())),
        of=value.get("of_act", ""),
        what={language: chosen.of(words) for language, words in words_of(value).items()},
        news=value.get("news", {}),
        nature=Nature(value.get("nature", nature.value)),
        unguarded=value.get("unguarded", False),
    )


def seconds(value: datetime | str) -> int:
    """Return an instant with its offset from UTC as seconds since 1970."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        raise ValueError(f"{value}: an instant needs its offset from UTC")
    return int((instant - EPOCH).total_seconds())
