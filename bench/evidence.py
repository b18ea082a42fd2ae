"""``pourparler verify`` on evidence of a hundred acts, beside the start of a Python that imports the same and ends."""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.material import NUMBERS, ROOT, Ledger, NotDone, scratch, text_of
from bench.measure import Effort, Result, Tell, alternate, at_most, ratio
from pourparler.core.act import Issuer, parse_act
from pourparler.core.encoding import Value
from pourparler.core.evidence import Claim
from pourparler.core.redline import text_digest
from pourparler.service.export import assemble
from pourparler.store.memory import MemoryStore

ACTS = 100
NAME, BASELINE = "verify on evidence of 100 acts", "Python, started with the same imports"

# Runs the command, then says which modules it has imported, in their order.
LISTING = """
import contextlib, io, json, sys
before = set(sys.modules)
from pourparler.cli.main import main
sys.argv[0] = "pourparler"
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main()
print(json.dumps([name for name in sys.modules if name not in before and name != "__main__"]))
"""
IMPORTING = """
import importlib
for name in {names!r}:
    importlib.import_module(name)
"""
# Names under which a module put itself, and which nobody imports: _sodium is a part of nacl.
UNNAMED = """
import importlib, json
unnamed = []
for name in {names!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        unnamed.append(name)
print(json.dumps(unnamed))
"""
MAIN = (sys.executable, "-P", "-m", "pourparler.cli.main")


def run(effort: Effort, tell: Tell) -> list[Result]:
    tell("a bundle of 100 acts")
    ledger, bundle = evidence()
    with scratch() as folder:
        path, imports = folder / "bundle", folder / "imports.py"
        path.write_bytes(bundle)
        command = ["verify", str(path), "--trust", ledger.seller.party.hex()]
        names = imported(command)
        imports.write_text(IMPORTING.format(names=names), "utf-8")
        check_judges(command, bundle, path)
        tell("verify beside the start of a Python")
        rounds = alternate(
            lambda: started([sys.executable, "-P", str(imports)]),
            lambda: started([*MAIN, *command]),
            effort.starts,
        )
    note = f"{rounds.seconds_told(f'the start with {len(names)} modules', 'verify')}; {len(bundle):,} bytes of evidence"
    return [ratio(NAME, BASELINE, rounds.cost, at_most(3), note)]


def imported(command: list[str]) -> list[str]:
    """Return the modules that the command imports, in their order."""
    names = told(LISTING, *command)
    unnamed = told(UNNAMED.format(names=names))
    if "pourparler.core.evidence" not in names or len(unnamed) > len(names) // 50:
        raise NotDone(f"of the imports of verify, {len(unnamed)} of {len(names)} cannot be repeated: {unnamed}")
    return [name for name in names if name not in unnamed]


def told(script: str, *arguments: str) -> list[str]:
    done = subprocess.run([sys.executable, "-P", "-c", script, *arguments], **settings(), check=True)
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return names


def settings() -> dict[str, Any]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return {"cwd": "/", "env": surroundings, "capture_output": True, "text": True}


def started(command: list[str]) -> float:
    before = perf_counter()
    done = subprocess.run(command, **settings(), check=False)
    spent = perf_counter() - before
    if done.returncode:
        raise NotDone(f"{' '.join(command)} ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return spent


def check_judges(command: list[str], bundle: bytes, path: Path) -> None:
    """Raise :class:`NotDone` unless one changed bit makes the same command say INVALID."""
    middle = len(bundle) // 2
    other = path.with_name("changed")
    other.write_bytes(bundle[:middle] + bytes([bundle[middle] ^ 1]) + bundle[middle + 1 :])
    changed = [str(other) if argument == str(path) else argument for argument in command]
    done = subprocess.run([*MAIN, *changed], **settings(), check=False)
    if done.returncode != 1:
        raise NotDone(f"a changed bundle is not INVALID: exit code {done.returncode}")


def evidence(number_of_acts: int = ACTS) -> tuple[Ledger, bytes]:
    """Return the evidence that a text binds the seller, after talks in which either countered the other's texts."""
    ledger = Ledger.over(MemoryStore())
    (begun,) = ledger.begun(1)
    fixed = ledger.taken + len(begun.acts)
    last: bytes | None = None
    for number in range(number_of_acts - fixed):
        side = (ledger.buyer, ledger.seller)[number % 2]
        text = text_of(next(NUMBERS))
        answers: dict[str, Value] = {"answers": last} if last else {}
        last = text_digest(text)
        act = side.speak("propose", dossier=begun.dossier, text=last, **answers)
        ledger.take([act.envelope.encoded()], [text])
    for act in begun.acts:
        ledger.take([act.envelope.encoded()], [begun.text])
    claim = Claim("bound", ledger.intake.depositary, 0, (ledger.seller.party,), begun.dossier, text_digest(begun.text))
    bundle = assemble(claim, [ledger.intake])
    acts = [
        data for shown in bundle.ledgers for _, data in shown.entries if parse_act(data).issuer is not Issuer.LEDGER
    ]
    if len(acts) != number_of_acts:
        raise NotDone(f"the evidence holds {len(acts)} acts, not {number_of_acts}")
    return ledger, bundle.encoded()
