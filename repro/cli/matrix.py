"""``repro matrix``: which releases are affected, for all bugs and fixes at once."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("matrix")
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@click.option("--axis", "axes", metavar="AXIS", multiple=True, help="As 'pyarrow==24.0.0,25.0.0' (see above).")
@click.option("--target", default="", metavar="SPEC", help="What every target holds besides, as 'pyarrow==24.0.0'.")
@click.option("--scenario", "scenarios", metavar="S", multiple=True, help="Scenarios, or all.")
@click.option("--fix", "fixes", metavar="FIX", multiple=True, help="Fixes, or all; none if none is named.")
@click.option("--races", is_flag=True, help="Without BUG: also the bugs that are races (many trials each).")
@click.option("--trials", type=click.IntRange(1, 100_000), help="Trials of a race in each cell.")
@click.option(
    "--set", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter, for the bugs that have it."
)
@click.option("--scale", is_flag=True, help="The bugs' own inputs instead of small ones.")
@click.option("--memory", metavar="SIZE", help="Memory cap of each trial, as 2GiB.")
@click.option("--timeout", metavar="TIME", help="Wall time before a trial is called hung, as 120s.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Trials at a time at most (one a CPU).")
@click.option("--budget", metavar="SIZE", help="Memory for all trials together, as 4GiB (what is available).")
@click.option("--fresh", is_flag=True, help="Run every cell again, also those that are known.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(bugs: tuple[str, ...], as_json: bool, **given: Any) -> int:
    """Try BUGs (all deterministic ones if none is named) against releases, and write it below reports/matrix/.

    An AXIS is a range ('datasets>=4.4'), a list ('datasets==5.1.0,5.2.0') or a bare name (all releases), of datasets,
    pyarrow, python or huggingface-hub, or latest. What no axis names is the newest that resolves. Cells that were
    finished are not run again unless their probe, request or environment changed: an interrupted matrix goes on.

    \b
    Example:
      repro matrix embed-sliced-list --axis "datasets>=4.3" --axis "pyarrow==24.0.0,latest" --fix none --fix take
    """
    from repro.lab import Lab
    from repro.render.matrix import forms, matrix_json
    from repro.studies.matrix import SMALL

    scale, assignments = given.pop("scale"), given.pop("parameters")
    given["parameters"] = assignments or (() if scale else SMALL)
    lab = Lab()
    shown = lab.matrix(*bugs, quiet=as_json, **given)
    folder = lab.store.root / "matrix"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in forms(shown.matrix, folder).items():
        (folder / name).write_text(lab.store.redactor.text(text), encoding="utf-8")
        written.append(str(folder / name))
    if as_json:
        click.echo(json.dumps(matrix_json(shown.matrix), indent=2))
    else:
        click.echo("\n".join([repr(shown), "Open:", *(f"  {path}" for path in written)]))
    return 0
