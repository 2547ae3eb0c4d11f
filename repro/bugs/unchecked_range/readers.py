"""Which readers are tried under which faults, and the requests those faults are for."""

from __future__ import annotations

from repro.bugs.declaration import Scenario

READERS = {
    "open": ("`fs.open(path)`, `seek`, `read`", ()),
    "stream": ("`fs.open(path, block_size=0)`, read in pieces to the end", ()),
    "parquet": ("`pyarrow.parquet.ParquetFile(fs.open(path)).read()`", ("pyarrow",)),
    "pandas": ("`pandas.read_csv('hf://…')`", ("pandas",)),
    "datasets": ("`load_dataset('json', data_files='hf://…', streaming=True)`", ("datasets", "pyarrow")),
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


def _faults(reader: str, fault: str) -> tuple[str, ...]:
    """The fault for one request: that of a stream, and of the others the second one, which no footer is read with.

    The first request of a stream has no range. It is dropped first, so that the second has one.
    """
    kind = _KIND.get(fault, fault)
    if reader != "stream":
        return (f"resolve:{kind}@1",)
    return ("resolve:close", f"resolve:{kind}") if "range" in kind else (f"resolve:{kind}",)


def _scenario(reader: str, fault: str, words: str) -> Scenario:
    title, needs = READERS[reader]
    short = f"{reader} {fault.replace('-', ' ')}"
    return Scenario(f"{reader}-{fault}", f"{short}: {title}, {words}", needs=needs, faults=_faults(reader, fault))


SCENARIOS = (
    *(_scenario(reader, fault, words) for reader in READERS for fault, words in FAULTS.items()),
    *(_scenario(reader, fault, words) for reader in ("open", "stream") for fault, words in RETRIED.items()),
    *(
        Scenario(f"{reader}-well", f"{reader} well: {title}, and nothing goes wrong", control=True, needs=needs)
        for reader, (title, needs) in READERS.items()
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
