"""The oracle of embed-sliced-list: excess reading is the bug, whatever the trial's end; nothing else is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs.embed_sliced_list.bug import BUG
from repro.bugs.embed_sliced_list.oracle import judge
from repro.model import Killer, Outcome, Status, Symptom, Verdict
from repro.rates import Rate

ENDINGS = (
    Symptom.OUT_OF_MEMORY,
    Symptom.HANG,
    Symptom.HANG_AT_EXIT,
    Symptom.CRASH,
    Symptom.CRASH_AT_EXIT,
    Symptom.ERROR,
)


def value(content: str | None, column: str = "bold", row: int = 0) -> dict[str, Any]:
    """One embedded value as the probe and the kit describe it."""
    size = None if content is None else len(content)
    return {"column": column, "row": row, "bytes": size, "sha256": content}


def outcome(symptom: Symptom, embedded: list[Any] | None = None, **measures: Any) -> Outcome:
    if embedded is not None:
        measures |= {"embedded": embedded, "embedded_count": len(embedded)}
    return Outcome(symptom, "as seen from outside", measures=measures)


def verdict(seen: Outcome, values: list[Any] | None = None, needed: int = 3, **more: Any) -> Verdict:
    listed = values or []
    return judge("shard-first", seen, {"files_needed": needed, "count": len(listed), "values": listed, **more})


THREE = [value("a"), value("bb"), value(None)]


def test_everything_right_is_ok():
    seen = verdict(outcome(Symptom.OK, THREE, files_opened=3), THREE)
    assert (seen.symptom, seen.is_bug) == (Symptom.OK, False)
    assert seen.reason == "opened 3 files, needed 3; every embedded file equals its source"


def test_having_nothing_to_embed_is_ok_too_and_is_said():
    seen = verdict(outcome(Symptom.OK, [], files_opened=0), needed=0)
    assert seen == Verdict(Symptom.OK, False, "opened 0 files, needed 0; there was nothing to embed")


def test_more_files_than_needed_are_excess_reading():
    seen = verdict(outcome(Symptom.OK, THREE, files_opened=24, unneeded_files_opened=21), THREE)
    assert (seen.symptom, seen.is_bug) == (Symptom.EXCESS_READ, True)
    assert seen.reason == "opened 24 files (21 of other rows), needed 3"


def test_reading_the_right_files_twice_is_excess_too():
    assert verdict(outcome(Symptom.OK, THREE, files_opened=6), THREE).is_bug


@given(st.sampled_from(ENDINGS), st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_an_unfinished_trial_is_the_bug_if_and_only_if_it_had_read_too_much(symptom, opened, unneeded, needed):
    seen = verdict(outcome(symptom, files_opened=opened, unneeded_files_opened=min(unneeded, opened)), needed=needed)
    assert seen.symptom is symptom
    assert seen.is_bug == (opened > needed or min(unneeded, opened) > 0)


def test_the_whole_dataset_dying_of_memory_is_another_failure():
    seen = verdict(outcome(Symptom.OUT_OF_MEMORY, files_opened=211, unneeded_files_opened=0), needed=5164)
    assert Rate.of([seen]).status(race=False) is Status.DIFFERENT_FAILURE
    assert seen.reason == "out-of-memory: opened 211 files, needed 5164: no excess reading, so not this bug"


def test_killed_early_it_is_still_seen_that_other_rows_were_read():
    seen = verdict(outcome(Symptom.OUT_OF_MEMORY, files_opened=1, unneeded_files_opened=1), needed=9)
    said = "out-of-memory: opened 1 file (1 of other rows), needed 9: excess reading"
    assert seen == Verdict(Symptom.OUT_OF_MEMORY, True, said)


@pytest.mark.parametrize("symptom", ENDINGS)
def test_ended_before_anything_was_opened_is_another_failure(symptom):
    seen = verdict(outcome(symptom))
    assert Rate.of([seen]).status(race=False) is Status.DIFFERENT_FAILURE
    assert seen.reason.startswith(f"{symptom}: no count of files opened, needed 3: ")


def test_silently_embedding_nothing_is_another_failure():
    empty = [value(None), value(None), value(None)]
    seen = verdict(outcome(Symptom.OK, empty, files_opened=0), THREE)
    assert (seen.symptom, Rate.of([seen]).status(race=False)) == (Symptom.WRONG_OUTPUT, Status.DIFFERENT_FAILURE)
    assert seen.reason == "no bytes of any file were embedded (opened 0 files, needed 3)"


@pytest.mark.parametrize(
    ("embedded", "reason"),
    [
        ([value("a"), value("XX"), value(None)], "1 of 3 embedded values differ"),
        ([value("bb"), value("a"), value(None)], "2 of 3 embedded values differ"),
        ([value("a"), value("bb"), value("c")], "1 of 3 embedded values differ"),
        ([value("a"), value("bb", row=1), value(None)], "in column 'bold', row 0"),
        ([value("a"), value("bb")], "2 values were embedded, 3 expected"),
    ],
)
def test_other_content_order_place_or_number_is_wrong_output(embedded, reason):
    seen = verdict(outcome(Symptom.OK, embedded, files_opened=3), THREE)
    assert (seen.symptom, seen.is_bug) == (Symptom.WRONG_OUTPUT, False)
    assert reason in seen.reason


def test_a_list_shorter_than_its_count_is_wrong_output():
    seen = outcome(Symptom.OK, THREE[:2], files_opened=3)
    assert verdict(outcome(Symptom.OK, **{**seen.measures, "embedded_count": 3}), THREE).symptom is Symptom.WRONG_OUTPUT


def test_wrong_output_with_excess_reading_is_still_the_bug():
    seen = verdict(outcome(Symptom.OK, [value("a"), value("XX"), value(None)], files_opened=24), THREE)
    assert (seen.symptom, seen.is_bug) == (Symptom.WRONG_OUTPUT, True)


def test_without_checksums_the_lengths_are_compared():
    unhashed = [{**v, "sha256": None} for v in THREE]
    more: dict[str, Any] = {"unverified": "only lengths were compared"}
    good = verdict(outcome(Symptom.OK, THREE, files_opened=3), unhashed, **more)
    short = verdict(outcome(Symptom.OK, [value("a"), value("b"), value(None)], files_opened=3), unhashed, **more)
    assert (good.symptom, short.symptom) == (Symptom.OK, Symptom.WRONG_OUTPUT)
    assert good.reason.endswith("only lengths were compared")


@pytest.mark.parametrize("measures", [{}, {"files_opened": 3}, {"embedded": []}])
def test_an_end_without_a_word_of_what_was_opened_or_embedded_is_our_fault(measures):
    said = "the probe finished without saying what it opened and embedded"
    assert verdict(outcome(Symptom.OK, **measures)) == Verdict(Symptom.KIT_FAULT, False, said)


@pytest.mark.parametrize("symptom", [Symptom.UNSOLVABLE, Symptom.UNSUPPORTED, Symptom.KIT_FAULT])
def test_what_does_not_count_is_never_the_bug(symptom):
    seen = verdict(outcome(symptom, files_opened=99))
    assert (seen.symptom, seen.is_bug, seen.reason) == (symptom, False, "as seen from outside")


@pytest.mark.parametrize("symptom", [Symptom.WRONG_OUTPUT, Symptom.EXCESS_READ])
def test_a_symptom_that_only_an_oracle_can_give_raises(symptom):
    with pytest.raises(ValueError, match=symptom):
        verdict(outcome(symptom))


@pytest.mark.parametrize(
    ("measures", "killer", "cell"),
    [
        ({"files_opened": 24, "files_needed": 3}, None, "24 / 3"),
        ({"files_opened": 24, "files_needed": 3}, Killer.KERNEL, "24 / 3 (until it was killed)"),
        ({"files_opened": 0}, None, "0 / ?"),
        ({"files_needed": 3}, Killer.WATCHDOG, ""),
    ],
)
def test_the_column_says_how_many_files_were_opened_for_how_many_and_nothing_where_none_were_counted(
    measures, killer, cell
):
    (column,) = BUG.columns
    assert column.cell(Outcome(Symptom.OK, "", killer=killer, measures=measures)) == cell
