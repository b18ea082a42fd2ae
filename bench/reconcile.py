"""How many bytes two nodes spend on finding out what the other lacks, beside the least that it can take.

Bytes do not depend on the machine. Where heads suffice it is a row an issuer. For the rest the least is what names d
unknown ids of 64 bits among any others: log2 of the number of ways, which is 64 d - log2 d! bits. Each figure is the
mean of many sessions of the difference alone, which leaves the very same symbols: what both have is gone once the own
symbols are taken off. One session between two whole sets of 100,000 ids shows that it is.
"""

import random
import statistics
from math import lgamma, log, log10
from pathlib import Path

from bench.material import NotDone
from bench.measure import TIMES, Effort, Result, Tell, at_most
from pourparler.core.act import parse_act
from pourparler.dispatch.exchange import Exchange, Word
from pourparler.dispatch.heads import Heads, Marked
from pourparler.dispatch.messages import message, read, session_key
from pourparler.dispatch.riblt import SYMBOL_BYTES, Coder, Peeling
from pourparler.service.drafting import draft
from pourparler.testing.keys import Key

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "reconcile.svg"
SHARED = 100_000
DIFFERENCES = (1, 10, 100, 1_000)
BOUND = "the bound of 64-bit ids"
ISSUERS = (1, 20, 1_000)


def run(effort: Effort, tell: Tell) -> list[Result]:
    results = [row(issuers) for issuers in ISSUERS]
    found: list[tuple[int, float, float]] = []
    shared = min(SHARED, effort.large)
    for size in DIFFERENCES:
        tell(f"{size:,} of {shared:,} ids")
        needed, whole = mean_symbols(size, effort), whole_set(size, shared)
        wire = exchanged(size, effort)
        found.append((size, SYMBOL_BYTES * needed, least_bytes(size)))
        results += lines(size, shared, needed, whole, wire)
    if effort != Effort.small():
        PICTURE.write_text(picture(found), "utf-8")
    return results


def least_bytes(size: int) -> float:
    """Return the fewest bytes that name so many unknown 64-bit ids."""
    return (64 * size - log2_factorial(size)) / 8


def log2_factorial(size: int) -> float:
    return lgamma(size + 1) / log(2)


def lines(size: int, shared: int, needed: float, whole: int, wire: float) -> list[Result]:
    least = least_bytes(size)
    note = (
        f"{needed / size:.2f} symbols of {SYMBOL_BYTES} bytes for each; {whole} of them between two sets of {shared:,}"
    )
    name = f"reconciliation, {size:,} differences: bytes of symbols"
    told = f"{wire:,.0f} bytes, acts left out; the bound is {least:,.0f}"
    return [
        Result(name, SYMBOL_BYTES * needed / least, TIMES, BOUND, at_most(3), note=note),
        Result("  the whole exchange, with rows and asking", wire / least, TIMES, BOUND, note=told),
    ]


# --- heads ------------------------------------------------------------------------------------------------------------


def row(issuers: int) -> Result:
    """Return what a hello costs an issuer, where heads suffice: half are organs, half beacon keys."""
    chance = random.Random(issuers)
    chains = [
        {chance.randbytes(32): (chance.randrange(1, 100_000), chance.randbytes(32)) for _ in range(count)}
        for count in (issuers - issuers // 2, issuers // 2)
    ]
    rows = Heads(*chains).row_bytes()
    hello = message("hello", session=bytes(16), organs=[], beacons=[], loose=0, symbols=0)
    note = f"and {len(hello)} bytes around them, whatever the number"
    return Result(f"heads of {issuers:,} issuers", sum(rows) / len(rows), "bytes an issuer", "", at_most(40), note=note)


# --- symbols ----------------------------------------------------------------------------------------------------------


def drawn(count: int, chance: random.Random) -> list[bytes]:
    return [chance.randbytes(32) for _ in range(count)]


def coders(theirs: list[bytes], ours: list[bytes], chance: random.Random) -> tuple[Coder, Coder]:
    key = session_key(chance.randbytes(16), chance.randbytes(16))
    one, other = Coder(key), Coder(key)
    one.extend(ours)
    other.extend(theirs)
    return one, other


def symbols_needed(ours: Coder, theirs: Coder, size: int) -> int:
    """Return after how many symbols all was found: a stream, as over radio. Raises :class:`NotDone`."""
    peeling = Peeling(ours, len(theirs.names) - len(ours.names))
    while not peeling.done:
        if len(peeling.cells) >= peeling.most:
            raise NotDone(f"{size} differences were not found within the cap of {peeling.most} symbols")
        peeling.add(theirs.symbols(len(peeling.cells), max(1, len(peeling.cells) // 100)))
    if len(peeling.theirs) + len(peeling.ours) != size:
        raise NotDone(f"{len(peeling.theirs)} and {len(peeling.ours)} ids were found, and {size} differ")
    return len(peeling.cells)


def whole_set(size: int, shared: int) -> int:
    """Return how many symbols two whole sets took, of which so many ids differ."""
    chance = random.Random(f"whole {size}")
    both, new = drawn(shared - size // 2, chance), drawn(size, chance)
    ours, theirs = coders(both + new[: size // 2], both + new[size // 2 :], chance)
    for coder in (ours, theirs):
        coder.grow(2 * size + 32)  # at once: each time is a walk over the whole set
    return symbols_needed(ours, theirs, size)


def mean_symbols(size: int, effort: Effort) -> float:
    """Return the mean number of symbols over many sessions, the difference lying on either side in any measure."""
    chance = random.Random(f"mean {size}")
    needed = []
    for _ in range(max(2, effort.rounds * 1_000 // max(size, 20))):
        new = drawn(size, chance)
        at = chance.randrange(size + 1)
        needed.append(symbols_needed(*coders(new[:at], new[at:], chance), size))
    return statistics.fmean(needed)


# --- whole exchanges --------------------------------------------------------------------------------------------------


class Pile:
    """Loose acts without more, and no chains: what an exchange costs apart from acts."""

    def __init__(self, acts: dict[bytes, bytes]) -> None:
        self.held = acts

    def heads(self) -> Heads:
        return Heads()

    def lacking(self, theirs: Marked) -> list[bytes]:
        return []

    def loose(self) -> list[bytes]:
        return list(self.held)

    def acts(self, ids: list[bytes]) -> list[bytes]:
        return [self.held[act] for act in ids if act in self.held]

    def lacks(self, act: bytes) -> bool:
        return act not in self.held

    def take(self, envelopes: list[bytes], peer: str) -> list[Word]:
        came = {parse_act(envelope).id: envelope for envelope in envelopes}
        self.held.update(came)
        return [Word(act, "new") for act in came]

    def told(self, peer: str, theirs: Marked) -> None:
        pass


class Dice:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def bytes(self, count: int) -> bytes:
        return self.chance.randbytes(count)


class Noon:
    def now(self) -> int:
        return 0


def replies(size: int) -> list[tuple[bytes, bytes]]:
    """Return the ids and envelopes of so many acts."""
    holder = Key.from_name("holder")
    acts = [draft("reply", {"by": bytes(32), "about": number.to_bytes(32)}).signed_by(holder) for number in range(size)]
    return [(act.id, act.envelope.encoded()) for act in acts]


def exchanged(size: int, effort: Effort) -> float:
    """Return how many bytes two ends say to each other, on average, beside what carries the acts and says of each that
    it was taken."""
    chance = random.Random(f"exchange {size}")
    new = replies(size)
    spent = []
    for _ in range(max(2, effort.rounds * 20 // max(size, 20))):
        both = dict.fromkeys(drawn(5_000, chance), b"both have it, and nobody asks for it")
        sides = [Pile(both | dict(half)) for half in (new[: size // 2], new[size // 2 :])]
        spent.append(spoken(*[Exchange(side, Dice(chance), Noon()) for side in sides]))
        if sides[0].held.keys() != sides[1].held.keys():
            raise NotDone("two ends do not hold the same after an exchange")
    return statistics.fmean(spent)


def spoken(ours: Exchange, theirs: Exchange) -> int:
    out, total = [ours.begin("b")], 0
    while out:
        back = [answer for one in out for answer in theirs.answer(one, "a")]
        total += sum(len(one) for one in (*out, *back) if read(one).kind not in ("acts", "taken"))
        out = [answer for one in back for answer in ours.answer(one, "b")]
    return total


# --- the picture ------------------------------------------------------------------------------------------------------


def picture(found: list[tuple[int, float, float]]) -> str:
    """Return the bytes against the bound, both axes in powers of ten, as a picture of no more than lines and words."""

    def at(size: float, amount: float) -> tuple[float, float]:
        return 70 + 145 * log10(size), 310 - 60 * log10(amount)

    def line(points: list[tuple[int, float]], look: str) -> str:
        return f'<polyline {look} points="{" ".join(f"{x:.0f},{y:.0f}" for x, y in (at(*one) for one in points))}"/>'

    grey, blue = 'fill="none" stroke="#888" stroke-width="1.5"', 'fill="none" stroke="#1f5fa8" stroke-width="2.5"'
    least = [(size, bound) for size, _, bound in found]
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 370" font-family="sans-serif" font-size="13">',
        "<title>Bytes that find the ids which two sets do not share, beside the bound of information theory</title>",
        '<rect width="620" height="370" fill="#fff"/>',
    ]
    for amount, word in ((10, "10 B"), (100, "100 B"), (1_000, "1 kB"), (10_000, "10 kB"), (100_000, "100 kB")):
        _, y = at(1, amount)
        parts.append(
            f'<path d="M70 {y:.0f}H510" stroke="#ddd"/><text x="62" y="{y + 4:.0f}" text-anchor="end">{word}</text>'
        )
    for size, _, _ in found:
        x, _ = at(size, 1)
        parts.append(
            f'<path d="M{x:.0f} 10V310" stroke="#ddd"/><text x="{x:.0f}" y="330" text-anchor="middle">{size:,}</text>'
        )
    parts.append('<text x="290" y="357" text-anchor="middle">ids of 100,000 that only one side has</text>')
    parts.append(
        line(least, grey) + line([(size, 3 * bound) for size, bound in least], f'{grey} stroke-dasharray="5 4"')
    )
    parts.append(line([(size, amount) for size, amount, _ in found], blue))
    for size, amount, bound in found:
        x, y = at(size, amount)
        parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="4" fill="#1f5fa8"/>')
        parts.append(f'<text x="{x + 8:.0f}" y="{y + 18:.0f}" fill="#1f5fa8">{amount / bound:.2f}\u00d7</text>')
    for times, word in ((3, "3\u00d7 the bound"), (1, "the bound")):
        _, y = at(1_000, times * least[-1][1])
        parts.append(f'<text x="514" y="{y + 16 if times == 1 else y - 2:.0f}" fill="#888">{word}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
