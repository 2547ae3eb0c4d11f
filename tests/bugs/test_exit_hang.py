"""exit-hang: what the oracle calls the bug, what the probe promises, and what each workaround does to a script.

A race is not asserted: no test here depends on how often the process hangs. Probes are ended as soon as they are done.
"""

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs import calls
from repro.bugs.declaration import FixKind
from repro.bugs.exit_hang.bug import BUG
from repro.bugs.exit_hang.diagnosis import where
from repro.bugs.exit_hang.oracle import READS_ALL, READS_NOTHING
from repro.errors import UserError
from repro.inputs import cases, parquet
from repro.model import Outcome, Request, Scalar, Stack, Status, Symptom, Verdict
from repro.rates import Rate
from repro.run.hub import hub_of
from tests.conftest import alone

SMALL: dict[str, Scalar] = {"layout": "small", "seed": 7}
EXPECTED = {"rows": 4096}
ARROW = [scenario.name for scenario in BUG.scenarios if "datasets" not in scenario.needs]
WORKAROUNDS = [fix for fix in BUG.fixes if fix.kind is FixKind.WORKAROUND]


def outcome(symptom: Symptom, rows: int | None = 16) -> Outcome:
    return Outcome(symptom, "as the supervisor says", measures={} if rows is None else {"rows_read": rows})


# --- the oracle ---------------------------------------------------------------------------------------------------


@given(st.sampled_from(Symptom), st.sampled_from(BUG.scenarios), st.one_of(st.none(), st.integers(0, 5000)))
def test_the_bug_is_a_hang_or_a_crash_after_the_last_statement_and_nothing_else(symptom, scenario, rows):
    verdict = calls.judge(BUG, scenario.name, outcome(symptom, rows), EXPECTED)
    assert verdict.is_bug == (symptom in {Symptom.HANG_AT_EXIT, Symptom.CRASH_AT_EXIT})
    assert verdict.symptom is symptom or (symptom, verdict.symptom) == (Symptom.OK, Symptom.WRONG_OUTPUT)
    assert verdict.reason


def test_one_bad_end_in_twenty_is_enough_for_present():
    ends = [Symptom.OK] * 19 + [Symptom.HANG_AT_EXIT]
    verdicts = [calls.judge(BUG, "arrow-generator", outcome(end), EXPECTED) for end in ends]
    assert Rate.of(verdicts).status(race=BUG.race) is Status.PRESENT
    assert Rate.of(verdicts[:19]).status(race=BUG.race) is Status.UNSETTLED, "19 clean runs of a race are too few"


@pytest.mark.parametrize("symptom", [Symptom.HANG, Symptom.CRASH, Symptom.ERROR])
def test_a_failure_before_the_last_statement_is_a_different_one(symptom):
    assert (
        Rate.of([calls.judge(BUG, "arrow-loop", outcome(symptom), EXPECTED)]).status(race=True)
        is Status.DIFFERENT_FAILURE
    )


@pytest.mark.parametrize("scenario", sorted(READS_ALL))
def test_reading_everything_must_give_every_row(scenario):
    assert calls.judge(BUG, scenario, outcome(Symptom.OK, 4096), EXPECTED).symptom is Symptom.OK
    assert calls.judge(BUG, scenario, outcome(Symptom.OK, 4095), EXPECTED).symptom is Symptom.WRONG_OUTPUT


@pytest.mark.parametrize("scenario", sorted(READS_NOTHING))
def test_the_control_must_have_read_nothing(scenario):
    assert calls.judge(BUG, scenario, outcome(Symptom.OK, 0), EXPECTED).symptom is Symptom.OK
    assert calls.judge(BUG, scenario, outcome(Symptom.OK, 1), EXPECTED).symptom is Symptom.WRONG_OUTPUT


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (None, "the probe did not say how many rows it read"),
        (0, "read 0 rows of 4096 where at least one was asked for"),
        (4097, "read 4097 rows of 4096 where at least one was asked for"),
    ],
)
def test_a_healthy_end_without_a_row_is_not_health(rows, said):
    verdict = calls.judge(BUG, "arrow-loop", outcome(Symptom.OK, rows), EXPECTED)
    assert verdict == Verdict(Symptom.WRONG_OUTPUT, False, said)


@pytest.mark.parametrize("rows", [1, 4096])
def test_one_row_is_enough_and_all_are_not_too_many(rows):
    assert calls.judge(BUG, "arrow-loop", outcome(Symptom.OK, rows), EXPECTED).symptom is Symptom.OK


# --- the diagnosis ------------------------------------------------------------------------------------------------

POOL = "arrow::internal::ThreadPool::Shutdown"


def stacks(*threads: tuple[str, ...]) -> Outcome:
    """A process that hangs with these threads, each with the functions on its stack, innermost first."""
    text = ""
    for number, frames in enumerate(threads):
        text += f'Thread {number} (Thread 0x7f (LWP {number}) "python"):\n'
        text += "".join(f"#{i}  0x00007f in {function} () from /x/lib.so\n" for i, function in enumerate(frames))
    return Outcome(Symptom.HANG_AT_EXIT, "still alive", stacks=(Stack("gdb", text),))


@pytest.mark.parametrize(
    ("threads", "said"),
    [
        ([(POOL, "__run_exit_handlers")], f"waits in {POOL}; no thread of that pool is left"),
        ([("arrow::internal::Work",), (POOL, "__run_exit_handlers")], f"waits in {POOL}; 1 other thread(s) in Arrow"),
        ([("PyGILState_Ensure",), ("x",), (POOL, "__run_exit_handlers")], "; 1 other thread(s) in Arrow"),
        ([("x",), (POOL, "main")], f"a thread waits in {POOL}"),
    ],
)
def test_a_hang_says_for_which_pool_it_waits_and_who_is_left_in_it(threads, said):
    assert said in where(stacks(*threads))
    assert where(stacks(*threads)).startswith("the main thread runs C exit handlers") == ("__run_exit" in str(threads))


@pytest.mark.parametrize("threads", [[], [("take_gil", "main")], [("__run_exit_handlers",), ("arrow::internal::W",)]])
def test_a_hang_elsewhere_is_not_taken_for_one_in_a_pool(threads):
    assert where(stacks(*threads)) == ""


# --- the declaration ----------------------------------------------------------------------------------------------


def test_scenarios_without_datasets_run_in_targets_without_datasets():
    for scenario in BUG.scenarios:
        assert ("datasets" in scenario.needs) == scenario.name.startswith(("datasets-", "hub-"))
        assert ("huggingface_hub" in scenario.needs) == scenario.hub == scenario.name.startswith("hub-")
    assert BUG.needs == ("pyarrow",)


def test_only_reading_nothing_is_a_control():
    assert {scenario.name for scenario in BUG.scenarios if scenario.control} == READS_NOTHING


def test_the_grace_is_shorter_than_the_timeout():
    assert BUG.default_limits.grace_s < BUG.default_limits.timeout_s


def test_names_are_unique_and_the_defaults_exist():
    for named in (BUG.scenarios, BUG.fixes, BUG.parameters):
        assert len({each.name for each in named}) == len(named)
    assert BUG.default_scenario in ARROW


def test_prepare_gives_the_probe_a_file_and_the_oracle_its_rows(tmp_path):
    prepared = calls.prepare(BUG, "arrow-loop", SMALL, tmp_path)
    assert Path(prepared.inputs["path"]).is_file()
    assert prepared.inputs["layout"] == "small"
    assert prepared.expected == EXPECTED


@pytest.mark.parametrize(("scenario", "files", "groups"), [("hub-next", 149, 1), ("hub-groups", 1, 30)])
def test_a_scenario_on_the_hub_has_the_cases_of_the_report_in_its_repository(tmp_path, scenario, files, groups):
    prepared = calls.prepare(BUG, scenario, SMALL, tmp_path)
    assert prepared.repositories is not None
    found = cases.files(prepared.repositories)
    assert (len(found), pq.ParquetFile(found[0]).num_row_groups) == (files, groups)
    assert sum(pq.ParquetFile(file).metadata.num_rows for file in found) == prepared.expected["rows"] == 149
    assert "path" not in prepared.inputs


@pytest.mark.parametrize("seed", ["many", -1, True, None])
def test_a_seed_that_is_no_number_is_refused(tmp_path, seed):
    with pytest.raises(UserError, match="--set seed="):
        calls.prepare(BUG, "arrow-loop", {"layout": "small", "seed": seed}, tmp_path)


def test_an_unknown_scenario_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UserError, match="'arrow-loop'"):
        calls.prepare(BUG, "arow-loop", SMALL, tmp_path)


# --- the scripts --------------------------------------------------------------------------------------------------


def imports(path: Path) -> set[str]:
    """Top-level names of what a script imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    found += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return {name.split(".")[0] for name in found}


def test_the_probe_imports_the_packages_under_test_and_the_standard_library_only():
    assert imports(BUG.folder / "probe.py") - sys.stdlib_module_names == {"pyarrow", "datasets", "probe_tools"}


def test_done_is_the_last_statement_of_the_probe():
    last = ast.parse((BUG.folder / "probe.py").read_text(encoding="utf-8")).body[-1]
    assert ast.unparse(last) == "done()"


def test_the_probe_reads_ahead_no_batch_and_no_fragment_as_datasets_does():
    """Read ahead, the same file ends the process in another way: the probe would count another thing."""
    body = ast.parse((BUG.folder / "probe.py").read_text(encoding="utf-8")).body
    parts = [one for one in body if ast.unparse(one).startswith(("NO_READAHEAD = ", "def batches_of("))]
    asked: dict[str, int] = {}
    fragment = SimpleNamespace(to_batches=lambda **options: asked.update(options) or ())
    form = SimpleNamespace(make_fragment=lambda file, filesystem: fragment)
    space: dict[str, Any] = {"ds": SimpleNamespace(ParquetFileFormat=lambda: form), "opened": contextlib.nullcontext}
    space |= {"READ": None, "FILESYSTEM": None, "OPTIONS": {}, "Iterator": list, "Any": int}
    exec(compile(ast.Module(parts, []), "probe", "exec"), space)
    assert list(space["batches_of"]()) == []
    assert asked == {"batch_readahead": 0, "fragment_readahead": 0}


@pytest.mark.parametrize("name", ["minimal.py", "minimal_datasets.py"])
def test_a_minimal_script_fits_in_an_issue_and_needs_no_kit(name):
    text = (BUG.folder / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 30
    assert text.startswith("# /// script\n")
    assert imports(BUG.folder / name) - sys.stdlib_module_names <= {"pyarrow", "datasets"}
    assert ("datasets" in imports(BUG.folder / name)) == (name == "minimal_datasets.py")


@pytest.mark.parametrize("fix", WORKAROUNDS, ids=lambda fix: fix.name)
def test_a_workaround_is_one_function_named_like_its_file_and_needs_no_kit(fix):
    functions = [
        node.name for node in ast.parse(fix.path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    assert functions == [fix.path.stem] == [fix.name.replace("-", "_")]
    assert imports(fix.path) - sys.stdlib_module_names <= {"pyarrow"}


def test_every_workaround_in_the_folder_is_declared():
    declared = {fix.path for fix in BUG.fixes if fix.path}
    assert declared == {*BUG.folder.glob("workarounds/*.py"), *BUG.folder.glob("patches/*.patch")}


def test_the_forced_workaround_drops_the_version_condition_and_keeps_the_rest(tmp_path):
    source = (
        Path(str(metadata.distribution("datasets").locate_file("datasets"))) / "packaged_modules/parquet/parquet.py"
    )
    copy = tmp_path / "datasets/packaged_modules/parquet/parquet.py"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())
    (patch,) = [fix.path for fix in BUG.fixes if fix.kind is FixKind.PATCH]
    subprocess.run(["git", "apply", "-p1", str(patch)], cwd=tmp_path, check=True, timeout=30)
    before, after = source.read_text().splitlines(), copy.read_text().splitlines()
    (changed,) = [(old.strip(), new.strip()) for old, new in zip(before, after, strict=True) if old != new]
    assert "PYARROW_VERSION" in changed[0]
    assert changed[1] == "if not fragment_is_closed:"


# --- the probe at work --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def probe(cache, tmp_path):
    """Run the probe until it is done (how it ends is the race, and no business of a test); give its events."""

    def run(scenario, fix_path=None, fix="none"):
        prepared = calls.prepare(BUG, scenario, SMALL, cache)
        request = Request(
            BUG.slug, scenario, fix, str(fix_path) if fix_path else None, SMALL, prepared.inputs, str(tmp_path)
        )
        (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
        events = tmp_path / "events.jsonl"
        events.write_text("")
        command = [sys.executable, alone(BUG.folder / "probe.py", tmp_path), tmp_path / "request.json", events]
        asked = next(one for one in BUG.scenarios if one.name == scenario)
        with (tmp_path / "stderr").open("wb") as stderr, hub_of(BUG, asked, prepared) as hub:
            environment = {**os.environ, **(hub.environment if hub else {})}
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr, env=environment)
            deadline = time.monotonic() + 60
            while process.poll() is None and '"done"' not in events.read_text() and time.monotonic() < deadline:
                time.sleep(0.01)
            process.kill()
            code = process.wait()
            requests = len((hub.close() or {})["requests"]) if hub else 0
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        assert (requests > 0) == asked.hub, "who streams from the Hub asks it, and nobody else has one"
        return lines, code, (tmp_path / "stderr").read_text(errors="replace")

    return run


STREAMS = ["datasets-iterator", "datasets-take", "datasets-nothing", "hub-next", "hub-groups", "hub-nothing"]


@pytest.mark.parametrize("scenario", [*ARROW, *STREAMS])
def test_the_probe_says_what_it_runs_with_what_it_read_and_that_it_is_done(probe, scenario):
    events, _, stderr = probe(scenario)
    assert [event["event"] for event in events] == ["started", "measure", "done"], stderr
    named = {
        "pyarrow",
        *(["datasets"] if scenario in STREAMS else []),
        *(["huggingface-hub"] if "hub" in scenario else []),
    }
    assert set(events[0]["versions"]) == named
    assert all(Path(file).is_file() for file in events[0]["files"].values())
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    healthy = outcome(Symptom.OK, events[1]["measures"]["rows_read"])
    assert calls.judge(BUG, scenario, healthy, {"rows": 149} if "hub" in scenario else EXPECTED).symptom is Symptom.OK


@pytest.mark.slow
@pytest.mark.parametrize("fix", WORKAROUNDS, ids=lambda fix: fix.name)
def test_a_generator_with_a_workaround_still_gives_its_rows_and_gets_to_its_end(probe, fix):
    events, _, stderr = probe("arrow-generator", fix.path, fix.name)
    assert [event["event"] for event in events] == ["started", "measure", "done"], stderr
    assert events[1]["measures"]["rows_read"] > 0


def test_closing_a_generator_is_unsupported_where_there_is_none(probe):
    path = BUG.folder / "workarounds/close_generator.py"
    events, code, _ = probe("arrow-loop", path, "close-generator")
    assert (events[-1]["event"], events[-1]["reason"]) == ("unsupported", "no generator is alive at the end")
    assert all(event["event"] != "done" for event in events)
    assert code in {0, -signal.SIGKILL, -signal.SIGABRT, -signal.SIGSEGV}


@pytest.mark.parametrize("name", ["native_file", "iter_batches", "no_threads"])
def test_what_datasets_does_itself_cannot_be_replaced_from_outside(probe, name):
    events, _, _ = probe("datasets-next", BUG.folder / f"workarounds/{name}.py", name)
    assert events[-1]["event"] == "unsupported"


def test_someone_elses_workaround_without_a_stage_is_refused_in_one_line(probe, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text("def mine():\n    pass\n")
    events, code, stderr = probe("arrow-nothing", mine, "mine")
    assert (events, code) == ([], 1)
    assert stderr.strip().startswith("mine.py must define STAGE")


def test_layouts_are_the_choices_of_the_parameter():
    (layout,) = [parameter for parameter in BUG.parameters if parameter.name == "layout"]
    assert layout.kind == tuple(parquet.LAYOUTS)
