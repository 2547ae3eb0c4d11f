"""The bug empty-embed: an upload without bytes is the bug, other bytes are not; and the workaround puts them in."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import Dataset, Features, List, Nifti

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import ClaimVerdict
from repro.bugs.empty_embed.prepare import KINDS
from repro.bugs.empty_embed.workarounds.embed_bytes import embed_bytes
from repro.evidence.record import Evidence
from repro.model import Outcome, Symptom, Verdict
from tests.evidence.examples import evidence

BUG = bugs.load("empty-embed")
CLAIMS = {claim.slug: claim for claim in BUG.claims}


def judged(found: Any, scenario: str = "nifti", symptom: Symptom = Symptom.OK, **measures: Any) -> Verdict:
    outcome = Outcome(symptom, "", measures={"sha256": found, "files_opened": 0, **measures})
    return calls.judge(BUG, scenario, outcome, {"sha256": ["a", "b"]})


def test_every_scenario_has_its_files_and_none_is_left_over():
    assert set(KINDS) == {one.name for one in BUG.scenarios}


def test_the_answer_is_worked_out_from_the_files(tmp_path):
    made = calls.prepare(BUG, "nifti-list", {}, tmp_path)
    assert len(set(made.expected["sha256"])) == len(made.inputs["paths"]) == 8


def test_no_bytes_and_no_error_is_the_bug():
    verdict = judged([None, None], opens_here="", opens_elsewhere="FileNotFoundError")
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, True)
    assert verdict.reason.endswith("on the uploader's machine: opens, without its files: FileNotFoundError")


@pytest.mark.parametrize("found", [["a", "c"], ["a", None], ["a"], ["b", "a"]])
def test_other_bytes_are_another_failure(found):
    verdict = judged(found)
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, False)


def test_a_control_never_shows_the_bug():
    assert judged([None, None], "image").is_bug is False


def test_all_the_bytes_are_well_and_silence_is_a_fault_of_the_kit():
    assert judged(["a", "b"]).symptom is Symptom.OK
    assert judged(None).symptom is Symptom.KIT_FAULT
    assert judged([None, None], symptom=Symptom.ERROR).is_bug is False


@pytest.mark.parametrize("feature", [Nifti(), List(Nifti()), {"inner": Nifti()}], ids=["plain", "list", "struct"])
def test_the_workaround_puts_the_bytes_in_and_keeps_what_is_there(tmp_path, feature):
    file = tmp_path / "scan.nii"
    file.write_bytes(b"scan")
    values = [{"bytes": None, "path": str(file)}, {"bytes": b"in", "path": "other.nii"}]
    shaped = [
        [one] if isinstance(feature, List) else {"inner": one} if isinstance(feature, dict) else one for one in values
    ]
    dataset = embed_bytes(Dataset.from_dict({"scan": [*shaped, None]}, features=Features({"scan": feature})))
    assert dataset.features == Features({"scan": feature}) and dataset.format["type"] is None
    text = str(dataset.with_format("arrow")[:]["scan"].to_pylist())
    assert "b'scan'" in text and "b'in'" in text and str(tmp_path) not in text


def test_the_workaround_says_which_file_is_missing():
    with pytest.raises(FileNotFoundError, match=r"gone\.nii"):
        embed_bytes(Dataset.from_dict({"scan": ["gone.nii"]}, features=Features({"scan": Nifti()})))


def seen(scenario: str, datasets: str, bug: bool, code: int = 0, opened: int = 0) -> Evidence:
    symptom = Symptom.WRONG_OUTPUT if bug else Symptom.OK
    measures = {"files_opened": opened, "opens_here": "", "opens_elsewhere": "FileNotFoundError" if bug else ""}
    return evidence(
        bug=BUG.slug,
        scenario=scenario,
        fix="none",
        outcome=Outcome(Symptom.OK, "", exit_code=code, measures=measures),
        verdict=Verdict(symptom, bug, "why"),
        parameters={},
        target={"spec": f"datasets=={datasets}", "python": "3.11.7", "datasets": datasets, "packages": {}},
    )


CONFIRMED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFINED
UNTESTED = ClaimVerdict.NOT_YET_TESTED


@pytest.mark.parametrize(
    ("slug", "trials", "verdict"),
    [
        ("embed-fails-to-read", [seen("nifti", "4.4.1", True)], REFINED),
        ("embed-fails-to-read", [seen("nifti", "4.4.1", True, opened=8)], CONFIRMED),
        ("embed-fails-to-read", [seen("nifti", "4.4.2", False)], UNTESTED),
        ("empty-succeeds", [seen("push", "4.4.1", True)], CONFIRMED),
        ("empty-succeeds", [seen("push", "4.4.1", True, code=1)], ClaimVerdict.REFUTED),
        ("install-from-git", [seen("push", "4.4.1", True), seen("push", "4.4.2", False)], REFINED),
        ("install-from-git", [seen("push", "4.4.1", True)], UNTESTED),
        ("install-from-git", [seen("push", "5.2.0", False)], UNTESTED),
    ],
)
def test_the_evidence_decides(slug, trials, verdict):
    finding = CLAIMS[slug].rule(trials)
    assert finding.verdict is verdict and finding.measured
