"""Draws the finding of a bug as inline SVG: memory or requests over time, or the rates of a race. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence

from repro.decide.answers import Answer
from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.hub.record import Record
from repro.model import Status, Symptom
from repro.render.hub import healthy, labels, lanes, requests_title, seen, span
from repro.render.words import target_words
from repro.units import about, format_size

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 220, 64, 24
MOST_POINTS = 80
_ROW, _LANE = 26, 34


def picture(facts: Facts) -> str:
    """A figure with a caption in words; empty where there is nothing to draw. Colours only repeat dashes and words."""
    bad = facts.failure
    if bad is not None and bad.outcome.symptom is not Symptom.OUT_OF_MEMORY and (record := seen(bad.outcome)):
        return _requests(record, target_words(bad))
    if bad is not None and bad.limits.memory_bytes and len(bad.outcome.timeline) > 1:
        return _memory(_lines(facts, bad), bad.limits.memory_bytes)
    rated = [one for one in facts.releases if one.rate.n]
    return _rates(rated, facts.package) if facts.bug.race and rated else ""


def _lines(facts: Facts, bad: Evidence) -> list[tuple[str, str, Evidence]]:
    """Class, words and trial: with the bug, in a release without it, and with the workaround where that helps."""
    healthy = facts.with_status(Status.ABSENT)
    tried = facts.tried(facts.bug.default_scenario, facts.bug.workaround)
    found = [("bad", f"{target_words(bad)}: {bad.outcome.detail}", bad)]
    found += [("good", f"{target_words(one.trials[-1])}: not affected", one.trials[-1]) for one in healthy[-1:]]
    if tried is not None and tried.answer.status is Status.ABSENT:
        one = tried.answer.trials[-1]
        found.append(("odd", f"{target_words(one)}, with the workaround", one))
    limits = bad.limits
    return [line for line in found if len(line[2].outcome.timeline) > 1 and line[2].limits == limits]


def _memory(lines: Sequence[tuple[str, str, Evidence]], cap: int) -> str:
    seconds = max(one.outcome.timeline[-1].t for _, _, one in lines)
    top = 1.08 * max(cap, *(sample.rss_bytes for _, _, one in lines for sample in one.outcome.timeline))

    def down(size: float) -> float:
        return HEIGHT - BOTTOM - size / top * (HEIGHT - BOTTOM - 8)

    def at(t: float, size: float) -> str:
        return f"{LEFT + t / seconds * (WIDTH - LEFT - 8):.1f},{down(size):.1f}"

    drawn = [_line(at(0, cap), at(seconds, cap), "cap"), _line(at(0, 0), at(seconds, 0), "axis")]
    ends = ((cap, format_size(cap)), (0, "0"))
    drawn += [_text(f"{LEFT - 6},{down(size) + 4:.1f}", words, "end") for size, words in ends]
    drawn += [_text(f"{LEFT},{HEIGHT - 6}", "0 s", "start")]
    drawn += [_text(f"{WIDTH - 8},{HEIGHT - 6}", f"{seconds:.1f} s", "end")]
    for kind, _, one in lines:
        samples = one.outcome.timeline
        step = max(1, -(-len(samples) // MOST_POINTS))
        points = [max(samples[i : i + step], key=lambda s: s.rss_bytes) for i in range(0, len(samples), step)]
        drawn.append(f'<polyline class="{kind}" points="{" ".join(at(s.t, s.rss_bytes) for s in points)}"/>')
    said = [f"{words}; at most {about(one.outcome.peak_rss_bytes)}" for _, words, one in lines]
    keys = [(kind, words) for (kind, _, _), words in zip(lines, said, strict=True)]
    return _figure(drawn, HEIGHT, f"Memory over time, under a cap of {format_size(cap)}", keys)


def _rates(rated: Sequence[Answer], package: str) -> str:
    left, right = 90, 200
    wide = WIDTH - left - right
    drawn = []
    for place, one in enumerate(rated):
        rate, y = one.rate, _ROW * place + _ROW / 2
        kind = "bad" if rate.k else "odd" if one.status is Status.UNSETTLED else "good"
        drawn += [
            _text(f"{left - 8},{y + 5:.0f}", one.version, "end"),
            _line(f"{left},{y:.0f}", f"{left + wide},{y:.0f}", "axis"),
            _line(f"{left + rate.low * wide:.1f},{y:.0f}", f"{left + rate.high * wide:.1f},{y:.0f}", f"range {kind}"),
            f'<circle class="{kind}" cx="{left + rate.k / rate.n * wide:.1f}" cy="{y:.0f}" r="5"/>',
            _text(f"{left + wide + 10},{y + 5:.0f}", str(rate), "start"),
        ]
    bottom = _ROW * len(rated) + 18
    drawn += [_text(f"{left},{bottom - 4}", "0 %", "start"), _text(f"{left + wide},{bottom - 4}", "100 %", "end")]
    return _figure(
        drawn, bottom, f"Share of runs that fail, by release of {package}: failures of runs, 95 % interval", []
    )


def _requests(record: Record, where: str) -> str:
    """A lane an endpoint, a bar a request, dashed around those that went wrong; a line a commit."""
    left, letter, (begin, end) = 132, 9.5, span(record)
    shown = lanes(record)
    bottom = _LANE * len(shown) + 18
    scale = (WIDTH - left - 100) / (end - begin)  # room for the words of the last

    def across(t: float) -> float:
        return left + (t - begin) * scale

    places = [across(one.at_s) for one in record.commits]
    drawn = [_line(f"{x:.1f},0", f"{x:.1f},{bottom - 18}", "cap") for x in places]
    for place, lane in enumerate(shown):
        y = _LANE * place + 16
        drawn.append(_text(f"{left - 8},{y + 12}", lane.endpoint, "end"))
        for one in lane.requests:
            kind, wide = "good" if healthy(one) else "bad", max(2.0, one.seconds * scale)
            drawn.append(f'<rect class="{kind}" x="{across(one.at_s):.1f}" y="{y}" width="{wide:.1f}" height="14"/>')
        drawn += [
            _text(f"{across(one.at_s):.1f},{y - 3}", words, "start") for one, words in labels(lane, letter / scale)
        ]
    drawn += [_text(f"{left},{bottom}", "0 s", "start")]
    drawn += [_text(f"{across(end):.1f},{bottom}", f"{end - begin:.1f} s", "end")]
    said = [("", f"{lane.endpoint}: {lane.words}") for lane in shown]
    return _figure(drawn, bottom + 6, f"{requests_title(record)}. {where}", said)


def _figure(drawn: Sequence[str], height: int, title: str, keys: Sequence[tuple[str, str]]) -> str:
    classes = [f' class="key {kind}"' if kind else "" for kind, _ in keys]
    listed = "".join(f"<li{name}>{html.escape(words)}</li>" for name, (_, words) in zip(classes, keys, strict=True))
    caption = f"{html.escape(title)}.{f'<ul>{listed}</ul>' if listed else ''}"
    shape = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{html.escape(title)}">{"".join(drawn)}</svg>'
    return f"<figure>{shape}<figcaption>{caption}</figcaption></figure>"


def _line(start: str, end: str, kind: str) -> str:
    return f'<polyline class="{kind}" points="{start} {end}"/>'


def _text(at: str, words: str, anchor: str) -> str:
    x, y = at.split(",")
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{html.escape(words)}</text>'
