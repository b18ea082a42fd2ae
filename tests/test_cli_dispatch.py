"""The command line of the dispatch, as far as somebody hostile may reach it: what a courier brings, what is printed."""

import contextlib
import http.server
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pourparler.cli import outgoing
from pourparler.cli.incoming import LINES_KEPT, line_of, telling
from pourparler.cli.nodes import reached
from pourparler.cli.session import Session
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.evidence import Trust, verify
from pourparler.dispatch.exchange import Exchanged
from pourparler.service import couriering, desk, export, keyring
from pourparler.service.node.nouns import Came, Shown, State, Taken
from pourparler.service.station import News, Trouble
from tests import paper
from tests.nodes import START, TALKS, HomeLedger, Party, SetClock, data
from tests.test_cli_files import done, run

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keyring, "COST", keyring.Cost(memory_kib=8 * 1024, passes=1))
    monkeypatch.setenv("POURPARLER_PASSPHRASE", "correct horse battery")
    monkeypatch.delenv("POURPARLER_WORKSPACE", raising=False)
    done("init")
    done("dispatch", "create")
    return tmp_path


@pytest.fixture
def orders():
    """A courier's file with a dismissal in it; the dismissal."""
    party = Party()
    mandate = party.grant()
    dismissal = party.dismiss(mandate)
    Path("z-orders.dispatch").write_bytes(couriering.file(map(data, (party.found, mandate, dismissal))))
    return dismissal


BAD = {
    "empty": b"",
    "no file of ours": b"hello",
    "compressed": b"\x1f\x8b\x08" + bytes(40),
    "half a file": couriering.file([])[:40],
    "a courier's file that is none": couriering.file([]).replace(b"contents", b"contentz"),
    "half a photo": b"\x89PNG\r\n\x1a\n" + bytes(20),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_among_others_keeps_none_of_them_out(orders, name):
    """The courier puts a file before the dismissal's at which reading would end."""
    Path("a-bad.dispatch").write_bytes(BAD[name])
    code, said = run("dispatch", "receive", "a-bad.dispatch", "z-orders.dispatch")
    assert code == 1
    assert "a-bad.dispatch" in said
    assert "2 files; 1 bad" in said
    assert orders.id.hex()[:8] in done("dispatch", "status", orders.id.hex()) + run("dispatch", "status")[1]


def test_a_pipe_in_a_drop_folder_holds_nobody(orders):
    os.mkfifo("a-pipe.dispatch")
    Path("b-link.dispatch").symlink_to("a-pipe.dispatch")
    Path("c-device.dispatch").symlink_to("/dev/zero")
    Path("d-folder.dispatch").mkdir()
    Path("e-dangling.dispatch").symlink_to("nowhere")
    names = sorted(str(path) for path in Path().glob("*.dispatch"))
    code, said = run("dispatch", "receive", *names)
    assert code == 1
    assert "6 files; 5 bad" in said
    assert f"dismiss {orders.id.hex()[:8]}" in run("dispatch", "status")[1]


def test_a_photo_of_any_size_is_read_up_to_its_bound(orders, monkeypatch):
    monkeypatch.setattr(limits, "IMAGE_MAX_BYTES", 1_000)
    with Path("a-huge.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(2**33)
    code, said = run("dispatch", "receive", "a-huge.png", "z-orders.dispatch")
    assert code == 1
    assert "courier.image" in said


def test_nothing_that_is_printed_steers_a_terminal(capfd):
    from pourparler.cli import dispatch

    class Session:
        as_json = quiet = False

    said = Shown(reason="x", detail="\x1b]0;owned\x07\x9b2J\u202e")
    assert line_of(News(said, Came("wire", "peer", 0), "bundle"))
    dispatch.telling(Session())(News(said, Came("wire", "peer", 0), "bundle"))
    out = capfd.readouterr().out
    assert "owned" in out
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}


# --- what a council hands to a courier, and what a front makes of it ------------------------------------------------


AGENT = """organ = "we.board"
to = "agent"
powers = ["open", "propose", "adopt", "sign-ad-referendum"]
"""


@dataclass
class Council:
    """A council's workspace with a dismissal in it; beside it are fronts that know the party's id and nothing else."""

    folder: Path
    party: str

    def fresh(self, name: str) -> None:
        """Go to a new front."""
        (self.folder / name).mkdir()
        os.chdir(self.folder / name)
        done("init")
        done("party", "trust", self.party, "--how", "read to us over the telephone")
        done("dispatch", "create")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the council has made once; each test works on a copy."""
    folder = tmp_path_factory.mktemp("council")
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
        done("party", "found", "--title", "We", "--member", "ann", "--member", "bo", "--needs", "2")
        Path("agent.toml").write_text(AGENT)
        done("mandate", "grant", "agent.toml", "--name", "agent-1")
        done("organ", "appoint", "we.board", "--dispatch", "tx", "--beacon", "lamp")
        done("dispatch", "create")
        done("mandate", "dismiss", "agent-1", "--yes", "--out", "dismissal.act")
        done("dispatch", "send", "dismissal.act", "--via", "courier", "--out", "sealed.dispatch", "--key", "tx")
        done("dispatch", "send", "dismissal.act", "--via", "courier", "--out", "plain.dispatch", "--out", "orders.html")
        return Council(folder, json.loads(done("party", "show", "we", "--json"))["party"])


@pytest.fixture
def council(made, place):
    shutil.copytree(made.folder, place / "council")
    os.chdir(place / "council")
    return Council(place / "council", made.party)


def received(*files: str) -> tuple[int, str]:
    code, said = run("dispatch", "receive", *files)
    return code, " ".join(said.split())


@pytest.mark.parametrize("name", ["sealed", "plain"])
def test_an_honest_file_catches_up_whoever_knew_nothing(council, name):
    """The seals stand before the format's name; and the bundle shows the dismissal that the file is about, too."""
    council.fresh("front")
    code, said = received(f"../{name}.dispatch")
    assert code == 0
    assert "courier: dismiss" in said
    assert "a bundle: 4 acts new" in said
    assert "{" not in said
    assert "!" not in said
    assert "missing" not in said
    assert ("sealed it" in said) is (name == "sealed")
    assert "unreachable" in run("dispatch", "status")[1]  # the holder, whom the bundle names
    code, said = received(f"../{name}.dispatch")
    assert code == 0
    assert "known already courier: a bundle: 4 acts known already" in said


@pytest.mark.parametrize("knows", [True, False])
def test_a_file_that_was_changed_after_it_was_sealed_is_bad(council, knows):
    council.fresh("front")
    if knows:
        received("../sealed.dispatch")
    spoilt = bytearray(Path("../sealed.dispatch").read_bytes())
    spoilt[-500] ^= 1
    Path("spoilt.dispatch").write_bytes(spoilt)
    code, said = received("spoilt.dispatch")
    assert code == 1
    assert "was changed after it was sealed; what verifies was taken [courier.seal]" in said
    assert "1 bad" in said
    assert f"dismiss {dismissal_of(council)}" in said
    found = json.loads(run("dispatch", "receive", "spoilt.dispatch", "--json")[1])
    assert found["files"] == [{"name": "spoilt.dispatch", "reason": "courier.seal", "what": ""}]


def dismissal_of(council: Council) -> str:
    return desk.parse_parcel((council.folder / "dismissal.act").read_bytes()).id.hex()[:8]


@pytest.mark.parametrize("how", ["put back", "pruned"])
def test_what_is_missing_is_said_and_nobody_can_tell(how):
    """The courier puts an old bundle in place of the new one; or makes a new one without an act."""
    clock, party = SetClock(), Party("We")
    home = HomeLedger(clock)
    home.log(party.found)
    home.log(party.beacon(START, **home.position(party)))
    old = couriering.catching_up(party.id, [home.intake])
    mandate = party.grant()
    home.log(mandate, party.dismiss(mandate))
    newest = party.beacon(START + 1, **home.position(party))
    home.log(newest)
    if how == "put back":
        Path("old.dispatch").write_bytes(couriering.file([data(newest)], bundles=[old]))
    else:
        whole = couriering.catching_up(party.id, [home.intake])
        claim = replace(whole.claim, as_of=0)
        at = next(at for at, entry in whole.ledgers[0].entries if parse_act(entry).kind == "dismiss")
        pruned = export.assemble(claim, [home.intake], exclude=frozenset({at}))
        Path("old.dispatch").write_bytes(couriering.file([], bundles=[pruned]))
    done("party", "trust", party.id.hex(), "--how", "told")
    code, said = received("old.dispatch")
    assert code == 2, said
    assert "0 bad; something is missing" in said
    if how == "put back":
        assert "acts 3 to 4 are missing [courier.missing]" in said
    else:
        assert "3 acts are shown of 5: the rest was taken out [stream.incomplete]" in said


def test_an_act_alone_is_a_courier_s_file_of_one(council):
    """As ``--out`` writes it, for a ledger that the front does not know."""
    council.fresh("front")
    done("dispatch", "send", "../dismissal.act", "--via", "courier", "--out", "on.dispatch")
    os.chdir("..")
    council.fresh("other")
    code, said = received("../dismissal.act")
    assert code == 0
    assert f"dismiss {dismissal_of(council)}… pending [unknown.organ]" in said
    code, said = received("../sealed.dispatch", "../dismissal.act")
    assert code == 0
    assert f"dismiss {dismissal_of(council)}… known already" in said


def test_json_says_what_became_of_each(council):
    council.fresh("front")
    Path("cat.txt").write_text("a cat")
    code, said = run("dispatch", "receive", "../sealed.dispatch", "cat.txt", "--json")
    found = json.loads(said)
    assert code == 1
    assert [(one["name"], one["reason"]) for one in found["files"]] == [
        ("../sealed.dispatch", ""),
        ("cat.txt", "courier.malformed"),
    ]
    (act,) = found["acts"]
    assert (act["id"][:8], act["kind"], act["state"], act["reason"]) == (dismissal_of(council), "dismiss", "new", "")
    assert found["bundles"] == [{"acts": {"new": 4}, "reason": ""}]
    assert found["bad"] == 1


def test_nothing_that_is_there_is_overwritten_unasked(council):
    before = {name: Path(name).read_bytes() for name in ("sealed.dispatch", "orders.html")}
    for name, data_before in before.items():
        code, said = run(
            "dispatch", "send", "dismissal.act", "--via", "courier", "--out", "new.dispatch", "--out", name
        )
        assert (code, Path("new.dispatch").exists()) == (4, False)
        assert "is there already" in said
        assert Path(name).read_bytes() == data_before
    done("dispatch", "send", "dismissal.act", "--via", "courier", "--out", "sealed.dispatch", "--yes")
    assert Path("sealed.dispatch").read_bytes() != before["sealed.dispatch"]


def test_what_is_no_file_of_ours_is_named_for_what_it_is(council):
    code, said = received("orders.html")
    assert code == 5
    assert "orders.html is the sheet to print" in said
    assert "give a photo of it" in said
    Path("cat.txt").write_text("a cat")
    Path("half.dispatch").write_bytes(Path("sealed.dispatch").read_bytes()[:1_000])
    for name, what in (("cat.txt", "plain text"), ("half.dispatch", "not copied to its end")):
        code, said = received(name)
        assert what in said
        assert "DAG" not in said
        assert code == (5 if name == "cat.txt" else 1)
    code, said = run("dispatch", "send", "nofile.act", "--via", "courier", "--out", "x.dispatch")
    assert code == 4
    assert "there is no file of that name" in " ".join(said.split())


def test_a_photo_of_the_sheet_is_read(council):
    svg = Path("orders.html").read_text().partition("<svg")
    Path("sheet.png").write_bytes(paper.png(paper.photographed(paper.printed(svg[1] + svg[2]))))
    council.fresh("front")
    code, said = received("../sheet.png")
    assert code == 0
    assert f"dismiss {dismissal_of(council)}… pending [unknown.organ]" in said
    assert received("../sealed.dispatch")[0] == 0
    code, said = received("../sheet.png")
    assert (code, "known already" in said) == (0, True)


def test_a_bundle_made_without_a_new_stamp_rests_on_none_that_states_what_comes_after_it(council):
    """A stamp states the acts that stand behind it: a bundle as of the newest one would lack them."""
    done("mandate", "grant", "agent.toml", "--name", "agent-2")
    with contextlib.closing(Session().book()) as book:
        bundle = couriering.catching_up(bytes.fromhex(council.party), [book])
    assert verify(bundle.encoded(), Trust({})).reason == ""


def test_an_order_goes_out_without_the_key_of_the_ledger(council):
    done("mandate", "grant", "agent.toml", "--name", "agent-2")
    (key,) = (path for path in Path().rglob("*.key") if "ledger" in path.name)
    key.unlink()
    said = done("dispatch", "send", "dismissal.act", "--via", "courier", "--out", "on.dispatch")
    assert "no new stamp" in said
    council.fresh("front")
    code, said = received("../on.dispatch")
    assert (code, "a bundle: 4 acts new" in said) == (0, True)


def bomb(side):
    """Return a true PNG of so many pixels each way, all white: a few hundred kilobytes that unpack to hundreds of
    megabytes."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    packing, row = zlib.compressobj(1), bytes(1) + b"\xff" * (side // 8)
    packed = b"".join(packing.compress(row * 1_000) for _ in range(side // 1_000)) + packing.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_a_picture_bomb_is_refused_in_plain_words_and_the_node_goes_on(council, front):
    """Attack 39: beside a node that listens, which is handed the bomb, and then a good photograph."""
    svg = Path("orders.html").read_text().partition("<svg")
    Path("sheet.png").write_bytes(paper.png(paper.photographed(paper.printed(svg[1] + svg[2]))))
    Path("bomb.png").write_bytes(bomb(50_000))
    council.fresh("front")
    node = front(*RADIO)
    code, said = received("../bomb.png", "../sheet.png")
    assert code == 1
    assert "bomb.png: more than 64000000 pixels: no photograph [courier.image]" in said
    assert f"dismiss {dismissal_of(council)}… pending [unknown.organ]" in said
    assert received("../sealed.dispatch")[0] == 0
    assert node.stop() == 0


BEACON = 'party = "we"\n'
SECOND = ("--ledger", "ledger.example/second")


def move(council):
    """Move the party's home, and let it grant and light a beacon there; return the new mandate's id."""
    done("ledger", "create", "ledger.example/second")
    done("party", "announce", "we", "--to", "ledger.example/second")
    Path("move.toml").write_text('organ = "we.board"\nhome = "ledger.example/second"\n')
    done("act", "draft", "move-home", "move.toml", "--ledger", "ledger.example/first")
    done("mandate", "grant", "agent.toml", "--name", "agent-2", *SECOND)
    Path("beacon.toml").write_text(BEACON)
    done("act", "draft", "beacon", "beacon.toml", "--key", "lamp", *SECOND)
    return mandate_called("agent-2")


def mandate_called(name):
    return json.loads(done("mandate", "show", name, *SECOND, "--json"))["mandate"]


def test_a_file_proves_good_news_after_its_party_has_moved_home(council):
    """Whoever knew nothing but the party's id follows it from its first home, and believes what the second one took."""
    mandate = move(council)
    done("dispatch", "send", mandate, "--via", "courier", "--out", "on.dispatch")
    council.fresh("front")
    code, said = received("../on.dispatch")
    assert (code, "!" in said, "missing" in said) == (0, False, False), said
    assert "in force, proven" in done("dispatch", "standing", mandate)
    assert "current as of" in done("dispatch", "status")


def test_the_node_of_a_party_that_has_moved_is_shown_its_new_home(council, front):
    """A node that was not running when the party moved, and one that was when it granted."""
    mandate = move(council)
    done("dispatch", "know", mandate, "--by", mandate, "--key", "agent")
    assert "in force, proven" in done("dispatch", "standing", mandate)
    front(*WIRE)
    done("mandate", "grant", "agent.toml", "--name", "agent-3", *SECOND)
    done("ledger", "copy", "--out", "second.copy", *SECOND)  # with a stamp of everything
    later = mandate_called("agent-3")
    done("dispatch", "send", later, "--via", "courier", "--out", "later.dispatch")
    assert "in force, proven" in done("dispatch", "standing", later)


def test_a_party_that_came_home_again_is_followed_there_through_the_home_that_it_left(council):
    move(council)
    done("dispatch", "know", mandate_called("agent-2"), "--by", mandate_called("agent-2"), "--key", "agent")
    Path("back.toml").write_text('organ = "we.board"\nhome = "ledger.example/first"\n')
    done("act", "draft", "move-home", "back.toml", *SECOND)
    first = ("--ledger", "ledger.example/first")
    done("mandate", "grant", "agent.toml", "--name", "agent-3", *first)
    mandate = json.loads(done("mandate", "show", "agent-3", *first, "--json"))["mandate"]
    done("dispatch", "send", mandate, "--via", "courier", "--out", "again.dispatch")
    assert "in force, proven" in done("dispatch", "standing", mandate)
    for name in ("first", "second"):
        done("ledger", "copy", "--out", f"{name}.copy", "--ledger", f"ledger.example/{name}")
    rows = json.loads(done("ledger", "list", "--json"))["ledgers"]
    keys = {one["origin"].rpartition("/")[2]: one["vkey"] for one in rows}
    council.fresh("front")
    code, said = received("../again.dispatch")
    assert (code, "missing" in said) == (0, False), said
    assert "in force, proven" in done("dispatch", "standing", mandate)
    council.fresh("sender")
    done("ledger", "take", "../first.copy", "--vkey", keys["first"])
    said = " ".join(done("dispatch", "send", mandate, "--via", "courier", "--out", "x.dispatch").split())
    assert "take a copy of ledger.example/second" in said


@pytest.mark.parametrize("lacks", ["first", "second"])
def test_what_a_file_cannot_prove_of_a_party_that_has_moved_is_said(council, lacks):
    """The sender has a copy of one of its two homes only."""
    mandate = move(council)
    has = {"first": "second", "second": "first"}[lacks]
    done("ledger", "copy", "--out", "one.copy", "--ledger", f"ledger.example/{has}")
    rows = json.loads(done("ledger", "list", "--json"))["ledgers"]
    (key,) = (one["vkey"] for one in rows if one["origin"] == f"ledger.example/{has}")
    dismissal = Path("dismissal.act").resolve()
    council.fresh("sender")
    done("ledger", "take", "../one.copy", "--vkey", key)
    said = " ".join(done("dispatch", "send", str(dismissal), "--via", "courier", "--out", "x.dispatch").split())
    what = {"first": "its home before the move", "second": "up to its move: its home since then"}[lacks]
    assert what in said
    assert f"take a copy of ledger.example/{lacks}" in said
    council.fresh("front")
    code, said = received("../sender/x.dispatch")
    assert code == (0 if lacks == "first" else 2)
    assert ("then it moved to ledger.example/second, of which nothing is shown [courier.moved]" in said) is (code == 2)
    assert "proven" not in run("dispatch", "standing", mandate)[1]


def test_a_machine_s_clock_that_is_off_is_said_in_years(council, monkeypatch):
    move(council)  # with a beacon: what others have signed says what time it is
    done("dispatch", "know", mandate_called("agent-2"), "--by", mandate_called("agent-2"), "--key", "agent")

    class Ahead:
        def now(self):
            return int(time.time()) + 10 * 365 * 86_400

    monkeypatch.setattr("pourparler.cli.nodes.WallClock", Ahead)
    said = " ".join(run("dispatch", "status")[1].split())
    assert "this machine's clock is 9 years ahead of the time that others have signed: check it" in said


def test_a_bus_that_does_not_answer_is_waited_for_aloud(council, monkeypatch):
    monkeypatch.setattr("pourparler.cli.channels.SILENCE_SECONDS", 0.2)
    monkeypatch.setattr("pourparler.dispatch.bus.SPARE_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"nats://127.0.0.1:{deaf.getsockname()[1]}"
        code, said = run("dispatch", "send", "dismissal.act", "--via", "bus", "--bus", url)
    assert code == 5
    assert said.index("the bus has not answered yet") < said.index("bus.unreachable")


# --- beside a node that runs ------------------------------------------------------------------------------------------


class Front:
    """A node that listens in a process of its own, in this folder; or another command that serves."""

    def __init__(self, *how, command=("dispatch", "receive")):
        self.log = Path("node.log").resolve()
        code = (
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"  # it may have been ignored
            "from pourparler.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        command = [sys.executable, "-P", "-c", code, *command, *how]
        ours = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=ours)
        self.wait_for("✓ ")

    def wait_for(self, words):
        while words not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    @property
    def url(self):
        return self.log.read_text().partition("answers at ")[2].split()[0]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait()


@pytest.fixture
def front(request):
    started = []

    def start(*how):
        started.append(Front(*how))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


@pytest.fixture
def held():
    """A party, and a mandate of it whose holder's key is here; both are known to the node."""
    done("key", "new", "agent", "--role", "holder")
    party = Party()
    public = keyring.Keyring(Path("keys")).public("agent")
    mandate = party.decide("grant", to=public, powers=int(TALKS))
    Path("first.dispatch").write_bytes(couriering.file(map(data, (party.found, mandate))))
    done("dispatch", "receive", "first.dispatch")
    return party, mandate


WIRE = ("--via", "wire", "--port", "0")
RADIO = ("--via", "radio", "--group", "127.0.0.1:18317")


@pytest.mark.parametrize("how", [WIRE, RADIO], ids=["wire", "radio"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_node_that_is_told_to_stop_says_that_nothing_is_lost(front, how, number):
    node = front(*how)
    assert node.stop(number) == 0
    assert "everything that was answered is on the disk" in node.log.read_text().splitlines()[-1]


def test_a_node_that_listens_all_day_is_asked_and_fed_beside(front, held):
    party, mandate = held
    node = front(*WIRE)
    mine = mandate.id.hex()
    assert "in force as heard" in done("dispatch", "standing", mine)
    said = done("dispatch", "know", mine, "--by", mine[:8], "--key", "agent")
    assert "handed to the node that runs here" in said
    assert "acknowledged here" in done("dispatch", "status")
    dismissal = party.dismiss(mandate)
    Path("second.dispatch").write_bytes(couriering.file([data(dismissal)]))
    said = done("dispatch", "receive", "second.dispatch")
    assert f"{dismissal.id.hex()[:8]}… new" in said
    code, said = run("dispatch", "standing", mine)
    assert code == 3
    assert f"dismissed by {dismissal.id.hex()[:8]}…, heard by courier" in said
    Path("bad.dispatch").write_bytes(BAD["half a file"])
    code, said = run("dispatch", "receive", "bad.dispatch", "second.dispatch")
    assert code == 1
    assert "bad.dispatch" in said
    code, said = run("dispatch", *("receive", *WIRE))
    assert code == 5
    assert f"process {node.process.pid}" in said
    assert node.stop() == 0
    assert not list(Path("node/spool").glob("*.job"))
    assert f"dismissed by {dismissal.id.hex()[:8]}…" in run("dispatch", "standing", mine)[1]  # it was stored


def test_what_is_sent_while_a_node_runs_goes_by_it(front, held, tmp_path, monkeypatch):
    party, mandate = held
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    done("init")
    done("party", "trust", party.id.hex(), "--how", "told")
    done("dispatch", "create")
    assert f"{party.id.hex()[:8]}… (trusted): nothing heard yet" in done("dispatch", "status")
    other = front(*WIRE)
    monkeypatch.chdir(tmp_path)
    front(*WIRE)
    dead = "http://127.0.0.1:1"
    given = ("dispatch", "send", mandate.id.hex(), "--via", "wire", "--json", "--peer")
    found = json.loads(done(*given, other.url))
    assert [(one["url"], one["whole"], len(one["given"])) for one in found["peers"]] == [(other.url, True, 2)]
    code, said = run(*given, dead, "--peer", other.url)
    assert code == 2
    assert [(one["whole"], bool(one["reason"])) for one in json.loads(said)["peers"]] == [(False, True), (True, False)]
    code, _ = run(*given, dead)
    assert code == 5
    code, said = run(*given, "127.0.0.1:1")
    assert code == 4
    assert "http://127.0.0.1:1" in said


def test_what_becomes_there_of_an_act_that_was_named_is_told(front, held, tmp_path, monkeypatch):
    """The other side follows the party, and lacks what a mandate of another rests on."""
    other_party = Party("Others")
    theirs = other_party.grant()
    Path("theirs.dispatch").write_bytes(couriering.file(map(data, (other_party.found, theirs))))
    done("dispatch", "receive", "theirs.dispatch")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    done("init")
    done("party", "trust", held[0].id.hex(), "--how", "told")
    done("dispatch", "create")
    other = front(*WIRE)
    monkeypatch.chdir(tmp_path)
    code, said = run("dispatch", "send", theirs.id.hex(), "--via", "wire", "--peer", other.url)
    assert code == 2
    assert f"grant {theirs.id.hex()[:8]}… waits there" in said
    monkeypatch.chdir(tmp_path / "other")
    said = " ".join(run("dispatch", "status")[1].split())
    assert f"grant {theirs.id.hex()[:8]}… needs an organ that is not known here" in said


def test_nobody_says_that_he_knows_of_what_does_not_concern_him(held):
    _, mandate = held
    strange = Party("Others")
    order = strange.grant()
    Path("strange.dispatch").write_bytes(couriering.file(map(data, (strange.found, order))))
    done("dispatch", "receive", "strange.dispatch")
    code, said = run("dispatch", "know", order.id.hex(), "--by", mandate.id.hex(), "--key", "agent")
    assert code == 4
    assert "not concerned by this order" in said
    done("key", "new", "sal", "--role", "holder")
    code, said = run("dispatch", "know", mandate.id.hex(), "--by", mandate.id.hex(), "--key", "sal")
    assert code == 4
    assert "sal does not hold" in said


def test_two_keys_say_together_that_they_know(place):
    """The mandate asks for both of its holders' signatures: one of them says nothing, and is told so."""
    for name in ("agent", "second"):
        done("key", "new", name, "--role", "holder")
    ring = keyring.Keyring(Path("keys"))
    seats = sorted([ring.public(name), 1] for name in ("agent", "second"))
    party = Party()
    mandate = party.decide("grant", to={"keys": seats, "needs": 2}, powers=int(TALKS))
    Path("first.dispatch").write_bytes(couriering.file(map(data, (party.found, mandate))))
    done("dispatch", "receive", "first.dispatch")
    mine = mandate.id.hex()
    given = ("dispatch", "know", mine, "--by", mine, "--key", "agent")
    code, said = run(*given)
    assert code == 3
    assert "nobody would take it" in " ".join(said.split())
    done(*given, "--key", "second")
    assert "acknowledged by 1 of 1 holder" in " ".join(done("dispatch", "status").split())


def test_whether_a_power_may_be_used_is_told_by_the_exit_code(held):
    _, mandate = held
    mine = mandate.id.hex()
    assert run("dispatch", "standing", mine, "--power", "propose")[0] == 0
    code, said = run("dispatch", "standing", mine, "--power", "conclude", "--json")
    assert (code, json.loads(said)["reason"]) == (3, "power.missing")
    assert run("dispatch", "standing", "ab" * 32)[0] == 2
    assert run("dispatch", "standing", mine, "--power", "fly")[0] == 4


def test_radio_for_so_long_leaves_no_turn_silent(held, monkeypatch):
    """Item after item has gone out often enough: the air that was asked for is filled all the same."""
    clock = iter(range(100_000))
    monkeypatch.setattr(outgoing.time, "monotonic", lambda: next(clock) / 100)
    monkeypatch.setattr(outgoing.time, "sleep", lambda _: pytest.fail("a silent turn"))

    class Air:
        frame_bytes = 1_200
        frames = 0

        def send(self, _frame):
            self.frames += 1

    session, air = Session(as_json=True), Air()
    with reached(session) as here:
        acts = [data(act) for act in here.node.every()]
        assert outgoing.by_radio(session, air, None, here.node, acts, [], 0.5, 20.0)
    assert air.frames > 900  # of a thousand moments, some were for looking at the clock


def test_a_peer_that_answers_is_said_to_once(capfd):
    told = telling(Session())
    for why in ("", "", "down", "", ""):
        told(Exchanged("http://relay", whole=not why, why=why))
    assert capfd.readouterr().out.splitlines() == [
        "wire: http://relay: answers, and there is nothing new on either side",
        "wire: http://relay: 0 given, 0 learnt, not whole: down",
        "wire: http://relay: answers again",
    ]


def test_a_peer_that_brought_something_and_is_silent_again_is_said_to_be(capfd):
    """Its second silence had the words of the first, and was not said."""
    told = telling(Session())
    down = Exchanged("http://relay", whole=False, why="down")
    for found in (down, Exchanged("http://relay", whole=True, why="", given=(bytes(32),)), down):
        told(found)
    assert [line.rpartition(": ")[2] for line in capfd.readouterr().out.splitlines()] == [
        "down",
        "1 given, 0 learnt",
        "down",
    ]


def test_an_act_that_waits_is_said_once_however_often_the_radio_repeats_it(capfd):
    told = telling(Session())
    waits, other = (Taken(State.PENDING, bytes([number] * 32), "unknown.organ") for number in (1, 2))
    for taken in (waits, other, waits, waits, other, replace(waits, works=True)):
        told(News(taken, Came("radio", "", 0), "dismiss"))
    for number in range(2 * LINES_KEPT):  # a stranger's: what is remembered of them is bounded
        told(News(Taken(State.REFUSED, number.to_bytes(32, "little"), "x"), Came("radio", "", 0)))
    told(News(replace(waits, state=State.NEW, reason=""), Came("radio", "", 0), "dismiss"))
    lines = capfd.readouterr().out.splitlines()
    assert lines[:3] == [
        "radio: dismiss 01010101… pending [unknown.organ]",
        "radio: dismiss 02020202… pending [unknown.organ]",
        "radio: dismiss 01010101… pending, and it works already [unknown.organ]",
    ]
    assert lines[-1] == "radio: dismiss 01010101… new"


def test_the_same_trouble_is_said_once(capfd):
    told = telling(Session())
    for why in ("down", "down", "", "", "down"):
        told(Exchanged("http://relay", whole=not why, why=why))
    for _ in range(3):
        told(Trouble("radio", "no air"))
    lines = capfd.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in lines] == [
        "http://relay: 0 given, 0 learnt, not whole: down",
        "http://relay: answers again",
        "http://relay: 0 given, 0 learnt, not whole: down",
        "no air; trying again",
    ]


def test_the_ledgers_of_a_workspace_are_written_while_its_node_listens(front):
    done("key", "new", "ann", "--role", "member")
    done("ledger", "create", "ledger.example/ours")
    front(*WIRE)
    done("party", "found", "--title", "Ours", "--member", "ann", "--name", "ours")
    party = json.loads(done("party", "show", "ours", "--json"))["party"]
    assert "handed to the node that runs here" in done(
        "dispatch", "send", party, "--via", "courier", "--out", "x.dispatch"
    )
    assert f"Ours {party[:8]}…" in done("dispatch", "status")


def test_what_a_stopped_radio_has_sent_is_said(capfd, monkeypatch):
    """Ctrl-C said nothing of it, and whoever pressed it did not know whether anything had gone out."""

    class Air:
        frame_bytes = 1_200
        frames = 0

        def send(self, _frame):
            if self.frames == 3:
                raise KeyboardInterrupt
            self.frames += 1

    session = Session()
    acts = [data(Party("We").found)]
    with reached(session) as here, pytest.raises(KeyboardInterrupt):
        outgoing.by_radio(session, Air(), None, here.node, acts, [], 0.9, None)
    assert "radio: 3 frames, " in (said := capfd.readouterr().out)
    assert "stopped, and that is not enough" in said


# --- what a newcomer runs into ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [("status",), ("standing", "ab" * 4), ("know", "ab" * 4, "--by", "x", "--key", "y")])
def test_a_node_is_not_asked_about_another_day(asked):
    """It answered for now, as if --at had not been said."""
    code, said = run("dispatch", *asked, "--at", "2020-01-01")
    assert code == 4
    assert "how things stand now" in said


def test_a_node_that_is_lost_is_made_anew_under_a_new_key():
    """What docs/operating.md promises: the old key stood in the way, and nothing said what to do."""
    shutil.move("node", "lost")
    code, said = run("dispatch", "create")
    assert code == 4
    assert "pourparler key delete node" in " ".join(said.split())
    before = keyring.Keyring(Path("keys")).info("node").public_key
    done("key", "delete", "node", "--yes")
    done("dispatch", "create")
    assert keyring.Keyring(Path("keys")).info("node").public_key != before


def test_a_node_whose_journal_was_lost_is_told_what_a_node_does():
    Path("node/journal.sqlite").unlink()
    code, said = run("dispatch", "status")
    assert code == 5
    assert "ledger.behind" in said
    assert "Make a new node" in " ".join(said.split())
    assert "ledger recover" not in said


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<!DOCTYPE HTML>\n", "it answers 501: is it a node?"),
        (b"too busy", "it answers 501 too busy"),
        (None, "refused"),
    ],
)
def test_why_a_peer_was_not_reached_is_said_for_people(body, words):
    """It said `exchange.unreachable: [Errno 111] Connection refused`, or the first line of a page for browsers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(501)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        if body is None:
            server.server_close()
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
        Path("act").write_bytes(data(Party("We").found))
        code, said = run("dispatch", "send", "act", "--via", "wire", "--peer", url)
        if body is not None:
            server.shutdown()
    said = " ".join(said.split())
    assert code == 5, said
    assert words in said
    assert "[exchange.unreachable]" in said
    assert "Errno" not in said
    assert "DOCTYPE" not in said


def test_a_file_that_looks_like_a_picture_is_not_written_and_the_case_of_html_counts_for_nothing():
    """--out orders.pdf wrote a courier's file under a printer's name, and so did --out ORDERS.HTML."""
    Path("act").write_bytes(data(Party("We").found))
    code, said = run("dispatch", "send", "act", "--via", "courier", "--out", "orders.pdf")
    assert code == 4
    assert "orders.html" in said
    assert not Path("orders.pdf").exists()
    done("dispatch", "send", "act", "--via", "courier", "--out", "ORDERS.HTML")
    assert Path("ORDERS.HTML").read_bytes().startswith(b"<!doctype html>")


def test_a_file_that_shows_everything_is_said_to():
    """What was missing was said, and of what was whole nothing; docs/how-to/send-by-courier.md has both."""
    clock, party, other = SetClock(), Party("We"), Party("They")
    home = HomeLedger(clock)
    home.log(party.found, other.found)
    home.log(party.beacon(START, **home.position(party)))
    bundles = [couriering.catching_up(one.id, [home.intake]) for one in (party, other)]
    Path("all.dispatch").write_bytes(couriering.file([], bundles=bundles))
    done("party", "trust", party.id.hex(), "--how", "told")
    code, said = received("all.dispatch")
    assert code == 0, said
    assert "all that its beacon of 15 Jan 2027" in said
    assert "speaks of among them" in said
    assert "a bundle: nothing in it of a party that is followed here" in said


def test_a_file_s_name_is_said_once(orders):
    Path("junk").write_bytes(b"hello")
    code, said = received("junk", "nowhere", "z-orders.dispatch")
    assert code == 1
    assert "courier: junk is no courier's file" in said
    assert "courier: there is no file nowhere" in said


def test_a_node_whose_key_is_lost_is_not_sent_to_make_any_key():
    """`key new NAME --role ROLE` was the advice: a journal under another key is refused, as not what it wrote."""
    Path("keys/node.key").rename("node.key")
    code, said = run("dispatch", "status")
    said = " ".join(said.split())
    assert code == 5
    assert "[key.absent]" in said
    assert "pourparler key new" not in said
    shutil.move("node", "lost")
    done("dispatch", "create")
    done("dispatch", "status")
