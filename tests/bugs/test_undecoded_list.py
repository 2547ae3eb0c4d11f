"""undecoded-list: files without bytes are the bug, except in a control; the workaround finds every feature of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro import bugs
from repro.bugs import calls
from repro.model import Outcome, Symptom

BUG = bugs.load("undecoded-list")


@pytest.mark.parametrize("scenario", BUG.scenarios, ids=lambda one: one.name)
@pytest.mark.parametrize("with_bytes", [0, 3, 4])
def test_files_without_bytes_are_the_bug_except_in_a_control(scenario, with_bytes):
    expected = calls.prepare(BUG, scenario.name, {}, Path()).expected
    outcome = Outcome(Symptom.OK, "", measures={"with_bytes": with_bytes})
    verdict = calls.judge(BUG, scenario.name, outcome, expected)
    assert verdict.is_bug == (with_bytes < 4 and not scenario.control)


def test_each_scenario_of_the_bug_is_a_file_feature_with_decode_off_inside_another():
    for scenario in BUG.scenarios:
        nested = scenario.inputs["nesting"] != "plain"
        shows = nested and not scenario.inputs["decode"] and scenario.inputs["source"] == "path"
        assert shows == (not scenario.control), scenario.name


def test_the_workaround_decodes_every_file_and_keeps_the_rest(tmp_path):
    datasets = pytest.importorskip("datasets")
    from repro.bugs.undecoded_list.workarounds.decode_on import decode_on

    off, on = datasets.Image(decode=False), datasets.Image()
    text = datasets.Value("string")
    path = tmp_path / "a.png"
    path.write_bytes(b"no image: nothing is decoded")
    value = {"bytes": None, "path": str(path)}
    given = datasets.Dataset.from_dict(
        {"plain": [value], "list": [[value]], "struct": [{"file": value, "name": "a"}], "text": ["a"]},
        features=datasets.Features(
            {"plain": off, "list": datasets.List(off), "struct": {"file": off, "name": text}, "text": text}
        ),
    )
    made = decode_on(given)
    assert made.features == datasets.Features(
        {"plain": on, "list": datasets.List(on), "struct": {"file": on, "name": text}, "text": text}
    )
    assert given.features["plain"].decode is False
    assert made.with_format("arrow")[:].to_pylist() == given.with_format("arrow")[:].to_pylist()
