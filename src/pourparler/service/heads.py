"""May this ledger be written? Its store is compared with whatever else remembers it, before anything is appended.

A store that was put back to an earlier day looks whole. Whoever appended to it would sign a second history under the
ledger's key: a fork, which anybody can prove and nobody can take back. So the tree in the store has to contain the
head in the high-water file, and every head that a witness has cosigned. If it does not, the ledger is *read-only*
(:class:`ReadOnly`): what it holds is read and shown, and nothing is appended or signed, until a person has decided
what to do (``docs/operating.md``).

*Behind* (``ledger.behind``): entries are missing here that others have seen. What is left is the beginning of the
ledger, and can be proven; anybody's newer copy brings the rest back. *Differs* (``ledger.differs``): the store holds
other entries than those that were acknowledged. Nothing of it is given away: it may be the second history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pourparler.core.council import Depositary
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import Frontier, frontier_of, open_checkpoint
from pourparler.ports import HighWater, Store, StoreError

HeadsSeen = Callable[[], Mapping[str, tuple[int, bytes | None]]]
"""Ask all who watch the ledger: for each that answered, by name, the size that it saw last, and the root where it
showed a checkpoint of that size which bears the ledger's signature."""

GUIDE = "docs/operating.md"
RECOVER = (
    "Write nothing here, and put no file back. Take the missing entries from anybody's newer copy: pourparler ledger "
    f"recover FILE. If nobody has one: {GUIDE}, “A new log, the same council”."
)
DIFFERENT = (
    "Give nothing of this file away. Keep it, and find out where the other history is; its copy is taken in another "
    f"workspace. Then: {GUIDE}, “A new log, the same council”."
)


class ReadOnly(StoreError):
    """A ledger that may be read and not written: a stable dotted reason, what is wrong, and what a person can do.

    ``differs`` says that the store may hold a second history, of which nothing may leave.
    """

    def __init__(self, reason: str, what: str, do: str = "") -> None:
        super().__init__(what)
        self.reason, self.what, self.do = reason, what, do

    @property
    def differs(self) -> bool:
        return self.reason == "ledger.differs"

    def __str__(self) -> str:
        return f"{self.what} [{self.reason}]"

    def __reduce__(self) -> tuple[type["ReadOnly"], tuple[str, str, str]]:
        return type(self), (self.reason, self.what, self.do)  # an intake copies it for each that waits


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree that a store holds, checked entry by entry. Any earlier root can be asked for."""

    depositary: Depositary
    frontier: Frontier
    store: Store

    @property
    def size(self) -> int:
        return self.frontier.size

    def root_at(self, size: int) -> bytes:
        """Return the root of the first ``size`` entries."""
        return frontier_of(size, self.store.node).root()


def read_only_because(
    tree: Tree, high_water: HighWater | None, seen: Mapping[str, tuple[int, bytes | None]]
) -> ReadOnly | None:
    """Return why a ledger may not be written, or None where all that remember it agree with its store.

    ``seen`` is what :data:`HeadsSeen` answered; a size without a root is somebody's mere word and stops nothing, or one
    liar could. No ``high_water`` means that none is wanted, as for a rehearsal.
    """
    found = against_high_water(tree, high_water) if high_water is not None else None
    if found is not None:
        return found
    for name, (size, root) in sorted(seen.items()):
        found = against_head(tree, f"the witness {name} has seen", size, root) if root is not None else None
        if found is not None:
            return found
    return None


def acknowledge(store: Store, high_water: HighWater) -> None:
    """Bring a high-water file up to a store that contains its head: a crash came between the two, and nobody may be
    told of what it left before the file holds it. Raises :class:`StoreError`; also where a write of the file has failed
    before, or somebody else has written it since: whoever wrote over that could put the mark back."""
    note = store.checkpoint()
    if note is not None and (note != high_water.read() or high_water.spoilt):
        high_water.check()
        high_water.keep(note)


def against_head(tree: Tree, who: str, size: int, root: bytes | None) -> ReadOnly | None:
    """Return why the tree contradicts a head that somebody remembers, or None where it contains it."""
    origin = tree.depositary.origin
    if size > tree.size:
        return ReadOnly(
            "ledger.behind",
            f"the ledger {origin} is read-only: it has {tree.size:,} entries here, and {who} {size:,}. Entries that "
            "were acknowledged are missing: an older copy was put back, or the disk lost what it had confirmed. "
            "Whatever were appended now would be a second history.",
            RECOVER,
        )
    if root is not None and tree.root_at(size) != root:
        return ReadOnly(
            "ledger.differs",
            f"the ledger {origin} is read-only: its first {size:,} entries here are others than {who}. Somebody else "
            "has written it with its key, perhaps from a copy of this folder.",
            DIFFERENT,
        )
    return None


def against_high_water(tree: Tree, high_water: HighWater) -> ReadOnly | None:
    """Return why the tree contradicts its high-water file, or why that cannot be asked."""
    note, origin = high_water.read(), tree.depositary.origin
    if note is None:
        first = tree.size <= 1 and not high_water.spoilt  # a ledger that was cut off while it began
        if tree.size == 0 or (high_water.begun and first):
            return None
        return unknown(
            tree,
            "ledger.no-high-water",
            "its high-water file is empty" if high_water.begun else "its high-water file is not there",
        )
    try:
        head = open_checkpoint(note, origin, ledger_key(tree.depositary)).checkpoint
    except PourparlerError as error:
        return unknown(tree, "ledger.other-high-water", f"its high-water file holds another ledger's head ({error})")
    found = against_head(tree, "its high-water file says that it had", head.size, head.root)
    if found is None and high_water.spoilt and head.size == tree.size:
        # A write that was cut off came after a commit: the store would have more. So the medium has failed.
        return unknown(tree, "ledger.no-high-water", "a half of its high-water file is spoilt")
    return found


def unknown(tree: Tree, reason: str, wrong: str) -> ReadOnly:
    """Return that nothing is known of what was acknowledged, and ``wrong``, why."""
    return ReadOnly(
        reason,
        f"the ledger {tree.depositary.origin} is read-only: {wrong}, so nobody can tell whether its {tree.size:,} "
        "entries are all that were acknowledged.",
        "Is the disk with the file mounted? Then mount it. If the file is lost, compare with others' copies, and say "
        f"that this is the newest head: pourparler ledger accept-head ({GUIDE}).",
    )
