"""arrow_cache gives back what was written, in shards of a bounded size, and refuses what a feature does not allow."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from repro.recipes.arrow_cache import (
    Array3D,
    CacheError,
    ClassLabel,
    File,
    Image,
    RowError,
    Sequence,
    open_cache,
    validate,
    write_cache,
)

FEATURES = {
    "id": "int64",
    "text": "string",
    "scan": File(),
    "volume": Array3D((None, 4, 3), "float32"),
    "label": ClassLabel(["no", "yes"]),
    "signal": Sequence("float32"),
    "more": {"names": Sequence("string"), "scans": Sequence(File())},
}


def example(number: int) -> dict[str, Any]:
    return {
        "id": number,
        "text": None if number % 7 == 3 else f"é{number}",
        "scan": b"x" * (number * 1000),
        "volume": np.arange(number % 5 * 12, dtype="f4").reshape(-1, 4, 3),
        "label": ["no", 1, None][number % 3],
        "signal": np.arange(number * 10, dtype="f4"),
        "more": {"names": ["a"] * (number % 3), "scans": [b"1", b"22" * number]} if number % 4 else None,
    }


def test_what_is_written_is_read(tmp_path):
    rows = [example(number) for number in range(60)]
    meta = write_cache(iter(rows), FEATURES, tmp_path / "cache", budget="64kB", shard_size="200kB")
    cache = open_cache(tmp_path / "cache")
    assert len(cache) == cache.num_rows == meta.num_rows == 60 and len(meta.shards) > 5
    for found, wanted in zip(cache, rows, strict=True):
        assert found["id"] == wanted["id"] and found["text"] == wanted["text"] and found["scan"] == wanted["scan"]
        assert np.array_equal(found["volume"], wanted["volume"]) and np.array_equal(found["signal"], wanted["signal"])
        assert found["label"] == {"no": 0, 1: 1, None: None}[wanted["label"]]
        assert found["more"] == wanted["more"]
    assert validate(tmp_path / "cache", deep=True) == meta


def test_arrow_finds_nothing_wrong_and_every_buffer_starts_at_64_bytes(tmp_path):
    write_cache(map(example, range(60)), FEATURES, tmp_path / "cache", budget="64kB", shard_size="200kB")
    cache = open_cache(tmp_path / "cache")
    cache.table().validate(full=True)
    for shard in (tmp_path / "cache" / cache.meta.version).glob("*.arrow"):
        with pa.memory_map(str(shard)) as file:
            for batch in pa.ipc.open_file(file).read_all().to_batches():
                buffers = [one for column in batch.columns for one in column.buffers() if one]
                assert all(one.address % 64 == 0 for one in buffers)


def test_no_shard_is_larger_than_it_may_be_unless_one_row_is(tmp_path):
    meta = write_cache(map(example, range(60)), FEATURES, tmp_path / "cache", shard_size=100_000)
    assert all(shard.bytes <= 100_000 for shard in meta.shards)
    meta = write_cache(map(example, range(60)), FEATURES, tmp_path / "cache", shard_size=30_000)
    assert all(shard.bytes <= 30_000 or shard.rows == 1 for shard in meta.shards)


def test_an_empty_source_is_a_valid_cache_without_shards(tmp_path):
    assert write_cache([], FEATURES, tmp_path / "cache").shards == []
    assert validate(tmp_path / "cache", deep=True).num_rows == 0
    assert open_cache(tmp_path / "cache").as_dataset().column_names == list(FEATURES)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("id", 1.5, "is a float"),
        ("id", 2**63, "is no int64"),
        ("id", True, "is a bool"),
        ("label", 2, "is no label"),
        ("label", -1, "is no label"),
        ("label", float("nan"), "is no label"),
        ("label", "maybe", "is no label"),
        ("text", b"x", "is a bytes"),
        ("scan", "no/such/file", "cannot be read: No such file"),
        ("scan", 5, "give the path or the bytes"),
        ("volume", np.zeros((2, 4, 2), "f4"), r"has the shape \(2, 4, 2\), not \(None, 4, 3\)"),
        ("volume", np.zeros((2, 4, 3)), "is of float64"),
        ("signal", [1e300], "is too large for float"),
        ("signal", 5, "is a int, and the column holds lists"),
        ("more", {"names": []}, "is not a dict with the keys"),
        ("other", 1, "has no feature"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_row_and_column(column, value, said, tmp_path):
    write_cache([example(7)], FEATURES, tmp_path / "cache")
    rows = [example(0), example(1), {**example(2), column: value}, example(3)]
    with pytest.raises(RowError, match=rf"row 2, column '{column}': [\s\S]*{said}") as caught:
        write_cache(rows, FEATURES, tmp_path / "cache")
    assert (caught.value.row, caught.value.column) == (2, column)
    assert open_cache(tmp_path / "cache")[0]["id"] == 7


def test_a_missing_key_is_an_error(tmp_path):
    rows = [example(0), {name: value for name, value in example(1).items() if name != "text"}]
    with pytest.raises(RowError, match=r"row 1, column 'text': .* is missing"):
        write_cache(rows, FEATURES, tmp_path / "cache")
    with pytest.raises(CacheError, match="holds no cache"):
        open_cache(tmp_path / "cache")


def test_a_reader_stays_on_its_version_and_the_last_one_removes_it(tmp_path):
    write_cache([example(1)], FEATURES, tmp_path)
    old = open_cache(tmp_path)
    write_cache([example(2)], FEATURES, tmp_path)
    assert open_cache(tmp_path)[0]["id"] == 2
    copy = pickle.loads(pickle.dumps(old))
    assert copy[0]["id"] == old[0]["id"] == 1
    del old
    assert (tmp_path / copy.meta.version).exists()
    gone = tmp_path / copy.meta.version
    del copy
    assert not gone.exists()
    assert len(list(tmp_path.glob("v-*"))) == 1


def test_datasets_opens_it_over_the_same_pages(tmp_path):
    write_cache(map(example, range(9)), FEATURES, tmp_path)
    cache = open_cache(tmp_path)
    dataset = cache.as_dataset()
    assert dataset[4]["text"] == "é4" and dataset.features["label"].names == ["no", "yes"]
    ours, theirs = (table.column("id").chunk(0).buffers()[1].address for table in (cache.table(), dataset.data))
    assert ours == theirs


def test_an_image_keeps_the_bytes_of_the_file_it_came_from(tmp_path):
    pil = pytest.importorskip("PIL.Image")
    picture = pil.fromarray(np.arange(4800, dtype="u1").reshape(40, 40, 3))
    picture.save(tmp_path / "a.jpg", quality=70)
    written = (tmp_path / "a.jpg").read_bytes()
    loaded = pil.open(tmp_path / "a.jpg")
    loaded.load()
    rows = [{"image": image} for image in (str(tmp_path / "a.jpg"), pil.open(tmp_path / "a.jpg"), loaded, written)]
    write_cache([*rows, {"image": picture}], {"image": Image()}, tmp_path / "cache")
    *kept, made = (bytes(row["image"]) for row in open_cache(tmp_path / "cache"))
    assert kept == [written] * 4 and made.startswith(b"\x89PNG")
