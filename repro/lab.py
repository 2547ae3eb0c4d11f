"""The facade that notebooks and the command line use."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repro import bugs, places
from repro.decide.claims import judge_claims
from repro.evidence.store import Evidence, Store
from repro.model import Scalar
from repro.releases import ReleaseStudies
from repro.render.compare import ShownComparison, ShownConclusion, sentences
from repro.render.counts import ShownCounts
from repro.render.progress import progress
from repro.render.survival import ShownSurvival
from repro.render.tables import Table
from repro.render.view import (
    Picture,
    ShownRun,
    Words,
    allocators_table,
    claims_table,
    inputs_table,
    memory_chart,
    runs_table,
)
from repro.run import question as ask
from repro.run.cache import Cells
from repro.run.result import Run
from repro.run.runner import Question, Runner
from repro.studies import compare as compare_study
from repro.studies import survive as survive_study
from repro.studies.candidates import contenders
from repro.studies.compare import compare, steps
from repro.studies.count import count
from repro.studies.survive import RESOLUTION, survive
from repro.units import parse_size


class Lab(ReleaseStudies):
    """A place to run trials with common settings.

    >>> lab = Lab(target="datasets==5.1.0 pyarrow==24.0.0", memory="2GiB", timeout="120s")
    >>> run = lab.run("embed-sliced-list", scenario="shard-first")

    Args:
        target: environment spec; ``None`` for the bug's own default.
        memory: cap such as ``"2GiB"``; ``None`` for the bug's own default, ``"none"`` for no cap.
        timeout: wall time such as ``"120s"``.
        reports: folder for the evidence; the checkout's ``reports/`` by default.
        cache: folder for inputs and environments.
        reuse: use the trials of earlier runs where neither probe, inputs, limits nor environment changed;
            ``None``: if the environment variable ``REPRO_REUSE`` is 1, as ``repro report`` sets it.

    Raises:
        UserError: a name, size or spec is wrong; the message names the valid choices.
    """

    def __init__(
        self,
        target: str | None = None,
        memory: str | int | None = None,
        timeout: str | float | None = None,
        *,
        reports: Path | None = None,
        cache: Path | None = None,
        reuse: bool | None = None,
    ) -> None:
        self.target, self.memory, self.timeout = target, memory, timeout
        self.reuse = os.environ.get("REPRO_REUSE") == "1" if reuse is None else reuse
        self.store = Store(reports or places.reports())
        self.runner = Runner(cache or places.cache(), self.store)

    def run(
        self,
        bug: str,
        *,
        scenario: str | None = None,
        fix: str | None = None,
        target: str | None = None,
        memory: str | int | None = None,
        timeout: str | float | None = None,
        trials: int | None = None,
        memray: bool = False,
        jobs: int = 1,
        parameters: Mapping[str, Scalar] | tuple[str, ...] = (),
        seen: Callable[[], object] = int,
        show: bool = True,
    ) -> ShownRun:
        """Run one question and return its trials; nothing is raised for what the probe did.

        In a notebook the run is displayed at once, unless ``show`` is false.
        """
        question = ask.question(
            bug,
            scenario=scenario,
            fix=fix,
            target=self.target if target is None else target,
            memory=memory if memory is not None else self.memory,
            timeout=timeout if timeout is not None else self.timeout,
            parameters=parameters,
        )
        count = trials if trials is not None else question.bug.default_trials
        if self.reuse and not memray:
            evidence = self._kept(question, count, jobs, seen)
        else:
            evidence = self.runner.trials(question, count, memray=memray, jobs=jobs, seen=seen)
        run = ShownRun(tuple(evidence), ask.reproduce_command(question, memray=memray, trials=trials))
        if show:
            _show(run)
        return run

    def count(
        self,
        bug: str,
        questions: Mapping[str, Mapping[str, Any]],
        *,
        trials: int,
        jobs: int | None = None,
    ) -> ShownCounts:
        """Count how often a race shows in each of several questions, interleaved.

        ``questions`` maps a name to ``scenario``, ``fix``, ``target``, ``parameters``, … as in ``run``.
        """
        common = {"target": self.target, "memory": self.memory, "timeout": self.timeout}
        asked = {name: ask.question(bug, **{**common, **given}) for name, given in questions.items()}
        with progress(trials * len(asked), bug) as seen:
            cells = Cells(self.runner) if self.reuse else None
            return ShownCounts(count(self.runner, asked, trials, jobs=jobs, seen=seen, cells=cells))

    def _kept(self, question: Question, trials: int, jobs: int, seen: Callable[[], object]) -> list[Evidence]:
        """Trials of an earlier run where nothing that matters changed, and new ones for what is missing."""
        [counted] = count(self.runner, {"": question}, trials, jobs=jobs, seen=seen, cells=Cells(self.runner))
        return list(counted.evidence)

    def compare(
        self,
        bug: str,
        *,
        fixes: Sequence[str] = (),
        repetitions: int = 3,
        cases: int | None = None,
        jobs: int = 1,
        resume: bool = False,
        quiet: bool = False,
        **asked: Any,
    ) -> ShownComparison:
        """Compare fixes (all by default) with upstream's newest release: correctness first, then interleaved trials.

        ``asked``: ``scenario``, ``target``, ``newest``, ``size`` of the shard, ``scale``, ``parameters``, limits.
        ``cases`` is how many the correctness gate runs, ``jobs`` at a time; timed trials run one at a time.
        """
        entered = contenders(bug, fixes=fixes, **self._asked(asked))
        with progress(steps(entered, repetitions), "compare", quiet=quiet) as seen:
            found = compare(
                self.runner, entered, repetitions, cases=cases, jobs=jobs, resume=resume, seen=seen
            )  # fmt: skip
        return ShownComparison(found)

    def survive(
        self,
        bug: str,
        *,
        sizes: Sequence[str | int],
        fixes: Sequence[str] = (),
        most: str | int = "8GiB",
        resolution: float = RESOLUTION,
        jobs: int = 1,
        resume: bool = False,
        quiet: bool = False,
        **asked: Any,
    ) -> ShownSurvival:
        """The smallest memory cap under which each fix survives, for each size of the shard, and the slope of both.

        No cap above ``most`` is tried; the answer is exact to ``resolution`` (a share).
        """
        entered = [
            (parse_size(s), c) for s in sizes for c in contenders(bug, fixes=fixes, size=s, **self._asked(asked))
        ]
        with progress(len(entered), "survive", quiet=quiet) as seen:
            found = survive(
                self.runner, entered, ceiling=parse_size(most), resolution=resolution, jobs=jobs, resume=resume,
                seen=seen,
            )  # fmt: skip
        return ShownSurvival(found)

    def which_fix(self, bug: str) -> ShownConclusion:
        """What the newest comparison and study of survival say, in sentences."""
        kept = self.evidence(bug=bug)
        return ShownConclusion(sentences(compare_study.collect(kept), survive_study.collect(kept)))

    def _asked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a study asks, with the settings of this lab where nothing else is given."""
        common = {"target": self.target, "memory": self.memory, "timeout": self.timeout}
        return {**common, **{name: value for name, value in given.items() if value is not None}}

    def table(self, *runs: Run, title: str = "") -> Table:
        """Several runs side by side."""
        return runs_table(runs, title)

    def timeline(self, *runs: Run) -> Picture:
        """Memory over time of several runs in one picture."""
        return Picture(memory_chart([run.worst for run in runs]), runs_table(runs).to_text())

    def allocators(self, run: Run) -> Table:
        """What a diagnostic run (``memray=True``) found alive at its peak."""
        return allocators_table(run)

    def fixes(self, bug: str, kind: str | None = None) -> list[str]:
        """Names of the fixes that can be tried, all or of one kind (``workaround``, ``patch``)."""
        return [fix.name for fix in bugs.load(bug).fixes if kind in (None, fix.kind.value) and fix.path is not None]

    def describe(self, bug: str, **asked: Any) -> Table:
        """Make (or find) the inputs of a scenario and say what they are."""
        question = ask.question(bug, target=self.target, **asked)
        return inputs_table(self.runner.inputs(question))

    def last_words(self, run: Run) -> Words:
        """What the process wrote last, redacted."""
        outcome = run.worst.outcome
        return Words((outcome.stderr_tail or outcome.stdout_tail).strip() or "(it wrote nothing)")

    def claims(self, bug: str) -> Table:
        """What the reports say of the bug, judged from the evidence kept so far."""
        return claims_table(judge_claims(bugs.load(bug).claims, self.evidence(bug=bug)))

    def evidence(self, **query: Any) -> list[Evidence]:
        """Evidence kept so far, oldest first; query by ``bug``, ``scenario``, ``fix``."""
        return self.store.query(**query)


def _show(run: ShownRun) -> None:
    """Display a run at once when a notebook asks; elsewhere the caller decides."""
    import sys

    if "ipykernel" in sys.modules:
        from IPython.display import display

        display(run)
