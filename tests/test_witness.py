"""What a witness is asked and answers (spec/witness.md). What is told byte by byte is a vector; here is the rest."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import ledger, limits
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.ledger import AddCheckpoint, Checkpoint, KeyType, witness
from tests.test_ledger import L1, LATTICE_LOG, LOG, LOG_LINE, ORIGIN, TEXT, TREE, W1, W2, mutations

ROOT = Path(__file__).resolve().parent.parent
SIGNED = ledger.signed_note(TEXT, [LOG_LINE])
THREE = Checkpoint(ORIGIN, 3, TREE.roots[3])
GROWN = AddCheckpoint(3, ledger.consistency_path(3, 7, TREE.node), SIGNED)


def reason_of(attempt) -> str:
    with pytest.raises(PourparlerError) as caught:
        attempt()
    return caught.value.reason


def test_request_goes_out_and_comes_back() -> None:
    assert ledger.parse_add_checkpoint(GROWN.encoded()) == GROWN
    assert GROWN.origin == ORIGIN
    assert GROWN.encoded().startswith(b"old 3\n")


def test_what_is_cosigned_is_remembered_with_the_ledgers_line_and_the_witnesss() -> None:
    """The note that a witness shows opens for whoever trusts both; lines of strangers are not in it."""
    crowded = ledger.signed_note(TEXT, [W2.under(TEXT), LOG_LINE])
    found = ledger.judge(AddCheckpoint(3, GROWN.path, crowded), [LOG.key], THREE)
    lines = found.cosigned([(W1.key, W1.sign), (L1.key, L1.sign)], 1_800_000_000)
    note = found.note(lines)
    opened = ledger.open_checkpoint(note, ORIGIN, LOG.key, [W1.key, L1.key, W2.key])
    assert opened.cosigners(earliest=1_800_000_000) == {W1.key.public_key, L1.key.public_key}
    read = ledger.read_cosignatures(TEXT, ledger.cosigned_answer(lines).body, [W1.key, L1.key])
    assert [line for _, line in read] == list(lines)


def test_ledger_that_signs_with_ml_dsa_is_cosigned() -> None:
    note = ledger.signed_note(TEXT, [LATTICE_LOG.under(TEXT, 0)])
    assert ledger.judge(AddCheckpoint(0, (), note), [LATTICE_LOG.key], None).checkpoint.size == 7
    torchwoods = (ROOT / "tests" / "data" / "ml-dsa-log.note").read_bytes()
    key = ledger.parse_vkey((ROOT / "tests" / "data" / "ml-dsa-log.vkey").read_text().strip())
    assert ledger.judge(AddCheckpoint(0, (), torchwoods), [key], None).checkpoint.size == 1


def test_request_of_another_witnesss_tests_is_cosigned() -> None:
    """FiloSottile/torchwood, internal/witness/witness_test.go, TestRace: a Sigsum log grows from 1 to 3, and to 5."""
    origin = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
    public_key = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
    keys = [ledger.VerifierKey(origin, KeyType.ED25519, public_key)]
    first = f"""old 0

{origin}
1
KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

— {origin} UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=
""".encode()
    three = f"""old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{origin}
3
RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0=

— {origin} UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=
""".encode()
    five = f"""old 1
KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=
KgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

{origin}
5
QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY=

— {origin} UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=
""".encode()
    latest = ledger.judge(ledger.parse_add_checkpoint(first), keys, None).checkpoint
    assert ledger.judge(ledger.parse_add_checkpoint(three), keys, latest).checkpoint.size == 3
    latest = ledger.judge(ledger.parse_add_checkpoint(five), keys, latest).checkpoint
    refused = reason_of(lambda: ledger.judge(ledger.parse_add_checkpoint(three), keys, latest))
    assert refused == "witness.conflict"


def test_extension_lines_are_cosigned_with_ed25519_only() -> None:
    text = TEXT + "of no concern\n"
    found = ledger.judge(AddCheckpoint(0, (), ledger.signed_note(text, [LOG.under(text)])), [LOG.key], None)
    (line,) = found.cosigned([(L1.key, L1.sign), (W1.key, W1.sign)], 5)
    assert line == W1.under(text, 5)
    assert reason_of(lambda: found.cosigned([(L1.key, L1.sign)], 5)) == "checkpoint.extension"


def test_a_cosigning_key_is_none_of_a_ledgers() -> None:
    assert reason_of(lambda: ledger.judge(GROWN, [W1.key], THREE)) == "checkpoint.key-type"


def test_monitoring_path_is_the_digest_of_the_origin() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert ledger.monitoring_path("") == f"{empty}/checkpoint"


@pytest.mark.parametrize(
    ("body", "size"), [(b"0\n", 0), (b"20852014\n", 20852014), (b"9223372036854775807\n", 2**63 - 1)]
)
def test_size_in_a_409_is_read(body: bytes, size: int) -> None:
    assert ledger.parse_size_answer(body) == size


@pytest.mark.parametrize(
    "body", [b"", b"\n", b"7", b"07\n", b"7\n\n", b"7\r\n", b"-7\n", b"7 \n", b"\xb2\n", b"9" * 20 + b"\n"]
)
def test_anything_else_in_a_409_is_not(body: bytes) -> None:
    assert reason_of(lambda: ledger.parse_size_answer(body)) == "witness.answer"


W1_LINE, W2_LINE = W1.under(TEXT), W2.under(TEXT)
ANSWERS = {
    "empty": ("witness.answer", b""),
    "no-newline": ("witness.answer", W1_LINE[:-1]),
    "a-note": ("witness.answer", SIGNED),
    "html": ("witness.answer", b"<html>\n"),
    "not-utf-8": ("witness.answer", W1_LINE + "\u2014 ".encode() + b"\xff AAAAAAA=\n"),
    "too-many-lines": ("witness.answer", W2_LINE * 65),
    "too-large": ("witness.answer", W1_LINE + b"x" * limits.WITNESS_BODY_MAX_BYTES + b"\n"),
    "no-base64": ("note.signature-line", W1_LINE + "\u2014 x y\n".encode()),
    "of-another-text": ("cosignature.signature", W1.under(Checkpoint(ORIGIN, 8, TREE.roots[8]).text())),
    "twice": ("note.signed-twice", W1_LINE + W2_LINE + W1_LINE),
    "undated": ("witness.undated", L1.under(TEXT, 0)),
}


@pytest.mark.parametrize(("reason", "body"), list(ANSWERS.values()), ids=list(ANSWERS))
def test_answer_of_a_witness_is_refused(reason: str, body: bytes) -> None:
    assert reason_of(lambda: ledger.read_cosignatures(TEXT, body, [W1.key, L1.key])) == reason


def test_lines_of_strangers_in_an_answer_are_ignored() -> None:
    assert ledger.read_cosignatures(TEXT, W2_LINE + W2_LINE, [W1.key]) == []
    (found,) = ledger.read_cosignatures(TEXT, W2_LINE + W1_LINE, [W1.key])
    assert found[1] == W1_LINE


def test_a_ledgers_own_line_in_an_answer_is_no_cosignature() -> None:
    assert ledger.read_cosignatures(TEXT, LOG_LINE, [LOG.key, W1.key]) == []


# --- the reasons ------------------------------------------------------------------------------------------------------


def documented() -> dict[str, tuple[str, str]]:
    page = (ROOT / "spec" / "witness.md").read_text()
    rows = re.findall(r"^\| `([a-z.-]+)` \| (\w+) \| (\S+) \| .+\. \|$", page, re.MULTILINE)
    return {reason: (family, status) for reason, family, status in rows}


def test_reasons_of_specification_and_code_are_the_same() -> None:
    source = Path(witness.__file__).read_text()
    raised = dict(reversed(pair) for pair in re.findall(r'(Malformed|Refused|Missing)\(\s*"([a-z.-]+)"', source))
    own = {reason: family for reason, family in raised.items() if reason.startswith("witness.")}
    assert own == {reason: family for reason, (family, _) in documented().items()}
    for reason, (_, status) in documented().items():
        if status != "-":
            answer = ledger.refused_answer(Refused(reason), None)
            assert str(answer.status) == status


def test_too_large_a_request_is_refused_before_it_is_read() -> None:
    assert (
        reason_of(lambda: ledger.parse_add_checkpoint(bytes(limits.WITNESS_BODY_MAX_BYTES + 1))) == "witness.too-large"
    )


# --- properties -------------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_a_mutated_request_gets_cosigned_continues_what_is_remembered(data: st.DataObject) -> None:
    body = data.draw(mutations(GROWN.encoded()))
    try:
        request = ledger.parse_add_checkpoint(body)
        found = ledger.judge(request, [LOG.key] if request.origin == ORIGIN else [], THREE)
    except PourparlerError as error:
        refused = ledger.refused_answer(error, THREE)
    else:
        refused = None
    if refused is not None:
        assert refused.status in (400, 403, 404, 409, 422)
        return
    assert (found.checkpoint.size, found.checkpoint.root) == (7, TREE.roots[7])
    assert request.encoded() == body


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_only_growth_from_what_is_remembered_is_cosigned(remembered: int, old: int, new: int) -> None:
    text = Checkpoint(ORIGIN, new, TREE.roots[new]).text()
    path = ledger.consistency_path(old, new, TREE.node) if old <= new else ()
    request = AddCheckpoint(old, path, ledger.signed_note(text, [LOG.under(text)]))
    latest = Checkpoint(ORIGIN, remembered, TREE.roots[remembered])
    if remembered == old <= new:
        assert ledger.judge(request, [LOG.key], latest).checkpoint.size == new
    else:
        refused = reason_of(lambda: ledger.judge(request, [LOG.key], latest))
        assert refused == ("proof.sizes" if old > new else "witness.conflict")


def test_a_pen_of_the_wrong_kind_is_our_own_mistake() -> None:
    found = ledger.judge(GROWN, [LOG.key], THREE)
    with pytest.raises(AssertionError):
        found.cosigned([(LOG.key, LOG.sign)], 5)
