"""The law in JavaScript against core: every world and bundle of the vectors, and bundles that nobody thought of."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import second_verifier
from tests.second_verifier import ROOT, VECTORS, Other, cases, chain, node, of_vector

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
