"""What a person reads in the terminal of a run and of the catalogue."""

from repro.bugs.declaration import NO_FIX, Bug, Parameter, Scenario
from repro.model import Limits, Outcome, Symptom, Verdict
from repro.render.text import catalogue_json, catalogue_text, memray_line, run_text, size
from repro.run.result import Run
from tests.evidence.examples import evidence

AGAIN = "repro run embed-sliced-list --scenario shard-first"
BUG = Bug(
    slug="a-bug",
    title="It reads too much",
    summary="In short: too much.",
    links={"report": "https://example.org/1"},
    scenarios=(Scenario("first", "the first shard"), Scenario("plain", "no lists", control=True)),
    fixes=(NO_FIX,),
    parameters=(Parameter("rows", "int", 8, "rows"), Parameter("kind", ("dense", "sparse"), "dense", "what is in it")),
    prepare=None,  # type: ignore[arg-type]
    oracle=None,  # type: ignore[arg-type]
    folder=None,  # type: ignore[arg-type]
    default_scenario="first",
)
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


def lines(*trials) -> dict[str, str]:
    """First word -> rest of each line below the first."""
    shown = run_text(Run(trials, AGAIN)).splitlines()
    return {"": shown[0], **{line.split()[0]: line.split(maxsplit=1)[1] for line in shown[1:]}}


def test_a_killed_run_says_status_reason_killer_files_memory_and_command():
    said = lines(evidence())
    assert said[""] == "PRESENT: embed-sliced-list, shard-first, fix none"
    assert said["why"] == "it opened 902 files where the shard needs 1"
    assert said["trials"] == "1 of 1 out-of-memory"
    assert said["killed"] == "by the kernel: the cgroup's oom_kill counter rose by 1"
    assert said["files"] == "opened 902, needed 1"
    assert said["memory"] == "peak 1.99 GiB RSS (sampled), 2.00 GiB by the cgroup; cap 2GiB by cgroup-v1"
    assert said["time"] == "9.8 s"
    assert said["target"] == "python 3.11.7 datasets 5.1.0 pyarrow 24.0.0"
    assert said["again"] == AGAIN


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
    assert said["trials"] == "2 of 3 ok, 1 of 3 out-of-memory"
    assert said["why"] == "it opened 902 files where the shard needs 1"


def test_a_diagnostic_run_names_the_line_that_allocates():
    assert lines(evidence(memray=MEMRAY))["memray"] == "peak heap 60.0 MiB; 50.0 MiB at fsspec/local.py:7 in read"


def test_a_diagnosis_without_allocations_says_why():
    assert memray_line({"allocators": [], "note": "memray wrote no capture"}) == "memray wrote no capture"
    assert memray_line({}) == "nothing recorded"
    assert memray_line({"allocators": [{"bytes": 9, "stack": []}]}) == "9 B at ?:0 in ?"


def test_sizes_are_for_people_and_unknown_ones_a_dash():
    assert [size(1536 << 20), size(0), size(None)] == ["1.50 GiB", "–", "–"]


def test_the_catalogue_names_everything_that_can_be_typed():
    text = catalogue_text([BUG, BUG])
    assert text.count("a-bug: It reads too much") == 2
    for words in ("the first shard (default)", "no lists (control)", "the released code as it is"):
        assert words in text
    assert "rows (int, default 8)" in text
    assert "what is in it (dense | sparse, default dense)" in text


def test_the_catalogue_for_a_machine_says_the_same():
    (form,) = catalogue_json([BUG])
    assert (form["bug"], form["fixes"], form["race"]) == ("a-bug", ["none"], False)
    assert [one["control"] for one in form["scenarios"]] == [False, True]
    assert form["parameters"][1] == {"name": "kind", "kind": "dense | sparse", "default": "dense"}
