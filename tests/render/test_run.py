"""A run as a person sees it: text in the terminal; in a notebook a picture beside it, and words on a static page."""

import base64
from typing import Any

import IPython.display
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs.declaration import Column, Prepared
from repro.model import Limits, Outcome, Sample, Symptom, Verdict
from repro.render.run import Picture, ShownRun, Words, allocators_table, inputs_table, memray_line, run_text, runs_table
from repro.render.words import size_words
from repro.run.result import Run
from tests.evidence.examples import MIB, evidence

AGAIN = "repro run embed-sliced-list --scenario shard-first"
MEMRAY = {
    "peak_bytes": 60 << 20,
    "allocators": [
        {
            "bytes": 50 << 20,
            "count": 3,
            "stack": [
                {"function": "read", "file": "fsspec/local.py", "line": 7},
                {"function": "embed", "file": "datasets/table.py", "line": 9},
            ],
        },
        {"bytes": 1 << 20, "count": 1, "stack": []},
    ],
    "note": "",
}


COLUMNS = (Column("files opened / needed", lambda o: str(o.measures.get("files_opened", ""))),)


def lines(*trials, race=False) -> dict[str, str]:
    """First word -> rest of each line below the first."""
    shown = run_text(Run(trials, AGAIN, race), COLUMNS).splitlines()
    return {"": shown[0], **{line.split()[0]: line.split(maxsplit=1)[1] for line in shown[1:]}}


def test_a_killed_run_says_status_reason_killer_files_memory_and_command():
    said = lines(evidence())
    assert said[""] == "PRESENT: embed-sliced-list, shard-first, fix none"
    assert said["why"] == "it opened 902 files where the shard needs 1"
    assert said["trials"] == "1 trial: 1 out-of-memory"
    assert said["killed"] == "by the kernel: the cgroup's oom_kill counter rose by 1"
    assert said["files"] == "opened / needed 902"
    assert said["memory"] == "peak 2.00 GiB by the cgroup, 1.99 GiB RSS (sampled); cap 2GiB by cgroup-v1"
    assert said["time"] == "9.8 s"
    assert said["target"] == "python 3.11.7 datasets 5.1.0 pyarrow 24.0.0"
    assert said["again"] == AGAIN


def test_without_a_cap_it_is_said_who_measured_and_nothing_is_called_a_cap():
    free = evidence(limits=Limits(None, 10.0, 5.0))
    assert lines(free)["memory"] == "peak 2.00 GiB by the cgroup, 1.99 GiB RSS (sampled); no cap"


def test_what_was_not_measured_is_left_out_and_never_shown_as_zero():
    nothing = evidence(
        outcome=Outcome(Symptom.UNSOLVABLE, "no"),
        verdict=Verdict(Symptom.UNSOLVABLE, False, "no"),
        target={"spec": "datasets==9", "packages": {}},
        limits=Limits(None, 10.0, 5.0),
    )
    said = lines(nothing)
    assert said[""].startswith("UNTESTABLE")
    assert said["target"] == "datasets==9"
    assert {"killed", "files", "memory", "time", "memray"} & set(said) == set()


def test_trials_are_counted_and_the_one_that_shows_the_bug_is_shown():
    fine = evidence(outcome=Outcome(Symptom.OK, ""), verdict=Verdict(Symptom.OK, False, "fine"))
    said = lines(fine, fine, evidence())
    assert said["trials"] == "3 trials: 2 ok, 1 out-of-memory"
    assert said["rate"] == "fails in 1/3 (0.6–91 %)"
    assert said["why"] == "it opened 902 files where the shard needs 1"


def test_a_diagnostic_run_names_the_line_that_allocates():
    assert lines(evidence(memray=MEMRAY))["memray"] == "peak heap 60.0 MiB; 50.0 MiB at fsspec/local.py:7 in read"


def test_a_diagnosis_without_allocations_says_why():
    assert memray_line({"allocators": [], "note": "memray wrote no capture"}) == "memray wrote no capture"
    assert memray_line({}) == "nothing recorded"
    assert memray_line({"allocators": [{"bytes": 9, "stack": []}]}) == "9 B at ?:0 in ?"


def test_sizes_are_for_people_and_unknown_ones_a_dash():
    assert [size_words(1536 << 20), size_words(0), size_words(None)] == ["1.50 GiB", "–", "–"]


def test_a_race_that_was_not_seen_says_how_much_that_bounds():
    fine = evidence(outcome=Outcome(Symptom.OK, ""), verdict=Verdict(Symptom.OK, False, "fine"))
    said = lines(fine, race=True)
    assert said[""].startswith("UNSETTLED")
    assert said["why"] == said["rate"] == "unsettled: not seen in 1 trial (rate below 98 %)"
    assert lines(*[fine] * 35, race=True)[""].startswith("ABSENT")


def test_a_run_whose_control_failed_says_nothing_of_the_bug():
    control = evidence(scenario="plain", verdict=Verdict(Symptom.OUT_OF_MEMORY, False, "no memory at all"))
    text = run_text(Run((evidence(),), AGAIN, False, control))
    assert text.startswith("UNTESTABLE") and "the control plain fails here too: no memory at all" in text


# In a notebook


@pytest.fixture
def displayed(monkeypatch):
    """What is displayed, in order."""
    shown: list[object] = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    return shown


def test_a_run_shows_its_text_and_below_it_its_memory(displayed):
    run = ShownRun((evidence(),), "again")
    run._ipython_display_()
    text, picture = displayed
    assert repr(text) == repr(run)
    assert repr(text).startswith("PRESENT: embed-sliced-list")
    png = base64.b64decode(picture._repr_mimebundle_()["image/png"])
    assert png.startswith(b"\x89PNG")


def test_a_run_without_samples_shows_no_empty_picture(displayed):
    single = Outcome(Symptom.OK, "", timeline=(Sample(0.0, 1, 1),))
    ShownRun((evidence(outcome=single, verdict=Verdict(Symptom.OK, False, "")),), "again")._ipython_display_()
    assert len(displayed) == 1


def test_a_shown_run_says_the_same_to_a_machine_as_a_plain_one():
    trials = (evidence(), evidence())
    assert ShownRun(trials, "again").to_json() == Run(trials, "again").to_json()


def test_every_picture_has_words_that_say_the_same():
    bundle = Picture(b"\x89PNG", "peak 2 GiB")._repr_mimebundle_()
    assert bundle == {"text/plain": "peak 2 GiB", "image/png": base64.b64encode(b"\x89PNG").decode()}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\ntwo", "one\ntwo"),
        ("0 %\r50 %\r100 %", "100 %"),
        ("\rUploading Shards:   0%", "Uploading Shards:   0%"),
        ("done\r\nnext\r\n", "done\nnext\n"),
        ("a\rb\nc\rd", "b\nd"),
    ],
)
def test_of_a_progress_bar_the_last_state_is_shown(written, shown):
    assert repr(Words(written)) == shown


@given(st.text(st.characters(exclude_characters="\r")))
def test_text_without_carriage_returns_is_shown_as_it_is(text):
    assert repr(Words(text)) == text


def test_runs_are_compared_by_the_trial_that_shows_most():
    fine = evidence(verdict=Verdict(Symptom.OK, False, "fine"))
    bad = ShownRun.of(Run((fine, evidence()), "a"), COLUMNS)
    table = runs_table([bad, Run((fine,), "b")], "Both")
    assert [row[table.columns.index("files opened / needed")] for row in table.rows] == ["902", "902"]
    assert [row[table.columns.index("symptom")] for row in table.rows] == ["out-of-memory", "ok"]


def test_numbers_of_the_inputs_are_readable():
    prepared = Prepared({}, summary={"apparent_bytes": 273000000000, "name": "arc", "ratio": 0.5})
    assert inputs_table(prepared).rows == (("apparent bytes", "273,000,000,000"), ("name", "arc"), ("ratio", "0.5"))


def test_allocations_are_shown_with_their_innermost_frames():
    table = allocators_table(Run((evidence(memray=MEMRAY),), "again"))
    first, second = table.rows
    assert first == ("50.0 MiB", "3", "fsspec/local.py:7 read < datasets/table.py:9 embed")
    assert second == ("1.00 MiB", "1", "?")
    assert table.note.startswith("peak heap 60.0 MiB")
    assert len(allocators_table(Run((evidence(memray=MEMRAY),), "again"), most=1).rows) == 1


def frame(file: str, function: str = "f") -> dict[str, Any]:
    return {"file": file, "line": 1, "function": function}


def test_the_import_machinery_is_left_out_of_allocations():
    loader, finder = frame("<frozen importlib._bootstrap_external>", "get_code"), frame("<frozen importlib._bootstrap>")
    report: dict[str, Any] = {
        "peak_bytes": 90 * MIB,
        "allocators": [
            {"bytes": 50 * MIB, "count": 3, "stack": [frame("probe.py"), finder, frame("run.py")]},
            {"bytes": 4 * MIB, "count": 9, "stack": [loader, finder, frame("pandas/api.py", "<module>")]},
            {"bytes": 2 * MIB, "count": 9, "stack": [finder]},
        ],
    }
    table = allocators_table(Run((evidence(memray=report),), "again"))
    assert table.rows == (("50.0 MiB", "3", "probe.py:1 f < run.py:1 f"),)
    assert table.note.endswith("Left out: 6.00 MiB by imports")
    assert "importlib" not in table.to_text() + memray_line({"allocators": report["allocators"][2:]})


def test_a_grid_has_a_cell_for_each_scenario_and_tells_environments_apart_where_they_differ():
    def run(scenario: str, version: str, got: str, symptom: Symptom = Symptom.OK) -> ShownRun:
        outcome = Outcome(symptom, "", measures={"files_opened": got})
        target = {"spec": f"hub=={version}", "hub": version, "python": "3.11.7", "packages": {}}
        verdict = Verdict(symptom, symptom is Symptom.WRONG_OUTPUT, "")
        one = evidence(scenario=scenario, outcome=outcome, verdict=verdict, target=target)
        return ShownRun.of(Run((one,), AGAIN), COLUMNS)

    title = COLUMNS[0].title
    same = [run("open-503", version, "3") for version in ("1.33.0", "2.4.0")]
    table = runs_table(
        [*same, run("tree-503", "1.33.0", "1"), run("tree-503", "2.4.0", "2"), run("tree-no-range", "2.4.0", "9"),
         run("open-stall", "2.4.0", "", Symptom.HANG), run("open-no-range", "2.4.0", "9", Symptom.WRONG_OUTPUT)],
        grid=[title],
    )  # fmt: skip
    assert table.columns == ("", "open", "tree")
    assert table.rows == (
        ("503", "3", "1.33.0: 1; 2.4.0: 2"),
        ("no-range", "wrong-output: 9", "9"),
        ("stall", "hang", ""),
    )
    assert table.note == f"A cell: {title}; hub where they differ."
