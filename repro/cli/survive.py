"""``repro survive``: the smallest memory cap under which a fix survives."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import click

from repro.cli import options


@click.command("survive")
@click.argument("bug")
@options.fixes
@options.comparison
@options.timeout
@options.jobs
@click.option("--size", "sizes", metavar="SIZE", multiple=True, help="Random bytes in the shard; three give a slope.")
@click.option("--most", metavar="SIZE", default="8GiB", show_default=True, help="The largest cap that is tried.")
@click.option("--resolution", type=float, default=0.05, show_default=True, help="How exact the cap is, as a share.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write the plot there (PNG).")
@options.as_json
def command(
    bug: str,
    fixes: tuple[str, ...],
    timeout: str | None,
    jobs: int | None,
    sizes: tuple[str, ...],
    most: str,
    resolution: float,
    plot: Path | None,
    as_json: bool,
    **where: Unpack[options.Comparison],
) -> int:
    """Find the smallest memory cap under which each fix of BUG survives, for several shard sizes.

    A slope takes three sizes and caps exact to 5 %.

    \b
    Example:
      repro survive embed-sliced-list --fix none --fix take --size 32MiB --size 64MiB --size 128MiB --plot caps.png
    """
    from repro.lab import Lab
    from repro.model import SCHEMA
    from repro.render.survival import survival_json

    shown = Lab(timeout=timeout, quiet=as_json).survive(
        bug,
        sizes=sizes or ("32MiB", "64MiB", "128MiB"),
        fixes=fixes or ("none",),
        most=most,
        resolution=resolution,
        jobs=jobs or 1,
        **where,
    )
    if plot is not None:
        plot.write_bytes(shown.picture.png)
    if as_json:
        options.echo_json({"schema": SCHEMA, "bug": bug, "candidates": survival_json(shown.found)})
    else:
        options.echo(repr(shown))
    return 0
