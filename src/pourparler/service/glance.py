"""A glance at a workspace: what its ids are called, by what they are ids of. For a shell that completes names.

It judges nothing, takes no lock, and reads no more than the first few thousand entries of a ledger, so that it is done
before somebody who presses a key wonders. What it says is a suggestion; the command that is then given looks properly.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pourparler.core.act import Act, parse_act
from pourparler.core.council import organ_id
from pourparler.core.errors import PourparlerError
from pourparler.service.keyring import Keyring
from pourparler.service.workspace import Workspace

ENTRIES_MOST = 4_000
WAIT_SECONDS = 0.2
KIND_OF = {
    "found": "party",
    "grant": "mandate",
    "urgent-grant": "mandate",
    "delegate": "mandate",
    "certify": "mandate",
    "open": "dossier",
}


@dataclass(slots=True)
class Glance:
    """What was seen: the kind of each id, the organs of each party by name, the texts of each dossier in order."""

    kinds: dict[bytes, str] = field(default_factory=dict)
    organs: dict[bytes, list[str]] = field(default_factory=dict)
    texts: dict[bytes, list[bytes]] = field(default_factory=dict)
    party_of: dict[bytes, bytes] = field(default_factory=dict)

    def see(self, act: Act) -> None:
        """Note what an act brings into being, if it counts at all."""
        if act.kind in KIND_OF:
            self.kinds[act.id] = KIND_OF[act.kind]
        match act.kind:
            case "found":
                for organ in act["organs"]:
                    self.see_organ(act.id, act.id, organ["name"])
            case "constitute" if act["organ"] in self.party_of:
                self.see_organ(self.party_of[act["organ"]], act.id, act["new"]["name"])
            case "propose":
                texts = self.texts.setdefault(act["dossier"], [])
                if act["text"] not in texts:
                    texts.append(act["text"])

    def see_organ(self, party: bytes, created_by: bytes, name: str) -> None:
        self.party_of[organ_id(created_by, name)] = party
        self.organs.setdefault(party, []).append(name)


def names(workspace: Workspace, *kinds: str) -> list[str]:
    """Return the names of everything of these kinds, sorted: party, organ, mandate, dossier, text, key, ledger."""
    found = set(workspace.settings.ledgers) if "ledger" in kinds else set()
    if "key" in kinds:
        found |= set(Keyring(workspace.keys).names())
    if {"party", "organ", "mandate", "dossier", "text"} & set(kinds):
        found |= set(named(workspace, glance(workspace), kinds))
    return sorted(found)


def named(workspace: Workspace, seen: Glance, kinds: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that were given, and those that follow from them."""
    for name, identifier in workspace.settings.names.items():
        if seen.kinds.get(identifier) in kinds:
            yield name
        if "organ" in kinds:
            yield from (f"{name}.{organ}" for organ in seen.organs.get(identifier, ()))
        if "text" in kinds:
            yield from (f"{name}.{number}" for number, _ in enumerate(seen.texts.get(identifier, ()), 1))


def glance(workspace: Workspace) -> Glance:
    """Look at the ledgers of a workspace; what cannot be read is passed over."""
    seen = Glance()
    for ledger in workspace.settings.ledgers.values():
        with suppress(sqlite3.Error):
            for data in entries(workspace.ledgers / ledger.file):
                with suppress(PourparlerError):
                    seen.see(parse_act(data))
    return seen


def entries(path: Path) -> list[bytes]:
    """Return the first entries of a ledger's database, without a lock on it."""
    address = f"{path.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS)) as connection:
        rows = connection.execute("SELECT data FROM entry ORDER BY idx LIMIT ?", (ENTRIES_MOST,))
        return [bytes(row[0]) for row in rows]
