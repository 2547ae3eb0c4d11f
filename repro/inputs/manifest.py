"""What a prepared input is: its columns, its rows of relative paths, and the apparent size of every file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repro.errors import UserError

SCHEMA = 1
"""Version of the JSON form; ``load`` refuses any other."""

FILE_NAME = "manifest.json"
BLOCK = 1 << 20

Kind = Literal["string", "nifti", "sequence"]
Value = str | tuple[str, ...] | None
Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One prepared input.

    Attributes:
        root: the folder that all paths are relative to.
        features: column -> ``"string"``, ``"nifti"`` (a path or ``None``) or ``"sequence"`` (a tuple of paths).
        rows: one mapping a row; paths are POSIX and relative to ``root``.
        sizes: relative path -> apparent size in bytes.
        ignored: NIfTI files found below ``root`` that no column took.
    """

    root: Path
    name: str
    features: Mapping[str, Kind]
    rows: tuple[Row, ...]
    sizes: Mapping[str, int]
    ignored: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Write the JSON form. A manifest saved in its own root can be moved together with it."""
        root = "." if path.parent.resolve() == self.root.resolve() else self.root.resolve().as_posix()
        form = {
            "schema": SCHEMA,
            "root": root,
            "name": self.name,
            "features": dict(self.features),
            "rows": [dict(row) for row in self.rows],
            "sizes": dict(self.sizes),
            "ignored": list(self.ignored),
        }
        path.write_text(json.dumps(form), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read what ``save`` wrote; raise UserError for a missing, damaged or differently versioned file."""
        try:
            form = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"no input manifest at {path}: run the command that makes the inputs again") from None
        except ValueError:
            raise UserError(f"{path} is not readable as JSON: {_remedy(path, None)}") from None
        if not isinstance(form, dict) or form.get("schema") != SCHEMA:
            found = form.get("schema") if isinstance(form, dict) else None
            raise UserError(f"{path} has schema {found}, this version reads {SCHEMA}: {_remedy(path, form)}")
        return cls(
            root=path.parent / form["root"],
            name=form["name"],
            features=form["features"],
            rows=tuple({k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for row in form["rows"]),
            sizes=form["sizes"],
            ignored=tuple(form["ignored"]),
        )

    def files_of(self, row_indices: Iterable[int]) -> list[str]:
        """Relative paths that the rows name: by row, then by column, each path once."""
        found: dict[str, None] = {}
        for index in row_indices:
            for column, kind in self.features.items():
                value = self.rows[index][column]
                if kind == "string" or value is None:
                    continue
                found.update(dict.fromkeys((value,) if isinstance(value, str) else value))
        return list(found)

    def total_bytes(self) -> int:
        """Apparent bytes of all files."""
        return sum(self.sizes.values())

    def row_bytes(self) -> list[int]:
        """Apparent bytes of each row's files."""
        return [sum(self.sizes[path] for path in self.files_of([i])) for i in range(len(self.rows))]

    def summary(self) -> dict[str, Any]:
        """Figures for a table: rows, files, values per column, apparent bytes, spread, rows with an empty list."""
        counts = {
            column: sum(_count(row[column]) for row in self.rows)
            for column, kind in self.features.items()
            if kind != "string"
        }
        per_row = self.row_bytes()
        return {
            "name": self.name,
            "rows": len(self.rows),
            "files": len(self.sizes),
            "counts": counts,
            "apparent_bytes": self.total_bytes(),
            "min_row_bytes": min(per_row, default=0),
            "max_row_bytes": max(per_row, default=0),
            "rows_with_empty_lists": sum(() in row.values() for row in self.rows),
            "ignored_files": len(self.ignored),
        }

    def sha256(self, paths: Iterable[str]) -> dict[str, str]:
        """Relative path -> sha256 of the file's content (hex), read in blocks of 1 MiB."""
        return {path: _digest(self.root / path) for path in paths}


def _count(value: Value) -> int:
    if value is None:
        return 0
    return 1 if isinstance(value, str) else len(value)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _remedy(path: Path, form: Any) -> str:
    """What to delete. Never a folder that the kit did not make: there only the file itself is ours."""
    made_here = path.name == FILE_NAME and (not isinstance(form, dict) or form.get("root", ".") == ".")
    return f"delete the folder {path.parent} and run again" if made_here else "delete that file and run again"
