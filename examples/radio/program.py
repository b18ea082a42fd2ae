"""A radio program for a pipe, standing in for those of other people (Meshtastic, Reticulum, a modem of packet radio).

It is a program of its own, and imports nothing of Pourparler: it reads frames from its standard input and sends them,
and writes what it hears to its standard output; both are framed by KISS. Here the air is a multicast group of UDP on
this machine's loopback; a real one would open its radio instead. What it has to keep to stands in spec/courier.md,
section 8.

    python examples/radio/program.py 239.255.68.81 47810
"""

import contextlib
import os
import selectors
import socket
import sys

FEND, FESC, TFEND, TFESC = b"\xc0", b"\xdb", b"\xdc", b"\xdd"


def framed(frame):
    return FEND + b"\x00" + frame.replace(FESC, FESC + TFESC).replace(FEND, FESC + TFEND) + FEND


def frames_in(stream):
    """Return the whole frames of a stream so far, and what is left of it."""
    *stretches, rest = stream.split(FEND)
    data = (stretch[1:] for stretch in stretches if stretch[:1] == b"\x00")
    return [part.replace(FESC + TFEND, FEND).replace(FESC + TFESC, FESC) for part in data], rest


def open_air(group, port):
    air = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    air.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    air.bind((group, port))
    loopback = socket.inet_aton("127.0.0.1")
    air.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + loopback)
    mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
    mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    mouth.bind(("127.0.0.1", 0))
    return air, mouth


def main(group, port):
    most = int(os.environ.get("DISPATCH_FRAME_BYTES", "233"))
    air, mouth = open_air(group, int(port))
    looks = selectors.DefaultSelector()
    looks.register(air, selectors.EVENT_READ)
    looks.register(0, selectors.EVENT_READ)
    print(f"on the air at {group}, port {port}, frames of {most} bytes", file=sys.stderr, flush=True)
    begun = b""
    while True:
        for found, _ in looks.select():
            if found.fileobj is air:
                frame, sender = air.recvfrom(65_536)
                if sender != mouth.getsockname() and 0 < len(frame) <= most:  # a radio does not hear itself
                    sys.stdout.buffer.write(framed(frame))
                    sys.stdout.buffer.flush()
                continue
            read = os.read(0, 65_536)
            if not read:  # whoever started it has closed its input: the order to end
                return
            frames, begun = frames_in(begun + read)
            for frame in frames:
                if 0 < len(frame) <= most:
                    mouth.sendto(frame, (group, int(port)))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main(*sys.argv[1:])
