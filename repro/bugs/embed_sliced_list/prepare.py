"""Makes the inputs of a scenario, and works out from the source files what embedding them must give."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.bugs.declaration import Parameter, Prepared
from repro.bugs.embed_sliced_list import selection
from repro.errors import UserError, unknown
from repro.inputs import bids, cohort, real, uniform
from repro.inputs.manifest import Manifest
from repro.model import Scalar

LISTED = 2000
"""As many values as the probe lists."""

HASHED_BYTES = 4 << 30
"""Beyond this the sources are not hashed: it would take longer than the trial."""

SHAPING: Mapping[str, tuple[str, ...]] = {
    "arc": ("sessions",),
    "uniform": ("rows", "files_per_row", "file_size", "content"),
    "nibabel": ("rows", "files_per_row"),
    "bids": ("bids_root",),
}
"""Inputs -> the parameters that shape them. Their default is ``None``, to know which were given."""

PARAMETERS = (
    Parameter("inputs", tuple(SHAPING), None, "arc; uniform or bids if a parameter of theirs is given"),
    Parameter("bids_root", "folder", None, "bids: the folder that holds sub-*"),
    Parameter("sessions", "int", None, "arc: sessions of the cohort (902, the scale of the report)"),
    Parameter("rows", "int", None, "uniform, nibabel: rows (8)"),
    Parameter("files_per_row", "int", None, "uniform, nibabel: files in the list of each row (3)"),
    Parameter("file_size", "size", None, "uniform: exact size of each file (64KiB)"),
    Parameter("content", ("dense", "sparse"), None, "uniform: random bytes, or holes that take no disk (dense)"),
    Parameter("seed", "int", 7894, "arc, uniform: seed of the synthetic data"),
    Parameter("num_shards", "int", None, "contiguous shards (one a row)"),
    Parameter("rows_per_select", "int", None, "rows that the select scenarios take (2)"),
)


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Make or find the inputs of ``scenario`` below ``cache``.

    The probe gets ``inputs`` as its docstring says. ``expected`` holds ``files_needed``, ``bytes_needed``, the
    ``count`` of values to embed and, as ``values``, the first 2,000 of them with ``column``, ``row``, ``bytes`` and
    ``sha256``; with more than 4 GiB to embed the checksums are ``None`` and ``expected["unverified"]`` says so.
    Raises UserError for parameters that make no sense.
    """
    if scenario not in selection.SCENARIOS:
        raise unknown("scenario", scenario, selection.SCENARIOS)
    kind, manifest = _source(parameters, cache)
    if scenario == "empty-list-row" and kind in {"uniform", "nibabel"}:  # these have no empty list of their own
        manifest = selection.with_empty_list(manifest)
    if scenario == "plain-column":
        manifest = selection.only_plain(manifest)
    count = len(manifest.rows)
    part = selection.choose(
        scenario,
        manifest,
        _integer(parameters, "num_shards", count, at_most=count),
        _integer(parameters, "rows_per_select", min(2, count), at_most=count),
    )
    paths = [path for *_, path in selection.references(manifest, part.rows) if path is not None]
    needed = {"files_needed": len(paths), "bytes_needed": sum(manifest.sizes[path] for path in paths)}
    inputs = {
        "name": manifest.name,
        "manifest": str(_save(manifest, cache / "manifests")),
        "root": str(manifest.root.resolve()),
        "columns": list(manifest.features),
        "take": part.take,
        "rows": list(part.rows),
        "num_shards": part.num_shards,
        "index": part.index,
        **needed,
    }
    expected = {**needed, **_expected(manifest, part, needed["bytes_needed"])}
    return Prepared(inputs, expected, _summary(manifest))


def _summary(manifest: Manifest) -> dict[str, Scalar]:
    """The figures of the inputs that a reader of a report wants, on one level."""
    figures = manifest.summary()
    counts = figures.pop("counts")
    return {**figures, **{f"files in {column}": count for column, count in counts.items()}}


def _expected(manifest: Manifest, part: selection.Selection, size: int) -> dict[str, Any]:
    values = list(selection.references(manifest, part.rows))
    listed = values[:LISTED]
    found: dict[str, Any] = {"count": len(values)}
    hashes: dict[str | None, str] = {}
    if size > HASHED_BYTES:
        found["unverified"] = f"only lengths were compared: {size} bytes are too many to hash"
    else:
        hashes.update(manifest.sha256({path for *_, path in listed if path is not None}))
    found["values"] = [
        {
            "column": column,
            "row": row,
            "bytes": None if path is None else manifest.sizes[path],
            "sha256": hashes.get(path),
        }
        for column, row, path in listed
    ]
    return found


def _source(parameters: Mapping[str, Scalar], cache: Path) -> tuple[str, Manifest]:
    """The kind of inputs that the parameters ask for, and their manifest."""
    given = [name for names in SHAPING.values() for name in names if parameters.get(name) is not None]
    implied = "bids" if "bids_root" in given else "uniform" if set(given) & set(SHAPING["uniform"]) else "arc"
    kind = str(parameters.get("inputs") or implied)
    if kind not in SHAPING:
        raise unknown("inputs", kind, SHAPING)
    stray = [name for name in given if name not in SHAPING[kind]]
    if stray:
        fitting = next(inputs for inputs, names in SHAPING.items() if stray[0] in names)
        raise UserError(f"{stray[0]} does not go with inputs={kind}: give inputs={fitting}, or leave {stray[0]} out")
    seed = _integer(parameters, "seed", 7894, at_least=0)
    match kind:
        case "arc":
            return kind, cohort.build(cache, seed=seed, sessions=_integer(parameters, "sessions", 902))
        case "uniform":
            content = str(parameters.get("content") or "dense")
            if content not in ("dense", "sparse"):
                raise unknown("content", content, ("dense", "sparse"))
            return kind, uniform.build(
                cache,
                rows=_integer(parameters, "rows", 8),
                files_per_row=_integer(parameters, "files_per_row", 3),
                file_size=_integer(parameters, "file_size", 64 << 10),
                content="sparse" if content == "sparse" else "dense",
                seed=seed,
            )
        case "nibabel":
            rows, files = _integer(parameters, "rows", 8), _integer(parameters, "files_per_row", 3)
            return kind, real.build(cache, rows=rows, files_per_row=files)
        case _:
            root = parameters.get("bids_root")
            if not root:
                raise UserError("inputs=bids needs a folder: give bids_root=FOLDER, the one that holds sub-*")
            return kind, bids.numbered_input(cache, Path(str(root)))


def _integer(
    parameters: Mapping[str, Scalar], name: str, default: int, *, at_least: int = 1, at_most: int | None = None
) -> int:
    value = parameters.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{name}={value} is not a whole number: give {name}={default}, for example")
    if value < at_least:
        raise UserError(f"{name}={value} makes no sense: give {name}={at_least} or more")
    if at_most is not None and value > at_most:
        raise UserError(f"{name}={value} is more than the {at_most} rows there are: give {name}={at_most} or less")
    return value


def _save(manifest: Manifest, folder: Path) -> Path:
    """Write the manifest under a name made from its content: a trial that runs meanwhile never sees it change."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{os.getpid()}.json"
    manifest.save(scratch)
    final = folder / f"{hashlib.sha256(scratch.read_bytes()).hexdigest()[:16]}.json"
    scratch.replace(final)
    return final.resolve()
