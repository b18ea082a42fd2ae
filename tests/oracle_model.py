"""The exhaustive model (``spec/model``) as an oracle for the real core: the same histories, with real keys and bytes.

The model says of each act of a history whether it takes effect, and at the end whether *party P is bound by text T*.
Here every act of the model becomes a signed act, made with keys that anybody can make again; the real
:class:`Registry` folds them, and both are asked the same questions after **every** act:

1. did the act take effect (accepted by one, accepted by the other)? Labels differ, effects must not;
2. is A bound by T, A by U, B by T?
3. where does each council's spine stand, and who sits in it?
4. do N and D still stand?

and of a sample of the ledgers, with a real bundle for every choice of the adversary:

5. is the verdict on the bundle VALID exactly where the model's is, and is no claim VALID and INVALID at one ``as_of``?

What a verifier makes of a history depends on its ledger alone, so each distinct ledger is folded once, and ledgers that
begin alike share the fold of their beginning (:func:`walk`): it is copied by :func:`copy_of` before it is continued.

How the model's words are translated
------------------------------------

One ledger is the home of both parties and keeps the dossier. Words are equal in the model exactly if the payloads here
are: ``at`` is the length of the ledger that the drafter had read, for the model also tells drafts apart by it. An
election is signed by whom it seats as well. What the relay hands in is built from the very signatures that members
made: doubled, padded, taken over from another draft, or put under another text.

The model's depositary logs anything, so nothing here goes through an intake (``admit(intake=False)``, which is also
what every later fold of a log does). The model lets strangers' signatures stand beside sufficient ones; a real entry
does not hold them (``exact``), so the fold reduces an envelope as an intake does, and bundles hold what it came to.

Where the two differ, on purpose
--------------------------------

``nothing left``
    Signatures, withdrawals and refusals when the dossier is closed or the party's consent is given or refused: the
    model lets them stand, for they decide nothing any more; the core calls them void.
``no such mandate``
    N, dismissed, delegates to D: void in both. What D then signs is void in the model, and a council that confirms it
    is bound by it. In the core D never had a mandate, so his signature is not there to be confirmed: the council is
    not bound although the model says so. The safe direction, and a council has other ways to say it.
overtaken and repeated
    Logged without effect in the model, refused and in no stream in the core.
as of
    In the model INVALID is for ever, and "not bound so far" CANNOT TELL. A real claim names its ``as_of``, as of which
    "not bound" is final: INVALID. So VALID must agree, and CANNOT TELL is expected exactly where an act is left out.
streams
    In the model dismissals and elections stand on the spine only, and refused acts in a stream. Here a party's home
    stream holds all that its organs say, and a refused act is in no stream. So leaving out an admitted act, whichever
    it is, must make the core say CANNOT TELL; leaving out a refused one must change nothing.
"""

import contextlib
import dataclasses
import gc
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from types import ModuleType
from typing import Any, NamedTuple
from unittest import mock

from pourparler.core import authority, council, dossier, encoding, registry
from pourparler.core.act import ALL_POWERS, Act, Power, parse_act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary, organ_id
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import Signature, encode
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.evidence import Bundle, Claim, Shown, Trust, Verdict, ledger_key, verify
from pourparler.core.ledger import Checkpoint, leaf_hash, multiproof, node_hash, root_of, sign_note_text, signed_note
from pourparler.core.redline import parse_text, text_digest
from pourparler.core.registry import Registry, canonical
from pourparler.service.drafting import Draft, draft, powers
from pourparler.testing.keys import Key
from spec.model import CLAIMS, PROLOGUES, Entry, History, Words, sample
from spec.model.search import NOTHING
from spec.model.verifier import ALL_RULES, VALID, Finding, Fold, answer, facts, fold, judge
from spec.model.world import BASE, CANDIDATE, FOUNDERS, HOLDERS, TEXTS, State, acts, signer_of, start, step, text_of

Ledger = tuple[Entry, ...]
DEADLINE = 1_000_000
REMEMBERED = 50_000  # acts and signatures that are kept to be used again
FIRST_TIME = 1_000  # log time of the prologue; every entry after it is one second later


# --- people, texts, and what came before ------------------------------------------------------------------------------


class Stage:
    """Keys, parties, texts and the acts before the first that the model knows: made once, the same in every run."""

    def __init__(self) -> None:
        names = ("N", "D", "M", CANDIDATE, *FOUNDERS["A"], *FOUNDERS["B"], "ledger")
        self.keys = {name: Key.from_name(f"oracle {name}") for name in names}
        self.ledger = Depositary("ledger.example/oracle", self.keys["ledger"].public_key)
        self.text_bytes = {name: self.text(name) for name in TEXTS}
        self.texts = {name: text_digest(data) for name, data in self.text_bytes.items()}
        self.parsed = {text_digest(data): parse_text(data) for data in self.text_bytes.values()}
        founding = {party: self.founding(party) for party in FOUNDERS}
        self.party = {party: act.id for party, act in founding.items()}
        self.council = {party: organ_id(act.id, "council") for party, act in founding.items()}
        grants = {
            "A": self.grant("A", "N", powers("open", "propose", "adopt", "sign-ad-referendum", "delegate")),
            "B": self.grant("B", "M", powers("open", "propose", "adopt", "sign-ad-referendum")),
        }
        self.granted = {party: act.id for party, act in grants.items()}
        where = {"origin": self.ledger.origin, "key": self.ledger.key}
        by_n, by_m = ({"by": self.granted[party]} for party in "AB")
        opening = draft(
            "open",
            {
                **by_n,
                "parties": sorted(self.party.values()),
                "ledger": where,
                "rules": {"adopt": "all"},
                "nonce": bytes(16),
            },
        ).signed_by(self.keys["N"])
        self.dossier = opening.id
        here = {"dossier": self.dossier}
        self.common = [
            *founding.values(),
            *grants.values(),
            opening,
            draft("join", {**by_m, **here}).signed_by(self.keys["M"]),
        ]
        for name in TEXTS:
            on = {**here, "text": self.texts[name]}
            self.common += [
                draft("propose", {**by_n, **on}).signed_by(self.keys["N"]),
                draft("adopt", {**by_n, **on}).signed_by(self.keys["N"]),
                draft("adopt", {**by_m, **on}).signed_by(self.keys["M"]),
            ]
        self.delegated = self.holders_act(Entry("delegate", "N", "D")).id
        self.by_id = {self.party[party]: party for party in FOUNDERS}
        self.seat_of = {key.public_key: name for name, key in self.keys.items()}

    def text(self, name: str) -> bytes:
        articles = {"en": [f"The fronts are at rest, says {name}."]}
        return encode({"articles": articles, "terms": {"name": name}, "random": bytes(16), "clauses": {}})

    def founding(self, party: str) -> Act:
        seats = sorted([self.keys[name].public_key, 1] for name in FOUNDERS[party])
        organ = {"name": "council", "seats": seats, "needs": 2, "powers": int(ALL_POWERS)}
        fields = {
            "name": party,
            "nonce": party.encode() * 16,
            "home": {"origin": self.ledger.origin, "key": self.ledger.key},
            "suspension": 86_400,
            "organs": [organ],
        }
        return draft("found", fields).signed_by(*(self.keys[name] for name in FOUNDERS[party]))

    def grant(self, party: str, holder: str, given: int) -> Act:
        fields = {
            "organ": self.council[party],
            "prior": self.council[party],
            "to": self.keys[holder].public_key,
            "powers": given,
            "depth": 1,
        }
        return draft("grant", fields).signed_by(*(self.keys[name] for name in FOUNDERS[party][:2]))

    def mandate(self, holder: str) -> bytes:
        return {"N": self.granted["A"], "M": self.granted["B"]}.get(holder) or self.delegated

    @cache  # noqa: B019 (there is one stage)
    def holders_act(self, entry: Entry) -> Act:
        """Return what a holder of a mandate does: the same bytes whenever he does it."""
        holder, subject = entry.who, entry.subject
        by = {"by": self.mandate(holder) if entry.kind != "delegate" else self.granted["A"]}
        here = {**by, "dossier": self.dossier}
        party = "B" if holder == "M" else "A"
        match entry.kind:
            case "sign":
                on = {**here, "text": self.texts[text_of(subject)], "organ": self.council[party], "deadline": DEADLINE}
                made = draft("sign-ad-referendum", on)
            case "conclude":
                made = draft("conclude", {**here, "text": self.texts[text_of(subject)]})
            case "withdraw":
                made = draft("withdraw-signature", {**here, "signature": self.signature(subject)})
            case "delegate":
                given = powers("propose", "adopt", "sign-ad-referendum")
                made = draft("delegate", {**by, "to": self.keys[subject].public_key, "powers": given})
            case "revoke":
                made = draft("revoke", {**by, "target": self.delegated})
            case "close":
                made = draft("close", {**here, "as": "failed"})
            case other:
                raise AssertionError(other)
        return made.signed_by(self.keys[holder])

    @cache  # noqa: B019
    def signature(self, subject: str) -> bytes:
        """Return the act id of a signature that the model calls "N:T"."""
        return self.holders_act(Entry("sign", signer_of(subject), subject)).id


@cache
def stage() -> Stage:
    return Stage()


# --- one fold, as far as it has come ----------------------------------------------------------------------------------


class Heads(NamedTuple):
    """The heads of the dossier and of the parties' streams at some length of the ledger: what a drafter has seen."""

    dossier: tuple[int, bytes]
    parties: dict[str, tuple[int, bytes]]


class Handed(NamedTuple):
    """One entry of the model's ledger as it was really handed in, and what the core made of it."""

    act: Act
    outcome: Outcome | None
    error: PourparlerError | None

    @property
    def effective(self) -> bool:
        return self.outcome is not None and self.outcome.void is None

    @property
    def reason(self) -> str:
        if self.error:
            return self.error.reason
        return self.outcome.void.reason if self.outcome and self.outcome.void else ""


@dataclass(slots=True)
class Course:
    """A ledger of the model and the same ledger folded by the core, with what both make of it."""

    ledger: Ledger
    first: int  # position of the first entry that does not belong to the prologue
    registry: Registry
    handed: tuple[Handed, ...]
    heads: tuple[Heads, ...]  # by the length of the ledger
    folds: dict[str, Fold]
    bound: frozenset[tuple[str, str]] = frozenset()  # what we expect of the core
    refused: frozenset[tuple[str, str]] = frozenset()
    closed: bool = False
    met: frozenset[str] = frozenset()  # premises met by an act so far

    @property
    def moment(self) -> Moment:
        return moment_of(len(self.ledger))


def moment_of(position: int) -> Moment:
    """Return where a :class:`Book` keeps an entry: each stands behind a stamp of its own."""
    return Moment(len(stage().common) + 3 + 2 * position, FIRST_TIME + position)


def heads_of(real: Registry) -> Heads:
    def head(stream: bytes) -> tuple[int, bytes]:
        found = real.streams[stream]
        return found.count, found.head

    here = stage()
    return Heads(head(here.dossier), {party: head(id_) for party, id_ in here.party.items()})


@cache
def opening(prologue: str) -> Course:
    """Return the course at the start of a prologue. Continue a copy of it."""
    here = stage()
    real = Registry(here.ledger, here.parsed.get)
    for index, act in enumerate(here.common):
        outcome = real.admit(act, Moment(index + 2, FIRST_TIME))
        assert outcome.void is None, (act.kind, outcome.void)
    ledger = start(prologue).ledger
    course = Course((), 0, real, (), (heads_of(real),), {p: fold((), NOTHING, p, ALL_RULES) for p in "AB"})
    for entry in ledger:
        course, wrong = continued(course, entry, Tally())
        assert not wrong, wrong
        assert course.handed[-1].effective
    course.first = len(ledger)
    return course


# --- translation ------------------------------------------------------------------------------------------------------


def translated(entry: Entry, course: Course) -> Act:
    """Return the act that an entry of the model is, in the words of a ledger that has come as far as ``course``."""
    here = stage()
    if entry.words is None:
        return here.holders_act(entry)
    written = written_words(entry.words, course)
    signatures = []
    for member, meant in entry.approvals:
        approved = written if meant == entry.words else written_words(meant, course)
        signatures.append(signed(approved, member))
    if entry.kind == "elect":
        signatures.append(signed(written, CANDIDATE))  # whom an election seats signs it too
    return assembled(written, tuple(signatures))


def written_words(words: Words, course: Course) -> Draft:
    prior = stage().granted[words.party] if words.prior == BASE else course.handed[words.prior].act.id
    heads = course.heads[words.seen]
    seen = (heads.dossier, heads.parties[words.party]) if words.kind == "ratify" else None
    return written(words._replace(prior=0), prior, seen)


@lru_cache(REMEMBERED)
def written(words: Words, prior: bytes, seen: tuple[tuple[int, bytes], tuple[int, bytes]] | None) -> Draft:
    here = stage()
    fields: dict[str, Any] = {"organ": here.council[words.party], "prior": prior, "at": words.seen}
    match words.kind:
        case "ratify":
            assert seen is not None
            fields |= {"dossier": here.dossier, "text": here.texts[words.subject]}
            fields |= {"signs": [here.signature(words.named)]}
            fields |= {"seen": {"dossier": list(seen[0]), "party": list(seen[1])}}
            if words.confirm:
                fields["confirms"] = [here.signature(words.named)]
        case "refuse":
            fields |= {"dossier": here.dossier, "text": here.texts[words.subject]}
        case "dismiss":
            fields["mandate"] = here.mandate(words.subject)
        case "elect":
            seated = [name for name in FOUNDERS[words.party] if name != words.subject] + [CANDIDATE]
            fields["seats"] = sorted([here.keys[name].public_key, 1] for name in seated)
    return draft(words.kind, fields)


@lru_cache(REMEMBERED)
def signed(words: Draft, member: str) -> Signature:
    return words.signature(stage().keys[member])


@lru_cache(REMEMBERED)
def assembled(words: Draft, signatures: tuple[Signature, ...]) -> Act:
    return words.joined(signatures)


# --- both make a step, and are compared -------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was met on the way: a comparison whose premise was never met has shown nothing."""

    met: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # kind, the model's word, the core's
    bundles: Counter[str] = field(default_factory=Counter)


PREMISES = (
    "ledgers: A bound by T",
    "ledgers: A bound by U",
    "ledgers: B bound by T",
    "ledgers: nobody bound",
    "ledgers: with a void act",
    "ledgers: with an act that is not there at all",
    "ledgers: with a sibling on a spine",
    "ledgers: with an altered or insufficient paper",
    "ledgers: with a repeated act",
    "ledgers: with a member elected",
    "ledgers: with a dismissal in force",
    "ledgers: bound by a confirmed signature",
    "differs: nothing left",
    "differs: no such mandate",
)

# The core's reasons for each of the model's words: right effects for wrong reasons are no agreement.
REASONS: dict[str, frozenset[str]] = {
    "accepted": frozenset({""}),
    "refused, signature": frozenset({"decision.insufficient", "decision.overtaken", "act.duplicate"}),
    "refused, threshold": frozenset({"decision.insufficient", "decision.overtaken", "act.duplicate"}),
    "refused, power": frozenset({"power.missing"}),
    "repeated": frozenset({"act.duplicate", "decision.overtaken"}),
    "void, overtaken": frozenset({"decision.overtaken"}),
    "void, standing": frozenset({"standing.dismissed", "standing.revoked"}),
    "void, withdrawn": frozenset({"dossier.overtaken"}),
    "void, closed": frozenset({"dossier.closed"}),
    "void, refused": frozenset({"dossier.overtaken"}),
    "void, bound": frozenset({"dossier.overtaken"}),
}
UNKNOWN = frozenset({"unknown.mandate", "unknown.organ"})


def word(finding: Finding) -> str:
    return f"{finding.status}, {finding.reason}" if finding.reason else finding.status


def continued(course: Course, entry: Entry, tally: Tally) -> tuple[Course, list[str]]:
    """Hand in one more entry, changing the course's registry; return the course and what the core got wrong."""
    ledger = (*course.ledger, entry)
    position = len(course.ledger)
    act = translated(entry, course)
    outcome, error = None, None
    try:
        outcome = course.registry.admit(act, moment_of(position))
    except PourparlerError as refusal:
        error = refusal
    void = outcome.void if outcome else None
    for kept in (error, void):
        if kept:
            kept.__traceback__ = kept.__context__ = None  # it would keep the whole fold alive
    handed = Handed(act, outcome, error)
    folds = {
        party: fold(ledger, NOTHING, party, ALL_RULES) if concerns(entry, party) else known
        for party, known in course.folds.items()
    }
    after = dataclasses.replace(
        course,
        ledger=ledger,
        handed=(*course.handed, handed),
        heads=(*course.heads, heads_of(course.registry) if outcome else course.heads[-1]),
        folds=folds,
    )
    return after, compared(course, after, tally)


def party_of(entry: Entry) -> str:
    return entry.words.party if entry.words else HOLDERS[entry.who]


def concerns(entry: Entry, party: str) -> bool:
    """Whether an entry can change the model's fold for a party, which holds its decisions and the closing."""
    return entry.words.party == party if entry.words else entry.kind == "close"


def compared(before: Course, after: Course, tally: Tally) -> list[str]:
    """Return where the core and the model disagree after the last entry, as sentences."""
    entry, handed = after.ledger[-1], after.handed[-1]
    finding = finding_of(before, after)
    effective, reasons, difference = expected(before, entry, finding)
    tally.pairs[entry.kind, word(finding), handed.reason] += 1
    tally.met["steps"] += 1
    if difference:
        tally.met[f"differs: {difference}"] += 1
    wrong = []
    if handed.effective != effective:
        wrong.append(f"{entry.kind}: {word(finding)} in the model, {handed.reason or 'accepted'} in the core")
    elif handed.reason not in reasons:
        wrong.append(f"{entry.kind}: {word(finding)} in the model, but {handed.reason or 'accepted'} in the core")
    if effective:
        take_effect(after, entry)
    after.met = before.met.union(premises_met(entry, handed, finding))
    wrong += compared_states(after)
    return [f"{told(after)}: {what}" for what in wrong]


def finding_of(before: Course, after: Course) -> Finding:
    """Return what the model makes of the last entry; as ``verifier.last_finding``, without folding again."""
    entry, position = after.ledger[-1], len(before.ledger)
    if entry.words:
        return after.folds[entry.words.party].findings[position]
    if entry.kind == "conclude":
        return Finding("refused", "power")
    if entry in before.ledger:
        return Finding("repeated")
    return Finding("void", "standing") if entry.who in ended(before) else Finding("accepted")


def ended(course: Course) -> set[str]:
    """Return the holders of A whose standing has ended, by the model."""
    over = set(course.folds["A"].spine[-1].dismissed)
    if "N" in over or any(entry.kind == "revoke" for entry in course.ledger):
        over.add("D")
    return over


def never_delegated(course: Course) -> bool:
    """Whether D's mandate came from a dismissed N, and so never came to be in the core."""
    for entry, handed in zip(course.ledger, course.handed, strict=True):
        if entry.kind == "delegate":
            return not handed.effective
    return False


def expected(before: Course, entry: Entry, finding: Finding) -> tuple[bool, frozenset[str], str]:
    """Return whether the core should let the entry take effect, for which reasons it may not, and by which of the
    documented differences, if any, that is not what the model says."""
    reasons = REASONS[word(finding)] | (REASONS["repeated"] if entry in before.ledger else frozenset())
    party = party_of(entry)
    claim = (party, entry.subject if entry.words else text_of(entry.subject))
    accepted = finding.status == "accepted"
    if entry.words and not accepted:  # of two faults the core names the one that it meets first
        if before.closed and entry.kind in ("ratify", "refuse"):
            reasons |= REASONS["void, closed"]
        if any(at.kind == "withdraw" and at.subject == entry.words.named for at in before.ledger):
            reasons |= REASONS["void, withdrawn"]
        if claim in before.refused:
            reasons |= REASONS["void, refused"] | {"consent.confirmed"}
    phantom, difference = never_delegated(before), ""
    if phantom and entry.who == "D":
        return False, UNKNOWN, "no such mandate"
    if phantom and entry.kind == "revoke":
        return False, UNKNOWN | REASONS["repeated"], "no such mandate"
    if phantom and entry.kind == "ratify" and entry.words and signer_of(entry.words.named) == "D":
        return False, reasons | {"consent.confirmed", "consent.signature"}, "no such mandate" if accepted else ""
    if finding == ("void", "bound") and claim not in before.bound:
        accepted, difference = True, "no such mandate"
    if accepted and before.closed and entry.kind in ("sign", "withdraw", "refuse"):
        return False, REASONS["void, closed"], "nothing left"
    if accepted and claim in before.bound and entry.kind in ("sign", "withdraw"):
        return False, REASONS["void, bound"], "nothing left"
    if accepted and claim in before.refused and entry.kind in ("sign", "refuse"):
        return False, REASONS["void, refused"], "nothing left"
    return accepted, frozenset({""}) if accepted else reasons, difference


def take_effect(after: Course, entry: Entry) -> None:
    words = entry.words
    if words and words.kind == "ratify":
        after.bound |= {(words.party, words.subject)}
    elif words and words.kind == "refuse":
        after.refused |= {(words.party, words.subject)}
    after.closed = after.closed or entry.kind == "close"


def compared_states(course: Course) -> Iterator[str]:
    """Yield where the states differ: who is bound, the spines, the seats, the standing of the holders of A."""
    here, real = stage(), course.registry
    talks = real.dossiers[here.dossier]
    for party, text in CLAIMS:
        said = answer(course.ledger, course.folds[party], party, text).answer == VALID
        if said != ((party, text) in course.bound) and not (said and rests_on_phantom(course, party, text)):
            yield f"our own bookkeeping of {party} and {text}"
        if talks.bound(here.texts[text], here.party[party], course.moment) != ((party, text) in course.bound):
            yield f"{party} and {text}: {'bound' if said else 'not bound'} in the model, and not so in the core"
    for party, id_ in here.party.items():
        spines, model = real.registers[id_].spines, course.folds[party]
        head = here.granted[party] if model.head == BASE else course.handed[model.head].act.id
        if spines.heads[here.council[party]] != head:
            yield f"the spine of {party} stands elsewhere"
        seats = spines.organ(here.council[party]).members.seats
        if {here.seat_of[key] for key in seats} != model.spine[-1].seats:
            yield f"others sit in the council of {party}"
    register = real.registers[here.party["A"]]
    over = ended(course)
    for holder in "ND":
        mandate = register.mandates.get(here.mandate(holder))
        if mandate is None:
            continue
        try:
            register.check_standing(mandate, Power.SIGN_AD_REFERENDUM, course.moment)
        except Refused:
            if holder not in over:
                yield f"{holder} stands, and the core says otherwise"
        else:
            if holder in over:
                yield f"{holder} does not stand, and the core says he does"


def rests_on_phantom(course: Course, party: str, text: str) -> bool:
    words = course.ledger[course.folds[party].bound[text]].words
    assert words is not None
    return never_delegated(course) and signer_of(words.named) == "D"


def told(course: Course) -> str:
    """Return the entries after the prologue in short, with what the core made of each."""
    return "; ".join(
        " ".join(
            filter(
                None,
                (
                    f"{number}.",
                    entry.who,
                    entry.kind,
                    entry.subject,
                    entry.words and f"by {entry.words.named or '-'} prior {entry.words.prior} seen {entry.words.seen}",
                    entry.words and entry.words.confirm and "confirming",
                    "+".join(member if meant == entry.words else f"{member}?" for member, meant in entry.approvals),
                    f"[{handed.reason}]" if handed.reason else "",
                ),
            )
        )
        for number, (entry, handed) in enumerate(zip(course.ledger, course.handed, strict=True))
        if number >= course.first
    )


def count_ledger(course: Course, tally: Tally) -> None:
    """Count which premises a ledger meets."""
    tally.met["ledgers"] += 1
    tally.met.update(course.met)
    tally.met.update(f"ledgers: {party} bound by {text}" for party, text in course.bound)
    if not course.bound:
        tally.met["ledgers: nobody bound"] += 1


def premises_met(entry: Entry, handed: Handed, finding: Finding) -> Iterator[str]:
    """Yield which premises one act meets, for every ledger that it stands in."""
    if handed.error:
        yield "ledgers: with an act that is not there at all"
    elif not handed.effective:
        yield "ledgers: with a void act"
    if finding.reason == "overtaken":
        yield "ledgers: with a sibling on a spine"
    if finding.status == "refused" and entry.words:
        yield "ledgers: with an altered or insufficient paper"
    if handed.reason == "act.duplicate":
        yield "ledgers: with a repeated act"
    if handed.effective and entry.kind == "elect":
        yield "ledgers: with a member elected"
    if handed.effective and entry.kind == "dismiss":
        yield "ledgers: with a dismissal in force"
    if handed.effective and entry.kind == "ratify" and entry.words and entry.words.confirm:
        yield "ledgers: bound by a confirmed signature"


# --- copies and memory ------------------------------------------------------------------------------------------------


def changing(module: ModuleType) -> Iterator[type]:
    """Yield the classes of a module whose values change: all but what is frozen, enumerated or raised."""
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and not issubclass(kind, (Enum, Exception)):
            if not (is_dataclass(kind) and kind.__dataclass_params__.frozen):
                yield kind


CHANGING = {kind for module in (council, authority, dossier, registry) for kind in changing(module)}
COPIED = CHANGING | {dict, list, set, tuple}  # values of any other type are shared by copies


@cache
def fields_of(kind: type) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]] | None:
    """Return the names of a class's slots and what reads them all, or None for a class without slots."""
    names = vars(kind).get("__slots__")
    return (tuple(names), attrgetter(*names)) if names else None


def copy_of(value: Any, done: dict[int, Any]) -> Any:
    """Return a copy of a fold that can be continued without changing the first; what is frozen is shared.

    ``copy.deepcopy`` does the same ten times as slowly. That the copies are good is tested by folding anew.
    ``done`` maps ids of what is not to be copied again, or not at all, to what stands for it.
    """
    kind = type(value)
    if kind is dict:
        made = value.copy()
        if not COPIED.isdisjoint(map(type, value.values())):
            for name, member in value.items():
                if type(member) in COPIED:
                    made[name] = copy_of(member, done)
        return made
    if kind is list:
        return value.copy() if COPIED.isdisjoint(map(type, value)) else [copy_of(member, done) for member in value]
    if kind is tuple:
        return value if COPIED.isdisjoint(map(type, value)) else tuple([copy_of(member, done) for member in value])
    if kind is set:
        return value.copy()
    if kind not in CHANGING:
        return value
    if id(value) in done:
        return done[id(value)]
    made = done[id(value)] = kind.__new__(kind)
    fields = fields_of(kind)
    if fields is None:
        made.__dict__.update(value.__dict__)
        for name, member in value.__dict__.items():
            if type(member) in COPIED:
                setattr(made, name, copy_of(member, done))
    else:
        for name, member in zip(fields[0], fields[1](value), strict=True):
            setattr(made, name, copy_of(member, done) if type(member) in COPIED else member)
    return made


def copied(course: Course, party: str = "") -> Course:
    """Return a copy of a course to be continued: by anybody, or by acts of one party only, which is quicker."""
    others = [register for id_, register in course.registry.registers.items() if party and id_ != stage().party[party]]
    return dataclasses.replace(course, registry=copy_of(course.registry, {id(other): other for other in others}))


def forget(course: Course) -> None:
    """Break the circles in a fold that is no longer needed, so that it goes at once."""
    course.registry.dossiers.clear()
    vars(course.registry).clear()


@contextlib.contextmanager
def remembered() -> Iterator[None]:
    """Verify each signature once: the same key, message and signature always have the same answer."""
    known: dict[tuple[bytes, bytes, bytes], bool] = {}
    really = council.verify_ed25519

    def verify_once(public_key: bytes, message: bytes, signature: bytes) -> None:
        asked = (public_key, message, signature)
        if asked not in known:
            try:
                really(public_key, message, signature)
                known[asked] = True
            except Refused:
                known[asked] = False
        if len(known) > REMEMBERED:
            known.clear()
            verify_once(public_key, message, signature)
        elif not known[asked]:
            raise Refused("signature.invalid", "as found before")

    with mock.patch.object(council, "verify_ed25519", verify_once):
        yield


# --- every ledger to a depth ------------------------------------------------------------------------------------------


def ledgers(prologue: str, depth: int) -> dict[Ledger, list[Entry]]:
    """Return every ledger that a history of up to ``depth`` acts leads to, as what may come next after each."""
    following: dict[Ledger, dict[Entry, None]] = {}
    level = {start(prologue)}
    for length in range(1, depth + 1):
        after: set[State] = set()
        known: dict[Ledger, Any] = {}
        for state in level:
            here = known.get(state.ledger)
            if here is None:
                here = known[state.ledger] = facts(state.ledger)
            for act in acts(state, here):
                new = step(state, act)
                if new.ledger is not state.ledger and new.ledger != state.ledger:
                    following.setdefault(state.ledger, {})[new.ledger[-1]] = None
                if length < depth:
                    after.add(new)
        level = after
    return {ledger: sorted(entries, key=by_party) for ledger, entries in following.items()}


def by_party(entry: Entry) -> tuple[str, Entry]:
    return party_of(entry), entry


def walk(
    prologue: str,
    depth: int,
    tally: Tally,
    *,
    choose: Callable[[int, Entry], bool] = lambda length, entry: True,
    visit: Callable[[Course], Iterable[str]] = lambda course: (),
    most_wrong: int = 20,
) -> list[str]:
    """Fold every ledger to ``depth`` and compare after each act; return what the core got wrong.

    ``choose`` says of a ledger, by the number of its acts and its last one, whether to look at it; ``visit`` sees
    each course, and returns what it finds wrong.
    """
    following = ledgers(prologue, depth)
    wrong: list[str] = []

    def go(course: Course) -> None:
        count_ledger(course, tally)
        wrong.extend(visit(course))
        spare, theirs = None, ""
        for entry in following.get(course.ledger, ()):
            if len(wrong) >= most_wrong:
                return
            if choose(len(course.ledger) - course.first + 1, entry):
                if spare is None or party_of(entry) != theirs:
                    theirs = party_of(entry)
                    spare = copied(course, theirs)
                after, faults = continued(spare, entry, tally)
                wrong.extend(faults)
                if not faults:
                    go(after)
                if after.handed[-1].outcome:  # what is refused changes nothing, and so its fold can be used again
                    forget(spare)
                    spare = None

    with quick():
        go(opening(prologue))
    return wrong


# --- one history ------------------------------------------------------------------------------------------------------


def played(history: History, tally: Tally) -> tuple[Course, list[str]]:
    """Fold one history and compare after each act; return where it ended, and what the core got wrong."""
    state, course = start(history.prologue), copied(opening(history.prologue))
    wrong: list[str] = []
    for act in history.acts:
        before, state = state, step(state, act)
        if state.ledger != before.ledger:
            course, faults = continued(course, state.ledger[-1], tally)
            wrong += faults
    count_ledger(course, tally)
    return course, wrong


def folded_anew(course: Course) -> list[str]:
    """Fold the same bytes from nothing, every signature verified, without copies; return where that differs."""
    with mock.patch.object(council, "verify_ed25519", encoding.verify_ed25519):
        return different(course)


def different(course: Course) -> list[str]:
    here = stage()
    real = Registry(here.ledger, here.parsed.get)
    for index, act in enumerate(here.common):
        real.admit(act, Moment(index + 2, FIRST_TIME))
    wrong = []
    for position, handed in enumerate(course.handed):
        act = parse_act(handed.act.envelope.encoded())
        try:
            void = real.admit(act, moment_of(position)).void
            reason = void.reason if void else ""
        except PourparlerError as error:
            reason = error.reason
        if reason != handed.reason:
            wrong.append(f"{told(course)}: entry {position}: {handed.reason}, and folded anew {reason}")
    if {s: (f.count, f.head) for s, f in real.streams.items()} != {
        s: (f.count, f.head) for s, f in course.registry.streams.items()
    }:
        wrong.append(f"{told(course)}: the streams differ when folded anew")
    return wrong


# --- bundles ----------------------------------------------------------------------------------------------------------


class Book:
    """The ledger of a course as a depositary would keep it that logs whatever it gets: entries, stamps, a checkpoint.

    Each act of the model is a transaction of its own; the prologue's are one. What is accepted or void is logged in
    the envelope that the fold found sufficient, what is refused as it was handed in.
    """

    def __init__(self, course: Course) -> None:
        here = stage()
        self.course = course
        self.key = here.keys["ledger"]
        self.real = Registry(here.ledger, here.parsed.get, exact=True)
        self.entries: list[bytes] = []
        self.index: list[int] = []  # of the model's positions
        fields = {"origin": here.ledger.origin, "at": FIRST_TIME, "bound": 60}
        self.entries.append(draft("ledger", fields).signed_by(self.key).envelope.encoded())
        self.transact(FIRST_TIME, here.common)
        for position, handed in enumerate(course.handed):
            self.index.append(len(self.entries) + 1)
            self.transact(
                FIRST_TIME + position, [canonical(handed.act, handed.outcome) if handed.outcome else handed.act]
            )
        self.as_of = len(self.entries)
        self.stamp(FIRST_TIME + len(course.handed), 0, {here.dossier, *here.party.values(), *here.council.values()})
        self.leaves = [leaf_hash(entry) for entry in self.entries]
        text = Checkpoint(here.ledger.origin, len(self.leaves), root_of(self.leaves)).text()
        self.note = signed_note(text, [sign_note_text(text, ledger_key(here.ledger), self.key.sign)])

    def transact(self, at: int, acts_: Iterable[Act]) -> None:
        """Write a stamp, which states every stream that the acts move, and the acts."""
        acts_, moved = list(acts_), set[bytes]()
        for index, act in enumerate(acts_, len(self.entries) + 1):
            with contextlib.suppress(PourparlerError):
                moved.update(self.real.streams_of(act, self.real.admit(act, Moment(index, at))))
        self.stamp(at, len(acts_), moved)
        self.entries += [act.envelope.encoded() for act in acts_]

    def stamp(self, at: int, follows: int, streams: set[bytes]) -> None:
        fields = {"index": len(self.entries), "at": at, "follows": follows, "streams": self.real.heads(streams)}
        self.entries.append(draft("stamp", fields).signed_by(self.key).envelope.encoded())

    def node(self, level: int, index: int) -> bytes:
        if level == 0:
            return self.leaves[index]
        return node_hash(self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1))

    def verdict(self, party: str, text: str, left_out: Iterable[int] = ()) -> Verdict:
        """Return what a stranger answers to *party is bound by text*, when these indexes are left out."""
        here, hidden = stage(), set(left_out)
        shown = [index for index in range(len(self.entries)) if index not in hidden]
        claim = Claim("bound", here.ledger, self.as_of, (here.party[party],), here.dossier, here.texts[text])
        evidence = Shown(
            here.ledger,
            self.note,
            tuple((index, self.entries[index]) for index in shown),
            multiproof(len(self.entries), shown, self.node),
        )
        bundle = Bundle(claim, (evidence,), tuple(here.text_bytes.values())).encoded()
        return verify(bundle, Trust(dict.fromkeys(here.party.values(), "handed over"))).verdict


def bundles(course: Course, tally: Tally, lot: random.Random) -> list[str]:
    """Verify bundles of a course: of everything, without each entry, without several, without what came before.

    Returns where the core contradicts the model or itself.
    """
    book = Book(course)
    refused = {position for position, handed in enumerate(course.handed) if handed.error}
    later = range(course.first, len(course.ledger))
    choices = [frozenset[int](), *(frozenset({position}) for position in later)]
    if len(later) > 1:
        choices.append(frozenset(lot.sample(later, lot.randint(2, len(later)))))
    if refused:
        choices.append(frozenset(refused))
    wrong = []
    for party, text in CLAIMS:
        given: set[Verdict] = set()
        for left_out in choices:
            said = book.verdict(party, text, (book.index[position] for position in left_out))
            given.add(said)
            hidden = left_out - refused
            model = judge(course.ledger, hidden, party, text).answer
            bound = (party, text) in course.bound
            due = Verdict.CANNOT_TELL if hidden else Verdict.VALID if bound else Verdict.INVALID
            tally.bundles[f"{model} in the model, {said.value}{', an act left out' if hidden else ''}"] += 1
            if said is Verdict.VALID and model != VALID:
                wrong.append(f"{party} by {text} without {sorted(left_out)}: {model} in the model, VALID in the core")
            elif said is not due:
                wrong.append(f"{party} by {text} without {sorted(left_out)}: {said.value}, and {due.value} is due")
        before = lot.randint(1, len(stage().common) + 1)  # the first stamp, or an act that stands under it
        said = book.verdict(party, text, [before])
        given.add(said)
        tally.bundles[f"{said.value}, an entry of the prologue left out"] += 1
        if said is not Verdict.CANNOT_TELL:
            wrong.append(f"{party} by {text} without entry {before} of the prologue: {said.value}")
        if {Verdict.VALID, Verdict.INVALID} <= given:
            wrong.append(f"{party} by {text}: VALID and INVALID, as of one index")
    return [f"{told(course)}: {what}" for what in wrong]


BUNDLES = (
    "VALID in the model, VALID",
    "VALID in the model, CANNOT TELL, an act left out",
    "CANNOT TELL in the model, INVALID",
    "CANNOT TELL in the model, CANNOT TELL, an act left out",
    "INVALID in the model, INVALID",
    "INVALID in the model, CANNOT TELL, an act left out",
    "CANNOT TELL, an entry of the prologue left out",
)


def unmet(tally: Tally, *, bundled: bool = True) -> list[str]:
    """Return the premises that nothing met."""
    wanted = [name for name in BUNDLES if bundled and not tally.bundles[name]]
    return wanted + [name for name in PREMISES if not tally.met[name]]


# --- the campaign -----------------------------------------------------------------------------------------------------


def run_sampled(seed: str, histories: int, seconds: float) -> str:
    """Compare on sampled histories of 5 to 10 acts, then on every ledger to depth 4 if the time is there for it.

    Returns one line that says how much was done. Raises :class:`AssertionError` where the core and the model disagree
    or a premise was not met.
    """
    begun, tally = time.monotonic(), Tally()
    done = 0
    with remembered():
        for number in range(histories):
            if time.monotonic() - begun > seconds * 0.9:
                break
            lot = random.Random(f"{seed} {number}")
            course, wrong = played(sample(lot.getrandbits(64), lot.randint(5, 10)), tally)
            if number % SAMPLED_BUNDLED == 0:
                wrong += folded_anew(course)
                wrong += bundles(course, tally, lot)
            assert not wrong, f"sampled history {number} of seed {seed!r}: " + "\n".join(wrong)
            forget(course)
            done += 1
    share = "" if done == histories else f" (of {histories:,}: the time was over)"
    lacking = [name for name in unmet(tally) if name not in RARE] if done >= 2_000 else []
    assert not lacking, f"never met: {lacking}"
    bound = tally.met["ledgers"] - tally.met["ledgers: nobody bound"]
    said = (
        f"{done:,} histories of 5 to 10 acts{share}: {tally.met['steps']:,} acts compared, {bound:,} ended with a "
        f"party bound and {tally.met['ledgers: nobody bound']:,} with none; {sum(tally.bundles.values()):,} bundles"
    )
    left = seconds * 0.9 - (time.monotonic() - begun)
    if done < histories or left < FULL_SECONDS:
        return f"{said}; depth 4 not in full: too little time"
    full = Tally()
    with remembered():
        for prologue in PROLOGUES:
            wrong = walk(prologue, 4, full)
            assert not wrong, "\n".join(wrong)
    return f"{said}; and all {full.met['ledgers']:,} ledgers to depth 4"


SAMPLED_BUNDLED = 80  # every so manieth history is bundled
FULL_SECONDS = 150  # what depth 4 in full may take on a slow machine
RARE = ("differs: no such mandate",)  # met in full at depth 4, and rarely in a sample


@contextlib.contextmanager
def quick() -> Iterator[None]:
    """Do without the collector of circles meanwhile: :func:`forget` breaks ours."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
