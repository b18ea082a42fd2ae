"""What a node holds, in one place: journal, the file beside it, what was shown of homes, the time. No rule is here."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pourparler.core.act import Act, parse_act
from pourparler.core.authority import HomeView, Moment, Register
from pourparler.core.errors import Missing, PourparlerError
from pourparler.core.registry import Registry
from pourparler.ports import Clock
from pourparler.service.intake import Intake
from pourparler.service.node.clock import JournalClock
from pourparler.service.node.homes import Homes
from pourparler.service.node.index import Index, Place
from pourparler.store.node import NodeStore, Proof


class Journal(Intake):
    """The node's own ledger. Refusals are not kept in it: whoever floods a node leaves nothing on its disk."""

    def _keep_refusal(self, ticket: object, data: bytes, error: PourparlerError) -> None:
        pass

    @property
    def registry(self) -> Registry:
        """The fold of what is stored, which a node asks for many times with each act."""
        with self._leading:
            self._refresh()
            return self._fold.registry


BANNED, BANS_KEPT = "banned", 1_024  # the name of the fact; the newest
Ban = tuple[bytes, bytes]  # a dispatch key, and the act that named it


@dataclass(slots=True)
class Holdings:
    """One node's holdings. ``told`` is called with each act that is new here and may be handed on."""

    journal: Journal
    store: NodeStore
    homes: Homes
    wall: Clock
    clock: JournalClock
    index: Index = field(default_factory=Index)
    told: list[Callable[[Act], None]] = field(default_factory=list)
    banned: list[Ban] = field(default_factory=list)

    def __post_init__(self) -> None:
        kept = self.store.fact(BANNED) or b""
        self.banned = [(kept[at : at + 32], kept[at + 32 : at + 64]) for at in range(0, len(kept), 64)]

    @property
    def registry(self) -> Registry:
        """The journal's fold. It changes with every act that is taken."""
        return self.journal.registry

    def now(self) -> int:
        """Return the journal's time, in seconds."""
        stamp = self.registry.stamp
        return max(self.clock.now(), stamp.time if stamp else 0)

    def latest(self) -> int:
        """Return the journal's time, or the machine's where that is later: what makes a node refuse."""
        return max(self.now(), self.wall.now())

    def moment(self) -> Moment:
        """Return the moment after all that is in the journal."""
        return Moment(self.journal.size + 1, self.now())

    def home(self, register: Register) -> HomeView | None:
        """Return what is shown of a party's home."""
        return self.homes.view(register.party, register)

    def decided(self, place: Place) -> bool:
        """Return whether a home shows which decision it took at a place."""
        party = self.registry.party_of_organ.get(place[0])
        home = self.home(self.registry.registers[party]) if party else None
        return home is not None and any(one.spines.given.get(place) in home.number for one in home.registers)

    def doubt(self, act: Act) -> bytes | None:
        """Return a decision that contradicts an act, or one that it builds on, without the home having decided."""
        return self.index.doubt(act, self.registry.outcomes, self.decided)

    def awaits(self, act: Act) -> bool:
        """Return whether a decision builds on a recovery that has not taken effect, by the earlier of the two times."""
        party = self.registry.party_of_organ.get(act.get("organ") or b"")
        waits = self.registry.registers[party].spines.waits if party else {}
        now = min(self.now(), self.wall.now())
        built_on = (
            [one for one in self.index.back(act, self.registry.outcomes) if one.kind == "recover"] if waits else []
        )
        return any(now < waits[one["organ"], one.id][1] for one in built_on)

    def lost(self, act: Act) -> bool:
        """Return whether the home took another decision in the place of an act, or of one that it builds on."""
        party = self.registry.party_of_organ.get(act.get("organ") or b"")
        if party is None:
            return False
        register = self.registry.registers[party]
        try:
            return not replace(register, home=self.home(register)).is_real(act)
        except Missing:  # not shown so far
            return False

    def envelope(self, act: bytes) -> bytes | None:
        """Return the envelope of an act that was verified here, or None."""
        outcome = self.registry.outcomes.get(act)
        if outcome is not None:
            return outcome.envelope.encoded()
        kept = self.store.carried(act) or self.store.beacon(act)
        if kept is not None:
            return kept
        return next((one.data for one in self.store.pending_of(act) if one.works), None)

    def working(self) -> tuple[tuple[Act, int], ...]:
        """Return the bad news that works while it waits, each with when it came."""
        return tuple((parse_act(one.data), one.time) for one in self.store.working())

    def accuse(self, kind: str, party: bytes, subject: bytes, first: bytes, second: bytes) -> None:
        """Keep two signed things that contradict each other."""
        first, second = sorted((first, second))
        self.store.add_proof(Proof(kind, party, subject, self.now(), first, second))

    def ban(self, key: bytes, appointment: bytes) -> None:
        """Remember that a dispatch key signed what is false, until another act names it."""
        bans = [*(one for one in self.banned if one != (key, appointment)), (key, appointment)][-BANS_KEPT:]
        self.store.set_fact(BANNED, b"".join(part for one in bans for part in one))
        self.banned = bans

    def tell(self, act: Act) -> None:
        """Call whoever keeps an index of his own."""
        for told in self.told:
            told(act)

    def forget_unkept(self) -> None:
        """Hold in memory what the file beside the journal holds: a transaction was undone. Raises StoreError."""
        self.clock.anchor = self.store.fact("anchor")
        self.homes.forget_unkept()

    def note_time(self, time: int) -> None:
        """Take a time that others have signed for an anchor."""
        self.clock.raise_anchor(time, lambda anchor: self.store.set_fact("anchor", anchor))
