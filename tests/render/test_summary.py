"""The last words of `make repro` follow from the evidence: other evidence, other words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from repro import bugs
from repro.bugs.declaration import Column
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.model import Killer, Limits, Outcome, Symptom, Verdict
from repro.render.summary import rows, summary, summary_sentences
from tests.evidence.examples import evidence

OPENED = Column("files opened", lambda outcome: str(outcome.measures.get("files_opened", "")))
BUG = replace(bugs.load("embed-sliced-list"), columns=(OPENED,))
OLD: dict[str, Any] = {"spec": "datasets==5.1.0", "datasets": "5.1.0", "packages": {}}
NEW: dict[str, Any] = {"spec": "datasets==5.2.0", "datasets": "5.2.0", "packages": {}}


def trial(target: dict[str, Any], symptom: Symptom, fix: str = "none", scenario: str = "shard-first") -> Evidence:
    is_bug = symptom is not Symptom.OK
    outcome = Outcome(
        symptom, "x", killer=Killer.KERNEL if is_bug else None, measures={"files_opened": 16, "files_needed": 6}
    )
    return evidence(
        bug=BUG.slug, scenario=scenario, fix=fix, target=target, parameters={}, outcome=outcome, memray=None,
        verdict=Verdict(symptom, is_bug, "x"),
    )  # fmt: skip


def words(*trials: Evidence) -> dict[str, Any]:
    return dict(rows(Facts.of(BUG, trials)))


def test_it_says_where_the_bug_is_how_it_looks_and_what_helped():
    found = words(
        trial(OLD, Symptom.OUT_OF_MEMORY),
        trial(NEW, Symptom.OK),
        trial(OLD, Symptom.OK, "take"),
        trial(OLD, Symptom.OUT_OF_MEMORY, "combine-chunks"),
    )
    assert found["verdict"].startswith("Affected: datasets 5.1.0; not affected: 5.2.0")
    assert "out-of-memory (kernel)" in found["looks like"] and "files opened: 16" in found["looks like"]
    assert found["helps: not seen in 1 trial"] == "take"
    assert found["does not help: fails in 1/1 (1–100 %)"] == "combine-chunks"


def test_without_a_failure_there_is_only_the_verdict():
    assert words(trial(NEW, Symptom.OK)) == {
        "verdict": "No release of datasets is shown to have it; not affected: 5.2.0, the newest tested."
    }


def test_the_correctness_gate_is_no_trial_of_a_fix():
    found = words(trial(OLD, Symptom.OUT_OF_MEMORY), trial(OLD, Symptom.ERROR, "take", scenario="gate"))
    assert set(found) == {"verdict", "looks like"}


def test_the_lines_fit_a_terminal_and_lose_nothing():
    trials = [trial(OLD, Symptom.OUT_OF_MEMORY), *(trial(OLD, Symptom.OK, fix.name) for fix in BUG.fixes[1:])]
    lines = summary([Facts.of(BUG, trials)], 80)
    assert lines[0] == BUG.slug and max(map(len, lines)) <= 80 < sum(map(len, lines))
    said = " ".join(" ".join(lines).split())
    assert all(text in said for text in words(*trials).values())


def test_a_notebook_gets_the_same_as_sentences():
    first, second = summary_sentences(Facts.of(BUG, [trial(OLD, Symptom.OUT_OF_MEMORY)]))
    assert first.startswith("Affected: datasets 5.1.0")
    assert second.startswith("Looks like: shard-first: out-of-memory (kernel)") and second.endswith(".")


def test_what_is_left_out_is_said_once_with_one_full_stop():
    other = replace(trial(OLD, Symptom.OK), limits=Limits(None, 1.0))
    facts = Facts.of(BUG, [other, trial(NEW, Symptom.OK)])
    (line,) = facts.chosen.left_out
    assert line in summary_sentences(facts) and not line.endswith("..")
    assert sum("left out" in text for text in summary([facts], 1000)) == 1
    assert not any("left out: 1" in text for text in summary([facts], 1000))
