"""The guard around the fountain code: what it promises of any k symbols, and what it never lets through."""

import itertools
import os
import random
import signal
import subprocess
import sys

import pytest
import raptorq
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import limits
from pourparler.core.errors import Malformed, Missing
from pourparler.dispatch import fountain
from pourparler.dispatch.fountain import ANY_OF, InProcess, Undecodable, Worker, decode_here, encode, symbols


def thing(length, seed=0):
    return random.Random(f"{seed} {length}").randbytes(length)


def numbered(data, size, wanted):
    return dict(zip(wanted, symbols(data, size, wanted), strict=True))


@pytest.fixture(scope="module")
def worker():
    with Worker() as made:
        yield made


# --- any k ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [1, 2, 3])
def test_any_k_of_the_first_numbers_decode(needed):
    """Every single set: "a dismissal by three members arrives from any three frames" is so, and not only likely."""
    size = 8
    data = thing(size * needed, "any")
    made = numbered(data, size, list(ANY_OF[needed]))
    assert len(made) == 48
    for chosen in itertools.combinations(made, needed):
        assert decode_here(len(data), size, {n: made[n] for n in chosen}) == data, chosen


def test_any_four_of_the_first_numbers_decode():
    data = thing(32, "any")
    made = numbered(data, 8, list(ANY_OF[4]))
    assert len(made) == 23
    for chosen in itertools.combinations(made, 4):
        assert decode_here(len(data), 8, {n: made[n] for n in chosen}) == data, chosen


def test_which_sets_decode_does_not_depend_on_the_object():
    """So what was tried with short symbols holds for long ones. The sets that fail are among numbers we do not send."""
    failing = None
    for size in (8, 144, 1_112):
        data = thing(size * 3 - 5, size)
        made = numbered(data, size, list(range(64)))
        bad = set()
        for chosen in itertools.combinations(range(30), 3):
            if decode_here(len(data), size, {n: made[n] for n in chosen}) is None:
                bad.add(chosen)
        assert failing in (None, bad)
        failing = bad
    assert failing
    assert not any(set(chosen) <= set(ANY_OF[3]) for chosen in failing)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40_000), st.sampled_from([152, 216, 1_112]), st.integers(0, 2**32).map(random.Random))
def test_k_and_a_few_symbols_make_the_object(length, room, chance):
    data = thing(length)
    size = fountain.symbol_size(length, room)
    needed = fountain.symbols_needed(length, room)
    wanted = chance.sample(range(fountain.numbers(needed)), needed + 3)
    assert decode_here(length, size, numbered(data, size, wanted)) == data
    assert decode_here(length, size, numbered(data, size, wanted[: needed - 1])) is None


def test_symbols_from_a_number_on_are_the_same_as_all_of_them():
    data = thing(5_000)
    whole = encode(data, 152, 0, 200)
    assert encode(data, 152, 90, 20) == whole[90:110]
    assert encode(data, 152, 3, 1) == whole[3:4]
    assert symbols(data, 152, [70, 3, 199]) == [whole[70], whole[3], whole[199]]
    assert b"".join(whole[:33])[:5_000] == data  # the first are the object itself


def test_the_largest_object_is_one_block():
    data = thing(limits.OBJECT_MAX_BYTES)
    last = fountain.numbers(2_048) - 1
    for size in (128, 1_112):  # and one sub-block: the first symbols are its pieces, in order
        needed = fountain.symbols_needed(len(data), size)
        assert b"".join(encode(data, size, 0, needed))[: len(data)] == data
    assert len(encode(data, 128, last, 1)[0]) == 128


# --- what is never let through ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "size", "number", "reason"),
    [
        (0, 8, 0, "frame.length"),
        (limits.OBJECT_MAX_BYTES + 1, 1_112, 0, "frame.length"),
        (10**12, 1_112, 0, "frame.length"),
        (300, 0, 0, "frame.symbol-size"),
        (300, 7, 0, "frame.symbol-size"),
        (300, -8, 0, "frame.symbol-size"),
        (300, 304 + 8, 0, "frame.symbol-size"),
        (8 * 2_049, 8, 0, "frame.symbol-size"),
        (300, 152, 4_096, "frame.number"),
    ],
)
def test_nothing_else_reaches_the_library(monkeypatch, length, size, number, reason):
    monkeypatch.setattr(fountain, "library", lambda: pytest.fail("the library was asked"))
    with pytest.raises(Malformed, match=reason):
        decode_here(length, size, {number: bytes(max(0, size))})


def test_a_symbol_of_another_length_does_not_reach_the_library(monkeypatch):
    monkeypatch.setattr(fountain, "library", lambda: pytest.fail("the library was asked"))
    with pytest.raises(Malformed, match="frame.symbol-size"):
        decode_here(300, 152, {0: bytes(152), 1: bytes(151)})


def test_no_object_is_made_of_too_many_symbols_or_bytes():
    for length, room in ((0, 152), (limits.OBJECT_MAX_BYTES + 1, 1_112), (200_000, 64), (10, 0)):
        with pytest.raises(Malformed, match="object.too-large"):
            fountain.symbol_size(length, room)


def test_the_absence_of_the_library_is_said_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "raptorq", None)
    with pytest.raises(Missing, match=r"frame.no-decoder.*pourparler\[radio\]"):
        encode(bytes(100), 104, 1, 2)
    with pytest.raises(Missing, match="frame.no-decoder"):
        Worker().decode(100, 104, {0: bytes(104)})


# --- the worker -------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(length=st.integers(1, 20_000), more=st.integers(-1, 2))
def test_the_worker_answers_what_the_library_answers(worker, length, more):
    data = thing(length)
    size = fountain.symbol_size(length, 152)
    needed = fountain.symbols_needed(length, 152)
    given_ = numbered(data, size, list(range(7, 7 + needed + more))) if needed + more else {}
    assert worker.decode(length, size, given_) == InProcess().decode(length, size, given_)


def test_a_worker_that_was_killed_is_begun_again():
    data = thing(2_000)
    given_ = numbered(data, 144, list(range(3, 17)))
    with Worker() as worker:
        assert worker.decode(2_000, 144, given_) == data
        os.kill(worker.process.pid, signal.SIGKILL)
        worker.process.wait()
        assert worker.decode(2_000, 144, given_) == data
        assert worker.begun == 2
    assert worker.process is None


def test_a_worker_that_dies_while_it_is_asked_is_told_and_begun_again():
    with Worker() as worker:
        with pytest.raises(Undecodable, match="died"):
            worker.decode(300, 151, {0: bytes(151)})  # which its own check refuses: it dies of it
        data = thing(300)
        assert worker.decode(300, 152, numbered(data, 152, [0, 1])) == data
        assert worker.begun == 2


def test_a_worker_that_does_not_answer_is_killed():
    data = thing(300)
    with Worker(deadline_seconds=0.2) as worker:
        process = worker.running()
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(Undecodable, match="in time"):
            worker.decode(300, 152, numbered(data, 152, [0, 1]))
        assert process.returncode == -signal.SIGKILL
        worker.deadline_seconds = 10
        assert worker.decode(300, 152, numbered(data, 152, [0, 1])) == data


@pytest.mark.skipif(sys.platform != "linux", reason="the address space can be bounded on Linux only")
def test_the_worker_is_bound_in_memory():
    code = "from pourparler.dispatch import decoding, helper; helper.bind_limits(decoding.ADDRESS_SPACE_BYTES); "
    code += "bytearray(1 << 28)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MemoryError" in found.stderr
    code = code.replace("1 << 28", "1 << 20")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_the_largest_object_fits_the_worker(worker):
    data = thing(limits.OBJECT_MAX_BYTES)
    given_ = numbered(data, 128, list(range(2_048, 4_096 + 2)))
    assert worker.decode(len(data), 128, given_) == data


def test_what_the_library_does_without_the_guard():
    """Why there is a guard. If this fails, a new version of the library behaves better, and less of it is needed."""
    data = thing(300)
    packets = raptorq.Encoder.with_defaults(data, 152).get_encoded_packets(2)
    wrong = raptorq.Decoder.with_defaults(300, 152)
    wrong.decode(packets[0][:-1] + bytes([packets[0][-1] ^ 1]))
    assert wrong.decode(packets[1]) not in (None, data)  # a wrong object, and no error
    with pytest.raises(BaseException) as caught:  # noqa: PT012 -- whichever of the two panics
        decoder = raptorq.Decoder.with_defaults(300, 152)
        decoder.decode(packets[0][:-1])
        decoder.decode(packets[1])
    assert not isinstance(caught.value, Exception)
    assert fountain.is_panic(caught.value)
