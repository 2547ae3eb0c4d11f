"""The recipes on an executor: the same bytes as in one call, again after a failure, and nothing half done is left."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from repro.recipes import arrow_cache
from repro.recipes import write_shards as recipe
from repro.run.pool import Pool
from repro.run.shards import write_cache, write_shards
from tests.recipes.shards import hidden, scans

FEATURES = {"id": "int64", "data": "bytes"}
SIZES = {"budget": "1MB", "shard_size": "70kB"}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    (tmp_path / "files").mkdir()
    return scans(tmp_path / "files", [[900_000, n] for n in range(6)])


def content(folder: Path, version: str = "") -> dict[str, str]:
    """Name -> hash of the bytes, in which each shard of a cache names its version: that is left out."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    read = {path.name: path.read_bytes().replace(version.encode(), b"") for path in files}
    return {name: hashlib.sha256(data).hexdigest() for name, data in read.items()}


def test_shards_are_the_files_of_one_call_byte_by_byte(dataset, tmp_path):
    manifest = recipe.write_shards(dataset, tmp_path / "wanted", num_shards=4, compression="zstd", progress=False)
    assert write_shards(Pool(), dataset, tmp_path / "out", num_shards=4, compression="zstd") == manifest
    assert content(tmp_path / "out") == content(tmp_path / "wanted")


def test_after_a_failure_nothing_half_done_is_left_and_the_same_call_goes_on(dataset, tmp_path, monkeypatch):
    out, write_shard = tmp_path / "out", recipe.write_shard

    def fails(folder: Path, index: int, **named: Any) -> Any:
        if index == 3:
            (out / ".train-00001-of-00006.parquet.0a1b2c3d.tmp").write_bytes(b"of a worker that was killed")
            raise OSError(errno.EIO, "the disk fails")
        return write_shard(folder, index, **named)

    with monkeypatch.context() as broken, pytest.raises(OSError, match="the disk fails"):
        broken.setattr(recipe, "write_shard", fails)
        write_shards(Pool(), dataset, out, num_shards=6)
    assert {path.suffix for path in hidden(out)} <= {".json"}, "what is known of finished shards"
    made = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert made and len(write_shards(Pool(), dataset, out, num_shards=6)["shards"]) == 6
    assert {path: path.stat().st_mtime_ns for path in made} == made


def rows(part: int) -> Iterator[dict[str, Any]]:
    return ({"id": number, "data": bytes([number]) * 20_000} for number in range(5 * part, 5 * part + 5))


def test_a_cache_is_published_with_the_parts_that_one_writer_would_make(tmp_path):
    made = arrow_cache.plan(FEATURES, tmp_path / "wanted", 3, key="a", **SIZES)
    for part in range(3):
        arrow_cache.write_part(made, part, rows(part))
    wanted = arrow_cache.commit(made)
    found = write_cache(Pool(), rows, FEATURES, tmp_path / "out", 3, key="a", **SIZES)
    assert [row["id"] for row in arrow_cache.open_cache(tmp_path / "out")] == list(range(15))
    one, other = content(tmp_path / "wanted", wanted.version), content(tmp_path / "out", found.version)
    assert sum(one[shard.name] == other[shard.name] for shard in found.shards) == len(wanted.shards) == 6

    def never(part: int) -> Iterator[Any]:
        yield pytest.fail("what is published takes no rows")

    assert write_cache(Pool(), never, FEATURES, tmp_path / "out", 3, key="a") == found
