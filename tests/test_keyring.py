"""The keyring: what is on the disk, what each broken file is answered with, what a crash or a race leaves behind."""

import copy
import hashlib
import json
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from nacl.signing import SigningKey, VerifyKey

from pourparler.ports import KeyTrouble
from pourparler.service import keyring
from pourparler.service.keyring import Algorithm, Cost, FileSigner, Keyring, Place, Role, parse
from pourparler.service.mldsa import MlDsaSigner

ROOT = Path(__file__).resolve().parent.parent
CHEAP = Cost(8 * 1024, 1)  # the least that the format allows
WORDS = "correct horse battery"
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "keys", cost=CHEAP, now=lambda: 1_764_000_000)


def refused(reason: str, do: Callable[[], object]) -> KeyTrouble:
    """Do what must be refused for this reason; return the trouble, which says what to do."""
    with pytest.raises(KeyTrouble) as raised:
        do()
    assert raised.value.reason == reason, raised.value
    assert raised.value.what.endswith(".")
    assert raised.value.do
    return raised.value


def opened(ring: Keyring, name: str, passphrase: str = WORDS) -> FileSigner:
    signer = ring.signer(name, lambda _: passphrase)
    assert isinstance(signer, FileSigner)
    return signer


def rewritten(path: Path, **changes: object) -> bytes:
    """Return a key file with members changed by somebody who knows the format, and its sum made right again."""
    members = json.loads(path.read_text())
    del members["sum"]
    for name, value in changes.items():
        (members["kdf"] if name in members["kdf"] else members)[name] = value
    return keyring.with_sum(members)


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what a key is ----------------------------------------------------------------------------------------------------


def test_a_new_key_signs_and_is_found_without_its_passphrase(ring: Keyring) -> None:
    public = ring.new("ann", "member", WORDS)
    signer = opened(ring, "ann")
    VerifyKey(public).verify(b"message", signer.sign(b"message"))
    (info,) = ring.list()
    assert (info.name, info.role, info.public_key, info.where) == ("ann", Role.MEMBER, public, Place.FILE)
    assert info.created == 1_764_000_000
    assert (ring.public("ann"), ring.find(public), ring.find(bytes(32))) == (public, info, None)
    assert ring.troubles() == {}


def test_only_the_owner_may_enter(ring: Keyring) -> None:
    before = os.umask(0)
    try:
        ring.new("ann", "member", WORDS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(ring.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in ring.folder.iterdir()} == {0o600}


def test_no_secret_reaches_the_disk(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the end nor under way: every file is looked at each time that something is synced."""
    seen: list[bytes] = []
    sync = os.fsync

    def looking(descriptor: int) -> None:
        seen.extend(path.read_bytes() for path in ring.folder.rglob("*"))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", looking)
    ring.new("ann", "member", WORDS)
    ring.change_passphrase("ann", WORDS, "another passphrase")
    ring.export("ann", "another passphrase", "one for the copy", ring.folder.parent / "copy")
    ml_dsa(ring)
    seed = bytes(opened(ring, "ann", "another passphrase").secret)
    lattice = ring.signer("ml-dsa", lambda _: WORDS)
    assert isinstance(lattice, MlDsaSigner)
    seen += [path.read_bytes() for path in ring.folder.parent.rglob("*") if path.is_file()]
    assert len(seen) > 8
    for data in seen:
        for secret in (
            seed,
            seed.hex().encode(),
            lattice.seed,
            lattice.seed.hex().encode(),
            WORDS.encode(),
            b"another passphrase",
        ):
            assert secret not in data


def test_an_open_key_does_not_show_itself(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    signer = opened(ring, "ann")
    assert bytes(signer.secret).hex() not in repr(signer)
    assert "secret" not in repr(signer)


# --- the format, opened by other code ---------------------------------------------------------------------------------


def rotated(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & 0xFFFFFFFF


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """draft-irtf-cfrg-xchacha section 2.2, as it stands there."""
    state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce)]

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for one, two, three, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[one] = (state[one] + state[two]) & 0xFFFFFFFF
            state[three] = rotated(state[three] ^ state[one], by)

    for _ in range(10):
        for at in range(4):
            quarter(at, at + 4, at + 8, at + 12)
        for at in range(4):
            quarter(at, (at + 1) % 4 + 4, (at + 2) % 4 + 8, (at + 3) % 4 + 12)
    return struct.pack("<8I", *state[:4], *state[12:])


def test_hchacha20_is_that_of_the_draft() -> None:
    found = hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927"))
    assert found.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"


def test_other_code_opens_a_file_by_the_format_alone(tmp_path: Path) -> None:
    """Argon2id of another library, XChaCha20 by hand: what spec/keyfile.md says is all that one needs."""
    ring = Keyring(tmp_path / "keys")
    ring.new("ann", "recovery", "Zoë's passphrase")
    members = json.loads((tmp_path / "keys" / "ann.key").read_text())
    sealed = bytes.fromhex(members.pop("sealed"))
    members.pop("sum")
    bound = (json.dumps(members, indent=2) + "\n").encode()
    kdf, nonce = members["kdf"], bytes.fromhex(members["nonce"])
    assert (kdf["memory_kib"], kdf["passes"]) == (65_536, 3)
    argon = Argon2id(
        salt=bytes.fromhex(kdf["salt"]),
        length=32,
        iterations=kdf["passes"],
        lanes=1,
        memory_cost=kdf["memory_kib"],
    )
    key = argon.derive(unicodedata.normalize("NFC", "Zoë's passphrase").encode())
    seed = ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, bound)
    assert bytes(SigningKey(seed).verify_key).hex() == members["public"]


# --- a witness's ML-DSA-44 key ----------------------------------------------------------------------------------------


def ml_dsa(ring: Keyring, name: str = "ml-dsa") -> bytes:
    return ring.new(name, "witness", WORDS, Algorithm.ML_DSA_44)


def test_an_ml_dsa_key_signs_and_is_known_without_its_passphrase(ring: Keyring) -> None:
    public = ml_dsa(ring)
    signer = ring.signer("ml-dsa", lambda _: WORDS, role="witness")
    signature = signer.sign(b"message")
    assert (len(public), len(signature)) == (1_312, 2_420)
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, b"message")
    with pytest.raises(InvalidSignature):
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, b"massage")
    (info,) = ring.list()
    assert (info.algorithm, info.role, info.public_key) == (Algorithm.ML_DSA_44, Role.WITNESS, public)
    assert ring.find(public) == info
    assert "seed" not in repr(signer)
    assert "private" not in repr(signer)


def test_other_code_opens_an_ml_dsa_file_by_the_format_alone(ring: Keyring) -> None:
    """What is sealed is the seed of FIPS 204, and nothing else."""
    public = ml_dsa(ring)
    members = json.loads((ring.folder / "ml-dsa.key").read_text())
    sealed = bytes.fromhex(members.pop("sealed"))
    members.pop("sum")
    bound = (json.dumps(members, indent=2) + "\n").encode()
    assert (members["format"], members["public"]) == ("pourparler/1 ml-dsa-44 key", public.hex())
    kdf, nonce = members["kdf"], bytes.fromhex(members["nonce"])
    argon = Argon2id(
        salt=bytes.fromhex(kdf["salt"]), length=32, iterations=kdf["passes"], lanes=1, memory_cost=kdf["memory_kib"]
    )
    key = argon.derive(WORDS.encode())
    seed = ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, bound)
    assert len(seed) == 32
    assert MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw() == public


def test_only_a_witness_has_an_ml_dsa_key(ring: Keyring) -> None:
    for role in set(Role) - {Role.WITNESS}:
        refused("key.role", lambda role=role: ring.new("one", role, WORDS, Algorithm.ML_DSA_44))
    assert ring.files() == []
    ml_dsa(ring)
    path = ring.folder / "ml-dsa.key"
    path.write_bytes(rewritten(path, role="ledger"))
    refused("key.damaged", lambda: ring.info("ml-dsa"))


def test_a_seed_of_one_kind_does_not_open_as_a_key_of_the_other(ring: Keyring) -> None:
    """Both are 32 bytes; the format is within the seal."""
    ring.new("ed25519", "witness", WORDS)
    public = ml_dsa(ring).hex()
    for name, changes in (
        ("ed25519", {"format": "pourparler/1 ml-dsa-44 key", "public": public}),
        ("ml-dsa", {"format": "pourparler/1 key", "public": ring.public("ed25519").hex()}),
    ):
        path = ring.folder / f"{name}.key"
        whole = path.read_bytes()
        path.write_bytes(rewritten(path, **changes))
        parse(path.read_bytes(), "the file")  # well-formed, so only the seal can tell
        refused("key.passphrase", lambda name=name: ring.signer(name, lambda _: WORDS))
        path.write_bytes(whole)
        path.write_bytes(rewritten(path, public=changes["public"]))
        refused("key.damaged", lambda path=path: parse(path.read_bytes(), "the file"))  # a length of the other kind
        path.write_bytes(whole)
        ring.signer(name, lambda _: WORDS)


def test_every_changed_byte_of_an_ml_dsa_file_is_damage(ring: Keyring) -> None:
    ml_dsa(ring)
    data = (ring.folder / "ml-dsa.key").read_bytes()
    assert len(data) <= keyring.FILE_MAX_BYTES
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(KeyTrouble) as raised:
            parse(bytes(flipped), "the file")
        assert raised.value.reason in ("key.damaged", "key.format")
    assert parse(data, "the file").written() == data


def test_what_is_sealed_must_be_the_ml_dsa_key_that_the_file_says(ring: Keyring) -> None:
    """Somebody with the passphrase sealed another seed under this public key."""
    public, other = ml_dsa(ring), keyring.open_secret(Algorithm.ML_DSA_44, b"s" * 32)
    forged = keyring.Sealed.make(Role.WITNESS, 0, replace(other, public_key=public), WORDS, CHEAP)
    refused("key.damaged", lambda: forged.opened(WORDS, "ml-dsa"))


def test_an_ml_dsa_key_is_copied_and_its_passphrase_changed(ring: Keyring, tmp_path: Path) -> None:
    public = ml_dsa(ring)
    ring.change_passphrase("ml-dsa", WORDS, "another passphrase")
    ring.export("ml-dsa", "another passphrase", "one for the copy", tmp_path / "copy")
    there = Keyring(tmp_path / "there", cost=CHEAP)
    info = there.import_("taken", (tmp_path / "copy").read_bytes(), "one for the copy")
    assert (info.public_key, info.algorithm) == (public, Algorithm.ML_DSA_44)
    signature = there.signer("taken", lambda _: "one for the copy").sign(b"message")
    MLDSA44PublicKey.from_public_bytes(public).verify(signature, b"message")
    refused("key.exists", lambda: ring.import_("twice", (tmp_path / "copy").read_bytes(), "one for the copy"))
    refused("key.passphrase", lambda: ring.signer("ml-dsa", lambda _: WORDS))


def test_without_the_library_an_ml_dsa_key_is_said_to_need_it(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is known and listed all the same; a wrong passphrase is told from the want, and Ed25519 keys work."""
    public = ml_dsa(ring)
    ring.new("ann", "member", WORDS)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    assert ring.public("ml-dsa") == public
    assert ring.troubles() == {}
    assert "pourparler[signatures]" in refused("key.unsupported", lambda: ring.signer("ml-dsa", lambda _: WORDS)).do
    refused("key.unsupported", lambda: ml_dsa(ring, "another"))
    refused("key.passphrase", lambda: ring.signer("ml-dsa", lambda _: WORDS.upper()))
    opened(ring, "ann")


# --- every broken file ------------------------------------------------------------------------------------------------


def test_every_flipped_bit_is_damage(ring: Keyring) -> None:
    """Of the whole file, and without a passphrase: the list of keys tells a damaged file from a good one."""
    ring.new("ann", "member", WORDS)
    data = (ring.folder / "ann.key").read_bytes()
    reasons = set()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyTrouble) as raised:
            parse(bytes(flipped), "the file")
        reasons.add(raised.value.reason)
    assert reasons == {"key.damaged", "key.format"}


def test_every_cut_and_every_addition_is_damage(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    data = (ring.folder / "ann.key").read_bytes()
    for length in range(len(data)):
        refused("key.damaged", lambda length=length: parse(data[:length], "the file"))
    for more in (b"\n", b" ", b"\0", data):
        refused("key.damaged", lambda more=more: parse(data + more, "the file"))
    assert "empty" in str(refused("key.damaged", lambda: parse(b"", "the file")))


def test_the_same_object_written_otherwise_is_refused(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    data = (ring.folder / "ann.key").read_bytes()
    members = json.loads(data)
    otherwise = [
        json.dumps(members).encode(),
        data.replace(b"\n", b"\r\n"),
        data.upper(),
        data.decode().encode("utf-16"),
        json.dumps(dict(reversed(members.items())), indent=2).encode() + b"\n",
        data.replace(b'"created"', b'"role": "member",\n  "created"'),
    ]
    for written in otherwise:
        refused("key.damaged", lambda written=written: parse(written, "the file"))


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_kib": 2**31},
        {"memory_kib": 512 * 1024 + 1},
        {"memory_kib": 8 * 1024 - 1},
        {"memory_kib": True},
        {"memory_kib": 65536.0},
        {"passes": 9},
        {"passes": 0},
        {"passes": "3"},
        {"salt": "00"},
        {"nonce": None},
        {"sealed": []},
        {"sealed": "zz" * 48},
        {"public": "00" * 33},
        {"created": -1},
        {"created": 2**63},
        {"role": "king"},
        {"role": ["member"]},
        {"name": "scrypt"},
        {"cipher": "aes"},
        {"unknown": 1},
        {"kdf": None},
    ],
)
def test_a_hostile_file_costs_nothing(
    ring: Keyring, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    """Its sum is right, for whoever wrote it knows the format; no memory is spent on it, asked or not."""
    ring.new("ann", "member", WORDS)
    path = ring.folder / "ann.key"
    path.write_bytes(rewritten(path, **changes))

    def spending(*_arguments: object, **_more: object) -> bytes:
        raise AssertionError("the passphrase was stretched")

    monkeypatch.setattr(keyring.argon2id, "kdf", spending)
    refused("key.damaged", lambda: ring.signer("ann", lambda _: WORDS))
    assert list(ring.troubles()) == ["ann"]
    assert ring.list() == []


@pytest.mark.parametrize("data", [b"[" * 4096, b"[[" + b'{"a":' * 700, b"1" * 4096, b"null", b'{"format": 1}', b"\xff"])
def test_what_is_no_key_file_is_said_to_be_none(data: bytes) -> None:
    refused("key.damaged", lambda: parse(data, "the file"))


def test_a_newer_format_is_told_from_damage(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    path = ring.folder / "ann.key"
    path.write_bytes(path.read_bytes().replace(b"pourparler/1 key", b"pourparler/2 key"))
    assert "pourparler/2 key" in str(refused("key.format", lambda: ring.info("ann")))


def test_role_and_public_key_cannot_be_exchanged_behind_the_owner(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    path, other = ring.folder / "ann.key", bytes(SigningKey.generate().verify_key).hex()
    whole = path.read_bytes()
    for changes in ({"role": "holder"}, {"public": other}, {"created": 0}, {"passes": 2}, {"salt": "00" * 16}):
        path.write_bytes(rewritten(path, **changes))
        ring.info("ann")  # well-formed, so only the seal can tell
        refused("key.passphrase", lambda: ring.signer("ann", lambda _: WORDS))
        path.write_bytes(whole)
    opened(ring, "ann")


def test_a_wrong_passphrase_is_told_from_damage(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    for wrong in ("", "correct horse batterz", WORDS + " ", WORDS.upper()):
        refused("key.passphrase", lambda wrong=wrong: opened(ring, "ann", wrong))


def test_want_of_memory_is_not_a_wrong_passphrase(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    ring.new("ann", "member", WORDS)
    kdf = keyring.argon2id.kdf
    # libsodium itself answers so: more memory than an address space has
    monkeypatch.setattr(
        keyring.argon2id, "kdf", lambda *a, opslimit, memlimit: kdf(*a, opslimit=opslimit, memlimit=2**42)
    )
    refused("key.memory", lambda: opened(ring, "ann"))


# --- whose file it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601])
def test_a_file_that_others_may_open_is_refused(ring: Keyring, mode: int) -> None:
    ring.new("ann", "member", WORDS)
    (ring.folder / "ann.key").chmod(mode)
    trouble = refused("key.mode", lambda: opened(ring, "ann"))
    assert "chmod 0600" in trouble.do
    assert f"{mode:04o}" in trouble.what


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_refused(ring: Keyring, mode: int) -> None:
    ring.new("ann", "member", WORDS)
    ring.folder.chmod(mode)
    assert "chmod 0700" in refused("key.mode", lambda: opened(ring, "ann")).do
    refused("key.mode", lambda: ring.new("bo", "member", WORDS))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("what", ["", "ann.key"])
def test_somebody_elses_file_or_folder_is_refused(ring: Keyring, what: str) -> None:
    ring.new("ann", "member", WORDS)
    os.chown(ring.folder / what, 12345, -1)
    assert "12345" in str(refused("key.owner", lambda: opened(ring, "ann")))


def test_a_pipe_a_folder_and_a_large_file_are_no_keys(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    os.mkfifo(ring.folder / "pipe.key", 0o600)
    (ring.folder / "folder.key").mkdir(0o700)
    (ring.folder / "large.key").touch(0o600)
    (ring.folder / "large.key").write_bytes(b" " * 5_000)
    for name in ("pipe", "folder", "large"):  # a pipe would have to be waited for
        refused("key.damaged", lambda name=name: ring.info(name))
    assert [info.name for info in ring.list()] == ["ann"]
    assert sorted(ring.troubles()) == ["folder", "large", "pipe"]


def test_a_key_that_is_not_there(ring: Keyring) -> None:
    assert (ring.names(), ring.list()) == ([], [])
    assert "pourparler key new" in refused("key.absent", lambda: ring.info("ann")).do
    ring.new("bo", "member", WORDS)
    assert "bo" in refused("key.absent", lambda: ring.info("ann")).do


# --- names, roles, passphrases ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "Ann", "../ann", "a/b", ".ann", "ann.", "-ann", "a" * 65, "deadbeef", "an n", "é"]
)
def test_what_is_no_name(ring: Keyring, name: str) -> None:
    for do in (
        lambda: ring.new(name, "member", WORDS),
        lambda: ring.info(name),
        lambda: ring.import_(name, b"", WORDS),
    ):
        refused("key.name", do)
    assert not ring.folder.exists()


@pytest.mark.parametrize("name", ["a", "ann", "we.ann", "agent-1", "a_b", "deadbee", "z" * 64, "0"])
def test_what_is_a_name(ring: Keyring, name: str) -> None:
    ring.new(name, "member", WORDS)
    assert ring.names() == [name]


def test_a_key_has_one_role_and_one_name(ring: Keyring, tmp_path: Path) -> None:
    ring.new("ann", "member", WORDS)
    copied = (ring.folder / "ann.key").read_bytes()
    assert "ann" in str(refused("key.exists", lambda: ring.import_("bo", copied, WORDS)))
    refused("key.role", lambda: ring.signer("ann", lambda _: WORDS, role="holder"))
    assert ring.signer("ann", lambda _: WORDS, role="member").public_key == ring.public("ann")
    refused("key.role", lambda: ring.new("king", "king", WORDS))
    # the same key in another role, which only somebody with the secret can make
    secret = opened(ring, "ann")
    as_holder = keyring.Sealed.make(Role.HOLDER, 0, secret, WORDS, CHEAP).written()
    assert "member" in str(refused("key.role", lambda: ring.import_("agent", as_holder, WORDS)))
    assert ring.names() == ["ann"]


def test_nothing_overwrites_a_key(ring: Keyring, tmp_path: Path) -> None:
    public = ring.new("ann", "member", WORDS)
    refused("key.exists", lambda: ring.new("ann", "member", WORDS))
    refused("key.exists", lambda: ring.check_free("ann"))
    there = tmp_path / "there"
    there.write_text("mine")
    refused("key.exists", lambda: ring.export("ann", WORDS, WORDS, there))
    assert (ring.public("ann"), there.read_text()) == (public, "mine")
    (ring.folder / "broken.key").symlink_to("nowhere")
    refused("key.exists", lambda: ring.new("broken", "member", WORDS))


@pytest.mark.parametrize(
    "weak", ["", "short", "aaaaaaaaaaaa", "abababababab", "\ud800" * 3 + "abcdefgh", "ab" + "c" * 1024]
)
def test_a_passphrase_that_protects_nothing_is_refused(ring: Keyring, weak: str) -> None:
    with pytest.raises(KeyTrouble) as raised:
        ring.new("ann", "member", weak)
    assert raised.value.reason in ("key.weak", "key.passphrase")
    assert ring.names() == []


def test_keyboards_compose_accents_differently(ring: Keyring) -> None:
    ring.new("zoe", "member", unicodedata.normalize("NFD", "Zoé à la mer"))
    opened(ring, "zoe", unicodedata.normalize("NFC", "Zoé à la mer"))


# --- changing, moving, deleting ---------------------------------------------------------------------------------------


def test_a_passphrase_is_changed_and_an_old_copy_keeps_its_own(ring: Keyring) -> None:
    public = ring.new("ann", "member", WORDS)
    old = (ring.folder / "ann.key").read_bytes()
    refused("key.passphrase", lambda: ring.change_passphrase("ann", "not it at all", "new passphrase"))
    ring.change_passphrase("ann", WORDS, "new passphrase")
    assert opened(ring, "ann", "new passphrase").public_key == public
    refused("key.passphrase", lambda: opened(ring, "ann"))
    now = json.loads((ring.folder / "ann.key").read_bytes())
    before = json.loads(old)
    assert all(now[name] != before[name] for name in ("nonce", "sealed", "sum"))
    assert now["kdf"]["salt"] != before["kdf"]["salt"]
    assert (now["role"], now["created"]) == (before["role"], before["created"])


def test_a_key_moves_to_another_machine(ring: Keyring, tmp_path: Path) -> None:
    public = ring.new("ann", "member", WORDS)
    copied = tmp_path / "ann.copy"
    ring.export("ann", WORDS, "for the journey", copied)
    assert stat.S_IMODE(copied.stat().st_mode) == 0o600
    assert list(tmp_path.glob(".*")) == []
    there = Keyring(tmp_path / "there", cost=CHEAP)
    refused("key.passphrase", lambda: there.import_("ann", copied.read_bytes(), WORDS))
    assert there.names() == []
    info = there.import_("ann", copied.read_bytes(), "for the journey")
    assert (info.public_key, info.role, info.created) == (public, Role.MEMBER, 1_764_000_000)
    assert opened(there, "ann", "for the journey").public_key == public


def test_a_key_goes_to_a_stick_without_links_or_modes(
    ring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    ring.new("ann", "member", WORDS)
    monkeypatch.setattr(os, "link", unknown)
    monkeypatch.setattr(os, "fchmod", unknown)
    before = os.umask(0)
    try:
        ring.export("ann", WORDS, WORDS, tmp_path / "copy")
    finally:
        os.umask(before)
    parse((tmp_path / "copy").read_bytes(), "the copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600  # where it can, from the first byte on


def test_a_key_is_deleted(ring: Keyring) -> None:
    public = ring.new("ann", "member", WORDS)
    assert ring.delete("ann").public_key == public
    assert ring.names() == []
    refused("key.absent", lambda: ring.delete("ann"))


def test_a_trouble_can_be_copied() -> None:
    """An intake tells every submitter that waits; each gets an exception of its own."""
    trouble = KeyTrouble("agent.locked", "It is locked.", "Unlock it.")
    again = copy.copy(trouble)
    assert (again.reason, again.what, again.do, str(again)) == (
        "agent.locked",
        "It is locked.",
        "Unlock it.",
        str(trouble),
    )
    assert isinstance(trouble, OSError)


# --- races and crashes ------------------------------------------------------------------------------------------------

MAKE = """
import sys
from pourparler.ports import KeyTrouble
from pourparler.service.keyring import Cost, Keyring
sys.stdin.readline()
try:
    print(Keyring(sys.argv[1], cost=Cost(8192, 1)).new("ann", "member", sys.argv[2]).hex())
except KeyTrouble as trouble:
    print(trouble.reason)
"""


def test_of_two_that_make_the_same_name_one_wins(ring: Keyring) -> None:
    """Four processes that wait for one another, several times over; the file is always the winner's, whole."""
    for round_ in range(4):
        folder = ring.folder / str(round_)
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", MAKE, folder, f"passphrase of {number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=ENVIRONMENT,
            )
            for number in range(4)
        ]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        said = [racer.communicate()[0].strip() for racer in racers]
        assert sorted(line == "key.exists" for line in said) == [False, True, True, True]
        (winner,) = (number for number, line in enumerate(said) if line != "key.exists")
        there = Keyring(folder)
        assert opened(there, "ann", f"passphrase of {winner}").public_key.hex() == said[winner]
        assert files_in(folder) == [".lock", "ann.key"]


# Dies by SIGKILL before the n-th call that touches the disk; says how many there were where it came to its end.
DYING = """
import os, signal, sys
import pathlib
from pourparler.service import keyring
from pourparler.service.keyring import Cost, Keyring
folder, fatal, task = sys.argv[1], int(sys.argv[2]), sys.argv[3]
calls = 0
def dying(function):
    def called(*arguments, **more):
        global calls
        calls += 1
        if calls == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **more)
    return called
for name in ("open", "fsync", "link", "fdopen", "fchmod", "mkdir", "rename", "replace", "unlink"):
    setattr(os, name, dying(getattr(os, name)))
for name in ("replace", "unlink", "mkdir"):
    setattr(pathlib.Path, name, dying(getattr(pathlib.Path, name)))
ring = Keyring(folder, cost=Cost(8192, 1))
if task == "new":
    ring.new("bo", "holder", "passphrase of bo")
elif task == "change":
    ring.change_passphrase("ann", "correct horse battery", "the new passphrase")
else:
    ring.export("ann", "correct horse battery", "the new passphrase", pathlib.Path(folder).parent / "copy")
print(calls)
"""


@pytest.mark.parametrize("task", ["new", "change", "export"])
def test_a_crash_at_any_moment_leaves_the_old_or_the_new(tmp_path: Path, task: str) -> None:
    fatal, outcomes = 0, set()
    while True:
        fatal += 1
        folder = tmp_path / str(fatal) / "keys"
        ring = Keyring(folder, cost=CHEAP)
        public = ring.new("ann", "member", WORDS)
        arguments = [sys.executable, "-c", DYING, folder, str(fatal), task]
        done = subprocess.run(arguments, capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        assert ring.troubles() == {}
        match task:
            case "new":
                outcomes.add(known := "bo" in ring.names())
                if known:
                    opened(ring, "bo", "passphrase of bo")
            case "change":
                outcomes.add(changed := opens_with(ring, "the new passphrase"))
                assert changed != opens_with(ring, WORDS)
            case "export":
                outcomes.add(there := (folder.parent / "copy").exists())
                if there:
                    parse((folder.parent / "copy").read_bytes(), "the copy")
        assert ring.public("ann") == public
        ring.new("later", "member", WORDS)  # whoever comes next sweeps up
        assert {name for name in files_in(folder) if not name.endswith(".key")} == {".lock"}
        if done.returncode == 0:
            break
    assert fatal > 8
    assert outcomes == {True, False}


def opens_with(ring: Keyring, passphrase: str) -> bool:
    try:
        return bool(opened(ring, "ann", passphrase))
    except KeyTrouble as trouble:
        if trouble.reason == "key.passphrase":
            return False
        raise


def test_a_file_has_its_name_only_once_it_is_on_the_disk(ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut of power is no kill: what was not synced may be lost, so the order of the calls is the promise."""
    ring.new("ann", "member", WORDS)
    calls: list[str] = []
    sync, replace = os.fsync, Path.replace

    def syncing(descriptor: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def replacing(old: Path, new: Path) -> Path:
        calls.append("name")
        return replace(old, new)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", replacing)
    ring.change_passphrase("ann", WORDS, "the new passphrase")
    assert calls == ["file", "name", "folder"]
    ring.delete("ann")
    assert calls[3:] == ["folder"]


CRAMPED = """
import resource, sys
from pourparler.ports import KeyTrouble
from pourparler.service.keyring import Cost, Keyring
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
ring = Keyring(sys.argv[1], cost=Cost(8192, 1))
for do in (
    lambda: ring.new("bo", "holder", "passphrase of bo"),
    lambda: ring.change_passphrase("ann", "correct horse battery", "the new passphrase"),
):
    try:
        do()
    except KeyTrouble as trouble:
        print(trouble.reason)
"""


def test_a_disk_that_takes_no_more_leaves_what_was(ring: Keyring) -> None:
    """The system itself refuses the bytes (a limit on the size of files stands in for a full disk)."""
    ring.new("ann", "member", WORDS)
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED, ring.folder], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    assert done.stdout.split() == ["key.disk", "key.disk"]
    assert files_in(ring.folder) == [".lock", "ann.key"]
    opened(ring, "ann")


def test_sums_are_what_the_format_says(ring: Keyring) -> None:
    ring.new("ann", "member", WORDS)
    members = json.loads((ring.folder / "ann.key").read_text())
    stated = members.pop("sum")
    assert stated == hashlib.sha256((json.dumps(members, indent=2) + "\n").encode()).hexdigest()


def test_the_file_shown_in_the_specification_opens() -> None:
    page = (ROOT / "spec" / "keyfile.md").read_text("utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    kept = parse(shown.encode("ascii"), "the specification")
    assert isinstance(kept, keyring.Sealed)
    assert kept.opened("correct horse", "ann").public_key.hex() == json.loads(shown)["public"]


def test_every_role_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "keys.md").read_text("utf-8")
    assert all(f"\n| {role} |" in page for role in Role)
