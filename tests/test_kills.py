"""A few real kills in the suite; the campaign does many."""

from tests import kills


def test_nothing_answered_is_lost_when_the_intake_is_killed() -> None:
    summary = kills.in_process("suite", 6)
    assert summary.startswith("6 kills")
    assert " 0 answered" not in summary
