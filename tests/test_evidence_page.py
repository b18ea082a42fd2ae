"""The evidence page as bytes: what stands in it, what is taken out of it, and what its policy lets run.

What a browser makes of it is for ``test_browser``; no test here needs one, or Node.
"""

import base64
import contextlib
import hashlib
import html.parser
import io
import json
import re
from pathlib import Path

import pytest

from pourparler.cli.main import main
from pourparler.core.evidence import Trust, verify
from pourparler.service import evidencepage, verifierfile
from pourparler.service.evidencepage import NotAPage, embedded, is_ours, is_page, page, page_script, verifier_digest
from tests import samples

FOLDER = Path(__file__).resolve().parents[1] / "src" / "pourparler" / "web" / "page"
# The page without verifier and bundle stands in every file that people keep. Whoever lets it grow says so here.
PAGE_MAX_BYTES = 105_000


class Elements(html.parser.HTMLParser):
    """The page as a parser of HTML sees it: every element with its attributes; what stands in scripts and styles."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(data.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style") and self.cdata_elem:
            self.raw.append((self.found[-1][0], data))


def run(*arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(list(arguments))
    return code, said.getvalue()


def digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


# --- what stands in it ------------------------------------------------------------------------------------------------


def test_the_policy_lets_run_what_stands_in_the_page_and_nothing_else() -> None:
    elements = Elements(page(samples.bundle()))
    [policy] = [at["content"] for tag, at in elements.found if at.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    scripts = [text for tag, text in elements.raw if tag == "script"]
    [style] = [text for tag, text in elements.raw if tag == "style"]
    assert directives == {
        "default-src": "'none'", "script-src": " ".join(map(digest, scripts[1:])), "style-src": digest(style),
        "img-src": "data:", "base-uri": "'none'", "form-action": "'none'",
        "require-trusted-types-for": "'script'", "trusted-types": "'none'",
    }  # fmt: skip
    assert scripts[1] == verifierfile.verifier_file(), "the verifier is the one that the tests compare with core"
    assert scripts[2] == page_script()
    [first] = [at for tag, at in elements.found if at.get("id") == "bundle"]
    assert first["type"] == "application/octet-stream", "data, which no browser runs"


def test_the_policy_comes_before_anything_that_it_governs() -> None:
    tags = [tag for tag, at in Elements(page(b"")).found if tag != "meta" or "http-equiv" in at]
    assert tags[:3] == ["html", "head", "meta"]


def test_nothing_in_the_page_is_fetched_or_runs_from_an_attribute() -> None:
    for tag, attributes in Elements(page(samples.bundle())).found:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style", "action")], tag
        assert attributes.get("href", "data:,") == "data:,"


def test_no_script_of_the_page_writes_html_or_reaches_out() -> None:
    for path in FOLDER.glob("*.js"):
        found = re.findall(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\(|XMLHttp|WebSocket"
            r"|import\(|localStorage|sessionStorage|cookie|sendBeacon|srcdoc|DOMParser|createContextualFragment",
            path.read_text("utf-8"),
        )
        assert not found, path.name


def test_nothing_that_the_bundle_says_stands_in_the_page_as_words() -> None:
    data = page(samples.bundle())
    around = data.replace(base64_of(samples.bundle()), b"")
    assert len(around) < len(data)
    assert around == page(b"")
    assert b"Goods." not in data
    assert b"buyer" not in data


def base64_of(bundle: bytes) -> bytes:
    return "\n".join(evidencepage.lines_of(bundle)).encode()


def test_every_file_of_the_page_is_in_it_and_it_stays_small() -> None:
    assert {path.stem for path in FOLDER.glob("*.js")} == set(evidencepage.MODULES)
    assert len(page(b"")) - len(verifierfile.verifier_file().encode()) < PAGE_MAX_BYTES


def test_every_word_is_there_in_both_languages() -> None:
    words = (FOLDER / "words.js").read_text("utf-8")
    used = set()
    for path in FOLDER.glob("*.js"):
        used |= set(re.findall(r"\b(?:say|tell)\('([\w -]+)'", path.read_text("utf-8")))
    table = words.partition("const WORDS = {")[2]
    pairs = dict(re.findall(r"'([\w -]+)': \[((?:'(?:[^'\\]|\\.)*',?\s*){1,})\]", table))
    assert used <= pairs.keys(), used - pairs.keys()
    for name, pair in pairs.items():
        strings = re.findall(r"'((?:[^'\\]|\\.)*)'", pair)
        assert len(strings) == 2, name
        english, french = (sorted(re.findall(r"\{(\w+)\}", string)) for string in strings)
        assert english == french, name


# --- what is taken out of it ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2, 3, 89, 90, 91, 1000])
def test_a_bundle_comes_out_as_it_went_in(size: int) -> None:
    bundle = bytes(number % 251 for number in range(size))
    data = page(bundle)
    assert is_page(data)
    assert embedded(data) == bundle
    assert is_ours(data, bundle)
    assert page(bundle) == data


def test_a_bundle_is_taken_out_strictly() -> None:
    data = page(samples.bundle())
    encoded = base64_of(samples.bundle())
    spoilt = {
        "no page": b"<html>" + data,
        "two bundles": data.replace(evidencepage.BEGIN, evidencepage.BEGIN + b"</script>" + evidencepage.BEGIN),
        "none": data.replace(b'id="bundle"', b'id="bundles"'),
        "cut": data[: data.index(encoded) + 100],
        "another sign": data.replace(encoded, encoded[:5] + b"*" + encoded[6:]),
        "other lines": data.replace(encoded, encoded.replace(b"\n", b"")),
        "a space": data.replace(encoded, encoded[:7] + b" " + encoded[7:]),
        "more": data.replace(encoded, encoded + b"AAAA"),
    }
    for what, changed in spoilt.items():
        assert changed != data, what
        with pytest.raises(NotAPage):
            embedded(changed)


def test_a_changed_page_is_told_from_ours_and_its_bundle_is_verified_all_the_same(tmp_path: Path) -> None:
    bundle, path = samples.bundle(), tmp_path / "evidence.html"
    party = samples.party_id().hex()
    path.write_bytes(page(bundle))
    code, said = run("verify", str(path), "--trust", party)
    assert code == 0
    assert "byte for byte" in " ".join(said.split())
    assert verifier_digest() in "".join(said.split())
    lying = page(bundle).replace(b"</body>", b"<p>VALID</p></body>")
    assert embedded(lying) == bundle
    assert not is_ours(lying, bundle)
    path.write_bytes(lying)
    code, said = run("verify", str(path), "--trust", party)
    assert code == 0
    assert "NOT the one that this version makes" in " ".join(said.split())


def test_verifying_a_page_says_what_verifying_its_bundle_says(tmp_path: Path) -> None:
    spoilt = samples.bundle()[:-1] + bytes([samples.bundle()[-1] ^ 1])
    for bundle in (samples.bundle(), spoilt, samples.bundle()[:40], b"\xa0"):
        path = tmp_path / "evidence.html"
        path.write_bytes(page(bundle))
        code, said = run("verify", str(path), "--trust", samples.party_id().hex(), "--json", "--at", "2000")
        ours = verify(bundle, Trust({samples.party_id(): "given on the command line"}), 2000)
        told = json.loads(said)
        assert (told["verdict"], told["reason"]) == (ours.verdict.value, ours.reason)
        assert [step["detail"] for step in told["steps"] if step["detail"]] == [
            s.detail for s in ours.steps if s.detail
        ]
        assert code == told["exit_code"]


def test_a_page_that_is_cut_short_is_an_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "evidence.html"
    data = page(samples.bundle())
    path.write_bytes(data[: data.index(evidencepage.BEGIN) + 5_000])
    code, said = run("verify", str(path))
    assert code == 5
    assert "no bundle can be taken out" in " ".join(said.split())


def test_whoever_has_a_bundle_makes_a_page_of_it_and_overwrites_nothing_else(tmp_path: Path) -> None:
    bundle, path, other = tmp_path / "a.evidence", tmp_path / "a.html", tmp_path / "letter.html"
    bundle.write_bytes(samples.bundle())
    other.write_text("<!doctype html><p>Dear Ann")
    known = ("--trust", samples.party_id().hex())
    for _ in range(2):
        assert run("verify", str(bundle), "--html", str(path), *known)[0] == 0
        assert embedded(path.read_bytes()) == samples.bundle()
    code, said = run("verify", str(bundle), "--html", str(other), *known)
    assert (code, "is no evidence page" in " ".join(said.split())) == (4, True)
    assert other.read_text() == "<!doctype html><p>Dear Ann"
    assert run("verify", str(bundle), "--html", str(tmp_path / "nowhere" / "a.html"), *known)[0] == 5
    assert run("verify", str(path), "--html", str(tmp_path / "b.html"), *known)[0] == 0
    assert (tmp_path / "b.html").read_bytes() == path.read_bytes(), "a page of a page is the same page"
