"""The repository that every scenario reads: files larger than one block of HfFileSystem, or two of hf_hub_download."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from repro.bugs.declaration import Prepared
from repro.bugs.unchecked_range.readers import reader_of
from repro.inputs import cases
from repro.model import Scalar

REPO, VERSION = "me/data", 2
ROWS, SEED = 14_000, 15
DOWNLOADED = 24 << 20
"""hf_hub_download goes on behind the last 10 MiB: half of this has them."""
CASE = cases.Layout(1, 4 << 20)
PART = (8 << 20, 1 << 20)
"""Where the reader `open` seeks to, and how much it reads there."""


FILES = {
    "datasets": "rows.jsonl",
    **dict.fromkeys(("parquet", "report"), "case.parquet"),
    **dict.fromkeys(("download", "head"), "image.bin"),
}
"""What each reader reads that does not read the CSV file."""


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """Text of about 14 MB as CSV and JSON lines, one case, random bytes; the oracle is told what each reader gives."""
    tree = cache / "unchecked-range" / f"v{VERSION}"
    folder = tree / "datasets" / REPO
    tree.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(tree.parent / f".{tree.name}.lock"):
        if not tree.exists():
            partial = tree.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            _write(partial / "datasets" / REPO, cases.files(cases.build(cache, CASE, SEED))[0])
            partial.rename(tree)
    reader = reader_of(scenario)
    file = FILES.get(reader, "rows.csv")
    inputs = {"repo": REPO, "file": file, "at": PART[0], "count": PART[1], "images": list(cases.IMAGES)}
    return Prepared(inputs, _expected(reader, folder / file), {"file_bytes": (folder / file).stat().st_size}, tree)


def _write(folder: Path, case: Path) -> None:
    folder.mkdir(parents=True)
    source = random.Random(SEED)
    texts = [source.randbytes(500).hex() for _ in range(ROWS)]
    (folder / "rows.csv").write_text("n,text\n" + "".join(f"{n},{text}\n" for n, text in enumerate(texts)), "ascii")
    lines = (json.dumps({"n": n, "text": text}) + "\n" for n, text in enumerate(texts))
    (folder / "rows.jsonl").write_text("".join(lines), "ascii")
    (folder / "image.bin").write_bytes(source.randbytes(DOWNLOADED))
    (folder / "case.parquet").symlink_to(case.resolve())


def _expected(reader: str, file: Path) -> dict[str, Any]:
    """sha256 of what comes out, as the probe makes it, and how much that is."""
    digest, amount = hashlib.sha256(), 0
    match reader:
        case "info" | "tree":
            names = sorted([".gitattributes", *(path.name for path in file.parent.iterdir())])
            digest.update("".join(names).encode())
            amount = len(names)
        case "open" | "stream" | "download" | "head":
            content = file.read_bytes()
            content = content[PART[0] : sum(PART)] if reader == "open" else content
            digest.update(content)
            amount = len(content)
        case "pandas":
            for line in file.read_text("ascii").splitlines()[1:]:
                digest.update(line.replace(",", " ").encode())
                amount += 1
        case "datasets":
            for line in file.read_text("ascii").splitlines():
                row = json.loads(line)
                digest.update(f"{row['n']} {row['text']}".encode())
                amount += 1
        case _:
            for column in cases.IMAGES:
                content = cases.image(SEED, cases.subjects()[0], column, CASE.value_bytes)
                digest.update(content)
                amount += len(content)
    return {"sha256": digest.hexdigest(), "amount": amount}
