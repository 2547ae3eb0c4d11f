"""``repro run``: one question, one or more trials."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("run")
@click.argument("bug")
@options.scenario
@options.target
@options.memory
@options.timeout
@options.parameters
@options.fix
@options.trials
@options.jobs
@options.executor
@click.option("--memray", is_flag=True, help="A diagnostic run: what allocates, by file and line.")
@options.wrong_if
@options.as_json
def command(
    bug: str,
    scenario: str | None,
    target: str | None,
    memory: str | None,
    timeout: str | None,
    parameters: tuple[str, ...],
    fix: str | None,
    trials: int | None,
    jobs: int | None,
    executor: str | None,
    memray: bool,
    wrong_if: str | None,
    as_json: bool,
) -> int:
    """Run BUG, a name of 'repro list' or a script, in one environment.

    Exit status: 0 absent, 1 present, 125 cannot tell, 2 wrong usage.

    A race is run until it is settled: a few failures, or 35 trials without one. --trials fixes the number.

    \b
    Example:
      repro run embed-sliced-list --scenario shard-first --memory 2GiB \\
        --target "datasets==5.1.0 pyarrow==24.0.0"
      repro run ./crash.py --memory 1GiB --timeout 20s
    """
    from repro.lab import Lab
    from repro.run.executors import executor as running

    say = options.line_to_stderr(as_json)
    with running(executor, jobs, say) as where:
        lab = Lab(target, memory, timeout, reuse=False, quiet=as_json, executor=where)
        lab.scripts.look_at(bug, target=target, wrong_if=wrong_if, trials=trials, say=say)
        run = lab.run(
            bug, scenario=scenario, fix=fix, parameters=parameters, trials=trials, jobs=jobs, memray=memray, show=False
        )
    if as_json:
        options.echo_json(run.to_json())
    else:
        options.echo(repr(run))
    return run.status.exit_code
