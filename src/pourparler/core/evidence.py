"""Evidence: the bundle that convinces a stranger offline, and the one function that verifies it.

Specification: ``spec/evidence.md``. Start reading here if you read one file.

A bundle states a *claim* and carries what proves it: entries of ledgers, each with its place under a signed checkpoint,
and the texts. :func:`verify` takes the bundle, what you trust (party ids, and optionally a policy of witnesses) and an
instant; it asks nobody. Its answer is a report of numbered steps and one of three words:

* **VALID**: the evidence proves the claim, as of the ledger index that the claim names;
* **INVALID**: the evidence is not genuine, or it is whole and proves the contrary;
* **CANNOT TELL**: something that the claim rests on is not shown. Never rounded up.

A party's id is the digest of its founding act; the founding act names the party's organs and its home ledger; the
opening of a dossier names its ledger. So a party id is all that a stranger must know beforehand.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from pourparler.core import limits
from pourparler.core.act import ALL_POWERS, NO_POWER, Act, Issuer, Power, parse_act
from pourparler.core.authority import LEASED, HomeView, Mandate, Moment, Register, homes_of
from pourparler.core.council import Depositary
from pourparler.core.dossier import Dossier, EffectState, Paper
from pourparler.core.encoding import ALGORITHM_ED25519, Value, decode, encode
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.ledger import (
    KeyType,
    OpenCheckpoint,
    Policy,
    VerifierKey,
    leaf_hash,
    open_checkpoint,
    quorum_met,
    verify_consistency,
    verify_multiproof,
)
from pourparler.core.redline import Text, parse_text, text_digest
from pourparler.core.registry import Registry, Stamp

FORMAT = "pourparler/1 evidence"


class Verdict(Enum):
    """The three answers; never rounded up (``spec/evidence.md`` section 5)."""

    VALID = "VALID"
    INVALID = "INVALID"
    CANNOT_TELL = "CANNOT TELL"


# --- what goes in -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What a bundle says. ``kind`` is ``bound``, ``in-force``, ``may`` or ``recorded``; ``as_of`` is the index of the
    stamp, in the claim's ledger, that states the streams it rests on."""

    kind: str
    ledger: Depositary
    as_of: int
    parties: tuple[bytes, ...] = ()
    dossier: bytes = b""
    text: bytes = b""
    mandate: bytes = b""
    holder: bytes = b""
    power: Power = NO_POWER
    act: bytes = b""

    def encoded(self) -> dict[str, Value]:
        """Return the claim as the map that a bundle holds."""
        value: dict[str, Value] = {
            "kind": self.kind,
            "ledger": {"origin": self.ledger.origin, "key": self.ledger.key},
            "as_of": self.as_of,
        }
        for name in CLAIM_FIELDS[self.kind]:
            given = getattr(self, name)
            value[name] = list(given) if name == "parties" else int(given) if name == "power" else given
        return value


CLAIM_FIELDS: dict[str, tuple[str, ...]] = {
    "bound": ("parties", "dossier", "text"),
    "in-force": ("parties", "dossier", "text"),
    "may": ("parties", "mandate", "holder", "power"),
    "recorded": ("act",),
}
CLAIM_PARTIES = {"bound": 1, "in-force": 2, "may": 1, "recorded": 0}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a bundle shows of one ledger: entries by index, and the hashes that place them under the checkpoint.

    ``earlier`` are older checkpoints, each with its consistency proof to the newest: they carry cosignatures near the
    time of a deadline.
    """

    depositary: Depositary
    checkpoint: bytes
    entries: tuple[tuple[int, bytes], ...]
    hashes: tuple[bytes, ...]
    earlier: tuple[tuple[bytes, tuple[bytes, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as read: well-formed, nothing of it verified."""

    claim: Claim
    ledgers: tuple[Shown, ...]
    texts: tuple[bytes, ...]

    def encoded(self) -> bytes:
        """Return the bundle's bytes."""
        return encode(
            {
                "format": FORMAT,
                "claim": self.claim.encoded(),
                "ledgers": [
                    {
                        "origin": shown.depositary.origin,
                        "key": shown.depositary.key,
                        "checkpoint": shown.checkpoint,
                        "entries": [[index, entry] for index, entry in shown.entries],
                        "hashes": list(shown.hashes),
                        "earlier": [[note, list(hashes)] for note, hashes in shown.earlier],
                    }
                    for shown in self.ledgers
                ],
                "texts": list(self.texts),
            },
            most_items=limits.EVIDENCE_ITEMS_MAX,
        )


@dataclass(frozen=True, slots=True)
class Trust:
    """What the verifier knows beforehand: party ids, each with how it was learnt, and optionally a witness policy."""

    parties: Mapping[bytes, str]
    policy: Policy | None = None


# --- what comes out ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step of the verification, as it went."""

    number: int
    name: str
    verdict: Verdict
    detail: str = ""
    reason: str = ""


STEPS = {
    1: "the bundle is well-formed",
    2: "the party is one that you trust",
    3: "the entries stand under checkpoints that the ledgers signed",
    4: "the stamps give every entry its time",
    5: "each party's home ledger is shown, without a gap",
    6: "the acts of the claim's ledger are folded",
    7: "no act of the streams is left out",
    8: "witnesses saw the checkpoints in time",
    9: "the texts are here",
    10: "the claim",
    11: "how old this is",
}


@dataclass(frozen=True, slots=True)
class Report:
    """The answer: a verdict, the step and reason that decided it, and every step on the way.

    ``as_of`` is the claim's ledger index, ``time`` the log time of its stamp in seconds; ``registry`` is the fold of
    the claim's ledger, for those who want to look further.
    """

    verdict: Verdict
    claim: Claim | None
    steps: tuple[Step, ...]
    time: int | None = None
    registry: Registry | None = None
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The reason code of the step that decided, empty for VALID."""
        return next((step.reason for step in self.steps if step.verdict is not Verdict.VALID), "")


# --- step 1: reading --------------------------------------------------------------------------------------------------


def parse_bundle(data: bytes) -> Bundle:
    """Return the bundle that ``data`` encodes. Raises :class:`Malformed` (``bundle.malformed``, ``cbor.*``)."""
    value = decode(data, most_bytes=limits.EVIDENCE_MAX_BYTES, most_items=limits.EVIDENCE_ITEMS_MAX)
    try:
        if set(value) != {"format", "claim", "ledgers", "texts"} or value["format"] != FORMAT:
            raise Malformed("bundle.malformed", f"a bundle is a map of the format {FORMAT!r}")
        claim = parse_claim(value["claim"])
        ledgers = tuple(map(parse_shown, as_list(value["ledgers"])))
        texts = tuple(map(as_bytes, as_list(value["texts"])))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Malformed("bundle.malformed", "a part of the bundle is missing or of another type") from None
    if len({shown.depositary for shown in ledgers}) != len(ledgers) or not ledgers:
        raise Malformed("bundle.malformed", "a bundle shows at least one ledger, and each once")
    return Bundle(claim, ledgers, texts)


def as_bytes(value: Value, length: int | None = None) -> bytes:
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise Malformed("bundle.malformed", "bytes of another length, or none, where the format has bytes")
    return value


def as_index(value: Value) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed("bundle.malformed", "an index is a whole number")
    return value


def as_text(value: Value) -> str:
    if not isinstance(value, str):
        raise Malformed("bundle.malformed", "text is missing where the format has text")
    return value


def as_list(value: Value) -> list[Value]:
    if not isinstance(value, list):
        raise Malformed("bundle.malformed", "a list is missing where the format has a list")
    return value


def as_hashes(value: Value) -> tuple[bytes, ...]:
    return tuple(map(as_bytes, as_list(value)))


def parse_claim(value: Value) -> Claim:
    kind = as_text(value["kind"])
    fields = CLAIM_FIELDS.get(kind)
    if fields is None or set(value) != {"kind", "ledger", "as_of", *fields}:
        raise Malformed("bundle.claim", "the claim is of no known kind, or lacks a part")
    ledger = Depositary(as_text(value["ledger"]["origin"]), as_bytes(value["ledger"]["key"], 32))
    given: dict[str, Value] = {}
    for name in fields:
        match name:
            case "parties":
                given[name] = tuple(as_bytes(party, 32) for party in as_list(value[name]))
            case "power":
                given[name] = parse_power(value[name])
            case _:
                given[name] = as_bytes(value[name], 32)
    parties: tuple[bytes, ...] = given.get("parties", ())
    if not len(set(parties)) == len(parties) == CLAIM_PARTIES[kind] or len(value["ledger"]) != 2:
        raise Malformed("bundle.claim", f"a claim of this kind names {CLAIM_PARTIES[kind]} parties, and one ledger")
    return Claim(kind, ledger, as_index(value["as_of"]), **given)


def parse_power(value: Value) -> Power:
    if not 1 <= as_index(value) <= ALL_POWERS:
        raise Malformed("bundle.claim", "the claim names a power that there is not")
    return Power(value)


def parse_shown(value: Value) -> Shown:
    if set(value) != {"origin", "key", "checkpoint", "entries", "hashes", "earlier"}:
        raise Malformed("bundle.malformed", "a ledger in a bundle has six parts")
    entries = tuple((as_index(index), as_bytes(entry)) for index, entry in as_list(value["entries"]))
    if any(first >= second for (first, _), (second, _) in pairwise(entries)):
        raise Malformed("bundle.malformed", "entries stand in ascending order of their indexes")
    return Shown(
        depositary=Depositary(as_text(value["origin"]), as_bytes(value["key"], 32)),
        checkpoint=as_bytes(value["checkpoint"]),
        entries=entries,
        hashes=as_hashes(value["hashes"]),
        earlier=tuple((as_bytes(note), as_hashes(path)) for note, path in as_list(value["earlier"])),
    )


# --- steps 3 and 4: one ledger ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Proven:
    """What a bundle proves of one ledger: acts at their indexes, stamps, checkpoints."""

    depositary: Depositary
    acts: list[tuple[int, Act]]
    checkpoints: list[OpenCheckpoint]
    stamps: dict[int, Stamp] = field(default_factory=dict)
    unreadable: list[tuple[int, PourparlerError]] = field(default_factory=list)
    skipped: list[tuple[int, PourparlerError]] = field(default_factory=list)
    unopened: list[PourparlerError] = field(default_factory=list)  # earlier checkpoints that prove nothing
    bound_seconds: int | None = None

    @property
    def size(self) -> int:
        return self.checkpoints[0].checkpoint.size


def ledger_key(depositary: Depositary) -> VerifierKey:
    """Return the key that verifies a ledger's checkpoints: of 32 bytes, under the ledger's origin."""
    return VerifierKey(depositary.origin, KeyType.ED25519, depositary.key)


def prove(shown: Shown, witnesses: Sequence[VerifierKey]) -> Proven:
    """Verify that the entries stand under the checkpoint (step 3). Raises :class:`PourparlerError` (``note.*``,
    ``checkpoint.*``, ``proof.*``, ``tree.*``)."""
    key = ledger_key(shown.depositary)
    newest = open_checkpoint(shown.checkpoint, shown.depositary.origin, key, witnesses)
    size, root = newest.checkpoint.size, newest.checkpoint.root
    computed = verify_multiproof(size, {index: leaf_hash(entry) for index, entry in shown.entries}, shown.hashes)
    if computed != root:
        raise Refused("proof.root", "the entries are not those that the ledger's checkpoint covers")
    proven = Proven(shown.depositary, [], [newest])
    for note, hashes in shown.earlier:
        prove_earlier(proven, note, hashes, witnesses)
    for index, entry in shown.entries:
        try:
            proven.acts.append((index, parse_act(entry)))
        except Malformed as error:
            proven.unreadable.append((index, error))
    return proven


def prove_earlier(proven: Proven, note: bytes, hashes: Sequence[bytes], witnesses: Sequence[VerifierKey]) -> None:
    """Keep an earlier checkpoint that is consistent with the newest one; pass over one that does not open.

    A line that claims to be a witness's and fails can be added by anybody who hands the note on, so it costs the note
    what it proves, and not the bundle. What the ledger signed has to be consistent all the same: else it forked.
    """
    key, newest = ledger_key(proven.depositary), proven.checkpoints[0].checkpoint
    try:
        older = open_checkpoint(note, key.name, key, witnesses)
        proven.checkpoints.append(older)
    except PourparlerError as error:
        proven.unopened.append(error)
        try:
            older = open_checkpoint(note, key.name, key)
        except PourparlerError:
            return
    verify_consistency(older.checkpoint.size, older.checkpoint.root, newest.size, newest.root, hashes)


def fold(proven: Proven, registry: Registry, up_to: int) -> Missing | None:
    """Fold the proven acts up to an index. Pass over what is not there at all (``spec/registry.md`` 3); return the
    first thing that is missing, where an act's place could not be judged.

    Raises :class:`Refused` (``stamp.*``) where the ledger contradicts itself.
    """
    proven.skipped = list(proven.unreadable)
    proven.stamps.clear()
    stated: dict[tuple[bytes, int], bytes] = {}
    missing: Missing | None = None
    for index, act in proven.acts:
        if index > up_to:
            break
        try:
            outcome = registry.enter(act, index)
            if outcome is None:
                note_stamp(proven, registry.stamp, act, stated)
        except Missing as lacking:
            proven.skipped.append((index, lacking))
            if not lacking.reason.startswith("unknown."):
                missing = missing or lacking
        except PourparlerError as error:
            if act.issuer is Issuer.LEDGER:
                raise
            proven.skipped.append((index, error))
    return missing


def note_stamp(proven: Proven, stamp: Stamp | None, act: Act, stated: dict[tuple[bytes, int], bytes]) -> None:
    """Keep a stamp; two that state one count of a stream with two heads contradict each other."""
    assert stamp is not None
    if act.kind == "ledger":
        proven.bound_seconds = act["bound"]
    for stream, (count, head) in stamp.streams.items():
        if stated.setdefault((stream, count), head) != head:
            raise Refused("stamp.contradiction", "two stamps of the ledger state different heads of one stream")
    proven.stamps[stamp.index] = stamp


# --- the verification -------------------------------------------------------------------------------------------------


class Stop(Exception):
    """A step that decides the verdict before the last one."""


class Verification:
    """One run of the numbered steps. Each method is a step, in the order of ``spec/evidence.md`` section 4."""

    def __init__(self, trust: Trust, at: int | None) -> None:
        self.trust = trust
        self.at = at
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.claim: Claim | None = None
        self.registry: Registry | None = None
        self.time: int | None = None
        self.texts: dict[bytes, Text] = {}
        self.missing: dict[Depositary, Missing | None] = {}

    def run(self, data: bytes) -> Report:
        with contextlib.suppress(Stop):
            self.judge(data)
        worst = [step.verdict for step in self.steps]
        verdict = Verdict.VALID
        if Verdict.INVALID in worst:
            verdict = Verdict.INVALID
        elif Verdict.CANNOT_TELL in worst:
            verdict = Verdict.CANNOT_TELL
        return Report(verdict, self.claim, tuple(self.steps), self.time, self.registry, tuple(self.notes))

    def passed(self, number: int, detail: str = "") -> None:
        self.steps.append(Step(number, STEPS[number], Verdict.VALID, detail))

    def stopped(self, number: int, error: PourparlerError) -> Stop:
        verdict = Verdict.CANNOT_TELL if isinstance(error, Missing) else Verdict.INVALID
        self.steps.append(Step(number, STEPS[number], verdict, error.detail, error.reason))
        return Stop()

    def judge(self, data: bytes) -> None:
        try:
            bundle = parse_bundle(data)
        except PourparlerError as error:
            raise self.stopped(1, error) from None
        self.claim = claim = bundle.claim
        self.passed(1, f"{len(data)} bytes, {sum(len(shown.entries) for shown in bundle.ledgers)} entries")
        self.check_trust(claim)
        proven = self.check_ledgers(bundle)
        self.texts = self.read_texts(bundle)
        registries = self.fold_ledgers(proven, claim)
        homes = self.find_homes(registries, proven)
        registry = self.fold_claim(proven, claim, registries, homes)
        self.registry = registry
        moment = self.check_streams(proven, claim, registry)
        self.check_witnesses(proven, claim, registries, registry)
        self.check_texts(claim, registry)
        self.check_claim(claim, registry, moment)
        self.check_age(claim, registry, moment)

    def check_trust(self, claim: Claim) -> None:
        """Step 2. A claim that no trusted party stands behind proves nothing to this verifier."""
        trusted = [party for party in claim.parties if party in self.trust.parties]
        if claim.parties and not trusted:
            raise self.stopped(2, Missing("trust.unknown-party", "you trust none of the parties that the claim names"))
        self.passed(2, "; ".join(f"{party.hex()[:16]}… ({self.trust.parties[party]})" for party in trusted))

    def check_ledgers(self, bundle: Bundle) -> dict[Depositary, Proven]:
        """Step 3."""
        policy = self.trust.policy
        witnesses = [witness.key for witness in policy.witnesses] if policy else []
        proven: dict[Depositary, Proven] = {}
        for shown in bundle.ledgers:
            try:
                proven[shown.depositary] = prove(shown, witnesses)
            except PourparlerError as error:
                raise self.stopped(3, error) from None
        for ledger, found in proven.items():
            for why in found.unopened:
                self.notes.append(f"an earlier checkpoint of {ledger.origin} is passed over: {why}")
        self.passed(3, ", ".join(f"{ledger.origin} of size {found.size}" for ledger, found in proven.items()))
        return proven

    def read_texts(self, bundle: Bundle) -> dict[bytes, Text]:
        """Texts are named by their digests, so that no text can stand for another."""
        texts: dict[bytes, Text] = {}
        for data in bundle.texts:
            try:
                texts[text_digest(data)] = parse_text(data)
            except PourparlerError as error:
                self.notes.append(f"a text of the bundle cannot be read and is left aside: {error}")
        return texts

    def fold_ledgers(self, proven: Mapping[Depositary, Proven], claim: Claim) -> dict[Depositary, Registry]:
        """Steps 4 and 5: fold each ledger by its own notice, which is the last word where it is a party's home."""
        registries: dict[Depositary, Registry] = {}
        for depositary, found in proven.items():
            registry = Registry(depositary, self.texts.get, partial=True, exact=True)
            up_to = claim.as_of if depositary == claim.ledger else found.size
            try:
                missing = fold(found, registry, up_to)
            except PourparlerError as error:
                raise self.stopped(4, error) from None
            if missing and missing.reason.startswith("stamp."):
                raise self.stopped(4, missing)
            registries[depositary] = registry
            self.missing[depositary] = missing
        self.passed(4, f"{sum(len(found.stamps) for found in proven.values())} stamps")
        return registries

    def find_homes(
        self, registries: Mapping[Depositary, Registry], proven: Mapping[Depositary, Proven]
    ) -> dict[bytes, HomeView]:
        """Step 5: for each party, the registers of its home ledger and of each home it moved to."""
        homes: dict[bytes, HomeView] = {}
        for registry in registries.values():
            for party, register in registry.registers.items():
                if party not in homes:
                    homes[party] = HomeView(self.home_registers(register, registries))
        for depositary, found in proven.items():
            self.check_home_streams(depositary, found, registries[depositary])
        self.passed(5, f"{len(homes)} parties")
        return homes

    def home_registers(self, register: Register, registries: Mapping[Depositary, Registry]) -> tuple[Register, ...]:
        """Follow a party from the home that its founding act names through its moves, as far as they are shown; return
        each home once, the last one last."""

        def shown(home: Depositary) -> Register | None:
            return registries[home].registers.get(register.party) if home in registries else None

        found = homes_of(register.spines.party, shown)
        return tuple({id(one): one for one in reversed(found.values())}.values())[::-1]

    def check_home_streams(self, depositary: Depositary, found: Proven, registry: Registry) -> None:
        """In a home ledger, the party's stream must be whole up to a head that a stamp states."""
        if self.claim and depositary == self.claim.ledger:
            return  # step 7 asks for the streams that the claim rests on
        for party in at_home(registry):
            stated = [stamp.streams[party] for stamp in found.stamps.values() if party in stamp.streams]
            stream = registry.streams[party]
            if not stated or max(stated) != (stream.count, stream.head):
                name = registry.registers[party].spines.party.name
                raise self.stopped(5, Missing("home.incomplete", f"the home stream of {name} has a gap"))

    def fold_claim(
        self,
        proven: Mapping[Depositary, Proven],
        claim: Claim,
        registries: Mapping[Depositary, Registry],
        homes: Mapping[bytes, HomeView],
    ) -> Registry:
        """Step 6: fold the claim's ledger, its parties' decisions judged by their homes."""
        if claim.ledger not in proven:
            raise self.stopped(6, Missing("ledger.not-shown", "the ledger that the claim names is not shown"))
        found, first = proven[claim.ledger], registries[claim.ledger]
        elsewhere = {
            party: homes[party]
            for party, register in first.registers.items()
            if register.spines.party.home != claim.ledger or register.spines.moved_to
        }
        registry = first
        if elsewhere:
            registry = Registry(claim.ledger, self.texts.get, elsewhere.get, partial=True, exact=True)
            self.missing[claim.ledger] = fold(found, registry, claim.as_of)
        if missing := self.missing[claim.ledger]:
            raise self.stopped(6, missing)
        for index, error in found.skipped:
            self.notes.append(f"entry {index} is passed over: {error}")
        votes = [outcome for outcome in registry.outcomes.values() if outcome.act.kind == "vote"]
        by_passkey = [one for one in votes if one.act.envelope.signatures[0].algorithm != ALGORITHM_ED25519]
        if by_passkey:
            self.notes.append(f"{len(by_passkey)} of {len(votes)} votes are signed with passkeys")
        void = [outcome for outcome in registry.outcomes.values() if outcome.void]
        self.passed(6, f"{len(registry.outcomes)} acts, {len(void)} of them void")
        return registry

    def check_streams(self, proven: Mapping[Depositary, Proven], claim: Claim, registry: Registry) -> Moment:
        """Step 7: the stamp at ``as_of`` states the head of each stream that the claim rests on, and it is ours."""
        stamp = proven[claim.ledger].stamps.get(claim.as_of)
        if stamp is None:
            raise self.stopped(7, Missing("stream.no-stamp", "the stamp that the claim is as of is not shown"))
        self.time = stamp.time
        moment = Moment(claim.as_of, stamp.time)
        needed = self.streams_needed(claim, registry)
        for stream in sorted(needed):
            ours = registry.streams.get(stream)
            name = f"stream {stream.hex()[:16]}…"
            if stream not in stamp.streams:
                raise self.stopped(7, Missing("stream.not-stated", f"the stamp does not state {name}"))
            count, head = stamp.streams[stream]
            if ours is None or (count, head) != (ours.count, ours.head):
                shown = ours.count if ours else 0
                raise self.stopped(7, Missing("stream.incomplete", f"{shown} of the {count} acts in {name} are shown"))
        self.passed(7, f"{len(needed)} streams, as of index {claim.as_of}")
        return moment

    def streams_needed(self, claim: Claim, registry: Registry) -> set[bytes]:
        """Every dossier that the bundle shows must be whole, and so must the streams of those who spoke there."""
        needed = set(claim.parties) | {claim.dossier} - {b""} | registry.dossiers.keys()
        for dossier in registry.dossiers.values():
            needed |= set(dossier.parties) & registry.registers.keys()
            needed |= {party for paper in dossier.papers.values() for party in paper.consents}
        recorded = registry.outcomes.get(claim.act)
        if recorded is not None and recorded.party is not None:
            needed.add(recorded.party)
        return needed

    def check_witnesses(
        self,
        proven: Mapping[Depositary, Proven],
        claim: Claim,
        registries: Mapping[Depositary, Registry],
        registry: Registry,
    ) -> None:
        """Step 8: times are the depositary's word, unless the policy asks for witnesses; then a checkpoint that the
        quorum cosigned within the ledger's bound must cover the stamp of each act that the claim rests on."""
        policy = self.trust.policy
        if policy is None or policy.quorum is None:
            if asks_for_witnesses(claim, registry):
                lacking = "the dossier or a mandate asks for witnesses before a text binds, and the policy names none"
                raise self.stopped(8, Missing("witness.required", lacking))
            self.passed(8, "times are the depositary's word; the policy asks for no witnesses")
            return
        resting = {claim.ledger: self.streams_needed(claim, registry)}
        resting |= {ledger: at_home(found) for ledger, found in registries.items() if ledger != claim.ledger}
        for ledger, streams in resting.items():
            times = moments_of(streams, registry if ledger == claim.ledger else registries[ledger])
            if ledger == claim.ledger:
                times[claim.as_of] = proven[ledger].stamps[claim.as_of].time
            self.check_witnessed(proven[ledger], policy, times)
        widest = max(proven[ledger].bound_seconds or 0 for ledger in resting)
        self.passed(8, f"the policy's quorum, within {widest} s: the ledgers' own bound")

    def check_witnessed(self, found: Proven, policy: Policy, times: Mapping[int, int]) -> None:
        """Check the log time at each of these indexes of one ledger."""
        if times and found.bound_seconds is None:
            lacking = f"the first entry of {found.depositary.origin}, with its bound, is not shown"
            raise self.stopped(8, Missing("witness.no-bound", lacking))
        seen = [(one.checkpoint.size, one) for one in found.checkpoints]
        bound = found.bound_seconds or 0
        met: dict[tuple[int, int], bool] = {}  # by checkpoint and time: many acts share a stamp
        for index, time in sorted(times.items()):
            for number, (size, checkpoint) in enumerate(seen):
                if size > index and (number, time) not in met:
                    cosigners = checkpoint.cosigners(earliest=time - bound, latest=time + bound)
                    met[number, time] = quorum_met(policy, cosigners)
                if size > index and met[number, time]:
                    break
            else:
                unseen = f"no quorum saw entry {index} of {found.depositary.origin} within {bound} s"
                raise self.stopped(8, Missing("witness.quorum", unseen))

    def check_texts(self, claim: Claim, registry: Registry) -> None:
        """Step 9: without the text nobody can say that its red lines are kept."""
        if not claim.text:
            self.passed(9, "the claim rests on no text")
            return
        dossier = registry.dossiers.get(claim.dossier)
        if claim.text not in self.texts or (dossier is not None and dossier.in_doubt(claim.text)):
            raise self.stopped(9, Missing("text.missing", "a text that the claim rests on is not in the bundle"))
        self.passed(9, f"{len(self.texts)} texts; {self.private_lines(claim, dossier)} private red lines take no part")

    def private_lines(self, claim: Claim, dossier: Dossier | None) -> int:
        """Return how many private lines the mandates behind the text's signatures commit to."""
        paper = dossier.papers.get(claim.text) if dossier else None
        return sum(len(link.private) for link in links_behind(paper, paper.consents)) if paper else 0

    # Step 10, by the kind of claim.

    def check_claim(self, claim: Claim, registry: Registry, moment: Moment) -> None:
        try:
            detail = CLAIMS[claim.kind](claim, registry, moment)
        except PourparlerError as error:
            raise self.stopped(10, error) from None
        self.passed(10, detail)

    def check_age(self, claim: Claim, registry: Registry, moment: Moment) -> None:
        """Step 11 tells, and decides nothing: whether "in force" is an answer about now."""
        if self.at is None:
            self.passed(11, f"as of log time {moment.time}; the age was not asked for")
            return
        ages = [f"the stamp is {self.at - moment.time} s old"]
        for party in claim.parties:
            beacons = registry.registers[party].beacons if party in registry.registers else []
            if beacons:
                ages.append(f"the newest beacon {self.at - max(beacon.since for beacon in beacons)} s")
        self.passed(11, "; ".join(ages))


def at_home(registry: Registry) -> set[bytes]:
    """Return the parties, and so their streams, whose home the ledger is or was."""
    return {party for party, one in registry.registers.items() if one.spines.tenures}


def moments_of(streams: set[bytes], registry: Registry) -> dict[int, int]:
    """Return the log time of each act in these streams, by its index."""
    indexes = {index for stream in streams for index in registry.streams[stream].indexes}
    moments = [outcome.moment for outcome in registry.outcomes.values()]
    return {moment.index: moment.time for moment in moments if moment.index in indexes}


def links_behind(paper: Paper, parties: Iterable[bytes]) -> Collection[Mandate]:
    """Return every link of the mandates under which these parties' holders signed the text."""
    consents = [paper.consents[party] for party in parties if party in paper.consents]
    links = {link.id: link for c in consents for s in c.signatures for link in s.mandate.chain()}
    return links.values()


def asks_for_witnesses(claim: Claim, registry: Registry) -> bool:
    """Whether the dossier, or a link behind a party's signatures, lets the text bind only once it is witnessed."""
    dossier = registry.dossiers.get(claim.dossier)
    paper = dossier.papers.get(claim.text) if dossier else None
    links = links_behind(paper, claim.parties) if paper else ()
    return (dossier is not None and dossier.witnessed) or any(link.witnessed for link in links)


def find_dossier(claim: Claim, registry: Registry) -> Dossier:
    dossier = registry.dossiers.get(claim.dossier)
    if dossier is None:
        raise Missing("dossier.not-shown", "the opening of the dossier is not shown, or it is void")
    return dossier


def claim_bound(claim: Claim, registry: Registry, moment: Moment) -> str:
    """*Party P is bound by text T*: it consented beyond ad referendum, and has not withdrawn."""
    dossier = find_dossier(claim, registry)
    (party,) = claim.parties
    paper = dossier.papers.get(claim.text)
    if paper is None:
        raise Refused("claim.not-bound", "the text was not proposed in this dossier")
    state = dossier.consent_state(paper, party, moment)
    if not dossier.bound(claim.text, party, moment):
        raise Refused("claim.not-bound", f"the party's consent is {state.value}")
    consent = paper.consents[party]
    since = dossier.bound_since(consent)
    assert since is not None
    return f"{state.value} at index {since.index}, log time {since.time}"


def claim_in_force(claim: Claim, registry: Registry, moment: Moment) -> str:
    """*T is in force between P and Q*: computed from the consents, the text's rule and the log time."""
    dossier = find_dossier(claim, registry)
    first, second = claim.parties
    paper = dossier.papers.get(claim.text)
    clauses = dossier.clauses(claim.text)
    if paper and (clauses.scopes or clauses.framework or dossier.parent):
        elsewhere = registry.elsewhere.get(first, set()) & registry.elsewhere.get(second, set())
        if elsewhere:
            raise Missing("dossier.not-shown", "the parties consented to another text, which may be a wider one")
    effect = dossier.effect(claim.text, first, second, moment)
    if effect.state not in (EffectState.IN_FORCE, EffectState.NOTICE_RUNNING):
        raise Refused("claim.not-in-force", f"{effect.state.value}{': ' + effect.reason if effect.reason else ''}")
    until = f", until {effect.until}" if effect.until is not None else ""
    reserved = [f"{len(c.reserves)} reservations" for c in paper.consents.values() if c.reserves] if paper else []
    return ", ".join([f"{effect.state.value} since log time {effect.since}{until}", *reserved])


def claim_may(claim: Claim, registry: Registry, moment: Moment) -> str:
    """*Holder K may do X*: the chain gives the power and stands at the stamp's moment."""
    (party,) = claim.parties
    register = registry.register(party)
    mandate = register.mandate(claim.mandate)
    now = Moment(moment.index + 1, moment.time)
    if claim.holder not in register.speakers(mandate, now).seats:
        raise Refused("claim.not-holder", "the mandate is another's")
    if register.spines.roles.get(claim.holder, "holder") != "holder":
        raise Refused("standing.key-role", "the holder's key has taken another role since")
    if not claim.power or claim.power not in mandate.conferred:
        raise Refused("power.missing", "the chain does not give this power")
    is_home = register.home.present == claim.ledger if register.home else register.spines.home
    if not is_home:
        raise Missing("home.not-shown", "what a holder may do shows in a home ledger of the party, and this is another")
    register.check_standing(mandate, claim.power, now)
    holder = register.speakers(mandate, now)
    jointly = "" if len(holder.seats) == 1 else f", together with others of {len(holder.seats)} keys"
    beside = any(link.cosigning and link.cosigning.powers & claim.power for link in mandate.chain())
    jointly += ", countersigned" if beside else ""
    fresh = " (a leased power: valid only as long as beacons come)" if claim.power & LEASED else ""
    return f"the chain of {len(mandate.chain())} links stands{jointly}{fresh}"


def claim_recorded(claim: Claim, registry: Registry, moment: Moment) -> str:
    """*Act A was recorded*: an entry with this id stands in the ledger, and the fold admits it."""
    outcome = registry.outcomes.get(claim.act)
    if outcome is None:
        raise Missing("claim.not-shown", "no admitted entry of the bundle has this id")
    void = f", void: {outcome.void.reason}" if outcome.void else ""
    return f"at index {outcome.moment.index}, log time {outcome.moment.time}{void}"


CLAIMS = {"bound": claim_bound, "in-force": claim_in_force, "may": claim_may, "recorded": claim_recorded}


def verify(bundle: bytes, trust: Trust, at: int | None = None) -> Report:
    """Verify a bundle offline; the product.

    ``at`` is the verifier's own clock in seconds; it only says how old the newest stamp and beacons are. Returns a
    :class:`Report`; raises nothing on any input. Cost: linear in the bundle, one signature verification for each
    signature in it.
    """
    return Verification(trust, at).run(bundle)
