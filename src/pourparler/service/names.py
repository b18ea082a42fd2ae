"""What people call things, and the ids that are meant.

A command takes a name that somebody here gave, a whole id, or the first digits of one (eight or more) that fit nothing
else that the workspace knows. Some names nobody has to give: ``we.board`` is the organ *board* of the party ``we``,
``tents.2`` the second text of the dossier ``tents``.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pourparler.core.dossier import Dossier
from pourparler.core.registry import Registry
from pourparler.service.workspace import HEX, Workspace, WorkspaceError

DIGITS_LEAST = 8
KINDS = ("party", "organ", "mandate", "dossier", "text", "act", "key")
ARTICLE = {"organ": "an organ", "act": "an act"}


@dataclass(slots=True)
class Known:
    """The ids that a workspace has met, by what they are ids of."""

    ids: dict[str, dict[bytes, None]]

    @classmethod
    def of(cls, registries: Iterable[Registry], keys: Iterable[bytes] = ()) -> "Known":
        """Return what these registries hold. Cost: linear in them."""
        ids: dict[str, dict[bytes, None]] = {kind: {} for kind in KINDS}
        for registry in registries:
            ids["party"].update(dict.fromkeys(registry.registers))
            ids["organ"].update(dict.fromkeys(registry.party_of_organ))
            ids["dossier"].update(dict.fromkeys(registry.dossiers))
            ids["act"].update(dict.fromkeys(registry.outcomes))
            for register in registry.registers.values():
                ids["mandate"].update(dict.fromkeys(register.mandates))
            for dossier in registry.dossiers.values():
                ids["text"].update(dict.fromkeys(dossier.papers))
        ids["key"].update(dict.fromkeys(keys))
        return cls(ids)

    def kind_of(self, identifier: bytes) -> str | None:
        """Return what an id is of; of an act that is something more, that."""
        return next((kind for kind in KINDS if identifier in self.ids[kind]), None)


class Names:
    """Finds ids by what people call them, and says ids by the names that they have."""

    def __init__(self, workspace: Workspace, registries: Iterable[Registry], keys: Mapping[str, bytes]) -> None:
        self.workspace = workspace
        self.registries = tuple(registries)
        self.keys = dict(keys)
        self.known = Known.of(self.registries, self.keys.values())

    # From words to ids.

    def find(self, said: str, *kinds: str) -> bytes:
        """Return the id of one of these kinds that is meant. Raises :class:`WorkspaceError`.

        Keys are found among the keys here first, everything else among the names that were given.
        """
        what = " or ".join(kinds)
        found = self.named(said, kinds)
        if found is None and re.fullmatch(r"[0-9a-fA-F]{64}", said):
            found = bytes.fromhex(said)
        if found is None and HEX.fullmatch(said) and len(said) >= DIGITS_LEAST:
            found = self.by_digits(said.lower(), kinds, what)
        if found is None:
            few = f" Of an id, at least its first {DIGITS_LEAST} digits are needed." if is_short(said) else ""
            raise WorkspaceError(f"{said!r} names no {what} that is known here.{few}", self.suggestion(kinds))
        is_of = self.known.kind_of(found)
        if is_of is not None and is_of not in kinds and "act" not in kinds:
            it_is = ARTICLE.get(is_of, f"a {is_of}")
            raise WorkspaceError(f"{said} is {it_is}, and not a {what}.", self.suggestion(kinds))
        return found

    def named(self, said: str, kinds: tuple[str, ...]) -> bytes | None:
        if "key" in kinds and said in self.keys:
            return self.keys[said]
        if said in self.workspace.settings.names:
            return self.workspace.settings.names[said]
        before, dot, after = said.rpartition(".")
        if not dot:
            return None
        above = self.workspace.settings.names.get(before)
        for registry in self.registries:
            if above in registry.registers and "organ" in kinds:
                organ = registry.registers[above].spines.names.get(after)
                if organ is not None:
                    return organ
            if above in registry.dossiers and "text" in kinds and after.isdecimal():
                texts = numbered(registry, registry.dossiers[above])
                if 1 <= int(after) <= len(texts):
                    return texts[int(after) - 1]
        return None

    def by_digits(self, digits: str, kinds: tuple[str, ...], what: str) -> bytes | None:
        found = {id_ for kind in kinds for id_ in self.known.ids[kind] if id_.hex().startswith(digits)}
        found |= {id_ for id_ in self.workspace.settings.names.values() if id_.hex().startswith(digits)}
        if len(found) > 1:
            said = f"{len(found)} ids begin with {digits}: it is not clear which {what} is meant."
            raise WorkspaceError(said, "Write more of its digits.")
        return next(iter(found), None)

    def suggestion(self, kinds: tuple[str, ...]) -> str:
        """Return what could have been meant."""
        known = [name for name, id_ in self.workspace.settings.names.items() if self.known.kind_of(id_) in kinds]
        known += self.organ_names() if "organ" in kinds else []
        known += list(self.keys) if "key" in kinds else []
        known = sorted(set(known))
        if not known:
            what = " or ".join(kinds)
            article = "an" if what[0] in "aeiou" else "a"
            return f"None is known here yet; {article} {what} is also named by its id, or its first 8 digits."
        more = ", …" if len(known) > 12 else ""
        return f"There is: {', '.join(known[:12])}{more}; or write an id, or its first 8 digits."

    def organ_names(self) -> list[str]:
        registers = {party: register for r in self.registries for party, register in r.registers.items()}
        return [f"{self.say(party)}.{name}" for party, register in registers.items() for name in register.spines.names]

    # From ids to words.

    def say(self, identifier: bytes | None) -> str:
        """Return what an id is called here, or its first digits."""
        if identifier is None:
            return "none"
        name = self.workspace.name_of(identifier)
        name = name or next((name for name, key in self.keys.items() if key == identifier), None)
        return name or self.derived(identifier) or f"{identifier.hex()[:8]}…"

    def derived(self, identifier: bytes) -> str | None:
        """Return a name that follows from others: of an organ, or of a text."""
        for registry in self.registries:
            party = registry.party_of_organ.get(identifier)
            if party is not None and self.workspace.name_of(party):
                spines = registry.registers[party].spines
                return f"{self.workspace.name_of(party)}.{spines.organ(identifier).name}"
            for dossier in registry.dossiers.values():
                if identifier in dossier.papers and self.workspace.name_of(dossier.id):
                    texts = numbered(registry, dossier)
                    if identifier in texts:
                        return f"{self.workspace.name_of(dossier.id)}.{texts.index(identifier) + 1}"
        return None


def is_short(said: str) -> bool:
    """Return whether a word looks like the first digits of an id, of which there are too few."""
    return len(said) < DIGITS_LEAST and HEX.fullmatch(said) is not None and any(sign.isdigit() for sign in said)


def numbered(registry: Registry, dossier: Dossier) -> list[bytes]:
    """Return the texts of a dossier that have a number: those that are in the ledger, in its order.

    One that was only signed here has none yet: another may come before it, and a number that was told must not move.
    """
    stamp = registry.stamp
    last = stamp.index + stamp.follows if stamp else -1
    return [digest for digest, paper in dossier.papers.items() if paper.moment.index <= last]
