"""May a power be used under a mandate, as far as this node knows? Specification: ``spec/node.md`` section 6.

The rules are the core's (``spec/authority.md`` 6 and 7); here is only which of what was heard they are asked about. Bad
news works when it is heard, logged or not, until the home shows that it took another act in its place. Good news works
when it is proven; until then an answer says "as heard". The journal's time says what has begun and ended; the machine's
own clock can only make the node refuse.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pourparler.core.act import ALL_POWERS, Act, Power
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
    one that it builds on, while the home has not decided between the two. Of the ``held`` acts, ``own`` returns how
    many were spoken under the chain of a mandate.
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
    own: Callable[[Mandate], int] = lambda _: 0

    @property
    def view(self) -> Register:
        """The register of the journal, with the home as judge between siblings."""
        return replace(self.register, home=self.home)


class Ended(Refused):
    """A link of the chain was ended; ``by`` is the act that did."""

    def __init__(self, reason: str, detail: str, by: bytes) -> None:
        super().__init__(reason, detail)
        self.by = by


def judge(known: Known, mandate_id: bytes, power: Power) -> Standing:
    """Return whether a power may be used under a mandate."""
    try:
        mandate = find_mandate(known, mandate_id)
        check_power(known, mandate, power)
        check_terms(known, mandate)
        check_endings(known, mandate, power, known.moment)
        proven = check_grants(known, mandate)
        proven &= check_lease(known, mandate, power)
    except Missing as missing:
        return Standing(Answer.CANNOT_TELL, False, missing.reason, missing.detail, as_of=known.home_time)
    except PourparlerError as refused:
        by = refused.by if isinstance(refused, Ended) else b""
        ended = known.registry.outcomes.get(by)
        shown = ended is not None and is_real(known.view, ended.act) is True
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
    if any(known.register.spines.roles.get(key, "holder") != "holder" for key in mandate.holder.seats):
        raise Refused("standing.key-role", "the holder's key has taken another role since")
    if known.register.missed(mandate, known.moment):
        raise Missing("dossier.not-shown", "whether the duty was done in time shows in a dossier elsewhere")


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
        real = is_real(view, link.act)
        if real is False:
            raise Refused("standing.sibling", "the home ledger took another decision in this one's place")
        if real is None and known.doubt(link.act) is not None:
            raise Refused("node.equivocation", "the organ signed two decisions at one place; its home has to decide")
        proven &= real is True
        if link.act.kind == "urgent-grant":
            proven &= check_urgent(known, view, link)
    return proven


def check_urgent(known: Known, view: Register, link: Mandate) -> bool:
    """Raise where an urgent grant has lapsed or was undone; return whether the answer is proven."""
    try:
        view.check_urgent(link, known.moment)
    except Missing:  # a confirmation that no home is shown to have taken
        known.register.check_urgent(link, known.moment)
        return False
    return view.home is not None


# --- what ends it -----------------------------------------------------------------------------------------------------


def check_endings(known: Known, mandate: Mandate, power: Power, moment: Moment) -> None:
    """Raise :class:`Ended` where something heard before the moment stops the power, and no home disproves it."""
    view = known.view
    for link in mandate.chain():
        for register, ending in endings_of(known, link, moment):
            if not known.register.ends(ending, link.organ) or disproven(view, ending):
                continue
            answer = answered(register, view, ending)
            if ending.works(power, Moment(LATER, moment.time), answer):
                raise Ended(ending.reason, f"a link of the chain was stopped by {ending.act.kind}", ending.act.id)


def endings_of(known: Known, link: Mandate, moment: Moment) -> Iterator[tuple[Register, Ending]]:
    """Yield what was heard against a link: in the journal, in the home, and while it waits."""
    for ending in known.register.endings.get(link.id, ()):
        if ending.moment.index < moment.index:
            yield known.register, ending
    if moment != known.moment:
        return  # of a link that was void when it was logged, its journal is asked
    for home in known.home.registers if known.home else ():
        for ending in home.endings.get(link.id, ()):
            yield home, ending
    for act, heard in known.working:
        named = act.get("mandate") or act.get("target") or act.get("about")
        above = act.kind != "object" or known.register.spines.stands_above(act["organ"], link.organ)
        if named == link.id and above:
            yield known.register, ending_of(known.register, act, heard)


def ending_of(register: Register, act: Act, heard: int) -> Ending:
    """Return the ending that bad news is while it waits."""
    if act.kind == "suspend":
        lapses = heard + register.spines.party.suspension_seconds
        return Ending(act, "standing.suspended", Moment(0, heard), ALL_POWERS, lapses=lapses)
    if act.kind == "object":
        return Ending(act, "standing.objected", Moment(0, heard), ALL_POWERS)
    return dismissal(act, Moment(0, heard))


def disproven(view: Register, ending: Ending) -> bool:
    """Return whether the home shows that it took another decision in this one's place, or in that of one that it builds
    on, or of the one by which the member who suspended has his seat."""
    if view.home is None:
        return False
    try:
        return not (view.is_real(ending.act) and view.is_seated(ending))
    except (Missing, KeyError):  # not shown so far, or a seat that only the home knows
        return False


def answered(register: Register, view: Register, ending: Ending) -> Confirmation | None:
    """Return what the organ answered about a suspension or an urgent act. That it lasts is bad news, and counts as
    heard; that it is undone is good news, and counts once a home has taken the answer."""
    heard = register.answered(ending)
    if heard is None or heard.answer:
        return heard
    return heard if is_real(view, heard.act) else None


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
