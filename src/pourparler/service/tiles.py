"""A stored ledger as files: the view that a web server mounts, and the folder that any web server can hold.

What a log serves (``spec/tiles.md``) is made from what is stored whenever it is asked for: leaf hashes from the
entries, every other hash from the complete subtrees, a partial tile as the beginning of the full one. Nothing is stored
beside the ledger, so nothing can disagree with it. :class:`LogView` answers for one path; :func:`export` writes all of
them into a folder, the checkpoint last: whoever copies the folder finds every file that its checkpoint speaks of.
"""

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path

from pourparler.core import limits
from pourparler.core.act import Issuer, parse_act
from pourparler.core.council import Depositary
from pourparler.core.errors import PourparlerError
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import (
    Checkpoint,
    frontier_of,
    leaf_hash,
    open_checkpoint,
    parse_checkpoint,
    split_note,
)
from pourparler.core.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    encode_bundle,
    encode_hashes,
    parse_tile_path,
    partial_tiles,
    tiles_of,
    width_of,
)
from pourparler.ports import Store
from pourparler.service.earlier import AnotherTree, NotTheLedgers, Sized, checked, joined, parted, to_carry
from pourparler.service.intake import TextsGiven, may_bring

CHECKPOINT = "checkpoint"
WITNESSED = "witnessed"  # earlier checkpoints that witnesses cosigned: our own addition, too
CHECKPOINT_TYPE = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"
TEXT_PATH = re.compile(r"text/([0-9a-f]{64})")
TRANSACTION_ENTRIES_MAX = 2 * TILE_WIDTH  # at most 256 acts share a stamp, and an empty transaction may follow

Progress = Callable[[int, int], None]


def text_path(digest: bytes) -> str:
    """Return where a public text is served: our own addition to the paths of tlog-tiles."""
    return f"text/{digest.hex()}"


# --- one path ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resource:
    """What is served at a path: its bytes, its media type, and whether it will stay the same for ever."""

    data: bytes
    content_type: str
    immutable: bool


class LogView:
    """A stored ledger as the resources of a static log, up to the size of the checkpoint that it publishes.

    ``published`` returns that checkpoint, or None where there is none yet; otherwise it is the newest one stored. Of
    partial tiles only those are served that a checkpoint can have called for: where a transaction ends. Safe to use
    from several threads, if the store is.
    """

    def __init__(self, store: Store, published: Callable[[], bytes | None] | None = None) -> None:
        self.store = store
        self.published = published or store.checkpoint
        self._given, self._reading = TextsGiven(), threading.Lock()
        self._witnessed: tuple[bytes, bytes] = b"", b""  # under which checkpoint it was made, and the file

    def resource(self, path: str) -> Resource | None:
        """Return what is served at a path (without a slash before it), or None. Raises :class:`StoreError`."""
        note = self.published()
        if note is None:
            return None
        if path == CHECKPOINT:
            return Resource(note, CHECKPOINT_TYPE, immutable=False)
        if path == WITNESSED:
            data = self.witnessed(note)
            return Resource(data, CHECKPOINT_TYPE, immutable=False) if data else None
        if found := TEXT_PATH.fullmatch(path):
            digest = bytes.fromhex(found[1])
            text = self.store.text(digest)
            if text is None or not self.texts_given(stated(note).size).within(digest, stated(note).size):
                return None
            return Resource(text, OCTETS, immutable=True)
        try:
            tile = parse_tile_path(path)
        except PourparlerError:
            return None
        if tile.width > width_of(stated(note).size, tile.level, tile.index):
            return None
        if not tile.full and not self.called_for(tile, stated(note).size):
            return None
        return Resource(self.tile(tile), OCTETS, immutable=True)

    def witnessed(self, note: bytes) -> bytes:
        """Return the file of earlier checkpoints beside this one. It is made once: what witnesses cosign next changes
        the checkpoint that is published."""
        with self._reading:
            if self._witnessed[0] != note:
                notes = to_carry(self.store.witnessed_notes(0), stated(note).size)
                self._witnessed = note, joined(notes)
            return self._witnessed[1]

    def texts_given(self, size: int) -> TextsGiven:
        """Return which texts may leave, with at least so many entries read; every entry is read once, when first asked
        for."""
        with self._reading:
            if self._given.size < size:
                new = islice(self.store.entries(self._given.size), size - self._given.size)
                self._given.read_on(entry.data for entry in new)
            return self._given

    def called_for(self, tile: Tile, size: int) -> bool:
        """Return whether a transaction ended at a size whose tree has this partial tile: a checkpoint was made there.

        Transactions are short, so that this looks at some hundred entries at most.
        """
        scale = TILE_HEIGHT * (tile.level or 0)
        first = (tile.index * TILE_WIDTH + tile.width) << scale
        last = min(size, first + (1 << scale) - 1, first + TRANSACTION_ENTRIES_MAX)
        return last == size or any(self.begins(index) for index in range(first, last + 1))

    def begins(self, index: int) -> bool:
        """Return whether a transaction begins at an entry: the one before it ended there, under a checkpoint."""
        try:
            return parse_act(self.store.entry(index).data).issuer is Issuer.LEDGER
        except PourparlerError:
            return False

    def tile(self, tile: Tile) -> bytes:
        """Return the bytes of a tile that the stored tree has."""
        first = tile.index * TILE_WIDTH
        if tile.level is None or tile.level == 0:
            entries = [entry.data for entry in islice(self.store.entries(first), tile.width)]
            return encode_bundle(entries) if tile.level is None else encode_hashes([*map(leaf_hash, entries)])
        level = tile.level * TILE_HEIGHT
        return encode_hashes([self.store.node(level, first + number) for number in range(tile.width)])


def stated(note: bytes) -> Checkpoint:
    """Return what a checkpoint states that was verified when it was stored."""
    return parse_checkpoint(split_note(note)[0], allow_extensions=True)


# --- a folder of all of them ------------------------------------------------------------------------------------------

WRITING = ".writing"  # a file of a log is written under this name, and then takes its own
OURS = {WRITING, WITNESSED, "tile", "text"}


class ExportError(Exception):
    """Why a folder is not written into: what is wrong and what to do. ``other_history`` where the folder shows that the
    ledger told two stories, or that the one stored here is an old copy."""

    def __init__(self, what: str, do: str, *, other_history: bool = False) -> None:
        super().__init__(what)
        self.what, self.do, self.other_history = what, do, other_history


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: ``size`` entries stand in the folder, ``before`` did before; ``files`` were written."""

    size: int
    before: int
    files: int
    texts: int


def quiet(_done: int, _of: int) -> None:
    """Tell nobody."""


def export(view: LogView, depositary: Depositary, folder: Path, progress: Progress = quiet) -> Exported:
    """Write a ledger as static files into a folder, or what is new since the last time.

    The checkpoint is written last and at once: until then the folder is the log that it was. Full tiles are never
    written again; a partial one stays until its full one is there. Raises :class:`ExportError`, before anything is
    written, for a folder that is not this ledger's; :class:`StoreError`, ``OSError``.
    """
    note = view.published()
    if note is None:
        raise ExportError(f"the ledger {depositary.origin} has no checkpoint yet.", "Take an act in first.")
    new = open_checkpoint(note, depositary.origin, ledger_key(depositary), allow_extensions=True).checkpoint
    old = found_in(folder, depositary)
    if old is not None:
        check_continues(view, folder, old, new)
    before = old.size if old else 0
    shelf = Shelf(folder, strict=old is None)
    folder.mkdir(exist_ok=True)
    if old is None or old.size < new.size:
        texts = write_entries(view, shelf, before, new.size, progress)
        for tile in tiles_of(new.size, before):
            if tile.level:
                shelf.put(tile.path, view.tile(tile))
    else:
        texts = 0
    if notes := joined(to_carry(all_notes(view, depositary, folder), new.size)):
        shelf.put(WITNESSED, notes, replace=True)
    if not (folder / CHECKPOINT).is_file() or (folder / CHECKPOINT).read_bytes() != note:
        os.sync()  # whatever the checkpoint speaks of is on the disk before the checkpoint is
        shelf.put(CHECKPOINT, note, replace=True)
    drop_partial(folder, before, new.size)
    return Exported(new.size, before, shelf.written, texts)


def found_in(folder: Path, depositary: Depositary) -> Checkpoint | None:
    """Return the checkpoint of an earlier export, or None where the folder is empty, or one was begun in it.

    Raises :class:`ExportError` where it holds anything else.
    """
    if not folder.exists():
        if not folder.parent.is_dir():
            raise ExportError(f"{folder.parent} is no folder.", "Make it first, or name another. Nothing was written.")
        return None
    if not folder.is_dir():
        raise ExportError(f"{folder} is no folder.", "Name a folder for the log alone. Nothing was written.")
    checkpoint = folder / CHECKPOINT
    if not checkpoint.exists():
        strangers = sorted({path.name for path in folder.iterdir()} - OURS)
        if strangers:
            raise ExportError(
                f"{folder} holds other files ({', '.join(strangers[:3])}), and no log.",
                "Name a folder that is new or empty. Nothing was written.",
            )
        return None
    try:
        with checkpoint.open("rb") as file:
            note = file.read(limits.NOTE_MAX_BYTES + 1)
        key = ledger_key(depositary)
        return open_checkpoint(note, depositary.origin, key, allow_extensions=True).checkpoint
    except PourparlerError as error:
        raise ExportError(
            f"{folder} holds another log: its checkpoint is none of {depositary.origin} ({error.detail or error}) "
            f"[{error.reason}].",
            "Name a folder that is new or empty, or the one that this ledger was exported to. Nothing was written.",
        ) from None


def check_continues(view: LogView, folder: Path, old: Checkpoint, new: Checkpoint) -> None:
    """Raise :class:`ExportError` unless the ledger begins with what was exported before."""
    held = view.store.size()
    if old.size > held:
        raise ExportError(
            f"{folder} holds {old.size:,} entries under a checkpoint that this ledger signed; here there are {held:,}. "
            "The ledger here is an older copy of itself.",
            "Write nothing more into this ledger: it would fork. Look for the newer file. Nothing was exported.",
            other_history=True,
        )
    if frontier_of(old.size, view.store.node).root() != old.root:
        raise ExportError(
            f"{folder} holds another history of this ledger: the root of its {old.size:,} entries is another one, and "
            "the ledger signed both.",
            "Keep both, show them to the other parties, and find out how it came about. Nothing was exported.",
            other_history=True,
        )
    if old.size > new.size:
        raise ExportError(
            f"{folder} has the checkpoint of {old.size:,} entries already, and the one to publish is of {new.size:,}.",
            "Publish a newer one first; what readers have seen is not taken back. Nothing was exported.",
        )


def all_notes(view: LogView, depositary: Depositary, folder: Path) -> list[Sized]:
    """Return the earlier checkpoints that the store keeps and those that were exported before, of which none is lost.

    Raises :class:`ExportError` where what lies in the folder is none of the ledger's, or of another history of it.
    """
    ours, path = list(view.store.witnessed_notes(0)), folder / WITNESSED
    if not path.is_file():
        return ours
    known = {note for _, note in ours}
    others = (note for note in parted(path.read_bytes()) if note not in known)
    try:
        exported = checked(others, depositary, view.store.size(), view.store.node)
        return sorted([*ours, *exported], key=itemgetter(0))
    except NotTheLedgers as error:
        raise ExportError(
            f"{path} is there already, and is none of this ledger's files: {error}.",
            "Name another folder, or move the file away. No checkpoint was written.",
        ) from None
    except AnotherTree:
        raise ExportError(
            f"{path} shows another history of this ledger: it holds a checkpoint of other entries, and the ledger "
            "signed both.",
            "Keep both, show them to the other parties, and find out how it came about. No checkpoint was written.",
            other_history=True,
        ) from None


def write_entries(view: LogView, shelf: "Shelf", before: int, size: int, progress: Progress) -> int:
    """Write entry bundles, leaf hashes and texts from the tile on that is not full yet; return the number of texts."""
    first = before - before % TILE_WIDTH
    brings = False
    entries = view.store.entries(first)
    for start in range(first, size, TILE_WIDTH):
        bundle = [entry.data for entry in islice(entries, min(TILE_WIDTH, size - start))]
        at = start // TILE_WIDTH
        shelf.put(Tile(None, at, len(bundle)).path, encode_bundle(bundle))
        shelf.put(Tile(0, at, len(bundle)).path, encode_hashes([*map(leaf_hash, bundle)]))
        brings = brings or any(map(may_bring, bundle[max(0, before - start) :]))
        progress(start + len(bundle), size)
    return write_texts(view, shelf, before, size) if brings else 0  # what opened a dossier may lie far back


def write_texts(view: LogView, shelf: "Shelf", before: int, size: int) -> int:
    """Write the texts that the new entries give away; return how many were written."""
    given = view.texts_given(size).first
    found = ((digest, view.store.text(digest)) for digest, index in given.items() if before <= index < size)
    return sum(shelf.put(text_path(digest), text) for digest, text in found if text is not None)


class Shelf:
    """A folder into which files are put whole or not at all. A file that is there is left as it is if it is the same;
    another one is in the way of a new log (``strict``), and otherwise the rest of an export that was cut short."""

    def __init__(self, folder: Path, *, strict: bool) -> None:
        self.folder, self.strict, self.written = folder, strict, 0

    def put(self, path: str, data: bytes, *, replace: bool = False) -> int:
        """Put a file at its path; return 1, or 0 where it was there already."""
        target = self.folder / path
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if target.read_bytes() == data:
                return 0
            if self.strict and not replace:
                raise ExportError(
                    f"{target} is there already, and is none of this ledger's files.",
                    "Name a folder that is new or empty. No checkpoint was written.",
                )
        target.parent.mkdir(parents=True, exist_ok=True)
        writing = self.folder / WRITING
        writing.write_bytes(data)
        writing.replace(target)
        self.written += 1
        return 1


def drop_partial(folder: Path, before: int, size: int) -> None:
    """Remove partial tiles whose full tile is there now: whoever still asks for one is told to take the full one."""
    for tile in (*partial_tiles(before), *bundles_at_the_edge(before)):
        if width_of(size, tile.level, tile.index) == TILE_WIDTH:
            partials = folder / f"{tile.whole.path}.p"
            for path in sorted(partials.iterdir()) if partials.is_dir() else ():
                path.unlink()
            with contextlib.suppress(OSError):
                partials.rmdir()


def bundles_at_the_edge(size: int) -> Iterator[Tile]:
    if width := size % TILE_WIDTH:
        yield Tile(None, size // TILE_WIDTH, width)
