"""Files that people write, and examples to start from."""

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from pourparler.cli.trouble import USAGE, Problem

FILE_MAX_BYTES = 4 * 1024 * 1024
Example = Annotated[bool, typer.Option("--example", help="Print a file to start from, and stop.")]


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says; ``-`` is standard input. Raises :class:`Problem`."""
    import sys

    from pourparler.cli.reading import bounded, read_file

    if str(path) == "-":
        data = bounded(sys.stdin.buffer.read(FILE_MAX_BYTES + 1), FILE_MAX_BYTES, "standard input", "a form")
    else:
        data = read_file(path, FILE_MAX_BYTES, "a form")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Problem(
            USAGE, f"{path} is not TOML: {error}.", "Correct that line; --example prints a file that is right."
        ) from None


def example(name: str) -> int:
    """Print one of the examples."""
    print(EXAMPLES[name], end="")
    return 0


PARTY = """\
# A party: who you are, and which bodies decide for you. Found it with: pourparler party found FILE --name we
name = "We"

# Its home ledger, which puts its decisions in order. Without this line: the one ledger that is known here.
# home = "ledger.example/first"

# After how long a member's suspension lapses unless the organ confirms it.
suspension = "24h"

# Keys that say "all is as it was" (beacons), and keys that may only replace members' keys. Both may be left away.
# beacons = ["clock"]
# recovery = { keys = ["safe-1", "safe-2"], needs = 2, wait = "7 days" }

[[organs]]
name = "board"
seats = ["ann", "bo"]        # names of keys, or their 64 hex digits; { ann = 2, bo = 1 } gives weights
needs = 2                    # the weight that must sign: more than half. Without this line: just more than half
powers = "all"               # or some: ["delegate", "dismiss", "ratify", "open", "propose", "adopt", …]
# until = 2027-12-31         # its term
# ballot = { open = "24h", quorum = 2, share = [1, 2] }   # how it votes, and on what:
# votes = ["ratify"]
# lines = [["at-most", "total", ["EUR", "250000"]]]       # red lines on its own power
# urgent = { keys = ["ann"], needs = 1, lapse = "48h" }   # who may act in urgency
# suspenders = ["ann", "bo"]                              # who may suspend; without it every member

# A body that answers to another stands after it, and says so:
# [[organs]]
# name = "committee"
# superior = "board"
# subject = ["ratify"]       # what it ratifies needs the superior's confirmation
# seats = ["cy", "di", "ed"]
# powers = ["delegate", "ratify", "open", "propose", "adopt", "sign-ad-referendum"]
"""

MANDATE = """\
# A mandate: who may do what for you, within which limits. Give it with: pourparler mandate grant FILE --name agent-1
organ = "we.board"           # which organ gives it
to = "agent"                 # the holder: a key; or { keys = ["a", "b"], needs = 2 }
powers = ["open", "propose", "adopt", "sign-ad-referendum"]
# conclude binds you at once; without it, only your organ can bind you, by ratifying.

# Red lines: conditions on the terms of a text, all of which must be kept. Everybody can read them.
lines = [
    ["at-most", "price", ["EUR", "92.00"]],
    # ["one-of", "place", ["Hamburg", "Rotterdam"]],
    # ["any", ["before", "delivery", "2027-06-30"], ["absent", "delivery"]],
]

# Private red lines: only a commitment is published. Their openings are kept at your desk, for you and the holder.
# private = [["at-most", "price", ["EUR", "88.00"]]]

# until = 2027-06-30         # its end; from = … its beginning
# scope = ["tents"]          # what talks may be about
# with = ["they"]            # with whom
# depth = 1                  # how many further links may follow (the holder needs the power delegate for it)
# limit = { path = "total", most = ["EUR", "50000"], ledger = "ledger.example/first" }   # over all signatures
# cosign = { powers = ["conclude"], keys = ["bo"], needs = 1 }                           # who signs beside
# report = "24h"             # how soon an act must be logged
# fresh = "48h"              # how old the newest beacon may be for conclude, delegate, denounce
# duty = { kind = "propose", by = 2027-01-31, then = "deputy" }
# witnessed = true           # what is signed under it binds only once witnesses have seen it
"""

ORGAN = """\
# A new organ below one that there is. Make it with: pourparler organ constitute FILE
organ = "we.board"           # which organ makes it

[new]
name = "committee"
superior = "board"           # whom it answers to
seats = ["cy", "di", "ed"]   # names of keys, or their 64 hex digits; every one of them signs, too
powers = ["delegate", "open", "propose", "adopt", "sign-ad-referendum"]
# needs = 2                  # the weight that must sign; without this line: just more than half
# subject = ["ratify"]       # what it decides of these needs the superior's confirmation
# until = 2027-12-31         # its term
"""

DOSSIER = """\
# Talks: who negotiates about what, by which rules. Open them with: pourparler dossier open FILE --name tents
by = "agent-1"               # your mandate
parties = ["we", "they"]
scopes = ["tents"]           # what they are about; a mandate with a scope needs it
# sealed = true              # the ledger sees digests only; you hand texts over yourselves

[rules]
adopt = "all"                # or a share of those who joined: [2, 3]
# begin = 2                  # how many must join before talks begin
# counter = true             # whether a counter-offer kills the offer it answers; between two parties it does
# join_by = 2027-01-31
# witnessed = true           # whether a text binds only once witnesses have seen it
"""

TEXT = """\
# A text: articles for people, terms for red lines. Where they differ, the terms prevail.
# Propose it with: pourparler act propose DOSSIER FILE
[articles]
en = [
    "The seller delivers 40 tents to Hamburg by 1 March 2027.",
    "The buyer pays EUR 90.00 for each, 30 days after delivery.",
]

[terms]
price = ["EUR", "90.00"]     # money: currency and an exact figure, in quotes
quantity = 40
total = ["EUR", "3600.00"]
delivery = "2027-03-01"

# Figures that must be right for the text to be adopted.
# [checks] is a list: checks = [["product", "total", ["price", "quantity"]]] above the first [table].

# [clauses.force]            # when it enters into force; without it: when all have consented
# when = ["all"]             # or ["count", 2], ["parties", ["we", "they"]]
# then = [["days", 30]]      # or [["at", 2027-04-01]], [["month", 1]]
# [clauses.term]
# until = 2028-12-31
# tacit = true               # renewed by silence
# notice_days = 90           # how it is denounced; without it, it cannot be
"""

EXAMPLES = {"party": PARTY, "organ": ORGAN, "mandate": MANDATE, "dossier": DOSSIER, "text": TEXT}
