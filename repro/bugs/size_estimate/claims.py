"""What "why large uploads fail" says of the size estimate, each statement with its rule. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import Condition, Evidence, decide, newest, untested
from repro.model import Symptom
from repro.units import about

SOURCE = "why large uploads fail"
RUN = "repro run size-estimate --scenario"
SESSIONS, MB = 902, 1_000_000


def at_scale(one: Witness) -> bool:
    return one.parameters.get("sessions", SESSIONS) == SESSIONS


def measured(*names: str) -> Condition:
    """Whether the trial says all of these."""
    return lambda one: all(isinstance(one.outcome.measures.get(name), (int, float)) for name in names)


def finished(one: Witness) -> bool:
    """Whether the trial came to a number of shards, right or wrong."""
    return one.verdict.symptom in (Symptom.OK, Symptom.WRONG_OUTPUT) and bool(shards(one))


def shards(one: Witness) -> list[int]:
    """Bytes of each shard that was pushed."""
    return list((one.outcome.measures.get("shard_bytes_paths") or {}).values())


def estimated(one: Witness) -> str:
    asked = one.outcome.measures
    return (
        f"datasets {one.target.get('datasets')}: {asked['estimate_bytes']:,} bytes estimated for {asked['rows']} rows "
        f"with {about(asked['bytes_needed'])} of files, {asked['files_looked_at']} files looked at"
    )


def pushed(one: Witness) -> str:
    sizes = shards(one)
    return (
        f"datasets {one.target.get('datasets')}: {about(one.outcome.measures['bytes_needed'])} of files became "
        f"{len(sizes)} shard{'s' * (len(sizes) != 1)}, the largest of {about(max(sizes))}"
    )


def one_megabyte(evidence: Evidence) -> ClaimFinding:
    seen = newest(evidence, "cohort", at_scale, measured("estimate_bytes", "rows", "bytes_needed", "files_looked_at"))
    if seen is None:
        return untested(f"{RUN} cohort")
    near = 0.5 * MB <= seen.outcome.measures["estimate_bytes"] <= 2 * MB
    far = seen.outcome.measures["estimate_bytes"] > 2 * MB
    return decide(near, estimated(seen), seen, otherwise=ClaimVerdict.REFUTED if far else ClaimVerdict.REFINED)


def max_shard_size(evidence: Evidence) -> ClaimFinding:
    seen = newest(evidence, "push", finished)
    if seen is None:
        return untested(f"{RUN} push")
    return decide(seen.verdict.is_bug, f"{pushed(seen)}, with max_shard_size: {seen.verdict.reason}", seen)


def samples_rows(evidence: Evidence) -> ClaimFinding:
    """A sample is neither all rows nor just the first ones; of the report's own columns no file is looked at."""
    looked = measured("files_looked_at", "rows_looked_at", "rows")
    uneven, cohort = newest(evidence, "image-uneven", looked), newest(evidence, "cohort", looked, at_scale)
    if uneven is None or cohort is None:
        return untested(f"{RUN} {'cohort' if uneven else 'image-uneven'}")
    one, other = uneven.outcome.measures, cohort.outcome.measures
    rows, last = one["rows_looked_at"], one.get("last_row_looked_at")
    first = isinstance(last, int) and last + 1 == rows
    text = (
        f"datasets {uneven.target.get('datasets')} looks at the files of {'the first ' * first}{rows:,} of "
        f"{one['rows']:,} rows of images; of {other['rows']} rows of Nifti columns at {other['files_looked_at']} files"
    )
    sampled = 0 < rows < one["rows"] and not first and other["files_looked_at"] > 0
    return decide(
        sampled, text, uneven, cohort, otherwise=ClaimVerdict.REFINED if rows < one["rows"] else ClaimVerdict.REFUTED
    )


def use_num_shards(evidence: Evidence) -> ClaimFinding:
    before, after = newest(evidence, "push", finished), newest(evidence, "push", finished, fix="num-shards")
    if before is None or after is None:
        return untested(f"{RUN} push{' --fix num-shards' * (before is not None)}")
    text = f"without: {pushed(before)}; with num_shards: {pushed(after)}"
    return decide(max(shards(after)) < max(shards(before)) and not after.verdict.is_bug, text, before, after)


CLAIMS = (
    Claim("estimate-1-mb", "datasets estimates 902 rows of paths at about 1 MB", SOURCE, one_megabyte),
    Claim(
        "max-shard-size",
        "max_shard_size does not help, because the estimate ignores external files",
        SOURCE,
        max_shard_size,
    ),
    Claim("samples-rows", "The library samples rows to estimate the average size", SOURCE, samples_rows),
    Claim("use-num-shards", "num_shards avoids huge shards", SOURCE, use_num_shards),
)
