"""The plan of write_shards: balanced, as few shards as allowed, exact at every limit; nonsense is refused."""

import datasets
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.recipes import write_shards as module
from repro.recipes.write_shards import ShardError
from tests.recipes.shards import KB, scans, shards, write


def test_shards_are_balanced_by_the_real_size_of_the_files(source, out):
    manifest = write(scans(source, [[900 * KB], *[[100 * KB]] * 9]), out, num_shards=2)
    assert [(s["start"], s["stop"]) for s in manifest["shards"]] == [(0, 1), (1, 10)]


def test_as_few_shards_as_the_size_allows_and_a_larger_row_has_its_own(source, out):
    manifest = write(scans(source, [[100 * KB]] * 4 + [[700 * KB]] + [[100 * KB]]), out, max_shard_bytes="250KB")
    assert [(s["start"], s["stop"]) for s in manifest["shards"]] == [(0, 2), (2, 4), (4, 5), (5, 6)]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.data())
def test_a_partition_is_contiguous_complete_and_the_best_of_all(weights, data):
    count = data.draw(st.integers(1, len(weights)))
    bounds = module._partition(weights, count, 1)
    assert [start for start, _ in bounds] == [0, *(stop for _, stop in bounds[:-1])]
    assert bounds[-1][1] == len(weights) and len(bounds) == count and all(start < stop for start, stop in bounds)

    def best(rest: list[int], shares: int) -> int:  # the largest shard of the best partition, by trying all first cuts
        table = [sum(rest[:end]) for end in range(len(rest) + 1)]
        for _ in range(shares - 1):
            table = [
                min((max(table[cut], sum(rest[cut:end])) for cut in range(end)), default=0)
                for end in range(len(rest) + 1)
            ]
        return table[-1]

    assert max(sum(weights[start:stop]) for start, stop in bounds) == best(weights, count)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_shard_bytes": 0}, "max_shard_bytes=0"),
        ({"max_shard_bytes": "0MB"}, "max_shard_bytes='0MB'"),
        ({"max_shard_bytes": "lots"}, "max_shard_bytes='lots'"),
        ({"row_group_bytes": -1}, "row_group_bytes=-1"),
        ({"row_group_bytes": "3GB"}, "row_group_bytes=3000000000"),
        ({"num_shards": 0}, "num_shards=0"),
        ({"num_shards": 3}, "num_shards=3, but there are 2 rows"),
        ({"compression": "gzip"}, "compression='gzip'"),
        ({"split": "../up"}, "split='../up'"),
    ],
)
def test_a_senseless_argument_is_one_line_and_touches_nothing(options, said, source, out):
    with pytest.raises(ValueError) as caught:
        write(scans(source, [[1], [1]]), out, **options)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not out.exists()


def test_a_dataset_dict_is_refused_with_what_to_type(source, out):
    with pytest.raises(TypeError, match=r"one split: ds\['train'\]"):
        write(datasets.DatasetDict(train=scans(source, [[1]])), out)


# Limits


@pytest.mark.parametrize("row", [[996], [492, 500], [0] * 250])
def test_a_row_may_fill_the_limit_with_its_files_and_their_lengths_and_not_a_byte_more(row, source, out, monkeypatch):
    monkeypatch.setattr(module, "ROW_LIMIT", 1000)  # a file is stored behind its length, 4 bytes
    write(scans(source, [[1], row]), out, row_group_bytes=1000)
    read = pq.read_table(shards(out)[0])["scans"].to_pylist()[1]
    assert [scan["bytes"] for scan in read] == [(source / f"{n + 1}.nii").read_bytes() for n in range(len(row))]
    with pytest.raises(ShardError, match="1001 bytes in one row of one column; at most 1000") as caught:
        module._weigh(scans(source, [[1], [row[0] + 1, *row[1:]]]))
    assert caught.value.row == 1


def test_a_row_group_may_be_as_large_as_a_row_and_not_a_byte_more(source, out):
    write(scans(source, [[1]]), out, row_group_bytes=module.ROW_LIMIT)
    with pytest.raises(ValueError, match="too large"):
        write(scans(source, [[1]]), out, row_group_bytes=module.ROW_LIMIT + 1)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 200), st.integers(0, 9))
def test_row_groups_are_as_full_as_the_limit_allows(weights, limit, first):
    weights = [0] * first + weights
    bounds = module._groups(weights, first, len(weights), limit)
    assert [row for start, stop in bounds for row in range(start, stop)] == list(range(first, len(weights)))
    for start, stop in bounds:
        assert start < stop and (sum(weights[start:stop]) <= limit or stop == start + 1)
        assert stop == len(weights) or sum(weights[start : stop + 1]) > limit


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 200))
def test_no_shard_is_over_the_limit_but_one_of_a_single_row_and_one_shard_less_would_not_do(weights, limit):
    bounds = module._partition(weights, None, limit)
    assert all(sum(weights[start:stop]) <= limit or stop == start + 1 for start, stop in bounds)
    assert len(bounds) == len(module._groups(weights, 0, len(weights), limit))


def test_the_weight_of_a_row_is_that_of_its_files_and_a_share_of_the_rest(source, out):
    dataset = scans(source, [[1000], [1000, 500], []])
    weights, file_bytes, held = module._weigh(dataset)
    rest = weights[2]
    assert (file_bytes, held) == (2500, False) and 0 < rest < 200
    assert weights[1] == 1500 + rest and 1000 < weights[0] < 1200
    total = sum(weights)
    assert len(write(dataset, out / "one", max_shard_bytes=total)["shards"]) == 1
    assert len(write(dataset, out / "two", max_shard_bytes=total - 1)["shards"]) == 2
