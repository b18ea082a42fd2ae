"""Options that many commands share: each is said the same way everywhere, and completes the names that there are."""

from pathlib import Path
from typing import Annotated, Any

import typer


def key_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of keys that begin so, for the shell. It asks for nothing and complains of nothing."""
    from contextlib import suppress

    with suppress(Exception):  # a shell's completion is no place for an error
        from pourparler.service.keyring import Keyring
        from pourparler.service.workspace import Workspace

        ring = Keyring(Workspace.find(context.params.get("workspace")).keys)
        return [name for name in ring.names() if name.startswith(incomplete)]
    return []


def roles(incomplete: str) -> list[str]:
    from pourparler.service.keyring import Role

    return [role for role in Role if role.startswith(incomplete)]


InWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The workspace; otherwise the one that POURPARLER_WORKSPACE names, or the nearest one above this folder.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value, errors too, for a machine to read.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; for scripts.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no more than what was asked for.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Take the passphrase from the first line of FILE (- for standard input); otherwise from "
        "POURPARLER_PASSPHRASE, otherwise it is asked for.",
    ),
]
NewPassphraseFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Likewise the new passphrase; its variable is POURPARLER_NEW_PASSPHRASE."),
]
KeyName = Annotated[
    str, typer.Argument(metavar="NAME", help="The name of a key.", autocompletion=key_names, show_default=False)
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="What to call it here.", show_default=False)]
KeyRole = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="What the key is for, for its whole life: member (of an organ), holder (of mandates), ledger, beacon, "
        "dispatch, recovery, witness.",
        autocompletion=roles,
        show_default=False,
    ),
]


def say_json(value: Any) -> None:
    """Print the one JSON value that a command answers with."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))
