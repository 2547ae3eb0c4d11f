"""``repro regress``: is everything as it was, on the newest releases?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command("regress")
@click.argument("bugs", nargs=-1, metavar="[BUG]...")
@click.option("--target", default="latest", show_default=True, metavar="SPEC", help="The releases to check.")
@click.option("--trials", type=click.IntRange(1, 100_000), help="Trials of each race.")
@click.option("--memory", metavar="SIZE", help="Memory cap of each trial, as 1GiB.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Trials at a time at most (one a CPU).")
@click.option("--budget", metavar="SIZE", help="Memory for all trials together, as 4GiB (what is available).")
@click.option("--fresh", is_flag=True, help="Run everything again, also what is known.")
@click.option("--accept", is_flag=True, help="Expect from now on what was found; what was expected is kept as history.")
@click.option("--expected", type=click.Path(dir_okay=False), help="The file of expectations (reports/expected.json).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(bugs: tuple[str, ...], as_json: bool, accept: bool, expected: str | None, **given: Any) -> int:
    """Check all BUGs on the newest releases against reports/expected.json. Exit status: 0 as expected, 1 not.

    A release without an expectation of its own is held against the nearest older one. The findings are written below
    reports/regress/.

    \b
    Example:
      repro regress --target "datasets==5.2.0 pyarrow==24.0.0"
    """
    from repro import places
    from repro.lab import Lab
    from repro.render.regress import regress_json, regress_markdown, regress_text
    from repro.studies import regress

    lab = Lab()
    home = places.checkout()
    file = Path(expected) if expected else (home / "reports" if home else lab.store.root) / "expected.json"
    entries = regress.load(file)
    judged = lab.regress(bugs, entries, quiet=as_json, **given)
    folder = lab.store.root / "regress"
    folder.mkdir(parents=True, exist_ok=True)
    form = json.dumps(regress_json(judged), indent=2)
    (folder / "regress.json").write_text(lab.store.redactor.text(form) + "\n", encoding="utf-8")
    (folder / "regress.md").write_text(lab.store.redactor.text(regress_markdown(judged)), encoding="utf-8")
    if accept:
        regress.save(file, regress.accept(entries, [one.answer for one in judged]))
    click.echo(form if as_json else regress_text(judged))
    if accept and not as_json:
        click.echo(f"accepted in {file}")
    return 0 if accept or all(one.as_expected for one in judged) else 1
