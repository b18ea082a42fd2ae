"""A group of commands whose nouns are imported when they are asked for, and whose help is in panels.

Completion and help need to know the commands of every noun; a command that runs needs its own. So a noun is looked up
by name and imported then, and a mistyped one is answered with what it may have been meant to be.
"""

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


def noun(help_text: str) -> typer.Typer:
    """Return the empty group of a noun, which its module fills with verbs."""
    return typer.Typer(
        help=help_text,
        cls=Verbs,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class Verbs(TyperGroup):
    """The verbs of a noun, each with the whole first sentence of its help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        shown = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(one)) for name, one in shown if one and not one.hidden])


class Grouped(TyperGroup):
    """``panels`` names every command under its heading; those in ``nouns`` are loaded from a module of that name."""

    panels: ClassVar[Mapping[str, Sequence[str]]] = {}
    nouns: ClassVar[Sequence[str]] = ()

    def load(self, name: str) -> typer.Typer:
        """Return the commands of a noun."""
        raise NotImplementedError

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  Click gives it
        return [name for names in self.panels.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in self.nouns and cmd_name not in self.commands:
            loaded = typer.main.get_command(self.load(cmd_name))
            loaded.name = cmd_name
            self.commands[cmd_name] = loaded
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for heading, names in self.panels.items():
            with formatter.section(heading):
                formatter.write_dl([(name, self.line_of(ctx, name)) for name in names])

    def line_of(self, ctx: Any, name: str) -> str:
        """Return what stands beside a command: a noun's verbs, or the first sentence of its help."""
        command = self.get_command(ctx, name)
        if hasattr(command, "commands"):
            return dot().join(verb for verb, one in command.commands.items() if not one.hidden)
        return first_sentence(command)


def first_sentence(command: Any) -> str:
    return str(command.get_short_help_str(200))


def dot() -> str:
    """Return what separates verbs, in signs that the terminal has."""
    try:
        "·".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ", "
    return " · "
