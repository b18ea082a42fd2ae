"""The bench does what it says: it measures both sides, checks what it measures, and never invents a line.

Nothing here asserts a speed; every bench runs once at its smallest.
"""

import io
import json
import re
import shutil
from functools import cache

import pytest

from bench import __main__ as bench
from bench import append, evidence, growth, lone, negotiate, parts, radio, rivals, sizes, speak
from bench.material import Ledger, NotDone, interleaved, scratch
from bench.measure import TIMES, Effort, Goal, Result, Rounds, alternate, at_least, at_most, middle, ratio, skipped
from bench.parts import Shares, replaced, timed
from pourparler.core import encoding
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore
from tools import environment

SMALL = Effort.small()
KEYS = {"name", "value", "unit", "baseline", "goal", "holds", "spread", "note"}


def quiet(what):
    """Progress, and nobody waits for it."""


def unreachable():
    raise environment.SetUpFailed("nothing was installed.", "the package index cannot be reached", "connect")


@pytest.fixture
def no_rivals(monkeypatch):
    """A machine on which the rivals cannot be installed."""
    monkeypatch.setattr(rivals, "ready", unreachable)


@cache
def results_of(name):
    """Run a bench once, at its smallest and without rivals, for all tests that look at its results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rivals, "ready", unreachable)
        return tuple(bench.BENCHES[name][1](SMALL, quiet))


# --- ratios -----------------------------------------------------------------------------------------------------------


def test_both_sides_are_measured_in_turn_and_change_places():
    order = []

    def side(name, seconds):
        def once():
            order.append(name)
            return seconds

        return once

    rounds = alternate(side("theirs", 3.0), side("ours", 2.0), 3)
    assert order == ["theirs", "ours", "theirs", "ours", "ours", "theirs", "theirs", "ours"]
    assert rounds == Rounds((3.0, 3.0, 3.0), (2.0, 2.0, 2.0))
    assert (rounds.speed, rounds.cost) == ((1.5,) * 3, (2.0 / 3.0,) * 3)


def test_a_ratio_is_the_median_of_the_rounds_and_not_of_the_sides():
    rounds = Rounds((1.0, 10.0, 100.0), (2.0, 10.0, 50.0))
    assert middle(rounds.speed) == (1.0, (0.75, 1.5))
    assert middle(rounds.cost)[0] == 1.0
    assert middle((0.5,)) == (0.5, (0.5, 0.5))
    assert ratio("x", "y", rounds.speed, at_least(1)).value == 1.0


@pytest.mark.parametrize(
    ("goal", "value", "holds"), [(at_least(2), 2.0, True), (at_least(2), 1.99, False), (at_most(2), 2.01, False)]
)
def test_a_goal_is_met_or_missed(goal, value, holds):
    result = Result("x", value, TIMES, "y", goal)
    assert result.holds is holds
    assert result.wire()["goal"] == str(goal)
    assert set(result.wire()) == KEYS


def test_what_was_not_measured_neither_holds_nor_misses():
    result = skipped("x", TIMES, "y", "no network", at_least(1))
    assert (result.value, result.holds, result.note) == (None, None, "skipped: no network")
    assert Result("x", 1.0, TIMES, "y").holds is None


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", parts.PARTS)
def test_every_part_names_functions_that_are_there(part):
    assert any(parts.find(name) for name in parts.PARTS[part])


def test_shares_add_up_and_leave_everything_as_it_was():
    ledger = Ledger.over(MemoryStore())
    groups = interleaved(ledger.begun(2))
    before = {name: parts.find(name) for names in parts.PARTS.values() for name in names}
    found = Shares()
    with timed(found):
        append.append(ledger, groups)
    assert {name: parts.find(name) for names in parts.PARTS.values() for name in names} == before
    assert found.calls["signature (Ed25519)"] == 14  # a signer once proven is not asked again
    told = dict(found.told())
    assert all(seconds >= 0 for seconds in told.values())
    assert 0 < told["signature (Ed25519)"] < sum(told.values()) <= found.whole


def test_a_part_does_not_count_what_another_part_below_it_does(monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(parts, "perf_counter", lambda: float(next(ticks)))
    shares, stack = Shares(), [[0.0]]
    inner = parts.looking(lambda: None, "inner", shares, stack)  # the clock is asked at 1 and 2
    parts.looking(inner, "outer", shares, stack)()  # and at 0 and 3
    assert shares.seconds == {"inner": 1.0, "outer": 2.0}


def test_a_function_is_replaced_wherever_it_was_imported():
    from pourparler.core import council

    genuine = encoding.verify_ed25519
    with replaced("pourparler.core.encoding:verify_ed25519", lambda _: None):
        assert (encoding.verify_ed25519, council.verify_ed25519) == (None, None)
    assert encoding.verify_ed25519 is council.verify_ed25519 is genuine
    with pytest.raises(KeyError), replaced("pourparler.core.encoding:no_such_name", lambda _: None):
        pass


# --- every bench, small -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", bench.BENCHES)
def test_every_bench_without_rivals(name):
    results = results_of(name)
    assert results
    for result in results:
        assert set(result.wire()) == KEYS
        if result.value is None:
            assert result.note.startswith("skipped: ")
        else:
            assert result.value >= 0 if result.unit == "of an act" else result.value > 0
        if result.spread:
            assert result.spread[0] <= result.value <= result.spread[1]


@pytest.mark.parametrize("name", ["known", "cold", "bytes", "negotiate", "proofs"])
def test_a_line_beside_a_rival_is_skipped_with_the_reason_where_there_is_none(name):
    skipped_lines = [result for result in results_of(name) if result.value is None]
    assert skipped_lines
    assert all("the package index cannot be reached" in result.note for result in skipped_lines)


@pytest.mark.parametrize("name", ["known", "cold", "bytes", "negotiate", "proofs"])
def test_every_line_beside_a_rival_where_they_are_installed(name):
    if environment.read_state(environment.place(environment.RIVALS)) != {
        "state": "ready",
        "key": environment.key(environment.RIVALS),
    }:
        pytest.skip("the rivals are installed by ./run bench; a test fetches nothing")
    results = bench.BENCHES[name][1](SMALL, quiet)
    assert all(result.value for result in results)


def test_every_goal_of_the_bench_is_some_line_s():
    goals = [str(result.goal) for name in bench.BENCHES for result in results_of(name) if result.goal]
    wanted = ["at least 0.6", "at least 0.75", "at least 0.75", "at most 1.05", "at least 5", "at least 0.9"]
    wanted += ["at most 216", "at most 420", "at most 300", "at most 950", "at most 1.2", "at most 1.2"]
    wanted += ["at most 2", "at most 1", "at least 3", "at most 3"]
    wanted += ["at most 1.3", "at most 25", "at least 0.6", "at least 0.55", "at least 50", "at least 1"]
    wanted += ["at most 1.5", "at least 0.6", "at least 0.65", "at least 0.25"]
    wanted += ["at most 1.01", "at least 0.9999", "at most 1.03", "at most 1.12", "at most 1.03", "at most 1.65"]
    wanted += ["at least 1", "at most 1.09", "at least 1", "at least 4.5", "at least 3.4", "at least 0.8"]
    wanted += ["at least 0.9", "at most 64"]
    wanted += ["at most 40", "at most 40", "at most 40", *["at most 3"] * 4]  # reconciliation
    wanted += ["at most 1", "at most 20", "at most 1", "at most 2"]
    assert sorted(goals) == sorted(wanted)


# --- nothing that was not done is speed -------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [append.run, speak.known, speak.cold, growth.dossiers, growth.ledgers, lone.run])
def test_a_program_that_checks_no_signature_is_not_measured(run, no_rivals):
    with (
        replaced("pourparler.core.encoding:verify_ed25519", lambda _: lambda key, message, signature: None),
        replaced("pourparler.core.council:verify_one", lambda _: lambda act, signature, key: None),
        pytest.raises(NotDone),
    ):
        run(SMALL, quiet)


@pytest.mark.parametrize("run", [append.run, speak.known, speak.cold, growth.dossiers, growth.ledgers, radio.junk])
def test_a_program_whose_check_passes_everything_is_not_measured(run, no_rivals):
    with (
        replaced("pourparler.core.encoding:verify_ed25519", lambda _: lambda key, message, signature: None),
        pytest.raises(NotDone),
    ):
        run(SMALL, quiet)


@pytest.mark.parametrize("run", [speak.known, speak.cold])
def test_a_program_that_asks_no_red_line_is_not_measured(run, no_rivals):
    with (
        replaced("pourparler.core.redline:check_lines_kept", lambda _: lambda lines, text: None),
        pytest.raises(NotDone, match="crosses a line"),
    ):
        run(SMALL, quiet)


def test_acts_that_are_refused_or_void_are_no_speed():
    ledger = Ledger.over(MemoryStore())
    (begun,) = ledger.begun(1)
    with pytest.raises(NotDone, match=r"refused.*unknown\.dossier|void"):
        append.append(ledger, interleaved([growth.negotiation(ledger.buyer, ledger.seller)]))
    append.append(ledger, interleaved([begun]))
    again = ledger.buyer.speak("adopt", dossier=begun.dossier, text=begun.acts[0]["text"], at=1)
    with pytest.raises(NotDone, match=r"void: dossier\.overtaken"):
        ledger.take([again.envelope.encoded()])


def test_what_the_file_does_not_hold_is_not_durable():
    with scratch() as folder:
        ledger = Ledger.over(SqliteStore(folder / "ledger.sqlite"))
        append.check_durable(folder / "ledger.sqlite", ledger)
        with replaced("pourparler.store.sqlite:SqliteTransaction.append", lambda _: lambda *given: None):
            ledger.begun(1)
        with pytest.raises(NotDone, match="the file holds"):
            append.check_durable(folder / "ledger.sqlite", ledger)
        ledger.intake.close()


def test_a_negotiation_that_did_not_come_to_its_end_is_not_measured():
    ledger = Ledger.over(MemoryStore())
    assert negotiate.negotiate(ledger, 1, 5) > 0
    with (
        replaced("pourparler.core.transitions:is_adopted", lambda _: lambda dossier, adopted: False),
        pytest.raises(NotDone, match="ended with its text proposed"),
    ):
        negotiate.negotiate(ledger, 1, 5)


def test_a_verify_that_passes_everything_is_not_measured(monkeypatch):
    monkeypatch.setattr(evidence, "MAIN", (evidence.sys.executable, "-c", "", "--"))
    with pytest.raises(NotDone, match="a changed bundle is not INVALID"):
        evidence.run(SMALL, quiet)


# --- sizes, syncs -----------------------------------------------------------------------------------------------------


def test_sizes_are_those_of_the_vectors():
    cases = json.loads((environment.ROOT / "spec/vectors/sizes.json").read_text("utf-8"))["cases"]
    stated = {case["id"].removeprefix("sizes/"): case["bytes"] for case in cases}
    found = {
        "suspend-at": sizes.size(sizes.suspension()),
        "dismissal": sizes.size(sizes.dismissal()),
        "mandate": sizes.size(sizes.mandate()),
        "three-links-conclude": sizes.size(*sizes.three_links()),
    }
    assert found == {name: stated[name] for name in found}


TRACE = f"""\
7 fsync(3) = 0
7 newfstatat(AT_FDCWD, "{lone.MARK}", 0x7f, 0) = -1 ENOENT (No such file or directory)
7 fdatasync(5)                            = 0
8 fsync(6 <unfinished ...>
7 newfstatat(AT_FDCWD, "/elsewhere", 0x7f, 0) = -1 ENOENT (No such file or directory)
8 <... fsync resumed>)                    = 0
7 fsync(9) = -1 EIO (Input/output error)
7 newfstatat(AT_FDCWD, "{lone.MARK}", 0x7f, 0) = -1 ENOENT (No such file or directory)
7 fsync(3) = 0
7 stat("{lone.MARK}", 0x7f) = -1 ENOENT (No such file or directory)
7 stat("{lone.MARK}", 0x7f) = -1 ENOENT (No such file or directory)
"""


def test_syncs_are_counted_between_marks():
    assert lone.count_syncs(TRACE) == [1, 0]  # what another thread syncs, nobody waits for


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not on PATH")
def test_a_lone_act_is_seen_to_be_synced():
    result = lone.syncs(14)
    if result.value is None:
        pytest.skip(result.note)  # a sandbox that lets nobody trace
    assert result.value >= 1


def test_signature_checks_are_counted(tmp_path):
    counted = lone.one_by_one(tmp_path / "ledger.sqlite", 14, mark=False)
    assert len(counted["checks"]) == 14
    assert counted["by"]["of acts"] == 1


# --- the rivals' environment ------------------------------------------------------------------------------------------


def test_the_rivals_lock_names_every_file_by_its_hash_and_no_index():
    lock = rivals.LOCK.read_text("utf-8")
    assert "http" not in lock
    named = re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE)
    for entry in re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry
    assert {re.split(r"[>=]", wanted)[0] for wanted in rivals.WANTED} <= {name for name, _ in named}
    assert "poetry" not in dict(named)


def test_clean_removes_the_rivals_and_nothing_that_is_not_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setenv("POURPARLER_VENV", str(tmp_path / "venv"))
    place = environment.place(environment.RIVALS)
    assert place == tmp_path / "venv-rivals"
    place.mkdir()
    (place / "somebody's").write_text("work", "utf-8")
    environment.clean()
    assert place.exists()
    environment.write_state(place, {"state": "making"})
    environment.clean()
    assert not place.exists()


def test_what_a_rival_says_went_wrong_is_told():
    answers = rivals.Rivals()
    answers.to, answers.fro = io.StringIO(), io.StringIO("")
    with pytest.raises(rivals.Wrong, match="has ended"):
        answers.ask("biscuit", depth=5)
    answers.fro = io.StringIO(json.dumps({"error": "Passed: biscuit: a crossed limit"}) + "\n")
    with pytest.raises(rivals.Wrong, match="biscuit: Passed: biscuit: a crossed limit"):
        answers.ask("biscuit", depth=5)


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_what_it_found(tmp_path, monkeypatch, no_rivals, capsys):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(bench, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert bench.main(["bytes", "--page"]) == 0
    found = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert all(set(line) == KEYS for line in found)
    assert [line["holds"] for line in found[:4]] == [True] * 4
    assert "| three links, two red lines, and their act |" in (tmp_path / "page.md").read_text("utf-8")
    assert "at most 950" in capsys.readouterr().out


def test_a_small_run_leaves_no_figures_behind(tmp_path, monkeypatch, no_rivals):
    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    assert bench.main(["bytes", "--small"]) == 0
    assert not (tmp_path / "results.json").exists()


def test_a_bench_that_fails_is_told_and_the_others_run(tmp_path, monkeypatch, no_rivals, capsys):
    def fail(effort, tell):
        raise NotDone("it was refused")

    monkeypatch.setattr(bench, "RESULTS", tmp_path / "results.json")
    monkeypatch.setitem(bench.BENCHES, "cold", ("fails", fail))
    assert bench.main(["cold", "bytes"]) == 1
    assert "cold FAILED: NotDone: it was refused" in capsys.readouterr().err
    assert json.loads((tmp_path / "results.json").read_text("utf-8"))


def test_an_unknown_name_is_told(capsys):
    assert bench.main(["nonsense"]) == 4
    assert "there is no nonsense" in capsys.readouterr().err


def test_goals_read_as_sentences():
    assert (str(Goal(0.6)), str(at_most(216))) == ("at least 0.6", "at most 216")
