"""Prints a program as a script that stands alone: the real calls, and status 1 if they give what is wrong. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from repro.hunt.judge import Finding, bare_rows
from repro.hunt.readings import RESUME
from repro.hunt.state import Order, Step

TYPES = ("Array2D", "ClassLabel", "Features", "Image", "LargeList", "List", "Nifti", "Value")
MADE_BY = ("concatenate_datasets", "interleave_datasets", "load_dataset", "load_from_disk")
NAMES = (*TYPES, "Dataset", "IterableDataset", *MADE_BY)
"""What programs use of ``datasets``; the worker is told."""
BARE = """\
def held(value):  # a medium as what it holds
    if isinstance(value, dict) and value.keys() == {{"bytes", "path"}}:
        return {}
    if isinstance(value, dict):
        return {{name: held(one) for name, one in value.items()}}
    return [held(one) for one in value] if isinstance(value, list) else value


got = held(got)
"""
INSIDE = 'value["bytes"]'
ANYWHERE = 'value["bytes"] or value["path"] and Path(value["path"]).read_bytes()'
HUB = """\
assert "HF_ENDPOINT" in os.environ, "this pushes: start 'repro hub --folder hub' and set what it prints"
"""
OPENED = """\
opened = set()
sys.addaudithook(lambda event, args: event == "open" and str(args[0]).endswith(".bin") and opened.add(str(args[0])))
"""


def script(steps: Sequence[Step], finding: Finding, pins: Sequence[str], title: str = "") -> str:
    """The program up to the step that went wrong, its reading, and what that should give."""
    last = steps[-1]
    lines = [one.line for one in steps]
    body = _wrapped(lines) if last.reader == "resume" else "\n".join(lines) + "\n"
    if finding.sort == "files opened without need":
        *before, embedding = lines
        expected = f"needed = set({sorted(last.opens or ())})"
        body = "\n".join(before) + f"\n{OPENED}{embedding}\n{expected}\n"
        body += (
            'opened = {Path(one).name for one in opened}\nprint("opened", sorted(opened), "needed", sorted(needed))\n'
        )
        body += "sys.exit(not opened <= needed)\n"
    elif finding.sort in {"other types", "types lost"}:
        types = last.after.types or {}
        expected = ", ".join(f'"{name}": {one.source}' for name, one in types.items())
        body += f"got, expected = ds.features, Features({{{expected}}})\n{_verdict()}"
    else:
        body += _read(last) + _compared(last, finding)
    used = [name for name in sorted(NAMES) if re.search(rf"\b{name}[.(]", body)]
    pushes = "push_to_hub" in body
    imports = ["import datetime"] * ("datetime." in body) + ["import json"] * ("json." in body)
    imports += ["import os"] * pushes + ["import sys"]
    imports += ["from decimal import Decimal"] * ("Decimal(" in body) + ["from pathlib import Path"] * ("Path(" in body)
    imports += ["\nimport pyarrow.parquet as pq"] * ("pq." in body)
    imports += [f"{'' if 'pq.' in body else chr(10)}from datasets import {', '.join(used)}"]
    imports += ["from datasets.table import embed_table_storage"] * ("embed_table_storage" in body)
    listed = ", ".join(f'"{pin}"' for pin in pins)
    header = f'# /// script\n# requires-python = ">=3.9"\n# dependencies = [{listed}]\n# ///\n'
    body = HUB * pushes + body
    return f'{header}"""{title or heading(finding)}"""\n\n' + "\n".join(imports) + f"\n\n{body}"


def heading(finding: Finding) -> str:
    how = f" ({finding.reader})" if finding.reader == "resume" else ""
    return f"{finding.op}{how}: {finding.sort}{f', {finding.at}' if finding.at and finding.silent else ''}"


def _wrapped(lines: Sequence[str]) -> str:
    """The statements as a function, since an interrupted stream goes on from a fresh object."""
    inside = "\n".join("    " + one.replace("\n", "\n    ") for one in lines)
    return f"def again():\n{inside}\n    return ds\n\n\nds = again()\n"


def _read(last: Step) -> str:
    return last.reading + "\n" if last.reading else RESUME


def _compared(last: Step, finding: Finding) -> str:
    if not finding.silent:
        return "print(got)\n"
    rows = bare_rows(last)
    text = BARE.format(INSIDE if last.embeds else ANYWHERE) if last.after.media else ""
    if last.reader in {"slice", "columns", "places"}:
        expected = repr({name: [row[name] for row in rows] for name in last.after.columns})
        text += f"expected = {expected}\n"
    else:
        text += f"expected = {rows!r}\n"
    if last.order is Order.ANY:
        text += "def line(row):\n    return json.dumps(row, sort_keys=True, default=str)\n\n\n"
        text += "got, expected = sorted(map(line, got)), sorted(map(line, expected))\n"
    if last.order is Order.BEGINS:
        text += "got, expected = got[: len(expected) - 1], expected[: len(expected) - 1]\n"
    return text + _verdict()


def _verdict() -> str:
    return 'print("got     ", got)\nprint("expected", expected)\nsys.exit(got != expected)\n'
