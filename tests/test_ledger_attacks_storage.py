"""Attacks on a ledger's storage, by the numbers of the list of attacks on ledgers: 5 to 8, 14 and 15.

Each is done to the real files, by real processes where a process is in it. The others of that list concern bytes
(``test_ledger.py``) or witnesses.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial

import pytest

from pourparler.core.act import parse_act
from pourparler.core.errors import PourparlerError
from pourparler.core.ledger import inclusion_path, leaf_hash, verify_inclusion
from pourparler.ports import StoreConflict, StoreError
from pourparler.service.heads import ReadOnly
from pourparler.store.sqlite import SqliteStore, StoreInUse
from tests import faults, kills
from tests.disk import crashes
from tests.faults import FOUNDING, GRANT, GRANT_ID, Promises, broken, checked, head, submit
from tests.kills import open_intake, word
from tests.test_intake import Side, data


@pytest.fixture
def promises():
    return Promises()


@pytest.fixture
def folder(tmp_path, promises):
    with contextlib.closing(open_intake(tmp_path)) as intake:
        submit(intake, promises, FOUNDING, GRANT)
    return tmp_path


DIES = """
import os, signal, sys
from pathlib import Path
from tests.disk import Disk, watched
from tests.faults import GRANT_ID
from tests.kills import open_intake, word

left = [int(sys.argv[2])]
disk = Disk()

def refuse(op):
    if armed and left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= bool(armed)
    return 0

armed = []
disk.refuse = refuse
with watched(disk):
    intake = open_intake(Path(sys.argv[1]))
    armed.append(True)
    receipt = intake.submit(word(GRANT_ID, "before the crash"))
    sys.stdout.buffer.write(intake.checkpoint())
    sys.stdout.flush()
    armed.clear()
    intake.close()
"""


def test_attack_05_a_crash_between_signing_and_commit_forks_nothing(folder, promises):
    """Signed, not committed, killed; then other entries take the place. What was released is what was committed."""
    killed = 0
    for op in range(30):
        command = [sys.executable, "-c", DIES, str(folder), str(op)]
        died = subprocess.run(command, cwd=kills.ROOT, capture_output=True, check=False)
        if b"Unwatched" in died.stderr and not os.environ.get("CI"):
            pytest.skip(died.stderr.decode().splitlines()[-1])
        if died.stdout:
            promises.notes.append(died.stdout)
        assert checked(folder, promises, goes_on=f"after the crash at op {op}") == "whole"
        if died.returncode == 0:
            break
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()
        killed += 1
    assert killed >= 5, "it was to die at each write and sync of a commit"


def test_attack_06_a_restored_backup_is_compared_with_the_high_water_file_and_with_witnesses(folder, promises):
    backup = faults.copied(folder)
    with contextlib.closing(open_intake(folder)) as intake:
        submit(intake, promises, word(GRANT_ID, "after the backup"))
        size, root = intake.size, head(intake.checkpoint()).root
    faults.put_back(folder, {"ledger": backup["ledger"]})
    assert checked(folder, promises) == "read-only [ledger.behind]"
    faults.put_back(folder, backup)  # whole, with its high-water file: only somebody else can know
    with contextlib.closing(open_intake(folder, partial(dict, witness=(size, root)))) as intake:
        with pytest.raises(ReadOnly, match=r"the witness witness has seen"):
            intake.submit(word(GRANT_ID, "a second history"))
        assert intake.store.size() < size


def test_attack_06_and_the_witness_is_another_ledger_that_really_saw_it(folder, promises):
    """The copy that somebody took is a witness, too: asked for its size and root, it knows better."""
    backup = faults.copied(folder)
    with contextlib.closing(open_intake(folder)) as intake:
        submit(intake, promises, word(GRANT_ID, "after the backup"))
    elsewhere = folder / "somebody else"
    elsewhere.mkdir()
    for name in ("ledger", "mark"):
        shutil.copy(folder / name, elsewhere / name)

    def asked():
        with contextlib.closing(open_intake(elsewhere)) as other:
            seen = head(other.checkpoint())
        return {"somebody else": (seen.size, seen.root)}

    faults.put_back(folder, backup)
    with contextlib.closing(open_intake(folder, asked)) as intake:
        assert intake.read_only.reason == "ledger.behind"
    faults.put_back(folder, {name: (elsewhere / name).read_bytes() for name in ("ledger", "mark")})
    with contextlib.closing(open_intake(folder, asked)) as intake:
        submit(intake, promises, word(GRANT_ID, "on"))


def test_attack_07_two_writers_with_one_key_and_the_loser_refuses(folder, promises):
    with contextlib.closing(open_intake(folder)) as intake:
        with pytest.raises(StoreInUse, match="one writer"):
            open_intake(folder)
        (folder / "ledger.lock").unlink()  # somebody in a hurry; the high-water file is held as well
        with pytest.raises(StoreInUse, match="high-water|another instance keeps"):
            open_intake(folder)
        (folder / "ledger.lock").unlink()
        shutil.copy(folder / "mark", folder / "other mark")
        with contextlib.closing(SqliteStore(folder / "ledger")) as second:  # and one that knows of no such file
            entry = second.entry(0)
            with second.transaction() as transaction:
                transaction.append([type(entry)(second.size(), bytes(32), b"not an act")], [])
        with pytest.raises(StoreConflict, match="one writer"):
            intake.submit(word(GRANT_ID, "mine"))
    assert checked(folder, promises) == "refused"  # what the other wrote is no ledger


def test_attack_07_two_processes_that_start_at_once(folder):
    assert "one wrote" in faults.two("attack", 1)


def test_attack_08_a_disk_that_lied_is_found_out_at_start():
    try:
        disk = faults.recorded(4)
    except faults.Skipped as why:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(why))
    found = {}
    for cut in crashes(disk.log, random.Random("08"), torn=0, ignores=lambda name: name.startswith("ledger")):
        lost = len(faults.promised(cut.told).receipts)
        found.setdefault(faults.after_cut(cut, goes_on=False), []).append(lost)
    assert max(found["read-only [ledger.behind]"]) >= 2  # answered, synced by a lie, gone, and said
    assert "whole" in found


def test_attack_14_an_act_submitted_twice_has_one_place(folder, promises):
    again = []
    with contextlib.closing(open_intake(folder)) as intake:
        act = word(GRANT_ID, "twice")
        first = intake.submit(act)
        racing = [threading.Thread(target=lambda: again.append(intake.submit(act))) for _ in range(8)]
        for thread in racing:
            thread.start()
        for thread in racing:
            thread.join()
        size = intake.size
    with contextlib.closing(open_intake(folder)) as intake:
        again.append(intake.submit(act))
        assert intake.size == size
        entries = [parse_act(intake.entry(index)).id for index in range(size)]
    assert len(again) == 9
    assert {(receipt.index, receipt.time) for receipt in again} == {(first.index, first.time)}
    assert entries.count(first.act_id) == 1


def test_attack_15_of_two_acts_that_race_for_one_place_one_is_admitted(folder, promises):
    """Two decisions after the same prior. The loser is refused, and is told which one took the place."""
    with contextlib.closing(open_intake(folder)) as intake:
        side = Side("racing", intake.depositary)
        submit(intake, promises, data(side.found), data(side.grant))
        rivals = [side.decision("dismiss", dismissal(side, words)).signed_by(*side.members[:2]) for words in "ab"]
        answers = {}

        def send(act):
            try:
                answers[act.id] = intake.submit(data(act))
            except PourparlerError as error:
                answers[act.id] = error

        racing = [threading.Thread(target=send, args=(act,)) for act in rivals]
        for thread in racing:
            thread.start()
        for thread in racing:
            thread.join()
        (won,) = [act for act in rivals if not isinstance(answers[act.id], Exception)]
        (lost,) = [act for act in rivals if isinstance(answers[act.id], Exception)]
        assert answers[lost.id].reason == "decision.overtaken", answers
        assert intake.receipt(lost.id) is None
        receipt, today = intake.receipt(won.id), head(intake.checkpoint())
        path = inclusion_path(today.size, receipt.index, intake.node)  # the winner's place, proven to the loser
        leaf = leaf_hash(data(won))
        verify_inclusion(leaf, receipt.index, today.size, path, today.root)
        assert not broken(intake, promises)


def dismissal(side, words):
    return {"mandate": side.grant.id, "words": words}


def test_nothing_is_answered_by_a_ledger_whose_high_water_file_is_full_of_another(folder):
    """Beside the list: two ledgers that were given one high-water file."""
    (folder / "mark").write_bytes((folder / "mark").read_bytes().replace(b"kills", b"kilns"))
    with contextlib.closing(open_intake(folder)) as intake, pytest.raises(StoreError):
        intake.submit(word(GRANT_ID, "never"))
