"""Does an act cost the same in a long dossier, and in a large ledger? And what does a dossier hold in memory?

What is measured is the fold: :meth:`Registry.admit`, every step of it, on acts that were parsed before. The time of the
signature check is taken out of both sides, for it would hide the growth of everything else; with it is in the note.

The registries are filled beforehand with acts of the same kinds, from openings to signatures. While they are filled,
and only then, signatures are not checked and the acts bear none that is worth anything: nothing in the fold reads them.
In the rounds that count every act is signed and every signature is checked.
"""

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter, process_time
from typing import Any

from bench.material import (
    LEDGER,
    NOW,
    NUMBERS,
    ORIGIN,
    Negotiation,
    NotDone,
    Side,
    negotiation,
    side,
    text_of,
)  # fmt: skip
from bench.measure import Effort, Result, Rounds, Tell, alternate, at_most, middle, ratio
from bench.parts import replaced
from pourparler.core.act import Act, read_act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary
from pourparler.core.encoding import ALGORITHM_ED25519, Signature, Value, kid_of
from pourparler.core.errors import Refused
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry
from pourparler.service.drafting import draft

VERIFY = "pourparler.core.encoding:verify_ed25519"
SHORT, SMALL = 100, 1_000
AT_ONCE = 5  # short dossiers in a round


@dataclass
class Folded:
    """A registry with two parties in it, and how far its index has come."""

    buyer: Side
    seller: Side
    texts: dict[bytes, Text] = field(default_factory=dict)
    index: int = 1
    checking: float = 0.0  # seconds in signature checks

    def __post_init__(self) -> None:
        self.registry = Registry(Depositary(ORIGIN, LEDGER.public_key), self.texts.get)
        self.admit(act for each in (self.buyer, self.seller) for act in each.acts())

    def admit(self, acts: Iterable[Act]) -> int:
        """Fold acts; return how many. Raises :class:`NotDone` where one is void, and what the registry raises."""
        before = self.index
        for act in acts:
            outcome = self.registry.admit(act, Moment(self.index, NOW), intake=True)
            if outcome.void is not None:
                raise NotDone(f"an act is void: {outcome.void}")
            self.index += 1
        return self.index - before

    def read(self, data: bytes) -> None:
        text = parse_text(data)
        self.texts[text.digest] = text

    def negotiate(self, made: Negotiation) -> list[Act]:
        self.read(made.text)
        return [*made.begin, *made.acts]


@contextmanager
def unsigned(*sides: Side) -> Iterator[tuple[Side, ...]]:
    """Give the sides with holders that do not really sign, and let nothing be checked meanwhile."""

    def trusting(_: Callable[..., Any]) -> Callable[..., None]:
        return lambda public_key, message, signature: None

    with replaced(VERIFY, trusting):
        yield tuple(Silent(s.founding, s.members, s.needs, s.links, s.holder) for s in sides)


class Silent(Side):
    """A side whose acts bear 64 zero bytes for a signature."""

    def speak(self, kind: str, **fields: Value) -> Act:
        made = draft(kind, {"by": self.links[-1].id, **fields})
        return read_act(made.envelope([Signature(ALGORITHM_ED25519, kid_of(self.holder.public_key), bytes(64))]))


def check_refuses(folded: Folded) -> None:
    """Raise :class:`NotDone` unless an act without a signature is refused now: filling trusted, measuring does not."""
    with unsigned(folded.buyer, folded.seller) as (buyer, seller):
        made = folded.negotiate(negotiation(buyer, seller))
    try:
        folded.admit(made)
    except Refused as refusal:
        if refusal.reason == "signature.invalid":
            return
    raise NotDone("an act without a signature was not refused for it")


def fold(folded: Folded, acts: list[Act]) -> tuple[float, float]:
    """Fold the acts; return the seconds for one without its signature check, and with it."""
    spent = [0.0]

    def clocked(verify: Callable[..., Any]) -> Callable[..., Any]:
        def check(public_key: bytes, message: bytes, signature: bytes) -> Any:
            started = process_time()
            try:
                return verify(public_key, message, signature)
            finally:
                spent[0] += process_time() - started

        return check

    with replaced(VERIFY, clocked):
        started = process_time()
        done = folded.admit(acts)
        whole = process_time() - started
    if not spent[0]:
        raise NotDone("no signature was checked")
    return (whole - spent[0]) / done, whole / done


def compare(name: str, small: Callable[[], tuple[float, float]], large: Callable[[], tuple[float, float]],
            baseline: str, effort: Effort, more: str = "") -> Result:  # fmt: skip
    """Return how many times an act costs in the large what it costs in the small."""
    whole: dict[Any, list[float]] = {small: [], large: []}

    def side_of(which: Callable[[], tuple[float, float]]) -> Callable[[], float]:
        def once() -> float:
            without, with_check = which()
            whole[which].append(with_check)
            return without

        return once

    rounds = alternate(side_of(small), side_of(large), effort.rounds)
    with_check, _ = middle(Rounds(tuple(whole[small][1:]), tuple(whole[large][1:])).cost)  # the first does not count
    note = f"{rounds.seconds_told('there', 'signature check taken out, an act')}; {with_check:.2f} with it{more}"
    return ratio(name, baseline, rounds.cost, at_most(1.2), note)


# --- a long dossier ---------------------------------------------------------------------------------------------------


class Talks:
    """A dossier in which both sides go on: a text, a word about it, another text in answer, a word about that."""

    def __init__(self, folded: Folded, buyer: Side, seller: Side) -> None:
        self.folded = folded
        begun = negotiation(buyer, seller)
        self.dossier = begun.dossier
        folded.admit(begun.begin)
        self.last: bytes | None = None
        self.said = 0

    def acts(self, buyer: Side, seller: Side) -> Iterator[Act]:
        while True:
            speaker, other = (buyer, seller)[:: -1 if self.said % 2 else 1]
            text = text_of(next(NUMBERS))
            self.folded.read(text)
            digest = text_digest(text)
            answers: dict[str, Value] = {"answers": self.last} if self.last else {}
            self.last, self.said = digest, self.said + 1
            yield speaker.speak("propose", dossier=self.dossier, text=digest, **answers)
            words = {"words": "We have read it, and come back to it.", "at": NOW + self.said}
            yield other.speak("say", dossier=self.dossier, about=digest, **words)


def dossiers(effort: Effort, tell: Tell) -> list[Result]:
    buyer, seller = side("buyer"), side("seller")
    folded = Folded(buyer, seller)
    tell(f"a dossier of {effort.long:,} acts")
    long = Talks(folded, buyer, seller)
    with unsigned(buyer, seller) as silent:
        folded.admit(islice(long.acts(*silent), effort.long))
    each = max(2, min(40, effort.acts // 7))

    def short_round() -> tuple[float, float]:
        acts: list[Act] = []
        for _ in range(AT_ONCE):  # each is measured from somewhat below its hundred acts to somewhat above
            talks = Talks(folded, buyer, seller)
            with unsigned(buyer, seller) as silent:
                folded.admit(islice(talks.acts(*silent), SHORT - each // 2))
            acts += islice(talks.acts(buyer, seller), each)
        return fold(folded, acts)

    def long_round() -> tuple[float, float]:
        return fold(folded, list(islice(long.acts(buyer, seller), AT_ONCE * each)))

    check_refuses(folded)
    name = f"the fold's cost of an act in a dossier of {effort.long:,} acts"
    found = compare(name, short_round, long_round, f"the same in a dossier of {SHORT}", effort)
    return [found, *memory(effort, tell)]


def memory(effort: Effort, tell: Tell) -> list[Result]:
    """What the registry holds for a dossier: for a whole negotiation, and for each further act in it."""
    tell("memory for a dossier")
    buyer, seller = side("buyer"), side("seller")
    folded = Folded(buyer, seller)
    times = max(3, effort.acts // 7)

    def grown(do: Callable[[], int]) -> float:
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        done = do()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / done

    with unsigned(buyer, seller) as silent:

        def whole() -> int:
            for _ in range(times):
                folded.admit(folded.negotiate(negotiation(*silent)))
            return times

        def further() -> int:
            return folded.admit(islice(talks.acts(*silent), times * 8))

        tracemalloc.start()
        try:
            a_dossier = grown(whole)
            talks = Talks(folded, *silent)
            early = grown(further)
            grown(further)
            late = grown(further)
        finally:
            tracemalloc.stop()
    note = f"half of them with a new text; {early:,.0f} for each of the first {times * 8}, here after {times * 16}"
    return [
        Result("memory for a dossier of nine acts and its text", a_dossier, "bytes", "", note="by tracemalloc"),
        Result("memory for each further act of a dossier", late, "bytes", "", note=note),
    ]


# --- a large ledger ---------------------------------------------------------------------------------------------------


def ledgers(effort: Effort, tell: Tell) -> list[Result]:
    small, large = Folded(side("buyer"), side("seller")), Folded(side("buyer"), side("seller"))
    fill(small, min(SMALL, effort.large // 10), tell)
    started = perf_counter()
    fill(large, effort.large, tell)
    filled = perf_counter() - started
    each = max(1, min(5, effort.acts // 60))

    def rounds_of(folded: Folded) -> Callable[[], tuple[float, float]]:
        def once() -> tuple[float, float]:
            made = [folded.negotiate(negotiation(folded.buyer, folded.seller)) for _ in range(each)]
            return fold(folded, [act for acts in made for act in acts])

        return once

    check_refuses(large)
    name = f"the fold's cost of an act in a ledger of {effort.large:,} acts"
    if effort.large < 1_000_000:
        more = f"; filled in {filled:.0f} s; the goal's million: --full"
    else:
        more = f"; filled in {filled:.0f} s"
    tell(f"an act in a ledger of {effort.large:,}")
    return [
        compare(name, rounds_of(small), rounds_of(large), f"the same in a ledger of {small.index - 1:,}", effort, more)
    ]


def fill(folded: Folded, acts: int, tell: Tell) -> None:
    """Fold whole negotiations until the ledger holds so many acts."""
    with unsigned(folded.buyer, folded.seller) as (buyer, seller):
        told = 0
        while folded.index <= acts:
            folded.admit(folded.negotiate(negotiation(buyer, seller)))
            if folded.index - told >= 10_000:
                told = folded.index
                tell(f"filling a ledger: {told:,} of {acts:,} acts")
