"""``repro bisect``: since when, until when, and because of which package."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("bisect")
@click.argument("bug")
@click.option("--axis", metavar="AXIS", help="datasets, pyarrow or python; or a range of it, as 'datasets>=4.4'.")
@click.option("--good", metavar="VERSION", help="A release without the bug; alone: search from it on.")
@click.option("--bad", metavar="VERSION", help="A release with the bug; alone: search up to it.")
@click.option("--all", "every", is_flag=True, help="Every change of what it shows, not one transition.")
@click.option("--grid", type=click.IntRange(1), help="With --all: no run of so many releases may hide between two.")
@click.option("--between", nargs=2, metavar="SPEC SPEC", help="Which package makes the difference between two targets.")
@options.scenario
@options.fix
@options.besides
@options.parameters
@options.scale
@options.memory
@options.timeout
@options.trials
@click.option("--batch", type=click.IntRange(1), default=1, show_default=True, help="For a race: trials a step.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="For a race: when to stop.")
@click.option("--most", type=click.IntRange(1), default=1000, show_default=True, help="For a race: trials in total.")
@options.fresh
@options.as_json
def command(
    bug: str,
    axis: str | None,
    good: str | None,
    bad: str | None,
    every: bool,
    grid: int | None,
    between: tuple[str, str] | None,
    scenario: str | None,
    fix: str | None,
    target: str | None,
    parameters: tuple[str, ...],
    scale: bool,
    memory: str | None,
    timeout: str | None,
    trials: int | None,
    batch: int,
    confidence: float,
    most: int,
    fresh: bool,
    as_json: bool,
) -> int:
    """Find the releases between which BUG begins, ends or changes. Exit status: 0 found, 1 not.

    A bare AXIS is the newest 30 releases. Both ends are tried first. Releases that cannot be tested are passed over
    and named; a different failure never counts as the bug. A race is bisected by probability.

    \b
    Examples:
      repro bisect embed-sliced-list --axis datasets --all
      repro bisect embed-sliced-list --axis datasets --bad 5.1.0 --good 5.2.0
      repro bisect exit-hang --axis pyarrow
      repro bisect embed-sliced-list --between "datasets==5.1.0 pyarrow==24.0.0" "datasets==5.2.0 pyarrow==26.0.0"
    """
    from repro.errors import UserError
    from repro.lab import Lab
    from repro.render.bisect import bisection_json, cause_json

    if (between is None) == (axis is None):
        raise UserError("name what to walk along: --axis datasets, or two targets: --between SPEC SPEC")
    if grid is not None and not every:
        raise UserError("--grid is for a search for every change: type --all with it")
    lab = Lab(memory=memory, timeout=timeout, reuse=not fresh, quiet=as_json)
    given, say = options.given_parameters(parameters, scale), options.line_to_stderr(as_json)
    if between is not None:
        cause = lab.releases.attribute(bug, *between, scenario=scenario, fix=fix, parameters=given, say=say)
        options.echo_json(cause_json(cause.cause)) if as_json else options.echo(repr(cause))
        return 0 if cause.cause.result.cause else 1
    shown = lab.releases.bisect(
        bug,
        axis or "",
        good=good,
        bad=bad,
        every=every,
        grid=grid,
        scenario=scenario,
        fix=fix,
        target=target,
        parameters=given,
        trials=trials,
        batch=batch,
        confidence=confidence,
        most=most,
        say=say,
    )
    options.echo_json(bisection_json(shown.found)) if as_json else options.echo(repr(shown))
    return 1 if shown.found.problem else 0
