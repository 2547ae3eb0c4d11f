"""Finds the smallest memory cap under which a fix survives, for each of several shard sizes, and the slope of both."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from repro.errors import UserError
from repro.evidence.labels import label, label_of, of_study, open_study, study_key
from repro.evidence.store import Evidence
from repro.model import Symptom
from repro.studies.compare import Trials
from repro.studies.contenders import Contender
from repro.studies.measured import payload
from repro.studies.runner import MIN_CAP_BYTES

KIND = "survive"
MIB = 1 << 20
RESOLUTION = 0.05
STEP = 1.3
"""Factor between caps until one survives and one does not; from there on the interval is halved on a log scale."""


class CapSearch:
    """``select()`` a cap in bytes, try it, ``record()`` whether it was survived, until ``None``. No I/O.

    Begins at ``start``, never leaves ``floor`` to ``ceiling``, and ends when the smallest cap survived is at most
    ``resolution`` above the largest that was not. Caps are whole MiB. A larger cap is taken to be survived too.
    """

    def __init__(self, start: int, floor: int, ceiling: int, resolution: float = RESOLUTION) -> None:
        if not 0 < resolution <= 1:
            raise UserError(f"a resolution of {resolution:g} makes no sense: type a share such as 0.05")
        if not 0 < floor <= ceiling:
            raise UserError(f"no cap lies between {floor} and {ceiling} bytes: give a larger --most")
        self._start, self._floor, self._ceiling, self._resolution = start, floor, ceiling, resolution
        self.survived: int | None = None
        self.failed: int | None = None

    def record(self, cap: int, survived: bool) -> None:
        """Note what happened under ``cap`` bytes; an answer that contradicts earlier ones changes nothing."""
        if survived and cap > (self.failed or 0):
            self.survived = min(cap, self.survived or cap)
        elif not survived and cap < (self.survived or math.inf):
            self.failed = max(cap, self.failed or cap)

    def select(self) -> int | None:
        """The next cap in bytes; ``None`` when the answer is known, or lies outside the bounds."""
        low, high = self.failed, self.survived
        if low is None and high is None:
            return self._whole(self._start)
        if high is None:
            return None if low == self._ceiling else self._whole((low or 0) * STEP)
        if low is None:
            return None if high == self._floor else self._whole(high / STEP)
        middle = self._whole(math.sqrt(low * high))
        return middle if high > low * (1 + self._resolution) and low < middle < high else None

    def _whole(self, cap: float) -> int:
        return min(self._ceiling, max(self._floor, round(cap / MIB) * MIB))


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
        """``None`` with fewer than two sizes that were survived."""
        known = [(point.payload, point.cap) for point in self.of(candidate) if point.cap is not None]
        if len({size for size, _ in known}) < 2:
            return None
        slope, intercept = statistics.linear_regression([size for size, _ in known], [cap for _, cap in known])
        return Line(slope, intercept, len(known))


def survived(evidence: Evidence) -> bool:
    """Whether the work was done under the cap; reading too much is another matter, embedding wrongly is no work."""
    return evidence.verdict.symptom in (Symptom.OK, Symptom.EXCESS_READ)


def collect(evidence: Iterable[Evidence]) -> Survival | None:
    """The newest study of survival that was kept; ``None`` if there is none. Pure."""
    groups: dict[tuple[int, int], list[Evidence]] = {}
    for one in of_study(evidence, KIND):
        mark = label_of(one)
        groups.setdefault((mark["place"], mark["size"]), []).append(one)
    return Survival(tuple(_point(groups[key]) for key in sorted(groups))) if groups else None


def _point(trials: Sequence[Evidence]) -> Point:
    caps = [(e.limits.memory_bytes or 0, e) for e in trials]
    failed = max((cap for cap, e in caps if not survived(e)), default=None)
    held = [cap for cap, e in caps if survived(e) and cap > (failed or 0)]
    endings = [e.verdict.symptom.value for cap, e in caps if cap == failed and not survived(e)]
    size = next((found for e in trials if (found := payload(e.outcome))), int(label_of(trials[0])["size"]))
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
    entered: Sequence[tuple[int, Contender]],
    *,
    ceiling: int,
    resolution: float = RESOLUTION,
    jobs: int = 1,
    resume: bool = False,
    seen: Callable[[], object] = int,
) -> Survival:
    """Search the smallest cap for each pair of shard size and contender, ``jobs`` searches at a time.

    The first trial of a search runs under ``ceiling`` bytes and tells where to begin. ``seen`` is called after each
    search. With ``resume`` the trials of an interrupted study of the same plan are kept.

    Raises:
        UserError: a ceiling or resolution that makes no sense, or what the runner refuses.
    """
    if not entered:
        raise UserError("nothing to try: name at least one fix and one size")
    CapSearch(ceiling, MIN_CAP_BYTES, ceiling, resolution)  # refuse bad bounds before anything is run
    key = study_key(*(f"{size} {one.identity}" for size, one in entered), str(ceiling), str(resolution))
    kept_so_far = runner.store.query(bug=entered[0][1].question.bug.slug) if resume else ()
    identity, known = open_study(kept_so_far, KIND, key, resume)
    done = {(label_of(e)["candidate"], label_of(e)["size"], e.limits.memory_bytes): e for e in known}
    places = list(dict.fromkeys(contender.name for _, contender in entered))

    def trial(size: int, contender: Contender, cap: int) -> Evidence:
        if (contender.name, size, cap) in done:
            return done[contender.name, size, cap]
        limits = replace(contender.question.limits, memory_bytes=cap)
        place = places.index(contender.name)
        mark = {"kind": KIND, "id": identity, "key": key, "candidate": contender.name, "place": place, "size": size}
        kept = label(runner.store, runner.trial(replace(contender.question, limits=limits)), mark)
        done[contender.name, size, cap] = kept
        return kept

    def search(pair: tuple[int, Contender]) -> list[Evidence]:
        size, contender = pair
        first = trial(size, contender, ceiling)
        trials = [first]
        if survived(first):
            # What the kernel counted is nearer to what a cap sees than RSS, which holds shared libraries too.
            start = first.outcome.peak_kernel_bytes or first.outcome.peak_rss_bytes
            caps = CapSearch(start, MIN_CAP_BYTES, ceiling, resolution)
            cap = caps.select()
            while cap is not None:
                try:
                    trials.append(trial(size, contender, cap))
                    caps.record(cap, survived(trials[-1]))
                except UserError:
                    if cap >= (first.outcome.measures.get("rss_before_embed_bytes") or ceiling):
                        raise
                    caps.record(cap, False)  # the runner says so: it could not even import under this cap
                cap = caps.select()
        seen()
        return trials

    with ThreadPoolExecutor(jobs) as pool:
        try:
            found = [e for trials in pool.map(search, entered) for e in trials]
        except BaseException:
            runner.stop.set()  # Ctrl-C reaches only the main thread: the others must be told
            pool.shutdown(cancel_futures=True)
            runner.stop.clear()
            raise
    return collect(found) or Survival(())
