"""``repro clean``: removes scratch reports and leftovers."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("clean")
@click.option("--cache", "also_cache", is_flag=True, help="Also remove the generated inputs and environments.")
def command(also_cache: bool) -> int:
    """Remove scratch reports and whatever a killed run may have left behind.

    Example: repro clean --cache
    """
    from repro.housekeeping import clean_up

    for line in clean_up(also_cache):
        options.echo(line)
    return 0
