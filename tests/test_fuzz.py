"""20,000 inputs for each parser; the campaign runs the same for ten minutes with seeds from the commit."""

import pytest

from tests import fuzz

# Not parsers but whole services: each input costs as much as a hundred others.
SLOW = {"evidence": 3_000, "exchange": 3_000}


@pytest.mark.parametrize("target", sorted(fuzz.TARGETS))
def test_only_our_own_errors_come_out_at_a_bounded_cost(target: str) -> None:
    tally = fuzz.run(target, "suite", inputs=SLOW.get(target, 20_000))
    assert tally.refused > tally.inputs / 20, "the mutants are not hostile enough to mean anything"
    assert tally.parsed > 0 or target in ("envelope", "act"), "no mutant got through: only the first check was tested"
    assert tally.dearest_calls > 0
