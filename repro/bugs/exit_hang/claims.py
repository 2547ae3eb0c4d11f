"""What the Spaces report says of the hang, each statement with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import untested
from repro.model import Symptom
from repro.rates import Rate

RUN = "repro run exit-hang --trials 20"
SOURCE = "Spaces report"
ENOUGH = 0.2
"""A race counts as cured when the upper bound of its rate is no higher than this."""
Evidence = Sequence[Witness]


def _trials(evidence: Evidence, scenario: str, fix: str = "none", package: str = "pyarrow") -> list[Witness]:
    """All counted trials of a scenario in the newest environment that was asked, at the default parameters."""
    found = [w for w in evidence if w.scenario == scenario and w.fix == fix and w.verdict.informative]
    usual = [w for w in found if w.parameters.get("layout", "medium") == "medium"]
    if not usual:
        return []
    versions = [tuple(int(part) for part in str(w.target.get(package, "0")).split(".")[:3]) for w in usual]
    return [w for w, version in zip(usual, versions, strict=True) if version == max(versions)]


def _rate(trials: Evidence) -> Rate:
    return Rate(sum(w.verdict.is_bug for w in trials), len(trials))


def _words(trials: Evidence) -> str:
    target = trials[-1].target
    named = " ".join(f"{name} {target[name]}" for name in ("datasets", "pyarrow") if target.get(name))
    return f"{trials[-1].scenario}: failed {_rate(trials)} with {named}"


def _finding(verdict: ClaimVerdict, text: str, *groups: Evidence) -> ClaimFinding:
    paths = dict.fromkeys(w.shown_path for group in groups for w in group[-1:])
    return ClaimFinding(verdict, text, tuple(paths))


def _streaming_hangs(evidence: Evidence) -> ClaimFinding:
    seen = _trials(evidence, "datasets-iterator", package="datasets")
    if not seen:
        return untested(f"{RUN} --scenario datasets-iterator")
    if not _rate(seen).k:
        return _finding(ClaimVerdict.REFUTED, _words(seen), seen)
    late = all(w.outcome.done for w in seen if w.verdict.is_bug)
    text = f"{_words(seen)}; the rows arrive and the last statement runs, then the process does not end"
    return _finding(ClaimVerdict.REFINED if late else ClaimVerdict.CONFIRMED, text, seen)


def _is_arrow(evidence: Evidence) -> ClaimFinding:
    seen = _trials(evidence, "arrow-generator")
    if not seen:
        return untested(f"{RUN} --scenario arrow-generator")
    bug = bool(_rate(seen).k)
    text = f"{_words(seen)}, without datasets"
    return _finding(ClaimVerdict.CONFIRMED if bug else ClaimVerdict.REFUTED, text, seen)


def _loop(evidence: Evidence) -> ClaimFinding:
    everywhere = [w for w in evidence if w.scenario == "arrow-loop" and w.fix == "none" and w.verdict.informative]
    if not everywhere:
        return untested(f"{RUN} --scenario arrow-loop")
    by_version: dict[str, list[Witness]] = {}
    for one in everywhere:
        by_version.setdefault(str(one.target.get("pyarrow")), []).append(one)
    text = "; ".join(f"pyarrow {version}: failed {_rate(seen)}" for version, seen in sorted(by_version.items()))
    failing = [bool(_rate(seen).k) for seen in by_version.values()]
    some = ClaimVerdict.REFINED if any(failing) else ClaimVerdict.REFUTED
    verdict = ClaimVerdict.CONFIRMED if all(failing) else some
    return _finding(verdict, text, *by_version.values())


def _partial_only(evidence: Evidence) -> ClaimFinding:
    whole = [w for w in evidence if w.scenario == "arrow-everything" and w.verdict.informative and w.fix == "none"]
    if not whole:
        return untested(f'{RUN} --scenario arrow-everything --target "pyarrow==22.0.0"')
    bad = [w for w in whole if w.verdict.is_bug]
    if not bad:
        return _finding(ClaimVerdict.CONFIRMED, f"all rows consumed: failed {_rate(whole)}", whole)
    text = f"not only: with pyarrow {bad[-1].target.get('pyarrow')} it also fails after every row was consumed"
    return _finding(ClaimVerdict.REFINED, text, bad)


def _forever(evidence: Evidence) -> ClaimFinding:
    bad = [w for w in evidence if w.verdict.is_bug]
    if not bad:
        return untested(RUN)
    hangs = [w for w in bad if w.verdict.symptom in (Symptom.HANG, Symptom.HANG_AT_EXIT)]
    crashes = [w for w in bad if w.verdict.symptom in (Symptom.CRASH, Symptom.CRASH_AT_EXIT)]
    text = f"of {len(bad)} failures {len(hangs)} were hangs and {len(crashes)} crashes (SIGABRT, SIGSEGV): one race"
    return _finding(ClaimVerdict.REFINED if crashes else ClaimVerdict.CONFIRMED, text, hangs, crashes)


def _no_fix(evidence: Evidence) -> ClaimFinding:
    seen = _trials(evidence, "arrow-generator")
    if not seen:
        return untested(f"{RUN} --scenario arrow-generator")
    verdict = ClaimVerdict.CONFIRMED if _rate(seen).k else ClaimVerdict.REFINED
    return _finding(verdict, f"newest release tried: {_words(seen)}", seen)


def _direct_read(evidence: Evidence) -> ClaimFinding:
    seen = _trials(evidence, "arrow-generator", fix="direct-read")
    if not seen:
        return untested(f"{RUN} --scenario arrow-generator --fix direct-read")
    rate = _rate(seen)
    if not rate.k and rate.high > ENOUGH:  # so few trials without a failure would also be seen of what fails often
        return untested(f"{RUN} --scenario arrow-generator --fix direct-read (failed {rate} so far)")
    verdict = ClaimVerdict.REFUTED if rate.k else ClaimVerdict.CONFIRMED
    return _finding(verdict, f"ParquetFile.read(columns=…) of one file: failed {rate}", seen)


CLAIMS = (
    Claim("streaming-hangs", "load_dataset(..., streaming=True) hangs on Parquet", SOURCE, _streaming_hangs),
    Claim("is-arrow", "The bug is PyArrow's, not that of datasets", SOURCE, _is_arrow),
    Claim("loop", "A loop over to_batches() that is left by break hangs (the script in the report)", SOURCE, _loop),
    Claim("partial-only", "Partial consumption causes the hang", SOURCE, _partial_only),
    Claim("forever", "The script hangs forever", SOURCE, _forever),
    Claim("no-fix-eta", "It is open and there is no fix", SOURCE, _no_fix),
    Claim("direct-read", "Reading one file with pyarrow.parquet bypasses the hang", SOURCE, _direct_read),
)
