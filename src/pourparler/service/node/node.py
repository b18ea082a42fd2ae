"""The node: it takes acts from any channel, judges them in its journal, and answers by what it has heard.

Specification: ``spec/node.md``. The law is not written here a second time: every act goes through the journal, which is
a ledger (:class:`~pourparler.service.intake.Intake`), and what it says decides. Nothing is handed on that was not
verified, and nothing is acknowledged that is not on the disk.

Feed it bytes and time; ask it. Safe to use from several threads.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pourparler.core import limits
from pourparler.core.act import Act, Power
from pourparler.core.council import Depositary
from pourparler.core.errors import PourparlerError, Refused
from pourparler.core.registry import Registry
from pourparler.ports import Clock, HighWater, Signer, Store, StoreError
from pourparler.service.books import BEGINNINGS, parse_copy
from pourparler.service.drafting import draft
from pourparler.service.heads import ReadOnly
from pourparler.service.node import beacons, offering
from pourparler.service.node.clock import JournalClock
from pourparler.service.node.fate import fate
from pourparler.service.node.freshness import freshness
from pourparler.service.node.holdings import Holdings, Journal
from pourparler.service.node.homes import HOME_FORKED, Forks, Homes, Ledger, acts_in
from pourparler.service.node.index import Index, share_of
from pourparler.service.node.nouns import Answer, Came, Fate, Freshness, Heads, Reached, Shown, Standing, State, Taken
from pourparler.service.node.reach import reached
from pourparler.service.node.standing import VOIDED_BY_ENDING, Known, judge
from pourparler.service.node.status import status
from pourparler.service.node.taking import Taking
from pourparler.store.highwater import HighWaterFile
from pourparler.store.node import NodeStore
from pourparler.store.sqlite import SqliteStore, snapshot


def open_node(
    folder: Path,
    signer: Signer,
    clock: Clock,
    origin: str,
    *,
    follow: Iterable[bytes] = (),
    high_water: Path | None = None,
    settles: bool = True,
) -> "Node":
    """Open the node in a folder, or begin one there: ``journal.sqlite``, ``node.sqlite`` and, there or elsewhere,
    ``journal.high-water``. Raises :class:`StoreError`, and ``OSError`` where the signer cannot sign."""
    journal = SqliteStore(folder / "journal.sqlite")
    marks: HighWater | None = None
    try:
        marks = HighWaterFile(high_water or folder / "journal.high-water")
        beside = NodeStore(folder / "node.sqlite")
    except BaseException:
        journal.close()
        if marks is not None:
            marks.close()
        raise
    return Node(journal, beside, signer, clock, origin, follow=follow, high_water=marks, settles=settles)


@contextmanager
def look_at_node(
    folder: Path, signer: Signer, clock: Clock, origin: str, *, follow: Iterable[bytes] = ()
) -> Iterator["Node"]:
    """Give a copy of the node in a folder as it stands, beside whoever runs it: to be asked, and to be told nothing.

    The file beside the journal is copied first: what the journal has beyond it is noted, as at any start. Raises
    :class:`StoreError`.
    """
    with ExitStack() as copies:
        try:
            beside = copies.enter_context(snapshot(folder / "node.sqlite"))
            journal = copies.enter_context(snapshot(folder / "journal.sqlite"))
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{folder}: a copy to look at could not be made: {error}.") from error
        entries, others = SqliteStore(journal), NodeStore(beside)
        node = Node(entries, others, signer, clock, origin, follow=follow, settles=False)
        copies.callback(node.close)
        yield node


class Node:
    """One node. ``follow`` are parties to follow from now on; who follows none takes what any party says, as a relay
    does, up to the bound on parties. Journal, store and high-water file are the node's from here on.

    Opening folds the journal again, and brings what stands beside it up to it. Where the journal was put back to an
    earlier day, ``read_only`` says so: nothing is taken, and no standing is told. One that is only asked ``settles``
    nothing: what waits is left to wait. Raises :class:`StoreError`, and
    ``OSError`` where the signer cannot sign.
    """

    def __init__(
        self,
        journal: Store,
        store: NodeStore,
        signer: Signer,
        clock: Clock,
        origin: str,
        *,
        follow: Iterable[bytes] = (),
        high_water: HighWater | None = None,
        settles: bool = True,
    ) -> None:
        self._lock = threading.RLock()
        self.settles = settles
        self._undone = False
        self.store = store
        time = JournalClock(clock, store.fact("anchor"))
        try:
            self.journal = Journal(journal, signer, time, origin, high_water=high_water)
        except BaseException:
            store.close()
            raise
        self.read_only: ReadOnly | None = self.journal.read_only
        try:
            self.holdings = Holdings(self.journal, store, Homes(store), clock, time)
            self.taking = Taking(self.holdings, self.follows)
            for party in follow:
                store.follow(party)
            self.followed = store.followed()
            if not self.read_only:
                self._catch_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close journal and file. Closing twice does nothing."""
        with self._lock:
            self.journal.close()
            self.store.close()

    def _catch_up(self) -> None:
        """Index the journal, and bring the file beside it up to it: a crash, or an older file, left it behind."""
        mark = self.store.fact("journal") or 0
        self.holdings.index, self.taking.noted, self.taking.founded = Index(), 0, None
        self.taking.freed.clear()
        with self._changing(), self.journal.still() as registry:
            if mark > self.journal.size:
                self.read_only = put_back(self.journal.size, mark)
                return
            if self.holdings.clock.anchor is None and registry.stamp is not None:
                self.holdings.note_time(registry.stamp.time)
            for outcome in sorted(registry.outcomes.values(), key=lambda one: one.moment.index):
                if outcome.moment.index < mark:
                    self.holdings.index.add(outcome, registry)
                    self.taking.noted = outcome.moment.index + 1
                else:
                    self.taking.note(outcome, Came("journal", "", outcome.moment.time))
            if self.settles:
                self.taking.freed += self.store.pending()
                self.taking.settle()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Gather what changes beside the journal into one commit, which also says how far the journal was noted."""
        with self._lock:
            if self._undone:
                self._undone = False
                self._catch_up()
            before = self.journal.size
            try:
                with self.store.changing():
                    yield
                    size = self.journal.size
                    if not self.read_only and size != self.store.fact("journal"):
                        self.store.set_fact("journal", size)
            except BaseException as error:
                refused = isinstance(error, PourparlerError)  # as a rule a copy, before any of its acts was taken
                self._undone = not (refused and self.journal.size == before)  # else something may not be noted here
                with suppress(StoreError):
                    self.holdings.forget_unkept()
                raise

    @property
    def registry(self) -> Registry:
        """The journal's fold. It changes with every act that is taken: read it within :meth:`still`."""
        return self.journal.registry

    @contextmanager
    def still(self) -> Iterator[Registry]:
        """Hold the node still while its journal's fold is read."""
        with self._lock, self.journal.still() as registry:
            yield registry

    def now(self) -> int:
        """Return the journal's time, in seconds."""
        return self.holdings.now()

    def follow(self, party: bytes) -> None:
        """Follow a party from now on. Raises :class:`StoreError` where there are too many."""
        with self._lock:
            self.store.follow(party)
            self.followed.add(party)

    def follows(self, party: bytes) -> bool:
        """Return whether acts of a party are taken."""
        if self.followed:
            return party in self.followed
        return party in self.registry.registers or len(self.registry.registers) < limits.NODE_PARTIES_MAX

    def parties(self) -> list[bytes]:
        """Return the parties whose acts are taken, as far as there are any to name: those that are followed, heard of
        or not; where none is, those that are known."""
        with self._lock:
            return sorted(self.followed or self.registry.registers)

    def accept_clock(self) -> None:
        """Let the machine's clock count as others' time, once, on a person's word: no beacon has come for long."""
        with self._lock:
            self.holdings.note_time(self.holdings.wall.now())

    def listen(self, told: Callable[[Act], None]) -> None:
        """Let somebody who keeps an index of his own be told of each act that is new here and may be handed on."""
        self.holdings.told.append(told)

    # Taking.

    def take(self, envelope: bytes, came: Came) -> Taken:
        """Take an act in its envelope; return what became of it. Raises nothing on any bytes, but :class:`StoreError`
        and ``OSError`` where the disk or the signer fails: then bring it again."""
        (taken,) = self.take_many([envelope], came)
        return taken

    def take_many(self, envelopes: Sequence[bytes], came: Came) -> list[Taken]:
        """Take several acts in this order, in few commits; return what became of each, as :meth:`take` does."""
        if self.read_only:
            return [self._refused_for_good() for _ in envelopes]
        with self._changing():
            return self.taking.take_all(envelopes, came.short())

    def take_part(self, payload: bytes, kid: bytes, signature: bytes, came: Came) -> Taken:
        """Take one member's signature on a decision; parts of distinct members join to it. Raises as :meth:`take`."""
        if self.read_only:
            return self._refused_for_good()
        with self._changing():
            return self.taking.take_part(payload, kid, signature, came.short())

    def _refused_for_good(self) -> Taken:
        assert self.read_only is not None
        return Taken(State.REFUSED, b"", self.read_only.reason, self.read_only.what)

    def take_bundle(self, data: bytes, came: Came) -> Shown:
        """Take an evidence bundle, or a copy of a ledger: its acts, as any that came, and what it shows of parties'
        home ledgers, which then judges between siblings. Raises as :meth:`take`."""
        try:
            if data.startswith(BEGINNINGS):
                copy = parse_copy(data)
                whole = (copy.entries, copy.checkpoint, copy.texts)
                return self._take_ledger(copy.depositary, lambda homes: homes.take_copy(copy.depositary, *whole), came)
            return self._take_evidence(data, came)
        except PourparlerError as error:
            return self._not_shown(error)

    def take_home(
        self,
        home: Depositary,
        start: int,
        entries: Sequence[bytes],
        note: bytes,
        came: Came,
        *,
        texts: Iterable[bytes] = (),
    ) -> Shown:
        """Take more of a home ledger, as pulled over a wire: its entries from ``start`` on (:meth:`home_size`), and the
        checkpoint over all of it. Raises as :meth:`take`."""
        try:
            return self._take_ledger(home, lambda homes: homes.extend(home, start, entries, note, texts), came)
        except PourparlerError as error:
            return self._not_shown(error)

    def _take_ledger(self, home: Depositary, extended: Callable[[Homes], Ledger], came: Came) -> Shown:
        """Take a ledger that is or becomes a copy here; its new acts of parties that are followed go through the
        journal."""
        if self.read_only:
            raise Refused(self.read_only.reason, self.read_only.what)
        before, ledger = self.home_size(home), None
        try:
            with self._changing():
                ledger = extended(self.holdings.homes)
                self._check_followed(ledger)
                entries = self.store.home_entries(home.origin, home.key, before)
                acts = [act.envelope.encoded() for act in self._ours(ledger, entries)]
                return self._take_shown([ledger], acts, came)
        except BaseException:
            if ledger is not None:  # else nothing was taken: a peer who shows nonsense costs no reading of the copy
                self.holdings.homes.reload(home)
            raise

    def _check_followed(self, ledger: Ledger) -> None:
        if not any(self.follows(party) and ledger.is_home_of(party) for party in ledger.registry.registers):
            raise Refused("node.not-followed", "it is no home ledger of a party that this node follows")

    def _ours(self, ledger: Ledger, entries: Iterable[bytes]) -> Iterator[Act]:
        """Yield the acts of followed parties among a ledger's entries: a home may be that of many more."""
        for act in acts_in(entries):
            outcome = ledger.registry.outcomes.get(act.id)
            if outcome is not None and outcome.party is not None and self.follows(outcome.party):
                yield act

    def _take_evidence(self, data: bytes, came: Came) -> Shown:
        if self.read_only:
            raise Refused(self.read_only.reason, self.read_only.what)
        with self._changing():
            ledgers, acts = self.holdings.homes.take_bundle(data, self.follows)
            shown = self._take_shown(ledgers, acts, came)
        self.holdings.homes.unkept = False
        return shown

    def _take_shown(self, ledgers: Sequence[Ledger], acts: Sequence[bytes], came: Came) -> Shown:
        taken = self.taking.take_all(acts, came.short())
        parties: set[bytes] = set()
        for ledger in ledgers:
            shown = {party for party in ledger.registry.registers if self.follows(party) and ledger.shows(party)}
            parties |= shown
            if shown and ledger.time <= self.holdings.latest() + limits.NODE_SKEW_SECONDS:
                self.holdings.note_time(ledger.time)
        for party in parties & self.registry.registers.keys():
            beacons.check_against_home(self.holdings, self.registry.registers[party])
        self.taking.freed += self.store.working()
        for party in parties & self.registry.registers.keys():  # who has a seat there may speak here
            for organ in self.registry.registers[party].spines.heads:
                self.taking.free_of(organ)
        self.taking.settle()
        counts: dict[str, int] = {}
        for one in taken:
            counts[one.state.value] = counts.get(one.state.value, 0) + 1
        return Shown(tuple(sorted(parties)), max((one.time for one in ledgers), default=None), counts)

    def _not_shown(self, error: PourparlerError) -> Shown:
        """Return that nothing was shown, and why; two histories of a home are kept as proof."""
        if isinstance(error, Forks):
            with self._changing():
                for party, register in self.registry.registers.items():
                    homes = (register.spines.party.home, *self.holdings.homes.best(party))
                    if error.depositary in homes:
                        self.holdings.accuse(HOME_FORKED, party, error.depositary.key, error.first, error.second)
        return Shown(reason=error.reason, detail=error.detail)

    def home_size(self, home: Depositary) -> int:
        """Return how many entries of a ledger's copy are held: what to pull comes after."""
        with self._lock:
            held = self.holdings.homes.copies.get(home)
            return len(held.leaves) if held else 0

    def home_ledgers(self) -> Mapping[bytes, Depositary]:
        """Return for each party that is known its home ledger, as far as is known here."""
        with self._lock:
            found: dict[bytes, Depositary] = {}
            for party, register in self.registry.registers.items():
                view = self.holdings.home(register)
                moved = view.registers[-1].spines.moved_to if view else None
                found[party] = (view and view.present) or moved or register.spines.party.home
            return found

    # Asking.

    def standing(self, mandate: bytes, power: Power) -> Standing:
        """Return whether a power may be used under a mandate: in force (proven, or as heard), refused and why, or that
        nobody here can tell. Never rounded up."""
        with self._lock:
            if self.read_only:
                return Standing(Answer.CANNOT_TELL, False, self.read_only.reason, self.read_only.what)
            outcome = self.registry.outcomes.get(mandate)
            party = outcome.party if outcome else self._party_at_home(mandate)
            if party is None:
                return self._not_known(mandate)
            return judge(self._known(party), mandate, power)

    def _not_known(self, mandate: bytes) -> Standing:
        """Return the standing of a mandate that has not been heard of, or that waits because its giver is stopped."""
        for one in self.store.pending_of(mandate):
            if one.reason in VOIDED_BY_ENDING:
                return Standing(Answer.REFUSED, False, one.reason, "it was given under a mandate that is stopped")
        return Standing(Answer.CANNOT_TELL, False, "unknown.mandate", "the mandate has not been heard of here")

    def _party_at_home(self, mandate: bytes) -> bytes | None:
        """Return whose mandate it is that only a home is shown to hold."""
        for party, register in self.registry.registers.items():
            home = self.holdings.home(register)
            if home and any(mandate in one.mandates for one in home.registers):
                return party
        return None

    def _known(self, party: bytes) -> Known:
        """Return all that a judgement about a party rests on."""
        register = self.registry.registers[party]
        known = offering.known_of(self.holdings, register)
        heard = len(register.heads) - self.holdings.index.words[party]
        return replace(
            known,
            wall=self.holdings.wall.now(),
            beacons=beacons.trusted(self.holdings, register),
            held=max(len(one.heads) for one in known.home.registers) if known.home else heard,
            doubt=self.holdings.doubt,
            awaits=self.holdings.awaits,
            own=lambda mandate: self.holdings.index.under[share_of(mandate)],
        )

    def freshness(self, party: bytes) -> Freshness:
        """Return how current what is known of a party is. Raises :class:`Missing` (``unknown.party``)."""
        with self._lock:
            register = self.registry.register(party)
            known = self._known(party)
            issuers = [*register.spines.heads, *{beacons.beacon_issuer(party, one.key) for one in known.beacons}]
            said = [row for issuer in issuers for row in self.store.said(issuer)]
            return freshness(known, said, doubted=bool(beacons.caught_kids(self.holdings, register)))

    def fate(self, act: bytes) -> Fate:
        """Return what became of an act here: proven, as heard, contested, lost, void, carried, waiting, or unknown."""
        with self._lock:
            return fate(self.holdings, act)

    def reached(self, act: bytes) -> Reached:
        """Return what is known of whom an order has reached: every holder of its party, by what was heard of him."""
        with self._lock:
            return reached(self.holdings, act)

    def status(self) -> dict[str, Any]:
        """Return what a person wants to know at a glance, as plain data."""
        with self._lock:
            if self.read_only:
                one = self.read_only
                return {"read_only": {"reason": one.reason, "what": one.what, "do": one.do}}
            return status(self.holdings, self.follows, self.freshness)

    # For those who exchange acts with others.

    def heads(self) -> Heads:
        """Return how far each chain is known; an organ with two decisions at one place has no row."""
        with self._lock:
            return offering.heads(self.holdings)

    def newest_beacons(self) -> dict[bytes, tuple[int, bytes]]:
        """Return how far the beacons of each key are known: serial and act, by issuer."""
        with self._lock:
            return offering.newest_beacons(self.holdings)

    def hear_heads(self, theirs: Heads, came: Came) -> list[bytes]:
        """Take note of how far another node says to have each chain; return the issuers of which that is further."""
        ours = self.heads()
        pairs = ((ours.organs, theirs.organs), (ours.beacons, theirs.beacons))
        rows = [(mine, others, issuer) for mine, others in pairs for issuer in mine.keys() & others.keys()]
        more = [issuer for mine, others, issuer in rows if others[issuer][0] > mine[issuer][0]]
        self.told_more(more, came, among=[issuer for _, _, issuer in rows])
        return more

    def told_more(self, issuers: Iterable[bytes], came: Came, *, among: Iterable[bytes] = ()) -> None:
        """Take note that a peer says to know more of these issuers (organs; parties with the kid of a beacon key), and
        of the others in ``among`` no more. It is his word, until what he has comes."""
        came, told = came.short(), set(issuers)
        with self._changing():
            for issuer in set(among) - told:
                self.store.unsay(issuer, came.peer)
            for issuer in sorted(told):
                self.store.note_said(issuer, came.peer, came.channel, self.now())

    def lacking(self, theirs: Heads) -> list[bytes]:
        """Return the envelopes on chains that somebody with these heads lacks, each chain in its order."""
        with self._lock:
            return offering.acts(self.holdings, offering.lacking(self.holdings, theirs))

    def loose(self) -> Mapping[bytes, bytes]:
        """Return the envelopes of the acts that no row of the heads speaks for: of members, holders, certifiers, the
        urgent; the decisions of organs of which two follow one place; what is carried; bad news that works while it
        waits."""
        with self._lock:
            return offering.loose(self.holdings)

    def every(self) -> list[Act]:
        """Return every act that may be handed on, the journal's first and in its order; of what comes later,
        :meth:`listen` tells."""
        with self._lock:
            return [*offering.every(self.holdings)]

    def acts(self, ids: Iterable[bytes]) -> list[bytes]:
        """Return the envelopes of those of these acts that were verified here; for an organ's id, of what made it."""
        with self._lock:
            return offering.acts(self.holdings, ids)

    def wanted(self) -> list[bytes]:
        """Return the ids of acts (and organs) that acts here wait for: to be asked for, of anybody, on any channel."""
        with self._lock:
            known = self.registry.party_of_organ.keys() | self.registry.registers.keys()
            here = self.store.stopped()
            return [one for one in self.store.wanted() if one not in known and one not in here]

    def dispatch_keys(self) -> Mapping[bytes, bytes]:
        """Return the keys that sign frames, each with the party for which it does."""
        with self._lock:
            return offering.dispatch_keys(self.holdings)

    def ban(self, key: bytes) -> None:
        """Let a dispatch key count no more, across restarts too, until its party names its keys anew: it signed what is
        false (``spec/frame.md`` 8). Raises :class:`StoreError`."""
        with self._lock:
            party = offering.dispatch_keys(self.holdings).get(key)
            register = self.registry.registers.get(party or b"")
            named = beacons.newest_appointment(self.holdings, register, "dispatch") if register else None
            if named is not None:
                self.holdings.ban(key, named.id)

    def acknowledge(self, signer: Signer, mandate: bytes, about: bytes) -> bytes:
        """Return a holder's signed "I know" about an act, which is taken here as well: by one key, and so refused under
        a mandate that asks for several signatures. Raises ``OSError`` where he cannot sign."""
        envelope = self.acknowledgement([signer], mandate, about)
        self.take(envelope, Came("here", "", self.holdings.wall.now()))
        return envelope

    def acknowledgement(self, signers: Sequence[Signer], mandate: bytes, about: bytes) -> bytes:
        """Return what :meth:`acknowledge` does, not taken, by one key or by several. Raises ``OSError`` where one of
        them cannot sign."""
        fields = {"by": mandate, "about": about, "at": self.holdings.wall.now()}
        return draft("reply", fields, several=len(signers) > 1).signed_by(*signers).envelope.encoded()

    def heard_by(self, act: bytes) -> tuple[str, int] | None:
        """Return by which channel an act that ends or stops a power came first, and when; None of any other."""
        with self._lock:
            waits = [(one.channel, one.time) for one in self.store.pending_of(act) if one.works]
            noted = [(channel, time) for channel, _, time in self.store.heard(act)]
            return min(noted + waits, key=lambda one: one[1], default=None)


def put_back(size: int, mark: int) -> ReadOnly:
    """Return why a journal is not gone on with that has lost entries."""
    return ReadOnly(
        "ledger.behind",
        f"the node's journal has {size:,} entries, and the file beside it remembers {mark:,}: the journal was put back "
        "to an earlier day.",
        "Put no file back. Begin a new node under a new key, and take everything again from others.",
    )
