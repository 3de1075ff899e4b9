"""``python -m tests.benchmarks.packs``: the studies of the packs, one line each."""

from __future__ import annotations

import ast
from pathlib import Path

FOLDER = Path(__file__).parent


def studies() -> dict[str, str]:
    """What every module here that can be run says of itself, by name; read, not imported."""
    found = {}
    for path in sorted(FOLDER.glob("[!_]*.py")):
        tree = ast.parse(path.read_text())
        named = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if "main" in named:
            lines = [node.value.value for node in tree.body if isinstance(node, ast.Assign)
                     and isinstance(node.value, ast.Constant) and ast.unparse(node.targets[0]) == "LINE"]
            text = str(lines[0]) if lines else (ast.get_docstring(tree) or "").splitlines()[0]
            found[path.stem] = text.removeprefix(f"{path.stem}: ")
    return found


def main() -> int:
    print("Run one with: python -m tests.benchmarks.packs.NAME --pack FOLDER [--record]   (--help tells the rest)")
    for name, text in studies().items():
        print(f"  {name:12} {text}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
