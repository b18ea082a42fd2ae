"""Objects: what symbols carry. The same acts give the same bytes at every relay. Specification: ``spec/frame.md``.

An object is a *batch*, the encoded list of envelopes in ascending order of their acts' ids, or an evidence bundle. Its
name is its digest, whose first bytes are the tag of its frames. A relay that has got an object whole sends these very
bytes on, and never rebuilds it: symbols of two relays add up only if they are of one object.

>>> read_object(batch([]))
Traceback (most recent call last):
    ...
pourparler.core.errors.Malformed: object.empty: a batch holds at least one act
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from pourparler.core import evidence, limits
from pourparler.core.act import parse_act
from pourparler.core.encoding import decode, digest, encode
from pourparler.core.errors import Malformed

LIST = 4  # CBOR's major type: how a batch begins, and no bundle does


@dataclass(frozen=True, slots=True)
class Batch:
    """Acts that travel together: their envelopes and ids, in ascending order of the ids. No signature is checked."""

    envelopes: tuple[bytes, ...]
    act_ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """An evidence bundle, parsed and not verified."""

    data: bytes


Object = Batch | Bundle


def object_digest(data: bytes) -> bytes:
    """Return the 32-byte name of an object."""
    return digest("object", data)


def batch(envelopes: Iterable[bytes]) -> bytes:
    """Return the object of these acts, whatever their order. Of one act in several envelopes, the bytewise first.

    Raises :class:`Malformed`: what an act is refused for before its signatures, ``object.too-large``.
    """
    by_id: dict[bytes, bytes] = {}
    for envelope in sorted(envelopes):
        by_id.setdefault(parse_act(envelope).id, envelope)
    data = encode([by_id[act_id] for act_id in sorted(by_id)])
    check_length(data)
    return data


def check_length(data: bytes) -> None:
    if len(data) > limits.OBJECT_MAX_BYTES:
        raise Malformed("object.too-large", f"{len(data)} bytes; at most {limits.OBJECT_MAX_BYTES}")


def read_object(data: bytes) -> Object:
    """Return what an object holds. Raises :class:`Malformed`: ``object.*``, and what an act or a bundle is refused for
    before any signature."""
    check_length(data)
    if data[:1] and data[0] >> 5 != LIST:
        evidence.parse_bundle(data)
        return Bundle(data)
    value = decode(data, most_bytes=limits.OBJECT_MAX_BYTES)
    if not value:
        raise Malformed("object.empty", "a batch holds at least one act")
    if not all(isinstance(member, bytes) for member in value):
        raise Malformed("object.member", "a batch is a list of envelopes")
    ids = tuple(parse_act(member).id for member in value)
    if any(left >= right for left, right in pairwise(ids)):
        raise Malformed("object.order", "a batch is in ascending order of its acts' ids, and holds none twice")
    return Batch(tuple(value), ids)
