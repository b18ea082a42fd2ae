"""``pourparler verify`` for what is no bundle: proof files, receipts, statements. The same three words, the same exit
codes; the steps are those of ``spec/receipt.md`` section 7."""

import json
from pathlib import Path
from typing import Any

from pourparler.cli import words
from pourparler.cli.trouble import USAGE, Problem
from pourparler.core.act import Act
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Step, Verdict
from pourparler.core.ledger import Policy, Statement, VerifierKey, parse_vkey
from pourparler.service.proofs import STEPS, Finding, Kind, Known, check, kind_of

ENTRY_SUFFIX = ".entry"  # beside a proof that ``ledger prove`` wrote
ENTRY_MAX_BYTES = 256 * 1024

NAMED = ("party", "dossier", "text")  # fields of acts that say of whom, and of what

# Reason code, or its first word with a dot, to what a person does next. The first that fits is said.
ADVICE: dict[str, str] = {
    "trust.": "Ask the depositary for the ledger's key, and pass it: --vkey KEY, or a --policy that lists it.",
    "entry.": "Ask for the bytes that this is about, and name their file with --entry.",
    "witness.": "Ask for a proof file (.tlog-proof) whose checkpoint the witnesses of your policy have cosigned.",
    "statement.entry": "The statement is about something else. Ask for the act that it names.",
    "statement.": "Do not rely on it. Ask whoever sent it for it again, over another channel.",
    "receipt.kind": "The receipt proves something else than is asked.",
}
ADVICE_BY_VERDICT = {
    Verdict.VALID: "You may rely on this much and no more: that it is recorded says nothing of what it means.",
    Verdict.INVALID: "Do not rely on this. Something was changed, or it is of another ledger; ask for it again.",
    Verdict.CANNOT_TELL: "Do not rely on this yet. Ask whoever sent it for what is missing.",
}

NEEDS_KEY = "a party's id (--trust) is no ledger's key: a proof needs --vkey KEY, or a --policy that lists the log"


def run(
    name: str,
    data: bytes,
    *,
    entry: Path | None,
    vkeys: list[str],
    policy: Policy | None,
    as_json: bool,
    trusts: bool = False,
    quiet: bool = False,
    text: bool = False,
) -> int | None:
    """Check a file and print what was found; return the exit code, or None where it is no proof of any kind.

    ``trusts`` says that somebody named parties, who have nothing to say of a ledger's key.
    """
    kind = kind_of(data)
    if kind is None:
        return None
    if text:
        raise Problem(USAGE, f"--text is for evidence bundles, and this is a {kind.value}.", "Leave it away.")
    known = Known(tuple(map(read_vkey, vkeys)), policy)
    found = check(kind, data, read_entry(name, kind, entry), known)
    if trusts and found.deciding is not None and found.deciding.reason == "trust.unknown-ledger":
        found.notes.append(NEEDS_KEY)
    if as_json:
        print(json.dumps(as_data(found), indent=2))
    elif quiet:
        words.print_answer(words.Screen(), found.verdict, found.deciding.reason if found.deciding else "")
    else:
        show(words.Screen(), found)
    return words.EXIT_CODES[found.verdict]


def read_vkey(text: str) -> VerifierKey:
    try:
        return parse_vkey(text)
    except PourparlerError as error:
        do = "It is one line: ledger.example/talks+12ab34cd+AZ… Copy it whole, in quotes."
        raise Problem(USAGE, f"--vkey {text}: {error.detail}.", do, reason=error.reason) from None


def read_entry(name: str, kind: Kind, given: Path | None) -> bytes | None:
    """Return the bytes that the file is about: those that were named, or those that lie beside a proof."""
    from pourparler.cli.reading import read_file

    beside = Path(name).with_suffix(ENTRY_SUFFIX)
    if given is None and kind in (Kind.PROOF, Kind.RECEIPT) and name != "-" and beside.is_file():
        given = beside
    return None if given is None else read_file(given, ENTRY_MAX_BYTES, "an entry")


# --- saying -----------------------------------------------------------------------------------------------------------


def sentence(found: Finding) -> str:
    """Return what is proven, or claimed, in one sentence."""
    where = f"the ledger {words.clean(found.ledger.name)}" if found.ledger else "a ledger"
    match found.kind:
        case Kind.CONSISTENCY:
            return f"{where} goes on from the older checkpoint"
        case Kind.PROOF if found.index is not None:
            return f"{entry_name(found)} is entry {found.index:,} of {where}"
        case Kind.PROOF | Kind.RECEIPT:
            return f"{entry_name(found)} is an entry of {where}"
    said = entry_name(found)
    return said if found.kind is Kind.STATEMENT else f"{said}, and {where} has recorded it"


def entry_name(found: Finding) -> str:
    match found.entry:
        case Act() as act:
            return f"the act {act.kind} {act.id.hex()[:16]}…"
        case Statement() as statement:
            key, hash_ = statement.key.hex()[:16], statement.hash.hex()[:16]
            return f"{words.quoted(statement.issuer)}, with the key {key}…, hands in what has the hash {hash_}…"
    return "what is shown"


def advice(found: Finding) -> str:
    reason = found.deciding.reason if found.deciding else ""
    for beginning in (reason, f"{reason.partition('.')[0]}."):
        if beginning in ADVICE:
            return ADVICE[beginning]
    return ADVICE_BY_VERDICT[found.verdict]


def steps_of(found: Finding) -> list[tuple[int, str, Step | None]]:
    """Return every step with how it went; None for one that was not reached, or is not asked of such a file."""
    taken = {step.number: step for step in found.steps}
    return [(number, name, taken.get(number)) for number, name in STEPS.items()]


def show(screen: words.Screen, found: Finding) -> None:
    """Print the answer, the step that decided, and all steps."""
    said = sentence(found)
    said = said if found.verdict is Verdict.VALID else f"it is claimed that {said}"
    verdict = found.verdict.value
    badge: list[words.Part] = [(f" {verdict} ", words.BADGES[found.verdict]), " " * (words.INDENT - len(verdict) - 2)]
    screen.line(f"{said[0].upper()}{said[1:]}.", lead=badge)
    if step := found.deciding:
        code = (f"[{step.reason}]", "bold")
        screen.line(f"step {step.number}, {step.name}: {words.clean(step.detail)} ", code, lead=words.field("because"))
    screen.line(found.kind.value, lead=words.field("file"))
    screen.line()
    for number, name, taken in steps_of(found):
        mark, style = words.MARKS[taken.verdict if taken else None], words.STYLES[taken.verdict if taken else None]
        detail = f": {words.clean(taken.detail)}" if taken and taken.detail else ""
        screen.line((name, "" if taken else "dim"), (detail, "dim"), lead=(f"  {mark} {number:>2}  ", style))
    screen.line(("✓ passed   ✗ failed   ? cannot tell   · not asked", "dim"), lead="        ")
    screen.line()
    if found.ledger:
        screen.line(words.clean(found.ledger.text), lead=words.field("ledger"))
    for name, value in said_by(found.entry).items():
        screen.line(words.quoted(value) if name == "name" else value, lead=words.field(name))
    if isinstance(found.entry, Statement):
        screen.line(found.entry.key.hex(), lead=words.field("signed by"))
    for note in found.notes:
        screen.line(note, lead=words.field("note"))
    screen.line((advice(found), "bold"), lead=words.field("next"))


def said_by(entry: Act | Statement | None) -> dict[str, str]:
    """Return the parties and the texts that an act names, by its own word: a proof shows that it was said, no more."""
    if not isinstance(entry, Act):
        return {}
    said = {"party": entry.id.hex(), "name": entry["name"]} if entry.kind == "found" else {}
    for name in NAMED:
        value = entry.get(name)
        if isinstance(value, bytes):
            said[name] = value.hex()
    return said


def as_data(found: Finding) -> dict[str, Any]:
    """Return the answer for a machine; the keys are always the same ones."""
    step, entry = found.deciding, found.entry
    return {
        "format": "pourparler/1 proof report",
        "verdict": found.verdict.value,
        "exit_code": words.EXIT_CODES[found.verdict],
        "reason": step.reason if step else "",
        "step": step.number if step else None,
        "detail": step.detail if step else "",
        "sentence": sentence(found),
        "next": advice(found),
        "kind": found.kind.value,
        "ledger": {"origin": found.ledger.name, "vkey": found.ledger.text} if found.ledger else None,
        "index": found.index,
        "act": {"id": entry.id.hex(), "kind": entry.kind, **said_by(entry)} if isinstance(entry, Act) else None,
        "statement": statement_data(entry) if isinstance(entry, Statement) else None,
        "steps": [words.step_data(*step, otherwise="NOT ASKED") for step in steps_of(found)],
        "notes": list(found.notes),
    }


def statement_data(statement: Statement) -> dict[str, Any]:
    return {
        "id": statement.id.hex(),
        "key": statement.key.hex(),
        "issuer": statement.issuer,
        "hash": statement.hash.hex(),
        "location": statement.location,
    }
