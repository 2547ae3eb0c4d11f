"""What `make repro` writes and says, with notebooks made up for the purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from repro import places
from repro.errors import UserError
from repro.report import make as report
from repro.report.notebook import Executed, depth_of
from repro.trial.scratch import KIT_TOKEN

PARAMETERS = "memory = None\nbids_root = None\naffected = 'tiny==1.0'\ndepth = 'quick'\n"
RUN = "from repro import Lab\nprint(memory, affected, bids_root)\n"
PLOT = "import matplotlib.pyplot as plt\nplt.figure(figsize=(1, 1))\nplt.plot([1])\nplt.show()"


@pytest.fixture
def write(fake, tmp_path, monkeypatch):
    """``write("01_name", "code", …)``: a notebook in the folder of notebooks, after its parameters cell."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.setattr(places, "notebooks", lambda: folder)
    monkeypatch.setattr(report, "run_scripts", lambda *args, **options: None)
    for name in ("write_claims", "write_page"):  # rendered and tested elsewhere
        monkeypatch.setattr(report, name, lambda store, found, name=name: store.root / name)

    def make(name: str, *sources: str) -> None:
        kinds = {True: nbformat.v4.new_markdown_cell, False: nbformat.v4.new_code_cell}
        cells = [kinds[source.startswith("#")](source) for source in (PARAMETERS, *sources)]
        cells[0].metadata["tags"] = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{name}.ipynb")

    return make


def shown(write_to: list[str], **options: Any) -> int:
    return report.make_report(echo=str, say=write_to.append, **options)


def made(**options: Any) -> tuple[int, str]:
    said: list[str] = []
    return report.make_report(echo=said.append, **options), "\n".join(said)


def text(path: Path) -> str:
    return path.read_text("utf-8")


def test_the_executed_notebook_its_page_and_its_plots_are_written_and_named(write, fake):
    write("01_one", RUN, PLOT)
    status, said = made(memory="1GiB", target="tiny==2.0")
    assert status == 0
    assert "1GiB tiny==2.0 None" in text(fake.reports / "notebooks/01_one.ipynb")
    page = text(fake.reports / "notebooks/01_one.html")
    assert "1GiB tiny==2.0 None" in page
    assert "data:image/png;base64," in page
    assert (fake.reports / "plots/01_one/01.png").read_bytes().startswith(b"\x89PNG")
    assert "notebooks/01_one.html" in said and "0 trials in" in said
    assert not list((fake.reports / "notebooks").glob(".*")), "no half-written notebook stays"


def test_a_failing_notebook_is_said_kept_and_does_not_stop_the_others(write, fake):
    write("01_bad", "print('before')", "raise ValueError('a slip')")
    write("02_good", "print('fine')")
    status, said = made()
    assert status == 1
    assert said.splitlines()[-1] == "FAILED 01_bad.ipynb: ValueError: a slip"
    assert "before" in text(fake.reports / "notebooks/01_bad.html")
    assert "fine" in text(fake.reports / "notebooks/02_good.html")


def test_only_the_notebooks_asked_for_are_run_and_an_unknown_one_names_all(write, fake):
    write("01_one", "print(1)")
    write("02_two", "print(2)")
    made(only="two")
    assert [path.name for path in (fake.reports / "notebooks").glob("*.ipynb")] == ["02_two.ipynb"]
    with pytest.raises(UserError, match="no notebook has 'three' in its name: choose from 01_one, 02_two"):
        made(only="three")


def test_private_things_of_this_machine_do_not_reach_what_is_shared(write, fake):
    write("01_one", "from pathlib import Path\nprint(Path.home() / 'secret-study')\nprint('hf_' + 'a1' * 20)")
    made()
    shared = text(fake.reports / "notebooks/01_one.ipynb") + text(fake.reports / "notebooks/01_one.html")
    assert "~/secret-study" in shared and "&lt;token&gt;" in shared
    assert str(Path.home() / "secret-study") not in shared
    assert "hf_a1a1a1" not in shared


def test_an_interrupted_report_leaves_no_half_written_notebook_and_no_kernel(write, fake, monkeypatch):
    """A kernel that has just been started would write its connection file where the folder was."""
    kernels = []

    def execute(notebook: Path, output: Path, parameters: object, **options: object) -> Executed:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text("half of")
        kernels.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "execute", execute)
    write("01_one", RUN)
    with pytest.raises(KeyboardInterrupt):
        made()
    assert list(fake.reports.rglob("*.ipynb")) == []
    assert kernels[0].wait(timeout=50) < 0


def test_a_kernel_ends_with_a_killed_report_and_its_own_guardian_does_not(write, fake, monkeypatch):
    """Else the kernel would write in the folder that was just removed, or nobody would end what it had started."""
    look = """
import os, psutil
from repro.trial.scratch import guardian
child = psutil.Process(guardian()._process.pid)
print([os.environ.get("REPRO_TRIAL_TOKEN"), child.environ().get("REPRO_TRIAL_TOKEN")])
"""
    write("01_one", look)
    made()
    assert f"['{KIT_TOKEN}', None]" in text(fake.reports / "notebooks/01_one.html")
    assert "REPRO_TRIAL_TOKEN" not in os.environ


CLEAN = "from repro import places; from repro.trial import at_work; at_work.refuse_if_held(places.reports())"


def test_a_report_is_at_work_on_its_folder_also_while_no_trial_runs(write, fake, monkeypatch):
    """Between two trials `repro clean` would take away what the report is about to read."""
    said = []

    def execute(*args: object, **options: object) -> Executed:
        done = subprocess.run([sys.executable, "-c", CLEAN], check=False, capture_output=True, text=True, timeout=60)
        said.append(done.stderr)
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "execute", execute)
    write("01_one", RUN)
    with pytest.raises(KeyboardInterrupt):
        made()
    assert "a kit is at work on" in said[0]


def test_an_option_goes_only_to_notebooks_that_have_it(write, fake):
    write("01_one", "print('trials' in globals())")
    status, _ = made(trials=3)
    assert status == 0
    assert "False" in text(fake.reports / "notebooks/01_one.html")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "2GX"}, "size '2GX' has no known unit"),
        ({"target": "tiny=1"}, "cannot read 'tiny=1' in the target"),
        ({"own_data": "/nowhere/at/all"}, "is not a folder: give the folder that holds sub-"),
    ],
)
def test_a_mistake_is_found_before_anything_is_run(write, fake, options, message):
    write("01_one", "print(1)")
    with pytest.raises(UserError, match=message):
        made(**options)
    assert not fake.reports.exists()


# How far it is


def sections(lines: list[str]) -> list[str]:
    return [line.partition("] ")[2] for line in lines]


def test_a_line_says_which_section_of_which_notebook_runs_and_how_far_the_whole_is(write, fake):
    write("01_one", "## 1. The symptom", "print(1)", "## 2. What helps", "print(2)", "print(3)")
    write("02_two", "# Two\n\nText", "print(1)")
    said: list[str] = []
    shown(said)
    assert sections(said) == [
        "01_one: start",
        "01_one: 1. The symptom",
        "01_one: 2. What helps",
        "02_two: start",
        "02_two: Two",
        "all bugs: scripts and texts of the issues, claims, page",
    ]
    assert said[0].startswith("[ 1/6] ") and said[-1].startswith("[ 6/6] ")


def test_from_the_second_run_on_it_says_how_long_it_still_takes(write, fake):
    write("01_one", "print(1)")
    first: list[str] = []
    again: list[str] = []
    shown(first)
    shown(again)
    assert not any("min left" in line for line in first)
    assert all(line.endswith("(under 1 min left)") for line in again)


def test_nothing_of_papermill_is_shown(write, fake, capfd):
    write("01_one", "print(affected)")
    made(target="tiny==2.0")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


# Two depths


def test_the_depth_reaches_the_notebooks_and_is_kept_in_them(write, fake):
    write("01_one", "print('went', depth)")
    for depth in ("quick", "full"):
        made(depth=depth)
        executed = fake.reports / "notebooks/01_one.ipynb"
        assert f"went {depth}" in text(executed)
        assert depth_of(executed) == depth


def test_the_last_lines_say_what_was_found_in_80_columns(write, fake):
    write("01_one", "print(1)")
    fake.bug("say('measure', measures={'seen': 9})\nsay('done')")
    fake.lab.run("made-up", show=False)
    _, said = made()
    lines = said.splitlines()
    found = lines[lines.index("made-up") :]
    assert any("looks like: plain: excess-read" in line for line in found)
    assert all(len(line) <= 80 for line in found)


def test_a_script_that_cannot_be_run_is_named_and_the_texts_are_written_all_the_same(write, fake, monkeypatch):
    def fail(*args: object, quick: bool, **options: object) -> None:
        raise UserError(f"no such release (quick: {quick})")

    monkeypatch.setattr(report, "run_scripts", fail)
    write("01_one", "print(1)")
    fake.bug("say('measure', measures={'seen': 9})\nsay('done')")
    fake.lab.run("made-up", show=False)
    status, said = made(depth="full")
    assert status == 0
    assert "made-up: no such release (quick: False)" in said
    assert (fake.reports / "issues" / "made-up.md").is_file()
