"""The real core against the exhaustive model (``spec/model``), act by act: see ``oracle_model``.

Here: every ledger that a history of up to three acts leads to; of those of four acts, all that end in an act that can
change an answer (a ratification, a refusal, a closing), and a seeded eighth of the others. The campaign takes all of
depth 4, and 20,000 longer histories. Then the core is broken on purpose, and the comparison must notice.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pourparler.core import authority, council, dossier, evidence, transitions
from pourparler.core.council import Committee
from pourparler.core.dossier import ConsentState, DossierState
from pourparler.core.errors import Refused
from pourparler.core.evidence import Verdict
from spec.model import PROLOGUES, Act, History, Words
from spec.model.search import NOTHING
from spec.model.verifier import VALID, judge
from tests import oracle_model as oracle

DECIDING = ("ratify", "refuse", "close")
OTHERS = 0.125  # of the ledgers of four acts that end in another act
FOLDED_ANEW, BUNDLED = 400, 1_500  # every so manieth ledger


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[None]:
    for prologue in PROLOGUES:
        oracle.opening(prologue)  # by the core as it is, before anything is broken
    with oracle.remembered():
        yield
    for cached in (oracle.written, oracle.signed, oracle.assembled, oracle.opening):
        cached.cache_clear()


def compared() -> tuple[oracle.Tally, list[str]]:
    tally, lot, wrong = oracle.Tally(), random.Random("the oracle's lot"), []
    number = 0

    def choose(length: int, entry: oracle.Entry) -> bool:
        return length < 4 or entry.kind in DECIDING or lot.random() < OTHERS

    def visit(course: oracle.Course) -> Iterator[str]:
        nonlocal number
        number += 1
        if number % FOLDED_ANEW == 0:
            yield from oracle.folded_anew(course)
        if number % BUNDLED == 0:
            yield from oracle.bundles(course, tally, lot)

    for prologue in PROLOGUES:
        wrong += oracle.walk(prologue, 4, tally, choose=choose, visit=visit)
    return tally, wrong


# They agree


def test_the_core_and_the_model_agree_on_every_act_and_on_every_verdict():
    tally, wrong = compared()
    assert not wrong, "\n".join(wrong)
    assert oracle.unmet(tally) == []
    assert tally.met["ledgers"] > 55_000


def test_sampled_longer_histories_agree_too():
    said = oracle.run_sampled("the suite", histories=250, seconds=60)
    assert said.startswith("250 histories")


# Where they differ


def test_a_delegation_by_a_dismissed_holder_gives_nothing_that_could_be_confirmed():
    """The model says that the council is bound, the core that it is not: the safe side, and the only such case."""
    words = Words("A", "ratify", "T", "D:T", confirm=True, prior=0, seen=3)
    acts = (
        decided("dismiss", "N"),
        Act("N", "delegate", subject="D"),
        Act("D", "sign", subject="D:T"),
        together(words),
    )
    tally = oracle.Tally()
    course, wrong = oracle.played(History("adopted", acts), tally)
    assert wrong == []
    assert tally.met["differs: no such mandate"] == 2
    assert judge(course.ledger, NOTHING, "A", "T").answer == VALID
    assert [handed.reason for handed in course.handed] == [
        "",
        "standing.dismissed",
        "unknown.mandate",
        "consent.confirmed",
    ]
    assert oracle.Book(course).verdict("A", "T") is Verdict.INVALID


def logged_twice() -> oracle.Course:
    """D signs; two ratify that, and the relay holds it back; N revokes D; D's signature is logged again; the
    ratification comes. All of it proves the ratification good, for the revocation came after what it had seen."""
    words = Words("A", "ratify", "T", "D:T", prior=-1, seen=4)
    signing = Act("D", "sign", subject="D:T")
    again = Act("relay", "replay", subject="D:T", position=3)
    acts = (signing, together(words, now=False), Act("N", "revoke", subject="D"), again, Act("relay", "deliver", words))
    course, wrong = oracle.played(History("signed", acts), oracle.Tally())
    assert wrong == []
    return course


def test_an_act_that_was_logged_twice_has_one_place():
    """Leave out the first entry of D's signature: the second stands behind the revocation, and would be void. Each head
    of a stream holds the index of its act, so the first is missed."""
    course = logged_twice()
    book = oracle.Book(course)
    assert book.verdict("A", "T") is Verdict.VALID
    assert book.verdict("A", "T", [book.index[3]]) is Verdict.CANNOT_TELL


# The comparison can fail


def decided(kind: str, subject: str, members: tuple[str, ...] = ("a1", "a2")) -> Act:
    return together(Words("A", kind, subject), members)


def together(words: Words, members: tuple[str, ...] = ("a1", "a2"), *, now: bool = True) -> Act:
    return Act("+".join(members), words.kind, words, members, now=now)


def standing_is_not_asked(broken):
    broken.setattr(authority.Register, "check_standing", lambda *_: None)


def one_signature_is_enough(broken):
    whole = council.sufficient
    broken.setattr(council, "sufficient", lambda act, by, must=(), needs=None: whole(act, by, must, 1))


def a_signature_counts_as_often_as_it_is_attached(broken):
    whole = council.sufficient

    def careless(act, committee, must_sign=(), needs=None):
        twice = len(act.envelope.signatures) - len(set(act.envelope.signatures))
        return whole(act, committee, must_sign, max(1, (needs or committee.needs) - twice))

    broken.setattr(council, "sufficient", careless)


def whoever_ever_had_a_seat_counts(broken):
    whole = council.Spines.sufficient

    def careless(self, act, committee, must_sign=(), needs=None):
        ever = {key: 1 for key, role in self.roles.items() if role == "member"}
        return whole(self, act, Committee({**ever, **committee.seats}, committee.needs), must_sign, needs)

    broken.setattr(council.Spines, "sufficient", careless)


def any_number_of_decisions_follow_one_place(broken):
    broken.setattr(council.Spines, "check_place", lambda *_: None)


def a_signature_counts_for_any_words(broken):
    def careless(act, signature, public_key):
        if signature.kid != council.kid_of(public_key):
            raise Refused("signature.invalid", "another key")

    broken.setattr(council, "verify_one", careless)


def what_a_ratification_has_seen_ends_nothing(broken):
    broken.setattr(transitions.Past, "holds", lambda *_: False)


def a_confirmation_is_not_read(broken):
    broken.setattr(transitions, "confirm", lambda *_: {})


def a_withdrawn_signature_is_ratified(broken):
    whole = transitions.check_ratified
    broken.setattr(
        transitions,
        "check_ratified",
        lambda self, signature, *rest: whole(self, replace(signature, withdrawn=False), *rest),
    )


def a_refused_text_is_ratified(broken):
    broken.setitem(dossier.CONSENT_TABLE, (ConsentState.REFUSED, "ratify"), ConsentState.RATIFIED)


def a_closed_dossier_is_open(broken):
    broken.setattr(dossier.Dossier, "state", lambda *_: DossierState.OPEN)


BREAKS = (
    standing_is_not_asked,
    one_signature_is_enough,
    a_signature_counts_as_often_as_it_is_attached,
    whoever_ever_had_a_seat_counts,
    any_number_of_decisions_follow_one_place,
    a_signature_counts_for_any_words,
    what_a_ratification_has_seen_ends_nothing,
    a_confirmation_is_not_read,
    a_withdrawn_signature_is_ratified,
    a_refused_text_is_ratified,
    a_closed_dossier_is_open,
)


@pytest.mark.parametrize("broken_so", BREAKS, ids=lambda broken_so: broken_so.__name__)
def test_a_broken_core_is_noticed(broken_so, monkeypatch):
    broken_so(monkeypatch)
    wrong = oracle.walk("signed", 3, oracle.Tally(), most_wrong=1)
    assert wrong, "the comparison is blind to this"


def test_a_core_that_judges_by_news_the_council_had_not_read_is_noticed(monkeypatch):
    assert ("A", "T") in logged_twice().bound
    monkeypatch.setattr(transitions.Past, "holds", lambda *_: True)
    with pytest.raises(AssertionError, match="ratify: accepted in the model, standing.revoked in the core"):
        logged_twice()


def test_a_verifier_that_looks_for_no_gaps_is_noticed(monkeypatch):
    withdrawn = Act("N", "withdraw", subject="N:T")
    words = Words("A", "ratify", "T", "N:T", prior=-1, seen=3)
    acts = (together(words, now=False), withdrawn, Act("relay", "deliver", words))
    course, wrong = oracle.played(History("signed", acts), oracle.Tally())
    lot = random.Random(0)
    assert wrong + oracle.bundles(course, oracle.Tally(), lot) == []

    def careless(self, proven, claim, registry):
        return authority.Moment(claim.as_of, proven[claim.ledger].stamps[claim.as_of].time)

    monkeypatch.setattr(evidence.Verification, "check_streams", careless)
    wrong = oracle.bundles(course, oracle.Tally(), lot)
    assert any("A by T without [3]: CANNOT TELL in the model, VALID in the core" in told for told in wrong)
    assert any("VALID and INVALID, as of one index" in told for told in wrong)


def test_a_comparison_that_met_nothing_is_a_failure():
    assert set(oracle.unmet(oracle.Tally())) == {*oracle.PREMISES, *oracle.BUNDLES}
