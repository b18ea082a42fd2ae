"""The wire: two real nodes over real loopback sockets, with whoever stands between them, and after a restart."""

import random
import time

import pytest

from pourparler.core import limits
from pourparler.core.ledger import Checkpoint, open_checkpoint, sign_note_text, signed_note
from pourparler.dispatch.messages import batch, message, read, read_batch
from pourparler.dispatch.peers import Peer, Peers
from pourparler.service import wire
from pourparler.service.asking import ask
from pourparler.service.intake import ledger_key
from pourparler.service.sources import Folder, Web
from pourparler.service.tiles import LogView, export
from pourparler.service.wire import Desk, pull_home
from tests.exchanging import Seeded, Talks, give, held, relayed, wired
from tests.nodes import HOME, HOME_KEY, HomeLedger, data, disk_node, memory_node

SALT = bytes(16)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(wire, "ANSWER_SECONDS", 1.0)


def two(tmp_path, talks):
    """A node on disk with everything, and one with nothing."""
    one, other = disk_node(tmp_path / "one", name="one"), disk_node(tmp_path / "other", name="other")
    give(one, talks.all)
    return one, other


def desk_of(node, name="asks", **more):
    return Desk(node, Seeded(name), **more)


def test_two_nodes_on_disk_converge_over_a_socket(tmp_path):
    talks = Talks(words=60)
    one, other = two(tmp_path, talks)
    give(other, talks.all[:12])
    own = talks.party.say(talks.other, "reply", "other", about=bytes(32))
    give(other, [own])
    with wired(one) as (url, _):
        found = desk_of(other).exchange_with(url)
    assert found.whole
    assert held(one) == held(other) == {act.id for act in (*talks.all, own)}
    assert found.given == (own.id,)
    one.close()
    other.close()


def test_what_was_exchanged_is_there_after_a_restart_of_both(tmp_path):
    talks = Talks(words=30)
    one, other = two(tmp_path, talks)
    with wired(one) as (url, _):
        assert desk_of(other).exchange_with(url).whole
    before = held(other)
    one.close()
    other.close()
    one, other = disk_node(tmp_path / "one", name="one"), disk_node(tmp_path / "other", name="other")
    assert held(one) == held(other) == before
    more = [talks.party.decide("decide", words="later"), talks.party.say(talks.general, "reply", about=b"x" * 32)]
    give(one, more)
    with wired(one) as (url, _):
        found = desk_of(other, "again").exchange_with(url)
    assert found.whole
    assert sorted(found.learnt) == sorted(act.id for act in more)
    one.close()
    other.close()


def test_an_exchange_that_breaks_off_is_resumed_by_the_next_also_by_another_process(tmp_path, monkeypatch):
    """The relay hangs up for good after so many answers; node and desk are then made anew from the disk."""
    monkeypatch.setattr(limits, "EXCHANGE_ACTS_MAX", 7)
    talks = Talks(words=60)
    one, other = two(tmp_path, talks)
    sizes, left = [], [0]

    def spoil(body, send):
        left[0] -= 1
        return send(body) if left[0] >= 0 else None

    with wired(one) as (url, _), relayed(url, spoil) as relay:
        for number in range(40):
            left[0] = 3
            found = desk_of(other, f"try {number}").exchange_with(relay, tries=1)
            sizes.append(len(held(other)))
            other.close()
            other = disk_node(tmp_path / "other", name="other")
            if found.whole:
                break
    assert found.whole
    assert held(one) == held(other)
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 4
    one.close()
    other.close()


# --- a hostile peer between -------------------------------------------------------------------------------------------


def dropping(chance):
    return lambda body, send: None if chance.random() < 0.4 else send(body)


def lost_on_the_way_back(chance):
    def spoil(body, send):
        answer = send(body)
        return None if chance.random() < 0.4 else answer

    return spoil


def delaying(chance):
    def spoil(body, send):
        if chance.random() < 0.3:
            time.sleep(1.3)
        return send(body)

    return spoil


def truncating(chance):
    def spoil(body, send):
        answer = send(body)
        return answer[: chance.randrange(len(answer))] if chance.random() < 0.4 else answer

    return spoil


def flipping(chance):
    def spoil(body, send):
        answer = bytearray(send(body))
        if chance.random() < 0.4:
            answer[chance.randrange(len(answer))] ^= 1 << chance.randrange(8)
        return bytes(answer)

    return spoil


def replaying(chance):
    said = []

    def spoil(body, send):
        said.append(send(body))
        return chance.choice(said) if chance.random() < 0.4 else said[-1]

    return spoil


def flooding(chance):
    def spoil(body, send):
        if chance.random() < 0.4:
            session = read(read_batch(body)[0]).session
            junk = [chance.randbytes(300) for _ in range(500)]
            return batch([message("acts", session=session, acts=junk, left=9)])
        return send(body)

    return spoil


def endless(chance):
    return lambda body, send: bytes(limits.EXCHANGE_BATCH_MAX_BYTES + 1) if chance.random() < 0.4 else send(body)


def reordering(chance):
    def spoil(body, send):
        said = read_batch(send(body))
        chance.shuffle(said)
        return batch(said)

    return spoil


def withholding(chance):
    """Lets everything through but the acts, some of the time."""

    def spoil(body, send):
        said = read_batch(send(body))
        return batch([one for one in said if read(one).kind != "acts"] if chance.random() < 0.5 else said)

    return spoil


HOSTILE = [
    dropping, lost_on_the_way_back, delaying, truncating, flipping, replaying, flooding, endless, reordering,
    withholding,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda one: one.__name__)
def test_whoever_stands_between_delays_and_does_no_more(hostile):
    talks = Talks(words=40)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    own = talks.party.say(talks.other, "reply", "other", about=bytes(32))
    give(other, [*talks.all[:9], own])
    chance = random.Random(hostile.__name__)
    clear = []
    with wired(one) as (url, _), relayed(url, hostile(chance)) as relay:
        desk = desk_of(other)
        for _ in range(25):
            found = desk.exchange_with(relay, seconds=20)
            clear.append(found.whole)
            if held(one) == held(other):
                break
    assert held(one) == held(other) == {act.id for act in (*talks.all, own)}


def test_a_peer_that_never_answers_costs_the_time_that_it_was_given():
    other = memory_node(name="other")

    def silent(body, send):
        time.sleep(3)

    with relayed("http://127.0.0.1:9", silent) as relay:
        found = desk_of(other).exchange_with(relay, seconds=0.5)
    assert not found.whole
    assert "no answer within" in found.why
    assert held(other) == set()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\x80", "exchange.unfinished"),
        (b"", "cbor"),
        (b"\xa0", "exchange.layout"),
        (batch([b"\xa0"]), "exchange.kind"),
    ],
)
def test_an_answer_that_is_none_is_said_to_be(answer, why):
    with relayed("http://127.0.0.1:9", lambda body, send: answer) as relay:
        found = desk_of(memory_node(name="other")).exchange_with(relay, tries=1)
    assert (found.whole, found.why.startswith(why)) == (False, True)


def test_a_peer_that_talks_for_ever_is_left(monkeypatch):
    monkeypatch.setattr(limits, "EXCHANGE_ROUNDS_MAX", 20)
    other = memory_node(name="other")

    def chatty(body, send):
        session = read(read_batch(body)[0]).session
        act = data(Talks().party.say(Talks().general, "reply", about=random.randbytes(32)))
        return batch([message("acts", session=session, acts=[act], left=99)])

    with relayed("http://127.0.0.1:9", chatty) as relay:
        found = desk_of(other).exchange_with(relay, tries=1)
    assert not found.whole
    assert "no end after 20 answers" in found.why


# --- the server -------------------------------------------------------------------------------------------------------


def test_bodies_are_bounded_and_what_is_none_is_refused_with_its_reason():
    one = memory_node(name="one")
    with wired(one) as (url, _):
        for body, status, word in [
            (bytes(limits.EXCHANGE_BATCH_MAX_BYTES + 1), 413, "at most"),
            (b"", 400, "cbor."),
            (b"\xa0", 400, "exchange.layout"),
            (batch([b"\xa0"]), 400, "exchange.kind"),
            (batch([b"\x00"] * 65), 400, "cbor.too-many-items"),
            (batch([]), 200, ""),
        ]:
            reply = ask(f"{url}/exchange", body, most=10_000)
            assert (reply.status, word in reply.sentence()) == (status, True)
        assert ask(f"{url}/exchange", most=10_000).status == 405


def test_heads_can_be_read_without_an_exchange():
    talks = Talks(words=0)
    one = memory_node(name="one")
    give(one, talks.all)
    with wired(one) as (url, desk):
        first, second = (read(ask(f"{url}/heads", most=10_000).body) for _ in range(2))
        assert not desk.exchange.sessions
    assert (first.kind, len(first["organs"]), first["organs"][0][1]) == ("hello", 1, 8)
    assert first.session != second.session


def test_news_is_pushed_and_only_to_whom_it_is_news():
    talks = Talks(words=2)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    give(other, talks.all)
    dismissal = talks.party.dismiss(talks.general)
    give(one, [dismissal])
    with wired(other) as (url, _):
        desk = desk_of(one)
        assert desk.push(url, [dismissal.id, talks.other.id]).given == (dismissal.id,)
        assert desk.push(url, [dismissal.id]) == wire.Exchanged(url, whole=True)
    assert dismissal.id in held(other)


def test_many_ask_at_once_and_all_get_all():
    import threading

    talks = Talks(words=40)
    one = memory_node(name="one")
    give(one, talks.all)
    others = [memory_node(name=f"n{number}") for number in range(4)]
    with wired(one) as (url, _):
        threads = [
            threading.Thread(target=lambda node=node, n=n: desk_of(node, n).exchange_with(url))
            for n, node in enumerate(others)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert all(held(node) == held(one) for node in others)


def test_a_desk_learns_of_acts_that_came_by_another_channel():
    talks = Talks(words=5)
    one = memory_node(name="one")
    with wired(one) as (url, _):
        give(one, talks.all)  # by radio, while the desk stands
        other = memory_node(name="other")
        assert desk_of(other).exchange_with(url).whole
    assert held(one) == held(other)


def test_peers_are_thanked_for_what_they_brought():
    talks = Talks(words=5)
    one, other = memory_node(name="one"), memory_node(name="other")
    give(one, talks.all)
    with wired(one) as (url, _):
        peers = Peers([Peer(url), Peer("http://elsewhere")])
        peers.asked("http://elsewhere")
        desk_of(other, peers=peers).exchange_with(url)
    assert peers.score(url) > 0.9
    assert peers.score("http://elsewhere") < 0.1


# --- home ledgers, from any mirror ------------------------------------------------------------------------------------


def home(talks, extra=0):
    ledger = HomeLedger()
    ledger.log(*talks.all[:9])
    for receipt in ledger.intake.submit_many([data(talks.party.decide("decide", words=f"{n}")) for n in range(extra)]):
        assert receipt.void is None
    ledger.copy(talks.party)  # a stamp that states the party's stream
    return ledger


def mirror(ledger, folder):
    export(LogView(ledger.intake.store), HOME, folder)
    return folder


class Lying(Folder):
    """A mirror that does something to what it serves: ``does`` is given the path and the bytes."""

    def __init__(self, folder, does, name):
        super().__init__(folder)
        self.does, self.name, self.asked = does, name, []

    def get(self, path, most):
        self.asked.append(path)
        found = self.does(path, super().get(path, most))
        if isinstance(found, Exception):
            raise found
        return found


def rotten(path, found):
    return None if found is None else bytes(len(found)) if path != "checkpoint" else found


LIES = {
    "gives nothing": lambda path, found: None,
    "gives only its checkpoint": lambda path, found: found if path == "checkpoint" else None,
    "gives zeros": rotten,
    "cuts": lambda path, found: found and found[:-1],
    "appends": lambda path, found: found and found + b"x",
    "hangs up": lambda path, found: OSError("broke off"),
    "swaps a bit in the entries": lambda path, found: (
        found[:-1] + bytes([found[-1] ^ 1]) if found and "entries" in path else found
    ),
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.replace(" ", "-"))
def test_a_hostile_mirror_is_harmless_beside_a_good_one(tmp_path, lie):
    talks = Talks()
    ledger = home(talks, extra=300)
    good = mirror(ledger, tmp_path / "mirror")
    node = memory_node(name="node", follow=[talks.party.id])
    bad = Lying(good, LIES[lie], "bad")
    found = pull_home(node, HOME, [bad, Folder(good)])
    assert found.whole, found
    assert [fault.mirror for fault in found.faults if fault.mirror != "bad"] == []
    assert found.size == ledger.intake.size == node.home_size(HOME)
    assert {act.id for act in talks.all[:9]} <= held(node)
    alone = memory_node(name="alone", follow=[talks.party.id])
    assert not pull_home(alone, HOME, [Lying(good, LIES[lie], "bad")]).whole
    assert alone.home_size(HOME) == 0


def test_two_halves_make_a_whole(tmp_path):
    """One mirror has no entries, the other no hashes; neither could be read alone."""
    talks = Talks()
    good = mirror(home(talks, extra=300), tmp_path / "mirror")
    node = memory_node(name="node", follow=[talks.party.id])
    hashes = Lying(good, lambda path, found: None if "entries" in path else found, "hashes")
    entries = Lying(good, lambda path, found: found if "entries" in path else None, "entries")
    assert pull_home(node, HOME, [entries, hashes]).whole


def test_only_what_is_new_is_read_the_next_time(tmp_path):
    talks = Talks()
    ledger = home(talks, extra=300)
    node = memory_node(name="node", follow=[talks.party.id])
    assert pull_home(node, HOME, [Folder(mirror(ledger, tmp_path / "mirror"))]).whole
    later = talks.party.dismiss(talks.general)
    ledger.log(later)
    ledger.copy(talks.party)
    watched = Lying(mirror(ledger, tmp_path / "mirror"), lambda path, found: found, "watched")
    found = pull_home(node, HOME, [watched])
    assert (found.whole, node.home_size(HOME)) == (True, ledger.intake.size)
    assert later.id in held(node)
    assert not any(path == "tile/entries/000" for path in watched.asked)
    assert pull_home(node, HOME, [watched]).whole


def test_reading_that_breaks_off_is_resumed_from_what_was_kept(tmp_path):
    talks = Talks()
    ledger = home(talks, extra=700)
    folder = mirror(ledger, tmp_path / "mirror")
    node = memory_node(name="node", follow=[talks.party.id])
    breaking = Lying(folder, lambda path, found: OSError("cut") if "entries/003" in path else found, "breaking")
    found = pull_home(node, HOME, [breaking], kept=tmp_path / "kept")
    assert not found.whole
    assert found.read == 3 * 256
    watched = Lying(folder, lambda path, found: found, "watched")
    found = pull_home(node, HOME, [watched], kept=tmp_path / "kept")
    assert found.whole
    assert "tile/entries/003" in watched.asked
    assert not any(f"entries/00{number}" in path for path in watched.asked for number in range(3))


def test_what_was_kept_is_believed_no_more_than_a_mirror(tmp_path):
    talks = Talks()
    folder = mirror(home(talks, extra=300), tmp_path / "mirror")
    for number, spoilt in enumerate((b"", bytes(100), (folder / "tile/entries/000").read_bytes()[:-1] + b"?")):
        kept = tmp_path / f"kept {number}" / "tile" / "entries" / "000"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(spoilt)
        node = memory_node(name=f"node{number}", follow=[talks.party.id])
        assert pull_home(node, HOME, [Folder(folder)], kept=tmp_path / f"kept {number}").whole


def test_a_mirror_that_is_behind_is_passed_over_and_alone_takes_nothing_back(tmp_path):
    talks = Talks()
    ledger = home(talks)
    old = mirror(ledger, tmp_path / "old")
    dismissal = talks.party.dismiss(talks.general)
    ledger.log(dismissal)
    ledger.copy(talks.party)
    new = mirror(ledger, tmp_path / "new")
    node = memory_node(name="node", follow=[talks.party.id])
    assert pull_home(node, HOME, [Folder(old), Folder(new)]).whole
    assert dismissal.id in held(node)
    found = pull_home(node, HOME, [Folder(old)])
    assert not found.whole
    assert "behind" in found.why
    assert node.home_size(HOME) == ledger.intake.size


def test_two_histories_that_the_ledger_signed_are_kept_as_proof(tmp_path):
    talks = Talks()
    one, other = home(talks), home(talks)
    other.log(talks.party.decide("decide", words="only there"))
    other.copy(talks.party)
    note = signed_note(
        text := Checkpoint(HOME.origin, 3, bytes(32)).text(), [sign_note_text(text, ledger_key(HOME), HOME_KEY.sign)]
    )
    first = mirror(other, tmp_path / "first")
    second = mirror(one, tmp_path / "second")
    (second / "checkpoint").write_bytes(note)
    node = memory_node(name="node", follow=[talks.party.id])
    found = pull_home(node, HOME, [Folder(first), Folder(second)])
    assert not found.whole
    assert found.forked is not None
    for proof in found.forked:
        open_checkpoint(proof, HOME.origin, ledger_key(HOME))
    assert node.home_size(HOME) == 0


def test_a_checkpoint_by_another_key_is_none(tmp_path):
    talks = Talks()
    stranger = HomeLedger(key=Talks("stranger").party.members[0])
    stranger.log(*talks.all[:3])
    folder = tmp_path / "other"
    export(LogView(stranger.intake.store), stranger.intake.depositary, folder)
    node = memory_node(name="node", follow=[talks.party.id])
    found = pull_home(node, HOME, [Folder(folder)])
    assert (found.whole, found.size) == (False, 0)
    assert found.faults


def test_a_home_is_read_from_real_servers_one_of_which_is_dead(tmp_path):
    from pourparler.service.http.application import application
    from pourparler.service.http.static import static_routes
    from tests.witnessed import serving

    talks = Talks()
    ledger = home(talks, extra=20)
    node = memory_node(name="node", follow=[talks.party.id])
    with serving(application(static_routes(LogView(ledger.intake.store)))) as url:
        dead = Web("http://127.0.0.1:9", timeout_seconds=0.5, pause_seconds=0.01)
        assert pull_home(node, HOME, [dead, Web(url)]).whole
    assert node.home_size(HOME) == ledger.intake.size
