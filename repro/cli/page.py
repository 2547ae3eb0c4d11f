"""``repro page``: the page that shows it all, from the evidence kept so far."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("page")
def command() -> int:
    """Write reports/index.html, its twin index.md and the ledger of claims from the evidence kept so far.

    'repro report' ends with the same; this runs nothing.

    Example: repro page
    """
    from repro.lab import Lab
    from repro.report.pages import write_claims, write_page

    store = Lab().store
    for path in (write_claims(store), write_page(store)):
        options.echo(path)
    return 0
