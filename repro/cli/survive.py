"""``repro survive``: the smallest memory cap under which a fix survives."""

from __future__ import annotations

import json
from typing import Any

import click

from repro.cli.compare import study


@click.command("survive")
@click.argument("bug")
@study
@click.option("--size", "sizes", metavar="SIZE", multiple=True, help="Random bytes in the shard; repeat for a slope.")
@click.option("--most", metavar="SIZE", default="8GiB", show_default=True, help="The largest cap that is tried.")
@click.option("--resolution", type=float, default=0.05, show_default=True, help="How exact the cap is, as a share.")
@click.option("--plot", type=click.Path(dir_okay=False), help="Write the plot of cap against shard size there (PNG).")
def command(bug: str, as_json: bool, sizes: tuple[str, ...], plot: str | None, **given: Any) -> int:
    """Find the smallest memory cap under which each fix of BUG survives, for several shard sizes.

    \b
    Example:
      repro survive embed-sliced-list --fix none --fix direct-embed --size 32MiB --size 128MiB --plot caps.png
    """
    from pathlib import Path

    from repro.lab import Lab
    from repro.model import SCHEMA
    from repro.render.survival import survival_json

    given["parameters"] = given["parameters"] or None
    given["fixes"] = given["fixes"] or ("none", "direct-embed")
    shown = Lab().survive(bug, sizes=sizes or ("32MiB", "64MiB", "128MiB"), quiet=as_json, **given)
    if plot is not None:
        Path(plot).write_bytes(shown.picture.png)
    if as_json:
        click.echo(json.dumps({"schema": SCHEMA, "bug": bug, "candidates": survival_json(shown.found)}, indent=2))
    else:
        click.echo(repr(shown))
    return 0
