"""The law in JavaScript against core: every world and bundle of the vectors, and bundles that nobody thought of."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from spec.vectors import law
from spec.vectors.kit import Key
from spec.vectors.law import DAY, NOW, World, organ, public
from spec.vectors.law_authority import ad_referendum, adopted, in_talks, ratify, reply
from tests import second_verifier
from tests.second_verifier import ROOT, VECTORS, Other, cases, chain, fate, fold_of, node, of_vector

pytestmark = pytest.mark.skipif(node() is None, reason="Node runs the verifier in JavaScript, and is not here")
MODULES = ROOT / "src" / "pourparler" / "web" / "verifier"
GROUPS = ("council", "authority", "dossier")
COUNTS = {"mutants": 300, "stories": 25, "scrambles": 120}


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    with Other() as process:
        yield process


def differing(other: Other, group: str, only: list[str] | None = None) -> list[str]:
    """Return the cases of a group in which some act or question comes out otherwise than the case says."""
    names = only or list(cases(group))
    answers: dict[str, Any] = other.ask({"vectors": str(VECTORS / f"{group}.json"), "only": names})
    found = []
    for name in names:
        case = cases(group)[name]
        expected = [row["expect"] for world in chain(group, case) for row in world["acts"]]
        asked = [ask for ask in case.get("asks", ()) if ask["ask"] != "objected"]  # which no claim rests on
        told = [answer for answer in answers[name]["answers"] if answer != "not asked of a verifier"]
        if answers[name]["acts"] != expected or told != [ask["answer"] for ask in asked]:
            found.append(name)
    return found


@pytest.mark.parametrize("group", GROUPS)
def test_worlds(other: Other, group: str) -> None:
    assert differing(other, group) == []


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in cases("evidence").items()])
def test_bundles(other: Other, case: dict[str, Any]) -> None:
    report = other.ask(of_vector(case).line())
    decided = case.get("step", report["step"])
    assert (report["verdict"], report["reason"], report["step"]) == (case["verdict"], case.get("reason", ""), decided)
    of_vector(case).compare(other, case["id"], Counter())


@pytest.mark.parametrize("source", COUNTS)
def test_what_nobody_thought_of(source: str) -> None:
    tally = second_verifier.run(source, "the suite", COUNTS[source])
    verdicts = {name.split()[0] for name in tally}
    assert {"INVALID", "CANNOT"} <= verdicts
    assert "VALID" in verdicts or source == "mutants"


# What a verifier might get wrong, planted: the module, what is right, what is wrong, and a case that notices.
FAULTS = {
    "a weight too little": ("council", "if (weight < needs)", "if (weight < needs - 1)", "council/grant-by-one"),
    "two siblings": ("council", "if (this.taken.has(at) ||", "if (false && this.taken.has(at) ||", "council/sibling"),
    "a vote that is open": ("council", "refuse('vote.open')", "void 0", "council/still-open"),
    "a wider link": ("authority", "if (!narrows) refuse('chain.widens')", "", "authority/link-wider-powers"),
    "an expired mandate": ("authority", "moment.time >= link.until", "moment.time > link.until", "authority/expired"),
    "an idle end": ("authority", "one.moment.index < moment.index && counts(one)", "false", "authority/revoked"),
    "a stale beacon": ("authority", "moment.time - one.since <= fresh", "true", "authority/stale"),
    "a red line crossed": ("admission", "checkLinesKept(lines, text)", "", "authority/crossed"),
    "a limit overrun": ("admission", "refuse('limit.exceeded')", "void 0", "authority/overrun"),
    "a past too old": ("transitions", "if (moment.index > past.dossierIndex) refuse('consent.past')", "",
                       "dossier/past-older"),
    "a cure too short": ("transitions", "refuse('dossier.cure-time')", "void 0", "dossier/cure-time"),
    "no notice": ("dossier", "notice.moment.time + days * DAY_SECONDS", "notice.moment.time", "dossier/denounced"),
    "an act in two places": ("registry", "digest('stream', this.head, act, index)",
                             "digest('stream', this.head, act, 0)", "authority/kept-by-ratification"),
    "an omission": ("evidence", "stated.count !== ours?.count || stated.head !== ours.head", "false",
                    "evidence/left-out-grant"),
    "another root": ("evidence", "if (!equal(verifyMultiproof(size, leaves, hashes), root))", "if (false)",
                     "evidence/entry-changed"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(tmp_path: Path, fault: str) -> None:
    module, right, wrong, name = FAULTS[fault]
    broken = tmp_path / "verifier"
    shutil.copytree(MODULES, broken)
    source = (broken / f"{module}.js").read_text("utf-8")
    assert source.count(right) == 1, f"{right!r} stands {source.count(right)} times in {module}.js"
    (broken / f"{module}.js").write_text(source.replace(right, wrong), "utf-8")
    with Other(broken) as wrongly:
        if name.startswith("evidence/"):
            with pytest.raises(AssertionError):
                of_vector(cases("evidence")[name]).compare(wrongly, name, Counter())
        else:
            assert differing(wrongly, name.split("/")[0], [name]) == [name]


# --- where no vector goes ---------------------------------------------------------------------------------------------


def member_after_recovery(world: World) -> str:
    """The new key speaks for the organ once the recovery waits no more."""
    council = ("ann", "bob", "cay")
    world.found("A", *council, recovery={"keys": public("r1"), "needs": 1, "wait": DAY}, signers=council)
    a = world.parties["A"]
    fields = {"organ": a.organs["council"], "prior": a.heads["council"]}
    seats = [[Key("cay").public, Key("new").public]]
    world.log(world.signed("recover", {**fields, "seats": seats}, ["r1", "new"], a.id, several=True))
    world.member("A", "new", "dissent", about=bytes(32))
    world.later(DAY).member("A", "new", "dissent", about=bytes(32), words="again")
    world.member("A", "cay", "dissent", about=bytes(32))
    return "refused decision.no-seat"


def recall_during_recovery(world: World) -> str:
    """A decision from above follows the recovery that waits below, if it names it."""
    below = {"superior": "council"}
    kept = {"keys": public("r1"), "needs": 1, "wait": DAY}
    world.found("A", "ann", "eve", organs=[organ("council", "ann"), organ("board", "eve", **below)], recovery=kept)
    a = world.parties["A"]
    fields = {"organ": a.organs["board"], "prior": a.heads["board"]}
    seats = [[Key("eve").public, Key("new").public]]
    recovery = world.log(world.signed("recover", {**fields, "seats": seats}, ["r1", "new"], a.id, several=True))
    theirs = {"of": a.organs["board"], "theirs": recovery, "seats": law.seats("ann")}
    world.later(DAY).decide("A", "elect", by=["ann"], **theirs)
    world.decide("A", "elect", by=["ann"], **theirs)
    return "refused decision.overtaken"


def conditions_handed_over(world: World) -> str:
    """What an organ decides under its superior, another one cannot take over that has no such superior."""
    under = {"superior": "congress", "subject": 64, "lines": [["present", "price"]]}
    named = [organ("congress", "ann"), organ("council", "ann", **under), organ("sister", "ann", superior="congress")]
    named[2]["powers"] = 1
    world.found("A", "ann", organs=[*named, organ("stranger", "ann", powers=1)])
    a = world.parties["A"]
    given = world.decide("A", "hand-over", "council", to=a.organs["sister"], powers=64)
    world.decide("A", "confirm", "sister", about=given, answer=True)
    again = world.decide("A", "hand-over", "council", to=a.organs["stranger"], powers=32)
    world.decide("A", "confirm", "stranger", about=again, answer=True)
    return "refused power.missing"


def committee_replaced(world: World) -> str:
    """A committee that missed its duty is told so; a stranger is not."""
    world.found("A", "ann")
    world.found("B", "dan")
    keys = {"keys": law.seats("agent", "sub"), "needs": 2}
    duty = {"kind": "open", "by": NOW + DAY, "then": Key("successor").public}
    mandate = world.decide("A", "grant", to=keys, powers=law.powers(*law.TALKS), duty=duty)
    fields = {"parties": sorted(p.id for p in world.parties.values()), "ledger": world.ref, "rules": {"adopt": "all"}}
    world.later(2 * DAY)
    for who in (("agent", "sub"), ("agent",)):
        several = sorted(who, key=lambda name: Key(name).public)
        world.speak("A", several, "open", mandate, **fields, nonce=world.fresh())
    return "refused decision.insufficient"


def countersignature_lacking(world: World) -> str:
    """Beside the holder, one of two must sign: a third key's weight is none of theirs."""
    world.found("A", "ann")
    cosign = {"powers": 128, "keys": public("bob", "cay"), "needs": 2}
    mandate = world.grant("A", "agent", "delegate", "open", cosign=cosign, depth=1)
    value = {"to": Key("sub").public, "powers": 1}
    for who in (("agent", "bob", "cay"), ("agent", "bob")):
        several = sorted(who, key=lambda name: Key(name).public)
        world.speak("A", several, "delegate", mandate, **value, words=who[-1])
    return "refused decision.insufficient"


def confirmed_too_late(world: World) -> str:
    """A ratification that its superior confirms after the talks have failed binds nobody."""
    under = {"superior": "congress", "subject": 64}
    world.found("A", "ann", organs=[organ("congress", "ann"), organ("council", "ann", **under)])
    world.found("B", "dan")
    world.ids["theirs"] = world.grant("B", "envoy", *law.TALKS, "conclude")
    in_talks(world)
    text = adopted(world, term={"notice_days": 0})
    ratified = ratify(world, ad_referendum(world))
    reply(world, "close", **{"as": "failed"})
    world.decide("A", "confirm", "congress", about=ratified, answer=True)
    denounced = world.decision("A", "denounce", "council", dossier=world.ids["dossier"], text=text)
    world.log(denounced)
    return "void dossier.not-bound"


@pytest.mark.parametrize(
    "story",
    [
        member_after_recovery,
        recall_during_recovery,
        conditions_handed_over,
        committee_replaced,
        countersignature_lacking,
        confirmed_too_late,
    ],
)
def test_where_no_vector_goes(other: Other, story: Callable[[World], str]) -> None:
    world = World()
    last = story(world)
    fold = fold_of(world)
    assert fate(fold.found.rows[-1]["expect"]) == last, [fate(row["expect"]) for row in fold.found.rows]
    fold.compare(other, story.__name__, Counter())
