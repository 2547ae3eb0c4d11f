"""Makes the files of a scenario, and adds up from their sizes what an estimate must come near."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError, unknown
from repro.inputs import cohort, uniform
from repro.inputs.manifest import Manifest
from repro.model import Scalar

KINDS: Mapping[str, tuple[str, str]] = {
    "cohort": ("Nifti", "table"),
    "nifti": ("Nifti", "plain"),
    "nifti-list": ("Nifti", "list"),
    "nifti-struct": ("Nifti", "struct"),
    "pdf": ("Pdf", "plain"),
    "mesh": ("Mesh", "plain"),
    "image-large-list": ("Image", "large_list"),
    "image-fixed-list": ("Image", "fixed_list"),
    "image-uneven": ("Image", "plain"),
    "image-list-uneven": ("Image", "list"),
    "image": ("Image", "plain"),
    "audio": ("Audio", "plain"),
    "video": ("Video", "plain"),
    "image-list": ("Image", "list"),
    "image-struct": ("Image", "struct"),
    "bytes": ("Nifti", "bytes"),
    "push": ("Nifti", "plain"),
    "push-size": ("Nifti", "plain"),
    "one-file": ("Nifti", "plain"),
}
"""Scenario -> the feature of its files, and how its column holds them."""

PUSHES = ("push", "push-size", "one-file")
UNEVEN = ("image-uneven", "image-list-uneven")
SHARD, SMALL_SHARD = 500_000_000, 1 << 20
"""Bytes of a shard: the default of ``push_to_hub``, and a small one for small inputs."""

PARAMETERS = (
    Parameter("sessions", "int", 902, "cohort: sessions (902, the scale of the report)"),
    Parameter("seed", "int", 7894, "seed of the synthetic data"),
)


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Make or find the files below ``cache``: sparse where only sizes count, random bytes where they are sent."""
    if scenario not in KINDS:
        raise unknown("scenario", scenario, KINDS)
    feature, nesting = KINDS[scenario]
    seed, sessions = _whole(parameters, "seed"), _whole(parameters, "sessions")
    manifests = _sources(scenario, cache, seed, sessions)
    size = sum(one.total_bytes() for one in manifests)
    limit = SHARD if scenario == "cohort" else SMALL_SHARD
    inputs = {
        "roots": [str(one.root.resolve()) for one in manifests],
        "feature": feature,
        "nesting": nesting,
        "bytes_needed": size,
        "max_shard_bytes": limit,
    }
    figures = {"rows": sum(len(one.rows) for one in manifests), "files": sum(len(one.sizes) for one in manifests)}
    expected = {"bytes_needed": size, "shards": size // limit + 1, "max_shard_bytes": limit, **figures}
    return Prepared(inputs, expected, {**figures, "apparent_bytes": size, "max_shard_bytes": limit})


def _sources(scenario: str, cache: Path, seed: int, sessions: int) -> list[Manifest]:
    if scenario == "cohort":
        return [cohort.build(cache, seed=seed, sessions=sessions)]
    if scenario in UNEVEN:  # the first 1,000 rows are small ones
        files = 2 if KINDS[scenario][1] == "list" else 1
        sizes = (1 << 10, 64 << 10)
        return [
            uniform.build(cache, rows=1000, files_per_row=files, file_size=size, content="sparse", seed=seed)
            for size in sizes
        ]
    return [uniform.build(cache, rows=8, files_per_row=2, file_size=256 << 10, seed=seed)]


def _whole(parameters: Mapping[str, Scalar], name: str) -> int:
    value = parameters[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        default = next(one.default for one in PARAMETERS if one.name == name)
        raise UserError(f"{name}={value} makes no sense: give a whole number from 0 up, such as {name}={default}")
    return value
