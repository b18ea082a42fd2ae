"""A small network on the air: a party, its relays, acts to send, and the frames of an object."""

import random
from functools import cache

from pourparler.core.act import parse_act
from pourparler.core.encoding import encode
from pourparler.dispatch.fountain import InProcess, symbol_size, symbols
from pourparler.dispatch.frame import Piece, symbol_frame, symbol_room
from pourparler.dispatch.parcel import batch, object_digest
from pourparler.dispatch.receiver import Envelope, Receiver, Whole
from pourparler.service.drafting import draft, powers
from pourparler.testing.keys import Key

LORA, UDP = 233, 1_200
PARTY, OTHER_PARTY = bytes([1]) * 32, bytes([2]) * 32
RELAY, SECOND, THIRD, THIEF = (Key.from_name(f"relay {n}") for n in range(4))
KEYS = {key.public_key: PARTY for key in (RELAY, SECOND, THIRD, THIEF)}
MEMBERS = [Key.from_name(f"member {n}") for n in range(3)]
HOLDER = Key.from_name("holder")


def digest_of(name):
    return random.Random(name).randbytes(32)


@cache
def dismissal():
    fields = {"organ": digest_of("organ"), "prior": digest_of("prior"), "mandate": digest_of("mandate")}
    return draft("dismiss", {**fields, "holds": powers("open")}).signed_by(*MEMBERS)


def suspension(name="suspension"):
    return draft("suspend", {"organ": digest_of("organ"), "target": digest_of(name), "at": 1_000}).signed_by(MEMBERS[0])


def beacon(serial=1):
    fields = {"party": PARTY, "serial": serial, "count": serial, "head": digest_of(serial), "at": 10, "next": 20}
    return draft("beacon", fields).signed_by(Key.from_name("beacon"))


def saying(name, words=0):
    """Return an act that is not urgent; so many words make it too long for a telegram."""
    fields = {"by": digest_of("mandate"), "about": digest_of(f"about {name}")}
    return draft("reply", {**fields, **({"words": "w" * words} if words else {})}).signed_by(HOLDER)


def data_of(act):
    return act.envelope.encoded()


def letters(count, words=80):
    return [data_of(saying(f"letter {n}", words)) for n in range(count)]


@cache
def thing(count=20, words=80):
    """Return an object of so many acts."""
    return batch(letters(count, words))


def frames_of(data, numbers, key=RELAY, *, party=PARTY, frame_bytes=LORA, false=()):
    """Return the frames of an object's symbols; those in ``false`` are signed and wrong."""
    size = symbol_size(len(data), symbol_room(frame_bytes, bare=key is None))
    tag = object_digest(data)[:8]
    made = zip(numbers, symbols(data, size, list(numbers)), strict=True)
    return [
        symbol_frame(Piece(tag, len(data), n, bytes(a ^ 1 for a in value) if n in false else value), party, key)
        for n, value in made
    ]


def needed(data, frame_bytes=LORA):
    return -(-len(data) // symbol_size(len(data), symbol_room(frame_bytes)))


def receiver(keys=KEYS, decoder=None, **options):
    return Receiver(lambda: keys, decoder or InProcess(), **options)


def heard(listener, frames, start=0.0, step=0.01, source=""):
    """Return what comes out of these frames."""
    found = []
    for number, frame in enumerate(frames):
        found += listener.hear(frame, start + number * step, source)
    return found


def acts_in(found):
    return sorted(one.data for one in found if isinstance(one, Envelope))


def whole_in(found):
    return [one.data for one in found if isinstance(one, Whole)]


def forged(frame, seed=0):
    """Return a frame with the same header and rubbish after it: what whoever listens can make."""
    return frame[:17] + random.Random(f"{seed} {frame[:17]!r}").randbytes(len(frame) - 17)


def list_of(*envelopes):
    return encode(list(envelopes))


def parcel_id(envelope):
    return parse_act(envelope).id
