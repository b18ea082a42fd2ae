"""What somebody means who leaves an id away: his mandate, the text that is on the table, the organ that he sits in."""

from collections.abc import Iterable, Sequence

from pourparler.cli.session import Session
from pourparler.cli.trouble import INPUT, USAGE, Problem
from pourparler.core.act import Power
from pourparler.core.authority import Moment
from pourparler.core.dossier import Dossier
from pourparler.core.errors import PourparlerError
from pourparler.core.registry import Registry
from pourparler.service.awaiting import DEAD
from pourparler.service.books import Book
from pourparler.service.completing import mandates_of_holder, organs_that_may
from pourparler.service.keyring import Role


def mandate_for(
    session: Session, book: Book, parties: Iterable[bytes], power: Power, keys: Sequence[str] | None
) -> bytes:
    """Return the one mandate of a key here that has the power, for one of the parties. Raises :class:`Problem`."""
    mine = session.my_keys(keys or ())
    moment = book.next_moment()
    held = mandates_of_holder(book.registry, mine, moment)
    wanted = set(parties)
    of_party = [m for m in held if book.registry.party_of_mandate[m] in wanted]
    able = [m for m in of_party if has_power(book.registry, m, power)]
    able = [m for m in able if stands(book.registry, m, power, moment)] or able
    if len(able) == 1:
        return able[0]
    if not able:
        check_no_members(session, keys or ())
        has = f"; held here: {', '.join(map(session.called, of_party))}, without that power" if of_party else ""
        raise nobody(
            session,
            f"no key here holds a mandate of these parties to {words_of(power)}{has}.",
            "Name the mandate with --by, or have one given: pourparler mandate grant --example.",
        )
    raise Problem(
        USAGE,
        f"several mandates here could be meant: {', '.join(map(session.called, able))}.",
        "Say which: --by MANDATE, or --key NAME.",
    )


def check_no_members(session: Session, names: Sequence[str]) -> None:
    """Raise :class:`Problem` where a key that was named to speak under a mandate is a member's."""
    roles = {info.name: info.role for info in session.key_infos.values()}
    members = [name for name in names if roles.get(name) == Role.MEMBER]
    if members:
        are = "is a member's key" if len(members) == 1 else "are members' keys"
        raise Problem(
            USAGE,
            f"{' and '.join(members)} {are}: members decide, and do not negotiate.",
            "Name a holder's key, or leave --key away; a holder gets a mandate by: pourparler mandate grant --example.",
        )


def nobody(session: Session, what: str, do: str) -> Problem:
    """Return that no key here can speak; and first, if there is one whose file cannot be read, that."""
    for trouble in session.unreadable():
        return Problem(INPUT, f"{trouble.what} Without it, {what}", trouble.do, reason=trouble.reason)
    return Problem(USAGE, what, do)


def words_of(power: Power) -> str:
    from pourparler.core.act import power_words

    return " and ".join(power_words(power)) or "speak"


def has_power(registry: Registry, mandate: bytes, power: Power) -> bool:
    register = registry.register(registry.party_of_mandate[mandate])
    return all(not power & ~link.powers for link in register.mandate(mandate).chain())


def stands(registry: Registry, mandate: bytes, power: Power, moment: Moment) -> bool:
    """Return whether a mandate is in force; one that is not is meant only where there is no other."""
    register = registry.register(registry.party_of_mandate[mandate])
    try:
        register.check_standing(register.mandate(mandate), power, moment)
    except PourparlerError:
        return False
    return True


def only_text(session: Session, book: Book, dossier: Dossier) -> bytes:
    """Return the text that is on the table: the one that lives, of several the one that somebody signed."""
    moment = book.next_moment()
    alive = [digest for digest, paper in dossier.papers.items() if dossier.text_state(paper, moment) not in DEAD]
    if len(alive) > 1:
        alive = [digest for digest in alive if dossier.papers[digest].consents] or alive
    if len(alive) == 1:
        return alive[0]
    known = ", ".join(session.called(digest) for digest in dossier.papers) or "none"
    raise Problem(USAGE, "it is not clear which text is meant.", f"Name it. There is: {known}.")


def organ_for(
    session: Session, book: Book, parties: Iterable[bytes], power: Power, organ: str | None, keys: Sequence[str] | None
) -> bytes:
    """Return the organ that was named, or the one in which a key here sits and that has the power.

    Raises :class:`Problem` where it is not clear which.
    """
    if organ:
        return session.find(organ, "organ")
    mine = session.my_keys(keys or ())
    time = book.next_moment().time
    registers = [book.registry.registers[party] for party in parties if party in book.registry.registers]
    found = [
        organ_id
        for register in registers
        for organ_id in organs_that_may(register, power)
        if register.spines.seated(organ_id, time).members.seats.keys() & mine
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise nobody(
            session,
            f"no key here sits in an organ of these parties that may {words_of(power)}.",
            "Say which: --organ ORGAN.",
        )
    known = ", ".join(map(session.called, found))
    raise Problem(USAGE, f"several organs could be meant: {known}.", "Say which: --organ ORGAN, or --key NAME.")
