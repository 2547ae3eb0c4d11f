"""binary-overflow: what the oracle calls the bug, what the claims rest on, and what the workaround keeps."""

from typing import Any

import datasets
import pytest
from datasets import Dataset, Features, List, Nifti, Value
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs
from repro.bugs import calls
from repro.bugs.binary_overflow import prepare as inputs
from repro.bugs.binary_overflow.workarounds.one_file_a_row import one_file_a_row
from repro.bugs.declaration import ClaimFinding, ClaimVerdict
from repro.lab import Lab
from repro.model import Outcome, Status, Symptom
from tests.evidence.examples import evidence, evidences

BUG = bugs.load("binary-overflow")
CLAIMS = {claim.slug: claim for claim in BUG.claims}
CHUNKED = "TypeError: Expected Array, got <class 'pyarrow.lib.ChunkedArray'>"
MASK = "TypeError: Mask must be a pyarrow.Array of type boolean"
CAPACITY = "pyarrow.lib.ArrowCapacityError: array cannot contain more than 2147483646 bytes, have 2148532224"
OVER, UNDER, CAST, DICTIONARY = "row-over-2gib", "just-under", "sliced-cast", "dictionary-over-2gib"


def outcome(symptom: Symptom = Symptom.OK, said: str = "", **measures: Any) -> Outcome:
    stderr = f"Traceback (most recent call last):\n  somewhere\n{said}\n" if said else ""
    return Outcome(
        symptom,
        "why",
        exit_code=1 if said else 0,
        signal="SIGSEGV" if symptom is Symptom.CRASH else None,
        measures=measures,
        phases=((0.1, "embed"),),
        stderr_tail=stderr,
    )


def raised(said: str) -> Outcome:
    return outcome(Symptom.ERROR, said)


def embedded(*lengths: int) -> Outcome:
    return outcome(lengths=list(lengths), stored_as=["binary"])


def judged(scenario: str, seen: Outcome) -> Any:
    expected = inputs.ARROW[scenario][1] if scenario in inputs.ARROW else {"lengths": lengths_of(scenario)}
    return calls.judge(BUG, scenario, seen, expected)


def lengths_of(scenario: str) -> list[int]:
    rows, files, size = inputs.FILES[scenario]
    return [size] * (rows * files)


# --- the oracle ---------------------------------------------------------------------------------------------------


def test_every_declared_scenario_has_inputs_and_no_other():
    assert {scenario.name for scenario in BUG.scenarios} == {*inputs.FILES, *inputs.ARROW}


def test_the_scenarios_lie_on_the_sides_of_the_limit_that_their_names_say():
    limit = 2**31 - 2
    over = {name: sum(lengths_of(name)) > limit for name in inputs.FILES}
    assert over == {name: "over" in name for name in inputs.FILES}
    rows, files, size = inputs.FILES["just-under"]
    assert rows * files * size > 0.9 * limit


@pytest.mark.parametrize("said", [CHUNKED, MASK, CAPACITY])
def test_an_exception_that_speaks_of_the_limit_is_the_bug(said):
    verdict = judged(OVER, raised(said))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.ERROR, True)
    assert said.split(":")[0] in verdict.reason
    assert not judged("small", raised(said)).is_bug, "a control never shows the bug"


@pytest.mark.parametrize("said", ["FileNotFoundError: no such file", "MemoryError", "ValueError: bad"])
def test_another_exception_is_another_failure(said):
    assert not judged(OVER, raised(said)).is_bug


def test_a_kill_for_memory_is_another_failure():
    assert not judged(OVER, outcome(Symptom.OUT_OF_MEMORY)).is_bug


def test_values_of_another_length_are_wrong_and_not_this_bug():
    assert judged(OVER, embedded(*lengths_of(OVER))).symptom is Symptom.OK
    verdict = judged(OVER, embedded(*lengths_of(OVER)[:-1]))
    assert (verdict.symptom, verdict.is_bug) == (Symptom.WRONG_OUTPUT, False)


def test_a_crash_of_arrow_is_another_failure_and_names_its_phase():
    verdict = judged(CAST, outcome(Symptom.CRASH, variable=["b", "c"]))
    assert (verdict.is_bug, verdict.reason) == (False, "SIGSEGV while it was in the phase 'embed'")


def test_a_probe_that_says_nothing_is_a_fault_of_the_kit():
    assert judged(OVER, outcome()).symptom is Symptom.KIT_FAULT


# --- the inputs and the workaround --------------------------------------------------------------------------------


def test_the_files_of_a_scenario_are_sparse_and_of_their_full_length(tmp_path):
    prepared = inputs.prepare(OVER, {}, tmp_path)
    files = [path for row in prepared.inputs["rows"] for path in row]
    sizes = [tmp_path.joinpath(path).stat() for path in files]
    assert [one.st_size for one in sizes] == prepared.expected["lengths"]
    assert sum(one.st_blocks * 512 for one in sizes) < 1 << 20


@given(st.lists(st.none() | st.lists(st.integers(0, 3), max_size=3), min_size=1, max_size=4))
def test_one_file_a_row_keeps_every_file_in_order_and_every_row(tmp_path_factory, rows):
    datasets.disable_progress_bars()
    folder = tmp_path_factory.mktemp("files")
    for number in range(4):
        (folder / f"{number}.nii").write_bytes(bytes([number]) * number)
    features = Features({"row": Value("int64"), "images": List(Nifti())})
    paths = [None if row is None else [str(folder / f"{number}.nii") for number in row] for row in rows]
    shard = Dataset.from_dict({"row": list(range(len(rows))), "images": paths}, features=features)
    found = one_file_a_row(shard).to_pylist()
    assert [(one["row"], image["bytes"]) for one in found for image in one["images"] or ()] == [
        (place, bytes([number]) * number) for place, row in enumerate(rows) for number in row or ()
    ]
    assert list(dict.fromkeys(one["row"] for one in found)) == list(range(len(rows)))
    assert all(len(one["images"] or ()) <= 1 for one in found)


# --- the claims ---------------------------------------------------------------------------------------------------


def trial(scenario: str, seen: Outcome, pyarrow: str = "26.0.1") -> Any:
    target = {"spec": "x", "datasets": "5.2.0", "pyarrow": pyarrow, "packages": {}}
    return evidence(
        bug=BUG.slug,
        scenario=scenario,
        fix="none",
        outcome=seen,
        verdict=judged(scenario, seen),
        parameters={},
        target=target,
    )


CONFIRMED, REFUTED, REFINED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED, ClaimVerdict.REFINED
WAITS = ClaimVerdict.NOT_YET_TESTED
ROW, FILE = trial(OVER, raised(CHUNKED)), trial("file-over-2gib", raised(CAPACITY))
LESS = trial(UNDER, embedded(*lengths_of(UNDER)))
GOOD = outcome(variable=["b", "c"], fixed=["b", "c"])
WRITTEN = outcome(rows=4000)
CASES = [
    ("two-gib", [ROW, FILE, LESS], CONFIRMED),
    ("two-gib", [ROW, FILE, trial(UNDER, raised(CHUNKED))], REFUTED),
    ("two-gib", [trial(OVER, embedded(*lengths_of(OVER))), FILE, LESS], REFUTED),
    ("two-gib", [ROW, LESS], WAITS),
    ("sliced-cast", [trial(CAST, outcome(Symptom.CRASH), "16.1.0"), trial(CAST, GOOD, "17.0.0")], CONFIRMED),
    ("sliced-cast", [trial(CAST, outcome(Symptom.CRASH, variable=["b"]), "16.1.0"), trial(CAST, GOOD)], REFINED),
    ("sliced-cast", [trial(CAST, GOOD, "16.1.0"), trial(CAST, GOOD)], REFUTED),
    ("sliced-cast", [trial(CAST, outcome(Symptom.CRASH), "16.1.0"), trial(CAST, outcome(Symptom.CRASH))], REFUTED),
    ("sliced-cast", [trial(CAST, GOOD)], WAITS),
    ("arrow-1677", [trial(DICTIONARY, outcome(Symptom.CRASH), "4.0.1")], CONFIRMED),
    ("arrow-1677", [trial(DICTIONARY, WRITTEN, "4.0.1")], REFINED),
    ("arrow-1677", [trial(DICTIONARY, WRITTEN, "5.0.0")], WAITS),
]


@pytest.mark.parametrize(("slug", "found", "verdict"), CASES)
def test_each_claim_is_judged_by_what_was_measured(slug, found, verdict):
    finding = CLAIMS[slug].rule(found)
    assert finding.verdict is verdict
    assert bool(finding.evidence) == (verdict is not WAITS)


@given(st.sampled_from(BUG.claims), st.lists(evidences, max_size=2))
def test_evidence_of_anything_else_decides_nothing(claim, found):
    assert isinstance(claim.rule(found), ClaimFinding)


# --- in released versions -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(
    ("target", "scenario", "fix", "status"),
    [
        ("datasets==5.2.0 pyarrow==26.0.1", OVER, "none", Status.PRESENT),
        ("datasets==5.2.0 pyarrow==26.0.1", OVER, "one-file-a-row", Status.ABSENT),
        ("datasets==5.2.0 pyarrow==26.0.1", UNDER, "none", Status.ABSENT),
        ("pyarrow==16.1.0 numpy<2", CAST, "none", Status.DIFFERENT_FAILURE),
        ("pyarrow==17.0.0 numpy<2", CAST, "none", Status.ABSENT),
    ],
)
def test_what_released_versions_do(tmp_path, target, scenario, fix, status):
    assert Lab(reports=tmp_path, quiet=True).run(BUG.slug, scenario=scenario, fix=fix, target=target).status is status
