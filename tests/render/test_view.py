"""What a notebook shows: text beside every picture, and words that survive a static page."""

import base64

import IPython.display
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Prepared
from repro.decide.claims import Judged
from repro.model import Outcome, Sample, Symptom, Verdict
from repro.render.view import Picture, ShownRun, Words, allocators_table, claims_table, inputs_table, runs_table
from repro.run.result import Run
from tests.evidence.examples import evidence
from tests.render.test_text import MEMRAY


@pytest.fixture
def displayed(monkeypatch):
    """What is displayed, in order."""
    shown: list[object] = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    return shown


def test_a_run_shows_its_text_and_below_it_its_memory(displayed):
    run = ShownRun((evidence(),), "again")
    run._ipython_display_()
    text, picture = displayed
    assert repr(text) == repr(run)
    assert repr(text).startswith("PRESENT: embed-sliced-list")
    png = base64.b64decode(picture._repr_mimebundle_()["image/png"])
    assert png.startswith(b"\x89PNG")


def test_a_run_without_samples_shows_no_empty_picture(displayed):
    single = Outcome(Symptom.OK, "", timeline=(Sample(0.0, 1, 1),))
    ShownRun((evidence(outcome=single, verdict=Verdict(Symptom.OK, False, "")),), "again")._ipython_display_()
    assert len(displayed) == 1


def test_a_shown_run_says_the_same_to_a_machine_as_a_plain_one():
    trials = (evidence(), evidence())
    assert ShownRun(trials, "again").to_json() == Run(trials, "again").to_json()


def test_every_picture_has_words_that_say_the_same():
    bundle = Picture(b"\x89PNG", "peak 2 GiB")._repr_mimebundle_()
    assert bundle == {"text/plain": "peak 2 GiB", "image/png": base64.b64encode(b"\x89PNG").decode()}


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("one\ntwo", "one\ntwo"),
        ("0 %\r50 %\r100 %", "100 %"),
        ("\rUploading Shards:   0%", "Uploading Shards:   0%"),
        ("done\r\nnext\r\n", "done\nnext\n"),
        ("a\rb\nc\rd", "b\nd"),
    ],
)
def test_of_a_progress_bar_the_last_state_is_shown(written, shown):
    assert repr(Words(written)) == shown


@given(st.text(st.characters(exclude_characters="\r")))
def test_text_without_carriage_returns_is_shown_as_it_is(text):
    assert repr(Words(text)) == text


def test_runs_are_compared_by_the_trial_that_shows_most():
    fine = evidence(verdict=Verdict(Symptom.OK, False, "fine"))
    table = runs_table([Run((fine, evidence()), "a"), Run((fine,), "b")], "Both")
    assert [row[table.columns.index("symptom")] for row in table.rows] == ["out-of-memory", "ok"]


def test_numbers_of_the_inputs_are_readable():
    prepared = Prepared({}, summary={"apparent_bytes": 273000000000, "name": "arc", "ratio": 0.5})
    assert inputs_table(prepared).rows == (("apparent bytes", "273,000,000,000"), ("name", "arc"), ("ratio", "0.5"))


def test_allocations_are_shown_with_their_innermost_frames():
    table = allocators_table(Run((evidence(memray=MEMRAY),), "again"))
    first, second = table.rows
    assert first == ("50.0 MiB", "3", "fsspec/local.py:7 read < datasets/table.py:9 embed")
    assert second == ("1.00 MiB", "1", "?")
    assert table.note.startswith("peak heap 60.0 MiB")
    assert len(allocators_table(Run((evidence(memray=MEMRAY),), "again"), most=1).rows) == 1


def test_claims_that_were_tested_come_first_in_their_own_order():
    def judged(slug: str, verdict: ClaimVerdict) -> Judged:
        return Judged(Claim(slug, slug, "a report", lambda seen: finding), finding := ClaimFinding(verdict, "so many"))

    open_, yes, no = ClaimVerdict.NOT_YET_TESTED, ClaimVerdict.CONFIRMED, ClaimVerdict.REFUTED
    table = claims_table([judged("a", open_), judged("b", yes), judged("c", open_), judged("d", no)])
    assert [row[0] for row in table.rows] == ["b", "d", "a", "c"]
    assert table.rows[0] == ("b", "a report", "confirmed", "so many")
