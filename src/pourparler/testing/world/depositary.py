"""The depositary of a world: a real intake on a disk that fails, reached over the network like everything else.

It answers three questions, in deterministic CBOR: ``submit`` (acts with their texts; the answer is where each stands,
or why it does not), ``tail`` (the entries from an index on, with the texts of public dossiers), and ``bundle`` (the
evidence for a claim, as of now). An answer that is lost is asked for again. After a power cut it begins anew from what
its disk holds.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pourparler.core.act import parse_act
from pourparler.core.encoding import Value, decode, encode
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import Claim
from pourparler.core.registry import Stream
from pourparler.ports import StoreError
from pourparler.service.export import assemble
from pourparler.service.intake import Intake, may_bring, texts_brought
from pourparler.testing.keys import Key
from pourparler.testing.world.checker import contains
from pourparler.testing.world.disk import Disk, DiskStore
from pourparler.testing.world.places import Place

if TYPE_CHECKING:
    from pourparler.testing.world.world import World

ANSWERS = {"submit": "submitted", "tail": "tailed", "pull": "pulled", "bundle": "bundled"}
NAME = "depositary"
ORIGIN = "home.example/register"


class DepositaryPlace(Place):
    """A place that keeps the ledger at which both parties are at home, and in which their dossiers live."""

    def __init__(self, world: "World") -> None:
        super().__init__(world, NAME)
        self.key = Key.from_name(f"depositary {world.plan.seed}")
        self.wire: dict[str, Value] = {"origin": ORIGIN, "key": self.key.public_key}
        self.intake: Intake | None = None
        self.branch: Intake | None = None
        self.twin: Intake | None = None
        self.writers: set[str] = set()  # of two instances, those that were given acts
        self.which = world.chance.of("which instance")
        self.fooled: frozenset[str] = frozenset()

    # Running.

    def start(self) -> None:
        """Open the ledger from its disk. Raises :class:`StoreError`."""
        self.intake = Intake(self.store, self.key, self.clock, ORIGIN, high_water=self.high_water)

    def stop(self) -> None:
        if self.twin is not None and not contains(self.store, self.high_water.medium.newest()[1]):
            self.world.checker.lost.add(self.name)  # until somebody puts the other's disk in the place of its own
        self.intake = self.twin = None

    @property
    def runs_twice(self) -> bool:
        """Whether a second instance runs beside it."""
        return self.twin is not None

    def start_twice(self, store: DiskStore) -> None:
        """Start a second instance, on the same disk or on a copy of it; whoever asks is answered by either. Raises
        :class:`StoreError`."""
        self.writers = set()
        self.twin = Intake(store, self.key, self.clock, ORIGIN, high_water=self.high_water.opened_again())

    @property
    def open(self) -> Intake:
        """The ledger while it runs."""
        assert self.intake is not None
        return self.intake

    def hear(self, what: str, source: str, data: bytes) -> None:
        if self.intake is None or what not in ANSWERS:
            return
        try:
            asked = decode(data)
            if not isinstance(asked, dict):
                return
            answer = self._answer(what, source, asked)
        except PourparlerError:
            return  # bytes that were spoilt on the way
        except (KeyError, TypeError, ValueError):
            return
        except StoreError as error:
            self.world.trace.note(self.name, f"could not write: {error}")
            return
        self.world.network.send(self.name, source, ANSWERS[what], encode(answer))

    def _answer(self, what: str, source: str, asked: Mapping[str, Value]) -> dict[str, Value]:
        match what:
            case "submit":
                acts, texts = blobs(asked["acts"]), blobs(asked["texts"])
                return {"receipts": self.submitted(source, acts, texts)}
            case "tail" | "pull":
                return self.tail(self.shown_to(source), as_count(asked["from"]))
            case _:
                dossier, text = as_bytes(asked["dossier"]), as_bytes(asked["text"])
                return {"dossier": dossier, "text": text, "bundle": self.bundle(self.shown_to(source), dossier, text)}

    def fork(self, fooled: Sequence[str]) -> None:
        """Betray: begin a second history, under the same key, and show it to some from now on."""
        if self.intake is None or self.branch is not None:
            return
        store = DiskStore(Disk())
        store.become(self.store)
        self.branch = Intake(store, self.key, self.clock, ORIGIN)
        self.fooled = frozenset(fooled) - {"council"}

    def shown_to(self, source: str) -> Intake:
        """Return the history that somebody is shown."""
        if self.branch is not None and source in self.fooled:
            return self.branch
        return self.twin if self.twin is not None and self.which.happens(0.5) else self.open

    @property
    def streams(self) -> Mapping[bytes, Stream]:
        """How far each stream has come, as whoever sits beside the machine sees it; nothing where it cannot say."""
        for ledger in (self.intake, self.twin):
            try:
                if self.up and ledger is not None:
                    return ledger.registry.streams
            except StoreError:
                continue
        return {}

    # What it answers.

    def submitted(self, source: str, acts: Sequence[bytes], texts: Sequence[bytes]) -> list[Value]:
        """Take acts in; return a row for each: id, index, log time, and the reason if it is void or refused.

        Raises :class:`StoreError`: nothing was answered.
        """
        rows: list[Value] = []
        ledger = self.shown_to(source)
        for data, answer in zip(acts, ledger.submit_many(acts, texts), strict=True):
            if isinstance(answer, PourparlerError):
                self.world.trace.note(self.name, f"refused {self.world.name_of(data)} from {source}: {answer.reason}")
                self.world.checker.refused(id_of(data))
                rows.append([id_of(data), -1, 0, answer.reason])
            elif isinstance(answer, Exception):
                self.one_of_two(ledger, answered=False)
                raise answer
            else:
                if ledger is not self.branch:
                    self.world.checker.logged(answer)
                    self.one_of_two(ledger, answered=True)
                rows.append([answer.act_id, answer.index, answer.time, answer.void or ""])
        return rows

    def one_of_two(self, ledger: Intake, *, answered: bool) -> None:
        """Let the checker look, where two instances run and both were given acts."""
        if self.twin is not None and ledger is not self.branch:
            self.writers.add("second" if ledger is self.twin else "first")
            if len(self.writers) > 1:
                self.world.checker.two_instances(self, ledger if answered else None)

    def tail(self, ledger: Intake, start: int) -> dict[str, Value]:
        """Return the entries from an index on, the checkpoint over all of them, and the texts that they brought."""
        entries = [entry.data for entry in ledger.store.entries(start)]
        digests = sorted({digest for entry in entries if may_bring(entry) for digest in brought(entry)})
        texts = [text for digest in digests if (text := ledger.text(digest))]
        return {
            "from": start,
            "note": ledger.checkpoint(),
            "entries": list[Value](entries),
            "texts": list[Value](texts),
        }

    def bundle(self, ledger: Intake, dossier: bytes, text: bytes) -> bytes:
        """Return the evidence that a text is in force between the two parties."""
        people = self.world.people
        parties = tuple(sorted((people.ours, people.theirs)))
        claim = Claim("in-force", ledger.depositary, 0, parties, dossier, text)
        return assemble(claim, [ledger]).encoded()

    @property
    def ledger(self) -> Intake | None:
        return self.intake

    @property
    def read_only(self) -> bool:
        return self.intake is not None and self.intake.read_only is not None

    def holds(self, act: bytes) -> bool:
        logged = self.world.truth.logged.get(act)
        receipt = self.open.receipt(act)
        return receipt is not None and logged is not None and receipt.index == logged.index


@lru_cache(maxsize=4096)
def brought(entry: bytes) -> frozenset[bytes]:
    """Return the digests of the texts that an entry may have brought; the same entry is asked about again and again."""
    return frozenset(texts_brought(entry))


def id_of(data: bytes) -> bytes:
    """Return the id of the act in an envelope; nothing where it cannot be read."""
    try:
        return parse_act(data).id
    except PourparlerError:
        return b""


def blobs(value: Value) -> list[bytes]:
    """Return a list of byte strings. Raises :class:`TypeError` where it is none."""
    if not isinstance(value, list) or not all(isinstance(one, bytes) for one in value):
        raise TypeError("a list of byte strings is wanted")
    return [one for one in value if isinstance(one, bytes)]


def as_bytes(value: Value) -> bytes:
    """Return a byte string. Raises :class:`TypeError`."""
    if not isinstance(value, bytes):
        raise TypeError("a byte string is wanted")
    return value


def as_count(value: Value) -> int:
    """Return a count. Raises :class:`TypeError`."""
    if not isinstance(value, int) or value < 0:
        raise TypeError("a count is wanted")
    return value
