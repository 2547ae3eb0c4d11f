"""Trials of workers: which machine showed the bug how often, and a table only where there is something to compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repro.evidence.record import Evidence
from repro.model import Outcome, Symptom, Verdict
from repro.render.machines import machines_table, machines_words
from repro.render.matrix import ShownMatrix
from repro.render.run import run_text
from repro.run.result import Run
from repro.studies.matrix import Cell, Matrix
from tests.evidence.examples import evidence
from tests.studies.fakes import made_up, question

ABOUT = {"os": "Linux", "release": "6.1", "arch": "x86_64", "cpus": 2, "memory_bytes": 8 << 30}


def there(machine: str, number: int, seconds: float, symptom: Symptom = Symptom.HANG_AT_EXIT) -> Evidence:
    """A trial of a worker on that machine."""
    outcome = Outcome(symptom, "", wall_s=seconds)
    one = evidence(outcome=outcome, verdict=Verdict(symptom, not symptom.healthy, ""))
    return replace(one, provenance={"machine": {**ABOUT, "id": machine}, "number": number})


RACE = Run((there("b0", 1, 1.0), there("a1", 2, 3.0, Symptom.OK), there("b0", 3, 2.0), there("b0", 4, 9.0)), "", True)


def test_a_run_says_on_which_machine_how_many_trials_showed_it_and_compares_the_machines():
    assert machines_words(RACE.evidence) == "a1 0 of 1, b0 3 of 3"
    table = machines_table([RACE])
    assert table is not None and table.title == "Machines"
    same = ("Linux 6.1 x86_64", 2, "8.00 GiB")
    asked = "embed-sliced-list, shard-first, fix none, datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7"
    assert table.rows == (
        (asked, "a1", *same, 1, "unsettled: not seen in 1 trial (rate below 98 %)", "3.0 s"),
        (asked, "b0", *same, 3, "fails in 3/3 (27–100 %)", "2.0 s"),
    )
    assert table.to_text() in run_text(RACE) and "  machines a1 0 of 1, b0 3 of 3" in run_text(RACE)


def test_one_machine_is_named_but_not_compared_and_trials_of_no_worker_are_neither():
    alone, here = Run((there("b0", 1, 1.0),), ""), Run((evidence(),), "")
    assert "  machines b0 1 of 1" in run_text(alone) and "machines" not in run_text(here).lower()
    assert machines_table([alone, here]) is None
    table = machines_table([alone, here, RACE])
    assert table is not None and len(table.rows) == 2


def test_a_matrix_ends_with_the_machines_of_its_races(tmp_path: Path) -> None:
    table, asked = machines_table([RACE]), question(made_up(tmp_path / "bug", race=True), "datasets==5.1.0")
    assert table is not None
    assert repr(ShownMatrix(Matrix((Cell(asked, RACE, False),)))).endswith(table.to_text())
