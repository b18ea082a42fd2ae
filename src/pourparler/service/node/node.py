"""The node: it takes acts from any channel, judges them in its journal, and answers by what it has heard.

Specification: ``spec/node.md``. The law is not written here a second time: every act goes through the journal, which is
a ledger (:class:`~pourparler.service.intake.Intake`), and what it says decides. Beside it the node keeps what waits for
an act that it names, parts of decisions, and holders' acts in dossiers of other ledgers, which it carries. Nothing is
handed on that was not verified, and nothing is acknowledged that is not on the disk.

Feed it bytes and time; ask it. Safe to use from several threads.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, Power, parse_act, read_act
from pourparler.core.authority import Moment, Register
from pourparler.core.council import Depositary, Organ, organ_id, signers, sufficient
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import ALGORITHM_ED25519, Envelope, Form, Signature, digest, kid_of
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.registry import Registry
from pourparler.ports import Clock, HighWater, Signer, Store
from pourparler.service.books import BEGINNING, parse_copy
from pourparler.service.drafting import draft
from pourparler.service.heads import ReadOnly
from pourparler.service.intake import Intake, Receipt
from pourparler.service.node.clock import JournalClock
from pourparler.service.node.freshness import freshness
from pourparler.service.node.homes import Forks, Homes, acts_in
from pourparler.service.node.nouns import (
    Answer,
    Came,
    Freshness,
    Heads,
    Hearer,
    Reached,
    Shown,
    Standing,
    State,
    Taken,
    plain,
)
from pourparler.service.node.standing import Known, judge
from pourparler.store.highwater import HighWaterFile
from pourparler.store.node import Ack, NodeStore, Proof, StoredBeacon, StoredPart, Waiting
from pourparler.store.sqlite import SqliteStore

BAD_NEWS = {"dismiss", "urgent-dismiss", "object", "suspend", "revoke", "withdraw-certificate"}
WORKS_WAITING = {"dismiss", "object", "suspend"}
WAITS_FOR = {  # by the reason why an act cannot be judged yet: the fields that name what it lacks
    "unknown.party": ("party",),
    "unknown.organ": ("organ", "of", "to", "theirs"),
    "unknown.prior": ("prior", "theirs"),
    "unknown.mandate": ("by", "class", "target", "mandate"),
    "unknown.act": ("call", "question"),
}
UNREACHABLE_SECONDS = 86_400


class Journal(Intake):
    """The node's own ledger. Refusals are not kept in it: whoever floods a node leaves nothing on its disk."""

    def _keep_refusal(self, ticket: object, data: bytes, error: PourparlerError) -> None:
        pass


def open_node(
    folder: Path,
    signer: Signer,
    clock: Clock,
    origin: str,
    *,
    follow: Iterable[bytes] = (),
    high_water: Path | None = None,
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
    return Node(journal, beside, signer, clock, origin, follow=follow, high_water=marks)


class Node:
    """One node. ``follow`` are parties to follow from now on; who follows none takes what any party says, as a relay
    does, up to the bound on parties.

    Opening folds the journal again, and brings what stands beside it up to it. Where the journal was put back to an
    earlier day, ``read_only`` says so: nothing is taken, and no standing is told.
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
    ) -> None:
        self._lock = threading.RLock()
        self.store = store
        self.wall = clock
        anchor = store.fact("anchor")
        self.clock = JournalClock(clock, clock.now() if anchor is None else anchor)
        if anchor is None:
            store.set_fact("anchor", self.clock.anchor or 0)
        try:
            self.journal = Journal(journal, signer, self.clock, origin, high_water=high_water)
        except BaseException:
            store.close()
            raise
        self.read_only: ReadOnly | None = self.journal.read_only
        self.used: dict[bytes, list[int]] = {}
        self.children: dict[tuple[bytes, bytes], list[bytes]] = {}
        self.forks: set[tuple[bytes, bytes]] = set()
        self.brought_by: dict[bytes, bytes] = {}  # organ -> the act that made it
        self.listeners: list[Callable[[Act], None]] = []
        try:
            for party in follow:
                store.follow(party)
            self.followed = store.followed()
            self.homes = Homes(store)
            self._catch_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close journal and file. Closing twice does nothing."""
        with self._lock:
            self.journal.close()
            self.store.close()

    # Opening.

    def _catch_up(self) -> None:
        """Index the journal; bring the file beside it up to it, where a crash, or an older file, left it behind."""
        mark = self.store.fact("journal") or 0
        with self.journal.still() as registry:
            size = self.journal.size
            if mark > size and not self.read_only:
                self.read_only = ReadOnly(
                    "ledger.behind",
                    f"the journal has {size:,} entries here, and the node's file remembers {mark:,}: it was put back to "
                    "an earlier day.",
                    "Put no file back. Begin a new journal under a new key, and take everything again from others.",
                )
            if self.read_only:
                return
            with self.store.changing():
                for outcome in sorted(registry.outcomes.values(), key=lambda one: one.moment.index):
                    self._index(outcome)
                    if outcome.moment.index >= mark:
                        self._note_journaled(outcome, Came("journal", "", outcome.moment.time))
                self.store.set_fact("journal", size)
                self._settle(list(self.store.pending()))

    @property
    def registry(self) -> Registry:
        """The journal's fold. It changes with every act that is taken."""
        return self.journal.registry

    def now(self) -> int:
        """Return the journal's time, in seconds."""
        stamp = self.registry.stamp
        return max(self.clock.now(), stamp.time if stamp else 0)

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

    def accept_clock(self) -> None:
        """Let the machine's clock count as others' time, once, on a person's word: where no beacon has come for long."""
        with self._lock:
            self.clock.raise_anchor(self.wall.now(), self._keep_anchor)

    def _keep_anchor(self, time: int) -> None:
        self.store.set_fact("anchor", time)

    # Taking acts (spec/node.md section 3).

    def take(self, envelope: bytes, came: Came) -> Taken:
        """Take an act in its envelope; return what became of it. Raises nothing on any bytes, but :class:`StoreError`
        and ``OSError`` where the disk or the signer fails: then bring it again."""
        (taken,) = self.take_many([envelope], came)
        return taken

    def take_many(self, envelopes: Sequence[bytes], came: Came) -> list[Taken]:
        """Take several acts in this order, in few commits; return what became of each, as :meth:`take` does."""
        with self._lock, self.store.changing():
            return self._take_all(envelopes, came.short())

    def _take_all(self, envelopes: Sequence[bytes], came: Came) -> list[Taken]:
        answers: list[Taken | None] = []
        waiting: list[tuple[int, Act]] = []
        for envelope in envelopes:
            try:
                act = parse_act(envelope)
            except PourparlerError as error:
                answers.append(Taken(State.REFUSED, b"", error.reason, error.detail))
                continue
            if act.kind == "beacon":
                self._flush(waiting, answers, came)
            early = self._before_journal(act, came)
            answers.append(early)
            if early is None:
                waiting.append((len(answers) - 1, act))
        self._flush(waiting, answers, came)
        self._settle(self.store.pending_ready(self.now()))
        self._note_mark()
        return [answer for answer in answers if answer is not None]

    def _flush(self, waiting: list[tuple[int, Act]], answers: list[Taken | None], came: Came) -> None:
        """Submit to the journal what waits for it, and work through what thereby need not wait any more."""
        acts = [act for _, act in waiting]
        receipts = self.journal.submit_many([act.envelope.encoded() for act in acts]) if acts else []
        for (place, act), receipt in zip(waiting, receipts, strict=True):
            answers[place] = self._after_journal(act, receipt, came)
        waiting.clear()

    def _note_mark(self) -> None:
        size = self.journal.size
        if size != self.store.fact("journal"):
            self.store.set_fact("journal", size)

    def _before_journal(self, act: Act, came: Came, since: int | None = None) -> Taken | None:
        """Steps 2 to 6: return what decides without the journal, or None where the act is the journal's to judge."""
        if self.read_only:
            return Taken(State.REFUSED, act.id, self.read_only.reason, str(self.read_only))
        if act.issuer is Issuer.LEDGER:
            return Taken(State.REFUSED, act.id, "stamp.submitted", "a node makes its stamps itself")
        if (known := self._known(act)) is not None:
            return known
        if act.kind == "found" and not self.follows(act.id):
            return Taken(State.REFUSED, act.id, "node.not-followed", "this node does not follow the party")
        if act.kind == "beacon" and act["party"] in self.registry.registers:
            return self._take_beacon(act, came)
        if self._is_early(act):
            return self._wait(act, came, Missing("node.future", "it is dated ahead of this node's time"), act["at"], since)
        if not self._has_quota(act):
            return Taken(State.REFUSED, act.id, "node.quota", "its issuer has filled his share of this node's journal")
        return None

    def _known(self, act: Act) -> Taken | None:
        outcome = self.registry.outcomes.get(act.id)
        if outcome is not None:
            return Taken(State.KNOWN, act.id, index=outcome.moment.index)
        if self.store.carried(act.id) is not None or self.store.beacon(act.id) is not None:
            return Taken(State.KNOWN, act.id)
        return None

    def _is_early(self, act: Act) -> bool:
        """Return whether one key dates its act ahead of all the time that there is here. Bad news and decisions of an
        organ never wait for that: their dates decide nothing."""
        if act.kind in BAD_NEWS or act.issuer in (Issuer.ORGAN, Issuer.URGENT, Issuer.RECOVERY):
            return False
        at = act.get("at")
        return at is not None and at > max(self.now(), self.wall.now()) + limits.NODE_SKEW_SECONDS

    def _after_journal(
        self, act: Act, answer: Receipt | Exception, came: Came, since: int | None = None
    ) -> Taken:
        """Steps 7 to 11: what the journal said, and what follows from it."""
        if isinstance(answer, Receipt):
            outcome = self.registry.outcomes[act.id]
            self._index(outcome)
            self._note_journaled(outcome, came)
            self.store.remove_parts(act.id)
            for one in self.store.pending_of(act.id):
                self.store.remove_pending(one.id)
            self._settle(self._waiters(act))
            if answer.void:
                return Taken(State.VOID, act.id, answer.void, answer.detail, answer.index)
            return Taken(State.NEW, act.id, index=answer.index)
        if not isinstance(answer, PourparlerError):
            raise answer
        elsewhere = answer.reason == "unknown.dossier" or (act.kind == "open" and answer.reason == "bounds.ledger")
        if elsewhere and act.issuer is Issuer.HOLDER:
            return self._carry(act, came)
        if answer.reason in WAITS_FOR:
            return self._wait(act, came, answer, since=since)
        if answer.reason in ("decision.insufficient", "decision.possession") and act.envelope.form is Form.SIGN:
            return self._collect(act, came, answer)
        if answer.reason == "decision.no-seat" and self._works(act):
            return self._wait(act, came, answer, since=since)
        return Taken(State.REFUSED, act.id, answer.reason, answer.detail)

    # What follows from an act in the journal.

    def _index(self, outcome: Outcome) -> None:
        """Remember of a journaled act what is asked for often."""
        act = outcome.act
        used = self.used.setdefault(self._speaker(act), [0, 0])
        used[0] += 1
        used[1] += len(outcome.envelope.payload)
        if act.kind == "found":
            self.brought_by.update({organ_id(act.id, one["name"]): act.id for one in act["organs"]})
        if act.kind == "constitute":
            self.brought_by[organ_id(act.id, act["new"]["name"])] = act.id
        if act.row.spine and act.issuer is Issuer.ORGAN and act.kind != "found":
            place = (act["organ"], act["prior"])
            siblings = self.children.setdefault(place, [])
            siblings.append(act.id)
            if len(siblings) > 1:
                self.forks.add(place)
        for listener in self.listeners:
            listener(act)

    def _note_journaled(self, outcome: Outcome, came: Came) -> None:
        """Remember beside the journal what an act in it says: who was heard, who knows what, what contradicts what."""
        act, party = outcome.act, outcome.party
        assert party is not None
        if act.issuer in (Issuer.HOLDER, Issuer.CERTIFIER):
            self._note_heard(act, came)
        if act.kind == "reply":
            ack = Ack(act.id, act["about"], act["by"], act.get("at"), came.time, came.channel, came.peer)
            self.store.add_ack(ack)
        if act.kind == "beacon" and self.store.beacon(act.id) is None:
            self._keep_beacon(act, self.registry.registers[party], came, journaled=True)
        if act.row.spine and act.kind != "found":
            place = (act["organ"], act["prior"])
            for other in self.children[place] if place in self.forks else ():
                if other != act.id:
                    self._accuse(
                        "decision", party, act["organ"], self._envelope(other) or b"", outcome.envelope.encoded()
                    )
            self.store.unsay(act["organ"])

    def _note_heard(self, act: Act, came: Came) -> None:
        self.store.note_heard(
            act["by"] if act.issuer is Issuer.HOLDER else act["class"], came.channel, came.peer, came.time
        )

    def _accuse(self, kind: str, party: bytes, subject: bytes, first: bytes, second: bytes) -> None:
        """Keep two signed things that contradict each other."""
        first, second = sorted((first, second))
        self.store.add_proof(Proof(kind, party, subject, self.now(), first, second))

    def _waiters(self, act: Act) -> list[Waiting]:
        """Return what waits for an act, or for an organ that it made."""
        named = [act.id, *(organ for organ, by in self.brought_by.items() if by == act.id)]
        return [one for name in named for one in self.store.pending_for(name)]

    def _settle(self, waiting: list[Waiting]) -> None:
        """Judge again what waited; whatever that sets free, too."""
        for one in waiting:
            if not any(one.id == still.id for still in self.store.pending_of(one.act)):
                continue
            self.store.remove_pending(one.id)
            act = parse_act(one.data)
            came = Came(one.channel, one.peer, one.time)
            if self._before_journal(act, came, since=one.time) is None:
                (answer,) = self.journal.submit_many([one.data])
                self._after_journal(act, answer, came, since=one.time)

    # Waiting, collecting, carrying.

    def _wait(
        self, act: Act, came: Came, why: PourparlerError, ready: int = 0, since: int | None = None
    ) -> Taken:
        """Let an act wait for what it names, or for its time; it came just now, or has waited ``since``."""
        wants = self._wants(act, why.reason)
        works = self._works(act)
        data = act.envelope.encoded()
        owner = self._issuer_if_good(act) or source(came)
        time = self.now() if since is None else since
        id_ = sha256(data).digest()
        waiting = Waiting(id_, act.id, owner, time, why.reason, data, came.channel, came.peer, ready, works)
        if not self.store.add_pending(waiting, wants):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        return Taken(State.PENDING, act.id, why.reason, why.detail, works=works, wants=tuple(wants))

    def _wants(self, act: Act, reason: str) -> list[bytes]:
        """Return which acts or organs a waiting act names that are not here."""
        registry = self.registry
        named = [act.get(name) for name in WAITS_FOR.get(reason, ())]
        return [
            one
            for one in named
            if isinstance(one, bytes)
            and one not in registry.outcomes
            and one not in registry.party_of_organ
            and one not in registry.registers
        ][: limits.NODE_WAITS_MAX]

    def _works(self, act: Act) -> bool:
        """Return whether bad news that cannot be logged yet is signed by enough of the seats as they are known now, in
        the journal or at home."""
        if act.kind not in WORKS_WAITING:
            return False
        for organ, now in self._states(act["organ"]):
            try:
                if act.kind == "suspend":
                    if organ.dissolved or not self._may_suspend(act, organ):
                        continue
                elif organ.dissolved or (act.kind == "dismiss" and Power.DISMISS not in organ.powers):
                    continue
                else:
                    sufficient(act, organ.members)
            except PourparlerError:
                continue
            return now
        return False

    @staticmethod
    def _may_suspend(act: Act, organ: Organ) -> bool:
        return any(organ.suspenders is None or key in organ.suspenders for key in signers(act, organ.members.seats))

    def _states(self, organ: bytes) -> Iterator[tuple[Organ, bool]]:
        """Yield an organ as it stands by the journal, and as it stands at home."""
        party = self.registry.party_of_organ.get(organ)
        if party is None:
            return
        register = self.registry.registers[party]
        home = self.homes.view(party, register)
        for one in (register, *(home.registers if home else ())):
            try:
                yield one.spines.seated(organ, self.now()), True
            except PourparlerError:
                continue

    def _issuer_if_good(self, act: Act) -> bytes | None:
        """Return who an act that cannot be judged counts against: its issuer, where a key of his has signed it."""
        try:
            if act.issuer is Issuer.HOLDER:
                party = self.registry.party_of_mandate[act["by"]]
                register = self.registry.registers[party]
                mandate = register.mandate(act["by"])
                register.spoken(act, mandate, Moment(2**62, self.now()), act.row.power)
                return self._share_of(mandate.chain())
            if act.issuer in (Issuer.ORGAN, Issuer.MEMBER, Issuer.URGENT):
                party = self.registry.party_of_organ[act["organ"]]
                seated = self.registry.registers[party].spines.seated_by
                if signers(act, {key for organ, key in seated if organ == act["organ"]}):
                    return self._speaker(act)
        except (PourparlerError, KeyError):
            return None
        return None

    def _collect(self, act: Act, came: Came, why: PourparlerError) -> Taken:
        """Keep the good signatures of a decision that has too few, and join them with those that came before."""
        good = self._good_signatures(act)
        for signature in good:
            self._add_part(act, signature, act["organ"])
        joined = self._joined(act)
        if joined is not None and {s.kid for s in joined.envelope.signatures} > {s.kid for s in good}:
            (answer,) = self.journal.submit_many([joined.envelope.encoded()])
            taken = self._after_journal_of_parts(joined, answer, came)
            if taken is not None:
                return taken
        if not good:
            return Taken(State.REFUSED, act.id, why.reason, why.detail)
        return Taken(State.PENDING, act.id, why.reason, why.detail)

    def _after_journal_of_parts(self, act: Act, answer: Receipt | Exception, came: Came) -> Taken | None:
        if isinstance(answer, PourparlerError) and answer.reason.startswith("decision."):
            return None
        return self._after_journal(act, answer, came)

    def _good_signatures(self, act: Act) -> list[Signature]:
        """Return the signatures of a decision that are by anybody who has or had a seat in its organ, or takes one."""
        party = self.registry.party_of_organ.get(act.get("organ") or b"")
        if party is None:
            return []
        seated = self.registry.registers[party].spines.seated_by
        keys = {key for organ, key in seated if organ == act["organ"]}
        keys |= {key for key, _ in act.get("seats") or ()}
        keys |= {key for key, _ in (act.get("new") or {}).get("seats") or ()}
        return list(signers(act, keys).values())

    def _add_part(self, act: Act, signature: Signature, owner: bytes) -> None:
        id_ = digest("part", act.id, signature.kid, signature.value)
        part = StoredPart(id_, act.id, owner, self.now(), signature.kid, signature.value, act.envelope.payload)
        self.store.add_part(part)

    def _joined(self, act: Act) -> Act | None:
        """Return an act with all the signatures on it that were collected."""
        parts = self.store.parts(act.id)[: limits.ENVELOPE_SIGNATURES_MAX]
        if not parts:
            return None
        rows = tuple(Signature(ALGORITHM_ED25519, part.kid, part.signature) for part in parts)
        return read_act(Envelope(Form.SIGN, act.envelope.payload, rows))

    def take_part(self, payload: bytes, kid: bytes, signature: bytes, came: Came) -> Taken:
        """Take one member's signature on a decision; parts of distinct members join to it. Raises as :meth:`take`."""
        came = came.short()
        with self._lock, self.store.changing():
            try:
                act = self._read_part(payload, kid, signature)
            except PourparlerError as error:
                return Taken(State.REFUSED, b"", error.reason, error.detail)
            early = self._before_journal(act, came)
            if early is not None:
                return early
            taken = self._take_part(act, came)
            self._note_mark()
            return taken

    @staticmethod
    def _read_part(payload: bytes, kid: bytes, signature: bytes) -> Act:
        if len(kid) != 8 or len(signature) != 64 or len(payload) > limits.ENVELOPE_MAX_BYTES:
            raise Malformed("envelope.layout", "a part is a payload, a kid of 8 bytes and a signature of 64")
        act = read_act(Envelope(Form.SIGN, payload, (Signature(ALGORITHM_ED25519, kid, signature),)))
        if act.issuer not in (Issuer.ORGAN, Issuer.URGENT, Issuer.RECOVERY) or act.kind == "found":
            raise Malformed("act.form", "only a decision of an organ comes in parts")
        return act

    def _take_part(self, act: Act, came: Came) -> Taken:
        good = self._good_signatures(act)
        if not good and act["organ"] in self.registry.party_of_organ and act.issuer is Issuer.ORGAN:
            known = self.registry.registers[self.registry.party_of_organ[act["organ"]]].spines
            if (act["organ"], act["prior"]) in known.at:
                return Taken(State.REFUSED, act.id, "signature.invalid", "no member of the organ made this signature")
        self._add_part(act, act.envelope.signatures[0], act["organ"] if good else source(came))
        joined = self._joined(act)
        if joined is None:
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room for it to wait here")
        (answer,) = self.journal.submit_many([joined.envelope.encoded()])
        if isinstance(answer, PourparlerError) and answer.reason.startswith("decision."):
            return Taken(State.PENDING, act.id, answer.reason, answer.detail)
        for one in self.store.pending_of(act.id):
            self.store.remove_pending(one.id)  # what is joined now holds all that it held
        return self._after_journal(joined, answer, came)

    def _carry(self, act: Act, came: Came) -> Taken:
        """Keep and hand on a holder's act in a dossier elsewhere, once it is his."""
        register = self.registry.registers[self.registry.party_of_mandate[act["by"]]]
        mandate = register.mandate(act["by"])
        try:
            envelope, void = register.spoken(act, mandate, Moment(2**62, self.now()), act.row.power)
            if void is not None and void.reason == "power.missing":
                raise void
        except PourparlerError as error:
            return Taken(State.REFUSED, act.id, error.reason, error.detail)
        self._note_heard(act, came)
        data = envelope.encoded()
        if not self.store.add_carried(act.id, self._share_of(mandate.chain()), self.now(), data):
            return Taken(State.REFUSED, act.id, "node.quota", "there is no room to carry it")
        return Taken(State.CARRIED, act.id)

    # Quotas.

    def _speaker(self, act: Act) -> bytes:
        """Return whose share of the journal an act counts against: that of the chain's grant for holders, so that a
        holder who appoints others has no more; of a member's key; of an organ for what it decides in full."""
        match act.issuer:
            case Issuer.HOLDER | Issuer.CERTIFIER:
                name: bytes = act["by"] if act.issuer is Issuer.HOLDER else act["class"]
                party = self.registry.party_of_mandate.get(name)
                mandate = self.registry.registers[party].mandates.get(name) if party else None
                return self._share_of(mandate.chain()) if mandate else name
            case Issuer.MEMBER:
                return digest("node-speaker", act["organ"], act.envelope.signatures[0].kid)
            case Issuer.BEACON:
                return digest("node-speaker", act["party"], act.envelope.signatures[0].kid)
            case _:
                return act.id if act.kind == "found" else bytes(act["organ"])

    @staticmethod
    def _share_of(chain: Sequence[Any]) -> bytes:
        """Return the link whose share a chain uses: its grant, or under a class mandate the certificate."""
        top = chain[1] if chain[0].holder is None and len(chain) > 1 else chain[0]
        return bytes(top.id)

    def _has_quota(self, act: Act) -> bool:
        """Return whether its issuer has room left in the journal; for bad news there is as much room again."""
        rows, size = self.used.get(self._speaker(act), (0, 0))
        full = act.issuer in (Issuer.ORGAN, Issuer.URGENT, Issuer.RECOVERY)
        most = (limits.NODE_ORGAN_ACTS_MAX, limits.NODE_ORGAN_BYTES_MAX) if full else QUOTA_OF_ONE
        factor = 2 if act.kind in BAD_NEWS else 1
        return act.issuer is Issuer.BEACON or (rows < factor * most[0] and size < factor * most[1])

    # Beacons.

    def _take_beacon(self, act: Act, came: Came) -> Taken | None:
        """Steps of section 7: return what decides, or None where the beacon goes into the journal."""
        register = self.registry.registers[act["party"]]
        try:
            key = register.spines.beacon(act)
            self._check_beacon(act, key)
        except Missing as early:
            return self._wait(act, came, early, act["at"])
        except PourparlerError as error:
            return Taken(State.REFUSED, act.id, error.reason, error.detail)
        for one in self.store.pending_of(act.id):
            self.store.remove_pending(one.id)
        last = [one.heard for one in self.store.beacons(act["party"]) if one.key == key and one.journaled]
        if last and self.now() - max(last) < limits.NODE_BEACON_SPACING_SECONDS:
            self._keep_beacon(act, register, came, journaled=False)
            return Taken(State.NEW, act.id)
        return None

    def _check_beacon(self, act: Act, key: bytes) -> None:
        """Raise unless a beacon goes on from those before it; keep what contradicts them as proof."""
        party, serial = act["party"], act["serial"]
        held = self.store.beacons(party)
        ours = [one for one in held if one.key == key]
        for one in held:
            twice = one.key == key and one.serial == serial
            split = one.count == act["count"] and one.head != act["head"]
            if twice or split:
                self._accuse("beacon", party, key, one.data, act.envelope.encoded())
                raise Refused("node.equivocation", "it contradicts another beacon of the party: both are kept as proof")
        if ours and serial < ours[0].serial:
            raise Refused("beacon.serial", "a beacon of this key with a later serial was heard")
        now = max(self.now(), self.wall.now())
        if act["at"] > now + limits.NODE_SKEW_SECONDS:
            raise Missing("node.future", "it is dated ahead of this node's time")
        before = ours[0] if ours else None
        elapsed = act["at"] - before.at if before else act["at"]
        if elapsed < 0 or serial - (before.serial if before else 0) > limits.NODE_BEACON_JUMP + 2 * elapsed:
            raise Refused("node.beacon-jump", "its serial or time jumps as no beacon's does")
        if before and act["count"] < before.count:
            self._accuse("beacon", party, key, before.data, act.envelope.encoded())
            raise Refused("node.equivocation", "it counts fewer acts than the one before it: both are kept as proof")

    def _keep_beacon(self, act: Act, register: Register, came: Came, *, journaled: bool) -> None:
        key = next((key for key in register.spines.beacons_ever if is_by(act, key)), b"")
        self.store.add_beacon(
            StoredBeacon(
                act.id, act["party"], key, act["serial"], act["count"], act["head"], act["at"], act["next"],
                self.now(), journaled, came.channel, act.envelope.encoded(),
            )
        )  # fmt: skip
        self.clock.raise_anchor(act["at"], self._keep_anchor)
        for listener in self.listeners if not journaled else ():
            listener(act)

    def _beacons(self, register: Register) -> tuple[StoredBeacon, ...]:
        """Return the beacons of a party that may be relied on, the newest first: by a key that it names now, and not one
        that was caught with two, unless its home shows which is true."""
        home = self.homes.view(register.party, register)
        caught = {proof.subject for proof in self.store.proofs(register.party) if proof.kind == "beacon"}
        good = [
            one
            for one in self.store.beacons(register.party)
            if one.key in register.spines.beacons
            and (one.key not in caught or (home and any(r.had(one.count, one.head) for r in home.registers)))
        ]
        return tuple(sorted(good, key=lambda one: (one.at, one.serial), reverse=True))

    # Asking.

    def _knowledge(self, party: bytes) -> Known:
        register = self.registry.registers[party]
        home = self.homes.view(party, register)
        forked = any(proof.kind == "home" for proof in self.store.proofs(party))
        words = [outcome for outcome in self._stream(party) if outcome.act.kind in ("reply", "query", "beacon")]
        held = max(len(one.heads) for one in home.registers) if home else len(register.heads) - len(words)
        return Known(
            registry=self.registry,
            register=register,
            home=None if forked else home,
            home_time=self.homes.time(party),
            moment=Moment(self.journal.size + 1, self.now()),
            wall=self.wall.now(),
            working=tuple((parse_act(one.data), one.time) for one in self.store.working()),
            beacons=self._beacons(register),
            held=held,
            forked="the home ledger of the party has signed two histories" if forked else "",
            doubt=self._doubt,
        )

    def _stream(self, party: bytes) -> Iterator[Outcome]:
        return (one for one in self.registry.outcomes.values() if one.party == party)

    def _doubt(self, act: Act) -> bytes | None:
        """Return a decision that contradicts an act, or one that it builds on, without the home having decided."""
        if not self.forks:
            return None
        outcomes = self.registry.outcomes
        at: Act | None = act
        while at is not None and at.row.spine and at.kind != "found":
            place = (at["organ"], at["prior"])
            if place in self.forks and not self._decided(place):
                return next(one for one in self.children[place] if one != at.id)
            before = outcomes.get(at["prior"])
            at = before.act if before else None
        return None

    def _decided(self, place: tuple[bytes, bytes]) -> bool:
        """Return whether a home shows which decision it took at a place."""
        party = self.registry.party_of_organ[place[0]]
        home = self.homes.view(party, self.registry.registers[party])
        return home is not None and any(place in one.spines.taken for one in home.registers)

    def standing(self, mandate: bytes, power: Power) -> Standing:
        """Return whether a power may be used under a mandate: in force (proven, or as heard), refused and why, or that
        nobody here can tell. Never rounded up."""
        with self._lock:
            if self.read_only:
                return Standing(Answer.CANNOT_TELL, False, self.read_only.reason, str(self.read_only))
            party = self.registry.party_of_mandate.get(mandate)
            if party is None:
                outcome = self.registry.outcomes.get(mandate)
                party = outcome.party if outcome else None
            if party is None:
                return Standing(Answer.CANNOT_TELL, False, "unknown.mandate", "the mandate has not been heard of here")
            return judge(self._knowledge(party), mandate, power)

    def freshness(self, party: bytes) -> Freshness:
        """Return how current what is known of a party is. Raises :class:`Missing` (``unknown.party``)."""
        with self._lock:
            register = self.registry.register(party)
            said = [row for organ in register.spines.heads for row in self.store.said(organ)]
            said += [row for key in register.spines.beacons for row in self.store.said(beacon_issuer(party, key))]
            return freshness(self._knowledge(party), said)

    # For those who exchange acts with others.

    def heads(self) -> Heads:
        """Return how far each chain is known; an organ with two decisions at one place has no row."""
        with self._lock:
            organs: dict[bytes, tuple[int, bytes]] = {}
            forked = {organ for organ, _ in self.forks}
            for register in self.registry.registers.values():
                for organ, head in register.spines.heads.items():
                    if organ not in forked:
                        organs[organ] = (register.spines.at[organ, head].place, head)
            beacons: dict[bytes, tuple[int, bytes]] = {}
            for party in self.registry.registers:
                for one in reversed(self.store.beacons(party)):
                    beacons[beacon_issuer(party, one.key)] = (one.serial, one.act)
            return Heads(organs, beacons)

    def hear_heads(self, theirs: Heads, came: Came) -> list[bytes]:
        """Take note of how far another node says to have each chain; return the issuers of which it has more."""
        ours = self.heads()
        more: list[bytes] = []
        for mine, others in ((ours.organs, theirs.organs), (ours.beacons, theirs.beacons)):
            more += [issuer for issuer, (place, _) in others.items() if issuer in mine and place > mine[issuer][0]]
        self.told_more(more, came, among=[*ours.organs, *ours.beacons])
        return more

    def told_more(self, issuers: Iterable[bytes], came: Came, *, among: Iterable[bytes] = ()) -> None:
        """Take note that a peer says to know more of these issuers (organs; parties with the kid of a beacon key), and
        of the others in ``among`` no more. It is his word, until what he has comes."""
        came = came.short()
        with self._lock, self.store.changing():
            told = set(issuers)
            for issuer in set(among) - told:
                self.store.unsay(issuer, came.peer)
            for issuer in sorted(told):
                self.store.note_said(issuer, came.peer, came.channel, self.now())

    def lacking(self, theirs: Heads) -> Iterator[bytes]:
        """Yield the envelopes on chains that somebody with these heads lacks, each chain in its order, what brought an
        organ into being first."""
        with self._lock:
            ours = self.heads()
            told: set[bytes] = set()
            for organ, (_, head) in ours.organs.items():
                for act in self._after(organ, head, theirs.organs.get(organ)):
                    if act not in told:
                        told.add(act)
                        yield self._envelope(act) or b""
            for issuer, (serial, act) in ours.beacons.items():
                said = theirs.beacons.get(issuer)
                if said is None or said[0] < serial:
                    yield self._envelope(act) or b""

    def _after(self, organ: bytes, head: bytes, theirs: tuple[int, bytes] | None) -> list[bytes]:
        """Return the acts of an organ's chain after the place that somebody has, in order. Where what he has there is
        not ours, the act of that place too: he then asks for the one before it."""
        spines = self.registry.registers[self.registry.party_of_organ[organ]].spines
        chain: list[bytes] = []
        at = head
        while at != organ and spines.at[organ, at].place > 0:
            chain.append(at)
            act = spines.decisions.get(at)
            if act is None:
                break
            at = act["prior"] if act["organ"] == organ else act["theirs"]
        chain.reverse()
        have, there = theirs or (0, organ)
        if 0 < have <= len(chain) and chain[have - 1] != there:
            have -= 1
        first = [] if theirs else [self.brought_by[organ]]
        return first + chain[have:]

    def loose(self) -> Mapping[bytes, bytes]:
        """Return the envelopes of the acts that no row of the heads speaks for: of members, holders, certifiers, the
        urgent; the decisions of organs of which two follow one place; what is carried; bad news that works while it
        waits."""
        with self._lock:
            forked = {organ for organ, _ in self.forks}
            found: dict[bytes, bytes] = {}
            for id_, outcome in self.registry.outcomes.items():
                act = outcome.act
                on_chain = (act.row.spine and act.issuer is Issuer.ORGAN) or act.kind == "beacon"
                if not on_chain or act.get("organ") in forked:
                    found[id_] = outcome.envelope.encoded()
            found.update(self.store.all_carried())
            found.update({one.act: one.data for one in self.store.working()})
            return found

    def wanted(self) -> list[bytes]:
        """Return the ids of acts (and organs) that acts here wait for: to be asked for, of anybody, on any channel."""
        with self._lock:
            return self.store.wanted()

    def every(self) -> Iterator[Act]:
        """Yield every act in the journal, in its order: for whoever keeps an index of his own; ``listeners`` are called
        with each that comes later."""
        with self._lock:
            yield from [outcome.act for outcome in self.registry.outcomes.values()]

    def acts(self, ids: Iterable[bytes]) -> list[bytes]:
        """Return the envelopes of those of these acts that were verified here; for an organ's id, the act that made it."""
        with self._lock:
            found = (self._envelope(self.brought_by.get(id_, id_)) for id_ in ids)
            return [envelope for envelope in found if envelope is not None]

    def _envelope(self, act: bytes) -> bytes | None:
        outcome = self.registry.outcomes.get(act)
        if outcome is not None:
            return outcome.envelope.encoded()
        kept = self.store.carried(act) or self.store.beacon(act)
        if kept is not None:
            return kept
        return next((one.data for one in self.store.pending_of(act) if one.works), None)

    def dispatch_keys(self) -> Mapping[bytes, bytes]:
        """Return the keys that sign frames for a party, each with the party: those that its newest appointment names,
        without any that is suspended."""
        with self._lock:
            found: dict[bytes, bytes] = {}
            for party, register in self.registry.registers.items():
                named = self._appointed(register)
                if named is None:
                    continue
                now = Moment(self.journal.size + 1, self.now())
                for key in named["dispatch"]:
                    endings = register.endings.get(key, ())
                    if not any(one.works(Power(0), now, register.answered(one)) for one in endings):
                        found[key] = party
            return found

    def _appointed(self, register: Register) -> Act | None:
        """Return the newest decision that appoints dispatch keys, on the branch that came first."""
        found: Act | None = None
        place = -1
        for act in register.spines.decisions.values():
            if act.kind == "appoint" and act.get("dispatch"):
                at = register.spines.at[act["organ"], act.id].place
                if at > place:
                    found, place = act, at
        return found

    # Acknowledgement and the propagation map.

    def acknowledge(self, signer: Signer, mandate: bytes, about: bytes, came: Came | None = None) -> bytes:
        """Return a holder's signed "I know" about an act, and take it here. Raises ``OSError`` where he cannot sign."""
        fields = {"by": mandate, "about": about, "at": self.wall.now()}
        envelope = draft("reply", fields).signed_by(signer).envelope.encoded()
        self.take(envelope, came or Came("here", "", self.wall.now()))
        return envelope

    def reached(self, act: bytes) -> Reached:
        """Return what is known of whom an order has reached: every holder of its party, by what was heard of him."""
        with self._lock:
            outcome = self.registry.outcomes.get(act)
            if outcome is None or outcome.party is None:
                return Reached(act, None, ())
            now = max(self.now(), self.wall.now())
            acked = {ack.mandate: ack for ack in reversed(self.store.acks(act))}
            register = self.registry.registers[outcome.party]
            hearers = [
                self._hearer(mandate.id, outcome.moment.time, now, acked.get(mandate.id))
                for mandate in register.mandates.values()
                if mandate.holder is not None
            ]
            return Reached(act, outcome.moment.time, tuple(hearers))

    def _hearer(self, mandate: bytes, taken: int, now: int, ack: Ack | None) -> Hearer:
        if ack is not None:
            return Hearer(mandate, "acknowledged", ack.heard, now - ack.heard, ack.channel, ack.peer, ack.act)
        heard = self.store.heard(mandate)
        if not heard:
            return Hearer(mandate, "unreachable")
        channel, peer, time = heard[0]
        state = "last heard before"
        if time >= taken:
            state = "heard since"
        elif now - time > UNREACHABLE_SECONDS:
            state = "unreachable"
        return Hearer(mandate, state, time, now - time, channel, peer)

    # Proofs from elsewhere.

    def take_bundle(self, data: bytes, came: Came) -> Shown:
        """Take an evidence bundle, or a copy of a ledger: its acts, as any that came, and what it shows of parties' home
        ledgers, which then judges. Raises as :meth:`take`."""
        try:
            if data.startswith(BEGINNING):
                copy = parse_copy(data)
                return self.take_home(
                    copy.depositary, 0, copy.entries, copy.checkpoint, came, texts=copy.texts, whole=True
                )
            with self._lock, self.store.changing():
                ledgers, acts = self.homes.take_bundle(data)
                taken = self._take_all(acts, came.short())
                for ledger in ledgers:
                    if any(self.follows(party) for party in ledger.registry.registers):
                        self._anchor_at(ledger.time)
                return shown_by(ledgers, taken)
        except Forks as fork:
            self._accuse_home(fork)
            return Shown(reason=fork.reason, detail=fork.detail)
        except PourparlerError as error:
            return Shown(reason=error.reason, detail=error.detail)

    def take_home(
        self,
        home: Depositary,
        start: int,
        entries: Sequence[bytes],
        note: bytes,
        came: Came,
        *,
        texts: Iterable[bytes] = (),
        whole: bool = False,
    ) -> Shown:
        """Take more of a home ledger, as pulled over a wire: entries from ``start`` on, and the checkpoint over all of it;
        or, ``whole``, a copy from the first entry on. Raises as :meth:`take`."""
        try:
            with self._lock, self.store.changing():
                if not self._is_home(home, entries):
                    raise Refused("node.not-followed", "it is no home ledger of a party that this node follows")
                held = len(self.homes.copies[home].leaves) if home in self.homes.copies else 0
                if whole:
                    ledger = self.homes.take_copy(home, entries, note, texts)
                else:
                    ledger = self.homes.extend(home, start, entries, note, texts)
                new = entries[max(0, held - start) :]
                taken = self._take_all([act.envelope.encoded() for act in acts_in(new)], came.short())
                self._anchor_at(ledger.time)
                self._settle(self.store.working())
                return shown_by([ledger], taken)
        except Forks as fork:
            self._accuse_home(fork)
            return Shown(reason=fork.reason, detail=fork.detail)
        except PourparlerError as error:
            return Shown(reason=error.reason, detail=error.detail)

    def home_size(self, home: Depositary) -> int:
        """Return how many entries of a home ledger's copy are held: what to pull comes after."""
        with self._lock:
            return len(self.homes.copies[home].leaves) if home in self.homes.copies else 0

    def home_ledgers(self) -> Mapping[bytes, Depositary]:
        """Return, for each party that is known, its home ledger as far as is known here."""
        with self._lock:
            found = {}
            for party, register in self.registry.registers.items():
                view = self.homes.view(party, register)
                moved = view.registers[-1].spines.moved_to if view else None
                last = view.registers[-1].spines.ledger if view else register.spines.party.home
                found[party] = moved or last
            return found

    def _is_home(self, home: Depositary, entries: Sequence[bytes]) -> bool:
        if any(home == known for known in self.home_ledgers().values()) or home in self.homes.copies:
            return True
        return any(act.kind == "found" and self.follows(act.id) for act in acts_in(entries))

    def _anchor_at(self, time: int) -> None:
        """Take the time of a home's stamp for others' time, unless it lies ahead of this machine's."""
        if time <= self.wall.now() + limits.NODE_SKEW_SECONDS:
            self.clock.raise_anchor(time, self._keep_anchor)

    def _accuse_home(self, fork: Forks) -> None:
        with self._lock, self.store.changing():
            for party, register in self.registry.registers.items():
                homes = [register.spines.party.home, *(one.depositary for one in self.homes.best(party).values())]
                if fork.depositary in homes:
                    self._accuse("home", party, fork.depositary.key, fork.first, fork.second)

    # Status.

    def status(self) -> dict[str, Any]:
        """Return what a person wants to know at a glance, as plain data: for each party its freshness, what is held and
        what is wrong; the clock; the pools."""
        with self._lock:
            if self.read_only:
                return {"read_only": {"reason": self.read_only.reason, "what": str(self.read_only)}}
            parties = [self._party_status(party) for party in sorted(self.registry.registers)]
            return {
                "origin": self.journal.depositary.origin,
                "entries": self.journal.size,
                "clock": self._clock_status(),
                "parties": parties,
                "waiting": plain(
                    [(one.act, one.reason, one.works, self.now() - one.time) for one in self.store.pending()]
                ),
                "wanted": plain(self.wanted()),
                "pools": plain(self.store.counts()),
            }

    def _party_status(self, party: bytes) -> dict[str, Any]:
        register = self.registry.registers[party]
        return {
            "party": party.hex(),
            "name": register.spines.party.name,
            "followed": self.follows(party),
            "freshness": self.freshness(party).plain(),
            "home_shown": self.homes.time(party),
            "alarms": [self._alarm(proof) for proof in self.store.proofs(party)],
        }

    def _alarm(self, proof: Proof) -> dict[str, Any]:
        return {**plain(proof), "decided": self._is_decided(proof)}

    def _is_decided(self, proof: Proof) -> bool:
        """Return whether a home has decided between the two."""
        if proof.kind == "decision":
            act = parse_act(proof.first)
            return self._decided((act["organ"], act["prior"]))
        if proof.kind == "beacon":
            home = self.homes.view(proof.party, self.registry.registers[proof.party])
            acts = [parse_act(proof.first), parse_act(proof.second)]
            return home is not None and any(
                register.had(act["count"], act["head"]) for register in home.registers for act in acts
            )
        return False

    def _clock_status(self) -> dict[str, Any]:
        wall, journal = self.wall.now(), self.now()
        apart = wall - journal
        return {
            "machine": wall,
            "journal": journal,
            "anchor": self.clock.anchor,
            "disagrees": abs(apart) > limits.NODE_SKEW_SECONDS,
            "says": "" if abs(apart) <= limits.NODE_SKEW_SECONDS else clock_words(apart),
        }

    @contextmanager
    def still(self) -> Iterator[Registry]:
        """Hold the node still while its journal's fold is read."""
        with self._lock, self.journal.still() as registry:
            yield registry


QUOTA_OF_ONE = (limits.NODE_SPEAKER_ACTS_MAX, limits.NODE_SPEAKER_BYTES_MAX)


def source(came: Came) -> bytes:
    """Return who bytes count against of which nobody known has signed anything: the peer that brought them."""
    return digest("node-source", came.channel, came.peer)


def beacon_issuer(party: bytes, key: bytes) -> bytes:
    """Return the name under which the beacons of a key stand in heads."""
    return party + kid_of(key)


def is_by(act: Act, key: bytes) -> bool:
    """Return whether a key has signed an act of one key."""
    return bool(signers(act, (key,)))


def shown_by(ledgers: Iterable[Any], taken: Iterable[Taken]) -> Shown:
    """Return what ledgers that were taken show."""
    counts: dict[str, int] = {}
    for one in taken:
        counts[one.state.value] = counts.get(one.state.value, 0) + 1
    ledgers = list(ledgers)
    parties = {party for ledger in ledgers for party in ledger.registry.registers if ledger.shows(party) is not None}
    return Shown(tuple(sorted(parties)), max((ledger.time for ledger in ledgers), default=None), counts)


def clock_words(apart: int) -> str:
    """Say how far the machine's clock is from the journal's time."""
    where = "ahead of" if apart > 0 else "behind"
    return f"this machine's clock is {abs(apart):,} s {where} the time that others have signed: check it"
