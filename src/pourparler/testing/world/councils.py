"""Our council: it founds the party, gives mandates, dismisses, ratifies, changes seats, and says that it is alive."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pourparler.core.act import Act
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value, encode
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key
from pourparler.testing.world.speaking import CEILING, TALKS, Paper, Policy, Speaker, Talks
from pourparler.testing.world.truth import Ended, Given, Spoken

if TYPE_CHECKING:
    from pourparler.testing.world.world import World


class Council(Speaker):
    """Our council: three members, two of whom decide. It sits beside the depositary and speaks by every channel."""

    def __init__(self, world: "World", policy: Policy) -> None:
        super().__init__(world, "council", "council")
        self.policy = policy
        self.members = [Key.from_name(f"member {number} {world.plan.seed}") for number in range(3)]
        self.beacon_key = Key.from_name(f"beacon 0 {world.plan.seed}")
        self.beacon_keys = 1
        self.serial = 0
        self.dispatch = Key.from_name(f"dispatch {world.plan.seed}")
        self.certifier = Key.from_name(f"certifier {world.plan.seed}")
        self.head = b""
        self.organ = b""
        self.mandates: dict[str, bytes] = {}
        self.on_hold: set[bytes] = set()

    # Founding.

    def found(self) -> bytes:
        """Found our party and give the first mandates; return its id."""
        world, seed = self.world, self.world.plan.seed
        organ: dict[str, Value] = {"name": "council", "seats": seats(self.members), "needs": 2, "powers": 2047}
        fields: dict[str, Value] = {
            "name": "Petrograd",
            "nonce": self.chance.bytes(16),
            "home": world.depositary.wire,
            "suspension": 6 * 3_600,
            "organs": [organ],
            "beacons": [self.beacon_key.public_key],
        }
        party = self.say("found", fields, *self.members).id
        self.organ = self.head = organ_id(party, "council")
        self.decide("appoint", {"dispatch": [self.dispatch.public_key]})
        secret = encode(["at-most", "price", ["EUR", "88.00"]]) + self.chance.bytes(16)
        world.truth.secrets.append(secret[-16:])
        self.grant("general", Key.from_name(f"general {seed}"), TALKS)
        self.grant("envoy", Key.from_name(f"envoy {seed}"), (*TALKS, "conclude"), lease=world.plan.lease_minutes * 60)
        self.grant("committees", None, TALKS)
        return party

    def certify(self, place: str, key: Key) -> None:
        """Let the certifier show that a committee belongs to the class."""
        until = self.world.timeline.seconds + 400 * 24 * 3_600
        fields: dict[str, Value] = {"class": self.mandates["committees"], "to": key.public_key, "until": until}
        act = self.say("certify", fields, self.certifier)
        self.mandates[place] = act.id
        self.world.truth.given[act.id] = Given(place, frozenset(TALKS), CEILING, None, self.mandates["committees"])

    def grant(self, to: str, key: Key | None, names: Sequence[str], *, lease: int | None = None) -> Act:
        """Give a mandate to a holder, or to the class of committees."""
        lines: list[Value] = [["at-most", "price", ["EUR", str(CEILING)]]]
        fields: dict[str, Value] = {"powers": powers(*names), "lines": lines}
        fields |= {"to": key.public_key} if key else {"class": {"name": to, "certifier": self.certifier.public_key}}
        fields |= {"fresh": lease} if lease else {}
        act = self.decide("grant", fields)
        self.mandates[to] = act.id
        self.world.truth.given[act.id] = Given(to, frozenset(names), CEILING, lease)
        return act

    # Deciding.

    def decide(self, kind: str, fields: Mapping[str, Value], *also: Key) -> Act:
        """Make a decision of the council, which moves its spine."""
        prior = self.head
        act = self.say(kind, {"organ": self.organ, "prior": prior, **fields}, *self.members[:2], *also)
        self.world.truth.decided.setdefault(prior, []).append(act.id)
        self.head = act.id
        return act

    def dismiss(self, who: str) -> Act:
        """End somebody's mandate, by every channel."""
        act = self.decide("dismiss", {"mandate": self.mandates[who]})
        self.world.truth.ended[self.mandates[who]] = Ended(act.id, self.world.timeline.now)
        return act

    def suspend(self, who: str) -> Act:
        """Let one member stop somebody's mandate; it lapses."""
        fields: dict[str, Value] = {
            "organ": self.organ,
            "target": self.mandates[who],
            "at": self.world.timeline.seconds,
        }
        act = self.say("suspend", fields, self.members[0])
        ended = Ended(act.id, self.world.timeline.now, lapses=True)
        self.world.truth.ended.setdefault(self.mandates[who], ended)
        return act

    def change_seat(self) -> Act:
        """Seat somebody new in the place of the last member."""
        fresh = Key.from_name(f"member new {self.world.plan.seed}")
        before, self.members = self.members, [*self.members[:2], fresh]
        act = self.decide("elect", {"seats": seats(self.members)}, fresh)
        self.world.people.unseated.append(before[2])
        return act

    def siblings(self) -> tuple[Act, Act]:
        """Sign two decisions after one place: the second one is given to part of the world, and never handed in."""
        crony = Key.from_name(f"crony {self.world.plan.seed}")
        prior = self.head
        fields: dict[str, Value] = {"organ": self.organ, "prior": prior, "to": crony.public_key}
        wrong = draft("grant", {**fields, "powers": powers(*TALKS, "conclude")}).signed_by(*self.members[1:3])
        right = self.decide("decide", {"words": "nothing changes"})
        self.world.truth.spoken[wrong.id] = Spoken(self.name, "grant", self.world.timeline.now, False, {})
        self.world.truth.decided[prior].append(wrong.id)
        return right, wrong

    def beacon(self) -> None:
        """Say how far our party's stream has come at home."""
        party = self.world.people.ours
        stream = self.world.depositary.streams.get(party)
        if stream is None:
            return
        now = self.world.timeline.seconds
        self.serial += 1
        fields: dict[str, Value] = {
            "party": party,
            "serial": self.serial,
            "count": stream.count,
            "head": stream.head,
            "at": now,
            "next": now + self.world.plan.beacon_minutes * 60,
        }
        act = self.say("beacon", fields, self.beacon_key)
        self.world.truth.beacons[act.id] = now

    def settled(self, act: Act, reason: str, *, logged: bool) -> None:  # noqa: ARG002  the others' shape
        if act.kind == "beacon" and reason == "beacon.serial" and act["serial"] == self.serial:
            self.rotate()

    def rotate(self) -> None:
        """Appoint another beacon key: somebody has run ahead with this one."""
        self.beacon_key = Key.from_name(f"beacon {self.beacon_keys} {self.world.plan.seed}")
        self.beacon_keys += 1
        self.serial = 0
        self.decide("appoint", {"beacons": [self.beacon_key.public_key]})

    # Ratifying.

    def consider(self) -> None:
        """Look through the dossiers for signatures ad referendum, and decide about each text once."""
        for talks in self.talks.values():
            for paper in talks.papers.values():
                if paper.signed and not paper.ratified and paper.text not in self.on_hold:
                    self.on_hold.add(paper.text)
                    self.decide_about(talks, paper)

    def decide_about(self, talks: Talks, paper: Paper) -> None:
        streams = self.world.depositary.streams
        if not self.policy.ratifies(paper.terms) or not streams:
            return
        seen: dict[str, Value] = {
            name: [streams[id_].count, streams[id_].head]
            for name, id_ in (("dossier", talks.id), ("party", self.world.people.ours))
        }
        fields: dict[str, Value] = {
            "dossier": talks.id,
            "text": paper.text,
            "signs": list[Value](sorted(paper.signed)),
            "seen": seen,
        }
        act = self.decide("ratify", fields)
        self.world.truth.ratified[paper.text] = act.id


def seats(members: Sequence[Key]) -> list[Value]:
    """Return seats of weight 1 in the order that an act wants."""
    return [[key, 1] for key in sorted(member.public_key for member in members)]
