"""Denunciation: notice given, running, taken back, over. When a text stops binding those who left it.

W is in force between A and B, and may be denounced from day 1 on, with two days' notice. A's council denounces it,
takes its notice back, or dismisses N; N may denounce, and M, B's negotiator, has no such power. B's council denounces
too, and takes back. The relay holds a decision of A's council back, so that it comes late or is overtaken.

Notice runs from when it came on record; until it has run the party is bound; then it is not, and nothing revives it.
Between two parties the end of one party's bond ends the text.
"""

from collections.abc import Iterator

from .small import Act, Deed, Fold, Rules, State, View, leaving_out
from .verifier import CANNOT_TELL, INVALID, VALID

NOTICE, EARLIEST, LAST = 2, 1, 5  # days
RULES = (
    "notice",
    "end",
    "from record",
    "taken back",
    "in time",
    "own",
    "once",
    "earliest",
    "power",
    "standing",
    "spine",
    "stream",
)
CLAIMS = ("W in force", "A bound by W", "B bound by W")
DEPTH, QUICK = 5, 4
STARTS = {"in force": State("in force", 0, ((),)), "denounceable": State("denounceable", EARLIEST, ((),))}
PREMISES = (
    "denounce: accepted",
    "denounce: running",
    "denounce: too early",
    "denounce: power",
    "denounce: dismissed",
    "denounce: overtaken",
    "denounce: not bound",
    "withdraw-denunciation: accepted",
    "withdraw-denunciation: nothing runs",
    "withdraw-denunciation: overtaken",
    "dismiss: accepted",
    "dismiss: overtaken",
    *(f"{claim}: {answer}" for claim in CLAIMS for answer in ("VALID", "VALID, notice running")),
    "W in force: INVALID, ended",
    "A bound by W: INVALID, left",
    "B bound by W: INVALID, left",
)
COUNCILS = {"A": ("a1", "a2"), "B": ("b1", "b2")}
PARTIES = {"a1": "A", "N": "A", "b1": "B", "M": "B"}


# Who can do what next


def acts(state: State) -> Iterator[Act]:
    (ledger,) = state.ledgers
    logged = [entry.deed for entry in ledger]
    for days in (1, 2):
        if state.now + days <= LAST:
            yield Act("tick", days=days)
    heads = {party: head_of(state, party) for party in "AB"}
    for deed in state.held:
        yield Act("log", deed)
    for party, members in COUNCILS.items():
        for kind, about in (("denounce", "W"), ("withdraw-denunciation", "W"), ("dismiss", "N")):
            tries = sum(deed.kind == kind and deed.by == members for deed in (*logged, *state.held))
            if tries < (1 if kind == "dismiss" else 2) and (party == "A" or kind != "dismiss"):
                deed = Deed(kind, members, about, heads[party], at=state.now)
                if deed not in (*logged, *state.held):
                    yield Act("log", deed)
                    if party == "A":
                        yield Act("hold", deed)
    for holder, most in (("N", 2), ("M", 1)):
        tries = sum(deed.by == (holder,) for deed in logged)
        if tries < most:
            yield Act("log", Deed("denounce", (holder,), "W", seen=tries, at=state.now))


def head_of(state: State, party: str) -> Deed | None:
    """The head of a council's spine: its newest decision that follows the one before."""
    head: Deed | None = None
    for _, deed in state.ledgers[0]:
        if deed.by == COUNCILS[party] and deed.prior == head:
            head = deed.words
    return head


def views(state: State, rules: Rules) -> Iterator[View]:
    for hidden in leaving_out(state.ledgers) if "stream" not in rules else (frozenset[tuple[int, int]](),):
        yield View(state.now, state.ledgers, hidden=hidden)


# What is true


def truth(state: State, view: View) -> dict[str, bool | None]:
    """Who has said, with the right to, that his party leaves; and did not take it back before the day came."""
    leaving: dict[str, int] = {}  # party -> the day on which it is out
    last: dict[str, Deed | None] = {"A": None, "B": None}  # what each council decided last
    servant = True  # N
    for day, deed in state.ledgers[0]:
        party = PARTIES[deed.by[0]]
        if len(deed.by) > 1:
            if deed.prior != last[party]:
                continue  # the council had gone on meanwhile; this is no decision of it
            last[party] = deed.words
        out = leaving.get(party)
        if deed.kind == "dismiss":
            servant = False
        elif deed.kind == "denounce":
            may = len(deed.by) > 1 or (deed.by == ("N",) and servant)
            if may and day >= EARLIEST and out is None:
                leaving[party] = day + NOTICE
        elif out is not None and day < out:
            del leaving[party]
    gone = {party for party, day in leaving.items() if view.now >= day}
    return {"W in force": not gone, "A bound by W": "A" not in gone, "B bound by W": "B" not in gone}


# What the protocol answers


def fold(view: View, rules: Rules) -> Fold:
    if view.hidden and "stream" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "stream")))
    ledger = tuple(entry for n, entry in enumerate(view.ledgers[0]) if (0, n) not in view.hidden)
    heads: dict[str, Deed | None] = {"A": None, "B": None}
    notices: list[tuple[str, int]] = []  # party, effective; those taken back are gone
    dismissed = False
    findings: list[str] = []
    wait = NOTICE if "notice" in rules else 0
    for day, deed in ledger:
        party = PARTIES[deed.by[0]]
        running = [notice for notice in notices if notice[0] == party]
        finding = ""
        if len(deed.by) > 1:
            if deed.prior != heads[party] and "spine" in rules:
                findings.append("overtaken")
                continue
            heads[party] = deed.words
        if deed.kind == "dismiss":
            dismissed = True
        elif deed.kind == "denounce":
            if deed.by == ("M",) and "power" in rules:
                finding = "power"
            elif deed.by == ("N",) and dismissed and "standing" in rules:
                finding = "dismissed"
            elif any(day >= effective for _, effective in running):
                finding = "not bound"
            elif running and "once" in rules:
                finding = "running"
            elif day < EARLIEST and "earliest" in rules:
                finding = "too early"
            else:
                notices = [notice for notice in notices if notice not in running]
                notices.append((party, (day if "from record" in rules else deed.at) + wait))
        else:
            takes = running if "own" in rules else notices
            takes = [notice for notice in takes if day < notice[1] or "in time" not in rules]
            finding = "" if takes else "nothing runs"
            if "taken back" in rules:
                notices = [notice for notice in notices if notice not in takes]
        findings.append(finding or "accepted")
    return Fold(tuple(findings), answers(view, notices, rules))


def answers(view: View, notices: list[tuple[str, int]], rules: Rules) -> dict[str, tuple[str, str]]:
    over = {party for party, effective in notices if view.now >= effective and "end" in rules}
    running = {party for party, _ in notices}
    force = (INVALID, "ended") if over else (VALID, "notice running" if running else "")
    said = {"W in force": force}
    for party in "AB":
        bound = (VALID, "notice running" if party in running else "")
        said[f"{party} bound by W"] = (INVALID, "left") if party in over else bound
    return said
