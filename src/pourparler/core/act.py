"""The signed act: its kinds, its fields, its parsing. Specification: ``spec/act.md``, ``spec/acts.cddl``.

Everything said in a negotiation is an act. This file answers one question: *who says to have signed which bytes?*
It reads an envelope into an :class:`Act` whose kind and fields are known and bounded; it does not know whether the
speaker may speak, nor even whose key it is, for that takes the acts before it (see ``council`` and ``authority``).

The table :data:`KINDS` is the whole language. Each kind fixes who speaks (:class:`Issuer`), therefore in which form,
and its fields. A kind or a field that is not in the table is refused.

Two fields are allowed in every act: ``at``, the instant that the signer's clock showed (a claim: deadlines are judged
by log time only), and ``words``, free text without legal effect.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntFlag
from functools import cache, partial
from itertools import pairwise
from types import MappingProxyType

from pourparler.core import limits
from pourparler.core.encoding import (
    ALGORITHM_PASSKEY_ES256,
    DIGEST_BYTES,
    Envelope,
    Form,
    Value,
    act_id,
    decode,
    parse_envelope,
)
from pourparler.core.errors import Malformed


class Power(IntFlag):
    """What a mandate or an organ may do. On the wire: the sum of the bits."""

    OPEN = 1
    PROPOSE = 2
    ADOPT = 4
    INITIAL = 8
    SIGN_AD_REFERENDUM = 16
    CONCLUDE = 32
    RATIFY = 64
    DELEGATE = 128
    DISMISS = 256
    DENOUNCE = 512
    URGENT = 1024


ALL_POWERS = Power(2047)
NO_POWER = Power(0)


def power_words(powers: Power) -> list[str]:
    """Return the names of the powers as people write them, such as ``sign-ad-referendum``, in the table's order."""
    return [power.name.lower().replace("_", "-") for power in Power if power in powers and power.name]


class Issuer(Enum):
    """Who speaks, and so how the signature is checked."""

    ORGAN = "an organ by its full decision, on its spine"
    URGENT = "the named members of an organ, in urgency"
    RECOVERY = "the recovery keys of a party"
    MEMBER = "one member of an organ"
    HOLDER = "the holder of a mandate"
    CERTIFIER = "the certifier that a class mandate names"
    BEACON = "a beacon key that the spine names"
    LEDGER = "the ledger"


# --- fields -----------------------------------------------------------------------------------------------------------

Check = Callable[[Value, str], None]


def wrong(where: str, expected: str) -> Malformed:
    return Malformed("act.field", f"{where} must be {expected}")


def is_bytes(length: int, what: str, value: Value, where: str) -> None:
    if not isinstance(value, bytes) or len(value) != length:
        raise wrong(where, f"{what} of {length} bytes")


def is_text(longest: int, value: Value, where: str) -> None:
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= longest:
        raise wrong(where, f"text of 1 to {longest} bytes")


def is_integer(lowest: int, highest: int, value: Value, where: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise wrong(where, f"an integer from {lowest} to {highest}")


def is_flag(value: Value, where: str) -> None:
    if not isinstance(value, bool):
        raise wrong(where, "true or false")


def is_data(value: Value, where: str) -> None:
    """Any value of the profile: what it means is another room's to say."""


def is_one_of(words: tuple[str, ...], value: Value, where: str) -> None:
    if value not in words or not isinstance(value, str):
        raise wrong(where, "one of " + ", ".join(words))


def is_list(check: Check, most: int, value: Value, where: str, least: int = 1) -> None:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise wrong(where, f"a list of {least} to {most}")
    for position, member in enumerate(value):
        check(member, f"{where}[{position}]")


def is_set(check: Check, most: int, value: Value, where: str, least: int = 1) -> None:
    """A list in ascending order that holds nothing twice."""
    is_list(check, most, value, where, least)
    if any(not earlier < later for earlier, later in pairwise(value)):
        raise wrong(where, "in ascending order and free of repetition")


def is_keyed(check: Check, most: int, value: Value, where: str, least: int = 1) -> None:
    """A list of rows in ascending order whose first parts differ."""
    is_set(check, most, value, where, least)
    if len({row[0] for row in value}) != len(value):
        raise wrong(where, "free of rows that begin alike")


def is_tuple(checks: tuple[Check, ...], value: Value, where: str) -> None:
    if not isinstance(value, list) or len(value) != len(checks):
        raise wrong(where, f"a list of exactly {len(checks)}")
    for position, check in enumerate(checks):
        check(value[position], f"{where}[{position}]")


def is_either(first: Check, second: Check, value: Value, where: str) -> None:
    try:
        first(value, where)
    except Malformed:
        second(value, where)


def is_null(value: Value, where: str) -> None:
    if value is not None:
        raise wrong(where, "null")


def is_map(required: Mapping[str, Check], optional: Mapping[str, Check], value: Value, where: str) -> None:
    if not isinstance(value, dict):
        raise wrong(where, "a map")
    for name in required:
        if name not in value:
            raise Malformed("act.field-missing", f"{where} lacks {name!r}")
    for name, member in value.items():
        check = required.get(name) or optional.get(name)
        if check is None:
            raise Malformed("act.field-unknown", f"{where} has the unknown field {name!r}")
        check(member, f"{where}.{name}")


digest_: Check = partial(is_bytes, DIGEST_BYTES, "a digest")
key_: Check = partial(is_bytes, 32, "an Ed25519 public key")
nonce_: Check = partial(is_bytes, 16, "a nonce")
name_: Check = partial(is_text, 64)
short_: Check = partial(is_text, limits.SHORT_TEXT_MAX_BYTES)
long_: Check = partial(is_text, limits.LONG_TEXT_MAX_BYTES)
time_: Check = partial(is_integer, limits.TIME_MIN, limits.TIME_MAX)
duration_: Check = partial(is_integer, 0, limits.DURATION_MAX_SECONDS)
count_: Check = partial(is_integer, 0, limits.INTEGER_MAX)
weight_: Check = partial(is_integer, 1, 1_000_000)
powers_: Check = partial(is_integer, 1, int(ALL_POWERS))
identifiers_: Check = partial(is_set, short_, limits.IDENTIFIERS_MAX)
digests_: Check = partial(is_set, digest_, limits.IDENTIFIERS_MAX)
keys_: Check = partial(is_set, key_, limits.SEATS_MAX)
lines_: Check = partial(is_list, is_data, limits.LINES_MAX)
ledger_: Check = partial(is_map, {"origin": short_, "key": key_}, {})
weighted_: Check = partial(is_keyed, partial(is_tuple, (key_, weight_)), limits.SEATS_MAX)
committee_: Check = partial(is_map, {"keys": weighted_, "needs": weight_}, {})
holder_: Check = partial(is_either, key_, committee_)
position_: Check = partial(is_tuple, (count_, digest_))
share_: Check = partial(is_tuple, (weight_, weight_))

ballot_ = partial(is_map, {"open": duration_, "quorum": weight_, "share": share_}, {})
urgent_ = partial(is_map, {"keys": keys_, "needs": weight_, "lapse": duration_}, {})
recovery_ = partial(is_map, {"keys": keys_, "needs": weight_, "wait": duration_}, {})
passkey_ = partial(
    is_map,
    {
        "member": key_,
        "algorithm": partial(is_integer, -70002, -70001),
        "key": partial(
            is_either, partial(is_bytes, 65, "an uncompressed P-256 point"), partial(is_bytes, 32, "an Ed25519 key")
        ),
        "relying_party": short_,
        "origin": short_,
    },
    {},
)

SEATING: dict[str, Check] = {
    "needs": weight_,
    "until": time_,
    "ballot": ballot_,
    "urgent": urgent_,
    "suspenders": keys_,
}
organ_ = partial(
    is_map,
    {"name": name_, "seats": weighted_, "powers": powers_, "needs": weight_},
    {**SEATING, "votes": powers_, "superior": name_, "subject": powers_, "lines": lines_},
)

MANDATE: dict[str, Check] = {
    "to": holder_,
    "powers": powers_,
    "until": time_,
    "from": time_,
    "lines": lines_,
    "private": partial(is_list, digest_, limits.LINES_MAX),
    "scope": identifiers_,
    "dossier": digest_,
    "with": digests_,
    "ledgers": partial(is_list, ledger_, limits.ORGANS_MAX),
    "depth": partial(is_integer, 0, limits.CHAIN_LINKS_MAX),
    "fresh": duration_,
    "cosign": partial(is_map, {"powers": powers_, "keys": keys_, "needs": weight_}, {}),
    "limit": partial(is_map, {"path": short_, "most": is_data, "ledger": ledger_}, {}),
    "report": duration_,
    "duty": partial(is_map, {"kind": name_, "by": time_, "then": key_}, {}),
    "replaces": digest_,
    "witnessed": is_flag,
}
GRANTED: dict[str, Check] = {**MANDATE, "class": partial(is_map, {"name": short_, "certifier": key_}, {})}
DISMISSAL: dict[str, Check] = {"holds": powers_, "duties": identifiers_, "until": time_}
TALLY: dict[str, Check] = {
    "call": digest_,
    "votes": partial(is_set, digest_, limits.IDENTIFIERS_MAX),
    "tally": partial(is_map, {"yes": count_, "no": count_, "abstain": count_}, {}),
}
rules_ = partial(
    is_map,
    {"adopt": partial(is_either, partial(is_one_of, ("all",)), share_)},
    {"begin": weight_, "counter": is_flag, "join_by": time_, "witnessed": is_flag},
)


# --- kinds ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table: who speaks, which fields, which power the speaker must have, where it belongs.

    ``spine`` says that the act moves its organ's spine; ``dossier`` that it belongs to a dossier.
    """

    name: str
    issuer: tuple[Issuer, ...]
    required: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)
    power: Power = NO_POWER
    dossier: bool = field(init=False)
    spine: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dossier", "dossier" in self.required or self.name == "open")
        object.__setattr__(self, "spine", self.issuer[0] is Issuer.ORGAN)


BY_ORGAN: dict[str, Check] = {"organ": digest_, "prior": digest_}
BY_MEMBER: dict[str, Check] = {"organ": digest_}
BY_HOLDER: dict[str, Check] = {"by": digest_}
IN_DOSSIER: dict[str, Check] = {"dossier": digest_}
ON_TEXT: dict[str, Check] = {"dossier": digest_, "text": digest_}
EVERYWHERE: dict[str, Check] = {"at": time_, "words": long_}


def by_organ(name: str, required: dict[str, Check], optional: dict[str, Check] | None = None, power: int = 0) -> Kind:
    return Kind(name, (Issuer.ORGAN,), {**BY_ORGAN, **required}, optional or {}, Power(power))


def by_member(name: str, required: dict[str, Check], optional: dict[str, Check] | None = None) -> Kind:
    return Kind(name, (Issuer.MEMBER,), {**BY_MEMBER, **required}, optional or {})


def by_holder(name: str, required: dict[str, Check], optional: dict[str, Check] | None = None, power: int = 0) -> Kind:
    return Kind(name, (Issuer.HOLDER,), {**BY_HOLDER, **required}, optional or {}, Power(power))


PAST: dict[str, Check] = {"seen": partial(is_map, {"dossier": position_, "party": position_}, {})}
QUESTION: dict[str, Check] = {
    "dossier": digest_,
    "text": digest_,
    "about": digest_,
    "reserves": identifiers_,
    "confirms": digests_,
    "breach": digest_,
    "remedy": count_,
    "until": time_,
}
CONSENT: dict[str, Check] = {"spines": digests_, "reserves": identifiers_, **TALLY}
SIGNING: dict[str, Check] = {"reserves": identifiers_, "total": is_data, "previous": digest_}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # A party and its organs.
        Kind(
            "found",
            (Issuer.ORGAN,),
            {
                "name": name_,
                "nonce": nonce_,
                "home": ledger_,
                "organs": partial(is_list, organ_, limits.ORGANS_MAX),
                "suspension": duration_,
            },
            {"beacons": keys_, "recovery": recovery_},
        ),
        by_organ("constitute", {"new": organ_}),
        by_organ("elect", {"seats": weighted_}, {**SEATING, "of": digest_, "theirs": digest_}),
        by_organ("appoint", {}, {"beacons": keys_, "dispatch": keys_, "passkeys": partial(is_list, passkey_, 64)}),
        by_organ("hand-over", {"to": digest_, "powers": powers_}),
        by_organ("dissolve", {}, {"of": digest_, "theirs": digest_}),
        by_organ("move-home", {"home": ledger_}),
        Kind(
            "recover", (Issuer.RECOVERY,), {**BY_ORGAN, "seats": partial(is_list, partial(is_tuple, (key_, key_)), 64)}
        ),
        # Authority.
        by_organ("grant", {"powers": powers_}, GRANTED, Power.DELEGATE),
        by_organ(
            "dismiss",
            {"mandate": digest_},
            DISMISSAL,
            Power.DISMISS,
        ),
        by_organ("lift", {"mandate": digest_, "line": count_}, {}, Power.DELEGATE),
        by_organ("decide", {}, {"about": digest_, "cites": digests_, "text": digest_, **TALLY}),
        by_organ(
            "deliberate",
            {
                "courses": partial(
                    is_list,
                    partial(is_map, {"name": short_, "reason": long_}, {"ruled_out": is_flag}),
                    limits.COURSES_MAX,
                )
            },
            {"about": digest_},
        ),
        by_organ("confirm", {"about": digest_, "answer": is_flag}),
        by_organ("object", {"about": digest_}),
        Kind("urgent-dismiss", (Issuer.URGENT,), {**BY_MEMBER, "mandate": digest_}, DISMISSAL),
        Kind("urgent-grant", (Issuer.URGENT,), {**BY_MEMBER, "powers": powers_}, GRANTED),
        by_member("suspend", {"target": digest_}),
        by_member("call", {"decides": name_, "closes": time_}, QUESTION),
        by_member("vote", {"call": digest_, "choice": partial(is_one_of, ("yes", "no", "abstain", "recuse"))}),
        by_member("question", {"of": digest_, "due": time_}, {"about": digest_}),
        by_member("answer", {"question": digest_}),
        by_member("dissent", {"about": digest_}),
        by_holder("delegate", {"to": holder_, "powers": powers_}, MANDATE, Power.DELEGATE),
        by_holder("revoke", {"target": digest_}),
        by_holder("query", {"about": digest_, "to": digest_}),
        by_holder("reply", {"about": digest_}),
        Kind(
            "certify", (Issuer.CERTIFIER,), {"class": digest_, "to": holder_, "until": time_}, {"scope": identifiers_}
        ),
        Kind("withdraw-certificate", (Issuer.CERTIFIER,), {"class": digest_, "target": digest_}),
        Kind(
            "beacon",
            (Issuer.BEACON,),
            {"party": digest_, "serial": count_, "count": count_, "head": digest_, "at": time_, "next": time_},
        ),
        # A dossier: what negotiators say.
        by_holder(
            "open",
            {
                "parties": partial(is_set, digest_, limits.SEATS_MAX, least=2),
                "ledger": ledger_,
                "rules": rules_,
                "nonce": nonce_,
            },
            {"sealed": is_flag, "scopes": identifiers_, "parent": digest_},
            Power.OPEN,
        ),
        by_holder("join", IN_DOSSIER, {}, Power.OPEN),
        by_holder("say", IN_DOSSIER, {"about": digest_, "to": digest_}),
        by_holder("acknowledge", {**IN_DOSSIER, "about": digest_}),
        by_holder("reveal", {**IN_DOSSIER, "mandate": digest_, "line": is_data, "salt": nonce_}),
        by_holder("invite", {**ON_TEXT, "parties": digests_, "by_time": time_}, {}, Power.OPEN),
        by_holder("suspend-talks", {**IN_DOSSIER, "until": time_}, {}, Power.OPEN),
        by_holder("resume-talks", IN_DOSSIER, {}, Power.OPEN),
        by_holder("close", {**IN_DOSSIER, "as": partial(is_one_of, ("agreed", "failed", "withdrawn"))}, {}, Power.OPEN),
        by_holder("publish", {**IN_DOSSIER, "texts": digests_}),
        by_holder("propose", ON_TEXT, {"answers": digest_, "until": time_}, Power.PROPOSE),
        by_holder("reject", ON_TEXT, {}, Power.PROPOSE),
        by_holder("withdraw", ON_TEXT, {}, Power.PROPOSE),
        by_holder("adopt", ON_TEXT, {}, Power.ADOPT),
        by_holder("initial", ON_TEXT, {}, Power.INITIAL),
        by_holder(
            "sign-ad-referendum",
            {**ON_TEXT, "organ": digest_, "deadline": time_},
            SIGNING,
            Power.SIGN_AD_REFERENDUM,
        ),
        by_holder("conclude", ON_TEXT, SIGNING, Power.CONCLUDE),
        by_holder("withdraw-signature", {**IN_DOSSIER, "signature": digest_}),
        # A dossier: what organs decide.
        by_organ("ratify", {**ON_TEXT, **PAST, "signs": digests_}, {**CONSENT, "confirms": digests_}, Power.RATIFY),
        by_organ("refuse", ON_TEXT, TALLY, Power.RATIFY),
        by_organ("accede", {**ON_TEXT, **PAST}, CONSENT, Power.RATIFY),
        by_organ("apply", ON_TEXT, {"until": time_, **TALLY}, Power.RATIFY),
        by_organ("stop-applying", ON_TEXT, TALLY, Power.RATIFY),
        by_organ("object-reservation", {**ON_TEXT, "about": digest_}, TALLY, Power.RATIFY),
        Kind(
            "denounce",
            (Issuer.ORGAN, Issuer.HOLDER),
            ON_TEXT,
            {**BY_ORGAN, **BY_HOLDER, **TALLY},
            Power.DENOUNCE,
        ),
        by_organ("withdraw-denunciation", ON_TEXT, TALLY, Power.DENOUNCE),
        by_organ(
            "breach",
            {**ON_TEXT, "attributed": partial(is_either, digest_, is_null), "article": short_},
        ),
        by_organ("remedy", {**ON_TEXT, "breach": digest_, "remedy": count_}, TALLY, Power.DENOUNCE),
        # A ledger.
        Kind("ledger", (Issuer.LEDGER,), {"origin": short_, "at": time_, "bound": duration_}),
        Kind(
            "stamp",
            (Issuer.LEDGER,),
            {
                "index": count_,
                "at": time_,
                "follows": count_,
                "streams": partial(
                    is_keyed, partial(is_tuple, (digest_, count_, digest_)), limits.STREAMS_MAX, least=0
                ),
            },
        ),
    )
}


# --- acts -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """An act as read from an envelope: known kind, known fields, within bounds. Its signatures are *not* checked."""

    id: bytes
    kind: str
    payload: Mapping[str, Value]
    envelope: Envelope
    row: Kind
    issuer: Issuer

    def get(self, name: str) -> Value:
        """Return a field, or None where the act lacks it."""
        return self.payload.get(name)

    def __getitem__(self, name: str) -> Value:
        return self.payload[name]


SINGLE = frozenset({Issuer.MEMBER, Issuer.CERTIFIER, Issuer.BEACON, Issuer.LEDGER})


def parse_act(data: bytes) -> Act:
    """Return the act in an encoded envelope (``spec/act.md``, steps 1 to 3).

    Raises :class:`Malformed`: ``envelope.*``, ``cbor.*``, ``act.*``. No signature is checked. Cost: linear in the
    envelope's size, which is bounded.
    """
    return read_act(parse_envelope(data))


def read_act(envelope: Envelope) -> Act:
    """Return the act in a parsed envelope. Raises as :func:`parse_act`."""
    payload = decode(envelope.payload)
    if not isinstance(payload, dict):
        raise Malformed("act.payload", "a payload is a map")
    check_payload(payload)
    return act_in(envelope, payload)


def act_in(envelope: Envelope, payload: Mapping[str, Value]) -> Act:
    """Return the act in an envelope whose payload has been decoded and checked. Raises :class:`Malformed`
    (``act.form``)."""
    kind = payload["kind"]
    name, issuer = act_id(envelope, kind), issuer_of(kind, payload)
    act = Act(name, kind, MappingProxyType(payload), envelope, KINDS[kind], issuer)
    check_form(act)
    return act


def issuer_of(kind: str, fields: Mapping[str, Value]) -> Issuer:
    """Return who speaks. Where a kind has two issuers, the fields tell: ``by`` names a holder, ``organ`` an organ."""
    return KINDS[kind].issuer[-1 if "by" in fields else 0]


@cache
def all_fields(name: str) -> tuple[Mapping[str, Check], Mapping[str, Check]]:
    """Return the fields that an act of the kind must and may have, those of every act among them."""
    kind = KINDS[name]
    required = {"kind": name_, **kind.required}
    return required, {field: check for field, check in {**EVERYWHERE, **kind.optional}.items() if field not in required}


def check_payload(payload: Mapping[str, Value]) -> None:
    """Raise :class:`Malformed` (``act.*``) unless kind and fields are of the table."""
    name = payload.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Malformed("act.kind", "the payload names no known kind")
    is_map(*all_fields(kind.name), payload, kind.name)
    if kind.name == "denounce" and {"organ", "prior", "by"} & set(payload) not in ({"organ", "prior"}, {"by"}):
        raise Malformed("act.field", "denounce names either organ and prior, or by")
    for passkey in payload.get("passkeys", ()) if kind.name == "appoint" else ():
        if len(passkey["key"]) != (65 if passkey["algorithm"] == ALGORITHM_PASSKEY_ES256 else 32):
            raise Malformed("act.field", "a passkey's public key is of the other algorithm")
    if ("of" in payload) != ("theirs" in payload) and kind.name in ("elect", "dissolve"):
        raise Malformed("act.field", f"{kind.name} of another organ names both it (of) and its head (theirs)")
    if kind.name in ("grant", "urgent-grant") and ("to" in payload) == ("class" in payload):
        raise Malformed("act.field", "a grant names either a holder (to) or a class")


def check_form(act: Act) -> None:
    """Raise :class:`Malformed` (``act.form``) unless the envelope's form is the one that the issuer speaks in.

    A holder speaks in COSE_Sign1 unless his mandate asks for several keys; ``authority`` checks which.
    """
    form = act.envelope.form
    if act.issuer in SINGLE and form is not Form.SIGN1:
        raise Malformed("act.form", f"{act.kind} is spoken by one key, in a COSE_Sign1")
    if act.issuer not in SINGLE and act.issuer is not Issuer.HOLDER and form is not Form.SIGN:
        raise Malformed("act.form", f"{act.kind} is spoken by an organ or several keys, in a COSE_Sign")
