"""Two texts side by side: what one says that the other does not, and which red lines each would cross."""

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from pourparler.cli.files import read_toml
from pourparler.cli.lines import SIGNS, tested
from pourparler.cli.mandate import after
from pourparler.cli.session import Session, plain
from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, flattened
from pourparler.core.redline import Answer, Text, evaluate, parse_text, sentence
from pourparler.service.completing import mandates_of_holder
from pourparler.service.speaking import mandate_of


def compare(session: Session, old: str, new: str, mandates: Sequence[str]) -> None:
    """Print what differs between two texts."""
    before, after_ = text_meant(session, old), text_meant(session, new)
    articles = [
        (language, *change)
        for language in languages(before, after_)
        for change in articles_changed(before, after_, language)
    ]
    terms = changed(before.terms, after_.terms)
    clauses = changed(plain(before.clauses), plain(after_.clauses))
    lines = lines_changed(session, before, after_, mandates)
    session.answer(articles=[list(row) for row in articles], terms=[list(row) for row in terms],
                   clauses=[list(row) for row in clauses], lines=lines)  # fmt: skip
    for language, number, was, now in articles:
        print_change(session, f"article {number} ({language})", was, now)
    for name, rows in (("term", terms), ("clause", clauses)):
        for path, was, now in rows:
            print_change(session, f"{name} {path}", was, now)
    if not (articles or terms or clauses):
        session.say("The two texts say the same; only their random bytes differ." if old != new else "It is one text.")
    for row in lines:
        print_line(session, row)


def text_meant(session: Session, said: str) -> Text:
    """Return a text by name or digest, or from a TOML file. Raises :class:`Problem`."""
    if said.endswith(".toml") or Path(said).is_file():
        return parse_text(session.form().text(read_toml(Path(said))))
    digest = session.find(said, "text")
    for book in session.books.values():
        data = book.text_here(digest)
        if data is not None:
            return parse_text(data)
    raise Problem(USAGE, f"the words of {said} are not here.", "Ask whoever proposed it; or name a TOML file.")


def languages(before: Text, after_: Text) -> list[str]:
    return sorted(before.articles.keys() | after_.articles.keys())


def articles_changed(before: Text, after_: Text, language: str) -> list[tuple[str, str | None, str | None]]:
    """Return the articles that differ, each with its number in the one text or the other."""
    was, now = list(before.articles.get(language, ())), list(after_.articles.get(language, ()))
    found: list[tuple[str, str | None, str | None]] = []
    for kind, first, last, start, end in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        for offset in range(max(last - first, end - start)):
            old = was[first + offset] if first + offset < last else None
            new = now[start + offset] if start + offset < end else None
            number = first + offset + 1 if old is not None else start + offset + 1
            found.append((str(number), old, new))
    return found


def changed(before: Mapping[str, Any], after_: Mapping[str, Any]) -> list[tuple[str, str | None, str | None]]:
    was, now = dict(flattened(dict(before))), dict(flattened(dict(after_)))
    paths = [*was, *(path for path in now if path not in was)]
    return [(path, was.get(path), now.get(path)) for path in paths if was.get(path) != now.get(path)]


def lines_changed(session: Session, before: Text, after_: Text, mandates: Sequence[str]) -> list[dict[str, Any]]:
    """Return what each red line of the mandates says of the one text and of the other."""
    rows: list[dict[str, Any]] = []
    _ = session.names
    for book in session.books.values():
        moment = after(session.moment(book))
        wanted = [session.find(name, "mandate") for name in mandates]
        mine = wanted or mandates_of_holder(book.registry, session.my_keys(), moment)
        for mandate_id in mine:
            if mandate_id not in book.registry.party_of_mandate:
                continue
            mandate, register = mandate_of(mandate_id, book.registry)
            for line, kind in tested(session, register, mandate, moment):
                was = evaluate(line, before.terms) if line else Answer.CANNOT_TELL
                now = evaluate(line, after_.terms) if line else Answer.CANNOT_TELL
                words = clean(sentence(line)) if line else "a private red line whose opening is not here"
                rows.append({"mandate": session.called(mandate_id), "line": words, "kind": kind,
                             "before": was.value, "after": now.value})  # fmt: skip
    return rows


def print_change(session: Session, where: str, was: str | None, now: str | None) -> None:
    session.say((clean(where), "bold"))
    if was is not None:
        session.say((clean(was), "red"), lead="  - ")
    if now is not None:
        session.say((clean(now), "green"), lead="  + ")


def print_line(session: Session, row: Mapping[str, Any]) -> None:
    sign, style = SIGNS[Answer(row["after"])]
    moved = row["after"] if row["after"] == row["before"] else f"{row['before']} → {row['after']}"
    session.say(f"{row['mandate']}: {row['line']}: ", (moved, style), lead=(f"{sign} ", style))
