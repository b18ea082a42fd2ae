"""One end of a jammed radio, for tests/test_jammed_netns.py: ``send`` or ``receive`` in a namespace, until told to end.

    python tests/netns_end.py send INTERFACE GROUP PORT ORDER.json
    python tests/netns_end.py receive INTERFACE GROUP PORT ORDER.json

The sender's carousel goes round; it says how many frames it sent. A receiver says when the order is whole, and at the
end how many frames it heard. Each says what it has to say as lines of JSON.
"""

import json
import select
import sys
import time
from pathlib import Path

from pourparler.core.act import parse_act
from pourparler.dispatch.carousel import Carousel, MemoryCounters
from pourparler.dispatch.fountain import Worker
from pourparler.dispatch.receiver import Envelope, Receiver
from pourparler.dispatch.udp import UdpChannel
from pourparler.testing.keys import Key

SENDER = Key.from_name("dispatch")
LORA_FRAME_BYTES = 233
LEAST_FRAMES = 1_000  # so that the share that is lost can be measured


def say(**what) -> None:
    print(json.dumps(what), flush=True)


def told_to_end() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def send(channel: UdpChannel, party: bytes, acts: list[bytes]) -> None:
    carousel = Carousel(party, SENDER, channel.frame_bytes, MemoryCounters(), bytes(16))
    for act in acts:
        carousel.put(act, 0.0)
    sent = 0
    while sent < LEAST_FRAMES or not told_to_end():
        frame = carousel.next_frame(sent / 100)
        if frame is not None:
            channel.send(frame)
            sent += 1
    say(sent=sent)


def receive(channel: UdpChannel, party: bytes, wanted: set[bytes]) -> None:
    heard, whole = 0, set()
    with Worker() as decoder:
        receiver = Receiver(lambda: {SENDER.public_key: party}, decoder)
        say(listening=True)
        while True:
            frame = channel.receive(0.2)
            if frame is None:
                if told_to_end():  # and nothing is left of what was sent
                    break
                continue
            heard += 1
            for came in receiver.hear(frame, time.monotonic(), "air"):
                if isinstance(came, Envelope) and came.data in wanted - whole:
                    whole.add(came.data)
                    say(whole=parse_act(came.data).id.hex(), after=heard)
    say(heard=heard)


def main(what: str, interface: str, group: str, port: str, order: str) -> None:
    given = json.loads(Path(order).read_text("utf-8"))
    party, acts = bytes.fromhex(given["party"]), [bytes.fromhex(act) for act in given["acts"]]
    with UdpChannel(
        (group, int(port)), interface=interface, frame_bytes=LORA_FRAME_BYTES, bytes_per_second=60_000
    ) as channel:
        if what == "send":
            send(channel, party, acts)
        else:
            receive(channel, party, set(acts))


if __name__ == "__main__":
    main(*sys.argv[1:])
