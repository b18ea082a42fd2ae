"""``pourparler vote``: what members of an organ decide."""

from typing import Annotated, Any

import typer

from pourparler.cli.dossier import DossierName
from pourparler.cli.sending import Anyway, OutFile, WithKeys, send
from pourparler.cli.session import USAGE, Problem, Session, command, noun
from pourparler.cli.speaking import only_text
from pourparler.core.act import Power
from pourparler.service.completing import organs_that_may

app = noun("Votes: ratify, refuse, and every other way in which members decide.")
TextName = Annotated[
    str | None, typer.Argument(metavar="[TEXT]", help="The text; otherwise the one on the table.", show_default=False)
]
OrganName = Annotated[
    str | None,
    typer.Option(
        "--organ", metavar="ORGAN", help="Which organ; otherwise the one in which you sit.", show_default=False
    ),
]


def organ_for(
    session: Session, book: Any, parties: Any, power: Power, organ: str | None, key: list[str] | None
) -> bytes:
    """Return the organ in which a key here sits, and that has the power. Raises :class:`Problem`."""
    if organ:
        return session.find(organ, "organ")
    mine = session.my_keys(key or ())
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
    known = ", ".join(map(session.called, found)) or "none in which a key here sits"
    raise Problem(USAGE, f"it is not clear which organ decides: {known}.", "Say it: --organ ORGAN, or --key NAME.")


@command(app)
def ratify(
    session: Session, dossier: DossierName, text: TextName = None, organ: OrganName = None, key: WithKeys = None,
    out: OutFile = None, anyway: Anyway = False,
) -> None:  # fmt: skip
    """Ratify the signatures ad referendum that wait for your organ: only this binds your party."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    organ_id = organ_for(session, book, found.parties, Power.RATIFY, organ, key)
    fields = {"organ": organ_id, "dossier": dossier_id, "text": digest}
    send(session, book, "ratify", fields, keys=key, out=out, anyway=anyway)


@command(app)
def refuse(
    session: Session, dossier: DossierName, text: TextName = None, organ: OrganName = None, key: WithKeys = None,
    out: OutFile = None, anyway: Anyway = False,
) -> None:  # fmt: skip
    """Refuse a text for good. What that does is shown first."""
    dossier_id = session.find(dossier, "dossier")
    book = session.holding(dossier_id)
    found = book.registry.dossier(dossier_id)
    digest = session.find(text, "text") if text else only_text(session, book, found)
    organ_id = organ_for(session, book, found.parties, Power.RATIFY, organ, key)
    fields = {"organ": organ_id, "dossier": dossier_id, "text": digest}
    send(session, book, "refuse", fields, keys=key, out=out, anyway=anyway, ask="Refuse the text for good?")
