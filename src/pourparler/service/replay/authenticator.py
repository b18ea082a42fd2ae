"""A passkey in software, for a replay: what a browser and an authenticator would return for a vote.

The bytes are those of Web Authentication, and the core checks them as it checks a telephone's (``core.passkey``); what
is missing is the finger, so the flags that say a user was present and verified are this module's word.
"""

import base64
import hashlib
import json
from collections.abc import Mapping

from pourparler.core.act import Act, read_act
from pourparler.core.encoding import (
    ALGORITHM_PASSKEY_ED25519,
    Envelope,
    Signature,
    Value,
    act_id,
    encode,
    kid_of,
)
from pourparler.core.passkey import USER_PRESENT, USER_VERIFIED
from pourparler.ports import Signer
from pourparler.service.drafting import Draft

COUNTER = bytes(4)  # synced passkeys keep none


def registration(member: bytes, device: Signer, site: Mapping[str, str]) -> Value:
    """Return the record by which an organ registers a member's passkey; ``site`` has relying party and origin."""
    return {
        "member": member,
        "algorithm": ALGORITHM_PASSKEY_ED25519,
        "key": device.public_key,
        "relying_party": site["relying_party"],
        "origin": site["origin"],
    }


def signed_by_passkey(draft: Draft, device: Signer, site: Mapping[str, str]) -> Act:
    """Return the vote with the passkey's assertion over its act id in the place of a signature."""
    kid = kid_of(device.public_key)
    unsigned = Envelope(draft.form, draft.payload, (Signature(ALGORITHM_PASSKEY_ED25519, kid, b""),))
    value = assertion(act_id(unsigned, draft.kind), device, site)
    return read_act(draft.envelope([Signature(ALGORITHM_PASSKEY_ED25519, kid, value)]))


def assertion(challenge: bytes, device: Signer, site: Mapping[str, str]) -> bytes:
    """Return the encoded list of authenticatorData, clientDataJSON and signature for a challenge."""
    data = hashlib.sha256(site["relying_party"].encode()).digest() + bytes([USER_PRESENT | USER_VERIFIED]) + COUNTER
    client = {
        "type": "webauthn.get",
        "challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "origin": site["origin"],
        "crossOrigin": False,
    }
    client_data = json.dumps(client, separators=(",", ":")).encode()
    return encode([data, client_data, device.sign(data + hashlib.sha256(client_data).digest())])
