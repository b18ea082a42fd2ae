"""The vectors of the law: spec/vectors/{council,authority,dossier,evidence}.json, run through the core.

Each case is a small world (``spec/vectors/law.py``, made without the core). Every act must come out as the case says,
and a case that names a reason must have a twin that is accepted throughout.
"""

import json
from pathlib import Path

import pytest

from pourparler.core import dossier as law
from pourparler.core import transitions
from pourparler.core.act import parse_act
from pourparler.core.authority import HomeView, Moment
from pourparler.core.council import Depositary
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Trust, verify
from pourparler.core.ledger import parse_policy
from pourparler.core.redline import parse_text, text_digest
from pourparler.core.registry import Registry
from spec.vectors import law as vectors
from spec.vectors.generate import text_of
from tools import diagrams

SPEC = Path(__file__).resolve().parent.parent / "spec"
GROUPS = vectors.groups()
CASES = {case["id"]: case for group in GROUPS.values() for case in group.cases}

# Vectors that the core does not pass yet, each with what is wrong with it. An entry that passes fails the test.
KNOWN: dict[str, str] = {}


def cases(*names: str):
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=KNOWN[case["id"]], strict=True)] if case["id"] in KNOWN else [],
        )
        for name in names
        if name in GROUPS
        for case in GROUPS[name].cases
    ]


def chain(case) -> list[dict]:
    """Return the cases whose acts come before, and the case."""
    return [*(chain(CASES[case["after"]]) if "after" in case else []), case]


def come_of(registry: Registry, row, *, intake: bool = False):
    """Return what comes of an act, in the notation of the vectors."""
    try:
        outcome = registry.admit(parse_act(bytes.fromhex(row["act"])), Moment(row["index"], row["time"]), intake=intake)
    except PourparlerError as error:
        return {"refused": error.reason}
    return {"void": outcome.void.reason} if outcome.void else "accepted"


def home_of(first):
    """Return what is shown of the parties' home ledger, where a case names one that shows it."""
    if "home" not in first:
        return lambda party: None
    shown = folded(CASES[first["home"]])
    return lambda party: HomeView((shown.registers[party],)) if party in shown.registers else None


def folded(case, *, but_last: bool = False) -> Registry:
    worlds = chain(case)
    texts = {text_digest(data): parse_text(data) for w in worlds for data in map(bytes.fromhex, w.get("texts", ()))}
    first = worlds[0]["ledger"]
    ledger = Depositary(first["origin"], bytes.fromhex(first["key"]))
    registry = Registry(ledger, texts.get, home_of(worlds[0]), exact=True)
    rows = [(world["id"], row) for world in worlds for row in world["acts"]]
    asks = list(case.get("asks", ()))
    for name, row in rows[: len(rows) - but_last]:
        while asks and asks[0]["index"] < row["index"]:
            ask = asks.pop(0)
            assert answered(registry, ask) == ask["answer"], ask
        found = come_of(registry, row)
        assert found == row["expect"], f"{name}, index {row['index']}, {parse_act(bytes.fromhex(row['act'])).kind}"
    for ask in asks:
        assert answered(registry, ask) == ask["answer"], ask
    return registry


@pytest.mark.parametrize("case", cases("council", "authority", "dossier"))
def test_world(case) -> None:
    folded(case)
    if "reason" in case:
        assert case["acts"][-1]["expect"] in ({"void": case["reason"]}, {"refused": case["reason"]})
    else:
        assert all(row["expect"] == "accepted" for row in case["acts"][-1:])


@pytest.mark.parametrize("case", [c for c in cases("council", "authority", "dossier") if "intake" in c.values[0]])
def test_intake(case) -> None:
    """What is void in a fold of what is logged, an honest intake refuses up to step 9."""
    registry = folded(case, but_last=True)
    assert come_of(registry, case["acts"][-1], intake=True) == {case["intake"]: case["reason"]}


def answered(registry: Registry, ask):
    """Return the answer to a question about a moment."""
    moment = Moment(ask["index"], ask["time"])
    dossier = registry.dossiers[bytes.fromhex(ask["dossier"])]
    match ask["ask"]:
        case "dossier":
            return dossier.state(moment).value
        case "text":
            return dossier.text_state(dossier.papers[bytes.fromhex(ask["text"])], moment).value
        case "consent":
            paper = dossier.papers[bytes.fromhex(ask["text"])]
            return dossier.consent_state(paper, bytes.fromhex(ask["party"]), moment).value
        case "effect":
            first, second = map(bytes.fromhex, ask["parties"])
            effect = dossier.effect(bytes.fromhex(ask["text"]), first, second, moment)
            return [effect.state.value, effect.since, effect.until]
        case "objected":
            paper = dossier.papers[bytes.fromhex(ask["text"])]
            return dossier.objected(paper, *map(bytes.fromhex, ask["parties"]), moment)
    raise AssertionError(ask)


@pytest.mark.parametrize("case", cases("evidence"))
def test_evidence(case) -> None:
    policy = parse_policy(case["policy"].encode()) if "policy" in case else None
    trust = Trust({bytes.fromhex(party): "handed over" for party in case["trust"]}, policy)
    report = verify(bytes.fromhex(case["bundle"]), trust, case.get("at"))
    decided = next((step.number for step in report.steps if step.verdict.value == case["verdict"]), None)
    assert (report.verdict.value, report.reason) == (case["verdict"], case.get("reason", ""))
    if "step" in case:
        assert decided == case["step"]


# --- the files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(GROUPS))
def test_the_generator_makes_the_committed_file(name) -> None:
    committed = (SPEC / "vectors" / f"{name}.json").read_text(encoding="utf-8")
    assert text_of(GROUPS[name]) == committed
    assert json.loads(committed)["cases"] == GROUPS[name].cases


def test_twins() -> None:
    """Each case that names a reason has a twin in the same file, from the same base, that names none."""
    for case in CASES.values():
        if "reason" not in case:
            assert {"twin", "differs"}.isdisjoint(case), case["id"]
            continue
        twin = CASES[case["twin"]]
        assert "reason" not in twin, case["id"]
        assert case["what"], case["id"]
        assert case["differs"], case["id"]
        assert twin["id"].split("/")[0] == case["id"].split("/")[0]


def test_every_reason_of_the_law_has_a_vector() -> None:
    table = (SPEC / "reasons-law.md").read_text(encoding="utf-8").splitlines()
    listed = {line.split("`")[1] for line in table if line.startswith("| `")}
    shown = {case["reason"] for case in CASES.values() if "reason" in case}
    # These two take a third party and an election; test_mandate_attacks.py shows them on worlds of its own.
    assert listed - shown == {"dossier.left", "standing.key-role"}
    ours = {"decision", "vote", "suspension", "beacon", "power", "chain", "bounds", "standing", "limit", "dossier"}
    ours |= {"consent", "stamp", "stream", "home", "witness", "claim", "trust", "bundle"}
    assert {reason for reason in shown if reason.split(".")[0] in ours} <= listed


# --- the specification says what the code says ------------------------------------------------------------------------


def test_the_state_tables_are_those_of_the_code() -> None:
    spec = (SPEC / "dossier.md").read_text(encoding="utf-8")
    assert diagrams.drawn(spec) == spec
    assert {match[2] for match in diagrams.SECTION.finditer(spec)} == set(diagrams.TABLES)
    assert diagrams.TABLES == {
        "dossier": law.DOSSIER_TABLE,
        "text": law.TEXT_TABLE,
        "consent": law.CONSENT_TABLE,
    }


def test_every_kind_of_a_dossier_is_described() -> None:
    spec = (SPEC / "dossier.md").read_text(encoding="utf-8").split("## 8. What each kind does")[1].split("## 9.")[0]
    assert {kind for kind in transitions.HANDLERS if f"`{kind}`" not in spec} == set()
    closed = {kind for kind in transitions.HANDLERS if f"`{kind}`°" in spec}
    assert closed == law.AFTER_CLOSING


def test_every_reason_is_explained() -> None:
    """Whatever reason the law's files of the core give stands in a specification."""
    import re

    core = SPEC.parent / "src" / "pourparler" / "core"
    found = set()
    for name in ("council", "authority", "clauses", "dossier", "transitions", "admission", "registry", "evidence"):
        source = (core / f"{name}.py").read_text(encoding="utf-8")
        found |= set(re.findall(r'(?:Refused|Missing|Malformed)\(\s*"([a-z]+\.[a-z-]+)"', source))
        found |= {f"dossier.{word}" for word in re.findall(r'\blate\("([a-z-]+)"', source)}
    pages = " ".join(path.read_text(encoding="utf-8") for path in SPEC.glob("*.md"))
    explained = set(re.findall(r"\| `([a-z]+\.[a-z-]+)` \|", pages))
    assert {
        reason for reason in found if not reason.startswith(("act.", "envelope.", "line.", "text.", "passkey."))
    } <= explained
