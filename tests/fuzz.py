"""Fuzzing of every parser: whatever comes in, only a value or our own error comes out, at a bounded cost.

An input is made from a valid one by bytes (flip, cut, splice, insert) or by structure (a value in the decoded tree is
replaced, doubled, dropped or nested), from a seed: ``target, seed, number`` reproduces it. The cost is counted in
Python function calls, which no machine's speed changes, against ``limits.PARSE_CALLS_MAX``.
"""

import hashlib
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from pourparler.core import evidence, ledger, limits
from pourparler.core.act import parse_act
from pourparler.core.clauses import parse_clauses
from pourparler.core.encoding import Value, decode, encode, parse_envelope
from pourparler.core.errors import Malformed, PourparlerError
from pourparler.core.ledger.cose import parse_sign1
from pourparler.core.passkey import open_assertion, open_client_data
from pourparler.core.redline import parse_lines, parse_text
from pourparler.dispatch import messages
from pourparler.dispatch.exchange import Exchange
from pourparler.service.wire import NodeHolding
from spec.vectors import exchange as vectors
from tests import exchanging, nodes, samples

Parser = Callable[[bytes], object]


def clauses_of(data: bytes) -> object:
    value = decode(data)
    if not isinstance(value, dict):
        raise Malformed("text.clause", "clauses are a map")
    return parse_clauses(value)


def lines_of(data: bytes) -> object:
    value = decode(data)
    return parse_lines(value if isinstance(value, list) else [value])


def as_text(parse: Callable[[str], object]) -> Parser:
    def parse_bytes(data: bytes) -> object:
        return parse(data.decode("utf-8", "replace"))

    return parse_bytes


def verified(data: bytes) -> object:
    report = evidence.verify(data, evidence.Trust({samples.party_id(): "fuzzed"}))
    if data != samples.bundle() and report.verdict is evidence.Verdict.VALID:
        check_same_evidence(data)
    if report.verdict is not evidence.Verdict.VALID:
        raise Malformed(report.reason)
    return report


def check_same_evidence(data: bytes) -> None:
    """A changed bundle may stay VALID only if what it proves from is the same: entries, claim and the claim's text."""
    ours, theirs = evidence.parse_bundle(samples.bundle()), evidence.parse_bundle(data)
    assert theirs.claim == ours.claim, "a changed claim was found VALID"
    assert [shown.entries for shown in theirs.ledgers] == [shown.entries for shown in ours.ledgers]


@cache
def shelf() -> NodeHolding:
    """A node with a party and some of what it said, for exchanges to be about."""
    node = nodes.memory_node(name="fuzzed")
    talks = exchanging.Talks(decisions=3, words=5)
    exchanging.give(node, talks.all)
    return NodeHolding(node)


class Drawn:
    """Chance that draws what the vectors' messages say was drawn, so that they meet a session of their name."""

    def __init__(self) -> None:
        self.left = [vectors.SESSION, vectors.NONCE]

    def bytes(self, count: int) -> bytes:
        return self.left.pop(0) if self.left else vectors.kit.chance("more", count)


def exchanged(data: bytes) -> object:
    """Give a message to a node that began an exchange, to one that was greeted, and to one that knows of none."""
    refused: list[PourparlerError] = []
    answers: list[bytes] = []
    for role in ("asks", "answers", "idles"):
        chance = Drawn()
        exchange = Exchange(shelf(), chance, shelf().node.wall)
        first = exchange.begin("peer")
        if role != "asks":
            exchange.end("peer", first)
        if role == "answers":
            exchange.answer(first, "peer")
        try:
            answers += exchange.answer(data, "peer")
        except PourparlerError as error:
            refused.append(error)
        assert len(exchange.sessions) <= 2
    assert sum(map(len, answers)) <= 3 * limits.EXCHANGE_BATCH_MAX_BYTES
    for answer in answers:
        messages.read(answer)  # what a node says is a message, whatever it was told
    if refused:
        raise refused[0]
    return answers


TARGETS: dict[str, tuple[Parser, Callable[[], list[bytes]]]] = {
    "cbor": (decode, samples.values),
    "envelope": (parse_envelope, samples.envelopes),
    "act": (parse_act, samples.envelopes),
    "text": (parse_text, samples.texts),
    "clauses": (clauses_of, samples.clauses),
    "line": (lines_of, samples.lines),
    "assertion": (open_assertion, samples.assertions),
    "client-data": (open_client_data, samples.client_data),
    "note": (lambda data: ledger.open_note(data, samples.known_keys()), samples.notes),
    "checkpoint": (as_text(ledger.parse_checkpoint), samples.checkpoints),
    "vkey": (as_text(ledger.parse_vkey), samples.vkeys),
    "proof": (ledger.parse_proof, samples.proofs),
    "cose": (parse_sign1, lambda: [*samples.receipts(), *samples.statements()]),
    "receipt": (ledger.parse_receipt, samples.receipts),
    "statement": (ledger.parse_statement, samples.statements),
    "transparent": (ledger.parse_transparent, samples.transparents),
    "policy": (ledger.parse_policy, samples.policies),
    "bundle": (evidence.parse_bundle, samples.bundles),
    "message": (messages.read, samples.messages),
    "batch": (messages.read_batch, samples.batches),
    "exchange": (exchanged, samples.messages),
    "evidence": (verified, samples.bundles),
}


@dataclass(slots=True)
class Tally:
    """What a run did: inputs, how many parsed, how many were refused, and the dearest one in calls."""

    inputs: int = 0
    parsed: int = 0
    refused: int = 0
    dearest_calls: int = 0


def run(target: str, seed: str, *, inputs: int | None = None, seconds: float | None = None, costed: int = 20) -> Tally:
    """Fuzz one target; every ``costed``-th input is also counted in calls. Raises AssertionError naming the input."""
    parse, corpus = TARGETS[target]
    until = time.monotonic() + seconds if seconds is not None else None
    tally = Tally()
    for number, data in enumerate(mutants(corpus(), f"{target} {seed}")):
        if (inputs is not None and number >= inputs) or (until is not None and time.monotonic() > until):
            return tally
        tally.inputs += 1
        try:
            if number % costed == 0:
                tally.dearest_calls = max(tally.dearest_calls, calls(parse, data))
            else:
                parse(data)
            tally.parsed += 1
        except PourparlerError:
            tally.refused += 1
        except BaseException as error:
            raise AssertionError(f"{target} seed {seed} number {number}: {error!r} on {data[:400].hex()}") from error
    return tally


def calls(parse: Parser, data: bytes) -> int:
    """Return how many Python functions parsing the input called; our own errors pass through."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        parse(data)
    except PourparlerError:
        pass
    finally:
        sys.setprofile(None)
    assert count <= limits.PARSE_CALLS_MAX, f"{count} calls on {len(data)} bytes"
    return count


def mutants(corpus: list[bytes], seed: str) -> Iterator[bytes]:
    """Yield mutants for ever, the same ones for the same seed."""
    chance = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]))
    while True:
        data = chance.choice(corpus)
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            data = (by_structure if chance.random() < 0.4 else by_bytes)(data, corpus, chance)
        yield data


def by_bytes(data: bytes, corpus: list[bytes], chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(7):
        case 0 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
        case 1:
            return data[:at]
        case 2:
            return data[:at] + chance.randbytes(chance.randrange(1, 9)) + data[at:]
        case 3:
            return data[:at] + data[at + chance.randrange(1, 9) :]
        case 4:
            other = chance.choice(corpus)
            return data[:at] + other[chance.randrange(len(other) + 1) :]
        case 5 if at < len(data):
            return data[:at] + bytes([chance.choice((0, 0x7F, 0x80, 0xFF, 0x1B, 0x5F, 0x9F, 0xBF))]) + data[at + 1 :]
        case _:
            return data[:at] + data[at : at + 16] * chance.choice((2, 3, 40)) + data[at:]


def by_structure(data: bytes, corpus: list[bytes], chance: random.Random) -> bytes:
    """Change a value inside the payload, or inside the whole, and encode it anew: it gets past the first checks."""
    try:
        value = decode(data, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
    except PourparlerError:
        try:
            envelope = parse_envelope(data)
            payload = encode(changed(decode(envelope.payload), chance))
        except PourparlerError:
            return by_bytes(data, corpus, chance)
        return type(envelope)(envelope.form, payload, envelope.signatures).encoded()
    try:
        return encode(changed(value, chance), most_items=limits.EVIDENCE_ITEMS_MAX)
    except PourparlerError:
        return by_bytes(data, corpus, chance)


STRANGE: tuple[Value, ...] = (
    None, True, False, 0, -1, 2**63 - 1, -(2**63), "", "a", "NaN", "1e9", "-0", "0.00", "é", b"", bytes(32), bytes(31),
    [], {}, ["EUR", "1"], ["all"], {"": 0}, {"kind": "found"},
)  # fmt: skip


def changed(value: Value, chance: random.Random) -> Value:
    """Return the value with one place in its tree changed."""
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        match chance.randrange(5):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value[:at], value[at], *value[at:]]
            case _:
                return [*value[:at], changed(value[at], chance), *value[at + 1 :]]
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(sorted(value))
        match chance.randrange(5):
            case 0:
                return {name: member for name, member in value.items() if name != key}
            case 1:
                return {**value, chance.choice(("by", "organ", "at", "words", "lines", "x")): chance.choice(STRANGE)}
            case _:
                return {**value, key: changed(value[key], chance)}
    nested = value
    if chance.random() < 0.1:
        for _ in range(chance.choice((1, 8, 30))):
            nested = [nested]
        return nested
    return chance.choice(STRANGE)
