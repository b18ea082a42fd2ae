"""Organs: who sits, how they decide, and the spine of their decisions. Specification: ``spec/council.md``.

A party is founded by one act, whose id is the party's id. It has organs; each has seats (keys with weights), powers,
and a *spine*: the strict chain of its own full decisions. Everything about an organ (its seats, its powers, its end)
stands on its spine, so that the organ's state is a function of one place on one chain: :class:`Organ` at a place.

Every decision names ``prior``, the place it was taken at. In the party's home ledger a place has at most one child, the
first sufficient one; competing drafts are nothing. Another ledger only gives notice, and cannot know which sibling the
home took: there, every sufficient child of a known place is kept, and the home decides.

A decision is *sufficient* when its envelope holds enough weight of the seats at its place, and nothing else: strangers'
and double signatures removed, the rest in the order of the keys.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from pourparler.core.act import ALL_POWERS, NO_POWER, QUESTION, Act, Power
from pourparler.core.encoding import (
    ALGORITHM_ED25519,
    Envelope,
    Signature,
    Value,
    digest,
    kid_of,
    to_be_signed,
    verify_ed25519,
)
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.passkey import Passkey, verify_assertion
from pourparler.core.redline import Line, parse_lines

YIELDING = ("member", "holder")  # roles that a seat takes over: naming a key in a mandate keeps nobody from a seat
BINDING = Power.RATIFY | Power.CONCLUDE
VOTABLE = Power.RATIFY | Power.DENOUNCE


# --- nouns ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Depositary:
    """A ledger as others name it: its origin, and the Ed25519 key that signs its checkpoints and stamps."""

    origin: str
    key: bytes


@dataclass(frozen=True, slots=True)
class Ballot:
    """How an organ votes: open for at least so long, so much weight taking part, more than this share of yes and no."""

    open_seconds: int
    quorum: int
    share: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Committee:
    """Keys with weights, and the weight that must sign: the seats of an organ, or a holder of several keys."""

    seats: Mapping[bytes, int]
    needs: int

    @property
    def weight(self) -> int:
        """All weight there is."""
        return sum(self.seats.values())


@dataclass(frozen=True, slots=True)
class Urgency:
    """Who may act for the organ in urgency, how many of them, and after how long it lapses unless confirmed."""

    members: Committee
    lapse_seconds: int


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ at one place of its spine."""

    id: bytes
    party: bytes
    name: str
    members: Committee
    powers: Power
    votes: Power = NO_POWER
    ballot: Ballot | None = None
    until: int | None = None
    superior: bytes | None = None
    subject: Power = NO_POWER
    lines: tuple[Line, ...] = ()
    urgency: Urgency | None = None
    suspenders: frozenset[bytes] | None = None
    dissolved: bool = False
    place: int = 0

    def decides_by_vote(self, power: Power) -> bool:
        """Return whether decisions under this power are put to a vote."""
        return bool(power & self.votes)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Keys that may only replace members' keys, and how long their act waits."""

    keys: Committee
    wait_seconds: int


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation, as its founding act states it."""

    id: bytes
    name: str
    home: Depositary
    suspension_seconds: int
    beacons: frozenset[bytes]
    recovery: Recovery | None


def read_depositary(value: Value) -> Depositary:
    return Depositary(value["origin"], value["key"])


def read_committee(keys: Value, needs: int) -> Committee:
    """Return a committee from keys, or from pairs of key and weight. Raises :class:`Refused` (``decision.rule``)."""
    pairs = [tuple(key) if isinstance(key, list) else (key, 1) for key in keys]
    committee = Committee(dict(pairs), needs)
    if len(committee.seats) != len(pairs):
        raise Refused("decision.rule", "a key has two seats")
    if not 1 <= needs <= committee.weight:
        raise Refused("decision.rule", f"{needs} needed of a weight of {committee.weight}")
    return committee


def organ_id(act_id: bytes, name: str) -> bytes:
    """Return the id of the organ that an act creates under this name; it is the first place of the organ's spine."""
    return digest("organ", act_id, name)


def read_organ(value: Value, party: bytes, created_by: bytes, superior: bytes | None) -> Organ:
    """Return the organ that a founding or a constitution states.

    Raises :class:`Refused` (``decision.rule``) where two conflicting decisions could both pass.
    """
    if value.get("subject", 0) & ~int(Power.RATIFY):
        raise Refused("decision.rule", f"{value['name']}: only ratify can be subject to a superior's confirmation")
    organ = Organ(
        id=organ_id(created_by, value["name"]),
        party=party,
        name=value["name"],
        members=read_committee(value["seats"], value["needs"]),
        powers=Power(value["powers"]),
        votes=Power(value.get("votes", 0)),
        superior=superior,
        subject=Power(value.get("subject", 0)),
        lines=parse_lines(value.get("lines")),
    )
    return with_seating(organ, value)


def with_seating(organ: Organ, value: Mapping[str, Value]) -> Organ:
    """Return the organ with the parts that an election may state anew, checked."""
    if "seats" in value:
        organ = replace(organ, members=read_committee(value["seats"], value.get("needs", organ.members.needs)))
    if "ballot" in value:
        ballot = value["ballot"]
        organ = replace(organ, ballot=Ballot(ballot["open"], ballot["quorum"], tuple(ballot["share"])))
    if "urgent" in value:
        urgent = value["urgent"]
        organ = replace(organ, urgency=Urgency(read_committee(urgent["keys"], urgent["needs"]), urgent["lapse"]))
    if "suspenders" in value:
        organ = replace(organ, suspenders=frozenset(value["suspenders"]))
    organ = replace(organ, until=value.get("until"))
    check_decisive(organ)
    return organ


def check_decisive(organ: Organ) -> None:
    """Raise :class:`Refused` (``decision.rule``) unless two conflicting decisions of the organ cannot both pass."""
    weight = organ.members.weight
    if 2 * organ.members.needs <= weight:
        raise Refused("decision.rule", f"{organ.name}: {organ.members.needs} is not more than half of {weight}")
    if organ.subject and organ.superior is None:
        raise Refused("decision.rule", f"{organ.name}: a power is subject to a superior, and there is none")
    if organ.votes & ~VOTABLE:
        raise Refused("decision.rule", f"{organ.name}: only ratify and denounce are put to a vote")
    if organ.votes and organ.ballot is None:
        raise Refused("decision.rule", f"{organ.name}: powers are put to a vote, and no ballot is described")
    if organ.ballot:
        part, whole = organ.ballot.share
        if not whole <= 2 * part < 2 * whole or not weight < 2 * organ.ballot.quorum <= 2 * weight:
            raise Refused("decision.rule", f"{organ.name}: a vote needs a quorum and a majority of more than half")
    seats = organ.members.seats
    if organ.urgency and not set(organ.urgency.members.seats) <= set(seats):
        raise Refused("decision.rule", f"{organ.name}: only members may act in urgency")
    if organ.suspenders and not organ.suspenders <= set(seats):
        raise Refused("decision.rule", f"{organ.name}: only members may suspend")


# --- signatures -------------------------------------------------------------------------------------------------------


def verify_one(act: Act, signature: Signature, public_key: bytes) -> None:
    """Raise :class:`Refused` (``signature.invalid``) unless the signature over the act is by this Ed25519 key."""
    if signature.algorithm != ALGORITHM_ED25519 or signature.kid != kid_of(public_key):
        raise Refused("signature.invalid", "the signature names another key or algorithm")
    verify_ed25519(public_key, to_be_signed(act.envelope, signature, act.kind), signature.value)


def signers(act: Act, keys: Iterable[bytes]) -> dict[bytes, Signature]:
    """Return the good signatures of the act by any of ``keys``, at most one a key, in ascending order of the keys.

    Strangers' signatures, wrong ones and second ones are left out. Cost: one verification for each signature whose
    kid is that of a key.
    """
    by_kid: dict[bytes, list[bytes]] = {}
    for key in keys:
        by_kid.setdefault(kid_of(key), []).append(key)
    found: dict[bytes, Signature] = {}
    for signature in act.envelope.signatures:
        for key in by_kid.get(signature.kid, ()):
            if key not in found:
                try:
                    verify_one(act, signature, key)
                except Refused:
                    continue
                found[key] = signature
                break
    return dict(sorted(found.items()))


def sufficient(act: Act, committee: Committee, must_sign: Iterable[bytes] = (), needs: int | None = None) -> Envelope:
    """Return the act's sufficient envelope: the good signatures of the committee and of those who must sign.

    Raises :class:`Refused`: ``decision.insufficient`` where weight is lacking, ``decision.possession`` where one who
    must sign did not.
    """
    required = frozenset(must_sign)
    found = signers(act, required | committee.seats.keys())
    if missing := required - found.keys():
        raise Refused("decision.possession", f"{len(missing)} keys that the act seats or needs have not signed it")
    weight = sum(committee.seats.get(key, 0) for key in found)
    wanted = committee.needs if needs is None else needs
    if weight < wanted:
        raise Refused("decision.insufficient", f"signatures of weight {weight}; {wanted} needed")
    return act.envelope.with_signatures(tuple(found.values()))


# --- votes ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Poll:
    """A vote called by a member: what about, until when, who could vote, and what was cast. Grows as votes come."""

    act: Act
    organ: Organ
    called_at: int
    caller: bytes
    cast: dict[bytes, tuple[bytes, str]]  # member's key -> (vote's act id, choice); at home the first vote counts
    heard: dict[bytes, tuple[bytes, int, str]]  # vote's act id -> (member's key, weight, choice)
    spent: bool = False  # a decision has cited it

    @property
    def closes(self) -> int:
        closes: int = self.act["closes"]
        return closes

    def tally(self, votes: Collection[bytes]) -> dict[str, int]:
        """Return the weight cast for each choice, over the votes with these act ids."""
        totals = {"yes": 0, "no": 0, "abstain": 0, "recuse": 0}
        for vote in votes:
            _, weight, choice = self.heard[vote]
            totals[choice] += weight
        return totals

    def passed(self, votes: Collection[bytes]) -> bool | None:
        """Return whether the votes carry the question, or None without a quorum. A recusal takes no part in it."""
        ballot = self.organ.ballot
        assert ballot is not None
        totals = self.tally(votes)
        if totals["yes"] + totals["no"] + totals["abstain"] < ballot.quorum:
            return None
        part, whole = ballot.share
        return totals["yes"] * whole > (totals["yes"] + totals["no"]) * part


def same_question(first: Act, second: Act) -> bool:
    """Return whether two acts concern the same: text, dossier, and what a consent would reserve or confirm."""
    return all(first.get(name) == second.get(name) for name in QUESTION)


# --- spines -----------------------------------------------------------------------------------------------------------

Place = tuple[bytes, bytes]  # organ id, act id (or organ id at the beginning)


class Spines:
    """The spines of one party as one ledger shows them, from its founding act on.

    ``admit`` takes the party's acts in ledger order, and raises before it changes anything. ``home`` says whether this
    ledger is the party's home at the moment: only there siblings are refused and terms and closing times judged.
    """

    def __init__(self, founding: Act, ledger: Depositary, *, exact: bool = False) -> None:
        """Begin with a founding act. With ``exact``, an envelope that holds more than it needs is refused, as in every
        fold of what is logged; without, it is reduced, as at intake.

        Raises :class:`Refused` (``decision.*``) unless the founding act stands by itself."""
        self.ledger = ledger
        self.exact = exact
        self.founding = founding
        self.party = read_party(founding)
        self.at: dict[Place, Organ] = {}
        self.heads: dict[bytes, bytes] = {}
        self.tenure: bytes | None = None  # while this ledger is home: the act that began this time of it
        self.tenures: dict[bytes, Act | None] = {}  # each such time, by that act -> the move that ended it
        self.canonical: dict[bytes, bytes] = {}  # what this ledger took as home -> in which time
        self.taken: dict[Place, bytes] = {}
        self.given: dict[Place, bytes] = {}  # a place that was taken -> in which time
        self.waiting_here: dict[Place, tuple[bytes, bytes]] = {}  # the recovery that the home let wait at a place, when
        self.recoveries: dict[Place, tuple[bytes, int]] = {}
        self.waits: dict[Place, tuple[Place, int]] = {}  # where a recovery leads -> what it follows, when it is ready
        self.stems: dict[Place, Place] = {}  # what comes after a recovery -> where that leads
        self.tips: dict[Place, bytes] = {}  # where a recovery leads -> the last place after it, on the first branch
        self.below: dict[bytes, bytes] = {}  # a decision on two spines -> the place that it follows on the other one
        self.links: dict[bytes, Act] = {}  # decisions and recoveries: what others follow
        self.in_order: list[Act] = []  # the same
        self.created_by: dict[bytes, bytes] = {}  # an organ that was constituted -> the act that did
        self.roles: dict[bytes, str] = {}
        self.seated_by: dict[tuple[bytes, bytes], list[tuple[Act, int]]] = {}  # organ, key -> what seated it, weight
        self.urgent_by: dict[bytes, list[tuple[Act, Urgency]]] = {}  # organ -> what named who may act in urgency
        self.beacons = self.party.beacons
        self.beacons_ever = set(self.party.beacons)
        self.passkeys: dict[bytes, tuple[Passkey, ...]] = {}
        self.polls: dict[bytes, Poll] = {}
        self.handed_over: dict[bytes, tuple[Act, Organ]] = {}
        self.taken_over_once: set[bytes] = set()
        self.moved_to: Depositary | None = None  # where the party went when it last left this ledger, its home
        self.decisions: dict[bytes, Act] = {founding.id: founding}
        self.names: dict[str, bytes] = {}
        self.join(founding)
        self.found(founding)
        if self.party.home == ledger:
            self.begin(founding)
            self.canonical[founding.id] = founding.id

    @property
    def home(self) -> bool:
        """Whether this ledger is the party's home at the moment, as far as it can know."""
        return self.tenure is not None

    def found(self, act: Act) -> None:
        for value in act["organs"]:
            superior = value.get("superior")
            above = organ_id(act.id, superior) if superior else None
            if superior and superior not in self.names:
                raise Refused("decision.rule", f"{value['name']}: its superior {superior!r} must be named before it")
            self.place(read_organ(value, act.id, act.id, above), value["name"])
        self.take_roles("ledger", (self.party.home.key,))
        self.take_roles("member", (key for organ in self.at.values() for key in organ.members.seats))
        self.take_roles("beacon", self.party.beacons)
        self.take_roles("recovery", self.party.recovery.keys.seats if self.party.recovery else ())
        founders = {key for organ in self.at.values() for key in organ.members.seats}
        self.envelope = self.sufficient(act, Committee({}, 0), founders)

    def place(self, organ: Organ, name: str) -> None:
        if name in self.names:
            raise Refused("decision.rule", f"two organs are called {name!r}")
        self.names[name] = organ.id
        self.at[organ.id, organ.id] = organ
        self.heads[organ.id] = organ.id
        self.seat(self.founding, organ, None)

    def seat(self, act: Act, after: Organ, before: Organ | None) -> None:
        """Remember which act gave whom a seat, and which named who may act in urgency."""
        if after.urgency and (before is None or before.urgency != after.urgency):
            self.urgent_by.setdefault(after.id, []).append((act, after.urgency))
        for key, weight in after.members.seats.items():
            if before is None or before.members.seats.get(key) != weight:
                self.seated_by.setdefault((after.id, key), []).append((act, weight))

    def check_roles(self, act: Act) -> None:
        """Raise :class:`Refused` (``decision.key-role``) where an appointment gives a key a second role."""
        for role, keys in appointed(act):
            for key in keys:
                if self.roles.get(key, role) != role:
                    raise Refused("decision.key-role", f"a {self.roles[key]} key cannot be appointed")

    def take_roles(self, role: str, keys: Iterable[bytes]) -> None:
        """Give keys a role; no key serves two (``spec/council.md`` section 5)."""
        keys = tuple(keys)
        for key in keys:
            if self.roles.get(key, role) != role:
                raise Refused(
                    "decision.key-role", f"a key is already a {self.roles[key]} key and cannot be a {role} key"
                )
        self.roles.update(dict.fromkeys(keys, role))

    def sufficient(
        self, act: Act, committee: Committee, must_sign: Iterable[bytes] = (), needs: int | None = None
    ) -> Envelope:
        """Return the act's sufficient envelope, as :func:`sufficient` does.

        Raises also :class:`Malformed` (``envelope.not-canonical``) where a logged envelope holds anything else.
        """
        envelope = sufficient(act, committee, must_sign, needs)
        if self.exact and envelope != act.envelope:
            raise Malformed("envelope.not-canonical", "the entry holds signatures that the decision does not count")
        return envelope

    # What others ask.

    def organ(self, organ: bytes, place: bytes | None = None) -> Organ:
        """Return the organ at a place of its spine, by default its head. Raises :class:`Missing` (``unknown.*``)."""
        if organ not in self.heads:
            raise Missing("unknown.organ", "no act seen so far founded this organ")
        found = self.at.get((organ, self.heads[organ] if place is None else place))
        if found is None:
            raise Missing("unknown.prior", "the decision that this act follows has not been seen")
        return found

    def seated(self, organ: bytes, time: int) -> Organ:
        """Return the organ as it stands now, with keys that a recovery has replaced by this time."""
        return self.organ(organ, self.present(organ, time))

    def present(self, organ: bytes, time: int) -> bytes:
        """Return the place where the organ stands now: its head or, where a recovery follows that and has waited, what
        that has led to. The head stays behind: a decision in the recovery's place, whenever it is heard, is next."""
        place = self.heads.get(organ, organ)
        while (organ, place) in self.recoveries and time >= self.recoveries[organ, place][1]:
            place = self.tips[organ, self.recoveries[organ, place][0]]
        return place

    def answers_to(self, organ: Organ, power: Power) -> bytes | None:
        """Return the organ whose confirmation a power is subject to: the nearest superior not itself subject."""
        above: bytes | None = None
        while power & organ.subject and organ.superior is not None:
            above = organ.superior
            organ = self.organ(above)
        return above

    def stands_above(self, higher: bytes, lower: bytes) -> bool:
        """Return whether one organ is a superior of the other, at any distance."""
        above = self.organ(lower).superior
        while above is not None:
            if above == higher:
                return True
            above = self.organ(above).superior
        return False

    def governs(self, organ: bytes, other: bytes) -> bool:
        """Return whether one organ is the other or stands above it, at any distance."""
        return organ == other or self.stands_above(organ, other)

    # Decisions.

    def decide(self, act: Act, time: int) -> Envelope:
        """Check a decision at its place and move the spine (``spec/council.md``, steps 4 to 7). Return its envelope."""
        organ = self.organ(act["organ"], act["prior"])
        self.check_place(act, organ, time)
        check_in_office(self, act, organ, time)
        after = self.states_after(act, organ, time)
        envelope = self.envelope_of(act, organ, after, time)
        self.settle(act, after, moves=self.moves_head(act))
        return envelope

    def check_place(self, act: Act, organ: Organ, time: int) -> None:
        """Raise unless the act may follow its ``prior``: in the home ledger, only the first sufficient one may."""
        self.check_untaken((organ.id, act["prior"]), time)

    def check_untaken(self, place: Place, time: int) -> None:
        """Raise :class:`Refused` (``decision.overtaken``, ``decision.recovery-waits``) where nothing may follow yet."""
        if not self.home:
            return
        if place in self.taken:
            raise Refused("decision.overtaken", "another decision of the organ already follows the one named as prior")
        recovery = self.recoveries.get(place)
        if recovery and time >= recovery[1]:
            raise Refused("decision.overtaken", "the organ's keys were recovered at this place")
        if place in self.waits and time < self.waits[place][1]:
            raise Refused("decision.recovery-waits", "the recovery that this act follows has not taken effect")
        self.check_kept(place[1])

    def check_kept(self, place: bytes) -> None:
        """Raise :class:`Refused` (``decision.overtaken``) where a home has given what the place comes after to another:
        the organ decided while a recovery waited, or this ledger took a sibling of what it had only heard of."""
        if self.home and self.is_lost(place):
            raise Refused("decision.overtaken", "the home has given a place that this act comes after to another act")

    def is_lost(self, place: bytes) -> bool:
        """Return whether this ledger, as home, gave a place that this one comes after to another. What the home took
        ends the search, and that is mostly the place itself."""
        seen: set[bytes] = set()
        walk = [place]
        while walk:
            link = self.link(walk.pop())
            if link is None or link.id in seen or self.took(link):
                continue
            if self.gave_away(link, self):
                return True
            seen.add(link.id)
            walk += followed_by(link)
        return False

    def join(self, act: Act) -> None:
        """Remember a decision or a recovery, which others may follow."""
        self.links[act.id] = act
        self.in_order.append(act)

    def link(self, place: bytes) -> Act | None:
        """Return the act that a place is or, for the beginning of a spine, that which constituted the organ."""
        return self.links.get(self.created_by.get(place, place))

    def took(self, act: Act) -> bytes | None:
        """Return in which time this ledger, as home, took a decision, or one that follows the recovery."""
        place = (act.get("organ"), act.get("prior"))
        if act.kind == "recover" and self.taken.get(place) == act.id:
            return self.given[place]
        return self.canonical.get(act.id)

    def gave_away(self, act: Act, known: "Spines") -> list[bytes]:
        """Return in which times this ledger, as home, gave the place that the act follows to another act.

        On the spine of another organ a decision follows whatever comes before it, but for a recovery (as ``known``, a
        ledger that has both acts, tells)."""
        if act.kind == "found":
            return []
        place = (act["organ"], act["prior"])
        rivals = [(self.taken.get(place), self.given.get(place))]
        if act.kind == "recover":
            rivals.append(self.waiting_here.get(place, (None, None)))
        elif is_on_two(act) and (act["of"], act["theirs"]) in known.waits:
            rivals.append((self.taken.get((act["of"], act["theirs"])), self.given.get((act["of"], act["theirs"]))))
        return [time for rival, time in rivals if time is not None and rival != act.id]

    def give(self, place: Place, act_id: bytes) -> None:
        """Record that the home gives a place to an act, and so the place of each recovery that the act follows."""
        assert self.tenure is not None
        while place not in self.taken:
            self.taken[place], self.given[place] = act_id, self.tenure
            if place not in self.waits:
                return
            act_id, (place, _) = place[1], self.waits[place]

    def states_after(self, act: Act, organ: Organ, time: int) -> dict[Place, Organ]:
        """Return the organs that the act leaves behind, by their places. A kind that changes none moves the spine."""
        after = {(organ.id, act.id): replace(organ, place=organ.place + 1)}
        if act.kind == "confirm":
            after[organ.id, act.id] = self.taken_over(act, after[organ.id, act.id])
        if act.kind in ("elect", "dissolve", "hand-over"):
            after.update(self.changed(act, organ, time))
        if act.kind == "constitute":
            created = read_organ(act["new"], organ.party, act.id, self.superior_of(act, organ))
            if self.home and created.name in self.names:
                raise Refused("decision.rule", f"two organs are called {created.name!r}")
            if created.powers & ~organ.powers:
                raise Refused("power.missing", "an organ cannot give powers that it lacks")
            created = replace(
                created,
                lines=(*organ.lines, *created.lines),
                subject=created.subject | (conditions(organ) & created.powers),
            )
            after[created.id, created.id] = created
        return after

    def followed_of(self, organ: bytes, named: bytes) -> bytes:
        """Return the place on another organ's spine that a decision from above follows: its head, whatever later place
        than the one named that is, so that a subordinate that goes on deciding does not put off its recall. Elsewhere
        than at home, no head moves past a recovery: the last place after that."""
        self.organ(organ, named)
        if (organ, named) in self.waits:
            return named
        stem = None if self.home else self.stems.get((organ, named))
        return self.tips[stem] if stem else self.heads[organ]

    def handed(self, act: Act, organ: Organ) -> Organ:
        """Return the organ without the powers it hands over. The other organ has them once it confirms the act."""
        given = Power(act["powers"])
        if given & ~organ.powers:
            raise Refused("power.missing", "an organ cannot hand over powers that it lacks")
        if act["to"] == organ.id:
            raise Refused("decision.rule", "an organ does not hand over to itself")
        self.organ(act["to"])
        return replace(organ, powers=organ.powers & ~given)

    def taken_over(self, act: Act, organ: Organ) -> Organ:
        """Return the organ with the powers of a hand-over that the act confirms, and with the conditions on them."""
        handed = self.handed_over.get(act["about"])
        if handed is None or handed[0]["to"] != organ.id or not act["answer"] or act["about"] in self.taken_over_once:
            return organ
        given, giver = Power(handed[0]["powers"]), handed[1]
        if conditions(giver) & given and organ.superior != giver.superior and not self.stands_above(organ.id, giver.id):
            if not self.home:
                return organ  # the home took the act: before the hand-over, so that it took nothing over
            raise Refused(
                "power.missing", f"what {giver.name} decides needs a superior that {organ.name} does not have"
            )
        inherits = bool(given & BINDING) and not organ.powers & BINDING
        lines = tuple(line for line in giver.lines if inherits and line not in organ.lines)
        return replace(
            organ,
            powers=organ.powers | given,
            subject=organ.subject | (conditions(giver) & given if organ.superior == giver.superior else NO_POWER),
            lines=(*organ.lines, *lines),
        )

    def superior_of(self, act: Act, organ: Organ) -> bytes:
        name = act["new"].get("superior", organ.name)
        named = [one for one in self.heads if self.at[one, one].name == name]  # elsewhere, siblings may share a name
        below = [one for one in named if self.governs(organ.id, one)]
        if not below:
            raise Refused("decision.rule", f"the superior {name!r} is neither this organ nor one below it")
        return below[0]

    def changed(self, act: Act, organ: Organ, time: int) -> dict[Place, Organ]:
        """Return what an election, hand-over or dissolution leaves: of the organ itself, or of the one it names."""
        moved = replace(organ, place=organ.place + 1)
        if act.kind == "hand-over":
            return {(organ.id, act.id): self.handed(act, moved)}
        other_id = act.get("of")
        if other_id is None or other_id == organ.id:
            if act.kind == "elect":
                return {(organ.id, act.id): with_seating(moved, act.payload)}
            return {(organ.id, act.id): replace(moved, dissolved=True)}
        place = self.followed_of(other_id, act["theirs"])
        other = self.organ(other_id, place)
        self.check_untaken((other_id, place), time)
        self.check_kept(act["theirs"])
        theirs = replace(other, place=other.place + 1)
        if not self.stands_above(organ.id, other.id):
            raise Refused("power.missing", f"{organ.name} does not stand above {other.name}")
        if act.kind == "elect":
            return {(organ.id, act.id): moved, (other.id, act.id): with_seating(theirs, act.payload)}
        return {(organ.id, act.id): moved, (other.id, act.id): replace(theirs, dissolved=True)}

    def envelope_of(self, act: Act, organ: Organ, after: Mapping[Place, Organ], time: int) -> Envelope:
        """Return the act's sufficient envelope: by signature, or by the vote that it cites."""
        new: set[bytes] = set()
        for state in after.values():
            prior = act["prior"] if state.id == organ.id else act.get("theirs")
            before = self.at.get((state.id, prior)) if prior else None
            new |= state.members.seats.keys() - (before.members.seats.keys() if before else set())
        for key in new if self.home else ():
            if self.roles.get(key, "member") not in YIELDING:
                raise Refused("decision.key-role", f"a {self.roles[key]} key cannot take a seat")
        for passkey in act.get("passkeys") or ():
            if passkey["member"] not in organ.members.seats:
                raise Refused("decision.no-seat", f"a passkey is registered for a member of {organ.name} only")
            new.add(passkey["member"])
        if self.home:
            self.check_roles(act)
        if organ.decides_by_vote(act.row.power):
            self.check_vote(act, organ, time)
            return self.sufficient(act, organ.members, new, needs=1)
        return self.sufficient(act, organ.members, new)

    def moves_head(self, act: Act) -> bool:
        """Return whether a decision becomes the organ's present state here: at home always; elsewhere if it follows
        the branch that came first: by notice, for which acts are there must not rest on how much of a home is shown."""
        return self.home or bool(self.heads[act["organ"]] == act["prior"])

    def settle(self, act: Act, after: Mapping[Place, Organ], *, moves: bool) -> None:
        """Record an accepted decision: nothing may raise from here on."""
        self.decisions[act.id] = act
        self.join(act)
        others = [organ for organ, place in after if organ != place and organ != act["organ"]]
        followed = {organ: self.followed_of(organ, act["theirs"]) for organ in others}
        for place in followed.values():
            self.below[act.id] = place
        followed[act["organ"]] = act["prior"]
        for (organ, place), state in after.items():
            self.seat(act, state, self.at.get((organ, followed[organ])) if organ in followed else None)
            self.at[organ, place] = state
            if organ == place:
                self.names.setdefault(state.name, organ)
                self.created_by[organ] = act.id
            if organ == place or moves:
                self.heads[organ] = place
            if organ in followed:
                self.lead((organ, followed[organ]), place, moves=moves or organ == act["organ"])
            self.roles.update(dict.fromkeys(state.members.seats, "member"))
        if act.kind == "confirm" and moves and self.handed_over.get(act["about"], (act,))[0].get("to") == act["organ"]:
            self.taken_over_once.add(act["about"])
        if act.kind == "hand-over":
            self.handed_over[act.id] = (act, self.at[act["organ"], act["prior"]])
        if self.at[act["organ"], act["prior"]].decides_by_vote(act.row.power):
            self.polls[act["call"]].spent = True
        if self.tenure is not None:
            for organ, prior in followed.items():
                self.give((organ, prior), act.id)
            self.canonical[act.id] = self.tenure
        if act.kind == "appoint" and moves:
            self.beacons = frozenset(act.get("beacons") or self.beacons)
            self.beacons_ever |= self.beacons
            for role, keys in appointed(act):
                self.roles.update(dict.fromkeys(keys, role))
            self.register_passkeys(act.get("passkeys") or ())
        if act.kind == "move-home":
            self.move(act, read_depositary(act["home"]))

    def move(self, act: Act, home: Depositary) -> None:
        """Let the party leave this ledger, if it is its home, and come to the one that the act names."""
        if self.tenure is not None:
            self.tenures[self.tenure], self.moved_to, self.tenure = act, home, None
        if home == self.ledger:
            self.begin(act)

    def begin(self, act: Act) -> None:
        """Let this ledger be the party's home from here on. What led here has its places: nothing else takes them. So
        have, after that, the elections from above that led here: on the other spine, what they followed is over."""
        self.tenure = act.id
        self.tenures[act.id] = None
        walk, seen = [act.id], set()
        above: list[Act] = []
        while walk:
            link = self.link(walk.pop())
            if link is None or link.kind == "found" or link.id in seen:
                continue
            seen.add(link.id)
            known = (link["organ"], link["prior"]) in self.taken
            self.give((link["organ"], link["prior"]), link.id)
            if not known or link.kind == "recover":  # a recovery's place is given together with the one after it
                walk += followed_by(link)
            if not known and is_on_two(link):
                above.append(link)
        for link in above:
            self.close(link)

    def close(self, act: Act) -> None:
        """Give the places before a decision from above on the other spine. What stood there may be other than what the
        home before took, so that nothing is given but that spine's own places, and only those that are left."""
        organ, at, link = act["of"], self.below[act.id], act
        while True:
            known = (organ, at) in self.taken
            self.give((organ, at), link.id)
            if at not in self.links or (known and link.kind != "recover"):
                break
            link = self.links[at]
            at = link["prior"] if link["organ"] == organ else self.below[at]
        self.give((organ, act["theirs"]), act.id)

    def lead(self, before: Place, place: bytes, *, moves: bool) -> None:
        """Note a place that comes after a recovery; of rivals the first moves on what that has led to."""
        stem = self.stems.get(before)
        if stem is not None:
            self.stems[before[0], place] = stem
            if moves and self.tips[stem] == before[1]:
                self.tips[stem] = place

    def register_passkeys(self, values: Iterable[Value]) -> None:
        for value in values:
            passkey = Passkey(value["algorithm"], value["key"], value["relying_party"], value["origin"])
            self.passkeys[value["member"]] = (*self.passkeys.get(value["member"], ()), passkey)

    def recover(self, act: Act, time: int) -> Envelope:
        """Record a replacement of members' keys by the recovery keys; it takes effect after the founding act's wait,
        unless the organ decides anything before."""
        recovery = self.party.recovery
        organ = self.organ(act["organ"], act["prior"])
        if recovery is None:
            raise Refused("decision.insufficient", "the founding act names no recovery keys")
        place = (organ.id, act["prior"])
        if self.home and (place in self.taken or place in self.recoveries):
            raise Refused("decision.overtaken", "the organ has decided, or a recovery already waits at this place")
        replaced: dict[bytes, bytes] = dict(act["seats"])
        if not set(replaced) <= set(organ.members.seats) or len(set(replaced.values())) != len(act["seats"]):
            raise Refused("decision.rule", "a recovery replaces keys that have a seat, each by a new one")
        if taken := [key for key in replaced.values() if self.roles.get(key, "holder") != "holder"]:
            raise Refused("decision.key-role", f"{len(taken)} of the new keys already have a role")
        envelope = self.sufficient(act, recovery.keys, replaced.values())
        seats = {replaced.get(key, key): weight for key, weight in organ.members.seats.items()}
        members = Committee(dict(sorted(seats.items())), organ.members.needs)
        self.at[organ.id, act.id] = replace(
            organ, members=members, place=organ.place + 1, urgency=None, suspenders=None
        )
        self.seat(act, self.at[organ.id, act.id], organ)
        self.recoveries.setdefault(place, (act.id, time + recovery.wait_seconds))
        self.waits[organ.id, act.id] = (place, time + recovery.wait_seconds)
        self.stems[organ.id, act.id] = (organ.id, act.id)
        self.tips[organ.id, act.id] = act.id
        self.join(act)
        if self.tenure is not None:
            self.waiting_here[place] = (act.id, self.tenure)
        self.roles.update(dict.fromkeys(replaced.values(), "member"))
        return envelope

    def urgent(self, act: Act, time: int) -> Envelope:
        """Return the sufficient envelope of an act by the organ's urgent members, as the organ stands now."""
        organ = self.seated(act["organ"], time)
        check_in_office(self, act, organ, time)
        if organ.urgency is None or Power.URGENT not in organ.powers:
            raise Refused("power.missing", f"nobody may act for {organ.name} in urgency")
        return self.sufficient(act, organ.urgency.members)

    # Members.

    def member(self, act: Act, time: int) -> bytes:
        """Return the key of the member who speaks in the act, as the organ stands now; verify the signature.

        Raises :class:`Refused` (``decision.no-seat``, ``signature.invalid``, ``passkey.*``).
        """
        organ = self.seated(act["organ"], time)
        if organ.dissolved:
            raise Refused("decision.dissolved", f"{organ.name} was dissolved")
        signature = act.envelope.signatures[0]
        if signature.algorithm != ALGORITHM_ED25519:
            return self.passkey_member(act, organ, signature)
        no_seat = Refused("decision.no-seat", f"the signer has no seat in {organ.name}")
        return signer_among(act, organ.members.seats, no_seat)

    def member_ever(self, act: Act) -> bytes:
        """Return the key by which the act is signed, of anybody who ever had a seat in its organ here.

        Raises as :meth:`member`."""
        organ = self.organ(act["organ"])
        keys = {key: 1 for of, key in self.seated_by if of == organ.id}
        signature = act.envelope.signatures[0]
        if signature.algorithm != ALGORITHM_ED25519:
            return self.passkey_member(act, replace(organ, members=Committee(keys, 1)), signature)
        return signer_among(act, keys, Refused("decision.no-seat", f"the signer never had a seat in {organ.name}"))

    def passkey_member(self, act: Act, organ: Organ, signature: Signature) -> bytes:
        if act.kind != "vote":
            raise Refused("passkey.votes-only", "a passkey is registered for voting only")
        for member in organ.members.seats:
            for passkey in self.passkeys.get(member, ()):
                if passkey.algorithm == signature.algorithm and kid_of(passkey.public_key) == signature.kid:
                    verify_assertion(passkey, act.id, signature.value)
                    return member
        raise Refused("decision.no-seat", "no member registered this passkey")

    def call(self, act: Act, time: int) -> None:
        """Open a vote. A member keeps one vote on a question open at a time; others may call their own.

        Raises :class:`Refused` (``decision.no-seat``, ``vote.*``).
        """
        caller = self.member(act, time)
        organ = self.seated(act["organ"], time)
        if organ.ballot is None:
            raise Refused("vote.no-ballot", f"{organ.name} does not decide by vote")
        if self.home and act["closes"] < time + organ.ballot.open_seconds:
            raise Refused("vote.too-short", f"a vote of {organ.name} stays open for {organ.ballot.open_seconds} s")
        for poll in self.polls.values():
            if poll.caller == caller and same_question(poll.act, act) and time < poll.closes:
                raise Refused("vote.repeated", "the member has a vote on the same question open")
        self.polls[act.id] = Poll(act, organ, time, caller, {}, {})

    def vote(self, act: Act, time: int) -> None:
        """Count a vote: at home one a member, of members seated both when the vote was called and now. Elsewhere every
        vote of anybody who ever had a seat is kept, for what the home counted, the decision cites."""
        poll = self.polls.get(act["call"])
        if poll is None or poll.organ.id != act["organ"]:
            raise Missing("unknown.act", "the vote that this act answers has not been seen")
        if not self.home:
            key = self.member_ever(act)
            weight = poll.organ.members.seats.get(key) or self.seated_by[act["organ"], key][-1][1]
        else:
            key = self.member(act, time)
            if key not in poll.organ.members.seats:
                raise Refused("vote.not-on-roll", "the member took the seat after the vote was called")
            if key in poll.cast:
                raise Refused("vote.repeated", "the member has voted; the first vote counts")
            if time >= poll.closes:
                raise Refused("vote.closed", "the vote closed before this one was logged")
            weight = poll.organ.members.seats[key]
        poll.cast.setdefault(key, (act.id, act["choice"]))
        poll.heard[act.id] = (key, weight, act["choice"])

    def check_vote(self, act: Act, organ: Organ, time: int) -> None:
        """Raise unless the decision is what the vote it cites decided, all votes cited (``vote.*``)."""
        poll = self.polls.get(act.get("call") or b"")
        if poll is None or poll.organ.id != organ.id:
            raise Refused("vote.not-cited", f"{organ.name} decides this by vote, and the act cites none")
        refused = (
            act.kind == "refuse"
            and poll.act["decides"] in ("ratify", "accede")
            and all(act.get(name) == poll.act.get(name) for name in ("dossier", "text"))
        )
        if not refused and (act.kind != poll.act["decides"] or not same_question(poll.act, act)):
            raise Refused("vote.other-question", "the vote that the act cites was on something else")
        cited = act.get("votes") or []
        cast = {vote for vote, _ in poll.cast.values()}
        voters = {poll.heard[vote][0] for vote in cited if vote in poll.heard}
        if set(cited) != cast if self.home else len(voters) != len(cited):
            raise Refused("vote.incomplete", "the act must cite every counted vote, and nothing else")
        if self.home and poll.spent:
            raise Refused("vote.spent", "a decision has already been taken on this vote")
        if self.home and time < poll.closes:
            raise Refused("vote.open", "the vote has not closed")
        passed = poll.passed(cited)
        if passed is None:
            raise Refused("vote.no-quorum", "the vote had no quorum and decides nothing")
        if passed == (act.kind == "refuse"):
            raise Refused("vote.contradicted", "the vote decided the opposite")

    def beacon(self, act: Act) -> bytes:
        """Return the beacon key, among those that the spine names, by which the act is signed."""
        return signer_among(
            act, self.beacons, Refused("signature.invalid", "no beacon key of the party made this signature")
        )


def is_on_two(act: Act) -> bool:
    """Return whether a decision concerns an organ below, and so stands on its spine, too."""
    return act.kind in ("elect", "dissolve") and act.get("of") not in (None, act["organ"])


def followed_by(act: Act) -> list[bytes]:
    """Return the places that a decision or a recovery names as those that it comes after."""
    if act.kind == "found":
        return []
    return [act["prior"], *([act["theirs"]] if is_on_two(act) else [])]


def signer_among(act: Act, keys: Iterable[bytes], otherwise: Refused) -> bytes:
    """Return the one of ``keys`` that signed the act, a COSE_Sign1. A kid is a hint: every key that has it is tried."""
    signature = act.envelope.signatures[0]
    for key in keys:
        if kid_of(key) == signature.kid:
            otherwise = Refused("signature.invalid", "the signature does not verify with the key it must be by")
            try:
                verify_one(act, signature, key)
            except Refused:
                continue
            return key
    raise otherwise


def appointed(act: Act) -> tuple[tuple[str, list[bytes]], ...]:
    """Return the keys that an appointment names, by the role it gives them; nothing for other acts."""
    if act.kind != "appoint":
        return ()
    return ("beacon", act.get("beacons") or []), ("dispatch", act.get("dispatch") or [])


def read_party(act: Act) -> Party:
    """Return the party that a founding act founds."""
    if act.kind != "found":
        raise Malformed("act.kind", "a party begins with its founding act")
    recovery = act.get("recovery")
    return Party(
        id=act.id,
        name=act["name"],
        home=read_depositary(act["home"]),
        suspension_seconds=act["suspension"],
        beacons=frozenset(act.get("beacons") or ()),
        recovery=Recovery(read_committee(recovery["keys"], recovery["needs"]), recovery["wait"]) if recovery else None,
    )


def check_in_office(spines: Spines, act: Act, organ: Organ, time: int) -> None:
    """Raise unless the organ exists, is within its term (at home) and has the power that the kind asks for."""
    if organ.dissolved:
        raise Refused("decision.dissolved", f"{organ.name} was dissolved")
    may_elect = act.kind == "elect" and organ.superior is None
    over = spines.home and organ.until is not None and time >= organ.until
    if over and not may_elect and act.kind != "hand-over":
        raise Refused("decision.term-over", f"the term of {organ.name} is over")
    for_all = act.kind == "move-home" or act.get("beacons") or act.get("dispatch")
    if for_all and organ.superior is not None:
        raise Refused(
            "power.missing", f"{organ.name} answers to another organ, and this is for the one that answers to none"
        )
    if act.row.power & ~organ.powers & ALL_POWERS:
        raise Refused("power.missing", f"{organ.name} has no power to {act.kind}")


def conditions(organ: Organ) -> Power:
    """Return the powers of an organ that are subject to its superior: to conclude is to bind as by ratifying."""
    return organ.subject | (Power.CONCLUDE if Power.RATIFY in organ.subject else NO_POWER)
