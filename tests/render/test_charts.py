"""Charts: what they say, that they say it in words, and that the files carry nothing else."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import matplotlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from repro.model import Killer, Outcome, Sample, Symptom, Verdict
from repro.rates import Rate
from repro.render import charts
from repro.render.charts import ending, mermaid_timeline, rate_bars, ratio_bars, requests_chart, timeline

from ..evidence.examples import MIB, evidence
from .test_hub import RECORD

KILLED = evidence()
UNSOLVABLE = evidence(
    outcome=Outcome(Symptom.UNSOLVABLE, "pyarrow 10 is too old"),
    verdict=Verdict(Symptom.UNSOLVABLE, False, "pyarrow 10 is too old"),
)


def chunks(png: bytes) -> list[str]:
    kinds, at = [], 8
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kinds.append(png[at + 4 : at + 8].decode())
        at += 12 + length
    return kinds


@pytest.fixture
def seen(monkeypatch):
    """The words of the next chart, and those of them that lie partly outside the picture."""
    result = SimpleNamespace()

    def look(figure):
        figure.draw_without_rendering()
        texts = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
        frame = figure.bbox
        boxes = {t.get_text(): t.get_window_extent() for t in texts}
        result.words = list(boxes)
        # ticks beyond the axis have a place but are not drawn
        boxes = {word: box for word, box in boxes.items() if not re.fullmatch(r"[\d.]+", word)}
        result.cut_off = [w for w, b in boxes.items() if not (frame.x0 <= b.x0 < b.x1 <= frame.x1 and b.y1 <= frame.y1)]
        return b""

    monkeypatch.setattr(charts, "png", look)
    return result


@pytest.mark.parametrize("png", [lambda: timeline(KILLED), lambda: rate_bars([("a", Rate(1, 2))], "t")])
def test_a_chart_is_a_png_without_metadata(png):
    assert set(chunks(png())) <= {"IHDR", "PLTE", "pHYs", "IDAT", "IEND"}


def test_the_same_run_gives_the_same_bytes_whatever_the_users_style():
    before = timeline(KILLED)
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 30}):
        assert timeline(KILLED) == before
        assert matplotlib.rcParams["font.size"] == 30


def test_the_timeline_says_who_killed_it_the_cap_and_the_phases(seen):
    timeline(KILLED)
    said = {"killed by the kernel at 9.8 s", "cap 2GiB", "load", "embed", "RSS (GiB)", "seconds since the start"}
    assert said <= set(seen.words)
    assert "embed-sliced-list, shard-first, fix none: out-of-memory, peak 1.99 GiB" in seen.words
    assert seen.cut_off == []


def test_phases_that_begin_together_all_keep_their_names(seen):
    phases = ((0.1, "import"), (0.11, "load"), (0.12, "select"), (0.13, "embed"))
    timeline(replace(KILLED, outcome=replace(KILLED.outcome, phases=phases)))
    assert {"import", "load", "select", "embed"} <= set(seen.words)


def test_an_outcome_alone_takes_the_cap_that_is_given(seen):
    timeline(replace(KILLED.outcome, timeline=(Sample(0, 5 * MIB, 1), Sample(1, 9 * MIB, 1))), cap_bytes=64 * MIB)
    assert {"cap 64MiB", "RSS (MiB)"} <= set(seen.words)


def test_a_run_that_never_was_says_why(seen):
    timeline([UNSOLVABLE])
    assert "no samples: pyarrow 10 is too old" in seen.words


def test_runs_beyond_six_are_left_out_and_said_to_be(seen):
    timeline([KILLED] * 8)
    assert "the first 6 of 8 runs" in seen.words
    assert seen.cut_off == []


def test_requests_have_a_lane_for_each_endpoint_and_say_what_went_wrong_and_what_was_large(seen):
    requests_chart(RECORD)
    said = {"info", "put", "put:reset", "2.00 MiB", "no answer", "seconds since the Hub was started"}
    assert said <= set(seen.words)
    assert "Requests over time; 2 had a fault or no good answer; dashed: 1 commit" in seen.words
    assert seen.cut_off == []


def test_nothing_to_draw_is_an_empty_chart():
    assert chunks(timeline([]))[-1] == "IEND"
    assert chunks(rate_bars([], "none"))[-1] == "IEND"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (
            Outcome(Symptom.OUT_OF_MEMORY, "", killer=Killer.KERNEL, signal="SIGKILL", wall_s=2),
            "killed by the kernel at 2.0 s",
        ),
        (Outcome(Symptom.OUT_OF_MEMORY, "", killer=Killer.WATCHDOG, wall_s=2), "killed by the watchdog at 2.0 s"),
        (Outcome(Symptom.CRASH, "", killer=Killer.UNKNOWN, wall_s=2), "killed by an unknown sender at 2.0 s"),
        (Outcome(Symptom.CRASH, "", signal="SIGSEGV", wall_s=2), "SIGSEGV at 2.0 s"),
        (Outcome(Symptom.HANG, "", signal="SIGKILL", wall_s=120), "hang: given up at 120.0 s"),
        (Outcome(Symptom.HANG_AT_EXIT, "", wall_s=9), "hang-at-exit: given up at 9.0 s"),
        (Outcome(Symptom.OK, "", exit_code=0, wall_s=2), "exit status 0 at 2.0 s"),
        (Outcome(Symptom.KIT_FAULT, "", wall_s=2), "ended at 2.0 s"),
    ],
)
def test_the_end_is_named(outcome, words):
    assert ending(outcome) == words


def test_rates_are_bars_with_their_interval_in_words_and_what_was_not_measured(seen):
    rate_bars([("none", Rate(3, 7)), ("flatten, $x$ and $y$", Rate(0, 35)), ("other", Rate(0, 0))], "How often")
    said = {"3/7 (9–82 %)", "0/35 (0–10 %)", "not measured", "flatten, $x$ and $y$", "How often"}
    assert said <= set(seen.words)
    assert seen.cut_off == []


@pytest.mark.parametrize("rate", [Rate(0, 4), Rate(3, 7), Rate(4, 4)])
def test_the_whiskers_of_a_rate_are_its_interval(monkeypatch, rate):
    drawn: list[Any] = []
    monkeypatch.setattr(charts, "png", drawn.append)
    rate_bars([("one", rate)], "How often")
    (bar,) = drawn[0].axes[0].containers[1:]  # the first holds the whiskers of the second
    (line,) = bar.errorbar.lines[2][0].get_segments()
    assert [round(x, 6) for x in (line[0][0], line[1][0])] == [round(100 * x, 6) for x in (rate.low, rate.high)]


def lines_of(source: str) -> list[list[int]]:
    return [[int(n) for n in found.split(", ")] for found in re.findall(r"line \[(.*)\]", source)]


GOLDEN = """\
xychart-beta
    title "Memory of the process tree (MiB), flat line: cap 64MiB"
    x-axis "seconds since the start" 0 --> 3.0
    y-axis "RSS (MiB)" 0 --> 67
    line [10, 40, 40, 20]
    line [64, 64, 64, 64]
"""


def test_the_mermaid_source_carries_a_gap_forward():
    samples = [Sample(0.0, 10 * MIB, 1), Sample(0.8, 40 * MIB, 1), Sample(0.9, 30 * MIB, 1), Sample(3.0, 20 * MIB, 1)]
    assert mermaid_timeline(samples, 64 * MIB) == GOLDEN


_sizes = st.integers(0, 1 << 36)
_samples = st.lists(st.builds(Sample, st.floats(0, 1e4), _sizes, st.just(1)), min_size=1, max_size=200)


@settings(deadline=None)
@given(_samples, st.none() | st.integers(1, 1 << 36), st.integers(2, 60))
def test_the_mermaid_chart_keeps_the_peak_within_the_points_allowed(samples, cap, max_points):
    curve, *flat = lines_of(mermaid_timeline(samples, cap, max_points))
    assert 2 <= len(curve) <= max_points
    assert max(curve) == round(max(s.rss_bytes for s in samples) / MIB)
    assert flat == ([[round(cap / MIB)] * len(curve)] if cap else [])


def test_without_samples_there_is_no_mermaid_chart():
    with pytest.raises(ValueError, match="no samples"):
        mermaid_timeline([])


# ratios


def test_ratios_say_their_numbers_and_what_was_not_measured(seen):
    measured: list[list[float | None]] = [[448.0, 0.03], [3.0, None], [0.0, 1.0]]
    rows = list(zip(["none", "one-file", "ours"], measured, strict=True))
    ratio_bars(rows, ["first case", "second case"], "one-case")
    assert {"448", "0.03", "3", "not measured", "0", "1", "first case", "second case", "one-case"} <= set(seen.words)
    assert {"none", "one-file", "ours"} <= set(seen.words)
    assert seen.cut_off == []
    assert not any("$" in word for word in seen.words)


def test_ratios_of_nothing_are_a_picture_too():
    assert chunks(ratio_bars([], ["read"], "nothing"))[-1] == "IEND"
