"""The audit: whole, contradicted or cannot tell; of folders, servers and copies; and never one for the other."""

import contextlib
import gzip
import http.server
import io
import json
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.council import Depositary
from pourparler.core.errors import Malformed
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import open_checkpoint, parse_vkey
from pourparler.core.ledger.tiles import Tile, encode_bundle, parse_bundle, tile_of
from pourparler.core.redline import text_digest
from pourparler.service import intake as intake_module
from pourparler.service.audit import CANNOT_TELL, CONTRADICTED, WHOLE, CopiedLog, TiledLog, audit, key_said_by
from pourparler.service.books import Copy
from pourparler.service.drafting import draft
from pourparler.service.sources import Folder, Web
from pourparler.testing.keys import Key
from tests.logs import DESK, FOREIGN, FOREIGN_ORIGIN, KEY, LEDGER, crooked, exported, foreign_log, foreign_vkey, talks
from tests.test_intake import SetClock, Side, begin, data, make_text, open_talks, settle

VKEY = KEY.text


@pytest.fixture(scope="module")
def ledger():
    intake = talks(75)
    assert intake.size > 512
    return intake


@pytest.fixture(scope="module")
def entries(ledger):
    return [entry.data for entry in ledger.store.entries()]


@pytest.fixture(scope="module")
def texts(ledger):
    digests = {digest for dossier in ledger.registry.dossiers.values() for digest in dossier.papers}
    return [ledger.text(digest) for digest in digests]


@pytest.fixture(scope="module")
def pristine(ledger, tmp_path_factory):
    return exported(ledger, tmp_path_factory.mktemp("pristine") / "log")


@pytest.fixture
def log(pristine, tmp_path):
    return Path(shutil.copytree(pristine, tmp_path / "log"))


def audited(folder, key=KEY, **options):
    tiled = TiledLog(Folder(folder))
    return audit(tiled, key, open_checkpoint(tiled.note(), key.name, key, allow_extensions=True), **options)


def some_of(folder):
    """Return every file of a log, but of its texts, which are read alike, three."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    texts = [path for path in files if path.parent.name == "text"]
    assert len(texts) > 3
    return [path for path in files if path not in texts[3:]]


def audited_copy(intake, entries, texts):
    copied = CopiedLog("copy", Copy(DESK, intake.checkpoint(), tuple(entries), tuple(texts)))
    return audit(copied, KEY, open_checkpoint(copied.note(), DESK.origin, KEY))


def command(*arguments):
    """Run ``pourparler ledger audit``, without what it says while it works; return the exit code and what it says."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(["ledger", "audit", "--quiet", *map(str, arguments)])
    return code, " ".join(said.getvalue().split())


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """There is no workspace: an audit needs none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)


# --- whole ------------------------------------------------------------------------------------------------------------


def test_an_honest_ledger_is_whole(log, ledger):
    report = audited(log)
    assert (report.verdict, report.fault, report.gaps) == (WHOLE, None, [])
    assert report.read == report.judged == ledger.size
    assert report.kinds["propose"] == 75
    assert report.kinds["adopt"] == 150
    assert sum(report.kinds.values()) == ledger.size
    (void,) = report.void()
    assert (void.act.kind, void.void.reason) == ("initial", ledger.receipt(void.act.id).void)
    assert report.fold.registry.streams.keys() == ledger.registry.streams.keys()
    heads = {id_: stream.head for id_, stream in report.fold.registry.streams.items()}
    assert heads == {id_: stream.head for id_, stream in ledger.registry.streams.items()}


def test_a_copy_is_audited_by_the_same_rules(ledger, entries, texts):
    assert audited_copy(ledger, entries, texts).verdict == WHOLE
    assert audited_copy(ledger, entries, texts[1:]).verdict == CANNOT_TELL
    short = audited_copy(ledger, entries[:-1], texts)
    assert (short.verdict, short.fault.reason) == (CONTRADICTED, "proof.root")
    swapped = audited_copy(ledger, [*entries[:3], entries[4], entries[3], *entries[5:]], texts)
    assert (swapped.verdict, swapped.fault.reason) == (CONTRADICTED, "proof.root")


def test_the_tree_alone(log, ledger, texts):
    shutil.rmtree(log / "text")
    report = audited(log, tree_only=True)
    assert (report.verdict, report.read, report.judged, report.fold) == (WHOLE, ledger.size, 0, None)


# --- contradicted: what the ledger signed cannot be -------------------------------------------------------------------


def stamp_fields(act):
    names = ("index", "at", "follows", "streams")
    return {name: list(map(list, act[name])) if name == "streams" else act[name] for name in names}


def with_stamp(entries, place, **changed):
    act = parse_act(entries[place])
    assert act.kind == "stamp"
    fields = {**stamp_fields(act), **changed}
    return [*entries[:place], data(draft("stamp", fields).signed_by(LEDGER)), *entries[place + 1 :]]


def stamps_of(entries):
    return [index for index, entry in enumerate(entries) if parse_act(entry).kind == "stamp"]


def found_out(tmp_path, entries, texts, entry, reason):
    """Assert that a ledger which signed these entries contradicts itself at one of them, and nothing before."""
    report = audited(crooked(entries, tmp_path / "crooked", texts=texts))
    assert report.verdict == CONTRADICTED
    assert (report.fault.entry, report.fault.reason) == (entry, reason), report.fault.detail
    assert report.judged == entry


def test_the_rewritten_ledger_is_whole_where_nothing_is_changed(tmp_path, entries, texts):
    """What the tests below change is all that they change."""
    assert audited(crooked(entries, tmp_path / "same", texts=texts)).verdict == WHOLE


def test_a_forged_act_is_found(tmp_path, entries, texts):
    at = next(i for i, entry in enumerate(entries) if parse_act(entry).kind == "adopt")
    forged = bytearray(entries[at])
    forged[-1] ^= 1
    found_out(tmp_path, [*entries[:at], bytes(forged), *entries[at + 1 :]], texts, at, "signature.invalid")


def test_an_act_left_out_of_its_transaction_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[10]
    follows = parse_act(entries[at])["follows"]
    without = [*entries[:at], *entries[at + 2 :]]
    without = [*without[:at], *entries[at : at + 1], *entries[at + 2 :]]
    report = audited(crooked(without, tmp_path / "crooked", texts=texts))
    assert report.verdict == CONTRADICTED
    assert follows == 2
    assert report.fault.entry in (at + 1, at + 2)


def test_a_stamp_that_states_another_head_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    act = parse_act(entries[at])
    rows = [list(row) for row in act["streams"]]
    rows[0][2] = bytes(32)
    found_out(tmp_path, with_stamp(entries, at, streams=rows), texts, at + act["follows"], "stamp.contradiction")


def test_a_stamp_that_leaves_out_a_stream_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    act = parse_act(entries[at])
    rows = [list(row) for row in act["streams"]][1:]
    found_out(tmp_path, with_stamp(entries, at, streams=rows), texts, at + act["follows"], "stamp.contradiction")


def test_a_stamp_that_goes_back_in_time_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    earlier = parse_act(entries[at])["at"] - 86_400
    found_out(tmp_path, with_stamp(entries, at, at=earlier), texts, at, "stamp.contradiction")


def test_a_stamp_for_another_index_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    found_out(tmp_path, with_stamp(entries, at, index=at + 1), texts, at, "stamp.index")


def test_a_stamp_by_another_key_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    fields = stamp_fields(parse_act(entries[at]))
    other = data(draft("stamp", fields).signed_by(Key.from_name("somebody")))
    found_out(tmp_path, [*entries[:at], other, *entries[at + 1 :]], texts, at, "signature.invalid")


def test_an_act_that_is_logged_twice_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    follows = parse_act(entries[at])["follows"]
    twice = [*with_stamp(entries, at, follows=follows + 1)[: at + follows + 1], entries[at + 1]]
    found_out(tmp_path, twice, texts, at + follows + 1, "act.duplicate")


def test_an_act_that_honest_intake_refuses_is_found(tmp_path, entries, texts):
    """A depositary logs an act of a party that the ledger has never heard of."""
    stranger = data(Side("Stranger").grant)
    size = len(entries)
    stamp = draft("stamp", {"index": size, "at": 2_000_000, "follows": 1, "streams": []}).signed_by(LEDGER)
    found_out(tmp_path, [*entries, data(stamp), stranger], texts, size + 1, "unknown.organ")


def test_signatures_that_intake_would_have_removed_are_found(tmp_path, entries, texts):
    at = next(i for i, entry in enumerate(entries) if parse_act(entry).kind == "found")
    act = parse_act(entries[at])
    more = act.envelope.with_signatures((*act.envelope.signatures, act.envelope.signatures[0]))
    changed = [*entries[:at], more.encoded(), *entries[at + 1 :]]
    found_out(tmp_path, changed, texts, at, "stamp.contradiction")


def test_a_ledger_that_ends_within_a_transaction_is_found(tmp_path, entries, texts):
    at = stamps_of(entries)[12]
    report = audited(crooked(entries[: at + 2], tmp_path / "crooked", texts=texts))
    assert (report.verdict, report.fault.reason, report.fault.entry) == (CONTRADICTED, "stamp.contradiction", None)


def test_a_second_founding_is_found(tmp_path, entries, texts):
    found_out(tmp_path, [*entries, entries[0]], texts, len(entries), "stamp.index")


def test_a_ledger_of_another_origin_is_found(tmp_path, entries, texts):
    first = draft("ledger", {"origin": "ledger.example/other", "at": 1_000_000, "bound": 3_600}).signed_by(LEDGER)
    found_out(tmp_path, [data(first), *entries[1:]], texts, 0, "stamp.index")


# --- contradicted: what is served is not what was signed --------------------------------------------------------------


def test_a_byte_changed_in_any_file_is_found(log):
    for path in some_of(log):
        whole = path.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 1
        path.write_bytes(bytes(changed))
        code, said = command(log, "--vkey", VKEY)
        assert code == 1, (path, said)
        assert "CONTRADICTED" in said
        path.write_bytes(whole)
    assert command(log, "--vkey", VKEY)[0] == 0


def test_a_file_that_is_too_large_is_not_read_to_its_end(log):
    with (log / "tile" / "0" / "000").open("ab") as file:
        file.write(b"more")
    with pytest.raises(Malformed, match="tile.too-large"):
        Folder(log).get("tile/0/000", 8192)
    assert audited(log).fault.reason == "tile.too-large"


def test_a_checkpoint_by_another_key_is_not_believed(log, tmp_path):
    other = ledger_key(Depositary(DESK.origin, Key.from_name("another").public_key)).text
    code, said = command(log, "--vkey", other)
    assert (code, "note.unverified" in said) == (1, True)
    code, said = command(log, "--vkey", foreign_vkey())
    assert code == 1


def test_a_checkpoint_of_other_entries_is_found(log):
    small = begin(clock=SetClock(5))
    settle(small, Side("First"), Side("Second"))
    (log / "checkpoint").write_bytes(small.checkpoint())
    report = audited(log)
    assert (report.verdict, report.fault.reason) == (CONTRADICTED, "tile.root")


def test_an_older_checkpoint_of_the_same_ledger_is_audited_from_the_newer_files(log):
    small = begin()
    settle(small, Side("First"), Side("Second"))
    (log / "checkpoint").write_bytes(small.checkpoint())
    report = audited(log)
    assert (report.verdict, report.judged) == (WHOLE, small.size)


def test_a_text_that_is_another_one_makes_no_act_void(log):
    path = min((log / "text").iterdir())
    path.write_bytes(make_text("another"))
    report = audited(log)
    assert (report.verdict, report.fault.reason) == (CONTRADICTED, "tile.text")
    assert report.void() == []


class Vanishing(Folder):
    """A folder that gives each text once."""

    def __init__(self, folder):
        super().__init__(folder)
        self.given = set()

    def get(self, path, most):
        if path in self.given and path.startswith("text/"):
            return None
        self.given.add(path)
        return super().get(path, most)


def test_a_text_that_vanishes_while_it_is_read_makes_no_act_void(tmp_path, monkeypatch):
    """Texts are read again where too many are known: then as before, or the answer is open."""
    intake = talks(0)
    first, second = Side("First"), Side("Second")
    openings = [open_talks(first, second, nonce=number) for number in (1, 2)]
    texts = [make_text("peace"), make_text("war")]
    ons = [{"dossier": o.id, "text": text_digest(text)} for o, text in zip(openings, texts, strict=True)]
    acts = [*openings, *(second.say("join", {"dossier": opening.id}) for opening in openings)]
    acts += [first.say("propose", on) for on in ons] + [second.say("adopt", on) for on in ons]
    for act in acts:
        assert intake.submit(data(act), texts).void is None
    folder = exported(intake, tmp_path / "log")
    monkeypatch.setattr(intake_module, "TEXTS_PARSED_MAX_BYTES", 10)
    assert audited(folder).verdict == WHOLE
    tiled = TiledLog(Vanishing(folder))
    report = audit(tiled, KEY, open_checkpoint(tiled.note(), DESK.origin, KEY))
    assert (report.verdict, report.gaps[0].reason) == (CANNOT_TELL, "tile.unavailable")
    assert report.void() == []


# --- cannot tell ------------------------------------------------------------------------------------------------------


def test_any_file_that_is_withheld_leaves_the_answer_open(log):
    """Never whole, and never the ledger's fault."""
    for path in some_of(log):
        hidden = path.rename(log.parent / "hidden")
        code, said = command(log, "--vkey", VKEY)
        assert code == 2, (path, said)
        assert "unavailable" in said or path.name == "checkpoint"
        assert " WHOLE" not in said
        hidden.rename(path)


def test_what_is_withheld_is_named(log, ledger):
    (log / "tile" / "entries" / "001").unlink()
    min((log / "text").iterdir()).unlink()
    report = audited(log)
    assert report.verdict == CANNOT_TELL
    assert [gap.reason for gap in report.gaps if gap.entry == 256] == ["tile.unavailable"]
    assert report.read == ledger.size - 256
    assert report.judged <= 256


def test_the_tree_goes_on_being_checked_after_a_gap(log):
    """A text is withheld near the beginning, and an entry was changed near the end: both are said."""
    act = parse_act(
        next(e for e in parse_bundle(Tile(None, 0), (log / "tile/entries/000").read_bytes()) if b"propose" in e)
    )
    (log / "text" / act["text"].hex()).unlink()
    assert audited(log).gaps[0].reason == "text.missing"
    raw = bytearray((log / "tile/entries/001").read_bytes())
    raw[-1] ^= 1
    (log / "tile/entries/001").write_bytes(bytes(raw))
    assert audited(log).fault.reason == "tile.entry"


def test_a_quorum_that_is_not_met_leaves_the_answer_open(log, tmp_path):
    witness = Key.from_name("w")
    from pourparler.core.ledger import KeyType, VerifierKey

    name = VerifierKey("witness.example/w", KeyType.COSIGNATURE_ED25519, witness.public_key).text
    policy = tmp_path / "policy"
    policy.write_text(f"log {VKEY}\nwitness w {name}\nquorum w\n")
    code, said = command(log, "--policy", policy)
    assert (code, "witness.quorum" in said) == (2, True)
    policy.write_text(f"log {VKEY}\nwitness w {name}\nquorum none\n")
    assert command(log, "--policy", policy)[0] == 0
    policy.write_text(f"log {foreign_vkey()}\nquorum none\n")
    code, said = command(log, "--policy", policy)
    assert (code, "trust.unknown-ledger" in said) == (2, True)


def test_cosignatures_that_are_known_are_reported(log, tmp_path):
    from pourparler.core.ledger import KeyType, VerifierKey, cosign_note_text, split_note

    witness = Key.from_name("w")
    key = VerifierKey("witness.example/w", KeyType.COSIGNATURE_ED25519, witness.public_key)
    note = (log / "checkpoint").read_bytes()
    line = cosign_note_text(split_note(note)[0], key, 1_234_567, witness.sign)
    (log / "checkpoint").write_bytes(note + line)
    policy = tmp_path / "policy"
    policy.write_text(f"log {VKEY}\nwitness w {key.text}\nquorum w\n")
    code, said = command(log, "--policy", policy, "--json")
    assert code == 0
    assert json.loads(said)["cosignatures"] == [{"witness": key.name, "vkey": key.text, "time": 1_234_567}]
    assert json.loads(said)["quorum"] is True


# --- whose key --------------------------------------------------------------------------------------------------------


def test_nobody_vouches_for_a_key_that_the_log_itself_says(log, entries):
    code, said = command(log)
    assert (code, "nobody vouches" in said) == (4, True)
    assert VKEY in "".join(said.split())
    code, said = command(log, "--yes", "--json")
    assert (code, json.loads(said)["vouched"]) == (0, None)
    assert key_said_by(DESK.origin, entries[:256]) == KEY
    assert key_said_by(DESK.origin, entries[:1]) is None
    assert key_said_by("ledger.example/other", entries[:256]) is None


def test_a_key_that_is_none_is_wrong_usage(log):
    assert command(log, "--vkey", "nonsense")[0] == 4


# --- a log of something else ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 255, 256, 257, 700])
def test_a_foreign_log(tmp_path, size):
    """Its tree is audited, and nobody takes that for the law: only who asked for the tree hears that it is whole."""
    words = [f"word {number}".encode() * (number % 4) for number in range(size)]
    folder = foreign_log(tmp_path / "foreign", words)
    key = parse_vkey(foreign_vkey())
    assert (key.name, key.public_key) == (FOREIGN_ORIGIN, FOREIGN.public_key)
    assert audited(folder, key, tree_only=True).verdict == WHOLE
    report = audited(folder, key)
    assert (report.verdict, report.acts, report.read, report.judged) == (CANNOT_TELL, False, size, 0)
    code, said = command(folder, "--vkey", foreign_vkey())
    assert (code, "no act of a ledger" in said) == (2, True)
    code, said = command(folder, "--vkey", foreign_vkey(), "--tree-only")
    assert (code, "Only the tree was audited" in said) == (0, True)
    last = tile_of(size, None, (size - 1) // 256).path
    changed = [*parse_bundle(tile_of(size, None, (size - 1) // 256), (folder / last).read_bytes())]
    changed[-1] += b"!"
    (folder / last).write_bytes(encode_bundle(changed))
    code, said = command(folder, "--vkey", foreign_vkey(), "--tree-only")
    assert (code, f"entry {size - 1}" in said) == (1, True)


def test_a_foreign_log_with_extension_lines_and_none_at_all(tmp_path):
    folder = foreign_log(tmp_path / "foreign", [b"one"], extension="more\n")
    assert command(folder, "--vkey", foreign_vkey(), "--tree-only")[0] == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    foreign_log(empty, [])
    assert command(empty, "--vkey", foreign_vkey(), "--tree-only")[0] == 0
    assert command(empty, "--vkey", foreign_vkey())[0] == 2


# --- from a server ----------------------------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """A real server of a folder, with manners that can be spoilt: what it does to a path once, or always."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.manners, self.asked = folder, {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/log/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.removeprefix("/log/")
        self.server.asked.append((path, self.headers.get("Accept-Encoding")))
        manner = self.server.manners.get(path) or self.server.manners.get("*")
        if manner and manner(self, path):
            return
        try:
            raw = (self.server.folder / path).read_bytes()
        except OSError:
            self.send_error(404)
            return
        self.answer(raw)

    def answer(self, raw, encoding=None, length=None):
        self.send_response(200)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(raw) if length is None else length))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(log):
    serving = Server(log)
    yield serving
    serving.shutdown()
    serving.server_close()


def packed(handler, path):
    handler.answer(gzip.compress((handler.server.folder / path).read_bytes()), "gzip")
    return True


def status(code, **headers):
    def manner(handler, path):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return True

    return manner


def failing_first(times, manner):
    seen = []

    def once(handler, path):
        seen.append(path)
        return manner(handler, path) if len(seen) <= times else False

    return once


def audited_at(server, **options):
    tiled = TiledLog(Web(server.url, pause_seconds=0.01, timeout_seconds=5, **options), at_once=4)
    return audit(tiled, KEY, open_checkpoint(tiled.note(), DESK.origin, KEY))


def test_a_log_behind_a_url(server, ledger):
    report = audited_at(server)
    assert (report.verdict, report.judged) == (WHOLE, ledger.size)
    paths = [path for path, _ in server.asked]
    assert len(paths) == len(set(paths))
    assert {accepted for _, accepted in server.asked} == {"gzip, identity"}
    assert command(server.url, "--vkey", VKEY)[0] == 0


def test_a_partial_tile_of_another_size_is_never_asked_for(server, ledger):
    audited_at(server)
    for path, _ in server.asked:
        if ".p/" in path:
            assert path.endswith(f".p/{ledger.size % 256}") or path == "tile/1/000.p/2"


def test_gzip_is_taken(server):
    server.manners["*"] = packed
    assert audited_at(server).verdict == WHOLE


def test_a_packed_file_is_not_unpacked_past_its_bound(server):
    server.manners["tile/0/000"] = lambda handler, _: handler.answer(gzip.compress(bytes(50_000_000)), "gzip") or True
    report = audited_at(server)
    assert report.fault.reason == "tile.too-large"


def test_what_the_server_will_not_give_is_unavailable(server):
    for code in (403, 404, 410, 451):
        server.manners["tile/entries/001"] = status(code)
        assert audited_at(server).verdict == CANNOT_TELL


def test_redirects_are_refused(server):
    server.manners["tile/entries/001"] = status(302, Location="/log/tile/entries/000")
    with pytest.raises(OSError, match="sends elsewhere"):
        audited_at(server)
    code, said = command(server.url, "--vkey", VKEY)
    assert (code, "sends elsewhere" in " ".join(said.split())) == (5, True)


def test_a_server_that_stumbles_is_asked_again(server):
    told = []
    for manner in (status(503), status(429), lambda handler, _: handler.answer(b"cut", length=90) or True):
        server.manners["tile/entries/001"] = failing_first(2, manner)
        assert audited_at(server, retrying=lambda *said: told.append(said)).verdict == WHOLE
    assert [path for path, _, _ in told] == ["tile/entries/001"] * 6
    assert [seconds for _, _, seconds in told[:2]] == [0.01, 0.02]
    server.manners["tile/entries/001"] = status(503)
    with pytest.raises(OSError, match="503.*, 4 times"):
        audited_at(server)


def test_a_server_that_fails_for_good(server):
    for code in (400, 401, 500):
        server.manners["checkpoint"] = status(code)
        with pytest.raises(OSError, match=str(code)):
            audited_at(server)


def test_a_server_that_floods_is_cut_off(server):
    def flood(handler, _):
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(200):
                handler.wfile.write(bytes(1 << 20))
        return True

    server.manners["checkpoint"] = flood
    with pytest.raises(Malformed, match="tile.too-large"):
        audited_at(server)
    assert limits.NOTE_MAX_BYTES < 1 << 20


def test_nobody_is_there():
    with pytest.raises(OSError, match="cannot be reached"):
        Web("http://127.0.0.1:9", pause_seconds=0.01).get("checkpoint", 100)
    for url in ("ftp://example.org/log", "file:///etc", "https://", "https://example.org/log?x=1"):
        with pytest.raises(ValueError, match="no address of a log"):
            Web(url)
    assert command("https://example.org/?x", "--vkey", VKEY)[0] == 4


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_report_for_a_machine(log, ledger):
    code, said = command(log, "--vkey", VKEY, "--json")
    report = json.loads(said)
    assert code == 0
    assert (report["verdict"], report["audited"], report["vouched"]) == ("whole", "ledger", "--vkey")
    assert report["checkpoint"]["size"] == report["read"] == report["judged"] == ledger.size
    assert len(report["void"]) == 1
    assert len(report["parties"]) == 2
    assert len(report["dossiers"]) == 75
    assert report["acts"]["propose"] == 75
    (log / "tile" / "entries" / "000").unlink()
    report = json.loads(command(log, "--vkey", VKEY, "--json")[1])
    assert (report["verdict"], report["unavailable"][0]["reason"]) == ("cannot tell", "tile.unavailable")


def test_the_report_for_a_person(log, tmp_path):
    code, said = command(log, "--vkey", VKEY)
    assert code == 0
    for part in ("WHOLE all", "1 void entry", "as --vkey has it", VKEY, "“First”", "“Second”", "dossiers 75 open"):
        assert part in said, part
    small = exported(talks(2), tmp_path / "small")
    assert command(small, "--vkey", VKEY)[1].count("… open, 1 text") == 2


def test_what_cannot_be_read(tmp_path):
    assert command(tmp_path / "nothing", "--vkey", VKEY)[0] == 5
    (tmp_path / "file").write_bytes(b"no copy")
    assert command(tmp_path / "file", "--vkey", VKEY)[0] == 5
    (tmp_path / "empty").mkdir()
    assert command(tmp_path / "empty", "--vkey", VKEY)[0] == 2


def test_a_long_audit_says_how_far_it_has_come(capsys, monkeypatch):
    from pourparler.cli import progress

    times = iter([0.0, 1.0, 2.5, 3.0, 5.0, 5.5])
    monkeypatch.setattr(progress.time, "monotonic", partial(next, times))
    with progress.Progress("auditing the log") as tell:
        for done in range(1, 6):
            tell(done * 100, 900)
    assert capsys.readouterr().err == ("auditing the log: 200 of 900 entries\nauditing the log: 400 of 900 entries\n")
