"""One negotiation: the fold of its acts into a state. Specification: ``spec/dossier.md``.

A dossier is opened by an act, lives in one ledger, and is a fold: acts in ledger order in, state out. There is no
single status. Four questions are asked, each with its own table below:

* **dossier**: are we talking? (:data:`DOSSIER_TABLE`)
* **text**: what became of this text? (:data:`TEXT_TABLE`)
* **consent**: did this party consent to this text? (:data:`CONSENT_TABLE`)
* **effect**: is it in force, between whom, since when? (computed, never signed)

What follows from silence (lapses, entry into force, renewal, the end of a term) is never stored: it is computed from
the acts and the log time of the moment that is asked about.

Every act passes the same steps here, whoever logged it. Steps 1 to 6 decide whether it is there at all and raise; a
failure at steps 7 to 12 makes it *void*: it stands in the stream, and does nothing unless an organ confirms it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeVar

from pourparler.core import limits
from pourparler.core.act import Act
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.clauses import DAY_SECONDS, Clauses, date_of_effect
from pourparler.core.council import Depositary
from pourparler.core.encoding import Envelope
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.redline import (
    Amount,
    Line,
    Text,
)


class DossierState(Enum):
    """Are we talking? (``spec/dossier.md`` section 3)"""

    INVITED = "invited"
    OPEN = "open"
    AGREED = "closed: agreed"
    FAILED = "closed: failed"
    LAPSED = "closed: lapsed"
    WITHDRAWN = "closed: withdrawn"


class TextState(Enum):
    """What became of a text? (``spec/dossier.md`` section 3)"""

    PROPOSED = "proposed"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    ADOPTED = "adopted"
    AUTHENTICATED = "authenticated"
    OPEN_FOR_CONSENT = "open for consent"


class ConsentState(Enum):
    """Has a party consented to a text? (``spec/dossier.md`` section 3)"""

    NONE = "none"
    SIGNED_AD_REFERENDUM = "signed ad referendum"
    RATIFIED = "ratified"
    REFUSED = "refused"
    LAPSED = "lapsed"
    SIGNED_DEFINITIVELY = "signed definitively"
    ACCEDED = "acceded"
    APPLYING = "applying provisionally"
    WITHDRAWING = "withdrawing"
    WITHDRAWN = "withdrawn"


class EffectState(Enum):
    """Is a text in force between two parties? Computed, never signed (``spec/dossier.md`` section 3)."""

    NONE = "none"
    PENDING = "pending"
    IN_FORCE = "in force"
    PROVISIONAL = "applied provisionally"
    SUSPENDED = "suspended"
    NOTICE_RUNNING = "notice running"
    ENDED = "ended"


D, T, C = DossierState, TextState, ConsentState

# (state, what happens) -> state. What is not in a table is refused; the documentation's diagrams are drawn from here.
DOSSIER_TABLE: dict[tuple[DossierState, str], DossierState] = {
    (D.INVITED, "begun"): D.OPEN,
    (D.INVITED, "join_by passes"): D.LAPSED,
    (D.INVITED, "withdrawn"): D.WITHDRAWN,
    (D.OPEN, "agreed"): D.AGREED,
    (D.OPEN, "failed"): D.FAILED,
    (D.OPEN, "withdrawn"): D.WITHDRAWN,
}
TEXT_TABLE: dict[tuple[TextState, str], TextState] = {
    (T.PROPOSED, "countered"): T.SUPERSEDED,
    (T.PROPOSED, "reject"): T.REJECTED,
    (T.PROPOSED, "withdraw"): T.WITHDRAWN,
    (T.PROPOSED, "until passes"): T.LAPSED,
    (T.PROPOSED, "adopted"): T.ADOPTED,
    (T.ADOPTED, "authenticated"): T.AUTHENTICATED,
    (T.AUTHENTICATED, "open_from passes"): T.OPEN_FOR_CONSENT,
}
CONSENT_TABLE: dict[tuple[ConsentState, str], ConsentState] = {
    (C.NONE, "sign-ad-referendum"): C.SIGNED_AD_REFERENDUM,
    (C.SIGNED_AD_REFERENDUM, "sign-ad-referendum"): C.SIGNED_AD_REFERENDUM,
    (C.APPLYING, "sign-ad-referendum"): C.APPLYING,
    (C.LAPSED, "sign-ad-referendum"): C.SIGNED_AD_REFERENDUM,
    (C.NONE, "conclude"): C.SIGNED_DEFINITIVELY,
    (C.SIGNED_AD_REFERENDUM, "conclude"): C.SIGNED_DEFINITIVELY,
    (C.APPLYING, "conclude"): C.SIGNED_DEFINITIVELY,
    (C.SIGNED_AD_REFERENDUM, "ratify"): C.RATIFIED,
    (C.APPLYING, "ratify"): C.RATIFIED,
    (C.NONE, "ratify"): C.RATIFIED,
    (C.SIGNED_AD_REFERENDUM, "deadline passes"): C.LAPSED,
    (C.NONE, "refuse"): C.REFUSED,
    (C.SIGNED_AD_REFERENDUM, "refuse"): C.REFUSED,
    (C.LAPSED, "refuse"): C.REFUSED,
    (C.APPLYING, "refuse"): C.REFUSED,
    (C.NONE, "accede"): C.ACCEDED,
    (C.APPLYING, "accede"): C.ACCEDED,
    (C.NONE, "apply"): C.APPLYING,
    (C.SIGNED_AD_REFERENDUM, "apply"): C.APPLYING,
    (C.APPLYING, "apply"): C.APPLYING,
    (C.APPLYING, "stop-applying"): C.NONE,
}
BINDING = frozenset({C.RATIFIED, C.SIGNED_DEFINITIVELY, C.ACCEDED})
LINED = frozenset({"propose", "adopt", "initial", "sign-ad-referendum", "conclude"})
WORDS = frozenset({"say", "publish"})
SIGNING = frozenset({"sign-ad-referendum", "conclude"})
BEFORE_JOINING = frozenset({"join", "say", "acknowledge", "reveal", "publish", "close", "denounce"})
AFTER_CLOSING = frozenset(
    {
        "say",
        "publish",
        "acknowledge",
        "denounce",
        "withdraw-denunciation",
        "breach",
        "remedy",
        "stop-applying",
        "accede",
    }
    | {"object-reservation", "reveal"}
)


def late(reason: str, detail: str) -> Refused:
    return Refused(f"dossier.{reason}", detail)


# --- what the fold keeps ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Signature:
    """One signature of a text by a holder: ``void`` says why it did not count when it was logged."""

    act: Act
    party: bytes
    mandate: Mandate
    moment: Moment
    void: PourparlerError | None = None
    withdrawn: bool = False

    @property
    def deadline(self) -> int | None:
        deadline: int | None = self.act.get("deadline")
        return deadline

    def waits(self, moment: Moment) -> bool:
        """Return whether it was good when logged, was not withdrawn, and its deadline has not passed."""
        return self.void is None and not self.withdrawn and (self.deadline is None or moment.time < self.deadline)


@dataclass(slots=True)
class Consent:
    """A party's consent to a text, as the acts say; what time adds is computed by :meth:`Dossier.consent_state`."""

    party: bytes
    state: ConsentState = ConsentState.NONE
    act: Act | None = None
    moment: Moment | None = None
    signatures: list[Signature] = field(default_factory=list)
    rests_on: tuple[Signature, ...] = ()
    reserves: tuple[str, ...] = ()
    objections: list[tuple[bytes, Act, Moment]] = field(default_factory=list)
    applies_since: Moment | None = None
    applies_until: int | None = None
    subject_to: bytes | None = None  # the organ whose confirmation the ratification needs


@dataclass(slots=True)
class Denunciation:
    """A notice of withdrawal: when it was given, and whether it was taken back before it took effect."""

    party: bytes
    moment: Moment
    withdrawn: Moment | None = None


@dataclass(slots=True)
class Applied:
    """A remedy that was invoked: a recorded consequence for the agreement."""

    act: Act
    moment: Moment
    between: frozenset[bytes]  # who invoked it, and whose breach it answers


@dataclass(slots=True)
class Paper:
    """A text in the dossier, by its digest, with all that was done to it."""

    digest: bytes
    author: bytes
    moment: Moment
    until: int | None
    answers: bytes | None
    state: TextState = TextState.PROPOSED
    adopted_by: set[bytes] = field(default_factory=set)
    authenticated_by: set[bytes] = field(default_factory=set)
    consents: dict[bytes, Consent] = field(default_factory=dict)
    denunciations: list[Denunciation] = field(default_factory=list)
    breaches: dict[bytes, tuple[Act, Moment]] = field(default_factory=dict)
    remedies: list[Applied] = field(default_factory=list)

    def consent(self, party: bytes) -> Consent:
        """Return the party's consent to this text; one that says nothing where there was none."""
        return self.consents.setdefault(party, Consent(party))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an act: accepted, or void with the reason and so the step. ``envelope`` is its entry's."""

    act: Act
    moment: Moment
    envelope: Envelope
    void: PourparlerError | None = None
    party: bytes | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Whether a text is in force between parties at a moment; times are log seconds, ``until`` where one is known."""

    state: EffectState
    since: int | None = None
    until: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to accede to a text by an instant; it lapses by silence."""

    act: Act
    moment: Moment

    @property
    def by(self) -> int:
        by: int = self.act["by_time"]
        return by


class Surroundings(Protocol):
    """What a dossier needs of the ledger around it; ``registry`` provides it."""

    ledger: Depositary

    def register(self, party: bytes) -> Register: ...

    def text(self, digest: bytes) -> Text | None: ...

    def seen(self, stream: bytes, count: int, head: bytes) -> int | None:
        """Return the index of the entry that made this head, -1 for an empty stream, or None if it never was one."""

    def doubt(self, dossier: "Dossier") -> None:
        """Take notice that something in a dossier rests on a text that is not here."""

    def bound_anywhere(self, text: bytes, party: bytes, moment: Moment) -> bool | None:
        """Return whether a party is bound by a text in any dossier, or None where that rests on what is not shown."""

    def refused(self, dossier: "Dossier", text: bytes, party: bytes, organ: bytes) -> bool | None:
        """Return whether the organ or one above it refused the text in another dossier; None where nobody can tell."""

    def spent_in_doubt(self, mandate: bytes, dossier: "Dossier", text: bytes) -> bool:
        """Return whether a signature under the mandate, on any text but this one, stands or falls with a text that is
        not here."""

    def spending(self, mandate: bytes) -> "list[Spending]":
        """Return the signatures that spend the cumulative limit of a mandate, in ledger order."""

    def ended_by_wider(
        self, dossier: "Dossier", digest: bytes, first: bytes, second: bytes, moment: Moment
    ) -> int | None:
        """Return when a wider text between the two parties ended this one, or None."""


@dataclass(slots=True)
class Spending:
    """What one signature reserves of a cumulative limit, and the dossier that says whether it still does."""

    signature: Signature
    spent: Amount
    dossier: "Dossier"

    def reserved(self, moment: Moment) -> bool:
        """Return whether the amount still counts: kept by consent, released by refusal, lapse or withdrawal."""
        paper = self.dossier.papers[self.signature.act["text"]]
        state = self.dossier.consent_state(paper, self.signature.party, moment)
        return not self.signature.withdrawn and state in KEEPING


KEEPING = frozenset({C.SIGNED_AD_REFERENDUM, *BINDING, C.APPLYING, C.WITHDRAWING})


# --- the fold ---------------------------------------------------------------------------------------------------------


class Dossier:
    """One dossier, folded. :meth:`admit` takes its acts in ledger order; everything else answers for a moment.

    A moment lies at the last act folded or after it: the fold looks ahead in time, never back. To ask about an earlier
    moment, fold less.
    """

    def __init__(self, opening: Act, party: bytes, moment: Moment, around: Surroundings) -> None:
        rules = opening["rules"]
        self.opening = opening
        self.id = opening.id
        self.opened = moment
        self.around = around
        self.parties: tuple[bytes, ...] = tuple(opening["parties"])
        self.sealed = bool(opening.get("sealed"))
        self.scopes = frozenset(opening.get("scopes") or ())
        self.parent: bytes | None = opening.get("parent")
        self.share: tuple[int, int] | None = None if rules["adopt"] == "all" else tuple(rules["adopt"])
        self.begin = min(rules.get("begin", len(self.parties)), len(self.parties))
        self.counter_kills = rules.get("counter", len(self.parties) == 2)
        self.join_by: int | None = rules.get("join_by")
        self.witnessed = bool(rules.get("witnessed"))
        self.joined: dict[bytes, Moment] = {}
        self.left: set[bytes] = set()
        self.begun: Moment | None = None
        self.closed: tuple[DossierState, Moment] | None = None
        self.suspended: tuple[Moment, int] | None = None
        self.papers: dict[bytes, Paper] = {}
        self.outcomes: dict[bytes, Outcome] = {}
        self.told: dict[bytes, tuple[Act, Mandate, Line]] = {}  # reveal act id -> what it opened
        self.acknowledged: dict[bytes, set[bytes]] = {}  # act id -> parties
        self.invitations: list[Invitation] = []
        self.published: dict[bytes, Moment] = {}
        self.doubtful: set[bytes] = set()
        self.unsettled = False  # whether a close took effect rests on a text that is not here
        self.join(party, moment)

    def doubt(self, digest: bytes) -> None:
        """Note that what becomes of a text rests on one that is not here."""
        self.doubtful.add(digest)
        self.around.doubt(self)

    def in_doubt(self, digest: bytes | None) -> bool:
        """Return whether what became of a text, or of an act on none, rests on a text that is not here."""
        return self.unsettled or digest in self.doubtful

    def record(self, outcome: Outcome) -> Outcome:
        self.outcomes[outcome.act.id] = outcome
        return outcome

    # The dossier and its texts.

    def join(self, party: bytes, moment: Moment) -> None:
        self.joined.setdefault(party, moment)
        if self.begun is None and len(self.joined) >= self.begin:
            self.begun = moment

    def paper(self, digest: bytes) -> Paper:
        """Return a text of the dossier. Raises :class:`Refused` (``dossier.unknown-text``)."""
        if digest not in self.papers:
            raise late("unknown-text", "the text was not proposed in this dossier")
        return self.papers[digest]

    def clauses(self, digest: bytes) -> Clauses:
        """Return the clauses of a text. Raises :class:`Missing` (``text.missing``) where nobody can read it here."""
        text = self.around.text(digest)
        if text is None:
            raise Missing("text.missing", f"the text {digest.hex()[:16]}… is not here")
        return text.parsed_clauses

    def readable_clauses(self, digest: bytes) -> Clauses | None:
        """Return the clauses where the text is here; in its absence, what rests on them becomes doubtful.

        Raises :class:`Malformed` (``text.clause``) where the text is here and its clauses are none.
        """
        try:
            return self.clauses(digest)
        except Missing:
            self.doubt(digest)
            return None

    # What time adds.

    def state(self, moment: Moment) -> DossierState:
        """Return the dossier's state at a moment."""
        if self.closed:
            return self.closed[0]
        if self.begun:
            return D.OPEN
        if self.join_by is not None and moment.time >= self.join_by:
            return DOSSIER_TABLE[D.INVITED, "join_by passes"]
        return D.INVITED

    def talks_suspended(self, moment: Moment) -> bool:
        return self.suspended is not None and moment.time < self.suspended[1]

    def text_state(self, paper: Paper, moment: Moment) -> TextState:
        """Return the text's state at a moment: as acted, or lapsed, or opened by time."""
        if paper.state is T.PROPOSED and paper.until is not None and moment.time >= paper.until:
            return TEXT_TABLE[T.PROPOSED, "until passes"]
        if paper.state is T.AUTHENTICATED:
            clauses = self.readable_clauses(paper.digest)
            if clauses is None or clauses.open_from is None or moment.time >= clauses.open_from:
                return TEXT_TABLE[T.AUTHENTICATED, "open_from passes"]
        return paper.state

    def consent_state(self, paper: Paper, party: bytes, moment: Moment) -> ConsentState:
        """Return a party's consent to a text at a moment."""
        consent = paper.consents.get(party)
        if consent is None:
            return C.NONE
        state = consent.state
        if state is C.SIGNED_AD_REFERENDUM and not self.is_pending(consent, moment):
            return CONSENT_TABLE[state, "deadline passes"] if self.open_signatures(consent) else C.NONE
        if state is C.APPLYING and consent.applies_until is not None and moment.time >= consent.applies_until:
            return C.SIGNED_AD_REFERENDUM if self.is_pending(consent, moment) else C.NONE
        if state in BINDING and self.bound_since(consent) is None:
            return C.SIGNED_AD_REFERENDUM if consent.signatures else C.NONE
        if state in BINDING:
            for notice in paper.denunciations:
                if notice.party == party and notice.withdrawn is None:
                    return C.WITHDRAWN if moment.time >= self.effective(paper, notice) else C.WITHDRAWING
        return state

    def open_signatures(self, consent: Consent) -> list[Signature]:
        """Return the signatures that were good when logged and not withdrawn since, in ledger order."""
        return [s for s in consent.signatures if not s.withdrawn and s.void is None]

    def is_pending(self, consent: Consent, moment: Moment) -> bool:
        """Return whether a signature waits for its ratification. Looks no further than the first that does."""
        return any(signature.waits(moment) for signature in consent.signatures)

    def pending_signatures(self, consent: Consent, moment: Moment) -> list[Signature]:
        """Return the open signatures whose deadline, by log time, has not passed."""
        return [signature for signature in consent.signatures if signature.waits(moment)]

    def bound_since(self, consent: Consent) -> Moment | None:
        """Return the moment from which a binding consent counts: its own, or that of the confirmation it needs."""
        if consent.state not in BINDING or consent.act is None:
            return None
        if consent.subject_to is None:
            return consent.moment
        answer = self.around.register(consent.party).confirmed(consent.act.id, consent.subject_to)
        if answer is None or not answer.answer or consent.moment is None:
            return None
        if self.closed and self.closed[0] is not D.AGREED and self.closed[1].index < answer.moment.index:
            return None  # the talks were over before anything was confirmed
        refused = self.around.refused(self, consent.act["text"], consent.party, consent.act["organ"])
        if refused is None:
            self.doubt(consent.act["text"])
        if refused:
            return None  # and so was the text refused, at another table
        return max(consent.moment, answer.moment, key=lambda moment: moment.index)

    def bound(self, digest: bytes, party: bytes, moment: Moment) -> bool:
        """Return whether a party is bound by a text at a moment: consented beyond ad referendum, and not withdrawn."""
        paper = self.papers.get(digest)
        return paper is not None and self.consent_state(paper, party, moment) in BINDING | {C.WITHDRAWING}

    def effective(self, paper: Paper, notice: Denunciation) -> int:
        """Return when a notice takes effect by the text's clause; never, as far as anyone here can read."""
        clauses = self.readable_clauses(paper.digest)
        if clauses is None or clauses.term.notice_days is None:
            return limits.TIME_MAX
        return notice.moment.time + clauses.term.notice_days * DAY_SECONDS

    # Effect.

    def condition_met(self, paper: Paper, clauses: Clauses) -> Moment | None:
        """Return the first moment at which the condition of entry into force was met over the consents then standing.

        Counted at each index; once met it is never unmet.
        """
        standing: dict[bytes, Consent] = {}
        for moment, party, consent in self.consent_events(paper):
            if consent is None:
                standing.pop(party, None)
            else:
                standing[party] = consent
                if self.is_met(clauses, standing, paper):
                    return moment
        return None

    def consent_events(self, paper: Paper) -> list[tuple[Moment, bytes, Consent | None]]:
        """Return when consents came to stand, and when withdrawals took effect, in order of time."""
        events: list[tuple[Moment, bytes, Consent | None]] = []
        for party, consent in paper.consents.items():
            since = self.bound_since(consent)
            if since is not None:
                events.append((since, party, consent))
        for notice in paper.denunciations:
            if notice.withdrawn is None:
                left = Moment(notice.moment.index, self.effective(paper, notice))
                events.append((left, notice.party, None))
        return sorted(events, key=lambda event: (event[0].time, event[0].index))

    def is_met(self, clauses: Clauses, standing: Mapping[bytes, Consent], paper: Paper) -> bool:
        condition = clauses.condition
        match condition.rule:
            case "all":
                return (clauses.parties or frozenset(paper.adopted_by)) <= standing.keys()
            case "count":
                return len(standing) >= condition.count
            case "parties":
                return condition.names <= standing.keys()
            case "scopes":
                return condition.names <= {scope for consent in standing.values() for scope in scopes_of(consent)}
        raise AssertionError(condition.rule)

    def effect(self, digest: bytes, first: bytes, second: bytes, moment: Moment) -> Effect:
        """Return the effect of a text between two parties at a moment.

        Raises :class:`Missing` (``text.missing``) where the text is not here. Cost: linear in the text's consents.
        """
        paper = self.papers.get(digest)
        if paper is None:
            return Effect(EffectState.NONE, reason="the text was not proposed in this dossier")
        clauses = self.clauses(digest)
        since = self.since(paper, clauses, first, second)
        if since is None or moment.time < since:
            provisional = self.provisional(paper, clauses, first, second, moment)
            if provisional is not None:
                return Effect(EffectState.PROVISIONAL, provisional)
            if since is None:
                return Effect(EffectState.NONE, reason="the condition of entry into force is not met")
            ended = self.end_of(paper, clauses, first, second, moment)
            if ended and ended[0] <= since:
                return Effect(EffectState.ENDED, since, ended[0], ended[1])
            return Effect(EffectState.PENDING, since, *(ended or ()))
        ended = self.end_of(paper, clauses, first, second, moment)
        if ended and moment.time >= ended[0]:
            return Effect(EffectState.ENDED, since, ended[0], ended[1])
        if any(applied.moment.index <= moment.index for applied in invoked(paper, clauses, "suspend", first, second)):
            return Effect(EffectState.SUSPENDED, since, reason="a remedy was invoked")
        if ended and ended[1] == "denounced":
            return Effect(EffectState.NOTICE_RUNNING, since, ended[0], "denounced")
        return Effect(EffectState.IN_FORCE, since, ended[0] if ended else None)

    def since(self, paper: Paper, clauses: Clauses, first: bytes, second: bytes) -> int | None:
        """Return the instant of entry into force between two parties; a late party has its own."""
        met = self.condition_met(paper, clauses)
        if met is None:
            return None
        times = [date_of_effect(met.time, clauses.steps)]
        for party in (first, second):
            consent = paper.consents.get(party)
            since = self.bound_since(consent) if consent else None
            if since is None:
                return None
            if (since.time, since.index) > (met.time, met.index):
                times.append(date_of_effect(since.time, clauses.steps))
        return max(times)

    def provisional(self, paper: Paper, clauses: Clauses, first: bytes, second: bytes, moment: Moment) -> int | None:
        """Return since when both apply the text provisionally or are bound by it, or None."""
        since: list[int] = []
        for party in (first, second):
            consent = paper.consents.get(party)
            state = self.consent_state(paper, party, moment)
            if consent is None or not (state is C.APPLYING or state in BINDING):
                return None
            at = consent.applies_since if state is C.APPLYING else self.bound_since(consent)
            assert at is not None
            since.append(at.time)
        states = {self.consent_state(paper, party, moment) for party in (first, second)}
        return max(since) if clauses.provisional and C.APPLYING in states else None

    def end_of(
        self, paper: Paper, clauses: Clauses, first: bytes, second: bytes, moment: Moment
    ) -> tuple[int, str] | None:
        """Return when and why the text ends between two parties, as known at the moment; the earliest end counts."""
        ends: list[tuple[int, str]] = []
        if clauses.term.until is not None and not clauses.term.tacit:
            ends.append((clauses.term.until, "its term is over"))
        leaving = set(self.parties) if len(self.parties) == 2 else {first, second}
        running = [n for n in paper.denunciations if n.withdrawn is None and n.party in leaving]
        ends.extend((self.effective(paper, notice), "denounced") for notice in running)
        ends.extend(
            (applied.moment.time, "a remedy was invoked") for applied in invoked(paper, clauses, "end", first, second)
        )
        wider = self.around.ended_by_wider(self, paper.digest, first, second, moment)
        if wider is not None:
            ends.append((wider, "a wider text entered into force"))
        return min(ends) if ends else None

    def invitation_state(self, invitation: Invitation, party: bytes, moment: Moment) -> str:
        """Return what became of an invitation to a party, by its acts or silence: accepted, open or lapsed."""
        paper = self.papers[invitation.act["text"]]
        consent = paper.consents.get(party)
        since = self.bound_since(consent) if consent else None
        if since is not None and since.time < invitation.by:
            return "accepted"
        return "open" if moment.time < invitation.by else "lapsed"

    def objected(self, paper: Paper, reserving: bytes, other: bytes, moment: Moment) -> bool | None:
        """Return whether the other party objected to a reservation in time: None while it still may.

        Silence accepts (VCLT 20(5)): then the text applies between the two as reserved; an objection leaves the
        reserved articles without effect between them.
        """
        consent = paper.consents[reserving]
        clauses = self.clauses(paper.digest)
        assert consent.moment is not None
        last_day = consent.moment.time + clauses.objection_days * DAY_SECONDS
        if any(party == other and at.time < last_day for party, _, at in consent.objections):
            return True
        return False if moment.time >= last_day else None


def invoked(paper: Paper, clauses: Clauses, does: str, first: bytes, second: bytes) -> list[Applied]:
    """Return the remedies of one consequence that were invoked between two parties (VCLT 60(2)(b))."""
    chosen = [(applied, applied.act["remedy"]) for applied in paper.remedies if applied.between == {first, second}]
    return [
        applied
        for applied, number in chosen
        if number < len(clauses.remedies) and clauses.remedies[number].does == does
    ]


def scopes_of(consent: Consent) -> set[str]:
    """Return the scopes that a consent covers: those of the mandates whose signatures it rests on."""
    found: set[str] = set()
    for signature in consent.rests_on:
        for link in signature.mandate.chain():
            found |= link.scope or frozenset()
    return found


State = TypeVar("State", bound=Enum)


def moved(table: Mapping[tuple[State, str], State], state: State, event: str) -> State:
    """Return the next state by a table. Raises :class:`Refused` (``dossier.overtaken``) where the table has none."""
    following = table.get((state, event))
    if following is None:
        raise late("overtaken", f"{event} does not follow {state.value}")
    return following
