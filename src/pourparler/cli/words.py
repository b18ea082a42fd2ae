"""Reports in plain words: what the core answers, as lines that a person reads. Nothing here decides anything.

What comes from a bundle was written by strangers: every string of theirs passes :func:`clean` before it is shown, so
that no name can move the cursor, and names are quoted, for they prove nothing. A verdict and a mark are always words
or signs, never a colour alone; where the terminal has no Unicode, the signs become letters.
"""

import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from types import MappingProxyType
from typing import IO, Any

from rich.console import Console
from rich.text import Text as Styled

from pourparler.core.act import power_words
from pourparler.core.evidence import STEPS, Claim, Report, Step, Verdict
from pourparler.core.redline import Text
from pourparler.core.registry import Registry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WIDEST = 100  # columns; longer lines are hard to read
NARROW = 64  # columns; below, nothing stands in a column at the left
EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.CANNOT_TELL: 2}
MARKS = {Verdict.VALID: "✓", Verdict.INVALID: "✗", Verdict.CANNOT_TELL: "?", None: "·"}
STYLES = {Verdict.VALID: "green", Verdict.INVALID: "red", Verdict.CANNOT_TELL: "yellow", None: "dim"}
# What stands for a sign where the terminal has only ASCII; other letters lose their accents.
ASCII = str.maketrans("✓✗·…—\u2013→“”\u2018\u2019«»─━│┃\u00d7", 'vX-~-->""\'\'""-=||x')

# What opens or closes a quotation: inside a quoted name it would end the quotation, and let the name speak for us.
QUOTES = str.maketrans(dict.fromkeys('"“”„‟«»″〝〞\uff02', "'"))
TITLE_MOST = 60  # signs of a party's title that are shown

Part = str | tuple[str, str]  # text, or text and its style


# --- strings and numbers ----------------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Return foreign text with whatever could steer a terminal, or hide in it, replaced."""
    return "".join("\ufffd" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") else sign for sign in text)


def paragraphs(text: str) -> list[str]:
    """Return the lines of a foreign text, each clean: where it breaks a line, so does whoever shows it."""
    return [clean(line.replace("\t", " ")) for line in text.splitlines()] or [""]


def quoted(text: str) -> str:
    """Return foreign text in quotation marks that nothing in it can close."""
    return f"“{clean(text).translate(QUOTES)}”"


def short(identifier: bytes) -> str:
    return f"{identifier.hex()[:8]}…"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 act``, ``1,204 acts``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


class Figures(string.Formatter):
    """Formats what is said in a language; in French, figures are written 8 445 and 0,9 and 60 %, held together by
    narrow spaces that do not break."""

    def __init__(self, language: str) -> None:
        self.french = language == "fr"

    def format_field(self, value: object, format_spec: str) -> str:
        """Return a part of what is said; only what is given a format is a figure."""
        text: str = super().format_field(value, format_spec)
        if not self.french or not format_spec or isinstance(value, str):
            return text
        return text.replace(",", THIN_SPACE).replace(".", ",").replace("%", f"{THIN_SPACE}%")


THIN_SPACE = "\u202f"


def date_time(seconds: int) -> str:
    """Return an instant as ``17 Dec 1917 11:00 UTC``; seconds are shown where there are any."""
    try:
        at = EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return f"{seconds} s from 1970"
    clock = at.strftime("%H:%M:%S" if at.second else "%H:%M")
    return f"{at.day} {MONTHS[at.month - 1]} {at.year} {clock} UTC"


def iso(seconds: int) -> str:
    """Return an instant as a command line takes it: ``1917-12-17T11:00:00Z``."""
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: int) -> str:
    """Return a duration in the unit that a person would choose, rounded down."""
    for unit, size in (("year", 365 * 86_400), ("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if abs(seconds) >= 2 * size or abs(seconds) == size:
            return count(abs(seconds) // size, unit)
    return count(abs(seconds), "second")


CUT_SHORT = ("end of data", "exceeds remaining data")  # as the library says that bytes end too early
LIBRARY = "Failed to decode DAG-CBOR."


def is_cut_short(detail: str) -> bool:
    """Return whether the detail of a ``cbor.malformed`` says that the bytes end before the value does."""
    return detail.startswith(LIBRARY) and detail.endswith(CUT_SHORT)


def first_line(text: str, most: int = 200) -> str:
    """Return the first line of foreign text, with a sign where there is more."""
    line = text.strip().partition("\n")[0].rstrip()[:most]
    return line if line == text.strip() else f"{line} …"


def readable(detail: str) -> str:
    """Return a step's detail with its log times as dates and its ages in large units, and no words of a library."""
    if is_cut_short(detail):
        return "the file is cut short: it ends before what it begins is complete"
    if detail.startswith(LIBRARY):
        return "the bytes are not of the format"

    def aged(found: re.Match[str]) -> str:
        seconds = int(found[1])
        return duration(seconds) if seconds >= 0 else f"{duration(seconds)} ahead of the clock, not"

    detail = re.sub(
        r"\b(log time|until) (-?\d+)", lambda found: f"{found[1]} {date_time(int(found[2]))}", clean(detail)
    )
    return re.sub(r"(?<![\w.-])(-?\d+) s\b", aged, detail)


# --- the terminal -----------------------------------------------------------------------------------------------------


class Screen:
    """Lines on a terminal or in a file: wrapped with a hanging indent, and never failing for want of a sign."""

    def __init__(self, file: IO[str] | None = None) -> None:
        self.console = Console(file=file or sys.stdout, highlight=False, markup=False, emoji=False)
        try:
            "✓…“—━".encode(self.console.encoding)
            self.unicode = True
        except (UnicodeEncodeError, LookupError):
            self.unicode = False

    @property
    def width(self) -> int:
        return max(24, min(self.console.width, WIDEST))

    def fit(self, text: str) -> str:
        """Return the text in signs that this terminal has."""
        if self.unicode:
            return text
        plain = unicodedata.normalize("NFKD", text.translate(ASCII))
        return "".join(sign for sign in plain if not unicodedata.combining(sign)).encode("ascii", "replace").decode()

    def line(self, *parts: Part, lead: Part | list[Part] = "") -> None:
        """Print one paragraph. ``lead`` stands before its first line; the lines that follow are indented as far."""
        first = self.styled(*lead) if isinstance(lead, list) else self.styled(lead)
        hang = min(first.cell_len, self.width // 2)
        for number, row in enumerate(self.styled(*parts).wrap(self.console, self.width - hang)):
            row = first + row if number == 0 else Styled(" " * hang) + row
            row.rstrip()
            self.console.print(row, soft_wrap=True)

    def raw(self, text: str) -> None:
        """Print a line that is to be copied: it is not wrapped. What could steer a terminal is replaced."""
        self.console.print(Styled(self.fit(clean(text))), soft_wrap=True)

    def entry(self, heads: Sequence[str], parts: Sequence[Part], *, width: int, marked: bool) -> None:
        """Print a paragraph with short lines in a column at its left, or above it where the page is narrow."""
        style = "bold" if marked else "dim"
        if self.width < NARROW:
            if heads:
                self.line((" = ".join(heads), style))
            self.line(*parts, lead="  ")
            return
        rows = self.styled(*parts).wrap(self.console, self.width - width - 2)
        left = [(line, number) for number, head in enumerate(heads) for line in wrap(head, width)]
        for number in range(max(len(rows), len(left))):
            head, order = left[number] if number < len(left) else ("", 0)
            line = self.styled((f"{head:>{width}}", style if order == 0 else "dim"), "  ")
            line += rows[number] if number < len(rows) else Styled()
            line.rstrip()
            self.console.print(line, soft_wrap=True)

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under their heads; the last column may wrap, and none is cut. Nothing where there are none."""
        if not rows:
            return
        widths = [max(len(clean(row[at])) for row in (heads, *rows)) for at in range(len(heads) - 1)]
        for number, row in enumerate((heads, *rows)):
            style = "dim" if number == 0 else ""
            lead = "".join(f"{clean(cell):<{width}}  " for cell, width in zip(row, widths, strict=False))
            self.line((clean(row[-1]), style), lead=(lead, style))

    def styled(self, *parts: Part) -> Styled:
        text = Styled()
        for part in parts:
            words, style = (part, "") if isinstance(part, str) else part
            text.append(self.fit(words), style or None)
        return text

    def rule(self, title: str = "", style: str = "bold") -> None:
        """Print a heading that crosses the page, or a thin line."""
        if not title:
            self.line(("─" * self.width, "dim"))
            return
        tail = max(0, self.width - len(title) - 5)
        self.line(("━━ ", style), (title, style), (" " + "━" * tail, style))


# --- what a report says -----------------------------------------------------------------------------------------------


def title(party: bytes, registry: Registry | None) -> str | None:
    """Return what a party calls itself, cut where it is long, or None where its founding is not shown."""
    register = registry.registers.get(party) if registry else None
    if register is None:
        return None
    name = register.spines.party.name
    return name if len(name) <= TITLE_MOST else name[: TITLE_MOST - 1].rstrip() + "…"


def party_name(party: bytes, registry: Registry | None) -> str:
    """Return what a party calls itself, quoted, or the beginning of its id."""
    name = title(party, registry)
    return f"party {short(party)}" if name is None else quoted(name)


def party_vouched(party: bytes, registry: Registry | None, trusted: Mapping[bytes, str] | None) -> str:
    """Return a party's name with whether its id is trusted: a title proves nothing, for anybody may take it.

    Without ``trusted``, nothing is said of trust.
    """
    name = party_name(party, registry)
    if trusted is None:
        return name
    if party in trusted:
        return f"{name} (which you trust: {clean(trusted[party])})"
    if title(party, registry) is None:
        return f"{name} (not in your trust)"
    return f"a party calling itself {name} (id {short(party)}, not in your trust)"


def text_name(digest: bytes, registry: Registry | None) -> str:
    """Return how a text begins, quoted, beside its digest."""
    text = registry.text(digest) if registry else None
    for articles in [text.articles.get("en"), *text.articles.values()] if text else ():
        if articles:
            line = " ".join(articles[0].split())
            begins = line if len(line) <= 48 else line[:47].rstrip() + "…"
            return f"the text {short(digest)} {quoted(begins)}"
    return f"the text {short(digest)}"


def claim_sentence(claim: Claim, registry: Registry | None, trusted: Mapping[bytes, str] | None = None) -> str:
    """Return what the bundle claims, in one sentence without its full stop; of each party, whether it is trusted."""
    names = [party_vouched(party, registry, trusted) for party in claim.parties]
    text = text_name(claim.text, registry)
    match claim.kind:
        case "bound":
            return f"{names[0]} is bound by {text}"
        case "in-force":
            return f"{text} is in force between {names[0]} and {names[1]}"
        case "may":
            powers = ", ".join(power_words(claim.power))
            return f"the holder of the key {short(claim.holder)} may {powers}, under a mandate of {names[0]}"
        case "recorded":
            return f"the act {short(claim.act)} was recorded in the ledger {clean(claim.ledger.origin)}"
    raise AssertionError(claim.kind)


def as_of(report: Report) -> str:
    """Return what every verdict carries: as of which index, and when that was by the ledger's own stamps."""
    if report.claim is None:
        return "as of no index: the claim could not be read"
    when = f"log time {date_time(report.time)}" if report.time is not None else "its log time is not proven"
    return f"as of index {report.claim.as_of:,}, {when}, in the ledger {clean(report.claim.ledger.origin)}"


def named(detail: str, report: Report) -> str:
    """Return a detail with the streams in it called by what they are of."""
    claim = report.claim
    for party in claim.parties if claim else ():
        detail = detail.replace(f"stream {party.hex()[:16]}…", f"the stream of {party_name(party, report.registry)}")
    return detail.replace(f"stream {claim.dossier.hex()[:16]}…", "the stream of the dossier") if claim else detail


def deciding(report: Report) -> Step | None:
    """Return the step that decided, or None for VALID."""
    return next((step for step in report.steps if step.verdict is not Verdict.VALID), None)


# Reason code, or its first word with a dot, to what a person does next. The first that fits is said.
ADVICE: dict[str, str] = {
    "trust.": "Learn the party's id from the party itself, or from where it publishes it, and pass it with --trust "
    "ID=how. An id copied out of this bundle proves nothing.",
    "bundle.claim": "Ask for a bundle whose claim is of a kind that this version knows.",
    "bundle.": "This is not an evidence bundle, or it was damaged on the way. Ask for it again, over another channel.",
    "cbor.": "This is not an evidence bundle, or it was damaged on the way. Ask for it again, over another channel.",
    "stamp.contradiction": "Keep this file: it proves that the ledger told two stories. Show it to the other parties.",
    "stamp.missing": "Ask for a bundle that holds the stamp of every transaction that it shows.",
    "stamp.": "Rely on nothing in it, and keep the file: the ledger signed something that cannot be.",
    "proof.": "Something was changed after the ledger signed it. Rely on nothing in it; ask for it again, elsewhere.",
    "note.": "The ledger's signature does not fit. Rely on nothing in it; ask for it again, over another channel.",
    "checkpoint.": "The ledger's checkpoint does not fit. Rely on nothing in it; ask for it again, elsewhere.",
    "tree.": "The places of the entries cannot be. Rely on nothing in it; ask for it again, over another channel.",
    "home.": "Ask for a bundle that also shows the party's home ledger, without a gap.",
    "ledger.": "Ask for a bundle that shows the ledger which the claim names.",
    "stream.": "Acts are left out. Ask for the whole bundle; whoever left them out may have had a reason.",
    "witness.": "Ask for evidence with a checkpoint that the witnesses of your policy cosigned near that time. Where "
    "they saw the act too late for the ledger's bound, there is none, and nobody can make one.",
    "text.missing": "Ask for the text itself; only the right one has this digest.",
    "text.": "A text in the bundle is not of the format. Ask for it again, over another channel.",
    "claim.not-shown": "Ask for a bundle that holds the act which the claim names.",
    "claim.": "The evidence is genuine, and it does not bear the claim out. Do not act as if it did.",
    "dossier.": "Ask for a bundle that shows the dossier from its opening on.",
    "standing.": "The evidence is genuine: the authority that the claim rests on has ended. Turn to the party's organ.",
    "power.": "The evidence is genuine: this authority was never given. Turn to the party's organ.",
    "unknown.": "Ask for a bundle that also holds the acts which this one names.",
}
LATER = "What came later is not in here: before you act on it much later, ask for a newer bundle."
HALF_KNOWN = f"you have not said that you trust the other's id. Learn it from whoever you think it is. {LATER}"
ADVICE_BY_VERDICT = {
    Verdict.VALID: f"You may rely on this as of that index. {LATER}",
    Verdict.INVALID: "Do not rely on this. Ask whoever sent it how it came about.",
    Verdict.CANNOT_TELL: "Do not rely on this yet. Ask whoever sent it for what is missing.",
}


def advice(report: Report, trusted: Mapping[bytes, str] | None = None) -> str:
    """Return what to do next. What is valid is relied on only as to the parties that are trusted."""
    parties = report.claim.parties if report.claim else ()
    if report.verdict is Verdict.VALID and trusted is not None:
        known = [party_name(party, report.registry) for party in parties if party in trusted]
        if len(known) < len(parties):
            return f"You may rely on this as of that index as to {' and '.join(known)}; {HALF_KNOWN}"
    for beginning in (report.reason, f"{report.reason.partition('.')[0]}."):
        if beginning in ADVICE:
            return ADVICE[beginning]
    return ADVICE_BY_VERDICT[report.verdict]


def steps_of(report: Report) -> list[tuple[int, str, Step | None]]:
    """Return every step of the specification with how it went; None for one that was not reached."""
    taken = {step.number: step for step in report.steps}
    return [(number, name, taken.get(number)) for number, name in STEPS.items()]


def learnt(report: Report, trusted: Mapping[bytes, str]) -> list[tuple[bytes, str, str]]:
    """Return each party that the claim names or that is trusted: its id, its name if shown, how its id was learnt."""
    claimed = report.claim.parties if report.claim else ()
    rows = [(party, trusted.get(party) or "not in your trust: nobody told you whose id this is") for party in claimed]
    rows += [(party, f"{how}; the claim does not name it") for party, how in trusted.items() if party not in claimed]
    return [(party, party_name(party, report.registry), clean(how)) for party, how in rows]


# --- printing ---------------------------------------------------------------------------------------------------------

BADGES = {
    Verdict.VALID: "bold black on green",
    Verdict.INVALID: "bold white on red",
    Verdict.CANNOT_TELL: "bold black on yellow",
}
INDENT = 15
NOWHERE: Mapping[bytes, str] = MappingProxyType({})


def field(name: str) -> Part:
    """Return a paragraph's lead: its name, right-aligned."""
    return f"{name:>{INDENT - 2}}  "


def print_verdict(screen: Screen, report: Report, trusted: Mapping[bytes, str] | None = None) -> None:
    """Print the verdict, the claim in one sentence, and the step that decided."""
    claim, registry = report.claim, report.registry
    sentence = claim_sentence(claim, registry, trusted) if claim else "the file holds no claim to check"
    if report.verdict is not Verdict.VALID and report.claim:
        sentence = f"it is claimed that {sentence}"
    screen.line(
        f"{sentence[0].upper()}{sentence[1:]}.",
        lead=[(f" {report.verdict.value} ", BADGES[report.verdict]), " " * (INDENT - len(report.verdict.value) - 2)],
    )
    if step := deciding(report):
        because = f": {named(readable(step.detail), report)}" if step.detail else ""
        screen.line(f"step {step.number}, {step.name}{because} ", (f"[{step.reason}]", "bold"), lead=field("because"))
    screen.line(as_of(report), lead=field("when"))


def print_answer(screen: Screen, verdict: Verdict, reason: str) -> None:
    """Print the verdict alone on a line, for a script; with the reason code where it is not VALID."""
    screen.raw(f"{verdict.value} [{reason}]" if reason else verdict.value)


def print_steps(screen: Screen, report: Report) -> None:
    """Print every numbered step with how it went."""
    for number, name, step in steps_of(report):
        verdict = step.verdict if step else None
        said = f": {named(readable(step.detail), report)}" if step and step.detail else ""
        code: list[Part] = [(f" [{step.reason}]", "bold")] if step and step.reason else []
        style = "" if step else "dim"
        screen.line((name, style), (said, "dim"), *code, lead=(f"  {MARKS[verdict]} {number:>2}  ", STYLES[verdict]))
    screen.line(("✓ passed   ✗ failed   ? cannot tell   · not reached", "dim"), lead="        ")


def print_strip(screen: Screen, report: Report) -> None:
    """Print all steps in one line: each number with its mark."""
    parts: list[Part] = []
    for number, _, step in steps_of(report):
        verdict = step.verdict if step else None
        parts.append((f"{MARKS[verdict]}{number} ", STYLES[verdict]))
    screen.line(*parts, lead=field("steps"))


def whose_trust(trusted: Mapping[bytes, str], sources: Mapping[bytes, str]) -> str:
    """Return who says which parties are trusted: it is always said, for whoever chooses them chooses the verdict."""
    if not trusted:
        return "nobody is trusted: you gave no --trust, and no workspace of yours was found"
    said = Counter(clean(sources.get(party) or "by your --trust") for party in trusted)
    each = next(iter(said)) if len(said) == 1 else ", ".join(f"{number} {source}" for source, number in said.items())
    return f"{count(len(trusted), 'party is', 'parties are')} trusted: {each}"


def tell_text(text: Text, say: Callable[..., None], label: Callable[[str], Part]) -> None:
    """Say a text in full: every article in every language, terms, clauses and checks; ``label`` makes the leads."""
    blank = str(label(""))
    for language, articles in text.articles.items():
        for number, article in enumerate(articles, 1):
            for line, paragraph in enumerate(paragraphs(article)):
                numbered = f"{clean(language)} {number}. "
                say(paragraph, lead=blank + (numbered if line == 0 else " " * len(numbered)))
    for name, value in flattened(dict(text.terms)):
        say(f"{name} = {value}", lead=blank)
    for name, value in flattened(dict(text.clauses)):
        say(f"{name} = {value}", lead=label("clauses"))
    for check in text.checks:
        say(f"{check.path} is the {check.operator} of {', '.join(check.of)}", lead=label("check"))


def flattened(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Return terms as dotted paths with their values in words."""
    if isinstance(value, Mapping):
        return [row for name, member in value.items() for row in flattened(member, f"{path}.{name}" if path else name)]
    if isinstance(value, (list, tuple)):
        return [(clean(path), " ".join(clean(plain(member)) for member in value))]
    return [(clean(path), clean(plain(value)))]


def plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def print_report(
    screen: Screen, report: Report, trusted: Mapping[bytes, str], sources: Mapping[bytes, str] = NOWHERE
) -> None:
    """Print the whole report; ``sources`` says by which file each party is trusted."""
    print_verdict(screen, report, trusted)
    screen.line()
    print_steps(screen, report)
    screen.line()
    for party, name, how in learnt(report, trusted):
        source = f", {clean(sources[party])}" if sources.get(party) else ""
        screen.line(f"{name}: {how}{source}", lead=field("party"))
        screen.line((party.hex(), "dim"), lead=field(""))
    if report.claim and not report.claim.parties:
        screen.line(
            f"{clean(report.claim.ledger.origin)}: no party vouches for it; compare its key", lead=field("ledger")
        )
        screen.line((report.claim.ledger.key.hex(), "dim"), lead=field(""))
    for note in report.notes:
        screen.line(readable(note), lead=field("note"))
    screen.line(whose_trust(trusted, sources), lead=field("trust"))
    screen.line((advice(report, trusted), "bold"), lead=field("next"))


def report_data(
    report: Report,
    trusted: Mapping[bytes, str],
    at: int | None,
    sources: Mapping[bytes, str] = NOWHERE,
    text: Text | None = None,
) -> dict[str, Any]:
    """Return the report as data for machines; the keys are always the same ones. ``text`` is the claim's, if shown."""
    claim, step = report.claim, deciding(report)
    return {
        "format": "pourparler/1 report",
        "verdict": report.verdict.value,
        "exit_code": EXIT_CODES[report.verdict],
        "reason": report.reason,
        "step": step.number if step else None,
        "detail": step.detail if step else "",
        "sentence": claim_sentence(claim, report.registry, trusted) if claim else "",
        "next": advice(report, trusted),
        "claim": claim_data(claim) if claim else None,
        "text": text_data(text) if text else None,
        "parties": [party_data(party, report.registry, trusted) for party in claim.parties] if claim else [],
        "as_of": {"index": claim.as_of if claim else None, "log_time": report.time},
        "at": at,
        "trust": [
            {
                "party": party.hex(),
                "name": name.removeprefix("“").removesuffix("”"),
                "learnt": how,
                "by": sources.get(party, ""),
                "trusted": party in trusted,
            }
            for party, name, how in learnt(report, trusted)
        ],
        "steps": [step_data(*step, otherwise="NOT REACHED") for step in steps_of(report)],
        "notes": list(report.notes),
    }


def step_data(number: int, name: str, taken: Step | None, *, otherwise: str) -> dict[str, Any]:
    """Return a step for a machine; ``otherwise`` is its verdict where it was not taken."""
    return {
        "number": number,
        "name": name,
        "verdict": taken.verdict.value if taken else otherwise,
        "detail": taken.detail if taken else "",
        "reason": taken.reason if taken else "",
    }


def party_data(party: bytes, registry: Registry | None, trusted: Mapping[bytes, str]) -> dict[str, Any]:
    """Return a party of the claim: its title is its own word; ``how`` its id was learnt is null where nobody said."""
    name = title(party, registry)
    shown = None if name is None else quoted(name)[1:-1]
    return {"id": party.hex(), "title": shown, "trusted": party in trusted, "how": trusted.get(party)}


def in_json(value: Any) -> Any:
    """Return a value as JSON has it: bytes in hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: in_json(member) for name, member in value.items()}
    return list(map(in_json, value)) if isinstance(value, (list, tuple)) else value


def text_data(text: Text) -> dict[str, Any]:
    """Return what a text says, as it says it: whoever shows it to a person cleans it."""
    return {
        "digest": text.digest.hex(),
        "articles": in_json(text.articles),
        "terms": in_json(text.terms),
        "clauses": in_json(text.clauses),
    }


def claim_data(claim: Claim) -> dict[str, Any]:
    """Return a claim with its bytes in hex and its powers as words."""

    data = {name: in_json(value) for name, value in claim.encoded().items()}
    if "power" in data:
        data["power"] = power_words(claim.power)
    return data
