"""Export: from ledgers to the bundle that convinces a stranger.

A claim rests on *streams*: its dossier, and the acts of every party that spoke in it. What a bundle has to show is
therefore easily said: all acts in those streams up to a stamp that states their heads, the stamps that give these acts
their times, and the same for the home ledger of each party whose home is elsewhere. Everything else in the ledgers
stays where it is; one proof puts what is shown in its place.

Nothing here is trusted: a bundle that lacks something does not verify, and one that shows too much is only larger.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Protocol

from pourparler.core.act import Act
from pourparler.core.council import Depositary
from pourparler.core.errors import Missing
from pourparler.core.evidence import Bundle, Claim, Shown, ledger_key
from pourparler.core.ledger import consistency_path, multiproof, open_checkpoint
from pourparler.core.redline import text_digest
from pourparler.core.registry import Registry


class Ledger(Protocol):
    """What export reads of a ledger; an intake is one."""

    @property
    def depositary(self) -> Depositary:
        """The ledger's origin and key."""

    def still(self) -> AbstractContextManager[Registry]:
        """Give the fold of the ledger, which does not change meanwhile."""

    def stamp(self, streams: Iterable[bytes]) -> int:
        """Write an empty transaction whose stamp states these streams; return its index."""

    def stamp_of(self, index: int) -> int:
        """Return the index of the stamp that gives an entry its time."""

    def checkpoint(self) -> bytes:
        """Return the newest signed checkpoint, verbatim."""

    def witnessed_after(self, index: int) -> Sequence[bytes]:
        """Return the checkpoints by which an entry was first witnessed; none where it never was."""

    def entry(self, index: int) -> bytes:
        """Return an entry's envelope. Raises :class:`IndexError` where there is none."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree. Raises :class:`KeyError` where there is none."""

    def text(self, digest: bytes) -> bytes | None:
        """Return a text by its digest, or None where the ledger does not hold it."""


def assemble(
    claim: Claim,
    ledgers: Iterable[Ledger],
    *,
    texts: Iterable[bytes] = (),
    cosigned: Mapping[Depositary, Sequence[bytes]] | None = None,
    exclude: frozenset[int] = frozenset(),
) -> Bundle:
    """Return the bundle for a claim, as of a new stamp of its ledger; what the claim says of ``as_of`` is not read.

    ``texts`` are those that the ledgers do not hold (of sealed dossiers); ``cosigned`` are the ledgers' checkpoints
    that carry cosignatures near the times of deadlines. ``exclude`` leaves out entries of the claim's ledger, to show
    what a verifier then says: the proof stays good and places everything else.

    Raises :class:`Missing` (``ledger.not-shown``, ``claim.not-shown``) where the claim's ledger, or the act that it is
    about, is not there to export from, and what :meth:`Ledger.stamp` raises. A home ledger that is not among
    ``ledgers`` is left out: the verifier then cannot tell.
    """
    known = {ledger.depositary: ledger for ledger in ledgers}
    earlier = cosigned or {}
    if claim.ledger not in known:
        raise Missing("ledger.not-shown", "the ledger that the claim names is not among those to export from")
    ledger = known[claim.ledger]
    streams, as_of = stated(ledger, partial(streams_of_claim, claim))
    shown = [show(ledger, streams, as_of, earlier.get(claim.ledger, ()), exclude)]
    for home, parties in homes_elsewhere(ledger, streams, known).items():
        at_home, last = stated(known[home], partial(closed, parties, set()))
        shown.append(show(known[home], at_home, last, earlier.get(home, ())))
    return Bundle(replace(claim, as_of=as_of), tuple(shown), tuple(texts_at_hand(ledger, streams, texts)))


# --- which streams ----------------------------------------------------------------------------------------------------


def streams_of_claim(claim: Claim, registry: Registry) -> set[bytes]:
    """Return the streams of the claim's ledger that it rests on. Raises :class:`Missing` (``claim.not-shown``)."""
    parties, dossiers = set(claim.parties), {claim.dossier} - {b""}
    if claim.kind == "recorded":
        outcome = registry.outcomes.get(claim.act)
        if outcome is None:
            raise Missing("claim.not-shown", "the ledger has no such act")
        assert outcome.party is not None
        parties.add(outcome.party)
        if outcome.act.row.dossier:
            dossiers.add(outcome.act.get("dossier") or claim.act)
    if claim.text:  # what a party is bound by, it refuses nowhere
        dossiers |= {dossier.id for dossier in registry.proposed_in.get(claim.text, ())}
    if claim.kind == "in-force":
        # A wider text between the same parties, in whatever dossier, may have ended this one.
        dossiers |= {dossier.id for dossier, _ in registry.consented(*claim.parties)}
    return closed(parties, dossiers, registry)


def closed(parties: set[bytes], dossiers: set[bytes], registry: Registry) -> set[bytes]:
    """Return the streams of parties and dossiers with all that these cannot be folded without: the parties that spoke
    in a dossier, and the dossiers in which a party spent a cumulative limit."""
    parties, dossiers = set(parties), set(dossiers)
    while True:
        reached = len(parties) + len(dossiers)
        for dossier in (registry.dossiers[id_] for id_ in dossiers & registry.dossiers.keys()):
            parties |= dossier.joined.keys() | {o.party for o in dossier.outcomes.values() if o.party is not None}
        for outcome in registry.outcomes.values():
            if outcome.party in parties and outcome.act.row.dossier and is_shared(outcome.act, registry, outcome.party):
                dossiers.add(outcome.act.get("dossier") or outcome.act.id)
        if len(parties) + len(dossiers) == reached:
            return parties | dossiers


def is_shared(act: Act, registry: Registry, party: bytes) -> bool:
    """Return whether an act in a dossier matters beyond it: it spends a cumulative limit, or a duty asks for it."""
    if "total" in act.payload:
        return True
    return "by" in act.payload and registry.fulfils(act, registry.registers[party])


def stated(ledger: Ledger, wanted: Callable[[Registry], set[bytes]]) -> tuple[set[bytes], int]:
    """Return the wanted streams and the index of a new stamp that states them all."""
    streams: set[bytes] = set()
    as_of = 0
    while True:
        with ledger.still() as registry:
            found = wanted(registry)
        if as_of and found <= streams:  # otherwise somebody has joined since they were asked for
            return streams, as_of
        streams = found
        as_of = ledger.stamp(streams)


def homes_elsewhere(
    ledger: Ledger, streams: set[bytes], known: Mapping[Depositary, Ledger]
) -> dict[Depositary, set[bytes]]:
    """Return the other ledgers that are, or were, the home of a party among the streams, each with those parties."""
    with ledger.still() as registry:
        founded = {party: registry.registers[party].spines.party.home for party in streams & registry.registers.keys()}
    homes: dict[Depositary, set[bytes]] = {}
    for party, home in founded.items():
        seen: set[Depositary] = set()
        moved_to: Depositary | None = home
        while moved_to is not None and moved_to in known and moved_to not in seen:
            seen.add(moved_to)
            with known[moved_to].still() as registry:
                register = registry.registers.get(party)
            if register is None:
                break
            if moved_to != ledger.depositary:
                homes.setdefault(moved_to, set()).add(party)
            moved_to = register.spines.moved_to
    return homes


# --- what is shown of a ledger ----------------------------------------------------------------------------------------


def show(
    ledger: Ledger, streams: set[bytes], as_of: int, earlier: Sequence[bytes], exclude: frozenset[int] = frozenset()
) -> Shown:
    """Return the acts of the streams up to a stamp, with all stamps they stand under, and what places them."""
    with ledger.still() as registry:
        found = (registry.streams[stream] for stream in streams & registry.streams.keys())
        acts = {index for stream in found for index in stream.indexes if index <= as_of}
    indexes = sorted(({0, as_of} | acts | {ledger.stamp_of(index) for index in acts}) - exclude)
    note = ledger.checkpoint()
    size = size_of(note, ledger.depositary)
    earlier = [*earlier, *first_witnessed(ledger, indexes, size, earlier)]
    return Shown(
        depositary=ledger.depositary,
        checkpoint=note,
        entries=tuple((index, ledger.entry(index)) for index in indexes),
        hashes=multiproof(size, indexes, ledger.node),
        earlier=tuple(
            (older, consistency_path(size_of(older, ledger.depositary), size, ledger.node)) for older in earlier
        ),
    )


def first_witnessed(ledger: Ledger, indexes: Iterable[int], size: int, given: Sequence[bytes]) -> list[bytes]:
    """Return the checkpoints by which these entries were first witnessed, each once: a policy asks that witnesses saw
    every act near its time (``spec/evidence.md``), and the newest checkpoint was cosigned later."""
    found = dict.fromkeys(note for index in indexes for note in ledger.witnessed_after(index))
    return [note for note in found if note not in given and size_of(note, ledger.depositary) <= size]


def size_of(note: bytes, depositary: Depositary) -> int:
    """Return how many entries a checkpoint covers. Raises :class:`PourparlerError` where it is not this ledger's."""
    return open_checkpoint(note, depositary.origin, ledger_key(depositary)).checkpoint.size


def texts_at_hand(ledger: Ledger, streams: set[bytes], given: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the texts of the dossiers among the streams, by digest, as far as they were given or the ledger itself
    holds them."""
    by_digest = {text_digest(text): text for text in given}
    with ledger.still() as registry:
        dossiers = [registry.dossiers[stream] for stream in streams & registry.dossiers.keys()]
        digests = sorted({digest for dossier in dossiers for digest in dossier.papers})
    for digest in digests:
        text = by_digest.get(digest) or ledger.text(digest)
        if text is not None:
            yield text
