"""Uploads with the recipe against ``curl -T`` of the same shards to the same loopback Hub, in turns; and kills.

``python benchmarks/uploads.py [--size 200MiB] [--shards 2] [--rounds 5] [--kills 50] [--readers] [--python PYTHON]``.
Each round is a Hub of its own in turn for each candidate, on the file system of ``--folder``, with the shards in the
page cache. Memory is the rise of the peak of the process (VmHWM, Linux; elsewhere ``ru_maxrss``) over that after the
imports. Xet is off: this Hub does not speak it. ``--kills`` kills an upload at a random moment and resumes it, as often
as that. ``--readers`` reads the uploaded shards with pyarrow, datasets, duckdb and polars and compares checksums.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from measure import Row, table

from repro.hub.child import Child
from repro.units import parse_size

RECIPE = Path(__file__).parents[1] / "repro" / "recipes" / "upload_shards.py"
UV = str(Path(sys.executable).with_name("uv"))
UPLOAD = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from upload_shards import upload_shards

def peak():
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

before, began = peak(), time.perf_counter()
done = upload_shards(sys.argv[2], "me/data", progress=False)
print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak() - before, "sent": done["sent_bytes"]}))
"""
READ = {
    "pyarrow": "import pyarrow.parquet as pq\nrows = [r for p in paths for r in pq.read_table(p)['scan'].to_pylist()]",
    "datasets": "import datasets\nd = datasets.load_dataset('me/data', split='train').with_format('arrow')\n"
    "rows = d[:]['scan'].to_pylist()",
    "duckdb": "import duckdb\nrows = [r[0] for p in paths for r in duckdb.sql(f\"select scan from '{p}'\").fetchall()]",
    "polars": "import polars\nrows = [r for p in paths for r in polars.read_parquet(p)['scan'].to_list()]",
}
"""Each gives the scans of the shards, which were downloaded; `datasets` loads the repository by name."""
DIGEST = """
import hashlib, json
print(json.dumps([hashlib.sha256(row["bytes"]).hexdigest() for row in rows]))
"""


def write(root: Path, count: int, size: int) -> Path:
    """A folder of shards, each with one file of random bytes."""
    from datasets import Dataset, Features, Nifti, Value

    from repro.recipes.write_shards import write_shards

    scans = [root / f"{number}.nii" for number in range(count)]
    for scan in scans:
        with scan.open("wb") as file:
            for at in range(0, size, 2**20):
                file.write(os.urandom(min(2**20, size - at)))
    table = {"id": list(range(count)), "scan": [str(scan) for scan in scans]}
    dataset = Dataset.from_dict(table, features=Features({"id": Value("int64"), "scan": Nifti()}))
    write_shards(dataset, root / "shards", num_shards=count, progress=False)
    for scan in scans:
        scan.unlink()
    return root / "shards"


def manifest(folder: Path) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((folder / "train.manifest.json").read_text())["shards"]
    return listed


class Hub:
    """A Hub of its own with an environment for clients; gone at the end."""

    def __init__(self, root: Path, *faults: str) -> None:
        self.root = root / "hub"
        (self.root / "home").mkdir(parents=True)
        self._child = Child(self.root, faults, {})
        home = str(self.root / "home")
        self.environment = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, **self._child.environment}
        self.address, self.seen = self._child.address, dict[str, Any]()

    def __enter__(self) -> Hub:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        shutil.rmtree(self.root)

    def close(self) -> dict[str, Any]:
        self.seen = self._child.close() or {}
        return self.seen

    def held(self) -> dict[str, str]:
        """Paths and sha256 in the tree; the Hub itself has hashed the bytes as they came."""
        with urlopen(f"{self.address}/api/datasets/me/data/tree/main/data") as answer:
            return {one["path"].removeprefix("data/"): one["lfs"]["oid"] for one in json.load(answer)}

    def run(self, *line: str | Path) -> str:
        done = subprocess.run([str(word) for word in line], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{line}: {done.stderr}")
        return done.stdout


def upload(root: Path, folder: Path, python: Path) -> dict[str, float]:
    with Hub(root) as hub:
        one: dict[str, float] = json.loads(hub.run(python, "-c", UPLOAD, RECIPE.parent, folder))
        one["up"] = sum(total["up"] for total in hub.close()["totals"].values())
        return one


def curl(root: Path, folder: Path) -> float:
    """Seconds of one ``curl`` that sends all shards."""
    with Hub(root) as hub:
        form = json.dumps({"name": "data", "organization": "me", "type": "dataset"}).encode()
        urlopen(Request(f"{hub.address}/api/repos/create", form, {"Authorization": "Bearer t"})).close()
        place = f"{hub.address}/lfs/datasets/me/data"
        words = [word for one in manifest(folder) for word in ("-T", folder / one["name"], f"{place}/{one['sha256']}")]
        began = time.perf_counter()
        hub.run("curl", "-sSf", "--noproxy", "*", "-H", "Expect:", *words)
        return time.perf_counter() - began


def speed(root: Path, arguments: argparse.Namespace) -> str:
    """Memory, bytes and throughput of the recipe beside curl."""
    folder = write(root, arguments.shards, arguments.size)
    payload = sum(one["bytes"] for one in manifest(folder))
    ours, theirs = [], []
    for number in range(arguments.rounds):
        for shard in folder.glob("*.parquet"):
            with shard.open("rb") as file:
                while file.read(2**20):
                    pass
        for candidate in ("upload", "curl") if number % 2 else ("curl", "upload"):
            if candidate == "upload":
                ours.append(upload(root, folder, arguments.python))
            else:
                theirs.append(curl(root, folder))
    ratios = [other / one["seconds"] for one, other in zip(ours, theirs, strict=True)]
    peak, up = max(one["peak"] for one in ours), max(one["up"] for one in ours)
    rate = [payload / one["seconds"] / 1e6 for one in ours]
    middle, spread, load = median(ratios), f"{min(ratios):.2f} to {max(ratios):.2f}", os.getloadavg()[0]
    return table([
        Row("peak over the imports", f"{peak / 2**20:.1f} MiB", "64 MiB", peak <= 64 * 2**20),
        Row("bytes sent / bytes of the shards", f"{up / payload:.6f}", "1.001", up <= 1.001 * payload),
        Row("upload", f"{median(rate):.0f} MB/s ({min(rate):.0f} to {max(rate):.0f}, n {len(rate)})"),
        Row("curl -T", f"{payload / median(theirs) / 1e6:.0f} MB/s"),
        Row("upload / curl, in pairs", f"{middle:.2f} ({spread})", "0.8", middle >= 0.8),
        Row("load of the machine at the end", f"{load:.1f} on {os.cpu_count()} processors"),
    ], f"{arguments.shards} shards, {payload / 1e6:.0f} MB")  # fmt: skip


def kills(root: Path, arguments: argparse.Namespace) -> str:
    """Kills at random moments, each followed by the same command again."""
    folder, chance = write(root, 8, 300_000), random.Random(arguments.seed)
    wanted = {one["name"]: one["sha256"] for one in manifest(folder)}
    line = [str(arguments.python), str(RECIPE), str(folder), "me/data", "--quiet", "--commit-every", "3"]
    with Hub(root, "put:slow=2MiBx*") as hub:
        began = time.perf_counter()
        hub.run(*line)
        whole = time.perf_counter() - began
    found: Counter[str] = Counter()
    at: Counter[int] = Counter()
    for _ in range(arguments.kills):
        with Hub(root, "put:slow=2MiBx*") as hub:
            with subprocess.Popen(line, env=hub.environment, stdout=subprocess.DEVNULL) as process:
                time.sleep(chance.uniform(0.2, 1.0) * whole)
                process.send_signal(signal.SIGKILL)
            found["killed"] += process.returncode == -signal.SIGKILL
            blobs = hub.root / "datasets" / "me" / "data" / "blobs"
            at[len([blob for blob in blobs.glob("*") if len(blob.name) == 64])] += 1
            hub.run(*line)
            found["lost"] += hub.held() != wanted
            seen = hub.close()
            puts = Counter(one["path"] for one in seen["requests"] if one["endpoint"] == "put" and one["status"] == 200)
            found["sent again"] += any(times > 1 for times in puts.values())
            found["doubled"] += sum(one["added"] for one in seen["commits"]) != len(wanted) + 1
    aims = [Row(f"rounds with a shard {what}", str(found[what]), "0", not found[what]) for what in ("lost", "doubled")]
    again = Row("rounds with a finished shard sent again", str(found["sent again"]), "0", not found["sent again"])
    moments = ", ".join(f"{shards}: {times}" for shards, times in sorted(at.items()))
    rows = [Row("killed before the end", f"{found['killed']} of {arguments.kills}"), *aims, again]
    return table([*rows, Row("shards stored when killed: rounds", moments)], f"kills, seed {arguments.seed}")


def readers(root: Path, arguments: argparse.Namespace) -> str:
    """The uploaded shards through four readers, compared by checksum with what was written."""
    folder, rows = write(root, 4, 1_000_000), []
    local = json.loads(subprocess.run(
        [sys.executable, "-c", f"paths = {sorted(map(str, folder.glob('*.parquet')))}\n" + READ["pyarrow"] + DIGEST],
        capture_output=True, text=True, check=True,
    ).stdout)  # fmt: skip
    with Hub(root) as hub:
        hub.run(arguments.python, RECIPE, folder, "me/data", "--quiet")
        fetch = "from huggingface_hub import snapshot_download as get; print(get('me/data', repo_type='dataset'))"
        place = Path(hub.run(arguments.python, "-c", fetch).strip())
        paths = f"paths = {sorted(map(str, place.glob('data/*.parquet')))}\n"
        for name, code in READ.items():
            line: list[str | Path] = [arguments.python, "-c", paths + code + DIGEST]
            if name in ("duckdb", "polars"):
                environment = root / name
                make([UV, "venv", "-q", "--python", sys.executable, str(environment)])
                make([UV, "pip", "install", "-q", "--python", str(environment / "bin" / "python"), name])
                line[0] = environment / "bin" / "python"
            same = json.loads(hub.run(*line)) == local
            rows.append(Row(name, f"{len(local)} files, same checksums: {same}", "True", same))
    return table(rows, "shards read back")


def make(line: list[str]) -> None:
    subprocess.run(line, check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=parse_size, default=200 * 2**20, help="bytes of a shard (default 200MiB)")
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="0 leaves the comparison with curl out")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--readers", action="store_true")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="of another client")
    parser.add_argument("--folder", type=Path, help="where to write (default: the temporary folder)")
    arguments = parser.parse_args()
    wanted = [(speed, arguments.rounds), (kills, arguments.kills), (readers, arguments.readers)]
    for what in (one for one, asked in wanted if asked):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as root:
            print(what(Path(root), arguments), flush=True)


if __name__ == "__main__":
    main()
