"""one-case: what its oracle calls wrong, how its costs are counted, what its claim needs; and its ways, on a Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from repro import bugs
from repro.bugs import calls
from repro.bugs.declaration import ClaimFinding, ClaimVerdict
from repro.bugs.one_case.oracle import MARK, asked, grown, ratios
from repro.errors import UserError
from repro.hub.record import Record, Request
from repro.inputs import cases, hollow_cases
from repro.lab import Lab
from repro.model import Outcome, Symptom, Verdict
from tests.evidence.examples import evidence

BUG = bugs.load("one-case")
RIGHT = [{"dwi": "a"}, {"dwi": "b"}]
NEEDED = 1000


def hub(*paths: str, omitted: int = 0) -> dict[str, Any]:
    """A record of requests with these paths, each answered with 500 bytes but for the mark."""
    record = Record(omitted=omitted)
    for path in paths:
        one = record.begin(Request(0.0, "resolve", "GET", path, 200, down=500 * (path != MARK), whole=True))
        record.end(one)
    return asdict(record)


def outcome(symptom: Symptom = Symptom.OK, found: Sequence[dict[str, str]] = RIGHT, **more: Any) -> Outcome:
    measures = {"cases": list(found), "needed_bytes": NEEDED, "hub": hub("a", "b", "c", MARK, "d"), **more}
    return Outcome(symptom, "as seen", measures=measures)


# --- the oracle ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "symptom", "words"),
    [
        (RIGHT, Symptom.OK, "both cases are right"),
        ([{"dwi": "b"}, {"dwi": "b"}], Symptom.WRONG_OUTPUT, "dwi of the first case"),
        ([{"dwi": "a"}, {}], Symptom.WRONG_OUTPUT, "dwi of the second case"),
        ([{"dwi": "a"}], Symptom.KIT_FAULT, "1 of two cases"),
    ],
)
def test_other_bytes_without_an_error_are_the_bug(found, symptom, words):
    verdict = calls.judge(BUG, "one-image", outcome(found=found), {"cases": RIGHT})
    assert (verdict.symptom, verdict.is_bug) == (symptom, symptom is Symptom.WRONG_OUTPUT)
    assert words in verdict.reason


@pytest.mark.parametrize("symptom", [Symptom.ERROR, Symptom.HANG, Symptom.OUT_OF_MEMORY])
def test_a_way_that_ends_badly_is_another_failure(symptom):
    verdict = calls.judge(BUG, "one-image", outcome(symptom), {"cases": RIGHT})
    assert (verdict.symptom, verdict.is_bug) == (symptom, False)


def test_reading_too_much_is_a_measure_and_no_failure():
    much = outcome(hub=hub(*["a"] * 400, MARK))
    assert calls.judge(BUG, "one-image", much, {"cases": RIGHT}).symptom is Symptom.OK
    assert ratios(much) == [200.0, 0.0]


def test_the_mark_parts_the_requests_of_the_two_cases():
    assert asked(outcome()) == [(3, 1500), (1, 500)]
    assert ratios(outcome()) == [1.5, 0.5]


@pytest.mark.parametrize("record", [hub("a"), hub("a", MARK, omitted=1), None])
def test_without_a_whole_record_nothing_is_counted(record):
    silent = outcome(hub=record)
    assert asked(silent) == [] and ratios(silent) == []
    assert [column.cell(silent) for column in BUG.columns[:4]] == [""] * 4


def test_memory_is_that_over_the_imports_while_the_first_case_is_read():
    assert grown(outcome(rss_before_bytes=[100, 900], peak_bytes=[400, 999])) == 300
    assert grown(outcome(rss_before_bytes=[None, None], peak_bytes=[None, None])) is None
    assert grown(Outcome(Symptom.ERROR, "")) is None


# --- the inputs ---------------------------------------------------------------------------------------------------


def test_a_hollow_file_has_the_bytes_that_are_promised_and_takes_hardly_any_disk(tmp_path):
    tree = hollow_cases.build(tmp_path, 3, 2 << 20)
    files = cases.files(tree)
    for subject, file in zip(cases.subjects(), files, strict=False):
        table = pq.read_table(file)
        assert table[cases.ID].to_pylist() == [subject]
        assert pq.read_metadata(file).row_group(0).column(0).statistics.min == subject
        for column in cases.IMAGES:
            value = table[column][0].as_buffer()
            assert (len(value), hashlib.sha256(value).hexdigest()) == (
                2 << 20,
                hollow_cases.digest(subject, column, 2 << 20),
            )
    assert sum(file.stat().st_blocks * 512 for file in files) < sum(file.stat().st_size for file in files) / 4
    assert hollow_cases.build(tmp_path, 3, 2 << 20) == tree


@pytest.mark.parametrize("wrong", [{"cases": 2}, {"cases": 150}, {"hollow": True, "value_size": 1000}])
def test_what_makes_no_repository_is_said(tmp_path, wrong):
    given = {parameter.name: parameter.default for parameter in BUG.parameters} | wrong
    with pytest.raises(UserError):
        calls.prepare(BUG, "one-image", given, tmp_path)


# --- the ways -----------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path, shared_cache: Path) -> Lab:
    return Lab("datasets==5.2.0 pyarrow==24.0.0", quiet=True, reports=tmp_path, cache=shared_cache)


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(
    ("fix", "first", "second"),
    [("none", 3 * 6, 0), ("data-files", 3, 3), ("hub-download", 3, 3), ("cache-none", 2, 2), ("read-case", 2.5, 1)],
)
def test_a_way_gives_the_right_bytes_and_reads_what_it_must(lab, fix, first, second):
    """Six files of three images: all of it, one file, or one column, an index or a footer."""
    run = lab.run(BUG.slug, fix=fix, parameters=BUG.small, show=False)
    assert run.worst.verdict.symptom is Symptom.OK
    assert ratios(run.worst.outcome) == pytest.approx([first, second], abs=0.1)


@pytest.mark.slow
@pytest.mark.targets
def test_skip_gives_another_case_in_a_release_that_skips_wrongly(lab):
    run = lab.run(BUG.slug, fix="skip-take", target="datasets==4.8.5", parameters=BUG.small, show=False)
    assert run.worst.verdict.symptom is Symptom.WRONG_OUTPUT


# --- the claim ----------------------------------------------------------------------------------------------------


def seen(fix: str, symptom: Symptom = Symptom.OK, datasets: str = "5.2.0") -> Any:
    target = {"spec": "x", "datasets": datasets, "packages": {}}
    verdict = Verdict(symptom, symptom is Symptom.WRONG_OUTPUT, "why")
    return evidence(
        bug=BUG.slug, scenario="one-image", fix=fix, outcome=outcome(symptom), verdict=verdict, target=target
    )


BAD = Symptom.OUT_OF_MEMORY
CASES = [
    ([], ClaimVerdict.NOT_YET_TESTED),
    ([seen("hf-file-system")], ClaimVerdict.NOT_YET_TESTED),
    ([seen("none", datasets="4.8.5"), seen("hf-file-system")], ClaimVerdict.NOT_YET_TESTED),
    ([seen("none", BAD), seen("streaming", BAD), seen("hf-file-system")], ClaimVerdict.CONFIRMED),
    ([seen("none", BAD), seen("streaming"), seen("hf-file-system")], ClaimVerdict.REFINED),
    ([seen("none", BAD), seen("hf-file-system"), seen("read-case")], ClaimVerdict.NOT_YET_TESTED),
    ([seen("none"), seen("streaming"), seen("hf-file-system", BAD)], ClaimVerdict.REFUTED),
]


@pytest.mark.parametrize(("trials", "verdict"), CASES)
def test_the_evidence_decides(trials, verdict):
    finding: ClaimFinding = BUG.claims[0].rule(trials)
    assert finding.verdict is verdict
    assert bool(finding.evidence) == (verdict is not ClaimVerdict.NOT_YET_TESTED)
