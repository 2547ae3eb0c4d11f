"""Tells shards that pile up in memory, temporary files that stay, and a push that failed otherwise apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.model import Outcome, Symptom, Verdict
from repro.units import about

SHARE = 0.5
"""Memory that grows by more than this part of a shard with each further shard is memory that shards pile up in.

Kept shards make it 1; a push that lets them go makes it 0, and the noise of allocators a few hundredths.
"""

Push = Mapping[str, Any]


def peak_of(push: Push, processes: int) -> int:
    """The peak of the pushing process, and for each worker the largest peak among them."""
    return int(push["own_bytes"]) + processes * int(push["worker_bytes"])


def growth(pushes: Sequence[Push], shard_bytes: int, processes: int) -> float:
    """By how much of a shard the peak grows with each further shard, from the smallest push to the largest."""
    first, last = pushes[0], pushes[-1]
    more = peak_of(last, processes) - peak_of(first, processes)
    return more / ((int(last["shards"]) - int(first["shards"])) * shard_bytes)


def judge(scenario: str, outcome: Outcome, expected: Mapping[str, Any]) -> Verdict:
    """The oracle of the bug.

    ``expected`` is what ``prepare`` makes: ``asks`` for "memory" or "files", the ``ends`` of a push ("well",
    "an exception" or "SIGKILL"), ``shards``, ``shard_bytes``, ``stored`` (shards that are in the repository after it)
    and ``processes``.
    """
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, False, outcome.detail)
    pushes = outcome.measures.get("pushes", [])
    if [push["shards"] for push in pushes] != expected["shards"]:
        return Verdict(Symptom.KIT_FAULT, False, "the probe finished without saying what each push did")
    for push in pushes:
        if (end := _end(push)) != expected["ends"]:
            return Verdict(Symptom.ERROR, False, f"the push of {push['shards']} ended with {end}")
        stored, wanted = push["stored_bytes"], expected["stored"] * push["shards"] * expected["shard_bytes"]
        if stored < wanted:
            reason = f"the repository holds {about(stored)} of shards, {about(wanted)} expected"
            return Verdict(Symptom.WRONG_OUTPUT, False, reason)
    if expected["asks"] == "memory":
        return _memory(pushes, expected)
    files, size = sum(push["left_files"] for push in pushes), sum(push["left_bytes"] for push in pushes)
    count = sum(push["shards"] for push in pushes)
    left = f"{files} temporary file{'s' * (files != 1)} with {about(size)}" if files else "no temporary file"
    said = f"{left} left after a push of {count} shard{'s' * (count != 1)}"
    # After SIGKILL nobody can remove the file of the shard that was under way, so that one is no fault.
    fault = files > (expected["ends"] == "SIGKILL")
    return Verdict(Symptom.WRONG_OUTPUT if fault else Symptom.OK, fault, said)


def _end(push: Push) -> str:
    return push["signal"] or ("an exception" if push["status"] else "well")


def _memory(pushes: Sequence[Push], expected: Mapping[str, Any]) -> Verdict:
    if any(push.get("own_bytes") is None for push in pushes):
        return Verdict(Symptom.UNSUPPORTED, False, "nobody tells the peak of a process here")
    grown = growth(pushes, expected["shard_bytes"], expected["processes"])
    peaks = ", ".join(f"{push['shards']}: {about(peak_of(push, expected['processes']))}" for push in pushes)
    said = f"the peak grows by {grown:z.2f} of a shard with each further shard (shards and peak: {peaks})"
    kept = grown > SHARE
    return Verdict(Symptom.WRONG_OUTPUT if kept else Symptom.OK, kept, said)
