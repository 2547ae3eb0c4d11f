"""The probe of embed-sliced-list, run as the contract says, and the known answers of some releases."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import FixKind
from repro.model import Outcome, Request, Status, Symptom, TargetInfo
from repro.rates import Rate
from repro.targets import provision
from repro.trial.supervise import scratch_folder, supervise
from tests.conftest import alone

BUG = bugs.load("embed-sliced-list")
SMALL: dict[str, Any] = {"rows": 8, "files_per_row": 3, "file_size": 65536}
ONE_OF_EACH = {"shard-middle", "select-indices", "plain-column"}
"""A slice with an offset, many slices, and no list at all: the scenarios that every run of the tests looks at."""

GREEDY = '''
def greedy(shard):
    """Read all that .values of a slice reaches, as the affected releases do, then embed."""
    from datasets.table import embed_table_storage
    table = shard.with_format("arrow")[:]
    for item in table["images"].chunk(0).values.to_pylist():
        open(item["path"], "rb").close()
    return embed_table_storage(table)
'''
SWAPPED = '''
def swapped(shard):
    """Embed other rows than were asked for."""
    from datasets.table import embed_table_storage
    return embed_table_storage(shard.with_format("arrow")[:].take([1, 0]))
'''


def request_for(tmp_path: Path, scenario: str, fix: str | None = None, **given: Any) -> tuple[Request, Any]:
    prepared = calls.prepare(BUG, scenario, SMALL | given, tmp_path / "cache")
    return Request(BUG.slug, scenario, "given", fix, {}, prepared.inputs, ""), prepared.expected


def events_of(tmp_path: Path, request: Request, check: bool = True) -> tuple[list[dict[str, Any]], str]:
    """Run the probe with the interpreter of the tests; its events and its stderr."""
    (tmp_path / "request.json").write_text(json.dumps(request.to_json()))
    command = [sys.executable, str(alone(BUG.folder / "probe.py", tmp_path)), "request.json", "events.jsonl"]
    ended = subprocess.run(command, capture_output=True, text=True, check=check, cwd=tmp_path)
    return [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()], ended.stderr


def measures_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        found |= event.get("measures", {})
    return found


def verdict_of(tmp_path: Path, scenario: str, fix: str | None = None) -> tuple[Any, dict[str, Any]]:
    request, expected = request_for(tmp_path, scenario, fix)
    measures = measures_of(events_of(tmp_path, request)[0])
    return calls.judge(BUG, scenario, Outcome(Symptom.OK, "", measures=measures), expected), measures


def workaround(tmp_path: Path, text: str) -> str:
    path = tmp_path / f"{text.split('(')[0].split()[-1]}.py"
    path.write_text(text)
    return str(path)


def test_events_tell_the_story_in_order(tmp_path):
    events, stderr = events_of(tmp_path, request_for(tmp_path, "shard-first")[0])
    assert events[0]["event"] == "started"
    assert {"datasets", "pyarrow"} <= set(events[0]["versions"]) & set(events[0]["files"])
    assert [e["name"] for e in events if e["event"] == "phase"] == ["build", "take", "embed", "verify"]
    assert events[-1]["event"] == "done"
    assert [e["t"] for e in events] == sorted(e["t"] for e in events)
    assert "Uploading Shards:   0%|          | 0/8 [00:00<?, ?it/s]" in stderr


def test_every_open_is_reported_when_it_happens(tmp_path):
    events, _ = events_of(tmp_path, request_for(tmp_path, "shard-first")[0])
    names = [e.get("name") for e in events]
    during = events[names.index("embed") : names.index("verify")]
    counts = [(e["measures"]["files_opened"], e["measures"]["bytes_opened"]) for e in during if e["event"] == "measure"]
    assert counts == [(1, 65536), (2, 131072), (3, 196608)]


@pytest.mark.parametrize(
    "scenario",
    [one.name if one.name in ONE_OF_EACH else pytest.param(one.name, marks=pytest.mark.slow) for one in BUG.scenarios],
)
def test_a_fixed_release_is_healthy(tmp_path, scenario):
    """The kit's own datasets: what the probe embeds equals what the kit expects, in order and content."""
    verdict, measures = verdict_of(tmp_path, scenario)
    assert verdict.symptom is Symptom.OK, verdict
    assert measures["files_opened"] == measures["files_needed"]
    assert measures["bytes_opened"] == measures["bytes_needed"]


@pytest.mark.slow
@pytest.mark.parametrize("fix", [fix for fix in BUG.fixes if fix.kind is FixKind.WORKAROUND], ids=lambda fix: fix.name)
def test_a_workaround_embeds_what_the_release_does(tmp_path, fix):
    assert verdict_of(tmp_path, "select-indices", str(fix.path))[0].symptom is Symptom.OK


def test_reading_beyond_the_slice_is_noticed(tmp_path):
    verdict, measures = verdict_of(tmp_path, "shard-middle", workaround(tmp_path, GREEDY))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.EXCESS_READ, True)
    assert (measures["files_opened"], measures["unique_files_opened"]) == (27, 24)
    assert measures["unneeded_files_opened"] == 21


def test_only_what_the_embedding_opens_is_counted(tmp_path):
    root = Path(request_for(tmp_path, "shard-first")[0].inputs["root"])
    early = f"""def early(shard):
    from datasets.table import embed_table_storage
    return embed_table_storage(shard.with_format("arrow")[:])
for path in {[str(path) for path in root.rglob("*.nii")]}:
    open(path, "rb").close()
"""
    verdict, measures = verdict_of(tmp_path, "shard-first", workaround(tmp_path, early))
    assert (verdict.symptom, measures["files_opened"]) == (Symptom.OK, 3)


def test_embedding_other_rows_is_noticed(tmp_path):
    verdict, _ = verdict_of(tmp_path, "select-contiguous", workaround(tmp_path, SWAPPED))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, False)


def test_columns_without_any_value_have_their_type(tmp_path):
    """A cohort of few sessions may have no FLAIR at all."""
    prepared = calls.prepare(BUG, "shard-first", SMALL, tmp_path / "cache")
    path = Path(prepared.inputs["manifest"])
    manifest = json.loads(path.read_text())
    manifest["features"]["flair"] = "nifti"
    manifest["rows"] = [{**row, "images": [], "flair": None} for row in manifest["rows"]]
    path.write_text(json.dumps(manifest))
    inputs = {**prepared.inputs, "columns": ["id", "images", "flair"]}
    events, _ = events_of(tmp_path, Request(BUG.slug, "shard-first", "none", None, {}, inputs, ""))
    measures = measures_of(events)
    assert (measures["embedded_count"], measures["files_opened"]) == (1, 0)
    assert measures["embedded"][0] == {"column": "flair", "row": 0, "path": None, "bytes": None, "sha256": None}


def test_an_exception_is_let_go(tmp_path):
    request, _ = request_for(
        tmp_path, "shard-first", workaround(tmp_path, "def broken(shard):\n    raise OSError('salt')\n")
    )
    events, stderr = events_of(tmp_path, request, check=False)
    assert "OSError: salt" in stderr
    assert "done" not in [e["event"] for e in events]


OLD = "datasets==5.1.0 pyarrow==24.0.0"
slow = partial(pytest.param, marks=pytest.mark.slow)


@pytest.mark.targets
@pytest.mark.parametrize(
    ("target", "scenario", "fix", "status", "opened"),
    [
        (OLD, "shard-first", "none", Status.PRESENT, 24),
        (OLD, "shard-first", "pandas-round-trip", Status.ABSENT, 3),
        ("datasets==5.2.0 pyarrow==24.0.0", "shard-first", "none", Status.ABSENT, 3),
        slow(OLD, "select-indices", "none", Status.PRESENT, 48),
        slow(OLD, "empty-list-row", "none", Status.PRESENT, 21),
        slow(OLD, "plain-column", "none", Status.ABSENT, 1),
        slow(OLD, "full", "none", Status.ABSENT, 24),
        slow(OLD, "shard-first", "combine-chunks", Status.PRESENT, 24),
        slow(OLD, "shard-first", "contiguous-copy", Status.PRESENT, 24),
        slow(OLD, "shard-middle", "contiguous-copy", Status.ABSENT, 3),
        slow("datasets==4.4.1", "shard-first", "none", Status.DIFFERENT_FAILURE, 0),
        slow("datasets==4.3.0", "shard-first", "none", Status.UNTESTABLE, None),
    ],
)
def test_known_answers(shared_cache, tmp_path, target, scenario, fix, status, opened):
    tried = bugs.fix(BUG, fix)
    patch = tried.path if tried.kind is FixKind.PATCH else None
    made = provision(target, cache=shared_cache, requires=BUG.needs, patch=patch, diagnostic=())
    assert isinstance(made, TargetInfo), made
    request, expected = request_for(tmp_path, scenario, str(tried.path) if tried.kind is FixKind.WORKAROUND else None)
    with scratch_folder() as scratch:
        outcome = supervise(request, made.python, BUG.folder / "probe.py", BUG.default_limits, scratch=scratch)
    verdict = calls.judge(BUG, scenario, outcome, expected)
    assert (Rate.of([verdict]).status(race=False), outcome.measures.get("files_opened")) == (status, opened), verdict


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(("release", "code"), [("5.1.0", 1), ("5.2.0", 0)])
def test_the_script_for_the_issue_tells_the_releases_apart(shared_cache, tmp_path, release, code):
    made = provision(f"datasets=={release} pyarrow==24.0.0", cache=shared_cache, requires=(), diagnostic=())
    assert isinstance(made, TargetInfo), made
    script = BUG.folder / "minimal.py"
    assert len(script.read_text().splitlines()) <= 30
    environment = {"PATH": "", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    ended = subprocess.run([made.python, script], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert ended.returncode == code, ended.stderr
    assert f"opened {300 if code else 1} files, needed 1" in ended.stdout
    assert not list(tmp_path.glob("tmp*"))
