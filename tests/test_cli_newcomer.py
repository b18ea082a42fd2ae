"""What a newcomer met on the command line: each answer says what is so, why, and what to do next."""

import contextlib
import ctypes
import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.service import keyring
from tests.terminal import ROOT

ORIGIN = "ledger.example/first"
AGENT = 'organ = "we.board"\nto = "agent"\npowers = ["open", "propose", "adopt", "sign-ad-referendum"]\n'
LINE = 'lines = [["at-most", "price", ["EUR", "92.00"]]]\n'
SALE = 'organ = "they.board"\nto = "sal"\npowers = ["open", "propose", "adopt", "conclude"]\n'
TEXT = 'articles.en = ["""Forty tents.\nIn May."""]\nterms.price = ["EUR", "90.00"]\n'


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, said.getvalue()


def flat(said: str) -> str:
    return " ".join(said.split())


def done(*arguments: str) -> str:
    code, said = run(*arguments)
    assert code == 0, said
    return flat(said)


def fails(code: int, *arguments: str) -> str:
    found, said = run(*arguments)
    assert found == code, said
    return flat(said)


def told(*arguments: str, code: int = 0):
    found, said = run(*arguments, "--json")
    assert found == code, said
    return json.loads(said)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    return tmp_path


@pytest.fixture
def begun(place):
    """Two parties, ours with a mandate under a red line, theirs with one to conclude."""
    done("init")
    for name, role in (("ann", "member"), ("bo", "member"), ("sue", "member"), ("agent", "holder"), ("sal", "holder")):
        done("key", "new", name, "--role", role)
    done("ledger", "create", ORIGIN)
    done("party", "found", "--title", "We", "--member", "ann", "--member", "bo")
    done("party", "found", "--title", "They", "--member", "sue")
    for name, form in (("agent-1", AGENT + LINE), ("sale", SALE)):
        Path(f"{name}.toml").write_text(form)
        done("mandate", "grant", f"{name}.toml", "--name", name)
    Path("text.toml").write_text(TEXT)
    return place


@pytest.fixture
def talks(begun):
    """Talks in which we have proposed a text."""
    done("dossier", "open", "--party", "we", "--party", "they", "--by", "agent-1", "--name", "tents")
    done("dossier", "join", "tents")
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")
    return begun


# --- mandates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "because"),
    [
        ('price = ["USD", "90.00"]', "price is in USD, and the line in EUR"),
        ('price = "90.00"', "price is a plain number, and the line in EUR"),
        ('price = "cheap"', "price is “cheap”, which is not an exact figure"),
        ("quantity = 40", "price is not stated"),
    ],
)
def test_a_line_that_cannot_tell_says_what_the_terms_lack(begun, terms, because):
    Path("terms.toml").write_text(terms)
    assert f"cannot tell, since {because}" in fails(2, "mandate", "test", "agent-1", "terms.toml")
    assert told("mandate", "test", "agent-1", "terms.toml", code=2)["lines"][0]["because"] == because


def test_what_lies_open_in_a_joined_line_is_named_once(begun):
    line = (
        'lines = [["any", ["before", "day", "2027-06-30"], ["all", ["absent", "day"], ["equal", "colour", "red"]]]]\n'
    )
    Path("other.toml").write_text(AGENT + line)
    done("mandate", "grant", "other.toml", "--name", "other")
    Path("terms.toml").write_text('colour = ["red", "blue"]\nday = "soon"')
    said = fails(2, "mandate", "test", "other", "terms.toml")
    assert "since day is “soon”, which is not a date or an instant in UTC, written like the line's" in said
    assert "colour" not in said.partition("since")[2]


def test_a_mandate_is_judged_at_the_instant_that_is_asked_about(begun):
    before = told("mandate", "show", "agent-1")
    given = told("act", "show", before["mandate"])["log_time"]
    while time.time() < given + 2:
        time.sleep(0.1)
    done("mandate", "dismiss", "agent-1", "--yes")
    assert told("mandate", "show", "agent-1")["standing"] == "dismissed"
    assert told("mandate", "show", "agent-1", "--at", str(given))["standing"] == "in force"
    listed = told("mandate", "list", "--at", str(given))["mandates"]
    assert {row["called"]: row["standing"] for row in listed}["agent-1"] == "in force"
    assert "there was no agent-1" in fails(4, "mandate", "show", "agent-1", "--at", "2020-01-01")
    assert "agent-1 is not in force as it was given: dismissed" in fails(3, "mandate", "test", "agent-1", "text.toml")
    assert "not in force" not in done("mandate", "test", "agent-1", "text.toml", "--at", str(given))


def test_talks_are_shown_as_they_stood(talks):
    proposed = told("dossier", "show", "tents")
    at = str(proposed["acts"][-1]["log_time"])
    while time.time() < int(at) + 1:
        time.sleep(0.1)
    done("act", "reject", "tents", "--by", "sale")
    assert [text["state"] for text in told("dossier", "show", "tents")["texts"]] == ["rejected"]
    assert [text["state"] for text in told("dossier", "show", "tents", "--at", at)["texts"]] == ["proposed"]
    assert {item["what"] for item in told("inbox", "--at", at)["awaited"]} == {"adopt"}


# --- a workspace that may not be written ------------------------------------------------------------------------------


def obey_modes() -> None:
    """Let the superuser, too, write only what its mode allows: drop what overrides that from what comes next."""
    drop, override, search = 24, 1, 2  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    for capability in (override, search):
        if os.geteuid() == 0 and ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0) != 0:
            os._exit(77)


def by_process(*arguments: str) -> tuple[int, str]:
    made = subprocess.run(
        [sys.executable, "-m", "pourparler.cli.main", *arguments],
        capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"},
        preexec_fn=obey_modes,
    )  # fmt: skip
    if made.returncode == 77:
        pytest.skip("the superuser here cannot do without his rights")
    return made.returncode, flat(made.stdout + made.stderr)


@pytest.fixture
def locked(talks):
    """The workspace of the talks, where nobody may write anything."""
    everything = [talks, *talks.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    yield talks
    for path in everything:
        path.chmod(0o700)


def test_what_may_not_be_written_can_be_read(locked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    before = {path: path.stat().st_mtime_ns for path in locked.rglob("*")}
    for command, says in (
        (("inbox",), "tents.1"),
        (("dossier", "list"), "tents"),
        (("dossier", "show", "tents"), "Forty tents."),
        (("mandate", "show", "agent-1"), "in force"),
        (("ledger", "show"), "propose agent-1"),
        (("act", "export", "agent-1", "--out", str(folder / "grant.evidence")), "VALID"),
        (("verify", str(folder / "grant.evidence")), "VALID"),
    ):
        code, said = by_process(*command)
        assert (code, says in said) == (0, True), said
    code, said = by_process("act", "say", "tents", "hello", "--by", "agent-1")
    assert code == 5
    assert "may not be written" in said
    assert {path: path.stat().st_mtime_ns for path in locked.rglob("*")} == before


# --- what is written wrongly ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--member", "ann", "--member", "ann"), "seats of the organ “board”: ann is named twice. [act.field]"),
        (("--member", "ann", "--needs", "0"), "needs of the organ “board”: a whole number from 1 to 1000000 belongs"),
        (("--member", "ann", "--needs", "-1"), "and not -1. [act.field]"),
    ],
)
def test_a_party_that_is_written_wrongly_is_usage(begun, arguments, says):
    said = fails(4, "party", "found", "--title", "Third", *arguments)
    assert says in said
    assert "do:" in said
    assert len(told("party", "list")["parties"]) == 2


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ('organ = "we.board"\nto = "agent"\n', "grant: it is not said which powers: open, propose, adopt"),
        (AGENT.replace('["open", "propose", "adopt", "sign-ad-referendum"]', "[]"),
         "powers: at least one power belongs here: open, propose"),
        (AGENT + "depth = -1\n", "depth: a whole number from 0 to"),
        (AGENT + 'cosign = { powers = [], keys = ["ann"], needs = 1 }\n', "cosign.powers: at least one power belongs"),
        (AGENT + 'limit = { path = "total", most = 5 }\n', "limit: it is not said which ledger"),
        (AGENT + 'scope = [""]\n', "scope (number 1): text that is not empty, of 256 bytes at most, belongs here"),
        (AGENT + 'duty = { kind = "sleep", by = 2027-01-01, then = "agent" }\n', "a duty is to do something"),
    ],
)  # fmt: skip
def test_a_mandate_that_is_written_wrongly_is_usage(begun, form, says):
    Path("wrong.toml").write_text(form)
    problem = told("mandate", "grant", "wrong.toml", code=4)["error"]
    assert says in problem["what"]
    assert problem["reason"].startswith("act.")
    for wire in ("integer", "ascending", "2047", "lacks", "'"):
        assert wire not in problem["what"]


def test_an_ill_formed_vkey_is_usage(begun):
    done("ledger", "copy", "--out", "copy")
    said = fails(4, "ledger", "take", "copy", "--vkey", "ledger.example/first")
    assert "--vkey ledger.example/first: this is no ledger key" in said


def test_what_has_passed_before_it_begins_is_said(begun):
    Path("late.toml").write_text(AGENT + "until = 2020-01-01\n")
    said = done("mandate", "grant", "late.toml")
    assert "! until has passed already: 1 Jan 2020 00:00 UTC" in said
    Path("duty.toml").write_text(AGENT + 'duty = { kind = "open", by = 2020-01-01, then = "agent" }\n')
    assert "! duty.by has passed already" in done("mandate", "grant", "duty.toml")
    Path("soon.toml").write_text(AGENT + 'until = "in 2 days"\nfrom = 2020-01-01\n')
    assert "passed" not in done("mandate", "grant", "soon.toml")


# --- files that are gone or damaged -----------------------------------------------------------------------------------


def test_what_the_doctor_advises_helps(talks):
    done("ledger", "copy", "--out", "copy")
    vkey = told("ledger", "list")["ledgers"][0]["vkey"]
    done("init", "theirs")
    os.chdir("theirs")
    done("ledger", "take", "../copy", "--vkey", vkey)
    shutil.rmtree("ledgers")
    assert "Take a new copy: pourparler ledger take FILE" in fails(5, "doctor")
    shutil.rmtree("desk")
    done("ledger", "take", "../copy")
    assert "tents" in done("dossier", "list") or "open" in done("dossier", "list")
    done("key", "new", "zoe", "--role", "member")
    done("party", "found", "--title", "Theirs", "--member", "zoe")  # lies at the desk, which is made anew


def test_a_damaged_key_is_said_where_it_is_missed(talks):
    for command in (("act", "adopt", "tents", "--by", "agent-1"), ("act", "adopt", "tents", "--by", "sale"),
                    ("act", "sign-ad-referendum", "tents", "--by", "agent-1")):  # fmt: skip
        done(*command)
    for name in ("ann", "bo"):
        Path(f"keys/{name}.key").write_text("{")
    said = fails(5, "vote", "ratify", "tents")
    assert "ann" in said.partition("Without it, no key here sits")[0]
    assert "[key." in said
    done("key", "new", "cy", "--role", "member")
    said = done("party", "found", "--title", "Third", "--member", "cy")
    assert "Nothing is signed with it." in said
    Path("keys/ledger.key").write_text("{")
    assert "ledger" in fails(5, "party", "found", "--title", "Fourth", "--member", "cy")


# --- quiet ------------------------------------------------------------------------------------------------------------


def test_quiet_leaves_what_a_script_takes(talks):
    assert done("act", "adopt", "tents", "--by", "agent-1", "-q") == ""
    assert done("mandate", "dismiss", "agent-1", "--yes", "-q") == ""
    file = done("party", "found", "--title", "Third", "--member", "ann", "--member", "bo", "--key", "ann", "-q")
    assert Path(file).is_file()
    code, said = run("act", "say", "tents", "Hello.", "--by", "agent-1", "-q")
    assert (code, "standing.dismissed" in said) == (3, True)
    assert done("party", "trust", "they", "--how", "told", "-q", "--yes") == ""


# --- what is awaited --------------------------------------------------------------------------------------------------


def awaited_now() -> list[tuple[str, str]]:
    return [(item["what"], item["sentence"]) for item in told("inbox")["awaited"]]


def test_the_inbox_lists_what_the_talks_have_come_to(talks):
    ours, theirs = "we: adopt tents.1, its own, or withdraw it", "they: adopt or reject tents.1"
    assert sorted(awaited_now()) == [("adopt", theirs), ("adopt", ours)]
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")  # better words for the same, and nothing withdrawn
    assert not any("tents.1" in sentence for _, sentence in awaited_now())
    shown = done("dossier", "show", "tents")
    assert "a newer offer has come since, tents.2; this one stands all the same" in shown
    done("act", "propose", "tents", "text.toml", "--by", "sale", "--answers", "tents.2")
    assert {sentence.split(",")[0].rpartition(" ")[2] for _, sentence in awaited_now()} == {"tents.3"}
    states = {text["called"]: text["state"] for text in told("dossier", "show", "tents")["texts"]}
    assert states == {"tents.1": "proposed", "tents.2": "superseded", "tents.3": "proposed"}
    done("act", "reject", "tents", "tents.3", "--by", "agent-1")  # and with that the older one is what there is
    assert {sentence.split(",")[0].rpartition(" ")[2] for _, sentence in awaited_now()} == {"tents.1"}


def test_what_somebody_has_adopted_is_awaited_of_the_other(talks):
    done("act", "adopt", "tents", "tents.1", "--by", "sale")
    done("act", "propose", "tents", "text.toml", "--by", "agent-1")
    assert ("adopt", "we: adopt tents.1, its own, or withdraw it") in awaited_now()


def test_the_inbox_says_what_it_is_about_and_what_to_run(talks):
    said = done("inbox", "--key", "sal")
    assert "they: adopt or reject tents.1 · sal “Forty tents. In May.”, proposed by we" in said
    (item,) = told("inbox", "--key", "sal")["awaited"]
    assert (item["title"], item["from"]) == ("Forty tents. In May.", "we")
    assert item["command"] == "pourparler act adopt tents tents.1  (or: act reject)"
    done("act", "adopt", "tents", "tents.1", "--key", "sal")
    done("act", "adopt", "tents", "tents.1", "--key", "agent")
    (item,) = told("inbox", "--key", "sal")["awaited"]
    assert "pourparler act sign-ad-referendum tents tents.1  (or: act conclude" in item["command"]
    done("party", "found", "--title", "Third", "--member", "ann", "--member", "sue", "--key", "ann")
    (file,) = told("inbox", "--key", "sue")["files"]
    done(*file["command"].split()[1:], "--key", "sue", "--yes")
    assert "Third" in done("party", "list")


# --- how things are called --------------------------------------------------------------------------------------------


def test_what_lacks_signatures_is_nothing_yet(begun):
    said = done("party", "found", "--title", "Third", "--member", "ann", "--member", "bo", "--key", "ann")
    assert "1 of 2 signatures; still needed: bo" in said
    assert "third will be the party once those signatures have come" in said
    assert "is the party" not in said
    again = done("party", "found", "--title", "Fourth", "--member", "ann")
    assert "fourth is the party" in again


def test_what_there_is_is_named_once(begun):
    said = fails(4, "organ", "show", "we.bord")
    assert said.count("we.board") == 1


def test_raw_rows_and_seconds_are_put_in_words(talks):
    said = done("ledger", "show")
    assert "organs board (ann, bo; 2 must sign; all powers), suspension 1 day" in said
    assert "86400" not in said
    assert "lines price is at most EUR 92.00" in said
    Path("third.toml").write_text(
        'name = "Third"\n[[organs]]\nname = "desk"\nseats = { ann = 2, bo = 1 }\nneeds = 2\nuntil = 2030-01-01\n'
    )
    file = done("party", "found", "third.toml", "--key", "ann", "-q")
    said = done("act", "show", file)
    assert "desk (" in said
    assert "ann (weight 2)" in said
    assert "until 1 Jan 2030 00:00 UTC" in said
    assert "\ufffd" not in done("dossier", "text", "tents.1")
    _, said = run("dossier", "text", "tents.1")
    assert "en 1. Forty tents.\n" in said
    assert "\n                In May." in said


@pytest.mark.parametrize("command", [("ledger", "list"), ("ledger", "show")])
def test_the_key_of_a_ledger_can_be_shown_again(begun, command):
    done("ledger", "copy", "--out", "copy")
    vkey = told("ledger", "show")["vkey"]
    _, said = run(*command)
    assert any(line.strip() == vkey for line in said.splitlines())
    done("init", "other")
    done("ledger", "take", "copy", "--vkey", vkey, "--workspace", "other")


def test_no_id_is_broken(talks, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    _, said = run("party", "found", "--title", "The Third of These Parties", "--member", "ann")
    whole = told("party", "show", "the-third-of-these-parties")["party"]
    assert any(line.strip() == whole for line in said.splitlines())
    _, said = run("party", "list")
    assert whole[:8] in said
    assert whole not in said


# --- openings ---------------------------------------------------------------------------------------------------------


def test_openings_take_no_other_file_s_place(begun):
    Path("secret.toml").write_text(AGENT + 'private = [["at-most", "price", ["EUR", "88.00"]]]\n')
    done("mandate", "grant", "secret.toml", "--name", "secret")
    Path("letter").write_text("Dear Sir")
    assert "letter is no folder" in fails(5, "mandate", "openings", "secret", "--out", "letter")
    done("mandate", "openings", "secret", "--out", "handed")
    (opening,) = Path("handed").iterdir()
    whole = opening.read_bytes()
    opening.write_text("Dear Sir")
    assert "is there already, and is something else" in fails(4, "mandate", "openings", "secret", "--out", "handed")
    assert opening.read_text() == "Dear Sir"
    done("mandate", "openings", "secret", "--out", "handed", "--yes")
    assert opening.read_bytes() == whole
    assert "letter is no opening" in fails(5, "mandate", "openings", "secret", "--take", "letter")
    done("mandate", "openings", "secret", "--take", str(opening))


def test_another_program_s_settings_are_no_workspace(begun):
    inner = begun / "elsewhere"
    inner.mkdir()
    (inner / "pourparler.toml").write_text('colour = "red"\n')
    os.chdir(inner)
    assert "we" in done("party", "list")


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["say", "suspend-talks", "decide", "dismiss", "suspend", "close"])
def test_the_example_of_a_kind_is_sent_as_it_stands(talks, kind):
    code, example = run("act", "draft", "--example", kind)
    assert code == 0, example
    Path("example.toml").write_text(example)
    where = ["--key", "ann"] if kind == "suspend" else []
    said = told("act", "draft", kind, "example.toml", "--yes", *where)
    assert (said["kind"], said["void"]) == (kind, None)


def test_no_kind_is_without_a_word_for_who_forgot_the_file(talks):
    assert "act draft say --example" in fails(4, "act", "draft", "say")
    assert "stamp is no kind of act that you could write" in fails(4, "act", "draft", "stamp", "--example")


@pytest.mark.parametrize("command", [("act", "propose"), ("dossier", "show"), ("mandate", "grant"), ("key", "new")])
def test_what_commands_share_stands_together_in_a_line_each(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, said = run(*command, "--help")
    assert code == 0
    common = said.partition("Common options:\n")[2].rstrip().splitlines()
    assert len(common) >= 5
    assert all(line.startswith("  -") for line in common), common
    own = said.partition("Common options:")[0]
    assert "--workspace" not in own
    if command[0] != "key" and command[1] != "show":
        assert "--out" in own.partition("Options of commands that send an act:")[2]


# --- whom one trusts --------------------------------------------------------------------------------------------------


def test_a_party_is_trusted_by_its_whole_id_or_its_name(begun):
    they = told("party", "show", "they")["party"]
    assert "is not the whole id" in fails(4, "party", "trust", they[:12], "--how", "told")
    assert "trusted already: founded in this workspace" in fails(4, "party", "trust", "they", "--how", "told")
    assert told("party", "show", "they")["learnt"] == "founded in this workspace"
    said = done("party", "trust", "they", "--how", "told", "--name", "others", "--yes")
    assert "they is trusted: told" in said
    assert "it has the name they here already: both are understood, and they is shown" in said
    assert done("party", "trust", they, "--how", "told").startswith("✓ they is trusted: told")
    assert "no ledger here knows a party with this id" in done("party", "trust", "ab" * 32, "--how", "dreamt")
    assert told("party", "trust", "ab" * 32, "--how", "dreamt")["known"] is False
    assert "no ledger here" not in done("party", "trust", they, "--how", "told")


def test_what_cannot_be_ratified_is_said_before_anybody_signs(talks):
    ratify = ("vote", "ratify", "tents", "--organ", "we.board", "--yes")
    for by in ("agent-1", "sale"):
        done("act", "adopt", "tents", "--by", by)
    said = fails(4, *ratify)
    assert "no signature of yours on tents.1 awaits ratification" in said
    assert "act sign-ad-referendum tents" in said
    done("act", "sign-ad-referendum", "tents")
    index = told(*ratify)["index"]
    assert f"tents.1 is already ratified, entry {index}." in fails(4, *ratify)
    assert "already ratified" not in fails(3, *ratify, "--anyway")


def test_a_mandate_that_is_not_in_the_ledger_yet_has_no_entry(begun):
    done("ledger", "copy", "--out", "copy")
    vkey = told("ledger", "list")["ledgers"][0]["vkey"]
    done("init", "theirs")
    for name in ("ann", "bo", "agent"):
        shutil.copy(f"keys/{name}.key", f"theirs/keys/{name}.key")
    shutil.copy("agent-1.toml", "theirs")
    os.chdir("theirs")
    done("ledger", "take", "../copy", "--vkey", vkey)
    party = next(row["party"] for row in told("party", "list")["parties"] if row["name"] == "We")
    done("party", "trust", party, "--how", "ours", "--name", "we")
    Path("agent-1.toml").write_text(AGENT)
    done("mandate", "grant", "agent-1.toml", "--name", "agent-2")
    assert "logged pending, not in the ledger yet" in done("mandate", "show", "agent-2")
    grant = told("mandate", "show", "agent-2")
    assert grant["index"] is None
    assert "pending, not in the ledger yet" in done("act", "show", grant["mandate"])
    assert "has no entry in" in fails(4, "ledger", "prove", grant["mandate"])


def test_a_member_is_told_that_members_do_not_negotiate(talks):
    for more in ((), ("--by", "agent-1")):
        said = fails(4, "act", "propose", "tents", "text.toml", "--key", "ann", *more)
        assert "ann is a member's key: members decide, and do not negotiate" in said
    assert "member's key" not in fails(4, "act", "propose", "tents", "text.toml", "--key", "sal", "--by", "agent-1")


def test_what_would_be_void_is_not_taken_in_unasked(talks):
    done("ledger", "copy", "--out", "copy")
    vkey = told("ledger", "list")["ledgers"][0]["vkey"]
    dossier = told("dossier", "list")["dossiers"][0]["dossier"]
    done("init", "theirs")
    shutil.copy("keys/agent.key", "theirs/keys/agent.key")
    os.chdir("theirs")
    done("ledger", "take", "../copy", "--vkey", vkey)
    done("act", "say", dossier, "Hello.", "--out", "../say.act")
    done("act", "adopt", dossier, "--out", "../adopt.act")
    os.chdir("..")
    done("mandate", "dismiss", "agent-1", "--yes")
    entries = told("ledger", "list")["ledgers"][0]["size"]
    said = fails(3, "act", "submit", "say.act", "adopt.act")
    assert "say.act: the ledger would log this without effect" in said
    assert "[standing.dismissed]" in said
    assert told("ledger", "list")["ledgers"][0]["size"] == entries
    assert "say: entry" in fails(3, "act", "submit", "say.act", "adopt.act", "--anyway")
    assert told("ledger", "list")["ledgers"][0]["size"] > entries + 2


# --- small answers ----------------------------------------------------------------------------------------------------


def test_an_origin_is_looked_at_before_a_key_is_made_for_it(place):
    done("init", "-q")
    assert "cannot be a ledger's origin" in fails(4, "ledger", "create", "Hop Ledger")
    assert "0" in fails(4, "ledger", "create", ORIGIN, "--bound", "0 tents")
    assert told("key", "list")["keys"] == []


def test_too_few_digits_of_an_id_are_said(talks):
    assert "at least its first 8 digits are needed" in fails(4, "dossier", "join", "79be")
    assert "digits are needed" not in fails(4, "dossier", "join", "beefs")


def test_quiet_init_and_verify_say_what_a_script_takes(begun):
    assert done("init", "theirs", "-q") == ""
    done("act", "export", "agent-1", "--out", "grant.evidence")
    assert done("verify", "grant.evidence", "-q") == "VALID"
    os.chdir("theirs")
    assert done("verify", "../grant.evidence", "-q", "--text") == "VALID text the claim is about no text"
    os.chdir("..")
    done("ledger", "prove", "2", "--out", "two.tlog-proof")
    vkey = told("ledger", "list")["ledgers"][0]["vkey"]
    assert done("verify", "two.tlog-proof", "--vkey", vkey, "-q") == "VALID"
    assert fails(2, "verify", "two.tlog-proof", "-q").startswith("CANNOT TELL [")
    assert "--text is for evidence bundles" in fails(4, "verify", "two.tlog-proof", "--vkey", vkey, "--text")
