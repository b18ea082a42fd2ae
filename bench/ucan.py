"""UCAN 1.0 in its wire layout, for its bytes alone: no Python library writes it.

An envelope is ``[signature, {"h": varsig header, tag: payload}]`` in DAG-CBOR; proofs are links (CIDv1, SHA-256) to the
delegations, which travel beside the invocation. Issuer, audience and subject are ``did:key`` texts.
"""

import hashlib
from typing import Any

import libipld

from bench.material import FAR, text_of
from pourparler.core.redline import text_digest
from pourparler.testing.keys import Key

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
VARSIG_ED25519 = bytes.fromhex("3401ed01ed011371")  # varsig 1, EdDSA, edwards25519, SHA-512, DAG-CBOR
CID_DAG_CBOR_SHA256 = bytes.fromhex("01711220")


def did(key: Key) -> str:
    number = int.from_bytes(b"\xed\x01" + key.public_key)
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return f"did:key:z{digits}"


def enveloped(tag: str, payload: dict[str, Any], signer: Key) -> bytes:
    signed = {"h": VARSIG_ED25519, tag: payload}
    return bytes(libipld.encode_dag_cbor([signer.sign(libipld.encode_dag_cbor(signed)), signed]))


def delegation(issuer: Key, audience: Key, subject: Key, policy: list[Any]) -> bytes:
    payload = {"iss": did(issuer), "aud": did(audience), "sub": did(subject), "cmd": "/text/conclude", "pol": policy}
    return enveloped("ucan/dlg@1.0.0-rc.1", {**payload, "nonce": bytes(range(12)), "exp": FAR}, issuer)


def ucan_bytes() -> int:
    """Return the bytes of three delegations, two conditions in the first, and the invocation under them."""
    keys = [Key.from_name(f"ucan {number}") for number in range(4)]
    policy = [["<=", ".price", 9200], ["<", ".force", 1_798_675_200]]
    links = [delegation(keys[n], keys[n + 1], keys[0], policy if n == 0 else []) for n in range(3)]
    cids = [CID_DAG_CBOR_SHA256 + hashlib.sha256(link).digest() for link in links]
    text = text_of(0)
    args = {"dossier": bytes(range(32)), "text": text_digest(text), "price": 9000, "force": 1_796_083_200}
    act = {"iss": did(keys[3]), "sub": did(keys[0]), "cmd": "/text/conclude", "args": args, "prf": cids}
    invocation = enveloped("ucan/inv@1.0.0-rc.1", {**act, "nonce": bytes(range(12)), "exp": FAR}, keys[3])
    return sum(map(len, links)) + len(invocation)
