"""Run a fix through the correctness gate, in the environment under test, and report what it fails on.

Run as ``python probe.py REQUEST.json EVENTS.jsonl``, with ``cases.py`` beside it. ``inputs.seed`` and ``inputs.cases``
say which cases; ``fix_path`` is a workaround or anything else, as in the probe of the bug. The phase is gate. Nothing
is judged here: ``gate`` is what ``run_gate`` found, ``storage`` the Arrow type of each file feature.
"""

from __future__ import annotations

from typing import Any

import datasets
from probe_tools import INPUTS, main, measure, phase, started, unsupported, workaround


def released_embed(shard: Any) -> Any:
    """What ``push_to_hub`` does with a shard, as in the probe of the bug."""
    from datasets.table import embed_table_storage

    return embed_table_storage(shard.with_format("arrow")[:])


def run() -> None:
    started("datasets", "pyarrow")
    import cases  # beside this file, as it is run

    absent = [name for name in cases.FILE_FEATURES if not hasattr(datasets, name)]
    if absent:
        unsupported(f"datasets {datasets.__version__} has no {absent[0]} feature")
    candidate = workaround(released_embed)
    datasets.disable_progress_bars()  # hundreds of tiny datasets
    phase("gate")
    result = cases.run_gate(candidate, seed=INPUTS["seed"], count=INPUTS["cases"])
    measure(gate=result, storage={name: str(getattr(datasets, name)().pa_type) for name in cases.FILE_FEATURES})


main(run)
