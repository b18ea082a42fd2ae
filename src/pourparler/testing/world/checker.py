"""The checker of a world: what must always hold, and what must come to pass; and how often each premise was met.

It looks at what each step touched, at everything each hour, and at the end. What it compares with is the world's
:class:`~pourparler.testing.world.truth.Truth`, never another part of the code under test. A property whose premise was
never met says nothing, so the premises are counted (:data:`PREMISES`), and a campaign in which one of them never held
has failed.
"""

import base64
import hashlib
from collections import Counter
from typing import TYPE_CHECKING

from pourparler.core import limits
from pourparler.core.act import Power
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Report, Trust, Verdict, parse_bundle, verify
from pourparler.core.ledger import open_checkpoint
from pourparler.ports import StoreError
from pourparler.service.intake import Intake, Receipt, ledger_key
from pourparler.service.node.nouns import Answer, Fresh
from pourparler.testing.world.timeline import BEGINNING_SECONDS, DRIFT_MOST, MINUTE, SECOND
from pourparler.testing.world.trace import instant, short
from pourparler.testing.world.truth import Logged

if TYPE_CHECKING:
    from pourparler.testing.world.disk import DiskStore
    from pourparler.testing.world.places import Place
    from pourparler.testing.world.station import Station
    from pourparler.testing.world.world import World

BIT_FLIPPED = "S2 a stored bit had flipped"
READ_SHORT = "S2 a read came back short"
PREMISES = {
    "S1 a text was found in force": "no false entry into force",
    "S1 a text was found not in force": "no false entry into force",
    "S2 an acknowledged act was looked for after a crash": "every acknowledged act is found after any recovery",
    "S2 a disk lost what it had confirmed": "a loss is noticed, and nothing is written over it",
    "S2 a sync failed, and more was brought": "nothing is acknowledged until it has begun again from the disk",
    BIT_FLIPPED: "damage is noticed before anything of it is served",
    READ_SHORT: "nothing is served that was read by half",
    "S3 two decisions were signed after one place": "one place, one accepted decision",
    "S4 a node was fed in another order": "the fold does not depend on the order of delivery",
    "S5 an act under a mandate was accepted": "no act beyond its mandate or its red lines is accepted",
    "S5 an act beyond a mandate was tried": "no act beyond its mandate or its red lines is accepted",
    "S5 somebody signed for another": "no act without its holder's signature is accepted",
    "S5 a dismissed holder spoke": "no act of a dismissed holder counts",
    "S6 two verdicts about one text": "two honest verifiers never contradict each other",
    "S6 two nodes were asked about one mandate": "two honest nodes never prove contradictory answers",
    "S6 bad news was heard": "a dismissal works from when it is heard",
    "S7 evidence was verified ten years off": "verdicts do not depend on the clock on the wall",
    "S7 a clock was ten years ahead": "a clock that jumps ends nobody's mandate for ever",
    "S8 a tree had grown": "signed checkpoints are consistent for ever",
    "S8 two instances were given acts": "of two with one key one writes, and no size has two heads",
    "S9 a node was flooded": "memory is bounded, for each peer and in all",
    "S10 something was said while there were secrets": "no secret leaves its owners",
    "L1 a reachable node was asked about the dismissed": "every reachable loyal node learns each dismissal",
    "L1 a node that has only the radio was asked about the dismissed": "six quiet hours on the air, at up to 60% loss",
    "L1 an exchange ended well with one who knew": "after it both know of each dismissal",
    "L1 whoever had refused was asked again": "what was learnt is not forgotten",
    "L2 a ratified text reached a node": "a ratified text becomes in force at every reachable loyal node",
    "R1 an order was said to have arrived": "an acknowledgement is a holder's own word",
    "L3 a place began again": "a node recovers without help",
    "L4 two histories met": "a fork is reported once both sides meet",
    "G10 a node was cut off for two beacon periods": "a node knows that it is cut off or being starved",
}
"""What each premise is for; a campaign counts how often it held."""

AT_THE_END = (
    "L1 a reachable node was asked about the dismissed",
    "L1 a node that has only the radio was asked about the dismissed",
    "L2 a ratified text reached a node",
)
"""What is judged only at the end, and only where it had its time (:meth:`Plan.in_time`)."""

JUMP_SECONDS = 10 * 365 * 86_400
AIR_LOSS_MOST = 0.6  # beyond that a carousel, which assumes half, has said nothing often enough in six hours


class Checker:
    """Looks on. ``failures`` are the broken properties, each with its story."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.premises: Counter[str] = Counter()
        self.failures: list[str] = []
        self.broken: Counter[str] = Counter()  # of premises
        self.roots: dict[str, dict[int, bytes]] = {}
        self.trees: dict[str, Made] = {}
        self.heads: dict[str, dict[int, bytes]] = {}  # of places with two instances, whichever showed them
        self.verdicts: dict[bytes, dict[str, tuple[Verdict, int]]] = {}  # of a text: whose, and as of which index
        self.refusing: dict[str, int] = {}
        self.lost: set[str] = set()
        self.spoilt: dict[str, str] = {}  # places whose disk gives something else than was stored, by which premise
        self.ages: list[float] = []
        world.network.overheard = self.overheard

    def hold(self, premise: str, kept: bool, story: str) -> None:
        """Count a premise that held, and note a failure where what follows from it does not."""
        self.premises[premise] += 1
        if not kept:
            self.broken[premise] += 1
            self.failures.append(f"{instant(self.world.timeline.now)} {premise[:3].strip()}: {story}")
            self.world.trace.note("checker", f"FAILED {premise}: {story}")

    # What each step touched.

    def touched(self, place: "Place") -> None:
        """Look at a place that has just done something: the first refusal of the dismissed is noted."""
        world = self.world
        if place.name in self.refusing or place.name not in world.stations or not place.up or place.failed:
            return
        mandate = world.people.general.mandate
        if mandate in world.truth.ended and self.answer(world.stations[place.name], mandate) is Answer.REFUSED:
            self.refusing[place.name] = world.timeline.now

    def overheard(self, source: str, target: str, what: str, data: bytes) -> None:
        """S10: look at whatever is sent, to whomever."""
        secrets = self.world.truth.secrets
        if secrets:
            leaked = any(secret in data for secret in secrets)
            premise = "S10 something was said while there were secrets"
            self.hold(premise, not leaked, f"a secret line left {source} for {target} in a {what}")

    def exchanged(self, station: "Station", peer: str, since: int) -> None:
        """L1: look at an exchange that a node began and that, by its own account, has ended well: what it knew at its
        beginning the peer has acknowledged, and knows. The other way it cannot be sure: it may not miss what was lost.
        """
        world = self.world
        other = world.stations[peer]
        two = (station, other)
        if any(
            one.treason is not None or not one.up or one.read_only or one.failed or one.name in self.lost for one in two
        ):
            return
        for ended in world.truth.ended.values():
            if world.truth.told.get(station.name, {}).get(ended.act, since) < since:
                story = f"{peer} exchanged with {station.name} and did not learn of {short(ended.act)}"
                self.hold("L1 an exchange ended well with one who knew", other.holds(ended.act), story)

    def logged(self, receipt: Receipt) -> None:
        """S5, S3: look at what the depositary answers about an act."""
        truth = self.world.truth
        logged = Logged(receipt.index, receipt.time, receipt.act_id, receipt.void)
        before = truth.logged.setdefault(receipt.act_id, logged)
        told = truth.told.setdefault(self.world.depositary.name, {})
        told.setdefault(receipt.act_id, self.world.timeline.now)
        same = (before.index, before.void) == (logged.index, logged.void)
        if before is not logged:
            self.hold("S2 an acknowledged act was looked for after a crash", same, f"{short(logged.act)} moved")
            return
        self.accepted(logged)

    def refused(self, act: bytes) -> None:
        """S5: count what was tried and refused."""
        spoken = self.world.truth.spoken.get(act)
        if spoken is not None and spoken.forged:
            self.hold("S5 somebody signed for another", True, "")
        elif spoken is not None and not spoken.honest:
            self.hold("S5 an act beyond a mandate was tried", True, "")

    def accepted(self, logged: Logged) -> None:
        """S5: hold an act's acceptance against what its mandate was meant to allow."""
        truth = self.world.truth
        spoken = truth.spoken.get(logged.act)
        by = spoken.fields.get("by") if spoken else None
        if spoken is None or not isinstance(by, bytes):
            return
        if spoken.forged:
            self.hold("S5 somebody signed for another", logged.void is not None, f"{short(logged.act)} was forged")
            return
        power = POWER_OF.get(spoken.kind)
        if power is None:
            return
        wrong = self.beyond(by, power, spoken.fields, logged)
        if wrong:
            premise = {"dismissed": "S5 a dismissed holder spoke"}.get(wrong, "S5 an act beyond a mandate was tried")
            self.hold(premise, logged.void is not None, f"{spoken.kind} {short(logged.act)} of {spoken.who}: {wrong}")
        elif logged.void is None:
            self.hold("S5 an act under a mandate was accepted", True, "")

    def beyond(self, by: bytes, power: str, fields: dict[str, object], logged: Logged) -> str:
        """Return why an act goes beyond its mandate, by what people meant; or nothing."""
        truth = self.world.truth
        if not truth.chain(by) or not truth.may(by, power):
            return "no such power was given"
        text, most = fields.get("text"), truth.most(by)
        if isinstance(text, bytes) and most is not None and truth.prices.get(text, most + 1) > most:
            return "the price is above the ceiling"
        ended = truth.ending(by)
        ended_at = truth.logged.get(ended.act) if ended else None
        if ended_at is not None and ended_at.void is None and ended_at.index < logged.index:
            return "dismissed"
        if power == "conclude" and not truth.fresh(by, logged):
            return "the lease has run out"
        return ""

    def judged(self, who: str, text: bytes, bundle: bytes, report: Report) -> None:
        """S1, S6, S7: look at a verdict about a text's being in force."""
        said, as_of = report.verdict, parse_bundle(bundle).claim.as_of
        if who in self.world.depositary.fooled:
            self.judged_aside(text, said)
            return
        if said is Verdict.VALID:
            why = self.not_in_force(text, as_of)
            self.hold("S1 a text was found in force", not why, f"{who} found {short(text)} in force: {why}")
        else:
            certain = said is Verdict.INVALID and not spoilt(report) and not self.not_in_force(text, as_of)
            story = f"{who} found {short(text)} not in force, and it is ({report.reason})"
            self.hold("S1 a text was found not in force", not certain, story)
        if spoilt(report):
            return
        mine = self.verdicts.setdefault(text, {})
        before, mine[who] = mine.get(who), (said, as_of)
        if before is not None and before[0] is said:
            return
        people = self.world.people
        trust = Trust({people.ours: "handed over", people.theirs: "our own"})
        now = self.world.timeline.seconds
        years_off = JUMP_SECONDS if now % 2 else -JUMP_SECONDS
        again = verify(bundle, trust, now + years_off).verdict
        self.hold("S7 evidence was verified ten years off", again is said, f"{said.value}, then {again.value}")

    def judged_aside(self, text: bytes, said: Verdict) -> None:
        """S1: whoever is shown a second history is bound by no more than what people meant."""
        if said is Verdict.VALID:
            truth = self.world.truth
            concluded = [s for s in truth.spoken.values() if s.kind == "conclude" and s.fields.get("text") == text]
            meant = text in truth.ratified or any(one.who == "envoy" for one in concluded)
            self.hold("S1 a text was found in force", meant, f"{short(text)} is in force in a second history only")

    def not_in_force(self, text: bytes, as_of: int = 2**62) -> str:
        """Return why a text is not in force as of an index, by what people meant and the depositary answered."""
        truth, people = self.world.truth, self.world.people
        ratified = truth.ratified.get(text)
        ratified_at = truth.logged.get(ratified) if ratified else None
        ours = ratified_at is not None and ratified_at.void is None and ratified_at.index <= as_of
        theirs = False
        for act, spoken in truth.spoken.items():
            logged = truth.logged.get(act)
            if (
                spoken.kind == "conclude"
                and spoken.fields.get("text") == text
                and logged
                and logged.void is None
                and logged.index <= as_of
            ):
                theirs |= spoken.who == "counterpart"
                by = spoken.fields["by"]
                assert isinstance(by, bytes)
                ours |= by == people.envoy.mandate and not self.beyond(by, "conclude", spoken.fields, logged)
        return "" if ours and theirs else "our side is not bound" if not ours else "their side is not bound"

    # Crashes and recoveries.

    def crashed(self, place: "Place", *, lost: bool) -> None:
        """Note that a place lost its power."""
        if lost:
            self.lost.add(place.name)

    def restored(self, place: "Place", *, lost: bool) -> None:
        """Note that an older copy of a disk was put back."""
        if lost:
            self.lost.add(place.name)

    def recovered(self, place: "Place") -> None:
        """L3, S2: look at a place that has begun again."""
        if self.world.timeline.now == 0:
            return
        premise = self.spoilt.get(place.name)
        if premise is not None:
            self.hold(premise, place.read_only, f"{place.name} does not notice")
        self.hold("L3 a place began again", True, "")
        if place.name in self.lost and (place.read_only or self.forgotten(place)):
            noticed = place.read_only
            self.hold("S2 a disk lost what it had confirmed", noticed, f"{place.name} does not notice")
        else:
            self.lost.discard(place.name)  # the power went before anybody was told what is lost
            self.found_again(place)
            self.left_unanswered(place)

    def left_unanswered(self, place: "Place") -> None:
        """Note what a ledger had written before it could answer, and stands by now: later acts may rest on it."""
        if place is self.world.depositary and not place.read_only:
            truth, ledger = self.world.truth, self.world.depositary.open
            left = [ledger.receipt(act) for act in truth.spoken.keys() - truth.logged.keys()]
            for receipt in sorted((one for one in left if one is not None), key=lambda one: one.index):
                self.logged(receipt)

    def did_not_start(self, place: "Place") -> None:
        """S2: look at a place that would not begin; what was read short is read whole the next time."""
        premise = self.spoilt.get(place.name)
        if premise is not None:
            self.hold(premise, True, "")
            if premise == READ_SHORT:
                del self.spoilt[place.name]

    def begins_again(self, place: "Place") -> None:
        """S2: look at a place whose disk has failed, before it begins again."""
        assert place.failed_at is not None
        told = self.world.truth.told.get(place.name, {})
        after = [act for act, when in told.items() if when > place.failed_at]
        if place.brought_in_vain > 1 and not place.runs_twice:  # else the other instance may have answered
            story = f"{place.name} acknowledged {', '.join(map(short, after[:3]))} after a sync had failed"
            self.hold("S2 a sync failed, and more was brought", not after, story)

    def two_instances(self, place: "Place", answering: Intake | None) -> None:
        """S8: look at the head of whichever of two instances has just answered (None where it was refused), and at the
        mark that remembers the newest."""
        heads, same = self.heads.setdefault(place.name, {}), True
        if answering is not None:
            note, ledger = answering.store.checkpoint(), answering.depositary
            assert note is not None
            head = open_checkpoint(note, ledger.origin, ledger_key(ledger)).checkpoint
            same = heads.setdefault(head.size, head.root) == head.root
        self.hold("S8 two instances were given acts", same, f"{place.name} has two heads of one size")
        mark, most = size_of(place.high_water.medium.newest()[1]), max(heads, default=0)
        story = f"the mark of {place.name} went back to {mark} entries, of {most} that were answered"
        self.hold("S8 two instances were given acts", mark >= most, story)

    def mended(self, place: "Place") -> None:
        """Note that a place has its own disk again."""
        self.lost.discard(place.name)
        self.spoilt.pop(place.name, None)

    def found_again(self, place: "Place") -> None:
        """S2: look for everything that a place has acknowledged."""
        told = self.world.truth.told.get(place.name, {})
        if told:
            missing = self.forgotten(place)
            story = f"{place.name} lacks {', '.join(map(short, missing[:3]))} of {len(told)} that it acknowledged"
            self.hold("S2 an acknowledged act was looked for after a crash", not missing, story)

    def forgotten(self, place: "Place") -> list[bytes]:
        """Return the acts that a place has acknowledged and does not hold."""
        return [act for act in self.world.truth.told.get(place.name, {}) if not place.holds(act)]

    # Each hour.

    def hourly(self) -> None:
        """Look at everything."""
        for place in self.world.places:
            if place.up and not place.failed:
                self.one_history(place)
                place.remember()
        self.one_decision()
        for station in self.loyal():
            self.bounded(station)
            self.hears(station)
            self.knows_that_it_is_blind(station)
            self.time_stands(station)
        self.agree()

    def loyal(self) -> list["Station"]:
        """Return the nodes that run, of those who do not betray."""
        return [
            one
            for one in self.world.stations.values()
            if one.up and one.treason is None and not one.still and not one.read_only and not one.failed
        ]

    def one_history(self, place: "Place") -> None:
        """S8: recompute the trees that a ledger has signed, from its entries and by another code than its own."""
        ledger = place.ledger
        if place.name in self.lost or ledger is None:
            return
        try:
            note = ledger.checkpoint()
        except StoreError:
            return  # one of two instances, which shows nothing any more
        head = open_checkpoint(note, ledger.depositary.origin, ledger_key(ledger.depositary)).checkpoint
        known = self.roots.setdefault(place.name, {})
        made = self.trees.get(place.name)
        entries = [entry.data for entry in place.store.entries()]
        if made is None or made.entries != entries:
            made = self.trees[place.name] = Made(entries)
        for size, root in [*list(known.items())[-2:], (head.size, head.root)]:
            if size:
                kept = size <= len(entries) and made.root(size) == root
                self.hold(
                    "S8 a tree had grown", kept, f"{place.name} has another tree of {size} entries than it signed"
                )
        known[head.size] = head.root

    def one_decision(self) -> None:
        """S3: of decisions after one place, the home has accepted one at most, and no node proves another."""
        truth = self.world.truth
        for acts in truth.decided.values():
            if len(acts) > 1:
                logged = [act for act in acts if (row := truth.logged.get(act)) and row.void is None]
                self.hold("S3 two decisions were signed after one place", len(logged) <= 1, "home accepted both")
                for station in self.loyal():
                    for act in acts:
                        if act not in logged and act in truth.spoken and truth.spoken[act].kind == "grant":
                            found = station.standing(act, Power.CONCLUDE)
                            proven = found.answer is Answer.IN_FORCE and found.proven
                            story = f"{station.name} proves a decision that home never took"
                            self.hold("S3 two decisions were signed after one place", not proven, story)

    def bounded(self, station: "Station") -> None:
        """S9: look at what a node keeps for others."""
        if station.name not in self.flooded:
            return
        for pool, bounds in station.beside.bounds.items():
            rows, size = station.beside.counts()[pool]
            rooms = 2 if pool == "pending" else 1  # what works while it waits has as much again (spec/node.md 2)
            kept = rows <= rooms * bounds.rows and size <= rooms * bounds.bytes
            self.hold("S9 a node was flooded", kept, f"{station.name} keeps {rows} rows, {size} bytes, in {pool}")
            most = station.rows_of_one(pool)
            kept = most <= bounds.owner_rows
            self.hold("S9 a node was flooded", kept, f"{station.name} keeps {most} rows of one peer in {pool}")

    @property
    def flooded(self) -> set[str]:
        """The nodes that were flooded so far."""
        now = self.world.timeline.now
        return {e.where for e in self.world.plan.events if e.what.name == "FLOOD" and e.at < now}

    def answer(self, station: "Station", mandate: bytes) -> Answer:
        return station.standing(mandate, Power.SIGN_AD_REFERENDUM).answer

    def hears(self, station: "Station") -> None:
        """S6, L1: who has heard a dismissal refuses; and who has refused, does."""
        for mandate, ended in self.world.truth.ended.items():
            told = ended.act in self.world.truth.told.get(station.name, {})
            refused = station.name in self.refusing and mandate == self.world.people.general.mandate
            if ended.lapses or not (told or refused):
                continue
            found = station.standing(mandate, Power.SIGN_AD_REFERENDUM)
            kept = found.answer is Answer.REFUSED
            story = f"{station.name} knows of the dismissal {short(ended.act)} and says: {found.words}"
            if told:
                self.hold("S6 bad news was heard", kept, story)
            if refused:
                self.hold("L1 whoever had refused was asked again", kept, story)

    def knows_that_it_is_blind(self, station: "Station") -> None:
        """G10: who has heard no beacon for two periods and the skew says that he is cut off, or starved."""
        world = self.world
        heard = [stated for act, stated in world.truth.beacons.items() if station.holds(act)]
        period = world.plan.beacon_minutes * 60
        if not heard or station.clock.jump_seconds:
            return
        if world.timeline.seconds - max(heard) > 2 * period + limits.NODE_SKEW_SECONDS + clock_error(station):
            state = station.freshness().state
            knows = state in (Fresh.CUT_OFF, Fresh.STARVED)
            story = f"{station.name} heard no beacon for two periods, and says: {state.value}"
            self.hold("G10 a node was cut off for two beacon periods", knows, story)

    def time_stands(self, station: "Station") -> None:
        """S7: a clock that is years ahead has not stamped the journal years ahead."""
        if station.clock.jump_seconds > limits.NODE_AHEAD_SECONDS and station.ledger is not None:
            stamp = station.ledger.registry.stamp
            assert stamp is not None
            ahead = stamp.time - self.world.timeline.seconds
            others = self.world.timeline.now // SECOND * DRIFT_MOST // 1_000  # what honest clocks may be ahead of it
            kept = ahead <= limits.NODE_AHEAD_SECONDS + others + limits.NODE_SKEW_SECONDS
            self.hold("S7 a clock was ten years ahead", kept, f"{station.name}'s journal is {ahead} s ahead")

    def agree(self) -> None:
        """S6: nodes that prove what they say, as of one moment, say the same."""
        loyal = self.loyal()
        for mandate in (self.world.people.general.mandate, self.world.people.envoy.mandate):
            said = [(one.name, one.standing(mandate, Power.SIGN_AD_REFERENDUM)) for one in loyal]
            proven = [(name, found) for name, found in said if found.proven]
            for number, (name, found) in enumerate(proven):
                for other, against in proven[:number]:
                    if found.as_of == against.as_of:
                        premise = "S6 two nodes were asked about one mandate"
                        story = f"{name} proves {found.words}, and {other} {against.words}"
                        self.hold(premise, found.answer is against.answer, story)

    # At the end.

    def finally_(self) -> None:
        """Look at everything, and at what had to come to pass."""
        self.hourly()
        for place in self.world.places:
            if self.world.plan.in_time():
                self.hold("L3 a place began again", place.up, f"{place.name} does not run at the end")
            if place.up and place.name not in self.lost and not place.failed:
                self.found_again(place)
        for verdicts in self.verdicts.values():
            valid = [as_of for said, as_of in verdicts.values() if said is Verdict.VALID]
            invalid = [as_of for said, as_of in verdicts.values() if said is Verdict.INVALID]
            against = bool(valid) and bool(invalid) and max(invalid) >= min(valid)  # it was not yet, and is now
            if len(verdicts) > 1:
                self.hold("S6 two verdicts about one text", not against, "VALID, and INVALID as of the same or later")
        self.arrived()
        self.learnt_by_all()
        self.ratified_everywhere()
        self.same_in_any_order()
        self.forks_reported()

    def arrived(self) -> None:
        """R1: what the council's node says of who knows the dismissal is true."""
        ended = self.world.truth.ended.get(self.world.people.general.mandate)
        council = self.world.stations["council"]
        if ended is None or not council.up or council.failed or council.read_only:
            return
        for hearer in council.running.reached(ended.act).of("acknowledged"):
            who = next((one.place for one in self.world.people.committees if one.mandate == hearer.mandate), "")
            said = who in self.world.stations and ended.act in self.world.stations[who].acknowledged
            self.hold("R1 an order was said to have arrived", said, f"{who or 'nobody'} never acknowledged it")

    def reachable(self) -> list["Station"]:
        """Return the loyal nodes between which and the council a path of loyal nodes remained."""
        loyal = {one.name: one for one in self.loyal()}
        found, waiting = {"council"}, ["council"]
        while waiting:
            here = waiting.pop()
            for name in loyal.keys() - found:
                if here in loyal and name in world_peers(loyal[here]):
                    found.add(name)
                    waiting.append(name)
        return [station for name, station in loyal.items() if name in found]

    def learnt_by_all(self) -> None:
        """L1: every loyal node that could be reached refuses whom the council has dismissed."""
        for mandate, ended in self.world.truth.ended.items():
            if ended.lapses or not self.world.plan.in_time(ended.said):
                continue
            for station in self.reachable():
                refused = self.answer(station, mandate) is Answer.REFUSED
                story = f"{station.name} never learnt of the dismissal {short(ended.act)}"
                self.hold("L1 a reachable node was asked about the dismissed", refused, story)
            for station in self.listening():
                refused = self.answer(station, mandate) is Answer.REFUSED
                story = f"{station.name} never heard of the dismissal {short(ended.act)} on the air"
                self.hold("L1 a node that has only the radio was asked about the dismissed", refused, story)

    def listening(self) -> list["Station"]:
        """Return the loyal nodes that no path of loyal nodes joins to the council, and that could hear its radio. Who
        has never met the party otherwise can make nothing of it."""
        plan, council, reachable = self.world.plan, self.world.stations["council"], self.reachable()
        if not plan.radio or plan.radio_loss > AIR_LOSS_MOST or council not in self.loyal():
            return []
        ours = self.world.people.ours
        met = [station for station in self.loyal() if ours in station.running.registry.registers]
        return [station for station in met if station not in reachable]

    def ratified_everywhere(self) -> None:
        """L2: every loyal node that could be reached holds each ratification, and whoever asked saw it in force."""
        people, truth = self.world.people, self.world.truth
        for text, act in truth.ratified.items():
            if self.not_in_force(text) or not self.world.plan.in_time(truth.spoken[act].said):
                continue
            for station in self.reachable():
                holds = station.holds(act)
                self.hold("L2 a ratified text reached a node", holds, f"{station.name} never heard of {short(act)}")
            if "counterpart" in self.world.depositary.fooled:
                continue  # it is shown another history, in which nobody ratified
            premise = "L2 a ratified text reached a node"
            self.hold(premise, people.counterpart.convinced(text), f"nobody showed the counterpart {short(text)}")

    def same_in_any_order(self) -> None:
        """S4: a new node that is fed everything in another order gives the same answers."""
        chance = self.world.chance.of("another order")
        loyal = self.reachable()
        if not loyal:
            return
        station = chance.pick(loyal)
        other = station.fed_again(chance)
        for mandate in self.world.truth.given if not station.met_both else ():  # whoever met two homes believes neither
            if not all(map(station.home_has, self.suspensions(mandate))):
                continue  # it lapses so long after it was heard, as long as no home is shown to have it
            here, there = (one.standing(mandate, Power.SIGN_AD_REFERENDUM) for one in (station, other))
            same = here.answer is there.answer
            story = f"{station.name} says of {short(mandate)}: {here.words}; in another order: {there.words}"
            self.hold("S4 a node was fed in another order", same, story)

    def suspensions(self, mandate: bytes) -> list[bytes]:
        """Return the acts by which members suspended a mandate, or one above it."""
        truth = self.world.truth
        chain = truth.chain(mandate)
        return [
            act for act, spoken in truth.spoken.items() if spoken.kind == "suspend" and spoken.fields["target"] in chain
        ]

    def forks_reported(self) -> None:
        """L4: who has seen two histories of one ledger says so."""
        if self.world.depositary.branch is None:
            return
        for station in self.loyal():
            if station.met_both:
                reported = station.reports_fork()
                self.hold("L4 two histories met", reported, f"{station.name} saw two histories and says nothing")

    # Figures.

    def learnt(self) -> dict[str, float]:
        """Return after how many minutes each place refused the general."""
        ended = self.world.truth.ended.get(self.world.people.general.mandate)
        if ended is None:
            return {}
        return {name: (at - ended.said) / MINUTE for name, at in sorted(self.refusing.items()) if at >= ended.said}

    def sample(self) -> None:
        """Note how old the newest beacon is that each place has heard."""
        for station in self.loyal():
            if station.name != "council":
                try:
                    newest = station.freshness().newest
                except PourparlerError:
                    newest = None  # it has not heard of the party
                since = newest if newest is not None else BEGINNING_SECONDS
                self.ages.append((self.world.timeline.seconds - since) / 60)


POWER_OF = {
    "open": "open",
    "propose": "propose",
    "adopt": "adopt",
    "initial": "initial",
    "sign-ad-referendum": "sign-ad-referendum",
    "conclude": "conclude",
    "delegate": "delegate",
}
"""The power that a kind of act needs, as people understand it."""


def spoilt(report: Report) -> bool:
    """Return whether what was shown is no evidence: bytes changed on the way say nothing of what is in force."""
    return report.verdict is Verdict.INVALID and not report.reason.startswith("claim.")


def clock_error(place: "Place") -> int:
    """Return by how many seconds a place's clock may be off by its drift."""
    return abs(place.clock.drift) * (place.clock.timeline.now // SECOND) // 1_000 + 1


def world_peers(station: "Station") -> list[str]:
    """Return with whom a node exchanges."""
    return [peer.name for peer in station.peers.known]


Subtrees = dict[tuple[int, int], bytes]
"""Roots of subtrees of one row of leaves, by where they begin and how many leaves they have."""


class Made:
    """The trees over some entries, each made when it is asked for."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        self.leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
        self.roots: dict[int, bytes] = {}
        self.seen: Subtrees = {}  # they have most of them in common

    def root(self, size: int) -> bytes:
        """Return the root over the first so many."""
        if size not in self.roots:
            self.roots[size] = merkle(self.leaves[:size], seen=self.seen)
        return self.roots[size]


def merkle(leaves: list[bytes], first: int = 0, seen: Subtrees | None = None) -> bytes:
    """Return the root of a tree (RFC 9162 section 2.1.1), in the specification's own words. Those of its subtrees are
    remembered in ``seen``, by where they begin from the ``first`` leaf on."""
    if len(leaves) == 1:
        return leaves[0]
    seen = {} if seen is None else seen
    place = (first, len(leaves))
    if place not in seen:
        split = 1
        while split * 2 < len(leaves):
            split *= 2
        left, right = merkle(leaves[:split], first, seen), merkle(leaves[split:], first + split, seen)
        seen[place] = hashlib.sha256(b"\1" + left + right).digest()
    return seen[place]


def contains(store: "DiskStore", note: bytes) -> bool:
    """Return whether a disk holds the tree that a checkpoint is of, whatever it has beyond it."""
    size, root = size_of(note), note.split(b"\n")[2]
    leaves = [hashlib.sha256(b"\0" + entry.data).digest() for entry in store.on_disk()[:size]]
    return len(leaves) == size and merkle(leaves) == base64.b64decode(root)


def size_of(note: bytes) -> int:
    """Return of how many entries a checkpoint is."""
    return int(note.split(b"\n")[1])
