"""What of an act follows from where things stand, so that nobody has to write it.

A decision follows the head of its organ's spine; a ratification names the signatures that wait and the past that its
deciders have seen; a signature under a cumulative limit states the running total. All of it is read from the registry,
and everything that somebody wrote himself stays as it was written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from pourparler.core.act import KINDS, Issuer, Power, issuer_of
from pourparler.core.authority import Moment, Register
from pourparler.core.council import Depositary, Poll, Spines
from pourparler.core.dossier import Signature
from pourparler.core.encoding import Value
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import amount, look_up
from pourparler.core.registry import Registry
from pourparler.service.speaking import mandate_of, register_of_organ

SUSPENSION_SECONDS = 86_400
DEADLINE_SECONDS = 14 * 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """Where things stand in one ledger: its fold, the moment an act would be logged at, what streams have come to."""

    registry: Registry
    depositary: Depositary
    moment: Moment
    position: Callable[[bytes], list[object]]
    chance: Callable[[int], bytes]
    home: Registry | None = None


def completed(kind: str, written: Mapping[str, Value], here: Standing) -> dict[str, Value]:
    """Return the fields of an act with those that follow. Raises :class:`Missing` where an id in it is unknown."""
    fields = {"at": here.moment.time, **written}
    wire: Value = {"origin": here.depositary.origin, "key": here.depositary.key}
    match kind:
        case "found":
            fields = {"nonce": here.chance(16), "home": wire, "suspension": SUSPENSION_SECONDS, **fields}
        case "open":
            fields = {"nonce": here.chance(16), "ledger": wire, "rules": {}, **fields}
            fields["rules"] = {"adopt": "all", **fields["rules"]}
        case "beacon":
            fields = {**of_beacon(fields, here), **fields}
    if issuer_of(kind, fields) in (Issuer.ORGAN, Issuer.RECOVERY) and kind != "found":
        fields = {**of_decision(kind, fields, here), **fields}
    if kind == "sign-ad-referendum" and "by" in fields:
        mandate, _ = mandate_of(fields["by"], here.registry)
        fields = {"organ": mandate.organ, "deadline": here.moment.time + DEADLINE_SECONDS, **fields}
    if kind in ("sign-ad-referendum", "conclude") and {"by", "text"} <= fields.keys():
        fields = {**of_limit(fields, here), **fields}
    return fields


def of_decision(kind: str, fields: Mapping[str, Value], here: Standing) -> dict[str, Value]:
    if "organ" not in fields:
        return {}
    register = register_of_organ(fields["organ"], here.registry)
    at_home = here.home.registers.get(register.party) if here.home else None
    spines = (at_home or register).spines  # what the organ decided last, it decided at home
    heads = spines.heads
    follows: dict[str, Value] = {"prior": place_to_follow(spines, fields["organ"], here.moment)}
    if kind in ("elect", "dissolve") and "of" in fields:
        follows["theirs"] = heads.get(fields["of"], fields["of"])
    if kind in ("ratify", "accede") and "dossier" in fields:
        follows["seen"] = {"dossier": here.position(fields["dossier"]), "party": here.position(register.party)}
        if here.home is not None and (seen := heads_at_home(register, here.home)):
            follows["spines"] = seen
    if kind == "ratify" and {"dossier", "text"} <= fields.keys():
        waiting = waiting_signatures(register, fields, here)
        if waiting:
            follows["signs"] = sorted(signature.act.id for signature in waiting)
    if register.spines.organ(fields["organ"]).decides_by_vote(KINDS[kind].power):
        follows |= of_vote(kind, fields, register)
    return follows


def place_to_follow(spines: Spines, organ: bytes, moment: Moment) -> bytes:
    """Return the place that an organ's next decision follows: its head, or a recovery there that has taken effect."""
    head = spines.heads[organ]
    recovery, ready = spines.recoveries.get((organ, head), (head, 0))
    return recovery if moment.time >= ready else head


def heads_at_home(register: Register, home: Registry) -> list[Value]:
    """Return the heads of the party's spines in its home ledger, where that is another and is at hand."""
    at_home = home.registers.get(register.party)
    heads = at_home.spines.heads if at_home else {}
    return sorted(head for organ, head in heads.items() if head != organ and head in register.spines.decisions)


def waiting_signatures(register: Register, fields: Mapping[str, Value], here: Standing) -> list[Signature]:
    """Return the party's signatures of the text that wait for this organ, or one below it."""
    dossier = here.registry.dossiers.get(fields["dossier"])
    paper = dossier.papers.get(fields["text"]) if dossier else None
    consent = paper.consents.get(register.party) if paper else None
    confirmed = set(fields.get("confirms") or ())
    found = dossier.pending_signatures(consent, here.moment) if dossier and consent else []
    found = [s for s in found if s.act.kind == "sign-ad-referendum" and governs(register, fields["organ"], s)]
    return found + [s for s in (consent.signatures if consent else ()) if s.act.id in confirmed and s not in found]


def governs(register: Register, organ: bytes, signature: Signature) -> bool:
    try:
        return register.spines.governs(organ, signature.act["organ"])
    except PourparlerError:
        return False


def poll_on(kind: str, fields: Mapping[str, Value], register: Register) -> Poll | None:
    """Return the newest vote of the organ on this question, or None."""
    asked = ("ratify", "accede") if kind == "refuse" else (kind,)
    found = [
        poll
        for poll in register.spines.polls.values()
        if poll.organ.id == fields["organ"]
        and poll.act["decides"] in asked
        and all(poll.act.get(name) == fields.get(name) for name in ("dossier", "text"))
        and not poll.spent
    ]
    return found[-1] if found else None


def of_vote(kind: str, fields: Mapping[str, Value], register: Register) -> dict[str, Value]:
    poll = register.spines.polls.get(fields["call"]) if "call" in fields else poll_on(kind, fields, register)
    if poll is None:
        return {}
    votes = sorted(vote for vote, _ in poll.cast.values())
    tally = {choice: weight for choice, weight in poll.tally(votes).items() if choice != "recuse"}
    follows: dict[str, Value] = {"call": poll.act.id, "tally": tally}
    return follows | ({"votes": votes} if votes else {})


def of_beacon(fields: Mapping[str, Value], here: Standing) -> dict[str, Value]:
    if "party" not in fields:
        return {}
    count, head = here.position(fields["party"])
    beacons = here.registry.register(fields["party"]).beacons
    serial = max((beacon.act["serial"] for beacon in beacons), default=0) + 1
    return {"count": count, "head": head, "serial": serial, "next": here.moment.time + 86_400}


def of_limit(fields: Mapping[str, Value], here: Standing) -> dict[str, Value]:
    """Return the running total and the signature before, where the chain has a cumulative limit."""
    mandate, _ = mandate_of(fields["by"], here.registry)
    limited = next((link for link in mandate.chain() if link.limit), None)
    text = here.registry.text(fields["text"])
    if limited is None or limited.limit is None or text is None:
        return {}
    figure = amount(look_up(text.terms, limited.limit.path))
    if figure is None:
        return {}
    before = here.registry.spending(limited.id)
    total = figure.number
    for entry in before:
        if entry.reserved(here.moment):
            total += entry.spent.number
    written: Value = written_number(total)
    stated: dict[str, Value] = {"total": [figure.currency, written] if figure.currency else written}
    return stated | ({"previous": before[-1].signature.act.id} if before else {})


def written_number(number: Decimal) -> str:
    return format(number, "f")


def mandates_of_holder(registry: Registry, keys: frozenset[bytes], moment: Moment) -> list[bytes]:
    """Return the mandates under which one of these keys speaks now, in the order in which they were logged."""
    found = [
        (mandate.logged.index, mandate.id)
        for register in registry.registers.values()
        for mandate in register.mandates.values()
        if mandate.holder is not None and register.speakers(mandate, moment).seats.keys() & keys
    ]
    return [mandate for _, mandate in sorted(found)]


def organs_that_may(register: Register, power: Power) -> list[bytes]:
    """Return the party's organs that have a power and are not dissolved."""
    organs = (register.spines.organ(organ) for organ in register.spines.names.values())
    return [organ.id for organ in organs if power in organ.powers and not organ.dissolved]
