"""Verified and durable: acts from their bytes into the ledger's file, beside bare signature checks."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time

import nacl.bindings

from bench.material import Group, Ledger, NotDone, interleaved, scratch, signed_bytes
from bench.measure import Effort, Result, Rounds, Tell, alternate, at_least, ratio
from bench.parts import Shares, timed
from pourparler.core.errors import Refused
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import SqliteStore

NAME = "verified, folded and durable, groups of 100"
BASELINE = "pynacl: the same signatures, verified and nothing else"


def run(effort: Effort, tell: Tell) -> list[Result]:
    with scratch() as folder:
        path = folder / "ledger.sqlite"
        ledger = Ledger.over(SqliteStore(path), high_water=HighWaterFile(path.with_suffix(".high-water")))
        check_refuses(ledger)
        tell("rounds of verified, durable acts")
        results = speed(ledger, effort)
        tell("the share of each part")
        parts = shares(ledger, effort)
        check_durable(path, ledger)
        ledger.intake.close()
    return [*results, *parts]


def dossiers(effort: Effort) -> int:
    return max(1, effort.acts // 7)


def raw(signed: list[tuple[bytes, bytes]], clock: Callable[[], float] = perf_counter) -> float:
    """Verify bare signatures; return the seconds for one."""
    started = clock()
    for message, key in signed:
        nacl.bindings.crypto_sign_open(message, key)
    return (clock() - started) / len(signed)


def append(ledger: Ledger, groups: list[Group]) -> float:
    """Take the groups in, each with one commit; return the seconds for one act."""
    started = perf_counter()
    for group in groups:
        ledger.take(group.acts, group.texts)
    return (perf_counter() - started) / sum(len(group.acts) for group in groups)


def speed(ledger: Ledger, effort: Effort) -> list[Result]:
    keys = {side.links[-1].id: side.holder.public_key for side in (ledger.buyer, ledger.seller)}
    signed = [signed_bytes(act, keys[act["by"]]) for n in ledger.begun(dossiers(effort)) for act in n.acts]
    theirs, ours = Processor(), Processor()

    def subject() -> float:
        groups = interleaved(ledger.begun(dossiers(effort)))
        with ours.watching(len(signed)):
            return append(ledger, groups)

    def baseline() -> float:
        with theirs.watching(len(signed)):
            return raw(signed)

    rounds = alternate(baseline, subject, effort.rounds)
    told = rounds.seconds_told("a bare check", "an act")
    note = f"{told}; {1e6 / rounds.micros[1]:,.0f} acts/s on this core"
    by_processor = Rounds(theirs.seconds(), ours.seconds())
    told = by_processor.seconds_told("a bare check", "an act")
    return [
        ratio(NAME, BASELINE, rounds.speed, at_least(0.60), note),
        ratio(
            "  the same by processor time, waits for disk and others left out", BASELINE, by_processor.speed, note=told
        ),
    ]


class Processor:
    """The processor's time for one unit of work, round by round."""

    def __init__(self) -> None:
        self.found: list[float] = []

    @contextmanager
    def watching(self, units: int) -> Iterator[None]:
        before = process_time()
        yield
        self.found.append((process_time() - before) / units)

    def seconds(self) -> tuple[float, ...]:
        return tuple(self.found[1:])  # the first round of each side does not count


def shares(ledger: Ledger, effort: Effort) -> list[Result]:
    found, done = Shares(), 0
    for _ in range(max(1, effort.rounds // 5)):
        groups = interleaved(ledger.begun(dossiers(effort)))
        with timed(found):
            append(ledger, groups)
        done += sum(len(group.acts) for group in groups)
    return [
        Result(f"  {part}", seconds / found.whole, "of an act", "the whole", note=f"{seconds / done * 1e6:.1f} µs")
        for part, seconds in found.told()
    ]


# What must be so for the figures to mean anything.


def check_refuses(ledger: Ledger) -> None:
    """Raise :class:`NotDone` unless a forged act is refused: the check that is measured is really made."""
    (begun,) = ledger.begun(1)
    genuine = begun.acts[0].envelope.encoded()
    (answer,) = ledger.intake.submit_many([genuine[:-1] + bytes([genuine[-1] ^ 1])], [begun.text])
    if not (isinstance(answer, Refused) and answer.reason == "signature.invalid"):
        raise NotDone(f"a forged act was not refused for its signature, but: {answer}")


def check_durable(path: Path, ledger: Ledger) -> None:
    """Raise :class:`NotDone` unless another reader finds every act in the file."""
    with sqlite3.connect(path) as reader:
        (entries,) = reader.execute("SELECT count(*) FROM entry").fetchone()
    reader.close()
    if entries != ledger.intake.size or entries <= ledger.taken:
        raise NotDone(f"{ledger.taken} acts were answered, and the file holds {entries} entries with their stamps")
