"""The courier's file: acts, collected signatures, bundles and frames, and what was left out. ``spec/courier.md``.

Whoever carries a file is not trusted. Acts verify by themselves, bundles by their proofs; a *seal* of the sender's
dispatch key says that nothing was taken out; and a beacon says how many acts there are, so that a bundle which shows
fewer is known to lack some (:func:`accounts`).

>>> file = write(Contents())
>>> read(file).contents.acts, len(file)
((), 79)
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from pourparler.core import limits
from pourparler.core.act import Act, Issuer, parse_act
from pourparler.core.authority import Register
from pourparler.core.encoding import Value, decode, digest, encode, verify_ed25519
from pourparler.core.errors import Malformed, Missing, PourparlerError, Refused
from pourparler.core.evidence import Report, Trust, Verdict, parse_bundle, verify
from pourparler.core.registry import Registry
from pourparler.dispatch.frame import id_of_part, joined, parse_header
from pourparler.ports import Signer

FORMAT = "pourparler/1 dispatch"
SEALED = b"pourparler/courier/1\x00"
COMPRESSED = (  # how gzip, zip, bzip2, xz, zstd, 7z and lz4 begin
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf",
    b"\x04\x22\x4d\x18",
)
PART_LENGTHS = (8, 64)  # of a kid, of a signature

PartRow = tuple[bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file carries, unverified. ``acts`` are envelopes; ``parts`` are rows of payload, kid and signature."""

    acts: tuple[bytes, ...] = ()
    parts: tuple[PartRow, ...] = ()
    bundles: tuple[bytes, ...] = ()
    frames: tuple[bytes, ...] = ()

    def encoded(self) -> bytes:
        """Return the bytes that a seal covers, with acts and parts in the order of the format. Raises
        :class:`Malformed` where an act cannot be read."""
        by_id = {parse_act(act).id: act for act in sorted(self.acts, reverse=True)}
        value = {
            "acts": [by_id[act_id] for act_id in sorted(by_id)],
            "parts": [list(part) for part in sorted(set(self.parts), key=encoded_part)],
            "bundles": list(self.bundles),
            "frames": list(self.frames),
        }
        return encode(value, most_items=limits.COURIER_ITEMS_MAX)


@dataclass(frozen=True, slots=True)
class Seal:
    """A dispatch key's signature over contents, for a party; unverified."""

    party: bytes
    key: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Sending:
    """A file as read: what it carries, the very bytes of that, and its seals. Nothing of it is verified."""

    contents: Contents
    data: bytes
    seals: tuple[Seal, ...]


# --- writing ----------------------------------------------------------------------------------------------------------


def write(contents: Contents, sealers: Iterable[tuple[bytes, Signer]] = ()) -> bytes:
    """Return the file that carries these contents, sealed by dispatch keys, each given with its party.

    Raises :class:`Malformed` where a reader would refuse it, and :class:`OSError` where a signer cannot sign.
    """
    data = contents.encoded()
    seals = sorted((party, signer.public_key, signer.sign(sealed(party, data))) for party, signer in sealers)
    value = {"format": FORMAT, "contents": data, "seals": [list(seal) for seal in seals]}
    file = encode(value, most_items=limits.COURIER_ITEMS_MAX)
    read(file)
    return file


def sealed(party: bytes, contents: bytes) -> bytes:
    """Return what a seal's signature covers."""
    return SEALED + party + digest("courier", contents)


def encoded_part(part: Iterable[bytes]) -> bytes:
    return encode(list(part))


# --- reading: steps 1 and 2 -------------------------------------------------------------------------------------------


def read(file: bytes) -> Sending:
    """Return what a file holds. Raises :class:`Malformed` (``courier.compressed``, ``courier.malformed``,
    ``courier.order``, ``cbor.*``, and what an act is refused for before its signatures are looked at)."""
    if file.startswith(COMPRESSED):
        raise Malformed("courier.compressed", "the file is compressed; nothing is unpacked here: ask for it as it was")
    outer = fields(decoded(file), {"format", "contents", "seals"})
    if outer["format"] != FORMAT:
        raise Malformed("courier.malformed", f"a courier's file says {FORMAT!r}")
    data = blob(outer["contents"])
    return Sending(read_contents(data), data, read_seals(outer["seals"]))


def read_contents(data: bytes) -> Contents:
    inner = fields(decoded(data), {"acts", "parts", "bundles", "frames"})
    acts = tuple(map(blob, rows(inner["acts"], limits.COURIER_ITEMS_MAX)))
    in_order(parse_act(act).id for act in acts)
    parts = tuple(map(read_part, rows(inner["parts"], limits.COURIER_ITEMS_MAX)))
    in_order(map(encoded_part, parts))
    bundles = tuple(map(blob, rows(inner["bundles"], limits.COURIER_BUNDLES_MAX)))
    frames = tuple(map(blob, rows(inner["frames"], limits.COURIER_FRAMES_MAX)))
    for bundle in bundles:
        parse_bundle(bundle)
    for frame in frames:
        parse_header(frame)
    return Contents(acts, parts, bundles, frames)


def read_part(value: Value) -> PartRow:
    payload, kid, signature = map(blob, rows(value, 3, 3))
    if (len(kid), len(signature)) != PART_LENGTHS:
        raise Malformed("courier.malformed", "a part has a kid of 8 bytes and a signature of 64")
    id_of_part(payload, kid, signature)
    return payload, kid, signature


def read_seals(value: Value) -> tuple[Seal, ...]:
    seals = []
    for row in rows(value, limits.COURIER_SEALS_MAX):
        party, key, signature = map(blob, rows(row, 3, 3))
        if (len(party), len(key), len(signature)) != (32, 32, 64):
            raise Malformed("courier.malformed", "a seal has a party, a key and a signature")
        seals.append(Seal(party, key, signature))
    in_order((seal.party, seal.key) for seal in seals)
    return tuple(seals)


def decoded(data: bytes) -> Value:
    return decode(data, most_bytes=limits.COURIER_FILE_MAX_BYTES, most_items=limits.COURIER_ITEMS_MAX)


def fields(value: Value, names: set[str]) -> dict[str, Value]:
    if not isinstance(value, dict) or set(value) != names:
        raise Malformed("courier.malformed", f"there is a map of {', '.join(sorted(names))} here, and nothing else")
    return value


def rows(value: Value, most: int, least: int = 0) -> list[Value]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise Malformed("courier.malformed", f"a list of {least} to {most} is missing where the format has one")
    return value


def blob(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed("courier.malformed", "bytes are missing where the format has bytes")
    return value


def in_order(found: Iterable[object]) -> None:
    if any(not first < second for first, second in pairwise(found)):  # type: ignore[operator] # bytes, or rows of them
        raise Malformed("courier.order", "acts, parts and seals stand in ascending order, each once")


# --- reading: step 3, the seals ---------------------------------------------------------------------------------------


def check_seal(sending: Sending, seal: Seal, keys: Mapping[bytes, bytes]) -> None:
    """Pass where a known dispatch key sealed these contents. ``keys`` maps dispatch keys to parties.

    Raises :class:`Refused` (``courier.seal``), whoever's key it is: that the contents are not those that were sealed
    shows even to a reader who knows nobody; or :class:`Missing` (``courier.unknown-key``).
    """
    try:
        verify_ed25519(seal.key, sealed(seal.party, sending.data), seal.signature)
    except Refused:
        raise Refused("courier.seal", "the contents are not those that the key sealed: altered on the way") from None
    if keys.get(seal.key) != seal.party:
        raise Missing("courier.unknown-key", "nobody here knows the key as a dispatch key of that party")


# --- reading: steps 4 and 5, what is missing --------------------------------------------------------------------------


class Whole(Enum):
    """Whether a file shows all acts of a party."""

    WHOLE = "whole"
    MISSING = "missing"
    CONTRADICTED = "contradicted"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Account:
    """What a file shows of a party: ``shown`` acts of its stream, where the newest beacon states ``stated``; or the
    stamp of the bundle does, where the reason is ``stream.incomplete``.

    ``at`` is that beacon's instant, ``next`` when another is due. ``moved_to`` is the origin of a home that the party
    has moved to and the file does not show. ``reason`` is empty where all is shown.
    """

    party: bytes
    whole: Whole
    reason: str = ""
    shown: int = 0
    stated: int | None = None
    at: int | None = None
    next: int | None = None
    moved_to: str = ""

    @property
    def missing(self) -> tuple[int, int] | None:
        """The first and last number, from 1, of the acts that the beacon states and nothing shows. None where a stamp
        states more than the bundle shows: then anything may have been taken out, and the rest has other numbers."""
        if self.reason != "courier.missing" or self.stated is None or self.stated <= self.shown:
            return None
        return self.shown + 1, self.stated


def verified(contents: Contents, trust: Trust, at: int | None = None) -> list[Report]:
    """Return what a stranger's verifier says of each bundle (step 4)."""
    return [verify(bundle, trust, at) for bundle in contents.bundles]


def accounts(contents: Contents, reports: Iterable[Report]) -> list[Account]:
    """Return, for each party that the file says something of, whether something is missing (step 5)."""
    reports = list(reports)
    shown = [report.registry for report in reports if report.verdict is Verdict.VALID and report.registry is not None]
    loose = [parse_act(act) for act in contents.acts]
    drafts = [parse_act(act_of(part)) for part in contents.parts]
    beacons = [act for act in loose if act.issuer is Issuer.BEACON]
    parties = {act["party"] for act in beacons}
    for registry in (report.registry for report in reports if report.registry is not None):
        parties |= {party for party in registry.registers if is_home(registry, party) or moved_to(registry, party)}
        parties |= {party for act in [*loose, *drafts] if (party := party_of(act, [registry])) is not None}
    found = [account(party, shown, beacons) for party in sorted(parties)]
    of_bundles = list(zip(contents.bundles, reports, strict=True))
    return [explained(one, of_bundles) if one.reason == "courier.no-bundle" else one for one in found]


def explained(found: Account, of_bundles: Iterable[tuple[bytes, Report]]) -> Account:
    """Say why the bundle that shows a party's home is none to rely on: acts of its stream are left out, or another."""
    for bundle, report in of_bundles:
        if report.registry is not None and found.party in report.registry.registers:
            shown = count(report.registry, found.party)
            stated = stated_by_stamp(bundle, found.party) if report.verdict is Verdict.CANNOT_TELL else None
            if stated is None or stated <= shown:
                return replace(found, reason=report.reason, shown=shown)
            return replace(found, whole=Whole.MISSING, reason="stream.incomplete", shown=shown, stated=stated)
    return found


def stated_by_stamp(bundle: bytes, party: bytes) -> int | None:
    """Return how many acts of a party there are by the stamp that a bundle's claim is as of; None where it
    is not shown. That it is a stamp of that ledger, the fold of the bundle has said."""
    read = parse_bundle(bundle)
    home = {shown.depositary: shown for shown in read.ledgers}.get(read.claim.ledger)
    entry = dict(home.entries).get(read.claim.as_of) if home else None
    try:
        rows = (parse_act(entry).get("streams") or ()) if entry is not None else ()
    except PourparlerError:  # it is passed over there, too
        return None
    return next((so_many for stream, so_many, _ in rows if stream == party), None)


def act_of(part: PartRow) -> bytes:
    """Return a part's act with its one signature, as an envelope."""
    payload, kid, signature = part
    return joined(payload, [(kid, signature)]).encoded()


def party_of(act: Act, shown: Iterable[Registry]) -> bytes | None:
    """Return whose act it is, as far as a bundle says."""
    if act.kind == "found":
        return act.id
    for registry in shown:
        try:
            return registry.party_of(act)
        except PourparlerError:
            continue
    return None


def is_home(registry: Registry, party: bytes) -> bool:
    """Return whether a ledger is the party's home now, as far as it is shown: the first, or one that it moved to."""
    return registry.registers[party].spines.home


def moved_to(registry: Registry, party: bytes) -> str:
    """Return the origin of the ledger to which a party has moved from here, as far as it is shown; else nothing."""
    spines = registry.registers[party].spines
    return spines.moved_to.origin if spines.moved_to and not spines.home else ""


def account(party: bytes, shown: Iterable[Registry], loose: Iterable[Act]) -> Account:
    """Compare what is shown of a party with its beacons."""
    know = [registry for registry in shown if party in registry.registers]
    homes = [registry for registry in know if is_home(registry, party)]
    before = [registry for registry in know if moved_to(registry, party)]
    if before and not homes:  # what it has decided since stands where it moved to
        registry = max(before, key=lambda home: count(home, party))
        to = moved_to(registry, party)
        return Account(party, Whole.MISSING, "courier.moved", count(registry, party), moved_to=to)
    if not homes:
        stated = max((act["count"] for act in loose if act["party"] == party), default=None)
        return Account(party, Whole.CANNOT_TELL, "courier.no-bundle", stated=stated)
    registry = max(homes, key=lambda home: count(home, party))
    register, so_many = registry.registers[party], count(registry, party)
    newest = max(beacons(register, loose, party), key=lambda act: (act["count"], act["at"]), default=None)
    if newest is None:
        return Account(party, Whole.CANNOT_TELL, "courier.no-beacon", so_many)
    states = {"shown": so_many, "stated": newest["count"], "at": newest["at"], "next": newest["next"]}
    if newest["count"] > so_many:
        return Account(party, Whole.MISSING, "courier.missing", **states)
    if not had(register, newest):
        return Account(party, Whole.CONTRADICTED, "courier.contradicted", **states)
    return Account(party, Whole.WHOLE, **states)


def had(register: Register, beacon: Act) -> bool:
    """Return whether a ledger has had of the party what a beacon states; each ledger counts for itself."""
    return register.had(beacon["count"], beacon["head"])


def count(registry: Registry, party: bytes) -> int:
    return registry.streams[party].count if party in registry.streams else 0


def beacons(register: Register, loose: Iterable[Act], party: bytes) -> Iterator[Act]:
    """Yield the party's beacons: those that its register has, and loose ones by a key that it names; but for those of a
    home that it has left."""
    left = [one for one in (register.home.registers if register.home else ()) if one is not register]
    by_it = [act for act in loose if act["party"] == party and is_named(register, act)]
    for act in [*(beacon.act for beacon in register.beacons), *by_it]:
        if had(register, act) or not any(had(one, act) for one in left):
            yield act


def is_named(register: Register, beacon: Act) -> bool:
    """Return whether a key that a ledger knows as the party's has made a beacon."""
    try:
        register.spines.beacon(beacon)
    except PourparlerError:
        return False
    return True
