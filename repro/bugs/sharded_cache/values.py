"""Scenarios of single values: pictures, what does not fit a column, changed columns, and damaged files."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from acts import COLUMNS, Row, raised, rows_of
from PIL import Image as Pictures
from probe_tools import measure
from seed_cache import Array3D, ClassLabel, Image, Sequence, Value
from way import WAY


def write(folder: Path, rows: list[Row], columns: Row, **given: int) -> None:
    WAY.write(iter(rows), columns, folder, **{"batch_rows": 4, "row_bytes": 32 << 10, "shard_bytes": 1 << 20, **given})


# --- pictures -----------------------------------------------------------------------------------------------------


def encoded(format: str, picture: Any = None) -> bytes:
    """A picture of a slope with noise, which no lossy format keeps as it is."""
    buffer = io.BytesIO()
    (picture or drawn("P" if format == "GIF" else "RGB")).save(buffer, format=format, **QUALITY.get(format, {}))
    return buffer.getvalue()


QUALITY: dict[str, dict[str, int]] = {"JPEG": {"quality": 95}, "PNG": {"compress_level": 1}}


def drawn(mode: str) -> Any:
    noise = np.random.default_rng(7).integers(0, 60, (96, 128, 3))
    pixels = (np.linspace(0, 190, 128)[None, :, None] + noise).astype("uint8")
    return Pictures.fromarray(pixels).convert(mode)


def pictures(given: dict[str, tuple[Any, bytes | None]]) -> None:
    """Writes each as the only row: what went in, what came out, and whether the pixels are the same."""
    found: Row = {}
    for name, (value, source) in given.items():
        folder = Path(f"cache-{name.replace(' ', '-')}").absolute()
        try:
            write(folder, [{"image": value}], {"image": Image()})
            out = bytes(next(iter(WAY.need("read")(folder, "image"))))
        except Exception as error:
            found[name] = {"raised": raised(error)}
            continue
        before = pixels(source) if source is not None else np.asarray(value)
        after = Pictures.open(io.BytesIO(out))
        found[name] = {
            "format": after.format,
            "bytes": [None if source is None else len(source), len(out)],
            "same_bytes": out == source,
            "same_pixels": bool(np.array_equal(before, pixels(out, None if source else value))),
        }
    measure(pictures=found)


def pixels(content: bytes, like: Any = None) -> Any:
    """What is seen: colours, not places in a palette."""
    picture = Pictures.open(io.BytesIO(content))
    return np.asarray(picture if like is not None else picture.convert("RGBA"))


def as_they_are() -> None:
    given: dict[str, tuple[Any, bytes | None]] = {}
    for format in ("JPEG", "PNG"):
        source = encoded(format)
        file = Path(f"picture.{format.lower()}").absolute()
        file.write_bytes(source)
        given[f"{format} as bytes"] = (source, source)
        given[f"{format} by its path"] = (str(file), source)
    pictures(given)


def opened() -> None:
    given: dict[str, tuple[Any, bytes | None]] = {}
    for format in ("JPEG", "PNG", "GIF"):
        file = Path(f"picture.{format.lower()}").absolute()
        file.write_bytes(encoded(format))
        given[f"{format} opened by Pillow"] = (Pictures.open(file), file.read_bytes())
    pictures(given)


def made() -> None:
    kinds = {f"a picture of mode {mode}": (drawn(mode), None) for mode in ("RGB", "RGBA", "L")}
    pictures({**kinds, "an array": (np.asarray(drawn("RGB")), None)})


# --- what does not fit --------------------------------------------------------------------------------------------


def losses() -> None:
    """Rows that do not fit their columns: refused, or stored as what."""
    label, cube = ClassLabel(("cat", "dog")), Array3D((2, 2, 2), "uint8")
    whole: dict[str, tuple[Row, Row, str]] = {
        "a key that is no column": ({"a": Value("int64")}, {"a": 1, "b": 2}, "a"),
        "a key that is missing": ({"a": Value("int64"), "b": Value("int64")}, {"a": 1}, "b"),
        "label 5 of 2": ({"a": label}, {"a": 5}, "a"),
        "label -7": ({"a": label}, {"a": -7}, "a"),
        "label nan": ({"a": label}, {"a": float("nan")}, "a"),
        "label 'cow'": ({"a": label}, {"a": "cow"}, "a"),
        "300 as int8": ({"a": Value("int8")}, {"a": 300}, "a"),
        "1.5 as int64": ({"a": Value("int64")}, {"a": 1.5}, "a"),
        "an array with 300 as uint8": ({"a": cube}, {"a": np.full((2, 2, 2), 300)}, "a"),
        "an array with 1.5 as uint8": ({"a": cube}, {"a": np.full((2, 2, 2), 1.5)}, "a"),
        "an array of another shape": ({"a": cube}, {"a": np.zeros((8, 1, 1), "uint8")}, "a"),
        "an array of another size": ({"a": cube}, {"a": np.zeros((3, 2, 2), "uint8")}, "a"),
    }
    found = {}
    for number, (name, (columns, row, asked)) in enumerate(whole.items()):
        folder = Path(f"cache-{number}").absolute()
        try:
            write(folder, [row], columns)
            stored = next(iter(WAY.need("read")(folder, asked)))
            found[name] = f"stored as {bytes(stored)[:8].hex() if isinstance(stored, bytes) else stored!r}"
        except Exception as error:
            found[name] = f"refused: {raised(error)}"
    measure(losses=found)


# --- columns that changed -----------------------------------------------------------------------------------------


def schema_changes() -> None:
    """For columns that a cache was written with, and others: whether the check takes them for the same."""
    many = [f"label-{n}" for n in range(1200)]
    middle = [*many[:600], "another", *many[601:]]
    cases: dict[str, tuple[Any, Any]] = {
        "another type": (Value("int32"), Value("int64")),
        "a label more": (ClassLabel(("cat", "dog")), ClassLabel(("cat", "dog", "cow"))),
        "two labels exchanged": (ClassLabel(("cat", "dog")), ClassLabel(("dog", "cat"))),
        "another shape": (Array3D((2, 2, 2), "uint8"), Array3D((4, 2, 1), "uint8")),
        "another label of 1,200 in an array": (ClassLabel(np.array(many)), ClassLabel(np.array(middle))),
        "same: untouched": (Sequence("float32"), Sequence("float32")),
        "same: labels as a list": (ClassLabel(("cat", "dog")), ClassLabel(["cat", "dog"])),
        "same: a shape as a list": (Array3D((2, 2, 2), "uint8"), Array3D([2, 2, 2], "uint8")),
        "same: a dtype as an object": (Array3D((2, 2, 2), "uint8"), Array3D((2, 2, 2), np.dtype("uint8"))),
    }
    found: Row = {}
    check = WAY.need("check")
    for number, (name, (before, now)) in enumerate(cases.items()):
        folder = Path(f"cache-{number}").absolute()
        try:
            write(folder, [], {"a": before})
        except Exception as error:
            found[name] = f"not written: {raised(error)}"
            continue
        try:
            check(folder, {"a": now})
            found[name] = "passed"
        except Exception as error:
            found[name] = f"refused: {raised(error)}"
    measure(schemas=found)


# --- damage -------------------------------------------------------------------------------------------------------


def flip(file: Path) -> None:
    """One bit in the midst of the file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def exchange(shards: list[Path], _: list[Path]) -> None:
    first, second = shards[0].read_bytes(), shards[1].read_bytes()
    shards[0].write_bytes(second)
    shards[1].write_bytes(first)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def each(damage: Callable[[Path], None], files: list[Path]) -> None:
    for file in files:
        damage(file)


DAMAGES: dict[str, Callable[[list[Path], list[Path]], object]] = {
    "untouched": lambda shards, rest: None,
    "shard missing": lambda shards, rest: shards[1].unlink(),
    "shard cut in half": lambda shards, rest: cut(shards[1]),
    "shard empty": lambda shards, rest: shards[1].write_bytes(b""),
    "shard of garbage": lambda shards, rest: shards[1].write_bytes(b"\xff" * shards[1].stat().st_size),
    "one bit of a shard": lambda shards, rest: flip(shards[1]),
    "a shard of another cache": lambda shards, rest: shutil.copy("other.arrow", shards[1]),
    "two shards exchanged": exchange,
    "metadata missing": lambda shards, rest: each(Path.unlink, rest),
    "metadata cut in half": lambda shards, rest: each(cut, rest),
}


def damaged() -> None:
    """Each damage done to a copy of a good cache, which is then checked."""
    check, shards_of = WAY.need("check"), WAY.need("shards")
    whole, other = Path("home/whole").absolute(), Path("home/other").absolute()
    columns = COLUMNS["versions"]
    for folder, version, rows in ((whole, 0, 16), (other, 1, 20)):
        write(folder, list(rows_of("versions", rows, 32 << 10, version)), columns, shard_bytes=4 * (32 << 10))
    shutil.copy(shards_of(other)[1], "other.arrow")
    found = {}
    for name, damage in DAMAGES.items():
        folder = Path("home/copy").absolute()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder, symlinks=True)
        shards = shards_of(folder)
        known = {file.resolve() for file in shards}
        rest = [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()]
        rest = [file for file in rest if file.resolve() not in known and file.suffix != ".lock"]
        damage(shards, rest)
        try:
            check(folder, columns)
            found[name] = "passed"
        except Exception as error:
            found[name] = f"refused: {raised(error)}"
    measure(damages=found)


ACTS = {
    "pictures-as-they-are": as_they_are,
    "pictures-opened": opened,
    "pictures-made": made,
    "silent-losses": losses,
    "schema-changes": schema_changes,
    "damaged-files": damaged,
}
