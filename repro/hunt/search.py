"""Hunts: runs random programs until one is wrong, makes it small, and goes on with the next cause."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hypothesis import HealthCheck, Phase, errors, find, settings

from repro.hunt.corpus import cause
from repro.hunt.judge import Finding
from repro.hunt.plans import Plan, Run, neighbours, plans, run, smaller
from repro.hunt.session import Gone, Session
from repro.hunt.state import Step
from repro.model import Symptom

BATCH = 2_000
"""Programs of one Hypothesis run: then it begins anew, with another seed."""
SHRINK_S = 60.0


class TimeIsUp(Exception):
    """The hunt has lasted as long as it was to."""


@dataclass(frozen=True, slots=True)
class Found:
    """One cause: the smallest program that shows it, how it shows, and when it was first seen.

    ``beside`` is how many programs with one number changed by one show it too, of how many.
    """

    steps: tuple[Step, ...]
    finding: Finding
    seconds: float
    programs: int
    beside: tuple[int, int] = (0, 0)


@dataclass(slots=True)
class Hunt:
    """A hunt under way and what it has found."""

    session: Session
    seed: int = 0
    only: frozenset[str] = frozenset()
    say: Callable[[str], object] = len
    shrink_s: float = SHRINK_S
    programs: int = 0
    clean: int = 0
    steps: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    known: Counter[tuple[str, ...]] = field(default_factory=Counter)
    found: list[Found] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def go(self, seconds: float) -> None:
        """Hunts for so many seconds."""
        until, batch = time.monotonic() + seconds, 0
        try:
            while True:
                batch += 1
                self._batch(random.Random(f"{self.seed} {batch}"), until)
        except TimeIsUp:
            return

    def _batch(self, dice: random.Random, until: float) -> None:
        wanted: list[tuple[str, ...]] = []
        seen_at: list[tuple[float, int]] = []
        best: list[tuple[Plan, Run]] = []
        stop_at: list[float] = []

        def shows(plan: Plan) -> bool:
            now = time.monotonic()
            if not wanted and now > until:
                raise TimeIsUp
            if best and (plan == best[0][0] or now > stop_at[0]):
                return plan == best[0][0]
            done = self.once(plan)
            finding = done.finding
            if finding is None or finding.refusal:
                return False
            if wanted:
                if rough(finding) != wanted[0]:
                    return False
                best[:] = [(plan, done)]
                return True
            if rough(finding) in self.known:
                self.known[rough(finding)] += 1
                return False
            wanted.append(rough(finding))
            best[:] = [(plan, done)]
            seen_at.append((now - self.started, self.programs))
            stop_at.append(now + self.shrink_s / (1 if finding.silent else 5))
            self.say(f"{self.programs} programs: {finding.op}, {finding.sort} {finding.at}: making it small")
            return True

        chosen = settings(
            max_examples=BATCH,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        try:
            find(plans(), shows, settings=chosen, random=dice)
        except errors.NoSuchExample:
            pass
        except errors.Flaky:
            self.say("it did not show again")
        if wanted:
            while any(map(shows, smaller(best[0][0]))):
                continue
            self.known[wanted[0]] += 1
            small = self.once(best[0][0])  # whether it shows again
            if small.finding is not None and rough(small.finding) == wanted[0]:
                self._keep(Found(tuple(small.steps), small.finding, *seen_at[0]), best[0][0])

    def _keep(self, found: Found, plan: Plan) -> None:
        wanted = cause(found.steps, found.finding)
        same = next((one for one in self.found if cause(one.steps, one.finding) == wanted), None)
        if same is None:
            self.found.append(found)  # an interrupt from now on loses nothing
            costly = found.finding.sort in {"hang", "crash"}  # each would be waited for, or need a new worker
            others = {} if costly else dict.fromkeys(one for one in neighbours(plan) if one != plan)
            findings = [self.once(one).finding for one in others]
            shown = sum(one is not None and rough(one) == rough(found.finding) for one in findings)
            self.found[-1] = replace(found, beside=(shown, len(findings)))
            self.say(f"{found.finding.op}: {found.finding.sort} {found.finding.at} ({len(found.steps)} steps)")

    def once(self, plan: Plan) -> Run:
        """Runs one program; a worker that goes is what the program did to it."""
        self.programs += 1
        asked: list[Step] = []
        try:
            done = run(plan, self.session.ask, self.only, asked)
        except Gone as gone:
            how = gone.outcome.symptom if gone.outcome else Symptom.HANG
            detail = gone.outcome.stderr_tail[-500:] if gone.outcome else "no answer"
            last = asked[-1]
            return Run(asked, Finding(last.op, "", f"{'hang' if how is Symptom.HANG else 'crash'}", "", detail=detail))
        self.steps += len(done.steps)
        if done.finding is None:
            self.clean += 1
        elif done.finding.refusal:
            self.refused[f"{done.finding.op}: {done.finding.detail[:160]}"] += 1
        return done


def rough(finding: Finding) -> tuple[str, ...]:
    """What stays the same while a program is made small."""
    if finding.silent:
        return finding.op, "resume" * (finding.reader == "resume"), finding.sort
    return finding.sort, finding.at
