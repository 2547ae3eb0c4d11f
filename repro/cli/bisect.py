"""``repro bisect``: since when, until when, and because of which package."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("bisect")
@click.argument("bug")
@click.option("--axis", metavar="AXIS", help="datasets, pyarrow or python; or a range of it, as 'datasets>=4.4'.")
@click.option("--good", metavar="VERSION", help="A release at one end, without the bug.")
@click.option("--bad", metavar="VERSION", help="A release at the other end, with the bug.")
@click.option("--all", "every", is_flag=True, help="Every change of the symptom, not one transition.")
@click.option("--grid", type=click.IntRange(1), help="With --all: no run of so many releases may hide between two.")
@click.option("--between", nargs=2, metavar="SPEC SPEC", help="Which package makes the difference between two targets.")
@click.option("--scenario", metavar="S", help="The situation to set up; see 'repro list'.")
@click.option("--fix", metavar="FIX", help="A fix by name or file.")
@click.option("--target", default="", metavar="SPEC", help="What is pinned besides, as 'pyarrow==24.0.0'.")
@click.option("--set", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter of the bug.")
@click.option("--scale", is_flag=True, help="The bug's own inputs instead of small ones.")
@click.option("--memory", metavar="SIZE", help="Memory cap, as 2GiB; 'none' for no cap.")
@click.option("--timeout", metavar="TIME", help="Wall time before a trial is called hung, as 120s.")
@click.option("--trials", type=click.IntRange(1), help="For a race: trials at each end, before the search.")
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="For a race: trials a step.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="For a race: when to stop.")
@click.option("--most", type=click.IntRange(1), default=1000, show_default=True, help="For a race: trials in total.")
@click.option("--fresh", is_flag=True, help="Do not use trials that are known.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(bug: str, as_json: bool, **given: Any) -> int:
    """Find the releases between which BUG begins, ends or changes. Exit status: 0 found, 1 not.

    A bare AXIS is the newest 30 releases. Both ends are tried first. Releases that cannot be tested are passed over
    and named; a different failure never counts as the bug. A race is bisected by probability.

    \b
    Examples:
      repro bisect embed-sliced-list --axis datasets --all
      repro bisect embed-sliced-list --axis datasets --bad 5.1.0 --good 5.2.0
      repro bisect exit-hang --axis pyarrow --trials 20
      repro bisect embed-sliced-list --between "datasets==5.1.0 pyarrow==24.0.0" "datasets==5.2.0 pyarrow==26.0.0"
    """
    from repro.errors import UserError
    from repro.lab import Lab
    from repro.render.bisect import cause_json, walk_json
    from repro.studies.matrix import SMALL

    between, axis = given.pop("between"), given.pop("axis")
    if (between is None) == (axis is None):
        raise UserError("name what to walk along: --axis datasets, or two targets: --between SPEC SPEC")
    if given["grid"] is not None and not given["every"]:
        raise UserError("--grid is for a search for every change: type --all with it")
    scale, assignments = given.pop("scale"), given.pop("parameters")
    given["parameters"] = assignments or (() if scale else SMALL)
    say = (lambda line: None) if as_json else (lambda line: click.echo(f"  {line}", err=True))
    if between is not None:
        asked = {name: given[name] for name in ("scenario", "fix", "parameters", "memory", "timeout", "fresh")}
        cause = Lab().attribute(bug, *between, say=say, **asked)
        click.echo(json.dumps(cause_json(cause.cause), indent=2) if as_json else repr(cause))
        return 0 if cause.cause.result.cause else 1
    shown = Lab().transitions(bug, axis, say=say, **given)
    click.echo(json.dumps(walk_json(shown.walk), indent=2) if as_json else repr(shown))
    if shown.walk.problem and shown.walk.result is not None and not as_json:  # not for a race
        click.echo("\nType --all for every change, or name releases that differ with --good and --bad.")
    return 1 if shown.walk.problem else 0
