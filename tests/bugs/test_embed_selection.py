"""Which rows each scenario of embed-sliced-list embeds."""

from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.bugs.embed_sliced_list import selection
from repro.bugs.embed_sliced_list.bug import BUG
from repro.bugs.embed_sliced_list.selection import choose, shard
from repro.errors import UserError
from repro.inputs.manifest import Manifest


def manifest(*rows: Any, **sizes: int) -> Manifest:
    """Rows of ``id``, ``bold`` (a list) and ``t1w`` (one file); files not in ``sizes`` have 1 byte."""
    full = tuple({"id": str(i), "bold": (), "t1w": None, **row} for i, row in enumerate(rows))
    paths = {p for row in full for p in (*row["bold"], row["t1w"]) if p}
    features: Any = {"id": "string", "bold": "sequence", "t1w": "nifti"}
    return Manifest(Path("/nowhere"), "made-up", features, full, {p: sizes.get(p, 1) for p in paths})


def regular(count: int) -> Manifest:
    return manifest(*({"bold": (f"{i}a", f"{i}b")} for i in range(count)))


def test_the_bug_declares_the_scenarios_that_are_implemented():
    assert tuple(scenario.name for scenario in BUG.scenarios) == selection.SCENARIOS


@pytest.mark.parametrize(
    ("scenario", "rows"),
    [
        ("full", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("shard-first", [0]),
        ("shard-middle", [4]),
        ("shard-last", [7]),
        ("select-contiguous", [4, 5]),
        ("select-indices", [7, 3]),
    ],
)
def test_rows_of_a_regular_dataset(scenario, rows):
    assert list(choose(scenario, regular(8), 8, 2).rows) == rows


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_shards_are_those_that_datasets_makes(data):
    count = data.draw(st.integers(1, 30))
    num_shards = data.draw(st.integers(1, count))
    index = data.draw(st.integers(0, num_shards - 1))
    made = datasets.Dataset.from_dict({"i": range(count)}).shard(num_shards, index, contiguous=True)
    assert list(shard(count, num_shards, index).rows) == list(made["i"])


@given(st.data())
def test_selected_rows_are_distinct_and_out_of_order(data):
    count = data.draw(st.integers(2, 40))
    taken = data.draw(st.integers(2, count))
    rows = list(choose("select-indices", regular(count), count, taken).rows)
    assert len(rows) == taken
    assert rows == sorted(set(rows), reverse=True)


def test_an_empty_list_counts_only_after_the_first_row():
    given_rows = manifest({}, {"bold": ("a",)}, {"bold": ("b",)}, {})
    chosen = choose("empty-list-row", given_rows, 2, 2)
    assert (list(chosen.rows), chosen.index) == ([2, 3], 1)


def test_without_an_empty_list_one_is_made_in_the_middle():
    emptied = selection.with_empty_list(regular(4))
    assert [row["bold"] for row in emptied.rows] == [("0a", "0b"), ("1a", "1b"), (), ("3a", "3b")]
    assert list(choose("empty-list-row", emptied, 4, 2).rows) == [2]


def test_the_plain_control_takes_a_shard_with_a_file_in_it():
    plain = selection.only_plain(manifest({"bold": ("a",)}, {"t1w": "b"}))
    assert "bold" not in plain.features
    assert list(choose("plain-column", plain, 2, 2).rows) == [1]


def test_a_dataset_of_lists_alone_gets_a_plain_column():
    only_lists = manifest({"bold": ("a", "b")}, {})
    only_lists = Manifest(only_lists.root, "", {"id": "string", "bold": "sequence"}, only_lists.rows, only_lists.sizes)
    plain = selection.only_plain(only_lists)
    assert plain.features == {"id": "string", "plain": "nifti"}
    assert [row["plain"] for row in plain.rows] == ["a", None]


def test_selected_rows_are_the_small_ones_that_have_lists():
    rows = manifest({"bold": ("big",)}, {"bold": ("small",)}, {}, {"bold": ("huge",)}, big=50, small=5, huge=500)
    assert list(choose("select-indices", rows, 4, 2).rows) == [3, 1]
    assert list(choose("select-contiguous", rows, 4, 2).rows) == [0, 1]


def test_values_come_by_column_then_row_then_place():
    rows = manifest({"bold": ("a", "b"), "t1w": "c"}, {}, {"bold": ("d",)})
    assert list(selection.references(rows, [2, 0])) == [
        ("bold", 0, "d"),
        ("bold", 1, "a"),
        ("bold", 1, "b"),
        ("t1w", 0, None),
        ("t1w", 1, "c"),
    ]


@pytest.mark.parametrize(
    ("scenario", "rows", "taken", "message"),
    [
        ("select-indices", regular(3), 1, "rows_per_select=2 or more"),
        ("empty-list-row", regular(3), 2, "no row of made-up fits"),
        ("shard-frist", regular(3), 2, "Did you mean 'shard-first'"),
    ],
)
def test_what_cannot_be_chosen_is_said_in_one_line(scenario, rows, taken, message):
    with pytest.raises(UserError, match=message):
        choose(scenario, rows, 3, taken)


def test_one_row_has_no_row_after_the_first():
    with pytest.raises(UserError, match="give rows=2 or more"):
        selection.with_empty_list(regular(1))
