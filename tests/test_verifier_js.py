"""The verifier in JavaScript, below the law: its bytes, parsers and signatures beside core's, and the joined script.

Whatever this package reads or refuses, that one must, and for the same reason. ``test_verifier_law`` compares the law;
here the formats are compared on the vectors and on mutants, single signatures on whatever elliptic curves have of
oddities, and the joined script, as a page would run it, on the scenarios' evidence: as it is, with a bit flipped, with
an act missing, and on other histories (``tests/alternate.py``).
"""

import gzip
import hashlib
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import nacl.bindings
import nacl.exceptions
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pourparler.core import act, encoding, ledger, passkey, redline
from pourparler.core.errors import Malformed, PourparlerError
from pourparler.core.evidence import parse_bundle
from pourparler.service.replay import authenticator, player, symbols
from pourparler.service.verifierfile import MODULES, joined, verifier_file
from pourparler.testing.keys import Key
from spec.vectors import kit
from tests import alternate, fuzz, samples, test_procurement
from tests.alternate import Joined, Stories, asked_of
from tests.second_verifier import Asked, node

ROOT = Path(__file__).resolve().parents[1]
VECTORS, HARNESSES = ROOT / "spec" / "vectors", ROOT / "tests" / "verifier"
FOLDER = ROOT / "src" / "pourparler" / "web" / "verifier"
NODE = node()
needs_node = pytest.mark.skipif(NODE is None, reason="Node runs the verifier in JavaScript, and is not here")

# The joined script stands whole in pages that people keep. Whoever lets it grow says so here.
SCRIPT_MAX_BYTES = 200_000
SCRIPT_MAX_BYTES_GZIPPED = 56_000


def answers(harness: str, *arguments: object, asked: list[dict[str, Any]] | None = None) -> list[Any]:
    """Return what a harness says, line by line."""
    lines = "".join(json.dumps(one) + "\n" for one in asked or ())
    command = [NODE or "node", HARNESSES / harness, *arguments]
    done = subprocess.run(list(map(str, command)), input=lines, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- the vectors ------------------------------------------------------------------------------------------------------

FORMATS = {"encoding", "envelope", "act", "passkey", "redline", "text", "clauses", "ledger-multiproof", "cosignature"}
GROUPS = sorted(path.stem for path in VECTORS.glob("*.json") if path.stem in FORMATS)


def differing(found: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return in what the answer to a case departs from it.

    Where Node has no ML-DSA-44, such cosignatures are set aside, good or bad.
    """
    if aside := found.get("aside"):
        kept = [one for one in case.get("cosigners", ()) if one[0] not in aside]
        return {} if found["cosigners"] == kept and case.get("reason") in (None, "cosignature.signature") else found
    wanted = None if case.get("expect") == "valid" else case.get("reason")
    if "broken" in found or found.get("reason") != wanted:
        return found
    whole = [found.get(name, True) for name in ("again", "kids")]
    return {} if all(whole) and all(case[name] == found[name] for name in found if name in case) else found


@needs_node
@pytest.mark.parametrize("group", GROUPS)
def test_vectors(group: str) -> None:
    cases = {
        case.get("id", case.get("name")): case for case in json.loads((VECTORS / f"{group}.json").read_text())["cases"]
    }
    found = {answer["id"]: answer for answer in answers("vectors.mjs", FOLDER, VECTORS, group)}
    assert set(found) == set(cases)
    assert [differing(found[name], cases[name]) for name in cases if differing(found[name], cases[name])] == []


# --- the parsers, on mutants ------------------------------------------------------------------------------------------

PASSKEYS = [case for case in json.loads((VECTORS / "passkey.json").read_text())["cases"] if "reason" not in case]
REGISTERED = PASSKEYS[0]["passkey"]
ASSERTIONS = [case for case in PASSKEYS if case["passkey"] == REGISTERED and case["act_id"] == PASSKEYS[0]["act_id"]]


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_text(data: bytes) -> list[Any]:
    text = redline.parse_text(data)
    checks = [redline.holds(check, text.terms).value for check in text.checks]
    return [text.digest.hex(), checks, isinstance(text.stated, Malformed)]


def read_assertion(data: bytes) -> bool:
    key = bytes.fromhex(REGISTERED["key"])
    one = passkey.Passkey(REGISTERED["algorithm"], key, REGISTERED["relying_party"], REGISTERED["origin"])
    passkey.verify_assertion(one, bytes.fromhex(ASSERTIONS[0]["act_id"]), data)
    return True


def read_note(data: bytes) -> list[Any]:
    note = ledger.open_note(data, samples.known_keys())
    return [note.text, len(note.signers), [str(one.time) for one in note.cosignatures]]


def read_checkpoint(data: bytes) -> list[str]:
    checkpoint = ledger.parse_checkpoint(data.decode())
    return [checkpoint.origin, str(checkpoint.size), checkpoint.root.hex()]


def read_policy(data: bytes) -> list[Any]:
    """Return what the policy lists, and for each set of its first witnesses whether they are its quorum."""
    policy = ledger.parse_policy(data)
    keys = [one.key.public_key for one in policy.witnesses[:6]]
    sets = [{key for at, key in enumerate(keys) if number >> at & 1} for number in range(2 ** len(keys))]
    return [len(policy.logs), len(policy.witnesses), [ledger.quorum_met(policy, one) for one in sets]]


def policies() -> list[bytes]:
    """Return policies of three witnesses, with every threshold, and groups of groups."""
    keys = [
        ledger.VerifierKey("w", ledger.KeyType.COSIGNATURE_ED25519, Key.from_name(f"w{n}").public_key) for n in range(3)
    ]
    lines = "".join(f"witness w{n} {key.text}\n" for n, key in enumerate(keys))
    groups = [f"group g {needs} w0 w1 w2\nquorum g\n" for needs in ("any", "all", "1", "2", "3", "4", "0", "02")]
    groups += ["group g any w0 w1\ngroup h all g w2\nquorum h\n", "quorum w1\n", "quorum none\n", "quorum g\n", ""]
    return [*samples.policies(), *((lines + more).encode() for more in groups)]


def notes() -> list[bytes]:
    """Return notes, and such with a line twice, with a stranger's line, or with the lines of another text."""
    plain, cosigned = samples.notes()
    line, other = plain.split(b"\n")[-2] + b"\n", cosigned.split(b"\n")[-2] + b"\n"
    stranger = ledger.sign_note_text(
        "x\n", ledger.VerifierKey("s", ledger.KeyType.ED25519, Key.from_name("s").public_key), Key.from_name("s").sign
    )
    odd = [
        plain + line,
        cosigned + other,
        plain + stranger,
        b"x\n\n" + stranger,
        b"x\n\n" + line,
        plain.replace(b"\n", b"\n\n", 1),
    ]
    return [plain, cosigned, *odd]


def valid_assertions() -> list[bytes]:
    return [kit.joined(case["input"]) for case in ASSERTIONS]


ON_ORDER: tuple[list[Any], ...] = (
    *(["a", "ab"], ["ab", "a"], ["a", "a"], ["é", "z"], ["z", "é"], ["\uffff", "\U00010000"], ["\U00010000", "\uffff"]),
    *([""], ["a" * 256], ["a" * 257], ["é" * 128], ["é" * 129], ["\ufeffa"], ["a", 1], [True]),
)
ON_FIELDS: tuple[dict[str, Any], ...] = (
    *(
        {"__proto__": 1},
        {"constructor": 1},
        {"toString": None},
        {"at": True},
        {"at": 253_402_300_799},
        {"at": 2**63 - 1},
    ),
    *({"parties": [bytes(32), bytes(31) + b"\1"]}, {"parties": [bytes(32), bytes(32)]}, {"parties": [bytes(32)]}),
    *({"sealed": 1}, {"sealed": True}, {"rules": {"adopt": [2, 3]}}, {"rules": {"adopt": [0, 3]}}, {"ledger": {}}),
)
ROWS = [bytes(32), 2**53, bytes(32)], [bytes(31) + b"\1", 2**53 + 1, bytes(32)]


ODD_VALUES: tuple[Any, ...] = (
    *(
        "\ufeffa",
        {"\ufeff": 1, "a": 2},
        {"__proto__": {"a": 1}},
        "\U0001f600",
        "\0",
        2**53 - 1,
        2**53,
        2**53 + 1,
        2**63 - 1,
    ),
    *(
        -(2**53) + 1,
        -(2**53),
        -(2**53) - 1,
        -(2**63),
        [1.0],
        "\u1e9b\u0323",
        bytes(64),
        bytes(65),
        bytes(66),
        bytes(70_000),
    ),
)


def odd_values() -> list[bytes]:
    return [cbor2.dumps(value) for value in ODD_VALUES]


def odd_acts() -> list[bytes]:
    """Return acts about whose fields languages differ: the order of text, large numbers, names that objects have."""
    by = {"ledger": {"origin": "o", "key": bytes(32)}, "rules": {"adopt": "all"}, "nonce": bytes(16), "by": bytes(32)}
    opening = {"kind": "open", "parties": [bytes(32), bytes([1] * 32)], **by}
    stamp = {"kind": "stamp", "index": 2**53 + 1, "at": -1, "follows": 2**63 - 1}
    said = [{**opening, "scopes": scopes} for scopes in ON_ORDER] + [{**opening, **fields} for fields in ON_FIELDS]
    rows = ([*ROWS], [ROWS[1], ROWS[0]], [ROWS[0], [bytes(32), 2**53 + 1, bytes(32)]], [])
    said += [{**stamp, "streams": streams} for streams in rows]
    signature = encoding.Signature(encoding.ALGORITHM_ED25519, bytes(8), bytes(64))
    return [encoding.Envelope(encoding.Form.SIGN1, encoding.encode(one), (signature,)).encoded() for one in said]


PARSERS: dict[str, tuple[Callable[[bytes], Any], Callable[[], list[bytes]]]] = {
    "cbor": (lambda data: name(encoding.encode(encoding.decode(data))), lambda: [*odd_values(), *samples.values()]),
    "envelope": (lambda data: name(encoding.parse_envelope(data).encoded()), samples.envelopes),
    "act": (lambda data: act.parse_act(data).id.hex(), lambda: [*odd_acts(), *samples.envelopes()]),
    "text": (read_text, samples.texts),
    "clauses": (lambda data: bool(fuzz.clauses_of(data)), samples.clauses),
    "line": (lambda data: len(fuzz.lines_of(data)), samples.lines),  # type: ignore[arg-type]
    "assertion": (read_assertion, valid_assertions),
    "note": (read_note, notes),
    "checkpoint": (read_checkpoint, samples.checkpoints),
    "vkey": (lambda data: ledger.parse_vkey(data.decode()).key_id.hex(), samples.vkeys),
    "policy": (read_policy, policies),
}


def come_of(read: Callable[[bytes], Any], data: bytes) -> dict[str, Any]:
    try:
        return {"read": read(data)}
    except PourparlerError as error:
        return {"reason": error.reason}


def inputs(target: str, corpus: list[bytes]) -> Iterator[bytes]:
    """Yield the corpus, then mutants; for what is given as text, those that are text."""
    yield from corpus
    for data in fuzz.mutants(corpus, f"javascript {target}"):
        if target not in ("checkpoint", "vkey") or data == data.decode("utf-8", "ignore").encode():
            yield data


@needs_node
@pytest.mark.parametrize("target", PARSERS)
def test_parsers_read_and_refuse_alike(target: str) -> None:
    read, corpus = PARSERS[target]
    data = [one for _, one in zip(range(1_000), inputs(target, corpus()), strict=False)]
    more = {
        "assertion": {"passkey": REGISTERED, "act_id": ASSERTIONS[0]["act_id"]},
        "note": {"keys": [key.text for key in samples.known_keys()]},
    }
    asked = [{"target": target, "data": one.hex(), **more.get(target, {})} for one in data]
    found = answers("parsers.mjs", FOLDER, asked=asked)
    ours = [come_of(read, one) for one in data]
    assert [
        (one.hex(), mine, theirs) for one, mine, theirs in zip(data, ours, found, strict=True) if mine != theirs
    ] == []
    assert {"read" in one for one in found} == {True, False}, "all were refused, or none: that shows nothing"


# --- signatures -------------------------------------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int, int, int]  # x and y times z, z, and x times y times z (RFC 8032 section 5.1.4)


def plus(one: Point, other: Point) -> Point:
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b, c, d = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2), 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar: int, point: Point) -> Point:
    total = (0, 1, 1, 0)
    while scalar:
        total = plus(total, point) if scalar & 1 else total
        point, scalar = plus(point, point), scalar >> 1
    return total


def encoded(point: Point) -> bytes:
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def at(x: int, y: int) -> Point:
    return x, y, 1, x * y % P


ZERO = at(0, 1)
BASE = at(15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, -1, P) % P)
TORSION = at(  # a generator of the eight points of small order
    14399317868200118260347934320527232580618823971194345261214217575416788799818,
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
)


def hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def odd_signatures(chance: random.Random) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield keys, messages and signatures: good ones, and such as only some implementations accept."""
    for _ in range(12):
        secret, nonce, message = (
            chance.randrange(ORDER),
            chance.randrange(ORDER),
            chance.randbytes(chance.randrange(200)),
        )
        for r_torsion, a_torsion in ((0, 0), (0, 0), (chance.randrange(1, 8), 0), (0, chance.randrange(8)), (4, 4)):
            key = encoded(plus(times(secret, BASE), times(a_torsion, TORSION)))
            r = encoded(plus(times(nonce, BASE), times(r_torsion, TORSION)))
            s = (nonce + hashed(r, key, message) * secret) % ORDER
            yield key, message, r + s.to_bytes(32, "little")
            yield key, message, r + (s + ORDER).to_bytes(32, "little")
            yield key, message + b"!", r + s.to_bytes(32, "little")
            bit = 1 << chance.randrange(256)
            yield (int.from_bytes(key, "little") ^ bit).to_bytes(32, "little"), message, r + s.to_bytes(32, "little")
            yield key, message, (int.from_bytes(r, "little") ^ bit).to_bytes(32, "little") + s.to_bytes(32, "little")
    for _ in range(4):  # under a key of mixed order, a signature is good where its hash is a multiple of eight
        secret = chance.randrange(ORDER)
        key, nonce = encoded(plus(times(secret, BASE), TORSION)), 1
        while hashed(encoded(times(nonce, BASE)), key) % ORDER % 8:
            nonce += 1
        r = encoded(times(nonce, BASE))
        yield key, b"", r + ((nonce + hashed(r, key) * secret) % ORDER).to_bytes(32, "little")
    for n in range(8):
        small, nonce = encoded(times(n, TORSION)), 1
        while hashed(encoded(times(nonce, BASE)), small) % ORDER % 8:
            nonce += 1  # so that the equation holds, whoever "signed"
        yield small, b"", encoded(times(nonce, BASE)) + nonce.to_bytes(32, "little")
        secret = chance.randrange(ORDER)
        key = encoded(times(secret, BASE))
        yield key, b"small R", small + (hashed(small, key, b"small R") * secret % ORDER).to_bytes(32, "little")
        for sign in (0, 0x80):
            yield small[:31] + bytes([small[31] & 0x7F | sign]), b"small key", encoded(ZERO) + bytes(32)
    for y in range(P, 2**255):  # the encodings that are not reduced
        for sign in (0, 1 << 255):
            yield (y | sign).to_bytes(32, "little"), b"", encoded(ZERO) + bytes(32)
            yield encoded(BASE), b"", (y | sign).to_bytes(32, "little") + bytes(32)


def libsodium(key: bytes, message: bytes, signature: bytes) -> list[bool]:
    point = bool(nacl.bindings.crypto_core_ed25519_is_valid_point(key))
    try:
        nacl.bindings.crypto_sign_open(signature + message, key)
    except nacl.exceptions.BadSignatureError:
        return [False, point]
    return [True, point]


def asking(algorithm: str, rows: list[tuple[bytes, bytes, bytes]]) -> list[dict[str, str]]:
    return [
        {"algorithm": algorithm, "key": key.hex(), "message": message.hex(), "signature": signature.hex()}
        for key, message, signature in rows
    ]


@needs_node
@pytest.mark.parametrize("without", [(), ("without-ed25519",)], ids=["WebCrypto", "own arithmetic"])
def test_ed25519_is_as_strict_as_libsodium(without: tuple[str, ...]) -> None:
    rows = list(odd_signatures(random.Random(25519)))
    found = answers("signatures.mjs", FOLDER, *without, asked=asking("Ed25519", rows))
    ours = [libsodium(*row) for row in rows]
    assert [(row, mine) for row, mine, theirs in zip(rows, ours, found, strict=True) if mine != theirs] == []
    assert {(True, True), (True, False), (False, True), (False, False)} == {tuple(one) for one in ours}


@needs_node
def test_bad_signatures_one_behind_the_other_cost_few_runs() -> None:
    """Each is asked only once the one before it is known to be bad. Such a bundle must not cost a run for each."""
    key = Key.from_name("signer")
    rows = [(key.public_key, b"%d" % number, key.sign(b"another message")) for number in range(40)]
    rows += [(key.public_key, b"good", key.sign(b"good")), (key.public_key, b"not asked", bytes(64))]
    chain = [{name: value for name, value in row.items() if name != "algorithm"} for row in asking("Ed25519", rows)]
    ((bad, runs),) = answers("signatures.mjs", FOLDER, asked=[{"chain": chain}])
    assert bad == 40
    assert runs < 12


def odd_der(signature: bytes, order: int) -> Iterator[bytes]:
    """Yield a DER signature, and what is like it."""
    r, s = decode_dss_signature(signature)

    def integer(value: bytes) -> bytes:
        return b"\x02" + bytes([len(value)]) + value

    def pair(first: bytes, second: bytes) -> bytes:
        body = integer(first) + integer(second)
        return b"\x30" + bytes([len(body)]) + body

    def least(value: int) -> bytes:
        return value.to_bytes(value.bit_length() // 8 + 1, "big")

    yield from (signature, pair(least(r), least(s)), pair(least(r), least(order - s)))
    yield from (pair(least(s), least(r)), pair(b"\x00" + least(r), least(s)), pair(least(r + order), least(s)))
    yield from (
        pair(b"\x00", least(s)),
        pair(least(r), b"\x00"),
        pair(b"", least(s)),
        pair(r.to_bytes(32, "big"), least(s)),
    )
    yield from (
        signature + b"\x00",
        signature[:-1],
        b"\x30\x81" + signature[1:],
        b"",
        b"\x30\x00",
        b"\x30\x80" + signature[2:] + b"\x00\x00",
    )
    yield from (
        signature[:2] + b"\x02\x81" + signature[3:],
        b"\x31" + signature[1:],
        b"\x30" + bytes([len(signature)]) + signature[2:] + b"\x05\x00",
    )


@needs_node
def test_es256_is_as_strict_as_openssl() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    rows = []
    for number in range(20):
        secret = ec.derive_private_key(
            int.from_bytes(hashlib.sha256(b"%d" % number).digest(), "big") % order, ec.SECP256R1()
        )
        numbers = secret.public_key().public_numbers()
        key = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        good = secret.sign(b"message", ec.ECDSA(hashes.SHA256()))
        rows += [(key, b"message", one) for one in odd_der(good, order)]
        rows += [(key[:64] + bytes([key[64] ^ 1]), b"message", good), (b"\x06" + key[1:], b"message", good)]
    found = answers("signatures.mjs", FOLDER, asked=asking("ES256", rows))
    ours = [openssl(*row) for row in rows]
    assert [(row, mine) for row, mine, (theirs, _) in zip(rows, ours, found, strict=True) if mine != theirs] == []
    assert set(ours) == {True, False}


def openssl(key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


# --- the joined script ------------------------------------------------------------------------------------------------


def test_the_script_says_what_the_modules_say() -> None:
    """Nothing but comments, blank lines and the words ``import`` and ``export`` is gone."""
    script = verifier_file().splitlines()
    kept = iter(script)
    for module in MODULES:
        for line in (FOLDER / f"{module}.js").read_text("utf-8").splitlines():
            bare = line.removeprefix("export ")
            if bare.strip() and not bare.lstrip().startswith(("//", "/*", "*")) and not bare.startswith("import "):
                assert bare in kept, (module, line)
    assert {path.stem for path in FOLDER.glob("*.js")} == set(MODULES)


def test_the_script_is_not_larger_than_we_say() -> None:
    script = verifier_file().encode()
    assert len(script) <= SCRIPT_MAX_BYTES
    assert len(gzip.compress(script)) <= SCRIPT_MAX_BYTES_GZIPPED


@pytest.mark.parametrize(
    "source",
    [
        "import { b } from './later.js'",
        "import {\n  a } from './first.js'",
        "import first from './first.js'",
        "export default 1",
        "export { a }",
        "export let a = 1",
        "const a = '</script>'",
        "const a = '<!--'",
    ],
)
def test_what_cannot_be_joined_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match=r"imports from|exports in|cannot stand"):
        joined({"first": "export const a = 1\n", "second": source, "later": "export const b = 1\n"})


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("script") / "verifier.js"
    path.write_text(verifier_file(), "utf-8")
    return path


@pytest.fixture(scope="module")
def other(script: Path) -> Iterator[Joined]:
    with Joined(script) as process:
        yield process


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    return alternate.stories(tmp_path_factory.mktemp("stories"))


@needs_node
def test_the_scenarios_evidence(other: Joined, stories: Stories) -> None:
    tally: Counter[str] = Counter()
    for called, bundle in stories.bundles.items():
        asked_of(bundle, at=2_000_000_000).compare(other, called, tally)
        Asked(bundle, ()).compare(other, f"{called}, trusting nobody", tally)
    assert {"VALID", "CANNOT TELL trust.unknown-party", "CANNOT TELL stream.incomplete"} <= set(tally)


class Telephone:
    """A passkey of the kind that telephones have: ES256."""

    def __init__(self, key: Key) -> None:
        self.secret = ec.derive_private_key(
            int.from_bytes(hashlib.sha256(key.public_key).digest()) >> 1, ec.SECP256R1()
        )
        form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        self.public_key = self.secret.public_key().public_bytes(*form)

    def sign(self, message: bytes) -> bytes:
        return self.secret.sign(message, ec.ECDSA(hashes.SHA256()))


@pytest.fixture(scope="module")
def by_telephone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Evidence that rests on a vote with ES256."""
    register, sign = authenticator.registration, authenticator.signed_by_passkey
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authenticator, "ALGORITHM_PASSKEY_ED25519", encoding.ALGORITHM_PASSKEY_ES256)
        patch.setattr(symbols, "registration", lambda member, key, site: register(member, Telephone(key), site))
        patch.setattr(player, "signed_by_passkey", lambda draft, key, site: sign(draft, Telephone(key), site))
        run = test_procurement.perform(test_procurement.load(), tmp_path_factory.mktemp("telephone"))
    for desk in run.desks.values():
        desk.close()
    return run.evidence["bound"]


@needs_node
def test_a_vote_by_es256(other: Joined, script: Path, by_telephone: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing verifies ES256, neither can tell: the vote is one that its party's home stream lacks."""
    tally: Counter[str] = Counter()
    asked_of(by_telephone).compare(other, "by telephone", tally)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with Joined(script, "without-webcrypto") as without:
        asked_of(by_telephone).compare(without, "without ES256", tally)
    assert tally == {"VALID": 1, "CANNOT TELL home.incomplete": 1}


@needs_node
def test_the_page_shows_how_to_use_it(script: Path, stories: Stories, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "second-verifier.md").read_text("utf-8")
    (tmp_path / "check.js").write_text(page.split("```javascript\n")[1].split("```")[0], "utf-8")
    (tmp_path / "verifier.js").write_bytes(script.read_bytes())
    bundle = stories.bundles["procurement, bound"]
    (tmp_path / "agreement.evidence").write_bytes(bundle)
    for party, verdict in (
        (parse_bundle(bundle).claim.parties[0], "VALID"),
        (bytes(32), "CANNOT TELL trust.unknown-party"),
    ):
        command = [NODE or "node", "check.js", "agreement.evidence", party.hex()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1].strip() == verdict


@needs_node
def test_a_flipped_bit(other: Joined, stories: Stories) -> None:
    chance = random.Random("flips")
    tally: Counter[str] = Counter()
    for called, bundle in stories.bundles.items():
        asked = asked_of(bundle)
        for _ in range(6):
            at = chance.randrange(len(bundle))
            flipped = bundle[:at] + bytes([bundle[at] ^ 1 << chance.randrange(8)]) + bundle[at + 1 :]
            Asked(flipped, asked.trust).compare(other, f"{called}, a bit of byte {at}", tally)
    assert {verdict.split()[0] for verdict in tally} == {"INVALID", "CANNOT"}


@needs_node
def test_other_histories(other: Joined, stories: Stories) -> None:
    """Something went otherwise; both say what became of it, act by act."""
    tally: Counter[str] = Counter()
    for number in range(24):
        called, bundle = stories.otherwise("suite", number)
        asked_of(bundle).compare(other, called, tally)
    assert {verdict.split()[0] for verdict in tally} == {"VALID", "INVALID", "CANNOT"}, "the histories all end alike"
