"""What the reports of #7894 say, each statement with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.witness import at_scale, decide, gib, killed, opened, pick, untested
from repro.model import Claim, ClaimFinding, ClaimVerdict, Symptom, Witness

RUN = "repro run embed-sliced-list"
SMALL = "--set rows=8 --set files_per_row=3 --set file_size=64KiB"
OLD = '--target "datasets==5.1.0 pyarrow==24.0.0"'
NEW = '--target "datasets==5.2.0 pyarrow==24.0.0"'
Evidence = Sequence[Witness]


def _is_bug(witness: Witness) -> bool:
    return witness.verdict.is_bug


def _small(witness: Witness) -> bool:
    return bool(witness.parameters.get("rows"))


def _sigkill(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    bar = "Uploading Shards:   0%" in seen.outcome.stderr_tail
    shown = "yes" if bar else "no"
    text = f"{seen.outcome.signal} by the {seen.outcome.killer}, {opened(seen)}, progress bar at 0 %: {shown}"
    return decide(killed(seen) and bar, text, seen)


def _native_crash(evidence: Evidence) -> ClaimFinding:
    crashes = [w for w in evidence if w.verdict.symptom in (Symptom.CRASH, Symptom.CRASH_AT_EXIT)]
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    text = (
        f"the {seen.outcome.killer} killed it at the memory cap while Python was reading files ({opened(seen)}); "
        f"{len(crashes)} trials of {len(evidence)} ended by another signal"
    )
    return decide(bool(crashes), text, seen)


def _binary_limit(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="empty-list-row", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario empty-list-row {OLD}")
    needed = seen.outcome.measures.get("bytes_needed", 0)
    return decide(needed > 2**31, f"killed although the row itself needs {gib(needed)} only; {opened(seen)}", seen)


def _empty_list(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="empty-list-row", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario empty-list-row {OLD}")
    return decide(killed(seen), f"{seen.verdict.symptom.value}; {opened(seen)}", seen)


def _only_at_scale(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: _small(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {SMALL} {OLD}")
    rows = seen.parameters.get("rows")
    text = f"{opened(seen)} with {rows} rows of small synthetic files: the cause shows, the kill does not"
    return decide(False, text, seen, otherwise=ClaimVerdict.REFINED)


def _plain_works(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="plain-column")
    if seen is None:
        return untested(f"{RUN} --scenario plain-column {OLD}")
    return decide(seen.verdict.symptom.healthy, f"{seen.verdict.symptom.value}; {opened(seen)}", seen)


def _full_works(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="full", where=at_scale)
    if seen is None:
        return untested(f"{RUN} --scenario full {OLD}")
    text = (
        f"{seen.verdict.symptom.value}; {opened(seen)}: at this scale it needs the memory of all files, in any release"
    )
    return decide(seen.verdict.symptom.healthy, text, seen)


def _select_too(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="select-contiguous", where=_is_bug)
    if seen is None:
        return untested(f"{RUN} --scenario select-contiguous {SMALL} {OLD}")
    return decide(True, f"{seen.verdict.symptom.value}; {opened(seen)}", seen)


def _fix_finding(evidence: Evidence, fix: str, scenario: str, *, works: bool) -> ClaimFinding:
    affected = [w for w in evidence if w.fix == "none" and w.scenario == scenario and _is_bug(w)]
    versions = {w.target.get("datasets") for w in affected}
    seen = pick(
        evidence, scenario=scenario, fix=fix, where=lambda w: at_scale(w) and w.target.get("datasets") in versions
    )
    if seen is None:
        return untested(f"{RUN} --scenario {scenario} --fix {fix} {OLD}")
    text = f"{scenario}: {seen.verdict.symptom.value}; {opened(seen)}; peak {gib(seen.outcome.peak_rss_bytes)}"
    return decide(seen.verdict.symptom.healthy is works, text, seen)


def _combine(evidence: Evidence) -> ClaimFinding:
    return _fix_finding(evidence, "combine-chunks", "shard-first", works=False)


def _pandas(evidence: Evidence) -> ClaimFinding:
    return _fix_finding(evidence, "pandas-round-trip", "shard-first", works=True)


def _guarded_copy(evidence: Evidence) -> ClaimFinding:
    first = _fix_finding(evidence, "contiguous-copy", "shard-first", works=True)
    middle = _fix_finding(evidence, "contiguous-copy", "shard-middle", works=True)
    both = {first.verdict, middle.verdict}
    if ClaimVerdict.NOT_YET_TESTED in both:
        return first if first.verdict is ClaimVerdict.NOT_YET_TESTED else middle
    verdict = first.verdict if len(both) == 1 else ClaimVerdict.REFINED
    why = "" if len(both) == 1 else "; shard 0 is a slice too, but its offset is 0, so the guard lets it through"
    return ClaimFinding(verdict, f"{first.measured}; {middle.measured}{why}", first.evidence + middle.evidence)


def _no_upstream_fix(evidence: Evidence) -> ClaimFinding:
    bad = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and _is_bug(w))
    good = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and w.verdict.symptom.healthy)
    if bad is None or good is None:
        return untested(f"{RUN} --scenario shard-first {NEW}")
    text = f"present in datasets {bad.target.get('datasets')}, absent in {good.target.get('datasets')} ({opened(good)})"
    return decide(False, text, bad, good)


def _semaphore(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    warned = "leaked semaphore" in seen.outcome.stderr_tail
    text = f"killed with{'' if warned else 'out'} that warning: it is no cause of the kill"
    return decide(True, text, seen)


def _row_size(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and w.verdict.symptom.healthy)
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {NEW}")
    text = (
        "the reports contradict each other: 1 to 1.5 GB a row here, 1.7 to 804.8 MB a session there; the cohort "
        f"follows the second, its first row needs {gib(seen.outcome.measures.get('bytes_needed', 0))}"
    )
    return ClaimFinding(ClaimVerdict.REFINED, text, (seen.shown_path,))


CLAIMS = (
    Claim(
        "sigkill-at-0",
        "The upload is killed (exit 137, SIGKILL) at 0 % of the shards, on the first one",
        "seed 000",
        _sigkill,
    ),
    Claim(
        "native-crash",
        "It is a crash in PyArrow's C++ code, with no Python traceback",
        "seeds 000, 001, 002",
        _native_crash,
    ),
    Claim("binary-limit", "The 2 GB limit of pa.binary() is the cause", "seed 000, withdrawn there", _binary_limit),
    Claim("empty-list", "It crashes even when the row's list is empty", "seeds 000, 001", _empty_list),
    Claim(
        "only-at-scale",
        "It only shows at scale with real data (273 GB); small synthetic files do not trigger it",
        "seed 001",
        _only_at_scale,
    ),
    Claim("plain-works", "Plain Nifti() columns embed fine", "seeds 000, 001, 002", _plain_works),
    Claim("full-works", "Embedding the full, unsliced dataset works fine", "seeds 001, 002", _full_works),
    Claim("select-too", "ds.select() has the same effect as ds.shard()", "seeds 000, 001", _select_too),
    Claim("combine-chunks", "combine_chunks() does not help", "seed 000", _combine),
    Claim("pandas-works", "The pandas round-trip makes the embedding work", "seeds 000, 001, 002", _pandas),
    Claim(
        "contiguous-copy",
        "Forcing a contiguous copy (PR #7896, if array.offset > 0) fixes it",
        "seed 001",
        _guarded_copy,
    ),
    Claim("no-fix", "There is no known upstream fix", "seed 000", _no_upstream_fix),
    Claim("semaphore", "The leaked-semaphore warning is a symptom, not the cause", "seeds 000, 002", _semaphore),
    Claim("row-size", "A row holds about 1 to 1.5 GB of NIfTI bytes", "seed 000", _row_size),
)
