"""Errors belong to the protocol: whose fault, a stable reason, one sentence of detail.

Foreign input raises nothing but :class:`PourparlerError`. Its three families are the three things that can be
wrong with what somebody hands you, and each maps to one verdict of :mod:`pourparler.core.evidence`:

========================  ============================================================  ==============
family                    what it says                                                  verdict
========================  ============================================================  ==============
:class:`Malformed`        the bytes are not what the format allows                      INVALID
:class:`Refused`          well-formed, and a rule of the specification says no          INVALID
:class:`Missing`          a rule could not be evaluated: something needed is not here   CANNOT TELL
========================  ============================================================  ==============

``reason`` is a dotted word from ``spec/reasons.md``, the same in every implementation: callers switch on it.
``detail`` is for people and may change.
"""


class PourparlerError(Exception):
    """Any refusal of foreign input. Raised only as one of the three families below."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Malformed(PourparlerError):
    """The bytes are not what the format allows; nobody may rely on any part of them."""


class Refused(PourparlerError):
    """The bytes are well-formed; a rule of the specification refuses what they say."""


class Missing(PourparlerError):
    """A rule could not be evaluated because something it needs is absent; never rounded up to a yes or a no."""


# The numbered steps that every act passes (``spec/act.md`` section 5), by the first word of the reason.
STEPS: dict[int, str] = {
    1: "the bytes are an envelope of the profile",
    2: "kind and fields are known and bounded",
    3: "the form is the issuer's",
    4: "party, organ, mandate and prior are known",
    5: "the signatures are good",
    6: "the decision is sufficient, the chain is whole",
    7: "the powers suffice, and no link widens",
    8: "dossier, partners and scope are within bounds",
    9: "the red lines are kept",
    10: "the chain stands",
    11: "the cumulative limit holds",
    12: "the act fits the dossier",
}
STEP_POWER, STEP_STANDING = 7, 10
FIRST_WORDS: dict[str, int] = {
    "envelope": 1,
    "cbor": 1,
    "act": 2,
    "unknown": 4,
    "home": 4,
    "signature": 5,
    "passkey": 5,
    "decision": 6,
    "vote": 6,
    "suspension": 6,
    "beacon": 6,
    "stamp": 6,
    "power": 7,
    "chain": 7,
    "bounds": 8,
    "line": 9,
    "text": 9,
    "standing": 10,
    "limit": 11,
    "dossier": 12,
    "consent": 12,
}


def step_of(reason: str) -> int:
    """Return the step at which an act with this reason stops."""
    return {"act.form": 3, "chain.custody": 6}.get(reason) or FIRST_WORDS[reason.split(".", maxsplit=1)[0]]
