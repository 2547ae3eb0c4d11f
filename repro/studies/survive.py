"""Finds the smallest memory cap under which a fix survives, for each of several shard sizes, and the slope of both."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from repro.bugs.declaration import ComparisonPlan
from repro.decide.caps import MIB, RESOLUTION, CapSearch
from repro.errors import UserError
from repro.evidence.labels import label_of, of_study, open_study, study_key
from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.run.cache import Step, Trials, no_step
from repro.run.pool import Budget, Job, in_order
from repro.run.question import MIN_CAP_BYTES
from repro.studies import measured
from repro.studies.candidates import Candidate

KIND = "survive"
SIZES_ENOUGH, EXACT_ENOUGH = 3, 0.05
"""A slope takes three sizes at steps of 5 %: from two sizes at 15 %, a true 1.00 came out between 0.64 and 1.51."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one candidate needs for shards of one size; all in bytes.

    Attributes:
        payload: the files of the shard.
        cap: the smallest cap that was survived; ``None`` if none was.
        failed: the largest cap that was not; ``None`` if all were.
        ending: how the trial under ``failed`` ended.
        backend: what enforced the caps.
        evidence: the trials, oldest first.
    """

    candidate: str
    payload: int
    cap: int | None
    failed: int | None
    ending: str
    backend: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """Memory against payload: ``slope`` bytes for each byte of payload, over ``intercept`` bytes (least squares)."""

    slope: float
    intercept: float
    points: int


@dataclass(frozen=True, slots=True)
class Survival:
    """The points of all candidates, by candidate and then by size."""

    points: tuple[Point, ...]

    @property
    def candidates(self) -> list[str]:
        return list(dict.fromkeys(point.candidate for point in self.points))

    def of(self, candidate: str) -> list[Point]:
        return [point for point in self.points if point.candidate == candidate]

    def line(self, candidate: str) -> Line | None:
        """``None`` with fewer than three sizes that were survived, or caps that are not exact enough."""
        known = [(point.payload, point.cap) for point in self.of(candidate) if point.cap is not None]
        wide = any(p.cap and p.failed and p.cap > p.failed * (1 + EXACT_ENOUGH) + MIB for p in self.of(candidate))
        if len({size for size, _ in known}) < SIZES_ENOUGH or wide:
            return None
        slope, intercept = statistics.linear_regression([size for size, _ in known], [cap for _, cap in known])
        return Line(slope, intercept, len(known))


def survived(evidence: Evidence) -> bool:
    """Whether the work was done under the cap; reading too much is another matter, embedding wrongly is no work."""
    return evidence.verdict.symptom in (Symptom.OK, Symptom.EXCESS_READ)


def collect(evidence: Iterable[Evidence], plan: ComparisonPlan | None) -> Survival | None:
    """The newest study of survival that was kept; ``None`` if there is none, or the bug has no plan. Pure."""
    if plan is None:
        return None
    groups: dict[tuple[int, int], list[Evidence]] = {}
    for one in of_study(evidence, KIND):
        mark = label_of(one)
        groups.setdefault((mark["place"], mark["size"]), []).append(one)
    return Survival(tuple(_point(groups[key], plan) for key in sorted(groups))) if groups else None


def _point(trials: Sequence[Evidence], plan: ComparisonPlan) -> Point:
    caps = [(e.limits.memory_bytes or 0, e) for e in trials]
    failed = max((cap for cap, e in caps if not survived(e)), default=None)
    held = [cap for cap, e in caps if survived(e) and cap > (failed or 0)]
    endings = [e.verdict.symptom.value for cap, e in caps if cap == failed and not survived(e)]
    sizes = (measured.payload(e.outcome, plan.measured) for e in trials)
    size = next((size for size in sizes if size), int(label_of(trials[0])["size"]))
    return Point(
        label_of(trials[0])["candidate"],
        size,
        min(held, default=None),
        failed,
        endings[0] if endings else "",
        trials[-1].outcome.cap_backend,
        tuple(trials),
    )


def survive(
    runner: Trials,
    entered: Sequence[tuple[int, Candidate]],
    *,
    ceiling: int,
    resolution: float = RESOLUTION,
    jobs: int = 1,
    resume: bool = False,
    on_step: Step = no_step,
) -> Survival:
    """Search the smallest cap for each pair of shard size and candidate, ``jobs`` searches at a time.

    The first trial of a search runs under ``ceiling`` bytes and tells where to begin. ``on_step`` is called after each
    search. With ``resume`` the trials of an interrupted study of the same plan are kept.

    Raises:
        UserError: a ceiling or resolution that makes no sense, or what the runner refuses.
    """
    if not entered:
        raise UserError("nothing to try: name at least one fix and one size")
    CapSearch(ceiling, MIN_CAP_BYTES, ceiling, resolution)  # refuse bad bounds before anything is run
    names = (f"{size} {one.name} {runner.key(one.question)}" for size, one in entered)
    key = study_key(*names, str(ceiling), str(resolution))
    kept_so_far = runner.store.query(bug=entered[0][1].question.bug.slug) if resume else ()
    identity, known = open_study(kept_so_far, KIND, key, resume)
    done = {(label_of(e)["candidate"], label_of(e)["size"], e.limits.memory_bytes): e for e in known}
    plan = entered[0][1].plan
    places = list(dict.fromkeys(candidate.name for _, candidate in entered))

    def trial(size: int, candidate: Candidate, cap: int) -> Evidence:
        if (candidate.name, size, cap) in done:
            return done[candidate.name, size, cap]
        limits = replace(candidate.question.limits, memory_bytes=cap)
        place = places.index(candidate.name)
        mark = {"kind": KIND, "id": identity, "key": key, "candidate": candidate.name, "place": place, "size": size}
        kept = runner.trial(replace(candidate.question, limits=limits), label=mark)
        done[candidate.name, size, cap] = kept
        return kept

    def search(pair: tuple[int, Candidate]) -> list[Evidence]:
        size, candidate = pair
        first = trial(size, candidate, ceiling)
        trials = [first]
        if survived(first):
            # What the kernel counted is nearer to what a cap sees than RSS, which holds shared libraries too.
            start = first.outcome.peak_kernel_bytes or first.outcome.peak_rss_bytes
            caps = CapSearch(start, MIN_CAP_BYTES, ceiling, resolution)
            cap = caps.select()
            while cap is not None:
                try:
                    trials.append(trial(size, candidate, cap))
                    caps.record(cap, survived(trials[-1]))
                except UserError:
                    if cap >= (first.outcome.measures.get(plan.measured.baseline) or ceiling):
                        raise
                    caps.record(cap, False)  # the runner says so: it could not even import under this cap
                cap = caps.select()
        on_step()
        return trials

    work = [Job(partial(search, pair)) for pair in entered]
    found = [e for trials in in_order(work, Budget.of_machine(slots=jobs), runner.stop) for e in trials]
    return collect(found, plan) or Survival(())
