"""One command at work in a workspace: its ledgers and keys, what it asks of a person, what it answers.

Every command of a noun is a function that takes a :class:`Session` first; :func:`command` gives it to the command line
with the options that all of them share. What goes wrong rises to ``main``, which says it (``trouble``).
"""

import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.options import AsJson, InWorkspace, PassphraseFile, Quiet, Yes, completing, say_json
from pourparler.cli.passphrase import Passphrases
from pourparler.cli.trouble import INPUT, USAGE, Problem
from pourparler.cli.words import Part, Screen, clean, date_time
from pourparler.core.authority import Moment
from pourparler.core.errors import STEPS, PourparlerError, step_of
from pourparler.core.redline import text_digest
from pourparler.core.registry import Registry
from pourparler.ports import KeyTrouble, Signer
from pourparler.service import desk, keyring
from pourparler.service.books import Book
from pourparler.service.completing import Standing
from pourparler.service.forms import Form, read_instant
from pourparler.service.names import Names
from pourparler.service.workspace import KnownLedger, Workspace, WorkspaceError, check_name, special

if TYPE_CHECKING:
    from pourparler.service.witnessing import Head, SeenHead

InLedger = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        metavar="ORIGIN",
        help="Which ledger, where that does not show by itself.",
        show_default=False,
    ),
]
AtInstant = Annotated[
    str | None,
    typer.Option("--at", metavar="INSTANT", help="As of when, ISO 8601; otherwise now.", show_default=False),
]
MARK = {"yes": ("✓", "green"), "no": ("✗", "red"), "void": ("?", "yellow"), "waits": ("…", "yellow")}
SLOW_SECONDS = 2.0
STARTING_SECONDS = 3.0  # for each witness that is asked what it has seen, before a ledger is written
OTHER_FILE = "Name a file in a folder that there is. Nothing was done."
ACT_FILE = (desk.FORMAT.encode(), b"\xd2\x84", b"\xd8\x62\x84")


@dataclass
class Session:
    """What one command works with. Ledgers are opened when they are first asked for, and closed at the end."""

    workspace_folder: Path | None = None
    ledger_name: str | None = None
    passphrase_file: Path | None = None
    at: str | None = None
    as_json: bool = False
    quiet: bool = False
    yes: bool = False
    books: dict[str, Book] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    exit_code: int = 0
    made: list[Path] = field(default_factory=list)
    _workspace: Workspace | None = None
    _passphrases: Passphrases | None = None
    _signers: dict[bytes, Signer] = field(default_factory=dict)
    _names: Names | None = None
    _names_of: list[int] = field(default_factory=list)
    _told_at: float = 0.0
    _outs: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.screen = Screen()
        self.aside = Screen(sys.stderr)
        self.now = read_instant(self.at, "--at", int(time.time())) if self.at is not None else int(time.time())

    # Saying.

    def say(self, *parts: Part, lead: Part | list[Part] = "") -> None:
        """Print a paragraph for a person; nothing with ``--json``."""
        if not self.as_json:
            self.screen.line(*parts, lead=lead)

    def mention(self, *parts: Part, lead: Part | list[Part] = "") -> None:
        """Print what a person may like to know, unless he asked for quiet."""
        if not self.as_json and not self.quiet:
            self.screen.line(*parts, lead=lead)

    def whole(self, line: str) -> None:
        """Print what is to be copied, such as an id, on a line of its own that is not broken, unless quiet is asked."""
        if not self.as_json and not self.quiet:
            self.screen.raw(f"    {line}")

    def only(self, line: str) -> None:
        """Print the one line that is left with ``--quiet``, whole, for a script to take."""
        if self.quiet and not self.as_json:
            self.screen.raw(line)

    def answer(self, **data: Any) -> None:
        """Add to the one value that ``--json`` prints at the end."""
        self.data.update({name: plain(value) for name, value in data.items()})

    def finish(self) -> None:
        if self.as_json:
            say_json(self.data)

    @property
    def can_ask(self) -> bool:
        """Whether somebody sits at a terminal who can be asked."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not self.as_json

    def sure(self, question: str) -> None:
        """Ask before something that cannot be undone. Raises :class:`Problem` where nobody can be asked, or says no."""
        if self.yes:
            return
        if not self.can_ask:
            raise Problem(
                USAGE,
                "this cannot be undone, and there is no terminal to ask you.",
                "Look at what it does, then give --yes.",
            )
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Problem(USAGE, "you did not say yes; nothing was done.")

    def check_out(self, path: Path | None, *marks: bytes) -> None:
        """Raise :class:`Problem` where a file could not be written, before anything is done that it is to tell of; and
        where it would take the place of another that has none of ``marks`` in it, unless whoever asks for it says yes.
        """
        if path is None or path in self._outs:
            return
        try:
            device = special(path)
        except OSError as error:
            raise Problem(INPUT, f"{path} cannot be written: {error.strerror}.", OTHER_FILE) from None
        folder = path.parent
        if device and not os.access(path, os.W_OK):
            raise Problem(INPUT, f"{path} cannot be written: it is not yours to write.", OTHER_FILE)
        if not device and (not folder.is_dir() or not os.access(folder, os.W_OK)):
            what = f"{path} cannot be written: {folder} is no folder that you may write in."
            raise Problem(INPUT, what, OTHER_FILE)
        if not device and path.is_file() and not self.yes and not of_kind(path, marks):
            if self.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
                what = f"{path} is there already, and is something else than what would be written."
                raise Problem(USAGE, what, "Name another file, or give --yes to overwrite it. Nothing was done.")
            self.sure(f"{path} is there already, and is something else. Overwrite it?")
        self._outs.add(path)

    def progress(self, done: int, total: int) -> None:
        """Say how far a long reading has come, every two seconds."""
        now = time.monotonic()
        if done <= 1:
            self._told_at = now
        if now - self._told_at >= SLOW_SECONDS and not self.quiet:
            self._told_at = now
            print(f"reading the ledger: {done:,} of {total:,} entries", file=sys.stderr, flush=True)

    # What there is.

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            self._workspace = Workspace.find(self.workspace_folder)
        return self._workspace

    @functools.cached_property
    def keys(self) -> keyring.Keyring:
        return keyring.Keyring(self.workspace.keys, cost=keyring.COST)

    @functools.cached_property
    def key_infos(self) -> dict[bytes, keyring.KeyInfo]:
        return {info.public_key: info for info in self.keys.list()}

    def ledgers(self) -> dict[str, KnownLedger]:
        return self.workspace.settings.ledgers

    def which(self, named: str | None = None) -> KnownLedger:
        """Return the ledger that is meant. Raises :class:`Problem`."""
        known = self.ledgers()
        named = named or self.ledger_name
        if named is not None:
            found = [ledger for origin, ledger in known.items() if origin == named]
            found = found or [ledger for origin, ledger in known.items() if named in origin]
            if len(found) == 1:
                return found[0]
            raise Problem(USAGE, f"no one ledger here is meant by {named}.", there_is(known))
        if len(known) == 1:
            return next(iter(known.values()))
        if not known:
            raise Problem(
                USAGE,
                "this workspace has no ledger yet.",
                "Keep one: pourparler ledger create ORIGIN; or take a copy of somebody's: pourparler ledger take FILE.",
            )
        raise Problem(USAGE, "there are several ledgers here.", f"Say which with --ledger. {there_is(known)}")

    def book(self, ledger: KnownLedger | None = None) -> Book:
        """Return an open ledger. Raises :class:`StoreError`."""
        ledger = ledger or self.which()
        if ledger.origin not in self.books:
            waiting = functools.partial(print, "another command is writing; waiting…", file=sys.stderr, flush=True)
            self._told_at = 0.0
            book = Book(self.workspace, ledger, progress=self.progress, waiting=waiting)
            book.heads_seen = functools.partial(self.heads_seen, book)
            self.books[ledger.origin] = book
        return self.books[ledger.origin]

    def heads_seen(self, book: Book) -> dict[str, tuple[int, bytes | None]]:
        """Return what the witnesses of a ledger's policy remember of it: asked before anything is written into it.
        Where one proves a fork, both checkpoints are kept."""
        from pourparler.service import witnessing

        policy = witnessing.policy_of(self.workspace, book.ledger)
        head = witnessing.head_of(book.depositary, book.store) if policy else None
        if policy is None or head is None:
            return {}
        found = witnessing.heads_seen(policy, head, seconds=STARTING_SECONDS)
        for name, seen in found.items():
            if seen.size is None:
                self.mention(f"the witness {clean(name)} does not say what it has seen: {clean(seen.why)}", lead="  ")
            elif seen.root is None and seen.size > head.checkpoint.size:
                told = f"the witness {clean(name)} says that it has seen {seen.size:,} entries of "
                told += f"{clean(book.ledger.origin)}, more than there are here, and shows no proof. "
                self.aside.line(told, "Ask whoever keeps it before you go on.", lead=[MARK["no"], " "])
        for name, files in self.kept_forks(head, found).items():
            told = f"the witness {clean(name)} proves that {clean(book.ledger.origin)} has told two stories; "
            self.aside.line(told, f"both checkpoints are kept: {files[0]} and {files[1]}", lead=[MARK["no"], " "])
        return {name: (seen.size, seen.root) for name, seen in found.items() if seen.size is not None}

    def kept_forks(self, head: "Head", found: "Mapping[str, SeenHead]") -> "dict[str, tuple[Path, Path]]":
        """Keep what proves a fork among what witnesses remember; nothing where it cannot be written, for the ledger is
        stopped either way."""
        from pourparler.service import witnessing

        try:
            return witnessing.keep_forks(self.workspace, head, found)
        except OSError as error:
            self.aside.line(f"the proof of a fork could not be kept: {error}", lead=[MARK["no"], " "])
            return {}

    def reopen(self) -> None:
        """Close the ledgers, to be read anew: a fold in which something was only tried is for nothing else."""
        for book in self.books.values():
            book.close()
        self.books.clear()
        self._names = None

    def all_books(self) -> list[Book]:
        return [self.book(ledger) for ledger in self.ledgers().values()]

    def holding(self, identifier: bytes) -> Book:
        """Return the ledger that an id belongs to: the one that is named, or that knows it; a kept one first.

        Raises :class:`Problem`.
        """
        if self.ledger_name is not None or len(self.ledgers()) <= 1:
            return self.book()
        found = [book for book in self.all_books() if knows(book.registry, identifier)]
        if len(found) > 1:
            found = [book for book in found if at_home(book, identifier)] or found
        if len(found) == 1:
            return found[0]
        where = ", ".join(book.ledger.origin for book in found) or "none of them knows the id"
        raise Problem(USAGE, f"it is not clear which ledger is meant: {where}.", "Say it with --ledger ORIGIN.")

    def keep_text(self, data: bytes) -> bytes:
        """Keep a text at the desk before its act leaves; it goes again if the act is refused."""
        path = self.workspace.text_path(text_digest(data))
        self.made += [] if path.exists() else [path]
        return self.workspace.keep_text(data)

    def undo(self) -> None:
        """Remove what this command wrote beside an act that was refused."""
        for path in self.made:
            path.unlink(missing_ok=True)

    def check_free(self, name: str | None) -> None:
        """Raise :class:`WorkspaceError` where a name is none, or stands for something that a ledger or the desk has."""
        if name is None:
            return
        check_name(name)
        taken = self.workspace.settings.names.get(name)
        if taken is not None and (self.names.known.kind_of(taken) or self.lies(taken)):
            raise WorkspaceError(f"{name} already names {taken.hex()[:16]}….", "Choose another with --name.")

    def lies(self, act_id: bytes) -> bool:
        """Return whether an act lies at the desk."""
        parcels = (p for folder in ("waiting", "pending") for _, p in desk.lying(self.workspace, folder))
        return any(parcel.envelope.signatures and parcel.id == act_id for parcel in parcels)

    def close(self) -> None:
        for book in self.books.values():
            book.close()

    # Names and forms.

    @property
    def names(self) -> Names:
        """The names of everything that the open ledgers hold; of all of them, if none is open yet."""
        if not self.books:
            for ledger in [self.which()] if self.ledger_name else list(self.ledgers().values()):
                self.book(ledger)
        state = (self.workspace.settings, *(book.fold for book in self.books.values()))
        if self._names is None or self._names_of != list(map(id, state)):
            keys = {info.name: key for key, info in self.key_infos.items()}
            self._names = Names(self.workspace, [book.registry for book in self.books.values()], keys)
            self._names_of = list(map(id, state))
        return self._names

    def find(self, said: str, *kinds: str) -> bytes:
        return self.names.find(said, *kinds)

    def called(self, identifier: bytes | None) -> str:
        return self.names.say(identifier)

    def form(self) -> Form:
        ledgers = {origin: ledger.depositary for origin, ledger in self.ledgers().items()}
        return Form(self.names, ledgers, self.now, os.urandom)

    def standing(self, book: Book, home: Registry | None = None) -> Standing:
        return Standing(book.registry, book.depositary, book.next_moment(), book.position, os.urandom, home)

    def as_of(self, book: Book, identifier: bytes | None = None) -> Book:
        """Return the ledger as it is to be looked at: as it stands, or with ``--at`` as it stood at an earlier instant.

        Raises :class:`Problem` where it did not know ``identifier`` then.
        """
        if self.at is None or self.now >= book.last_time:
            return book
        past = book.as_of(self.now)
        if identifier is not None and not knows(past.registry, identifier):
            what = f"on {date_time(self.now)} there was no {self.called(identifier)} in {book.ledger.origin}."
            raise Problem(USAGE, what, "Name a later instant with --at.")
        return past

    def moment(self, book: Book) -> Moment:
        """Return the moment that a question is about: now, or ``--at``; never before what was logged."""
        return Moment(book.size + len(book.pending), max(self.now, book.last_time))

    # Keys.

    @property
    def passphrases(self) -> Passphrases:
        if self._passphrases is None:
            self._passphrases = Passphrases(self.passphrase_file)
        return self._passphrases

    def signer(self, key: bytes, role: str | None = None) -> Signer:
        """Return a key of this workspace that can sign. Raises :class:`KeyTrouble`, also where the key's role is not
        the one that is asked for."""
        info = self.key_infos[key]
        keyring.check_role(info, role)
        if key not in self._signers:
            self._signers[key] = self.passphrases.signer(self.keys, info.name)
        return self._signers[key]

    def unreadable(self) -> list[KeyTrouble]:
        """Return what is wrong with the files of keys here that cannot be read: such a key signs nothing."""
        return list(self.keys.troubles().values())

    def ledger_signer(self, book: Book) -> Signer:
        """Return the key that keeps a ledger. Raises :class:`StoreError` where the ledger is read-only."""
        book.check_writable()
        if book.depositary.key not in self.key_infos:
            if book.ledger.kept_by in (troubles := self.keys.troubles()):
                raise troubles[book.ledger.kept_by]
            raise Problem(
                INPUT,
                f"the key that keeps {book.ledger.origin}, {book.ledger.kept_by}, is not in this workspace.",
                "Put its file back into keys; only it can write this ledger.",
            )
        return self.signer(book.depositary.key)

    def my_keys(self, only: Sequence[str] = ()) -> frozenset[bytes]:
        """Return the keys here, or those of them that were named. Raises :class:`KeyTrouble`, :class:`Problem`."""
        if only:
            return frozenset(self.keys.public(name) for name in only)
        return frozenset(self.key_infos)


def there_is(known: Iterable[str]) -> str:
    return f"There is: {', '.join(known)}." if known else "There is none yet."


def knows(registry: Registry, identifier: bytes) -> bool:
    return (
        identifier in registry.outcomes
        or identifier in registry.party_of_organ
        or identifier in registry.streams
        or any(identifier in dossier.papers for dossier in registry.dossiers.values())
    )


def at_home(book: Book, identifier: bytes) -> bool:
    """Return whether the ledger is the home of the party that an id belongs to."""
    registry = book.registry
    party = registry.party_of_organ.get(identifier) or registry.party_of_mandate.get(identifier)
    register = registry.registers.get(party or identifier)
    return register is not None and register.spines.home


def plain(value: Any) -> Any:
    """Return a value as JSON has it: bytes in hex."""
    match value:
        case bytes():
            return value.hex()
        case Mapping():
            return {plain(name): plain(member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            members = sorted(value) if isinstance(value, (set, frozenset)) else value
            return [plain(member) for member in members]
    return value


# --- commands ---------------------------------------------------------------------------------------------------------

SHARED: dict[str, Any] = {
    "ledger": InLedger,
    "at": AtInstant,
    "passphrase_file": PassphraseFile,
    "workspace": InWorkspace,
    "yes": Yes,
    "quiet": Quiet,
    "as_json": AsJson,
}
DEFAULTS: dict[str, Any] = dict.fromkeys(("ledger", "at", "passphrase_file", "workspace"))


def command(
    app: typer.Typer, name: str | None = None, **settings: Any
) -> Callable[[Callable[..., Any]], Callable[..., int]]:
    """Give a function that takes a :class:`Session` to the command line, with the options that all commands share.

    Its value is the exit code; None is 0.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., int]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=DEFAULTS.get(option, False), annotation=annotation
            )
            for option, annotation in SHARED.items()
        ]

        def run(**given: Any) -> int:
            session = Session(
                workspace_folder=given.pop("workspace"),
                ledger_name=given.pop("ledger"),
                **{option: given.pop(option) for option in ("passphrase_file", "at", "as_json", "quiet", "yes")},
            )
            try:
                code = function(session, **given) or session.exit_code
            except (PourparlerError, Problem):
                session.undo()
                raise
            finally:
                session.close()
            session.finish()
            return code

        keyword = [completing(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)) for parameter in own]
        shared = [completing(parameter) for parameter in shared]
        run.__signature__ = inspect.Signature([*keyword, *shared])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*keyword, *shared)}
        run.__doc__, run.__name__ = function.__doc__, function.__name__
        app.command(name, **settings)(run)
        return function

    return wrap


def of_kind(path: Path, marks: Sequence[bytes]) -> bool:
    """Return whether a file is empty, or of a kind: it begins with one of the marks, or is CBOR and has one in it."""
    data = path.read_bytes() if os.access(path, os.R_OK) else b"?"
    formats = [mark for mark in marks if len(mark) > 3]  # what an envelope begins with may stand anywhere
    is_map = data[:1] and data[0] >> 5 == 5
    return not data or data.startswith(tuple(marks)) or bool(is_map and any(mark in data for mark in formats))


# --- what the law said ------------------------------------------------------------------------------------------------


def why(error: PourparlerError) -> str:
    """Return a refusal in words: the step and what it says."""
    try:
        step = step_of(error.reason)
    except KeyError:
        return error.detail or error.reason
    return f"step {step}, {STEPS[step]}: {error.detail or error.reason}"
