"""What came of it: the recount held against the file and against the intake's own answers, and evidence for a few.

Everything that does not agree is a *difference*, with the dialogue it concerns; one is enough for exit code 1.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from examples.casino.dialogues import POINTS_WITHOUT_A_DEAL, SIDES, Dialogue, Fault, sayable
from examples.casino.recount import Account, Recount, recount
from examples.casino.sides import FAVOURITE_AT_LEAST, POINTS_AT_LEAST, UNLESS_POINTS
from examples.casino.talks import Record, RoundClock, Stopwatch, play
from pourparler.core.dossier import DossierState
from pourparler.core.evidence import Claim, Trust, Verdict, verify
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.store.sqlite import SqliteStore, SqliteTransaction
from pourparler.testing.keys import Key

ORIGIN = "ledger.example/casino"
COMMIT = "of the intake's, SQLite until durable"
ENDS = {DossierState.AGREED.value: "agreed", DossierState.FAILED.value: "walked-away"}
POINTS_LINE = f"under {POINTS_AT_LEAST} points"
FAVOURITE_LINE = f"under {FAVOURITE_AT_LEAST} of the favourite and under {UNLESS_POINTS} points"
LINES = {(0,): POINTS_LINE, (1,): FAVOURITE_LINE, (0, 1): "both"}


@dataclass(frozen=True, slots=True)
class Proof:
    """One dossier's evidence, as a stranger verified it: the claim's kind, the size in bytes, the verdict."""

    dialogue: int
    claim: str
    size: int
    verdict: str
    reason: str


@dataclass(slots=True)
class Report:
    """All that is told. Counts of what must be equal stand as ``[equal, of]``."""

    file: str
    dialogues: int = 0
    malformed: list[Fault] = field(default_factory=list)
    agreed: int = 0
    walked_away: int = 0
    submitted: int = 0
    acts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)  # by reason
    void: dict[str, int] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)  # by kind: what the intake refused for a red line
    signatures: int = 0
    beyond_lines: dict[str, int] = field(default_factory=dict)  # signatures, by the lines they crossed
    dialogues_stopped: int = 0
    points: list[int] = field(default_factory=list)
    points_without_a_deal: list[int] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    said_otherwise: int = 0
    checked: int = 0
    bound_before_ratification: int = 0
    entries: int = 0
    transactions: int = 0
    bytes: int = 0
    root: str = ""
    evidence: list[Proof] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # on the clock
    computed: dict[str, float] = field(default_factory=dict)  # of the processor
    acts_per_second: int = 0
    acts_per_computed_second: int = 0
    differences: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, object]:
        return asdict(self)


class TimedStore(SqliteStore):
    """A store that says how long its transactions took, from their beginning until they were durable."""

    def __init__(self, path: Path, watch: Stopwatch) -> None:
        super().__init__(path)
        self.watch = watch

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with self.watch.of(COMMIT), super().transaction() as transaction:
            yield transaction


Progress = Callable[[str, int], Callable[[int], None]]  # what is done, and how much of it -> to be told as it is done


def silent(what: str, total: int) -> Callable[[int], None]:
    return lambda _: None


# --- the whole way ----------------------------------------------------------------------------------------------------


def replay_file(
    name: str,
    dialogues: Sequence[Dialogue],
    faults: Sequence[Fault],
    folder: Path,
    *,
    proofs: int,
    seed: str = "",
    progress: Progress = silent,
) -> Report:
    """Replay the dialogues into a ledger in an empty folder, count it again, prove a few; return the report.

    ``seed`` chooses the few; without it, the ledger's root does. Raises :class:`StoreError` or :class:`OSError` where
    the ledger or the evidence cannot be written.
    """
    clock, watch = RoundClock(), Stopwatch()
    path = folder / "ledger.sqlite"
    ledger = Intake(TimedStore(path, watch), Key.from_name("casino ledger"), clock, ORIGIN)
    try:
        record = play(dialogues, ledger, clock, watch, progress("negotiating", len(dialogues)))
        with watch.of("reading the ledger again"):
            counted = recount(ledger.depositary, ledger.store, progress("reading the ledger again", ledger.size))
        report = compare(name, dialogues, faults, record, counted)
        chosen = choose(list(counted.accounts.values()), proofs, seed or counted.root.hex())
        told = progress("proving", len(chosen))
        with watch.of("evidence"):
            for account in chosen:
                report.evidence.append(prove(account, ledger, folder))
                told(1)
    finally:
        ledger.close()
    report.differences += [
        f"dialogue {proof.dialogue}: the evidence is {proof.verdict} ({proof.reason})"
        for proof in report.evidence
        if proof.verdict != Verdict.VALID.value
    ]
    report.bytes = path.stat().st_size
    report.seconds, report.computed = rounded(watch.seconds), rounded(watch.computed)
    report.acts_per_second = round(report.submitted / (submitting(watch.seconds) or 1))
    report.acts_per_computed_second = round(report.submitted / (submitting(watch.computed) or 1))
    return report


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {part: round(spent, 3) for part, spent in seconds.items()}


def submitting(seconds: Mapping[str, float]) -> float:
    """Return how long it took to sign and submit all acts."""
    return sum(spent for part, spent in seconds.items() if part == "signing" or part.startswith("intake"))


# --- held against each other ------------------------------------------------------------------------------------------


def compare(
    name: str, dialogues: Sequence[Dialogue], faults: Sequence[Fault], record: Record, counted: Recount
) -> Report:
    """Return the report of what the ledger adds up to, and of all in which it is not the file, or not the answers."""
    accounts = counted.accounts
    report = Report(name, dialogues=len(accounts), malformed=list(faults))
    ends = Counter(ENDS.get(account.state, account.state) for account in accounts.values())
    report.agreed, report.walked_away = ends["agreed"], ends["walked-away"]
    report.submitted = record.submitted
    report.acts = dict(sorted(counted.acts.items()))
    report.refused = tally(failure.reason for failure in record.failures if failure.answer == "refused")
    report.void = dict(sorted(counted.void.items()))
    report.stopped = tally(stop.kind for stop in record.stops)
    report.signatures = counted.acts["sign-ad-referendum"]
    report.beyond_lines = tally(LINES[beyond.lines] for beyond in counted.beyond)
    report.dialogues_stopped = len({stop.dialogue for stop in record.stops if stop.kind == "sign-ad-referendum"})
    report.checked, report.bound_before_ratification = counted.checked, len(counted.bound_early)
    report.entries, report.transactions, report.root = counted.entries, counted.transactions, counted.root.hex()
    compare_with_file(report, dialogues, accounts)
    report.differences += [*differing_answers(record, counted), *counted.bound_early]
    return report


def tally(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def compare_with_file(report: Report, dialogues: Sequence[Dialogue], accounts: Mapping[int, Account]) -> None:
    with_a_deal, without, said = [0, 0], [0, 0], [0, 0]
    for dialogue in dialogues:
        account = accounts.get(dialogue.id)
        if account is None:
            report.differences.append(f"dialogue {dialogue.id}: the ledger has no such dossier")
            continue
        report.differences += differing(dialogue, account)
        figures = with_a_deal if account.text else without
        figures[0] += sum(reckoned(account)[side] == dialogue.points[side] for side in SIDES)
        figures[1] += len(SIDES)
        written = [(turn.by, sayable(turn.text)) for turn in dialogue.turns if turn.kind == "say"]
        said[0] += sum(one == another for one, another in zip(written, account.said, strict=False))
        said[1] += len(written)
        report.said_otherwise += sum(sayable(turn.text) != turn.text for turn in dialogue.turns if turn.kind == "say")
    report.points, report.points_without_a_deal, report.said = with_a_deal, without, said


def reckoned(account: Account) -> dict[str, int]:
    """Return each side's points as the ledger has them: what the text in force gives, or what talks without one do."""
    return account.points or dict.fromkeys(SIDES, POINTS_WITHOUT_A_DEAL)


def differing(dialogue: Dialogue, account: Account) -> Iterator[str]:
    where = f"dialogue {dialogue.id} (line {dialogue.line})"
    end = ENDS.get(account.state, account.state)
    if end != dialogue.outcome or (end == "agreed") != (account.text is not None):
        force = "a text is in force" if account.text else "no text is in force"
        yield f"{where}: {dialogue.outcome} in the file; in the ledger it is {account.state}, and {force}"
    for side in SIDES:
        if reckoned(account)[side] != dialogue.points[side]:
            mine, theirs = reckoned(account)[side], dialogue.points[side]
            yield f"{where}: {side} has {mine} points by the ledger, and {theirs} in the file"
    if [(turn.by, sayable(turn.text)) for turn in dialogue.turns if turn.kind == "say"] != account.said:
        yield f"{where}: what was said is not what the ledger holds"


def differing_answers(record: Record, counted: Recount) -> Iterator[str]:
    """Yield in what the intake's answers are not what the fold of the stored bytes says."""
    for failure in record.failures:
        what = f"{failure.kind} was {failure.answer} [{failure.reason}] {failure.detail}"
        yield f"dialogue {failure.dialogue}: {what}"
    if record.accepted != counted.acts:
        yield f"the intake accepted {dict(record.accepted)}, and the ledger holds {dict(counted.acts)}"
    stopped = Counter((stop.dialogue, stop.side) for stop in record.stops if stop.kind == "sign-ad-referendum")
    beyond = Counter((one.dialogue, one.side) for one in counted.beyond)
    for dialogue, side in sorted((stopped - beyond) | (beyond - stopped)):
        yield f"dialogue {dialogue}: intake and recount differ on whether {side}'s signature crosses a red line"


# --- evidence ---------------------------------------------------------------------------------------------------------


def choose(accounts: Sequence[Account], count: int, seed: str) -> list[Account]:
    """Return some accounts by chance, among them one that ended without a deal where there is one."""
    chance = random.Random(seed)
    chosen = chance.sample(accounts, min(count, len(accounts)))
    without = [account for account in accounts if account.text is None]
    if chosen and without and not any(account in without for account in chosen):
        chosen[-1] = chance.choice(without)
    return chosen


def prove(account: Account, ledger: Intake, folder: Path) -> Proof:
    """Export the evidence of a dossier, and verify it as somebody who knows no more than one party's id.

    Of an agreement: that its text is in force. Of talks without one: that the act which ended them was recorded.
    """
    known, beside = (account.parties[side] for side in SIDES)
    if account.text:
        claim = Claim("in-force", ledger.depositary, 0, (known, beside), account.dossier, account.text)
    else:
        claim = Claim("recorded", ledger.depositary, 0, act=account.last)
        known = party_of(account.last, ledger)
    bundle = assemble(claim, [ledger]).encoded()
    (folder / f"dialogue-{account.dialogue}.evidence").write_bytes(bundle)
    report = verify(bundle, Trust({known: "handed over"}))
    return Proof(account.dialogue, claim.kind, len(bundle), report.verdict.value, report.reason)


def party_of(act: bytes, ledger: Intake) -> bytes:
    with ledger.still() as registry:
        party = registry.outcomes[act].party
    assert party is not None
    return party
