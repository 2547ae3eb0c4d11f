"""Which readers are tried under which faults, and the requests those faults are for."""

from __future__ import annotations

from typing import NamedTuple

from repro.bugs.declaration import Scenario
from repro.hub.faults import ENDPOINTS, KINDS


class Reader(NamedTuple):
    """A way to read, what it needs, which requests of it go wrong, and whether those are asked again is a question."""

    title: str
    needs: tuple[str, ...] = ()
    endpoint: str = "resolve"
    retried: bool = False


READERS = {
    "open": Reader("`fs.open(path)`, `seek`, `read`", retried=True),
    "stream": Reader("`fs.open(path, block_size=0)`, read in pieces to the end", retried=True),
    "parquet": Reader("`pyarrow.parquet.ParquetFile(fs.open(path)).read()`", ("pyarrow",)),
    "pandas": Reader("`pandas.read_csv('hf://…')`", ("pandas",)),
    "datasets": Reader("`load_dataset('json', data_files='hf://…', streaming=True)`", ("datasets", "pyarrow")),
    "download": Reader("`hf_hub_download`", retried=True),
    "head": Reader("`hf_hub_download`, the request before it", endpoint="head", retried=True),
    "info": Reader("`HfApi.dataset_info`", endpoint="info", retried=True),
    "tree": Reader("`HfApi.list_repo_tree`", endpoint="tree", retried=True),
}
FAULTS = {
    "range-ignored": "the whole file with status 200 in place of the range",
    "wrong-range": "status 206 and a range that begins one byte too early",
    "empty": "no bytes",
    "html": "a login page with status 200",
    "short": "a complete answer that is one byte too short",
    "dropped": "the connection is closed in the middle of the answer",
}
RETRIED = {
    "408": "status 408",
    "429": "status 429, Retry-After 1 s",
    "500": "status 500",
    "503": "status 503",
    "reset": "the connection is reset",
    "stall": "the answer stalls",
}
_KIND = {"short": "wrong-length", "dropped": "close", "429": "429=1s"}


def _faults(name: str, fault: str) -> tuple[str, ...]:
    """The fault for one request; none if it has no such fault. Of readers of parts the second one, behind any footer.

    The first request of a stream or a download has no range. It is dropped first, so that the second has one.
    """
    kind, endpoint = _KIND.get(fault, fault), READERS[name].endpoint
    if endpoint not in KINDS.get(kind, ENDPOINTS):
        return ()
    if name not in ("stream", "download"):
        return (f"{endpoint}:{kind}{'@1' if endpoint == 'resolve' else ''}",)
    return ("resolve:close", f"resolve:{kind}") if "range" in kind else (f"resolve:{kind}",)


def _scenario(name: str, fault: str, words: str) -> Scenario:
    reader, short = READERS[name], f"{name} {fault.replace('-', ' ')}"
    return Scenario(
        f"{name}-{fault}", f"{short}: {reader.title}, {words}", needs=reader.needs, faults=_faults(name, fault)
    )


SCENARIOS = (
    *(
        _scenario(name, fault, words)
        for name, reader in READERS.items()
        for fault, words in ({**FAULTS, **RETRIED} if reader.retried else FAULTS).items()
        if _faults(name, fault)
    ),
    *(
        Scenario(f"{name}-well", f"{name} well: {one.title}, and nothing goes wrong", control=True, needs=one.needs)
        for name, one in READERS.items()
    ),
    Scenario(
        "report",
        "the report's code: three columns of one case through `pyarrow.parquet.ParquetFile`",
        control=True,
        needs=("pyarrow",),
    ),
)


def reader_of(scenario: str) -> str:
    return scenario.partition("-")[0]
