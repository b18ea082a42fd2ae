"""Go through every history of the world up to a depth and compare what the verifier says with what is true.

Breadth first, so the first violation found is a shortest one. States that are equal are visited once, and the number
of histories that lead to each is carried along, so the counts are of histories. Of the last act of a history only
those are judged that can change an answer: the fold reads a ledger from the front, and an answer comes from a
ratification, a refusal or a closing (``thorough`` undoes this shortcut).

Properties, of every ledger reached and every bundle of it:

- **false**: never VALID where the truth says that the party is not bound. This is the safety property.
- **unmeant**: VALID rests on the very paper by which the truth binds the party, not on an altered one.
- **contradiction**: no two bundles of one ledger are answered VALID and INVALID.
- **denied**: whoever shows the whole ledger gets VALID if the council decided so in its own words.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import NamedTuple

from .truth import Truth, truth_of
from .verifier import (
    ALL_RULES,
    CANNOT_TELL,
    NOTHING,
    VALID,
    Finding,
    Rules,
    Verdict,
    answer,
    facts,
    fold,
    in_streams,
    judge,
    last_finding,
)
from .world import (
    FOUNDERS,
    HOLDERS,
    PROLOGUES,
    Act,
    Facts,
    Ledger,
    State,
    acts,
    describe,
    signer_of,
    start,
    step,
)

Claim = tuple[str, str]  # (party, text)
PROPERTIES = ("false", "unmeant", "contradiction", "denied")
CLAIMS: tuple[Claim, ...] = (("A", "T"), ("A", "U"), ("B", "T"))


# Histories, and what comes of them


@dataclass(frozen=True, slots=True)
class History:
    prologue: str
    acts: tuple[Act, ...] = ()


class Outcome(NamedTuple):
    """What becomes of one act. ``status``: accepted, refused, void, repeated, or kept (nothing was handed in).

    ``position``: of the entry in the model's ledger, which also holds what an honest ledger would refuse.
    """

    status: str
    reason: str = ""
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A replayed history: an outcome per act, and verdict and truth per claim for the bundle of everything."""

    history: History
    outcomes: tuple[Outcome, ...]
    verdicts: dict[Claim, Verdict]
    true: dict[Claim, bool]
    ledger: Ledger


def replay(history: History, rules: Rules = ALL_RULES) -> Run:
    """Replay ``history`` under ``rules``; an outcome is what the whole ledger says at the moment of the act."""
    state = start(history.prologue)
    outcomes = []
    for act in history.acts:
        before, state = state, step(state, act)
        outcomes.append(_outcome(state.ledger, rules) if state.ledger != before.ledger else Outcome("kept"))
    known = truth_of(state.ledger)
    verdicts = {claim: judge(state.ledger, NOTHING, *claim, rules) for claim in CLAIMS}
    return Run(history, tuple(outcomes), verdicts, {claim: claim in known.bound for claim in CLAIMS}, state.ledger)


def _outcome(ledger: Ledger, rules: Rules) -> Outcome:
    position = len(ledger) - 1
    finding = last_finding(ledger, rules)
    return Outcome(finding.status, finding.reason, position)


def histories(depth: int, prologue: str | None = None) -> Iterator[History]:
    """Every history of exactly ``depth`` acts from one prologue or from all, one for each symmetric class."""

    def extended(state: State, done: tuple[Act, ...]) -> Iterator[tuple[Act, ...]]:
        if len(done) == depth:
            yield done
            return
        for act in acts(state, facts(state.ledger)):
            yield from extended(step(state, act), (*done, act))

    for name in [prologue] if prologue else PROLOGUES:
        for done in extended(start(name), ()):
            yield History(name, done)


def sample(seed: int, length: int) -> History:
    """One history of ``length`` acts, the same for the same seed: first the kind of act by lot, then the act."""
    lot = random.Random(seed)
    prologue = lot.choice(sorted(PROLOGUES))
    state, done = start(prologue), []
    for _ in range(length):
        by_kind: dict[tuple[str, bool], list[Act]] = {}
        for act in acts(state, facts(state.ledger)):
            by_kind.setdefault((act.kind, act.now), []).append(act)
        if not by_kind:
            break
        act = lot.choice(by_kind[lot.choice(sorted(by_kind))])
        done.append(act)
        state = step(state, act)
    return History(prologue, tuple(done))


# Violations


@dataclass(frozen=True, slots=True)
class Violation:
    kind: str
    history: History
    left_out: tuple[int, ...]
    claim: Claim
    verdict: Verdict
    why_not: tuple[str, ...]

    def tell(self) -> str:
        """The history in words, one act a line, with entry numbers as the bundle and the reasons use them."""
        lines = [f"{self.kind}: from the prologue {self.history.prologue!r}"]
        lines += [f"   - {line}" for line in map(describe, PROLOGUES[self.history.prologue])]
        state = start(self.history.prologue)
        for number, act in enumerate(self.history.acts, 1):
            before, state = state, step(state, act)
            mark = f"   [entry {len(before.ledger)}]" if state.ledger != before.ledger else ""
            lines.append(f"  {number}. {describe(act)}{mark}")
        entries = ", ".join(map(str, self.left_out))
        party, text = self.claim
        lines.append(f"  bundle: everything{f' but entry {entries}' if entries else ''}")
        lines.append(f"  verifier: {self.verdict.answer}, {party} is bound by {text}")
        lines.append(f"  truth: {'; '.join(self.why_not) or 'bound'}")
        return "\n".join(lines)


Found = tuple[str, frozenset[int], Claim, Verdict]


@cache
def _selections(positions: tuple[int, ...]) -> tuple[frozenset[int], ...]:
    """All sets of positions that a bundle may leave out, the empty one first."""
    return tuple(frozenset(c) for n in range(len(positions) + 1) for c in combinations(positions, n))


def check_ledger(
    ledger: Ledger,
    first: int,
    rules: Rules,
    covered: Counter[str],
    claims: tuple[Claim, ...] = CLAIMS,
    kinds: tuple[str, ...] = PROPERTIES,
) -> Found | None:
    """Judge every bundle of ``ledger`` for ``claims``; the first violation of one of ``kinds``, or None.

    A bundle may leave out any entry from position ``first`` on: those before are the prologue's.
    Bundles with a hole in a stream are judged together, as the verifier's first step is the same for all of them.
    """
    known = truth_of(ledger)
    candidates = range(first, len(ledger))
    for party in dict.fromkeys(party for party, _ in claims):
        about = [claim for claim in claims if claim[0] == party]
        positions = tuple(p for p in candidates if "stream" not in rules or not in_streams(ledger[p], party))
        covered["bundle: CANNOT TELL, stream"] += len(about) * (2 ** len(candidates) - 2 ** len(positions))
        answered: dict[Claim, str] = {}  # final answers given so far
        for left_out in _selections(positions):
            result = fold(ledger, left_out, party, rules)
            if not left_out and len(ledger) - 1 in result.findings:
                _cover(covered, ledger, result.findings[len(ledger) - 1])
            for claim in about:
                verdict = answer(ledger, result, *claim)
                covered[f"bundle: {verdict.answer}{', ' * bool(verdict.reason)}{verdict.reason}"] += 1
                fault = _fault(claim, left_out, verdict, known, answered)
                if fault in kinds:
                    return fault, left_out, claim, verdict
    return None


def _fault(claim: Claim, left_out: frozenset[int], verdict: Verdict, known: Truth, answered: dict[Claim, str]) -> str:
    """Which property ``verdict`` violates, if any."""
    if verdict.answer == VALID and claim not in known.bound:
        return "false"
    if verdict.answer == VALID and verdict.basis != known.on_record.get(claim):
        return "unmeant"
    if verdict.answer != VALID and not left_out and claim in known.on_record:
        return "denied"
    if verdict.answer != CANNOT_TELL and answered.setdefault(claim, verdict.answer) != verdict.answer:
        return "contradiction"
    return ""


# The search


@dataclass(slots=True)
class Report:
    depth: int
    without: tuple[str, ...]
    histories: dict[str, list[int]] = field(default_factory=dict)  # prologue -> number per length
    states: int = 0
    ledgers: int = 0
    covered: Counter[str] = field(default_factory=Counter)
    violation: Violation | None = None


_Level = dict[State, tuple[int, tuple[Act, ...]]]  # state -> how many histories lead here, and one of them


def explore(
    depth: int,
    without: frozenset[str] = frozenset(),
    *,
    kinds: tuple[str, ...] = PROPERTIES,
    thorough: bool = False,
    symmetric: bool = True,
) -> Report:
    """Every history up to ``depth`` acts under all rules but ``without``; stops at the first violation of ``kinds``.

    Two switches undo what makes it fast, to check that nothing is lost by it: ``thorough`` judges all claims after
    every act instead of those that the act can have changed; without ``symmetric`` interchangeable members are told
    apart from the start.
    """
    report = Report(depth, tuple(sorted(without)), {prologue: [] for prologue in PROLOGUES})
    levels: dict[str, _Level] = {}
    for prologue in PROLOGUES:
        levels[prologue] = {start(prologue)._replace(used=0 if symmetric else len(FOUNDERS["A"])): (1, ())}
    for length in range(1, depth + 1):
        for prologue in PROLOGUES:
            levels[prologue] = _next_level(
                report, prologue, levels[prologue], ALL_RULES - without, kinds, thorough, last=length == depth
            )
            if report.violation:
                return report
    return report


def _next_level(
    report: Report, prologue: str, level: _Level, rules: Rules, kinds: tuple[str, ...], thorough: bool, *, last: bool
) -> _Level:
    following: _Level = {}
    known: dict[Ledger, Facts] = {}
    judged: set[Ledger] = set()
    total, first = 0, len(start(prologue).ledger)
    for state, (ways, done) in level.items():
        here = known.get(state.ledger)
        if here is None:
            here = known[state.ledger] = facts(state.ledger, rules)
        for act in acts(state, here):
            total += ways
            claims = CLAIMS if thorough else _touched(act, state.ledger)
            if last and not claims:
                continue
            after = step(state, act)
            if not last:
                ways_before, path = following.get(after) or (0, (*done, act))
                following[after] = (ways_before + ways, path)
            if claims and after.ledger is not state.ledger and after.ledger not in judged:
                judged.add(after.ledger)
                found = check_ledger(after.ledger, first, rules, report.covered, claims, kinds)
                if found:
                    kind, left_out, claim, verdict = found
                    why_not = truth_of(after.ledger).why_not
                    history = History(prologue, (*done, act))
                    report.violation = Violation(kind, history, tuple(sorted(left_out)), claim, verdict, why_not)
                    return following
    report.histories[prologue].append(total)
    report.states += len(following)
    report.ledgers += len(judged)
    return following


def _touched(act: Act, ledger: Ledger) -> tuple[Claim, ...]:
    """The claims whose answers can change by ``act``: none, if nothing is handed in that decides anything."""
    if not act.now:
        return ()
    kind, words = act.kind, act.words
    if kind == "replay":
        kind = ledger[act.position or 0].kind
    if kind == "close":
        return CLAIMS
    if words is None or words.kind not in ("ratify", "refuse"):
        return ()
    return ((words.party, act.subject if act.kind == "graft text" else words.subject),)


def counterexample(rule: str, depth: int = 4) -> Violation | None:
    """A shortest history after which the verifier without ``rule`` says VALID where nobody is bound."""
    return explore(depth, frozenset({rule}), kinds=("false",)).violation


# What was exercised: a property that never met its premise has shown nothing

PREMISES = (
    "bound: by N's signature",
    "bound: by D's signature",
    "bound: by a signature confirmed after a dismissal",
    "bound: text U",
    "bound: B",
    "bound: both parties by one text",
    "bound: although news came after the council had read",
    "tried: revocation, a dismissed signer's signature is ratified unconfirmed",
    "tried: office, somebody without a seat completes the threshold",
    "tried: distinct, one signature twice",
    "tried: text, approvals of one text under another",
    "tried: named, approvals of one signature for another",
    "tried: spine, a decision that the spine has overtaken",
    "tried: stream, a withdrawn signature",
    "tried: stream, a closed dossier",
    "tried: a refused text",
    "tried: a stranger's signature added",
    "tried: signatures on two drafts put together",
    "tried: a ratification handed in again",
    "bundle: VALID",
    "bundle: INVALID, closed",
    "bundle: INVALID, refused",
    "bundle: CANNOT TELL, stream",
    "bundle: CANNOT TELL, spine",
)


def _cover(covered: Counter[str], ledger: Ledger, finding: Finding) -> None:
    """Count which premises the last entry of ``ledger`` meets, a decision found to be ``finding``."""
    last = ledger[-1]
    words = last.words
    if words is None or words.kind != "ratify":
        return
    signers = [member for member, _ in last.approvals]
    meant = last.approvals[0][1]
    match finding:
        case ("accepted", _):
            _cover_bound(covered, ledger)
        case (_, "standing"):
            covered["tried: revocation, a dismissed signer's signature is ratified unconfirmed"] += 1
        case (_, "threshold") if any(words != meant for _, words in last.approvals):
            covered["tried: signatures on two drafts put together"] += 1
        case (_, "threshold") if len(set(signers)) < len(signers):
            covered["tried: distinct, one signature twice"] += 1
        case (_, "threshold") if set(signers) & HOLDERS.keys():
            covered["tried: a stranger's signature added"] += 1
        case (_, "threshold") if len(signers) > 1:
            covered["tried: office, somebody without a seat completes the threshold"] += 1
        case (_, "signature") if meant.subject != words.subject:
            covered["tried: text, approvals of one text under another"] += 1
        case (_, "signature"):
            covered["tried: named, approvals of one signature for another"] += 1
        case (_, "overtaken"):
            covered["tried: spine, a decision that the spine has overtaken"] += 1
        case (_, "withdrawn"):
            covered["tried: stream, a withdrawn signature"] += 1
        case (_, "closed"):
            covered["tried: stream, a closed dossier"] += 1
        case (_, "refused"):
            covered["tried: a refused text"] += 1
        case ("repeated", _):
            covered["tried: a ratification handed in again"] += 1


def _cover_bound(covered: Counter[str], ledger: Ledger) -> None:
    words = ledger[-1].words
    assert words is not None
    if words.party == "B":
        covered["bound: B"] += 1
    else:
        covered[f"bound: by {signer_of(words.named)}'s signature"] += 1
        covered["bound: text U"] += words.subject == "U"
        covered["bound: by a signature confirmed after a dismissal"] += words.confirm
        covered["bound: although news came after the council had read"] += words.seen < len(ledger) - 1
    covered["bound: both parties by one text"] += {("A", "T"), ("B", "T")} <= facts(ledger).bound


def unexercised(report: Report) -> list[str]:
    """The premises that no history met."""
    return [premise for premise in PREMISES if not report.covered[premise]]
