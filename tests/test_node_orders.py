"""The order in which a node hears acts, and the restarts between them, decide nothing: seeded affairs, all heard.

Left out, because the law itself judges them by when they are heard: acts in urgency that grant (an organ's urgent
members act for it *as it stands*), and suspensions
and urgent dismissals by whom an election replaces (unless they are confirmed).
"""

from random import Random

import pytest

from pourparler.core.act import Power
from pourparler.core.council import organ_id
from pourparler.core.errors import PourparlerError
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key
from tests.nodes import (
    DAY,
    DELEGATE,
    HOUR,
    START,
    TALKS,
    HomeLedger,
    SetClock,
    came,
    data,
    disk_node,
    memory_node,
    recoverable,
    rows,
    seated,
)

POWERS = (Power.OPEN, Power.PROPOSE, Power.CONCLUDE, Power.DELEGATE)
KINDS = ("grant", "fork", "dismiss", "suspend", "suspend", "confirm", "confirm", "link", "revoke", "elect", "board")
KINDS += ("urgent-dismiss", "recover", "beacon")


class Affairs:
    """What befalls a party: acts in an order in which they could be made, and the mandates among them."""

    def __init__(self, chance):
        self.chance = chance
        self.party, self.recoverer = recoverable()
        self.acts, self.mandates, self.links, self.stops = [], [], [], []
        self.seats = {self.party.head: list(self.party.members)}
        self.elects, self.urgent, self.below = chance.random() < 0.5, False, None
        self.grant()
        for _ in range(chance.randrange(4, 11)):
            kind = chance.choice(KINDS)
            getattr(self, kind.replace("-", "_"))()

    def add(self, act):
        self.acts.append(act)
        return act

    def decide(self, kind, prior=None, beside=(), **fields):
        at = prior or self.party.head
        by = [*self.seats[at][:2], *beside]
        act = self.add(draft(kind, {"organ": self.party.organ, "prior": at, **fields}).signed_by(*by))
        self.seats[act.id] = self.seats[at]
        if prior is None:
            self.party.head = act.id
        return act

    def grant(self, prior=None):
        name = f"holder {len(self.acts)}"
        fresh = {"fresh": 6 * HOUR} if self.chance.random() < 0.2 else {}
        to, given = Key.from_name(name).public_key, int(TALKS | DELEGATE | Power.CONCLUDE)
        self.mandates.append((self.decide("grant", prior, to=to, powers=given, depth=2, **fresh), name))

    def fork(self):
        self.grant(self.chance.choice(list(self.seats)))

    def dismiss(self):
        self.decide("dismiss", mandate=self.chance.choice(self.mandates)[0].id)

    def suspend(self):
        if not self.elects and not self.urgent:
            target = self.chance.choice(self.mandates + self.links)[0].id
            fields = {"organ": self.party.organ, "target": target, "words": str(len(self.acts))}
            member = self.chance.choice(self.seats[self.party.head])
            self.stops.append(self.add(draft("suspend", fields).signed_by(member)))

    def urgent_dismiss(self):
        if self.urgent:
            self.elects = False
            target = self.chance.choice(self.mandates)[0].id
            fields = {"organ": self.party.organ, "mandate": target, "words": str(len(self.acts))}
            act = draft("urgent-dismiss", fields).signed_by(*self.seats[self.party.head][:2])
            self.stops.append(self.add(act))

    def confirm(self):
        if self.stops:
            self.decide("confirm", about=self.chance.choice(self.stops).id, answer=self.chance.random() < 0.7)

    def link(self):
        parent, holder = self.chance.choice(self.mandates)
        name = f"sub {len(self.acts)}"
        fields = {"by": parent.id, "to": Key.from_name(name).public_key, "powers": int(powers("propose"))}
        fields |= {"fresh": parent["fresh"]} if parent.get("fresh") else {}
        self.links.append((self.add(draft("delegate", fields).signed_by(Key.from_name(holder))), holder))

    def revoke(self):
        if self.links:
            link, holder = self.chance.choice(self.links)
            fields = {"by": link["by"], "target": link.id}
            self.add(draft("revoke", fields).signed_by(Key.from_name(holder)))

    def elect(self):
        if self.elects:
            new = seated(f"elected {len(self.acts)}")
            urgent = {"keys": [key.public_key for key in new], "needs": 1, "lapse": 3 * HOUR}
            act = self.decide("elect", beside=new, seats=rows(new), urgent=urgent)
            self.urgent = True
            self.seats[act.id] = new

    def recover(self):
        place = self.chance.choice(list(self.seats))
        new = seated(f"recovered {len(self.acts)}")
        pairs = [[old.public_key, key.public_key] for old, key in zip(self.seats[place], new, strict=True)]
        fields = {"organ": self.party.organ, "prior": place, "seats": pairs}
        act = self.add(draft("recover", fields).signed_by(self.recoverer, *new))
        self.seats[act.id] = new

    def beacon(self):
        self.add(self.party.beacon(START - HOUR + 60 * self.party.serial))

    def board(self):
        if self.below is not None:
            return
        members = seated("board")
        new = {
            "name": "board",
            "seats": rows(members),
            "needs": 2,
            "powers": int(powers("open")),
            "superior": "council",
        }
        self.below = organ_id(self.decide("constitute", beside=members, new=new).id, "board")
        handed = self.decide("hand-over", to=self.below, powers=int(powers("propose", "delegate")))
        at = {"organ": self.below, "prior": self.below, "about": handed.id, "answer": True}
        confirmed = self.add(draft("confirm", at).signed_by(*members[:2]))
        at = {"organ": self.below, "prior": confirmed.id, "to": Key.from_name("agent").public_key}
        granted = self.add(draft("grant", {**at, "powers": int(powers("propose"))}).signed_by(*members[:2]))
        self.mandates.append((granted, "agent"))


def copies_of(affairs, chance):
    """Return two copies of a home ledger that took most of the acts, one from underway."""
    home, found = HomeLedger(), []
    home.log(affairs.party.found)
    underway = chance.randrange(len(affairs.acts))
    for number, act in enumerate(affairs.acts):
        if number == underway:
            found.append(home.copy(affairs.party))
        try:
            home.intake.submit(data(act))
        except PourparlerError:
            continue
    return [*found, home.copy(affairs.party)]


def told(affairs, items, chance, folder):
    """Let a node hear acts and copies in this order, some together; return what it says then, and later."""
    clock = SetClock()
    node = memory_node(clock) if folder is None else disk_node(folder, clock)
    at = 0
    while at < len(items):
        together = items[at : at + chance.choice((1, 1, 1, 4))]
        at += len(together)
        if any(isinstance(one, bytes) for one in together):
            for one in together:
                node.take_bundle(one, came()) if isinstance(one, bytes) else node.take(data(one), came())
        else:
            node.take_many([data(one) for one in together], came())
        if folder is not None and chance.random() < 0.2:
            node.close()
            node = disk_node(folder, clock)
    said = []
    for clock.time in (START, START + 2 * HOUR, START + 2 * DAY):
        node.take(b"no act", came())
        mandates = [one.id for one, _ in affairs.mandates + affairs.links]
        said += [node.standing(one, power).words.split(":")[0] for one in mandates for power in POWERS]
    said = [one if one.startswith("in force") else "not in force" for one in said]
    fresh = node.freshness(affairs.party.id)
    node.close()
    return [*said, fresh.state, fresh.as_of]


@pytest.mark.parametrize("seed", range(24))
def test_the_order_in_which_acts_are_heard_decides_nothing(seed, tmp_path):
    chance = Random(f"orders {seed}")
    affairs = Affairs(chance)
    shown = copies_of(affairs, chance) if seed % 2 else []
    items = [affairs.party.found, *affairs.acts, *shown]
    first = told(affairs, items, chance, None)
    for number in range(4):
        chance.shuffle(items)
        folder = tmp_path / str(number) if number == 3 else None
        assert told(affairs, items, chance, folder) == first, [getattr(one, "kind", "copy") for one in items]
