"""Sealed dossiers: a ledger shows no word of a text and lets nobody test a guess; a published text can be checked by
anybody; and a text that is erased takes nothing else with it."""

import pytest

from pourparler.core.encoding import encode
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.redline import text_digest
from pourparler.service.books import Copy, copy_of, in_memory, parse_copy
from pourparler.service.export import assemble
from pourparler.service.intake import Intake, replay
from pourparler.store.memory import MemoryStore
from pourparler.store.sqlite import SqliteStore
from tests.test_intake import LEDGER, SetClock, Side, begin, data, negotiate, open_talks, settle

SECRET = "Constantinople and the Straits"  # what nobody may read in the ledger


def sealed_text(random: bytes = b"sixteen of chance"[:16]) -> bytes:
    terms = {"city": SECRET, "share": ["GBP", "1700.00"]}
    return encode({"articles": {"en": [f"Of {SECRET}."]}, "terms": terms, "random": random})


def talk_sealed(intake: Intake) -> tuple[Side, Side, bytes, bytes]:
    """Propose a text under seal; return the parties, the dossier's id and the text."""
    red, blue = Side("red"), Side("blue")
    settle(intake, red, blue)
    opening = open_talks(red, blue, sealed=True)
    text = sealed_text()
    intake.submit(data(opening))
    intake.submit(data(blue.say("join", {"dossier": opening.id})))
    intake.submit(data(red.say("propose", {"dossier": opening.id, "text": text_digest(text)})), [text])
    return red, blue, opening.id, text


def test_not_a_byte_of_a_sealed_text_reaches_the_disk_of_the_ledger(tmp_path):
    intake = Intake(SqliteStore(tmp_path / "ledger"), LEDGER, SetClock(), "ledger.example/talks")
    *_, text = talk_sealed(intake)
    intake.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert text_digest(text) in kept
    for word in (SECRET.encode(), b"1700.00", text, text[-40:]):
        assert word not in kept


def test_who_knows_every_word_but_not_the_random_bytes_cannot_tell_that_it_is_the_text():
    """Attack 44: guessing a private act from what the ledger shows of it."""
    intake = begin()
    *_, text = talk_sealed(intake)
    shown = b"".join(intake.entry(index) for index in range(intake.size))
    assert text_digest(text) in shown
    guesses = [sealed_text(number.to_bytes(16, "big")) for number in range(300)]
    guesses += [text[:-1], encode({"city": SECRET}), SECRET.encode(), text.replace(b"1700", b"1800")]
    assert not any(text_digest(guess) in shown for guess in guesses)
    assert len(sealed_text()) == len(guesses[0])  # the guesses differ in the random bytes and in nothing else


def test_a_published_text_is_kept_and_is_the_one_that_was_sealed():
    intake = begin()
    red, _, dossier, text = talk_sealed(intake)
    digest = text_digest(text)
    assert intake.text(digest) is None
    other = sealed_text(bytes(16))
    intake.submit(data(red.say("publish", {"dossier": dossier, "texts": [digest]})), [text, other])
    assert intake.text(digest) == text
    assert intake.text(text_digest(other)) is None
    copied = in_memory(parse_copy(copy_of(Book(intake)).encoded()))
    assert copied.text(digest) == text


class Book:
    """What a copy is made of: an intake seen as the book of the ledger that it keeps."""

    def __init__(self, intake: Intake) -> None:
        self.store, self.depositary, self.checkpoint = intake.store, intake.depositary, intake.checkpoint


def test_only_the_dossiers_own_texts_are_kept_when_published():
    intake = begin()
    red, _, dossier, _ = talk_sealed(intake)
    stray = sealed_text(bytes(16))
    intake.submit(data(red.say("publish", {"dossier": dossier, "texts": [text_digest(stray)]})), [stray])
    assert intake.text(text_digest(stray)) is None


def test_publishing_changes_no_verdict_of_the_fold():
    """A sealed text takes no part in the fold, published or not: a replay with and without it comes out the same."""
    intake = begin()
    red, _, opening, text = negotiate(intake, sealed=True)
    before = {id_: (o.moment, o.void) for id_, o in intake.registry.outcomes.items()}
    intake.submit(data(red.say("publish", {"dossier": opening.id, "texts": [text_digest(text)]})), [text])
    again = replay(intake.depositary, intake.store).registry
    assert {id_: (o.moment, o.void) for id_, o in again.outcomes.items() if id_ in before} == before
    bare = without_texts(intake)
    assert {id_: o.moment for id_, o in bare.outcomes.items()} == {id_: o.moment for id_, o in again.outcomes.items()}


def without_texts(intake: Intake):
    """Fold a copy of the ledger from which every text was erased."""
    copy = copy_of(Book(intake))
    return replay(intake.depositary, in_memory(Copy(copy.depositary, copy.checkpoint, copy.entries, ()))).registry


@pytest.mark.parametrize("published", [False, True])
def test_erasing_the_text_leaves_the_chain_intact(published):
    store = MemoryStore()
    intake = begin(store)
    red, blue, opening, text = negotiate(intake, sealed=True)
    digest = text_digest(text)
    if published:
        intake.submit(data(red.say("publish", {"dossier": opening.id, "texts": [digest]})), [text])
        assert store._texts.pop(digest) == text  # erased at the depositary
    claim = Claim("in-force", intake.depositary, 0, tuple(sorted((red.party, blue.party))), opening.id, digest)
    trust = Trust({red.party: "handed over"})
    erased = verify(assemble(claim, [intake]).encoded(), trust)
    assert (erased.verdict.value, erased.reason) == ("CANNOT TELL", "text.missing")
    held = verify(assemble(claim, [intake], texts=[text]).encoded(), trust)
    assert held.verdict.value == "VALID"
    swapped = verify(assemble(claim, [intake], texts=[sealed_text()]).encoded(), trust)
    assert (swapped.verdict.value, swapped.reason) == ("CANNOT TELL", "text.missing")
    replay(intake.depositary, store)  # raises where the ledger contradicts itself
