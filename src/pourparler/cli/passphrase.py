"""Passphrases at the terminal: from a file, from the environment, or asked for; never on the command line, where
everybody on the machine could read them.

One command asks as seldom as it can: a passphrase that opened one key is tried on the next one before anybody is
asked again.
"""

import getpass
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pourparler.ports import KeyTrouble, Signer
from pourparler.service.keyring import PASSPHRASE_MAX_BYTES, Keyring, Place, check_passphrase

VARIABLE, NEW_VARIABLE = "POURPARLER_PASSPHRASE", "POURPARLER_NEW_PASSPHRASE"
TRIES = 3

Found = TypeVar("Found")


class Passphrases:
    """Where the passphrases of one command come from: ``file``, then the environment, then a person.

    Every method raises :class:`KeyTrouble`; ``key.unasked`` where there is nobody to ask.
    """

    def __init__(
        self,
        file: Path | None = None,
        new_file: Path | None = None,
        *,
        environment: Mapping[str, str] = os.environ,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        keep_no_core()
        self.file, self.new_file = file, new_file
        self.environment = environment
        self.ask = ask or ask_at_terminal
        self.known: list[str] = []  # those that opened a key, the latest first

    def signer(self, ring: Keyring, name: str, *, role: str | None = None) -> Signer:
        """Return a key that can sign, asking at most three times where a person types the passphrase."""
        if ring.info(name).where is Place.AGENT:
            return ring.signer(name, unneeded, role=role)
        for known in self.known:
            with suppress_wrong():
                return ring.signer(name, lambda _, known=known: known, role=role)  # type: ignore[misc]
        return self.until_right(name, lambda passphrase: ring.signer(name, lambda _: passphrase, role=role))

    def until_right(self, name: str, use: Callable[[str], Found]) -> Found:
        """Return what ``use`` makes of the key's passphrase; a person who mistypes it is asked again."""
        given = self.given(self.file, VARIABLE)
        tries = 1 if given is not None else TRIES
        for left in reversed(range(tries)):
            passphrase = given if given is not None else self.ask(f"Passphrase of {name}: ")
            try:
                found = use(passphrase)
            except KeyTrouble as trouble:
                if trouble.reason != "key.passphrase" or not left:
                    raise
                print(f"{trouble.what} Try again.", file=sys.stderr)
                continue
            self.known = [passphrase, *(one for one in self.known if one != passphrase)]
            return found
        raise AssertionError

    def new(self, name: str) -> str:
        """Return the passphrase for a key that is being made; a person types it twice."""
        return self._fresh(name, self.given(self.file, VARIABLE))

    def another(self, name: str) -> str:
        """Return the passphrase that replaces, or stands beside, one that was asked for before."""
        return self._fresh(name, self.given(self.new_file, NEW_VARIABLE))

    def given(self, file: Path | None, variable: str) -> str | None:
        """Return what a file or the environment says, or None where a person is to be asked."""
        if file is not None:
            return read_passphrase(file)
        return self.environment.get(variable) or None

    def _fresh(self, name: str, given: str | None) -> str:
        for left in reversed(range(TRIES)):
            passphrase = given if given is not None else self.ask(f"New passphrase for {name}: ")
            try:
                check_passphrase(passphrase)
            except KeyTrouble as trouble:
                if given is not None or not left:
                    raise
                print(f"{trouble.what} {trouble.do}", file=sys.stderr)
                continue
            if given is not None or self.ask("The same again: ") == passphrase:
                return passphrase
            print("These two differ. Try again.", file=sys.stderr)
        raise KeyTrouble("key.passphrase", "No passphrase was typed twice the same.", "Nothing was made. Try again.")


class suppress_wrong(suppress):  # noqa: N801  reads like the standard library's
    """Pass over a passphrase that does not fit, and over nothing else."""

    def __init__(self) -> None:
        super().__init__(KeyTrouble)

    def __exit__(self, kind: object, value: BaseException | None, trace: object) -> bool:
        return isinstance(value, KeyTrouble) and value.reason == "key.passphrase"


def unneeded(name: str) -> str:
    raise AssertionError(f"the agent has {name}")


def read_passphrase(file: Path) -> str:
    """Return the first line of a file, or of standard input where it is ``-``."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.readline(PASSPHRASE_MAX_BYTES + 2)
        else:
            with file.open("rb") as opened:
                data = opened.readline(PASSPHRASE_MAX_BYTES + 2)
    except OSError as error:
        what = f"The passphrase file {file} cannot be read: {error.strerror or error}."
        raise KeyTrouble("key.passphrase-file", what, "Check the path, its owner and its mode.") from None
    try:
        return data.rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError:
        what = f"The passphrase file {file} is not text in UTF-8."
        raise KeyTrouble("key.passphrase-file", what, "Is it the right file?") from None


def ask_at_terminal(prompt: str) -> str:
    """Ask without showing what is typed."""
    if not (sys.stdin.isatty() or sys.stderr.isatty()):
        raise KeyTrouble(
            "key.unasked",
            "A passphrase is needed, and there is no terminal to ask for it.",
            f"Give it with --passphrase-file FILE, or in the environment as {VARIABLE} (a second, new one as "
            f"{NEW_VARIABLE}).",
        )
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise KeyTrouble("key.unasked", "No passphrase was typed.", "Nothing was done. Try again.") from None


def keep_no_core() -> None:
    """Let a crash write no image of this process: an open key is in its memory."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
