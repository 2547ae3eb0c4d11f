"""When write_shards keeps a shard: as long as all that it is made of stays the same, and no longer."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, List, Nifti, Value, concatenate_datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recipes.shards import scans, shards, write


@dataclass(frozen=True)
class Scan:
    """A file, or the bytes of one that the table holds."""

    name: str
    content: bytes
    changed: int
    held: bool

    def value(self, folder: Path) -> dict[str, Any]:
        path = folder / self.name
        path.write_bytes(self.content)
        os.utime(path, (self.changed, self.changed))
        return {"bytes": self.content, "path": self.name} if self.held else {"bytes": None, "path": str(path)}


@dataclass(frozen=True)
class Made:
    """All that one shard is made of."""

    rows: tuple[tuple[Scan, ...], ...]
    first_id: int = 0
    columns: tuple[str, ...] = ("id", "scans")
    kind: str = "int64"
    compression: str = "none"

    def dataset(self, folder: Path) -> Dataset:
        features = Features({name: Value(self.kind) if name == "id" else List(Nifti()) for name in self.columns})
        ids = range(self.first_id, self.first_id + len(self.rows))
        table = {"id": list(ids), "scans": [[scan.value(folder) for scan in row] for row in self.rows]}
        return Dataset.from_dict({name: table[name] for name in self.columns}, features=features)

    def identity(self, folder: Path, out: Path, change: Callable[[Dataset], Dataset] = lambda dataset: dataset) -> str:
        manifest = write(change(self.dataset(folder)), out, num_shards=1, compression=self.compression)
        return str(manifest["shards"][0]["source"])


CONTENT = st.binary(min_size=1, max_size=3)


@st.composite
def made(draw: st.DrawFn) -> Made:
    sizes = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3).filter(any))
    names = (f"{number}.nii" for number in range(9))
    return Made(
        tuple(
            tuple(Scan(next(names), draw(CONTENT), draw(st.integers(0, 9)), draw(st.booleans())) for _ in range(size))
            for size in sizes
        )
    )


def edited(draw: st.DrawFn, one: Made, change: Callable[[Scan], Scan]) -> Made:
    """`one` with a change to one of its files."""
    row = draw(st.sampled_from([number for number, row in enumerate(one.rows) if row]))
    at = draw(st.integers(0, len(one.rows[row]) - 1))
    scans = [*one.rows[row][:at], change(one.rows[row][at]), *one.rows[row][at + 1 :]]
    return replace(one, rows=(*one.rows[:row], tuple(scans), *one.rows[row + 1 :]))


@st.composite
def changed(draw: st.DrawFn) -> tuple[Made, Made]:
    """Two that differ in one thing."""
    one = draw(made())
    match draw(st.sampled_from(["bytes", "time", "name", "held", "order", "fewer", "more", "schema", "id", "zstd"])):
        case "bytes":  # those of a file come with a time of their own
            content = draw(CONTENT)
            other = edited(
                draw, one, lambda scan: replace(scan, content=content, changed=scan.changed + (not scan.held))
            )
        case "time":
            other = edited(draw, one, lambda scan: scan if scan.held else replace(scan, changed=scan.changed + 1))
        case "name":
            other = edited(draw, one, lambda scan: replace(scan, name="other.nii"))
        case "held":
            other = edited(draw, one, lambda scan: replace(scan, held=not scan.held))
        case "order":
            other = replace(one, rows=tuple(draw(st.permutations(one.rows))))
        case "fewer":
            other = replace(one, rows=one.rows[:-1]) if len(one.rows) > 1 else replace(one, rows=((), *one.rows))
        case "more":
            other = replace(one, rows=(*one.rows, one.rows[0]))
        case "schema":
            columns = draw(st.sampled_from([("scans", "id"), ("scans",)]))
            other = replace(one, columns=columns) if draw(st.booleans()) else replace(one, kind="int32")
        case "id":
            other = replace(one, first_id=1)
        case _:
            other = replace(one, compression="zstd")
    return one, other


@given(changed())
def test_whatever_a_shard_is_made_of_is_part_of_its_identity(pair):
    one, other = pair
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        first = one.identity(here, here / "one")
        second = other.identity(here, here / "other")
        assert (first == second) == (one == other)


def in_chunks(dataset: Dataset) -> Dataset:
    return concatenate_datasets([dataset.select([row]) for row in range(len(dataset))])


def picked(dataset: Dataset) -> Dataset:
    return (
        concatenate_datasets([dataset, dataset])
        .select(range(2 * len(dataset) - 1, -1, -1))
        .select([len(dataset) - 1 - row for row in range(len(dataset))])
    )


@pytest.mark.parametrize("way", [in_chunks, picked, lambda dataset: dataset.with_format("numpy")])
@settings(max_examples=25)
@given(made())
def test_nothing_else_is(way, one):
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        assert one.identity(here, here / "one") == one.identity(here, here / "other", way)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_an_edited_file_of_the_same_size_is_written_anew(compression, source, out):
    dataset = scans(source, [[1000], [1000]])
    write(dataset, out, num_shards=2, compression=compression)
    kept = shards(out)[0].stat().st_ino
    (source / "1.nii").write_bytes(b"edit" * 250)
    write(dataset, out, num_shards=2, compression=compression)
    assert pq.read_table(shards(out)[1])["scans"].to_pylist() == [[{"bytes": b"edit" * 250, "path": "1.nii"}]]
    assert shards(out)[0].stat().st_ino == kept


def test_with_another_compression_every_shard_is_written_anew(source, out):
    dataset = scans(source, [[1000], [1000]])
    write(dataset, out, num_shards=2)
    write(dataset, out, num_shards=2, compression="zstd")
    assert [pq.read_metadata(path).row_group(0).column(1).compression for path in shards(out)] == ["ZSTD"] * 2


def test_a_shard_that_is_kept_has_its_rows_counted_in_the_dataset_of_this_call(source, out):
    dataset = scans(source, [[10], [100], [1000]])
    write(dataset.select([1, 2]), out, num_shards=2)
    kept = shards(out)[1].stat().st_ino
    manifest = write(dataset, out, num_shards=2)
    assert [(entry["start"], entry["stop"]) for entry in manifest["shards"]] == [(0, 2), (2, 3)]
    assert shards(out)[1].stat().st_ino == kept
