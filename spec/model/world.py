"""The world of the model: who can do what next, and what stands in the ledger afterwards.

Two parties, A and B, each with a council of three seats that decides by the signatures of two. Party A is
represented by N, a traitor, and by N's delegate D; party B by M. Everything passes a relay, which may hand in what it
has late, again, altered or never, and a depositary, which logs *whatever is handed in*: nothing in this model rests
on a ledger refusing anything.

Terms: *words* are the content of an organ's act, what a member signs; an *approval* is a member's signature together
with the words it was made over; an *envelope* is words with approvals attached (by whoever); a *position* is an index
in the ledger. A :class:`State` is the ledger and the pool of drafts that members have signed and the relay holds back.

Example, the shortest honest course from the prologue ``signed``::

    Act("a1+a2", "ratify", Words("A", "ratify", "T", "N:T", prior=-1, seen=3), ("a1", "a2"), now=True)
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from itertools import combinations
from typing import Any, NamedTuple

BASE = -1  # the position that stands for everything before the ledger's first entry: foundings, grant, adoptions
THRESHOLD = 2
FOUNDERS = {"A": ("a1", "a2", "a3"), "B": ("b1", "b2", "b3")}
CANDIDATE = "a4"  # the only person who can be elected; he has no seat at first
HOLDERS = {"N": "A", "D": "A", "M": "B"}
TEXTS = ("T", "U")  # both adopted in the prologue, both open for consent
SPINE_KINDS = ("ratify", "refuse", "elect", "dismiss")


class Words(NamedTuple):
    """What a member signs. ``prior`` and ``seen`` are positions: the spine's head, and the length of the ledger."""

    party: str
    kind: str  # one of SPINE_KINDS
    subject: str  # the text ratified or refused, the seat vacated, the holder dismissed
    named: str = ""  # ratify: the very signature that is ratified, "N:T"
    confirm: bool = False  # ratify: binds although the signer's standing had ended
    prior: int = BASE
    seen: int = 0


Approval = tuple[str, Words]


class Entry(NamedTuple):
    """One thing in the ledger; its position is its index there."""

    kind: str  # sign, conclude, withdraw, delegate, revoke, close, or one of SPINE_KINDS
    who: str  # the holder, or the party whose organ speaks
    subject: str = ""
    words: Words | None = None
    approvals: tuple[Approval, ...] = ()


Ledger = tuple[Entry, ...]


class Draft(NamedTuple):
    """Words that members have signed, in the relay's hands."""

    words: Words
    members: tuple[str, ...]


class State(NamedTuple):
    ledger: Ledger
    pool: tuple[Draft, ...] = ()
    used: int = 0  # how many of A's founders have been told apart so far; the others are interchangeable


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a history, for people and for an implementation that replays it.

    ``words``: of the draft that is written, approved or handed in. ``subject``: the text, signature or holder that a
    holder's act is about; of a graft, what is put in place of the original. ``members``: who signs in this step.
    ``now``: the step also hands something in, so it adds one entry to the ledger (or is refused).
    ``position``: which entry is handed in again. ``other``: the draft whose approvals are taken over.
    """

    actor: str
    kind: str
    words: Words | None = None
    members: tuple[str, ...] = ()
    subject: str = ""
    now: bool = True
    position: int | None = None
    other: Words | None = None


class Facts(NamedTuple):
    """What somebody who holds the whole ledger makes of it; filled in by the verifier's own fold."""

    head_a: int
    head_b: int
    seated: tuple[str, ...]  # of A's council
    ended: frozenset[str]  # holders of A whose standing has ended
    bound: frozenset[tuple[str, str]]  # (party, text) proven by the whole ledger


def text_of(signature: str) -> str:
    return signature.partition(":")[2]


def signer_of(signature: str) -> str:
    return signature.partition(":")[0]


def envelope(words: Words, members: Iterable[str]) -> Entry:
    """The honest envelope: each approval was made over the very words that it is attached to."""
    return Entry(words.kind, words.party, words.subject, words, tuple((m, words) for m in members))


# Where histories start: what happened before, as acts, for whoever replays it

_COMMON = (
    Act("A", "found", members=FOUNDERS["A"]),
    Act("B", "found", members=FOUNDERS["B"]),
    Act("A", "grant", subject="N"),
    Act("B", "grant", subject="M"),
    Act("N+M", "open"),
    *(Act(who, kind, subject=text) for text in TEXTS for who, kind in (("N", "propose"), ("M", "adopt"))),
)
PROLOGUES: dict[str, tuple[Act, ...]] = {
    "adopted": _COMMON,
    "signed": (
        *_COMMON,
        Act("N", "delegate", subject="D"),
        Act("N", "sign", subject="N:T"),
        Act("M", "sign", subject="M:T"),
    ),
}


def start(prologue: str) -> State:
    """The first state. Foundings, grants, opening and adoptions stand for ever, so they are not in its ledger."""
    later = PROLOGUES[prologue][len(_COMMON) :]
    return State(tuple(Entry(act.kind, act.actor, act.subject) for act in later))


# What can happen next


def acts(state: State, facts: Facts) -> Iterator[Act]:
    """Every act possible in ``state``, one for each class of acts that differ only by interchangeable members."""
    yield from _signatures(state)
    yield from _ratifying(state, facts)
    yield from _deciding(state, facts)
    yield from _undoing(state)
    yield from _other_party(state, facts)
    yield from _relay(state)


def _logged(state: State) -> set[tuple[str, str]]:
    return {(e.kind, e.subject) for e in state.ledger if not e.words}


def _signatures(state: State) -> Iterator[Act]:
    """Whoever holds or held a mandate signs, with or without standing; N also beyond his powers."""
    logged = _logged(state)
    if ("delegate", "D") not in logged:
        yield Act("N", "delegate", subject="D")
    for signature in ("N:T", "N:U", "D:T", "D:U", "M:T"):
        holder = signer_of(signature)
        if ("sign", signature) not in logged and (holder != "D" or ("delegate", "D") in logged):
            yield Act(holder, "sign", subject=signature)
    if ("conclude", "N:T") not in logged:
        yield Act("N", "conclude", subject="N:T")


def _undoing(state: State) -> Iterator[Act]:
    """Signers withdraw their signatures, N takes back what he gave D, M breaks off."""
    logged = _logged(state)
    for signature in ("N:T", "N:U", "D:T", "D:U"):
        if ("sign", signature) in logged and ("withdraw", signature) not in logged:
            yield Act(signer_of(signature), "withdraw", subject=signature)
    if ("delegate", "D") in logged and ("revoke", "D") not in logged:
        yield Act("N", "revoke", subject="D")
    if ("close", "") not in logged:
        yield Act("M", "close")


def _other_party(state: State, facts: Facts) -> Iterator[Act]:
    """B's council ratifies; it always acts whole and at once, for all tricks are played on A."""
    signed = any(e.kind == "sign" and e.subject == "M:T" for e in state.ledger)
    if signed and ("B", "T") not in facts.bound:
        words = Words("B", "ratify", "T", "M:T", prior=facts.head_b, seen=len(state.ledger))
        yield Act("b1+b2", "ratify", words, ("b1", "b2"))


def _ratifying(state: State, facts: Facts) -> Iterator[Act]:
    """Those who have or had a seat in A's council sign a ratification: two at once, one alone, one after others."""
    drafted = {draft.words for draft in state.pool}
    elected = any(e.kind == "elect" for e in state.ledger)
    people = (*FOUNDERS["A"], CANDIDATE) if elected else FOUNDERS["A"]
    ones, pairs = (tuple(_canonical(combinations(people, n), state.used)) for n in (1, 2))
    for words in _ratifications(state.ledger, facts):
        if words not in drafted:
            for pair in pairs:
                yield from _both_ways(words, pair)
            for one in ones:
                yield Act(one[0], "approve", words, one, now=False)
    for draft in state.pool:
        if draft.words.kind == "ratify":
            for one in ones:
                if one[0] not in draft.members:
                    yield Act(one[0], "approve", draft.words, one, now=False)


def _deciding(state: State, facts: Facts) -> Iterator[Act]:
    """A's council decides something else, at once or into the relay's hands."""
    drafted = {draft.words for draft in state.pool}
    for words, members in _whole_decisions(state, facts):
        if words not in drafted:
            yield from _both_ways(words, members)


def _whole_decisions(state: State, facts: Facts) -> Iterator[tuple[Words, tuple[str, ...]]]:
    """Dismissals, refusal, election: signed by any two in office (who they are decides nothing, so: the first two)."""
    here = Words("A", "", "", prior=facts.head_a, seen=len(state.ledger))
    linked = any(e.kind == "delegate" for e in state.ledger)
    for holder in ("N", "D") if linked else ("N",):
        if holder not in facts.ended:
            yield here._replace(kind="dismiss", subject=holder), facts.seated[:THRESHOLD]
    if not any(e.kind == "refuse" for e in state.ledger):
        yield here._replace(kind="refuse", subject="T"), facts.seated[:THRESHOLD]
    if CANDIDATE not in facts.seated:
        for (leaver,) in _canonical(combinations(facts.seated, 1), state.used):
            stayers = tuple(member for member in facts.seated if member != leaver)
            yield here._replace(kind="elect", subject=leaver), stayers


def _ratifications(ledger: Ledger, facts: Facts) -> Iterator[Words]:
    """Ratifying any signature of A in the ledger; confirming it where its signer's standing has ended."""
    for entry in dict.fromkeys(e for e in ledger if e.kind == "sign" and HOLDERS[e.who] == "A"):
        text = text_of(entry.subject)
        if ("A", text) in facts.bound:
            continue
        for confirm in (False, True) if entry.who in facts.ended else (False,):
            yield Words("A", "ratify", text, entry.subject, confirm, facts.head_a, len(ledger))


def _both_ways(words: Words, members: tuple[str, ...]) -> Iterator[Act]:
    """The decision is signed and logged at once, or signed and held back by the relay."""
    for now in (True, False):
        yield Act("+".join(members), words.kind, words, members, now=now)


def _canonical(groups: Iterable[tuple[str, ...]], used: int) -> Iterator[tuple[str, ...]]:
    """Keep a group only if the founders not told apart before appear in it in the founding's order, without a gap."""
    for group in groups:
        fresh = [rank for m in group if m != CANDIDATE and (rank := FOUNDERS["A"].index(m)) >= used]
        if fresh == list(range(used, used + len(fresh))):
            yield group


def _relay(state: State) -> Iterator[Act]:
    """Hand in what is held back: as it is, with a signature doubled, under another text, for another signature."""
    signatures = list(dict.fromkeys(e.subject for e in state.ledger if e.kind == "sign"))
    ratifications = [d for d in state.pool if d.words.kind == "ratify"]
    for words, members in state.pool:
        yield Act("relay", "deliver", words)
        if words.kind != "ratify":
            continue
        if len(members) < THRESHOLD:
            for other in ratifications:
                if other.words != words and other.members != members:
                    yield Act("relay", "pool", words, other=other.words)
            yield Act("relay", "double", words)
            yield Act("relay", "pad", words)
            continue
        for text in TEXTS:
            if text != words.subject:
                yield Act("relay", "graft text", words, subject=text)
        for signature in signatures:
            ours = HOLDERS[signer_of(signature)] == "A"
            if ours and text_of(signature) == words.subject and signature != words.named:
                yield Act("relay", "graft signature", words, subject=signature)
    for position, entry in enumerate(state.ledger):
        if entry not in state.ledger[:position] and state.ledger.count(entry) < 2:
            yield Act("relay", "replay", entry.words, subject=entry.subject, position=position)


# What it does


def step(state: State, act: Act) -> State:
    """The state after ``act``. Adds at most one entry to the ledger, and then as its last."""
    ledger, pool, used = state
    words = act.words
    if words is None or act.kind == "replay":
        again = act.position is not None
        entry = ledger[act.position or 0] if again else Entry(act.kind, act.actor, act.subject)
        return State((*ledger, entry), pool, used)
    if act.actor == "relay":
        return State((*ledger, _handed_in(state, act)), _without_finished(pool, act), used)
    if words.party == "A" and words.kind in ("ratify", "elect"):
        told_apart = (words.subject,) if words.kind == "elect" else act.members
        used = max(used, *(FOUNDERS["A"].index(m) + 1 for m in told_apart if m != CANDIDATE), 0)
    if act.now:
        return State((*ledger, envelope(words, act.members)), pool, used)
    return State(ledger, _with_approval(pool, words, act.members), used)


def _handed_in(state: State, act: Act) -> Entry:
    assert act.words is not None
    (draft,) = (d for d in state.pool if d.words == act.words)
    honest = envelope(*draft)
    match act.kind:
        case "deliver":
            return honest
        case "double":
            return honest._replace(approvals=honest.approvals * 2)
        case "pool":
            (other,) = (d for d in state.pool if d.words == act.other)
            return honest._replace(approvals=honest.approvals + envelope(*other).approvals)
        case "pad":
            return honest._replace(approvals=(*honest.approvals, ("N", act.words)))
        case "graft text":
            altered = act.words._replace(subject=act.subject)
            return honest._replace(subject=act.subject, words=altered)
        case "graft signature":
            return honest._replace(words=act.words._replace(named=act.subject))
    raise AssertionError(act.kind)


def _without_finished(pool: tuple[Draft, ...], act: Act) -> tuple[Draft, ...]:
    """A draft handed in unaltered with enough signatures needs no second try: replaying it is another act."""
    return tuple(d for d in pool if act.kind != "deliver" or d.words != act.words or len(d.members) < THRESHOLD)


def _with_approval(pool: tuple[Draft, ...], words: Words, members: tuple[str, ...]) -> tuple[Draft, ...]:
    """The pool with these signatures on these words. Its order carries no meaning, so it is kept sorted."""
    old = {d.words: d.members for d in pool}
    old[words] = tuple(sorted({*old.get(words, ()), *members}))
    return tuple(sorted(Draft(w, m) for w, m in old.items()))


# In words


def describe(act: Act) -> str:
    """One sentence for people."""
    match act.kind:
        case "found":
            return f"{act.actor} is founded; its council, {' '.join(act.members)}, decides by the signatures of two"
        case "grant":
            return f"{act.actor}'s council grants {act.subject}: propose, adopt, sign ad referendum, delegate"
        case "open":
            return "N and M open the dossier"
        case "propose" | "adopt":
            return f"{act.actor} {act.kind}s the text {act.subject}"
        case "sign":
            return f"{act.actor} signs {text_of(act.subject)} ad referendum"
        case "conclude":
            return f"{act.actor} signs {text_of(act.subject)} definitively"
        case "withdraw":
            return f"{act.actor} withdraws his signature {act.subject}"
        case "delegate":
            return "N delegates to D"
        case "revoke":
            return "N revokes D's mandate"
        case "close":
            return "M closes the dossier for B"
        case "replay":
            return f"the relay hands in entry {act.position} again"
    assert act.words is not None
    matter = describe_words(act.words)
    match act.kind:
        case "deliver":
            return f"the relay hands in: {matter}"
        case "double":
            return f"the relay hands in, with the one signature on it written twice: {matter}"
        case "pool":
            assert act.other is not None
            taken = describe_words(act.other)
            return f"the relay hands in, with the signatures on another draft ({taken}) added: {matter}"
        case "pad":
            return f"the relay hands in, with N's own signature added: {matter}"
        case "graft text":
            return f"the relay hands in, with {act.subject} put in the place of {act.words.subject}: {matter}"
        case "graft signature":
            return f"the relay hands in, with {act.subject} put in the place of {act.words.named}: {matter}"
    verb = "signs" if len(act.members) == 1 else "sign"
    return f"{' and '.join(act.members)} {verb}: {matter}{'' if act.now else ' (the relay holds it back)'}"


def describe_words(words: Words) -> str:
    match words.kind:
        case "ratify":
            confirming = ", confirming it" if words.confirm else ""
            return f"{words.party} ratifies {words.subject} by the signature {words.named}{confirming}"
        case "refuse":
            return f"{words.party} refuses {words.subject}"
        case "elect":
            return f"{words.party} elects {CANDIDATE} into the seat of {words.subject}"
    return f"{words.party} dismisses {words.subject}"


def as_data(value: Any) -> Any:
    """``value`` as JSON's kinds of data: records become maps from field to value, pairs as keys become "A T"."""
    if hasattr(value, "_asdict"):
        return {name: as_data(part) for name, part in value._asdict().items()}
    if is_dataclass(value):
        return {f.name: as_data(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        items = ((key if isinstance(key, str) else " ".join(key), part) for key, part in value.items())
        return {key: as_data(part) for key, part in sorted(items)}
    return [as_data(part) for part in value] if isinstance(value, tuple | list) else value
