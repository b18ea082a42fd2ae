"""Heads: what a node has heard, in some twenty-five bytes an issuer. Specification: ``spec/exchange.md`` section 4.

Most acts hang on a chain: an organ's decisions on its spine, a beacon key's beacons on their serial. Of such a chain it
is enough to say how far one has it. A *row* says it: the issuer, the place, and what stands there. From the rows of
another node follows exactly which acts of these chains it lacks, however many there are.

Issuers and acts stand in a row as *marks*: 8 bytes keyed with 16 that the sender drew. So nobody can make two acts
beforehand that look alike in a row. A mark is a hint all the same: who lies in his rows is sent too much or too little,
and nothing that he could not have had.

What hangs on no chain is *loose*, and is compared by ``dispatch.riblt``: what holders and members say, certificates,
acts in urgency. So are all decisions of an organ of which two follow one place: of those no place says which are known.

>>> Heads({b"o" * 32: (3, b"d" * 32)}, {}).row_bytes()
[20]
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from pourparler.core import limits
from pourparler.core.act import Act, Issuer
from pourparler.core.council import organ_id
from pourparler.core.encoding import Value, encode

MARK_BYTES = 8
SALT_BYTES = 16

Row = list[Value]


def mark(salt: bytes, name: bytes) -> bytes:
    """Return the mark of an issuer or an act under a salt: 8 bytes."""
    return blake2b(name, digest_size=MARK_BYTES, key=salt, person=b"pourparler heads").digest()


def mark_of_all(salt: bytes, ids: Iterable[bytes]) -> bytes:
    """Return the mark of a set of ids under a salt: that of all of them in a row, ascending."""
    return mark(salt, b"".join(sorted(ids)))


@dataclass(frozen=True, slots=True)
class Heads:
    """How far a node has each chain: organ -> place and the decision there (at place 0 the organ's own id); beacon
    issuer -> serial and the beacon with it."""

    organs: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)
    beacons: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def rows(self, salt: bytes) -> tuple[list[Row], list[Row]]:
        """Return the rows of organs and of beacons, each in ascending order of the issuers' marks.

        Where there are more than a message holds, those with the lowest marks: under the next salt they are others.
        """
        return tuple(
            sorted([mark(salt, issuer), place, mark(salt, act)] for issuer, (place, act) in chains.items())[
                : limits.HEADS_ROWS_MAX
            ]
            for chains in (self.organs, self.beacons)
        )  # type: ignore[return-value]

    def row_bytes(self) -> list[int]:
        """Return how many bytes each row has."""
        return [len(encode(row)) for rows in self.rows(bytes(SALT_BYTES)) for row in rows]


@dataclass(frozen=True, slots=True)
class Marked:
    """The rows of another node, as it sent them. Nothing of them is believed."""

    salt: bytes
    organs: Mapping[bytes, tuple[int, bytes]]
    beacons: Mapping[bytes, tuple[int, bytes]]

    def organ(self, organ: bytes) -> tuple[int, bytes] | None:
        """Return how far it says to have an organ's spine: a place and the mark of what stands there; or None."""
        return self.organs.get(mark(self.salt, organ))

    def beacon(self, issuer: bytes) -> tuple[int, bytes] | None:
        """Return the serial that it says to have of an issuer of beacons, and that beacon's mark; or None."""
        return self.beacons.get(mark(self.salt, issuer))

    def is_mark_of(self, marked: bytes, act: bytes) -> bool:
        return mark(self.salt, act) == marked


def marked(salt: bytes, organs: Iterable[Row], beacons: Iterable[Row]) -> Marked:
    """Return the rows of a message, whose layout was checked."""
    return Marked(salt, {row[0]: (row[1], row[2]) for row in organs}, {row[0]: (row[1], row[2]) for row in beacons})


# --- the chains of one node -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Spine:
    """An organ's decisions as far as they were heard: each at its place, after the one before it."""

    organ: bytes
    brought_by: bytes  # the act that made the organ
    places: dict[bytes, int]
    decisions: list[list[bytes]] = field(default_factory=list)  # by place - 1
    forked: bool = False

    @property
    def head(self) -> tuple[int, bytes]:
        """The last place and what stands there; the organ's id where it has decided nothing."""
        return len(self.decisions), self.decisions[-1][0] if self.decisions else self.organ

    def add(self, act: bytes, prior: bytes) -> bool:
        """Add a decision; return False where what it follows has not been heard."""
        if act in self.places:
            return True
        if prior not in self.places:
            return False
        place = self.places[act] = self.places[prior] + 1
        if place > len(self.decisions):
            self.decisions.append([])
        self.decisions[place - 1].append(act)
        self.forked = self.forked or len(self.decisions[place - 1]) > 1
        return True

    def every(self) -> Iterator[bytes]:
        for acts in self.decisions:
            yield from acts

    def after(self, theirs: tuple[int, bytes] | None, heads: Marked) -> Iterator[bytes]:
        """Yield the decisions that somebody with these rows lacks, in order."""
        place, there = theirs or (0, b"")
        if theirs is None:
            yield self.brought_by
        if 0 < place <= len(self.decisions) and not any(
            heads.is_mark_of(there, at) for at in self.decisions[place - 1]
        ):
            place -= 1  # theirs is another branch: from there on they lack this one
        for acts in self.decisions[place:]:
            yield from acts


class Chains:
    """What one node has taken in, by chain. Fed with every act that its journal folds, in that order; of beacons, which
    it need not journal, the node itself knows the newest."""

    def __init__(self) -> None:
        self.spines: dict[bytes, Spine] = {}
        self.unchained: dict[bytes, None] = {}

    def add(self, act: Act) -> None:
        """Take note of an act. The same one again changes nothing."""
        if act.kind == "found":
            for organ in act["organs"]:
                self.begin(organ_id(act.id, organ["name"]), act)
        elif act.kind == "beacon":
            pass
        elif not (act.row.spine and act.issuer is Issuer.ORGAN) or not self.add_decision(act):
            self.unchained[act.id] = None
        elif act.kind == "constitute":
            self.begin(organ_id(act.id, act["new"]["name"]), act)

    def begin(self, organ: bytes, act: Act) -> None:
        self.spines.setdefault(organ, Spine(organ, act.id, {organ: 0}))

    def add_decision(self, act: Act) -> bool:
        moved = [(act["organ"], act["prior"])]
        if act.get("theirs"):
            moved.append((act["of"], act["theirs"]))
        found = [self.spines[organ].add(act.id, prior) for organ, prior in moved if organ in self.spines]
        return any(found)

    def heads(self, beacons: Mapping[bytes, tuple[int, bytes]]) -> Heads:
        """Return how far each chain is known. An organ of which two decisions follow one place has no row."""
        return Heads({organ: spine.head for organ, spine in self.spines.items() if not spine.forked}, beacons)

    def loose(self) -> Iterator[bytes]:
        """Yield the ids of the acts that no row speaks for."""
        yield from self.unchained
        told: set[bytes] = set()
        for spine in self.spines.values():
            if spine.forked:
                for act in (spine.brought_by, *spine.every()):
                    if act not in told and act not in self.unchained:
                        told.add(act)
                        yield act

    def lacking(self, theirs: Marked) -> Iterator[bytes]:
        """Yield the decisions that somebody with these rows lacks, and the acts that made their organs: of each spine
        in its order, none twice."""
        told: set[bytes] = set()
        for spine in self.spines.values():
            for act in () if spine.forked else spine.after(theirs.organ(spine.organ), theirs):
                if act not in told:
                    told.add(act)
                    yield act


def beacons_lacking(ours: Mapping[bytes, tuple[int, bytes]], theirs: Marked) -> Iterator[bytes]:
    """Yield our newest beacons that somebody with these rows lacks. Of two with one serial each side sends its own."""
    for issuer, (serial, act) in ours.items():
        said = theirs.beacon(issuer)
        if said is None or serial > said[0] or (serial == said[0] and not theirs.is_mark_of(said[1], act)):
            yield act


def behind(ours: Heads, theirs: Marked) -> list[bytes]:
    """Return the issuers of whose chains somebody says to know more than we do: we lack what he says he has.

    Chains that we have never heard of are not among them: a mark names nobody.
    """
    found = [organ for organ, (place, _) in ours.organs.items() if (said := theirs.organ(organ)) and said[0] > place]
    found += [one for one, (serial, _) in ours.beacons.items() if (said := theirs.beacon(one)) and said[0] > serial]
    return found
