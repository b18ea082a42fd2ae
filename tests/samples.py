"""Valid inputs of every format, made once by the real code: what the fuzzer and others start from."""

import json
from functools import cache
from pathlib import Path

from pourparler.core.act import Act
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value, encode
from pourparler.core.evidence import Claim, Trust, Verdict, verify
from pourparler.core.ledger import KeyType, TlogProof, VerifierKey, cosign_note_text, inclusion_path, with_receipts
from pourparler.core.redline import text_digest
from pourparler.dispatch.messages import batch, message
from pourparler.service import receipts as making
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key
from spec.vectors import exchange as vectors

SPEC = Path(__file__).resolve().parent.parent / "spec"
key = Key.from_name
LEDGER, WITNESS = key("ledger"), key("witness")
ORIGIN = "ledger.example/samples"
HOME = {"origin": ORIGIN, "key": LEDGER.public_key}
MEMBERS = tuple(key(name) for name in ("ann", "bo", "cy"))
RATE = {
    "total": ["EUR", "240.00"],
    "unit": ["EUR", "2.40"],
    "count": 100,
    "by": "1999-12-31",
    "site": {"name": "north"},
}
CLAUSES = {
    "force": {"when": ["all"], "then": [["days", 0]]},
    "term": {"until": 10_000_000, "tacit": True, "notice_days": 7, "earliest": 0},
    "scopes": ["north"],
    "reservations": ["2"],
    "remedies": [{"article": "1", "does": "suspend", "cure_days": 10}],
}
LINES = [
    ["at-most", "total", ["EUR", "250.00"]],
    ["all", ["at-least", "count", 1], ["not", ["present", "annexation"]]],
    ["any", ["one-of", "site.name", ["north", "south"]], ["before", "by", "2001-01-01"]],
]


class Still:
    """A clock that stands, and is moved by hand."""

    time = 1_000

    def now(self) -> int:
        self.time += 1
        return self.time


class World:
    """Two parties, one agreement, one ledger."""

    def __init__(self) -> None:
        self.intake = Intake(MemoryStore(), LEDGER, Still(), ORIGIN)
        self.acts: list[Act] = []
        self.text = encode(
            {
                "articles": {"en": ["Goods.", "Money."], "fr": ["Des biens.", "De l'argent."]},
                "terms": RATE,
                "random": bytes(range(16)),
                "checks": [["product", "total", ["unit", "count"]]],
                "clauses": CLAUSES,
            }
        )
        self.build()

    def log(self, kind: str, fields: dict[str, Value], *signers: Key, texts: tuple[bytes, ...] = ()) -> Act:
        act = draft(kind, fields).signed_by(*signers)
        self.acts.append(act)
        receipt = self.intake.submit(act.envelope.encoded(), texts)
        assert receipt.void is None, receipt
        return act

    def found(self, name: str, *members: Key, needs: int) -> Act:
        seats = sorted([[member.public_key, 1] for member in members])
        council = {"name": "council", "seats": seats, "needs": needs, "powers": 2047, "lines": LINES[:1]}
        fields = {"name": name, "nonce": bytes(16), "home": HOME, "organs": [council], "suspension": 86_400}
        return self.log("found", {**fields, "beacons": [key(name + " beacon").public_key]}, *members)

    def position(self, stream: bytes) -> list[Value]:
        found = self.intake.registry.streams[stream]
        return [found.count, found.head]

    def build(self) -> None:
        buyer, seller = self.found("buyer", *MEMBERS, needs=2), self.found("seller", key("sue"), needs=1)
        self.party, self.other = buyer.id, seller.id
        board, shop = organ_id(buyer.id, "council"), organ_id(seller.id, "council")
        asked = powers("open", "propose", "adopt", "initial", "sign-ad-referendum")
        mandate = {"powers": asked | powers("delegate"), "until": 1_000_000, "lines": LINES, "depth": 2}
        root = self.log("grant", {"organ": board, "prior": board, "to": key("eve").public_key, **mandate}, *MEMBERS[:2])
        link = self.log(
            "delegate", {"by": root.id, "to": key("max").public_key, "powers": asked, "until": 9_000}, key("eve")
        )
        may = {"to": key("sal").public_key, "powers": powers("open", "propose", "adopt", "conclude")}
        sale = self.log("grant", {"organ": shop, "prior": shop, **may}, key("sue"))
        parties = sorted([buyer.id, seller.id])
        opening = {"by": link.id, "parties": parties, "ledger": HOME, "rules": {"adopt": "all"}, "nonce": bytes(16)}
        self.dossier = self.log("open", opening, key("max")).id
        self.log("join", {"by": sale.id, "dossier": self.dossier}, key("sal"))
        on = {"dossier": self.dossier, "text": text_digest(self.text)}
        self.digest = on["text"]
        self.log("propose", {"by": link.id, **on}, key("max"), texts=(self.text,))
        self.log("adopt", {"by": link.id, **on}, key("max"))
        self.log("adopt", {"by": sale.id, **on}, key("sal"))
        signing = {"by": link.id, **on, "organ": board, "deadline": 8_000, "words": "subject to approval"}
        signature = self.log("sign-ad-referendum", signing, key("max"))
        self.log("conclude", {"by": sale.id, **on}, key("sal"))
        count, head = self.position(buyer.id)
        self.log(
            "beacon",
            {"party": buyer.id, "serial": 1, "count": count, "head": head, "at": 5, "next": 9},
            key("buyer beacon"),
        )
        seen = {"dossier": self.position(self.dossier), "party": self.position(buyer.id)}
        self.log(
            "ratify", {"organ": board, "prior": root.id, **on, "signs": [signature.id], "seen": seen}, *MEMBERS[1:]
        )

    def bundle(self) -> bytes:
        claim = Claim("bound", self.intake.depositary, 0, (self.party,), self.dossier, self.digest)
        return assemble(claim, [self.intake]).encoded()


@cache
def world() -> World:
    return World()


@cache
def bundle() -> bytes:
    data = world().bundle()
    assert verify(data, Trust({party_id(): "here"})).verdict is Verdict.VALID
    return data


def party_id() -> bytes:
    return world().party


def bundles() -> list[bytes]:
    return [bundle()]


def envelopes() -> list[bytes]:
    return [act.envelope.encoded() for act in world().acts]


def values() -> list[bytes]:
    return [act.envelope.payload for act in world().acts] + [
        encode(value) for value in (None, -1, "é", [[], {}], LINES)
    ]


def texts() -> list[bytes]:
    return [world().text]


def clauses() -> list[bytes]:
    return [encode(CLAUSES), encode({"open_to": "any", "framework": bytes(32), "parties": [bytes(32)]}), encode({})]


def lines() -> list[bytes]:
    return [encode(line) for line in LINES] + [encode(LINES)]


def client_data() -> list[bytes]:
    fields = {"type": "webauthn.get", "challenge": "AAAA", "origin": "https://vote.example", "crossOrigin": False}
    return [json.dumps(fields).encode()]


def assertions() -> list[bytes]:
    return [encode([bytes(37), client_data()[0], bytes(70)])]


@cache
def known_keys() -> tuple[VerifierKey, ...]:
    own = VerifierKey(ORIGIN, KeyType.ED25519, LEDGER.public_key)
    return own, VerifierKey("witness.example", KeyType.COSIGNATURE_ED25519, WITNESS.public_key)


@cache
def notes() -> list[bytes]:
    note = world().intake.checkpoint()
    text = note.split(b"\n\n")[0].decode() + "\n"
    return [note, note + cosign_note_text(text, known_keys()[1], 5_000, WITNESS.sign)]


def checkpoints() -> list[bytes]:
    return [note.split(b"\n\n")[0] + b"\n" for note in notes()]


def vkeys() -> list[bytes]:
    return [known.text.encode() for known in known_keys()]


@cache
def proofs() -> list[bytes]:
    intake = world().intake
    path = inclusion_path(intake.size, 3, intake.node)
    return [TlogProof(3, path, intake.checkpoint()).encoded()]


@cache
def receipts() -> list[bytes]:
    intake = world().intake
    return [making.receipt_of(intake, index, LEDGER) for index in (0, 3)]


@cache
def statements() -> list[bytes]:
    entry = world().intake.entry(3)
    return [making.statement_on(entry, "Us", key("post"), where) for where in ("", "https://talks.example/3")]


@cache
def transparents() -> list[bytes]:
    return [with_receipts(statement, receipts()) for statement in statements()]


def policies() -> list[bytes]:
    own, witness = (known.text for known in known_keys())
    lines = f"log {own}\nwitness w1 {witness} https://witness.example\ngroup g any w1\nquorum g\n"
    return [lines.encode(), f"log {own}\nquorum none\n".encode()]


@cache
def messages() -> list[bytes]:
    """One message of each kind that two nodes exchange, and some with real acts in them."""
    cases = json.loads((SPEC / "vectors" / "exchange.json").read_text("utf-8"))["cases"]
    found = [bytes.fromhex(case["message"]) for case in cases if "fields" in case]
    session = vectors.SESSION
    acts = [data for data in envelopes() if len(data) < 2_000][:20]
    return [
        *found,
        message("acts", session=session, acts=acts, left=3),
        message("acts", session=session, acts=acts[:1], left=0),
    ]


@cache
def batches() -> list[bytes]:
    return [batch(messages()[:5]), batch([]), batch(messages()[-2:])]
