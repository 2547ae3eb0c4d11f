"""arrow_cache gives back any rows of any features, whatever the budget and the size of its shards."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.recipes.arrow_cache import Array3D, ClassLabel, File, Sequence, open_cache, validate, write_cache

LABELS = ["no", "yes", "maybe"]


@pytest.fixture(autouse=True, scope="module")
def unsynced() -> Iterator[None]:
    """Nothing waits for the disk here."""
    with mock.patch("os.fsync"):
        yield


def optional(strategy: Any) -> Any:
    return st.none() | strategy


def arrays(dtype: str) -> Any:
    shapes = st.tuples(st.integers(0, 3), st.integers(0, 4), st.just(2))
    made = shapes.map(lambda shape: np.arange(math.prod(shape)).astype(dtype).reshape(shape))
    return st.tuples(made, st.booleans()).map(lambda pair: np.asfortranarray(pair[0]) if pair[1] else pair[0])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.sampled_from([
    ("int64", st.integers(-(2**63), 2**63 - 1)),
    ("uint8", st.integers(0, 255)),
    ("float64", st.floats(allow_nan=False)),
    ("float32", st.floats(width=32, allow_nan=False)),
    ("bool", st.booleans()),
    ("string", texts),
    ("bytes", st.binary(max_size=200)),
    (pa.binary(), st.binary(max_size=200)),
    (pa.string(), texts),
    (pa.timestamp("us"), st.datetimes()),
    (pa.decimal128(10, 2), st.decimals(-1000, 1000, places=2)),
    (File(), st.binary(max_size=200) | st.binary(max_size=2).map(lambda some: some * 70_000)),
    (ClassLabel(LABELS), st.integers(0, 2)),
    (Array3D((None, None, 2), "int16"), arrays("int16")),
    (Array3D((None, None, 2), "bool"), arrays("bool")),
])  # fmt: skip
"""Features with a strategy for their values."""

features = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        below.map(lambda pair: (Sequence(pair[0]), st.lists(optional(pair[1]), max_size=4))),
        below.map(lambda pair: (Sequence(pair[0], 2), st.lists(optional(pair[1]), min_size=2, max_size=2))),
        st.dictionaries(st.sampled_from("abc"), below, min_size=1, max_size=3).map(
            lambda inner: (
                {name: pair[0] for name, pair in inner.items()},
                st.fixed_dictionaries({name: optional(pair[1]) for name, pair in inner.items()}),
            )
        ),
    ),
    max_leaves=4,
)


def same(found: Any, wanted: Any) -> bool:
    if wanted is None or found is None:
        return found is wanted
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[name], wanted[name]) for name in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, list(found), wanted))
    if isinstance(wanted, np.ndarray):
        return found.dtype == wanted.dtype and np.array_equal(found, wanted)
    return bool(found == wanted)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_what_is_written_is_read(data):
    columns = data.draw(st.dictionaries(st.sampled_from("xyz"), features, min_size=1))
    values = st.fixed_dictionaries({name: optional(pair[1]) for name, pair in columns.items()})
    rows = data.draw(st.lists(values, max_size=12))
    budget, shard_size = data.draw(st.integers(1, 5000)), data.draw(st.integers(1, 20_000))
    with tempfile.TemporaryDirectory() as folder:
        described = {name: pair[0] for name, pair in columns.items()}
        meta = write_cache(iter(rows), described, folder, budget=budget, shard_size=shard_size)
        cache = open_cache(folder)
        assert len(cache) == len(rows) and all(map(same, cache, rows))
        order = data.draw(st.permutations(range(len(rows))))
        assert all(same(cache.column(name)[row], rows[row][name]) for name in columns for row in order)
        cache.table().validate(full=True)
        assert validate(folder, deep=True) == meta
        assert all(shard.bytes <= shard_size or shard.rows == 1 for shard in meta.shards)
        assert all(shard.rows for shard in meta.shards)


def test_every_row_comes_once_in_an_epoch_of_several_workers_and_in_another_order_with_another_seed(tmp_path):
    write_cache(({"a": number} for number in range(200)), {"a": "int64"}, tmp_path, budget=20_000, shard_size=1200)
    cache = open_cache(tmp_path)
    assert len(cache.meta.shards) > 5

    def epoch(seed: int) -> list[int]:
        return [row["a"] for part in range(3) for row in cache.iterate(seed=seed, part=part, parts=3)]

    orders = [epoch(1), epoch(2)]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(200))
    assert orders[0] != orders[1]
    assert orders[0] == epoch(1)


def test_features_of_datasets_are_stored_as_datasets_stores_them(tmp_path):
    datasets = pytest.importorskip("datasets")
    (tmp_path / "a.nii").write_bytes(b"n" * 100_000)
    described = datasets.Features({
        "scans": datasets.List(datasets.Nifti()),
        "label": datasets.ClassLabel(names=LABELS),
        "volume": datasets.Array3D((2, 3, 4), "float32"),
        "open": datasets.Array2D((None, 2), "int32"),
        "mask": datasets.Array2D((3, 3), "bool"),
        "more": {"text": datasets.Value("string"), "pair": datasets.List(datasets.Value("int8"), length=2)},
    })  # fmt: skip
    row: dict[str, Any] = {
        "scans": [str(tmp_path / "a.nii"), {"bytes": b"inline", "path": "/some/where/b.nii"}],
        "label": "yes",
        "volume": np.arange(24, dtype="f4").reshape(2, 3, 4),
        "open": np.arange(6, dtype="i4").reshape(3, 2),
        "mask": np.eye(3, dtype=bool),
        "more": {"text": "é", "pair": [1, 2]},
    }
    unlabelled = {**row, "label": -1, "scans": [], "open": row["open"][:0]}
    write_cache([row, unlabelled] * 5, described, tmp_path / "cache", budget="1kB")
    cache = open_cache(tmp_path / "cache", described)
    dataset = cache.as_dataset()
    assert dataset.features == described and dataset.data.schema.types == described.arrow_schema.types
    assert dataset.cast_column("scans", datasets.List(datasets.Nifti(decode=False)))[0]["scans"] == [
        {"bytes": b"n" * 100_000, "path": "a.nii"},
        {"bytes": b"inline", "path": "b.nii"},
    ]
    for found in (cache[4], dataset.remove_columns("scans").with_format("numpy")[4]):
        assert found["label"] == 1 and np.array_equal(found["volume"], row["volume"])
        assert np.array_equal(found["open"], row["open"]) and np.array_equal(found["mask"], row["mask"])
    assert cache[1]["label"] == -1 and cache[0]["scans"][1] == b"inline"
    assert cache[0]["more"]["text"] == "é" and cache[0]["more"]["pair"].tolist() == [1, 2]


def test_workers_of_a_torch_loader_read_the_cache(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    write_cache(({"a": number} for number in range(20)), {"a": "int64"}, Path(tmp_path))
    loader = torch.utils.data.DataLoader(
        open_cache(tmp_path), batch_size=5, num_workers=2, multiprocessing_context="spawn"
    )
    assert torch.cat([batch["a"] for batch in loader]).tolist() == list(range(20))
