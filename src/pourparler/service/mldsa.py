"""ML-DSA-44 keys (FIPS 204) that sign. Only a witness has one: ``spec/witness.md`` section 4, ``spec/ledger.md`` 8.

A key is its seed of 32 bytes. Its signatures differ from run to run, for the library draws them. The library is the
extra ``signatures``, imported where such a key is made or opened and nowhere else; what verifies is in the core.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pourparler.ports import KeyTrouble

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

SEED_BYTES, PUBLIC_KEY_BYTES = 32, 1_312


@dataclass(frozen=True, slots=True)
class MlDsaSigner:
    """An ML-DSA-44 key out of its file, for as long as the process keeps it."""

    public_key: bytes
    seed: bytes = field(repr=False)
    private: "MLDSA44PrivateKey" = field(repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Return the signature of ``message``, 2,420 bytes, with an empty context."""
        return self.private.sign(message)


def signer_of(seed: bytes) -> MlDsaSigner:
    """Return the key of a seed. Raises :class:`KeyTrouble` (``key.unsupported``) where no library here can make it."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  an extra, imported on use
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey  # noqa: PLC0415
    except ImportError:  # the library is absent, or older than its ML-DSA
        raise unsupported() from None
    try:
        private = MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:  # the library is new enough, the OpenSSL below it is not
        raise unsupported() from None
    return MlDsaSigner(private.public_key().public_bytes_raw(), seed, private)


def check_here() -> None:
    """Raise :class:`KeyTrouble` (``key.unsupported``) unless ML-DSA-44 keys can be made and opened here."""
    signer_of(bytes(SEED_BYTES))


def unsupported() -> KeyTrouble:
    return KeyTrouble(
        "key.unsupported",
        "ML-DSA-44 keys need what is not installed: cryptography 48 or newer.",
        "Install it: pip install 'pourparler[signatures]'",
    )
