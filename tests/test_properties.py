"""The invariants of a negotiation, on the real intake; each must have been exercised."""

from tests import stateful


def test_the_invariants_hold_and_each_is_exercised() -> None:
    stateful.PREMISES.clear()
    stateful.run_machine(examples=100, steps=50)
    assert stateful.unexercised() == []
