"""``pourparler verify``: read the file, the trust and the clock; ask :func:`pourparler.core.evidence.verify`; say it.

Exit codes: 0 VALID, 1 INVALID, 2 CANNOT TELL, 4 the command was given wrongly, 5 a file could not be read or is of
another kind, or nobody read the answer to its end; 130 interrupted by Ctrl-C.
"""

import json
import os
import re
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pourparler.cli import words
from pourparler.cli.reading import bounded, looks_like, read_beginning, read_file
from pourparler.cli.trouble import INPUT, USAGE, Problem, complain
from pourparler.core import limits
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Report, Trust, Verdict, parse_bundle, verify
from pourparler.core.ledger import Policy, parse_policy
from pourparler.core.redline import Text, parse_text, text_digest

PARTY_ID = re.compile(r"([0-9a-fA-F]{64})(?:=(.*))?", re.DOTALL)
TRUST_FILE_MAX_BYTES = 1024 * 1024
PAGE_MAX_BYTES = 2 * limits.EVIDENCE_MAX_BYTES  # a page holds its bundle in base64
UNSAID = "given on the command line"
PROOFS = (b"c2sp.org/tlog-proof@v1", b"\xd2\x84")  # how a file begins that may be a proof and is no bundle
SETTINGS, WORKSPACE = "pourparler.toml", "POURPARLER_WORKSPACE"
FORMAT = "pourparler/1 workspace"  # as in ``service.workspace``, which is not imported here


@dataclass
class Known:
    """What the verifier knows beforehand: party ids with how each was learnt, and the policy of witnesses.

    ``sources`` says of a party by which file it is trusted, ``policy_file`` where a trust file says that the policy
    stands, and ``notes`` what was not taken from where.
    """

    parties: dict[bytes, str] = field(default_factory=dict)
    policy: Policy | None = None
    sources: dict[bytes, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    policy_file: Path | None = None

    def trust(self, party: bytes, how: str, source: str = "") -> None:
        """Trust a party, in place of whatever was known of it. What was said on the command line has no source."""
        self.parties[party] = how
        self.sources[party] = source

    def before(self, other: "Known") -> "Known":
        """Return both, of which this one goes before the other."""
        return Known(
            {**other.parties, **self.parties},
            self.policy or other.policy,
            {**other.sources, **self.sources},
            [*self.notes, *other.notes],
        )


@dataclass(frozen=True)
class Examined:
    """A bundle that was read and verified: the report, and what it was judged by."""

    data: bytes
    known: Known
    at: int
    report: Report


def examine(
    bundle: str,
    *,
    trust: Sequence[str],
    policy: Path | None = None,
    at: str | None = None,
    beside: "Neighbour | None" = None,
    data: bytes | None = None,
) -> Examined:
    """Read everything and verify; ``beside`` is the workspace here, ``data`` the bundle where it was read already.

    Raises :class:`Problem` for what is unreadable.
    """
    known = read_trust(trust, beside)
    if policy is not None:
        known.policy = read_policy(policy)
    now = read_instant(at) if at is not None else int(time.time())
    data, around = taken_out(read_bundle(bundle) if data is None else data)
    report = verify(data, Trust(known.parties, known.policy), now)
    notes = (*report.notes, *strays(data, report), *known.notes, *around)
    return Examined(data, known, now, replace(report, notes=notes))


def taken_out(data: bytes) -> tuple[bytes, list[str]]:
    """Return the bundle that an evidence page carries, with a note on the page; any other file as it is.

    Nothing else in the page is read. Raises :class:`Problem` for a page without a bundle.
    """
    from pourparler.service.evidencepage import NotAPage, embedded, is_ours, is_page, verifier_digest

    if not is_page(data):
        return data, []
    try:
        bundle = embedded(data)
    except NotAPage as error:
        raise Problem(
            INPUT, f"the file begins like an evidence page, and no bundle can be taken out: {error}.",
            "Perhaps it was not copied to its end; ask for the bundle itself.",
        ) from None  # fmt: skip
    digest = f"its verifier has the SHA-256 {verifier_digest()}"
    ours = f"the page around the bundle is, byte for byte, the one that this version makes; {digest}"
    other = (
        "the page around the bundle is NOT the one that this version makes: it is another version's, or was changed, "
        f"and may show something else than what is said here. In a page of this version, {digest}"
    )
    return bundle, [ours if is_ours(data, bundle) else other]


def strays(data: bytes, report: Report) -> list[str]:
    """Return a note where texts of the bundle are named by no act in it: nobody has said anything about them.

    An act names a text by its digest, which then stands in the bytes of the act's entry.
    """
    if report.registry is None:
        return []
    bundle = parse_bundle(data)
    proposed = {digest for dossier in report.registry.dossiers.values() for digest in dossier.papers}
    entries = [entry for shown in bundle.ledgers for _, entry in shown.entries]
    unproposed = [digest for digest in map(text_digest, bundle.texts) if digest not in proposed]
    number = sum(not any(digest in entry for entry in entries) for digest in unproposed)
    if not number:
        return []
    named = "1 text of the file is" if number == 1 else f"{number:,} texts of the file are"
    return [f"{named} named by no act that is shown: nobody has said anything about {'it' if number == 1 else 'them'}"]


def run(
    bundle: str,
    *,
    trust: Sequence[str],
    policy: Path | None,
    at: str | None,
    as_json: bool,
    workspace: Path | None = None,
    in_workspace: bool = False,
    entry: Path | None = None,
    vkeys: Sequence[str] = (),
    html: Path | None = None,
    text: bool = False,
    quiet: bool = False,
) -> int:
    """Verify one bundle, or one proof of another kind, and print the report; return the exit code.

    With ``in_workspace``, the parties that the workspace trusts are trusted, and ``trust`` may use its names. With
    ``html``, a page that carries the bundle is written there; with ``text``, the text of the claim is printed as well.
    """
    try:
        beside = neighbour(workspace) if in_workspace else None
        data = read_bundle(bundle)
        if data.startswith(PROOFS):
            asked = read_policy(policy) if policy is not None else read_trust(trust, beside).policy
            from pourparler.cli.proven import run as prove

            code = prove(
                bundle,
                data,
                entry=entry,
                vkeys=list(vkeys),
                policy=asked,
                as_json=as_json,
                trusts=bool(trust),
                quiet=quiet,
                text=text,
            )
            if code is not None:
                return code
        check_no_more(entry, vkeys)
        examined = examine(bundle, trust=trust, policy=policy, at=at, beside=beside, data=data)
        check_kind(bundle, examined)
        if html is not None:
            write_page(html, examined.data)
    except Problem as problem:
        return complain(problem, as_json=as_json)
    report, known, found = examined.report, examined.known, text_claimed(examined)
    if as_json:
        print(json.dumps(words.report_data(report, known.parties, examined.at, known.sources, found), indent=2))
        return words.EXIT_CODES[report.verdict]
    screen = words.Screen()
    if quiet:
        words.print_answer(screen, report.verdict, report.reason)
    else:
        words.print_report(screen, report, known.parties, known.sources)
    if text:
        show_text(screen, report, found)
    elif found is not None and not quiet and report.verdict is Verdict.VALID:
        screen.line(f"read it: pourparler verify {words.clean(bundle)} … --text", lead=words.field("text"))
    return words.EXIT_CODES[report.verdict]


def text_claimed(examined: Examined) -> Text | None:
    """Return the text that the claim names, where the bundle holds it and it can be read: by its digest it is that one,
    whatever the verdict."""
    digest = examined.report.claim.text if examined.report.claim else b""
    try:
        found = [data for data in parse_bundle(examined.data).texts if text_digest(data) == digest] if digest else []
        return parse_text(found[0]) if found else None
    except PourparlerError:
        return None


def show_text(screen: words.Screen, report: Report, text: Text | None) -> None:
    """Print the text of the claim, or why there is none."""
    screen.line()
    if text is not None:
        screen.line((text.digest.hex(), "dim"), lead=words.field("text"))
        words.tell_text(text, screen.line, words.field)
    elif report.claim and report.claim.text:
        screen.line("the file does not hold the words of the text: ask for them", lead=words.field("text"))
    else:
        screen.line("the claim is about no text", lead=words.field("text"))


def check_no_more(entry: Path | None, vkeys: Sequence[str]) -> None:
    """Raise :class:`Problem` where a bundle is given what is only asked for with a proof: nothing is passed over."""
    if entry is not None or vkeys:
        do = "A bundle names its ledgers itself: trust a party (--trust), and no ledger."
        raise Problem(USAGE, "--entry and --vkey are for proof files, receipts and statements.", do)


def write_page(path: Path, bundle: bytes) -> None:
    """Write the page that carries the bundle, in place of nothing but another page. Raises :class:`Problem`."""
    from pourparler.service.evidencepage import OPENING, is_page, page

    try:
        if path.exists():
            with path.open("rb") as file:
                if not is_page(file.read(len(OPENING))):
                    raise Problem(USAGE, f"{path} is there already, and is no evidence page.", "Name another file.")
        path.write_bytes(page(bundle))
    except OSError as error:
        raise Problem(INPUT, f"{path} cannot be written: {error.strerror}.", "Name another file.") from None


@dataclass(frozen=True)
class Neighbour:
    """The settings of the workspace here: whom it trusts, and its names; and why that is not taken, if it is not.

    Whoever can bring about that a command is run in his folder could otherwise choose whom the verifier trusts. So a
    workspace that nobody named is taken for one's own only if it holds a key; and whose trust it is, is always said.
    """

    path: Path
    names: dict[str, bytes]
    trusted: dict[bytes, str]
    why_not: str = ""

    @property
    def source(self) -> str:
        return f"by the workspace {self.path}"

    def known(self) -> Known:
        """Return whom the workspace trusts, or a note that this is not taken."""
        known = Known()
        if self.why_not:
            if self.trusted:
                known.notes.append(f"{self.path} {self.why_not}: its trust is not taken; use --trust")
            return known
        for party, how in self.trusted.items():
            known.trust(party, how.strip() or f"listed in {self.path.name}", self.source)
        return known

    def called(self, name: str) -> bytes | None:
        """Return the party that the workspace calls so, or None. Raises :class:`Problem` in nobody's workspace."""
        party = self.names.get(name)
        if party is not None and self.why_not:
            what = f"--trust {name}: {self.path} {self.why_not}: its names are not taken."
            raise Problem(USAGE, what, "Pass the party's whole id, as the party told you: --trust ID=how.")
        return party


def neighbour(given: Path | None) -> Neighbour | None:
    """Return what the workspace here says, or None without one. Raises :class:`Problem` where it cannot be read."""
    path = settings_file(given)
    if path is None:
        return None
    path = path.absolute()
    data = read_file(path, TRUST_FILE_MAX_BYTES, "the settings of a workspace")
    try:
        settings = tomllib.loads(data.decode("utf-8"))
        names = {str(name): bytes.fromhex(party) for name, party in settings.get("names", {}).items()}
        trusted = {bytes.fromhex(party): str(how) for party, how in settings.get("trust", {}).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Problem(INPUT, f"{path} is not the settings of a workspace: {error}.", "Correct it there.") from None
    if any(len(party) != 32 for party in trusted):
        raise Problem(INPUT, f"{path}: what is trusted is a party id, of 64 hex digits.", "Correct it there.")
    why_not = ""
    if settings.get("format") != FORMAT:
        why_not = "is no workspace's: it does not begin with its format"
    elif not (given or os.environ.get(WORKSPACE) or any((path.parent / "keys").glob("*.key"))):
        why_not = "holds no keys, and nobody named it with --workspace"
    return Neighbour(path, names, trusted, why_not)


def settings_file(given: Path | None) -> Path | None:
    """Return the settings of the workspace that was given, that the environment names, or the nearest one above.

    It is looked for here, and not by the workspace itself: whoever verifies relies on nothing but the core.
    """
    named = given or (Path(os.environ[WORKSPACE]) if os.environ.get(WORKSPACE) else None)
    if named is not None:
        return named / SETTINGS
    here = Path.cwd().resolve()
    return next((folder / SETTINGS for folder in (here, *here.parents) if (folder / SETTINGS).is_file()), None)


COURIERS = b"pourparler/1 dispatch"  # stands in a courier's file, behind its seals


def check_kind(name: str, examined: Examined) -> None:
    """Raise :class:`Problem` for a file that is plainly of another kind: it claims nothing, and is no evidence at all.
    What might have been a bundle once, and is spoilt, is INVALID."""
    looks = looks_like(examined.data) if examined.report.claim is None else ""
    where = "standard input" if name == "-" else name
    if examined.report.claim is None and examined.data.startswith(b"\xa3") and COURIERS in examined.data:
        what = f"{where} is a courier's file, and makes no claim of its own."
        raise Problem(INPUT, what, "Bring it to a node: pourparler dispatch receive FILE [--policy FILE]")
    if looks:
        what = f"{where} is no evidence bundle: it looks like {looks}."
        raise Problem(INPUT, what, "Is it the right file? Evidence is what `dossier export` writes.")


# --- reading ----------------------------------------------------------------------------------------------------------


def read_bundle(name: str) -> bytes:
    """Return the bundle, or the page that carries one, in a file, or on standard input where the name is ``-``. Raises
    :class:`Problem`."""
    where = "standard input" if name == "-" else name
    if name == "-":
        data = sys.stdin.buffer.read(PAGE_MAX_BYTES + 1)
    else:
        data = read_beginning(Path(name), PAGE_MAX_BYTES, "a bundle")
    from pourparler.service.evidencepage import is_page

    if is_page(data):
        return bounded(data, PAGE_MAX_BYTES, where, "an evidence page")
    return bounded(data, limits.EVIDENCE_MAX_BYTES, where, "a bundle")


def read_trust(values: Sequence[str], beside: Neighbour | None = None) -> Known:
    """Return what ``--trust`` names: party ids, each with how it was learnt, names of the workspace, or files.

    Raises :class:`Problem`. What is said on the command line itself goes before what a file says, and that before
    what the workspace says.
    """
    said, filed = Known(), Known()
    for value in values:
        name, _, how = value.partition("=")
        if match := PARTY_ID.fullmatch(value):
            said.trust(bytes.fromhex(match[1]), (match[2] or "").strip() or UNSAID)
        elif beside and not Path(value).is_file() and (party := beside.called(name)):
            said.trust(party, how.strip() or UNSAID, f"called {name} {beside.source}")
        elif value.endswith((".json", ".toml")) or Path(value).is_file():
            read_trust_file(Path(value), filed)
        else:
            begins = value.partition("=")[0]
            digits = re.fullmatch(r"[0-9a-fA-F]+", begins)
            what = f"it has {len(begins)} digits" if digits else "this is neither hex nor a file"
            raise Problem(
                USAGE,
                f"--trust {value}: {what}.",
                "A party id is exactly 64 hex digits, whole: ID, ID=how you learnt it, or a .json or .toml file.",
            )
    return said.before(filed).before(beside.known() if beside else Known())


def read_trust_file(path: Path, known: Known) -> None:
    """Read a trust file: ``parties`` maps each id to how it was learnt; ``policy`` may name a policy file beside it."""
    data = read_file(path, TRUST_FILE_MAX_BYTES, "a trust file")
    try:
        text = data.decode("utf-8")
        value: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON"
        raise Problem(USAGE, f"{path} is not {kind}: {error}.") from None
    shape = 'A trust file is {"parties": {"64 hex digits": "how you learnt it"}, "policy": "a file, if any"}.'
    parties = value.get("parties") if isinstance(value, dict) else None
    if not isinstance(parties, dict) or set(value) - {"parties", "policy"}:
        raise Problem(USAGE, f"{path} is not a trust file.", shape)
    for party, how in parties.items():
        match = PARTY_ID.fullmatch(party)
        if not match or match[2] is not None or not isinstance(how, str):
            raise Problem(USAGE, f"{path}: {party!r} is not a party id with how it was learnt.", shape)
        known.trust(bytes.fromhex(party), how.strip() or f"listed in {path.name}", f"by the file {path}")
    if "policy" in value:
        if not isinstance(value["policy"], str):
            raise Problem(USAGE, f"{path}: policy is the name of a file.", shape)
        known.policy_file = path.parent / value["policy"]
        known.policy = read_policy(known.policy_file)


def read_policy(path: Path) -> Policy:
    """Return a policy of witnesses (c2sp.org/tlog-policy). Raises :class:`Problem`."""
    try:
        return parse_policy(read_file(path, limits.TLOG_POLICY_MAX_BYTES, "a policy"))
    except PourparlerError as error:
        do = "A policy has lines of log, witness, group and one quorum; see c2sp.org/tlog-policy."
        if error.reason == "policy.quorum":
            do = "It ends with one line: quorum NAME, of a witness or a group above it; or quorum none."
        raise Problem(USAGE, f"{path} is not a policy of witnesses: {error}.", do) from None


def read_instant(text: str) -> int:
    """Return an instant in seconds since 1970: digits are that already; ISO 8601 is in UTC unless it says otherwise."""
    wrong = Problem(
        USAGE, f"--at {text}: not an instant.", "Write 1917-12-17T11:00Z, 1917-12-17, or seconds since 1970."
    )
    try:
        if re.fullmatch(r"-?\d{1,15}", text):
            seconds = int(text)
        else:
            read = datetime.fromisoformat(text)
            read = read if read.tzinfo else read.replace(tzinfo=UTC)
            seconds = (read - words.EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise wrong from None
    if not limits.TIME_MIN <= seconds <= limits.TIME_MAX:
        raise wrong
    return seconds


# What people send by mistake, by how it begins.
