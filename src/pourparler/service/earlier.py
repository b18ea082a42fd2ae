"""Earlier checkpoints: what witnesses cosigned when a ledger was shorter, carried beside a copy of it.

A policy of witnesses asks that they saw every act near its time, and a later cosignature of a larger tree does not say
so. So whoever is to show that without the depositary needs the checkpoints of those days. They come with a copy, which
is foreign input: each must bear the ledger's own signature, over the very tree that the copy holds (:func:`checked`). A
checkpoint that the ledger signed over *another* tree is no mistake of the copy's; it proves a fork.

The cosignatures on them are another matter: who holds a copy need not know the witnesses. They are verified by whoever
has a policy, and till then stand for nothing. So what is kept is bounded, and what goes into evidence is chosen so that
a cosigner who vouches for nothing hides none who does (:class:`Sightings`).
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from pourparler.core.council import Depositary
from pourparler.core.errors import Malformed, PourparlerError
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import NodeReader, VerifierKey, frontier_of, open_checkpoint, split_note
from pourparler.core.ledger.note import parse_signature_line

NOTES_MAX = 65_536
NOTES_MAX_BYTES = 64 * 1024 * 1024
NOTES_OF_A_SIZE_MAX = 64
COSIGNERS_MAX = 256  # as many witnesses as a policy can have
FILE_MAX_BYTES = NOTES_MAX_BYTES + NOTES_MAX  # of them in one file, parted by newlines

Sized = tuple[int, bytes]
"""A checkpoint as a note, after the number of entries that it covers."""


class NotTheLedgers(Exception):
    """A note among the earlier checkpoints is none that the ledger signed over entries of the copy."""


class AnotherTree(Exception):
    """The ledger signed a checkpoint, ``note``, over other entries than the copy has: it told two stories."""

    def __init__(self, note: bytes, root: bytes) -> None:
        super().__init__("the ledger has signed another root of as many entries")
        self.note, self.root = note, root


def check_bounds(notes: Iterable[bytes]) -> None:
    """Raise :class:`Malformed` (``bundle.layout``) for more than a copy may have of them: before any is looked at."""
    lengths = [len(note) for note in notes]
    if len(lengths) > NOTES_MAX or sum(lengths) > NOTES_MAX_BYTES:
        said = f"{len(lengths):,} earlier checkpoints of {sum(lengths):,} bytes"
        raise Malformed("bundle.layout", f"{said}; a copy has at most {NOTES_MAX:,} of {NOTES_MAX_BYTES:,}")


def checked(notes: Iterable[bytes], depositary: Depositary, most: int, node: NodeReader) -> Iterator[Sized]:
    """Yield the notes that the ledger signed over the tree of ``most`` entries that ``node`` reads; each once, with its
    size. One that nobody else has signed says nothing, and is passed over.

    Raises :class:`NotTheLedgers`, :class:`AnotherTree`. Cost: a signature and a path of hashes for each.
    """
    key = ledger_key(depositary)
    for note in dict.fromkeys(notes):
        try:
            checkpoint = open_checkpoint(note, depositary.origin, key).checkpoint
            cosigned = bool(cosigners(note, key))
        except PourparlerError as error:
            raise NotTheLedgers(f"an earlier checkpoint is not the ledger's: {error}") from None
        if checkpoint.size > most:
            said = f"an earlier checkpoint is of {checkpoint.size:,} entries, and there are {most:,}"
            raise NotTheLedgers(said)
        if checkpoint.root != frontier_of(checkpoint.size, node).root():
            raise AnotherTree(note, checkpoint.root)
        if cosigned and checkpoint.size > 0:
            yield checkpoint.size, note


def cosigners(note: bytes, ledger: VerifierKey) -> set[tuple[str, bytes]]:
    """Return who says to have signed a note beside the ledger: name and key id. Nothing is verified. Raises
    :class:`PourparlerError` where a line is none."""
    said = (parse_signature_line(line)[:2] for line in split_note(note)[1])
    return {pair for pair in said if pair != (ledger.name, ledger.key_id)}


def cosigned_by_others(note: bytes) -> bool:
    """Return whether a checkpoint bears more signature lines than one ledger's."""
    return len(split_note(note)[1]) > 1


def new_among(notes: Iterable[Sized], held: Iterable[Sized]) -> list[Sized]:
    """Return what is to be kept beside what is held: nothing twice, and of one size no more than the bound. Over the
    years they may be more than one copy carries."""
    known, count = set[bytes](), Counter[int]()
    for size, note in held:
        known.add(note)
        count[size] += 1
    new: list[Sized] = []
    for size, note in notes:
        if note not in known and count[size] < NOTES_OF_A_SIZE_MAX:
            known.add(note)
            count[size] += 1
            new.append((size, note))
    return new


def to_carry(held: Iterable[Sized], most: int, newest: bytes = b"") -> list[bytes]:
    """Return the notes that go with a copy of ``most`` entries, by size, but for the checkpoint ``newest`` that it
    stands under; where there are more than a copy may have, the later ones: who takes copies regularly has the
    others."""
    found = [note for size, note in held if size <= most and note != newest][-NOTES_MAX:]
    left = NOTES_MAX_BYTES
    for number, note in enumerate(reversed(found)):
        left -= len(note)
        if left < 0:
            return found[len(found) - number :]
    return found


def joined(notes: Iterable[bytes]) -> bytes:
    """Return checkpoints as one file, an empty line between them (``spec/tiles.md`` section 6)."""
    return b"\n".join(notes)


def parted(data: bytes) -> Iterator[bytes]:
    """Yield the notes in a file of checkpoints, of which none holds an empty line. Nothing is checked."""
    start = 0
    while start < len(data):
        text = data.find(b"\n\n", start)
        end = data.find(b"\n\n", text + 2) if text >= 0 else -1
        yield data[start : end + 1 if end >= 0 else len(data)]
        start = end + 2 if end >= 0 else len(data)


class Sightings:
    """The earlier checkpoints of a ledger, to be asked which of them may show that an entry was seen in time.

    For an entry these are, of each cosigner, the first that cover it: the verifier's policy is not known here, nor
    whether a cosigner is one of his witnesses. Cost of making it: a look at every note.
    """

    def __init__(self, notes: Iterable[Sized], ledger: VerifierKey) -> None:
        self.notes: dict[int, list[bytes]] = {}
        signed: dict[tuple[str, bytes], list[int]] = {}
        for size, group in groupby(notes, key=itemgetter(0)):
            self.notes[size] = [note for _, note in group]
            for pair in set[tuple[str, bytes]]().union(*(cosigners(note, ledger) for note in self.notes[size])):
                signed.setdefault(pair, []).append(size)
        often = Counter({pair: len(sizes) for pair, sizes in signed.items()}).most_common(COSIGNERS_MAX)
        self.sizes = [signed[pair] for pair, _ in often]

    def after(self, index: int) -> list[bytes]:
        """Return the checkpoints by which an entry was first cosigned, by size; none where it never was."""
        firsts = {sizes[at] for sizes in self.sizes if (at := bisect_right(sizes, index)) < len(sizes)}
        return [note for size in sorted(firsts) for note in self.notes[size]]
