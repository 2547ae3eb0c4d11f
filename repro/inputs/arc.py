"""The plan of an ARC-like cohort: which session has which files, and how large each one is. Pure, from a seed.

The figures are the reporter's (``tables/``), and they do not agree with each other:

* count x typical size sums to 286.0 GB and the stated totals of the parts to 286.1 GB, yet the total reads ~273 GB.
  (In GiB it fits no better: 286 GB are 266 GiB, 273 GiB are 293 GB.)
* a session is said to end at 804.8 MB; the same reporter's first analysis speaks of ~1-1.5 GB for one row.

What wins here: the counts (they do sum to 5,164), the total of 273 GB (of 10^9 bytes) and the range of the
sessions, 1.7 to 804.8 MB. What gives way is the typical size, which has one digit: one common factor of about
0.95 brings the sum to the total, and 9.5, 143, 28.6, 4.8 and 0.95 MB are still "~10, ~150, ~30, ~5, ~1". How
sizes spread within the range, and which scans go together, no source says: a log-normal with sigma 0.25 for
each session and modality is chosen here.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from repro.errors import UserError
from repro.inputs.nifti import ITEMSIZE, file_size

MB = 1_000_000
MAX_SESSIONS = 100_000
SIGMA = 0.25
HEADROOM = 0.95  # other sessions stay below this share of the largest, so that rounding cannot make a new largest one


@dataclass(frozen=True, slots=True)
class Volume:
    """A scan's voxel type and all extents but the last; slices or time points fill up to the wanted size."""

    dtype: str
    grid: tuple[int, ...]
    most: int = 1  # files of this kind in one session

    @property
    def step(self) -> int:
        """Bytes of one slice (3-D) or of one volume (4-D)."""
        return math.prod(self.grid) * ITEMSIZE[self.dtype]

    def shape(self, wanted_bytes: float) -> tuple[int, ...]:
        """The shape whose file is nearest to ``wanted_bytes``; a 4-D scan keeps two volumes at least."""
        return *self.grid, max(len(self.grid) - 1, round(wanted_bytes / self.step))


VOLUMES = {
    "t1w": Volume("int16", (160, 192)),
    "t2w": Volume("int16", (256, 256)),
    "flair": Volume("int16", (256, 256)),
    "bold": Volume("int16", (64, 64, 36), most=3),
    "dwi": Volume("int16", (112, 112, 50), most=8),
    "sbref": Volume("float32", (112, 112), most=8),
    "lesion": Volume("uint8", (91, 109)),
}


@dataclass(slots=True)
class Session:
    """One row to be: ``scans`` maps a column to the shapes of its files."""

    subject: int
    number: int
    scans: dict[str, list[tuple[int, ...]]] = field(default_factory=dict)

    def bytes(self) -> int:
        return sum(file_size(s, VOLUMES[column].dtype) for column, shapes in self.scans.items() for s in shapes)


def table(name: str) -> list[dict[str, str]]:
    """The rows of ``tables/<name>.csv``."""
    text = (files("repro.inputs") / "tables" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def totals() -> dict[str, float]:
    """Quantity -> value, from ``arc-totals.csv``."""
    return {row["quantity"]: float(row["value"]) for row in table("arc-totals")}


def check(sessions: int) -> None:
    """Raise UserError below 3 sessions (two cannot be largest and smallest and keep the mean), and for too many."""
    if sessions > MAX_SESSIONS:
        raise UserError(f"a cohort of {sessions} sessions is too large: give sessions={MAX_SESSIONS} or less")
    if sessions < 3:
        raise UserError(f"a cohort of {sessions} sessions is too small: give sessions=3 or more (the report has 902)")


def plan(seed: int, sessions: int) -> list[Session]:
    """The cohort's sessions in the order of subjects; counts and total scale with ``sessions`` (3 or more).

    The largest and the smallest session are those of the report at every scale. Raises UserError like ``check``.
    """
    check(sessions)
    rng = random.Random(seed)
    share = sessions / totals()["sessions"]
    made = _visits(rng, sessions, max(1, round(totals()["subjects"] * share)))
    small, large, *others = rng.sample(range(sessions), sessions)
    runs = _runs(rng, large, others, share)
    runs[small] = {"flair": 1}
    wanted = _wanted_bytes(rng, runs, large, others, totals()["apparent"] * 1000 * MB * share)
    for index, columns in runs.items():
        # In the order of VOLUMES, so that a row's files never depend on how the draw went.
        for column in (c for c in VOLUMES if c in columns):
            made[index].scans[column] = [VOLUMES[column].shape(size) for size in wanted[index][column]]
    _settle(made[small], "flair", totals()["smallest_session"])
    _settle(made[large], "t1w", totals()["largest_session"])
    return made


def _visits(rng: random.Random, sessions: int, subjects: int) -> list[Session]:
    """Every subject comes once, the other visits fall on subjects at random."""
    visits = [*range(subjects), *rng.choices(range(subjects), k=sessions - subjects)]
    made, seen = [], [0] * subjects
    for subject in sorted(visits):
        seen[subject] += 1
        made.append(Session(subject + 1, seen[subject]))
    return made


def _runs(rng: random.Random, large: int, others: list[int], share: float) -> dict[int, dict[str, int]]:
    """Session -> column -> number of files. The smallest session (not in here) has taken one FLAIR."""
    count = {row["column"]: max(1, round(int(row["files"]) * share)) for row in table("arc-files")}
    holders = {c: max(1, round(totals()[f"{c}_sessions"] * share)) for c in ("bold", "dwi", "sbref")}
    runs: dict[int, dict[str, int]] = {index: {} for index in (large, *others)}

    def give(column: str, to: list[int], files_left: int, most: Iterable[int]) -> None:
        for index, number in zip(to, _spread(rng, files_left, list(most)), strict=True):
            runs[index][column] = number

    anatomy = [large, *rng.sample(others, len(others))]  # structural scans come together, at some visits only
    for column, number in (("t1w", count["t1w"]), ("t2w", count["t2w"]), ("flair", count["flair"] - 1)):
        give(column, anatomy[:number], number, [1] * number)
    give("lesion", anatomy[: count["lesion"]], count["lesion"], [1] * count["lesion"])

    functional = [large, *rng.sample(others, min(holders["bold"], len(runs)) - 1)]
    give("bold", functional, count["bold"], [VOLUMES["bold"].most] * len(functional))
    # No session is empty: whoever has no BOLD has DWI.
    without = [index for index in others if index not in set(functional)]
    rest = [index for index in others if index in set(functional)]
    diffusion = [large, *without, *rng.sample(rest, max(0, min(holders["dwi"] - 1 - len(without), len(rest))))]
    give("dwi", diffusion, count["dwi"], [VOLUMES["dwi"].most] * len(diffusion))
    # One single-band reference a DWI run at most, so they go where there are many runs.
    by_runs = sorted(diffusion, key=lambda index: -runs[index]["dwi"])[: holders["sbref"]]
    give("sbref", by_runs, count["sbref"], [runs[index]["dwi"] for index in by_runs])
    return runs


def _spread(rng: random.Random, items: int, most: list[int]) -> list[int]:
    """``items`` over places: one each, the first place (the largest session) full, the rest at random."""
    if not most:
        return []
    taken = [1] * len(most)
    taken[0] = min(most[0], items - len(most) + 1)
    room = [i for i in range(1, len(most)) for _ in range(most[i] - 1)]
    for i in rng.sample(room, items - sum(taken)):
        taken[i] += 1
    return taken


def _wanted_bytes(
    rng: random.Random, runs: dict[int, dict[str, int]], large: int, others: list[int], total: float
) -> dict[int, dict[str, list[float]]]:
    """Session -> column -> bytes of each file, before rounding to whole slices; sums to ``total``."""
    typical = {row["column"]: float(row["typical_mb"]) * MB for row in table("arc-files")}
    drawn = {
        index: {c: [typical[c] * rng.lognormvariate(-(SIGMA**2) / 2, SIGMA)] * n for c, n in columns.items()}
        for index, columns in runs.items()
    }
    weight = {index: sum(map(sum, columns.values())) for index, columns in drawn.items()}
    largest = totals()["largest_session"] * MB
    highest = HEADROOM * largest
    target = total - largest - totals()["smallest_session"] * MB
    low, high = 0.0, 64.0
    for _ in range(60):  # the sum grows with the factor, so halving finds it
        factor = (low + high) / 2
        reached = sum(min(factor * weight[index], highest) for index in others)
        low, high = (factor, high) if reached < target else (low, factor)
    scale = {index: min(high, highest / weight[index]) for index in others} | {large: largest / weight[large]}
    return {
        index: {column: [size * scale.get(index, 1.0) for size in sizes] for column, sizes in columns.items()}
        for index, columns in drawn.items()
    }


def _settle(session: Session, column: str, size_mb: float) -> None:
    """Give the one scan of ``column`` the slices that bring the session to ``size_mb`` (to half a slice)."""
    volume = VOLUMES[column]
    others = session.bytes() - file_size(session.scans[column][0], volume.dtype)
    session.scans[column] = [volume.shape(size_mb * MB - others)]
