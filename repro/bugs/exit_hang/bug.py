"""Declares ``exit-hang``: the rows arrive, but the process hangs, aborts or segfaults when it should end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, Fix, FixKind, Parameter, Prepared, Scenario
from repro.bugs.exit_hang.claims import CLAIMS
from repro.bugs.exit_hang.diagnosis import where
from repro.bugs.exit_hang.oracle import judge
from repro.errors import UserError, unknown
from repro.inputs import cases, parquet
from repro.model import Limits, Scalar

FOLDER = Path(__file__).parent


def _streaming(name: str, title: str, control: bool = False) -> Scenario:
    return Scenario(name, title, control, needs=("datasets",))


def _hub(name: str, title: str, control: bool = False) -> Scenario:
    return Scenario(name, title, control, needs=("datasets", "huggingface_hub"), hub=True)


SCENARIOS = (
    Scenario("arrow-loop", "a `for` loop over a fragment, left by `break`, at module level"),
    Scenario("arrow-generator", "a generator over a fragment, still alive at exit"),
    Scenario("arrow-read-table", "`pq.read_table(file_object)`"),
    # Not a control: whether consuming everything is healthy is one of the questions (it is not, before 25.0.0).
    Scenario("arrow-everything", "every batch of a fragment consumed"),
    Scenario("arrow-nothing", "a fragment made, nothing read", control=True),
    _streaming("datasets-next", "`next(iter(load_dataset(..., streaming=True)))`"),
    _streaming("datasets-iterator", "`it = iter(load_dataset(..., streaming=True)); next(it)`, `it` alive at exit"),
    _streaming("datasets-break", "a `for` loop over a streaming dataset, left by `break`"),
    _streaming("datasets-take", "`load_dataset(..., streaming=True).take(1)` consumed"),
    _streaming("datasets-function", "a function that returns from such a loop, so that nothing is alive at exit"),
    _streaming("datasets-everything", "every row of a streaming dataset consumed"),
    _streaming("datasets-nothing", "a streaming dataset made, nothing read", control=True),
    _hub("hub-next", "`next(iter(load_dataset(REPOSITORY, streaming=True)))`, 149 files of one row on a loopback Hub"),
    _hub("hub-iterator", "the same, with the iterator alive at exit"),
    _hub("hub-groups", "the same from one file of many row groups, with the iterator alive at exit"),
    _hub("hub-everything", "every row of the 149 files consumed"),
    _hub("hub-nothing", "such a streaming dataset made, nothing read", control=True),
)


def _workaround(name: str, title: str, proposed_in: str = "") -> Fix:
    return Fix(name, FixKind.WORKAROUND, FOLDER / "workarounds" / f"{name.replace('-', '_')}.py", title, proposed_in)


FIXES = (
    NO_FIX,
    _workaround("close-generator", "`it.close()` before the script ends"),
    _workaround("del-and-collect", "`del it, batch, …` and `gc.collect()` before the script ends", "datasets#7566"),
    _workaround("collect-at-exit", "the same in an `atexit` handler"),
    _workaround("no-threads", "`use_threads=False`", "arrow#33975, arrow#50482"),
    _workaround("one-cpu-thread", "`pyarrow.set_cpu_count(1)`", "arrow#50482"),
    _workaround("one-io-thread", "`pyarrow.set_io_thread_count(1)`"),
    _workaround("no-pre-buffer", "`pre_buffer=False`", "arrow#45214"),
    _workaround("native-file", "`pyarrow.OSFile(path)` in place of `open(path, 'rb')`"),
    _workaround("memory-map", "`pyarrow.memory_map(path)` in place of `open(path, 'rb')`"),
    _workaround("arrow-filesystem", "a path and an Arrow file system, no open file", "arrow#50482"),
    _workaround("whole-buffer", "`pyarrow.BufferReader` over the bytes of the whole file"),
    _workaround(
        "iter-batches", "`ParquetFile.iter_batches(batch_size=10)` in place of a fragment", "huggingface_hub#4178"
    ),
    _workaround("direct-read", "`ParquetFile.read(columns=…)` of the one file needed"),
    _workaround("consume-all", "read the iterator to its end"),
    _workaround("sleep-before-exit", "`time.sleep(1)` before the script ends", "arrow#33975"),
    _workaround("os-exit", "`os._exit(0)`: no finalization at all"),
    Fix(
        "forced-workaround",
        FixKind.PATCH,
        FOLDER / "patches" / "forced_workaround.patch",
        "datasets' own workaround, for every pyarrow and not only up to 24.0.0",
        "datasets PR #8176",
    ),
)


def prepare(scenario: str, parameters: Mapping[str, Scalar], cache: Path) -> Prepared:
    """The Parquet file of the layout, or a repository with images as large; the oracle is told how many rows."""
    if scenario not in {known.name for known in SCENARIOS}:
        raise unknown("scenario", scenario, (known.name for known in SCENARIOS))
    name, seed = str(parameters["layout"]), parameters["seed"]
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UserError(f"seed must be a whole number from 0 up, such as --set seed=45214, not {seed!r}")
    layout = parquet.LAYOUTS[name]
    if scenario.startswith("hub-"):
        rows = len(cases.subjects())
        cut = (rows, 5) if scenario == "hub-groups" else (1, 1)
        tree = cases.build(cache, cases.Layout(rows, layout.value_bytes, *cut), seed)
        inputs = {"repository": cases.REPOSITORY, "layout": name}
        return Prepared(inputs, expected={"rows": rows}, repositories=tree)
    path = parquet.build(cache, name, seed)
    return Prepared(inputs={"path": str(path), "layout": name, **asdict(layout)}, expected={"rows": layout.total_rows})


BUG = Bug(
    slug="exit-hang",
    title="The process hangs or crashes at exit after reading Parquet through a Python file object",
    summary=(
        "Rows arrive, the last statement runs, and then the process hangs, aborts or segfaults instead of ending. "
        "It is a race: a run may also end well."
    ),
    cause=(
        "The interpreter finalizes while an Arrow worker thread still reads: for a Python file object the worker needs "
        "the GIL, and even for a native one its result goes to a thread pool that is gone."
    ),
    expected="The process ends with status 0 after its last statement, whatever Arrow's threads are still reading.",
    links={
        "apache/arrow#45214": "https://github.com/apache/arrow/issues/45214",
        "apache/arrow#50482": "https://github.com/apache/arrow/issues/50482",
        "apache/arrow#43604": "https://github.com/apache/arrow/issues/43604",
        "apache/arrow#33975": "https://github.com/apache/arrow/issues/33975",
        "apache/arrow PR #49943": "https://github.com/apache/arrow/pull/49943",
        "datasets#7467": "https://github.com/huggingface/datasets/issues/7467",
        "datasets#7357": "https://github.com/huggingface/datasets/issues/7357",
        "datasets#8169": "https://github.com/huggingface/datasets/issues/8169",
        "datasets PR #8176": "https://github.com/huggingface/datasets/pull/8176",
        "huggingface_hub#4178": "https://github.com/huggingface/huggingface_hub/issues/4178",
    },
    scenarios=SCENARIOS,
    fixes=FIXES,
    parameters=(
        Parameter(
            "layout",
            tuple(parquet.LAYOUTS),
            "medium",
            "row groups: many small, a few of 8 MB, a few of 60 MB; on the Hub: images of 1 KiB, 512 KiB, 1 MiB",
        ),
        Parameter("seed", "int", 45214, "seed of the random bytes"),
    ),
    prepare=prepare,
    oracle=judge,
    workaround="iter-batches",
    claims=CLAIMS,
    folder=FOLDER,
    default_scenario="arrow-generator",
    # Healthy processes ended within 1.3 s of `done` (0.15 s without datasets) on a loaded two-core machine.
    default_limits=Limits(timeout_s=30.0, grace_s=3.0),
    default_trials=20,
    race=True,
    where=where,
    needs=("pyarrow",),
)
