"""``pourparler init`` and ``pourparler doctor``: a workspace is made, and looked after."""

from pathlib import Path

from pourparler.cli import words
from pourparler.cli.options import say_json
from pourparler.cli.trouble import INPUT
from pourparler.service.checkup import Finding, State, checkup
from pourparler.service.workspace import Workspace

NEXT = (
    "pourparler key new ann --role member",
    "pourparler ledger create ledger.example/ours (or, where somebody else keeps it: pourparler ledger take FILE)",
    "pourparler party found --title We --member ann",
)
MARKS = {State.OK: ("✓", "green"), State.WARN: ("!", "yellow"), State.FAIL: ("✗", "red")}


def init(folder: Path, *, quiet: bool, as_json: bool) -> int:
    """Make a workspace and say what comes next."""
    made = Workspace.create(folder)
    if as_json:
        say_json({"workspace": str(made.folder.resolve()), "keys": str(made.keys.resolve())})
        return 0
    if quiet:
        return 0
    screen = words.Screen()
    screen.line(f"This folder is a workspace now: {made.folder.resolve()}")
    for step in NEXT:
        screen.line(step, lead="  next: ")
    return 0


def doctor(workspace: Path | None, *, as_json: bool) -> int:
    """Look at everything, say each finding as it comes, and return the exit code."""
    screen = words.Screen()
    found: list[Finding] = []
    for finding in checkup(workspace):
        found.append(finding)
        if not as_json:
            say(screen, finding)
    wrong = [finding for finding in found if finding.state is State.FAIL]
    doubtful = [finding for finding in found if finding.state is State.WARN]
    if as_json:
        rows = [{"subject": f.subject, "state": str(f.state), "what": f.what, "do": f.do} for f in found]
        say_json({"findings": rows, "fail": len(wrong), "warn": len(doubtful)})
    elif wrong:
        screen.line((f"{words.count(len(wrong), 'thing is', 'things are')} wrong.", "bold"))
    elif doubtful:
        screen.line((f"Nothing is wrong; {words.count(len(doubtful), 'thing')} to look at.", "bold"))
    else:
        screen.line(("All is well.", "bold"))
    return INPUT if wrong else 0


def say(screen: words.Screen, finding: Finding) -> None:
    """Print one line for what is well, and one more for what is to be done."""
    mark, style = MARKS[finding.state]
    subject, _, name = words.clean(finding.subject).partition(" ")  # "ledger ledger.example/ours"
    what = f"{name}: {words.clean(finding.what)}" if name else words.clean(finding.what)
    screen.line(what, lead=[(f"{mark} {finding.state:<4}  ", style), f"{subject:<10}  "])
    if finding.do:
        screen.line(words.clean(finding.do), lead="          do: ")
