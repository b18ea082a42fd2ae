"""``python -m tests.interop [NAME…]``: the checks by foreign programs, one after the other."""

import os
import sys
import time

from tests.interop import checks, tools


def run(names: list[str]) -> str:
    """Run the checks; return one line about them all. Raises :class:`AssertionError` where one fails, or where ``CI``
    is set and a tool is absent that should be here."""
    passed, absent, failed = 0, [], []
    for name in names:
        tool, check = checks.CHECKS[name]
        begun = time.monotonic()
        try:
            said = check()
            passed += 1
        except tools.Absent as why:
            excused = tools.excused(tool) if tool else "CI" not in os.environ
            said = f"SKIPPED: {why}" if excused else f"FAILED: it should be here: {why}"
            (absent if excused else failed).append(name)
        except Exception as error:
            said = f"FAILED: {type(error).__name__}: {error}"
            failed.append(name)
        print(f"  {name}: {said} ({time.monotonic() - begun:.0f} s)", flush=True)
    if failed:
        raise AssertionError(f"foreign programs and ours do not agree: {', '.join(failed)}")
    return f"{passed} foreign programs and data sets agree with us, {len(absent)} absent: {', '.join(absent) or 'none'}"


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in checks.CHECKS]
    if unknown:
        print(f"interop: there is no {', '.join(unknown)}; there are {', '.join(checks.CHECKS)}", file=sys.stderr)
        raise SystemExit(4)
    print(run(sys.argv[1:] or list(checks.CHECKS)))
