"""Gossip: in how many rounds one piece of news reaches everybody loyal, with the exchange's own choice of peers.

1,000 nodes, each of which knows 64 others. In a round a node asks :meth:`pourparler.dispatch.peers.Peers.round` for
five peers: who has the news sends it to four of them, who lacks it asks the fifth. Traitors take everything and pass
nothing on; what they could forge dies on the signature. A message is lost by itself. The rule keeps its scores from one
piece of news to the next, so the first ones are its worst; each is counted.

The yardstick is log2 n: one call a round can at most double those who know.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil, log2
from pathlib import Path

from bench.measure import Effort, Goal, Result, Tell, at_most
from pourparler.dispatch.peers import Peer, Peers
from pourparler.testing.world.chance import Chance

NODES = 1_000
KNOWN = 64
PUSHES, PULLS = 4, 1
SHARE = 0.999
ROUNDS_MOST = 200
NEWS = 6
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "gossip.svg"


@dataclass(frozen=True)
class Spread:
    """How one piece of news spread: rounds until 99.9% of the loyal knew, messages for each of them, and the share that
    knew after each round."""

    rounds: int
    messages: float
    shares: tuple[float, ...]


@dataclass
class Crowd:
    """Nodes that gossip. The first ones are loyal; ``share`` of all are traitors."""

    nodes: int
    traitors: float
    loss: float
    seed: str
    peers: list[Peers] = field(init=False)

    def __post_init__(self) -> None:
        self.chance = Chance(f"gossip {self.seed}")
        self.loyal = self.nodes - round(self.nodes * self.traitors)
        self.peers = [Peers([Peer(str(name)) for name in self.known_to(node)]) for node in range(self.loyal)]

    def known_to(self, node: int) -> list[int]:
        """Return whom a node knows: others by chance, traitors among them."""
        chosen: dict[int, None] = {}
        while len(chosen) < min(KNOWN, self.nodes - 1):
            other = self.chance.below(self.nodes)
            if other != node:
                chosen[other] = None
        return list(chosen)

    def arrives(self) -> bool:
        return not self.chance.happens(self.loss)

    def spread(self, news: bytes) -> Spread:
        """Let one loyal node have news; return how it spread."""
        knowing = {self.chance.below(self.loyal)}
        sent = 0
        shares = []
        wanted = ceil(SHARE * self.loyal)
        while len(knowing) < wanted:
            heard: dict[int, int] = {}
            for messages in self.round(knowing, heard):
                sent += messages
            for node, source in heard.items():
                self.peers[node].learnt(str(source), news)
            knowing |= heard.keys()
            shares.append(len(knowing) / self.loyal)
            if len(shares) == ROUNDS_MOST:
                break
        return Spread(len(shares), sent / self.loyal, tuple(shares))

    def round(self, knowing: set[int], heard: dict[int, int]) -> Iterator[int]:
        """Let everybody loyal speak once; ``heard`` gets who learnt it from whom. Yield the messages of each."""
        for node, peers in enumerate(self.peers):
            chosen = [int(peer.name) for peer in peers.round(self.chance, PUSHES + PULLS)]
            if node in knowing:
                for other in chosen[:PUSHES]:
                    self.push(node, other, knowing, heard)
                yield PUSHES
            else:
                yield self.pull(node, chosen[PUSHES:], knowing, heard)

    def push(self, node: int, other: int, knowing: set[int], heard: dict[int, int]) -> None:
        """Send the news; whoever gets it says so, a traitor as well."""
        if self.arrives():
            if other < self.loyal and other not in knowing:
                heard.setdefault(other, node)
            if self.arrives():
                self.peers[node].asked(str(other))

    def pull(self, node: int, asked: list[int], knowing: set[int], heard: dict[int, int]) -> int:
        """Ask; what is answered, if it is, is news or that there is none. Return the messages."""
        messages = 0
        for other in asked:
            messages += 1
            if self.arrives():
                messages += 1
                if self.arrives():
                    self.peers[node].asked(str(other))
                    if other in knowing:
                        heard.setdefault(node, other)
        return messages


@dataclass(frozen=True)
class Case:
    """A crowd to be measured, and what the goal allows it in rounds (in parts of log2 n) and messages."""

    name: str
    traitors: float
    loss: float
    rounds: Goal | None = None
    messages: Goal | None = None


CASES = (
    Case("nobody betrays, nothing is lost", 0.0, 0.0, at_most(1.0), at_most(20)),
    Case("half are traitors", 0.5, 0.0, at_most(1.0)),
    Case("a third are traitors, 60% are lost", 1 / 3, 0.6, at_most(2.0)),
    Case("half are traitors, 60% are lost", 0.5, 0.6),
)


def spreads(case: Case, nodes: int, runs: int, tell: Tell) -> list[Spread]:
    """Return how several pieces of news spread in several crowds."""
    found = []
    for run in range(runs):
        tell(f"{case.name}, crowd {run + 1} of {runs}")
        crowd = Crowd(nodes, case.traitors, case.loss, f"{case.name} {run}")
        found += [crowd.spread(bytes([number])) for number in range(NEWS)]
    return found


def run(effort: Effort, tell: Tell) -> list[Result]:
    """Measure every case."""
    nodes, runs = (NODES, 1) if effort.rounds > 2 else (60, 1)
    results = []
    for case in CASES:
        found = spreads(case, nodes, runs, tell)
        parts = sorted(one.rounds / log2(nodes) for one in found)
        mean = sum(parts) / len(parts)
        worst = f"worst {parts[-1]:.2f}; {nodes:,} nodes, {len(found)} pieces of news"
        name = f"gossip: {case.name}"
        unit = "rounds / log2 n"
        results.append(Result(f"{name}: rounds", mean, unit, "log2 n", case.rounds, (parts[0], parts[-1]), worst))
        messages = sum(one.messages for one in found) / len(found)
        results.append(Result(f"  {case.name}: messages a node", messages, "messages", "", case.messages))
    return results


def draw() -> None:
    """Write the picture of how news spreads: ``python -m bench.gossip``."""
    from tools.chart import chart

    lines = {}
    for case in CASES:
        shares = Crowd(NODES, case.traitors, case.loss, case.name).spread(b"news").shares
        lines[case.name] = [(0, 0.1), *((n + 1, 100 * share) for n, share in enumerate(shares))]
    title = "One piece of news among 1,000 nodes"
    PICTURE.write_text(chart(title, "rounds", "% of the loyal who know", lines, most=100), "utf-8")


if __name__ == "__main__":
    draw()
