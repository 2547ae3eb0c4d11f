"""The correctness gate: small random shards, each with a known answer, that every candidate fix has to embed rightly.

A case is plain JSON, made from a seed (or drawn by Hypothesis through the same `make_case`), so this file runs inside
a target that has `datasets`, `pyarrow` and nothing of the kit:

    {"columns": {"c0": ["list", ["file", "Nifti"]]},             the features; see `feature`
     "rows":    [{"c0": [{"file": 0}, null]}, ...],              {"file": n}: file n by path, {"inline": n}: its bytes
     "sizes":   [17, 0, ...],                                    bytes of file n
     "view":    {"kind": "shard", "num_shards": 3, "index": 0},  what is embedded; see `view`
     "absent":  "nothing" | "outside" | "needed"}                which files do not exist

The answer is computed from the description in plain Python, never by the code under test. With "outside", no file
exists that only rows outside the shard name: whoever reads the whole column fails. With "needed", one file of the
shard is missing, and silence is the failure."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

Case = dict[str, Any]
Verdict = dict[str, Any]
Candidate = Callable[[datasets.Dataset], pa.Table]
Draw = Callable[[int, int], int]
"""draw(low, high): an integer between the two, both included."""

FILE_FEATURES = ("Nifti", "Image", "Audio")


def make_case(draw: Draw) -> Case:
    """A case from a source of integers; small draws make simple cases, so that Hypothesis shrinks well."""
    columns = {f"c{index}": _shape(draw, depth=0) for index in range(draw(1, 3))}
    sizes: list[int] = []
    count = 0 if draw(0, 19) == 19 else draw(1, 6)
    rows = [{name: _value(shape, draw, sizes) for name, shape in columns.items()} for _ in range(count)]
    case: Case = {"columns": columns, "rows": rows, "sizes": sizes, "view": _view(draw, len(rows))}
    absent = ("nothing", "outside", "needed")[draw(0, 2)]
    if absent == "needed" and not _by_path(case["rows"][row] for row in view(case)):
        absent = "outside"
    return {**case, "absent": absent}


def cases(seed: int, count: int) -> Iterator[Case]:
    """`count` cases, the same ones for the same seed."""
    source = random.Random(seed)
    for _ in range(count):
        yield make_case(source.randint)


def check(candidate: Candidate, case: Case) -> Verdict:
    """What `candidate` makes of one case, JSON-able.

    `kind`: "ok"; "raised" (an error for sound input); "silent" (no error though a file is missing); "schema" (types
    or features differ); "values" (bytes, paths, nulls or rows differ); "invalid" (not a well-formed Arrow table).
    `detail` is one line, `traits` say what is special in the case, `case` reproduces it.
    """
    with tempfile.TemporaryDirectory(prefix="gate-") as folder:
        kind, detail = _judge(candidate, case, Path(folder))
    return {"kind": kind, "detail": detail, "traits": traits(case), "case": case}


def run_gate(candidate: Candidate, *, seed: int = 0, count: int = 200) -> dict[str, Any]:
    """All cases of a seed, with what fails put together by kind and type of error.

    Shape: {"seed", "count", "kinds": {"ok": 190, ...}, "failures": [verdict of the smallest case, ...]}, where each has
    besides `count` and `error`, and its `traits` are those that **all** failures of that kind share.
    """
    verdicts = [check(candidate, case) for case in cases(seed, count)]
    kinds: dict[str, int] = {}
    failures: dict[tuple[str, str], Verdict] = {}
    for verdict in sorted(verdicts, key=lambda verdict: len(json.dumps(verdict["case"]))):
        kind = verdict["kind"]
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind != "ok":
            error = verdict["detail"].split(":")[0] if kind == "raised" else ""
            first = failures.setdefault((kind, error), {**verdict, "error": error, "count": 0})
            first["count"] += 1
            first["traits"] = [trait for trait in first["traits"] if trait in verdict["traits"]]
    return {"seed": seed, "count": count, "kinds": kinds, "failures": list(failures.values())}


def traits(case: Case) -> list[str]:
    """The properties of a case that a fix may trip over."""
    rows = view(case)
    found = {
        "zero-rows": not rows,
        "part-of-table": len(rows) < len(case["rows"]),
        "indices": case["view"]["kind"] == "indices",
        "chunks": case["view"]["kind"] == "chunks",
        "outside-missing": case["absent"] == "outside",
        "needed-missing": case["absent"] == "needed",
        "inline-bytes": '"inline"' in json.dumps([case["rows"][row] for row in rows]),
    }
    shapes = json.dumps(case["columns"])
    found |= {name: f'"{name}"' in shapes for name in ("list", "large_list", "fixed_list", "struct")}
    return [name for name, present in found.items() if present]


def feature(shape: list[Any]) -> Any:
    """The feature that a shape describes: ["file", name], ["value", dtype], ["list" | "large_list", shape],
    ["fixed_list", shape, length] or ["struct", {name: shape}]."""
    match shape:
        case ["file", name]:
            return getattr(datasets, name)()
        case ["value", dtype]:
            return datasets.Value(dtype)
        case ["list", of]:
            return datasets.List(feature(of))
        case ["large_list", of]:
            return datasets.LargeList(feature(of))
        case ["fixed_list", of, length]:
            return datasets.List(feature(of), length=length)
        case ["struct", fields]:
            return {name: feature(of) for name, of in fields.items()}
    raise ValueError(f"unknown shape {shape!r}")


def view(case: Case) -> list[int]:
    """The rows that are embedded, in order."""
    everything = list(range(len(case["rows"])))
    match case["view"]:
        case {"kind": "all" | "chunks"}:
            return everything
        case {"kind": "range", "start": start, "stop": stop}:
            return everything[start:stop]
        case {"kind": "shard", "num_shards": num_shards, "index": index}:
            share, rest = divmod(len(everything), num_shards)
            start = share * index + min(index, rest)
            return everything[start : start + share + (index < rest)]
        case {"kind": "indices", "rows": rows}:
            return list(rows)
    raise ValueError(f"unknown view {case['view']!r}")


def build(case: Case, folder: Path) -> datasets.Dataset:
    """The dataset to embed, as a view of the whole one; its files go into `folder`."""
    needed = _by_path(case["rows"][row] for row in view(case))
    present = needed if case["absent"] == "outside" else _by_path(case["rows"])
    for number in present - ({min(needed)} if case["absent"] == "needed" else set()):
        (folder / _name(number)).write_bytes(_content(case, number))
    features = datasets.Features({name: feature(shape) for name, shape in case["columns"].items()})
    schema = features.arrow_schema

    def table(rows: list[dict[str, Any]]) -> datasets.Dataset:
        stored = [{name: _stored(case, value, folder) for name, value in row.items()} for row in rows]
        arrays = [pa.array([row[field.name] for row in stored], field.type) for field in schema]
        return datasets.Dataset(pa.Table.from_arrays(arrays, schema=schema))

    match case["view"]:
        case {"kind": "chunks", "at": at}:
            return datasets.concatenate_datasets([table(case["rows"][:at]), table(case["rows"][at:])])
        case {"kind": "shard", "num_shards": num_shards, "index": index}:
            return table(case["rows"]).shard(num_shards=num_shards, index=index, contiguous=True)
        case {"kind": "all"}:
            return table(case["rows"])
    rows = view(case)
    contiguous = case["view"]["kind"] == "range"
    return table(case["rows"]).select(range(rows[0], rows[-1] + 1) if contiguous and rows else rows)


def expected(case: Case) -> list[dict[str, Any]]:
    """The rows, in Python, that a right fix gives."""
    rows = [case["rows"][row] for row in view(case)]
    return [{name: _embedded(case, value) for name, value in row.items()} for row in rows]


def _judge(candidate: Candidate, case: Case, folder: Path) -> tuple[str, str]:
    dataset = build(case, folder)
    try:
        table = candidate(dataset)
    except Exception as error:  # a candidate may raise anything; that is the finding
        detail = f"{type(error).__name__}: {error}".splitlines()[0]
        return ("ok" if case["absent"] == "needed" else "raised"), detail
    if case["absent"] == "needed":
        return "silent", "a file of the shard is missing and nothing was raised"
    if not table.schema.equals(dataset.features.arrow_schema):
        return "schema", f"{table.schema.types} instead of {dataset.features.arrow_schema.types}"
    if datasets.Features.from_arrow_schema(table.schema) != dataset.features:
        return "schema", "the metadata no longer describes the features"
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        return "invalid", str(error).splitlines()[0]
    rows, right = table.to_pylist(), expected(case)
    if len(rows) != len(right):
        return "values", f"{len(rows)} rows instead of {len(right)}"
    for number, (row, wanted) in enumerate(zip(rows, right, strict=True)):
        for name, value in wanted.items():
            if row[name] != value:
                return "values", f"row {number}, column {name}: {row[name]!r:.80} instead of {value!r:.80}"
    return "ok", ""


def _shape(draw: Draw, depth: int) -> list[Any]:
    kind = draw(0, 8) if depth < 3 else draw(0, 2)
    if kind <= 2:
        return ["file", FILE_FEATURES[kind]]
    if kind == 3:
        return ["value", ("int32", "string")[draw(0, 1)]]
    if kind <= 5:
        return ["list", _shape(draw, depth + 1)]
    if kind == 6:
        return ["large_list", _shape(draw, depth + 1)]
    if kind == 7:
        return ["fixed_list", _shape(draw, depth + 1), draw(1, 3)]
    return ["struct", {f"s{index}": _shape(draw, depth + 1) for index in range(draw(1, 2))}]


def _value(shape: list[Any], draw: Draw, sizes: list[int]) -> Any:
    if draw(0, 4) == 4:
        return None
    match shape:
        case ["file", _]:
            if sizes and draw(0, 5) == 5:
                number = draw(0, len(sizes) - 1)
            else:
                number = len(sizes)
                sizes.append((0, 1, 7, 64, 300, 5000)[draw(0, 5)])
            return {"inline" if draw(0, 5) == 5 else "file": number}
        case ["value", "int32"]:
            return draw(-3, 3)
        case ["value", _]:
            return "ab" * draw(0, 2)
        case ["fixed_list", of, length]:
            return [_value(of, draw, sizes) for _ in range(length)]
        case [_, list() as of]:
            return [_value(of, draw, sizes) for _ in range(draw(0, 3))]
        case ["struct", fields]:
            return {name: _value(of, draw, sizes) for name, of in fields.items()}
    raise ValueError(f"unknown shape {shape!r}")


def _view(draw: Draw, rows: int) -> dict[str, Any]:
    match draw(0, 4):
        case 0:
            return {"kind": "all"}
        case 1 if rows:
            num_shards = draw(1, rows)
            return {"kind": "shard", "num_shards": num_shards, "index": draw(0, num_shards - 1)}
        case 2:
            start = draw(0, max(rows - 1, 0))
            return {"kind": "range", "start": start, "stop": draw(min(start + 1, rows), rows)}
        case 3 if rows:
            return {"kind": "indices", "rows": [draw(0, rows - 1) for _ in range(draw(1, rows))]}
        case 4 if rows >= 2:
            return {"kind": "chunks", "at": draw(1, rows - 1)}
    return {"kind": "all"}


def _by_path(rows: Iterable[Any]) -> set[int]:
    """The files that are named by path anywhere in `rows`."""
    found: set[int] = set()
    for value in rows:
        if isinstance(value, dict) and "file" in value:
            found.add(value["file"])
        elif isinstance(value, dict) and "inline" not in value:
            found |= _by_path(value.values())
        elif isinstance(value, list):
            found |= _by_path(value)
    return found


def _stored(case: Case, value: Any, folder: Path) -> Any:
    match value:
        case {"file": number}:
            return {"bytes": None, "path": str(folder / _name(number))}
        case {"inline": number}:
            return {"bytes": _content(case, number), "path": f"far/away/{_name(number)}"}
        case dict():
            return {name: _stored(case, item, folder) for name, item in value.items()}
        case list():
            return [_stored(case, item, folder) for item in value]
    return value


def _embedded(case: Case, value: Any) -> Any:
    match value:
        case {"file": number} | {"inline": number}:
            return {"bytes": _content(case, number), "path": _name(number)}
        case dict():
            return {name: _embedded(case, item) for name, item in value.items()}
        case list():
            return [_embedded(case, item) for item in value]
    return value


def _name(number: int) -> str:
    return f"file-{number}.nii"


def _content(case: Case, number: int) -> bytes:
    return hashlib.shake_128(str(number).encode()).digest(case["sizes"][number])
