"""The longer checks that CI adds: ``./run campaign [NAME…]``. Seeds come from the commit, each part has a budget.

Every part prints how much it did. A failure prints what reproduces it and ends the campaign with exit code 1. Most
parts keep one core busy: each of these runs in a process of its own, beside others; the rest have the machine alone.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LANES = min(4, os.cpu_count() or 1)
FAULTS_SECONDS = 900  # its sizes are those that it has in this time; they shrink and grow with it


def commit() -> str:
    """Return the commit id that seeds the campaign, or a fixed word outside a checkout."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "no-commit"


def fuzz_part(seed: str, seconds: float) -> str:
    from tests import fuzz

    share = seconds / len(fuzz.TARGETS)
    done = {target: fuzz.run(target, seed, seconds=share) for target in fuzz.TARGETS}
    total = sum(tally.inputs for tally in done.values())
    dearest = max(done, key=lambda target: done[target].dearest_calls)
    return (
        f"{total:,} inputs over {len(done)} parsers, {sum(tally.refused for tally in done.values()):,} refused; "
        f"dearest: {done[dearest].dearest_calls:,} calls in {dearest}"
    )


def model_part(seed: str, seconds: float) -> str:
    depth = "5" if seconds >= 600 else "4"  # depth 5 takes five minutes on two idle cores
    model = [sys.executable, "-m", "spec.model"]

    def small_worlds() -> str:
        """Take three or four minutes, on the core that is idle beside the joint model."""
        pytest_free([*model, "--worlds", *(["--quick"] if depth == "4" else [])], seconds)
        return pytest_free([sys.executable, "-m", "tests.oracle_worlds", seed, str(min(seconds / 6, 150))], seconds)

    with ThreadPoolExecutor(1) as beside:
        small = beside.submit(small_worlds)
        joint = pytest_free([*model, "--depth", depth], seconds)
        return f"{joint.strip()}; {small.result()}"


def oracle_part(seed: str, seconds: float) -> str:
    from tests import oracle_model

    return oracle_model.run_sampled(seed, histories=20_000, seconds=seconds)


def stateful_part(seed: str, seconds: float) -> str:
    from tests import stateful

    return stateful.run_campaign(seed, seconds)


def faults_part(seed: str, seconds: float) -> str:
    from tests import faults

    return faults.run(seed, seconds / FAULTS_SECONDS)


def interop_part(seed: str, seconds: float) -> str:
    from tests.interop import __main__ as interop

    return interop.run(list(interop.checks.CHECKS))


def bus_part(seed: str, seconds: float) -> str:
    from tests.interop import buses

    return buses.run(list(buses.CHECKS))


def gaps_part(seed: str, seconds: float) -> str:
    from tests import gaps

    return gaps.run(seed, seconds)


def casino_part(seed: str, seconds: float) -> str:
    from tests import casino_all

    return casino_all.run(seed, seconds)


def browser_part(seed: str, seconds: float) -> str:
    from tests import pages

    return pages.run(seed, seconds)


def javascript_part(seed: str, seconds: float) -> str:
    from tests import alternate

    return alternate.run(seed, seconds)


def simulate_part(seed: str, seconds: float) -> str:
    from tests import worlds

    return worlds.run(seed, seconds)


def pytest_free(command: list[str], seconds: float) -> str:
    """Run a program within its budget and return its last line."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        said = done.stdout[-2000:] + done.stderr[-2000:]
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return done.stdout.strip().splitlines()[-1]


ALONE = ("model", "simulate")  # they use every core
PARTS: dict[str, tuple[Callable[[str, float], str], float]] = {
    "fuzz": (fuzz_part, 420),
    "model": (model_part, 900),
    "oracle": (oracle_part, 480),
    "stateful": (stateful_part, 300),
    "gaps": (gaps_part, 240),
    "faults": (faults_part, FAULTS_SECONDS),
    "simulate": (simulate_part, 1_200),
    "casino": (casino_part, 400),
    "interop": (interop_part, 600),
    "bus": (bus_part, 300),
    "javascript": (javascript_part, 180),
    "browser": (browser_part, 180),
}


def main(names: list[str]) -> int:
    seed = os.environ.get("POURPARLER_SEED") or commit()
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"campaign: there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 4
    share = float(os.environ.get("POURPARLER_CAMPAIGN_SHARE", "1"))
    if len(names) == 1:
        return run_part(names[0], seed, share)
    chosen = names or list(PARTS)
    print(f"campaign: seed {seed}", flush=True)
    with ThreadPoolExecutor(LANES) as lanes:
        beside = lanes.map(lambda name: run_apart(name, seed, share), [name for name in chosen if name not in ALONE])
        failed = sum(map(bool, beside))
    failed += sum(bool(run_apart(name, seed, share)) for name in chosen if name in ALONE)
    print(f"campaign: {len(chosen) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def run_apart(name: str, seed: str, share: float) -> int:
    """Run a part in a process of its own, and print what it said when it is over. Return its exit code."""
    print(f"{name}: up to {PARTS[name][1] * share:.0f} s …", flush=True)
    command = [sys.executable, "-m", "tests.campaign", name]
    surroundings = {**os.environ, "POURPARLER_SEED": seed}
    done = subprocess.run(
        command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    print(done.stdout.rstrip(), flush=True)
    return done.returncode


def run_part(name: str, seed: str, share: float) -> int:
    """Run a part here. Return its exit code."""
    part, budget = PARTS[name]
    begun = time.monotonic()
    try:
        print(f"{name}: {part(seed, budget * share)}, in {time.monotonic() - begun:.0f} s", flush=True)
    except Exception as error:
        print(f"{name}: FAILED after {time.monotonic() - begun:.0f} s: {error}", flush=True)
        print(f"  again: POURPARLER_SEED={seed} ./run campaign {name}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
