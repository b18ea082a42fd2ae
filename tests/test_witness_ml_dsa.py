"""A witness that cosigns with ML-DSA-44 (type 0x06): its key, its lines, its one memory for whatever keys it has."""

import base64
import contextlib
import hashlib
import json
import sqlite3
import struct
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from pourparler.cli.main import main
from pourparler.core import ledger
from pourparler.core.ledger import Checkpoint, KeyType, parse_vkey
from pourparler.ports import KeyTrouble, StoreError
from pourparler.service.asking import Reply, ask
from pourparler.service.keyring import Keyring
from pourparler.service.witness import Witness, trust
from pourparler.service.witnessing import Said, witness_ledger
from pourparler.store import witness as storing
from pourparler.store.witness import OwnKey, Remembered, WitnessStore
from tests.test_ledger import L1, LOG, ORIGIN, W1, LatticePen, with_an_old_openssl, without_library
from tests.test_serving import at_home, served, told  # noqa: F401  a fixture
from tests.witnessed import DEPOSITARY, Clock, Log, new_store, policy_of, witness_at

# ruff: noqa: F811  an argument names a fixture that was imported

NAME = "watcher.example/w1"
WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def no_serving_in_this_process(monkeypatch):
    """A witness that should not have begun to serve ends its test, and does not go on for ever."""

    def never(*_arguments, **_more):
        raise AssertionError("it serves")

    monkeypatch.setattr("pourparler.cli.witness.serve_routes", never)


def done(*words: str, code: int = 0) -> None:
    assert main(list(words)) == code


def made(*words: str) -> list[str]:
    """Make a workspace with a witness that cosigns the log of the tests; return its vkeys."""
    done("init")
    code, said = told("witness", "create", NAME, *words)
    assert code == 0
    done("witness", "trust", LOG.key.text)
    return said["vkeys"]


def sent(url: str, request: ledger.AddCheckpoint) -> Reply:
    return ask(f"{url}/add-checkpoint", request.encoded(), most=65_536)


def remembered_rows() -> list[tuple[int, bytes]]:
    with contextlib.closing(sqlite3.connect("witness/witness.sqlite")) as database:
        return database.execute("SELECT size, root FROM remembered").fetchall()


# --- other code reads the lines ---------------------------------------------------------------------------------------


def line_of(body: bytes, vkey: str) -> bytes:
    """The signature in the one line of a key, found by hand: em dash, name, base64 of key id and signature."""
    name, key_id, _ = vkey.split("+", 2)
    blobs = [base64.b64decode(line.split(" ")[2]) for line in body.decode().splitlines() if line.split(" ")[1] == name]
    (found,) = [blob[4:] for blob in blobs if blob[:4].hex() == key_id]
    return found


def by_hand(body: bytes, vkey: str, origin: str, size: int, root: bytes) -> int:
    """Verify a line with ``cryptography`` over a message that is put together here, as the text of c2sp.org/
    tlog-cosignature says, and with no code of ours; return its time."""
    name, key_id, material = vkey.split("+", 2)
    kind, public = base64.b64decode(material)[0], base64.b64decode(material)[1:]
    assert hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4].hex() == key_id
    found = line_of(body, vkey)
    (time,) = struct.unpack(">Q", found[:8])
    if kind == 0x04:
        text = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        Ed25519PublicKey.from_public_bytes(public).verify(found[8:], f"cosignature/v1\ntime {time}\n{text}".encode())
    else:
        assert (kind, len(public), len(found)) == (0x06, 1_312, 8 + 2_420)
        message = b"subtree/v1\n\x00"
        message += struct.pack(">B", len(name.encode())) + name.encode() + struct.pack(">Q", time)
        message += struct.pack(">B", len(origin.encode())) + origin.encode() + struct.pack(">QQ", 0, size) + root
        MLDSA44PublicKey.from_public_bytes(public).verify(found[8:], message)
    return time


def test_both_keys_cosign_in_order_and_go_on_after_a_restart(at_home):
    """Lines for the core and for other code; what was cosigned before the restart is remembered once, for both."""
    vkeys = made("--algorithm", "both")
    keys = [parse_vkey(vkey) for vkey in vkeys]
    assert [key.type for key in keys] == [KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_ML_DSA_44]
    assert {key.name for key in keys} == {NAME}
    log, times = Log().grow(5), []
    for old in (0, 5):
        with served("witness", "serve") as serving:
            assert serving["vkeys"] == vkeys
            answer = sent(serving["url"], log.request(old))
            assert answer.status == 200
            size, root = log.frontier.size, log.frontier.root()
            ids = [base64.b64decode(line.split()[2])[:4] for line in answer.body.splitlines()]
            assert ids == [key.key_id for key in keys]
            read = ledger.read_cosignatures(Checkpoint(ORIGIN, size, root).text(), answer.body, keys)
            assert [cosignature.key for cosignature, _ in read] == keys
            dated = {by_hand(answer.body, vkey, ORIGIN, size, root) for vkey in vkeys}
            assert dated == {cosignature.time for cosignature, _ in read}
            times += dated
            with pytest.raises(InvalidSignature):
                by_hand(answer.body, vkeys[1], ORIGIN, size + 1, root)
            shown = ask(f"{serving['url']}/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint", most=65_536)
            assert shown.body.endswith(answer.body)
        assert remembered_rows() == [(size, root)]
        log.grow(3)
    assert len(times) == 2  # one time for both lines, each time
    assert times == sorted(times)


def test_neither_key_cosigns_another_story(at_home):
    """Also the key that came later: it signs only what continues what the first one had signed."""
    (first,) = made()
    with served("witness", "serve") as serving:
        assert sent(serving["url"], Log().grow(5).request(0)).status == 200
    code, said = told("witness", "add-key")
    assert code == 0
    assert said["vkeys"][0] == first
    assert len(said["vkeys"]) == 2
    with served("witness", "serve") as serving:
        other = Log(changed=2).grow(7)
        assert sent(serving["url"], other.request(0)).status == 409
        assert sent(serving["url"], other.request(5)).status == 422
        grown = Log().grow(7)
        answer = sent(serving["url"], grown.request(5))
        assert answer.status == 200
        for vkey in said["vkeys"]:
            by_hand(answer.body, vkey, ORIGIN, 7, grown.frontier.root())
    assert remembered_rows() == [(7, grown.frontier.root())]


def with_extension(log: Log) -> ledger.AddCheckpoint:
    text = Checkpoint(ORIGIN, log.frontier.size, log.frontier.root()).text() + "of the ledger's own\n"
    return ledger.AddCheckpoint(0, (), ledger.signed_note(text, [LOG.under(text)]))


def test_extension_lines_get_no_line_of_ml_dsa(at_home):
    ed25519, ml_dsa = made("--algorithm", "both")
    with served("witness", "serve") as serving:
        answer = sent(serving["url"], with_extension(Log().grow(5)))
    assert answer.status == 200
    assert line_of(answer.body, ed25519)
    with pytest.raises(ValueError):
        line_of(answer.body, ml_dsa)
    assert [size for size, _ in remembered_rows()] == [5]


def test_extension_lines_get_nothing_of_ml_dsa_alone(at_home):
    """And nothing is remembered: a checkpoint that nobody cosigned keeps no other one out."""
    (vkey,) = made("--algorithm", "ml-dsa-44")
    assert parse_vkey(vkey).type is KeyType.COSIGNATURE_ML_DSA_44
    with served("witness", "serve") as serving:
        answer = sent(serving["url"], with_extension(Log().grow(5)))
        assert (answer.status, answer.body.partition(b":")[0]) == (400, b"checkpoint.extension")
        assert remembered_rows() == []
        log = Log().grow(3)
        by_hand(sent(serving["url"], log.request(0)).body, vkey, ORIGIN, 3, log.frontier.root())


# --- what is lacking, and what is wrong -------------------------------------------------------------------------------


def lacking(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command that needs the library where it is not: exit code 4, the reason, and the extra's name."""
    capsys.readouterr()
    done(*words, "--json", code=4)
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["reason"] == "key.unsupported"
    assert "pip install 'pourparler[signatures]'" in error["do"]


@contextlib.contextmanager
def with_an_openssl_that_makes_none():
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import mldsa

    class Old:
        @staticmethod
        def from_seed_bytes(seed):
            raise UnsupportedAlgorithm("ML-DSA-44 is not supported by this backend.")

    with pytest.MonkeyPatch.context() as patch, with_an_old_openssl():
        patch.setattr(mldsa, "MLDSA44PrivateKey", Old)
        yield


@pytest.mark.parametrize("absent", [without_library, with_an_openssl_that_makes_none])
def test_without_the_library_no_witness_is_made(at_home, capsys, monkeypatch, absent):
    """It is said before a passphrase is asked for."""
    done("init")
    with absent():
        with monkeypatch.context() as unasked:
            unasked.delenv("POURPARLER_PASSPHRASE")
            lacking(["witness", "create", NAME, "--algorithm", "both"], capsys)
        assert not Path("witness").exists()
        assert not list(Path("keys").glob("*"))
        done("witness", "create", NAME)  # Ed25519 needs nothing more
        lacking(["witness", "add-key"], capsys)
    assert [path.name for path in Path("keys").glob("*.key")] == ["witness.key"]
    done("witness", "add-key")


def test_without_the_library_a_witness_does_not_serve_with_half_its_keys(at_home, capsys, monkeypatch):
    """It says so before it asks for a passphrase, and doctor says so, too."""
    made("--algorithm", "both")
    monkeypatch.delenv("POURPARLER_PASSPHRASE")
    with without_library():
        lacking(["witness", "serve", "--port", "0"], capsys)
        done("doctor", code=5)
        assert "cannot be opened" in " ".join(capsys.readouterr().out.split())
        done("key", "list")
    assert "witness-ml-dsa" in capsys.readouterr().out


def test_a_wrong_passphrase_opens_neither(at_home, capsys, monkeypatch):
    made("--algorithm", "both")
    Path("other").write_text("another passphrase\n")
    capsys.readouterr()
    done("witness", "serve", "--port", "0", "--passphrase-file", "other", "--json", code=5)
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "key.passphrase"
    monkeypatch.setenv("POURPARLER_NEW_PASSPHRASE", "another passphrase")
    done("key", "passphrase", "witness-ml-dsa")  # now each has one of its own, and one is given
    capsys.readouterr()
    for words in ((), ("--passphrase-file", "other")):
        done("witness", "serve", "--port", "0", "--json", *words, code=5)
        assert json.loads(capsys.readouterr().out)["error"]["reason"] == "key.passphrase"


def test_a_key_in_the_place_of_another_does_not_cosign(at_home, capsys):
    made("--algorithm", "both")
    with Path("keys/witness-ml-dsa.key").open("rb") as file:
        theirs = file.read()
    done("key", "delete", "witness-ml-dsa", "--yes")
    done("key", "new", "witness-ml-dsa", "--role", "witness")
    capsys.readouterr()
    done("witness", "serve", "--port", "0", code=5)
    assert "is not the one that this witness was made with" in " ".join(capsys.readouterr().err.split())
    Path("keys/witness-ml-dsa.key").write_bytes(theirs)
    with served("witness", "serve") as serving:
        assert len(sent(serving["url"], Log().grow(1).request(0)).body.splitlines()) == 2


def test_where_the_second_key_cannot_be_made_the_first_is_not_left(at_home, monkeypatch):
    new = Keyring.new

    def failing(ring, name, *rest):
        if name.endswith("-ml-dsa"):
            raise KeyTrouble("key.disk", "The disk is full.", "Make room.")
        return new(ring, name, *rest)

    done("init")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Keyring, "new", failing)
        done("witness", "create", NAME, "--algorithm", "both", code=5)
    assert not list(Path("keys").glob("*.key"))
    assert not Path("witness").exists()
    done("witness", "create", NAME, "--algorithm", "both")


def test_a_name_that_ml_dsa_cannot_sign_is_refused_before_a_key_is_made(at_home, capsys):
    long = "w" * 256
    done("init")
    capsys.readouterr()
    done("witness", "create", long, "--algorithm", "both", "--json", code=4)
    assert json.loads(capsys.readouterr().out)["error"]["reason"] == "note.key-name"
    assert not list(Path("keys").glob("*.key"))
    done("witness", "create", long)
    done("witness", "add-key", "--json", code=4)
    assert [path.name for path in Path("keys").glob("*.key")] == ["witness.key"]


def test_key_commands_know_the_key(at_home, capsys, monkeypatch):
    """Copied, deleted, taken back, under a passphrase of the journey: the witness goes on with it."""
    monkeypatch.setenv("POURPARLER_NEW_PASSPHRASE", WORDS)
    vkeys = made("--algorithm", "both")
    public = parse_vkey(vkeys[1]).public_key.hex()
    capsys.readouterr()
    done("key", "public", "witness-ml-dsa")
    assert capsys.readouterr().out.strip() == public
    code, shown = told("key", "list")
    assert code == 0
    assert [(key["name"], key["algorithm"]) for key in shown["keys"]] == [
        ("witness", "ed25519"),
        ("witness-ml-dsa", "ml-dsa-44"),
    ]
    done("key", "export", "witness-ml-dsa", "--out", "copy")
    done("key", "delete", "witness-ml-dsa", "--yes")
    done("witness", "serve", "--port", "0", code=4)
    done("key", "import", "copy", "witness-ml-dsa")
    assert public not in capsys.readouterr().out  # 2,624 digits fill a page
    log = Log().grow(2)
    with served("witness", "serve") as serving:
        by_hand(sent(serving["url"], log.request(0)).body, vkeys[1], ORIGIN, 2, log.frontier.root())


def test_each_key_has_a_line_of_its_own_in_a_policy(at_home, tmp_path):
    """Names of witnesses are of one set in a policy: what is printed can be put into one file as it stands."""
    from pourparler.cli.witness import policy_line

    keys = [parse_vkey(vkey) for vkey in made("--algorithm", "both")]
    lines = [policy_line(key, "http://127.0.0.1:9") for key in keys]
    both = "group both all watcher.example-w1 watcher.example-w1-ml-dsa\nquorum both\n"
    policy = ledger.parse_policy(("\n".join(lines) + "\n" + both).encode())
    assert [witness.key for witness in policy.witnesses] == keys
    assert not ledger.quorum_met(policy, {keys[0].public_key})
    assert ledger.quorum_met(policy, {key.public_key for key in keys})


# --- the store --------------------------------------------------------------------------------------------------------

SEEN = Remembered(ORIGIN, ledger.monitoring_path(ORIGIN), 3, bytes(32), 1_700_000_000, b"a note")


def of_version_1(path: Path, *own: tuple[str, str]) -> None:
    """A witness's file as it was written when a witness had one key."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        for statement in storing.MIGRATIONS[0]:
            database.execute(statement)
        database.execute(f"PRAGMA application_id={storing.APPLICATION_ID}")
        database.execute("PRAGMA user_version=1")
        database.executemany("INSERT INTO own VALUES (1, ?, ?)", own)
        database.execute("INSERT INTO key VALUES (?, ?)", (ORIGIN, LOG.key.text))
        database.execute(
            "INSERT INTO remembered VALUES (?, ?, ?, ?, ?, ?)",
            (SEEN.origin, SEEN.path, SEEN.size, SEEN.root, SEEN.time, SEEN.note),
        )


def test_a_file_of_one_key_is_taken_over_with_all_that_it_remembers(tmp_path):
    path = tmp_path / "witness.sqlite"
    of_version_1(path, ("old name", W1.key.text))
    store = WitnessStore(path)
    assert store.own() == [OwnKey("old name", W1.key.text)]
    assert (store.remembered(ORIGIN), store.keys(ORIGIN)) == (SEEN, [LOG.key.text])
    store.add_own(OwnKey("a second", L1.key.text))
    store.close()
    again = WitnessStore(path)
    assert again.own() == [OwnKey("old name", W1.key.text), OwnKey("a second", L1.key.text)]
    assert again.remembered(ORIGIN) == SEEN
    again.close()


def test_a_file_that_was_not_finished_is_taken_for_none(tmp_path):
    path = tmp_path / "witness.sqlite"
    of_version_1(path)
    store = WitnessStore(path)
    with pytest.raises(StoreError, match="was not finished"):
        store.own()
    store.close()


def test_keys_are_kept_all_or_none_and_no_key_twice(tmp_path):
    store = WitnessStore(tmp_path / "witness.sqlite", create=True)
    store.add_own(OwnKey("one", W1.key.text))
    for again in (OwnKey("one", L1.key.text), OwnKey("three", W1.key.text)):
        with pytest.raises(StoreError):
            store.add_own(OwnKey("two", LOG.key.text), again)
        assert store.own() == [OwnKey("one", W1.key.text)]
    store.close()


def test_none_of_its_own_keys_is_a_ledgers(tmp_path):
    """An ML-DSA-44 key may sign checkpoints as well, so only the witness's word keeps its own out."""
    store = new_store(tmp_path / "witness.sqlite", W1, L1)
    with pytest.raises(Exception, match="own key"):
        trust(store, L1.key.text, ORIGIN)
    store.close()


# --- who asks ---------------------------------------------------------------------------------------------------------

SAME_NAME = LatticePen(W1.key.name, 21)


def test_both_lines_of_one_url_count_for_a_policy_that_names_both(tmp_path):
    with witness_at(tmp_path / "a", W1, SAME_NAME) as (url, _):
        policy = policy_of("group both all one two\nquorum both", one=(W1, url), two=(SAME_NAME, url))
        found = witness_ledger(DEPOSITARY, Log().grow(3).store, policy)
    assert found.met
    assert [word.said for word in found.words] == [Said.COSIGNED, Said.COSIGNED]


def test_a_policy_that_names_one_of_the_keys_takes_that_line(tmp_path):
    with witness_at(tmp_path / "a", W1, SAME_NAME) as (url, _):
        log = Log().grow(3)
        for pen in (W1, SAME_NAME):
            found = witness_ledger(DEPOSITARY, log.store, policy_of("quorum one", one=(pen, url)))
            assert found.met
            opened = ledger.open_checkpoint(found.note, ORIGIN, LOG.key, [W1.key, SAME_NAME.key])
            assert opened.cosigners() == {pen.key.public_key}


def test_a_key_that_did_not_cosign_does_not_count_by_the_other(tmp_path):
    """A witness that has not got its second key yet meets nobody's demand for both."""
    with witness_at(tmp_path / "a", W1) as (url, _):
        policy = policy_of("group both all one two\nquorum both", one=(W1, url), two=(SAME_NAME, url))
        found = witness_ledger(DEPOSITARY, Log().grow(3).store, policy)
    assert not found.met
    assert [word.said for word in found.words] == [Said.COSIGNED, Said.REFUSED]
    assert "another key" in found.words[1].why


def test_who_cannot_verify_ml_dsa_is_told_so_and_counts_the_other(tmp_path):
    with witness_at(tmp_path / "a", W1, SAME_NAME) as (url, _), without_library():
        either = policy_of("group any any one two\nquorum any", one=(W1, url), two=(SAME_NAME, url))
        found = witness_ledger(DEPOSITARY, Log().grow(3).store, either)
    assert found.met
    assert [word.said for word in found.words] == [Said.COSIGNED, Said.REFUSED]
    assert "pourparler[signatures]" in found.words[1].why


def test_lines_stand_in_the_order_of_the_keys(tmp_path):
    """Whichever kind came first."""
    for number, pens in enumerate([(W1, SAME_NAME), (SAME_NAME, W1)]):
        store = new_store(tmp_path / f"{number}.sqlite", *pens)
        witness = Witness(store, [(pen.key, pen.sign) for pen in pens], Clock())
        body = witness.add_checkpoint(Log().grow(4).request(0).encoded()).body
        assert [base64.b64decode(line.split()[2])[:4] for line in body.splitlines()] == [p.key.key_id for p in pens]
        store.close()
