"""How current is what a node knows of a party? Specification: ``spec/node.md`` section 7.

Silence does not show by itself: so the party says beforehand when it will speak next. A beacon states the head of the
party's stream, its own time, and when the next will come. Whoever gets none by then is *cut off*. Whoever learns from a
beacon, or from another node, that more was said than has reached him, is *behind*, and after a beacon period *being
starved*: somebody lets the beacons through and holds the acts back.
"""

from collections.abc import Sequence

from pourparler.service.node.nouns import Fresh, Freshness
from pourparler.service.node.standing import Known, covered
from pourparler.store.node import StoredBeacon

PERIOD_WITHOUT_BEACONS = 3_600  # after so long, what others say counts as held back where no beacon says a period


def freshness(known: Known, said: Sequence[tuple[str, str, int, int]], *, doubted: bool = False) -> Freshness:
    """Return how current a party is. ``said`` is who says to know more, by which channel, since when, and when last;
    ``doubted``, that beacons of the party contradict each other."""
    party = known.register.party
    now = max(known.moment.time, known.wall)
    newest = known.beacons[0] if known.beacons else None
    period = newest.period if newest else PERIOD_WITHOUT_BEACONS
    lacking = [beacon for beacon in known.beacons if not covered(known, beacon) and beacon.count > 0]
    here = next((beacon for beacon in known.beacons if covered(known, beacon)), None)
    if here is not None:  # what an older beacon spoke of is in what a newer one does
        lacking = [beacon for beacon in lacking if beacon.serial > here.serial or beacon.key != here.key]
    lacking = [beacon for beacon in lacking if beacon.count > known.held or known.home is not None]
    if here is not None and known.home is not None:  # the party itself has answered what was said before this beacon
        said = [(peer, channel, max(since, here.at), last) for peer, channel, since, last in said if last > here.at]
    since = min([beacon.heard for beacon in lacking] + [since for _, _, since, _ in said], default=None)
    more = tuple(sorted({f"beacon by {one.channel}" for one in lacking} | {f"{p} by {c}" for p, c, _, _ in said}))
    due = newest.at + newest.period if newest else None
    return Freshness(
        party=party,
        state=state(newest, due, since, period, now),
        as_of=here.at if here else None,
        newest=newest.at if newest else None,
        due=due,
        held=known.held,
        said=newest.count if newest else 0,
        shown=bool(lacking),
        more=more,
        since=since,
        doubted=doubted,
    )


def state(newest: StoredBeacon | None, due: int | None, since: int | None, period: int, now: int) -> Fresh:
    """Return the state: that something is held back says more than that nothing came."""
    if since is not None and now - since >= period:
        return Fresh.STARVED
    if newest is None or due is None:
        return Fresh.UNKNOWN
    if now > due:
        return Fresh.CUT_OFF
    return Fresh.BEHIND if since is not None else Fresh.CURRENT
