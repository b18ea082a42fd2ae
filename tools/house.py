"""What the import check cannot say about the house (STYLE.md): run by `./run check`, prints what is wrong, exits 1.

- Every module stands in exactly one room, and the rooms are those of the layers contract in pyproject.toml.
- The core imports from a short list of pure modules, uses no clock, chance, disk or network that hides behind one of
  them, and touches `cryptography` (an extra) only inside the function that needs it.
- Everything that somebody installs together with Pourparler has a permissive licence.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent

# Packages that hold rooms and are none themselves.
DOORS = {"pourparler", "pourparler.core"}

# Whatever is not here has to be argued for here: the core must give the same answer everywhere and for ever.
PURE = {
    "abc", "base64", "bisect", "calendar", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal",
    "enum", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "re", "string", "struct",
    "types", "typing", "unicodedata",
    "libipld", "nacl.bindings", "nacl.exceptions",
}  # fmt: skip
ON_USE = {"cryptography"}

# Doors to the world inside modules that are pure otherwise, and builtins that are such doors.
IMPURE = re.compile(
    r"(.*\.)?((datetime|date)\.(now|utcnow|today|fromtimestamp)|hashlib\.file_digest"
    r"|randombytes\w*|crypto_\w*keypair)"
)
IMPURE_BUILTINS = {"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint", "hash"}

PERMISSIVE = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
    "MIT-CMU", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
}  # fmt: skip
CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
}


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    problems = [*outside_rooms(ROOT / "src", rooms(project)), *impurities(ROOT / "src"), *licences(project)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


# Rooms.


def rooms(project: dict[str, dict[str, dict[str, list[dict[str, list[str]]]]]]) -> list[str]:
    """The rooms that the layers contract names."""
    (contract,) = (c for c in project["tool"]["importlinter"]["contracts"] if c.get("layers"))
    return [name.strip(" ()") for layer in contract["layers"] for name in re.split(r"[|:]", layer)]


def modules(src: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(src.rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def outside_rooms(src: Path, names: list[str]) -> Iterator[str]:
    """Modules in no room, or in several. Costs one look at each file name."""
    for module, path in modules(src):
        holding = [name for name in names if module == name or module.startswith(f"{name}.")]
        if module in DOORS and path.name == "__init__.py":
            continue
        if len(holding) != 1:
            where = f"in several rooms ({', '.join(holding)})" if holding else "in no room"
            yield f"{path}: {module} is {where}; the rooms are listed under tool.importlinter in pyproject.toml"


# The core touches nothing.


def impurities(src: Path) -> Iterator[str]:
    """What in the core reaches, or could reach, beyond bytes and values."""
    for module, path in modules(src):
        if module == "pourparler.core" or module.startswith("pourparler.core."):
            yield from look(ast.parse(path.read_text("utf-8")), path, inside_function=False)


def look(node: ast.AST, path: Path, *, inside_function: bool) -> Iterator[str]:
    line = f"{path}:{getattr(node, 'lineno', 0)}"
    for name in imported(node):
        if covered(name, ON_USE) and not inside_function:
            yield f"{line}: {name} is an extra; import it inside the function that needs it"
        elif not covered(name, PURE | ON_USE | {"pourparler.core"}):
            yield f"{line}: the core may not import {name}"
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in IMPURE_BUILTINS:
        yield f"{line}: the core may not use {node.id}"
    if isinstance(node, ast.Attribute) and IMPURE.fullmatch(ast.unparse(node)):
        yield f"{line}: the core may not use {ast.unparse(node)}: time and chance are arguments"
    deeper = inside_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        yield from look(child, path, inside_function=deeper)


def imported(node: ast.AST) -> list[str]:
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(module=str(module), level=0):
            # `from nacl import bindings` names nacl.bindings; `from typing import Any` names something in typing.
            whole = covered(module, PURE | ON_USE | {"pourparler.core"})
            return [module] if whole else [f"{module}.{alias.name}" for alias in node.names]
        case ast.ImportFrom():
            return ["by a relative path: say the whole name"]
        case _:
            return []


def covered(name: str, allowed: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


# Licences.


def licences(project: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    """Packages that come with ours, directly or not, and are not permissively licensed."""
    declared: dict[str, list[str]] = project["project"]["optional-dependencies"]  # type: ignore[assignment]
    ours = (needs for extra, needs in declared.items() if extra != "test")
    waiting = [Requirement(text) for text in chain(project["project"]["dependencies"], *ours)]
    seen: set[str] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if name in seen or (requirement.marker and not requirement.marker.evaluate()):
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            yield f"requirements.lock: {name} is needed and not installed; ./run lock"
            continue
        licence = licence_of(found.metadata.json)
        if not permissive(licence):
            yield f"pyproject.toml: {name} {found.version} has the licence {licence!r}, not known as permissive"
        for text in found.requires or ():
            deeper = Requirement(text)
            if deeper.marker is None or any(deeper.marker.evaluate({"extra": extra}) for extra in extras):
                deeper.marker = None
                waiting.append(deeper)


def licence_of(metadata: dict[str, str | list[str]]) -> str:
    """An SPDX expression if the package states one, or what its classifiers or its free text amount to."""
    if expression := metadata.get("license_expression"):
        return str(expression)
    classifiers = metadata.get("classifier", [])
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License :: OSI Approved ::")]
    if named:
        return " AND ".join(CLASSIFIERS.get(name, name) for name in named)
    return str(metadata.get("license", "unknown"))


def permissive(expression: str) -> bool:
    """True if every licence that binds is on the list; with OR and no parentheses one of the choices is enough."""
    ways = [expression] if "(" in expression else expression.split(" OR ")
    return any(set(re.split(r" AND | OR ", way.replace("(", "").replace(")", ""))) <= PERMISSIVE for way in ways)


if __name__ == "__main__":
    sys.exit(main())
