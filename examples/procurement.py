"""Procurement under a ceiling: an agent bargains, a council of three ratifies up to 250,000, the board above it.

Run it with ``./run python examples/procurement.py``. The demo (``./run demo procurement``) plays the same with all
its turns, three ledgers and votes by passkey; here it is one ledger and the library alone, in the order of the story.
As in ``first_agreement.py`` the keys are made from names; a real key implements :class:`pourparler.ports.Signer`.
"""

import secrets
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from pourparler.core.council import organ_id
from pourparler.core.encoding import Signature, decode, encode
from pourparler.core.errors import Refused
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.redline import parse_text, text_digest
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.guard import Opening, sign_guarded
from pourparler.service.intake import Intake
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

DAY = 86_400
TALK = powers("open", "propose", "adopt", "sign-ad-referendum")
DECIDE = powers("ratify", "delegate", "dismiss")
finance, operations, counsel, agent, partner, seller, depositary = (
    Key.from_name(name) for name in ("finance", "operations", "counsel", "agent", "partner", "seller", "depositary")
)
board = [Key.from_name(f"director {number}") for number in range(1, 6)]


class WallClock:
    def now(self) -> int:
        return int(time.time())


def seats(*members):
    """Return seats of weight 1 as an act holds them: in ascending order of the keys."""
    return sorted([member.public_key, 1] for member in members)


def contract(price, quantity, days):
    """Return a text. Its check lets nobody adopt a total that is not the product."""
    total = str(Decimal(price) * quantity)
    terms = {"price": ["EUR", price], "quantity": quantity, "total": ["EUR", total], "days": days, "renews": False}
    article = f"{quantity} castings at EUR {price}: EUR {total}, payable in {days} days."
    checks = [["product", "total", ["price", "quantity"]]]
    return encode({"articles": {"en": [article]}, "terms": terms, "checks": checks, "random": secrets.token_bytes(16)})


def main(folder: Path, *, refused: bool = False) -> str:
    """Go from two foundings to a verdict on whether the buyer is bound; with ``refused`` the board says no."""
    ledger = Intake(SqliteStore(folder / "ledger.sqlite"), depositary, WallClock(), "exchange.example/register")
    home = {"origin": ledger.depositary.origin, "key": ledger.depositary.key}

    def submit(act, *texts):
        """Hand in an act; say what became of it; return it, or nothing where it was refused."""
        try:
            receipt = ledger.submit(act.envelope.encoded(), texts)
        except Refused as refusal:
            print(f"{act.kind:20} REFUSED: {refusal.reason}")
            return None
        print(f"{act.kind:20} at index {receipt.index}{f', VOID: {receipt.void}' if receipt.void else ''}")
        return act

    def seen(dossier, party):
        """Return how far dossier and party have come: what an organ has before its eyes when it decides."""
        found = {"dossier": ledger.registry.streams[dossier], "party": ledger.registry.streams[party]}
        return {name: [stream.count, stream.head] for name, stream in found.items()}

    # The buyer: a council that decides two of three, whose power has a ceiling, and above it a board, three of five.
    ceiling = ["at-most", "total", ["EUR", "250000.00"]]
    organs = [
        {"name": "board", "seats": seats(*board), "needs": 3, "powers": TALK | DECIDE},
        {
            "name": "council",
            "seats": seats(finance, operations, counsel),
            "needs": 2,
            "powers": TALK | DECIDE,
            "superior": "board",
            "lines": [ceiling],
        },
    ]
    fields = {"name": "Northmill", "nonce": secrets.token_bytes(16), "home": home, "suspension": DAY, "organs": organs}
    buyer = submit(draft("found", fields).signed_by(*board, finance, operations, counsel)).id
    council, above = organ_id(buyer, "council"), organ_id(buyer, "board")

    # The supplier, whose agent may conclude.
    bind = powers("open", "propose", "adopt", "conclude")
    organs = [{"name": "management", "seats": seats(partner), "needs": 1, "powers": bind | DECIDE}]
    fields = {"name": "Castor", "nonce": secrets.token_bytes(16), "home": home, "suspension": DAY, "organs": organs}
    supplier = submit(draft("found", fields).signed_by(partner)).id
    management = organ_id(supplier, "management")
    fields = {"organ": management, "prior": management, "to": seller.public_key, "powers": bind}
    sale = submit(draft("grant", fields).signed_by(partner))

    # The agent's mandate: lines that everybody reads, one known to the two of them only, and a limit on all it signs.
    lines = [["at-most", "price", ["EUR", "92.00"]], ["at-least", "days", 45], ["equal", "renews", False]]
    above_84_only_for_60_days = ["any", ["at-most", "price", ["EUR", "84.00"]], ["at-least", "days", 60]]
    target = Opening(above_84_only_for_60_days, secrets.token_bytes(16))
    fields = {"organ": council, "prior": council, "to": agent.public_key, "powers": TALK, "lines": lines}
    fields |= {"until": WallClock().now() + 30 * DAY, "private": [target.commitment]}
    fields |= {"limit": {"path": "total", "most": ["EUR", "400000.00"], "ledger": home}}
    mandate = submit(draft("grant", fields).signed_by(finance, operations))

    def open_talks():
        fields = {"parties": sorted([buyer, supplier]), "ledger": home, "rules": {"adopt": "all"}}
        opening = draft("open", {"by": mandate.id, **fields, "nonce": secrets.token_bytes(16)}).signed_by(agent)
        submit(draft("join", {"by": sale.id, "dossier": submit(opening).id}).signed_by(seller))
        return opening.id

    def by_agent(kind, dossier, text, **fields):
        """Speak as the agent, whose own signer holds the private line."""
        drafted = draft(kind, {"by": mandate.id, "dossier": dossier, "text": text_digest(text), **fields})
        try:
            return submit(sign_guarded(drafted, agent, [mandate], [target], parse_text(text)), text)
        except Refused as refusal:
            print(f"{kind:20} NOT SIGNED: {refusal.reason}")
            return None

    def by_seller(kind, dossier, text, **fields):
        fields = {"by": sale.id, "dossier": dossier, "text": text_digest(text), **fields}
        return submit(draft(kind, fields).signed_by(seller), text)

    # Offers. A counter-offer kills the offer that it answers.
    dossier, deadline = open_talks(), WallClock().now() + 10 * DAY
    first, counter = contract("80.00", 2600, 45), contract("101.50", 2600, 30)
    by_agent("propose", dossier, first)
    by_seller("propose", dossier, counter, answers=text_digest(first))
    by_agent("propose", dossier, contract("96.00", 2600, 60))  # crosses a line: refused before anybody sees it
    by_agent("propose", dossier, contract("88.00", 2600, 45))  # crosses the private one: its own signer refuses
    agreed = contract("90.00", 2600, 60)
    by_agent("propose", dossier, agreed, answers=text_digest(counter))
    by_agent("adopt", dossier, agreed)
    by_seller("adopt", dossier, agreed)
    signing = {"organ": council, "deadline": deadline}
    signature = by_agent("sign-ad-referendum", dossier, agreed, **signing, total=["EUR", "234000.00"])
    by_seller("conclude", dossier, agreed)

    # So far nothing binds the buyer. Two of the council sign one payload, each where he is: a detached signature is a
    # small file that any channel may carry. Or the board, above the council, refuses.
    on = {"dossier": dossier, "text": text_digest(agreed)}
    if refused:
        submit(draft("refuse", {"organ": above, "prior": above, **on}).signed_by(board[0], board[2], board[4]))
    ratification = draft(
        "ratify",
        {"organ": council, "prior": mandate.id, **on, "signs": [signature.id], "seen": seen(dossier, buyer)},
    )
    for member in (counsel, operations):
        mine = ratification.signature(member)
        (folder / f"{member.name}.signature").write_bytes(encode([mine.algorithm, mine.kid, mine.value]))
    collected = [Signature(*decode(path.read_bytes())) for path in folder.glob("*.signature")]
    submit(ratification.joined(collected))

    # A second dossier within every line, and beyond the limit: 234,000 and 180,000 are more than 400,000.
    other, housings = open_talks(), contract("90.00", 2000, 60)
    by_agent("propose", other, housings)
    by_agent("adopt", other, housings)
    by_seller("adopt", other, housings)
    total = ["EUR", "180000.00" if refused else "414000.00"]  # a refusal releases what the signature had reserved
    by_agent("sign-ad-referendum", other, housings, **signing, total=total, previous=signature.id)

    # Is the buyer bound? Whoever asks needs this file and the buyer's party id.
    claim = Claim("bound", ledger.depositary, 0, (buyer,), dossier, text_digest(agreed))
    evidence = assemble(claim, [ledger]).encoded()
    report = verify(evidence, Trust({buyer: "on its letterhead"}))
    print(f"{len(evidence):,} bytes of evidence: {report.verdict.value} {report.reason}")
    return report.verdict.value


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as again:
        main(Path(made))
        print("\nand had the board refused:\n")
        main(Path(again), refused=True)
