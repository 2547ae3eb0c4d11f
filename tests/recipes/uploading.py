"""Uploads by a real client in a process of its own, and what a Hub holds and saw afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from repro.hub.record import Record
from tests.hub.conftest import Running

RECIPE = Path(__file__).parents[2] / "repro" / "recipes" / "upload_shards.py"
SHORT_PAUSES = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import upload_shards as u; u.LONGEST_PAUSE = 0.1; u.main()"
)
"""Runs the recipe, which waits no longer than this before it repeats a request; the client's own pauses stay."""


def command(
    hub: Running, folder: Path, *words: str, python: Path | str = sys.executable, script: Sequence[str] = (str(RECIPE),)
) -> tuple[list[str], dict[str, str]]:
    """The command of an upload to ``me/data`` and its environment."""
    home = hub.folder.parent / "home"
    home.mkdir(exist_ok=True)
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {"HOME": str(home), "TMPDIR": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    words = (str(folder), "me/data", "--patience", "2", *words)
    return [str(python), *script, *words], {**env, "DO_NOT_TRACK": "1", **hub.environment}


def upload(
    hub: Running, folder: Path, *words: str, python: Path | str = sys.executable, script: Sequence[str] = (str(RECIPE),)
) -> subprocess.CompletedProcess[str]:
    """The upload of a folder, run to its end."""
    line, env = command(hub, folder, *words, python=python, script=script)
    return subprocess.run(line, env=env, capture_output=True, text=True, timeout=250)


def checksums(folder: Path, split: str = "train") -> dict[str, str]:
    """What a reader should get: paths in the repository, and sha256 of the shards on this machine."""
    shards = folder.glob(f"{split}-*.parquet")
    return {f"data/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in shards}


def held(hub: Running, revision: str = "main") -> dict[str, str]:
    """What a reader gets: the files of ``data/``, and sha256 of the bytes that the Hub gives."""
    answer, listed = hub.ask("GET", f"/api/datasets/me/data/tree/{revision}/data")
    paths = [one["path"] for one in json.loads(listed)] if answer.status == 200 else []
    contents = {path: hub.ask("GET", f"/datasets/me/data/resolve/{revision}/{path}")[1] for path in paths}
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def card(hub: Running) -> str:
    return hub.ask("GET", "/datasets/me/data/resolve/main/README.md")[1].decode()


def stored(record: Record) -> Counter[str]:
    """How often each shard was sent to its end and stored."""
    puts = (one for one in record.requests if one.endpoint == "put" and one.up > 0)
    return Counter(one.path for one in puts if one.status == 200 and one.fault in ("", "put:slow=1MiBx*"))


def sent(record: Record) -> int:
    """Bytes of all requests together."""
    return sum(total.up for total in record.totals.values())


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    """The error of a run that failed as it should: one line, no traceback, and nothing on the other channel."""
    assert run.returncode == 1, run
    assert not run.stdout
    (line,) = run.stderr.splitlines()
    assert line.startswith("upload_shards: ")
    assert len(line) < 400
    return line
