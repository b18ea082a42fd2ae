"""What is awaited, told to whoever can do it: who has to do what, by when, about which text, and with which command."""

from typing import Any

from pourparler.cli.session import Session, plain
from pourparler.cli.words import Part, date_time, duration, quoted
from pourparler.core.redline import Text
from pourparler.service.awaiting import Awaited
from pourparler.service.books import Book

# What is to be done, and the command for it. A rejection and other ways out stand beside it.
DOES: dict[str, tuple[str, str]] = {
    "join": ("join the talks {dossier}", "dossier join {dossier}"),
    "adopt": ("adopt or reject {text}", "act adopt {dossier} {text}  (or: act reject)"),
    "own": ("adopt {text}, its own, or withdraw it", "act adopt {dossier} {text}  (or: act withdraw)"),
    "sign": ("sign {text}", "act sign-ad-referendum {dossier} {text}  (or: act conclude, which binds at once)"),
    "ratify": ("ratify or refuse {text}", "vote ratify {dossier} {text}  (or: vote refuse, vote return)"),
    "accede": ("accede to {text}, or not", "vote accede {dossier} {text}"),
    "confirm": ("confirm {about}, or undo it", "mandate confirm {about}  (or with --no)"),
    "vote": ("vote on {text}", "vote yes {about}  (or: vote no, vote abstain, vote recuse)"),
    "result": ("state the result of the vote on {text}", "vote result {about}"),
    "answer": ("answer the question {about}", 'organ answer {about} "…"'),
    "elect": ("elect its members anew: the term ends", "organ elect {who}"),
    "renew": ("give {about} anew: it expires", "mandate grant FILE"),
    "duty": ("do the duty of {about}", "mandate show {about}"),
    "beacon": ("send a beacon, for {about}", "act draft beacon FILE"),
}
TITLE_MOST = 60  # signs of a text that are shown beside its name


def awaited_data(session: Session, book: Book, item: Awaited) -> dict[str, Any]:
    """Return one thing that is awaited: a sentence, what the text is, from whom, and the command to run."""
    dossier = book.registry.dossiers.get(item.dossier or b"")
    paper = dossier.papers.get(item.text or b"") if dossier else None
    what = "own" if item.what == "adopt" and paper and paper.author == item.who else item.what
    does, run = DOES[what]
    about = session.called(item.about) if item.about else ""
    words = {"text": session.called(item.text) if item.text else about, "about": about, "dossier": ""}
    words["dossier"] = session.called(item.dossier) if item.dossier else ""
    given = {"text": item.text, "about": item.about, "dossier": item.dossier, "who": item.who}
    command = run.format(**{name: typed(session, value) for name, value in given.items()})
    data: dict[str, Any] = plain({
        "what": item.what, "who": item.who, "sentence": f"{session.called(item.who)}: {does.format(**words)}",
        "deadline": item.deadline, "dossier": item.dossier, "text": item.text, "about": item.about,
        "title": title_of(book.registry.text(item.text)) if item.text else None,
        "from": session.called(paper.author) if paper else None,
        "command": f"pourparler {command}",
        "needs": item.needs, "keys": sorted(session.called(key) for key in item.keys),
    })  # fmt: skip
    return data


def typed(session: Session, identifier: bytes | None) -> str:
    """Return an id as a command takes it: its name, or enough of its digits."""
    if identifier is None:
        return ""
    name = session.called(identifier)
    return identifier.hex()[:16] if name.endswith("…") else name


def title_of(text: Text | None) -> str | None:
    """Return how a text begins, on one line, or None where it is not here."""
    for articles in [text.articles.get("en"), *text.articles.values()] if text else ():
        if articles:
            begins = " ".join(articles[0].split())
            return begins if len(begins) <= TITLE_MOST else f"{begins[: TITLE_MOST - 1].rstrip()}…"
    return None


def awaited_parts(session: Session, item: dict[str, Any]) -> list[Part]:
    """Return a line of what is awaited: of whom, by when, who can do it."""
    parts: list[Part] = [item["sentence"]]
    if item["deadline"] is not None:
        left = item["deadline"] - session.now
        parts.append((f" by {date_time(item['deadline'])}", "bold"))
        parts.append(f" (in {duration(left)})" if left >= 0 else f" ({duration(left)} ago)")
    if item["keys"]:
        how_many = f"{item['needs']} of " if item["needs"] > 1 else ""
        parts.append((f" · {how_many}{', '.join(item['keys'])}", "dim"))
    return parts


def say_awaited(session: Session, item: dict[str, Any]) -> None:
    """Print what is awaited: the line, what the text is and whose, and the command."""
    session.say(*awaited_parts(session, item), lead="• ")
    if item["title"]:
        by = f", proposed by {item['from']}" if item["from"] else ""
        session.say((f"{quoted(item['title'])}{by}", "dim"), lead="  ")
    session.say(item["command"], lead="    ")
