"""Drafting: from a kind and its fields to a signed act. What each field means stands in ``spec/act.md``.

>>> from pourparler.testing.keys import Key
>>> holder = Key.from_name("a negotiator")
>>> act = draft("reply", {"by": bytes(32), "about": bytes(32)}).signed_by(holder)
>>> act.kind
'reply'
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from pourparler.core.act import SINGLE, Act, Issuer, Power, act_in, check_payload, issuer_of
from pourparler.core.encoding import (
    ALGORITHM_ED25519,
    Envelope,
    Form,
    Signature,
    Value,
    encode,
    kid_of,
    to_be_signed,
)
from pourparler.core.errors import Malformed
from pourparler.ports import Signer


@dataclass(frozen=True, slots=True)
class Draft:
    """A payload that nobody has signed yet, and the form in which it is to be signed."""

    kind: str
    payload: bytes
    form: Form
    fields: Mapping[str, Value] = field(compare=False, repr=False)  # what ``payload`` encodes

    def signed_by(self, *signers: Signer) -> Act:
        """Return the act with these signatures, in ascending order of their keys; one signer for a COSE_Sign1.

        Raises :class:`OSError` where a signer cannot sign.
        """
        return self.joined([self.signature(signer) for signer in sorted(signers, key=key_of)])

    def signature(self, signer: Signer) -> Signature:
        """Return one detached signature, to be collected with others into :meth:`joined`."""
        unsigned = Signature(ALGORITHM_ED25519, kid_of(signer.public_key), b"")
        envelope = Envelope(self.form, self.payload, (unsigned,))
        return Signature(unsigned.algorithm, unsigned.kid, signer.sign(to_be_signed(envelope, unsigned, self.kind)))

    def joined(self, signatures: Sequence[Signature]) -> Act:
        """Return the act with signatures that were collected apart. The intake removes strangers' and double ones.

        Raises :class:`Malformed` (``act.form``) where one key speaks, and others have signed as well or nobody has.
        """
        if self.form is Form.SIGN1 and len(signatures) != 1:
            raise Malformed("act.form", f"{self.kind} is spoken by one key, and {len(signatures)} have signed")
        return act_in(self.envelope(signatures), self.fields)

    def envelope(self, signatures: Sequence[Signature]) -> Envelope:
        """Return the envelope with these signatures in this order, good or not: nothing is checked here."""
        return Envelope(self.form, self.payload, tuple(signatures))


def key_of(signer: Signer) -> bytes:
    """Return a signer's public key: members sign in ascending order of these."""
    return signer.public_key


def draft(kind: str, fields: Mapping[str, Value], *, several: bool = False) -> Draft:
    """Return the draft of an act. ``several`` chooses COSE_Sign for a holder who speaks with several keys.

    Raises :class:`Malformed` (``act.*``, ``cbor.*``) where the fields are not those of the kind.
    """
    payload = {"kind": kind, **fields}
    check_payload(payload)
    issuer = issuer_of(kind, fields)
    single = issuer in SINGLE or (issuer is Issuer.HOLDER and not several)
    return Draft(kind, encode(payload), Form.SIGN1 if single else Form.SIGN, payload)


def powers(*names: str) -> int:
    """Return the wire form of powers by their names: ``powers("open", "propose")`` is 3.

    Raises :class:`KeyError` for a name that is no power.
    """
    return int(reduce(lambda left, right: left | right, (Power[name.upper().replace("-", "_")] for name in names)))
