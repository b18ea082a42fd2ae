"""What a signature does, in plain sentences, for whoever is asked to sign: before he signs."""

from collections.abc import Mapping

from pourparler.cli.effects import standing
from pourparler.cli.lines import SIGNS, tested, tried
from pourparler.cli.page import print_text_itself, text_here
from pourparler.cli.session import Session
from pourparler.cli.timeline import told
from pourparler.cli.words import clean, date_time, quoted
from pourparler.core.act import Issuer, Power, issuer_of, power_words
from pourparler.core.council import signers
from pourparler.core.encoding import Value
from pourparler.core.redline import Text, parse_line, parse_text, sentence
from pourparler.service.books import Book
from pourparler.service.desk import Parcel
from pourparler.service.guard import GUARDED
from pourparler.service.speaking import Speakers, mandate_of

# What each kind does, said to whoever signs it. A kind that is not here is words, or is said by its fields.
DOES: dict[str, str] = {
    "found": "founds a party. Every founding member signs; who sits, and what they may, stands in it.",
    "constitute": "makes a new organ of the party.",
    "elect": "seats members anew: from then on they decide.",
    "appoint": "appoints keys: of beacons, of dispatch, passkeys for voting.",
    "hand-over": "gives powers of your organ away. The other organ has them once it confirms.",
    "dissolve": "ends an organ: it can decide nothing more.",
    "move-home": "moves the party's register to another ledger.",
    "recover": "replaces members' keys, after the waiting time.",
    "grant": "gives a mandate: its holder may do for the party what it says, within its red lines.",
    "dismiss": "ends a mandate, and all that hangs from it, from the moment it is logged.",
    "lift": "lifts a red line of a mandate, from the moment it is logged.",
    "decide": "records a decision in words. It binds nobody by itself.",
    "deliberate": "records what was weighed.",
    "confirm": "answers an act that needs your organ's confirmation.",
    "object": "objects to an act of an organ below; if that is a mandate, it ends.",
    "urgent-dismiss": "stops a mandate in urgency. It lapses unless the organ confirms it.",
    "urgent-grant": "lets somebody open talks and propose, in urgency. It lapses unless the organ confirms it.",
    "suspend": "stops a mandate for now. It lapses unless the organ confirms it.",
    "call": "calls a vote.",
    "vote": "is your vote. The first one counts, and it cannot be changed.",
    "delegate": "hands a part of your mandate on.",
    "revoke": "takes back a mandate that hangs from yours.",
    "open": "opens talks. It binds nobody to anything else.",
    "join": "joins talks.",
    "propose": "proposes a text. It binds nobody.",
    "adopt": "settles that this is the text. It binds nobody to it yet.",
    "initial": "settles that no byte of the text changes any more.",
    "sign-ad-referendum": "signs the text subject to your organ's approval. It binds nobody until the organ ratifies.",
    "conclude": "signs the text definitively: IT BINDS YOUR PARTY AT ONCE.",
    "withdraw-signature": "takes back a signature that has not been ratified.",
    "ratify": "IT BINDS YOUR PARTY to the text, by the very signatures that it names.",
    "refuse": "refuses the text, for good: it needs a new one.",
    "accede": "IT BINDS YOUR PARTY to a text that others negotiated.",
    "apply": "applies the text provisionally, before it is in force.",
    "stop-applying": "ends the provisional application of the text.",
    "denounce": "gives notice: your party leaves the text when the notice has run.",
    "withdraw-denunciation": "takes a notice back.",
    "breach": "alleges a breach of the text.",
    "remedy": "invokes a remedy that the text provides.",
    "close": "ends the talks for your party.",
}


def describe(session: Session, book: Book, parcel: Parcel, found: Speakers, payload: Mapping[str, Value]) -> None:
    """Print what the act is, in whose name, under which powers and red lines, the text in full, and who has signed."""
    kind = str(payload["kind"])
    say = session.say
    say((kind, "bold"), f": {DOES.get(kind, 'is said, without further effect.')}", lead=label("act"))
    fields = {name: value for name, value in payload.items() if name != "kind"}
    say(who(session, book, kind, fields), lead=label("for"))
    for name, value in fields.items():
        if name not in ("organ", "by", "prior", "theirs", "lines", "nonce", "seen", "spines", "at", "text"):
            say(told(session, name, value, whole=True), lead=label(name.replace("_", " ")))
    for number, line in enumerate(fields.get("lines") or ()):
        say(clean(sentence(parse_line(line))), lead=label("only if" if number == 0 else "and"))
    bounds(session, book, kind, fields)
    if "text" in fields:
        digest = fields["text"]
        say((session.called(digest), "bold"), (f"  {digest.hex()}", "dim"), lead=label("text"))
        print_text_itself(session, text_of(book, parcel, digest))
    if kind == "ratify":
        ratified(session, book, fields, text_of(book, parcel, fields["text"]))
    if parcel.envelope.signatures:
        names = [session.called(key) for key in signers(parcel.act(), found.keys)]
        say(", ".join(names) or "nobody who counts", lead=label("signed by"))
    if "text" in fields:
        say("Your signature is for this text and no other: one letter more, and it is worth nothing.")


def text_of(book: Book, parcel: Parcel, digest: bytes) -> Text | None:
    data = parcel.text(digest)
    return parse_text(data) if data is not None else text_here(book, digest)


def ratified(session: Session, book: Book, fields: Mapping[str, Value], text: Text | None) -> None:
    """Print under which mandates the signatures stand that are ratified, and what their red lines say of the text.

    Private ones are among them, where their openings are here: who sits in the organ may know them.
    """
    for act_id in fields["signs"]:
        outcome = book.registry.outcomes.get(act_id)
        if outcome is None:
            session.say(f"{act_id.hex()[:8]}… is not in this ledger", lead=label("signature"))
            continue
        mandate, register = mandate_of(outcome.act["by"], book.registry)
        at = date_time(outcome.moment.time)
        session.say(f"{session.called(mandate.id)}, on {at}, {standing(register, mandate, book.next_moment())}",
                    lead=label("signature"))  # fmt: skip
        for line, kind in tested(session, register, mandate, book.next_moment()):
            one = tried(line, kind, text.terms if text is not None else None)
            private = " (private)" if kind == "private" else ""
            because = f", since {one.because}" if one.because else ""
            said = (one.answer.value, SIGNS[one.answer][1])
            session.say(f"{one.words}{private}: ", said, because, lead=label("red line"))


def who(session: Session, book: Book, kind: str, fields: Mapping[str, Value]) -> str:
    """Return in whose name the act speaks."""
    if kind == "found":
        return quoted(fields["name"])
    issuer = issuer_of(kind, fields)
    if issuer is Issuer.HOLDER:
        mandate, register = mandate_of(fields["by"], book.registry)
        may = power_words(Power(mandate.powers))
        return (
            f"{quoted(register.spines.party.name)}, under the mandate {session.called(mandate.id)} ({', '.join(may)})"
        )
    if "organ" in fields:
        party = book.registry.party_of_organ.get(fields["organ"])
        register_ = book.registry.registers.get(party or b"")
        name = quoted(register_.spines.party.name) if register_ else "a party that is not known here"
        return f"{name}, by {session.called(fields['organ'])}"
    return "the holder of the key"


def bounds(session: Session, book: Book, kind: str, fields: Mapping[str, Value]) -> None:
    """Print the red lines under which a holder, or an organ, speaks."""
    if kind in GUARDED:
        mandate, register = mandate_of(fields["by"], book.registry)
        power = Power.CONCLUDE if kind == "conclude" else Power(0)
        lines = [sentence(line) for line in register.lines(mandate, power, book.next_moment())]
    elif kind in ("ratify", "accede"):
        party = book.registry.party_of_organ.get(fields["organ"])
        register_ = book.registry.registers.get(party or b"")
        lines = [sentence(line) for line in register_.spines.organ(fields["organ"]).lines] if register_ else []
    else:
        lines = []
    for line in lines:
        session.say(clean(line), lead=label("red line"))


def label(word: str) -> str:
    return f"{word:>12}  "
