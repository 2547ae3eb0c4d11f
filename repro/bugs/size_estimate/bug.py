"""Declares ``size-estimate``: the estimate that the number of shards follows from leaves out most external files."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.bugs.size_estimate.claims import CLAIMS
from repro.bugs.size_estimate.oracle import judge
from repro.bugs.size_estimate.prepare import PARAMETERS, prepare
from repro.model import Limits, Outcome
from repro.units import about

HERE = Path(__file__).parent


def _estimated(outcome: Outcome) -> str:
    """``35.2 kB / 4.2 MB``: the estimate for what is there; empty if nothing was estimated."""
    estimate, needed = (outcome.measures.get(name) for name in ("estimate_bytes", "bytes_needed"))
    return "" if estimate is None or needed is None else f"{about(estimate)} / {about(needed)}"


def _looked_at(outcome: Outcome) -> str:
    files = outcome.measures.get("files_looked_at")
    return "" if files is None else str(files)


BUG = Bug(
    slug="size-estimate",
    title="push_to_hub splits Nifti data by the size of their paths: the size estimate counts no Nifti file",
    summary=(
        "The number of shards that push_to_hub() makes, with max_shard_size or by default, follows from an estimate of "
        "the data's size. It counts the external files of Image, Audio and Video columns only. Of Nifti, Pdf and other "
        "file features, and of any in large or fixed-length lists, it counts the paths: data far larger than a shard "
        "become one shard, and the size of the paths is recorded as that of the data."
    ),
    links={
        "report of shards far over max_shard_size": "https://github.com/huggingface/datasets/issues/5386",
        "one file of a repository does not load": "https://github.com/huggingface/datasets/issues/7867",
    },
    scenarios=(
        Scenario("cohort", "the cohort of the report: Nifti columns and lists, sparse files of their full size"),
        Scenario("nifti", "one Nifti file a row"),
        Scenario("nifti-list", "a list of Nifti files a row"),
        Scenario("nifti-struct", "a Nifti file in a struct"),
        Scenario("pdf", "one Pdf file a row"),
        Scenario("mesh", "one Mesh file a row"),
        Scenario("image-large-list", "a LargeList of Image files a row"),
        Scenario("image-fixed-list", "a list of fixed length of Image files a row"),
        Scenario("image-uneven", "2,000 rows of Image files, of which the first 1,000 are small"),
        Scenario(
            "image-list-uneven", "2,000 rows of lists of two Image files, of which the first 1,000 rows are small"
        ),
        Scenario("push", "push_to_hub() to a loopback Hub: the shards that are made"),
        Scenario("push-size", "push_to_hub() to a loopback Hub: the size that is recorded"),
        Scenario("one-file", "load_dataset() of one file of an upload, compared with an upload of the same bytes"),
        Scenario("image", "one Image file a row", control=True),
        Scenario("bytes", "one Nifti file a row, its bytes in the table", control=True),
        Scenario("audio", "one Audio file a row"),
        Scenario("video", "one Video file a row"),
        Scenario("image-list", "a list of Image files a row"),
        Scenario("image-struct", "an Image file in a struct"),
    ),
    hub=True,
    fixes=(
        NO_FIX,
        Fix("num-shards", FixKind.WORKAROUND, HERE / "workarounds" / "num_shards.py", "num_shards from the real sizes"),
        Fix(
            "every-file",
            FixKind.PATCH,
            HERE / "patches" / "every_file.patch",
            "count every feature that is embedded, one stat a local file",
        ),
    ),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    expected="The estimate is near the size of the files that push_to_hub() embeds, whatever feature holds them.",
    cause=(
        "Dataset._estimate_nbytes visits Audio, Image and Video only; table_visitor does not go into large and "
        "fixed-size lists; and the first 1,000 rows stand for all."
    ),
    cause_at=CodePlace(
        "datasets/arrow_dataset.py",
        after=r"def _estimate_nbytes",
        pattern=r"isinstance\(feature, \(Audio, Image, Video\)\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/arrow_dataset.py#L{line}",
    ),
    workaround="num-shards",
    columns=(Column("estimated / there", _estimated), Column("files looked at", _looked_at)),
    claims=CLAIMS,
    folder=HERE,
    default_scenario="cohort",
    default_limits=Limits(timeout_s=120.0, grace_s=30.0),
)
