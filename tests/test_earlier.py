"""Earlier checkpoints travel with a copy: what witnesses saw in time can be shown by whoever has one, and by nobody's
forgery."""

import contextlib
import os
from dataclasses import replace

import pytest

from pourparler.core import ledger
from pourparler.core.encoding import decode, encode
from pourparler.core.errors import Malformed
from pourparler.core.evidence import Claim, Trust, Verdict, ledger_key, verify
from pourparler.core.ledger import Checkpoint, signed_note, split_note
from pourparler.service import books, earlier, witnessing, workspace
from pourparler.service.audit import CONTRADICTED, WHOLE, CopiedLog, TiledLog, audit
from pourparler.service.books import Forked, copy_of, parse_copy, take
from pourparler.service.earlier import FILE_MAX_BYTES, Sightings, joined, new_among, parted, to_carry
from pourparler.service.export import assemble
from pourparler.service.intake import LedgerDamaged
from pourparler.service.sources import Folder
from pourparler.service.tiles import ExportError, LogView, export, found_in
from pourparler.service.witnessing import WitnessedLedger
from pourparler.testing.keys import Key
from tests.test_ledger import W1, W2, Pen
from tests.test_ledger_audit import OURS, one_party
from tests.witnessed import Clock

DAY = 86_400
POLICY = ledger.parse_policy(f"witness one {W1.key.text}\nquorum one\n".encode())
BY_TWO = ledger.parse_policy(f"witness two {W2.key.text}\nquorum two\n".encode())


class Kept:
    """A ledger with one party, whose checkpoints are cosigned as witnesses would do it, at times of its clock."""

    def __init__(self) -> None:
        self.ledger, self.party, self.clock = one_party()
        self.key = ledger_key(self.ledger.depositary)

    def cosigned(self, *pens, at=None) -> bytes:
        """The newest checkpoint, with the ledger's own line and those of the pens."""
        note = self.ledger.store.checkpoint()
        text = split_note(note)[0]
        lines = [pen.under(text, self.clock.time if at is None else at) for pen in pens]
        return note + b"".join(lines)

    def witness(self, *pens, beside=False) -> bytes:
        note = self.cosigned(*pens)
        self.ledger.store.set_witnessed(self.ledger.size, note, beside=beside)
        return note

    def later(self, days=3) -> "Kept":
        """Some days later, with a stamp that states the party, so that evidence can be made as of it."""
        self.clock.time += days * DAY
        self.ledger.stamp([self.party.id])
        return self

    def copy(self) -> books.Copy:
        return copy_of(self.ledger, self.ledger.store.witnessed())

    def forged(self, text: str, *pens) -> bytes:
        """A note that the ledger's own key signs over any text, cosigned by the pens."""
        own = ledger.sign_note_text(text, self.key, Key.from_name("ledger").sign)
        return signed_note(text, [own, *(pen.under(text, self.clock.time) for pen in pens)])


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def theirs(tmp_path):
    return workspace.Workspace.create(tmp_path / "theirs")


def held(place, kept):
    """The notes that a workspace keeps of the ledger, by size."""
    with contextlib.closing(books.Book(place, place.settings.ledgers[kept.ledger.depositary.origin])) as book:
        return [note for _, note in book.store.witnessed_notes(0)]


def verdict(place, kept, policy=POLICY):
    """What a stranger says, who asks for the policy's witnesses, of evidence made from what a workspace holds."""
    with contextlib.closing(books.Book(place, place.settings.ledgers[kept.ledger.depositary.origin])) as book:
        bundle = assemble(Claim("recorded", kept.ledger.depositary, 0, act=kept.party.id), [book])
    report = verify(bundle.encoded(), Trust({kept.party.id: "handed over"}, policy))
    return report.verdict, report.reason


VALID = (Verdict.VALID, "")
UNSEEN = (Verdict.CANNOT_TELL, "witness.quorum")


# --- the copy carries them --------------------------------------------------------------------------------------------


def test_a_copy_carries_what_was_cosigned_before_it_and_none_of_what_came_after(kept):
    first = kept.witness(W1)
    second = kept.later().witness(W1)
    kept.later().witness(W1)
    assert copy_of(kept.ledger, kept.ledger.store.witnessed()).notes == (first, second)
    assert copy_of(kept.ledger).notes[:2] == (first, second)  # a backup; the newest is under its bare checkpoint
    assert copy_of(kept.ledger, second).notes == (first,)
    assert copy_of(kept.ledger, first).notes == ()


def test_a_copy_reads_back_with_its_notes_and_without_them_it_is_the_file_that_it_was(kept):
    bare = copy_of(kept.ledger)
    assert set(decode(bare.encoded())) == {"format", "origin", "key", "checkpoint", "entries", "texts"}
    assert parse_copy(bare.encoded()) == bare
    kept.witness(W1)
    made = kept.later().copy()
    kept.witness(W1)
    made = kept.copy()
    assert made.notes
    assert parse_copy(made.encoded()) == made
    assert made.encoded().startswith(books.BEGINNINGS)
    assert bare.encoded().startswith(books.BEGINNINGS)


@pytest.mark.parametrize("notes", [[], ["text"], b"note", None, {}])
def test_notes_that_are_no_list_of_bytes_are_no_copy(kept, notes):
    value = decode(copy_of(kept.ledger).encoded())
    with pytest.raises(Malformed, match="no copy of a ledger"):
        parse_copy(encode(value | {"notes": notes}))


def test_more_notes_than_a_copy_may_have_are_refused_before_one_is_looked_at(kept, monkeypatch):
    kept.witness(W1)
    kept.later().witness(W1)
    made = replace(kept.copy(), notes=kept.copy().notes * 3)
    parse_copy(made.encoded())
    monkeypatch.setattr(earlier, "NOTES_MAX", 2)
    with pytest.raises(Malformed, match="3 earlier checkpoints"):
        parse_copy(made.encoded())
    monkeypatch.setattr(earlier, "NOTES_MAX", 3)
    monkeypatch.setattr(earlier, "NOTES_MAX_BYTES", sum(map(len, made.notes)) - 1)
    with pytest.raises(Malformed, match="earlier checkpoints of"):
        parse_copy(made.encoded())


def test_where_there_are_too_many_the_newest_are_carried(monkeypatch):
    held = [(size, b"note %d" % size) for size in range(1, 8)]
    assert to_carry(held, 5, b"note 5") == [b"note 1", b"note 2", b"note 3", b"note 4"]
    monkeypatch.setattr(earlier, "NOTES_MAX", 3)
    assert to_carry(held, 5, b"note 5") == [b"note 2", b"note 3", b"note 4"]
    monkeypatch.setattr(earlier, "NOTES_MAX_BYTES", 2 * len(b"note 1"))
    assert to_carry(held, 5, b"note 5") == [b"note 3", b"note 4"]
    assert to_carry(held, 5, b"") == [b"note 4", b"note 5"]


# --- who takes it keeps them ------------------------------------------------------------------------------------------


def test_who_takes_a_copy_can_give_one_that_shows_as_much(kept, theirs, tmp_path):
    kept.witness(W1)
    kept.later().witness(W1)
    take(theirs, kept.copy())
    assert verdict(theirs, kept) == VALID
    with contextlib.closing(books.Book(theirs, next(iter(theirs.settings.ledgers.values())))) as book:
        passed_on = parse_copy(copy_of(book, book.published()).encoded())
    others = workspace.Workspace.create(tmp_path / "others")
    take(others, passed_on)
    assert verdict(others, kept) == VALID


def test_a_copy_without_notes_is_still_taken_and_shows_less(kept, theirs):
    kept.witness(W1)
    kept.later().witness(W1)
    take(theirs, replace(kept.copy(), notes=()))
    assert verdict(theirs, kept) == UNSEEN


def test_the_checkpoint_of_an_older_copy_is_kept_when_a_newer_one_takes_its_place(kept, theirs):
    """Neither copy has notes, as before there were any: the cosignatures stand on the checkpoints themselves."""
    first = kept.witness(W1)
    take(theirs, replace(kept.copy(), notes=()))
    kept.later().witness(W1)
    take(theirs, replace(kept.copy(), notes=()))
    assert first in held(theirs, kept)
    assert verdict(theirs, kept) == VALID


def test_a_checkpoint_that_was_held_before_notes_were_kept_is_not_lost(kept, theirs):
    first = kept.witness(W1)
    take(theirs, replace(kept.copy(), notes=()))
    (known,) = theirs.settings.ledgers.values()
    with contextlib.closing(books.opened(theirs.ledgers / known.file)) as store, store.transaction():
        store._writer.execute("DELETE FROM witnessed_note")  # as a version without them left the file
    kept.later().witness(W1)
    take(theirs, replace(kept.copy(), notes=()))
    assert first in held(theirs, kept)


def test_notes_are_merged_whichever_copy_comes_first(kept, theirs):
    first = kept.witness(W1)
    early = kept.copy()
    second = kept.later().witness(W1)
    middle = replace(kept.copy(), notes=())
    third = kept.later().witness(W1)
    late = replace(kept.copy(), notes=())
    assert take(theirs, late).notes == 1
    taken = take(theirs, early)
    assert (taken.older, taken.notes, taken.size) == (True, 1, len(late.entries))
    assert verdict(theirs, kept) == VALID
    assert take(theirs, middle).notes == 1
    assert take(theirs, middle).notes == 0
    assert held(theirs, kept) == [first, second, third]


def test_the_same_tree_with_another_cosigner_is_kept_beside_the_first(kept, theirs):
    one = kept.witness(W1)
    take(theirs, kept.copy())
    two = kept.witness(W1, W2, beside=True)
    assert take(theirs, kept.copy()).notes == 1
    assert held(theirs, kept) == [one, two]


# --- notes are foreign input ------------------------------------------------------------------------------------------


def test_a_note_that_the_ledger_did_not_sign_refuses_the_copy(kept, theirs):
    kept.witness(W1)
    kept.later().witness(W1)
    made = kept.copy()
    (note,) = made.notes
    flipped = note.replace(b"\n3\n", b"\n2\n", 1)
    assert flipped != note
    text = split_note(note)[0]
    by_another = signed_note(text, [ledger.sign_note_text(text, kept.key, Key.from_name("another").sign)])
    elsewhere = kept.forged(text.replace("ours", "theirs", 1), W1)
    longer = kept.forged(text + "and an extension\n", W1)
    beyond = kept.forged(Checkpoint(kept.key.name, len(made.entries) + 1, bytes(32)).text(), W1)
    for bad in (b"", b"no note", flipped, by_another, elsewhere, longer, beyond, note + b"x", bytes(300_000)):
        with pytest.raises(LedgerDamaged, match="earlier checkpoint"):
            take(theirs, replace(made, notes=(note, bad)))
    assert theirs.settings.ledgers == {}


def test_a_note_of_another_tree_proves_a_fork_and_the_copy_is_kept(kept, theirs):
    kept.witness(W1)
    kept.later().witness(W1)
    made = kept.copy()
    other = kept.forged(Checkpoint(kept.key.name, 2, bytes(32)).text(), W1)
    forked = replace(made, notes=(*made.notes, other))
    with pytest.raises(Forked) as caught:
        take(theirs, forked)
    assert (caught.value.held, caught.value.other) == (made.checkpoint, other)
    assert parse_copy(caught.value.kept.read_bytes()) == forked
    assert theirs.settings.ledgers == {}
    take(theirs, made)
    with pytest.raises(Forked):
        take(theirs, forked)
    assert other not in held(theirs, kept)


def test_a_note_that_nobody_cosigned_says_nothing_and_hides_nothing(kept, theirs):
    bare = kept.ledger.store.checkpoint()
    kept.witness(W1)
    kept.later().witness(W1)
    made = kept.copy()
    nothing = kept.forged(Checkpoint(kept.key.name, 0, ledger.EMPTY_ROOT).text(), W1)
    take(theirs, replace(made, notes=(bare, nothing, *made.notes)))
    assert held(theirs, kept) == [*made.notes, made.checkpoint]
    assert verdict(theirs, kept) == VALID


def test_a_cosigner_whom_nobody_knows_hides_none_that_counts(kept, theirs):
    """A smaller tree that covers the act is cosigned by a stranger, and in time: the witness's word is still shown."""
    stranger = Pen("stranger.example/s", ledger.KeyType.COSIGNATURE_ED25519, 9)
    founding = kept.cosigned(stranger)
    kept.clock.time += 60
    kept.ledger.stamp([])
    kept.witness(W1)
    kept.later().witness(W1)
    made = kept.copy()
    take(theirs, replace(made, notes=(founding, *made.notes)))
    assert verdict(theirs, kept) == VALID


def test_witnesses_of_two_policies_are_both_shown(kept, theirs):
    """The depositary's policy asked for one witness, and then for the other: whoever trusts either is shown his."""
    kept.witness(W1)
    kept.clock.time += 60
    kept.ledger.stamp([])
    kept.witness(W2)
    kept.later().witness(W1, W2)
    take(theirs, kept.copy())
    assert (verdict(theirs, kept, POLICY), verdict(theirs, kept, BY_TWO)) == (VALID, VALID)


def test_of_one_size_no_more_than_the_bound_are_kept(monkeypatch):
    monkeypatch.setattr(earlier, "NOTES_OF_A_SIZE_MAX", 2)
    held_now = [(1, b"a"), (2, b"x")]
    assert new_among([(1, b"a"), (1, b"b"), (1, b"c"), (2, b"y"), (3, b"z"), (3, b"z")], held_now) == [
        (1, b"b"),
        (2, b"y"),
        (3, b"z"),
    ]


def test_of_each_cosigner_the_first_after_an_entry_is_shown(kept):
    notes = []
    for pens in ((W1,), (W1,), (W1, W2), (W2,)):
        kept.ledger.stamp([])
        notes.append((kept.ledger.size, kept.cosigned(*pens)))
    found = Sightings(notes, kept.key)
    (a, one), (b, two), (c, three), (d, four) = notes
    assert found.after(0) == [one, three]
    assert found.after(a - 1) == [one, three]
    assert found.after(a) == [two, three]
    assert found.after(b) == [three]
    assert found.after(c) == [four]
    assert found.after(d) == []


def test_cosigners_without_end_cost_no_more_than_a_policy_can_have(kept, monkeypatch):
    """Names that nobody bears push out none that has signed more often."""
    monkeypatch.setattr(earlier, "COSIGNERS_MAX", 1)
    notes = [(kept.ledger.size, kept.cosigned(W2, W1))]
    kept.ledger.stamp([])
    notes.append((kept.ledger.size, kept.cosigned(W1)))
    found = Sightings(notes, kept.key)
    assert len(found.sizes) == 1
    assert found.after(notes[0][0]) == [notes[1][1]]


# --- a ledger that is kept here ---------------------------------------------------------------------------------------

SIGNER = Key.from_name("ledger")


@pytest.fixture
def ours(tmp_path):
    """A workspace that keeps a ledger with a policy; its checkpoints were cosigned at two sizes."""
    place = workspace.Workspace.create(tmp_path / "ours")
    known = books.create_ledger(place, OURS, "ledger", SIGNER, bound_seconds=600, clock=Clock())
    witnessing.set_policy(place, known, f"witness one {W1.key.text}\nquorum one\n".encode())
    with contextlib.closing(books.Book(place, known, clock=Clock())) as book:
        for _ in range(2):
            book.intake(SIGNER).stamp([])
            cosign(book.store, W1)
    return place


def cosign(store, *pens):
    note = store.checkpoint()
    text = split_note(note)[0]
    store.set_witnessed(store.size(), note + b"".join(pen.under(text, Clock().time) for pen in pens))


def notes_in(place):
    with contextlib.closing(opened(place)) as book:
        return book.store.witnessed(), [note for _, note in book.store.witnessed_notes(0)]


def opened(place, **how):
    return books.Book(place, place.settings.ledgers[OURS], clock=Clock(), **how)


def backed_up(place):
    with contextlib.closing(opened(place)) as book:
        return parse_copy(books.back_up(book, SIGNER).encoded())


def recovered(place, copy, **how):
    with contextlib.closing(opened(place, **how)) as book:
        return books.recover(book, copy)


def lose(place):
    for path in place.ledgers.glob("*.sqlite*"):
        path.unlink()


def test_a_ledger_that_was_lost_gets_its_witnesses_words_back(ours):
    """It publishes again what they saw, without asking anybody: the copy's notes meet the policy."""
    before = notes_in(ours)
    copy = backed_up(ours)
    assert list(copy.notes) == before[1]
    lose(ours)
    found = recovered(ours, copy, lost=True)
    assert (found.entries, found.notes) == (len(copy.entries), 2)
    assert notes_in(ours) == before


def test_what_does_not_meet_the_policy_is_not_published_after_a_recovery(ours):
    copy = backed_up(ours)
    lose(ours)
    witnessing.set_policy(ours, ours.settings.ledgers[OURS], f"witness two {W2.key.text}\nquorum two\n".encode())
    recovered(ours, copy, lost=True)
    assert notes_in(ours) == (None, list(copy.notes))


def test_notes_alone_are_brought_back_from_a_copy_that_has_no_new_entries(ours):
    before = notes_in(ours)
    copy = backed_up(ours)
    lose(ours)
    recovered(ours, replace(copy, notes=()), lost=True)
    assert notes_in(ours) == (None, [])
    early = replace(copy, notes=copy.notes[:1])
    assert recovered(ours, early) == books.Recovered(0, 1)
    with pytest.raises(workspace.WorkspaceError, match="nothing is missing"):
        recovered(ours, early)
    assert recovered(ours, copy) == books.Recovered(0, 1)
    assert notes_in(ours) == before


def spoilt_by_somebody(note):
    """The same checkpoint, with a cosignature by the witness that fails."""
    text = split_note(note)[0]
    own = note[: note.rindex(b"\xe2\x80\x94")]
    return own + ledger.cosign_note_text(text, W1.key, Clock().time, W2.sign)


def test_a_cosignature_of_the_policys_witness_that_fails_is_left_out(ours):
    copy = backed_up(ours)
    first, second = copy.notes
    lose(ours)
    recovered(ours, replace(copy, notes=(spoilt_by_somebody(first), spoilt_by_somebody(second), second)), lost=True)
    assert notes_in(ours) == (second, [second])


def test_what_came_with_a_copy_and_fails_spoils_no_evidence(ours):
    """The policy came after the recovery: the note was not held against it."""
    copy = backed_up(ours)
    known = ours.settings.ledgers[OURS]
    lose(ours)
    witnessing.drop_policy(ours, known)
    bad = spoilt_by_somebody(copy.notes[0])
    recovered(ours, replace(copy, notes=(bad, *copy.notes)), lost=True)
    policy = witnessing.set_policy(ours, known, f"witness one {W1.key.text}\nquorum one\n".encode())
    with contextlib.closing(opened(ours)) as book:
        assert bad in [note for _, note in book.store.witnessed_notes(0)]
        assert book.witnessed_after(0) == [copy.notes[0]]
        assert WitnessedLedger(book.intake(SIGNER), policy).witnessed_after(0) == [copy.notes[0]]


def size_of(note):
    return int(split_note(note)[0].splitlines()[1])


def shown_with(kept, *earlier):
    """Make evidence with these earlier checkpoints; return what a stranger says of it, and what he passes over."""
    ledger_ = kept.ledger
    bundle = assemble(Claim("recorded", ledger_.depositary, 0, act=kept.party.id), [ledger_])  # with a stamp of its own
    own, size = kept.cosigned(W1), ledger_.size
    listed = tuple((note, ledger.consistency_path(size_of(note), size, ledger_.store.node)) for note in earlier)
    (shown,) = bundle.ledgers
    bundle = replace(bundle, ledgers=(replace(shown, checkpoint=own, earlier=listed),))
    report = verify(bundle.encoded(), Trust({kept.party.id: "handed over"}, POLICY))
    return (report.verdict, report.reason), [note for note in report.notes if "passed over" in note]


def test_one_line_that_fails_costs_an_earlier_checkpoint_and_not_the_bundle(kept):
    """Whoever passes on a copy can add the line."""
    good = kept.witness(W1)
    kept.later()
    bad = spoilt_by_somebody(good)
    assert shown_with(kept, good) == (VALID, [])
    for earlier_ in ((bad, good), (good, bad)):
        said, notes = shown_with(kept, *earlier_)
        assert said == VALID
        assert len(notes) == 1
        assert "cosignature.signature" in notes[0]
    assert shown_with(kept, bad)[0] == shown_with(kept)[0] == UNSEEN


def test_an_earlier_checkpoint_of_another_tree_is_a_fork_whatever_its_witnesses_lines_are_worth(kept):
    good = kept.witness(W1)
    kept.later()
    other = kept.forged(Checkpoint(kept.key.name, size_of(good), bytes(32)).text(), W1)
    forked = (Verdict.INVALID, "proof.inconsistent")
    for bad in (other, spoilt_by_somebody(other)):
        assert shown_with(kept, good, bad)[0] == shown_with(kept, bad, good)[0] == forked


def test_the_bundles_own_checkpoint_has_to_open(kept):
    good = kept.witness(W1)
    kept.later()
    bundle = assemble(Claim("recorded", kept.ledger.depositary, 0, act=kept.party.id), [kept.ledger])
    (shown,) = bundle.ledgers
    spoilt = replace(shown, checkpoint=spoilt_by_somebody(kept.cosigned(W1)), earlier=((good, shown.hashes),))
    report = verify(replace(bundle, ledgers=(spoilt,)).encoded(), Trust({kept.party.id: "handed over"}, POLICY))
    assert (report.verdict, report.reason) == (Verdict.INVALID, "cosignature.signature")


def test_a_copy_passed_on_with_a_line_that_fails_still_shows_what_the_witness_saw(kept, theirs):
    good = kept.witness(W1)
    kept.later().witness(W1)
    made = kept.copy()
    take(theirs, replace(made, notes=(spoilt_by_somebody(good), *made.notes)))
    assert len(held(theirs, kept)) == 3
    assert verdict(theirs, kept) == VALID


def test_a_recovery_from_a_copy_with_a_note_of_another_tree_is_a_fork(ours):
    copy = backed_up(ours)
    key = ledger_key(copy.depositary)
    text = Checkpoint(OURS, 2, bytes(32)).text()
    other = signed_note(text, [ledger.sign_note_text(text, key, SIGNER.sign)])
    lose(ours)
    with pytest.raises(Forked):
        recovered(ours, replace(copy, notes=(*copy.notes, other)), lost=True)


# --- as files ---------------------------------------------------------------------------------------------------------


def site(kept, tmp_path, name="site"):
    """The ledger as static files: what its witnesses have seen."""
    store = kept.ledger.store
    return export(LogView(store, store.witnessed), kept.ledger.depositary, tmp_path / name), tmp_path / name


def audited(log, kept, **how):
    opened_ = ledger.open_checkpoint(log.note(), kept.key.name, kept.key)
    return audit(log, kept.key, opened_, **how)


def test_one_file_of_checkpoints_is_read_as_it_was_written(kept):
    notes = [kept.witness(W1), kept.later().witness(W1, W2), kept.later().witness(W2)]
    for some in (notes, notes[:2], notes[:1], []):
        assert [*parted(joined(some))] == some
    assert joined(notes).count(b"\n\n") == 2 * len(notes) - 1


@pytest.mark.parametrize("data", [b"\n", b"\n\n", b"\n" * 9, b"text", b"a\n\nb", b"a\n\nb\n\nc", b"\n\n\n\nx"])
def test_no_bytes_are_lost_where_a_file_of_checkpoints_is_none(data):
    found = [*parted(data)]
    assert sum(map(len, found)) + len(found) - 1 in (len(data), len(data) - 1)


def test_an_endless_file_is_read_no_further_than_it_is_asked_for():
    notes = parted(b"\n" * FILE_MAX_BYTES)
    assert next(notes) == b"\n" * 3


def test_earlier_checkpoints_stand_beside_the_tiles(kept, tmp_path):
    first = kept.witness(W1)
    store = kept.ledger.store
    view = LogView(store, store.witnessed)
    assert view.resource("witnessed").data == joined([first])
    second = kept.later().witness(W1)
    kept.later()  # what is committed and not published
    found = view.resource("witnessed")
    assert (found.data, found.immutable) == (joined([first, second]), False)
    assert LogView(store, lambda: first).resource("witnessed").data == joined([first])
    _, folder = site(kept, tmp_path)
    assert (folder / "witnessed").read_bytes() == joined([first, second])
    assert found_in(folder, kept.ledger.depositary).size == kept.ledger.size - 1


def test_no_checkpoint_beyond_what_is_published_is_exported(kept, tmp_path):
    """Another policy than today's was met later."""
    first = kept.witness(W1)
    kept.later().witness(W2)
    view = LogView(kept.ledger.store, lambda: first)
    export(view, kept.ledger.depositary, tmp_path / "site")
    assert (tmp_path / "site" / "witnessed").read_bytes() == view.resource("witnessed").data == joined([first])


def test_a_ledger_that_nobody_witnesses_has_no_such_file(kept, tmp_path):
    export(LogView(kept.ledger.store), kept.ledger.depositary, tmp_path / "site")
    assert not (tmp_path / "site" / "witnessed").exists()
    assert LogView(kept.ledger.store).resource("witnessed") is None


def test_an_export_loses_none_that_was_exported_before(kept, tmp_path):
    """The ledger was recovered meanwhile from a copy without notes."""
    first = kept.witness(W1)
    _, folder = site(kept, tmp_path)
    kept.ledger.store._witnessed_notes.clear()
    second = kept.later().witness(W1)
    site(kept, tmp_path)
    assert (folder / "witnessed").read_bytes() == joined([first, second])
    done, _ = site(kept, tmp_path)
    assert done.files == 0


def test_another_file_of_that_name_is_not_overwritten(kept, tmp_path):
    kept.witness(W1)
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "witnessed").write_bytes(b"by whom, and when\n")
    with pytest.raises(ExportError, match="none of this ledger's files"):
        site(kept, tmp_path)
    assert (folder / "witnessed").read_bytes() == b"by whom, and when\n"
    assert not (folder / "checkpoint").exists()


def test_an_exported_checkpoint_of_another_tree_stops_the_export(kept, tmp_path):
    kept.witness(W1)
    _, folder = site(kept, tmp_path)
    other = kept.forged(Checkpoint(kept.key.name, 2, bytes(32)).text(), W1)
    (folder / "witnessed").write_bytes(other)
    kept.later().witness(W1)
    with pytest.raises(ExportError) as caught:
        site(kept, tmp_path)
    assert caught.value.other_history
    assert (folder / "witnessed").read_bytes() == other


def test_an_audit_holds_earlier_checkpoints_against_the_tree(kept, tmp_path):
    for _ in range(4):
        kept.witness(W1)
        for _ in range(100):  # beyond the first bundle
            kept.ledger.stamp([])
    kept.witness(W1)
    _, folder = site(kept, tmp_path)
    for log in (TiledLog(Folder(folder)), CopiedLog("copy", kept.copy())):
        report = audited(log, kept)
        expected = 5 if isinstance(log, TiledLog) else 4
        assert (report.verdict, report.earlier, report.unfit) == (WHOLE, expected, [])
    assert audited(TiledLog(Folder(folder)), kept, tree_only=True).earlier == 0


@pytest.mark.parametrize("size", [2, 256, 257, 300])
def test_an_audit_finds_the_fork_that_an_earlier_checkpoint_proves(kept, tmp_path, size):
    while kept.ledger.size < 300:
        kept.ledger.stamp([])
    kept.witness(W1)
    _, folder = site(kept, tmp_path)
    other = kept.forged(Checkpoint(kept.key.name, size, bytes(32)).text(), W1)
    with (folder / "witnessed").open("ab") as file:
        file.write(b"\n" + other)
    for log in (TiledLog(Folder(folder)), CopiedLog("copy", replace(kept.copy(), notes=(other,)))):
        report = audited(log, kept)
        assert (report.verdict, report.fault.reason) == (CONTRADICTED, "proof.inconsistent")


def test_what_is_none_of_the_ledgers_is_told_by_an_audit_and_decides_nothing(kept, tmp_path):
    kept.witness(W1)
    _, folder = site(kept, tmp_path)
    good = (folder / "witnessed").read_bytes()
    beyond = kept.forged(Checkpoint(kept.key.name, 10_000, bytes(32)).text(), W1)
    for junk, reasons in (
        (b"<html>no such page</html>", ["note.layout"]),
        (b"\xff\n\nx\n", ["note.text"]),
        (signed_note(split_note(good)[0], [W1.under(split_note(good)[0])]), ["note.unverified"]),
        (beyond, []),
    ):
        (folder / "witnessed").write_bytes(joined([good, junk]))
        report = audited(TiledLog(Folder(folder)), kept)
        assert (report.verdict, report.earlier) == (WHOLE, 1)
        assert [one.reason for one in report.unfit] == reasons
    with (folder / "witnessed").open("wb") as file:
        file.truncate(FILE_MAX_BYTES + 1)
    report = audited(TiledLog(Folder(folder)), kept)
    assert (report.verdict, [one.reason for one in report.unfit]) == (WHOLE, ["tile.too-large"])
    (folder / "witnessed").unlink()
    os.mkfifo(folder / "witnessed")
    report = audited(TiledLog(Folder(folder)), kept)
    assert (report.verdict, [one.reason for one in report.unfit]) == (WHOLE, ["tile.unavailable"])
