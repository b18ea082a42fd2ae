"""Acts in a line each: who said what, when, and what became of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pourparler.cli.session import Session, plain
from pourparler.cli.words import Part, clean, date_time, duration, first_line, quoted
from pourparler.core.act import ALL_POWERS, Act, Issuer, Power, power_words
from pourparler.core.authority import Moment
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import Value
from pourparler.core.errors import PourparlerError, step_of
from pourparler.core.ledger import Statement
from pourparler.core.redline import parse_line, sentence

INSTANTS = frozenset({"until", "from", "deadline", "closes", "due", "by_time", "next"})
DURATIONS = frozenset({"suspension", "report", "fresh", "bound", "open", "lapse", "wait"})
NOT_TOLD = frozenset(
    {"kind", "at", "words", "by", "organ", "prior", "theirs", "nonce", "seen", "spines", "votes", "tally"}
)


def act_line(session: Session, act: Act, outcome: Outcome | None, *, here: bytes | None = None) -> list[Part]:
    """Return one act as a line: its kind, speaker and main fields, but for the dossier that it is shown in; why it is
    void, if it is."""
    parts: list[Part] = [(act.kind, "bold")]
    who = speaker(session, act)
    parts.append(f" {who}" if who else "")
    told = ", ".join(f"{name} {shown}" for name, shown in fields_told(session, act, here).items())
    parts.append((f" · {told}" if told else "", "dim"))
    if act.get("words"):
        parts.append(f" {quoted(first_line(act['words']))}")
    if outcome is not None and outcome.void is not None:
        step = step_of(outcome.void.reason)
        parts.append((f"  VOID at step {step}: {outcome.void.detail} [{outcome.void.reason}]", "yellow"))
    parts.append((f"  {act.id.hex()[:8]}", "dim"))
    return parts


def speaker(session: Session, act: Act) -> str:
    """Return who says to have spoken."""
    match act.issuer:
        case Issuer.HOLDER:
            return with_party(session, act["by"])
        case Issuer.LEDGER:
            return ""
        case Issuer.CERTIFIER:
            return f"certifier of {session.called(act['class'])}"
        case Issuer.BEACON:
            return session.called(act["party"])
        case Issuer.MEMBER:
            kid = act.envelope.signatures[0].kid if act.envelope.signatures else b""
            return f"a member of {session.called(act['organ'])} ({member_name(session, kid)})"
    if act.kind == "found":
        return quoted(act["name"])
    return with_party(session, act["organ"])


def with_party(session: Session, identifier: bytes) -> str:
    """Return what a mandate or an organ is called here; one without a name by its digits, beside whose it is."""
    called = session.called(identifier)
    if not called.endswith("…"):
        return called
    for registry in session.names.registries:
        party = registry.party_of_mandate.get(identifier) or registry.party_of_organ.get(identifier)
        if register := registry.registers.get(party or b""):
            name = session.called(register.party)
            return f"{called} of {quoted(register.spines.party.name) if name.endswith('…') else name}"
    return called


def member_name(session: Session, kid: bytes) -> str:
    """Return what the key behind a hint is called: no proof, and enough for a line that a person reads."""
    from pourparler.core.encoding import kid_of

    known = {**session.names.keys, **session.workspace.settings.names}
    return next((name for name, key in known.items() if kid_of(key) == kid), f"key {kid.hex()[:8]}…")


def fields_told(session: Session, act: Act, here: bytes | None = None) -> Mapping[str, str]:
    shown = {}
    for name, value in act.payload.items():
        if name in NOT_TOLD or value == here or (act.kind in ("stamp", "ledger") and name in ("streams", "index")):
            continue
        shown[name.replace("_", " ")] = told(session, name, value)
    return shown


def told(session: Session, name: str, value: Value, *, whole: bool = False) -> str:
    """Return a field's value as a person reads it; ``whole`` for one who signs it: nothing shortened."""
    if name in INSTANTS and isinstance(value, int):
        return date_time(value)
    if name in ("powers", "holds", "votes", "subject") and isinstance(value, int):
        return ", ".join(power_words(Power(value)))
    if name in DURATIONS and isinstance(value, int):
        return duration(value)
    if name == "organs" and isinstance(value, list):
        return "; ".join(organ_told(session, organ, whole=whole) for organ in value)
    if name == "new" and isinstance(value, dict) and "seats" in value:
        return organ_told(session, value, whole=whole)
    if name == "lines" and isinstance(value, list):
        return clean("; ".join(map(line_told, value)))
    if name == "seats" and isinstance(value, list) and value and all(is_seat(row) for row in value):
        return seats_told(session, value, whole=whole)
    match value:
        case bytes():
            return identified(session, value, whole=whole)
        case bool():
            return "yes" if value else "no"
        case dict() if "origin" in value:
            return (
                f"{clean(value['origin'])} {value['key'].hex()}" if whole and "key" in value else clean(value["origin"])
            )
        case dict():
            parts = (f"{inner} {told(session, inner, member, whole=whole)}" for inner, member in value.items())
            return clean(", ".join(parts))
        case list():
            shown = value if whole else value[:8]
            more = " …" if len(value) > len(shown) else ""
            return clean(" ".join(told(session, "", member, whole=whole) for member in shown)) + more
    return clean(str(value))


def is_seat(row: Value) -> bool:
    return isinstance(row, list) and len(row) == 2 and isinstance(row[0], bytes) and isinstance(row[1], int)


def organ_told(session: Session, organ: Mapping[str, Value], *, whole: bool = False) -> str:
    """Return an organ as its founding act states it, in a phrase; ``whole`` with all that it states."""
    powers = "all powers" if organ["powers"] == ALL_POWERS else ", ".join(power_words(Power(organ["powers"])))
    parts = [seats_told(session, organ["seats"], whole=whole), f"{organ['needs']} must sign", powers]
    for name, value in organ.items() if whole else ():
        if name not in ("name", "seats", "needs", "powers"):
            parts.append(f"{name} {told(session, name, value, whole=True)}")
    return f"{clean(organ['name'])} ({'; '.join(parts)})"


def line_told(line: Value) -> str:
    """Return a red line as a sentence; what is none, as it stands."""
    try:
        return sentence(parse_line(line))
    except PourparlerError:
        return str(line)


def seats_told(session: Session, seats: Sequence[Sequence[Value]], *, whole: bool = False) -> str:
    """Return seats by their names, with a weight where that is not 1."""
    shown = seats if whole else seats[:8]
    names = [
        identified(session, key, whole=whole) + (f" (weight {weight})" if weight != 1 else "") for key, weight in shown
    ]
    return clean(", ".join(sorted(names))) + (", …" if len(seats) > len(shown) else "")


def identified(session: Session, value: bytes, *, whole: bool) -> str:
    """Return what an id or key is called here, or its digits: all of them for one who signs."""
    if len(value) != 32:
        return value.hex()
    said = session.called(value)
    return value.hex() if whole and said.endswith("…") else said


def about_act(session: Session, act: Act, outcome: Outcome | None, index: int | None) -> dict[str, Any]:
    """Return an act as data."""
    void = outcome.void if outcome else None
    return {
        "index": index,
        "log_time": outcome.moment.time if outcome and index is not None else None,
        "act": act.id.hex(),
        "kind": act.kind,
        "by": speaker(session, act),
        "fields": plain({name: value for name, value in act.payload.items() if name != "kind"}),
        "void": void.reason if void else None,
        "detail": void.detail if void else "",
    }


def statement_line(session: Session, statement: Statement, act_id: bytes) -> list[Part]:
    """Return a statement as a line: whose it says to be, and about which act."""
    about = session.called(act_id)
    return [("statement", "bold"), f" {quoted(statement.issuer)}", (f" · about {about}", "dim")]


def about_statement(statement: Statement, act_id: bytes, moment: Moment) -> dict[str, Any]:
    """Return a statement as data, with the keys that an act has."""
    return {
        "index": moment.index,
        "log_time": moment.time,
        "act": statement.id.hex(),
        "kind": "statement",
        "by": statement.issuer,
        "fields": plain({"key": statement.key, "about": act_id, "hash": statement.hash}),
        "void": None,
        "detail": "",
    }
