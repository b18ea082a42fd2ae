"""A command on a terminal: a pseudo-terminal of its own, read and typed into by a test."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1", "COLUMNS": "80"}


class Terminal:
    """A command on a pseudo-terminal, as a person at it sees and types."""

    def __init__(self, *arguments: str, cwd: Path = ROOT, **more: str) -> None:
        self.mine, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        environment = {name: value for name, value in clean_environment().items() if name != "COLUMNS"}
        code = (
            "import fcntl, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
            "signal.signal(signal.SIGINT, signal.default_int_handler);"  # whoever started us may have ignored it
            "from pourparler.cli.main import main; sys.exit(main(sys.argv[1:]))"
        )
        self.child = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "xterm", **more},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, sign: str, seconds: float = 60) -> str:
        """Read until the sign appears; return what came with it."""
        deadline = time.monotonic() + seconds
        while sign not in self.seen:
            ready, _, _ = select.select([self.mine], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{sign!r} did not appear in {self.seen[-2000:]!r}"
            assert self.read(), f"it ended without {sign!r}: {self.seen[-2000:]!r}"
        said, _, self.seen = self.seen.partition(sign)
        return said

    def read(self) -> bool:
        try:
            data = os.read(self.mine, 65_536)
        except OSError:  # Linux's word for the end of a terminal
            data = b""
        self.seen += data.decode("utf-8", "replace")
        return bool(data)

    def press(self, key: str) -> None:
        os.write(self.mine, key.encode())

    def end(self) -> int:
        deadline = time.monotonic() + 60
        while select.select([self.mine], [], [], max(0.0, deadline - time.monotonic()))[0] and self.read():
            pass
        os.close(self.mine)
        return self.child.wait(timeout=60)
