"""``pourparler ledger export`` and ``pourparler ledger audit``: a ledger as files for anybody, and anybody's audit."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pourparler.cli.progress import Progress
from pourparler.cli.reading import read_file
from pourparler.cli.session import MARK, Session
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, USAGE, Problem
from pourparler.cli.verify import neighbour, read_policy
from pourparler.cli.words import clean, count, date_time, is_cut_short, quoted
from pourparler.core import limits
from pourparler.core.authority import Moment
from pourparler.core.errors import Malformed, Missing, PourparlerError
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import (
    KeyType,
    OpenCheckpoint,
    Policy,
    VerifierKey,
    open_checkpoint,
    parse_checkpoint,
    parse_vkey,
    quorum_met,
    split_note,
)
from pourparler.service import audit as auditing
from pourparler.service import tiles
from pourparler.service.books import BEGINNINGS, parse_copy
from pourparler.service.sources import Folder, Web
from pourparler.service.witnessing import policy_of, published
from pourparler.service.workspace import WorkspaceError

WEB = ("http://", "https://")
AT_ONCE = 8  # files asked of a web server at the same time
SHOWN = 20  # void acts, parties and dossiers that are shown to a person; --json has all


# --- export -----------------------------------------------------------------------------------------------------------


def export(session: Session, folder: Path) -> int | None:
    book = session.book()
    book.check_given_away()
    policy = policy_of(session.workspace, book.ledger)
    with Progress("writing the log", quiet=session.quiet) as progress:
        try:
            view = tiles.LogView(book.store, lambda: published(book.store, policy))
            done = tiles.export(view, book.depositary, folder, progress)
        except tiles.ExportError as error:
            raise Problem(INVALID if error.other_history else USAGE, error.what, error.do) from None
    vkey = ledger_key(book.depositary).text
    session.answer(
        folder=str(folder), ledger=book.ledger.origin, vkey=vkey,
        size=done.size, new=done.size - done.before, files=done.files, texts=done.texts,
    )  # fmt: skip
    new = done.size - done.before
    said = f"{count(new, 'new entry', 'new entries')}, {done.size:,} in all" if new else f"nothing new; {done.size:,}"
    session.say(
        f"{folder}: {clean(book.ledger.origin)}, {said}, {count(done.files, 'file')} written",
        lead=(f"{MARK['yes'][0]} ", MARK["yes"][1]),
    )
    session.mention("put the folder on any web server; anybody audits it with:", lead="  ")
    if not session.quiet and not session.as_json:
        session.screen.raw(f"    pourparler ledger audit {folder} --vkey {vkey}")
    return None


# --- audit ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vouched:
    """A ledger's key, and on whose word it is the ledger's; an empty word is nobody's."""

    key: VerifierKey
    by: str


def audit(session: Session, name: str, *, vkey: str | None, policy: Path | None, tree_only: bool) -> int:
    try:
        return audited(session, name, vkey=vkey, policy=policy, tree_only=tree_only)
    except OSError as error:
        if name.startswith(WEB) and error.filename is None:  # the web's, and no disk's
            do = "Check the address and your network: is the server up, and is the log's checkpoint below that address?"
            raise Problem(INPUT, f"{error}.", do) from None
        raise


def audited(session: Session, name: str, *, vkey: str | None, policy: Path | None, tree_only: bool) -> int:
    began = time.monotonic()
    rules = read_policy(policy) if policy is not None else None
    with Progress("auditing the log", quiet=session.quiet) as progress:
        log = opened(name, progress)
        try:
            note = log.note()
            origin = parse_checkpoint(split_note(note)[0], allow_extensions=True).origin
            vouched = chosen(session, log, note, origin, vkey=vkey, rules=rules)
            checkpoint = opened_note(note, vouched.key, rules)
        except PourparlerError as error:
            return no_checkpoint(session, log, error)
        report = auditing.audit(log, vouched.key, checkpoint, tree_only=tree_only, progress=progress)
    met = quorum_met(rules, checkpoint.cosigners()) if rules is not None else None
    seconds = time.monotonic() - began
    data = report_data(report, log, vouched, met, seconds)
    data["policy_lacks"] = log_line(vouched) if rules is not None and not rules.logs else None
    session.answer(**data)
    print_report(session, report, data, vouched, met)
    if rules is not None and not rules.logs:
        tell_log_line(session, policy, vouched)
    code = {auditing.WHOLE: 0, auditing.CONTRADICTED: INVALID, auditing.CANNOT_TELL: CANNOT_TELL}[report.verdict]
    return CANNOT_TELL if code == 0 and met is False else code


def opened(name: str, progress: Progress) -> auditing.Log:
    """Return the log that is meant: a web address, a folder, or a file. Raises :class:`Problem`, ``OSError``."""
    if name.startswith(WEB):

        def retrying(path: str, why: str, seconds: float) -> None:
            progress.say(f"{path}: the server {why}; trying again in {seconds:g} s")

        try:
            return auditing.TiledLog(Web(name, retrying=retrying), at_once=AT_ONCE)
        except ValueError as error:
            raise Problem(USAGE, f"{error}.", "Give the address that the log's checkpoint stands under.") from None
    path = Path(name)
    if path.is_dir():
        return auditing.TiledLog(Folder(path))
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "a copy of a ledger")
    try:
        return auditing.CopiedLog(str(path), parse_copy(data))
    except Malformed as error:
        raise Problem(
            INPUT,
            f"{path} is cut short: it is the beginning of a copy of a ledger."
            if data.startswith(BEGINNINGS) and is_cut_short(error.detail)
            else f"{path} is no copy of a ledger.",
            "Name a folder as ledger export writes it, the address of one, or a file as ledger copy writes it.",
        ) from None


def opened_note(note: bytes, key: VerifierKey, rules: Policy | None) -> OpenCheckpoint:
    witnesses = tuple(witness.key for witness in rules.witnesses) if rules is not None else ()
    return open_checkpoint(note, key.name, key, witnesses, allow_extensions=True)


def chosen(
    session: Session, log: auditing.Log, note: bytes, origin: str, *, vkey: str | None, rules: Policy | None
) -> Vouched:
    """Return the key of a ledger by the word that goes first: ``--vkey``, the policy, the workspace; at last its own.

    Raises :class:`Problem` where there is none, and :class:`PourparlerError` where it is another ledger's.
    """
    if vkey is not None:
        return Vouched(read_vkey(vkey), "--vkey")
    if rules is not None and rules.logs:
        return Vouched(key_of_policy(rules, note, origin), "the policy")
    known = known_key(session, origin)
    if known is not None:
        return Vouched(known, "this workspace")
    size = parse_checkpoint(split_note(note)[0], allow_extensions=True).size
    said = ledger_key(log.copy.depositary) if isinstance(log, auditing.CopiedLog) else None
    said = said or auditing.key_said_by(origin, log.first(size))
    if said is None:
        raise Problem(
            USAGE,
            f"nobody vouches for the key of the log {origin}, and its entries do not say it.",
            "Ask whoever keeps it, and give the key with --vkey, or a file of logs you trust with --policy.",
        )
    believe(session, said)
    return Vouched(said, "")


def read_vkey(text: str) -> VerifierKey:
    """Return the key of a log that somebody typed. Raises :class:`Problem`."""
    try:
        key = parse_vkey(text)
    except PourparlerError as error:
        raise Problem(
            USAGE, f"--vkey is no verifier key: {error.detail}.", "It reads name+8 hex digits+base64, on one line."
        ) from None
    if key.type is KeyType.COSIGNATURE_ED25519:
        raise Problem(USAGE, "--vkey is a witness's key.", "Give the log's own; witnesses stand in a --policy file.")
    return key


def key_of_policy(rules: Policy, note: bytes, origin: str) -> VerifierKey:
    """Return the key that a policy gives a log; of several, the one that has signed."""
    keys = [log.key for log in rules.logs if log.key.name == origin]
    if not keys:
        raise Missing("trust.unknown-ledger", f"the log is {origin}, and the policy lists none of that name")
    for key in keys[:-1]:
        try:
            opened_note(note, key, rules)
        except PourparlerError:
            continue
        return key
    return keys[-1]


def known_key(session: Session, origin: str) -> VerifierKey | None:
    """Return the key that the workspace here knows a ledger by, or None. Like verify, it takes no word of a workspace
    that holds no key and that nobody named: that one may have come with the log."""
    try:
        known = session.ledgers().get(origin)
    except WorkspaceError:
        if session.workspace_folder is not None:
            raise
        return None
    around = neighbour(session.workspace_folder) if known is not None else None
    if around is not None and around.why_not:
        session.mention(f"{clean(str(around.path))} {around.why_not}: its word for the log's key is not taken")
        return None
    return ledger_key(known.depositary) if known is not None else None


def believe(session: Session, key: VerifierKey) -> None:
    """Have somebody say that he takes a log's own word for its key. Raises :class:`Problem` where nobody does."""
    if session.yes:
        return
    if not session.can_ask:
        raise Problem(
            USAGE,
            f"nobody vouches for the key of {key.name}. By its own entries it is: {key.text}",
            "Ask its depositary whether that is right, and give it with --vkey, or in a --policy with the line log and "
            "the key; or --yes, to audit it by its own word.",
        )
    session.say(f"Nobody vouches for the key of {clean(key.name)}. By its own entries it is:")
    session.screen.raw(f"  {key.text}")
    session.sure("Audit it by that key?")


def no_checkpoint(session: Session, log: auditing.Log, error: PourparlerError) -> int:
    """Say why there is nothing to audit the log by; return the exit code."""
    told = isinstance(error, Missing)
    verdict = auditing.CANNOT_TELL if told else auditing.CONTRADICTED
    session.answer(log=log.name, verdict=verdict, fault={"reason": error.reason, "detail": error.detail})
    say_verdict(session, verdict, [f"{clean(error.detail or error.reason)} ", (f"[{error.reason}]", "dim")])
    session.say("Rely on nothing in it. Is it the right log, and the right key?", lead=label("do"))
    return CANNOT_TELL if told else INVALID


def log_line(vouched: Vouched) -> str:
    """Return the line of a policy file that names a log."""
    return f"log {vouched.key.text}"


def tell_log_line(session: Session, policy: Path | None, vouched: Vouched) -> None:
    """Say which line a policy lacks that names no log: with it the file alone says whose log this is."""
    sure = "" if vouched.by else ", once its depositary has told you that the key is right"
    session.mention(f"{policy} names no log. Add this line{sure}, and it needs no --vkey:", lead=label("policy"))
    if not session.quiet and not session.as_json:
        session.screen.raw(f"{label('')}{log_line(vouched)}")


# --- what it came to, as data -----------------------------------------------------------------------------------------


def report_data(
    report: auditing.Audit, log: auditing.Log, vouched: Vouched, met: bool | None, seconds: float
) -> dict[str, Any]:
    checkpoint = report.checkpoint
    registry = report.fold.registry if report.fold else None
    stamp = registry.stamp if registry else None
    data: dict[str, Any] = {
        "log": log.name,
        "verdict": report.verdict if met is not False or report.verdict != auditing.WHOLE else auditing.CANNOT_TELL,
        "audited": "tree" if report.tree_only or not report.acts else "ledger",
        "origin": checkpoint.origin,
        "vkey": vouched.key.text,
        "vouched": vouched.by or None,
        "checkpoint": {"size": checkpoint.size, "root": checkpoint.root},
        "cosignatures": [
            {"witness": one.key.name, "vkey": one.key.text, "time": one.time} for one in report.opened.cosignatures
        ],
        "quorum": met,
        "read": report.read,
        "judged": report.judged,
        "last_time": stamp.time if stamp else None,
        "fault": finding_data(report.fault) if report.fault else None,
        "unavailable": [finding_data(gap) for gap in report.gaps],
        "withheld": [finding_data(one) for one in report.withheld],
        "earlier_checkpoints": report.earlier,
        "unfit": [finding_data(one) for one in report.unfit],
        "acts": dict(sorted(report.kinds.items())),
        "void": [
            {"index": one.moment.index, "act": one.act.id, "kind": one.act.kind, "reason": one.void.reason,
             "detail": one.void.detail}
            for one in report.void() if one.void is not None
        ],
        "parties": [],
        "dossiers": [],
        "seconds": round(seconds, 3),
    }  # fmt: skip
    if registry is not None and stamp is not None:
        moment = Moment(report.judged, stamp.time)
        data["parties"] = [
            {"party": party, "name": register.spines.party.name} for party, register in registry.registers.items()
        ]
        data["dossiers"] = [
            {"dossier": dossier.id, "state": dossier.state(moment).value, "texts": len(dossier.papers)}
            for dossier in registry.dossiers.values()
        ]
    return data


def finding_data(finding: auditing.Finding) -> dict[str, Any]:
    return {"entry": finding.entry, "reason": finding.reason, "detail": finding.detail}


# --- for a person -----------------------------------------------------------------------------------------------------

WORDS = {auditing.WHOLE: "WHOLE", auditing.CONTRADICTED: "CONTRADICTED", auditing.CANNOT_TELL: "CANNOT TELL"}
BADGES = {
    auditing.WHOLE: "bold black on green",
    auditing.CONTRADICTED: "bold white on red",
    auditing.CANNOT_TELL: "bold black on yellow",
}


def label(word: str) -> str:
    return f"{word:>12}  "


def say_verdict(session: Session, verdict: str, parts: Sequence[Any]) -> None:
    session.say(*parts, lead=[(f" {WORDS[verdict]} ", BADGES[verdict]), "  "])


def print_report(
    session: Session, report: auditing.Audit, data: dict[str, Any], vouched: Vouched, met: bool | None
) -> None:
    if session.as_json:
        return
    say_verdict(session, data["verdict"], verdict_parts(report, data, met))
    print_findings(session, "unavailable", report.gaps)
    print_findings(session, "withheld", report.withheld)
    print_findings(session, "unfit", report.unfit)
    session.say(
        f"{clean(report.checkpoint.origin)}, {count(report.checkpoint.size, 'entry', 'entries')}", lead=label("log")
    )
    session.say((report.checkpoint.root.hex(), "dim"), lead=label("root"))
    word = f"as {vouched.by} has it" if vouched.by else "nobody vouches for it: the log itself says that it is this one"
    session.say(word, lead=label("key"))
    session.screen.raw(f"{label('')}{vouched.key.text}")
    print_witnesses(session, report, met)
    print_acts(session, report, data)
    session.mention(f"{data['seconds']:.1f} s", lead=label("took"))
    session.say(advice(report, met), lead=label("do"))


def print_findings(session: Session, word: str, findings: Sequence[auditing.Finding]) -> None:
    for number, one in enumerate(findings[:SHOWN]):
        where = f"entry {one.entry:,}: " if one.entry is not None else ""
        session.say(f"{where}{clean(one.detail)} [{one.reason}]", lead=label(word if number == 0 else ""))
    more(session, len(findings))


def verdict_parts(report: auditing.Audit, data: dict[str, Any], met: bool | None) -> list[Any]:
    """Return the verdict's sentence: what was found, and what was judged at all."""
    size = report.checkpoint.size
    if report.fault is not None:
        where = f"entry {report.fault.entry:,}: " if report.fault.entry is not None else ""
        return [f"{where}{clean(report.fault.detail)} ", (f"[{report.fault.reason}]", "dim")]
    if report.gaps:
        had = f"{report.read:,} of {size:,} entries were to be had and are under the checkpoint"
        return [f"{had}; {report.judged:,} could be judged. The rest is unavailable."]
    tree = f"all {count(size, 'entry', 'entries')} are under the checkpoint that the log signed"
    if not report.acts and not report.tree_only:
        return [f"{tree}, and the first is no act of a ledger: nothing could be judged but the tree."]
    if met is False:
        return [f"{tree}, and too few of the witnesses that the policy asks for have cosigned it. [witness.quorum]"]
    if data["audited"] == "tree":
        return [f"{tree}. Only the tree was audited: no entry was judged."]
    return [f"{tree}, and each is what the law makes of it: every signature, mandate and stamp was checked."]


def print_witnesses(session: Session, report: auditing.Audit, met: bool | None) -> None:
    signed = [f"{clean(one.key.name)} on {date_time(one.time)}" for one in report.opened.cosignatures]
    quorum = {True: "; the policy's quorum is met", False: "; the policy's quorum is not met", None: ""}[met]
    session.say(f"{', '.join(signed) or 'none that is known here'}{quorum}", lead=label("cosigned by"))
    if report.earlier:
        session.say(f"{count(report.earlier, 'checkpoint')}, of this tree", lead=label("earlier"))


def print_acts(session: Session, report: auditing.Audit, data: dict[str, Any]) -> None:
    registry = report.fold.registry if report.fold else None
    if registry is None or registry.stamp is None:
        return
    session.say(date_time(registry.stamp.time), lead=label("last stamp"))
    session.say(", ".join(f"{number:,} {kind}" for kind, number in data["acts"].items()), lead=label("acts"))
    for number, one in enumerate(data["void"][:SHOWN]):
        said = f"entry {one['index']:,}, {one['kind']}: {clean(one['detail'])} [{one['reason']}]"
        session.say(said, lead=label(f"{len(data['void']):,} void" if number == 0 else ""))
    more(session, len(data["void"]))
    for number, party in enumerate(data["parties"][:SHOWN]):
        said = f"{party['party'].hex()[:16]}… {quoted(party['name'])}"
        session.say(said, lead=label("parties" if number == 0 else ""))
    more(session, len(data["parties"]))
    print_dossiers(session, data["dossiers"])


def print_dossiers(session: Session, dossiers: Sequence[dict[str, Any]]) -> None:
    """Print the dossiers with their states; of many, how many there are in each state."""
    if len(dossiers) > SHOWN:
        states = Counter(dossier["state"] for dossier in dossiers)
        said = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
        session.say(f"{said}; --json has them one by one", lead=label("dossiers"))
        return
    for number, dossier in enumerate(dossiers):
        texts = count(dossier["texts"], "text")
        said = f"{dossier['dossier'].hex()[:16]}… {dossier['state']}, {texts}"
        session.say(said, lead=label("dossiers" if number == 0 else ""))


def more(session: Session, found: int) -> None:
    if found > SHOWN:
        session.say(f"and {found - SHOWN:,} more; --json has them all", lead=label(""))


def advice(report: auditing.Audit, met: bool | None) -> str:
    """Return what to do next."""
    if report.fault is not None:
        served = report.fault.reason.startswith(("tile.", "proof."))
        if served:
            return (
                "Rely on nothing in it. Take it from elsewhere: if it is the same there, the ledger itself is at fault."
            )
        return "Keep it: the ledger signed what cannot be. Show it to the other parties, and sign nothing there."
    if report.gaps:
        return "Ask for what is lacking, or take the log from elsewhere. What is withheld may be what matters."
    if not report.acts and not report.tree_only:
        return "Is it the right log? Of a log of something else, audit the tree: --tree-only."
    if met is False:
        return "Ask for a checkpoint that the witnesses have cosigned: without them, others may be shown another log."
    return "It is as of this checkpoint. Whether others are shown the same log, its witnesses say: --policy."
