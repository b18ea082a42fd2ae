"""``pourparler vote``: what members of an organ decide, by signature or by ballot."""

from typing import Annotated, Any

import typer

from pourparler.cli.dossier import DossierName
from pourparler.cli.grouped import noun
from pourparler.cli.meant import only_text, organ_for
from pourparler.cli.openings import openings
from pourparler.cli.options import Reserves, TextName, Words
from pourparler.cli.page import text_here
from pourparler.cli.sending import (
    Anyway,
    OutFile,
    WithKeys,
    deliver,
    drafted,
    payload_of,
    read_parcel,
    send,
    show_whole,
    signed,
    signers_of,
)
from pourparler.cli.session import Session, command
from pourparler.cli.trouble import USAGE, Problem
from pourparler.cli.words import clean, date_time
from pourparler.core.act import KINDS, Power
from pourparler.core.council import Poll
from pourparler.core.dossier import Dossier
from pourparler.core.encoding import Value
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import Answer, parse_line, sentence
from pourparler.service import desk
from pourparler.service.books import Book
from pourparler.service.completing import waiting_signatures
from pourparler.service.guard import private_answers

app = noun("Votes: ratify, refuse, and every other way in which members decide.")
OrganName = Annotated[
    str | None,
    typer.Option(
        "--organ", metavar="ORGAN", help="Which organ; otherwise the one in which you sit.", show_default=False
    ),
]


def decision(
    session: Session, dossier: str, text: str | None, kind: str, organ: str | None, key: list[str] | None
) -> tuple[Book, Dossier, dict[str, Value]]:
    """Return ledger, dossier and fields of a decision of an organ on a text."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    parties = list(book.registry.registers) if kind == "accede" else list(found.parties)
    if kind in ("ratify", "refuse") and digest in found.papers:
        moment = book.next_moment()
        consents = found.papers[digest].consents.values()
        parties = [
            c.party for c in consents if found.pending_signatures(c, moment) and not found.bound_since(c)
        ] or parties
    organ_id = organ_for(session, book, parties, KINDS[kind].power or Power.RATIFY, organ, key)
    return book, found, {"organ": organ_id, "dossier": dossier_id, "text": digest}


# --- by signature -----------------------------------------------------------------------------------------------------


@command(app)
def ratify(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: OrganName = None,
    confirm: Annotated[
        list[str] | None,
        typer.Option(
            "--confirm", metavar="ACT", help="Make good this act, void for want of authority.", show_default=False
        ),
    ] = None,
    reserve: Reserves = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Ratify the signatures ad referendum that wait for your organ: only this binds your party.

    If a decision to that effect lies at the desk already, this signs it; otherwise it is drafted.
    """
    book, found, fields = decision(session, dossier, text, "ratify", organ, key)
    if not (confirm or anyway):
        check_awaits(session, book, found, fields)
    fields |= {"confirms": sorted(session.find(act, "act") for act in confirm)} if confirm else {}
    fields |= {"reserves": sorted(set(reserve))} if reserve else {}
    warn_of_private(session, book, fields)
    decide(session, book, "ratify", fields, words, key, out, anyway=anyway)


def check_awaits(session: Session, book: Book, dossier: Dossier, fields: dict[str, Value]) -> None:
    """Raise :class:`Problem` where there is nothing to ratify: the party has signed nothing, or is bound already.

    A signature that is there and cannot be ratified is for the law to answer.
    """
    paper = dossier.papers.get(fields["text"])
    if paper is None:
        return
    called = session.called(fields["text"])
    consent = paper.consents.get(book.registry.party_of_organ[fields["organ"]])
    if consent is None or not (consent.signatures or consent.act):
        what = f"no signature of yours on {called} awaits ratification."
        raise Problem(
            USAGE, what, f"First a holder signs: pourparler act sign-ad-referendum {session.called(dossier.id)}."
        )
    if consent.act is not None and consent.moment is not None and dossier.bound_since(consent):
        where = "pending" if consent.act.id in book.pending else f"entry {consent.moment.index:,}"
        done = "ratified" if consent.act.kind == "ratify" else f"bound by its {consent.act.kind}"
        raise Problem(USAGE, f"{called} is already {done}, {where}.", "There is nothing more to ratify.")


def warn_of_private(session: Session, book: Book, fields: dict[str, Value]) -> None:
    """Ask before the organ ratifies what crosses a private red line of its own, where the line can be opened here.

    The law does not stop it: nobody outside knows the line. Whoever sits in the organ should.
    """
    register = book.registry.register(book.registry.party_of_organ[fields["organ"]])
    text = text_here(book, fields["text"])
    known = openings(session)
    for signature in waiting_signatures(register, fields, session.standing(book)):
        for link in signature.mandate.chain():
            answers = private_answers(link.act, known, text) if text is not None else {}
            for opening in known:
                if answers.get(opening.commitment) is Answer.CROSSED:
                    session.say(f"private red line of {session.called(link.id)} crossed: ",
                                (clean(sentence(parse_line(opening.line))), "bold"), lead=("✗ ", "red"))  # fmt: skip
                    session.sure("Ratify it all the same?")


@command(app)
def refuse(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: OrganName = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Refuse a text for good. What that does is shown first."""
    book, _, fields = decision(session, dossier, text, "refuse", organ, key)
    decide(session, book, "refuse", fields, words, key, out, anyway=anyway, ask="Refuse the text for good?")


@command(app)
def accede(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: OrganName = None,
    reserve: Reserves = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Accede to a text that others negotiated and that is open to your party."""
    book, _, fields = decision(session, dossier, text, "accede", organ, key)
    fields |= {"reserves": sorted(set(reserve))} if reserve else {}
    decide(session, book, "accede", fields, words, key, out, anyway=anyway)


@command(app, "return")
def return_(
    session: Session,
    dossier: DossierName,
    words: Annotated[
        str,
        typer.Option("--words", metavar="TEXT", help="Why, and what would have to change."),
    ],
    text: TextName = None,
    organ: OrganName = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Send a signed text back with a reason, as a recorded decision.

    It has no legal effect: the signature waits on until its deadline, and the organ may still ratify or refuse.
    """
    book, _, fields = decision(session, dossier, text, "ratify", organ, key)
    register = book.registry.register(book.registry.party_of_organ[fields["organ"]])
    waiting = waiting_signatures(register, fields, session.standing(book))
    about: dict[str, Value] = {"about": waiting[0].act.id} if waiting else {}
    said: dict[str, Value] = {"organ": fields["organ"], "text": fields["text"], "words": words, **about}
    send(session, book, "decide", said, keys=key, out=out)


def decide(
    session: Session,
    book: Book,
    kind: str,
    fields: dict[str, Value],
    words: str | None,
    key: list[str] | None,
    out: Any,
    *,
    anyway: bool,
    ask: str = "",
) -> None:
    """Sign the decision that lies at the desk, or draft it."""
    fields |= {"words": words} if words else {}
    for path, parcel in desk.lying(session.workspace, "waiting"):
        if parcel.ledger == book.depositary and lies(session, book, parcel, kind, fields):
            sign_lying(session, path, key, out, anyway=anyway, ask=ask)
            return
    send(session, book, kind, fields, keys=key, out=out, anyway=anyway, ask=ask)


def lies(session: Session, book: Book, parcel: desk.Parcel, kind: str, fields: dict[str, Value]) -> bool:
    """Return whether a parcel is the very decision that would be drafted now, and a member has signed it.

    Anybody can lay a parcel on the desk. It may have seen an earlier head, and was made at another time; nothing else
    may differ: what it would confirm, reserve or say is the member's to want, and not his who wrote it.
    """
    payload = dict(payload_of(parcel))
    if payload.pop("kind") != kind or any(payload.get(name) != value for name, value in fields.items()):
        return False
    try:
        ours, found = drafted(book, kind, fields, session)
    except PourparlerError:
        return False
    wanted = {name: value for name, value in payload_of(ours).items() if name != "kind"}
    same = {name for name in wanted.keys() | payload.keys() if wanted.get(name) == payload.get(name)}
    differs = (wanted.keys() | payload.keys()) - same - {"seen", "spines", "at"}
    return not differs and bool(parcel.envelope.signatures) and bool(signers_of(parcel.act(), found))


def sign_lying(session: Session, path: Any, key: list[str] | None, out: Any, *, anyway: bool, ask: str) -> None:
    book, parcel, found = read_parcel(session, path)
    session.mention("this decision lies at the desk already; you sign it", lead="  ")
    show_whole(session, book, parcel, found)
    if not ask:
        session.sure("Sign it?")
    deliver(session, book, signed(session, parcel, found, key or ()), found, out=out, anyway=anyway, ask=ask)


# --- by ballot --------------------------------------------------------------------------------------------------------


@command(app)
def call(
    session: Session,
    dossier: DossierName,
    text: TextName = None,
    organ: OrganName = None,
    decides: Annotated[
        str, typer.Option(metavar="KIND", help="What is decided: ratify, accede, denounce, …")
    ] = "ratify",
    closes: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="When the vote closes; otherwise as soon as may be.")
    ] = None,
    reserve: Reserves = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Call a vote of your organ, where it decides by ballot."""
    if decides not in KINDS:
        raise Problem(USAGE, f"{decides} is no kind of decision.", "Mostly it is ratify; see: pourparler act kinds.")
    book, _, fields = decision(session, dossier, text, decides, organ, key)
    register = book.registry.register(book.registry.party_of_organ[fields["organ"]])
    ballot = register.spines.organ(fields["organ"]).ballot
    soonest = book.next_moment().time + (ballot.open_seconds if ballot else 0) + 1
    fields |= {"decides": decides, "closes": session.form().instant(closes, "--closes") if closes else soonest}
    fields |= {"reserves": sorted(set(reserve))} if reserve else {}
    fields |= {"words": words} if words else {}
    sent = send(session, book, "call", fields, keys=key, out=out)
    session.answer(call=sent.act.id, closes=fields["closes"])
    session.mention(f"the vote {sent.act.id.hex()[:8]}… closes on {date_time(fields['closes'])}", lead="  ")


def ballot_verb(choice: str, help_: str) -> None:
    """Give the command line a verb that casts a vote."""

    def run(
        session: Session,
        vote: Annotated[
            str,
            typer.Argument(metavar="DOSSIER|CALL", help="The vote, or the talks it is about."),
        ],
        words: Words = None,
        key: WithKeys = None,
        out: OutFile = None,
    ) -> None:
        book, poll = poll_meant(session, vote, key)
        fields = {"organ": poll.organ.id, "call": poll.act.id, "choice": choice} | ({"words": words} if words else {})
        send(session, book, "vote", fields, keys=key, out=out)

    run.__doc__ = help_
    command(app, choice)(run)


ballot_verb("yes", "Vote yes in a vote that was called. The first vote counts.")
ballot_verb("no", "Vote no in a vote that was called. The first vote counts.")
ballot_verb("abstain", "Abstain in a vote that was called: it counts for the quorum only.")
ballot_verb("recuse", "Take no part in a vote that was called.")


def poll_meant(session: Session, said: str, key: list[str] | None, *, closed: bool = False) -> tuple[Book, Poll]:
    """Return the vote that is meant: by its call, or the one that is open in these talks. Raises :class:`Problem`."""
    about = session.find(said, "act", "dossier")
    book = session.holding(about)
    mine = session.my_keys(key or ())
    time = book.next_moment().time
    polls = [poll for register in book.registry.registers.values() for poll in register.spines.polls.values()]
    found = [poll for poll in polls if about in (poll.act.id, poll.act.get("dossier")) and not poll.spent]
    if not closed:
        found = [poll for poll in found if time < poll.closes] or found
    found = [poll for poll in found if poll.organ.members.seats.keys() & mine] or found
    if len(found) == 1:
        return book, found[0]
    if not found:
        raise Problem(
            USAGE,
            "no vote was called on this.",
            "An organ that decides by signature ratifies with: vote ratify. Otherwise a member calls: vote call.",
        )
    known = ", ".join(poll.act.id.hex()[:8] for poll in found)
    raise Problem(USAGE, f"several votes could be meant: {known}.", "Name one of them.")


@command(app)
def result(
    session: Session,
    vote: Annotated[
        str,
        typer.Argument(metavar="DOSSIER|CALL", help="The vote, or the talks it was about."),
    ],
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """State the result of a vote that has closed: what was called if it was carried, a refusal if it was not."""
    book, poll = poll_meant(session, vote, key, closed=True)
    tell_poll(session, book, poll)
    passed = poll.passed([cast for cast, _ in poll.cast.values()])
    kind = "refuse" if passed is False else str(poll.act["decides"])
    about = ("dossier", "text") if kind == "refuse" else ("dossier", "text", "about", "reserves", "confirms", "until")
    fields = {name: poll.act[name] for name in about if name in poll.act.payload}
    fields |= {"organ": poll.organ.id, "call": poll.act.id} | ({"words": words} if words else {})
    send(session, book, kind, fields, keys=key, out=out, anyway=anyway)


@command(app)
def show(
    session: Session,
    vote: Annotated[str | None, typer.Argument(metavar="[DOSSIER|CALL]", help="Only these.")] = None,
) -> None:
    """Show votes: what about, until when, who has voted and how."""
    about = session.find(vote, "act", "dossier") if vote else None
    data = [
        tell_poll(session, book, poll)
        for book in map(session.as_of, session.all_books())
        for register in book.registry.registers.values()
        for poll in register.spines.polls.values()
        if about in (None, poll.act.id, poll.act.get("dossier"))
    ]
    session.answer(votes=data)
    if not data:
        session.say("No vote was called.")


def tell_poll(session: Session, book: Book, poll: Poll) -> dict[str, Any]:
    """Print a vote, and return it as data."""
    counted = [cast for cast, _ in poll.cast.values()]
    passed = poll.passed(counted)
    open_ = session.moment(book).time < poll.closes
    state = "open" if open_ else {None: "closed without a quorum", True: "carried", False: "not carried"}[passed]
    state += ", decided" if poll.spent else ""
    cast = {session.called(key): choice for key, (_, choice) in poll.cast.items()}
    subject = session.called(poll.act.get("text") or poll.act.get("about"))
    session.say(
        (f"{session.called(poll.organ.id)}: {poll.act['decides']} {subject}", "bold"),
        f" · {state} · closes {date_time(poll.closes)} · call {poll.act.id.hex()[:8]}…",
    )
    session.say(", ".join(f"{name} {choice}" for name, choice in cast.items()) or "nobody has voted", lead="  ")
    return {"call": poll.act.id.hex(), "organ": poll.organ.id.hex(), "decides": poll.act["decides"], "state": state,
            "closes": poll.closes, "cast": cast, "tally": poll.tally(counted)}  # fmt: skip
