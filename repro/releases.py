"""The studies of releases (matrix, transitions, attribution, regression) as methods of the lab."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from repro.render.bisect import ShownCause, ShownWalk
from repro.render.compare import ShownConclusion
from repro.render.matrix import ShownMatrix
from repro.render.progress import progress
from repro.render.releases import sentences
from repro.run import question as ask
from repro.run.cache import Cells
from repro.run.pool import Budget
from repro.run.runner import Question, Runner
from repro.studies import bisect, matrix, regress
from repro.studies.axes import Axis, read_axis, specs
from repro.studies.matrix import DEFAULT_AXES, SMALL, Asked, Matrix
from repro.units import parse_size

RECENT = 30
"""How many releases a bare axis of a bisection reaches back."""

Say = Callable[[str], object]


class ReleaseStudies:
    """What a lab can ask of many releases. Cells that are known are not run again, unless ``fresh``."""

    runner: Runner

    def matrix(
        self,
        *slugs: str,
        axes: Sequence[str] = (),
        target: str = "",
        jobs: int | None = None,
        budget: str | int | None = None,
        fresh: bool = False,
        quiet: bool = False,
        **asked: Any,
    ) -> ShownMatrix:
        """Bugs (all deterministic ones if none is named) by releases; ``asked`` goes to ``studies.matrix.plan``.

        ``axes`` are texts such as ``"datasets>=4.4"``; ``target`` is pinned besides; ``budget`` is the memory for all
        trials together (what is available), ``jobs`` how many run at a time (one a CPU).
        """
        along = [read_axis(text, self.runner.cache) for text in axes or DEFAULT_AXES]
        planned = matrix.plan(slugs, specs(along, target), **asked)
        return ShownMatrix(self._fill(Cells(self.runner, reuse=not fresh), planned, jobs, budget, quiet))

    def transitions(
        self,
        slug: str,
        axis: str,
        *,
        good: str | None = None,
        bad: str | None = None,
        every: bool = False,
        grid: int | None = None,
        target: str = "",
        trials: int | None = None,
        batch: int = 1,
        confidence: float = 0.95,
        most: int = 1000,
        fresh: bool = False,
        say: Say = len,
        **asked: Any,
    ) -> ShownWalk:
        """Where along ``axis`` the bug begins, ends or (``every``) changes; a race is bisected by probability.

        ``asked``: ``scenario``, ``fix``, ``parameters``, ``memory``, ``timeout``. ``say`` gets a line a step.
        """
        along = read_axis(axis, self.runner.cache, recent=RECENT if good is None and bad is None else None)
        releases = bisect.between(along.releases, good, bad)
        question = _asker(slug, **asked)

        def put(release: str) -> Question:
            return question(specs([Axis(along.package, (release,))], target)[0])

        cells, bug = Cells(self.runner, reuse=not fresh), put(releases[0]).bug
        if not bug.race:
            return ShownWalk(bisect.walk(cells, put, releases, every=every, grid=grid, seen=say))
        return ShownWalk(
            bisect.walk_race(
                cells, put, releases, trials=trials or bug.default_trials, batch=batch, confidence=confidence,
                most=most, budget=Budget.of_machine(), seen=say,
            )
        )  # fmt: skip

    def attribute(
        self, slug: str, old: str, new: str, *, fresh: bool = False, say: Say = len, **asked: Any
    ) -> ShownCause:
        """Which of the packages that differ between two targets flips the status; ``asked`` as in ``transitions``."""
        cells = Cells(self.runner, reuse=not fresh)
        return ShownCause(bisect.attribute(cells, _asker(slug, **asked), old, new, seen=say))

    def conclude(self, *found: ShownMatrix | ShownWalk | ShownCause) -> ShownConclusion:
        """What these studies say, in sentences."""
        return ShownConclusion(sentences(found))

    def regress(
        self,
        slugs: Sequence[str],
        entries: Sequence[regress.Entry],
        *,
        target: str = "latest",
        trials: int | None = None,
        memory: str | None = None,
        jobs: int | None = None,
        budget: str | int | None = None,
        fresh: bool = False,
        quiet: bool = False,
    ) -> list[regress.Judged]:
        """The catalogue on ``target``, each answer held against what ``entries`` expect."""
        cells = Cells(self.runner, reuse=not fresh)
        planned = regress.catalogue(cells, slugs, target, trials=trials, memory=memory)
        judged = []
        for cell in self._fill(cells, planned, jobs, budget, quiet).cells:
            answer = regress.answer_of(cell)
            expected = regress.expectation(entries, answer)
            finding = regress.judge(answer, expected, race=cell.question.bug.race)
            judged.append(regress.Judged(answer, expected, finding))
        return judged

    def _fill(
        self, cells: Cells, planned: Sequence[Asked], jobs: int | None, budget: str | int | None, quiet: bool
    ) -> Matrix:
        with progress(len(planned), "environments", quiet=quiet) as seen:
            needed = matrix.prepare(cells, planned, seen)
        room = Budget.of_machine(None if budget is None else parse_size(budget), jobs)
        with progress(sum(needed), "trials", quiet=quiet) as seen:
            return matrix.fill(cells, planned, needed, room, seen)


def _asker(
    slug: str,
    *,
    scenario: str | None = None,
    fix: str | None = None,
    parameters: Sequence[str] = SMALL,
    memory: str | None = None,
    timeout: str | None = None,
) -> Callable[[str], Question]:
    """A function from a target spec to the question."""
    from repro import bugs

    bug = bugs.load(slug)
    if parameters is not SMALL:
        ask.read_parameters(bug, parameters)  # says what is wrong with a name that the bug does not have
    given = matrix.own_parameters(bug, parameters)

    def put(spec: str) -> Question:
        return ask.question(
            slug, scenario=scenario, fix=fix, target=spec, memory=memory, timeout=timeout, parameters=given
        )

    return put
