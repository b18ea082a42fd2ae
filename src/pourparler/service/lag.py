"""Lag on a bus: its nodes tell each other how far they are, and what one lacks another publishes again.

A bus that lost, wiped or held back what it had acknowledged does not say so. Specification: ``spec/bus.md`` section 4.
"""

import time
from collections import OrderedDict
from contextlib import suppress
from itertools import islice

from pourparler.core.act import Act, parse_act
from pourparler.core.errors import PourparlerError
from pourparler.dispatch.bus import Bus
from pourparler.service.wire import Desk

PEER = "bus"
HEADS_SECONDS = 30.0
ACTS_AT_ONCE = 64
HEADS_AT_ONCE = 4  # looked at in one turn: whoever says without end that he lacks everything stops nobody's reading
AGAIN_SECONDS = 600.0
PUBLISHED_KEPT = 65_536


class Lag:
    """One node's part in it. ``desk`` speaks for the node on the channel ``bus``. Raises as the bus does."""

    def __init__(self, bus: Bus, desk: Desk, every_seconds: float = HEADS_SECONDS) -> None:
        self.bus, self.desk, self.every_seconds = bus, desk, every_seconds
        self._told: float | None = None
        self._published: OrderedDict[bytes, float] = OrderedDict()

    def turn(self) -> int:
        """Tell how far this node is, if it is time; publish what others lack. Return how many acts that were."""
        now = time.monotonic()
        if self._told is None or now - self._told >= self.every_seconds:
            self._told = now
            heads = self.desk.heads()
            for party in self.bus.parties:
                self.bus.tell_heads(party, heads)
        return sum(self._publish_lacking(message, now) for message in islice(self.bus.heads_heard(), HEADS_AT_ONCE))

    def _publish_lacking(self, message: bytes, now: float) -> int:
        lacked: list[bytes] = []
        with suppress(PourparlerError):  # it is no message, and nobody waits for an answer
            lacked = self.desk.hear_heads(message, PEER)
        acts = [act for act in map(parse_act, lacked) if self._due(act.id, now)][:ACTS_AT_ONCE]
        for act in acts:
            self.bus.publish(self._party(act), act.id, act.envelope.encoded(), again=self._occasion())
            self._published[act.id] = now
            self._published.move_to_end(act.id)
        while len(self._published) > PUBLISHED_KEPT:
            self._published.popitem(last=False)
        return len(acts)

    def _due(self, act: bytes, now: float) -> bool:
        return now - self._published.get(act, now - AGAIN_SECONDS) >= AGAIN_SECONDS

    def _occasion(self) -> str:
        """Return what several nodes that publish the same act at about the same time call it: one message of theirs is
        kept, and none is taken for the one that was lost."""
        return str(int(self.desk.node.holdings.wall.now() // AGAIN_SECONDS))

    def _party(self, act: Act) -> bytes:
        return act.id if act.kind == "found" else self.desk.node.registry.party_of(act)
