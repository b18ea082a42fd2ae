"""Frames as UDP datagrams: multicast, broadcast, or to one address. One frame is one datagram.

>>> channel = UdpChannel(to=("239.255.68.80", 47800), interface="lo")  # doctest: +SKIP

Multicast and broadcast are heard where they are sent to; a channel to one address hears at an address of its own
(``at``), such as that of a relay's client. Several receivers on one machine share a port. Nothing is fragmented: a
frame has at most 1,200 bytes, which every path of IPv6 and nearly every one of IPv4 carries whole. Datagrams leave with
a TTL (or hop limit) of 1, so that what is meant for this room stays in it.

Who may hear: everybody on that network. Who may send: everybody, under any source address. So neither is asked here.
"""

import contextlib
import errno
import ipaddress
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Self

from pourparler.dispatch.pace import Pace
from pourparler.ports import ChannelTrouble

FRAME_MAX_BYTES = 1_200
BUFFER_BYTES = 1 << 20  # asked of the kernel for what arrives between two looks; it may give less

Address = tuple[str, int]


class UdpChannel:
    """A :class:`~pourparler.ports.FrameChannel` over UDP.

    ``to`` is where frames go: a multicast group, a broadcast address (``255.255.255.255`` or a network's own), or one
    host, each as a numeric address. ``at`` is where frames are heard; by default ``to`` itself, for a group or
    broadcast. Port 0 in ``at`` lets the kernel choose; :attr:`heard_at` says which. ``interface`` names the network
    interface for a group (``eth0``; ``lo`` stays within the machine); without it the kernel's routes decide.

    Raises :class:`ChannelTrouble` (``channel.address``, ``channel.interface``), or ``OSError`` from the kernel.
    """

    def __init__(
        self,
        to: Address,
        at: Address | None = None,
        *,
        interface: str = "",
        hops: int = 1,
        frame_bytes: int = FRAME_MAX_BYTES,
        bytes_per_second: float | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 1 <= frame_bytes <= FRAME_MAX_BYTES:
            raise ValueError(f"a frame over UDP has 1 to {FRAME_MAX_BYTES} bytes")
        self.frame_bytes = frame_bytes
        self.pace = Pace(bytes_per_second) if bytes_per_second is not None else None
        self.monotonic, self.sleep = monotonic, sleep
        self.closed = False
        host = numeric(to[0])
        self.to = kernel_address(host, to[1], number_of(interface))
        with contextlib.ExitStack() as undone:
            self.sender = undone.enter_context(sending(host, number_of(interface), hops))
            heard = numeric(at[0]) if at else host
            self.hearer = undone.enter_context(hearing(heard, (at or to)[1], number_of(interface)))
            undone.pop_all()
        self.heard_at: Address = self.hearer.getsockname()[:2]

    def send(self, frame: bytes) -> None:
        """Send a datagram; see the contract. The rate limit counts frames' bytes, not the 28 or 48 of their headers."""
        if not 1 <= len(frame) <= self.frame_bytes:
            raise ValueError(f"a frame of {len(frame)} bytes; this channel carries 1 to {self.frame_bytes}")
        self.check_open()
        if self.pace is not None:
            self.sleep(self.pace.wait(len(frame), self.monotonic()))
            self.check_open()
        self.sender.sendto(frame, self.to)

    def receive(self, seconds: float) -> bytes | None:
        """Return the next datagram that can be a frame; longer and empty ones are passed over."""
        end = self.monotonic() + seconds
        while True:
            self.check_open()
            left = max(0.0, end - self.monotonic())
            try:
                if not select.select([self.hearer], [], [], min(left, 0.5))[0]:  # so that closing is noticed
                    if left <= 0.5:
                        return None
                    continue
                datagram = self.hearer.recv(self.frame_bytes + 1)
            except (BlockingIOError, InterruptedError):
                continue
            except (OSError, ValueError):
                self.check_open()  # closed by another thread meanwhile
                raise
            if 1 <= len(datagram) <= self.frame_bytes:
                return datagram
            if self.monotonic() >= end:
                return None

    def check_open(self) -> None:
        if self.closed:
            raise ChannelTrouble("channel.closed", "the channel is closed")

    def close(self) -> None:
        self.closed = True
        self.sender.close()
        self.hearer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- sockets ----------------------------------------------------------------------------------------------------------

Host = ipaddress.IPv4Address | ipaddress.IPv6Address


def numeric(host: str) -> Host:
    """Return a numeric address: names are not looked up, for whoever answers them could choose who hears."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise ChannelTrouble(
            "channel.address",
            f"{host!r} is no numeric IP address",
            "Give a multicast group such as 239.255.68.80 or ff12::6850, a broadcast address, or a host's address.",
        ) from None


def number_of(interface: str) -> int:
    """Return the kernel's number of an interface, 0 for none."""
    if not interface:
        return 0
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        there = ", ".join(name for _, name in socket.if_nameindex())
        raise ChannelTrouble(
            "channel.interface", f"there is no network interface {interface!r}", f"There are: {there}."
        ) from None


def kernel_address(host: Host, port: int, interface: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return an address as the kernel takes it; for a group of IPv6 with its interface, as its scope."""
    if isinstance(host, ipaddress.IPv4Address):
        return str(host), port
    return str(host), port, 0, interface if host.is_multicast or host.is_link_local else 0


def new_socket(host: Host) -> socket.socket:
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def sending(host: Host, interface: int, hops: int) -> socket.socket:
    """Return the socket that sends. What it sends to a group is heard on this machine, too."""
    made = new_socket(host)
    made.setblocking(True)
    if host.version == 4:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        if interface:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, member(host, interface))
    else:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, hops)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 1)
        if interface:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface)
    return made


def member(group: Host, interface: int) -> bytes:
    """Return an ``ip_mreqn`` (for IPv4) or ``ipv6_mreq``: a group and the interface it is joined on."""
    if group.version == 4:
        return struct.pack("@4s4si", group.packed, bytes(4), interface)
    return struct.pack("@16sI", group.packed, interface)


def hearing(host: Host, port: int, interface: int) -> socket.socket:
    """Return the socket that hears at an address, beside other receivers at the same one."""
    made = new_socket(host)
    with contextlib.suppress(OSError):  # a hint
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    if port:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform != "linux":  # where sharing a port takes this one; Linux would ask for one user
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if host.version == 6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        made.bind(kernel_address(host, port, interface))  # to the group itself: other groups on this port are not heard
    except OSError as error:
        made.close()
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        raise ChannelTrouble(
            "channel.address",
            f"{host} is no address of this machine, and neither a group nor a broadcast address of its networks",
            "A channel to one host hears at an address of this machine's own; say which.",
        ) from None
    if host.is_multicast:
        if host.version == 4:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member(host, interface))
        else:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member(host, interface))
    return made
