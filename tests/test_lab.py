"""The facade: common settings in one place, everything else passed on, and what a notebook shows."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import repro
from repro.cell import Magics
from repro.errors import UserError
from repro.lab import Lab
from repro.model import Status
from repro.render.run import ShownRun
from repro.run.runner import Runner

OK = "say('measure', measures={'seen': request['parameters']['rows'], 'files_opened': 3})\nsay('done')"


def test_the_facade_is_what_the_package_offers():
    assert repro.Lab is Lab
    with pytest.raises(AttributeError, match="has no attribute 'Labb'"):
        _ = repro.Labb


def test_a_run_returns_its_trials_and_keeps_their_evidence(fake):
    fake.bug(OK)
    run = fake.lab.run("made-up", scenario="other", parameters={"rows": 5}, trials=2)
    assert (run.status, len(run.evidence)) == (Status.ABSENT, 2)
    assert [one.path for one in run.evidence] == fake.kept
    assert run.reproduce.startswith("repro run made-up --scenario other --target tiny==1.0")
    assert run.reproduce.endswith("--trials 2 --set rows=5")


def test_settings_of_the_lab_hold_unless_a_run_names_another_target(fake):
    fake.bug(OK)
    lab = Lab(target="tiny==3.0", memory="256MiB", timeout="9s", reports=fake.reports, cache=fake.root)
    shown = [lab.run("made-up").worst, lab.run("made-up", target="tiny==4.0").worst]
    assert [spec for spec, _ in fake.asked] == ["tiny==3.0", "tiny==4.0"]
    assert [(one.limits.memory_bytes, one.limits.timeout_s) for one in shown] == [(256 << 20, 9.0)] * 2


def test_a_lab_reuses_what_is_known_and_one_that_shall_not_runs_it_again(fake):
    fake.bug(OK)
    first = fake.lab.run("made-up", trials=2)
    assert fake.lab.run("made-up", trials=2).evidence == first.evidence
    assert len(fake.lab.run("made-up", trials=3).evidence) == len(fake.kept) == 3
    again = Lab(reports=fake.reports, cache=fake.root / "cache", reuse=False).run("made-up", trials=2)
    assert len(fake.kept) == 5 and not {e.id for e in again.evidence} & {e.id for e in first.evidence}


def test_the_environment_says_where_things_are_kept(fake):
    lab = Lab()
    assert (lab.store.root, lab.runner.cache) == (fake.reports, fake.root / "cache")


def test_mistakes_are_raised_and_failures_of_the_probe_are_not(fake):
    fake.bug("os.abort()")
    with pytest.raises(UserError, match="unknown scenario"):
        fake.lab.run("made-up", scenario="plane")
    with pytest.raises(UserError, match="the target is empty"):
        fake.lab.run("made-up", target="")
    assert fake.lab.run("made-up").status is Status.DIFFERENT_FAILURE


@pytest.mark.parametrize(("show", "times"), [(True, 1), (False, 0)])
def test_a_notebook_shows_a_run_at_once_unless_told_not_to(fake, monkeypatch, show, times):
    import IPython.display

    fake.bug(OK)
    shown: list[ShownRun] = []
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setattr(IPython.display, "display", shown.append)
    run = fake.lab.run("made-up", show=show)
    assert shown == [run] * times


def test_outside_a_notebook_nothing_is_printed(fake, monkeypatch, capsys):
    fake.bug(OK)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    fake.lab.run("made-up")
    assert capsys.readouterr() == ("", "")


def test_runs_stand_side_by_side_in_a_table_and_a_picture(fake):
    fake.bug(OK)
    lab = fake.lab
    runs = [lab.run("made-up", scenario=name) for name in ("plain", "other")]
    table = lab.table(*runs, title="Both")
    assert (table.title, [row[0] for row in table.rows]) == ("Both", ["plain", "other"])
    assert lab.timeline(*runs).png.startswith(b"\x89PNG")


def test_inputs_are_described_without_running_anything(fake):
    fake.bug("raise SystemExit('never')")
    assert fake.lab.describe("made-up", parameters={"rows": 99}).rows == (("rows", "99"),)
    assert (fake.asked, fake.kept) == ([], [])


def test_the_last_words_of_the_process_are_those_of_stderr_or_else_of_stdout(fake):
    fake.bug(f"print('out'); sys.stdout.flush()\n{OK}")
    assert repr(fake.lab.last_words(fake.lab.run("made-up"))) == "out"
    (fake.root / "bugs" / "made_up" / "probe.py").write_text("import sys\nsys.exit('0 %\\r50 %\\r100 %')")
    assert repr(fake.lab.last_words(fake.lab.run("made-up"))) == "100 %"
    (fake.root / "bugs" / "made_up" / "probe.py").write_text("")
    assert repr(fake.lab.last_words(fake.lab.run("made-up"))) == "(it wrote nothing)"


def test_evidence_of_earlier_runs_is_found_again(fake):
    fake.bug(OK)
    run = fake.lab.run("made-up", scenario="other")
    assert fake.lab.evidence("made-up") == fake.lab.evidence() == list(run.evidence)
    assert fake.lab.evidence("embed-sliced-list") == []


def test_a_plain_run_has_no_allocators(fake):
    fake.bug(OK)
    table = fake.lab.allocators(fake.lab.run("made-up"))
    assert (table.rows, table.note) == ((), "no diagnostic run")


def test_claims_are_judged_from_the_evidence_kept_so_far(fake):
    fake.bug(OK)
    verdicts = [row[2] for row in fake.lab.claims("embed-sliced-list").rows]
    assert len(verdicts) > 5
    assert set(verdicts) == {"not yet tested"}


def test_a_notebook_says_that_earlier_trials_are_reused_or_that_they_are_not(fake):
    fake.bug(OK)
    fake.lab.run("made-up", trials=2)
    assert repr(fake.lab).startswith("Of the 2 trials kept in reports/, those are reused")
    again = Lab(reports=fake.reports, cache=fake.root / "cache", reuse=False)
    assert repr(again) == "Every trial is run anew; the 2 that are kept in reports/ stay unused."


def test_a_diagnostic_run_is_found_again_and_is_no_plain_trial(fake, monkeypatch):
    fake.bug(OK)
    plain = fake.lab.run("made-up")
    fake.lab.store.save(replace(plain.worst, id=f"{plain.worst.id[:-1]}x", memray={"peak_bytes": 1, "allocators": []}))
    known = len(fake.kept)
    assert fake.lab.run("made-up", memray=True).worst.memray == {"peak_bytes": 1, "allocators": []}
    assert len(fake.kept) == known
    monkeypatch.setattr(Runner, "trial", lambda *args, **options: plain.worst)
    anew = Lab(reports=fake.reports, cache=fake.root / "cache", reuse=False)
    assert anew.run("made-up", memray=True).worst.memray is None, "it was not run anew"


def test_the_conclusions_on_a_bug_follow_from_all_evidence_kept(fake):
    fake.bug("say('measure', measures={'seen': 9})\nsay('done')")
    fake.lab.run("made-up")
    assert "- Looks like: plain: excess-read" in repr(fake.lab.conclusions("made-up"))


def test_several_questions_are_answered_side_by_side_each_in_its_place(fake):
    fake.bug(OK)
    asked = [fake.lab.question("made-up", parameters={"rows": rows}) for rows in (5, 3)]
    runs = fake.lab.run_all(asked)
    assert [run.worst.parameters["rows"] for run in runs] == [5, 3]
    assert [run.evidence for run in fake.lab.run_all(asked)] == [run.evidence for run in runs]


def test_without_a_name_the_conclusions_are_on_the_cell_that_was_run_last(fake):
    assert repr(fake.lab.conclusions()) == "(nothing was measured)"
    for text in ("assert False, 'old'", "assert False, 'new'"):
        Magics().run_cell("--target tiny==1.0 --trials 1", text)
    last = fake.lab.scripts.last_cell()
    assert Path(last).read_text() == "assert False, 'new'"
    assert repr(fake.lab.conclusions()) == repr(fake.lab.conclusions(last))
    assert "Looks like" in repr(fake.lab.conclusions())


def test_a_release_is_a_target_each(fake):
    assert fake.lab.releases.targets("pyarrow==25.0.0,26.0.1") == ["pyarrow==25.0.0", "pyarrow==26.0.1"]
