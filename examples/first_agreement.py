"""A first agreement: two parties, one negotiator each, a council that ratifies, and a stranger who verifies.

Run it with ``./run python examples/first_agreement.py``. Nothing here is special to the example but the keys, which
are made from names: a real key implements :class:`pourparler.ports.Signer` and never leaves its owner.
"""

import tempfile
import time
from pathlib import Path

from pourparler.core.council import organ_id
from pourparler.core.encoding import encode
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

NEGOTIATE = ("open", "propose", "adopt", "sign-ad-referendum")
ann, bo, agent, sue, sal = (Key.from_name(name) for name in ("ann", "bo", "agent", "sue", "sal"))


class WallClock:
    def now(self) -> int:
        return int(time.time())


def seats(*members: Key) -> list[list[object]]:
    """Return seats of weight 1 as an act holds them: in ascending order of the keys."""
    return sorted([member.public_key, 1] for member in members)


def main(folder: Path) -> str:
    """Go from two foundings to a verdict; return the verdict's word."""
    ledger = Intake(SqliteStore(folder / "ledger.sqlite"), Key.from_name("ledger"), WallClock(), "ledger.example/first")
    home = {"origin": ledger.depositary.origin, "key": ledger.depositary.key}

    def log(kind, fields, *signers, texts=()):
        """Draft, sign and submit an act; say what became of it; return it."""
        act = draft(kind, fields).signed_by(*signers)
        receipt = ledger.submit(act.envelope.encoded(), texts)
        print(f"{kind:20} at index {receipt.index}{' VOID: ' + receipt.void if receipt.void else ''}")
        return act

    def position(stream):
        """Return how far a stream has come: what a council has seen when it ratifies."""
        found = ledger.registry.streams[stream]
        return [found.count, found.head]

    # Two parties, each with a board; ours decides by two of two.
    def found(name, *members):
        board = {"name": "board", "seats": seats(*members), "needs": len(members), "powers": powers(*ALL)}
        fields = {"name": name, "nonce": bytes(16), "home": home, "organs": [board], "suspension": 86_400}
        party = log("found", fields, *members)
        return party.id, organ_id(party.id, "board")

    ours, board = found("We", ann, bo)
    theirs, shop = found("They", sue)

    # Mandates: ours may talk up to 92.00 and sign subject to the board; theirs may conclude.
    line = {"lines": [["at-most", "price", "92.00"]]}
    may = {"organ": board, "prior": board, "to": agent.public_key, "powers": powers(*NEGOTIATE), **line}
    mandate = log("grant", may, ann, bo)
    may = {"organ": shop, "prior": shop, "to": sal.public_key, "powers": powers("open", "propose", "adopt", "conclude")}
    sale = log("grant", may, sue)

    # Talks: a text is proposed, adopted by both, signed ad referendum by one and definitively by the other.
    parties = sorted([ours, theirs])
    opening = {"parties": parties, "ledger": home, "rules": {"adopt": "all"}, "nonce": bytes(16)}
    dossier = log("open", {"by": mandate.id, **opening}, agent).id
    log("join", {"by": sale.id, "dossier": dossier}, sal)
    text = encode({"articles": {"en": ["Goods."]}, "terms": {"price": "90.00"}, "random": bytes(range(16))})
    on = {"dossier": dossier, "text": text_digest(text)}
    log("propose", {"by": mandate.id, **on}, agent, texts=[text])
    log("adopt", {"by": mandate.id, **on}, agent)
    log("adopt", {"by": sale.id, **on}, sal)
    deadline = WallClock().now() + 86_400
    signature = log("sign-ad-referendum", {"by": mandate.id, **on, "organ": board, "deadline": deadline}, agent)
    log("conclude", {"by": sale.id, **on}, sal)

    # So far nothing binds us. The board names the text, the very signature, and what it has seen.
    seen = {"dossier": position(dossier), "party": position(ours)}
    ratification = {"organ": board, "prior": mandate.id, **on, "signs": [signature.id], "seen": seen}
    log("ratify", ratification, ann, bo)

    # What a stranger gets, and what the stranger says. (The index of the claim is filled in by the export.)
    claim = Claim("in-force", ledger.depositary, 0, (ours, theirs), dossier, on["text"])
    evidence = assemble(claim, [ledger]).encoded()
    report = verify(evidence, Trust({ours: "handed over"}))
    print(f"{len(evidence):,} bytes of evidence: {report.verdict.value}, {report.steps[-2].detail}")
    return report.verdict.value


ALL = (*NEGOTIATE, "conclude", "ratify", "delegate", "dismiss")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
