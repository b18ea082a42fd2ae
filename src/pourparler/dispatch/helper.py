"""A helper: a program of ours in a process of its own, for libraries that trust their input.

What a stranger sent is given to it, and an answer comes back, or none: in time, within so much memory, or the process
is thrown away and another begun. Whatever goes wrong in there, this process goes on.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Self

FILES = 32


class Helper:
    """A program, begun when it is needed and again when it has died.

    Its address space is bounded where the system can (not on macOS), by the program itself (:func:`bind_limits`); each
    answer has a deadline. A process that does not answer in time is killed. One question at a time: not for two threads
    at once.
    """

    def __init__(self, program: str, deadline_seconds: float, *arguments: str) -> None:
        self.deadline_seconds = deadline_seconds
        self.command = [sys.executable, "-m", program, *arguments]
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0  # processes so far

    @contextmanager
    def asked(self, question: bytes) -> Iterator[Callable[[int], bytes]]:
        """Ask a question; give what reads so many bytes of the answer. Raises ``OSError`` past the deadline, and where
        the process dies or none can be begun; then it is thrown away."""
        until = time.monotonic() + self.deadline_seconds
        try:
            process = self.running()
            send(process, question, until)
            yield lambda count: receive(process, count, until)
        except BaseException:
            self.close()
            raise

    def running(self) -> "subprocess.Popen[bytes]":
        """Return the process, begun anew if it has died."""
        if self.process is None or self.process.poll() is not None:
            self.close()
            self.process = subprocess.Popen(  # noqa: S603 -- our own program
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LC_ALL": "C"},
                bufsize=0,
            )
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                os.set_blocking(pipe.fileno(), False)
            self.begun += 1
        return self.process

    def close(self) -> None:
        """End the process. The next question begins another; closing twice does nothing."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def send(process: "subprocess.Popen[bytes]", data: bytes, until: float) -> None:
    """Write to a process. Raises ``OSError`` past the deadline, and where it has died."""
    assert process.stdin is not None
    left = memoryview(data)
    while left:
        wait(process.stdin.fileno(), until, writing=True)
        left = left[os.write(process.stdin.fileno(), left) :]


def receive(process: "subprocess.Popen[bytes]", count: int, until: float) -> bytes:
    """Read so many bytes. Raises ``OSError`` past the deadline, and where the process has died."""
    assert process.stdout is not None
    found = bytearray()
    while len(found) < count:
        wait(process.stdout.fileno(), until, writing=False)
        data = os.read(process.stdout.fileno(), count - len(found))
        if not data:
            raise BrokenPipeError("it died")
        found += data
    return bytes(found)


def wait(descriptor: int, until: float, *, writing: bool) -> None:
    """Wait until a pipe takes or gives bytes. Raises ``OSError`` past the deadline."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT if writing else select.POLLIN)
    left = until - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError("it did not answer in time")


# --- within the process -----------------------------------------------------------------------------------------------


def bind_limits(address_space_bytes: int) -> None:
    """Bound what the process may take. Where the system cannot (macOS), the lengths checked before are the bound."""
    import resource  # noqa: PLC0415 -- only here, and not on every system

    for what, most in (
        (resource.RLIMIT_AS, address_space_bytes),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
