"""Which package flips the status between two targets."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.decide.attribution import Attribution, AttributionResult
from repro.errors import UserError

OLD = {"datasets": "5.0.0", "pandas": "2.3.0", "pyarrow": "24.0.0", "numpy": "2.0.0"}
NEW = {"datasets": "5.2.0", "pandas": "3.0.0", "pyarrow": "25.0.0", "numpy": "2.0.0"}


def attribute(
    status: Callable[[frozenset[str]], str], old: Mapping[str, str] = OLD, new: Mapping[str, str] = NEW
) -> AttributionResult:
    """Search with ``status(mix)`` as the answer of each mix; no mix may be selected twice."""
    search = Attribution(old, new)
    selected: list[frozenset[str]] = []
    while (mix := search.select()) is not None:
        assert mix not in selected
        selected.append(mix)
        search.record(mix, status(mix))
    return search.result()


def test_the_one_package_that_matters_is_named():
    result = attribute(lambda mix: "absent" if "pyarrow" in mix else "present")
    assert result.explain() == (
        "going from pyarrow 24.0.0 to 25.0.0 alone flips present to absent; datasets, pandas do not matter"
    )


def test_two_packages_that_only_flip_together_are_both_named():
    result = attribute(lambda mix: "present" if {"datasets", "pyarrow"} <= mix else "absent")
    assert result.explain() == (
        "going from datasets 5.0.0 to 5.2.0 and pyarrow 24.0.0 to 25.0.0 together flips absent to present; "
        "pandas does not matter"
    )


def test_two_packages_that_each_flip_are_both_told():
    result = attribute(lambda mix: "absent" if mix & {"datasets", "pyarrow"} else "present")
    assert result.explain() == (
        "going from datasets 5.0.0 to 5.2.0 alone flips present to absent; so does changing only pandas and pyarrow"
    )


def test_mixes_that_cannot_be_built_are_unknown_and_told():
    def status(mix):
        if ("datasets" in mix) != ("pyarrow" in mix):
            return "untestable"
        return "absent" if "datasets" in mix else "present"

    result = attribute(status)
    assert [change.package for change in result.cause] == ["datasets", "pyarrow"]
    assert result.inseparable == ("datasets", "pyarrow")
    assert result.explain() == (
        "going from datasets 5.0.0 to 5.2.0 and pyarrow 24.0.0 to 25.0.0 together flips present to absent; "
        "pandas does not matter; whether datasets and pyarrow must change too could not be tested"
    )


def test_another_failure_of_the_other_packages_is_not_called_harmless():
    def status(mix):
        if "pyarrow" in mix:
            return "absent"
        return "different-failure" if "pandas" in mix else "present"

    assert attribute(status).explain() == (
        "going from pyarrow 24.0.0 to 25.0.0 alone flips present to absent; "
        "datasets and pandas not needed, but changing only that gives different-failure"
    )


def test_a_package_that_is_only_in_one_target_takes_part():
    search = Attribution({"a": "1"}, {"a": "1", "b": "2"})
    assert search.pins({"b"}) == {"a": "1", "b": "2"}
    assert search.pins(()) == {"a": "1"}
    result = attribute(lambda mix: "x" if mix else "y", {"a": "1"}, {"a": "1", "b": "2"})
    assert result.explain() == "going from b (none) to 2 alone flips y to x"
    gone = attribute(lambda mix: "x" if mix else "y", {"a": "1", "b": "2"}, {"a": "1"})
    assert gone.explain() == "going from b 2 to (none) alone flips y to x"


def test_three_packages_that_only_flip_together_are_listed():
    result = attribute(lambda mix: "absent" if len(mix) == 3 else "present")
    assert result.explain() == (
        "going from datasets 5.0.0 to 5.2.0, pandas 2.3.0 to 3.0.0 and pyarrow 24.0.0 to 25.0.0 together flips "
        "present to absent"
    )


def test_pins_are_mixed():
    assert Attribution(OLD, NEW).pins({"pyarrow"}) == {**OLD, "pyarrow": "25.0.0"}


@pytest.mark.parametrize(
    ("old", "new", "problem", "tried"),
    [
        ("absent", "absent", "both targets are absent: name two that differ in status", 2),
        ("untestable", "absent", "the old target is untestable: name one that can be tested", 1),
        ("absent", "untestable", "the new target is untestable: name one that can be tested", 2),
    ],
)
def test_targets_that_leave_nothing_to_find_end_the_search(old, new, problem, tried):
    result = attribute(lambda mix: new if mix else old)
    assert result.explain() == result.problem == problem
    assert (result.finished, result.cause, result.others, result.tried) == (True, (), (), tried)


def test_before_the_cause_is_found_nothing_is_said_of_the_others():
    search = Attribution(OLD, NEW)
    search.record((), "present")
    search.record(("datasets", "pandas", "pyarrow"), "absent")
    result = search.result()
    assert (result.finished, result.cause, result.others, result.others_label) == (False, (), (), None)


def test_where_all_packages_are_needed_there_are_no_others():
    result = attribute(lambda mix: "x" if mix else "y", {"a": "1"}, {"a": "2"})
    assert (result.others, result.others_label) == ((), None)


@pytest.mark.parametrize(
    ("guilty", "mixes"),
    [
        ({0}, "0123 01 0 1234567"),
        ({0, 1}, "0123 01 0 1 234567"),
        ({0, 7}, "0123 4567 01 23 45 67 234567 014567 0167 0 1 6 7 167 067 07 123456"),
    ],
)
def test_the_mixes_are_halved_then_quartered(guilty, mixes):
    """Zeller's delta debugging, on eight packages."""
    search = Attribution({str(i): "old" for i in range(8)}, {str(i): "new" for i in range(8)})
    search.record((), "present")
    search.record("01234567", "absent")
    asked = []
    while (mix := search.select()) is not None:
        asked.append("".join(sorted(mix)))
        search.record(mix, "absent" if guilty <= {int(name) for name in mix} else "present")
    assert asked == mixes.split()


def test_an_unfinished_search_says_so():
    assert Attribution(OLD, NEW).result().explain() == "not settled after 0 mixes"


def test_mixes_already_known_are_not_asked_for():
    search = Attribution({"a": "1", "b": "1"}, {"a": "2", "b": "2"})
    for mix, label in (((), "present"), (("a", "b"), "absent"), (("a",), "present"), (("b",), "absent")):
        search.record(mix, label)
    assert search.select() is None
    assert "b 1 to 2 alone flips" in search.result().explain()


@given(st.data())
def test_no_member_of_the_cause_can_be_left_out(data):
    """Any pattern of flips and unknown mixes, monotone or not."""
    packages = [f"p{i}" for i in range(data.draw(st.integers(1, 8)))]
    dice = data.draw(st.randoms(use_true_random=False))
    labels = {frozenset(): "present", frozenset(packages): "absent"}

    def status(mix):
        return labels.setdefault(mix, dice.choice(["present", "present", "absent", "untestable"]))

    result = attribute(status, dict.fromkeys(packages, "1"), dict.fromkeys(packages, "2"))
    cause = frozenset(change.package for change in result.cause)
    assert labels[cause] == "absent"
    assert all(labels[cause - {package}] != "absent" for package in cause)
    assert result.inseparable == tuple(p for p in sorted(cause) if labels[cause - {p}] == "untestable")


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_a_single_cause_takes_few_mixes(case):
    count, culprit = case
    packages = [f"p{i:02}" for i in range(count)]
    result = attribute(
        lambda mix: "absent" if packages[culprit] in mix else "present",
        dict.fromkeys(packages, "1"),
        dict.fromkeys(packages, "2"),
    )
    assert [change.package for change in result.cause] == [packages[culprit]]
    assert result.tried <= 3 + 2 * (count - 1).bit_length()


def test_contradictions_and_unknown_packages_are_refused():
    search = Attribution(OLD, NEW)
    search.record((), "present")
    with pytest.raises(ValueError, match="not deterministic"):
        search.record((), "absent")
    with pytest.raises(ValueError, match="numpy"):
        search.record({"numpy"}, "absent")


def test_equal_targets_are_a_mistake():
    with pytest.raises(UserError, match=r"^the two targets have the same packages: name two that differ$"):
        Attribution(OLD, OLD)
