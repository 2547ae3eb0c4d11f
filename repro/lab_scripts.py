"""What a lab does with a failing script before and beside asking questions of it: looks at it, and makes it smaller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from repro import bugs
from repro.bugs import script
from repro.bugs.declaration import NO_FIX
from repro.errors import UserError
from repro.rates import CLEAN_TRIALS
from repro.render.shrink import ShownShrink
from repro.run.cache import TrialCache
from repro.run.question import Question
from repro.run.record import TRIES, needs_record, record_failure
from repro.run.runner import Runner
from repro.studies.shrink import shrink
from repro.studies.shrink.judge import Say
from repro.units import parse_duration

NO_HEALTHY = "none"


class ScriptLab:
    """The studies of a script, with the settings of the lab they belong to."""

    def __init__(self, trials: TrialCache, runner: Runner, ask: Callable[..., Question]) -> None:
        self._trials, self._runner, self._ask = trials, runner, ask

    def look_at(
        self,
        bug: str,
        *,
        target: str | None = None,
        wrong_if: str | None = None,
        trials: int | None = None,
        say: Say = len,
    ) -> None:
        """Of a script: says what it needs and, where nobody saw it fail yet, runs it until it does and keeps how.

        It gives up after three runs, or after ``trials`` if those are more.
        """
        if not script.is_script(bug):
            return
        known = script.load(bug) if wrong_if is None else script.with_pattern(script.load(bug), wrong_if)
        text = script.source_text(Path(bug).expanduser())  # as typed: the copy has our header
        needs = script.read_needs(text)
        say(f"{bug} needs {', '.join(needs.pins) or 'nothing but Python'} (from {needs.source})")
        if around := script.looks_around(text):
            say(f"note: it reads {', '.join(around)}; a copy of it runs in an empty folder, without any of yours")
        if needs_record(known):
            alone = Runner(self._runner.cache, self._runner.store, self._runner.stop)
            tries = max(TRIES, trials or 0)
            if record_failure(alone, self._ask(bug, target=target), say, tries) is None:
                more = (
                    ""
                    if tries >= CLEAN_TRIALS
                    else f", or more often if it fails in some runs only: --trials {CLEAN_TRIALS}"
                )
                say(f"{bug} did not fail in {tries} runs: run it where it does{more}")

    def last_cell(self) -> str:
        """The file that holds the code of the cell which ``%%repro`` ran last; empty if there is none."""
        kept = (self._runner.cache / "scripts" / "cells").glob("*.py")
        return str(max(kept, key=lambda path: path.stat().st_mtime_ns, default=""))

    def shrink(
        self,
        bug: str,
        *,
        target: str | None = None,
        healthy: str | None = None,
        wrong_if: str | None = None,
        most: str | float = "5min",
        jobs: int | None = None,
        output: Path | None = None,
        fresh: bool = False,
        say: Say = len,
    ) -> ShownShrink:
        """Writes a smaller script that fails in the same way to ``output`` (``crash.min.py``), and runs that once more.

        ``healthy`` is an environment where the script passes: by default the newest one in which it was seen to pass,
        ``"none"`` for none. See ``studies.shrink``.
        """
        if not script.is_script(bug):
            raise UserError(f"{bug} is no script: shrinking takes a .py file that fails, as ./crash.py")
        within = parse_duration(most)
        path = output or Path(bug).expanduser().with_suffix(".min.py")
        self.look_at(bug, target=target, wrong_if=wrong_if, say=say)
        if needs_record(bugs.load(bug)):
            raise UserError(f"{bug} did not fail in {TRIES} runs: name with --target where it does")
        asked = self._ask(bug, target=target)
        self._trials.run(asked, None)  # kept: what is left of the script is to be compared with a run of the whole
        passing = healthy or self._seen_healthy(asked)
        unchecked = passing == NO_HEALTHY
        if passing is not None and not unchecked:
            say(f"what is left must pass in {passing}, as the whole script does")
        shrunk = shrink(
            self._runner,
            asked,
            healthy=None if passing is None or unchecked else self._ask(bug, target=passing),
            unchecked=unchecked,
            most_s=within,
            jobs=jobs,
            fresh=fresh,
            say=say,
        )
        path.write_text(shrunk.text, encoding="utf-8")
        script.record(script.load(str(path)), script.read_record(asked.bug.folder))
        again = self._trials.run(self._ask(str(path), target=asked.target), None)
        whole = (asked.bug.folder / "minimal.py").read_text("utf-8")
        return ShownShrink(str(path), whole, shrunk, again)

    def _seen_healthy(self, asked: Question) -> str | None:
        """The newest environment of one package's other release in which the script passed."""
        for one in reversed(self._runner.store.query(bug=asked.bug.slug)):
            spec = str(one.target.get("spec", ""))
            if one.fix == NO_FIX.name and one.verdict.symptom.healthy and not one.verdict.is_bug and spec:
                return spec if not asked.bug.race else None
        return None
