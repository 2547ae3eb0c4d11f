"""``repro compare``: which fix is right, and what each one costs."""

from __future__ import annotations

from typing import Unpack

import click

from repro.cli import options


@click.command("compare")
@click.argument("bug")
@options.fixes
@options.comparison
@options.timeout
@options.jobs
@click.option("--size", metavar="SIZE", help="Random bytes in the shard, as 100MiB (default 96MiB).")
@options.scale
@options.memory
@click.option("--repetitions", type=click.IntRange(0, 1000), default=5, show_default=True, help="0: correctness only.")
@click.option("--cases", type=click.IntRange(1), help="Cases of the correctness gate.")
@options.as_json
def command(
    bug: str,
    fixes: tuple[str, ...],
    timeout: str | None,
    jobs: int | None,
    size: str | None,
    scale: bool,
    memory: str | None,
    repetitions: int,
    cases: int | None,
    as_json: bool,
    **where: Unpack[options.Comparison],
) -> int:
    """Compare the fixes of BUG: correctness first, then interleaved trials against upstream's newest release.

    A fix that embeds wrong bytes, loses nulls or changes the schema is out before anything is timed. A ratio of times
    takes five repetitions or more. Of a script, or a bug without a plan to measure, it counts whether it still shows.

    \b
    Example:
      repro compare embed-sliced-list --fix none --fix take --fix direct-embed --size 100MiB
      repro compare ./crash.py --fix my.patch --target "datasets==5.0.0"
    """
    from repro import bugs
    from repro.lab import Lab
    from repro.model import SCHEMA
    from repro.render.compare import comparison_json, sentences

    lab = Lab(memory=memory, timeout=timeout, quiet=as_json)
    if bugs.load(bug).comparison is None:
        lab.scripts.look_at(bug, target=where["target"], say=options.line_to_stderr(as_json))
        counts = lab.try_fixes(
            bug, fixes, scenario=where["scenario"], target=where["target"], parameters=where["parameters"], jobs=jobs
        )
        if as_json:
            options.echo_json({"schema": SCHEMA, "bug": bug, "fixes": counts.to_json()})
        else:
            options.echo(counts.fixes().to_text())
        return 0
    shown = lab.compare(
        bug,
        fixes=fixes,
        size=size,
        scale=scale,
        repetitions=repetitions,
        cases=cases,
        jobs=jobs or 1,
        **where,
    )
    if as_json:
        rows = comparison_json(shown.found, shown.columns)
        options.echo_json({"schema": SCHEMA, "bug": bug, "candidates": rows, "conclusion": sentences(shown.found)})
    else:
        options.echo(repr(shown))
    return 0
