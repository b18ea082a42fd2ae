"""The ledger as a record: its tree, its receipts, its proofs, and what a stranger's check of them costs.

Beside bare signature checks, the bare store, a bare sync of the disk, and pymerkle."""

import os
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter, process_time

from bench import evidence
from bench.append import raw
from bench.material import (
    LEDGER,
    ORIGIN,
    Ledger,
    Negotiation,
    NotDone,
    check,
    interleaved,
    scratch,
    signed_bytes,
)  # fmt: skip
from bench.measure import TIMES, Effort, Goal, Result, Tell, alternate, at_least, at_most, ratio, skipped
from bench.parts import replaced
from bench.rivals import Rivals, Unavailable
from pourparler.core.act import parse_act
from pourparler.core.council import Depositary
from pourparler.core.encoding import kid_of, to_be_signed
from pourparler.core.evidence import Trust, Verdict, verify
from pourparler.core.ledger import (
    Checkpoint,
    Frontier,
    KeyType,
    TlogProof,
    VerifierKey,
    cosign_note_text,
    frontier_of,
    inclusion_path,
    leaf_hash,
    open_checkpoint,
    parse_policy,
    parse_proof,
    quorum_met,
    sign_note_text,
    signed_note,
    verify_inclusion,
    verify_proof,
)
from pourparler.ports import StoredEntry
from pourparler.service.audit import WHOLE, Audit, TiledLog, audit
from pourparler.service.intake import ledger_key
from pourparler.service.sources import Folder
from pourparler.service.tiles import LogView, export
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

VERIFY = "pourparler.core.encoding:verify_ed25519"
BARE = "pynacl: the same signatures, verified and nothing else"
SUBMITTERS = 16
ENTRY_BYTES = 240  # about what an act on a text has
KEY = ledger_key(Depositary(ORIGIN, LEDGER.public_key))


# --- the tree ---------------------------------------------------------------------------------------------------------


def tree(effort: Effort, tell: Tell) -> list[Result]:
    """What the tree costs for an act, hashing and frontier, the root of each transaction included."""
    tell("the tree of a small ledger and of a large one")
    small, large = grown(min(1_000, effort.large // 10)), grown(effort.large)

    def rounds_of(frontier: Frontier) -> Callable[[], float]:
        leaves = [sha256(bytes([n % 256]) * ENTRY_BYTES).digest() for n in range(effort.acts)]

        def once() -> float:
            at = frontier
            started = process_time()
            for leaf in leaves:
                at = at.append(leaf)
                at.root()
            return (process_time() - started) / len(leaves)

        return once

    rounds = alternate(rounds_of(small), rounds_of(large), effort.rounds)
    name = f"tree work for an act at {large.size:,} entries, each in a transaction of its own"
    note = rounds.seconds_told(f"at {small.size:,}", f"at {large.size:,}")
    return [ratio(name, f"the same at {small.size:,} entries", rounds.cost, at_most(1.3), note)]


def grown(size: int) -> Frontier:
    """Return the frontier of a tree of so many entries."""
    frontier, left = Frontier(), size
    while left:
        part = min(left, 10_000)
        frontier, _ = frontier.extended([sha256(b"%d" % n).digest() for n in range(part)])
        left -= part
    return frontier


# --- one act to its receipt -------------------------------------------------------------------------------------------


def receipt(effort: Effort, tell: Tell) -> list[Result]:
    """One act to its signed, durable inclusion proof; and what 16 that wait at the same time get through."""
    with scratch() as folder:
        tell("one act to its proof, beside a sync of the disk")
        alone = latency(folder, effort)
        tell(f"{SUBMITTERS} submitters at once")
        together = [*waiting(folder, effort)]
    return [alone, *together]


def latency(folder: Path, effort: Effort) -> Result:
    ledger = Ledger.over(SqliteStore(folder / "lone.sqlite"))
    wanted = max(14, effort.acts * 2)
    begun = ledger.begun(wanted // 7)
    took: list[float] = []
    synced: list[float] = []
    with (folder / "synced").open("wb") as file:
        for negotiation in begun:
            for step, act in enumerate(negotiation.acts):
                synced.append(sync(file.fileno()))
                data, texts = act.envelope.encoded(), [negotiation.text] if step == 0 else []
                started = perf_counter()
                proof = proven(ledger, data, texts)
                took.append(perf_counter() - started)
                check_proof(proof, data)
    ledger.intake.close()
    slow, middle = percentile(took, 99), statistics.median(synced)
    note = (
        f"99% of {len(took)} acts within {slow * 1e3:.2f} ms, half within {statistics.median(took) * 1e3:.2f} ms; "
        f"a sync of 4 KiB {middle * 1e3:.2f} ms, 99% within {percentile(synced, 99) * 1e3:.2f} ms"
    )
    name = "one lone act to its signed and durable inclusion proof, the slowest of a hundred"
    return Result(name, slow / middle, TIMES, "the median sync of this disk", at_most(25), note=note)


def sync(descriptor: int) -> float:
    """Write a page and sync it; return the seconds."""
    started = perf_counter()
    os.pwrite(descriptor, os.urandom(4096), 0)
    os.fsync(descriptor)
    return perf_counter() - started


def percentile(found: Sequence[float], percent: int) -> float:
    return sorted(found)[min(len(found) - 1, len(found) * percent // 100)]


def proven(ledger: Ledger, data: bytes, texts: Sequence[bytes]) -> TlogProof:
    """Submit one act; return its inclusion proof under the signed checkpoint."""
    intake = ledger.intake
    got = intake.submit(data, texts)
    return TlogProof(got.index, inclusion_path(got.size, got.index, intake.node), intake.checkpoint())


def check_proof(proof: TlogProof, entry: bytes) -> None:
    if verify_proof(proof, entry, ORIGIN, KEY).checkpoint.size <= proof.index:
        raise NotDone("a proof of an entry that is not there")


def waiting(folder: Path, effort: Effort) -> Iterator[Result]:
    ledger = Ledger.over(SqliteStore(folder / "waiting.sqlite"))
    each = max(1, effort.acts // 7 // SUBMITTERS)

    def shared(*, checked: bool) -> float:
        rows = [ledger.begun(each) for _ in range(SUBMITTERS)]
        with doubtless(not checked):
            return together(ledger, rows)

    def stored() -> float:
        return store_only(folder / "store.sqlite", ledger.begun(each * SUBMITTERS))

    rounds = alternate(stored, lambda: shared(checked=False), effort.rounds)
    note = rounds.seconds_told("stored only", "an act")
    name = f"{SUBMITTERS} submitters that wait, acts already verified"
    baseline = "the store: the same entries in commits of as many, nothing judged"
    yield ratio(name, baseline, rounds.speed, at_least(0.6), note)

    keys = {side.links[-1].id: side.holder.public_key for side in (ledger.buyer, ledger.seller)}
    signed = [signed_bytes(act, keys[act["by"]]) for n in ledger.begun(each * SUBMITTERS) for act in n.acts]
    rounds = alternate(lambda: raw(signed), lambda: shared(checked=True), effort.rounds)
    note = rounds.seconds_told("a bare check", "an act")
    name = f"{SUBMITTERS} submitters that wait, acts verified, folded and durable"
    yield ratio(name, BARE, rounds.speed, at_least(0.55), note)
    ledger.intake.close()


@contextmanager
def doubtless(trusting: bool) -> Iterator[None]:
    """Let no signature be checked, where the acts count as verified already."""
    if not trusting:
        yield
        return
    with replaced(VERIFY, lambda _: lambda public_key, message, signature: None):
        yield


def together(ledger: Ledger, rows: Sequence[Sequence[Negotiation]]) -> float:
    """Let each row's acts be submitted one after the other by a thread of its own; return the seconds for an act."""
    failed: list[Exception] = []

    def submit(negotiations: Sequence[Negotiation]) -> None:
        try:
            for negotiation in negotiations:
                for step, act in enumerate(negotiation.acts):
                    texts = [negotiation.text] if step == 0 else []
                    check(ledger.intake.submit_many([act.envelope.encoded()], texts))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=submit, args=(row,)) for row in rows]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = perf_counter() - started
    if failed:
        raise failed[0]
    return spent / sum(len(n.acts) for row in rows for n in row)


def store_only(path: Path, negotiations: Sequence[Negotiation]) -> float:
    """Store the same acts in commits of sixteen, each with a checkpoint; return the seconds for an act."""
    rows = [[(n.acts[step], n.text if step == 0 else None) for n in negotiations] for step in range(7)]
    acts = [row for rows_ in rows for row in rows_]
    store, frontier = SqliteStore(path), Frontier()
    with closing(store):
        if store.size():
            raise NotDone(f"{path} is not empty")
        started = perf_counter()
        for start in range(0, len(acts), SUBMITTERS):
            part = acts[start : start + SUBMITTERS]
            data = [act.envelope.encoded() for act, _ in part]
            first = frontier.size
            frontier, nodes = frontier.extended([leaf_hash(entry) for entry in data])
            entries = [StoredEntry(first + n, part[n][0].id, entry) for n, entry in enumerate(data)]
            with store.transaction() as transaction:
                transaction.append(entries, nodes)
                for _, text in part:
                    if text is not None:
                        transaction.put_text(sha256(text).digest(), text)
                transaction.set_checkpoint(frontier.size, note_of(frontier))
        spent = perf_counter() - started
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return spent / len(acts)


def note_of(frontier: Frontier, *cosigners: tuple[VerifierKey, Key]) -> bytes:
    text = Checkpoint(ORIGIN, frontier.size, frontier.root()).text()
    lines = [sign_note_text(text, KEY, LEDGER.sign)]
    lines += [cosign_note_text(text, key, 1_800_000_000, signer.sign) for key, signer in cosigners]
    return signed_note(text, lines)


# --- proofs from a large ledger ---------------------------------------------------------------------------------------

PYMERKLE = "pymerkle on SQLite, the same entries"
PROOFS, APPENDS = "inclusion proofs from a ledger of {:,} entries", "appends to it, one by one and durable"


def proofs(effort: Effort, tell: Tell) -> list[Result]:
    size = effort.large
    with scratch() as folder:
        tell(f"a ledger of {size:,} entries")
        store = filled(folder / "ledger.sqlite", size)
        try:
            return [*beside_pymerkle(store, folder, size, effort, tell)]
        finally:
            store.close()


def filled(path: Path, size: int) -> SqliteStore:
    store, frontier = SqliteStore(path), Frontier()
    for start in range(0, size, 10_000):
        part = [entry_of(index) for index in range(start, min(size, start + 10_000))]
        frontier, nodes = frontier.extended([leaf_hash(entry) for entry in part])
        entries = [StoredEntry(start + n, sha256(entry).digest(), entry) for n, entry in enumerate(part)]
        with store.transaction() as transaction:
            transaction.append(entries, nodes)
            transaction.set_checkpoint(frontier.size, note_of(frontier))
    return store


def entry_of(index: int) -> bytes:
    return index.to_bytes(8, "big") + bytes(ENTRY_BYTES - 8)


def beside_pymerkle(store: SqliteStore, folder: Path, size: int, effort: Effort, tell: Tell) -> Iterator[Result]:
    goals: tuple[tuple[str, Goal], ...] = ((PROOFS.format(size), at_least(50)), (APPENDS, at_least(1)))
    chance, root = Random(size), Frontier(store.size(), frontier_hashes(store)).root()

    def prove() -> float:
        indexes = [chance.randrange(size) for _ in range(effort.acts)]
        started = perf_counter()
        paths = [inclusion_path(size, index, store.node) for index in indexes]
        spent = perf_counter() - started
        check_path(store, size, indexes[-1], paths[-1], root)
        return spent / len(indexes)

    numbers = count(size)

    def append() -> float:
        frontier = Frontier(store.size(), frontier_hashes(store))
        entries = [entry_of(next(numbers)) for _ in range(max(2, effort.acts // 10))]
        started = perf_counter()
        for entry in entries:
            index = frontier.size
            frontier, nodes = frontier.extended([leaf_hash(entry)])
            with store.transaction() as transaction:
                transaction.append([StoredEntry(index, sha256(entry).digest(), entry)], nodes)
                transaction.set_checkpoint(frontier.size, note_of(frontier))
        return (perf_counter() - started) / len(entries)

    try:
        with Rivals() as rivals:
            tell(f"pymerkle with {size:,} entries")
            rivals.ask("pymerkle_fill", path=str(folder / "pymerkle.sqlite"), size=size, width=ENTRY_BYTES)
            tell("proofs, beside pymerkle's")
            rounds = max(3, effort.rounds // 3)
            found = alternate(lambda: rivals.seconds("pymerkle_prove", times=2), prove, rounds)
            yield ratio(*named(goals[0]), found.speed, goals[0][1], found.seconds_told("pymerkle", "a proof"))
            tell("appends, beside pymerkle's")
            found = alternate(lambda: rivals.seconds("pymerkle_append", times=10), append, rounds)
            more = f"{found.seconds_told('pymerkle', 'an append')}; ours with a signed checkpoint each"
            yield ratio(*named(goals[1]), found.speed, goals[1][1], more)
    except Unavailable as why:
        prove(), append()
        for name, goal in goals:
            yield skipped(name, TIMES, PYMERKLE, str(why), goal)


def named(line: tuple[str, Goal]) -> tuple[str, str]:
    return line[0], PYMERKLE


def frontier_hashes(store: SqliteStore) -> tuple[bytes, ...]:
    return frontier_of(store.size(), store.node).hashes


def check_path(store: SqliteStore, size: int, index: int, path: tuple[bytes, ...], root: bytes) -> None:
    verify_inclusion(leaf_hash(store.entry(index).data), index, size, path, root)


# --- audits -----------------------------------------------------------------------------------------------------------

HASHING = "the bare leaf hashes of the same entries"


def audits(effort: Effort, tell: Tell) -> list[Result]:
    """A whole ledger read as a stranger reads it, from its static files: judged by the law, and its tree alone."""
    with scratch() as folder:
        tell("a ledger of talks to audit")
        judged = by_law(folder / "talks", effort)
        tell(f"a log of {effort.large:,} entries to hash")
        return [judged, tree_alone(folder / "log", effort)]


def by_law(folder: Path, effort: Effort) -> Result:
    ledger = Ledger.over(MemoryStore())
    for group in interleaved(ledger.begun(max(2, effort.acts // 7))):
        ledger.take(group.acts, group.texts)
    depositary = ledger.intake.depositary
    export(LogView(ledger.intake.store), depositary, folder)
    signed = list(signatures(ledger))

    def once() -> float:
        started = process_time()
        found = audited(folder, tree_only=False)
        if found.judged != ledger.intake.size or len(found.void()) > 0:
            raise NotDone(f"the audit judged {found.judged} of {ledger.intake.size} entries, {len(found.void())} void")
        return (process_time() - started) / len(signed)

    rounds = alternate(lambda: raw(signed, process_time), once, effort.rounds)
    note = f"{rounds.seconds_told('a bare check', 'a signature of the ledger')}; {ledger.intake.size:,} entries"
    return ratio("audit of a ledger of talks, in one process", BARE, rounds.speed, at_least(0.65), note)


def tree_alone(folder: Path, effort: Effort) -> Result:
    store = filled(folder.with_suffix(".sqlite"), effort.large)
    export(LogView(store), Depositary(ORIGIN, LEDGER.public_key), folder)
    store.close()

    def bare() -> float:
        started = process_time()
        for index in range(effort.large):
            sha256(b"\x00" + entry_of(index)).digest()
        return (process_time() - started) / effort.large

    def once() -> float:
        started = process_time()
        found = audited(folder, tree_only=True)
        if found.read != effort.large:
            raise NotDone(f"the audit read {found.read} of {effort.large} entries")
        return (process_time() - started) / effort.large

    rounds = alternate(bare, once, 3)
    name = f"{effort.large:,} entries read from tiles, rebuilt and hashed"
    return ratio(name, HASHING, rounds.speed, at_least(0.25), rounds.seconds_told("a bare hash", "an entry"))


def audited(folder: Path, *, tree_only: bool) -> Audit:
    log = TiledLog(Folder(folder))
    found = audit(log, KEY, open_checkpoint(log.note(), ORIGIN, KEY), tree_only=tree_only)
    if found.verdict != WHOLE:
        raise NotDone(f"the audit says {found.verdict}: {found.fault or found.gaps}")
    return found


# --- what a stranger's check costs ------------------------------------------------------------------------------------


def checked(effort: Effort, tell: Tell) -> list[Result]:
    """A proof file with three cosignatures beside its four signatures; a bundle of a thousand acts beside its own."""
    tell("a proof with three cosignatures")
    found = [cosigned(effort)]
    tell("a bundle of a thousand acts")
    return [*found, bundle(effort)]


def cosigned(effort: Effort) -> Result:
    frontier = grown(effort.large)
    entry = entry_of(effort.large)
    path = tuple(frontier.hashes[::-1])  # the last entry's proof is the roots to its left
    whole = frontier.append(leaf_hash(entry))
    signers = [Key.from_name(f"bench witness {n}") for n in range(3)]
    keys = [VerifierKey(f"w{n}.example", KeyType.COSIGNATURE_ED25519, s.public_key) for n, s in enumerate(signers)]
    lines = [f"witness w{n} {key.text}" for n, key in enumerate(keys)]
    policy = parse_policy("\n".join([*lines, "group all all w0 w1 w2", "quorum all", ""]).encode())
    note = note_of(whole, *zip(keys, signers, strict=True))
    data = TlogProof(effort.large, path, note).encoded()
    text = Checkpoint(ORIGIN, whole.size, whole.root()).text().encode()
    timed = b"cosignature/v1\ntime 1800000000\n" + text
    signed = [(LEDGER.sign(text) + text, LEDGER.public_key)]
    signed += [(signer.sign(timed) + timed, signer.public_key) for signer in signers]
    times = max(1, effort.acts // 10)

    def once() -> float:
        started = process_time()
        for _ in range(times):
            opened = verify_proof(parse_proof(data), entry, ORIGIN, KEY, keys)
            if not quorum_met(policy, opened.cosigners()):
                raise NotDone("three cosigners are no quorum of three")
        return (process_time() - started) / times

    def bare() -> float:
        return raw(signed * times, process_time) * len(signed)

    rounds = alternate(bare, once, effort.rounds)
    note_ = f"{rounds.seconds_told('four bare checks', 'the file')}; {len(path)} hashes, {len(data):,} bytes"
    name = "a proof file with three cosignatures, parsed, verified and held against its policy"
    return ratio(name, "pynacl: its four signatures", rounds.cost, at_most(1.5), note_)


def bundle(effort: Effort) -> Result:
    acts = min(1_000, max(100, effort.acts * 3))
    ledger, data = evidence.evidence(acts)
    trust = Trust({ledger.seller.party: "handed over"})
    signed = list(signatures(ledger))

    def once() -> float:
        started = process_time()
        report = verify(data, trust)
        spent = process_time() - started
        if report.verdict is not Verdict.VALID:
            raise NotDone(f"the bundle is {report.verdict.value}: {report.reason}")
        return spent / len(signed)

    rounds = alternate(lambda: raw(signed, process_time), once, effort.rounds)
    told = rounds.seconds_told("a bare check", "a signature of the bundle")
    note = f"{told}; {len(signed)} signatures, {len(data):,} bytes"
    name = f"verify on evidence of {acts:,} acts, within a process that runs"
    return ratio(name, BARE, rounds.speed, at_least(0.6), note)


def signatures(ledger: Ledger) -> Iterator[tuple[bytes, bytes]]:
    """Yield every signature of the ledger's entries as raw verification takes it, with the key that it is by."""
    known = {kid_of(key): key for key in all_keys(ledger)}
    for index in range(ledger.intake.size):
        act = parse_act(ledger.intake.entry(index))
        for signature in act.envelope.signatures:
            yield signature.value + to_be_signed(act.envelope, signature, act.kind), known[signature.kid]


def all_keys(ledger: Ledger) -> Iterator[bytes]:
    yield ledger.intake.depositary.key
    for side in (ledger.buyer, ledger.seller):
        yield from (member.public_key for member in side.members)
        yield from (link["to"] for link in side.links)
