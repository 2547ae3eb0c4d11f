"""Ways to read all rows of a dataset, which must give the same. Pure."""

from __future__ import annotations

from repro.hunt.state import State

ARROW = ("arrow", "arrow batches")
ARROW_BATCHES = 'got = [row for part in ds.with_format("arrow").iter(batch_size={size}) for row in part.to_pylist()]'
TABLE = {
    "slice": "got = ds[:]",
    "rows": "got = [ds[i] for i in range(len(ds))]",
    "iteration": "got = list(ds)",
    "arrow": 'got = ds.with_format("arrow")[:].to_pylist()',
    "batches": "got = [dict(zip(part, row)) for part in ds.iter(batch_size={size}) for row in zip(*part.values())]",
    "columns": "got = {{name: list(ds[name]) for name in ds.column_names}}",
    "to_list": "got = ds.to_list()",
    "parts": "got = [row for i in range(0, len(ds), {size}) for row in ds.select(range(i, min(i + {size}, len(ds))))]",
    "places": "got = ds[list(range(len(ds)))]",
    "arrow batches": ARROW_BATCHES,
}
STREAM = {
    "iteration": "got = list(ds)",
    "batches": "got = [dict(zip(part, row)) for part in ds.iter(batch_size={size}) for row in zip(*part.values())]",
    "arrow batches": ARROW_BATCHES,
}
RESUME = """\
rows = iter(ds)
got = [next(rows) for _ in range({k})]
state = ds.state_dict()
ds = again()
ds.load_state_dict(state)
got += list(ds)"""


def reading(state: State, number: int, *, last: bool, sure: bool) -> tuple[str, str]:
    """The name of a way to read and its statement. The last step of a stream is read with an interruption, at times.

    ``sure`` says that the order of the rows is known: what is read twice can then be compared.
    """
    size = 1 + number // 16 % (len(state.rows) + 1)
    if state.stream and last and sure and not state.buffered and number % 4 and state.rows and not state.decodes:
        return "resume", RESUME.format(k=1 + number // 4 % len(state.rows))
    menu = STREAM if state.stream else TABLE
    names = [name for name in menu if name in ARROW or not state.decodes]
    if state.stream and not state.decodes and number % 16:  # where a column has a null it often ends in an error
        names = names[:2]
    name = names[number % len(names)]
    return name, menu[name].format(size=size)
