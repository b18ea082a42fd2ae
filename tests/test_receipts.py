"""Receipts and statements (spec/receipt.md): in the registry, the intake and the checker; and by foreign programs.

The vectors (spec/vectors/receipts.py) show the formats; here stands what a ledger makes of them.
"""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import cbor2
import pytest

from pourparler.core import ledger
from pourparler.core.council import Depositary
from pourparler.core.errors import Missing, Refused
from pourparler.core.evidence import Verdict, ledger_key
from pourparler.core.ledger.cose import encoded, sig_structure, sign1_bytes
from pourparler.core.ledger.receipt import parse_receipt
from pourparler.core.registry import parse_entry
from pourparler.ports import StoredEntry
from pourparler.service import receipts
from pourparler.service.books import Copy, in_memory
from pourparler.service.intake import Intake, LedgerDamaged, replay
from pourparler.service.proofs import STEPS, Kind, Known, check, kind_of
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key
from tests import oracle_cddl
from tests.test_intake import DESK, LEDGER, START, Side, begin, data, reopen

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "spec" / "receipt.md").read_text(encoding="utf-8")
POST = Key.from_name("post")
LOG = ledger_key(DESK)
TRUST = Known((LOG,))

__all__ = ["reopen"]  # a fixture


@pytest.fixture
def desk():
    """A ledger with one party's founding, entry 2 of 3."""
    intake = begin()
    intake.submit(data(Side("red").found))
    return intake


def stated(intake, index=2, key=POST, issuer="Us, by post"):
    return receipts.statement_on(intake.entry(index), issuer, key)


# --- the specification ------------------------------------------------------------------------------------------------


def test_reasons_of_page_and_code_are_the_same() -> None:
    rows = re.findall(r"^\| `([a-z0-9.-]+)` \| (\w+) \| .+\. \|$", PAGE, re.MULTILINE)
    core = ROOT / "src" / "pourparler" / "core"
    files = [core / "ledger" / f"{name}.py" for name in ("cose", "receipt", "statement")]
    files += [core / "registry.py", core.parent / "service" / "proofs.py"]
    raised = re.compile(r'(Malformed|Refused|Missing)\(\s*"((?:cose|receipt|statement|entry|trust)\.[a-z0-9.-]+)"')
    found = {(reason, family) for file in files for family, reason in raised.findall(file.read_text(encoding="utf-8"))}
    assert found == set(rows)


def test_the_steps_of_page_and_code_are_the_same() -> None:
    section = PAGE.split("\n## 7.")[1].split("\n## 8.")[0]
    assert re.findall(r"^(\d)\. \*(.+?)\*", section, re.MULTILINE) == [(str(n), name) for n, name in STEPS.items()]


def test_the_bounds_are_stated() -> None:
    from pourparler.core import limits

    for bound in (limits.COSE_MAX_BYTES, limits.COSE_DEPTH_MAX, limits.RECEIPTS_MAX, limits.PROOF_HASHES_MAX):
        assert f"{bound:,}" in PAGE


# What a schema cannot say, by reason, and three more: hidden marks, a line feed, which text the subject is.
BEYOND_CDDL = {"cose.too-large", "cose.malformed", "statement.not-deterministic", "statement.signature"}
BEYOND_CDDL |= {"receipt.issuer", "receipt.kind", "receipt.no-path", "receipt.signature"}
BEYOND_CDDL |= {"tree.index", "tree.size", "proof.length", "proof.sizes", "proof.inconsistent"}
TEXTS = {"statement/issuer-hidden", "statement/issuer-control", "statement/subject", "receipt/critical"}


@pytest.mark.parametrize(
    ("rule", "group"),
    [("receipt", "receipt"), ("statement", "statement"), ("transparent-statement", "transparent")],
)
def test_the_cddl_says_what_the_page_says(rule, group) -> None:
    schema = oracle_cddl.Schema((ROOT / "spec" / "receipt.cddl").read_text(encoding="utf-8"))
    cases = json.loads((ROOT / "spec" / "vectors" / f"{group}.json").read_text(encoding="utf-8"))["cases"]
    refused = 0
    for case in cases:
        try:
            read = cbor2.loads(bytes.fromhex(case["input"]))
        except cbor2.CBORDecodeError:
            assert case["reason"] == "cose.malformed", case["id"]
            continue
        fits = isinstance(read, cbor2.CBORTag) and schema.matches(rule, oracle_cddl.Tag(read.tag, read.value))
        if "reason" not in case:
            assert fits, case["id"]
        elif case["reason"] not in BEYOND_CDDL and case["id"] not in TEXTS:
            assert not fits, case["id"]
            refused += 1
    assert refused >= 4


def test_the_example_is_what_the_ledger_makes() -> None:
    """The hexadecimal example is a vector, byte for byte."""
    shown = PAGE.split("<!-- vector: transparent/one -->")[1].split("```")[1]
    hexes = "".join(re.sub(r"/.*?/", "", line) for line in shown.splitlines()[1:])
    cases = json.loads((ROOT / "spec" / "vectors" / "transparent.json").read_text(encoding="utf-8"))["cases"]
    data = next(case["input"] for case in cases if case["id"] == "transparent/one")
    for found in re.findall(r"h'([0-9a-f]{8,})'", hexes):
        assert found in data
    assert len(re.findall(r"h'[0-9a-f]{8,}'", hexes)) >= 5


# --- a statement in the ledger ----------------------------------------------------------------------------------------


def test_a_statement_takes_an_index_and_moves_nothing(reopen):
    intake = reopen()
    red = Side("red")
    intake.submit(data(red.found))
    before = {stream: (found.count, found.head) for stream, found in intake.registry.streams.items()}
    told = intake.state(stated(intake))
    assert (told.index, told.size, told.time) == (4, 5, START)
    stamp = parse_entry(intake.entry(3))
    assert (stamp["follows"], stamp["streams"]) == (1, [])
    assert {stream: (found.count, found.head) for stream, found in intake.registry.streams.items()} == before
    assert len(intake.registry.outcomes) == 1
    assert intake.state(stated(intake)) == told  # the same bytes again
    assert intake.size == 5
    again = reopen()
    assert again.size == 5
    assert next(iter(again.registry.statements.values()))[1].index == 4
    assert again.state(stated(again)) == told
    assert again.submit(data(red.grant)).index == 6  # the ledger goes on


def test_what_is_refused_leaves_nothing(desk):
    first = desk.state(stated(desk))
    with pytest.raises(Refused, match="statement.again"):
        desk.state(stated(desk, issuer="Another name"))
    assert desk.state(stated(desk, key=Key.from_name("another post"))).index > first.index
    size = desk.size
    with pytest.raises(Missing, match="statement.act"):
        desk.state(receipts.statement_on(data(Side("blue").found), "Us", POST))
    with pytest.raises(Missing, match="statement.act"):  # the ledger's own entries are nobody's acts
        desk.state(stated(desk, 1))
    transparent = receipts.transparent(desk, first.index, LEDGER)
    with pytest.raises(Missing, match="statement.act"):  # a statement is no act
        desk.state(receipts.statement_on(desk.entry(first.index), "Us", POST))
    for bad, reason in ((transparent, "statement.unprotected"), (b"\xd2\x84\x58", "cose.malformed")):
        with pytest.raises(Exception, match=reason):
            desk.state(bad)
    assert desk.size == size
    kept = [refusal.reason for refusal in desk.store.refusals()]
    assert kept == ["statement.again", *["statement.act"] * 3, "statement.unprotected", "cose.malformed"]


def test_the_form_is_the_envelopes(desk):
    entry = desk.entry(2)
    assert entry[:2] == b"\xd8\x62"
    hash_ = hashlib.sha256(entry).digest()
    protected = encoded({1: -8, 4: POST.public_key, 15: {1: "Us", 2: hash_.hex()}, 258: -16, 259: 18})
    lying = sign1_bytes(protected, {}, hash_, POST.sign(sig_structure(protected, hash_)))
    with pytest.raises(Refused, match="statement.entry"):
        desk.state(lying)


def test_statements_share_a_transaction_with_acts(desk):
    """Several that wait together: each gets its place, and one stamp covers them."""
    from pourparler.service.intake import Ticket

    red, blue = Side("red"), Side("blue")
    tickets = [
        desk._ticket(data(red.grant), {}),
        Ticket(statement=ledger.parse_statement(stated(desk))),
        desk._ticket(data(blue.found), {}),
    ]
    desk._run(tickets)
    assert [ticket.receipt.index for ticket in tickets] == [4, 5, 6]
    assert parse_entry(desk.entry(3))["follows"] == 3
    assert replay(DESK, desk.store).frontier.size == 7


def copied(intake):
    entries = tuple(entry.data for entry in intake.store.entries())
    return in_memory(Copy(DESK, intake.checkpoint(), entries, ()))


def test_a_copy_is_folded_with_its_statements(desk):
    desk.state(stated(desk))
    fold = replay(DESK, copied(desk))
    assert (fold.frontier.size, len(fold.registry.statements)) == (5, 1)


def test_a_ledger_that_logs_what_is_no_statement_is_found_out(desk):
    """Whoever keeps the ledger could write anything: a copy, and a restart, judge it by the same rules."""
    desk.state(stated(desk))
    foreign = receipts.statement_on(data(Side("blue").found), "Us", POST)
    transparent = receipts.transparent(desk, 4, LEDGER)
    another = stated(desk, key=Key.from_name("another post"))

    def found_out(change, reason):
        store = copied(desk)
        store._entries = change(store._entries)
        with pytest.raises(LedgerDamaged, match=reason):
            replay(DESK, store)

    def row(index, statement):
        return StoredEntry(index, ledger.parse_statement(statement).id, statement)

    assert replay(DESK, copied(desk)).frontier.size == 5
    found_out(lambda held: [*held, row(5, another)], "stamp.missing")
    found_out(lambda held: [*held[:4], row(4, foreign)], "statement.act")
    found_out(lambda held: [*held[:4], dataclasses.replace(held[4], data=transparent)], "statement.unprotected")
    found_out(lambda held: [*held[:4], dataclasses.replace(held[4], act_id=held[2].act_id)], "stamp.contradiction")
    found_out(lambda held: [*held[:4], row(4, another)], "another root")


def test_evidence_of_a_ledger_with_statements_verifies(desk):
    from pourparler.core.evidence import Claim, Trust, verify
    from pourparler.service.export import assemble

    red = Side("red")
    desk.submit(data(red.grant))
    desk.state(stated(desk))
    bundle = assemble(Claim("recorded", DESK, 0, act=red.grant.id), [desk])
    assert verify(bundle.encoded(), Trust({red.party: "said"})).verdict is Verdict.VALID
    shown = {index for index, _ in bundle.ledgers[0].entries}
    assert not any(ledger.is_statement(desk.entry(index)) for index in shown)


# --- receipts of a ledger ---------------------------------------------------------------------------------------------


def test_a_tree_of_one_entry_has_no_receipt():
    intake = begin()
    with pytest.raises(Refused, match="receipt.no-path"):
        receipts.receipt_of(intake, 0, LEDGER)
    intake.submit(data(Side("red").found))
    for index in range(intake.size):
        made = receipts.receipt_of(intake, index, LEDGER)
        ledger.verify_receipt(made, intake.entry(index), LOG)


def test_every_entry_and_every_growth_has_a_receipt(desk):
    notes = [desk.checkpoint()]
    for number in range(6):
        desk.submit(data(Side(f"party {number}").found))
        for index in range(desk.size):
            ledger.verify_receipt(receipts.receipt_of(desk, index, LEDGER), desk.entry(index), LOG)
        for note in notes:
            old = ledger.open_checkpoint(note, DESK.origin, LOG).checkpoint
            grown = receipts.consistency_receipt_of(desk, note, LEDGER)
            ledger.verify_consistency_receipt(grown, old.size, old.root, LOG)
        notes.append(desk.checkpoint())
    with pytest.raises(Refused, match="receipt.no-path"):
        receipts.consistency_receipt_of(desk, desk.checkpoint(), LEDGER)


def test_a_receipt_names_the_hash_of_what_it_is_about(desk):
    index = desk.state(stated(desk)).index
    hash_ = hashlib.sha256(desk.entry(2)).hexdigest()
    of_act, of_statement = (parse_receipt(receipts.receipt_of(desk, at, LEDGER)) for at in (2, index))
    assert (of_act.subject, of_statement.subject) == (hash_, hash_)
    assert of_act.issuer == DESK.origin


def test_the_ledger_signs_no_root_that_it_has_not_committed_to(desk):
    """A node that is wrong leads to another root: then nothing is signed."""

    class Spoilt:
        depositary, published, entry = desk.depositary, desk.published, desk.entry

        def node(self, level, index):
            return bytes(32)

    signed = []

    class Watched:
        public_key = LEDGER.public_key

        def sign(self, message):
            signed.append(message)
            return LEDGER.sign(message)

    with pytest.raises(Refused, match="proof.root"):
        receipts.receipt_of(Spoilt(), 2, Watched())
    with pytest.raises(Refused, match="proof.inconsistent"):
        receipts.consistency_receipt_of(Spoilt(), begin().checkpoint(), Watched())
    assert signed == []


# --- the checker ------------------------------------------------------------------------------------------------------


def files(intake):
    """Return a file of each kind, with the bytes that it is about."""
    index = intake.state(stated(intake)).index
    old = begin().checkpoint()
    return {
        Kind.PROOF: (receipts.proof_of(intake, 2).encoded(), intake.entry(2)),
        Kind.RECEIPT: (receipts.receipt_of(intake, 2, LEDGER), intake.entry(2)),
        Kind.CONSISTENCY: (receipts.consistency_receipt_of(intake, old, LEDGER), old),
        Kind.STATEMENT: (intake.entry(index), intake.entry(2)),
        Kind.TRANSPARENT: (receipts.transparent(intake, index, LEDGER), intake.entry(2)),
    }


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_told_and_valid(desk, kind):
    made, about = files(desk)[kind]
    assert kind_of(made) is kind
    found = check(kind, made, about, TRUST)
    assert found.verdict is Verdict.VALID, found.steps
    assert found.index == (2 if kind is Kind.PROOF else None)  # a receipt proves no place


@pytest.mark.parametrize("kind", Kind)
def test_no_spoilt_byte_is_valid(desk, kind):
    made, about = files(desk)[kind]
    for at in range(len(made)):
        spoilt = made[:at] + bytes([made[at] ^ 1]) + made[at + 1 :]
        found = check(kind, spoilt, about, TRUST)
        if found.verdict is Verdict.VALID:  # sizes of a consistency proof, and an index, stand outside the signature
            assert kind in (Kind.RECEIPT, Kind.CONSISTENCY, Kind.TRANSPARENT), (at, made[at])
            assert parse_like(kind, spoilt) == parse_like(kind, made)


def parse_like(kind, made):
    """Return all of a receipt that is proven: everything but its sizes."""
    inner = ledger.parse_transparent(made)[1][0] if kind is Kind.TRANSPARENT else made
    read = parse_receipt(inner)
    return read.issuer, read.subject, read.path, read.signed.protected, read.signed.signature


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.STATEMENT])
def test_without_the_ledgers_key_nobody_can_tell(desk, kind):
    made, about = files(desk)[kind]
    stranger = ledger_key(Depositary("ledger.example/other", Key.from_name("other").public_key))
    found = check(kind, made, about, Known((stranger,)))
    assert (found.verdict, found.deciding.reason) == (Verdict.CANNOT_TELL, "trust.unknown-ledger")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.STATEMENT])
def test_another_key_of_that_name_is_invalid(desk, kind):
    made, about = files(desk)[kind]
    usurper = ledger_key(Depositary(DESK.origin, Key.from_name("other").public_key))
    assert check(kind, made, about, Known((usurper,))).verdict is Verdict.INVALID
    assert check(kind, made, about, Known((usurper, LOG))).verdict is Verdict.VALID


@pytest.mark.parametrize("kind", [Kind.PROOF, Kind.RECEIPT, Kind.CONSISTENCY])
def test_without_the_entry_nobody_can_tell(desk, kind):
    made, _ = files(desk)[kind]
    found = check(kind, made, None, TRUST)
    assert (found.verdict, found.deciding.reason) == (Verdict.CANNOT_TELL, "entry.not-shown")


@pytest.mark.parametrize("kind", Kind)
def test_of_other_bytes_it_is_invalid(desk, kind):
    made, _ = files(desk)[kind]
    other = Intake(MemoryStore(), Key.from_name("x"), desk.clock, DESK.origin).checkpoint()
    about = other if kind is Kind.CONSISTENCY else desk.entry(1)
    assert check(kind, made, about, TRUST).verdict is Verdict.INVALID


@pytest.mark.parametrize("kind", Kind)
def test_a_quorum_is_met_by_a_proof_file_alone(desk, kind):
    made, about = files(desk)[kind]
    witness = Key.from_name("witness")
    vkey = ledger.VerifierKey("witness.example", ledger.KeyType.COSIGNATURE_ED25519, witness.public_key)
    policy = ledger.parse_policy(f"log {LOG.text}\nwitness w {vkey.text}\nquorum w\n".encode())
    found = check(kind, made, about, Known((), policy))
    if kind is Kind.STATEMENT:  # it asks no ledger
        assert found.verdict is Verdict.VALID
        return
    assert (found.verdict, found.deciding.reason) == (Verdict.CANNOT_TELL, "witness.quorum")
    if kind is Kind.PROOF:
        text = made.partition(b"\n\n")[2].rpartition(b"\n\n")[0].decode() + "\n"
        cosigned = made + ledger.cosign_note_text(text, vkey, START, witness.sign)
        assert check(kind, cosigned, about, Known((), policy)).verdict is Verdict.VALID


def test_of_several_receipts_those_of_known_ledgers_have_to_be_good(desk):
    index = desk.state(stated(desk)).index
    statement, good = desk.entry(index), receipts.receipt_of(desk, index, LEDGER)
    wrong = receipts.receipt_of(desk, 2, LEDGER)  # of another entry

    def verdict(*rows):
        return check(Kind.TRANSPARENT, ledger.with_receipts(statement, rows), None, TRUST).verdict

    assert verdict(good) is Verdict.VALID
    assert verdict(b"\xd2\x84 of a kind that we cannot read", good) is Verdict.VALID
    assert verdict(good, wrong) is Verdict.INVALID
    assert verdict(wrong) is Verdict.INVALID
    assert verdict(b"\xd2\x84 of a kind that we cannot read") is Verdict.INVALID


def test_what_is_none_of_these_is_not_taken_for_one(desk):
    for other in (b"", b"\xd2\x84", data(Side("red").found), desk.checkpoint(), b"\xa4evidence"):
        assert kind_of(other) is None
