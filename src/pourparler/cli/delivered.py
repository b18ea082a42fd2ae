"""What a delivery by hand brought, in words and for ``--json``: the same, whichever process brought it to the node."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pourparler.cli.session import MARK, Session
from pourparler.cli.words import clean, count, date_time, short
from pourparler.core.evidence import Verdict
from pourparler.dispatch import courier
from pourparler.dispatch.courier import Account, Seal
from pourparler.service.couriering import Delivered
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Shown, State, Taken

ASIDE = "~"  # the mark of a line that is only mentioned

Line = tuple[str, str]  # a mark, and what is said
Plain = dict[str, Any]


@dataclass(slots=True)
class Read:
    """What was read of files and photos: how much of it was bad, whether something is missing, and what ``--json``
    says of each."""

    bad: int = 0
    missing: bool = False
    entries: int = 0
    files: list[dict[str, str]] = field(default_factory=list)
    acts: list[Plain] = field(default_factory=list)
    bundles: list[Plain] = field(default_factory=list)
    parties: list[Plain] = field(default_factory=list)

    def file(self, name: str, reason: str = "", what: str = "") -> None:
        self.files.append({"name": name, "reason": reason, "what": what})

    def note(self, found: Plain) -> None:
        """Take note of one delivery, as :func:`plain` has it."""
        self.bad += found["bad"]
        self.missing |= found["missing"]
        self.entries = found["entries"]
        self.acts += found["acts"]
        self.bundles += found["bundles"]
        self.parties += found["parties"]

    def plain(self) -> Plain:
        told = {"bad": self.bad, "entries": self.entries, "files": self.files}
        return {**told, "acts": self.acts, "bundles": self.bundles, "parties": self.parties}


def plain(node: Node, name: str, found: Delivered) -> Plain:
    """Return what a delivery brought as JSON can say it: counts, ids in hex, the lines that a person is shown."""
    acts = [
        {"id": one.act.hex(), "kind": found.kinds.get(one.act, ""), "state": one.state.value, "reason": one.reason}
        for one in found.taken
    ]
    parties = [
        {
            "party": one.party.hex(), "whole": one.whole.value, "reason": one.reason,
            "missing": one.missing and list(one.missing), "shown": one.shown, "stated": one.stated,
        }
        for one in found.accounts
    ]  # fmt: skip
    return {
        "taken": [one.plain() for one in found.taken],
        "lines": [*lines_of(node, name, found)],
        "bad": badness(found),
        "missing": lacks(found),
        "reason": reason_of(found),
        "photos": {one.image: [one.reason, one.detail] for one in reversed(found.bad)},
        "acts": acts,
        "bundles": [{"acts": dict(one.acts), "reason": one.reason} for one in found.shown],
        "parties": parties,
        "entries": node.journal.size,
    }


def lacks(found: Delivered) -> bool:
    """Return whether something is missing of a delivery: acts, or the word of witnesses that was asked for."""
    return any(one.whole is courier.Whole.MISSING for one in found.accounts) or any(map(unwitnessed, found.shown))


def unwitnessed(shown: Shown) -> bool:
    """Return whether a bundle proves nothing for want of the witnesses that were asked for."""
    return shown.reason.startswith("witness.")


def badness(found: Delivered) -> int:
    """Return how much of a delivery was bad. A broken seal is one with whatever it shows."""
    refused = sum(taken.state is State.REFUSED for taken in found.taken)
    false = sum(report.verdict is Verdict.INVALID for report in found.reports)
    other = sum(account.whole is courier.Whole.CONTRADICTED for account in found.accounts)
    return len(found.bad) + refused + false + other or int(is_broken(found))


def is_broken(found: Delivered) -> bool:
    return any(reason == "courier.seal" for _, reason in found.seals)


def reason_of(found: Delivered) -> str:
    """Return the reason why a delivery is bad: that it was changed, before what the change has spoilt."""
    if is_broken(found):
        return "courier.seal"
    refused = [taken.reason for taken in found.taken if taken.state is State.REFUSED]
    false = [report.reason for report in found.reports if report.verdict is Verdict.INVALID]
    other = [one.reason for one in found.accounts if one.whole is courier.Whole.CONTRADICTED]
    return next(iter((*refused, *false, *other)), "")


# --- in words ---------------------------------------------------------------------------------------------------------


def say_lines(session: Session, lines: Iterable[Sequence[str]]) -> None:
    for mark, line in lines:
        if mark == ASIDE:
            session.mention(line)
        else:
            session.say(line, lead=[MARK[mark], " "] if mark in MARK else f"{mark} " if mark else "")


def lines_of(node: Node, name: str, found: Delivered) -> Iterable[Line]:
    """Yield what a delivery brought, a line each."""
    for taken in found.taken:
        yield "", f"courier: {words_of(taken, found.kinds.get(taken.act, ''))}"
    for shown in found.shown:
        yield "!" if unwitnessed(shown) else "", f"courier: {bundle_words(shown)}"
    for account in found.accounts:
        if account.reason or account.at is not None:
            yield account_line(node, account)
    for code in found.bad:
        yield "no", f"courier: {clean(code.named())}: {clean(code.detail)} [{code.reason}]"
    for seal, reason in found.seals:
        yield seal_line(name, seal, reason)


def words_of(taken: Taken, kind: str) -> str:
    """Return what became of an act, in words."""
    why = f" [{taken.reason}]" if taken.reason else ""
    works = ", and it works already" if taken.works else ""
    what = f"{kind} {short(taken.act)}".strip() if taken.act else "bytes"
    return f"{what} {state_words(taken.state.value)}{works}{why}"


def bundle_words(shown: Shown) -> str:
    """Return what came of a bundle, in words."""
    if shown.reason and not shown.acts:
        return f"a bundle: {clean(shown.detail or 'nothing of it is taken')} [{shown.reason}]"
    if not shown.acts:
        return "a bundle: nothing in it of a party that is followed here"
    (state, first), *rest = shown.acts.items()
    each = [f"{count(first, 'act')} {state_words(state)}", *(f"{many} {state_words(state)}" for state, many in rest)]
    why = f", as heard, for it proves nothing: {clean(shown.detail)} [{shown.reason}]" if shown.reason else ""
    return f"a bundle: {', '.join(each)}{why}"


def state_words(state: str) -> str:
    return "known already" if state == State.KNOWN.value else state


def account_line(node: Node, account: Account) -> Line:
    """Return whether something is missing: loudly where it is, and quietly where only nobody can tell."""
    register = node.registry.registers.get(account.party)
    whose = f"{clean(register.spines.party.name)} {short(account.party)}" if register else short(account.party)
    said = f"courier: of {whose} {count(account.shown, 'act')} {'is' if account.shown == 1 else 'are'} shown"
    code = f" [{account.reason}]"
    match account.whole:
        case courier.Whole.WHOLE if account.at is not None:
            return ASIDE, f"{said}, all that its beacon of {date_time(account.at)} speaks of among them"
        case courier.Whole.MISSING if account.missing:
            first, last = account.missing
            which = f"act {first} is" if first == last else f"acts {first} to {last} are"
            return "!", f"{said}, and {which} missing{code}"
        case courier.Whole.MISSING if account.moved_to:
            return "!", f"{said}; then it moved to {clean(account.moved_to)}, of which nothing is shown{code}"
        case courier.Whole.MISSING:
            of = f" of {account.stated}" if account.stated is not None else ""
            return "!", f"{said}{of}: the rest was taken out{code}"
        case courier.Whole.CONTRADICTED:
            return "no", f"{said}, and a beacon tells another history{code}"
        case _ if account.reason in ("courier.no-beacon", "courier.no-bundle"):
            return ASIDE, f"{said}; no beacon says whether there are more{code}"
    return "!", f"{said}: {account.whole.value} whether these are all{code}"


def seal_line(name: str, seal: Seal, reason: str) -> Line:
    match reason:
        case "":
            return ASIDE, f"courier: {clean(name)} is as {short(seal.key)} sealed it for {short(seal.party)}"
        case "courier.seal":
            what = "was changed after it was sealed; what verifies was taken"
            return "no", f"courier: {clean(name)} {what} [{reason}]"
    what = f"the seal of {short(seal.key)} says nothing: nobody here knows the key"
    return "!", f"courier: {clean(name)}: {what} [{reason}]"
