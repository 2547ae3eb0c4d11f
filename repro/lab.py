"""The facade that notebooks and the command line use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro import bugs, places
from repro.evidence.store import Evidence, Store
from repro.model import Scalar
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
from repro.studies import ask
from repro.studies.claims import judge_claims
from repro.studies.result import Run
from repro.studies.runner import Runner


class Lab:
    """A place to run trials with common settings.

    >>> lab = Lab(target="datasets==5.1.0 pyarrow==24.0.0", memory="2GiB", timeout="120s")
    >>> run = lab.run("embed-sliced-list", scenario="shard-first")

    Args:
        target: environment spec; ``None`` for the bug's own default.
        memory: cap such as ``"2GiB"``; ``None`` for the bug's own default, ``"none"`` for no cap.
        timeout: wall time such as ``"120s"``.
        reports: folder for the evidence; the checkout's ``reports/`` by default.
        cache: folder for inputs and environments.

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
    ) -> None:
        self.target, self.memory, self.timeout = target, memory, timeout
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
            target=target or self.target,
            memory=memory if memory is not None else self.memory,
            timeout=timeout if timeout is not None else self.timeout,
            parameters=parameters,
        )
        count = trials if trials is not None else question.bug.default_trials
        evidence = self.runner.trials(question, count, memray=memray, jobs=jobs, seen=seen)
        run = ShownRun(tuple(evidence), ask.reproduce_command(question, memray=memray, trials=trials))
        if show:
            _show(run)
        return run

    def table(self, *runs: Run, title: str = "") -> Table:
        """Several runs side by side."""
        return runs_table(runs, title)

    def timeline(self, *runs: Run) -> Picture:
        """Memory over time of several runs in one picture."""
        return Picture(memory_chart([run.worst for run in runs]), runs_table(runs).to_text())

    def allocators(self, run: Run) -> Table:
        """What a diagnostic run (``memray=True``) found alive at its peak."""
        return allocators_table(run)

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
