"""The evidence page in a real browser, from ``file://``: what somebody sees who opens it, and what it lets happen."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pourparler.service.evidencepage import page
from tests import browser, samples
from tests.browser import Browser, Tab

pytestmark = pytest.mark.skipif(browser.chromium() is None, reason="Chromium shows the page, and is not here")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.started() as found:
        yield found


def shown(tab: Tab, folder: Path, bundle: bytes) -> Tab:
    """Open the page of a bundle and wait for its verdict."""
    path = folder / "evidence.html"
    path.write_bytes(page(bundle))
    tab.open(path)
    tab.wait("document.body.dataset.done")
    return tab


def headline(tab: Tab) -> str:
    return " ".join(tab.text(".headline .saying").split())


def test_a_valid_bundle_is_valid_if_it_is_the_party_you_mean(chromium: Browser, tmp_path: Path) -> None:
    with chromium.tab() as tab:
        shown(tab, tmp_path, samples.bundle())
        assert re.fullmatch(r"VALID, if [0-9a-f]{8}… is the party you mean", headline(tab))
        assert "“buyer” is bound by the text" in tab.text(".claim")
        assert len(tab.text("#step-list").split("passed:")) == 11
        assert tab.complaints() == []
        assert {address.partition(":")[0] for address in tab.requests()} == {"file"}
        assert len(tab.requests()) == 1


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
