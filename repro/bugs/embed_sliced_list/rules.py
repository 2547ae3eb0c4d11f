"""The rules that judge what the reports of #7894 say, each from the evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.declaration import ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import at_scale, decide, gib, killed, opened, pick, untested
from repro.model import Symptom

RUN = "repro run embed-sliced-list"
SMALL = "--set rows=8 --set files_per_row=3 --set file_size=64KiB"
OLD = '--target "datasets==5.1.0 pyarrow==24.0.0"'
NEW = '--target "datasets==5.2.0 pyarrow==24.0.0"'
Evidence = Sequence[Witness]


def _is_bug(witness: Witness) -> bool:
    return witness.verdict.is_bug


def _small(witness: Witness) -> bool:
    return bool(witness.parameters.get("rows"))


def sigkill(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    bar = "Uploading Shards:   0%" in seen.outcome.stderr_tail
    shown = "yes" if bar else "no"
    text = f"{seen.outcome.signal} by the {seen.outcome.killer}, {opened(seen)}, progress bar at 0 %: {shown}"
    return decide(killed(seen) and bar, text, seen)


def native_crash(evidence: Evidence) -> ClaimFinding:
    crashes = [w for w in evidence if w.verdict.symptom in (Symptom.CRASH, Symptom.CRASH_AT_EXIT)]
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    text = (
        f"the {seen.outcome.killer} killed it at the memory cap while Python was reading files ({opened(seen)}); "
        f"{len(crashes)} trials of {len(evidence)} ended by another signal"
    )
    return decide(bool(crashes), text, seen)


def binary_limit(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="empty-list-row", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario empty-list-row {OLD}")
    needed = seen.outcome.measures.get("bytes_needed", 0)
    return decide(needed > 2**31, f"killed although the row itself needs {gib(needed)} only; {opened(seen)}", seen)


def empty_list(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="empty-list-row", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario empty-list-row {OLD}")
    return decide(killed(seen), f"{seen.verdict.symptom.value}; {opened(seen)}", seen)


def only_at_scale(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: _small(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {SMALL} {OLD}")
    rows = seen.parameters.get("rows")
    text = f"{opened(seen)} with {rows} rows of small synthetic files: the cause shows, the kill does not"
    return decide(False, text, seen, otherwise=ClaimVerdict.REFINED)


def plain_works(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="plain-column")
    if seen is None:
        return untested(f"{RUN} --scenario plain-column {OLD}")
    return decide(seen.verdict.symptom.healthy, f"{seen.verdict.symptom.value}; {opened(seen)}", seen)


def full_works(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="full", where=at_scale)
    if seen is None:
        return untested(f"{RUN} --scenario full {OLD}")
    text = (
        f"{seen.verdict.symptom.value}; {opened(seen)}: at this scale it needs the memory of all files, in any release"
    )
    return decide(seen.verdict.symptom.healthy, text, seen)


def select_too(evidence: Evidence) -> ClaimFinding:
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


def combine(evidence: Evidence) -> ClaimFinding:
    return _fix_finding(evidence, "combine-chunks", "shard-first", works=False)


def pandas(evidence: Evidence) -> ClaimFinding:
    return _fix_finding(evidence, "pandas-round-trip", "shard-first", works=True)


def guarded_copy(evidence: Evidence) -> ClaimFinding:
    first = _fix_finding(evidence, "contiguous-copy", "shard-first", works=True)
    middle = _fix_finding(evidence, "contiguous-copy", "shard-middle", works=True)
    both = {first.verdict, middle.verdict}
    if ClaimVerdict.NOT_YET_TESTED in both:
        return first if first.verdict is ClaimVerdict.NOT_YET_TESTED else middle
    verdict = first.verdict if len(both) == 1 else ClaimVerdict.REFINED
    why = "" if len(both) == 1 else "; shard 0 is a slice too, but its offset is 0, so the guard lets it through"
    return ClaimFinding(verdict, f"{first.measured}; {middle.measured}{why}", first.evidence + middle.evidence)


def no_upstream_fix(evidence: Evidence) -> ClaimFinding:
    bad = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and _is_bug(w))
    good = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and w.verdict.symptom.healthy)
    if bad is None or good is None:
        return untested(f"{RUN} --scenario shard-first {NEW}")
    text = f"present in datasets {bad.target.get('datasets')}, absent in {good.target.get('datasets')} ({opened(good)})"
    return decide(False, text, bad, good)


def semaphore(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    warned = "leaked semaphore" in seen.outcome.stderr_tail
    text = f"killed with{'' if warned else 'out'} that warning: it is no cause of the kill"
    return decide(True, text, seen)


def row_size(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and w.verdict.symptom.healthy)
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {NEW}")
    text = (
        "the reports contradict each other: 1 to 1.5 GB a row here, 1.7 to 804.8 MB a session there; the cohort "
        f"follows the second, its first row needs {gib(seen.outcome.measures.get('bytes_needed', 0))}"
    )
    return ClaimFinding(ClaimVerdict.REFINED, text, (seen.shown_path,))


def where(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    last = seen.outcome.phases[-1][1] if seen.outcome.phases else "unknown"
    return decide(last == "embed", f"killed in the phase {last!r}, which calls embed_table_storage", seen)


def no_accumulation(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and killed(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    return decide(True, "killed in a process that embeds one shard and nothing before it", seen)


def large_binary(evidence: Evidence) -> ClaimFinding:
    return _fix_finding(evidence, "large-binary", "shard-first", works=False)


def num_shards(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", where=lambda w: at_scale(w) and _is_bug(w))
    if seen is None:
        return untested(f"{RUN} --scenario shard-first {OLD}")
    shards = "0/902" in seen.outcome.stderr_tail
    return decide(
        shards, f"{seen.verdict.symptom.value}; {opened(seen)}; 902 shards: {'yes' if shards else 'no'}", seen
    )


def cohort(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="full", where=at_scale)
    if seen is None:
        return untested(f"{RUN} --scenario full {OLD}")
    files, size = (seen.outcome.measures.get(name, 0) for name in ("files_needed", "bytes_needed"))
    text = f"the synthetic cohort has {files} files of {size / 1e9:.0f} GB together, after the report's own numbers"
    return ClaimFinding(ClaimVerdict.NOT_TESTABLE_HERE, f"{text}; the real data are not downloaded", (seen.shown_path,))


def silently_empty(evidence: Evidence) -> ClaimFinding:
    seen = next(
        (w for w in reversed(evidence) if w.target.get("datasets") in ("4.4.0", "4.4.1") and _none_kept(w)), None
    )
    if seen is None:
        return untested(f'{RUN} --scenario shard-first {SMALL} --target "datasets==4.4.1"')
    text = f"datasets {seen.target.get('datasets')}: {seen.verdict.reason}; exit status {seen.outcome.exit_code}"
    return decide(seen.outcome.exit_code == 0, text, seen)


def _none_kept(witness: Witness) -> bool:
    return witness.verdict.symptom is Symptom.WRONG_OUTPUT


def only_on_main(evidence: Evidence) -> ClaimFinding:
    seen = pick(evidence, scenario="shard-first", datasets="4.4.2", where=_small)
    if seen is None:
        return untested(f'{RUN} --scenario shard-first {SMALL} --target "datasets==4.4.2"')
    whole = not _none_kept(seen)
    text = f"datasets 4.4.2 embeds the bytes: {'yes' if whole else 'no'} ({seen.verdict.symptom.value})"
    return decide(not whole, text, seen, otherwise=ClaimVerdict.REFINED)
