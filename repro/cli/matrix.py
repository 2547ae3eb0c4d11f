"""``repro matrix``: which releases are affected, for all bugs and fixes at once."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("matrix")
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@click.option("--axis", "axes", metavar="AXIS", multiple=True, help="As 'pyarrow==24.0.0,25.0.0' (see above).")
@options.besides
@click.option("--scenario", "scenarios", metavar="S", multiple=True, help="Scenarios, or all.")
@options.fixes
@click.option("--races", is_flag=True, help="Without BUG: also the bugs that are races (many trials each).")
@options.trials
@options.parameters
@options.scale
@options.memory
@options.timeout
@options.jobs
@options.executor
@options.budget
@options.fresh
@options.as_json
def command(
    bugs: tuple[str, ...],
    axes: tuple[str, ...],
    target: str | None,
    scenarios: tuple[str, ...],
    fixes: tuple[str, ...],
    races: bool,
    trials: int | None,
    parameters: tuple[str, ...],
    scale: bool,
    memory: str | None,
    timeout: str | None,
    jobs: int | None,
    executor: str | None,
    budget: str | None,
    fresh: bool,
    as_json: bool,
) -> int:
    """Try BUGs (all deterministic ones if none is named) against releases, and write it below reports/matrix/.

    An AXIS is a range ('datasets>=4.4'), a list ('datasets==5.1.0,5.2.0') or a bare name (all releases), of datasets,
    pyarrow, python or huggingface-hub, or latest. What no axis names is the newest that resolves. Cells that were
    finished are not run again unless what decides them changed: an interrupted matrix goes on.

    \b
    Example:
      repro matrix embed-sliced-list --axis "datasets>=4.3" --axis "pyarrow==24.0.0,latest" --fix none --fix take
    """
    from repro.lab import Lab
    from repro.render.cells import matrix_json
    from repro.report.pages import write_matrix
    from repro.run.executors import executor as running

    with running(executor, jobs, options.line_to_stderr(as_json)) as where:
        lab = Lab(memory=memory, timeout=timeout, reuse=not fresh, quiet=as_json, executor=where)
        shown = lab.releases.matrix(
            *bugs,
            axes=axes,
            target=target,
            races=races,
            scenarios=scenarios,
            fixes=fixes,
            parameters=options.given_parameters(parameters, scale),
            trials=trials,
            jobs=jobs,
            budget=budget,
        )
    written = write_matrix(lab.store, shown.matrix)
    if as_json:
        options.echo_json(matrix_json(shown.shown))
    else:
        options.echo("\n".join([repr(shown), "Open:", *(f"  {path}" for path in written)]))
    return 0
