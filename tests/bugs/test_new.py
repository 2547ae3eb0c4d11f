"""``repro new``: a bug folder that works before anything in it is edited, empty or around a script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro import bugs, places
from repro.bugs import new, script
from repro.bugs.script import Recorded
from repro.errors import UserError
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.model import Status, Symptom
from repro.rates import Rate
from repro.run.question import question
from repro.run.record import record_failure
from repro.run.runner import Runner
from repro.signature import Signature

RAISES = "import sys\nprint('three')\nraise ValueError('got \"34\" of {1: 2} rows \\\\n')\n"
CRASH = "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n"
NO_DONE = "import os\nos._exit(0)\n"


def status(fake, name: str, **asked) -> Status:
    return Rate.of([fake.runner.trial(question(name, **asked)).verdict]).status(race=False)


@pytest.fixture
def failing(fake):
    """A script of the user's that was seen failing; gives its path."""

    def write(text: str, **asked) -> Path:
        path: Path = fake.root / "crash.py"
        path.write_text(text)
        assert record_failure(fake.runner, question(str(path), **asked)) is not None
        return path

    return write


# Empty


def test_an_empty_bug_runs_reports_absent_and_is_listed(fake, kit):
    said = kit("new", "my-bug")
    folder = fake.root / "bugs" / "my_bug"
    assert said.status == 0
    assert f"made {folder}: bug.py, minimal.py, probe.py\nnext: repro run my-bug" in said.out
    for scenario in ("example", "plain"):
        run = kit("run", "my-bug", "--scenario", scenario)
        assert (run.status, run.out.split(",")[0]) == (0, "ABSENT: my-bug"), run.out + run.err
    assert "my-bug: <what goes wrong, in a line>" in kit("list").out


def test_its_minimal_script_ends_well_too(fake):
    new.make("my-bug")
    probe = fake.root / "bugs" / "my_bug" / "probe.py"
    probe.unlink()
    bug = fake.root / "bugs" / "my_bug" / "bug.py"
    bug.write_text(bug.read_text().replace('expected={"rows": 3}', "").replace('expected={"rows": 0}', ""))
    assert status(fake, "my-bug") is Status.ABSENT


def test_what_its_comments_say_makes_it_present(fake):
    bug = new.make("my-bug") / "bug.py"
    bug.write_text(bug.read_text().replace('expected={"rows": 3}', 'expected={"rows": 4}'))
    assert status(fake, "my-bug") is Status.PRESENT


# From a script


@pytest.mark.parametrize("text", [RAISES, CRASH, NO_DONE, "import sys\nsys.exit(3)\n"])
def test_a_bug_from_a_script_is_present_where_the_script_fails_and_absent_where_it_does_not(fake, failing, text):
    path = failing(text)
    folder = new.make("my-bug", str(path))
    assert sorted(one.name for one in folder.iterdir()) == ["bug.py", "minimal.py"]
    assert (folder / "minimal.py").read_text().endswith(text)
    assert (folder / "minimal.py").read_text().startswith("# /// script\n")
    assert status(fake, "my-bug") is Status.PRESENT
    (folder / "minimal.py").write_text("print('fine')\n")
    assert status(fake, "my-bug") is Status.ABSENT
    (folder / "minimal.py").write_text("raise KeyError('another')\n")
    assert status(fake, "my-bug") is Status.DIFFERENT_FAILURE


def test_a_hang_is_any_hang_and_takes_the_time_that_is_given(fake, failing, kit):
    path = failing("import threading\nthreading.Event().wait()\n", timeout="1s")
    assert kit("new", "my-bug", "--from", str(path), "--timeout", "1s").status == 0
    bug = bugs.load("my-bug")
    assert (bug.failure, bug.default_limits.timeout_s) == (Symptom.HANG, 1.0)
    assert kit("run", "my-bug").status == 1


def test_a_memory_kill_needs_its_cap(fake, failing, kit):
    path = failing("held = []\nwhile True: held.append(b'x' * (4 << 20))\n", memory="128MiB")
    said = kit("new", "my-bug", "--from", str(path))
    assert (said.status, said.err) == (
        2,
        f"repro: {path} was killed for memory: say under which cap, as --memory 1GiB\n",
    )
    assert not (fake.root / "bugs" / "my_bug").exists()
    assert kit("new", "my-bug", "--from", str(path), "--memory", "128MiB").status == 0
    assert bugs.load("my-bug").failure is Symptom.OUT_OF_MEMORY
    assert status(fake, "my-bug") is Status.PRESENT


def test_whatever_was_recorded_comes_back_as_it_was(fake):
    path = fake.root / "crash.py"
    path.write_text('# /// script\n# dependencies = ["tiny==1.0", "numpy<2"]\n# ///\n')
    signature = Signature("error", 0, raised="a.B", message='quotes " \\ {x} $slug \u2028 ü')
    script.record(bugs.load(str(path)), Recorded(signature, race=True, wrong_if=r'"\d+$'))
    new.make("my-bug", str(path))
    made, origin = bugs.load("my-bug"), bugs.load(str(path))
    assert (made.failure, made.race, made.wrong_if) == (signature, True, r'"\d+$')
    assert (made.needs, made.pins, made.default_target) == (origin.needs, origin.pins, "numpy<2 tiny==1.0")
    assert (made.title, made.summary, made.cause) == (origin.title, origin.summary, "")


def test_wrong_output_by_a_pattern_is_the_bug(fake):
    path = fake.root / "crash.py"
    path.write_text("print('answered 41')\n")
    script.with_pattern(bugs.load(str(path)), "answered 41")
    record_failure(fake.runner, question(str(path)))
    new.make("my-bug", str(path))
    assert status(fake, "my-bug") is Status.PRESENT


def test_a_script_that_was_never_seen_failing_is_to_be_run_first(fake, kit):
    path = fake.root / "a crash.py"
    path.write_text("print(1)\n")
    said = kit("new", "my-bug", "--from", str(path))
    assert said.status == 2 and said.err.count("\n") == 1
    assert said.err == f"repro: no failure of {path} is recorded: run it first with: repro run '{path}'\n"
    assert list((fake.root / "bugs").iterdir()) == []


# Names and places


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My_Bug.py", "cannot be the name of a bug: give small letters, digits and hyphens, as my-bug"),
        ("../up", "cannot be the name of a bug.*as up"),
        ("7894", "cannot be the name of a bug.*as my-bug"),
        ("a--b", "cannot be the name of a bug.*as a-b"),
        ("exit-hang", "there is a bug 'exit-hang' already, in .*/exit_hang: give another name"),
        ("taken", "taken is there already: give another name, or move it away"),
    ],
)
def test_a_bad_or_taken_name_is_said_in_one_line_and_nothing_is_written(fake, kit, name, message):
    (fake.root / "bugs" / "taken").mkdir()
    said = kit("new", name)
    assert said.status == 2 and said.err.count("\n") == 1
    assert re.search(message, said.err), said.err
    assert [path.name for path in (fake.root / "bugs").iterdir()] == ["taken"]


def test_the_first_folder_of_the_users_own_bugs_is_the_place(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("REPRO_BUGS", f":{tmp_path / 'one'}:{tmp_path / 'two'}")
    assert new.make("my-bug") == tmp_path / "one" / "my_bug"


def test_without_one_it_is_the_checkout_and_a_module_of_the_kit_is_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRO_BUGS", raising=False)
    home = tmp_path / "bugs"
    home.mkdir()
    (home / "calls.py").write_text("")
    monkeypatch.setattr(bugs, "__file__", str(home / "__init__.py"))
    folder = new.make("my-bug")
    assert folder == home / "my_bug" and (folder / "__init__.py").is_file()
    with pytest.raises(UserError, match=r"calls\.py is there already"):
        new.make("calls")
    monkeypatch.setattr(places, "checkout", lambda: None)
    with pytest.raises(UserError, match="no folder for bugs of your own: make one and name it in REPRO_BUGS"):
        new.make("another")


@pytest.mark.targets
def test_a_new_bug_runs_in_a_real_environment(tmp_path, monkeypatch):
    """Not the interpreter of the tests: the tools, the probe and the packages are all that is there."""
    monkeypatch.setenv("REPRO_BUGS", str(tmp_path))
    new.make("my-bug")
    runner = Runner(places.cache(), Store(tmp_path / "reports", Redactor()))
    asked = question("my-bug", target="datasets==5.2.0 pyarrow==24.0.0")
    assert runner.trial(asked).verdict.symptom is Symptom.OK
