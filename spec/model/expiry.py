"""Expiry: a mandate with an end and a lease. What stops when nobody hears from the party, and what goes on.

A's council gave N powers until day 3, under a lease of one day: to conclude, to delegate and to denounce, a beacon must
stand before his act that is at most one day old. N may delegate to D, whose link says nothing of a lease. T is adopted
and open for consent; W is in force and may be denounced without notice. The clerk makes beacons; he may date one ahead,
and the relay may hold any of them back. The council ratifies what N or D signed, confirming it or not.

What a beacon's age counts from: the clerk answers for the time that he writes, so it counts from there; but nobody
heard it before it was on record, so never from later than that.
"""

from collections.abc import Iterator

from .small import Act, Deed, Entry, Fold, Rules, State, View, leaving_out
from .verifier import CANNOT_TELL, INVALID, VALID

UNTIL, LEASE, LAST = 3, 1, 4  # days
RULES = ("until", "lease", "before", "earlier", "no later", "only", "chain", "as logged", "stream")
CLAIMS = ("A bound by T", "W in force")
DEPTH, QUICK = 5, 4
STARTS = {"granted": State("granted", 0, ((),))}
PREMISES = (
    "conclude: accepted",
    "conclude: stale",
    "conclude: expired",
    "conclude: bound",
    "delegate: stale",
    "delegate: expired",
    "denounce: accepted",
    "denounce: stale",
    "denounce: expired",
    "sign: accepted",
    "sign: expired",
    "sign: no such mandate",
    "ratify: accepted",
    "ratify: signature expired",
    "ratify: bound",
    "beacon: accepted",
    "beacon: serial",
    "A bound by T: VALID",
    "A bound by T: INVALID, not bound",
    "W in force: VALID",
    "W in force: INVALID, ended",
)


# Who can do what next


def acts(state: State) -> Iterator[Act]:
    (ledger,) = state.ledgers
    logged = [entry.deed for entry in ledger]
    for days in (1, 2):
        if state.now + days <= LAST:
            yield Act("tick", days=days)
    made = [deed for deed in (*logged, *state.held) if deed.kind == "beacon"]
    if len(made) < 2:
        serial = len(made) + 1
        yield Act("log", Deed("beacon", ("clerk",), seen=serial, at=state.now))
        yield Act("hold", Deed("beacon", ("clerk",), seen=serial, at=state.now))
        yield Act("log", Deed("beacon", ("clerk",), seen=serial, at=state.now + 2))
    for deed in state.held:
        yield Act("log", deed)
    for who in ("N", "D"):
        deeds = [Deed("sign", (who,), "T"), *(Deed("conclude", (who,), "T", seen=n) for n in (0, 1))]
        deeds += [Deed("delegate", ("N",), "D"), *(Deed("denounce", ("N",), "W", seen=n) for n in (0, 1))] * (
            who == "N"
        )
        for deed in deeds:
            tried_before = not deed.seen or deed._replace(seen=0) in logged
            if deed not in logged and tried_before and (who == "N" or any(d.kind == "delegate" for d in logged)):
                yield Act("log", deed)
    decisions = [deed for deed in logged if deed.kind == "ratify"]
    for deed in logged:
        if deed.kind == "sign" and len(decisions) < 2:
            for confirm in (False, True):
                prior = decisions[-1].words if decisions else None
                yield Act(
                    "log",
                    Deed("ratify", ("a1", "a2"), f"{deed.by[0]}:T", prior, len(ledger), state.now, confirm=confirm),
                )


def views(state: State, rules: Rules) -> Iterator[View]:
    """The whole ledger; what else there is has a hole in a stream, which the rule ``stream`` answers alike."""
    for hidden in leaving_out(state.ledgers) if "stream" not in rules else (frozenset[tuple[int, int]](),):
        yield View(state.now, state.ledgers, hidden=hidden)


# What is true


def truth(state: State, view: View) -> dict[str, bool | None]:
    """N serves until his last day. What commits, he may do only while the party was heard a day ago at most."""
    heard: list[int] = []
    sent = False  # D, by N when he could
    good: dict[str, bool] = {}  # whose signature, and whether he still served
    bound, left, newest = False, False, 0
    for day, deed in state.ledgers[0]:
        serves = day < UNTIL
        commits = serves and any(day - word <= LEASE for word in heard)
        present = deed.by != ("D",) or sent
        if deed.kind == "beacon" and deed.seen > newest:
            heard.append(min(deed.at, day))
            newest = deed.seen
        elif deed.kind == "delegate":
            sent = sent or commits
        elif deed.kind == "sign" and present and not bound:
            good.setdefault(deed.by[0], serves)
        elif deed.kind == "conclude" and present:
            bound = bound or commits
        elif deed.kind == "denounce":
            left = left or commits
        elif deed.kind == "ratify":
            bound = bound or good.get(deed.about[0], False) or (deed.confirm and deed.about[0] in good)
    return {"A bound by T": bound, "W in force": not left}


# What the protocol answers


def fold(view: View, rules: Rules) -> Fold:
    ledger = tuple(entry for n, entry in enumerate(view.ledgers[0]) if (0, n) not in view.hidden)
    if view.hidden and "stream" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "stream")))
    mandates, signatures = {"N"}, dict[str, str]()
    bound, left, serial = False, False, 0
    findings: list[str] = []
    for position, (day, deed) in enumerate(ledger):
        finding = ""
        if deed.kind == "beacon":
            finding = "serial" if deed.seen <= serial else ""
            serial = max(serial, deed.seen)
        elif deed.kind == "ratify":
            signature = signatures.get(deed.about, "missing")
            if "as logged" not in rules and not signature and day >= UNTIL:
                signature = "expired"
            if signature == "missing":
                finding = "signature missing"
            elif signature and not deed.confirm:
                finding = f"signature {signature}"
            elif bound:
                finding = "bound"
            bound = bound or not finding
        elif deed.by[0] not in mandates:
            finding = "no such mandate"
        else:
            finding = standing(ledger, position, rules)
            if deed.kind == "delegate" and not finding:
                mandates.add("D")
            if deed.kind == "sign":
                finding = finding or ("bound" if bound else "")
                signatures.setdefault(f"{deed.by[0]}:T", finding)
            if deed.kind == "conclude":
                finding = finding or ("bound" if bound else "")
                bound = bound or not finding
            if deed.kind == "denounce":
                finding = finding or ("left" if left else "")
                left = left or not finding
        findings.append(finding or "accepted")
    answers = {
        "A bound by T": (VALID, "") if bound else (INVALID, "not bound"),
        "W in force": (INVALID, "ended") if left else (VALID, ""),
    }
    return Fold(tuple(findings), answers)


def standing(ledger: tuple[Entry, ...], position: int, rules: Rules) -> str:
    """Why the chain is not in force for the deed at a position, or the empty text. Every link is asked."""
    day, deed = ledger[position]
    links = ("N", "D") if deed.by == ("D",) else ("N",)
    if "chain" not in rules:
        links = links[-1:]
    for link in links:
        if "until" in rules and day >= UNTIL:
            return "expired"
        leased = deed.kind in ("conclude", "delegate", "denounce") or "only" not in rules
        if link == "N" and leased and "lease" in rules and not fresh(ledger, position, rules):
            return "stale"
    return ""


def fresh(ledger: tuple[Entry, ...], position: int, rules: Rules) -> bool:
    """Whether a beacon stands before the position that is young enough: by the earlier of its own and its log time."""
    day, newest = ledger[position].time, 0
    for at, (logged, deed) in enumerate(ledger):
        if deed.kind != "beacon" or ("before" in rules and at > position) or deed.seen <= newest:
            continue
        newest = deed.seen
        times = [deed.at] * ("earlier" in rules) + [logged] * ("no later" in rules)
        if day - min(times or [day]) <= LEASE:
            return True
    return False
