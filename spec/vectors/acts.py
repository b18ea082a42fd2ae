"""Vectors of spec/act.md: every kind with its least and its fullest payload, refusals, and the promised sizes."""

from collections.abc import Callable

from spec.vectors import kit
from spec.vectors.kit import Group, Key, encode, group, shown

LEDGER = Key("ledger of the town")
BEACON, CERTIFIER, HOLDER = Key("beacon of the council"), Key("certifier"), Key("a negotiator")
MEMBERS = kit.in_order(Key(f"member {name}") for name in ("Anna", "Boris", "Clara"))
NEGOTIATORS = kit.in_order(Key(f"negotiator {number}") for number in (1, 2))
RECOVERY = kit.in_order(Key(f"recovery {number}") for number in (1, 2))
NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
YEAR = 31_536_000
TIME_MIN, TIME_MAX, INTEGER_MAX = -62_135_596_800, 253_402_300_799, 2**63 - 1
DURATION_MAX = 100 * 366 * 86_400

# --- samples of fields ------------------------------------------------------------------------------------------------


def id_of(what: str) -> bytes:
    return kit.chance(f"id of {what}")


def ids(*what: str) -> list[bytes]:
    return sorted(map(id_of, what))


def publics(keys) -> list[bytes]:
    return sorted(key.public for key in keys)


def weighted(keys) -> list[list]:
    return [[key, 1] for key in publics(keys)]


def named(count: int, prefix: str = "name") -> list[bytes]:
    return sorted(kit.chance(f"{prefix} {number}") for number in range(count))


HOME = {"origin": "ledger.town.example/2026", "key": LEDGER.public}
NONCE = kit.chance("a nonce", 16)
BALLOT = {"open": 86_400, "quorum": 2, "share": [1, 2]}
URGENT = {"keys": publics(MEMBERS[:2]), "needs": 2, "lapse": 259_200}
SEATING = {
    "needs": 2,
    "until": NOW + YEAR,
    "ballot": BALLOT,
    "urgent": URGENT,
    "suspenders": publics(MEMBERS[:1]),
}
LINES = [["at-most", "unit-price", ["EUR", "92.00"]], ["not", ["equal", "law", "elsewhere"]]]
COUNCIL = {"name": "council", "seats": weighted(MEMBERS), "powers": 2047, "needs": 2}
BOARD = {
    **COUNCIL,
    **SEATING,
    "name": "board",
    "powers": 1023,
    "votes": 576,
    "superior": "council",
    "subject": 64,
    "lines": LINES,
}
COMMITTEE = {"keys": weighted(NEGOTIATORS), "needs": 2}
MANDATE = {
    "to": HOLDER.public,
    "powers": 191,
    "until": NOW + YEAR,
    "from": NOW,
    "lines": LINES,
    "private": [kit.chance("a commitment")],
    "scope": ["north", "south"],
    "dossier": id_of("dossier"),
    "with": ids("party B"),
    "ledgers": [HOME],
    "depth": 2,
    "fresh": 86_400,
    "cosign": {"powers": 32, "keys": publics(MEMBERS[:1]), "needs": 1},
    "limit": {"path": "total", "most": ["EUR", "250000"], "ledger": HOME},
    "report": 3_600,
    "duty": {"kind": "open", "by": NOW + 86_400, "then": NEGOTIATORS[0].public},
    "replaces": id_of("an older mandate"),
    "witnessed": True,
}
DISMISSAL = {"holds": 1, "duties": ["inventory", "keys of the archive"], "until": NOW + 604_800}
TALLY = {
    "call": id_of("call"),
    "votes": ids("vote 1", "vote 2", "vote 3"),
    "tally": {"yes": 2, "no": 1, "abstain": 0},
}
PASSKEYS = [
    {
        "member": MEMBERS[0].public,
        "algorithm": kit.PASSKEY_ES256,
        "key": kit.P256Key("passkey Anna").public,
        "relying_party": "vote.pourparler.example",
        "origin": "https://vote.pourparler.example",
    },
    {
        "member": MEMBERS[1].public,
        "algorithm": kit.PASSKEY_ED25519,
        "key": Key("passkey Boris").public,
        "relying_party": "vote.pourparler.example",
        "origin": "https://vote.pourparler.example",
    },
]
RULES = {"adopt": "all"}
ORGAN = {"organ": id_of("council"), "prior": id_of("head of the spine")}
MEMBER = {"organ": id_of("council")}
BY = {"by": id_of("mandate")}
IN = {"dossier": id_of("dossier")}
ON = {**IN, "text": id_of("text")}
OTHER = {"of": id_of("board"), "theirs": id_of("head of the board")}
PAST = {"seen": {"dossier": [7, id_of("head of the dossier")], "party": [3, id_of("head of the party")]}}
CONSENT = {"spines": ids("head of the spine"), "reserves": ["article 3"], **TALLY}
SIGNING = {"reserves": ["article 3"], "total": ["EUR", "9200.00"], "previous": id_of("signature before")}
GRANTED = {"to": HOLDER.public}
CLASS = {"name": "every elected regimental committee", "certifier": CERTIFIER.public}

ORGANS, SEVERAL, MEMBERLY, HOLDERLY, SINGLE = "organ", "several", "member", "holder", "single"

# kind -> (who signs, the least fields, what the fullest payload adds)
SAMPLES: dict[str, tuple[str, dict, dict]] = {
    "found": (
        ORGANS,
        {"name": "the town", "nonce": NONCE, "home": HOME, "organs": [COUNCIL], "suspension": 259_200},
        {
            "organs": [COUNCIL, BOARD],
            "beacons": [BEACON.public],
            "recovery": {"keys": publics(RECOVERY), "needs": 2, "wait": 1_209_600},
        },
    ),
    "constitute": (ORGANS, {**ORGAN, "new": COUNCIL}, {"new": BOARD}),
    "elect": (ORGANS, {**ORGAN, "seats": weighted(MEMBERS)}, {**SEATING, **OTHER}),
    "appoint": (
        ORGANS,
        ORGAN,
        {"beacons": [BEACON.public], "dispatch": [Key("dispatch").public], "passkeys": PASSKEYS},
    ),
    "hand-over": (ORGANS, {**ORGAN, "to": OTHER["of"], "powers": 64}, {}),
    "dissolve": (ORGANS, ORGAN, OTHER),
    "move-home": (ORGANS, {**ORGAN, "home": {**HOME, "origin": "ledger.other.example/2027"}}, {}),
    "recover": (SEVERAL, {**ORGAN, "seats": [[MEMBERS[0].public, Key("member Anna, new").public]]}, {}),
    "grant": (ORGANS, {**ORGAN, **GRANTED, "powers": 31}, MANDATE),
    "dismiss": (ORGANS, {**ORGAN, "mandate": BY["by"]}, DISMISSAL),
    "lift": (ORGANS, {**ORGAN, "mandate": BY["by"], "line": 0}, {}),
    "decide": (
        ORGANS,
        ORGAN,
        {"about": id_of("question"), "cites": ids("deliberation"), "text": id_of("text"), **TALLY},
    ),
    "deliberate": (
        ORGANS,
        {**ORGAN, "courses": [{"name": "armistice", "reason": "the soldiers have no bread"}]},
        {
            "courses": [
                {"name": "armistice", "reason": "the soldiers have no bread"},
                {"name": "wait", "reason": "winter will not", "ruled_out": True},
            ],
            "about": id_of("question"),
        },
    ),
    "confirm": (ORGANS, {**ORGAN, "about": id_of("suspension"), "answer": True}, {}),
    "object": (ORGANS, {**ORGAN, "about": BY["by"]}, {}),
    "urgent-dismiss": (SEVERAL, {**MEMBER, "mandate": BY["by"]}, DISMISSAL),
    "urgent-grant": (SEVERAL, {**MEMBER, **GRANTED, "powers": 3}, {**MANDATE, "powers": 3}),
    "suspend": (MEMBERLY, {**MEMBER, "target": BY["by"]}, {}),
    "call": (
        MEMBERLY,
        {**MEMBER, "decides": "ratify", "closes": NOW + 86_400},
        {
            **ON,
            "about": id_of("question"),
            "reserves": ["article 3"],
            "confirms": ids("signature"),
            "breach": id_of("breach"),
            "remedy": 1,
            "until": NOW + 604_800,
        },
    ),
    "vote": (MEMBERLY, {**MEMBER, "call": id_of("call"), "choice": "yes"}, {}),
    "question": (MEMBERLY, {**MEMBER, "of": OTHER["of"], "due": NOW + 604_800}, {"about": id_of("question")}),
    "answer": (MEMBERLY, {**MEMBER, "question": id_of("question")}, {}),
    "dissent": (MEMBERLY, {**MEMBER, "about": id_of("decision")}, {}),
    "delegate": (HOLDERLY, {**BY, **GRANTED, "powers": 3}, MANDATE),
    "revoke": (HOLDERLY, {**BY, "target": id_of("link below")}, {}),
    "query": (HOLDERLY, {**BY, "about": id_of("order"), "to": id_of("council")}, {}),
    "reply": (HOLDERLY, {**BY, "about": id_of("query")}, {}),
    "certify": (
        SINGLE,
        {"class": id_of("class mandate"), "to": HOLDER.public, "until": NOW + YEAR},
        {"to": COMMITTEE, "scope": ["north"]},
    ),
    "withdraw-certificate": (SINGLE, {"class": id_of("class mandate"), "target": id_of("certificate")}, {}),
    "beacon": (
        SINGLE,
        {
            "party": id_of("party A"),
            "serial": 41,
            "count": 17,
            "head": id_of("head of the party"),
            "at": NOW,
            "next": NOW + 86_400,
        },
        {},
    ),
    "open": (
        HOLDERLY,
        {**BY, "parties": ids("party A", "party B"), "ledger": HOME, "rules": RULES, "nonce": NONCE},
        {
            "rules": {"adopt": [2, 3], "begin": 2, "counter": False, "join_by": NOW + 86_400, "witnessed": True},
            "sealed": True,
            "scopes": ["north", "south"],
            "parent": id_of("framework"),
        },
    ),
    "join": (HOLDERLY, {**BY, **IN}, {}),
    "say": (HOLDERLY, {**BY, **IN, "about": id_of("act"), "to": id_of("party B")}, {}),
    "acknowledge": (HOLDERLY, {**BY, **IN, "about": id_of("act")}, {}),
    "reveal": (HOLDERLY, {**BY, **IN, "mandate": BY["by"], "line": LINES[0], "salt": NONCE}, {}),
    "invite": (HOLDERLY, {**BY, **ON, "parties": ids("party C"), "by_time": NOW + 86_400}, {}),
    "suspend-talks": (HOLDERLY, {**BY, **IN, "until": NOW + 86_400}, {}),
    "resume-talks": (HOLDERLY, {**BY, **IN}, {}),
    "close": (HOLDERLY, {**BY, **IN, "as": "failed"}, {}),
    "publish": (HOLDERLY, {**BY, **IN, "texts": ids("text")}, {}),
    "propose": (HOLDERLY, {**BY, **ON}, {"answers": id_of("text before"), "until": NOW + 86_400}),
    "reject": (HOLDERLY, {**BY, **ON}, {}),
    "withdraw": (HOLDERLY, {**BY, **ON}, {}),
    "adopt": (HOLDERLY, {**BY, **ON}, {}),
    "initial": (HOLDERLY, {**BY, **ON}, {}),
    "sign-ad-referendum": (HOLDERLY, {**BY, **ON, "organ": id_of("council"), "deadline": NOW + 604_800}, SIGNING),
    "conclude": (HOLDERLY, {**BY, **ON}, SIGNING),
    "withdraw-signature": (HOLDERLY, {**BY, **IN, "signature": id_of("signature")}, {}),
    "ratify": (
        ORGANS,
        {**ORGAN, **ON, **PAST, "signs": ids("signature")},
        {**CONSENT, "confirms": ids("signature")},
    ),
    "refuse": (ORGANS, {**ORGAN, **ON}, TALLY),
    "accede": (ORGANS, {**ORGAN, **ON, **PAST}, CONSENT),
    "apply": (ORGANS, {**ORGAN, **ON}, {"until": NOW + YEAR, **TALLY}),
    "stop-applying": (ORGANS, {**ORGAN, **ON}, TALLY),
    "object-reservation": (ORGANS, {**ORGAN, **ON, "about": id_of("ratification")}, TALLY),
    "denounce": (HOLDERLY, {**BY, **ON}, TALLY),
    "withdraw-denunciation": (ORGANS, {**ORGAN, **ON}, TALLY),
    "breach": (ORGANS, {**ORGAN, **ON, "attributed": id_of("party B"), "article": "article 2"}, {}),
    "remedy": (ORGANS, {**ORGAN, **ON, "breach": id_of("breach"), "remedy": 0}, TALLY),
    "ledger": (SINGLE, {"origin": HOME["origin"], "at": NOW, "bound": 3_600}, {}),
    "stamp": (
        SINGLE,
        {
            "index": 12,
            "at": NOW,
            "follows": 2,
            "streams": [],
        },
        {"streams": sorted([id_of(name), 4, id_of(f"head of {name}")] for name in ("party A", "dossier"))},
    ),
}
WORDS = "Comrades, the trains stand still."


def speakers(kind: str, who: str) -> tuple[Key, ...]:
    """Return who signs a sample of the kind."""
    if who == SINGLE:
        return ({"beacon": BEACON, "ledger": LEDGER, "stamp": LEDGER}.get(kind, CERTIFIER),)
    if who == SEVERAL:
        return tuple(RECOVERY if kind == "recover" else MEMBERS[:2])
    return {ORGANS: tuple(MEMBERS), MEMBERLY: (MEMBERS[0],), HOLDERLY: (HOLDER,)}[who]


def least(kind: str) -> dict:
    return {"kind": kind, **SAMPLES[kind][1]}


def fullest(kind: str) -> dict:
    return {"kind": kind, **SAMPLES[kind][1], **SAMPLES[kind][2], "at": NOW, "words": WORDS}


def enveloped(payload, *keys: Key, form: str, kind: str | None = None) -> bytes:
    kind = kind or payload["kind"]
    data = payload if isinstance(payload, bytes) else encode(payload)
    return kit.sign1(kind, data, keys[0]) if form == "COSE_Sign1" else kit.sign(kind, data, *keys)


# --- the group --------------------------------------------------------------------------------------------------------


@group(
    "act",
    format="spec/act.md sections 2 to 4",
    about="Input: an envelope. A valid case gives kind, form, payload, act id and the public keys of its signers in "
    "member order. An invalid one is signed as well as its twin: nothing but the element named is wrong. Where `cddl` "
    "is true, acts.cddl alone cannot tell that the payload is refused.",
)
def act(group: Group) -> None:
    for kind, (who, _, _) in SAMPLES.items():
        all_of_kind(Acts(group, kind, who))
    other_shapes(group)
    payloads(group)
    for kind, who in ((kind, row[0]) for kind, row in SAMPLES.items()):
        wrong_fields(Acts(group, kind, who))


class Acts:
    """Adds cases of one kind; a case's payload is built from a valid one by setting or dropping one field."""

    def __init__(self, group: Group, kind: str, who: str) -> None:
        self.group = group
        self.kind = kind
        self.keys = speakers(kind, who)
        self.form = "COSE_Sign1" if who in (MEMBERLY, HOLDERLY, SINGLE) else "COSE_Sign"
        self.payloads: dict[str, dict] = {"least": least(kind), "fullest": fullest(kind)}

    def valid(self, name: str, what: str, payload: dict, *, keys=None, form=None) -> str:
        self.payloads[name] = payload
        keys, form = keys or self.keys, form or self.form
        data = encode(payload)
        return self.group.valid(
            f"{self.kind}/{name}",
            what,
            input=enveloped(payload, *keys, form=form).hex(),
            kind=self.kind,
            form=form,
            payload=shown(payload),
            act_id=kit.act_id(self.kind, data, keys[0] if form == "COSE_Sign1" else None).hex(),
            signers=[key.public.hex() for key in kit.in_order(keys)],
        )

    def invalid(self, name, what, reason, differs, payload, *, twin="least", form=None, keys=None, cddl=False) -> None:
        data = enveloped(payload, *(keys or self.keys), form=form or self.form)
        more = {"cddl": True} if cddl else {}
        twin = f"act/{self.kind}/{twin}"
        self.group.invalid(f"{self.kind}/{name}", what, reason, twin, differs, input=data.hex(), **more)

    def wrong(self, path: str, what: str, value, *, twin="fullest", reason="act.field", cddl=False, name=None) -> None:
        """Add the twin's payload with another value at a dotted path; a number in it is a position in a list."""
        payload = replaced(self.payloads[twin], path.split("."), lambda _: value)
        name = name or f"{path}-{what}".replace(" ", "-").replace(",", "")
        self.invalid(name, what, reason, path, payload, twin=twin, cddl=cddl)


def replaced(value, path: list[str], change: Callable):
    """Return a copy of a value with a change at one place."""
    if not path:
        return change(value)
    if isinstance(value, list):
        at = int(path[0])
        return [*value[:at], replaced(value[at], path[1:], change), *value[at + 1 :]]
    return {**value, path[0]: replaced(value.get(path[0]), path[1:], change)}


def all_of_kind(acts: Acts) -> None:
    """The least and the fullest payload; a field lacking, a field too many, the other form."""
    kind, payload = acts.kind, acts.payloads["least"]
    acts.valid("least", "only what the kind requires", payload)
    acts.valid("fullest", "everything that the kind allows", acts.payloads["fullest"])
    without = max(name for name in payload if name not in ("kind", "by", "to"))
    lacking = {name: value for name, value in payload.items() if name != without}
    acts.invalid("lacks-field", f"{without} is missing", "act.field-missing", without, lacking)
    acts.invalid("unknown-field", "a field that no kind has", "act.field-unknown", "urgency", {**payload, "urgency": 1})
    other = "COSE_Sign" if acts.form == "COSE_Sign1" else "COSE_Sign1"
    if SAMPLES[kind][0] != HOLDERLY:
        what = f"{'several keys' if other == 'COSE_Sign' else 'one key'} in a {other}"
        acts.invalid("other-form", what, "act.form", "the form", payload, form=other, cddl=True)
    else:
        acts.valid("several", "a holder of two keys, or a countersigned act", payload, keys=NEGOTIATORS, form=other)


def other_shapes(group: Group) -> None:
    """Kinds with two shapes: a class mandate; a holder of several keys; an organ that denounces."""
    organ = Acts(group, "denounce", ORGANS)
    by_organ = {"kind": "denounce", **ORGAN, **ON}
    organ.valid("organ", "an organ denounces", by_organ)
    organ.valid("organ-fullest", "an organ denounces, by vote", {**by_organ, **TALLY, "at": NOW, "words": WORDS})
    what, reason, form = "an organ in a COSE_Sign1", "act.form", "COSE_Sign1"
    organ.invalid("organ-other-form", what, reason, "the form", by_organ, twin="organ", form=form, cddl=True)
    what, reason = "an organ and a holder at once", "act.field"
    organ.invalid("organ-and-by", what, reason, "by", {**by_organ, **BY}, twin="organ")
    without = {name: value for name, value in by_organ.items() if name != "prior"}
    organ.invalid("organ-no-prior", "an organ without prior", reason, "prior", without, twin="organ")
    holder = Acts(group, "denounce", HOLDERLY)
    nobody = {name: value for name, value in least("denounce").items() if name != "by"}
    holder.invalid("nobody", "neither an organ nor a holder", reason, "by", nobody)
    holder.invalid(
        "by-and-prior", "a holder with a prior", reason, "prior", {**least("denounce"), "prior": ORGAN["prior"]}
    )
    for kind in ("grant", "urgent-grant"):
        grants = Acts(group, kind, SAMPLES[kind][0])
        classed = {name: value for name, value in least(kind).items() if name != "to"}
        grants.valid("class", "a class mandate", {**classed, "class": CLASS})
        grants.valid("committee", "a holder of several keys", {**least(kind), "to": COMMITTEE})
        both = {**least(kind), "class": CLASS}
        grants.invalid("holder-and-class", "a holder and a class", "act.field", "class", both)
        grants.invalid("nobody", "neither a holder nor a class", "act.field", "to", classed)
        path, what = "class.certifier", "no certifier"
        lacking = {**classed, "class": {"name": CLASS["name"]}}
        grants.invalid("class-no-certifier", what, "act.field-missing", path, lacking, twin="class")
    links = Acts(group, "delegate", HOLDERLY)
    links.valid("committee", "a holder of several keys", {**least("delegate"), "to": COMMITTEE})
    nobody = {name: value for name, value in least("delegate").items() if name != "to"}
    links.invalid("nobody", "no holder", "act.field-missing", "to", nobody)
    class_link = {**least("delegate"), "class": CLASS}
    links.invalid("class", "only an organ grants to a class", "act.field-unknown", "class", class_link)
    for kind in ("elect", "dissolve"):
        above = Acts(group, kind, ORGANS)
        halves = {name: {**least(kind), name: value} for name, value in OTHER.items()}
        above.valid("other", "of an organ below", {**least(kind), **OTHER})
        above.invalid(
            "no-theirs", "of an organ below, without its place", "act.field", "theirs", halves["of"], twin="other"
        )
        above.invalid("no-of", "a place without its organ", "act.field", "of", halves["theirs"], twin="other")
    opened = Acts(group, "open", HOLDERLY)
    opened.valid("share", "adoption by a share", {**least("open"), "rules": {"adopt": [2, 3]}})
    breach = Acts(group, "breach", ORGANS)
    breach.valid("private-person", "a breach that no party answers for", {**least("breach"), "attributed": None})
    apply_limits(group)


def apply_limits(group: Group) -> None:
    """The least and the most that a field may hold."""
    acts = Acts(group, "apply", ORGANS)
    acts.valid("earliest", "the first second of year 1", {**least("apply"), "until": TIME_MIN})
    acts.valid("latest", "the last second of year 9999", {**least("apply"), "until": TIME_MAX})
    acts.wrong("until", "before year 1", TIME_MIN - 1, twin="earliest")
    acts.wrong("until", "after year 9999", TIME_MAX + 1, twin="latest")
    found = Acts(group, "found", ORGANS)
    wide = [[key, 1_000_000] for key in named(64, "seat")]
    organ = {**COUNCIL, "name": "n" * 64, "seats": wide, "needs": 1_000_000}
    found.valid(
        "widest", "64 seats of the greatest weight", {**least("found"), "organs": [organ], "suspension": DURATION_MAX}
    )
    one_more = [[key, 1_000_000] for key in named(65, "seat")]
    found.wrong("organs.0.seats", "65 seats", one_more, twin="widest")
    found.wrong("organs.0.seats.0.1", "too heavy", 1_000_001, twin="widest")
    found.wrong("organs.0.name", "65 bytes", "n" * 65, twin="widest")
    found.wrong("suspension", "too long", DURATION_MAX + 1, twin="widest")
    organs = [
        {**COUNCIL, "name": f"organ {number:02}", "seats": weighted(MEMBERS[:1]), "needs": 1} for number in range(32)
    ]
    found.valid("many-organs", "32 organs", {**least("found"), "organs": organs})
    found.wrong("organs", "33 organs", [*organs, {**organs[0], "name": "organ 32"}], twin="many-organs")
    grant = Acts(group, "grant", ORGANS)
    lines = [["present", f"p{number}"] for number in range(65)]
    most = {**least("grant"), "lines": lines[:64], "depth": 16, "until": TIME_MAX, "from": TIME_MIN, "powers": 2047}
    most |= {"scope": [f"{number:03}" for number in range(256)], "private": named(64, "commitment")}
    path = ".".join(["p" * 64] * 3 + ["p" * 61])
    most |= {"limit": {"path": path, "most": INTEGER_MAX, "ledger": HOME}}
    grant.valid("most", "every list and number at its greatest", most)
    grant.wrong("lines", "65 lines", lines, twin="most")
    grant.wrong("depth", "17", 17, twin="most")
    grant.wrong("powers", "2048", 2048, twin="most")
    grant.wrong("scope", "257 identifiers", [f"{number:03}" for number in range(257)], twin="most")
    grant.wrong("private", "65 commitments", named(65, "commitment"), twin="most")
    grant.wrong("limit.path", "257 bytes", path + "p", twin="most")
    grant.wrong("from", "before year 1", TIME_MIN - 1, twin="most")
    say = Acts(group, "join", HOLDERLY)
    say.valid("long", "8,192 bytes of words", {**least("join"), "words": "w" * 8_192})
    say.wrong("words", "8193 bytes", "w" * 8_193, twin="long")
    say.wrong("words", "8193 bytes in 8192 letters", "w" * 8_191 + "\u00e9", twin="long")
    beacon = Acts(group, "beacon", SINGLE)
    beacon.valid("greatest", "the greatest serial", {**least("beacon"), "serial": INTEGER_MAX})
    courses = Acts(group, "deliberate", ORGANS)
    course = {"name": "n", "reason": "r"}
    courses.valid("most", "16 courses", {**least("deliberate"), "courses": [course] * 16})
    courses.wrong("courses", "17 courses", [course] * 17, twin="most")


def payloads(group: Group) -> None:
    """What is no payload of a kind at all."""
    acts = Acts(group, "join", HOLDERLY)
    payload = least("join")

    def add(name, what, reason, differs, data, *, label="join"):
        made = enveloped(data, HOLDER, form="COSE_Sign1", kind=label)
        group.invalid(f"join/{name}", what, reason, "act/join/least", differs, input=made.hex(), raw=True)

    add("payload-list", "a list", "act.payload", "the payload stands in a list", encode([payload]))
    add("payload-text", "text", "act.payload", "the payload is text", encode("join"))
    add("payload-null", "null", "act.payload", "the payload is null", encode(None))
    acts.wrong("kind", "no kind of the table", "join-us", twin="least", reason="act.kind")
    acts.wrong("kind", "in capitals", "Join", twin="least", reason="act.kind")
    acts.wrong("kind", "a number", 1, twin="least", reason="act.kind")
    acts.wrong("kind", "null", None, twin="least", reason="act.kind")
    acts.wrong("kind", "bytes", b"join", twin="least", reason="act.kind")
    no_kind = {name: value for name, value in payload.items() if name != "kind"}
    add("no-kind", "no kind", "act.kind", "kind", encode(no_kind))
    add("payload-float", "a float", "cbor.malformed", "at", float_for_at(payload))
    backwards = b"\xa3" + b"".join(encode(name) + encode(payload[name]) for name in ("dossier", "kind", "by"))
    add("payload-order", "keys out of order", "cbor.malformed", "the order of the fields", backwards)
    stretched = b"\xb8\x03" + encode(payload)[1:]
    add("payload-long", "a head that is too long", "cbor.not-deterministic", "the payload's first head", stretched)
    add("payload-trailing", "a byte after", "cbor.malformed", "a byte follows the payload", encode(payload) + b"\x00")
    twice = b"\xa4" + (encode("by") + encode(payload["by"])) * 2 + encode(payload)[1 + 3 + 34 :]
    add("payload-twice", "a field twice", "cbor.malformed", "by stands twice", twice)
    decomposed = encode({**payload, "words": "Cafe\u0301"})
    add("payload-decomposed", "text in form D", "cbor.text", "words", decomposed)


def float_for_at(payload: dict) -> bytes:
    data = encode({**payload, "at": 0})
    return data.replace(encode("at") + b"\x00", encode("at") + b"\xf9\x00\x00")


def wrong_fields(acts: Acts) -> None:
    """One field at a time holds what it may not. Each check of the table is met at least once."""
    wrong = acts.wrong
    digest = id_of("x")
    match acts.kind:
        case "found":
            wrong("name", "empty", "")
            wrong("name", "bytes", b"town")
            wrong("nonce", "15 bytes", NONCE[:15])
            wrong("home", "a text", "ledger.town.example")
            wrong("home", "no key", {"origin": HOME["origin"]}, reason="act.field-missing")
            wrong("home", "a field more", {**HOME, "port": 443}, reason="act.field-unknown")
            wrong("home.key", "31 bytes", HOME["key"][:31])
            wrong("home.origin", "257 bytes", "o" * 257)
            wrong("organs", "no organ", [])
            wrong("organs.0.seats", "no seat", [])
            wrong("organs.0.seats", "descending", weighted(MEMBERS)[::-1], cddl=True)
            wrong("organs.0.seats", "a seat twice", [weighted(MEMBERS)[0]] * 2, cddl=True)
            wrong("organs.0.seats.0", "no weight", [MEMBERS[0].public])
            wrong("organs.0.seats.0.1", "weightless", 0)
            wrong("organs.0.needs", "0", 0)
            wrong("organs.0.powers", "0", 0)
            wrong("organs.0.powers", "negative", -1)
            wrong("organs.0.powers", "true", True)
            wrong("organs.1.lines", "no line", [])
            wrong("organs.1.ballot", "no share", {"open": 86_400, "quorum": 2}, reason="act.field-missing")
            wrong("organs.1.ballot.share", "one number", [1])
            wrong("organs.1.ballot.share.1", "0", 0)
            wrong("organs.1.urgent.keys", "descending", URGENT["keys"][::-1], cddl=True)
            wrong("suspension", "negative", -1)
            wrong("beacons", "none", [])
            wrong("recovery", "no wait", {"keys": publics(RECOVERY), "needs": 2}, reason="act.field-missing")
        case "appoint":
            wrong("passkeys.0.algorithm", "unknown", -70_003)
            wrong("passkeys.0.algorithm", "a signing key's", -19)
            wrong("passkeys.0.origin", "empty", "")
            wrong("passkeys.0.key", "64 bytes", PASSKEYS[0]["key"][1:])
            wrong("passkeys.1.key", "text", "an Ed25519 key")
            wrong("passkeys.1.key", "the other algorithm's", PASSKEYS[0]["key"])
            lacking = {name: value for name, value in PASSKEYS[0].items() if name != "relying_party"}
            wrong("passkeys.0", "no relying party", lacking, reason="act.field-missing")
        case "recover":
            wrong("seats", "none", [])
            wrong("seats.0", "three keys", [key.public for key in MEMBERS])
        case "grant":
            wrong("to", "31 bytes", HOLDER.public[:31])
            wrong("to", "null", None)
            wrong("to", "no key", {"keys": [], "needs": 1})
            wrong("until", "text", "2026-12-31")
            wrong("until", "true", True)
            wrong("lines", "none", [])
            wrong("lines", "a map", {})
            wrong("private.0", "31 bytes", bytes(31))
            wrong("scope", "out of order", ["south", "north"], cddl=True)
            wrong("scope", "twice", ["north", "north"], cddl=True)
            wrong("scope.0", "empty", "")
            wrong("with", "none", [])
            wrong("ledgers", "none", [])
            wrong("ledgers", "33 ledgers", [HOME] * 33)
            wrong("ledgers.0", "no key", {"origin": HOME["origin"]}, reason="act.field-missing")
            wrong("depth", "negative", -1)
            wrong("fresh", "negative", -1)
            wrong("witnessed", "1", 1)
            lacking = {"powers": 32, "keys": publics(MEMBERS[:1])}
            wrong("cosign", "no needs", lacking, reason="act.field-missing")
            lacking = {"path": "total", "most": 5}
            wrong("limit", "no ledger", lacking, reason="act.field-missing")
            wrong("duty.then", "33 bytes", bytes(33))
            wrong("duty.kind", "65 bytes", "k" * 65)
            wrong("at", "text", "now")
            wrong("words", "empty", "")
        case "dismiss":
            wrong("mandate", "31 bytes", digest[:31])
            wrong("mandate", "33 bytes", digest + b"\0")
            wrong("mandate", "hex", digest.hex())
            wrong("holds", "0", 0)
            wrong("duties", "out of order", ["keys of the archive", "inventory"], cddl=True)
        case "lift":
            wrong("line", "negative", -1)
            wrong("line", "text", "0")
        case "decide":
            wrong("cites", "no list", digest)
            wrong("votes", "descending", TALLY["votes"][::-1], cddl=True)
            wrong("tally", "no abstentions", {"yes": 2, "no": 1}, reason="act.field-missing")
            wrong("tally.yes", "negative", -1)
        case "deliberate":
            wrong("courses", "none", [])
            wrong("courses.0.reason", "empty", "")
            wrong("courses.1.ruled_out", "text", "yes")
        case "confirm":
            wrong("answer", "1", 1)
            wrong("answer", "null", None)
        case "call":
            wrong("decides", "empty", "")
            wrong("decides", "a number", 64)
            wrong("closes", "true", True)
        case "vote":
            wrong("choice", "unknown", "maybe")
            wrong("choice", "bytes", b"yes")
            wrong("choice", "true", True)
        case "certify":
            wrong("to.needs", "0", 0)
            wrong("to.keys", "descending", COMMITTEE["keys"][::-1], cddl=True)
        case "beacon":
            wrong("serial", "negative", -1)
            wrong("serial", "true", True)
            wrong("head", "null", None)
        case "open":
            wrong("parties", "one", ids("party A"))
            wrong("parties", "descending", ids("party A", "party B")[::-1], cddl=True)
            wrong("parties", "one twice", ids("party A") * 2, cddl=True)
            wrong("rules.adopt", "unknown", "most")
            wrong("rules.adopt", "three numbers", [2, 3, 4])
            wrong("rules.counter", "0", 0)
            wrong("rules", "a rule more", {"adopt": "all", "veto": True}, reason="act.field-unknown")
            wrong("sealed", "1", 1)
            wrong("nonce", "17 bytes", NONCE + b"\0")
        case "reveal":
            wrong("salt", "8 bytes", NONCE[:8])
        case "close":
            wrong("as", "unknown", "done")
            wrong("as", "lapsed: nobody signs a lapse", "lapsed")
        case "publish":
            wrong("texts", "none", [])
        case "ratify":
            wrong("seen", "no party", {"dossier": PAST["seen"]["dossier"]}, reason="act.field-missing")
            wrong("seen.dossier", "no head", [7])
            wrong("seen.dossier.0", "negative", -1)
            wrong("signs", "none", [])
            wrong("confirms", "one twice", ids("signature") * 2, cddl=True)
        case "breach":
            wrong("attributed", "text", "party B")
            wrong("article", "empty", "")
        case "remedy":
            wrong("remedy", "negative", -1)
        case "stamp":
            rows = fullest("stamp")["streams"]
            wrong("streams", "descending", rows[::-1], cddl=True)
            wrong("streams", "a stream twice", [rows[0], rows[0]], cddl=True)
            wrong("streams.0", "no head", rows[0][:2])
            wrong("follows", "negative", -1)
            wide = [[stream, 0, stream] for stream in named(400, "stream")]
            acts.valid("most", "400 streams", {**least("stamp"), "streams": wide})
            more = [[stream, 0, stream] for stream in named(401, "stream")]
            wrong("streams", "401 streams", more, twin="most")
        case _:
            pass


# --- sizes ------------------------------------------------------------------------------------------------------------


@group(
    "sizes",
    format="spec/encoding.md section 7",
    about="Acts as small as they are meant to be for telegrams and codes on paper. `inputs` are envelopes (one case: a "
    "detached signature), together of at most `max_bytes`.",
)
def sizes(group: Group) -> None:
    def add(name, what, most, *inputs, **members):
        assert sum(map(len, inputs)) <= most, (name, sum(map(len, inputs)))
        given = [data.hex() for data in inputs]
        group.valid(name, what, inputs=given, bytes=sum(map(len, inputs)), max_bytes=most, **members)

    for kind in ("suspend", "revoke", "withdraw-certificate"):
        keys = speakers(kind, SAMPLES[kind][0])
        what = f"an urgent act with one signature: {kind}"
        payload = least(kind)
        add(kind, what, 216, enveloped(payload, *keys, form="COSE_Sign1"))
        add(
            f"{kind}-at",
            f"{what}, with the signer's clock",
            216,
            enveloped({**payload, "at": NOW}, *keys, form="COSE_Sign1"),
        )
    beacon = {**least("beacon"), "serial": 23, "count": 65_535}
    what = "an urgent act with one signature: beacon"
    add("beacon", what, 216, enveloped(beacon, BEACON, form="COSE_Sign1"))
    beacon = {**least("beacon"), "serial": 65_535, "count": 65_535}
    add("beacon-late", f"{what} 65,535 of a stream of 65,535 acts", 216, enveloped(beacon, BEACON, form="COSE_Sign1"))
    payload = encode({**least("dismiss"), "holds": 1})
    name, header = kit.act_id("dismiss", payload), kit.protected(MEMBERS[0].kid)
    signature = MEMBERS[0].sign(kit.sig_structure(b"", header, "dismiss", payload))
    detached = encode([name, header, signature])
    joined = {"payload": payload.hex(), "kind": "dismiss", "signer": MEMBERS[0].public.hex(), "act_id": name.hex()}
    add("detached", "one member's signature, with the act id", 216, detached, detached=joined)
    dismissal = {**least("dismiss"), "holds": 1}
    add("dismissal", "a dismissal signed by three members", 420, enveloped(dismissal, *MEMBERS, form="COSE_Sign"))
    lines = [["at-most", "price", "92.00"], ["before", "end", "2026-12-31"]]
    grant = {**least("grant"), "powers": 31, "until": NOW + YEAR, "at": NOW, "lines": lines}
    mandate = enveloped(grant, MEMBERS[0], form="COSE_Sign")
    add("mandate", "a mandate with two red lines, of an organ with one member", 300, mandate)
    several = "three links of a chain and the act under them"
    bare = {name: value for name, value in grant.items() if name != "lines"}
    chain, by, holder = three_links({**bare, "powers": 159, "depth": 2})
    act = enveloped({**least("sign-ad-referendum"), **by}, holder, form="COSE_Sign1")
    add("three-links-ad-referendum", f"{several}: a signature ad referendum", 950, *chain, act)
    chain, by, holder = three_links({**grant, "powers": 191, "depth": 2})
    act = enveloped({**least("conclude"), **by}, holder, form="COSE_Sign1")
    add("three-links-conclude", f"{several}: a definitive signature, and two red lines", 950, *chain, act)


def three_links(grant: dict) -> tuple[list[bytes], dict, Key]:
    """Return a grant and two links under it, the field that names the last one, and its holder."""
    links = [enveloped(grant, MEMBERS[0], form="COSE_Sign")]
    parent, speaker = kit.act_id("grant", encode(grant)), HOLDER
    for depth, below in ((1, NEGOTIATORS[0]), (0, NEGOTIATORS[1])):
        link = {"kind": "delegate", "by": parent, "to": below.public, "powers": grant["powers"], "until": NOW + YEAR}
        link |= {"depth": depth} if depth else {"powers": grant["powers"] & 127}
        links.append(enveloped(link, speaker, form="COSE_Sign1"))
        parent, speaker = kit.act_id("delegate", encode(link), speaker), below
    return links, {"by": parent}, speaker
