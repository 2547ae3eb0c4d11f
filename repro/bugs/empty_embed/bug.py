"""Declares ``empty-embed``: an upload of Nifti files ends well and holds no bytes of them."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.bugs.empty_embed.claims import CLAIMS
from repro.bugs.empty_embed.oracle import judge
from repro.bugs.empty_embed.prepare import prepare
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _embedded(outcome: Outcome) -> str:
    """``0 / 8``: the files whose bytes came out, of all."""
    found = outcome.measures.get("sha256")
    return "" if found is None else f"{sum(one is not None for one in found)} / {len(found)}"


BUG = Bug(
    slug="empty-embed",
    title="push_to_hub uploads Nifti columns without any bytes, and raises no error",
    summary=(
        "Embedding a Nifti() column, as push_to_hub() does, leaves the bytes null and keeps the path. No error is "
        "raised, and the upload looks right: on the uploader's machine the paths still open."
    ),
    links={
        "report": "https://github.com/huggingface/datasets/issues/7852",
        "fix": "https://github.com/huggingface/datasets/pull/7853",
    },
    scenarios=(
        Scenario("nifti", "one Nifti file a row, embedded from its path"),
        Scenario("nifti-list", "a list of Nifti files a row, embedded from their paths"),
        Scenario("push", "push_to_hub() to a loopback Hub, read back where the files are not", needs=("nibabel",)),
        Scenario("push-list", "the same with a list of files a row", needs=("nibabel",)),
        Scenario("nifti-bytes", "one Nifti file a row, its bytes in the table", control=True),
        Scenario("nifti-list-bytes", "a list of Nifti files a row, their bytes in the table", control=True),
        Scenario("image", "one Image file a row, embedded from its path", control=True),
    ),
    hub=True,
    fixes=(
        NO_FIX,
        Fix(
            "embed-bytes",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "embed_bytes.py",
            "the bytes of the files put into the table first",
        ),
    ),
    prepare=prepare,
    oracle=judge,
    expected="Every file that a row names is stored with its bytes, or there is an error.",
    cause=(
        "Nifti has no embed_storage there, and embed_table_storage leaves columns of features without one as they are."
    ),
    cause_at=CodePlace(
        "datasets/table.py",
        after=r"def embed_table_storage",
        pattern=r"if require_storage_embed\(feature\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/table.py#L{line}",
    ),
    workaround="embed-bytes",
    columns=(Column("files with bytes", _embedded),),
    claims=CLAIMS,
    folder=HERE,
    default_scenario="nifti",
    default_target="datasets==4.4.1",
    default_limits=Limits(timeout_s=120.0, grace_s=30.0),
)
