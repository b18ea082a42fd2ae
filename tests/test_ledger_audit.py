"""Attacks on the ledger from outside: a thief, a depositary or witness that lies, a restored backup, a stranger's file.

Each test says what should be and fails today, strictly: whoever mends it takes the mark away. The reason begins with
its rank: *grave* (a fork, or words that were sealed), *serious* (something false is believed, or somebody is shut out),
*small*.
"""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.cli.session import Session
from pourparler.core import ledger
from pourparler.core.errors import Malformed, Missing
from pourparler.core.evidence import Claim, Trust, Verdict, ledger_key, verify
from pourparler.core.ledger.tiles import parse_tile_path
from pourparler.core.redline import text_digest
from pourparler.service import books, keyring, witnessing, workspace
from pourparler.service.asking import Unreachable, ask
from pourparler.service.audit import TiledLog, audit
from pourparler.service.books import copy_of
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.service.proofs import Kind, Known, check
from pourparler.service.sources import Folder, Web
from pourparler.service.tiles import LogView, export
from pourparler.service.witness import trust
from pourparler.service.witnessing import WitnessedLedger, ask_all, heads_seen, witness_ledger
from pourparler.store.highwater import HALF_BYTES, HighWaterFile
from pourparler.store.memory import MemoryStore
from pourparler.store.witness import REFUSED_KEPT
from pourparler.testing.keys import Key
from tests.builder import World, witness_key
from tests.logs import KEY
from tests.script_player import by_itself
from tests.test_intake import DESK, Side, begin, data, make_text, open_talks, settle
from tests.test_ledger import LOG, ORIGIN, W1, W2, LatticePen, Pen
from tests.witnessed import DEPOSITARY, Clock, Log, answering, new_store, nobody, policy_of, witness_at

OURS = "ledger.example/ours"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A workspace that keeps a ledger with one party; it is the current folder."""
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    folder = tmp_path / "ours"
    folder.mkdir()
    monkeypatch.chdir(folder)
    done("init")
    done("key", "new", "ann", "--role", "member")
    done("ledger", "create", OURS)
    done("party", "found", "--title", "First", "--member", "ann", "--name", "first")
    return folder


def run(*words):
    """Run a command; return its exit code and what it printed."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([*map(str, words)])
    return code, said.getvalue()


def done(*words):
    """Run a command that has to succeed; where it does not, the test itself is wrong, and no finding."""
    code, said = run(*words)
    if code != 0:
        raise RuntimeError(said)


def told(*words):
    code, said = run(*words, "--json")
    return code, json.loads(said[said.index("{") :])


def found(name, *options):
    return run("party", "found", "--title", name, "--member", "ann", "--name", name.lower(), *options)


def founded(name, *options):
    done("party", "found", "--title", name, "--member", "ann", "--name", name.lower(), *options)


def vkey_here():
    return told("ledger", "show")[1]["vkey"]


DATABASE = Path("ledgers/ledger.example-ours.sqlite")


def write_policy(pen, url, path="policy"):
    Path(path).write_text(f"witness one {pen.key.text} {url}\nquorum one\n", "utf-8")
    return path


# --- forks ------------------------------------------------------------------------------------------------------------


def test_a_restored_folder_asks_its_witnesses_before_it_writes(home, tmp_path):
    """docs/operating.md: before anything is written, the ledger is compared with every witness that answers."""
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
        shutil.copytree("ledgers", tmp_path / "backup")
        founded("Second")
        done("ledger", "witness")
        shutil.rmtree("ledgers")
        shutil.copytree(tmp_path / "backup", "ledgers")
        code, said = found("Third")
    assert code == 5, said
    assert "ledger.behind" in said


def second_history(home, tmp_path):
    """Let the ledger here hold another, longer history than its high-water file has seen."""
    twin = tmp_path / "twin"
    shutil.copytree(home, twin)
    founded("Second")
    os.chdir(twin)
    for name in ("Third", "Fourth"):
        founded(name)
    os.chdir(home)
    for path in DATABASE.parent.glob(f"{DATABASE.name}*"):
        path.unlink()
    shutil.copy(twin / DATABASE, DATABASE)
    (row,) = told("ledger", "list")[1]["ledgers"]
    if row["read_only"] != "ledger.differs":
        raise RuntimeError(row)


def test_nothing_of_a_second_history_is_exported(home, tmp_path):
    second_history(home, tmp_path)
    code, said = run("ledger", "export", tmp_path / "site")
    assert code == 5, said
    assert not (tmp_path / "site" / "checkpoint").exists()


def test_a_second_history_is_not_put_to_witnesses(home, tmp_path):
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        second_history(home, tmp_path)
        code, said = run("ledger", "witness", "--policy", write_policy(W1, url))
        assert code == 5, said
        assert witness.store.remembered(OURS) is None


SERVE = [sys.executable, "-m", "pourparler.cli.main", "ledger", "serve", "--port", "0", "--json"]


def test_a_second_history_is_not_served(home, tmp_path):
    second_history(home, tmp_path)
    with subprocess.Popen(SERVE, env=by_itself(), stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline()
        if '"url"' in said:
            process.terminate()
        said += process.stdout.read()
    assert process.returncode == 5, said
    assert "ledger.differs" in said


def test_a_second_history_is_served_no_longer(home, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(home, twin)
    founded("Second")
    os.chdir(twin)
    founded("Third")
    os.chdir(home)
    with subprocess.Popen(SERVE, env=by_itself(), stdout=subprocess.PIPE, text=True) as process:
        try:
            url = json.loads(process.stdout.readline())["url"]
            assert ask(f"{url}/checkpoint", most=10_000).status == 200
            marks = DATABASE.with_suffix(".high-water")
            marks.write_bytes((twin / marks).read_bytes())
            assert ask(f"{url}/checkpoint", most=10_000).status == 503
        finally:
            process.terminate()


def test_settings_of_an_earlier_day_do_not_begin_the_same_ledger_twice(home):
    """keys/ and pourparler.toml may be restored; then the ledger is unknown, and its files and its key are there."""
    whole = Path("pourparler.toml").read_text("utf-8")
    Path("pourparler.toml").write_text(whole[: whole.index("[ledgers")], "utf-8")
    assert DATABASE.exists()
    before = DATABASE.read_bytes()
    for words in ((), ("--high-water", "elsewhere")):
        code, said = run("ledger", "create", OURS, *words)
        assert code == 4, said
        assert "second history" in said
    assert [path.name for path in Path("ledgers").glob("*.sqlite")] == [DATABASE.name]
    assert DATABASE.read_bytes() == before
    done("ledger", "create", OURS, "--yes")
    section = whole[whole.index("[ledgers") : whole.index("[names")]
    assert section in Path("pourparler.toml").read_text("utf-8")
    assert DATABASE.read_bytes() == before
    founded("Second")


def test_no_caller_begins_a_ledger_beside_itself(tmp_path):
    place = workspace.Workspace.create(tmp_path / "ours")
    begin_it = (place, OURS, "ledger", Key.from_name("ledger"))
    books.create_ledger(*begin_it, bound_seconds=60)
    with place.changing() as settings:
        del settings.ledgers[OURS]
    with pytest.raises(workspace.WorkspaceError, match="second history"):
        books.create_ledger(*begin_it, bound_seconds=60)
    books.create_ledger(place, OURS, "other", Key.from_name("another"), bound_seconds=60)


def test_a_ledger_whose_database_is_lost_with_the_settings_is_not_begun_again(home):
    settings = Path("pourparler.toml").read_text("utf-8")
    Path("pourparler.toml").write_text(settings[: settings.index("[ledgers")], "utf-8")
    for path in DATABASE.parent.glob(f"{DATABASE.name}*"):
        path.unlink()
    code, said = run("ledger", "create", OURS)
    assert code == 4, said
    assert "second history" in said
    DATABASE.write_bytes(b"no ledger")
    DATABASE.with_suffix(".high-water").unlink()
    code, said = run("ledger", "create", OURS)
    assert code == 5, said
    assert not Path("ledgers/ledger.example-ours-2.sqlite").exists()


def test_a_half_that_has_become_zeros_is_spoilt(home):
    """Two writes were made, so both halves were written: none of them is blank."""
    marks = DATABASE.with_suffix(".high-water")
    before = DATABASE.read_bytes()
    founded("Second")
    content = bytearray(marks.read_bytes())
    file = HighWaterFile(marks, alone=False)
    newest = file._newest.count % 2
    file.close()
    content[newest * HALF_BYTES : (newest + 1) * HALF_BYTES] = bytes(HALF_BYTES)
    marks.write_bytes(content)
    for path in DATABASE.parent.glob(f"{DATABASE.name}*"):
        path.unlink()
    DATABASE.write_bytes(before)
    code, said = found("Third")
    assert code == 5, said


def test_a_copy_is_not_given_in_silence_where_a_witness_proves_a_fork(home, tmp_path, monkeypatch):
    """The witness has seen the twin's story, and shows its checkpoint. It is asked before the ledger is written, and
    once more where it did not answer then."""
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
        twin = tmp_path / "twin"
        shutil.copytree(home, twin)
        founded("Second")
        os.chdir(twin)
        founded("Third")
        done("ledger", "witness")
        os.chdir(home)
        code, said = run("ledger", "copy", "--out", "copy")
        assert (code, Path("copy").exists()) == (5, False), said
        assert "ledger.differs" in said
        assert "both checkpoints are kept" in " ".join(said.split())
        assert proven_forks() == [(True, False)]
        (proof,) = Path("ledgers").glob("fork-*-seen-by-*.note")
        for command in ("inbox", "doctor"):
            _, said = run(command)
            assert "has told two stories" in said
            assert proof.name in "".join(said.split())
            assert "-ours.note" not in said
        for path in Path("ledgers").glob("fork-*"):
            path.unlink()
        monkeypatch.setattr(Session, "heads_seen", lambda *_: {})
        code, said = run("ledger", "copy", "--out", "copy")
        assert code == 1, said
        assert "HAS TOLD TWO STORIES" in said
        assert list(Path("ledgers").glob("fork-*-seen-by-one.note"))
        (one,) = told("ledger", "search", "found", "second")[1]["found"]
        code, said = run("act", "export", one["act"], "--out", "evidence")
    assert code == 1, said


def proven_forks():
    """Of each two notes that were kept: whether the ledger signed as many entries or fewer in the witness's than in
    ours, and whether the two trees of one size are the same."""
    key = ledger.parse_vkey(vkey_here())

    def opened(path):
        return ledger.open_checkpoint(path.read_bytes(), OURS, key).checkpoint

    found = []
    for theirs in sorted(Path("ledgers").glob("fork-*-seen-by-*.note")):
        (ours,) = Path("ledgers").glob(f"{theirs.name[:21]}-ours.note")
        seen, held = opened(theirs), opened(ours)
        found.append((seen.size <= held.size, (seen.size, seen.root) == (held.size, held.root)))
    return found


def test_nothing_is_kept_where_a_witness_has_only_seen_more(home, tmp_path):
    """An older copy was put back: that proves no second history."""
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        before = DATABASE.read_bytes()
        founded("Second")
        done("ledger", "witness", "--policy", write_policy(W1, url))
        DATABASE.write_bytes(before)
        DATABASE.with_suffix(".high-water").unlink()
        code, said = run("ledger", "accept-head", "--yes")
    assert (code, "ledger.behind" in said) == (5, True), said
    assert not list(Path("ledgers").glob("fork-*"))


def test_a_proof_that_cannot_be_kept_is_told_and_stops_the_ledger_all_the_same(home, tmp_path, monkeypatch):
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
        shutil.copytree(home, tmp_path / "twin")
        founded("Second")
        os.chdir(tmp_path / "twin")
        founded("Third")
        done("ledger", "witness")
        os.chdir(home)
        full = OSError(28, "No space left on device")

        def write(*_):
            raise full

        monkeypatch.setattr(witnessing, "write_atomically", write)
        code, said = run("ledger", "copy", "--out", "copy")
    assert (code, Path("copy").exists()) == (5, False), said
    assert "could not be kept" in said
    assert "ledger.differs" in said


def test_two_rounds_at_once_are_no_fork(tmp_path):
    """Another round was faster with a larger tree of the same ledger: that proves nothing against it."""
    log = Log().grow(5)
    slow = log.head
    with witness_at(tmp_path / "a", W1) as (url, _):
        policy = policy_of("quorum one", one=(W1, url))
        assert ask_all(log.grow(3).head, policy).met
        round_ = ask_all(slow, policy)
    assert not round_.contradicted


def test_no_flood_of_wrong_proofs_pushes_a_fork_out_of_a_witness(tmp_path):
    """Anybody may send a genuine checkpoint with a wrong proof; a depositary can make as many as he likes."""
    store = new_store(tmp_path / "w", W1)
    from pourparler.service.witness import Witness

    witness = Witness(store, [(W1.key, W1.sign)], Clock())
    try:
        held, other = Log().grow(2), Log(changed=1).grow(2)
        assert witness.add_checkpoint(held.request(0).encoded()).status == 200
        later = Log().grow(2)
        for _ in range(REFUSED_KEPT):
            later.grow(1)
            request = ledger.AddCheckpoint(2, (bytes(32),), later.note())
            assert witness.add_checkpoint(request.encoded()).status == 422
        forked = ledger.AddCheckpoint(2, (), other.note())
        assert witness.add_checkpoint(forked.encoded()).status == 422
        assert other.frontier.root() in {one.root for one in store.refused()}
    finally:
        store.close()


def test_a_signed_fork_is_kept_whatever_old_size_comes_with_it(tmp_path):
    """Same size, another root, signed: that is the proof, and `old 0` throws it away."""
    store = new_store(tmp_path / "w", W1)
    from pourparler.service.witness import Witness

    witness = Witness(store, [(W1.key, W1.sign)], Clock())
    try:
        assert witness.add_checkpoint(Log().grow(2).request(0).encoded()).status == 200
        other = Log(changed=1).grow(2)
        witness.add_checkpoint(other.request(0).encoded())
        assert [one.root for one in store.refused()] == [other.frontier.root()]
    finally:
        store.close()


# --- what is not witnessed --------------------------------------------------------------------------------------------


# Should be: under a policy proofs and receipts are made of the published head; beyond it CANNOT TELL, exit code 2.
def test_no_proof_of_what_is_not_witnessed_is_given(home):
    run("ledger", "witness", "--policy", write_policy(W1, nobody()), "--seconds", "1")
    code, said = run("ledger", "prove", "2", "--out", "a.tlog-proof")
    assert code == 2, said
    assert not Path("a.receipt").exists()
    assert not Path("a.tlog-proof").exists()


# Should be: ledger prove puts the witnessed checkpoint, with its cosignatures, into the proof file.
def test_a_proof_of_a_witnessed_ledger_satisfies_its_own_policy(home, tmp_path):
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
        done("ledger", "prove", "2", "--out", "a.tlog-proof")
    code, said = run("verify", "a.tlog-proof", "--vkey", vkey_here(), "--policy", "policy")
    assert code == 0, said


def test_a_copy_of_a_read_only_ledger_ends_where_it_is_witnessed(home, tmp_path):
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
        size = told("ledger", "list")[1]["ledgers"][0]["size"]
    founded("Second")
    DATABASE.with_suffix(".high-water").unlink()
    done("ledger", "copy", "--out", "copy")
    assert len(books.parse_copy(Path("copy").read_bytes()).entries) == size


def test_evidence_of_a_read_only_ledger_ends_where_it_is_witnessed(home):
    run("ledger", "witness", "--policy", write_policy(W1, nobody()), "--seconds", "1")
    DATABASE.with_suffix(".high-water").unlink()
    from pourparler.cli.exporting import as_ledger
    from pourparler.cli.session import Session

    session = Session(workspace_folder=home)
    try:
        assert as_ledger(session, session.book()) is None  # nothing of it is witnessed, so nothing is shown
    finally:
        session.close()


def test_evidence_of_a_read_only_ledger_shows_nothing_that_the_policy_of_today_does_not_accept(home, tmp_path):
    """It was witnessed under the policy of another day: CANNOT TELL, as where nothing is witnessed."""
    from pourparler.cli.exporting import as_ledger

    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        done("ledger", "witness", "--policy", write_policy(W1, url))
    run("ledger", "witness", "--policy", write_policy(W2, nobody()), "--seconds", "1")
    DATABASE.with_suffix(".high-water").unlink()
    session = Session(workspace_folder=home)
    try:
        assert as_ledger(session, session.book()) is None
    finally:
        session.close()
    (one,) = told("ledger", "search", "found", "first")[1]["found"]
    code, said = run("act", "export", one["act"], "--out", "evidence")
    assert code == 2, said
    assert "witness.quorum" in said
    assert "First it has to be written again" in said


# Should be: the proof file is written, and no receipt, whose signature a read-only ledger does not give.
def test_a_read_only_ledger_that_is_behind_is_proven(home):
    """docs/operating.md: is read, proven and copied as far as it goes (test_cli_scripts rolled-back fails by this)."""
    yesterday = DATABASE.read_bytes()
    founded("Second")
    DATABASE.write_bytes(yesterday)
    code, said = run("ledger", "prove", "2", "--out", "left.tlog-proof")
    assert code == 0, said


def sealed_talks(clock=None):
    """A ledger with sealed talks in which one text was proposed; return it, the sides, and the text."""
    intake = begin(MemoryStore(), clock)
    first, second = Side("First"), Side("Second")
    settle(intake, first, second)
    opening = open_talks(first, second, sealed=True)
    text = make_text("the secret price")
    on = {"dossier": opening.id, "text": text_digest(text)}
    intake.submit_many(
        [data(opening), data(second.say("join", {"dossier": opening.id})), data(first.say("propose", on))]
    )
    return intake, first, opening, text


# Should be: a sealed text leaves only with the publish act that is within the head.
def test_words_published_behind_the_witnessed_head_do_not_leave(tmp_path):
    intake, first, opening, text = sealed_talks()
    seen = intake.checkpoint()
    receipt = intake.submit(data(first.say("publish", {"dossier": opening.id, "texts": [text_digest(text)]})), [text])
    assert receipt.void is None
    export(LogView(intake.store, lambda: seen), DESK, tmp_path / "site")
    assert not list((tmp_path / "site").rglob(text_digest(text).hex()))


# Should be: as above.
def test_words_published_behind_the_witnessed_head_are_in_no_copy(tmp_path):
    intake, first, opening, text = sealed_talks()
    seen = intake.checkpoint()
    intake.submit(data(first.say("publish", {"dossier": opening.id, "texts": [text_digest(text)]})), [text])
    intake_as_book = type("Book", (), {"depositary": DESK, "store": intake.store, "checkpoint": intake.checkpoint})()
    assert text not in copy_of(intake_as_book, seen).texts


# Should be: only texts brought by entries within the published head; else 404.
def test_a_text_behind_the_published_head_is_not_served():
    intake = begin(MemoryStore())
    first, second = Side("First"), Side("Second")
    settle(intake, first, second)
    seen = intake.checkpoint()
    opening, text = open_talks(first, second), make_text("not yet witnessed")
    on = {"dossier": opening.id, "text": text_digest(text)}
    acts = [opening, second.say("join", {"dossier": opening.id}), first.say("propose", on)]
    intake.submit_many([*map(data, acts)], [text])
    assert intake.text(text_digest(text)) == text
    view = LogView(intake.store, lambda: seen)
    assert view.resource(f"text/{text_digest(text).hex()}") is None


# Should be: hold the cosigners against the policy that is in force, or say that it is not met and publish nothing.
def test_a_head_that_the_policy_of_today_does_not_accept_is_not_published(tmp_path):
    """Witnessed by nobody (quorum none), then a policy that asks for somebody."""
    log = Log().grow(5)
    witness_ledger(DEPOSITARY, log.store, policy_of("quorum none", one=(W1, nobody())))
    strict = policy_of("quorum one", one=(W1, nobody()))
    assert not witness_ledger(DEPOSITARY, log.store, strict).met
    assert witnessing.published(log.store, strict) is None


# Should be: the same.
def test_evidence_does_not_take_anothers_policy_for_witnessed():
    ours, _, _ = one_party()
    witness_ledger(ours.depositary, ours.store, ledger.parse_policy(b"quorum none\n"))
    strict = ledger.parse_policy(f"witness one {W1.key.text} {nobody()}\nquorum one\n".encode())
    with pytest.raises(Missing):
        WitnessedLedger(ours, strict, seconds=1).checkpoint()


def one_party(clock=None):
    clock = clock or Clock(1_800_000_000)
    key, ann = Key.from_name("ledger"), Key.from_name("ann")
    ours = Intake(MemoryStore(), key, clock, OURS)
    home_ = {"origin": ours.depositary.origin, "key": ours.depositary.key}
    may = powers("open", "ratify", "dismiss", "delegate")
    board = {"name": "board", "seats": [[ann.public_key, 1]], "needs": 1, "powers": may}
    fields = {"name": "We", "nonce": bytes(16), "home": home_, "organs": [board], "suspension": 86_400}
    party = draft("found", fields).signed_by(ann)
    ours.submit(party.envelope.encoded())
    return ours, party, clock


# Should be: keep every note that adds a cosigner, or the earliest cosignature of each witness.
def test_the_first_quorum_of_the_policy_is_kept_and_not_the_first_of_any(tmp_path):
    """One witness was reached first, and sufficed; then both, within the minute, as the policy of today asks.
    Days later
    evidence must still show that both saw it in time."""
    ours, party, clock = one_party()
    with (
        witness_at(tmp_path / "a", W1, clock=clock, trusted=False) as (one, first),
        witness_at(tmp_path / "b", W2, clock=clock, trusted=False) as (two, second),
    ):
        for witness in (first, second):
            trust(witness.store, ledger_key(ours.depositary).text)
        lines = f"witness one {W1.key.text} {one}\nwitness two {W2.key.text} {two}\n"
        weak = ledger.parse_policy(f"{lines}quorum one\n".replace(two, nobody()).encode())
        both = ledger.parse_policy(f"{lines}group both all one two\nquorum both\n".encode())
        assert witness_ledger(ours.depositary, ours.store, weak).met
        clock.time += 30
        assert witness_ledger(ours.depositary, ours.store, both).met
        clock.time += 3 * 86_400
        bundle = assemble(Claim("recorded", ours.depositary, 0, act=party.id), [WitnessedLedger(ours, both)])
    report = verify(bundle.encoded(), Trust({party.id: "handed over"}, both))
    assert (report.verdict, report.reason) == (Verdict.VALID, "")


def test_more_witnesses_than_signature_lines_can_be_a_quorum(tmp_path):
    """The one that is asked for stands 64th; the others have cosigned, too."""
    log = Log().grow(3)
    pens = [Pen(f"witness.example/{n}", W1.key.type, 100 + n) for n in range(64)]
    with witness_at(tmp_path / "w", *pens) as (url, _):
        lines = [f"witness w{n} {pen.key.text} {url}" for n, pen in enumerate(pens)]
        policy = ledger.parse_policy("\n".join([*lines, "quorum w63", ""]).encode())
        assert ask_all(log.head, policy).met


def test_two_witnesses_never_have_one_printable_name(tmp_path):
    lines = [b"witness \xff %s %s" % (W1.key.text.encode(), nobody().encode()),
             b"witness \\xff %s %s" % (W2.key.text.encode(), nobody().encode())]  # fmt: skip
    policy = ledger.parse_policy(b"\n".join([*lines, b"quorum none", b""]))
    assert len(heads_seen(policy, Log().grow(1).head, seconds=1)) == 2


# --- secrets ----------------------------------------------------------------------------------------------------------


def test_without_words_holds_for_whoever_has_a_copy_too(home, tmp_path):
    for name in ("sal", "agent"):
        done("key", "new", name, "--role", "holder")
    done("key", "new", "sue", "--role", "member")
    done("party", "found", "--title", "They", "--member", "sue", "--name", "they")
    may = 'powers = ["open", "propose", "adopt", "conclude"]\n'
    Path("a.toml").write_text(f'organ = "first.board"\nto = "agent"\n{may}', "utf-8")
    Path("b.toml").write_text(f'organ = "they.board"\nto = "sal"\n{may}', "utf-8")
    done("mandate", "grant", "a.toml", "--name", "agent-1")
    done("mandate", "grant", "b.toml", "--name", "sale")
    Path("talks.toml").write_text('by = "sale"\nparties = ["first", "they"]\nsealed = true\n', "utf-8")
    done("dossier", "open", "talks.toml", "--name", "tents")
    done("dossier", "join", "tents")
    Path("text.toml").write_text('articles.en = ["A secret price."]\n', "utf-8")
    done("act", "propose", "tents", "text.toml", "--by", "sale")
    done("act", "adopt", "tents", "--by", "agent-1")
    done("act", "adopt", "tents", "--by", "sale")
    done("act", "conclude", "tents", "--by", "agent-1")
    done("act", "conclude", "tents", "--by", "sale")
    dossier = next(iter(told("ledger", "search", "open")[1]["found"]))["act"]
    done("dossier", "text", "tents.1", "--out", "words.text")
    done("ledger", "copy", "--out", tmp_path / "copy")
    run("dossier", "export", "tents", "--out", "kept.evidence", "--without-words")
    if b"A secret price." in Path("kept.evidence").read_bytes():
        raise RuntimeError("not even the depositary's own is silent")
    there = tmp_path / "theirs"
    there.mkdir()
    words = Path("words.text").absolute()
    os.chdir(there)
    done("init")
    done("ledger", "take", tmp_path / "copy", "--yes")
    done("dossier", "text", "--take", words)
    _, said = run("dossier", "export", dossier, "--out", "quiet.evidence", "--without-words")
    assert Path("quiet.evidence").exists(), said
    assert b"A secret price." not in Path("quiet.evidence").read_bytes()


# --- servers and strangers --------------------------------------------------------------------------------------------


def dripping(line, ended):
    """A server that sends a line of headers over and over; ``ended`` hears where nobody hung up for five seconds."""

    def answer(handler):
        with contextlib.suppress(OSError):
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\nX: " if line == b"x" else b"")
            for _ in range(100):
                handler.wfile.write(line)
                handler.wfile.flush()
                time.sleep(0.05)
            ended.append(True)

    return answer


LINES = pytest.mark.parametrize("line", [b"x", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["one-byte", "continue"])


@LINES
def test_headers_that_drip_are_given_up(line):
    """What is bounded is each receive and the body: a witness can keep its asker for ever, a byte every nine
    seconds."""
    ended = []
    with answering(dripping(line, ended)) as url, pytest.raises(Unreachable):
        ask(url, b"body", most=2_000, seconds=0.3)
    assert not ended


@LINES
def test_a_log_whose_headers_drip_is_given_up(line):
    ended = []
    with answering(dripping(line, ended)) as url, pytest.raises(OSError):
        Web(url, timeout_seconds=0.1, pause_seconds=0.01).get("checkpoint", 1_000)
    assert not ended


def test_a_path_of_any_length_is_none():
    with pytest.raises(Malformed):
        parse_tile_path("tile/0/" + "x999/" * 1_500 + "999")


@contextlib.contextmanager
def served(*words):
    command = [sys.executable, "-m", "pourparler.cli.main", *words, "--port", "0", "--json"]
    with subprocess.Popen(
        command, env=by_itself(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said = []
        try:
            yield json.loads(process.stdout.readline()), said
        finally:
            process.terminate()
            said.append(process.communicate(timeout=30)[1])


def test_a_long_path_is_answered_by_404(home):
    with served("ledger", "serve") as (serving_, said):
        answer = ask(f"{serving_['url']}/tile/0/{'x999/' * 1_500}999", most=100_000)
    assert answer.status == 404
    assert "Traceback" not in said[0]


def port_of(url):
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("rest", [b"Content-Length: 9\r\n\r\nold", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_a_client_that_hangs_up_leaves_no_traceback(home, rest):
    done("witness", "create", "witness.example/w1")
    with served("witness", "serve") as (serving_, said):
        with socket.create_connection(("127.0.0.1", port_of(serving_["url"]))) as stranger:
            stranger.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: a\r\n" + rest)
            time.sleep(0.5)
        time.sleep(0.5)
        assert ask(f"{serving_['url']}/{'0' * 64}/checkpoint", most=1_000).status == 404
    assert "Traceback" not in said[0], said[0]


def test_idle_connections_keep_nobody_out(home):
    """256 sockets that say nothing, and a witness answers nobody until they go: there is no limit of time."""
    done("witness", "create", "witness.example/w1")
    with served("witness", "serve") as (serving_, _), contextlib.ExitStack() as held:
        for _ in range(256):
            held.enter_context(socket.create_connection(("127.0.0.1", port_of(serving_["url"]))))
        statuses = []
        while len(statuses) < 12 and 404 not in statuses:  # whoever says nothing is hung up on some time
            time.sleep(1)
            statuses.append(ask(f"{serving_['url']}/{'0' * 64}/checkpoint", most=1_000).status)
        assert 404 in statuses


def saying(data):
    """A server that answers everything with these bytes."""

    def answer(handler):
        handler.wfile.write(data)

    return answer


def test_no_length_that_a_server_states_is_a_traceback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    with answering(saying(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"1" * 5_000 + b"\r\n\r\nok")) as url:
        assert run("ledger", "audit", url, "--yes")[0] in (1, 2, 5)


def test_no_phrase_of_a_foreign_server_steers_the_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    with answering(saying(b"HTTP/1.1 503 \x1b[2Jgone\r\nContent-Length: 0\r\n\r\n")) as url:
        _, said = run("ledger", "audit", url, "--yes")
    assert "503" in said
    assert "\x1b" not in said


def test_a_pipe_in_a_foreign_folder_holds_nobody_up(tmp_path):
    os.mkfifo(tmp_path / "checkpoint")
    got = []

    def read():
        with contextlib.suppress(OSError):
            got.append(Folder(tmp_path).get("checkpoint", 1_000))
        got.append("back")

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(2)
    stuck = thread.is_alive()
    if stuck:
        os.close(os.open(tmp_path / "checkpoint", os.O_WRONLY))
        thread.join(5)
    assert not stuck


# --- files ------------------------------------------------------------------------------------------------------------


def test_out_that_is_no_name_is_said(home):
    code, said = run("ledger", "prove", "0", "--out", ".")
    assert code in (4, 5), said


def test_a_proof_is_not_overwritten_by_what_stands_beside_it(home):
    code, said = run("ledger", "prove", "2", "--out", "a.receipt")
    assert code == 4 or Path("a.receipt").read_bytes().startswith(b"c2sp.org/tlog-proof"), said


def test_what_nobody_here_can_verify_is_no_contradiction(tmp_path, monkeypatch):
    """A log that signs with ML-DSA-44, where the library is not installed: CANNOT TELL, and not the log's fault."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    pen = LatticePen("log.example/lattice", 9)
    text = ledger.Checkpoint("log.example/lattice", 0, ledger.EMPTY_ROOT).text()
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "checkpoint").write_bytes(ledger.signed_note(text, [pen.under(text)]))
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    code, said = run("ledger", "audit", folder, "--vkey", pen.key.text, "--tree-only")
    assert "CONTRADICTED" not in said
    assert code == 2


def test_a_log_that_the_policy_does_not_list_is_no_contradiction(home, tmp_path):
    """verify says CANNOT TELL (trust.unknown-ledger) about the same ledger and the same policy."""
    done("ledger", "export", tmp_path / "site")
    Path("policy").write_text(f"log {LOG.key.text}\nquorum none\n", "utf-8")
    done("ledger", "prove", "2", "--out", "a.tlog-proof")
    if run("verify", "a.tlog-proof", "--policy", "policy")[0] != 2:
        raise RuntimeError("verify has another opinion")
    code, said = run("ledger", "audit", tmp_path / "site", "--policy", "policy")
    assert "CONTRADICTED" not in said
    assert code == 2


def test_no_name_of_a_foreign_log_steers_the_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    sign = "\x9b2J"  # CSI 2 J in one C1 character: it clears the screen, and a vkey line is printed raw
    intake = Intake(MemoryStore(), Key.from_name("ledger"), Clock(), f"ledger.example/{sign}x")
    made = books.Copy(intake.depositary, intake.checkpoint(), tuple(e.data for e in intake.store.entries()), ())
    Path("copy").write_bytes(made.encoded())
    assert sign not in run("ledger", "audit", "copy", "--yes")[1]


def test_the_key_that_is_named_is_the_one_that_was_good():
    """Two keys of one origin are known, and the second one signed."""
    stranger = ledger.VerifierKey(ORIGIN, LOG.key.type, Key.from_name("somebody else").public_key)
    log = Log().grow(3)
    proof = ledger.TlogProof(1, ledger.inclusion_path(3, 1, log.store.node), log.note())
    answer = check(Kind.PROOF, proof.encoded(), b"entry 1", Known((stranger, LOG.key)))
    assert answer.verdict is Verdict.VALID
    assert answer.ledger == LOG.key


def test_a_restored_beginning_with_a_spoilt_high_water_file_is_not_written(home, tmp_path):
    """A spoilt file is none that was cut off while it began; docs/operating.md: empty or spoilt, nothing is
    appended."""
    done("ledger", "create", "ledger.example/second")
    database = Path("ledgers/ledger.example-second.sqlite")
    first = database.read_bytes()
    founded("Second", "--ledger", "ledger.example/second")
    database.write_bytes(first)
    database.with_suffix(".high-water").write_bytes(b"spoilt. " * (2 * HALF_BYTES // 8))
    code, said = found("Third", "--ledger", "ledger.example/second")
    assert code == 5, said


def test_a_second_history_in_a_folder_that_may_not_be_written_is_not_given_away(home, tmp_path, monkeypatch):
    """There the high-water file is not even looked at, though it may be read."""
    second_history(home, tmp_path)
    monkeypatch.setattr(books, "writable", lambda _: False)
    code, said = run("ledger", "prove", "2", "--out", tmp_path / "a.tlog-proof")
    assert code == 5, said
    assert not (tmp_path / "a.receipt").exists()


def test_in_a_folder_that_may_not_be_written_nothing_is_signed(home, tmp_path, monkeypatch):
    done("ledger", "prove", "2", "--out", tmp_path / "a.tlog-proof")
    assert (tmp_path / "a.receipt").exists()
    monkeypatch.setattr(books, "writable", lambda _: False)
    done("ledger", "prove", "2", "--out", tmp_path / "b.tlog-proof")
    assert not (tmp_path / "b.receipt").exists()


def test_accept_head_asks_the_witnesses(home, tmp_path):
    """Where that file or a witness says that there was more, it is refused (ledger accept-head --help)."""
    with witness_at(tmp_path / "w", W1, trusted=False) as (url, witness):
        trust(witness.store, vkey_here())
        yesterday = DATABASE.read_bytes()
        founded("Second")
        done("ledger", "witness", "--policy", write_policy(W1, url))
        DATABASE.write_bytes(yesterday)
        DATABASE.with_suffix(".high-water").unlink()
        code, said = run("ledger", "accept-head", "--yes")
    assert code == 5, said


# Should be: a gap text.missing for each published text that is not to be had.
def test_a_log_that_withholds_what_was_published_is_not_simply_whole(tmp_path):
    """spec/tiles.md section 8: cannot tell, where a text is unavailable. The words of a publication are one that "the
    ledger hands to whoever asks"; somebody may also publish without words, so let the audit say at least which lack."""
    intake, first, opening, text = sealed_talks()
    published = data(first.say("publish", {"dossier": opening.id, "texts": [text_digest(text)]}))
    assert intake.submit(published, [text]).void is None
    export(LogView(intake.store), DESK, tmp_path / "site")
    shutil.rmtree(tmp_path / "site" / "text")
    log = TiledLog(Folder(tmp_path / "site"))
    report = audit(log, KEY, ledger.open_checkpoint(log.note(), DESK.origin, KEY))
    assert [one.reason for one in report.withheld] == ["tile.unavailable"]
    assert text_digest(text).hex() in report.withheld[0].detail


def test_a_workspace_that_came_with_the_log_vouches_for_nothing(tmp_path, monkeypatch):
    """verify takes neither trust nor names from a folder that holds no key and that nobody named; audit does."""
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    sent = tmp_path / "sent"
    (sent / "keys").mkdir(parents=True)
    intake = Intake(MemoryStore(), Key.from_name("a stranger"), Clock(), OURS)
    export(LogView(intake.store), intake.depositary, sent / "site")
    settings = workspace.Settings()
    settings.ledgers[OURS] = workspace.KnownLedger(OURS, intake.depositary.key, "a.sqlite")
    (sent / "pourparler.toml").write_text(workspace.rendered(settings), "utf-8")
    monkeypatch.chdir(sent)
    code, said = run("ledger", "audit", "site")
    assert code == 4, said
    assert "nobody vouches" in said


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example/", "http://127.0.0.1:1/\xe9"])
def test_an_address_that_is_none_is_said(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    assert run("ledger", "audit", url, "--yes")[0] in (4, 5)


def test_a_host_that_is_none_is_said(home):
    assert run("ledger", "serve", "--host", "a" * 70, "--port", "0")[0] in (4, 5)


def test_how_wide_the_witnesses_bound_is_is_told():
    """The depositary chooses the bound in its first entry: of a hundred years, every backdated stamp is in time. The
    reader who asked for witnesses is told "within the bounds of the ledgers", and VALID."""
    century = 100 * 366 * 86_400
    world = World(bound=century)
    party = world.party("We", "ann")
    world.time += 60
    claim = world.claim("recorded", act=party.id)
    witness = witness_key(Key.from_name("witness"))
    note = world.note(cosigned=[(Key.from_name("witness"), 50 * 365 * 86_400)])
    policy = ledger.parse_policy(f"witness w {witness.text}\nquorum w\n".encode())
    report = world.verify(claim, trust=(party,), shown=replace(world.shown(), checkpoint=note), policy=policy)
    assert report.verdict is Verdict.VALID
    (step,) = [step for step in report.steps if step.number == 8]
    assert str(century) in step.detail.replace(",", "")


# Should be: whoever asks holds the date against his clock; a later note that says more is kept beside it.
def test_a_first_cosignature_that_was_dated_wrong_is_replaced(tmp_path):
    """The witness's clock stood at 1970; it is set right within the minute, and asked again: the proof in time is
    had."""
    ours, party, clock = one_party()
    theirs = Clock(1_000)
    with witness_at(tmp_path / "a", W1, clock=theirs, trusted=False) as (url, witness):
        trust(witness.store, ledger_key(ours.depositary).text)
        policy = ledger.parse_policy(f"witness one {W1.key.text} {url}\nquorum one\n".encode())
        assert witness_ledger(ours.depositary, ours.store, policy).met
        theirs.time = clock.time = clock.time + 30
        assert witness_ledger(ours.depositary, ours.store, policy).met
        theirs.time = clock.time = clock.time + 3 * 86_400
        bundle = assemble(Claim("recorded", ours.depositary, 0, act=party.id), [WitnessedLedger(ours, policy)])
    report = verify(bundle.encoded(), Trust({party.id: "handed over"}, policy))
    assert (report.verdict, report.reason) == (Verdict.VALID, "")


def test_whoever_has_a_copy_can_show_what_witnesses_saw_in_time(tmp_path):
    """With the newest cosignatures only, evidence under a policy would be the depositary's to give or refuse."""
    ours, party, clock = one_party()
    with witness_at(tmp_path / "a", W1, clock=clock, trusted=False) as (url, witness):
        trust(witness.store, ledger_key(ours.depositary).text)
        policy = ledger.parse_policy(f"witness one {W1.key.text} {url}\nquorum one\n".encode())
        assert witness_ledger(ours.depositary, ours.store, policy).met
        clock.time += 3 * 86_400
        ours.stamp([party.id])
        assert witness_ledger(ours.depositary, ours.store, policy).met
    made = copy_of(ours, ours.store.witnessed())
    theirs = workspace.Workspace.create(tmp_path / "theirs")
    with contextlib.closing(books.Book(theirs, books.take(theirs, made).ledger)) as book:
        bundle = assemble(Claim("recorded", ours.depositary, 0, act=party.id), [book])
    report = verify(bundle.encoded(), Trust({party.id: "handed over"}, policy))
    assert (report.verdict, report.reason) == (Verdict.VALID, "")


def test_one_liar_among_the_witnesses_stops_no_ledger():
    """spec/witness.md section 5: proof stops it, "a witness's mere word does not, or one liar could"."""
    intake = Intake(MemoryStore(), Key.from_name("ledger"), Clock(), OURS, heads_seen=lambda: {"liar": (2**40, None)})
    assert intake.read_only is None


def test_the_mere_word_of_a_witness_is_told(home, monkeypatch):
    run("ledger", "witness", "--policy", write_policy(W1, "http://127.0.0.1:9"), "--seconds", "0.1")
    monkeypatch.setattr(witnessing, "heads_seen", lambda *_, **__: {"one": witnessing.SeenHead(2**40)})
    code, said = found("Second", "--quiet")
    assert code == 0, said
    assert "shows no proof" in " ".join(said.split())


def test_a_log_that_nobody_reads_stops_no_witness(home):
    done("witness", "create", "witness.example/w1")
    command = [sys.executable, "-m", "pourparler.cli.main", "witness", "serve", "--port", "0"]
    with subprocess.Popen(command, env=by_itself(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            url = process.stdout.readline().split()[-1].decode()
            process.stdout.readline()
            for _ in range(600):
                path = f"{url}/{'0' * 3_000}/checkpoint"
                assert ask(path, most=1_000, seconds=5).status == 404
        finally:
            process.kill()


def test_no_ledger_follows_one_that_is_still_written(home):
    follow = ("ledger", "create", "ledger.example/new", "--key", "new", "--after", OURS)
    code, said = run(*follow)
    assert code == 4, said
    DATABASE.with_suffix(".high-water").unlink()
    done(*follow)
