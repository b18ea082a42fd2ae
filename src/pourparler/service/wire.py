"""The wire: a node exchanges acts with others over HTTP, and reads home ledgers from any mirror. ``spec/exchange.md``.

:class:`Desk` is one node's end: it answers what is posted to it, and goes to others itself. Each question is one POST,
and what comes back is judged like everything else; a peer that drops, delays, cuts short, floods or lies costs a
bounded time and number of bytes, and what was taken before stays taken. So whoever is cut off in the middle begins
again with a fresh ``hello``, and goes on where he was.

A home ledger is read as files (``spec/tiles.md``), each from whichever mirror gives one that is proven. A mirror that
gives a wrong one is asked last from then on, and can do no more than that.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pourparler.core import limits
from pourparler.core.act import Act
from pourparler.core.council import Depositary
from pourparler.core.errors import Missing, PourparlerError, Refused
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import Checkpoint, consistency_path, open_checkpoint, verify_consistency
from pourparler.core.ledger.tiles import TILE_WIDTH, Tile, TileReader, encode_bundle, tile_of
from pourparler.core.redline import text_digest
from pourparler.dispatch.exchange import Exchange, Exchanged, Manners, Word
from pourparler.dispatch.heads import Chains, Heads, Marked, beacons_lacking, behind
from pourparler.dispatch.messages import batch, read_batch
from pourparler.dispatch.peers import Peers
from pourparler.ports import Chance, Signer
from pourparler.service.asking import Unreachable, ask
from pourparler.service.intake import texts_brought
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, State, Taken
from pourparler.service.sources import Folder, Source
from pourparler.service.tiles import CHECKPOINT, text_path
from pourparler.service.workspace import write_atomically

CHANNEL = "wire"
CONTENT_TYPE = "application/cbor"
EXCHANGE, HEADS = "exchange", "heads"
EXCHANGE_SECONDS = 60.0
ANSWER_SECONDS = 10.0
TRIES = 3
SHORT = "part of it is not to be had"
BESIDE_MAX = limits.NODE_CARRIED_ALL_ROWS_MAX + 2 * limits.NODE_POOL_ROWS_MAX  # that can be beside a journal at once
JUNK = ("envelope.", "cbor.", "act.", "signature.")  # what nobody signed, by how the reason begins


# --- a node, as an exchange needs it ----------------------------------------------------------------------------------


class NodeHolding:
    """A node as the exchange asks for it (:class:`~pourparler.dispatch.exchange.Holding`)."""

    def __init__(self, node: Node, channel: str = CHANNEL) -> None:
        self.node, self.channel = node, channel
        self._chains = Chains()
        self._beside: dict[bytes, None] = {}  # what may be handed on and is not in the journal
        self._adding = threading.Lock()  # the node tells of new acts in whichever thread took them
        with node.still():
            for act in node.every():
                self._add(act)
            node.listen(self._add)

    def _add(self, act: Act) -> None:
        journaled = act.id in self.node.registry.outcomes
        with self._adding:
            if journaled:
                self._chains.add(act)
                self._beside.pop(act.id, None)
            elif act.kind != "beacon":
                self._beside[act.id] = None
        if len(self._beside) > BESIDE_MAX:  # most of it gave way to others since
            self._forget(list(self._beside))

    def came(self, peer: str) -> Came:
        return Came(self.channel, peer, self.node.holdings.wall.now())

    def heads(self) -> Heads:
        beacons = self.node.newest_beacons()
        with self._adding:
            return self._chains.heads(beacons)

    def lacking(self, theirs: Marked) -> Iterator[bytes]:
        beacons = self.node.newest_beacons()
        with self._adding:
            ids = [*beacons_lacking(beacons, theirs), *self._chains.lacking(theirs)]
        for start in range(0, len(ids), limits.EXCHANGE_ACTS_MAX):
            yield from self.acts(ids[start : start + limits.EXCHANGE_ACTS_MAX])

    def loose(self) -> Iterator[bytes]:
        with self._adding:
            ids = [*self._chains.loose(), *self._beside]
        yield from ids

    def acts(self, ids: Sequence[bytes]) -> list[bytes]:
        found = self.node.acts(ids)
        if len(found) < len(ids):
            self._forget(ids)
        return found

    def _forget(self, ids: Sequence[bytes]) -> None:
        """Say no more of what was carried, or waited, and made room for something else since."""
        with self._adding:
            gone = [act for act in ids if act in self._beside]
        gone = [act for act in gone if not self.node.acts([act])]
        with self._adding:
            for act in gone:
                self._beside.pop(act, None)

    def lacks(self, act: bytes) -> bool:
        return not self.node.acts([act])

    def take(self, envelopes: Sequence[bytes], peer: str) -> list[Word]:
        return [word_of(taken) for taken in self.node.take_many(envelopes, self.came(peer))]

    def told(self, peer: str, theirs: Marked) -> None:
        ours = self.heads()
        self.node.told_more(behind(ours, theirs), self.came(peer), among=[*ours.organs, *ours.beacons])


def word_of(taken: Taken) -> Word:
    """Return what a node tells a peer of an act that it brought."""
    refused = taken.state is State.REFUSED
    junk = refused and taken.reason.startswith(JUNK)
    return Word(taken.act, taken.reason if refused else taken.state.value, taken.wants, junk)


# --- one node's end ---------------------------------------------------------------------------------------------------


class Desk:
    """A node's end of the wire. Safe to use from several threads.

    ``peers`` learns from whom news came first; ``heard`` is called with the peer and the id of each act that was news,
    in whichever thread it came. ``signer`` shows who asks where a peer wants to know.
    """

    def __init__(
        self,
        node: Node,
        chance: Chance,
        *,
        manners: Manners | None = None,
        signer: Signer | None = None,
        peers: Peers | None = None,
        channel: str = CHANNEL,
        heard: Callable[[str, bytes], None] = lambda _peer, _act: None,
    ) -> None:
        self.node, self.chance, self.peers, self.heard = node, chance, peers, heard
        self.holding = NodeHolding(node, channel)
        self.manners = manners or Manners(known_keys=node.dispatch_keys)
        self.exchange = Exchange(
            self.holding, chance, node.holdings.wall, manners=self.manners, signer=signer, heard=self._heard
        )
        self._speaking = threading.Lock()

    def _heard(self, peer: str, act: bytes) -> None:
        if self.peers is not None:
            self.peers.learnt(peer, act)
        self.heard(peer, act)

    # For those who ask us.

    def answer(self, body: bytes, peer: str) -> bytes:
        """Return the answer to a body of messages. Raises :class:`Malformed`; ``OSError`` and :class:`StoreError` where
        nothing can be stored."""
        answers: list[bytes] = []
        room = limits.EXCHANGE_BATCH_MAX_BYTES - 1_024
        for message in read_batch(body):
            with self._speaking:
                said = self.exchange.answer(message, peer)
            room -= sum(len(one) + 5 for one in said)
            if room < 0 or len(answers) + len(said) > limits.EXCHANGE_BATCH_MESSAGES_MAX:
                break  # who asks for so much at once asks again
            answers += said
        return batch(answers)

    def heads(self) -> bytes:
        """Return how far this node has each chain, as a message."""
        with self._speaking:
            return self.exchange.heads()

    def hear_heads(self, message: bytes, peer: str) -> list[bytes]:
        """Take note of how far somebody says to be; return the envelopes that he lacks of chains, worst news first.
        Raises :class:`Malformed`."""
        with self._speaking:
            return self.exchange.hear_heads(message, peer)

    # Asking others.

    def exchange_with(self, url: str, *, seconds: float = EXCHANGE_SECONDS, tries: int = TRIES) -> Exchanged:
        """Exchange with the node behind a URL until both have all that both may have, or the time is over.

        Raises nothing for what the peer does: what it did, and what was learnt all the same, is in the answer.
        """
        ends = time.monotonic() + seconds
        whole = Exchanged(url, whole=False, why="exchange.unfinished")
        while tries:
            found = self._once(url, self.exchange.begin, ends)
            whole = joined(whole, found)
            if found.whole or time.monotonic() >= ends:
                break
            went_on = found.why == "exchange.parts" and (found.learnt or found.given)
            tries -= not went_on  # there is more than one session holds
        self._judge(url, whole)
        return whole

    def push(self, url: str, acts: Sequence[bytes], *, seconds: float = EXCHANGE_SECONDS) -> Exchanged:
        """Offer acts to the node behind a URL, and give it those it lacks."""
        return self._once(url, lambda peer: self.exchange.offer(peer, acts), time.monotonic() + seconds)

    def _judge(self, url: str, found: Exchanged) -> None:
        if self.peers is None:
            return
        if found.whole:
            self.peers.asked(url)
        if found.withheld or found.unmet or found.why == "exchange.junk":
            self.peers.broke_promise(url)

    def _once(self, url: str, begin: Callable[[str], bytes], ends: float) -> Exchanged:
        with self._speaking:
            first = begin(url)
        why = ""
        try:
            self._converse(url, first, ends)
        except Unreachable as error:
            why = f"exchange.unreachable: {error}"
        except PourparlerError as error:
            why = str(error)
        with self._speaking:
            return self.exchange.end(url, first, why)

    def _converse(self, url: str, first: bytes, ends: float) -> None:
        """Say what there is to say, and hear the answers, until one side has nothing more."""
        out = [first]
        for _ in range(limits.EXCHANGE_ROUNDS_MAX):
            if not out:
                return
            left = ends - time.monotonic()
            if left <= 0:
                raise Unreachable("the time for this exchange is over")
            now, out = split(out)
            said = self._post(url, batch(now), min(left, ANSWER_SECONDS))
            for message in said:
                with self._speaking:
                    out += self.exchange.answer(message, url)
        raise Unreachable(f"no end after {limits.EXCHANGE_ROUNDS_MAX} answers")

    def _post(self, url: str, body: bytes, seconds: float) -> list[bytes]:
        most = limits.EXCHANGE_BATCH_MAX_BYTES
        reply = ask(f"{url.rstrip('/')}/{EXCHANGE}", body, most=most, seconds=seconds, content_type=CONTENT_TYPE)
        if reply.status != 200:
            said = reply.sentence()
            raise Unreachable(
                f"it answers {reply.status} {said}" if said else f"it answers {reply.status}: is it a node?"
            )
        return read_batch(reply.body)


def split(messages: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return as many messages as one body holds, and the rest."""
    room, count = limits.EXCHANGE_BATCH_MAX_BYTES - 1_024, 0
    for message in messages[: limits.EXCHANGE_BATCH_MESSAGES_MAX]:
        room -= len(message) + 5
        if room < 0:
            break
        count += 1
    return list(messages[:count]), list(messages[count:])


def joined(before: Exchanged, now: Exchanged) -> Exchanged:
    """Return what two exchanges with one peer came to, the second after the first."""
    learnt, given = before.learnt + now.learnt, before.given + now.given
    words = tuple({**dict(before.words), **dict(now.words)}.items())
    return Exchanged(now.peer, now.whole, now.why, learnt, given, now.withheld, now.unmet, words)


# --- home ledgers, from any mirror ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fault:
    """What a mirror did: which one, the reason's code or ``OSError``, and a sentence."""

    mirror: str
    reason: str
    detail: str


@dataclass(slots=True)
class Pulled:
    """What reading a home ledger came to: how many entries it has, how many were read and taken, and what the mirrors
    did. ``whole``: all of it is here. ``forked``: two checkpoints that the ledger signed, and that contradict each
    other."""

    home: Depositary
    size: int = 0
    read: int = 0
    whole: bool = False
    why: str = ""
    faults: list[Fault] = field(default_factory=list)
    forked: tuple[bytes, bytes] | None = None


class Mirrors:
    """Several sources of one ledger's files, the best first; a kept folder before all of them."""

    def __init__(self, sources: Iterable[Source], kept: Path | None) -> None:
        self.sources = list(sources)
        self.kept = Folder(kept) if kept is not None else None
        self.faults: list[Fault] = []

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self.sources))

    def blame(self, source: Source, error: Exception) -> None:
        """Ask a source last from now on."""
        reason = error.reason if isinstance(error, PourparlerError) else type(error).__name__
        if len(self.faults) < limits.EXCHANGE_ROUNDS_MAX:
            self.faults.append(Fault(source.name, reason, f"{error}"))
        if source in self.sources:
            self.sources.remove(source)
            self.sources.append(source)

    def get(self, path: str, most: int, first: Source) -> bytes | None:
        """Return a file, asked of one source before all others. Raises what that one raises."""
        data = first.get(path, most)
        if data is None:
            for other in self:
                try:
                    if other is not first and (data := other.get(path, most)) is not None:
                        return data
                except (OSError, PourparlerError) as error:
                    self.blame(other, error)
        return data

    def keep(self, path: str, data: bytes) -> None:
        """Keep a file that was proven, so that whoever comes back need not fetch it again."""
        if self.kept is not None:
            (self.kept.folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.kept.folder / path, data)


def pull_home(
    node: Node,
    home: Depositary,
    sources: Sequence[Source],
    *,
    kept: Path | None = None,
    seconds: float = 600.0,
) -> Pulled:
    """Read what is new of a home ledger, from any of several mirrors, and let the node take it.

    Every entry is proven under a checkpoint that the ledger's key signed. ``kept`` is a folder for files that were
    proven: reading that breaks off is resumed from it. Where what a newer checkpoint covers is not to be had, what an
    older one does is taken: a mirror that is ahead and gives nothing hides nothing. Raises :class:`StoreError` where
    the node cannot store.
    """
    ends = time.monotonic() + seconds
    mirrors, found = Mirrors(sources, kept), Pulled(home)
    found.faults = mirrors.faults
    notes = checkpoints(home, mirrors)
    start = node.home_size(home)
    if not notes:
        found.why = "no mirror has a checkpoint that the ledger signed"
        return found
    checkpoint, note = max(notes, key=lambda pair: pair[0].size)
    found.size = checkpoint.size
    if checkpoint.size <= start:
        found.read, found.whole = start, checkpoint.size == start
        found.why = "" if found.whole else "every mirror is behind what is held here"
        return found
    for other, other_note in notes:
        if not agrees(other, checkpoint, mirrors):
            found.forked, found.why = (other_note, note), "the ledger signed two histories"
            return found
    for size, (older, older_note) in sorted({one.size: (one, note) for one, note in notes}.items(), reverse=True):
        if size <= start:
            break
        entries = read_on(start, older, mirrors, found, ends)
        if start + len(entries) == size:
            texts = texts_of(entries, mirrors, ends)
            came = Came(CHANNEL, home.origin, node.holdings.wall.now())
            shown = node.take_home(home, start, entries, older_note, came, texts=texts)
            found.read, found.why = size, shown.reason or ("" if size == found.size else SHORT)
            found.whole = not found.why
            return found
        found.read = max(found.read, start + len(entries))
    found.why = found.why or SHORT
    return found


def checkpoints(home: Depositary, mirrors: Mirrors) -> list[tuple[Checkpoint, bytes]]:
    """Return the checkpoints that mirrors have and that the ledger signed."""
    found: list[tuple[Checkpoint, bytes]] = []
    for source in mirrors:
        try:
            note = source.get(CHECKPOINT, limits.NOTE_MAX_BYTES)
            if note is None:
                raise Missing("tile.unavailable", "it has no checkpoint")
            found.append((open_checkpoint(note, home.origin, ledger_key(home)).checkpoint, note))
        except (OSError, PourparlerError) as error:
            mirrors.blame(source, error)
    return found


def reader_of(checkpoint: Checkpoint, mirrors: Mirrors, source: Source) -> TileReader:
    def fetch(tile: Tile) -> bytes | None:
        return mirrors.get(tile.path, tile.max_bytes, source)

    return TileReader(checkpoint.size, checkpoint.root, fetch)


def agrees(other: Checkpoint, checkpoint: Checkpoint, mirrors: Mirrors) -> bool:
    """Return whether one checkpoint's tree begins with another's; where no mirror lets that be shown, nothing is said
    against it."""
    if other.size == checkpoint.size:
        return other.root == checkpoint.root
    for source in mirrors:
        try:
            path = consistency_path(other.size, checkpoint.size, reader_of(checkpoint, mirrors, source).node)
        except (OSError, PourparlerError) as error:
            mirrors.blame(source, error)
            continue
        try:
            verify_consistency(other.size, other.root, checkpoint.size, checkpoint.root, path)
        except Refused:
            return False  # the path was proven from the larger tree: it is the smaller root that does not fit
        return True
    return True


def read_on(start: int, checkpoint: Checkpoint, mirrors: Mirrors, found: Pulled, ends: float) -> list[bytes]:
    """Return the entries from one on, as far as they are to be had in time, each of them proven."""
    sources: list[Source] = [*([mirrors.kept] if mirrors.kept else []), *mirrors]
    readers = {source.name: reader_of(checkpoint, mirrors, source) for source in sources}
    entries: list[bytes] = []
    held_bytes = 0
    for index in range(start // TILE_WIDTH, -(-checkpoint.size // TILE_WIDTH)):
        if held_bytes > limits.NODE_HOME_BYTES_MAX:  # it is refused anyway, and a ledger may sign any size
            found.why = "it is larger than a node keeps"
            break
        if time.monotonic() > ends:
            found.why = "the time for this is over"
            break
        held = proven(index, readers, mirrors)
        if held is None:
            break
        tile = tile_of(checkpoint.size, None, index)
        if tile.full:
            mirrors.keep(tile.path, encode_bundle(held))
        entries += held[max(0, start - index * TILE_WIDTH) :]
        held_bytes += sum(map(len, held))
    return entries


def proven(index: int, readers: dict[str, TileReader], mirrors: Mirrors) -> tuple[bytes, ...] | None:
    """Return the entries of one bundle from the first mirror whose files prove them; None where none has such."""
    kept = [mirrors.kept] if mirrors.kept else []
    for source in [*kept, *mirrors]:
        try:
            return readers[source.name].entries(index)
        except (OSError, PourparlerError) as error:
            if source is not mirrors.kept:
                mirrors.blame(source, error)
    return None


def texts_of(entries: Iterable[bytes], mirrors: Mirrors, ends: float) -> list[bytes]:
    """Return the texts that entries brought with them, as far as a mirror has them."""
    found: list[bytes] = []
    room = limits.NODE_HOME_BYTES_MAX
    for entry in entries:
        for digest in texts_brought(entry):
            for source in mirrors:
                if time.monotonic() > ends or room < 0:
                    return found
                try:
                    text = source.get(text_path(digest), limits.TEXT_MAX_BYTES)
                except (OSError, PourparlerError) as error:
                    mirrors.blame(source, error)
                    continue
                if text is not None and text_digest(text) == digest:
                    found.append(text)
                    room -= len(text)
                    break
    return found
