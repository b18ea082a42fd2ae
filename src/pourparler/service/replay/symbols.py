"""Symbols into values: what a scenario names becomes what an act holds.

A scenario writes ``text = "armistice"`` and ``until = 1917-12-17T11:00:00Z``; an act holds a digest and a number of
seconds. Which symbol stands for what depends on the field alone, in few cases on the kind beside it: :data:`RESOLVERS`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pourparler.core.act import ALL_POWERS
from pourparler.core.council import Depositary
from pourparler.core.encoding import Value, encode
from pourparler.core.redline import text_digest
from pourparler.ports import Chance
from pourparler.service.drafting import powers
from pourparler.service.guard import Opening
from pourparler.service.replay.authenticator import registration
from pourparler.service.replay.scenario import seconds
from pourparler.service.replay.story import Played


class Symbols:
    """Everything that has a symbol in one run. Each raises :class:`KeyError` for one that nothing defines."""

    def __init__(self, played: Played, chance: Chance) -> None:
        self.played = played
        self.chance = chance

    def resolve(self, kind: str, name: str, value: Any) -> Value:
        """Return a field's value with every symbol in it turned into what it names."""
        resolver = RESOLVERS.get((kind, name)) or RESOLVERS.get(("", name))
        return resolver(self, value) if resolver else value

    def key(self, actor: str) -> bytes:
        return self.played.signers[actor].public_key

    def act(self, symbol: str) -> bytes:
        return self.played.acts[symbol].id

    def text(self, symbol: str) -> bytes:
        """Return a text's digest; its bytes are made when it is first named."""
        if symbol not in self.played.texts:
            data = encode(self.text_value(self.played.scenario.texts[symbol]))
            self.played.texts[symbol] = text_digest(data)
            self.played.text_bytes[text_digest(data)] = data
        return self.played.texts[symbol]

    def text_value(self, given: Mapping[str, Any]) -> Value:
        value: dict[str, Value] = {
            "articles": {"en": given["en"], "fr": given["fr"]},
            "terms": given.get("terms", {}),
            "random": self.chance.bytes(16),
        }
        if "checks" in given:
            value["checks"] = given["checks"]
        if "clauses" in given:
            value["clauses"] = {
                name: self.resolve("clauses", name, clause) for name, clause in given["clauses"].items()
            }
        return value


# --- one resolver for each sort of field ------------------------------------------------------------------------------

Resolver = Callable[[Symbols, Any], Value]

UNITS = {"s": 1, "min": 60, "h": 3_600, "days": 86_400, "day": 86_400}


def to_seconds(_: Symbols, value: Any) -> Value:
    """An instant with its offset, or a duration such as ``3 days``."""
    if isinstance(value, datetime):
        return seconds(value)
    if isinstance(value, str) and " " in value:
        number, unit = value.split()
        return int(number) * UNITS[unit]
    return value


def to_instant(_: Symbols, value: Any) -> Value:
    return seconds(value)


def to_powers(_: Symbols, value: Any) -> Value:
    return int(ALL_POWERS) if value == ["all"] else powers(*value)


def to_act(symbols: Symbols, value: Any) -> Value:
    return symbols.act(value)


def to_acts(symbols: Symbols, value: Any) -> Value:
    return sorted(map(symbols.act, value))


def to_text(symbols: Symbols, value: Any) -> Value:
    return symbols.text(value)


def to_texts(symbols: Symbols, value: Any) -> Value:
    return sorted(map(symbols.text, value))


def to_organ(symbols: Symbols, value: Any) -> Value:
    return symbols.played.organs[value]


def to_party(symbols: Symbols, value: Any) -> Value:
    return None if value == "private" else symbols.played.parties[value]


def to_parties(symbols: Symbols, value: Any) -> Value:
    return sorted(symbols.played.parties[party] for party in value)


def to_ledger(symbols: Symbols, value: Any) -> Value:
    depositary: Depositary = symbols.played.depositaries[value]
    return {"origin": depositary.origin, "key": depositary.key}


def to_keys(symbols: Symbols, value: Any) -> Value:
    return sorted(map(symbols.key, value))


def to_seats(symbols: Symbols, value: Any) -> Value:
    return sorted([symbols.key(actor), 1] for actor in value)


def to_holder(symbols: Symbols, value: Any) -> Value:
    """One actor, or several with how many of them must sign."""
    if isinstance(value, str):
        return symbols.key(value)
    return {"keys": to_seats(symbols, value["keys"]), "needs": value["needs"]}


def to_class(symbols: Symbols, value: Any) -> Value:
    return {"name": value["name"], "certifier": symbols.key(value["certifier"])}


def to_private(symbols: Symbols, value: Any) -> Value:
    for symbol, line in value.items():
        symbols.played.openings[symbol] = Opening(line, symbols.chance.bytes(16))
    return [symbols.played.openings[symbol].commitment for symbol in value]


def to_limit(symbols: Symbols, value: Any) -> Value:
    return {**value, "ledger": to_ledger(symbols, value["ledger"])}


def to_ballot(symbols: Symbols, value: Any) -> Value:
    return {**value, "open": to_seconds(symbols, value["open"])}


def to_passkeys(symbols: Symbols, value: Any) -> Value:
    """Actors that are passkeys, as an organ registers them for their members."""
    records: list[Value] = []
    for actor in value:
        site = symbols.played.scenario.actors[actor].passkey
        assert site is not None
        records.append(registration(symbols.key(site["member"]), symbols.played.signers[actor], site))
    return records


def to_duty(symbols: Symbols, value: Any) -> Value:
    return {"kind": value["kind"], "by": seconds(value["by"]), "then": symbols.key(value["then"])}


def to_urgency(symbols: Symbols, value: Any) -> Value:
    return {**value, "keys": to_keys(symbols, value["keys"]), "lapse": to_seconds(symbols, value["lapse"])}


def to_body(symbols: Symbols, value: Any) -> Value:
    """An organ as a founding or constituting act states it."""
    return {name: symbols.resolve("body", name, given) for name, given in value.items()}


def to_bodies(symbols: Symbols, value: Any) -> Value:
    return [to_body(symbols, given) for given in value]


def to_addressee(symbols: Symbols, value: Any) -> Value:
    """Whoever an act is addressed to: an organ, or the holder of a mandate by the mandate's id."""
    return symbols.played.organs.get(value) or symbols.act(value)


def to_rules(symbols: Symbols, value: Any) -> Value:
    return {name: to_seconds(symbols, given) for name, given in value.items()}


def to_force(symbols: Symbols, value: Any) -> Value:
    then = [[step, seconds(given) if step == "at" else given] for step, given in value.get("then", [])]
    when = value.get("when", ["all"])
    if when[0] == "parties":
        when = ["parties", to_parties(symbols, when[1])]
    return {"when": when, "then": then}


def to_term(symbols: Symbols, value: Any) -> Value:
    return {name: to_seconds(symbols, given) for name, given in value.items()}


def to_remedies(symbols: Symbols, value: Any) -> Value:
    return [{**remedy, "by": to_parties(symbols, remedy["by"])} if "by" in remedy else dict(remedy) for remedy in value]


def to_open_to(symbols: Symbols, value: Any) -> Value:
    return value if value == "any" else to_parties(symbols, value)


RESOLVERS: dict[tuple[str, str], Resolver] = {
    ("", "at"): to_instant,
    ("", "until"): to_instant,
    ("", "from"): to_instant,
    ("", "by_time"): to_instant,
    ("", "deadline"): to_instant,
    ("", "due"): to_instant,
    ("", "closes"): to_instant,
    ("", "suspension"): to_seconds,
    ("", "report"): to_seconds,
    ("", "fresh"): to_seconds,
    ("", "powers"): to_powers,
    ("", "holds"): to_powers,
    ("", "subject"): to_powers,
    ("", "organ"): to_organ,
    ("", "of"): to_organ,
    ("", "by"): to_act,
    ("", "class"): to_act,
    ("", "mandate"): to_act,
    ("", "target"): to_act,
    ("", "about"): to_act,
    ("", "question"): to_act,
    ("", "call"): to_act,
    ("", "breach"): to_act,
    ("", "signature"): to_act,
    ("", "dossier"): to_act,
    ("", "parent"): to_act,
    ("", "replaces"): to_act,
    ("", "prior"): to_act,
    ("", "signs"): to_acts,
    ("", "confirms"): to_acts,
    ("", "cites"): to_acts,
    ("", "votes"): to_acts,
    ("body", "votes"): to_powers,
    ("", "text"): to_text,
    ("", "answers"): to_text,
    ("", "texts"): to_texts,
    ("", "parties"): to_parties,
    ("", "with"): to_parties,
    ("", "attributed"): to_party,
    ("", "home"): to_ledger,
    ("", "ledger"): to_ledger,
    ("", "rules"): to_rules,
    ("", "seats"): to_seats,
    ("", "beacons"): to_keys,
    ("", "suspenders"): to_keys,
    ("", "urgent"): to_urgency,
    ("", "organs"): to_bodies,
    ("", "new"): to_body,
    ("", "duty"): to_duty,
    ("", "private"): to_private,
    ("", "limit"): to_limit,
    ("", "ballot"): to_ballot,
    ("", "passkeys"): to_passkeys,
    ("", "to"): to_holder,
    ("query", "to"): to_addressee,
    ("say", "to"): to_addressee,
    ("hand-over", "to"): to_organ,
    ("grant", "class"): to_class,
    ("urgent-grant", "class"): to_class,
    ("clauses", "force"): to_force,
    ("clauses", "term"): to_term,
    ("clauses", "parties"): to_parties,
    ("clauses", "open_to"): to_open_to,
    ("clauses", "open_from"): to_instant,
    ("clauses", "remedies"): to_remedies,
    ("clauses", "framework"): to_act,
}
