"""Vectors of spec/courier.md: files with their seals, labels of codes, and frames in a stream."""

from spec.vectors import kit
from spec.vectors.frames import DISMISSAL, HOLDER, MEMBERS, REPLIES, SUSPENSION
from spec.vectors.kit import Group, Key, group

PARTY = kit.chance("courier party")
SEALER, SECOND = sorted((Key("courier dispatch"), Key("courier dispatch 2")), key=lambda key: key.public)
FORMAT = "pourparler/1 dispatch"


def envelopes() -> list[bytes]:
    found = [(kit.act_id("reply", one, HOLDER), kit.sign1("reply", one, HOLDER)) for one in REPLIES[:3]]
    return [envelope for _, envelope in sorted(found)]


def part(key: Key) -> list[bytes]:
    header = kit.protected(key.kid)
    return [DISMISSAL, key.kid, key.sign(kit.sig_structure(b"", header, "dismiss", DISMISSAL))]


def frame(key: Key) -> bytes:
    payload, kid, signature = part(key)
    tag = kit.act_id("dismiss", payload)[:8]
    return b"\xd1\x02" + tag + len(payload).to_bytes(3, "big") + bytes(4) + payload + kid + signature


LEDGER = {"origin": "ledger.example/2026", "key": Key("courier ledger").public}
BUNDLE = {
    "format": "pourparler/1 evidence",
    "claim": {"kind": "recorded", "ledger": LEDGER, "as_of": 1, "act": kit.chance("courier beacon")},
    "ledgers": [{**LEDGER, "checkpoint": b"note", "entries": [], "hashes": [], "earlier": []}],
    "texts": [],
}
ACTS = envelopes()
PARTS = sorted((part(key) for key in MEMBERS), key=kit.encode)
FULL = {"acts": ACTS, "bundles": [kit.encode(BUNDLE)], "frames": [frame(MEMBERS[0])], "parts": PARTS}


def contents(**changed) -> bytes:
    return kit.encode({**FULL, **changed})


def sealed(data: bytes, key: Key = SEALER, party: bytes = PARTY) -> list[bytes]:
    message = b"pourparler/courier/1\x00" + party + kit.digest("courier", data)
    return [party, key.public, key.sign(message)]


def file(data=None, seals=None, **changed) -> bytes:
    data = contents() if data is None else data
    seals = [sealed(data)] if seals is None else seals
    return kit.encode({"format": FORMAT, "contents": data, "seals": seals, **changed})


@group(
    "courier",
    format="spec/courier.md",
    about="A case with an `input` reads a file (section 5, steps 1 to 3): it carries the acts `acts` and parts of the"
    " acts `parts`, by id, so many `bundles` and `frames`, and every seal is by one of `keys`, dispatch keys of"
    " `party`. One with a `frame` gives the `label` that is printed above its code. One with a `stream` gives the"
    " `frames` that stand in it, framed by KISS, on a channel whose frames have at most `frame_bytes`, and how many"
    " stretches are passed over as `junk`. Bundles are not verified here.",
)
def courier(cases: Group) -> None:
    keys = [SEALER.public.hex(), SECOND.public.hex()]
    known = {"party": PARTY.hex(), "keys": keys}
    holds = {
        "acts": [kit.act_id("reply", payload, HOLDER).hex() for payload in by_id()],
        "parts": [kit.act_id("dismiss", DISMISSAL).hex()] * len(PARTS),
        "bundles": 1,
        "frames": 1,
    }
    nothing = {"acts": [], "parts": [], "bundles": 0, "frames": 0}
    bare = {name: [] for name in FULL}

    def read(data: bytes) -> dict:
        return {"input": kit.pieces((data, 1)), **known}

    full = cases.valid("full", "acts, parts, a bundle and a frame, sealed", **read(file()), **holds)
    both = [sealed(contents()), sealed(contents(), SECOND)]
    twice = cases.valid("two-seals", "sealed by two keys", **read(file(seals=both)), **holds)
    cases.valid("no-seal", "nobody has sealed it", **read(file(seals=[])), **holds)
    empty = cases.valid("empty", "nothing in it", **read(file(kit.encode(bare))), **nothing)

    def refused(name: str, what: str, reason: str, differs: str, data: bytes, twin: str = full) -> None:
        cases.invalid(name, what, reason, twin, differs, **read(data))

    gzip = bytes.fromhex("1f8b0800000000000003")
    refused("gzip", "a file that begins as a compressed one", "courier.compressed", "the beginning", gzip + file())
    refused("format", "another version", "courier.malformed", "format", file(format="pourparler/2 dispatch"))
    refused("field", "a field more", "courier.malformed", "a fourth field", file(note="x"))
    refused("trailing", "a byte behind it", "cbor.malformed", "one byte", file() + b"\x00")
    as_map = file(FULL, [sealed(contents())])
    refused("not-bytes", "contents that are a map", "courier.malformed", "not in bytes", as_map)
    longer = b"\xb8\x04" + contents()[1:]
    refused("contents", "contents whose head is longer", "cbor.not-deterministic", "the head", file(longer))
    lacking = kit.encode({name: value for name, value in FULL.items() if name != "frames"})
    refused("no-frames", "contents without a list of frames", "courier.malformed", "a field less", file(lacking))
    refused("text", "an act that is text", "courier.malformed", "a text", file(contents(acts=["act"])))
    refused("act", "an act that is cut off", "envelope.layout", "an act", file(contents(acts=[ACTS[0][:-1]])))
    refused("order", "acts in another order", "courier.order", "the order", file(contents(acts=ACTS[::-1])))
    refused("act-twice", "one act twice", "courier.order", "an act more", file(contents(acts=[ACTS[0], *ACTS])))
    refused("part-order", "parts in another order", "courier.order", "the order", file(contents(parts=PARTS[::-1])))
    short = [[PARTS[0][0], PARTS[0][1][:7], PARTS[0][2]]]
    refused("kid", "a kid of 7 bytes", "courier.malformed", "a byte less", file(contents(parts=short)))
    single = [[SUSPENSION, MEMBERS[0].kid, bytes(64)]]
    refused("part", "a part of an act that one key speaks", "frame.part", "the kind", file(contents(parts=single)))
    refused("bundle", "a bundle of no format", "bundle.malformed", "a bundle", file(contents(bundles=[kit.encode({})])))
    refused("frame", "a frame of no form", "frame.form", "a byte", file(contents(frames=[b"\xd1\x05" + bytes(30)])))
    other = sealed(contents(acts=ACTS[:2]))
    refused("seal", "an act was put in after the sealing", "courier.seal", "an act more", file(seals=[other]))
    elsewhere = sealed(contents(), party=kit.chance("another party"))
    for_us = [[PARTY, *elsewhere[1:]]]
    refused("seal-party", "sealed for another party", "courier.seal", "the party in the signature", file(seals=for_us))
    stranger = [sealed(contents(), Key("a stranger"))]
    refused("stranger", "sealed by a key nobody knows", "courier.unknown-key", "the key", file(seals=stranger))
    spoilt = [sealed(contents(acts=ACTS[:2]), Key("a stranger"))]
    refused("stranger-seal", "changed after a stranger sealed it", "courier.seal", "an act more", file(seals=spoilt))
    refused("seal-order", "seals in another order", "courier.order", "the order", file(seals=both[::-1]), twice)
    refused("seal-twice", "one seal twice", "courier.order", "a seal more", file(seals=[both[0], *both]), twice)
    many = file(kit.encode({**bare, "bundles": [kit.encode(BUNDLE)] * 17}))
    refused("bundles", "seventeen bundles", "courier.malformed", "the number", many, empty)

    labels(cases)
    streams(cases)


def by_id() -> list[bytes]:
    return sorted(REPLIES[:3], key=lambda payload: kit.act_id("reply", payload, HOLDER))


def labels(cases: Group) -> None:
    tag = bytes.fromhex("3f2a010203040506")
    symbol = b"\xd1\x03" + tag + b"\x00\x01\x00" + b"\x9c\x00\x00\x04" + bytes(24) + bytes(64)
    cases.valid("label-symbol", "symbol number 4 is the fifth code", frame=symbol.hex(), label="3f2a·5")
    high = b"\xd1\x04" + tag + b"\x00\x01\x00" + b"\x00\x01\x00\x00" + bytes(24)
    cases.valid("label-bare", "a bare symbol's number", frame=high.hex(), label="3f2a·65537")
    cases.valid("label-telegram", "a telegram", frame=(b"\xd1\x01" + tag + bytes(20)).hex(), label="3f2a")
    named = frame(MEMBERS[0])
    wanted = f"{named[2:4].hex()}·{MEMBERS[0].kid[:2].hex()}"
    cases.valid("label-part", "a part, by its member's kid", frame=named.hex(), label=wanted)


def framed(data: bytes) -> bytes:
    return b"\xc0\x00" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def streams(cases: Group) -> None:
    special = bytes.fromhex("00c0dbdcddc0db")

    def stream(name: str, what: str, data: bytes, frames: list[bytes], junk: int = 0) -> None:
        found = [one.hex() for one in frames]
        cases.valid(name, what, stream=kit.pieces((data, 1)), frame_bytes=16, frames=found, junk=junk)

    stream("kiss", "a frame", framed(b"frame"), [b"frame"])
    stream("kiss-escapes", "every byte that is escaped", framed(special), [special])
    stream("kiss-two", "two frames with one C0 between them", framed(b"a") + framed(b"b")[1:], [b"a", b"b"])
    stream("kiss-many", "more C0 between frames", framed(b"a") + b"\xc0\xc0" + framed(b"b"), [b"a", b"b"])
    stream("kiss-rest", "a frame that is not ended", framed(b"a") + b"\x00b", [b"a"])
    stream("kiss-words", "a line that a program printed", b"ready\n" + framed(b"a"), [b"a"], 1)
    stream("kiss-command", "a command to a modem", b"\xc0\x01\x20\xc0" + framed(b"a"), [b"a"], 1)
    stream("kiss-port", "data of the second port", b"\xc0\x10b\xc0" + framed(b"a"), [b"a"], 1)
    stream("kiss-escape", "an escape that is none", b"\xc0\x00\xdb\x00\xc0" + framed(b"a"), [b"a"], 1)
    stream("kiss-nothing", "no byte of a frame", b"\xc0\x00\xc0" + framed(b"a"), [b"a"], 1)
    stream("kiss-longest", "as many bytes as a frame may have", framed(b"\xc0" * 16), [b"\xc0" * 16])
    stream("kiss-too-long", "a byte more", framed(b"b" * 17) + framed(b"a"), [b"a"], 1)
