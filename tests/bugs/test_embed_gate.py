"""The gate lets the right embed through, catches each kind of wrong one, and knows where upstream itself fails."""

import json
import random

import pyarrow as pa
import pytest
from datasets import Dataset, Nifti
from datasets.table import embed_table_storage
from hypothesis import given, settings

from repro.bugs.embed_sliced_list.gate import cases as gate
from tests.bugs.embed_strategies import cases

settings.register_profile("fixes", deadline=None, max_examples=60)
settings.load_profile("fixes")


def released(shard: Dataset) -> pa.Table:
    return embed_table_storage(shard.with_format("arrow")[:])


def whole_column(shard: Dataset) -> pa.Table:
    """Embed every file of a list column and then show the shard's rows, as releases up to 5.1.0 do."""
    (array,) = shard.data.table["c0"].chunks
    files = Nifti().embed_storage(array.values)  # ignores the slice
    embedded = pa.ListArray.from_arrays(pa.array(array.offsets.to_pylist(), pa.int32()), files, mask=array.is_null())
    return pa.table([embedded], schema=shard.features.arrow_schema)


LISTS = {
    "columns": {"c0": ["list", ["file", "Nifti"]]},
    "rows": [{"c0": [{"file": 0}]}, {"c0": [{"file": 1}, None]}, {"c0": None}],
    "sizes": [3, 5],
    "view": {"kind": "range", "start": 1, "stop": 3},
    "absent": "nothing",
}


@given(cases())
def test_the_shipped_embed_passes_every_case_with_rows(case):
    verdict = gate.check(released, case)
    if "zero-rows" in verdict["traits"] and '"file"' in json.dumps(
        case["columns"]
    ):  # finding: embedding a table of no rows raises in 5.2.0
        assert verdict["kind"] == "raised" and "ChunkedArray from empty vector" in verdict["detail"]
    else:
        assert verdict["kind"] == "ok", verdict


@given(cases())
def test_a_case_survives_json_and_says_the_same_rows(case):
    again = json.loads(json.dumps(case))
    assert again == case
    assert gate.expected(again) == gate.expected(case)


def test_the_same_seed_gives_the_same_cases():
    assert list(gate.cases(7, 20)) == list(gate.cases(7, 20)) != list(gate.cases(8, 20))


def test_two_hundred_cases_hold_every_trait_often_enough_to_matter():
    seen = [trait for case in gate.cases(0, 200) for trait in gate.traits(case)]
    assert {trait: seen.count(trait) >= 5 for trait in set(seen)} == dict.fromkeys(
        ("zero-rows", "part-of-table", "indices", "chunks", "outside-missing", "needed-missing", "inline-bytes",
         "list", "large_list", "fixed_list", "struct"), True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda table: table.slice(1), "values"),
        (lambda table: table.set_column(0, "c0", table["c0"].fill_null([])), "values"),
        (lambda table: table.replace_schema_metadata(None), "schema"),
        (lambda table: table.cast(pa.schema([("c0", pa.large_list(table["c0"].type.value_type))])), "schema"),
    ],
    ids=["a row lost", "a null turned into an empty list", "metadata lost", "large_list for list"],
)
def test_a_wrong_table_is_caught_and_named(spoil, kind):
    assert gate.check(released, LISTS)["kind"] == "ok"
    assert gate.check(lambda shard: spoil(released(shard)), LISTS)["kind"] == kind


def test_a_path_left_instead_of_bytes_is_caught():
    assert gate.check(lambda shard: shard.with_format("arrow")[:], LISTS)["kind"] == "values"


def test_swallowing_a_missing_file_is_caught():
    def quiet(shard: Dataset) -> pa.Table:
        try:
            return released(shard)
        except FileNotFoundError:
            return shard.with_format("arrow")[:]

    assert gate.check(quiet, LISTS | {"absent": "needed"})["kind"] == "silent"


def test_reading_the_whole_column_is_caught_when_only_the_shards_files_exist():
    assert gate.check(whole_column, LISTS)["kind"] == "ok"
    verdict = gate.check(whole_column, LISTS | {"absent": "outside"})
    assert (verdict["kind"], "FileNotFoundError" in verdict["detail"]) == ("raised", True)


def test_the_summary_keeps_the_smallest_case_and_only_shared_traits():
    summary = gate.run_gate(released, seed=3, count=80)
    assert sum(summary["kinds"].values()) == 80 and set(summary["kinds"]) == {"ok", "raised"}
    (raised,) = summary["failures"]
    assert (raised["kind"], raised["error"], raised["traits"]) == ("raised", "ArrowInvalid", ["zero-rows"])
    assert raised["count"] == summary["kinds"]["raised"]
    assert gate.check(released, raised["case"])["kind"] == "raised"


def test_a_plain_random_source_is_enough_to_make_cases():
    assert gate.make_case(random.Random(1).randint)["columns"]
