"""Makes the files of an upload, and works out from them what a reader must find on the Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from repro import recipes
from repro.bugs.declaration import Parameter, Prepared
from repro.errors import UserError
from repro.inputs import uniform
from repro.model import Scalar

PARAMETERS = (
    Parameter("rows", "int", 8, "rows; a shard has one"),
    Parameter("files_per_row", "int", 2, "files in the list of each row"),
    Parameter("file_size", "size", 512 << 10, "exact size of each file, of random bytes"),
    Parameter("killed_after", "float", 0.55, "share of the bytes after which the uploader is killed"),
    Parameter("patience", "float", 3.0, "seconds without an answer after which a way that can gives up"),
    Parameter("seed", "int", 7893, "seed of the synthetic data"),
)
RECIPES = ("write-shards", "upload-shards")
"""What one of the ways imports; their content decides its trials."""

KILLED, RESHARDED = "killed", "killed-resharded"


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Make or find the files below ``cache``.

    ``expected`` holds, for each row by its id, the sha256 of its files; the probe gets what its docstring says.
    """
    rows, share = _number(parameters, "rows", 2), _share(parameters)
    manifest = uniform.build(
        cache,
        rows=rows,
        files_per_row=_number(parameters, "files_per_row", 1),
        file_size=_number(parameters, "file_size", 1),
        seed=_number(parameters, "seed", 0),
    )
    hashes = manifest.sha256(manifest.sizes)
    payload = manifest.total_bytes()
    killed = scenario in (KILLED, RESHARDED)
    inputs = {
        "root": str(manifest.root.resolve()),
        "rows": [[row["id"], list(row["images"] or ())] for row in manifest.rows],
        "num_shards": [rows, rows // 2 if scenario == RESHARDED else rows],
        "kill_at": int(payload * share) if killed else None,
        "patience": parameters["patience"],
        "source_bytes": payload,
        "recipes": str(Path(recipes.__file__).parent),
    }
    expected = {
        "rows": {str(row["id"]): [hashes[path] for path in row["images"] or ()] for row in manifest.rows},
        "recipes": {name: hashlib.sha256(recipes.source(name).encode()).hexdigest() for name in RECIPES},
    }
    return Prepared(inputs, expected, {"rows": rows, "files": len(manifest.sizes), "bytes": payload})


def _number(parameters: Mapping[str, Scalar], name: str, least: int) -> int:
    value = parameters[name]
    if not isinstance(value, int) or value < least:
        raise UserError(f"{name}={value} makes no sense: give {name}={least} or more")
    return value


def _share(parameters: Mapping[str, Scalar]) -> float:
    share = parameters["killed_after"]
    if not isinstance(share, float) or not 0 < share < 1:
        raise UserError(f"killed_after={share} is no share of the bytes: give killed_after=0.55, for example")
    return share
