"""Other histories: bundles in which something went otherwise, signed and recorded as if it had always been so.

A mutant made of bytes stops at the first broken signature or hash, and then two verifiers agree about nothing much. So
here one act is changed, left out or said twice, and everything after it is signed anew over it: names of acts and heads
of streams are carried over, stamps state the new heads, ledgers sign new checkpoints. What such a bundle comes to is
for the law to say, and for two implementations to say alike. It takes the keys of everybody, which scenarios have.
"""

import contextlib
import itertools
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from unittest import mock

from pourparler.core import limits
from pourparler.core.act import Act, parse_act
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import (
    ALGORITHM_ED25519,
    Envelope,
    Signature,
    Value,
    act_id,
    decode,
    digest,
    encode,
    kid_of,
    parse_envelope,
    to_be_signed,
)
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import ledger_key, parse_bundle
from pourparler.core.ledger import leaf_hash, node_hash, sign_note_text, signed_note
from pourparler.core.ledger.checkpoint import Checkpoint
from pourparler.core.ledger.tree import split
from pourparler.core.redline import parse_text, text_digest
from pourparler.core.registry import Registry
from pourparler.service.verifierfile import verifier_file
from pourparler.testing.keys import Key
from tests.fuzz import changed
from tests.second_verifier import SOURCES, Asked, Other, node

HARNESS = Path(__file__).resolve().parent / "verifier" / "joined.mjs"
CHANGES = ("field", "field", "field", "field", "leave out", "hide", "twice", "signature", "signers", "text", "claim")


@dataclass
class History:
    """A bundle, decoded, while it is told otherwise. ``names`` maps the first history's names to those of the other."""

    value: dict[str, Value]
    keys: Mapping[bytes, Key]  # by public key
    chance: random.Random
    names: dict[bytes, bytes] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    made: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_kid = {kid_of(public): key for public, key in self.keys.items()}
        self.texts = {text_digest(data): data for data in self.value["texts"]}

    # What is changed, and where.

    def choose(self) -> None:
        """Change texts and claim at once; keep in mind what befalls which entry."""
        self.befalls: dict[tuple[int | None, bytes], str] = {}  # by ledger and act; None: in every ledger that has it
        for _ in range(self.chance.choice((1, 1, 2, 3))):
            change = self.chance.choice(CHANGES)
            if change == "text" and self.value["texts"]:
                self.change_text()
            elif change == "claim":
                self.change_claim()
            elif change != "text":
                number = self.chance.randrange(len(self.value["ledgers"]))
                act = self.some_act(number)
                everywhere = self.chance.random() < 0.8
                self.befalls[None if everywhere else number, act.id] = change
                place = "every ledger" if everywhere else f"ledger {number}"
                self.told.append(f"{change} of the {act.kind} {act.id.hex()[:8]} in {place}")

    def some_act(self, number: int) -> Act:
        """Return an act; seldom a stamp, of which there are many, and of which all is soon said."""
        acts = [parse_act(entry) for _, entry in self.value["ledgers"][number]["entries"]]
        said = [act for act in acts if act.kind not in ("stamp", "ledger")]
        return self.chance.choice(said if said and self.chance.random() < 0.97 else acts)

    def change_text(self) -> None:
        at = self.chance.randrange(len(self.value["texts"]))
        old = self.value["texts"][at]
        new = self.altered(decode(old))
        self.names[text_digest(old)] = text_digest(new)
        self.value["texts"][at] = new
        self.texts[text_digest(new)] = new
        self.told.append("a text")

    def change_claim(self) -> None:
        claim, others = self.value["claim"], list(self.texts)
        parties = sorted({act_id(envelope, "found") for envelope in self.foundings()})
        match self.chance.randrange(5):
            case 0 if "text" in claim:
                claim["text"] = self.chance.choice(others)
            case 1 if "parties" in claim:
                claim["parties"] = self.chance.sample(parties, len(claim["parties"]))
            case 2 if claim["kind"] == "in-force":
                claim.update(kind="bound", parties=claim["parties"][:1])
            case 3:
                shown = next(one for one in self.value["ledgers"] if is_of(one, claim["ledger"]))
                stamps = [index for index, entry in shown["entries"] if parse_act(entry).kind == "stamp"]
                claim["as_of"] = self.chance.choice(stamps)
            case _:
                said = [parse_act(entry) for shown in self.value["ledgers"] for _, entry in shown["entries"]]
                kept = {name: claim[name] for name in ("ledger", "as_of")}
                claim.clear()
                claim.update(self.other_claim(self.chance.choice(said), kept))
        self.told.append("the claim")

    def other_claim(self, act: Act, kept: dict[str, Value]) -> dict[str, Value]:
        if act.kind == "grant" and isinstance(act.get("to"), bytes):
            party = next(act_id(one, "found") for one in self.foundings())
            fields = {"parties": [party], "mandate": act.id, "holder": act["to"], "power": self.power()}
            return {**kept, "kind": "may", **fields}
        return {**kept, "kind": "recorded", "act": act.id}

    def power(self) -> int:
        return 1 << self.chance.randrange(11)

    def foundings(self) -> Iterator[Envelope]:
        for shown in self.value["ledgers"]:
            for _, entry in shown["entries"]:
                if parse_act(entry).kind == "found":
                    yield parse_envelope(entry)

    def altered(self, value: Value) -> bytes:
        """Return the encoding of the value with one place in it changed to something that can be encoded."""
        while True:
            with contextlib.suppress(PourparlerError):
                return encode(changed(value, self.chance))

    # How it is told.

    def tell(self) -> bytes:
        self.choose()
        own = [
            number for number, shown in enumerate(self.value["ledgers"]) if is_of(shown, self.value["claim"]["ledger"])
        ]
        for number in sorted(range(len(self.value["ledgers"])), key=lambda number: number in own):
            self.retell(number)
        self.value["claim"] = self.renamed(self.value["claim"])
        return encode(self.value, most_items=limits.EVIDENCE_ITEMS_MAX)

    def retell(self, number: int) -> None:
        shown = self.value["ledgers"][number]
        ledger = Depositary(shown["origin"], shown["key"])
        before, after = (Registry(ledger, self.text, partial=True, exact=True) for _ in range(2))
        entries: list[list[Value]] = []
        stamps: list[tuple[int, Value]] = []
        for index, entry in shown["entries"]:
            act = parse_act(entry)
            befalls = self.befalls.get((number, act.id), self.befalls.get((None, act.id), ""))
            if act.kind == "stamp":
                self.restate(entries, stamps[-1:], before, after)
                stamps.append((len(entries), act))
            new = self.resigned(act, befalls, here=(number, act.id) in self.befalls)
            if befalls == "twice" and entries:
                new = self.chance.choice(
                    [one for at, (_, one) in enumerate(entries) if at not in dict(stamps)] or [entry]
                )
            with contextlib.suppress(PourparlerError):
                before.enter(act, index)
            if befalls != "leave out":
                with contextlib.suppress(PourparlerError):
                    after.enter(parse_act(new), index)
            if befalls not in ("leave out", "hide"):
                entries.append([index, new])
            self.carry(before, after)
        self.restate(entries, stamps[-1:], before, after)
        self.record(shown, entries or shown["entries"][:1])

    def text(self, name: bytes) -> Value:
        try:
            return parse_text(self.texts[name]) if name in self.texts else None
        except PourparlerError:
            return None

    def resigned(self, act: Act, befalls: str, *, here: bool) -> bytes:
        """Return the act with the names of this history, signed by the same keys; perhaps changed on the way.

        What stands in several ledgers is one act there, too, unless something befalls it ``here`` only.
        """
        if act.id not in self.made or here:
            made = self.remade(act, befalls)
            if not here:
                self.made[act.id] = made
            return made
        return self.made[act.id]

    def remade(self, act: Act, befalls: str) -> bytes:
        fields = self.renamed(dict(act.payload))
        payload = encode(fields)
        if payload == act.envelope.payload and not befalls:
            return act.envelope.encoded()
        if befalls == "field":
            payload = self.altered(fields)
        signatures = [
            self.signature(act, one, payload, broken=befalls == "signature") for one in act.envelope.signatures
        ]
        if befalls == "signers" and len(signatures) > 1:
            signatures.remove(self.chance.choice(signatures))
        new = Envelope(act.envelope.form, payload, tuple(signatures))
        kind = fields["kind"]
        self.names[act.id] = act_id(new, kind)
        for organ in [*fields.get("organs", ()), *([fields["new"]] if "new" in fields else [])]:
            self.names[organ_id(act.id, organ["name"])] = organ_id(self.names[act.id], organ["name"])
        return new.encoded()

    def signature(self, act: Act, one: Signature, payload: bytes, *, broken: bool) -> Signature:
        key = self.by_kid.get(one.kid)
        if one.algorithm != ALGORITHM_ED25519 or key is None:
            return one
        message = to_be_signed(Envelope(act.envelope.form, payload, (one,)), one, act.kind)
        value = key.sign(message)
        if broken:
            at = self.chance.randrange(64)
            value = value[:at] + bytes([value[at] ^ 1 << self.chance.randrange(8)]) + value[at + 1 :]
        return Signature(one.algorithm, one.kid, value)

    def renamed(self, value: Value) -> Value:
        """Return a value with this history's names; what stood in ascending order stands so again."""
        if isinstance(value, bytes):
            return self.names.get(value, value)
        if isinstance(value, dict):
            return {name: self.renamed(member) for name, member in value.items()}
        if not isinstance(value, list):
            return value
        members = [self.renamed(member) for member in value]
        first = [member[0] if isinstance(member, list) and member else member for member in value]
        if len(value) > 1 and all(isinstance(one, bytes) for one in first):
            if all(one < other for one, other in pairwise(first)):
                members.sort()
        return members

    def carry(self, before: Registry, after: Registry) -> None:
        """Heads are names, too: an act that says what it has seen says it of this history."""
        for name, stream in before.streams.items():
            found = after.streams.get(self.names.get(name, name))
            if found is not None:
                self.names[stream.head] = found.head

    def restate(self, entries: list[list[Value]], last: list[Value], before: Registry, after: Registry) -> None:
        """Let the stamp of the transaction that ends here state the heads of this history, where its own were ours."""
        for at, stamp in last:
            if at >= len(entries):
                return
            rows = []
            for name, count, head in stamp["streams"]:
                ours, theirs = before.streams.get(name), after.streams.get(self.names.get(name, name))
                if ours is not None and theirs is not None and (ours.count, ours.head) == (count, head):
                    rows.append([self.names.get(name, name), theirs.count, theirs.head])
                else:
                    rows.append([name, count, head])
            act = parse_envelope(entries[at][1])
            fields = decode(act.payload)
            if isinstance(fields, dict) and fields.get("kind") == "stamp" and "streams" in fields:
                payload = encode({**fields, "streams": sorted(rows)})
                signed = tuple(self.signature(stamp, one, payload, broken=False) for one in act.signatures)
                entries[at][1] = Envelope(act.form, payload, signed).encoded()

    def record(self, shown: dict[str, Value], entries: list[list[Value]]) -> None:
        """Let the ledger sign a checkpoint over these entries, and over whatever stood beside them."""
        key = ledger_key(Depositary(shown["origin"], shown["key"]))
        size = int(shown["checkpoint"].split(b"\n")[1])
        leaves = {index: leaf_hash(entry) for index, entry in entries}
        hashes: list[bytes] = []

        def root(start: int, end: int) -> bytes:
            if not any(start <= index < end for index in leaves):
                hashes.append(digest("beside", start, end))
                return hashes[-1]
            if end - start == 1:
                return leaves[start]
            middle = start + split(end - start)
            left = root(start, middle)
            return node_hash(left, root(middle, end))

        text = Checkpoint(shown["origin"], size, root(0, size)).text()
        note = signed_note(text, [sign_note_text(text, key, self.keys[shown["key"]].sign)])
        shown.update(checkpoint=note, entries=entries, hashes=hashes, earlier=[])


def is_of(shown: Mapping[str, Value], ledger: Mapping[str, Value]) -> bool:
    return (shown["origin"], shown["key"]) == (ledger["origin"], ledger["key"])


def otherwise(bundle: bytes, keys: Mapping[bytes, Key], seed: str) -> tuple[bytes, str]:
    """Return the bundle of another history, the same one for the same seed, and in words what is different in it."""
    value = decode(bundle, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
    history = History(value, keys, random.Random(seed))
    return history.tell(), ", ".join(history.told)


# --- the scenarios, told otherwise ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stories:
    """The evidence of the scenarios, and the keys of all who took part, by public key."""

    bundles: dict[str, bytes]
    keys: dict[bytes, Key]

    def otherwise(self, seed: str, number: int) -> tuple[str, bytes]:
        """Return one bundle of many, told otherwise, and what was done to it."""
        whole = [called for called in self.bundles if "without" not in called]
        called = whole[number % len(whole)]
        bundle, told = otherwise(self.bundles[called], self.keys, f"history {seed} {number}")
        return f"{called}, history {seed} {number}: {told}", bundle


def stories(folder: Path) -> Stories:
    """Play the scenarios, into ledgers in this folder."""
    from tests import test_november, test_procurement, test_union

    keys: dict[bytes, Key] = {}
    from_name = Key.from_name.__func__  # type: ignore[attr-defined]

    def remembered(cls: type[Key], called: str) -> Key:
        key: Key = from_name(cls, called)
        return keys.setdefault(key.public_key, key)

    for name in ("november", "procurement", "union"):
        (folder / name).mkdir()
    with mock.patch.object(Key, "from_name", classmethod(remembered)):
        runs = {
            "november": test_november.perform(test_november.Reading.OPEN, folder / "november"),
            "procurement": test_procurement.perform(test_procurement.load(), folder / "procurement"),
            "union": test_union.perform(folder / "union", after="in-force"),
        }
    for run in runs.values():
        for desk in run.desks.values():
            desk.close()
    return Stories({f"{name}, {what}": data for name, run in runs.items() for what, data in run.evidence.items()}, keys)


class Joined(Other):
    """The joined script of the verifier in JavaScript, in a process of its own."""

    def __init__(self, script: Path, *without: str) -> None:
        command = [node() or "node", str(HARNESS), str(script), *without]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def asked_of(bundle: bytes, at: int | None = None) -> Asked:
    """Return the question about a bundle of somebody who trusts the first party of its claim."""
    try:
        trusted = parse_bundle(bundle).claim.parties[:1]
    except PourparlerError:
        trusted = ()
    return Asked(bundle, trusted, at=at)


def run(seed: str, seconds: float) -> str:
    """Compare the verifier in JavaScript with core, half the time on other histories, half on scrambled ledgers."""
    begun, tally = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        place = Path(folder)
        script = place / "verifier.js"
        script.write_text(verifier_file(), "utf-8")
        played = stories(place)
        with Joined(script) as joined:
            for number in itertools.count():
                if time.monotonic() - begun > seconds / 2:
                    break
                called, bundle = played.otherwise(seed, number)
                asked_of(bundle).compare(joined, called, tally)
    histories = tally.total()
    with Other() as other:
        for called, asked in SOURCES["scrambles"](seed):
            if time.monotonic() - begun > seconds:
                break
            asked.compare(other, called, tally)
    return (
        f"{histories:,} other histories and {tally.total() - histories:,} acts and claims of scrambled ledgers, alike"
    )
