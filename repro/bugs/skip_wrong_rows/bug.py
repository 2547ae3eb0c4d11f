"""Declares ``skip-wrong-rows``: skip(n) of a streamed dataset gives rows that it should have skipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent
LAST_FIVE = [3, 4, 5, 6, 7]


def _scenario(name: str, title: str, ids: list[int] | None, *, file: int = 1, skip: int = 3, **more: Any) -> Scenario:
    """Eight rows in files of ``file`` rows; ``ids`` of ``None``: any five, since which ones is a matter of chance."""
    expected: dict[str, Any] = {"count": 5} if ids is None else {"ids": ids}
    return Scenario(name, title, inputs={"rows_per_file": file, "skip": skip}, expected=expected, **more)


def _workaround(name: str, title: str) -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title)


def _came(outcome: Outcome) -> str:
    return " ".join(map(str, outcome.measures.get("ids", ())))


BUG = Bug(
    slug="skip-wrong-rows",
    title="IterableDataset.skip(n) gives rows that it should have skipped",
    summary=(
        "Of a streamed dataset, skip(n) gives other rows than those after the first n, without any error, as soon as n "
        "covers a whole Arrow table (a Parquet file or row group, a shard of to_iterable_dataset). With one row a file "
        "skip(1) skips nothing, and a larger n skips one row only."
    ),
    expected="skip(n) gives the rows after the first n, however they are cut into files.",
    cause=(
        "SkipExamplesIterable._iter_arrow counts a table that is skipped as a whole, and does not go on to the next: "
        "the same table runs into the branches below, which give a part of it, or all."
    ),
    cause_at=CodePlace(
        "datasets/iterable_dataset.py",
        after=r"^class SkipExamplesIterable",
        pattern=r"skipped \+ len\(pa_table\) <= self\.n",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/iterable_dataset.py#L{line}",
    ),
    links={"fix": "https://github.com/huggingface/datasets/pull/8236"},
    scenarios=(
        _scenario("one-row-files", "skip(3), files of one row", LAST_FIVE),
        _scenario("two-row-files", "skip(3), files of two rows", LAST_FIVE, file=2),
        _scenario("whole-table", "skip(4), files of four rows", [4, 5, 6, 7], file=4, skip=4),
        _scenario("skip-all", "skip(8) of eight rows in one file", [], file=8, skip=8),
        _scenario("skip-take", "skip(3).take(2)", [3, 4]),
        _scenario("skip-shuffle", "skip(3).shuffle()", LAST_FIVE),
        _scenario("shuffle-skip", "shuffle().skip(3)", None),
        _scenario("skip-arrow", "skip(3) in the Arrow format", LAST_FIVE),
        _scenario("skip-resume", "skip(3), stopped after two rows and resumed from its state", LAST_FIVE),
        _scenario("part-of-a-table", "skip(3) of eight rows in one file", LAST_FIVE, file=8, control=True),
        _scenario("map-skip", "map().skip(3): row by row, not in tables", LAST_FIVE, control=True),
        _scenario("take", "take(3), nothing skipped", [0, 1, 2], control=True),
        _scenario("resume", "stopped after three rows and resumed, nothing skipped", list(range(8)), control=True),
    ),
    fixes=(
        NO_FIX,
        _workaround("islice", "itertools.islice(dataset, n, None)"),
        _workaround("map-first", "dataset.map(lambda row: row).skip(n)"),
        Fix(
            "next-table",
            FixKind.PATCH,
            HERE / "patches" / "next_table.patch",
            "a table that is skipped as a whole is done with",
            "datasets PR #8236",
        ),
    ),
    workaround="map-first",
    columns=(Column("rows that came", _came),),
    folder=HERE,
    default_target="datasets==4.8.5",
    default_limits=Limits(timeout_s=120.0, grace_s=30.0),
)
