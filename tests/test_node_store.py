"""The file beside a node's journal: one contract, on disk and in memory."""

import contextlib

import pytest
from hypothesis import given, settings, strategies

from pourparler.core import limits
from pourparler.ports import StoreError
from pourparler.store.node import Ack, NodeStore, Proof, StoredBeacon, StoredPart, Waiting
from pourparler.store.pools import POOLS, Bounds, Tally
from pourparler.store.sqlite import SqliteStore

SMALL = Bounds(owner_rows=4, owner_bytes=1_000, rows=10, bytes=2_000)
ANN, BO = b"a" * 32, b"b" * 32


@pytest.fixture(params=["disk", "memory"])
def store(request, tmp_path):
    store = NodeStore(tmp_path / "node.sqlite" if request.param == "disk" else None, pool=SMALL, carried=SMALL)
    yield store
    store.close()


def waiting(number, owner=ANN, size=10, **more):
    id_ = number.to_bytes(32)
    return Waiting(id_, more.pop("act", id_), owner, more.pop("time", number), "unknown.prior", b"x" * size, **more)


def test_a_pool_lets_the_oldest_of_its_owner_go_first(store):
    assert store.add_pending(waiting(0, BO), [BO])
    for number in range(1, 8):
        assert store.add_pending(waiting(number), [ANN])
    assert [one.id[-1] for one in store.pending()] == [0, 4, 5, 6, 7]
    assert [one.id[-1] for one in store.pending_for(ANN)] == [4, 5, 6, 7]
    assert store.wanted() == [ANN, BO]
    assert store.counts()["pending"] == (5, 5 * 74)


def test_a_pool_is_bounded_in_bytes_and_for_all_owners_together(store):
    assert not store.add_pending(waiting(0, size=1_001), [])
    for number in range(3):
        assert store.add_pending(waiting(number, size=400), [])
    assert [one.id[-1] for one in store.pending()] == [1, 2]
    for number in range(10, 30):
        store.add_pending(waiting(number, owner=bytes([number]) * 32), [])
    rows, size = store.counts()["pending"]
    assert (rows, size <= SMALL.bytes) == (SMALL.rows, True)


def test_what_waits_is_found_by_what_it_waits_for_by_its_act_and_by_its_time(store):
    store.add_pending(waiting(1, act=ANN, ready=50), [])
    store.add_pending(waiting(2, act=ANN, works=True), [BO, ANN])
    assert [one.id[-1] for one in store.pending_of(ANN)] == [1, 2]
    assert [one.id[-1] for one in store.pending_ready(50)] == [1]
    assert store.pending_ready(49) == []
    assert [one.id[-1] for one in store.working()] == [2]
    assert [one.id[-1] for one in store.pending_for(BO)] == [2]
    store.remove_pending((2).to_bytes(32))
    assert (store.wanted(), store.working()) == ([], [])


def test_what_waits_expires_but_not_bad_news_that_works(store):
    store.add_pending(waiting(1, time=10), [BO])
    store.add_pending(waiting(2, time=10, works=True), [])
    store.add_pending(waiting(3, time=20), [])
    store.add_part(StoredPart(ANN, ANN, ANN, 10, b"k", b"s", b"x"))
    assert store.expire_pending(20) == 1
    assert [one.id[-1] for one in store.pending()] == [2, 3]
    assert (store.wanted(), store.parts(ANN)) == ([], [])


def test_parts_are_kept_once_and_carried_acts_too(store):
    part = StoredPart(ANN, BO, ANN, 1, b"k" * 8, b"s" * 64, b"payload")
    assert (store.add_part(part), store.add_part(part)) == (True, False)
    assert store.parts(BO) == [part]
    store.remove_parts(BO)
    assert store.parts(BO) == []
    assert (store.add_carried(ANN, BO, 1, b"data"), store.add_carried(ANN, BO, 2, b"data")) == (True, False)
    assert (store.carried(ANN), store.carried(BO)) == (b"data", None)
    for number in range(6):
        store.add_carried(number.to_bytes(32), BO, 1, b"data")
    assert [id_[-1] for id_, _ in store.all_carried()] == [2, 3, 4, 5]


def beacon(serial, key=ANN, party=ANN):
    return StoredBeacon(
        serial.to_bytes(31) + key[:1],
        party,
        key,
        serial,
        serial,
        ANN,
        serial,
        serial + 9,
        serial,
        False,
        "udp",
        b"data",
    )


def test_of_each_key_the_newest_beacons_are_kept(store):
    for serial in range(limits.NODE_BEACONS_KEPT + 10):
        store.add_beacon(beacon(serial))
    store.add_beacon(beacon(3, BO))
    kept = [one.serial for one in store.beacons(ANN)]
    assert (len(kept), kept[0], kept[-1]) == (limits.NODE_BEACONS_KEPT + 1, limits.NODE_BEACONS_KEPT + 9, 3)
    assert store.beacons(BO) == []


def test_a_beacon_puts_off_the_next_for_so_long_and_no_longer():
    last = beacon(1)
    assert last.period == 9
    far = StoredBeacon(ANN, ANN, ANN, 1, 1, ANN, 1, 2**40, 1, True, "udp", b"")
    assert far.period == limits.NODE_BEACON_PERIOD_MAX_SECONDS


def test_the_first_word_of_an_acknowledgement_stands(store):
    first = Ack(ANN, BO, ANN, 5, 6, "radio", "x")
    store.add_ack(first)
    store.add_ack(Ack(ANN, BO, ANN, 5, 9, "wire", "y"))
    assert store.acks(BO) == [first]


def test_who_was_heard_when_and_how(store):
    store.note_heard(ANN, "radio", "x", 5)
    store.note_heard(ANN, "radio", "y", 4)
    store.note_heard(ANN, "wire", "z", 9)
    assert store.heard(ANN) == [("wire", "z", 9), ("radio", "x", 5)]


def test_what_others_say_is_kept_since_they_said_it_first(store, monkeypatch):
    store.note_said(ANN, "x", "bus", 5)
    store.note_said(ANN, "x", "wire", 8)
    store.note_said(ANN, "y", "bus", 7)
    assert store.said(ANN) == [("x", "wire", 5, 8), ("y", "bus", 7, 7)]
    store.unsay(ANN, "x")
    assert [peer for peer, *_ in store.said(ANN)] == ["y"]
    store.unsay(ANN)
    assert store.said(ANN) == []
    monkeypatch.setattr(limits, "NODE_SAID_ROWS_MAX", 3)
    for number in range(9):
        store.note_said(number.to_bytes(32), "x", "bus", number)
    assert sum(len(store.said(number.to_bytes(32))) for number in range(9)) == 3


def test_proofs_are_kept_once_and_the_first_ones_stay(store, monkeypatch):
    monkeypatch.setattr(limits, "NODE_PROOFS_MAX", 2)
    proof = Proof("beacon", ANN, BO, 1, b"one", b"two")
    assert (store.add_proof(proof), store.add_proof(proof)) == (True, False)
    assert store.add_proof(Proof("decision", BO, BO, 1, b"one", b"two"))
    assert not store.add_proof(Proof("decision", BO, BO, 1, b"three", b"four"))
    assert (store.proofs(ANN), len(store.proofs())) == ([proof], 2)


def test_homes_and_bundles(store):
    store.extend_home("home", ANN, 0, [b"0", b"1"], b"note of 2")
    store.extend_home("home", ANN, 2, [b"2"], b"note of 3")
    assert store.homes() == [("home", ANN, 3, b"note of 3")]
    assert store.home_entries("home", ANN) == [b"0", b"1", b"2"]
    with pytest.raises(StoreError):
        store.extend_home("home", ANN, 2, [b"another"], b"note")
    assert store.home_entries("home", ANN) == [b"0", b"1", b"2"]
    for number in range(limits.NODE_BUNDLES_KEPT + 3):
        store.add_bundle(bytes([number]) * 32, ANN, b"%d" % number)
    assert store.bundles() == [b"3", b"4", b"5", b"6"]


def test_an_exception_undoes_the_whole_change(store):
    with contextlib.suppress(ZeroDivisionError), store.changing():
        store.set_fact("anchor", 1)
        store.add_pending(waiting(1), [])
        with store.changing():
            store.follow(ANN)
        _ = 1 // 0
    assert (store.fact("anchor"), store.pending(), store.followed()) == (None, [], set())
    store.set_fact("anchor", 2)
    assert store.fact("anchor") == 2


def test_a_node_follows_so_many_parties_and_no_more(store, monkeypatch):
    monkeypatch.setattr(limits, "NODE_PARTIES_MAX", 2)
    store.follow(ANN)
    store.follow(BO)
    with pytest.raises(StoreError):
        store.follow(bytes(32))


def test_what_is_on_the_disk_is_there_when_it_is_opened_again(tmp_path):
    store = NodeStore(tmp_path / "node.sqlite")
    store.add_pending(waiting(1, channel="udp", peer="x", works=True), [BO])
    store.add_beacon(beacon(7))
    store.close()
    store.close()
    store = NodeStore(tmp_path / "node.sqlite")
    assert store.pending() == [waiting(1, channel="udp", peer="x", works=True)]
    assert store.beacons(ANN) == [beacon(7)]
    store.close()


def test_another_programs_database_and_a_damaged_one_are_refused(tmp_path):
    SqliteStore(tmp_path / "ledger").close()
    with pytest.raises(StoreError, match="another program"):
        NodeStore(tmp_path / "ledger")
    (tmp_path / "junk").write_bytes(b"no database at all" * 1_000)
    with pytest.raises(StoreError):
        NodeStore(tmp_path / "junk")
    with pytest.raises(StoreError):
        NodeStore(tmp_path / "no folder" / "node.sqlite")


def counted(store, pool):
    """What each owner has in a pool, as SQLite counts it."""
    query = f"SELECT {POOLS[pool]}, owner, count(*), sum(size) FROM {pool} GROUP BY 1, 2"
    found = Tally()
    for works, owner, rows, size in store._all(query):
        found.add(bool(works), owner, rows, size)
    return vars(found)


@settings(max_examples=60, deadline=None)
@given(
    strategies.lists(
        strategies.tuples(
            strategies.sampled_from(["wait", "work", "part", "carry", "remove", "parts", "expire", "undo"]),
            strategies.integers(0, 12),
            strategies.sampled_from([ANN, BO, b"c" * 32]),
            strategies.integers(1, 500),
        ),
        max_size=60,
    )
)
def test_what_is_kept_in_memory_of_the_pools_is_what_stands_in_the_file(steps):
    store = NodeStore(None, pool=SMALL, carried=SMALL)

    def step(what, number, owner, size):
        id_ = number.to_bytes(32)
        match what:
            case "wait" | "work":
                store.add_pending(waiting(number, owner, size, works=what == "work"), [BO])
            case "part":
                store.add_part(StoredPart(id_, ANN, owner, number, b"k" * 8, b"s" * 64, b"x" * size))
            case "carry":
                store.add_carried(id_, owner, number, b"x" * size)
            case "remove":
                store.remove_pending(id_)
            case "parts":
                store.remove_parts(ANN)
            case "expire":
                store.expire_pending(number)

    for number, (what, *rest) in enumerate(steps):
        if what == "undo":
            with contextlib.suppress(ZeroDivisionError), store.changing():
                for again in steps[:number]:
                    step(*again)
                raise ZeroDivisionError
        step(what, *rest)
    for pool in POOLS:
        assert vars(store._tally(pool)) == counted(store, pool)
    store.close()
