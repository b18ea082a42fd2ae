"""All 930 real negotiations, in an order of chance: replayed, counted again, opened again, some of them proven.

With less time than all of them take, as many as fit: chance chooses which. Everything that the small file shows must
hold for each of them, and what is known of the data beforehand (their README) must come out.
"""

import os
import random
import tempfile
from pathlib import Path

from examples.casino.dialogues import read_dialogues
from examples.casino.report import ORIGIN, Report, replay_file
from examples.casino.talks import RoundClock
from pourparler.core.ledger import open_checkpoint
from pourparler.service.intake import Intake, ledger_key
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("POURPARLER_DATA", ROOT.parent / "shared" / "data")) / "casino" / "casino-negotiations.jsonl"
ALL = {
    "dialogues": 930,
    "agreed": 906,
    "walked_away": 24,
    "points": [1_812, 1_812],
    "points_without_a_deal": [48, 48],
    "said": [10_750, 10_750],
}
ALL_ACTS = {"open": 930, "join": 930, "say": 10_750, "propose": 1_069, "reject": 154, "close": 930, "ratify": 1_812}
SECONDS_FOR_ALL = 400  # on two busy cores; half of that on idle ones


def run(seed: str, seconds: float) -> str:
    """Replay as many as fit into the time; return a summary. Raises AssertionError where anything differs."""
    if not DATA.exists():
        return f"nothing: {DATA.name} is not where POURPARLER_DATA says"
    chance = random.Random(seed)
    with DATA.open("rb") as file:
        found, faults = read_dialogues(file)
    assert not faults, faults
    chance.shuffle(found)
    chosen = found[: max(1, int(len(found) * min(1.0, seconds / SECONDS_FOR_ALL)))]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        report = replay_file(DATA.name, chosen, faults, folder, proofs=10, seed=seed)
        check(report, whole=len(chosen) == len(found))
        check_opened_again(folder, report)
    return (
        f"{report.dialogues} negotiations, {report.submitted:,} acts, {report.points[0]:,} points equal, "
        f"{sum(report.beyond_lines.values())} of {report.signatures:,} signatures beyond a red line, nobody bound early"
    )


def check(report: Report, *, whole: bool) -> None:
    assert report.differences == []
    assert report.bound_before_ratification == 0
    assert report.checked == sum(report.acts.values())
    assert report.refused == report.void == {}
    assert report.points == [2 * report.agreed] * 2
    assert {proof.verdict for proof in report.evidence} == {"VALID"}
    if whole:
        assert {name: getattr(report, name) for name in ALL} == ALL
        assert {kind: report.acts[kind] for kind in ALL_ACTS} == ALL_ACTS


def check_opened_again(folder: Path, report: Report) -> None:
    """A new intake on the same file folds all of it, and holds what the report says and then the evidence's stamps."""
    ledger = Intake(SqliteStore(folder / "ledger.sqlite"), Key.from_name("casino ledger"), RoundClock(), ORIGIN)
    opened = open_checkpoint(ledger.checkpoint(), ORIGIN, ledger_key(ledger.depositary)).checkpoint
    assert opened.size == ledger.size == report.entries + len(report.evidence)
    assert len(ledger.registry.dossiers) == report.dialogues
    ledger.close()
