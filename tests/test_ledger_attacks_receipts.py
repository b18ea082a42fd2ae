"""Attacks on receipts and statements, each tried as an attacker would: 40 to 44 of the ledger's list.

Numbers 17 to 39 and the position's part of 40 stand in test_ledger.py.
"""

import hashlib
import itertools

import pytest

from pourparler.core import ledger
from pourparler.core.council import Depositary
from pourparler.core.encoding import act_id
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.core.evidence import Verdict, ledger_key
from pourparler.core.ledger.cose import encoded, parse_sign1, sig_structure, sign1_bytes
from pourparler.core.ledger.receipt import parse_receipt
from pourparler.core.registry import parse_entry
from pourparler.service import receipts
from pourparler.service.proofs import Kind, Known, check
from pourparler.testing.keys import Key
from tests.test_intake import DESK, LEDGER, Side, begin, data, make_text
from tests.test_receipts import LOG, POST, desk, stated

__all__ = ["desk"]  # a fixture


@pytest.fixture
def made(desk):
    """A receipt of entry 2, in a ledger of seven entries."""
    desk.submit(data(Side("blue").found))
    desk.submit(data(Side("green").found))
    assert desk.size == 7
    return receipts.receipt_of(desk, 2, LEDGER)


def remade(receipt: bytes, *, unprotected=None, protected=None, payload=None) -> bytes:
    """Return a receipt with a part replaced and the signature kept: what somebody without the key can do."""
    read = parse_sign1(receipt)
    kept = read.unprotected if unprotected is None else unprotected
    return sign1_bytes(read.protected if protected is None else encoded(protected), kept, payload, read.signature)


def resigned(root: bytes, *, header=None, unprotected=None, payload=None, key=LEDGER) -> bytes:
    """Return a receipt made of these parts and signed with the ledger's key: a crooked or careless ledger."""
    protected = encoded(header)
    return sign1_bytes(protected, unprotected, payload, key.sign(sig_structure(protected, root)))


def good_for(receipt: bytes, entry: bytes, key=LOG) -> bool:
    try:
        ledger.verify_receipt(receipt, entry, key)
    except PourparlerError:
        return False
    return True


# --- 40 ---------------------------------------------------------------------------------------------------------------


def test_attack_40_another_size_and_index_that_still_verify(desk, made):
    """They exist, so nothing may be read from them: verification returns nothing, and a report has no index."""
    entry, read = desk.entry(2), parse_receipt(made)
    places = []
    for size in range(1, 40):
        for index in range(size):
            proof = encoded([size, index, list(read.path)])
            if good_for(remade(made, unprotected={396: {-1: [proof]}}), entry):
                places.append((size, index))
    assert (7, 2) in places
    assert len(places) > 1
    for size, index in places:
        moved = remade(made, unprotected={396: {-1: [encoded([size, index, list(read.path)])]}})
        assert ledger.verify_receipt(moved, entry, LOG) is None
        found = check(Kind.RECEIPT, moved, entry, Known((LOG,)))
        assert (found.verdict, found.index) == (Verdict.VALID, None)
        said = " ".join(step.detail for step in found.steps)
        assert f"index {index}" not in said
    assert not good_for(remade(made, unprotected={396: {-1: [encoded([7, 3, list(read.path)])]}}), entry)


def test_attack_40_a_consistency_receipt_is_held_against_the_verifiers_own_size(desk):
    old = ledger.open_checkpoint(begin().checkpoint(), DESK.origin, LOG).checkpoint
    grown = receipts.consistency_receipt_of(desk, begin().checkpoint(), LEDGER)
    ledger.verify_consistency_receipt(grown, old.size, old.root, LOG)
    with pytest.raises(Refused, match="proof.sizes"):
        ledger.verify_consistency_receipt(grown, 2, old.root, LOG)


# --- 41 ---------------------------------------------------------------------------------------------------------------


def test_attack_41_vds_or_alg_where_no_signature_covers_them(desk, made):
    entry = desk.entry(2)
    read = parse_sign1(made)
    root = ledger.open_checkpoint(desk.checkpoint(), DESK.origin, LOG).checkpoint.root
    for label, value in ((395, 1), (1, -8), (15, read.header[15]), (4, LEDGER.public_key), (2, [395])):
        with pytest.raises(Malformed, match="receipt.unprotected"):  # as well as in the protected header
            ledger.verify_receipt(remade(made, unprotected={**read.unprotected, label: value}), entry, LOG)
    for label in (395, 1, 15, 4):
        header = {name: value for name, value in read.header.items() if name != label}
        with pytest.raises(Malformed, match="receipt.header"):  # signed without it
            ledger.verify_receipt(resigned(root, header=header, unprotected=read.unprotected), entry, LOG)
        beside = {**read.unprotected, label: read.header[label]}
        with pytest.raises(Malformed, match="receipt.header"):  # moved out of the protected header
            ledger.verify_receipt(resigned(root, header=header, unprotected=beside), entry, LOG)


def test_attack_41_another_structure(desk, made):
    read = parse_sign1(made)
    root = ledger.open_checkpoint(desk.checkpoint(), DESK.origin, LOG).checkpoint.root
    for vds in (0, 2, -1, "1", None, [1]):
        signed = resigned(root, header={**read.header, 395: vds}, unprotected=read.unprotected)
        with pytest.raises(Malformed, match="receipt.header"):
            ledger.verify_receipt(signed, desk.entry(2), LOG)


def test_attack_41_an_attached_root_verifies_nothing(desk, made):
    """A signed root says nothing of the entry: attached, it could be verified in place of the computed one."""
    read, entry = parse_sign1(made), desk.entry(2)
    root = ledger.open_checkpoint(desk.checkpoint(), DESK.origin, LOG).checkpoint.root
    stranger = b"an entry that is in no tree"
    for payload in (root, bytes(32), b""):
        for about in (entry, stranger):
            with pytest.raises(Refused, match="receipt.payload"):
                ledger.verify_receipt(remade(made, payload=payload), about, LOG)
    signed = resigned(bytes(32), header=read.header, unprotected=read.unprotected, payload=bytes(32))
    with pytest.raises(Refused, match="receipt.payload"):
        ledger.verify_receipt(signed, entry, LOG)


def test_attack_41_two_proofs_one_of_them_bad(desk, made):
    entry, (good,) = desk.entry(2), parse_sign1(made).unprotected[396][-1]
    bad = encoded([7, 2, [bytes(32)] * 3])
    for rows in itertools.permutations((good, bad)):
        with pytest.raises(Malformed, match="receipt.unprotected"):
            ledger.verify_receipt(remade(made, unprotected={396: {-1: list(rows)}}), entry, LOG)
    for vdp in ({-1: [good], -2: [bad]}, {-1: [good], -3: []}, {-1: []}, {-1: good}, {}):
        with pytest.raises(Malformed, match="receipt.unprotected"):
            ledger.verify_receipt(remade(made, unprotected={396: vdp}), entry, LOG)


# --- 42 ---------------------------------------------------------------------------------------------------------------


def test_attack_42_a_statement_that_says_the_same_in_other_bytes_is_not_logged(desk):
    """One statement, one byte string: else the same words would have two entries, and two hashes."""
    good = stated(desk)
    read = parse_sign1(good)
    size = desk.size

    def refused(made, reason):
        with pytest.raises(Malformed, match=reason):
            desk.state(made)
        assert desk.size == size

    refused(sign1_bytes(read.protected, {394: [b"x"]}, read.payload, read.signature), "statement.unprotected")
    refused(sign1_bytes(read.protected, {4: POST.public_key}, read.payload, read.signature), "statement.unprotected")
    pairs = [encoded(label) + encoded(value) for label, value in read.header.items()]
    for order in itertools.islice(itertools.permutations(pairs), 1, None):
        protected = bytes([0xA0 + len(pairs)]) + b"".join(order)
        signature = POST.sign(sig_structure(protected, read.payload))
        refused(sign1_bytes(protected, {}, read.payload, signature), "statement.not-deterministic")
    refused(good[:2] + b"\x59\x00" + good[3:], "cose.malformed")  # a longer head
    refused(good.replace(b"\xa0\x58\x20", b"\xbf\xff\x58\x20"), "cose.malformed")  # an indefinite map
    refused(good + b"\x00", "cose.malformed")
    refused(b"\xd9\x00\x12" + good[1:], "cose.layout")  # a longer tag
    refused(good[1:], "cose.layout")  # no tag
    assert desk.state(good).index == size + 1


def test_attack_42_an_act_is_no_statement_and_a_statement_no_act(desk):
    act, statement = desk.entry(2), stated(desk)
    with pytest.raises(Malformed):
        desk.submit(statement)
    with pytest.raises(Malformed):
        desk.state(act)
    assert not ledger.is_statement(act)
    assert not any(ledger.is_statement(desk.entry(index)) for index in range(desk.size))
    for kind in ("ledger", "stamp", "found"):  # no label of an act makes a statement's signature good
        read = parse_sign1(statement)
        message = encoded(["Signature1", read.protected, f"pourparler/1 {kind}".encode(), read.payload])
        signature = POST.sign(message)
        with pytest.raises(Refused, match="statement.signature"):
            desk.state(sign1_bytes(read.protected, {}, read.payload, signature))


# --- 43 ---------------------------------------------------------------------------------------------------------------


def other_ledger(key=None, origin="ledger.example/other"):
    """Another ledger that holds the same party, act for act."""
    from pourparler.service.intake import Intake
    from pourparler.store.memory import MemoryStore
    from tests.test_intake import SetClock

    intake = Intake(MemoryStore(), key or Key.from_name("another ledger"), SetClock(), origin)
    intake.submit(data(Side("red").found))
    return intake


def test_attack_43_a_receipt_of_ledger_a_on_a_statement_of_ledger_b(desk):
    key = Key.from_name("another ledger")
    other = other_ledger(key)
    theirs = ledger_key(Depositary("ledger.example/other", key.public_key))
    ours, other_statement = stated(desk), receipts.statement_on(other.entry(2), "Us, by post", Key.from_name("them"))
    mine = receipts.receipt_of(desk, desk.state(ours).index, LEDGER)
    assert good_for(mine, ours)
    assert not good_for(mine, ours, theirs)
    pasted = ledger.with_receipts(other_statement, [mine])
    assert check(Kind.TRANSPARENT, pasted, None, Known((LOG, theirs))).verdict is Verdict.INVALID
    assert check(Kind.TRANSPARENT, pasted, None, Known((theirs,))).verdict is Verdict.CANNOT_TELL
    # The same statement, registered in both: each ledger's receipt is good under its own key only.
    theirs_of_ours = receipts.receipt_of(other, other.state(ours).index, key)
    assert good_for(theirs_of_ours, ours, theirs)
    assert not good_for(theirs_of_ours, ours)
    # Two ledgers with one key: the issuer tells them apart.
    twin = other_ledger(LEDGER)
    twins = receipts.receipt_of(twin, 2, LEDGER)
    with pytest.raises(Refused, match="receipt.issuer"):
        ledger.verify_receipt(twins, twin.entry(2), LOG)


def test_attack_43_a_receipt_for_the_same_payload_by_another_signer(desk):
    mine, thief = stated(desk), Key.from_name("thief")
    receipt = receipts.receipt_of(desk, desk.state(mine).index, LEDGER)
    stolen = stated(desk, key=thief)
    assert parse_sign1(stolen).payload == parse_sign1(mine).payload
    found = check(Kind.TRANSPARENT, ledger.with_receipts(stolen, [receipt]), None, Known((LOG,)))
    assert (found.verdict, found.deciding.reason) == (Verdict.INVALID, "receipt.signature")
    # His name in the header, and the signature of the other: the kid is the key, and no directory is asked.
    header = {**parse_sign1(mine).header, 4: thief.public_key}
    read = parse_sign1(mine)
    renamed = sign1_bytes(encoded(header), {}, read.payload, read.signature)
    with pytest.raises(Refused, match="statement.signature"):
        ledger.parse_statement(renamed)


# --- 44 ---------------------------------------------------------------------------------------------------------------


def test_attack_44_a_statement_gives_nothing_to_guess(desk):
    """Somebody knows all that a dismissal names and asks, of a statement in a public service, whether it was that."""
    red = Side("red")
    desk.submit(data(red.grant))
    act = red.decide("dismiss", {"mandate": red.grant.id})
    desk.submit(data(act))
    entry = desk.entry(6)
    statement = receipts.statement_on(entry, "Us", POST)
    guess = parse_entry(entry).envelope  # payload and headers are guessed right to the last byte
    assert guess.payload in entry
    guessed = {
        act_id(guess, "dismiss"),
        hashlib.sha256(guess.payload).digest(),
        hashlib.sha256(guess.with_signatures(()).payload + guess.body_protected).digest(),
        hashlib.sha256(entry[: entry.index(guess.payload) + len(guess.payload)]).digest(),
    }
    for digest in guessed:
        assert digest not in statement
        assert digest.hex().encode() not in statement
    assert hashlib.sha256(entry).digest() in statement  # only who has the signatures can make this
    receipt = receipts.receipt_of(desk, 6, LEDGER)
    assert act.id.hex().encode() not in receipt


def test_attack_44_a_text_is_committed_to_by_a_salted_digest():
    """Two texts of the same words have nothing in common that stands in an act or its leaf."""
    from pourparler.core.redline import text_digest

    first, second = make_text(random=bytes(16)), make_text(random=bytes([1]) * 16)
    assert first != second
    assert text_digest(first) != text_digest(second)
