"""The jammed radio, November 1917: a dismissal goes over the general's head. Real nodes, sockets, signatures and loss.

The council sits in Petrograd, the committees at the front, and the general's staff between them, on the only wire. It
lets through what it likes. The council goes on the air: most frames are lost, a jammer forges several for each that is
sent, an Austrian station at the edge of what can be heard hands on what it verifies (it holds no key of ours), and one
committee hears nothing at all until somebody walks there with a sheet of paper.

:class:`Scene` plays it, over loopback sockets, in some twenty seconds; :meth:`Scene.rows` says at any time who knows.
What is lost, when, is drawn from a seed; how fast the machine is decides the rest.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pourparler.core.act import Act, Power, parse_act
from pourparler.core.council import Depositary, organ_id
from pourparler.core.evidence import Claim
from pourparler.dispatch import courier
from pourparler.dispatch.carousel import Carousel, MemoryCounters
from pourparler.dispatch.fountain import Worker
from pourparler.dispatch.udp import UdpChannel
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.http.application import application
from pourparler.service.http.serving import Serving, bind, url_of
from pourparler.service.http.wire import wire_routes
from pourparler.service.intake import Intake
from pourparler.service.node.node import Node, open_node
from pourparler.service.node.nouns import Answer, Came, Fresh
from pourparler.service.station import News, Station
from pourparler.service.wire import Desk
from pourparler.store.highwater import HighWaterFile
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.channels import Conditions, UdpRelay
from pourparler.testing.keys import Key

LOSS = 0.6
FORGED = 3.0  # frames of the jammer for each that is sent
FRAME_BYTES = 233  # as on LoRa
BYTES_PER_SECOND = 6_000.0
BEACON_SECONDS = 4
PATIENCE_SECONDS = 60.0
STALLED_SECONDS = 5.0
POLL_SECONDS = 0.1
YEAR_SECONDS = 366 * 86_400
COMMITTEES = ("fifth", "corps", "special", "fleet")
PLACES = ("council", "staff", "fifth", "corps", "austria", "special", "fleet")


class Dice:
    """Chance from the operating system."""

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


class Wall:
    """The machine's clock."""

    def now(self) -> int:
        return int(time.time())


@dataclass(slots=True)
class Place:
    """Where somebody of the story is: a node, what it is called, and how it came to know."""

    name: str
    holder: Key
    node: Node
    station: Station
    desk: Desk
    mandate: Act | None = None
    url: str = ""
    reached_by: str = ""
    reached_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One place, as it stands: what it answers about the general, how it learnt of his dismissal, how current it is."""

    name: str
    knows: bool
    says: str
    way: str
    after_seconds: float | None
    fresh: str


@dataclass(frozen=True, slots=True)
class Happened:
    """One step of the story: its key (see the teller), and the parts of its sentence."""

    key: str
    parts: dict[str, Any] = field(default_factory=dict)


class Silent:
    """What a traitor's end of the wire says that it holds: everything but what he keeps back."""

    def __init__(self, honest: Any, kept_back: Callable[[Act], bool]) -> None:
        self.honest, self.kept_back = honest, kept_back
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def acts(self, ids: Sequence[bytes]) -> list[bytes]:
        return self.let_through(self.honest.acts(ids))

    def lacking(self, theirs: Any) -> Iterator[bytes]:
        yield from self.let_through(self.honest.lacking(theirs))

    def let_through(self, envelopes: Any) -> list[bytes]:
        listed = list(envelopes)
        good = [envelope for envelope in listed if not self.kept_back(parse_act(envelope))]
        self.count += len(listed) - len(good)
        return good


class Scene:
    """The whole of it, in a folder. ``tell`` is called with each step. Close it, or use it as a context."""

    def __init__(self, folder: Path, *, seed: int = 1917, tell: Callable[[Happened], None] = lambda _: None) -> None:
        self.folder, self.seed, self.tell = folder, seed, tell
        self.wall = Wall()
        self.open = contextlib.ExitStack()
        self.places: dict[str, Place] = {}
        self.begun = time.monotonic()
        self.dismissal: Act | None = None
        self.serial = 0
        self.run_id = secrets.token_hex(8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.open.close()

    # Who is there.

    def key(self, name: str) -> Key:
        return Key.from_name(f"{self.run_id} {name}")

    def found(self) -> None:
        """The council founds itself in its home ledger, and gives its mandates."""
        ledger = self.key("home")
        self.home_at = Depositary("smolny.example/home", ledger.public_key)
        store = SqliteStore(self.folder / "home.sqlite")
        self.home = Intake(
            store, ledger, self.wall, self.home_at.origin, high_water=HighWaterFile(self.folder / "home.high-water")
        )
        self.open.callback(self.home.close)
        self.members = sorted((self.key(f"member {n}") for n in range(3)), key=lambda key: key.public_key)
        seats = [[member.public_key, 1] for member in self.members]
        home = {"origin": self.home_at.origin, "key": self.home_at.key}
        council = {"name": "council", "seats": seats, "powers": 2047, "needs": 3}
        fields = {"name": "The council", "nonce": secrets.token_bytes(16), "home": home, "organs": [council]}
        founding = draft("found", {**fields, "suspension": 86_400}).signed_by(*self.members)
        self.party, self.council = founding.id, organ_id(founding.id, "council")
        self.head = self.council
        self.log(founding)
        self.clock_key, self.transmitter = self.key("beacon"), self.key("transmitter")
        self.decide("appoint", beacons=[self.clock_key.public_key], dispatch=[self.transmitter.public_key])

    def log(self, act: Act) -> Act:
        receipt = self.home.submit(act.envelope.encoded())
        assert receipt.void is None, receipt
        return act

    def decide(self, kind: str, **fields: Any) -> Act:
        act = self.log(draft(kind, {"organ": self.council, "prior": self.head, **fields}).signed_by(*self.members))
        self.head = act.id
        return act

    def beacon(self) -> Act:
        """The council says how far its register goes, and when it will say so again."""
        stream, now = self.home.registry.streams[self.party], self.wall.now()
        self.serial += 1
        fields = {"party": self.party, "serial": self.serial, "count": stream.count, "head": stream.head}
        return self.log(draft("beacon", {**fields, "at": now, "next": now + BEACON_SECONDS}).signed_by(self.clock_key))

    def settle(self, name: str) -> Place:
        """Somebody has a node; what he is allowed stands in a mandate."""
        folder = self.folder / name
        folder.mkdir()
        node = open_node(folder, self.key(f"node {name}"), self.wall, f"node.example/{name}", follow=[self.party])
        self.open.callback(node.close)
        station = Station(
            node, self.open.enter_context(Worker()), self.wall, tell=lambda event: self.heard(name, event)
        )
        self.open.callback(station.close)
        place = Place(name, self.key(f"holder {name}"), node, station, Desk(node, Dice()))
        self.places[name] = place
        return place

    def serve(self, place: Place) -> None:
        """Let a place answer others on the wire, at an address of its own."""
        bound = bind("127.0.0.1", 0)
        place.url = url_of(bound)
        serving = Serving(application(wire_routes(place.desk)), bound)
        thread = threading.Thread(target=serving.run, name=f"wire {place.name}", daemon=True)
        thread.start()
        self.open.callback(thread.join, 10.0)
        self.open.callback(serving.stop)

    def heard(self, name: str, event: object) -> None:
        if isinstance(event, News):
            self.look(self.places[name], event.came.channel)

    def look(self, place: Place, way: str) -> bool:
        """Note how a place came to know of the dismissal, once it does."""
        if place.reached_by or self.dismissal is None or not self.knows(place):
            return bool(place.reached_by)
        place.reached_by, place.reached_at = way, time.monotonic()
        return True

    def knows(self, place: Place) -> bool:
        standing = place.node.standing(self.general.id, Power.OPEN)
        return standing.answer is not Answer.IN_FORCE and standing.reason == "standing.dismissed"

    def rows(self) -> list[Row]:
        """Return what every place knows, as of now."""
        if not hasattr(self, "general"):
            return []
        found = []
        for place in list(self.places.values()):
            fresh = place.node.freshness(self.party).state if self.party in place.node.registry.registers else None
            standing = place.node.standing(self.general.id, Power.OPEN)
            after = place.reached_at - self.begun if place.reached_by else None
            state = Fresh.UNKNOWN if fresh is None else fresh
            found.append(Row(place.name, self.knows(place), standing.words, place.reached_by, after, state.value))
        return found

    # What happens.

    def play(self) -> bool:
        """Play it to the end; return whether every place refuses the general, and the council knows that they know."""
        self.found()
        for name in PLACES:
            self.settle(name)
        self.general = self.decide("grant", to=self.places["staff"].holder.public_key, powers=powers("open"))
        self.places["staff"].mandate = self.general
        for name in COMMITTEES:
            place = self.places[name]
            until = self.wall.now() + YEAR_SECONDS
            place.mandate = self.decide("grant", to=place.holder.public_key, powers=powers("open"), until=until)
        self.begun = time.monotonic()
        self.by_wire()
        self.dismiss()
        self.stall()
        self.on_air()
        self.by_courier()
        return self.answer_back()

    def feed_council(self) -> None:
        """The council's own node takes what its home ledger holds."""
        node = self.places["council"].node
        held = node.home_size(self.home_at)
        entries = [entry.data for entry in self.home.store.entries(held)]
        node.take_home(self.home_at, held, entries, self.home.checkpoint(), Came("ledger", "", self.wall.now()))

    def by_wire(self) -> None:
        """All is well: what the council says goes by the staff's wire to everybody."""
        self.beacon()
        self.feed_council()
        staff = self.places["staff"]
        for name in ("council", "staff"):
            self.serve(self.places[name])
        self.meet("council", staff.url)
        for name in ("fifth", "corps", "austria", "special", "fleet"):
            self.meet(name, staff.url)
        self.tell(Happened("mandate", {"know": self.count(lambda place: not self.knows(place))}))

    def meet(self, name: str, url: str) -> None:
        self.places[name].desk.exchange_with(url)

    def count(self, how: Callable[[Place], bool]) -> int:
        return sum(map(how, self.places.values()))

    def dismiss(self) -> None:
        """The general stalls, and is dismissed; his staff keeps the dismissal back."""
        staff = self.places["staff"]
        keeps = staff.desk.exchange.holding = Silent(staff.desk.holding, lambda act: act.kind == "dismiss")
        self.silent = keeps  # what he keeps back is counted
        self.dismissal = self.decide("dismiss", mandate=self.general.id)
        self.beacon()
        self.feed_council()
        self.look(self.places["council"], "its own")
        self.tell(Happened("dismissed", {"bytes": len(self.dismissal.envelope.encoded())}))
        self.meet("council", staff.url)
        self.look(staff, "wire")

    def stall(self) -> None:
        """Whoever asks the staff hears the beacons, and not what they speak of."""
        ends = time.monotonic() + STALLED_SECONDS
        while time.monotonic() < ends:
            for name in ("fifth", "corps", "special"):
                self.meet(name, self.places["staff"].url)
                self.look(self.places[name], "wire")
            time.sleep(1.0)
        lacking = [place.node.freshness(self.party).state for place in self.places.values() if not self.knows(place)]
        starved, cut_off = lacking.count(Fresh.BEHIND) + lacking.count(Fresh.STARVED), lacking.count(Fresh.CUT_OFF)
        knows = self.count(self.knows)
        self.tell(Happened("stalled", {"kept": self.silent.count, "knows": knows, "starved": starved, "cut": cut_off}))

    def on_air(self) -> None:
        """The council goes over the general's head."""
        assert self.dismissal is not None
        bad = Conditions(loss=LOSS, forged=FORGED, duplicate=0.05, reorder=0.2, corrupt=0.02)
        near = self.open.enter_context(UdpRelay(seed=self.seed, conditions=bad, frame_bytes=FRAME_BYTES))
        far = self.open.enter_context(UdpRelay(seed=self.seed + 1, conditions=bad, frame_bytes=FRAME_BYTES))
        self.links = []
        for name, relay in (("fifth", near), ("corps", near), ("austria", near), ("special", far)):
            channel = self.channel(relay)
            self.links.append(relay.reach(channel.heard_at))
            station = self.places[name].station
            station.listen(channel)
        austria = self.places["austria"].station
        hands_on = Carousel(self.party, None, FRAME_BYTES, MemoryCounters(), Dice().bytes(16), assumed_loss=LOSS)
        austria.transmit(self.channel(far), hands_on)
        carousel = Carousel(
            self.party, self.transmitter, FRAME_BYTES, MemoryCounters(), Dice().bytes(16), assumed_loss=LOSS
        )
        council = self.places["council"].station
        now = time.monotonic()
        carousel.put(self.dismissal.envelope.encoded(), now)
        council.transmit(self.channel(near), carousel)
        self.tell(Happened("on-air", {"loss": LOSS, "forged": FORGED, "frame": FRAME_BYTES}))
        listening = [self.places[name] for name in ("fifth", "corps", "special")]
        self.until(lambda: sum(self.look(place, "radio") for place in listening) == len(listening), carousel)
        lost, forged = sum(link.lost for link in self.links), sum(link.forged for link in self.links)
        refused = sum(place.station.receiver.refused.total() for place in listening)
        self.look(self.places["austria"], "radio")
        self.tell(Happened("heard", {"lost": lost, "forged": forged, "refused": refused}))

    def channel(self, relay: UdpRelay) -> UdpChannel:
        made = UdpChannel(relay.address, ("127.0.0.1", 0), frame_bytes=FRAME_BYTES, bytes_per_second=BYTES_PER_SECOND)
        self.open.callback(made.close)
        return made

    def until(self, done: Callable[[], bool], carousel: Carousel) -> None:
        """Wait for something, while the council's beacons go on."""
        ends = time.monotonic() + PATIENCE_SECONDS
        beacon_at = 0.0
        while not done() and time.monotonic() < ends:
            if time.monotonic() >= beacon_at:
                beacon_at = time.monotonic() + BEACON_SECONDS
                act = self.beacon()
                self.feed_council()
                self.places["council"].station.put(carousel, act.envelope.encoded())
            time.sleep(POLL_SECONDS)

    def by_courier(self) -> None:
        """The fleet hears nothing. Somebody walks there, with a file that fits a sheet of paper."""
        assert self.dismissal is not None
        fleet = self.places["fleet"]
        alone = fleet.node.freshness(self.party)
        claim = Claim("recorded", self.home_at, 0, act=self.dismissal.id)
        bundle = assemble(claim, [self.home]).encoded()
        newest = self.beacon()
        self.feed_council()
        contents = courier.Contents((self.dismissal.envelope.encoded(), newest.envelope.encoded()), (), (bundle,))
        file = self.folder / "orders.dispatch"
        file.write_bytes(courier.write(contents, [(self.party, self.transmitter)]))
        came = Came("courier", "", self.wall.now())
        carried = courier.read(file.read_bytes()).contents
        for shown in carried.bundles:
            fleet.node.take_bundle(shown, came)
        fleet.station.take(carried.acts, came)
        self.look(fleet, "courier")
        self.tell(Happened("courier", {"bytes": file.stat().st_size, "alone": alone.state.value}))

    def answer_back(self) -> bool:
        """Everybody says, signed, that he knows; the council sees whom its order has reached, and by which way."""
        assert self.dismissal is not None
        council = self.places["council"]
        for name in COMMITTEES:
            place = self.places[name]
            assert place.mandate is not None
            place.node.acknowledge(place.holder, place.mandate.id, self.dismissal.id)
            self.meet(name, council.url)
        reached = council.node.reached(self.dismissal.id)
        known = len(reached.of("acknowledged"))
        refuse = self.count(self.knows)
        took = time.monotonic() - self.begun
        said = {"known": known, "of": len(reached.hearers), "refuse": refuse, "places": len(self.places)}
        self.tell(Happened("reached", {**said, "seconds": took}))
        return known == len(COMMITTEES) and refuse == len(self.places)
