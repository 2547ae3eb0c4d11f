"""``repro report``: runs the notebooks and writes the reports."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("report")
@click.option("--bids-root", "own_data", metavar="FOLDER", help="Use your own BIDS folder as the input.")
@options.trials
@click.option("--memory", metavar="SIZE", help="Memory cap of the full-scale trials, as 2GiB.")
@click.option("--target", metavar="SPEC", help="The affected environment to look at.")
@click.option("--only", metavar="WORDS", help="Only the notebooks whose name holds these words.")
@options.fresh
def command(
    own_data: str | None,
    trials: int | None,
    memory: str | None,
    target: str | None,
    only: str | None,
    fresh: bool,
) -> int:
    """Run the notebooks and write the rendered evidence below reports/.

    Example: repro report --memory 2GiB
    """
    from repro.report.make import make_report

    return make_report(
        echo=options.echo, own_data=own_data, trials=trials, memory=memory, target=target, only=only, fresh=fresh
    )
