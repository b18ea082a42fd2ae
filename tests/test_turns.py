"""Whose turn it is to write for all that wait: nobody is left asleep, and nobody waits for whom nobody expects."""

import threading
from dataclasses import dataclass

import pytest

from pourparler.service import turns as module
from pourparler.service.turns import Turns


@dataclass(eq=False)
class Asked:
    answered: bool = False


def called():
    """Return what one caller waits for."""
    return [Asked(), Asked()]


def answer(*callers):
    for tickets in callers:
        for ticket in tickets:
            ticket.answered = True


class Waiting(threading.Thread):
    """A caller that asks whether it has to lead, in a thread of its own."""

    def __init__(self, turns, tickets):
        super().__init__(daemon=True)
        self.turns, self.tickets, self.leads = turns, tickets, None
        self.start()

    def run(self):
        self.leads = self.turns.has_to_lead(self.tickets)

    def sleeps(self):
        self.join(0.1)
        return self.is_alive()

    def told(self):
        self.join(20)
        assert not self.is_alive()
        return self.leads


@pytest.fixture
def turns(monkeypatch):
    """Whoever is expected is waited for, as long as a test may run: a wait that should not be does not end."""
    monkeypatch.setattr(module, "COMEBACK_SECONDS", 3_600)
    return Turns()


def round_of(turns, *callers):
    """Let callers be there at once, and the first of them lead and answer them all."""
    for tickets in callers:
        turns.enter(tickets)
    assert Waiting(turns, callers[0]).told()
    answer(*callers)
    turns.step_down(callers[0])


def test_one_leads_and_the_others_sleep_until_they_are_answered(turns):
    first, second, third = called(), called(), called()
    turns.enter(first)
    assert turns.has_to_lead(first)
    for tickets in (second, third):
        turns.enter(tickets)
    others = [Waiting(turns, second), Waiting(turns, third)]
    assert all(other.sleeps() for other in others)
    answer(first, second, third)
    turns.step_down(first)
    assert [other.told() for other in others] == [False, False]
    assert turns.has_to_lead(first) is False


def test_who_was_not_answered_leads_next(turns):
    first, second, third = called(), called(), called()
    turns.enter(first)
    assert turns.has_to_lead(first)
    turns.enter(second)
    other = Waiting(turns, second)
    second[0].answered = True  # the other half of it waits on
    answer(first)
    turns.step_down(first)
    assert other.told() is True
    turns.enter(third)
    assert Waiting(turns, third).sleeps()


def test_only_who_leads_can_step_down(turns):
    first, second = called(), called()
    turns.enter(first)
    assert turns.has_to_lead(first)
    turns.enter(second)
    turns.step_down(second)
    assert Waiting(turns, second).sleeps()


def test_as_many_as_were_there_twice_are_waited_for(turns):
    for _ in range(2):
        round_of(turns, called(), called(), called())
    back = [called(), called(), called()]
    turns.enter(back[0])
    leader = Waiting(turns, back[0])
    assert leader.sleeps()
    turns.enter(back[1])
    assert leader.sleeps()
    turns.enter(back[2])
    assert leader.told() is True


def test_who_does_not_come_back_is_waited_for_only_so_long(turns, monkeypatch):
    monkeypatch.setattr(module, "COMEBACK_SECONDS", 0.01)
    for _ in range(2):
        round_of(turns, called(), called())
    round_of(turns, called())


def test_who_is_alone_waits_for_nobody(turns):
    for _ in range(4):
        round_of(turns, called())


def test_somebody_who_looks_in_once_keeps_nobody_waiting(turns):
    round_of(turns, called())
    round_of(turns, called(), called())
    round_of(turns, called())
