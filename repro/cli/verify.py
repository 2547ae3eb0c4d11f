"""``repro verify``: does the script in an issue text still fail as the text says?"""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options


@click.command("verify")
@click.argument("issue", metavar="ISSUE.md", type=click.Path(path_type=Path))
@click.option("--target", metavar="SPEC", help='Environment, as "datasets==5.2.0"; the newest releases by default.')
@click.option("--yes", is_flag=True, help="Run the script without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else (needs --yes).")
def command(issue: Path, target: str | None, yes: bool, as_json: bool) -> int:
    """Run the script of ISSUE.md again, under the limits that the text records, and compare how it fails.

    The script is shown first and runs only when you say so. Exit status: 0 fixed (or, in a
    release that is no newer than the recorded one, does not fail there), 1 still fails the same way, 125 fails
    differently or cannot be tested, 2 wrong usage.

    Example: repro verify reports/issues/embed-sliced-list.md --target "datasets==5.2.0"
    """
    from repro import places
    from repro.decide.failure import limits_words, read
    from repro.errors import UserError
    from repro.render.words import counted
    from repro.studies.verify import verify

    try:
        text = issue.read_text("utf-8")
    except OSError as error:
        raise UserError(f"cannot read {issue}: {error.strerror}; name an issue text") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{issue} is not a text in UTF-8; name an issue text") from error
    if as_json and not yes:
        raise UserError("--json asks no questions: add --yes to run the script in the text")
    script, record = read(text)
    if not as_json:
        options.echo(options.visible(script.rstrip()))
        options.echo(
            f"\nTo run in: {target or 'latest'} ({limits_words(record.limits)}, {counted(record.runs, 'run')} at most)"
        )
    if not yes:
        click.confirm("Run this script?", abort=True)
    found = verify(text, cache=places.cache(), target=target)
    if as_json:
        options.echo_json(found.to_json())
    else:
        words = " ".join(f"{k} {v}" for k, v in found.target.items() if k != "spec") or found.target.get("spec", "")
        options.echo(f"{found.answer.value.upper()} in {words}\n  {options.visible(found.reason)}")
    return found.answer.status.exit_code
