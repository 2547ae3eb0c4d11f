"""Inputs and expectations of embed-sliced-list, from the parameters a user gives."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs.declaration import Prepared
from repro.bugs.embed_sliced_list import prepare as module
from repro.bugs.embed_sliced_list.prepare import PARAMETERS, prepare
from repro.errors import UserError
from repro.run.question import question

SMALL: dict[str, Any] = {"rows": 4, "files_per_row": 2, "file_size": 1000}


@pytest.fixture
def ask(tmp_path):
    def call(scenario: str = "shard-first", **given: Any) -> Prepared:
        return prepare(scenario, {p.name: p.default for p in PARAMETERS} | given, tmp_path)

    return call


def test_what_is_needed_is_counted_and_hashed_from_the_sources(ask):
    made = ask("shard-middle", **SMALL)
    root, inputs, expected = Path(made.inputs["root"]), made.inputs, made.expected
    row = json.loads(Path(inputs["manifest"]).read_text())["rows"][2]
    assert (inputs["take"], inputs["rows"], inputs["num_shards"], inputs["index"]) == ("shard", [2], 4, 2)
    assert (expected["files_needed"], expected["bytes_needed"], expected["count"]) == (2, 2000, 2)
    digests = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in row["images"]]
    assert [v["sha256"] for v in expected["values"]] == digests
    assert digests[0] != digests[1]


def test_the_probe_is_not_told_the_checksums(ask):
    made = ask(**SMALL)
    assert not any(v["sha256"] in json.dumps(made.inputs) for v in made.expected["values"])


def test_any_parameter_of_the_uniform_inputs_means_uniform(ask):
    for name, given in {"rows": 3, "files_per_row": 1, "file_size": 400, "content": "sparse"}.items():
        assert ask(**{name: given}).inputs["name"].startswith("uniform-")


def test_the_cohort_is_the_default(ask):
    made = ask(sessions=5)
    assert made.inputs["name"].startswith("arc-")
    assert {"bold", "dwi", "t1w"} <= set(made.inputs["columns"])


def test_real_scans_of_nibabel(ask):
    made = ask("plain-column", inputs="nibabel", rows=2)
    assert (made.inputs["columns"], made.expected["files_needed"]) == (["id", "plain"], 1)


def test_a_bids_folder_is_read_and_left_alone(ask, tmp_path):
    folder = tmp_path / "mine"
    for subject, runs in (("sub-1", 2), ("sub-2", 0)):
        for path in [f"anat/{subject}_T1w.nii", *(f"func/{subject}_run-{r}_bold.nii" for r in range(runs))]:
            (folder / subject / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / subject / path).write_bytes(path.encode())
    before = sorted(folder.rglob("*"))
    made = ask("empty-list-row", bids_root=str(folder))
    assert made.inputs["rows"] == [1]
    assert [v["column"] for v in made.expected["values"]] == ["t1w"]
    assert sorted(folder.rglob("*")) == before


def test_an_empty_list_needs_none_of_its_files(ask):
    made = ask("empty-list-row", **SMALL)
    assert (made.inputs["rows"], made.expected["files_needed"], made.expected["count"]) == ([2], 0, 0)


def test_the_same_question_gives_the_same_inputs(ask):
    assert ask(**SMALL) == ask(**SMALL)
    assert ask("empty-list-row", **SMALL).inputs["manifest"] != ask(**SMALL).inputs["manifest"]


def test_beyond_the_limit_nothing_is_hashed_and_that_is_said(ask, monkeypatch):
    monkeypatch.setattr(module, "HASHED_BYTES", 1999)
    expected = ask(**SMALL).expected
    assert expected["unverified"] == "only lengths were compared: 2000 bytes are too many to hash"
    assert [(v["bytes"], v["sha256"]) for v in expected["values"]] == [(1000, None)] * 2


def test_a_long_list_is_cut_where_the_probe_cuts_it(ask, monkeypatch):
    probe = Path(module.__file__).with_name("probe.py").read_text("utf-8")  # it runs in the target only
    assert f"\nLISTED = {module.LISTED}\n" in probe
    monkeypatch.setattr(module, "LISTED", 5)
    expected = ask("full", **SMALL).expected
    assert (expected["count"], len(expected["values"])) == (8, 5)


@pytest.mark.parametrize(
    ("scenario", "given", "message"),
    [
        ("shard-first", {"rows": 0}, "rows=0 makes no sense: give rows=1 or more"),
        ("shard-first", {"rows": "many"}, "rows=many is not a whole number"),
        ("shard-first", {"rows": True}, "rows=True is not a whole number"),
        ("shard-first", {"file_size": 10}, "file_size=10 holds no image"),
        ("shard-first", {"rows": 3, "content": "salt"}, "unknown content 'salt'"),
        (
            "shard-first",
            {"rows": 3, "num_shards": 4},
            "num_shards=4 is more than the 3 rows there are: give num_shards=3",
        ),
        ("shard-first", {"rows": 3, "num_shards": 0}, "num_shards=0 makes no sense"),
        ("select-contiguous", {"rows": 3, "rows_per_select": 9}, "rows_per_select=9 is more than the 3 rows"),
        ("shard-first", {"inputs": "arc", "rows": 3}, "rows does not go with inputs=arc: give inputs=uniform"),
        ("shard-first", {"rows": 3, "sessions": 9}, "sessions does not go with inputs=uniform: give inputs=arc"),
        ("shard-first", {"inputs": "bids"}, "inputs=bids needs a folder: give bids_root=FOLDER"),
        ("shard-first", {"inputs": "cats"}, "unknown inputs 'cats'"),
        ("shard-frist", {"rows": 3}, "Did you mean 'shard-first'"),
    ],
)
def test_nonsense_is_said_in_one_line_with_what_to_type(ask, scenario, given, message):
    with pytest.raises(UserError, match=message) as raised:
        ask(scenario, **given)
    assert "\n" not in str(raised.value)


def test_every_scenario_can_be_prepared(ask):
    for scenario in bugs.load("embed-sliced-list").scenarios:
        assert ask(scenario.name, **SMALL).inputs["rows"]


def test_the_folder_of_a_user_is_absolute_in_the_question_and_not_in_its_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = question("embed-sliced-list", parameters=["bids_root=JaneDoe", "rows_per_select=3"])
    assert asked.given["bids_root"] == f"{tmp_path}/JaneDoe"
    assert "'bids_root=<yours>' --set rows_per_select=3" in asked.command()
    assert "Jane" not in asked.command()
