"""An act on its way into a dossier: steps 7 to 12. Specification: ``spec/act.md`` 6, ``spec/authority.md`` 13.

Steps 1 to 6 decide whether an act is there at all, and raise. A failure at steps 7 to 12 makes it *void*: it stands in
the stream, and does nothing unless an organ confirms it.
"""

import contextlib
from collections.abc import Callable, Iterator

from pourparler.core.act import Act, Issuer
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.council import Organ
from pourparler.core.dossier import (
    AFTER_CLOSING,
    BEFORE_JOINING,
    LINED,
    SIGNING,
    WORDS,
    D,
    Dossier,
    Outcome,
    Signature,
    late,
)
from pourparler.core.encoding import Envelope
from pourparler.core.errors import STEP_STANDING, Malformed, Missing, PourparlerError, Refused, step_of
from pourparler.core.redline import (
    Amount,
    Answer,
    Line,
    amount,
    check_lines_kept,
    exact,
    holds,
    look_up,
)
from pourparler.core.transitions import HANDLERS, Speaker, check_open_to


def admit(
    dossier: Dossier, act: Act, party: bytes, moment: Moment, envelope: Envelope | None = None, *, intake: bool = False
) -> Outcome:
    """Fold an act into the dossier. For a decision of an organ, ``envelope`` is the one its register found
    sufficient. Raises before it changes anything where the act is not there at all (steps 1 to 6), and with
    ``intake`` also where a holder's act fails at steps 7 to 9, for then it is never logged."""
    register = dossier.around.register(party)
    if act.issuer is Issuer.HOLDER:
        return admit_holder(dossier, act, register, moment, intake)
    assert envelope is not None
    organ = register.spines.organ(act["organ"], act["prior"])
    try:
        check_entitled(dossier, act, party, moment)
        register.check_real(act)
        fit(dossier, act, party, moment, organ=organ)
        void = None
    except (Refused, Malformed) as refusal:
        void = refusal.with_traceback(None)
    return dossier.record(Outcome(act, moment, envelope, void, party))


def admit_holder(dossier: Dossier, act: Act, register: Register, moment: Moment, intake: bool) -> Outcome:
    mandate = register.mandate(act["by"])
    power = act.row.power
    if act.kind == "sign-ad-referendum":
        register.spines.organ(act["organ"])  # step 4, before anything that a text or a home may decide
    void: PourparlerError | None
    envelope, void = register.spoken(act, mandate, moment, power)
    if void is not None and intake and step_of(void.reason) < STEP_STANDING:
        raise void
    if void is not None and register.party not in dossier.parties:
        void = Refused("bounds.stranger", "the party is not one of the dossier's")
    if void is None:
        void = reason_void(dossier, act, register, mandate, moment)
    if void is not None and intake and step_of(void.reason) < STEP_STANDING:
        raise void
    outcome = dossier.record(Outcome(act, moment, envelope, void, register.party))
    note_for_duties(dossier, outcome, register, mandate)
    if void is None:
        return outcome
    if act.kind in SIGNING and act["text"] in dossier.papers and register.party in dossier.parties:
        consent = dossier.papers[act["text"]].consent(register.party)
        consent.signatures.append(Signature(act, register.party, mandate, moment, void))
    return outcome


def note_for_duties(dossier: Dossier, outcome: Outcome, register: Register, mandate: Mandate) -> None:
    """Tell the register what was done, or may have been: what becomes of an act can rest on a text that is not here."""
    act = outcome.act
    if not mandate.owes(act.kind):
        return
    readable = act.kind not in LINED or dossier.around.text(act["text"]) is not None
    certain = readable and not dossier.in_doubt(act.get("text"))
    if outcome.void is None or not certain:
        register.note(mandate, act, outcome.moment, accepted=outcome.void is None, certain=certain)


def reason_void(
    dossier: Dossier, act: Act, register: Register, mandate: Mandate, moment: Moment
) -> PourparlerError | None:
    """Take the act through steps 8 to 12 and into the state; return the refusal of the first step that fails."""
    try:
        check_bounds(dossier, act, register, mandate)
        check_lines(dossier, act, register, mandate, moment)
        register.check_standing(mandate, act.row.power, moment)
        register.check_reported(act, mandate, moment)
        check_limit(dossier, act, mandate, moment)
        if act.kind == "propose" and act.get("answers") and dossier.in_doubt(act["answers"]):
            dossier.doubt(act["text"])
        fit(dossier, act, register.party, moment, mandate=mandate)
    except (Refused, Malformed) as refusal:
        return refusal.with_traceback(None)
    except Missing as lacking:  # words have no effect: a home that hides cannot silence the dossier
        if act.kind not in WORDS or mandate.owes(act.kind) or not lacking.reason.startswith("home."):
            raise
    if act.kind in LINED and dossier.around.text(act["text"]) is None:
        note_doubt(dossier, act)
    return None


# Step 8: the bounds that the chain sets.


def check_bounds(dossier: Dossier, act: Act, register: Register, mandate: Mandate) -> None:
    """Raise :class:`Refused` (``bounds.*``) unless dossier, partners and scope lie within every link."""
    others = frozenset(dossier.parties) - {register.party}
    for link in mandate.chain():
        if link.dossier is not None and link.dossier != dossier.id:
            raise Refused("bounds.dossier", "the mandate is for another dossier")
        if link.ledgers is not None and dossier.around.ledger not in link.ledgers:
            raise Refused("bounds.ledger", "the mandate is for other ledgers")
        if link.partners is not None and not others <= link.partners:
            raise Refused("bounds.partners", "the mandate is not for talks with these parties")
        if link.scope is None:
            continue
        if not (dossier.scopes and dossier.scopes | scopes_of_text(dossier, act) <= link.scope):
            raise Refused("bounds.scope", "the dossier goes beyond the scope of the mandate")
    if register.party not in dossier.parties:
        raise Refused("bounds.stranger", "the party is not one of the dossier's")


def scopes_of_text(dossier: Dossier, act: Act) -> frozenset[str]:
    """Return the scopes that the text of an act names, where the act leads to consent and the text is here."""
    text = dossier.around.text(act["text"]) if act.kind in LINED else None
    with contextlib.suppress(Malformed):  # a text whose clauses nobody can read is stopped where they are needed
        return text.parsed_clauses.scopes if text else frozenset()
    return frozenset()


def check_entitled(dossier: Dossier, act: Act, party: bytes, moment: Moment) -> None:
    """Raise :class:`Refused` (``bounds.stranger``) where an organ speaks whose party is none of the dossier's,
    neither accedes nor has acceded."""
    if party in dossier.parties:
        return
    if act.kind == "accede":
        if act["text"] in dossier.papers:
            check_open_to(dossier, act["text"], party)
        return
    if not any(dossier.bound(digest, party, moment) for digest in dossier.papers):
        raise Refused("bounds.stranger", "the party is not one of the dossier's")


# Step 9: red lines.


def check_lines(dossier: Dossier, act: Act, register: Register, mandate: Mandate, moment: Moment) -> None:
    """Raise :class:`Refused` (``line.*``, ``text.check``) where the text crosses a line of any link.

    A text that is not at hand is not judged here: what rests on it is doubtful (``spec/evidence.md`` step 9).
    """
    if act.kind not in LINED:
        return
    lines = register.lines(mandate, act.row.power, moment)
    if act.kind in SIGNING:
        lines += [line for _, holder, line in told_before(dossier, register.party) if holder in mandate.chain()]
    text = dossier.around.text(act["text"])
    if text is None:
        return
    check_lines_kept(lines, text)
    if act.kind == "adopt":
        for check in text.checks:
            if holds(check, text.terms) is not Answer.KEPT:
                raise Refused("text.check", f"{check.path} is not the {check.operator} of the figures it names")


def note_doubt(dossier: Dossier, act: Act) -> None:
    """Remember which texts rest on a text that nobody can read here, whose lines were thus not judged."""
    dossier.doubt(act["text"])
    if act.kind == "propose" and act.get("answers") and dossier.counter_kills:
        dossier.doubt(act["answers"])


def told_before(dossier: Dossier, party: bytes) -> Iterator[tuple[Act, Mandate, Line]]:
    """Yield the private lines of a party that a counterparty has acknowledged being told (VCLT 47)."""
    for reveal_id, told in dossier.told.items():
        if dossier.acknowledged.get(reveal_id, set()) & set(dossier.parties) - {party}:
            yield told


# Step 11: cumulative limits.


def check_limit(dossier: Dossier, act: Act, mandate: Mandate, moment: Moment) -> None:
    """Raise :class:`Refused` (``limit.*``) where a signature overruns a cumulative limit of the chain, or does
    not state the running total and the signature before it."""
    limited = [link for link in mandate.chain() if link.limit]
    if act.kind not in SIGNING or not limited:
        return
    if dossier.sealed or any(link.limit and link.limit.ledger != dossier.around.ledger for link in limited):
        raise Refused("limit.elsewhere", "a mandate with a cumulative limit signs in one ledger and in public dossiers")
    text = dossier.around.text(act["text"])
    if text is None:
        raise Missing("text.missing", "a cumulative limit cannot be reckoned without every text under it")
    for link in limited:
        assert link.limit is not None
        if dossier.around.spent_in_doubt(link.id, dossier, act["text"]):
            raise Missing("text.missing", "what another signature spent may rest on a text that is not here")
        figure, most = amount(look_up(text.terms, link.limit.path)), amount(link.limit.most)
        if not figure or not most or figure.currency != most.currency or figure.number < 0:
            raise Refused("limit.unreadable", f"the text states no amount at {link.limit.path} that the limit counts")
        earlier = [entry for entry in dossier.around.spending(link.id) if entry.reserved(moment)]
        total = figure.number
        for entry in earlier:
            total = exact(total, entry.spent.number, "sum")
        if link is limited[0]:
            check_stated(dossier, act, link, Amount(figure.currency, total))
        if total > most.number:
            raise Refused("limit.exceeded", "the signature overruns the cumulative limit of the mandate")


def check_stated(dossier: Dossier, act: Act, link: Mandate, total: Amount) -> None:
    before = dossier.around.spending(link.id)
    if act.get("previous") != (before[-1].signature.act.id if before else None) or amount(act.get("total")) != total:
        raise Refused("limit.misstated", "the signature must cite the one before it and state the running total")


# Step 12: does it fit?


def fit(
    dossier: Dossier,
    act: Act,
    party: bytes,
    moment: Moment,
    *,
    mandate: Mandate | None = None,
    organ: Organ | None = None,
) -> None:
    """Apply an act that its speaker may do. Raises :class:`Refused` (``dossier.*``, ``consent.*``) and then has
    changed nothing."""
    state = dossier.state(moment)
    if state not in (D.INVITED, D.OPEN) and act.kind not in AFTER_CLOSING:
        raise late("closed", f"the dossier is {state.value}")
    if state is D.INVITED and act.kind not in ("join", "say", "acknowledge", "reveal", "close", "publish"):
        raise late("not-begun", "too few parties have joined the dossier")
    if mandate is not None and party not in dossier.joined and act.kind not in BEFORE_JOINING:
        raise late("not-joined", "the party has not joined the talks")
    if party in dossier.left and act.kind not in AFTER_CLOSING:
        raise late("left", "the party has left the talks")
    handler: Callable[[Dossier, Act, Speaker], None] = HANDLERS[act.kind]
    handler(dossier, act, Speaker(party, moment, mandate, organ))
