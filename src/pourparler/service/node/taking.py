"""How a node takes an act: the numbered steps of ``spec/node.md`` section 3.

The journal judges. Here is what stands before it (is it known, followed, too early, within its issuer's share?) and
what follows from its answer: in the journal; void; waiting for what the act names; collected until it is sufficient;
carried; refused.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, Power, parse_act, read_act
from pourparler.core.authority import Moment, Register
from pourparler.core.council import Organ, Spines, signers, sufficient
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import ALGORITHM_ED25519, Envelope, Form, Signature, digest
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.service.intake import Receipt
from pourparler.service.node import beacons
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.index import BAD_NEWS, IN_FULL, is_decision, share_of
from pourparler.service.node.nouns import Came, State, Taken
from pourparler.store.node import Ack, StoredPart, Waiting, owner_of

WAITS_FOR = {  # by the reason why an act cannot be judged yet: the fields that name what it lacks
    "unknown.party": ("party",),
    "unknown.organ": ("organ", "of", "to"),
    "unknown.prior": ("prior", "theirs"),
    "unknown.mandate": ("by", "class", "target", "mandate"),
    "unknown.act": ("call", "question", "about"),
    "vote.not-cited": ("call",),  # the vote by which it was decided has not been heard of, or not all of it
    "vote.incomplete": ("votes",),
}
STATES_MAX = 4_096  # of an organ that are asked whether they suffice for bad news
CONFIRM_SECONDS = 3_600  # that a confirmation waits for what it confirms
RESEATS = (
    "elect",
    "recover",
    "constitute",
    "hand-over",
    "confirm",
)  # after which others may be who speaks for an organ
STOPS_AT_ONCE = ("suspend", "urgent-dismiss")
WORKS_WAITING = {"dismiss", "object", "suspend", "urgent-dismiss"}
REPEATED = "suspension.repeated"
TOO_FEW = ("decision.insufficient", "decision.possession")
DECISION = "decision"  # the kind of proof
PART_ROW_BYTES = 96  # that a signature takes in an envelope, at most
JUST_ONE = (Signature(ALGORITHM_ED25519, bytes(8), bytes(64)),)  # to read a payload by
OWN_HAND = {"here", "ledger", "courier", "journal"}  # channels on which nothing comes but by the user's own doing


def source(came: Came) -> bytes:
    """Return who bytes count against that nobody known has signed: the peer that brought them."""
    return digest("node-source", came.channel, came.peer)


class Taking:
    """Takes acts into a node's holdings. Everything it changes beside the journal is one transaction of its caller."""

    def __init__(self, holdings: Holdings, follows: Callable[[bytes], bool]) -> None:
        self.holdings = holdings
        self.store = holdings.store
        self.journal = holdings.journal
        self.follows = follows
        self.freed: deque[Waiting] = deque()  # what no longer waits, and has not been judged again yet
        self.expired_at = 0
        self.noted = 0  # the entries of the journal that were noted, up to here
        self.founded: Counter[bytes] | None = None  # by whom strangers' parties were brought; counted when it is asked

    def take_all(self, envelopes: Sequence[bytes], came: Came) -> list[Taken]:
        """Take acts in this order, in as few commits as can be; return what became of each."""
        answers: list[Taken | None] = []
        batch: list[tuple[int, Act]] = []
        for envelope in envelopes:
            try:
                act = parse_act(envelope)
            except PourparlerError as error:
                answers.append(Taken(State.REFUSED, b"", error.reason, error.detail))
                continue
            if self.rests_on(batch, act):
                self.submit(batch, answers, came)
            answers.append(self.before(act, came))
            if answers[-1] is None:
                batch.append((len(answers) - 1, act))
        self.submit(batch, answers, came)
        self.settle()
        return [answer for answer in answers if answer is not None]

    def rests_on(self, batch: list[tuple[int, Act]], act: Act) -> bool:
        """Return whether what stands before the journal judges an act by others that came with it: as it would had
        they come one by one."""
        match act.kind:
            case "beacon" | "found":
                return True
            case "delegate":
                if any(one.kind in STOPS_AT_ONCE or one.get("from") or one.get("fresh") for _, one in batch):
                    return True
                stopped = any(act["by"] in one.endings for one in self.holdings.registry.registers.values())
                return stopped and any(one.id == act["by"] for _, one in batch)
            case "confirm":
                about, known = act["about"], self.holdings.registry.party_of_organ
                return act["organ"] not in known or any(one.id == about for _, one in batch)
        return False

    def submit(self, batch: list[tuple[int, Act]], answers: list[Taken | None], came: Came) -> None:
        """Let the journal judge a batch."""
        acts = [act for _, act in batch]
        receipts = self.journal.submit_many([act.envelope.encoded() for act in acts]) if acts else []
        answered = list(zip(batch, receipts, strict=True))
        answered.sort(key=lambda one: not isinstance(one[1], Receipt))  # what is in the journal is noted in its order
        for (place, act), receipt in answered:
            answers[place] = self.after(act, receipt, came)
        batch.clear()

    def settle(self) -> None:
        """Judge again what waited, and whatever that sets free, until nothing more is, and what had to
        wait for a time that has come; let go what waited too long."""
        self.freed += self.store.pending_ready(self.holdings.now())
        while self.freed:
            one = self.freed.popleft()
            if all(one.id != still.id for still in self.store.pending_of(one.act)):
                continue
            self.store.remove_pending(one.id)
            act, came = parse_act(one.data), Came(one.channel, one.peer, one.time)
            if self.before(act, came, one) is None:
                (answer,) = self.journal.submit_many([one.data])
                self.after(act, answer, came, one)
        now = self.holdings.now()
        if now - self.expired_at > limits.NODE_PENDING_SECONDS // 30:
            self.store.expire_pending(now - limits.NODE_PENDING_SECONDS)
            self.expired_at = now

    # Steps 2 to 6: before the journal.

    def before(self, act: Act, came: Came, waited: Waiting | None = None) -> Taken | None:
        """Return what decides without the journal, or None where the act is the journal's to judge. It came just now,
        or has ``waited``."""
        registry = self.holdings.registry
        if act.issuer is Issuer.LEDGER:
            return Taken(State.REFUSED, act.id, "stamp.submitted", "a node makes its stamps itself")
        outcome = registry.outcomes.get(act.id)
        if outcome is not None:
            return Taken(State.KNOWN, act.id, index=outcome.moment.index)
        if self.is_beside(act):
            return Taken(State.KNOWN, act.id)
        if act.kind == "found" and not self.follows(act.id):
            return Taken(State.REFUSED, act.id, "node.not-followed", "this node does not follow the party")
        if act.kind == "found" and not self.has_place(came):
            return Taken(State.REFUSED, act.id, "node.quota", "strangers have brought as many parties as they may here")
        if act.kind == "beacon" and act["party"] in registry.registers:
            return self.take_beacon(act, registry.registers[act["party"]], came, waited)
        if self.is_early(act):
            early = Missing("node.future", "it is dated ahead of this node's time")
            return self.wait(act, came, early, act["at"], waited)
        held_up = self.frozen(act) or self.confirms_unknown(act, waited)
        if held_up is not None:
            return self.wait(act, came, *held_up, waited)
        if not self.holdings.index.has_room(act, registry, self.holdings.now()):
            return Taken(State.REFUSED, act.id, "node.quota", "its issuer has filled his share of this node's journal")
        return None

    def is_beside(self, act: Act) -> bool:
        """Return whether an act stands beside the journal already."""
        if act.kind == "beacon":
            return self.store.beacon(act.id) is not None
        return act.issuer is Issuer.HOLDER and self.store.carried(act.id) is not None

    def has_place(self, came: Came) -> bool:
        """Return whether a party that nobody here follows may be brought so: strangers, and each of them, have only so
        many places, and none of the user's own."""
        if came.channel in OWN_HAND or self.store.followed():
            return True
        if self.founded is None:
            known = (self.store.heard(party) for party in self.holdings.registry.registers)
            brought = (Came(channel, peer, time) for rows in known for channel, peer, time in rows[:1])
            self.founded = Counter(source(one) for one in brought if one.channel not in OWN_HAND)
        of_all = self.founded.total() < limits.NODE_PARTIES_OF_STRANGERS_MAX
        return of_all and self.founded[source(came)] < limits.NODE_PARTIES_OF_SOURCE_MAX

    def is_early(self, act: Act) -> bool:
        """Return whether one key dates its act ahead of all the time that there is here. Bad news and decisions of an
        organ never wait for that: their dates decide nothing."""
        if act.kind in BAD_NEWS or act.issuer in IN_FULL:
            return False
        at = act.get("at")
        return at is not None and at > self.holdings.latest() + limits.NODE_SKEW_SECONDS

    def frozen(self, act: Act) -> tuple[PourparlerError, int] | None:
        """Return why a link waits whose giver's chain has not begun here, or is frozen for want of a beacon, and until
        when: a slow clock, or whoever holds a beacon back, voids nothing for good."""
        registry = self.holdings.registry
        register = registry.registers.get(registry.party_of_mandate.get(act.get("by") or b"", b""))
        if act.kind != "delegate" or register is None or self.issuer_if_good(act) is None:
            return None
        moment = self.holdings.moment()
        for link in register.mandate(act["by"]).chain():
            if link.starts is not None and moment.time < link.starts:
                return Missing("standing.not-yet", "the mandate has not begun by this node's time"), link.starts
            try:
                if link.fresh_seconds is not None:
                    register.check_fresh(link.fresh_seconds, moment)
            except Refused as stale:
                return Missing(stale.reason, stale.detail), 0
        return suspended(register, act["by"], moment)

    def confirms_unknown(self, act: Act, waited: Waiting | None) -> tuple[PourparlerError, int] | None:
        """Return why a confirmation waits for what it confirms, and until when: heard before the hand-over that it
        confirms, it would never take powers over. For other acts the order is all one: so it does not wait for long."""
        if act.kind != "confirm" or not act["answer"] or act["organ"] not in self.holdings.registry.party_of_organ:
            return None
        about, until = act["about"], self.since(act, waited) + CONFIRM_SECONDS
        heard = self.heard_in_part(about)
        if about in self.holdings.registry.outcomes or self.issuer_if_good(act) is None:
            return None
        if heard is not None and heard.kind == "hand-over" and heard["to"] == act["organ"]:
            return Missing("unknown.act", "the hand-over that it confirms has not been decided, as far as is known"), 0
        if heard is not None or self.holdings.now() >= until:
            return None
        return Missing("unknown.act", "what it confirms has not been heard of"), until

    def heard_in_part(self, about: bytes) -> Act | None:
        """Return an act of which something waits. What it says, its id vouches for; nothing else of it is verified."""
        for one in self.store.pending_of(about):
            return parse_act(one.data)
        for part in self.store.parts(about):
            return read_act(Envelope(Form.SIGN, part.data, JUST_ONE))
        return None

    def since(self, act: Act, waited: Waiting | None = None) -> int:
        """Return when an act that waits came first: who brings it again, in whatever envelope, renews nothing."""
        before = [*([waited] if waited else ()), *self.store.pending_of(act.id)]
        return min((one.time for one in before), default=self.holdings.now())

    def take_beacon(self, act: Act, register: Register, came: Came, waited: Waiting | None) -> Taken | None:
        """Return what decides about a beacon, or None where it goes into the journal."""
        try:
            key = beacons.check(self.holdings, act, register)
        except Missing as early:
            return self.wait(act, came, early, act["at"], waited)
        except PourparlerError as error:
            return Taken(State.REFUSED, act.id, error.reason, error.detail)
        self.forget_waiting(act)
        if key in register.spines.beacons and beacons.is_spaced(self.holdings, register, key):
            return None
        beacons.keep(self.holdings, act, key, came, journaled=False)
        return Taken(State.NEW, act.id)

    # Steps 7 to 12: what the journal said.

    def after(
        self, act: Act, answer: Receipt | Exception, came: Came, waited: Waiting | None = None, *, again: bool = True
    ) -> Taken:
        """Return what became of an act, by the journal's answer; do what follows from it."""
        if isinstance(answer, Receipt):
            self.note(self.holdings.registry.outcomes[act.id], came)
            self.forget_waiting(act)
            self.store.remove_parts(act.id)
            self.free(act)
            if answer.void:
                return Taken(State.VOID, act.id, answer.void, answer.detail, answer.index)
            return Taken(State.NEW, act.id, index=answer.index)
        if not isinstance(answer, PourparlerError):
            raise answer
        if act.issuer is Issuer.HOLDER and is_elsewhere(act, answer):
            return self.carry(act, came)
        if answer.reason in WAITS_FOR:
            wants = self.wants(act, answer.reason)
            if again and not wants:  # it came in one batch with what it waited for
                early = self.before(act, came, waited)
                if early is not None:
                    return early
                (second,) = self.journal.submit_many([act.envelope.encoded()])
                return self.after(act, second, came, waited, again=False)
            if wants or not answer.reason.startswith("vote."):
                return self.wait(act, came, answer, waited=waited)
        if answer.reason == REPEATED:
            return self.wait(act, came, answer, waited=waited)
        if act.kind in STOPS_AT_ONCE and (answer.reason.startswith("decision.") or self.is_urgency_unheard(act)):
            return self.stop_later(act, answer, came, waited)
        if answer.reason in TOO_FEW and act.issuer in IN_FULL and act.kind != "found":
            return self.collect(act, answer, came)
        return Taken(State.REFUSED, act.id, answer.reason, answer.detail)

    def free(self, act: Act) -> None:
        """Let be judged again what waited for an act that has entered the journal, or for what it changes."""
        names = {act.id, *self.holdings.index.brought.get(act.id, ())}
        if act.kind in RESEATS:
            for organ in {act["organ"], act.get("of"), act.get("to")}:
                self.free_of(organ)
        if act.kind == "beacon":
            names.add(act["party"])
        for name in sorted(names):
            self.freed += self.store.pending_for(name)
        if act.kind == "confirm":
            self.freed += self.store.pending_of(act["about"])
            self.work_by_parts(act["about"])

    def free_of(self, organ: bytes | None) -> None:
        """Let be judged again what waits of an organ, as far as it is by anybody who has ever had a seat there: whoever
        can make many wait is not to be judged at every election."""
        for one in self.store.pending_for(organ or b""):
            act = parse_act(one.data)
            if act.get("organ") == organ and self.good_signatures(act):
                self.freed.append(one)

    def work_by_parts(self, about: bytes) -> None:
        """Let what an organ has confirmed work by those signatures that have come of it."""
        parts = self.store.parts(about)
        payload = parts[0].data if parts else b""
        joined = self.joined(read_act(Envelope(Form.SIGN, payload, JUST_ONE))) if parts else None
        if joined is not None and self.stops(joined):
            came = Came("parts", "", parts[0].time)
            self.wait(joined, came, Missing("decision.insufficient", "its organ has confirmed it"))

    def note(self, outcome: Outcome, came: Came) -> None:
        """Remember an act that has entered the journal."""
        if outcome.moment.index >= self.noted:
            self.noted = outcome.moment.index + 1
            self.holdings.index.add(outcome, self.holdings.registry)
            self.note_beside(outcome, came)
            self.holdings.tell(outcome.act)

    def note_beside(self, outcome: Outcome, came: Came) -> None:
        """Remember beside the journal what an act in it says: who was heard, who knows what, what contradicts what."""
        act, party = outcome.act, outcome.party
        assert party is not None
        if act.issuer is Issuer.HOLDER and by_its_holder(outcome.void):
            self.store.note_heard(act["by"], came.channel, came.peer, came.time)
        if act.kind == "found" and self.founded is not None and came.channel not in OWN_HAND:
            self.founded[source(came)] += 1
        if act.kind in BAD_NEWS or act.kind == "found":
            self.store.note_heard(act.id, came.channel, came.peer, came.time)
        if act.kind == "reply" and outcome.void is None:
            self.store.add_ack(Ack(act.id, act["about"], act["by"], act.get("at"), came.time, came.channel, came.peer))
        if act.kind == "beacon" and self.store.beacon(act.id) is None:
            register = self.holdings.registry.registers[party]
            key = next(iter(signers(act, register.spines.beacons_ever)), b"")
            beacons.keep(self.holdings, act, key, came, journaled=True)
        for other in self.holdings.index.siblings(act):
            first, second = self.holdings.envelope(other) or b"", outcome.envelope.encoded()
            self.holdings.accuse(DECISION, party, act["organ"], first, second)
        if is_decision(act):
            self.store.unsay(act["organ"])

    def forget_waiting(self, act: Act) -> None:
        for one in self.store.pending_of(act.id):
            self.store.remove_pending(one.id)

    def forget_within(self, joined: Act, taken: Taken) -> None:
        """Let an act wait no more with signatures that all stand under what was joined now. With more of them it waits
        on, and so does what works where this does not: a part that comes late, or again, undoes nothing."""
        has = {(one.kid, one.value) for one in joined.envelope.signatures}
        now = sha256(joined.envelope.encoded()).digest()
        for one in self.store.pending_of(joined.id):
            within = {(each.kid, each.value) for each in parse_act(one.data).envelope.signatures} <= has
            if within and one.id != now and (taken.works or not one.works):
                self.store.remove_pending(one.id)

    # Waiting.

    def wait(self, act: Act, came: Came, why: PourparlerError, ready: int = 0, waited: Waiting | None = None) -> Taken:
        """Let an act wait for what it names, or for its time; it came just now, or has ``waited``."""
        again = why.reason == REPEATED  # works only if it was confirmed: another of his is in the journal
        wants, works = self.wants(act, why.reason), self.is_confirmed(act) if again else self.works(act, waited)
        data = act.envelope.encoded()
        owner = self.issuer_if_good(act) or source(came)
        if act.kind in WORKS_WAITING and not works:
            ready = self.next_seats(act)
        id_ = sha256(data).digest()
        waiting = Waiting(
            id_, act.id, owner, self.since(act, waited), why.reason, data, came.channel, came.peer, ready, works
        )
        if not self.store.add_pending(waiting, wants + self.wakes(act, why.reason, works=works)):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        if works:
            self.holdings.tell(act)
        if act.kind in STOPS_AT_ONCE and waited is None:
            self.freed += self.store.pending_for(act.id)  # an answer about it
        return Taken(State.PENDING, act.id, why.reason, why.detail, works=works, wants=tuple(wants))

    def wants(self, act: Act, reason: str) -> list[bytes]:
        """Return which acts or organs a waiting act names that are not here."""
        registry = self.holdings.registry
        here = (registry.outcomes, registry.party_of_organ, registry.registers)
        fields = [name for name in WAITS_FOR.get(reason, ()) if name != "to" or act.kind == "hand-over"]
        named = [one for name in fields for one in (act.get(name) if name == "votes" else [act.get(name)]) or ()]
        lacking = [one for one in named if isinstance(one, bytes) and not any(one in known for known in here)]
        return lacking[: limits.NODE_WAITS_MAX]

    def wakes(self, act: Act, reason: str, *, works: bool) -> list[bytes]:
        """Return after whose news a waiting act is judged again, though it does not wait for anything of theirs: bad
        news that does not work yet when others are seated, a frozen link when its party gives a beacon."""
        if reason == "standing.stale":
            party = self.holdings.registry.party_of_mandate.get(act["by"])
            return [party] if party else []
        return [act["organ"]] if act.kind in WORKS_WAITING and not works else []

    def works(self, act: Act, waited: Waiting | None = None) -> bool:
        """Return whether bad news that cannot be logged is signed by enough of the seats as they are known now: as the
        journal has them, or as the home does. What has worked goes on, whatever seats are heard of since: only a home
        undoes it. A suspension or an urgent dismissal works likewise that its organ has confirmed."""
        if act.kind == "revoke":  # of a link that counts again once a home shows that what voids it here was lost
            target = self.holdings.registry.outcomes.get(act["target"])
            return target is not None and target.void is not None and self.issuer_if_good(act) is not None
        if act.kind not in WORKS_WAITING:
            return False
        if any(may_end(act, organ) for organ in self.states(act["organ"])) or self.is_confirmed(act):
            return True
        party = self.holdings.registry.party_of_organ.get(act["organ"])
        if party is None or self.holdings.home(self.holdings.registry.registers[party]) is not None:
            return False
        if waited is not None and waited.works:
            return True
        good = {one.kid for one in self.good_signatures(act)}
        before = [parse_act(one.data) for one in self.store.pending_of(act.id) if one.works]
        return any({one.kid for one in self.good_signatures(other)} <= good for other in before)

    def is_confirmed(self, act: Act) -> bool:
        """Return whether an organ that governs has made last what a member did, or urgent ones, who have left since."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(act["organ"])
        if act.kind not in STOPS_AT_ONCE or party is None or not self.good_signatures(act):
            return False
        confirmation = registry.registers[party].confirmed(act.id, act["organ"])
        return confirmation is not None and confirmation.answer

    def stops(self, act: Act) -> bool:
        """Return whether a suspension or an urgent dismissal works though the journal refuses it."""
        return act.kind in STOPS_AT_ONCE and self.works(act)

    def is_urgency_unheard(self, act: Act) -> bool:
        """Return whether nobody is known here who may act in urgency for the organ of such an act."""
        return act.kind == "urgent-dismiss" and all(one.urgency is None for one in self.states(act["organ"]))

    def stop_later(self, act: Act, why: PourparlerError, came: Came, waited: Waiting | None) -> Taken:
        """Let a suspension or an urgent dismissal wait by people who have no seat as far as is known: what seats them
        may not have been heard of, or what seats others was heard first and their organ has confirmed it."""
        if why.reason in TOO_FEW and not self.works(act, waited):
            taken = self.collect(act, why, came)
            if taken.kept or taken.works:
                return taken
        return self.wait(act, came, why, waited=waited)

    def states(self, organ: bytes) -> Iterator[Organ]:
        """Yield an organ as it stands by the journal, and as it stands at home."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(organ)
        if party is None:
            return
        home = self.holdings.home(registry.registers[party])
        shown = self.holdings.homes.time(party) or 0
        yield from self.open_states(registry.registers[party].spines, organ)
        for register in home.registers if home else ():
            if organ in register.spines.heads:
                yield register.spines.seated(organ, shown)  # a recovery of which no end is shown has not worked there

    def open_states(self, spines: Spines, organ: bytes) -> Iterator[Organ]:
        """Yield an organ as it stands wherever nothing follows in the journal: where two decisions contradict each
        other, after either, and after a recovery that has taken effect as well as beside it. Which of them was heard
        first says nothing about who sits there."""
        now, places = self.holdings.now(), {spines.heads[organ]: None, **self.holdings.index.tips.get(organ, {})}
        for place in islice(places, STATES_MAX):
            if self.ready_at(spines, organ, place) <= now and (organ, place) in spines.at:
                yield spines.organ(organ, place)

    def ready_at(self, spines: Spines, organ: bytes, place: bytes) -> int:
        """Return when the recovery takes effect that a place comes after."""
        return spines.waits.get((organ, self.holdings.index.past.get(place, b"")), (None, limits.TIME_MIN))[1]

    def next_seats(self, act: Act) -> int:
        """Return when the next recovery of an organ takes effect, which may seat who signed bad news; 0: none."""
        party = self.holdings.registry.party_of_organ.get(act["organ"])
        if party is None:
            return 0
        spines, places = self.holdings.registry.registers[party].spines, self.holdings.index.tips.get(act["organ"], {})
        times = (self.ready_at(spines, act["organ"], place) for place in islice(places, STATES_MAX))
        return min((time for time in times if time > self.holdings.now()), default=0)

    def issuer_if_good(self, act: Act) -> bytes | None:
        """Return who an act that cannot be judged counts against: its issuer, where a key of his has signed it."""
        registry = self.holdings.registry
        if act.issuer is Issuer.HOLDER:
            register = registry.registers.get(registry.party_of_mandate.get(act["by"], b""))
            mandate = register.mandates.get(act["by"]) if register else None
            if register is None or mandate is None:
                return None
            try:
                register.spoken(act, mandate, self.holdings.moment(), act.row.power)
            except PourparlerError:
                return None
            return owner_of(register.party, share_of(mandate))
        if act.issuer in (Issuer.ORGAN, Issuer.MEMBER, Issuer.URGENT) and act.kind != "found":
            good = self.good_signatures(act)
            return self.seats_of(act, good) if good else None
        return None

    def member_share(self, act: Act, kid: bytes) -> bytes:
        """Return who one signature on an organ's act counts against that is good: the key that made it."""
        party = self.holdings.registry.party_of_organ.get(act["organ"])
        return owner_of(party, digest("node-speaker", act["organ"], kid))

    def seats_of(self, act: Act, good: Sequence[Signature]) -> bytes:
        """Return who an organ's act that cannot be judged counts against: those together whose signatures are good. So
        a thief of one member's key fills that key's share, and pushes out nothing that others have signed."""
        party = self.holdings.registry.party_of_organ.get(act["organ"])
        return owner_of(party, digest("node-speaker", act["organ"], *sorted({one.kid for one in good})))

    # Collecting the signatures of a decision.

    def collect(self, act: Act, why: PourparlerError, came: Came) -> Taken:
        """Keep the good signatures of a decision that has too few, and join them with those that came before."""
        good = self.good_signatures(act)
        for signature in good:
            self.add_part(act, signature, self.member_share(act, signature.kid))
        joined = self.joined(act)
        if joined is not None and {one.kid for one in joined.envelope.signatures} > {one.kid for one in good}:
            (answer,) = self.journal.submit_many([joined.envelope.encoded()])
            if not (isinstance(answer, PourparlerError) and answer.reason in TOO_FEW) or self.stops(joined):
                return self.after(joined, answer, came)
        state = State.PENDING if good else State.REFUSED
        return Taken(state, act.id, why.reason, why.detail)

    def good_signatures(self, act: Act) -> list[Signature]:
        """Return the signatures on an organ's act by those who have or had a seat in it, or take one by the act."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(act["organ"])
        if party is None:
            return []
        register = registry.registers[party]
        if act.issuer is Issuer.RECOVERY:
            recovery = register.spines.party.recovery
            keys = set(recovery.keys.seats) if recovery else set()
            return list(signers(act, keys | {new for _, new in act["seats"]}).values())
        home = self.holdings.home(register) if act.kind in WORKS_WAITING else None
        registers = (register, *(home.registers if home else ()))
        keys = {key for one in registers for organ, key in one.spines.seated_by if organ == act["organ"]}
        keys |= {key for key, _ in act.get("seats") or ()} if act.kind == "elect" else set()
        keys |= {key for key, _ in act["new"]["seats"]} if act.kind == "constitute" else set()
        return list(signers(act, keys).values())

    def add_part(self, act: Act, signature: Signature, owner: bytes) -> None:
        id_ = digest("node-part", act.id, signature.kid, signature.value)
        time = self.holdings.now()
        self.store.add_part(StoredPart(id_, act.id, owner, time, signature.kid, signature.value, act.envelope.payload))

    def joined(self, act: Act) -> Act | None:
        """Return an act with the signatures on it that were collected: those that were good when they came before those
        that nobody could judge, so that these keep none of them out. Of one key a good one is enough, and whoever has a
        key makes as many as he likes."""
        good: dict[bytes, StoredPart] = {}
        others: list[StoredPart] = []
        for part in self.store.parts(act.id):
            if part.owner == self.member_share(act, part.kid):
                good.setdefault(part.kid, part)
            else:
                others.append(part)
        room = (limits.ENVELOPE_MAX_BYTES - len(act.envelope.payload) - 64) // PART_ROW_BYTES
        parts = [*good.values(), *others][: min(limits.ENVELOPE_SIGNATURES_MAX, max(1, room))]
        rows = tuple(Signature(ALGORITHM_ED25519, part.kid, part.signature) for part in parts)
        return read_act(Envelope(Form.SIGN, act.envelope.payload, rows)) if rows else None

    def take_part(self, payload: bytes, kid: bytes, signature: bytes, came: Came) -> Taken:
        """Take one member's signature on a decision."""
        try:
            act = read_part(payload, kid, signature)
        except PourparlerError as error:
            return Taken(State.REFUSED, b"", error.reason, error.detail)
        early = self.before(act, came)
        if early is not None:
            return early
        good = self.good_signatures(act)
        if not good and self.is_at_known_place(act):
            return Taken(State.REFUSED, act.id, "signature.invalid", "nobody with a seat made this signature")
        self.add_part(act, act.envelope.signatures[0], self.member_share(act, kid) if good else source(came))
        joined = self.joined(act)
        if joined is None:
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        (answer,) = self.journal.submit_many([joined.envelope.encoded()])
        if isinstance(answer, PourparlerError) and answer.reason in TOO_FEW and not self.stops(joined):
            return Taken(State.PENDING, act.id, answer.reason, answer.detail)
        taken = self.after(joined, answer, came)
        self.forget_within(joined, taken)
        self.settle()
        return taken

    def is_at_known_place(self, act: Act) -> bool:
        """Return whether everybody is known who may sign a decision."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(act["organ"])
        if party is None:
            return False
        return act.issuer is Issuer.URGENT or (act["organ"], act.get("prior")) in registry.registers[party].spines.at

    # Carrying.

    def carry(self, act: Act, came: Came) -> Taken:
        """Keep a holder's act in a dossier elsewhere, once it is his."""
        registry = self.holdings.registry
        register = registry.registers[registry.party_of_mandate[act["by"]]]
        mandate = register.mandate(act["by"])
        try:
            envelope, void = register.spoken(act, mandate, self.holdings.moment(), act.row.power)
            if void is not None and void.reason == "power.missing":
                raise void
        except PourparlerError as error:
            return Taken(State.REFUSED, act.id, error.reason, error.detail)
        self.forget_waiting(act)
        if by_its_holder(void):
            self.store.note_heard(act["by"], came.channel, came.peer, came.time)
        if not self.store.add_carried(
            act.id, owner_of(register.party, share_of(mandate)), self.holdings.now(), envelope.encoded()
        ):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room to carry it")
        self.holdings.tell(act)
        return Taken(State.CARRIED, act.id)


def is_elsewhere(act: Act, answer: PourparlerError) -> bool:
    """Return whether a holder's act belongs to a dossier of another ledger."""
    return answer.reason == "unknown.dossier" or (act.kind == "open" and answer.reason == "bounds.ledger")


def suspended(register: Register, name: bytes, moment: Moment) -> tuple[PourparlerError, int] | None:
    """Return why a link waits whose giver is stopped only by what lapses unless it is confirmed, and until when."""
    stops = [
        ending
        for link in register.mandate(name).chain()
        for ending in register.endings.get(link.id, ())
        if register.ends(ending, link.organ) and register.works(ending, Power.DELEGATE, moment)
    ]
    if not stops or not all(register.unconfirmed(one) for one in stops):
        return None
    why = Missing(stops[0].reason, "its giver is stopped by what lapses unless it is confirmed")
    return why, max(one.lapses or 0 for one in stops)


def by_its_holder(void: PourparlerError | None) -> bool:
    """Return whether an act under a mandate, void or not, is by whoever holds it, and not by whom he has replaced."""
    return void is None or void.reason != "standing.duty-missed"


def may_end(act: Act, organ: Organ) -> bool:
    """Return whether an organ as it stands could have said this bad news: enough of its seats have signed it."""
    if organ.dissolved or (act.kind == "dismiss" and Power.DISMISS not in organ.powers):
        return False
    if act.kind == "suspend":
        return any(organ.suspenders is None or key in organ.suspenders for key in signers(act, organ.members.seats))
    members = organ.members
    if act.kind == "urgent-dismiss":
        if organ.urgency is None or Power.URGENT not in organ.powers:
            return False
        members = organ.urgency.members
    try:
        sufficient(act, members)
    except Refused:
        return False
    return True


def read_part(payload: bytes, kid: bytes, signature: bytes) -> Act:
    """Return the act that a part is of, with that one signature. Raises :class:`Malformed`."""
    if len(kid) != 8 or len(signature) != 64 or len(payload) > limits.ENVELOPE_MAX_BYTES:
        raise Malformed("envelope.layout", "a part is a payload, a kid of 8 bytes and a signature of 64")
    act = read_act(Envelope(Form.SIGN, payload, (Signature(ALGORITHM_ED25519, kid, signature),)))
    if act.issuer not in IN_FULL or act.kind == "found":
        raise Malformed("act.form", "only a decision of an organ comes in parts")
    return act
