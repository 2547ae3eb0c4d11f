"""``repro issue``: writes the text of an upstream issue."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("issue")
@click.argument("bug")
@click.option("--output", type=click.Path(dir_okay=False), help="Write the text there instead of below reports/.")
def command(bug: str, output: str | None) -> int:
    """Write the text of the upstream issue for BUG from the evidence kept so far.

    Example: repro issue embed-sliced-list
    """
    from repro.lab import Lab
    from repro.report import write_issue

    click.echo(write_issue(Lab().store, bug, Path(output) if output else None))
    return 0
