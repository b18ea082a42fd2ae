"""The workspace's node, for ``pourparler dispatch``: opened, and fed from the ledgers that are here."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pourparler.cli.session import Session, knows
from pourparler.cli.trouble import INPUT, USAGE, Problem
from pourparler.cli.verify import looks_like, read_file
from pourparler.cli.words import clean
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.ledger import is_statement, open_checkpoint
from pourparler.dispatch import courier
from pourparler.dispatch.captions import WORDS
from pourparler.ports import Signer
from pourparler.service import desk
from pourparler.service.books import Book
from pourparler.service.intake import ledger_key
from pourparler.service.node.node import Node, open_node
from pourparler.service.node.nouns import Came, State, Taken
from pourparler.service.workspace import WallClock, WorkspaceError

FOLDER, KEY, ROLE = "node", "node", "ledger"
ENVELOPE_FILE = (b"\xd2\x84", b"\xd8\x62\x84")
MAP_OF_THREE, MAP_OF_SEVEN = b"\xa3", b"\xa7"  # how a courier's file begins, and an act on its way
SHEET_TITLES = tuple(f"<title>{title}</title>".encode() for title in WORDS["title"].values())
AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Locked:
    """A key that nobody has unlocked: enough to look, and not to write."""

    public_key: bytes

    def sign(self, _message: bytes) -> bytes:
        raise Problem(
            INPUT, "the node has something to write, and its key is locked.", "Run: pourparler dispatch receive"
        )


def node_folder(session: Session) -> Path:
    return session.workspace.folder / FOLDER


def is_made(session: Session) -> bool:
    return node_folder(session).is_dir()


@contextlib.contextmanager
def node_of(session: Session, *, looks: bool = False) -> Iterator[Node]:
    """Open the workspace's node, follow the parties that the workspace trusts, and give it what the ledgers here hold
    of them. ``looks``: without unlocking its key. Raises :class:`Problem`."""
    folder = node_folder(session)
    if not folder.is_dir():
        raise Problem(USAGE, "there is no node in this workspace.", "Make one: pourparler dispatch create")
    signer: Signer = (
        Locked(session.keys.info(KEY).public_key) if looks else session.passphrases.signer(session.keys, KEY, role=ROLE)
    )
    origin = (folder / "origin").read_text("utf-8").strip()
    node = open_node(folder, signer, WallClock(), origin, follow=session.workspace.settings.trust)
    try:
        if node.read_only:
            raise Problem(INPUT, node.read_only.what, node.read_only.do, reason=node.read_only.reason)
        if not looks:
            for book in session.all_books():
                feed(node, book)
        yield node
    finally:
        node.close()


def feed(node: Node, book: Book) -> None:
    """Give a node what a ledger of this workspace holds of the parties that it follows: of a home, with its proof."""
    came = Came("ledger", book.depositary.origin, WallClock().now())
    followed = [party for party in book.registry.registers if node.follows(party)]
    if any(book.registry.registers[party].spines.party.home == book.depositary for party in followed):
        note = book.published() if book.kept else book.checkpoint()
        size = open_checkpoint(note, book.depositary.origin, ledger_key(book.depositary)).checkpoint.size
        held = node.home_size(book.depositary)
        if size > held:
            entries = [entry.data for _, entry in zip(range(size - held), book.store.entries(held), strict=False)]
            node.take_home(book.depositary, held, entries, note, came)
    acts = [entry.data for entry in book.store.entries() if not is_statement(entry.data)]
    news = [act for act in acts if is_news(node, act)]
    for start in range(0, len(news), AT_ONCE):
        node.take_many(news[start : start + AT_ONCE], came)


def is_news(node: Node, envelope: bytes) -> bool:
    act = parse_act(envelope)
    return act.kind not in ("ledger", "stamp") and not node.acts([act.id])


def to_send(session: Session, node: Node, said: str) -> tuple[list[bytes], list[courier.PartRow]]:
    """Return the envelopes and the parts that a word of the command line means: a file, or the name or id of an act.

    Raises :class:`Problem`, :class:`PourparlerError`.
    """
    path = Path(said)
    if path.is_file():
        return from_file(path)
    try:
        act_id = session.find(said, "act", "mandate", "dossier") if session.ledgers() else None
    except WorkspaceError as error:
        what = f"{error.what.removesuffix('.')}, and there is no file of that name."
        raise Problem(USAGE, what, error.do or "Name a file, or an act's id.") from None
    if act_id is None:
        digits = said.lower()
        found = [act.id for act in node.every() if len(digits) >= 8 and act.id.hex().startswith(digits)]
        act_id = found[0] if len(found) == 1 else None
    envelopes = node.acts([act_id]) if act_id else []
    if act_id and not envelopes:
        book = next((book for book in session.all_books() if knows(book.registry, act_id)), None)
        outcome = book.registry.outcomes.get(act_id) if book else None
        envelopes = [outcome.envelope.encoded()] if outcome else []
    if not envelopes:
        raise Problem(
            USAGE, f"{clean(said)} is no file, and no act that is known here.", "Name a file, or an act's id."
        )
    return envelopes, []


def from_file(path: Path) -> tuple[list[bytes], list[courier.PartRow]]:
    """Return what a file holds: an envelope, a courier's file, or an act on its way, whole or with some signatures.

    Raises :class:`Problem` where it is none of these, and :class:`PourparlerError` where it is a spoilt one.
    """
    data = read_file(path, limits.EVIDENCE_MAX_BYTES, "an act")
    if is_couriers(data):
        contents = courier.read(data).contents
        return list(contents.acts), list(contents.parts)
    return [act_alone(path, data)], []


def is_couriers(data: bytes) -> bool:
    """Return whether a file is a courier's, as far as its beginning says: a map of three, or something compressed,
    which is refused as such. The name of the format stands anywhere in it: behind the seals."""
    return data.startswith((MAP_OF_THREE, *courier.COMPRESSED))


def act_alone(path: Path, data: bytes) -> bytes:
    """Return the envelope in a file of one act: bare, or on its way to a ledger, which need not be known here. Raises
    :class:`Problem`, :class:`PourparlerError`."""
    if data.startswith(ENVELOPE_FILE):
        return data
    if any(title in data[:1_024] for title in SHEET_TITLES):
        what = f"{path} is the sheet to print."
        raise Problem(INPUT, what, "Print it, and give a photo of it: PNG or JPEG.", reason="courier.malformed")
    if not data.startswith(MAP_OF_SEVEN):
        looks = f"; it looks like {kind}" if (kind := looks_like(data)) else ""
        what = f"{path} is no courier's file, no act and no photo{looks}."
        raise Problem(INPUT, what, "Is it the right file?", reason="courier.malformed")
    return desk.parse_parcel(data).act().envelope.encoded()


def taken_first(node: Node, envelope: bytes) -> Taken:
    """Take an act before it is sent: a node hands on nothing that it did not verify. Raises :class:`Problem`."""
    taken = node.take(envelope, Came("here", "", WallClock().now()))
    if taken.state is State.REFUSED:
        what = f"the act is not sent, for nobody would take it: {taken.detail or taken.reason}."
        raise Problem(3, what, "Send what it rests on, or mend it.", reason=taken.reason)
    return taken
