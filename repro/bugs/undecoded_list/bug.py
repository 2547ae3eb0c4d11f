"""Declares ``undecoded-list``: push_to_hub of a list of files with decode=False holds no bytes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind, Scenario
from repro.model import Limits, Outcome

HERE = Path(__file__).parent
FILES = 4


def _scenario(
    name: str, title: str, nesting: str, *, feature: str = "Nifti", decode: bool = False, **more: Any
) -> Scenario:
    inputs = {"feature": feature, "nesting": nesting, "decode": decode, "source": "path", "way": "push"}
    control = bool(more.pop("control", False))
    needs = ("pillow",) if feature == "Image" else ()
    return Scenario(name, title, control, needs, inputs | more, {"with_bytes": FILES})


def _embedded(outcome: Outcome) -> str:
    """``0 / 4``: the files whose bytes are in the repository, of all."""
    found = outcome.measures.get("with_bytes")
    return "" if found is None else f"{found} / {FILES}"


BUG = Bug(
    slug="undecoded-list",
    title="push_to_hub uploads no bytes of files in a list or struct whose feature has decode=False",
    summary=(
        "A column List(Nifti(decode=False)), or a struct with such a field, is uploaded with the paths of its files on "
        "the uploader's machine and without their bytes. No error is raised. A column Nifti(decode=False), not in a "
        "list, is uploaded whole, and so is the list with decode=True."
    ),
    expected=(
        "push_to_hub(embed_external_files=True), the default, embeds the content of each file in the Parquet files, as "
        "its documentation says, whatever `decode` says of how the dataset is read."
    ),
    cause=(
        "require_decoding(feature, ignore_decode_attribute=True) does not hand its second argument on when it looks "
        "into a list or a struct, so push_to_hub finds no column with files and skips the embedding."
    ),
    cause_at=CodePlace(
        "datasets/features/features.py",
        after=r"^def require_decoding",
        pattern=r"require_decoding\(f\) for f in feature\.values\(\)",
        permalink="https://github.com/huggingface/datasets/blob/{version}/src/datasets/features/features.py#L{line}",
    ),
    scenarios=(
        _scenario("list", "a list of Nifti files a row", "list"),
        _scenario("struct", "a struct with a Nifti file", "struct"),
        _scenario("image-list", "a list of Image files a row", "list", feature="Image"),
        _scenario("stream", "the list, pushed from a streamed dataset", "list", way="stream"),
        _scenario("list-decoded", "the list with decode=True", "list", decode=True, control=True),
        _scenario("plain", "one Nifti file a row, not in a list", "plain", control=True),
        _scenario("list-bytes", "the list, its bytes in the table", "list", source="bytes", control=True),
    ),
    hub=True,
    fixes=(
        NO_FIX,
        Fix(
            "decode-on",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "decode_on.py",
            "decode=True for every feature before the upload",
        ),
        Fix(
            "hand-on",
            FixKind.PATCH,
            HERE / "patches" / "hand_on.patch",
            "require_decoding hands ignore_decode_attribute on",
        ),
    ),
    workaround="decode-on",
    columns=(Column("files with bytes", _embedded),),
    folder=HERE,
    default_target="datasets==5.2.0 pyarrow==24.0.0",
    default_limits=Limits(timeout_s=120.0, grace_s=30.0),
)
