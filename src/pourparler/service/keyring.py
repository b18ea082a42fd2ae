"""Where a person's keys live: one folder, one small file for each key, readable by its owner only.

A *key file* holds the seed of an Ed25519 key, or of a witness's ML-DSA-44 key, sealed under a passphrase; or it points
at a key that stays in an ssh-agent. No
secret is ever written in the clear, not even for a moment: what reaches the disk is sealed first. A key has one role
for its whole life (``spec/council.md`` section 5), and no key stands in the folder twice.

What a file holds, and in which order it is read, stands in ``spec/keyfile.md``: JSON that can be written in one way
only, so every bit of it has one meaning, and a damaged file is told from a wrong passphrase.

Writing
-------
A file is written under a passing name (``O_EXCL``, mode 0600), synced, and only then given its name; the folder is
synced after that. So a crash leaves the old file or the new one. Writers take turns by a lock on ``.lock``; what a
crash left under a passing name is sealed too, and the next writer removes it.

What this cannot do: a passphrase that is guessed opens a stolen file; an old copy of a file keeps its old passphrase;
and Python leaves traces of an open key in memory until the process ends.
"""

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.signing import SigningKey

from pourparler.ports import KeyTrouble, Signer
from pourparler.service import mldsa
from pourparler.service.sshagent import Agent

FORMAT, ML_DSA_FORMAT = "pourparler/1 key", "pourparler/1 ml-dsa-44 key"
AGENT_FORMAT = "pourparler/1 agent key"
SUFFIX, PASSING = ".key", ".writing"
FILE_MAX_BYTES = 4_096
COMMENT_MAX = 256
NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")
LIKE_AN_ID = re.compile(r"[0-9a-f]{8,}")  # what a command would take for the beginning of an id
MEMORY_KIB, PASSES = (8 * 1024, 512 * 1024), (1, 8)
PASSPHRASE_MIN, PASSPHRASE_MAX_BYTES = 8, 1_024


class Role(StrEnum):
    """What a key is for. Those that a party names, the two that keep and watch a ledger, and one that hands in acts
    by statements about them."""

    MEMBER = "member"
    HOLDER = "holder"
    BEACON = "beacon"
    DISPATCH = "dispatch"
    RECOVERY = "recovery"
    LEDGER = "ledger"
    WITNESS = "witness"
    SUBMITTER = "submitter"


class Algorithm(StrEnum):
    """What a key signs with."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"


class Place(StrEnum):
    """Where the secret of a key is."""

    FILE = "file"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key file says without its passphrase. ``created`` is in seconds since 1970."""

    name: str
    role: Role
    public_key: bytes
    where: Place
    created: int
    comment: str = ""
    algorithm: Algorithm = Algorithm.ED25519


@dataclass(frozen=True, slots=True)
class Cost:
    """What opening a file costs: the second recommendation of RFC 9106, a fifth of a second on an old laptop."""

    memory_kib: int = 64 * 1024
    passes: int = 3


COST = Cost()


@dataclass(frozen=True, slots=True)
class FileSigner:
    """An Ed25519 key out of its file, for as long as the process keeps it."""

    public_key: bytes
    secret: SigningKey = field(repr=False)

    @property
    def seed(self) -> bytes:
        """The 32 bytes that are the key."""
        return bytes(self.secret)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return bytes(self.secret.sign(message).signature)


@dataclass(frozen=True, slots=True)
class AgentSigner:
    """An Ed25519 key in an ssh-agent, which is asked for each signature; raises :class:`KeyTrouble` (``agent.*``)."""

    public_key: bytes
    agent: Agent

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``."""
        return self.agent.sign(self.public_key, message)


OpenKey = FileSigner | mldsa.MlDsaSigner
"""A key whose secret is in memory: ``public_key``, ``seed``, and ``sign``."""


def new_secret(algorithm: Algorithm) -> OpenKey:
    """Return a new key. Raises :class:`KeyTrouble` (``key.unsupported``)."""
    return open_secret(algorithm, secrets.token_bytes(mldsa.SEED_BYTES))  # both kinds are a seed of one length


def open_secret(algorithm: Algorithm, seed: bytes) -> OpenKey:
    """Return the key of a seed. Raises :class:`KeyTrouble` (``key.unsupported``)."""
    if algorithm is Algorithm.ML_DSA_44:
        return mldsa.signer_of(seed)
    secret = SigningKey(seed)
    return FileSigner(bytes(secret.verify_key), secret)


def algorithm_of(key: OpenKey) -> Algorithm:
    return Algorithm.ML_DSA_44 if isinstance(key, mldsa.MlDsaSigner) else Algorithm.ED25519


# --- the folder -------------------------------------------------------------------------------------------------------


class Keyring:
    """The keys in one folder, which is made with the first of them. Every method raises :class:`KeyTrouble`."""

    def __init__(
        self,
        folder: Path | str,
        *,
        cost: Cost = COST,
        now: Callable[[], int] = lambda: int(time.time()),
        agent: Callable[[], Agent] = Agent.here,
    ) -> None:
        self.folder = Path(folder)
        self._cost, self._now, self._agent = cost, now, agent

    # What there is; no passphrase is needed.

    def names(self) -> list[str]:
        """Return the names that have a file, readable or not; none where there is no folder yet."""
        names = (file.removesuffix(SUFFIX) for file in self.files() if file.endswith(SUFFIX))
        return sorted(name for name in names if NAME.fullmatch(name) and not LIKE_AN_ID.fullmatch(name))

    def files(self) -> "list[str]":
        """Return the names of all files in the folder, sorted, whatever they are."""
        try:
            return sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise from_disk(error, self.folder) from error

    def list(self) -> "list[KeyInfo]":
        """Return the keys whose files can be read; :meth:`troubles` says what is wrong with the others."""
        found = []
        for name in self.names():
            with suppress(KeyTrouble):
                found.append(self.info(name))
        return found

    def troubles(self) -> dict[str, KeyTrouble]:
        """Return what is wrong, by name, with each file that cannot be read."""
        found = {}
        for name in self.names():
            try:
                self.info(name)
            except KeyTrouble as trouble:
                found[name] = trouble
        return found

    def info(self, name: str) -> KeyInfo:
        """Return what a key's file says of it."""
        return self._read(name).info(name)

    def public(self, name: str) -> bytes:
        """Return a key's public key: 32 bytes, or 1,312 of an ML-DSA-44 key."""
        return self.info(name).public_key

    def find(self, public_key: bytes) -> KeyInfo | None:
        """Return the key with this public key, or None where no readable file has it."""
        return next((info for info in self.list() if info.public_key == public_key), None)

    def check_free(self, name: str) -> None:
        """Raise :class:`KeyTrouble` (``key.name``, ``key.exists``) unless a new key may have this name."""
        if os.path.lexists(self._path(name)):
            raise KeyTrouble(
                "key.exists",
                f"There is a key {name} already, and nothing overwrites a key.",
                "Choose another name, or see what it is: pourparler key list",
            )

    def check_in_file(self, name: str) -> None:
        """Raise :class:`KeyTrouble` (``key.in-agent``) where a key has no passphrase of ours."""
        if self.info(name).where is Place.AGENT:
            raise KeyTrouble(
                "key.in-agent",
                f"The secret of {name} is in an ssh-agent, and never was in a file here.",
                "Its passphrase and its copies are those of the ssh key: see ssh-keygen -p, and back that file up.",
            )

    # What needs the secret.

    def signer(self, name: str, passphrase: Callable[[str], str], *, role: str | None = None) -> Signer:
        """Return a key that can sign. ``passphrase`` is called with the key's name, for a key in a file only.

        Raises :class:`KeyTrouble` (``key.role``) where ``role`` is given and is not the key's.
        """
        kept = self._read(name)
        check_role(kept.info(name), role)
        if isinstance(kept, InAgent):
            return AgentSigner(kept.public_key, self._agent())
        return kept.opened(passphrase(name), name)

    # What changes the folder.

    def new(self, name: str, role: str, passphrase: str, algorithm: Algorithm = Algorithm.ED25519) -> bytes:
        """Make a key; return its public key. Raises (``key.exists``) where the name is taken, and (``key.unsupported``)
        where nothing here can make an ML-DSA-44 key; of those there are only witnesses'."""
        check_name(name)
        kind = read_role(role)
        check_kind(kind, algorithm)
        sealed = Sealed.make(kind, self._now(), new_secret(algorithm), passphrase, self._cost)
        self._add(name, sealed)
        return sealed.public_key

    def agent(self, name: str, role: str, public_key: bytes, comment: str = "") -> bytes:
        """Point at a key in the ssh-agent, once it has signed a trial message; return its public key."""
        check_name(name)
        kept = InAgent(read_role(role), public_key, self._now(), printable(comment))
        self._agent().sign(public_key, b"pourparler: a trial signature " + secrets.token_bytes(32))
        self._add(name, kept)
        return public_key

    def change_passphrase(self, name: str, old: str, new: str) -> None:
        """Seal a key anew. Copies of the old file, wherever they are, still open with the old passphrase."""
        again = self._resealed(name, old, new)
        with self._writing():
            if self._read(name).public_key != again.public_key:
                raise KeyTrouble("key.changed", f"The key {name} was replaced meanwhile.", "Look, and try again.")
            self._write(self._path(name), again.written())

    def export(self, name: str, passphrase: str, new: str, path: Path) -> None:
        """Write a key into a new file outside the folder, sealed under a passphrase of its own."""
        again = self._resealed(name, passphrase, new)
        if os.path.lexists(path):
            raise KeyTrouble("key.exists", f"{path} exists, and a key overwrites nothing.", "Name a new file.")
        self._write(path, again.written(), fresh=True)

    def import_(self, name: str, data: bytes, passphrase: str) -> KeyInfo:
        """Take in an exported file, once its passphrase has opened it; return what it is."""
        check_name(name)
        kept = parse(data, "The file")
        if isinstance(kept, InAgent):
            raise KeyTrouble(
                "key.in-agent",
                "This file only points at a key in an ssh-agent, and holds no key.",
                "Add the key to the agent on this machine, then: pourparler key agent NAME --role ROLE",
            )
        kept.opened(passphrase, name)
        self._add(name, kept)
        return kept.info(name)

    def delete(self, name: str) -> KeyInfo:
        """Remove a key's file; return what it was. What the disk or a backup still holds of it stays sealed."""
        path = self._path(name)
        with self._writing():
            info = self.info(name)
            try:
                path.unlink()
                sync_folder(self.folder)
            except OSError as error:
                raise from_disk(error, path) from error
        return info

    # Files.

    def _path(self, name: str) -> Path:
        check_name(name)
        return self.folder / f"{name}{SUFFIX}"

    def _read(self, name: str) -> "Sealed | InAgent":
        path = self._path(name)
        check_folder(self.folder)
        try:
            data = read_private(path)
        except KeyTrouble:
            raise
        except FileNotFoundError:
            known = ", ".join(self.names())
            do = f"There are: {known}." if known else "Make one: pourparler key new NAME --role ROLE"
            raise KeyTrouble("key.absent", f"There is no key {name} in {self.folder}.", do) from None
        except OSError as error:
            raise from_disk(error, path) from error
        return parse(data, str(path))

    def _resealed(self, name: str, old: str, new: str) -> "Sealed":
        self.check_in_file(name)
        kept = self._read(name)
        assert isinstance(kept, Sealed)
        signer = kept.opened(old, name)
        return Sealed.make(kept.role, kept.created, signer, new, self._cost)

    def _add(self, name: str, kept: "Sealed | InAgent") -> None:
        """Write a file under a name that is free, for a key that is not here yet."""
        path = self._path(name)
        with self._writing():
            self.check_free(name)
            if other := self.find(kept.public_key):
                raise KeyTrouble(
                    "key.role" if other.role != kept.role else "key.exists",
                    f"This very key is here already, as {other.name}, a {other.role} key.",
                    "No key serves two roles, and one name is enough: use it under that name, or make a new key.",
                )
            self._write(path, kept.written())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the only writer of the folder, which is made if need be; sweep up what a crash has left."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise from_disk(error, self.folder) from error
        check_folder(self.folder)
        try:
            lock = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_disk(error, self.folder) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for file in self.folder.glob(f".*{PASSING}"):
                with suppress(OSError):
                    file.unlink()
            yield
        finally:
            os.close(lock)

    def _write(self, path: Path, data: bytes, *, fresh: bool = False) -> None:
        """Let a file have this content, whole and durable, or leave it as it was. ``fresh``: it must not exist."""
        passing = path.parent / f".{path.name}.{secrets.token_hex(8)}{PASSING}"
        try:
            write_private(passing, data)
            try:
                if not (fresh and linked(passing, path)):
                    passing.replace(path)
            finally:
                passing.unlink(missing_ok=True)
            sync_folder(path.parent)
        except OSError as error:
            raise from_disk(error, path) from error


# --- the two kinds of file --------------------------------------------------------------------------------------------


FORMATS = {Algorithm.ED25519: FORMAT, Algorithm.ML_DSA_44: ML_DSA_FORMAT}
PUBLIC_KEY_BYTES = {Algorithm.ED25519: 32, Algorithm.ML_DSA_44: mldsa.PUBLIC_KEY_BYTES}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A key file whose secret is sealed in it."""

    role: Role
    public_key: bytes
    created: int
    cost: Cost
    salt: bytes
    nonce: bytes
    sealed: bytes
    algorithm: Algorithm = Algorithm.ED25519

    @classmethod
    def make(cls, role: Role, created: int, secret: OpenKey, passphrase: str, cost: Cost) -> "Sealed":
        """Seal a secret under a new passphrase, with a fresh salt and nonce."""
        check_passphrase(passphrase)
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(24)
        unsealed = cls(role, secret.public_key, created, cost, salt, nonce, b"", algorithm_of(secret))
        key = unsealed._key(passphrase)
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(secret.seed, unsealed._bound(), nonce, key)
        return replace(unsealed, sealed=sealed)

    def opened(self, passphrase: str, name: str) -> OpenKey:
        """Return the key. Raises :class:`KeyTrouble` (``key.passphrase``, ``key.unsupported``)."""
        key = self._key(passphrase)
        try:
            seed = crypto_aead_xchacha20poly1305_ietf_decrypt(self.sealed, self._bound(), self.nonce, key)
        except CryptoError:
            raise KeyTrouble(
                "key.passphrase",
                f"This passphrase does not open the key {name}.",
                "Try again; mind the keyboard's layout and caps lock. Without it the key is lost: docs/keys.md.",
            ) from None
        found = open_secret(self.algorithm, seed)
        if found.public_key != self.public_key:
            raise damaged(f"The file of {name}", "what is sealed in it is another key than it says")
        return found

    def info(self, name: str) -> KeyInfo:
        return KeyInfo(name, self.role, self.public_key, Place.FILE, self.created, algorithm=self.algorithm)

    def written(self) -> bytes:
        """Return the file's bytes."""
        return with_sum(self._members() | {"sealed": self.sealed.hex()})

    def _members(self) -> dict[str, Any]:
        kdf = {"name": "argon2id", "memory_kib": self.cost.memory_kib, "passes": self.cost.passes}
        return {
            "format": FORMATS[self.algorithm],
            "role": str(self.role),
            "public": self.public_key.hex(),
            "created": self.created,
            "kdf": kdf | {"salt": self.salt.hex()},
            "cipher": "xchacha20-poly1305",
            "nonce": self.nonce.hex(),
        }

    def _bound(self) -> bytes:
        """Return the associated data of the seal."""
        return canonical(self._members())

    def _key(self, passphrase: str) -> bytes:
        """Return the cipher's key. Cost: the file's memory and time, which are bounded before this is called."""
        memory = self.cost.memory_kib * 1024
        try:
            return argon2id.kdf(32, normal(passphrase), self.salt, opslimit=self.cost.passes, memlimit=memory)
        except (CryptoError, MemoryError):
            raise KeyTrouble(
                "key.memory",
                f"There are not {memory // 2**20:,} MiB of memory to open a key with.",
                "Close something else, or raise this process's limit.",
            ) from None


@dataclass(frozen=True, slots=True)
class InAgent:
    """A key file that points at a key in an ssh-agent."""

    role: Role
    public_key: bytes
    created: int
    comment: str

    def info(self, name: str) -> KeyInfo:
        return KeyInfo(name, self.role, self.public_key, Place.AGENT, self.created, self.comment)

    def written(self) -> bytes:
        """Return the file's bytes."""
        return with_sum(
            {
                "format": AGENT_FORMAT,
                "role": str(self.role),
                "public": self.public_key.hex(),
                "created": self.created,
                "comment": self.comment,
            }
        )


def canonical(members: dict[str, Any]) -> bytes:
    """Return the one way in which an object is written."""
    return (json.dumps(members, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def with_sum(members: dict[str, Any]) -> bytes:
    return canonical(members | {"sum": hashlib.sha256(canonical(members)).hexdigest()})


def parse(data: bytes, where: str) -> Sealed | InAgent:
    """Return what a key file's bytes say; steps 2 to 4 of the format. ``where`` names the file in a message."""
    if not data:
        raise damaged(where, "it is empty")
    if len(data) > FILE_MAX_BYTES:
        raise damaged(where, f"it is larger than {FILE_MAX_BYTES:,} bytes")
    try:
        members = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(where, "it is no JSON, or it is cut off") from None
    kind = members.get("format") if isinstance(members, dict) else None
    if not isinstance(kind, str):
        raise damaged(where, "it is not a key file")
    readers: dict[str, Callable[[dict[str, Any]], Sealed | InAgent]] = {
        FORMAT: partial(read_sealed, Algorithm.ED25519),
        ML_DSA_FORMAT: partial(read_sealed, Algorithm.ML_DSA_44),
        AGENT_FORMAT: read_in_agent,
    }
    if kind not in readers:
        raise KeyTrouble(
            "key.format",
            f"{where} has the format {printable(kind)!r}, which this version does not know.",
            "Was it written by a newer version? Use that one; or restore the file from your copy.",
        )
    try:
        kept = readers[kind](members)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise damaged(where, f"a part of it is missing or out of bounds ({error})") from None
    if kept.written() != data:
        raise damaged(where, "it is not as it was written: a bit has changed, or an editor or mail program touched it")
    return kept


def read_sealed(algorithm: Algorithm, members: dict[str, Any]) -> Sealed:
    kdf, role = members["kdf"], Role(members["role"])
    if not fits(role, algorithm):
        raise ValueError("role")
    cost = Cost(bounded(kdf["memory_kib"], *MEMORY_KIB), bounded(kdf["passes"], *PASSES))
    return Sealed(
        role,
        hexed(members["public"], PUBLIC_KEY_BYTES[algorithm]),
        bounded(members["created"], 0, 2**48),
        cost,
        hexed(kdf["salt"], 16),
        hexed(members["nonce"], 24),
        hexed(members["sealed"], 48),
        algorithm,
    )


def read_in_agent(members: dict[str, Any]) -> InAgent:
    comment = members["comment"]
    if not isinstance(comment, str) or comment != printable(comment):
        raise ValueError("comment")
    created = bounded(members["created"], 0, 2**48)
    return InAgent(Role(members["role"]), hexed(members["public"], 32), created, comment)


def bounded(value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"a number from {least:,} to {most:,}")
    return value


def hexed(value: Any, count: int) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * count:
        raise ValueError(f"{2 * count} hex digits")
    return bytes.fromhex(value)


def printable(text: str) -> str:
    """Return a stranger's comment, short, in signs that can be printed."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:COMMENT_MAX])


def damaged(where: str, what: str) -> KeyTrouble:
    return KeyTrouble(
        "key.damaged", f"{where} is damaged: {what}.", "Put the file that you exported or backed up in its place."
    )


# --- names, roles, passphrases ----------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Raise :class:`KeyTrouble` (``key.name``) unless a key may have this name."""
    if not NAME.fullmatch(name) or LIKE_AN_ID.fullmatch(name):
        raise KeyTrouble(
            "key.name",
            f"{printable(name)!r} is no name for a key.",
            "Take small letters, digits, and inside the name . _ or -; 64 at most, and not like the digits of an id.",
        )


def check_role(info: KeyInfo, role: str | None) -> None:
    """Raise :class:`KeyTrouble` (``key.role``) where a role is asked for that is not the key's."""
    if role is not None and info.role != role:
        raise KeyTrouble(
            "key.role",
            f"The key {info.name} is a {info.role} key, and this takes a {role} key.",
            f"Name another key, or make one: pourparler key new NAME --role {role}",
        )


def fits(role: Role, algorithm: Algorithm) -> bool:
    """Whether there are keys of this role and algorithm: what verifies acts and checkpoints of ours is Ed25519."""
    return algorithm is Algorithm.ED25519 or role is Role.WITNESS


def check_kind(role: Role, algorithm: Algorithm) -> None:
    """Raise :class:`KeyTrouble` (``key.role``) unless there are such keys."""
    if not fits(role, algorithm):
        raise KeyTrouble(
            "key.role",
            f"A {role} key signs with Ed25519, never with {algorithm}.",
            "Only a witness may have such a key.",
        )


def read_role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        known = ", ".join(Role)
        raise KeyTrouble("key.role", f"{role!r} is no role of a key.", f"The roles are: {known}.") from None


def normal(passphrase: str) -> bytes:
    """Return the bytes of a passphrase: the same ones, however a keyboard composes its accents."""
    try:
        return unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError:
        raise KeyTrouble("key.passphrase", "The passphrase is not text in UTF-8.", "Type it again.") from None


def check_passphrase(passphrase: str) -> None:
    """Raise :class:`KeyTrouble` (``key.weak``) for a new passphrase that protects nothing, or has no end."""
    if len(passphrase) < PASSPHRASE_MIN or len(set(passphrase)) < 3:
        raise KeyTrouble(
            "key.weak",
            f"A passphrase has {PASSPHRASE_MIN} characters or more, and more than two different ones.",
            "Four or five words that nobody would put together are easy to remember and hard to guess.",
        )
    if len(normal(passphrase)) > PASSPHRASE_MAX_BYTES:
        raise KeyTrouble("key.weak", f"A passphrase has {PASSPHRASE_MAX_BYTES:,} bytes at most.", "Take a shorter one.")


# --- the disk ---------------------------------------------------------------------------------------------------------


def check_folder(folder: Path) -> None:
    """Raise :class:`KeyTrouble` unless the folder is the user's own and nobody else's business."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise from_disk(error, folder) from error
    check_owner(found, folder, "0700")


def check_owner(found: os.stat_result, path: Path, mode: str) -> None:
    if found.st_uid != os.geteuid():
        raise KeyTrouble(
            "key.owner",
            f"{path} belongs to user {found.st_uid}, and you are user {os.geteuid()}.",
            f"Run this as its owner, or make it yours: chown {os.geteuid()} {path}",
        )
    if found.st_mode & 0o077:
        raise KeyTrouble(
            "key.mode",
            f"{path} is open to others on this machine (mode {stat.S_IMODE(found.st_mode):04o}).",
            f"Close it: chmod {mode} {path}. If others could copy the file, its passphrase is all that protects it.",
        )


def read_private(path: Path) -> bytes:
    """Return the bytes of a file that is the user's own; step 1 of the format. Never waits on a pipe or device."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise damaged(str(path), "it is not a plain file")
        check_owner(found, path, "0600")
        return os.read(descriptor, FILE_MAX_BYTES + 1)
    finally:
        os.close(descriptor)


def write_private(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read, and return once it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with suppress(OSError):  # a stick with a file system that knows no modes: what is written is sealed
                os.fchmod(descriptor, 0o600)
            file.write(data)
            file.flush()
            sync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def sync(descriptor: int) -> None:
    """Return once what was written is on the disk itself, also where fsync only reaches the disk's cache."""
    os.fsync(descriptor)
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        with suppress(OSError):  # not every file system knows it
            fcntl.fcntl(descriptor, full)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems sync no folders, and say so
            raise
    finally:
        os.close(descriptor)


def linked(passing: Path, path: Path) -> bool:
    """Give a file a second name unless that exists, which no race can spoil; False where links are not known."""
    try:
        os.link(passing, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        return False
    return True


def from_disk(error: OSError, path: Path) -> KeyTrouble:
    """Return what the operating system said as a trouble of ours."""
    advice = {
        errno.ENOSPC: "The disk is full: make room and try again. Nothing was changed.",
        errno.EDQUOT: "Your share of the disk is used up: make room and try again. Nothing was changed.",
        errno.EROFS: "The disk is read-only: choose another folder.",
        errno.EACCES: "Look at the owner and the mode of the folder.",
        errno.EPERM: "Look at the owner and the mode of the folder, and whether its disk can hold private files.",
        errno.EEXIST: "Name a new file: a key overwrites nothing.",
    }
    what = f"{path} cannot be used: {error.strerror or error}."
    return KeyTrouble("key.disk", what, advice.get(error.errno or 0, "Look at the disk and at the path."))
