"""An exhaustive model of "only the council can bind". Read README.md; world, truth, verifier, search; small."""

from .search import (
    CLAIMS,
    PREMISES,
    History,
    Outcome,
    Report,
    Run,
    Violation,
    counterexample,
    explore,
    histories,
    replay,
    sample,
    unexercised,
)
from .small import WORLDS
from .truth import truth_of
from .verifier import RULES, Verdict, judge
from .world import PROLOGUES, Act, Entry, Words, as_data, describe

__all__ = [
    "CLAIMS",
    "PREMISES",
    "PROLOGUES",
    "RULES",
    "WORLDS",
    "Act",
    "Entry",
    "History",
    "Outcome",
    "Report",
    "Run",
    "Verdict",
    "Violation",
    "Words",
    "as_data",
    "counterexample",
    "describe",
    "explore",
    "histories",
    "judge",
    "replay",
    "sample",
    "truth_of",
    "unexercised",
]
