"""Real crashes: an intake is killed while it appends, and nothing that it answered may be lost or changed.

``python -m tests.kills FILE SEED`` is the victim: it appends acts to a SQLite ledger, several submitters at a time, and
prints each act id once its receipt is there. :func:`run` kills it at random moments, opens the file again each time,
and compares: every answered act has its entry, the tree of each earlier checkpoint is a prefix of today's.
"""

import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from pourparler.core.council import organ_id
from pourparler.core.encoding import Value
from pourparler.core.ledger import consistency_path, open_checkpoint, verify_consistency
from pourparler.service.drafting import draft, powers
from pourparler.service.intake import Intake, ledger_key
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parents[1]
ORIGIN = "ledger.example/kills"
LEDGER, FOUNDER, HOLDER = (Key.from_name(name) for name in ("kills ledger", "founder", "holder"))


class Wall:
    def now(self) -> int:
        return int(time.time())


def open_intake(path: Path) -> Intake:
    return Intake(SqliteStore(path), LEDGER, Wall(), ORIGIN)


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


def append_for_ever(path: Path, seed: str) -> None:
    """The victim. Each line on standard output is the id of an act whose receipt has been given."""
    intake = open_intake(path)
    founding, grant, grant_id = party()
    intake.submit(founding)
    intake.submit(grant)
    printing = threading.Lock()

    def submitter(number: int) -> None:
        for count in range(1_000_000):
            fields = {"by": grant_id, "about": bytes(32), "words": f"{seed} {number} {count}"}
            act = draft("reply", fields).signed_by(HOLDER)
            intake.submit(act.envelope.encoded())
            with printing:
                print(act.id.hex(), flush=True)

    for number in range(3):
        threading.Thread(target=submitter, args=(number,), daemon=True).start()
    time.sleep(60)


def kill_once(path: Path, seed: str, chance: random.Random) -> list[bytes]:
    """Start a victim, let it answer for a moment, kill it; return the ids it answered."""
    command = [sys.executable, "-m", "tests.kills", str(path), seed]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        answered = [victim.stdout.readline()]
        timer = threading.Timer(chance.uniform(0.0, 0.4), victim.kill)
        timer.start()
        answered += victim.stdout.readlines()
        timer.join()
    return [bytes.fromhex(line) for line in answered if line.endswith("\n") and len(line) == 65]


def run(seed: str, *, seconds: float, kills: int | None = None) -> str:
    """Kill until time or number is up; return a summary. Raises AssertionError where an answer was not kept."""
    chance = random.Random(seed)
    until = time.monotonic() + seconds
    answered: list[bytes] = []
    done, slowest = 0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        before: tuple[int, bytes] | None = None
        while (kills is None or done < kills) and time.monotonic() < until:
            answered += kill_once(path, f"{seed} {done}", chance)
            begun = time.monotonic()
            intake = open_intake(path)
            slowest = max(slowest, time.monotonic() - begun)
            before = check(intake, answered, before)
            intake.close()
            done += 1
    assert done > 0, "no victim was killed within the time"
    return f"{done} kills, {len(answered):,} answered acts all kept, no fork, slowest recovery {slowest:.2f} s"


def check(intake: Intake, answered: list[bytes], before: tuple[int, bytes] | None) -> tuple[int, bytes]:
    """Assert that every answer was kept and that the tree only grew; return today's size and root."""
    lost = [act_id for act_id in answered if intake.receipt(act_id) is None]
    assert not lost, f"{len(lost)} answered acts have no entry"
    today = open_checkpoint(intake.checkpoint(), ORIGIN, ledger_key(intake.depositary)).checkpoint
    if before is not None:
        path = consistency_path(before[0], today.size, intake.node)
        verify_consistency(before[0], before[1], today.size, today.root, path)
    return today.size, today.root


if __name__ == "__main__":
    append_for_ever(Path(sys.argv[1]), sys.argv[2])
