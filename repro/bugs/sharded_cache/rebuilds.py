"""Scenarios in which a cache is written again: seen by readers, killed, locked, or read across it."""

from __future__ import annotations

import collections
import itertools
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acts import COLUMNS, Apart, Row, apart, at_changes, below, kill_at, raised, rows_of, wait_for
from probe_tools import INPUTS, measure
from way import WAY

SIZE = 32 << 10
COMPLETE, NOTHING = "complete", "nothing to open"
SHORT, FAILS, MIXED = "passes, and rows are missing", "passes, and cannot be read", "passes, with rows of two versions"
OLD, NEW, NEXT = 0, 1, 2
MOST_CHANGES = 200


def put(folder: Path, version: int, rows: int, wait: Any = None) -> None:
    """Writes one version: two rows a batch, two batches a shard."""

    def source() -> Iterator[Row]:
        for number, row in enumerate(rows_of("versions", rows, SIZE, version)):
            if wait is not None:
                wait(number)
            yield row

    WAY.write(source(), COLUMNS["versions"], folder, batch_rows=2, row_bytes=SIZE, shard_bytes=4 * SIZE)


def look(folder: Path, rows: int) -> tuple[str, list[int]]:
    """What a reader finds who checks the cache and then reads all of it, and the versions of the rows."""
    try:
        WAY.need("check")(folder, COLUMNS["versions"])
    except Exception:
        return NOTHING, []
    try:
        versions = [int(one) for one in WAY.need("read")(folder, "version")]
    except Exception:
        return FAILS, []
    if len(set(versions)) > 1:
        return MIXED, sorted(set(versions))
    return (COMPLETE if len(versions) == rows else SHORT), sorted(set(versions))


def readers() -> None:
    """Readers look as often as they can while a writer rebuilds the cache again and again."""
    WAY.need("check")
    folder, stop, rows = Path("home/cache").absolute(), Path("stop").absolute(), 64

    def reader(number: int) -> Row:
        seen: collections.Counter[str] = collections.Counter()
        longest = failing_since = 0.0
        while not stop.exists():
            state, _ = look(folder, rows)
            seen[state] += 1
            now = time.perf_counter()
            if state == COMPLETE:
                longest, failing_since = max(longest, now - failing_since if failing_since else 0.0), 0.0
                Path(f"ready-{number}").touch()
            else:
                failing_since = failing_since or now
                time.sleep(0.002)  # a look that fails is soon over: it must not count more than others
        return {"seen": dict(seen), "longest_ms": round(longest * 1000, 1)}

    def writer() -> None:
        for version in range(1, int(INPUTS["rebuilds"]) + 1):
            put(folder, version, rows)
            time.sleep(0.02)

    put(folder, OLD, rows)
    begun = [Apart(reader, number) for number in range(int(INPUTS["readers"]))]
    waited = wait_for(lambda: all(Path(f"ready-{n}").exists() for n in range(len(begun))), 30)
    ended = apart(writer) if waited else {"raised": "the readers did not begin"}
    stop.touch()
    looks = [one.end() for one in begun]
    total: collections.Counter[str] = collections.Counter()
    for one in looks:
        total.update(
            (one.get("found") or {"seen": {f"reader ended by {one.get('signal') or one.get('raised')}": 1}})["seen"]
        )
    longest = max((one.get("found") or {}).get("longest_ms", 0.0) for one in looks)
    measure(seen=dict(total), longest_ms=longest, rebuilds=INPUTS["rebuilds"], writer=ended.get("raised", ""))


def steps() -> None:
    """What a reader would find before each change that the rebuilding writer makes on disk."""
    WAY.need("check")
    folder, rows = Path("home/cache").absolute(), 32

    def act() -> Row:
        seen: list[str] = []
        at_changes(folder.parent, lambda _: seen.append(look(folder, rows)[0]))
        put(folder, NEW, rows)
        return {"steps": list(seen), "end": look(folder, rows)[0]}

    put(folder, OLD, rows)
    ended = apart(act)
    found = ended.get("found") or {"steps": [], "end": ended.get("raised") or ended.get("signal")}
    measure(seen=dict(collections.Counter(found["steps"])), end=found["end"])


def killed(again: bool) -> None:
    """A writer killed before each of its changes, and in the midst of its rows; what is there then, and what stays."""
    WAY.need("check")
    rows, home = 16, Path("home").absolute()
    folder = home / "cache"

    def fresh() -> None:
        shutil.rmtree(home, ignore_errors=True)
        if again:
            put(folder, OLD, rows)

    def writer(change: int | None) -> None:
        if change is None:
            put(folder, NEW, rows, wait=lambda n: kill_at(0)("row") if n == rows // 2 else None)
        else:
            at_changes(home, kill_at(change))
            put(folder, NEW, rows)

    fresh()
    apart(put, folder, NEW, rows)
    apart(put, folder, NEXT, rows)
    usual = below(home)
    kills: list[Row] = []
    for change in itertools.chain([None], range(0, MOST_CHANGES, int(INPUTS["every"]))):
        fresh()
        if not (ended := apart(writer, change)).get("signal"):
            break
        state, versions = look(folder, rows)
        recovered = apart(put, folder, NEXT, rows)
        after, newer = look(folder, rows)
        whole = after == COMPLETE and newer == [NEXT]
        files, size = (now - before for now, before in zip(below(home), usual, strict=True))
        left = {"left_files": files, "left_bytes": size}
        kills.append({"state": state, "versions": versions, "recovered": whole, **left, **recovered})
    measure(kills=kills, ended=ended.get("raised", ""))


def lazy() -> None:
    """One reader that has begun, then a rebuild, then the rest of what that reader reads."""
    folder, rows = Path("home/cache").absolute(), 32

    def act() -> Row:
        put(folder, OLD, rows)
        values = WAY.need("read")(folder, "version")
        versions, why = [int(next(values))], ""
        put(folder, NEW, rows)
        try:
            versions += [int(one) for one in values]
        except Exception as error:
            why = raised(error)
        return {"versions": sorted(set(versions)), "rows": len(versions), "why": why}

    ended = apart(act)
    measure(wanted=rows, **ended)


def locks() -> None:
    """Whether a cache named v1.1 can be written while one named v1.0 is being written."""
    home, go, rows = Path("home").absolute(), Path("go").absolute(), 8
    began = time.monotonic()
    apart(put, home / "ds_v1.1", OLD, rows)
    alone = time.monotonic() - began

    def other() -> None:
        wait_for(go.exists, 30)
        put(home / "ds_v1.1", NEW, rows)

    second = Apart(other)
    in_time: list[bool] = []

    def within(number: int) -> None:
        if number == rows // 2:
            go.touch()
            in_time.append(wait_for(lambda: second.ended, min(20.0, max(2.0, 8 * alone))))

    put(home / "ds_v1.0", NEW, rows, wait=within)
    measure(waited=not in_time[0], **second.end())


def failing() -> None:
    """A source that raises after half of its rows, over a cache that is there."""
    home, rows = Path("home").absolute(), 16
    folder = home / "cache"

    def fails(number: int) -> None:
        if number == rows // 2:
            raise KeyError("row 8 cannot be read")

    put(folder, OLD, rows)
    usual, why = below(home), ""
    try:
        put(folder, NEW, rows, wait=fails)
    except Exception as error:
        why = raised(error)
    state, versions = look(folder, rows)
    files, size = (now - before for now, before in zip(below(home), usual, strict=True))
    measure(why=why, state=state, versions=versions, left_files=files, left_bytes=size)


ACTS = {
    "rebuild-under-readers": readers,
    "rebuild-step-by-step": steps,
    "killed-first-write": lambda: killed(False),
    "killed-rebuild": lambda: killed(True),
    "lazy-reader": lazy,
    "lock-names": locks,
    "failing-source": failing,
}
