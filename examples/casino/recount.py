"""The ledger is read again, from its stored bytes alone: nothing here has seen the file.

A fold begins anew and takes one entry after the other. After each it asks whether the dossier that the act belongs to
binds anybody whose council has not ratified: a party bound by a text, or a text with any effect, too early. At the end
it says what became of each dossier, what the text in force gives to whom, what was said, and which signatures were made
beyond the lines that the same council had set: by evaluating them, not by believing that the intake did.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from examples.casino.dialogues import ITEMS, SIDES
from examples.casino.sides import read_party_name
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary
from pourparler.core.dossier import Dossier, EffectState, Outcome
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import Answer, Line, Text, evaluate
from pourparler.core.registry import Registry
from pourparler.ports import Store
from pourparler.service.intake import Fold, LedgerDamaged, check_checkpoint, replay_entry


@dataclass(slots=True)
class Account:
    """One dossier as the ledger has it. ``text`` is the one in force between the two, and ``points`` what it gives."""

    dialogue: int
    dossier: bytes
    parties: dict[str, bytes]
    state: str = ""
    text: bytes | None = None
    points: dict[str, int] = field(default_factory=dict)
    said: list[tuple[str, str]] = field(default_factory=list)  # side and words
    last: bytes = b""  # the newest act of the dossier that has its effect


@dataclass(frozen=True, slots=True)
class Beyond:
    """A signature beyond the lines that the signer's own council had set; ``lines`` are those crossed."""

    dialogue: int
    side: str
    lines: tuple[int, ...]


@dataclass(slots=True)
class Recount:
    """What the whole ledger adds up to."""

    accounts: dict[int, Account] = field(default_factory=dict)
    entries: int = 0
    transactions: int = 0
    acts: Counter[str] = field(default_factory=Counter)  # with effect, by kind
    void: Counter[str] = field(default_factory=Counter)  # by reason
    beyond: list[Beyond] = field(default_factory=list)
    checked: int = 0  # acts after which the question was asked
    bound_early: list[str] = field(default_factory=list)
    root: bytes = b""


def recount(depositary: Depositary, store: Store, done: Callable[[int], None] = lambda _: None) -> Recount:
    """Fold what a store holds; return what it adds up to. ``done`` is told of each entry.

    Raises :class:`StoreError` where it cannot be read, or is not what an intake would have written.
    """
    fold = Fold(depositary, store.text)
    registry = fold.registry
    found = Recount()
    ratified: set[tuple[bytes, bytes]] = set()  # text and party
    portions: dict[bytes, int] = {}  # a first portion of words -> its place among what was said
    for entry in store.entries():
        try:
            replay_entry(fold, entry)
        except PourparlerError as error:
            raise LedgerDamaged(f"entry {entry.index} is not what this ledger wrote: {error}") from error
        outcome = registry.outcomes.get(entry.act_id)
        done(1)
        if outcome is None:
            found.transactions += 1
            continue
        if outcome.void:
            found.void[outcome.void.reason] += 1
        else:
            found.acts[outcome.act.kind] += 1
            take(found, registry, outcome, portions)
        if outcome.act.kind == "ratify" and not outcome.void:
            assert outcome.party is not None
            ratified.add((outcome.act["text"], outcome.party))
        found.checked += 1
        found.bound_early += too_early(registry, outcome, ratified)
    check_checkpoint(fold, depositary, store)
    found.entries, found.root = fold.frontier.size, fold.frontier.root()
    for account in found.accounts.values():
        conclude(account, registry, fold.texts.read)
    return found


def too_early(registry: Registry, outcome: Outcome, ratified: set[tuple[bytes, bytes]]) -> Iterator[str]:
    """Yield, for every text of the act's dossier, what binds whom before whose council has ratified it."""
    dossier = registry.dossiers.get(dossier_of(outcome))
    if dossier is None:
        return
    for digest in dossier.papers:
        where = f"entry {outcome.moment.index} ({outcome.act.kind}), text {digest.hex()[:16]}"
        missing = [party for party in dossier.parties if (digest, party) not in ratified]
        for party in missing:
            if dossier.bound(digest, party, outcome.moment):
                yield f"{where}: party {party.hex()[:16]} is bound, and its council has not ratified"
        if missing and effect(dossier, digest, outcome.moment) is not EffectState.NONE:
            yield f"{where}: it has effect, and not both councils have ratified"


def dossier_of(outcome: Outcome) -> bytes:
    act = outcome.act
    return act.id if act.kind == "open" else act.get("dossier") or b""


def effect(dossier: Dossier, digest: bytes, moment: Moment) -> EffectState:
    first, second = dossier.parties
    return dossier.effect(digest, first, second, moment).state


# --- one act ----------------------------------------------------------------------------------------------------------


def take(found: Recount, registry: Registry, outcome: Outcome, portions: dict[bytes, int]) -> None:
    """Take an act that has its effect into the account of its dossier."""
    act, party = outcome.act, outcome.party
    dossier = registry.dossiers.get(dossier_of(outcome))
    if dossier is None or party is None:
        return
    dialogue, side = read_party_name(registry.registers[party].spines.party.name)
    if act.kind == "open":
        names = {read_party_name(registry.registers[other].spines.party.name)[1]: other for other in dossier.parties}
        found.accounts[dialogue] = Account(dialogue, act.id, names)
    account = found.accounts[dialogue]
    account.last = act.id
    if act.kind == "say":
        take_words(account, side, act.id, act.get("words") or "", act.get("about"), portions)
    if act.kind == "sign-ad-referendum":
        crossed = lines_crossed(registry, outcome)
        if crossed:
            found.beyond.append(Beyond(dialogue, side, crossed))


def take_words(
    account: Account, side: str, act: bytes, words: str, about: bytes | None, portions: dict[bytes, int]
) -> None:
    if about is None:
        portions[act] = len(account.said)
        account.said.append((side, words))
    else:
        place = portions[about]
        account.said[place] = (side, account.said[place][1] + words)


def lines_crossed(registry: Registry, outcome: Outcome) -> tuple[int, ...]:
    """Return the places of the red lines, among all that the signer's council gave anyone, that the text crosses."""
    assert outcome.party is not None
    register, text = registry.registers[outcome.party], registry.text(outcome.act["text"])
    assert text is not None
    lines = [line for mandate in register.mandates.values() for line in mandate.lines]
    return tuple(place for place, line in enumerate(lines) if is_crossed(line, text))


def is_crossed(line: Line, text: Text) -> bool:
    return evaluate(line, text.terms) is not Answer.KEPT


# --- what became of a dossier -----------------------------------------------------------------------------------------


def conclude(account: Account, registry: Registry, text: Callable[[bytes], Text | None]) -> None:
    """Say how the dossier stands at the ledger's end, and what its text in force gives to whom."""
    dossier = registry.dossiers[account.dossier]
    assert registry.stamp is not None
    now = Moment(registry.stamp.index + registry.stamp.follows, registry.stamp.time)
    account.state = dossier.state(now).value
    for digest in dossier.papers:
        if effect(dossier, digest, now) is EffectState.IN_FORCE:
            in_force = text(digest)
            assert in_force is not None
            account.text = digest
            account.points = {side: points(in_force, side) for side in SIDES}


def points(text: Text, side: str) -> int:
    """Return what a text gives to a side: packages times worth."""
    return sum(text.terms["gets"][side][item] * text.terms["worth"][side][item] for item in ITEMS)
