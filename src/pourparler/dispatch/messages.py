"""The messages between two nodes, as bytes. Specification: ``spec/exchange.md`` section 3, ``spec/exchange.cddl``.

A message is one map of the CBOR profile. :data:`MESSAGES` is the whole language, as :data:`core.act.KINDS` is that of
acts: a kind, or a field, that is not in the table is refused. Messages are not signed: each is a question, an answer
that is checked, or an act, which carries its own signatures. Only who asks may have to be known (``hello``).

>>> read(message("end", session=bytes(16), reason="exchange.busy", seconds=3)).get("seconds")
3
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from pourparler.core import limits
from pourparler.core.act import Check, count_, digest_, is_bytes, is_integer, is_list, is_map, is_text, is_tuple, key_
from pourparler.core.act import wrong as wrong_field
from pourparler.core.encoding import Value, decode, digest, encode
from pourparler.core.errors import Malformed
from pourparler.dispatch.heads import MARK_BYTES, SALT_BYTES
from pourparler.dispatch.riblt import SHORT_BYTES, SYMBOL_BYTES

SESSION_BYTES = SALT_BYTES


def is_run(unit: int, most: int, value: Value, where: str) -> None:
    """Bytes of whole units, at least one of them where there must be."""
    if not isinstance(value, bytes) or len(value) % unit or len(value) > unit * most:
        raise wrong_field(where, f"bytes in units of {unit}, at most {most} of them")


def is_envelope(value: Value, where: str) -> None:
    if not isinstance(value, bytes) or not 1 <= len(value) <= limits.ENVELOPE_MAX_BYTES:
        raise wrong_field(where, f"bytes, at most {limits.ENVELOPE_MAX_BYTES}")


session_: Check = partial(is_bytes, SESSION_BYTES, "a session's name")
mark_: Check = partial(is_bytes, MARK_BYTES, "a mark")
rows_: Check = partial(is_list, partial(is_tuple, (mark_, count_, mark_)), limits.HEADS_ROWS_MAX, least=0)
ids_: Check = partial(is_list, digest_, limits.EXCHANGE_IDS_MAX)
shorts_: Check = partial(is_run, SHORT_BYTES, limits.SHORT_IDS_AT_ONCE_MAX)
symbols_: Check = partial(is_run, SYMBOL_BYTES, limits.SYMBOLS_AT_ONCE_MAX)
part_: Check = partial(
    is_tuple,
    (partial(is_integer, 0, limits.RECONCILED_PARTS_MAX - 1), partial(is_integer, 1, limits.RECONCILED_PARTS_MAX)),
)
range_of_symbols: Check = partial(
    is_tuple, (partial(is_integer, 0, limits.SYMBOLS_MAX), partial(is_integer, 1, limits.SYMBOLS_AT_ONCE_MAX))
)
range_of_shorts: Check = partial(
    is_tuple, (partial(is_integer, 0, limits.RECONCILED_MAX), partial(is_integer, 1, limits.SHORT_IDS_AT_ONCE_MAX))
)
word_: Check = partial(is_text, 64)
signature_: Check = partial(is_bytes, 64, "a signature")

Fields = Mapping[str, Check]
HEARD: Fields = {"organs": rows_, "beacons": rows_, "loose": count_}

MESSAGES: dict[str, tuple[Fields, Fields]] = {
    "hello": (
        {**HEARD, "symbols": partial(is_integer, 0, limits.SYMBOLS_WELCOME_MAX)},
        {"all": mark_, "part": part_, "nonce": session_, "key": key_, "signature": signature_},
    ),
    "challenge": ({"nonce": session_}, {}),
    "welcome": (
        {**HEARD, "nonce": session_, "symbols": partial(is_run, SYMBOL_BYTES, limits.SYMBOLS_WELCOME_MAX)},
        {"all": mark_},
    ),
    "symbols": ({"start": count_, "symbols": symbols_}, {}),
    "shorts": ({"start": count_, "shorts": shorts_}, {}),
    "request": ({}, {"ids": ids_, "shorts": shorts_, "symbols": range_of_symbols, "list": range_of_shorts}),
    "offer": ({"ids": ids_}, {}),
    "acts": ({"acts": partial(is_list, is_envelope, limits.EXCHANGE_ACTS_MAX), "left": count_}, {}),
    "taken": ({"acts": partial(is_list, partial(is_tuple, (digest_, word_)), limits.EXCHANGE_ACTS_MAX)}, {}),
    "end": ({"reason": word_}, {"seconds": partial(is_integer, 0, 86_400)}),
}


@dataclass(frozen=True, slots=True)
class Message:
    """A message as read: known kind, known fields, within bounds. Nothing of what it says is believed."""

    kind: str
    session: bytes
    fields: Mapping[str, Value]

    def get(self, name: str) -> Value:
        """Return a field, or None where the message lacks it."""
        return self.fields.get(name)

    def __getitem__(self, name: str) -> Value:
        return self.fields[name]


def message(kind: str, *, session: bytes, **fields: Value) -> bytes:
    """Return the bytes of a message."""
    value = {"kind": kind, "session": session, **{name: one for name, one in fields.items() if one is not None}}
    return encode(value, most_items=limits.EXCHANGE_ITEMS_MAX)


def read(data: bytes) -> Message:
    """Return the message in some bytes. Raises :class:`Malformed` (``cbor.*``, ``exchange.kind``,
    ``exchange.layout``)."""
    value = decode(data, most_bytes=limits.EXCHANGE_MESSAGE_MAX_BYTES, most_items=limits.EXCHANGE_ITEMS_MAX)
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in MESSAGES:
        raise Malformed("exchange.kind", "this is no message that two nodes exchange")
    required, optional = MESSAGES[kind]
    try:
        is_map({"kind": word_, "session": session_, **required}, optional, value, kind)
    except Malformed as error:
        raise Malformed("exchange.layout", error.detail) from None
    check_together(kind, value)
    return Message(
        kind, value["session"], {name: one for name, one in value.items() if name not in ("kind", "session")}
    )


def check_together(kind: str, value: Mapping[str, Value]) -> None:
    """Raise :class:`Malformed` (``exchange.layout``) where fields do not go together."""
    if kind == "request" and len(value) != 3:
        raise Malformed("exchange.layout", "a request asks for one thing: ids, shorts, symbols or list")
    if kind == "hello" and len({"nonce", "key", "signature"} & value.keys()) not in (0, 3):
        raise Malformed("exchange.layout", "who shows himself gives nonce, key and signature together")
    if kind == "welcome" and "all" in value and value["symbols"]:
        raise Malformed("exchange.layout", "who has the same set sends no symbols of it")
    if "part" in value and value["part"][0] >= value["part"][1]:
        raise Malformed("exchange.layout", "a part is one of as many as it says")
    rows = [value[name] for name in ("organs", "beacons") if name in value]
    if any(not earlier[0] < later[0] for part in rows for earlier, later in pairwise(part)):
        raise Malformed("exchange.layout", "rows ascend, and no mark stands twice")


def batch(messages: Sequence[bytes]) -> bytes:
    """Return several messages as one body."""
    return encode(list(messages))


def read_batch(data: bytes) -> list[bytes]:
    """Return the messages in a body; none of them is read. Raises :class:`Malformed` (``cbor.*``,
    ``exchange.layout``)."""
    value = decode(data, most_bytes=limits.EXCHANGE_BATCH_MAX_BYTES, most_items=limits.EXCHANGE_BATCH_MESSAGES_MAX + 1)
    if not isinstance(value, list) or not all(isinstance(one, bytes) for one in value):
        raise Malformed("exchange.layout", "a body is a list of messages, each as bytes")
    return value


def session_key(session: bytes, nonce: bytes) -> bytes:
    """Return the key of a session, to which both sides gave 16 bytes that nobody could know beforehand."""
    return digest("exchange", session, nonce)


def to_show(session: bytes, nonce: bytes) -> bytes:
    """Return what somebody signs to show who asks: a session of his own, and what the other side drew for it."""
    return b"pourparler/exchange/1\x00" + session + nonce
