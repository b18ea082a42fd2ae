"""The second verifier as one file: the modules of ``web/verifier`` joined into a classic script.

The verifier in JavaScript is written as modules, which a page that somebody opened from his disk may not load. So they
are joined, in order, each in a function of its own, and what a module imports is taken from the functions before it.
The lines stay as they were written: only comments, blank lines and the words ``import`` and ``export`` go. No program
but this one takes part, so that whoever doubts the file can compare it with the modules by eye.

>>> verifier_file().startswith("// Pourparler's evidence verifier")
True
"""

import re
from collections.abc import Iterator
from importlib.resources import files

MODULES = (
    "errors", "encoding", "signing", "act", "passkey", "clauses", "redline", "council", "authority", "dossier",
    "transitions", "admission", "registry", "ledger", "evidence",
)  # fmt: skip
OFFERED = (("evidence", "verify"), ("ledger", "parsePolicy"))

OPENING = """\
// Pourparler's evidence verifier, joined from the modules of src/pourparler/web/verifier; Apache-2.0.
// pourparler.verify(bytes, {parties: {id in hex: how it was learnt}, policy}, seconds or null) promises a report;
// pourparler.modules holds what each module exports, for those who want to look further.
"""

IMPORT = re.compile(r"import \{ (?P<names>[\w ,]+) \} from '\./(?P<module>\w+)\.js'")
EXPORT = re.compile(r"export (?=(?:async )?(?:function|class|const) (?P<name>\w+))")
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*(?:[^*]|\*(?!/))*\*/[ \t]*)$\n?", re.MULTILINE)
# What would end the script, or begin a comment of HTML, where the file stands inside a page.
UNFIT_IN_A_PAGE = re.compile(r"</script|<script|<!--", re.IGNORECASE)


def verifier_file() -> str:
    """Return the script, which sets ``globalThis.pourparler``."""
    folder = files("pourparler").joinpath("web", "verifier")
    sources = {name: folder.joinpath(f"{name}.js").read_text("utf-8") for name in MODULES}
    return joined(sources)


def joined(sources: dict[str, str]) -> str:
    """Return modules, given by name and in order, as one script. Raises :class:`ValueError` where one cannot be."""
    parts = [line for name, source in sources.items() for line in wrapped(name, source, before(sources, name))]
    offered = [f"{name}: ${module}.{name}" for module, name in OFFERED if module in sources]
    modules = ", ".join(f"{name}: ${name}" for name in sources)
    last = f"return {{ {', '.join([*offered, f'modules: {{ {modules} }}'])} }}"
    script = "\n".join(["globalThis.pourparler = (() => {", "'use strict'", *parts, last, "})()"])
    if unfit := UNFIT_IN_A_PAGE.search(script):
        raise ValueError(f"{unfit[0]!r} cannot stand in a page's script")
    return f"{OPENING}{script}\n"


def before(sources: dict[str, str], name: str) -> set[str]:
    names = list(sources)
    return set(names[: names.index(name)])


def wrapped(name: str, source: str, known: set[str]) -> Iterator[str]:
    """Yield the lines of one module as a function that returns what the module exports."""
    exported: list[str] = []
    yield f"const ${name} = (() => {{"
    for line in COMMENT.sub("", source).splitlines():
        if not line.strip():
            continue
        if line.startswith("import"):
            yield taken(name, line, known)
            continue
        if found := EXPORT.match(line):
            exported.append(found["name"])
        elif line.startswith("export"):
            raise ValueError(f"{name}.js: {line!r} exports in another way than this file knows")
        yield line[found.end() :] if found else line
    yield f"return {{ {', '.join(exported)} }}"
    yield "})()"


def taken(name: str, line: str, known: set[str]) -> str:
    """Return an import as what is taken from the function of a module before this one."""
    found = IMPORT.fullmatch(line)
    if found is None or found["module"] not in known:
        raise ValueError(f"{name}.js: {line!r} is not on one line, or imports from a module that comes later")
    return f"const {{ {found['names'].replace(' as ', ': ')} }} = ${found['module']}"
