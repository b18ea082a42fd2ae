"""An example file for every kind of act, to start from: ``pourparler act draft KIND --example``.

It is made from the table of kinds (:data:`pourparler.core.act.KINDS`), so that no kind is without one: what the kind
must have stands filled in, what it may have stands behind ``#``, and what follows from where things stand is left out.
"""

from pourparler.cli.files import EXAMPLES
from pourparler.core.act import KINDS, Issuer, issuer_of

# What `act draft` completes, where nobody writes it.
FOLLOWS = frozenset({
    "at", "prior", "theirs", "nonce", "seen", "spines", "signs", "call", "votes", "tally", "previous", "total", "count",
    "head", "serial", "next",
})  # fmt: skip
WHOLE = {"found": "party", "grant": "mandate", "open": "dossier"}
SPOKEN = frozenset({"say", "question", "answer", "dissent", "decide", "query", "reply"})  # of which words are the point

VALUES: dict[str, str] = {
    "organ": '"we.board"', "by": '"agent-1"', "dossier": '"tents"', "text": '"tents.1"', "about": '"that-act"',
    "to": '"agent"', "mandate": '"agent-1"', "target": '"agent-1"', "of": '"we.desk"', "party": '"we"',
    "powers": '["open", "propose", "adopt"]', "holds": '["open"]', "seats": '["ann", "bo"]', "needs": "2",
    "until": '"in 30 days"', "from": "2027-01-01", "due": '"in 7 days"', "closes": '"in 2 days"',
    "deadline": '"in 14 days"', "by_time": '"in 30 days"', "lines": '[["at-most", "price", ["EUR", "92.00"]]]',
    "private": '[["at-most", "price", ["EUR", "88.00"]]]', "scope": '["tents"]', "scopes": '["tents"]',
    "with": '["they"]', "ledgers": '["ledger.example/first"]', "depth": "1", "fresh": '"48h"', "report": '"24h"',
    "cosign": '{ powers = ["adopt"], keys = ["bo"], needs = 1 }', "replaces": '"agent-1"', "witnessed": "true",
    "limit": '{ path = "total", most = ["EUR", "50000"], ledger = "ledger.example/first" }',
    "duty": '{ kind = "propose", by = "in 20 days", then = "deputy" }', "duties": '["hands over the files"]',
    "ballot": '{ open = "24h", quorum = 2, share = [1, 2] }', "suspenders": '["ann", "bo"]',
    "urgent": '{ keys = ["ann"], needs = 1, lapse = "48h" }', "beacons": '["clock"]', "dispatch": '["relay"]',
    "new": '{ name = "desk", seats = ["cy"], needs = 1, powers = ["open", "propose"], superior = "board" }',
    "home": '"ledger.example/second"', "answer": "true", "decides": '"ratify"', "choice": '"yes"',
    "question": '"that-act"', "breach": '"that-act"', "signature": '"that-act"', "cites": '["that-act"]',
    "confirms": '["that-act"]', "reserves": '["2"]', "remedy": "0", "attributed": '"they"', "article": '"3"',
    "courses": '[{ name = "sign", reason = "cheap" }, { name = "wait", reason = "dear", ruled_out = true }]',
    "parties": '["third"]', "texts": '["tents.1"]', "answers": '"tents.1"', "as": '"failed"', "class": '"all-desks"',
    "salt": f'"{"00" * 16}"', "words": '"Why, in words without legal effect."',
    "passkeys": '[{ member = "ann", algorithm = -70001, relying_party = "vote.example", '
    f'origin = "https://vote.example", key = "04{"00" * 64}" }}]',
}  # fmt: skip
VALUES_OF_KIND: dict[tuple[str, str], str] = {
    ("hand-over", "to"): '"we.desk"',
    ("say", "to"): '"they"',
    ("query", "to"): '"they"',
    ("lift", "line"): "0",
    ("vote", "call"): '"that-act"',
    ("reveal", "line"): '["at-most", "price", ["EUR", "88.00"]]',
    ("recover", "seats"): '{ ann = "cy" }',
    ("revoke", "target"): '"link-1"',
    ("withdraw-certificate", "target"): '"link-1"',
    ("urgent-grant", "class"): '{ name = "desks", certifier = "ann" }',
    ("urgent-grant", "powers"): '["open", "propose"]',
}
# Of two fields that exclude each other, or of several of which one is needed, the one that is shown.
CHOSEN = {"urgent-grant": ("to",), "denounce": ("organ",), "appoint": ("beacons",)}


def example_of(kind: str) -> str:
    """Return an example file of a kind. Its names are to be replaced by one's own; nothing else has to be."""
    if kind in WHOLE:
        return EXAMPLES[WHOLE[kind]]
    row = KINDS[kind]
    chosen = CHOSEN.get(kind, ())
    spoken = ("words",) if kind in SPOKEN else ()
    must = [name for name in (*row.required, *chosen, *spoken) if name not in FOLLOWS or (kind, name) in VALUES_OF_KIND]
    may = [name for name in (*row.optional, "words") if name not in FOLLOWS and name not in must]
    lines = [f"# {kind}: said by {speaker(kind)}. Send it with: pourparler act draft {kind} FILE"]
    lines += [f"{name} = {value(kind, name)}" for name in must]
    lines += [f"# {name} = {value(kind, name)}" for name in may]
    return "\n".join(lines) + "\n"


def speaker(kind: str) -> str:
    issuer = issuer_of(kind, {})
    return "an organ by its decision" if issuer is Issuer.ORGAN else issuer.value


def value(kind: str, name: str) -> str:
    return VALUES_OF_KIND.get((kind, name)) or VALUES[name]
