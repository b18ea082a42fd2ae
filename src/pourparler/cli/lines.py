"""Red lines of a mandate, tried on terms and told in words: which of them answers what, and why one cannot tell.

What a line answers is the core's (:func:`pourparler.core.redline.evaluate`); here it is only said what the terms lack.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pourparler.cli.openings import openings
from pourparler.cli.session import Session
from pourparler.cli.words import clean, quoted
from pourparler.core.act import NO_POWER, Power
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.encoding import Value
from pourparler.core.redline import ABSENT, Answer, Line, amount, evaluate, look_up, parse_line, parse_text, sentence

SIGNS = {Answer.KEPT: ("✓", "green"), Answer.CROSSED: ("✗", "red"), Answer.CANNOT_TELL: ("?", "yellow")}
UNOPENED = "a private red line whose opening is not here"


@dataclass(frozen=True, slots=True)
class Tried:
    """What one red line answers: its sentence, the answer, why that is open, and whether the line is private."""

    words: str
    answer: Answer
    because: str
    kind: str

    def as_data(self) -> dict[str, Any]:
        return {"line": self.words, "answer": self.answer.value, "because": self.because or None, "kind": self.kind}


def terms_in(session: Session, written: dict[str, Any]) -> Mapping[str, Value]:
    """Return the terms that a file states: of a whole text, or terms alone."""
    whole = written if "terms" in written or "articles" in written else {"terms": written}
    return parse_text(session.form().text(whole)).terms


def tested(session: Session, register: Register, mandate: Mandate, moment: Moment) -> list[tuple[Line | None, str]]:
    """Return the lines under which a mandate speaks, public or private; None for one that cannot be opened here."""
    power = Power.CONCLUDE if all(Power.CONCLUDE in link.powers for link in mandate.chain()) else NO_POWER
    lines: list[tuple[Line | None, str]] = [(line, "public") for line in register.lines(mandate, power, moment)]
    known = {opening.commitment: opening for opening in openings(session)}
    for link in mandate.chain():
        for committed in link.private:
            opening = known.get(committed)
            lines.append((parse_line(opening.line) if opening else None, "private"))
    return lines


def tried(line: Line | None, kind: str, terms: Mapping[str, Value] | None) -> Tried:
    """Return what a line answers on terms; None stands for what is not here."""
    if line is None:
        return Tried(UNOPENED, Answer.CANNOT_TELL, "", kind)
    words = clean(sentence(line))
    if terms is None:
        return Tried(words, Answer.CANNOT_TELL, "the text is not here", kind)
    given = evaluate(line, terms)
    return Tried(words, given, "; ".join(lacking(line, terms)) if given is Answer.CANNOT_TELL else "", kind)


def lacking(line: Line, terms: Mapping[str, Value]) -> list[str]:
    """Return what in the terms leaves a line open, as clauses, each once."""
    if line.members:
        open_ones = [member for member in line.members if evaluate(member, terms) is Answer.CANNOT_TELL]
        return list(dict.fromkeys(why for member in open_ones for why in lacking(member, terms)))
    found = look_up(terms, line.path)
    if found is ABSENT:
        return [f"{line.path} is not stated"]
    stated = amount(found)
    if line.figure is not None and stated is not None:
        return [f"{line.path} is {currency_of(stated.currency)}, and the line {currency_of(line.figure.currency)}"]
    belongs = "a date or an instant in UTC, written like the line's" if line.operator in ("before", "after") else ""
    belongs = belongs or ("an exact figure" if line.figure is not None else "of the kind that the line compares with")
    return [f"{line.path} is {shown(found)}, which is not {belongs}"]


def currency_of(currency: str) -> str:
    return f"in {currency}" if currency else "a plain number"


def shown(value: Value) -> str:
    return quoted(value[:60]) if isinstance(value, str) else clean(str(value))[:60]
