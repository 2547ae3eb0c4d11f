"""What one trial says of the embedding itself: its time, its memory over the baseline, its payload. Pure."""

from __future__ import annotations

from repro.model import Outcome

PHASE, NEXT = "embed", "verify"


def embed_seconds(outcome: Outcome) -> float | None:
    """Wall time of the embed phase; ``None`` if it did not end."""
    begins: dict[str, float] = {}
    for t, name in outcome.phases:
        begins.setdefault(name, t)
    return begins[NEXT] - begins[PHASE] if PHASE in begins and NEXT in begins else None


def embed_peak(outcome: Outcome) -> tuple[int, str] | None:
    """Bytes that the embed phase needed over what the process held before it, and the source; ``None`` if not finished.

    From the process's own ``VmHWM`` where there is one, else from the supervisor's samples, which miss short spikes.
    """
    if embed_seconds(outcome) is None:
        return None
    before, peak = (outcome.measures.get(name) for name in ("rss_before_embed_bytes", "peak_embed_bytes"))
    if isinstance(before, int) and isinstance(peak, int):
        return max(0, peak - before), "VmHWM"
    begin = next(t for t, name in outcome.phases if name == PHASE)
    held = [s.rss_bytes for s in outcome.timeline if s.t <= begin]
    later = [s.rss_bytes for s in outcome.timeline if s.t > begin]
    return (max(0, max(later) - held[-1]), "sampled") if held and later else None


def payload(outcome: Outcome) -> int | None:
    """Bytes of the files that the shard refers to; ``None`` if it refers to none."""
    needed = outcome.measures.get("bytes_needed")
    return needed if isinstance(needed, int) and needed > 0 else None
