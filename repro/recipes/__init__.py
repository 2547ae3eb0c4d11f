"""Files that users take home; each stands alone and imports nothing of the kit."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from repro.errors import unknown

_HERE = Path(__file__).parent


def names() -> list[str]:
    """The recipes, sorted: the files and packages beside this file, with ``-`` for ``_``."""
    return sorted(path.stem.replace("_", "-") for path in (*_HERE.glob("[!_]*.py"), *_packages()))


def source(name: str) -> str:
    """The text of a recipe, a package as one file; UserError for an unknown name."""
    if name not in (known := names()):
        raise unknown("recipe", name, known)
    path = _HERE / name.replace("-", "_")
    return _one_file(path) if path in _packages() else path.with_suffix(".py").read_text("utf-8")


def _packages() -> list[Path]:
    return [path.parent for path in _HERE.glob("*/__init__.py")]


def _one_file(package: Path) -> str:
    """The modules of a package after each other, those that are imported first; imports stand at the top, once each."""
    texts = {path.stem: path.read_text("utf-8") for path in package.glob("*.py")}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    needs: dict[str, list[str]] = {name: [] for name in texts}
    whole: set[str] = set()
    parted: dict[str, set[str]] = {}
    for name, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.level:
                needs[name].append(node.module or "")
            elif isinstance(node, ast.ImportFrom):
                parted.setdefault(node.module or "", set()).update(ast.unparse(alias) for alias in node.names)
            elif isinstance(node, ast.Import):
                whole.add(ast.unparse(node))
    future = parted.pop("__future__")
    imports = [f"from {module} import {', '.join(sorted(them))}" for module, them in sorted(parted.items())]
    order = list(TopologicalSorter(needs).static_order())
    head = [f"from __future__ import {', '.join(future)}\n", *sorted(whole), *imports]
    parts = [_lines(texts["__init__"], trees["__init__"].body[0]) + "\n\n" + "\n".join(head)]
    for name in order[:-1]:
        about, *body = trees[name].body
        after = max(node.end_lineno or 0 for node in (about, *body) if isinstance(node, ast.Import | ast.ImportFrom))
        said = (ast.get_docstring(trees[name]) or "").partition("\n")[0]
        parts.append(f"# ---- {said}\n\n" + "\n".join(texts[name].splitlines()[after:]).strip())
    parts.append(_lines(texts["__init__"], trees["__init__"].body[-1]))
    return "\n\n\n".join(parts) + "\n"


def _lines(text: str, node: ast.stmt) -> str:
    return "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno])
