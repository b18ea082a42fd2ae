"""The workspace's node, for ``pourparler dispatch``: opened, and fed from the ledgers that are here."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pourparler.cli.reading import looks_like, read_file
from pourparler.cli.session import Session, knows
from pourparler.cli.trouble import CANNOT_TELL, INPUT, USAGE, Problem
from pourparler.cli.words import clean
from pourparler.core import limits
from pourparler.core.act import parse_act
from pourparler.core.errors import Missing
from pourparler.core.ledger import is_statement, open_checkpoint
from pourparler.dispatch import courier
from pourparler.dispatch.captions import WORDS
from pourparler.ports import KeyTrouble, Signer
from pourparler.service import couriering, desk
from pourparler.service.books import Book
from pourparler.service.intake import ledger_key
from pourparler.service.node.node import Node, look_at_node, open_node
from pourparler.service.node.nouns import Came, State, Taken
from pourparler.service.spool import Answer, Job, Spool
from pourparler.service.workspace import WallClock, WorkspaceError
from pourparler.store.sqlite import StoreInUse

FOLDER, KEY, ROLE = "node", "node", "ledger"
ENVELOPE_FILE = (b"\xd2\x84", b"\xd8\x62\x84")
MAP_OF_THREE, MAP_OF_SEVEN = b"\xa3", b"\xa7"  # how a courier's file begins, and an act on its way
SHEET_TITLES = tuple(f"<title>{title}</title>".encode() for title in WORDS["title"].values())
AT_ONCE = 256
DIGITS_LEAST = 8
ANSWER_SECONDS = 10.0  # for the node that runs to answer
BUSY_SECONDS = 5.0  # for another command to come to its end
AGAIN_SECONDS = 0.1
RENEW = (
    f"Put no file back. Make a new node, which takes everything again from others: move {FOLDER}/ away, then "
    f"pourparler key delete {KEY}, and pourparler dispatch create"
)


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
def node_of(session: Session) -> Iterator[Node]:
    """Open the workspace's node for whoever listens: alone, and for as long as it takes. Raises :class:`Problem`."""
    with reached(session) as here:
        if here.spool is not None:
            what = f"a node runs here already: {process(here.runner)}."
            raise Problem(
                INPUT, what, "Stop it first. What you have it takes meanwhile: dispatch receive FILE, or send."
            )
        yield here.node


@dataclass(slots=True)
class Here:
    """The workspace's node as a command reaches it: opened by the command itself; or, where another process runs it, a
    copy to be asked, and the ``spool`` by which that process (``runner``) is handed what is to be kept."""

    session: Session
    node: Node
    spool: Spool | None = None
    runner: int = 0
    again: Callable[[], Node] | None = None
    told: bool = False

    def take(self, envelopes: Sequence[bytes], parts: Sequence[courier.PartRow] = ()) -> list[Taken]:
        """Have the node judge acts and parts, and keep those that are good. Raises :class:`Problem`."""
        came = Came("here", "", WallClock().now())
        if self.spool is None:
            return [*self.node.take_many(envelopes, came), *(self.node.take_part(*part, came) for part in parts)]
        found = self.hand(Job("here", files=(("here", couriering.file(envelopes, parts=parts)),)))
        self.look_again()
        return [read_taken(one) for one in found["taken"]]

    def take_first(self, envelope: bytes) -> Taken:
        """Take an act before it is sent: a node hands on nothing that it did not verify. Raises :class:`Problem`."""
        taken = self.take([envelope])[0]
        if taken.state is State.REFUSED:
            what = f"the act is not sent, for nobody would take it: {taken.detail or taken.reason}."
            raise Problem(3, what, "Send what it rests on, or mend it.", reason=taken.reason)
        return taken

    def hand(self, job: Job, seconds: float = ANSWER_SECONDS) -> Answer:
        """Hand a job to the node that runs, and return what came of it. Raises :class:`Problem` where no answer comes
        in time: it is taken all the same."""
        assert self.spool is not None
        found = self.spool.answer(self.spool.hand(job), seconds)
        if found is None:
            what = f"handed to the node that runs here ({process(self.runner)}), which has not answered yet."
            do = "It is kept, and taken in its turn. Look later: pourparler dispatch status; or stop that process, and "
            raise Problem(CANNOT_TELL, what, do + "do this again.")
        if not self.told:
            self.session.mention(f"handed to the node that runs here ({process(self.runner)})", lead="  ")
        self.told = True
        if found.get("error"):
            raise Problem(INPUT, f"{found['error']}.", reason=found.get("reason", ""))
        return found

    def look_again(self) -> None:
        """Take a new copy: what was handed over is in it."""
        if self.again is not None:
            self.node = self.again()


def process(number: int | None) -> str:
    return f"process {number}" if number else "another process"


def read_taken(found: dict[str, Any]) -> Taken:
    """Return what became of an act, as the running node said it."""
    wants = tuple(map(bytes.fromhex, found["wants"]))
    reason, detail, works = found["reason"], found["detail"], found["works"]
    return Taken(State(found["state"]), bytes.fromhex(found["act"]), reason, detail, found["index"], works, wants)


@contextlib.contextmanager
def reached(session: Session, *, looks: bool = False) -> Iterator[Here]:
    """Reach the workspace's node, which follows the parties that the workspace trusts, and has what the ledgers here
    hold of them. ``looks``: only to be asked, without its key. Raises :class:`Problem`."""
    if session.at is not None:
        what = "a node says how things stand now: what it knew at another instant it does not keep."
        raise Problem(USAGE, what, "Leave --at away; or ask the ledgers here: pourparler mandate show, act state")
    folder = node_folder(session)
    if not folder.is_dir():
        raise Problem(USAGE, "there is no node in this workspace.", "Make one: pourparler dispatch create")
    spool = Spool(folder / "spool")
    origin = (folder / "origin").read_text("utf-8").strip()
    try:
        locked = Locked(session.keys.info(KEY).public_key)
    except KeyTrouble as trouble:
        if trouble.reason != "key.absent":
            raise
        what = f"the key of this workspace's node is not in {session.workspace.keys}, and no other goes on with it."
        do = f"Put {KEY}.key back. If it is lost, move {FOLDER}/ away, and make a new node: pourparler dispatch create"
        raise Problem(INPUT, what, do, reason=trouble.reason) from None
    follow = session.workspace.settings.trust
    with contextlib.ExitStack() as open_ones:
        passing = open_ones.enter_context(contextlib.ExitStack())

        def look() -> Node:
            passing.close()
            return passing.enter_context(look_at_node(folder, locked, WallClock(), origin, follow=follow))

        ends = time.monotonic() + BUSY_SECONDS
        while True:
            runner = spool.runner()
            if runner is not None:
                here = Here(session, look(), None if looks else spool, runner, look)
                break
            try:
                signer: Signer = locked if looks else session.passphrases.signer(session.keys, KEY, role=ROLE)
                node = open_node(folder, signer, WallClock(), origin, follow=follow, settles=not looks)
                here = Here(session, open_ones.enter_context(contextlib.closing(node)))
                break
            except StoreInUse:
                if looks:
                    here = Here(session, look())
                    break
                if time.monotonic() >= ends:
                    what = "another command uses this workspace's node, and does not come to an end."
                    do = "Wait for it, or stop it; a node that listens is handed what you have, once it listens."
                    raise Problem(INPUT, what, do) from None
                time.sleep(AGAIN_SECONDS)
        if here.node.read_only:
            why = here.node.read_only
            raise Problem(INPUT, why.what.replace("the ledger ", "the node ", 1), RENEW, reason=why.reason)
        if not looks:
            for book in session.all_books():
                if here.spool is None:
                    feed(here.node, book)
                else:
                    hand_news(here, book)
        yield here


def hand_news(here: Here, book: Book) -> None:
    """Hand the node that runs what a ledger of this workspace has and it has not, of parties that it follows."""
    registers = book.registry.registers
    followed = [party for party in registers if here.node.follows(party)]
    acts = [entry.data for entry in book.store.entries() if not is_statement(entry.data)]
    news = [act for act in acts if is_news(here.node, act)] if followed else []
    if not news:
        return
    bundles = []
    for party in followed:
        homes = couriering.homes_of(party, here.session.all_books())
        if book in homes:
            with contextlib.suppress(Missing):  # no stamp states all of it yet: the acts go, and prove themselves later
                bundles.append(couriering.catching_up(party, homes))
    for start in range(0, len(news), AT_ONCE):
        file = couriering.file(news[start : start + AT_ONCE], bundles=bundles if start == 0 else ())
        here.hand(Job("ledger", files=((book.depositary.origin, file),)))
    here.look_again()


def feed(node: Node, book: Book) -> None:
    """Give a node what a ledger of this workspace holds of the parties that it follows: of a home, with its proof."""
    came = Came("ledger", book.depositary.origin, WallClock().now())
    followed = [one.spines for party, one in book.registry.registers.items() if node.follows(party)]
    if any(spines.tenures for spines in followed):  # it is or was their home
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
        act_id = act_meant(session, node, said, "act", "mandate", "dossier")
    except WorkspaceError as error:
        what = f"{error.what.removesuffix('.')}, and there is no file of that name."
        raise Problem(USAGE, what, error.do or "Name a file, or an act's id.") from None
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


def act_meant(session: Session, node: Node, said: str, *kinds: str) -> bytes | None:
    """Return the id of the act that a word means: by the ledgers here, or by what the node has heard.

    Raises :class:`WorkspaceError` where the ledgers here know nothing of the kind, and the node does not either.
    """
    digits = said.lower()
    found = {act.id for act in node.every() if len(digits) >= DIGITS_LEAST and act.id.hex().startswith(digits)}
    if len(found) == 1:
        return found.pop()
    return session.find(said, *kinds) if session.ledgers() else session.workspace.settings.names.get(said)


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
