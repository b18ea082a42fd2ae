"""Vectors of spec/receipt.md: receipts of inclusion and of consistency, statements, transparent statements."""

import hashlib

from spec.vectors import kit
from spec.vectors.kit import Group, Key, encode, group, head

ORIGIN = "ledger.example/talks"
LEDGER, OTHER, POST = Key("ledger"), Key("other ledger"), Key("post")
ENTRIES = [f"entry {number}".encode() for number in range(7)]
ACT_PAYLOAD = encode({"by": bytes(32), "kind": "revoke", "target": bytes(32)})
ACT = kit.sign1("revoke", ACT_PAYLOAD, Key("agent"))
SUBJECT = hashlib.sha256(ACT).hexdigest()
EDDSA, ED25519 = -8, -19


# --- the tree (spec/ledger.md section 3), by its definition -----------------------------------------------------------


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def root(entries: list[bytes]) -> bytes:
    if len(entries) == 1:
        return leaf(entries[0])
    cut = 1 << (len(entries) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(entries[:cut]) + root(entries[cut:])).digest()


def inclusion(index: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    cut = 1 << (len(entries) - 1).bit_length() - 1
    if index < cut:
        return [*inclusion(index, entries[:cut]), root(entries[cut:])]
    return [*inclusion(index - cut, entries[cut:]), root(entries[:cut])]


def consistency(old: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    if old == len(entries):
        return [] if whole else [root(entries)]
    cut = 1 << (len(entries) - 1).bit_length() - 1
    if old <= cut:
        return [*consistency(old, entries[:cut], whole), root(entries[cut:])]
    return [*consistency(old - cut, entries[cut:], False), root(entries[:cut])]


# --- COSE_Sign1 -------------------------------------------------------------------------------------------------------


def covered(header: bytes, payload: bytes) -> bytes:
    return encode(["Signature1", header, b"", payload])


def sign1(header: bytes, unprotected: bytes, payload: bytes | None, signature: bytes) -> bytes:
    return b"\xd2\x84" + encode(header) + unprotected + encode(payload) + encode(signature)


def receipt_header(alg=EDDSA, issuer=ORIGIN, vds=1, **changes) -> dict:
    header = {1: alg, 4: LEDGER.public, 15: {1: issuer, 2: SUBJECT}, 395: vds}
    header |= {int(name.removeprefix("l")): value for name, value in changes.items()}
    return {label: value for label, value in header.items() if value is not None}


def receipt(proof, signed_root: bytes, *, kind=-1, header=None, key=LEDGER, unprotected=None, payload=None) -> bytes:
    protected = encode(receipt_header() if header is None else header)
    unprotected = {396: {kind: [encode(proof)]}} if unprotected is None else unprotected
    return sign1(protected, encode(unprotected), payload, key.sign(covered(protected, signed_root)))


@group(
    "receipt",
    format="spec/receipt.md sections 3 to 5",
    about="Input: a receipt, to be verified with the ledger's `origin` and `key`: of inclusion for the `entry`, or of "
    "consistency for the older tree of `old_size` and `old_root`. A valid case verifies; it proves no index.",
)
def receipts(group: Group) -> None:
    at = {"origin": ORIGIN, "key": LEDGER.public.hex()}
    whole = root(ENTRIES)
    proof = [7, 3, inclusion(3, ENTRIES)]
    here = {**at, "entry": ENTRIES[3].hex()}

    def valid(name, what, data, **members):
        return group.valid(name, what, **{**here, **members}, input=data.hex())

    def invalid(name, what, reason, differs, data, twin="inclusion", **members):
        group.invalid(name, what, reason, f"receipt/{twin}", differs, **{**here, **members}, input=data.hex())

    good = receipt(proof, whole)
    valid("inclusion", "entry 3 of 7", good)
    valid("first", "entry 0 of 7", receipt([7, 0, inclusion(0, ENTRIES)], whole), entry=ENTRIES[0].hex())
    valid("last", "entry 6 of 7: a short path", receipt([7, 6, inclusion(6, ENTRIES)], whole), entry=ENTRIES[6].hex())
    two = receipt([2, 1, inclusion(1, ENTRIES[:2])], root(ENTRIES[:2]))
    valid("two-entries", "the smallest tree that has receipts", two, entry=ENTRIES[1].hex())
    valid("ed25519", "the algorithm by the name of RFC 9864", receipt(proof, whole, header=receipt_header(alg=ED25519)))
    valid("extra-label", "a label that we do not know", receipt(proof, whole, header=receipt_header(l16="x")))
    valid(
        "issued-at",
        "a claim that says when",
        receipt(proof, whole, header=receipt_header(l15={1: ORIGIN, 2: "x", 6: 1})),
    )
    pairs = [encode(label) + encode(value) for label, value in reversed(receipt_header().items())]
    order = head(5, 4) + b"".join(pairs)
    signed = LEDGER.sign(covered(order, whole))
    valid("order", "labels in another order", sign1(order, encode({396: {-1: [encode(proof)]}}), None, signed))
    what = "size 8 instead of 7, with the same path to the same root: a receipt proves no size and no index"
    valid("another-size", what, receipt([8, 3, inclusion(3, ENTRIES)], whole))

    consistent = {**at, "entry": None, "old_size": 3, "old_root": root(ENTRIES[:3]).hex()}
    longer = receipt([3, 7, consistency(3, ENTRIES)], whole, kind=-2)

    def about_trees(size, **changes):
        return {**at, "entry": None, "old_size": size, "old_root": root(ENTRIES[:size]).hex(), **changes}

    valid("consistency", "a tree of 7 begins with one of 3", longer, **consistent)
    four = receipt([4, 7, consistency(4, ENTRIES)], whole, kind=-2)
    valid("consistency-power-of-two", "the older root starts the path itself", four, **about_trees(4))

    # The bytes.
    invalid("too-large", "more than 65,536 bytes", "cose.too-large", "the length of the path", good + bytes(65_536))
    invalid("untagged", "no tag", "cose.layout", "tag 18", good[1:])
    invalid("other-tag", "a COSE_Sign", "cose.layout", "tag 18", b"\xd8\x62" + good[1:])
    invalid("trailing", "a byte follows", "cose.malformed", "a byte at the end", good + b"\x00")
    invalid("cut", "the last byte is missing", "cose.malformed", "the last byte", good[:-1])
    protected = encode(receipt_header())
    body = encode({396: {-1: [encode(proof)]}}) + encode(None) + good[-66:]
    long_head = b"\xd2\x84\x59" + len(protected).to_bytes(2, "big") + protected + body
    invalid(
        "long-head", "a head longer than it need be", "cose.malformed", "the head of the protected header", long_head
    )
    twice = head(5, 2) + encode(396) + encode({-1: [encode(proof)]}) + encode(396) + encode({-1: [encode(proof)]})
    invalid("label-twice", "a label stands twice", "cose.malformed", "the label 396",
            sign1(protected, twice, None, good[-64:]))  # fmt: skip
    endless = b"\xbf" + encode(396) + encode({-1: [encode(proof)]}) + b"\xff"
    invalid("indefinite", "a map of indefinite length", "cose.malformed", "the head of the unprotected header",
            sign1(protected, endless, None, good[-64:]))  # fmt: skip
    deep = b"\x81" * 12 + b"\x00"
    invalid(
        "deep", "lists too deep", "cose.malformed", "the unprotected header", sign1(protected, deep, None, good[-64:])
    )
    invalid("float", "a float", "cose.malformed", "the unprotected header",
            sign1(protected, b"\xa1\x00\xf9\x3c\x00", None, good[-64:]))  # fmt: skip
    invalid("header-no-map", "the protected header is a list", "cose.layout", "the protected header",
            sign1(encode([1]), encode({396: {-1: [encode(proof)]}}), None, good[-64:]))  # fmt: skip
    invalid("signature-63", "a signature of 63 bytes", "cose.layout", "the signature",
            sign1(protected, encode({396: {-1: [encode(proof)]}}), None, good[-64:-1]))  # fmt: skip

    # The header.
    def altered(name, what, differs, **changes):
        invalid(name, what, "receipt.header", differs, receipt(proof, whole, header=receipt_header(**changes)))

    altered("vds-2", "another verifiable data structure", "395", vds=2)
    altered("no-vds", "no verifiable data structure", "395", vds=None)
    altered("es256", "an algorithm that we do not have", "1", alg=-7)
    altered("no-alg", "no algorithm", "1", alg=None)
    altered("no-kid", "no kid", "4", l4=None)
    altered("critical", "a label marked critical", "2", l2=[395])
    altered("no-claims", "no claims", "15", l15=None)
    altered("no-subject", "no subject", "15", l15={1: ORIGIN})
    altered("expires", "a claim that limits the receipt in time", "15", l15={1: ORIGIN, 2: SUBJECT, 4: 1})

    # The unprotected header, the payload, the proof.
    def beside(name, what, differs, unprotected, reason="receipt.unprotected"):
        invalid(name, what, reason, differs, receipt(proof, whole, unprotected=unprotected))

    rows = {-1: [encode(proof)]}
    beside("vds-unprotected", "vds in the unprotected header, too", "395", {395: 1, 396: rows})
    beside("alg-unprotected", "alg in the unprotected header, too", "1", {1: EDDSA, 396: rows})
    beside("no-proofs", "no proofs", "396", {})
    beside("no-proof", "an empty list of proofs", "396.-1", {396: {-1: []}})
    beside(
        "two-proofs", "two proofs, one of them bad", "396.-1", {396: {-1: [encode(proof), encode([7, 2, proof[2]])]}}
    )
    beside("two-kinds", "proofs of two kinds", "396", {396: rows | {-2: [encode(proof)]}})
    beside("other-kind", "a proof of a kind that is not registered", "396", {396: {-3: [encode(proof)]}})
    beside("proof-unwrapped", "a proof that is no byte string", "396.-1.0", {396: {-1: [proof]}})
    invalid("attached", "the root is attached", "receipt.payload", "the payload", receipt(proof, whole, payload=whole))
    other_root = root(ENTRIES[:5])
    invalid("attached-other", "another root is attached, and signed", "receipt.payload", "the payload",
            receipt(proof, other_root, payload=other_root))  # fmt: skip

    def proved(name, what, reason, differs, changed, twin="inclusion", **members):
        invalid(name, what, reason, differs, receipt(changed, whole), twin, **members)

    proved(
        "no-path", "a path of no hashes: a tree of one entry has no receipt", "receipt.proof", "the path", [1, 0, []]
    )
    proved("negative", "a negative index", "receipt.proof", "the index", [7, -1, proof[2]])
    proved("four-parts", "a part too many", "receipt.proof", "a fourth part", [*proof, 0])
    proved("path-64", "64 hashes", "receipt.proof", "the path", [7, 3, [bytes(32)] * 64])
    proved("hash-31", "a hash of 31 bytes", "tree.hash-length", "the path", [7, 3, [bytes(31), *proof[2][1:]]])
    proved("index-7", "the index is the size", "tree.index", "the index", [7, 7, proof[2]])
    proved("size-2-63", "a size of 2^63", "tree.size", "the size", [2**63, 3, proof[2]])
    proved("path-long", "a hash too many", "proof.length", "the path", [7, 3, [*proof[2], bytes(32)]])
    proved("path-short", "a hash too few", "proof.length", "the path", [7, 3, proof[2][:-1]])

    # What it proves.
    invalid("other-entry", "another entry", "receipt.signature", "the entry", good, entry=ENTRIES[2].hex())
    invalid("other-key", "signed with another key", "receipt.signature", "the key", receipt(proof, whole, key=OTHER))
    invalid("other-issuer", "of another ledger with this key", "receipt.issuer", "15.1",
            receipt(proof, whole, header=receipt_header(issuer="ledger.example/other")))  # fmt: skip
    proved("path-other", "a hash of the path is another", "receipt.signature", "the path",
           [7, 3, [bytes(32), *proof[2][1:]]])  # fmt: skip
    invalid("kind", "a receipt of consistency, for an entry", "receipt.kind", "the kind of proof", longer)
    invalid("kind-other", "a receipt of inclusion, for an older tree", "receipt.kind", "the kind of proof", good,
            "consistency", **consistent)  # fmt: skip
    invalid("consistency-size", "it starts from another size than the verifier's", "proof.sizes", "the older size",
            receipt([4, 7, consistency(3, ENTRIES)], whole, kind=-2), "consistency", **consistent)  # fmt: skip
    invalid("consistency-back", "the older tree is the larger", "proof.sizes", "the newer size",
            receipt([3, 2, consistency(3, ENTRIES)], whole, kind=-2), "consistency", **consistent)  # fmt: skip
    invalid("consistency-equal", "from a tree to itself", "receipt.no-path", "the newer size",
            receipt([3, 3, consistency(3, ENTRIES)], whole, kind=-2), "consistency", **consistent)  # fmt: skip
    invalid("consistency-root", "the verifier holds another older root", "proof.inconsistent", "the older root", longer,
            "consistency", **about_trees(3, old_root=root(ENTRIES[4:]).hex()))  # fmt: skip
    invalid("consistency-signed", "the newer root is not the one signed", "receipt.signature", "what is signed",
            receipt([3, 7, consistency(3, ENTRIES)], root(ENTRIES[:6]), kind=-2),
            "consistency", **consistent)  # fmt: skip


# --- statements -------------------------------------------------------------------------------------------------------


def statement_header(alg=EDDSA, key=POST, **changes) -> dict:
    header = {1: alg, 4: key.public, 15: {1: "Us, by post", 2: SUBJECT}, 258: -16, 259: 18}
    header |= {int(name.removeprefix("l")): value for name, value in changes.items()}
    return {label: value for label, value in header.items() if value is not None}


def statement(header=None, payload=None, *, key=POST, unprotected=None, protected=None) -> bytes:
    protected = encode(statement_header() if header is None else header) if protected is None else protected
    payload = hashlib.sha256(ACT).digest() if payload is None else payload
    return sign1(protected, encode(unprotected or {}), payload, key.sign(covered(protected, payload)))


@group(
    "statement",
    format="spec/receipt.md section 6",
    about="Input: a signed statement, as a ledger takes it in. A valid case gives what it says. `entry` is the entry "
    "that it is about, whose hash it has.",
)
def statements(group: Group) -> None:
    about = {"entry": ACT.hex()}

    def valid(name, what, data, **says):
        told = {"key": POST.public.hex(), "issuer": "Us, by post", "location": "", **says}
        return group.valid(name, what, **about, **told, id_is=kit.digest("statement", data).hex(), input=data.hex())

    def invalid(name, what, reason, differs, data):
        group.invalid(name, what, reason, "statement/least", differs, **about, input=data.hex())

    good = statement()
    valid("least", "somebody hands in a revocation", good)
    valid("ed25519", "the algorithm by the name of RFC 9864", statement(statement_header(alg=ED25519)))
    where = "https://ledger.example/talks/7"
    valid("location", "with where the act may be found", statement(statement_header(l260=where)), location=where)
    other = Key("another post")
    valid("another-key", "another submitter", statement(statement_header(key=other), key=other), key=other.public.hex())

    def altered(name, what, differs, **changes):
        invalid(name, what, "statement.header", differs, statement(statement_header(**changes)))

    altered("no-kid", "no kid", "4", l4=None)
    altered("kid-8", "a kid of 8 bytes: whose key that is would need a directory", "4", l4=POST.kid)
    altered("es256", "an algorithm that we do not have", "1", alg=-7)
    altered("no-claims", "no claims", "15", l15=None)
    altered("no-issuer", "no issuer", "15", l15={2: SUBJECT})
    altered("issuer-empty", "an empty issuer", "15", l15={1: "", 2: SUBJECT})
    altered("issuer-257", "an issuer of 257 bytes", "15", l15={1: "x" * 257, 2: SUBJECT})
    altered("issuer-hidden", "an issuer that changes its reading direction", "15", l15={1: "a\u202eb", 2: SUBJECT})
    altered("issuer-control", "a line feed in the issuer", "15", l15={1: "a\nb", 2: SUBJECT})
    altered("more-claims", "a claim too many", "15", l15={1: "Us, by post", 2: SUBJECT, 6: 1})
    altered("hash-384", "another hash", "258", l258=-43)
    altered("no-hash", "no hash algorithm: the payload would be the content itself", "258", l258=None)
    altered("form-17", "a preimage that is no signed envelope", "259", l259=17)
    altered("form-text", "a preimage named by text", "259", l259="application/cose")
    altered("content-type", "label 3, which RFC 9995 forbids", "3", l3="application/cose")
    altered("critical", "a label marked critical", "2", l2=[258])
    altered("extra-label", "a label too many", "16", l16="application/example+cose")
    altered("location-empty", "an empty location", "260", l260="")
    altered("location-bytes", "a location that is no text", "260", l260=b"x")

    altered("subject", "a subject that is not the hash: it could name the act to whoever guesses it", "15",
            l15={1: "Us, by post", 2: kit.act_id("revoke", ACT_PAYLOAD, Key("agent")).hex()})  # fmt: skip
    invalid("payload-31", "a hash of 31 bytes", "statement.payload", "the payload", statement(payload=bytes(31)))
    protected = encode(statement_header())
    detached = sign1(protected, encode({}), None, POST.sign(covered(protected, hashlib.sha256(ACT).digest())))
    invalid("detached", "the hash is not in it", "statement.payload", "the payload", detached)
    invalid("unprotected", "something in the unprotected header", "statement.unprotected", "the unprotected header",
            statement(unprotected={4: b"x"}))  # fmt: skip
    invalid("receipts", "a transparent statement is not registered again", "statement.unprotected",
            "the unprotected header", statement(unprotected={394: [b"x"]}))  # fmt: skip
    pairs = [encode(label) + encode(value) for label, value in reversed(statement_header().items())]
    invalid("order", "labels in another order", "statement.not-deterministic", "the order of the labels",
            statement(protected=head(5, 5) + b"".join(pairs)))  # fmt: skip
    invalid("other-key", "signed with another key", "statement.signature", "the key", statement(key=Key("other")))
    weak = statement_header() | {4: b"\x01" + bytes(31)}
    small = encode(weak)
    payload = hashlib.sha256(ACT).digest()
    invalid("weak-key", "a key of small order, under which one signature fits everything", "statement.signature", "4",
            sign1(small, encode({}), payload, b"\x01" + bytes(63)))  # fmt: skip
    changed = encode(statement_header(l259=98))
    invalid("spoilt", "changed after it was signed", "statement.signature", "259",
            sign1(changed, encode({}), payload, good[-64:]))  # fmt: skip


@group(
    "transparent",
    format="spec/receipt.md section 6",
    about="Input: a transparent statement, whose first receipt is to be verified with the ledger's `origin` and `key` "
    "for the statement in it. `statement` are the bytes that were registered.",
)
def transparents(group: Group) -> None:
    at = {"origin": ORIGIN, "key": LEDGER.public.hex()}
    registered = statement()
    entries = [*ENTRIES[:4], registered]
    mine = receipt([5, 4, inclusion(4, entries)], root(entries))

    def shown(name, what, data):
        return group.valid(name, what, **at, statement=registered.hex(), input=data.hex())

    def invalid(name, what, reason, differs, data):
        group.invalid(name, what, reason, "transparent/one", differs, **at, input=data.hex())

    tail = encode(hashlib.sha256(ACT).digest()) + encode(registered[-64:])

    def joined(receipts, tail=tail, more=None):
        return b"\xd2\x84" + encode(encode(statement_header())) + encode({394: receipts} | (more or {})) + tail

    shown("one", "the statement is entry 4 of 5", joined([mine]))
    shown("two", "and a receipt of another service, which is passed over", joined([mine, b"\xd2"]))
    invalid("none", "an empty list of receipts", "statement.unprotected", "394", joined([]))
    invalid("seventeen", "17 receipts", "statement.unprotected", "394", joined([mine] * 17))
    invalid("beside", "a label beside the receipts", "statement.unprotected", "16", joined([mine], more={16: "x"}))
    invalid("unwrapped", "a receipt that is no byte string", "statement.unprotected", "394", joined([0]))
    of_another = receipt([5, 4, inclusion(4, entries)], root(entries), header=receipt_header(issuer="other.example"))
    invalid("other-ledger", "the receipt of another ledger", "receipt.issuer", "394.0", joined([of_another]))
    signed_again = statement(statement_header(key=Key("other")), key=Key("other"))
    fake = b"\xd2\x84" + encode(encode(statement_header(key=Key("other")))) + encode({394: [mine]})
    invalid("other-signer", "a receipt for the same payload by another signer", "receipt.signature", "the statement",
            fake + encode(hashlib.sha256(ACT).digest()) + encode(signed_again[-64:]))  # fmt: skip
    spoilt = encode(hashlib.sha256(ACT).digest()) + encode(bytes([registered[-64] ^ 1]) + registered[-63:])
    invalid("spoilt", "the statement's signature is another", "statement.signature", "the signature",
            joined([mine], spoilt))  # fmt: skip
