"""A dossier on a page: parties, texts, consents, effects, what is awaited of whom, and what was said in order."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from pourparler.cli.awaited import awaited_data, awaited_parts
from pourparler.cli.session import Session, plain
from pourparler.cli.timeline import about_act, act_line
from pourparler.cli.words import clean, date_time, quoted, tell_text
from pourparler.core.authority import Moment
from pourparler.core.dossier import Dossier, EffectState, Paper
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import Text, parse_text
from pourparler.service.awaiting import awaited, newer_offer
from pourparler.service.books import Book

DEAD = frozenset({"superseded", "rejected", "withdrawn", "lapsed"})
GOOD = frozenset({"in force", "ratified", "signed definitively", "acceded", "open", "open for consent", "adopted"})


def text_here(book: Book, digest: bytes) -> Text | None:
    """Return a text that the ledger or the desk holds."""
    data = book.text_here(digest)
    return parse_text(data) if data is not None else None


def style_of(state: str) -> str:
    return "green" if state in GOOD else "yellow"


# --- as data ----------------------------------------------------------------------------------------------------------


def dossier_data(session: Session, book: Book, dossier: Dossier, moment: Moment) -> dict[str, Any]:
    """Return everything that the page shows."""
    waits = [item for item in awaited(book.registry, moment) if item.dossier == dossier.id]
    acts = sorted(dossier.outcomes.values(), key=lambda outcome: outcome.moment.index)
    until = dossier.suspended[1] if dossier.suspended and dossier.talks_suspended(moment) else None
    page: dict[str, Any] = plain({
        "dossier": dossier.id,
        "called": session.called(dossier.id),
        "state": dossier.state(moment).value,
        "suspended_until": until,
        "ledger": book.ledger.origin,
        "as_of": {"index": book.size - 1, "log_time": moment.time},
        "scopes": sorted(dossier.scopes),
        "sealed": dossier.sealed,
        "parties": [party_data(session, book, dossier, party) for party in in_order(session, book, dossier.parties)],
        "texts": [text_data(session, book, dossier, paper, moment) for paper in dossier.papers.values()],
        "awaited": [awaited_data(session, book, item) for item in waits],
        "acts": [
            about_act(session, outcome.act, outcome, None if outcome.act.id in book.pending else outcome.moment.index)
            for outcome in acts
        ],
    })  # fmt: skip
    return page


def in_order(session: Session, book: Book, parties: Iterable[bytes]) -> list[bytes]:
    """Return parties as a reader expects them: those whose keys are here first, then by name."""

    def rank(party: bytes) -> tuple[bool, str]:
        register = book.registry.registers.get(party)
        roles = register.spines.roles.keys() if register else set()
        return not roles & session.my_keys(), session.called(party)

    return sorted(parties, key=rank)


def party_data(session: Session, book: Book, dossier: Dossier, party: bytes) -> dict[str, Any]:
    register = book.registry.registers.get(party)
    joined = dossier.joined.get(party)
    return {
        "party": party,
        "called": session.called(party),
        "name": register.spines.party.name if register else None,
        "joined": joined.time if joined else None,
        "left": party in dossier.left,
        "learnt": session.workspace.settings.trust.get(party),
    }


def text_data(session: Session, book: Book, dossier: Dossier, paper: Paper, moment: Moment) -> dict[str, Any]:
    text = text_here(book, paper.digest)
    parties = in_order(session, book, {*dossier.parties, *paper.consents})
    return {
        "text": paper.digest,
        "called": session.called(paper.digest),
        "by": session.called(paper.author),
        "state": dossier.text_state(paper, moment).value,
        "until": paper.until,
        "overtaken_by": session.called(newer.digest) if (newer := newer_offer(dossier, paper, moment)) else None,
        "answers": session.called(paper.answers) if paper.answers else None,
        "adopted_by": [session.called(party) for party in in_order(session, book, paper.adopted_by)],
        "articles": dict(text.articles) if text else None,
        "terms": dict(text.terms) if text else None,
        "clauses": dict(text.clauses) if text else None,
        "consents": [consent_data(session, book, dossier, paper, party, moment) for party in parties],
        "effects": [
            effect for first, second in combinations(parties, 2)
            if (effect := effect_data(session, dossier, paper, first, second, moment))
        ],
    }  # fmt: skip


def returned(session: Session, book: Book, party: bytes, digest: bytes) -> list[dict[str, str]]:
    """Return what organs of the party decided in words about a text: why they send it back."""
    register = book.registry.registers.get(party)
    decisions = register.spines.decisions.values() if register else ()
    return [
        {"organ": session.called(act["organ"]), "words": act["words"]}
        for act in decisions if act.kind == "decide" and act.get("text") == digest and act.get("words")
    ]  # fmt: skip


def consent_data(
    session: Session, book: Book, dossier: Dossier, paper: Paper, party: bytes, moment: Moment
) -> dict[str, Any]:
    consent = paper.consents.get(party)
    waiting = dossier.pending_signatures(consent, moment) if consent else []
    bound = dossier.bound_since(consent) if consent else None
    deadlines = [signature.deadline for signature in waiting if signature.deadline is not None and bound is None]
    voids = [s for s in consent.signatures if s.void is not None] if consent and bound is None else []
    return {
        "party": session.called(party),
        "state": dossier.consent_state(paper, party, moment).value,
        "since": bound.time if bound else None,
        "deadline": min(deadlines, default=None),
        "reserves": list(consent.reserves) if consent else [],
        "void_signatures": len(voids),
        "returned": returned(session, book, party, paper.digest),
    }


def effect_data(
    session: Session, dossier: Dossier, paper: Paper, first: bytes, second: bytes, moment: Moment
) -> dict[str, Any] | None:
    if not paper.consents:
        return None
    try:
        effect = dossier.effect(paper.digest, first, second, moment)
    except PourparlerError as error:
        return {"between": [session.called(first), session.called(second)], "state": "cannot tell",
                "since": None, "until": None, "reason": error.detail}  # fmt: skip
    return {
        "between": [session.called(first), session.called(second)],
        "state": effect.state.value,
        "since": effect.since,
        "until": effect.until,
        "reason": effect.reason,
    }


# --- for a person -----------------------------------------------------------------------------------------------------


def print_dossier(session: Session, book: Book, data: dict[str, Any], dossier: Dossier) -> None:
    say = session.say
    say((data["called"], "bold"), f" · {data['state']}", lead=label("dossier"))
    say((data["dossier"], "dim"), lead=label(""))
    scopes = f" · about {', '.join(map(clean, data['scopes']))}" if data["scopes"] else ""
    sealed = " · sealed: the ledger holds digests only" if data["sealed"] else ""
    say(f"{clean(data['ledger'])}, as of entry {data['as_of']['index']:,}, "
        f"{date_time(data['as_of']['log_time'])}{scopes}{sealed}", lead=label("ledger"))  # fmt: skip
    if data["suspended_until"] is not None:
        say(f"the talks are suspended until {date_time(data['suspended_until'])}", lead=label(""))
    for party in data["parties"]:
        state = "has left" if party["left"] else "joined" if party["joined"] is not None else "has not joined"
        name = quoted(party["name"]) if party["name"] else "not known in this ledger"
        say((party["called"], "bold"), f" {name}, {state}", lead=label("party"))
    for text in data["texts"]:
        print_text(session, text, text_here(book, bytes.fromhex(text["text"])))
    if data["awaited"]:
        say("")
        for number, item in enumerate(data["awaited"]):
            say(*awaited_parts(session, item), lead=label("awaited" if number == 0 else ""))
    say("")
    say(("what was said", "bold"))
    for outcome in sorted(dossier.outcomes.values(), key=lambda outcome: outcome.moment.index):
        sent = outcome.act.id in book.pending
        when = "not in the ledger yet" if sent else f"{outcome.moment.index:>6,}  {date_time(outcome.moment.time)}"
        say(*act_line(session, outcome.act, outcome, here=dossier.id), lead=f"{when}  ")


def print_text(session: Session, text: dict[str, Any], text_of: Text | None) -> None:
    say = session.say
    say("")
    answers = f", an answer to {text['answers']}" if text["answers"] else ""
    say(
        (text["called"], "bold"),
        f" by {text['by']}{answers} · ",
        (text["state"], style_of(text["state"])),
        lead=label("text"),
    )
    say((text["text"], "dim"), lead=label(""))
    if text["state"] in DEAD:
        say(f"what it says: pourparler dossier text {text['called']}", lead=label(""))
        return
    if text["overtaken_by"]:
        end = ", until somebody answers, rejects or withdraws it" if text["until"] is None else ""
        say(f"a newer offer has come since, {text['overtaken_by']}; this one stands all the same{end}", lead=label(""))
    if text["until"] is not None:
        say(f"the offer stands until {date_time(text['until'])}", lead=label(""))
    print_text_itself(session, text_of)
    if text["adopted_by"]:
        say(", ".join(text["adopted_by"]), lead=label("adopted"))
    for consent in text["consents"]:
        print_consent(session, consent)
    for effect in text["effects"]:
        print_effect(session, effect)


def print_text_itself(session: Session, text: Text | None) -> None:
    """Print a text in full: every article in every language, terms and clauses."""
    if text is None:
        session.say("the text itself is not here: ask for it before you sign", lead=label(""))
        return
    tell_text(text, session.say, label)


def print_consent(session: Session, consent: dict[str, Any]) -> None:
    more = f" since {date_time(consent['since'])}" if consent["since"] is not None else ""
    more += (
        f", waits for ratification until {date_time(consent['deadline'])}" if consent["deadline"] is not None else ""
    )
    more += f", leaving out {', '.join(map(clean, consent['reserves']))}" if consent["reserves"] else ""
    more += f"; {consent['void_signatures']} of its signatures are void" if consent["void_signatures"] else ""
    session.say(f"{consent['party']}: ", (consent["state"], style_of(consent["state"])), more, lead=label("consent"))
    for back in consent["returned"]:
        session.say(f"returned by {back['organ']}: {quoted(back['words'])}", lead=label(""))


def print_effect(session: Session, effect: dict[str, Any]) -> None:
    more = f" since {date_time(effect['since'])}" if effect["since"] is not None else ""
    more = more.replace(" since", " from") if effect["state"] == EffectState.PENDING.value else more
    more += f" until {date_time(effect['until'])}" if effect["until"] is not None else ""
    more += f" ({clean(effect['reason'])})" if effect["reason"] else ""
    between = " and ".join(effect["between"])
    session.say((effect["state"], style_of(effect["state"])), f"{more}, between {between}", lead=label("effect"))


def label(word: str) -> str:
    return f"{word:>8}  "
