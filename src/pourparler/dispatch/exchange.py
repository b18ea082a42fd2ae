"""Exchange: two nodes tell each other what the other lacks. Specification: ``spec/exchange.md``.

One side begins with ``hello``: its rows (``dispatch.heads``). The other answers with ``welcome``: its own rows, and the
first symbols of what hangs on no chain (``dispatch.riblt``); behind it come the acts that the first rows lack. From
there both send what the other has not got, the worst news first (``dispatch.urgency``), and each batch of acts is
answered by ``taken`` once it is durable, which calls for the next. So a session that breaks off anywhere has done what
it did, and the next one goes on from there.

Nothing that a peer says is believed. What it sends is an act that is judged, or a hint at what to send, and a lie costs
what an honest question costs: sessions, queues, symbols and lists are bounded, whoever asks has an allowance of bytes,
and where an address proves nothing, only a known key makes this node say more than a few bytes.

An object of this class is fed with bytes and asked for bytes: no thread, socket, clock or chance is in it but those it
is given. It is not safe to use from several threads at once.
"""

from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import heappop, heappush
from itertools import count, islice
from operator import attrgetter, itemgetter
from typing import NamedTuple, Protocol

from pourparler.core import limits
from pourparler.core.act import Act, parse_act
from pourparler.core.encoding import Value, verify_ed25519
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.dispatch.allowance import Allowance, Rate
from pourparler.dispatch.heads import Heads, Marked, behind, mark, mark_of_all, marked
from pourparler.dispatch.messages import SESSION_BYTES, Message, message, read, session_key, to_show
from pourparler.dispatch.riblt import SHORT_BYTES, SYMBOL_BYTES, Coder, Peeling, shorten
from pourparler.dispatch.urgency import Urgency, urgency_of
from pourparler.ports import Chance, Clock, Signer

FIRST_SYMBOLS = 16  # that a welcome holds: enough for up to some ten differences
LISTED_AT_ONCE = limits.SHORT_IDS_AT_ONCE_MAX
WANTED_AT_ONCE = limits.EXCHANGE_IDS_MAX
MESSAGE_ROOM_BYTES = limits.EXCHANGE_MESSAGE_MAX_BYTES - 1_024
READ_AT_ONCE = 64
QUEUE_MAX_BYTES = 8 * 1024 * 1024  # of acts that wait to be sent in one session; the next session has the rest

NEW = "new"

STRANGERS = Rate(4 * 1024 * 1024, 64 * 1024)
KNOWN_KEYS = Rate(64 * 1024 * 1024, 4 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Word:
    """What became of an act that was brought: its id, one word (``new``, ``known``, ``pending``, ``carried``, ``void``,
    or the code of why it was refused), the acts that it waits for, and whether it was ``junk``: nothing that anybody
    signed."""

    act: bytes
    word: str
    wants: tuple[bytes, ...] = ()
    junk: bool = False


class Holding(Protocol):
    """What an exchange needs of the node it speaks for. Raises ``OSError`` or :class:`StoreError` where it cannot."""

    def heads(self) -> Heads:
        """Return how far the node has each chain."""

    def lacking(self, theirs: Marked) -> Iterable[bytes]:
        """Yield the envelopes of the acts that hang on a chain and that somebody with these rows lacks, in order."""

    def loose(self) -> Iterable[bytes]:
        """Yield the ids of the acts that hang on no chain."""

    def acts(self, ids: Sequence[bytes]) -> list[bytes]:
        """Return the envelopes of those of some acts that are held."""

    def lacks(self, act: bytes) -> bool:
        """Return whether an act would be news."""

    def take(self, envelopes: Sequence[bytes], peer: str) -> list[Word]:
        """Judge acts and keep them, durably, or say of each why not. Raises nothing for what it is given."""

    def told(self, peer: str, theirs: Marked) -> None:
        """Take note of how far a peer says to have each chain."""


class Waiting(NamedTuple):
    """An act that waits to be sent: the most urgent first, and otherwise in the order in which they came."""

    urgency: Urgency
    number: int
    act: bytes
    envelope: bytes


@dataclass(slots=True)
class Session:
    """One exchange with one peer, from either side."""

    name: bytes
    peer: str
    begun_here: bool
    since: int
    part: tuple[int, int] = (0, 1)
    nonce: bytes = b""
    theirs: Marked | None = None
    key_shown: bytes = b""
    same: bool = False  # by their mark of all, they have what this node has
    coder: Coder | None = None
    peeling: Peeling | None = None
    their_count: int = 0
    listed: list[int] = field(default_factory=list)
    listing: bool = False
    reconciled: bool = False
    queue: list[Waiting] = field(default_factory=list)  # a heap
    queued: set[bytes] = field(default_factory=set)
    queue_bytes: int = 0
    cut: bool = False  # there is more to send than one session holds
    unanswered: int = 0  # acts sent, and no word of them yet
    sent: frozenset[bytes] = frozenset()  # their ids
    unnamed: int = 0  # acts of which the answer to them said nothing: they were spoilt on the way
    wanted: list[int] = field(default_factory=list)  # short ids still to be asked for
    asked: set[bytes] = field(default_factory=set)
    owed: set[int] = field(default_factory=set)  # short ids that were asked for, and not given yet
    junk: int = 0
    learnt: list[bytes] = field(default_factory=list)
    given: list[bytes] = field(default_factory=list)
    words: dict[bytes, str] = field(default_factory=dict)
    ended: str = ""

    @property
    def quiet(self) -> bool:
        """Whether nothing is left to be said from this side."""
        return bool(self.ended) or (self.reconciled and not self.queue and not self.wanted and not self.unanswered)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What an exchange came to: the acts learnt and given, whether it ran to its end (else why not), and the issuers of
    whose chains the peer says to have more than it gave."""

    peer: str
    whole: bool
    why: str = ""
    learnt: tuple[bytes, ...] = ()
    given: tuple[bytes, ...] = ()
    withheld: tuple[bytes, ...] = ()
    unmet: int = 0
    words: tuple[tuple[bytes, str], ...] = ()  # what the peer said of each act that it was given, as in ``taken``


@dataclass(frozen=True, slots=True)
class Manners:
    """How a node treats those who ask: ``strangers`` is what somebody without a known key may move, None where he may
    not (a channel on which his address proves nothing); ``known`` what a known key may."""

    strangers: Rate | None = STRANGERS
    known: Rate = KNOWN_KEYS
    known_keys: Callable[[], Container[bytes]] = frozenset


class Exchange:
    """All exchanges of one node on one channel.

    ``signer`` shows who asks where a peer wants to know: a dispatch key, or another that the peer knows.
    """

    def __init__(
        self,
        holding: Holding,
        chance: Chance,
        clock: Clock,
        *,
        manners: Manners | None = None,
        signer: Signer | None = None,
        heard: Callable[[str, bytes], None] = lambda _peer, _act: None,
    ) -> None:
        self.holding, self.chance, self.clock = holding, chance, clock
        self.manners, self.signer, self.heard = manners or Manners(), signer, heard
        self.sessions: OrderedDict[tuple[str, bytes], Session] = OrderedDict()
        self.challenges: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self.allowance = Allowance(limits.EXCHANGE_PEERS_MAX)
        self._numbers = count()

    # Beginning and ending.

    def begin(self, peer: str, part: tuple[int, int] | None = None) -> bytes:
        """Return the first message of an exchange with a peer."""
        session = self._new(peer, self.chance.bytes(SESSION_BYTES), begun_here=True)
        if part is None:
            most = limits.RECONCILED_MAX
            parts = 1
            loose = sum(1 for _ in self.holding.loose())
            while loose > most * parts and parts < limits.RECONCILED_PARTS_MAX:
                parts *= 2
            part = (int.from_bytes(session.name[:2]) % parts, parts)
        session.part = part
        return self._hello(session)

    def heads(self) -> bytes:
        """Return a hello that nobody need answer: how far this node has each chain."""
        return self._hello(Session(self.chance.bytes(SESSION_BYTES), "", begun_here=True, since=0))

    def hear_heads(self, data: bytes, peer: str) -> list[bytes]:
        """Take note of a hello that nobody need answer; return what its sender lacks of the chains, worst news first.

        Raises :class:`Malformed` (``cbor.*``, ``exchange.kind``, ``exchange.layout``).
        """
        found = read(data)
        if found.kind != "hello":
            raise Malformed("exchange.kind", f"{found.kind} says nothing of how far somebody is")
        theirs = marked(found.session, found["organs"], found["beacons"])
        self.holding.told(peer, theirs)
        lacked, room = [], QUEUE_MAX_BYTES
        for act, envelope in readable(islice(self.holding.lacking(theirs), limits.EXCHANGE_QUEUE_MAX)):
            room -= len(envelope)
            if room < 0:
                break
            lacked.append((urgency_of(act), envelope))
        return [envelope for _, envelope in sorted(lacked, key=itemgetter(0))]

    def offer(self, peer: str, ids: Sequence[bytes]) -> bytes:
        """Return a message that offers acts: the peer asks for those it lacks."""
        session = self._new(peer, self.chance.bytes(SESSION_BYTES), begun_here=True)
        session.reconciled = True
        return message("offer", session=session.name, ids=list(ids[: limits.EXCHANGE_IDS_MAX]))

    def end(self, peer: str, first: bytes, why: str = "") -> Exchanged:
        """Forget the session that a message began, and return what came of it."""
        session = self.sessions.pop((peer, read(first).session), None)
        if session is None:
            return Exchanged(peer, whole=False, why=why or "exchange.session")
        why = why or session.ended or ("" if session.quiet and not session.unnamed else "exchange.unfinished")
        why = why or ("exchange.parts" if session.cut else "")
        compared = session.theirs if session.theirs and why != "exchange.parts" else None
        withheld = behind(self.holding.heads(), compared) if compared else []
        unmet = len(session.owed) if why != "exchange.parts" else 0
        learnt, given, words = tuple(session.learnt), tuple(session.given), tuple(session.words.items())
        return Exchanged(peer, not why, why, learnt, given, tuple(withheld), unmet, words)

    def current(self, peer: str, first: bytes) -> Session | None:
        """Return the session that a message began, or None where it is over."""
        return self.sessions.get((peer, read(first).session))

    # Answering.

    def answer(self, data: bytes, peer: str) -> list[bytes]:
        """Return the answers to a peer's message; there may be none.

        Raises :class:`Malformed` (``cbor.*``, ``exchange.kind``, ``exchange.layout``) for what is no message.
        """
        found = read(data)
        session = self.sessions.get((peer, found.session))
        try:
            self._charge(peer, session, len(data))
            answers = list(self._handle(found, session, peer))
        except Refused as refusal:
            return [self._over(found.session, peer, refusal)]
        self._charge(peer, self.sessions.get((peer, found.session)), sum(map(len, answers)), owed=True)
        return answers

    def _over(self, name: bytes, peer: str, refusal: Refused) -> bytes:
        """Forget a session, and return the message that says so. What was taken stays taken."""
        session = self.sessions.get((peer, name))
        if session is not None:
            session.ended = refusal.reason
            if not session.begun_here:
                del self.sessions[peer, name]
        seconds = getattr(refusal, "seconds", None)
        return message("end", session=name, reason=refusal.reason, seconds=seconds)

    def _handle(self, found: Message, session: Session | None, peer: str) -> Iterable[bytes]:
        match found.kind:
            case "hello":
                return self._on_hello(found, session, peer)
            case "offer":
                return self._on_offer(found, session or self._met(found.session, peer))
            case "end":
                return self._on_end(found, session)
            case "acts" if session is None:
                session = self._met(found.session, peer)
        if session is None or session.ended:
            raise Refused("exchange.session", "there is no such session here, or it is over")
        handlers: dict[str, Callable[[Message, Session], Iterable[bytes]]] = {
            "challenge": self._on_challenge,
            "welcome": self._on_welcome,
            "symbols": self._on_symbols,
            "shorts": self._on_shorts,
            "request": self._on_request,
            "acts": self._on_acts,
            "taken": self._on_taken,
        }
        return handlers[found.kind](found, session)

    # Who may ask, and how much.

    def _charge(self, peer: str, session: Session | None, size: int, *, owed: bool = False) -> None:
        """Take bytes off an allowance. Raises :class:`Busy` where there are not so many, unless they are ``owed``: what
        is said already is said, and the next question waits for it. What this node began itself costs nobody."""
        if session is not None and session.begun_here:
            return
        known = session is not None and session.key_shown
        rate = self.manners.known if known else self.manners.strangers
        if rate is None:
            return  # they get a challenge, and no more
        name = (session.key_shown.hex() if session is not None and known else peer) or "?"
        wait = self.allowance.spend(name, size, rate, self.clock.now(), owed=owed)
        if wait:
            raise Busy(wait)

    def _met(self, name: bytes, peer: str) -> Session:
        """Return a session for a peer that began without ``hello``, where strangers may."""
        if self.manners.strangers is None:
            raise Refused("exchange.stranger", "this channel answers those whose key is known")
        session = self._new(peer, name, begun_here=False)
        session.reconciled = True
        return session

    def _check_shown(self, found: Message, peer: str) -> bytes:
        """Return the key by which somebody shows himself. Raises :class:`Refused`."""
        drawn = self.challenges.pop((peer, found.session), None)
        if drawn is None or drawn != found["nonce"]:
            raise Refused("exchange.stranger", "the challenge is none that was put for this session")
        if found["key"] not in self.manners.known_keys():
            raise Refused("exchange.stranger", "the key is not known here")
        verify_ed25519(found["key"], to_show(found.session, drawn), found["signature"])
        key: bytes = found["key"]
        return key

    def _new(self, peer: str, name: bytes, *, begun_here: bool) -> Session:
        """Return a new session; the oldest ones go where there are too many, those of this peer first."""
        now = self.clock.now()
        for key, old in list(self.sessions.items()):
            if not 0 <= now - old.since < limits.EXCHANGE_SESSION_SECONDS:
                del self.sessions[key]
        own = [key for key in self.sessions if key[0] == peer]
        if len(own) >= limits.EXCHANGE_SESSIONS_OF_PEER_MAX:
            del self.sessions[own[0]]
        elif len(self.sessions) >= limits.EXCHANGE_SESSIONS_MAX:
            theirs = [key for key, one in self.sessions.items() if not one.begun_here]
            strangers = [key for key in theirs if not self.sessions[key].key_shown]
            del self.sessions[(strangers or theirs or own or list(self.sessions))[0]]
        session = self.sessions[peer, name] = Session(name, peer, begun_here, now)
        return session

    def _on_hello(self, found: Message, session: Session | None, peer: str) -> Iterable[bytes]:
        if session is not None:
            raise Refused("exchange.session", "a session of this name runs already")
        shown = self._check_shown(found, peer) if found.get("key") else b""
        if not shown and self.manners.strangers is None:
            nonce = self.challenges[peer, found.session] = self.chance.bytes(SESSION_BYTES)
            if len(self.challenges) > limits.EXCHANGE_SESSIONS_MAX:
                self.challenges.popitem(last=False)
            return [message("challenge", session=found.session, nonce=nonce)]
        session = self._new(peer, found.session, begun_here=False)
        session.key_shown, session.nonce = shown, found.get("nonce") or self.chance.bytes(SESSION_BYTES)
        session.part = tuple(found.get("part") or (0, 1))
        if shown:
            self._charge(peer, session, 0)  # his own allowance may be spent, too
        self._hear(session, found)
        ids = self._compared_ids(session)
        session.same = len(ids) <= limits.RECONCILED_MAX and found.get("all") == mark_of_all(session.name, ids)
        coder = None if session.same else self._coder(session, ids)
        if coder:
            self._charge_comparing(session, coder)
        session.reconciled = True  # it is the other side that compares
        organs, beacons = self.holding.heads().rows(session.nonce)
        heard: dict[str, Value] = {"organs": organs, "beacons": beacons, "loose": len(ids)}
        if session.same:
            heard["all"] = mark_of_all(session.nonce, ids)
        symbols = coder.symbols(0, found["symbols"]) if coder else b""
        return [
            message("welcome", session=session.name, nonce=session.nonce, **heard, symbols=symbols),
            *self._next(session),
        ]

    def _charge_comparing(self, session: Session, coder: Coder) -> None:
        """To compare costs this node as much as to list: a question of a few bytes is not a cheap one."""
        self._charge(session.peer, session, SHORT_BYTES * len(coder.names), owed=True)

    def _on_challenge(self, found: Message, session: Session) -> Iterable[bytes]:
        if not session.begun_here or session.theirs or session.nonce:
            raise Refused("exchange.session", "nobody asked for a challenge")
        if self.signer is None:
            raise Refused("exchange.stranger", "the peer asks who we are, and there is no key here to show")
        session.nonce = found["nonce"]
        return [self._hello(session, self.signer)]

    def _hello(self, session: Session, signer: Signer | None = None) -> bytes:
        organs, beacons = self.holding.heads().rows(session.name)
        ids, shown = self._compared_ids(session), {}
        if signer is not None:
            signature = signer.sign(to_show(session.name, session.nonce))
            shown = {"nonce": session.nonce, "key": signer.public_key, "signature": signature}
        return message(
            "hello",
            session=session.name,
            organs=organs,
            beacons=beacons,
            loose=len(ids),
            all=mark_of_all(session.name, ids) if len(ids) <= limits.RECONCILED_MAX else None,
            symbols=FIRST_SYMBOLS,
            part=list(session.part) if session.part != (0, 1) else None,
            **shown,
        )

    # Chains.

    def _hear(self, session: Session, found: Message) -> None:
        """Take note of somebody's rows, and queue what they lack."""
        salt = session.name if found.kind == "hello" else found["nonce"]
        session.theirs = marked(salt, found["organs"], found["beacons"])
        self.holding.told(session.peer, session.theirs)
        self._queue(session, self.holding.lacking(session.theirs))

    def _queue(self, session: Session, envelopes: Iterable[bytes]) -> None:
        """Let envelopes wait to be sent."""
        for act, envelope in readable(envelopes):
            full = len(session.queue) >= limits.EXCHANGE_QUEUE_MAX or len(session.queued) >= limits.EXCHANGE_SENT_MAX
            if full or session.queue_bytes + len(envelope) > QUEUE_MAX_BYTES:
                session.cut = True
                return
            seen = blake2b(envelope, digest_size=16).digest()
            if seen not in session.queued:
                session.queued.add(seen)
                session.queue_bytes += len(envelope)
                heappush(session.queue, Waiting(urgency_of(act), next(self._numbers), act.id, envelope))

    def _acts(self, ids: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the envelopes of acts, of few at a time: whoever queues them may stop."""
        for start in range(0, len(ids), READ_AT_ONCE):
            yield from self.holding.acts(ids[start : start + READ_AT_ONCE])

    def _next(self, session: Session) -> Iterator[bytes]:
        """Yield the next acts that wait, as one message, unless some are still unanswered: the most urgent ones, and
        these in the order of their chains."""
        if session.unanswered or not session.queue:
            if session.cut and not session.unanswered and not session.begun_here:
                session.cut = False
                yield message("end", session=session.name, reason="exchange.parts")
            return
        now: list[Waiting] = []
        room = MESSAGE_ROOM_BYTES
        while session.queue and len(now) < limits.EXCHANGE_ACTS_MAX and len(session.queue[0].envelope) + 5 <= room:
            now.append(heappop(session.queue))
            room -= len(now[-1].envelope) + 5
            session.queue_bytes -= len(now[-1].envelope)
        now.sort(key=attrgetter("number"))
        session.unanswered, session.sent = len(now), frozenset(one.act for one in now)
        envelopes = [one.envelope for one in now]
        yield message("acts", session=session.name, acts=envelopes, left=len(session.queue))

    # The loose ones.

    def _loose(self, session: Session) -> Iterator[bytes]:
        """Yield the ids of this node's part of what is compared."""
        index, parts = session.part
        for act in self.holding.loose():
            if parts == 1 or int.from_bytes(mark(session.name, act)) % parts == index:
                yield act

    def _compared_ids(self, session: Session) -> list[bytes]:
        """Return the ids that a session compares, and one more than it may where there are more."""
        return list(islice(self._loose(session), limits.RECONCILED_MAX + 1))

    def _coder(self, session: Session, ids: Sequence[bytes]) -> Coder | None:
        """Return the coder of a session that compares these, or None where there is more than one session compares."""
        if session.coder is None:
            if len(ids) > limits.RECONCILED_MAX:
                return None
            holding = [one for one in self.sessions.values() if one.coder is not None]
            if len(holding) >= limits.EXCHANGE_LISTED_MAX:
                theirs = [one for one in holding if not one.begun_here]
                own = [one for one in theirs if one.peer == session.peer and not session.begun_here]
                self._drop_coder((own or theirs or holding)[0])  # who asks again and again puts himself out first
            session.coder = Coder(session_key(session.name, session.nonce))
            session.coder.extend(ids)
        return session.coder

    def _drop_coder(self, session: Session) -> None:
        """Forget what a session compares: it is over, and its peer may begin again."""
        session.coder = None
        session.ended = "exchange.busy"

    def _on_welcome(self, found: Message, session: Session) -> Iterable[bytes]:
        if not session.begun_here or session.theirs is not None:
            raise Refused("exchange.session", "nobody asked for a welcome")
        session.nonce, session.their_count = found["nonce"], found["loose"]
        self._hear(session, found)
        ids = self._compared_ids(session)
        if found.get("all") and found["all"] == mark_of_all(session.nonce, ids):
            session.reconciled = True
            return self._next(session)
        coder = self._coder(session, ids)
        if coder is None or session.their_count > limits.RECONCILED_MAX:
            raise Refused("exchange.parts", "there is more to compare than one session does: ask for a part")
        session.peeling = Peeling(coder, session.their_count - len(coder.names))
        if found["symbols"]:
            session.peeling.add(found["symbols"])
        return [*self._next(session), *self._compare(session)]

    def _compare(self, session: Session) -> Iterable[bytes]:
        """Return what to ask for next, once some symbols are here."""
        peeling, coder = session.peeling, session.coder
        assert peeling is not None
        assert coder is not None
        have, surplus = len(peeling.cells), abs(peeling.surplus)
        if peeling.done or not session.their_count:
            theirs = peeling.theirs
            ours = peeling.ours if session.their_count else list(coder.names)
            return self._compared(session, theirs, ours)
        most = min(peeling.most, SHORT_BYTES * session.their_count // SYMBOL_BYTES + 64)  # past that a list is cheaper
        if have >= most or surplus >= most:
            session.listing = True
            return [message("request", session=session.name, list=[0, LISTED_AT_ONCE])]
        expected = peeling.estimate * 5 // 4
        more = expected - have if expected > have else max(8, have // 16)
        more = min(more, most - have, limits.SYMBOLS_AT_ONCE_MAX)
        return [message("request", session=session.name, symbols=[have, more])]

    def _compared(self, session: Session, theirs: Iterable[int], ours: Iterable[int]) -> Iterable[bytes]:
        """Return what follows once it is known who lacks what."""
        assert session.coder is not None
        session.reconciled, session.wanted = True, list(theirs)
        names = [session.coder.names[short] for short in ours if short in session.coder.names]
        self._queue(session, self._acts(names))
        return [*self._want(session), *self._next(session)]

    def _want(self, session: Session) -> Iterator[bytes]:
        if session.wanted:
            now, session.wanted = session.wanted[:WANTED_AT_ONCE], session.wanted[WANTED_AT_ONCE:]
            session.owed.update(now)
            shorts = b"".join(short.to_bytes(SHORT_BYTES) for short in now)
            yield message("request", session=session.name, shorts=shorts)

    def _on_symbols(self, found: Message, session: Session) -> Iterable[bytes]:
        peeling = session.peeling
        if peeling is None or session.reconciled or session.listing or found["start"] != len(peeling.cells):
            raise Refused("exchange.session", "nobody asked for these symbols")
        if found["symbols"]:
            room = max(0, peeling.most - len(peeling.cells))
            peeling.add(found["symbols"][: SYMBOL_BYTES * room])
            return self._compare(session)
        session.listing = True
        return [message("request", session=session.name, list=[0, LISTED_AT_ONCE])]

    def _on_shorts(self, found: Message, session: Session) -> Iterable[bytes]:
        if not session.listing or session.reconciled or found["start"] != len(session.listed):
            raise Refused("exchange.session", "nobody asked for this list")
        data = found["shorts"]
        session.listed += [int.from_bytes(data[at : at + SHORT_BYTES]) for at in range(0, len(data), SHORT_BYTES)]
        if data and len(session.listed) < session.their_count:
            return [message("request", session=session.name, list=[len(session.listed), LISTED_AT_ONCE])]
        assert session.coder is not None
        theirs = dict.fromkeys(session.listed)
        names = session.coder.names
        session.listed = []
        return self._compared(
            session, [one for one in theirs if one not in names], [one for one in names if one not in theirs]
        )

    # Acts.

    def _on_request(self, found: Message, session: Session) -> Iterable[bytes]:
        if (asked := found.get("ids")) is not None:
            self._queue(session, self._acts(asked))
            return self._next(session)
        if session.same and session.coder is None:  # what the other side has was another set when it got the answer
            made = self._coder(session, self._compared_ids(session))
            if made is not None:
                self._charge_comparing(session, made)
        coder = session.coder
        if coder is None:
            raise Refused("exchange.session", "this session compares nothing")
        if (asked := found.get("shorts")) is not None:
            shorts = (int.from_bytes(asked[at : at + SHORT_BYTES]) for at in range(0, len(asked), SHORT_BYTES))
            self._queue(session, self._acts([coder.names[one] for one in shorts if one in coder.names]))
            return self._next(session)
        if (asked := found.get("symbols")) is not None:
            start, size = asked
            size = min(size, limits.SYMBOLS_MAX - start) if start <= len(coder.cells) else 0
            symbols = coder.symbols(start, size) if size > 0 else b""
            return [message("symbols", session=session.name, start=start, symbols=symbols)]
        start, size = found["list"]
        shorts_ = b"".join(short.to_bytes(SHORT_BYTES) for short in coder.shorts(start, size))
        return [message("shorts", session=session.name, start=start, shorts=shorts_)]

    def _on_offer(self, found: Message, session: Session) -> Iterable[bytes]:
        lacked = [one for one in dict.fromkeys(found["ids"]) if self.holding.lacks(one)]
        if not lacked:
            return [message("end", session=session.name, reason="exchange.nothing-new")]
        return [message("request", session=session.name, ids=lacked)]

    def _on_acts(self, found: Message, session: Session) -> Iterable[bytes]:
        """Take acts in, and answer once they are durable; ask for those that they wait for."""
        words = self.holding.take(found["acts"], session.peer)
        session.junk += sum(word.junk for word in words)
        for word in words:
            if session.owed and session.coder is not None and word.act:
                session.owed.discard(shorten(session.coder.key, word.act))
            if word.word == NEW:
                session.learnt.append(word.act)
                self.heard(session.peer, word.act)
        if session.junk > limits.EXCHANGE_JUNK_MAX:
            raise Refused("exchange.junk", "too much of what came was never signed by anybody")
        answers = [[word.act, word.word] for word in words if word.act]
        said = [message("taken", session=session.name, acts=answers)] if answers else []
        wants = dict.fromkeys(act for word in words for act in word.wants if act not in session.asked)
        lacked = [act for act in wants if self.holding.lacks(act)][: limits.EXCHANGE_IDS_MAX]
        if lacked and len(session.asked) < limits.EXCHANGE_IDS_MAX:
            session.asked.update(lacked)
            said.append(message("request", session=session.name, ids=lacked))
        return [*said, *(self._want(session) if not found["left"] else ())]

    def _on_taken(self, found: Message, session: Session) -> Iterable[bytes]:
        rows = found["acts"][: session.unanswered]
        session.given += [act for act, word in rows if word == NEW]
        session.words.update((act, word) for act, word in rows if len(session.words) < limits.EXCHANGE_IDS_MAX)
        if session.unanswered:
            session.unnamed += len(session.sent - {act for act, _ in rows})
        session.unanswered = 0
        return self._next(session)

    def _on_end(self, found: Message, session: Session | None) -> Iterable[bytes]:
        if session is not None:
            session.ended = found["reason"] if found["reason"] != "exchange.nothing-new" else ""
            if not session.begun_here:
                self.sessions.pop((session.peer, session.name), None)
        return ()


def readable(envelopes: Iterable[bytes]) -> Iterator[tuple[Act, bytes]]:
    """Yield acts with their envelopes, but for those that are spoilt in this node's own store: nobody can read them."""
    for envelope in envelopes:
        try:
            act = parse_act(envelope)
        except PourparlerError:
            continue
        yield act, envelope


class Busy(Refused):
    """Somebody asks for more than his allowance; ``seconds`` says when it will be enough again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("exchange.busy", f"the allowance is used up: again in {seconds} s")
        self.seconds = seconds
