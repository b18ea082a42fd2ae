"""Replay: a negotiation that happened, stated as data, taken through the real core.

``scenario`` reads the facts, ``symbols`` turns what they name into ids, ``player`` takes them through the core act by
act, ``story`` is what it tells.
"""

from pourparler.service.replay.player import Desk, ReplayClock, play
from pourparler.service.replay.scenario import (
    Chapter,
    Clocks,
    Lesson,
    Nature,
    PlannedAct,
    Row,
    Scenario,
    read_readings,
    read_scenario,
)
from pourparler.service.replay.story import (
    Differs,
    Event,
    Knowledge,
    Logged,
    Played,
    Proof,
    Shown,
    State,
    Verdict,
)

__all__ = [
    "Chapter",
    "Clocks",
    "Desk",
    "Differs",
    "Event",
    "Knowledge",
    "Lesson",
    "Logged",
    "Nature",
    "PlannedAct",
    "Played",
    "Proof",
    "ReplayClock",
    "Row",
    "Scenario",
    "Shown",
    "State",
    "Verdict",
    "play",
    "read_readings",
    "read_scenario",
]
