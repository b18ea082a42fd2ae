"""``pourparler witness``: be a witness of other people's ledgers; and what ``ledger witness`` tells of those asked."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.grouped import noun
from pourparler.cli.serving import Host, Port, Prefix, serve_routes
from pourparler.cli.session import MARK, Session, command
from pourparler.cli.trouble import CANNOT_TELL, INPUT, INVALID, USAGE, Problem
from pourparler.cli.words import clean, count, date_time
from pourparler.core import limits
from pourparler.core.errors import PourparlerError
from pourparler.core.ledger import KeyType, Policy, VerifierKey, parse_vkey
from pourparler.core.ledger.note import check_key_name
from pourparler.service import books, witnessing
from pourparler.service.witnessing import Round, Word
from pourparler.service.workspace import KnownLedger
from pourparler.store.reading import ReadingStore

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from pourparler.core.ledger.keeping import Signer as NoteSigner
    from pourparler.store.witness import OwnKey, WitnessStore

app = noun("Be a witness: cosign other people's ledgers, so that none can tell two stories.")

FOLDER, FILE = "witness", "witness.sqlite"
ROLE = "witness"


class Algorithms(StrEnum):
    """What a witness is made to cosign with."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"
    BOTH = "both"


KEY_TYPES = {
    Algorithms.ED25519: (KeyType.COSIGNATURE_ED25519,),
    Algorithms.ML_DSA_44: (KeyType.COSIGNATURE_ML_DSA_44,),
    Algorithms.BOTH: (KeyType.COSIGNATURE_ED25519, KeyType.COSIGNATURE_ML_DSA_44),
}
ENDINGS = {KeyType.COSIGNATURE_ED25519: "-ed25519", KeyType.COSIGNATURE_ML_DSA_44: "-ml-dsa"}
"""What stands after the name of a key that is a witness's second one."""


def store_of(session: Session, *, create: bool = False, serving: bool = False) -> "WitnessStore":
    """Open the workspace's witness. Raises :class:`Problem`, :class:`StoreError`."""
    from pourparler.store.witness import WitnessStore

    path = session.workspace.folder / FOLDER / FILE
    if create:
        path.parent.mkdir(mode=0o700, exist_ok=True)
    elif not path.parent.is_dir():
        raise Problem(USAGE, "there is no witness in this workspace.", "Make one: pourparler witness create NAME")
    return WitnessStore(path, create=create, serving=serving)


@command(app)
def create(
    session: Session,
    called: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Its name, like a web address: witness.example/w1.", show_default=False),
    ],
    key: Annotated[
        str, typer.Option("--key", metavar="NAME", help="The key that it cosigns with; it is made.")
    ] = "witness",
    algorithm: Annotated[
        Algorithms,
        typer.Option("--algorithm", help="What it cosigns with; with both, the second key is NAME-ml-dsa."),
    ] = Algorithms.ED25519,
) -> None:
    """Make a witness. A workspace has one.

    Its keys are made with it and are no other's: a witness that lost its memory is a witness no more, and the same key
    under a new memory could be made to cosign two stories. An ML-DSA-44 key withstands quantum computers; whoever
    verifies what it signed needs the extra `signatures`, and so do you.
    """
    first, *others = KEY_TYPES[algorithm]
    names = {first: key, **{other: f"{key}{ENDINGS[other]}" for other in others}}
    check_new(session, called, names)
    store = store_of(session, create=True)
    try:
        made = make_keys(session, called, names)
        store.add_own(*made)
    except BaseException:
        store.close()
        remove(store.path)
        raise
    store.close()
    session.answer(witness=called, vkeys=[own.vkey for own in made], keys=[own.key_name for own in made])
    session.say(f"the witness {clean(called)} is here", lead=MARK["yes"][0] + " ")
    tell_keys(session, made)
    session.mention("say which ledgers it cosigns: pourparler witness trust VKEY", lead="  ")
    session.mention(f"never put back an older copy of {FOLDER}/{FILE}: docs/how-to/run-a-witness.md", lead="  ")


@command(app, "add-key")
def add_key(
    session: Session,
    key: Annotated[
        str | None,
        typer.Option(
            "--key", metavar="NAME", help="What to call the key; otherwise like the first one, with its kind."
        ),
    ] = None,
) -> None:
    """Give the witness the key of the kind that it lacks: ML-DSA-44 beside Ed25519, or the other way round.

    What it remembers is the same for both, so it tells no second story. Stop it before, and serve again after.
    """
    store = store_of(session, serving=True)  # while it serves, it would go on without the new key
    try:
        had = store.own()
        called, lacking = parse_vkey(had[0].vkey).name, {*KEY_TYPES[Algorithms.BOTH]} - {*types_of(had)}
        if not lacking:
            raise Problem(
                USAGE,
                f"the witness {called} has a key of each kind already.",
                "See them: pourparler witness list --json",
            )
        kind = lacking.pop()
        names = {kind: key or f"{had[0].key_name}{ENDINGS[kind]}"}
        check_new(session, called, names)
        made = make_keys(session, called, names)
        store.add_own(*made)
    finally:
        store.close()
    vkeys = [own.vkey for own in (*had, *made)]
    session.answer(witness=called, vkeys=vkeys, keys=[own.key_name for own in (*had, *made)])
    session.say(f"the witness {clean(called)} cosigns with {len(vkeys)} keys", lead=MARK["yes"][0] + " ")
    tell_keys(session, made)


def types_of(keys: "Iterable[OwnKey]") -> list[KeyType]:
    return [parse_vkey(own.vkey).type for own in keys]


def check_new(session: Session, called: str, names: dict[KeyType, str]) -> None:
    """Raise :class:`Problem` or :class:`KeyTrouble` unless a witness can have new keys of these names: before anybody
    thinks of a passphrase."""
    from pourparler.service import mldsa

    for name in names.values():
        session.keys.check_free(name)
    with meant_as("a witness's name", called):
        check_key_name(called)
        if KeyType.COSIGNATURE_ML_DSA_44 in names:
            VerifierKey(called, KeyType.COSIGNATURE_ML_DSA_44, bytes(mldsa.PUBLIC_KEY_BYTES))  # it signs its name
    if KeyType.COSIGNATURE_ML_DSA_44 in names:
        mldsa.check_here()


def make_keys(session: Session, called: str, names: dict[KeyType, str]) -> "list[OwnKey]":
    """Make a witness's keys: all of them or, where one cannot be made, none."""
    from pourparler.service.keyring import Algorithm
    from pourparler.store.witness import OwnKey

    algorithms = {
        KeyType.COSIGNATURE_ED25519: Algorithm.ED25519,
        KeyType.COSIGNATURE_ML_DSA_44: Algorithm.ML_DSA_44,
    }
    made: list[OwnKey] = []
    try:
        for kind, name in names.items():
            public_key = session.keys.new(name, ROLE, session.passphrases.new(name), algorithms[kind])
            made.append(OwnKey(name, VerifierKey(called, kind, public_key).text))
    except BaseException:
        for own in made:
            session.keys.delete(own.key_name)
        raise
    return made


def tell_keys(session: Session, keys: "Iterable[OwnKey]") -> None:
    """Say the vkeys; one that no page is wide enough for stands on a line of its own."""
    for own in keys:
        if parse_vkey(own.vkey).type is KeyType.COSIGNATURE_ED25519:
            session.mention(f"its key, for policy files: {own.vkey}", lead="  ")
        else:
            session.mention("its ML-DSA-44 key, for policy files:", lead="  ")
            session.whole(own.vkey)


@contextlib.contextmanager
def meant_as(what: str, given: str) -> Iterator[None]:
    """Tell whoever typed something that it is not what it should be. Raises :class:`Problem`."""
    try:
        yield
    except PourparlerError as error:
        raise Problem(USAGE, f"{clean(given)} is not {what}: {error.detail}.", reason=error.reason) from None


def remove(path: Path) -> None:
    """Remove the beginnings of a witness that was not finished."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    path.parent.rmdir()


@command(app)
def trust(
    session: Session,
    vkey: Annotated[str, typer.Argument(metavar="VKEY", help="The ledger's key, as its depositary told it.")],
    origin: Annotated[
        str | None, typer.Option(metavar="ORIGIN", help="The ledger's origin; otherwise the name in its key.")
    ] = None,
) -> None:
    """Cosign for a ledger from now on: its checkpoints are those that this key signs."""
    from pourparler.service.witness import trust as run

    with meant_as("a ledger's key", vkey):
        called = origin or parse_vkey(vkey).name
    store = store_of(session)
    try:
        new = run(store, vkey, origin)
    finally:
        store.close()
    session.answer(origin=called, vkey=vkey, new=new)
    session.say(f"{clean(called)} is cosigned" + ("" if new else " already"), lead=MARK["yes"][0] + " ")


@command(app, "list")
def list_ledgers(session: Session) -> int | None:
    """Show which ledgers are cosigned, up to where, and what was refused because it contradicts that.

    Exit code 1 where a ledger is proven to have told two stories.
    """
    store = store_of(session)
    try:
        found = [(origin, store.remembered(origin)) for origin in store.origins()]
        refused = store.refused()
        vkeys = [own.vkey for own in store.own()]
    finally:
        store.close()
    remembered = {origin: seen for origin, seen in found if seen is not None}
    proven = [one for one in refused if one.origin in remembered and two_stories(one, remembered[one.origin])]
    session.answer(
        vkeys=vkeys,
        ledgers=[
            {"origin": origin, "size": seen and seen.size, "root": seen and seen.root, "time": seen and seen.time}
            for origin, seen in found
        ],
        refused=[
            {"origin": one.origin, "size": one.size, "root": one.root, "time": one.time, "reason": one.reason,
             "held": one.held.decode(), "sent": one.sent.decode("utf-8", "replace"), "proof": one in proven}
            for one in refused
        ],
    )  # fmt: skip
    if session.as_json:
        return INVALID if proven else None
    rows = [
        (clean(origin), f"{seen.size:,}" if seen else "-", date_time(seen.time) if seen else "nothing cosigned yet")
        for origin, seen in found
    ]
    session.screen.table(("ledger", "entries", "cosigned last"), rows)
    if not rows:
        session.say("It cosigns no ledger yet: pourparler witness trust VKEY")
    for one in refused:
        said = "TWO STORIES, proven" if one in proven else "does not continue what was cosigned; perhaps a wrong proof"
        sign, style = MARK["no"] if one in proven else MARK["void"]
        about = f"{clean(one.origin)}: {date_time(one.time)}, {one.size:,} entries: {said} [{one.reason}]"
        session.say(about, lead=(f"{sign} ", style))
    if refused:
        session.mention("both checkpoints of each: pourparler witness list --json", lead="  ")
    return INVALID if proven else None


def two_stories(refused: Any, seen: Any) -> bool:
    """Return whether a refused checkpoint and a cosigned one are of one size with other roots: nobody can join them."""
    from pourparler.core.ledger import parse_checkpoint, split_note

    held = [parse_checkpoint(split_note(refused.held)[0], allow_extensions=True)] if refused.held else []
    pairs = {(one.size, one.root) for one in [*held, seen]}
    return any(size == refused.size and root != refused.root for size, root in pairs)


@command(app)
def serve(
    session: Session,
    host: Host = "127.0.0.1",
    port: Port = 8470,
    prefix: Prefix = "",
) -> None:
    """Answer those who ask for cosignatures, until Ctrl-C or SIGTERM.

    It speaks HTTP and c2sp.org/tlog-witness. For HTTPS put a web server of your own before it. Each of its keys
    cosigns; the lines stand in the order in which it got the keys.
    """
    from pourparler.service.witness import Witness
    from pourparler.service.workspace import WallClock

    store = store_of(session, serving=True)
    try:
        own = store.own()
        keys = opened(session, own)
        vkeys = [one.vkey for one in own]
        witness = Witness(store, keys, WallClock())

        def routes() -> "list[BaseRoute]":
            from pourparler.service.http.witness import witness_routes

            return witness_routes(witness)

        def lines(url: str) -> list[str]:
            return [policy_line(key, url) for key, _ in keys]

        serve_routes(session, "the witness", routes, host, port, prefix, lines=lines, vkeys=vkeys)
    finally:
        store.close()


def opened(session: Session, own: "Iterable[OwnKey]") -> "list[tuple[VerifierKey, NoteSigner]]":
    """Return a witness's keys, opened, all of them: one that is left out would let its policies down unheard."""
    from pourparler.service import mldsa

    keys = [(one.key_name, parse_vkey(one.vkey)) for one in own]
    if any(key.type is KeyType.COSIGNATURE_ML_DSA_44 for _, key in keys):
        mldsa.check_here()  # before anybody is asked for a passphrase
    found: list[tuple[VerifierKey, NoteSigner]] = []
    for name, key in keys:
        signer = session.passphrases.signer(session.keys, name, role=ROLE)
        if signer.public_key != key.public_key:
            raise Problem(INPUT, f"the key {name} is not the one that this witness was made with.", "Put it back.")
        found.append((key, signer.sign))
    return found


def policy_line(key: VerifierKey, url: str) -> str:
    """Return the line of a policy file that names a witness by one of its keys; each has a name of its own there."""
    ending = ENDINGS[key.type] if key.type is KeyType.COSIGNATURE_ML_DSA_44 else ""
    return f"witness {key.name.replace('/', '-')}{ending} {key.text} {url}"


# --- asking witnesses: pourparler ledger witness ----------------------------------------------------------------------


def ask_witnesses(session: Session, file: Path | None, *, drop: bool, seconds: float) -> int:
    """Ask a kept ledger's witnesses; say who cosigned, and why the others did not. Return the exit code."""
    ledger = session.which()
    if ledger.kept_by is None:
        what = f"{ledger.origin} is not kept here: its depositary asks its witnesses."
        raise Problem(USAGE, what, "There are copies of it; nothing was done.")
    if drop:
        witnessing.drop_policy(session.workspace, ledger)
        session.answer(ledger=ledger.origin, policy=None)
        session.say(f"{clean(ledger.origin)} publishes what is committed", lead=MARK["yes"][0] + " ")
        return 0
    path = session.workspace.ledgers / ledger.file
    books.opened(path).close()  # brings an old file up to date
    store = ReadingStore(path)  # whoever asks others holds nobody up
    try:
        books.check_given_away(session.workspace, ledger, store)
        policy = policy_for(session, ledger, file)
        head = witnessing.head_of(ledger.depositary, store)
        if head is None:
            raise Problem(USAGE, f"{ledger.origin} has no checkpoint yet.")
        if not session.as_json and not session.quiet:
            asked = count(len(policy.witnesses), "witness", "witnesses")
            print(f"asking {asked} to cosign {head.checkpoint.size:,} entries…", file=sys.stderr, flush=True)
        tell = telling(session) if len(policy.witnesses) > 1 else lambda _: None
        found = witnessing.ask_all(head, policy, before=store.witnessed(), seconds=seconds, tell=tell)
        kept = {word.name: witnessing.keep_contradiction(session.workspace, head, word) for word in found.accusing}
    finally:
        store.close()
    writer = books.opened(path)
    try:
        met = witnessing.keep_witnessed(head.key, writer, found)
        before = witnessing.published(writer, policy)
    finally:
        writer.close()
    tell_round(session, ledger, found, met=met)
    tell_published(session, head, found, before, met=met)
    return tell_accusing(session, ledger, found, kept) if found.accusing else 0 if met else CANNOT_TELL


def telling(session: Session) -> Callable[[Word], None]:
    """Return what says of each witness, as it answers, that it has."""

    def tell(word: Word) -> None:
        if not session.as_json and not session.quiet:
            print(f"{word.name}: {word.said}", file=sys.stderr, flush=True)

    return tell


def policy_for(session: Session, ledger: KnownLedger, file: Path | None) -> Policy:
    """Return the policy that was given, which is kept from now on, or the one that was kept."""
    if file is None:
        policy = witnessing.policy_of(session.workspace, ledger)
        if policy is None:
            raise Problem(
                USAGE,
                f"{ledger.origin} has no policy yet: it is not known whom to ask.",
                "Give one: pourparler ledger witness --policy FILE. How it is written: docs/how-to/run-a-witness.md",
            )
        return policy
    from pourparler.cli.reading import read_file
    from pourparler.cli.verify import read_policy

    read_policy(file)  # what is no policy is a mistake in the command, and told with what to write
    return witnessing.set_policy(session.workspace, ledger, read_file(file, limits.TLOG_POLICY_MAX_BYTES, "a policy"))


def tell_round(session: Session, ledger: KnownLedger, found: Round, *, met: bool) -> None:
    session.answer(
        ledger=ledger.origin,
        size=found.checkpoint.size,
        root=found.checkpoint.root,
        quorum=met,
        note=found.note.decode(),
        witnesses=[
            {"name": word.name, "said": word.said.name.lower().replace("_", "-"), "why": word.why, "size": word.size,
             "time": word.cosignature.time if word.cosignature else None}
            for word in found.words
        ],
    )  # fmt: skip
    if not session.as_json:
        session.screen.table(("witness", ""), [(word.name, about(word)) for word in found.words])


def about(word: Word) -> str:
    if word.cosignature is not None:
        return f"cosigned, {date_time(word.cosignature.time)}"
    return f"{word.said}: {word.why}" if word.why else str(word.said)


def tell_published(session: Session, head: witnessing.Head, found: Round, held: bytes | None, *, met: bool) -> None:
    size = witnessing.size_of(head.key, held) if held is not None else 0
    session.answer(witnessed=size, cosigned_now=any(word.cosignature is not None for word in found.words))
    if met:
        said = f"{size:,} entries are witnessed, and published"
        session.say(said, lead=MARK["yes"][0] + " ")
        lacking = [word.name for word in found.words if word.cosignature is None]
        if len(lacking) == len(found.words):
            session.say("they were witnessed before, and nothing is new; nobody has cosigned now", lead="  ")
        elif lacking:
            session.mention(f"not now by {', '.join(lacking)}", lead="  ")
    else:
        published = f"what is published stays at {size:,} entries" if size else "nothing is published yet"
        session.say(f"no quorum has cosigned; {published}", lead=MARK["waits"][0] + " ")


def tell_heard(session: Session, book: books.Book, found: Round) -> None:
    """Say of a round that another command needed what may not go unheard: which witnesses contradict the ledger."""
    head = witnessing.head_of(book.depositary, book.store)
    if not found.accusing or head is None:
        return
    kept = {word.name: witnessing.keep_contradiction(session.workspace, head, word) for word in found.accusing}
    session.exit_code = tell_accusing(session, book.ledger, found, kept)


def tell_accusing(
    session: Session, ledger: KnownLedger, found: Round, kept: "dict[str, tuple[Path, Path] | None]"
) -> int:
    """Say which witnesses contradict this ledger, and where the proof is."""
    sign, style = MARK["no"]
    if found.contradicted:
        session.say((f"{clean(ledger.origin)} HAS TOLD TWO STORIES.", "bold red"), lead=(f"{sign} ", style))
    else:
        session.say(f"a witness contradicts {clean(ledger.origin)}, and shows no proof", lead=(f"{sign} ", style))
    for word in found.accusing:
        session.say(f"{word.name} {word.said}: {word.why}.", lead="  ")
        files = kept[word.name]
        if files is not None:
            session.say(f"both checkpoints are kept: {files[0]} and {files[1]}", lead="  ")
    session.answer(
        contradicted=found.contradicted, kept={name: list(map(str, files or ())) for name, files in kept.items()}
    )
    session.say(
        "Sign nothing in this ledger until it is explained: was an older copy of its file put back, is there a second?",
        lead="  do: ",
    )
    return INVALID
