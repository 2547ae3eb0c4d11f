"""The exported test is proven: red where the bug is, green where it is not, and no verdict where nothing ran."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import bugs, places
from repro.bugs.declaration import NO_FIX, CodePlace, Fix, FixKind
from repro.evidence.store import Store
from repro.model import Outcome, Symptom
from repro.run.runner import Runner
from repro.run.scripts import exported_source, find_line, judge_test, run_test

PLACE = CodePlace("p/m.py", after=r"def second", pattern=r"bad\(", permalink="{version}#{line}")
SOURCE = "def first():\n    bad()\n\ndef second():\n    pass\n    bad()\n"


def test_the_line_is_the_first_match_after_the_place_where_the_search_begins():
    assert find_line(PLACE, SOURCE) == 6
    assert find_line(PLACE, SOURCE.replace("second", "third")) is None
    assert find_line(PLACE, "def second(): pass\n") is None


@given(st.integers(0, 30))
def test_the_line_moves_with_what_stands_above_it(lines):
    assert find_line(PLACE, "\n" * lines + SOURCE) == 6 + lines


def outcome(done: bool = True, **measures: int) -> Outcome:
    return Outcome(Symptom.OK if done else Symptom.HANG, "", done=done, measures=measures)


@pytest.mark.parametrize(
    ("seen", "symptom", "is_bug"),
    [
        (outcome(passed=0, failed=3, status=1), Symptom.ERROR, True),
        (outcome(passed=3, failed=0, status=0), Symptom.OK, False),
        (outcome(passed=0, failed=0, skipped=3, status=0), Symptom.UNSUPPORTED, False),
        (outcome(passed=0, failed=0, status=2), Symptom.UNSUPPORTED, False),
        (outcome(), Symptom.KIT_FAULT, False),
        (outcome(done=False, passed=1), Symptom.HANG, False),
    ],
)
def test_red_needs_a_test_that_failed_and_green_one_that_passed(seen, symptom, is_bug):
    verdict = judge_test(seen)
    assert (verdict.symptom, verdict.is_bug) == (symptom, is_bug)


@pytest.mark.parametrize(
    "slug",
    [
        "embed-sliced-list",
        "exit-hang",
        "size-estimate",
        "empty-embed",
        "full-load",
        "skip-wrong-rows",
        "unchecked-range",
    ],
)
def test_every_exported_test_is_plain_pytest_without_the_kit(slug):
    source = exported_source(bugs.load(slug))
    assert source is not None and "repro" not in source.read_text("utf-8").replace("reproduc", "")


@pytest.mark.slow
@pytest.mark.targets
def test_the_test_of_embed_sliced_list_is_red_before_and_green_after_and_tells_the_proposed_fix_from_the_real_one(
    tmp_path: Path,
) -> None:
    bug, store = bugs.load("embed-sliced-list"), Store(tmp_path)
    runner = Runner(places.cache(), store)
    affected, fixed = "datasets==5.1.0 pyarrow==24.0.0", "datasets==5.2.0 pyarrow==24.0.0"
    guarded = next(fix for fix in bug.fixes if fix.name == "contiguous-copy")
    assert guarded.kind is FixKind.PATCH

    def reason(spec: str, fix: Fix = NO_FIX) -> str:
        return run_test(runner, bug, spec, fix).verdict.reason

    assert reason(affected) == "red: 3 failed, 0 passed"
    assert reason(fixed) == "green: 0 failed, 3 passed"
    assert reason(affected, guarded) == "red: 1 failed, 2 passed", "shard 0 stays broken"
    assert len(store.query(bug=bug.slug, scenario="exported-test")) == 3
