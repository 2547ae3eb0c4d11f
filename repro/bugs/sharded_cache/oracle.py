"""Judges each promise of the cache from what the probe saw of it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.model import Outcome, Symptom, Verdict
from repro.units import about

MOST_BATCHES = 1.5
"""Peak of a writer over what its process held, in batches, that is still "about one": half of one for allocators."""
MOST_GROWTH = 0.1
"""Part of a batch by which the peak may grow with each further batch: allocators' noise is a few hundredths."""
MOST_OVER = 2.0
"""A shard of more than this many times the wanted size is not about that size."""
MOST_MAPPED = 0.1
"""Part of the data that a reader of mapped files may hold in Arrow's own memory."""
MOST_SLOWER = 1.5
"""Times that reading all shards may take as long as reading one file of the same rows."""

COMPLETE, NOTHING = "complete", "nothing to open"
Measures = Mapping[str, Any]
Found = tuple[bool, str]
"""Whether the promise is broken, and what was seen."""


def over(write: Mapping[str, Any]) -> int | None:
    """Bytes of a write's peak over what its process held before; ``None`` where nobody tells."""
    before, most = write.get("before_bytes"), write.get("peak_bytes")
    return None if before is None or most is None else int(most) - int(before)


def batches_held(writes: Sequence[Mapping[str, Any]]) -> float | None:
    """Batches that a writer holds at its peak: from one write, or by what it grows by with a larger batch.

    What a writer needs besides, whatever the batch, falls out of the second.
    """
    peaks = [over(one) for one in writes]
    if not peaks or any(one is None for one in peaks):
        return None
    first, last = writes[0], writes[-1]
    if len(writes) == 1:
        return float(peaks[0] or 0) / float(first["batch_bytes"])
    return float((peaks[-1] or 0) - (peaks[0] or 0)) / float(last["batch_bytes"] - first["batch_bytes"])


def growth(writes: Sequence[Mapping[str, Any]], row_size: int) -> float | None:
    """Part of a batch by which the peak grows with each further batch of the same size."""
    first, last = over(writes[0]), over(writes[-1])
    if first is None or last is None:
        return None
    return float(last - first) / float((writes[-1]["rows"] - writes[0]["rows"]) * row_size)


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle of the bug; a broken promise is wrong output, but for a batch that cannot be made at all."""
    if outcome.symptom is not Symptom.OK:
        fatal = outcome.symptom is Symptom.OUT_OF_MEMORY and scenario in IN_MEMORY
        return Verdict(outcome.symptom, fatal, outcome.detail)
    rule, needed = RULES[scenario]
    measures = outcome.measures
    if failed := next((measures[name] for name in ("raised", "signal") if measures.get(name)), ""):
        return Verdict(Symptom.ERROR, False, str(failed))
    if silent := [name for name in needed if name not in measures]:
        return Verdict(Symptom.KIT_FAULT, False, f"the probe finished without saying {', '.join(silent)}")
    if needed == ("writes",):
        return _written(scenario, measures["writes"], expected)
    broken, seen = rule(measures, expected)
    return Verdict(Symptom.WRONG_OUTPUT if broken else Symptom.OK, broken, seen)


def _written(scenario: str, writes: Sequence[Mapping[str, Any]], expected: Mapping[str, Any]) -> Verdict:
    if failed := next((one for one in writes if one.get("raised") or one.get("signal")), None):
        why = str(failed.get("raised") or failed["signal"])
        batch = f"a batch of {about(failed['batch_bytes'])}"
        return Verdict(Symptom.ERROR, scenario == DEFAULT_BATCH, f"{batch} cannot be written: {why}")
    rows = scenario == "memory-of-more-rows"
    value = growth(writes, int(expected["row_size"])) if rows else batches_held(writes)
    if value is None:
        return Verdict(Symptom.UNSUPPORTED, False, "nobody tells the peak of a process here")
    peaks = ", ".join(f"{one['rows']} rows: {about(max(0, over(one) or 0))}" for one in writes)
    if rows:
        said = f"the peak grows by {value:z.2f} of a batch with each further batch ({peaks})"
        broken = value > MOST_GROWTH
    elif scenario == DEFAULT_BATCH:  # of rows that are one object: what a batch of other rows needs is the memory's
        said, broken = f"a batch of {about(writes[0]['batch_bytes'])} can be written ({peaks})", False
    else:
        sizes = " and ".join(about(one["batch_bytes"]) for one in writes)
        said = f"the peak holds {value:.2f} batches over what was held before ({peaks}; batches of {sizes})"
        broken = value > MOST_BATCHES
    return Verdict(Symptom.WRONG_OUTPUT if broken else Symptom.OK, broken, said)


def _round_trip(measures: Measures, expected: Mapping[str, Any]) -> Found:
    same = measures["sha256"] == expected["sha256"]
    return not same, "every byte came back" if same else "other bytes came back"


def _counts(measures: Measures, _: Measures) -> Found:
    bad = [
        one for one in measures["counts"] if "raised" in one or 0 in one["shards"] or sum(one["shards"]) != one["rows"]
    ]
    said = [f"{one['rows']} rows: {one.get('raised') or one['shards'] or 'no shard'}" for one in measures["counts"]]
    return bool(bad), "rows of the shards of " + "; ".join(said)


def _sizes(measures: Measures, _: Measures) -> Found:
    shares = [one["largest_bytes"] / one["target_bytes"] for one in measures["sizes"]]
    said = [
        f"{share:.2f} × with batches of {one['batch_bytes'] / one['target_bytes']:.3g} ×"
        for share, one in zip(shares, measures["sizes"], strict=True)
    ]
    return max(shares) > MOST_OVER, f"the largest shard has of the wanted size {', '.join(said)}"


def _reading(measures: Measures, _: Measures) -> Found:
    found = measures["found"]
    share, ratio = found["allocated_bytes"] / measures["source_bytes"], measures["ratio"]
    said = f"reading all holds {share:.2f} of the data in Arrow's memory, and takes {ratio:.2f} × as long as one file"
    return share > MOST_MAPPED or ratio > MOST_SLOWER, said


def _names(measures: Measures, _: Measures) -> Found:
    first, second = measures["names"]
    fine = len(set(first)) == len(set(second)) == 1 and first[0] != second[0]
    said = f"{len(set(first))} name(s) in {len(first)} processes, the other version has "
    return not fine, said + ("another" if first[0] != second[0] else "the same")


def _seen(measures: Measures, _: Measures) -> Found:
    """Of readers during rebuilds: everything but a complete cache is broken."""
    seen = measures["seen"]
    if measures.get("writer") or measures.get("end", COMPLETE) != COMPLETE:
        return True, f"the writer did not end well: {measures.get('writer') or measures['end']}"
    looks = sum(seen.values())
    said = f"{seen.get(COMPLETE, 0)} of {looks} looks found a complete cache"
    bad = [f"{count} {name}" for name, count in sorted(seen.items()) if name != COMPLETE]
    gap = f"; at longest {measures['longest_ms']:.0f} ms without one" if bad and "longest_ms" in measures else ""
    return bool(bad) or not looks, f"{said}{': ' if bad else ''}{', '.join(bad)}{gap}"


def _killed(first: bool) -> Callable[[Measures, Measures], Found]:
    """Of kills: a first write leaves nothing or all, a rebuild one of the two versions; the next leaves no rest."""

    def rule(measures: Measures, _: Measures) -> Found:
        kills = measures["kills"]
        fine = {COMPLETE, NOTHING} if first else {COMPLETE}
        torn = [one["state"] for one in kills if one["state"] not in fine]
        stuck = sum(not one["recovered"] for one in kills)
        left = [one["left_bytes"] for one in kills if one["left_files"] > 0]
        said = [f"killed at {len(kills)} places"]
        said += [f"{torn.count(state)} × {state}" for state in dict.fromkeys(torn)]
        said += [f"{stuck} × the next write failed"] if stuck else []
        said += [f"{len(left)} × files stayed after the next write (up to {about(max(left))})"] if left else []
        said += ["each left a whole version, and the next write no rest"] if len(said) == 1 else []
        return bool(torn or stuck or left or not kills), "; ".join(said)

    return rule


def _lazy(measures: Measures, _: Measures) -> Found:
    found, wanted = measures["found"], measures["wanted"]
    if found["why"]:
        return True, f"the reader fails after {found['rows']} of {wanted} rows: {found['why']}"
    mixed = len(found["versions"]) > 1
    said = "rows of two versions" if mixed else "rows of one version"
    return mixed or found["rows"] != wanted, f"it reads {found['rows']} of {wanted} rows, {said}"


def _locks(measures: Measures, _: Measures) -> Found:
    waited = bool(measures["waited"])
    return waited, f"v1.1 {'waits for' if waited else 'is written beside'} v1.0"


def _failing(measures: Measures, _: Measures) -> Found:
    raised, left = "row 8" in measures["why"], measures["left_files"]
    fine = raised and measures["state"] == COMPLETE and measures["versions"] == [0] and left <= 0
    rest = f"{left} files and folders more" if left > 0 else "nothing left"
    return not fine, f"raised {measures['why'] or 'nothing'}; then {measures['state']}, {rest}"


def _pictures(exact: bool) -> Callable[[Measures, Measures], Found]:
    def rule(measures: Measures, _: Measures) -> Found:
        bad = []
        for name, one in measures["pictures"].items():
            if "raised" in one:
                bad.append(f"{name}: {one['raised']}")
            elif exact and not one["same_bytes"]:
                before, after = one["bytes"]
                kept = "the pixels are the same" if one["same_pixels"] else "other pixels"
                bad.append(f"{name}: {before} bytes became {after} as {one['format']}, {kept}")
            elif not one["same_pixels"]:
                bad.append(f"{name}: other pixels, as {one['format']}")
        count = len(measures["pictures"])
        return bool(bad), "; ".join(bad) or f"all {count} came back {'byte by byte' if exact else 'with their pixels'}"

    return rule


def _each(name: str, fine: Callable[[str, str], bool], good: str) -> Callable[[Measures, Measures], Found]:
    """Of cases by name: ``fine(case, what came of it)``; says those that are not."""

    def rule(measures: Measures, _: Measures) -> Found:
        cases = measures[name]
        bad = [f"{case}: {came}" for case, came in cases.items() if not fine(case, came)]
        return bool(bad), f"{len(bad)} of {len(cases)} {'; '.join(bad)}" if bad else f"all {len(cases)} {good}"

    return rule


def refused(case: str, came: str) -> bool:
    """Whether a check did what it should with a damage or a change: all but ``untouched`` and ``same`` is refused."""
    harmless = case == "untouched" or case.startswith("same")
    return came == "passed" if harmless else came.startswith("refused")


def at_write(_: str, came: str) -> bool:
    return came.startswith("refused")


DEFAULT_BATCH = "default-batch"
_NONE: Callable[[Measures, Measures], Found] = lambda measures, expected: (False, "")  # noqa: E731
RULES: dict[str, tuple[Callable[[Measures, Measures], Found], tuple[str, ...]]] = {
    **dict.fromkeys(
        [f"memory-of-{kind}" for kind in ("bytes", "files", "arrays", "lists", "more-rows")] + [DEFAULT_BATCH],
        (_NONE, ("writes",)),
    ),
    "round-trip": (_round_trip, ("sha256",)),
    "shard-counts": (_counts, ("counts",)),
    "shard-sizes": (_sizes, ("sizes",)),
    "reading": (_reading, ("found", "ratio", "source_bytes")),
    "folder-names": (_names, ("names",)),
    "rebuild-under-readers": (_seen, ("seen", "longest_ms")),
    "rebuild-step-by-step": (_seen, ("seen", "end")),
    "killed-first-write": (_killed(True), ("kills",)),
    "killed-rebuild": (_killed(False), ("kills",)),
    "lazy-reader": (_lazy, ("found", "wanted")),
    "lock-names": (_locks, ("waited",)),
    "failing-source": (_failing, ("why", "state", "versions", "left_files")),
    "pictures-as-they-are": (_pictures(True), ("pictures",)),
    "pictures-opened": (_pictures(True), ("pictures",)),
    "pictures-made": (_pictures(False), ("pictures",)),
    "silent-losses": (_each("losses", at_write, "were refused"), ("losses",)),
    "schema-changes": (_each("schemas", refused, "were told apart"), ("schemas",)),
    "damaged-files": (_each("damages", refused, "were noticed"), ("damages",)),
}
IN_MEMORY = frozenset(name for name, (_, needed) in RULES.items() if needed == ("writes",))
