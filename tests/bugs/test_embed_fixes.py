"""Every candidate fix: never wrong where it claims to work, and each patch fits the releases that it is for."""

from __future__ import annotations

import ast
import importlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import Dataset, Features, List, Nifti, Value
from hypothesis import HealthCheck, given, settings

from repro import bugs, targets
from repro.bugs.declaration import FixKind
from repro.bugs.embed_sliced_list.gate import cases as gate
from repro.bugs.embed_sliced_list.gate.oracle import WRONG
from repro.lab import Lab
from repro.model import Symptom, TargetInfo, Unsolvable
from repro.render.compare import sentences, which_fix_markdown
from repro.studies.candidates import UPSTREAM
from tests.bugs.embed_strategies import cases

BUG = bugs.load("embed-sliced-list")
WORKAROUNDS = [fix for fix in BUG.fixes if fix.kind is FixKind.WORKAROUND]
PATCHES = [fix for fix in BUG.fixes if fix.kind is FixKind.PATCH]
COPYING = ["take", "ipc_round_trip", "concat_columns", "flatten_indices", "row_by_row"]
AFFECTED, NEWEST = "datasets==5.1.0 pyarrow==24.0.0", "datasets==5.2.0 pyarrow==24.0.0"
named = partial(pytest.mark.parametrize, ids=lambda value: getattr(value, "name", value))


def workaround(name: str) -> Any:
    return getattr(importlib.import_module(f"repro.bugs.embed_sliced_list.workarounds.{name}"), name)


@pytest.fixture(autouse=True)
def no_bars():
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


@named("fix", WORKAROUNDS + PATCHES)
def test_each_says_what_it_does_and_where_it_was_proposed_if_anywhere(fix):
    assert fix.title and (not fix.proposed_in or fix.proposed_in.startswith("huggingface/datasets"))
    assert fix.path is not None and fix.path.is_file()


@named("fix", WORKAROUNDS)
def test_a_workaround_is_one_file_to_paste_that_imports_nothing_of_the_kit(fix):
    tree = ast.parse(fix.path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    assert foreign <= {"datasets", "pyarrow"}


@named("name", COPYING)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(case=cases())
def test_a_workaround_is_never_wrong(name, case):
    verdict = gate.check(workaround(name), case)
    assert verdict["kind"] not in WRONG, verdict
    if verdict["kind"] == "raised":  # an empty shard is all that the newest release itself refuses
        assert "zero-rows" in verdict["traits"], verdict


@named("name", COPYING)
def test_a_workaround_embeds_the_rows_of_a_shard(name, tmp_path):
    features = Features({"id": Value("int64"), "scans": List(Nifti())})
    paths = [tmp_path / f"{number}.nii" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * 10)
    rows = {"id": [0, 1, 2], "scans": [[str(paths[0]), str(paths[1])], [], [str(paths[2]), str(paths[3])]]}
    shard = Dataset.from_dict(rows, features=features).shard(num_shards=3, index=2, contiguous=True)
    (row,) = workaround(name)(shard).to_pylist()
    assert row["id"] == 2 and [scan["bytes"] for scan in row["scans"]] == [b"\2" * 10, b"\3" * 10]


# In released versions


def provision(spec: str, patch: Path | None) -> TargetInfo | Unsolvable:
    from repro import places

    return targets.provision(spec, cache=places.cache(), requires=("datasets", "pyarrow"), patch=patch)


@pytest.mark.targets
@named("fix", PATCHES)
def test_a_patch_fits_the_last_affected_release(fix):
    assert isinstance(provision(AFFECTED, fix.path), TargetInfo)


@pytest.mark.targets
@named("fix", [fix for fix in PATCHES if fix.name != "large-binary"])
def test_a_patch_of_the_copy_does_not_apply_to_the_release_that_copies_and_says_so(fix):
    found = provision(NEWEST, fix.path)
    assert isinstance(found, Unsolvable) and found.symptom is Symptom.UNSUPPORTED
    assert "datasets 5.2.0" in found.reason


@pytest.mark.slow
@pytest.mark.targets
def test_a_small_comparison_tells_the_fixes_apart(tmp_path):
    lab = Lab(reports=tmp_path, quiet=True)
    fixes = ["contiguous-copy", "unconditional-copy", "large-binary", "direct-embed"]
    asked: dict[str, Any] = {"target": AFFECTED, "newest": NEWEST, "size": "256KiB"}
    found = lab.compare(BUG.slug, fixes=fixes, repetitions=1, cases=25, jobs=2, **asked).found
    rows = {row.name: row for row in found.rows}
    assert "large_binary" in rows["large-binary"].wrong and not rows["large-binary"].rounds
    shown = {name: row.rounds[0].verdict.symptom for name, row in rows.items() if row.rounds}
    assert shown.pop("contiguous-copy") is Symptom.EXCESS_READ, "the first shard has offset 0: the guard lets it pass"
    assert set(shown.values()) == {Symptom.OK} and {UPSTREAM, "unconditional-copy", "direct-embed"} <= set(shown)
    assert "The bug still shows with contiguous-copy." in sentences(found)
    assert "direct-embed" in which_fix_markdown(lab.evidence(bug=BUG.slug), BUG.comparison)
