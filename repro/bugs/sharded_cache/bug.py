"""Declares ``sharded-cache``: what a sharded Arrow cache promises, and what it keeps."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, Column, ComparisonPlan, Fix, FixKind, Measured, Scenario
from repro.bugs.sharded_cache.claims import CLAIMS, SMALL
from repro.bugs.sharded_cache.oracle import COMPLETE, batches_held, judge
from repro.bugs.sharded_cache.prepare import PARAMETERS, prepare
from repro.errors import UserError
from repro.model import Limits, Outcome, Scalar

HERE = Path(__file__).parent
ROW = 64 << 10
RELEASES = "datasets==5.2.0 pyarrow==26.0.1"


def _cache(name: str, title: str, proposed_in: str = "") -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title, proposed_in)


def _written(size: int) -> dict[str, Scalar]:
    """So many bytes of rows of 64 KiB, in batches of an eighth of them."""
    if size < 8 << 20:
        raise UserError(f"a cache of {size} bytes has no batches to speak of: give 8MiB or more")
    return {"rows": size // ROW, "row_size": ROW, "batch_bytes": size // 8}


def _held(outcome: Outcome) -> str:
    """``3.41``: batches in memory at the peak of a write."""
    writes = outcome.measures.get("writes") or ()
    value = batches_held(writes) if len({one["batch_bytes"] for one in writes}) == len(writes) else None
    return "" if value is None else f"{value:.2f}"


def _incomplete(outcome: Outcome) -> str:
    """``12``: percent of a reader's looks that found no complete cache."""
    seen = outcome.measures.get("seen") or {}
    looks = sum(seen.values())
    return f"{100 * (looks - seen.get(COMPLETE, 0)) / looks:.1f}" if looks else ""


def _left(outcome: Outcome) -> str:
    kills = outcome.measures.get("kills") or ()
    return f"{sum(one['left_files'] > 0 for one in kills)} of {len(kills)}" if kills else ""


BUG = Bug(
    slug="sharded-cache",
    title="A sharded Arrow cache does not keep what it promises",
    summary=(
        "A writer of sharded Arrow caches, rebuilt from the text of a reporter's module: memory of about one batch, a "
        "rebuild in one step, a validation, pictures as they were. Each promise is tried on it, on this kit's recipe "
        "and on what datasets itself does."
    ),
    expected="Each promise holds.",
    cause=(
        "Rows wait as Python objects until a batch is made of them, beside the last batch; the old cache is deleted "
        "before the new one takes its name; only the repr of the columns is compared."
    ),
    needs=("pyarrow", "numpy", "pillow", "filelock"),
    scenarios=(
        Scenario("memory-of-bytes", "peak of a writer of bytes, for two sizes of a batch"),
        Scenario("memory-of-files", "the same of pictures given by their paths"),
        Scenario("memory-of-arrays", "the same of arrays"),
        Scenario("memory-of-lists", "the same of sequences of numbers"),
        Scenario("memory-of-more-rows", "the same batch, and six times as many rows"),
        Scenario("default-batch", "the batch that is taken if nobody says: 1,000 rows"),
        Scenario("rebuild-under-readers", "processes that read all the time, while another one rebuilds the cache"),
        Scenario("rebuild-step-by-step", "what a reader would find before each change on disk of a rebuild"),
        Scenario("killed-first-write", "a writer killed at each change on disk, where there was no cache"),
        Scenario("killed-rebuild", "the same, where there was one"),
        Scenario("failing-source", "a source that raises after half of its rows"),
        Scenario("lazy-reader", "a reader that has begun, then a rebuild, then the rest of its rows"),
        Scenario("lock-names", "ds_v1.1 written while ds_v1.0 is being written"),
        Scenario("damaged-files", "shards and metadata that are missing, cut, exchanged or other, then checked"),
        Scenario("schema-changes", "changed columns, and the same ones spelled otherwise"),
        Scenario("silent-losses", "rows that do not fit their columns"),
        Scenario("pictures-as-they-are", "JPEG and PNG given as bytes and by their paths"),
        Scenario("pictures-opened", "the same files, opened by Pillow"),
        Scenario("pictures-made", "pictures and arrays that come from no file"),
        Scenario("shard-counts", "rows of each shard, for 0 rows and for whole and broken batches"),
        Scenario("shard-sizes", "the largest shard against the size that was wanted"),
        Scenario("folder-names", "the name of a variant's folder, in three processes"),
        Scenario("reading", "memory and time of reading all shards, beside one file of the same rows"),
        Scenario("round-trip", "rows written and read back", control=True),
    ),
    fixes=(
        NO_FIX,
        _cache("arrow-cache", "the recipe arrow-cache of this kit"),
        _cache("from-generator", "Dataset.from_generator, the cache of datasets itself"),
        _cache("save-to-disk", "Dataset.save_to_disk over the old folder"),
    ),
    workaround="arrow-cache",
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    small=SMALL,
    comparison=ComparisonPlan(
        target=RELEASES,
        newest=RELEASES,
        shard=_written,
        scale={"rows": 1000, "row_size": 1 << 20, "batch_bytes": 64 << 20},
        measured=Measured("write", "read", "source_bytes", "rss_before_write_bytes", "peak_write_bytes"),
    ),
    columns=(
        Column("batches in memory", _held),
        Column("% of looks without a complete cache", _incomplete),
        Column("kills that leave files", _left),
    ),
    claims=CLAIMS,
    folder=HERE,
    default_scenario="rebuild-under-readers",
    default_limits=Limits(memory_bytes=4 << 30, timeout_s=300.0, grace_s=30.0),
)
