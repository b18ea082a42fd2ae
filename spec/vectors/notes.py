"""Vectors of spec/ledger.md section 8 (cosignatures) and of spec/witness.md: what a witness answers.

The tree, the messages and the notes are made here a second time, word for word from the texts and slowly. ML-DSA-44
signatures are drawn: the ones of the file ``ml-dsa-44.json`` were made once with the keys of this module's seeds, and
stay. A text that is not in it is signed anew and added.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from spec.vectors.kit import Group, Key, group

DRAWN = Path(__file__).with_name("ml-dsa-44.json")
ORIGIN = "ledger.example/talks"
TIME = 1_764_000_000


class Pen:
    """A named key that signs notes: types 0x01 and 0x04 Ed25519."""

    def __init__(self, name: str, type_: int, seed: str = "") -> None:
        self.name, self.type, self.seed = name, type_, seed or f"note {name}"

    @property
    def public(self) -> bytes:
        return Key(self.seed).public

    def sign(self, message: bytes) -> bytes:
        return Key(self.seed).sign(message)

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64(bytes([self.type]) + self.public)}"

    def message(self, text: str, time: int) -> bytes:
        return text.encode() if self.type == 1 else f"cosignature/v1\ntime {time}\n{text}".encode()

    def line(self, text: str, time: int = TIME, signed: str | None = None) -> str:
        """Return the line under ``text``; where ``signed`` is given, it is that text that was signed."""
        signature = self.sign(self.message(text if signed is None else signed, time))
        stamp = b"" if self.type == 1 else time.to_bytes(8, "big")
        return f"\u2014 {self.name} {b64(self.key_id + stamp + signature)}\n"


class LatticePen(Pen):
    """An ML-DSA-44 key, whose seed is 32 bytes that its name gives."""

    @property
    def secret(self) -> MLDSA44PrivateKey:
        seed = hashlib.sha256(b"pourparler testing key " + self.seed.encode()).digest()
        return MLDSA44PrivateKey.from_seed_bytes(seed)

    @property
    def public(self) -> bytes:
        return self.secret.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        drawn = json.loads(DRAWN.read_text()) if DRAWN.exists() else {}
        name = hashlib.sha256(self.public + message).hexdigest()
        if name not in drawn:
            drawn[name] = self.secret.sign(message).hex()
            DRAWN.write_text(json.dumps(drawn, indent=1, sort_keys=True) + "\n")
        return bytes.fromhex(drawn[name])

    def message(self, text: str, time: int) -> bytes:
        origin, size, root = text.split("\n")[:3]
        numbers = (0).to_bytes(8, "big") + int(size).to_bytes(8, "big")
        head = b"subtree/v1\n\0" + short(self.name) + time.to_bytes(8, "big") + short(origin)
        return head + numbers + base64.b64decode(root)


def short(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# The tree of RFC 9162 section 2.1, as it is defined there.

ENTRIES = [f"entry {number}".encode() for number in range(12)]


def root(entries: list[bytes]) -> bytes:
    if len(entries) < 2:
        return hashlib.sha256(b"\0" + entries[0]).digest() if entries else hashlib.sha256().digest()
    cut = half(len(entries))
    return hashlib.sha256(b"\1" + root(entries[:cut]) + root(entries[cut:])).digest()


def half(count: int) -> int:
    cut = 1
    while cut * 2 < count:
        cut *= 2
    return cut


def grown(old: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    """Return the consistency proof from the first ``old`` entries to all of them."""
    if old == len(entries):
        return [] if whole else [root(entries)]
    cut = half(len(entries))
    if old <= cut:
        return [*grown(old, entries[:cut], whole), root(entries[cut:])]
    return [*grown(old - cut, entries[cut:], False), root(entries[:cut])]


def text(size: int, of: list[bytes] = ENTRIES, origin: str = ORIGIN, more: str = "") -> str:
    return f"{origin}\n{size}\n{b64(root(of[:size]))}\n{more}"


LOG = Pen(ORIGIN, 1)
WITNESS, OTHER = Pen("witness.example/w1", 4), Pen("witness.example/w2", 4)
LATTICE = LatticePen("witness.example/lattice", 6)


@group(
    "cosignature",
    format="spec/ledger.md section 8",
    about="Input: a note, to be opened as a checkpoint of `origin` with the ledger's vkey `key` and the witnesses' "
    "vkeys `witnesses`. A valid case gives the names and times of the `cosigners`, in the order of their lines; time 0 "
    "is none that counts. The seeds are those of Ed25519 keys; of an ML-DSA-44 key likewise its 32-byte seed.",
)
def cosignature(group: Group) -> None:
    note = text(7)

    def given(body: str, *lines: str, pens: tuple[Pen, ...]) -> dict:
        data = f"{body}\n{''.join(lines)}".encode()
        return {"input": data.hex(), "origin": ORIGIN, "key": LOG.vkey, "witnesses": [pen.vkey for pen in pens]}

    def valid(name: str, what: str, *pens: Pen, time: int = TIME) -> None:
        lines = [pen.line(note, time) for pen in pens]
        cosigners = [[pen.name, time] for pen in pens]
        group.valid(name, what, **given(note, LOG.line(note), *lines, pens=pens), cosigners=cosigners)

    valid("none", "the ledger alone")
    valid("ed25519", "an Ed25519 cosignature", WITNESS)
    valid("ml-dsa-44", "an ML-DSA-44 cosignature", LATTICE)
    valid("both", "a cosignature of each type", WITNESS, LATTICE)
    valid("ml-dsa-44-undated", "an ML-DSA-44 cosignature of time 0, which counts at no time", LATTICE, time=0)
    stranger = f"{LOG.line(note)}{OTHER.line(note)}"
    group.valid(
        "stranger",
        "a witness that is not asked for is ignored",
        **given(note, stranger, WITNESS.line(note), pens=(WITNESS,)),
        cosigners=[[WITNESS.name, TIME]],
    )

    def invalid(name: str, what: str, reason: str, twin: str, differs: str, pen: Pen, line: str, body: str = note):
        members = given(body, LOG.line(body), line, pens=(pen,))
        group.invalid(name, what, reason, f"cosignature/{twin}", differs, **members)

    for pen, twin in ((WITNESS, "ed25519"), (LATTICE, "ml-dsa-44")):
        bad, later = "cosignature.signature", f"\u2014 {pen.name} "
        blob = base64.b64decode(pen.line(note).split(" ")[2])
        redated = later + b64(blob[:4] + (TIME + 1).to_bytes(8, "big") + blob[12:]) + "\n"
        cut = later + b64(blob[:-1]) + "\n"
        far = later + b64(blob[:4] + (2**63).to_bytes(8, "big") + blob[12:]) + "\n"
        flipped = later + b64(blob[:-1] + bytes([blob[-1] ^ 1])) + "\n"
        invalid(
            f"{twin}-another-size",
            "signed for another size",
            bad,
            twin,
            "the text that was cosigned",
            pen,
            pen.line(note, signed=text(8)),
        )
        invalid(
            f"{twin}-another-origin",
            "signed for another ledger",
            bad,
            twin,
            "the text that was cosigned",
            pen,
            pen.line(note, signed=text(7, origin="ledger.example/other")),
        )
        invalid(f"{twin}-redated", "the time was changed afterwards", bad, twin, "the time", pen, redated)
        invalid(f"{twin}-flipped", "one bit of the signature", bad, twin, "the signature", pen, flipped)
        invalid(f"{twin}-short", "a byte short", "cosignature.length", twin, "the length", pen, cut)
        invalid(f"{twin}-after-2-63", "dated 2^63", "cosignature.time", twin, "the time", pen, far)
    invalid(
        "ed25519-undated",
        "an Ed25519 cosignature of time 0",
        "cosignature.time",
        "ed25519",
        "the time",
        WITNESS,
        WITNESS.line(note, 0),
    )
    renamed = LatticePen("witness.example/renamed", 6, LATTICE.seed)
    blob = base64.b64decode(LATTICE.line(note).split(" ")[2])
    invalid(
        "ml-dsa-44-renamed",
        "the same key under another name: an ML-DSA-44 cosignature holds the name",
        "cosignature.signature",
        "ml-dsa-44",
        "the name",
        renamed,
        f"\u2014 {renamed.name} {b64(renamed.key_id + blob[4:])}\n",
    )


@group(
    "witness",
    format="spec/witness.md",
    about="Input: the body of a request to a witness that knows the vkeys `keys` by origin, and cosigned `latest` last "
    "(size and root; null: nothing). A valid case gives size and root of what it cosigns; a refused one the HTTP "
    "`status`, and where that is 409 the body `size`.",
)
def witness(group: Group) -> None:
    known = {ORIGIN: [LOG.vkey]}
    signed = {size: f"{text(size)}\n{LOG.line(text(size))}" for size in (0, 3, 7, 12)}
    seven = {"size": 7, "root": root(ENTRIES[:7]).hex()}
    proof = grown(7, ENTRIES)

    def given(old: str, hashes: list, note: str, latest=seven, keys=known, blank: str = "\n") -> dict:
        lines = "".join(f"{b64(hash_) if isinstance(hash_, bytes) else hash_}\n" for hash_ in hashes)
        return {"input": f"{old}\n{lines}{blank}{note}".encode().hex(), "latest": latest, "keys": keys}

    def valid(name: str, what: str, size: int, *case, **more) -> None:
        root_ = root(ENTRIES[:size]).hex()
        group.valid(name, what, **given(*case, **more), cosigns={"size": size, "root": root_})

    valid("first", "the first checkpoint of a ledger", 7, "old 0", [], signed[7], None)
    valid("first-empty", "the first, of an empty tree", 0, "old 0", [], signed[0], None)
    valid("grown", "from 7 entries to 12", 12, "old 7", proof, signed[12])
    valid("again", "the same checkpoint again, to have it dated anew", 7, "old 7", [], signed[7])
    extended = text(12, more="extension\n")
    valid(
        "extension", "an extension line is the ledger's affair", 12, "old 7", proof, f"{extended}\n{LOG.line(extended)}"
    )
    cosigned = signed[12] + OTHER.line(text(12))
    valid("cosigned", "lines of keys that the witness does not know are ignored", 12, "old 7", proof, cosigned)

    def invalid(name: str, what: str, reason: str, status: int, twin: str, differs: str, *case, size=None, **more):
        members = given(*case, **more) | {"status": status} | ({} if size is None else {"size": size})
        group.invalid(name, what, reason, f"witness/{twin}", differs, **members)

    stranger = Pen(ORIGIN, 1, "a stranger")
    forged = f"{text(12)}\n{LOG.line(text(12), signed=text(11))}"
    changed = [*ENTRIES[:3], b"another", *ENTRIES[4:]]
    fork7, fork12 = (f"{text(n, changed)}\n{LOG.line(text(n, changed))}" for n in (7, 12))
    wrong_empty = f"{ORIGIN}\n0\n{b64(root(ENTRIES[:1]))}\n"
    bad = "witness.layout"
    invalid(
        "no-blank-line",
        "no blank line before the checkpoint",
        "proof.hash",
        400,
        "again",
        "the blank line",
        "old 7",
        [],
        signed[7],
        blank="",
    )
    invalid("no-checkpoint", "nothing after the blank line", bad, 400, "again", "the checkpoint", "old 7", [], "")
    invalid("only-old", "one line", bad, 400, "again", "the rest", "old 7", [], "", blank="")
    for name, old in {
        "zero-first": "old 07",
        "plus": "old +7",
        "no-size": "old ",
        "no-word": "7",
        "two": "old  7",
        "upper": "OLD 7",
        "2-63": f"old {2**63}",
        "minus": "old -7",
        "end": "old 7 ",
    }.items():
        invalid(
            f"old-{name}",
            f"the first line is {old!r}",
            "witness.old-size",
            400,
            "again",
            "the first line",
            old,
            [],
            signed[7],
        )
    invalid("crlf", "a carriage return", "witness.old-size", 400, "again", "the first line", "old 7\r", [], signed[7])
    invalid(
        "64-hashes",
        "64 hashes",
        "proof.too-many-hashes",
        400,
        "grown",
        "the proof",
        "old 7",
        proof[:1] * 64,
        signed[12],
    )
    invalid(
        "short-hash",
        "a hash of 31 bytes",
        "proof.hash",
        400,
        "grown",
        "a hash",
        "old 7",
        [proof[0][:31], *proof[1:]],
        signed[12],
    )
    invalid(
        "unpadded-hash",
        "a hash without its padding",
        "proof.hash",
        400,
        "grown",
        "a hash",
        "old 7",
        [b64(proof[0]).rstrip("="), *proof[1:]],
        signed[12],
    )
    invalid(
        "unknown",
        "a ledger that the witness was not told of",
        "witness.unknown-ledger",
        404,
        "grown",
        "the keys",
        "old 7",
        proof,
        signed[12],
        keys={"ledger.example/other": [LOG.vkey]},
    )
    invalid(
        "stranger",
        "signed by another key of that name",
        "note.unverified",
        403,
        "grown",
        "the signer",
        "old 7",
        proof,
        f"{text(12)}\n{stranger.line(text(12))}",
    )
    invalid(
        "forged",
        "the ledger's key did not sign this text",
        "note.signature",
        403,
        "grown",
        "the signature",
        "old 7",
        proof,
        forged,
    )
    invalid(
        "forged-beside-good",
        "a second known key signed, and the first did not",
        "note.signature",
        403,
        "grown",
        "a signature",
        "old 7",
        proof,
        forged + stranger.line(text(12)),
        keys={ORIGIN: [LOG.vkey, stranger.vkey]},
    )
    cosigner = Pen(ORIGIN, 4, LOG.seed)
    invalid(
        "cosigned-by-the-ledger",
        "a cosignature is no ledger's signature",
        "note.unverified",
        403,
        "grown",
        "the type of the signature",
        "old 7",
        proof,
        f"{text(12)}\n{cosigner.line(text(12))}",
    )
    other = text(12, origin="ledger.example/other")
    invalid(
        "another-origin",
        "the ledger's key under another origin, of which the witness knows nothing",
        "witness.unknown-ledger",
        404,
        "grown",
        "the origin",
        "old 7",
        proof,
        f"{other}\n{LOG.line(other)}",
    )
    invalid(
        "shrunk",
        "the old size is above the size",
        "proof.sizes",
        400,
        "grown",
        "the old size",
        "old 13",
        proof,
        signed[12],
    )
    invalid(
        "stale",
        "the witness has cosigned more",
        "witness.conflict",
        409,
        "grown",
        "the old size",
        "old 3",
        grown(3, ENTRIES),
        signed[12],
        size=7,
    )
    invalid(
        "ahead",
        "the witness has not cosigned as much",
        "witness.conflict",
        409,
        "grown",
        "what was cosigned",
        "old 7",
        proof,
        signed[12],
        latest=None,
        size=0,
    )
    invalid(
        "rollback",
        "a smaller checkpoint after a larger",
        "witness.conflict",
        409,
        "grown",
        "old size and checkpoint",
        "old 3",
        [],
        signed[3],
        size=7,
    )
    invalid(
        "asked-with-0",
        "old 0 asks for the size",
        "witness.conflict",
        409,
        "grown",
        "old size and proof",
        "old 0",
        [],
        signed[12],
        size=7,
    )
    invalid(
        "first-with-proof",
        "old 0 with a proof",
        "proof.length",
        422,
        "first",
        "the proof",
        "old 0",
        proof[:1],
        signed[7],
        None,
    )
    invalid("no-proof", "old 7 without a proof", "proof.length", 422, "grown", "the proof", "old 7", [], signed[12])
    invalid(
        "wrong-proof",
        "one hash of the proof is another",
        "proof.inconsistent",
        422,
        "grown",
        "a hash",
        "old 7",
        [proof[1], proof[0], *proof[2:]],
        signed[12],
    )
    invalid(
        "fork",
        "a longer history that has another entry 3",
        "proof.inconsistent",
        422,
        "grown",
        "the entries",
        "old 7",
        grown(7, changed),
        fork12,
    )
    invalid(
        "split-view",
        "the same size and another root",
        "proof.inconsistent",
        422,
        "again",
        "the root",
        "old 7",
        [],
        fork7,
    )
    invalid(
        "again-with-proof",
        "the same size with a proof",
        "proof.length",
        422,
        "again",
        "the proof",
        "old 7",
        proof[:1],
        signed[7],
    )
    invalid(
        "empty-root",
        "an empty tree with a root of its own",
        "checkpoint.empty-root",
        422,
        "first-empty",
        "the root",
        "old 0",
        [],
        f"{wrong_empty}\n{LOG.line(wrong_empty)}",
        None,
    )
    leading = text(12).replace("\n12\n", "\n012\n")
    invalid(
        "size-zero-first",
        "a size with a leading zero",
        "checkpoint.size",
        400,
        "grown",
        "the size",
        "old 7",
        proof,
        f"{leading}\n{LOG.line(leading)}",
    )
    invalid(
        "no-signature",
        "a checkpoint without signature lines",
        "note.layout",
        400,
        "grown",
        "the signature",
        "old 7",
        proof,
        text(12),
    )
