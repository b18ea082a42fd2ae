"""A union's tentative agreement: a committee signs, the members refuse, a second text is ratified, and a plant joins.

Run it with ``./run python examples/union.py``. The whole story, with its sources, is ``./run demo union``. Keys are
made from names, which only an example may do: a real key implements :class:`pourparler.ports.Signer` and never leaves
its owner.
"""

import tempfile
import time
from itertools import count
from pathlib import Path

from pourparler.core.council import organ_id
from pourparler.core.encoding import encode
from pourparler.core.errors import Refused
from pourparler.core.evidence import Claim, Trust, verify
from pourparler.core.redline import text_digest
from pourparler.service.drafting import draft, powers
from pourparler.service.export import assemble
from pourparler.service.intake import Intake
from pourparler.store.sqlite import SqliteStore
from pourparler.testing.keys import Key

NEGOTIATE = ("open", "propose", "adopt", "sign-ad-referendum")
ALL = (*NEGOTIATE, "conclude", "ratify", "delegate", "dismiss")
tellers = [Key.from_name(f"teller {number}") for number in (1, 2, 3)]
committee = [Key.from_name(f"bargainer {number}") for number in (1, 2, 3)]
maker, battery = Key.from_name("truck maker"), Key.from_name("battery maker")


class WallClock:
    def now(self) -> int:
        return int(time.time())


def seats(*members: Key) -> list[list[object]]:
    """Return seats of weight 1 as an act holds them: in ascending order of the keys."""
    return sorted([member.public_key, 1] for member in members)


def main(folder: Path) -> str:
    """Play it from the foundings to the verdicts; return the first verdict's word."""
    ledger = Intake(SqliteStore(folder / "ledger.sqlite"), Key.from_name("ledger"), WallClock(), "ledger.example/union")
    home = {"origin": ledger.depositary.origin, "key": ledger.depositary.key}
    chance = count()

    def log(kind, fields, *signers, texts=()):
        """Draft, sign and submit an act; say what became of it; return it."""
        act = draft(kind, fields, several="by" in fields and len(signers) > 1).signed_by(*signers)
        try:
            receipt = ledger.submit(act.envelope.encoded(), texts)
        except Refused as refusal:
            print(f"{kind:20} REFUSED, never logged: {refusal}")
        else:
            print(f"{kind:20} at index {receipt.index}{' VOID: ' + receipt.void if receipt.void else ''}")
        return act

    def nonce():
        return next(chance).to_bytes(16, "big")

    # Parties. The members vote in secret; their organ is the three tellers whom they elected, two of whom certify.
    def found(name, needs, *members):
        body = {"name": "members", "seats": seats(*members), "needs": needs, "powers": powers(*ALL)}
        fields = {"name": name, "nonce": nonce(), "home": home, "organs": [body], "suspension": 86_400}
        party = log("found", fields, *members).id
        return party, organ_id(party, "members")

    union, membership = found("Union of Truck Builders", 2, *tellers)
    company, board = found("Truck Maker", 1, maker)
    joiner, joiners_board = found("Battery Maker", 1, battery)

    # The committee may sign ad referendum, two of three, within red lines. The company's negotiator may conclude.
    lines = [["equal", "tiers", "none"], ["equal", "term-ends", "2028-04-30"], ["at-least", "increase", "15"]]
    holder = {"keys": seats(*committee), "needs": 2}
    may = {"organ": membership, "prior": membership, "to": holder, "powers": powers(*NEGOTIATE), "lines": lines}
    mandate = log("grant", may, *tellers[:2])
    negotiator = Key.from_name("negotiator")
    may = {"organ": board, "prior": board, "to": negotiator.public_key, "powers": powers(*NEGOTIATE, "conclude")}
    sale = log("grant", may, maker)

    parties = sorted([union, company])
    opening = {"by": mandate.id, "parties": parties, "ledger": home, "rules": {"adopt": "all"}, "nonce": nonce()}
    dossier = log("open", opening, *committee).id
    log("join", {"by": sale.id, "dossier": dossier}, negotiator)

    # A text goes as far as the committee can take it: adopted by both, concluded by one, ad referendum by the other.
    def agree(words, terms):
        clauses = {"parties": parties, "open_to": [joiner]}
        text = encode({"articles": {"en": [words]}, "terms": terms, "random": nonce(), "clauses": clauses})
        on = {"dossier": dossier, "text": text_digest(text)}
        deadline = WallClock().now() + 86_400
        log("propose", {"by": sale.id, **on}, negotiator, texts=[text])
        log("adopt", {"by": sale.id, **on}, negotiator)
        log("adopt", {"by": mandate.id, **on}, *committee)
        signing = {"by": mandate.id, **on, "organ": membership, "deadline": deadline}
        signed = log("sign-ad-referendum", signing, *committee)
        log("conclude", {"by": sale.id, **on}, negotiator)
        return on, signed

    def seen(party):
        """Return what somebody has seen who decides now: how far the dossier has come, and the party's own stream."""
        streams = {"dossier": ledger.registry.streams[dossier], "party": ledger.registry.streams[party]}
        return {name: [stream.count, stream.head] for name, stream in streams.items()}

    good = {"increase": "15", "tiers": "none", "term-ends": "2028-04-30"}
    print("\nA second wage scale: the committee's own mandate stops it.")
    agree("More money, and a lower scale for the newly hired.", {**good, "increase": "18", "tiers": "two"})

    print("\nA tentative agreement. The committee cannot make it final; the members refuse it, and that is final.")
    first, signed = agree("Wages rise by 15 per cent in three years.", good)
    log("conclude", {"by": mandate.id, **first}, *committee)
    tally = {"tally": {"yes": 972, "no": 2628, "abstain": 0}}
    refusal = log("refuse", {"organ": membership, "prior": mandate.id, **first, **tally}, *tellers)
    again = {"organ": membership, "prior": refusal.id, **first, "signs": [signed.id], "seen": seen(union)}
    again = log("ratify", again, *tellers)

    print("\nNearly the same money is another text, with a vote of its own.")
    second, signed = agree("Wages rise by 15 per cent in three years, and work begins again.", good)
    tally = {"tally": {"yes": 3162, "no": 238, "abstain": 0}}
    ratification = {
        "organ": membership,
        "prior": again.id,
        **second,
        "signs": [signed.id],
        "seen": seen(union),
        **tally,
    }
    log("ratify", ratification, *tellers)

    print("\nMe too: the text is open to the battery maker, which was not at the table.")
    log("accede", {"organ": joiners_board, "prior": joiners_board, **second, "seen": seen(joiner)}, battery)

    # What a stranger says, who knows nothing but the union's id.
    print()
    verdicts = []
    for question, kind, text, of in (
        ("Is the second text in force with the truck maker?", "in-force", second, (union, company)),
        ("Is it in force with the battery maker?", "in-force", second, (union, joiner)),
        ("Is the union bound by the first text?", "bound", first, (union,)),
    ):
        claim = Claim(kind, ledger.depositary, 0, tuple(sorted(of)), dossier, text["text"])
        report = verify(assemble(claim, [ledger]).encoded(), Trust({union: "handed over"}))
        verdicts.append(report.verdict.value)
        decided = next(step for step in report.steps if step.number == 10)
        print(f"{question:52} {report.verdict.value:12} {decided.detail}")
    ledger.close()
    return verdicts[0]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        main(Path(made))
