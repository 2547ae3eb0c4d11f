"""``repro report``: runs the notebooks and writes the reports."""

from __future__ import annotations

from functools import partial

import click

from repro.cli import options


@click.command("report")
@click.argument("script", required=False, metavar="[SCRIPT]")
@click.option("--bids-root", "own_data", metavar="FOLDER", help="Use your own BIDS folder as the input.")
@options.trials
@click.option("--memory", metavar="SIZE", help="Memory cap of the full-scale trials, as 2GiB.")
@click.option("--target", metavar="SPEC", help="The affected environment to look at.")
@click.option("--only", metavar="WORDS", help="Only the notebooks whose name holds these words.")
@click.option(
    "--depth", type=click.Choice(["quick", "full"]), default="quick", show_default=True,
    help="How much is tried: each thing once, or all releases, fixes and sizes.",
)  # fmt: skip
@options.fresh
@options.timeout
@click.option("--axis", metavar="AXIS", help="Of a script: the releases to look along, as 'datasets>=4.4'.")
def command(
    script: str | None,
    own_data: str | None,
    trials: int | None,
    memory: str | None,
    target: str | None,
    only: str | None,
    depth: str,
    fresh: bool,
    timeout: str | None,
    axis: str | None,
) -> int:
    """Run the notebooks and write the rendered evidence below reports/; of a failing SCRIPT, write its own report.

    \b
    Example:
      repro report --memory 2GiB
      repro report ./crash.py --target "datasets==5.0.0"
    """
    from repro.report.script import report_script

    if script is not None:
        return report_script(script, echo=options.echo, target=target, memory=memory, timeout=timeout, axis=axis)
    from repro.report.make import make_report

    return make_report(
        echo=options.echo,
        own_data=own_data,
        trials=trials,
        memory=memory,
        target=target,
        only=only,
        fresh=fresh,
        depth=depth,
        say=partial(click.echo, err=True),
    )
