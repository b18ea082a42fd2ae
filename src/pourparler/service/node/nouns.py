"""What a node is told and what it answers. Plain values; each has ``plain()``, which JSON can hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any

from pourparler.core import limits


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: bytes in hexadecimal, the names of a record as they are."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {plain(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(member) for member in value]
    return value


@dataclass(frozen=True, slots=True)
class Came:
    """How something came: by which channel, from which peer, and when by this machine's clock, in seconds."""

    channel: str
    peer: str
    time: int

    def short(self) -> "Came":
        """Return it with names of bounded length: they are the sender's words."""
        return Came(shortened(self.channel), shortened(self.peer), self.time)


def shortened(name: str) -> str:
    most = limits.NODE_NAME_MAX_BYTES
    return name.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


class State(Enum):
    """What became of an act that was brought."""

    NEW = "new"  # it stands in the journal
    KNOWN = "known"  # it was there
    PENDING = "pending"  # it waits: for an act that it names, for signatures, or for its time
    CARRIED = "carried"  # a holder's act in a dossier elsewhere: kept and handed on, never judged here
    VOID = "void"  # it stands in the journal without effect
    REFUSED = "refused"  # it is not kept


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an act: ``reason`` and ``detail`` say why it waits, is void or refused; ``works`` says of bad news
    that it does its work while it waits; ``wants`` are the acts (or organs) that it waits for."""

    state: State
    act: bytes = b""
    reason: str = ""
    detail: str = ""
    index: int | None = None
    works: bool = False
    wants: tuple[bytes, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether it is durable here now: whoever brought it may stop."""
        return self.state in (State.NEW, State.KNOWN, State.CARRIED, State.VOID)

    def plain(self) -> dict[str, Any]:
        return dict(plain(self))


class Answer(Enum):
    """The three answers about a mandate; never rounded up."""

    IN_FORCE = "in force"
    REFUSED = "refused"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a power may be used under a mandate. ``proven``: by the party's home ledger, as of ``as_of`` (the log
    time of the newest stamp that is shown of it); else as heard. ``by`` is the act that ended it."""

    answer: Answer
    proven: bool = False
    reason: str = ""
    why: str = ""
    by: bytes = b""
    as_of: int | None = None

    @property
    def words(self) -> str:
        """The answer as people read it."""
        if self.answer is Answer.IN_FORCE:
            return f"in force ({'proven' if self.proven else 'as heard'})"
        return f"{self.answer.value}: {self.why} [{self.reason}]"

    def plain(self) -> dict[str, Any]:
        return dict(plain(self))


class Fresh(Enum):
    """How a node stands towards a party."""

    CURRENT = "current"
    BEHIND = "behind"  # more was said than is here, and it is not overdue yet
    STARVED = "being starved"  # more was said than is here, for longer than a beacon period
    CUT_OFF = "cut off"  # no beacon came when the newest one said that the next would
    UNKNOWN = "unknown"  # the party has no beacons, none was heard, or none may be relied on


@dataclass(frozen=True, slots=True)
class Freshness:
    """How current what is known of a party is. ``as_of``: the time of the newest beacon of which all is here;
    ``newest`` that of the newest one; ``due`` when the next was to come. ``more``: who shows (a beacon) or says (a
    peer) that there is more, since when; ``shown`` says that a signed beacon does, ``doubted`` that beacons of the party
    contradict each other."""

    party: bytes
    state: Fresh
    as_of: int | None = None
    newest: int | None = None
    due: int | None = None
    held: int = 0
    said: int = 0
    shown: bool = False
    more: tuple[str, ...] = ()
    since: int | None = None
    doubted: bool = False

    @property
    def words(self) -> str:
        """The state as people read it: the instant in seconds is the caller's to write as a date."""
        current = f"current as of {self.as_of}" if self.as_of is not None else "nothing is known to be current"
        match self.state:
            case Fresh.CURRENT:
                return current
            case Fresh.BEHIND:
                return f"{current}; more is on its way"
            case Fresh.UNKNOWN if self.doubted:
                return "its beacons contradict each other: nobody can tell how current this is"
            case Fresh.UNKNOWN:
                return "no beacon was heard: nobody can tell how current this is"
        return f"{self.state.value}; {current}"

    def plain(self) -> dict[str, Any]:
        return {**plain(self), "words": self.words}


@dataclass(frozen=True, slots=True)
class Heads:
    """How far a node has each chain: organ -> place and the decision there; party and kid of a beacon key -> serial and
    the beacon with it. An organ with two decisions at one place has no row."""

    organs: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)
    beacons: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hearer:
    """One holder, and what is known of whether an order reached him: ``time`` is when he acknowledged it, or else when
    he was heard last, ``age`` the seconds since, ``act`` his acknowledgement."""

    mandate: bytes
    state: str  # acknowledged | heard since | last heard before | unreachable
    time: int | None = None
    age: int | None = None
    channel: str = ""
    peer: str = ""
    act: bytes = b""


@dataclass(frozen=True, slots=True)
class Reached:
    """The propagation map of one order: every holder of the party, by what is known of him."""

    order: bytes
    taken: int | None
    hearers: tuple[Hearer, ...]

    def of(self, state: str) -> tuple[Hearer, ...]:
        """Return the holders of one state."""
        return tuple(one for one in self.hearers if one.state == state)

    def plain(self) -> dict[str, Any]:
        return dict(plain(self))


@dataclass(frozen=True, slots=True)
class Shown:
    """What came of a bundle or a copy: whose home it shows, up to which log time, and what became of each act."""

    parties: tuple[bytes, ...] = ()
    time: int | None = None
    acts: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    detail: str = ""

    def plain(self) -> dict[str, Any]:
        return dict(plain(self))
