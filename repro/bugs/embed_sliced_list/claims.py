"""What the reports of #7894 say, each statement with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable

from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.embed_sliced_list.oracle import NOTHING_EMBEDDED
from repro.bugs.embed_sliced_list.prepare import SHAPING
from repro.bugs.witness import Condition, Evidence, Rule, decide, newest, untested
from repro.model import Status, Symptom
from repro.rates import Rate
from repro.units import about

RUN = "repro run embed-sliced-list --scenario"
SMALL = "--set rows=8 --set files_per_row=3 --set file_size=64KiB"
OLD = '--target "datasets==5.1.0 pyarrow==24.0.0"'
NEW = '--target "datasets==5.2.0 pyarrow==24.0.0"'
EMPTY, WHOLE = '--target "datasets==4.4.1"', '--target "datasets==4.4.2"'
NOTES, NOTE, WHY = "upload notes", "bug note", "why large uploads fail"
SESSIONS, LIMIT = 902, 1 << 31
GUARD = "shard 0 is a slice too, but its offset is 0, so the guard lets it through"


def at_scale(one: Witness) -> bool:
    """Whether the inputs were the cohort at the scale of the report, in shards of one session."""
    of_others = {name for kind, names in SHAPING.items() if kind != "arc" for name in names}
    given = {name for name, value in one.parameters.items() if value is not None}
    usual = all(one.parameters.get(name) in (None, SESSIONS) for name in ("sessions", "num_shards"))
    return usual and one.parameters.get("inputs") in (None, "arc") and not given & of_others


def small(one: Witness) -> bool:
    return bool(one.parameters.get("rows"))


def shows(one: Witness) -> bool:
    return one.verdict.is_bug


def healthy(one: Witness) -> bool:
    return one.verdict.symptom.healthy


def killed(one: Witness) -> bool:
    return one.verdict.symptom is Symptom.OUT_OF_MEMORY


def crashed(one: Witness) -> bool:
    return one.verdict.symptom in (Symptom.CRASH, Symptom.CRASH_AT_EXIT)


def at_start(one: Witness) -> bool:
    return "Uploading Shards:   0%" in one.outcome.stderr_tail


def measured(one: Witness) -> bool:
    """Whether the probe got so far as to say what the rows need."""
    return isinstance(one.outcome.measures.get("bytes_needed"), int)


def empty(one: Witness) -> bool:
    """Whether it got to its end and embedded no bytes."""
    return one.verdict.symptom is Symptom.WRONG_OUTPUT and one.verdict.reason.startswith(NOTHING_EMBEDDED)


def embedded(one: Witness) -> bool:
    """Whether it embedded the right bytes, whatever files it opened for that."""
    return one.verdict.symptom in (Symptom.OK, Symptom.EXCESS_READ)


def of(*versions: object) -> Condition:
    """Whether it ran with one of these releases of datasets."""
    return lambda one: one.target.get("datasets") in versions


def affected(evidence: Evidence, scenario: str) -> Condition:
    """Whether it ran with a release of datasets in which the scenario, unfixed, shows the bug."""
    shown = [w for w in evidence if (w.scenario, w.fix) == (scenario, "none") and w.verdict.informative and shows(w)]
    return of(*(w.target.get("datasets") for w in shown))


def opened(one: Witness) -> str:
    """``opened 24 files, needed 3``."""
    counts = (one.outcome.measures.get(name, "?") for name in ("files_opened", "files_needed"))
    return "opened {} files, needed {}".format(*counts)


def ended(one: Witness) -> str:
    """``datasets 5.1.0: out-of-memory; opened 24 files, needed 3``."""
    return f"datasets {one.target.get('datasets')}: {one.verdict.symptom.value}; {opened(one)}"


def needed(one: Witness) -> int:
    """Bytes of the files that the embedded rows refer to."""
    return int(one.outcome.measures["bytes_needed"])


def shot(one: Witness) -> str:
    end = f"{one.outcome.signal} by the {one.outcome.killer}" if killed(one) else one.verdict.symptom.value
    return f"{end}, {opened(one)}, progress bar at 0 %: {'yes' if at_start(one) else 'no'}"


def death(one: Witness) -> str:
    end = f"ended by {one.outcome.signal}" if crashed(one) else f"killed by the {one.outcome.killer} at the memory cap"
    return f"{end}; {opened(one)}"


def phase(one: Witness) -> str:
    """The phase in which it ended."""
    return one.outcome.phases[-1][1] if one.outcome.phases else "unknown"


def row(one: Witness) -> str:
    return (
        "the reports contradict each other: 1 to 1.5 GB a row here, 1.7 to 804.8 MB a session there; the cohort "
        f"follows the second, its first row needs {about(needed(one))}"
    )


def cohort(one: Witness) -> str:
    files, size = one.outcome.measures.get("files_needed"), needed(one) / 1e9
    text = f"the synthetic cohort has {files} files of {size:.0f} GB together, after the report's own numbers"
    return f"{text}; the real data are not downloaded"


def by_newest(
    scenario: str,
    *conditions: Condition,
    good: Condition,
    words: Callable[[Witness], str] = ended,
    otherwise: ClaimVerdict = ClaimVerdict.REFUTED,
    how: str = OLD,
    in_affected: bool = False,
) -> Rule:
    """Lets the newest fitting evidence decide; ``in_affected``: of those releases whose first shard shows the bug."""

    def rule(evidence: Evidence) -> ClaimFinding:
        more = (affected(evidence, "shard-first"),) if in_affected else ()
        seen = newest(evidence, scenario, *conditions, *more)
        if seen is None:
            return untested(f"{RUN} {scenario} {how}")
        return decide(good(seen), words(seen), seen, otherwise=otherwise)

    return rule


def by_fix(fix: str, *scenarios: str, helps: bool, mixed: str = "") -> Rule:
    """Lets the newest trial of a fix in each scenario decide, at scale; ``mixed``: why it may help in some only."""

    def rule(evidence: Evidence) -> ClaimFinding:
        seen = []
        for scenario in scenarios:
            one = newest(evidence, scenario, at_scale, affected(evidence, scenario), fix=fix)
            if one is None:
                return untested(f"{RUN} {scenario} --fix {fix} {OLD}")
            seen.append(one)
        told = {Rate.of([w.verdict]).status(race=False) for w in seen}
        said, opposite = (Status.ABSENT, Status.PRESENT) if helps else (Status.PRESENT, Status.ABSENT)
        text = [f"{w.scenario}: {ended(w)}; peak {about(w.outcome.peak_rss_bytes)}" for w in seen]
        text += [mixed] if told == {said, opposite} else []
        otherwise = ClaimVerdict.REFUTED if told == {opposite} else ClaimVerdict.REFINED
        return decide(told == {said}, "; ".join(text), *seen, otherwise=otherwise)

    return rule


def only_at_scale(evidence: Evidence) -> ClaimFinding:
    seen = newest(evidence, "shard-first", small, affected(evidence, "shard-first"))
    if seen is None:
        return untested(f"{RUN} shard-first {SMALL} {OLD}")
    text = f"{ended(seen)}, with {seen.parameters['rows']} rows of small synthetic files"
    cause = shows(seen) and not killed(seen)
    otherwise = ClaimVerdict.REFINED if cause else ClaimVerdict.REFUTED
    return decide(healthy(seen), text + ": the cause shows, the kill does not" * cause, seen, otherwise=otherwise)


def no_upstream_fix(evidence: Evidence) -> ClaimFinding:
    bad = newest(evidence, "shard-first", at_scale, shows)
    good = newest(evidence, "shard-first", at_scale, healthy, lambda one: bad is not None and _later(one, bad))
    if bad is None or good is None:
        return untested(f"{RUN} shard-first {NEW}")
    text = f"present in datasets {bad.target.get('datasets')}, absent in {good.target.get('datasets')} ({opened(good)})"
    return decide(False, text, bad, good)


def _later(one: Witness, other: Witness) -> bool:
    try:
        first, second = (Version(str(each.target.get("datasets"))) for each in (one, other))
    except InvalidVersion:
        return False
    return first > second


FIRST, EMPTY_ROW = "shard-first", "empty-list-row"
DEATH = (at_scale, shows, killed)


def never(_: Witness) -> bool:
    return False


CLAIMS = (
    Claim("sigkill-at-0", "The upload is killed (exit 137, SIGKILL) at 0 % of the shards, on the first one", NOTES,
          by_newest(FIRST, at_scale, shows, good=lambda w: killed(w) and at_start(w), words=shot)),
    Claim("native-crash", "It is a crash in PyArrow's C++ code, with no Python traceback", f"{NOTES}, {NOTE}, {WHY}",
          by_newest(FIRST, at_scale, shows, lambda w: killed(w) or crashed(w), good=crashed, words=death)),
    Claim("binary-limit", "The 2 GB limit of pa.binary() is the cause", f"{NOTES} (withdrawn there)",
          by_newest(EMPTY_ROW, *DEATH, lambda w: measured(w) and needed(w) < LIMIT, good=never,
                    words=lambda w: f"killed although the row itself needs {about(needed(w))} only; {opened(w)}")),
    Claim("empty-list", "It crashes even when the row's list is empty", f"{NOTES}, {NOTE}",
          by_newest(EMPTY_ROW, at_scale, shows, good=killed)),
    Claim("only-at-scale", "It only shows at scale with real data (273 GB); small synthetic files do not trigger it",
          NOTE, only_at_scale),
    Claim("plain-works", "Plain Nifti() columns embed fine", f"{NOTES}, {NOTE}, {WHY}",
          by_newest("plain-column", good=healthy)),
    Claim("full-works", "Embedding the full, unsliced dataset works fine", f"{NOTE}, {WHY}",
          by_newest("full", at_scale, good=healthy, words=lambda w: f"{ended(w)}: this needs the memory of all files")),
    Claim("select-too", "ds.select() has the same effect as ds.shard()", f"{NOTES}, {NOTE}",
          by_newest("select-contiguous", good=shows, how=f"{SMALL} {OLD}", in_affected=True)),
    Claim("combine-chunks", "combine_chunks() does not help", NOTES, by_fix("combine-chunks", FIRST, helps=False)),
    Claim("pandas-works", "The pandas round-trip makes the embedding work", f"{NOTES}, {NOTE}, {WHY}",
          by_fix("pandas-round-trip", FIRST, helps=True)),
    Claim("contiguous-copy", "Forcing a contiguous copy (PR #7896, if array.offset > 0) fixes it", NOTE,
          by_fix("contiguous-copy", FIRST, "shard-middle", helps=True, mixed=GUARD)),
    Claim("no-fix", "There is no known upstream fix", NOTES, no_upstream_fix),
    Claim("semaphore", "The leaked-semaphore warning is a symptom, not the cause", f"{NOTES}, {WHY}",
          by_newest(FIRST, *DEATH, lambda w: "leaked semaphore" not in w.outcome.stderr_tail, good=killed,
                    words=lambda w: "killed without that warning: it is no cause of the kill")),
    Claim("row-size", "A row holds about 1 to 1.5 GB of NIfTI bytes", NOTES,
          by_newest(FIRST, at_scale, measured, good=never, words=row, otherwise=ClaimVerdict.REFINED, how=NEW)),
    Claim("in-embed", "The crash is in embed_table_storage()", NOTES,
          by_newest(FIRST, *DEATH, good=lambda w: phase(w) == "embed",
                    words=lambda w: f"killed in the phase {phase(w)!r}; 'embed' calls embed_table_storage")),
    Claim("no-accumulation", "It is no accumulation of memory over shards", NOTES,
          by_newest(FIRST, *DEATH, good=killed,
                    words=lambda w: "killed in a process that embeds one shard and nothing before it")),
    Claim("large-binary", "pa.large_binary() in place of pa.binary() does not help", NOTES,
          by_fix("large-binary", FIRST, helps=False)),
    Claim("num-shards", "num_shards=902 alone does not help: it still crashes", WHY,
          by_newest(FIRST, at_scale, lambda w: f"/{SESSIONS}" in w.outcome.stderr_tail, good=killed, in_affected=True,
                    words=lambda w: f"{ended(w)}, with {SESSIONS} shards")),
    Claim("cohort", "5,164 files of about 273 GB together", WHY,
          by_newest("full", at_scale, measured, good=never, words=cohort, otherwise=ClaimVerdict.NOT_TESTABLE_HERE)),
    Claim("silently-empty", "The stable release embeds no bytes and raises no error", WHY,
          by_newest(FIRST, of("4.4.0", "4.4.1"), lambda w: empty(w) or embedded(w), how=f"{SMALL} {EMPTY}",
                    good=lambda w: empty(w) and w.outcome.exit_code == 0,
                    words=lambda w: f"{ended(w)}; {w.verdict.reason}; exit status {w.outcome.exit_code}")),
    Claim("only-on-main", "The fix of that is on main only, not in a release", WHY,
          by_newest(FIRST, of("4.4.2"), lambda w: empty(w) or embedded(w), how=f"{SMALL} {WHOLE}",
                    good=empty, otherwise=ClaimVerdict.REFINED,
                    words=lambda w: f"{ended(w)}; it embeds the bytes: {'yes' if embedded(w) else 'no'}")),
)  # fmt: skip
