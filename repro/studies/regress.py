"""Compares what the newest releases show with what was measured before: the file of expectations and its judge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from packaging.version import Version

from repro import bugs, targets
from repro.bugs.declaration import NO_FIX
from repro.errors import UserError
from repro.files import write_atomic
from repro.forms import from_json, to_json
from repro.model import SCHEMA, Scalar, Status, Symptom, TargetInfo
from repro.run.cache import TrialCache
from repro.run.question import own_parameters, question
from repro.studies.matrix import Cell, PlannedCell, pins_of

NOTE = "Written by 'repro regress --accept'. Each entry was measured: 'set' says when, with which command, and how."


class Finding(StrEnum):
    """What became of an expectation. A closed set."""

    STILL = "still"
    NEWLY_FIXED = "newly fixed"
    NEWLY_BROKEN = "newly broken"
    CHANGED_SYMPTOM = "changed symptom"
    UNTESTABLE = "untestable"
    UNSETTLED = "unsettled"
    NO_EXPECTATION = "no expectation yet"


@dataclass(frozen=True, slots=True)
class Entry:
    """What one question showed on one release.

    Attributes:
        parameters: those that differ from the bug's defaults.
        release: versions of datasets and pyarrow, where the environment holds them; else the spec.
        set: ``time_utc``, ``command``, ``reason``, ``bug_shown`` (k of n trials), ``python``, ``kit``: the evidence.
        history: what was expected before, newest first: ``status``, ``symptom`` and ``set`` of then.
    """

    bug: str
    scenario: str
    fix: str
    parameters: Mapping[str, Scalar]
    release: Mapping[str, str]
    status: Status
    symptom: Symptom
    set: Mapping[str, Any]
    history: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def question(self) -> tuple[str, str, str, str]:
        return (self.bug, self.scenario, self.fix, json.dumps(self.parameters, sort_keys=True))

    @property
    def place(self) -> tuple[object, ...]:
        """Question and release: a file holds one entry for each."""
        return (self.question, json.dumps(self.release, sort_keys=True))

    @property
    def acceptable(self) -> bool:
        """Whether this can be expected from now on: what could not be tested, or not enough, cannot."""
        return self.status not in {Status.UNTESTABLE, Status.UNSETTLED}

    @property
    def where(self) -> str:
        """The release in words."""
        return ", ".join(f"{name} {version}" for name, version in self.release.items())


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer held against its expectation: the entry of this release, or of the nearest older one."""

    answer: Entry
    expected: Entry | None
    finding: Finding

    @property
    def as_expected(self) -> bool:
        same = self.expected is not None and self.expected.status is self.answer.status
        return self.finding is Finding.STILL or (self.finding in {Finding.UNTESTABLE, Finding.UNSETTLED} and same)

    @property
    def words(self) -> str:
        """``still present``, ``newly fixed``, …"""
        return f"still {self.answer.status.value}" if self.finding is Finding.STILL else self.finding.value


def judge(answer: Entry, expected: Entry | None, *, race: bool = False) -> Finding:
    """What became of the expectation. Pure. A race shows itself in several ways, so its symptom may vary."""
    if expected is None:
        return Finding.NO_EXPECTATION
    match answer.status, expected.status:
        case Status.UNTESTABLE, _:
            return Finding.UNTESTABLE
        case Status.UNSETTLED, _:
            return Finding.UNSETTLED
        case Status.ABSENT, Status.PRESENT:
            return Finding.NEWLY_FIXED
        case Status.PRESENT, Status.ABSENT:
            return Finding.NEWLY_BROKEN
        case now, before if now is before and (race or answer.symptom is expected.symptom):
            return Finding.STILL
    return Finding.CHANGED_SYMPTOM  # also to or from a different failure, and of what was untestable before


def expectation(entries: Sequence[Entry], answer: Entry) -> Entry | None:
    """The entry of the same question and release, else of the nearest release that is older in nothing newer. Pure."""
    same = [e for e in entries if e.question == answer.question and e.release.keys() == answer.release.keys()]
    exact = [e for e in same if e.release == answer.release]
    if exact or "spec" in answer.release:
        return exact[0] if exact else None
    older = [e for e in same if all(Version(e.release[p]) <= Version(answer.release[p]) for p in e.release)]
    return max(older, key=lambda e: _order(e.release), default=None)


def accept(entries: Sequence[Entry], answers: Sequence[Entry]) -> list[Entry]:
    """The entries with the answers taken over. Pure. What is replaced goes into the history; the same stays as set.

    An answer that says nothing of the bug is no expectation: it leaves what was expected as it is.
    """
    found = {e.place: e for e in entries}
    for answer in answers:
        if not answer.acceptable:
            continue
        before = found.get(answer.place)
        if before is None:
            found[answer.place] = answer
        elif (before.status, before.symptom) != (answer.status, answer.symptom):
            old = {"status": before.status.value, "symptom": before.symptom.value, "set": dict(before.set)}
            found[answer.place] = replace(answer, history=(old, *before.history))
    return sorted(found.values(), key=lambda e: (e.bug, _order(e.release), e.scenario, e.fix, e.question))


def catalogue(
    cache: TrialCache,
    slugs: Sequence[str],
    target: str,
    *,
    trials: int | None = None,
    memory: str | int | None = None,
) -> list[PlannedCell]:
    """What a check asks of each bug: every scenario without a fix, and the default one with every fix.

    A race costs many trials, so it is asked in its default scenario and its controls only. Each target is pinned to
    what it resolves to now, so that the answer names a release and its command keeps its meaning.
    """
    chosen: list[PlannedCell] = []
    for slug in slugs or bugs.slugs():
        bug = bugs.load(slug)
        scenarios = [s for s in bug.scenarios if not bug.race or s.control or s.name == bug.default_scenario]
        fixes = [] if bug.race else [f.name for f in bug.fixes if f.name != NO_FIX.name]
        pairs = [*((s.name, NO_FIX.name) for s in scenarios), *((bug.default_scenario, fix) for fix in fixes)]
        for scenario, fix in pairs:
            given = own_parameters(bug, None)
            first = question(slug, scenario=scenario, target=target, memory=memory, parameters=given)
            found = cache.runner.target(first)
            spec = (_pinned(found, target) if isinstance(found, TargetInfo) else "") or target
            asked = question(slug, scenario=scenario, fix=fix, target=spec, memory=memory, parameters=given)
            chosen.append(PlannedCell(asked, trials if bug.race else None))
    return chosen


def answer_of(cell: Cell) -> Entry:
    """What a cell says, as an entry that could be expected from now on."""
    asked, run, shown = cell.question, cell.run, cell.run.worst
    git = shown.provenance.get("git") or {}
    return Entry(
        bug=asked.bug.slug,
        scenario=asked.scenario.name,
        fix=asked.fix.name,
        parameters=dict(asked.given),
        release=_release(asked.target, shown.target),
        status=run.status,
        symptom=shown.verdict.symptom,
        set={
            "time_utc": shown.provenance.get("time_utc"),
            "command": run.reproduce,
            "reason": run.reason,
            "bug_shown": f"{run.rate.k} of {run.rate.n} trials",
            "python": shown.target.get("python"),
            "kit": git.get("commit") or shown.provenance.get("kit_version"),
        },
    )


def held_against(entries: Sequence[Entry], cell: Cell) -> Judged:
    """What a cell says, with what was expected of it and what became of that."""
    answer = answer_of(cell)
    expected = expectation(entries, answer)
    return Judged(answer, expected, judge(answer, expected, race=cell.question.bug.race))


def load(path: Path) -> list[Entry]:
    """The expectations; none if there is no file. Raises UserError for a file of another schema or a damaged one."""
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise UserError(f"{path.name} has schema {content['schema']!r}, this kit reads {SCHEMA}: update the kit")
        return [from_json(Entry, entry) for entry in content["entries"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error}): restore it with git, or delete it and accept anew") from error


def save(path: Path, entries: Sequence[Entry]) -> None:
    """Write the expectations in one step, in a fixed order, so that a change of one is a small diff."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": SCHEMA, "note": NOTE, "entries": to_json(list(entries))}
    write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def _pinned(found: TargetInfo, asked: str) -> str:
    """A resolved target as a spec, on the interpreter that was asked for."""
    python = [word for word in asked.split() if word.startswith("python")]
    return " ".join([pins_of(found), *python])


def _release(spec: str, resolved: Mapping[str, Any]) -> dict[str, str]:
    """Versions of datasets and pyarrow: as resolved, or as pinned where a patch or a pin makes it impossible."""
    words = (text.partition("==") for text in targets.parse(spec).requirements)
    pinned = {name: version for name, mark, version in words if mark}
    found = {name: str(resolved.get(name) or pinned.get(name, "")) for name in ("datasets", "pyarrow")}
    return {name: version for name, version in found.items() if version} or {"spec": spec}


def _order(release: Mapping[str, str]) -> list[Any]:
    return [Version(version) for name, version in sorted(release.items()) if name != "spec"]
