"""What a trial's Hub saw, as a person sees it: a table in the terminal, a picture in a notebook and on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import IPython.display
import pytest

from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.hub.record import Commit, Record, Request, Total
from repro.model import Outcome, Symptom, Verdict
from repro.render.hub import Lane, healthy, labels, lanes, requests_title, seen, span
from repro.render.picture import picture
from repro.render.run import ShownRun, run_text
from repro.run.hub import MEASURE
from repro.run.result import Run, brief
from tests.evidence.examples import MIB, evidence
from tests.render.reported import EMBED, embed

INFO = Request(2.0, "info", "GET", "/api/datasets/me/x", 200, 0, 300, "", True, "", 0.1)
CUT = Request(3.0, "put", "PUT", "/lfs/1", 0, MIB, 0, "", False, "put:reset", 1.0)
SENT = Request(5.2, "put", "PUT", "/lfs/1", 200, 2 * MIB, 0, "", True, "", 2.0)
STALLED = Request(8.0, "put", "PUT", "/lfs/2", 0, 5, 0, "", False, "", 3.0)
RECORD = Record(
    [INFO, CUT, SENT, STALLED],
    {"info": Total(1, 0, 0, 300), "put": Total(3, 2, 3 * MIB + 5, 0)},
    [Commit(7.4, "datasets/me/x", "main", "0123456789", "a title", 2, 0)],
)


def trial(record: Record = RECORD, symptom: Symptom = Symptom.HANG, **measures: Any) -> Evidence:
    outcome = Outcome(symptom, "", wall_s=9.0, measures={**measures, MEASURE: record.to_json()})
    return evidence(outcome=outcome, verdict=Verdict(symptom, True, "it waits"))


def test_the_terminal_shows_a_row_for_each_endpoint_and_never_the_record_itself() -> None:
    *_, head, _, info, put, every = run_text(Run((trial(),), "repro run x")).splitlines()
    assert head.split("  ")[0] == "endpoint"
    assert [" ".join(line.split()) for line in (info, put, every)] == [
        "info 1 0 0 B 300 B",
        "put 3 2 3.00 MiB 0 B",
        "all 4 2 3.00 MiB 300 B",
    ]
    assert "0123456789" not in run_text(Run((trial(),), "again"))


def test_a_trial_without_a_hub_and_a_hub_that_nobody_asked_have_no_table() -> None:
    assert "endpoint" not in run_text(Run((evidence(),), "again"))
    assert seen(trial(Record()).outcome) is None


def test_json_holds_the_totals_and_leaves_the_many_requests_to_the_evidence_file() -> None:
    many = replace(RECORD, requests=[SENT] * 21)
    shown = brief(trial(many, shards=3).outcome.measures)
    assert shown["shards"] == 3
    assert set(shown[MEASURE]) == {"totals", "commits", "omitted"}
    assert shown[MEASURE]["totals"]["put"]["up"] == 3 * MIB + 5


def test_a_notebook_shows_the_requests_as_a_picture_that_has_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    ShownRun.of(Run((trial(),), "again"))._ipython_display_()
    bundle = shown[-1]._repr_mimebundle_()
    assert bundle["image/png"] and "put:reset" in bundle["text/plain"]


def test_lanes_are_in_the_order_of_their_first_requests_and_say_what_they_carried() -> None:
    info, put = lanes(RECORD)
    assert (info.endpoint, info.words) == ("info", "1 request, 0 B up, 300 B down")
    assert put.words == "3 requests, 2 failed, 3.00 MiB up, 0 B down"
    assert [one.at_s for one in put.requests] == [3.0, 5.2, 8.0]


def said(*requests: Request, letter: float = 0.001) -> list[str]:
    return [words for _, words in labels(Lane("put", requests, ""), letter)]


def test_a_request_says_its_fault_or_that_it_had_no_answer_or_its_bytes_if_they_are_many() -> None:
    assert [said(one) for one in RECORD.requests] == [[], ["put:reset"], ["2.00 MiB"], ["no answer"]]
    assert [healthy(one) for one in RECORD.requests] == [True, False, True, False]
    refused = replace(INFO, status=503)
    assert (said(refused), healthy(refused)) == (["503"], False)
    assert said(replace(INFO, status=504, fault="commit:applied-504")) == ["commit:applied-504"]


def test_where_there_is_no_room_what_went_wrong_is_said_and_the_bytes_are_not() -> None:
    assert said(SENT, replace(STALLED, at_s=5.3)) == ["no answer", "2.00 MiB"]
    assert said(SENT, replace(STALLED, at_s=5.3), letter=0.05) == ["no answer"]


def test_the_time_runs_from_the_first_request_to_the_end_of_the_last_and_is_never_nothing() -> None:
    assert span(RECORD) == (2.0, 11.0)
    begin, end = span(Record([replace(INFO, seconds=0.0)], {"info": Total(1)}))
    assert end > begin


def test_the_title_counts_what_went_wrong_the_commits_and_what_is_left_out() -> None:
    assert requests_title(RECORD) == "Requests over time; 2 had a fault or no good answer; dashed: 1 commit"
    assert requests_title(replace(RECORD, requests=[INFO], commits=[], omitted=2)) == (
        "Requests over time; 2 later requests left out"
    )


def test_the_page_draws_the_requests_of_the_failure_and_says_the_same_in_words() -> None:
    bad = embed("5.1.0", Symptom.HANG, shows=True, outcome=trial().outcome)
    drawn = picture(Facts.of(EMBED, [bad]))
    assert drawn.count("<rect") == 4 and drawn.count('<rect class="bad"') == 2
    assert "put:reset</text>" in drawn and "2.00 MiB</text>" in drawn
    assert "<li" in drawn and "put: 3 requests, 2 failed, 3.00 MiB up, 0 B down" in drawn
    assert "datasets 5.1.0" in drawn and "0123456789" not in drawn


def test_a_kill_for_memory_is_drawn_as_memory_also_where_there_was_a_hub() -> None:
    killed = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
    measures = {**killed.outcome.measures, MEASURE: RECORD.to_json()}
    bad = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, outcome=replace(killed.outcome, measures=measures))
    assert "Memory over time" in picture(Facts.of(EMBED, [bad]))
