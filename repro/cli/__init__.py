"""The command line: a module for each command, and one place where a mistake becomes a message."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from pkgutil import iter_modules

import click

from repro import __version__
from repro.errors import EnvironmentFault, UserError

USAGE_ERROR, CANNOT_TELL, INTERRUPTED = 2, 125, 130
"""Exit statuses: ``git bisect run`` takes 1 to 124, and so 2, for "bad", and 125 for "skip this commit"."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="repro")
def cli() -> None:
    """Reproduce, measure and report bugs of Hugging Face datasets and PyArrow.

    Example: repro run embed-sliced-list --scenario shard-first --target "datasets==5.1.0 pyarrow==24.0.0"
    """


# Each repro/cli/<name>.py defines ``command``; what they share is in options.py.
for room in iter_modules(__path__, f"{__name__}."):
    if not room.name.endswith(".options"):
        cli.add_command(import_module(room.name).command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every foreseeable mistake ends here as one line on stderr."""
    try:
        status = cli.main(arguments, prog_name="repro", standalone_mode=False)
    except EnvironmentFault as error:
        status = _say(error, CANNOT_TELL)
    except UserError as error:
        status = _say(error, USAGE_ERROR)
    except click.ClickException as error:
        status = _say(f"{error.format_message()} Try 'repro --help'.", USAGE_ERROR)
    except (click.Abort, KeyboardInterrupt):
        status = _say("interrupted; nothing is left running", INTERRUPTED)
    except Exception:  # Python's own status 1 would tell git bisect that the bug is present
        traceback.print_exc()
        status = _say("a fault of the kit, not of what it looks at: please report the lines above", CANNOT_TELL)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader is gone; Python's own flush at the end would change the status
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _say(message: object, status: int) -> int:
    line = " ".join(str(message).splitlines())  # what was typed is quoted back, and may hold a line break
    click.echo(f"repro: {line}", err=True)
    return status
