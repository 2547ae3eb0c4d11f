"""The bug size-estimate: what is counted, what is judged, what the claims rest on, and that each fix counts rightly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, Features, Image, LargeList, List, Nifti

from repro import bugs, places, targets
from repro.bugs import calls
from repro.bugs.declaration import ClaimVerdict, FixKind
from repro.bugs.size_estimate.prepare import KINDS
from repro.bugs.size_estimate.workarounds.num_shards import num_shards
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.model import Outcome, Symptom, TargetInfo, Verdict
from tests.evidence.examples import evidence

BUG = bugs.load("size-estimate")
CLAIMS = {claim.slug: claim for claim in BUG.claims}
EXPECTED = {"bytes_needed": 4 << 20, "shards": 5, "max_shard_bytes": 1 << 20}
DEFAULTS = {one.name: one.default for one in BUG.parameters}


def judged(scenario: str = "nifti", symptom: Symptom = Symptom.OK, **measures: Any) -> Verdict:
    return calls.judge(BUG, scenario, Outcome(symptom, "", measures=measures), EXPECTED)


def test_every_scenario_has_its_files_and_none_is_left_over():
    assert [one.name for one in BUG.scenarios if one.name not in KINDS] == []
    assert set(KINDS) == {one.name for one in BUG.scenarios}


def test_the_cohort_is_sparse_and_all_of_its_bytes_are_needed(tmp_path):
    made = calls.prepare(BUG, "cohort", DEFAULTS | {"sessions": 3}, tmp_path)
    assert made.expected["bytes_needed"] > 800_000_000 > sum(one.stat().st_blocks * 512 for one in tmp_path.rglob("*"))
    assert made.expected["shards"] == made.expected["bytes_needed"] // 500_000_000 + 1


def test_a_seed_that_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"seed=-1 makes no sense.*such as seed=7894"):
        calls.prepare(BUG, "nifti", DEFAULTS | {"seed": -1}, tmp_path)


@pytest.mark.parametrize(("shards", "bug"), [(1, True), (3, True), (4, False), (5, False), (6, False), (10, True)])
def test_too_few_shards_and_too_many_are_the_bug(shards, bug):
    assert judged(shards=shards).is_bug is bug


def test_a_control_never_shows_the_bug():
    assert judged("bytes", shards=1) == Verdict(Symptom.WRONG_OUTPUT, False, judged(shards=1).reason)


def test_shards_of_the_right_number_do_not_hide_a_wrong_recorded_size():
    assert not judged("push", shards=5, recorded_bytes_paths=1634).is_bug
    assert judged("push-size", shards=5, recorded_bytes_paths=1634).is_bug
    assert not judged("push-size", shards=1, recorded_bytes_paths=4 << 20).is_bug


@pytest.mark.parametrize(
    ("paths", "inline", "symptom", "bug"),
    [("", "", Symptom.OK, False), ("E", "", Symptom.ERROR, True), ("E", "E", Symptom.ERROR, False)],
)
def test_one_file_shows_the_bug_only_where_the_recorded_size_decides(paths, inline, symptom, bug):
    verdict = judged("one-file", load_error_paths=paths, load_error_bytes=inline)
    assert (verdict.symptom, verdict.is_bug) == (symptom, bug)


@pytest.mark.parametrize("scenario", ["nifti", "push-size", "one-file"])
def test_a_probe_that_says_nothing_is_a_fault_of_the_kit(scenario):
    assert judged(scenario).symptom is Symptom.KIT_FAULT


def test_another_end_is_another_failure():
    assert judged(symptom=Symptom.ERROR, shards=1).is_bug is False


# ---- the workaround and the patch -------------------------------------------------------------------------------


def write(folder: Path, *sizes: int) -> list[str]:
    paths = [folder / f"{number}.nii" for number in range(len(sizes))]
    for path, size in zip(paths, sizes, strict=True):
        path.write_bytes(bytes(size))
    return [str(path) for path in paths]


def column(values: list[Any], feature: Any) -> Dataset:
    return Dataset.from_dict({"file": values}, features=Features({"file": feature}))


@pytest.mark.parametrize("feature", [List(Nifti()), LargeList(Image()), List(Nifti(), length=2), {"a": List(Nifti())}])
def test_the_workaround_counts_every_file_once_wherever_it_is(tmp_path, feature):
    paths = write(tmp_path, 10_000, 20_000, 30_000, 40_000)
    stored = [[{"bytes": None, "path": path} for path in pair] for pair in (paths[:2], paths[2:])]
    dataset = column([{"a": pair} for pair in stored] if isinstance(feature, dict) else stored, feature)
    assert num_shards(dataset, 10_000) == 11
    assert num_shards(dataset.select([1]), 10_000) == 8


def test_the_workaround_counts_bytes_in_the_table_too(tmp_path):
    path = write(tmp_path, 50_000)[0]
    dataset = column([{"bytes": bytes(50_000), "path": path}, {"bytes": None, "path": path}, None], Nifti())
    assert num_shards(dataset, 10_000) == 11


def test_the_workaround_says_which_file_is_missing():
    with pytest.raises(FileNotFoundError, match=r"gone\.nii"):
        num_shards(column(["gone.nii"], Nifti()))


@pytest.mark.targets
def test_the_patch_fits_the_release_that_it_is_for():
    patch = next(fix.path for fix in BUG.fixes if fix.kind is FixKind.PATCH)
    found = targets.provision("datasets==5.2.0 pyarrow==24.0.0", cache=places.cache(), patch=patch)
    assert isinstance(found, TargetInfo)


# ---- claims -----------------------------------------------------------------------------------------------------


def seen(scenario: str, fix: str = "none", bug: bool = True, **measures: Any) -> Evidence:
    symptom = Symptom.WRONG_OUTPUT if bug else Symptom.OK
    return evidence(
        bug=BUG.slug,
        scenario=scenario,
        fix=fix,
        outcome=Outcome(Symptom.OK, "", measures=measures),
        verdict=Verdict(symptom, bug, "why"),
        parameters={"sessions": 902, "seed": 7894},
    )


def cohort(estimate: int = 600_000, files: int = 0) -> Evidence:
    return seen(
        "cohort",
        estimate_bytes=estimate,
        rows=902,
        bytes_needed=273 * 10**9,
        files_looked_at=files,
        rows_looked_at=files,
    )


def uneven(rows: int, last: int) -> Evidence:
    return seen("image-uneven", rows=2000, rows_looked_at=rows, last_row_looked_at=last, files_looked_at=rows)


def pushed(*sizes: int, fix: str = "none") -> Evidence:
    shards = {f"data/{number}.parquet": size for number, size in enumerate(sizes)}
    return seen("push", fix, bug=len(sizes) == 1, bytes_needed=4 << 20, shard_bytes_paths=shards)


CONFIRMED, REFUTED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.REFINED


@pytest.mark.parametrize(
    ("slug", "trials", "verdict"),
    [
        ("estimate-1-mb", [cohort()], CONFIRMED),
        ("estimate-1-mb", [cohort(45_000)], REFINED),
        ("estimate-1-mb", [cohort(273 * 10**9)], REFUTED),
        ("max-shard-size", [pushed(4 << 20)], CONFIRMED),
        ("max-shard-size", [pushed(1 << 20, 3 << 20)], REFUTED),
        ("samples-rows", [cohort(), uneven(1000, 999)], REFINED),
        ("samples-rows", [cohort(files=5164), uneven(1000, 1998)], CONFIRMED),
        ("samples-rows", [cohort(files=5164), uneven(2000, 1999)], REFUTED),
        ("use-num-shards", [pushed(4 << 20), pushed(2 << 20, 2 << 20, fix="num-shards")], CONFIRMED),
        ("use-num-shards", [pushed(4 << 20), pushed(4 << 20, fix="num-shards")], REFUTED),
    ],
)
def test_the_evidence_decides(slug, trials, verdict):
    finding = CLAIMS[slug].rule(trials)
    assert finding.verdict is verdict
    assert json.dumps(finding.measured) and finding.evidence


@pytest.mark.parametrize("slug", CLAIMS)
def test_a_claim_without_evidence_says_what_to_run(slug):
    finding = CLAIMS[slug].rule([seen("nifti")])
    assert finding.verdict is ClaimVerdict.NOT_YET_TESTED and "repro run size-estimate --scenario" in finding.measured
