"""Vectors of spec/frame.md: frames of the four forms, objects, and frames that together are an object."""

import raptorq

from spec.vectors import kit
from spec.vectors.kit import Group, Key, group

PARTY = kit.chance("frame party")
RELAY, OTHER = Key("frame relay"), Key("frame relay 2")
MEMBERS = [Key(f"frame member {n}") for n in range(3)]
HOLDER = Key("frame holder")
LABEL = b"pourparler/frame/1\x00"
ROOM = 233 - 17 - 64


def payload(kind: str, **fields) -> bytes:
    return kit.encode({"kind": kind, **fields})


DISMISSAL = payload("dismiss", organ=kit.chance("organ"), prior=kit.chance("prior"), mandate=kit.chance("mandate"))
SUSPENSION = payload("suspend", organ=kit.chance("organ"), target=kit.chance("mandate"), at=1_000)
REPLIES = [payload("reply", by=kit.chance("mandate"), about=kit.chance(f"order {n}")) for n in range(12)]


def head(form: int, tag: bytes, length: int, number: int, first: int = 0xD1) -> bytes:
    return bytes([first, form]) + tag[:8] + length.to_bytes(3, "big") + number.to_bytes(4, "big")


def telegram(data: bytes, tag: bytes, number: int = 0, length: int | None = None, first: int = 0xD1) -> bytes:
    return head(1, tag, len(data) if length is None else length, number, first) + data


def part(data: bytes, tag: bytes, key: Key, kind: str = "dismiss") -> bytes:
    header = kit.protected(key.kid)
    signature = key.sign(kit.sig_structure(b"", header, kind, data))
    return head(2, tag, len(data), 0) + data + key.kid + signature


def digest(data: bytes) -> bytes:
    return kit.digest("object", data)


def size_of(data: bytes, room: int = ROOM) -> int:
    k = -(-len(data) // room)
    least = -(-len(data) // k)
    return least + -least % 8


def symbols(data: bytes, wanted, size: int | None = None) -> list[tuple[int, bytes]]:
    """Return an object's symbols by number: those below k are its pieces, the others the library's."""
    size = size or size_of(data)
    k = -(-len(data) // size)
    packets = raptorq.Encoder.with_defaults(data, size).get_encoded_packets(max(0, max(wanted) + 1 - k))
    for number in range(k):
        assert packets[number][4:] == data[number * size : (number + 1) * size].ljust(size, b"\0")
    return [(number, packets[number][4:]) for number in wanted]


def symbol(data: bytes, number: int, value: bytes, key: Key | None = RELAY, party: bytes = PARTY, **changed) -> bytes:
    """Return the frame of a symbol; without a key it is bare."""
    length, hint = changed.get("length", len(data)), changed.get("hint", key.kid[0] if key else 0)
    signed = head(3 if key else 4, digest(data), length, hint << 24 | number) + value
    return signed + (key.sign(LABEL + party + signed) if key else b"")


def envelopes() -> list[bytes]:
    found = [(kit.act_id("reply", p, HOLDER), kit.sign1("reply", p, HOLDER)) for p in REPLIES]
    return [envelope for _, envelope in sorted(found)]


BATCH = kit.encode(envelopes())
DISMISSED = kit.sign("dismiss", DISMISSAL, *MEMBERS)
ORDER = kit.encode([DISMISSED])


@group(
    "frame",
    format="spec/frame.md",
    about="A case with an `input` reads one frame: of `form`, with the `act_id` of a telegram or part, or the `length`,"
    " `number` and `size` of a symbol, which one of `keys` has signed for `party`; bare symbols are admitted where"
    " `bare` is true. A case with `frames` receives them one by one, and the last makes the object `object` whole.",
)
def frames(group: Group) -> None:
    telegrams(group)
    parts(group)
    single(group)
    together(group)


def telegrams(group: Group) -> None:
    data, name = kit.sign1("suspend", SUSPENSION, MEMBERS[0]), kit.act_id("suspend", SUSPENSION, MEMBERS[0])
    good = telegram(data, name)
    said = {"form": "TELEGRAM", "act_id": name.hex()}
    twin = group.valid("telegram", "a suspension as a telegram", input=good.hex(), **said)
    order = kit.act_id("dismiss", DISMISSAL)
    group.valid(
        "telegram-organ", "a dismissal by three members, for a channel of 1,200 bytes",
        input=telegram(DISMISSED, order).hex(), form="TELEGRAM", act_id=order.hex(),
    )  # fmt: skip

    def bad(name_: str, what: str, reason: str, differs: str, frame: bytes) -> None:
        group.invalid(name_, what, reason, twin, differs, input=frame.hex(), **said)

    bad("empty", "a header alone", "frame.size", "the body is cut off", good[:17])
    bad("nothing", "no bytes", "frame.size", "everything is cut off", b"")
    long = telegram(data + bytes(4_096 - 16 - len(data)), name)
    bad("long", "4,097 bytes", "frame.size", "zeros follow", long)
    bad(
        "version",
        "the first byte of another version",
        "frame.version",
        "the first byte",
        telegram(data, name, first=0xD2),
    )
    bad("form-0", "no such form", "frame.form", "the form is 0", good[:1] + b"\x00" + good[2:])
    bad("form-5", "no such form", "frame.form", "the form is 5", good[:1] + b"\x05" + good[2:])
    bad(
        "length-short",
        "a body longer than the header says",
        "frame.length",
        "the length is less by one",
        telegram(data, name, length=len(data) - 1),
    )
    bad(
        "length-long",
        "a body shorter than the header says",
        "frame.length",
        "the length is more by one",
        telegram(data, name, length=len(data) + 1),
    )
    bad("numbered", "a telegram with a number", "frame.number", "the number is 1", telegram(data, name, number=1))
    bad(
        "tag",
        "the tag of another act",
        "frame.tag",
        "one bit of the tag",
        telegram(data, bytes([name[0] ^ 1]) + name[1:]),
    )
    bad(
        "no-envelope",
        "a body that is no envelope",
        "envelope.layout",
        "the first byte of the body",
        telegram(b"\x00" + data[1:], name),
    )


def parts(group: Group) -> None:
    name = kit.act_id("dismiss", DISMISSAL)
    good = part(DISMISSAL, name, MEMBERS[0])
    assert len(good) <= 233
    said = {"form": "PART", "act_id": name.hex()}
    twin = group.valid("part", "one member's signature of a dismissal", input=good.hex(), **said)
    group.valid("part-2", "another member's", input=part(DISMISSAL, name, MEMBERS[1]).hex(), **said)
    group.invalid(
        "part-length", "a part without its last byte", "frame.length", twin, "the last byte is cut off",
        input=good[:-1].hex(), **said,
    )  # fmt: skip
    group.invalid(
        "part-tag", "a part with the tag of another act", "frame.tag", twin, "one bit of the tag",
        input=part(DISMISSAL, bytes([name[0] ^ 1]) + name[1:], MEMBERS[0]).hex(), **said,
    )  # fmt: skip
    single_ = kit.act_id("suspend", SUSPENSION)
    group.invalid(
        "part-of-one", "a part of an act that one key speaks", "frame.part", twin, "the payload is a suspension's",
        input=part(SUSPENSION, single_, MEMBERS[0], "suspend").hex(), form="PART", act_id=single_.hex(),
    )  # fmt: skip


def single(group: Group) -> None:
    size = size_of(BATCH)
    ((number, value),) = symbols(BATCH, [1])
    keys = {"keys": [RELAY.public.hex(), OTHER.public.hex()], "party": PARTY.hex()}
    said = {"form": "SYMBOL", "length": len(BATCH), "number": number, "size": size, **keys}
    good = symbol(BATCH, number, value)
    assert len(good) <= 233
    twin = group.valid("symbol", "the second symbol of a batch of twelve acts", input=good.hex(), **said)
    ((far, beyond),) = symbols(BATCH, [4_095])
    group.valid(
        "symbol-last",
        "the symbol with the highest number",
        input=symbol(BATCH, far, beyond).hex(),
        **{**said, "number": far},
    )

    def bad(name: str, what: str, reason: str, differs: str, frame: bytes, **changed) -> None:
        group.invalid(name, what, reason, twin, differs, input=frame.hex(), **{**said, **changed})

    bad(
        "symbol-number",
        "a number that this object has not",
        "frame.number",
        "the number is 4,096",
        symbol(BATCH, 4_096, value),
    )
    bad(
        "symbol-odd",
        "a symbol of no multiple of 8",
        "frame.symbol-size",
        "a byte of the symbol is missing",
        symbol(BATCH, number, value[:-1]),
    )
    bad("symbol-none", "a symbol of no bytes", "frame.symbol-size", "the symbol is missing", symbol(BATCH, number, b""))
    bad(
        "symbol-padded",
        "a symbol with padding that need not be",
        "frame.symbol-size",
        "zeros follow the symbol",
        symbol(BATCH, number, value + bytes(208 - size)),
    )
    bad(
        "object-empty",
        "an object of no bytes",
        "frame.length",
        "the length is 0",
        symbol(BATCH, number, value, length=0),
    )
    bad(
        "object-long",
        "an object of 262,145 bytes",
        "frame.length",
        "the length",
        symbol(BATCH, number, value, length=262_145),
    )
    bad(
        "object-largest",
        "16 MB claimed",
        "frame.length",
        "the length is all ones",
        symbol(BATCH, number, value, length=2**24 - 1),
    )
    bad(
        "symbol-many",
        "an object of 2,049 symbols",
        "frame.symbol-size",
        "length and size",
        symbol(BATCH, number, bytes(8), length=8 * 2_049),
        size=8,
    )
    bad(
        "forged",
        "one bit of the symbol",
        "signature.invalid",
        "a bit of the symbol, after it was signed",
        good[:30] + bytes([good[30] ^ 1]) + good[31:],
    )
    bad(
        "renumbered",
        "the number, after it was signed",
        "signature.invalid",
        "the number",
        good[:16] + b"\x02" + good[17:],
    )
    bad(
        "party",
        "signed for another party",
        "signature.invalid",
        "the party in what was signed",
        symbol(BATCH, number, value, party=kit.chance("another party")),
    )
    stranger = next(key for key in (Key(f"stranger {n}") for n in range(999)) if key.kid[0] == RELAY.kid[0])
    bad(
        "stranger",
        "signed by a stranger with the same hint",
        "signature.invalid",
        "who signed",
        symbol(BATCH, number, value, stranger),
    )
    lost = next(n for n in range(256) if n not in (RELAY.kid[0], OTHER.kid[0]))
    bad("hint", "a hint at no key", "frame.key", "the hint", symbol(BATCH, number, value, hint=lost))
    bare = symbol(BATCH, number, value, None)
    admitted = {**said, "form": "BARE", "bare": True}
    twin = group.valid("bare", "a bare symbol where the link says who sends", input=bare.hex(), **admitted)
    bad("bare-elsewhere", "a bare symbol on any other link", "frame.bare", "the link", bare, form="BARE", bare=False)
    bad(
        "bare-hint",
        "a bare symbol that hints at a key",
        "frame.number",
        "the hint is 1",
        symbol(BATCH, number, value, None, hint=1),
        form="BARE",
        bare=True,
    )


def together(group: Group) -> None:
    keys = {"keys": [RELAY.public.hex(), OTHER.public.hex()], "party": PARTY.hex()}
    k = -(-len(BATCH) // size_of(BATCH))
    sent = [symbol(BATCH, n, v, (RELAY, OTHER)[n % 2]) for n, v in symbols(BATCH, range(3, 3 + k))]
    twin = group.valid(
        "together", "k symbols of two relays, some of them beyond the object's own pieces",
        frames=[frame.hex() for frame in sent], object=BATCH.hex(), **keys,
    )  # fmt: skip
    false = symbols(BATCH, [3])[0][1]
    wrong = [symbol(BATCH, 3, bytes([false[0] ^ 1]) + false[1:], OTHER), *sent[1:]]
    group.invalid(
        "together-false", "a relay signs a false symbol", "object.digest", twin, "a bit, before it was signed",
        frames=[frame.hex() for frame in wrong], object=BATCH.hex(), **keys,
    )  # fmt: skip
    three = [symbol(ORDER, n, v) for n, v in symbols(ORDER, [2, 16, 891])]
    group.valid(
        "three-frames", "a dismissal signed by three members, from three frames of a radio",
        frames=[frame.hex() for frame in three], object=ORDER.hex(), **keys,
    )  # fmt: skip


@group("object", format="spec/frame.md", about="`input` is an object: a batch with these `act_ids`, and its `digest`.")
def objects(group: Group) -> None:
    listed = envelopes()
    ids = [kit.act_id("reply", p, HOLDER) for p in REPLIES]
    said = {"act_ids": [name.hex() for name in sorted(ids)], "digest": digest(BATCH).hex()}
    twin = group.valid("batch", "twelve acts in order", input=BATCH.hex(), **said)
    group.valid(
        "one", "a dismissal alone", input=ORDER.hex(), act_ids=[kit.act_id("dismiss", DISMISSAL).hex()],
        digest=digest(ORDER).hex(),
    )  # fmt: skip

    def bad(name: str, what: str, reason: str, differs: str, value) -> None:
        group.invalid(name, what, reason, twin, differs, input=kit.encode(value).hex(), **said)

    bad(
        "unordered",
        "two acts have changed places",
        "object.order",
        "the order of the first two",
        [listed[1], listed[0], *listed[2:]],
    )
    bad("twice", "an act stands twice", "object.order", "the first act stands twice", [listed[0], *listed])
    bad("empty", "no acts", "object.empty", "the acts", [])
    bad("text", "a member is no byte string", "object.member", "the first act", ["act", *listed[1:]])
    bad(
        "cut",
        "an envelope is cut short",
        "envelope.layout",
        "the last byte of the first act",
        [listed[0][:-1], *listed[1:]],
    )
    group.invalid(
        "large", "262,145 bytes", "object.too-large", twin, "zeros follow",
        input=kit.pieces((BATCH, 1), (b"\0", 262_145 - len(BATCH))), **said
    )  # fmt: skip
    group.invalid(
        "trailing", "a byte follows", "cbor.malformed", twin, "a byte follows", input=(BATCH + b"\0").hex(), **said
    )
