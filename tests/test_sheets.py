"""Sheets of codes: printed, photographed, read; and what is wrong with a code is named."""

import contextlib
import random
import re
import sys
from base64 import b64decode

import pytest
from PIL import Image

from pourparler.core import limits
from pourparler.core.act import KINDS, parse_act
from pourparler.core.errors import Malformed, Missing
from pourparler.dispatch import codes, sheets
from pourparler.dispatch.captions import KIND_WORDS, LANGUAGES, WORDS
from pourparler.dispatch.fountain import InProcess
from pourparler.dispatch.frame import Part, Piece, joined, parse_frame, symbol_frame, telegram
from pourparler.dispatch.receiver import Envelope, Receiver
from pourparler.testing.keys import Key
from tests import paper
from tests.browser import chromium, started
from tests.builder import World, key, speak

DISPATCH = Key.from_name("dispatch")
THIEF = Key.from_name("thief")


class Post:
    """A party that sends on paper: a dismissal, one member's signature, and acts too long for one code."""

    def __init__(self) -> None:
        world = World()
        self.party = world.party("Northmill", "ann", "bob", "cay", needs=2)
        self.mandate = self.party.grant("agent", "propose")
        self.dismissal = self.party.signed("dismiss", mandate=self.mandate.id)
        self.keys = {DISPATCH.public_key: self.party.id}
        words = [f"{number} " + "we hold " * 150 for number in range(3)]
        self.long = [speak("agent", "say", self.mandate.id, dossier=bytes(32), words=text) for text in words]

    @property
    def parts(self):
        act = self.dismissal.envelope
        return [(act.payload, signature.kid, signature.value) for signature in act.signatures]

    def sheet(self, *, acts=None, parts=(), long=False, **more):
        sent = [self.dismissal] if acts is None else acts
        envelopes = [act.envelope.encoded() for act in [*sent, *(self.long if long else [])]]
        return sheets.sheet(envelopes, parts, sealer=(self.party.id, DISPATCH), **more)


@pytest.fixture(scope="module")
def post() -> Post:
    return Post()


def frames_of(sheet) -> set[bytes]:
    return {frame for group in sheet.groups for frame in group.frames}


def photographs(sheet, **how):
    return [
        (f"photo-{number}.jpg", paper.jpeg(paper.photographed(paper.printed(page), **how)))
        for number, page in enumerate(sheets.pages(sheet))
    ]


# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("degrees", [-7.0, 0.0, 7.0, 93.0])
def test_what_is_printed_is_read_from_a_photograph(post, degrees):
    sheet = post.sheet(parts=post.parts, long=True)
    seen = sheets.read(photographs(sheet, degrees=degrees), post.keys)
    assert {one.reason for one in seen} <= {"", "courier.unreadable"}  # corners of several codes may look like one more
    assert set(sheets.good(seen)) == frames_of(sheet)


def test_any_that_suffice_make_an_object_whole(post):
    sheet = post.sheet(acts=[], long=True)
    (group,) = sheet.groups
    assert group.enough < len(group.frames)
    for seed in range(20):
        receiver = Receiver(lambda: post.keys, InProcess())
        heard = []
        for frame in random.Random(seed).sample(group.frames, group.enough):
            heard += receiver.hear(frame, 0.0)
        acts = [one.data for one in heard if isinstance(one, Envelope)]
        assert sorted(acts) == sorted(act.envelope.encoded() for act in post.long)


def picture(tab, box) -> bytes:
    """Return a part of a page as an image, at 192 dots per inch."""
    clip = {**{name: box[name] for name in ("x", "y", "width", "height")}, "scale": 2}
    return b64decode(tab.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"])


def test_a_page_in_a_browser_is_read_too(post, tmp_path):
    """The very page that a person prints, drawn by Chromium."""
    if not chromium():
        pytest.skip("no Chromium here")
    sheet = post.sheet(parts=post.parts, long=True, language="fr")
    page = tmp_path / "sheet.html"
    page.write_text(sheets.html(sheet), "utf-8")
    with started() as browser, browser.tab(width=800) as tab:
        tab.open(page)
        boxes = "[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().toJSON())"
        shots = [picture(tab, box) for box in tab.run(boxes)]
        assert tab.requests() == [page.as_uri()]
        assert tab.complaints() == []
    assert len(shots) == len(sheets.pages(sheet))
    seen = sheets.read([(f"page-{number}.png", shot) for number, shot in enumerate(shots)], post.keys)
    assert set(sheets.good(seen)) == frames_of(sheet)


def test_the_page_says_which_act_by_whom_and_how_many_codes(post):
    names = {post.party.organ(): "the council of <Northmill>", post.mandate.id: "the agent\u202es"}
    for language, wanted in (
        ("en", ("Dismissal: ", "Any one of these 2 codes suffices.", "one member&#x27;s signature")),
        ("fr", ("Révocation", "N&#x27;importe lequel de ces 2 codes suffit.", "la signature d&#x27;un membre")),
    ):
        sheet = post.sheet(parts=post.parts, language=language, names=lambda of: names.get(of, ""))
        page = sheets.html(sheet)
        for words in (*wanted, post.dismissal.id.hex(), "the council of &lt;Northmill&gt;", f'lang="{language}"'):
            assert words in page
        assert "\u202e" not in page
        assert not re.search(r"<script|https?://(?!www\.w3\.org/2000/svg)|@import|url\(", page)
        labels = [sheets.label(frame) for frame in frames_of(sheet)]
        assert all(label in page for label in labels)


def test_every_kind_and_word_is_there_in_both_languages():
    assert set(KIND_WORDS) == set(KINDS)
    for table in (WORDS, KIND_WORDS):
        for entry in table.values():
            assert set(entry) == set(LANGUAGES)
            assert all(entry.values())
    for entry in WORDS.values():
        fields = [sorted(re.findall(r"{(\w+)}", entry[language])) for language in LANGUAGES]
        assert fields[0] == fields[1]


def test_pages_hold_what_they_hold(post):
    """Nothing is drawn over the foot, or off the page."""
    acts = [speak("agent", "say", post.mandate.id, dossier=bytes(32), words=f"{n} " * n) for n in range(1, 200, 20)]
    for page in sheets.pages(post.sheet(acts=acts, parts=post.parts, long=True)):
        for across, down, scale, path in paper.CODE.findall(page):
            wide = max(int(x) + int(length) for x, _, length in paper.BAR.findall(path)) * float(scale)
            assert float(across) + wide <= 210 - 11 + 1e-6
            assert float(down) + wide <= 297 - 11 - 14 + 1e-6


def test_pages_one_below_the_other_on_one_picture_are_read(post):
    """As on a screen that was photographed, or scrolled: codes that are near on a tall picture are still two."""
    pages = [paper.printed(page, dots=6) for page in sheets.pages(post.sheet(parts=post.parts, long=True))] * 2
    tall = Image.new("L", (pages[0].width, sum(page.height for page in pages)), 255)
    for number, page in enumerate(pages):
        tall.paste(page, (0, number * page.height))
    seen = sheets.read([("tall.png", paper.png(tall))], post.keys)
    assert set(sheets.good(seen)) == frames_of(post.sheet(parts=post.parts, long=True))


# --- what cannot be printed -------------------------------------------------------------------------------------------


def test_what_is_too_long_for_one_code_needs_a_dispatch_key(post):
    envelope = post.long[0].envelope.encoded()
    with pytest.raises(Malformed, match="courier.too-long"):
        sheets.sheet([envelope])
    payload = b"\xa1" + bytes(1_300)
    with pytest.raises(Malformed):
        sheets.sheet([], [(payload, bytes(8), bytes(64))])
    with pytest.raises(Malformed, match="courier.too-long"):
        codes.modules(bytes(limits.CODE_FRAME_MAX_BYTES + 1))


def test_the_longest_frame_is_read_from_paper(post):
    longest = random.Random(2).randbytes(limits.CODE_FRAME_MAX_BYTES)
    square = codes.modules(longest)
    assert len(square) == 117  # version 25
    group = sheets.Group((longest,), 1, ("the longest",))
    (spot,) = codes.found_in(photographs(sheets.Sheet((group,), "en"))[0][1])
    assert spot.data == longest


def test_without_the_extra_the_error_names_it(post, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(codes.importlib, "import_module", absent)
    for use in (lambda: codes.modules(b"frame"), lambda: codes.found_in(b"image")):
        with pytest.raises(Missing, match=r"pourparler\[courier\]") as caught:
            use()
        assert caught.value.reason == "courier.no-reader"


# --- bad codes --------------------------------------------------------------------------------------------------------


def forged(frame: bytes) -> bytes:
    """Return a frame with a genuine header and garbage behind it."""
    return frame[:17] + random.Random(8).randbytes(len(frame) - 17)


def test_poisoned_codes_are_named_and_the_others_do(post):
    """Attack 38: a courier pastes forged codes among the genuine ones: the header, length and number are right, the
    symbol is garbage. Signed by nobody, by a thief's key, or in a bare frame. Each is named by the label that is
    printed above it and by its place, none reaches the decoder, and the genuine ones make the object whole."""
    sheet = post.sheet(acts=[], long=True)
    (group,) = sheet.groups
    assert len(group.frames) >= group.enough + 2
    parsed = parse_frame(group.frames[1])
    lie = Piece(parsed.piece.tag, parsed.piece.length, 1, bytes(parsed.header.size))
    stolen = symbol_frame(lie, post.party.id, THIEF)
    fakes = {0: forged(group.frames[0]), 1: stolen}
    pasted = tuple(fakes.get(number, frame) for number, frame in enumerate(group.frames))
    found = sheets.read(photographs(sheets.Sheet((sheets.Group(pasted, 4, ("pasted",)),), "en")), post.keys)
    bad = {sheets.label(one.frame): one for one in found if one.reason}
    assert set(bad) == {sheets.label(group.frames[0]), sheets.label(group.frames[1])}
    assert {one.reason for one in bad.values()} <= {"signature.invalid", "frame.key"}
    first = bad[sheets.label(group.frames[0])]
    assert first.reason == "signature.invalid"
    assert first.named("en") == f"{sheets.label(group.frames[0])}, at the top on the left, photo-0.jpg"
    assert first.named("fr") == f"{sheets.label(group.frames[0])}, en haut à gauche, photo-0.jpg"
    receiver = Receiver(lambda: post.keys, InProcess())
    heard = [one for frame in sheets.good(found) for one in receiver.hear(frame, 0.0)]
    acts = [one.data for one in heard if isinstance(one, Envelope)]
    assert sorted(acts) == sorted(act.envelope.encoded() for act in post.long)
    # And whatever the reader let through, the receiver would have refused: they share the signature, not the code.
    trusting = Receiver(lambda: post.keys, InProcess())
    heard = [one for frame in pasted for one in trusting.hear(frame, 0.0)]
    assert sorted(one.data for one in heard if isinstance(one, Envelope)) == sorted(acts)
    assert trusting.refused.total() == 2


def test_a_forged_code_with_the_right_label_beside_the_genuine_one(post):
    """Attack 38: the forged code comes first and has the genuine one's number; it does not shut the genuine one out."""
    (group,) = post.sheet(acts=[], long=True).groups
    frames = (forged(group.frames[0]), *group.frames[: group.enough])
    seen = sheets.read(photographs(sheets.Sheet((sheets.Group(frames, 4, ("x",)),), "en")), post.keys)
    assert [one.reason for one in seen if one.frame == frames[0]] == ["signature.invalid"]
    assert sheets.good(seen)
    receiver = Receiver(lambda: post.keys, InProcess())
    heard = [one for one in seen if one.frame for one in receiver.hear(one.frame, 0.0)]
    assert sum(isinstance(one, Envelope) for one in heard) == len(post.long)


BAD = {
    "another code": (lambda post: b"https://example.org/a-menu", "frame.version"),
    "a later version": (lambda post: b"\xd2" + good_frame(post)[1:], "frame.version"),
    "no such form": (lambda post: good_frame(post)[:1] + b"\x07" + good_frame(post)[2:], "frame.form"),
    "a telegram cut short": (lambda post: good_frame(post)[:-1], "frame.length"),
    "another tag": (lambda post: good_frame(post)[:2] + bytes(8) + good_frame(post)[10:], "frame.tag"),
    "a bare symbol": (
        lambda post: symbol_frame(Piece(bytes(8), 100, 1, bytes(104))),
        "frame.bare",
    ),
    "an unknown key": (
        lambda post: symbol_frame(Piece(bytes(8), 100, 1, bytes(104)), post.party.id, THIEF),
        "frame.key",
    ),
}


def good_frame(post) -> bytes:
    return telegram(post.dismissal.envelope.encoded(), post.dismissal.id)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_code_has_a_reason(post, name):
    make, reason = BAD[name]
    assert sheets.judge(make(post), post.keys)[0] == reason
    assert sheets.judge(good_frame(post), post.keys) == ("", "")


def test_a_stained_code_is_named_and_its_copy_does(post):
    sheet = post.sheet()
    (svg,) = sheets.pages(sheet)
    across, down, _, _ = paper.CODE.findall(svg)[0]
    left, top = round(float(across) * paper.DOTS), round(float(down) * paper.DOTS)
    spoilt = paper.stained(paper.printed(svg), (left + 60, top + 60, left + 200, top + 200))
    seen = sheets.read([("photo.png", paper.png(paper.photographed(spoilt)))], post.keys)
    assert sheets.good(seen) == [good_frame(post)]
    bad = [one for one in seen if one.reason]
    assert [one.reason for one in bad] == ["courier.unreadable"]
    assert bad[0].named() == "at the top on the left, photo.png"


# --- bad images -------------------------------------------------------------------------------------------------------


def test_an_image_without_a_code_says_so(post):
    blank = paper.png(Image.new("L", (600, 600), 255))
    good = paper.png(paper.printed(sheets.pages(post.sheet())[0], dots=4))
    seen = sheets.read([("blank.png", blank), ("none.png", b"GIF89a"), ("good.png", good)], post.keys)
    assert [(one.named(), one.reason) for one in seen[:2]] == [
        ("blank.png", "courier.no-code"),
        ("none.png", "courier.image"),
    ]
    assert sheets.good(seen) == [good_frame(post)]  # one bad picture does not spoil the others


def test_images_are_bounded_before_they_are_unpacked(post, monkeypatch):
    """Attack 39: a picture of a few bytes that unpacks to gigabytes is refused by its header."""
    bomb = paper.png(Image.new("1", (10_000, 10_000)))
    larger = paper.png(Image.new("1", (20_000, 20_000)))
    assert len(larger) < 100_000
    monkeypatch.setattr(Image.Image, "convert", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(Malformed, match="10000 by 10000 pixels") as caught:
        codes.found_in(bomb)
    assert caught.value.reason == "courier.image"
    with pytest.raises(Malformed, match="courier.image"):
        codes.found_in(larger)


def test_what_is_no_image_is_refused(post):
    good = paper.png(paper.printed(sheets.pages(post.sheet())[0], dots=3))
    chance = random.Random(3)
    for data in (b"", b"%PDF-1.7", b"GIF89a" + bytes(100), good[: len(good) // 2], bytes(limits.IMAGE_MAX_BYTES + 1)):
        with pytest.raises(Malformed, match="courier.image"):
            codes.found_in(data)
    for _ in range(60):  # whatever is wrong with a file, nothing but our error comes out
        spoilt = bytearray(good)
        for _ in range(5):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        with contextlib.suppress(Malformed):
            codes.found_in(bytes(spoilt))


def test_what_a_stranger_photographed_is_not_unpacked_in_this_process(post, monkeypatch):
    photos = photographs(post.sheet())
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it was opened here"))
    assert sheets.good(sheets.read(photos, post.keys)) == [good_frame(post)]


@pytest.mark.skipif(sys.platform != "linux", reason="the address space can be bounded on Linux only")
def test_a_picture_that_takes_more_than_is_allowed_is_refused_and_the_next_one_is_read(post):
    """Attack 39: within the bound on pixels, and still more than the process may take."""
    heavy = paper.png(Image.new("RGBA", (8_000, 7_900)))
    ((_, good),) = photographs(post.sheet())
    with codes.Looker(most_bytes=320 * 1024 * 1024) as looker:
        with pytest.raises(Malformed, match=r"courier\.image"):
            looker.found_in(heavy)
        assert [spot.data for spot in looker.found_in(good)] == [good_frame(post)] * 2
    with codes.Looker() as looker:
        assert looker.found_in(heavy) == []  # the bound leaves room for the largest


def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_is_read(post):
    ((_, good),) = photographs(post.sheet())
    with codes.Looker(deadline_seconds=0.0) as looker:
        with pytest.raises(Malformed, match="cannot be looked at within 1024 MiB and 0 seconds"):
            looker.found_in(good)
        looker.deadline_seconds = 60.0
        assert [spot.data for spot in looker.found_in(good)] == [good_frame(post)] * 2
        looker.process.kill()
        looker.process.wait()
        assert looker.found_in(good)
        assert looker.begun == 3


# --- a decision by paper ----------------------------------------------------------------------------------------------


def test_members_signatures_join_from_paper(post):
    """Each member prints his own; whoever has enough of them has the act."""
    collected: dict[bytes, Part] = {}
    for part in post.parts:
        sheet = post.sheet(acts=[], parts=[part])
        for one in sheets.parts_in(sheets.good(sheets.read(photographs(sheet), post.keys))):
            collected[one.kid] = one
    rows = [(one.kid, one.signature) for one in collected.values()]
    act = parse_act(joined(post.dismissal.envelope.payload, rows).encoded())
    assert act.id == post.dismissal.id
    assert {signature.kid for signature in act.envelope.signatures} == {
        signature.kid for signature in post.dismissal.envelope.signatures
    }
    assert len({key("ann").public_key, key("bob").public_key}) == len(rows)
