"""The bus: acts fanned out by NATS, which never decides order. Specification: ``spec/bus.md``.

A :class:`Bus` is one connection, for a caller without asyncio: a thread of its own runs the client's loop, and each
call waits for its answer. It hands over bytes and believes nothing of them; a delivery is acknowledged by the caller
once its journal has it, so that a crash between the two only brings it again. Needs the extra ``bus`` (``nats-py``).
"""

import asyncio
import contextlib
import http.client
import json
import re
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as WaitedTooLong
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from pourparler.core import limits

STREAM = "POURPARLER"
SUBJECTS = "pourparler.v1"
OLDEST_SOLE_COPY = (2, 12, 3)
FETCH_MOST = 256
HEADS_KEPT = 64  # messages about how far others are, until somebody reads them
MONITOR_MOST_BYTES = 1024 * 1024
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.2
AGAIN_SECONDS = 60.0  # until a message comes again that the node could not judge
PING_SECONDS = 5
SPARE_SECONDS = 10.0  # beyond what the client was given, before the thread is taken for dead

Result = TypeVar("Result")


# What the client's code, and Python's, raise where an answer is none.
NONSENSE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
SAID_MAX = 200


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for what it is: no answer."""

    def redirect_request(self, *_: object) -> None:
        """Make no second request."""


def said_of(error: BaseException) -> str:
    """Return what an error says, for people: a server's words may be in it."""
    said = str(error) or type(error).__name__
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in said[:SAID_MAX])


class BusTrouble(OSError):
    """The bus cannot be used: a stable reason, what is wrong, and what its operator can do."""

    def __init__(self, reason: str, what: str, do: str = "") -> None:
        super().__init__(what)
        self.reason, self.what, self.do = reason, what, do

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message with an act, not verified. ``done`` tells the bus that it need not come again; ``later`` asks for it
    again in a while. ``times`` says how often it has come, this time included."""

    party: bytes
    data: bytes
    times: int
    done: Callable[[], None]
    later: Callable[[], None]


def act_subject(party: bytes) -> str:
    """Return the subject on which a party's acts are published."""
    return f"{SUBJECTS}.{party.hex()}.act"


def heads_subject(party: bytes) -> str:
    """Return the subject on which nodes say what they have of a party."""
    return f"{SUBJECTS}.{party.hex()}.heads"


def version_of(said: str) -> tuple[int, ...]:
    """Return a server's version as numbers; what cannot be read is older than any."""
    found = re.search(r"(?<!\d)(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d)", said)
    return tuple(map(int, found.groups())) if found else (0,)


def check_server(version: str, *, only_copy: bool, syncs: bool | None) -> str:
    """Return what the user should know about a server, or an empty string.

    Raises :class:`BusTrouble` (``bus.version``, ``bus.sync``, ``bus.sync-unknown``) where it would be the only copy of
    what it carries, and is not fit to be (``spec/bus.md`` 3).
    """
    oldest = ".".join(map(str, OLDEST_SOLE_COPY))
    if version_of(version) < OLDEST_SOLE_COPY:
        named = ".".join(map(str, version_of(version)))
        old = f"the server is NATS {named}: before {oldest} it has lost acknowledged messages and chosen two winners"
        if only_copy:
            raise BusTrouble("bus.version", f"{old}; it cannot be the only copy.", f"Use {oldest} or newer.")
        return f"{old}; everything on it is kept elsewhere too"
    if only_copy and syncs is None:
        what = "whether the server writes through cannot be seen, and it would be the only copy."
        raise BusTrouble("bus.sync-unknown", what, "Give its monitoring address, like http://127.0.0.1:8222.")
    if only_copy and not syncs:
        what = "the server does not write through: a power cut would lose acknowledged messages."
        raise BusTrouble("bus.sync", what, "Set sync_interval: always in its jetstream block.")
    return ""


def writes_through(monitor: str, seconds: float = PATIENCE_SECONDS) -> bool:
    """Ask a server's monitoring address whether it syncs before it acknowledges. Raises :class:`BusTrouble`."""
    url = f"{monitor.rstrip('/')}/jsz?config=true"
    if not url.startswith(("http://", "https://")):
        raise BusTrouble("bus.sync-unknown", f"{monitor} is no monitoring address.", "Like http://127.0.0.1:8222.")
    try:
        opener = urllib.request.build_opener(NoRedirect)  # who is asked is who answers
        with opener.open(url, timeout=seconds) as answer:
            config = json.loads(answer.read(MONITOR_MOST_BYTES))["config"]
        return config.get("sync_always") is True
    except (OSError, http.client.HTTPException, *NONSENSE) as error:
        what = f"{url} does not say how the server syncs: {said_of(error)}"
        raise BusTrouble("bus.sync-unknown", what, "Does it run with JetStream, and its monitoring port?") from error


def times_of(message: Any) -> int | None:
    """Return how often a message has come, by what the server says of it; None where that is nonsense."""
    from nats.errors import Error  # noqa: PLC0415

    try:
        return int(message.metadata.num_delivered)
    except (Error, OSError, *NONSENSE):
        return None


class Bus:
    """One connection to a bus, for the acts of some parties, and of those that are named later (:meth:`follow`).
    ``name`` is the node's: its place among what was heard is kept by the server under it. ``domain`` names the
    JetStream beyond a leaf node. ``told`` is what the user should know of the server.

    Raises :class:`BusTrouble` where it cannot be reached, or is not fit (``spec/bus.md`` 3); every method does while
    the connection is away. It connects again by itself.
    """

    def __init__(
        self,
        servers: Sequence[str],
        parties: Sequence[bytes],
        name: str,
        *,
        only_copy: bool = False,
        monitor: str | None = None,
        replicas: int = 1,
        hears_heads: bool = False,
        credentials: str | None = None,
        domain: str | None = None,
        seconds: float = PATIENCE_SECONDS,
    ) -> None:
        try:
            import nats  # noqa: PLC0415  an extra, imported where it is used
            import nats.errors  # noqa: PLC0415
        except ImportError as error:
            what = "the bus needs what is not installed: nats-py."
            raise BusTrouble("bus.not-installed", what, "Install it: pip install 'pourparler[bus]'") from error
        if not re.fullmatch(r"[\w-]{1,64}", name):
            raise BusTrouble("bus.name", f"{name!r} is no name for a consumer.", "Letters, digits, - and _.")
        self.nats = nats
        self.name, self.seconds, self.domain = name, seconds, domain
        self.hears_heads = hears_heads
        self._heads_of: set[bytes] = set()  # the parties of which it is heard how far others are
        self._heads: deque[bytes] = deque(maxlen=HEADS_KEPT)
        self.told = ""
        self._readers: dict[bytes, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pourparler bus", daemon=True)
        self._thread.start()
        try:
            self._run(self._connect(list(servers), credentials))
            syncs = writes_through(monitor, seconds) if monitor else None
            self.told = check_server(str(self._client.connected_server_version), only_copy=only_copy, syncs=syncs)
            self._run(self._begin_in_time(replicas, parties), seconds)
        except BaseException:
            self.close()
            raise

    @property
    def parties(self) -> tuple[bytes, ...]:
        """The parties whose acts are read here."""
        return tuple(self._readers)

    # What a node does with it.

    def follow(self, parties: Iterable[bytes]) -> None:
        """Read the acts of these parties as well, from the first that the bus has of them; what is read already goes on
        as it was."""
        for party in parties:
            if party not in self._readers:
                self._run(self._read(party))

    def publish(self, party: bytes, act_id: bytes, envelope: bytes, again: str = "") -> None:
        """Publish an act; return once the server has acknowledged it, which keeps nothing (``spec/bus.md`` 1).

        ``again`` names the occasion on which it is published once more: the server takes an act once on each.
        """
        headers = {"Nats-Msg-Id": f"{act_id.hex()}.{again}" if again else act_id.hex()}
        self._run(self._stream.publish(act_subject(party), envelope, timeout=self.seconds, headers=headers))

    def fetch(self, most: int = FETCH_MOST, seconds: float = 1.0) -> list[Delivery]:
        """Return what has come and was not acknowledged yet, at most ``most`` a party; empty where nothing came within
        ``seconds``. A message that no act can be in is dropped for good."""
        found: list[Delivery] = []
        for party, messages in self._run(self._fetch(min(most, FETCH_MOST), seconds), seconds):
            for message in messages:
                times = times_of(message)
                if times is None:
                    continue  # no message of the stream's, whatever the server calls it
                if len(message.data) > limits.ENVELOPE_MAX_BYTES:
                    self._run(message.term())
                else:
                    found.append(self._delivery(party, message, times))
        return found

    def tell_heads(self, party: bytes, heads: bytes) -> None:
        """Say what this node has of a party, to whoever listens now."""
        self._run(self._client.publish(heads_subject(party), heads))

    def heads_heard(self) -> Iterator[bytes]:
        """Yield what others said of how far they are since this was last asked: messages, not looked at yet."""
        while self._heads:
            yield self._heads.popleft()

    def close(self) -> None:
        """Leave the bus. Closing twice does nothing."""
        if self._loop.is_closed():
            return
        if hasattr(self, "_client"):
            with contextlib.suppress(BusTrouble):
                self._run(self._client.close())
        with contextlib.suppress(BusTrouble):
            self._run(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SPARE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Within the loop's thread.

    async def _end_tasks(self) -> None:
        """End what still runs, such as a connection that was given up: a loop that is closed over it complains."""
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, servers: list[str], credentials: str | None) -> None:
        async def quiet(_: Exception) -> None:  # each call says what went wrong for itself
            return

        from nats.aio.client import Client  # noqa: PLC0415

        times: dict[str, Any] = {"connect_timeout": self.seconds, "reconnect_time_wait": 0.5}
        more: dict[str, Any] = {"user_credentials": credentials} if credentials else {}
        self._client = Client()  # known before it is connected: what it opened is closed with it
        await self._client.connect(
            servers,
            name=f"pourparler {self.name}",
            max_reconnect_attempts=-1,
            ping_interval=PING_SECONDS,  # a server that stands still is left for another after two of these
            allow_reconnect=True,
            error_cb=quiet,
            **times,
            **more,
        )
        self._stream = self._client.jetstream(timeout=self.seconds, domain=self.domain)

    async def _begin_in_time(self, replicas: int, parties: Sequence[bytes]) -> None:
        """Begin, and again while a cluster has no leader yet, or a leaf no link."""
        from nats.js.errors import ServiceUnavailableError  # noqa: PLC0415

        end = self._loop.time() + self.seconds
        while True:
            try:
                return await self._begin(replicas, parties)
            except (ServiceUnavailableError, self.nats.errors.TimeoutError, self.nats.errors.NoRespondersError):
                if self._loop.time() >= end:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    async def _begin(self, replicas: int, parties: Sequence[bytes]) -> None:
        """Make the stream where there is none, and a consumer for each party."""
        from nats.js import api  # noqa: PLC0415
        from nats.js.errors import BadRequestError, NotFoundError  # noqa: PLC0415

        try:
            await self._stream.stream_info(STREAM)
        except NotFoundError:
            stream = api.StreamConfig(
                name=STREAM,
                subjects=[f"{SUBJECTS}.*.act"],
                storage=api.StorageType.FILE,
                num_replicas=replicas,
                max_msg_size=limits.ENVELOPE_MAX_BYTES,
            )
            with contextlib.suppress(BadRequestError):  # somebody made it in between
                await self._stream.add_stream(stream)
        for party in parties:
            await self._read(party)

    async def _read(self, party: bytes) -> None:
        """Make a consumer for a party, once; where a step fails, it can be done again."""
        from nats.js import api  # noqa: PLC0415

        if self.hears_heads and party not in self._heads_of:
            await self._client.subscribe(heads_subject(party), cb=self._hear_heads)
            self._heads_of.add(party)
        if party not in self._readers:
            config = api.ConsumerConfig(ack_policy=api.AckPolicy.EXPLICIT, ack_wait=30)
            durable = f"{self.name}-{party.hex()[:16]}"
            self._readers[party] = await self._stream.pull_subscribe(
                act_subject(party), durable=durable, stream=STREAM, config=config
            )

    async def _hear_heads(self, message: Any) -> None:
        if len(message.data) <= limits.EXCHANGE_MESSAGE_MAX_BYTES:
            self._heads.append(message.data)

    async def _fetch(self, most: int, seconds: float) -> list[tuple[bytes, list[Any]]]:
        async def of(party: bytes) -> tuple[bytes, list[Any]]:
            try:
                return party, await self._readers[party].fetch(most, timeout=seconds)
            except self.nats.errors.TimeoutError:
                return party, []

        if not self._readers:  # nobody is followed yet: whoever asks again and again waits all the same
            await asyncio.sleep(seconds)
        return await asyncio.gather(*map(of, tuple(self._readers)))

    def _delivery(self, party: bytes, message: Any, times: int) -> Delivery:
        return Delivery(
            party,
            message.data,
            times,
            done=lambda: self._run(message.ack()),
            later=lambda: self._run(message.nak(delay=AGAIN_SECONDS)),
        )

    def _run(self, doing: Coroutine[Any, Any, Result], extra: float = 0.0) -> Result:
        """Wait for something that the loop does. Raises :class:`BusTrouble` for whatever goes wrong with it."""
        if self._loop.is_closed() or not self._thread.is_alive():
            doing.close()
            raise BusTrouble("bus.closed", "the connection to the bus was closed.")
        waiting = asyncio.run_coroutine_threadsafe(doing, self._loop)
        try:
            return waiting.result(self.seconds + extra + SPARE_SECONDS)
        except BusTrouble:
            raise
        except (
            self.nats.errors.Error, OSError, WaitedTooLong, CancelledError, asyncio.InvalidStateError, *NONSENSE
        ) as error:  # fmt: skip
            waiting.cancel()
            if isinstance(error, WaitedTooLong) and not str(error):
                error = TimeoutError("no answer in time")
            what = f"the bus does not do what it was asked: {said_of(error)}."
            raise BusTrouble("bus.unreachable", what, "Is the server there, and may this node use it?") from error
