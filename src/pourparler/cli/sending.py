"""From what somebody wants to say to an act in its ledger, or to a file that waits for more signatures.

The way is the same for every kind: complete the fields from where things stand, sign with the keys that are here, ask
the law what would become of the act, and only then let it leave. What the law would refuse never leaves the desk; what
it would log without effect leaves only if that is wanted.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from pourparler.cli.effects import Snapshot, changes
from pourparler.cli.meant import check_no_members
from pourparler.cli.openings import openings
from pourparler.cli.options import key_names
from pourparler.cli.session import ACT_FILE, MARK, Session, why
from pourparler.cli.timeline import INSTANTS
from pourparler.cli.trouble import INPUT, REFUSED, USAGE, Problem
from pourparler.cli.words import clean, count, date_time
from pourparler.cli.written import ill_written
from pourparler.core import limits
from pourparler.core.act import KINDS, Act, issuer_of
from pourparler.core.council import signers as good_signatures
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import Form, Value, kid_of
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused, step_of
from pourparler.core.redline import Answer, parse_text
from pourparler.ports import KeyTrouble
from pourparler.service import desk
from pourparler.service.books import Book, to_announce
from pourparler.service.completing import completed
from pourparler.service.desk import Parcel
from pourparler.service.drafting import draft
from pourparler.service.guard import GUARDED, Opening, private_answers
from pourparler.service.intake import Receipt
from pourparler.service.speaking import Speakers, mandate_of, role_of, several, speakers
from pourparler.service.workspace import write_atomically

WithKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        metavar="NAME",
        help="Sign with this key only; can be given again.",
        autocompletion=key_names,
        show_default=False,
    ),
]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Also write the act to FILE, to be sent on.", show_default=False),
]
Anyway = Annotated[bool, typer.Option("--anyway", help="Send it even if it would be without effect.")]
GiveName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What to call it here.", show_default=False)
]
COMING = INSTANTS - {"from"} | {"by", "join_by"}  # fields that speak of what is to come
INCOMPLETE = frozenset({"decision.insufficient", "decision.possession"})
BINDING = frozenset({"ratify", "accede", "conclude"})  # whoever signs one at a terminal reads it whole and is asked


class Later(Exception):
    """An act would be refused or void now, and others that came with it were not taken yet: it is tried after them."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an act that was to be sent: its receipt, or its file, and whether that lacks signatures."""

    act: Act
    receipt: Receipt | None = None
    file: Path | None = None
    waiting: bool = False


def send(
    session: Session,
    book: Book,
    kind: str,
    written: Mapping[str, Value],
    *,
    keys: Sequence[str] | None = None,
    texts: Sequence[bytes] = (),
    out: Path | None = None,
    anyway: bool = False,
    ask: str = "",
    named: str | None = None,
) -> Sent:
    """Draft an act of a kind, sign it with the keys here, and send it where it belongs.

    ``ask`` is the question of a command whose effect has to be looked at first; ``named`` the name that the act gets.
    Raises :class:`PourparlerError`, :class:`Problem` (also for what the fields lack), :class:`StoreError`,
    :class:`KeyTrouble`.
    """
    session.check_free(named)
    session.check_out(out, *ACT_FILE)
    book.check_writable()  # before anybody signs
    catch_up(session, book, written)
    try:
        parcel, found = drafted(book, kind, written, session, texts)
        in_the_past(session, payload_of(parcel))
        return send_drafted(session, book, parcel, found, keys=keys, out=out, anyway=anyway, ask=ask, named=named)
    except Malformed as error:  # whoever has written it can correct it
        raise ill_written(error, kind, written, session.called) from None


def send_drafted(
    session: Session,
    book: Book,
    parcel: Parcel,
    found: Speakers,
    *,
    keys: Sequence[str] | None,
    out: Path | None,
    anyway: bool,
    ask: str,
    named: str | None,
) -> Sent:
    if parcel.draft.kind in BINDING and session.can_ask and not session.yes:
        show_whole(session, book, parcel, found)
        session.sure("Sign it?")
    parcel = signed(session, parcel, found, keys or ())
    return deliver(session, book, parcel, found, out=out, anyway=anyway, ask=ask, named=named)


def tell_named(session: Session, sent: Sent, noun: str) -> None:
    """Say what an act has brought into being, or will once it has its signatures and its entry; and its whole id."""
    called = session.called(sent.act.id)
    if sent.waiting:
        session.mention(f"{called} will be the {noun} once those signatures have come; its id will be", lead="  ")
    elif sent.receipt is None and sent.file is not None:
        session.mention(f"{called} is the {noun} once its ledger has taken it in; its id is", lead="  ")
    else:
        session.mention(f"{called} is the {noun}", lead="  ")
    session.whole(sent.act.id.hex())


def in_the_past(session: Session, fields: Mapping[str, Value]) -> None:
    """Say which instants of an act have passed: it would be over before it begins. A person is asked."""
    now, passed = int(time.time()), []
    for name, value in fields.items():
        for inner, instant in value.items() if isinstance(value, dict) else [("", value)]:
            if {name, inner} & COMING and isinstance(instant, int) and instant <= now:
                passed.append(f"{name}.{inner}" if inner else name)
                said = f"{passed[-1].replace('_', ' ')} has passed already: {date_time(instant)}"
                session.aside.line(said, lead=("! ", "yellow"))
    if passed and session.can_ask:
        session.sure("Send it all the same?")


def show_whole(session: Session, book: Book, parcel: Parcel, found: Speakers) -> None:
    """Show in plain sentences what a signature on a parcel does."""
    from pourparler.cli.describe import describe  # which reads what this module sends

    describe(session, book, parcel, found, payload_of(parcel))


def drafted(
    book: Book, kind: str, written: Mapping[str, Value], session: Session, texts: Sequence[bytes] = ()
) -> tuple[Parcel, Speakers]:
    """Return an unsigned parcel with its fields completed, and whose signatures it needs."""
    home = home_elsewhere(session, book, written)
    fields = completed(kind, written, session.standing(book, home.registry if home else None))
    draft(kind, fields, several=True)  # says which field is missing before anything is asked of it
    found = speakers(kind, fields, book.registry, book.next_moment())
    made = draft(kind, fields, several=several(kind, fields, found))
    return Parcel(book.depositary, made.envelope(()), tuple(texts)), found


def home_elsewhere(session: Session, book: Book, fields: Mapping[str, Value]) -> Book | None:
    """Return the home ledger of the party whose organ speaks, where that is another one that is at hand."""
    party = book.registry.party_of_organ.get(fields.get("organ") or b"")
    register = book.registry.registers.get(party or b"")
    if register is None or register.spines.home:
        return None
    home = register.spines.moved_to or register.spines.party.home
    known = [ledger for ledger in session.ledgers().values() if ledger.depositary == home]
    return session.book(known[0]) if known else None


def catch_up(session: Session, book: Book, fields: Mapping[str, Value]) -> None:
    """Tell a ledger what the organ's party has decided at home since, so that its next decision finds its place."""
    home = home_elsewhere(session, book, fields)
    if home is not None:
        announce(session, home, book, book.registry.party_of_organ[fields["organ"]])


def announce(session: Session, home: Book, there: Book, party: bytes) -> int:
    """Give notice in another ledger of what a party decided at home; return of how many acts."""
    acts = to_announce(home, there, party)
    if not acts:
        return 0
    if there.kept:
        answers = there.submit([act.envelope.encoded() for act in acts], (), session.ledger_signer(there))
        for act, answer in zip(acts, answers, strict=True):
            if isinstance(answer, Exception):
                session.aside.line(f"{act.kind} {session.called(act.id)} was not taken: {answer}", lead="  ")
    else:
        for act in acts:
            there.add_pending(Parcel(there.depositary, act.envelope))
    where = clean(there.ledger.origin)
    session.mention(f"{count(len(acts), 'decision')} of {session.called(party)} announced in {where}", lead="  ")
    if not there.kept:
        session.mention(f"send what lies in {session.workspace.desk / 'pending'} to its depositary", lead="  ")
    return len(acts)


# --- signing ----------------------------------------------------------------------------------------------------------


def signed(session: Session, parcel: Parcel, found: Speakers, only: Sequence[str]) -> Parcel:
    """Return the parcel with the signatures of the keys here that may sign it."""
    mine = session.my_keys(only) & found.keys
    if only and not mine:
        if parcel.draft.fields.get("by") is not None:
            check_no_members(session, only)
        raise Problem(
            USAGE,
            f"{' and '.join(only)} cannot sign this: it is for {of_whom(session, found)}.",
            "Name one of those keys, or leave --key away.",
        )
    if found.single and len(mine) > 1:
        raise Problem(
            USAGE,
            f"several keys here could sign this, and it takes one: {', '.join(sorted(map(session.called, mine)))}.",
            "Say which: --key NAME.",
        )
    if not only:
        for trouble in session.unreadable():
            session.aside.line(f"{clean(trouble.what)} Nothing is signed with it.", lead=("! ", "yellow"))
    guard(session, parcel)
    return with_signatures(session, parcel, found, sorted(mine))


def with_signatures(session: Session, parcel: Parcel, found: Speakers, mine: Sequence[bytes]) -> Parcel:
    """Return the parcel with these keys' signatures. Where several sign, a key that an ssh-agent does not give away at
    the moment is left out and said: the others' signatures are not lost for it. Raises :class:`KeyTrouble`."""
    payload, wanting = payload_of(parcel), []
    for key in mine:
        role = role_of(parcel.draft.kind, payload, found, key)
        try:
            parcel = parcel.signed_by([session.signer(key, role)])
        except KeyTrouble as error:
            if not error.reason.startswith("agent."):
                raise
            wanting.append((key, error))
    if wanting and len(wanting) == len(mine):
        raise wanting[0][1]
    for key, trouble in wanting:
        session.aside.line(f"without {session.called(key)}: {clean(trouble.what)}", lead="  ")
    return parcel


def of_whom(session: Session, found: Speakers) -> str:
    return ", ".join(sorted(session.called(key) for key in found.keys)) or "nobody that is known here"


def guard(session: Session, parcel: Parcel) -> None:
    """Raise :class:`Refused` (``line.private``) unless every private line of the holder's chain is kept."""
    kind = parcel.draft.kind
    if kind not in GUARDED:
        return
    for line, answer in private_lines(session, parcel):
        if answer is not Answer.KEPT:
            said = "is crossed" if answer is Answer.CROSSED else "cannot be told" if line else "has no opening here"
            session.aside.line(f"a private red line {said}; the counterparty is not told which.", lead="  ")
            raise Refused("line.private", "a private line of the mandate is not shown to be kept")


def private_lines(session: Session, parcel: Parcel) -> Iterable[tuple[Opening | None, Answer | None]]:
    """Yield the private lines of the chain under which a parcel speaks, and what each answers on its text."""
    payload = payload_of(parcel)
    book = next(book for book in session.books.values() if book.depositary == parcel.ledger)
    mandate, _ = mandate_of(payload["by"], book.registry)
    known = {opening.commitment: opening for opening in openings(session)}
    data = parcel.text(payload["text"]) or book.text_here(payload["text"])
    for link in mandate.chain():
        if not link.private:
            continue
        if data is None:
            yield None, None
            continue
        for committed, answer in private_answers(link.act, known.values(), parse_text(data)).items():
            yield known.get(committed), answer


def payload_of(parcel: Parcel) -> Mapping[str, Value]:
    return parcel.draft.fields


# --- delivering -------------------------------------------------------------------------------------------------------


def deliver(
    session: Session,
    book: Book,
    parcel: Parcel,
    found: Speakers,
    *,
    out: Path | None = None,
    anyway: bool = False,
    ask: str = "",
    named: str | None = None,
    others: bool = False,
    later: bool = False,
) -> Sent:
    """Ask the law what would become of the act, and let it leave: to the ledger that is kept here, to the desk and a
    file otherwise. What ``others`` sent in and is refused is kept apart by the ledger, for supervisors. With ``later``,
    what would be refused or void raises :class:`Later`: nothing is done with it, and the fold is used up."""
    session.check_out(out, *ACT_FILE)
    if found.single and not parcel.envelope.signatures:
        return lay_down(session, parcel, found, None, out)  # nobody here can say it: there is nothing to ask about
    parcel = gathered(session, parcel, found, strangers=not book.kept)
    if others and not parcel.envelope.signatures:
        raise Problem(USAGE, "no good signature is on this act: nobody has spoken.", "Whoever says it signs: act sign.")
    act = parcel.act()
    if act.id in book.registry.outcomes and book.registry.outcomes[act.id].moment.index < book.size:
        return already(session, book, parcel, act)
    before = Snapshot.of(session, book) if ask else None
    home = home_elsewhere(session, book, act.payload) if act.row.spine else None
    try:
        if home is not None and act.id not in home.registry.outcomes:
            home.tried(act)  # it is nothing anywhere unless the home takes it
        outcome = book.tried(act, parcel.texts)
    except PourparlerError as refusal:
        if refusal.reason not in INCOMPLETE or found.enough(signers_of(act, found)):
            if later:
                raise Later from refusal
            if others:
                log(session, book, parcel, act, out)
            raise
        foresee(session, book, parcel, found, before, ask, anyway=anyway, later=later)
        return lay_down(session, parcel, found, act, out, named=named)
    check_void(outcome, anyway=anyway, later=later)
    if before is not None:
        ask_about(session, before, Snapshot.of(session, book), ask)
    if home is not None:
        at_home = replace(parcel, ledger=home.depositary, texts=())
        leave(session, home, at_home, act, None)
    sent = leave(session, book, parcel, act, out)
    if ask and act.row.spine:
        remind(session, book, act)
    if named:
        session.workspace.give_name(named, act.id, stale=True)
    return sent


def gathered(session: Session, parcel: Parcel, found: Speakers, *, strangers: bool) -> Parcel:
    """Return the parcel with the good signatures of its copies at the desk as well, so that a copy with fewer never
    takes the place of one with more. What does not verify is left out and said.

    ``strangers`` keeps what is by no key that may sign as far as is known here: a copy of a ledger may be behind.
    """
    if parcel.envelope.form is not Form.SIGN or not found.keys:
        return parcel
    lie = [copy for folder in ("waiting", "pending") for _, copy in desk.copies_at(session.workspace, parcel, folder)]
    joined = desk.joined([parcel, *lie])
    act = joined.act()
    good = tuple(good_signatures(act, found.keys).values())
    kids, known = {signature.kid for signature in good}, {kid_of(key) for key in found.keys}
    others = [signature for signature in act.envelope.signatures if signature.kid not in known]
    kept = (*good, *others)[: limits.ENVELOPE_SIGNATURES_MAX] if strangers else good
    wrong = [signature for signature in parcel.envelope.signatures if signature not in kept]
    if wrong:
        again = " (the good one that lies here stays)" if any(signature.kid in kids for signature in wrong) else ""
        said = count(len(wrong), "signature that does not verify is", "signatures that do not verify are")
        session.aside.line(f"{parcel.draft.kind}: {said} left out{again}", lead="  ")
    return replace(joined, envelope=joined.envelope.with_signatures(kept))


def remind(session: Session, book: Book, act: Act) -> None:
    """Say in which other ledgers here a decision works only once it is announced."""
    party = book.registry.party_of_organ.get(act.get("organ") or b"")
    for other in session.all_books():
        if other is not book and party in other.registry.registers and act.id not in other.registry.outcomes:
            origin = clean(other.ledger.origin)
            do = f"pourparler party announce {session.called(party)} --to {origin}"
            session.say(f"{origin} has not heard of it: {do}", lead="  ")


def leave(session: Session, book: Book, parcel: Parcel, act: Act, out: Path | None) -> Sent:
    """Let an act go to the ledger that is kept here, or to a file for the one that is not."""
    return log(session, book, parcel, act, out) if book.kept else hand_over(session, book, parcel, act, out)


def already(session: Session, book: Book, parcel: Parcel, act: Act) -> Sent:
    """Say that an act has an entry: it counts once, whatever signatures come with it."""
    outcome = book.registry.outcomes[act.id]
    desk.remove(session.workspace, parcel, "waiting")
    session.answer(act=act.id, kind=act.kind, index=outcome.moment.index, ledger=book.ledger.origin, already=True)
    session.mention(f"{act.kind} is in {clean(book.ledger.origin)} already: entry {outcome.moment.index:,}")
    return Sent(act)


def check_void(outcome: Outcome, *, anyway: bool, later: bool = False) -> None:
    if outcome.void is not None and later:
        raise Later
    if outcome.void is not None and not anyway:
        raise Problem(
            REFUSED,
            f"the ledger would log this without effect: {why(outcome.void)}. It was not sent.",
            "If the record shall show it all the same, send it with --anyway.",
            reason=outcome.void.reason,
            step=step_of(outcome.void.reason),
        )


def foresee(
    session: Session,
    book: Book,
    parcel: Parcel,
    found: Speakers,
    before: Snapshot | None,
    ask: str,
    *,
    anyway: bool,
    later: bool = False,
) -> None:
    """Say what the act would do once enough have signed, as far as that shows already; stop what would be void."""
    outcome = book.tried_as_if_enough(parcel.act(), found.weight(signers_of(parcel.act(), found)), parcel.texts)
    if outcome is not None:
        check_void(outcome, anyway=anyway, later=later)
    if before is not None and outcome is not None:
        ask_about(session, before, Snapshot.of(session, book), ask)
    elif before is not None:
        session.sure(ask)


def ask_about(session: Session, before: Snapshot, after: Snapshot, ask: str) -> None:
    lines = changes(before, after)
    session.answer(changes=lines)
    say = session.mention if session.yes else session.say
    say(("What this does:", "bold"))
    for line in lines or ["nothing else changes at the moment"]:
        say(line, lead="  - ")
    session.sure(ask)


def signers_of(act: Act, found: Speakers) -> frozenset[bytes]:
    return frozenset(good_signatures(act, found.keys))


def log(session: Session, book: Book, parcel: Parcel, act: Act, out: Path | None) -> Sent:
    """Submit to the ledger that is kept here. Raises what the ledger answers."""
    (answer,) = book.submit([parcel.envelope.encoded()], parcel.texts, session.ledger_signer(book))
    if isinstance(answer, Exception):
        raise answer
    desk.remove(session.workspace, parcel, "waiting")
    if out is not None:
        write_atomically(out, parcel.encoded())
    tell_logged(session, book, act, answer)
    return Sent(act, answer)


def tell_logged(session: Session, book: Book, act: Act, receipt: Receipt) -> None:
    session.answer(
        act=act.id,
        kind=act.kind,
        index=receipt.index,
        log_time=receipt.time,
        void=receipt.void,
        ledger=book.ledger.origin,
    )
    sign, style = MARK["void" if receipt.void else "yes"]
    at = f"entry {receipt.index:,} of {clean(book.ledger.origin)}, {date_time(receipt.time)}"
    session.mention(f"{act.kind}: {at}", lead=(f"{sign} ", style))
    if receipt.void:
        session.exit_code = REFUSED
        session.say(f"{act.kind} is without effect: {receipt.detail} [{receipt.void}]", lead="  ")


def hand_over(session: Session, book: Book, parcel: Parcel, act: Act, out: Path | None) -> Sent:
    """Keep an act for a ledger that is kept elsewhere, and say that its file has to be sent there."""
    desk.remove(session.workspace, parcel, "waiting")
    path = book.add_pending(parcel)
    if out is not None:
        write_atomically(out, parcel.encoded())
    shown = out or path
    session.answer(act=act.id, kind=act.kind, file=str(shown), index=None, ledger=book.ledger.origin)
    sign, style = MARK["waits"]
    session.mention(f"{act.kind}: signed, and not in the ledger yet", lead=(f"{sign} ", style))
    do = f"send {shown} to the depositary of {clean(book.ledger.origin)}, who runs: pourparler act submit FILE"
    session.mention(do, lead="  ")
    session.only(str(shown))
    return Sent(act, file=shown)


def lay_down(
    session: Session, parcel: Parcel, found: Speakers, act: Act | None, out: Path | None, *, named: str | None = None
) -> Sent:
    """Keep a parcel that lacks signatures at the desk, and say whose."""
    path = desk.keep(session.workspace, parcel, "waiting")
    if out is not None:
        write_atomically(out, parcel.encoded())
    shown = out or path
    lacking = still_needed(session, parcel, found)
    if named and act is not None:
        session.workspace.give_name(named, act.id, stale=True)
    session.answer(act=act.id if act else None, kind=parcel.draft.kind, file=str(shown), waiting=True, lacking=lacking)
    sign, style = MARK["waits"]
    session.mention(f"{parcel.draft.kind}: {lacking}", lead=(f"{sign} ", style))
    session.mention(f"they sign with: pourparler act sign {shown} --key NAME", lead="  ")
    session.only(str(shown))
    if act is None:
        payload = payload_of(parcel)
        row = KINDS[parcel.draft.kind]
        act = Act(b"", row.name, payload, parcel.envelope, row, issuer_of(row.name, payload))
    return Sent(act, file=shown, waiting=True)


def still_needed(session: Session, parcel: Parcel, found: Speakers) -> str:
    """Return in words whose signatures are lacking."""
    has = signers_of(parcel.act(), found) if parcel.envelope.signatures else frozenset()
    names = sorted(session.called(key) for key in found.seats.keys() - has if found.seats[key])
    must = sorted(session.called(key) for key in found.besides - has)
    weight = found.weight(has)
    said = []
    if weight < found.needs:
        said.append(f"{weight} of {found.needs} signatures; still needed: {one_of(names, found.needs - weight)}")
    if must:
        said.append(f"{' and '.join(must)} must sign as well")
    return "; ".join(said) or "it waits to be signed"


def one_of(names: Sequence[str], how_many: int) -> str:
    if len(names) <= how_many:
        return " and ".join(names) or "nobody that is known here"
    return f"{how_many} of {', '.join(names)}"


# --- parcels from files -----------------------------------------------------------------------------------------------


def read_parcel(session: Session, path: Path) -> tuple[Book, Parcel, Speakers]:
    """Return a parcel in a file, with its ledger and whose signatures it needs. Raises :class:`Problem`."""
    from pourparler.cli.reading import looks_like, read_file

    data = read_file(path, desk.PARCEL_MAX_BYTES, "an act on its way")
    bare = data[:1] in (b"\xd2", b"\xd8")
    try:
        parcel = desk.parse_parcel(data, session.which().depositary if bare else None)
    except Malformed as error:
        looks = f"; it looks like {what}" if (what := looks_like(data)) else ""
        raise Problem(INPUT, f"{path} is no act on its way{looks}: {error.detail}.", "Is it the right file?") from None
    known = [ledger for ledger in session.ledgers().values() if ledger.depositary == parcel.ledger]
    if not known:
        raise Problem(
            USAGE,
            f"the act is for the ledger {clean(parcel.ledger.origin)}, which is not known here.",
            "Take a copy of it first: pourparler ledger take FILE.",
        )
    book = session.book(known[0])
    payload = dict(payload_of(parcel))
    kind = payload.pop("kind")
    try:
        found = speakers(kind, payload, book.registry, book.next_moment())
    except Missing:  # the ledger will say what it does not know
        found = Speakers({}, 1)
    return book, parcel, found
