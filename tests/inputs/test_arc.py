"""The plan keeps the report's counts, total and range, at its scale and in proportion below it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import UserError
from repro.inputs import arc
from repro.inputs.nifti import file_size

REPORTED = {"t1w": 447, "t2w": 441, "flair": 235, "bold": 1402, "dwi": 2089, "sbref": 322, "lesion": 228}


def counts(sessions: list[arc.Session]) -> Counter[str]:
    return Counter(column for s in sessions for column, shapes in s.scans.items() for _ in shapes)


def test_the_tables_are_the_reports_and_name_their_source():
    assert {row["column"]: int(row["files"]) for row in arc.table("arc-files")} == REPORTED
    assert sum(REPORTED.values()) == arc.totals()["files"] == 5164
    for name in ("arc-files", "arc-totals"):
        assert all("table" in row["source"] or "card" in row["source"] for row in arc.table(name))


def test_the_reports_own_figures_disagree_as_the_docstring_says():
    rows = arc.table("arc-files")
    assert round(sum(int(r["files"]) * float(r["typical_mb"]) for r in rows) / 1000, 1) == 286.0
    assert round(sum(float(r["stated_gb"]) for r in rows), 1) == 286.1
    assert arc.totals()["apparent"] == 273


@given(seed=st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_at_full_scale_counts_total_and_range_hold_for_any_seed(seed):
    sessions = arc.plan(seed, 902)
    sizes = [session.bytes() for session in sessions]
    assert counts(sessions) == REPORTED
    assert sum(sizes) == pytest.approx(273e9, rel=0.001)
    assert round(min(sizes) / 1e6, 1) == 1.7
    assert round(max(sizes) / 1e6, 1) == 804.8
    assert len({session.subject for session in sessions}) == 230


@given(seed=st.integers(0, 2**32), sessions=st.integers(3, 120))
@settings(max_examples=60, deadline=None)
def test_fewer_sessions_keep_the_proportions_and_the_range(seed, sessions):
    planned = arc.plan(seed, sessions)
    sizes = [session.bytes() for session in planned]
    assert len(planned) == sessions
    assert counts(planned) == {c: max(1, round(n * sessions / 902)) for c, n in REPORTED.items()}
    assert sum(sizes) == pytest.approx(273e9 * sessions / 902, rel=0.01)
    assert (round(min(sizes) / 1e6, 1), round(max(sizes) / 1e6, 1)) == (1.7, 804.8)


@given(seed=st.integers(0, 2**32), sessions=st.integers(3, 120))
@settings(max_examples=30, deadline=None)
def test_a_session_is_one_a_scanner_could_have_made(seed, sessions):
    for session in arc.plan(seed, sessions):
        runs = {column: len(shapes) for column, shapes in session.scans.items()}
        assert runs, "no session is empty"
        assert all(n == 1 for c, n in runs.items() if c in {"t1w", "t2w", "flair", "lesion"})
        assert runs.get("sbref", 0) <= runs.get("dwi", 0)
        dims = {c: {len(shape) for shape in shapes} for c, shapes in session.scans.items()}
        assert all(found == ({4} if c in {"bold", "dwi"} else {3}) for c, found in dims.items())


def test_typical_sizes_give_way_by_less_than_their_one_digit():
    sessions = arc.plan(7894, 902)
    for row in arc.table("arc-files"):
        column, typical = row["column"], float(row["typical_mb"])
        sizes = [file_size(s, arc.VOLUMES[column].dtype) for x in sessions for s in x.scans.get(column, [])]
        assert 0.9 * typical < sum(sizes) / len(sizes) / 1e6 < typical


def test_the_same_seed_gives_the_same_plan_and_another_another():
    assert arc.plan(1, 20) == arc.plan(1, 20)
    assert arc.plan(1, 20) != arc.plan(2, 20)


@pytest.mark.parametrize("sessions", [-1, 0, 2])
def test_too_few_sessions_say_how_many(sessions):
    with pytest.raises(UserError, match="sessions=3 or more"):
        arc.plan(1, sessions)
