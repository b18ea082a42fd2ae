"""``pourparler key``: the keys of a workspace. What each command does with files stands in ``service.keyring``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pourparler.cli.grouped import noun
from pourparler.cli.options import (
    AsJson,
    InWorkspace,
    KeyName,
    KeyRole,
    NewName,
    NewPassphraseFile,
    PassphraseFile,
    Quiet,
    Yes,
    say_json,
)

if TYPE_CHECKING:
    from pourparler.service.glance import Mention
    from pourparler.service.keyring import KeyInfo, Keyring
    from pourparler.service.sshagent import Identity

app = noun("Your keys: each signs in one role, sealed under a passphrase or kept in an ssh-agent.")


DEAR = ("member", "ledger", "recovery")  # what is lost with these is not simply given anew: docs/keys.md


def ring_of(workspace: Path | None) -> "Keyring":
    from pourparler.service import keyring
    from pourparler.service.workspace import Workspace

    return keyring.Keyring(Workspace.find(workspace).keys, cost=keyring.COST)


@app.command()
def new(
    name: NewName,
    role: KeyRole,
    passphrase_file: PassphraseFile = None,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Make a key, sealed under a passphrase.

    It is written to keys/NAME.key of the workspace, never unsealed. Nobody can restore a lost passphrase: make a copy
    with `key export`, and see docs/keys.md for what each role's loss means.
    """
    from pourparler.cli.passphrase import Passphrases
    from pourparler.service.keyring import check_name, read_role

    ring = ring_of(workspace)
    check_name(name)
    read_role(role)
    ring.check_free(name)  # before anybody thinks of a passphrase
    ring.new(name, role, Passphrases(passphrase_file).new(name))
    code = show_one(ring.info(name), as_json=as_json, quiet=quiet, said=f"made the {role} key")
    if not (as_json or quiet) and role in DEAR:
        print(f"  keep a copy elsewhere: pourparler key export {name} --out FILE")
    return code


@app.command("list")
def list_keys(workspace: InWorkspace = None, as_json: AsJson = False) -> int:
    """Show the keys of the workspace. No passphrase is needed.

    Exit code 5 if a file cannot be read; the others are shown all the same.
    """
    from pourparler.cli import words
    from pourparler.cli.trouble import INPUT

    ring = ring_of(workspace)
    found, troubles = ring.list(), ring.troubles()
    if as_json:
        wrong = [{"name": name, "reason": it.reason, "what": it.what, "do": it.do} for name, it in troubles.items()]
        say_json({"keys": [as_data(info) for info in found], "troubles": wrong})
        return INPUT if troubles else 0
    screen = words.Screen()
    if not found and not troubles:
        screen.line("There is no key here yet. Make one: pourparler key new NAME --role ROLE")
    rows = [(info.name, info.role, info.where, words.date_time(info.created), shortened(info)) for info in found]
    screen.table(("name", "role", "where", "made", "public key"), rows)
    for name, trouble in troubles.items():
        screen.line(words.clean(trouble.what), (f" [{trouble.reason}]", "dim"), lead=[("✗ ", "red"), f"{name}: "])
        screen.line(words.clean(trouble.do), lead="  do: ")
    return INPUT if troubles else 0


@app.command()
def agent(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="What to call the key here.", show_default=False)
    ] = None,
    role: KeyRole = "",
    which: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Which of the agent's keys: its comment, or how its public key begins in hex."
        ),
    ] = "",
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Use an Ed25519 key that stays in your ssh-agent. Without NAME: show what the agent holds.

    Only a note of its public key is written here. The agent is asked for every signature, and may ask you (ssh-add -c).
    Use a key that serves for nothing else: whoever reaches your agent, on a host you forward it to, can sign with it.
    """
    from pourparler.cli.trouble import USAGE, Problem
    from pourparler.service.sshagent import Agent

    shown = Agent.here().identities()
    if name is None:
        return show_agent(shown, as_json=as_json)
    if not role:
        raise Problem(USAGE, "A key has one role for its whole life.", "Say which: --role member, --role holder, …")
    identity = chosen(shown, which)
    ring = ring_of(workspace)
    ring.agent(name, role, identity.public_key, identity.comment)
    return show_one(ring.info(name), as_json=as_json, quiet=quiet, said=f"noted the {role} key")


@app.command()
def public(name: KeyName, workspace: InWorkspace = None, as_json: AsJson = False) -> int:
    """Print a key's public key, to be given to others: 64 hex digits, or the 2,624 of an ML-DSA-44 key."""
    info = ring_of(workspace).info(name)
    if as_json:
        say_json(as_data(info))
    else:
        print(info.public_key.hex())
    return 0


@app.command()
def export(
    name: KeyName,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new file.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    new_passphrase_file: NewPassphraseFile = None,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Copy a key to FILE, for a backup or another machine, sealed under a passphrase of its own."""
    from pourparler.cli.passphrase import Passphrases

    ring, passphrases = ring_of(workspace), Passphrases(passphrase_file, new_passphrase_file)
    ring.check_in_file(name)
    opening = passphrases.until_right(name, lambda given: opens(ring, name, given))
    ring.export(name, opening, passphrases.another("the copy"), out)
    return show_one(ring.info(name), as_json=as_json, quiet=quiet, said=f"copied to {out}", out=str(out))


@app.command("import")
def import_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A key that was exported.", show_default=False)],
    name: NewName,
    passphrase_file: PassphraseFile = None,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Take in a key that was exported, once its passphrase has opened it. It keeps role and passphrase."""
    from pourparler.cli.passphrase import Passphrases
    from pourparler.cli.reading import read_file
    from pourparler.service.keyring import FILE_MAX_BYTES

    ring = ring_of(workspace)
    ring.check_free(name)
    data = read_file(file, FILE_MAX_BYTES, "a key")
    info = Passphrases(passphrase_file).until_right(str(file), lambda given: ring.import_(name, data, given))
    return show_one(info, as_json=as_json, quiet=quiet, said="took in the key")


@app.command()
def passphrase(
    name: KeyName,
    passphrase_file: PassphraseFile = None,
    new_passphrase_file: NewPassphraseFile = None,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Change a key's passphrase. Copies of the old file still open with the old one."""
    from pourparler.cli.passphrase import Passphrases

    ring, passphrases = ring_of(workspace), Passphrases(passphrase_file, new_passphrase_file)
    ring.check_in_file(name)
    old = passphrases.until_right(name, lambda given: opens(ring, name, given))
    ring.change_passphrase(name, old, passphrases.another(name))
    return show_one(ring.info(name), as_json=as_json, quiet=quiet, said="changed the passphrase of")


@app.command()
def delete(
    name: KeyName,
    yes: Yes = False,
    workspace: InWorkspace = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> int:
    """Delete a key from this workspace. Where no copy was exported, it is gone for ever."""
    from pourparler.service.glance import mentions
    from pourparler.service.workspace import Workspace

    ring, here = ring_of(workspace), Workspace.find(workspace)
    info = ring.info(name)
    kept = [one.origin for one in here.settings.ledgers.values() if one.kept_by == name]
    named = mentions(here, info.public_key)
    if not (as_json or (yes and quiet)):
        say_what_is_lost(info, kept, named)
    if not yes:
        confirm_deletion(info)
    ring.delete(name)
    acts = [{"ledger": act.ledger, "kind": act.kind, "name": act.name} for act in named]
    if as_json:
        say_json(as_data(info) | {"kept": kept, "named_in": acts})
        return 0
    return show_one(info, as_json=False, quiet=quiet, said="deleted")


def opens(ring: "Keyring", name: str, passphrase: str) -> str:
    """Return a passphrase once it has opened a key. Raises :class:`KeyTrouble`."""
    ring.signer(name, lambda _: passphrase)
    return passphrase


# --- choosing and showing ---------------------------------------------------------------------------------------------


def chosen(shown: "list[Identity]", which: str) -> "Identity":
    """Return the one key of the agent that is meant. Raises :class:`Problem`."""
    from pourparler.cli.trouble import INPUT, USAGE, Problem

    if not shown:
        raise Problem(
            INPUT,
            "The ssh-agent shows no Ed25519 key: it is locked, or holds none.",
            "Unlock it with ssh-add -X, or make a key and add it: ssh-keygen -t ed25519 -f FILE; ssh-add FILE",
            reason="agent.locked",
        )
    fits = [one for one in shown if which in ("", one.comment) or one.public_key.hex().startswith(which.lower())]
    if len(fits) == 1:
        return fits[0]
    known = "; ".join(f"{one.public_key.hex()[:16]}… {one.comment}" for one in shown)
    raise Problem(
        USAGE, f"{len(fits) or 'None'} of the agent's keys fit.", f"Say which with --which. It holds: {known}"
    )


def show_agent(shown: "list[Identity]", *, as_json: bool) -> int:
    from pourparler.cli import words

    if as_json:
        say_json({"keys": [{"public_key": one.public_key.hex(), "comment": one.comment} for one in shown]})
        return 0
    screen = words.Screen()
    if not shown:
        screen.line("The agent shows no Ed25519 key. Is it locked (ssh-add -X)? Add one with ssh-add.")
    screen.table(("comment", "public key"), [(one.comment, one.public_key.hex()) for one in shown])
    return 0


def say_what_is_lost(info: "KeyInfo", kept: list[str], named: "list[Mention]") -> None:
    """Say on standard error what goes with a key."""
    from pourparler.cli import words
    from pourparler.service.keyring import Place

    screen = words.Screen(sys.stderr)
    gone = "where no copy was exported, no one can ever sign with it again."
    if info.where is Place.AGENT:
        gone = "only its note is removed here; the key stays in the ssh-agent."
    screen.line(f"{info.name} is a {info.role} key, {words_of(info)}: {gone}")
    for origin in kept:
        screen.line(f"The ledger {words.clean(origin)} is signed with it: without it, that ledger can never go on.")
    for act in named[:12]:
        screen.line(f"{act.kind} {words.clean(act.name)}, in {words.clean(act.ledger)}", lead="  named in  ")
    if len(named) > 12:
        screen.line(f"and {words.count(len(named) - 12, 'act')} more", lead="  ")


def confirm_deletion(info: "KeyInfo") -> None:
    """Ask for the key's name. Raises :class:`Problem` where nobody can be asked."""
    from pourparler.cli.trouble import USAGE, Problem

    if not sys.stdin.isatty():
        do = "Add --yes where a script has to, and export a copy first: pourparler key export"
        raise Problem(USAGE, f"Deleting {info.name} has to be confirmed, and nobody is at a terminal.", do)
    if typer.prompt(f"Type {info.name} to delete it", err=True, default="", show_default=False) != info.name:
        raise Problem(USAGE, "Nothing was deleted: that was not its name.")


def show_one(info: "KeyInfo", *, as_json: bool, quiet: bool, said: str, **more: Any) -> int:
    """Say in one sentence what was done with a key, or print it as JSON."""
    from pourparler.cli import words

    if as_json:
        say_json(as_data(info) | more)
    elif quiet:
        print(info.public_key.hex())
    else:
        screen = words.Screen()
        screen.line(f"{said} {info.name}" if not more else f"{info.name}: {said}")
        screen.raw(f"  public key  {words_of(info)}")
    return 0


def words_of(info: "KeyInfo") -> str:
    """Return a public key for a page: of ML-DSA-44, which would fill it, how it begins; `key public` prints all."""
    return info.public_key.hex() if len(info.public_key) == 32 else shortened(info)


def shortened(info: "KeyInfo") -> str:
    """Return how a public key begins, and its kind where that is not Ed25519."""
    kind = "" if len(info.public_key) == 32 else f" ({info.algorithm})"
    return f"{info.public_key.hex()[:16]}…{kind}"


def as_data(info: "KeyInfo") -> dict[str, Any]:
    data = {"name": info.name, "role": str(info.role), "public_key": info.public_key.hex(), "where": str(info.where)}
    data |= {"algorithm": str(info.algorithm)}
    return data | {"created": info.created, "comment": info.comment}
