"""``repro hunt``: random programs over datasets, until one is wrong."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("hunt")
@click.option("--target", default="latest", show_default=True, metavar="SPEC", help="The releases to hunt in.")
@click.option("--time", "most", metavar="TIME", default="10min", show_default=True, help="How long to hunt.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, other programs.")
@click.option("--only", metavar="NAMES", help="Only these operations, as cast,shard,shuffle.")
@click.option("--replay", is_flag=True, help="Only run what was found before.")
@click.option("--show", metavar="NAME", help="Only print one that was found before, as a script that stands alone.")
@options.as_json
def command(target: str, most: str, seed: int, only: str | None, replay: bool, show: str | None, as_json: bool) -> int:
    """Find faults nobody reported: random programs whose answer a small model knows.

    What was found before is replayed first. Each cause is made small, and written below reports/hunt/ as a script that
    stands alone. Exit status: 0 as expected, 1 something new, or something known that shows otherwise than before.

    \b
    Example:
      repro hunt --target "datasets==5.2.0 pyarrow==24.0.0" --time 10min --seed 7
    """
    from repro import places
    from repro.hunt import corpus
    from repro.hunt.campaign import campaign
    from repro.render.hunt import hunt_markdown, hunt_text
    from repro.units import parse_duration

    folder = places.reports() / "hunt"
    if show is not None:
        options.echo(corpus.kept_script(show, [*corpus.load(), *corpus.load(folder / "corpus.json")]), nl=False)
        return 0
    names = [name for one in (only or "").split(",") if (name := one.strip())]
    report = campaign(
        target,
        cache=places.cache(),
        folder=folder,
        seconds=0.0 if replay else parse_duration(most),
        seed=seed,
        only=names,
        say=options.line_to_stderr(as_json),
    )
    options.echo_json(report.to_json()) if as_json else options.echo(hunt_text(report))
    (folder / "hunt.md").write_text(hunt_markdown(report), encoding="utf-8")
    return 1 if report.new or report.changed else 0
