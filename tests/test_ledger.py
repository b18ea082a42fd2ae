"""The ledger (spec/ledger.md): vectors of others first, then attacks by number, then properties.

``attack-NN`` in a test's id is the number of an attack on logs, notes and proofs: 17 to 32 concern notes, checkpoints
and cosignatures, 33 to 40 proofs. Attacks on storage, transport and receipts are tested where those live.
"""

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nacl.signing
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa as mldsa_library
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from pourparler.core import errors, ledger, limits
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.ledger import Checkpoint, Frontier, KeyType, Policy, TlogProof, VerifierKey, subtree
from pourparler.core.ledger.note import base64_text as b64

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("POURPARLER_DATA", ROOT.parent / "shared" / "data"))
MERKLE_VECTORS = DATA / "merkle-vectors" / "testdata"
TESSERA_LOG = DATA / "tessera-log" / "testdata" / "log"


# --- oracles: RFC 6962 section 2.1, word for word and slow ------------------------------------------------------------


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = naive_split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    n = len(leaves)
    if m == n:
        return [] if whole else [naive_root(leaves)]
    k = naive_split(n)
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def naive_multiproof(known: set[int], leaves: Sequence[bytes], start: int = 0) -> list[bytes]:
    """Section 4 of the specification, by recursion over the leaves themselves."""
    if not any(start <= index < start + len(leaves) for index in known):
        return [naive_root(leaves)]
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    return [*naive_multiproof(known, leaves[:k], start), *naive_multiproof(known, leaves[k:], start + k)]


# --- helpers ----------------------------------------------------------------------------------------------------------


class Tree:
    """A tree in memory that keeps what :meth:`Frontier.extended` says."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = list(leaves)
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.asked = 0
        frontier = Frontier()
        self.roots = [frontier.root()]
        for leaf in leaves:
            for level, index, hash_ in frontier.extended((leaf,))[1]:
                assert (level, index) not in self.nodes
                self.nodes[level, index] = hash_
            frontier = frontier.append(leaf)
            self.roots.append(frontier.root())
        self.frontier = frontier

    def node(self, level: int, index: int) -> bytes:
        self.asked += 1
        return self.nodes[level, index]


LEAVES = [ledger.leaf_hash(b"entry %d" % i) for i in range(301)]
TREE = Tree(LEAVES)


class Pen:
    """A key with its private half."""

    def __init__(self, name: str, type_: KeyType, seed: int) -> None:
        self.private = nacl.signing.SigningKey(bytes([seed]) * 32)
        self.key = VerifierKey(name, type_, bytes(self.private.verify_key))

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message).signature

    def under(self, text: str, time: int = 1_700_000_000) -> bytes:
        if self.key.type is KeyType.ED25519:
            return ledger.sign_note_text(text, self.key, self.sign)
        return ledger.cosign_note_text(text, self.key, time, self.sign)


ORIGIN = "ledger.example/petrograd"
LOG = Pen(ORIGIN, KeyType.ED25519, 1)
W1 = Pen("witness.example/one", KeyType.COSIGNATURE_ED25519, 2)
W2 = Pen("witness.example/two", KeyType.COSIGNATURE_ED25519, 3)
OTHER = Pen("ledger.example/mogilev", KeyType.ED25519, 4)


class LatticePen(Pen):
    """An ML-DSA-44 key with its private half. Its signatures differ from run to run: the library draws them."""

    def __init__(self, name: str, seed: int) -> None:
        self.lattice = MLDSA44PrivateKey.from_seed_bytes(bytes([seed]) * 32)
        self.key = VerifierKey(name, KeyType.COSIGNATURE_ML_DSA_44, self.lattice.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self.lattice.sign(message)


L1 = LatticePen("witness.example/lattice", 7)
ML_DSA = L1.key
LATTICE_LOG = LatticePen(ORIGIN, 8)

CHECKPOINT = Checkpoint(ORIGIN, 7, TREE.roots[7])
TEXT = CHECKPOINT.text()
LOG_LINE, W1_LINE, W2_LINE = LOG.under(TEXT), W1.under(TEXT), W2.under(TEXT)
ML_DSA_LINE = L1.under(TEXT)
UNDATED_LINE = L1.under(TEXT, 0)
SIGNED = ledger.signed_note(TEXT, [LOG_LINE, W1_LINE, W2_LINE])
PROOF = TlogProof(2, ledger.inclusion_path(7, 2, TREE.node), SIGNED, b"hint")


def open_checkpoint(data: bytes, **changes: Any) -> ledger.OpenCheckpoint:
    arguments = {"origin": ORIGIN, "key": LOG.key, "witnesses": (W1.key, W2.key)} | changes
    return ledger.open_checkpoint(data, **arguments)


def signed(text: str | bytes, *pens: Pen) -> bytes:
    """A note of any text, proper or not, truly signed."""
    raw = text if isinstance(text, bytes) else text.encode()
    lines = [ledger.note_text_signature_line(p.key.name, p.key.key_id, p.sign(raw)) for p in pens or (LOG,)]
    return raw + b"\n" + b"".join(lines)


def vkey(name: str, type_: int, public_key: bytes, key_id: str | None = None) -> str:
    """A vkey with a right key id, whatever else is wrong with it."""
    material = bytes([type_]) + public_key
    right = hashlib.sha256(name.encode("utf-8", "surrogatepass") + b"\n" + material).hexdigest()[:8]
    return f"{name}+{key_id or right}+{b64(material)}"


# --- vectors of others ------------------------------------------------------------------------------------------------

# The reference tree of Certificate Transparency (google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc).
CT_ENTRIES = [bytes.fromhex(e) for e in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_root_of_the_certificate_transparency_tree(size: int) -> None:
    assert ledger.root_of(map(ledger.leaf_hash, CT_ENTRIES[:size])).hex() == CT_ROOTS[size]


# golang.org/x/mod/sumdb/note, the example of the package's documentation.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = """If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
""".encode()


def test_note_of_the_go_package() -> None:
    key = ledger.parse_vkey(GO_VKEY)
    assert (key.name, key.key_id.hex(), key.type, key.text) == ("PeterNeumann", "c74f20a3", KeyType.ED25519, GO_VKEY)
    note = ledger.open_note(GO_NOTE, [key])
    assert note.signers == (key,)
    assert note.text.endswith("what your problem is.\n")


# c2sp.org/signed-note, the example. Its public key is not part of the text, so the key here is a stranger to it.
C2SP_NOTE = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
""".encode()  # noqa: E501 - verbatim


def test_note_of_the_signed_note_text_is_parted_at_its_last_blank_line() -> None:
    text, lines = ledger.split_note(C2SP_NOTE)
    assert text.count("\n") == 4
    assert text.endswith("sera.\n")
    name, key_id, signature = ledger.parse_signature_line(lines[0])
    assert (name, key_id.hex(), len(signature)) == ("quasimodo.example/salvatore", "367ba04b", 64)
    assert ledger.note_text_signature_line(name, key_id, signature).decode() == lines[0] + "\n"
    assert ledger.signed_note(text, [f"{lines[0]}\n".encode()]) == C2SP_NOTE
    with pytest.raises(Refused, match=r"note\.unverified"):
        ledger.open_note(C2SP_NOTE, [LOG.key])


# c2sp.org/tlog-cosignature, the example: log and cosigner by name and key id, time of the cosignature.
COSIGNED_NOTE = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()  # noqa: E501 - verbatim


def test_checkpoint_of_the_cosignature_text() -> None:
    text, lines = ledger.split_note(COSIGNED_NOTE)
    checkpoint = ledger.parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text() == text
    _, _, signature = ledger.parse_signature_line(lines[1])
    time = int.from_bytes(signature[:8], "big")
    assert len(signature) == 72
    expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
    expected += "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"  # as that text prints it
    assert ledger.cosignature_message(text, time) == expected.encode()


@pytest.mark.parametrize("text", [
    "witness.navigli.sunlight.geomys.org+a3e00fe2+BNy/co4C1Hn1p+INwJrfUlgz7W55dSZReusH/GhUhJ/G",
    "witness.mullvad.net+0e35d04d+BBXW0BQVQyR7dLqzwQdjctnIlPYZw3bWSymqMSzAD2Gt",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
])  # fmt: skip
def test_vkey_of_a_public_witness(text: str) -> None:
    key = ledger.parse_vkey(text)
    assert key.type is KeyType.COSIGNATURE_ED25519
    assert key.text == text


def merkle_cases(kind: str) -> list[Any]:
    found = sorted((MERKLE_VECTORS / kind).rglob("*.json"))
    absent = pytest.param(None, id=f"{kind}-absent", marks=pytest.mark.skip(reason=f"no vectors at {MERKLE_VECTORS}"))
    return [pytest.param(path, id=str(path.relative_to(MERKLE_VECTORS))) for path in found] or [absent]


def verdict(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except PourparlerError:
        return False
    return True


def load(path: Path) -> tuple[dict[str, Any], list[bytes], Callable[[str], bytes]]:
    case = json.loads(path.read_text())
    return case, [base64.b64decode(h) for h in case["proof"] or []], lambda name: base64.b64decode(case[name])


@pytest.mark.parametrize("path", merkle_cases("inclusion"))
def test_inclusion_vectors_of_transparency_dev(path: Path) -> None:
    case, proof, hash_ = load(path)
    accepted = verdict(
        lambda: ledger.verify_inclusion(hash_("leafHash"), case["leafIdx"], case["treeSize"], proof, hash_("root"))
    )
    assert accepted is not case["wantErr"]


def stand_in(root: bytes) -> bytes:
    """A hash in the place of a root that is a few letters: some cases are about sizes and empty paths alone."""
    return root if len(root) == 32 else hashlib.sha256(root).digest()


def check_answer(accepted: Callable[[bytes, bytes], bool], roots: tuple[bytes, bytes], *, want_error: bool) -> None:
    """A case gets what it wants; of letters, that they are accepted, a hash instead: they are no root (attack-34)."""
    hashes = tuple(map(stand_in, roots))
    if want_error:
        assert not accepted(*roots)
    else:
        assert accepted(*hashes)
        assert accepted(*roots) is (hashes == roots)


@pytest.mark.parametrize("path", merkle_cases("consistency"))
def test_consistency_vectors_of_transparency_dev(path: Path) -> None:
    case, proof, hash_ = load(path)

    def accepted(old: bytes, new: bytes) -> bool:
        return verdict(lambda: ledger.verify_consistency(case["size1"], old, case["size2"], new, proof))

    check_answer(accepted, (hash_("root1"), hash_("root2")), want_error=case["wantErr"])


@pytest.mark.parametrize("path", merkle_cases("subtreeinclusion"))
def test_subtree_inclusion_vectors_of_transparency_dev(path: Path) -> None:
    case, proof, hash_ = load(path)
    place = (case["leafIdx"], case["start"], case["end"])
    accepted = verdict(lambda: subtree.verify_subtree_inclusion(hash_("leafHash"), *place, proof, hash_("root")))
    assert accepted is not case["wantErr"]


@pytest.mark.parametrize("path", merkle_cases("subtreeconsistency"))
def test_subtree_consistency_vectors_of_transparency_dev(path: Path) -> None:
    case, proof, hash_ = load(path)

    def accepted(part: bytes, whole: bytes) -> bool:
        places = (case["start"], case["end"], part), (case["size"], whole)
        return verdict(lambda: subtree.verify_subtree_consistency(*places[0], *places[1], proof))

    check_answer(accepted, (hash_("root1"), hash_("root2")), want_error=case["wantErr"])


@pytest.mark.parametrize("size", range(1, 20))
def test_every_subtree_of_a_small_tree_is_proven_by_its_own_path_and_by_no_other(size: int) -> None:
    leaves = [ledger.leaf_hash(b"%d" % n) for n in range(size)]
    root = naive_root(leaves)
    for start in range(size):
        for end in range(start + 1, size + 1):
            if start % (1 << (end - start - 1).bit_length()):
                with pytest.raises(Refused, match="proof.sizes"):
                    subtree.check_subtree(start, end)
                continue
            part, path = naive_root(leaves[start:end]), naive_subtree_path(start, end, leaves, known=True)
            subtree.verify_subtree_consistency(start, end, part, size, root, path)
            for wrong in (path[:-1], [*path, part], [*path[:-1], bytes(32)]):
                if wrong != path:
                    with pytest.raises(Refused):
                        subtree.verify_subtree_consistency(start, end, part, size, root, wrong)


def naive_subtree_path(start: int, end: int, leaves: Sequence[bytes], *, known: bool) -> list[bytes]:
    """SUBTREE_SUBPROOF of the draft's section 4.4.1."""
    n = len(leaves)
    if (start, end) == (0, n):
        return [] if known else [naive_root(leaves)]
    k = naive_split(n)
    if end <= k:
        return [*naive_subtree_path(start, end, leaves[:k], known=known), naive_root(leaves[k:])]
    if k <= start:
        return [*naive_subtree_path(start - k, end - k, leaves[k:], known=known), naive_root(leaves[:k])]
    return [*naive_subtree_path(0, end - k, leaves[k:], known=False), naive_root(leaves[:k])]


TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
TESSERA_ENTRIES = (
    b"one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()
)  # as its authors spell them


@pytest.mark.skipif(not TESSERA_LOG.is_dir(), reason=f"no tile log at {TESSERA_LOG}")
@pytest.mark.parametrize("size", range(16))
def test_checkpoint_and_tile_of_the_tessera_log(size: int) -> None:
    key = ledger.parse_vkey(TESSERA_KEY)
    opened = ledger.open_checkpoint((TESSERA_LOG / f"checkpoint.{size}").read_bytes(), key.name, key)
    leaves = [ledger.leaf_hash(entry) for entry in TESSERA_ENTRIES[:size]]
    assert opened.checkpoint == Checkpoint(key.name, size, ledger.root_of(leaves))
    if size:
        assert (TESSERA_LOG / "tile" / "0" / "000.p" / str(size)).read_bytes() == b"".join(leaves)


def test_multiproof_vectors() -> None:
    vectors = json.loads((ROOT / "spec" / "vectors" / "ledger-multiproof.json").read_text())
    assert {"valid", "invalid"} <= {case["expect"] for case in vectors["cases"]}
    for case in vectors["cases"]:
        leaves = {int(index): bytes.fromhex(h) for index, h in case["leaves"].items()}
        hashes = [bytes.fromhex(h) for h in case["hashes"]]
        if case["expect"] == "valid":
            assert ledger.verify_multiproof(case["size"], leaves, hashes).hex() == case["root"], case["name"]
        else:
            with pytest.raises(PourparlerError) as caught:
                ledger.verify_multiproof(case["size"], leaves, hashes)
            assert caught.value.reason == case["reason"], case["name"]


# --- what is right is accepted ----------------------------------------------------------------------------------------


def test_proofs_of_every_size_to_300() -> None:
    """Built as RFC 6962 defines them, and verified: every index of every size, every pair of sizes."""
    for size in range(1, 301):
        for index in range(size):
            path = ledger.inclusion_path(size, index, TREE.node)
            ledger.verify_inclusion(LEAVES[index], index, size, path, TREE.roots[size])
        for old in range(size + 1):
            path = ledger.consistency_path(old, size, TREE.node)
            ledger.verify_consistency(old, TREE.roots[old], size, TREE.roots[size], path)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 13, 31, 32, 33])
def test_proofs_are_those_of_the_definition(size: int) -> None:
    leaves = LEAVES[:size]
    assert TREE.roots[size] == naive_root(leaves)
    for index in range(size):
        assert list(ledger.inclusion_path(size, index, TREE.node)) == naive_path(index, leaves)
    for old in range(1, size + 1):
        assert list(ledger.consistency_path(old, size, TREE.node)) == naive_subproof(old, leaves, True)


def test_frontier_of_a_stored_tree_is_the_one_that_grew() -> None:
    frontier = Frontier()
    for size, leaf in enumerate(LEAVES):
        assert ledger.frontier_of(size, TREE.node) == frontier
        assert len(frontier.extended((leaf,))[1]) == ((size + 1) & -(size + 1)).bit_length()
        frontier = frontier.append(leaf)
    assert frontier == TREE.frontier


def test_empty_tree_begins_every_tree() -> None:
    ledger.verify_consistency(0, ledger.EMPTY_ROOT, 0, ledger.EMPTY_ROOT, ())
    ledger.verify_consistency(0, ledger.EMPTY_ROOT, 5, TREE.roots[5], ())


HUGE = 2**40 + 12_345


def test_multiproof_in_a_huge_tree_costs_by_its_leaves() -> None:
    """A tree of 2^40 entries, every complete subtree at a level alike (nobody can store it otherwise)."""
    levels = [ledger.leaf_hash(b"same")]
    while len(levels) < 64:
        levels.append(ledger.node_hash(levels[-1], levels[-1]))
    asked: list[int] = []

    def node(level: int, index: int) -> bytes:
        assert 0 <= index < HUGE >> level
        asked.append(level)
        return levels[level]

    known = [0, 1, 5, 2**39 + 3, HUGE - 1]
    hashes = ledger.multiproof(HUGE, known, node)
    assert (
        ledger.verify_multiproof(HUGE, dict.fromkeys(known, levels[0]), hashes) == ledger.frontier_of(HUGE, node).root()
    )
    assert len(hashes) < 5 * 41
    assert len(asked) < 5 * 41 * 4


def test_largest_tree_has_bounded_proofs() -> None:
    size = limits.TREE_SIZE_MAX
    same = ledger.leaf_hash(b"same")
    path = ledger.inclusion_path(size, size // 2, lambda level, index: same)
    assert len(path) == limits.PROOF_HASHES_MAX
    hashes = ledger.multiproof(size, [size // 2], lambda level, index: same)
    assert len(hashes) == len(path)
    ledger.verify_multiproof(size, {size // 2: same}, hashes)


def test_multiproof_of_the_example_in_the_specification() -> None:
    h = LEAVES
    hashes = (ledger.node_hash(h[0], h[1]), h[3], h[4], h[6])
    assert ledger.multiproof(7, [5, 2, 2], TREE.node) == hashes
    assert ledger.verify_multiproof(7, {5: h[5], 2: h[2]}, hashes) == TREE.roots[7]


def test_open_checkpoint_with_its_cosigners() -> None:
    data = ledger.signed_note(TEXT, [W1.under(TEXT, 1000), LOG_LINE, W2.under(TEXT, 2000)])
    opened = open_checkpoint(data)
    assert opened.checkpoint == CHECKPOINT
    assert [(c.key, c.time) for c in opened.cosignatures] == [(W1.key, 1000), (W2.key, 2000)]
    assert opened.cosigners() == {W1.key.public_key, W2.key.public_key}
    assert opened.cosigners(latest=1999) == {W1.key.public_key}
    assert opened.cosigners(earliest=1000, latest=2000) == opened.cosigners()
    assert opened.cosigners(earliest=1001) == {W2.key.public_key}


def test_note_text_may_hold_blank_lines_and_a_blank_end() -> None:
    for text in ("a\n\nb\n", "a\n\n", "\n", "\u2014 looks like a signature AAAAAAA=\n"):
        assert ledger.open_note(signed(text), [LOG.key]).text == text


def test_sixteen_signatures_and_more_are_accepted() -> None:
    stranger = ledger.note_text_signature_line("a.example", b"abcd", bytes(2_500))  # the size of a post-quantum one
    lines = [stranger] * 32 + [LOG_LINE] + [stranger] * 31
    assert open_checkpoint(ledger.signed_note(TEXT, lines)).checkpoint == CHECKPOINT


def test_proof_file_goes_out_and_comes_back() -> None:
    for proof in (PROOF, replace(PROOF, unauthenticated_extra=b""), replace(PROOF, path=())):
        assert ledger.parse_proof(proof.encoded()) == proof
    opened = ledger.verify_proof(PROOF, b"entry 2", ORIGIN, LOG.key, [W1.key, W2.key])
    assert opened.checkpoint == CHECKPOINT
    assert len(opened.cosigners()) == 2
    lines = PROOF.encoded().decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra aGludA==", "index 2"]
    assert lines[3:6] == [b64(h) for h in PROOF.path]
    assert lines[6:8] == ["", ORIGIN]


def test_proof_of_the_only_entry_has_no_path() -> None:
    checkpoint = Checkpoint(ORIGIN, 1, LEAVES[0])
    proof = TlogProof(0, (), ledger.signed_note(checkpoint.text(), [LOG.under(checkpoint.text())]))
    ledger.verify_proof(ledger.parse_proof(proof.encoded()), b"entry 0", ORIGIN, LOG.key)


# --- ML-DSA-44 --------------------------------------------------------------------------------------------------------


def test_checkpoint_that_torchwoods_log_signed_with_ml_dsa() -> None:
    """The log of FiloSottile/torchwood, cmd/litewitness/testdata/mldsa.txt: key and signature are another program's."""
    note = (ROOT / "tests" / "data" / "ml-dsa-log.note").read_bytes()
    key = ledger.parse_vkey((ROOT / "tests" / "data" / "ml-dsa-log.vkey").read_text().strip())
    opened = ledger.open_checkpoint(note, "example.com/mldsa-log", key)
    assert (opened.checkpoint.size, opened.cosignatures, opened.skipped) == (1, (), ())
    with pytest.raises(Refused, match=r"cosignature\.signature"):
        ledger.open_checkpoint(note.replace(b"\n1\n", b"\n2\n"), "example.com/mldsa-log", key)


def test_ml_dsa_cosignature_counts() -> None:
    opened = open_checkpoint(ledger.signed_note(TEXT, [LOG_LINE, ML_DSA_LINE]), witnesses=[ML_DSA])
    assert opened.skipped == ()
    assert opened.cosigners() == {ML_DSA.public_key}
    assert opened.cosigners(earliest=1_700_000_001) == frozenset()
    policy = ledger.parse_policy(f"witness m {ML_DSA.text}\nquorum m\n".encode())
    assert ledger.quorum_met(policy, opened.cosigners())
    assert ledger.parse_vkey(ML_DSA.text) == ML_DSA


def test_ml_dsa_message_is_the_structure_of_the_cosignature_text() -> None:
    """Built here by hand, field by field, as c2sp.org/tlog-cosignature lays it out."""
    name, origin = ML_DSA.name.encode(), ORIGIN.encode()
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + (1_700_000_000).to_bytes(8, "big")
    message += bytes([len(origin)]) + origin + (0).to_bytes(8, "big") + (7).to_bytes(8, "big") + TREE.roots[7]
    assert ledger.cosigned_message(TEXT, ML_DSA, 1_700_000_000) == message
    _, _, blob = ledger.parse_signature_line(ML_DSA_LINE.decode().rstrip("\n"))
    L1.lattice.public_key().verify(blob[8:], message)


@pytest.mark.parametrize("time", [0, 1_700_000_000])
def test_ledger_that_signs_with_ml_dsa_is_no_witness_of_itself(time: int) -> None:
    data = ledger.signed_note(TEXT, [LATTICE_LOG.under(TEXT, time), W1_LINE])
    opened = open_checkpoint(data, key=LATTICE_LOG.key)
    assert opened.checkpoint == CHECKPOINT
    assert opened.cosigners() == {W1.key.public_key}


def test_attack_31_undated_cosignature_counts_at_no_time() -> None:
    opened = open_checkpoint(ledger.signed_note(TEXT, [LOG_LINE, UNDATED_LINE]), witnesses=[ML_DSA])
    assert [cosignature.time for cosignature in opened.cosignatures] == [0]
    assert opened.cosigners() == frozenset()
    assert opened.cosigners(earliest=-(2**40)) == frozenset()


@contextmanager
def without_library() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
        yield


@contextmanager
def with_an_old_openssl() -> Iterator[None]:
    def refuse(data: bytes) -> None:
        raise UnsupportedAlgorithm("ML-DSA-44 is not supported by this backend.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mldsa_library, "MLDSA44PublicKey", SimpleNamespace(from_public_bytes=refuse))
        yield


@pytest.mark.parametrize("lacking", [without_library, with_an_old_openssl])
def test_ml_dsa_without_a_library_is_reported_as_skipped_and_never_counted(lacking: Any) -> None:
    with lacking():
        opened = open_checkpoint(ledger.signed_note(TEXT, [LOG_LINE, ML_DSA_LINE]), witnesses=[ML_DSA])
        with pytest.raises(Missing, match=r"note\.unsupported"):
            open_checkpoint(ledger.signed_note(TEXT, [LATTICE_LOG.under(TEXT)]), key=LATTICE_LOG.key)
        with pytest.raises(Missing, match=r"note\.unsupported"):
            open_checkpoint(ledger.signed_note(TEXT, [LATTICE_LOG.under(TEXT), W1_LINE]), key=LATTICE_LOG.key)
    assert opened.skipped == (ML_DSA,)
    assert opened.cosigners() == frozenset()


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        LOG.key.name = "another"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        CHECKPOINT.size = 8  # type: ignore[misc]


# --- policies ---------------------------------------------------------------------------------------------------------

PENS = [Pen(f"w.example/{i}", KeyType.COSIGNATURE_ED25519, 10 + i) for i in range(6)]
KEYS = [pen.key for pen in PENS]
# The example of c2sp.org/tlog-policy, with keys.
POLICY_FILE = f"""log {LOG.key.text}

witness X1 {KEYS[0].text}
witness X2 {KEYS[1].text}
witness X3 {KEYS[2].text}
group X-witnesses 2 X1 X2 X3

witness Y1 {KEYS[3].text}
witness Y2 {KEYS[4].text}
witness Y3 {KEYS[5].text}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()


def test_policy_of_the_policy_text() -> None:
    policy = ledger.parse_policy(POLICY_FILE)
    assert [log.key for log in policy.logs] == [LOG.key]
    assert [w.key for w in policy.witnesses] == KEYS
    assert [(g.name, g.threshold) for g in policy.groups] == [(b"X-witnesses", 2), (b"Y-witnesses", 1), (b"X-and-Y", 2)]
    assert policy.groups[2].members == (b"X-witnesses", b"Y-witnesses")
    assert policy.quorum == b"X-and-Y"


@pytest.mark.parametrize(("present", "met"), [
    ("", False), ("0", False), ("01", False), ("3", False), ("03", False), ("345", False), ("012", False),
    ("013", True), ("124", True), ("025", True), ("012345", True),
])  # fmt: skip
def test_quorum_of_the_policy_text(present: str, met: bool) -> None:
    cosigners = {KEYS[int(i)].public_key for i in present} | {OTHER.key.public_key}
    assert ledger.quorum_met(ledger.parse_policy(POLICY_FILE), cosigners) is met


def test_policy_of_layout_and_octets() -> None:
    text = f"\n# a comment\n\t # another\n\twitness \t \xff#\x80  {KEYS[0].text}   https://w.example/ \n\n"
    text += " quorum\t\xff#\x80\n"
    policy = ledger.parse_policy(text.encode("latin-1"))
    assert policy == Policy((), (ledger.PolicyWitness(b"\xff#\x80", KEYS[0], b"https://w.example/"),), (), b"\xff#\x80")
    assert ledger.quorum_met(policy, {KEYS[0].public_key})
    assert not ledger.quorum_met(policy, {KEYS[1].public_key})


def test_policy_without_witnesses_is_met_by_nobody() -> None:
    policy = ledger.parse_policy(b"quorum none\n")
    assert policy == Policy((), (), (), None)
    assert ledger.quorum_met(policy, ())


def test_policy_keywords_are_names_like_others() -> None:
    text = f"witness all {KEYS[0].text}\nwitness any {KEYS[1].text}\ngroup group 2 all any\nquorum group\n"
    assert ledger.parse_policy(text.encode()).groups == (ledger.PolicyGroup(b"group", 2, (b"all", b"any")),)


def test_policy_of_32_logs_32_witnesses_32_groups() -> None:
    pens = [nacl.signing.SigningKey(hashlib.sha256(b"%d" % i).digest()).verify_key for i in range(64)]
    logs = [f"log {vkey(f'l{i}', 1, bytes(pens[i]))}" for i in range(32)]
    witnesses = [f"witness w{i} {vkey(f'n{i}', 4, bytes(pens[32 + i]))}" for i in range(32)]
    groups = ["group g0 any w0", *(f"group g{i} all g{i - 1} w{i}" for i in range(1, 32))]
    policy = ledger.parse_policy("\n".join([*logs, *witnesses, *groups, "quorum g31\n"]).encode())
    everybody = {bytes(pen) for pen in pens[32:]}
    assert ledger.quorum_met(policy, everybody)
    assert not ledger.quorum_met(policy, everybody - {bytes(pens[32])})


# --- what is wrong is refused -----------------------------------------------------------------------------------------

Attack = Callable[[], object]
SMALL_ORDER = {
    "identity": (1).to_bytes(32, "little"),
    "order-2": (2**255 - 20).to_bytes(32, "little"),
    "order-4": bytes(32),
    "order-8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
}
NON_CANONICAL = {
    "p": (2**255 - 19).to_bytes(32, "little"),
    "p-plus-1": (2**255 - 18).to_bytes(32, "little"),
    "identity-with-sign": (1 | 1 << 255).to_bytes(32, "little"),
    "all-ones": b"\xff" * 32,
}
PATH = ledger.inclusion_path(7, 2, TREE.node)
GROWTH = ledger.consistency_path(3, 7, TREE.node)


def inclusion(index: int = 2, size: int = 7, path: Sequence[bytes] = PATH, **hashes: bytes) -> Attack:
    leaf, root = hashes.get("leaf", LEAVES[2]), hashes.get("root", TREE.roots[7])
    return lambda: ledger.verify_inclusion(leaf, index, size, path, root)


def consistency(old: int = 3, new: int = 7, path: Sequence[bytes] = GROWTH, **roots: bytes) -> Attack:
    old_root, new_root = roots.get("old_root", TREE.roots[old]), roots.get("new_root", TREE.roots[7])
    return lambda: ledger.verify_consistency(old, old_root, new, new_root, path)


def several(size: int, leaves: Mapping[int, bytes], hashes: Sequence[bytes]) -> Attack:
    return lambda: ledger.verify_multiproof(size, leaves, hashes)


def opening(data: bytes, **changes: Any) -> Attack:
    return lambda: open_checkpoint(data, **changes)


def proving(proof: TlogProof, entry: bytes = b"entry 2") -> Attack:
    return lambda: ledger.verify_proof(ledger.parse_proof(proof.encoded()), entry, ORIGIN, LOG.key)


def proof_file(old: str, new: str) -> Attack:
    text = PROOF.encoded().decode()
    assert old in text
    return lambda: ledger.parse_proof(text.replace(old, new, 1).encode("utf-8", "surrogateescape"))


def noting(data: bytes, *keys: VerifierKey) -> Attack:
    return lambda: ledger.open_note(data, keys or (LOG.key,))


def keying(text: str) -> Attack:
    return lambda: ledger.parse_vkey(text)


def policing(*lines: str, end: str = "\n") -> Attack:
    return lambda: ledger.parse_policy(("\n".join(lines) + end).encode("latin-1"))


def misreading(size: str = "7", root: str = b64(TREE.roots[7]), origin: str = ORIGIN, rest: str = "") -> Attack:
    return opening(signed(f"{origin}\n{size}\n{root}\n{rest}"))


def relabelled(key: VerifierKey, key_id: bytes) -> VerifierKey:
    """A known key whose 4-byte key id collides with another's: what two in 2^32 do by themselves."""
    copy = replace(key)
    object.__setattr__(copy, "key_id", key_id)
    return copy


COLLIDING = relabelled(VerifierKey(ORIGIN, KeyType.ED25519, OTHER.key.public_key), LOG.key.key_id)
BAD_W1_LINE = ledger.note_text_signature_line(W1.key.name, W1.key.key_id, bytes(7) + b"\x01" + bytes(64))
W, X = f"witness w {KEYS[0].text}", f"witness x {KEYS[1].text}"
TWIN = VerifierKey("twin.example", KeyType.COSIGNATURE_ED25519, KEYS[0].public_key)
UNPADDED, URL_SAFE = b64(TREE.roots[7]).rstrip("="), b64(b"\xfb" * 32).replace("+", "-")
ROOT_64 = b64(TREE.roots[7])
STRAY_BITS = ROOT_64[:-2] + chr(ord(ROOT_64[-2]) + 1) + "="

RENAMED = replace(ML_DSA, name="witness.example/other")  # an ML-DSA-44 cosignature holds its cosigner's name
ANOTHER, MOSCOW = Checkpoint(ORIGIN, 8, TREE.roots[7]), Checkpoint("ledger.example/moscow", 7, TREE.roots[7])


def relined(line: bytes, key: VerifierKey | None = None, time: int | None = None, cut: int = 0) -> bytes:
    """The signed note with one cosignature, whose line is changed afterwards."""
    name, key_id, blob = ledger.parse_signature_line(line.decode().rstrip("\n"))
    name, key_id = (key.name, key.key_id) if key else (name, key_id)
    blob = (blob if time is None else time.to_bytes(8, "big") + blob[8:])[: len(blob) - cut]
    return ledger.signed_note(TEXT, [LOG_LINE, ledger.note_text_signature_line(name, key_id, blob)])


def lacking_library(attack: Attack) -> Attack:
    def run() -> object:
        with without_library():
            return attack()

    return run


REFUSALS: dict[str, tuple[str, Attack]] = {
    # the tree
    "attack-13-entry-too-large": ("tree.entry-too-large", lambda: ledger.leaf_hash(bytes(65_536))),
    "frontier-of-another-size": ("tree.frontier", lambda: Frontier(2, (LEAVES[0], LEAVES[1]))),
    "frontier-short-hash": ("tree.hash-length", lambda: Frontier(1, (b"short",))),
    "append-short-hash": ("tree.hash-length", lambda: Frontier().append(b"")),
    "append-short-hash-beside-another": ("tree.hash-length", lambda: Frontier(1, (LEAVES[0],)).append(b"")),
    "append-past-the-bound": ("tree.size", lambda: Frontier(2**63 - 1, (LEAVES[0],) * 63).append(LEAVES[1])),
    "path-of-no-entry": ("tree.index", lambda: ledger.inclusion_path(7, 7, TREE.node)),
    "path-back-in-time": ("proof.sizes", lambda: ledger.consistency_path(8, 7, TREE.node)),
    "attack-10-right-node-wrong-place": (
        "proof.root",
        inclusion(path=ledger.inclusion_path(7, 2, lambda level, index: TREE.nodes[level, index ^ (level == 0)])),
    ),
    # notes, checkpoints, cosignatures
    "attack-17-wrong-origin-right-key": ("checkpoint.origin", opening(SIGNED, origin="ledger.example/moscow")),
    "attack-18-right-origin-wrong-key": ("note.unverified", opening(signed(TEXT, OTHER), witnesses=())),
    "attack-18-right-name-wrong-key": (
        "note.unverified", opening(SIGNED, key=replace(OTHER.key, name=ORIGIN), witnesses=())),
    "attack-19-colliding-key-id": ("note.signature", opening(SIGNED, key=COLLIDING)),
    "attack-19-colliding-known-keys": ("note.key-clash", noting(SIGNED, LOG.key, COLLIDING)),
    "attack-20-wrong-id-for-the-name": ("note.key-id", keying(LOG.key.text.replace("petrograd", "mogilev"))),
    "attack-20-wrong-type-byte": (
        "note.key-id", keying(vkey(ORIGIN, 4, LOG.key.public_key, LOG.key.key_id.hex()))),
    "attack-20-unknown-type-byte": ("note.key-type", keying(vkey(ORIGIN, 2, LOG.key.public_key))),
    "attack-20-key-too-short": ("note.key", keying(vkey(ORIGIN, 1, bytes(31)))),
    "attack-20-key-too-long": ("note.key", keying(vkey(ORIGIN, 1, LOG.key.public_key + b"\0"))),
    "attack-20-key-of-one-field": ("note.key", keying("petrograd")),
    "attack-20-key-empty": ("note.key", keying(f"{ORIGIN}+00000000+")),
    "attack-20-upper-case-id": ("note.key", keying(LOG.key.text.replace(LOG.key.key_id.hex(), "ABCDEF01"))),
    "attack-20-url-safe-base64": ("note.key", keying(GO_VKEY.replace("/", "_"))),
    "attack-20-key-name-with-space": ("note.key-name", keying(vkey("a b", 1, LOG.key.public_key))),
    "attack-20-key-name-with-no-break-space": ("note.key-name", keying(vkey("a\u00a0b", 1, LOG.key.public_key))),
    "attack-20-key-name-ends-with-wide-space": ("note.key-name", keying(vkey("a\u3000", 1, LOG.key.public_key))),
    "attack-20-key-name-empty": ("note.key-name", keying(vkey("", 1, LOG.key.public_key))),
    "attack-20-key-name-surrogate": ("note.key-name", keying(vkey("a\ud800", 1, LOG.key.public_key))),
    **{f"attack-20-small-order-{n}": ("note.key-point", keying(vkey("a", 1, k))) for n, k in SMALL_ORDER.items()},
    **{f"attack-20-non-canonical-{n}": ("note.key-point", keying(vkey("a", 4, k))) for n, k in NON_CANONICAL.items()},
    "attack-21-log-signature-as-cosignature": (
        "cosignature.length",
        opening(TEXT.encode() + b"\n" + LOG_LINE + ledger.note_text_signature_line(
            W1.key.name, W1.key.key_id, W1.sign(TEXT.encode())))),
    "attack-21-log-signature-with-a-time": (
        "cosignature.signature",
        opening(TEXT.encode() + b"\n" + LOG_LINE + ledger.note_text_signature_line(
            W1.key.name, W1.key.key_id, (9).to_bytes(8, "big") + W1.sign(TEXT.encode())))),
    "attack-21-cosignature-as-log-signature": (
        "note.signature",
        opening(TEXT.encode() + b"\n" + ledger.note_text_signature_line(
            ORIGIN, LOG.key.key_id, LOG.sign(ledger.cosignature_message(TEXT, 9))))),
    "attack-21-timestamped-signature-as-log-signature": (
        "note.signature",
        opening(TEXT.encode() + b"\n" + ledger.note_text_signature_line(
            ORIGIN, LOG.key.key_id, bytes(8) + LOG.sign(TEXT.encode())))),
    "attack-21-signature-of-a-longer-text-for-its-tail": (
        "note.signature",
        opening(TEXT.encode() + b"\n" + ledger.note_text_signature_line(
            ORIGIN, LOG.key.key_id, LOG.sign(ledger.cosignature_message(TEXT, 9)) + b"cosignature/v1\ntime 9\n"))),
    "attack-21-witness-key-as-the-ledgers": ("checkpoint.key-type", opening(SIGNED, key=W1.key)),
    "attack-21-ledger-key-as-a-witness": ("cosignature.key-type", opening(SIGNED, witnesses=[OTHER.key])),
    "attack-22-only-strangers": ("note.unverified", noting(SIGNED, OTHER.key)),
    "attack-22-only-witnesses": ("checkpoint.unsigned", opening(ledger.signed_note(TEXT, [W1_LINE]))),
    "attack-23-ten-thousand-signatures": (
        "note.signature-count", opening(ledger.signed_note(TEXT, ["— a AAAAAAA=\n".encode()] * 10_000 + [LOG_LINE]))),
    "attack-23-a-large-note": (
        "note.too-large", opening(ledger.signed_note(TEXT, [f"— a {'A' * 2**18}\n".encode(), LOG_LINE]))),
    "attack-24-known-key-twice": ("note.signed-twice", opening(SIGNED + W1_LINE)),
    "attack-24-log-twice": ("note.signed-twice", opening(ledger.signed_note(TEXT, [LOG_LINE, LOG_LINE]))),
    "attack-25-witness-fails-while-log-verifies": (
        "cosignature.signature", opening(ledger.signed_note(TEXT, [LOG_LINE, BAD_W1_LINE, W2_LINE]))),
    "attack-25-log-fails-while-witness-verifies": (
        "note.signature",
        opening(ledger.signed_note(TEXT, [
            W1_LINE, ledger.note_text_signature_line(ORIGIN, LOG.key.key_id, bytes(64))]))),
    "attack-26-extension-line": ("checkpoint.extension", misreading(rest="beware\n")),
    "attack-27-empty-extension-line": ("checkpoint.lines", misreading(rest="\n")),
    "attack-27-blank-line-in-the-text": ("checkpoint.lines", misreading(rest="\nmore\n")),
    "attack-27-signatures-then-a-blank-line": ("note.layout", opening(SIGNED + b"\n")),
    "attack-28-no-last-newline": ("note.layout", opening(SIGNED[:-1])),
    "attack-28-no-blank-line": ("note.layout", opening(SIGNED.replace(b"\n\n", b"\n"))),
    "attack-28-no-signatures": ("note.layout", opening(TEXT.encode() + b"\n")),
    "attack-28-empty": ("note.layout", opening(b"")),
    "attack-28-crlf": ("note.text", opening(SIGNED.replace(b"\n", b"\r\n"))),
    "attack-28-tab": ("note.text", opening(signed("a\tb\n"))),
    "attack-28-nul": ("note.text", opening(signed("a\0b\n"))),
    "attack-28-escape": ("note.text", opening(signed("a\x1b[2Jb\n"))),
    "attack-28-bom": ("note.text", opening(signed("\ufeff" + TEXT))),
    "attack-28-not-utf-8": ("note.text", opening(signed(b"\xff\n"))),
    "attack-28-overlong-utf-8": ("note.text", opening(signed(b"\xc0\x8a\n"))),
    "attack-28-surrogate-utf-8": ("note.text", opening(signed(b"\xed\xa0\x80\n"))),
    "attack-28-hyphen": ("note.signature-line", opening(SIGNED.replace("\u2014".encode(), b"-"))),
    "attack-28-no-dash": ("note.signature-line", opening(SIGNED + b"a AAAAAAA=\n")),
    "attack-28-bom-in-a-key-name": ("note.key-name", keying(vkey("\ufeffa", 1, LOG.key.public_key))),
    "attack-28-bom-in-an-origin": ("checkpoint.lines", lambda: Checkpoint("\ufeffa", 1, LEAVES[0])),
    "attack-28-en-dash": ("note.signature-line", opening(SIGNED.replace("\u2014".encode(), "\u2013".encode()))),
    "attack-28-two-spaces": ("note.signature-line", opening(SIGNED.replace(b"petrograd ", b"petrograd  "))),
    "attack-28-space-at-the-end": ("note.signature-line", opening(SIGNED[:-1] + b" \n")),
    "attack-28-line-without-name": ("note.key-name", opening(SIGNED + "—  AAAAAAA=\n".encode())),
    "attack-28-no-break-space-in-a-name": ("note.key-name", opening(SIGNED + "— a\u00a0b AAAAAAA=\n".encode())),
    "attack-28-line-separator-in-a-name": ("note.key-name", opening(SIGNED + "— a\u2028b AAAAAAA=\n".encode())),
    "attack-28-plus-in-a-name": ("note.key-name", opening(SIGNED + "— a+b AAAAAAA=\n".encode())),
    "attack-28-signature-of-a-key-id-only": ("note.signature-line", opening(SIGNED + "— a AAAAAA==\n".encode())),
    **{
        f"attack-29-size-{name}": ("checkpoint.size", misreading(size=size))
        for name, size in {
            "leading-zero": "07", "plus": "+7", "exponent": "1e3", "negative": "-7", "2-63": str(2**63),
            "2-64": str(2**64), "arabic-indic": "\u0667", "superscript": "\u00b2", "space": " 7", "underscore": "1_0",
            "hex": "0x7", "fullwidth": "\uff17", "endless": "7" * 5000, "double-zero": "00",
        }.items()
    },
    "attack-29-size-empty": ("checkpoint.lines", misreading(size="")),
    "attack-30-root-unpadded": ("checkpoint.root", misreading(root=UNPADDED)),
    "attack-30-root-url-safe": ("checkpoint.root", misreading(root=URL_SAFE)),
    "attack-30-root-stray-bits": ("checkpoint.root", misreading(root=STRAY_BITS)),
    "attack-30-root-31-bytes": ("checkpoint.root", misreading(root=b64(bytes(31)))),
    "attack-30-root-33-bytes": ("checkpoint.root", misreading(root=b64(bytes(33)))),
    "attack-30-root-with-space": ("checkpoint.root", misreading(root=ROOT_64[:8] + " " + ROOT_64[8:])),
    "attack-30-root-not-ascii": ("checkpoint.root", misreading(root="\u00e9" * 44)),
    "attack-30-signature-unpadded": ("note.signature-line", opening(SIGNED + "— a AAAAAAA\n".encode())),
    "attack-30-signature-url-safe": ("note.signature-line", opening(SIGNED + "— a AAAA-_A=\n".encode())),
    "attack-30-signature-stray-bits": ("note.signature-line", opening(SIGNED + "— a AAAAAAB=\n".encode())),
    "empty-tree-with-a-root": ("checkpoint.empty-root", misreading(size="0")),
    "no-last-newline": ("checkpoint.lines", lambda: ledger.parse_checkpoint(TEXT + "more", allow_extensions=True)),
    "two-lines": ("checkpoint.lines", opening(signed(f"{ORIGIN}\n7\n"))),
    "no-origin": ("checkpoint.lines", misreading(origin="")),
    "own-checkpoint-of-two-origins": ("checkpoint.lines", lambda: Checkpoint("a\nb", 1, LEAVES[0])),
    "own-checkpoint-too-large": ("checkpoint.size", lambda: Checkpoint("a", 2**63, LEAVES[0])),
    "attack-31-time-0": ("cosignature.time", opening(SIGNED.replace(W1_LINE, ledger.note_text_signature_line(
        W1.key.name, W1.key.key_id, bytes(8) + W1.sign(ledger.cosignature_message(TEXT, 0)))))),
    "attack-31-time-2-63": ("cosignature.time", opening(SIGNED.replace(W1_LINE, ledger.note_text_signature_line(
        W1.key.name, W1.key.key_id,
        (2**63).to_bytes(8, "big") + W1.sign(ledger.cosignature_message(TEXT, 2**63)))))),
    "attack-31-cosigning-at-time-0": ("cosignature.time", lambda: W1.under(TEXT, 0)),
    "attack-31-time-changed": ("cosignature.signature", opening(SIGNED.replace(W1_LINE, ledger.note_text_signature_line(
        W1.key.name, W1.key.key_id, (5).to_bytes(8, "big") + W1.sign(ledger.cosignature_message(TEXT, 6)))))),
    "ml-dsa-alone-and-no-library": (
        "note.unsupported", lacking_library(noting(ledger.signed_note(TEXT, [ML_DSA_LINE]), ML_DSA))),
    "ml-dsa-of-another-size": ("cosignature.signature", opening(
        ledger.signed_note(ANOTHER.text(), [LOG.under(ANOTHER.text()), ML_DSA_LINE]), witnesses=[ML_DSA])),
    "ml-dsa-of-another-origin": ("cosignature.signature", opening(
        ledger.signed_note(MOSCOW.text(), [LOG.under(MOSCOW.text()), ML_DSA_LINE]), origin=MOSCOW.origin,
        witnesses=[ML_DSA])),
    "ml-dsa-time-changed": ("cosignature.signature", opening(relined(ML_DSA_LINE, time=5), witnesses=[ML_DSA])),
    "ml-dsa-time-2-63": ("cosignature.time", opening(relined(ML_DSA_LINE, time=2**63), witnesses=[ML_DSA])),
    "ml-dsa-cosigning-at-time-2-63": ("cosignature.time", lambda: L1.under(TEXT, 2**63)),
    "ml-dsa-cut-short": ("cosignature.length", opening(relined(ML_DSA_LINE, cut=1), witnesses=[ML_DSA])),
    "attack-21-ml-dsa-under-the-name-of-another": ("cosignature.signature", opening(
        relined(ML_DSA_LINE, key=RENAMED), witnesses=[RENAMED])),
    "attack-21-ed25519-cosignature-with-an-ml-dsa-key": ("cosignature.length", opening(
        relined(W1_LINE, key=ML_DSA), witnesses=[ML_DSA])),
    "attack-26-extension-under-an-ml-dsa-cosignature": ("cosignature.signature", opening(
        ledger.signed_note(TEXT + "beware\n", [LOG.under(TEXT + "beware\n"), ML_DSA_LINE]), witnesses=[ML_DSA],
        allow_extensions=True)),
    "attack-26-ml-dsa-cosigning-an-extension": ("checkpoint.extension", lambda: L1.under(TEXT + "beware\n")),
    "ml-dsa-name-of-256-bytes": ("note.key-name", lambda: replace(ML_DSA, name="w" * 256)),
    "ml-dsa-key-of-32-bytes": ("note.key", lambda: replace(ML_DSA, public_key=bytes(32))),
    # proofs
    "attack-33-two-children-as-an-entry": (
        "proof.root", inclusion(leaf=ledger.leaf_hash(LEAVES[2] + LEAVES[3]), index=1, size=4,
                                path=[TREE.nodes[1, 0], TREE.nodes[1, 0]], root=TREE.roots[4])),
    "attack-33-shorter-path-for-the-node": (
        "proof.length", inclusion(leaf=ledger.leaf_hash(LEAVES[2] + LEAVES[3]), path=PATH[1:])),
    "attack-34-empty-root": ("tree.hash-length", inclusion(root=b"")),
    "attack-34-empty-leaf": ("tree.hash-length", inclusion(leaf=b"")),
    "attack-34-empty-leaf-and-root-of-one": ("tree.hash-length", inclusion(0, 1, (), leaf=b"", root=b"")),
    "attack-34-31-byte-sibling": ("tree.hash-length", inclusion(path=[PATH[0][:31], *PATH[1:]])),
    "attack-34-text-sibling": ("tree.hash-length", inclusion(path=["x" * 32, *PATH[1:]])),  # type: ignore[list-item]
    "attack-34-31-byte-old-root": ("tree.hash-length", consistency(old_root=bytes(31))),
    "attack-34-empty-roots": ("tree.hash-length", consistency(0, 0, (), old_root=b"", new_root=b"")),
    "attack-34-31-byte-known-leaf": ("tree.hash-length", several(2, {0: bytes(31)}, [LEAVES[1]])),
    "attack-34-31-byte-multiproof-hash": ("tree.hash-length", several(2, {0: LEAVES[0]}, [bytes(31)])),
    "attack-35-index-is-size": ("tree.index", inclusion(index=7)),
    "attack-35-index-negative": ("tree.index", inclusion(index=-1)),
    "attack-35-index-in-the-empty-tree": ("tree.index", inclusion(0, 0, ())),
    "attack-35-size-2-63": ("tree.size", inclusion(size=2**63)),
    "attack-35-size-negative": ("tree.size", inclusion(size=-7)),
    "attack-35-multiproof-index-is-size": ("tree.index", several(1, {1: LEAVES[0]}, [LEAVES[0]])),
    "attack-35-multiproof-index-negative": ("tree.index", several(1, {-1: LEAVES[0]}, [LEAVES[0]])),
    "attack-35-one-multiproof-index-is-size": ("tree.index", several(7, {2: LEAVES[2], 7: LEAVES[2]}, PATH)),
    "attack-35-one-multiproof-index-negative": ("tree.index", several(7, {2: LEAVES[2], -1: LEAVES[2]}, PATH)),
    "attack-36-path-too-long": ("proof.length", inclusion(path=[*PATH, LEAVES[0]])),
    "attack-36-path-too-short": ("proof.length", inclusion(path=PATH[:-1])),
    "attack-36-path-swapped": ("proof.root", inclusion(path=PATH[::-1])),
    "attack-36-path-endless": ("proof.length", inclusion(path=[LEAVES[0]] * 10_000)),
    "attack-36-other-index": ("proof.root", inclusion(index=3)),
    "attack-36-multiproof-too-many": ("proof.length", several(2, {0: LEAVES[0]}, LEAVES[1:3])),
    "attack-36-multiproof-too-few": ("proof.length", several(2, {0: LEAVES[0]}, [])),
    "multiproof-of-nothing": ("proof.no-leaves", several(2, {}, [TREE.roots[2]])),
    "multiproof-of-no-index": ("proof.no-leaves", lambda: ledger.multiproof(7, [], TREE.node)),
    "multiproof-past-the-bound": (
        "proof.too-many-hashes", several(2**40, {i << 20: LEAVES[0] for i in range(4_000)}, [])),
    "attack-37-one-entry-with-a-path": ("proof.length", inclusion(0, 1, PATH[:1], leaf=LEAVES[0], root=LEAVES[0])),
    "attack-38-old-above-new": ("proof.sizes", consistency(8, 7)),
    "attack-38-equal-sizes-with-proof": ("proof.length", consistency(7, 7)),
    "attack-38-equal-sizes-other-root": ("proof.inconsistent", consistency(7, 7, (), old_root=LEAVES[0])),
    "attack-38-old-0-with-proof": ("proof.length", consistency(0, 7)),
    "attack-38-old-0-with-a-root": ("proof.inconsistent", consistency(0, 7, (), old_root=TREE.roots[1])),
    "attack-38-empty-tree-with-another-root": (
        "proof.inconsistent", consistency(0, 0, (), new_root=TREE.roots[7])),
    "attack-38-power-of-two-with-its-root": (
        "proof.length", consistency(4, 7, [TREE.roots[4], *ledger.consistency_path(4, 7, TREE.node)])),
    "attack-38-power-of-two-other-root": (
        "proof.inconsistent", consistency(4, 7, ledger.consistency_path(4, 7, TREE.node), old_root=TREE.roots[3])),
    "attack-38-other-old-root": ("proof.inconsistent", consistency(old_root=TREE.roots[2])),
    "attack-38-other-new-root": ("proof.inconsistent", consistency(new_root=TREE.roots[6])),
    "attack-38-size-2-63": ("tree.size", consistency(new=2**63)),
    "attack-39-index-leading-zero": ("proof.index", proof_file("index 2", "index 02")),
    "attack-39-index-missing": ("proof.index", proof_file("index 2\n", "")),
    "attack-39-index-signed": ("proof.index", proof_file("index 2", "index +2")),
    "attack-39-index-2-63": ("proof.index", proof_file("index 2", f"index {2**63}")),
    "attack-39-index-other-word": ("proof.index", proof_file("index 2", "Index 2")),
    "attack-39-header-alone": (
        "proof.index", proof_file("\nextra aGludA==\nindex 2\n" + "\n".join(map(b64, PATH)), "")),
    "attack-39-extra-twice": ("proof.index", proof_file("extra aGludA==", "extra aGludA==\nextra aGludA==")),
    "attack-39-extra-empty": ("proof.extra", proof_file("extra aGludA==", "extra ")),
    "attack-39-extra-unpadded": ("proof.extra", proof_file("extra aGludA==", "extra aGludA")),
    "attack-39-extra-in-place-of-the-entry": (
        "proof.root", proving(replace(PROOF, unauthenticated_extra=b"entry 2"), b"entry 3")),
    "attack-39-other-ledgers-checkpoint": ("checkpoint.origin", proving(replace(
        PROOF, checkpoint=signed(Checkpoint("ledger.example/mogilev", 7, TREE.roots[7]).text(), LOG)))),
    "attack-39-second-checkpoint-appended": ("note.signature", proving(replace(
        PROOF, checkpoint=SIGNED + b"\n" + LOG_LINE))),
    "attack-39-other-version": ("proof.header", proof_file("@v1", "@v2")),
    "attack-39-no-checkpoint": (
        "proof.layout", lambda: ledger.parse_proof(PROOF.encoded().partition(b"\n\n")[0] + b"\n\n")),
    "attack-39-no-blank-line": ("proof.layout", lambda: ledger.parse_proof(b"c2sp.org/tlog-proof@v1\nindex 2\n")),
    "attack-39-not-ascii": ("proof.layout", proof_file("index 2", "index \u0662")),
    "attack-39-hash-of-31-bytes": ("proof.hash", proof_file(b64(PATH[0]), b64(PATH[0][:31]))),
    "attack-39-hash-unpadded": ("proof.hash", proof_file(b64(PATH[0]), b64(PATH[0])[:-1])),
    "attack-39-64-hashes": ("proof.too-many-hashes", proof_file(b64(PATH[0]), "\n".join([b64(PATH[0])] * 64))),
    "attack-39-large": ("proof.too-large", lambda: ledger.parse_proof(bytes(limits.TLOG_PROOF_MAX_BYTES + 1))),
    "attack-39-other-entry": ("proof.root", proving(PROOF, b"entry 3")),
    "attack-40-other-index": ("proof.root", proving(replace(PROOF, index=3))),
    # policies
    "attack-45-no-quorum": ("policy.quorum", policing(W)),
    "attack-45-empty-file": ("policy.quorum", lambda: ledger.parse_policy(b"")),
    "attack-45-two-quorums": ("policy.quorum", policing(W, "quorum w", "quorum w")),
    "attack-45-group-before-its-member": ("policy.unknown-name", policing("group g any w", W, "quorum g")),
    "attack-45-quorum-before-its-witness": ("policy.unknown-name", policing("quorum w", W)),
    "attack-45-group-of-itself": ("policy.unknown-name", policing(W, "group g any g", "quorum g")),
    "attack-45-none-as-member": ("policy.unknown-name", policing(W, "group g any none w", "quorum g")),
    "policy-large": ("policy.too-large", lambda: ledger.parse_policy(b"#" * limits.TLOG_POLICY_MAX_BYTES + b"\n")),
    "policy-carriage-return": ("policy.octet", policing("quorum none\r")),
    "policy-delete": ("policy.octet", policing("# \x7f", "quorum none")),
    "policy-form-feed": ("policy.octet", policing("quorum\x0cnone")),
    "policy-no-last-newline": ("policy.line", policing("quorum none", end="")),
    "policy-unknown-word": ("policy.line", policing("quibble w", "quorum none")),
    "policy-upper-case-word": ("policy.line", policing("QUORUM none")),
    "policy-comment-behind-a-line": ("policy.line", policing(f"{W} https://w.example # note", "quorum w")),
    "policy-hash-sign-in-a-word": ("policy.line", policing("lo#g", "quorum none")),
    "policy-log-of-four-fields": ("policy.line", policing(f"log {LOG.key.text} u v", "quorum none")),
    "policy-log-without-key": ("policy.line", policing("log", "quorum none")),
    "policy-witness-without-key": ("policy.line", policing("witness w", "quorum none")),
    "policy-group-without-members": ("policy.line", policing(W, "group g 1", "quorum w")),
    "policy-quorum-without-name": ("policy.line", policing("quorum")),
    "policy-quorum-of-two-names": ("policy.line", policing(W, X, "quorum w x")),
    "policy-log-of-a-cosigning-key": ("policy.key-type", policing(f"log {W1.key.text}", "quorum none")),
    "policy-witness-of-a-log-key": ("policy.key-type", policing(f"witness w {LOG.key.text}", "quorum w")),
    "policy-broken-key": ("note.key", policing("log garbage", "quorum none")),
    "policy-key-not-utf-8": ("note.key", policing("log \xff" + LOG.key.text, "quorum none")),
    "policy-same-log-twice": (
        "policy.duplicate-key", policing(f"log {LOG.key.text}", f"log {LOG.key.text} u", "quorum none")),
    "attack-32-witness-under-two-names": ("policy.duplicate-key", policing(W, f"witness v {TWIN.text}", "quorum w")),
    "policy-name-twice": ("policy.duplicate-name", policing(W, f"witness w {KEYS[1].text}", "quorum w")),
    "policy-group-named-as-its-witness": ("policy.duplicate-name", policing(W, "group w any w", "quorum w")),
    "policy-witness-named-none": ("policy.duplicate-name", policing(f"witness none {KEYS[0].text}", "quorum none")),
    "policy-member-twice-in-a-group": ("policy.member-twice", policing(W, "group g all w w", "quorum g")),
    "policy-member-of-two-groups": (
        "policy.member-twice", policing(W, X, "group g any w x", "group h any w", "quorum g")),
    **{
        f"policy-threshold-{k}": ("policy.threshold", policing(W, f"group g {k} w", "quorum g"))
        for k in ("0", "2", "-1", "01", "ANY", "1.0", "\xb9")
    },
    "policy-too-many-witnesses": ("policy.too-many", lambda: ledger.parse_policy("".join(
        f"witness w{i} {vkey('n', 4, bytes(nacl.signing.SigningKey(i.to_bytes(32)).verify_key))}\n"
        for i in range(limits.TLOG_POLICY_KEYS_MAX + 1)).encode())),
}  # fmt: skip


@pytest.mark.parametrize(("reason", "attack"), list(REFUSALS.values()), ids=list(REFUSALS))
def test_refused(reason: str, attack: Attack) -> None:
    with pytest.raises(PourparlerError) as caught:
        attack()
    assert caught.value.reason == reason
    assert type(caught.value).__name__ == reason_table()[reason]


def reason_table() -> dict[str, str]:
    """Reason to family, from the table of the specification."""
    rows = re.findall(
        r"^\| `([a-z0-9.-]+)` \| (\w+) \| .+\. \|$", (ROOT / "spec" / "ledger.md").read_text(), re.MULTILINE
    )
    assert len(rows) == len(dict(rows))
    return dict(rows)


def test_reason_codes_of_specification_code_and_tests_are_the_same() -> None:
    # their tests: tests/test_receipts.py, test_tiles.py, test_witness.py
    elsewhere = {"cose.py", "receipt.py", "statement.py", "tiles.py", "witness.py"}
    rooms = [room for room in Path(ledger.__file__).parent.glob("*.py") if room.name not in elsewhere]
    source = "\n".join(room.read_text() for room in rooms)
    raised = dict.fromkeys(re.findall(r'(?:Malformed|Refused|Missing)\(\s*"([a-z0-9.-]+)"', source))
    assert set(reason_table()) == set(raised)
    assert set(reason_table()) == {reason for reason, _ in REFUSALS.values()}
    documented = set(re.findall(r"``((?:tree|note|checkpoint|cosignature|proof|policy)\.[a-z-]+)``", source))
    assert documented <= set(reason_table())


def test_attack_22_strangers_before_and_after_are_ignored() -> None:
    same_name = ledger.note_text_signature_line(ORIGIN, b"\0\0\0\0", bytes(64))
    same_id = ledger.note_text_signature_line("stranger.example", LOG.key.key_id, bytes(64))
    note = ledger.signed_note(TEXT, [same_name, same_id, same_id, LOG_LINE, same_name, W1_LINE, same_id])
    opened = open_checkpoint(note)
    assert opened.checkpoint == CHECKPOINT
    assert opened.cosigners() == {W1.key.public_key}


def test_attack_26_extension_lines_are_dropped_where_they_are_allowed() -> None:
    data = signed(TEXT + "beware\n", LOG)
    assert open_checkpoint(data, allow_extensions=True).checkpoint == CHECKPOINT
    text = TEXT + "beware\n"
    cosigned = ledger.signed_note(text, [LOG.under(text), W1_LINE])  # W1 cosigned the text without the line
    with pytest.raises(Refused, match=r"cosignature\.signature"):
        open_checkpoint(cosigned, allow_extensions=True)


def test_attack_32_one_witness_under_two_names_counts_once() -> None:
    twin = Pen("witness.example/alias", KeyType.COSIGNATURE_ED25519, 2)
    data = ledger.signed_note(TEXT, [LOG_LINE, W1_LINE, twin.under(TEXT)])
    opened = open_checkpoint(data, witnesses=[W1.key, twin.key])
    assert len(opened.cosignatures) == 2
    assert len(opened.cosigners()) == 1


def test_attack_39_extra_is_bound_to_nothing() -> None:
    changed = replace(PROOF, unauthenticated_extra=b"anything")
    ledger.verify_proof(ledger.parse_proof(changed.encoded()), b"entry 2", ORIGIN, LOG.key)


def test_attack_40_a_position_is_as_good_as_the_size_it_stands_in() -> None:
    """One path can verify in two sizes, so size and root must come from one checkpoint; verify_proof sees to it."""
    shape = {(i, n): ledger.inclusion_length(i, n) for n in range(1, 20) for i in range(n)}
    path = ledger.inclusion_path(7, 2, TREE.node)
    elsewhere = [(i, n) for (i, n), length in shape.items() if length == len(path) and (i, n) != (2, 7)]
    verified = [
        (i, n) for i, n in elsewhere
        if verdict(lambda i=i, n=n: ledger.verify_inclusion(LEAVES[2], i, n, path, TREE.roots[7]))  # type: ignore[misc]
    ]  # fmt: skip
    assert (2, 8) in verified
    assert all(n != 7 for _, n in verified)
    with pytest.raises(TypeError):
        ledger.verify_proof(PROOF, b"entry 2", ORIGIN, LOG.key, size=8)  # type: ignore[call-arg]


def test_small_order_points_would_pass_a_lax_check() -> None:
    """The vectors above are what they claim: right ids, right length; only the point is wrong."""
    for point in SMALL_ORDER.values():
        text = vkey("a", 1, point)
        assert re.fullmatch(r"a\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", text)


# --- properties -------------------------------------------------------------------------------------------------------

few = settings(max_examples=150, deadline=None)
sizes = st.integers(1, 300)


def flip(data: bytes, bit: int) -> bytes:
    at = bit % (8 * len(data))
    return data[: at // 8] + bytes([data[at // 8] ^ 1 << at % 8]) + data[at // 8 + 1 :]


@few
@given(sizes, st.data())
def test_any_flipped_bit_of_an_inclusion_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    hashes = [LEAVES[index], TREE.roots[size], *ledger.inclusion_path(size, index, TREE.node)]
    at = data.draw(st.integers(0, len(hashes) - 1))
    hashes[at] = flip(hashes[at], data.draw(st.integers(0, 255)))
    with pytest.raises(Refused, match=r"proof\.root"):
        ledger.verify_inclusion(hashes[0], index, size, hashes[2:], hashes[1])


@few
@given(sizes, st.data())
def test_any_other_index_of_an_inclusion_is_refused(size: int, data: st.DataObject) -> None:
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 2 * size))
    path = ledger.inclusion_path(size, index, TREE.node)
    accepted = verdict(lambda: ledger.verify_inclusion(LEAVES[index], other, size, path, TREE.roots[size]))
    assert accepted is (other == index)


@few
@given(sizes, st.data())
def test_any_flipped_bit_of_a_consistency_is_refused(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    hashes = [TREE.roots[old], TREE.roots[size], *ledger.consistency_path(old, size, TREE.node)]
    at = data.draw(st.integers(0, len(hashes) - 1)) if old else 0  # of a start from nothing the old root is checked
    hashes[at] = flip(hashes[at], data.draw(st.integers(0, 255)))
    with pytest.raises(Refused, match=r"proof\.inconsistent"):
        ledger.verify_consistency(old, hashes[0], size, hashes[1], hashes[2:])


@few
@given(sizes, st.data())
def test_multiproof_of_any_subset_meets_the_root(size: int, data: st.DataObject) -> None:
    known = data.draw(st.sets(st.integers(0, size - 1), min_size=1))
    hashes = ledger.multiproof(size, known, TREE.node)
    assert list(hashes) == naive_multiproof(known, LEAVES[:size])
    leaves = {index: LEAVES[index] for index in known}
    assert ledger.verify_multiproof(size, leaves, hashes) == TREE.roots[size]
    if len(known) == 1:
        (index,) = known
        assert sorted(hashes) == sorted(ledger.inclusion_path(size, index, TREE.node))
    if len(known) == size:
        assert hashes == ()


@few
@given(sizes, st.data())
def test_any_change_of_a_multiproof_misses_the_root(size: int, data: st.DataObject) -> None:
    known = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=8)))
    hashes = list(ledger.multiproof(size, known, TREE.node))
    leaves = {index: LEAVES[index] for index in known}
    kind = data.draw(st.sampled_from(["leaf", "hash", "add", "drop", "move"]))
    if kind == "leaf":
        index = data.draw(st.sampled_from(known))
        leaves[index] = flip(leaves[index], data.draw(st.integers(0, 255)))
    elif kind == "hash" and hashes:
        at = data.draw(st.integers(0, len(hashes) - 1))
        hashes[at] = flip(hashes[at], data.draw(st.integers(0, 255)))
    elif kind == "drop" and hashes:
        del hashes[data.draw(st.integers(0, len(hashes) - 1))]
    elif kind == "move":
        leaves[size if known[0] == 0 else known[0] - 1] = leaves.pop(known[0])
    else:
        hashes.append(data.draw(st.binary(min_size=32, max_size=32)))
    try:
        root = ledger.verify_multiproof(size, leaves, hashes)
    except PourparlerError:
        return
    assert root != TREE.roots[size]


@few
@given(st.lists(st.binary(max_size=8), max_size=40))
def test_root_is_that_of_the_definition(entries: list[bytes]) -> None:
    leaves = [ledger.leaf_hash(entry) for entry in entries]
    assert ledger.root_of(leaves) == Tree(leaves).frontier.root() == naive_root(leaves)


@few
@given(st.integers(1, limits.TREE_SIZE_MAX), st.integers(0), st.integers(0))
def test_lengths_are_those_of_the_paths_at_any_size(size: int, first: int, second: int) -> None:
    index, old = first % size, second % (size + 1)
    here = ledger.leaf_hash(b"")
    assert len(ledger.inclusion_path(size, index, lambda level, i: here)) == ledger.inclusion_length(index, size)
    assert len(ledger.consistency_path(old, size, lambda level, i: here)) == ledger.consistency_length(old, size)


def open_anything(data: bytes) -> object:
    return open_checkpoint(data)


def read_key(data: bytes) -> object:
    return ledger.parse_vkey(data.decode("utf-8", "surrogateescape"))


def read_checkpoint(data: bytes) -> object:
    return ledger.parse_checkpoint(data.decode("utf-8", "surrogateescape"), allow_extensions=True)


def prove_anything(data: bytes) -> object:
    return ledger.verify_proof(ledger.parse_proof(data), b"entry 2", ORIGIN, LOG.key, [W1.key, ML_DSA])


PARSERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "note": (lambda data: ledger.open_note(data, [LOG.key, W1.key, W2.key, ML_DSA]), SIGNED + ML_DSA_LINE),
    "checkpoint": (open_anything, SIGNED),
    "checkpoint-text": (read_checkpoint, TEXT.encode()),
    "vkey": (read_key, LOG.key.text.encode()),
    "proof": (ledger.parse_proof, PROOF.encoded()),
    "proof-verified": (prove_anything, PROOF.encoded()),
    "policy": (ledger.parse_policy, POLICY_FILE),
}


@st.composite
def mutations(draw: st.DrawFn, sample: bytes) -> bytes:
    """The sample with one to four pieces replaced, doubled, dropped or moved."""
    data = sample
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.one_of(
            st.binary(max_size=6),
            st.just(data[start:end] * 2),
            st.sampled_from([b"\n", b"\n\n", b" ", b"=", b"+", b"\t", b"0", b"\x00", b"\xff", b"\xe2\x80\x94 "]),
        ))  # fmt: skip
        data = data[:start] + piece + data[end:]
    return data


def value_or_error(parse: Callable[[bytes], object], data: bytes) -> object | None:
    try:
        value = parse(data)
    except PourparlerError as error:
        known = isinstance(error, (Malformed, Refused, Missing)) and error.reason in reason_table()
    else:
        return value
    assert known
    return None


@pytest.mark.parametrize("name", list(PARSERS))
@few
@given(data=st.data())
def test_parser_returns_a_value_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    parse, sample = PARSERS[name]
    assert value_or_error(parse, sample) is not None
    value_or_error(parse, data.draw(st.binary(max_size=200)))
    value_or_error(parse, data.draw(st.text(max_size=100)).encode("utf-8", "replace"))
    value_or_error(parse, data.draw(mutations(sample)))


@few
@given(st.data())
def test_what_a_mutated_note_opens_to_was_signed(data: st.DataObject) -> None:
    opened = value_or_error(open_anything, data.draw(mutations(SIGNED)))
    if isinstance(opened, ledger.OpenCheckpoint):
        assert opened.checkpoint == CHECKPOINT
        assert opened.cosigners() <= {W1.key.public_key, W2.key.public_key}


@few
@given(st.data())
def test_what_parses_is_written_back_alike(data: st.DataObject) -> None:
    """One value, one writing: nobody can make a second file of the same proof, key or checkpoint."""
    for name, write in (
        ("proof", lambda value: value.encoded()),
        ("vkey", lambda value: value.text.encode()),
    ):
        parse, sample = PARSERS[name]
        mutated = data.draw(mutations(sample))
        value = value_or_error(parse, mutated)
        assert value is None or write(value) == mutated


def test_error_families_are_the_only_ones() -> None:
    assert {cls for cls in vars(errors).values() if isinstance(cls, type)} == {
        PourparlerError,
        Malformed,
        Refused,
        Missing,
    }
