"""The gate lets the right embed through, catches each kind of wrong one, and knows where upstream itself fails."""

import json
import random
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from datasets import Dataset, Nifti
from datasets.table import embed_table_storage
from hypothesis import given, settings

from repro.bugs.embed_sliced_list.gate import cases as gate
from repro.bugs.embed_sliced_list.gate import oracle
from repro.errors import UserError
from repro.model import Outcome, Symptom, Verdict
from tests.bugs.embed_strategies import cases
from tests.conftest import alone

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


# The verdict on what the gate found


RAISED = {"kind": "raised", "error": "KeyError", "count": 2, "traits": ["indices", "chunks"]}
VALUES = {"kind": "values", "error": "", "count": 1, "traits": []}


def judged(*failures: Any, storage: str = oracle.STORAGE, cases: int = 5) -> Verdict:
    found = {"count": 5, "kinds": {"ok": 5 - sum(one["count"] for one in failures)}, "failures": list(failures)}
    outcome = Outcome(Symptom.OK, "", measures={"gate": found, "storage": {"Nifti": storage}})
    return oracle.judge("gate", outcome, {"cases": cases})


@pytest.mark.parametrize(
    ("failures", "more", "symptom", "said"),
    [
        ([], {}, Symptom.OK, "5 of 5 cases right"),
        ([RAISED], {}, Symptom.ERROR, "raised KeyError in 2 of 5 cases (all indices and chunks)"),
        ([RAISED, RAISED | {"error": "OSError"}], {}, Symptom.ERROR, "; raised OSError in 2 of 5 cases (all "),
        ([RAISED, VALUES], {}, Symptom.WRONG_OUTPUT, "values in 1 of 5 cases"),
        ([VALUES, VALUES], {}, Symptom.WRONG_OUTPUT, "values in 1 of 5 cases; values in 1 of 5 cases"),
        ([], {"storage": "binary"}, Symptom.WRONG_OUTPUT, f"schema: Nifti stores binary, not {oracle.STORAGE}"),
        ([VALUES], {"storage": "x"}, Symptom.WRONG_OUTPUT, f"Nifti stores x, not {oracle.STORAGE}; values in 1 of 5"),
        ([], {"cases": 6}, Symptom.KIT_FAULT, "the probe finished without saying what the gate found"),
    ],
)
def test_wrong_output_is_out_errors_are_told_and_the_rest_is_right(failures, more, symptom, said):
    verdict = judged(*failures, **more)
    assert (verdict.symptom, verdict.is_bug) == (symptom, False)
    assert said in verdict.reason
    if len(failures) < 2 and not more:
        assert verdict.reason == said


def test_without_storage_only_the_cases_count_and_without_cases_nothing_does():
    found = {"count": 5, "kinds": {"raised": 5}, "failures": [RAISED | {"count": 5}]}
    storageless = Outcome(Symptom.OK, "", measures={"gate": found})
    assert oracle.judge("gate", storageless, {"cases": 5}).symptom is Symptom.ERROR
    said = "the probe finished without saying what the gate found"
    assert oracle.judge("gate", Outcome(Symptom.OK, ""), {"cases": 5}) == Verdict(Symptom.KIT_FAULT, False, said)
    nothing = {"count": 5, "kinds": {}, "failures": []}
    assert oracle.judge("gate", Outcome(Symptom.OK, "", measures={"gate": nothing}), {"cases": 5}) == Verdict(
        Symptom.OK, False, "0 of 5 cases right"
    )


@pytest.mark.parametrize("symptom", sorted(set(Symptom) - {Symptom.OK}))
def test_a_gate_that_was_not_finished_says_how_it_ended(symptom):
    verdict = oracle.judge("gate", Outcome(symptom, "as it was"), {"cases": 5})
    assert verdict == Verdict(symptom, False, "the gate was not finished: as it was")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"cases": 0, "seed": 0}, "cases=0 makes no sense for the gate: give a whole number from 1 up"),
        ({"cases": 1, "seed": -1}, "seed=-1 makes no sense for the gate: give a whole number from 0 up"),
        ({"cases": True, "seed": 0}, "cases=True makes no sense"),
        ({"cases": 1, "seed": False}, "seed=False makes no sense"),
        ({"cases": "many", "seed": 0}, "cases=many"),
    ],
)
def test_a_number_of_cases_that_makes_no_sense_is_refused(tmp_path, given, said):
    with pytest.raises(UserError, match=said):
        oracle.prepare("gate", given, tmp_path)
    least = oracle.prepare("gate", {"cases": 1, "seed": 0}, tmp_path)
    assert (least.inputs, least.expected, least.summary) == ({"cases": 1, "seed": 0}, {"cases": 1}, {"cases": 1})


def test_the_script_of_the_gate_runs_beside_its_cases_and_says_what_they_gave(tmp_path):
    request = {"inputs": {"cases": 5, "seed": 1}, "fix_path": None}
    (tmp_path / "request.json").write_text(json.dumps(request))
    command = [sys.executable, str(alone(oracle.GATE.folder / "probe.py", tmp_path)), "request.json", "events.jsonl"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["started", "phase", "measure", "done"]
    measures = events[2]["measures"]
    assert oracle.judge("gate", Outcome(Symptom.OK, "", measures=measures), {"cases": 5}).symptom in {
        Symptom.OK,
        Symptom.ERROR,
    }
    assert measures["gate"] == json.loads(json.dumps(gate.run_gate(released, seed=1, count=5)))
