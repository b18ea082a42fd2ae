"""Vectors of the law: spec/council.md, authority.md, dossier.md, evidence.md. ``python -m spec.vectors.law`` writes.

A case is a small world: acts with their index and log time, folded one after another into one ledger, and what comes of
each. ``after`` names a case whose acts come before, so that a case and its twin differ in what they add. Made without
the code, as ``kit`` says: the streams that a ratification names, too, are reckoned here, by spec/registry.md section 4.
"""

import base64
import copy
import hashlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))

from spec.vectors import kit  # noqa: E402
from spec.vectors.kit import Group, Key, digest, encode  # noqa: E402

NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400
YEAR = 365 * DAY
POWERS = ("open", "propose", "adopt", "initial", "sign-ad-referendum", "conclude", "ratify", "delegate", "dismiss")
POWERS += ("denounce", "urgent")
ALL = 2047
TALKS = ("open", "propose", "adopt", "initial", "sign-ad-referendum")
HOLDER_WORDS = {"delegate", "revoke", "query", "reply"}
ORGAN = {
    "constitute", "elect", "appoint", "hand-over", "dissolve", "move-home", "grant", "dismiss", "lift", "decide",
    "deliberate", "confirm", "object", "ratify", "refuse", "accede", "apply", "stop-applying", "object-reservation",
    "denounce", "withdraw-denunciation", "breach", "remedy",
}  # fmt: skip
ORDER = {"CANNOT TELL": 1, "INVALID": 2}


def powers(*names: str) -> int:
    return sum(1 << POWERS.index(name) for name in names)


def public(*names: str) -> list[bytes]:
    return sorted(Key(name).public for name in names)


def seats(*names: str) -> list[list]:
    return [[key, 1] for key in public(*names)]


def organ(name: str, *members: str, needs: int | None = None, **more) -> dict:
    needs = len(members) // 2 + 1 if needs is None else needs
    return {"name": name, "seats": seats(*members), "needs": needs, "powers": ALL, **more}


def organ_id(act: bytes, name: str) -> bytes:
    return digest("organ", act, name)


# --- acts and worlds --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """A signed act, and what the reckoning of streams needs to know of it."""

    kind: str
    fields: dict
    data: bytes
    id: bytes
    party: bytes
    by_organ: bool


@dataclass
class Party:
    id: bytes
    home: bytes
    organs: dict[str, bytes]
    heads: dict[str, bytes]
    signers: dict[str, list[str]]


@dataclass
class World:
    """One ledger as it grows. Each act has a transaction of its own: its stamp, then the act."""

    name: str = "ledger"
    time: int = NOW
    entries: list[bytes] = field(default_factory=list)
    streams: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)
    parties: dict[str, Party] = field(default_factory=dict)
    ids: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    acts: list[dict] = field(default_factory=list)
    new_texts: list[str] = field(default_factory=list)
    asks: list[dict] = field(default_factory=list)
    places: dict[bytes, int] = field(default_factory=dict)
    duties: dict[bytes, str] = field(default_factory=dict)  # mandate -> the kind that its duty asks for
    after: str | None = None
    nonce: int = 0
    by_organ: bool = False  # whether an organ decided the last act

    def __post_init__(self) -> None:
        if not self.entries:
            self.own("ledger", {"origin": self.ref["origin"], "at": self.time, "bound": 600})

    @property
    def key(self) -> Key:
        return Key(f"ledger {self.name}")

    @property
    def ref(self) -> dict:
        return {"origin": f"{self.name}.example/2026", "key": self.key.public}

    def copy(self) -> "World":
        return copy.deepcopy(self)

    def later(self, seconds: int) -> "World":
        self.time += seconds
        return self

    def fresh(self) -> bytes:
        self.nonce += 1
        return self.nonce.to_bytes(16)

    # Entries.

    def own(self, kind: str, fields: dict) -> int:
        self.entries.append(kit.sign1(kind, encode({"kind": kind, **fields}), self.key))
        return len(self.entries) - 1

    def stamp(self, streams: Iterable[bytes] | None = None, follows: int = 0, **changed) -> int:
        """Write a stamp, by default an empty one that states every stream; return its index."""
        rows = [[s, *self.streams.get(s, (0, s))] for s in sorted(self.streams if streams is None else streams)]
        return self.own(
            "stamp", {"index": len(self.entries), "at": self.time, "follows": follows, "streams": rows, **changed}
        )

    def streams_of(self, act: Act) -> list[bytes]:
        """Return the streams of an act that is there at all (spec/registry.md section 4)."""
        fields = act.fields
        bounded = ("grant", "delegate", "urgent-grant", "call")  # their field of this name is no place
        streams = [act.id] if act.kind == "open" else []
        if fields.get("dossier") in self.streams and act.kind not in bounded:
            streams.append(fields["dossier"])
        holder = "by" in fields
        duty = holder and self.duties.get(fields["by"]) == act.kind
        if not holder or act.kind in HOLDER_WORDS or act.kind == "conclude" or "total" in fields or duty:
            streams.append(act.party)
        at_home = next((p.home for p in self.parties.values() if p.id == act.party), None) == self.key.public
        if act.kind in ORGAN and act.by_organ and at_home:
            streams.append(fields["organ"])
            other = fields.get("of")
            streams += [other] if other and other != fields["organ"] else []
        return streams

    def log(self, act: Act, expect="accepted", wait: int = 0) -> bytes:
        """Log an act as an honest depositary does; return its id."""
        self.time += wait
        self.by_organ = "prior" in act.fields
        moved = [] if isinstance(expect, dict) and "refused" in expect else self.streams_of(act)
        for stream in moved:
            count, head = self.streams.get(stream, (0, stream))
            self.streams[stream] = (count + 1, digest("stream", head, act.id, len(self.entries) + 1))
        self.stamp(sorted(moved), follows=1)
        self.acts.append({"index": len(self.entries), "time": self.time, "act": act.data.hex(), "expect": expect})
        self.places[act.id] = len(self.entries)
        self.entries.append(act.data)
        return act.id

    def void(self, reason: str) -> None:
        """Note that the act logged last is void."""
        self.acts[-1]["expect"] = {"void": reason}

    # Drafting.

    def signed(self, kind: str, fields: dict, signers: Iterable[str], party: bytes, *, several: bool) -> Act:
        payload, keys = encode({"kind": kind, **fields}), [Key(name) for name in signers]
        data = kit.sign(kind, payload, *keys) if several else kit.sign1(kind, payload, keys[0])
        name = kit.act_id(kind, payload, None if several else keys[0])
        return Act(kind, fields, data, name, party, several)

    def found(
        self,
        name: str,
        *members: str,
        organs: list[dict] | None = None,
        signers=None,
        home=None,
        expect="accepted",
        **more,
    ) -> bytes:
        organs = organs or [organ("council", *members)]
        home = home or self.ref
        fields = {"name": name, "nonce": bytes(16), "home": home, "suspension": 100, "organs": organs, **more}
        act = self.signed("found", fields, signers or sorted(set(members)), b"", several=True)
        act = Act(act.kind, fields, act.data, act.id, act.id, True)
        ids = {value["name"]: organ_id(act.id, value["name"]) for value in organs}
        self.parties[name] = Party(
            act.id, home["key"], ids, dict(ids), {value["name"]: list(members) for value in organs}
        )
        if organs and len(organs) == 1:
            self.parties[name].signers = {organs[0]["name"]: list(members)[: organs[0]["needs"]]}
        self.ids[f"found {name}"] = act.id
        return self.log(act, expect)

    def decision(
        self, party: str, kind: str, organ: str = "council", by: Iterable[str] | None = None, prior=None, **fields
    ) -> Act:
        p = self.parties[party]
        value = {"organ": p.organs[organ], "prior": prior or p.heads[organ], **fields}
        return self.signed(kind, value, by or p.signers[organ], p.id, several=True)

    def decide(
        self, party: str, kind: str, organ: str = "council", *, expect="accepted", wait: int = 0, **more
    ) -> bytes:
        """Log a decision at the organ's head, and move the head."""
        act = self.decision(party, kind, organ, **more)
        self.log(act, expect, wait)
        if expect == "accepted" or "void" in expect:
            self.parties[party].heads[organ] = act.id
        return act.id

    def grant(self, party: str, holder: str | None, *names: str, organ: str = "council", **more) -> bytes:
        to = {} if holder is None else {"to": Key(holder).public}
        return self.decide(party, "grant", organ, powers=powers(*names), **{**to, **more})

    def member(self, party: str, who: str, kind: str, organ: str = "council", wait: int = 0, **fields) -> bytes:
        p = self.parties[party]
        return self.log(self.signed(kind, {"organ": p.organs[organ], **fields}, [who], p.id, several=False), wait=wait)

    def urgent(self, party: str, kind: str, *by: str, organ: str = "council", **fields) -> bytes:
        p = self.parties[party]
        return self.log(self.signed(kind, {"organ": p.organs[organ], **fields}, by, p.id, several=True))

    def speak(self, party: str, who, kind: str, by: bytes, wait: int = 0, **fields) -> bytes:
        """Log a holder's act; several signers speak in a COSE_Sign."""
        several = not isinstance(who, str)
        act = self.signed(
            kind, {"by": by, **fields}, who if several else [who], self.parties[party].id, several=several
        )
        return self.log(act, wait=wait)

    def text(self, name: str, terms: dict | None = None, checks: list | None = None, **clauses) -> bytes:
        """Make a text; return its digest."""
        value = {
            "articles": {"en": ["x"]},
            "terms": terms or {},
            "random": kit.chance(f"text {name}", 16),
            "clauses": clauses,
        }
        data = encode({**value, "checks": checks} if checks else value)
        self.texts[name] = data
        self.new_texts.append(name)
        return digest("text", data)

    def position(self, stream: bytes) -> list:
        return list(self.streams.get(stream, (0, stream)))

    # Cases.

    def case(self, **more) -> dict:
        """Return the members of a case: what was added since the case that this world comes after."""
        found = (
            {"after": self.after}
            if self.after
            else {"ledger": {"origin": self.ref["origin"], "key": self.ref["key"].hex()}}
        )
        texts = {"texts": [self.texts[name].hex() for name in self.new_texts]} if self.new_texts else {}
        return {**found, **texts, "acts": self.acts, **({"asks": self.asks} if self.asks else {}), **more}

    def begun(self, case: str) -> "World":
        """Return the world that comes after a case that was added."""
        self.after, self.acts, self.new_texts, self.asks = case, [], [], []
        return self

    def ask(self, wait: int = 0, **question) -> None:
        """Ask about the state at a moment after everything logged."""
        listed = {
            k: [x.hex() if isinstance(x, bytes) else x for x in v] for k, v in question.items() if isinstance(v, list)
        }
        shown = {k: v.hex() if isinstance(v, bytes) else v for k, v in question.items()} | listed
        self.asks.append({"index": len(self.entries), "time": self.time + wait, **shown})


Do = Callable[[World], object]
REFUSED_AT_INTAKE = ("power", "bounds", "line", "text")


class Book:
    """Adds cases to a group: worlds that come after a base, and twins that fail."""

    def __init__(self, group: Group, base: World) -> None:
        self.group, self.base = group, base

    def base_case(self, name: str, what: str, **more) -> "Book":
        self.base.begun(self.group.valid(name, what, **self.base.case(**more)))
        return self

    def ok(self, name: str, what: str, do: Do) -> str:
        """Add a world in which every act is accepted."""
        world = self.base.copy()
        do(world)
        return self.group.valid(name, what, **world.case())

    def no(self, name: str, what: str, reason: str, twin: str, differs: str, do: Do, *, how: str = "void") -> None:
        """Add a world whose last act is refused or void."""
        world = self.base.copy()
        do(world)
        world.acts[-1]["expect"] = {how: reason}
        world.asks.clear()
        more = {}
        if how == "void":
            early = reason.split(".", maxsplit=1)[0] in REFUSED_AT_INTAKE and not world.by_organ
            more["intake"] = "refused" if early else "void"
        self.group.invalid(name, what, reason, f"{self.group.name}/{twin}", differs, **world.case(**more))

    def refused(self, name: str, what: str, reason: str, twin: str, differs: str, do: Do) -> None:
        self.no(name, what, reason, twin, differs, do, how="refused")


def after(book: Book, name: str, what: str, do: Do) -> Book:
    """Return a book whose base is this one's and some acts more, added as a case."""
    world = book.base.copy()
    do(world)
    return Book(book.group, world).base_case(name, what)


# --- evidence ---------------------------------------------------------------------------------------------------------


def leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1


def root(leaves: list[bytes]) -> bytes:
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    at = split(len(leaves))
    return node(root(leaves[:at]), root(leaves[at:]))


def multiproof(leaves: list[bytes], known: set[int], start: int = 0) -> list[bytes]:
    """Return the roots of the ranges without a known leaf, in order (spec/ledger.md section 4)."""
    if not any(start <= index < start + len(leaves) for index in known):
        return [root(leaves)]
    if len(leaves) == 1:
        return []
    at = split(len(leaves))
    return multiproof(leaves[:at], known, start) + multiproof(leaves[at:], known, start + at)


def consistency(leaves: list[bytes], old: int, whole: bool = True) -> list[bytes]:
    """Return RFC 9162 section 2.1.4's SUBPROOF."""
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    at = split(len(leaves))
    if old <= at:
        return [*consistency(leaves[:at], old, whole), root(leaves[at:])]
    return [*consistency(leaves[at:], old - at, False), root(leaves[:at])]


def key_id(name: str, kind: int, key: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def vkey(name: str, kind: int, key: Key) -> str:
    return f"{name}+{key_id(name, kind, key.public).hex()}+{base64.b64encode(bytes([kind]) + key.public).decode()}"


def line(name: str, key: bytes, signature: bytes) -> str:
    return f"\u2014 {name} {base64.b64encode(key + signature).decode()}\n"


def checkpoint(world: World, size: int, cosigned: Iterable[tuple[str, int]] = (), signer: Key | None = None) -> bytes:
    """Return the ledger's signed checkpoint of its first entries, cosigned by witnesses at times."""
    origin = world.ref["origin"]
    text = f"{origin}\n{size}\n{base64.b64encode(root(list(map(leaf, world.entries[:size])))).decode()}\n"
    note = text + "\n" + line(origin, key_id(origin, 1, world.key.public), (signer or world.key).sign(text.encode()))
    for name, time in cosigned:
        signature = Key(name).sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        note += line(name, key_id(name, 4, Key(name).public), time.to_bytes(8) + signature)
    return note.encode()


def spoilt(note: bytes) -> bytes:
    """Return a note with one bit of its last line's signature changed: anybody who hands it on can do that."""
    head, blob = note[:-1].rsplit(b" ", 1)
    data = base64.b64decode(blob)
    return head + b" " + base64.b64encode(data[:-1] + bytes([data[-1] ^ 1])) + b"\n"


def policy(world: World, *witnesses: str, quorum: str | None = None) -> str:
    lines = [f"log {vkey(world.ref['origin'], 1, world.key)}"]
    lines += [f"witness {name} {vkey(name, 4, Key(name))}" for name in witnesses]
    return "\n".join([*lines, f"quorum {quorum or witnesses[0]}", ""])


def shown(
    world: World, without: Iterable[int] = (), size: int | None = None, cosigned=(), earlier=(), **changed
) -> dict:
    """Return what a bundle shows of a ledger: all entries but those left out."""
    size = len(world.entries) if size is None else size
    left_out = set(without)
    indexes = [index for index in range(size) if index not in left_out]
    leaves = list(map(leaf, world.entries[:size]))
    return {
        **world.ref,
        "checkpoint": checkpoint(world, size, cosigned),
        "entries": [[index, world.entries[index]] for index in indexes],
        "hashes": multiproof(leaves, set(indexes)),
        "earlier": [[checkpoint(world, old, signed), consistency(leaves, old)] for old, signed in earlier],
        **changed,
    }


def bundle(claim: dict, *ledgers: dict, texts: Iterable[bytes] = (), **changed) -> dict:
    return {
        "format": "pourparler/1 evidence",
        "claim": claim,
        "ledgers": list(ledgers),
        "texts": list(texts),
        **changed,
    }


def claim(world: World, kind: str, as_of: int, **parts) -> dict:
    return {"kind": kind, "ledger": world.ref, "as_of": as_of, **parts}


# --- the groups -------------------------------------------------------------------------------------------------------

GROUPS: dict[str, tuple[str, str, Callable[[Group], None]]] = {}
WORLDS = (
    "A case folds `acts` into the ledger `ledger`, or after the acts of the case `after`. Each has its index, log time "
    "and envelope, and what comes of it: accepted, void or refused, with the reason. The fold is that of what is "
    "logged. `texts` are at hand. `home` is the case that shows the parties' home ledger; without it notice must do. "
    "Where a case names a reason it is that of its last act, and `intake` says what an honest intake does with a void "
    "one. `asks` are questions with their answers, each about the state that the acts before its index have led to, at "
    "its log time. The seed of a key is SHA-256 over 'pourparler testing key ' and its name."
)


def group(name: str, about: str = WORLDS):
    def register(fill: Callable[[Group], None]) -> Callable[[Group], None]:
        GROUPS[name] = (f"spec/{name}.md", about, fill)
        return fill

    return register


def made(name: str) -> Group:
    format_, about, fill = GROUPS[name]
    filled = Group(name, format_, about)
    fill(filled)
    return filled


def groups() -> dict[str, Group]:
    from spec.vectors import law_authority, law_council, law_dossier, law_evidence  # noqa: F401 -- they register

    return {name: made(name) for name in GROUPS}


def main() -> None:
    from spec.vectors.generate import text_of

    for name, group_ in groups().items():
        path = HERE / f"{name}.json"
        path.write_text(text_of(group_), encoding="utf-8")
        print(
            f"{path.name}: {len(group_.cases)} cases, {sum('reason' in case for case in group_.cases)} of them refused"
        )


if __name__ == "__main__":
    from spec.vectors import law

    law.main()
