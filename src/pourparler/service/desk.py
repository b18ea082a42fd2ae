"""The desk: acts on their way to a ledger, as files.

A *parcel* is an act that is not in its ledger yet: the payload, the signatures collected so far, the texts that it
brings, and the ledger it is for. The same file goes from member to member until enough have signed, and then to the
depositary. Members who sign copies of it side by side send them back, and :func:`joined` puts the signatures together:
they cover the payload alone, so their order never matters.

A parcel is CBOR: ``{format, origin, key, form, payload, signatures: [[algorithm, kid, value]], texts: [bytes]}``.
Whoever opens one believes nothing of it: the registry judges the act when it is tried.
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pourparler.core import limits
from pourparler.core.act import Act, parse_act, read_act
from pourparler.core.council import Depositary
from pourparler.core.encoding import Envelope, Form, Signature, act_id, decode, encode
from pourparler.core.errors import Malformed, PourparlerError, Refused
from pourparler.core.redline import text_digest
from pourparler.ports import Signer
from pourparler.service.drafting import Draft
from pourparler.service.workspace import Workspace, write_atomically

FORMAT = "pourparler/1 act on its way"
PARCEL_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """An act that is not in its ledger yet. Nothing of it is checked but its layout."""

    ledger: Depositary
    envelope: Envelope
    texts: tuple[bytes, ...] = ()

    @property
    def draft(self) -> Draft:
        fields = decode(self.envelope.payload)
        return Draft(fields["kind"], self.envelope.payload, self.envelope.form, fields)

    @property
    def id(self) -> bytes:
        """The act's id. Of an act of one key it is known once that key has signed."""
        return act_id(self.envelope, self.draft.kind)

    def act(self) -> Act:
        """Return the act with the signatures collected so far. Raises :class:`Malformed`."""
        return read_act(self.envelope)

    def signed_by(self, signers: Iterable[Signer]) -> "Parcel":
        """Return the parcel with further signatures, each key's once."""
        draft = self.draft
        new = [draft.signature(signer) for signer in signers]
        kids = {signature.kid for signature in new}
        kept = [signature for signature in self.envelope.signatures if signature.kid not in kids]
        return replace(self, envelope=self.envelope.with_signatures((*kept, *new)))

    def encoded(self) -> bytes:
        return encode(
            {
                "format": FORMAT,
                "origin": self.ledger.origin,
                "key": self.ledger.key,
                "form": self.envelope.form.value,
                "payload": self.envelope.payload,
                "signatures": [[s.algorithm, s.kid, s.value] for s in self.envelope.signatures],
                "texts": list(self.texts),
            }
        )

    def text(self, digest: bytes) -> bytes | None:
        return next((text for text in self.texts if text_digest(text) == digest), None)


def parse_parcel(data: bytes, default: Depositary | None = None) -> Parcel:
    """Return the parcel in a file; a bare envelope is one without texts, for the ledger ``default``.

    Raises :class:`Malformed`.
    """
    if data[:1] in (b"\xd2", b"\xd8") and default is not None:
        return Parcel(default, parse_act(data).envelope)
    value = decode(data, most_bytes=PARCEL_MAX_BYTES)
    wrong = Malformed("bundle.layout", "this is no act on its way")
    names = {"format", "origin", "key", "form", "payload", "signatures", "texts"}
    if not isinstance(value, dict) or set(value) != names or value["format"] != FORMAT:
        raise wrong
    forms = {form.value: form for form in Form}
    if value["form"] not in forms or not isinstance(value["payload"], bytes) or not isinstance(value["origin"], str):
        raise wrong
    if not isinstance(value["key"], bytes) or len(value["key"]) != 32 or not isinstance(value["signatures"], list):
        raise wrong
    if not isinstance(value["texts"], list) or not all(isinstance(text, bytes) for text in value["texts"]):
        raise wrong
    signatures = tuple(map(parse_signature, value["signatures"]))
    if len(signatures) > limits.ENVELOPE_SIGNATURES_MAX:
        raise wrong
    parcel = Parcel(
        Depositary(value["origin"], value["key"]),
        Envelope(forms[value["form"]], value["payload"], signatures),
        tuple(value["texts"]),
    )
    if forms[value["form"]] is Form.SIGN or signatures:
        parcel.act()
    return parcel


def parse_signature(value: object) -> Signature:
    match value:
        case [int(algorithm), bytes(kid), bytes(signed)]:
            return Signature(algorithm, kid, signed)
    raise Malformed("bundle.layout", "a signature is algorithm, key hint and value")


def joined(parcels: Iterable[Parcel]) -> Parcel:
    """Return one parcel with the signatures and texts of several copies of it. Raises :class:`Refused`."""
    first, *others = parcels
    signatures = {(s.kid, s.value): s for s in first.envelope.signatures}
    texts = dict.fromkeys(first.texts)
    for other in others:
        if (other.envelope.payload, other.envelope.form) != (first.envelope.payload, first.envelope.form):
            raise Refused("act.field", "the files are of different acts: their signatures cannot be put together")
        signatures.update({(s.kid, s.value): s for s in other.envelope.signatures})
        texts.update(dict.fromkeys(other.texts))
    return replace(first, envelope=first.envelope.with_signatures(tuple(signatures.values())), texts=tuple(texts))


# --- what waits -------------------------------------------------------------------------------------------------------


def keep(workspace: Workspace, parcel: Parcel, folder: str) -> Path:
    """Keep a parcel at the desk, in ``waiting`` or ``pending``; return its file."""
    place = workspace.desk / folder
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    remove(workspace, parcel, folder)
    numbers = [int(path.name.partition("-")[0]) for path in place.glob("*-*.act") if path.name[:6].isdigit()]
    path = place / f"{max(numbers, default=0) + 1:06d}-{parcel.draft.kind}-{payload_mark(parcel)}.act"
    write_atomically(path, parcel.encoded())
    return path


def remove(workspace: Workspace, parcel: Parcel, folder: str) -> None:
    """Take a parcel off the desk, whatever signatures it has there. The same act for another ledger stays."""
    for path, _ in copies_at(workspace, parcel, folder):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def copies_at(workspace: Workspace, parcel: Parcel, folder: str) -> list[tuple[Path, Parcel]]:
    """Return what lies in a folder of the desk of the same act for the same ledger, whoever has signed it."""
    same = (parcel.envelope.payload, parcel.envelope.form, parcel.ledger)
    found = lying(workspace, folder, f"*-{payload_mark(parcel)}.act")
    return [(path, copy) for path, copy in found if (copy.envelope.payload, copy.envelope.form, copy.ledger) == same]


def payload_mark(parcel: Parcel) -> str:
    """Return what tells parcels apart in the names of files, whoever has signed them."""
    return text_digest(parcel.envelope.payload).hex()[:16]


def lying(workspace: Workspace, folder: str, names: str = "*.act") -> Iterator[tuple[Path, Parcel]]:
    """Yield what lies in a folder of the desk, oldest first; what cannot be read is passed over."""
    for path in sorted((workspace.desk / folder).glob(names)):
        with contextlib.suppress(PourparlerError, OSError):
            yield path, parse_parcel(path.read_bytes())


def pending(workspace: Workspace, ledger: Depositary) -> Iterator[Parcel]:
    """Yield what was signed here for a ledger that is kept elsewhere, in the order in which it was signed."""
    return (parcel for _, parcel in lying(workspace, "pending") if parcel.ledger == ledger)
