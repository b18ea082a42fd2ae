"""What each kind of act does to a dossier. Specification: ``spec/dossier.md`` section 8.

One handler for each kind: it looks at the state (the tables of ``dossier``), refuses what does not fit, and changes
the state. A handler raises before it changes anything. Whether the speaker may do it at all was asked before, in
``admission``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from pourparler.core.act import Act, Power
from pourparler.core.authority import Ending, HomeView, Mandate, Moment, Register, opens
from pourparler.core.clauses import DAY_SECONDS, Clauses
from pourparler.core.council import Organ
from pourparler.core.dossier import (
    BINDING,
    CONSENT_TABLE,
    DOSSIER_TABLE,
    SIGNING,
    TEXT_TABLE,
    Applied,
    C,
    Consent,
    ConsentState,
    Denunciation,
    Dossier,
    Invitation,
    Outcome,
    Paper,
    Signature,
    Spending,
    T,
    late,
    moved,
)
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.redline import amount, check_lines_kept, look_up, parse_line


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who acts and when: a party, by the holder of a mandate or by an organ."""

    party: bytes
    moment: Moment
    mandate: Mandate | None
    organ: Organ | None

    @property
    def organ_id(self) -> bytes:
        """The organ that speaks, or whose mandate the holder speaks under."""
        if self.organ is not None:
            return self.organ.id
        assert self.mandate is not None
        return self.mandate.organ


# --- handlers: one for each kind --------------------------------------------------------------------------------------


def handle_join(dossier: Dossier, act: Act, by: Speaker) -> None:
    if by.party not in dossier.parties:
        raise Refused("bounds.stranger", "the opening does not name the party")
    dossier.join(by.party, by.moment)


def handle_nothing(dossier: Dossier, act: Act, by: Speaker) -> None:
    """Words: recorded, without legal effect."""


def handle_acknowledge(dossier: Dossier, act: Act, by: Speaker) -> None:
    dossier.acknowledged.setdefault(act["about"], set()).add(by.party)


def handle_reveal(dossier: Dossier, act: Act, by: Speaker) -> None:
    assert by.mandate is not None
    holder = next((link for link in by.mandate.chain() if link.id == act["mandate"]), None)
    if holder is None or not opens(holder, act["line"], act["salt"]):
        raise Refused("line.no-commitment", "line and salt open no private line of the chain")
    dossier.told[act.id] = (act, holder, parse_line(act["line"]))


def handle_invite(dossier: Dossier, act: Act, by: Speaker) -> None:
    dossier.paper(act["text"])
    dossier.invitations.append(Invitation(act, by.moment))


def handle_suspend_talks(dossier: Dossier, act: Act, by: Speaker) -> None:
    dossier.suspended = (by.moment, act["until"])


def handle_resume_talks(dossier: Dossier, act: Act, by: Speaker) -> None:
    dossier.suspended = None


def handle_close(dossier: Dossier, act: Act, by: Speaker) -> None:
    """Between two, either closes the talks; among many, a party leaves, and the talks fail when fewer than two stay."""
    following = moved(DOSSIER_TABLE, dossier.state(by.moment), act["as"])
    if act["as"] == "agreed":
        check_agreed(dossier, by)
    elif len(dossier.parties) > 2:
        dossier.left.add(by.party)
        if len(dossier.joined.keys() - dossier.left) >= 2:
            return
    dossier.closed = (following, by.moment)


def check_agreed(dossier: Dossier, by: Speaker) -> None:
    """Raise unless a text binds some party, and among many, every party that joined and stayed."""
    staying = dossier.joined.keys() - dossier.left
    enough = staying if len(dossier.parties) > 2 else None
    consented = {
        digest for digest, paper in dossier.papers.items() if any(c.state in BINDING for c in paper.consents.values())
    }
    read = {one for one in consented if dossier.around.text(one) is not None and not dossier.in_doubt(one)}
    if binds(dossier, read, enough, by):
        return
    if read != consented or dossier.doubtful:
        dossier.unsettled = True
        dossier.around.doubt(dossier)
    if not binds(dossier, consented, enough, by):
        raise late("not-agreed", "the parties are not bound by any text of the dossier")


def binds(dossier: Dossier, digests: Collection[bytes], enough: Collection[bytes] | None, by: Speaker) -> bool:
    """Return whether the texts bind all of ``enough``, or where that is None, any party that joined."""
    bound = {party for party in dossier.joined for digest in digests if dossier.bound(digest, party, by.moment)}
    return bool(bound) if enough is None else bool(bound) and set(enough) <= bound


def handle_publish(dossier: Dossier, act: Act, by: Speaker) -> None:
    for digest in act["texts"]:
        dossier.published.setdefault(digest, by.moment)


def handle_propose(dossier: Dossier, act: Act, by: Speaker) -> None:
    if dossier.talks_suspended(by.moment):
        raise late("suspended", "the talks are suspended")
    if act["text"] in dossier.papers:
        raise late("repeated", "the text has been proposed; a text never changes, and a dead one needs a new digest")
    answered = dossier.paper(act["answers"]) if act.get("answers") else None
    if answered and answered.author == by.party:
        raise late("own-offer", "a party does not counter its own offer")
    if answered and dossier.counter_kills:
        following = moved(TEXT_TABLE, dossier.text_state(answered, by.moment), "countered")
        answered.state = following
    dossier.papers[act["text"]] = Paper(act["text"], by.party, by.moment, act.get("until"), act.get("answers"))


def handle_reject(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    if paper.author == by.party:
        raise late("own-offer", "an author withdraws; only others reject")
    moved(TEXT_TABLE, dossier.text_state(paper, by.moment), "reject")
    if dossier.share is None:  # where a share adopts, one party cannot stop the others
        change_text(dossier, paper, "reject", by)


def handle_withdraw(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    if paper.author != by.party:
        raise late("not-author", "only its author withdraws a proposal")
    change_text(dossier, paper, "withdraw", by)


def change_text(dossier: Dossier, paper: Paper, event: str, by: Speaker) -> None:
    following = moved(TEXT_TABLE, dossier.text_state(paper, by.moment), event)
    paper.state = following


def handle_adopt(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    if dossier.text_state(paper, by.moment) is not T.PROPOSED:
        raise late("overtaken", f"the text is {dossier.text_state(paper, by.moment).value}")
    if by.party in paper.adopted_by:
        raise late("repeated", "the party has adopted this text")
    adopted = paper.adopted_by | {by.party}
    if is_adopted(dossier, adopted):
        change_text(dossier, paper, "adopted", by)
    paper.adopted_by = adopted


def is_adopted(dossier: Dossier, adopted: set[bytes]) -> bool:
    """Return whether enough parties adopted: all that joined, or the share of them that the opening asks for."""
    joined = dossier.joined.keys() - dossier.left
    if dossier.share is None:
        return len(adopted) >= 2 and joined <= adopted
    part, whole = dossier.share
    return len(adopted) >= 2 and len(adopted & joined) * whole >= len(joined) * part


def authenticate(dossier: Dossier, paper: Paper, by: Speaker) -> None:
    """Count a party's initials or signature: when all who adopted have given theirs, no byte changes any more."""
    if dossier.text_state(paper, by.moment) not in (T.ADOPTED, T.AUTHENTICATED, T.OPEN_FOR_CONSENT):
        raise late("overtaken", f"the text is {dossier.text_state(paper, by.moment).value}, not adopted")
    paper.authenticated_by.add(by.party)
    if paper.state is T.ADOPTED and paper.adopted_by <= paper.authenticated_by:
        change_text(dossier, paper, "authenticated", by)


def handle_initial(dossier: Dossier, act: Act, by: Speaker) -> None:
    authenticate(dossier, dossier.paper(act["text"]), by)


def change_consent(dossier: Dossier, consent: Consent, paper: Paper, event: str, by: Speaker) -> ConsentState:
    return moved(CONSENT_TABLE, dossier.consent_state(paper, consent.party, by.moment), event)


def check_open(dossier: Dossier, paper: Paper, moment: Moment) -> None:
    """Raise unless the text is adopted, and open for consent where it says from when."""
    state = dossier.text_state(paper, moment)
    clauses = dossier.readable_clauses(paper.digest)
    opens_at = clauses.open_from if clauses else None
    if state is T.AUTHENTICATED or (opens_at is not None and moment.time < opens_at):
        raise late("not-open", "the text is not yet open for consent")
    if state not in (T.ADOPTED, T.OPEN_FOR_CONSENT):
        raise late("overtaken", f"the text is {state.value}, not adopted")


def check_reserves(dossier: Dossier, act: Act) -> tuple[str, ...]:
    reserves = tuple(act.get("reserves") or ())
    clauses = dossier.readable_clauses(act["text"]) if reserves else None
    if clauses and not set(reserves) <= clauses.reservations:
        raise Refused("consent.reservation", "the text does not allow this reservation")
    return reserves


def handle_sign(dossier: Dossier, act: Act, by: Speaker) -> None:
    """A signature by a holder, ad referendum or definitive."""
    assert by.mandate is not None
    paper = dossier.paper(act["text"])
    check_open(dossier, paper, by.moment)
    consent = paper.consents.get(by.party) or Consent(by.party)
    following = change_consent(dossier, consent, paper, act.kind, by)
    reserves = check_reserves(dossier, act)
    if act.kind == "sign-ad-referendum":
        if act["deadline"] <= by.moment.time:
            raise late("late", "the deadline that the signature names has passed")
        organ = dossier.around.register(by.party).spines.organ(act["organ"])
        if Power.RATIFY not in organ.powers:
            raise Refused("consent.organ", "the organ that the signature refers to cannot ratify")
    if act.kind == "conclude":
        check_not_refused(dossier, paper, by)
    authenticate(dossier, paper, by)
    paper.consents[by.party] = consent
    consent.signatures.append(Signature(act, by.party, by.mandate, by.moment))
    if act.kind == "conclude" or consent.state not in BINDING:  # a ratification may wait for its confirmation
        consent.state = following
    if act.kind == "conclude":
        consent.act, consent.moment, consent.reserves = act, by.moment, reserves
        consent.rests_on, consent.subject_to = (consent.signatures[-1],), None
    for link in by.mandate.chain():
        if link.limit:
            spent = dossier.around.text(act["text"])
            figure = amount(look_up(spent.terms, link.limit.path)) if spent else None
            assert figure is not None
            dossier.around.spending(link.id).append(Spending(consent.signatures[-1], figure, dossier))


def handle_withdraw_signature(dossier: Dossier, act: Act, by: Speaker) -> None:
    for paper in dossier.papers.values():
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


def handle_ratify(dossier: Dossier, act: Act, by: Speaker) -> None:
    """The council's act: it names the text, the very signatures, and the past it has seen (``spec/dossier.md`` 4).

    What it confirms counts only if the ratification itself does.
    """
    paper = dossier.paper(act["text"])
    before = (paper.state, set(paper.adopted_by), set(paper.authenticated_by))
    try:
        confirmed = confirm(dossier, act, by)
        ratify(dossier, act, by, paper, confirmed)
    except PourparlerError:
        paper.state, paper.adopted_by, paper.authenticated_by = before
        raise
    for outcome in confirmed.values():
        dossier.outcomes[outcome.act.id] = replace(outcome, void=None)


def ratify(dossier: Dossier, act: Act, by: Speaker, paper: Paper, confirmed: Mapping[bytes, Outcome]) -> None:
    assert by.organ is not None
    past = read_past(dossier, act, by)
    check_open(dossier, paper, by.moment)
    consent = paper.consent(by.party)
    named = [signature for signature in consent.signatures if signature.act.id in set(act["signs"])]
    if len(named) != len(act["signs"]):
        raise Refused("consent.signature", "the ratification names a signature that the party did not make")
    for signature in named:
        check_ratified(dossier, signature, past, by, confirmed)
    following = change_consent_by_ratification(dossier, consent, paper, by)
    check_organ_lines(dossier, act, by.organ)
    reserves = check_reserves(dossier, act)
    consent.state, consent.act, consent.moment, consent.reserves = following, act, by.moment, reserves
    consent.rests_on = tuple(named)
    consent.subject_to = dossier.around.register(by.party).spines.answers_to(by.organ, Power.RATIFY)


def change_consent_by_ratification(dossier: Dossier, consent: Consent, paper: Paper, by: Speaker) -> ConsentState:
    check_not_refused(dossier, paper, by)
    state = dossier.consent_state(paper, consent.party, by.moment)
    if state is C.LAPSED:
        raise late("late", "the deadline of the signature has passed; the text needs a new one")
    if consent.state in BINDING:
        raise late("overtaken", f"the party's consent is {consent.state.value}")
    return moved(CONSENT_TABLE, state, "ratify")


def check_not_refused(dossier: Dossier, paper: Paper, by: Speaker) -> None:
    """No organ consents to what it, or one above it, has refused, in whatever dossier: it takes a new text."""
    refused = dossier.around.refused(dossier, paper.digest, by.party, by.organ_id)
    if refused:
        raise late("overtaken", "the party has refused this text in another dossier; it takes a new one")
    if refused is None:
        dossier.doubt(paper.digest)


@dataclass(frozen=True, slots=True)
class Past:
    """The past that a ratification names: of its dossier, of its party's stream there, and of spines."""

    dossier_index: int
    party_index: int
    places: Mapping[bytes, int]  # organ id -> place on its spine, as this ledger counts
    home_places: Mapping[bytes, int]  # the same as the homes count, where they are shown

    def holds(self, ending: Ending, register: Register) -> bool:
        """Return whether the ending lies in this past."""
        if ending.moment.index <= self.party_index:
            return True
        if not ending.act.row.spine:
            return False
        organ = ending.act["organ"]
        state = register.spines.at.get((organ, ending.act.id))
        return state is not None and organ in self.places and state.place <= self.places[organ]


def read_past(dossier: Dossier, act: Act, by: Speaker) -> Past:
    """Return the past that the act names. Raises :class:`Refused` (``consent.past``) where it never was one."""
    register = dossier.around.register(by.party)
    dossier_index = dossier.around.seen(dossier.id, *act["seen"]["dossier"])
    party_index = dossier.around.seen(by.party, *act["seen"]["party"])
    if dossier_index is None or party_index is None:
        raise Refused("consent.past", "the heads that the act has seen are none of these streams")
    assert by.organ is not None
    places = {by.organ.id: by.organ.place}
    for head in act.get("spines") or ():
        if head in register.spines.decisions:
            register.check_real(register.spines.decisions[head])
        for organ in register.spines.heads:
            state = register.spines.at.get((organ, head))
            if state is not None and (head in register.spines.decisions or head == organ):  # a recovery is on no spine
                places[organ] = state.place
    return Past(dossier_index, party_index, places, read_home_places(act, register))


def read_home_places(act: Act, register: Register) -> dict[bytes, int]:
    """Return the places that the act's heads have in the homes shown.

    Raises :class:`Missing` (``home.not-shown``) for a head that is known neither there nor here."""
    places: dict[bytes, int] = {}
    homes = register.home.registers if register.home else ()
    for head in (act["prior"], *(act.get("spines") or ())) if register.home else ():
        found = [
            state
            for one in homes
            for organ in one.spines.heads
            if (state := one.spines.at.get((organ, head))) is not None
        ]
        if not found and head not in register.spines.decisions and head not in register.spines.heads:
            raise Missing("home.not-shown", "a head that the ratification has seen is not shown, here or at home")
        for state in found:
            places[state.id] = max(state.place, places.get(state.id, -1))
    return places


def check_ratified(
    dossier: Dossier, signature: Signature, past: Past, by: Speaker, confirmed: Mapping[bytes, Outcome]
) -> None:
    """Raise unless the signature stands in the ratification's past, or the ratification confirms it."""
    if signature.withdrawn:
        raise late("overtaken", "a signature that the ratification names was withdrawn")
    if signature.deadline is not None and by.moment.time >= signature.deadline:
        raise late("late", "the deadline of a signature that the ratification names has passed")
    if signature.moment.index > past.dossier_index:
        raise Refused("consent.past", "the heads that the act has seen are older than a signature it names")
    if signature.act.id in confirmed and signature.void is not None:
        return
    register = dossier.around.register(by.party)
    if any(link.logged.index > past.party_index for link in signature.mandate.chain()):
        raise Refused("consent.past", "the heads that the act has seen are older than the signer's mandate")
    if signature.act.kind != "sign-ad-referendum":
        raise Refused("consent.signature", "a definitive signature is not ratified; one that is void may be confirmed")
    named = signature.act["organ"]
    if named not in register.spines.heads or not register.spines.governs(by.organ_id, named):
        raise Refused("consent.organ", "the signature refers to another organ, which does not answer to this one")
    if signature.act.id in confirmed:
        return  # only its mandate had ended since
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
        check_home_endings(register, register.home, signature, past)


def check_home_endings(register: Register, home: HomeView, signature: Signature, past: Past) -> None:
    """The spines up to the ratification may hold an ending that this ledger was never told of."""
    links = {link.id for link in signature.mandate.chain()}
    for target, ending, organ, place in home.endings():
        if (
            target in links
            and place <= past.home_places.get(organ, -1)
            and register.ends(ending, signature.mandate.organ)
        ):
            if signature.act.row.power & ending.stops:
                raise Refused(ending.reason, "the spine up to the ratification holds the end of the signer's mandate")


ENDED = frozenset(f"standing.{how}" for how in ("dismissed", "revoked", "suspended", "withdrawn", "objected"))
CURABLE = ("standing.", "line.", "bounds.")
CONFIRMABLE = frozenset({"adopt", "initial", *SIGNING})


def is_stranger(outcome: Outcome) -> bool:
    return outcome.void is not None and outcome.void.reason == "bounds.stranger"


def confirm(dossier: Dossier, act: Act, by: Speaker) -> dict[bytes, Outcome]:
    """Return the acts on the text that the ratification confirms (VCLT 8); those on the way to it count from now on.

    Only a lack of authority is made good, and only by the organ that gave the mandate or one that stands above it;
    thus a crossed line only by an organ that may lift it. Raises :class:`Refused` (``consent.confirmed``).
    """
    register = dossier.around.register(by.party)
    assert by.organ is not None
    confirmed: dict[bytes, Outcome] = {}
    for act_id in act.get("confirms") or ():
        outcome = dossier.outcomes.get(act_id)
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
            HANDLERS[outcome.act.kind](dossier, outcome.act, Speaker(by.party, by.moment, mandate, None))
        confirmed[act_id] = outcome
    return confirmed


def check_organ_lines(dossier: Dossier, act: Act, organ: Organ) -> None:
    if not organ.lines:
        return
    text = dossier.around.text(act["text"])
    if text is None:
        dossier.doubt(act["text"])
        return
    check_lines_kept(organ.lines, text, of="organ")


def handle_refuse(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    bound = dossier.around.bound_anywhere(paper.digest, by.party, by.moment)
    if bound:
        raise late("overtaken", "the party is bound by this text")
    if bound is None:
        dossier.doubt(paper.digest)
    consent = paper.consent(by.party)
    spines = dossier.around.register(by.party).spines
    for signature in dossier.pending_signatures(consent, by.moment):
        referred = signature.act.get("organ")
        if referred in spines.heads and not spines.governs(by.organ_id, referred):
            raise Refused("consent.organ", "the text was referred to another organ, which does not answer to this one")
    consent.state = change_consent(dossier, consent, paper, "refuse", by)
    consent.act, consent.moment = act, by.moment


def check_open_to(dossier: Dossier, digest: bytes, party: bytes) -> None:
    """Raise :class:`Refused` (``consent.not-open-to``) where the text does not let this party accede."""
    clauses = dossier.readable_clauses(digest)
    if clauses and clauses.open_to is not None and party not in clauses.open_to:
        raise Refused("consent.not-open-to", "the text is not open to this party")


def handle_accede(dossier: Dossier, act: Act, by: Speaker) -> None:
    assert by.organ is not None
    paper = dossier.paper(act["text"])
    read_past(dossier, act, by)
    check_open(dossier, paper, by.moment)
    check_open_to(dossier, paper.digest, by.party)
    consent = paper.consent(by.party)
    check_not_refused(dossier, paper, by)
    following = change_consent(dossier, consent, paper, "accede", by)
    check_organ_lines(dossier, act, by.organ)
    reserves = check_reserves(dossier, act)
    consent.state, consent.act, consent.moment, consent.reserves = following, act, by.moment, reserves
    consent.subject_to = dossier.around.register(by.party).spines.answers_to(by.organ, Power.RATIFY)


def handle_apply(dossier: Dossier, act: Act, by: Speaker) -> None:
    assert by.organ is not None
    paper = dossier.paper(act["text"])
    check_open(dossier, paper, by.moment)
    clauses = dossier.readable_clauses(paper.digest)
    if clauses and not clauses.provisional:
        raise Refused("consent.not-provisional", "the text does not allow provisional application")
    check_not_refused(dossier, paper, by)
    consent = paper.consent(by.party)
    before = dossier.consent_state(paper, by.party, by.moment)
    following = moved(CONSENT_TABLE, before, "apply")
    check_organ_lines(dossier, act, by.organ)
    if consent.state not in BINDING:
        consent.state = following
    consent.applies_until = act.get("until")
    if before is not C.APPLYING:
        consent.applies_since = by.moment


def handle_stop_applying(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    consent = paper.consent(by.party)
    consent.state = change_consent(dossier, consent, paper, "stop-applying", by)


def handle_object_reservation(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    for consent in paper.consents.values():
        if consent.act and consent.act.id == act["about"] and consent.reserves and consent.party != by.party:
            consent.objections.append((by.party, act, by.moment))
            return
    raise late("unknown-reservation", "no other party's consent with this id makes a reservation")


def handle_denounce(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    if not dossier.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "the party is not bound by the text")
    if any(notice.party == by.party and notice.withdrawn is None for notice in paper.denunciations):
        raise late("repeated", "the party's notice is running")
    clauses = dossier.readable_clauses(paper.digest)
    if clauses and clauses.term.notice_days is None:
        raise late("no-denunciation", "the text has no clause on denunciation")
    if clauses and clauses.term.earliest is not None and by.moment.time < clauses.term.earliest:
        raise late("too-early", "the text cannot be denounced yet")
    paper.denunciations.append(Denunciation(by.party, by.moment))


def handle_withdraw_denunciation(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    for notice in paper.denunciations:
        if notice.party == by.party and notice.withdrawn is None and by.moment.time < dossier.effective(paper, notice):
            notice.withdrawn = by.moment
            return
    raise late("overtaken", "no notice of the party is running")


def handle_breach(dossier: Dossier, act: Act, by: Speaker) -> None:
    paper = dossier.paper(act["text"])
    if not dossier.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "only a party to the text alleges its breach")
    if act["attributed"] is not None and not dossier.bound(paper.digest, act["attributed"], by.moment):
        raise late("not-bound", "the party that the breach is attributed to is not bound by the text")
    paper.breaches[act.id] = (act, by.moment)


def handle_remedy(dossier: Dossier, act: Act, by: Speaker) -> None:
    """Record a consequence that the text provided before the breach. A private person's breach ends nothing."""
    paper = dossier.paper(act["text"])
    if act["breach"] not in paper.breaches:
        raise late("unknown-breach", "no breach of the text was alleged by this act")
    if not dossier.bound(paper.digest, by.party, by.moment):
        raise late("not-bound", "only a party to the text invokes its remedies")
    allegation, alleged = paper.breaches[act["breach"]]
    clauses = dossier.readable_clauses(paper.digest)
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
