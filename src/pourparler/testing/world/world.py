"""A world: places on a network, people who speak, faults that happen, a checker that looks on. One seed, one world.

The code in it is the real one: the same intake, node, exchange, carousel, receiver and verifier that run on machines.
What is simulated is what those are given: time, network, disk, chance. See ``docs/simulate.md`` for how to ask it
questions of your own.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import nacl.bindings

from pourparler.core import act as acts
from pourparler.core.act import Act, parse_act
from pourparler.core.errors import PourparlerError
from pourparler.ports import StoreError
from pourparler.testing.keys import Key
from pourparler.testing.world.chance import Chance
from pourparler.testing.world.checker import Checker
from pourparler.testing.world.depositary import DepositaryPlace
from pourparler.testing.world.disk import PowerCut
from pourparler.testing.world.faults import befall
from pourparler.testing.world.network import Network, Weather
from pourparler.testing.world.people import People
from pourparler.testing.world.places import Place
from pourparler.testing.world.plan import Plan
from pourparler.testing.world.radio import Radio
from pourparler.testing.world.speaking import Ceiling, Haggler, Negotiator, Policy
from pourparler.testing.world.station import Station
from pourparler.testing.world.timeline import HOUR, MINUTE, SECOND, Timeline
from pourparler.testing.world.trace import Trace, instant, short
from pourparler.testing.world.truth import Truth

FAILED_MINUTES = 25  # until somebody has looked at a disk that failed, and begins again


@dataclass
class Outcome:
    """What became of a world: broken properties with their story, how often each premise held, and figures.

    ``learnt`` says, for the dismissal, after how many minutes each place refused the general; a place that never did is
    not in it. ``ages`` are the ages in minutes of the newest beacon that a place other than the council's had, sampled.
    """

    seed: str
    plan: Plan
    digest: str
    steps: int
    failures: list[str] = field(default_factory=list)
    premises: Counter[str] = field(default_factory=Counter)
    learnt: dict[str, float] = field(default_factory=dict)
    ages: list[float] = field(default_factory=list)
    in_force: int = 0
    lines: list[str] = field(default_factory=list)

    def frozen(self, lease_minutes: float) -> float:
        """Return the share of moments in which a lease of so many minutes would have run out."""
        return sum(age > lease_minutes for age in self.ages) / len(self.ages) if self.ages else 0.0


class World:
    """One world. ``ours`` bargains for our side (or one negotiator for each place by name), ``theirs`` for the other;
    ``policy`` says what our council ratifies."""

    def __init__(
        self,
        plan: Plan,
        *,
        ours: "Negotiator | Mapping[str, Negotiator] | None" = None,
        theirs: Negotiator | None = None,
        policy: Policy | None = None,
        whole_trace: bool = False,
    ) -> None:
        self.plan = plan
        self.chance = Chance(f"pourparler world {plan.seed}")
        self.timeline = Timeline()
        self.trace = Trace(self.timeline, whole=whole_trace)
        weather = Weather(plan.loss, plan.twice, plan.corrupt, plan.late)
        self.network = Network(self.timeline, self.chance.of("network"), weather)
        self.truth = Truth()
        self.checker = Checker(self)
        self.depositary = DepositaryPlace(self)
        self.stations = {name: Station(self, name) for name in plan.places}
        self.people = People(
            self,
            ours or Haggler(Decimal(80), Decimal(92)),
            theirs or Haggler(Decimal(98), Decimal(86)),
            policy or Ceiling(Decimal(91)),
        )
        self.radio = Radio(self) if plan.radio else None
        self.names: dict[bytes, str] = {}
        for near in (("council", self.depositary.name), (self.depositary.name, "council")):
            self.network.between[near] = Weather()

    @property
    def places(self) -> list[Place]:
        """Every machine."""
        return [self.depositary, *self.stations.values()]

    # Running.

    def run(self) -> Outcome:
        """Let the world happen, from its foundation to its end; look at it all the while. Whatever is raised in it, by
        the people that were plugged in as well, says in which world and when."""
        try:
            with once():
                self._begin()
                self.timeline.run(self.plan.end)
                self.checker.finally_()
        except Exception as error:
            error.add_note(f"in the simulated world of seed {self.plan.seed!r}, at {instant(self.timeline.now)}")
            raise
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what became of it so far."""
        found = Outcome(self.plan.seed, self.plan, self.trace.digest, self.trace.count, list(self.checker.failures))
        found.premises, found.lines = Counter(self.checker.premises), list(self.trace.lines)
        found.learnt, found.ages = self.checker.learnt(), list(self.checker.ages)
        found.in_force = sum(self.people.counterpart.convinced(text) for text in self.people.counterpart.verdicts)
        return found

    def _begin(self) -> None:
        for line in self.plan.told():
            self.trace.note("world", line)
        for place in self.places:
            self.restart(place)
        self.people.begin()
        self._plan_habits()
        for event in self.plan.events:
            self.timeline.at(event.at, partial(befall, self, event))
        self.timeline.at(self.plan.quiet, self._grow_quiet)

    def _plan_habits(self) -> None:
        """Plan what everybody does again and again, each at his own time."""
        plan, timeline, chance = self.plan, self.timeline, self.chance.of("habits")

        def habit(place: Place, period: int, doing: Callable[[], None]) -> None:
            timeline.every(period, lambda: place.does(doing), first=1 + chance.below(period))

        for person in self.people.everybody:
            home = self.stations[person.place]
            timeline.at(SECOND, partial(home.does, person.hand_in))
            habit(home, 5 * MINUTE, person.hand_in)
        for talker in (self.people.council, *self.people.talkers):
            habit(self.stations[talker.place], plan.turn_minutes * MINUTE // 2, talker.ask)
        for bargaining in self.people.talkers:
            if bargaining is not self.people.general:
                habit(self.stations[bargaining.place], plan.turn_minutes * MINUTE, bargaining.turn)
        council, general = self.people.council, self.people.general
        habit(self.stations["council"], plan.beacon_minutes * MINUTE, council.beacon)
        habit(self.stations["council"], plan.turn_minutes * MINUTE, council.consider)
        habit(self.stations["counterpart"], plan.turn_minutes * MINUTE, self.people.counterpart.ask_for_evidence)
        for committee in self.people.committees:
            habit(self.stations[committee.place], 3 * HOUR, committee.ask_for_evidence)
        if plan.treason("general"):
            habit(self.stations["general"], 45 * MINUTE, general.betray)
        habit(self.stations["general"], 40 * MINUTE, self.people.thief.use)
        for station in self.stations.values():
            habit(station, plan.exchange_minutes * MINUTE, station.exchange)
            habit(station, HOUR, station.acknowledge)
        if self.radio:
            timeline.every(plan.frame_seconds * SECOND, self.radio.turn, first=30 * SECOND)
        timeline.every(plan.courier_hours * HOUR, self._courier, first=2 * HOUR)
        timeline.every(HOUR, self.checker.hourly, first=HOUR)
        timeline.every(plan.sample_minutes * MINUTE, self.checker.sample, first=2 * plan.beacon_minutes * MINUTE)

    def _grow_quiet(self) -> None:
        """Let the faults stop: what must come to pass now does. Traitors stay traitors, and the jammer jams."""
        self.network.cut.clear()
        calm = Weather(loss=self.plan.quiet_loss)
        self.network.weather = calm
        for place in self.places:
            place.clock.jump_seconds = 0
            place.disk.full, place.disk.cut_at, place.disk.fails_at = False, None, None
        self.trace.note("world", "grows quiet")

    def _courier(self) -> None:
        """Let a courier carry a file from one place to another: hours on his way, past everybody between."""
        chance = self.chance.of(f"courier {self.timeline.now}")
        source, target = chance.some(list(self.stations), 2)
        file = self.stations[source].file()
        if file:
            self.timeline.after(
                chance.between(10, 240) * MINUTE, lambda: self.stations[target].arrive("file", source, file)
            )

    # What befalls places.

    def crash(self, place: Place, minutes: int = 5) -> None:
        """Take a place's power away; it comes back, and begins from its disk."""
        place.up = False
        place.stop()
        place.backlog.clear()
        place.disk.cut_at = None
        lost = place.store.power_went()
        self.trace.note(place.name, "loses its power" + (", and what its disk had confirmed" if lost else ""))
        self.checker.crashed(place, lost=lost)
        self.timeline.after(minutes * MINUTE, lambda: self.restart(place))

    def failing(self, place: Place) -> None:
        """Note that somebody was told that a disk has failed; soon a person begins the place again."""
        place.brought_in_vain += 1
        if place.failed_at is not None:
            return
        place.failed_at = failed_at = self.timeline.now
        self.trace.note(place.name, "can use its disk no more")

        def begin_again() -> None:
            if place.up and place.failed_at == failed_at:
                self.checker.begins_again(place)
                place.up = False
                place.stop()
                self.restart(place)

        self.timeline.after(FAILED_MINUTES * MINUTE, begin_again)

    def restart(self, place: Place) -> None:
        """Start a place from its disk; one that cannot start tries again."""
        if place.up:
            return
        try:
            place.open_disk()
            place.start()
        except StoreError as error:
            self.trace.note(place.name, f"does not start: {error}")
            self.checker.did_not_start(place)
            self.timeline.after(10 * MINUTE, lambda: self.restart(place))
            return
        except PowerCut:
            self.crash(place)
            return
        place.up = True
        self.trace.note(place.name, "runs")
        self.checker.recovered(place)

    # What people need of the world.

    def letters(self, place: str, what: str, data: bytes) -> None:
        """Give the depositary's answer to those at a place who wait for it; each knows what he asked."""
        for person in self.people.everybody:
            if person.place == place:
                match what:
                    case "submitted":
                        person.answered(data)
                    case "tailed":
                        person.tailed(data)
                    case "bundled":
                        person.shown(data)

    def spread(self, place: str, act: Act, envelope: bytes) -> bool:
        """Give an act to the node at a place, and so to the exchange; what the council says goes on air as well. Return
        whether the node took it: a machine that is off is told later."""
        self.names[act.id] = act.kind
        if self.radio and place == "council":
            self.radio.put(act, envelope)
        return self.stations[place].keep(envelope)

    def name_of(self, envelope: bytes) -> str:
        """Return what an act is called in the trace."""
        try:
            act = parse_act(envelope)
        except PourparlerError:
            return "bytes that are no act"
        return f"{act.kind} {short(act.id)}"

    def poison(self, key: Key) -> None:
        """Let the thief of a dispatch key put garbage on air."""
        if self.radio:
            self.radio.poison(key)


@contextmanager
def once() -> Iterator[None]:
    """Verify each signature once in a world, check each key and read each envelope once: seven nodes of one process
    that do so for each other would spend most of its time on it. All of these are functions of their bytes alone; what
    they found is remembered by those bytes (key, message and signature together), only when it was good, and only
    within."""
    with (
        remembered(nacl.bindings, "crypto_sign_open", lambda *given: given),
        remembered(nacl.bindings, "crypto_core_ed25519_is_valid_point", lambda *given: given),
        remembered(acts, "parse_envelope", lambda data: data),
        remembered(acts, "read_act", id),
    ):
        yield


@contextmanager
def remembered(module: Any, name: str, key: Callable[..., Any]) -> Iterator[None]:
    """Let a pure function of a module answer from memory what it has answered before; what it raises is raised anew.
    What it was given is kept as well, so that an id stays that of one thing."""
    real = getattr(module, name)
    good: dict[Any, Any] = {}

    def answer(*given: Any) -> Any:
        asked = key(*given)
        if asked not in good:
            good[asked] = real(*given), given
        return good[asked][0]

    setattr(module, name, answer)
    try:
        yield
    finally:
        setattr(module, name, real)


def simulate(plan: Plan, **chosen: Any) -> Outcome:
    """Run one world and return what became of it; ``chosen`` as :class:`World` takes it."""
    return World(plan, **chosen).run()
