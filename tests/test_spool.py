"""The spool: what other commands hand to the node that runs, whatever becomes of either."""

import pytest

from pourparler.core.errors import Malformed
from pourparler.ports import StoreError
from pourparler.service import spool as spools
from pourparler.service.spool import Job, Spool, read_job

JOB = Job("courier", (("orders", b"\x01"),), (("photo", b"\x02"),), ("http://relay.example",), b"quorum none\n")


@pytest.fixture
def spool(tmp_path):
    found = Spool(tmp_path / "spool")
    with found.running():
        pass
    return found


def names(spool, kind):
    return [path.name for path in spool.folder.glob(f"*{kind}")]


def test_a_job_is_done_once_answered_and_gone(spool):
    name, done = spool.hand(JOB), []
    assert spool.take(lambda job: done.append(job) or {"bad": 0}) == 1
    assert spool.take(lambda job: done.append(job) or {"bad": 0}) == 0
    assert done == [JOB]
    assert spool.answer(name, 0) == {"bad": 0}
    assert spool.answer(name, 0) is None
    assert [path.name for path in spool.folder.iterdir()] == ["running"]


def test_a_job_that_cannot_be_read_is_set_aside_with_the_reason_and_delays_nothing(spool):
    for data in (b"", b"\xa0", b"\xff" * 100, JOB.encoded()[:-1]):
        path = spool.folder / f"00-{len(data)}.job"
        path.write_bytes(data)
    name, done = spool.hand(JOB), []
    spool.take(lambda job: done.append(job) or {})
    assert done == [JOB]
    assert spool.answer(name, 0) == {}
    assert len(names(spool, ".bad")) == len(names(spool, ".why")) == 4
    assert all(path.read_text() for path in spool.folder.glob("*.why"))
    assert not spool.jobs()


def test_what_is_refused_as_no_file_of_ours_is_set_aside_too(spool):
    def refuse(_):
        raise Malformed("courier.malformed", "no file of ours")

    name = spool.hand(JOB)
    spool.take(refuse)
    assert spool.answer(name, 0)["reason"] == "courier.malformed"
    assert len(names(spool, ".bad")) == 1


@pytest.mark.parametrize("error", [OSError("disk"), StoreError("disk")])
def test_where_the_disk_fails_the_job_stays_and_is_done_later(spool, error):
    def fail(_):
        raise error

    name = spool.hand(JOB)
    with pytest.raises(type(error)):
        spool.take(fail)
    assert spool.answer(name, 0) is None
    assert spool.take(lambda _: {"later": True}) == 1
    assert spool.answer(name, 0) == {"later": True}


def test_a_spool_from_which_nobody_takes_does_not_grow_for_ever(spool, monkeypatch):
    monkeypatch.setattr(spools, "JOBS_MAX", 2)
    spool.hand(JOB)
    spool.hand(JOB)
    with pytest.raises(StoreError, match="takes nothing"):
        spool.hand(JOB)
    monkeypatch.setattr(spools, "JOB_MAX_BYTES", 10)
    with pytest.raises(StoreError, match="more than"):
        spool.hand(JOB)


def test_bad_jobs_and_answers_that_nobody_fetches_go(spool, monkeypatch):
    monkeypatch.setattr(spools, "SET_ASIDE_MAX", 2)
    for number in range(5):
        (spool.folder / f"{number}.job").write_bytes(b"junk")
    spool.take(lambda _: {})
    assert sorted(names(spool, ".bad")) == ["3.bad", "4.bad"]
    assert len(names(spool, ".why")) == 2
    monkeypatch.setattr(spools, "ANSWERS_SECONDS", -1)
    spool.take(lambda _: {})
    assert not names(spool, ".answer")


def test_who_runs_shows_only_as_long_as_it_does(tmp_path):
    spool = Spool(tmp_path / "spool")
    assert spool.runner() is None
    with spool.running():
        assert spool.runner() > 0
    assert spool.runner() is None


def test_a_job_is_read_as_it_was_written():
    assert read_job(JOB.encoded()) == JOB
    with pytest.raises(Malformed):
        read_job(b"\x80")
