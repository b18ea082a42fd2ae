"""Other people's programs verify our receipts and statements, refuse altered ones, and we verify theirs.

`cwt` is a COSE library; `scitt-cose` is an independent implementation of RFC 9942 and RFC 9943. Neither knows of us.
"""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cwt import COSE, COSEKey

from pourparler.core import ledger
from pourparler.core.errors import Malformed, Refused
from pourparler.core.evidence import Verdict
from pourparler.core.ledger.cose import parse_sign1
from pourparler.core.ledger.receipt import inclusion_root, parse_receipt
from pourparler.service import receipts
from pourparler.service.proofs import Kind, Known, check
from pourparler.testing.keys import Key
from tests.test_intake import DESK, LEDGER, Side, data
from tests.test_receipts import LOG, POST, desk, stated

__all__ = ["desk"]  # a fixture
OTHER = Key.from_name("another ledger")


def public_pem(key: Key) -> bytes:
    public = Ed25519PublicKey.from_public_bytes(key.public_key)
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Key) -> bytes:
    private = Ed25519PrivateKey.from_private_bytes(bytes(key.secret))
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def altered(made: bytes) -> list[bytes]:
    """Return what was made with one bit changed, at many places."""
    return [made[:at] + bytes([made[at] ^ 1]) + made[at + 1 :] for at in range(0, len(made), 3)]


# --- cwt --------------------------------------------------------------------------------------------------------------


def by_cwt(made: bytes, key: Key, root: bytes | None = None) -> bytes:
    """Return the payload that cwt verified. It knows nothing of receipts: the root is computed for it."""
    return COSE.new().decode(made, COSEKey.from_pem(public_pem(key), kid=key.public_key), detached_payload=root)


def test_cwt_verifies_our_receipts(desk):
    made, entry = receipts.receipt_of(desk, 2, LEDGER), desk.entry(2)
    read = parse_receipt(made)
    root = inclusion_root(entry, *read.sizes, read.path)
    assert by_cwt(made, LEDGER, root) == root
    with pytest.raises(Exception, match="verify|Failed|not found"):
        by_cwt(made, OTHER, root)
    with pytest.raises(Exception, match=r"verify|Failed"):
        by_cwt(made, LEDGER, bytes(32))


def test_cwt_verifies_our_statements(desk):
    index = desk.state(stated(desk)).index
    for made in (desk.entry(index), receipts.transparent(desk, index, LEDGER)):
        assert by_cwt(made, POST) == hashlib.sha256(desk.entry(2)).digest()
    made = desk.entry(index)
    with pytest.raises(Exception, match=r"verify|Failed"):
        by_cwt(made[:-1] + bytes([made[-1] ^ 1]), POST)


@pytest.mark.parametrize("alg", ["EdDSA", "Ed25519"])
def test_we_take_statements_made_by_cwt(desk, alg):
    """Both names of the algorithm; the header is what the page says, in its order."""
    hash_ = hashlib.sha256(desk.entry(2)).digest()
    number = {"EdDSA": -8, "Ed25519": -19}[alg]
    header = {1: number, 4: POST.public_key, 15: {1: "By cwt", 2: hash_.hex()}, 258: -16, 259: 98}
    key = COSEKey.new({1: 1, 3: number, -1: 6, -2: POST.public_key, -4: bytes(POST.secret), 2: POST.public_key})
    made = COSE.new().encode(hash_, key, protected=header)
    told = desk.state(made)
    assert ledger.parse_statement(desk.entry(told.index)).issuer == "By cwt"


# --- scitt-cose -------------------------------------------------------------------------------------------------------

WHY = "scitt-cose, the second implementation of receipts, is not installed"


@pytest.fixture
def scitt():
    return pytest.importorskip("scitt_cose", reason=WHY)


def test_scitt_cose_verifies_our_receipts(scitt, desk):
    for number in range(5):
        desk.submit(data(Side(f"party {number}").found))
    for index in range(desk.size):
        made, entry = receipts.receipt_of(desk, index, LEDGER), desk.entry(index)
        found = scitt.verify_receipt(made, leaf_entry_hex=entry.hex(), log_public_key_pem=public_pem(LEDGER))
        assert (found.ok, found.errors) == (True, [])
        assert (found.issuer, found.subject) == (DESK.origin, hashlib.sha256(entry).hexdigest())
        wrong = scitt.verify_receipt(made, leaf_entry_hex=entry.hex(), log_public_key_pem=public_pem(OTHER))
        assert (wrong.ok, wrong.failed_at) == (False, "signature")


def test_scitt_cose_and_we_refuse_the_same_altered_receipts(scitt, desk):
    """What it takes, of everything altered, we may refuse, never the other way round."""
    made, entry = receipts.receipt_of(desk, 2, LEDGER), desk.entry(2)
    refused = 0
    for spoilt in altered(made):
        theirs = scitt.verify_receipt(spoilt, leaf_entry_hex=entry.hex(), log_public_key_pem=public_pem(LEDGER)).ok
        try:
            ledger.verify_receipt(spoilt, entry, LOG)
        except (Malformed, Refused):
            refused += 1
        else:
            assert theirs
    assert refused >= len(made) // 3 - 2
    other = scitt.verify_receipt(made, leaf_entry_hex=desk.entry(1).hex(), log_public_key_pem=public_pem(LEDGER))
    assert not other.ok


def test_scitt_cose_verifies_our_statements(scitt, desk):
    index = desk.state(stated(desk)).index
    entry, transparent = desk.entry(index), receipts.transparent(desk, index, LEDGER)
    for made in (entry, transparent):
        read = scitt.parse_signed_statement(made, public_key_pem=public_pem(POST))
        assert (read["signature_verified"], read["issuer"]) == (True, "Us, by post")
        assert read["subject"] == hashlib.sha256(desk.entry(2)).hexdigest() == read["payload"].hex()
        assert not scitt.parse_signed_statement(made, public_key_pem=public_pem(OTHER))["signature_verified"]
    (receipt,) = scitt.extract_receipts(transparent)
    found = scitt.verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=public_pem(LEDGER))
    assert found.ok, found.errors
    for spoilt in altered(entry):
        assert not scitt.parse_signed_statement(spoilt, public_key_pem=public_pem(POST))["signature_verified"]
    # The transparent statement that it makes of ours is the one that we make.
    assert scitt.attach_receipts(entry, [receipts.receipt_of(desk, index, LEDGER)]) == transparent


def test_scitt_cose_verifies_our_proofs_of_consistency(scitt, desk):
    old = ledger.open_checkpoint(desk.checkpoint(), DESK.origin, LOG).checkpoint
    note = desk.checkpoint()
    desk.submit(data(Side("blue").found))
    new = ledger.open_checkpoint(desk.checkpoint(), DESK.origin, LOG).checkpoint
    made = receipts.consistency_receipt_of(desk, note, LEDGER)
    read = parse_receipt(made)
    path = [hash_.hex() for hash_ in read.path]
    assert scitt.verify_consistency(old.root.hex(), new.root.hex(), old.size, new.size, path)
    signed = scitt.verify_sign1(made, public_key_pem=public_pem(LEDGER), detached_payload=new.root)
    assert signed.protected[395] == 1


def their_receipt(scitt, entries, index, key=OTHER, **claims):
    rows = [entry.hex() for entry in entries]
    return scitt.build_receipt(
        leaf_entry_hex=rows[index],
        leaf_index=index,
        tree_entries_hex=rows,
        alg="EdDSA",
        log_private_key_pem=private_pem(key),
        **{"iss": "their.example/log", "sub": "an artifact", "kid": b"their kid", **claims},
    )


def test_we_verify_receipts_made_by_scitt_cose(scitt):
    theirs = ledger.VerifierKey("their.example/log", ledger.KeyType.ED25519, OTHER.public_key)
    entries = [f"entry {number}".encode() for number in range(11)]
    for index, entry in enumerate(entries):
        made = their_receipt(scitt, entries, index, iat=1_767_225_600)
        ledger.verify_receipt(made, entry, theirs)
        assert check(Kind.RECEIPT, made, entry, Known((theirs,))).verdict is Verdict.VALID
        with pytest.raises(Refused):
            ledger.verify_receipt(made, entries[index - 1], theirs)
        for spoilt in altered(made)[:: 1 + index]:
            assert_as_strict(scitt, spoilt, entry, theirs)
    # What RFC 9942 allows and RFC 9943 does not: a receipt that names nobody.
    with pytest.raises(Malformed, match="receipt.header"):
        ledger.verify_receipt(their_receipt(scitt, entries, 0, iss=None, sub=None, kid=None), entries[0], theirs)


def assert_as_strict(scitt, made, entry, key):
    try:
        ledger.verify_receipt(made, entry, key)
    except (Malformed, Refused):
        return
    assert scitt.verify_receipt(made, leaf_entry_hex=entry.hex(), log_public_key_pem=public_pem(OTHER)).ok


def test_we_take_statements_made_by_scitt_cose(scitt, desk):
    hash_ = hashlib.sha256(desk.entry(2)).digest()
    header = {1: -8, 4: POST.public_key, 15: {1: "By scitt-cose", 2: hash_.hex()}, 258: -16, 259: 98}
    made = scitt.sign_sign1(hash_, alg="EdDSA", private_key_pem=private_pem(POST), protected=header)
    told = desk.state(made)
    transparent = receipts.transparent(desk, told.index, LEDGER)
    assert check(Kind.TRANSPARENT, transparent, desk.entry(2), Known((LOG,))).verdict is Verdict.VALID
    # Its own kind of statement has a content type, which a hash envelope must not have (RFC 9995).
    own = scitt.build_signed_statement(
        hash_, alg="EdDSA", private_key_pem=private_pem(POST), issuer="By scitt-cose", subject=hash_.hex(),
        content_type="application/octet-stream", kid=POST.public_key,
    )  # fmt: skip
    with pytest.raises(Malformed, match="statement.header"):
        desk.state(own)


def test_a_transparent_statement_may_have_a_receipt_of_theirs_too(scitt, desk):
    """Registered here and at another service: either ledger's key verifies it, and both do."""
    statement = desk.entry(desk.state(stated(desk)).index)
    theirs = ledger.VerifierKey("their.example/log", ledger.KeyType.ED25519, OTHER.public_key)
    mine = receipts.receipt_of(desk, 4, LEDGER)
    both = scitt.attach_receipts(statement, [mine, their_receipt(scitt, [b"first", statement], 1)])
    assert parse_sign1(both).unprotected.keys() == {394}
    for known in ((LOG,), (theirs,), (LOG, theirs)):
        assert check(Kind.TRANSPARENT, both, None, Known(known)).verdict is Verdict.VALID
