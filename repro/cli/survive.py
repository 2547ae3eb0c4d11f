"""``repro survive``: the smallest memory cap under which a fix survives."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("survive")
@click.argument("bug")
@options.scenario
@options.fixes
@options.target
@click.option("--newest", metavar="SPEC", help="Upstream's newest release, the yardstick.")
@options.timeout
@options.parameters
@options.jobs
@options.resume
@click.option("--size", "sizes", metavar="SIZE", multiple=True, help="Random bytes in the shard; three give a slope.")
@click.option("--most", metavar="SIZE", default="8GiB", show_default=True, help="The largest cap that is tried.")
@click.option("--resolution", type=float, default=0.05, show_default=True, help="How exact the cap is, as a share.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Write the plot there (PNG).")
@options.as_json
def command(
    bug: str,
    scenario: str | None,
    fixes: tuple[str, ...],
    target: str | None,
    newest: str | None,
    timeout: str | None,
    parameters: tuple[str, ...],
    jobs: int | None,
    resume: bool,
    sizes: tuple[str, ...],
    most: str,
    resolution: float,
    plot: Path | None,
    as_json: bool,
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
        scenario=scenario,
        target=target,
        newest=newest,
        parameters=parameters or None,
        most=most,
        resolution=resolution,
        jobs=jobs or 1,
        resume=resume,
    )
    if plot is not None:
        plot.write_bytes(shown.picture.png)
    if as_json:
        options.echo_json({"schema": SCHEMA, "bug": bug, "candidates": survival_json(shown.found)})
    else:
        options.echo(repr(shown))
    return 0
