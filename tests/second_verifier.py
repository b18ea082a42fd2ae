"""The verifier in JavaScript beside core: whatever bundle both are given, they say the same, step by step.

Bundles come from four sources, each from a seed: mutants of the vectors' bytes; the stories of ``gaps``, with things
left out; and *scrambles*: the worlds of the vectors with acts dropped, doubled, moved, brought in from elsewhere or
changed and signed anew, in ledgers stamped and sealed as if nothing had happened, so that the strangeness reaches the
fold instead of stopping at the first proof.
"""

import base64
import functools
import json
import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from unittest import mock

from pourparler.cli import words
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.authority import Moment
from pourparler.core.council import Depositary
from pourparler.core.encoding import ALGORITHM_ED25519, Form, decode, encode, kid_of, parse_envelope
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Report, Trust, verify
from pourparler.core.ledger import leaf_hash, parse_policy, verify_multiproof
from pourparler.core.ledger.tree import unknown_subtrees
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry
from spec.vectors import kit, law
from spec.vectors.kit import Key
from tests import fuzz, gaps

ROOT = Path(__file__).resolve().parents[1]
VECTORS = ROOT / "spec" / "vectors"
HARNESS = ROOT / "tests" / "verifier" / "law.mjs"
NAMES = (
    *("ann", "bob", "cay", "dan", "eve", "fay", "gus", "tom", "safe", "agent", "envoy", "sub", "second", "successor"),
    *("stranger", "third", "deputy", "beacon", "certifier", "officer", "registrar", "new", "old", "other", "next"),
)


def node() -> str | None:
    """Return the path of Node, or None where a stranger has none. Where ``CI`` is set, it must be there."""
    found = shutil.which("node")
    assert found or not os.environ.get("CI"), "Node is needed where CI is set"
    return found


@dataclass(frozen=True)
class Asked:
    """A bundle and what it is judged by."""

    bundle: bytes
    trust: tuple[bytes, ...]
    policy: str | None = None
    at: int | None = None
    learnt: tuple[str, ...] = ()

    def core(self) -> Report:
        policy = parse_policy(self.policy.encode()) if self.policy is not None else None
        return verify(self.bundle, Trust(self.parties(), policy), self.at)

    def parties(self) -> dict[bytes, str]:
        return dict(zip(self.trust, self.learnt or ["handed over"] * len(self.trust), strict=True))

    def compare(self, other: "Other", source: str, tally: Counter[str], report: Report | None = None) -> None:
        """Ask both, or the other one where core's report is given. Raises AssertionError where they differ."""
        ours, theirs = report or self.core(), other.ask(self.line())
        verdicts = (ours.verdict.value, ours.reason), (theirs["verdict"], theirs["reason"])
        told = f"{source}: core {verdicts[0]}, the other {verdicts[1]} ({theirs['detail']})"
        assert said_by_core(ours) == said_by_other(theirs), told
        assert passed_over(ours.notes) == passed_over(theirs["notes"]), told
        data = words.report_data(ours, self.parties(), self.at)
        for name in ("format", "verdict", "reason", "step", "claim", "as_of", "at"):
            assert written(data[name]) == written(theirs[name]), f"{told}: {name}"
        assert [one["id"] for one in data["parties"]] == [one["id"] for one in theirs["parties"]], told
        tally[f"{ours.verdict.value} {ours.reason}".strip()] += 1

    def line(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "bundle": self.bundle.hex(),
            "trust": {party.hex(): how for party, how in self.parties().items()},
        }
        more = {"policy": self.policy, "at": self.at}
        return value | {name: given for name, given in more.items() if given is not None}


def written(value: Any) -> Any:
    """Return the value with its numbers as text, for JavaScript writes so what a double does not hold."""
    if isinstance(value, dict):
        return {name: written(member) for name, member in value.items()}
    return str(value) if isinstance(value, int) else value


class Other:
    """The verifier in JavaScript, in a process of its own: a line of JSON for a line of JSON."""

    def __init__(self, modules: Path | None = None) -> None:
        where = [modules.as_uri() + "/"] if modules else []
        self.process = subprocess.Popen(
            [node() or "node", str(HARNESS), *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, question: dict[str, Any]) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the verifier broke on {json.dumps(question)[:2_000]}"
        return json.loads(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()


def said_by_core(report: Report) -> list[tuple[Any, ...]]:
    """Return what must be the same in both reports: every step, and the details of those that passed."""
    return [(step.number, step.verdict.value, step.reason, "" if step.reason else step.detail) for step in report.steps]


def said_by_other(report: dict[str, Any]) -> list[tuple[Any, ...]]:
    taken = [step for step in report["steps"] if step["verdict"] != "NOT REACHED"]
    return [(s["number"], s["verdict"], s["reason"], "" if s["reason"] else s["detail"]) for s in taken]


def passed_over(notes: list[str] | tuple[str, ...]) -> list[str]:
    """Return the notes, the sentences cut off after the reason: they may differ."""
    return [": ".join(note.split(": ")[:2]) for note in notes]


# --- the vectors, and mutants of their bytes --------------------------------------------------------------------------


@functools.cache
def cases(group: str) -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in json.loads((VECTORS / f"{group}.json").read_text("utf-8"))["cases"]}


def of_vector(case: dict[str, Any]) -> Asked:
    trust = tuple(map(bytes.fromhex, case["trust"]))
    return Asked(bytes.fromhex(case["bundle"]), trust, case.get("policy"), case.get("at"))


def mutants(seed: str) -> Iterator[tuple[str, Asked]]:
    """Yield bundles of the vectors, their bytes or structure changed."""
    chance = random.Random(f"mutants {seed}")
    corpus = [of_vector(case) for case in cases("evidence").values()]
    bundles = [asked.bundle for asked in corpus]
    for number in range(10**9):
        asked = chance.choice(corpus)
        change = fuzz.by_structure if chance.random() < 0.7 else fuzz.by_bytes
        data = change(asked.bundle, bundles, chance)
        if not has_no_list(data):
            yield f"mutant {seed} {number}", replace(asked, bundle=data)


def has_no_list(data: bytes) -> bool:
    """Return whether a bundle has an empty map, text or byte string where the format has a list: core takes it for an
    empty list, and the verifier in JavaScript does not."""
    try:
        value = decode(data, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
        shown = value["ledgers"]
        lists = [shown, value["texts"], value["claim"].get("parties"), *(one["hashes"] for one in shown)]
        lists += [part for one in shown for part in (one["entries"], one["earlier"], *(e[1] for e in one["earlier"]))]
    except (PourparlerError, TypeError, KeyError, AttributeError, IndexError):
        return False
    return any(not one and one is not None and not isinstance(one, list) for one in lists)


# --- stories ----------------------------------------------------------------------------------------------------------


def stories(seed: str) -> Iterator[tuple[str, Asked]]:
    """Yield what ``gaps`` asks about its stories."""
    for number in range(10**9):
        heard: list[Asked] = []

        def hear(data: bytes, trust: Trust, heard: list[Asked] = heard) -> Report:
            heard.append(Asked(data, tuple(trust.parties)))
            return verify(data, trust)

        with mock.patch.object(gaps, "verify", hear):
            gaps.check(seed, number, Counter())
        yield from ((f"story {seed} {number}", asked) for asked in heard)


# --- scrambles --------------------------------------------------------------------------------------------------------


@functools.cache
def known_keys() -> dict[bytes, Key]:
    """Return the keys of the worlds, as far as their names are guessed, by kid."""
    return {kid_of(key.public): key for key in map(Key, NAMES)}


@dataclass
class Scramble:
    """A ledger made of other worlds' acts. What the fold refuses may stand in it, too."""

    chance: random.Random
    world: law.World
    texts: dict[bytes, bytes]
    registry: Registry = field(init=False)
    parsed: dict[bytes, Text] = field(init=False)
    rows: list[dict[str, Any]] = field(default_factory=list)
    beyond: int = 0  # how many entries between the first and the others nobody is shown

    def __post_init__(self) -> None:
        self.parsed = {}
        for name, data in self.texts.items():
            with suppress(PourparlerError):
                self.parsed[name] = parse_text(data)
        depositary = Depositary(self.world.ref["origin"], self.world.ref["key"])
        self.registry = Registry(depositary, self.parsed.get, exact=True)

    def log(self, data: bytes) -> None:
        index = self.next_index() + 1
        row: dict[str, Any] = {"index": index, "time": self.world.time, "act": data.hex(), "expect": "accepted"}
        self.rows.append(row)
        try:
            self.registry.moved = set()
            outcome = self.registry.admit(parse_act(data), Moment(index, self.world.time))
        except PourparlerError as error:
            row["expect"] = {"refused": error.reason}
            if self.chance.random() < 0.5:
                return
        else:
            if outcome.void:
                row["expect"] = {"void": outcome.void.reason}
        self.world.own("stamp", self.stamp(self.registry.moved, follows=1))
        self.world.entries.append(data)

    def stamp(self, streams: set[bytes] | dict[bytes, Any], follows: int) -> dict[str, Any]:
        rows = self.registry.heads(streams)
        if self.chance.random() < 0.002 and rows:
            rows = rows[1:]
        return {"index": self.next_index(), "at": self.world.time, "follows": follows, "streams": rows}

    def next_index(self) -> int:
        return len(self.world.entries) + self.beyond

    def close(self) -> int:
        return self.world.own("stamp", self.stamp(self.registry.streams, follows=0)) + self.beyond

    def shown(self) -> dict[str, Any]:
        chance, count = self.chance, len(self.world.entries)
        if self.beyond:
            return self.far()
        left_out = chance.sample(range(count), min(count - 1, chance.choice((0, 0, 0, 0, 1, 2, 5))))
        cosigned = [("witness", self.world.time + chance.choice((0, 0, 0, 900)))]
        earlier = [
            (size, [("witness", self.world.time)]) for size in sorted(chance.sample(range(1, count), min(count - 1, 2)))
        ]
        return law.shown(self.world, left_out, cosigned=cosigned, earlier=earlier if chance.random() < 0.3 else ())

    def far(self) -> dict[str, Any]:
        """Return the ledger with entries at indexes beyond what a double holds; the tree between is made up."""
        entries = [(number + self.beyond * (number > 0), entry) for number, entry in enumerate(self.world.entries)]
        leaves, size = {index: leaf_hash(entry) for index, entry in entries}, self.next_index()
        hashes = [self.chance.randbytes(32) for _ in unknown_subtrees(size, sorted(leaves))]
        root = verify_multiproof(size, leaves, hashes)
        origin, key = self.world.ref["origin"], self.world.key
        text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = law.line(origin, law.key_id(origin, 1, key.public), key.sign(text.encode()))
        given = {"entries": [list(entry) for entry in entries], "hashes": hashes, "earlier": []}
        return {**self.world.ref, "checkpoint": f"{text}\n{signature}".encode(), **given}


def chain(group: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    before = chain(group, cases(group)[case["after"]]) if "after" in case else []
    return [*before, case]


def rows_of(group: str, case: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for world in chain(group, case) for row in world["acts"]]


def signed_anew(data: bytes, chance: random.Random) -> bytes:
    """Return the act with something in it changed, signed by the same keys where they are known."""
    envelope = parse_envelope(data)
    keys = [known_keys().get(signature.kid) for signature in envelope.signatures]
    if any(one.algorithm != ALGORITHM_ED25519 for one in envelope.signatures) or None in keys:
        return data
    payload = decode(envelope.payload)
    fields = [name for name in payload if name != "kind"]
    name = chance.choice(fields)
    if chance.random() < 0.3:
        payload["words"] = "another act"
    elif isinstance(payload[name], int) and not isinstance(payload[name], bool):
        payload[name] = max(0, payload[name] + chance.choice((-1, 1, 1, 86_400, -86_400, 2**40)))
    elif chance.random() < 0.3:
        del payload[name]
    else:
        payload[name] = fuzz.changed(payload[name], chance)
    try:
        encoded = encode(payload)
    except PourparlerError:
        return data
    sign: Callable[..., bytes] = kit.sign if envelope.form is Form.SIGN else kit.sign1
    return sign(payload["kind"], encoded, *keys)


def scrambled(rows: list[dict[str, Any]], chance: random.Random, others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = list(rows)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        at = chance.randrange(len(rows))
        match chance.randrange(9):
            case 0 if len(rows) > 2:
                del rows[at]
            case 1:
                rows.insert(at, chance.choice(rows))
            case 2:
                rows.insert(chance.randrange(len(rows)), rows.pop(at))
            case 3 | 4:
                rows[at + 1 : at + 1] = others[-chance.randrange(1, 4) :]
            case 5:
                waits = chance.choice((1, 50, 600, 86_400, 20 * 86_400))
                rows[at:] = [{**row, "time": row["time"] + waits} for row in rows[at:]]
            case 6:
                data = bytearray.fromhex(rows[at]["act"])
                data[-chance.randrange(1, 65)] ^= 1 << chance.randrange(8)  # in its last signature
                rows[at] = {**rows[at], "act": data.hex()}
            case _:
                rows[at] = {**rows[at], "act": signed_anew(bytes.fromhex(rows[at]["act"]), chance).hex()}
    return rows


def scramble(chance: random.Random, group: str, case: dict[str, Any], *, change: bool = True) -> Scramble:
    worlds = chain(group, case)
    name = worlds[0]["ledger"]["origin"].removesuffix(".example/2026")
    rows = rows_of(group, case)
    found = Scramble(chance, law.World(name, rows[0]["time"]), {})
    other = chance.choice(list(cases(group).values()))
    shown = [*worlds, *chain(group, other)]
    data = [bytes.fromhex(text) for world in shown for text in world.get("texts", ()) if chance.random() < 0.95]
    found.texts |= {text_digest(one): one for one in data}
    found.__post_init__()
    found.beyond = chance.choice((0,) * 17 + (2**53 - 8, 2**53 + 1, 2**62))
    for row in scrambled(rows, chance, rows_of(group, other)) if change else rows:
        found.world.time = max(found.world.time, row["time"])
        found.log(bytes.fromhex(row["act"]))
    return found


def claim(chance: random.Random, found: Scramble, as_of: int) -> dict[str, Any]:
    """Return a claim about something that the ledger holds, by chance."""
    registry, world = found.registry, found.world
    parties = sorted(registry.registers) or [bytes(32)]
    dossiers = [dossier for dossier in registry.dossiers.values() if dossier.papers]
    mandates = [
        (party, one)
        for party in parties
        if party in registry.registers
        for one in registry.register(party).mandates.values()
    ]
    ways = ["recorded", *(["may"] * 2 if mandates else []), *(["bound", "in-force"] * 2 if dossiers else [])]
    match chance.choice(ways):
        case "may":
            party, mandate = chance.choice(mandates)
            holders = sorted(mandate.holder.seats) if mandate.holder else [bytes(32)]
            named = {"mandate": mandate.id, "holder": chance.choice(holders), "power": 1 << chance.randrange(8)}
            return law.claim(world, "may", as_of, parties=[party], **named)
        case "recorded":
            return law.claim(world, "recorded", as_of, act=chance.choice(sorted(registry.outcomes) or [bytes(32)]))
        case kind:
            dossier = chance.choice(dossiers)
            text = chance.choice(sorted(dossier.papers))
            pair = chance.sample(sorted({*dossier.parties, *parties}), 2)
            named = {"dossier": dossier.id if chance.random() < 0.97 else text, "text": text}
            return law.claim(world, kind, as_of, parties=pair[: 1 if kind == "bound" else 2], **named)


@dataclass(frozen=True)
class Fold:
    """A scrambled ledger, every act of which must meet the same fate."""

    found: Scramble

    def compare(self, other: Other, source: str, tally: Counter[str]) -> None:
        ref, rows = self.found.world.ref, self.found.rows
        ledger = {"origin": ref["origin"], "key": ref["key"].hex()}
        texts = [data.hex() for data in self.found.texts.values()]
        acts = [{**row, "index": str(row["index"])} for row in rows]  # a number of JSON may be a double
        answer = other.ask({"world": {"ledger": ledger, "texts": texts, "acts": acts}})
        for row, theirs in zip(rows, answer["acts"], strict=True):
            assert row["expect"] == theirs, f"{source}, index {row['index']}: core {row['expect']}, the other {theirs}"
            tally[fate(theirs)] += 1


def fate(expect: str | dict[str, str]) -> str:
    return expect if isinstance(expect, str) else " ".join(*expect.items())


def scrambles(seed: str) -> Iterator[tuple[str, Asked | Fold]]:
    chance = random.Random(f"scrambles {seed}")
    for number in range(10**9):
        group = chance.choice(("council", "authority", "dossier"))
        case = chance.choice(list(cases(group).values()))
        found = scramble(chance, group, case)
        as_of = found.close()
        if chance.random() < 0.1:
            as_of = max(0, as_of - chance.randrange(4))
        ledgers = [found.shown()]
        home = chain(group, case)[0].get("home")
        if home and chance.random() < 0.9:
            there = scramble(chance, group, cases(group)[home], change=chance.random() < 0.3)
            there.close()
            ledgers.append(there.shown())
        yield f"scramble {seed} {number} of {case['id']}", Fold(found)
        for _ in range(2):
            texts = [data for data in found.texts.values() if chance.random() < 0.93]
            value = law.bundle(claim(chance, found, as_of), *ledgers, texts=texts)
            policy = law.policy(found.world, "witness") if chance.random() < 0.2 else None
            trust = tuple(value["claim"].get("parties", ()))
            at = found.world.time + 5 if chance.random() < 0.5 else None
            encoded = encode(value, most_items=limits.EVIDENCE_ITEMS_MAX)
            yield f"scramble {seed} {number} of {case['id']}", Asked(encoded, trust, policy, at)


SOURCES = {"mutants": mutants, "stories": stories, "scrambles": scrambles}


def run(source: str, seed: str, count: int, modules: Path | None = None) -> Counter[str]:
    """Compare on so many bundles of a source. Raises AssertionError that names the first on which the two differ."""
    tally: Counter[str] = Counter()
    with Other(modules) as other:
        for number, (name, asked) in enumerate(SOURCES[source](seed)):
            if number >= count:
                break
            asked.compare(other, name, tally)
    return tally


# --- worlds where no vector goes --------------------------------------------------------------------------------------


def fold_of(world: law.World) -> Fold:
    """Return a world that the kit made as a fold; its acts meet what core says they meet."""
    found = Scramble(random.Random(0), law.World(world.name, law.NOW), {})
    found.texts |= {text_digest(data): data for data in world.texts.values()}
    found.__post_init__()
    for row in world.acts:
        found.world.time = row["time"]
        found.log(bytes.fromhex(row["act"]))
    return Fold(found)
