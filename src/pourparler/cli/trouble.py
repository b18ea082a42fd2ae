"""Why a command could not do what it was asked: one sentence of what, one of what to do, and an exit code.

Commands let their errors rise to :func:`pourparler.cli.main.main`; what they are is said here, for a person on standard
error, or with ``--json`` as one JSON value on standard output, so that a script reads one stream in every case.

Exit codes: 0 done or valid, 1 invalid, 2 cannot tell, 3 refused by mandate or law, 4 wrong usage, 5 input or output,
also where nobody reads the output to its end; 130 interrupted by Ctrl-C. *Done* is what was asked: an act that was
signed and waits for further signatures, or for its ledger, is done (``docs/workspace.md``).
"""

import json
import sys
from typing import Any

from pourparler.core.errors import FIRST_WORDS, STEPS, PourparlerError, step_of
from pourparler.ports import KeyTrouble, StoreError

INVALID, CANNOT_TELL, REFUSED, USAGE, INPUT, INTERRUPTED = 1, 2, 3, 4, 5, 130

# A key that was named wrongly is a mistake in the command; a file or an agent that fails is not.
USAGE_REASONS = {"key.name", "key.role", "key.exists", "key.absent", "key.weak", "key.unasked", "key.unsupported"}


class Problem(Exception):
    """Why a command could not even begin, or stopped: an exit code, what is wrong, and what to do about it.

    ``reason`` is the specification's code, where one decided; ``step`` the step of ``spec/act.md`` at which it did.
    """

    def __init__(self, exit_code: int, what: str, do: str = "", *, reason: str = "", step: int | None = None) -> None:
        super().__init__(what)
        self.exit_code, self.what, self.do, self.reason, self.step = exit_code, what, do, reason, step

    def as_data(self) -> dict[str, Any]:
        """Return the problem for a machine; the keys are always the same ones."""
        said = {"what": self.what, "do": self.do, "reason": self.reason, "step": self.step}
        return {"error": said, "exit_code": self.exit_code}


def problem_of(error: Exception) -> Problem | None:
    """Return what an exception is for whoever gave the command, or None for a fault of ours."""
    match error:
        case Problem():
            return error
        case KeyTrouble():
            code = USAGE if error.reason in USAGE_REASONS else INPUT
            return Problem(code, error.what, error.do, reason=error.reason)
        case PourparlerError():
            return refused(error)
        case StoreError():
            do, reason = getattr(error, "do", ""), getattr(error, "reason", "")
            return Problem(INPUT, getattr(error, "what", str(error)), do, reason=reason)
    if what := getattr(error, "what", ""):  # a workspace's, which is not imported for this
        code = USAGE if getattr(error, "usage", True) else INPUT
        code = CANNOT_TELL if getattr(error, "cannot_tell", False) else code
        return Problem(code, str(what), str(getattr(error, "do", "")))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Problem(INPUT, f"{where}{error.strerror or error}.", "Check the path, its owner, its mode and the disk.")
    return None


def refused(error: PourparlerError) -> Problem:
    """Return what the law refused, with the step and the reason."""
    known = error.reason.partition(".")[0] in FIRST_WORDS
    step = step_of(error.reason) if known else None
    at = f"refused at step {step}, {STEPS[step]}: " if step else "refused: "
    return Problem(REFUSED, f"{at}{error.detail or error.reason}.", reason=error.reason, step=step)


def complain(problem: Problem, *, as_json: bool = False) -> int:
    """Say what is wrong and what to do; return the exit code."""
    if as_json:
        print(json.dumps(problem.as_data(), indent=2))
        return problem.exit_code
    from pourparler.cli import words

    screen = words.Screen(sys.stderr)
    code: list[words.Part] = [(f" [{problem.reason}]", "dim")] if problem.reason else []
    screen.line(words.clean(problem.what), *code, lead=("pourparler: ", "bold"))
    if problem.do:
        screen.line(words.clean(problem.do), lead="  do: ")
    return problem.exit_code
