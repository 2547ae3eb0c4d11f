"""The matrix: bugs, scenarios and fixes against releases; each cell is answered once and then found again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro import bugs
from repro.errors import unknown
from repro.model import Bug, Scalar, TargetInfo
from repro.studies import ask
from repro.studies.cells import Cells
from repro.studies.result import Run
from repro.studies.runner import Question
from repro.studies.scheduler import Budget, Job, check, run_jobs

DEFAULT_AXES = ("datasets>=4.3",)
SMALL = ("rows=8", "files_per_row=3", "file_size=64KiB")
"""Inputs of a few hundred KiB, for the bugs that have these parameters: a matrix asks whether, not how much."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One cell: a question and how many trials answer it."""

    question: Question
    trials: int


@dataclass(frozen=True, slots=True)
class Cell:
    """An answered cell; ``reused`` if no trial had to be run for it."""

    asked: Asked
    run: Run
    reused: bool

    @property
    def question(self) -> Question:
        return self.asked.question


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
    parameters: Sequence[str] = SMALL,
    trials: int | None = None,
    memory: str | None = None,
    timeout: str | None = None,
) -> list[Asked]:
    """The cells: every bug named (all deterministic ones if none is, with ``races`` the others too), by target.

    ``scenarios`` and ``fixes`` are names, ``all`` for each that the bug has; the bug's default scenario and no fix if
    none is given. A scenario, fix or parameter goes to the bugs that have it. ``trials`` is for races.

    Raises:
        UserError: a name that no chosen bug has.
    """
    chosen = [bugs.load(slug) for slug in dict.fromkeys(slugs)]
    if not chosen:
        chosen = [bug for bug in map(bugs.load, bugs.slugs()) if races or not bug.race]
    names = {s.name for bug in chosen for s in bug.scenarios}
    for scenario in scenarios:
        if scenario not in names | {"all"}:
            raise unknown("scenario", scenario, names | {"all"})
    known_fixes = {f.name for bug in chosen for f in bug.fixes}
    for fix in fixes:
        if fix not in known_fixes | {"all"} and not Path(fix).suffix:
            raise unknown("fix", fix, known_fixes | {"all"})
    if parameters is not SMALL:
        known = {p.name for bug in chosen for p in bug.parameters}
        for assignment in parameters:
            if assignment.partition("=")[0] not in known:
                raise unknown("parameter", assignment.partition("=")[0], known)
    return [
        Asked(
            ask.question(
                bug.slug,
                scenario=scenario,
                fix=fix,
                target=spec,
                memory=memory,
                timeout=timeout,
                parameters=own_parameters(bug, parameters),
            ),
            trials_of(bug, trials),
        )
        for bug in chosen
        for scenario in _chosen(scenarios, [s.name for s in bug.scenarios], bug.default_scenario)
        for fix in _chosen(fixes, [f.name for f in bug.fixes], "none")
        for spec in specs
    ]


def trials_of(bug: Bug, asked: int | None) -> int:
    """Trials of one cell: a deterministic bug needs only its own number."""
    return bug.default_trials if asked is None or not bug.race else asked


def own_parameters(bug: Bug, assignments: Iterable[str]) -> dict[str, Scalar]:
    """The assignments that are meant for this bug, read as it says."""
    names = {p.name for p in bug.parameters}
    return ask.read_parameters(bug, [text for text in assignments if text.partition("=")[0] in names])


def prepare(cells: Cells, asked: Sequence[Asked], seen: Callable[[], object] = int) -> list[int]:
    """Make or find every environment and input; how many trials each cell still needs. ``seen`` after each cell."""
    needed = []
    for one in asked:
        needed.append(cells.missing(one.question, one.trials))
        seen()
    return needed


def fill(
    cells: Cells, asked: Sequence[Asked], needed: Sequence[int], budget: Budget, seen: Callable[[], object] = int
) -> Matrix:
    """Run the trials that are ``needed``, side by side within ``budget``; ``seen`` is called after each.

    An interrupted matrix is continued by asking for it again: finished trials are found, not repeated.

    Raises:
        UserError: a cap that does not fit the budget, or what the runner refuses.
    """
    check([one.question.limits.memory_bytes for one in asked], budget)
    jobs = [
        Job(_trial(cells, one.question), one.question.limits.memory_bytes)
        for one, count in zip(asked, needed, strict=True)
        for _ in range(count)
    ]
    for _ in run_jobs(jobs, budget, cells.runner.stop):
        seen()
    return Matrix(
        tuple(
            Cell(one, cells.answer(one.question, one.trials), reused=not count)
            for one, count in zip(asked, needed, strict=True)
        )
    )


def pins_of(target: TargetInfo) -> str:
    """The releases of the packages under test in a resolved environment, as a spec."""
    names = ("datasets", "pyarrow")
    return " ".join(f"{name}=={target.packages[name]}" for name in names if name in target.packages)


def _trial(cells: Cells, question: Question) -> Callable[[], object]:
    return lambda: cells.trial(question)


def _chosen(wanted: Sequence[str], known: Sequence[str], default: str) -> list[str]:
    if not wanted:
        return [default]
    if "all" in wanted:
        return list(known)
    return [name for name in dict.fromkeys(wanted) if name in known or Path(name).suffix]
