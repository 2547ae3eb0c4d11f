"""``repro compare``: which fix is right, and what each one costs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def study(function: F) -> F:
    """Options of the studies that try fixes."""
    options = [
        click.option("--scenario", metavar="S", help="The situation to set up; see 'repro list'."),
        click.option(
            "--fix", "fixes", metavar="FIX", multiple=True, help="A fix by name or file; all if none is named."
        ),
        click.option("--target", metavar="SPEC", help="The affected environment that the fixes are tried in."),
        click.option("--newest", metavar="SPEC", help="Upstream's newest release, the yardstick."),
        click.option("--timeout", metavar="TIME", help="Wall time before a trial is called hung, as 120s."),
        click.option("--set", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter of the bug."),
        click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Untimed work at once."),
        click.option("--resume", is_flag=True, help="Go on with the same study where it was interrupted."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.command("compare")
@click.argument("bug")
@study
@click.option("--size", metavar="SIZE", help="Random bytes in the shard, as 100MiB (default 96MiB).")
@click.option("--scale", is_flag=True, help="The inputs at the scale of the report instead (sparse files).")
@click.option("--memory", metavar="SIZE", help="Memory cap of each trial, as 2GiB; 'none' for no cap.")
@click.option("--repetitions", type=click.IntRange(0, 1000), default=3, show_default=True, help="0: correctness only.")
@click.option("--cases", type=click.IntRange(1), help="Cases of the correctness gate.")
def command(bug: str, as_json: bool, **given: Any) -> int:
    """Compare the fixes of BUG: correctness first, then interleaved trials against upstream's newest release.

    A fix that embeds wrong bytes, loses nulls or changes the schema is out before anything is timed.

    \b
    Example:
      repro compare embed-sliced-list --fix none --fix take --fix direct-embed --size 100MiB
    """
    from repro.lab import Lab
    from repro.model import SCHEMA
    from repro.render.compare import comparison_json, sentences

    given["parameters"] = given["parameters"] or None
    shown = Lab().compare(bug, quiet=as_json, **given)
    if as_json:
        rows = comparison_json(shown.found)
        form = {"schema": SCHEMA, "bug": bug, "candidates": rows, "conclusion": sentences(shown.found)}
        click.echo(json.dumps(form, indent=2))
    else:
        click.echo(repr(shown))
    return 0
