"""Small worlds: one subject each, gone through exhaustively. What they share: deeds, ledgers, the search.

The joint model (``world``, ``truth``, ``verifier``) has no clock, one ledger and honest keys. Each subject beyond that
has a world of its own, for all of them at once would explode. A *deed* is what somebody signs; an *entry* is a deed
with its log time; a *state* is the time, the ledgers, and the deeds that the relay holds back. A world says which deeds
can come next, what is **true** after them (people and clocks; no rule of the protocol) and what the **protocol** makes
of a *view*: the ledgers as somebody is shown them. It is a module with these names:

``STARTS``, ``RULES``, ``PREMISES``, ``CLAIMS``, ``DEPTH``, ``QUICK``; ``acts(state)``; ``views(state, rules)``, the
whole one first; ``truth(state, view)``: for each claim True, False, or None where later entries may settle either;
``fold(view, rules)``: a finding for every entry of the view, and an answer for every claim; and, where single views are
not all that can go wrong, ``together(state, rules, covered)``: what is wrong with several views.

Claims are *as of* the view's end, so "not so far" is INVALID. Properties, of every state and each of its views:

- **false**: never VALID where it is not true;
- **wronged**: never INVALID where it is not false;
- **mute**: whoever shows everything is never told CANNOT TELL where the truth is settled. (Where ``truth`` says that an
  act is *open*, it may be: an act whose place nobody can tell leaves every claim open.)
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from .verifier import CANNOT_TELL, INVALID, VALID

Rules = frozenset[str]
WORLDS = ("forks", "theft", "expiry", "denunciation", "homes")


class Deed(NamedTuple):
    """What somebody signs. Equal deeds are the same bytes. ``by`` is no part of a decision's identity (`words`)."""

    kind: str
    by: tuple[str, ...]
    about: str = ""  # a text, a signature, a holder, a key
    prior: "Deed | None" = None  # of a decision: the one that it follows, without signatures; None: the grant
    seen: int = 0  # a ratification: how much of the dossier's ledger was read; else which try, which serial
    at: int = 0  # when it was signed, or says so
    confirm: bool = False
    where: int = 0  # a ratification in a forked ledger: the branch that was read

    @property
    def words(self) -> "Deed":
        return self._replace(by=())


class Entry(NamedTuple):
    time: int
    deed: Deed


Ledger = tuple[Entry, ...]


class State(NamedTuple):
    start: str
    now: int
    ledgers: tuple[Ledger, ...]
    held: tuple[Deed, ...] = ()
    cosigned: tuple[tuple[str, Ledger], ...] = ()  # forks: which witness was asked for which tree, in order


class Act(NamedTuple):
    """A step: ``tick``, of days; ``log`` a deed in ledgers; ``hold`` it back; ``cosign``: a witness is shown one."""

    kind: str
    deed: Deed | None = None
    ledgers: tuple[int, ...] = (0,)
    witness: str = ""
    days: int = 1


class View(NamedTuple):
    """What somebody is shown: ledgers, as of a time. ``trees``: the ledgers as their checkpoints cover them."""

    now: int
    ledgers: tuple[Ledger, ...]
    start: str = ""
    which: int = 0  # forks and homes: the branch shown
    hidden: frozenset[tuple[int, int]] = frozenset()  # entries left out, as (ledger, position)


class Fold(NamedTuple):
    findings: tuple[str, ...]  # of the entries of the view's last ledger: accepted, or why not
    answers: dict[str, tuple[str, str]]  # claim -> answer and reason


class World(Protocol):
    STARTS: dict[str, State]
    RULES: tuple[str, ...]
    PREMISES: tuple[str, ...]
    CLAIMS: tuple[str, ...]
    DEPTH: int  # what the campaign explores
    QUICK: int  # where every rule is needed already, and every premise met

    def acts(self, state: State) -> Iterator[Act]: ...
    def views(self, state: State, rules: Rules) -> Iterator[View]: ...
    def truth(self, state: State, view: View) -> dict[str, bool | None]: ...
    def fold(self, view: View, rules: Rules) -> Fold: ...


def world(name: str) -> World:
    if name not in WORLDS:
        raise KeyError(name)
    return import_module(f".{name}", __package__)


def step(state: State, act: Act) -> State:
    """The state after ``act``. A deed that was held back is held no longer once it is logged anywhere."""
    if act.kind == "tick":
        return state._replace(now=state.now + act.days)
    if act.kind == "cosign":
        asked = ((witness, state.ledgers[act.ledgers[0]]) for witness in act.witness.split("+"))
        return state._replace(
            cosigned=tuple(sorted((*state.cosigned, *asked), key=itemgetter(0)))
        )  # each one's in order
    assert act.deed is not None
    if act.kind == "hold":
        return state._replace(held=tuple(sorted((*state.held, act.deed), key=repr)))
    ledgers = list(state.ledgers)
    for number in act.ledgers:
        ledgers[number] = (*ledgers[number], Entry(state.now, act.deed))
    kept = state.held
    if act.deed in kept and len(state.ledgers) == 1:
        kept = tuple(deed for deed in kept if deed != act.deed)
    return state._replace(ledgers=tuple(ledgers), held=kept)


def leaving_out(ledgers: tuple[Ledger, ...]) -> Iterator[frozenset[tuple[int, int]]]:
    """Every choice of entries that a bundle may leave out, nothing first."""
    places = [(number, position) for number, ledger in enumerate(ledgers) for position in range(len(ledger))]
    for choice in range(1 << len(places)):
        yield frozenset(place for bit, place in enumerate(places) if choice >> bit & 1)


# The search


class Wrong(NamedTuple):
    kind: str  # a property
    start: str
    acts: tuple[Act, ...]
    view: View
    claim: str
    answer: str

    def tell(self) -> str:
        lines = [f"{self.kind}: from {self.start!r}", *(f"  {n}. {describe(a)}" for n, a in enumerate(self.acts, 1))]
        if self.view.hidden:
            places = ", ".join(f"entry {position} of ledger {number}" for number, position in sorted(self.view.hidden))
            lines.append(f"  left out: {places}")
        return "\n".join([*lines, f"  verifier: {self.answer}, {self.claim}"])


@dataclass(slots=True)
class Found:
    """What a search found. ``covered`` counts premises: what became of the last entry, and the answers."""

    world: str
    depth: int
    without: tuple[str, ...]
    histories: int = 0
    states: int = 0
    views: int = 0
    covered: Counter[str] = field(default_factory=Counter)
    wrong: Wrong | None = None


def search(name: str, depth: int | None = None, without: Rules = frozenset()) -> Found:
    """Every history up to ``depth`` acts, breadth first; stops at the first violation, which is so a shortest one."""
    here = world(name)
    rules = frozenset(here.RULES) - without
    report = Found(name, here.DEPTH if depth is None else depth, tuple(sorted(without)))
    level: dict[State, tuple[int, tuple[Act, ...]]] = dict.fromkeys(here.STARTS.values(), (1, ()))
    for length in range(1, report.depth + 1):
        following: dict[State, tuple[int, tuple[Act, ...]]] = {}
        for state, (ways, done) in level.items():
            for act in here.acts(state):
                after = step(state, act)
                report.histories += ways
                if known := following.get(after):
                    following[after] = (known[0] + ways, known[1])
                    continue
                following[after] = (ways, (*done, act))
                found = judged(here, after, rules, report)
                if found:
                    report.wrong = Wrong(found[0], state.start, (*done, act), *found[1:])
                    return report
        report.states += len(following)
        level = following if length < report.depth else {}
    return report


def judged(here: World, state: State, rules: Rules, report: Found) -> tuple[str, View, str, str] | None:
    """Judge every view of a state; the first violation, or None."""
    whole = True
    true: dict[int, dict[str, bool | None]] = {}  # by the branch shown: what is true does not depend on how much is
    for view in here.views(state, rules):
        report.views += 1
        if view.which not in true:
            true[view.which] = here.truth(state, view)
        result, known = here.fold(view, rules), true[view.which]
        if whole and result.findings:
            report.covered[f"{view.ledgers[-1][-1].deed.kind}: {result.findings[-1]}"] += 1
        for claim, (answer, reason) in result.answers.items():
            report.covered[f"{claim}: {answer}{', ' * bool(reason)}{reason}"] += 1
            fault = fault_of(answer, known[claim], whole=whole and not known.get("open"))
            report.covered["open: settled, and yet nobody can tell"] += bool(
                whole and answer == CANNOT_TELL and known[claim] is not None
            )
            if fault:
                return fault, view, claim, f"{answer} {reason}".strip()
        whole = False
    together: Callable[..., Any] = getattr(here, "together", lambda *_: None)
    found: tuple[str, View, str, str] | None = together(state, rules, report.covered)
    return found


def fault_of(answer: str, true: bool | None, *, whole: bool) -> str:
    if answer == VALID and true is not True:
        return "false"
    if answer == INVALID and true is not False:
        return "wronged"
    return "mute" if whole and answer == CANNOT_TELL and true is not None else ""


def unmet(report: Found) -> list[str]:
    """The premises of the world that nothing met: a property that never met its premise has shown nothing."""
    return [premise for premise in world(report.world).PREMISES if not report.covered[premise]]


def drawn(name: str, seed: int | str, length: int) -> tuple[State, tuple[Act, ...]]:
    """One history by lot, the same for the same seed: first the kind of act, then the act. Returns start and acts."""
    here, lot = world(name), random.Random(f"{name} {seed}")
    state = first = here.STARTS[lot.choice(sorted(here.STARTS))]
    done: list[Act] = []
    for _ in range(length):
        by_kind: dict[tuple[str, str], list[Act]] = {}
        for act in here.acts(state):
            by_kind.setdefault((act.kind, act.deed.kind if act.deed else ""), []).append(act)
        if not by_kind:
            break
        act = lot.choice(by_kind[lot.choice(sorted(by_kind))])
        done.append(act)
        state = step(state, act)
    return first, tuple(done)


def describe(act: Act) -> str:
    """One line for people."""
    if act.kind == "tick":
        return "a day passes" if act.days == 1 else f"{act.days} days pass"
    if act.kind == "cosign":
        return f"{act.witness} asked to cosign ledger {act.ledgers[0]} as it is"
    deed = act.deed
    assert deed is not None
    more = [deed.about, "confirming" * deed.confirm]
    more += [f"dated {deed.at}"] if deed.kind == "beacon" else []
    more += [f"after {deed.prior.kind} {deed.prior.about}"] if deed.prior else []
    where = "held back" if act.kind == "hold" else f"ledger {' and '.join(map(str, act.ledgers))}"
    return f"{'+'.join(deed.by)} {deed.kind} {' '.join(filter(None, more))}  [{where}]".replace("  [", " [")
