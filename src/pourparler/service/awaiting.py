"""What is awaited of whom, by when: read from a ledger's fold at a moment.

Nothing here is a rule. The dossier, the register and the spines say where things stand; this module says whose turn it
is, so that a desk can show it. What nobody has to do is not awaited: silence has its own consequences, and where they
come at a known instant, that is the deadline.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pourparler.core.act import Power
from pourparler.core.authority import Ending, Mandate, Moment, Register
from pourparler.core.dossier import BINDING, ConsentState, Dossier, DossierState, Paper, TextState
from pourparler.core.errors import PourparlerError
from pourparler.core.registry import Registry

SOON_SECONDS = 30 * 86_400
DEAD = frozenset({TextState.SUPERSEDED, TextState.REJECTED, TextState.WITHDRAWN, TextState.LAPSED})


@dataclass(frozen=True, slots=True)
class Awaited:
    """One thing that is awaited: of an organ, a party or a holder (``who``), whose ``keys`` can do it.

    ``what`` is a word: ``join``, ``adopt``, ``sign``, ``ratify``, ``accede``, ``confirm``, ``vote``, ``result``,
    ``answer``, ``elect``, ``renew``, ``duty``, ``beacon``. ``deadline`` is in log seconds, where there is one.
    """

    what: str
    who: bytes
    keys: frozenset[bytes]
    deadline: int | None = None
    dossier: bytes | None = None
    text: bytes | None = None
    about: bytes | None = None
    needs: int = 1


def awaited(registry: Registry, moment: Moment) -> list[Awaited]:
    """Return what is awaited at a moment, by deadline; what has none comes last. Cost: linear in the registry."""
    found = [item for dossier in registry.dossiers.values() for item in in_dossier(registry, dossier, moment)]
    found += [item for register in registry.registers.values() for item in in_register(register, moment)]
    return sorted(found, key=lambda item: (item.deadline is None, item.deadline or 0, item.what, item.who))


# --- in a dossier -----------------------------------------------------------------------------------------------------


def in_dossier(registry: Registry, dossier: Dossier, moment: Moment) -> Iterator[Awaited]:
    state = dossier.state(moment)
    if state is DossierState.INVITED:
        for party in dossier.parties:
            if party not in dossier.joined:
                keys = holders(registry, party, Power.OPEN, moment)
                yield Awaited("join", party, keys, dossier.join_by, dossier.id)
    if state is DossierState.OPEN:
        for paper in dossier.papers.values():
            yield from on_text(registry, dossier, paper, moment)
    for invitation in dossier.invitations:
        for party in invitation.act["parties"]:
            if dossier.invitation_state(invitation, party, moment) == "open":
                keys = members(registry, party, Power.RATIFY, moment)
                text = invitation.act["text"]
                yield Awaited("accede", party, keys, invitation.by, dossier.id, text, invitation.act.id)


def on_text(registry: Registry, dossier: Dossier, paper: Paper, moment: Moment) -> Iterator[Awaited]:
    state = dossier.text_state(paper, moment)
    present = dossier.joined.keys() - dossier.left
    if state is TextState.PROPOSED and newer_offer(dossier, paper, moment) is None:
        for party in sorted(present - paper.adopted_by):
            keys = holders(registry, party, Power.ADOPT, moment)
            yield Awaited("adopt", party, keys, paper.until, dossier.id, paper.digest)
    if state in (TextState.ADOPTED, TextState.AUTHENTICATED, TextState.OPEN_FOR_CONSENT):
        for party in sorted(paper.adopted_by & present):
            yield from of_party(registry, dossier, paper, party, moment)


def newer_offer(dossier: Dossier, paper: Paper, moment: Moment) -> Paper | None:
    """Return the newest offer that has come after this one, where that is what the talks have come to; else None.

    In law the older one stands until it is answered, rejected or withdrawn, or lapses (``spec/dossier.md`` section
    3.2): whoever wants it may still adopt it, and what somebody other than its author has adopted is awaited of the
    others all the same. But where offers answer one another, nobody waits for a word on it while a newer one lives.
    """
    if dossier.text_state(paper, moment) is not TextState.PROPOSED or not dossier.counter_kills:
        return None
    if paper.adopted_by - {paper.author}:
        return None
    later = [other for other in dossier.papers.values() if other.moment.index > paper.moment.index]
    alive = [other for other in later if dossier.text_state(other, moment) not in DEAD]
    return alive[-1] if alive else None


def of_party(registry: Registry, dossier: Dossier, paper: Paper, party: bytes, moment: Moment) -> Iterator[Awaited]:
    """Yield what a party still has to do for its consent to a text."""
    consent = paper.consents.get(party)
    state = dossier.consent_state(paper, party, moment)
    if consent is not None and consent.state in BINDING and dossier.bound_since(consent) is None:
        assert consent.subject_to is not None
        assert consent.act is not None
        keys = frozenset(registry.register(party).spines.seated(consent.subject_to, moment.time).members.seats)
        yield Awaited("confirm", consent.subject_to, keys, None, dossier.id, paper.digest, consent.act.id)
    elif state in (ConsentState.NONE, ConsentState.LAPSED):
        signs = Power.SIGN_AD_REFERENDUM
        keys = holders(registry, party, signs, moment) | holders(registry, party, Power.CONCLUDE, moment)
        yield Awaited("sign", party, keys, None, dossier.id, paper.digest)
    elif state is ConsentState.SIGNED_AD_REFERENDUM and consent is not None:
        for signature in dossier.pending_signatures(consent, moment):
            organ = registry.register(party).spines.seated(signature.act["organ"], moment.time)
            yield Awaited(
                "ratify", organ.id, frozenset(organ.members.seats), signature.deadline, dossier.id, paper.digest,
                signature.act.id, organ.members.needs,
            )  # fmt: skip


def holders(registry: Registry, party: bytes, power: Power, moment: Moment) -> frozenset[bytes]:
    """Return the keys that hold a mandate of the party with a power, and stand."""
    register = registry.registers.get(party)
    keys: set[bytes] = set()
    for mandate in register.mandates.values() if register else ():
        if mandate.holder is not None and register and stands(register, mandate, power, moment):
            keys |= register.speakers(mandate, moment).seats.keys()
    return frozenset(keys)


def stands(register: Register, mandate: Mandate, power: Power, moment: Moment) -> bool:
    try:
        register.check_standing(mandate, power, moment)
    except PourparlerError:
        return False
    return all(power in link.powers for link in mandate.chain())


def members(registry: Registry, party: bytes, power: Power, moment: Moment) -> frozenset[bytes]:
    """Return the members of the party's organs that have a power."""
    register = registry.registers.get(party)
    organs = (
        (register.spines.seated(organ, moment.time) for organ in register.spines.names.values()) if register else ()
    )
    return frozenset(key for organ in organs if power in organ.powers for key in organ.members.seats)


# --- in a party's register --------------------------------------------------------------------------------------------


def in_register(register: Register, moment: Moment) -> Iterator[Awaited]:
    yield from of_polls(register, moment)
    yield from of_questions(register, moment)
    yield from of_endings(register, moment)
    yield from of_terms(register, moment)
    for mandate in register.mandates.values():
        yield from of_mandate(register, mandate, moment)


def of_polls(register: Register, moment: Moment) -> Iterator[Awaited]:
    for poll in register.spines.polls.values():
        if poll.spent:
            continue
        seats = frozenset(poll.organ.members.seats)
        dossier, text = poll.act.get("dossier"), poll.act.get("text")
        if moment.time < poll.closes:
            if waiting := seats - poll.cast.keys():
                yield Awaited("vote", poll.organ.id, waiting, poll.closes, dossier, text, poll.act.id)
        elif poll.passed([vote for vote, _ in poll.cast.values()]) is not None:
            yield Awaited("result", poll.organ.id, seats, None, dossier, text, poll.act.id)


def of_questions(register: Register, moment: Moment) -> Iterator[Awaited]:
    for question in register.questions.values():
        if question.answered is None:
            organ = register.spines.seated(question.act["of"], moment.time)
            keys = frozenset(organ.members.seats)
            yield Awaited("answer", organ.id, keys, question.act["due"], about=question.act.id)


def of_endings(register: Register, moment: Moment) -> Iterator[Awaited]:
    """Yield suspensions and urgent acts that nobody has answered and that have not lapsed."""
    pending: dict[bytes, tuple[bytes, int]] = {}
    for listed in register.endings.values():
        for ending in listed:
            if ending.lapses is not None and register.answered(ending) is None and moment.time < ending.lapses:
                pending[ending.act.id] = (ending.act["organ"], ending.lapses)
    for act_id, urgent in register.urgent_acts.items():
        if not isinstance(urgent, Ending):
            lapses = urgent.logged.time + register.urgencies[act_id].lapse_seconds
            if register.confirmed(act_id, urgent.organ) is None and moment.time < lapses:
                pending[act_id] = (urgent.organ, lapses)
    for act_id, (organ, lapses) in pending.items():
        seated = register.spines.seated(organ, moment.time)
        yield Awaited(
            "confirm", organ, frozenset(seated.members.seats), lapses, about=act_id, needs=seated.members.needs
        )


def of_terms(register: Register, moment: Moment) -> Iterator[Awaited]:
    for organ_id in register.spines.names.values():
        organ = register.spines.seated(organ_id, moment.time)
        if organ.until is not None and not organ.dissolved and organ.until - moment.time <= SOON_SECONDS:
            above = register.spines.seated(organ.superior, moment.time) if organ.superior else organ
            yield Awaited("elect", organ.id, frozenset(above.members.seats), organ.until, needs=above.members.needs)


def of_mandate(register: Register, mandate: Mandate, moment: Moment) -> Iterator[Awaited]:
    if mandate.holder is None or not any(stands(register, mandate, power, moment) for power in Power):
        return
    holder = frozenset(mandate.holder.seats)
    if mandate.until is not None and mandate.until - moment.time <= SOON_SECONDS:
        organ = register.spines.seated(mandate.organ, moment.time)
        yield Awaited("renew", mandate.organ, holder | organ.members.seats.keys(), mandate.until, about=mandate.id)
    if mandate.duty is not None and moment.time < mandate.duty.by and mandate.id not in register.done:
        yield Awaited("duty", mandate.id, holder, mandate.duty.by, about=mandate.id)
    if mandate.fresh_seconds is not None:
        newest = max((beacon.since for beacon in register.beacons), default=None)
        deadline = newest + mandate.fresh_seconds if newest is not None else moment.time
        yield Awaited("beacon", register.party, frozenset(register.spines.beacons), deadline, about=mandate.id)
