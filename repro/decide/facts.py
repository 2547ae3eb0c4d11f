"""What the evidence says of a bug as a whole: which releases have it, how often, and which trial to show. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Bug
from repro.evidence.record import Evidence
from repro.model import Status, Symptom
from repro.rates import Rate


@dataclass(frozen=True, slots=True)
class Release:
    """One release of the package the bug is in, with the trials of the default scenario in it, unfixed.

    ``trials`` is empty only if there is no such environment; ``reason`` then says why.
    """

    version: str
    trials: tuple[Evidence, ...]
    reason: str = ""

    @property
    def status(self) -> Status:
        return Rate.of(e.verdict for e in self.trials).status(race=False)

    @property
    def failed(self) -> Rate:
        """How many trials showed the bug, of those that count."""
        counted = [e for e in self.trials if e.verdict.informative]
        return Rate(sum(e.verdict.is_bug for e in counted), len(counted))

    @property
    def symptoms(self) -> str:
        counts = Counter(e.verdict.symptom.value for e in self.trials)
        many = len(self.trials) > 1
        return ", ".join(f"{name} {n}" if many else name for name, n in counts.most_common())


def package_of(bug: Bug) -> str:
    """The package whose releases differ: ``datasets`` if the probe needs it, else the first that it needs."""
    return "datasets" if "datasets" in bug.probe_requires else next(iter(bug.probe_requires), "python")


def is_trial(one: Evidence) -> bool:
    """Whether it is a plain trial of the probe: no script of the issue, no gate, no diagnostic run under memray.

    Nor one of a search for the smallest cap, which is meant to be killed.
    """
    study = one.provenance.get("study") or {}
    if one.scenario == "gate" or study.get("kind") == "survive":
        return False
    return not one.scenario.startswith("minimal") and one.scenario != "exported-test" and one.memray is None


def is_default(bug: Bug, one: Evidence) -> bool:
    """Whether every parameter has the bug's default value: the scale of the report."""
    return all(one.parameters.get(p.name, p.default) == p.default for p in bug.parameters)


def newest(evidence: Iterable[Evidence], key: Callable[[Evidence], object]) -> list[Evidence]:
    """The newest of each group, in the order in which the groups first appear."""
    return list({key(one): one for one in evidence}.values())


def question(one: Evidence) -> tuple[str, ...]:
    """What makes two trials answers to the same question."""
    return (one.scenario, one.fix, " ".join(sorted(str(one.target.get("spec")).split())), str(dict(one.parameters)))


def releases(bug: Bug, evidence: Sequence[Evidence]) -> list[Release]:
    """The releases that were looked at, oldest first. In each, trials at the default parameters are preferred."""
    package = package_of(bug)
    found: dict[str, list[Evidence]] = {}
    for one in evidence:
        version = _version(one, package)
        if version and is_trial(one) and one.fix == "none" and one.scenario == bug.default_scenario:
            found.setdefault(version, []).append(one)
    result = []
    for version, trials in found.items():
        exists = [one for one in trials if one.verdict.symptom is not Symptom.UNSOLVABLE]
        chosen = [one for one in exists if is_default(bug, one)] or exists
        reason = "" if exists else trials[-1].verdict.reason
        result.append(Release(version, tuple(chosen if bug.race else chosen[-1:]), reason))
    return sorted(result, key=lambda release: _sortable(release.version))


def unsolvable(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The environments that cannot exist, each once."""
    none = [one for one in evidence if one.verdict.symptom is Symptom.UNSOLVABLE]
    return newest(none, lambda one: str(one.target.get("spec")))


def shown_failure(bug: Bug, evidence: Sequence[Evidence]) -> Evidence | None:
    """The trial to tell about: the bug in the newest affected release, at the scale of the report if there is one."""
    package = package_of(bug)
    seen = [one for one in evidence if is_trial(one) and one.verdict.is_bug and one.fix == "none"]
    ranked = [
        (is_default(bug, one), one.scenario == bug.default_scenario, _sortable(_version(one, package) or "0"), i)
        for i, one in enumerate(seen)
    ]
    return seen[max(ranked)[-1]] if ranked else None


def newest_affected(bug: Bug, trials: Sequence[Evidence]) -> list[Evidence]:
    """The trials of the newest environment in which one shows the bug, else of the newest; default parameters first."""
    chosen = [one for one in trials if is_default(bug, one)] or list(trials)
    groups: dict[str, list[Evidence]] = {}
    for one in chosen:
        groups.setdefault(" ".join(sorted(str(one.target.get("spec")).split())), []).append(one)
    package = package_of(bug)

    def rank(group: list[Evidence]) -> tuple[bool, Version, str]:
        newest_one = group[-1]
        return any(e.verdict.is_bug for e in group), _sortable(_version(newest_one, package) or "0"), newest_one.id

    return max(groups.values(), key=rank, default=[])


def minimal_of(evidence: Sequence[Evidence], script: str, package: str) -> Evidence | None:
    """The newest failing run of a script of the issue in the newest release, else its newest run."""
    runs = [one for one in evidence if one.scenario == script.removesuffix(".py")]
    ranked = [(one.verdict.is_bug, _sortable(_version(one, package) or "0"), i) for i, one in enumerate(runs)]
    return runs[max(ranked)[-1]] if ranked else None


def _version(one: Evidence, package: str) -> str | None:
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


def _sortable(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:  # of a local checkout
        return Version("0")
