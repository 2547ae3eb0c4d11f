"""``repro regress``: is everything as it was, on the newest releases?"""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("regress")
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@click.option("--target", default="latest", show_default=True, metavar="SPEC", help="The releases to check.")
@options.trials
@options.memory
@options.jobs
@options.executor
@options.budget
@options.fresh
@click.option("--accept", is_flag=True, help="Expect from now on what was found; what was expected is kept as history.")
@click.option("--expected", type=click.Path(dir_okay=False, path_type=Path), help="The file (reports/expected.json).")
@options.as_json
def command(
    bugs: tuple[str, ...],
    target: str,
    trials: int | None,
    memory: str | None,
    jobs: int | None,
    executor: str | None,
    budget: str | None,
    fresh: bool,
    accept: bool,
    expected: Path | None,
    as_json: bool,
) -> int:
    """Check all BUGs on the newest releases against reports/expected.json. Exit status: 0 as expected, 1 not.

    A release without an expectation of its own is held against the nearest older one. The findings are written below
    reports/regress/. What is untestable or unsettled is not accepted: --accept names it and ends with 1.

    \b
    Example:
      repro regress --target "datasets==5.2.0 pyarrow==24.0.0"
    """
    from repro import places
    from repro.lab import Lab
    from repro.render.regress import regress_json, regress_text
    from repro.report.pages import write_regress
    from repro.run.executors import executor as running
    from repro.studies import regress

    home = places.checkout()
    file = expected or (home / "reports" if home else places.reports()) / "expected.json"
    entries = regress.load(file)
    with running(executor, jobs, options.line_to_stderr(as_json)) as where:
        lab = Lab(memory=memory, reuse=not fresh, quiet=as_json, executor=where)
        judged = lab.releases.regress(bugs, entries, target=target, trials=trials, jobs=jobs, budget=budget)
    write_regress(lab.store, judged)
    options.echo_json(regress_json(judged)) if as_json else options.echo(regress_text(judged))
    if not accept:
        return 0 if all(one.as_expected for one in judged) else 1
    answers = [one.answer for one in judged]
    regress.save(file, regress.accept(entries, answers))
    refused = [one for one in answers if not one.acceptable]
    for one in refused:
        words = f"{one.bug}, {one.scenario}, fix {one.fix}, {one.where}: {one.status.value}"
        click.echo(f"  not accepted: {words}: {one.set['reason']}", err=True)
    if not as_json:
        options.echo(f"accepted {len(answers) - len(refused)} of {len(answers)} in {file}")
    return 1 if refused else 0
