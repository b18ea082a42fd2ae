"""A station: a node at work on its channels, each in a thread of its own, until it is told to stop.

What comes on any channel goes to the node, and only there is it judged. What the node took for good goes out again on
every channel that sends: anyone may carry any act. Nothing is handed on that the node has not verified.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pourparler.core.act import Act, parse_act
from pourparler.core.errors import PourparlerError
from pourparler.dispatch.bus import Bus, BusTrouble
from pourparler.dispatch.carousel import Carousel
from pourparler.dispatch.exchange import Exchanged
from pourparler.dispatch.fountain import Decoder
from pourparler.dispatch.frame import TAG_BYTES, FrameForm, Part, joined
from pourparler.dispatch.receiver import Bundle, Envelope, Heard, Receiver
from pourparler.ports import Clock, FrameChannel, StoreError
from pourparler.service.lag import Lag
from pourparler.service.node.node import Node
from pourparler.service.node.nouns import Came, Shown, State, Taken
from pourparler.service.spool import Answer, Job, Spool
from pourparler.service.wire import Desk

LISTEN_SECONDS = 0.5
ROUND_SECONDS = 10.0
AGAIN_SECONDS = 2.0  # after a channel failed
TAGS_KEPT = 65_536
TO_SEND_MAX = 65_536  # acts that wait to be put on carousels
SPOOL_SECONDS = 0.2
FOLLOW_SECONDS = 1.0  # between two looks at whom the user trusts
BUS_TIMES = 16  # that a bus brings again what waits here


@dataclass(frozen=True, slots=True)
class News:
    """Something came and was judged: an act (or a part of one), or a bundle."""

    taken: Taken | Shown
    came: Came
    kind: str = ""
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """A channel fails; it is tried again."""

    channel: str
    what: str


Event = News | Trouble | Exchanged


@dataclass(slots=True)
class Tags:
    """The tags of acts from which nothing is to be learnt any more; the longest known are forgotten first."""

    known: OrderedDict[bytes, None] = field(default_factory=OrderedDict)

    def add(self, act: bytes) -> None:
        self.known[act[:TAG_BYTES]] = None
        if len(self.known) > TAGS_KEPT:
            self.known.popitem(last=False)

    def __call__(self, _form: FrameForm, tag: bytes) -> bool:
        return tag in self.known


class Station:
    """A node and its channels. ``tell`` is called, in whichever thread it happens, with each :data:`Event`.

    ``relays`` says whether what was taken goes out again on the carousels. Closing stops the threads, not the node.
    """

    def __init__(
        self,
        node: Node,
        decoder: Decoder,
        clock: Clock,
        *,
        tell: Callable[[Event], None] = lambda _: None,
        relays: bool = True,
    ) -> None:
        self.node, self.clock, self.tell, self.relays = node, clock, tell, relays
        self.tags = Tags()
        self.receiver = Receiver(node.dispatch_keys, decoder, known=self.tags, tell_banned=node.ban)
        self.carousels: list[Carousel] = []
        self.stopped = threading.Event()
        self.threads: list[threading.Thread] = []
        self._hearing = threading.Lock()  # the receiver is for one thread at a time
        self._sending = threading.Lock()  # and so are the carousels
        self._to_send: deque[bytes] = deque(maxlen=TO_SEND_MAX)
        with node.still() as registry:
            for act in node.every():
                if act.id in registry.outcomes or not node.store.pending_of(act.id):  # of what waits more may be learnt
                    self.tags.add(act.id)
            node.listen(self._note)

    # Channels.

    def listen(self, channel: FrameChannel, name: str = "radio") -> None:
        """Hear frames on a channel from now on."""

        def hear() -> None:
            frame = channel.receive(LISTEN_SECONDS)
            if frame is not None:
                self.hear(frame, name)

        self._keep_doing(name, hear, pause=0.0)

    def transmit(self, channel: FrameChannel, carousel: Carousel, name: str = "radio") -> None:
        """Send what goes round in a carousel from now on, as fast as the channel takes it."""
        self.carousels.append(carousel)

        def send() -> None:
            self.pass_on()
            with self._sending:
                frame = carousel.next_frame(time.monotonic())
            if frame is None:
                self.stopped.wait(LISTEN_SECONDS)
            else:
                channel.send(frame)

        self._keep_doing(name, send, pause=0.0)

    def visit(self, desk: Desk, urls: Sequence[str], every_seconds: float = ROUND_SECONDS) -> None:
        """Exchange with these nodes on the wire now, and again from time to time."""

        def go_round() -> None:
            for url in urls:
                if not self.stopped.is_set():
                    self.tell(desk.exchange_with(url))

        self._keep_doing("wire", go_round, pause=every_seconds)

    def ride(self, bus: Bus, lag: Lag | None = None) -> None:
        """Take what comes on a bus from now on; it is acknowledged there once the node has judged it. Parties that the
        node follows or gets to know later are read there as well. With ``lag`` the nodes there see what others lack,
        and publish it again.

        A delivery that cannot be acknowledged comes again, and is known then."""

        def fetch() -> None:
            bus.follow(self.node.parties())
            if lag is not None:
                lag.turn()
            for delivery in bus.fetch(seconds=LISTEN_SECONDS):
                (taken,) = self.take([delivery.data], self.came("bus", ""))
                if self.may_be_lost(taken) and (self.node.read_only or delivery.times < BUS_TIMES):
                    delivery.later()
                else:
                    delivery.done()

        self._keep_doing("bus", fetch, pause=0.0)

    def follow(self, named: Callable[[], Iterable[bytes]]) -> None:
        """Let the node follow whatever parties are ``named``, now and whenever more are."""

        def look() -> None:
            for party in set(named()) - self.node.followed:
                self.node.follow(party)

        self._keep_doing("trust", look, pause=FOLLOW_SECONDS)

    def take_from(self, spool: Spool, doing: Callable[[Job], Answer]) -> None:
        """Take what other commands of this workspace hand over, from now on; ``doing`` does a job, and answers it."""

        def look() -> None:
            spool.take(doing)

        self._keep_doing("spool", look, pause=SPOOL_SECONDS)

    def kept(self, taken: Iterable[Taken]) -> None:
        """Remember, and send on, what the node took otherwise than by this station."""
        for answer in taken:
            if answer.kept:
                self.tags.add(answer.act)
        self.pass_on()

    def _note(self, act: Act) -> None:
        """Remember an act that is new and may be handed on, whichever way it came, and however long it has waited."""
        if self.relays and self.carousels:
            self._to_send.append(act.id)

    def pass_on(self) -> None:
        """Let what is new go round on the carousels."""
        while self._to_send:
            with suppress(IndexError):  # another thread has taken it
                self.send_on(self.node.acts([self._to_send.popleft()]))

    def may_be_lost(self, taken: Taken) -> bool:
        """Return whether what was brought is not on the disk here, and was not refused for good."""
        waits = taken.state is State.PENDING and not taken.works
        return waits or taken.reason == "node.quota" or self.node.read_only is not None

    # What comes.

    def came(self, channel: str, peer: str) -> Came:
        return Came(channel, peer, self.clock.now())

    def hear(self, frame: bytes, channel: str, peer: str = "") -> None:
        """Take one frame, and what is whole with it."""
        with self._hearing:
            found = self.receiver.hear(frame, time.monotonic(), f"{channel} {peer}")
        self.take_heard(found, self.came(channel, peer))

    def take_heard(self, found: Iterable[Heard], came: Came) -> None:
        for one in found:
            match one:
                case Envelope(data):
                    self.take([data], came)
                case Part() as part:
                    taken = self.node.take_part(part.payload, part.kid, part.signature, came)
                    self.judged([part_act(part)], [taken], came)
                case Bundle(data):
                    self.tell(News(self.node.take_bundle(data, came), came, "bundle"))

    def take(self, envelopes: Sequence[bytes], came: Came) -> list[Taken]:
        """Have the node judge acts; tell of each, and send on what it kept."""
        taken = self.node.take_many(envelopes, came)
        self.judged([readable(envelope) for envelope in envelopes], taken, came)
        return taken

    def judged(self, acts: Sequence[Act | None], taken: Sequence[Taken], came: Came) -> None:
        for act, answer in zip(acts, taken, strict=True):
            self.kept([answer])
            self.tell(News(answer, came, act.kind if act else "", act))

    def put(self, carousel: Carousel, envelope: bytes) -> None:
        """Let an act go round in one of the carousels. Raises as :func:`put_on`."""
        with self._sending:
            put_on(carousel, envelope, time.monotonic())

    def send_on(self, envelopes: Iterable[bytes]) -> None:
        """Let acts go round on every carousel that can carry them."""
        with self._sending:
            for envelope in envelopes:
                for carousel in self.carousels:
                    with suppress(PourparlerError):  # a full carousel, or no frame holds it: others carry it
                        put_on(carousel, envelope, time.monotonic())

    # Threads.

    def _keep_doing(self, name: str, doing: Callable[[], None], *, pause: float) -> None:
        def run() -> None:
            while not self.stopped.is_set():
                wait = pause
                try:
                    doing()
                except (BusTrouble, StoreError, OSError, PourparlerError) as error:
                    if self.stopped.is_set():
                        return
                    self.tell(Trouble(name, str(error)))
                    wait = AGAIN_SECONDS
                if wait:
                    self.stopped.wait(wait)

        thread = threading.Thread(target=run, name=f"pourparler {name}", daemon=True)
        self.threads.append(thread)
        thread.start()

    def close(self, seconds: float = 10.0) -> None:
        """Stop the threads. What was taken stays; the channels are whoever's opened them."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(seconds)


def put_on(carousel: Carousel, envelope: bytes, now: float) -> None:
    """Let an act go round: whole where a frame holds it or a dispatch key signs its pieces, else as an organ's act in
    parts, one signature each, which need no key of anybody's. Raises :class:`PourparlerError` where it cannot."""
    if carousel.signer is not None or carousel.fits(envelope):
        carousel.put(envelope, now)
        return
    act = parse_act(envelope)
    for signature in act.envelope.signatures:
        carousel.put_part(act.envelope.payload, signature.kid, signature.value, now)


def readable(envelope: bytes) -> Act | None:
    """Return the act in an envelope, or None where there is none."""
    try:
        return parse_act(envelope)
    except PourparlerError:
        return None


def part_act(part: Part) -> Act | None:
    return readable(joined(part.payload, [(part.kid, part.signature)]).encoded())
