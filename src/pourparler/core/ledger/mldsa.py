"""ML-DSA-44 (FIPS 204): the signature type 0x06 of c2sp.org/tlog-cosignature. Specification: ``spec/ledger.md`` 8.

Unlike the Ed25519 cosignature it holds the cosigner's name, and it says what was seen as a range of entries, so that
subtrees can be signed, too; of a checkpoint the range is the whole tree. It does not hold extension lines. The library
that verifies is an extra: it is imported where a signature is verified and nowhere else.
"""

from pourparler.core.errors import Missing

SIGNATURE_BYTES = 2_420
LABEL = b"subtree/v1\n\0"
NAME_MAX_BYTES = 255  # a name and an origin have a length of one byte before them


def subtree_message(cosigner: str, time: int, origin: str, start: int, end: int, hash_: bytes) -> bytes:
    """Return what an ML-DSA-44 cosigner signs of the entries ``[start, end)``, whose subtree has the root ``hash_``.

    Name and origin have 1 to 255 bytes of UTF-8, the numbers 0 to 2^63 - 1, the hash 32 bytes: the caller has checked.
    """
    numbers = b"".join(number.to_bytes(8, "big") for number in (start, end))
    return LABEL + counted(cosigner) + time.to_bytes(8, "big") + counted(origin) + numbers + hash_


def counted(text: str) -> bytes:
    data = text.encode()
    return bytes([len(data)]) + data


def verifies(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether 2,420 bytes are the ML-DSA-44 signature of ``message``, with an empty context, by a key of 1,312 bytes.

    Raises :class:`Missing` (``note.unsupported``) where no library is there that can tell.
    """
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
    except ImportError:  # the library is absent, or older than its ML-DSA
        raise unsupported() from None
    try:
        MLDSA44PublicKey.from_public_bytes(public_key).verify(signature, message)
    except UnsupportedAlgorithm:  # the library is new enough, the OpenSSL below it is not
        raise unsupported() from None
    except (InvalidSignature, ValueError):
        return False
    return True


def unsupported() -> Missing:
    return Missing("note.unsupported", "install pourparler[signatures] to check signatures of type ML-DSA-44")
