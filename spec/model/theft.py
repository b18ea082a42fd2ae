"""Key theft: what a thief can do with one key of a party, and until when.

A's council is a1 a2 a3, two of three by signature. N may sign, conclude and delegate; the powers that commit are under
a lease of one day, which the beacons of the clerk's key keep. The recovery key may replace members' keys, after a
day in which the council decides nothing. Whoever has a key speaks with it: nobody can see who he is. Four starts, for
what was stolen:

- **N's key**: the thief signs, concludes, delegates to D and speaks as D. The council dismisses N, or ratifies.
- **a1's key**: the thief decides alone, by one signature twice, with the clerk's; suspends N; signs beside a2, who
  takes him for a colleague. The recovery key puts a4 in a1's place.
- **the clerk's key**: the thief makes beacons that keep N's lease, and signs decisions with it. The council makes none
  itself, and appoints another clerk.
- **the recovery key**: the thief puts x and y in the places of a2 and a3; they decide. The council decides anything
  within the day, or does not.

What is true here is the party's own rule, about keys in office: what it set a key to do, the key does, until the party
has taken it back on record. So a thief has what the key had, no more and no longer; and a council's decision needs two
in office, of whom the thief of one key is never both.
"""

from collections.abc import Iterator

from .small import Act, Deed, Entry, Fold, Rules, State, View, leaving_out
from .verifier import CANNOT_TELL, INVALID, VALID

LEASE, WAIT, SUSPENSION, LAST = 1, 1, 1, 3  # days
RULES = (
    "threshold",
    "distinct",
    "seats",
    "standing",
    "chain",
    "recovered",
    "waits",
    "opposed",
    "suspended",
    "outweighed",
    "lapses",
    "unseated",
    "appointed",
    "stream",
)
CLAIMS = ("A bound by T",)
DEPTH, QUICK = 5, 4
HEARD = Entry(0, Deed("beacon", ("clerk",), seen=1))
STARTS = {
    **{name: State(name, 0, ((HEARD,),)) for name in ("N's key", "the clerk's key")},
    "a1's key": State("a1's key", 0, ((HEARD, Entry(0, Deed("sign", ("N",), "T"))),)),
    "the recovery key": State("the recovery key", 0, ((HEARD, Entry(0, Deed("sign", ("N",), "T"))),)),
}
PREMISES = (
    "conclude: accepted",
    "conclude: dismissed",
    "conclude: suspended",
    "conclude: stale",
    "conclude: no such mandate",
    "delegate: accepted",
    "delegate: dismissed",
    "sign: dismissed",
    "dismiss: accepted",
    "ratify: accepted",
    "ratify: threshold",
    "ratify: recovered",
    "ratify: waits",
    "ratify: opposed",
    "ratify: overtaken",
    "ratify: dismissed",
    "recover: accepted",
    "recover: overtaken",
    "recover: key role",
    "decide: accepted",
    "suspend: accepted",
    "suspend: no seat",
    "beacon: accepted",
    "beacon: another's key",
    "appoint: accepted",
    "appoint: threshold",
    "A bound by T: VALID",
    "A bound by T: INVALID, not bound",
)


# Who can do what next


def acts(state: State) -> Iterator[Act]:
    (ledger,) = state.ledgers
    logged = [entry.deed for entry in ledger]
    for days in (1, 2):
        if state.now + days <= LAST:
            yield Act("tick", days=days)
    for deed in {"N": _negotiator, "a": _member, "c": _clerk, "r": _recovery}[_stolen(state.start)](state, logged):
        if deed not in logged:
            yield Act("log", deed)


def _stolen(start: str) -> str:
    return start.removeprefix("the ")[0]


def _decision(
    state: State, kind: str, by: tuple[str, ...], about: str = "", *, confirm: bool = False
) -> Iterator[Deed]:
    """The decision at every place that members may take for the head: the newest, and a recovery that waits."""
    ledger = state.ledgers[0]
    for prior in _places(ledger):
        yield Deed(kind, by, about, prior, len(ledger), state.now, confirm)


def _places(ledger: tuple[Entry, ...]) -> list[Deed | None]:
    """The places after which somebody may decide: the newest decision, and a recovery at that place."""
    head: Deed | None = None
    recoveries: list[Deed] = []
    for _, deed in ledger:
        if deed.kind in ("ratify", "dismiss", "decide", "appoint") and deed.prior in (head, *recoveries):
            head = deed.words
        elif deed.kind == "recover" and deed.prior == head:
            recoveries.append(deed.words)
    return [head, *recoveries]


def _talks(who: str, about: str = "T") -> Iterator[Deed]:
    yield Deed("sign", (who,), about)
    yield Deed("conclude", (who,), about)
    yield Deed("conclude", (who,), about, seen=1)


def _negotiator(state: State, logged: list[Deed]) -> Iterator[Deed]:
    yield from _talks("N")
    yield Deed("delegate", ("N",), "D")
    if any(deed.kind == "delegate" for deed in logged):
        yield from _talks("D")
    yield from _decision(state, "dismiss", ("a2", "a3"), "N") if _never(logged, "dismiss") else ()
    if _never(logged, "ratify"):
        for who in ("N", "D"):
            if any(deed.kind == "sign" and deed.by == (who,) for deed in logged):
                for confirm in (False, True):
                    yield from _decision(state, "ratify", ("a2", "a3"), f"{who}:T", confirm=confirm)


def _never(logged: list[Deed], kind: str, most: int = 1) -> bool:
    return sum(deed.kind == kind for deed in logged) < most


def _member(state: State, logged: list[Deed]) -> Iterator[Deed]:
    yield Deed("conclude", ("N",), "T")
    yield Deed("suspend", ("a1",), "N")
    if _never(logged, "recover"):
        yield from _decision(state, "recover", ("r", "a4"), "a1>a4")
    if _never(logged, "ratify", 2):
        for by in (("a1",), ("a1", "a1"), ("a1", "clerk"), ("a1", "a2"), ("a2", "a3"), ("a2", "a4")):
            yield from _decision(state, "ratify", by, "N:T")
    if _never(logged, "decide"):
        yield from _decision(state, "decide", ("a2", "a3"))


def _clerk(state: State, logged: list[Deed]) -> Iterator[Deed]:
    serial = sum(deed.kind == "beacon" for deed in logged) + 1
    if serial < 5:
        yield Deed("beacon", ("clerk",), seen=serial, at=state.now)
        yield Deed("beacon", ("clerk2",), seen=serial, at=state.now)
    yield Deed("conclude", ("N",), "T")
    yield Deed("conclude", ("N",), "T", seen=1)
    if _never(logged, "appoint"):
        for by in (("clerk",), ("clerk", "a1"), ("a1", "a2")):
            yield from _decision(state, "appoint", by, "clerk2")


def _recovery(state: State, logged: list[Deed]) -> Iterator[Deed]:
    if _never(logged, "recover", 2):
        yield from _decision(state, "recover", ("r", "x", "y"), "a2>x a3>y")
    if _never(logged, "decide"):
        yield from _decision(state, "decide", ("a1", "a2"))
    if _never(logged, "ratify", 2):
        for by in (("r",), ("r", "a1"), ("x", "y"), ("a2", "a3"), ("a1", "x")):
            yield from _decision(state, "ratify", by, "N:T")


def views(state: State, rules: Rules) -> Iterator[View]:
    for hidden in leaving_out(state.ledgers) if "stream" not in rules else (frozenset[tuple[int, int]](),):
        yield View(state.now, state.ledgers, state.start, hidden=hidden)


# What is true


def truth(state: State, view: View) -> dict[str, bool | None]:
    """Which keys the party has in office, day by day, and what they said while they were."""
    ledger = state.ledgers[0]
    office = {"a1", "a2", "a3"}
    clerk = "clerk"
    last: Deed | None = None  # the council's newest decision
    asked: tuple[int, Deed] | None = None  # a recovery that nobody has answered, and since when
    named = set[str]()  # keys that a recovery has put forward: it does so once, whatever came of it
    given: dict[str, int] = {}
    servants = {"N"}
    stopped: int | None = None  # N, for a day, by one member
    heard: list[int] = []
    bound = False
    for number, (day, deed) in enumerate(ledger):
        if asked and day >= asked[0] + WAIT:
            for pair in asked[1].about.split():
                leaver, _, newcomer = pair.partition(">")
                office = office - {leaver} | {newcomer}
            last, asked = asked[1].words, None  # the council, as it now is, goes on from there
        commits = any(day - word <= LEASE for word in heard) and not (
            stopped is not None and stopped <= day < stopped + SUSPENSION
        )
        if deed.kind in ("ratify", "dismiss", "appoint", "decide"):
            if len(set(deed.by) & office) < 2 or deed.prior != last:
                continue
            last, asked = deed.words, None
            if deed.kind == "dismiss":
                servants -= {"N", "D"}
            elif deed.kind == "appoint":
                clerk = "clerk2"
            elif deed.kind == "ratify":
                signer = deed.about[0]
                bound = bound or (signer in given and (deed.confirm or _served(ledger, number, given[signer], signer)))
        elif deed.kind == "recover" and asked is None and deed.prior == last:
            old, new = (set(keys) for keys in zip(*(pair.split(">") for pair in deed.about.split()), strict=True))
            if old <= office and not new & named:
                asked = (day, deed)
                named |= new
        elif deed.kind == "suspend" and set(deed.by) <= office:
            stopped = day if stopped is None else stopped
        elif deed.kind == "beacon" and deed.by == (clerk,):
            heard.append(min(day, deed.at))
        elif deed.kind == "delegate" and "N" in servants and commits:
            servants.add("D")
        elif deed.kind == "sign" and (deed.by == ("N",) or "D" in _ever(ledger[:number])):
            given.setdefault(deed.by[0], number)
        elif deed.kind == "conclude":
            bound = bound or (deed.by[0] in servants and commits)
    return {"A bound by T": bound}


def _ever(before: tuple[Entry, ...]) -> set[str]:
    """Whether D was ever sent: N delegated while he served and was heard; nobody suspends him in that start."""
    sent = set[str]()
    for number, (day, deed) in enumerate(before):
        fresh = any(d.kind == "beacon" and day - min(t, d.at) <= LEASE for t, d in before[:number])
        if deed.kind == "delegate" and fresh and not any(d.kind == "dismiss" for _, d in before[:number]):
            sent.add("D")
    return sent


def _served(ledger: tuple[Entry, ...], number: int, given: int, signer: str) -> bool:
    """Whether the council, ratifying, had not sent N away: it follows its own decisions, so it knew."""
    return not any(deed.kind == "dismiss" for _, deed in ledger[:number])


# What the protocol answers


def fold(view: View, rules: Rules) -> Fold:
    if view.hidden and "stream" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "stream")))
    ledger = tuple(entry for n, entry in enumerate(view.ledgers[0]) if (0, n) not in view.hidden)
    register = _Register(rules)
    findings = tuple(register.admit(n, day, deed) or "accepted" for n, (day, deed) in enumerate(ledger))
    return Fold(findings, {"A bound by T": (VALID, "") if register.bound else (INVALID, "not bound")})


class _Register:
    """The party's register as the protocol folds it: places, their seats, endings, beacons."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.seats: dict[Deed | None, frozenset[str]] = {None: frozenset({"a1", "a2", "a3"})}
        self.taken: set[Deed | None] = set()
        self.recoveries: dict[Deed | None, tuple[Deed, int]] = {}  # place -> recovery, ready
        self.head: Deed | None = None
        self.named: set[str] = set()  # keys that a recovery gave the role of members
        self.clerks = {"clerk"}
        self.beacons: list[int] = []
        self.mandates = {"N"}
        self.dismissed: int | None = None  # position
        self.suspended: int | None = None  # day
        self.signatures: dict[str, str] = {}
        self.bound = False

    def admit(self, number: int, day: int, deed: Deed) -> str:
        """Why the deed has no effect, or the empty text."""
        match deed.kind:
            case "beacon":
                if deed.by[0] not in self.clerks:
                    return "another's key"
                self.beacons.append(min(day, deed.at))
                return ""
            case "recover":
                return self.recover(day, deed)
            case "suspend":
                return self.suspend(day, deed)
            case "sign" | "conclude" | "delegate":
                return self.speak(number, day, deed)
        finding = self.place(day, deed) or self.sufficient(deed)
        if finding:
            return finding
        self.taken.add(deed.prior)
        self.head = deed.words
        self.seats[deed.words] = self.seats[deed.prior]
        match deed.kind:
            case "dismiss":
                self.dismissed = number if self.dismissed is None else self.dismissed
            case "appoint":
                self.clerks = {"clerk2"} | (set() if "appointed" in self.rules else {"clerk"})
            case "ratify":
                return self.ratify(day, deed)
        return ""

    # Decisions

    def place(self, day: int, deed: Deed) -> str:
        """Whether something may follow the place that the decision names: nothing followed it, and no recovery."""
        if deed.prior not in self.seats or deed.prior in self.taken:
            return "overtaken"
        recovery = self.recoveries.get(deed.prior)
        if recovery and day >= recovery[1] and "recovered" in self.rules:
            return "recovered"
        for before, (recovery_, ready) in self.recoveries.items():
            if recovery_ == deed.prior:
                if day < ready and "waits" in self.rules:
                    return "waits"
                if before in self.taken and "opposed" in self.rules:
                    return "opposed"
        return ""

    def sufficient(self, deed: Deed) -> str:
        seats = self.seats[deed.prior]
        signed = [key for key in deed.by if key in seats or "seats" not in self.rules]
        weight = len(set(signed) if "distinct" in self.rules else signed)
        return "" if weight >= (2 if "threshold" in self.rules else 1) else "threshold"

    def recover(self, day: int, deed: Deed) -> str:
        if deed.prior not in self.seats or deed.prior in self.taken or deed.prior in self.recoveries:
            return "overtaken"
        if any(recovery == deed.prior for recovery, _ in self.recoveries.values()):
            return "overtaken"  # x and y have their seats, if at all: there is nobody left to replace
        pairs = dict(pair.split(">") for pair in deed.about.split())
        if not pairs.keys() <= self.seats[deed.prior]:
            return "no seat"
        if self.named & set(pairs.values()):
            return "key role"  # a recovery gives its keys their role at once, also one that comes to nothing
        self.named |= set(pairs.values())
        self.seats[deed.words] = frozenset(pairs.get(key, key) for key in self.seats[deed.prior])
        self.recoveries[deed.prior] = (deed.words, day + WAIT)
        return ""

    def suspend(self, day: int, deed: Deed) -> str:
        place = self.head
        recovery = self.recoveries.get(place)
        if recovery and day >= recovery[1] and "unseated" in self.rules:
            place = recovery[0]
        if deed.by[0] not in self.seats[place]:
            return "no seat"
        self.suspended = day if self.suspended is None else self.suspended
        return ""

    # Holders

    def ended(self, who: str) -> bool:
        return self.dismissed is not None and "standing" in self.rules and (who == "N" or "chain" in self.rules)

    def speak(self, number: int, day: int, deed: Deed) -> str:
        who = deed.by[0]
        if who not in self.mandates:
            return "no such mandate"
        finding = ""
        if self.ended(who):
            finding = "dismissed"
        elif self.stopped(day):
            finding = "suspended"
        elif deed.kind != "sign" and not any(day - heard <= LEASE for heard in self.beacons):
            finding = "stale"
        elif self.bound and deed.kind != "delegate":
            finding = "bound"
        if deed.kind == "sign":
            self.signatures.setdefault(f"{who}:T", finding)
        elif deed.kind == "conclude":
            self.bound = self.bound or not finding
        elif not finding:
            self.mandates.add(deed.about)
        return finding

    def stopped(self, day: int) -> bool:
        if self.suspended is None or "suspended" not in self.rules:
            return False
        return day < self.suspended + SUSPENSION or "lapses" not in self.rules

    def ratify(self, day: int, deed: Deed) -> str:
        signature = self.signatures.get(deed.about)
        if signature is None:
            return "signature missing"
        if self.ended(deed.about[0]) and not deed.confirm:
            return "dismissed"
        if signature == "suspended" and not deed.confirm and "outweighed" not in self.rules:
            return "suspended"
        if self.stopped(day) and "outweighed" not in self.rules:
            return "suspended"
        if self.bound:
            return "bound"
        self.bound = True
        return ""
