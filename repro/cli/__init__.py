"""The command line: a function per command, one place where a mistake becomes a message."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, TypeVar

import click

from repro import __version__
from repro.errors import UserError

F = TypeVar("F", bound=Callable[..., Any])

USAGE_ERROR, KIT_FAULT, INTERRUPTED = 2, 125, 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="repro")
def cli() -> None:
    """Reproduce, measure and report bugs of Hugging Face datasets and PyArrow.

    Example: repro run embed-sliced-list --scenario shard-first --target "datasets==5.1.0 pyarrow==24.0.0"
    """


def common(function: F) -> F:
    """Options that say in which environment and under which limits a trial runs."""
    options = [
        click.option("--scenario", metavar="S", help="The situation to set up; see 'repro list'."),
        click.option("--target", metavar="SPEC", help='Environment, as "datasets==5.1.0 pyarrow==24.0.0" or latest.'),
        click.option("--memory", metavar="SIZE", help="Memory cap, as 2GiB; 'none' for no cap."),
        click.option("--timeout", metavar="TIME", help="Wall time before it is called hung, as 120s."),
        click.option("--set", "assignments", metavar="NAME=VALUE", multiple=True, help="A parameter of the bug."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@cli.command()
@click.argument("bug")
@common
@click.option("--fix", metavar="FIX", help="A fix by name, or a .patch or workaround file.")
@click.option("--trials", type=click.IntRange(1, 100_000), help="How often to run it (a race needs many).")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Trials at the same time.")
@click.option("--memray", is_flag=True, help="A diagnostic run: what allocates, by file and line.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(bug: str, assignments: tuple[str, ...], as_json: bool, trials: int | None, **given: Any) -> int:
    """Run BUG once or more in one environment. Exit status: 0 absent, 1 present, 125 cannot tell, 2 wrong usage.

    \b
    Example:
      repro run embed-sliced-list --scenario shard-first --memory 2GiB \\
        --target "datasets==5.1.0 pyarrow==24.0.0"
    """
    from repro.lab import Lab
    from repro.render.progress import progress
    from repro.render.text import run_text

    with progress(trials or 1, bug, quiet=as_json) as seen:
        result = Lab().run(bug, parameters=assignments, trials=trials, seen=seen, **given)
    click.echo(json.dumps(result.to_json(), indent=2) if as_json else run_text(result))
    return result.status.exit_code


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def list_(as_json: bool) -> int:
    """The bugs, their scenarios, fixes and parameters.

    Example: repro list
    """
    from repro import bugs
    from repro.render.text import catalogue_json, catalogue_text

    known = [bugs.load(slug) for slug in bugs.slugs()]
    click.echo(json.dumps(catalogue_json(known), indent=2) if as_json else catalogue_text(known))
    return 0


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def doctor(as_json: bool) -> int:
    """What this machine can do, a line each, and what to install for what is missing.

    Example: repro doctor
    """
    from dataclasses import asdict

    from repro.doctor import examine

    findings = examine()
    if as_json:
        click.echo(json.dumps([asdict(f) for f in findings], indent=2))
    else:
        click.echo("\n".join(f.line() for f in findings))
    return 0 if all(f.fine or not f.needed for f in findings) else 1


@cli.command()
@click.option("--bids-root", metavar="FOLDER", help="Use your own BIDS folder as the input.")
@click.option("--trials", type=click.IntRange(1, 100_000), help="Trials of each race.")
@click.option("--memory", metavar="SIZE", help="Memory cap of the full-scale trials, as 2GiB.")
@click.option("--target", metavar="SPEC", help="The affected environment to look at.")
@click.option("--only", metavar="WORDS", help="Only the notebooks whose name holds these words.")
@click.option("--fresh", is_flag=True, help="Measure everything again, also where nothing changed.")
def report(**given: Any) -> int:
    """Run the notebooks and write the rendered evidence below reports/.

    Example: repro report --memory 2GiB
    """
    from repro.report.make import make_report

    return make_report(echo=click.echo, **given)


@cli.command()
@click.option("--cache", "also_cache", is_flag=True, help="Also remove the generated inputs and environments.")
def clean(also_cache: bool) -> int:
    """Remove scratch reports and whatever a killed run may have left behind.

    Example: repro clean --cache
    """
    from repro.housekeeping import clean_up

    for line in clean_up(also_cache):
        click.echo(line)
    return 0


# Each repro/cli/<name>.py defines ``command``.
for room in iter_modules(__path__, f"{__name__}."):
    cli.add_command(import_module(room.name).command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every foreseeable mistake ends here as one line on stderr."""
    try:
        status = cli.main(arguments, prog_name="repro", standalone_mode=False)
    except UserError as error:
        line = " ".join(str(error).splitlines())  # what was typed is quoted back, and may hold a line break
        click.echo(f"repro: {line}", err=True)
        status = USAGE_ERROR
    except click.ClickException as error:
        click.echo(f"repro: {error.format_message()} Try 'repro --help'.", err=True)
        status = USAGE_ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("repro: interrupted; nothing is left running", err=True)
        status = INTERRUPTED
    except Exception:  # Python's own status 1 would tell git bisect that the bug is present
        traceback.print_exc()
        click.echo("repro: a fault of the kit, not of what it looks at: please report the lines above", err=True)
        status = KIT_FAULT
    sys.exit(status)
