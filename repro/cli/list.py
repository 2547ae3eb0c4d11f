"""``repro list``: the catalogue of bugs."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("list")
@options.as_json
def command(as_json: bool) -> int:
    """The bugs, their scenarios, fixes and parameters.

    Example: repro list
    """
    from repro import bugs
    from repro.render.catalogue import catalogue_json, catalogue_text

    known = [bugs.load(slug) for slug in bugs.slugs()]
    if as_json:
        options.echo_json(catalogue_json(known))
    else:
        options.echo(catalogue_text(known))
    return 0
