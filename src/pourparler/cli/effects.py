"""What an act would change: two pictures of a ledger, before and after it was tried, and their difference in words."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

from pourparler.cli.session import Session
from pourparler.cli.words import clean, date_time
from pourparler.core.act import NO_POWER, Power, power_words
from pourparler.core.authority import Mandate, Moment, Register
from pourparler.core.dossier import Signature
from pourparler.core.errors import PourparlerError
from pourparler.core.registry import Registry
from pourparler.service.books import Book


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a ledger says at a moment, as sentences by what they are about."""

    said: dict[tuple[str, ...], str]

    @classmethod
    def of(cls, session: Session, book: Book) -> "Snapshot":
        moment = Moment(book.size + 2 + len(book.pending), book.next_moment().time)
        said: dict[tuple[str, ...], str] = {}
        said.update(of_mandates(session, book.registry, moment))
        said.update(of_organs(session, book.registry, moment))
        said.update(of_dossiers(session, book.registry, moment))
        said.update(of_waiting(session, book.registry, moment))
        return cls(said)


def of_mandates(session: Session, registry: Registry, moment: Moment) -> Iterable[tuple[tuple[str, ...], str]]:
    for register in registry.registers.values():
        for mandate in register.mandates.values():
            yield ("mandate", session.called(mandate.id)), standing(register, mandate, moment)


def standing_powers(register: Register, mandate: Mandate, moment: Moment) -> Power:
    """Return the powers of a mandate that are in force."""
    stands = NO_POWER
    for power in Power:
        if power in mandate.powers:
            with suppress(PourparlerError):
                register.check_standing(mandate, power, moment)
                stands |= power
    return stands


def standing(register: Register, mandate: Mandate, moment: Moment) -> str:
    """Return in words which powers of a mandate are in force."""
    stopped: dict[str, Power] = {}
    stands = NO_POWER
    for power in Power:
        if power in mandate.powers:
            try:
                register.check_standing(mandate, power, moment)
                stands |= power
            except PourparlerError as error:
                stopped[error.reason] = stopped.get(error.reason, NO_POWER) | power
    if not stopped:
        return "in force"
    reasons = ", ".join(reason.partition(".")[2].replace("-", " ") for reason in stopped)
    return f"{reasons}, but still: {', '.join(power_words(stands))}" if stands else reasons


def of_organs(session: Session, registry: Registry, moment: Moment) -> Iterable[tuple[tuple[str, ...], str]]:
    for register in registry.registers.values():
        for organ_id in register.spines.names.values():
            organ = register.spines.seated(organ_id, moment.time)
            members = ", ".join(sorted(session.called(key) for key in organ.members.seats))
            said = f"{members} ({organ.members.needs} sign); {', '.join(power_words(organ.powers))}"
            yield ("organ", session.called(organ_id)), "dissolved" if organ.dissolved else said


def of_dossiers(session: Session, registry: Registry, moment: Moment) -> Iterable[tuple[tuple[str, ...], str]]:
    for dossier in registry.dossiers.values():
        name = session.called(dossier.id)
        yield ("dossier", name), dossier.state(moment).value
        for digest, paper in dossier.papers.items():
            text = session.called(digest)
            yield ("text", text), dossier.text_state(paper, moment).value
            for party in paper.consents:
                state = dossier.consent_state(paper, party, moment).value
                yield ("consent of", session.called(party), "to", text), state
            for first, second in combinations(sorted(paper.consents), 2):
                try:
                    effect = dossier.effect(digest, first, second, moment)
                except PourparlerError:
                    continue
                until = f" until {date_time(effect.until)}" if effect.until is not None else ""
                about = ("effect of", text, "between", session.called(first), "and", session.called(second))
                yield about, f"{effect.state.value}{until}"


def of_waiting(session: Session, registry: Registry, moment: Moment) -> Iterable[tuple[tuple[str, ...], str]]:
    for dossier in registry.dossiers.values():
        for digest, paper in dossier.papers.items():
            for consent in paper.consents.values():
                for signature in dossier.pending_signatures(consent, moment):
                    if dossier.bound_since(consent) is None and signature.deadline is not None:
                        until = date_time(signature.deadline)
                        where = (
                            f"the signature of {session.called(digest)}, which waits for ratification until {until},"
                        )
                        yield ("signature", where), fate(registry.registers[signature.party], signature, moment)


def fate(register: Register, signature: Signature, moment: Moment) -> str:
    """Return whether a signature that waits can be ratified as it is; a suspension that nobody confirmed is no bar."""
    try:
        for link in signature.mandate.chain():
            if link.id in register.endings:
                power = signature.act.row.power
                register.check_endings(link, power, moment, lambda ending: not register.unconfirmed(ending))
    except PourparlerError:
        return "can be ratified only if the ratification confirms it"
    return "can be ratified"


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Return what differs, in sentences."""
    found = []
    for about, now in after.said.items():
        was = before.said.get(about)
        if was != now:
            subject = clean(" ".join(about))
            if about[0] == "signature":
                found += [f"{clean(about[1])} {now}"] if was is not None else []
            else:
                found.append(f"{subject}: {was} → {now}" if was is not None else f"{subject}: {now}")
    return list(dict.fromkeys(found))
