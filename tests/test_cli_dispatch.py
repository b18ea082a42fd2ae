"""The command line of the dispatch, as far as somebody hostile may reach it: what a courier brings, what is printed."""

import os
from pathlib import Path

import pytest

from pourparler.cli.incoming import line_of
from pourparler.core import limits
from pourparler.service import couriering, keyring
from pourparler.service.node.nouns import Came, Shown
from pourparler.service.station import News
from tests.nodes import Party, data
from tests.test_cli_files import done, run


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
