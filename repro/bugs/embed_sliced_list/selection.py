"""Decides which rows of a dataset a scenario embeds, and how the probe gets at them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from repro.errors import UserError, unknown
from repro.inputs.manifest import Manifest, Row

SCENARIOS = (
    "full",
    "shard-first",
    "shard-middle",
    "shard-last",
    "empty-list-row",
    "select-contiguous",
    "select-indices",
    "plain-column",
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a dataset that is embedded.

    Attributes:
        take: how the probe gets them: ``"all"``, ``"shard"`` (``index`` of ``num_shards``), ``"range"``, ``"indices"``.
        rows: indices of the rows that come out, in order.
    """

    take: str
    rows: Sequence[int]
    num_shards: int = 1
    index: int = 0


def choose(scenario: str, manifest: Manifest, num_shards: int, rows_per_select: int) -> Selection:
    """The rows of ``scenario`` in ``manifest``; UserError if the dataset has none that fit."""
    count = len(manifest.rows)
    match scenario:
        case "full":
            return Selection("all", range(count))
        case "shard-first":
            return shard(count, num_shards, 0)
        case "shard-middle":
            return shard(count, num_shards, num_shards // 2)
        case "shard-last":
            return shard(count, num_shards, num_shards - 1)
        case "empty-list-row":
            column = list_column(manifest)
            return _shard_with(manifest, num_shards, lambda row: not row[column], start=1)
        case "plain-column":  # with a file in it, for a control that opens nothing could not fail
            return _shard_with(manifest, num_shards, lambda row: any(True for _ in _values(manifest, row)))
        case "select-contiguous":
            windows = [range(start, start + rows_per_select) for start in range(count - rows_per_select + 1)]
            return Selection("range", min(windows, key=lambda rows: (_cost(manifest, rows), abs(rows[0] - count // 2))))
        case "select-indices":
            if rows_per_select < 2:
                raise UserError("one row is never out of order: give rows_per_select=2 or more for select-indices")
            edges = [i * count // rows_per_select for i in range(rows_per_select + 1)]
            blocks = [range(start, stop) for start, stop in pairwise(edges)]
            # Backwards: ascending neighbours would be a slice, not indices.
            return Selection("indices", [min(b, key=lambda i: (_cost(manifest, [i]), -i)) for b in reversed(blocks)])
        case _:
            raise unknown("scenario", scenario, SCENARIOS)


def shard(count: int, num_shards: int, index: int) -> Selection:
    """Shard ``index`` of ``num_shards`` contiguous shards of ``count`` rows: the first ones take the remainder."""
    size, rest = divmod(count, num_shards)
    start = size * index + min(index, rest)
    return Selection("shard", range(start, start + size + (index < rest)), num_shards, index)


def references(manifest: Manifest, rows: Sequence[int]) -> Iterator[tuple[str, int, str | None]]:
    """Every value to embed as (column, position of its row, path), in the order in which the probe lists them."""
    for column, kind in manifest.features.items():
        if kind != "string":
            for position, index in enumerate(rows):
                for path in _paths(manifest.rows[index], column):
                    yield column, position, path


def list_column(manifest: Manifest) -> str:
    """The first column of lists."""
    for column, kind in manifest.features.items():
        if kind == "sequence":
            return column
    raise UserError(
        f"{manifest.name} has no column of lists (bold, dwi, sbref): leave bids_root out for synthetic data"
    )


def with_empty_list(manifest: Manifest) -> Manifest:
    """The same data set with an empty list in the middle row of the first list column; at least 2 rows."""
    if len(manifest.rows) < 2:
        raise UserError("empty-list-row needs a row after the first: give rows=2 or more")
    middle = len(manifest.rows) // 2
    row: Row = {**manifest.rows[middle], list_column(manifest): ()}
    return replace(manifest, rows=(*manifest.rows[:middle], row, *manifest.rows[middle + 1 :]))


def only_plain(manifest: Manifest) -> Manifest:
    """The same data set without its lists; if nothing else holds files, ``plain`` gets the first of each list."""
    features = {column: kind for column, kind in manifest.features.items() if kind != "sequence"}
    if "nifti" in features.values():
        return replace(manifest, features=features)
    column = list_column(manifest)
    rows = tuple({**row, "plain": next(iter(_paths(row, column)), None)} for row in manifest.rows)
    return replace(manifest, features={**features, "plain": "nifti"}, rows=rows)


def _shard_with(manifest: Manifest, num_shards: int, test: Callable[[Row], bool], start: int = 0) -> Selection:
    """The shard that holds the first row from ``start`` on which passes ``test``."""
    count = len(manifest.rows)
    found = next((i for i in range(start, count) if test(manifest.rows[i])), None)
    if found is None:
        raise UserError(f"no row of {manifest.name} fits this scenario: give another --scenario or other inputs")
    return next(s for i in range(num_shards) if found in (s := shard(count, num_shards, i)).rows)


def _paths(row: Row, column: str) -> tuple[str | None, ...]:
    value = row[column]
    return value if isinstance(value, tuple) else (value,)


def _values(manifest: Manifest, row: Row) -> Iterator[str]:
    for column, kind in manifest.features.items():
        if kind != "string":
            yield from (path for path in _paths(row, column) if path is not None)


def _cost(manifest: Manifest, rows: Sequence[int]) -> tuple[bool, int]:
    """Rows with files in a list come first, then the smallest: these embed below the default cap in a fixed release."""
    column = list_column(manifest)
    lists = all(manifest.rows[i][column] for i in rows)
    return not lists, sum(manifest.sizes[path] for i in rows for path in _values(manifest, manifest.rows[i]))
