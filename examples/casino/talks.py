"""Turns become acts, and the acts go through the intake into the ledger.

A talk is a generator: it yields the acts that can wait together, and goes on with what the intake answered. So many
talks run beside each other and share commits, as many real submitters would, and each still reacts to every refusal.

    first turn    found, grant, grant for each side; open by who speaks first, join by the other
    say           say, as many acts as the words need
    submit-deal   propose, with the full text (and what it answers, if a deal is pending); adopt by its author
    accept-deal   adopt by the other side; sign-ad-referendum by both; ratify by both councils; close, as agreed
    reject-deal   reject
    walk-away     close, as failed
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from examples.casino.dialogues import SIDES, Dialogue, Turn, other, portions, sayable
from examples.casino.sides import Side, deal_text, seat, sixteen, written
from pourparler.core.act import Act
from pourparler.core.errors import PourparlerError
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft
from pourparler.service.intake import Intake, Receipt

FIRST_SECOND = 1_577_836_800  # 2020-01-01T00:00:00Z
ROUND_SECONDS = 60
DEADLINE_SECONDS = 366 * 86_400
BESIDE_EACH_OTHER = 48


class Phase(Enum):
    """What an act is part of; the intake's time is told apart by it."""

    FOUNDING = "founding and grants"
    TALKS = "talks, up to the signatures"
    RATIFICATION = "ratification and closing"


class RoundClock:
    """The data have no times: every round of submissions is a minute after the one before."""

    def __init__(self) -> None:
        self.time = FIRST_SECOND

    def now(self) -> int:
        return self.time

    def advance(self) -> None:
        self.time += ROUND_SECONDS


class Stopwatch:
    """Where the time goes, by name: seconds on the clock, and those of them that this process computed.

    The second tell the shares also on a machine that others keep busy; the first hold the waiting for the disk.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.computed: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        begun, computed = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begun
            self.computed[name] += time.process_time() - computed


@dataclass(frozen=True, slots=True)
class Request:
    """An act to be submitted, with the text that it proposes."""

    act: Act
    phase: Phase
    dialogue: int
    text: bytes | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """An act that the intake refused because it crosses a red line of the mandate."""

    dialogue: int
    side: str
    kind: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An act that was refused, or logged and void, for another reason: the dialogue is then not as the file has it."""

    dialogue: int
    kind: str
    answer: str  # "refused" or "void"
    reason: str
    detail: str


@dataclass(slots=True)
class Record:
    """What the intake answered."""

    submitted: int = 0
    accepted: Counter[str] = field(default_factory=Counter)
    stops: list[Stop] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


Answer = Receipt | Exception
Exchange = Generator[list[Request], list[Answer], list[Answer]]
Conversation = Generator[list[Request], list[Answer], None]


class Talk:
    """One dialogue on its way into the ledger."""

    def __init__(self, dialogue: Dialogue, ledger: Intake, clock: RoundClock, watch: Stopwatch, record: Record) -> None:
        self.dialogue = dialogue
        self.ledger = ledger
        self.clock = clock
        self.watch = watch
        self.record = record
        with watch.of("signing"):
            self.sides = {name: seat(dialogue, name, ledger.depositary) for name in SIDES}
        self.dossier = b""
        self.pending: tuple[str, bytes] | None = None  # author and digest of the deal on the table
        self.waiting: list[Request] = []  # nothing depends on their answers but that they come first
        self.instants = 0

    # One turn after the other.

    def run(self) -> Conversation:
        yield from self.begin(self.dialogue.turns[0].by)
        for place, turn in enumerate(self.dialogue.turns, 1):
            match turn.kind:
                case "say":
                    self.say(turn)
                case "submit-deal":
                    yield from self.submit_deal(turn, place)
                case "accept-deal":
                    yield from self.accept_deal(turn)
                case "reject-deal":
                    yield from self.reject_deal(turn)
                case "walk-away":
                    self.later("close", turn.by, {"as": "failed"})
        yield from self.send()

    def begin(self, first: str) -> Exchange:
        for side in self.sides.values():
            self.waiting += [self.request(act, Phase.FOUNDING) for act in (side.founding, side.lined, side.free)]
        yield from self.send()
        opening: dict[str, object] = {
            "parties": sorted(side.party for side in self.sides.values()),
            "ledger": written(self.ledger.depositary),
            "rules": {"adopt": "all"},
            "nonce": sixteen(f"{self.dialogue.id} opening"),
        }
        self.dossier = self.later("open", first, opening).id
        self.later("join", other(first), {})
        return []

    def say(self, turn: Turn) -> None:
        """Say it, however long: further portions name the first."""
        first, *more = portions(sayable(turn.text)) or [""]
        begun = self.later("say", turn.by, {"words": first} if first else {})
        for portion in more:
            self.later("say", turn.by, {"words": portion, "about": begun.id})

    def submit_deal(self, turn: Turn, place: int) -> Exchange:
        text = deal_text(self.dialogue, turn, place)
        digest = text_digest(text)
        countered = self.pending and self.pending[0] != turn.by
        answers = {"answers": self.pending[1]} if self.pending and countered else {}
        yield from self.within_lines("propose", turn.by, {"text": digest, **answers}, text)
        yield from self.within_lines("adopt", turn.by, {"text": digest})
        self.pending = (turn.by, digest)
        return []

    def reject_deal(self, turn: Turn) -> Exchange:
        assert self.pending is not None
        self.later("reject", turn.by, {"text": self.pending[1]})
        self.pending = None
        return (yield from self.send())

    def accept_deal(self, turn: Turn) -> Exchange:
        assert self.pending is not None
        author, digest = self.pending
        self.pending = None
        yield from self.within_lines("adopt", turn.by, {"text": digest})
        signatures: dict[str, Act] = {}
        for name in (turn.by, author):
            signature = yield from self.sign(name, digest)
            if signature:
                signatures[name] = signature
        yield from self.ratify(digest, signatures)
        self.later("close", turn.by, {"as": "agreed"}, Phase.RATIFICATION)
        return (yield from self.send())

    def sign(self, name: str, digest: bytes) -> Generator[list[Request], list[Answer], Act | None]:
        fields = {"text": digest, "organ": self.sides[name].council, "deadline": self.clock.time + DEADLINE_SECONDS}
        return (yield from self.within_lines("sign-ad-referendum", name, fields))

    def ratify(self, digest: bytes, signatures: dict[str, Act]) -> Exchange:
        """Let both councils ratify, each naming its signature and the past that it has seen."""
        for name, signature in signatures.items():
            side = self.sides[name]
            fields = {
                "organ": side.council,
                "prior": side.free.id,
                "dossier": self.dossier,
                "text": digest,
                "signs": [signature.id],
                "seen": {"dossier": self.position(self.dossier), "party": self.position(side.party)},
            }
            with self.watch.of("signing"):
                act = draft("ratify", fields).signed_by(*side.members[1:])
            self.waiting.append(self.request(act, Phase.RATIFICATION))
        return (yield from self.send())

    def position(self, stream: bytes) -> list[object]:
        found = self.ledger.registry.streams[stream]
        return [found.count, found.head]

    # Acts on their way.

    def within_lines(
        self, kind: str, name: str, fields: dict[str, object], text: bytes | None = None
    ) -> Generator[list[Request], list[Answer], Act | None]:
        """Do it under the mandate with the red lines; where the intake refuses that for a line, under the one without.

        Return the act that stands in the ledger and has its effect, or None.
        """
        side = self.sides[name]
        for mandate in (side.lined, side.free):
            act = self.spoken(kind, side, mandate, fields)
            answer = (yield from self.send(self.request(act, Phase.TALKS, text)))[-1]
            if not is_stop(answer):
                return act if isinstance(answer, Receipt) and answer.void is None else None
            self.record.stops.append(Stop(self.dialogue.id, name, kind))
        raise AssertionError("the mandate without lines was refused for a line")

    def later(self, kind: str, name: str, fields: dict[str, object], phase: Phase = Phase.TALKS) -> Act:
        """Put an act, under the mandate with the lines, before whatever is sent next."""
        side = self.sides[name]
        act = self.spoken(kind, side, side.lined, fields)
        self.waiting.append(self.request(act, phase))
        return act

    def spoken(self, kind: str, side: Side, mandate: Act, fields: dict[str, object]) -> Act:
        """Sign an act as the person. No two have one instant: who says the same twice has said it twice."""
        self.instants += 1
        into = {"dossier": self.dossier} if self.dossier else {}
        with self.watch.of("signing"):
            at = self.clock.time + self.instants
            return draft(kind, {"by": mandate.id, "at": at, **into, **fields}).signed_by(side.person)

    def request(self, act: Act, phase: Phase, text: bytes | None = None) -> Request:
        return Request(act, phase, self.dialogue.id, text)

    def send(self, *last: Request) -> Exchange:
        """Submit what waits, and then these; return the answers, and keep account of them."""
        requests = [*self.waiting, *last]
        self.waiting = []
        if not requests:
            return []
        answers = yield requests
        for request, answer in zip(requests, answers, strict=True):
            self.note(request, answer)
        return answers

    def note(self, request: Request, answer: Answer) -> None:
        """Keep account of an answer. Raises it where the ledger could not be written."""
        self.record.submitted += 1
        kind = request.act.kind
        if isinstance(answer, Receipt) and answer.void is None:
            self.record.accepted[kind] += 1
        elif isinstance(answer, Receipt):
            void = Failure(request.dialogue, kind, "void", answer.void or "", answer.detail)
            self.record.failures.append(void)
        elif not isinstance(answer, PourparlerError):
            raise answer
        elif not is_stop(answer):
            self.record.failures.append(Failure(request.dialogue, kind, "refused", answer.reason, answer.detail))


def is_stop(answer: Answer) -> bool:
    return isinstance(answer, PourparlerError) and answer.reason.startswith("line.")


# --- many talks beside each other -------------------------------------------------------------------------------------


def play(
    dialogues: Iterable[Dialogue],
    ledger: Intake,
    clock: RoundClock,
    watch: Stopwatch,
    done: Callable[[int], None] = lambda _: None,
) -> Record:
    """Replay the dialogues into the ledger, some dozens at a time; return what the intake answered.

    ``done`` is told how many dialogues have just ended. Raises :class:`StoreError` or :class:`OSError` where the ledger
    cannot be written.
    """
    record = Record()
    coming = iter(dialogues)
    running: list[tuple[Conversation, list[Request]]] = []
    while True:
        for dialogue in islice(coming, BESIDE_EACH_OTHER - len(running)):
            talk = Talk(dialogue, ledger, clock, watch, record).run()
            running.append((talk, next(talk)))
        if not running:
            return record
        clock.advance()
        answers = submit([request for _, requests in running for request in requests], ledger, watch)
        following = [resumed(talk, [next(answers) for _ in requests]) for talk, requests in running]
        done(following.count(None))
        running = [talk for talk in following if talk is not None]


def submit(requests: list[Request], ledger: Intake, watch: Stopwatch) -> Iterator[Answer]:
    """Submit the requests of a round, each phase in a commit of its own; yield the answers in the requests' order."""
    answers: dict[bytes, Answer] = {}
    for phase in Phase:
        chosen = [request for request in requests if request.phase is phase]
        if chosen:
            acts = [request.act.envelope.encoded() for request in chosen]
            texts = [request.text for request in chosen if request.text]
            with watch.of(f"intake: {phase.value}"):
                answered = ledger.submit_many(acts, texts)
            answers.update((request.act.id, answer) for request, answer in zip(chosen, answered, strict=True))
    return (answers[request.act.id] for request in requests)


def resumed(talk: Conversation, answers: list[Answer]) -> tuple[Conversation, list[Request]] | None:
    """Let a talk go on with its answers; return it with its next requests, or None at its end."""
    try:
        return talk, talk.send(answers)
    except StopIteration:
        return None
