"""Walking along releases: where a bug begins, ends and changes, and which package is behind a change."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro.decide.bisection import BisectionResult
from repro.decide.races import RaceResult
from repro.errors import UserError
from repro.model import Outcome, Symptom, TargetInfo
from repro.run.cache import TrialCache
from repro.run.question import Question
from repro.studies.bisect import Tried, attribute, between, bisect, bisect_race
from tests.studies.fakes import FakeRunner, made_up, question
from tests.targets.conftest import git

RELEASES = [f"1.{n}" for n in range(16)]
OK, EXCESS, WRONG, UNSUPPORTED = Symptom.OK, Symptom.EXCESS_READ, Symptom.WRONG_OUTPUT, Symptom.UNSUPPORTED
ERROR = Symptom.ERROR


class Asker:
    """Puts the question of a made-up bug to a release, and counts the trials."""

    def __init__(self, folder: Path, history: list[Symptom], **options: object) -> None:
        self.bug = made_up(folder / "bug")
        shown = {f"datasets=={release}": symptom for release, symptom in zip(RELEASES, history, strict=True)}
        self.runner = FakeRunner(folder, shown.__getitem__, **options)  # type: ignore[arg-type]
        self.cache = TrialCache(self.runner)

    def __call__(self, release: str) -> Question:
        return question(self.bug, f"datasets=={release}")


def certain(result: BisectionResult | RaceResult | None) -> BisectionResult:
    assert isinstance(result, BisectionResult)
    return result


def pairs(result: BisectionResult | RaceResult | None) -> list[tuple[str, str]]:
    return [(change.last, change.first) for change in certain(result).transitions]


# One transition


@pytest.mark.parametrize("first", range(1, 16))
def test_the_first_affected_release_is_found_within_log2_n_plus_2_targets(tmp_path: Path, first: int) -> None:
    ask = Asker(tmp_path, [OK] * first + [EXCESS] * (16 - first))
    found = bisect(ask.cache, ask, RELEASES)
    assert pairs(found.result) == [(RELEASES[first - 1], RELEASES[first])]
    assert len(found.tried) <= 6
    assert len(set(ask.runner.asked)) == len(ask.runner.asked), "no release is tried twice"


def test_releases_that_cannot_be_tested_or_fail_differently_are_passed_over_and_named(tmp_path: Path) -> None:
    history = [OK] * 6 + [UNSUPPORTED, WRONG, WRONG] + [EXCESS] * 7
    ask = Asker(tmp_path, history, impossible={"datasets==1.8": "no solution"})
    (change,) = certain(bisect(ask.cache, ask, RELEASES).result).transitions
    assert (change.last, change.first) == ("1.5", "1.9")
    assert {release for release, _ in change.skipped} == {"1.6", "1.7", "1.8"}


def test_bounds_that_are_alike_end_the_bisection_after_two_targets_with_a_reason(tmp_path: Path) -> None:
    ask = Asker(tmp_path, [EXCESS] * 16)
    found = bisect(ask.cache, ask, RELEASES)
    assert "both present" in found.problem
    assert [one.release for one in found.tried] == ["1.0", "1.15"]


def test_trials_that_are_known_are_not_run_again(tmp_path: Path) -> None:
    ask = Asker(tmp_path, [OK] * 4 + [EXCESS] * 12)
    bisect(ask.cache, ask, RELEASES)
    trials = len(ask.runner.asked)
    bisect(TrialCache(ask.runner), ask, RELEASES)
    assert len(ask.runner.asked) == trials


def test_good_and_bad_cut_the_range_whichever_is_older() -> None:
    assert between(RELEASES, "1.9", "1.3") == between(RELEASES, "1.3", "1.9") == RELEASES[3:10]
    assert between(RELEASES, None, "1.3") == RELEASES[:4]
    assert between(RELEASES, "1.3", None) == RELEASES[3:]
    assert between(RELEASES, None, None) == RELEASES
    with pytest.raises(UserError, match="not among the releases"):
        between(RELEASES, "9.9", None)


# Every transition


def test_every_change_of_verdict_is_named_with_the_pair_of_releases_and_no_release_is_tried_twice(
    tmp_path: Path,
) -> None:
    ask = Asker(tmp_path, [UNSUPPORTED] * 3 + [WRONG] * 2 + [EXCESS] * 9 + [OK] * 2)
    found = bisect(ask.cache, ask, RELEASES, every=True)
    assert pairs(found.result) == [("1.2", "1.3"), ("1.4", "1.5"), ("1.13", "1.14")]
    labels = [(change.before, change.after) for change in certain(found.result).transitions]
    wrong, bug = "different-failure: wrong-output", "present (excess-read)"
    assert labels == [("unsupported", wrong), (wrong, bug), (bug, "absent")]
    assert len(set(ask.runner.asked)) == len(ask.runner.asked)


TRACE = "Traceback (most recent call last):\n  File x, line 1\n"
MISSING, CAST = f"{TRACE}ImportError: cannot import name 'x'\n", f"{TRACE}TypeError: no cast of 0x7f00aa\n"


def test_two_errors_are_two_labels_so_that_a_bug_that_begins_among_other_failures_is_found(tmp_path: Path) -> None:
    """Both are the symptom ``error``: by the bare symptom nothing would change from 1.0 to 1.11."""
    ask = Asker(tmp_path, [ERROR] * 12 + [OK] * 4)
    early = {f"datasets==1.{n}" for n in range(5)}
    ask.runner.ending = lambda spec, symptom: Outcome(symptom, "", stderr_tail=MISSING if spec in early else CAST)
    ask.runner.is_bug = lambda spec, symptom: symptom is ERROR and spec not in early
    said: list[str] = []
    found = bisect(ask.cache, ask, RELEASES, every=True, say=said.append)
    assert pairs(found.result) == [("1.4", "1.5"), ("1.11", "1.12")]
    labels = [one.before for one in certain(found.result).transitions]
    missing = "different-failure: error (ImportError: cannot import name 'x')"
    assert labels == [missing, "present: error (TypeError: no cast of 0x…)"]
    assert said[0] == f"1.0: {missing}, showed error: ImportError: cannot import name 'x'"


def test_what_only_an_address_tells_apart_is_one_label(tmp_path: Path) -> None:
    ask = Asker(tmp_path, [ERROR] * 16)
    ask.runner.ending = lambda spec, symptom: Outcome(
        symptom, "", stderr_tail=f"{TRACE}TypeError: at 0x{abs(hash(spec)):x}\n"
    )
    assert pairs(bisect(ask.cache, ask, RELEASES, every=True).result) == []


def test_a_release_that_cannot_even_start_the_probe_is_no_transition(tmp_path: Path) -> None:
    ask = Asker(tmp_path, [OK] * 4 + [ERROR] * 3 + [OK] * 4 + [EXCESS] * 5)
    broken = {f"datasets==1.{n}" for n in (4, 5, 6)}
    ask.runner.testable = lambda spec: spec not in broken
    found = bisect(ask.cache, ask, RELEASES, every=True, grid=2)
    assert pairs(found.result) == [("1.10", "1.11")]
    assert {one.label for one in found.tried if f"datasets=={one.release}" in broken} == {"untestable"}


@pytest.mark.parametrize("every", [False, True])
def test_a_release_whose_control_fails_too_is_passed_over(tmp_path: Path, every: bool) -> None:
    ask = Asker(tmp_path, [OK] * 6 + [EXCESS] * 10)
    ask.runner.control = lambda spec: ERROR if spec in {"datasets==1.6", "datasets==1.7"} else OK
    found = bisect(ask.cache, ask, RELEASES, every=every)
    (change,) = certain(found.result).transitions
    assert (change.last, change.first, change.skipped) == (
        "1.5",
        "1.8",
        (("1.6", "untestable"), ("1.7", "untestable")),
    )
    (why,) = {one.run.reason for one in found.tried if one.label == "untestable"}
    assert why == "the control control fails here too: showed error"


# Wrong bounds


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ([EXCESS] * 16, "--good 1.0 is present"),
        ([OK] * 16, "--bad 1.15 is absent"),
        ([EXCESS] * 8 + [OK] * 8, "--good 1.0 is present and --bad 1.15 is absent"),
        ([ERROR] + [EXCESS] * 15, "--good 1.0 is different-failure"),
    ],
)
def test_the_bound_that_is_wrong_is_named(tmp_path: Path, history: list[Symptom], said: str) -> None:
    ask = Asker(tmp_path, history)
    found = bisect(ask.cache, ask, between(RELEASES, "1.0", "1.15"), good="1.0", bad="1.15")
    assert found.problem == f"{said}: name another release"


def test_bounds_that_are_right_are_no_problem_in_either_order(tmp_path: Path) -> None:
    ask = Asker(tmp_path, [EXCESS] * 8 + [OK] * 8)
    found = bisect(ask.cache, ask, between(RELEASES, "1.15", "1.0"), good="1.15", bad="1.0")
    assert (found.problem, pairs(found.result)) == ("", [("1.7", "1.8")])


# Races


def race(folder: Path, rates: list[float], seed: int) -> tuple[Asker, list[float]]:
    """A race that fails at ``rates``, from dice that the seed decides."""
    ask = Asker(folder, [OK] * 16)
    dice, by_spec = random.Random(seed), {f"datasets=={r}": rate for r, rate in zip(RELEASES, rates, strict=True)}
    ask.bug = made_up(folder / "bug", race=True)
    ask.runner.show = lambda spec: Symptom.HANG_AT_EXIT if dice.random() < by_spec[spec] else OK
    return ask, rates


@pytest.mark.parametrize("fixed", [False, True])
def test_a_race_is_bisected_in_either_direction_with_its_posterior(tmp_path: Path, fixed: bool) -> None:
    rates = [0.0] * 9 + [0.6] * 7
    ask, _ = race(tmp_path, rates[::-1] if fixed else rates, seed=3)
    found = bisect_race(ask.cache, ask, RELEASES, trials=10)
    assert isinstance(found.result, RaceResult)
    assert found.result.confident
    assert found.result.direction == ("first-fixed" if fixed else "first-affected")
    assert (found.result.last, found.result.first) == (("1.6", "1.7") if fixed else ("1.8", "1.9"))
    assert sum(found.result.posterior) == pytest.approx(1)
    told: dict[str, Tried] = {one.release: one for one in found.tried}
    assert sum(len(one.run.evidence) for one in told.values()) == len(ask.runner.asked)


def test_a_race_that_shows_at_neither_end_says_so(tmp_path: Path) -> None:
    ask, _ = race(tmp_path, [0.0] * 16, seed=1)
    assert "neither end shows the bug" in bisect_race(ask.cache, ask, RELEASES, trials=3).problem


def test_another_failure_of_a_race_counts_neither_as_the_bug_nor_as_health(tmp_path: Path) -> None:
    ask, _ = race(tmp_path, [0.0] * 8 + [1.0] * 8, seed=1)
    plain = ask.runner.show
    ask.runner.show = lambda spec: Symptom.ERROR if spec == "datasets==1.7" else plain(spec)
    found = bisect_race(ask.cache, ask, RELEASES, trials=5)
    assert isinstance(found.result, RaceResult)
    assert (found.result.last, found.result.first, found.result.skipped) == ("1.6", "1.8", ("1.7",))


# Attribution


def test_the_package_that_flips_the_status_is_found_and_the_others_are_cleared(tmp_path: Path) -> None:
    def packages(spec: str) -> dict[str, str]:
        return dict(word.split("==") for word in spec.split())

    bug = made_up(tmp_path / "bug")
    runner = FakeRunner(tmp_path, lambda spec: OK if "guilty==2" in spec else EXCESS, packages=packages)
    cause = attribute(
        TrialCache(runner), lambda spec: question(bug, spec), "a==1 b==1 c==1 guilty==1", "a==2 b==1 c==2 guilty==2"
    )
    assert cause.result.explain() == ("going from guilty 1 to 2 alone flips present to absent; a, c do not matter")
    assert runner.asked[0] == "a==1 b==1 c==1 guilty==1"
    assert all("b==1" in spec for spec in runner.asked), "what is the same in both is pinned in every mix"
    assert all("python==3.11.7" in spec for spec in runner.asked[2:])


def test_two_targets_with_the_same_packages_are_refused(tmp_path: Path) -> None:
    runner, bug = FakeRunner(tmp_path, lambda spec: OK), made_up(tmp_path / "bug")
    with pytest.raises(UserError, match="same packages"):
        attribute(TrialCache(runner), lambda spec: question(bug, spec), "a==1", "a==1")


# git bisect


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.timeout(600)
def test_git_bisect_run_finds_the_commit_in_a_checkout_of_datasets(tmp_path: Path) -> None:
    """A history of five commits made of the sources of two releases: the third brings the bug."""
    from repro import places, targets

    sources = {}
    for version in ("5.2.0", "5.1.0"):
        made = targets.provision(f"datasets=={version} pyarrow==24.0.0", cache=places.cache())
        assert isinstance(made, TargetInfo)
        (packages,) = (made.python.parent.parent / "lib").glob("python*/site-packages")
        sources[version] = packages
    repository = tmp_path / "checkout"
    repository.mkdir()
    git(repository, "init", "-q")
    for number, version in enumerate(("5.2.0", "5.2.0", "5.1.0", "5.1.0", "5.1.0")):
        commit(repository, sources[version], version, number)
    names = subprocess.run(
        ["git", "rev-list", "--reverse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.split()
    git(repository, "bisect", "start", names[-1], names[0])
    small = ["--set", "rows=8", "--set", "files_per_row=3", "--set", "file_size=64KiB"]
    asked = ["run", "embed-sliced-list", "--scenario", "shard-first", "--target", "./ pyarrow==24.0.0", *small]
    done = subprocess.run(
        ["git", "bisect", "run", sys.executable, "-m", "repro", *asked],
        cwd=repository,
        env={**os.environ, "REPRO_REPORTS": str(tmp_path / "reports")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{names[2]} is the first bad commit" in done.stdout


def commit(repository: Path, packages: Path, version: str, number: int) -> None:
    """Commit the sources of a release, as its wheel holds them, with the least that builds them."""
    shutil.rmtree(repository / "src", ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(packages / "datasets", repository / "src" / "datasets", ignore=ignored)
    (info,) = packages.glob("datasets-*.dist-info")
    needs = [line.partition(": ")[2] for line in (info / "METADATA").read_text("utf-8").splitlines()]
    listed = [f"  {need!r}," for need in needs if need and "extra ==" not in need and requirement(need, info)]
    (repository / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "datasets"\nversion = "{version}"\ndependencies = [\n' + "\n".join(listed) + "\n]\n"
        '[tool.setuptools.packages.find]\nwhere = ["src"]\n[tool.setuptools.package-data]\n"*" = ["*"]\n'
    )
    (repository / "NEWS").write_text(f"change {number}\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", f"change {number}, as in {version}")


def requirement(need: str, info: Path) -> bool:
    """Whether a metadata value is a requirement of the package."""
    return f"Requires-Dist: {need}\n" in (info / "METADATA").read_text("utf-8")
