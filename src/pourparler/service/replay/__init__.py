"""Replay: a negotiation that happened, stated as data, taken through the real core.

``scenario`` reads the facts, ``symbols`` turns what they name into ids, ``player`` takes them through the core act by
act, ``story`` is what it tells.
"""

from pourparler.service.replay.player import Desk, ReplayClock, play
from pourparler.service.replay.scenario import Nature, PlannedAct, Reading, Row, Scenario, read_scenario
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
    "Desk",
    "Differs",
    "Event",
    "Knowledge",
    "Logged",
    "Nature",
    "PlannedAct",
    "Played",
    "Proof",
    "Reading",
    "ReplayClock",
    "Row",
    "Scenario",
    "Shown",
    "State",
    "Verdict",
    "play",
    "read_scenario",
]
