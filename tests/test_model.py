"""The exhaustive model of "only the council can bind" (spec/model): it holds, each rule is needed, and it is not blind.

Depth 5 takes minutes and belongs to the campaign; depth 4 here takes about ten seconds, and so do the small worlds.
"""

import json
import subprocess
import sys
from collections import Counter
from itertools import permutations
from os import environ
from pathlib import Path

import pytest

from spec.model import (
    CLAIMS,
    PROLOGUES,
    RULES,
    WORLDS,
    Act,
    Entry,
    History,
    Words,
    as_data,
    counterexample,
    describe,
    explore,
    histories,
    judge,
    replay,
    sample,
    small,
    truth_of,
    unexercised,
)
from spec.model.search import check_ledger
from spec.model.verifier import ALL_RULES, CANNOT_TELL, NOTHING, VALID
from spec.model.world import start

ROOT = Path(__file__).resolve().parent.parent
RATIFY = Words("A", "ratify", "T", "N:T", prior=-1, seen=3)  # what the council can sign first from "signed"


# It holds


def test_to_depth_four_no_bundle_convinces_where_nobody_is_bound_and_every_premise_was_met():
    report = explore(4)
    assert report.violation is None, report.violation.tell()
    assert unexercised(report) == []
    assert {name: len(each) for name, each in report.histories.items()} == dict.fromkeys(PROLOGUES, 4)


@pytest.mark.parametrize("switch", [{"thorough": True}, {"symmetric": False}], ids=str)
def test_what_makes_it_fast_loses_nothing(switch):
    report = explore(3, **switch)
    assert report.violation is None, report.violation.tell()
    assert unexercised(report) == unexercised(explore(3))


def test_final_answers_stay_when_the_ledger_grows():
    """The reason why only the acts that can change an answer are judged last."""
    for ledger in {replay_ledger(history) for history in histories(3, "signed")}:
        for claim in CLAIMS:
            before = judge(ledger[:-1], NOTHING, *claim)
            if before.answer != CANNOT_TELL:
                assert judge(ledger, NOTHING, *claim) == before


def test_longer_sampled_histories_hold_too():
    covered = Counter()
    for seed in range(300):
        history = sample(seed, 12)
        first = len(start(history.prologue).ledger)
        found = check_ledger(replay_ledger(history), first, ALL_RULES, covered)
        assert found is None, (seed, found)
    assert covered["bundle: VALID"]


def test_leaving_out_what_the_prologue_logged_convinces_nobody():
    ledger = (*start("signed").ledger, Entry("ratify", "A", "T", RATIFY, (("a1", RATIFY), ("a2", RATIFY))))
    assert judge(ledger, NOTHING, "A", "T").answer == VALID
    for position in range(3):
        assert judge(ledger, frozenset({position}), "A", "T").answer == CANNOT_TELL


def test_nothing_rests_on_the_depositary_refusing_anything():
    """With something inert in the place of what an honest ledger would refuse, all answers are the same."""
    met = Counter()
    for history in histories(3, "signed"):
        run = replay(history)
        refused = {outcome.position for outcome in run.outcomes if outcome.status == "refused"}
        met[bool(refused)] += 1
        inert = tuple(Entry("nothing", "relay") if at in refused else entry for at, entry in enumerate(run.ledger))
        assert truth_of(inert).on_record == truth_of(run.ledger).on_record
        for claim in CLAIMS:
            answers = judge(inert, NOTHING, *claim), run.verdicts[claim]
            assert answers[0].answer == answers[1].answer
    assert met[True]


# Each rule is needed


@pytest.mark.parametrize(
    ("rule", "acts", "left_out", "because"),
    [
        ("revocation", 2, 0, "N had been dismissed, and nobody meant to confirm what he signed"),
        ("office", 2, 0, "only 1 in office consented, a1 has no seat"),
        ("distinct", 2, 0, "only 1 in office consented"),
        ("text", 2, 0, "nobody ever signed what it says"),
        ("named", 4, 0, "the signature N:T that they meant had been withdrawn"),
        ("spine", 2, 1, "N had been dismissed, and nobody meant to confirm what he signed"),
        ("stream", 2, 1, "the signature N:T that they meant had been withdrawn"),
    ],
)
def test_without_the_rule_a_bundle_convinces_where_nobody_is_bound(rule, acts, left_out, because):
    found = counterexample(rule)
    assert found is not None
    assert len(found.history.acts) == acts  # and no shorter one exists: the search is breadth first
    assert len(found.left_out) == left_out
    assert found.why_not[0].endswith(because)
    ledger = replay_ledger(found.history)
    assert found.claim not in truth_of(ledger).bound
    assert judge(ledger, frozenset(found.left_out), *found.claim, ALL_RULES - {rule}).answer == VALID
    assert judge(ledger, frozenset(found.left_out), *found.claim).answer != VALID
    assert because in found.tell()


def test_every_rule_is_covered_by_a_counterexample():
    parameters = test_without_the_rule_a_bundle_convinces_where_nobody_is_bound.pytestmark[0].args[1]
    assert tuple(rule for rule, *_ in parameters) == RULES


# Histories, for an implementation that replays them


def test_histories_are_all_of_them_and_none_twice():
    report = explore(3)
    for prologue, numbers in report.histories.items():
        for depth, number in enumerate(numbers, 1):
            found = list(histories(depth, prologue))
            assert len(found) == number == len(set(found))


def test_no_two_histories_differ_only_by_the_names_of_members():
    seen = set()
    for history in histories(2):
        renamed = [rename(history, dict(zip("123", order, strict=True))) for order in permutations("123")]
        assert not seen & set(renamed)
        seen.add(rename(history, {}))


def rename(history, names):
    text = json.dumps([history.prologue, [tidy(act) for act in history.acts]], sort_keys=True)
    return "".join(f"a{names.get(text[i], text[i])}" if text[i - 1] == "a" else text[i] for i in range(len(text)))


def tidy(act):
    """The act without whom a whole decision other than a ratification is signed by: the model fixes that itself."""
    data = as_data(act)
    data["members"] = sorted(data["members"])
    if act.kind in ("elect", "dismiss", "refuse"):
        del data["members"], data["actor"]
    return data


def test_a_replayed_history_says_what_becomes_of_each_act():
    held = Act("a1", "approve", RATIFY, ("a1",), now=False)
    later = RATIFY._replace(seen=5)
    history = History(
        "signed",
        (
            held,
            Act("relay", "double", RATIFY),
            Act("N", "conclude", subject="N:T"),
            Act("a2+a3", "ratify", later, ("a2", "a3")),
            Act("relay", "replay", later, subject="T", position=5),
            Act("a2", "approve", RATIFY, ("a2",), now=False),
            Act("relay", "deliver", RATIFY),
        ),
    )
    run = replay(history)
    assert [tuple(outcome) for outcome in run.outcomes] == [
        ("kept", "", None),
        ("refused", "threshold", 3),
        ("refused", "power", 4),
        ("accepted", "", 5),
        ("repeated", "", 6),
        ("kept", "", None),
        ("void", "overtaken", 7),
    ]
    assert {claim: verdict.answer for claim, verdict in run.verdicts.items()} == {
        ("A", "T"): VALID,
        ("A", "U"): CANNOT_TELL,
        ("B", "T"): CANNOT_TELL,
    }
    assert run.true == {("A", "T"): True, ("A", "U"): False, ("B", "T"): False}
    assert json.loads(json.dumps(as_data(run)))["verdicts"]["A T"]["basis"] == 5


def test_the_same_seed_gives_the_same_history():
    assert sample(7, 10) == sample(7, 10)
    assert len({sample(seed, 10) for seed in range(20)}) > 15


def test_every_act_can_be_told():
    told = {describe(act) for history in histories(2) for act in (*PROLOGUES[history.prologue], *history.acts)}
    assert len(told) > 40


# The program


def test_the_report_does_not_depend_on_the_hash_seed():
    def output(seed, *arguments):
        command = [sys.executable, "-m", "spec.model", "--json", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env={**environ, "PYTHONHASHSEED": seed}, capture_output=True, check=False
        )
        return done.stdout

    for arguments in (["--depth", "3"], ["--without", "spine"]):
        first, second = (output(seed, *arguments) for seed in ("0", "1"))
        assert first == second
        assert json.loads(first)["depth"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--depth", "1"], 1, "NEVER MET"),
        (["--without", "office"], 0, "verifier: VALID, A is bound by T"),
        (["--without", "named", "--depth", "2"], 1, "no violation"),
    ],
)
def test_the_command_says_what_it_found(arguments, code, says):
    command = [sys.executable, "-m", "spec.model", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (code, "")
    assert says in done.stdout


def replay_ledger(history):
    return replay(history).ledger


# The small worlds


NEEDED = {  # what goes wrong without the rule, and after how few acts
    "forks": {
        "spine": ("wronged", 3),
        "read": ("false", 2),
        "one tree": ("false", 1),
        "consistency": ("unnoticed", 1),
        "quorum": ("split", 2),
        "largest": ("split", 2),
        "covers": ("split", 3),
        "overlap": ("split", 2),
        "stream": ("wronged", 1),
    },
    "theft": {
        "threshold": ("false", 1),
        "distinct": ("false", 1),
        "seats": ("false", 1),
        "standing": ("false", 2),
        "chain": ("false", 3),
        "recovered": ("false", 3),
        "waits": ("false", 2),
        "opposed": ("false", 4),
        "suspended": ("false", 2),
        "outweighed": ("wronged", 2),
        "lapses": ("wronged", 3),
        "unseated": ("wronged", 4),
        "appointed": ("false", 4),
        "stream": ("wronged", 1),
    },
    "expiry": {
        "until": ("false", 4),
        "lease": ("false", 1),
        "before": ("false", 2),
        "earlier": ("false", 4),
        "no later": ("false", 3),
        "only": ("wronged", 2),
        "chain": ("false", 4),
        "as logged": ("wronged", 4),
        "stream": ("wronged", 2),
    },
    "denunciation": {
        "notice": ("wronged", 1),
        "end": ("false", 2),
        "from record": ("wronged", 3),
        "taken back": ("wronged", 3),
        "in time": ("false", 3),
        "own": ("false", 3),
        "once": ("false", 4),
        "earliest": ("wronged", 2),
        "power": ("wronged", 2),
        "standing": ("wronged", 3),
        "spine": ("wronged", 4),
        "stream": ("false", 2),
    },
    "homes": {
        "real": ("false", 1),
        "sibling": ("mute", 1),
        "place lost": ("mute", 2),
        "unknown": ("false", 1),
        "first": ("false", 1),
        "notice": ("wronged", 1),
        "from its index": ("wronged", 2),
        "past": ("wronged", 3),
        "spine seen": ("false", 3),
        "known place": ("mute", 1),
        "home whole": ("false", 1),
        "stream": ("wronged", 1),
    },
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_small_world_holds_and_every_premise_was_met(name):
    report = small.search(name, small.world(name).QUICK)
    assert report.wrong is None, report.wrong.tell()
    assert small.unmet(report) == []
    assert report.states > 4_000


@pytest.mark.parametrize("name", WORLDS)
def test_each_rule_of_a_small_world_is_needed(name):
    found = {}
    for rule in small.world(name).RULES:
        wrong = small.search(name, small.world(name).QUICK, frozenset({rule})).wrong
        found[rule] = wrong and (wrong.kind, len(wrong.acts))
        assert wrong is None or wrong.claim in wrong.tell()
    assert found == NEEDED[name]


@pytest.mark.parametrize("name", WORLDS)
def test_longer_histories_of_a_small_world_hold_too(name):
    here, report = small.world(name), small.Found(name, 0, ())
    for seed in range(60):
        state, acts = small.drawn(name, seed, 9)
        for act in acts:
            state = small.step(state, act)
        wrong = small.judged(here, state, frozenset(here.RULES), report)
        assert wrong is None, (seed, list(map(small.describe, acts)), wrong)


@pytest.mark.parametrize("name", WORLDS)
def test_what_has_a_hole_in_a_stream_is_answered_cannot_tell(name):
    """So the searches show whole ledgers only, but where the rule itself is taken out."""
    here, holes = small.world(name), 0
    for seed in range(20):
        state, acts = small.drawn(name, seed, 4)
        for act in acts:
            state = small.step(state, act)
        without = frozenset(here.RULES) - {"stream"}
        for view in here.views(state, without):
            if view.hidden:
                holes += 1
                assert {answer for answer, _ in here.fold(view, frozenset(here.RULES)).answers.values()} == {
                    CANNOT_TELL
                }
    assert holes > 50


def test_a_premise_that_was_never_met_is_said():
    assert "ratify: signature expired" in small.unmet(small.search("expiry", 1))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--world", "expiry", "--depth", "4"], 0, "expiry: 7966 histories"),
        (["--world", "expiry", "--depth", "1"], 1, "NEVER MET: conclude: expired"),
        (["--world", "homes", "--without", "notice"], 0, "wronged: from"),
        (["--world", "homes", "--without", "lease"], 2, "there is no rule lease here"),
        (["--worlds", "--without", "stream"], 2, "a rule belongs to one world"),
    ],
)
def test_the_command_searches_small_worlds(arguments, code, says):
    command = [sys.executable, "-m", "spec.model", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
