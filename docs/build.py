"""Build the site: ``./run docs``. It shows what already reads well in the repository; nothing is written for it alone.

1. *Stage*: the pages are copied as they lie in the repository, into ``build/docs-source``, so that their links to each
   other hold. A link that leads nowhere stops the build, with page and line. A link to a file that is no page (code,
   CDDL) becomes a download; one to a folder leads to its README.
2. *Add*: the reference, a page for each public module, made from its docstrings; the commands, from the commands; an
   index of the decisions.
3. *Build*: Sphinx with MyST and furo, into ``build/docs``. A warning is an error. Nothing in the site asks another host
   for anything, so it can be read from the disk.

Diagrams in Mermaid are left out of the site: the table that each is drawn from stands just before it.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "docs-source"
SITE = ROOT / "build" / "docs"
PUBLIC_ROOMS = ("core", "ports", "store", "service", "testing")
HOME = "README.md"  # the site's first page

# In the order in which somebody who knows nothing reads. A page of the repository that is named nowhere is an error.
CHAPTERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start", ("docs/tutorial.md", "docs/concepts.md", "docs/glossary.md", "docs/comparison.md")),
    ("How to", ("docs/how-to/README.md", "docs/how-to/*.md", "docs/keys.md")),
    ("Believe it", ("ARCHITECTURE.md", "SECURITY.md", "docs/*.md", "docs/decisions/*.md")),
    ("Specification", ("spec/README.md", "spec/*.md", "spec/*/*.md")),
    ("Reference", ("docs/reference/*.md",)),
    ("Change it", ("CONTRIBUTING.md", "changelog.d/README.md")),
)
FENCE = re.compile(r"^( *)(`{3,}|~{3,})(.*)$")
LINK = re.compile(r"(?<!\\)(\]\()([^()\s]+)(\))")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#", re.IGNORECASE)


class Broken(Exception):
    """A page links to what is not there, or stands in no chapter."""


# --- which pages there are --------------------------------------------------------------------------------------------


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages of the repository, relative to it: every Markdown file but fragments of the change log."""
    found = [root / HOME, *(root / name for name in ("ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"))]
    found += [*root.glob("docs/**/*.md"), *root.glob("spec/**/*.md"), *root.glob("changelog.d/README.md")]
    return sorted({path.relative_to(root) for path in found if path.is_file()})


def chapters(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each chapter with its pages. Raises :class:`Broken` where a page stands in none."""
    left = dict.fromkeys(sorted(name for name in names if name != HOME))
    for title, patterns in CHAPTERS:
        chosen: list[str] = []
        for pattern in patterns:
            fits = re.compile(re.escape(pattern).replace(r"\*", r"[^/]*"))
            chosen += [name for name in left if fits.fullmatch(name) and name not in chosen]
        left = {name: None for name in left if name not in chosen}
        yield title, chosen
    if left:
        raise Broken(f"no chapter of docs/build.py holds {', '.join(left)}")


# --- links ------------------------------------------------------------------------------------------------------------


def prose(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its number and whether it is prose: not inside a fence, nor one of its ends."""
    closing: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if closing is not None:
            yield number, line, False
            closing = None if fence and fence[2].startswith(closing) and not fence[3].strip() else closing
        else:
            yield number, line, fence is None
            closing = fence[2] if fence else None


def target_of(link: str, page: Path, root: Path = ROOT) -> Path | None:
    """Return the file that a page's link leads to, relative to the repository; None for a link elsewhere.

    Raises :class:`Broken` where nothing is there.
    """
    if ELSEWHERE.match(link):
        return None
    found = (root / page.parent / link.partition("#")[0]).resolve()
    if found.is_dir():
        found = next(
            (found / name for name in ("README.md", "index.md") if (found / name).is_file()), found / "index.md"
        )
        if not found.is_file() and any(found.parent.glob("*.md")):
            return found.relative_to(root)  # the site makes a page of its own for a folder of pages
    if not found.is_file() or not found.is_relative_to(root):
        raise Broken(f"{link} leads nowhere")
    return found.relative_to(root)


def links(text: str, page: Path, root: Path = ROOT) -> Iterator[tuple[int, str, Path]]:
    """Yield the links of a page into the repository: line, link, file. Raises :class:`Broken` with page and line."""
    for number, line, is_prose in prose(text):
        for match in LINK.finditer(re.sub(r"`[^`]*`", "``", line)) if is_prose else ():
            try:
                target = target_of(match[2], page, root)
            except Broken as broken:
                raise Broken(f"{page}:{number}: {broken}") from None
            if target is not None:
                yield number, match[2], target


# --- staging ----------------------------------------------------------------------------------------------------------


def staged_name(target: Path) -> Path:
    return Path("index.md") if target == Path(HOME) else target


def stage(page: Path) -> None:
    """Copy one page, its links to where the site has them, and what it links to that is no page."""
    text = (ROOT / page).read_text("utf-8")
    here = staged_name(page)
    for _, link, target in links(text, page):
        fragment = f"#{link.partition('#')[2]}" if "#" in link else ""
        leads = os.path.relpath(staged_name(target), here.parent) + fragment
        text = text.replace(f"]({link})", f"]({leads})")
        if target.suffix != ".md":
            copy(ROOT / target, SOURCE / target)
    write(SOURCE / here, without_mermaid(text))


def without_mermaid(text: str) -> str:
    return re.sub(r"^```mermaid\n.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def title_of(path: Path) -> str:
    """Return the first heading of a page."""
    return next(line[2:].strip() for line in path.read_text("utf-8").splitlines() if line.startswith("# "))


# --- pages that the site adds -----------------------------------------------------------------------------------------


def public_modules(src: Path = ROOT / "src") -> list[str]:
    """Return the modules that others may rely on, the core first and in the order of its rooms."""
    found = []
    for room in PUBLIC_ROOMS:
        for path in sorted((src / "pourparler").glob(f"{room}.py")) + sorted((src / "pourparler" / room).rglob("*.py")):
            parts = path.relative_to(src).with_suffix("").parts
            if path.name == "__init__.py" and not path.read_text("utf-8").strip():
                continue
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


def add_reference() -> None:
    """Write a page for each public module. Its words are the module's own docstrings."""
    for module in public_modules():
        title = module.removeprefix("pourparler.")
        # A store's methods are told once, in the contract.
        undocumented = "" if module.startswith("pourparler.store.") else "   :undoc-members:\n"
        text = f"# {title}\n\n```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n{undocumented}"
        write(
            SOURCE / "docs" / "reference" / f"{module}.md",
            f"{text}   :member-order: bysource\n   :ignore-module-all:\n```\n",
        )


def add_commands() -> None:
    """Write the reference of the command line from the commands themselves."""
    from typer.main import get_command

    from pourparler.cli.main import app

    lines = ["# The command line", "", "Exit codes: 0 done or VALID, 1 INVALID, 2 CANNOT TELL, 3 refused, 4 usage,"]
    lines += ["5 input or output failed, also where nobody reads the output to its end, 130 interrupted by Ctrl-C; see"]
    lines += [
        "[the workspace](../workspace.md#exit-codes). Made from the commands; `pourparler COMMAND --help` says the"
    ]
    lines += ["same.", ""]
    write(
        SOURCE / "docs" / "reference" / "commands.md", "\n".join(lines + list(command("pourparler", get_command(app))))
    )


def command(name: str, node: Any) -> Iterator[str]:
    """Yield the page's lines for a command and those below it, which a noun may load only when it is asked."""
    if not hasattr(node, "list_commands"):
        yield from (f"## `{name}`\n", f"{' '.join((node.help or '').split())}\n")
        rows = list(filter(None, map(parameter, node.params)))
        if rows:
            yield from ("| argument or option | says |", "|---|---|", *rows, "")
        return
    context = node.make_context(name, [], resilient_parsing=True)
    for word in node.list_commands(context):
        inner = node.get_command(context, word)
        if not inner.hidden:
            yield from command(f"{name} {word}", inner)


def parameter(one: Any) -> str:
    """Return the row of an argument or option; empty for one that is not shown."""
    if getattr(one, "hidden", False):
        return ""
    named = [*getattr(one, "opts", []), *getattr(one, "secondary_opts", [])]
    argument = getattr(one, "param_type_name", "") == "argument"
    names = (getattr(one, "metavar", None) or named[0].upper()) if argument else ", ".join(named)
    words = " ".join((getattr(one, "help", "") or "").split()).replace("|", "\\|").replace("<", "&lt;")
    return f"| `{names}` | {words} |"


def add_decisions() -> None:
    """Write the index of the decisions, which in the repository is a folder."""
    folder = SOURCE / "docs" / "decisions"
    lines = [f"- [{title_of(path)}]({path.name})" for path in sorted(folder.glob("0*.md"))]
    write(
        folder / "index.md",
        "# Decisions\n\nWhat was chosen where there were real alternatives, and why.\n\n" + "\n".join(lines),
    )


def add_contents() -> None:
    """Add the table of contents to the first page, unseen there: the side of every page shows it."""
    names = [path.relative_to(SOURCE).as_posix() for path in sorted(SOURCE.rglob("*.md"))]
    first = {"spec/README.md": 0, "docs/decisions/index.md": 0, "docs/reference/commands.md": 0}
    order = {f"docs/reference/{module}.md": number for number, module in enumerate(public_modules(), 1)}
    text = (SOURCE / "index.md").read_text("utf-8")
    for title, chosen in chapters([name for name in names if name != "index.md"]):
        rows = sorted(chosen, key=lambda name: first.get(name, order.get(name, 1)))
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(rows) + "\n```\n"
    write(SOURCE / "index.md", text)


# --- the whole --------------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    if arguments:
        print("docs: this takes no arguments.", file=sys.stderr)
        return 4
    from sphinx.cmd.build import build_main

    for folder in (SOURCE, SITE):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        for page in pages():
            stage(page)
        add_reference()
        add_commands()
        add_decisions()
        add_contents()
    except Broken as broken:
        print(f"docs: {broken}", file=sys.stderr)
        return 1
    doctrees = str(SOURCE / ".doctrees")
    options = [
        "--quiet",
        "--fail-on-warning",
        "--keep-going",
        "--conf-dir",
        str(ROOT / "docs"),
        "--doctree-dir",
        doctrees,
    ]
    code = int(build_main([*options, "--builder", "html", str(SOURCE), str(SITE)]))
    if code == 0:
        print(f"docs: {SITE / 'index.html'}")
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
