"""Which scripts of an issue are run: each once in each environment, and at quick depth those that wait for nothing."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from repro.bugs.declaration import NO_FIX, Bug, Fix, FixKind
from repro.model import Limits
from repro.report import issues
from tests.studies.fakes import made_up

WHERE = "datasets==1.0"


@pytest.fixture
def bug(tmp_path: Path) -> Bug:
    patch = Fix("mend", FixKind.PATCH, tmp_path / "mend.patch")
    bug = replace(made_up(tmp_path), fixes=(NO_FIX, patch), folder=tmp_path)
    (tmp_path / "minimal.py").write_text("")
    (tmp_path / "upstream_test.py").write_text("")
    return bug


def ran(
    bug: Bug, monkeypatch: pytest.MonkeyPatch, healthy: str, *, quick: bool = False, minimal: Any = lambda *args: None
) -> list[tuple[str, str]]:
    """(environment, fix) of each test that is run, where the bug shows in ``WHERE`` and not in ``healthy``."""
    bad = SimpleNamespace(target={"spec": WHERE}, limits=Limits(300, 5.0))
    good = SimpleNamespace(trials=[SimpleNamespace(target={"spec": healthy})])
    facts: Any = SimpleNamespace(bug=bug, failure=bad, package="datasets", unfixed=None, evidence=[])
    facts.with_status, facts.minimal = lambda status: [good], lambda file, package: None
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(issues, "known_of", lambda store, slug: facts)
    monkeypatch.setattr(issues, "run_minimal", minimal)
    monkeypatch.setattr(issues, "fits", lambda *args: True)
    monkeypatch.setattr(issues, "run_test", lambda runner, bug, where, fix: said.append((where, fix.name)))
    runner: Any = SimpleNamespace(stop=threading.Event())
    issues.run_scripts(SimpleNamespace(), runner, bug.slug, quick=quick)  # type: ignore[arg-type]
    return said


def test_the_test_is_run_where_the_bug_shows_where_it_does_not_and_with_each_patch(bug, monkeypatch):
    assert ran(bug, monkeypatch, "datasets==2.0") == [(WHERE, "none"), ("datasets==2.0", "none"), (WHERE, "mend")]


def test_a_release_that_is_healthy_in_one_situation_and_not_in_another_is_asked_once(bug, monkeypatch):
    assert ran(bug, monkeypatch, WHERE) == [(WHERE, "none"), (WHERE, "mend")]


@pytest.mark.parametrize(("typed", "memory"), [("./crash.py", 300), ("", None)])
def test_a_script_is_run_again_under_the_limits_with_which_it_failed(bug, monkeypatch, typed, memory):
    """A catalogued bug has limits of its own; a script has those that were typed, and without them fails otherwise."""
    limits: list[Limits] = []
    own = replace(bug, typed=typed, default_limits=Limits(None, 60.0))
    ran(own, monkeypatch, WHERE, minimal=lambda *args, **more: limits.append(args[-1]))
    assert [one.memory_bytes for one in limits] == [memory]


@pytest.mark.parametrize(("changes", "count"), [({}, 2), ({"race": True}, 0), ({"hub": True}, 0)])
def test_quick_leaves_out_patches_and_what_waits_for_hangs(bug, monkeypatch, changes, count):
    assert len(ran(replace(bug, **changes), monkeypatch, "datasets==2.0", quick=True)) == count


def test_a_folder_without_a_script_has_no_issue_in_a_report_and_nothing_of_it_is_run(bug, monkeypatch, tmp_path):
    shown: Any = SimpleNamespace(bug=bug, failure=object())
    assert issues.has_issue(shown)
    assert not issues.has_issue(SimpleNamespace(bug=bug, failure=None))  # type: ignore[arg-type]
    (tmp_path / "minimal.py").unlink()
    assert not issues.has_issue(shown)
    asked: list[Any] = []
    ran(bug, monkeypatch, "datasets==2.0", minimal=lambda *args: asked.append(args))
    assert asked == []
