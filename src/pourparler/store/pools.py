"""How much a node's pools hold, and may hold: of each owner, and in all."""

from dataclasses import dataclass

from pourparler.core import limits


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many rows and bytes of a pool one owner may have, and all together."""

    owner_rows: int
    owner_bytes: int
    rows: int
    bytes: int


POOL = Bounds(
    limits.NODE_OWNER_ROWS_MAX, limits.NODE_OWNER_BYTES_MAX, limits.NODE_POOL_ROWS_MAX, limits.NODE_POOL_BYTES_MAX
)
CARRIED = Bounds(
    limits.NODE_CARRIED_ROWS_MAX,
    limits.NODE_CARRIED_BYTES_MAX,
    limits.NODE_CARRIED_ALL_ROWS_MAX,
    limits.NODE_CARRIED_ALL_BYTES_MAX,
)


POOLS = {"pending": "works", "part": "0", "carried": "0"}  # each with what says that a row of it works


class Tally:
    """How many rows and bytes of one pool each owner has, and all together: of what works, and of the rest. To count
    them anew with each act would cost a node most of its time under a flood."""

    def __init__(self) -> None:
        self._held: dict[tuple[bool, bytes | None], tuple[int, int]] = {}

    def __bool__(self) -> bool:
        """Return whether the pool holds anything."""
        return bool(self._held)

    def add(self, works: bool, owner: bytes, rows: int, size: int) -> None:
        """Count rows that came, or (less than none) that went."""
        for whose in (owner, None):
            before_rows, before_bytes = self._held.get((works, whose), (0, 0))
            if before_rows + rows:
                self._held[works, whose] = before_rows + rows, before_bytes + size
            else:
                self._held.pop((works, whose), None)

    def rows(self, works: bool, owner: bytes | None = None) -> int:
        """Return how many rows an owner has, or all."""
        return self._held.get((works, owner), (0, 0))[0]

    def has_room(self, works: bool, owner: bytes | None, size: int, most_rows: int, most_bytes: int) -> bool:
        """Return whether one row more of such a size keeps the bounds of an owner, or of all."""
        rows, held = self._held.get((works, owner), (0, 0))
        return rows < most_rows and held + size <= most_bytes
