"""Charts of memory, of rates and of requests over time: PNG bytes for reports, Mermaid text for issues."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from repro.evidence.record import Evidence
from repro.hub.record import Record
from repro.model import Outcome, Sample, Symptom
from repro.rates import Rate
from repro.render.hub import healthy, labels, lanes, requests_title, span
from repro.render.words import clip
from repro.units import about, format_size

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GIB, MIB = 1 << 30, 1 << 20
MAX_PANELS = 6
_WIDTH, _DPI = 8.0, 130
_LINE, _CAP, _MARK = "#004488", "#994455", "#222222"  # apart in grey print too; every line also differs in its dashes
_BAR = "#a8c0dc"  # light, so that the half of an interval that lies on the bar is seen too
_BAD_BAR = "#f2d5da"
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.9}
_MOST_PHASES, _PHASE_ROWS = 12, 4


def timeline(runs: Outcome | Evidence | Sequence[Evidence], cap_bytes: int | None = None) -> bytes:
    """PNG of memory over time, a panel a run (six at most; the title says how many were left out).

    Each panel shows the sampled RSS, where the phases begin, the cap, and how the process ended and by whom.
    ``cap_bytes`` is for an ``Outcome``; evidence knows its own cap.
    """
    panels = [(one, title, cap or cap_bytes) for one, title, cap in _panels(runs)]
    left_out = len(panels) - MAX_PANELS
    panels = panels[:MAX_PANELS]
    highest = max([1, *(s.rss_bytes for one, _, _ in panels for s in one.timeline), *(cap or 0 for *_, cap in panels)])
    longest = max([0.1, *(one.wall_s for one, *_ in panels)])
    unit, name = (GIB, "GiB") if highest >= GIB else (MIB, "MiB")
    with canvas(0.7 + 2.5 * max(1, len(panels))) as figure:
        grid = figure.subplots(max(1, len(panels)), 1, sharex=True, sharey=True, squeeze=False)
        for (one, title, cap), axes in zip(panels, grid[:, 0], strict=False):
            _panel(axes, one, cap, unit, longest)
            axes.set_title(clip(title, 105), loc="left", fontsize=9.5)
            axes.set_ylabel(f"RSS ({name})")
        axes = grid[-1, 0]
        axes.set_xlim(0, longest * 1.03)
        axes.set_ylim(0, highest / unit * 1.45)  # room above the curves for the phases and the cap
        axes.set_xlabel("seconds since the start")
        if left_out > 0:
            figure.suptitle(f"the first {MAX_PANELS} of {MAX_PANELS + left_out} runs", fontsize=9, x=0.01, ha="left")
        return png(figure)


def rate_bars(rates: Sequence[tuple[str, Rate]], title: str) -> bytes:
    """PNG of rates in percent as horizontal bars, the first on top, each with its 95 % interval and in words."""
    with canvas(1.3 + 0.36 * max(1, len(rates))) as figure:
        axes = figure.subplots()
        for place, (_, rate) in enumerate(rates):
            share = 100 * rate.k / rate.n if rate.n else 0.0
            high = 100 * rate.high if rate.n else 0.0
            if rate.n:
                low = share - 100 * rate.low
                axes.barh(
                    place, share, 0.62, color=_BAR, xerr=[[low], [high - share]], ecolor=_MARK, capsize=3,
                )  # fmt: skip
            axes.annotate(
                str(rate) if rate.n else "not measured", (high, place), (4, 0), textcoords="offset points",
                va="center", fontsize=9,
            )  # fmt: skip
        axes.set_yticks(list(range(len(rates))), [label for label, _ in rates])
        axes.set_ylim(len(rates) - 0.5, -0.6)  # the first on top
        axes.set_xlim(0, 135)  # room for the words
        axes.set_xticks(range(0, 101, 20))
        axes.set_xlabel("% of trials, with the 95 % interval")
        axes.set_title(title, loc="left", fontsize=10)
        return png(figure)


def ratio_bars(rows: Sequence[tuple[str, Sequence[float | None]]], parts: Sequence[str], title: str) -> bytes:
    """PNG of ratios as horizontal bars on a logarithmic scale, the first row on top, with a line at 1.

    Each row has a bar for each of ``parts`` (two at most): plain, then hatched. What was not measured says so.
    """
    height = 0.8 / len(parts)
    known = [value for _, values in rows for value in values if value]
    with canvas(1.4 + 0.26 * len(parts) * max(1, len(rows))) as figure:
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_xlim(0.1, 6 * max([1.0, *known]))  # room for the words
        for number, part in enumerate(parts):
            places = [place + (number - (len(parts) - 1) / 2) * height for place in range(len(rows))]
            values = [values[number] or 0.0 for _, values in rows]
            axes.barh(
                places, values, height * 0.85, color=(_BAR, "white")[number], edgecolor=_LINE,
                hatch=("", "////")[number], linewidth=0.8, label=part,
            )  # fmt: skip
            for place, (_, measured) in zip(places, rows, strict=True):
                value = measured[number]
                words = "not measured" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.3g}"
                axes.annotate(
                    words, (max(value or 0.0, 0.1), place), (4, 0), textcoords="offset points", va="center", fontsize=8
                )
        axes.axvline(1, color=_MARK, linestyle="--", linewidth=0.9)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.6)  # the first on top
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("times what is needed (dashed: once), logarithmic")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        figure.legend(loc="outside upper right", ncols=len(parts), fontsize=8)
        return png(figure)


def requests_chart(record: Record) -> bytes:
    """PNG of what a Hub saw over time: a lane an endpoint, a bar a request, a dashed line a commit.

    A request that got a fault or no good answer is hatched and says so; a large one says its bytes.
    """
    shown, (begin, end) = lanes(record), span(record)
    with canvas(1.1 + 0.42 * len(shown)) as figure:
        axes = figure.subplots()
        for place, lane in enumerate(shown):
            for one in lane.requests:
                bad = not healthy(one)
                axes.barh(
                    place, max(one.seconds, (end - begin) / 400), 0.5, left=one.at_s, color=_BAD_BAR if bad else _BAR,
                    edgecolor=_CAP if bad else _LINE, hatch="////" if bad else "", linewidth=0.8,
                )  # fmt: skip
            for one, words in labels(lane, (end - begin) * 0.0125):  # about the width of a letter
                weight = "normal" if healthy(one) else "bold"
                axes.annotate(
                    words, (one.at_s, place), (0, 9), textcoords="offset points", fontsize=8, fontweight=weight
                )
        for commit in record.commits:
            axes.axvline(commit.at_s, color=_MARK, linestyle="--", linewidth=0.9, zorder=0.5)
        axes.set_yticks(range(len(shown)), [lane.endpoint for lane in shown])
        axes.set_ylim(len(shown) - 0.5, -0.8)  # the first on top
        axes.set_xlim(begin - (end - begin) * 0.01, end + (end - begin) * 0.12)  # room for the words of the last
        axes.set_xlabel("seconds since the Hub was started")
        axes.set_title(requests_title(record), loc="left", fontsize=9.5)
        return png(figure)


def mermaid_timeline(samples: Sequence[Sample], cap: int | None = None, max_points: int = 50) -> str:
    """Mermaid ``xychart-beta`` source (without the code fence) of memory over time.

    A chart has no legend and evenly spaced points, so each point is the highest reading of its slice of time: the
    peak is always kept. The cap is a second, flat line that the title names. Raises ValueError without samples.
    """
    if not samples:
        raise ValueError("no samples to draw")
    if max_points < 2:
        raise ValueError(f"max_points must be at least 2, not {max_points}")
    end = max(0.1, max(sample.t for sample in samples))
    count = min(max_points, max(2, len(samples)))
    points: list[int | None] = [None] * count
    for sample in samples:
        slot = min(count - 1, int(sample.t / end * count))
        points[slot] = max(points[slot] or 0, sample.rss_bytes)
    highest = max([cap or 0, *(sample.rss_bytes for sample in samples)])
    last = next(point for point in points if point is not None)
    filled = [last := last if point is None else point for point in points]
    title = "Memory of the process tree (MiB)" + (f", flat line: cap {format_size(cap)}" if cap else "")
    lines = [
        "xychart-beta",
        f'    title "{title}"',
        f'    x-axis "seconds since the start" 0 --> {end:.1f}',
        f'    y-axis "RSS (MiB)" 0 --> {max(1, round(highest / MIB * 1.05))}',
        f"    line [{', '.join(_mib(point) for point in filled)}]",
    ]
    if cap:
        lines.append(f"    line [{', '.join([_mib(cap)] * count)}]")
    return "\n".join(lines) + "\n"


def ending(outcome: Outcome) -> str:
    """How the process ended, in a few words for a label."""
    when = f"{outcome.wall_s:.1f} s"
    match outcome.symptom:
        case Symptom.HANG | Symptom.HANG_AT_EXIT:
            return f"{outcome.symptom.value}: given up at {when}"
        case _ if outcome.killer is not None:
            who = "unknown sender" if outcome.killer.value == "unknown" else outcome.killer.value
            return f"killed by the {who} at {when}".replace("the unknown", "an unknown")
        case _ if outcome.signal is not None:
            return f"{outcome.signal} at {when}"
        case _ if outcome.exit_code is not None:
            return f"exit status {outcome.exit_code} at {when}"
    return f"ended at {when}"


def _panels(runs: Outcome | Evidence | Iterable[Evidence]) -> Iterator[tuple[Outcome, str, int | None]]:
    if isinstance(runs, Outcome):
        yield runs, f"{runs.symptom.value}{_peak(runs)}", None
        return
    for one in [runs] if isinstance(runs, Evidence) else runs:
        symptom = one.verdict.symptom.value
        yield (
            one.outcome,
            f"{one.bug}, {one.scenario}, fix {one.fix}: {symptom}{_peak(one.outcome)}",
            one.limits.memory_bytes,
        )


def _peak(outcome: Outcome) -> str:
    return f", peak {about(outcome.peak_rss_bytes)}" if outcome.peak_rss_bytes else ""


def _panel(axes: Axes, outcome: Outcome, cap: int | None, unit: int, longest: float) -> None:
    """One run: the curve, then what a reader must be able to tell without colours: phases, cap, end."""
    if not outcome.timeline:
        words = f"no samples: {outcome.detail}"[:100]
        axes.annotate(words, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", fontsize=9)
        return
    times = [sample.t for sample in outcome.timeline]
    sizes = [sample.rss_bytes / unit for sample in outcome.timeline]
    axes.grid(axis="y", linewidth=0.4, color="#cccccc")
    axes.plot(times, sizes, color=_LINE, linewidth=1.6)
    if cap:
        axes.axhline(cap / unit, color=_CAP, linestyle="--", linewidth=1.3)
        axes.annotate(
            f"cap {format_size(cap)}", (0.005, cap / unit), (0, 2), xycoords=("axes fraction", "data"),
            textcoords="offset points", va="bottom", fontsize=8.5, color=_CAP, bbox=_PAPER,
        )  # fmt: skip
    _phases(axes, outcome.phases[:_MOST_PHASES], longest)
    end, last = max(times[-1], outcome.wall_s), sizes[-1]
    axes.plot([times[-1], end], [last, last], color=_LINE, linewidth=1.6, linestyle=":")  # after the last reading
    stopped = outcome.killer is not None or outcome.signal is not None
    axes.plot([end], [last], marker="X" if stopped else "o", color=_MARK, markersize=9, linestyle="", clip_on=False)
    high = last > 0.5 * max([*sizes, (cap or 0) / unit])
    axes.annotate(
        ending(outcome), (end, last), (0, -52 if high else 26), textcoords="offset points",
        ha="right" if end > longest / 2 else "left", va="center", fontsize=9, fontweight="bold", bbox=_PAPER,
        arrowprops={"arrowstyle": "-", "color": _MARK, "linewidth": 0.7, "shrinkB": 5},
    )  # fmt: skip


def _phases(axes: Axes, phases: Sequence[tuple[float, str]], longest: float) -> None:
    """A dotted line where each phase begins, and its name in the first row above the curves that has room."""
    free_from = [-1.0] * _PHASE_ROWS
    for t, name in phases:
        axes.axvline(t, color=_MARK, linestyle=":", linewidth=0.9, zorder=0.5)
        row = next((row for row, free in enumerate(free_from) if t >= free), None)
        if row is not None:
            axes.annotate(
                name[:24], (t, 1), (2, -2 - 10 * row), xycoords=("data", "axes fraction"),
                textcoords="offset points", va="top", fontsize=8, bbox=_PAPER,
            )  # fmt: skip
            free_from[row] = t + longest * 0.0125 * (len(name[:24]) + 1)  # about the width of the letters


@contextmanager
def canvas(height: float) -> Iterator[Figure]:
    """An empty figure in matplotlib's own style, whatever the user configured; no pyplot, so no global state."""
    import matplotlib.style
    from matplotlib.figure import Figure

    with matplotlib.style.context("default", after_reset=True), matplotlib.rc_context({"text.parse_math": False}):
        yield Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")


def png(figure: Figure) -> bytes:
    """The figure as PNG without metadata, in 64 colours."""
    from PIL import Image

    buffer, small = io.BytesIO(), io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    # a quarter of the size, and a notebook with a dozen plots stays under what GitHub renders (1 MB)
    Image.open(buffer).convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    return small.getvalue()


def _mib(size: int) -> str:
    return f"{size / MIB:.0f}"
