"""Peers: with whom a node exchanges next, and whom it has to thank for its news. ``spec/exchange.md`` section 8.

A relay can be polite, answer at once, take all it is given, and pass nothing on. Points for good manners would keep it.
So a peer is scored by one thing: of the news that reached this node since it was first asked, which part came from it
*first*. News that came from elsewhere counts against all who had been asked before and had not brought it. Nobody can
tell a silent relay from one that is merely the last to hear, and nobody need.

A round asks one pinned peer (in turn), some at random that the score favours, and one at random whatever its score: so
none is out for ever, and who was bought last year is found out. Whether the peers are diverse enough for any of this to
help is a question of its own (:meth:`Peers.weaknesses`).

>>> peers = Peers([Peer("a", pinned=True), Peer("b"), Peer("c")])
>>> peers.asked("b"), peers.asked("c"), peers.learnt("b", b"news")
(None, None, None)
>>> peers.score("b") > peers.score("a") > peers.score("c")
True
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pourparler.ports import Chance

WINDOW = 256  # how much news is remembered
PATIENCE = 16  # news that a peer may miss before it is exchanged for another
PENALTY = 8  # how much missed news a broken promise counts for


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody to exchange with: his address or name on a channel, and what is known of how independent he is.

    ``learnt_from`` is who named him (nothing: the user), ``party`` whose machine he says to be.
    """

    name: str
    channel: str = "wire"
    pinned: bool = False
    broadcast: bool = False
    learnt_from: str = ""
    party: str = ""


@dataclass(frozen=True, slots=True)
class Weakness:
    """What the set of peers lacks, and what to do about it."""

    reason: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What a peer brought first, of the news since it was first asked."""

    asked: bool = False
    first: int = 0
    missed: int = 0

    @property
    def score(self) -> float:
        """Between 0 and 1; a half for whom nothing is known of."""
        return (self.first + 1) / (self.first + self.missed + 2)


@dataclass(slots=True)
class Peers:
    """The peers of a node, and those it could take in their place (``others``)."""

    known: list[Peer]
    others: list[Peer] = field(default_factory=list)
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _news: deque[tuple[bytes, str]] = field(default_factory=deque)
    _had: set[bytes] = field(default_factory=set)
    _turn: int = 0

    def tally(self, name: str) -> Tally:
        return self._tallies.setdefault(name, Tally())

    def score(self, name: str) -> float:
        """Return a peer's score, between 0 and 1."""
        return self.tally(name).score

    # What happened.

    def asked(self, name: str) -> None:
        """Note that an exchange with a peer ran to its end: from now on it could have brought the news."""
        self.tally(name).asked = True

    def learnt(self, name: str, act: bytes) -> None:
        """Note from whom (or by which channel) an act was heard first. Again, or later from others: nothing changes."""
        if act in self._had:
            return
        self._had.add(act)
        self._news.append((act, name))
        if len(self._news) > WINDOW:
            self._forget(*self._news.popleft())
        self.tally(name).first += 1
        for other in self.known:
            tally = self.tally(other.name)
            if tally.asked and other.name != name:
                tally.missed += 1

    def _forget(self, act: bytes, name: str) -> None:
        self._had.discard(act)
        for tally in self._tallies.values():
            tally.missed = max(0, tally.missed - 1)
        self.tally(name).first = max(0, self.tally(name).first - 1)

    def broke_promise(self, name: str) -> None:
        """Note that a peer said to have more than it gave, or broke an exchange off."""
        self.tally(name).missed += PENALTY

    # Whom to ask.

    def round(self, chance: Chance, count: int = 3) -> list[Peer]:
        """Return whom to exchange with now: a pinned peer in turn, one whatever its score, and others by their score.

        At most ``count`` of them, and none twice; a peer that only broadcasts cannot be asked.
        """
        asked: list[Peer] = []
        pinned = [peer for peer in self.known if peer.pinned and not peer.broadcast]
        if pinned:
            asked.append(pinned[self._turn % len(pinned)])
            self._turn += 1
        rest = [peer for peer in self.known if not peer.broadcast and peer not in asked]
        weighted = False
        while rest and len(asked) < count:
            weights = [self.score(peer.name) ** 2 if weighted else 1.0 for peer in rest]
            asked.append(rest.pop(drawn(weights, chance)))
            weighted = True
        return asked

    def rotate(self, chance: Chance) -> tuple[Peer, Peer] | None:
        """Put another peer in the place of the worst one that is not pinned, once it has missed enough; return both."""
        bad = [peer for peer in self.known if not peer.pinned and not peer.broadcast and self.is_idle(peer.name)]
        if not bad or not self.others:
            return None
        worst = min(bad, key=lambda peer: self.score(peer.name))
        fresh = self.others.pop(drawn([1.0] * len(self.others), chance))
        self.known[self.known.index(worst)] = fresh
        self.others.append(worst)
        self._tallies.pop(worst.name, None)
        return worst, fresh

    def is_idle(self, name: str) -> bool:
        """Return whether a peer has missed much and brought hardly anything."""
        tally = self.tally(name)
        return tally.missed >= PATIENCE and tally.score < 1 / (len(self.known) * 2 + 1)

    def weaknesses(self) -> list[Weakness]:
        """Return what makes it easy to surround this node with peers of one enemy; nothing where nothing is seen."""
        found: list[Weakness] = []
        if not any(peer.pinned for peer in self.known):
            found.append(Weakness("peers.none-pinned", "no peer is pinned: name one whom you know yourself"))
        if len({peer.channel for peer in self.known}) < 2:
            found.append(Weakness("peers.one-channel", "all peers are on one channel: add a radio, a bus or a courier"))
        if not any(peer.broadcast for peer in self.known):
            found.append(
                Weakness("peers.no-broadcast", "nothing is heard that was not asked for: listen to a broadcast")
            )
        sources = most_of(peer.learnt_from for peer in self.known if not peer.pinned)
        if sources > len(self.known) / 2 and sources > 1:
            found.append(Weakness("peers.one-source", "most peers were named by one and the same: ask somebody else"))
        parties = most_of(peer.party for peer in self.known if peer.party)
        if parties > len(self.known) / 2 and parties > 1:
            found.append(Weakness("peers.one-party", "most peers are machines of one party: add others"))
        asked = [peer for peer in self.known if self.tally(peer.name).asked]
        if len(asked) > 1 and all(self.is_idle(peer.name) for peer in asked):
            found.append(
                Weakness("peers.all-idle", "no peer brings news any more, and news comes all the same: replace them")
            )
        return found


def most_of(names: Iterable[str]) -> int:
    """Return how often the most frequent name occurs."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return max(counts.values(), default=0)


def drawn(weights: list[float], chance: Chance) -> int:
    """Return an index, each as likely as its weight."""
    at = int.from_bytes(chance.bytes(8)) / 2**64 * sum(weights)
    for index, weight in enumerate(weights):
        at -= weight
        if at < 0:
            return index
    return len(weights) - 1
