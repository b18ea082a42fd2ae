"""Vectors of spec/encoding.md: the CBOR profile, envelopes and their signatures, passkeys."""

import json

from spec.vectors import kit
from spec.vectors.kit import Group, Key, P256Key, encode, group, shown

DEPTH, ITEMS, TEXT_BYTES, KEY_BYTES = 24, 20_000, 1 << 20, 64
ENVELOPE_BYTES, SIGNATURES, PASSKEY_BYTES = 32 * 1024, 128, 2_048

# --- section 2: the profile -------------------------------------------------------------------------------------------


@group(
    "encoding",
    format="spec/encoding.md section 2",
    about="Input: bytes. A valid case gives the value that they encode; encoding the value gives the bytes again.",
)
def encoding(group: Group) -> None:
    def valid(name, what, value):
        return group.valid(name, what, input=encode(value).hex(), value=shown(value))

    def invalid(name, what, data, reason, twin, differs):
        group.invalid(name, what, reason, f"encoding/{twin}", differs, input=data.replace(" ", ""))

    valid("null", "null", None)
    valid("false", "false", False)
    valid("true", "true", True)
    for number in (0, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1):
        valid(f"integer-{number}", "an integer in the shortest head that holds it", number)
    for number in (-1, -24, -25, -256, -257, -(2**32), -(2**63)):
        valid(f"integer-minus-{-number}", "a negative integer in the shortest head that holds it", number)
    valid("bytes-empty", "no bytes", b"")
    valid("bytes-2", "two bytes", b"\x01\x02")
    valid("bytes-24", "24 bytes: the head takes a second byte", bytes(24))
    valid("bytes-32", "a digest", bytes(32))
    like_cid = b"\x01\x71\x12\x1c" + bytes(28)
    valid("bytes-like-a-cid", "32 bytes that would also read as a CID of IPLD are bytes like any others", like_cid)
    valid("text-empty", "empty text", "")
    valid("text-ascii", "text", "a")
    valid("text-composed", "text in normalization form C: U+00E9", "\u00e9")
    valid("text-compatibility", "form C, not KC: the ligature U+FB01 stays", "\ufb01")
    valid("text-astral", "U+1F54A, four bytes of UTF-8", "\U0001f54a")
    valid("text-arabic", "letters that are written from right to left", "\u0633\u0644\u0627\u0645")
    valid("text-joiner", "U+200D joins letters; it has no direction", "a\u200db")
    valid("list-empty", "an empty list", [])
    valid("list-2", "a list of two", [0, 1])
    valid("map-empty", "an empty map", {})
    valid("map-1", "a map of one", {"a": 1})
    valid("map-order", "shorter keys first, keys of one length by their bytes", {"c": 0, "b": 1, "aa": 2})
    valid("map-key-64", "a key of 64 bytes", {"k" * KEY_BYTES: 0})
    valid("map-key-composed", "a key in normalization form C", {"\u00e9": 0})
    nested = 0
    for _ in range(DEPTH):
        nested = [nested]
    valid("depth-24", "the item within 24 lists is at depth 24", nested)
    group.valid(
        "items-20000",
        "a list and 19,999 members; the value is not repeated here",
        input=kit.pieces((b"\x99\x4e\x1f", 1), (b"\x00", ITEMS - 1)),
    )
    size = TEXT_BYTES - 5
    large = kit.pieces((b"\x5a" + size.to_bytes(4, "big"), 1), (b"\x00", size))
    group.valid("size-1-mib", "1,048,576 bytes; the value is not repeated here", input=large)

    malformed = "cbor.malformed"
    invalid("nothing", "no bytes at all", "", malformed, "null", "the one byte is missing")
    invalid("two-items", "bytes after the item", "f6 f6", malformed, "null", "another item follows")
    invalid("undefined", "undefined", "f7", malformed, "null", "the simple value is 23, not 22")
    invalid("simple-16", "an unassigned simple value", "f0", malformed, "false", "the simple value is 16, not 20")
    invalid("simple-two-bytes", "a simple value in two bytes", "f8 ff", malformed, "true", "the simple value is 255")
    invalid("float16", "a float of 16 bits", "f9 3c00", malformed, "integer-65535", "the major type is 7, not 0")
    invalid("float32", "a float of 32 bits", "fa 3f800000", malformed, "integer-65536", "the major type is 7, not 0")
    invalid(
        "float64",
        "a float of 64 bits",
        "fb 3ff0000000000000",
        malformed,
        "integer-4294967296",
        "the major type is 7, not 0",
    )
    invalid("float-nan", "not a number", "fb 7ff8000000000000", malformed, "integer-4294967296", "the value is NaN")
    invalid("tag-time", "a tagged integer", "c1 00", malformed, "integer-0", "tag 1 stands before the item")
    invalid("tag-self-described", "the tag of RFC 8949 3.4.6", "d9d9f7 00", malformed, "integer-0", "tag 55799")
    cid = kit.head(6, 42) + encode(b"\x00" + like_cid)
    invalid("tag-42", "a link of DAG-CBOR", cid.hex(), malformed, "bytes-like-a-cid", "tag 42 and its prefix 00")
    invalid("bignum", "a big integer", "c2 4101", malformed, "bytes-2", "tag 2 stands before the item")
    invalid("bytes-indefinite", "bytes of indefinite length", "5f 41 01 41 02 ff", malformed, "bytes-2", "the length")
    invalid("text-indefinite", "text of indefinite length", "7f 61 61 ff", malformed, "text-ascii", "the length")
    invalid("list-indefinite", "a list of indefinite length", "9f 00 01 ff", malformed, "list-2", "the length")
    invalid("map-indefinite", "a map of indefinite length", "bf 61 61 01 ff", malformed, "map-1", "the length")
    invalid("break", "a break that ends nothing", "ff", malformed, "null", "the byte is FF, not F6")
    invalid("reserved-head", "reserved additional information 28", "1c", malformed, "integer-23", "the head is 28")
    invalid("bytes-cut", "bytes that end early", "42 01", malformed, "bytes-2", "the last byte is missing")
    invalid("list-cut", "a list that ends early", "82 00", malformed, "list-2", "the last member is missing")
    invalid("map-cut", "a map that ends after a key", "a1 61 61", malformed, "map-1", "the member is missing")
    invalid("bytes-endless", "2^64 - 1 bytes are promised", "5b ffffffffffffffff 0102", malformed, "bytes-2", "length")
    invalid("list-endless", "2^64 - 1 members are promised", "9b ffffffffffffffff 0001", malformed, "list-2", "count")
    invalid("text-not-utf-8", "a byte that begins nothing in UTF-8", "61 ff", malformed, "text-ascii", "the byte is FF")
    invalid("text-overlong", "an overlong form of /", "62 c0af", malformed, "text-composed", "the two bytes are C0 AF")
    invalid("text-surrogate", "a lone surrogate, in bytes", "63 eda080", malformed, "text-composed", "text is U+D800")
    invalid("map-key-integer", "a key that is no text", "a1 01 01", malformed, "map-1", "the key is 1")
    invalid("map-key-bytes", "a key of bytes", "a1 41 61 01", malformed, "map-1", "the key's major type is 2, not 3")
    invalid("map-key-null", "null as a key", "a1 f6 01", malformed, "map-1", "the key is null")
    invalid(
        "map-key-twice",
        "a key twice",
        "a3 6162 00 6162 01 626161 02",
        malformed,
        "map-order",
        "the first two are alike",
    )
    invalid(
        "map-key-order",
        "keys out of order",
        "a3 6163 00 6162 01 626161 02",
        malformed,
        "map-order",
        "c stands before b",
    )
    invalid(
        "map-key-order-longer-first",
        "keys in the order of their letters, longer ones not last",
        "a3 626161 02 6162 01 6163 00",
        malformed,
        "map-order",
        "aa stands before b",
    )
    long_form = "cbor.not-deterministic"
    invalid(
        "integer-23-long", "23 in two bytes", "18 17", long_form, "integer-23", "the head is longer than it need be"
    )
    invalid("integer-255-long", "255 in three bytes", "19 00ff", long_form, "integer-255", "the head")
    invalid("integer-65535-long", "65,535 in five bytes", "1a 0000ffff", long_form, "integer-65535", "the head")
    invalid("integer-32-bits-long", "2^32 - 1 in nine", "1b 00000000ffffffff", long_form, "integer-4294967295", "head")
    invalid("integer-minus-24-long", "-24 in two bytes", "38 17", long_form, "integer-minus-24", "the head")
    invalid("bytes-length-long", "a length in two bytes", "58 02 0102", long_form, "bytes-2", "the head")
    invalid("text-length-long", "a length in two bytes", "78 01 61", long_form, "text-ascii", "the head")
    invalid("list-length-long", "a count in two bytes", "98 02 00 01", long_form, "list-2", "the head")
    invalid("map-length-long", "a count in two bytes", "b8 01 61 61 01", long_form, "map-1", "the head")
    invalid("map-key-length-long", "a key's length in two bytes", "a1 7801 61 01", long_form, "map-1", "the key's head")
    spread = "cbor.integer-range"
    invalid("integer-2-63", "2^63", "1b 8000000000000000", spread, f"integer-{2**63 - 1}", "one more")
    invalid("integer-2-64", "2^64 - 1", "1b ffffffffffffffff", spread, f"integer-{2**63 - 1}", "the first bit is set")
    invalid("integer-minus", "-2^63 - 1", "3b 8000000000000000", spread, f"integer-minus-{2**63}", "one less")
    text = "cbor.text"
    invalid("text-decomposed", "e and U+0301", encode("e\u0301").hex(), text, "text-composed", "the form is D")
    for number in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)):
        mark = encode(f"a{chr(number)}b").hex()
        invalid(f"text-u-{number:04x}", "an invisible mark", mark, text, "text-joiner", f"U+{number:04X}, not U+200D")
    key = encode({"e\u0301": 0}).hex()
    invalid("map-key-decomposed", "a key in form D", key, text, "map-key-composed", "the form is D")
    invalid("map-key-empty", "an empty key", "a1 60 01", "cbor.key", "map-1", "the key has no letter")
    long_key = encode({"k" * (KEY_BYTES + 1): 0}).hex()
    invalid("map-key-65", "a key of 65 bytes", long_key, "cbor.key", "map-key-64", "the key has one letter more")
    wide = encode({"\u00e9" * 32 + "k": 0}).hex()
    invalid("map-key-65-bytes", "33 letters in 65 bytes", wide, "cbor.key", "map-key-64", "the key")
    invalid("depth-25", "25 lists", "81" * (DEPTH + 1) + "00", "cbor.too-deep", "depth-24", "one list more")
    invalid("depth-map", "a map within 24 lists", "81" * DEPTH + "a1616100", "cbor.too-deep", "depth-24", "a map more")
    group.invalid(
        "depth-5000",
        "5,000 lists: deep enough to end a careless decoder",
        "cbor.too-deep",
        "encoding/depth-24",
        "4,976 lists more",
        input=kit.pieces((b"\x81", 5_000), (b"\x00", 1)),
    )
    group.invalid(
        "items-20001",
        "a list and 20,000 members",
        "cbor.too-many-items",
        "encoding/items-20000",
        "one member more",
        input=kit.pieces((b"\x99\x4e\x20", 1), (b"\x00", ITEMS)),
    )
    group.invalid(
        "size-1-mib-and-1",
        "1,048,577 bytes",
        "cbor.too-large",
        "encoding/size-1-mib",
        "one byte more",
        input=kit.pieces((b"\x5a" + (size + 1).to_bytes(4, "big"), 1), (b"\x00", size + 1)),
    )


# --- sections 3 to 5: envelopes ---------------------------------------------------------------------------------------

ANNA, BORIS, CLARA = (Key(f"member {name}") for name in ("Anna", "Boris", "Clara"))
HOLDER = Key("a negotiator")
ORDER_OF_GROUP = 2**252 + 27742317777372353535851937790883648493


def small_payload(kind: str = "reply") -> bytes:
    return encode({"kind": kind, "by": kit.chance("mandate"), "about": kit.chance("question")})


@group(
    "envelope",
    format="spec/encoding.md sections 3 to 5",
    about="Input: an envelope. A valid case gives its parts, the act id under `kind`, and for each signature its "
    "Sig_structure. `verify` asks about the signature at `index` and the public key `key`; without it only the layout "
    "is asked about, and the reason of an invalid case is the parser's.",
)
def envelope(group: Group) -> None:
    kind, payload = "reply", small_payload()
    one = kit.sign1(kind, payload, HOLDER)
    header = kit.protected(HOLDER.kid)
    signature = one[-64:]
    rows = [kit.row(kind, payload, key) for key in kit.in_order([ANNA, BORIS, CLARA])]

    def sign1_of(protected=header, unprotected=b"\xa0", body=None, last=None, start=b"\xd2\x84"):
        body = encode(payload) if body is None else body
        return start + encode(protected) + unprotected + body + (encode(signature) if last is None else last)

    def sign_of(*given, start=b"\xd8\x62\x84\x40\xa0", count=None, body=payload):
        head = kit.head(4, len(given)) if count is None else count
        return start + encode(body) + head + b"".join(given)

    def parts(form, body_header, listed):
        return {
            "kind": kind,
            "form": form,
            "payload": payload.hex(),
            "act_id": kit.digest(kind, body_header, payload).hex(),
            "signatures": [
                {"algorithm": -19, "kid": key.kid.hex(), "value": value.hex(), "sig_structure": over.hex()}
                for key, value, over in listed
            ],
        }

    def listed(*keys):
        for key in kit.in_order(keys):
            over = kit.sig_structure(b"", kit.protected(key.kid), kind, payload)
            yield key, key.sign(over), over

    over = kit.sig_structure(header, None, kind, payload)
    shape = parts("COSE_Sign1", header, [(HOLDER, signature, over)])
    good = {"key": HOLDER.public.hex(), "index": 0}
    sign1 = group.valid("sign1", "one key speaks", input=one.hex(), **shape, verify=good)
    single = group.valid(
        "sign-one",
        "an organ of one member",
        input=sign_of(*rows[:1]).hex(),
        **parts("COSE_Sign", b"", [*listed(*first())]),
    )
    three = kit.sign(kind, payload, ANNA, BORIS, CLARA)
    sign = group.valid(
        "sign-three",
        "three members, in ascending order of their public keys",
        input=three.hex(),
        **parts("COSE_Sign", b"", [*listed(ANNA, BORIS, CLARA)]),
        verify={"key": kit.in_order([ANNA, BORIS, CLARA])[2].public.hex(), "index": 2},
    )
    ordered = kit.in_order([ANNA, BORIS, CLARA])
    swapped = sign_of(rows[1], rows[0], rows[2])
    group.valid(
        "sign-unordered",
        "the layout allows any order; member order is the intake's and the fold's to ask for",
        input=swapped.hex(),
        form="COSE_Sign",
        kind=kind,
        act_id=kit.act_id(kind, payload).hex(),
    )
    many = group.valid(
        "sign-128",
        "128 signatures",
        input=kit.pieces((sign_of(count=b"\x98\x80"), 1), (rows[0], SIGNATURES)),
        form="COSE_Sign",
        kind=kind,
        act_id=kit.act_id(kind, payload).hex(),
    )
    filled = ENVELOPE_BYTES - len(sign1_of(body=b"")) - 3

    def filled_with(zeros):
        start, end = sign1_of(body=b"\x59" + zeros.to_bytes(2, "big") + b"|").split(b"|", maxsplit=1)
        return kit.pieces((start, 1), (b"\x00", zeros), (end, 1))

    largest = group.valid("size-32-kib", "32,768 bytes", input=filled_with(filled), form="COSE_Sign1")
    longest = passkey_row(PASSKEY_BYTES)
    passkey = group.valid(
        "passkey-2048", "a passkey's signature of 2,048 bytes", input=sign1_of(longest[0], last=longest[1]).hex()
    )

    def invalid(name, what, data, reason, differs, twin=sign1):
        given = data.hex() if isinstance(data, bytes) else data
        group.invalid(name, what, f"envelope.{reason}", twin, differs, input=given)

    def wrong_header(name, what, data, differs):
        invalid(name, what, sign1_of(protected=data), "header", differs)

    layout = "layout"
    invalid("nothing", "no bytes", b"", layout, "every byte is missing")
    invalid("untagged", "no tag", one[1:], layout, "the tag D2 is missing")
    invalid("tag-17", "the tag of COSE_Mac0", b"\xd1" + one[1:], layout, "the tag is 17")
    invalid("tag-long", "the tag in two bytes", b"\xd8\x12" + one[1:], layout, "the tag's head is longer")
    invalid("self-described", "tag 55799 before", b"\xd9\xd9\xf7" + one, layout, "a tag more")
    invalid("elements-3", "three elements", b"\xd2\x83" + one[2:-66], layout, "the signature is missing")
    invalid("elements-5", "five elements", b"\xd2\x85" + one[2:] + b"\xa0", layout, "an element more")
    invalid("list-indefinite", "indefinite length", b"\xd2\x9f" + one[2:] + b"\xff", layout, "the length")
    invalid(
        "body-map", "a protected header that is no byte string", one[:2] + header + one[16:], layout, "its wrapping"
    )
    unprotected = b"\xa1\x04" + encode(HOLDER.kid)
    invalid("unprotected-kid", "a kid that nobody signed", sign1_of(unprotected=unprotected), layout, "a kid there")
    algorithm = b"\xa1\x01" + encode(-19)
    invalid(
        "unprotected-alg", "an algorithm that nobody signed", sign1_of(unprotected=algorithm), layout, "an alg there"
    )
    invalid("detached", "a payload that is null", sign1_of(body=b"\xf6"), layout, "the payload is null")
    invalid("payload-text", "a payload of text", sign1_of(body=b"\x61\x61"), layout, "the payload's major type")
    indefinite = b"\x5f" + encode(payload) + b"\xff"
    invalid("payload-indefinite", "a payload in chunks", sign1_of(body=indefinite), layout, "the payload's length")
    stretched = b"\x59" + len(payload).to_bytes(2, "big") + payload
    invalid("payload-length-long", "a long length", sign1_of(body=stretched), layout, "the payload's head is longer")
    endless = b"\x5b" + b"\xff" * 8
    invalid("payload-endless", "2^64 - 1 bytes promised", sign1_of(body=endless), layout, "the payload's length")
    invalid("cut", "cut short", one[:-1], layout, "the last byte is missing")
    invalid("payload-empty", "an empty payload", sign1_of(body=b"\x40"), "payload", "the payload is empty")
    invalid("trailing", "a byte after", one + b"\x00", "trailing", "a byte more")
    invalid("trailing-envelope", "an envelope after", one + one, "trailing", "a second envelope follows")
    invalid("signature-63", "a short signature", sign1_of(last=encode(signature[:63])), "signature-length", "63 bytes")
    invalid(
        "signature-65", "a long signature", sign1_of(last=encode(signature + b"\0")), "signature-length", "65 bytes"
    )
    invalid("signature-none", "no signature", sign1_of(last=b"\x40"), "signature-length", "0 bytes")
    longer = passkey_row(PASSKEY_BYTES + 1)
    data = sign1_of(longer[0], last=longer[1])
    invalid("passkey-2049", "a passkey's, too long", data, "signature-length", "one byte more", twin=passkey)
    data = filled_with(filled + 1)
    invalid("size-32-kib-and-1", "32,769 bytes", data, "too-large", "one byte more", twin=largest)
    wrong_header("header-empty", "no protected header", b"", "the protected header is empty")
    wrong_header("header-empty-map", "an empty protected header", b"\xa0", "neither member")
    wrong_header("header-no-kid", "no kid", b"\xa1\x01\x32", "no kid")
    wrong_header("header-no-alg", "no algorithm", b"\xa1\x04\x48" + HOLDER.kid, "no algorithm")
    wrong_header("header-kid-7", "a short kid", kit.protected(HOLDER.kid[:7]), "the kid has 7 bytes")
    wrong_header("header-kid-9", "a long kid", kit.protected(HOLDER.kid + b"\0"), "the kid has 9 bytes")
    wrong_header("header-alg-eddsa", "the old EdDSA", kit.protected(HOLDER.kid, -8), "the algorithm is -8")
    wrong_header("header-alg-es256", "ES256 of its own", kit.protected(HOLDER.kid, -7), "the algorithm is -7")
    wrong_header("header-alg-none", "algorithm 0", kit.protected(HOLDER.kid, 0), "the algorithm is 0")
    wrong_header(
        "header-alg-text", "an algorithm by name", b"\xa2\x01\x65EdDSA\x04\x48" + HOLDER.kid, "text as algorithm"
    )
    crit = b"\xa3\x01\x32\x02\x81\x18\x63\x04\x48" + HOLDER.kid
    wrong_header("header-crit", "crit, which nobody here knows", crit, "crit names label 99")
    content = b"\xa3\x01\x32\x03\x00\x04\x48" + HOLDER.kid
    wrong_header("header-content-type", "a content type", content, "label 3 is present")
    order = b"\xa2\x04\x48" + HOLDER.kid + b"\x01\x32"
    wrong_header("header-order", "kid before alg", order, "the two members are exchanged")
    long_alg = b"\xa2\x01\x38\x12\x04\x48" + HOLDER.kid
    wrong_header("header-alg-long", "-19 in two bytes", long_alg, "the algorithm's head is longer")
    invalid("sign-tag-short", "tag 98 in four bytes", b"\xda\0\0\0\x62" + three[2:], layout, "tag's head", twin=sign)
    body = sign_of(*rows, start=b"\xd8\x62\x84\x41\xa0\xa0")
    invalid(
        "sign-body-header", "a body header", body, layout, "the body's protected header is an encoded map", twin=sign
    )
    body = sign_of(*rows, start=b"\xd8\x62\x84" + encode(header) + b"\xa0")
    invalid("sign-body-alg", "alg in the body", body, layout, "the body's protected header is a signer's", twin=sign)
    body = sign_of(*rows, start=b"\xd8\x62\x84\x40" + unprotected)
    invalid("sign-body-unprotected", "an unprotected kid", body, layout, "the body's unprotected header", twin=sign)
    four = b"\x84" + rows[0][1:] + b"\xa0"
    invalid("sign-row-4", "a signature of four", sign_of(four), layout, "an element more in the row", twin=single)
    loose = rows[0][:15] + b"\xa1\x04\x41\x00" + rows[0][16:]
    invalid("sign-row-unprotected", "an unprotected kid", sign_of(loose), layout, "the row's unprotected", twin=single)
    none = sign_of(count=b"\x80")
    invalid("sign-none", "no signature", none, "signature-count", "the list is empty", twin=single)
    data = kit.pieces((sign_of(count=b"\x98\x81"), 1), (rows[0], SIGNATURES + 1))
    invalid("sign-129", "129 signatures", data, "signature-count", "one signature more", twin=many)
    data = sign_of(*rows, count=b"\x98\x03")
    invalid("sign-count-long", "the count in two bytes", data, layout, "the count's head is longer", twin=sign)
    data = sign_of(*rows, count=b"\x9f") + b"\xff"
    invalid("sign-count-indefinite", "no count", data, layout, "the list's length is indefinite", twin=sign)
    data = sign_of(*rows, count=b"\x82")
    invalid("sign-count-less", "fewer than there are", data, "trailing", "the count is 2", twin=sign)
    invalid(
        "sign-body-empty", "an empty payload", sign_of(*rows, body=b""), "payload", "the payload is empty", twin=sign
    )

    def unverified(name, what, data, differs, *, key=HOLDER.public, index=0, twin=sign1, over=kind):
        asked = {"key": key.hex(), "index": index}
        group.invalid(name, what, "signature.invalid", twin, differs, input=data.hex(), kind=over, verify=asked)

    flipped = bytes([signature[0] ^ 1]) + signature[1:]
    unverified("verify-flipped", "a bit of R", sign1_of(last=encode(flipped)), "one bit of the signature")
    scalar = int.from_bytes(signature[32:], "little") + ORDER_OF_GROUP
    unreduced = signature[:32] + scalar.to_bytes(32, "little")
    unverified("verify-unreduced", "S + L for S", sign1_of(last=encode(unreduced)), "S is not reduced")
    other = bytearray(payload)
    other[-1] ^= 1
    unverified("verify-payload", "a bit of the payload", sign1_of(body=encode(bytes(other))), "one bit of the payload")
    kid = bytes([HOLDER.kid[0] ^ 1]) + HOLDER.kid[1:]
    data = sign1_of(protected=kit.protected(kid))
    unverified("verify-kid", "another kid: the header is signed, too", data, "one bit of the kid")
    unverified("verify-stranger", "another key", one, "the key that is asked about", key=ANNA.public)
    unverified("verify-kind", "under another kind's label", one, "the kind whose label is used", over="query")
    own = HOLDER.sign(kit.sig_structure(header, None, "query", payload))
    data = sign1_of(last=encode(own))
    unverified("verify-label", "signed under another kind's label", data, "the label that was signed")
    bare = HOLDER.sign(encode(["Signature1", header, b"", payload]))
    unverified("verify-no-label", "signed without a label", sign1_of(last=encode(bare)), "external_aad is empty")
    naked = HOLDER.sign(payload)
    unverified("verify-payload-only", "a signature of the payload", sign1_of(last=encode(naked)), "what was signed")
    crossed = HOLDER.sign(kit.sig_structure(b"", header, kind, payload))
    data = sign1_of(last=encode(crossed))
    unverified("verify-sign-in-sign1", "made for a COSE_Sign", data, "the context that was signed")
    crossed = ordered[2].sign(kit.sig_structure(kit.protected(ordered[2].kid), None, kind, payload))
    moved = b"\x83" + encode(kit.protected(ordered[2].kid)) + b"\xa0" + encode(crossed)
    data = sign_of(rows[0], rows[1], moved)
    asked = {"key": ordered[2].public, "index": 2, "twin": sign}
    unverified("verify-sign1-in-sign", "made for a COSE_Sign1", data, "the context that was signed", **asked)
    asked = {"key": ordered[1].public, "index": 2, "twin": sign}
    unverified("verify-neighbour", "a neighbour's key", three, "the key that is asked about", **asked)
    # The identity as R and as public key, S = 0: verifies for every message in a check that lets small orders pass.
    identity = b"\x01" + bytes(31)
    data = sign1_of(last=encode(identity + bytes(32)))
    unverified(
        "verify-small-order", "a key of small order that signs everything", data, "key and signature", key=identity
    )
    kinds = {
        "small-order-r": "R is of small order, and the equation holds",
        "cofactored": "holds only times the cofactor",
    }
    for name, torsion in (("small-order-r", None), ("cofactored", ORDER_8)):
        data = sign1_of(last=encode(crooked(HOLDER, over, torsion)))
        unverified(f"verify-{name}", kinds[name], data, "the signature")
    beyond = (2**255 - 18).to_bytes(32, "little")
    unverified("verify-key-encoding", "a key that is no reduced point", one, "the key asked about", key=beyond)


# Edwards arithmetic (RFC 8032 section 5.1.4, affine and slow), for signatures that only some verifiers accept.
FIELD = 2**255 - 19
D = -121665 * pow(121666, -1, FIELD) % FIELD
ORDER_8 = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def point(encoded: bytes) -> tuple[int, int]:
    y = int.from_bytes(encoded, "little") & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if x * x % FIELD != square:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    return (x if x & 1 == encoded[31] >> 7 else FIELD - x), y


def plus(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % FIELD
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, FIELD)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, FIELD)
    return x % FIELD, y % FIELD


def encoded_point(at: tuple[int, int]) -> bytes:
    return (at[1] | (at[0] & 1) << 255).to_bytes(32, "little")


def crooked(key: Key, message: bytes, torsion: bytes | None) -> bytes:
    """Return a signature whose R is the identity, or an honest R plus a point of small order."""
    seed = kit.hashlib.sha512(bytes(key.secret)).digest()
    scalar = int.from_bytes(seed[:32], "little") & (1 << 254) - 8 | 1 << 254
    nonce = 0
    r = b"\x01" + bytes(31)
    if torsion is not None:
        secret = kit.chance("a nonce of a signature")
        nonce = int.from_bytes(kit.hashlib.sha512(secret).digest()[:32], "little") & (1 << 254) - 8 | 1 << 254
        r = encoded_point(plus(point(bytes(kit.SigningKey(secret).verify_key)), point(torsion)))
    challenge = int.from_bytes(kit.hashlib.sha512(r + key.public + message).digest(), "little")
    return r + ((nonce + challenge * scalar) % ORDER_OF_GROUP).to_bytes(32, "little")


def first() -> tuple[Key, ...]:
    return (kit.in_order([ANNA, BORIS, CLARA])[0],)


def passkey_row(length: int) -> tuple[bytes, bytes]:
    """Return a passkey's protected header and a signature field of this length."""
    key = P256Key("passkey Anna")
    return kit.protected(key.kid, kit.PASSKEY_ES256), encode(bytes(length))


# --- section 6: passkeys ----------------------------------------------------------------------------------------------

RELYING_PARTY, ORIGIN = "vote.pourparler.example", "https://vote.pourparler.example"


@group(
    "passkey",
    format="spec/encoding.md section 6",
    about="Input: the signature field of a vote, to be verified for the registration `passkey` and the `act_id`. "
    "A valid case verifies.",
)
def passkey(group: Group) -> None:
    act_id = kit.chance("a vote")
    es256, ed25519 = P256Key("passkey Anna"), Key("passkey Boris")

    def client(**members) -> bytes:
        base = {
            "type": "webauthn.get",
            "challenge": kit.base64url(act_id),
            "origin": ORIGIN,
            "crossOrigin": False,
        }
        return json.dumps({**base, **members}, separators=(",", ":")).encode()

    data = kit.authenticator_data(RELYING_PARTY)
    plain = client()

    def registered(key):
        algorithm = kit.PASSKEY_ES256 if isinstance(key, P256Key) else kit.PASSKEY_ED25519
        return {
            "algorithm": algorithm,
            "key": key.public.hex(),
            "relying_party": RELYING_PARTY,
            "origin": ORIGIN,
        }

    def members(key, value):
        return {"passkey": registered(key), "act_id": act_id.hex(), "input": value.hex()}

    def by(key: Key | P256Key, short: str) -> None:
        def valid(name, what, auth=data, client_data=plain):
            return group.valid(f"{short}-{name}", what, **members(key, kit.assertion(key, auth, client_data)))

        def invalid(
            name, what, reason, differs, *, auth=data, client_data=plain, value=None, twin=f"passkey/{short}-plain"
        ):
            made = kit.assertion(key, auth, client_data) if value is None else value
            group.invalid(f"{short}-{name}", what, reason, twin, differs, **members(key, made))

        valid("plain", "an assertion by the registered passkey")
        valid("counter", "the counter is ignored", kit.authenticator_data(RELYING_PARTY, counter=2**32 - 1))
        valid(
            "flags",
            "backup flags and extension data do not matter",
            kit.authenticator_data(RELYING_PARTY, 0x9D) + b"\xa0",
        )
        filler = json.dumps({"other_keys_can_be_added_here": "do not compare clientDataJSON against a template"})
        valid("filler", "unknown members may be added", client_data=plain[:-1] + b"," + filler.encode()[1:])
        spaced = json.dumps(json.loads(plain), indent=1).encode()
        valid("spaced", "the JSON is read, not compared", client_data=spaced)
        no_cross = json.dumps({k: v for k, v in json.loads(plain).items() if k != "crossOrigin"}).encode()
        valid("no-cross-origin", "crossOrigin may be absent", client_data=no_cross)
        other = kit.base64url(kit.chance("another vote"))
        refused = "passkey.challenge"
        invalid("challenge", "made for another act", refused, "challenge", client_data=client(challenge=other))
        padded = kit.base64url(act_id) + "="
        invalid(
            "challenge-padded", "padding", refused, "the challenge has padding", client_data=client(challenge=padded)
        )
        hexed = act_id.hex()
        invalid(
            "challenge-hex",
            "the act id in hex",
            refused,
            "the challenge's notation",
            client_data=client(challenge=hexed),
        )
        origin = {"origin": "https://vote.pourparler.example.evil.example"}
        invalid("origin", "another origin", "passkey.origin", "origin", client_data=client(**origin))
        origin = {"origin": "http://vote.pourparler.example"}
        invalid("origin-scheme", "http", "passkey.origin", "the origin's scheme", client_data=client(**origin))
        origin = {"origin": ORIGIN + "/"}
        invalid(
            "origin-slash", "compared whole", "passkey.origin", "the origin ends in /", client_data=client(**origin)
        )
        crossed = client(crossOrigin=True)
        invalid("cross-origin", "asked for in a frame", "passkey.origin", "crossOrigin", client_data=crossed)
        crossed = client(crossOrigin="false")
        invalid("cross-origin-text", "text for false", "passkey.origin", "crossOrigin's type", client_data=crossed)
        wrong_type = client(type="webauthn.create")
        invalid("type", "a registration, not an assertion", "passkey.type", "type", client_data=wrong_type)
        auth = kit.authenticator_data("pourparler.example")
        invalid("relying-party", "another relying party", "passkey.relying-party", "rpIdHash", auth=auth)
        user = "passkey.user"
        invalid("not-present", "no user present", user, "flag UP", auth=kit.authenticator_data(RELYING_PARTY, 0x04))
        invalid("not-verified", "no user verified", user, "flag UV", auth=kit.authenticator_data(RELYING_PARTY, 0x01))
        malformed = "passkey.malformed"
        twice = plain[:-1] + b',"challenge":"' + kit.base64url(act_id).encode() + b'"}'
        invalid("twice", "a member twice", malformed, "challenge stands twice", client_data=twice)
        invalid(
            "no-json", "clientDataJSON is no JSON", malformed, "clientDataJSON lacks its end", client_data=plain[:-1]
        )
        listed = b"[" + plain + b"]"
        invalid(
            "json-list", "clientDataJSON is a list", malformed, "clientDataJSON stands in a list", client_data=listed
        )
        for name, what, given in (
            ("empty-list", "clientDataJSON is an empty list", b"[]"),
            ("not-a-number", "NaN is no JSON", plain[:-1] + b',"x":NaN}'),
            ("infinity", "Infinity is no JSON", plain[:-1] + b',"x":-Infinity}'),
            ("deep", "brackets nine deep", plain[:-1] + b',"x":' + b"[" * 8 + b"]" * 8 + b"}"),
        ):
            invalid(name, what, malformed, "clientDataJSON", client_data=given)
        valid("eight-deep", "brackets eight deep", client_data=plain[:-1] + b',"x":' + b"[" * 7 + b"]" * 7 + b"}")
        latin = client(note="x").replace(b'"x"', b'"\xff"')
        invalid("not-utf-8", "clientDataJSON is no UTF-8", malformed, "a member that is no UTF-8", client_data=latin)
        invalid("short", "36 bytes of authenticatorData", malformed, "a byte is missing", auth=data[:-1])
        message = data + kit.hashlib.sha256(plain).digest()
        signature = key.sign(message)
        invalid("list-2", "two members", malformed, "the signature is missing", value=encode([data, plain]))
        invalid("list-4", "four members", malformed, "a member more", value=encode([data, plain, signature, b""]))
        invalid(
            "text", "text for clientDataJSON", malformed, "its type", value=encode([data, plain.decode(), signature])
        )
        invalid("map", "a map", malformed, "the outer type", value=encode({"signature": [data, plain, signature]}))
        trailing = encode([data, plain, signature]) + b"\x00"
        invalid("trailing", "a byte after", malformed, "a byte more", value=trailing)
        bad = signature[:-1] + bytes([signature[-1] ^ 1])
        refused = "signature.invalid"
        invalid("flipped", "a bit of the signature", refused, "one bit", value=encode([data, plain, bad]))
        direct = key.sign(act_id)
        invalid(
            "no-ceremony",
            "the act id, signed directly",
            refused,
            "what was signed",
            value=encode([data, plain, direct]),
        )
        changed = plain.replace(b'"crossOrigin":false', b'"crossOrigin": false')
        invalid("space", "a space more than was signed", refused, "a space", value=encode([data, changed, signature]))
        stranger = type(key)("passkey of a stranger")
        invalid("stranger", "another passkey's", refused, "the key", value=kit.assertion(stranger, data, plain))

    by(es256, "es256")
    by(ed25519, "ed25519")
    signature = es256.sign(data + kit.hashlib.sha256(plain).digest())
    raw = kit.encode([data, plain, raw_of(signature)])
    group.invalid(
        "es256-raw",
        "r and s in 64 bytes, as COSE has them: WebAuthn has DER",
        "signature.invalid",
        "passkey/es256-plain",
        "the notation of the signature",
        **members(es256, raw),
    )


def raw_of(der: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    return b"".join(number.to_bytes(32, "big") for number in decode_dss_signature(der))
