"""The matrix: bugs, scenarios and fixes against releases; each cell is answered once and then found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from repro import bugs
from repro.errors import unknown
from repro.model import TargetInfo
from repro.run.cache import Step, TrialCache, no_step
from repro.run.pool import Budget, check
from repro.run.question import Question, own_parameters, question
from repro.run.result import Run
from repro.units import format_size

DEFAULT_AXES = ("datasets>=4.3",)


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """A question and how many trials answer it; ``None`` for as many as settle a race."""

    question: Question
    trials: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """An answered cell; ``reused`` if no trial had to be run for it."""

    question: Question
    run: Run
    reused: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells, in the order asked."""

    cells: tuple[Cell, ...]

    @property
    def reused(self) -> int:
        return sum(cell.reused for cell in self.cells)


def plan(
    slugs: Sequence[str],
    specs: Sequence[str],
    *,
    races: bool = False,
    scenarios: Sequence[str] = (),
    fixes: Sequence[str] = (),
    parameters: Sequence[str] | None = None,
    trials: int | None = None,
    memory: str | int | None = None,
    timeout: str | float | None = None,
) -> list[PlannedCell]:
    """The cells: every bug named (all deterministic ones if none is, with ``races`` the others too), by target.

    ``scenarios`` and ``fixes`` are names, ``all`` for each that the bug has; the bug's default scenario and no fix if
    none is given. A scenario, fix or parameter goes to the bugs that have it; without ``parameters`` each bug gets its
    own small inputs. ``trials`` is for races.

    Raises:
        UserError: a name that no chosen bug has.
    """
    chosen = [bugs.load(slug) for slug in dict.fromkeys(slugs)]
    if not chosen:
        chosen = [bug for bug in map(bugs.load, bugs.slugs()) if races or not bug.race]
    _check("scenario", scenarios, {s.name for bug in chosen for s in bug.scenarios} | {"all"})
    named = [fix for fix in fixes if not Path(fix).suffix]
    _check("fix", named, {f.name for bug in chosen for f in bug.fixes} | {"all"})
    given = [text.partition("=")[0] for text in parameters or ()]
    _check("parameter", given, {p.name for bug in chosen for p in bug.parameters})
    return [
        PlannedCell(
            question(
                bug.slug,
                scenario=scenario,
                fix=fix,
                target=spec,
                memory=memory,
                timeout=timeout,
                parameters=own_parameters(bug, parameters),
            ),
            trials if bug.race else None,
        )
        for bug in chosen
        for scenario in _chosen(scenarios, [s.name for s in bug.scenarios], bug.default_scenario)
        for fix in _chosen(fixes, [f.name for f in bug.fixes], "none")
        for spec in specs
    ]


def within(cells: Sequence[PlannedCell], budget: Budget) -> Sequence[PlannedCell]:
    """The cells whose caps fit; the log names the bugs left out. Where none fits, all: ``fill`` refuses them."""
    fitting = [one for one in cells if (one.question.limits.memory_bytes or 0) <= budget.memory_bytes]
    if fitting:
        for slug in dict.fromkeys(one.question.bug.slug for one in cells if one not in fitting):
            caps = [one.question.limits.memory_bytes or 0 for one in cells if one.question.bug.slug == slug]
            there = format_size(budget.memory_bytes)
            getLogger("repro").warning("%s is left out: it needs %s, there are %s", slug, format_size(max(caps)), there)
    return fitting or cells


def prepare(cache: TrialCache, cells: Sequence[PlannedCell], on_step: Step = no_step) -> list[int]:
    """Makes or finds every environment and input; how many trials each cell still needs, at most."""
    needed = []
    for one in cells:
        needed.append(cache.missing(one.question, one.trials))
        on_step()
    return needed


def fill(
    cache: TrialCache, cells: Sequence[PlannedCell], needed: Sequence[int], budget: Budget, on_step: Step = no_step
) -> Matrix:
    """Runs the trials that are ``needed``, side by side within ``budget``.

    An interrupted matrix is continued by asking for it again: finished trials are found, not repeated.

    Raises:
        UserError: a cap that does not fit the budget, or what the runner refuses.
    """
    check([one.question.limits.memory_bytes for one in cells], budget)
    found: dict[int, Run] = {}
    for trials in dict.fromkeys(one.trials for one in cells):
        asked = {str(i): one.question for i, one in enumerate(cells) if one.trials == trials}
        found |= {int(i): run for i, run in cache.run_all(asked, trials, budget, on_step).items()}
    return Matrix(tuple(Cell(one.question, found[i], not needed[i]) for i, one in enumerate(cells)))


def pins_of(target: TargetInfo) -> str:
    """The releases of the packages under test in a resolved environment, as a spec."""
    names = ("datasets", "pyarrow")
    return " ".join(f"{name}=={target.packages[name]}" for name in names if name in target.packages)


def _check(kind: str, names: Sequence[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)


def _chosen(wanted: Sequence[str], known: Sequence[str], default: str) -> list[str]:
    if not wanted:
        return [default]
    if "all" in wanted:
        return list(known)
    return [name for name in dict.fromkeys(wanted) if name in known or Path(name).suffix]
