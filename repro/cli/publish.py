"""``repro publish``: puts the latest report where it is committed."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("publish")
@click.option("--check", "only_check", is_flag=True, help="Only say whether what is published matches its evidence.")
@click.option(
    "--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Another folder than published/."
)
def command(only_check: bool, folder: Path | None) -> int:
    """Copy the latest evidence, and all that is rendered from it, to reports/published/, and write reports/claims.md.

    With --check the exit status is 0 if everything matches and 1 if not.

    Example: repro publish
    """
    from repro import places
    from repro.lab import Lab
    from repro.report.publish import check, publish

    store = Lab().store
    target = folder or (places.checkout() or Path.cwd()) / "reports" / "published"
    if only_check:
        faults = check(target, store)
        options.echo("\n".join(faults) if faults else f"{target.name}: everything matches its evidence")
        return 1 if faults else 0
    done = publish(store, target)
    options.echo(f"{done.files} files, {done.size / 1e6:.1f} MB in {done.folder}")
    for name in done.left_out:
        click.echo(f"left out, too large for GitHub to show: {name}", err=True)
    return 0
