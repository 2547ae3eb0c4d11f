"""What the inputs at the scale of the report cost: time to build them, disk they take, time to find them again.

``python benchmarks/cohort.py``. Built in a temporary folder beside the cache, hence on the same disk, and removed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import Row, seconds, table, timed

from repro import places
from repro.inputs import cohort
from repro.inputs.sparse import allocated_bytes
from repro.units import about

AIM_S, AIM_BYTES = 10.0, 100 << 20


def run() -> list[Row]:
    places.cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.cache(), prefix=".benchmark-") as folder:
        root = Path(folder)
        built = timed(lambda: cohort.build(root))
        again = timed(lambda: cohort.build(root))
        manifest = cohort.build(root)
        disk = sum(allocated_bytes(path) for path in root.rglob("*"))
    what = f"{len(manifest.rows)} sessions, {len(manifest.sizes):,} files"
    return [
        Row(f"{what}: build", f"{built:.2f} s", f"≤ {AIM_S:.0f} s", built <= AIM_S),
        Row("apparent size", f"{manifest.total_bytes() / 1e9:.1f} GB"),
        Row("disk, folders included", about(disk), f"≤ {about(AIM_BYTES)}", disk <= AIM_BYTES),
        Row("found again", seconds([again])),
    ]


def main() -> None:
    print(table(run(), "Cohort"))


if __name__ == "__main__":
    main()
