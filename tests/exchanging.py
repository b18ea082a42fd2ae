"""What tests of exchanges share: nodes that talk in memory or over sockets, and whoever stands between them."""

import contextlib
import random
from http.server import BaseHTTPRequestHandler

from pourparler.core import limits
from pourparler.dispatch.exchange import Exchange
from pourparler.service.asking import ask
from pourparler.service.http.application import application
from pourparler.service.http.wire import wire_routes
from pourparler.service.wire import Desk, NodeHolding
from tests.nodes import CONCLUDE, Party, came, data
from tests.witnessed import listening, serving


class Seeded:
    """Chance that depends on a name alone."""

    def __init__(self, name="chance"):
        self.random = random.Random(name)

    def bytes(self, count):
        return self.random.randbytes(count)


class Talks:
    """A party with two mandates, decisions, and what its holders say: acts for nodes to exchange."""

    def __init__(self, name="Smolny", decisions=6, words=20):
        self.party = Party(name)
        self.general = self.party.grant("general", CONCLUDE | 1)
        self.other = self.party.grant("other", 3)
        self.decisions = [self.party.decide("decide", words=f"{n}") for n in range(decisions)]
        self.replies = [
            self.party.say(self.general, "reply", about=n.to_bytes(32, "big"), words=f"heard {n}") for n in range(words)
        ]

    @property
    def all(self):
        return [self.party.found, self.general, self.other, *self.decisions, *self.replies]


def give(node, acts, by=None):
    for taken in node.take_many([data(act) for act in acts], by or came()):
        assert taken.state.value in ("new", "known"), taken


def held(node):
    """Return the ids of all that a node holds, carried acts and beacons among them."""
    own = {act.id for act in node.every()}
    return own | {act for act, _ in node.store.all_carried()} | {act for _, act in node.heads().beacons.values()}


def exchange_of(node, name, **more):
    return Exchange(NodeHolding(node, "memory"), Seeded(name), node.wall, **more)


def talk(ours, theirs, between=lambda said: said, names=("a", "b"), most=2_000):
    """Let one side exchange with another in memory, through somebody; return what came of it, and the bytes said."""
    first = ours.begin(names[1])
    out, said, rounds = [first], [first], 0
    while out and rounds < most:
        rounds += 1
        back = [answer for one in out for m in between([one]) for answer in theirs.answer(m, names[0])]
        said += back
        out = [answer for one in back for m in between([one]) for answer in ours.answer(m, names[1])]
        said += out
    return ours.end(names[1], first), said


@contextlib.contextmanager
def wired(node, **more):
    """A node on a real loopback socket; gives its URL and its desk."""
    desk = Desk(node, Seeded(node.journal.depositary.origin), **more)
    with serving(application(wire_routes(desk))) as url:
        yield url, desk


@contextlib.contextmanager
def relayed(url, spoil):
    """A relay on a real socket before a node: ``spoil`` is given each body and what sends it on, and returns the body
    of the answer, or None to hang up."""

    def on(body):
        return ask(f"{url}/exchange", body, most=limits.EXCHANGE_BATCH_MAX_BYTES).body

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            found = spoil(self.rfile.read(int(self.headers.get("Content-Length", 0))), on)
            if found is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            with contextlib.suppress(OSError):  # who asked has left
                self.wfile.write(found)

        def log_message(self, *_):
            pass

    with listening(Handler) as relay:
        yield relay
