"""Runs the benchmarks and prints what they measured side by side, with the aims.

``python benchmarks/run.py [NAME …]``, for example ``make bench ARGS="startup peaks"``. Every other module of this
folder that defines ``run`` (rows with aims) or only ``main`` (tables of its own) is a benchmark.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from measure import Row, table

HERE = Path(__file__).resolve().parent
HELPERS = ("run", "measure", "processes", "simulation", "deaths")


def names() -> list[str]:
    """All benchmarks: those that measure little come first."""
    first = ("startup", "provisioning", "peaks", "cohort", "supervision")
    found = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in HELPERS)
    return [name for name in first if name in found] + [name for name in found if name not in first]


def one(name: str) -> list[Row]:
    """The rows of one benchmark; one that prints tables of its own prints them now and gives no rows."""
    module: ModuleType = import_module(name)
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
    if hasattr(module, "run") and "Row" in vars(module):
        return [Row(f"{name}: {row.what}", row.measured, row.aim, row.met) for row in module.run()]
    sys.argv = [f"{name}.py"]  # its main reads options, and those here are not meant for it
    module.main()
    return []


def main() -> int:
    """The exit status says whether every aim was met."""
    known = names()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all by default")
    chosen = parser.parse_args().names or known
    for name in chosen:
        if name not in known:
            parser.error(f"unknown benchmark {name!r}. Choose from: {', '.join(known)}")
    rows = [row for name in chosen for row in one(name)]
    if rows:
        print(table(rows))
    return int(any(row.met is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
