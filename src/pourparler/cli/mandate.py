"""``pourparler mandate``: give mandates, narrow them, look at them, test a text against them, end them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.effects import standing, standing_powers
from pourparler.cli.exporting import AsPage, export_claim
from pourparler.cli.files import Example, example, read_toml
from pourparler.cli.grouped import noun
from pourparler.cli.lines import SIGNS, terms_in, tested, tried
from pourparler.cli.openings import keep_openings, openings
from pourparler.cli.options import Words
from pourparler.cli.reading import read_file
from pourparler.cli.sending import (
    Anyway,
    GiveName,
    OutFile,
    WithKeys,
    send,
    tell_named,
)
from pourparler.cli.session import Session, command
from pourparler.cli.trouble import CANNOT_TELL, INPUT, REFUSED, USAGE, Problem
from pourparler.cli.words import clean, count, date_time, duration, quoted
from pourparler.core.act import NO_POWER, Power, power_words
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.encoding import Value
from pourparler.core.errors import Malformed
from pourparler.core.evidence import Claim
from pourparler.core.redline import Answer, parse_line, sentence
from pourparler.service.books import Book
from pourparler.service.guard import Opening, read_opening
from pourparler.service.speaking import mandate_of
from pourparler.service.workspace import write_atomically

OPENING_MAX_BYTES = 1024 * 1024
app = noun("Mandates: give them, look at them, test a text against them, end them.")
MandateName = Annotated[
    str,
    typer.Argument(metavar="MANDATE", help="A mandate's name or id.", show_default=False),
]
ByOrgan = Annotated[
    str | None,
    typer.Option(
        "--organ",
        metavar="ORGAN",
        help="Which organ; otherwise the one that gave it.",
        show_default=False,
    ),
]
HoldPowers = Annotated[
    list[str] | None, typer.Option("--hold", metavar="POWER", help="A power that is held over; can be given again.")
]
UntilInstant = Annotated[str | None, typer.Option("--until", metavar="INSTANT", help="Until when that lasts.")]


# --- giving -----------------------------------------------------------------------------------------------------------


@command(app)
def grant(
    session: Session,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="The mandate, in TOML.")] = None,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="By the organ's urgent members; it lapses unless confirmed.")
    ] = False,
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
    show_example: Example = False,
) -> int | None:
    """Let an organ give a mandate: who may do what, under which red lines."""
    if show_example:
        return example("mandate")
    if file is None:
        raise Problem(USAGE, "a mandate is given from a file.", "pourparler mandate grant FILE; or see --example.")
    written = read_toml(file)
    book = session.holding(session.find(said(written, "organ"), "organ"))
    give(session, book, "urgent-grant" if urgent else "grant", written, name, key, out, anyway=anyway)
    return None


@command(app)
def delegate(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The link, in TOML: by, to, powers, lines, …")],
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
    anyway: Anyway = False,
) -> None:
    """Hand a part of your own mandate on to somebody else, narrowed."""
    written = read_toml(file)
    book = session.holding(session.find(said(written, "by"), "mandate"))
    give(session, book, "delegate", written, name, key, out, anyway=anyway)


@command(app)
def certify(
    session: Session,
    class_mandate: MandateName,
    to: Annotated[str, typer.Option(metavar="KEY", help="The holder.", show_default=False)],
    until: Annotated[str, typer.Option(metavar="INSTANT", help="Until when.", show_default=False)],
    scope: Annotated[list[str] | None, typer.Option(metavar="SCOPE", help="A narrower scope.")] = None,
    name: GiveName = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Certify, as the certifier of a class mandate, that a key belongs to the class."""
    book = session.holding(session.find(class_mandate, "mandate"))
    written = {"class": class_mandate, "to": to, "until": until} | ({"scope": scope} if scope else {})
    give(session, book, "certify", written, name, key, out, anyway=False)


def said(written: dict[str, Any], name: str) -> str:
    if not isinstance(written.get(name), str):
        raise Problem(USAGE, f"the file does not say {name}.", f'Write {name} = "…"; --example shows a whole file.')
    return str(written[name])


def give(
    session: Session,
    book: Book,
    kind: str,
    written: dict[str, Any],
    name: str | None,
    key: list[str] | None,
    out: Path | None,
    *,
    anyway: bool,
) -> None:
    form = session.form()
    fields = form.fields(kind, written)
    kept = keep_openings(session, form.openings)
    sent = send(session, book, kind, fields, keys=key, out=out, anyway=anyway, named=name)
    session.answer(mandate=sent.act.id, name=name, openings=[str(path) for path in kept])
    if sent.act.id:
        tell_named(session, sent, "mandate")
    if kept:
        session.mention(f"its private red lines are opened by the files in {kept[0].parent}", lead="  ")
        session.mention("hand them to the holder and to nobody else: pourparler mandate openings", lead="  ")


@command(app, "openings")
def hand_openings(
    session: Session,
    mandate: MandateName,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Copy them into this folder.")] = None,
    take: Annotated[list[Path] | None, typer.Option("--take", metavar="FILE", help="Keep this opening here.")] = None,
) -> None:
    """Show the private red lines of a mandate that can be opened here; copy their openings, or take some in."""
    if take:
        keep_openings(session, map(taken_opening, take))
    mandate_id = session.find(mandate, "mandate")
    found, _ = mandate_of(mandate_id, session.holding(mandate_id).registry)
    known = {opening.commitment: opening for opening in openings(session)}
    if out is not None:
        check_folder(session, out, [known[committed] for committed in found.private if committed in known])
    shown = []
    for number, committed in enumerate(found.private):
        opening = known.get(committed)
        words = sentence(parse_line(opening.line)) if opening else "no opening here"
        shown.append({"commitment": committed, "line": opening.line if opening else None, "sentence": words})
        session.say(clean(words), lead=f"{number + 1}  ")
        if out and opening:
            write_atomically(out / f"{committed.hex()}.json", opening.written().encode())
    session.answer(private=shown)
    if not found.private:
        session.say("The mandate has no private red lines.")


def taken_opening(path: Path) -> Opening:
    """Return the opening in a file that somebody handed over. Raises :class:`Problem`."""
    try:
        return read_opening(read_file(path, OPENING_MAX_BYTES, "an opening").decode("utf-8"))
    except (ValueError, Malformed) as error:
        reason = error.reason if isinstance(error, Malformed) else ""
        what = f"{path} is no opening of a private red line."
        raise Problem(
            INPUT, what, "Is it the right file? It is what `mandate openings --out` writes.", reason=reason
        ) from None


def check_folder(session: Session, out: Path, handed: Sequence[Opening]) -> None:
    """Raise :class:`Problem` unless openings can be written into a folder, which is made if need be, and nothing else
    stands where they would."""
    if not handed:
        return
    if out.exists() and not out.is_dir():
        raise Problem(INPUT, f"{out} is no folder.", "Name a folder, or one that is to be made. Nothing was done.")
    out.mkdir(parents=True, exist_ok=True)
    for opening in handed:
        session.check_out(out / f"{opening.commitment.hex()}.json", opening.written().encode())


# --- looking ----------------------------------------------------------------------------------------------------------


@command(app, "list")
def list_mandates(session: Session) -> None:
    """Show the mandates that the ledgers here know, and whether they stand."""
    rows, data = [], []
    for book in map(session.as_of, session.all_books()):
        moment = session.moment(book)
        for register in book.registry.registers.values():
            for mandate in register.mandates.values():
                stands = standing(register, mandate, after(moment))
                holder = holder_words(session, mandate)
                rows.append((session.called(mandate.id), session.called(register.party), holder, stands))
                data.append({"mandate": mandate.id.hex(), "called": rows[-1][0], "party": register.party.hex(),
                             "holder": holder, "standing": stands})  # fmt: skip
    session.answer(mandates=data)
    if not session.as_json:
        session.screen.table(("mandate", "of", "holder", "standing"), rows)
    if not rows:
        session.say("There is no mandate yet. Give one: pourparler mandate grant --example")


def after(moment: Moment) -> Moment:
    """Return the moment after all that is logged, so that what came last counts."""
    return Moment(moment.index + 2, moment.time)


def holder_words(session: Session, mandate: Mandate) -> str:
    if mandate.holder is None:
        return f"whoever {session.called(mandate.certifier)} certifies as {quoted(mandate.act['class']['name'])}"
    names = ", ".join(session.called(key) for key in mandate.holder.seats)
    return names if len(mandate.holder.seats) == 1 else f"{mandate.holder.needs} of {names}"


def looked_up(session: Session, mandate: str) -> tuple[Book, Mandate, Register]:
    """Return a mandate with its register and ledger, as of ``--at``."""
    mandate_id = session.find(mandate, "mandate")
    book = session.as_of(session.holding(mandate_id), mandate_id)
    return book, *mandate_of(mandate_id, book.registry)


@command(app)
def show(session: Session, mandate: MandateName) -> None:
    """Say in words what a mandate lets its holder do, and whether it stands: now, or with --at at another instant."""
    book, found, register = looked_up(session, mandate)
    mandate_id, moment = found.id, after(session.moment(book))
    may = NO_POWER | found.powers
    for link in found.chain():
        may &= link.powers
    not_may = [word for word in power_words(Power(2047)) if word not in power_words(may)]
    status = standing(register, found, moment)
    session.say(
        (session.called(mandate_id), "bold"),
        f", a mandate of {quoted(register.spines.party.name)}",
        lead=label("mandate"),
    )
    session.say(mandate_id.hex(), lead=label("id"))
    session.say(holder_words(session, found), lead=label("holder"))
    session.say((status, "green" if status == "in force" else "yellow"), lead=label("standing"))
    session.say(", ".join(power_words(may)) or "nothing", lead=label("may"))
    session.say(", ".join(not_may), lead=label("may not"))
    lines = [clean(sentence(line)) for line in register.lines(found, may & Power.CONCLUDE, moment)]
    for number, line in enumerate(lines):
        session.say(line, lead=label("only if" if number == 0 else "and"))
    private = sum(len(link.private) for link in found.chain())
    if private:
        session.say(f"{private}, whose openings only the organ and the holder have", lead=label("private"))
    limits = [limit for link in found.chain() for limit in bounds_in_words(session, link)]
    for limit in limits:
        session.say(limit, lead=label("within"))
    chain = [f"{session.called(link.id)} ({link.act.kind})" for link in found.chain()]
    session.say(" → ".join([session.called(found.organ), *chain]), lead=label("chain"))
    pending = mandate_id in book.pending
    logged = f"entry {found.logged.index:,}, {date_time(found.logged.time)}"
    session.say("pending, not in the ledger yet" if pending else logged, lead=label("logged"))
    session.answer(mandate=mandate_id, party=register.party, holder=holder_words(session, found), standing=status,
                   may=power_words(may), may_not=not_may, lines=lines, private=private, bounds=limits,
                   chain=[link.id for link in found.chain()], organ=found.organ,
                   index=None if pending else found.logged.index)  # fmt: skip


def label(word: str) -> str:
    return f"{word:<10}"


def bounds_in_words(session: Session, link: Mandate) -> list[str]:
    """Return the other bounds of a link, each in words."""
    said_: list[str] = []
    said_ += [f"from {date_time(link.starts)}"] if link.starts is not None else []
    said_ += [f"until {date_time(link.until)}"] if link.until is not None else []
    said_ += [f"scope: {clean(', '.join(sorted(link.scope)))}"] if link.scope else []
    said_ += [f"only the dossier {session.called(link.dossier)}"] if link.dossier else []
    said_ += [f"with {', '.join(session.called(party) for party in sorted(link.partners))}"] if link.partners else []
    said_ += [f"in {', '.join(sorted(clean(ledger.origin) for ledger in link.ledgers))}"] if link.ledgers else []
    said_ += (
        [f"{count(link.depth, 'further link')} may follow"] if link.depth and Power.DELEGATE in link.conferred else []
    )
    if link.limit:
        most = link.limit.most
        most = " ".join(most) if isinstance(most, list) else most
        said_.append(
            f"all its signatures together: {link.limit.path} at most {most}, in {clean(link.limit.ledger.origin)}"
        )
    if link.cosigning:
        keys = ", ".join(session.called(key) for key in link.cosigning.by.seats)
        said_.append(
            f"{', '.join(power_words(link.cosigning.powers))}: {link.cosigning.by.needs} of {keys} sign beside"
        )
    said_ += [f"every act is logged within {duration(link.report_seconds)}"] if link.report_seconds is not None else []
    if link.fresh_seconds is not None:
        said_.append(f"conclude, delegate and denounce need a beacon younger than {duration(link.fresh_seconds)}")
    said_ += ["what is signed under it binds only once witnesses have seen it"] if link.witnessed else []
    if link.duty:
        by = date_time(link.duty.by)
        said_.append(f"duty: {link.duty.kind} by {by}, or {session.called(link.duty.then)} takes over")
    return said_


@command(app)
def export(
    session: Session,
    mandate: MandateName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to.", show_default=False)],
    power: Annotated[
        list[str] | None, typer.Option("--power", metavar="POWER", help="What for; otherwise all.")
    ] = None,
    holder: Annotated[
        str | None, typer.Option(metavar="KEY", help="Which of its holders, if there are several.")
    ] = None,
    html: AsPage = False,
) -> int:
    """Write evidence that a holder may act now: one file that he shows to whoever negotiates with him."""
    mandate_id = session.find(mandate, "mandate")
    book = session.holding(mandate_id)
    found, register = mandate_of(mandate_id, book.registry)
    keys = list(register.speakers(found, after(session.moment(book))).seats)
    if holder is None and len(keys) > 1:
        raise Problem(USAGE, f"the mandate has {len(keys)} holders.", "Say which: --holder KEY.")
    may = Power(session.form().powers(power, "--power")) if power else found.powers
    key = session.find(holder, "key") if holder else keys[0]
    claim = Claim("may", book.depositary, 0, (register.party,), mandate=mandate_id, holder=key, power=may)
    return export_claim(session, claim, out, as_page=html)


# --- testing ----------------------------------------------------------------------------------------------------------

CODES = {Answer.KEPT: 0, Answer.CROSSED: REFUSED, Answer.CANNOT_TELL: CANNOT_TELL}


@command(app)
def test(
    session: Session,
    mandate: MandateName,
    terms: Annotated[Path, typer.Argument(metavar="TERMS", help="A text or only terms, in TOML.", show_default=False)],
) -> int:
    """Try a draft of terms on every red line of a mandate's chain, and whether the mandate stands.

    Exit codes: 0 all are kept, 3 one is crossed or the mandate is not in force, 2 for one it cannot be told.
    """
    book, found, register = looked_up(session, mandate)
    stated = terms_in(session, read_toml(terms))
    moment = after(session.moment(book))
    answers = [tried(line, kind, stated) for line, kind in tested(session, register, found, moment)]
    for one in answers:
        sign, style = SIGNS[one.answer]
        because = f", since {one.because}" if one.because else ""
        kind = f" ({one.kind})" if one.kind != "public" else ""
        session.say(f"{one.words}: {one.answer.value}{because}", (kind, "dim"), lead=(f"{sign} ", style))
    if not answers:
        session.say("The mandate has no red lines.")
    status, dead = standing(register, found, moment), not standing_powers(register, found, moment)
    if status != "in force":
        nothing = ": nothing can be said under it" if dead else ""
        said = f"{session.called(found.id)} is not in force as it was given: {status}{nothing}"
        session.say(said, lead=("✗ ", "red"))
    given = {one.answer for one in answers}
    worst = next((a for a in (Answer.CROSSED, Answer.CANNOT_TELL) if a in given), Answer.KEPT)
    session.answer(answer=worst.value, standing=status, lines=[one.as_data() for one in answers])
    return REFUSED if dead else CODES[worst]


# --- ending -----------------------------------------------------------------------------------------------------------


@command(app)
def dismiss(
    session: Session,
    mandate: MandateName,
    organ: ByOrgan = None,
    hold: HoldPowers = None,
    duty: Annotated[
        list[str] | None,
        typer.Option(metavar="TEXT", help="What the dismissed still has to do."),
    ] = None,
    until: UntilInstant = None,
    urgent: Annotated[bool, typer.Option("--urgent", help="By the urgent members.")] = False,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """End a mandate at once, all but what --hold names. What that does to open talks is shown first."""
    mandate_id = session.find(mandate, "mandate", "key")
    book = session.holding(mandate_id)
    form = session.form()
    fields: dict[str, Value] = {"organ": organ_over(session, book, mandate_id, organ), "mandate": mandate_id}
    fields |= {"holds": form.powers(hold, "--hold")} if hold else {}
    fields |= {"duties": sorted(set(duty))} if duty else {}
    fields |= {"until": form.instant(until, "--until")} if until else {}
    fields |= {"words": words} if words else {}
    kind = "urgent-dismiss" if urgent else "dismiss"
    send(session, book, kind, fields, keys=key, out=out, ask=f"Dismiss {session.called(mandate_id)}?")


@command(app)
def suspend(
    session: Session,
    mandate: MandateName,
    organ: ByOrgan = None,
    words: Words = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Stop a mandate as one member; it lapses unless the organ confirms it. What it does is shown first."""
    target = session.find(mandate, "mandate", "key")
    book = session.holding(target)
    fields = {"organ": organ_over(session, book, target, organ), "target": target} | ({"words": words} if words else {})
    send(session, book, "suspend", fields, keys=key, out=out, ask=f"Suspend {session.called(target)}?")


@command(app)
def revoke(
    session: Session,
    mandate: MandateName,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="MANDATE", help="Your own, from which it hangs."),
    ] = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Take back a link that hangs from your own mandate. What that does is shown first."""
    target = session.find(mandate, "mandate")
    book = session.holding(target)
    found, _ = mandate_of(target, book.registry)
    if found.parent is None and by is None:
        raise Problem(USAGE, f"{session.called(target)} was given by an organ.", "An organ dismisses: mandate dismiss.")
    above = session.find(by, "mandate") if by else found.parent.id if found.parent else b""
    if found.act.kind == "certify":
        fields: dict[str, Value] = {"class": above, "target": target}
        send(session, book, "withdraw-certificate", fields, keys=key, out=out, ask="Withdraw the certificate?")
        return
    send(session, book, "revoke", {"by": above, "target": target}, keys=key, out=out, ask="Revoke it?")


@command(app)
def lift(
    session: Session,
    mandate: MandateName,
    line: Annotated[int, typer.Argument(metavar="N", min=1, help="Which of its red lines, from 1 on.")],
    organ: ByOrgan = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Lift a public red line of a mandate, from now on."""
    mandate_id = session.find(mandate, "mandate")
    book = session.holding(mandate_id)
    organ_id = organ_over(session, book, mandate_id, organ)
    fields = {"organ": organ_id, "mandate": mandate_id, "line": line - 1}
    send(session, book, "lift", fields, keys=key, out=out)


@command(app)
def confirm(
    session: Session,
    act: Annotated[str, typer.Argument(metavar="ACT", help="The suspension or urgent act.", show_default=False)],
    no: Annotated[bool, typer.Option("--no", help="Undo it instead.")] = False,
    organ: ByOrgan = None,
    key: WithKeys = None,
    out: OutFile = None,
) -> None:
    """Answer a suspension or an urgent act for the organ: it lasts, or with --no it is undone."""
    about = session.find(act, "act")
    book = session.holding(about)
    outcome = book.registry.outcomes.get(about)
    organ_id = session.find(organ, "organ") if organ else outcome.act["organ"] if outcome else b""
    fields = {"organ": organ_id, "about": about, "answer": not no}
    send(session, book, "confirm", fields, keys=key, out=out, ask="Undo it?" if no else "Confirm it?")


def organ_over(session: Session, book: Book, target: bytes, organ: str | None) -> bytes:
    """Return the organ that was named, or that gave the mandate."""
    if organ:
        return session.find(organ, "organ")
    if target not in book.registry.party_of_mandate:
        raise Problem(USAGE, "it does not show which organ this is for.", "Say it: --organ ORGAN.")
    return mandate_of(target, book.registry)[0].organ
