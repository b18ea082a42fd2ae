"""Witnesses on real sockets: those who serve, those who ask, and what is published of a ledger that is witnessed."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from pourparler.core import ledger, limits
from pourparler.core.errors import Missing, Refused
from pourparler.core.evidence import Claim, Trust, Verdict, ledger_key, verify
from pourparler.core.ledger import Checkpoint, KeyType
from pourparler.ports import StoreConflict, StoreError
from pourparler.service import asking, witnessing
from pourparler.service.asking import Unreachable, ask
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.http.application import application
from pourparler.service.http.static import static_routes
from pourparler.service.intake import Intake
from pourparler.service.witness import Witness, trust
from pourparler.service.witnessing import Said, WitnessedLedger, ask_all, heads_seen, witness_ledger
from pourparler.service.workspace import WorkspaceError
from pourparler.store.memory import MemoryStore
from pourparler.store.reading import ReadingStore
from pourparler.store.sqlite import SqliteStore, StoreInUse
from pourparler.store.witness import RefusedRequest, Remembered, WitnessStore
from pourparler.testing.keys import Key
from tests.test_ledger import L1, LOG, ORIGIN, OTHER, W1, W2, Pen
from tests.witnessed import (
    DEPOSITARY,
    Clock,
    Log,
    answering,
    new_store,
    nobody,
    policy_of,
    replying,
    serving,
    witness_at,
)

ROOT = Path(__file__).resolve().parent.parent
BOTH = "group both all one two\nquorum both"


def said(found):
    return {word.name: word.said for word in found.words}


# --- a round ----------------------------------------------------------------------------------------------------------


def test_two_witnesses_make_a_quorum_and_the_head_is_witnessed(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (one, _), witness_at(tmp_path / "b", L1) as (two, _):
        policy = policy_of(BOTH, one=(W1, one), two=(L1, two))
        found = witness_ledger(DEPOSITARY, log.store, policy)
    assert found.met
    assert said(found) == {"one": Said.COSIGNED, "two": Said.COSIGNED}
    opened = ledger.open_checkpoint(log.store.witnessed(), ORIGIN, LOG.key, [W1.key, L1.key])
    assert opened.checkpoint.size == 5
    assert opened.cosigners() == {W1.key.public_key, L1.key.public_key}


def test_without_a_quorum_what_was_witnessed_before_stays(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (one, _):
        with witness_at(tmp_path / "b", W2) as (two, _):
            policy = policy_of(BOTH, one=(W1, one), two=(W2, two))
            witness_ledger(DEPOSITARY, log.store, policy)
        before = log.store.witnessed()
        found = witness_ledger(DEPOSITARY, log.grow(3).store, policy)
    assert said(found) == {"one": Said.COSIGNED, "two": Said.UNREACHABLE}
    assert not found.met
    assert log.store.witnessed() == before
    assert witnessing.published(log.store, policy) == before
    assert witnessing.published(log.store, None) == log.store.checkpoint()


def test_cosignatures_of_two_rounds_about_one_checkpoint_add_up(tmp_path):
    """Each is there alone, one after the other: 1 of 2 is met first, and its line stays when the other comes."""
    log = Log().grow(5)
    any_of_them = "group any any one two\nquorum any"
    with witness_at(tmp_path / "a", W1) as (one, _):
        witness_ledger(DEPOSITARY, log.store, policy_of(any_of_them, one=(W1, one), two=(W2, nobody())))
    with witness_at(tmp_path / "b", W2) as (two, _):
        found = witness_ledger(DEPOSITARY, log.store, policy_of(BOTH, one=(W1, nobody()), two=(W2, two)))
    assert found.met
    opened = ledger.open_checkpoint(log.store.witnessed(), ORIGIN, LOG.key, [W1.key, W2.key])
    assert len(opened.cosigners()) == 2


def test_a_witness_that_remembers_is_asked_from_there(tmp_path):
    asked = []
    with witness_at(tmp_path / "a", W1) as (one, witness):
        answered = witness.add_checkpoint
        witness.add_checkpoint = lambda body: asked.append(body.split(b"\n")[0]) or answered(body)
        policy, log = policy_of("quorum one", one=(W1, one)), Log().grow(5)
        witness_ledger(DEPOSITARY, log.store, policy)
        witness_ledger(DEPOSITARY, log.grow(4).store, policy)
        assert asked == [b"old 0", b"old 5"]
        assert ask_all(log.grow(1).head, policy).met  # it does not know what was cosigned, and is told
    assert asked[2:] == [b"old 0", b"old 9"]


def test_asking_again_dates_it_anew_and_never_earlier(tmp_path):
    clock, log = Clock(1_800_000_000), Log().grow(5)
    with witness_at(tmp_path / "a", W1, clock=clock) as (one, _):
        policy = policy_of("quorum one", one=(W1, one))
        for now, dated in (
            (1_800_000_000, 1_800_000_000),
            (1_800_000_100, 1_800_000_100),
            (1_700_000_000, 1_800_000_100),
        ):
            clock.time = now
            (word,) = witness_ledger(DEPOSITARY, log.store, policy).words
            assert word.cosignature.time == dated


def test_a_witness_with_two_keys_is_asked_once_and_its_group_is_met(tmp_path):
    requests = []
    with witness_at(tmp_path / "a", W1, L1) as (one, witness):
        answered = witness.add_checkpoint
        witness.add_checkpoint = lambda body: requests.append(body) or answered(body)
        policy = policy_of(BOTH, one=(W1, one), two=(L1, one))
        assert witness_ledger(DEPOSITARY, Log().grow(3).store, policy).met
    assert len(requests) == 1


def test_a_ledger_without_entries_is_not_witnessed():
    with pytest.raises(Refused):
        witness_ledger(DEPOSITARY, Log().store, policy_of("quorum none"))


# --- witnesses that do not do what they should ------------------------------------------------------------------------


def lying(status, body=b"", **headers):
    return replying(status, body, **headers)


MISBEHAVING = {
    "404": (lying(404, b"who?\n"), Said.REFUSED, "404: who?"),
    "500": (lying(500, b"\x1b[2Jboom\n"), Said.REFUSED, "500: ?[2Jboom"),
    "redirect": (lying(302, Location="http://127.0.0.1:1/"), Said.UNREACHABLE, "redirect"),
    "redirect-307": (lying(307, Location="/add-checkpoint"), Said.UNREACHABLE, "redirect"),
    "too-large": (lying(200, b"x" * (limits.WITNESS_BODY_MAX_BYTES + 1)), Said.UNREACHABLE, "more than"),
    "no-lines": (lying(200, b"thanks\n"), Said.REFUSED, "does not count"),
    "another-key": (lying(200, W2.under(Log().grow(5).head.checkpoint.text())), Said.REFUSED, "another key"),
    "a-cosignature-of-another-text": (lying(200, W1.under(Checkpoint(ORIGIN, 9, bytes(32)).text())), Said.REFUSED,
                                      "does not count"),
    "size-that-is-none": (lying(409, b"07\n", Content_Type="text/x.tlog.size"), Said.REFUSED, "cannot be read"),
    "size-never-right": (lying(409, b"3\n", Content_Type="text/x.tlog.size"), Said.REFUSED, "another size each time"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISBEHAVING)
def test_one_that_misbehaves_keeps_no_quorum_of_others_from_being_met(tmp_path, name):
    answer, expected, why = MISBEHAVING[name]
    with answering(answer) as bad, witness_at(tmp_path / "b", W2) as (two, _):
        policy = policy_of("quorum two", one=(W1, bad), two=(W2, two))
        log = Log().grow(5)
        found = witness_ledger(DEPOSITARY, log.store, policy)
    assert said(found) == {"one": expected, "two": Said.COSIGNED}
    assert why in found.words[0].why
    assert found.met
    assert log.store.witnessed() is not None


@pytest.mark.parametrize("answer", [lying(422, b"no\n"), lying(409, b"no\n", Content_Type="text/plain")])
def test_word_without_proof_is_told_and_stops_nobody(tmp_path, answer):
    """A 422, or the 409 of the protocol's first release, says that there is another story; anybody may say so."""
    log = Log().grow(5)
    with answering(answer) as bad, witness_at(tmp_path / "b", W2) as (two, _):
        found = witness_ledger(DEPOSITARY, log.store, policy_of("quorum two", one=(W1, bad), two=(W2, two)))
    assert said(found)["one"] is Said.FORKED
    assert [word.name for word in found.accusing] == ["one"]
    assert not found.contradicted
    assert log.store.witnessed() is not None


def dripping(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(100):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass


def silent(handler):
    time.sleep(3)


def hanging_up(handler):
    handler.connection.close()


def babbling(handler):
    handler.wfile.write(b"\x00\x01\x02\r\n\r\n")


def cut_short(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"x")


@pytest.mark.parametrize("answer", [dripping, silent, hanging_up, babbling], ids=lambda it: it.__name__)
def test_a_server_that_does_not_answer_is_given_up(answer):
    with answering(answer) as url, pytest.raises(Unreachable):
        ask(url, b"body", most=2_000, seconds=0.3)


@pytest.mark.parametrize("url", [
    "", "file:///etc/passwd", "ftp://example.com", "http://", "http://user:secret@127.0.0.1/", "http://127.0.0.1:x/",
    "http://127.0.0.1/ x", "http://127.0.0.1/\n", "http://[::1", "127.0.0.1",
])  # fmt: skip
def test_only_http_to_a_named_host_is_asked(url):
    with pytest.raises(Unreachable):
        asking.check_url(url)


def test_nobody_there_is_said():
    with pytest.raises(Unreachable, match="refused"):
        ask(nobody(), most=10)


# --- what witnesses remember ------------------------------------------------------------------------------------------


def test_heads_seen_tells_what_each_remembers(tmp_path):
    log = Log().grow(5)
    with (
        witness_at(tmp_path / "a", W1) as (one, _),
        witness_at(tmp_path / "b", W2) as (two, _),
        answering(shows_no_checkpoint) as old,
    ):
        policy = policy_of(
            "quorum one", one=(W1, one), two=(W2, two), old=(L1, old), gone=(Pen("g.example", W1.key.type, 9), nobody())
        )
        ask_all(log.head, policy_of("quorum one", one=(W1, one)))
        seen = heads_seen(policy, log.grow(2).head)
    assert (seen["one"].size, seen["one"].root) == (5, log.head.root_at(5))
    assert ledger.open_checkpoint(seen["one"].note, ORIGIN, LOG.key, [W1.key]).cosigners() == {W1.key.public_key}
    assert (seen["two"].size, seen["two"].root) == (0, None)
    assert (seen["old"].size, seen["old"].root) == (3, None)
    assert seen["gone"].size is None
    assert "refused" in seen["gone"].why


def shows_no_checkpoint(handler):
    """A witness of the protocol's first release: no monitoring, and it remembers 3 entries."""
    if handler.command == "GET":
        replying(404)(handler)
    else:
        replying(409, b"3\n", Content_Type="text/x.tlog.size")(handler)


def test_what_a_witness_shows_is_the_ledgers_and_its_own(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (one, _):
        ask_all(log.head, policy_of("quorum one", one=(W1, one)))
        reply = ask(f"{one}/{ledger.monitoring_path(ORIGIN)}", most=10_000)
        assert reply.content_type == "text/plain; charset=utf-8"
        assert ledger.open_checkpoint(reply.body, ORIGIN, LOG.key, [W1.key]).cosigners() == {W1.key.public_key}
        assert ask(f"{one}/{ledger.monitoring_path('ledger.example/other')}", most=1_000).status == 404


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_http_of_a_witness(tmp_path):
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (url, _):
        first = ask(f"{url}/add-checkpoint", log.request(0).encoded(), most=10_000)
        assert (first.status, first.content_type) == (200, "text/plain; charset=utf-8")
        assert ledger.read_cosignatures(log.head.checkpoint.text(), first.body, [W1.key])
        again = ask(f"{url}/add-checkpoint", log.request(0).encoded(), most=10_000)
        assert (again.status, again.content_type, again.body) == (409, "text/x.tlog.size", b"5\n")
        assert ask(f"{url}/add-checkpoint", most=1_000).status == 405
        assert ask(f"{url}/", most=1_000).status == 404
        assert ask(f"{url}/add-checkpoint", b"x" * (limits.WITNESS_BODY_MAX_BYTES + 1), most=1_000).status == 413


def test_a_body_without_a_length_is_bounded_as_well(tmp_path):
    def parts():
        for _ in range(20):
            yield b"x" * 8_000

    with witness_at(tmp_path / "a", W1) as (url, _):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        with contextlib.suppress(OSError):  # it may have hung up before all of it was sent
            connection.request("POST", "/add-checkpoint", parts(), encode_chunked=True)
            assert connection.getresponse().status == 413
        connection.close()
        assert ask(f"{url}/", most=1_000).status == 404  # and it goes on serving


def test_a_witness_that_cannot_store_does_not_answer_with_a_cosignature(tmp_path):
    with witness_at(tmp_path / "a", W1) as (url, witness):
        witness.store._database.execute("DROP TABLE remembered")
        reply = ask(f"{url}/add-checkpoint", Log().grow(5).request(0).encoded(), most=10_000)
    assert reply.status == 503
    assert b"\xe2\x80\x94" not in reply.body


def test_prefix_is_before_every_path(tmp_path):
    store = new_store(tmp_path / "a", W1)
    witness = Witness(store, [(W1.key, W1.sign)], Clock())
    from pourparler.service.http.witness import witness_routes

    with serving(application(witness_routes(witness), prefix="/w")) as url:
        policy = policy_of("quorum one", one=(W1, f"{url}/w/"))
        assert ask_all(Log().grow(2).head, policy).met
        assert ask(f"{url}/add-checkpoint", b"x", most=1_000).status == 404
    store.close()


class Folder:
    """A folder of files as a view: what a static log will be, without a log."""

    class File:
        def __init__(self, data, immutable):
            self.data, self.immutable, self.content_type = data, immutable, "application/octet-stream"

    def __init__(self, folder):
        self.folder = folder

    def resource(self, path):
        named = {str(file.relative_to(self.folder)): file for file in self.folder.rglob("*") if file.is_file()}
        return self.File(named[path].read_bytes(), path != "checkpoint") if path in named else None


def test_a_static_view_is_served_as_it_is(tmp_path):
    (tmp_path / "tile" / "0").mkdir(parents=True)
    (tmp_path / "tile" / "0" / "000").write_bytes(bytes(range(64)))
    (tmp_path / "checkpoint").write_bytes(b"a note\n")
    with serving(application(static_routes(Folder(tmp_path)))) as url:
        with urllib.request.urlopen(f"{url}/tile/0/000") as reply:
            assert reply.read() == bytes(range(64))
            assert "immutable" in reply.headers["Cache-Control"]
            assert reply.headers["Access-Control-Allow-Origin"] == "*"
        with urllib.request.urlopen(f"{url}/checkpoint") as reply:
            assert "immutable" not in reply.headers["Cache-Control"]
        for path in ("tile/0/001", "../secret", "tile/0/../../checkpoint", "", "tile"):
            assert ask(f"{url}/{path}", most=1_000).status == 404


# --- a witness's memory -----------------------------------------------------------------------------------------------


def remembered(size, root=bytes(32)):
    return Remembered(ORIGIN, "path", size, root, 5, b"note")


def test_a_witness_is_made_once_and_opened_where_it_is(tmp_path):
    with pytest.raises(StoreError, match="is not there"):
        WitnessStore(tmp_path / "a", serving=True)
    new_store(tmp_path / "a", W1).close()
    with pytest.raises(StoreConflict):
        WitnessStore(tmp_path / "a", create=True)
    (tmp_path / "b").write_bytes(b"x" * 5_000)
    with pytest.raises(StoreError):
        WitnessStore(tmp_path / "b")
    SqliteStore(tmp_path / "c").close()
    with pytest.raises(StoreError, match="another program"):
        WitnessStore(tmp_path / "c")


def test_one_instance_serves_and_others_may_look_and_trust(tmp_path):
    store = new_store(tmp_path / "a", W1)
    with pytest.raises(StoreInUse):
        WitnessStore(tmp_path / "a", serving=True)
    other = WitnessStore(tmp_path / "a")
    assert other.trust("ledger.example/other", OTHER.key.text)
    assert not other.trust("ledger.example/other", OTHER.key.text)
    with pytest.raises(AssertionError), other.deciding(ORIGIN):
        pass
    other.close()
    assert store.keys("ledger.example/other") == [OTHER.key.text]
    assert store.origins() == ["ledger.example/other", ORIGIN]
    store.close()
    WitnessStore(tmp_path / "a", serving=True).close()


def test_who_trusts_another_ledger_waits_for_a_decision(tmp_path):
    store, other = new_store(tmp_path / "a", W1), WitnessStore(tmp_path / "a")
    with ThreadPoolExecutor(1) as pool:
        with store.deciding(ORIGIN) as decision:
            trusted = pool.submit(other.trust, "ledger.example/other", OTHER.key.text)
            with pytest.raises(TimeoutError):
                trusted.result(0.2)
            decision.remember(remembered(5))
        assert trusted.result(30)
    assert store.remembered(ORIGIN) == remembered(5)
    other.close()
    store.close()


def test_what_is_remembered_never_shrinks_and_a_failed_decision_changes_nothing(tmp_path):
    store = new_store(tmp_path / "a", W1)
    with store.deciding(ORIGIN) as decision:
        decision.remember(remembered(5))
    with pytest.raises(StoreConflict), store.deciding(ORIGIN) as decision:
        decision.remember(remembered(4))
    with pytest.raises(ZeroDivisionError), store.deciding(ORIGIN) as decision:  # noqa: PT012
        decision.remember(remembered(6))
        raise ZeroDivisionError
    assert store.remembered(ORIGIN) == remembered(5)
    store.close()


def test_a_change_behind_the_decisions_back_is_noticed(tmp_path):
    """Compare and set: even where the transaction held nobody off, the row has to be the one that was read."""
    store = new_store(tmp_path / "a", W1)
    with pytest.raises(StoreConflict), store.deciding(ORIGIN) as decision:  # noqa: PT012
        decision.remember(remembered(5))
        decision.remember(remembered(6))
    assert store.remembered(ORIGIN) is None
    store.close()


def test_refused_requests_are_kept_once_and_nobody_pushes_them_out(tmp_path, monkeypatch):
    monkeypatch.setattr("pourparler.store.witness.REFUSED_KEPT", 3)
    store = new_store(tmp_path / "a", W1)
    for size in (7, 7, 8, 9, 10):
        store.add_refused(RefusedRequest(ORIGIN, size, bytes(32), 5, "proof.inconsistent", b"held", b"sent"))
    assert [one.size for one in store.refused()] == [7, 8, 9]
    store.close()


def test_keys_that_sign_no_checkpoints_are_not_trusted(tmp_path):
    store = new_store(tmp_path / "a", W1, trusted=False)
    own = ledger.VerifierKey("ledger.example/own", KeyType.ED25519, W1.key.public_key)
    for vkey in (W2.key.text, own.text):
        with pytest.raises(WorkspaceError):
            trust(store, vkey)
    assert trust(store, LOG.key.text, "ledger.example/under-another-name")
    assert store.origins() == ["ledger.example/under-another-name"]
    store.close()


def test_what_was_answered_is_remembered_after_kill(tmp_path):
    """A witness in a process of its own, killed at any moment: whatever it has answered, it remembers."""
    script = tmp_path / "serve.py"
    script.write_text(SERVE.format(root=str(ROOT), path=str(tmp_path / "a")))
    new_store(tmp_path / "a", W1).close()
    log, answered = Log(), 0
    for turn in range(4):
        process = subprocess.Popen(
            [sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        )  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        killer = threading.Timer(0.15 * (turn + 1), process.kill)
        killer.start()
        seen = ask(f"{url}/{ledger.monitoring_path(ORIGIN)}", most=10_000) if answered else None
        try:
            while True:
                policy = policy_of("quorum one", one=(W1, url))
                found = ask_all(log.grow(1).head, policy, seconds=5)
                if not found.met:
                    break
                answered = found.checkpoint.size
        finally:
            killer.join()
            process.wait(10)
            process.stdout.close()
        if seen is not None:
            assert seen.status == 200
        store = WitnessStore(tmp_path / "a", serving=True)
        kept = store.remembered(ORIGIN)
        assert (kept.size if kept else 0) >= answered
        assert not store.refused()
        store.close()
    assert answered


SERVE = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from pourparler.service.http.application import application
from pourparler.service.http.serving import Serving, bind, url_of
from pourparler.service.http.witness import witness_routes
from pourparler.service.witness import Witness
from pourparler.service.workspace import WallClock
from pourparler.store.witness import WitnessStore
from tests.test_ledger import W1
bound = bind("127.0.0.1", 0)
store = WitnessStore(Path({path!r}), serving=True)
print(url_of(bound), flush=True)
Serving(application(witness_routes(Witness(store, [(W1.key, W1.sign)], WallClock()))), bound).run()
store.close()
"""


def test_sigterm_stops_a_witness_cleanly(tmp_path):
    script = tmp_path / "serve.py"
    script.write_text(SERVE.format(root=str(ROOT), path=str(tmp_path / "a")))
    new_store(tmp_path / "a", W1).close()
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert ask(f"{url}/", most=1_000).status == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


# --- reading beside a writer ------------------------------------------------------------------------------------------


def test_a_ledger_is_read_while_it_is_written(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(StoreError, match="is not there"):
        ReadingStore(path)
    writer = SqliteStore(path)
    reader = ReadingStore(path)
    log = Log()
    for size in (1, 2, 3):
        copied(log.grow(1), writer)
        assert reader.checkpoint() == writer.checkpoint() == log.note()
        assert [entry.data for entry in reader.entries()] == [b"entry %d" % at for at in range(size)]
        assert reader.node(0, size - 1) == ledger.leaf_hash(b"entry %d" % (size - 1))
    writer.set_witnessed(2, b"note")
    assert reader.witnessed() == b"note"
    with pytest.raises(StoreError):
        reader.set_witnessed(3, b"other")
    reader.close()
    writer.close()


def copied(log, writer):
    size = writer.size()
    frontier = ledger.frontier_of(size, writer.node)
    entries = list(log.store.entries(size))
    grown, nodes = frontier.extended([ledger.leaf_hash(entry.data) for entry in entries])
    with writer.transaction() as transaction:
        numbered = [type(entry)(entry.index, bytes([entry.index]) * 32, entry.data) for entry in entries]
        transaction.append(numbered, nodes)
        transaction.set_checkpoint(grown.size, log.note())


def test_a_file_that_is_no_ledger_is_not_read(tmp_path):
    new_store(tmp_path / "a", W1).close()
    with pytest.raises(StoreError, match="no ledger"):
        ReadingStore(tmp_path / "a")


def test_many_ask_at_once_and_each_is_answered(tmp_path):
    """Sixteen threads send the same next checkpoint: each is answered, and one memory results."""
    log = Log().grow(5)
    with witness_at(tmp_path / "a", W1) as (url, witness):
        policy = policy_of("quorum one", one=(W1, url))
        with ThreadPoolExecutor(16) as pool:
            rounds = list(pool.map(lambda _: ask_all(log.head, policy), range(16)))
        assert all(found.met for found in rounds)
        assert witness.store.remembered(ORIGIN).size == 5
        assert not witness.store.refused()


# --- evidence under a policy ------------------------------------------------------------------------------------------


def test_evidence_about_what_was_witnessed_long_ago_is_valid_under_the_policy(tmp_path):
    """A policy asks that witnesses saw each act near its time. The newest checkpoint was cosigned days later; the one
    by which the act was first witnessed is in the bundle, too, also after the same checkpoint was cosigned anew."""
    clock = Clock(1_800_000_000)
    key, ann = Key.from_name("ledger"), Key.from_name("ann")
    ours = Intake(MemoryStore(), key, clock, "ledger.example/ours")
    home = {"origin": ours.depositary.origin, "key": ours.depositary.key}
    may = powers("open", "ratify", "dismiss", "delegate")
    board = {"name": "board", "seats": [[ann.public_key, 1]], "needs": 1, "powers": may}
    fields = {"name": "We", "nonce": bytes(16), "home": home, "organs": [board], "suspension": 86_400}
    party = draft("found", fields).signed_by(ann)
    with witness_at(tmp_path / "a", W1, clock=clock, trusted=False) as (url, witness):
        trust(witness.store, ledger_key(ours.depositary).text)
        policy = ledger.parse_policy(f"witness one {W1.key.text} {url}\nquorum one\n".encode())
        ours.submit(party.envelope.encoded())
        assert witness_ledger(ours.depositary, ours.store, policy).met
        clock.time += 3 * 86_400
        assert witness_ledger(ours.depositary, ours.store, policy).met  # the same entries, dated anew
        claim = Claim("recorded", ours.depositary, 0, act=party.id)
        bundle = assemble(claim, [WitnessedLedger(ours, policy)])
    report = verify(bundle.encoded(), Trust({party.id: "handed over"}, policy))
    assert (report.verdict, report.reason) == (Verdict.VALID, "")
    (shown,) = bundle.ledgers
    alone = replace(bundle, ledgers=(replace(shown, earlier=()),))
    lacking = verify(alone.encoded(), Trust({party.id: "handed over"}, policy))
    assert (lacking.verdict, lacking.reason) == (Verdict.CANNOT_TELL, "witness.quorum")


def test_evidence_waits_for_its_witnesses(tmp_path):
    ours = Intake(MemoryStore(), Key.from_name("ledger"), Clock(), "ledger.example/ours")
    policy = ledger.parse_policy(f"witness one {W1.key.text} {nobody()}\nquorum one\n".encode())
    with pytest.raises(Missing, match=r"witness\.quorum.*not reached"):
        WitnessedLedger(ours, policy, seconds=1).checkpoint()
    assert WitnessedLedger(ours, ledger.parse_policy(b"quorum none\n")).checkpoint() == ours.checkpoint()
