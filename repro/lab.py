"""The facade that notebooks and the command line use."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from repro import bugs, places
from repro.bugs.declaration import NO_FIX
from repro.decide.caps import RESOLUTION
from repro.decide.claims import judge_claims
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.lab_releases import ReleaseLab
from repro.lab_scripts import ScriptLab
from repro.render.charts import timeline
from repro.render.claims import claims_table
from repro.render.compare import ShownComparison, ShownConclusion, sentences
from repro.render.counts import ShownCounts
from repro.render.progress import progress
from repro.render.run import Picture, ShownRun, Words, allocators_table, inputs_table, ratios_picture, runs_table
from repro.render.summary import summary_sentences
from repro.render.survival import ShownSurvival
from repro.render.tables import Table
from repro.report.kept import known_of
from repro.run.cache import TrialCache
from repro.run.pool import Budget, Executor, Pool
from repro.run.question import Given, Question, question
from repro.run.result import Run
from repro.run.runner import Runner
from repro.studies import compare, survive
from repro.studies.candidates import candidates
from repro.studies.count import count, race_budget
from repro.units import parse_size


class Lab:
    """A place to run trials with common settings.

    >>> lab = Lab(target="datasets==5.1.0 pyarrow==24.0.0", memory="2GiB", timeout="120s")
    >>> run = lab.run("embed-sliced-list", scenario="shard-first")

    Args:
        target: environment spec; ``None`` for the bug's own default.
        memory, timeout: such as ``"2GiB"``, ``"120s"``; ``None``: the bug's own default; memory ``"none"``: no cap.
        reuse: use stored trials whose content hash is unchanged; else run everything again.
        quiet: show no progress; executor: where trials run (``repro.run.executors``), ``None`` for this machine.
        reports, cache: folders for the evidence (by default ``reports/`` of the checkout), for inputs and environments.

    Raises:
        UserError: a name, size or spec is wrong; the message names the valid choices.
    """

    def __init__(
        self,
        target: str | None = None,
        memory: str | int | None = None,
        timeout: str | float | None = None,
        *,
        reuse: bool = True,
        quiet: bool = False,
        reports: Path | None = None,
        cache: Path | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.target, self.memory, self.timeout, self.quiet = target, memory, timeout, quiet
        self.store = Store(reports or places.reports())
        self.runner = Runner(cache or places.cache(), self.store)
        self.trials = TrialCache(self.runner, reuse, executor or Pool())
        self.releases = ReleaseLab(self.trials, self.runner.cache, memory, timeout, quiet=quiet)
        self.scripts = ScriptLab(self.trials, self.runner, self.question)

    def __repr__(self) -> str:
        """Whether what is known is reused, for a notebook to begin with."""
        kept = sum(1 for _ in self.store.root.glob("evidence/*/*.json"))
        if not self.trials.reuse:
            return f"Every trial is run anew; the {kept} that are kept in {self.store.root.name}/ stay unused."
        return (
            f"Of the {kept} trials kept in {self.store.root.name}/, those are reused of which nothing that decides "
            "them has changed;\nfresh = True in the parameters runs all anew."
        )

    def question(
        self,
        bug: str,
        *,
        scenario: str | None = None,
        fix: str | None = None,
        target: str | None = None,
        parameters: Given = (),
    ) -> Question:
        """What a trial is to find out, with the settings of this lab where nothing else is given."""
        return question(
            bug,
            scenario=scenario,
            fix=fix,
            target=self.target if target is None else target,
            memory=self.memory,
            timeout=self.timeout,
            parameters=parameters,
        )

    def run(
        self,
        bug: str,
        *,
        scenario: str | None = None,
        fix: str | None = None,
        target: str | None = None,
        parameters: Given = (),
        trials: int | None = None,
        jobs: int | None = None,
        memray: bool = False,
        show: bool = True,
    ) -> ShownRun:
        """Answers one question; nothing is raised for what the probe did. A notebook shows the run at once.

        Without ``trials`` a race is run until it is settled. With ``memray`` it is a diagnostic run.
        """
        asked = self.question(bug, scenario=scenario, fix=fix, target=target, parameters=parameters)
        budget = race_budget(jobs) if asked.bug.race else Budget.of_machine(slots=jobs or 1)
        if memray:
            evidence = self.trials.diagnosed(asked)[: trials or 1]
            evidence += [self.runner.trial(asked, memray=True) for _ in range((trials or 1) - len(evidence))]
            run = Run(tuple(evidence), asked.command(trials=trials, memray=True), asked.bug.race)
        else:
            with progress(self.trials.missing(asked, trials), bug, quiet=self.quiet) as step:
                run = self.trials.run(asked, trials, budget, step)
        shown = ShownRun.of(run, asked.bug.columns)
        if show and "ipykernel" in sys.modules:
            from IPython.display import display

            display(shown)
        return shown

    def run_all(self, questions: Sequence[Question], *, jobs: int | None = None) -> list[ShownRun]:
        """Answers several questions side by side, as many at a time as the machine has CPUs and memory for."""
        asked = {str(place): one for place, one in enumerate(questions)}
        missing = sum(self.trials.missing(one, None) for one in questions)
        with progress(missing, "trials", quiet=self.quiet) as step:
            runs = self.trials.run_all(asked, None, Budget.of_machine(slots=jobs), step)
        return [ShownRun.of(runs[place], one.bug.columns) for place, one in asked.items()]

    def count(
        self, questions: Mapping[str, Question], *, trials: int | None = None, jobs: int | None = None
    ) -> ShownCounts:
        """Counts how often a race shows in each of several questions, interleaved; by default until each is settled."""
        missing = sum(self.trials.missing(asked, trials) for asked in questions.values())
        with progress(missing, "trials", quiet=self.quiet) as step:
            where = next((asked.bug.where for asked in questions.values()), None)
            return ShownCounts(count(self.trials, questions, trials, jobs=jobs, on_step=step), where)

    def try_fixes(
        self,
        bug: str,
        fixes: Sequence[str] = (),
        *,
        scenario: str | None = None,
        target: str | None = None,
        parameters: Given = (),
        trials: int | None = None,
        jobs: int | None = None,
    ) -> ShownCounts:
        """Each of ``fixes`` (all by default) beside ``none``, by whether the bug still shows: of any bug or script."""
        own = [fix.name for fix in bugs.load(bug).fixes]
        names = dict.fromkeys([NO_FIX.name, *(fixes or own)])
        asked = [
            self.question(bug, scenario=scenario, fix=name, target=target, parameters=parameters) for name in names
        ]
        return self.count({one.fix.name: one for one in asked}, trials=trials, jobs=jobs)

    def compare(
        self,
        bug: str,
        *,
        fixes: Sequence[str] = (),
        scenario: str | None = None,
        target: str | None = None,
        newest: str | None = None,
        size: str | int | None = None,
        scale: bool = False,
        parameters: Given | None = None,
        repetitions: int = compare.ROUNDS_ENOUGH,
        cases: int | None = None,
        jobs: int = 1,
        resume: bool = False,
    ) -> ShownComparison:
        """Compares fixes (all by default) with upstream's newest release: correctness first, then interleaved trials.

        ``size`` is that of the shard, ``scale`` takes the inputs of the report. ``cases`` is how many the correctness
        gate runs, ``jobs`` at a time; timed trials run one at a time.
        """
        entered = candidates(
            bug,
            fixes=fixes,
            scenario=scenario,
            target=target or self.target,
            newest=newest,
            size=size,
            scale=scale,
            memory=self.memory,
            timeout=self.timeout,
            parameters=parameters,
        )
        with progress(compare.steps(entered, repetitions), "compare", quiet=self.quiet) as step:
            found = compare.compare(
                self.runner, entered, repetitions, cases=cases, jobs=jobs, resume=resume, on_step=step
            )
        return ShownComparison(found, bugs.load(bug).columns)

    def survive(
        self,
        bug: str,
        *,
        sizes: Sequence[str | int],
        fixes: Sequence[str] = (),
        scenario: str | None = None,
        target: str | None = None,
        newest: str | None = None,
        parameters: Given | None = None,
        most: str | int = "8GiB",
        resolution: float = RESOLUTION,
        jobs: int = 1,
        resume: bool = False,
    ) -> ShownSurvival:
        """The smallest memory cap under which each fix survives, for each size of the shard, and the slope of both.

        No cap above ``most`` is tried; the answer is exact to ``resolution`` (a share).
        """
        enter = partial(
            candidates,
            bug,
            fixes=fixes,
            scenario=scenario,
            target=target or self.target,
            newest=newest,
            timeout=self.timeout,
            parameters=parameters,
        )
        entered = [(parse_size(size), one) for size in sizes for one in enter(size=size)]
        with progress(len(entered), "survive", quiet=self.quiet) as step:
            found = survive.survive(
                self.runner,
                entered,
                ceiling=parse_size(most),
                resolution=resolution,
                jobs=jobs,
                resume=resume,
                on_step=step,
            )
        return ShownSurvival(found)

    def which_fix(self, bug: str) -> ShownConclusion:
        """What the newest comparison and study of survival say, in sentences."""
        kept, plan = known_of(self.store, bug).evidence, bugs.load(bug).comparison
        return ShownConclusion(sentences(compare.collect(kept, plan), survive.collect(kept, plan)))

    def conclusions(self, bug: str | None = None) -> ShownConclusion:
        """What all evidence kept so far says of a bug, in sentences; without a name, of the last ``%%repro``."""
        name = bug or self.scripts.last_cell()
        return ShownConclusion(summary_sentences(known_of(self.store, name)) if name else ())

    def table(self, *runs: Run, title: str = "", grid: Sequence[str] = ()) -> Table:
        """Several runs side by side; with titles of own columns as a ``grid`` of scenarios."""
        return runs_table(runs, title, grid)

    def bars(self, *runs: Run, columns: Sequence[str]) -> Picture:
        """Ratios of several runs as bars: those of the bug's own columns with these titles."""
        return ratios_picture(runs, columns)

    def timeline(self, *runs: Run) -> Picture:
        """Memory over time of several runs in one picture."""
        return Picture(timeline([run.worst for run in runs]), runs_table(runs).to_text())

    def allocators(self, run: Run) -> Table:
        """What a diagnostic run (``memray=True``) found alive at its peak."""
        return allocators_table(run)

    def fixes(self, bug: str, kind: str | None = None) -> list[str]:
        """Names of the fixes that can be tried, all or of one kind (``workaround``, ``patch``)."""
        return [f.name for f in bugs.load(bug).fixes if kind in (None, f.kind.value) and f.name != NO_FIX.name]

    def describe(self, bug: str, *, scenario: str | None = None, parameters: Given = ()) -> Table:
        """Makes (or finds) the inputs of a scenario and says what they are."""
        return inputs_table(self.runner.inputs(self.question(bug, scenario=scenario, parameters=parameters)))

    def last_words(self, run: Run) -> Words:
        """What the process wrote last, redacted."""
        outcome = run.worst.outcome
        return Words((outcome.stderr_tail or outcome.stdout_tail).strip() or "(it wrote nothing)")

    def claims(self, bug: str) -> Table:
        """What the reports say of the bug, judged from the evidence kept so far."""
        return claims_table(judge_claims(bugs.load(bug).claims, known_of(self.store, bug).chosen.usable))

    def evidence(self, bug: str | None = None) -> list[Evidence]:
        """Evidence kept so far, oldest first."""
        return self.store.query(bug=bug)
