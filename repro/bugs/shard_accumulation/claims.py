"""What the bug note and the upload notes say of the memory of a push, each judged from evidence. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from packaging.version import Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.shard_accumulation.oracle import SHARE, growth
from repro.bugs.witness import Evidence, decide, untested
from repro.units import about

RUN = "repro run shard-accumulation --scenario"
MEMORY, APART, KEPT, COLLECTED = "memory", "memory-of-two-processes", "memory-kept", "memory-collected"
LESS = 0.25
"""A peak counts as lower if it is so by more than this part of a shard, which is above the noise."""
GROWTH = "growth of the peak with each further shard"


def measured(evidence: Evidence, scenario: str, fix: str = "none") -> dict[str, list[Witness]]:
    """The trials of a scenario that measured memory, by release of datasets, oldest release first."""
    found: dict[str, list[Witness]] = {}
    for one in evidence:
        if (one.scenario, one.fix) == (scenario, fix) and one.verdict.informative and pushes(one):
            found.setdefault(str(one.target.get("datasets")), []).append(one)
    return dict(sorted(found.items(), key=lambda item: Version(item[0])))


def pushes(one: Witness) -> Sequence[dict[str, int]]:
    """The pushes of a trial, if each ended well and its memory is known."""
    found = one.outcome.measures.get("pushes") or ()
    return found if all(push["status"] == 0 and push.get("baseline_bytes") for push in found) else ()


def grown(one: Witness) -> float:
    """By how much of a shard its peak grows with each further shard."""
    processes = 2 if one.scenario == APART else 0
    return growth(pushes(one), shard(one), processes)


def shard(one: Witness) -> int:
    return int(one.parameters["shard_bytes"] or 0)


def peak(one: Witness) -> int:
    """Memory that its largest push took above what its process held before."""
    return pushes(one)[-1]["own_bytes"] - pushes(one)[-1]["baseline_bytes"]


def spread(releases: dict[str, list[Witness]], scenario: str) -> str:
    """``memory: datasets 4.4.0 to 5.2.0 (2 releases): 0.00 to 0.02 of a shard``."""
    values = [grown(one) for trials in releases.values() for one in trials]
    names = list(releases)
    where = f"datasets {names[0]}" + (f" to {names[-1]} ({len(names)} releases)" if len(names) > 1 else "")
    few = f"{values[0]:z.2f}" if len(values) == 1 else f"{min(values):z.2f} to {max(values):z.2f}"
    return f"{scenario}: {where}: {few} of a shard"


def split(releases: dict[str, list[Witness]]) -> tuple[dict[str, list[Witness]], dict[str, list[Witness]]]:
    """The releases in which any trial keeps shards, and the others."""
    kept = {name: trials for name, trials in releases.items() if any(grown(one) > SHARE for one in trials)}
    return kept, {name: trials for name, trials in releases.items() if name not in kept}


def accumulates(evidence: Evidence) -> ClaimFinding:
    found = {scenario: measured(evidence, scenario) for scenario in (MEMORY, APART)}
    for scenario, releases in found.items():
        if not releases:
            return untested(f"{RUN} {scenario}")
    text = "; ".join(spread(releases, scenario) for scenario, releases in found.items())
    shown = [trials[-1] for releases in found.values() for trials in releases.values()]
    kept = [bool(split(releases)[0]) for releases in found.values()]
    other = ClaimVerdict.REFINED if any(kept) else ClaimVerdict.REFUTED
    said = f"{GROWTH}: {text}"
    return decide(
        all(kept) and not any(split(releases)[1] for releases in found.values()), said, *shown, otherwise=other
    )


def free_memory(evidence: Evidence) -> ClaimFinding:
    releases, usual = measured(evidence, KEPT), measured(evidence, MEMORY)
    releases = {name: trials for name, trials in releases.items() if name in usual and name not in split(usual)[0]}
    if not releases:
        return untested(f"{RUN} {KEPT}, and {RUN} {MEMORY}")
    kept, not_kept = split(releases)
    parts = [spread(some, "with free_memory=False") for some in (kept, not_kept) if some]
    parts.append(spread({name: usual[name] for name in releases}, "without"))
    other = ClaimVerdict.REFINED if kept else ClaimVerdict.REFUTED
    shown = [some[name][-1] for name in releases for some in (releases, usual)]
    return decide(not not_kept, f"{GROWTH}: {'; '.join(parts)}", *shown, otherwise=other)


def collected(evidence: Evidence) -> ClaimFinding:
    releases, usual = measured(evidence, COLLECTED), measured(evidence, MEMORY)
    both = [name for name in releases if name in usual]
    if not both:
        return untested(f"{RUN} {COLLECTED}, and {RUN} {MEMORY}")
    without, having = ({name: some[name] for name in both} for some in (usual, releases))
    text = f"{spread(without, 'without it')}; {spread(having, 'with it')}"
    shown = [some[name][-1] for some in (without, having) for name in both]
    return decide(not split(without)[0], f"{GROWTH}: {text}", *shown)


def own_loop(evidence: Evidence) -> ClaimFinding:
    """Compares medians of trials with the same release and the same size of shard."""
    pairs = []
    for name, loops in measured(evidence, MEMORY, "own-loop").items():
        for size in sorted({shard(one) for one in loops}):
            ours, theirs = (
                [one for one in some if shard(one) == size]
                for some in (loops, measured(evidence, MEMORY).get(name, []))
            )
            if ours and theirs:
                pairs.append((name, size, ours, theirs))
    if not pairs:
        return untested(f"{RUN} {MEMORY} --fix own-loop, and {RUN} {MEMORY}, in one release")
    parts, less = [], []
    for name, size, ours, theirs in pairs:
        loop, push = (median(peak(one) for one in some) for some in (ours, theirs))
        less.append(push - loop > LESS * size)
        parts.append(f"datasets {name}, shards of {about(size)}: loop {about(loop)}, push_to_hub {about(push)}")
    shown = [one for *_, ours, theirs in pairs for one in (ours[-1], theirs[-1])]
    other = ClaimVerdict.REFINED if any(less) else ClaimVerdict.REFUTED
    said = f"memory above what the process held before, of {pushes(shown[0])[-1]['shards']} shards: {'; '.join(parts)}"
    return decide(all(less), said, *shown, otherwise=other)


CLAIMS = (
    Claim(
        "push-accumulates",
        "push_to_hub keeps the bytes of every shard in memory (withdrawn in the bug note)",
        "bug note",
        accumulates,
    ),
    Claim("free-memory", "free_memory=True in preupload_lfs_files prevents that", "bug note", free_memory),
    Claim("gc-collect", "gc.collect() between shards is not needed", "bug note", collected),
    Claim(
        "custom-loop", "A loop of one's own over shards needs less memory than push_to_hub", "upload notes", own_loop
    ),
)
