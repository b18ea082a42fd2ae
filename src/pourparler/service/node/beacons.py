"""The beacons of parties: which are taken, and which may be relied on. Specification: ``spec/node.md`` section 7.

For each key there is a ratchet: a serial only goes up, no faster than time allows, and so does the count it states. A
thief of the key can turn it no further than that; and when the party names another key, that one begins anew. Two
beacons that contradict each other are proof against the key, and none of it counts any more until the home shows which
one is true.
"""

from pourparler.core import limits
from pourparler.core.act import Act, parse_act
from pourparler.core.authority import Register
from pourparler.core.council import signer_among
from pourparler.core.encoding import kid_of
from pourparler.core.errors import Missing, Refused
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.nouns import Came
from pourparler.store.node import StoredBeacon

BEACON, AGAINST_HOME = "beacon", "beacon-home"  # the kinds of proof


def beacon_issuer(party: bytes, key: bytes) -> bytes:
    """Return the name under which the beacons of a key stand in heads."""
    return party + kid_of(key)


def beacon_keys(holdings: Holdings, register: Register) -> frozenset[bytes]:
    """Return the keys whose beacons speak for a party now: those that its home names, where it is shown, else those of
    its newest appointment that no other decision contradicts, or of its founding."""
    home = holdings.home(register)
    keys = home.registers[-1].spines.beacons if home else frozenset()
    named = newest_appointment(holdings, register, "beacons")
    at = register.spines.at
    if home and named is not None and (named["organ"], named.id) not in home.registers[-1].spines.at:
        if at[named["organ"], named.id].place <= place_at_home(home.registers[-1], named["organ"]):
            return keys  # the home went another way
    return frozenset(named["beacons"]) if named is not None else keys or register.spines.party.beacons


def place_at_home(home: Register, organ: bytes) -> int:
    """Return how far the home is shown to have an organ's spine."""
    return home.spines.organ(organ).place if organ in home.spines.heads else -1


def newest_appointment(holdings: Holdings, register: Register, names: str) -> Act | None:
    """Return the party's newest decision that names such keys, and that nothing contradicts."""
    spines = register.spines
    found = [act for act in spines.decisions.values() if act.kind == "appoint" and act.get(names)]
    found.sort(key=lambda act: spines.at[act["organ"], act.id].place, reverse=True)
    for act in found:
        if holdings.doubt(act) is None and not holdings.awaits(act) and not holdings.lost(act):
            return act
    return None


def check(holdings: Holdings, act: Act, register: Register) -> bytes:
    """Return the key of a beacon that goes on from those before it; keep what contradicts them as proof.

    Raises :class:`Refused` (``signature.invalid``, ``beacon.serial``, ``node.beacon-jump``, ``node.equivocation``) and
    :class:`Missing` (``node.future``).
    """
    nobody = Refused("signature.invalid", "no beacon key of the party made this signature")
    keys = beacon_keys(holdings, register)
    key = signer_among(act, keys, nobody)
    held = holdings.store.beacons(register.party)
    moved = moved_at(holdings, register)
    liars = caught_kids(holdings, register)
    for one in held:
        twice = one.key == key and one.serial == act["serial"]
        # A key that was replaced, or is known to lie, proves nothing against another.
        counts = one.key == key or (one.key in keys and kid_of(one.key) not in liars)
        split = counts and one.count == act["count"] and one.head != act["head"] and one.heard >= moved
        if twice or split:
            holdings.accuse(BEACON, register.party, key, one.data, act.envelope.encoded())
            raise Refused("node.equivocation", "it contradicts another beacon of the party: both are kept as proof")
    if act["at"] > holdings.latest() + limits.NODE_SKEW_SECONDS:
        raise Missing("node.future", "it is dated ahead of this node's time")
    check_ratchet(holdings, act, key, [one for one in held if one.key == key], moved)
    return key


def moved_at(holdings: Holdings, register: Register) -> int:
    """Return since when the party's home is the one that it moved to last: there its stream is counted anew."""
    moves = [act.id for act in register.spines.decisions.values() if act.kind == "move-home"]
    return max((holdings.registry.outcomes[act].moment.time for act in moves), default=limits.TIME_MIN)


def check_ratchet(holdings: Holdings, act: Act, key: bytes, before: list[StoredBeacon], moved: int) -> None:
    """Raise unless serial, time and count go on from the newest beacon of the key, and no faster than time allows."""
    newest = before[0] if before else None
    if newest and act["serial"] < newest.serial:
        raise Refused("beacon.serial", "a beacon of this key with a later serial was heard")
    elapsed = act["at"] - newest.at if newest else max(act["at"], 0)
    if elapsed < 0 or act["serial"] - (newest.serial if newest else 0) > limits.NODE_BEACON_JUMP + 2 * elapsed:
        raise Refused("node.beacon-jump", "its serial or its time jumps as no beacon's does")
    if newest and act["count"] < newest.count and newest.heard >= moved:
        holdings.accuse(BEACON, act["party"], key, newest.data, act.envelope.encoded())
        raise Refused("node.equivocation", "it counts fewer acts than the one before it: both are kept as proof")


def is_spaced(holdings: Holdings, register: Register, key: bytes) -> bool:
    """Return whether the next beacon of a key goes into the journal: at most one a minute does, so that whoever has the
    key cannot fill it."""
    journaled = [beacon.moment.time for beacon in register.beacons if beacon.key == key]
    return not journaled or holdings.now() - journaled[-1] >= limits.NODE_BEACON_SPACING_SECONDS


def keep(holdings: Holdings, act: Act, key: bytes, came: Came, *, journaled: bool) -> None:
    """Keep a beacon that was checked; its time is one that others have signed."""
    beacon = StoredBeacon(
        act.id, act["party"], key, act["serial"], act["count"], act["head"], act["at"], act["next"], holdings.now(),
        journaled, came.channel, act.envelope.encoded(),
    )  # fmt: skip
    holdings.store.add_beacon(beacon)
    holdings.store.unsay(beacon_issuer(act["party"], key))  # who said that there is a later one says so again
    if act["at"] <= holdings.latest() + limits.NODE_SKEW_SECONDS:
        holdings.note_time(act["at"])
    holdings.tell(act)


def trusted(holdings: Holdings, register: Register) -> tuple[StoredBeacon, ...]:
    """Return the beacons of a party that may be relied on, the newest first."""
    keys, home = beacon_keys(holdings, register), holdings.home(register)
    caught = caught_kids(holdings, register)
    good = [
        one
        for one in holdings.store.beacons(register.party)
        if one.key in keys
        and (kid_of(one.key) not in caught or (home and any(had.had(one.count, one.head) for had in home.registers)))
    ]
    return tuple(sorted(good, key=lambda one: (one.at, one.serial), reverse=True))


def caught_kids(holdings: Holdings, register: Register) -> set[bytes]:
    """Return the kids of the beacon keys in beacons that contradict each other. Of two keys that do, either may be the
    stolen one: which of the two was heard first says nothing."""
    proofs = [proof for proof in holdings.store.proofs(register.party) if proof.kind == BEACON]
    both = [parse_act(data) for proof in proofs for data in (proof.first, proof.second)]
    return {signature.kid for act in both for signature in act.envelope.signatures}


def check_against_home(holdings: Holdings, register: Register) -> None:
    """Keep as proof each beacon whose count the home has passed, and whose head it never had: the key lies, or the home
    shows two histories."""
    home = holdings.home(register)
    if home is None or len(home.registers) != 1:
        return  # of a party that moved, a count alone does not say in which home
    (there,) = home.registers
    notes = [ledger.note for ledger in holdings.homes.best(register.party).values()]
    for one in holdings.store.beacons(register.party):
        if one.count <= len(there.heads) and not there.had(one.count, one.head):
            holdings.accuse(AGAINST_HOME, register.party, one.key, one.data, notes[0])
