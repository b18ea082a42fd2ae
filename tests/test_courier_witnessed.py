"""A courier's file of a ledger that is witnessed: real commands, and a real witness in a process of its own."""

import json
import os
import shutil
from pathlib import Path

import pytest

from pourparler.service import keyring
from tests.test_cli_dispatch import RADIO, Council, Front, received
from tests.test_cli_files import done, run

AGENT = """organ = "we.board"
to = "agent"
powers = ["open", "propose", "adopt", "sign-ad-referendum"]
witnessed = true
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A council whose ledger a witness sees, and which has sent a mandate that asks for witnesses; the witness is gone
    when it dismisses the agent, and that goes to nobody but the courier. Each test works on a copy."""
    folder = tmp_path_factory.mktemp("witnessed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
        patch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
        patch.delenv("POURPARLER_WORKSPACE", raising=False)
        done("init")
        for role, *names in (("member", "ann", "bo"), ("holder", "agent"), ("dispatch", "tx"), ("beacon", "lamp")):
            for name in names:
                done("key", "new", name, "--role", role)
        done("ledger", "create", "ledger.example/first")
        (ledger,) = json.loads(done("ledger", "list", "--json"))["ledgers"]
        witnesses = [watcher(folder / name, ledger["vkey"]) for name in ("one", "two")]
        try:
            done("ledger", "witness", "--policy", "one.policy")
            done("party", "found", "--title", "We", "--member", "ann", "--member", "bo", "--needs", "2")
            Path("agent.toml").write_text(AGENT)
            done("mandate", "grant", "agent.toml", "--name", "agent-1")
            done("organ", "appoint", "we.board", "--dispatch", "tx", "--beacon", "lamp")
            Path("beacon.toml").write_text('party = "we"\n')
            done("act", "draft", "beacon", "beacon.toml", "--key", "lamp")
            done("dispatch", "create")
            done("dispatch", "send", "agent-1", "--via", "courier", "--out", "grant.dispatch", "--key", "tx")
        finally:
            for witness in witnesses:
                witness.stop()
        done("mandate", "dismiss", "agent-1", "--yes", "--out", "dismissal.act")
        said = done("dispatch", "send", "dismissal.act", "--via", "courier", "--out", "cut.dispatch", "--key", "tx")
        assert "cut.dispatch holds 1 act" in said
        return Council(folder, json.loads(done("party", "show", "we", "--json"))["party"])


def watcher(folder, vkey):
    """Start a witness, and write down a policy that asks for it."""
    here = Path.cwd()
    folder.mkdir()
    os.chdir(folder)
    try:
        done("init")
        done("witness", "create", f"watcher.example/{folder.name}")
        done("witness", "trust", vkey)
        serving = Front("--port", "0", command=("witness", "serve"))
        serving.wait_for("\nwitness ")
        line = next(line for line in serving.log.read_text().splitlines() if line.startswith("witness "))
    finally:
        os.chdir(here)
    Path(f"{folder.name}.policy").write_text(f"{line}\nquorum {line.split()[1]}\n")
    return serving


@pytest.fixture
def council(made, tmp_path, monkeypatch):
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    shutil.copytree(made.folder, tmp_path / "council")
    monkeypatch.chdir(tmp_path / "council")
    mandate = json.loads(done("mandate", "show", "agent-1", "--json"))["mandate"]
    found = Council(tmp_path / "council", made.party)
    found.fresh("front")
    for name in ("one", "two"):
        trusts = {"parties": {found.party: "told"}, "policy": f"../{name}.policy"}
        Path(f"{name}.json").write_text(json.dumps(trusts))
    return mandate


@pytest.mark.parametrize("asked", ["one.json", "../one.policy"])
def test_what_the_witnesses_have_seen_is_proven_under_their_policy(council, asked):
    code, said = received("../grant.dispatch", "--policy", asked)
    assert (code, "witness" in said) == (0, False), said
    assert "in force, proven" in done("dispatch", "standing", council)


def test_what_others_have_witnessed_is_taken_as_heard_and_proves_nothing(council):
    """The file is one of a ledger that the one witness sees; the receiver asks for the other."""
    code, said = received("../grant.dispatch", "--policy", "two.json")
    assert code == 2, said
    assert "acts new, as heard, for it proves nothing: no quorum saw entry" in said
    assert "[witness.quorum]" in said
    assert "in force as heard" in done("dispatch", "standing", council)
    assert received("../grant.dispatch", "--policy", "one.json")[0] == 0
    assert "in force, proven" in done("dispatch", "standing", council)


def test_a_dismissal_that_no_witness_has_seen_works_when_it_is_heard(council):
    """The witnesses are cut off: the bundle ends with what they saw last, and is good for that; the dismissal goes
    beside it."""
    assert received("../grant.dispatch", "--policy", "one.json")[0] == 0
    code, said = received("../cut.dispatch", "--policy", "one.json")
    assert (code, "dismiss" in said, "witness" in said) == (0, True, False), said
    code, said = run("dispatch", "standing", council)
    assert (code, "standing.dismissed" in said, "proven" in said) == (3, True, False)


def test_a_node_that_runs_asks_for_the_witnesses_as_well(council):
    node = Front(*RADIO)
    try:
        code, said = received("../grant.dispatch", "--policy", "two.json")
        assert (code, "[witness.quorum]" in said) == (2, True)
        assert "in force as heard" in done("dispatch", "standing", council)
        assert received("../grant.dispatch", "--policy", "one.json")[0] == 0
        assert "in force, proven" in done("dispatch", "standing", council)
    finally:
        node.stop()


def test_what_names_no_policy_is_told_before_anything_is_read(council):
    Path("none.json").write_text(json.dumps({"parties": {}}))
    Path("cat.txt").write_text("a cat")
    for name, what in (("none.json", "names no policy"), ("cat.txt", "not a policy"), ("gone", "there is no file")):
        code, said = received("../grant.dispatch", "--policy", name)
        assert code in (4, 5)
        assert what in said
    assert run("dispatch", "standing", council)[0] == 2
    assert run("dispatch", "receive", "--policy", "one.json", *RADIO)[0] == 4


def test_a_verifier_that_is_given_a_courier_s_file_says_where_it_belongs(council):
    code, said = run("verify", "../grant.dispatch", "--trust", "one.json")
    assert code == 5
    assert "is a courier's file" in " ".join(said.split())
