"""Every mistake that can be foreseen is one line that says what to type, status 2, and leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repro.model import Outcome, Symptom, Verdict
from repro.run.runner import Runner
from repro.trial import caps
from tests.evidence.examples import evidence

OK = "say('measure', measures={'seen': 3})\nsay('done')"


def left_of_kit() -> list[str]:
    """Scratch folders and cgroups of this process."""
    name = f"{caps.PREFIX}{os.getpid()}-*"
    parents = {Path(tempfile.gettempdir()), *(parent for _, parent, _ in caps.candidates())}
    return [str(path) for parent in parents if parent.is_dir() for path in parent.glob(name)]


MISTAKES: list[tuple[list[str], str]] = [
    (["run", "made-upp"], "unknown bug 'made-upp'. Did you mean 'made-up'? Choose from: "),
    (["run"], "Missing argument 'BUG'"),
    (["rum"], "No such command 'rum'"),
    (["run", "made-up", "--scenaro", "plain"], "No such option"),
    (["run", "made-up", "--scenario", "plane"], "unknown scenario 'plane'. Did you mean 'plain'?"),
    (["run", "made-up", "--fix", "nine"], "unknown fix 'nine'. Did you mean 'none'? Choose from: none"),
    (["run", "made-up", "--fix", "lost.patch"], "there is no file lost.patch: give the path of a .patch or .py file"),
    (["run", "made-up", "--set", "rwos=8"], "unknown parameter 'rwos'. Did you mean 'rows'? Choose from: fast, kind"),
    (["run", "made-up", "--set", "rows=101"], "rows=101 is too much: give rows=100 or less"),
    (["run", "made-up", "--set", "kind=thick"], "unknown value of kind 'thick'. Choose from: dense, sparse"),
    (["run", "made-up", "--set", "a\nb=1"], "unknown parameter"),
    (["run", "made-up", "--fix", "two\nlines.patch"], "there is no file two lines.patch"),
    (
        ["run", "made-up", "--target", "tiny=1.0"],
        "cannot read 'tiny=1.0' in the target; write it like: datasets==5.1.0",
    ),
    (["run", "made-up", "--target", ""], "the target is empty; write 'latest'"),
    (["run", "made-up", "--memory", "2GX"], "size '2GX' has no known unit: write it like 2GiB"),
    (["run", "made-up", "--memory", "2G"], "write GiB (powers of 1024) or GB (of 1000)"),
    (["run", "made-up", "--memory", "1MiB"], "below what an interpreter needs (32MiB): give a larger --memory"),
    (
        ["run", "made-up", "--timeout", "soon"],
        "duration 'soon' is not a positive number with a unit: write it like 120s",
    ),
    (["run", "made-up", "--timeout", "-1s"], "duration '-1s' is not a positive number"),
    (["run", "made-up", "--trials", "0"], "Invalid value for '--trials'"),
    (["run", "made-up", "--jobs", "many"], "Invalid value for '--jobs'"),
    (["run", "embed-sliced-list", "--set", "file_size=10"], "file_size=10 holds no image: give 353 bytes or more"),
    (["run", "embed-sliced-list", "--set", "file_size=1000000TiB"], "more than a file can hold: give file_size=16TiB"),
    (["run", "embed-sliced-list", "--set", "sessions=999999999"], "is too large: give sessions=100000 or less"),
    (["run", "embed-sliced-list", "--set", "rows=8", "--set", "sessions=9"], "does not go with inputs="),
    (["run", "embed-sliced-list", "--set", "bids_root=/nowhere/at/all"], "is not a folder: give the folder that holds"),
    (["run", "embed-sliced-list", "--set", "bids_root=~nobody-of-that-name"], "there is no such user here"),
    (["report", "--only", "nothing-like-it"], "no notebook has 'nothing-like-it' in its name: choose from 01_"),
    (["report", "--memory", "2GX"], "size '2GX' has no known unit"),
    (["report", "--target", "datasets=5"], "cannot read 'datasets=5' in the target"),
    (["report", "--bids-root", "/nowhere/at/all"], "is not a folder: give the folder that holds sub-*"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(words)[:60] for words, _ in MISTAKES])
def test_a_mistake_is_one_line_and_leaves_nothing(fake, kit, words, message):
    fake.bug(OK)
    said = kit(*words)
    assert (said.status, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert line.startswith("repro: ")
    assert message in line
    assert (fake.kept, left_of_kit()) == ([], [])
    assert not fake.reports.exists()


def test_a_cap_below_what_the_packages_need_is_found_by_the_run_and_is_one_line(fake, kit):
    fake.bug("data = bytearray(300 << 20)\ntime.sleep(5)", started=False)
    said = kit("run", "made-up", "--memory", "64MiB")
    assert (said.status, said.out) == (125, ""), "git bisect run takes 2 for bad"
    assert said.err == (
        "repro: a cap of 64MiB is below what importing the packages needs: give a larger --memory, as 512MiB\n"
    )
    assert (fake.kept, left_of_kit()) == ([], [])


def test_a_bids_folder_without_images_is_refused_before_a_notebook_starts(fake, kit, tmp_path):
    (tmp_path / "study" / "sub-01").mkdir(parents=True)
    (tmp_path / "study" / "sub-01" / "notes.txt").touch()
    said = kit("report", "--bids-root", str(tmp_path / "study"))
    assert said.status == 2
    assert said.err == "repro: no NIfTI files (*.nii, *.nii.gz) there: give the folder that holds sub-*\n"
    assert not fake.reports.exists()


def test_a_reports_folder_that_cannot_be_written_is_one_line(fake, kit, tmp_path, monkeypatch):
    fake.bug(OK)
    (tmp_path / "file").touch()
    monkeypatch.setenv("REPRO_REPORTS", str(tmp_path / "file"))
    said = kit("run", "made-up")
    assert (said.status, said.out) == (125, "")
    assert "cannot write evidence" in said.err and "REPRO_REPORTS" in said.err
    assert len(said.err.splitlines()) == 1
    assert left_of_kit() == []


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_awkward = st.sampled_from(
    [*("", " ", "-", "--", "=", "~", "~x", "/", ".", "..", "1e999", "nan", "-1", "0", "٣", "\N{BOM}"), "x" * 5000]
)
_options = st.sampled_from(["--scenario", "--fix", "--target", "--memory", "--timeout", "--set", "--trials", "--jobs"])
_flags = st.sampled_from(["--json", "--memray", "--set=rows", "-h", "--version"])


@given(st.sampled_from(["made-up", "made-up", "x", ""]), st.lists(st.tuples(_options, _words | _awkward) | _flags))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_argument_whatever_ends_in_a_traceback(fake, kit, bug, given_words):
    if not (fake.root / "bugs" / "made_up").exists():
        fake.bug(OK)
    with pytest.MonkeyPatch.context() as patch:
        # What is fuzzed is the reading of words; one healthy trial stands for whatever they ask for.
        patch.setattr(Runner, "trial", lambda self, question, **options: _healthy(question))
        words = [word for pair in given_words for word in ([pair] if isinstance(pair, str) else pair)]
        said = kit("run", bug, *words)
    assert said.status in (0, 2), said.err
    if said.status == 2:
        assert said.out == ""
        assert len(said.err.splitlines()) == 1 and said.err.startswith("repro: ")


def _healthy(question: Any) -> Any:
    verdict = Verdict(Symptom.OK, False, "fine")
    return evidence(bug=question.bug.slug, limits=question.limits, outcome=Outcome(Symptom.OK, ""), verdict=verdict)
