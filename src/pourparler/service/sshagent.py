"""Keys that stay in an ssh-agent: a small client of its protocol, for two questions only.

The agent holds the secret (in memory, in a token, behind a confirmation) and we ask it for its Ed25519 keys and for
signatures. It is another program, perhaps on another machine, so nothing that it says is believed: lengths are
bounded before anything is read, each exchange has a deadline as a whole, and a signature that does not verify under
the key that was asked for never leaves this module.

The protocol is draft-ietf-sshm-ssh-agent: each message is a length of four bytes, a type of one, and a body. We send
``REQUEST_IDENTITIES`` (11) and ``SIGN_REQUEST`` (13), and take ``IDENTITIES_ANSWER`` (12), ``SIGN_RESPONSE`` (14) and
``FAILURE`` (5). A signature of ``ssh-ed25519`` is plain Ed25519 over the very bytes that were sent, which is what an
act wants. Certificates, RSA and security keys (``sk-…``) sign something else and are passed over.

A locked agent shows no keys, exactly as an empty one does; and it says of no failure why it failed. Where only a
guess is possible, the message names both.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from pourparler.ports import KeyTrouble

FAILURE, REQUEST_IDENTITIES, IDENTITIES_ANSWER, SIGN_REQUEST, SIGN_RESPONSE = 5, 11, 12, 13, 14
ED25519 = b"ssh-ed25519"

REPLY_MAX_BYTES = 256 * 1024  # OpenSSH's own bound for a message
IDENTITIES_MAX = 2_048
MESSAGE_MAX_BYTES = 128 * 1024
ANSWER_SECONDS = 10  # a program answers at once
CONFIRM_SECONDS = 120  # before it signs, an agent may ask the person who added the key (ssh-add -c)


@dataclass(frozen=True, slots=True)
class Identity:
    """An Ed25519 key that an agent shows, and the comment under which somebody added it."""

    public_key: bytes
    comment: str


class Agent:
    """The agent behind one socket. Every method opens a connection of its own and raises :class:`KeyTrouble`."""

    def __init__(
        self, path: Path, *, answer_seconds: float = ANSWER_SECONDS, confirm_seconds: float = CONFIRM_SECONDS
    ) -> None:
        self.path = path
        self.answer_seconds = answer_seconds
        self.confirm_seconds = confirm_seconds

    @classmethod
    def here(cls, environment: Mapping[str, str] = os.environ) -> "Agent":
        """Return the agent that ``SSH_AUTH_SOCK`` names. Raises :class:`KeyTrouble` (``agent.absent``)."""
        path = environment.get("SSH_AUTH_SOCK", "")
        if not path:
            raise KeyTrouble(
                "agent.absent",
                "No ssh-agent is known here: SSH_AUTH_SOCK is not set.",
                "Start one with `eval $(ssh-agent)` and add the key with ssh-add.",
            )
        return cls(Path(path))

    def identities(self) -> list[Identity]:
        """Return the Ed25519 keys that the agent shows; none where it is empty, or locked."""
        kind, body = self._ask(bytes([REQUEST_IDENTITIES]), self.answer_seconds)
        if kind == FAILURE:
            raise KeyTrouble(
                "agent.refused", f"The ssh-agent at {self.path} refuses to list its keys.", "Look at ssh-add -l."
            )
        if kind != IDENTITIES_ANSWER:
            raise malformed(f"it answers a listing with a message of type {kind}")
        return read_identities(body)

    def has(self, public_key: bytes) -> bool:
        """Return whether the agent shows a key."""
        return any(identity.public_key == public_key for identity in self.identities())

    def sign(self, public_key: bytes, message: bytes) -> bytes:
        """Return the key's 64-byte Ed25519 signature of ``message``, verified."""
        if len(message) > MESSAGE_MAX_BYTES:
            raise KeyTrouble("agent.too-large", f"An ssh-agent takes {MESSAGE_MAX_BYTES:,} bytes at most.")
        request = bytes([SIGN_REQUEST]) + string(key_blob(public_key)) + string(message) + struct.pack(">I", 0)
        kind, body = self._ask(request, self.confirm_seconds)
        if kind == FAILURE:
            raise self._why_refused(public_key)
        if kind != SIGN_RESPONSE:
            raise malformed(f"it answers a request to sign with a message of type {kind}")
        signature = read_signature(body)
        try:
            VerifyKey(public_key).verify(message, signature)
        except BadSignatureError:
            raise malformed("its signature does not verify under the key that was asked for") from None
        return signature

    def _why_refused(self, public_key: bytes) -> KeyTrouble:
        """Return the likeliest reason for a failure, from what the agent shows now."""
        shown = self.identities()
        key = f"{public_key.hex()[:16]}…"
        if any(identity.public_key == public_key for identity in shown):
            return KeyTrouble(
                "agent.refused",
                f"The ssh-agent holds the key {key} and refuses to sign with it.",
                "Was the confirmation declined? Try again and confirm, or add the key anew with ssh-add.",
            )
        if shown:
            return KeyTrouble(
                "agent.key-gone",
                f"The ssh-agent holds other keys and not {key}.",
                "Add it again with ssh-add; it may have been added for a limited time (ssh-add -t).",
            )
        return KeyTrouble(
            "agent.locked",
            f"The ssh-agent at {self.path} shows no Ed25519 key: it is locked, or empty.",
            "Unlock it with ssh-add -X, or add the key with ssh-add.",
        )

    # The wire.

    def _ask(self, request: bytes, seconds: float) -> tuple[int, bytes]:
        """Send one message and return type and body of the answer, within so many seconds as a whole."""
        deadline = time.monotonic() + seconds
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(seconds)
                connection.connect(str(self.path))
                connection.settimeout(max(0.001, deadline - time.monotonic()))  # sendall counts it as a whole
                connection.sendall(string(request))
                (length,) = struct.unpack(">I", self._read(connection, 4, deadline))
                if not 1 <= length <= REPLY_MAX_BYTES:
                    raise malformed(f"it announces an answer of {length:,} bytes")
                answer = self._read(connection, length, deadline)
        except TimeoutError:
            raise KeyTrouble(
                "agent.silent",
                f"The ssh-agent at {self.path} did not answer within {seconds:g} seconds.",
                "Does it wait for a confirmation somewhere? Is it hung? ssh-add -l shows whether it answers.",
            ) from None
        except KeyTrouble:
            raise
        except OSError as error:
            raise KeyTrouble(
                "agent.absent",
                f"The ssh-agent at {self.path} cannot be reached: {error.strerror or error}.",
                "Is it still running? Start one with `eval $(ssh-agent)` and add the key with ssh-add.",
            ) from error
        return answer[0], answer[1:]

    def _read(self, connection: socket.socket, count: int, deadline: float) -> bytes:
        """Return exactly ``count`` bytes. An agent that sends them one by one gets no more time than another."""
        read = bytearray()
        while len(read) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            part = connection.recv(count - len(read))
            if not part:
                raise malformed("it hung up in the middle of an answer")
            read += part
        return bytes(read)


# --- messages ---------------------------------------------------------------------------------------------------------


def string(data: bytes) -> bytes:
    """Return bytes as the protocol's ``string``: their length, then they themselves."""
    return struct.pack(">I", len(data)) + data


def key_blob(public_key: bytes) -> bytes:
    """Return an Ed25519 public key as ssh names it."""
    return string(ED25519) + string(public_key)


def take(data: bytes) -> tuple[bytes, bytes]:
    """Return the ``string`` that the bytes begin with, and the rest. Raises :class:`KeyTrouble`."""
    if len(data) < 4 or len(data) - 4 < (length := struct.unpack(">I", data[:4])[0]):
        raise malformed("its answer ends before its end")
    return data[4 : 4 + length], data[4 + length :]


def read_identities(body: bytes) -> list[Identity]:
    if len(body) < 4 or (count := struct.unpack(">I", body[:4])[0]) > IDENTITIES_MAX:
        raise malformed("its list of keys has no end")
    rest, found = body[4:], []
    for _ in range(count):
        blob, rest = take(rest)
        comment, rest = take(rest)
        if (public_key := read_key(blob)) is not None:
            found.append(Identity(public_key, comment.decode("utf-8", "replace")))
    if rest:
        raise malformed("something follows its list of keys")
    return found


def read_key(blob: bytes) -> bytes | None:
    """Return the public key in a blob, or None where it is of another kind."""
    kind, rest = take(blob)
    if kind != ED25519:
        return None
    public_key, rest = take(rest)
    if len(public_key) != 32 or rest:
        raise malformed("one of its Ed25519 keys is not 32 bytes long")
    return public_key


def read_signature(body: bytes) -> bytes:
    blob, after = take(body)
    kind, rest = take(blob)
    signature, rest = take(rest)
    if kind != ED25519 or len(signature) != 64 or rest or after:
        raise malformed("its signature is not an Ed25519 signature of 64 bytes")
    return signature


def malformed(what: str) -> KeyTrouble:
    return KeyTrouble(
        "agent.malformed",
        f"The ssh-agent does not keep to the protocol: {what}.",
        "Nothing was signed with it. Is SSH_AUTH_SOCK the socket of an agent that you trust?",
    )
