"""Chooses the evidence that counts: made by the code of today, newest of its question, under one set of limits. Pure.

Every text, table and page draws on this one choice:

1. Only what the code of today made and judged: its hash of sources is the one handed in for its kind. Where none is
   handed in (published evidence, which stands for itself) it is that of the newest evidence of the kind.
2. Of one question in one environment, only the newest content hash: its fix, inputs or packages changed since.
3. Plain trials under one set of limits: the bug's own if any trial has them, else those of the newest. Never pooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Bug
from repro.decide.failure import limits_words
from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.units import format_duration

GATE, TEST, MINIMAL = "gate", "exported-test", "minimal"
PLAIN = "trial"
_NOT_RELEASES = frozenset({"spec", "packages", "patch", "environment", "cause"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """The evidence that counts.

    Attributes:
        evidence: of every kind, oldest first: trials, studies, gates, scripts.
        trials: the plain trials among it, all under one set of limits.
        left_out: what does not count, and why, a line each.
    """

    evidence: tuple[Evidence, ...]
    trials: tuple[Evidence, ...]
    left_out: tuple[str, ...]

    @property
    def usable(self) -> tuple[Evidence, ...]:
        """What a claim may be judged by: the trials under one set of limits, and all that is no plain trial."""
        kept = {id(one) for one in self.trials}
        return tuple(one for one in self.evidence if not is_trial(one) or id(one) in kept)


def choose(bug: Bug, evidence: Sequence[Evidence], sources: Mapping[str, str] | None = None) -> Chosen:
    """``sources`` maps each kind of evidence (``kind_of``) to its hash of sources today; ``None``: the newest one's."""
    newest = {kind_of(one): _sources(one) for one in evidence}
    wanted = newest if sources is None else {kind: sources.get(kind) or "no such code" for kind in newest}
    made = [one for one in evidence if _sources(one) == wanted[kind_of(one)]]
    hashes = {question(one): one.decided_by for one in made}
    current = [one for one in made if one.decided_by == hashes[question(one)]]
    plain = [one for one in current if is_trial(one)]
    bound = [one.limits for one in plain if one.verdict.symptom is not Symptom.UNSOLVABLE]
    limits = bug.default_limits if bug.default_limits in bound or not bound else bound[-1]
    bounded = [one for one in plain if one.limits == limits or one.verdict.symptom is Symptom.UNSOLVABLE]
    bounds = f"{limits_words(limits)}, {format_duration(limits.grace_s)} to end"
    said = (
        (len(evidence) - len(made), "older", "the code that makes or judges them changed since"),
        (
            len(made) - len(current),
            "older",
            "the fix, the inputs, the expected answer or the environment changed since",
        ),
        (len(plain) - len(bounded), "other", f"they ran under other limits than these: {bounds}"),
    )
    lines = tuple(f"{n} {which} trial{'s' * (n != 1)} left out: {why}." for n, which, why in said if n)
    return Chosen(tuple(current), tuple(bounded), lines)


def kind_of(one: Evidence) -> str:
    """What made it: the probe (``trial``), the gate, or a script of the issue, by name."""
    return one.scenario if one.scenario in (GATE, TEST) or one.scenario.startswith(MINIMAL) else PLAIN


def is_trial(one: Evidence) -> bool:
    """Whether it is a plain trial of the probe: no script of the issue, no gate, no diagnostic run under memray.

    Nor one of a search for the smallest cap, which is meant to be killed.
    """
    study = one.provenance.get("study") or {}
    return kind_of(one) == PLAIN and study.get("kind") != "survive" and one.memray is None


def is_default(bug: Bug, one: Evidence) -> bool:
    """Whether every parameter has the bug's default value: the scale of the report."""
    return all(one.parameters.get(p.name, p.default) == p.default for p in bug.parameters)


def question(one: Evidence) -> tuple[str, ...]:
    """What makes two trials answers to the same question: limits are part of it."""
    return (one.scenario, one.fix, *place(one), str(one.target.get("patch")), str(one.limits))


def version_of(one: Evidence, package: str) -> str | None:
    """The release of ``package`` in the trial, or the one asked for where no such environment exists."""
    installed = one.target.get(package) or (one.target.get("packages") or {}).get(package)
    if installed:
        return str(installed)
    for word in str(one.target.get("spec", "")).split():
        try:
            requirement = Requirement(word)
        except InvalidRequirement:
            continue
        pins = [pin.version for pin in requirement.specifier if pin.operator == "=="]
        if requirement.name == package and pins:
            return pins[0]
    return None


def spec(one: Evidence) -> str:
    """The environment as asked for, its words in one order."""
    return " ".join(sorted(str(one.target.get("spec")).split()))


def place(one: Evidence) -> tuple[str, str, str]:
    """The environment, as asked for and as it was made (``latest`` moves), and the parameters."""
    made = sorted((k, str(v)) for k, v in one.target.items() if k not in _NOT_RELEASES)
    return spec(one), str(made), str(sorted(one.parameters.items()))


def _sources(one: Evidence) -> str:
    return one.decided_by.partition("-")[0]


def sortable(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:  # of a local checkout
        return Version("0")
