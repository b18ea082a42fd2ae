"""Private red lines: the signer refuses, the organ sees why, and the counterparty learns nothing."""

import pytest

from pourparler.core.encoding import encode
from pourparler.core.errors import Malformed, Refused
from pourparler.core.redline import Answer, Text, parse_text
from pourparler.service.drafting import draft, powers
from pourparler.service.guard import Opening, private_answers, read_opening, sign_guarded
from pourparler.testing.keys import Key

HOLDER, MEMBER = Key.from_name("holder"), Key.from_name("member")
OPENING = Opening(["at-most", "price", "84.00"], bytes(range(16)))
GRANT = draft(
    "grant",
    {
        "organ": bytes(32),
        "prior": bytes(32),
        "to": HOLDER.public_key,
        "powers": powers("propose"),
        "private": [OPENING.commitment],
    },
).signed_by(MEMBER)


def text(**terms: object) -> Text:
    return parse_text(encode({"articles": {"en": ["Goods for money."]}, "terms": terms, "random": bytes(16)}))


def propose(of: Text) -> None:
    proposal = draft("propose", {"by": GRANT.id, "dossier": bytes(32), "text": of.digest})
    sign_guarded(proposal, HOLDER, [GRANT], [OPENING], of)


def test_the_signer_signs_within_and_refuses_beyond() -> None:
    propose(text(price="84.00"))
    with pytest.raises(Refused) as refusal:
        propose(text(price="84.01"))
    assert refusal.value.reason == "line.private"
    assert "84" not in str(refusal.value)
    assert "price" not in str(refusal.value)


def test_what_the_terms_do_not_state_is_refused_too() -> None:
    with pytest.raises(Refused, match=r"line\.private"):
        propose(text(total="84.00"))


def test_without_the_opening_nothing_is_signed() -> None:
    good = text(price="1.00")
    proposal = draft("propose", {"by": GRANT.id, "dossier": bytes(32), "text": good.digest})
    with pytest.raises(Refused, match=r"line\.private"):
        sign_guarded(proposal, HOLDER, [GRANT], [], good)


def test_the_organ_evaluates_before_it_votes() -> None:
    answers = private_answers(GRANT, [OPENING], text(price="90.00"))
    assert answers == {OPENING.commitment: Answer.CROSSED}


def test_an_opening_survives_its_file_and_a_broken_file_is_named() -> None:
    assert read_opening(OPENING.written()) == OPENING
    for broken in ("", "[]", '{"line": ["equal", "a", 1]}', '{"line": ["nonsense"], "salt": "' + "00" * 16 + '"}'):
        with pytest.raises(Malformed):
            read_opening(broken)
