"""Private red lines at the holder's and the council's own desk. Specification: ``spec/authority.md`` section 8.

A private line stands in a mandate as a salted commitment. Its opening (line and salt) is a file of its own, held by
the granting organ and the holder. The holder's signer refuses to sign a text that crosses it; a member of the organ
evaluates it before voting. It takes no part in any verdict on evidence, and nobody can invoke it against a
counterparty who was not told (VCLT 47).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pourparler.core.act import Act
from pourparler.core.encoding import Value
from pourparler.core.errors import Malformed, Refused
from pourparler.core.redline import Answer, Text, commitment, evaluate, parse_line
from pourparler.ports import Signer
from pourparler.service.drafting import Draft

GUARDED = frozenset({"propose", "adopt", "initial", "sign-ad-referendum", "conclude"})


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: the line, and the 16-byte salt. Whoever holds it knows the limit."""

    line: Value
    salt: bytes

    @property
    def commitment(self) -> bytes:
        """The 32 bytes that stand in the mandate."""
        return commitment(self.line, self.salt)

    def written(self) -> str:
        """Return the opening as the text of its file."""
        return json.dumps({"line": self.line, "salt": self.salt.hex()}, ensure_ascii=False, indent=2) + "\n"


def read_opening(text: str) -> Opening:
    """Return the opening in the text of its file. Raises :class:`Malformed` (``line.malformed``)."""
    try:
        value = json.loads(text)
        opening = Opening(value["line"], bytes.fromhex(value["salt"]))
    except (ValueError, KeyError, TypeError):
        raise Malformed("line.malformed", "an opening is a JSON object with line and salt") from None
    if len(opening.salt) != 16:
        raise Malformed("line.malformed", "a salt is 16 bytes")
    parse_line(opening.line)
    return opening


def private_answers(mandate: Act, openings: Iterable[Opening], text: Text) -> Mapping[bytes, Answer | None]:
    """Return what each private line of a mandate answers on a text, by commitment; None where no opening is at hand."""
    known = {opening.commitment: parse_line(opening.line) for opening in openings}
    committed = mandate.get("private") or ()
    return {c: evaluate(known[c], text.terms) if c in known else None for c in committed}


def sign_guarded(draft: Draft, signer: Signer, chain: Iterable[Act], openings: Iterable[Opening], text: Text) -> Act:
    """Sign as a holder, unless the text crosses a private line of the chain.

    Raises :class:`Refused` (``line.private``) where one is crossed, cannot be told, or has no opening here: the message
    names no path and no value, for it may reach a counterparty.
    """
    openings = tuple(openings)
    if draft.kind in GUARDED:
        for mandate in chain:
            for answer in private_answers(mandate, openings, text).values():
                if answer is not Answer.KEPT:
                    raise Refused("line.private", "a private line of the mandate is not shown to be kept")
    return draft.signed_by(signer)
