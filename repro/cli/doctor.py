"""``repro doctor``: what this machine can do."""

from __future__ import annotations

from dataclasses import asdict

import click

from repro.cli import options


@click.command("doctor")
@options.as_json
def command(as_json: bool) -> int:
    """What this machine can do, a line each, and what to install for what is missing.

    Example: repro doctor
    """
    from repro.doctor import examine

    findings = examine()
    if as_json:
        options.echo_json([asdict(f) for f in findings])
    else:
        options.echo("\n".join(f.line() for f in findings))
    return 0 if all(f.fine or not f.needed for f in findings) else 1
