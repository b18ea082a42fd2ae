"""Vectors of spec/exchange.md: messages, marks, rows, symbols and what they show; the arithmetic written once more."""

import hashlib
import math

from spec.vectors import kit
from spec.vectors.kit import Group, group

SESSION, NONCE = kit.chance("session", 16), kit.chance("nonce", 16)
ID = kit.chance("an act")


def mark(salt: bytes, name: bytes) -> bytes:
    return hashlib.blake2b(name, digest_size=8, key=salt, person=b"pourparler heads").digest()


def short_of(key: bytes, act: bytes) -> bytes:
    return hashlib.blake2b(act, digest_size=8, key=key, person=b"riblt short id").digest()


def symbols_of(key: bytes, ids: list[bytes], count: int) -> bytes:
    """Return symbols as section 5 has them, with the square root taken digit by digit by another method."""
    sums = [[0, 0, 0] for _ in range(count)]
    for act in ids:
        short = short_of(key, act)
        made = hashlib.blake2b(short, digest_size=12, key=key, person=b"riblt place").digest()
        state = int.from_bytes(made[4:], "big") | 1
        place = 0
        while place < count:
            sums[place][0] ^= int.from_bytes(short, "big")
            sums[place][1] ^= int.from_bytes(made[:4], "big")
            sums[place][2] += 1
            state = (state * 0xDA942042E4DD58B5) % 2**64
            quotient = 2**64 // (state // 2**32 + 1)
            root = int(math.sqrt(quotient))
            while root * root > quotient:
                root -= 1
            while (root + 1) * (root + 1) <= quotient:
                root += 1
            place += max(1, ((place + 2) * (root - 65536) + 65535) // 65536)
    return b"".join(s.to_bytes(8, "big") + c.to_bytes(4, "big") + bytes([n % 256]) for s, c, n in sums)


def all_of(salt: bytes, *ids: bytes) -> bytes:
    return mark(salt, b"".join(sorted(ids)))


def rows(salt: bytes, *chains: tuple[bytes, int, bytes]) -> list:
    return sorted([mark(salt, issuer), place, mark(salt, act)] for issuer, place, act in chains)


@group(
    "exchange",
    format="spec/exchange.md",
    about="A case with `message` reads it: its kind and fields are `fields`. A case with `body` reads the list of "
    "messages in it, `messages`. A case with `salt` and `chains` (issuer, place, act) makes `rows`. A case with `ids` "
    "makes the first symbols of that set under the key of `session` and `nonce`. A case with `ours` and `symbols` "
    "takes the symbols of a set of `loose` ids beside the set `ours`, and finds the short ids `only_theirs` and "
    "`only_ours`. A case with `all` marks the set `ids` under `salt` so.",
)
def exchange(group: Group) -> None:
    messages(group)
    bodies(group)
    chains(group)
    symbols(group)


def messages(group: Group) -> None:
    organ = kit.chance("an organ")
    heard = {"organs": rows(SESSION, (organ, 7, ID)), "beacons": [], "loose": 3}
    valid_: dict[str, dict] = {
        "hello": {**heard, "symbols": 16},
        "hello-all": {**heard, "symbols": 16, "all": all_of(SESSION, ID, organ)},
        "hello-part": {**heard, "symbols": 16, "part": [3, 4]},
        "hello-shown": {**heard, "symbols": 16, "nonce": NONCE, "key": kit.Key("dispatch").public,
                        "signature": kit.Key("dispatch").sign(b"pourparler/exchange/1\0" + SESSION + NONCE)},
        "challenge": {"nonce": NONCE},
        "welcome": {**heard, "organs": rows(NONCE, (organ, 9, ID)), "nonce": NONCE, "symbols": bytes(26)},
        "welcome-all": {**heard, "nonce": NONCE, "symbols": b"", "all": all_of(NONCE, organ, ID)},
        "welcome-empty": {"organs": [], "beacons": [], "loose": 0, "nonce": NONCE, "symbols": b""},
        "request-ids": {"ids": [ID]},
        "request-shorts": {"shorts": bytes(16)},
        "request-symbols": {"symbols": [16, 8]},
        "request-list": {"list": [0, 16384]},
        "symbols": {"start": 16, "symbols": bytes(13)},
        "shorts": {"start": 0, "shorts": bytes(24)},
        "offer": {"ids": [ID]},
        "acts": {"acts": [b"x"], "left": 0},
        "taken": {"acts": [[ID, "new"]]},
        "end": {"reason": "exchange.nothing-new"},
        "end-busy": {"reason": "exchange.busy", "seconds": 12},
    }  # fmt: skip

    def whole(name: str, fields: dict) -> dict:
        return {"kind": name.partition("-")[0], "session": SESSION, **fields}

    for name, fields in valid_.items():
        value = whole(name, fields)
        group.valid(name, f"a {value['kind']}", message=kit.encode(value).hex(), fields=kit.shown(value))

    def invalid(name: str, twin: str, what: str, why: str, differs: str, **changed) -> None:
        value = {**whole(twin, valid_[twin]), **changed}
        value = {field: one for field, one in value.items() if one != "gone"}
        group.invalid(name, what, why, f"exchange/{twin}", differs, message=kit.encode(value).hex())

    layout = "exchange.layout"
    invalid("kind", "offer", "an unknown kind", "exchange.kind", "the kind", kind="gossip")
    invalid("kind-none", "offer", "no kind", "exchange.kind", "the kind is not there", kind="gone")
    invalid("session", "offer", "a session's name that is short", layout, "15 bytes", session=SESSION[:15])
    invalid("field", "offer", "a field more", layout, "the field urgent", urgent=True)
    invalid("field-gone", "acts", "a field less", layout, "the field left", left="gone")
    invalid("ids-none", "offer", "an offer of nothing", layout, "no ids", ids=[])
    invalid("id", "offer", "an id that is short", layout, "31 bytes", ids=[ID[:31]])
    invalid("acts-none", "acts", "no acts", layout, "no acts", acts=[])
    invalid("act-empty", "acts", "an act without bytes", layout, "no bytes", acts=[b""])
    invalid("act-long", "acts", "an act that is longer than an envelope", layout, "32,769 bytes", acts=[bytes(32769)])
    invalid("two-asked", "request-ids", "two requests in one", layout, "shorts as well", shorts=bytes(8))
    invalid("none-asked", "request-ids", "a request for nothing", layout, "no ids", ids="gone")
    invalid("symbols-many", "request-symbols", "more symbols than one message has", layout, "8,193", symbols=[0, 8193])
    invalid("symbols-cut", "symbols", "a symbol that is cut", layout, "12 bytes", symbols=bytes(12))
    invalid("shorts-cut", "shorts", "a short id that is cut", layout, "7 bytes", shorts=bytes(7))
    invalid("all-short", "hello-all", "a mark of all that is short", layout, "7 bytes", all=bytes(7))
    invalid("all-symbols", "welcome-all", "symbols beside a mark of all", layout, "a symbol", symbols=bytes(13))
    invalid("part-over", "hello-part", "a part that there is not", layout, "4 of 4", part=[4, 4])
    invalid("shown-half", "hello-shown", "a key without its signature", layout, "no signature", signature="gone")
    invalid(
        "row-short",
        "hello",
        "a row without an act",
        layout,
        "two members",
        organs=[rows(SESSION, (organ, 7, ID))[0][:2]],
    )
    invalid("row-place", "hello", "a place below 0", layout, "-1", organs=rows(SESSION, (organ, -1, ID)))
    invalid("row-mark", "hello", "a mark that is short", layout, "7 bytes", organs=[[bytes(7), 1, bytes(8)]])
    twice = rows(SESSION, (organ, 7, ID)) * 2
    invalid("row-twice", "hello", "an issuer that stands twice", layout, "the row again", organs=twice)
    two = rows(SESSION, (organ, 7, ID), (ID, 2, organ))
    invalid("row-order", "hello", "rows that descend", layout, "the order", organs=two[::-1])
    invalid("word-empty", "end", "a reason without letters", layout, "no letters", reason="")
    cut = kit.encode(whole("offer", valid_["offer"]))[:-1]
    group.invalid(
        "cut", "a message that is cut", "cbor.malformed", "exchange/offer", "the last byte", message=cut.hex()
    )
    group.invalid("long", "a message of more than 262,144 bytes", "cbor.too-large", "exchange/acts", "its length",
                  message=kit.pieces((b"\x00", 262_145)))  # fmt: skip
    group.invalid("no-map", "a message that is no map", "exchange.kind", "exchange/offer", "a list", message="80")


def bodies(group: Group) -> None:
    one = kit.encode({"kind": "challenge", "session": SESSION, "nonce": NONCE})
    group.valid("body", "two messages in one body", body=kit.encode([one, one]).hex(), messages=[one.hex()] * 2)
    group.valid("body-empty", "a body without messages", body="80", messages=[])
    group.valid("body-full", "a body of 64", body=kit.encode([b"\0"] * 64).hex(), messages=["00"] * 64)
    group.invalid("body-many", "a body of 65", "cbor.too-many-items", "exchange/body-full", "one more",
                  body=kit.encode([b"\0"] * 65).hex())  # fmt: skip
    group.invalid("body-map", "a body that is a map", "exchange.layout", "exchange/body-empty", "a map", body="a0")
    group.invalid("body-text", "a message that is text", "exchange.layout", "exchange/body", "text",
                  body=kit.encode([one, "x"]).hex())  # fmt: skip


def chains(group: Group) -> None:
    found = [(kit.chance(f"issuer {n}"), place, kit.chance(f"act {n}")) for n, place in enumerate((0, 23, 24, 65_536))]
    for name, salt in (("session", SESSION), ("nonce", NONCE)):
        made = [[one.hex() if isinstance(one, bytes) else one for one in row] for row in rows(salt, *found)]
        group.valid(
            f"rows-{name}", f"rows under a {name}", salt=salt.hex(), rows=made,
            chains=[[issuer.hex(), place, act.hex()] for issuer, place, act in found],
        )  # fmt: skip


def symbols(group: Group) -> None:
    key = kit.digest("exchange", SESSION, NONCE)
    shared = [kit.chance(f"shared {n}") for n in range(20)]
    theirs = [kit.chance(f"theirs {n}") for n in range(6)]
    ours = [kit.chance(f"ours {n}") for n in range(3)]
    drawn = {"session": SESSION.hex(), "nonce": NONCE.hex()}

    def listed(ids: list[bytes]) -> list[str]:
        return [act.hex() for act in ids]

    salted = {"salt": SESSION.hex()}
    group.valid("all-of-none", "the mark of an empty set", **salted, ids=[], all=all_of(SESSION).hex())
    mixed = [*theirs[::-1], *shared]
    group.valid("all-of-many", "the mark of 26 ids", **salted, ids=listed(mixed), all=all_of(SESSION, *mixed).hex())
    group.valid("symbols-of-none", "symbols of an empty set", **drawn, ids=[], symbols=symbols_of(key, [], 3).hex())
    group.valid("symbols-of-one", "symbols of one id", **drawn, ids=listed(theirs[:1]),
                symbols=symbols_of(key, theirs[:1], 40).hex())  # fmt: skip
    many = symbols_of(key, shared + theirs, 40)
    group.valid("symbols-of-many", "symbols of 26 ids", **drawn, ids=listed(shared + theirs), symbols=many.hex())
    count = [kit.chance(f"one of many {n}") for n in range(300)]
    group.valid(
        "symbols-of-300", "a count above 255", **drawn, ids=listed(count), symbols=symbols_of(key, count, 4).hex()
    )
    group.valid(
        "peeled", "two sets of which six and three ids differ", **drawn, ours=listed(shared + ours), loose=26,
        symbols=many.hex(),
        only_theirs=sorted(short_of(key, act).hex() for act in theirs),
        only_ours=sorted(short_of(key, act).hex() for act in ours),
    )  # fmt: skip
    group.invalid("peeled-cut", "symbols that are cut", "exchange.layout", "exchange/peeled", "the last byte", **drawn,
                  ours=listed(shared), loose=26, symbols=many[:-1].hex())  # fmt: skip
