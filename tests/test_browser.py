"""The evidence page in a real browser, from ``file://``: what somebody sees who opens it, and what it lets happen."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from pourparler.core.council import organ_id
from pourparler.core.encoding import encode
from pourparler.core.evidence import Claim, Trust, parse_bundle, verify
from pourparler.core.redline import text_digest
from pourparler.service.drafting import powers
from pourparler.service.evidencepage import page, verifier_digest
from pourparler.service.export import assemble
from tests import browser, samples
from tests.browser import Browser, Tab
from tests.builder import witness_key

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="Chromium shows the page, and is not here")

HOSTILE = "<script>document.body.dataset.owned = 1</script><img src=x onerror='document.body.dataset.owned = 1'>"
CROSSABLE = [["equal", "note", HOSTILE]]
WITNESS = witness_key(samples.WITNESS)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.started() as found:
        yield found


def shown(tab: Tab, folder: Path, bundle: bytes) -> Tab:
    """Open the page of a bundle and wait for its verdict."""
    return opened(tab, folder, page(bundle))


def opened(tab: Tab, folder: Path, data: bytes) -> Tab:
    path = folder / "evidence.html"
    path.write_bytes(data)
    tab.open(path)
    settled(tab)
    return tab


def settled(tab: Tab) -> None:
    """Return once the page has said what it says to all that was done to it so far."""
    tab.wait("document.body.dataset.done === document.body.dataset.asked")


def headline(tab: Tab) -> str:
    return " ".join(tab.text(".headline .saying").split())


def claimed(kind: str, **parts: object) -> bytes:
    world = samples.world()
    return assemble(Claim(kind, world.intake.depositary, 0, **parts), [world.intake]).encoded()


@cache
def in_force() -> bytes:
    world = samples.world()
    return claimed(
        "in-force", parties=tuple(sorted((world.party, world.other))), dossier=world.dossier, text=world.digest
    )


# --- the verdict ------------------------------------------------------------------------------------------------------


def test_a_valid_bundle_is_valid_if_it_is_the_party_you_mean(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        assert headline(tab) == f"VALID, if {samples.party_id().hex()[:8]}… is the party you mean"
        assert "“buyer” is bound by the text" in tab.text(".claim")
        assert len(tab.text("#step-list").split("passed:")) == 11
        assert len(tab.text("#step-list").split("if:")) == 2, "whom the reader trusts is not for the page to say"
        assert tab.complaints() == []
        assert tab.requests() == [(tmp_path / "evidence.html").as_uri()], "nothing else was asked for"


def test_one_bit_changed_is_invalid_and_nothing_of_it_is_shown(chromium: Browser, tmp_path: Path) -> None:
    bundle = bytearray(samples.bundle())
    bundle[bundle.index(b"subject to approval")] ^= 1
    with chromium.tab() as tab:
        shown(tab, tmp_path, bytes(bundle))
        assert headline(tab) == "INVALID"
        assert "[proof.root]" in tab.text("#verdict")
        assert "none of it is proven" in tab.text("#shown")
        assert "Goods." not in tab.text("#page")
        assert tab.complaints() == []


def test_an_act_left_out_is_told_and_what_it_may_have_undone_is_not_asserted(chromium: Browser, tmp_path: Path) -> None:
    world = samples.world()
    beacon = next(act for act in world.acts if act.kind == "beacon")
    index = world.intake.registry.outcomes[beacon.id].moment.index
    claim = parse_bundle(in_force()).claim
    bundle = assemble(claim, [world.intake], exclude=frozenset({index})).encoded()
    with chromium.tab() as tab:
        shown(tab, tmp_path, bundle)
        assert headline(tab) == "CANNOT TELL"
        assert "acts in the stream of “buyer” are shown [stream.incomplete]" in " ".join(tab.text("#verdict").split())
        assert "may have undone it" in tab.text("#shown")
        assert "bound since" not in tab.text("#page")
        assert "IN FORCE" not in tab.text("#timeline")
        shown(tab, tmp_path, in_force())
        assert "bound since" in tab.text("#page")
        assert "IN FORCE" in tab.run("document.getElementById('timeline').textContent")


def test_a_file_that_holds_no_claim(chromium: Browser, tmp_path: Path) -> None:
    for bundle in (b"", b"\xa0", b"what is this?"):
        with chromium.tab() as tab:
            shown(tab, tmp_path, bundle)
            assert headline(tab) == "INVALID"
            assert "holds no claim" in tab.text(".claim")
            assert tab.complaints() == []


def test_clauses_that_nobody_can_read_are_shown_as_they_stand(chromium: Browser, tmp_path: Path) -> None:
    clauses = {"force": {"when": ["unanimity", 3], "then": [["years", 1]]}, "term": {"until": "never"}}
    text = encode({"articles": {"en": ["x"]}, "terms": {}, "random": bytes(16), "clauses": clauses})
    bundle = parse_bundle(samples.bundle())
    bundle = replace(bundle, claim=replace(bundle.claim, text=text_digest(text)), texts=(text,))
    for language, said in (("en", "not written as the specification"), ("fr", "ne suivent pas la spécification")):
        with chromium.tab(language=language) as tab:
            shown(tab, tmp_path, bundle.encoded())
            assert said in tab.text("#text")
            assert "unanimity 3" in tab.text("#text")
            assert tab.complaints() == []


def test_the_page_says_of_every_claim_what_core_says(chromium: Browser, tmp_path: Path) -> None:
    world = samples.world()
    link = next(act for act in world.acts if act.kind == "delegate")
    ratified = next(act for act in world.acts if act.kind == "ratify")
    may = {"parties": (world.party,), "mandate": link.id, "holder": samples.key("max").public_key}
    bundles = {
        "bound": samples.bundle(),
        "in-force": in_force(),
        "may": claimed("may", **may, power=link["powers"]),
        "may not": claimed("may", **may, power=powers("conclude")),
        "recorded": claimed("recorded", act=ratified.id),
    }
    for name, bundle in bundles.items():
        with chromium.tab() as tab:
            shown(tab, tmp_path, bundle)
            claim = json.loads(tab.run("JSON.stringify(document.getElementById('verdict-card').dataset)"))
            parties = {bytes.fromhex(one.replace(" ", "")) for one in ids_shown(tab)} if name != "recorded" else set()
            ours = verify(bundle, Trust(dict.fromkeys(parties, "assumed")))
            assert claim["verdict"] == ours.verdict.value, name
            assert ours.reason in tab.text("#verdict"), name
            assert tab.complaints() == [], name
            assert tab.text("#said"), name


def ids_shown(tab: Tab) -> list[str]:
    return list(tab.run("[...document.querySelectorAll('#whom code.whole')].map(one => one.textContent)"))


# --- trust ------------------------------------------------------------------------------------------------------------


def test_the_id_that_the_reader_was_told_is_what_the_verifier_trusts(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        spaced = re.sub(r"(.{8})", r"\1 ", samples.party_id().hex().upper())
        type_id(tab, "#id-0", spaced)
        assert (headline(tab), tab.text("#status-0")) == ("VALID", "✓ It is this id.")
        assert "(pasted by the reader)" in tab.text("#step-list")
        tab.type("#how-0", "their letterhead")
        settled(tab)
        assert "(their letterhead)" in tab.text("#step-list")
        type_id(tab, "#id-0", "00" * 32)
        assert headline(tab) == "CANNOT TELL"
        assert "[trust.unknown-party]" in tab.text("#verdict")
        assert "another id" in tab.text("#status-0")
        assert "whose ids you do not know" in tab.text("#shown")
        type_id(tab, "#id-0", "7f3a")
        assert "these are 4 signs" in tab.text("#status-0")
        assert headline(tab).startswith("VALID, if")
        tab.click("#tick-0")
        settled(tab)
        assert headline(tab) == "VALID"
        assert tab.complaints() == []


def type_id(tab: Tab, field: str, text: str) -> None:
    tab.type(field, text)
    settled(tab)


def test_each_party_is_known_or_not_by_itself(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, in_force())
        first, second = (one.replace(" ", "") for one in ids_shown(tab))
        assert headline(tab) == f"VALID, if {first[:8]}… and {second[:8]}… are the parties you mean"
        type_id(tab, "#id-1", first)
        assert "the id of the other party" in tab.text("#status-1")
        type_id(tab, "#id-1", second)
        assert re.fullmatch(rf"VALID, as to “\w+”; and as to the other, if {first[:8]}… is the party .*", headline(tab))
        type_id(tab, "#id-0", first)
        assert headline(tab) == "VALID"


def test_a_policy_of_witnesses_is_read_from_disk(chromium: Browser, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.policy", tmp_path / "bad.policy"
    good.write_text(f"witness w {WITNESS.text}\nquorum w\n")
    bad.write_text("quorum nobody\n")
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        tab.choose("#policy-file", good)
        tab.wait("document.getElementById('policy-status').innerText.includes('good.policy')")
        settled(tab)
        assert headline(tab) == "CANNOT TELL"
        assert "[witness.quorum]" in tab.text("#verdict")
        tab.choose("#policy-file", bad)
        tab.wait("document.getElementById('policy-status').innerText.includes('bad.policy')")
        settled(tab)
        assert "is no policy, and is not used" in tab.text("#policy-status")
        assert headline(tab).startswith("VALID, if")
        assert tab.complaints() == []


def test_the_key_of_a_ledger_is_for_the_reader_to_know(chromium: Browser, tmp_path: Path) -> None:
    act = next(act for act in samples.world().acts if act.kind == "ratify")
    with chromium.tab() as tab:
        shown(tab, tmp_path, claimed("recorded", act=act.id))
        assert headline(tab) == f"VALID, if {samples.LEDGER.public_key.hex()[:8]}… is the key of the ledger you mean"
        type_id(tab, "#id-0", samples.LEDGER.public_key.hex())
        assert headline(tab) == "VALID"


# --- what foreign text and foreign script can do ----------------------------------------------------------------------


@cache
def hostile() -> bytes:
    """A bundle in which whatever can hold words holds markup."""
    world = Hostile()
    party = Claim("bound", world.intake.depositary, 0, (world.party,), world.dossier, world.digest)
    return assemble(party, [world.intake]).encoded()


class Hostile(samples.World):
    def __init__(self) -> None:
        texts = samples.encode(
            {
                "articles": {"en": [HOSTILE, "</script><script>alert(1)</script>"], "<b>fr</b>": [HOSTILE, "2"]},
                "terms": {"note": HOSTILE, "list": [HOSTILE, "b"]},
                "random": bytes(16),
            }
        )
        self.paper = texts
        super().__init__()

    def log(self, kind, fields, *signers, texts=()):  # type: ignore[no-untyped-def]
        if kind == "found":
            fields = {**fields, "name": f"<i>{fields['name']}</i>"}
            fields["organs"] = [{**fields["organs"][0], "name": "<u>board</u>", "lines": CROSSABLE}]
        if "lines" in fields:
            fields = {**fields, "lines": CROSSABLE}
        if "text" in fields:
            fields = {**fields, "text": samples.text_digest(self.paper)}
            self.digest = fields["text"]
        if "words" in fields:
            fields = {**fields, "words": HOSTILE}
        fields = {name: self.renamed(value) for name, value in fields.items()}
        return super().log(kind, fields, *signers, texts=(self.paper,) if texts else ())

    def renamed(self, value):  # type: ignore[no-untyped-def]
        """Organs are called otherwise here, and so are their ids."""
        for act in self.acts:
            if act.kind == "found" and value == organ_id(act.id, "council"):
                return organ_id(act.id, "<u>board</u>")
        return value


def test_what_the_bundle_says_is_shown_as_text_and_runs_nowhere(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, hostile())
        assert headline(tab).startswith("VALID, if")
        words = tab.run("document.getElementById('page').textContent")
        assert words.count(HOSTILE) >= 5, "articles, terms, red line, words"
        assert "“<u>board</u>” of “<i>buyer</i>”" in words
        assert tab.run("document.body.dataset.owned ?? null") is None
        assert tab.run("document.querySelectorAll('#page script, #page img, #page i, #page u, #page b').length") == 0
        assert tab.complaints() == []


def test_the_policy_stops_scripts_that_somebody_adds(chromium: Browser, tmp_path: Path) -> None:
    added = (
        b"<script>document.body.dataset.owned = 1</script><p onclick='document.body.dataset.owned = 1' id=bait>!</p>"
    )
    data = page(samples.bundle())
    with chromium.tab() as tab:
        opened(tab, tmp_path, data.replace(b"</body>", added + b"<img src='https://example.com/x.png'></body>"))
        tab.click("#bait")
        assert tab.run("document.body.dataset.owned ?? null") is None
        assert len([one for one in tab.complaints() if "Content Security Policy" in one]) == 3
        changed = data.replace(b"return outcome()", b"return outcome( )", 1)
        assert changed != data
    with chromium.tab() as tab:
        path = tmp_path / "changed.html"
        path.write_bytes(changed)
        tab.open(path)
        assert "Not checked yet" in tab.text("#page"), "a verifier that was changed does not run"
    with chromium.tab() as tab:
        opened(tab, tmp_path, data)
        said = tab.run("try { document.body.innerHTML = '<p>x</p>'; 'wrote' } catch (error) { error.name }")
        assert said == "TypeError", "nothing writes HTML, not even the page's own script"


# --- people -----------------------------------------------------------------------------------------------------------


def test_in_french_by_the_browsers_language_and_by_the_switch(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab(language="fr-CA") as tab:
        shown(tab, tmp_path, in_force())
        assert headline(tab).startswith("VALIDE (VALID), si")
        assert tab.run("document.documentElement.lang") == "fr"
        assert "Le texte" in tab.text(".claim")
        assert "Des biens." in tab.text(".claim")
        assert "les textes sont là" in tab.text("#step-list")
        tab.type("#id-0", "7f3a")
        tab.click("#to-en")
        settled(tab)
        assert tab.run("document.documentElement.lang") == "en"
        assert headline(tab).startswith("VALID, if")
        assert tab.run("document.getElementById('id-0').value") == "7f3a", "what was typed stays"
        assert tab.run("document.activeElement.id") == "to-en", "so does the focus"
    with chromium.tab(language="de-DE") as tab:
        assert headline(shown(tab, tmp_path, in_force())).startswith("VALID, if")


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [320, 360, 1200])
def test_nothing_is_wider_than_the_screen(chromium: Browser, tmp_path: Path, width: int, language: str) -> None:
    with chromium.tab(width=width, height=800, language=language) as tab:
        for bundle in (in_force(), hostile()):
            shown(tab, tmp_path, bundle)
            tab.run("for (const one of document.querySelectorAll('details')) one.open = true")
            assert tab.run("document.documentElement.scrollWidth") == width
            assert tab.run(BEYOND_THE_SCREEN) == []
            assert tab.run(BEYOND_THE_PICTURE) == []
            assert 0.9 <= tab.run(SCALE) <= 1.2, "the picture's words are as large as others"


BEYOND_THE_SCREEN = """[...document.querySelectorAll('#page *')]
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest('.unseen, .skip'))
  .map(one => one.outerHTML.slice(0, 80))"""
SCALE = "(one => one.getBoundingClientRect().width / one.viewBox.baseVal.width)(document.querySelector('svg.picture'))"
BEYOND_THE_PICTURE = """[...document.querySelectorAll('.picture text')]
  .filter(one => one.getBoundingClientRect().right > one.closest('svg').getBoundingClientRect().right)
  .map(one => one.textContent)"""


def test_by_keyboard_from_the_first_link_to_the_last(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        tab.press("Tab")
        assert tab.run("document.activeElement.className") == "skip"
        assert tab.run("document.activeElement.getBoundingClientRect().left >= 0"), "it shows when it has the focus"
        tab.press("Enter")
        assert tab.run("document.activeElement.id") == "verdict"
        visited = []
        while not visited or visited[-1] != "save":
            assert len(visited) < 60, visited
            tab.press("Tab")
            visited.append(tab.run("document.activeElement.id || document.activeElement.tagName"))
        assert [one for one in visited if one != "SUMMARY"] == ["id-0", "tick-0", "how-0", "policy-file", "save"]
        tab.run("document.getElementById('tick-0').focus()")
        tab.press(" ")
        settled(tab)
        assert headline(tab) == "VALID"


def test_for_those_who_hear_it(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, in_force())
        fields = "[...document.querySelectorAll('input')].filter(one => !one.labels.length).length"
        assert tab.run(fields) == 0, "every field has a label"
        levels = tab.run("[...document.querySelectorAll('h1, h2, h3, h4')].map(one => +one.tagName[1])")
        assert levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        ids = tab.run("[...document.querySelectorAll('[id]')].map(one => one.id)")
        assert len(ids) == len(set(ids))
        assert tab.run("document.getElementById('verdict').getAttribute('role')") == "status"
        assert tab.run("document.querySelector('.picture').getAttribute('aria-label').length > 20")
        unnamed = (
            "[...document.querySelectorAll('.sign, .mark')].filter(one => one.getAttribute('aria-hidden') !== 'true')"
        )
        assert tab.run(f"{unnamed}.length") == 0, "a sign is beside its word, never instead of it"


@pytest.mark.parametrize("dark", [False, True])
def test_every_word_stands_out_from_its_ground(chromium: Browser, tmp_path: Path, *, dark: bool) -> None:
    bundle = bytearray(samples.bundle())
    bundle[-1] ^= 1
    for data in (in_force(), bytes(bundle)):
        with chromium.tab(dark=dark) as tab:
            shown(tab, tmp_path, data)
            assert tab.run(FAINT) == []


# Text whose contrast with its ground is below 4.5 to 1 (WCAG 2.2, 1.4.3).
FAINT = """(() => {
  const numbers = colour => (colour.match(/[\\d.]+/g) ?? []).map(Number)
  const light = colour => numbers(colour).slice(0, 3).map(one => one / 255)
    .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0)
  const clear = colour => colour === 'transparent' || (numbers(colour).length === 4 && numbers(colour)[3] === 0)
  const ground = one => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor
      if (!clear(colour)) return colour
    }
    return 'rgb(255, 255, 255)'
  }
  const faint = []
  const walker = document.createTreeWalker(document.getElementById('page'), NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const one = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || one.closest('.unseen, .skip')) continue
    const style = getComputedStyle(one), drawn = one.closest('svg')
    const [a, b] = [light(drawn ? style.fill : style.color), light(ground(one))].sort((x, y) => y - x)
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${walker.currentNode.data}: ${style.color} on ${ground(one)}`)
  }
  return faint
})()"""


def test_on_paper_everything_is_open_and_ids_are_whole(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, in_force())
        closed = "document.querySelectorAll('details:not([open])').length"
        before = tab.run(closed)
        assert before > 0
        tab.run("document.body.dataset.printed = ''; addEventListener('beforeprint', () => "
                f"{{ document.body.dataset.printed = {closed} }})")  # fmt: skip
        assert tab.pdf().startswith(b"%PDF")
        assert tab.run("document.body.dataset.printed") == "0"
        assert tab.run(closed) == before, "and as it was, afterwards"
        tab.ask("Emulation.setEmulatedMedia", media="print")
        assert samples.world().digest.hex() in tab.text(".claim")
        assert "#" not in tab.run("getComputedStyle(document.body).backgroundColor")
        assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.run("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_the_bundle_can_be_saved_and_the_verifier_states_its_digest(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        kept = tmp_path / "downloads"
        tab.keep_downloads(kept)
        tab.click("#save")
        saved = kept / "bundle.evidence"
        tab.until(lambda: saved.is_file() and saved.stat().st_size == len(samples.bundle()), "the bundle is saved")
        assert saved.read_bytes() == samples.bundle()
        assert tab.text("#verifier-digest").replace(" ", "") == verifier_digest()
        assert samples.party_id().hex() not in tab.text("#distrust"), "an id out of the page is no id that one was told"


def test_what_is_drawn_is_what_the_fold_says(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, in_force())
        cards = " ".join(tab.text("#consents").split())
        assert "Between" in cards
        assert "in force since" in cards
        assert "(2 of 3 votes, 2 needed)" in cards
        assert "total must be at most EUR 250.00" in cards
        assert cards.count(": kept") == 5, "one of each organ, three of the chain"
        assert "no public red lines" not in cards
        assert "Articles, English" in tab.text("#text")
        assert "EUR 240.00" in tab.text("#text")
        assert "total is the product of unit and count" in tab.text("#text")
        picture = tab.run("document.getElementById('timeline').textContent")
        assert "RATIFIES" in picture
        assert tab.run("document.querySelectorAll('.picture .p-ring').length") == 2, "what binds either party"
        said = tab.run("document.querySelectorAll('#said .said li').length")
        assert said == len(samples.world().acts)


def test_a_text_that_is_not_here_is_not_made_up(chromium: Browser, tmp_path: Path) -> None:
    world = samples.world()
    claim = Claim("bound", world.intake.depositary, 0, (world.party,), world.dossier, world.digest)
    bundle = replace(assemble(claim, [world.intake]), texts=()).encoded()
    with chromium.tab() as tab:
        shown(tab, tmp_path, bundle)
        assert headline(tab) == "CANNOT TELL"
        assert "[text.missing]" in tab.text("#verdict")
        assert world.digest.hex() in tab.text("#text").replace(" ", "")
        assert "kept" not in tab.text("#consents").replace("cannot tell", "")
        assert tab.complaints() == []
