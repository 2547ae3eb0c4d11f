"""What a lab can ask of releases: matrix, bisection, attribution, regression, hunt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from repro import bugs, targets
from repro.errors import UserError
from repro.model import Status
from repro.render.bisect import ShownBisection, ShownCause
from repro.render.compare import ShownConclusion
from repro.render.matrix import ShownMatrix
from repro.render.progress import progress
from repro.render.tables import Table
from repro.run.cache import TrialCache
from repro.run.pool import Budget
from repro.run.question import Question, own_parameters, question, read_parameters
from repro.run.record import needs_record, record_failure
from repro.run.runner import Runner
from repro.studies import bisect, matrix, regress
from repro.studies.axes import Axis, read_axis, specs
from repro.studies.bisect import Ask, Say
from repro.studies.count import race_budget
from repro.studies.matrix import Matrix, PlannedCell
from repro.units import parse_duration, parse_size

RECENT = 30
"""How many releases a bare axis of a bisection reaches back."""


class ReleaseLab:
    """The studies of releases, with the settings of the lab they belong to. What is known is not run again."""

    def __init__(
        self,
        trials: TrialCache,
        cache: Path,
        memory: str | int | None,
        timeout: str | float | None,
        *,
        quiet: bool = False,
    ) -> None:
        self._trials, self._cache, self._memory, self._timeout, self._quiet = trials, cache, memory, timeout, quiet

    def targets(self, axis: str) -> list[str]:
        """A target spec for each release that a text such as ``"pyarrow>=18"`` means."""
        return specs([read_axis(axis, self._cache)])

    def matrix(
        self,
        *slugs: str,
        axes: Sequence[str] = (),
        target: str | None = None,
        races: bool = False,
        scenarios: Sequence[str] = (),
        fixes: Sequence[str] = (),
        parameters: Sequence[str] | None = None,
        trials: int | None = None,
        jobs: int | None = None,
        budget: str | int | None = None,
    ) -> ShownMatrix:
        """Bugs (all deterministic ones if none is named) by releases.

        ``axes`` are texts such as ``"datasets>=4.4"``; ``target`` is pinned besides; ``budget`` is the memory for all
        trials together (what is available), ``jobs`` how many run at a time (one a CPU). See ``studies.matrix.plan``.
        """
        along = [read_axis(text, self._cache) for text in axes or matrix.DEFAULT_AXES]
        for name in slugs:
            if needs_record(bugs.load(name)):
                raise UserError(f"nobody saw {name} fail yet: type 'repro run {name}' where it does, then the matrix")
        planned = matrix.plan(
            slugs,
            specs(along, _besides(target)),
            races=races,
            scenarios=scenarios,
            fixes=fixes,
            parameters=parameters,
            trials=trials,
            memory=self._memory,
            timeout=self._timeout,
        )
        return ShownMatrix(self._fill(planned, jobs, budget))

    def bisect(
        self,
        bug: str,
        axis: str,
        *,
        good: str | None = None,
        bad: str | None = None,
        every: bool = False,
        grid: int | None = None,
        scenario: str | None = None,
        fix: str | None = None,
        target: str | None = None,
        parameters: Sequence[str] | None = None,
        trials: int | None = None,
        batch: int = 1,
        confidence: float = 0.95,
        most: int = 1000,
        say: Say = len,
    ) -> ShownBisection:
        """Where along ``axis`` the bug begins, ends or (``every``) changes; a race is bisected by probability.

        ``target`` is pinned besides. ``say`` gets a line a step.
        """
        along = read_axis(axis, self._cache, recent=RECENT if good is None and bad is None else None)
        releases, besides = bisect.between(along.releases, good, bad), _besides(target)
        asked = self._asker(bug, scenario, fix, parameters)

        def ask(release: str) -> Question:
            return asked(specs([Axis(along.package, (release,))], besides)[0])

        for release in dict.fromkeys([bad or releases[-1], releases[0]]):
            self._record(ask(release), say)
        if not bugs.load(bug).race:
            found = bisect.bisect(self._trials, ask, releases, every=every, grid=grid, good=good, bad=bad, say=say)
            failed = [one.release for one in found.tried if one.run.status is Status.DIFFERENT_FAILURE]
            if failed and needs_record(bugs.load(bug)):  # healthy at both ends: now it was seen to fail between them
                say(f"once more, for what it shows in {failed[0]}")
                self._record(ask(failed[0]), say)
                found = bisect.bisect(self._trials, ask, releases, every=every, grid=grid, good=good, bad=bad, say=say)
            return ShownBisection(found)
        return ShownBisection(
            bisect.bisect_race(
                self._trials, ask, releases, trials=trials, batch=batch, confidence=confidence, most=most,
                budget=race_budget(), good=good, bad=bad, say=say,
            )
        )  # fmt: skip

    def attribute(
        self,
        bug: str,
        old: str,
        new: str,
        *,
        scenario: str | None = None,
        fix: str | None = None,
        parameters: Sequence[str] | None = None,
        say: Say = len,
    ) -> ShownCause:
        """Which of the packages that differ between two targets flips the status."""
        return ShownCause(
            bisect.attribute(self._trials, self._asker(bug, scenario, fix, parameters), old, new, say=say)
        )

    def regress(
        self,
        slugs: Sequence[str],
        entries: Sequence[regress.Entry],
        *,
        target: str = "latest",
        trials: int | None = None,
        jobs: int | None = None,
        budget: str | int | None = None,
    ) -> list[regress.Judged]:
        """The catalogue on ``target``, each answer held against what ``entries`` expect."""
        planned = regress.catalogue(self._trials, slugs, target, trials=trials, memory=self._memory)
        cells = self._fill(planned, jobs, budget).cells
        return [regress.held_against(entries, cell) for cell in cells]

    def hunt(self, target: str, time: str | float, *, seed: int | None = None) -> Table:
        """Random programs in a release, after the known ones: what shows, known or new. The note tells the seed."""
        from repro.hunt.campaign import campaign  # Hypothesis comes with it, which no other study needs
        from repro.render.hunt import hunt_table

        folder = self._trials.runner.store.root / "hunt"
        chosen = SystemRandom().randrange(1_000_000) if seed is None else seed
        return hunt_table(campaign(target, cache=self._cache, folder=folder, seconds=parse_duration(time), seed=chosen))

    def conclude(self, *found: ShownMatrix | ShownBisection | ShownCause) -> ShownConclusion:
        """What these studies say, in sentences."""
        return ShownConclusion(said for one in found for said in one.sentences)

    def _fill(self, planned: Sequence[PlannedCell], jobs: int | None, budget: str | int | None) -> Matrix:
        room = self._trials.executor.room(Budget.of_machine(None if budget is None else parse_size(budget), jobs))
        planned = matrix.within(planned, room)
        with progress(len(planned), "environments", quiet=self._quiet) as step:
            needed = matrix.prepare(self._trials, planned, step)
        with progress(sum(needed), "trials", quiet=self._quiet) as step:
            return matrix.fill(self._trials, planned, needed, room, step)

    def _record(self, asked: Question, say: Say) -> None:
        """Of a script whose failure nobody saw yet: what to look for is seen where it fails."""
        if needs_record(bugs.load(asked.bug.typed or asked.bug.slug)):
            known = self._trials.runner
            record_failure(Runner(self._cache, known.store, known.stop), asked, say)

    def _asker(self, slug: str, scenario: str | None, fix: str | None, parameters: Sequence[str] | None) -> Ask:
        """A function from a target spec to the question; small inputs where no parameter is given."""
        bug = bugs.load(slug)
        if parameters is not None:
            read_parameters(bug, parameters)  # says what is wrong with a name that the bug does not have
        given = own_parameters(bug, parameters)

        def ask(spec: str) -> Question:
            return question(
                slug,
                scenario=scenario,
                fix=fix,
                target=spec,
                memory=self._memory,
                timeout=self._timeout,
                parameters=given,
            )

        return ask


def _besides(target: str | None) -> str:
    """What is pinned in every target, checked before anything is asked; an empty text is a mistake, not nothing."""
    if target is not None:
        targets.parse(target)
    return target or ""
