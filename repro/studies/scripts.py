"""What an issue carries beside words: the line of the cause, and a test that is proven before it is handed out."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro import targets
from repro.evidence.provenance import provenance
from repro.evidence.record import Evidence
from repro.evidence.store import Store
from repro.model import (
    NO_FIX,
    Bug,
    CodePlace,
    Fix,
    FixKind,
    Limits,
    Outcome,
    Request,
    Symptom,
    TargetInfo,
    Unsolvable,
    Verdict,
)
from repro.trial.supervise import scratch_folder, supervise

TEST = "exported-test"
"""The scenario under which a run of the exported test is kept."""
TEST_LIMITS = Limits(memory_bytes=2 << 30, timeout_s=600.0, grace_s=30.0)
_LAUNCHER = Path(__file__).parents[1] / "trial" / "run_pytest.py"


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
    version = target.packages.get(place.file.split("/")[0], "")
    for path in target.python.parent.parent.glob(f"lib/python*/site-packages/{place.file}"):
        source = path.read_text("utf-8", "replace")
        line = find_line(place, source)
        if line is not None:
            link = place.permalink.format(version=version, line=line)
            return {"file": place.file, "line": line, "text": source.splitlines()[line - 1].strip(), "permalink": link}
    return None


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
    return Verdict(
        Symptom.UNSUPPORTED, False, f"no test ran to its end: {counts}, {measures.get('skipped', 0)} skipped"
    )


def run_test(
    bug: Bug, spec: str, *, cache: Path, store: Store, fix: Fix = NO_FIX, stop: threading.Event | None = None
) -> Evidence:
    """Run the exported test once in a target that also holds pytest, supervised, and keep what came out.

    Raises:
        UserError: the index does not answer; ValueError if the bug exports no test.
    """
    source = exported_source(bug)
    if source is None:
        raise ValueError(f"{bug.slug} exports no test")
    needs = dict.fromkeys((*bug.probe_requires, *(n for s in bug.scenarios for n in s.needs), "pytest"))
    patch = fix.path if fix.kind is FixKind.PATCH else None
    target = targets.provision(spec, cache=cache, requires=tuple(needs), patch=patch)
    described: dict[str, Any] = {"spec": spec, "packages": {}}
    if isinstance(target, Unsolvable):
        outcome = Outcome(target.symptom, target.reason)
        verdict = Verdict(target.symptom, False, target.reason)
    else:
        described = {**target.summary(), "packages": dict(target.packages), "patch": target.patch}
        with scratch_folder() as scratch:
            copy = scratch / exported_name(bug)
            copy.write_bytes(source.read_bytes())
            request = Request(bug.slug, TEST, fix.name, None, {}, {"test": str(copy)}, "")
            outcome = supervise(request, target.python, _LAUNCHER, TEST_LIMITS, scratch=scratch, stop=stop)
        verdict = judge_test(outcome)
    evidence = Evidence.create(
        bug=bug.slug,
        scenario=TEST,
        fix=fix.name,
        parameters={},
        target=described,
        limits=TEST_LIMITS,
        outcome=outcome,
        verdict=verdict,
        provenance=provenance(),
        reproduce=f"repro issue {bug.slug} --run",
    )
    return store.save(evidence)
