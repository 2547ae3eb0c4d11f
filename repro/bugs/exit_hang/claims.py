"""What the Spaces report says of the hang, each statement with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import Evidence, untested
from repro.model import Status, Symptom
from repro.rates import CLEAN_TRIALS, Rate

SOURCE = "Spaces report"
GENERATOR, ITERATOR = "arrow-generator", "datasets-iterator"
ON_THE_HUB = ("hub-next", "hub-iterator", "hub-everything")
"""What reads the repository of the report: 149 files of one row."""
Trials = list[Witness]


def _releases(evidence: Evidence, scenario: str, *packages: str, fix: str = "none") -> list[Trials]:
    """The informative trials of a scenario at the default layout, by release of the packages, oldest first."""
    found: dict[tuple[Version, ...], Trials] = {}
    for one in evidence:
        usual = one.parameters.get("layout", "medium") == "medium"
        if (one.scenario, one.fix) == (scenario, fix) and usual and one.verdict.informative:
            try:
                key = tuple(Version(str(one.target.get(package))) for package in packages or ("pyarrow",))
            except InvalidVersion:
                continue
            found.setdefault(key, []).append(one)
    return [found[key] for key in sorted(found)]


def _status(trials: Trials) -> Status:
    return Rate.of(w.verdict for w in trials).status(race=True)


def _with(status: Status, releases: Sequence[Trials]) -> list[Trials]:
    return [trials for trials in releases if _status(trials) is status]


def _pyarrow(releases: Sequence[Trials]) -> set[object]:
    return {trials[-1].target.get("pyarrow") for trials in releases}


def _words(trials: Trials) -> str:
    one = trials[-1]
    named = " ".join(f"{name} {one.target[name]}" for name in ("datasets", "pyarrow") if one.target.get(name))
    return f"{one.scenario} with {named}: {Rate.of(w.verdict for w in trials).words(race=True)}"


def _finding(verdict: ClaimVerdict, text: str, *groups: Sequence[Witness]) -> ClaimFinding:
    return ClaimFinding(verdict, text, tuple(dict.fromkeys(group[-1].shown_path for group in groups if group)))


def _wait(scenario: str, releases: Sequence[Trials] = (), *, options: str = "") -> ClaimFinding:
    """Not enough is known; says what to run, and what is known so far."""
    so_far = f" ({_words(releases[-1])})" if releases else ""
    return untested(f"repro run exit-hang --trials {CLEAN_TRIALS} --scenario {scenario}{options}{so_far}")


def _streaming_hangs(evidence: Evidence) -> ClaimFinding:
    releases = _releases(evidence, ITERATOR, "datasets", "pyarrow")
    if bad := _with(Status.PRESENT, releases):
        text = f"{_words(bad[-1])}; the rows arrive and the last statement runs, but the process does not end well"
        return _finding(ClaimVerdict.REFINED, text, bad[-1])
    if not _with(Status.ABSENT, releases[-1:]):
        return _wait(ITERATOR, releases)
    return _finding(ClaimVerdict.REFUTED, _words(releases[-1]), releases[-1])


def _never_gives_ids(evidence: Evidence) -> ClaimFinding:
    found = {name: _releases(evidence, name, "datasets", "pyarrow") for name in ON_THE_HUB}
    said = [releases[-1] for releases in (_with(Status.PRESENT, f) or f for f in found.values()) if releases]
    open_ = [name for name, releases in found.items() if not _with(Status.ABSENT, releases[-1:])]
    if not _with(Status.PRESENT, said) and open_:
        return _wait(open_[0], found[open_[0]])
    verdict, came = ClaimVerdict.REFUTED, "; ".join(map(_words, said))
    if _with(Status.PRESENT, said):
        verdict, came = ClaimVerdict.REFINED, f"the rows come, and then the process does not always end well: {came}"
    return _finding(verdict, came, *said)


def _is_arrow(evidence: Evidence) -> ClaimFinding:
    alone = _releases(evidence, GENERATOR)
    if bad := _with(Status.PRESENT, alone):
        return _finding(ClaimVerdict.CONFIRMED, f"{_words(bad[-1])}; nothing of datasets runs there", bad[-1])
    together = _with(Status.PRESENT, _releases(evidence, ITERATOR, "datasets", "pyarrow"))
    healthy = [one for one in _with(Status.ABSENT, alone) if _pyarrow([one]) <= _pyarrow(together)]
    if not healthy:
        return _wait(GENERATOR, alone)
    pair = [one for one in together if _pyarrow([one]) == _pyarrow(healthy[-1:])]
    return _finding(ClaimVerdict.REFUTED, f"{_words(pair[-1])}, but {_words(healthy[-1])}", pair[-1], healthy[-1])


def _loop(evidence: Evidence) -> ClaimFinding:
    releases = _releases(evidence, "arrow-loop")
    bad, good = _with(Status.PRESENT, releases), _with(Status.ABSENT, releases)
    if not bad and (not good or len(good) < len(releases)):
        return _wait("arrow-loop", releases)
    some = ClaimVerdict.REFINED if bad else ClaimVerdict.REFUTED
    verdict = ClaimVerdict.CONFIRMED if len(bad) == len(releases) else some
    return _finding(verdict, "; ".join(map(_words, releases)), *releases)


def _partial_only(evidence: Evidence) -> ClaimFinding:
    whole = _releases(evidence, "arrow-everything")
    if bad := _with(Status.PRESENT, whole):
        text = f"not only: it also fails after every row was consumed: {_words(bad[-1])}"
        return _finding(ClaimVerdict.REFINED, text, bad[-1])
    partly = _with(Status.PRESENT, _releases(evidence, GENERATOR))
    healthy = [one for one in _with(Status.ABSENT, whole) if _pyarrow([one]) <= _pyarrow(partly)]
    if not healthy:
        return _wait("arrow-everything", whole, options=' --target "pyarrow==22.0.0"')
    pair = [one for one in partly if _pyarrow([one]) == _pyarrow(healthy[-1:])]
    return _finding(ClaimVerdict.CONFIRMED, f"{_words(pair[-1])}, but {_words(healthy[-1])}", pair[-1], healthy[-1])


def _forever(evidence: Evidence) -> ClaimFinding:
    bad = [w for w in evidence if w.verdict.is_bug and w.verdict.informative]
    if not bad:
        return _wait(GENERATOR)
    hangs = [w for w in bad if w.verdict.symptom is Symptom.HANG_AT_EXIT]
    crashes = [w for w in bad if w.verdict.symptom is Symptom.CRASH_AT_EXIT]
    waited = max((w.outcome.exit_s or 0.0 for w in hangs), default=0.0)
    signals = ", ".join(sorted({str(w.outcome.signal) for w in crashes}))
    text = f"of {len(bad)} failures {len(hangs)} were hangs"
    text += f" (the longest was ended after {waited:.1f} s)" if waited else ""
    text += f" and {len(crashes)} crashes ({signals})" if crashes else ""
    return _finding(ClaimVerdict.REFINED if crashes else ClaimVerdict.CONFIRMED, text, hangs, crashes)


def _no_fix(evidence: Evidence) -> ClaimFinding:
    newest = _releases(evidence, GENERATOR)[-1:]
    if not _with(Status.PRESENT, newest) + _with(Status.ABSENT, newest):
        return _wait(GENERATOR, newest)
    verdict = ClaimVerdict.CONFIRMED if _with(Status.PRESENT, newest) else ClaimVerdict.REFINED
    return _finding(verdict, f"newest release tried: {_words(newest[-1])}", newest[-1])


def _direct_read(evidence: Evidence) -> ClaimFinding:
    affected = _pyarrow(_with(Status.PRESENT, _releases(evidence, GENERATOR)))
    tried = [one for one in _releases(evidence, GENERATOR, fix="direct-read") if _pyarrow([one]) <= affected]
    if not _with(Status.PRESENT, tried[-1:]) + _with(Status.ABSENT, tried[-1:]):
        return _wait(GENERATOR, tried, options=" --fix direct-read")
    verdict = ClaimVerdict.REFUTED if _with(Status.PRESENT, tried[-1:]) else ClaimVerdict.CONFIRMED
    return _finding(verdict, f"ParquetFile.read(columns=…) of one file: {_words(tried[-1])}", tried[-1])


CLAIMS = (
    Claim("streaming-hangs", "load_dataset(..., streaming=True) hangs on Parquet", SOURCE, _streaming_hangs),
    Claim(
        "never-gives-ids",
        "load_dataset(..., streaming=True) of the 149 files of one row hangs and never gives the case ids",
        SOURCE,
        _never_gives_ids,
    ),
    Claim("is-arrow", "The bug is PyArrow's, not that of datasets", SOURCE, _is_arrow),
    Claim("loop", "A loop over to_batches() that is left by break hangs (the script in the report)", SOURCE, _loop),
    Claim("partial-only", "Partial consumption causes the hang", SOURCE, _partial_only),
    Claim("forever", "The script hangs forever", SOURCE, _forever),
    Claim("no-fix-eta", "It is open and there is no fix", SOURCE, _no_fix),
    Claim("direct-read", "Reading one file with pyarrow.parquet bypasses the hang", SOURCE, _direct_read),
)
