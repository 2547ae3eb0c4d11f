"""What the evidence of a bug supports as a whole: which releases have it, how often, what helps, what to show. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from packaging.version import Version

from repro.bugs.declaration import NO_FIX, Bug
from repro.decide.answers import Answer, Axis, Proof, Tried
from repro.decide.current import GATE, Chosen, choose, is_default, place, sortable, spec, version_of
from repro.decide.scripts import fits
from repro.evidence.record import Evidence
from repro.model import Status, Symptom

AXES = ("datasets", "pyarrow")
"""The packages whose releases are told apart."""
_MOST_PINS = 3


@dataclass(frozen=True)
class Facts:
    """A bug and the evidence of it that counts."""

    bug: Bug
    chosen: Chosen

    @classmethod
    def of(cls, bug: Bug, evidence: Sequence[Evidence], sources: Mapping[str, str] | None = None) -> Facts:
        """From all evidence of the bug, oldest first; ``sources`` as in ``current.choose``."""
        return cls(bug, choose(bug, evidence, sources))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return self.chosen.evidence

    @property
    def trials(self) -> tuple[Evidence, ...]:
        return self.chosen.trials

    @property
    def package(self) -> str:
        """The package whose releases differ: ``datasets`` if the bug needs it, else pyarrow, else the first."""
        needs = self.bug.needs
        return next((name for name in (*AXES, *needs) if name in needs), "python")

    def answers(self, scenario: str, fix: str = NO_FIX.name) -> list[Answer]:
        """One for each environment and set of parameters.

        What an attribution put together from two environments answers a question about their packages, not of releases.
        """
        groups: dict[tuple[str, ...], list[Evidence]] = {}
        for one in self.trials:
            if (one.scenario, one.fix) == (scenario, fix) and not assembled(self.bug, one):
                groups.setdefault(place(one), []).append(one)
        return [self._answer(trials) for trials in groups.values()]

    def _answer(self, trials: Sequence[Evidence]) -> Answer:
        version = version_of(trials[-1], self.package) or ""
        exists = [one for one in trials if one.verdict.symptom is not Symptom.UNSOLVABLE]
        reason = "" if exists else trials[-1].verdict.reason
        return Answer(version, tuple(exists), self.bug.race, self._broken(trials[-1]), reason)

    def _broken(self, shown: Evidence) -> Evidence | None:
        needs = {s.name: set(s.needs) for s in self.bug.scenarios}
        able = needs.get(shown.scenario, set())
        names = {s.name for s in self.bug.scenarios if s.control and set(s.needs) <= able} - {shown.scenario}
        for one in self.trials:
            failed = one.verdict.informative and not one.verdict.symptom.healthy
            if failed and one.scenario in names and one.fix == NO_FIX.name and place(one) == place(shown):
                return one
        return None

    @cached_property
    def releases(self) -> list[Answer]:
        """The default scenario without a fix in each release, oldest first; at the scale of the report if there is one.

        Of several environments with one release, the one in which the bug shows.
        """
        return self._by_release(self.answers(self.bug.default_scenario))

    def _by_release(self, answers: Iterable[Answer]) -> list[Answer]:
        found: dict[str, list[Answer]] = {}
        for answer in answers:
            if answer.version:
                found.setdefault(answer.version, []).append(answer)
        best = [max(group, key=self._telling) for group in found.values()]
        return sorted(best, key=lambda answer: sortable(answer.version))

    @cached_property
    def axes(self) -> list[Axis]:
        """The releases of each package that was tried: first the one the bug is in, then the other.

        The other's only beside an affected release of the first: elsewhere it cannot show. A package that the default
        scenario does without is tried in the scenario that was run with the most releases of it. For a bug of a third
        package neither counts.
        """
        first = Axis(self.package, self.bug.default_scenario, tuple(self.releases), self._newest_of(self.package))
        affected = {answer.version for answer in self.with_status(Status.PRESENT)}
        found = [first]
        for package in (name for name in AXES if name != self.package and self.package in AXES):
            tried = []
            for name in (s.name for s in self.bug.scenarios if not s.control):
                beside = [a for a in self.answers(name) if a.trials and a.version in affected]
                own = (replace(a, version=version_of(a.trials[-1], package) or "") for a in beside)
                tried.append(Axis(package, name, tuple(self._by_release(own)), self._newest_of(package)))
            tried.sort(key=lambda axis: (axis.scenario != self.bug.default_scenario, -len(axis.releases)))
            found += [axis for axis in tried if axis.releases][:1]
        return found

    def _telling(self, answer: Answer) -> tuple[bool, bool, bool, str]:
        last = answer.trials[-1] if answer.trials else None
        default = last is not None and is_default(self.bug, last)
        return last is not None, default, answer.status is Status.PRESENT, last.id if last else ""

    def _newest_of(self, package: str) -> str:
        held = (version_of(e, package) for e in self.trials if e.verdict.informative and not assembled(self.bug, e))
        return max((version for version in held if version), key=sortable, default="")

    def with_status(self, status: Status) -> list[Answer]:
        return [answer for answer in self.releases if answer.status is status]

    @cached_property
    def failure(self) -> Evidence | None:
        """The trial to tell about: the bug in the newest affected release, at the scale of the report if possible."""
        shown = [
            (is_default(self.bug, one), scenario == self.bug.default_scenario, sortable(answer.version), one.id, one)
            for scenario in (s.name for s in self.bug.scenarios)
            for answer in self.answers(scenario)
            for one in answer.trials
            if answer.status is Status.PRESENT and one.verdict.is_bug
        ]
        return max(shown, key=lambda found: found[:-1])[-1] if shown else None

    def situation(self, scenario: str) -> Answer | None:
        """A scenario without a fix in the newest release in which it fails, else in the newest."""
        told = [answer for answer in self.answers(scenario) if answer.rate.n or answer.rate.other]
        return max(told, key=self._newest, default=None)

    def _newest(self, answer: Answer) -> tuple[bool, bool, Version, str]:
        last = answer.trials[-1]
        return is_default(self.bug, last), answer.status is Status.PRESENT, sortable(answer.version), last.id

    def tried(self, scenario: str, fix: str) -> Tried | None:
        """What a fix did in the newest affected environment in which it was tried; else in the newest one."""
        shown = {place(a.trials[0]) for a in self.answers(scenario) if a.status is Status.PRESENT}
        wrong = self.wrong(fix, shown)
        found = [Tried(a, place(a.trials[0]) in shown, wrong) for a in self.answers(scenario, fix) if a.trials]

        def rank(one: Tried) -> tuple[bool, Version, bool, str]:
            last = one.answer.trials[-1]
            return one.affected, sortable(one.answer.version), is_default(self.bug, last), last.id

        return max(found, key=rank, default=None)

    def wrong(self, fix: str, shown: Collection[tuple[str, str, str]] = ()) -> str:
        """What a fix gave wrong output for, in its correctness gate or where the bug shows without it."""
        wrong = (e for e in self.evidence if e.fix == fix != NO_FIX.name and e.verdict.symptom is Symptom.WRONG_OUTPUT)
        seen = [e.verdict.reason for e in wrong if e.scenario == GATE or place(e) in shown]
        return seen[-1] if seen else ""

    def proof(self, words: Callable[[Evidence], str]) -> Proof:
        """What the bug's workaround may be called in the newest affected release; ``words`` name a target.

        Safe takes its rate there, its correctness gate, and that no trial anywhere gave wrong output.
        """
        fix = self.bug.workaround
        wrong = [e for e in self.evidence if e.fix == fix and e.verdict.symptom is Symptom.WRONG_OUTPUT]
        if wrong:
            return Proof("Workaround that gives wrong output", f"{wrong[-1].verdict.reason}: {words(wrong[-1])}.")
        found = self.tried(self.bug.default_scenario, fix)
        last = next(reversed(self.with_status(Status.PRESENT)), None)
        if found is None or last is None or not found.affected or found.answer.version != last.version:
            where = f" in {self.package} {last.version}, the newest affected release" if last else ""
            return Proof("Workaround", f"It was not measured{where}.")
        rate, race, status = found.answer.rate, self.bug.race, found.answer.status
        words_of = rate.words(race=race)
        proof = f"{words_of[0].upper()}{words_of[1:]}, with {words(found.answer.trials[-1])}."
        if status is Status.PRESENT:
            return Proof(f"Workaround that does not {'always ' * (rate.k < rate.n)}help", proof)
        if status is Status.DIFFERENT_FAILURE:
            return Proof("Workaround that fails in another way", proof)
        if status is not Status.ABSENT:
            more = f" Calling it safe takes {rate.still_needed} more trials without a failure." if race else ""
            return Proof("Workaround", proof + more)
        if self.bug.comparison is None or self.bug.comparison.gate is None:
            return Proof("Safe workaround", proof)
        gates = [e for e in self.evidence if (e.scenario, e.fix) == (GATE, fix)]
        gate = next((e for e in reversed(gates) if version_of(e, self.package) == last.version), None)
        if gate is None or not passed(gate):
            why = (
                f"its correctness gate did not pass: {gate.verdict.reason}"
                if gate
                else "its correctness gate was not run"
            )
            return Proof("Workaround", f"{proof} It is not called safe: {why}.")
        return Proof("Safe workaround", f"{proof} Correctness: {gate.verdict.reason}.")

    @property
    def unfixed(self) -> list[Evidence]:
        """The trials without a fix."""
        return [one for one in self.trials if one.fix == NO_FIX.name]

    def minimal(self, script: str, package: str) -> Evidence | None:
        """The newest run, in the newest release, of a script of the issue that failed as the bug does."""
        runs = [e for e in self.evidence if e.scenario == script.removesuffix(".py") and fits(e, self.unfixed)]
        return max(runs, key=lambda one: (sortable(version_of(one, package) or "0"), one.id), default=None)

    @cached_property
    def unsolvable(self) -> list[Evidence]:
        """The environments that cannot exist, each once, without those that an attribution put together."""
        none = [e for e in self.trials if e.verdict.symptom is Symptom.UNSOLVABLE and not assembled(self.bug, e)]
        return list({spec(one): one for one in none}.values())


def assembled(bug: Bug, one: Evidence) -> bool:
    """Whether the environment was put together by an attribution: it pins many packages that the bug never named."""
    known = {"python", *AXES, *bug.all_needs}
    own = {re.split(r"[^\w.-]", pin)[0] for pin in bug.pins}
    pinned = {word.partition("==")[0] for word in spec(one).split() if "==" in word}
    return len(pinned - known - own) > _MOST_PINS


def passed(gate: Evidence) -> bool:
    """Whether the gate finished and found no wrong output; errors for sound input are reported, but do not rule out."""
    return gate.outcome.done and gate.verdict.symptom in (Symptom.OK, Symptom.ERROR)
