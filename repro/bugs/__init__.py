"""Finds the bugs: one folder each, here or below the folders that the environment variable REPRO_BUGS names."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from repro.bugs import script
from repro.bugs.declaration import Bug, Fix, FixKind
from repro.errors import UserError, blame, unknown

VARIABLE = "REPRO_BUGS"
_HERE = Path(__file__).parent


def slugs() -> list[str]:
    """The slugs of all bugs, sorted: the folders that hold a ``bug.py``, with ``-`` for ``_``."""
    return sorted(_folders())


def load(slug: str) -> Bug:
    """The bug that ``<folder>/bug.py`` declares as ``BUG``; UserError for an unknown slug or a file that declares none.

    A ``bug.py`` outside the package is one self-contained file: it can import the kit, but not its own neighbours.
    """
    if script.is_script(slug):
        return script.load(slug)
    folders = _folders()
    if slug not in folders:
        raise unknown("bug", slug, folders)
    file = folders[slug] / "bug.py"
    bug = getattr(_module(file), "BUG", None)
    if not isinstance(bug, Bug):
        raise UserError(f"{file} declares no bug: give it a line BUG = Bug(...) (from repro.bugs.declaration)")
    if bug.slug != slug:
        raise UserError(f"{file} declares {bug.slug!r}: give it the slug {slug!r}, after the name of its folder")
    if bug.folder == Path():
        bug = replace(bug, folder=folders[slug])
    if not any((bug.folder / name).is_file() for name in ("probe.py", "minimal.py")):
        probe = bug.folder / "probe.py"
        raise UserError(f"{slug} has no probe: write {probe}, the script that does the failing thing once")
    return bug


def fix(bug: Bug, name: str) -> Fix:
    """The fix of ``bug`` with that name, or anyone's: the path of a ``.patch``/``.diff`` or of a workaround ``.py``.

    A workaround defines a function named like its file. Raises UserError for anything else.
    """
    known = {one.name: one for one in bug.fixes}
    if name in known:
        return known[name]
    path = Path(name).expanduser()
    if path.suffix not in {".patch", ".diff", ".py"}:
        raise unknown("fix", name, known)
    if not path.is_file():
        raise UserError(f"there is no file {name}: give the path of a .patch or .py file, or one of {', '.join(known)}")
    if path.suffix == ".py":
        if script.is_script(bug.typed):
            raise UserError(f"{name}: a script takes patches only: put the workaround into a copy of it, and run that")
        _check_workaround(path)
        return Fix(path.stem.replace("_", "-"), FixKind.WORKAROUND, path.resolve())
    return Fix(path.stem, FixKind.PATCH, path.resolve())


def _folders() -> dict[str, Path]:
    """Slug -> folder. The same slug in two places is refused: which one is meant would depend on the order."""
    parents = [_HERE]
    for entry in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        parent = Path(entry).expanduser().resolve()
        if not parent.is_dir():
            raise UserError(f"{VARIABLE} names {entry}, which is not a folder: give folders that hold bug folders")
        if parent not in parents:
            parents.append(parent)
    found: dict[str, Path] = {}
    for parent in parents:
        for file in sorted(parent.glob("*/bug.py")):
            slug = file.parent.name.replace("_", "-")
            if slug in found:
                raise UserError(f"two folders declare the bug {slug!r}: rename {file.parent} or {found[slug]}")
            found[slug] = file.parent
    return found


def _module(file: Path) -> ModuleType:
    if file.parent.parent == _HERE:
        return importlib.import_module(f"{__name__}.{file.parent.name}.bug")
    spec = importlib.util.spec_from_file_location(f"repro_bugs_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} cannot be read as Python: give it valid Python source")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # someone else's code: whatever it raises is said in one line
        raise UserError(f"{file} does not load: correct this first: {blame(error, file.parent)}") from error
    return module


def _check_workaround(path: Path) -> None:
    """Look for the workaround's function without running the file, which imports the packages under test."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path} is not valid Python: correct it first: {error}") from error
    if not any(isinstance(node, ast.FunctionDef) and node.name == path.stem for node in tree.body):
        raise UserError(f"{path} defines no function {path.stem}(shard): name the workaround's function like its file")
