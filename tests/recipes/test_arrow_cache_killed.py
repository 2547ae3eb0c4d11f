"""arrow_cache after SIGKILL at any change of the disk: a whole version is read, and the next write leaves nothing."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro.recipes.arrow_cache import CacheError, commit, open_cache, plan, validate, write_cache, write_part
from tests.recipes.caching import (
    FEATURES,
    ROWS,
    SIZE,
    Writers,
    killed_again_and_again,
    names,
    rebuilt_under_readers,
    rows_of,
    version_read,
)

STEP = 7
"""A writer is killed at every so many changes; ``python benchmarks/cache.py --only kill`` takes each."""


@pytest.fixture(scope="module")
def writers() -> Iterator[Writers]:
    them = Writers()
    yield them
    them.close()


@pytest.mark.parametrize("way", ["once", "resumed", "parts"])
def test_killed_at_a_change_of_the_disk_one_version_is_whole_and_the_next_write_cleans_up(way, writers, tmp_path):
    counts, whys = killed_again_and_again(writers, tmp_path, way, STEP)
    assert counts["changes"] > 20 and counts["invalid"] == counts["left"] == 0, whys
    assert counts["deaths"] >= counts["changes"] // STEP - 2, "threads take turns, so a few changes more or less"


def test_a_resumed_write_takes_only_the_rows_that_are_missing(tmp_path):
    asked = []

    def source(start: int, end: int = ROWS) -> Any:
        asked.append(start)
        for number in range(start, end):
            if end < ROWS and number == end - 1:
                raise KeyboardInterrupt
            yield {"id": number, "data": bytes([number]) * SIZE}

    sizes = {"budget": 50_000, "shard_size": 70_000}
    with pytest.raises(KeyboardInterrupt):
        write_cache(lambda start: source(start, 6), FEATURES, tmp_path, key="a", **sizes)
    write_cache(source, FEATURES, tmp_path, key="a", **sizes)
    assert asked[0] == 0 and 0 < asked[1] < 6
    assert [row["id"] for row in open_cache(tmp_path)] == list(range(ROWS))
    write_cache(source, FEATURES, tmp_path, key="a", **sizes)
    assert len(asked) == 2, "what has the same key is kept"
    write_cache(source, FEATURES, tmp_path, key="b", **sizes)
    assert asked[2] == 0
    assert names(tmp_path) == set()


def test_parts_are_written_in_any_order_and_again_after_a_death(tmp_path):
    made = plan(FEATURES, tmp_path, 3, key="a")
    rows = [{"id": number, "data": b"x" * number} for number in range(10)]
    parts = rows[:2], rows[2:7], rows[7:]
    write_part(made, 2, parts[2])
    write_part(made, 0, parts[0])
    with pytest.raises(CacheError, match="part 1 of 3 is not finished"):
        commit(made)
    with pytest.raises(CacheError, match="holds no cache"):
        open_cache(tmp_path)
    again = plan(FEATURES, tmp_path, 3, key="a")
    assert again == made
    write_part(again, 0, iter(lambda: pytest.fail("a finished part takes no rows"), None))
    write_part(again, 1, parts[1])
    assert commit(again) == commit(made) == validate(tmp_path, deep=True)
    assert [row["id"] for row in open_cache(tmp_path)] == list(range(10))
    assert plan(FEATURES, tmp_path, 3, key="a").version == made.version, "it is there already"
    assert names(tmp_path) == set()


def test_a_part_of_a_plan_that_another_build_replaced_says_so(tmp_path):
    made = plan(FEATURES, tmp_path, 2, key="a")
    write_cache([{"id": 1, "data": b""}], FEATURES, tmp_path)
    with pytest.raises(CacheError, match="is gone: another build"):
        write_part(made, 0, [])


def test_a_second_writer_waits_and_finds_the_work_done(tmp_path):
    begun, go = threading.Event(), threading.Event()
    taken = []

    def slow() -> Any:
        yield {"id": 1, "data": b"first"}
        begun.set()
        go.wait(60)

    def never() -> Any:
        taken.append(1)
        yield {"id": 2, "data": b"second"}

    first = threading.Thread(target=write_cache, args=(slow(), FEATURES, tmp_path))
    first.start()
    begun.wait(60)
    second = threading.Thread(target=write_cache, args=(never(), FEATURES, tmp_path))
    second.start()
    second.join(0.5)
    assert second.is_alive() and not taken
    go.set()
    first.join()
    second.join()
    assert not taken and open_cache(tmp_path)[0]["id"] == 1


def test_folders_whose_names_differ_after_a_dot_do_not_share_a_lock(tmp_path):
    def outer() -> Any:
        yield {"id": 1, "data": b""}
        write_cache([{"id": 2, "data": b""}], FEATURES, tmp_path / "ds_v1.1")

    write_cache(outer(), FEATURES, tmp_path / "ds_v1.0")
    assert open_cache(tmp_path / "ds_v1.1")[0]["id"] == 2


def test_readers_never_fail_while_the_cache_is_rebuilt(tmp_path):
    counts, whys = rebuilt_under_readers(tmp_path, rebuilds=20, readers=4)
    assert counts["opened"] >= 4 and counts["failed"] == counts["mixed"] == 0, whys
    write_cache(rows_of(1), FEATURES, tmp_path)
    assert names(tmp_path) == set()


# what is not as it was written


def three_shards(folder: Path) -> tuple[Path, list[Path]]:
    write_cache(rows_of(1), FEATURES, folder, shard_size=70_000)
    version = folder / json.loads((folder / "current").read_bytes())["version"]
    return version, sorted(version.glob("*.arrow"))


@pytest.mark.parametrize(
    ("harm", "deep"),
    [
        ("missing", False),
        ("truncated", False),
        ("garbage", False),
        ("bit flip", True),
        ("swapped", False),
        ("metadata of another version", False),
        ("shard of another version", False),
        ("metadata cut", False),
        ("pointer cut", False),
        ("another format", False),
    ],
)
def test_what_is_damaged_is_found(harm, deep, tmp_path):
    version, shards = three_shards(tmp_path)
    assert len(shards) == 3 and [path.stat().st_size for path in shards[:2]] == [shards[0].stat().st_size] * 2
    content = shards[1].read_bytes()
    match harm:
        case "missing":
            shards[1].unlink()
        case "truncated":
            os.truncate(shards[1], 4096)
        case "garbage":
            shards[1].write_bytes(os.urandom(len(content)))
        case "bit flip":
            shards[1].write_bytes(content[:30_000] + bytes([content[30_000] ^ 1]) + content[30_001:])
        case "swapped":
            shards[1].write_bytes(shards[0].read_bytes())
            shards[0].write_bytes(content)
        case "metadata of another version":
            three_shards(tmp_path / "other")[0].joinpath("cache.json").replace(version / "cache.json")
        case "shard of another version":
            three_shards(tmp_path / "other")[1][1].replace(shards[1])
        case "metadata cut":
            os.truncate(version / "cache.json", 100)
        case "pointer cut":
            os.truncate(tmp_path / "current", 10)
        case "another format":
            said = json.loads((version / "cache.json").read_bytes())
            (version / "cache.json").write_text(json.dumps({**said, "format": 2}))
    if deep:
        validate(tmp_path)
    with pytest.raises(CacheError):
        validate(tmp_path, deep=deep)
    write_cache(rows_of(2), FEATURES, tmp_path)
    assert version_read(tmp_path) == 2


def test_a_cache_of_other_features_is_refused_and_written_again(tmp_path):
    write_cache([{"id": 1, "data": b""}], FEATURES, tmp_path, key="a")
    other = {**FEATURES, "id": "int32"}
    for check in (open_cache, lambda folder, features: validate(folder, features=features)):
        with pytest.raises(CacheError, match="other features"):
            check(tmp_path, features=other)
    assert write_cache([{"id": 2, "data": b""}], other, tmp_path, key="a").num_rows == 1
    assert open_cache(tmp_path, other)[0]["id"] == 2
