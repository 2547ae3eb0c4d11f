"""``repro shrink``: the smallest script that still fails in the same way."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("shrink")
@click.argument("script", metavar="SCRIPT")
@options.target
@options.memory
@options.timeout
@options.wrong_if
@click.option("--healthy", metavar="SPEC", help="An environment where it passes, as what is left must; or none.")
@click.option("--time", "most", metavar="TIME", default="5min", show_default=True, help="How long at most.")
@options.jobs
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write it (crash.min.py).")
@options.fresh
@options.as_json
def command(
    script: str,
    target: str | None,
    memory: str | None,
    timeout: str | None,
    wrong_if: str | None,
    healthy: str | None,
    most: str,
    jobs: int | None,
    output: Path | None,
    fresh: bool,
    as_json: bool,
) -> int:
    """Make a failing SCRIPT smaller, as long as it fails with the same signature. Exit status: 0, or 125.

    Shrink Ray proposes; each candidate runs under the limits, in the environment. Ctrl-C ends it with the best so
    far, and typed again it goes on. A failure that the script finds itself (an assert, a hang, too much memory)
    needs an environment where the script passes: the last one in which it was seen to, or --healthy.

    \b
    Example:
      repro shrink ./crash.py --target "datasets==5.1.0" --healthy "datasets==5.2.0"
    """
    from repro.lab import Lab

    lab = Lab(target, memory, timeout, reuse=False, quiet=as_json)
    say = options.line_to_stderr(as_json)
    shown = lab.scripts.shrink(
        script, healthy=healthy, wrong_if=wrong_if, most=most, jobs=jobs, output=output, fresh=fresh, say=say
    )
    options.echo_json(shown.to_json()) if as_json else options.echo(repr(shown))
    return 0 if shown.believed else 125
