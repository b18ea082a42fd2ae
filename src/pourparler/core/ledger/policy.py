"""Policies: whose word suffices (c2sp.org/tlog-policy)."""

from collections.abc import Collection
from dataclasses import dataclass

from pourparler.core import limits
from pourparler.core.errors import Malformed, Refused
from pourparler.core.ledger.note import LEDGER_KEY_TYPES, WITNESS_KEY_TYPES, VerifierKey, parse_decimal, parse_vkey

POLICY_FORBIDDEN = bytes(set(range(0x20)) - {0x09, 0x0A} | {0x7F})


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A ledger that the policy accepts: the name of its ``key`` is its origin. ``url`` is empty where none is given."""

    key: VerifierKey
    url: bytes = b""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness under the name that it has in this policy only (octets, never compared as text)."""

    name: bytes
    key: VerifierKey
    url: bytes = b""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group: it has witnessed a checkpoint when at least ``threshold`` of its members have."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A trust policy. Groups stand in order of definition; ``quorum`` is None where no cosignature is asked for."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: bytes | None


def quorum_met(policy: Policy, cosigners: Collection[bytes]) -> bool:
    """Whether the witnesses with these public keys make up the policy's quorum; always, where it asks for none.

    ``cosigners`` is what :meth:`OpenCheckpoint.cosigners` returns. Keys that the policy does not list do not count.
    """
    witnessed = {witness.name for witness in policy.witnesses if witness.key.public_key in cosigners}
    for group in policy.groups:
        if sum(member in witnessed for member in group.members) >= group.threshold:
            witnessed.add(group.name)
    return policy.quorum is None or policy.quorum in witnessed


def parse_policy(data: bytes) -> Policy:
    """Return the policy that a policy file states.

    Raises :class:`Malformed` (``policy.too-large``, ``policy.octet``, ``policy.line``, ``policy.threshold``, and
    ``note.key``, ``note.key-name`` for a vkey) or :class:`Refused` (``policy.too-many``, ``policy.key-type``,
    ``policy.duplicate-key``, ``policy.duplicate-name``, ``policy.unknown-name``, ``policy.member-twice``,
    ``policy.quorum``, and ``note.key-type``, ``note.key-id``, ``note.key-point`` for a vkey).
    """
    if len(data) > limits.TLOG_POLICY_MAX_BYTES:
        raise Malformed("policy.too-large", f"{len(data)} bytes; at most {limits.TLOG_POLICY_MAX_BYTES}")
    if data.translate(None, POLICY_FORBIDDEN) != data:
        raise Malformed("policy.octet", "a policy has no control characters but tab and newline")
    *lines, rest = data.split(b"\n")
    if rest:
        raise Malformed("policy.line", "the last line has no newline: the file may be cut short")
    draft = PolicyDraft()
    for line in lines:
        draft.read(line.split())
    return draft.finished()


class PolicyDraft:
    """A policy while its lines are read. Every name is defined before it is used."""

    def __init__(self) -> None:
        self.logs: list[PolicyLog] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[PolicyGroup] = []
        self.quorums: list[bytes] = []
        self.names: set[bytes] = set()
        self.members: set[bytes] = set()

    def read(self, fields: list[bytes]) -> None:
        """Take in one line, given as its fields."""
        match fields:
            case []:
                pass
            case [word, *_] if word.startswith(b"#"):
                pass
            case [b"log", vkey, *url] if len(url) <= 1:
                self.add_log(parse_policy_key(vkey), b"".join(url))
            case [b"witness", name, vkey, *url] if len(url) <= 1:
                self.add_witness(name, parse_policy_key(vkey), b"".join(url))
            case [b"group", name, threshold, *members] if members:
                self.add_group(name, threshold, members)
            case [b"quorum", name]:
                self.set_quorum(name)
            case _:
                raise Malformed("policy.line", "a line is log, witness, group or quorum with its fields, or a comment")

    def add_log(self, key: VerifierKey, url: bytes) -> None:
        if key.type not in LEDGER_KEY_TYPES:
            raise Refused("policy.key-type", "a log's key is of type 0x01 or 0x06")
        self.check_key(key, [log.key for log in self.logs])
        self.logs.append(PolicyLog(key, url))

    def add_witness(self, name: bytes, key: VerifierKey, url: bytes) -> None:
        if key.type not in WITNESS_KEY_TYPES:
            raise Refused("policy.key-type", "a witness's key is of type 0x04 or 0x06")
        self.check_key(key, [witness.key for witness in self.witnesses])
        self.define(name)
        self.witnesses.append(PolicyWitness(name, key, url))

    def add_group(self, name: bytes, threshold: bytes, members: list[bytes]) -> None:
        for member in members:
            if member not in self.names:
                raise Refused("policy.unknown-name", "a group's members are defined on the lines before it")
            if member in self.members:
                raise Refused("policy.member-twice", "a name is a member once, in one group")
            self.members.add(member)
        self.define(name)
        self.groups.append(PolicyGroup(name, parse_threshold(threshold, len(members)), tuple(members)))

    def set_quorum(self, name: bytes) -> None:
        if name != b"none" and name not in self.names:
            raise Refused("policy.unknown-name", "the quorum is a witness or group defined on the lines before it")
        self.quorums.append(name)

    def define(self, name: bytes) -> None:
        if name == b"none" or name in self.names:
            raise Refused("policy.duplicate-name", "witnesses and groups share one set of names; none is taken")
        self.names.add(name)

    def check_key(self, key: VerifierKey, others: list[VerifierKey]) -> None:
        if len(others) >= limits.TLOG_POLICY_KEYS_MAX:
            raise Refused("policy.too-many", f"at most {limits.TLOG_POLICY_KEYS_MAX} logs and as many witnesses")
        if any(key.public_key == other.public_key for other in others):
            raise Refused("policy.duplicate-key", "the public key is listed before, under whatever name")

    def finished(self) -> Policy:
        if len(self.quorums) != 1:
            raise Refused("policy.quorum", f"{len(self.quorums)} quorum lines; exactly one")
        quorum = None if self.quorums == [b"none"] else self.quorums[0]
        return Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), quorum)


def parse_policy_key(vkey: bytes) -> VerifierKey:
    try:
        return parse_vkey(vkey.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("note.key", "a vkey is UTF-8") from None


def parse_threshold(text: bytes, members: int) -> int:
    """Return how many of ``members`` a group needs: ``any`` is 1, ``all`` is every one."""
    threshold = {b"any": 1, b"all": members}.get(text) or parse_decimal(text.decode("latin-1"))
    if threshold is None or not 1 <= threshold <= members:
        raise Malformed("policy.threshold", f"a threshold is any, all or a number from 1 to {members}")
    return threshold
