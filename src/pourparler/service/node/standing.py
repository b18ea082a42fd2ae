"""May a power be used under a mandate, as far as this node knows? Specification: ``spec/node.md`` section 6.

The rules are the core's (``spec/authority.md`` 6 and 7); here is only which of what was heard they are asked about. Bad
news works when it is heard, logged or not, until the home shows that it took another act in its place. Good news works
when it is proven; until then an answer says "as heard". The journal's time says what has begun and ended; the machine's
own clock can only make the node refuse.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from pourparler.core.act import ALL_POWERS, NO_POWER, Act, Power
from pourparler.core.authority import (
    LEASED,
    Confirmation,
    Ending,
    HomeView,
    Mandate,
    Moment,
    Register,
    dismissal,
    read_mandate,
)
from pourparler.core.council import appointed
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.registry import Registry
from pourparler.service.node.nouns import Answer, Standing
from pourparler.store.node import StoredBeacon

VOIDED_BY_ENDING = {
    "standing.dismissed",
    "standing.suspended",
    "standing.revoked",
    "standing.withdrawn",
    "standing.objected",
}
LATER = 2**62  # an index after all others


@dataclass(frozen=True, slots=True)
class Known:
    """All that a judgement about one party rests on: the journal, the home as it is shown, bad news that works while it
    waits, the beacons that may be relied on (the newest first), the moment after all of it, and the machine's clock.

    ``forked`` says why the home itself cannot be relied on. Of a decision, ``doubt`` returns what contradicts it, or
    one that it builds on, while the home has not decided between the two; ``awaits`` says whether it builds on a
    recovery that has not taken effect. Of the ``held`` acts, ``own`` returns how
    many were spoken under the chain of a mandate. ``revoked`` returns the revocations of a link that are void here, for
    what had ended or stopped the speaker, and that no home is shown to have judged. ``void_at_home`` returns why an act
    has no effect at home.
    """

    registry: Registry
    register: Register
    home: HomeView | None
    home_time: int | None
    moment: Moment
    wall: int
    working: tuple[tuple[Act, int], ...] = ()
    beacons: tuple[StoredBeacon, ...] = ()
    held: int = 0
    forked: str = ""
    doubt: Callable[[Act], bytes | None] = lambda _: None
    awaits: Callable[[Act], bool] = lambda _: False
    own: Callable[[Mandate], int] = lambda _: 0
    revoked: Callable[[bytes], Iterable[tuple[Act, int]]] = lambda _: ()
    void_at_home: Callable[[bytes], PourparlerError | None] = lambda _: None

    @property
    def view(self) -> Register:
        """The register of the journal, with the home as judge between siblings."""
        return replace(self.register, home=self.home)


class Ended(Refused):
    """A link of the chain was ended; ``by`` is the act that did, ``proven`` says whether the home shows it."""

    def __init__(self, reason: str, detail: str, by: bytes, *, proven: bool) -> None:
        super().__init__(reason, detail)
        self.by = by
        self.proven = proven


@dataclass(frozen=True, slots=True)
class Stop:
    """An ending that was heard, by the home's log where it is shown there (``at`` is then the home's register), else by
    the journal's."""

    ending: Ending
    at: Register | None = None


def judge(known: Known, mandate_id: bytes, power: Power) -> Standing:
    """Return whether a power may be used under a mandate."""
    try:
        mandate = find_mandate(known, mandate_id)
        check_power(known, mandate, power)
        check_terms(known, mandate)
        proven = check_endings(known, mandate, power, known.moment)
        proven &= check_grants(known, mandate)
        proven &= check_lease(known, mandate, power)
    except Missing as missing:
        return Standing(Answer.CANNOT_TELL, False, missing.reason, missing.detail, as_of=known.home_time)
    except PourparlerError as refused:
        by, shown = (refused.by, refused.proven) if isinstance(refused, Ended) else (b"", False)
        return Standing(Answer.REFUSED, shown, refused.reason, refused.detail, by, known.home_time)
    return Standing(Answer.IN_FORCE, proven, as_of=known.home_time)


def is_real(view: Register, act: Act) -> bool | None:
    """Return whether the home took a decision; not, where it took another in the place of this one or of one that it
    comes after; None where it is not shown up to it. What is no decision is real."""
    if view.home is None:
        return None if act.row.spine else True
    try:
        return view.is_real(act)
    except Missing:
        return None


# --- the mandate ------------------------------------------------------------------------------------------------------


def find_mandate(known: Known, mandate_id: bytes) -> Mandate:
    """Return a mandate that was heard of. A link that was void here as long as an ending stood that the home never took
    is taken for what it is. Raises :class:`Refused` for one that is void for good, and :class:`Missing`."""
    found = known.register.mandates.get(mandate_id)
    if found is not None:
        return found
    for register in known.home.registers if known.home else ():
        if mandate_id in register.mandates:
            return register.mandates[mandate_id]
    outcome = known.registry.outcomes.get(mandate_id)
    if outcome is None or outcome.void is None or outcome.act.kind != "delegate":
        return known.register.mandate(mandate_id)  # says what is missing
    parent = find_mandate(known, outcome.act["by"])
    if outcome.void.reason in VOIDED_BY_ENDING:
        check_endings(known, parent, Power.DELEGATE, outcome.moment)
        return read_mandate(outcome.act, known.register.spines.organ(parent.organ), parent, outcome.moment)
    raise Refused(outcome.void.reason, outcome.void.detail)


def check_power(known: Known, mandate: Mandate, power: Power) -> None:
    if mandate.holder is None:
        raise Refused("chain.custody", "a class mandate has no holder; its holders show certificates")
    if power not in mandate.conferred:
        raise Refused("power.missing", "the chain does not give this power")
    if any(has_other_role(known, key) for key in mandate.holder.seats):
        raise Refused("standing.key-role", "the holder's key has taken another role since")
    if known.register.missed(mandate, known.moment):
        raise Missing("dossier.not-shown", "whether the duty was done in time shows in a dossier elsewhere")


def has_other_role(known: Known, key: bytes) -> bool:
    """Return whether a key has another role than a holder's. An organ names beacon and dispatch keys without asking who
    has them: where the home took another decision in the place of each that names this one, it has none of them."""
    role = known.register.spines.roles.get(key, "holder")
    if role not in ("beacon", "dispatch"):
        return role != "holder"
    naming = [act for act in known.register.spines.in_order if any(key in keys for _, keys in appointed(act))]
    return key in known.register.spines.party.beacons or any(is_real(known.view, act) is not False for act in naming)


def check_terms(known: Known, mandate: Mandate) -> None:
    """Raise unless every link has begun and not expired, by the journal's time and by the machine's clock."""
    for link in mandate.chain():
        if link.starts is not None and min(known.moment.time, known.wall) < link.starts:
            raise Refused("standing.not-yet", "the mandate has not begun")
        if link.until is not None and known.moment.time >= link.until:
            raise Refused("standing.expired", "the mandate has expired")
        if link.until is not None and known.wall >= link.until:
            raise Refused("standing.expired", "by this machine's clock the mandate has expired; nobody else's says so")


def check_grants(known: Known, mandate: Mandate) -> bool:
    """Raise unless every link may stand; return whether the home proves it."""
    if known.forked:
        raise Missing("home.forked", known.forked)
    view, proven = known.view, known.home is not None
    for link in mandate.chain():
        void = known.void_at_home(link.id)
        if void is not None:
            raise Refused(void.reason, f"the home ledger holds this link void: {void.detail}")
        real = is_real(view, link.act)
        if real is False:
            raise Refused("standing.sibling", "the home ledger took another decision in this one's place")
        if real is None and known.awaits(link.act):
            raise Refused("decision.recovery-waits", "the recovery that this mandate builds on has not taken effect")
        if real is None and known.doubt(link.act) is not None:
            raise Refused("node.equivocation", "the organ signed two decisions at one place; its home has to decide")
        proven &= real is True
        if link.act.kind == "urgent-grant":
            proven &= check_urgent(known, link)
    return proven


def check_urgent(known: Known, link: Mandate) -> bool:
    """Raise where an urgent grant has lapsed or was undone; return whether the answer is proven. It lapses as at home,
    where the home is shown to have it; an answer that no home is shown to have counts as heard."""
    home = next((one for one in homes(known) if link.id in one.mandates), None)
    if home is None:
        spines = known.register.spines
        seats = spines.link(spines.heads[link.organ])
        if seats is not None and (known.doubt(seats) is not None or known.awaits(seats)):
            raise Refused("node.equivocation", "who may act in urgency is contested; the home has to decide")
        known.register.check_urgent(link, known.moment)
        return False
    heard = next(
        (one for one in known.register.confirmations.get(link.id, ()) if is_real(known.view, one.act) is not False),
        None,
    )
    if heard is None or home.confirmed(link.id, link.organ) is not None:
        home.check_urgent(home.mandates[link.id], Moment(LATER, max(known.moment.time, known.home_time or 0)))
        return True
    if not heard.answer:
        raise Refused("standing.undone", "the organ undid the urgent grant")
    return False


# --- what ends it -----------------------------------------------------------------------------------------------------


def check_endings(known: Known, mandate: Mandate, power: Power, moment: Moment) -> bool:
    """Raise :class:`Ended` where something heard before the moment stops the power, and no home disproves it; return
    whether nothing works as of the newest stamp of the home that has lapsed since."""
    lapsed_since = False
    working: list[tuple[bool, Ending]] = []
    for link in mandate.chain():
        for stop in stops_of(known, link.id, link.organ, moment, link.above):
            proven = works_at_home(known, stop, power)
            if works(known, stop, power, moment):
                working.append((proven, stop.ending))
            else:
                lapsed_since |= proven
    if working:
        proven, ending = next((one for one in working if one[0]), working[0])
        detail = f"a link of the chain was stopped by {ending.act.kind}"
        raise Ended(ending.reason, detail, ending.act.id, proven=proven)
    return not lapsed_since


def is_stopped(known: Known, key: bytes, organ: bytes) -> bool:
    """Return whether a key that an organ appointed, and that has no power, is suspended."""
    return any(works(known, stop, NO_POWER, known.moment) for stop in stops_of(known, key, organ, known.moment))


def stops_of(
    known: Known, target: bytes, organ: bytes, moment: Moment, above: tuple[Mandate, ...] = ()
) -> Iterator[Stop]:
    """Yield what was heard before a moment against a target that an organ gave, but for what is disproven. ``above``
    are the links above a link."""
    for stop in heard_of(known, target, moment, above):
        void = stop.at is None and known.void_at_home(stop.ending.act.id) is not None
        if known.register.ends(stop.ending, organ) and not void and not disproven(known.view, stop.ending):
            yield stop


def heard_of(known: Known, target: bytes, moment: Moment, above: tuple[Mandate, ...]) -> Iterator[Stop]:
    """Yield what was heard against a target: in the home, in the journal, and while it waits. When it lapses says the
    home, wherever it is shown to have it: what is heard late has not begun late."""
    at_home = {one.act.id: Stop(one, home) for home in homes(known) for one in home.endings.get(target, ())}
    journal = [one for one in known.register.endings.get(target, ()) if one.moment.index < moment.index]
    if moment != known.moment:  # of a link that was void when it was logged, its journal is asked
        yield from (at_home.get(one.act.id, Stop(one)) for one in journal)
        return
    yield from at_home.values()
    suspended = {suspender(stop.ending.act) for stop in at_home.values()} - {b""}

    def is_again(act: Act) -> bool:  # which a ledger refuses, however often he sends it
        return suspender(act) in suspended and known.register.confirmed(act.id, act["organ"]) is None

    yield from (Stop(one) for one in journal if one.act.id not in at_home and not is_again(one.act))
    for act, heard in known.revoked(target):  # of a void one the journal has not asked who may revoke the link
        if act.id not in at_home and any(one.id == act["by"] for one in above):
            yield Stop(ending_of(known, act, heard))
    suspended |= {suspender(one.act) for one in journal} - {b""}
    for act, heard in sorted(known.working, key=lambda one: one[1]):
        named = act.get("mandate") or act.get("target") or act.get("about")
        its_own = act.kind != "revoke" or any(one.id == act["by"] for one in above)
        if named == target and its_own and act.id not in at_home:
            again = is_again(act)
            suspended |= {suspender(act)} - {b""}
            if not again:
                yield Stop(ending_of(known, act, heard))


def suspender(act: Act) -> bytes:
    """Return by whose key a suspension is; nothing of any other act."""
    return act.envelope.signatures[0].kid if act.kind == "suspend" else b""


def homes(known: Known) -> tuple[Register, ...]:
    """Return what is shown of the party's homes."""
    return known.home.registers if known.home else ()


def works(known: Known, stop: Stop, power: Power, moment: Moment) -> bool:
    """Return whether an ending works on a power. Its time runs by the journal's, or the home's if that is later."""
    now = max(moment.time, known.home_time or 0) if stop.at and moment == known.moment else moment.time
    return stop.ending.works(power, Moment(LATER, now), answered(known, stop))


def works_at_home(known: Known, stop: Stop, power: Power) -> bool:
    """Return whether the home is shown to have an ending that works as of its newest stamp."""
    if stop.at is None:
        return stop.ending.act.row.spine and is_real(known.view, stop.ending.act) is True
    return stop.ending.works(power, Moment(LATER, known.home_time or 0), stop.at.answered(stop.ending))


def ending_of(known: Known, act: Act, heard: int) -> Ending:
    """Return the ending that bad news is while it waits, or that a void revocation is."""
    if act.kind == "suspend":
        lapses = heard + known.register.spines.party.suspension_seconds
        return Ending(act, "standing.suspended", Moment(0, heard), ALL_POWERS, lapses=lapses)
    if act.kind == "object":
        return Ending(act, "standing.objected", Moment(0, heard), ALL_POWERS)
    if act.kind == "revoke":
        return Ending(act, "standing.revoked", Moment(0, heard), ALL_POWERS)
    ending = dismissal(act, Moment(0, heard))
    if act.kind == "urgent-dismiss":
        ending.lapses = heard + urgency_seconds(known, act["organ"])
    return ending


def urgency_seconds(known: Known, organ: bytes) -> int:
    """Return after how long urgent acts of an organ lapse: by its home as it is shown now, else by the journal."""
    for register in (*reversed(homes(known)), known.register):
        known_there = organ in register.spines.heads
        urgency = register.spines.seated(organ, known.moment.time).urgency if known_there else None
        if urgency is not None:
            return urgency.lapse_seconds
    return known.register.spines.party.suspension_seconds


def disproven(view: Register, ending: Ending) -> bool:
    """Return whether the home shows that it took another decision in this one's place, or in that of one that it builds
    on, or of the one by which the member who suspended has his seat."""
    if view.home is None:
        return False
    try:
        return not (view.is_real(ending.act) and view.is_seated(ending))
    except (Missing, KeyError):  # not shown so far, or a seat that only the home knows
        return False


def answered(known: Known, stop: Stop) -> Confirmation | None:
    """Return what the organ answered about a suspension or an urgent act. That it lasts is bad news, and counts as
    heard, unless the home took another decision instead; that it is undone is good news, and counts once a home has
    taken the answer. What the home answered goes before what was heard; where it is not shown to have answered, an
    answer that was heard may have been in time there."""
    if stop.at is not None:
        shown = stop.at.answered(stop.ending)
        if shown is not None:
            return shown
    heard = known.register.answered(stop.ending)
    if heard is None or is_real(known.view, heard.act) is False:
        return None
    if heard.answer:
        return replace(heard, moment=stop.ending.moment)
    return heard if is_real(known.view, heard.act) else None


# --- the lease --------------------------------------------------------------------------------------------------------


def check_lease(known: Known, mandate: Mandate, power: Power) -> bool:
    """Raise unless a beacon is young enough for every link that asks for one, and all that it speaks of is here; return
    whether the home proves it."""
    bounds = [link.fresh_seconds for link in mandate.chain() if link.fresh_seconds is not None]
    if not bounds or not power & LEASED:
        return True
    newest = known.beacons[0] if known.beacons else None
    now = max(known.moment.time, known.wall)
    if newest is None or now - newest.since > min(bounds):
        raise Refused("standing.stale", f"no beacon younger than {min(bounds)} s was heard: committing powers freeze")
    held = known.held if known.home is not None else known.held - known.own(mandate)
    if covered(known, newest, held):
        return known.home is not None
    raise Missing("node.starved", f"the newest beacon speaks of {newest.count} acts; {held} are shown here")


def covered(known: Known, beacon: StoredBeacon, held: int | None = None) -> bool:
    """Return whether all that a beacon speaks of is here: shown by the home, or, where none is, heard in number.

    The beacons before this one are in the party's stream as well, and a listener needs none of them: as a party numbers
    them from 1 without gaps, they are one fewer than its serial. ``held``: so many count, and no more: whom a dismissal
    ends may make the number up by what he signs himself, while somebody holds it back."""
    if known.home is None:
        return (known.held if held is None else held) + max(0, beacon.serial - 1) >= beacon.count
    return any(register.had(beacon.count, beacon.head) for register in known.home.registers)
