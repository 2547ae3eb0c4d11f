"""What one trial says of the work itself: its time, its memory over the baseline, its payload. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Measured
from repro.model import Outcome


def seconds(outcome: Outcome, measured: Measured) -> float | None:
    """Wall time of the timed phase; ``None`` if it did not end."""
    begins: dict[str, float] = {}
    for t, name in outcome.phases:
        begins.setdefault(name, t)
    ended = measured.phase in begins and measured.until in begins
    return begins[measured.until] - begins[measured.phase] if ended else None


def peak(outcome: Outcome, measured: Measured) -> int | None:
    """Bytes that the phase needed over what the process held before it; ``None`` if it did not end.

    From the process's own high-water mark where there is one, else from the supervisor's samples, which miss short
    spikes.
    """
    if seconds(outcome, measured) is None:
        return None
    before, most = (outcome.measures.get(name) for name in (measured.baseline, measured.peak))
    if isinstance(before, int) and isinstance(most, int):
        return max(0, most - before)
    begin = next(t for t, name in outcome.phases if name == measured.phase)
    held = [s.rss_bytes for s in outcome.timeline if s.t <= begin]
    later = [s.rss_bytes for s in outcome.timeline if s.t > begin]
    return max(0, max(later) - held[-1]) if held and later else None


def payload(outcome: Outcome, measured: Measured) -> int | None:
    """Bytes that the work was about; ``None`` if there are none."""
    size = outcome.measures.get(measured.payload)
    return size if isinstance(size, int) and size > 0 else None
