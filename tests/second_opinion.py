"""A plugin for pytest: whatever evidence a test has core verify, the verifier in JavaScript verifies, too; and whatever
acts a test has core fold, it folds.

``python -m pytest -p tests.second_opinion tests/test_more_evidence.py``. A test in which the two differ fails;
so does one that spoils core on purpose and goes on.
"""

import base64
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from pourparler.core import council, evidence
from pourparler.core.act import Act, parse_act
from pourparler.core.authority import Moment
from pourparler.core.dossier import Outcome
from pourparler.core.encoding import encode, kid_of
from pourparler.core.errors import Missing
from pourparler.core.evidence import Report, Trust
from pourparler.core.ledger import Policy, VerifierKey
from pourparler.core.redline import Text
from pourparler.core.registry import Registry
from tests.second_verifier import Asked, Other, fate

ASKED: Counter[str] = Counter()
PROCESSES: list[Other] = []
verify_by_core = evidence.verify


def other() -> Other:
    if not PROCESSES:
        PROCESSES.append(Other())
    return PROCESSES[0]


def vkey(key: VerifierKey) -> str:
    return f"{key.name}+{key.key_id.hex()}+{base64.b64encode(bytes([key.type]) + key.public_key).decode()}"


def written(policy: Policy | None) -> str | None:
    """Return the policy as its file, without the ledgers, of which evidence asks nothing."""
    if policy is None:
        return None
    lines = [f"witness {one.name.decode()} {vkey(one.key)}" for one in policy.witnesses]
    for group in policy.groups:
        members = b" ".join(group.members).decode()
        lines.append(f"group {group.name.decode()} {group.threshold} {members}")
    return "\n".join([*lines, f"quorum {policy.quorum.decode() if policy.quorum else 'none'}", ""])


def verify(bundle: bytes, trust: Trust, at: int | None = None) -> Report:
    report = verify_by_core(bundle, trust, at)
    asked = Asked(bundle, tuple(trust.parties), written(trust.policy), at, tuple(trust.parties.values()))
    asked.compare(other(), "a test", ASKED, report)
    return report


# --- folds ------------------------------------------------------------------------------------------------------------


@dataclass
class Heard:
    """What a registry admitted, and which texts it asked for and had."""

    registry: Registry
    acts: list[dict[str, Any]] = field(default_factory=list)
    texts: dict[bytes, Text | None] = field(default_factory=dict)
    comparable: bool = True

    def text(self, digest: bytes) -> Text | None:
        found = self.ask(digest)
        if digest in self.texts and self.texts[digest] != found:
            self.comparable = False  # the text came later: what was folded before it was judged without
        self.texts[digest] = found
        return found

    def listen(self) -> None:
        self.ask, self.registry.texts = self.registry.texts, self.text

    def take(self, act: Act, moment: Moment, outcome: Outcome) -> None:
        self.comparable &= council.kid_of is kid_of  # some tests have keys collide
        self.acts.append(
            {
                "index": str(moment.index),
                "time": moment.time,
                "act": outcome.envelope.encoded().hex(),
                "expect": {"void": outcome.void.reason} if outcome.void else "accepted",
            }
        )

    def compare(self) -> None:
        registry = self.registry
        at_home = all(register.home is None for register in registry.registers.values())
        if not (self.comparable and at_home and not registry.partial and self.acts):
            return
        if None in self.texts.values() and not registry.exact:
            return
        ledger = {"origin": registry.ledger.origin, "key": registry.ledger.key.hex()}
        texts = {name.hex(): bytes_of(text).hex() for name, text in self.texts.items() if text is not None}
        told = other().ask({"world": {"ledger": ledger, "named": texts, "acts": self.acts}})["acts"]
        for row, theirs in zip(self.acts, told, strict=True):
            kind = parse_act(bytes.fromhex(row["act"])).kind
            assert row["expect"] == theirs, f"{kind} at {row['index']}: core {row['expect']}, the other {theirs}"
            ASKED[f"fold {fate(theirs)}"] += 1


def bytes_of(text: Text) -> bytes:
    """Return a text of the same content; its random bytes, and so its digest, are others."""
    checks = [[check.operator, check.path, list(check.of)] for check in text.checks]
    value = {"articles": {k: list(v) for k, v in text.articles.items()}, "terms": dict(text.terms), "checks": checks}
    return encode({**value, "clauses": dict(text.clauses), "random": bytes(16)})


HEARD: list[Heard] = []
made, admitted = Registry.__init__, Registry.admit


def make(self: Registry, *given: Any, **more: Any) -> None:
    made(self, *given, **more)
    HEARD.append(Heard(self))
    HEARD[-1].listen()
    self.heard = HEARD[-1]  # type: ignore[attr-defined]


def admit(self: Registry, act: Act, moment: Moment, *, intake: bool = False) -> Outcome:
    heard = getattr(self, "heard", None)
    try:
        outcome = admitted(self, act, moment, intake=intake)
    except Missing as missing:
        if heard and not missing.reason.startswith("unknown."):
            heard.comparable = False  # the fold is of no further use
        raise
    if heard:
        heard.take(act, moment, outcome)
    return outcome


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    heard, HEARD[:] = HEARD[:], []
    for one in heard:
        one.compare()


def pytest_configure() -> None:
    Registry.__init__, Registry.admit = make, admit  # type: ignore[method-assign]


def pytest_collection_finish(session) -> None:
    """Put ours in the place of core's function wherever a module took it, but where we ask core ourselves."""
    for name, module in list(sys.modules.items()):
        if name not in ("tests.second_verifier", __name__) and vars(module).get("verify") is verify_by_core:
            setattr(module, "verify", verify)  # noqa: B010 -- a module whose attributes mypy does not know


def pytest_terminal_summary(terminalreporter) -> None:
    for process in PROCESSES:
        process.__exit__()
    told = ", ".join(f"{count} {name}" for name, count in sorted(ASKED.items()))
    terminalreporter.write_line(f"second opinions: {sum(ASKED.values())}: {told}")
