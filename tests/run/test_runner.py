"""One question, asked for real of a tiny probe: what is kept, what is refused, and that nothing stays behind."""

import errno
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repro import bugs
from repro.bugs.declaration import FixKind, Scenario
from repro.errors import EnvironmentFault, UserError
from repro.evidence.labels import label_of
from repro.evidence.record import Evidence
from repro.model import Killer, Limits, Status, Symptom, TargetInfo, Unsolvable
from repro.rates import Rate
from repro.run import question as ask
from repro.run.cache import Step, TrialCache, no_step
from repro.run.pool import Budget
from repro.run.question import Question
from repro.run.runner import Runner
from repro.run.scripts import run_minimal
from repro.trial import caps
from tests.conftest import STARTED
from tests.trial.conftest import left_behind

SAY_ALL = "say('measure', measures={'seen': request['parameters']['rows']})\nsay('done')\n"


def question(**given: Any) -> Question:
    return ask.question("made-up", **given)


def trials(runner: Runner, asked: Question, count: int, jobs: int = 1, on_step: Step = no_step) -> Sequence[Evidence]:
    """The trials of a question, ``jobs`` at a time."""
    return TrialCache(runner, reuse=False).run(asked, count, Budget.of_machine(slots=jobs), on_step).evidence


def scratches() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob(f"{caps.PREFIX}*")}


@pytest.fixture(autouse=True)
def nothing_left():
    before = scratches()
    yield
    assert left_behind() == []
    assert {name for name in scratches() - before if name.startswith(f"{caps.PREFIX}{os.getpid()}-")} == set()


# What a trial gives


def test_a_trial_is_judged_and_kept_as_it_was_judged(fake):
    fake.bug(SAY_ALL)
    trial = fake.runner.trial(question(parameters=["rows=7"]))
    assert (trial.verdict.symptom, trial.outcome.measures) == (Symptom.OK, {"seen": 7})
    assert trial.parameters["rows"] == 7
    assert trial.target["packages"] == {"tiny": "1.0"}
    assert fake.kept == [trial.path]
    assert fake.runner.store.load(trial.path) == trial


def test_what_the_oracle_finds_in_a_healthy_ending_is_the_symptom_that_is_kept(fake):
    fake.bug("say('measure', measures={'seen': 9})\nsay('done')")
    trial = fake.runner.trial(question())
    assert trial.outcome.symptom is trial.verdict.symptom is Symptom.EXCESS_READ
    assert Rate.of([trial.verdict]).status(race=False) is Status.PRESENT


@pytest.mark.parametrize(
    ("answer", "symptom"),
    [
        (Unsolvable("tiny==1.0", "Because tiny is not there"), Symptom.UNSOLVABLE),
        (Unsolvable("tiny==1.0", "the patch does not apply", Symptom.UNSUPPORTED), Symptom.UNSUPPORTED),
    ],
)
def test_an_environment_that_cannot_be_is_kept_and_nothing_is_run(fake, answer, symptom):
    fake.bug("raise SystemExit('never')")
    fake.answer = lambda spec: answer
    trial = fake.runner.trial(question())
    assert (trial.verdict.symptom, trial.verdict.reason) == (symptom, answer.reason)
    assert trial.outcome.wall_s == 0
    assert len(fake.kept) == 1


@pytest.mark.parametrize(
    ("body", "symptom"),
    [
        ("say('unsupported', reason='no such feature')\nsay('done')", Symptom.UNSUPPORTED),
        ("os.write(_fd, b'nonsense\\n'); say('done')", Symptom.KIT_FAULT),
    ],
)
def test_what_says_nothing_of_the_bug_never_reaches_its_oracle(fake, body, symptom):
    fake.bug(f"say('measure', measures={{'seen': 99}})\n{body}")
    trial = fake.runner.trial(question())
    assert (trial.verdict.symptom, trial.verdict.is_bug) == (symptom, False)
    assert Rate.of([trial.verdict]).status(race=False) is Status.UNTESTABLE


def test_an_interpreter_that_is_gone_is_our_fault_and_not_an_exception(fake):
    fake.bug(SAY_ALL)
    fake.answer = lambda spec: TargetInfo(spec, Path("/no/python"), "3", {}, "k")
    assert fake.runner.trial(question()).verdict.symptom is Symptom.KIT_FAULT


def test_a_checkout_of_another_project_is_refused_and_one_of_some_packages_says_which_are_not_its_own(fake):
    fake.bug(SAY_ALL)
    made = fake.answer("tiny==1.0")
    asked = replace(question(), scenario=Scenario("only", "the only one", needs=("tiny", "other")))
    fake.answer = lambda spec: replace(made, local=("elsewhere",))
    with pytest.raises(UserError, match="holds no tiny or other"):
        fake.runner.trial(asked)
    fake.runner._targets.clear()
    fake.answer = lambda spec: replace(made, local=("tiny",))
    assert fake.runner.trial(asked).target["from_index"] == ["other"]


def test_a_trial_killed_at_its_cap_is_the_bug_and_the_killer_is_named(fake):
    fake.bug("data = []\nwhile True: data.append(b'x' * (4 << 20)); time.sleep(0.002)")
    trial = fake.runner.trial(question(memory="128MiB"))
    assert (trial.verdict.symptom, trial.outcome.signal) == (Symptom.OUT_OF_MEMORY, "SIGKILL")
    assert trial.outcome.killer in (Killer.KERNEL, Killer.WATCHDOG)
    assert not trial.outcome.done


@pytest.mark.parametrize(
    ("error", "pin"),
    [
        ("ImportError('numpy.core.multiarray failed to import')", "; try the target with 'numpy<2'"),
        (
            "ImportError(\"cannot import name 'x' from 'huggingface_hub' (/x.py)\")",
            "; try the target with an older hub, as 'huggingface-hub<1'",
        ),
        ("ImportError('no such thing')", ""),
    ],
)
def test_a_probe_that_fails_before_it_began_says_nothing_of_the_bug_but_why(fake, error, pin):
    fake.bug(f"raise {error}", started=False)
    trial = fake.runner.trial(question())
    assert (trial.verdict.symptom, trial.verdict.testable, trial.verdict.is_bug) == (Symptom.ERROR, False, False)
    assert trial.verdict.reason.startswith("the environment is broken: ImportError: ")
    assert trial.verdict.reason.endswith(f"){pin}")
    assert Rate.of([trial.verdict]).status(race=False) is Status.UNTESTABLE
    assert fake.runner.store.load(trial.path).verdict == trial.verdict


def test_a_trial_of_a_study_is_saved_once_complete_with_its_label_its_command_and_its_key(fake):
    fake.bug(SAY_ALL)
    runner = fake.runner
    trial = runner.trial(question(), label={"kind": "study", "part": "1"}, reproduce="repro study made-up")
    assert fake.kept == [trial.path], "never once without and once with it"
    assert label_of(runner.store.load(trial.path)) == {"kind": "study", "part": "1"}
    assert trial.reproduce == "repro study made-up"
    assert trial.decided_by == runner.key(question()) != ""


def test_a_probe_that_was_changed_between_two_trials_of_one_runner_is_another_key(fake):
    probe = fake.bug(SAY_ALL) / "probe.py"
    runner = fake.runner
    first = runner.trial(question())
    probe.write_text(f"{probe.read_text('utf-8')}\nprint('more')\n")
    assert runner.trial(question()).decided_by != first.decided_by


# Many trials


def test_environment_and_inputs_are_looked_up_once_however_many_trials(fake):
    fake.bug(SAY_ALL)
    runner = fake.runner
    trials(runner, question(), 3)
    trials(runner, question(scenario="other"), 1)
    assert len(fake.asked) == 1
    trials(runner, question(target="tiny==2.0"), 1)
    assert [spec for spec, _ in fake.asked] == ["tiny==1.0", "tiny==2.0"]
    assert len(fake.kept) == 5


def test_the_target_of_a_patch_is_another_one(fake, tmp_path):
    fake.bug(SAY_ALL)
    (tmp_path / "pr.patch").write_text("")
    runner = fake.runner
    runner.trial(question())
    trial = runner.trial(question(fix=str(tmp_path / "pr.patch")))
    assert [how["patch"] for _, how in fake.asked] == [None, tmp_path / "pr.patch"]
    assert trial.fix == "pr"


def test_a_workaround_goes_to_the_probe_and_not_to_the_environment(fake, tmp_path):
    fake.bug("say('measure', measures={'seen': 3, 'workaround': request['fix_path']})\nsay('done')")
    (tmp_path / "idea.py").write_text("def idea(shard):\n    return shard\n")
    asked = question(fix=str(tmp_path / "idea.py"))
    assert asked.fix.kind is FixKind.WORKAROUND
    assert fake.runner.trial(asked).outcome.measures["workaround"].endswith("idea.py")
    assert fake.asked[0][1]["patch"] is None


@pytest.mark.parametrize("jobs", [1, 3])
def test_every_trial_is_run_kept_and_reported_once(fake, jobs):
    fake.bug(SAY_ALL)
    seen = []
    ran = trials(fake.runner, question(), 5, jobs, lambda: seen.append(1))
    assert len(ran) == len(seen) == len({trial.id for trial in ran}) == len(fake.kept) == 5


def test_jobs_run_at_the_same_time(fake, tmp_path):
    body = f"""
    folder = Path({str(tmp_path)!r})
    (folder / f"here-{{os.getpid()}}").touch()
    end = time.monotonic() + 15
    while len(list(folder.glob("here-*"))) < 2 and time.monotonic() < end: time.sleep(0.01)
    say('measure', measures={{'seen': 3, 'met': len(list(folder.glob("here-*"))) > 1}})
    say('done')
    """
    fake.bug(body)
    assert all(trial.outcome.measures["met"] for trial in trials(fake.runner, question(memory="128MiB"), 2, 2))


# What is refused


def test_a_cap_that_the_packages_do_not_fit_in_is_a_fault_of_the_environment_and_not_the_bug(fake):
    fake.bug("data = bytearray(300 << 20)\ntime.sleep(5)", started=False)
    with pytest.raises(EnvironmentFault, match="a cap of 64MiB is below what importing the packages needs"):
        fake.runner.trial(question(memory="64MiB"))
    assert fake.kept == []


def test_the_same_death_after_the_start_is_an_outcome(fake):
    fake.bug(f"{STARTED}data = bytearray(300 << 20)\ntime.sleep(5)", started=False)
    assert fake.runner.trial(question(memory="64MiB")).verdict.symptom is Symptom.OUT_OF_MEMORY


def test_limits_that_no_interpreter_can_live_in_are_refused_before_anything_is_made(fake):
    fake.bug(SAY_ALL)
    asked = question()
    for limits in (Limits(1 << 20, 10, 10), Limits(None, 0, 10)):
        with pytest.raises(UserError, match=r"give a larger --memory|give --timeout"):
            fake.runner.trial(replace(asked, limits=limits))
    assert fake.asked == []


def test_parameters_that_make_no_sense_are_refused_before_the_probe_starts(fake):
    fake.bug("raise SystemExit('never')")
    with pytest.raises(UserError, match="rows=101 is too much"):
        fake.runner.trial(question(parameters=["rows=101"]))
    assert fake.kept == []


def test_a_fault_of_the_machine_while_an_environment_is_made_passes_as_it_is(fake):
    fake.bug(SAY_ALL)

    def fails(spec):
        raise EnvironmentFault("the index does not answer; try again")

    fake.answer = fails
    with pytest.raises(EnvironmentFault, match="the index does not answer; try again"):
        fake.runner.trial(question())
    assert fake.kept == []


def test_a_full_disk_for_evidence_is_one_line_and_leaves_no_half_file(fake, monkeypatch):
    fake.bug(SAY_ALL)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match=r"No space left on device.*set the environment variable REPRO_REPORTS"):
        fake.runner.trial(question())
    assert [path for path in fake.reports.rglob("*") if path.is_file()] == []


# The diagnostic run, and the script of the issue


def test_a_diagnostic_run_says_what_allocates_also_after_a_kill(fake):
    fake.bug(
        """
        def greedy():
            return bytearray(60 << 20)
        data = greedy()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    trial = fake.runner.trial(question(), memray=True)
    assert trial.memray is not None
    assert trial.memray["peak_bytes"] >= 60 << 20
    innermost = trial.memray["allocators"][0]["stack"][0]
    assert (innermost["function"], innermost["file"]) == ("greedy", "probe.py")
    assert trial.reproduce.endswith("--memray")
    assert (fake.reports / trial.memray["flamegraph"]).is_file()
    assert fake.runner.store.load(trial.path).memray == trial.memray


@pytest.mark.parametrize(
    ("script", "symptom", "is_bug", "reason"),
    [
        ("print('all is well')", Symptom.OK, False, "exit status 0: all is well"),
        ("import sys; print('opened 9'); sys.exit(1)", Symptom.ERROR, True, "exit status 1: opened 9"),
        ("import os; os.abort()", Symptom.CRASH, True, "SIGABRT"),
    ],
)
def test_the_script_of_the_issue_is_run_as_a_reader_would(fake, script, symptom, is_bug, reason):
    fake.bug("", minimal=script)
    trial = run_minimal(fake.runner, bugs.load("made-up"), "tiny==1.0")
    assert (trial.scenario, trial.verdict.symptom, trial.verdict.is_bug) == ("minimal", symptom, is_bug)
    assert trial.verdict.reason == reason
    assert len(fake.kept) == 1


def test_the_script_in_an_environment_that_cannot_be_says_nothing(fake):
    fake.bug("")
    fake.answer = lambda spec: Unsolvable(spec, "no")
    assert run_minimal(fake.runner, bugs.load("made-up"), "tiny==9").verdict.symptom is Symptom.UNSOLVABLE
