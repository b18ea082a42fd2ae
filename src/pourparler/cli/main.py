"""The command line, assembled. Each noun is a module of its own with an ``app``, imported when it is asked for; each
command imports what it needs when it runs: ``verify`` has to start fast.

Errors rise to :func:`main`, and :mod:`pourparler.cli.trouble` says what they are, to a person or, with ``--json``, to a
script.
"""

import os
import sys
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from pourparler import __version__
from pourparler.cli.grouped import Commands, Grouped, help_alone
from pourparler.cli.options import AsJson, InWorkspace, Quiet
from pourparler.cli.scenarios import demos
from pourparler.cli.trouble import INPUT, INTERRUPTED, USAGE, Problem, complain, problem_of

EVERYWHERE = (
    "Everywhere: --workspace DIR or POURPARLER_WORKSPACE says which folder; --passphrase-file FILE or "
    "POURPARLER_PASSPHRASE gives the passphrase, which is asked for otherwise."
)
BEGIN = "New here? Watch it once: pourparler demo. Then begin your own in an empty folder: pourparler init."
EXIT_CODES = (
    "Exit codes: 0 done or valid, 1 invalid, 2 cannot tell, 3 refused by mandate or law, 4 wrong usage, 5 input or "
    "output, also where nobody reads the output to its end, 130 interrupted. An act that waits for more signatures, or "
    "for its ledger, is done: --json says what it waits for."
)


class Nouns(Grouped):
    """Everything that ``pourparler`` can be told, in the order in which a newcomer meets it."""

    panels = {  # noqa: RUF012  a table of the class, never changed
        "Start": ("demo", "init", "doctor"),
        "Authority": ("key", "party", "organ", "mandate"),
        "Talks": ("dossier", "act"),
        "Decide": ("inbox", "vote"),
        "Check": ("verify", "ledger", "witness"),
        "Reach": ("dispatch",),
    }

    def load(self, name: str) -> typer.Typer:
        """Return a noun's commands."""
        loaded: typer.Typer = import_module(f"pourparler.cli.{name}").app
        return loaded

    nouns = ("key", "party", "organ", "mandate", "dossier", "act", "vote", "inbox", "ledger", "witness", "dispatch")


app = Commands(
    name="pourparler",
    cls=Nouns,
    help="Let your agents talk; only your council can bind you; and anyone can check it offline.",
    epilog=f"{BEGIN}\n\n{EVERYWHERE}\n\n{EXIT_CODES}",
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
    help_alone(context)


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where; otherwise this folder.", show_default=False)
    ] = Path(),
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> int:
    """Make a workspace: one folder for keys, ledgers and acts that wait for signatures.

    Commands find it from any folder inside it. It is yours alone: nothing in it is sent anywhere.
    """
    from pourparler.cli.start import init as run

    return run(folder, quiet=quiet, as_json=as_json)


@app.command()
def doctor(workspace: InWorkspace = None, as_json: AsJson = False) -> int:
    """Check this machine and the workspace: clock, keys, agent, ledgers, disk, versions.

    It changes nothing. Exit codes: 0 nothing is wrong, 5 something is.
    """
    from pourparler.cli.start import doctor as run

    return run(workspace, as_json=as_json)


@app.command()
def verify(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The file you were sent; - for standard input.")],
    trust: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PARTY_ID[=HOW]",
            help="A party whose id you know (64 hex digits, or its name in your workspace), and how you learnt it; or "
            "a .json or .toml file of such. May be given more than once. Those that your workspace trusts are trusted.",
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
    entry: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Of a proof or statement: the bytes that it is about; otherwise PROOF.entry beside it."
        ),
    ] = None,
    vkey: Annotated[
        list[str] | None,
        typer.Option(metavar="VKEY", help="Of a proof, receipt or statement: the key of a ledger that you know."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page that carries the bundle and verifies it in any browser."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Also print the text that the claim is about.")] = False,
    workspace: InWorkspace = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print the verdict only, with its reason; and the text, with --text.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report for a machine to read.")] = False,
) -> int:
    """Check the evidence in BUNDLE, offline. BUNDLE may also be a page that carries one.

    Says VALID, INVALID or CANNOT TELL (never rounded up), with every step on the way and what to do next. It asks
    nobody: all that it needs beforehand is the id of a party that you trust. Of a proof file, a receipt or a statement,
    it is the key of a ledger.

    Exit codes: 0 valid, 1 invalid, 2 cannot tell, 4 wrong usage, 5 a file could not be read or is of another kind, or
    nobody read the answer.
    """
    from pourparler.cli.verify import run

    return run(
        bundle,
        trust=trust or [],
        policy=policy,
        at=at,
        as_json=as_json,
        workspace=workspace,
        in_workspace=True,
        entry=entry,
        vkeys=vkey or (),
        html=html,
        text=text,
        quiet=quiet,
    )


class Language(StrEnum):
    EN = "en"
    FR = "fr"


@app.command(epilog="\n\n".join(f"{name}: {sentence}" for name, sentence in demos().items()))
def demo(
    name: Annotated[str, typer.Argument(help="Which negotiation; below, a line on each.")] = "november-1917",
    once: Annotated[bool, typer.Option("--once", help="Tell it, verify it, and stop; wait for no key.")] = False,
    reading: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Where it is told in several ways (sources differ, or it could end otherwise), which; jammed has one.",
        ),
    ] = "all",
    pace: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, max=60, help="How long to wait after each event; not of jammed."),
    ] = None,
    lang: Annotated[Language, typer.Option(help="English or French.")] = Language.EN,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what it made (ledgers, evidence) in this empty folder.")
    ] = None,
) -> int:
    """Play a negotiation through the real thing, then try to forge it.

    Real keys, made for this run; every act through the real intake into a real ledger. At the end the evidence is
    verified, tampered with, and cut short. Exit code 0 if all of that ends as it must.

    jammed is about one order of a council, and whom it reaches: real nodes on real sockets, at the pace at which they
    get there. It takes --once, --lang and --keep. Exit code 0 if everybody knows in the end.
    """
    if name == "jammed":
        from pourparler.cli.jammed import refuse_options
        from pourparler.cli.jammed import run as run_jammed

        refuse_options(reading=reading, pace=pace)
        return run_jammed(once=once, language=lang.value, keep=keep)
    from pourparler.cli.demo import run

    return run(name, once=once, reading=reading, pace=pace, language=lang.value, keep=keep)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, see what it said off, and return the exit code.

    Where whoever read the output has stopped reading, that is 5: the verdict was not heard, and 1 would be INVALID.
    """
    try:
        code = obey(arguments)
        sys.stdout.flush()  # at exit nobody could answer for it
    except SystemExit as stop:  # what Click and Rich make of a pipe that nobody reads
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
    except BrokenPipeError:
        pass
    except OSError as error:  # a full disk
        say_no_more()
        return complain(Problem(INPUT, f"the output cannot be written: {error.strerror or error}."))
    else:
        return code
    say_no_more()
    return INPUT


def say_no_more() -> None:
    """Let what is still to be written, to a reader who is gone, go nowhere: it would be tried again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def obey(arguments: list[str] | None) -> int:
    """Run one command and return its exit code; what goes wrong is said."""
    # Typer has brought its own copy of Click since 0.26; this names the usage error of whichever it uses.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    given = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in given
    command = typer.main.get_command(app)
    try:
        code = command.main(args=given, prog_name="pourparler", standalone_mode=False)
    except usage_error as error:
        return complain(wrong_usage(error), as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return complain(problem, as_json=as_json)
    return code if isinstance(code, int) else 0


def wrong_usage(error: Exception) -> Problem:
    """Return what is wrong with the words of a command, and where its help is."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "pourparler"
    return Problem(USAGE, error.format_message(), f"See what there is: {command} --help")  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
