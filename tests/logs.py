"""Logs for tests: a ledger with talks in it, as files; and a log of something else, written by no code of ours."""

import base64
import hashlib
from pathlib import Path

from pourparler.core.council import Depositary
from pourparler.core.evidence import ledger_key
from pourparler.core.ledger import Checkpoint, Frontier, leaf_hash, sign_note_text, signed_note
from pourparler.core.redline import text_digest
from pourparler.ports import StoredEntry
from pourparler.service.tiles import LogView, export
from pourparler.store.memory import MemoryStore
from pourparler.testing.keys import Key
from tests.test_intake import DESK, LEDGER, SetClock, Side, begin, data, make_text, open_talks, settle

KEY = ledger_key(DESK)


def talks(dossiers, *, clock=None):
    """Return an open ledger of two parties that negotiate in so many public dossiers, each about a text of its own.

    At the end one negotiator is dismissed, and goes on talking: that act is void.
    """
    clock = clock or SetClock()
    intake = begin(MemoryStore(), clock)
    first, second = Side("First"), Side("Second")
    settle(intake, first, second)
    on = {}
    for number in range(1, dossiers + 1):
        clock.time += 60
        on = negotiate(intake, first, second, number)
    if on:
        intake.submit(data(first.decide("dismiss", {"mandate": first.grant.id, "words": "enough"})))
        assert intake.submit(data(first.say("initial", on))).void is not None
    return intake


def negotiate(intake, first, second, number):
    """Let two parties open a dossier and propose and adopt a text in it; return how it is named."""
    opening = open_talks(first, second, nonce=number % 256, scopes=[f"matter-{number}"])
    text = make_text(f"word {number}")
    on = {"dossier": opening.id, "text": text_digest(text)}
    intake.submit_many([data(opening), data(second.say("join", {"dossier": opening.id}))])
    acts = [first.say("propose", on), first.say("adopt", on), second.say("adopt", on)]
    for answer in intake.submit_many([*map(data, acts)], [text]):
        assert not isinstance(answer, Exception), answer
        assert answer.void is None
    return on


def exported(intake, folder):
    """Write a ledger's log into a folder; return the folder."""
    export(LogView(intake.store), DESK, folder)
    return folder


def crooked(entries, folder, *, texts=(), key=LEDGER, size=None):
    """Write a log whose depositary signs whatever entries it likes; return the folder."""
    store = MemoryStore()
    frontier, nodes = Frontier().extended([*map(leaf_hash, entries)])
    text = Checkpoint(DESK.origin, size or frontier.size, frontier.root()).text()
    name = ledger_key(Depositary(DESK.origin, key.public_key))
    with store.transaction() as transaction:
        rows = [StoredEntry(index, bytes(32), entry) for index, entry in enumerate(entries)]
        transaction.append(rows, nodes)
        for one in texts:
            transaction.put_text(text_digest(one), one)
        transaction.set_checkpoint(len(entries), signed_note(text, [sign_note_text(text, name, key.sign)]))
    export(LogView(store), Depositary(DESK.origin, key.public_key), folder)
    return folder


# --- a log of something else: written straight from c2sp.org/tlog-tiles ----------------------------------------------

FOREIGN = Key.from_name("a log of something else")
FOREIGN_ORIGIN = "log.example.org/words"


def foreign_vkey(origin=FOREIGN_ORIGIN, key=FOREIGN):
    blob = b"\x01" + key.public_key
    key_id = hashlib.sha256(origin.encode() + b"\n" + blob).digest()[:4]
    return f"{origin}+{key_id.hex()}+{base64.b64encode(blob).decode()}"


def foreign_log(folder: Path, entries, *, extension=""):
    """Write the files of c2sp.org/tlog-tiles for these entries, as that page has it; return the folder."""
    row, level = [hashlib.sha256(b"\0" + entry).digest() for entry in entries], 0
    put_rows(folder, "entries", [len(entry).to_bytes(2, "big") + entry for entry in entries])
    root = merkle(row)
    while row:
        put_rows(folder, str(level), row)
        full = [row[at : at + 256] for at in range(0, len(row) - len(row) % 256, 256)]
        row, level = [merkle(hashes) for hashes in full], level + 1
    text = f"{FOREIGN_ORIGIN}\n{len(entries)}\n{base64.b64encode(root).decode()}\n{extension}"
    key_id = hashlib.sha256(FOREIGN_ORIGIN.encode() + b"\n\x01" + FOREIGN.public_key).digest()[:4]
    blob = key_id + FOREIGN.sign(text.encode())
    (folder / "checkpoint").write_text(f"{text}\n\u2014 {FOREIGN_ORIGIN} {base64.b64encode(blob).decode()}\n", "utf-8")
    return folder


def put_rows(folder, level, rows):
    for at in range(0, len(rows), 256):
        part, number = rows[at : at + 256], f"{at // 256:03}"
        assert len(number) == 3
        name = number if len(part) == 256 else f"{number}.p/{len(part)}"
        path = folder / "tile" / level / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(part))


def merkle(hashes):
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    at = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle(hashes[:at]) + merkle(hashes[at:])).digest()
