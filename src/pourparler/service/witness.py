"""A witness at work: a request comes in, what it may cosign is judged, remembered and only then answered.

The rules are the core's (:mod:`pourparler.core.ledger.witness`), the memory is the store's; what is done here is the
order. Judging, signing and remembering are one transaction, so that of two requests that race one is answered as if it
had come second. A checkpoint that the ledger signed and that does not continue what is remembered is kept with it: the
two together may prove to anybody that the ledger told two stories.
"""

from collections.abc import Sequence

from pourparler.core.errors import PourparlerError
from pourparler.core.ledger import (
    AddCheckpoint,
    Answer,
    Checkpoint,
    VerifierKey,
    cosigned_answer,
    judge,
    monitoring_path,
    parse_add_checkpoint,
    parse_checkpoint,
    parse_vkey,
    refused_answer,
    split_note,
)
from pourparler.core.ledger.keeping import Signer
from pourparler.core.ledger.note import LEDGER_KEY_TYPES
from pourparler.core.ledger.witness import is_second_story, may_prove
from pourparler.ports import Clock
from pourparler.service.workspace import WorkspaceError
from pourparler.store.witness import Decision, RefusedRequest, Remembered, WitnessStore


class Witness:
    """One witness. ``keys`` are those it cosigns with, at least one: types 0x04 and 0x06. Safe to use from several
    threads. Every method raises :class:`StoreError` where its memory fails; nothing was answered then."""

    def __init__(self, store: WitnessStore, keys: Sequence[tuple[VerifierKey, Signer]], clock: Clock) -> None:
        self.store, self.keys, self.clock = store, tuple(keys), clock

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request to cosign. Raises :class:`OSError` where a key cannot sign."""
        latest: Checkpoint | None = None
        request: AddCheckpoint | None = None
        try:
            request = parse_add_checkpoint(body)
            with self.store.deciding(request.origin) as decision:
                latest = checkpoint_of(decision.latest)
                return self.decide(request, decision, latest)
        except PourparlerError as error:
            if request is not None and may_prove(error, request, latest):
                self.keep(request, error, body)
            return refused_answer(error, latest)

    def decide(self, request: AddCheckpoint, decision: Decision, latest: Checkpoint | None) -> Answer:
        """Cosign and remember what the request asks for. Raises :class:`PourparlerError` where it is refused."""
        keys = [parse_vkey(vkey) for vkey in self.store.keys(request.origin)]
        found = judge(request, keys, latest)
        time = max(self.clock.now(), decision.latest.time if decision.latest else 1)
        lines = found.cosigned(self.keys, time)
        seen, path = found.checkpoint, monitoring_path(request.origin)
        decision.remember(Remembered(request.origin, path, seen.size, seen.root, time, found.note(lines)))
        return cosigned_answer(lines)

    def keep(self, request: AddCheckpoint, error: PourparlerError, body: bytes) -> None:
        held = self.store.remembered(request.origin)
        note = held.note if held else b""
        sent = parse_checkpoint(split_note(request.note)[0], allow_extensions=True)
        row = (sent.origin, sent.size, sent.root, self.clock.now(), error.reason, note, body)
        proof = is_second_story(request, checkpoint_of(held))
        self.store.add_refused(RefusedRequest(*row), proof=proof)

    def shown_at(self, path: str) -> bytes | None:
        """Return the checkpoint that is shown at a path below the monitoring prefix, or None."""
        return self.store.shown_at(path)


def checkpoint_of(remembered: Remembered | None) -> Checkpoint | None:
    return Checkpoint(remembered.origin, remembered.size, remembered.root) if remembered else None


def trust(store: WitnessStore, vkey: str, origin: str | None = None) -> bool:
    """Let a witness cosign for a ledger, whose origin is its key's name unless it is given; return whether that is new.

    Raises :class:`PourparlerError` (``note.*``) for what is no vkey, and :class:`WorkspaceError` for one that signs no
    checkpoints.
    """
    key = parse_vkey(vkey)
    if key.type not in LEDGER_KEY_TYPES:
        raise WorkspaceError(
            f"the key {key.name} cosigns and signs no ledger's checkpoints.",
            "Ask for the ledger's own key: pourparler ledger create tells it, and a policy file in a line log.",
        )
    if key.public_key in {parse_vkey(own.vkey).public_key for own in store.own()}:
        raise WorkspaceError("that is this witness's own key.", "Nobody is a witness of himself.")
    Checkpoint(origin or key.name, 1, bytes(32))  # refuses what is no origin
    return store.trust(origin or key.name, vkey)
