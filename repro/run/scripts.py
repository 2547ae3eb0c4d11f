"""Runs the scripts that an issue carries: the minimal script, the test for upstream, the script of somebody's text."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from repro import targets
from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Fix, FixKind, Scenario
from repro.bugs.defaults import wrong_output
from repro.evidence.record import Evidence
from repro.model import Limits, Outcome, Request, Symptom, TargetInfo, Unsolvable, Verdict
from repro.run.key import script_key
from repro.run.question import Question
from repro.run.runner import Runner, described
from repro.trial.classify import SILENT
from repro.trial.supervise import scratch_folder, supervise

MINIMAL, TEST = "minimal", "exported-test"
"""The scenarios under which runs of ``minimal.py`` and of the exported test are kept."""
TEST_LIMITS = Limits(memory_bytes=2 << 30, timeout_s=600.0, grace_s=30.0)
_LAUNCHER = Path(__file__).parents[1] / "trial" / "run_pytest.py"


def run_script(
    text: str,
    target: TargetInfo,
    limits: Limits,
    *,
    name: str = "minimal.py",
    launcher: Path | None = None,
    stop: threading.Event | None = None,
) -> Outcome:
    """Runs a script plainly, as a reader would, but supervised. It follows no probe contract: status 0 means ``ok``.

    A child of it that was killed for memory is a failure all the same, as in any trial. With a ``launcher`` (a probe)
    that one is run, and the script is its input ``test``.
    """
    with scratch_folder() as scratch:
        path = scratch / name
        path.write_text(text, encoding="utf-8")
        request = Request("", "script", NO_FIX.name, None, {}, {"test": str(path)}, "")
        outcome = supervise(request, target.python, launcher or path, limits, scratch=scratch, stop=stop)
    if launcher is None and outcome.symptom is Symptom.KIT_FAULT and outcome.detail.startswith(SILENT):
        return replace(outcome, symptom=Symptom.OK, detail="exit status 0", done=True)
    return outcome


def run_minimal(
    runner: Runner,
    bug: Bug,
    spec: str,
    script: str = "minimal.py",
    needs: Iterable[str] | None = None,
    limits: Limits | None = None,
) -> Evidence:
    """Runs the script that goes into the issue; any end but status 0 is the failure it shows.

    The environment holds what the script ``needs``, and no more: by default what the bug's probe does. The limits are
    by default the bug's own.
    """
    limits = limits or bug.default_limits
    scenario = Scenario(MINIMAL if script == "minimal.py" else script.removesuffix(".py"), "the script of the issue")
    question = Question(bug, scenario, NO_FIX, spec, limits)
    target = runner.environment(spec, tuple(bug.all_needs if needs is None else needs))
    key = script_key(bug.folder / script, question, target)
    reproduce = f"repro issue {bug.slug} --run"
    if isinstance(target, Unsolvable):
        return runner.keep_impossible(question, target, reproduce, key)
    text = (bug.folder / script).read_text("utf-8")
    outcome = run_script(text, target, limits, name=script, stop=runner.stop)
    said = [line for line in outcome.stdout_tail.splitlines() if line.strip()]
    detail = outcome.signal or f"exit status {outcome.exit_code}"
    reason = f"{detail}: {said[-1]}" if said else detail
    failed = not outcome.symptom.healthy and outcome.symptom.informative
    environment = {"environment": targets.environment_text(target), "cause": locate(bug.cause_at, target)}
    verdict = Verdict(outcome.symptom, failed, reason)
    if outcome.symptom is Symptom.OK and (wrong := wrong_output(bug.wrong_if, outcome)):
        verdict = Verdict(Symptom.WRONG_OUTPUT, True, wrong)
    return runner.keep(question, described(target) | environment, outcome, verdict, reproduce, key)


def run_test(runner: Runner, bug: Bug, spec: str, fix: Fix = NO_FIX) -> Evidence:
    """Runs the exported test once in a target that also holds pytest. Raises ValueError if the bug exports no test."""
    source = exported_source(bug)
    if source is None:
        raise ValueError(f"{bug.slug} exports no test")
    needs = (*bug.all_needs, "pytest")
    question = Question(bug, Scenario(TEST, "the test for upstream", needs=needs), fix, spec, TEST_LIMITS)
    target = runner.environment(spec, needs, fix.path if fix.kind is FixKind.PATCH else None)
    key = script_key(source, question, target)
    reproduce = f"repro issue {bug.slug} --run"
    if isinstance(target, Unsolvable):
        return runner.keep_impossible(question, target, reproduce, key)
    text = source.read_text("utf-8")
    outcome = run_script(
        text, target, TEST_LIMITS, name=exported_name(bug), launcher=_LAUNCHER, stop=runner.stop
    )  # fmt: skip
    return runner.keep(question, described(target), outcome, judge_test(outcome), reproduce, key)


def judge_test(outcome: Outcome) -> Verdict:
    """Red only if tests ran and failed, green only if tests ran and passed; everything else says nothing."""
    measures: Mapping[str, Any] = outcome.measures
    passed, failed = int(measures.get("passed", 0)), int(measures.get("failed", 0))
    counts = f"{failed} failed, {passed} passed"
    if not outcome.done or "status" not in measures:
        return Verdict(outcome.symptom if outcome.symptom is not Symptom.OK else Symptom.KIT_FAULT, False, counts)
    if failed:
        return Verdict(Symptom.ERROR, True, f"red: {counts}")
    if passed and measures["status"] == 0:
        return Verdict(Symptom.OK, False, f"green: {counts}")
    skipped = measures.get("skipped", 0)
    return Verdict(Symptom.UNSUPPORTED, False, f"no test ran to its end: {counts}, {skipped} skipped")


def exported_source(bug: Bug) -> Path | None:
    """The pytest that upstream can take over, if the bug has one: ``upstream_test.py`` in its folder."""
    path = bug.folder / "upstream_test.py"
    return path if path.is_file() else None


def exported_name(bug: Bug) -> str:
    """The name of the exported file: ``test_embed_sliced_list.py``."""
    return f"test_{bug.slug.replace('-', '_')}.py"


def find_line(place: CodePlace, source: str) -> int | None:
    """The number of the line that ``place`` means in ``source``, from 1; ``None`` if there is no such line."""
    lines = source.splitlines()
    start = next((i for i, line in enumerate(lines) if re.search(place.after, line)), None)
    if start is None:
        return None
    return next((i for i, line in enumerate(lines[start:], start + 1) if re.search(place.pattern, line)), None)


def locate(place: CodePlace | None, target: TargetInfo) -> dict[str, Any] | None:
    """Where the cause stands in an environment: ``file``, ``line``, ``text`` and ``permalink`` of that release."""
    if place is None:
        return None
    version = target.packages.get(place.file.split("/")[0].replace("_", "-"), "")
    for path in target.python.parent.parent.glob(f"lib/python*/site-packages/{place.file}"):
        source = path.read_text("utf-8", "replace")
        line = find_line(place, source)
        if line is not None:
            link = place.permalink.format(version=version, line=line)
            return {"file": place.file, "line": line, "text": source.splitlines()[line - 1].strip(), "permalink": link}
    return None
