"""One lone act to its durable receipt: how many syncs of the disk, and how many signature checks.

The syncs are counted where they happen, at the system calls of a process of its own, by strace. Between two acts that
process asks for a file that does not exist, and so puts a mark into the trace.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from bench.material import ROOT, Ledger, NotDone, scratch
from bench.measure import Effort, Result, Tell, at_most, skipped
from bench.parts import replaced
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import SqliteStore

MARK = "/no-such-directory/bench-mark"
SYNCS = ("fsync", "fdatasync", "sync", "syncfs", "msync", "sync_file_range")
ASKS = ("stat", "lstat", "newfstatat", "access", "faccessat", "faccessat2")
VERIFY = "pourparler.core.encoding:verify_ed25519"
FSYNCS, CHECKS = "syncs of the disk for one lone act, at most", "signature checks for one lone act, at most"


def run(effort: Effort, tell: Tell) -> list[Result]:
    acts = max(14, effort.acts // 2)
    tell("signature checks for a lone act")
    with scratch() as folder:
        counted = one_by_one(folder / "ledger.sqlite", acts, mark=False)
    note = f"over {acts} acts, each alone: {', '.join(f'{what} {n}' for what, n in counted['by'].items())}"
    checks = Result(CHECKS, max(counted["checks"]), "checks", "the act's one signature", at_most(1), note=note)
    tell("syncs for a lone act")
    return [syncs(acts), checks]


def one_by_one(path: Path, acts: int, *, mark: bool) -> dict[str, Any]:
    """Submit acts one at a time; return how many signature checks each took, and whose they were."""
    ledger = Ledger.over(SqliteStore(path), high_water=HighWaterFile(path.with_suffix(".high-water")))
    begun = ledger.begun(acts // 7)
    checks: list[int] = []
    seen: list[bytes] = []

    def counting(verify: Callable[..., Any]) -> Callable[..., Any]:
        def counted(public_key: bytes, message: bytes, signature: bytes) -> Any:
            seen.append(public_key)
            return verify(public_key, message, signature)

        return counted

    with replaced(VERIFY, counting):
        for negotiation in begun:
            for step, act in enumerate(negotiation.acts):
                data, before = act.envelope.encoded(), len(seen)
                set_mark(mark)
                ledger.take([data], [negotiation.text] if step == 0 else [])
                set_mark(mark)
                checks.append(len(seen) - before)
    own = seen.count(ledger.intake.depositary.key)
    ledger.intake.close()
    if len(seen) - own < len(checks):
        raise NotDone(f"{len(checks)} acts, and only {len(seen) - own} signatures were checked")
    by = {"of acts": (len(seen) - own) / len(checks), "of the ledger's own stamps": own / len(checks)}
    return {"checks": checks, "by": by}


def set_mark(mark: bool) -> None:
    if mark:
        with suppress(OSError):
            Path(MARK).stat()


def syncs(acts: int) -> Result:
    strace, goal, baseline = shutil.which("strace"), at_most(2), "the system calls of the process"
    if not strace:
        return skipped(FSYNCS, "syncs", baseline, "strace is not on PATH", goal)
    with scratch() as folder:
        trace = folder / "trace"
        wanted = ",".join(f"?{call}" for call in SYNCS + ASKS)
        command = [strace, "-f", "-qq", "-e", f"trace={wanted}", "-o", str(trace)]
        command += [sys.executable, "-m", "bench.lone", str(folder / "ledger.sqlite"), str(acts)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            return skipped(FSYNCS, "syncs", baseline, f"strace failed: {done.stderr.strip()[-200:]}", goal)
        counted = count_syncs(trace.read_text("utf-8", "replace"))
    if len(counted) != acts // 7 * 7:
        raise NotDone(f"{len(counted)} acts in the trace, not {acts}")
    mean = sum(counted) / len(counted)
    note = f"over {len(counted)} acts, each alone: {mean:.2f} on average, {min(counted)} to {max(counted)}"
    return Result(FSYNCS, max(counted), "syncs", baseline, goal, note=note)


def count_syncs(trace: str) -> list[int]:
    """Return the successful syncs between each two marks, of the thread that set them: the act waits for no other."""
    counts: list[int] = []
    inside, thread = False, ""
    done = re.compile(rf"\b({'|'.join(SYNCS)})(\(.*| resumed.*)= 0$")
    for line in trace.splitlines():
        if MARK in line:
            inside, thread = not inside, line.split()[0]
            counts += [0] if inside else []
        elif inside and line.split()[0] == thread and done.search(line):
            counts[-1] += 1
    return counts


if __name__ == "__main__":
    print(json.dumps(one_by_one(Path(sys.argv[1]), int(sys.argv[2]), mark=True)))
