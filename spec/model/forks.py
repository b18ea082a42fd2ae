"""Forks: a ledger that shows two histories, and what a party's spine then is.

The depositary is a traitor: whatever comes, it writes into one branch, the other, or both. A's council and N are shown
either branch. So A's spine may get one act after a place in one branch, and another after the same place in the other:
a dismissal here, a ratification there. Nobody can forbid this; three things must hold:

- **in a branch** all is as in a ledger that never forked: nobody is bound there but by what the council decided, as it
  had read it there. A fork frees nobody: what is proven to the reader of one branch stays so, whatever the other holds;
- **unnoticed**: two readers with VALID and INVALID about one claim, as of one index, need only compare the checkpoints
  that they hold, of whatever sizes: no proof leads from the one to the other;
- **split**: with witnesses whose quorums always share an honest one, there are no two such readers.

Witnesses w1 w2 w3 remember the largest tree that they cosigned, and cosign what continues it; a quorum is two. The
rule ``overlap`` is that none of them is a traitor: with one (w1, who cosigns anything) two of three is too little. What
withstands t traitors among n is a quorum of more than (n + t) / 2.
"""

from collections import Counter
from collections.abc import Iterator

from .small import Act, Deed, Entry, Fold, Ledger, Rules, State, View, leaving_out
from .verifier import CANNOT_TELL, INVALID, VALID

QUORUM = 2
WITNESSES = ("w1", "w2", "w3")
RULES = ("spine", "read", "one tree", "consistency", "quorum", "largest", "covers", "overlap", "stream")
CLAIMS = ("A bound by T",)
DEPTH, QUICK = 4, 3
SIGNED = Entry(0, Deed("sign", ("N",), "T"))
RATIFIED = Entry(0, Deed("ratify", ("a1", "a2"), "N:T", seen=1))
DISMISSED = Entry(0, Deed("dismiss", ("a1", "a2"), "N"))
STARTS = {
    "signed": State("signed", 0, ((SIGNED,), (SIGNED,))),
    "adopted": State("adopted", 0, ((), ())),
    "forked": State("forked", 0, ((SIGNED, RATIFIED), (SIGNED, DISMISSED))),
}
PREMISES = (
    "sign: accepted",
    "withdraw: accepted",
    "dismiss: accepted",
    "dismiss: overtaken",
    "ratify: accepted",
    "ratify: overtaken",
    "ratify: dismissed",
    "ratify: withdrawn",
    "ratify: another past",
    "ratify: bound",
    "A bound by T: VALID",
    "A bound by T: INVALID, not bound",
    "fork: two acts on one place of the spine",
    "fork: bound in one branch and not in the other",
    "fork: the same, shown under checkpoints of different sizes",
    "fork: a quorum for each branch, before it mattered",
    "fork: a quorum for a branch in which A is bound",
    "fork: a witness refused to follow the other branch",
)


# Who can do what next


def acts(state: State) -> Iterator[Act]:
    """Every deed, written into one branch, the other, or both. Equal branches are one: then the first is written."""
    left, right = state.ledgers
    wheres = ((0,), (0, 1)) if left == right else ((0,), (1,), (0, 1))
    for deed in _deeds(state):
        for where in wheres:
            if all(deed not in [entry.deed for entry in state.ledgers[number]] for number in where):
                yield Act("log", deed, where)
    asked = [witness for witness, _ in state.cosigned]
    known = len(set(asked))  # the others are interchangeable: the next of them is asked first
    for group in ("w1", "w2", "w3", "w1+w2", "w1+w3", "w2+w3"):
        who = group.split("+")
        fresh = [witness for witness in who if witness not in asked]
        if fresh == list(WITNESSES[known : known + len(fresh)]) and all(asked.count(one) < 2 for one in who):
            for number in (0,) if left == right else (0, 1):
                if len(state.ledgers[number]):
                    yield Act("cosign", None, (number,), group)


def _deeds(state: State) -> Iterator[Deed]:
    yield Deed("sign", ("N",), "U")
    yield Deed("sign", ("N",), "T")
    if any(entry.deed.about == "T" for ledger in state.ledgers for entry in ledger):
        yield Deed("withdraw", ("N",), "T")
    for where, ledger in enumerate(state.ledgers):
        head = head_of(ledger)
        yield Deed("dismiss", ("a1", "a2"), "N", head)
        if ("sign", "T") in [(entry.deed.kind, entry.deed.about) for entry in ledger]:
            apart = content(ledger) != content(state.ledgers[0][: len(ledger)])
            yield Deed("ratify", ("a1", "a2"), "N:T", head, len(ledger), where=where if apart else 0)


def head_of(ledger: Ledger) -> Deed | None:
    head: Deed | None = None
    for _, deed in ledger:
        if len(deed.by) > 1 and deed.prior == head:
            head = deed
    return head


def content(ledger: Ledger) -> tuple[tuple[int, Deed], ...]:
    """What a reader of the ledger has read, each with its place: all but what came second after a place."""
    found: list[tuple[int, Deed]] = []
    head: Deed | None = None
    for position, (_, deed) in enumerate(ledger):
        if len(deed.by) > 1:
            if deed.prior != head:
                continue
            head = deed
        found.append((position, deed))
    return tuple(found)


def views(state: State, rules: Rules) -> Iterator[View]:
    for which in (0, 1):
        yield View(state.now, (*state.ledgers, state.ledgers[which]), which=which)
    left, right = state.ledgers
    if "one tree" not in rules:
        for choice in range(1 << min(len(left), len(right))):
            mixed = tuple((left, right)[choice >> n & 1][n] for n in range(min(len(left), len(right))))
            yield View(state.now, (left, right, mixed), which=2)
    if "stream" not in rules:
        for hidden in leaving_out((left,)):
            yield View(state.now, (left, right, left), hidden=frozenset((2, n) for _, n in hidden))


# What is true


def truth(state: State, view: View) -> dict[str, bool | None]:
    """In the branch that is read; entries picked from both are nobody's story, and prove what both would."""
    told = {number: _bound(state, state.ledgers[number]) for number in (0, 1)}
    return {"A bound by T": told[view.which] if view.which in told else all(told.values())}


def _bound(state: State, branch: Ledger) -> bool:
    """Whether the council, having read what stands here, meant N's signature to bind it, and still could."""
    story = content(branch)
    for position, deed in story:
        before = [(at, d) for at, d in story if at < position]
        if deed.kind == "ratify":
            read = tuple((at, d) for at, d in content(state.ledgers[deed.where]) if at < deed.seen)
            same = read == tuple((at, d) for at, d in story if at < deed.seen)
            gone = [at for at, d in before if d.kind == "dismiss"]
            given = [at for at, d in before if (d.kind, d.about) == ("sign", "T")]
            took_back = [
                at for at, d in before if d.kind == "withdraw" and min(given, default=at) < at < min([*gone, at + 1])
            ]
            signed = any((d.kind, d.about) == ("sign", "T") for _, d in read)
            if same and signed and not gone and not took_back:
                return True
    return False


# What the protocol answers


def fold(view: View, rules: Rules) -> Fold:
    if view.hidden and "stream" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "stream")))
    ledger = tuple(entry for n, entry in enumerate(view.ledgers[2]) if (2, n) not in view.hidden)
    head: Deed | None = None
    dismissed = bound = withdrawn = False
    findings: list[str] = []
    for _, deed in ledger:
        finding = ""
        if len(deed.by) > 1:
            if deed.prior != head and "spine" in rules:
                findings.append("overtaken")
                continue
            head = deed
        if deed.kind == "dismiss":
            dismissed = True
        elif deed.kind == "ratify":
            finding = _ratified(view, ledger, deed, rules, withdrawn=withdrawn, dismissed=dismissed)
            finding = finding or ("bound" if bound else "")
            bound = bound or not finding
        elif dismissed:
            finding = "dismissed"
        elif deed.kind == "withdraw":
            signed = ("sign", "T") in [(e.deed.kind, e.deed.about) for e in ledger[: len(findings)]]
            finding = "signature missing" if not signed else "bound" if bound else ""
            withdrawn = withdrawn or not finding
        elif bound and deed.about == "T":
            finding = "bound"
        findings.append(finding or "accepted")
    return Fold(tuple(findings), {"A bound by T": (VALID, "") if bound else (INVALID, "not bound")})


def _ratified(view: View, ledger: Ledger, deed: Deed, rules: Rules, *, withdrawn: bool, dismissed: bool) -> str:
    """Whether a ratification has effect in the ledger shown. The heads that it names stand for what was read."""
    read = view.ledgers[deed.where][: deed.seen]
    if "read" in rules and content(read) != content(ledger[: deed.seen]):
        return "another past"
    if ("sign", "T") not in [(entry.deed.kind, entry.deed.about) for entry in ledger[: deed.seen]]:
        return "signature missing"
    if withdrawn:
        return "withdrawn"
    return "dismissed" if dismissed else ""


# Two readers


def together(state: State, rules: Rules, covered: Counter[str]) -> tuple[str, View, str, str] | None:
    """Compare the readers of the two branches, at every index that both have."""
    left, right = state.ledgers
    if left == right:
        return None
    granted = cosigned(state, rules)
    covered["fork: a witness refused to follow the other branch"] += len(granted) < len(state.cosigned)
    for index in range(1, min(len(left), len(right)) + 1):
        shown = [branch[:index] for branch in state.ledgers]
        answers = [fold(View(0, (left, right, part)), rules).answers["A bound by T"] for part in shown]
        children = [{d.prior: d for _, d in content(part) if len(d.by) > 1} for part in shown]
        covered["fork: two acts on one place of the spine"] += any(
            children[0][place] != children[1][place] for place in children[0].keys() & children[1].keys()
        )
        quorums = [witnessed(part, granted, rules) for part in shown]
        covered["fork: a quorum for each branch, before it mattered"] += all(quorums) and shown[0] == shown[1]
        covered["fork: a quorum for a branch in which A is bound"] += (VALID, "") in [
            answer for answer, enough in zip(answers, quorums, strict=True) if enough
        ]
        if answers[0][0] == answers[1][0]:
            continue
        covered["fork: bound in one branch and not in the other"] += 1
        view = View(0, (left, right, shown[answers[1][0] == VALID]), which=int(answers[1][0] == VALID))
        for one in range(index, len(left) + 1):
            for two in range(index, len(right) + 1):
                covered["fork: the same, shown under checkpoints of different sizes"] += one != two
                if consistent(left[:one], right[:two], rules):
                    return "unnoticed", view, "A bound by T", "VALID and INVALID"
        if all(quorums):
            return "split", view, "A bound by T", "VALID and INVALID, both witnessed"
    return None


def consistent(one: Ledger, two: Ledger, rules: Rules) -> bool:
    """Whether two checkpoints may be of one history: the smaller is the beginning of the larger."""
    if "consistency" not in rules:
        return len(one) != len(two) or one == two
    size = min(len(one), len(two))
    return one[:size] == two[:size]


def cosigned(state: State, rules: Rules) -> list[tuple[str, Ledger]]:
    """Which cosignatures the witnesses gave, of all that they were asked for."""
    given: list[tuple[str, Ledger]] = []
    for witness, tree in state.cosigned:
        known = max((seen for who, seen in given if who == witness), key=len, default=())
        traitor = witness == "w1" and "overlap" not in rules
        if tree[: len(known)] == known or traitor or "largest" not in rules:
            given.append((witness, tree))
    return given


def witnessed(shown: Ledger, granted: list[tuple[str, Ledger]], rules: Rules) -> bool:
    """Whether enough witnesses cosigned one tree, and it begins with what is shown."""
    for tree in {tree for _, tree in granted}:
        covers = tree[: len(shown)] == shown or ("covers" not in rules and tree == shown[: len(tree)])
        if covers and len({who for who, other in granted if other == tree}) >= (QUORUM if "quorum" in rules else 1):
            return True
    return False
