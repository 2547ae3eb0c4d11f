"""The JSON form of a record: complete, versioned, and strict when it is read."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.errors import UserError
from repro.evidence.record import Evidence, new_id
from repro.evidence.redact import Redactor
from repro.model import Outcome, Stack, Status, Symptom, Verdict

from .examples import evidence, evidences

PUBLISHED = Path(__file__).parents[2] / "reports" / "published" / "evidence"


@settings(deadline=None)
@given(evidences)
def test_what_is_written_is_read_back(record):
    assert Evidence.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False))) == record


def test_the_form_names_its_version_and_the_status_of_this_trial_alone():
    form = evidence().to_json()
    assert form["schema"] == 1
    assert form["status_alone"] == "present"
    assert form["outcome"]["symptom"] == "out-of-memory"
    assert form["outcome"]["killer"] == "kernel"
    assert set(form["outcome"]) == set(asdict(evidence().outcome))
    assert "path" not in form


def test_numbers_that_json_lacks_become_texts():
    outcome = Outcome(Symptom.OK, "", measures={"ratio": float("nan"), "most": [float("inf")]})
    form = evidence(outcome=outcome).to_json()
    assert form["outcome"]["measures"] == {"ratio": "nan", "most": ["inf"]}


def test_another_schema_is_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"schema 2, this kit reads 1: use the version of the kit that wrote it"):
        Evidence.from_json(evidence().to_json() | {"schema": 2})


@pytest.mark.parametrize("place", ["outcome", "verdict"])
def test_an_unknown_symptom_is_refused(place):
    form = evidence().to_json()
    form[place]["symptom"] = "out-of-memry"
    with pytest.raises(UserError, match=r"unknown symptom 'out-of-memry'\. Did you mean 'out-of-memory'"):
        Evidence.from_json(form)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": "../../etc"}, "no file name"),
        ({"bug": "a/b"}, "no file name"),
        ({"limits": {"memory": 1}}, "memory"),
        ({"target": "datasets"}, "target is str"),
        ({"status_alone": "absent"}, "status_alone 'absent' contradicts the verdict"),
        ({"verdict": {"symptom": "ok", "is_bug": "yes", "reason": ""}}, "is_bug is str"),
    ],
)
def test_a_damaged_record_says_what_is_wrong_in_one_line(change, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        Evidence.from_json(evidence().to_json() | change)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"wall_s": "9.8"}, {"killer": "nobody"}, {"timeline": [{"t": 1}]}, {"extra": 1}])
def test_a_damaged_outcome_is_refused(change):
    form = evidence().to_json()
    form["outcome"] |= change
    with pytest.raises(UserError, match="damaged evidence"):
        Evidence.from_json(form)


@settings(deadline=None)
@given(st.data())
def test_every_missing_entry_is_refused_as_a_user_error(data):
    form = evidence().to_json()
    del form[data.draw(st.sampled_from(sorted(form.keys() - {"decided_by"})))]
    with pytest.raises(UserError):
        Evidence.from_json(form)


@pytest.mark.parametrize("data", [None, [], "text", 1, {}])
def test_what_is_no_record_at_all_is_refused(data):
    with pytest.raises(UserError, match="not an evidence file"):
        Evidence.from_json(data)


def test_an_id_is_the_time_in_utc_and_random_digits():
    assert re.fullmatch(r"20261105T090000\.000007Z-[0-9a-f]{8}", new_id(datetime(2026, 11, 5, 9, 0, 0, 7, UTC)))
    before, made, after = datetime.now(UTC), new_id(), datetime.now(UTC)
    assert before <= datetime.strptime(made.split("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC) <= after


def test_ids_sort_by_time_and_differ_within_one_moment():
    first, later = datetime(2026, 11, 5, 9, tzinfo=UTC), datetime(2026, 11, 5, 10, tzinfo=UTC)
    assert new_id(first) < new_id(later)
    assert len({new_id(first) for _ in range(1000)}) == 1000


def test_the_status_of_an_uncounted_trial_is_untestable():
    record = evidence(verdict=Verdict(Symptom.UNSUPPORTED, False, "no Nifti there"))
    assert record.status_alone is Status.UNTESTABLE


SECRET = "correct horse battery staple"


def test_every_free_text_is_redacted_and_nothing_else_changes():
    free, kept = f"say {SECRET}", "say <secret>"

    def record(text: str, home: str) -> Evidence:
        outcome = Outcome(
            Symptom.ERROR,
            text,
            exit_code=1,
            killer_basis=text,
            measures={text: [text, 1]},
            started={"files": {"datasets": f"{home}/{text}"}},
            phases=((0.5, text),),
            stdout_tail=text,
            stderr_tail=text,
            stacks=(Stack("gdb", text, text),),
        )
        return evidence(
            parameters={"name": text, "rows": 3},
            target={"spec": text, "python": "3.11.7", "packages": {"rich": SECRET}, "patch": text},
            outcome=outcome,
            verdict=Verdict(Symptom.ERROR, False, text),
            provenance={"note": text},
            reproduce=f"repro run x --set name={text!r}",
            memray={"stack": [text]},
        )

    wanted = record(kept, "~").to_json()
    given = record(free, "/home/alice")
    assert given.redacted(Redactor([SECRET])).to_json() | {"id": ""} == wanted | {"id": ""}


def test_redaction_leaves_the_closed_words_and_package_names_alone():
    record = evidence()
    hostile = Redactor(users=["rich", "kernel", "sparse", "embed", "shard"])  # users whose names stand in a record
    clean = record.redacted(hostile)
    assert clean.target["packages"] == record.target["packages"]
    assert (clean.bug, clean.scenario, clean.outcome.symptom) == (record.bug, record.scenario, record.outcome.symptom)
    assert Evidence.from_json(clean.to_json()) == clean


def test_the_shown_path_is_relative_where_that_is_shorter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "reports" / "evidence" / "b" / "x.json"
    assert replace(evidence(), path=inside).shown_path == "reports/evidence/b/x.json"
    assert replace(evidence(), path=Path("/x.json")).shown_path == "/x.json"
    unsaved = evidence()
    assert unsaved.shown_path == f"evidence/embed-sliced-list/{unsaved.id}.json"


def test_a_record_of_a_study_carries_its_label_and_any_other_its_origin_alone():
    given: dict[str, Any] = {"provenance": {"kit_version": "0.1.0"}, "memray": {"peak": 1}}
    plain = evidence(**given)
    assert (plain.provenance, plain.memray, plain.decided_by) == ({"kit_version": "0.1.0"}, {"peak": 1}, "")
    labelled = evidence(**given, label={"kind": "survive"}, decided_by="0a")
    assert labelled.provenance == {"kit_version": "0.1.0", "study": {"kind": "survive"}}
    assert labelled.decided_by == "0a"
    assert given["provenance"] == {"kit_version": "0.1.0"}


def test_published_evidence_still_loads_and_says_what_it_said():
    paths = list(PUBLISHED.glob("*/*.json"))
    assert paths
    for path in paths:
        form = json.loads(path.read_bytes())
        again = Evidence.from_json(form).to_json()
        for part in ("outcome", "verdict"):  # entries that came later have their defaults
            again[part] = {name: again[part][name] for name in form[part]}
        assert again | form == again


def test_evidence_of_before_the_content_hash_was_kept_has_none():
    form = evidence(decided_by="0" * 64).to_json()
    assert Evidence.from_json(form).decided_by == "0" * 64
    del form["decided_by"]
    assert Evidence.from_json(form).decided_by == ""


def test_entries_that_a_newer_kit_adds_are_passed_over():
    read = Evidence.from_json(evidence().to_json() | {"weather": "fair", "path": "/elsewhere"})
    assert (read.bug, read.path) == ("embed-sliced-list", None)
