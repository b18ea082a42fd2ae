"""Real negotiations replayed: a small file of our own in their format, then some of theirs where the data are there."""

import contextlib
import copy
import json
import os
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.casino import report as casino_report
from examples.casino import sides, talks
from examples.casino.__main__ import main
from examples.casino.dialogues import Dialogue, portions, read_dialogues, sayable
from examples.casino.recount import Recount, recount
from examples.casino.report import FAVOURITE_LINE, ORIGIN, POINTS_LINE, Report, replay_file
from examples.casino.sides import deal_text, seat
from examples.casino.talks import Record, RoundClock, Stopwatch, play
from pourparler.core import limits
from pourparler.core.act import check_payload
from pourparler.core.council import Depositary
from pourparler.core.encoding import decode, encode
from pourparler.core.evidence import Trust, Verdict, verify
from pourparler.ports import StoreError
from pourparler.service.intake import Intake
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ROOT = Path(__file__).resolve().parents[1]
SMALL = ROOT / "tests" / "data" / "casino-small.jsonl"
DATA = Path(os.environ.get("POURPARLER_DATA", ROOT.parent / "shared" / "data")) / "casino" / "casino-negotiations.jsonl"


@pytest.fixture
def small() -> list[dict]:
    """The eight dialogues as values, for a test to change."""
    return [json.loads(line) for line in SMALL.read_text("utf-8").splitlines()]


def lines(values: list[dict]) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def dialogues(values: list[dict]) -> list[Dialogue]:
    found, faults = read_dialogues(lines(values))
    assert faults == []
    return found


def replayed(values: list[dict], folder: Path, proofs: int = 0) -> Report:
    found, faults = read_dialogues(lines(values))
    return replay_file("a test", found, faults, folder, proofs=proofs)


def played(values: list[dict]) -> tuple[Intake, Record, Recount]:
    """Replay into memory and count again."""
    clock = RoundClock()
    ledger = Intake(MemoryStore(), Key.from_name("casino ledger"), clock, ORIGIN)
    record = play(dialogues(values), ledger, clock, Stopwatch())
    return ledger, record, recount(ledger.depositary, ledger.store)


def run(capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


# --- the small file ---------------------------------------------------------------------------------------------------


def test_the_small_file_is_replayed_whole(small, tmp_path):
    report = replayed(small, tmp_path, proofs=8)
    assert report.differences == []
    assert (report.dialogues, report.agreed, report.walked_away) == (8, 5, 3)
    assert report.acts == {
        "found": 16, "grant": 32, "open": 8, "join": 8, "say": 22, "propose": 10, "adopt": 15, "reject": 3,
        "sign-ad-referendum": 10, "ratify": 10, "close": 8,
    }  # fmt: skip
    assert (report.points, report.points_without_a_deal, report.said) == ([10, 10], [6, 6], [22, 22])
    assert (report.checked, report.bound_before_ratification) == (sum(report.acts.values()), 0)
    assert (report.refused, report.void) == ({}, {})
    assert report.submitted == report.checked + sum(report.stopped.values())
    assert Counter(proof.verdict for proof in report.evidence) == {"VALID": 8}
    assert Counter(proof.claim for proof in report.evidence) == {"in-force": 5, "recorded": 3}


def test_red_lines_stop_whom_they_should_and_nobody_else(small):
    """By hand from the file: in 5 B gives nearly all away, in 7 A has two of what he wants most and 13 points; in 2 B
    and in 6 A have one of what they want most, and 17 points."""
    _, record, counted = played(small)
    signatures = {(stop.dialogue, stop.side) for stop in record.stops if stop.kind == "sign-ad-referendum"}
    assert signatures == {(2, "B"), (5, "B"), (6, "A"), (7, "A")}
    beyond = {(one.dialogue, one.side): one.lines for one in counted.beyond}
    assert beyond == {(2, "B"): (1,), (5, "B"): (0, 1), (6, "A"): (1,), (7, "A"): (0,)}
    assert Counter(stop.kind for stop in record.stops)["propose"] == 2  # by those who offer it themselves: 2 and 6


def test_a_stop_is_a_refusal_by_the_intake_at_step_9_and_says_no_limit(small):
    ledger, record, _ = played(small)
    refusals = list(ledger.store.refusals())
    assert Counter(refusal.kind for refusal in refusals) == Counter(stop.kind for stop in record.stops)
    assert {(refusal.step, refusal.reason) for refusal in refusals} == {(9, "line.crossed")}
    assert not any(character.isdigit() for refusal in refusals for character in refusal.detail)


def test_what_a_line_stopped_is_signed_under_the_mandate_without_lines_and_all_else_under_the_other(small):
    ledger, _, _ = played(small)
    lined = Counter()
    for outcome in ledger.registry.outcomes.values():
        if outcome.act.kind == "sign-ad-referendum":
            lined[bool(ledger.registry.registers[outcome.party].mandate(outcome.act["by"]).lines)] += 1
    assert lined == {True: 6, False: 4}


def test_the_recount_tells_what_the_intake_would_have_let_through(small, monkeypatch, tmp_path):
    """With an intake that does not look at lines, nothing is stopped; the recount says so all the same."""
    from pourparler.core import admission

    monkeypatch.setattr(admission, "check_lines_kept", lambda lines, text: None)
    _, record, counted = played(small)
    assert record.stops == []
    assert len([told for told in replayed(small, tmp_path).differences if "differ on whether" in told]) == 4
    assert {(one.dialogue, one.side) for one in counted.beyond} == {(2, "B"), (5, "B"), (6, "A"), (7, "A")}


def test_two_runs_make_one_ledger(small, tmp_path):
    roots = [replayed(small, tmp_path / name).root for name in map(make(tmp_path), "12")]
    assert roots[0] == roots[1]


def make(tmp_path):
    def made(name: str) -> str:
        (tmp_path / name).mkdir()
        return name

    return made


def test_few_talks_at_a_time_make_the_same_dossiers(small, monkeypatch):
    _, together, first = played(small)
    monkeypatch.setattr(talks, "BESIDE_EACH_OTHER", 1)
    _, alone, second = played(small)
    assert first.root != second.root  # another order of the same acts
    assert together.accepted == alone.accepted
    assert [(a.state, a.points, a.said) for a in sorted_accounts(first)] == [
        (a.state, a.points, a.said) for a in sorted_accounts(second)
    ]


def sorted_accounts(counted: Recount):
    return [counted.accounts[number] for number in sorted(counted.accounts)]


# --- what does not agree is told --------------------------------------------------------------------------------------


def test_points_that_are_not_the_ledger_s_are_told(small, tmp_path):
    small[0]["parties"]["B"]["points"] += 1
    small[2]["parties"]["A"]["points"] = 0
    report = replayed(small, tmp_path)
    assert (report.points, report.points_without_a_deal) == ([9, 10], [5, 6])
    assert report.differences == [
        "dialogue 1 (line 1): B has 18 points by the ledger, and 19 in the file",
        "dialogue 3 (line 3): A has 5 points by the ledger, and 0 in the file",
    ]


def test_an_outcome_that_is_not_the_ledger_s_is_told(small, tmp_path):
    small[3]["outcome"] = "agreed"
    small[0]["turns"].pop()  # nobody accepts
    told = replayed(small, tmp_path).differences
    assert (
        "dialogue 4 (line 4): agreed in the file; in the ledger it is closed: failed, and no text is in force" in told
    )
    assert "dialogue 1 (line 1): agreed in the file; in the ledger it is open, and no text is in force" in told


def test_the_law_adopts_no_deal_over_packages_that_there_are_not(small, tmp_path):
    small[0]["turns"][3]["other_gets"]["Food"] = 1  # four of three
    report = replayed(small, tmp_path)
    assert report.refused == {"text.check": 2}
    assert report.agreed == 4
    assert any("dialogue 1: adopt was refused [text.check]" in told for told in report.differences)


def test_the_law_adopts_no_deal_whose_points_are_misstated(small, tmp_path, monkeypatch):
    """Somebody who writes himself 20 points into a poor deal keeps his red line, and gets no text adopted."""

    def flattering(*given):
        value = decode(deal_text(*given))
        value["terms"]["points"]["A"]["all"] = 20
        return encode(value)

    monkeypatch.setattr(talks, "deal_text", flattering)
    report = replayed(small[6:7], tmp_path)  # there A, who accepts, has 13 points
    assert set(report.refused) == {"text.check"}
    assert (report.agreed, report.stopped) == (0, {})


def test_the_law_lets_nobody_accept_his_own_deal(small, tmp_path):
    small[0]["turns"][4]["by"] = "A"
    report = replayed(small, tmp_path)
    assert report.void["dossier.repeated"] == 1  # he has adopted it by submitting it
    assert report.agreed == 4
    assert report.bound_before_ratification == 0


def test_a_counter_offer_kills_what_it_answers(small):
    ledger, _, counted = played(small)
    dossier = ledger.registry.dossiers[counted.accounts[7].dossier]
    assert Counter(paper.state.value for paper in dossier.papers.values())["superseded"] == 1


def test_who_could_conclude_would_bind_early_and_the_recount_says_where(small, monkeypatch, tmp_path):
    """The same talks by people who may conclude: what the councils never ratified binds, and is counted."""
    monkeypatch.setattr(sides, "TALKING", (*sides.TALKING, "conclude"))

    def conclude(self, name, digest):
        return (yield from self.within_lines("conclude", name, {"text": digest}))

    monkeypatch.setattr(talks.Talk, "sign", conclude)
    monkeypatch.setattr(talks.Talk, "ratify", lambda self, digest, signatures: self.send())
    _, _, counted = played(small[:1])
    assert any("is bound, and its council has not ratified" in told for told in counted.bound_early)
    assert any("it has effect, and not both councils have ratified" in told for told in counted.bound_early)
    assert counted.bound_early[0].split(":")[0].endswith("(conclude), text " + counted.accounts[1].text.hex()[:16])
    report = replayed(small[:1], tmp_path)
    assert report.bound_before_ratification == len(counted.bound_early)
    assert report.differences == counted.bound_early


def test_signatures_alone_bind_nobody(small, monkeypatch, tmp_path):
    monkeypatch.setattr(talks.Talk, "ratify", lambda self, digest, signatures: self.send())
    report = replayed(small, tmp_path)
    assert (report.agreed, report.points, report.bound_before_ratification) == (0, [0, 0], 0)
    assert report.void == {"dossier.not-agreed": 5}  # nobody is bound, so nobody can close as agreed


def test_one_council_alone_puts_nothing_in_force(small, monkeypatch):
    ratify = talks.Talk.ratify

    def ratify_one(self, digest, signatures):
        return ratify(self, digest, dict(list(signatures.items())[:1]))

    monkeypatch.setattr(talks.Talk, "ratify", ratify_one)
    _, _, counted = played(small)
    assert counted.bound_early == []
    assert [account.text for account in counted.accounts.values()] == [None] * 8


def test_an_intake_and_a_ledger_that_tell_different_stories_are_told_apart(small, tmp_path, monkeypatch):
    note = talks.Talk.note

    def forgetful(self, request, answer):
        if request.act.kind != "reject":
            note(self, request, answer)

    monkeypatch.setattr(talks.Talk, "note", forgetful)
    (told,) = replayed(small, tmp_path).differences
    assert told.startswith("the intake accepted")


def test_words_that_the_ledger_does_not_have_are_told(small, tmp_path, monkeypatch):
    monkeypatch.setattr(talks, "sayable", str.upper)
    report = replayed(small[:1], tmp_path)
    assert report.differences == ["dialogue 1 (line 1): what was said is not what the ledger holds"]
    assert report.said == [0, 3]


def test_evidence_that_convinces_nobody_is_told(small, tmp_path, monkeypatch):
    monkeypatch.setattr(casino_report, "Trust", lambda parties: Trust({}))
    report = replayed(small[:1], tmp_path, proofs=1)
    assert [proof.verdict for proof in report.evidence] == ["CANNOT TELL"]
    assert len(report.differences) == 1
    assert report.differences[0].startswith("dialogue 1: the evidence is CANNOT TELL (")


def test_a_damaged_ledger_is_found_when_the_ledger_is_read_again(small, tmp_path):
    report = replayed(small, tmp_path)
    path = tmp_path / "ledger.sqlite"
    depositary = Depositary(ORIGIN, Key.from_name("casino ledger").public_key)
    store = SqliteStore(path)
    assert recount(depositary, store).root.hex() == report.root
    store.close()
    with sqlite3.connect(path) as file:  # the end cut off, without a trace in what is left
        tail = file.execute("SELECT idx, act_id, data FROM entry WHERE idx >= ?", (report.entries - 2,)).fetchall()
        file.execute("DELETE FROM entry WHERE idx >= ?", (report.entries - 2,))
    assert "160 entries of 160, 159 nodes of 158" in damage(path, depositary)
    with sqlite3.connect(path) as file:
        file.executemany("INSERT INTO entry VALUES (?, ?, ?)", tail)
        ((index, data),) = file.execute("SELECT idx, data FROM entry WHERE idx = 40").fetchall()
        changed = data[:-1] + bytes([data[-1] ^ 1])
        file.execute("UPDATE entry SET data = ? WHERE idx = ?", (changed, index))
    assert damage(path, depositary).startswith("entry 40 is not what this ledger wrote: decision.insufficient")


def damage(path: Path, depositary: Depositary) -> str:
    """Return what the store, or the recount, says of a ledger's file."""
    with pytest.raises(StoreError) as raised, contextlib.closing(SqliteStore(path)) as store:
        recount(depositary, store)
    return str(raised.value)


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_that_no_act_may_hold_are_said_otherwise_and_counted(small, tmp_path):
    said = ["caf\u0065\u0301", "left \u202eright", "half \ud83d", "x" * 20_000, "", "🙂" * 3_000, "same", "same"]
    small[3]["turns"][:1] = [{"by": "A", "kind": "say", "text": text} for text in said]
    report = replayed(small, tmp_path)
    assert report.differences == []
    assert (report.said, report.said_otherwise) == ([29, 29], 3)
    assert report.acts["say"] == 29 + 2 + 1  # 20,000 bytes take three acts, 12,000 take two


def test_the_words_come_back_from_the_ledger(small):
    said = ["x" * 20_000, "caf\u00e9", "half \\ud83d"]
    small[3]["turns"][:1] = [
        {"by": "A", "kind": "say", "text": text} for text in (said[0], "cafe\u0301", "half \ud83d")
    ]
    _, _, counted = played(small)
    assert [words for _, words in counted.accounts[4].said][:3] == said


@given(st.text(st.characters()), st.text(st.sampled_from("e\u0301\u202e\ud83d\u2028\u200dx\u0344\u212b"), max_size=12))
def test_every_text_becomes_words_that_an_act_can_hold(ordinary, odd):
    for text in (ordinary, odd, ordinary + odd):
        for portion in portions(sayable(text)):
            check_payload({"kind": "say", "by": bytes(32), "dossier": bytes(32), "words": portion})
            encode(portion)
        assert "".join(portions(sayable(text))) == sayable(text)
        assert sayable(sayable(text)) == sayable(text)


@given(st.integers(8_180, 8_200), st.sampled_from("xé€🙂"))
def test_portions_are_cut_between_characters_and_within_the_bound(count, character):
    found = portions(character * count)
    assert "".join(found) == character * count
    assert all(1 <= len(portion.encode()) <= limits.LONG_TEXT_MAX_BYTES for portion in found)
    assert len(found) == -(-count * len(character.encode()) // limits.LONG_TEXT_MAX_BYTES) or len(found) > 1


# --- bad lines --------------------------------------------------------------------------------------------------------


def changed(small: list[dict], *path: object, to: object = None) -> bytes:
    """Return the first dialogue as a line, with another value at a path; without one, with nothing there."""
    value = copy.deepcopy(small[0])
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    if to is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return json.dumps(value).encode()


BAD = {
    "it is not JSON: Expecting value": lambda small: b"negotiation",
    "it is not UTF-8 (byte 3)": lambda small: b'{"\xff": 1}',
    "it is not JSON: a name stands twice in one object": lambda small: b'{"id": 1, "id": 2}',
    "it is not JSON that anybody can read: it is nested too deeply": lambda small: b"[" * 200_000,
    "the dialogue is not an object": lambda small: b"[]",
    "the dialogue lacks 'turns'": lambda small: changed(small, "turns"),
    "the dialogue has the unknown field 'when'": lambda small: changed(small, "when", to=3),
    "id is not a whole number": lambda small: changed(small, "id", to=True),
    "outcome is 'tied', not one of": lambda small: changed(small, "outcome", to="tied"),
    "parties.B lacks 'points'": lambda small: changed(small, "parties", "B", "points"),
    "parties.A.points is not a whole number": lambda small: changed(small, "parties", "A", "points", to=37),
    "parties.A.priority.high is 'Tents'": lambda small: changed(small, "parties", "A", "priority", "high", to="Tents"),
    "parties.A.priority names an item twice": lambda small: changed(
        small, "parties", "A", "priority", "high", to="Water"
    ),
    "turns is not a list of at least one turn": lambda small: changed(small, "turns", to=[]),
    "turn 1 is not an object": lambda small: changed(small, "turns", 0, to="hello"),
    "turn 2: kind is 'shout'": lambda small: changed(small, "turns", 1, "kind", to="shout"),
    "turn 2: by is 'C'": lambda small: changed(small, "turns", 1, "by", to="C"),
    "turn 3: text is not text": lambda small: changed(small, "turns", 2, "text", to=7),
    "turn 3, say, has the unknown field 'tone'": lambda small: changed(small, "turns", 2, "tone", to="kind"),
    "turn 4: self_gets.Food is not a whole number from 0 to 3": lambda small: changed(
        small, "turns", 3, "self_gets", "Food", to=4
    ),
    "turn 4: other_gets lacks 'Water'": lambda small: changed(small, "turns", 3, "other_gets", "Water"),
    "turn 4: accept-deal, and no deal is pending": lambda small: changed(small, "turns", 3),
    "dialogue 1 stands on line 1 already": lambda small: changed(small, "turns", 0, "text", to="Again"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_line_is_named_with_what_is_wrong(what, small):
    found, (fault,) = read_dialogues([*lines(small[:2]), BAD[what](small), *lines(small[2:])])
    assert len(found) == 8
    assert (fault.line, fault.what[: len(what)]) == (3, what)


def test_bad_lines_are_told_and_the_others_are_replayed(small, tmp_path, capsys):
    bad = [make_bad(small) for make_bad in BAD.values()]
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"\n".join([*lines(small[:2]), *bad, b"", b" ", *lines(small[2:])]))
    code, said, complained = run(capsys, file, "--json", "--proofs", "0")
    report = json.loads(said)
    assert (code, report["dialogues"], report["differences"]) == (5, 8, [])
    assert [fault["line"] for fault in report["malformed"]] == list(range(3, 3 + len(BAD)))
    assert len(complained.splitlines()) == len(BAD)
    for number, what in enumerate(BAD, 3):
        assert f"casino: {file}, line {number}: {what}" in complained


def test_an_answer_after_an_answer_has_no_deal_to_answer(small):
    turns = small[0]["turns"]
    turns.append({"by": "B", "kind": "reject-deal"})
    _, (fault,) = read_dialogues(lines(small[:1]))
    assert fault.what == "turn 6: reject-deal, and no deal is pending"


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_tells_people_and_machines_the_same(capsys):
    code, said, complained = run(capsys, SMALL)
    assert (code, complained) == (0, "")
    assert "8 negotiations: 5 agreed, 3 walked away" in said
    assert POINTS_LINE in said
    assert FAVOURITE_LINE in said
    assert "Nothing differs" in said
    code, said, complained = run(capsys, SMALL, "--json")
    assert (code, complained) == (0, "")
    report = json.loads(said)
    assert report["beyond_lines"] == {"both": 1, FAVOURITE_LINE: 2, POINTS_LINE: 1}
    assert (report["signatures"], report["dialogues_stopped"]) == (10, 4)
    assert report["bytes"] > report["entries"] * 100
    assert report["acts_per_second"] > 0


def test_a_difference_is_exit_code_1_also_beside_a_bad_line(small, tmp_path, capsys):
    small[0]["parties"]["A"]["points"] = 1
    file = tmp_path / "some.jsonl"
    file.write_bytes(b"\n".join([*lines(small), b"?"]))
    code, said, _ = run(capsys, file)
    assert code == 1
    assert "DIFFERS dialogue 1 (line 1): A has 23 points by the ledger, and 1 in the file" in " ".join(said.split())
    assert "Lines that could not be read, named above: 1" in said


def test_usage_and_files_that_are_not_there(tmp_path, capsys):
    for wrong in (["--dance"], ["--proofs", "-1"], [str(SMALL), "another"]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 4
    assert run(capsys, tmp_path / "nowhere")[0] == 5
    assert run(capsys, tmp_path)[0] == 5
    (tmp_path / "empty").write_bytes(b"\n\n")
    code, _, complained = run(capsys, tmp_path / "empty")
    assert (code, "holds no negotiation that can be read" in complained) == (5, True)
    code, _, complained = run(capsys, SMALL, "--keep", tmp_path)
    assert (code, "is not empty" in complained) == (5, True)


def test_what_is_kept_convinces_a_stranger(small, tmp_path, capsys):
    kept = tmp_path / "kept"
    code, said, _ = run(capsys, SMALL, "--json", "--keep", kept, "--proofs", "2", "--seed", "any")
    assert (code, (kept / "report.json").read_text("utf-8")) == (0, said)
    bundles = sorted(kept.glob("*.evidence"))
    assert len(bundles) == 2
    depositary = Depositary(ORIGIN, Key.from_name("casino ledger").public_key)
    by_id = {dialogue.id: dialogue for dialogue in dialogues(small)}
    for bundle in bundles:
        data, dialogue = bundle.read_bytes(), by_id[int(bundle.stem.partition("-")[2])]
        last = dialogue.turns[-1].by  # walked away or accepted, and his council ratified
        trust = Trust({seat(dialogue, last, depositary).party: "handed over"})
        assert verify(data, trust).verdict is Verdict.VALID
        middle = len(data) // 2
        spoiled = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        assert verify(spoiled, trust).verdict is not Verdict.VALID


def test_chance_chooses_what_is_proven_and_takes_talks_without_a_deal_along(small, tmp_path):
    for seed in "abc":
        folder = tmp_path / seed
        folder.mkdir()
        report = replay_file("a test", dialogues(small), [], folder, proofs=2, seed=seed)
        assert "recorded" in [proof.claim for proof in report.evidence]


@pytest.mark.parametrize("transactions", [0, 3])
def test_a_disk_that_fills_up_ends_the_run_and_says_so(transactions, capsys, monkeypatch):
    room = iter(range(transactions))
    transaction = SqliteStore.transaction

    def until_full(store):
        if next(room, None) is None:
            raise OSError(28, "No space left on device")
        return transaction(store)

    monkeypatch.setattr(SqliteStore, "transaction", until_full)
    code, said, complained = run(capsys, SMALL)
    assert (code, said) == (5, "")
    assert "No space left on device" in complained


# --- theirs -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
def test_25_real_agreements_and_some_who_walked_away(tmp_path):
    with DATA.open("rb") as file:
        found, faults = read_dialogues(file)
    assert (len(found), faults) == (930, [])
    left = [dialogue for dialogue in found if dialogue.outcome == "walked-away"]
    chosen = [*(dialogue for dialogue in found if dialogue not in left)][:25] + left[:8]
    report = replay_file("theirs", chosen, [], tmp_path, proofs=2)
    assert report.differences == []
    assert report.dialogues == len(chosen)
    assert report.points == [2 * report.agreed] * 2
    assert (report.agreed, report.walked_away) == (25, 8)
    assert report.void == report.refused == {}
    assert (report.bound_before_ratification, report.said[0]) == (0, report.said[1])
