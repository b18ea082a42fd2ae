"""What tests of nodes share: parties with beacons, a home ledger, nodes on disk and in memory, and copies of homes."""

from pourparler.core.act import Power
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import decode
from pourparler.core.redline import parse_text  # noqa: F401
from pourparler.service.books import Copy
from pourparler.service.drafting import draft, powers
from pourparler.service.intake import Intake
from pourparler.service.node.node import Node, open_node
from pourparler.service.node.nouns import Came
from pourparler.store.memory import MemoryStore
from pourparler.store.node import NodeStore
from pourparler.testing.keys import Key

START = 1_800_000_000
HOUR, DAY = 3_600, 86_400
TALKS = powers("open", "propose", "adopt", "initial", "sign-ad-referendum")
CONCLUDE, PROPOSE, DELEGATE = Power.CONCLUDE, Power.PROPOSE, Power.DELEGATE
HOME_KEY = Key.from_name("the home ledger")
HOME = Depositary("home.example/register", HOME_KEY.public_key)
ELSEWHERE = {"origin": "elsewhere.example", "key": Key.from_name("elsewhere").public_key}


class SetClock:
    """A clock that a test sets."""

    def __init__(self, time=START):
        self.time = time

    def now(self):
        return self.time


def data(act):
    return act.envelope.encoded()


def came(channel="radio", peer="relay", time=START):
    return Came(channel, peer, time)


class Party:
    """A party with a council of so many members, beacon keys, and drafts of its acts that nobody has logged."""

    def __init__(self, name="Smolny", members=3, needs=2, home=HOME, **fields):
        self.name = name
        keys = (Key.from_name(f"{name} member {n}") for n in range(members))
        self.members = sorted(keys, key=lambda key: key.public_key)
        self.beacon_key = Key.from_name(f"{name} beacon")
        self.dispatch_key = Key.from_name(f"{name} dispatch")
        seats = [[member.public_key, 1] for member in self.members]
        council = {"name": "council", "seats": seats, "powers": 2047, "needs": needs, **fields}
        where = {"origin": home.origin, "key": home.key}
        founding = {"name": name, "nonce": bytes(16), "organs": [council], "suspension": DAY, "home": where}
        founding["beacons"] = [self.beacon_key.public_key]
        self.needs = needs
        self.found = draft("found", founding).signed_by(*self.members)
        self.id = self.found.id
        self.organ = self.head = organ_id(self.id, "council")
        self.serial = 0

    def decide(self, kind, prior=None, by=None, **fields):
        """Return a decision of the council after its head, or after ``prior``; the head moves in the first case."""
        signers = self.members[: self.needs] if by is None else by
        act = draft(kind, {"organ": self.organ, "prior": prior or self.head, **fields}).signed_by(*signers)
        if prior is None:
            self.head = act.id
        return act

    def grant(self, holder="general", given=TALKS, **fields):
        return self.decide("grant", to=Key.from_name(holder).public_key, powers=int(given), **fields)

    def dismiss(self, mandate, **more):
        return self.decide("dismiss", mandate=mandate.id, **more)

    def suspend(self, target, member=0):
        return draft("suspend", {"organ": self.organ, "target": target}).signed_by(self.members[member])

    def say(self, mandate, kind, holder="general", **fields):
        return draft(kind, {"by": mandate.id, **fields}).signed_by(Key.from_name(holder))

    def beacon(self, at, *, count=0, head=None, period=HOUR, serial=None, key=None):
        self.serial = self.serial + 1 if serial is None else serial
        fields = {"party": self.id, "serial": self.serial, "count": count, "head": head or self.id}
        return draft("beacon", {**fields, "at": at, "next": at + period}).signed_by(key or self.beacon_key)


class HomeLedger:
    """A real home ledger in memory, of which copies are taken."""

    def __init__(self, clock=None, key=HOME_KEY, origin=HOME.origin):
        self.clock = clock or SetClock()
        self.intake = Intake(MemoryStore(), key, self.clock, origin)

    def log(self, *acts):
        for act in acts:
            receipt = self.intake.submit(data(act))
            assert receipt.void is None

    def copy(self, party=None):
        if party is not None:
            self.intake.stamp([party.id])
        entries = tuple(entry.data for entry in self.intake.store.entries())
        return Copy(self.intake.depositary, self.intake.checkpoint(), entries, ()).encoded()

    def position(self, party):
        stream = self.intake.registry.streams[party.id]
        return {"count": stream.count, "head": stream.head}


def memory_node(clock=None, name="node", follow=(), store=None, journal=None):
    beside = store or NodeStore(None)
    return Node(
        journal or MemoryStore(), beside, Key.from_name(name), clock or SetClock(), f"{name}.example", follow=follow
    )


def disk_node(folder, clock=None, name="node", follow=()):
    folder.mkdir(exist_ok=True)
    return open_node(folder, Key.from_name(name), clock or SetClock(), f"{name}.example", follow=follow)


def hear(node, *acts, by=None):
    """Let a node take acts; return their states."""
    return [node.take(data(act), by or came()).state.value for act in acts]


def seated(name, count=3):
    return sorted((Key.from_name(f"{name} {n}") for n in range(count)), key=lambda key: key.public_key)


def rows(keys):
    return [[key.public_key, 1] for key in keys]


def election(party, name="new"):
    """Return the election of a new council at the party's head, which it signs from now on."""
    new = seated(name)
    act = party.decide("elect", by=[*party.members[:2], *new], seats=rows(new))
    party.members = new
    return act


def fields_of(act):
    return {name: value for name, value in decode(act.envelope.payload).items() if name != "kind"}


def with_a_board(party, *given):
    """Return the constitution of an organ below the council, its id and its members."""
    members = seated("board")
    new = {"name": "board", "seats": rows(members), "needs": 2, "powers": int(powers(*given)), "superior": "council"}
    act = party.decide("constitute", by=[*party.members[:2], *members], new=new)
    return act, organ_id(act.id, "board"), members


def recoverable():
    """Return a party whose members can be replaced by a recovery, and the key that does it."""
    key, plain = Key.from_name("recoverer"), Party()
    recovery = {"keys": [key.public_key], "needs": 1, "wait": HOUR}
    plain.found = draft("found", {**fields_of(plain.found), "recovery": recovery}).signed_by(*plain.members)
    plain.id = plain.found.id
    plain.organ = plain.head = organ_id(plain.id, "council")
    return plain, key


def two_elections(party, **more):
    sides = {}
    for side in ("left", "right"):
        keys = seated(side)
        extra = {
            "urgent": {"keys": [key.public_key for key in keys], "needs": 1, "lapse": HOUR},
        }
        act = party.decide("elect", prior=party.head, by=[*party.members[:2], *keys], seats=rows(keys), **extra)
        sides[side] = (act, keys)
    return sides
