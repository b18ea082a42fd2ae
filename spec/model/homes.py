"""Two ledgers: a party's home, and the ledger of a dossier. What counts where, and from when.

A's council decides; its home ledger puts the decisions in order, of two after one place the first. The dossier is in
another ledger, where N may conclude and D, his delegate, signs ad referendum. The relay carries every decision to
either ledger, in any order, or never; the members draft on the head that one of the ledgers shows them, several drafts
at a time.
The home's depositary may fork: a second home ledger takes what the relay brings, and members may be shown that one.

Ledgers: 0 the home, 1 its other branch, 2 the dossier's. A view shows one branch, up to some length, and the dossier's
ledger up to its end. A decision that neither was taken by the home nor lost its place to another may still be either:
then nothing is true yet. A forked home speaks with two mouths, and towards each listener the party is held to what he
heard: what is true is so in a branch.
"""

from collections.abc import Iterator

from .small import Act, Deed, Entry, Fold, Ledger, Rules, State, View, leaving_out
from .verifier import CANNOT_TELL, INVALID, VALID

HOME, OTHER, HERE = 0, 1, 2
RULES = (
    "real",
    "sibling",
    "place lost",
    "unknown",
    "first",
    "notice",
    "from its index",
    "past",
    "spine seen",
    "known place",
    "home whole",
    "stream",
)
CLAIMS = ("A bound by T",)
DEPTH, QUICK = 4, 3
SIGNED = Entry(0, Deed("sign", ("D",), "T"))
DISMISSED = Entry(0, Deed("dismiss", ("a1", "a2"), "N"))
STARTS = {
    "signed": State("signed", 0, ((), (), (SIGNED,))),
    "dismissed at home": State("dismissed at home", 0, ((DISMISSED,), (), (SIGNED,))),
}
PREMISES = (
    "conclude: accepted",
    "conclude: dismissed",
    "conclude: home not shown",
    "revoke: accepted",
    "revoke: dismissed",
    "dismiss: accepted",
    "dismiss: unknown place",
    "ratify: accepted",
    "ratify: sibling",
    "ratify: place lost",
    "ratify: home not shown",
    "ratify: dismissed",
    "ratify: revoked",
    "ratify: unknown place",
    "ratify: bound",
    "decide: accepted",
    "view: dismissed at home only, and a definitive signature stands",
    "view: revoked after what the council had seen, and ratified",
    "view: another branch of the home, another answer",
    "A bound by T: VALID",
    "A bound by T: INVALID, not bound",
    "A bound by T: CANNOT TELL, home not shown",
)


# Who can do what next


def acts(state: State) -> Iterator[Act]:
    here = state.ledgers[HERE]
    logged = (entry.deed for ledger in state.ledgers for entry in ledger)
    known = list(dict.fromkeys([*state.held, *(deed for deed in logged if len(deed.by) > 1)]))
    for deed in known:
        for number in (HOME, OTHER, HERE):
            if deed not in [entry.deed for entry in state.ledgers[number]]:
                yield Act("log", deed, (number,))
            elif number == HERE and finding_here(state, deed) == "unknown place":
                yield Act("log", deed, (number,))  # what a ledger refused can be submitted again
    done = [entry.deed for entry in here]
    for deed in (Deed("conclude", ("N",), "T"), Deed("revoke", ("N",), "D")):
        if deed not in done:
            yield Act("log", deed, (HERE,))
    if len(known) >= 3:
        return
    for head in dict.fromkeys(map(head_of, state.ledgers)):
        drafts = [Deed("dismiss", ("a1", "a2"), "N", head), Deed("decide", ("a1", "a2"), "", head)]
        drafts += [
            Deed("ratify", ("a1", "a2"), "D:T", head, len(here), confirm=confirm)
            for confirm in (False, True)
            if not confirm or any(d.kind in ("dismiss", "revoke") for d in [*done, *known])
        ]
        for deed in drafts:
            if deed not in known:
                yield Act("hold", deed)
                yield Act("log", deed, (HOME,))
                yield Act("log", deed, (HOME, HERE))
                yield Act("log", deed, (HERE,))


def head_of(ledger: Ledger) -> Deed | None:
    head: Deed | None = None
    for _, deed in ledger:
        if len(deed.by) > 1 and deed.prior == head:
            head = deed
    return head


def finding_here(state: State, deed: Deed) -> str:
    """What became of the deed where it stands in the dossier's ledger: only whether its place was known there."""
    places: set[Deed | None] = {None}
    found = ""
    for _, logged in state.ledgers[HERE]:
        if len(logged.by) > 1:
            known = logged.prior in places
            places |= {logged} if known else set()
            if logged == deed:
                found = "" if known else "unknown place"
    return found


def views(state: State, rules: Rules) -> Iterator[View]:
    """The home, whole and shorter, then its other branch, which is short by itself. What has a hole in a stream is
    answered alike."""
    home, other, here = state.ledgers
    for length in range(len(home), -1, -1):
        yield View(state.now, (home[:length], here), which=HOME)
    if other != home[: len(other)]:
        yield View(state.now, (other, here), which=OTHER)
    if not {"stream", "home whole"} <= rules:
        for hidden in leaving_out((home, here)):
            if hidden and ("stream" not in rules or all(number == 0 for number, _ in hidden)):
                yield View(state.now, (home, here), hidden=hidden)


# What is true


def truth(state: State, view: View) -> dict[str, bool | None]:
    """Towards whoever listens at this branch of the home and at the dossier's ledger."""
    taken: dict[Deed | None, Deed] = {}
    last: Deed | None = None
    for _, deed in state.ledgers[view.which]:
        if deed.prior == last:
            last = taken[deed.prior] = deed

    def said(deed: Deed) -> bool | None:
        """Whether the council said it: it took the step, or took another, or may still take either."""
        if deed.prior in taken:
            return taken[deed.prior] == deed
        return None if deed.prior is None or said(deed.prior) is not False else False

    here = state.ledgers[HERE]
    bound: list[bool | None] = [False]
    unsettled: list[bool | None] = []
    heard: list[Deed] = []  # decisions that could be understood here, as what they follow had been heard
    for _, deed in here:
        sent_away = any3([said(d) for d in heard if d.kind == "dismiss"])
        if deed.kind in ("conclude", "revoke"):
            unsettled.append(sent_away)
            bound.append(not3(sent_away) if deed.kind == "conclude" else False)
        elif len(deed.by) > 1 and (deed.prior is None or deed.prior in heard):
            if deed in heard:
                continue
            heard.append(deed)
            if deed.kind == "ratify":
                read = here[: deed.seen]
                over = [said(d) for d in history_of(deed) if d.kind == "dismiss"]
                over += [said(d) for d in understood(read) if d.kind == "dismiss"]
                over += [taken_back(read, n, said) for n, (_, d) in enumerate(read) if d.kind == "revoke"]
                bound.append(all3([said(deed), True if deed.confirm else not3(any3(over))]))
                unsettled += [said(deed), *(over if not deed.confirm else [])]
    return {"A bound by T": any3(bound), "open": None in unsettled}


def understood(read: Ledger) -> list[Deed]:
    heard: list[Deed] = []
    for _, deed in read:
        if len(deed.by) > 1 and (deed.prior is None or deed.prior in heard):
            heard.append(deed)
    return heard


def taken_back(read: Ledger, position: int, said: object) -> bool | None:
    """Whether N could still take D's power back: nobody had sent himself away."""
    assert callable(said)
    return not3(any3([said(d) for d in understood(read[:position]) if d.kind == "dismiss"]))


def history_of(deed: Deed) -> list[Deed]:
    found: list[Deed] = []
    before = deed.prior
    while before is not None:
        found.append(before)
        before = before.prior
    return found


def any3(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def all3(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def not3(value: bool | None) -> bool | None:
    return None if value is None else not value


# What the protocol answers


def fold(view: View, rules: Rules) -> Fold:
    if any(number == 1 for number, _ in view.hidden) and "stream" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "stream")))
    if any(number == 0 for number, _ in view.hidden) and "home whole" in rules:
        return Fold((), dict.fromkeys(CLAIMS, (CANNOT_TELL, "home incomplete")))
    home, here = (
        tuple(entry for n, entry in enumerate(ledger) if (number, n) not in view.hidden)
        for number, ledger in enumerate(view.ledgers)
    )
    elsewhere = [entry.deed for entry in home] if "notice" not in rules else []
    later = [entry.deed for entry in here] if "from its index" not in rules else []
    folded = _Notices(taken_by(home, rules), [*elsewhere, *later], rules)
    findings = tuple(folded.admit(position, deed) or "accepted" for position, (_, deed) in enumerate(here))
    if "home not shown" in findings:  # an act whose place nobody can tell leaves the claim open, whatever else is shown
        answer = (CANNOT_TELL, "home not shown")
    elif folded.bound:
        answer = (VALID, "")
    else:
        answer = (INVALID, "not bound")
    return Fold(findings, {"A bound by T": answer})


def rests_on_a_lost_place(view: View) -> bool:
    """Whether a decision stands here which follows one that the home can no longer take."""
    home, here = view.ledgers
    folded = _Notices(taken_by(home, frozenset(RULES)), [], frozenset(RULES))
    return any(folded.real(deed) == "place lost" for _, deed in here if len(deed.by) > 1)


def taken_by(home: Ledger, rules: Rules) -> dict[Deed | None, list[Deed]]:
    """The children that the home took of each place: the first one."""
    taken: dict[Deed | None, list[Deed]] = {}
    places: set[Deed | None] = {None}
    for _, deed in home:
        if deed.prior in places and (deed.prior not in taken or "first" not in rules):
            taken.setdefault(deed.prior, []).append(deed)
            places.add(deed)
    return taken


class _Notices:
    """The dossier's ledger as folded beside a home: decisions give notice here, and are real if the home took them."""

    def __init__(self, taken: dict[Deed | None, list[Deed]], besides: list[Deed], rules: Rules) -> None:
        self.rules, self.taken = rules, taken
        self.besides = besides  # decisions that gave no notice before; asked only where a rule is out
        self.places: dict[Deed | None, int] = {None: -1}  # those known here -> position
        self.revoked: int | None = None
        self.bound = False

    def real(self, deed: Deed) -> str:
        """``""`` if the home took it; ``sibling`` if it took another; ``place lost`` if it took another in the place of
        what this one follows; else ``home not shown``: it may still take it, or does so behind what is shown."""
        if "real" not in self.rules or deed in self.taken.get(deed.prior, []):
            return ""
        if "sibling" in self.rules and deed.prior in self.taken:
            return "sibling"
        if "place lost" in self.rules and any(one.prior in self.taken for one in self.lost(deed)):
            return "place lost"
        return "home not shown" if "unknown" in self.rules else ""

    def lost(self, deed: Deed) -> Iterator[Deed]:
        """What the decision follows and the home has not taken."""
        return (one for one in history_of(deed) if one not in self.taken.get(one.prior, []))

    def admit(self, position: int, deed: Deed) -> str:
        if deed.kind == "sign":
            return ""
        if deed.kind in ("conclude", "revoke"):
            finding = self.ended([d for d, at in self.places.items() if d and at < position])
            if deed.kind == "revoke" and not finding:
                self.revoked = position
            if deed.kind == "conclude" and not finding:
                finding = "bound" if self.bound else ""
                self.bound = True
            return finding
        if deed.prior not in self.places and "known place" in self.rules:
            return "unknown place"
        if deed in self.places:
            return "repeated"
        self.places[deed] = position
        if deed.kind != "ratify":
            return ""
        finding = self.ratified(deed)
        self.bound = self.bound or not finding
        return finding

    def ended(self, dismissals: list[Deed]) -> str:
        """Whether dismissals that gave notice have ended N's chain, as far as this can be told."""
        found = [self.real(d) for d in [*dismissals, *self.besides] if d.kind == "dismiss"]
        return "dismissed" if "" in found else "home not shown" if "home not shown" in found else ""

    def ratified(self, deed: Deed) -> str:
        seen = deed.seen if "past" in self.rules else len(self.places) + 100
        finding = self.real(deed)
        if finding or deed.confirm:
            return finding or ("bound" if self.bound else "")
        before = [d for d, at in self.places.items() if d and at < seen and d != deed]
        if "spine seen" in self.rules:
            before += [d for d in history_of(deed) if d not in before]
        over = self.ended(before)
        if over:
            return over
        if self.revoked is not None and self.revoked < seen:
            return "revoked"
        return "bound" if self.bound else ""


def together(state: State, rules: Rules, covered: dict[str, int]) -> None:
    """Count what only a look at the whole state shows."""
    home, other, here = state.ledgers
    whole = fold(View(state.now, (home, here)), rules)
    kinds = [(entry.deed.kind, finding) for entry, finding in zip(here, whole.findings, strict=True)]
    dismissed_at_home = any(deed.kind == "dismiss" for row in taken_by(home, rules).values() for deed in row)
    if ("conclude", "accepted") in kinds and dismissed_at_home and "dismiss" not in [kind for kind, _ in kinds]:
        covered["view: dismissed at home only, and a definitive signature stands"] += 1
    if ("revoke", "accepted") in kinds and ("ratify", "accepted") in kinds:
        if kinds.index(("revoke", "accepted")) < kinds.index(("ratify", "accepted")):
            covered["view: revoked after what the council had seen, and ratified"] += 1
    if other and fold(View(state.now, (other, here)), rules).answers != whole.answers:
        covered["view: another branch of the home, another answer"] += 1
