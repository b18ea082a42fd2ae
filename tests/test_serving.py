"""``ledger serve``: a ledger that is written goes on being read by strangers, up to what it publishes."""

import contextlib
import io
import json
import subprocess
import sys

import pytest

from pourparler.cli.main import main
from pourparler.service import keyring
from pourparler.service.asking import ask
from tests.script_player import by_itself


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)


def told(*words: str) -> tuple[int, dict]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main([*words, "--json"])
    return code, json.loads(said.getvalue())


@contextlib.contextmanager
def served(*words: str):
    command = [sys.executable, "-m", "pourparler.cli.main", *words, "--port", "0", "--json"]
    with subprocess.Popen(command, env=by_itself(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            code = process.wait(30)
    assert code == 0


def size_at(url: str) -> int:
    return int(ask(f"{url}/checkpoint", most=10_000).body.split(b"\n")[1])


def test_a_ledger_is_served_audited_and_written_at_the_same_time(at_home, tmp_path):
    assert main(["init"]) == 0
    code, made = told("ledger", "create", "ledger.example/talks")
    assert code == 0
    assert main(["key", "new", "ann", "--role", "member"]) == 0
    with served("ledger", "serve", "--prefix", "/talks") as serving:
        assert serving["vkey"] == made["vkey"]
        url = serving["url"]
        assert url.endswith("/talks")
        before = size_at(url)
        assert main(["party", "found", "--title", "We", "--member", "ann"]) == 0
        assert size_at(url) > before
        code, report = told("ledger", "audit", url, "--vkey", made["vkey"])
        assert code == 0, report
        assert ask(f"{url}/tile/entries/000.p/1", most=70_000).status == 200
        assert ask(f"{url}/tile/entries/000.p/255", most=70_000).status == 404
        (tmp_path / "policy").write_text("quorum none\n")
        assert main(["ledger", "witness", "--policy", "policy"]) == 0
        witnessed = size_at(url)
        assert main(["ledger", "copy", "--out", "a.copy"]) == 0
        policy = next((tmp_path / "ledgers").glob("*.policy"))
        policy.write_text("quorum nobody\n")  # what cannot be read publishes nothing new either
        assert size_at(url) >= witnessed


def test_what_nobody_has_witnessed_is_not_served(at_home, tmp_path):
    assert main(["init"]) == 0
    assert main(["ledger", "create", "ledger.example/talks"]) == 0
    vkey = told("witness", "create", "witness.example/w1")[1]["vkeys"][0]
    (tmp_path / "policy").write_text(f"witness w {vkey} http://127.0.0.1:9\nquorum w\n")
    assert main(["ledger", "witness", "--policy", "policy", "--seconds", "1"]) == 2
    with served("ledger", "serve") as serving:
        for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
            assert ask(f"{serving['url']}/{path}", most=70_000).status == 404
        assert main(["ledger", "witness", "--drop-policy"]) == 0
        assert size_at(serving["url"]) == 1


def test_an_address_that_is_taken_is_said(at_home):
    assert main(["init"]) == 0
    assert main(["ledger", "create", "ledger.example/talks"]) == 0
    with served("ledger", "serve") as serving:
        port = serving["url"].rpartition(":")[2]
        assert main(["ledger", "serve", "--port", port]) == 5
    assert main(["ledger", "serve", "--port", "0", "--prefix", "no path"]) == 4


def test_without_what_serves_it_is_said(at_home, monkeypatch):
    assert main(["init"]) == 0
    assert main(["ledger", "create", "ledger.example/talks"]) == 0
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "pourparler.service.http.serving", raising=False)
    assert main(["ledger", "serve", "--port", "0"]) == 4
