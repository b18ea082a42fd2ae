"""Witnessing: a ledger's checkpoint goes to the witnesses of a policy, and what they cosign comes back.

A ledger has two heads. The *committed* one is its newest checkpoint; the *witnessed* one is the largest checkpoint
whose cosigners meet the policy's quorum. A ledger with a policy publishes the witnessed one and nothing beyond it, so
that whatever a stranger holds of it, others hold too: a cut line to the witnesses delays and never forks.

A witness may also say that the ledger told another story, or more than is stored here (``spec/witness.md`` section 5).
Then both checkpoints are kept for whoever has to be shown, and the one that was witnessed before stays.
"""

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.council import Depositary
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import (
    ADD_CHECKPOINT,
    SIZE_CONTENT_TYPE,
    AddCheckpoint,
    Checkpoint,
    Cosignature,
    NodeReader,
    Policy,
    PolicyWitness,
    VerifierKey,
    consistency_path,
    frontier_of,
    monitoring_path,
    open_checkpoint,
    parse_policy,
    parse_size_answer,
    quorum_met,
    read_cosignatures,
    signed_note,
    split_note,
    verify_consistency,
)
from pourparler.core.ledger.witness import signature_lines_of
from pourparler.ports import Store, StoreConflict
from pourparler.service.asking import TIMEOUT_SECONDS, Reply, Unreachable, ask
from pourparler.service.intake import Intake
from pourparler.service.workspace import KnownLedger, Workspace, write_atomically

AT_ONCE = 32
TRANSACTION_ENTRIES_MAX = 512  # a stamp stands so near before its entries
TRIES = 3  # a first guess, what the 409 says, and once more where somebody else came between


class Said(StrEnum):
    """What came of asking one witness."""

    COSIGNED = "cosigned"
    NO_URL = "has no URL in the policy"
    UNREACHABLE = "not reached"
    REFUSED = "did not cosign"
    AHEAD = "has seen more"
    FORKED = "has seen another story"


ACCUSING = (Said.AHEAD, Said.FORKED)


@dataclass(frozen=True, slots=True)
class Word:
    """One witness's word. ``why`` is a sentence where it did not cosign; ``size`` what it remembers, where it said so;
    ``shown`` the checkpoint that it remembers, where that bears the ledger's signature and contradicts what is here."""

    witness: PolicyWitness
    said: Said
    why: str = ""
    cosignature: Cosignature | None = None
    line: bytes = b""
    size: int | None = None
    shown: bytes = b""

    @property
    def name(self) -> str:
        return printable_name(self.witness)


def printable_name(witness: PolicyWitness) -> str:
    """Return a witness's name in its policy for people; two names never become one."""
    name = witness.name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in name)


@dataclass(frozen=True, slots=True)
class Round:
    """What came of asking all witnesses about one checkpoint: ``note`` is it with all cosignatures there are, ``met``
    whether they are a quorum."""

    checkpoint: Checkpoint
    note: bytes
    met: bool
    words: tuple[Word, ...]

    @property
    def contradicted(self) -> bool:
        """Whether a witness shows a checkpoint of the ledger that does not fit: proof, and not only its word."""
        return any(word.shown for word in self.words)

    @property
    def accusing(self) -> tuple[Word, ...]:
        """The witnesses that say that the ledger told another story, or more than is stored."""
        return tuple(word for word in self.words if word.said in ACCUSING)


@dataclass(frozen=True, slots=True)
class Head:
    """A ledger's head as it is put to witnesses: its key, its newest checkpoint as a note, and the tree below it."""

    key: VerifierKey
    note: bytes
    node: NodeReader

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint. Raises :class:`PourparlerError` where the note is not this ledger's."""
        return open_checkpoint(self.note, self.key.name, self.key).checkpoint

    def root_at(self, size: int) -> bytes:
        """Return the root that the tree had with its first ``size`` entries."""
        return frontier_of(size, self.node).root()

    def stores(self, size: int) -> bool:
        """Whether the store, read again, has so many entries."""
        try:
            self.root_at(size)
        except (KeyError, PourparlerError):
            return False
        return True

    def contradicts(self, size: int, root: bytes) -> bool:
        """Whether a checkpoint of as many entries as are here, or fewer, is of another tree: then the ledger's two
        signatures prove that it told two stories."""
        return size <= self.checkpoint.size and self.root_at(size) != root

    def holds(self, later: Checkpoint) -> bool:
        """Whether the store, read again, has grown to a later checkpoint from this one: then the two are one story."""
        own = self.checkpoint
        if later.size <= own.size:
            return False
        try:
            path = consistency_path(own.size, later.size, self.node)
            verify_consistency(own.size, own.root, later.size, later.root, path)
        except (KeyError, PourparlerError):  # it has not grown so far, or otherwise
            return False
        return True


def head_of(depositary: Depositary, store: Store) -> Head | None:
    """Return the newest head of a stored ledger, or None before its first transaction."""
    note = store.checkpoint()
    return Head(ledger_key(depositary), note, store.node) if note is not None else None


# --- asking -----------------------------------------------------------------------------------------------------------


def witness_ledger(
    depositary: Depositary,
    store: Store,
    policy: Policy,
    *,
    seconds: float = TIMEOUT_SECONDS,
    tell: Callable[[Word], None] = lambda _: None,
) -> Round:
    """Ask all witnesses of a policy to cosign the newest checkpoint, and keep it as witnessed where a quorum has.

    ``tell`` hears of each as it answers. Raises :class:`Refused` (``checkpoint.unsigned``) where the ledger has no
    checkpoint yet, and :class:`StoreError`.
    """
    head = head_of(depositary, store)
    if head is None:
        raise Refused("checkpoint.unsigned", "the ledger has no checkpoint yet")
    found = ask_all(head, policy, before=store.witnessed(), seconds=seconds, tell=tell)
    keep_witnessed(head.key, store, found)
    return found


def keep_witnessed(key: VerifierKey, store: Store, found: Round) -> bool:
    """Keep a checkpoint as the witnessed one where its cosigners are a quorum; return whether it is that now.

    Where a witness shows proof that the ledger told another story, nothing is witnessed anew; its mere word stops
    nobody, or one liar could. Raises :class:`StoreError`.
    """
    if not found.met or found.contradicted:
        return False
    try:
        store.set_witnessed(found.checkpoint.size, found.note, beside=says_more(store, found))
    except StoreConflict:
        held = store.witnessed()  # another round was faster, with a larger tree
        if held is None or size_of(key, held) < found.checkpoint.size:
            raise
    return True


def says_more(store: Store, found: Round) -> bool:
    """Return whether a witness's cosignature is the first of its size that is kept, or nearer to the time of the
    entries than those are: then it can prove what they cannot."""
    size, keys = found.checkpoint.size, [word.witness.key for word in found.words]
    held = [note for _, note in takewhile(lambda kept: kept[0] == size, store.witnessed_notes(size - 1))]
    time, nearest = time_of(store, size - 1), dict[VerifierKey, int]()
    for cosignature in (one for note in held for one in cosignatures_on(note, keys)):
        away = abs(cosignature.time - time)
        nearest[cosignature.key] = min(away, nearest.get(cosignature.key, away))
    return any(
        one.key not in nearest or abs(one.time - time) < nearest[one.key] for one in cosignatures_on(found.note, keys)
    )


def time_of(store: Store, index: int) -> int:
    """Return the log time of an entry, or 0 in a log of something else: its stamp stands a few entries before."""
    for at in range(index, max(-1, index - TRANSACTION_ENTRIES_MAX), -1):
        with contextlib.suppress(PourparlerError):
            act = parse_act(store.entry(at).data)
            if act.kind == "stamp":
                return int(act["at"])
    return 0


def size_of(key: VerifierKey, note: bytes) -> int:
    return open_checkpoint(note, key.name, key).checkpoint.size


def ask_all(
    head: Head,
    policy: Policy,
    *,
    before: bytes | None = None,
    seconds: float = TIMEOUT_SECONDS,
    tell: Callable[[Word], None] = lambda _: None,
) -> Round:
    """Ask all witnesses at the same time, each URL once; ``before`` is the checkpoint that was witnessed last."""
    checkpoint = head.checkpoint
    known = {witness.key: witness for witness in policy.witnesses}
    hints = sizes_cosigned(head, before, policy)
    by_url: dict[bytes, list[PolicyWitness]] = {}
    for witness in policy.witnesses:
        by_url.setdefault(witness.url, []).append(witness)
    words = [Word(witness, Said.NO_URL) for witness in by_url.pop(b"", [])]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = [
            pool.submit(ask_one, head, checkpoint, there, max(hints.get(w.key, 0) for w in there), seconds)
            for there in by_url.values()
        ]
        for done in as_completed(asked):
            for word in done.result():
                words.append(word)
                tell(word)
    order = {key: number for number, key in enumerate(known)}
    words.sort(key=lambda word: order[word.witness.key])
    note = gathered(head, policy, before, words)
    opened = open_checkpoint(note, head.key.name, head.key, known)
    return Round(checkpoint, note, quorum_met(policy, opened.cosigners()), tuple(words))


def sizes_cosigned(head: Head, before: bytes | None, policy: Policy) -> dict[VerifierKey, int]:
    """Return what each witness is known to have cosigned last: the first guess at what it remembers."""
    if before is None:
        return {}
    opened = open_checkpoint(before, head.key.name, head.key, [witness.key for witness in policy.witnesses])
    return {cosignature.key: opened.checkpoint.size for cosignature in opened.cosignatures}


def gathered(head: Head, policy: Policy, before: bytes | None, words: Sequence[Word]) -> bytes:
    """Return the checkpoint with the ledger's signature and every cosignature there is, the newest of each witness;
    one of ``before`` stays where it is of the same checkpoint and its witness did not answer."""
    text, _ = split_note(head.note)
    lines = {word.witness.key: word.line for word in words if word.line}
    if before is not None and split_note(before)[0] == text:
        for witness in policy.witnesses:
            for line in signature_lines_of(before, [witness.key]):
                lines.setdefault(witness.key, line)
    own = signature_lines_of(head.note, [head.key])
    keys = fitting(policy, list(lines), limits.NOTE_SIGNATURES_MAX - len(own))
    return signed_note(text, [*own, *(lines[key] for key in keys)])


def fitting(policy: Policy, keys: Sequence[VerifierKey], most: int) -> list[VerifierKey]:
    """Return as many of the cosigners as a note has room for, so that they are a quorum still if they were one."""
    kept = list(keys)
    for key in reversed(keys):
        fewer = [one for one in kept if one != key]
        if len(kept) > most and quorum_met(policy, {one.public_key for one in fewer}):
            kept = fewer
    return kept[:most]


def ask_one(
    head: Head, checkpoint: Checkpoint, there: Sequence[PolicyWitness], hint: int, seconds: float
) -> list[Word]:
    """Ask at one URL; return the word of each of the policy's witnesses that has it (one may have several keys)."""
    url = there[0].url.decode("latin-1").rstrip("/")
    old = min(hint, checkpoint.size)
    try:
        for _ in range(TRIES):
            body = AddCheckpoint(old, consistency_path(old, checkpoint.size, head.node), head.note).encoded()
            reply = ask(f"{url}/{ADD_CHECKPOINT}", body, most=limits.WITNESS_BODY_MAX_BYTES, seconds=seconds)
            if reply.status != 409 or reply.content_type != SIZE_CONTENT_TYPE:
                return [read_reply(head, checkpoint, witness, reply, url, seconds) for witness in there]
            old = parse_size_answer(reply.body)
            if old > checkpoint.size:
                return [accused(head, witness, Said.AHEAD, url, seconds, old) for witness in there]
        return [Word(witness, Said.REFUSED, "it names another size each time", size=old) for witness in there]
    except Unreachable as error:
        return [Word(witness, Said.UNREACHABLE, str(error)) for witness in there]
    except PourparlerError as error:
        return [Word(witness, Said.REFUSED, f"its answer cannot be read: {error}") for witness in there]


def read_reply(
    head: Head, checkpoint: Checkpoint, witness: PolicyWitness, reply: Reply, url: str, seconds: float
) -> Word:
    """Return what a witness's answer is, of any but a 409 that names a size."""
    if reply.status in (409, 422):
        return accused(head, witness, Said.FORKED, url, seconds, None)
    if reply.status != 200:
        return Word(witness, Said.REFUSED, f"it answers {reply.status}: {reply.sentence()}")
    try:
        found = read_cosignatures(checkpoint.text(), reply.body, [witness.key])
    except PourparlerError as error:
        return Word(witness, Said.REFUSED, f"its cosignature does not count: {error}")
    if not found:
        return Word(witness, Said.REFUSED, "it cosigned with another key than the policy's")
    ((cosignature, line),) = found
    return Word(witness, Said.COSIGNED, "", cosignature, line, checkpoint.size)


# --- what witnesses remember ------------------------------------------------------------------------------------------


def accused(head: Head, witness: PolicyWitness, said: Said, url: str, seconds: float, size: int | None) -> Word:
    """Return the word of a witness that remembers what does not fit, with the proof where it shows one."""
    what = f"it has cosigned {size:,} entries" if size is not None else "it says that this is another history"
    if size is not None and head.stores(size):
        said = Said.REFUSED  # a size alone accuses nobody where there are as many here by now
    try:
        shown = shown_by(head, witness, url, seconds)
    except (Unreachable, PourparlerError) as error:
        return Word(witness, said, f"{what}; it does not show the checkpoint: {error}", size=size)
    if shown is None:
        return Word(witness, said, f"{what}; it does not show the checkpoint", size=size)
    note, seen = shown
    if head.holds(seen):
        what = f"another round was faster: it has cosigned {seen.size:,} entries, and they are stored here"
        return Word(witness, Said.REFUSED, what, size=seen.size)
    if seen.size > head.checkpoint.size:
        return Word(witness, Said.AHEAD, f"the ledger signed {seen.size:,} entries", size=seen.size, shown=note)
    if head.root_at(seen.size) != seen.root:
        what = f"the ledger signed another root of {seen.size:,} entries"
        return Word(witness, Said.FORKED, what, size=seen.size, shown=note)
    return Word(witness, Said.REFUSED, f"{what}, and shows a checkpoint that fits", size=seen.size)


def shown_by(head: Head, witness: PolicyWitness, url: str, seconds: float) -> tuple[bytes, Checkpoint] | None:
    """Return the checkpoint that a witness shows, verified to be the ledger's; None where it shows none.

    Raises :class:`Unreachable`, and :class:`PourparlerError` where the checkpoint is not this ledger's.
    """
    path = monitoring_path(head.key.name)
    reply = ask(f"{url}/{path}", most=limits.NOTE_MAX_BYTES, seconds=seconds)
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise Unreachable(f"it answers {reply.status} when asked for it")
    opened = open_checkpoint(reply.body, head.key.name, head.key, [witness.key])
    return reply.body, opened.checkpoint


@dataclass(frozen=True, slots=True)
class SeenHead:
    """What a witness remembers of a ledger: ``size`` (None: it did not say), ``root`` and the checkpoint as a ``note``
    where it shows that; ``why`` where it did not say."""

    size: int | None
    root: bytes | None = None
    note: bytes = b""
    why: str = ""


def heads_seen(policy: Policy, head: Head, *, seconds: float = TIMEOUT_SECONDS) -> dict[str, SeenHead]:
    """Return, by its name in the policy, what each witness remembers of a ledger; nothing is decided here.

    A witness that shows no checkpoint is sent the newest one with ``old 0``, and names its size in its refusal. One
    that has seen nothing yet cosigns it, which is what it is for; its size is then 0.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        asked = {printable_name(one): pool.submit(head_seen, one, head, seconds) for one in policy.witnesses}
        return {name: found.result() for name, found in asked.items()}


def head_seen(witness: PolicyWitness, head: Head, seconds: float) -> SeenHead:
    url = witness.url.decode("latin-1").rstrip("/")
    if not url:
        return SeenHead(None, why=Said.NO_URL)
    try:
        shown = shown_by(head, witness, url, seconds)
        if shown is not None:
            return SeenHead(shown[1].size, shown[1].root, shown[0])
        body = AddCheckpoint(0, (), head.note).encoded()
        reply = ask(f"{url}/{ADD_CHECKPOINT}", body, most=limits.WITNESS_BODY_MAX_BYTES, seconds=seconds)
        if reply.status == 200:
            return SeenHead(0)
        if (reply.status, reply.content_type) == (409, SIZE_CONTENT_TYPE):
            return SeenHead(parse_size_answer(reply.body))
        return SeenHead(None, why=f"it answers {reply.status}: {reply.sentence()}")
    except (Unreachable, PourparlerError) as error:
        return SeenHead(None, why=str(error))


# --- a ledger's policy, and what it publishes -------------------------------------------------------------------------


def policy_path(workspace: Workspace, ledger: KnownLedger) -> Path:
    """Return where the policy of a ledger lies, or would: beside its database."""
    return workspace.ledgers / Path(ledger.file).with_suffix(".policy").name


def policy_of(workspace: Workspace, ledger: KnownLedger) -> Policy | None:
    """Return the policy by which a ledger is witnessed, or None. Raises :class:`PourparlerError`, ``OSError``."""
    path = policy_path(workspace, ledger)
    return parse_policy(path.read_bytes()) if path.exists() else None


def set_policy(workspace: Workspace, ledger: KnownLedger, data: bytes) -> Policy:
    """Let a ledger be witnessed by this policy from now on, and publish nothing else.

    Raises :class:`PourparlerError` for what is no policy, and :class:`Refused` (``checkpoint.origin``) where it lists
    logs and this ledger is none of them.
    """
    policy = parse_policy(data)
    key = ledger_key(ledger.depositary)
    if policy.logs and key.public_key not in {log.key.public_key for log in policy.logs}:
        raise Refused("checkpoint.origin", f"the policy lists logs, and {ledger.origin} is none of them")
    write_atomically(policy_path(workspace, ledger), data)
    return policy


def drop_policy(workspace: Workspace, ledger: KnownLedger) -> None:
    """Let a ledger publish what it has committed, witnessed or not."""
    policy_path(workspace, ledger).unlink(missing_ok=True)


def published(store: Store, policy: Policy | None) -> bytes | None:
    """Return the checkpoint that a ledger publishes: with a policy the witnessed one, otherwise the committed one.

    None where the one that was witnessed last met the policy of another day, and not this one.
    """
    if policy is None:
        return store.checkpoint()
    note = store.witnessed()
    return note if note is not None and meets(policy, note) else None


@lru_cache(maxsize=64)  # a server asks for every file that it answers with
def meets(policy: Policy, note: bytes) -> bool:
    """Return whether the cosigners of a stored checkpoint make up the quorum of a policy."""
    cosigned = cosignatures_on(note, [witness.key for witness in policy.witnesses])
    return quorum_met(policy, {cosignature.key.public_key for cosignature in cosigned})


def sound(policy: Policy, key: VerifierKey, note: bytes) -> bool:
    """Return whether no known signature on a ledger's checkpoint fails, its own and the policy's witnesses': one that
    does refuses the note, and evidence with it."""
    try:
        open_checkpoint(note, key.name, key, [witness.key for witness in policy.witnesses])
    except PourparlerError:
        return False
    return True


def publish_again(store: Store, key: VerifierKey, policy: Policy) -> None:
    """Publish the newest checkpoint among those that are kept that meets the policy: a ledger was brought back from a
    copy, and what its witnesses saw came with it. Raises :class:`StoreError`."""
    held = store.witnessed()
    least = size_of(key, held) if held is not None else 0
    met = [(size, note) for size, note in store.witnessed_notes(least) if meets(policy, note)]
    if met:
        store.set_witnessed(*met[-1])


def cosignatures_on(note: bytes, keys: Iterable[VerifierKey]) -> list[Cosignature]:
    """Return the cosignatures by these keys that a note carries, verified; one that cannot be verified is none."""
    text, found = split_note(note)[0], []
    for key in keys:
        with contextlib.suppress(PourparlerError):
            for line in signature_lines_of(note, [key]):
                found += [cosignature for cosignature, _ in read_cosignatures(text, line, [key])]
    return found


def keep_contradiction(workspace: Workspace, head: Head, word: Word) -> tuple[Path, Path] | None:
    """Write our checkpoint and the one that a witness shows beside the ledgers, each a note that any tool opens; return
    where, or None where it shows none."""
    if not word.shown:
        return None
    seen = open_checkpoint(word.shown, head.key.name, head.key, [word.witness.key]).checkpoint
    return keep_both(workspace, head, word.name, word.shown, seen.root)


def keep_both(workspace: Workspace, head: Head, name: str, shown: bytes, root: bytes) -> tuple[Path, Path]:
    """Write our checkpoint and the one of another ``root`` that the witness ``name`` shows beside the ledgers; return
    where. Raises ``OSError``."""
    slug = re.sub(r"[^a-zA-Z0-9.-]+", "-", name).strip("-.")[:40] or "witness"
    base = workspace.ledgers / f"fork-{root.hex()[:16]}"
    ours, theirs = Path(f"{base}-ours.note"), Path(f"{base}-seen-by-{slug}.note")
    write_atomically(ours, head.note)
    write_atomically(theirs, shown)
    return ours, theirs


def keep_forks(workspace: Workspace, head: Head, found: Mapping[str, SeenHead]) -> dict[str, tuple[Path, Path]]:
    """Keep what proves a fork among the heads that witnesses remember, for whoever has to be shown; return by witness
    where. Raises ``OSError``."""
    return {
        name: keep_both(workspace, head, name, seen.note, seen.root)
        for name, seen in found.items()
        if seen.size is not None and seen.root is not None and head.contradicts(seen.size, seen.root)
    }


class WitnessedLedger:
    """A ledger with a policy as export reads it: what it shows stands under a checkpoint that a quorum has cosigned.

    Its methods are those of :class:`pourparler.service.export.Ledger`, with that contract.
    """

    def __init__(
        self,
        ledger: Intake,
        policy: Policy,
        *,
        seconds: float = TIMEOUT_SECONDS,
        heard: Callable[[Round], None] = lambda _: None,
    ) -> None:
        """``heard`` is told what the witnesses said, where they are asked."""
        self.ledger, self.policy, self.seconds, self.heard = ledger, policy, seconds, heard
        self.depositary = ledger.depositary
        self.still, self.stamp, self.stamp_of = ledger.still, ledger.stamp, ledger.stamp_of
        self.entry, self.node, self.text = ledger.entry, ledger.node, ledger.text

    def witnessed_after(self, index: int) -> Sequence[bytes]:
        """Return the checkpoints by which an entry was witnessed, up to the first that meets the policy and those of
        its size: one before it may have met another policy."""
        found: list[bytes] = []
        enough = None
        key = ledger_key(self.depositary)
        for size, note in self.ledger.store.witnessed_notes(index):
            if not sound(self.policy, key, note):  # it came with a copy
                continue
            if enough is not None and size > enough:
                break
            found.append(note)
            enough = size if enough is None and meets(self.policy, note) else enough
        return found

    def checkpoint(self) -> bytes:
        """Return the newest checkpoint, once it is witnessed; asks the witnesses where it is not.

        Raises :class:`Missing` (``witness.quorum``) where they do not make up the quorum.
        """
        store, key = self.ledger.store, ledger_key(self.depositary)
        size, held = size_of(key, self.ledger.checkpoint()), published(store, self.policy)
        if held is None or size_of(key, held) < size:
            found = witness_ledger(self.depositary, store, self.policy, seconds=self.seconds)
            self.heard(found)
            held = published(store, self.policy)
            if held is None or size_of(key, held) < size:
                raise Missing("witness.quorum", told(found))
        return held


def told(found: Round) -> str:
    """Return in a sentence why a checkpoint is not witnessed."""
    lacking = [f"{word.name} {word.said}" for word in found.words if word.said is not Said.COSIGNED]
    return f"no quorum has cosigned {found.checkpoint.size:,} entries: {'; '.join(lacking) or 'too few witnesses'}"
