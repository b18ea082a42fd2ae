"""The campaign's part ``browser``: the scenarios' evidence, and mutants of it, in a real browser, beside core.

Each bundle is opened as a page from disk, as its reader would; what the page's verdict card and steps say is compared
with what core says who trusts the same parties. So it is the whole of it that is compared: the base64, the joined
script, the browser's own cryptography, and what is drawn. It needs Chromium; where there is none, it says so and is
passed over, unless ``CI`` is set.
"""

import random
import re
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, count, takewhile
from pathlib import Path

from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Report, Trust, Verdict, parse_bundle, verify
from pourparler.service.evidencepage import page
from tests import browser
from tests.alternate import Stories, stories
from tests.browser import Browser
from tests.fuzz import mutants

DONE = "document.body.dataset.done === document.body.dataset.asked && document.body.dataset.done"
MARKS = {Verdict.VALID: ("✓",), Verdict.INVALID: ("✗",), Verdict.CANNOT_TELL: ("?",)}


def variants(played: Stories, seed: str) -> Iterator[tuple[str, bytes]]:
    """Yield bundles for ever: with bytes changed, and, signed anew, with something that went otherwise."""
    broken = mutants(list(played.bundles.values()), seed)
    for number in count():
        yield f"mutant {number} of {seed}", next(broken)
        yield played.otherwise(seed, number)


def answer(bundle: bytes) -> Report:
    """Return what core says who trusts every party of the claim."""
    try:
        parties = parse_bundle(bundle).claim.parties
    except PourparlerError:
        parties = ()
    return verify(bundle, Trust(dict.fromkeys(parties, "assumed")))


def compare(chromium: Browser, folder: Path, name: str, bundle: bytes) -> Verdict:
    """Open the page of a bundle; raise where it says something else than core."""
    path = folder / "evidence.html"
    path.write_bytes(page(bundle))
    ours = answer(bundle)
    with chromium.tab(width=360, language=random.Random(name).choice(["en", "fr"])) as tab:
        tab.open(path)
        tab.wait(DONE)
        assert tab.run("document.getElementById('verdict-card').dataset.verdict") == ours.verdict.value, name
        reason = re.search(r"\[([\w.-]+)\]", tab.text("#verdict dd"))
        assert (reason[1] if reason and ours.reason else "") == ours.reason, (name, tab.text("#verdict"))
        shown = [step.split("\n")[0].split(" ")[0][0] for step in tab.run(STEPS)]
        wanted = [MARKS[step.verdict][0] for step in ours.steps] + ["·"] * (11 - len(ours.steps))
        assert shown == wanted, (name, shown)
        assert tab.complaints() == [], (name, tab.complaints())
        assert tab.run("document.documentElement.scrollWidth") == 360, name
    return ours.verdict


STEPS = "[...document.querySelectorAll('.steps .number .mark')].map(one => one.textContent)"


def run(seed: str, seconds: float) -> str:
    """Compare the scenarios' evidence, then mutants of it until the time is up. Return what was done."""
    if browser.chromium() is None:
        return "passed over: there is no Chromium here"
    end = time.monotonic() + seconds
    counts = dict.fromkeys(Verdict, 0)
    with tempfile.TemporaryDirectory(prefix="pages-") as place, browser.started() as chromium:
        folder = Path(place)
        played = stories(folder)
        shown = takewhile(lambda _: time.monotonic() < end, variants(played, seed))
        for name, bundle in chain(played.bundles.items(), shown):
            counts[compare(chromium, folder, name, bundle)] += 1
    tried = sum(counts.values()) - len(played.bundles)
    said = ", ".join(f"{number} {verdict.value}" for verdict, number in counts.items())
    return f"{len(played.bundles)} pages of the scenarios and {tried} variants say what core says: {said}"
