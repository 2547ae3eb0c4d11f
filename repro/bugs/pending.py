"""Claims that no evidence can judge yet, with what would test them, and claims that cannot be tested here, with why."""

from __future__ import annotations

from collections.abc import Sequence

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness

UPLOAD, BUG, WHY = "upload notes", "bug note", "why large uploads fail"
SPACES, SHARDS = "Spaces report", "sharded cache module"


def untested(slug: str, text: str, source: str, would: str) -> Claim:
    """A claim that waits for a test; ``would`` says what would test it."""
    return _fixed(slug, text, source, ClaimVerdict.NOT_YET_TESTED, f"would test it: {would}")


def untestable(slug: str, text: str, source: str, why: str) -> Claim:
    """A claim that no run on one machine with synthetic data can judge."""
    return _fixed(slug, text, source, ClaimVerdict.NOT_TESTABLE_HERE, why)


def _fixed(slug: str, text: str, source: str, verdict: ClaimVerdict, said: str) -> Claim:
    def rule(_: Sequence[Witness]) -> ClaimFinding:
        return ClaimFinding(verdict, said)

    return Claim(slug, text, source, rule)


PENDING: tuple[tuple[str, tuple[Claim, ...]], ...] = (
    (
        "Size estimate and number of shards (datasets#5386)",
        (
            untested(
                "estimate-1-mb",
                "datasets estimates 902 rows of paths at about 1 MB",
                WHY,
                "Dataset._estimate_nbytes of the synthetic cohort, per release",
            ),
            untested(
                "max-shard-size",
                "max_shard_size does not help, because the estimate ignores external files",
                WHY,
                "the number of shards that push_to_hub makes against a loopback Hub",
            ),
            untested(
                "samples-rows",
                "The library samples rows to estimate the average size",
                WHY,
                "which rows and columns the estimate visits, counted while it runs",
            ),
            untested(
                "use-num-shards",
                "num_shards avoids huge shards",
                WHY,
                "the size of each shard with and without num_shards",
            ),
        ),
    ),
    (
        "Arrays over 2 GiB",
        (
            untested(
                "two-gib",
                "pa.binary() holds at most 2 GB an array",
                UPLOAD,
                "one row, then one file, of more than 2 GiB embedded",
            ),
            untested(
                "sliced-cast",
                "apache/arrow#41306: casting a sliced binary array segfaults, fixed in Arrow 17",
                UPLOAD,
                "that cast with pyarrow 16.1.0 and 17.0.0",
            ),
            untested(
                "arrow-1677",
                "apache/arrow#1677: a column over 2 GB crashes on write, fixed in Arrow 5",
                UPLOAD,
                "a wheel of pyarrow 4 or older, and a Python that it runs on",
            ),
        ),
    ),
    (
        "Memory of push_to_hub (datasets#7893)",
        (
            untested(
                "push-accumulates",
                "push_to_hub keeps the bytes of every shard in memory (withdrawn in the bug note)",
                BUG,
                "peak memory against the number of shards, on a loopback Hub",
            ),
            untested(
                "free-memory",
                "free_memory=True in preupload_lfs_files prevents that",
                BUG,
                "the same with free_memory=False",
            ),
            untested("gc-collect", "gc.collect() between shards is not needed", BUG, "the same with gc.collect()"),
            untested(
                "custom-loop",
                "A loop of one's own over shards needs less memory than push_to_hub",
                UPLOAD,
                "both against a loopback Hub, interleaved",
            ),
        ),
    ),
    (
        "Loading one case of a large dataset",
        (
            untested(
                "full-load-oom",
                "load_dataset(repo, split='train') takes the whole 99 GB into memory and is killed",
                SPACES,
                "a loopback Hub with 149 files of the stated size: peak memory and bytes fetched",
            ),
            untested(
                "fetches-all",
                "load_dataset fetches every file before the first row",
                SPACES,
                "requests that the loopback Hub sees before the first row",
            ),
            untested(
                "one-file",
                "HfFileSystem with pyarrow reads one case in about 50 MB",
                SPACES,
                "bytes served by the loopback Hub and peak memory for one case",
            ),
            untested(
                "case-size",
                "A case has 600 to 700 MB of raw data (and 50 MB to fetch: the report says both)",
                SPACES,
                "bytes of the three columns of one synthetic case, compressed and not",
            ),
            untestable(
                "seconds", "One case takes 1.7 s, the full download 10 minutes", SPACES, "it depends on the network"
            ),
            untestable(
                "one-case-a-file",
                "149 Parquet files, one case each",
                SPACES,
                "no real data are downloaded; the synthetic layout follows the report",
            ),
            untestable(
                "space-hardware", "It fails on a T4-small Space", SPACES, "the hardware of that Space is not here"
            ),
        ),
    ),
    (
        "The sharded Arrow cache",
        (
            untested(
                "one-batch",
                "Peak memory while writing is bounded to about one batch",
                SHARDS,
                "peak memory against batch_size and against the number of rows",
            ),
            untested(
                "no-empty-shard",
                "There is never a trailing empty shard; an empty generator makes no shard",
                SHARDS,
                "generators of 0, batch_size and batch_size + 1 rows",
            ),
            untested("atomic", "Writing is atomic", SHARDS, "the writer killed at every step, then the folder read"),
            untested(
                "target-size",
                "shard_size_bytes is an approximate target",
                SHARDS,
                "size on disk against the target, for batches of several sizes and for slices",
            ),
            untested("keeps-jpeg", "A JPEG stays a JPEG", SHARDS, "bytes in and out, for paths, PIL images and arrays"),
            untested(
                "fingerprint",
                "A changed schema is noticed by its fingerprint",
                SHARDS,
                "two feature sets whose repr is equal, and one whose repr changes without need",
            ),
            untested("sequential", "The layout reads well in sequence", SHARDS, "rows a second, against one file"),
        ),
    ),
    (
        "What only the reporter's machine or other people's reports can show",
        (
            untestable(
                "session-sizes", "A session holds 1.7 to 804.8 MB", WHY, "no real data are downloaded"
            ),
            untestable(
                "macos", "It happens on macOS ARM64 with Python 3.13 and PyArrow 22", BUG, "needs such a machine"
            ),
            untestable(
                "same-path-6360", "datasets#6360 is the same code path", UPLOAD, "that report has no script to run"
            ),
            untestable(
                "related-hangs",
                "datasets#5672 and #5990 (large pushes crash or hang) are related",
                UPLOAD,
                "they happened against the real Hub, which is not contacted",
            ),
        ),
    ),
)  # fmt: skip
