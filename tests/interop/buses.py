"""``./run campaign bus``: real NATS servers, killed, paused, cut off, bad; no act is lost, and all nodes converge."""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pourparler.core.act import Power
from pourparler.dispatch.bus import STREAM, Bus, BusTrouble, act_subject
from pourparler.dispatch.fountain import InProcess
from pourparler.service.drafting import draft
from pourparler.service.http.application import application
from pourparler.service.http.serving import Serving, bind, url_of
from pourparler.service.http.wire import wire_routes
from pourparler.service.lag import Lag
from pourparler.service.node.node import Node, open_node
from pourparler.service.node.nouns import Came
from pourparler.service.station import Station
from pourparler.service.wire import Desk
from pourparler.testing.keys import Key
from tests.interop import tools
from tests.interop.checks import must, scratch
from tests.interop.nats_servers import cluster_of, leaf_of, one_server
from tests.test_intake import Side, data

REPLIES = 240
PATIENCE_SECONDS = 60.0


class Wall:
    def now(self) -> int:
        return int(time.time())


class Dice:
    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


@contextlib.contextmanager
def node_in(folder: Path, name: str, *parties: bytes) -> Iterator[Node]:
    (folder / name).mkdir(exist_ok=True)
    node = open_node(folder / name, Key.from_name(f"bus {name}"), Wall(), f"bus.example/{name}", follow=parties)
    try:
        yield node
    finally:
        node.close()


def replies(side: Side, number: int) -> list[bytes]:
    """Return acts of a holder that change nothing, and are told apart by what they are about."""
    acts = (draft("reply", {"by": side.grant.id, "about": at.to_bytes(32)}) for at in range(number))
    return [data(act.signed_by(side.holder)) for act in acts]


def publish(bus: Bus, node: Node, party: bytes, envelope: bytes) -> int:
    """Keep an act, then publish it until the bus takes it; return how often it did not."""
    taken = node.take(envelope, Came("here", "", Wall().now()))
    must(taken.kept, f"our own act was refused: {taken.reason}")
    for again in range(1_000):
        try:
            bus.publish(party, taken.act, envelope)
            return again
        except BusTrouble:
            time.sleep(0.2)
    raise AssertionError("the bus never took it")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        must(time.monotonic() < ends, f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.2)


@contextlib.contextmanager
def served(node: Node) -> Iterator[str]:
    """Serve a node on the wire: what a bus lost is asked for there."""
    bound = bind("127.0.0.1", 0)
    serving = Serving(application(wire_routes(Desk(node, Dice()))), bound)
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    try:
        yield url_of(bound)
    finally:
        serving.stop()
        thread.join(15)


@contextlib.contextmanager
def riding(folder: Path, party: bytes, servers: list[tuple[list[str], str | None]]) -> Iterator[list[Node]]:
    """Run a node on each bus, given as servers and domain."""
    with contextlib.ExitStack() as opened:
        nodes = []
        for number, (urls, domain) in enumerate(servers):
            node = opened.enter_context(node_in(folder, f"rider{number}", party))
            bus = opened.enter_context(Bus(urls, [party], f"rider{number}", domain=domain))
            opened.enter_context(at_work(node, bus))
            nodes.append(node)
        yield nodes


@contextlib.contextmanager
def at_work(node: Node, bus: Bus, lag: Lag | None = None) -> Iterator[None]:
    """Let a node read a bus."""
    station = Station(node, InProcess(), Wall(), relays=False)
    try:
        station.ride(bus, lag)
        yield
    finally:
        station.close()


def cluster() -> str:
    """Three servers and a leaf; acts are published while servers are killed and paused and the leaf is cut off."""
    side, chance = Side("the council"), random.Random(1917)
    with scratch() as folder, cluster_of("nats-server", folder, leaves=True) as servers:
        urls = [server.url for server in servers]
        with (
            leaf_of(servers[0], folder) as (leaf, cable),
            node_in(folder, "sender", side.party) as sender,
            Bus(urls, [side.party], "sender", replicas=3, only_copy=True, monitor=servers[0].monitor_url) as bus,
            riding(folder, side.party, [(urls, None), (urls[1:] + urls[:1], None), ([leaf.url], "hub")]) as nodes,
        ):
            acts = [data(side.found), data(side.grant), *replies(side, REPLIES)]
            refused, hurt, paused = 0, 0, None
            for at, envelope in enumerate(acts):
                if at and at % 30 == 0:
                    hurt += 1
                    victim = servers[1:][hurt % 2]
                    if hurt % 2:
                        victim.kill()
                        time.sleep(chance.uniform(0, 0.5))
                        victim.start()
                    elif paused is None:
                        paused = victim
                        victim.pause()
                if paused is not None and at % 30 == 12:
                    paused.go_on()
                    paused = None
                if at == 60:
                    cable.cut()
                if at == 180:
                    cable.heal()
                refused += publish(bus, sender, side.party, envelope)
            if paused is not None:
                paused.go_on()
            wait_for(
                lambda: all(len(node.registry.outcomes) == len(acts) for node in nodes),
                f"all nodes have {len(acts)} acts; they have {[len(node.registry.outcomes) for node in nodes]}",
            )
            for node in nodes:
                must(node.standing(side.grant.id, Power.OPEN).words == sender.standing(side.grant.id, Power.OPEN).words,
                     "the nodes do not answer alike")  # fmt: skip
            return (
                f"{len(acts)} acts while servers were killed or paused {hurt} times and the leaf was cut off: "
                f"published again {refused} times, all {len(nodes)} nodes have every act"
            )


def wiped() -> str:
    """The stream is wiped with acts in it that were acknowledged and not read: heads show it, the wire brings them."""
    side = Side("the council")
    with (
        scratch() as folder,
        one_server("nats-server", folder) as server,
        node_in(folder, "sender", side.party) as sender,
        node_in(folder, "reader", side.party) as reader,
        Bus([server.url], [side.party], "sender") as bus,
    ):
        for envelope in [data(side.found), data(side.grant), *replies(side, 20)]:
            publish(bus, sender, side.party, envelope)
        bus._run(bus._stream.purge_stream(STREAM))
        with Bus([server.url], [side.party], "reader") as late:
            must(late.fetch(seconds=1.0) == [], "the stream was not wiped")
        with served(sender) as url:
            found = Desk(reader, Dice()).exchange_with(url)
        must(found.whole and len(reader.registry.outcomes) == 22, f"the exchange did not bring all: {found}")
        return "22 acknowledged acts were wiped from the bus, and came by the wire"


def lagging() -> str:
    """The same, with no wire: the nodes tell their heads on the bus, and what one lacks another publishes again.

    A liar who has nothing, again and again, makes each act come once; what is no message is dropped.
    """
    side = Side("the council")
    with (
        scratch() as folder,
        one_server("nats-server", folder) as server,
        node_in(folder, "sender", side.party) as sender,
        node_in(folder, "reader", side.party) as reader,
        node_in(folder, "liar", side.party) as liar,
        Bus([server.url], [side.party], "sender", hears_heads=True) as theirs,
        Bus([server.url], [side.party], "liar") as his,
    ):
        grants = [data(side.decide("grant", {"to": bytes([n] * 32), "powers": 1})) for n in range(20)]
        for envelope in [data(side.found), data(side.grant), *grants]:
            publish(theirs, sender, side.party, envelope)
        theirs._run(theirs._stream.purge_stream(STREAM))
        lag, published = Lag(theirs, Desk(sender, Dice(), channel="bus"), 0.5), 0
        with Bus([server.url], [side.party], "reader", hears_heads=True) as late:
            must(late.fetch(seconds=1.0) == [], "the stream was not wiped")
            with at_work(reader, late, Lag(late, Desk(reader, Dice(), channel="bus"), 0.5)):
                end = time.monotonic() + PATIENCE_SECONDS
                while reader.heads().organs != sender.heads().organs:
                    must(time.monotonic() < end, "what was wiped never came again")
                    published += lag.turn()
                    time.sleep(0.1)
        empty = Desk(liar, Dice()).heads()
        for number in range(20):
            his.tell_heads(side.party, empty if number % 2 else b"no message")
            published += lag.turn()
        time.sleep(1)
        published += lag.turn()
        held = len(sender.every())
        must(published <= held, f"{held} acts were published again {published} times")
        return f"what was wiped was published again by who had it: {published} acts, none twice, a liar notwithstanding"


def later() -> str:
    """A party that a node follows after its bus was opened is read there, from its founding on; and, where a node
    follows nobody, one that it gets to know by another way. How far others are with it is told there, too."""
    first, second, third = Side("the council"), Side("another council"), Side("a third council")
    with (
        scratch() as folder,
        one_server("nats-server", folder) as server,
        node_in(folder, "sender", first.party, second.party, third.party) as sender,
        node_in(folder, "follower", first.party) as follower,
        node_in(folder, "relay") as relay,
        Bus([server.url], [], "sender") as bus,
        Bus([server.url], follower.parties(), "follower") as followers,
        Bus([server.url], relay.parties(), "relay", hears_heads=True) as relays,
        at_work(follower, followers),
        at_work(relay, relays, Lag(relays, Desk(relay, Dice(), channel="bus"), 0.5)),
    ):
        for side in (first, second, third):
            for envelope in (data(side.found), data(side.grant)):
                publish(bus, sender, side.party, envelope)
        wait_for(lambda: len(follower.registry.outcomes) == 2, "the party of the beginning is read")
        must(second.party not in follower.registry.registers, "what nobody follows was taken")
        follower.follow(second.party)
        wait_for(lambda: len(follower.registry.outcomes) == 4, "a party that is followed later is read")
        relay.take(data(third.found), Came("here", "", Wall().now()))
        wait_for(lambda: len(relay.registry.outcomes) == 2, "a party that was heard of later is read")
        must(relays.parties == (third.party,), "the relay reads what it does not know")
        bus._run(bus._stream.purge_stream(STREAM))
        lost = data(third.decide("grant", {"to": bytes([7] * 32), "powers": 1}))
        must(sender.take(lost, Came("here", "", Wall().now())).kept, "the grant was refused")
        with Bus([server.url], [third.party], "told", hears_heads=True) as told:
            lag = Lag(told, Desk(sender, Dice(), channel="bus"), 0.5)
            wait_for(lambda: lag.turn() >= 0 and len(relay.registry.outcomes) == 3, "the lag with it shows")
    return "a party followed later, and one heard of later, were read from their founding on, and their lag told"


# --- the bad server ---------------------------------------------------------------------------------------------------


async def race(urls: list[str], subject: str, rounds: int, payloads: Callable[[int], list[bytes]]) -> int:
    """Let several publish at once under one expectation of the last sequence; return how often several won."""
    import nats

    clients = [await nats.connect(url) for url in urls]
    streams = [client.jetstream(timeout=3) for client in clients]
    doubles, last = 0, 0

    async def attempt(number: int, payload: bytes) -> int | None:
        header = {"Nats-Expected-Last-Subject-Sequence": str(last)}
        try:
            return int((await streams[number % len(streams)].publish(subject, payload, headers=header)).seq)
        except Exception:
            return None

    for at in range(rounds):
        won = [one for one in await asyncio.gather(*(attempt(n, p) for n, p in enumerate(payloads(at)))) if one]
        doubles += len(won) > 1
        last = max(won, default=last)
        if not won:
            with contextlib.suppress(Exception):
                last = (await streams[0].get_last_msg(STREAM, subject)).seq
    for client in clients:
        await client.close()
    return doubles


def winners() -> str:
    """Attack 22: two decisions on one place both win a compare-and-set of server 2.9; the fold takes neither twice.

    Nodes that heard both refuse what rests on either, all alike, until the home has decided.
    """
    side = Side("the council")
    prior = side.head
    first = side.decide("dismiss", {"mandate": side.grant.id})
    side.head = prior
    second = side.decide("grant", {"to": Key.from_name("somebody else").public_key, "powers": 1})
    with scratch() as folder, cluster_of("nats-bad", folder) as servers:
        urls = [server.url for server in servers]
        with node_in(folder, "sender", side.party) as sender, Bus(urls, [side.party], "sender", replicas=3) as bus:
            must("2.9.10" in bus.told, "nobody was told how old the server is")
            for envelope in (data(side.found), data(side.grant)):
                publish(bus, sender, side.party, envelope)
            subject = act_subject(side.party)
            both = [data(first), data(second)]
            doubles = asyncio.run(race(urls, subject, 40, lambda _: both))
            must(doubles > 0, "this server did not choose two winners; another test is needed")
            with riding(folder, side.party, [(urls, None), (urls[1:] + urls[:1], None)]) as nodes:
                wait_for(lambda: all(len(node.registry.outcomes) >= 4 for node in nodes), "both decisions are heard")
                answers = {node.standing(side.grant.id, Power.OPEN).words for node in nodes}
                must(len(answers) == 1 and "in force" not in answers.pop(), "a dismissal was outvoted by a double")
                given = {node.standing(second.id, Power.OPEN).answer.value for node in nodes}
                must(given in ({"cannot tell"}, {"refused"}), f"a fork was answered: {given}")
                alarms = [node.status()["parties"][0]["alarms"] for node in nodes]
                must(all(alarms), "nobody was alarmed")
    return f"{doubles} of 40 compare-and-sets had two winners; every node refuses both alike, and keeps the proof"


def stuck() -> str:
    """Attack 23: a stream that gathers another one sticks at a header; heads show the lag, the wire brings the rest."""
    side = Side("the council")

    async def gathered(url: str) -> tuple[int, int]:
        import nats
        from nats.js import api

        client = await nats.connect(url)
        stream = client.jetstream(timeout=5)
        source = api.StreamSource(name=STREAM)
        await stream.add_stream(api.StreamConfig(name="GATHERED", sources=[source], storage=api.StorageType.FILE))
        for _ in range(4):  # what somebody else's publisher sends
            await stream.publish("pourparler.v1.other.act", b"x", headers={"Nats-Expected-Stream": STREAM})
        for envelope in replies(side, 10):
            await stream.publish(act_subject(side.party), envelope)
        await asyncio.sleep(2)
        whole, part = (await stream.stream_info(STREAM)).state, (await stream.stream_info("GATHERED")).state
        await client.close()
        return whole.messages, part.messages

    with (
        scratch() as folder,
        one_server("nats-bad", folder, synced=False) as server,
        node_in(folder, "sender", side.party) as sender,
        node_in(folder, "reader", side.party) as reader,
        Bus([server.url], [side.party], "sender") as bus,
    ):
        for envelope in (data(side.found), data(side.grant)):
            publish(bus, sender, side.party, envelope)
        for envelope in replies(side, 10):
            sender.take(envelope, Came("here", "", Wall().now()))
        whole, part = asyncio.run(gathered(server.url))
        must(part < whole, f"the gathering stream did not stick: {part} of {whole}")
        with served(sender) as url:
            for envelope in (data(side.found), data(side.grant)):  # all that came through
                reader.take(envelope, Came("bus", "", Wall().now()))
            found = Desk(reader, Dice()).exchange_with(url)
        must(found.whole and len(reader.registry.outcomes) == 12, f"the exchange did not bring all: {found}")
    return f"a gathering stream stuck at {part} of {whole} messages; the exchange brought what it lacked"


def commands() -> str:
    """What people type, with a server: the suite passes over these tests where the server is not built yet."""
    tools.program("nats-server")
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", "tests/test_bus.py"]
    ran = subprocess.run(tests, cwd=tools.ROOT, capture_output=True, text=True, check=False)
    last = (ran.stdout.strip().splitlines() or ["nothing was said"])[-1]
    must(ran.returncode == 0 and "skipped" not in last, f"tests/test_bus.py: {ran.stdout[-4_000:]}{ran.stderr}")
    return f"its tests by real commands: {last}"


CHECKS: dict[str, tuple[str, Callable[[], str]]] = {
    "cluster": ("nats-server", cluster),
    "wiped": ("nats-server", wiped),
    "lagging": ("nats-server", lagging),
    "later": ("nats-server", later),
    "commands": ("nats-server", commands),
    "winners": ("nats-bad", winners),
    "stuck": ("nats-bad", stuck),
}


def run(names: list[str]) -> str:
    """Run the checks; return a line about them all. Raises :class:`AssertionError` where one fails, or where ``CI`` is
    set and a server is absent."""
    passed, absent = 0, []
    for name in names:
        tool, check = CHECKS[name]
        begun = time.monotonic()
        try:
            said = check()
            passed += 1
        except tools.Absent as why:
            if not tools.excused(tool):
                raise AssertionError(f"{name}: it should be here: {why}") from why
            absent.append(name)
            said = f"SKIPPED: {why}"
        print(f"  {name}: {said} ({time.monotonic() - begun:.0f} s)", flush=True)
    return f"{passed} checks on real servers passed, {len(absent)} passed over"


if __name__ == "__main__":
    print(run(sys.argv[1:] or list(CHECKS)))
