"""Options that many commands share: each is said the same way everywhere, and completes the names that there are."""

import inspect
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import ArgumentInfo, OptionInfo

SAFE = re.compile(r"[\w.@+/-]+")  # zsh evaluates what completes; a name is given by a person, an origin by anybody

Completer = Callable[[typer.Context, str], list[str]]


def names_of(*kinds: str) -> Completer:
    """Return what completes the names of these kinds. It asks for nothing and complains of nothing."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(Exception):  # a shell's completion is no place for an error
            from pourparler.service.glance import names
            from pourparler.service.workspace import Workspace

            found = names(Workspace.find(context.params.get("workspace")), *kinds)
            return [name for name in found if name.startswith(incomplete) and SAFE.fullmatch(name)]
        return []

    return complete


key_names = names_of("key")


def powers(incomplete: str) -> list[str]:
    from pourparler.core.act import Power, power_words

    return [word for power in Power for word in power_words(power) if word.startswith(incomplete)]


def act_kinds(incomplete: str) -> list[str]:
    from pourparler.core.act import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def roles(incomplete: str) -> list[str]:
    from pourparler.service.keyring import Role

    return [role for role in Role if role.startswith(incomplete)]


InWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="DIR",
        help="The workspace; otherwise the nearest one above.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value, errors too.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no more than what was asked for.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The passphrase is its first line; - for stdin.",
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
        "dispatch, recovery, witness, submitter (of statements).",
        autocompletion=roles,
        show_default=False,
    ),
]


def say_json(value: Any) -> None:
    """Print the one JSON value that a command answers with."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


# What completes the parameter of this name, in every command that has it.
COMPLETERS: dict[str, Callable[..., list[str]]] = {
    "party": names_of("party"),
    "organ": names_of("organ"),
    "mandate": names_of("mandate"),
    "class_mandate": names_of("mandate"),
    "by": names_of("mandate", "organ"),
    "dossier": names_of("dossier"),
    "vote": names_of("dossier"),
    "text": names_of("text"),
    "old": names_of("text"),
    "new": names_of("text"),
    "answers": names_of("text"),
    "to": names_of("party", "organ", "key"),
    "ledger": names_of("ledger"),
    **dict.fromkeys(("key", "member", "add", "remove", "beacon", "dispatch"), key_names),
    **dict.fromkeys(("power", "hold"), powers),
    "kind": act_kinds,
}


def completing(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a command's parameter with what completes it, where its name says what it is."""
    for note in getattr(parameter.annotation, "__metadata__", ()):
        if isinstance(note, (ArgumentInfo, OptionInfo)) and note.autocompletion is None:
            note.autocompletion = COMPLETERS.get(parameter.name)
    return parameter


# What commands about texts share.

TextName = Annotated[
    str | None,
    typer.Argument(
        metavar="[TEXT]",
        help="The text; otherwise the one on the table.",
        show_default=False,
    ),
]
Words = Annotated[str | None, typer.Option("--words", metavar="TEXT", help="Words, without legal effect.")]
Reserves = Annotated[
    list[str] | None,
    typer.Option("--reserve", metavar="ARTICLE", help="Leave this article out; where the text allows."),
]
