"""The command line, as people meet it: verdicts, exit codes, messages, terminals without colour, width or Unicode."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pourparler.cli import words
from pourparler.cli.main import app
from pourparler.cli.verify import PAGE_MAX_BYTES
from pourparler.core import limits
from pourparler.core.act import Act
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import Value, encode
from pourparler.core.evidence import STEPS, Bundle, Claim, Shown, Trust, Verdict, verify
from pourparler.core.ledger import (
    Checkpoint,
    KeyType,
    VerifierKey,
    cosign_note_text,
    leaf_hash,
    multiproof,
    root_of,
    sign_note_text,
    signed_note,
)
from pourparler.core.redline import parse_text, text_digest
from pourparler.core.registry import Registry, canonical
from pourparler.service.drafting import Draft, draft, powers
from pourparler.service.evidencepage import OPENING
from pourparler.testing.keys import Key
from tests.terminal import Terminal, clean_environment

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400
BEGUN = -1_643_000_000  # in December 1917


# --- a small ledger, made by hand -------------------------------------------------------------------------------------


@dataclass
class Ledger:
    """A ledger in memory: entries as a depositary makes them, one act in each transaction."""

    time: int = BEGUN
    pace: int = 60
    key: Key = field(default_factory=lambda: Key.from_name("cli ledger"))
    origin: str = "ledger.example/cli"
    entries: list[bytes] = field(default_factory=list)
    texts: dict[bytes, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.depositary = Depositary(self.origin, self.key.public_key)
        self.wire = {"origin": self.origin, "key": self.key.public_key}
        read = lambda digest: parse_text(self.texts[digest]) if digest in self.texts else None  # noqa: E731
        self.registry = Registry(self.depositary, read)
        self.append(draft("ledger", {"origin": self.origin, "at": self.time, "bound": 600}).signed_by(self.key))

    def append(self, act: Act) -> None:
        index = len(self.entries)
        outcome = self.registry.enter(act, index)
        self.entries.append((canonical(act, outcome) if outcome else act).envelope.encoded())

    def stamp(self, follows: int, *streams: bytes) -> None:
        self.time += self.pace
        rows = self.registry.heads(streams)
        fields = {"index": len(self.entries), "at": self.time, "follows": follows, "streams": rows}
        self.append(draft("stamp", fields).signed_by(self.key))

    def log(self, drafted: Draft, *signers: Key) -> Act:
        act = drafted.signed_by(*signers)
        self.stamp(1)
        self.append(act)
        return act

    def text(self, terms: dict[str, Value], article: str, **clauses: Value) -> bytes:
        data = encode({"articles": {"en": [article]}, "terms": terms, "random": bytes(16), "clauses": clauses})
        self.texts[text_digest(data)] = data
        return text_digest(data)

    def position(self, stream: bytes) -> list[Value]:
        found = self.registry.streams[stream]
        return [found.count, found.head]

    def note(self, size: int, *cosigners: tuple[str, Key, int]) -> bytes:
        text = Checkpoint(self.origin, size, root_of(map(leaf_hash, self.entries[:size]))).text()
        key = VerifierKey(self.origin, KeyType.ED25519, self.key.public_key)
        lines = [sign_note_text(text, key, self.key.sign)]
        for name, witness, when in cosigners:
            witness_key = VerifierKey(name, KeyType.COSIGNATURE_ED25519, witness.public_key)
            lines.append(cosign_note_text(text, witness_key, when, witness.sign))
        return signed_note(text, lines)

    def shown(self, *cosigners: tuple[str, Key, int], without: tuple[int, ...] = ()) -> Shown:
        size = len(self.entries)
        known = tuple((index, entry) for index, entry in enumerate(self.entries) if index not in without)
        hashes = multiproof(size, [index for index, _ in known], self.node)
        return Shown(self.depositary, self.note(size, *cosigners), known, hashes)

    def node(self, level: int, index: int) -> bytes:
        return root_of(map(leaf_hash, self.entries[index << level : (index + 1) << level]))


@dataclass
class Truce:
    """Two parties, two mandates, one text that both are bound by; and the bundles that say so."""

    ledger: Ledger
    council: bytes
    headquarters: bytes
    dossier: bytes
    text: bytes
    ratified: int
    as_of: int

    def claim(self, kind: str = "bound") -> Claim:
        parties = (self.council,) if kind == "bound" else tuple(sorted((self.council, self.headquarters)))
        return Claim(kind, self.ledger.depositary, self.as_of, parties, self.dossier, self.text)

    def bundle(self, kind: str = "bound", **parts: Value) -> bytes:
        shown = parts.pop("shown", None) or self.ledger.shown()
        texts = tuple(parts.pop("texts", self.ledger.texts.values()))
        return Bundle(parts.pop("claim", self.claim(kind)), (shown,), texts).encoded()


def make_truce(name: str = "Council of the Republic", begun: int = BEGUN, pace: int = 60) -> Truce:
    ledger = Ledger(begun, pace)
    members = [Key.from_name(f"cli member {number}") for number in range(3)]
    general, chief, envoy = (Key.from_name(f"cli {who}") for who in ("general", "chief", "envoy"))

    def seats(*keys: Key) -> list[list[Value]]:
        return sorted([key.public_key, 1] for key in keys)

    def found(name: str, organ: str, keys: list[Key], needs: int) -> Act:
        organs = [{"name": organ, "seats": seats(*keys), "needs": needs, "powers": 2047}]
        fields = {"name": name, "nonce": bytes(16), "home": ledger.wire, "suspension": DAY, "organs": organs}
        return ledger.log(draft("found", fields), *keys)

    ours, theirs = found(name, "council", members, 2), found("Headquarters", "command", [chief], 1)
    council, command = organ_id(ours.id, "council"), organ_id(theirs.id, "command")
    talks = powers("open", "propose", "adopt", "sign-ad-referendum")
    lines = [["absent", "annexation"], ["equal", "fronts", "all"]]
    grant = {"organ": council, "prior": council, "to": envoy.public_key, "powers": talks, "lines": lines}
    mandate = ledger.log(draft("grant", grant), members[0], members[1])
    grant = {"organ": command, "prior": command, "to": general.public_key, "powers": talks | powers("conclude")}
    other = ledger.log(draft("grant", grant), chief)

    fields = {"parties": sorted([ours.id, theirs.id]), "ledger": ledger.wire, "rules": {"adopt": "all"}}
    dossier = ledger.log(draft("open", {"by": mandate.id, **fields, "nonce": bytes(16)}), envoy).id
    ledger.log(draft("join", {"by": other.id, "dossier": dossier}), general)
    text = ledger.text({"fronts": "all"}, "The armies cease fire on all fronts.", term={"notice_days": 7})
    on = {"dossier": dossier, "text": text}
    ledger.log(draft("propose", {"by": mandate.id, **on}), envoy)
    ledger.log(draft("adopt", {"by": mandate.id, **on}), envoy)
    ledger.log(draft("adopt", {"by": other.id, **on}), general)
    fields = {"by": mandate.id, **on, "organ": council, "deadline": begun + DAY}
    signature = ledger.log(draft("sign-ad-referendum", fields), envoy)
    ledger.log(draft("conclude", {"by": other.id, **on}), general)
    seen = {"dossier": ledger.position(dossier), "party": ledger.position(ours.id)}
    fields = {"organ": council, "prior": mandate.id, **on, "signs": [signature.id], "seen": seen}
    ledger.log(draft("ratify", fields), members[0], members[2])
    ratified = len(ledger.entries) - 1
    ledger.stamp(0, dossier, ours.id, theirs.id)
    return Truce(ledger, ours.id, theirs.id, dossier, text, ratified, len(ledger.entries) - 1)


@pytest.fixture(scope="module")
def truce() -> Truce:
    return make_truce()


@pytest.fixture
def bundle(truce: Truce, tmp_path: Path) -> Path:
    path = tmp_path / "truce.evidence"
    path.write_bytes(truce.bundle())
    return path


# --- running ----------------------------------------------------------------------------------------------------------


def run(
    *arguments: object, stdin: bytes | None = b"", cwd: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pourparler.cli.main", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**clean_environment(), **environment},
        cwd=cwd,
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    )


@pytest.fixture(scope="session", autouse=True)
def folder_for_demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the demos make their temporary folders where the test run throws them away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        yield


def flat(text: str) -> str:
    """The output with its line breaks undone, to look for sentences."""
    return " ".join(text.split())


# --- verify: the verdicts ---------------------------------------------------------------------------------------------


def test_a_bound_party_is_valid_and_every_step_is_named(truce: Truce, bundle: Path) -> None:
    done = run("verify", bundle, "--trust", f"{truce.council.hex()}=handed over at the wire")
    assert done.returncode == 0, done.stdout + done.stderr
    said = flat(done.stdout)
    named = "“Council of the Republic” (which you trust: handed over at the wire)"
    assert said.startswith(f"VALID {named} is bound by the text")
    assert "“The armies cease fire on all fronts.”" in said
    assert "handed over at the wire" in said
    assert truce.council.hex() in said
    assert f"as of index {truce.as_of}, log time" in said
    assert "Dec 1917" in said
    for number, name in STEPS.items():
        assert f"✓ {number} {name}" in said


def test_in_force_says_which_party_is_nobody_you_know(truce: Truce, tmp_path: Path) -> None:
    path = tmp_path / "force.evidence"
    path.write_bytes(truce.bundle("in-force"))
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 0, done.stdout
    assert "is in force between" in flat(done.stdout)
    assert "“Headquarters”: not in your trust" in flat(done.stdout)


def test_what_is_in_force_is_relied_on_as_to_whom_one_trusts(truce: Truce, tmp_path: Path) -> None:
    path = tmp_path / "force.evidence"
    path.write_bytes(truce.bundle("in-force"))
    one = run("verify", path, "--trust", truce.council.hex())
    both = run("verify", path, "--trust", truce.council.hex(), "--trust", truce.headquarters.hex())
    assert one.returncode == both.returncode == 0
    half = "as to “Council of the Republic”; you have not said that you trust the other's id."
    assert f"You may rely on this as of that index {half}" in flat(one.stdout)
    assert "You may rely on this as of that index. What came later" in flat(both.stdout)
    assert "not in your trust" not in flat(both.stdout)


@pytest.mark.parametrize(("number", "says"), [(0, ""), (1, "1 text of the file is"), (2, "2 texts of the file are")])
def test_a_text_that_no_act_names_is_noted(truce: Truce, tmp_path: Path, number: int, says: str) -> None:
    other = Ledger()
    for article in ("The fleet is handed over.", "The tents are, too.")[:number]:
        other.text({}, article)
    path = tmp_path / "stuffed.evidence"
    path.write_bytes(truce.bundle(texts=sorted([*truce.ledger.texts.values(), *other.texts.values()])))
    done = run("verify", path, "--trust", truce.council.hex(), "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    found = [note for note in report["notes"] if "named by no act" in note]
    assert len(found) == (number > 0)
    assert all(note.startswith(f"{says} named by no act that is shown") for note in found)


CHEAT = "Deutsche Bank AG” (which you trust) and “Evil"


def test_a_title_cannot_say_that_it_is_trusted(tmp_path: Path) -> None:
    truce = make_truce(CHEAT)
    path = tmp_path / "cheat.evidence"
    path.write_bytes(truce.bundle("in-force"))
    given = ("verify", path, "--trust", f"{truce.headquarters.hex()}=met in person")
    done = run(*given)
    assert done.returncode == 0, done.stdout
    said = flat(done.stdout)
    beginning = truce.council.hex()[:8]
    shown = "Deutsche Bank AG' (which you trust) and 'Evil"
    assert f"a party calling itself “{shown}” (id {beginning}…, not in your trust)" in said
    assert "“Headquarters” (which you trust: met in person)" in said
    assert CHEAT not in said
    report = json.loads(run(*given, "--json").stdout)
    assert sorted(report["parties"], key=lambda party: party["trusted"]) == [
        {"id": truce.council.hex(), "title": shown, "trusted": False, "how": None},
        {"id": truce.headquarters.hex(), "title": "Headquarters", "trusted": True, "how": "met in person"},
    ]
    assert f"a party calling itself “{shown}”" in report["sentence"]


def test_a_long_title_is_cut(tmp_path: Path) -> None:
    truce = make_truce("L" * 64)
    path = tmp_path / "long.evidence"
    path.write_bytes(truce.bundle())
    report = json.loads(run("verify", path, "--trust", truce.council.hex(), "--json").stdout)
    assert report["parties"][0]["title"] == "L" * 59 + "…"
    assert report["sentence"].startswith(f"“{'L' * 59}…” (which you trust: given on the command line) is bound by")


def test_without_trust_nobody_can_tell(bundle: Path) -> None:
    done = run("verify", bundle)
    assert done.returncode == 2
    said = flat(done.stdout)
    assert said.startswith("CANNOT TELL It is claimed that")
    assert "[trust.unknown-party]" in said
    assert "Learn the party's id from the party itself" in said
    assert "· 10 the claim" in said


def test_an_act_left_out_is_cannot_tell(truce: Truce, tmp_path: Path) -> None:
    path = tmp_path / "short.evidence"
    path.write_bytes(truce.bundle(shown=truce.ledger.shown(without=(truce.ratified,))))
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 2, done.stdout
    assert "? 7 no act of the streams is left out" in flat(done.stdout)
    assert "[stream.incomplete]" in done.stdout


def test_a_text_left_out_is_cannot_tell(truce: Truce, tmp_path: Path) -> None:
    path = tmp_path / "short.evidence"
    path.write_bytes(truce.bundle(texts=()))
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 2, done.stdout
    assert "text.missing" in done.stdout


def test_a_party_that_only_negotiated_is_not_bound(tmp_path: Path) -> None:
    truce = make_truce()
    other = truce.ledger.text({"fronts": "one"}, "The armies cease fire here.")
    path = tmp_path / "other.evidence"
    path.write_bytes(truce.bundle(claim=replace(truce.claim(), text=other)))
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 1, done.stdout
    assert "[claim.not-bound]" in done.stdout
    assert "Do not act as if it did" in flat(done.stdout)


def test_no_changed_byte_is_valid(truce: Truce) -> None:
    """Every byte of the bundle, one after the other: no change leaves VALID, and none is answered by an exception."""
    data = truce.bundle()
    trust = Trust({truce.council: "test"})
    survived = [
        (position, report.claim)
        for position in range(0, len(data), 7)
        if (report := verify(changed(data, position), trust)).verdict is Verdict.VALID
    ]
    assert not survived


def changed(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_a_changed_byte_is_invalid_and_names_the_step(truce: Truce, tmp_path: Path) -> None:
    data = truce.bundle()
    entry = truce.ledger.entries[truce.ratified]
    path = tmp_path / "changed.evidence"
    path.write_bytes(changed(data, data.index(entry) + len(entry) - 9))
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 1, done.stdout
    assert "✗ 3 the entries stand under checkpoints that the ledgers signed" in flat(done.stdout)
    assert "[proof.root]" in done.stdout


def test_a_policy_of_witnesses(tmp_path: Path) -> None:
    truce = make_truce(begun=1_700_000_000, pace=5)  # a cosignature has no date before 1970
    witness = Key.from_name("cli witness")
    vkey = VerifierKey("geneva.example", KeyType.COSIGNATURE_ED25519, witness.public_key).text
    policy = tmp_path / "witnesses.policy"
    policy.write_bytes(b"witness geneva %s\nquorum geneva\n" % vkey.encode())
    path = tmp_path / "truce.evidence"
    for cosigned, exit_code, says in (
        ([], 2, "[witness.quorum]"),
        ([("geneva.example", witness, truce.ledger.time + 30)], 0, "✓ 8 witnesses saw the checkpoints in time"),
        ([("geneva.example", witness, truce.ledger.time + 601)], 2, "[witness.quorum]"),
    ):
        path.write_bytes(truce.bundle(shown=truce.ledger.shown(*cosigned)))
        done = run("verify", path, "--trust", truce.council.hex(), "--policy", policy)
        assert done.returncode == exit_code, done.stdout + done.stderr
        assert says in flat(done.stdout)


# --- verify: the json report ------------------------------------------------------------------------------------------

KEYS = [
    "format", "verdict", "exit_code", "reason", "step", "detail", "sentence", "next",
    "claim", "text", "parties", "as_of", "at", "trust", "steps", "notes",
]  # fmt: skip


@pytest.mark.parametrize("trusted", [True, False])
def test_json_has_the_same_keys_whatever_the_verdict(truce: Truce, bundle: Path, trusted: bool) -> None:
    trust = ["--trust", f"{truce.council.hex().upper()}=printed in the paper"] if trusted else []
    done = run("verify", bundle, *trust, "--json", "--at", "1917-12-20")
    report = json.loads(done.stdout)
    assert list(report) == KEYS
    assert report["exit_code"] == done.returncode == (0 if trusted else 2)
    assert report["verdict"] == ("VALID" if trusted else "CANNOT TELL")
    assert [step["number"] for step in report["steps"]] == list(STEPS)
    assert report["claim"]["parties"] == [truce.council.hex()]
    assert report["as_of"]["index"] == truce.as_of
    assert report["trust"][0]["party"] == truce.council.hex()
    assert report["trust"][0]["trusted"] is trusted
    assert report["at"] == -1_642_032_000


def test_json_of_what_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_bytes(b"\xa0")
    done = run("verify", path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert list(report) == KEYS
    assert report["claim"] is None
    assert report["step"] == 1


# --- verify: what people get wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "exit_code", "says"),
    [
        (lambda path: None, 5, "there is no file"),
        (lambda path: path.mkdir(), 5, "is a directory"),
        (lambda path: path.write_bytes(b""), 5, "is empty"),
        (lambda path: path.write_bytes(b"%PDF-1.7"), 5, "looks like a PDF document"),
        (lambda path: path.write_text("Dear Sir"), 5, "looks like plain text"),
        (lambda path: path.write_text('organ = "we.board"'), 5, "is no evidence bundle"),
        (lambda path: path.write_bytes(b"\xa0"), 1, "[bundle.malformed]"),
    ],
)
def test_files_that_are_no_bundle(tmp_path: Path, make, exit_code: int, says: str) -> None:
    path = tmp_path / "file"
    make(path)
    done = run("verify", path)
    assert done.returncode == exit_code
    assert says in flat(done.stdout + done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_is_too_large_for_a_bundle_is_told_the_bundles_bound(tmp_path: Path, times: int) -> None:
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(times * limits.EVIDENCE_MAX_BYTES + 1)
    done = run("verify", path)
    assert done.returncode == 5
    assert f"is too large: a bundle has {limits.EVIDENCE_MAX_BYTES:,} bytes at most" in flat(done.stderr)


def test_a_page_has_a_bound_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    with path.open("wb") as file:
        file.write(OPENING)
        file.truncate(PAGE_MAX_BYTES + 1)
    done = run("verify", path)
    assert done.returncode == 5
    assert f"is too large: an evidence page has {PAGE_MAX_BYTES:,} bytes at most" in flat(done.stderr)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(bundle: Path) -> None:
    bundle.chmod(0)
    assert run("verify", bundle).returncode == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trust", "3f"], "it has 2 digits"),
        (["--trust", "3f" * 31], "it has 62 digits"),
        (["--trust", "the council"], "neither hex nor a file"),
        (["--at", "yesterday"], "not an instant"),
        (["--at", "99999999999999"], "not an instant"),
        (["--nope"], "No such option"),
        (["--trust", "{list}.json"], "is not a trust file"),
        (["--trust", "{broken}.toml"], "is not TOML"),
        (["--policy", "{list}.json"], "is not a policy of witnesses"),
    ],
)
def test_wrong_usage_exits_4(bundle: Path, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "broken.toml").write_text("[")
    filled = [re.sub(r"\{(\w+)\}", rf"{tmp_path}/\1", argument) for argument in arguments]
    done = run("verify", bundle, *filled)
    assert done.returncode == 4
    assert says in flat(done.stderr)
    assert "Traceback" not in done.stderr


def test_trust_from_files(truce: Truce, bundle: Path, tmp_path: Path) -> None:
    party = truce.council.hex()
    (tmp_path / "trust.json").write_text(json.dumps({"parties": {party: "from the gazette"}}))
    (tmp_path / "trust.toml").write_text(f'[parties]\n{party} = "from the embassy"\n')
    for name, how in (("trust.json", "from the gazette"), ("trust.toml", "from the embassy")):
        done = run("verify", bundle, "--trust", tmp_path / name)
        assert done.returncode == 0, done.stdout + done.stderr
        assert how in flat(done.stdout)
        assert f"by the file {tmp_path / name}".replace(" ", "") in "".join(done.stdout.split())


WORKSPACE = 'format = "pourparler/1 workspace"\n[names]\nthem = "{0}"\n[trust]\n{0} = "from the gazette"\n'


def test_the_trust_of_a_workspace_names_its_file(truce: Truce, bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    party = truce.council.hex()
    settings = folder / "pourparler.toml"
    settings.write_text(WORKSPACE.format(party))
    given = ("verify", bundle, "--workspace", folder)
    done = run(*given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"fromthegazette,bytheworkspace{settings}" in "".join(done.stdout.split())
    assert f"1partyistrusted:bytheworkspace{settings}" in "".join(done.stdout.split())
    (row,) = json.loads(run(*given, "--json").stdout)["trust"]
    assert (row["learnt"], row["by"]) == ("from the gazette", f"by the workspace {settings}")
    (row,) = json.loads(run(*given, "--trust", "them=told by Ann", "--json").stdout)["trust"]
    assert (row["learnt"], row["by"]) == ("told by Ann", f"called them by the workspace {settings}")
    (row,) = json.loads(run(*given, "--trust", f"{party}=met", "--json").stdout)["trust"]
    assert (row["learnt"], row["by"]) == ("met", "")


def test_whose_trust_it_is_is_always_said(truce: Truce, bundle: Path) -> None:
    assert "nobody is trusted: you gave no --trust" in flat(run("verify", bundle).stdout)
    said = flat(run("verify", bundle, "--trust", truce.council.hex()).stdout)
    assert "1 party is trusted: by your --trust" in said


@pytest.mark.parametrize(
    ("head", "named", "why"),
    [
        ("", True, "is no workspace's: it does not begin with its format"),
        ("", False, "is no workspace's: it does not begin with its format"),
        (WORKSPACE.partition("[")[0], False, "holds no keys, and nobody named it with --workspace"),
    ],
)
def test_the_trust_of_nobody_s_workspace_is_not_taken(
    truce: Truce, bundle: Path, tmp_path: Path, head: str, named: bool, why: str
) -> None:
    """A folder that somebody sent, with an empty ``keys`` in it, chooses for nobody whom he trusts."""
    party = truce.council.hex()
    (tmp_path / "sent" / "keys").mkdir(parents=True)
    settings = tmp_path / "sent" / "pourparler.toml"
    settings.write_text(head + WORKSPACE.format(party).partition("\n")[2])
    where = ["--workspace", str(settings.parent)] if named else []
    done = run("verify", bundle, *where, cwd=settings.parent)
    assert done.returncode == 2, done.stdout
    assert f"{settings}{why}:itstrustisnottaken;use--trust".replace(" ", "") in "".join(done.stdout.split())
    assert "gazette" not in done.stdout
    assert "nobody is trusted" in flat(done.stdout)
    done = run("verify", bundle, "--trust", "them", *where, cwd=settings.parent)
    assert done.returncode == 4
    assert "its names are not taken" in flat(done.stderr)
    done = run("verify", bundle, "--trust", party, *where, cwd=settings.parent)
    assert done.returncode == 0


def test_a_bundle_on_standard_input(truce: Truce) -> None:
    assert run("verify", "-", "--trust", truce.council.hex(), stdin=truce.bundle()).returncode == 0
    assert run("verify", "-", stdin=b"").returncode == 5


# --- terminals --------------------------------------------------------------------------------------------------------


def test_no_colour_where_nobody_looks(truce: Truce, bundle: Path) -> None:
    for environment in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in run("verify", bundle, "--trust", truce.council.hex(), **environment).stdout


def test_without_unicode_the_signs_are_letters(truce: Truce, bundle: Path) -> None:
    plain = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run("verify", bundle, "--trust", truce.council.hex(), **plain)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert '"Council of the Republic" (which you trust: given on the command line) is bound by' in flat(done.stdout)
    assert "v 1 the bundle is well-formed" in flat(done.stdout)


@pytest.mark.parametrize("columns", [30, 80, 120])
def test_lines_keep_to_the_width(bundle: Path, truce: Truce, columns: int) -> None:
    done = run("verify", bundle, "--trust", truce.council.hex(), COLUMNS=str(columns))
    assert max(map(len, done.stdout.splitlines())) <= columns


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    truce = make_truce("Nobody\x1b[2J\x07 VALID")
    path = tmp_path / "nasty.evidence"
    path.write_bytes(truce.bundle())
    done = run("verify", path, "--trust", truce.council.hex())
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout


# --- the command as a whole -------------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["--version"]).output.startswith("pourparler 0.")
    helped = runner.invoke(app, ["--help"])
    assert helped.exit_code == 0
    assert "only your council can bind you" in flat(helped.output)
    for command in ("verify", "demo"):
        assert command in helped.output
        assert runner.invoke(app, [command, "--help"]).exit_code == 0


def test_alone_it_helps_and_an_unknown_command_is_usage() -> None:
    assert "Usage" in run().stdout
    done = run("verfy")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_verify_imports_neither_the_service_nor_the_store() -> None:
    code = (
        "import sys; from pourparler.cli.main import main; main(['verify', 'nothing']);"
        "print([m for m in sys.modules if m.startswith(('pourparler.service', 'pourparler.store', 'sqlite3'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=clean_environment(), check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


# --- demo -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One whole demo: the folder that it kept, and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    done = run("demo", "--once", "--keep", folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stderr == ""
    return folder, done.stdout


def test_the_demo_tells_the_story(told: tuple[Path, str]) -> None:
    said = flat(told[1])
    for sentence in (
        "may open and propose, not conclude",
        "Asking another office proves nothing and suspends nothing",
        "REFUSED at step 7, the powers suffice, and no link widens [power.missing]",
        "at step 10, the chain stands [standing.duty-missed]",
        "who has not heard of the dismissal: the committees at the front, the Allied missions and the German command",
        "VOID at step 10, the chain stands [standing.dismissed]",
        "a wider text entered into force",
        "“armistice”, Russia of the Soviets and Germany: IN FORCE since 4 (17) Dec 1917, 12:00 in Berlin = 14:00 in",
        "Seven days were agreed and two were kept",
    ):
        assert sentence in said, sentence


def test_the_demo_ends_with_the_three_verdicts(told: tuple[Path, str]) -> None:
    said = flat(told[1])
    first, second, third = said.index(" VALID The text"), said.index("INVALID It is"), said.index("CANNOT TELL It is")
    assert first < second < third
    for verdict in (said[first:second], said[second:third], said[third:]):
        assert "not in your trust)" in verdict
        assert "(which you trust: handed over by the council)" in verdict
    assert "[proof.root]" in said[second:third]
    assert "One act left out, as if it had never been" in said[second:third]
    assert "the stream of “Russia of the Soviets” are shown [stream.incomplete]" in said[third:]
    assert re.search(r"[\d,]+ acts were tried", said)


def test_the_demo_s_command_works_when_copied(told: tuple[Path, str]) -> None:
    folder, said = told
    line = said[said.index("./run pourparler ") + len("./run pourparler ") :].replace("\\\n", " ").splitlines()[0]
    assert run(*shlex.split(line)).returncode == 0
    changed = line.replace("november-1917.evidence", "november-1917-changed.evidence")
    assert run(*shlex.split(changed)).returncode == 1
    assert run(*shlex.split(line.replace("november-1917.evidence", "november-1917-short.evidence"))).returncode == 2
    assert (folder / "sign" / "neutral.sqlite").exists()


def test_the_demo_fits_any_terminal() -> None:
    done = run("demo", "--once", COLUMNS="50", PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C", NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    lines = done.stdout.splitlines()
    copied = next(number for number, line in enumerate(lines) if "./run pourparler" in line)
    assert max(len(line) for number, line in enumerate(lines) if number not in (copied, copied + 1)) <= 50


def test_the_demo_in_french_and_in_both_readings() -> None:
    done = run("demo", "--once", "--lang", "fr", "--reading", "all")
    assert done.returncode == 0, done.stderr
    said = flat(done.stdout)
    assert "peut ouvrir et proposer, non conclure" in said
    assert "REFUSÉ à l'étape 7" in said
    assert "Seul ce qui diffère est dit." in said
    assert said.count("Ordre d'ouvrir, non de conclure") == 1


def test_the_help_of_the_demo_says_what_there_is() -> None:
    said = flat(run("demo", "--help").stdout)
    scenarios = sorted(path.stem for path in (ROOT / "scenarios").glob("*.toml"))
    assert len(scenarios) >= 2
    for name in scenarios:
        assert f"{name}: " in said
    assert "a council lets a general open talks and not conclude them" in said


def test_procurement_ends_with_the_three_verdicts_and_the_variant_with_its_own(tmp_path: Path) -> None:
    done = run("demo", "procurement", "--once", "--keep", tmp_path / "kept")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    said = flat(done.stdout)
    assert "15 Dec 09:00 The council gives its agent a mandate" in said  # dated by the ledger's time
    assert "all it signs together: total must be at most EUR 400000.00" in said
    assert "the speaker's own signer refuses: it never leaves the desk" in said
    assert "VOID at step 11, the cumulative limit holds [limit.exceeded]" in said
    assert "the contract at 90.00, Northmill and Castor Foundry: IN FORCE since 1 Jan 2026 00:00 UTC" in said
    variant, evidence = said.index("it never had a contract"), said.index("━━ The evidence")
    assert (
        "INVALID It is claimed that “Northmill” (which you trust: handed over by the council) is bound"
        in said[variant:evidence]
    )
    assert "the party's consent is refused [claim.not-bound]" in said[variant:evidence]
    ends = [said.index(words, evidence) for words in (" VALID The text", "INVALID It is", "CANNOT TELL It is")]
    assert ends == sorted(ends)
    assert "One act left out, as if it had never been: entry 50, vote" in said[evidence:]


def test_the_variant_of_procurement_alone(tmp_path: Path) -> None:
    done = run("demo", "procurement", "--once", "--reading", "refused", "--lang", "fr", "--keep", tmp_path / "kept")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    said = flat(done.stdout)
    assert "Lecture : la direction refuse." in said
    assert "[claim.not-bound]" in said
    line = done.stdout[done.stdout.index("./run pourparler ") + len("./run pourparler ") :]
    verified = run(*shlex.split(line.replace("\\\n", " ").splitlines()[0]))
    assert verified.returncode == 1
    assert "The evidence is genuine, and it does not bear the claim out" in flat(verified.stdout)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear Sir")
    done = run("demo", "--once", "--keep", tmp_path)
    assert done.returncode == 5
    assert "is not empty" in flat(done.stderr)
    assert list(tmp_path.iterdir()) == [tmp_path / "letter"]


def test_without_a_terminal_the_demo_asks_nothing() -> None:
    done = run("demo", stdin=b"")
    assert done.returncode == 0
    assert "[q]uit" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["november-1918"],
        ["procurement", "--reading", "sign"],
        ["--reading", "none"],
        ["--pace", "-1"],
        ["--lang", "de"],
    ],
)
def test_wrong_usage_of_the_demo_exits_4(arguments: list[str]) -> None:
    assert run("demo", "--once", *arguments).returncode == 4


def test_keys_at_a_terminal() -> None:
    terminal = Terminal("demo", "--pace", "0")
    told = terminal.until("[q]uit")
    assert "\x1b[" in told  # in colour
    terminal.press("v")
    assert "VALID" in terminal.until("[q]uit")
    terminal.press("t")
    tampered = terminal.until("[q]uit")
    assert re.search("INVALID|CANNOT TELL", tampered)
    assert "One bit changed" in tampered
    terminal.press("d")
    dropped = terminal.until("[q]uit")
    assert "One act left out" in dropped
    assert "CANNOT TELL" in dropped
    terminal.press("s")
    assert "no act of the streams is left out" in terminal.until("[q]uit")
    terminal.press("x")
    assert "VALID" not in terminal.until("[q]uit")
    terminal.press("q")
    assert terminal.end() == 0


def test_ctrl_c_at_the_prompt_and_in_the_story() -> None:
    terminal = Terminal("demo", "--pace", "0")
    terminal.until("[q]uit")
    terminal.press("\x03")
    assert terminal.end() == 0
    terminal = Terminal("demo", "--pace", "5")
    terminal.until("What may never be signed")
    terminal.press("\x03")
    said = terminal.until("Interrupted")
    assert "Traceback" not in said
    assert terminal.end() == 130


# --- words ------------------------------------------------------------------------------------------------------------


def test_details_are_readable() -> None:
    assert words.readable("in force since log time -1642291200, until -1642204800") == (
        "in force since log time 17 Dec 1917 00:00 UTC, until 18 Dec 1917 00:00 UTC"
    )
    assert words.readable("the stamp is 3406000000 s old") == "the stamp is 108 years old"
    assert words.readable("the stamp is 95 s old") == "the stamp is 95 seconds old"
