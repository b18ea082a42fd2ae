"""How a node takes an act: the numbered steps of ``spec/node.md`` section 3.

The journal judges. Here is what stands before it (is it known, followed, too early, within its issuer's share?) and
what follows from its answer: in the journal; void; waiting for what the act names; collected until it is sufficient;
carried; refused.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, Power, parse_act, read_act
from pourparler.core.authority import Register
from pourparler.core.council import Organ, signers, sufficient
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import ALGORITHM_ED25519, Envelope, Form, Signature, digest
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.service.intake import Receipt
from pourparler.service.node import beacons
from pourparler.service.node.holdings import Holdings
from pourparler.service.node.index import BAD_NEWS, IN_FULL, is_decision, share_of
from pourparler.service.node.nouns import Came, State, Taken
from pourparler.store.node import Ack, StoredPart, Waiting

WAITS_FOR = {  # by the reason why an act cannot be judged yet: the fields that name what it lacks
    "unknown.party": ("party",),
    "unknown.organ": ("organ", "of", "to"),
    "unknown.prior": ("prior", "theirs"),
    "unknown.mandate": ("by", "class", "target", "mandate"),
    "unknown.act": ("call", "question"),
}
WORKS_WAITING = {"dismiss", "object", "suspend", "urgent-dismiss"}
TOO_FEW = ("decision.insufficient", "decision.possession")
DECISION = "decision"  # the kind of proof
OWN_HAND = {"here", "ledger", "courier", "journal"}  # channels on which nothing comes but by the user's own doing


def source(came: Came) -> bytes:
    """Return who bytes count against that nobody known has signed: the peer that brought them."""
    return digest("node-source", came.channel, came.peer)


def member_share(act: Act, kid: bytes) -> bytes:
    """Return who one signature on an organ's act counts against that is good: the key that made it."""
    return digest("node-speaker", act["organ"], kid)


def seats_of(act: Act, good: Sequence[Signature]) -> bytes:
    """Return who an organ's act that cannot be judged counts against: those together whose signatures are good. So a
    thief of one member's key fills that key's share, and pushes out nothing that others have signed."""
    return digest("node-speaker", act["organ"], *sorted({one.kid for one in good}))


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
            if act.kind in ("beacon", "found"):  # which are judged by those before them
                self.submit(batch, answers, came)
            answers.append(self.before(act, came))
            if answers[-1] is None:
                batch.append((len(answers) - 1, act))
        self.submit(batch, answers, came)
        self.freed += self.store.pending_ready(self.holdings.now())
        self.settle()
        return [answer for answer in answers if answer is not None]

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
        """Judge again what waited, and whatever that sets free, until nothing more is; let go what waited too long."""
        while self.freed:
            one = self.freed.popleft()
            if all(one.id != still.id for still in self.store.pending_of(one.act)):
                continue
            self.store.remove_pending(one.id)
            act, came = parse_act(one.data), Came(one.channel, one.peer, one.time)
            if self.before(act, came, since=one.time) is None:
                (answer,) = self.journal.submit_many([one.data])
                self.after(act, answer, came, since=one.time)
        now = self.holdings.now()
        if now - self.expired_at > limits.NODE_PENDING_SECONDS // 30:
            self.store.expire_pending(now - limits.NODE_PENDING_SECONDS)
            self.expired_at = now

    # Steps 2 to 6: before the journal.

    def before(self, act: Act, came: Came, since: int | None = None) -> Taken | None:
        """Return what decides without the journal, or None where the act is the journal's to judge."""
        registry = self.holdings.registry
        if act.issuer is Issuer.LEDGER:
            return Taken(State.REFUSED, act.id, "stamp.submitted", "a node makes its stamps itself")
        outcome = registry.outcomes.get(act.id)
        if outcome is not None:
            return Taken(State.KNOWN, act.id, index=outcome.moment.index)
        if self.store.carried(act.id) is not None or self.store.beacon(act.id) is not None:
            return Taken(State.KNOWN, act.id)
        if act.kind == "found" and not self.follows(act.id):
            return Taken(State.REFUSED, act.id, "node.not-followed", "this node does not follow the party")
        if act.kind == "found" and not self.has_place(came):
            return Taken(State.REFUSED, act.id, "node.quota", "strangers have brought as many parties as they may here")
        if act.kind == "beacon" and act["party"] in registry.registers:
            return self.take_beacon(act, registry.registers[act["party"]], came, since)
        if self.is_early(act):
            early = Missing("node.future", "it is dated ahead of this node's time")
            return self.wait(act, came, early, act["at"], since)
        if not self.holdings.index.has_room(act, registry):
            return Taken(State.REFUSED, act.id, "node.quota", "its issuer has filled his share of this node's journal")
        return None

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

    def take_beacon(self, act: Act, register: Register, came: Came, since: int | None) -> Taken | None:
        """Return what decides about a beacon, or None where it goes into the journal."""
        try:
            key = beacons.check(self.holdings, act, register)
        except Missing as early:
            return self.wait(act, came, early, act["at"], since)
        except PourparlerError as error:
            return Taken(State.REFUSED, act.id, error.reason, error.detail)
        self.forget_waiting(act)
        if key in register.spines.beacons and beacons.is_spaced(self.holdings, register, key):
            return None
        beacons.keep(self.holdings, act, key, came, journaled=False)
        return Taken(State.NEW, act.id)

    # Steps 7 to 12: what the journal said.

    def after(
        self, act: Act, answer: Receipt | Exception, came: Came, since: int | None = None, *, again: bool = True
    ) -> Taken:
        """Return what became of an act, by the journal's answer; do what follows from it."""
        if isinstance(answer, Receipt):
            self.note(self.holdings.registry.outcomes[act.id], came)
            self.forget_waiting(act)
            self.store.remove_parts(act.id)
            for name in (act.id, *self.holdings.index.brought.get(act.id, ())):
                self.freed += self.store.pending_for(name)
            if answer.void:
                return Taken(State.VOID, act.id, answer.void, answer.detail, answer.index)
            return Taken(State.NEW, act.id, index=answer.index)
        if not isinstance(answer, PourparlerError):
            raise answer
        if act.issuer is Issuer.HOLDER and is_elsewhere(act, answer):
            return self.carry(act, came)
        if answer.reason in WAITS_FOR:
            if again and not self.wants(act, answer.reason):  # it came in one batch with what it waited for
                (second,) = self.journal.submit_many([act.envelope.encoded()])
                return self.after(act, second, came, since, again=False)
            return self.wait(act, came, answer, since=since)
        if answer.reason.startswith("decision.") and act.kind in ("suspend", "urgent-dismiss") and self.works(act):
            return self.wait(act, came, answer, since=since)
        if answer.reason in TOO_FEW and act.issuer in IN_FULL and act.kind != "found":
            return self.collect(act, answer, came)
        return Taken(State.REFUSED, act.id, answer.reason, answer.detail)

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

    def forget_within(self, joined: Act) -> None:
        """Let an act wait no more with signatures that all stand under what is joined now. With more of them it waits
        on: a part that comes late, or again, undoes nothing."""
        has = {(one.kid, one.value) for one in joined.envelope.signatures}
        for one in self.store.pending_of(joined.id):
            if {(each.kid, each.value) for each in parse_act(one.data).envelope.signatures} <= has:
                self.store.remove_pending(one.id)

    # Waiting.

    def wait(self, act: Act, came: Came, why: PourparlerError, ready: int = 0, since: int | None = None) -> Taken:
        """Let an act wait for what it names, or for its time; it came just now, or has waited ``since``."""
        wants, works = self.wants(act, why.reason), self.works(act)
        data = act.envelope.encoded()
        owner = self.issuer_if_good(act) or source(came)
        time = self.holdings.now() if since is None else since
        id_ = sha256(data).digest()
        waiting = Waiting(id_, act.id, owner, time, why.reason, data, came.channel, came.peer, ready, works)
        if not self.store.add_pending(waiting, wants):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        if works:
            self.holdings.tell(act)
        return Taken(State.PENDING, act.id, why.reason, why.detail, works=works, wants=tuple(wants))

    def wants(self, act: Act, reason: str) -> list[bytes]:
        """Return which acts or organs a waiting act names that are not here."""
        registry = self.holdings.registry
        here = (registry.outcomes, registry.party_of_organ, registry.registers)
        fields = [name for name in WAITS_FOR.get(reason, ()) if name != "to" or act.kind == "hand-over"]
        named = [act.get(name) for name in fields]
        lacking = [one for one in named if isinstance(one, bytes) and not any(one in known for known in here)]
        return lacking[: limits.NODE_WAITS_MAX]

    def works(self, act: Act) -> bool:
        """Return whether bad news that cannot be logged is signed by enough of the seats as they are known now: as the
        journal has them, or as the home does."""
        return act.kind in WORKS_WAITING and any(may_end(act, organ) for organ in self.states(act["organ"]))

    def states(self, organ: bytes) -> Iterator[Organ]:
        """Yield an organ as it stands by the journal, and as it stands at home."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(organ)
        if party is None:
            return
        home = self.holdings.home(registry.registers[party])
        for register in (registry.registers[party], *(home.registers if home else ())):
            if organ in register.spines.heads:
                yield register.spines.seated(organ, self.holdings.now())

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
            return share_of(mandate)
        if act.issuer in (Issuer.ORGAN, Issuer.MEMBER, Issuer.URGENT) and act.kind != "found":
            good = self.good_signatures(act)
            return seats_of(act, good) if good else None
        return None

    # Collecting the signatures of a decision.

    def collect(self, act: Act, why: PourparlerError, came: Came) -> Taken:
        """Keep the good signatures of a decision that has too few, and join them with those that came before."""
        good = self.good_signatures(act)
        for signature in good:
            self.add_part(act, signature, member_share(act, signature.kid))
        joined = self.joined(act)
        if joined is not None and {one.kid for one in joined.envelope.signatures} > {one.kid for one in good}:
            (answer,) = self.journal.submit_many([joined.envelope.encoded()])
            if not (isinstance(answer, PourparlerError) and answer.reason in TOO_FEW):
                return self.after(joined, answer, came)
        state = State.PENDING if good else State.REFUSED
        return Taken(state, act.id, why.reason, why.detail)

    def good_signatures(self, act: Act) -> list[Signature]:
        """Return the signatures on an organ's act by those who have or had a seat in it, or take one by the act."""
        registry = self.holdings.registry
        party = registry.party_of_organ.get(act["organ"])
        if party is None:
            return []
        spines = registry.registers[party].spines
        if act.issuer is Issuer.RECOVERY:
            recovery = spines.party.recovery
            keys = set(recovery.keys.seats) if recovery else set()
            return list(signers(act, keys | {new for _, new in act["seats"]}).values())
        keys = {key for organ, key in spines.seated_by if organ == act["organ"]}
        keys |= {key for key, _ in act.get("seats") or ()} if act.kind == "elect" else set()
        keys |= {key for key, _ in act["new"]["seats"]} if act.kind == "constitute" else set()
        return list(signers(act, keys).values())

    def add_part(self, act: Act, signature: Signature, owner: bytes) -> None:
        id_ = digest("node-part", act.id, signature.kid, signature.value)
        time = self.holdings.now()
        self.store.add_part(StoredPart(id_, act.id, owner, time, signature.kid, signature.value, act.envelope.payload))

    def joined(self, act: Act) -> Act | None:
        """Return an act with the signatures on it that were collected: those that were good when they came before those
        that nobody could judge, so that these keep none of them out."""
        parts = self.store.parts(act.id)
        judged = {kid: member_share(act, kid) for kid in {part.kid for part in parts}}
        parts.sort(key=lambda part: part.owner != judged[part.kid])
        parts = parts[: limits.ENVELOPE_SIGNATURES_MAX]
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
        self.add_part(act, act.envelope.signatures[0], member_share(act, kid) if good else source(came))
        joined = self.joined(act)
        if joined is None:
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        (answer,) = self.journal.submit_many([joined.envelope.encoded()])
        if isinstance(answer, PourparlerError) and answer.reason in TOO_FEW:
            return Taken(State.PENDING, act.id, answer.reason, answer.detail)
        self.forget_within(joined)
        taken = self.after(joined, answer, came)
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
        if not self.store.add_carried(act.id, share_of(mandate), self.holdings.now(), envelope.encoded()):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room to carry it")
        self.holdings.tell(act)
        return Taken(State.CARRIED, act.id)


def is_elsewhere(act: Act, answer: PourparlerError) -> bool:
    """Return whether a holder's act belongs to a dossier of another ledger."""
    return answer.reason == "unknown.dossier" or (act.kind == "open" and answer.reason == "bounds.ledger")


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
