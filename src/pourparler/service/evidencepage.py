"""The evidence page: one HTML file that carries a bundle, shows it, and verifies it in the reader's browser, offline.

The page is a function of the bundle and of this version's files: the template, style and scripts of ``web/page``, the
verifier of ``web/verifier``, and the bundle in base64 between two markers. Nothing of the bundle is written into the
page as words: what a reader sees, the page's script draws from what its verifier has verified. A content security
policy lets only these scripts and this style run, by their digests, and lets nothing be fetched or sent.

A page that brings its own verifier could lie all the same, if somebody changed it. Since this version makes the same
bytes from the same bundle every time, whoever has the library can tell: :func:`is_ours`. And he need not look at the
page at all: :func:`embedded` takes the bundle out, for :func:`pourparler.core.evidence.verify`.
"""

import base64
import binascii
import hashlib
import re
from functools import cache
from importlib.resources import files

from pourparler import __version__
from pourparler.core import limits
from pourparler.service.verifierfile import UNFIT_IN_A_PAGE, before, verifier_file, wrapped

OPENING = b"<!doctype html>\n<!-- Pourparler evidence page -->\n"
BEGIN = b'<script type="application/octet-stream" id="bundle">\n'
END = b"\n</script>\n"
LINE_CHARACTERS = 120
# Base64 of the largest bundle with its line ends, and what stands around it.
PAGE_MAX_BYTES = limits.EVIDENCE_MAX_BYTES * 136 // 100 + 1024 * 1024

MODULES = ("words", "nodes", "names", "lines", "acts", "picture", "sections", "verdict", "whom", "page")
PLACE = re.compile(r"\{\{(\w+)\}\}")
# What every page forbids: to fetch, to send, to run or style by anything but the digests; to write HTML from strings.
POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class NotAPage(ValueError):
    """The bytes are no evidence page, or hold no bundle, or more than one."""


def page(bundle: bytes) -> bytes:
    """Return the page that carries the bundle: the same bytes for the same bundle, always."""
    parts = {**fixed_parts(), "bundle": "\n".join(lines_of(bundle))}
    return PLACE.sub(lambda found: parts[found[1]], asset("page.html")).encode()


def is_page(data: bytes) -> bool:
    """Whether a file says that it is a page; :func:`embedded` finds out."""
    return data.startswith(OPENING)


def embedded(data: bytes) -> bytes:
    """Return the bundle in a page, whatever else the page says. Raises :class:`NotAPage`."""
    if not is_page(data) or data.count(BEGIN) != 1:
        raise NotAPage("it is no evidence page: it holds no bundle, or more than one")
    encoded, end, _ = data.partition(BEGIN)[2].partition(END)
    try:
        bundle = base64.b64decode(encoded.replace(b"\n", b""), validate=True)
    except binascii.Error:
        raise NotAPage("the bundle in the page is not in base64") from None
    if not end or "\n".join(lines_of(bundle)).encode() != encoded:
        raise NotAPage("the bundle in the page does not end, or is written in another way than pages are")
    return bundle


def is_ours(data: bytes, bundle: bytes) -> bool:
    """Whether the page is, byte for byte, the one that this version makes of the bundle."""
    return data == page(bundle)


def verifier_digest() -> str:
    """Return the SHA-256 of the verifier that pages carry, in hex, as the pages themselves state it."""
    return hashlib.sha256(verifier_file().encode()).hexdigest()


# --- the parts --------------------------------------------------------------------------------------------------------


@cache
def fixed_parts() -> dict[str, str]:
    """Return what is the same in every page of this version."""
    style, verifier, script = asset("page.css"), verifier_file(), page_script()
    scripts = f"{source(verifier)} {source(script)}"
    policy = POLICY.format(scripts=scripts, style=source(style))
    return {"policy": policy, "version": __version__, "style": style, "verifier": verifier, "script": script}


def page_script() -> str:
    """Return the page's own script: its modules, joined as those of the verifier are."""
    sources = {name: asset(f"{name}.js") for name in MODULES}
    parts = [line for name, source in sources.items() for line in wrapped(name, source, before(sources, name))]
    script = "\n".join(["(() => {", "'use strict'", *parts, "})()", ""])
    if unfit := UNFIT_IN_A_PAGE.search(script):
        raise ValueError(f"{unfit[0]!r} cannot stand in a page's script")
    return script


def asset(name: str) -> str:
    return files("pourparler").joinpath("web", "page", name).read_text("utf-8")


def source(inline: str) -> str:
    """Return what a content security policy calls an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def lines_of(bundle: bytes) -> list[str]:
    encoded = base64.b64encode(bundle).decode()
    return [encoded[at : at + LINE_CHARACTERS] for at in range(0, len(encoded), LINE_CHARACTERS)]
