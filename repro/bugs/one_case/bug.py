"""Declares ``one-case``: the ways to read one case out of many, what each costs, and whether its bytes are right."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, Column, Fix, FixKind, Scenario
from repro.bugs.one_case.claims import CLAIMS
from repro.bugs.one_case.oracle import asked, grown, judge, ratios
from repro.bugs.one_case.prepare import PARAMETERS, prepare
from repro.model import Limits, Outcome
from repro.units import about

HERE = Path(__file__).parent


def _way(name: str, title: str, proposed_in: str = "") -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title, proposed_in)


def _part(number: int, what: int, outcome: Outcome) -> str:
    told = asked(outcome)
    return str(told[number][what]) if told else ""


def _ratio(number: int, outcome: Outcome) -> str:
    """``3.02``: bytes that the Hub sent for each byte of the images."""
    told = ratios(outcome)
    return f"{told[number]:.3g}" if told and told[number] < 100 else f"{told[number]:.0f}" if told else ""


def _first(name: str, outcome: Outcome) -> float | None:
    value = next(iter(outcome.measures.get(name, ())), None)
    return None if value is None else float(value)


def _disk(outcome: Outcome) -> str:
    value = _first("disk_bytes", outcome)
    return "" if value is None else about(value)


def _seconds(outcome: Outcome) -> str:
    value = _first("seconds", outcome)
    return "" if value is None else f"{value:.1f} s"


def _grown(outcome: Outcome) -> str:
    value = grown(outcome)
    return "" if value is None else about(value)


BUG = Bug(
    slug="one-case",
    title="A way to read one case of a dataset gives the bytes of another one",
    summary=(
        "The ways to read one case out of a repository of 149 Parquet files of one row, on a loopback Hub. What each "
        "reads, holds and leaves on the disk is measured; the bug is a way that gives other bytes without an error, as "
        "skip() does in some releases."
    ),
    expected="Every way gives the bytes of the case that was asked for.",
    links={"wrong rows after skip()": "https://github.com/huggingface/datasets/pull/8236"},
    needs=("datasets", "pyarrow", "huggingface_hub"),
    scenarios=(
        Scenario("one-image", "one of the three images of a case, then that of another case"),
        Scenario("all-images", "all three images of a case, then those of another case"),
    ),
    fixes=(
        NO_FIX,
        _way("streaming", "streaming, row by row until the id comes"),
        _way("streaming-filter", "streaming and filter()"),
        _way("columns", "streaming with columns=, until the id comes"),
        _way("filters", "streaming with filters="),
        _way("skip-take", "streaming, skip(n).take(1)"),
        _way("data-files", "load_dataset(data_files=) of the one file"),
        _way("data-files-streaming", "streaming of the one file, with columns="),
        _way("hub-download", "hf_hub_download of the one file, and pyarrow"),
        _way("hf-file-system", "HfFileSystem and pyarrow, with its usual cache (5 MiB read ahead)", "Spaces report"),
        _way("cache-none", "HfFileSystem with cache_type='none', and pyarrow"),
        _way("cache-bytes", "HfFileSystem with cache_type='bytes', and pyarrow"),
        _way("cache-block", "HfFileSystem with cache_type='blockcache', and pyarrow"),
        _way("small-blocks", "HfFileSystem with block_size of 64 KiB, and pyarrow"),
        _way("read-case", "the recipe read-case of this kit: an index once, then the ranges of the case"),
    ),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    small={"cases": 6, "value_size": 64 << 10},
    columns=(
        Column("requests", lambda outcome: _part(0, 0, outcome)),
        Column("bytes read / needed", lambda outcome: _ratio(0, outcome)),
        Column("requests, second case", lambda outcome: _part(1, 0, outcome)),
        Column("read / needed, second case", lambda outcome: _ratio(1, outcome)),
        Column("memory growth", _grown),
        Column("disk used", _disk),
        Column("time", _seconds),
    ),
    claims=CLAIMS,
    folder=HERE,
    hub=True,
    default_limits=Limits(memory_bytes=2 << 30, timeout_s=120.0, grace_s=30.0),
)
