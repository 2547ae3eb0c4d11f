"""Declares ``binary-overflow``: files of more than 2 GiB together cannot be embedded."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.binary_overflow.claims import CLAIMS
from repro.bugs.binary_overflow.oracle import judge
from repro.bugs.binary_overflow.prepare import prepare
from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Fix, FixKind, Scenario
from repro.model import Limits

HERE = Path(__file__).parent
NEIGHBOUR = HERE.parent / "embed_sliced_list"
"""Two of its fixes are tried here as well."""

BUG = Bug(
    slug="binary-overflow",
    title="Embedding files of more than 2 GiB together raises an exception",
    summary=(
        "embed_table_storage, as push_to_hub() calls it for each batch of rows, raises an exception if the files of "
        "one column hold more than 2 GiB together: in one row whose list has several files, in several rows, or in one "
        "file."
    ),
    expected="The files are embedded, in chunks or with 64-bit offsets, or a message names the column and the limit.",
    cause=(
        "The bytes of all files go into one pa.binary() array, whose offsets have 32 bits. pa.array() splits what is "
        "longer into a ChunkedArray, which StructArray.from_arrays does not take; one value cannot be split."
    ),
    cause_at=CodePlace(
        "datasets/features/nifti.py",
        after=r"def embed_storage",
        pattern=r"type=pa\.binary\(\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/features/nifti.py#L{line}",
    ),
    links={
        "mixing binary and large_binary": "https://github.com/huggingface/datasets/issues/8141",
        "a slice of a binary array, cast": "https://github.com/apache/arrow/issues/41306",
        "a categorical column over 2 GB": "https://github.com/apache/arrow/issues/1677",
    },
    scenarios=(
        Scenario("row-over-2gib", "one row whose list has three files of 720 MiB"),
        Scenario("rows-over-2gib", "three rows with a file of 720 MiB each, in one batch"),
        Scenario("file-over-2gib", "one file of 2,049 MiB"),
        Scenario("just-under", "one row whose list has three files of 680 MiB: just under the limit"),
        Scenario("sliced-cast", "Arrow alone: a slice of a binary array, cast to another binary type"),
        Scenario("dictionary-over-2gib", "Arrow alone: a dictionary column of 3.9 GiB, written to Parquet"),
        Scenario("small", "one row whose list has three files of 1 MiB", control=True),
    ),
    fixes=(
        NO_FIX,
        Fix(
            "large-binary",
            FixKind.PATCH,
            NEIGHBOUR / "patches" / "large_binary.patch",
            "large_binary in place of binary",
            "huggingface/datasets#7894",
        ),
        Fix(
            "row-by-row",
            FixKind.WORKAROUND,
            NEIGHBOUR / "workarounds" / "row_by_row.py",
            "embed one row at a time",
        ),
        Fix(
            "one-file-a-row",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "one_file_a_row.py",
            "a row for each file, embedded one at a time",
        ),
    ),
    prepare=prepare,
    oracle=judge,
    workaround="one-file-a-row",
    claims=CLAIMS,
    folder=HERE,
    default_limits=Limits(memory_bytes=8 << 30, timeout_s=600.0, grace_s=60.0),
)
