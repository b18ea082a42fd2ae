"""A group of commands whose nouns are imported when they are asked for, and whose help is in panels.

Completion and help need to know the commands of every noun; a command that runs needs its own. So a noun is looked up
by name and imported then, and a mistyped one is answered with what it may have been meant to be.
"""

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandFunctionType

EVERYWHERE = {"at", "ledger", "passphrase_file", "workspace", "yes", "quiet", "as_json", "help"}
COMMON, SENDING = "Common options", "Options of commands that send an act"
OF_ACTS = {"key", "out", "anyway", "by", "words", "name"}  # what every command that sends an act has


class Verb(TyperCommand):
    """One command: its own options first, then those that are the same everywhere."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002  Click gives it
        arguments = [one for one in self.params if one.param_type_name == "argument"]
        return ["[OPTIONS]", *(usage_of(one) for one in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        parts: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], SENDING: [], COMMON: []}
        sends = {"key", "out"} <= {param.name for param in self.params}
        for param in self.get_params(ctx):
            if (row := param.get_help_record(ctx)) is None:
                continue
            if param.param_type_name == "argument":
                parts["Arguments"].append((name_of(param), row[1]))
            elif param.name in EVERYWHERE:
                parts[COMMON].append(row)
            else:
                parts[SENDING if sends and param.name in OF_ACTS and not param.required else "Options"].append(row)
        width = max((len(name) for rows in parts.values() for name, _ in rows), default=0)
        for heading, rows in parts.items():
            if rows:
                with formatter.section(heading):
                    write_rows(formatter, [(f"{name:<{width}}", text) for name, text in rows])


def name_of(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper()).strip("[]")


def usage_of(argument: Any) -> str:
    name = name_of(argument) + ("..." if argument.nargs != 1 and "…" not in name_of(argument) else "")
    return name if argument.required else f"[{name}]"


class Commands(typer.Typer):
    """A Typer whose commands show their help as a :class:`Verb` does."""

    def command(
        self, name: str | None = None, *, cls: type[TyperCommand] | None = Verb, **more: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        return super().command(name, cls=cls, **more)


def noun(help_text: str) -> typer.Typer:
    """Return the empty group of a noun, which its module fills with verbs; alone, it shows its help."""
    group = Commands(
        help=help_text,
        cls=Verbs,
        add_completion=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.callback(invoke_without_command=True)(help_alone)
    return group


def help_alone(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


class Verbs(TyperGroup):
    """The verbs of a noun, each with the whole first sentence of its help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        shown = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            write_rows(formatter, [(name, first_sentence(one)) for name, one in shown if one and not one.hidden])


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
            app = self.load(cmd_name)
            if len(app.registered_commands) == 1:  # the noun is its own verb
                app.registered_callback = None
            loaded = typer.main.get_command(app)
            loaded.name = cmd_name
            self.commands[cmd_name] = loaded
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], self.list_commands(ctx))
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        width = max(map(len, self.list_commands(ctx)))  # one column through all panels
        for heading, names in self.panels.items():
            with formatter.section(heading):
                write_rows(formatter, [(f"{name:<{width}}", self.line_of(ctx, name)) for name in names])

    def line_of(self, ctx: Any, name: str) -> str:
        """Return what stands beside a command: a noun's verbs, or the first sentence of its help."""
        command = self.get_command(ctx, name)
        if hasattr(command, "commands"):
            return dot().join(verb for verb, one in command.commands.items() if not one.hidden)
        return first_sentence(command)


def write_rows(formatter: Any, rows: Sequence[tuple[str, str]]) -> None:
    """Write names with what they do beside them; no name, however many hyphens it has, is broken."""
    indent = " " * formatter.current_indent
    column = max(len(name) for name, _ in rows) + 2
    width = max(formatter.width - len(indent) - column, 20)
    for name, text in rows:
        lines = wrap(text, width, break_on_hyphens=False) or [""]
        formatter.write(f"{indent}{name:<{column}}{lines[0]}\n")
        for line in lines[1:]:
            formatter.write(f"{indent}{'':<{column}}{line}\n")


def first_sentence(command: Any) -> str:
    return str(command.get_short_help_str(200))


def dot() -> str:
    """Return what separates verbs, in signs that the terminal has; no line begins with it."""
    separator = "\N{NO-BREAK SPACE}· "
    try:
        separator.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ", "
    return separator
