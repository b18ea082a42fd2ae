"""Attacks on ledgers, notes and witnesses by number: 1 to 4, 17 to 32, 45 to 50. Each is answered as the number says.

17 to 32, and 45 as far as it is about policy files, are cases of ``tests/test_ledger.py`` that carry their number; here
is shown that none lacks. The others meet real witnesses on real sockets.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pourparler.core import ledger
from pourparler.core.errors import Refused
from pourparler.core.ledger import SIZE_CONTENT_TYPE, AddCheckpoint, quorum_met
from pourparler.ports import StoreConflict, StoreError
from pourparler.service import keyring, witnessing
from pourparler.service.asking import ask
from pourparler.service.witness import Witness
from pourparler.service.witnessing import Said, ask_all, heads_seen, keep_contradiction, witness_ledger
from pourparler.service.workspace import Workspace
from pourparler.store.witness import WitnessStore
from tests import test_ledger
from tests.test_ledger import LOG, ORIGIN, W1, W2, Pen
from tests.witnessed import DEPOSITARY, Clock, Log, new_store, policy_of, witness_at

HOUR = 3_600


@pytest.mark.parametrize("number", [*range(17, 33), 45])
def test_attacks_that_are_cases_of_the_ledgers_tests_are_there(number):
    cases = [name for name in test_ledger.REFUSALS if name.startswith(f"attack-{number}-")]
    tests = [name for name in vars(test_ledger) if name.startswith(f"test_attack_{number}_")]
    assert cases or tests


def sent(url: str, request: AddCheckpoint):
    return ask(f"{url}/add-checkpoint", request.encoded(), most=65_536)


# --- 1 to 4: other stories --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "sizes"), [(1, (7, 7)), (2, (7, 12))], ids=["attack-01-split-view", "attack-02-fork-at-another-size"]
)
def test_two_stories_are_refused_kept_and_proven(tmp_path, number, sizes):
    """Two histories, both signed: the witness answers 422 and keeps both; who asks learns of it, with the proof."""
    ours, other = Log().grow(sizes[0]), Log(changed=3).grow(sizes[1])
    place = Workspace.create(tmp_path / "workspace")
    with witness_at(tmp_path / "a", W1) as (url, witness):
        policy = policy_of("quorum one", one=(W1, url))
        assert witness_ledger(DEPOSITARY, ours.store, policy).met
        path = ledger.consistency_path(sizes[0], sizes[1], other.store.node)
        reply = sent(url, AddCheckpoint(sizes[0], path, other.note()))
        assert (reply.status, b"proof.inconsistent" in reply.body) == (422, True)
        found = witness_ledger(DEPOSITARY, other.store, policy)
        (kept,) = witness.store.refused()
    (word,) = found.accusing
    assert word.said is Said.FORKED
    assert (found.met, found.contradicted, other.store.witnessed()) == (False, True, None)
    assert ledger.open_checkpoint(kept.held, ORIGIN, LOG.key, [W1.key]).checkpoint == ours.head.checkpoint
    assert ledger.parse_add_checkpoint(kept.sent).note == other.note()
    files = keep_contradiction(place, other.head, word)
    assert files is not None
    notes = [ledger.open_checkpoint(file.read_bytes(), ORIGIN, LOG.key).checkpoint for file in files]
    assert notes == [other.head.checkpoint, ours.head.checkpoint]


def test_attack_01_proof_by_one_witness_outweighs_a_quorum_of_others(tmp_path):
    """Two have only seen the other story, one shows both: the ledger did tell two, and nothing is witnessed anew."""
    ours, other = Log().grow(7), Log(changed=3).grow(9)
    with witness_at(tmp_path / "a", W1) as (one, _), witness_at(tmp_path / "b", W2) as (two, _):
        assert witness_ledger(DEPOSITARY, ours.store, policy_of("quorum one", one=(W1, one))).met
        found = witness_ledger(DEPOSITARY, other.store, policy_of("quorum two", one=(W1, one), two=(W2, two)))
    assert (found.met, found.contradicted) == (True, True)
    assert other.store.witnessed() is None


def test_attack_03_rollback(tmp_path):
    """A smaller checkpoint after a larger: the witness answers 409; whoever asks refuses to move back."""
    old, log = Log().grow(4), Log().grow(9)
    with witness_at(tmp_path / "a", W1) as (url, witness):
        policy = policy_of("quorum one", one=(W1, url))
        assert witness_ledger(DEPOSITARY, log.store, policy).met
        reply = sent(url, old.request(0))
        assert (reply.status, reply.content_type, reply.body) == (409, SIZE_CONTENT_TYPE, b"9\n")
        assert sent(url, AddCheckpoint(9, (), old.note())).status == 400
        found = witness_ledger(DEPOSITARY, old.store, policy)
        assert heads_seen(policy, old.head)["one"].size == 9
        assert witness.store.remembered(ORIGIN).size == 9
    (word,) = found.accusing
    assert (word.said, word.size, found.contradicted) == (Said.AHEAD, 9, True)
    assert old.store.witnessed() is None
    with pytest.raises(StoreConflict):
        log.store.set_witnessed(4, old.note())


def test_attack_04_freeze(tmp_path):
    """An old checkpoint for ever: whoever asks for cosignatures of today sees that it is stale; it is not invalid."""
    clock, log = Clock(1_800_000_000), Log().grow(5)
    with witness_at(tmp_path / "a", W1, clock=clock) as (url, _):
        policy = policy_of("quorum one", one=(W1, url))
        witness_ledger(DEPOSITARY, log.store, policy)
        frozen = ledger.open_checkpoint(log.store.witnessed(), ORIGIN, LOG.key, [W1.key])
        today = clock.time + 30 * 24 * HOUR
        assert quorum_met(policy, frozen.cosigners())
        assert not quorum_met(policy, frozen.cosigners(earliest=today - HOUR))
        clock.time = today
        witness_ledger(DEPOSITARY, log.store, policy)
    thawed = ledger.open_checkpoint(log.store.witnessed(), ORIGIN, LOG.key, [W1.key])
    assert quorum_met(policy, thawed.cosigners(earliest=today - HOUR))


# --- 45 to 50: witnesses ----------------------------------------------------------------------------------------------


def test_attack_45_quorum_of_one_organisation(tmp_path):
    """Three witnesses of one house are one group's word: a quorum of two houses is not met by them."""
    house = [Pen(f"house.example/{number}", W1.key.type, 40 + number) for number in range(3)]
    groups = "group house any h0 h1 h2\ngroup both all house other\nquorum both"
    with witness_at(tmp_path / "a", *house) as (url, _), witness_at(tmp_path / "b", W2) as (other, _):
        theirs = {f"h{number}": (pen, url) for number, pen in enumerate(house)}
        log = Log().grow(5)
        without = ask_all(log.head, policy_of(groups, **theirs, other=(W1, other)))
        assert [word.said for word in without.words] == [Said.COSIGNED] * 3 + [Said.REFUSED]
        assert not without.met
        assert ask_all(log.head, policy_of(groups, **theirs, other=(W2, other))).met


def test_attack_46_proof_of_64_lines(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (url, witness):
        sent(url, log.request(0))
        reply = sent(url, AddCheckpoint(5, (bytes(32),) * 64, log.grow(1).note()))
        assert (reply.status, reply.body.split(b":")[0]) == (400, b"proof.too-many-hashes")
        reply = sent(url, AddCheckpoint(5, (bytes(32),) * 63, log.note()))
        assert (reply.status, reply.body.split(b":")[0]) == (422, b"proof.length")
        assert witness.store.remembered(ORIGIN).size == 5


def test_attack_47_old_without_proof(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (url, witness):
        sent(url, log.request(0))
        reply = sent(url, AddCheckpoint(5, (), log.grow(3).note()))
        assert (reply.status, reply.body.split(b":")[0]) == (422, b"proof.length")
        assert sent(url, log.request(5)).status == 200
        assert witness.store.remembered(ORIGIN).size == 8


NOTE = Log().grow(5).note()


@pytest.mark.parametrize("body", [b"old 0\n" + NOTE, NOTE, b"old 0\n\n", b"", b"old 0", b"\n\n" + NOTE])
def test_attack_48_body_without_the_empty_line(tmp_path, body):
    with witness_at(tmp_path / "a", W1) as (url, witness):
        assert ask(f"{url}/add-checkpoint", body, most=65_536).status == 400
        assert witness.store.remembered(ORIGIN) is None


def test_attack_49_race_of_two_updates(tmp_path):
    """The specification's story: N is checked, N + K is checked and stored, then N would be stored. Here the second
    waits until the first is done, and is answered as if it had come after it."""
    log = Log().grow(3)
    store = new_store(tmp_path / "a", W1)
    began, go_on = threading.Event(), threading.Event()

    def slow(message: bytes) -> bytes:
        began.set()
        assert go_on.wait(30)
        return W1.sign(message)

    first = Witness(store, [(W1.key, slow)], Clock())
    second = Witness(store, [(W1.key, W1.sign)], Clock())
    assert second.add_checkpoint(log.request(0).encoded()).status == 200
    small, large = log.grow(2).request(3).encoded(), log.grow(4).request(3).encoded()
    with ThreadPoolExecutor(2) as pool:
        of_small = pool.submit(first.add_checkpoint, small)
        assert began.wait(30)
        of_large = pool.submit(second.add_checkpoint, large)
        assert store._using.acquire(blocking=False) is False
        go_on.set()
        assert of_small.result(30).status == 200
        answer = of_large.result(30)
    assert (answer.status, answer.body) == (409, b"5\n")
    assert store.remembered(ORIGIN).size == 5
    store.close()


def test_attack_49_many_races_on_a_real_socket(tmp_path):
    """Of all that is answered 200 no two are from the same size, and what is remembered is the largest of them."""
    log = Log().grow(1)
    with witness_at(tmp_path / "a", W1) as (url, witness):
        sent(url, log.request(0))
        for _ in range(6):
            before = log.frontier.size
            requests = [log.grow(1).request(before) for _ in range(4)]
            with ThreadPoolExecutor(4) as pool:
                answers = list(pool.map(lambda request: sent(url, request), requests))
            statuses = sorted(answer.status for answer in answers)
            assert statuses == [200, 409, 409, 409]
            won = before + 1 + [answer.status for answer in answers].index(200)
            assert witness.store.remembered(ORIGIN).size == won
            assert {answer.body for answer in answers if answer.status == 409} == {b"%d\n" % won}
            assert sent(url, log.request(won)).status == 200
        assert not witness.store.refused()


def test_attack_49_two_processes_never_decide_on_one_memory(tmp_path):
    store = new_store(tmp_path / "a", W1)
    with pytest.raises(StoreError, match="in use"):
        WitnessStore(tmp_path / "a", serving=True)
    store.close()


def test_attack_50_witness_whose_memory_is_lost(tmp_path, monkeypatch):
    """It does not start, and its key makes no second witness: the key is retired with the memory."""
    from pourparler.cli.main import main

    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert main(["witness", "create", "witness.example/w1"]) == 0
    (tmp_path / "witness" / "witness.sqlite").unlink()
    assert main(["witness", "serve", "--port", "0"]) == 5
    assert main(["witness", "create", "witness.example/w1"]) == 4
    assert main(["witness", "create", "witness.example/w1", "--key", "another"]) == 0
    assert Path("keys/another.key").exists()


def test_attack_50_memory_that_was_put_back_shows_where_another_witness_knows_more(tmp_path):
    """The witness itself cannot know; the ledger's depositary can: this witness lags behind the others."""
    log = Log().grow(3)
    with witness_at(tmp_path / "b", W2) as (two, _):
        with witness_at(tmp_path / "a", W1) as (one, _):
            witness_ledger(
                DEPOSITARY, log.store, policy_of("group g all one two\nquorum g", one=(W1, one), two=(W2, two))
            )
        with witness_at(tmp_path / "again", W1) as (one, _):
            policy = policy_of("group g all one two\nquorum g", one=(W1, one), two=(W2, two))
            seen = heads_seen(policy, log.head)
    assert (seen["one"].size, seen["two"].size) == (0, 3)


def test_a_policy_of_other_logs_is_not_this_ledgers(tmp_path):
    place = Workspace.create(tmp_path)
    from pourparler.service.workspace import KnownLedger

    known = KnownLedger(ORIGIN, LOG.key.public_key, "x.sqlite", "ledger")
    other = test_ledger.OTHER.key.text
    with pytest.raises(Refused, match=r"checkpoint\.origin"):
        witnessing.set_policy(place, known, f"log {other}\nquorum none\n".encode())
    assert witnessing.policy_of(place, known) is None
    witnessing.set_policy(place, known, b"quorum none\n")
    assert witnessing.policy_of(place, known).quorum is None
    witnessing.drop_policy(place, known)
    assert witnessing.policy_of(place, known) is None
