"""What the text of the sharded-cache module promises, each promise with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.sharded_cache.oracle import COMPLETE, MOST_BATCHES, MOST_MAPPED, MOST_SLOWER, batches_held, refused
from repro.bugs.witness import Evidence, newest, untested

SOURCE = "sharded cache module"
RUN = "repro run sharded-cache --scenario"
SMALL = {"batch_bytes": 8 << 20, "rows": 64, "rebuilds": 6, "every": 4}
"""Inputs for many releases, in which a batch is no larger than what a process needs besides."""
Judge = Callable[[Mapping[str, Witness]], ClaimVerdict]
CONFIRMED, REFINED, REFUTED = ClaimVerdict.CONFIRMED, ClaimVerdict.REFINED, ClaimVerdict.REFUTED


def healthy(one: Witness) -> bool:
    return one.verdict.symptom.healthy


def settled(one: Witness) -> bool:
    """Whether it came to an end that says something of the promise: kept, or broken as the bug breaks it."""
    return healthy(one) or one.verdict.is_bug


def of_size(one: Witness) -> bool:
    return any(one.parameters.get(name) != value for name, value in SMALL.items())


def judged(judge: Judge, *scenarios: str, optional: tuple[str, ...] = ()) -> Callable[[Evidence], ClaimFinding]:
    """A rule over the newest trial of each scenario; without one of the first, nothing is said.

    A trial with the small inputs counts only where there is no other.
    """

    def rule(evidence: Evidence) -> ClaimFinding:
        found = {
            name: newest(evidence, name, settled, of_size) or newest(evidence, name, settled)
            for name in (*scenarios, *optional)
        }
        for name in scenarios:
            if found[name] is None:
                return untested(f"{RUN} {name}")
        known = {name: one for name, one in found.items() if one is not None}
        measured = "; ".join(f"{name}: {one.verdict.reason}" for name, one in known.items())
        paths = tuple(dict.fromkeys(one.shown_path for one in known.values()))
        return ClaimFinding(judge(known), measured, paths)

    return rule


def all_kept(known: Mapping[str, Witness]) -> ClaimVerdict:
    return CONFIRMED if all(map(healthy, known.values())) else REFUTED


def some_kept(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Refined where one situation keeps the promise and another breaks it."""
    kept = [healthy(one) for one in known.values()]
    return CONFIRMED if all(kept) else REFINED if any(kept) else REFUTED


MEMORY = tuple(f"memory-of-{kind}" for kind in ("bytes", "files", "arrays", "lists"))


def one_batch(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Refined if the peak is bounded, whatever the number of rows, but by more than about a batch."""
    held = [batches_held(known[name].outcome.measures.get("writes", ())) for name in MEMORY]
    within = all(one is not None and one <= MOST_BATCHES for one in held)
    if not healthy(known["memory-of-more-rows"]):
        return REFUTED
    written = "default-batch" not in known or healthy(known["default-batch"])
    return CONFIRMED if within and written else REFINED


def keeps_jpeg(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Confirmed if a JPEG comes back as its own bytes, also one that Pillow has open; its format alone is not it."""
    jpegs = [
        one
        for witness in known.values()
        for name, one in witness.outcome.measures.get("pictures", {}).items()
        if name.startswith("JPEG")
    ]
    kept = [bool(one.get("same_bytes")) for one in jpegs]
    return CONFIRMED if all(kept) else REFINED if any(kept) else REFUTED


def _came(one: Witness, name: str) -> dict[str, Any]:
    return dict(one.outcome.measures.get(name, {}))


def notices(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Confirmed if each change is noticed and nothing else is taken for one."""
    fine = [refused(case, came) for case, came in _came(known["schema-changes"], "schemas").items()]
    return CONFIRMED if all(fine) else REFINED if any(fine) else REFUTED


def validates(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Refined if damage to the metadata alone is noticed."""
    came = {n: c for n, c in _came(known["damaged-files"], "damages").items() if n != "untouched"}
    caught = [refused(name, what) for name, what in came.items()]
    return CONFIRMED if all(caught) else REFINED if any(caught) else REFUTED


def atomic(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Refined if a first write, of nothing or all, is in one step, and a rebuild is not."""
    seen = (known["rebuild-under-readers"], known["rebuild-step-by-step"])
    rebuilt = all(map(healthy, seen)) and all(one["state"] == COMPLETE for one in _kills(known["killed-rebuild"]))
    first = all(not one["state"].startswith("passes") for one in _kills(known["killed-first-write"]))
    return CONFIRMED if rebuilt and first else REFINED if first else REFUTED


def cleans_up(known: Mapping[str, Witness]) -> ClaimVerdict:
    """Refined if an exception leaves nothing behind, and a kill does, also after the next write."""
    kills = [kill for name in ("killed-first-write", "killed-rebuild") for kill in _kills(known[name])]
    clean = all(kill["left_files"] <= 0 for kill in kills)
    if not healthy(known["failing-source"]):
        return REFUTED
    return CONFIRMED if clean else REFINED


def _kills(one: Witness) -> list[dict[str, Any]]:
    return list(one.outcome.measures.get("kills", ()))


def in_sequence(known: Mapping[str, Witness]) -> ClaimVerdict:
    ratio = known["reading"].outcome.measures.get("ratio")
    return CONFIRMED if ratio is not None and ratio <= MOST_SLOWER else REFUTED


def mapped(known: Mapping[str, Witness]) -> ClaimVerdict:
    measures = known["reading"].outcome.measures
    held = (measures.get("found") or {}).get("allocated_bytes")
    return CONFIRMED if held is not None and held <= MOST_MAPPED * measures["source_bytes"] else REFUTED


def about_target(known: Mapping[str, Witness]) -> ClaimVerdict:
    """The text says itself that it is approximate: refined by how far off it is with batches that are large for it."""
    return CONFIRMED if healthy(known["shard-sizes"]) else REFINED


CLAIMS = (
    Claim(
        "one-batch",
        "Peak memory while writing is bounded to about one batch",
        SOURCE,
        judged(one_batch, *MEMORY, "memory-of-more-rows", optional=("default-batch",)),
    ),
    Claim(
        "no-empty-shard",
        "There is never a trailing empty shard; an empty generator makes no shard",
        SOURCE,
        judged(all_kept, "shard-counts"),
    ),
    Claim(
        "atomic",
        "Writing is atomic",
        SOURCE,
        judged(atomic, "rebuild-under-readers", "rebuild-step-by-step", "killed-first-write", "killed-rebuild"),
    ),
    Claim(
        "target-size",
        "shard_size_bytes is an approximate target",
        SOURCE,
        judged(about_target, "shard-sizes"),
    ),
    Claim(
        "keeps-jpeg",
        "A JPEG stays a JPEG",
        SOURCE,
        judged(keeps_jpeg, "pictures-as-they-are", "pictures-opened"),
    ),
    Claim(
        "fingerprint",
        "A changed schema is noticed by its fingerprint",
        SOURCE,
        judged(notices, "schema-changes"),
    ),
    Claim("sequential", "The layout reads well in sequence", SOURCE, judged(in_sequence, "reading")),
    Claim("memory-mapped", "A shard is memory-mapped to be read", SOURCE, judged(mapped, "reading")),
    Claim(
        "validates",
        "Validation raises ValueError if the cache is inconsistent",
        SOURCE,
        judged(validates, "damaged-files"),
    ),
    Claim(
        "cleans-up",
        "What an unfinished write has made is removed",
        SOURCE,
        judged(cleans_up, "failing-source", "killed-first-write", "killed-rebuild"),
    ),
    Claim(
        "original-bytes",
        "Bytes and files pass through unchanged; what comes from no file becomes PNG",
        SOURCE,
        judged(some_kept, "pictures-as-they-are", "pictures-made"),
    ),
    Claim(
        "folder-name",
        "The folder of a variant and split has a deterministic name",
        SOURCE,
        judged(all_kept, "folder-names"),
    ),
    Claim(
        "own-lock",
        "A lock keeps the writers of one cache apart",
        SOURCE,
        judged(lambda known: CONFIRMED if healthy(known["lock-names"]) else REFINED, "lock-names"),
    ),
)
