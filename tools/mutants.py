"""Mutation testing by mutmut: breaks the deciding modules one fault at a time, prints how many the tests noticed.

``python tools/mutants.py [NAME…]``: mutants of these names (``*`` allowed), or all that are not decided yet: an
interrupted run goes on, and survivors are tried again once a test has changed. What is broken, and which tests must
notice, stands in pyproject.toml, ``[tool.mutmut]``. ``python -m mutmut show NAME`` shows one mutant.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import libcst as cst
from mutmut.__main__ import _reset_mutant_results, _run
from mutmut.mutation import mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

ENOUGH = 0.9
NOTICED = {"killed", "timeout", "segfault", "caught by type check"}
UNDECIDED = {"not checked", "check was interrupted by user"}


def names_only(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """Faults in strings that decide (keys, states, patterns), not in the wording of what people read."""
    if isinstance(node, cst.SimpleString) and " " not in node.value:
        yield from mutators.operator_string(node)


def forget_survivors() -> None:
    """Have survivors tried again if a test is newer than their trial; mutmut itself looks at the mutated code only."""
    tried = Path("mutants/mutmut-stats.json")
    if tried.exists() and any(test.stat().st_mtime > tried.stat().st_mtime for test in Path("tests").rglob("*.py")):
        _reset_mutant_results(lambda _, code: status_by_exit_code[code] not in NOTICED)


def score() -> float:
    """Print noticed / all and the survivors of each module; returns the share that was noticed in all."""
    total: Counter[bool] = Counter()
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        status = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
        left = [name for name, was in status.items() if was not in NOTICED | UNDECIDED]
        decided = sum(was not in UNDECIDED for was in status.values())
        if not status:
            continue
        print(f"{decided - len(left):5} of {decided:5} noticed, {len(status) - decided:5} not tried yet  {path}")
        for name in left:
            print(f"{'':10}{status[name]}: {name}")
        total.update({True: decided - len(left), False: len(left)})
    share = total[True] / max(total.total(), 1)
    print(f"{total[True]:5} of {total.total():5} noticed in all: {share:.1%}, where {ENOUGH:.0%} are wanted")
    return share


def main() -> int:
    operators = cast(list[Any], mutators.mutation_operators)
    operators[operators.index((cst.BaseString, mutators.operator_string))] = (cst.BaseString, names_only)
    forget_survivors()
    _run(sys.argv[1:], None)
    return int(score() < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
