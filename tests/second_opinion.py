"""A plugin for pytest: whatever evidence a test has core verify, the verifier in JavaScript verifies, too.

``python -m pytest -p tests.second_opinion tests/test_more_evidence.py``. A test in which the two differ fails.
"""

import base64
import sys
from collections import Counter

from pourparler.core import evidence
from pourparler.core.evidence import Report, Trust
from pourparler.core.ledger import Policy, VerifierKey
from tests.second_verifier import Asked, Other

ASKED: Counter[str] = Counter()
PROCESSES: list[Other] = []
verify_by_core = evidence.verify


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
    if not PROCESSES:
        PROCESSES.append(Other())
    asked = Asked(bundle, tuple(trust.parties), written(trust.policy), at, tuple(trust.parties.values()))
    asked.compare(PROCESSES[0], "a test", ASKED, report)
    return report


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
