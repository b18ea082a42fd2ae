"""Keys for tests and examples: made from a name, so that every run makes the same bytes. Never for real use."""

import hashlib
from dataclasses import dataclass

from nacl.signing import SigningKey


@dataclass(frozen=True, slots=True)
class Key:
    """An Ed25519 key that anybody can make again from its name."""

    name: str
    public_key: bytes
    secret: SigningKey

    @classmethod
    def from_name(cls, name: str) -> "Key":
        """Return the key of a name: its seed is SHA-256 of ``pourparler testing key``, a space, and the name."""
        secret = SigningKey(hashlib.sha256(b"pourparler testing key " + name.encode()).digest())
        return cls(name, bytes(secret.verify_key), secret)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return bytes(self.secret.sign(message).signature)
