"""Real crashes: an intake is killed while it appends, and nothing that it answered may be lost or changed.

The victim is a process of its own: it appends acts to a SQLite ledger, several submitters at a time, and writes each
act id into a pipe once its receipt is there. :func:`run` kills it at random moments, opens the files again each time,
and compares: every answered act has its entry, the tree of each earlier checkpoint is a prefix of today's, and the
ledger may be written: no crash leaves it read-only.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from pourparler.core.council import organ_id
from pourparler.core.encoding import Value
from pourparler.core.ledger import consistency_path, open_checkpoint, verify_consistency
from pourparler.service.drafting import draft, powers
from pourparler.service.heads import HeadsSeen
from pourparler.service.intake import Intake, ledger_key
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ORIGIN = "ledger.example/kills"
LEDGER, FOUNDER, HOLDER = (Key.from_name(name) for name in ("kills ledger", "founder", "holder"))
ID_BYTES = 32
ROOT = Path(__file__).resolve().parents[1]
KILLS_A_LEDGER = 20  # then a new one is begun: opening costs as much as all that was ever taken in


class Wall:
    def now(self) -> int:
        return int(time.time())


def open_intake(folder: Path, seen: HeadsSeen = dict) -> Intake:
    """Open the ledger in a folder, as a process that starts does."""
    store = SqliteStore(folder / "ledger")
    try:
        high_water = HighWaterFile(folder / "mark")
    except BaseException:
        store.close()
        raise
    return Intake(store, LEDGER, Wall(), ORIGIN, high_water=high_water, heads_seen=seen)


def party() -> tuple[bytes, bytes, bytes]:
    """Return the founding act, the grant, and the grant's id: the same bytes each time."""
    home: Value = {"origin": ORIGIN, "key": LEDGER.public_key}
    organ = {"name": "council", "seats": [[FOUNDER.public_key, 1]], "needs": 1, "powers": 2047}
    fields = {"name": "Us", "nonce": bytes(16), "home": home, "suspension": 60, "organs": [organ]}
    founding = draft("found", fields).signed_by(FOUNDER)
    council = organ_id(founding.id, "council")
    given = {
        "organ": council,
        "prior": council,
        "to": HOLDER.public_key,
        "powers": powers("open", "delegate"),
        "depth": 1,
    }
    grant = draft("grant", given).signed_by(FOUNDER)
    return founding.envelope.encoded(), grant.envelope.encoded(), grant.id


def word(grant_id: bytes, words: str) -> bytes:
    """Return an act of the holder that says these words."""
    act = draft("reply", {"by": grant_id, "about": bytes(32), "words": words}).signed_by(HOLDER)
    return act.envelope.encoded()


def append_for_ever(folder: Path, seed: str, pipe: int) -> None:
    """The victim. What it writes into the pipe are the ids of acts whose receipts have been given."""
    intake = open_intake(folder)
    founding, grant, grant_id = party()
    intake.submit(founding)
    intake.submit(grant)

    def submitter(number: int) -> None:
        for count in range(1_000_000):
            receipt = intake.submit(word(grant_id, f"{seed} {number} {count}"))
            os.write(pipe, receipt.act_id)  # so few bytes go in whole

    for number in range(3):
        threading.Thread(target=submitter, args=(number,), daemon=True).start()
    time.sleep(60)


def kill_once(folder: Path, seed: str, chance: random.Random) -> list[bytes]:
    """Start a victim, let it answer for a moment, kill it; return the ids it answered."""
    ours, theirs = os.pipe()
    victim = os.fork()
    if victim == 0:
        try:
            os.close(ours)
            append_for_ever(folder, seed, theirs)
        finally:
            os._exit(1)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        begun = chance.random() < 0.8  # the others die while they open the ledger, or before
        answered = pipe.read(ID_BYTES) if begun else b""
        time.sleep(chance.uniform(0.0, 0.1))
        os.kill(victim, signal.SIGKILL)
        answered += pipe.read()
    _, status = os.waitpid(victim, 0)
    assert os.WIFSIGNALED(status), "the victim ended before it was killed"
    return [answered[at : at + ID_BYTES] for at in range(0, len(answered) // ID_BYTES * ID_BYTES, ID_BYTES)]


@dataclass
class Tally:
    """What came of it so far; times in seconds."""

    kills: int = 0
    answered: int = 0
    slowest: float = 0.0
    before: tuple[int, bytes] | None = None
    promised: list[bytes] = field(default_factory=list)


def run(seed: str, kills: int) -> str:
    """Kill so many times; return a summary. Raises AssertionError where an answer was not kept."""
    chance, tally = random.Random(seed), Tally()
    while tally.kills < kills:
        with tempfile.TemporaryDirectory() as folder:
            tally.before, tally.promised = None, []
            for _ in range(min(KILLS_A_LEDGER, kills - tally.kills)):
                one_more(Path(folder), seed, chance, tally)
    return (
        f"{tally.kills} kills, {tally.answered:,} answered acts all kept, no fork, "
        f"slowest recovery {tally.slowest:.2f} s"
    )


def one_more(folder: Path, seed: str, chance: random.Random, tally: Tally) -> None:
    answered = kill_once(folder, f"{seed} {tally.kills}", chance)
    tally.promised += answered
    begun = time.monotonic()
    intake = open_intake(folder)
    tally.slowest = max(tally.slowest, time.monotonic() - begun)
    assert intake.read_only is None, intake.read_only
    tally.before = check(intake, tally.promised, tally.before)
    intake.close()
    tally.kills += 1
    tally.answered += len(answered)


def check(intake: Intake, answered: list[bytes], before: tuple[int, bytes] | None) -> tuple[int, bytes]:
    """Assert that every answer was kept and that the tree only grew; return today's size and root."""
    lost = [act_id for act_id in answered if intake.receipt(act_id) is None]
    assert not lost, f"{len(lost)} answered acts have no entry"
    today = open_checkpoint(intake.checkpoint(), ORIGIN, ledger_key(intake.depositary)).checkpoint
    if before is not None:
        path = consistency_path(before[0], today.size, intake.node)
        verify_consistency(before[0], before[1], today.size, today.root, path)
    return today.size, today.root


def in_process(seed: str, kills: int) -> str:
    """Do :func:`run` in a process of its own, which has one thread when it splits; return its summary."""
    command = [sys.executable, "-m", "tests.kills", seed, str(kills)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    print(run(sys.argv[1], int(sys.argv[2])))
