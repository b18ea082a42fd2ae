"""Authority: mandates granted, narrowed and ended, and who stands when. Specification: ``spec/authority.md``.

A mandate chain begins at an organ's grant and narrows link by link: every link names its parent, is signed by the
parent's holder, and keeps within it on each ordered axis (powers, expiry, scope, partners, depth). Red lines are never
compared or merged: every link's lines are evaluated on the same terms. An act names one chain, by its last link, and
stands or falls with it.

:class:`Register` is all the acts of one party in one ledger. It answers whether a holder may speak: *in force*, *not in
force* (a :class:`Refused` that says why), or *not checkable* (a :class:`Missing` that says what is missing), never
rounded up. *When* is always an index and a log time of that ledger.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pourparler.core import limits
from pourparler.core.act import ALL_POWERS, KINDS, NO_POWER, Act, Issuer, Power
from pourparler.core.council import (
    Committee,
    Depositary,
    Organ,
    Party,
    Spines,
    Urgency,
    followed_by,
    read_committee,
    read_depositary,
    sufficient,
    verify_one,
)
from pourparler.core.encoding import Envelope, Form, Value
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.redline import Line, amount, commitment, parse_line, parse_lines, parse_path

LEASED = Power.CONCLUDE | Power.DELEGATE | Power.DENOUNCE
NEVER_TO_HOLDERS = Power.RATIFY | Power.URGENT
NEVER_TO_CLASSES = Power.CONCLUDE | Power.DELEGATE
URGENT_GRANTS = Power.OPEN | Power.PROPOSE


@dataclass(frozen=True, slots=True)
class Moment:
    """A place in a ledger: the index of an entry, and the log time of its transaction's stamp in seconds."""

    index: int
    time: int


# --- mandates ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cosigning:
    """For these powers, the holder's signature needs those of others beside it."""

    powers: Power
    by: Committee


@dataclass(frozen=True, slots=True)
class Limit:
    """A cumulative limit: the sum at ``path`` over all signatures under the mandate, in the one ledger it names."""

    path: str
    most: Value
    ledger: Depositary


@dataclass(frozen=True, slots=True)
class Duty:
    """An act of this kind by this time; if it does not come, the successor takes over."""

    kind: str
    by: int
    then: bytes


@dataclass(frozen=True, slots=True)
class Mandate:
    """One link of a chain: a grant, a narrower link, or a certificate under a class mandate."""

    act: Act
    organ: bytes
    parent: "Mandate | None"
    holder: Committee | None  # None: a class, whose holders show certificates
    single: bool  # one key speaks, in a COSE_Sign1, unless a countersignature is asked for
    powers: Power
    until: int | None
    starts: int | None
    lines: tuple[Line, ...]
    private: tuple[bytes, ...]
    scope: frozenset[str] | None
    dossier: bytes | None
    partners: frozenset[bytes] | None
    ledgers: frozenset[Depositary] | None
    depth: int
    fresh_seconds: int | None
    cosigning: Cosigning | None
    limit: Limit | None
    report_seconds: int | None
    duty: Duty | None
    witnessed: bool  # what is signed under it binds only once witnesses have seen it
    certifier: bytes | None
    organ_lines: tuple[Line, ...]  # the lines on the granting organ's own power to bind
    logged: Moment
    # What follows from the whole chain, worked out once.
    above: tuple["Mandate", ...]  # the links from the organ's grant down to the parent
    conferred: Power  # what every link gives
    owed: frozenset[str]  # the kinds of act that duties of the chain ask for
    chain_lines: tuple[tuple[tuple[bytes, int], Line], ...]  # each link's lines, with the link's id and their position

    @property
    def id(self) -> bytes:
        """The id of the act that states the mandate."""
        return self.act.id

    def owes(self, kind: str) -> bool:
        """Return whether a duty of the chain asks for an act of this kind."""
        return kind in self.owed

    def chain(self) -> tuple["Mandate", ...]:
        """Return the links from the organ's grant to this one."""
        return (*self.above, self)


def read_mandate(act: Act, organ: Organ, parent: Mandate | None, logged: Moment) -> Mandate:
    """Return the mandate that a grant, a link or a certificate states.

    Raises :class:`Malformed` (``line.*``) and :class:`Refused` (``power.*``) for what no mandate may hold.
    """
    get = act.get
    single = isinstance(get("to"), bytes)
    holder = None
    if get("to") is not None:
        holder = Committee({act["to"]: 1}, 1) if single else read_committee(act["to"]["keys"], act["to"]["needs"])
    cosign, limit, duty = get("cosign"), get("limit"), get("duty")
    if limit:
        parse_path(limit["path"])
    if limit and not amount(limit["most"]):
        raise Malformed("line.malformed", "a cumulative limit is a number or an amount of money")
    if duty and not is_countable(duty["kind"]):
        raise Malformed("act.field", "a duty is to do something in a dossier that the holder has the word for")
    inherits = act.kind == "certify" and parent is not None
    given = parent.powers if inherits and parent else Power(act["powers"])
    lines = parse_lines(get("lines"))
    return Mandate(
        act=act,
        organ=organ.id,
        parent=parent,
        holder=holder,
        single=single,
        powers=given,
        until=get("until"),
        starts=get("from"),
        lines=lines,
        private=tuple(get("private") or ()),
        scope=frozenset(act["scope"]) if get("scope") else None,
        dossier=get("dossier"),
        partners=frozenset(act["with"]) if get("with") else None,
        ledgers=frozenset(map(read_depositary, act["ledgers"])) if get("ledgers") else None,
        depth=get("depth") or 0,
        fresh_seconds=get("fresh"),
        cosigning=Cosigning(Power(cosign["powers"]), read_committee(cosign["keys"], cosign["needs"]))
        if cosign
        else None,
        limit=Limit(limit["path"], limit["most"], read_depositary(limit["ledger"])) if limit else None,
        report_seconds=get("report"),
        duty=Duty(duty["kind"], duty["by"], duty["then"]) if duty else None,
        witnessed=bool(get("witnessed")),
        certifier=act["class"]["certifier"] if act.kind in ("grant", "urgent-grant") and get("class") else None,
        organ_lines=organ.lines,
        logged=logged,
        above=parent.chain() if parent else (),
        conferred=given & parent.conferred if parent else given,
        owed=(parent.owed if parent else frozenset()) | ({duty["kind"]} if duty else frozenset()),
        chain_lines=(parent.chain_lines if parent else ())
        + tuple(((act.id, position), line) for position, line in enumerate(lines)),
    )


def is_countable(kind: str) -> bool:
    """Return whether acts of this kind are counted for duties: those of holders in dossiers."""
    return kind in KINDS and Issuer.HOLDER in KINDS[kind].issuer and (KINDS[kind].dossier or kind == "open")


def check_grant(mandate: Mandate, organ: Organ) -> None:
    """Raise :class:`Refused` (``power.*``) unless the organ may give this mandate (``spec/authority.md`` 3)."""
    if mandate.powers & NEVER_TO_HOLDERS:
        raise Refused("power.organs-only", "ratify and urgent belong to organs")
    if mandate.holder is None and (mandate.powers & NEVER_TO_CLASSES or mandate.limit):
        raise Refused("power.class", "a class mandate carries neither conclude, delegate nor a cumulative limit")
    if mandate.holder is None and mandate.depth:
        raise Refused("power.class", "a class mandate is not delegated; its certifier certifies holders")
    if mandate.act.kind == "urgent-grant" and mandate.powers & ~URGENT_GRANTS:
        raise Refused("power.urgent", "an urgent act can grant only open and propose")
    if mandate.powers & ~organ.powers:
        raise Refused("power.missing", f"{organ.name} cannot give powers that it lacks")
    if Power.CONCLUDE in mandate.powers and organ.subject & (Power.RATIFY | Power.CONCLUDE):
        raise Refused("power.missing", f"what {organ.name} ratifies needs its superior, and a holder cannot do more")


def check_narrows(child: Mandate, parent: Mandate) -> None:
    """Raise :class:`Refused` (``chain.widens``, ``chain.depth``) unless the link keeps within its parent."""

    def refuse(axis: str) -> Refused:
        return Refused("chain.widens", f"the link goes beyond its parent in {axis}")

    if child.powers & ~parent.powers:
        raise refuse("powers")
    if parent.until is not None and (child.until is None or child.until > parent.until):
        raise refuse("expiry")
    if parent.starts is not None and (child.starts is None or child.starts < parent.starts):
        if child.act.kind != "certify":
            raise refuse("beginning")
    if parent.scope is not None and not (child.scope is not None and child.scope <= parent.scope):
        if child.act.kind != "certify" or child.scope is not None:
            raise refuse("scope")
    if parent.partners is not None and not (child.partners is not None and child.partners <= parent.partners):
        if child.act.kind != "certify":
            raise refuse("partners")
    if parent.ledgers is not None and not (child.ledgers is not None and child.ledgers <= parent.ledgers):
        if child.act.kind != "certify":
            raise refuse("ledgers")
    if parent.dossier is not None and child.dossier != parent.dossier and child.act.kind != "certify":
        raise refuse("dossier")
    if child.act.kind == "delegate" and not child.depth < parent.depth:
        raise Refused("chain.depth", f"the parent allows a depth below {parent.depth}")


# --- endings ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Ending:
    """What ends or suspends a target: when it stood in the ledger, what it stops, and whether it was confirmed."""

    act: Act
    reason: str
    moment: Moment
    stops: Power
    holds_until: int | None = None
    lapses: int | None = None
    member: bytes | None = None  # who suspended, by the seat that he has

    def works(self, power: Power, moment: Moment, confirmation: "Confirmation | None") -> bool:
        """Return whether the ending stops ``power`` at the moment (which the caller knows to lie after it), given what
        its organ has answered about it."""
        held_over = power and not power & self.stops
        if held_over and not (self.holds_until is not None and moment.time >= self.holds_until):
            return False
        if confirmation is not None and confirmation.moment.index < moment.index:
            in_time = self.lapses is None or confirmation.moment.time < self.lapses
            return confirmation.answer and in_time
        return self.lapses is None or moment.time < self.lapses


@dataclass(frozen=True, slots=True)
class Beacon:
    """A beacon as logged. Its age counts from the earlier of its own time and the log time of its first entry."""

    act: Act
    key: bytes
    moment: Moment

    @property
    def since(self) -> int:
        return min(int(self.act["at"]), self.moment.time)


def homes_of(party: Party, at: "Callable[[Depositary], Register | None]") -> "dict[bytes, Register]":
    """Return the homes that a party has had, in turn and as far as they are shown: by the act that began each time, its
    founding act or the move that the home before took. A ledger to which the party came back stands there again."""
    found: dict[bytes, Register] = {}
    home, begun = party.home, party.id
    while begun not in found:
        here = at(home)
        if here is None or begun not in here.spines.tenures:
            break  # a move counts once it is logged in the new home, too
        found[begun] = here
        left = here.spines.tenures[begun]
        if left is not None:
            home, begun = read_depositary(left["home"]), left.id
    return found


class HomeView:
    """What a party's home ledger is shown to hold: the judge between sibling decisions.

    ``registers`` are those of its home, and of each home it moved to, each ledger once, the present home last.
    """

    def __init__(self, registers: "tuple[Register, ...]") -> None:
        self.registers = registers
        at = {register.spines.ledger: register for register in registers}
        times = homes_of(registers[0].spines.party, at.get) if registers else {}
        self.number = {begun: number for number, begun in enumerate(times)}  # of each time of a ledger as home
        last = next(reversed(times.items()), None)
        self.present = last[1].spines.ledger if last and last[1].spines.tenures[last[0]] is None else None
        self.lost: dict[bytes, int] = {}  # what can never be real -> the number of the time that says so
        self.judged = 0  # of the notices of the ledger that asks, in their order

    def took(self, act: Act) -> int | None:
        """Return the number of the first time in which a home took a decision, or one that follows a recovery."""
        found = [self.number.get(one.spines.took(act) or b"") for one in self.registers]
        return min((number for number in found if number is not None), default=None)

    def holds(self, act: Act, notices: Spines) -> bool:
        """Return whether the home took a decision of which a ledger has notice, or one that follows a recovery. What
        comes after a place that the home gave to another, no home ever takes.

        Raises :class:`Missing` (``home.not-shown``)."""
        if self.took(act) == 0:
            return True  # nobody knows better than the first, and mostly it does
        for link in notices.in_order[self.judged :]:
            self.judge(link, notices)
        self.judged = len(notices.in_order)
        if act.id not in notices.links:
            self.judge(act, notices)  # the ledger that asks has not taken it
        if act.id in self.lost:
            return False
        if self.took(act) is not None:
            return True
        raise Missing("home.not-shown", f"the home ledger of the party is not shown up to this {act.kind}")

    def judge(self, act: Act, notices: Spines) -> None:
        """Note an act that is lost, by the first home that knows: an earlier one has the last word about its time."""
        before = (notices.link(place) for place in followed_by(act))
        lost_by = [self.lost[one.id] for one in before if one and one.id in self.lost]
        times = [time for one in self.registers for time in one.spines.gave_away(act, notices)]
        lost_by += [self.number[time] for time in times if time in self.number]
        taken = self.took(act)
        if lost_by and (taken is None or min(lost_by) < taken):
            self.lost[act.id] = min(lost_by)

    def had(self, beacon: Beacon) -> bool:
        """Return whether a home, as far as it is shown, named the beacon's key and has had the head that it states."""
        count, head = beacon.act["count"], beacon.act["head"]
        return any(one.had(count, head) and beacon.key in one.spines.beacons_ever for one in self.registers)

    def endings(self) -> "Iterator[tuple[bytes, Ending, bytes, int]]":
        """Yield what the home's decisions ended: the target, the ending, its organ and its place on the spine."""
        for register in self.registers:
            for target, ending in ((target, one) for target, listed in register.endings.items() for one in listed):
                state = register.spines.at.get((ending.act.get("organ"), ending.act.id))
                is_taken = register.spines.canonical.get(ending.act.id) in self.number
                if ending.act.row.spine and state is not None and is_taken:
                    yield target, ending, state.id, state.place


# --- the register -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Question:
    """A superior organ's question, and the answer if it came."""

    act: Act
    asked: Moment
    answered: Moment | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An organ's answer about another act: whether it confirms it."""

    act: Act
    moment: Moment

    @property
    def organ(self) -> bytes:
        organ: bytes = self.act["organ"]
        return organ

    @property
    def answer(self) -> bool:
        answer: bool = self.act["answer"]
        return answer


@dataclass(slots=True)
class Done:
    """What was done in time for a duty: anything accepted, and anything that counts whatever else is shown."""

    accepted: bool = False
    certain: bool = False


@dataclass
class Register:
    """All acts of one party in one ledger, in ledger order. ``admit`` raises before it changes anything."""

    spines: Spines
    home: "HomeView | None" = None
    mandates: dict[bytes, Mandate] = field(default_factory=dict)
    endings: dict[bytes, list[Ending]] = field(default_factory=dict)
    urgent_acts: dict[bytes, Ending | Mandate] = field(default_factory=dict)
    urgencies: dict[bytes, Urgency] = field(default_factory=dict)  # urgent act -> who could give it when it was logged
    confirmations: dict[bytes, list[Confirmation]] = field(default_factory=dict)
    beacons: list[Beacon] = field(default_factory=list)
    lifted: dict[tuple[bytes, int], list[tuple[Act, Moment]]] = field(default_factory=dict)
    questions: dict[bytes, Question] = field(default_factory=dict)
    done: dict[bytes, Done] = field(default_factory=dict)  # by the mandate whose duty asks for it
    refusals: dict[bytes, list[Act]] = field(default_factory=dict)
    heads: list[bytes] = field(default_factory=list)  # of the party's stream here, after each act

    @property
    def party(self) -> bytes:
        return self.spines.party.id

    # What is real: acts of organs that the home ledger took.

    def is_real(self, act: Act) -> bool:
        """Return whether a decision counts, or a recovery: always by its home, where it is shown; else by notice."""
        judged_at_home = act.row.spine or act.kind == "recover"
        return self.home is None or not judged_at_home or self.home.holds(act, self.spines)

    def check_real(self, act: Act) -> None:
        """Raise :class:`Refused` (``standing.sibling``) where the home took another decision in this one's place."""
        if not self.is_real(act):
            raise Refused("standing.sibling", "the home ledger took another decision in this one's place")

    def refused(self, text: bytes, dossier: bytes, organ: bytes) -> list[Act]:
        """Return the refusals of a text in other dossiers by the organ or one above it; what was refused in this one,
        the dossier knows."""
        return [
            act
            for act in self.refusals.get(text, ())
            if act["dossier"] != dossier and self.spines.governs(act["organ"], organ) and self.is_real(act)
        ]

    # Admission, by issuer.

    def admit(self, act: Act, moment: Moment) -> Envelope:
        """Take in an act of the party that belongs to no dossier; return its sufficient envelope.

        Raises :class:`Refused` or :class:`Missing` with the step's reason, and then has changed nothing.
        """
        match act.issuer:
            case Issuer.ORGAN:
                return self.admit_decision(act, moment)
            case Issuer.RECOVERY:
                return self.spines.recover(act, moment.time)
            case Issuer.URGENT:
                return self.admit_urgent(act, moment)
            case Issuer.MEMBER:
                self.admit_member(act, moment)
            case Issuer.HOLDER:
                return self.admit_link(act, moment)
            case Issuer.CERTIFIER:
                self.admit_certificate(act, moment)
            case Issuer.BEACON:
                self.admit_beacon(act, moment)
            case _:
                raise AssertionError(act.kind)
        return act.envelope

    def admit_decision(self, act: Act, moment: Moment) -> Envelope:
        """Take in a decision of an organ: what it says of mandates is checked before the spine moves."""
        organ = self.spines.organ(act["organ"], act["prior"])
        match act.kind:
            case "grant":
                mandate = read_mandate(act, organ, None, moment)
                check_grant(mandate, organ)
                if self.spines.home:  # elsewhere, what the home took is taken, whatever came before it there
                    self.check_holder_keys(mandate)
                envelope = self.spines.decide(act, moment.time)
                self.take(mandate)
            case "dismiss":
                self.check_may_end(act["organ"], act["mandate"])
                envelope = self.spines.decide(act, moment.time)
                self.end(act["mandate"], dismissal(act, moment))
            case "confirm":
                self.check_may_confirm(act)
                envelope = self.spines.decide(act, moment.time)
                self.confirm(act, moment)
            case "lift":
                self.check_may_lift(act)
                envelope = self.spines.decide(act, moment.time)
                self.lifted.setdefault((act["mandate"], act["line"]), []).append((act, moment))
            case "refuse":
                envelope = self.spines.decide(act, moment.time)
                self.refusals.setdefault(act["text"], []).append(act)
            case "object":
                envelope = self.spines.decide(act, moment.time)
                self.end(act["about"], Ending(act, "standing.objected", moment, ALL_POWERS))
            case _:
                envelope = self.spines.decide(act, moment.time)
        return envelope

    def admit_urgent(self, act: Act, moment: Moment) -> Envelope:
        organ = self.spines.seated(act["organ"], moment.time)
        envelope = self.spines.urgent(act, moment.time)
        assert organ.urgency is not None
        lapses = moment.time + organ.urgency.lapse_seconds
        if act.kind == "urgent-grant":
            mandate = read_mandate(act, organ, None, moment)
            check_grant(mandate, organ)
            self.check_holder_keys(mandate)
            self.take(mandate)
            self.urgent_acts[act.id] = mandate
        else:
            self.check_may_end(organ.id, act["mandate"])
            ending = dismissal(act, moment)
            ending.lapses = lapses
            self.end(act["mandate"], ending)
            self.urgent_acts[act.id] = ending
        self.urgencies[act.id] = organ.urgency
        return envelope

    def admit_member(self, act: Act, moment: Moment) -> None:
        match act.kind:
            case "call":
                self.spines.call(act, moment.time)
            case "vote":
                self.spines.vote(act, moment.time)
            case "suspend":
                self.suspend(act, moment)
            case "question":
                self.spines.member(act, moment.time)
                if not self.spines.stands_above(act["organ"], act["of"]):
                    raise Refused("power.missing", "only an organ that stands above another may question it")
                self.questions[act.id] = Question(act, moment)
            case "answer":
                self.spines.member(act, moment.time)
                question = self.questions.get(act["question"])
                if question is None:
                    raise Missing("unknown.act", "the question that this act answers has not been seen")
                if question.act["of"] != act["organ"]:
                    raise Refused("power.missing", "the question was put to another organ")
                question.answered = question.answered or moment
            case "dissent":
                self.spines.member(act, moment.time)

    def suspend(self, act: Act, moment: Moment) -> None:
        """Record a suspension by one authorised member: it lapses unless the organ confirms it, and the same member
        cannot repeat it. The target is a mandate, a certificate, or a key such as a relay's dispatch key."""
        member = self.spines.member(act, moment.time)
        organ = self.spines.seated(act["organ"], moment.time)
        if organ.suspenders is not None and member not in organ.suspenders:
            raise Refused("power.missing", "this member is not authorised to suspend")
        target = act["target"]
        if target in self.mandates and not self.spines.governs(organ.id, self.mandates[target].organ):
            raise Refused("power.missing", f"{organ.name} neither gave this mandate nor stands above who did")
        for ending in self.endings.get(target, ()):
            if ending.act.kind == "suspend" and ending.act.envelope.signatures[0].kid == act.envelope.signatures[0].kid:
                raise Refused("suspension.repeated", "the same member has suspended this before")
        lapses = moment.time + self.spines.party.suspension_seconds
        self.end(target, Ending(act, "standing.suspended", moment, ALL_POWERS, lapses=lapses, member=member))

    def admit_link(self, act: Act, moment: Moment) -> Envelope:
        """Take in a narrower link, a holder's revocation of one below, or his words to his own side.

        A query suspends nothing, whomever it asks.
        """
        parent = self.mandate(act["by"])
        if act.kind == "revoke":
            envelope = self.check_speaker(act, parent, moment, NO_POWER)
            target = self.mandate(act["target"])
            if parent not in target.chain()[:-1]:
                raise Refused("power.missing", "a holder revokes only links that hang from his own")
            self.check_standing(parent, NO_POWER, moment)
            self.end(target.id, Ending(act, "standing.revoked", moment, ALL_POWERS))
            return envelope
        if act.kind in ("query", "reply"):
            return self.check_speaker(act, parent, moment, NO_POWER)
        child = read_mandate(act, self.spines.organ(parent.organ), parent, moment)
        if len(child.chain()) > limits.CHAIN_LINKS_MAX:
            raise Refused("chain.depth", f"a chain has at most {limits.CHAIN_LINKS_MAX} links")
        envelope = self.check_speaker(act, parent, moment, Power.DELEGATE)
        check_narrows(child, parent)
        self.check_holder_keys(child)
        self.check_standing(parent, Power.DELEGATE, moment)
        self.take(child)
        return envelope

    def admit_certificate(self, act: Act, moment: Moment) -> None:
        """Take in a certificate, or its withdrawal, by the certifier that the class mandate names."""
        class_mandate = self.mandate(act["class"])
        if class_mandate.certifier is None:
            raise Refused("chain.custody", "certificates are given only under a class mandate")
        verify_one(act, act.envelope.signatures[0], class_mandate.certifier)
        if act.kind == "withdraw-certificate":
            target = self.mandate(act["target"])
            if target.parent is not class_mandate:
                raise Refused("power.missing", "the certificate is another certifier's")
            self.end(target.id, Ending(act, "standing.withdrawn", moment, ALL_POWERS))
            return
        for ending in self.endings.get(class_mandate.certifier, ()):
            stands = ending.act.kind != "object" and self.ends(ending, class_mandate.organ)
            if stands and self.works(ending, NO_POWER, moment):
                raise Refused("standing.certifier", "the certifier was dismissed before this certificate was logged")
        certificate = read_mandate(act, self.spines.organ(class_mandate.organ), class_mandate, moment)
        check_narrows(certificate, class_mandate)
        self.check_holder_keys(certificate)
        self.take(certificate)

    def admit_beacon(self, act: Act, moment: Moment) -> None:
        key = self.spines.beacon(act)
        if any(beacon.key == key and act["serial"] <= beacon.act["serial"] for beacon in self.beacons):
            raise Refused("beacon.serial", "a beacon of this key with this serial or a later one has been logged")
        if self.spines.home and not self.had(act["count"], act["head"]):
            raise Refused("beacon.head", "the party's stream never had this count and head here, in its home ledger")
        self.beacons.append(Beacon(act, key, moment))

    def had(self, count: int, head: bytes) -> bool:
        """Return whether the party's stream in this ledger has had this count and head."""
        return 0 <= count <= len(self.heads) and head == (self.heads[count - 1] if count else self.party)

    # Bookkeeping.

    def take(self, mandate: Mandate) -> None:
        self.mandates[mandate.id] = mandate
        for key in mandate.holder.seats if mandate.holder else ():
            self.spines.roles.setdefault(key, "holder")

    def end(self, target: bytes, ending: Ending) -> None:
        self.endings.setdefault(target, []).append(ending)

    def note(self, mandate: Mandate, act: Act, moment: Moment, *, accepted: bool = True, certain: bool = True) -> None:
        """Remember that a holder acted, for the duties of his chain; and whether it is certain what became of it."""
        if not mandate.owes(act.kind):
            return
        for link in mandate.chain():
            if link.duty and link.duty.kind == act.kind and moment.time < link.duty.by:
                done = self.done.setdefault(link.id, Done())
                done.accepted |= accepted
                done.certain |= accepted and certain

    def mandate(self, mandate_id: bytes) -> Mandate:
        """Return a mandate by its act id. Raises :class:`Missing` (``unknown.mandate``)."""
        found = self.mandates.get(mandate_id)
        if found is None:
            raise Missing("unknown.mandate", "the mandate that this act names has not been seen in this ledger")
        return found

    def check_holder_keys(self, mandate: Mandate) -> None:
        keys = set(mandate.holder.seats if mandate.holder else ()) | ({mandate.duty.then} if mandate.duty else set())
        for key in keys:
            role = self.spines.roles.get(key, "holder")
            if role != "holder":
                raise Refused("decision.key-role", f"a {role} key of the party cannot hold a mandate")

    def check_may_end(self, organ: bytes, target: bytes) -> None:
        """Raise :class:`Refused` (``power.missing``) where a mandate that has been seen is not the organ's to end.

        One that has not been seen (a link that is logged elsewhere) may be named all the same: :meth:`ends` asks again.
        """
        mandate = self.mandates.get(target)
        named = [mandate] if mandate else [link for link in self.mandates.values() if link.certifier == target]
        if named and not any(self.spines.governs(organ, link.organ) for link in named):
            raise Refused("power.missing", "this organ neither gave the mandate nor stands above who did")

    def ends(self, ending: Ending, granting: bytes) -> bool:
        """Return whether an ending can reach what an organ granted: a holder's own, an objection by an organ above it,
        anything else by that organ or one above."""
        organ = ending.act.get("organ")
        if ending.act.kind == "object":
            return self.spines.stands_above(ending.act["organ"], granting)
        return organ is None or self.spines.governs(organ, granting)

    def confirmable(self, act_id: bytes) -> Ending | Mandate | None:
        """Return what the organ may confirm under this id: an urgent act, or a suspension."""
        endings = (ending for listed in self.endings.values() for ending in listed)
        suspensions = (one for one in endings if one.act.id == act_id and one.lapses is not None)
        return self.urgent_acts.get(act_id) or next(suspensions, None)

    def check_may_confirm(self, act: Act) -> None:
        about = self.confirmable(act["about"])
        if about is None:
            return  # a superior's confirmation of a ratification: judged where the ratification is
        if not self.spines.governs(act["organ"], about.act["organ"]):
            raise Refused("power.missing", "this organ cannot confirm the act of another that it does not stand above")

    def confirm(self, act: Act, moment: Moment) -> None:
        self.confirmations.setdefault(act["about"], []).append(Confirmation(act, moment))

    def answered(self, ending: Ending) -> Confirmation | None:
        """Return what the organ answered about a suspension or an urgent dismissal, in whatever order both came."""
        return self.confirmed(ending.act.id, ending.act["organ"]) if ending.lapses is not None else None

    def works(self, ending: Ending, power: Power, moment: Moment) -> bool:
        """Return whether an ending that stands before the moment stops the power then."""
        real = self.is_real(ending.act) and self.is_seated(ending)
        return real and ending.works(power, moment, self.answered(ending))

    def is_seated(self, ending: Ending) -> bool:
        """Return whether whoever suspended, or acted in urgency, may by a decision that the home took, where the home
        is shown.

        Raises :class:`Missing` (``home.not-shown``)."""
        if ending.member is None:
            return self.is_urgent(ending.act)
        return self.any_real(act for act, _ in self.spines.seated_by[ending.act["organ"], ending.member])

    def is_urgent(self, act: Act) -> bool:
        """Return whether a decision that the home took, where it is shown, named those who could give an urgent act;
        of any other act, true.

        Raises :class:`Missing` (``home.not-shown``)."""
        urgency = self.urgencies.get(act.id)
        if urgency is None:
            return True
        return self.any_real(stated for stated, named in self.spines.urgent_by[act["organ"]] if named == urgency)

    def any_real(self, acts: Iterable[Act]) -> bool:
        """Return whether one of these decisions counts, by its home where that is shown.

        Raises :class:`Missing` (``home.not-shown``)."""
        if self.home is None:
            return True
        missing: Missing | None = None
        for act in acts:
            try:
                if self.is_real(act):
                    return True
            except Missing as lacking:
                missing = lacking
        if missing is not None:
            raise missing
        return False

    def unconfirmed(self, ending: Ending) -> bool:
        """Return whether an ending lapses unless confirmed, and has not been."""
        answer = self.answered(ending)
        return ending.lapses is not None and not (answer is not None and answer.answer)

    def confirmed(self, act_id: bytes, organ: bytes, before: Moment | None = None) -> Confirmation | None:
        """Return the first answer about an act by this organ or one above it, before a moment if one is given."""
        for confirmation in self.confirmations.get(act_id, ()):
            if self.spines.governs(confirmation.organ, organ) and self.is_real(confirmation.act):
                if before is None or confirmation.moment.index < before.index:
                    return confirmation
        return None

    def check_may_lift(self, act: Act) -> None:
        if not self.spines.home and act["mandate"] not in self.mandates:
            return  # a link that was not logged here; the home has judged the decision
        mandate = self.mandate(act["mandate"])
        if act["line"] >= len(mandate.lines):
            raise Refused("line.unknown", "the mandate has no such line")
        if not self.spines.governs(act["organ"], mandate.organ):
            raise Refused("power.missing", "a line is lifted only by the organ that set it or one above it")

    # May they?

    def speakers(self, mandate: Mandate, moment: Moment) -> Committee:
        """Return who may speak under the mandate: its holder, or the successor once a duty was missed."""
        if mandate.holder is None:
            raise Refused("chain.custody", "a class mandate has no holder; its holders show certificates")
        duty = mandate.duty
        if duty and self.missed(mandate, moment):
            return Committee({duty.then: 1}, 1)
        return mandate.holder

    def missed(self, mandate: Mandate, moment: Moment) -> bool:
        """Return whether the mandate's duty was not done in time, by log time."""
        if mandate.duty is None or moment.time < mandate.duty.by:
            return False
        done = self.done.get(mandate.id)
        if done is None:
            return True
        if self.spines.exact and not done.certain:
            raise Missing("text.missing", "whether the duty was done rests on a text that is not here")
        return not done.accepted

    def check_speaker(self, act: Act, mandate: Mandate, moment: Moment, power: Power) -> Envelope:
        """Raise unless the act is signed by the mandate's holder and who must sign beside him, and the chain gives the
        power; return its sufficient envelope. Raises as :meth:`spoken`, and what that returns."""
        envelope, void = self.spoken(act, mandate, moment, power)
        if void is not None:
            raise void
        return envelope

    def spoken(self, act: Act, mandate: Mandate, moment: Moment, power: Power) -> tuple[Envelope, Refused | None]:
        """Return the sufficient envelope of an act of the mandate's holder, and why it is void all the same, if it is
        (``standing.duty-missed``, ``standing.key-role``, ``power.missing``).

        Raises where it is not there at all (``spec/authority.md`` steps 5 and 6): ``act.form``, ``signature.invalid``,
        ``decision.insufficient``.
        """
        holder = self.speakers(mandate, moment)
        beside = [link.cosigning for link in mandate.chain() if link.cosigning and power & link.cosigning.powers]
        if len(holder.seats) == 1 and not beside and (mandate.single or holder is not mandate.holder):
            former = mandate.holder if holder is not mandate.holder else None
            envelope, by_former = self.spoken_singly(act, holder, former)
            if by_former:
                return envelope, Refused("standing.duty-missed", "the duty was missed; the successor has taken over")
        else:
            if act.envelope.form is not Form.SIGN:
                raise Malformed("act.form", "the mandate asks for several signatures, in a COSE_Sign")
            envelope = self.joint_envelope(act, holder, [cosigning.by for cosigning in beside])
        if any(self.spines.roles.get(key, "holder") != "holder" for key in holder.seats):
            return envelope, Refused("standing.key-role", "the holder's key has taken another role since")
        if power not in mandate.conferred:
            return envelope, Refused("power.missing", f"the mandate does not give the power to {act.kind}")
        return envelope, None

    def spoken_singly(self, act: Act, holder: Committee, former: Committee | None) -> tuple[Envelope, bool]:
        """Return the envelope that one key signed, and whether it is that of a holder whom his successor has replaced:
        he is told so, not called a stranger."""
        if act.envelope.form is not Form.SIGN1:
            if former is None:
                raise Malformed("act.form", "the holder speaks with one key, in a COSE_Sign1")
            return self.spines.sufficient(act, former), True
        signature = act.envelope.signatures[0]
        (key,) = holder.seats
        try:
            verify_one(act, signature, key)
        except Refused:
            if former is None or len(former.seats) > 1:
                raise
            verify_one(act, signature, *former.seats)
            return act.envelope, True
        return act.envelope, False

    def joint_envelope(self, act: Act, holder: Committee, beside: list[Committee]) -> Envelope:
        wanted = Committee(
            {**holder.seats, **{k: 0 for by in beside for k in by.seats if k not in holder.seats}}, holder.needs
        )
        envelope = self.spines.sufficient(act, wanted)
        present = {signature.kid for signature in envelope.signatures}
        for by in beside:
            found = sufficient(act, by).signatures
            if not {signature.kid for signature in found} <= present:
                raise Refused("decision.insufficient", "the countersignature is lacking")
        return envelope

    def check_standing(
        self,
        mandate: Mandate,
        power: Power,
        moment: Moment,
        counts: Callable[[Ending], bool] = lambda _: True,
    ) -> None:
        """Raise unless every link of the chain is in force for ``power`` at the moment.

        ``counts`` chooses the endings that the judge may know of. Raises :class:`Refused` (``standing.*``) and
        :class:`Missing` (``home.not-shown``).
        """
        for link in mandate.chain():
            if self.home is not None:
                self.check_real(link.act)
            if link.starts is not None and moment.time < link.starts:
                raise Refused("standing.not-yet", "the mandate has not begun")
            if link.until is not None and moment.time >= link.until:
                raise Refused("standing.expired", "the mandate has expired")
            if link.act.kind == "urgent-grant":
                self.check_urgent(link, moment)
            if link.id in self.endings:
                self.check_endings(link, power, moment, counts)
            if link.fresh_seconds is not None and power & LEASED:
                self.check_fresh(link.fresh_seconds, moment)

    def check_urgent(self, link: Mandate, moment: Moment) -> None:
        if not self.is_urgent(link.act):
            raise Refused("standing.sibling", "the home ledger took nothing that named who granted this in urgency")
        urgency = self.urgencies.get(link.id) or self.spines.organ(link.organ).urgency
        lapses = link.logged.time + urgency.lapse_seconds if urgency else link.logged.time
        confirmation = self.confirmed(link.id, link.organ, before=moment)
        if confirmation and not confirmation.answer:
            raise Refused("standing.undone", "the organ undid the urgent grant")
        if moment.time >= lapses and not (confirmation and confirmation.moment.time < lapses):
            raise Refused("standing.lapsed", "the urgent grant lapsed unconfirmed")

    def check_endings(self, link: Mandate, power: Power, moment: Moment, counts: Callable[[Ending], bool]) -> None:
        for ending in self.endings[link.id]:
            stands = ending.moment.index < moment.index and counts(ending) and self.ends(ending, link.organ)
            if stands and self.works(ending, power, moment):
                raise Refused(ending.reason, f"a link of the chain was stopped at index {ending.moment.index}")

    def check_fresh(self, fresh_seconds: int, moment: Moment) -> None:
        """The lease: without a beacon younger than the mandate's bound, committing powers freeze."""
        before = [beacon for beacon in self.beacons if beacon.moment.index < moment.index]
        young = [beacon for beacon in before if moment.time - beacon.since <= fresh_seconds]
        if not young:
            raise Refused("standing.stale", f"no beacon younger than {fresh_seconds} s stands before the act")
        if self.home is not None and not any(self.home.had(beacon) for beacon in young):
            raise Missing("home.not-shown", "no home ledger that is shown has had the head that the beacon states")

    def check_reported(self, act: Act, mandate: Mandate, moment: Moment) -> None:
        """Raise unless an act under a mandate with prompt reporting states its instant and was logged soon after."""
        for link in mandate.chain():
            if link.report_seconds is not None:
                at = act.get("at")
                if at is None or moment.time - at > link.report_seconds:
                    raise Refused("standing.unreported", f"the act was not reported within {link.report_seconds} s")

    def lines(self, mandate: Mandate, power: Power, moment: Moment) -> list[Line]:
        """Return the public lines of every link that were not lifted before the moment.

        To conclude is to bind as the organ would by ratifying: the lines on its own power are among them.
        """
        binding = mandate.chain()[0].organ_lines if Power.CONCLUDE in power else ()
        return [line for place, line in mandate.chain_lines if not self.is_lifted(place, moment)] + list(binding)

    def is_lifted(self, place: tuple[bytes, int], moment: Moment) -> bool:
        lifts = self.lifted.get(place, ())
        return bool(lifts) and any(at.index < moment.index and self.is_real(act) for act, at in lifts)

    def overdue(self, moment: Moment) -> list[Question]:
        """Return the questions whose answer is due and has not come, by log time."""
        return [q for q in self.questions.values() if q.answered is None and moment.time >= q.act["due"]]


def dismissal(act: Act, moment: Moment) -> Ending:
    """Return the ending that a dismissal is: what it does not hold over stops at once."""
    held = Power(act.get("holds") or 0)
    return Ending(act, "standing.dismissed", moment, ALL_POWERS & ~held, holds_until=act.get("until"))


def opens(mandate: Mandate, line: Value, salt: bytes) -> bool:
    """Return whether line and salt open one of the private commitments of the chain."""
    parse_line(line)
    return any(commitment(line, salt) in link.private for link in mandate.chain())
