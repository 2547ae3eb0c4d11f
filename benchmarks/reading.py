"""What does `read_case` cost, counted by a loopback Hub? And does it ever give wrong bytes when that Hub does wrong?"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import constants

from repro.hub.child import Child
from repro.hub.faults import Plan, parse
from repro.hub.record import Record
from repro.hub.server import serving
from repro.hub.state import Hub
from repro.recipes import read_case as recipe
from repro.render.tables import Table
from repro.units import format_size

IMAGES = ("dwi", "adc", "lesion_mask")
REPO = "me/cases"


class Layout(NamedTuple):
    """How the cases of a made-up repository are written; image ``n`` of all has ``size + n`` random bytes."""

    cases: int
    size: int
    rows_per_group: int = 1
    checksums: bool = True
    codec: str = "none"
    struct: bool = False
    dictionary: bool = True


LAYOUTS = (
    Layout(4, 40),  # the footer is most of the file
    Layout(4, 3000, checksums=False),
    Layout(4, 60_000, codec="snappy"),
    Layout(4, 60_000, checksums=False, codec="snappy", struct=True),
    Layout(6, 700, rows_per_group=3),
)
_READ = ("reset", "close", "stall", "wrong-length", "empty", "html", "429=1s", "500", "503", "504", "401", "403", "404")
FAULTS = tuple(f"info:{kind}" for kind in _READ) + tuple(
    f"resolve:{kind}" for kind in (*_READ, "range-ignored", "wrong-range", "flip", "flip")
)


def value(layout: Layout, case: int, column: str) -> bytes:
    number = case * len(IMAGES) + IMAGES.index(column)
    return random.Random(f"{layout} {number}").randbytes(layout.size + number)


def write(tree: Path, layout: Layout) -> list[str]:
    """Make the repository ``me/cases`` in a tree for the Hub; the ids."""
    folder = tree / "datasets" / REPO / "data"
    folder.mkdir(parents=True)
    ids = [f"sub-{number:04d}" for number in range(layout.cases)]
    step = layout.rows_per_group
    for number, first in enumerate(range(0, layout.cases, step)):
        rows = range(first, min(first + step, layout.cases))
        columns: dict[str, pa.Array] = {"subject_id": pa.array([ids[row] for row in rows])}
        for name in IMAGES:
            images = pa.array([value(layout, row, name) for row in rows], pa.binary())
            paths = pa.array([f"{name}.nii" for _ in rows])
            columns[name] = pa.StructArray.from_arrays([images, paths], ["bytes", "path"]) if layout.struct else images
        table = pa.table(columns)
        path = folder / f"train-{number:05d}.parquet"
        pq.write_table(
            table,
            path,
            compression=layout.codec,
            write_page_checksum=layout.checksums,
            use_dictionary=layout.dictionary,
        )
    return ids


@contextlib.contextmanager
def hub_here(tree: Path) -> Iterator[Hub]:
    """A Hub in a thread of this process, whose faults can be changed; `read_case` then talks to it, and is hasty."""
    with tempfile.TemporaryDirectory(prefix="hub-") as folder:
        hub, ready, over = Hub(Path(folder), (), tree), threading.Event(), asyncio.Event()
        loop, found = asyncio.new_event_loop(), list[str]()

        async def serve() -> None:
            async with serving(hub) as address:
                found.append(address)
                ready.set()
                await over.wait()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
        thread.start()
        ready.wait()
        before = constants.ENDPOINT, constants.HF_HUB_DOWNLOAD_TIMEOUT, recipe.PAUSE_S
        longest = recipe.LONGEST_PAUSE_S
        constants.ENDPOINT, constants.HF_HUB_DOWNLOAD_TIMEOUT = found[0], 0.3
        recipe.PAUSE_S = recipe.LONGEST_PAUSE_S = 0.0
        try:
            yield hub
        finally:
            constants.ENDPOINT, constants.HF_HUB_DOWNLOAD_TIMEOUT, recipe.PAUSE_S = before
            recipe.LONGEST_PAUSE_S = longest
            loop.call_soon_threadsafe(over.set)
            thread.join()
            loop.close()


def sequence(chance: random.Random) -> list[str]:
    """One to four faults, each for some requests, at some place among them."""
    count = chance.choice(("", "", "x2", "x3", "x*"))
    return [f"{chance.choice(FAULTS)}{count}@{chance.randint(0, 5)}" for _ in range(chance.randint(1, 4))]


def attempt(hub: Hub, layout: Layout, faults: Sequence[str], chance: random.Random) -> str:
    """Make an index and read a case while these faults happen: ``right``, or the error. Raises if bytes are wrong."""
    ids = [f"sub-{number:04d}" for number in range(layout.cases)]
    case = chance.randrange(layout.cases)
    columns = chance.sample(IMAGES, chance.randint(1, len(IMAGES)))
    hub.plan = Plan()
    good = recipe.case_index(REPO) if chance.random() < 0.5 else None
    hub.plan = Plan([parse(text) for text in faults])
    try:
        index = good or recipe.case_index(REPO)
        if index.ids != ids:
            raise AssertionError(f"wrong ids {index.ids} of {layout} under {faults}")
        found = recipe.read_case(index, ids[case], columns, strict=not layout.checksums)
    except recipe.CaseError as error:
        return f"error: {error}"
    for column in columns:
        if bytes(found[column]) != value(layout, case, column):
            raise AssertionError(f"wrong bytes in {column} of case {case} of {layout} under {faults}")
    return "right"


def try_faults(count: int, seed: int) -> collections.Counter[str]:
    """How many random sequences ended with the right bytes and how many with an error."""
    ended: collections.Counter[str] = collections.Counter()
    for number, layout in enumerate(LAYOUTS):
        with tempfile.TemporaryDirectory(prefix="tree-") as tree:
            write(Path(tree), layout)
            with hub_here(Path(tree)) as hub:
                for place in range(number, count, len(LAYOUTS)):
                    chance = random.Random(f"{seed} {place}")
                    ended[attempt(hub, layout, sequence(chance), chance).partition(":")[0]] += 1
    return ended


PEAK = """
import sys
from repro.recipes.read_case import *
from repro.trial.probe_tools import forget_peak, peak, resident
index = CaseIndex.load(sys.argv[3])
read_case(index, index.ids[0], ["subject_id"])
forget_peak()
before = resident()
case = read_case(index, index.ids[1], sys.argv[4].split(","))
print((peak() - before) / case.table.nbytes)
"""


def costs(size: int) -> Table:
    """Requests and bytes: the index of 149 files, one image, a whole case; with images of ``size`` bytes."""
    rows = []
    for layout in (Layout(149, size), Layout(149, size, checksums=False, codec="snappy")):
        with tempfile.TemporaryDirectory(prefix="costs-") as folder:
            write(Path(folder, "tree"), layout)
            kept = str(Path(folder, "index.json"))
            for what, needed, code in (
                ("index", 0, f"case_index({REPO!r}).save({kept!r})"),
                ("one image", size, f"read_case(CaseIndex.load({kept!r}), 'sub-0001', ['dwi'])"),
                ("one case", 3 * size, f"read_case(CaseIndex.load({kept!r}), 'sub-0001')"),
            ):
                hub = Child(Path(tempfile.mkdtemp(dir=folder)), (), {}, Path(folder, "tree"))
                _python(hub, f"from repro.recipes.read_case import *; {code}")
                seen = Record.from_json(hub.close() or {})
                down = sum(one.down for one in seen.requests if one.endpoint == "resolve")
                share = f"{down / needed:.4f} x its bytes" if needed else f"{down // 149} bytes a file"
                requests = sum(total.requests for total in seen.totals.values())
                rows.append((f"{what}, {layout.codec}", requests, format_size(down), share))
    return Table("What it costs", ("what", "requests", "bytes", "share"), tuple(rows))


def peaks(size: int) -> Table:
    """The most memory that a read takes beside imports, as a multiple of the bytes it returns."""
    rows = []
    plain = Layout(2, size, dictionary=False)
    for layout in (plain, plain._replace(dictionary=True), plain._replace(dictionary=True, codec="snappy")):
        with tempfile.TemporaryDirectory(prefix="peaks-") as folder:
            write(Path(folder, "tree"), layout)
            kept, request = Path(folder, "index.json"), Path(folder, "request.json")
            request.write_text("{}")
            hub = Child(Path(tempfile.mkdtemp(dir=folder)), (), {}, Path(folder, "tree"))
            _python(hub, f"from repro.recipes.read_case import *; case_index({REPO!r}).save({str(kept)!r})")
            for columns in ("dwi", ",".join(IMAGES)):
                said = _python(hub, PEAK, str(request), "/dev/null", str(kept), columns)
                kind = "dictionary" if layout.dictionary else "no dictionary"
                rows.append((f"{columns}: {layout.codec}, {kind}", f"{float(said):.2f} x"))
            hub.close()
    return Table(f"Peak memory, images of {format_size(size)}", ("what", "peak / bytes returned"), tuple(rows))


def _python(hub: Child, code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env={**os.environ, **hub.environment}, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def main(arguments: list[str] | None = None) -> None:
    """Print the costs, and how many random sequences of faults ended well; a wrong byte ends it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--size", type=int, default=1_000_000, help="bytes of an image where requests are counted")
    given = parser.parse_args(arguments)
    print(costs(given.size).to_text(), peaks(20 * given.size).to_text(), sep="\n\n")
    ended = try_faults(given.faults, given.seed)
    print(f"{ended.total()} sequences of faults (seed {given.seed}): {dict(ended)}, and no wrong byte")


if __name__ == "__main__":
    main()
