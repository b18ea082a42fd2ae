"""Print how many lines of code each room of the core has: docstrings, comments and blank lines not counted.

The kernel is what a verdict on evidence rests on. What only makes proofs and signs notes (``ledger.keeping``) is not in
it: whoever reads a proof checks it. Nor is a package's table of contents. *Beside it* stand the other forms that the
same tree has, for other people's tools, and what a witness answers: no verdict on evidence reads them.
"""

import ast
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "src" / "pourparler" / "core"
DOSSIER_CHAPTER = {"admission", "clauses", "dossier", "registry", "transitions"}
NOT_TRUSTED = {"ledger.keeping", "ledger.__init__"}
BESIDE = {f"ledger.{name}" for name in ("cose", "receipt", "statement", "subtree", "tiles", "witness")}


def code_lines(source: str) -> int:
    """Return the number of lines that hold code."""
    described: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            described.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(source.splitlines(), 1)
    return sum(1 for n, line in lines if line.strip() and not line.strip().startswith("#") and n not in described)


def main() -> None:
    paths = sorted(path for path in CORE.rglob("*.py"))
    sizes = {
        ".".join(path.relative_to(CORE).with_suffix("").parts): code_lines(path.read_text("utf-8")) for path in paths
    }
    for name, size in sizes.items():
        print(f"{size:6,}  {name}")
    chapter = sum(size for name, size in sizes.items() if name in DOSSIER_CHAPTER)
    beside = sum(size for name, size in sizes.items() if name in BESIDE)
    kernel = sum(size for name, size in sizes.items() if name not in DOSSIER_CHAPTER | NOT_TRUSTED | BESIDE)
    print(f"{kernel:6,}  the kernel\n{chapter:6,}  the dossier chapter")
    print(f"{beside:6,}  beside them: tiles, receipts, witness")


if __name__ == "__main__":
    main()
