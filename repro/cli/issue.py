"""``repro issue``: writes the text of an upstream issue."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("issue")
@click.argument("bug")
@click.option(
    "--for",
    "project",
    type=click.Choice(["datasets", "arrow", "huggingface_hub"]),
    help="Whose template; the bug's by default.",
)
@click.option("--run", "run_first", is_flag=True, help="First run the script and the test that the text shows.")
@click.option("--full", is_flag=True, help="All there is, as far as GitHub takes it, in place of the short text.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there, not below reports/.")
@click.option("--show", is_flag=True, help="Print the text as well.")
def command(bug: str, project: str | None, run_first: bool, full: bool, output: Path | None, show: bool) -> int:
    """Write the text of the upstream issue for BUG from the evidence kept so far, and the test beside it.

    Example: repro issue embed-sliced-list --for datasets --run
    """
    from repro.lab import Lab
    from repro.report.issues import run_scripts, write_issue

    lab = Lab()
    if run_first:
        run_scripts(lab.store, lab.runner, bug, project, echo=options.line_to_stderr(False))
    say = options.line_to_stderr(False)
    path = write_issue(lab.store, bug, output, project=project, full=full, echo=say)
    options.echo(f"{path.read_text('utf-8')}\n" if show else "", nl=False)
    options.echo(path)
    return 0
