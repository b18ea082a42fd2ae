"""Who has to sign an act, as far as a desk must know it: whose keys to try, and whom to ask next.

Nothing here decides. The registry judges the act, and says whether the signatures suffice; this module reads from the
same registry whose they could be.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pourparler.core.act import KINDS, SINGLE, Issuer, issuer_of
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.council import Committee
from pourparler.core.encoding import Value
from pourparler.core.errors import Missing
from pourparler.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Speakers:
    """The keys that may sign an act: ``seats`` with their weights, of which ``needs`` must come together; and those
    that must sign ``besides``. ``single`` acts are spoken by one key alone."""

    seats: Mapping[bytes, int]
    needs: int
    besides: frozenset[bytes] = frozenset()
    single: bool = False

    @property
    def keys(self) -> frozenset[bytes]:
        return self.besides | self.seats.keys()

    def weight(self, signed: frozenset[bytes]) -> int:
        return sum(weight for key, weight in self.seats.items() if key in signed)

    def enough(self, signed: frozenset[bytes]) -> bool:
        return self.weight(signed) >= self.needs and self.besides <= signed


def speakers(kind: str, fields: Mapping[str, Value], registry: Registry, moment: Moment) -> Speakers:
    """Return whose signatures an act asks for. Raises :class:`Missing` (``unknown.*``)."""
    match issuer_of(kind, fields):
        case Issuer.ORGAN:
            return of_founders(fields) if kind == "found" else of_organ(kind, fields, registry)
        case Issuer.URGENT:
            organ = register_of_organ(fields["organ"], registry).spines.seated(fields["organ"], moment.time)
            members = organ.urgency.members if organ.urgency else Committee({}, 1)
            return Speakers(members.seats, members.needs)
        case Issuer.RECOVERY:
            recovery = register_of_organ(fields["organ"], registry).spines.party.recovery
            keys = recovery.keys if recovery else Committee({}, 1)
            return Speakers(keys.seats, keys.needs, frozenset(new for _, new in fields["seats"]))
        case Issuer.MEMBER:
            organ = register_of_organ(fields["organ"], registry).spines.seated(fields["organ"], moment.time)
            return Speakers(dict.fromkeys(organ.members.seats, 1), 1, single=True)
        case Issuer.HOLDER:
            return of_holder(kind, fields, registry, moment)
        case Issuer.CERTIFIER:
            certifier = mandate_of(fields["class"], registry)[0].certifier
            return Speakers({certifier: 1} if certifier else {}, 1, single=True)
        case Issuer.BEACON:
            return Speakers(dict.fromkeys(registry.register(fields["party"]).spines.beacons, 1), 1, single=True)
        case _:
            return Speakers({}, 1, single=True)


def role_of(kind: str, fields: Mapping[str, Value], found: Speakers, key: bytes) -> str | None:
    """Return the role in which a key signs an act, or None where the law asks for none.

    The law gives a key one role in each party (``spec/council.md`` section 5); a keyring gives it one for its life.
    """
    match issuer_of(kind, fields):
        case Issuer.ORGAN | Issuer.URGENT | Issuer.MEMBER:
            return "member"
        case Issuer.RECOVERY:
            return "recovery" if key in found.seats else "member"
        case Issuer.HOLDER:
            return "holder" if found.seats.get(key) else None  # whoever signs beside the holder may be anybody
        case Issuer.BEACON:
            return "beacon"
        case _:
            return None


def of_founders(fields: Mapping[str, Value]) -> Speakers:
    keys = {key for organ in fields["organs"] for key, _ in organ["seats"]}
    return Speakers(dict.fromkeys(sorted(keys), 1), len(keys))


def of_organ(kind: str, fields: Mapping[str, Value], registry: Registry) -> Speakers:
    spines = register_of_organ(fields["organ"], registry).spines
    organ = spines.organ(fields["organ"], fields["prior"])
    seated = organ.members.seats
    if kind == "elect" and fields.get("of"):
        seated = spines.organ(fields["of"], fields["theirs"]).members.seats
    elif kind == "constitute":
        seated = {}
    named = fields["new"]["seats"] if kind == "constitute" else fields["seats"] if kind == "elect" else ()
    besides = {key for key, _ in named} - seated.keys()
    besides |= {passkey["member"] for passkey in fields.get("passkeys") or ()}
    needs = 1 if organ.decides_by_vote(KINDS[kind].power) else organ.members.needs
    return Speakers(organ.members.seats, needs, frozenset(besides))


def of_holder(kind: str, fields: Mapping[str, Value], registry: Registry, moment: Moment) -> Speakers:
    mandate, register = mandate_of(fields["by"], registry)
    holder = register.speakers(mandate, moment)
    power = KINDS[kind].power
    beside = [link.cosigning.by for link in mandate.chain() if link.cosigning and power & link.cosigning.powers]
    single = len(holder.seats) == 1 and not beside and (mandate.single or holder is not mandate.holder)
    others = {key for by in beside for key in by.seats if by.needs == by.weight}
    seats = {**dict.fromkeys((key for by in beside for key in by.seats), 0), **holder.seats}
    return Speakers(seats, holder.needs, frozenset(others), single=single)


def several(kind: str, fields: Mapping[str, Value], found: Speakers) -> bool:
    """Return whether the act is to be drafted for several signatures."""
    issuer = issuer_of(kind, fields)
    return issuer not in SINGLE and not found.single


def register_of_organ(organ: bytes, registry: Registry) -> Register:
    party = registry.party_of_organ.get(organ)
    if party is None:
        raise Missing("unknown.organ", "no act seen so far founded this organ")
    return registry.register(party)


def mandate_of(mandate: bytes, registry: Registry) -> tuple[Mandate, Register]:
    party = registry.party_of_mandate.get(mandate)
    if party is None:
        raise Missing("unknown.mandate", "the mandate has not been seen in this ledger")
    register = registry.register(party)
    return register.mandate(mandate), register
