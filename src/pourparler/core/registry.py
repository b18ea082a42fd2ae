"""One ledger's registers, dossiers and streams: its acts in ledger order, folded. Specification: ``spec/registry.md``.

A registry takes the entries of one ledger from the first on (or those that a bundle shows) and keeps a register for
each party and a dossier for each opening. It decides, of each act, whether it is there at all, and to which streams it
belongs. A *stream* is a list of acts with a running digest as its head; the ledger's stamps state counts and heads, so
that nothing can be left out of a stream unseen:

* each **dossier**: all that names it, from its opening on;
* each **party**: all that its organs, members and beacons say, its links and certificates, and those acts of its
  holders that bind, that spend a cumulative limit, or that a duty asks for;
* each organ's **spine**, in the party's home ledger: its decisions.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.admission import admit, check_bounds
from pourparler.core.authority import HomeView, Moment, Register
from pourparler.core.council import Depositary, Spines, read_depositary, verify_one
from pourparler.core.dossier import SIGNING, Dossier, Outcome, Paper, Spending, Surroundings
from pourparler.core.encoding import digest
from pourparler.core.errors import STEP_POWER, STEP_STANDING, Missing, Refused, step_of
from pourparler.core.ledger import Statement, form_of, is_statement, parse_statement
from pourparler.core.redline import Text

CONSENTING = SIGNING | {"ratify", "accede"}


@dataclass(slots=True)
class Stream:
    """A list of acts with a running digest: ``heads[n]`` is the head after n + 1 acts, ``indexes[n]`` its place."""

    id: bytes
    heads: list[bytes]
    indexes: list[int]

    @property
    def count(self) -> int:
        """How many acts the stream has."""
        return len(self.heads)

    @property
    def head(self) -> bytes:
        """The running digest over them, 32 bytes; the stream's id where it is empty."""
        return self.heads[-1] if self.heads else self.id

    def extend(self, act_id: bytes, index: int) -> None:
        """Add an act that was admitted at an index."""
        self.heads.append(stream_head(self.head, act_id, index))
        self.indexes.append(index)


def stream_head(previous: bytes, act_id: bytes, index: int) -> bytes:
    """Return the head of a stream after one more act: the digest of label, previous head, act id and its index.

    The index is in it so that an act has one place: a ledger that logs an act twice could else show either entry.
    """
    return digest("stream", previous, act_id, index)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A ledger's stamp, which opens each transaction. ``time`` is in seconds; ``streams`` maps id to count and head."""

    index: int
    time: int
    follows: int
    streams: Mapping[bytes, tuple[int, bytes]]


def read_stamp(act: Act, depositary: Depositary, index: int) -> Stamp:
    """Return the stamp that an entry is; the ledger's first entry is its own stamp.

    Raises :class:`Refused` (``signature.invalid``, ``stamp.*``).
    """
    verify_one(act, act.envelope.signatures[0], depositary.key)
    if act.kind == "ledger":
        if index != 0 or act["origin"] != depositary.origin:
            raise Refused("stamp.index", "a ledger's first entry, and no other, names its origin")
    elif act["index"] != index:
        raise Refused("stamp.index", f"the stamp is for index {act['index']}, and stands at {index}")
    return stamp_in(act, index)


def stamp_in(act: Act, index: int) -> Stamp:
    """Return the stamp that an act of the ledger states, whose signature and place have been checked."""
    if act.kind == "ledger":
        return Stamp(index, act["at"], 0, {})
    return Stamp(index, act["at"], act["follows"], {s: (count, head) for s, count, head in act["streams"]})


def parse_entry(data: bytes) -> Act | Statement:
    """Return the act or the statement that an entry of a ledger is. Raises as :func:`parse_act` and
    :func:`parse_statement` do."""
    return parse_statement(data) if is_statement(data) else parse_act(data)


class Registry(Surroundings):
    """The fold of one ledger. ``texts`` returns a text by digest, or None where it is not at hand.

    ``homes`` returns what is shown of a party's home ledger, or None where this ledger's own notice must do (as in the
    ledger's own intake). With ``partial``, not every dossier of the ledger is shown; with ``exact``, an entry must be
    its act's sufficient envelope and nothing more.
    """

    def __init__(
        self,
        ledger: Depositary,
        texts: Callable[[bytes], Text | None],
        homes: Callable[[bytes], HomeView | None] = lambda _: None,
        *,
        partial: bool = False,
        exact: bool = False,
    ) -> None:
        self.ledger = ledger
        self.texts = texts
        self.homes = homes
        self.partial = partial
        self.exact = exact
        self.registers: dict[bytes, Register] = {}
        self.dossiers: dict[bytes, Dossier] = {}
        self.streams: dict[bytes, Stream] = {}
        self.outcomes: dict[bytes, Outcome] = {}
        self.party_of_organ: dict[bytes, bytes] = {}
        self.party_of_mandate: dict[bytes, bytes] = {}
        self.spendings: dict[bytes, list[Spending]] = {}
        self.doubted: dict[bytes, Dossier] = {}  # where something rests on a text that is not here
        self.signings: dict[bytes, list[tuple[Dossier, bytes]]] = {}  # mandate with a limit -> what was signed under it
        self.proposed_in: dict[bytes, list[Dossier]] = {}  # text -> the dossiers it was proposed in
        self.elsewhere: dict[bytes, set[bytes]] = {}  # party -> texts it consented to in dossiers not shown
        self.acts_by_hash: dict[bytes, bytes] = {}  # as far as somebody has asked: act_of
        self.statements: dict[tuple[bytes, bytes], tuple[Statement, Moment]] = {}  # by the act's hash, and key
        self.stamp: Stamp | None = None
        self.moved: set[bytes] = set()  # the streams that acts have extended since the last stamp was taken

    # What dossiers ask of their surroundings.

    def register(self, party: bytes) -> Register:
        """Return a party's register. Raises :class:`Missing` (``unknown.party``)."""
        if party not in self.registers:
            raise Missing("unknown.party", "the founding act of the party has not been seen in this ledger")
        return self.registers[party]

    def text(self, digest: bytes) -> Text | None:
        return self.texts(digest)

    def seen(self, stream: bytes, count: int, head: bytes) -> int | None:
        found = self.streams.get(stream)
        if count == 0:
            return -1 if head == stream else None
        if found is None or count > found.count or found.heads[count - 1] != head:
            return None
        return found.indexes[count - 1]

    def doubt(self, dossier: Dossier) -> None:
        self.doubted[dossier.id] = dossier

    def in_doubt(self, dossier: Dossier, text: bytes) -> bool:
        """Return whether a reader of what is shown cannot tell what became of a text. A ledger's own intake never asks:
        what it cannot read, it judges by what it sees."""
        return self.exact and dossier.in_doubt(text)

    def bound_anywhere(self, text: bytes, party: bytes, moment: Moment) -> bool | None:
        found = self.proposed_in.get(text, ())
        if any(dossier.bound(text, party, moment) and not self.in_doubt(dossier, text) for dossier in found):
            return True
        if self.exact and text in self.elsewhere.get(party, ()):
            return None
        return None if any(self.in_doubt(dossier, text) for dossier in found) else False

    def refused(self, dossier: Dossier, text: bytes, party: bytes, organ: bytes) -> bool | None:
        found = [self.refusal(act) for act in self.registers[party].refused(text, dossier.id, organ)]
        if True in found:
            return True
        return None if None in found else False

    def refusal(self, act: Act) -> bool | None:
        """Return whether a refusal counts in its own dossier, or None where that dossier is not shown."""
        dossier = self.dossiers.get(act["dossier"])
        if dossier is None:
            return None if self.exact else True
        if self.in_doubt(dossier, act["text"]):
            return None
        outcome = dossier.outcomes.get(act.id)
        return outcome is not None and outcome.void is None

    def spent_in_doubt(self, mandate: bytes, dossier: Dossier, text: bytes) -> bool:
        signings = self.signings.get(mandate, ())
        return any(other.in_doubt(on) for other, on in signings if (other, on) != (dossier, text))

    def consent_in_doubt(self, dossier: Dossier, digest: bytes, pair: set[bytes]) -> bool:
        """Return whether both parties gave what may be their consent to another text, and nobody here can tell."""
        given: dict[tuple[bytes, bytes], set[bytes]] = {}
        for other in self.doubted.values():
            for outcome in other.outcomes.values():
                text = outcome.act.get("text")
                if outcome.act.kind in CONSENTING and other.in_doubt(text) and (other is not dossier or text != digest):
                    assert outcome.party is not None
                    given.setdefault((other.id, text), set()).add(outcome.party)
        return any(pair <= parties for parties in given.values())

    def spending(self, mandate: bytes) -> list[Spending]:
        return self.spendings.setdefault(mandate, [])

    def ended_by_wider(
        self, dossier: Dossier, digest: bytes, first: bytes, second: bytes, moment: Moment
    ) -> int | None:
        """Return when a wider text, in force between the same two parties, ended this one: one whose named scopes and
        parties include all of its own, or one that stands in the framework dossier it names. Identifiers are compared
        whole, never as prefixes; of two texts of one extent, the later stands."""
        local, here = dossier.clauses(digest), dossier.papers[digest]
        frameworks = {local.framework, dossier.parent} - {None}
        parties = local.parties or frozenset(here.adopted_by)
        ends: list[int] = []
        if not local.scopes and not frameworks:
            return None
        if self.consent_in_doubt(dossier, digest, {first, second}):
            raise Missing("text.missing", "whether a wider text stands rests on a text that is not here")
        for other, paper in self.consented(first, second):
            clauses = other.clauses(paper.digest)
            wider = bool(local.scopes) and local.scopes <= clauses.scopes and parties <= clauses.parties
            if (clauses.scopes, clauses.parties) == (local.scopes, parties):
                wider = paper.moment.index > here.moment.index
            if paper.digest != digest and (wider or other.id in frameworks):
                since = other.since(paper, clauses, first, second)
                if since is not None and here.moment.time < since <= moment.time:
                    ends.append(since)
        return min(ends, default=None)

    def consented(self, first: bytes, second: bytes) -> Iterable[tuple[Dossier, Paper]]:
        """Yield the texts that both parties have consented to, each with its dossier."""
        for dossier in self.dossiers.values():
            for paper in dossier.papers.values():
                consents = [paper.consents.get(party) for party in (first, second)]
                if all(consent is not None and dossier.bound_since(consent) for consent in consents):
                    yield dossier, paper

    # Entries.

    def enter(self, act: Act, index: int) -> Outcome | None:
        """Fold the entry at an index; return what became of it, or None for the ledger's own entries.

        The time of an act is that of the stamp whose transaction it stands in. Raises as :meth:`admit`, and
        :class:`Missing` (``stamp.missing``) where no stamp covers the index.
        """
        if act.issuer is Issuer.LEDGER:
            self.turn(read_stamp(act, self.ledger, index))
            return None
        return self.admit(act, self.moment_of(index))

    def moment_of(self, index: int) -> Moment:
        """Return when an entry was logged. Raises :class:`Missing` (``stamp.missing``)."""
        stamp = self.stamp
        if stamp is None or not stamp.index < index <= stamp.index + stamp.follows:
            raise Missing("stamp.missing", f"no stamp is shown for the transaction of entry {index}")
        return Moment(index, stamp.time)

    def state(self, statement: Statement, moment: Moment) -> None:
        """Take a statement about an act that has an entry here: it takes an index, and moves no stream.

        Raises :class:`Missing` (``statement.act``) or :class:`Refused` (``statement.entry``, ``statement.again``).
        """
        act_id = self.act_of(statement.hash)
        if act_id is None:
            raise Missing("statement.act", "no act that has an entry here has this hash")
        if statement.form != form_of(self.outcomes[act_id].envelope.encoded()):
            raise Refused("statement.entry", "the statement takes the act's envelope for one of the other form")
        if (statement.hash, statement.key) in self.statements:
            raise Refused("statement.again", "this key has made a statement about this act before")
        self.statements[statement.hash, statement.key] = statement, moment

    def act_of(self, hash_: bytes) -> bytes | None:
        """Return the act whose entry has this SHA-256, or None. Entries are hashed only once somebody asks."""
        for act_id, outcome in islice(self.outcomes.items(), len(self.acts_by_hash), None):
            self.acts_by_hash[hashlib.sha256(outcome.envelope.encoded()).digest()] = act_id
        return self.acts_by_hash.get(hash_)

    def turn(self, stamp: Stamp) -> None:
        """Take the next stamp. Raises :class:`Refused` (``stamp.*``) where it contradicts the one before."""
        before = self.stamp
        if before and (stamp.time < before.time or stamp.index <= before.index + before.follows):
            raise Refused("stamp.contradiction", "the ledger's stamps go back in time or overlap")
        self.stamp, self.moved = stamp, set()

    def admit(self, act: Act, moment: Moment, *, intake: bool = False) -> Outcome:
        """Fold an act; return whether it is accepted or void.

        Raises :class:`Malformed`, :class:`Refused` or :class:`Missing` where it is not there at all, and then has
        changed nothing; only after ``home.not-shown``, which no intake meets, is the fold of no further use. With
        ``intake``, a holder's act that fails at steps 7 to 9 is refused instead of void. The outcome's envelope is the
        sufficient one, which is what the ledger keeps.
        """
        if act.id in self.outcomes:
            raise Refused("act.duplicate", "the act has an entry already")
        outcome = self.judge(act, moment, intake)
        self.outcomes[act.id] = outcome
        if act.kind in ("propose", *SIGNING) and act["dossier"] in self.dossiers:
            self.index(act, self.dossiers[act["dossier"]])
        for stream in self.streams_of(act, outcome):
            found = self.streams.get(stream)
            if found is None:
                found = self.streams[stream] = Stream(stream, [], [])
            found.extend(act.id, moment.index)
            self.moved.add(stream)
        return outcome

    def index(self, act: Act, dossier: Dossier) -> None:
        """Remember where a text was proposed, and what was signed under a cumulative limit, void or not."""
        if act.kind == "propose":
            self.proposed_in.setdefault(act["text"], []).append(dossier)
            return
        for link in self.registers[self.party_of(act)].mandate(act["by"]).chain():
            if link.limit:
                self.signings.setdefault(link.id, []).append((dossier, act["text"]))

    def judge(self, act: Act, moment: Moment, intake: bool) -> Outcome:
        if act.issuer is Issuer.LEDGER:
            raise Refused("stamp.submitted", "only the ledger itself writes its stamps")
        if act.kind == "found":
            return self.found(act, moment)
        party = self.party_of(act)
        register = self.register(party)
        if act.issuer is Issuer.HOLDER and (act.row.dossier or act.kind == "denounce"):
            if act.kind == "open":
                return self.open(act, register, moment, intake)
            if self.partial and act["dossier"] not in self.dossiers and self.fulfils(act, register):
                raise Missing("dossier.not-shown", "whether a duty was done shows in a dossier that is not shown")
            if self.partial and act.kind == "conclude" and act["dossier"] not in self.dossiers:
                return self.conclude_elsewhere(act, register, moment)
            return admit(self.dossier(act["dossier"]), act, party, moment, intake=intake)
        try:
            envelope = register.admit(act, moment)
        except Refused as refusal:
            if act.issuer is not Issuer.HOLDER:
                raise
            if step_of(refusal.reason) < STEP_STANDING:
                raise
            envelope, _ = register.spoken(act, register.mandate(act["by"]), moment, act.row.power)
            return Outcome(act, moment, envelope, refusal.with_traceback(None), party)
        self.learn(act, party)
        outcome = Outcome(act, moment, envelope, None, party)
        if act.row.dossier:
            outcome = self.decide_in_dossier(act, party, moment, outcome)
        return outcome

    def decide_in_dossier(self, act: Act, party: bytes, moment: Moment, outcome: Outcome) -> Outcome:
        """Fold an organ's decision into its dossier, where the dossier lives in this ledger and is shown."""
        dossier = self.dossiers.get(act["dossier"])
        if dossier is None:
            self.elsewhere.setdefault(party, set()).add(act["text"])
            return outcome
        return admit(dossier, act, party, moment, outcome.envelope)

    def fulfils(self, act: Act, register: Register) -> bool:
        """Return whether a holder's act may be the one that a duty of its chain asks for."""
        return register.mandate(act["by"]).owes(act.kind)

    def conclude_elsewhere(self, act: Act, register: Register, moment: Moment) -> Outcome:
        """Note a binding signature in a dossier that is not shown: it belongs to its party's stream all the same."""
        if "total" in act.payload:
            raise Missing("dossier.not-shown", "a signature under a cumulative limit stands in a dossier not shown")
        mandate = register.mandate(act["by"])
        self.elsewhere.setdefault(register.party, set()).add(act["text"])
        envelope, void = register.spoken(act, mandate, moment, act.row.power)
        return Outcome(act, moment, envelope, void, register.party)

    def found(self, act: Act, moment: Moment) -> Outcome:
        spines = Spines(act, self.ledger, exact=self.exact)
        register = self.registers[act.id] = Register(spines, self.homes(act.id))
        self.streams[act.id] = Stream(act.id, register.heads, [])
        self.learn(act, act.id)
        return Outcome(act, moment, spines.envelope, None, act.id)

    def open(self, act: Act, register: Register, moment: Moment, intake: bool) -> Outcome:
        """Open a dossier. It names this ledger and at least the opener's own party."""
        if read_depositary(act["ledger"]) != self.ledger:
            raise Refused("bounds.ledger", "the opening names another ledger")
        if register.party not in act["parties"]:
            raise Refused("bounds.stranger", "the opening does not name the opener's own party")
        mandate = register.mandate(act["by"])
        dossier = Dossier(act, register.party, moment, self)
        envelope, void = register.spoken(act, mandate, moment, act.row.power)
        try:
            if void is not None:
                raise void
            check_bounds(dossier, act, register, mandate)
            register.check_standing(mandate, act.row.power, moment)
            register.check_reported(act, mandate, moment)
        except Refused as refusal:
            if step_of(refusal.reason) < (STEP_STANDING if intake else STEP_POWER):
                raise
            void = refusal.with_traceback(None)
        if void is None:
            self.dossiers[act.id] = dossier
            register.note(mandate, act, moment)
        outcome = Outcome(act, moment, envelope, void, register.party)
        return dossier.record(outcome)

    def dossier(self, dossier_id: bytes) -> Dossier:
        """Return a dossier. Raises :class:`Missing` (``unknown.dossier``)."""
        if dossier_id not in self.dossiers:
            raise Missing("unknown.dossier", "the opening of the dossier has not been seen in this ledger")
        return self.dossiers[dossier_id]

    def learn(self, act: Act, party: bytes) -> None:
        """Remember which party the new organs and mandates of an act belong to."""
        register = self.registers[party]
        for organ in register.spines.heads:
            self.party_of_organ.setdefault(organ, party)
        if act.id in register.mandates:
            self.party_of_mandate[act.id] = party

    def party_of(self, act: Act) -> bytes:
        """Return whose act it is. Raises :class:`Missing` (``unknown.*``)."""
        match act.issuer:
            case Issuer.HOLDER:
                found = self.party_of_mandate.get(act["by"])
            case Issuer.CERTIFIER:
                found = self.party_of_mandate.get(act["class"])
            case Issuer.BEACON:
                found = act["party"]
            case _:
                found = self.party_of_organ.get(act["organ"])
        if found is None:
            by_mandate = act.issuer in (Issuer.HOLDER, Issuer.CERTIFIER)
            reason = "unknown.mandate" if by_mandate else "unknown.organ"
            raise Missing(reason, "no act seen so far says whose act this is")
        return found

    def streams_of(self, act: Act, outcome: Outcome) -> list[bytes]:
        """Return the streams that an admitted act belongs to."""
        streams: list[bytes] = []
        if act.kind == "open":
            streams.append(act.id)
        elif act.row.dossier and act["dossier"] in self.dossiers:
            streams.append(act["dossier"])
        assert outcome.party is not None
        register = self.registers[outcome.party]
        in_register = act.issuer is not Issuer.HOLDER or not act.row.dossier or self.fulfils(act, register)
        if in_register or act.kind == "conclude" or (act.kind in SIGNING and "total" in act.payload):
            streams.append(outcome.party)
        spines = register.spines
        if act.row.spine and act.issuer is Issuer.ORGAN and act.kind != "found" and act.id in spines.canonical:
            streams.append(act["organ"])
            other = act.get("of")
            if other and other != act["organ"]:
                streams.append(other)
        return streams

    def heads(self, streams: Iterable[bytes]) -> list[list[object]]:
        """Return the rows of a stamp for these streams, in ascending order of their ids."""
        known = {stream: self.streams.get(stream) or Stream(stream, [], []) for stream in streams}
        return [[stream, found.count, found.head] for stream, found in sorted(known.items())]


def canonical(act: Act, outcome: Outcome) -> Act:
    """Return the act in the envelope that its entry has."""
    return replace(act, envelope=outcome.envelope)
