"""What trials of one question answer, by environment: releases, fixes, and what a workaround may be called. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from repro.evidence.record import Evidence
from repro.model import Status
from repro.rates import Rate


@dataclass(frozen=True, slots=True)
class Answer:
    """The trials of one question in one environment. None only if there is no such environment: ``reason`` says why.

    ``broken`` is a trial of a control that fails in the same environment: no failure there says anything of the bug.
    """

    version: str
    trials: tuple[Evidence, ...]
    race: bool
    broken: Evidence | None = None
    reason: str = ""

    @property
    def rate(self) -> Rate:
        return Rate.of(e.verdict for e in self.trials)

    @property
    def status(self) -> Status:
        failed = self.rate.k or self.rate.other
        return Status.UNTESTABLE if self.broken and failed else self.rate.status(race=self.race)

    @property
    def symptoms(self) -> str:
        counts = Counter(e.verdict.symptom.value for e in self.trials)
        many = len(self.trials) > 1
        return ", ".join(f"{name} {n}" if many else name for name, n in counts.most_common())

    @property
    def untestable(self) -> str:
        """Why nothing can be said here; empty where something can."""
        if self.status is not Status.UNTESTABLE:
            return ""
        if self.broken:
            return f"the control {self.broken.scenario} fails here too"
        return self.trials[-1].verdict.reason if self.trials else self.reason

    @property
    def why(self) -> str:
        """How it looked: the symptoms, or why nothing can be said."""
        return self.untestable or self.symptoms


@dataclass(frozen=True, slots=True)
class Tried:
    """What was seen with a fix; ``affected`` if the bug shows there without it: only then can it be said to help.

    ``wrong`` says what it embedded, kept or wrote wrongly, wherever that was seen; empty if nothing was.
    """

    answer: Answer
    affected: bool
    wrong: str = ""

    @property
    def words(self) -> str:
        """What may be said of the fix, by the rule of rates."""
        rate, race = self.answer.rate, self.answer.race
        if self.answer.status is Status.UNTESTABLE:
            return Rate(0, 0).words(race=race)
        if self.wrong:
            return f"not correct: {self.wrong}"
        return rate.fix_words(race=race) if self.affected else rate.words(race=race)


@dataclass(frozen=True, slots=True)
class Axis:
    """The answers to one situation in each release of a package, oldest first.

    ``newest`` is the newest release of the package that was tested at all, here or not.
    """

    package: str
    scenario: str
    releases: tuple[Answer, ...]
    newest: str = ""

    @property
    def runs(self) -> list[tuple[Answer, ...]]:
        """Neighbours among the releases that were tried, of which the same is known."""

        def known(one: Answer) -> tuple[Status, str]:
            return one.status, one.untestable

        return [tuple(members) for _, members in groupby(self.releases, key=known)]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a workaround may be called, and the measurements that this rests on, in a sentence or two."""

    title: str
    words: str
