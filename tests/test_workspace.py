"""The workspace, its books and its desk: nothing lost, nothing believed that was not checked."""

import multiprocessing
import os
import time
from dataclasses import replace

import pytest

from pourparler.cli import verify
from pourparler.core.council import Depositary, organ_id
from pourparler.core.encoding import encode
from pourparler.core.errors import Malformed, Missing, Refused
from pourparler.core.ledger import Checkpoint, root_of, sign_note_text, signed_note
from pourparler.ports import StoreError
from pourparler.service import books, desk, workspace
from pourparler.service.books import Book, Forked, create_ledger, give, parse_copy, take
from pourparler.service.desk import Parcel, joined, parse_parcel
from pourparler.service.drafting import draft, powers
from pourparler.service.intake import Intake, LedgerDamaged
from pourparler.service.names import Names
from pourparler.service.workspace import Settings, Workspace, WorkspaceError, check_name, read_settings, rendered
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

ANN, BO, CY = (Key.from_name(name) for name in ("ann", "bo", "cy"))
LEDGER = Key.from_name("a ledger")
ORIGIN = "ledger.example/workspace"


class Clock:
    time = 1_000_000

    def now(self) -> int:
        return self.time


@pytest.fixture
def place(tmp_path):
    return Workspace.create(tmp_path / "ours")


@pytest.fixture
def kept(place):
    ledger = create_ledger(place, ORIGIN, "ledger", LEDGER, bound_seconds=600, clock=Clock())
    book = Book(place, ledger, clock=Clock())
    yield book
    book.close()


def founding(name: str, *members: Key):
    seats = sorted([member.public_key, 1] for member in members)
    board = {"name": "board", "seats": seats, "needs": len(members), "powers": 2047}
    home = {"origin": ORIGIN, "key": LEDGER.public_key}
    return draft("found", {"name": name, "nonce": bytes(16), "home": home, "organs": [board], "suspension": 60})


def log(book: Book, act, *texts: bytes):
    (answer,) = book.submit([act.envelope.encoded()], texts, LEDGER)
    if isinstance(answer, Exception):
        raise answer
    return answer


# --- settings ---------------------------------------------------------------------------------------------------------


def test_settings_are_read_as_they_were_written(place):
    place.give_name("we", bytes(range(32)))
    place.give_name("we.board", bytes(31) + b"\x01")
    place.trust(bytes(range(32)), 'handed over "in person"\nby\x7f Ann\t✓')
    again = Workspace(place.folder)
    assert again.settings == place.settings
    assert read_settings({"format": workspace.FORMAT}) == Settings()
    assert workspace.FORMAT == verify.FORMAT  # said twice, for who verifies relies on nothing but the core


def test_a_workspace_is_found_from_below_and_named_by_the_environment(place, tmp_path, monkeypatch):
    below = place.folder / "deep" / "deeper"
    below.mkdir(parents=True)
    assert Workspace.find(start=below).folder == place.folder
    monkeypatch.setenv(workspace.VARIABLE, str(place.folder))
    assert Workspace.find(start=tmp_path).folder == place.folder
    monkeypatch.delenv(workspace.VARIABLE)
    with pytest.raises(WorkspaceError, match="no workspace here"):
        Workspace.find(start=tmp_path)
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        Workspace.create(place.folder)


@pytest.mark.parametrize(
    "text", ["", "format = 1", 'format = "pourparler/1 workspace"\n[names]\nwe = "12"', "][", "\x00"]
)
def test_settings_that_cannot_be_read_are_said_and_kept(place, text):
    path = place.folder / workspace.FILE
    path.write_text(text)
    with pytest.raises(WorkspaceError, match="not the settings"):
        Workspace(place.folder)
    with pytest.raises(WorkspaceError):
        place.give_name("we", bytes(32))
    assert path.read_text() == text


@pytest.mark.parametrize("name", ["", "a b", "-x", "../x", "deadbeef", "DEADBEEF00", "ab" * 32, "x" * 65, "a/b", "a\n"])
def test_names_that_could_be_something_else_are_refused(place, name):
    with pytest.raises(WorkspaceError, match="cannot be a name"):
        place.give_name(name, bytes(32))


def test_a_name_is_not_taken_from_what_has_it(place):
    check_name("bad.code")
    place.give_name("we", bytes(32))
    place.give_name("we", bytes(32))
    with pytest.raises(WorkspaceError, match="already names"):
        place.give_name("we", bytes(31) + b"x")
    assert place.free_name("We") == "we-2"
    assert place.free_name("  Côté & Söhne ") == "côté-söhne"
    assert place.free_name("///") == "unnamed"


def name_many(folder, prefix):
    place = Workspace(folder)
    for number in range(20):
        place.give_name(f"{prefix}-{number}", bytes([number]) * 32)


def test_two_processes_lose_none_of_each_others_names(place):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=name_many, args=(place.folder, prefix)) for prefix in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(Workspace(place.folder).settings.names) == 40


def test_a_write_that_fails_leaves_the_old_file(place, monkeypatch):
    before = (place.folder / workspace.FILE).read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        place.give_name("we", bytes(32))
    assert (place.folder / workspace.FILE).read_bytes() == before
    assert [path.name for path in place.folder.iterdir() if path.name.startswith(f".{workspace.FILE}")] == []


def test_files_of_the_desk_are_the_owners_only(place):
    digest = place.keep_text(b"some text")
    path = place.desk / "texts" / digest.hex()
    assert path.stat().st_mode & 0o077 == 0
    assert place.text(digest) == b"some text"
    path.write_bytes(b"another")
    assert place.text(digest) is None  # a text is what its digest says


# --- ledgers ----------------------------------------------------------------------------------------------------------


def test_one_ledger_is_written_by_one_command_at_a_time(place, kept, monkeypatch):
    monkeypatch.setattr(books, "WAIT_SECONDS", 0.2)
    told = []
    with pytest.raises(StoreError, match="is in use"):
        Book(place, kept.ledger, waiting=lambda: told.append(1))
    assert told == [1]
    kept.close()
    Book(place, kept.ledger).close()


def open_for_a_while(folder, ready, seconds):
    book = Book(Workspace(folder), Workspace(folder).settings.ledgers[ORIGIN])
    ready.set()
    time.sleep(seconds)
    book.close()


def test_the_second_command_waits_for_the_first(place, kept):
    kept.close()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    other = context.Process(target=open_for_a_while, args=(place.folder, ready, 0.5))
    other.start()
    assert ready.wait(60)
    told = []
    Book(place, kept.ledger, waiting=lambda: told.append(1)).close()
    other.join()
    assert told == [1]


def test_an_act_is_tried_before_it_is_sent_and_changes_nothing_by_that(kept):
    act = founding("We", ANN, BO).signed_by(ANN, BO)
    outcome = kept.tried(act)
    assert outcome.void is None
    assert outcome.moment.index == kept.size + 1
    assert kept.store.size() == 1
    receipt = log(kept, act)
    assert receipt.index == outcome.moment.index
    with pytest.raises(Refused, match=r"act\.duplicate"):
        kept.tried(act)


def test_a_decision_is_foreseen_before_enough_have_signed(kept):
    party = founding("We", ANN, BO).signed_by(ANN, BO)
    log(kept, party)
    board = organ_id(party.id, "board")
    grant = draft("grant", {"organ": board, "prior": board, "to": CY.public_key, "powers": powers("open")})
    alone = grant.signed_by(ANN)
    with pytest.raises(Refused, match=r"decision\.insufficient"):
        kept.tried(alone)
    assert kept.tried_as_if_enough(alone, 0) is None
    assert kept.tried_as_if_enough(alone, 1) is not None
    assert alone.id in kept.registry.registers[party.id].mandates
    kept.close()
    with pytest.raises(Refused, match=r"decision\.insufficient"):  # in a new fold nothing of it is left
        Book(kept.workspace, kept.ledger).tried(alone)


def test_an_origin_that_could_not_stand_in_a_checkpoint_is_refused(place):
    for origin in ("", "a b", "a+b", "x" * 300, "a\nb"):
        with pytest.raises(WorkspaceError, match="cannot be a ledger's origin"):
            create_ledger(place, origin, "ledger", LEDGER, bound_seconds=1)
    assert place.settings.ledgers == {}


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def reader(tmp_path):
    return Workspace.create(tmp_path / "theirs")


def test_a_copy_is_taken_grows_and_is_never_shortened(kept, reader):
    log(kept, founding("First", ANN).signed_by(ANN))
    early = give(kept, LEDGER)
    assert parse_copy(early.encoded()) == early
    taken = take(reader, early)
    assert (taken.before, taken.size) == (0, len(early.entries))
    log(kept, founding("Second", ANN).signed_by(ANN))
    late = give(kept, LEDGER)
    taken = take(reader, late)
    assert (taken.before, taken.size) == (len(early.entries), len(late.entries))
    assert take(reader, early).older
    assert take(reader, late) == replace(taken, before=taken.size)
    book = Book(reader, taken.ledger)
    assert len(book.registry.registers) == 2
    assert not book.kept
    assert [book.entry(index) for index in range(book.size)] == list(late.entries)
    book.close()


def test_two_histories_are_found_out_and_both_kept(kept, reader, tmp_path):
    log(kept, founding("First", ANN).signed_by(ANN))
    take(reader, books.copy_of(kept))
    other = Workspace.create(tmp_path / "crooked")
    ledger = create_ledger(other, ORIGIN, "ledger", LEDGER, bound_seconds=600, clock=Clock())
    crooked = Book(other, ledger, clock=Clock())
    log(crooked, founding("Another", BO).signed_by(BO))
    for _ in range(2):  # also where the other history is the longer one
        forged = books.copy_of(crooked)
        with pytest.raises(Forked) as fork:
            take(reader, forged)
        assert parse_copy(fork.value.kept.read_bytes()) == forged
        assert fork.value.held != fork.value.other
        log(crooked, founding("Third", CY).signed_by(CY)) if crooked.size < 5 else None
    crooked.close()
    book = Book(reader, reader.settings.ledgers[ORIGIN])
    assert {r.spines.party.name for r in book.registry.registers.values()} == {"First"}
    book.close()


def spoilt(copy):
    """Yield copies of which something was changed, left out, or signed by another."""
    flipped = bytearray(copy.entries[2])
    flipped[len(flipped) // 2] ^= 1
    yield "a bit", replace(copy, entries=(*copy.entries[:2], bytes(flipped), *copy.entries[3:]))
    yield "an entry left out", replace(copy, entries=(*copy.entries[:1], *copy.entries[2:]))
    yield "the last entry left out", replace(copy, entries=copy.entries[:-1])
    yield (
        "two exchanged",
        replace(copy, entries=(*copy.entries[:2], copy.entries[3], copy.entries[2], *copy.entries[4:])),
    )
    yield "no entries", replace(copy, entries=())
    yield "a foreign checkpoint", replace(copy, checkpoint=foreign(copy))
    yield "another origin", replace(copy, depositary=Depositary("ledger.example/other", copy.depositary.key))
    yield "another key", replace(copy, depositary=Depositary(ORIGIN, BO.public_key))


def foreign(copy) -> bytes:
    from pourparler.core.evidence import ledger_key
    from pourparler.core.ledger import leaf_hash

    text = Checkpoint(ORIGIN, len(copy.entries), root_of(map(leaf_hash, copy.entries))).text()
    return signed_note(text, [sign_note_text(text, ledger_key(copy.depositary), BO.sign)])


def test_a_copy_that_is_not_what_the_ledger_signed_is_not_taken(kept, reader):
    log(kept, founding("First", ANN).signed_by(ANN))
    log(kept, founding("Second", ANN).signed_by(ANN))
    for _, copy in spoilt(books.copy_of(kept)):
        with pytest.raises((LedgerDamaged, Malformed, Missing, Refused)):
            take(reader, copy)
    assert reader.settings.ledgers == {}


def test_a_copy_without_a_public_text_is_not_taken(kept, reader):
    """The lines of a mandate are judged on the text; without it the fold of a public ledger cannot be made again."""
    party = founding("We", ANN).signed_by(ANN)
    other = founding("They", BO).signed_by(BO)
    log(kept, party)
    log(kept, other)
    grants = []
    for whose, member, holder in ((party, ANN, Key.from_name("x")), (other, BO, Key.from_name("y"))):
        board = organ_id(whose.id, "board")
        may = {"organ": board, "prior": board, "to": holder.public_key, "powers": powers("open", "propose")}
        grants.append(draft("grant", may).signed_by(member))
        log(kept, grants[-1])
    home = {"origin": ORIGIN, "key": LEDGER.public_key}
    parties = sorted([party.id, other.id])
    opening = {"by": grants[0].id, "parties": parties, "ledger": home, "rules": {"adopt": "all"}, "nonce": bytes(16)}
    dossier = draft("open", opening).signed_by(Key.from_name("x"))
    log(kept, dossier)
    log(kept, draft("join", {"by": grants[1].id, "dossier": dossier.id}).signed_by(Key.from_name("y")))
    text = encode({"articles": {"en": ["Goods."]}, "terms": {}, "random": bytes(16)})
    on = {"by": grants[0].id, "dossier": dossier.id, "text": desk.text_digest(text)}
    log(kept, draft("propose", on).signed_by(Key.from_name("x")), text)
    copy = books.copy_of(kept)
    assert copy.texts == (text,)
    with pytest.raises(LedgerDamaged, match=r"text\.missing"):
        take(reader, replace(copy, texts=()))
    take(reader, copy)


def test_files_that_are_no_copies(kept):
    good = give(kept, LEDGER).encoded()
    for data in (b"", b"\xa0", encode({"format": books.FORMAT}), encode([]), good[:-1], good + b"\x00"):
        with pytest.raises(Malformed):
            parse_copy(data)


def test_what_is_pending_is_folded_in_and_never_counts_as_seen(kept, reader):
    taken = take(reader, give(kept, LEDGER))
    party = founding("We", ANN).signed_by(ANN)
    desk.keep(reader, Parcel(taken.ledger.depositary, party.envelope), "pending")
    board = organ_id(party.id, "board")
    grant = draft("grant", {"organ": board, "prior": board, "to": CY.public_key, "powers": 1}).signed_by(ANN)
    desk.keep(reader, Parcel(taken.ledger.depositary, grant.envelope), "pending")
    book = Book(reader, taken.ledger)
    assert list(book.pending) == [party.id, grant.id]
    assert grant.id in book.registry.registers[party.id].mandates
    assert book.position(party.id) == [0, party.id]
    assert Names(reader, [book.registry], {}).find(party.id.hex()[:8], "party") == party.id
    book.close()


def test_a_copy_makes_evidence_only_as_of_a_stamp_that_states_it(kept, reader):
    party = founding("We", ANN).signed_by(ANN)
    log(kept, party)
    with pytest.raises(Missing, match=r"stream\.not-stated"):  # of a stamp before its act, the act would be missing
        kept.stamp([party.id])
    asked = kept.intake(LEDGER).stamp([party.id])
    taken = take(reader, books.copy_of(kept))
    book = Book(reader, taken.ledger)
    assert book.stamp([party.id]) == asked == 3
    with pytest.raises(Missing, match=r"stream\.not-stated"):
        book.stamp([party.id, bytes(32)])
    book.close()


# --- the desk ---------------------------------------------------------------------------------------------------------


def parcel_of(*signers: Key, kind=founding) -> Parcel:
    made = kind("We", ANN, BO, CY)
    parcel = Parcel(Depositary(ORIGIN, LEDGER.public_key), made.envelope(()), (b"a text",))
    return parcel.signed_by(signers)


def test_signatures_made_side_by_side_are_put_together_in_any_order():
    whole = parcel_of(ANN, BO, CY)
    parts = [parcel_of(ANN), parcel_of(BO), parcel_of(CY, ANN)]
    for order in (parts, parts[::-1]):
        found = joined(order)
        assert {s.kid for s in found.envelope.signatures} == {s.kid for s in whole.envelope.signatures}
        assert found.act().id == whole.act().id
    assert len(parcel_of(ANN).signed_by([ANN]).envelope.signatures) == 1
    with pytest.raises(Refused):
        joined([parcel_of(ANN), Parcel(parcel_of(ANN).ledger, founding("They", ANN).envelope(()))])


def test_a_parcel_is_read_as_it_was_written_and_no_other_bytes_are():
    for parcel in (parcel_of(), parcel_of(ANN), parcel_of(ANN, BO, CY)):
        data = parcel.encoded()
        assert parse_parcel(data) == parcel
        for cut in (data[:-1], data + b"\x00", data[1:], b""):
            with pytest.raises(Malformed):
                parse_parcel(cut)
    bare = parcel_of(ANN).act().envelope.encoded()
    assert parse_parcel(bare, Depositary(ORIGIN, LEDGER.public_key)).act().id == parcel_of(ANN).act().id
    with pytest.raises(Malformed):
        parse_parcel(bare)


def test_every_bit_of_a_parcel_that_changes_makes_it_another_or_none():
    data = parcel_of(ANN).encoded()
    for place in range(0, len(data) * 8, 61):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << place % 8
        try:
            assert parse_parcel(bytes(changed)) != parcel_of(ANN)
        except Malformed:
            continue


def test_a_parcel_lies_once_whatever_signatures_it_has(place):
    desk.keep(place, parcel_of(ANN), "waiting")
    desk.keep(place, parcel_of(ANN, BO), "waiting")
    ((_, found),) = desk.lying(place, "waiting")
    assert len(found.envelope.signatures) == 2
    (place.desk / "waiting" / "000009-garbage.act").write_bytes(b"garbage")
    assert len(list(desk.lying(place, "waiting"))) == 1
    desk.remove(place, parcel_of(), "waiting")
    assert list(desk.lying(place, "waiting")) == []


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_find_what_is_meant_and_say_what_else_there_is(place, kept):
    party = founding("We", ANN, BO).signed_by(ANN, BO)
    log(kept, party)
    place.give_name("we", party.id)
    names = Names(place, [kept.registry], {"ann": ANN.public_key})
    board = organ_id(party.id, "board")
    assert names.find("we", "party") == names.find(party.id.hex(), "party") == names.find(party.id.hex()[:8], "party")
    assert names.find("we.board", "organ") == board
    assert names.find("ann", "key") == ANN.public_key
    assert (names.say(board), names.say(ANN.public_key), names.say(bytes(32))) == ("we.board", "ann", "00000000…")
    for said, kinds, complaint in (
        ("they", ("party",), "There is: we"),
        (party.id.hex()[:7], ("party",), "names no party"),
        ("we", ("organ",), "is a party, and not a organ"),
        ("we.shop", ("organ",), "we.board"),
        ("ann", ("party",), "names no party"),
    ):
        with pytest.raises(WorkspaceError) as error:
            names.find(said, *kinds)
        assert complaint in f"{error.value.what} {error.value.do}"


def test_settings_as_text_stay_readable():
    text = rendered(Settings(names={"we": bytes(32)}))
    assert '"we" = "' + "00" * 32 + '"' in text


def test_intake_and_book_agree_on_what_is_stored(place, kept):
    log(kept, founding("We", ANN).signed_by(ANN))
    kept.close()
    intake = Intake(SqliteStore(place.ledgers / kept.ledger.file), LEDGER, Clock(), ORIGIN)
    assert intake.size == 3
    intake.close()


def test_each_other_story_that_is_proven_is_told_once(tmp_path):
    place = Workspace.create(tmp_path / "here")
    one, other = "fork-" + 16 * "1", "fork-" + 16 * "2"
    names = (
        f"{one}-ours.note",
        f"{one}-seen-by-w.note",
        f"{other}.copy",
        f"{other}-ours.note",
        f"{other}-seen-by-w.note",
    )
    assert place.forks() == []
    for name in names:
        (place.ledgers / name).touch()
    assert [path.name for path in place.forks()] == [f"{one}-seen-by-w.note", f"{other}.copy"]
