"""The command line. Each command is a few lines here and a module of its own, imported when it runs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pourparler import __version__
from pourparler.cli.scenarios import scenarios

USAGE, INPUT, INTERRUPTED = 4, 5, 130
EXIT_CODES = "Exit codes: 0 valid or done, 1 invalid, 2 cannot tell, 4 wrong usage, 5 input or output."

app = typer.Typer(
    name="pourparler",
    help="Let your agents talk; only your council can bind you; and anyone can check it offline.",
    epilog=EXIT_CODES,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def tell_version(wanted: bool) -> None:
    if wanted:
        print(f"pourparler {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def common(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback has answered it before
        bool, typer.Option("--version", help="Print the version and stop.", callback=tell_version, is_eager=True)
    ] = False,
) -> None:
    """Let your agents talk; only your council can bind you; and anyone can check it offline."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def verify(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The file you were sent; - for standard input.")],
    trust: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PARTY_ID[=HOW]",
            help="A party whose id you know (64 hex digits), and how you learnt it; or a .json or .toml file of such. "
            "May be given more than once.",
        ),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The witnesses you ask for (c2sp.org/tlog-policy).")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="What time it is, ISO 8601 or seconds since 1970; otherwise this machine's clock."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for a machine to read.")] = False,
) -> int:
    """Check the evidence in BUNDLE, offline.

    Says VALID, INVALID or CANNOT TELL (never rounded up), with every step on the way and what to do next. It asks
    nobody: all that it needs beforehand is the id of a party that you trust.

    Exit codes: 0 valid, 1 invalid, 2 cannot tell, 4 wrong usage, 5 a file could not be read.
    """
    from pourparler.cli.verify import run

    return run(bundle, trust=trust or [], policy=policy, at=at, as_json=as_json)


class Language(StrEnum):
    EN = "en"
    FR = "fr"


@app.command(epilog="\n\n".join(f"{name}: {sentence}" for name, sentence in scenarios().items()))
def demo(
    name: Annotated[str, typer.Argument(help="Which negotiation; below, a line on each.")] = "november-1917",
    once: Annotated[bool, typer.Option("--once", help="Tell it, verify it, and stop; wait for no key.")] = False,
    reading: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Where it is told in several ways (sources differ, or it could end otherwise), which."
        ),
    ] = "all",
    pace: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, max=60, help="How long to wait after each event.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="English or French.")] = Language.EN,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep ledger and evidence in this empty folder.")
    ] = None,
) -> int:
    """Play a negotiation through the real thing, then try to forge it.

    Real keys, made for this run; every act through the real intake into a real ledger. At the end the evidence is
    verified, tampered with, and cut short. Exit code 0 if all of that ends as it must.
    """
    from pourparler.cli.demo import run

    return run(name, once=once, reading=reading, pace=pace, language=lang.value, keep=keep)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    # Typer has brought its own copy of Click since 0.26; this names the usage error of whichever it uses.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="pourparler", standalone_mode=False)
    except usage_error as error:
        print(f"pourparler: {error.format_message()}", file=sys.stderr)  # type: ignore[attr-defined]
        print("  do: ask with --help what there is (in a checkout: ./run pourparler --help)", file=sys.stderr)
        return USAGE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has stopped reading
        sys.stdout = sys.stderr
        return INPUT
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    sys.exit(main())
