"""Read a little of a Parquet file through a Python file object and let the interpreter end (apache/arrow#45214).

``python probe.py REQUEST.json EVENTS.jsonl``; ``inputs.path`` is the Parquet file, ``inputs.repository`` a dataset of
the Hub at ``HF_ENDPOINT``. It measures ``rows_read``, and ``done`` is the last Python statement of this module. What
happens after it is what the trial is about: the probe does not see it and judges nothing.

The failure is a race against the end of the interpreter, so the objects of a report stay where the report has them:
at module level where it reads at module level, in a generator where it reads in one. A workaround is a file with one
function named like the file and a STAGE that says where a user would put it:

* ``before``: called before anything is read
* ``open``: gets the path, returns (file object or path, Arrow file system or None) in place of ``open(path, "rb")``
* ``options``: returns the keyword arguments to add, by reader: ``to_batches``, ``read_table`` or ``load_dataset``
* ``read``: gets the open file, returns the record batches in place of ``fragment.to_batches()``
* ``end``: gets the global variables of the script, just before its end; says in words if it does not apply
* ``last``: called after ``done``, ends the process in its own way
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import probe_tools
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from probe_tools import INPUTS, REQUEST, SCENARIO, unsupported

PATH: str = INPUTS.get("path", "")
HUB, STREAMS = SCENARIO.startswith("hub-"), SCENARIO.startswith(("datasets-", "hub-"))
if STREAMS:
    os.environ.update(HF_HOME=REQUEST["scratch"], HF_HUB_OFFLINE=str(int(not HUB)), HF_HUB_DISABLE_TELEMETRY="1")
    import datasets

WORKAROUND: Callable[..., Any] = probe_tools.workaround(print)
STAGE = getattr(WORKAROUND, "__globals__", {}).get("STAGE", "")
if WORKAROUND is not print and STAGE not in {"before", "open", "options", "read", "end", "last"}:
    sys.exit(f"{WORKAROUND.__name__}.py must define STAGE (before, open, options, read, end or last)")
probe_tools.started("pyarrow", *(["datasets"] if STREAMS else []), *(["huggingface-hub"] if HUB else []))

READER = "read_table" if SCENARIO == "arrow-read-table" else "to_batches"
if STREAMS:
    READER = "load_dataset"
if STAGE in {"open", "read"} and READER == "load_dataset":
    unsupported("datasets opens and reads the file itself")
ALL_OPTIONS = WORKAROUND() if STAGE == "options" else {}
if STAGE == "options" and READER not in ALL_OPTIONS:
    unsupported(f"{READER} has no such option")
OPTIONS: dict[str, Any] = ALL_OPTIONS.get(READER, {})
OPENED, FILESYSTEM = WORKAROUND(PATH) if STAGE == "open" else (None, None)
READ = WORKAROUND if STAGE == "read" else None
# `datasets` reads ahead no batch and no fragment; this is where the end of the process hangs rather than aborts.
NO_READAHEAD = {"batch_readahead": 0, "fragment_readahead": 0}


def opened() -> Any:
    """The file as a context manager: what ``open(path, "rb")`` gives, or what the workaround has put in its place."""
    if OPENED is None:
        return open(PATH, "rb")  # noqa: PTH123
    return OPENED if hasattr(OPENED, "__enter__") else contextlib.nullcontext(OPENED)


def batches_of() -> Iterator[Any]:
    """The generator that `datasets` has around a fragment: the file closes when the generator is closed."""
    with opened() as f:
        if READ:
            yield from READ(f)
        else:
            fragment = ds.ParquetFileFormat().make_fragment(f, FILESYSTEM)
            yield from fragment.to_batches(**NO_READAHEAD, **OPTIONS)


def stream() -> Any:
    if HUB:
        return datasets.load_dataset(INPUTS["repository"], split="train", streaming=True, **OPTIONS)
    return datasets.load_dataset("parquet", data_files=PATH, split="train", streaming=True, **OPTIONS)


def first_of_stream() -> int:
    """A function that returns: nothing of the iterator is left when the interpreter ends."""
    for _ in stream():
        return 1
    return 0


def done() -> None:
    probe_tools.done()
    if STAGE == "last":
        WORKAROUND()


if STAGE == "before":
    WORKAROUND()
rows_read = 0
if SCENARIO == "arrow-loop":
    with opened() as f:
        for batch in (
            READ(f) if READ else (fragment := ds.ParquetFileFormat().make_fragment(f, FILESYSTEM)).to_batches(**OPTIONS)
        ):
            rows_read += batch.num_rows
            break
elif SCENARIO == "arrow-generator":
    it = batches_of()
    batch = next(it)
    rows_read = batch.num_rows
elif SCENARIO == "arrow-read-table":
    with opened() as f:
        if READ:
            rows_read = sum(batch.num_rows for batch in READ(f))
        else:
            rows_read = pq.read_table(f, filesystem=FILESYSTEM, **OPTIONS).num_rows
elif SCENARIO == "arrow-everything":
    with opened() as f:
        for batch in (
            READ(f) if READ else (fragment := ds.ParquetFileFormat().make_fragment(f, FILESYSTEM)).to_batches(**OPTIONS)
        ):
            rows_read += batch.num_rows
elif SCENARIO == "arrow-nothing":
    with opened() as f:
        fragment = ds.ParquetFileFormat().make_fragment(f, FILESYSTEM)
elif SCENARIO in {"datasets-next", "hub-next"}:
    row = next(iter(stream()))
    rows_read = 1
elif SCENARIO in {"datasets-iterator", "hub-iterator", "hub-groups"}:
    it = iter(stream())
    row = next(it)
    rows_read = 1
elif SCENARIO == "datasets-break":
    for row in stream():  # noqa: B007
        rows_read += 1
        break
elif SCENARIO == "datasets-take":
    for row in stream().take(1):  # noqa: B007
        rows_read += 1
elif SCENARIO == "datasets-function":
    rows_read = first_of_stream()
elif SCENARIO in {"datasets-everything", "hub-everything"}:
    for row in stream():  # noqa: B007
        rows_read += 1
elif SCENARIO in {"datasets-nothing", "hub-nothing"}:
    it = stream()
else:
    sys.exit(f"no such scenario: {SCENARIO}")

probe_tools.measure(rows_read=rows_read)
if STAGE == "end" and (reason := WORKAROUND(globals())):
    unsupported(reason)
done()
