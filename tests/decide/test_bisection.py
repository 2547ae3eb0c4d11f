"""Where a deterministic bug begins and ends, in as few releases as can be."""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, log2
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.bisection import BisectionResult, Bisector, Transition
from repro.errors import UserError


def names(count: int) -> list[str]:
    return [f"v{i}" for i in range(count)]


def search(labels: Sequence[str], **options: Any) -> BisectionResult:
    """Run a search over known answers; no release may be selected twice."""
    bisector = Bisector(names(len(labels)), **options)
    selected = []
    while (index := bisector.select()) is not None:
        assert index not in selected
        selected.append(index)
        bisector.record(index, labels[index])
    assert bisector.result().finished
    return bisector.result()


@given(st.data())
def test_the_transition_is_found_within_the_bound(data):
    count = data.draw(st.integers(2, 120))
    first = data.draw(st.integers(1, count - 1))
    old, new = data.draw(st.sampled_from([("absent", "present"), ("present", "absent")]))
    result = search([old] * first + [new] * (count - first))
    assert result.transitions == (Transition(f"v{first - 1}", old, f"v{first}", new),)
    assert len(result.tried) <= ceil(log2(count)) + 2


@given(st.data())
def test_releases_that_say_nothing_never_move_the_transition(data):
    count = data.draw(st.integers(2, 40))
    first = data.draw(st.integers(1, count - 1))
    truth = ["absent"] * first + ["present"] * (count - first)
    inner = st.sets(st.integers(1, count - 2)) if count > 2 else st.just(set())
    silent = data.draw(inner)
    label = data.draw(st.sampled_from(["untestable", "different-failure", "unsupported"]))
    result = search([label if i in silent else truth[i] for i in range(count)])
    low = max(i for i in range(first) if i not in silent)
    high = min(i for i in range(first, count) if i not in silent)
    (found,) = result.transitions
    assert (found.last, found.first, found.untried) == (f"v{low}", f"v{high}", 0)
    assert found.skipped == tuple((f"v{i}", label) for i in range(low + 1, high))


def test_an_interval_is_told_with_the_releases_that_could_not_be_tested():
    (found,) = search(["absent", "untestable", "different-failure", "present"]).transitions
    assert str(found) == ("absent to present somewhere between v0 and v3, with v1 untestable, v2 different-failure")


def test_a_sharp_transition_is_told_in_words():
    (found,) = search(["present", "present", "absent"]).transitions
    assert str(found) == "present up to v1, absent from v2"


@pytest.mark.parametrize(
    ("labels", "problem", "tried"),
    [
        (["present"] * 9, "v0 and v8 are both present: widen the range, or look for every transition", 2),
        (["absent"] * 9, "v0 and v8 are both absent: widen the range, or look for every transition", 2),
        (
            ["unsupported"] + ["absent"] * 8,
            "the oldest release v0 is unsupported, neither present nor absent: "
            "start from a later release, or look for every transition",
            1,
        ),
        *(
            (
                [old] * 8 + [label],
                f"the newest release v8 is {label}, neither present nor absent: "
                "end with an earlier release, or look for every transition",
                2,
            )
            for old in ("absent", "present")
            for label in ("different-failure", "untestable", "unsettled")
        ),
    ],
)
def test_wrong_bounds_end_the_search_before_it_begins(labels, problem, tried):
    result = search(labels)
    assert result.problem == problem
    assert result.transitions == ()
    assert len(result.tried) == tried


def test_where_the_bounds_are_wrong_no_transition_is_told_even_if_one_is_known():
    bisector = Bisector(names(3))
    for index, label in enumerate(["present", "absent", "present"]):
        bisector.record(index, label)
    assert bisector.result().problem and bisector.result().transitions == ()


def test_labels_may_be_symptoms():
    (found,) = search(["ok", "excess-read", "excess-read"], affected="excess-read", unaffected="ok").transitions
    assert found.first == "v1"


def test_unfinished_results_say_how_much_is_open():
    bisector = Bisector(names(10))
    bisector.record(0, "absent")
    bisector.record(9, "present")
    (found,) = bisector.result().transitions
    assert (found.untried, bisector.result().finished) == (8, False)
    assert "8 not tried yet" in str(found)


def runs(lengths: Sequence[int], words: Sequence[str]) -> list[str]:
    return [word for length, word in zip(lengths, words, strict=False) for _ in range(length)]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_every_transition_is_found_when_no_label_comes_back(lengths):
    labels = runs(lengths, ["unsupported", "wrong-output", "excess-read", "hang", "ok"])
    if len(labels) < 2:
        return
    result = search(labels, every=True)
    expected = [(f"v{i}", f"v{i + 1}") for i, (a, b) in enumerate(pairwise(labels)) if a != b]
    assert [(t.last, t.first) for t in result.transitions] == expected
    assert len(result.tried) <= 2 + len(expected) * ceil(log2(len(labels)))


@given(st.integers(1, 8), st.data())
def test_a_grid_finds_runs_that_come_back(grid, data):
    lengths = data.draw(st.lists(st.integers(grid, 20), min_size=2, max_size=6))
    labels = runs(lengths, ["ok", "present"] * 3)
    if len(labels) < 2:
        return
    result = search(labels, every=True, grid=grid)
    expected = [f"v{i + 1}" for i, (a, b) in enumerate(pairwise(labels)) if a != b]
    assert [t.first for t in result.transitions] == expected


def test_a_run_as_long_as_the_grid_is_found_even_between_the_bounds():
    result = search(runs([1, 3, 1], ["ok", "present", "ok"]), every=True, grid=3)
    assert [t.first for t in result.transitions] == ["v1", "v4"]


def test_a_grid_tries_no_more_releases_than_it_promises():
    assert [release for release, _ in search(["ok"] * 10, every=True, grid=3).tried] == ["v0", "v9", "v3", "v6"]
    assert len(search(["ok"] * 4, every=True, grid=1).tried) == 4


@pytest.mark.parametrize("options", [{"every": True, "grid": 0}, {"grid": 2}])
def test_a_grid_that_means_nothing_is_refused(options):
    with pytest.raises(ValueError, match=r"^a grid is a run length of 1 or more, and only for every=True$"):
        Bisector(names(3), **options)


def test_without_a_grid_a_label_that_comes_back_hides_and_the_result_says_so():
    labels = runs([20, 3, 20], ["ok", "present", "ok"])
    blind = search(labels, every=True)
    assert blind.transitions == ()
    assert blind.assumption == "releases between two tested ones with the same label are alike"
    seen = search(labels, every=True, grid=3)
    assert len(seen.transitions) == 2
    assert seen.assumption == f"{blind.assumption}, if they are fewer than 3"
    assert search(["absent", "present"]).assumption == "one change between present and absent in the range"


def test_every_transition_skips_what_cannot_be_tested_inside_and_names_it_at_a_bound():
    labels = ["untestable", "untestable", "wrong-output", "untestable", "ok", "ok"]
    assert [str(t) for t in search(labels, every=True).transitions] == [
        "untestable up to v1, wrong-output from v2",
        "wrong-output to ok somewhere between v2 and v4, with v3 untestable",
    ]


def test_every_transition_names_what_cannot_be_tested_at_the_newest_bound_too():
    labels = ["present", "absent", "absent", "untestable", "untestable"]
    assert [str(t) for t in search(labels, every=True).transitions] == [
        "present up to v0, absent from v1",
        "absent up to v2, untestable from v3",
    ]


def test_evidence_from_before_is_used():
    bisector = Bisector(names(5))
    for index, label in enumerate(["absent", "absent", "present"]):
        bisector.record(index, label)
    assert bisector.select() == 4
    bisector.record(4, "present")
    assert bisector.select() is None


def test_contradictions_and_unknown_releases_are_refused():
    bisector = Bisector(names(3))
    bisector.record(0, "absent")
    bisector.record(0, "absent")
    with pytest.raises(ValueError, match="not deterministic"):
        bisector.record(0, "present")
    with pytest.raises(ValueError, match="no release"):
        bisector.record(3, "absent")


@pytest.mark.parametrize(
    ("releases", "remedy"),
    [
        (["1"], "^a bisection needs at least two releases: give a wider range$"),
        (["1", "1"], "^a release is listed twice: list each once, oldest first$"),
    ],
)
def test_mistakes_say_what_to_type(releases, remedy):
    with pytest.raises(UserError, match=remedy):
        Bisector(releases)
