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

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol, TypeVar

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, Power
from pourparler.core.authority import Ending, HomeView, Mandate, Moment, Register, opens
from pourparler.core.clauses import DAY_SECONDS, Clauses, date_of_effect, parse_clauses
from pourparler.core.council import Depositary, Organ
from pourparler.core.encoding import Envelope
from pourparler.core.errors import STEP_POWER, STEP_STANDING, Malformed, Missing, PourparlerError, Refused, step_of
from pourparler.core.redline import (
    Amount,
    Answer,
    Line,
    Text,
    amount,
    evaluate,
    exact,
    holds,
    look_up,
    parse_line,
)


class DossierState(Enum):
    INVITED = "invited"
    OPEN = "open"
    AGREED = "closed: agreed"
    FAILED = "closed: failed"
    LAPSED = "closed: lapsed"
    WITHDRAWN = "closed: withdrawn"


class TextState(Enum):
    PROPOSED = "proposed"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    ADOPTED = "adopted"
    AUTHENTICATED = "authenticated"
    OPEN_FOR_CONSENT = "open for consent"


class ConsentState(Enum):
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

    def spending(self, mandate: bytes) -> "list[Spending]":
        """Return the signatures that spend the cumulative limit of a mandate, in ledger order."""

    def ended_by_wider(
        self, dossier: "Dossier", digest: bytes, first: bytes, second: bytes, moment: Moment
    ) -> int | None:
        """Return when a wider text between the two parties ended this one, or None."""


@dataclass(slots=True)
class Spending:
    """What one signature reserves of a cumulative limit, and the dossier that says whether it still does."""

    act: Act
    spent: Amount
    dossier: "Dossier"

    def reserved(self, moment: Moment) -> bool:
        """Return whether the amount still counts: kept by consent, released by refusal, lapse or withdrawal."""
        paper = self.dossier.papers[self.act["text"]]
        return any(
            not signature.withdrawn and self.dossier.consent_state(paper, consent.party, moment) in KEEPING
            for consent in paper.consents.values()
            for signature in consent.signatures
            if signature.act.id == self.act.id
        )


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
        self.join(party, moment)

    # Admission.

    def admit(
        self, act: Act, party: bytes, moment: Moment, envelope: Envelope | None = None, *, intake: bool = False
    ) -> Outcome:
        """Fold an act into the dossier. For a decision of an organ, ``envelope`` is the one its register found
        sufficient. Raises before it changes anything where the act is not there at all (steps 1 to 6), and with
        ``intake`` also where a holder's act fails at steps 7 to 9, for then it is never logged."""
        register = self.around.register(party)
        if act.issuer is Issuer.HOLDER:
            return self.admit_holder(act, register, moment, intake)
        assert envelope is not None
        organ = register.spines.organ(act["organ"], act["prior"])
        try:
            self.check_entitled(act, party, moment)
            register.check_real(act)
            self.fit(act, party, moment, organ=organ)
            void = None
        except (Refused, Malformed) as refusal:
            void = refusal.with_traceback(None)
        return self.record(Outcome(act, moment, envelope, void, party))

    def admit_holder(self, act: Act, register: Register, moment: Moment, intake: bool) -> Outcome:
        mandate = register.mandate(act["by"])
        power = act.row.power
        void: PourparlerError | None = None
        try:
            envelope = register.check_speaker(act, mandate, moment, power)
        except Refused as refusal:
            if step_of(refusal.reason) < (STEP_STANDING if intake else STEP_POWER):
                raise
            void, envelope = refusal.with_traceback(None), act.envelope
        if void is not None and register.party not in self.parties:
            void = Refused("bounds.stranger", "the party is not one of the dossier's")
        if void is None:
            void = self.reason_void(act, register, mandate, moment)
        if void is not None and intake and step_of(void.reason) < STEP_STANDING:
            raise void
        outcome = self.record(Outcome(act, moment, envelope, void, register.party))
        if void is None:
            readable = act.kind not in LINED or self.around.text(act["text"]) is not None
            register.note(mandate, act, moment, readable=readable)
        elif act.kind in SIGNING and act["text"] in self.papers and register.party in self.parties:
            consent = self.papers[act["text"]].consent(register.party)
            consent.signatures.append(Signature(act, register.party, mandate, moment, void))
        return outcome

    def reason_void(self, act: Act, register: Register, mandate: Mandate, moment: Moment) -> PourparlerError | None:
        """Take the act through steps 8 to 12 and into the state; return the refusal of the first step that fails."""
        try:
            self.check_bounds(act, register, mandate)
            self.check_lines(act, register, mandate, moment)
            register.check_standing(mandate, act.row.power, moment)
            register.check_reported(act, mandate, moment)
            self.check_limit(act, mandate, moment)
            self.fit(act, register.party, moment, mandate=mandate)
        except (Refused, Malformed) as refusal:
            return refusal.with_traceback(None)
        except Missing as lacking:  # words have no effect: a home that hides cannot silence the dossier
            asked = any(link.duty and link.duty.kind == act.kind for link in mandate.chain())
            if act.kind not in WORDS or asked or not lacking.reason.startswith("home."):
                raise
        if act.kind in LINED and self.around.text(act["text"]) is None:
            self.note_doubt(act)
        return None

    def record(self, outcome: Outcome) -> Outcome:
        self.outcomes[outcome.act.id] = outcome
        return outcome

    # Step 8: the bounds that the chain sets.

    def check_bounds(self, act: Act, register: Register, mandate: Mandate) -> None:
        """Raise :class:`Refused` (``bounds.*``) unless dossier, partners and scope lie within every link."""
        others = frozenset(self.parties) - {register.party}
        named = self.scopes_of_text(act)
        for link in mandate.chain():
            if link.dossier is not None and link.dossier != self.id:
                raise Refused("bounds.dossier", "the mandate is for another dossier")
            if link.ledgers is not None and self.around.ledger not in link.ledgers:
                raise Refused("bounds.ledger", "the mandate is for other ledgers")
            if link.partners is not None and not others <= link.partners:
                raise Refused("bounds.partners", "the mandate is not for talks with these parties")
            if link.scope is not None and not (self.scopes and self.scopes | named <= link.scope):
                raise Refused("bounds.scope", "the dossier goes beyond the scope of the mandate")
        if register.party not in self.parties:
            raise Refused("bounds.stranger", "the party is not one of the dossier's")

    def scopes_of_text(self, act: Act) -> frozenset[str]:
        """Return the scopes that the text of an act names, where the act leads to consent and the text is here."""
        text = self.around.text(act["text"]) if act.kind in LINED else None
        with contextlib.suppress(Malformed):  # a text whose clauses nobody can read is stopped where they are needed
            return parse_clauses(text.clauses).scopes if text else frozenset()
        return frozenset()

    def check_entitled(self, act: Act, party: bytes, moment: Moment) -> None:
        """Raise :class:`Refused` (``bounds.stranger``) where an organ speaks whose party is none of the dossier's,
        neither accedes nor has acceded."""
        if party in self.parties:
            return
        if act.kind == "accede":
            clauses = self.readable_clauses(act["text"]) if act["text"] in self.papers else None
            if clauses and clauses.open_to is not None and party not in clauses.open_to:
                raise Refused("consent.not-open-to", "the text is not open to this party")
            return
        if not any(self.bound(digest, party, moment) for digest in self.papers):
            raise Refused("bounds.stranger", "the party is not one of the dossier's")

    # Step 9: red lines.

    def check_lines(self, act: Act, register: Register, mandate: Mandate, moment: Moment) -> None:
        """Raise :class:`Refused` (``line.*``, ``text.check``) where the text crosses a line of any link.

        A text that is not at hand is not judged here: what rests on it is doubtful (``spec/evidence.md`` step 9).
        """
        if act.kind not in LINED:
            return
        lines = list(register.lines(mandate, act.row.power, moment))
        if act.kind in SIGNING:
            lines += [line for _, holder, line in self.told_before(register.party) if holder in mandate.chain()]
        text = self.around.text(act["text"])
        if text is None:
            return
        check_lines_kept(lines, text)
        if act.kind == "adopt":
            for check in text.checks:
                if holds(check, text.terms) is not Answer.KEPT:
                    raise Refused("text.check", f"{check.path} is not the {check.operator} of the figures it names")

    def note_doubt(self, act: Act) -> None:
        """Remember which texts rest on a text that nobody can read here, whose lines were thus not judged."""
        self.doubtful.add(act["text"])
        if act.kind == "propose" and act.get("answers") and self.counter_kills:
            self.doubtful.add(act["answers"])

    def told_before(self, party: bytes) -> Iterator[tuple[Act, Mandate, Line]]:
        """Yield the private lines of a party that a counterparty has acknowledged being told (VCLT 47)."""
        for reveal_id, told in self.told.items():
            if self.acknowledged.get(reveal_id, set()) & set(self.parties) - {party}:
                yield told

    # Step 11: cumulative limits.

    def check_limit(self, act: Act, mandate: Mandate, moment: Moment) -> None:
        """Raise :class:`Refused` (``limit.*``) where a signature overruns a cumulative limit of the chain, or does
        not state the running total and the signature before it."""
        limited = [link for link in mandate.chain() if link.limit]
        if act.kind not in SIGNING or not limited:
            return
        if self.sealed or any(link.limit and link.limit.ledger != self.around.ledger for link in limited):
            raise Refused(
                "limit.elsewhere", "a mandate with a cumulative limit signs in one ledger and in public dossiers"
            )
        text = self.around.text(act["text"])
        if text is None:
            raise Missing("text.missing", "a cumulative limit cannot be reckoned without every text under it")
        for link in limited:
            assert link.limit is not None
            if any(entry.dossier.doubtful for entry in self.around.spending(link.id) if entry.dossier is not self):
                raise Missing(
                    "text.missing", "what a signature in another dossier spent rests on a text that is not here"
                )
            figure, most = amount(look_up(text.terms, link.limit.path)), amount(link.limit.most)
            if not figure or not most or figure.currency != most.currency or figure.number < 0:
                raise Refused(
                    "limit.unreadable", f"the text states no amount at {link.limit.path} that the limit counts"
                )
            earlier = [entry for entry in self.around.spending(link.id) if entry.reserved(moment)]
            total = figure.number
            for entry in earlier:
                total = exact(total, entry.spent.number, "sum")
            if link is limited[0]:
                self.check_stated(act, link, Amount(figure.currency, total))
            if total > most.number:
                raise Refused("limit.exceeded", "the signature overruns the cumulative limit of the mandate")

    def check_stated(self, act: Act, link: Mandate, total: Amount) -> None:
        before = self.around.spending(link.id)
        if act.get("previous") != (before[-1].act.id if before else None) or amount(act.get("total")) != total:
            raise Refused("limit.misstated", "the signature must cite the one before it and state the running total")

    # Step 12: does it fit?

    def fit(
        self, act: Act, party: bytes, moment: Moment, *, mandate: Mandate | None = None, organ: Organ | None = None
    ) -> None:
        """Apply an act that its speaker may do. Raises :class:`Refused` (``dossier.*``, ``consent.*``) and then has
        changed nothing."""
        state = self.state(moment)
        if state not in (D.INVITED, D.OPEN) and act.kind not in AFTER_CLOSING:
            raise late("closed", f"the dossier is {state.value}")
        if state is D.INVITED and act.kind not in ("join", "say", "acknowledge", "reveal", "close", "publish"):
            raise late("not-begun", "too few parties have joined the dossier")
        if mandate is not None and party not in self.joined and act.kind not in BEFORE_JOINING:
            raise late("not-joined", "the party has not joined the talks")
        if party in self.left and act.kind not in AFTER_CLOSING:
            raise late("left", "the party has left the talks")
        handler: Callable[[Dossier, Act, Speaker], None] = HANDLERS[act.kind]
        handler(self, act, Speaker(party, moment, mandate, organ))

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
        return parse_clauses(text.clauses)

    def readable_clauses(self, digest: bytes) -> Clauses | None:
        """Return the clauses where the text is here; in its absence, what rests on them becomes doubtful.

        Raises :class:`Malformed` (``text.clause``) where the text is here and its clauses are none.
        """
        try:
            return self.clauses(digest)
        except Missing:
            self.doubtful.add(digest)
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
        if state is C.SIGNED_AD_REFERENDUM and not self.pending_signatures(consent, moment):
            return CONSENT_TABLE[state, "deadline passes"] if self.open_signatures(consent) else C.NONE
        if state is C.APPLYING and consent.applies_until is not None and moment.time >= consent.applies_until:
            return C.NONE
        if state in BINDING and self.bound_since(consent) is None:
            return C.SIGNED_AD_REFERENDUM if consent.signatures else C.NONE
        if state in BINDING:
            for notice in paper.denunciations:
                if notice.party == party and notice.withdrawn is None:
                    return C.WITHDRAWN if moment.time >= self.effective(paper, notice) else C.WITHDRAWING
        return state

    def open_signatures(self, consent: Consent) -> list[Signature]:
        return [s for s in consent.signatures if not s.withdrawn and s.void is None]

    def pending_signatures(self, consent: Consent, moment: Moment) -> list[Signature]:
        return [s for s in self.open_signatures(consent) if s.deadline is None or moment.time < s.deadline]

    def bound_since(self, consent: Consent) -> Moment | None:
        """Return the moment from which a binding consent counts: its own, or that of the confirmation it needs."""
        if consent.state not in BINDING or consent.act is None:
            return None
        if consent.subject_to is None:
            return consent.moment
        answer = self.around.register(consent.party).confirmed(consent.act.id, consent.subject_to)
        if answer is None or not answer.answer or consent.moment is None:
            return None
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
            return Effect(EffectState.PENDING, since)
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


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who acts and when: a party, by the holder of a mandate or by an organ."""

    party: bytes
    moment: Moment
    mandate: Mandate | None
    organ: Organ | None

    @property
    def organ_id(self) -> bytes:
        assert self.organ is not None
        return self.organ.id


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


def check_lines_kept(lines: list[Line], text: Text) -> None:
    """Raise :class:`Refused` (``line.crossed``, ``line.cannot-tell``) unless the text keeps every line.

    The refusal names the path and never the limit: a counterparty must not learn it by probing.
    """
    for line in lines:
        match evaluate(line, text.terms):
            case Answer.CROSSED:
                raise Refused("line.crossed", "the text crosses a red line of the mandate")
            case Answer.CANNOT_TELL:
                raise Refused("line.cannot-tell", "the terms do not state what a red line of the mandate needs")


State = TypeVar("State", bound=Enum)


def moved(table: Mapping[tuple[State, str], State], state: State, event: str) -> State:
    """Return the next state by a table. Raises :class:`Refused` (``dossier.overtaken``) where the table has none."""
    following = table.get((state, event))
    if following is None:
        raise late("overtaken", f"{event} does not follow {state.value}")
    return following


# --- handlers: one for each kind --------------------------------------------------------------------------------------


def handle_join(self: Dossier, act: Act, by: Speaker) -> None:
    if by.party not in self.parties:
        raise Refused("bounds.stranger", "the opening does not name the party")
    self.join(by.party, by.moment)


def handle_nothing(self: Dossier, act: Act, by: Speaker) -> None:
    """Words: recorded, without legal effect."""


def handle_acknowledge(self: Dossier, act: Act, by: Speaker) -> None:
    self.acknowledged.setdefault(act["about"], set()).add(by.party)


def handle_reveal(self: Dossier, act: Act, by: Speaker) -> None:
    assert by.mandate is not None
    holder = next((link for link in by.mandate.chain() if link.id == act["mandate"]), None)
    if holder is None or not opens(holder, act["line"], act["salt"]):
        raise Refused("line.no-commitment", "line and salt open no private line of the chain")
    self.told[act.id] = (act, holder, parse_line(act["line"]))


def handle_invite(self: Dossier, act: Act, by: Speaker) -> None:
    self.paper(act["text"])
    self.invitations.append(Invitation(act, by.moment))


def handle_suspend_talks(self: Dossier, act: Act, by: Speaker) -> None:
    self.suspended = (by.moment, act["until"])


def handle_resume_talks(self: Dossier, act: Act, by: Speaker) -> None:
    self.suspended = None


def handle_close(self: Dossier, act: Act, by: Speaker) -> None:
    """Between two, either closes the talks; among many, a party leaves, and the talks fail when fewer than two stay."""
    following = moved(DOSSIER_TABLE, self.state(by.moment), act["as"])
    if act["as"] == "agreed":
        check_agreed(self, by)
    elif len(self.parties) > 2:
        self.left.add(by.party)
        if len(self.joined.keys() - self.left) >= 2:
            return
    self.closed = (following, by.moment)


def check_agreed(self: Dossier, by: Speaker) -> None:
    """Raise unless a text binds some party, and among many, every party that joined and stayed."""
    staying = self.joined.keys() - self.left
    enough = staying if len(self.parties) > 2 else None
    read = {digest for digest in self.papers if self.around.text(digest) is not None and digest not in self.doubtful}
    if binds(self, read, enough, by):
        return
    if read != self.papers.keys():
        self.doubtful |= self.papers.keys()  # whether the close takes effect rests on a text that is not here
    if not binds(self, self.papers.keys(), enough, by):
        raise late("not-agreed", "the parties are not bound by any text of the dossier")


def binds(self: Dossier, digests: Collection[bytes], enough: Collection[bytes] | None, by: Speaker) -> bool:
    """Return whether the texts bind all of ``enough``, or where that is None, any party that joined."""
    bound = {party for party in self.joined for digest in digests if self.bound(digest, party, by.moment)}
    return bool(bound) if enough is None else bool(bound) and set(enough) <= bound


def handle_publish(self: Dossier, act: Act, by: Speaker) -> None:
    for digest in act["texts"]:
        self.published.setdefault(digest, by.moment)


def handle_propose(self: Dossier, act: Act, by: Speaker) -> None:
    if self.talks_suspended(by.moment):
        raise late("suspended", "the talks are suspended")
    if act["text"] in self.papers:
        raise late("repeated", "the text has been proposed; a text never changes, and a dead one needs a new digest")
    answered = self.paper(act["answers"]) if act.get("answers") else None
    if answered and answered.author == by.party:
        raise late("own-offer", "a party does not counter its own offer")
    if answered and self.counter_kills:
        following = moved(TEXT_TABLE, self.text_state(answered, by.moment), "countered")
        answered.state = following
    self.papers[act["text"]] = Paper(act["text"], by.party, by.moment, act.get("until"), act.get("answers"))


def handle_reject(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    if paper.author == by.party:
        raise late("own-offer", "an author withdraws; only others reject")
    change_text(self, paper, "reject", by)


def handle_withdraw(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    if paper.author != by.party:
        raise late("not-author", "only its author withdraws a proposal")
    change_text(self, paper, "withdraw", by)


def change_text(self: Dossier, paper: Paper, event: str, by: Speaker) -> None:
    following = moved(TEXT_TABLE, self.text_state(paper, by.moment), event)
    paper.state = following


def handle_adopt(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    if self.text_state(paper, by.moment) is not T.PROPOSED:
        raise late("overtaken", f"the text is {self.text_state(paper, by.moment).value}")
    if by.party in paper.adopted_by:
        raise late("repeated", "the party has adopted this text")
    adopted = paper.adopted_by | {by.party}
    if is_adopted(self, adopted):
        change_text(self, paper, "adopted", by)
    paper.adopted_by = adopted


def is_adopted(self: Dossier, adopted: set[bytes]) -> bool:
    """Return whether enough parties adopted: all that joined, or the share of them that the opening asks for."""
    joined = self.joined.keys() - self.left
    if self.share is None:
        return len(adopted) >= 2 and joined <= adopted
    part, whole = self.share
    return len(adopted) >= 2 and len(adopted & joined) * whole >= len(joined) * part


def authenticate(self: Dossier, paper: Paper, by: Speaker) -> None:
    """Count a party's initials or signature: when all who adopted have given theirs, no byte changes any more."""
    if self.text_state(paper, by.moment) not in (T.ADOPTED, T.AUTHENTICATED, T.OPEN_FOR_CONSENT):
        raise late("overtaken", f"the text is {self.text_state(paper, by.moment).value}, not adopted")
    paper.authenticated_by.add(by.party)
    if paper.state is T.ADOPTED and paper.adopted_by <= paper.authenticated_by:
        change_text(self, paper, "authenticated", by)


def handle_initial(self: Dossier, act: Act, by: Speaker) -> None:
    authenticate(self, self.paper(act["text"]), by)


def change_consent(self: Dossier, consent: Consent, paper: Paper, event: str, by: Speaker) -> ConsentState:
    return moved(CONSENT_TABLE, self.consent_state(paper, consent.party, by.moment), event)


def check_open(self: Dossier, paper: Paper, moment: Moment) -> None:
    """Raise unless the text is adopted, and open for consent where it says from when."""
    state = self.text_state(paper, moment)
    clauses = self.readable_clauses(paper.digest)
    opens_at = clauses.open_from if clauses else None
    if state is T.AUTHENTICATED or (opens_at is not None and moment.time < opens_at):
        raise late("not-open", "the text is not yet open for consent")
    if state not in (T.ADOPTED, T.OPEN_FOR_CONSENT):
        raise late("overtaken", f"the text is {state.value}, not adopted")


def check_reserves(self: Dossier, act: Act) -> tuple[str, ...]:
    reserves = tuple(act.get("reserves") or ())
    clauses = self.readable_clauses(act["text"]) if reserves else None
    if clauses and not set(reserves) <= clauses.reservations:
        raise Refused("consent.reservation", "the text does not allow this reservation")
    return reserves


def handle_sign(self: Dossier, act: Act, by: Speaker) -> None:
    """A signature by a holder, ad referendum or definitive."""
    assert by.mandate is not None
    paper = self.paper(act["text"])
    check_open(self, paper, by.moment)
    consent = paper.consents.get(by.party) or Consent(by.party)
    following = change_consent(self, consent, paper, act.kind, by)
    reserves = check_reserves(self, act)
    if act.kind == "sign-ad-referendum":
        if act["deadline"] <= by.moment.time:
            raise late("late", "the deadline that the signature names has passed")
        organ = self.around.register(by.party).spines.organ(act["organ"])
        if Power.RATIFY not in organ.powers:
            raise Refused("consent.organ", "the organ that the signature refers to cannot ratify")
    authenticate(self, paper, by)
    paper.consents[by.party] = consent
    consent.signatures.append(Signature(act, by.party, by.mandate, by.moment))
    consent.state = following
    if act.kind == "conclude":
        consent.act, consent.moment, consent.reserves = act, by.moment, reserves
        consent.rests_on, consent.subject_to = (consent.signatures[-1],), None
    for link in by.mandate.chain():
        if link.limit:
            spent = self.around.text(act["text"])
            figure = amount(look_up(spent.terms, link.limit.path)) if spent else None
            assert figure is not None
            self.around.spending(link.id).append(Spending(act, figure, self))


def handle_withdraw_signature(self: Dossier, act: Act, by: Speaker) -> None:
    for paper in self.papers.values():
        consent = paper.consents.get(by.party)
        for signature in consent.signatures if consent else ():
            if signature.act.id == act["signature"] and signature.act.kind == "sign-ad-referendum":
                if by.mandate not in signature.mandate.chain():
                    raise late(
                        "not-author", "a signature is withdrawn by its signer, or one whom his mandate hangs from"
                    )
                if consent and consent.state in BINDING:
                    raise late("overtaken", "the signature has been ratified")
                signature.withdrawn = True
                return
    raise late("unknown-signature", "the party made no such signature ad referendum in this dossier")


def handle_ratify(self: Dossier, act: Act, by: Speaker) -> None:
    """The council's act: it names the text, the very signatures, and the past it has seen (``spec/dossier.md`` 4).

    What it confirms counts only if the ratification itself does.
    """
    paper = self.paper(act["text"])
    before = (paper.state, set(paper.adopted_by), set(paper.authenticated_by))
    try:
        confirmed = confirm(self, act, by)
        ratify(self, act, by, paper, confirmed)
    except PourparlerError:
        paper.state, paper.adopted_by, paper.authenticated_by = before
        raise
    for outcome in confirmed.values():
        self.outcomes[outcome.act.id] = replace(outcome, void=None)


def ratify(self: Dossier, act: Act, by: Speaker, paper: Paper, confirmed: Mapping[bytes, Outcome]) -> None:
    assert by.organ is not None
    past = read_past(self, act, by)
    check_open(self, paper, by.moment)
    consent = paper.consent(by.party)
    named = [signature for signature in consent.signatures if signature.act.id in set(act["signs"])]
    if len(named) != len(act["signs"]):
        raise Refused("consent.signature", "the ratification names a signature that the party did not make")
    for signature in named:
        check_ratified(self, signature, past, by, confirmed)
    following = change_consent_by_ratification(self, consent, paper, by)
    check_organ_lines(self, act, by.organ)
    reserves = check_reserves(self, act)
    consent.state, consent.act, consent.moment, consent.reserves = following, act, by.moment, reserves
    consent.rests_on = tuple(named)
    consent.subject_to = self.around.register(by.party).spines.answers_to(by.organ, Power.RATIFY)


def change_consent_by_ratification(self: Dossier, consent: Consent, paper: Paper, by: Speaker) -> ConsentState:
    state = self.consent_state(paper, consent.party, by.moment)
    if state is C.LAPSED:
        raise late("late", "the deadline of the signature has passed; the text needs a new one")
    if consent.state in BINDING:
        raise late("overtaken", f"the party's consent is {consent.state.value}")
    return moved(CONSENT_TABLE, state, "ratify")


@dataclass(frozen=True, slots=True)
class Past:
    """The past that a ratification names: of its dossier, of its party's stream there, and of spines."""

    dossier_index: int
    party_index: int
    places: Mapping[bytes, int]  # organ id -> place on its spine

    def holds(self, ending: Ending, register: Register) -> bool:
        """Return whether the ending lies in this past."""
        if ending.moment.index <= self.party_index:
            return True
        if not ending.act.row.spine:
            return False
        organ = ending.act["organ"]
        state = register.spines.at.get((organ, ending.act.id))
        return state is not None and organ in self.places and state.place <= self.places[organ]


def read_past(self: Dossier, act: Act, by: Speaker) -> Past:
    """Return the past that the act names. Raises :class:`Refused` (``consent.past``) where it never was one."""
    register = self.around.register(by.party)
    dossier_index = self.around.seen(self.id, *act["seen"]["dossier"])
    party_index = self.around.seen(by.party, *act["seen"]["party"])
    if dossier_index is None or party_index is None:
        raise Refused("consent.past", "the heads that the act has seen are none of these streams")
    assert by.organ is not None
    places = {by.organ.id: by.organ.place}
    for head in act.get("spines") or ():
        if head in register.spines.decisions:
            register.check_real(register.spines.decisions[head])
        for (organ, place), state in register.spines.at.items():
            if place == head:
                places[organ] = state.place
    return Past(dossier_index, party_index, places)


def check_ratified(
    self: Dossier, signature: Signature, past: Past, by: Speaker, confirmed: Mapping[bytes, Outcome]
) -> None:
    """Raise unless the signature stands in the ratification's past, or the ratification confirms it."""
    if signature.withdrawn:
        raise late("overtaken", "a signature that the ratification names was withdrawn")
    if signature.deadline is not None and by.moment.time >= signature.deadline:
        raise late("late", "the deadline of a signature that the ratification names has passed")
    if signature.moment.index > past.dossier_index:
        raise Refused("consent.past", "the heads that the act has seen are older than a signature it names")
    if signature.act.id in confirmed:
        return
    register = self.around.register(by.party)
    if any(link.logged.index > past.party_index for link in signature.mandate.chain()):
        raise Refused("consent.past", "the heads that the act has seen are older than the signer's mandate")
    if signature.act.kind != "sign-ad-referendum":
        raise Refused("consent.signature", "a definitive signature is not ratified; one that is void may be confirmed")
    named = signature.act["organ"]
    if named not in register.spines.heads or not register.spines.governs(by.organ_id, named):
        raise Refused("consent.organ", "the signature refers to another organ, which does not answer to this one")
    if signature.void is not None and signature.void.reason not in ENDED:
        raise Refused(signature.void.reason, "a signature that the ratification names is void, and it is not confirmed")

    def counts(ending: Ending) -> bool:  # a suspension that nobody confirmed never outweighs a ratification
        return past.holds(ending, register) and not register.unconfirmed(ending)

    if signature.void is not None:
        register.check_standing(signature.mandate, signature.act.row.power, signature.moment, counts)
    for link in signature.mandate.chain():
        for ending in register.endings.get(link.id, ()):
            stands = counts(ending) and register.ends(ending, link.organ)
            if stands and register.works(ending, signature.act.row.power, by.moment):
                raise Refused(ending.reason, "in the ratification's past, the signer's mandate had ended")
    if register.home is not None:
        check_home_endings(register.home, signature, past)


def check_home_endings(home: HomeView, signature: Signature, past: Past) -> None:
    """The spines up to the ratification may hold a dismissal that this ledger was never told of."""
    links = {link.id for link in signature.mandate.chain()}
    for dismissal, organ, place in home.dismissals():
        governs = home.registers[0].spines.governs(organ, signature.mandate.organ)
        if dismissal["mandate"] in links and governs and place <= past.places.get(organ, -1):
            if signature.act.row.power & ~Power(dismissal.get("holds") or 0):
                raise Refused("standing.dismissed", "the spine up to the ratification holds the signer's dismissal")


ENDED = frozenset(f"standing.{how}" for how in ("dismissed", "revoked", "suspended", "withdrawn", "objected"))
CURABLE = ("standing.", "line.", "bounds.")
CONFIRMABLE = frozenset({"adopt", "initial", *SIGNING})


def is_stranger(outcome: Outcome) -> bool:
    return outcome.void is not None and outcome.void.reason == "bounds.stranger"


def confirm(self: Dossier, act: Act, by: Speaker) -> dict[bytes, Outcome]:
    """Return the acts on the text that the ratification confirms (VCLT 8); those on the way to it count from now on.

    Only a lack of authority is made good, and only by the organ that gave the mandate or one that stands above it;
    thus a crossed line only by an organ that may lift it. Raises :class:`Refused` (``consent.confirmed``).
    """
    register = self.around.register(by.party)
    assert by.organ is not None
    confirmed: dict[bytes, Outcome] = {}
    for act_id in act.get("confirms") or ():
        outcome = self.outcomes.get(act_id)
        if outcome is None or outcome.party != by.party or outcome.act.kind not in CONFIRMABLE:
            raise Refused("consent.confirmed", "the ratification confirms an act that the party did not make here")
        if outcome.act["text"] != act["text"]:
            raise Refused("consent.confirmed", "the ratification confirms an act on another text")
        if is_stranger(outcome) or (outcome.void and not outcome.void.reason.startswith(CURABLE)):
            raise Refused("consent.confirmed", "what made the act void is not a lack of authority")
        mandate = register.mandate(outcome.act["by"])
        if not register.spines.governs(by.organ.id, mandate.organ):
            raise Refused("consent.confirmed", "only the organ that gave the mandate, or one above it, confirms")
        if outcome.void and outcome.act.kind not in SIGNING:
            HANDLERS[outcome.act.kind](self, outcome.act, Speaker(by.party, by.moment, mandate, None))
        confirmed[act_id] = outcome
    return confirmed


def check_organ_lines(self: Dossier, act: Act, organ: Organ) -> None:
    if not organ.lines:
        return
    text = self.around.text(act["text"])
    if text is None:
        self.doubtful.add(act["text"])
        return
    check_lines_kept(list(organ.lines), text)


def handle_refuse(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    consent = paper.consent(by.party)
    consent.state = change_consent(self, consent, paper, "refuse", by)
    consent.act, consent.moment = act, by.moment


def handle_accede(self: Dossier, act: Act, by: Speaker) -> None:
    assert by.organ is not None
    paper = self.paper(act["text"])
    read_past(self, act, by)
    check_open(self, paper, by.moment)
    clauses = self.readable_clauses(paper.digest)
    if clauses and clauses.open_to is not None and by.party not in clauses.open_to:
        raise Refused("consent.not-open-to", "the text is not open to this party")
    consent = paper.consent(by.party)
    following = change_consent(self, consent, paper, "accede", by)
    check_organ_lines(self, act, by.organ)
    reserves = check_reserves(self, act)
    consent.state, consent.act, consent.moment, consent.reserves = following, act, by.moment, reserves
    consent.subject_to = self.around.register(by.party).spines.answers_to(by.organ, Power.RATIFY)


def handle_apply(self: Dossier, act: Act, by: Speaker) -> None:
    assert by.organ is not None
    paper = self.paper(act["text"])
    check_open(self, paper, by.moment)
    clauses = self.readable_clauses(paper.digest)
    if clauses and not clauses.provisional:
        raise Refused("consent.not-provisional", "the text does not allow provisional application")
    consent = paper.consent(by.party)
    consent.state = change_consent(self, consent, paper, "apply", by)
    consent.applies_since, consent.applies_until = by.moment, act.get("until")


def handle_stop_applying(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    consent = paper.consent(by.party)
    consent.state = change_consent(self, consent, paper, "stop-applying", by)


def handle_object_reservation(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    for consent in paper.consents.values():
        if consent.act and consent.act.id == act["about"] and consent.reserves and consent.party != by.party:
            consent.objections.append((by.party, act, by.moment))
            return
    raise late("unknown-reservation", "no other party's consent with this id makes a reservation")


def handle_denounce(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    if not self.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "the party is not bound by the text")
    if any(notice.party == by.party and notice.withdrawn is None for notice in paper.denunciations):
        raise late("repeated", "the party's notice is running")
    clauses = self.readable_clauses(paper.digest)
    if clauses and clauses.term.notice_days is None:
        raise late("no-denunciation", "the text has no clause on denunciation")
    if clauses and clauses.term.earliest is not None and by.moment.time < clauses.term.earliest:
        raise late("too-early", "the text cannot be denounced yet")
    paper.denunciations.append(Denunciation(by.party, by.moment))


def handle_withdraw_denunciation(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    for notice in paper.denunciations:
        if notice.party == by.party and notice.withdrawn is None and by.moment.time < self.effective(paper, notice):
            notice.withdrawn = by.moment
            return
    raise late("overtaken", "no notice of the party is running")


def handle_breach(self: Dossier, act: Act, by: Speaker) -> None:
    paper = self.paper(act["text"])
    if not self.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "only a party to the text alleges its breach")
    if act["attributed"] is not None and not self.bound(paper.digest, act["attributed"], by.moment):
        raise late("not-bound", "the party that the breach is attributed to is not bound by the text")
    paper.breaches[act.id] = (act, by.moment)


def handle_remedy(self: Dossier, act: Act, by: Speaker) -> None:
    """Record a consequence that the text provided before the breach. A private person's breach ends nothing."""
    paper = self.paper(act["text"])
    if act["breach"] not in paper.breaches:
        raise late("unknown-breach", "no breach of the text was alleged by this act")
    if not self.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "only a party to the text invokes its remedies")
    allegation, alleged = paper.breaches[act["breach"]]
    clauses = self.readable_clauses(paper.digest)
    if clauses:
        check_remedy(act, allegation, alleged, clauses, by)
    attributed = allegation["attributed"]
    paper.remedies.append(Applied(act, by.moment, frozenset({by.party, attributed} - {None})))


def check_remedy(act: Act, allegation: Act, alleged: Moment, clauses: Clauses, by: Speaker) -> None:
    """Raise :class:`Refused` (``dossier.*``) unless the text gives this party this remedy for this breach now."""
    if act["remedy"] >= len(clauses.remedies):
        raise late("no-remedy", "the text has no such remedy")
    remedy = clauses.remedies[act["remedy"]]
    if remedy.article != allegation["article"]:
        raise late("no-remedy", "the remedy is for the breach of another article")
    if allegation["attributed"] is None and remedy.does in ("suspend", "end"):
        raise late("private-breach", "a private person's breach ends and suspends nothing")
    if allegation["attributed"] == by.party or (remedy.by is not None and by.party not in remedy.by):
        raise late("not-entitled", "the text does not give this party the remedy")
    if by.moment.time < alleged.time + remedy.cure_days * DAY_SECONDS:
        raise late("cure-time", "the time to cure the breach is not over")


HANDLERS: dict[str, Callable[[Dossier, Act, Speaker], None]] = {
    "join": handle_join,
    "say": handle_nothing,
    "acknowledge": handle_acknowledge,
    "reveal": handle_reveal,
    "invite": handle_invite,
    "suspend-talks": handle_suspend_talks,
    "resume-talks": handle_resume_talks,
    "close": handle_close,
    "publish": handle_publish,
    "propose": handle_propose,
    "reject": handle_reject,
    "withdraw": handle_withdraw,
    "adopt": handle_adopt,
    "initial": handle_initial,
    "sign-ad-referendum": handle_sign,
    "conclude": handle_sign,
    "withdraw-signature": handle_withdraw_signature,
    "ratify": handle_ratify,
    "refuse": handle_refuse,
    "accede": handle_accede,
    "apply": handle_apply,
    "stop-applying": handle_stop_applying,
    "object-reservation": handle_object_reservation,
    "denounce": handle_denounce,
    "withdraw-denunciation": handle_withdraw_denunciation,
    "breach": handle_breach,
    "remedy": handle_remedy,
}
