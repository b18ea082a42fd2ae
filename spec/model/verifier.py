"""The protocol's answer: one verdict on *party P is bound by text T*, from a bundle, by seven rules.

A bundle is some of the entries of a ledger, chosen by an adversary, under a stamp that fixes how long the ledger and
each of its streams are. The verifier sees the bundle and the stamp; of an entry that is left out it knows only that a
stream has a hole at that place. In this model the stamp is passed as the whole ledger, and ``left_out`` says which
positions must not be looked at.

Each rule can be switched off, and then the verifier is as careless as an implementation that forgot it:

==========  ==========================================================  ==============================================
rule        with it                                                     without it
==========  ==========================================================  ==============================================
stream      a hole in the dossier's or the party's stream: CANNOT TELL  what is left out never happened
spine       a hole in the spine: CANNOT TELL; a decision on another     what is left out never happened; any number of
            head than the spine's is overtaken                          decisions on one head count
office      only members seated at ``prior`` count                      whoever ever had a seat counts
distinct    a member counts once                                        a signature counts as often as it is attached
text        an approval counts for the text it names only, and a        the text is not looked at
            ratification for the text of its signature only
named       an approval counts for the signature it names only          the named signature is not looked at
revocation  dismissals and revocations end standing, unless confirmed   they are ignored
==========  ==========================================================  ==============================================

VALID and INVALID are final: INVALID means that the dossier or the text is dead and nothing before its death binds.
"Not bound so far" is CANNOT TELL with the reason ``none`` or the fault of the last ratification shown.
"""

from typing import NamedTuple

from .world import BASE, CANDIDATE, FOUNDERS, HOLDERS, THRESHOLD, Entry, Facts, Ledger, Words, signer_of, text_of

RULES = ("revocation", "office", "distinct", "text", "named", "spine", "stream")
VALID, INVALID, CANNOT_TELL = "VALID", "INVALID", "CANNOT TELL"
Rules = frozenset[str]
ALL_RULES: Rules = frozenset(RULES)
NOTHING: frozenset[int] = frozenset()  # left out


class Verdict(NamedTuple):
    answer: str
    reason: str
    basis: int | None = None  # VALID: the position of the ratification that binds


class Finding(NamedTuple):
    """What an entry comes to. ``status``: accepted, refused (belongs in no ledger), void, repeated, or unknown."""

    status: str
    reason: str = ""


class _Point(NamedTuple):
    """How a spine stood after a position."""

    position: int
    seats: frozenset[str]
    roster: frozenset[str]  # everybody who ever had a seat
    dismissed: frozenset[str]


class Fold(NamedTuple):
    findings: dict[int, Finding]  # of the party's decisions, by position
    spine: tuple[_Point, ...]
    head: int
    closed: int | None
    refused: dict[str, int]  # text -> position
    bound: dict[str, int]  # text -> position of the first ratification that binds


def judge(ledger: Ledger, left_out: frozenset[int], party: str, text: str, rules: Rules = ALL_RULES) -> Verdict:
    """The verdict on *party is bound by text* for the bundle of everything in ``ledger`` but ``left_out``."""
    if "stream" in rules and any(in_streams(ledger[position], party) for position in left_out):
        return Verdict(CANNOT_TELL, "stream")
    return answer(ledger, fold(ledger, left_out, party, rules), party, text)


def answer(ledger: Ledger, result: Fold, party: str, text: str) -> Verdict:
    """The verdict once the entries are folded."""
    if text in result.bound:
        return Verdict(VALID, "", result.bound[text])
    death = min((p for p in (result.closed, result.refused.get(text)) if p is not None), default=None)
    tried = [(p, f) for p, f in result.findings.items() if _ratifies(ledger[p], party, text)]
    unknown = any(finding.status == "unknown" for position, finding in tried if death is None or position < death)
    if unknown:
        return Verdict(CANNOT_TELL, "spine")
    if death is not None:
        return Verdict(INVALID, "closed" if death == result.closed else "refused")
    fault = next((finding.reason for _, finding in reversed(tried) if finding.status != "repeated"), "none")
    return Verdict(CANNOT_TELL, fault)


def _ratifies(entry: Entry, party: str, text: str) -> bool:
    return entry.kind == "ratify" and entry.who == party and entry.subject == text


def in_streams(entry: Entry, party: str) -> bool:
    """Whether ``entry`` is in the dossier's stream or in ``party``'s. Elections and dismissals: on the spine only."""
    if entry.kind in ("delegate", "revoke"):
        return party == "A"
    return entry.kind not in ("elect", "dismiss")


def fold(ledger: Ledger, left_out: frozenset[int], party: str, rules: Rules = ALL_RULES) -> Fold:
    """What the entries that are not left out add up to for ``party``."""
    founders = frozenset(FOUNDERS[party])
    spine = [_Point(BASE, founders, founders, frozenset())]
    head, hole, closed = BASE, False, None
    findings: dict[int, Finding] = {}
    earlier: set[Words] = set()
    refused: dict[str, int] = {}
    bound: dict[str, int] = {}
    for position, entry in enumerate(ledger):
        words = entry.words
        if position in left_out:
            hole = hole or (words is not None and words.party == party and "spine" in rules)
            continue
        if words is None:
            if entry.kind == "close" and closed is None:
                closed = position
            continue
        if words.party != party:
            continue
        if hole:
            findings[position] = Finding("unknown", "spine")
            continue
        finding = _decision(entry, words, head, spine, earlier, rules)
        if finding.status == "accepted":
            spine.append(_moved(spine[-1], position, words))
            head = position
            if words.kind == "ratify":
                finding = _ratification(ledger, left_out, position, words, spine, closed, refused, rules)
                if finding.status == "accepted":
                    bound.setdefault(words.subject, position)
            elif words.kind == "refuse":
                if words.subject in bound:
                    finding = Finding("void", "bound")
                else:
                    refused.setdefault(words.subject, position)
        findings[position] = finding
    return Fold(findings, tuple(spine), head, closed, refused, bound)


# The council's decisions


def _decision(entry: Entry, words: Words, head: int, spine: list[_Point], earlier: set[Words], rules: Rules) -> Finding:
    """Whether an envelope is a decision of the organ, and the next one on its spine. ``earlier``: complete before."""
    past = _at(spine, words.prior)
    voters = past.seats if "office" in rules else past.roster
    attached = [member for member, meant in entry.approvals if _same(meant, words, rules)]
    if not attached:
        return Finding("refused", "signature")
    counted = [member for member in attached if member in voters]
    if len(set(counted) if "distinct" in rules else counted) < THRESHOLD:
        return Finding("refused", "threshold")
    if words in earlier:
        return Finding("repeated")
    earlier.add(words)
    if "spine" in rules and words.prior != head:
        return Finding("void", "overtaken")
    return Finding("accepted")


def _same(meant: Words, words: Words, rules: Rules) -> bool:
    """Whether an approval made over ``meant`` counts for ``words``."""
    if "text" not in rules:
        meant = meant._replace(subject=words.subject) if meant.kind == "ratify" else meant
    if "named" not in rules:
        meant = meant._replace(named=words.named)
    return meant == words


def _moved(before: _Point, position: int, words: Words) -> _Point:
    match words.kind:
        case "elect":
            seats = before.seats - {words.subject} | {CANDIDATE}
            return _Point(position, seats, before.roster | {CANDIDATE}, before.dismissed)
        case "dismiss":
            return before._replace(position=position, dismissed=before.dismissed | {words.subject})
    return before._replace(position=position)


def _at(spine: list[_Point], position: int) -> _Point:
    """How the spine stood after ``position``, as far as it is shown."""
    return next(point for point in reversed(spine) if point.position <= position)


# Standing, signatures, ratification


def _ended(
    ledger: Ledger, left_out: frozenset[int], holder: str, dismissed: frozenset[str], before: int, rules: Rules
) -> bool:
    """Whether ``holder``'s chain had ended, by the spine's dismissals and the party's stream up to ``before``."""
    if "revocation" not in rules:
        return False
    if holder != "D":
        return holder in dismissed
    return bool(dismissed & {"N", "D"}) or any(
        entry.kind == "revoke" and position not in left_out for position, entry in enumerate(ledger[:before])
    )


def _ratification(
    ledger: Ledger,
    left_out: frozenset[int],
    position: int,
    words: Words,
    spine: list[_Point],
    closed: int | None,
    refused: dict[str, int],
    rules: Rules,
) -> Finding:
    """Whether a decision to ratify takes effect in the dossier."""
    signature = words.named
    seen = (entry for i, entry in enumerate(ledger[: words.seen]) if i not in left_out)
    if not any(entry.kind == "sign" and entry.subject == signature for entry in seen):
        return Finding("void", "signature missing")
    if "text" in rules and text_of(signature) != words.subject:
        return Finding("void", "text")
    past = _at(spine, words.prior)
    if not words.confirm and _ended(ledger, left_out, signer_of(signature), past.dismissed, words.seen, rules):
        return Finding("void", "standing")
    if _withdrawn(ledger, left_out, position, signature, spine, rules):
        return Finding("void", "withdrawn")
    if words.subject in refused:
        return Finding("void", "refused")
    if closed is not None:
        return Finding("void", "closed")
    return Finding("accepted")


def _withdrawn(
    ledger: Ledger, left_out: frozenset[int], position: int, signature: str, spine: list[_Point], rules: Rules
) -> bool:
    """Whether ``signature`` was withdrawn before ``position`` by a signer whose standing had not ended then."""
    return any(
        entry.kind == "withdraw"
        and entry.subject == signature
        and at not in left_out
        and not _ended(ledger, left_out, entry.who, _at(spine, at).dismissed, at, rules)
        for at, entry in enumerate(ledger[:position])
    )


def facts(ledger: Ledger, rules: Rules = ALL_RULES) -> Facts:
    """What the holder of the whole ledger can build on."""
    ours, theirs = (fold(ledger, NOTHING, party, rules) for party in ("A", "B"))
    now = ours.spine[-1]
    ended = frozenset(h for h in ("N", "D") if _ended(ledger, NOTHING, h, now.dismissed, len(ledger), ALL_RULES))
    bound = frozenset({("A", text) for text in ours.bound} | {("B", text) for text in theirs.bound})
    return Facts(ours.head, theirs.head, tuple(sorted(now.seats)), ended, bound)


def last_finding(ledger: Ledger, rules: Rules = ALL_RULES) -> Finding:
    """What the last entry of the whole ledger comes to; a holder's act is void if his standing has ended."""
    entry, position = ledger[-1], len(ledger) - 1
    party = entry.words.party if entry.words else HOLDERS[entry.who]
    result = fold(ledger, NOTHING, party, rules)
    if entry.words:
        return result.findings[position]
    if entry.kind == "conclude":
        return Finding("refused", "power")
    if entry in ledger[:position]:
        return Finding("repeated")
    if _ended(ledger, NOTHING, entry.who, result.spine[-1].dismissed, position, rules):
        return Finding("void", "standing")
    return Finding("accepted")
